"""Forecasts: what comes next and when, as odds, from the project's own past."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from time import perf_counter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from rctrack.core.evidence import Instant
from rctrack.core.forecast import (
    Forecast,
    Past,
    Promise,
    cycles_of,
    eras,
    extras,
    final_of,
    finals_by,
    next_final,
    next_step,
    past_of,
    rhythm,
)
from rctrack.core.forecast.days import DayOdds, Weekdays, aged, day_odds
from rctrack.core.forecast.next import LATE_MASS
from rctrack.core.forecasting import facts_of
from rctrack.core.history import Fact, ShippedRelease
from rctrack.core.release import Precision
from rctrack.core.version import FeatureParts, Version
from rctrack.show.forecasts import by_words, due_words, era_words, final_words, in_words
from tests.support import given

SUNDAY = date(2020, 1, 5)
ONE_PART = FeatureParts((((), 1),))


def said(forecast: Forecast) -> str:
    """The forecast as people read it on the day of asking."""
    return due_words(facts_of(forecast), datetime.combine(forecast.asked_on, time(12), UTC))


def releases(*lines: str) -> list[Past]:
    """Releases written as "1.0-rc1 2020-01-05"."""
    return [Past(given.version(text), date.fromisoformat(day)) for text, day in map(str.split, lines)]


def weekly(cycles: int, candidates: int = 7, *, christmas: int | None = None) -> list[Past]:
    """Cycles of a project that releases on Sundays: rc1 after two weeks, then weekly, then the final."""
    day, past = SUNDAY, [Past(given.version("1.0"), SUNDAY)]
    for number in range(1, cycles + 1):
        length = candidates
        holds = any(day < date(day.year + n, 12, 25) <= day + timedelta(7 * (candidates + 2)) for n in (0, 1))
        if christmas and holds:
            length = christmas
        past += [
            Past(given.version(f"1.{number}-rc{rc}"), day + timedelta(7 * (rc + 1))) for rc in range(1, length + 1)
        ]
        day += timedelta(7 * (length + 2))
        past.append(Past(given.version(f"1.{number}"), day))
    return past


def irregular(*gaps: tuple[int, int]) -> list[Past]:
    """Cycles of one candidate, so many days after the final before and before its own final."""
    past, day = [Past(given.version("1.0"), SUNDAY)], SUNDAY
    for number, (first, second) in enumerate(gaps, start=1):
        past.append(Past(given.version(f"1.{number}-rc1"), day + timedelta(first)))
        day += timedelta(first + second)
        past.append(Past(given.version(f"1.{number}"), day))
    return past


def finals(*gaps: int) -> list[Past]:
    """Finals of a project that makes no candidates, so many days after one another."""
    past, day = [Past(given.version("1.0"), SUNDAY)], SUNDAY
    for number, gap in enumerate(gaps, start=1):
        day += timedelta(gap)
        past.append(Past(given.version(f"1.{number}"), day))
    return past


def ask(past: list[Past], *, asked_on: date | None = None, promise: Promise | None = None) -> Forecast:
    forecast = next_step(past, given.TWO_PARTS, UTC, asked_on=asked_on, promise=promise)
    assert forecast is not None
    return forecast


# --- Which step ------------------------------------------------------------------------------------


def test_a_weekly_project_is_expected_a_week_later() -> None:
    """With the odds of the step and of the day, and how many waits they rest on."""
    past = weekly(12)[:-3]
    forecast = ask(past)
    assert (forecast.step, forecast.point, forecast.version) == ("rc6", past[-1].day + timedelta(7), "1.12-rc6")
    assert forecast.odds > 0.85
    assert forecast.day_odds > 0.9
    assert forecast.cases == 20
    assert forecast.step_cases == forecast.step_times == 11


def test_the_first_candidate_is_expected_after_the_merge_window_and_has_no_number_yet() -> None:
    """Nobody knows what the next version is called."""
    forecast = ask(weekly(12))
    assert (forecast.step, forecast.version) == ("rc1", "rc1 after 1.12")
    assert forecast.point == forecast.since + timedelta(14)


def test_after_the_last_usual_candidate_the_final_is_expected_with_the_odds_of_one_more() -> None:
    """Twelve cycles end with rc7; what else may come is said too."""
    forecast = ask(weekly(12)[:-1])
    assert (forecast.step, forecast.version) == ("final", "1.12")
    assert [step for step, _ in forecast.steps] == ["final", "rc8"]
    assert sum(odds for _, odds in forecast.steps) == pytest.approx(1)


def test_candidates_that_were_given_up_years_ago_are_not_expected() -> None:
    """Many once, none in the last three cycles: the next step is the final, and the old waits are not its measure."""
    past = weekly(30, candidates=2)
    day = past[-1].day
    for number in range(31, 34):
        assert ask(past).step == "rc1"
        day += timedelta(61)
        past.append(Past(given.version(f"1.{number}"), day))
    assert ask(past).step == "final"
    assert 30 < (ask(past).point - day).days < 75


def test_candidates_that_came_back_are_expected_again() -> None:
    """Finals only for years, then three cycles with an rc1."""
    past = finals(*[60] * 12)
    day = past[-1].day
    for number in range(13, 16):
        past.append(Past(given.version(f"1.{number}-rc1"), day + timedelta(50)))
        day += timedelta(60)
        past.append(Past(given.version(f"1.{number}"), day))
    assert ask(past).step == "rc1"


def test_the_first_candidate_has_the_name_that_it_had_lately() -> None:
    """It was rc1 for years, and has been rc0 for three cycles."""
    past = irregular(*[(40, 10)] * 9)
    day = past[-1].day
    for number in range(10, 13):
        past += [
            Past(given.version(f"1.{number}-rc0"), day + timedelta(40)),
            Past(given.version(f"1.{number}-rc1"), day + timedelta(45)),
            Past(given.version(f"1.{number}"), day + timedelta(50)),
        ]
        day += timedelta(50)
    assert ask(past).step == "rc0"
    assert ask(past[:-1]).step == "final"
    assert ask(past[:-2]).step == "rc1"


def test_a_stage_is_followed_by_the_next_one_where_it_always_was() -> None:
    """Two betas, then rc1: beta3 is not expected."""
    past, day = [Past(given.version("1.0"), SUNDAY)], SUNDAY
    for number in range(1, 6):
        steps = ("beta1", "beta2", "rc1", "")
        past += [
            Past(given.version(f"1.{number}" + (f"-{step}" if step else "")), day + timedelta(30 + 7 * place))
            for place, step in enumerate(steps)
        ]
        day += timedelta(51)
    assert ask(past[:-2]).step == "rc1"
    assert ask(past[:-3]).step == "beta2"


def test_what_the_announcement_promised_counts() -> None:
    """One more candidate, although there never was one."""
    past = weekly(12)[:-1]
    more, last = ask(past, promise=Promise.CANDIDATE), ask(past, promise=Promise.FINAL)
    assert (more.step, more.odds) == ("rc8", 0.95)
    assert (last.step, last.odds) == ("final", 0.95)
    assert said(more).startswith("rc8, as announced; Sun ")
    assert ask(weekly(12), promise=Promise.CANDIDATE) == ask(weekly(12))


def test_a_step_that_nobody_has_taken_before_is_left_open() -> None:
    """An rc8, after seven in every cycle."""
    past = weekly(12)[:-1]
    forecast = ask([*past, Past(given.version("1.12-rc8"), past[-1].day + timedelta(7))])
    assert (forecast.step_cases, forecast.odds) == (0, 0.5)
    assert said(forecast).startswith("final or rc9; ")


# --- Which day -------------------------------------------------------------------------------------


def test_a_candidate_on_saturday_does_not_drag_the_next_one_along() -> None:
    """The weekday is the anchor, not the day before."""
    past = weekly(12)[:-3]
    slipped = [*past[:-1], Past(past[-1].version, past[-1].day - timedelta(1))]
    assert ask(slipped).point == ask(past).point
    assert ask(slipped).day_odds > 0.8


def test_a_weekday_that_is_kept_of_late_counts() -> None:
    """Ten Sundays in a row, whatever was before."""
    before = [SUNDAY - timedelta(n * 40 + n % 6) for n in range(1, 20)]
    sundays = [SUNDAY + timedelta(7 * n) for n in range(10)]
    assert rhythm(before) is None
    assert rhythm([*before, *sundays[:6]]) is None
    assert rhythm([*before, *sundays]) == 6


def test_releases_of_one_day_are_one_day_of_a_rhythm() -> None:
    """Twenty candidates on a Sunday are no habit of releasing on Sundays."""
    assert rhythm([SUNDAY] * 20) is None
    assert rhythm([SUNDAY] * 20 + [SUNDAY + timedelta(n) for n in range(1, 6)]) is None


def test_waits_of_no_day_leave_some_days_of_patience() -> None:
    """Days are whole days: what came within one is not overdue at noon of the next."""
    forecast = ask(irregular(*[(40 + number % 3, 0) for number in range(12)])[:-1])
    assert forecast.point == forecast.since
    assert forecast.overdue_at >= given.moment(f"{forecast.since + timedelta(2)} 12:00")


def test_waits_that_are_less_alike_give_wider_odds() -> None:
    """As after a step that was hardly ever made; where a weekday is kept one week is like another."""
    for kept, is_wider in ((None, True), (6, False)):
        weekdays = Weekdays((1.0,) * 7, kept)
        alike, other = (day_odds(aged([14, 13, 15, 14, 16], likeness), SUNDAY, weekdays) for likeness in (1.0, 0.5))
        assert (other.day_of(0.98) > alike.day_of(0.98) + timedelta(3)) is is_wider


def test_a_project_without_a_weekday_repeats_its_gaps() -> None:
    """The middle day, and an interval that holds the stated mass, as much of the rest before as behind it."""
    past = irregular((30, 9), (44, 12), (37, 11), (52, 8), (41, 10), (35, 9), (40, 11))[:-1]
    assert rhythm([release.day for release in past]) is None
    forecast = ask(past)
    assert abs((forecast.point - forecast.since).days - 10) <= 1
    assert forecast.mass >= 0.8
    assert forecast.days.by(forecast.first - timedelta(1)) <= 0.1
    assert forecast.days.by(forecast.last) >= 0.9


def test_the_youngest_waits_count_most() -> None:
    """Cycles have become twice as long."""
    past = finals(*[60, 61, 58, 62, 59, 60] * 2, *[118, 122, 119, 121, 120])
    assert 100 < (ask(past).point - past[-1].day).days < 130


def test_a_wait_may_be_shorter_or_longer_than_all_before() -> None:
    """Finals came after 5 to 9 days; 4 and 11 have their odds, 60 hardly any."""
    past = irregular(*[(40, 5 + number % 5) for number in range(20)])[:-1]
    forecast = ask(past)
    assert forecast.days.on(past[-1].day + timedelta(4)) > 0.01
    assert forecast.days.on(past[-1].day + timedelta(11)) > 0.005
    assert forecast.days.on(past[-1].day + timedelta(60)) < 0.0005


@pytest.mark.parametrize("cases", [3, 5, 8, 20])
def test_the_fewer_the_waits_the_wider_the_interval(cases: int) -> None:
    """The same spread of waits, known from few or from many."""
    gaps = [40 + 20 * (number % 3) for number in range(cases)]
    few, many = ask(finals(*gaps)), ask(finals(*gaps * 3))
    assert few.cases == cases
    assert few.last - few.first >= many.last - many.first
    assert few.overdue_at - given.moment(f"{few.since} 00:00") >= many.overdue_at - given.moment(f"{many.since} 00:00")


def test_days_that_have_passed_are_out_of_the_odds() -> None:
    """Asked on Tuesday, Sunday is over."""
    past = irregular(*[(40, 5 + number % 5) for number in range(20)])[:-1]
    asked = past[-1].day + timedelta(7)
    forecast = ask(past, asked_on=asked)
    assert forecast.days.first == forecast.asked_on == asked
    assert forecast.point >= asked
    assert sum(forecast.days.odds) == pytest.approx(1)


def test_long_after_every_likely_day_it_tells_when_it_was_due() -> None:
    """No odds are made up for today, and the year is named."""
    past = weekly(12)[:-3]
    forecast = ask(past, asked_on=past[-1].day + timedelta(400))
    assert forecast.is_past
    assert forecast.point == past[-1].day + timedelta(7)
    assert said(forecast) == f"rc6 was due {forecast.point:%a %-d %b %Y}"


def test_a_young_project_gets_no_forecast() -> None:
    """Two waits are no habit; nor is nothing."""
    assert next_step(weekly(1)[:3], given.TWO_PARTS, UTC) is None
    assert next_step(finals(60, 60), given.TWO_PARTS, UTC) is None
    assert next_step([], given.TWO_PARTS, UTC) is None
    assert next_step(finals(60, 60, 60), given.TWO_PARTS, UTC) is not None


def test_candidates_of_a_kind_that_is_new_are_told_by_how_long_cycles_are() -> None:
    """A dozen finals every 60 days, and now an rc1 after 50: what follows is not months away."""
    past = finals(*[60, 61, 59, 62] * 3)
    forecast = ask([*past, Past(given.version("1.13-rc1"), past[-1].day + timedelta(50))])
    assert forecast.step == "final"
    assert 5 <= (forecast.point - forecast.since).days <= 15


def test_a_hole_in_history_is_no_long_wait() -> None:
    """Of the cycle before, nothing is known between rc2 and the final: that tells nothing of what follows an rc2."""
    past = weekly(13)
    hole = [step for step in past if step.version.numbers == (1, 12) and step.version.candidate > 2]
    newest = [step for step in past if step.version.numbers < (1, 13) or 0 < step.version.candidate <= 2]
    whole, holed = ask(newest), ask([step for step in newest if step not in hole])
    assert whole.step == holed.step == "rc3"
    assert holed.overdue_at == whole.overdue_at
    assert next_final([step for step in newest if step not in hole], given.TWO_PARTS).days.point == (  # type: ignore[union-attr]
        next_final(newest, given.TWO_PARTS).days.point  # type: ignore[union-attr]
    )


def test_candidates_of_which_only_the_number_is_known_are_no_change_of_habit() -> None:
    """Of the last three cycles the days of all candidates are lost: without their numbers the final would be next."""
    past = weekly(20)
    lost = {step.version for step in past if step.version.numbers >= (1, 18) and not step.version.is_final}
    left = [step for step in past if step.version not in lost]
    assert ask(left).step == "final"
    forecast = next_step(left, given.TWO_PARTS, UTC, undated=lost)
    assert forecast is not None
    assert (forecast.step, forecast.point) == ("rc1", past[-1].day + timedelta(14))


def test_a_candidate_without_a_day_before_the_final_is_no_long_wait() -> None:
    """Of two cycles the day of the last candidate is lost: the final did not come two weeks after the one before."""
    past = irregular(*[(40, 10)] * 3)
    day = past[-1].day
    for number in range(4, 7):
        past += releases(f"1.{number}-rc1 {day + timedelta(40)}", f"1.{number} {day + timedelta(60)}")
        day += timedelta(60)
    newest = [*past, Past(given.version("1.7-rc1"), day + timedelta(40))]
    lost = [given.version(f"1.{number}-rc2") for number in (4, 5, 6)]
    assert ask(newest).point > newest[-1].day + timedelta(12)
    forecast = next_step(newest, given.TWO_PARTS, UTC, undated=lost)
    assert forecast is not None
    assert (forecast.cases, abs((forecast.point - newest[-1].day).days - 10) <= 1) == (3, True)


def test_finals_between_many_candidates_are_a_hole_in_history_and_no_change_of_habit() -> None:
    """Seven candidates, two cycles of which only the final is known, seven again: a table has a hole."""
    past = weekly(20)
    holed = [step for step in past if step.version.is_final or not (1, 10) < step.version.numbers < (1, 19)]
    assert ask(holed).step == "rc1"
    assert ask(holed).odds == pytest.approx(ask(past).odds, abs=0.01)
    assert ask(holed).point == ask(past).point


# --- Projects that make finals only, and point releases ----------------------------------------------


def test_a_project_that_makes_finals_only_gets_a_forecast() -> None:
    """On its own weekday, where it has one."""
    past = finals(*[56, 63, 56, 56, 49, 56, 56, 63, 56, 56, 56, 49])
    forecast = ask(past)
    assert (forecast.step, forecast.version) == ("final", "final after 1.12")
    assert forecast.point == forecast.since + timedelta(56)
    assert forecast.cases == 12


def test_point_releases_have_no_cadence_and_disturb_none() -> None:
    """1.5.1 between the candidates of 1.7, and a dozen between finals."""
    past = weekly(12)[:-3]
    between = Past(given.version("1.5.1"), past[-1].day)
    assert ask([*past, between]) == ask(past)
    assert len(cycles_of([*past, between], given.TWO_PARTS)) == 13
    plain = finals(*[60, 58, 61, 63] * 3)
    points = [Past(given.version(f"1.3.{number}"), SUNDAY + timedelta(240 + 41 * number)) for number in range(1, 12)]
    assert ask([*plain, *points]) == ask(plain)


def test_a_release_named_for_its_day_is_a_final() -> None:
    """Trees that are numbered by the day have a rhythm too."""
    days = [date(2020, 1, 20) + timedelta(120 * number + number % 3) for number in range(8)]
    past = [Past(given.version(f"{day:%Y%m%d}", "daily"), day) for day in days]
    forecast = ask(past)
    assert forecast.step == "final"
    assert abs((forecast.point - days[-1]).days - 120) < 10
    (final, *_) = finals_by(past, given.TWO_PARTS, days[-1] + timedelta(400))
    assert (final.ahead, final.text) == (1, "")


# --- Eras of numbering -----------------------------------------------------------------------------


DAYS_THEN_NUMBERS = releases(
    "20190301 2019-03-01",
    "20190315 2019-03-15",
    "20200518 2020-05-18",
    "20200710 2020-07-10",
    "3.2-rc1 2021-01-20",
    "3.2 2021-03-04",
    "3.3-rc1 2021-08-11",
    "3.3-rc2 2021-09-08",
    "3.3 2021-10-21",
    "3.4-rc1 2022-03-30",
    "3.4 2022-05-18",
)


def test_a_change_of_numbering_begins_a_new_era() -> None:
    """20200710 is no longer the newest release when 3.2-rc1 is there, and its past does not count for candidates."""
    old, new = eras(DAYS_THEN_NUMBERS)
    assert (old.newest.version.text, new.first.version.text, new.newest.version.text) == ("20200710", "3.2-rc1", "3.4")
    forecast = ask(DAYS_THEN_NUMBERS)
    assert (forecast.after.text, forecast.step) == ("3.4", "rc1")
    assert forecast.point > date(2022, 6, 15)
    assert [final.text for final in finals_by(DAYS_THEN_NUMBERS, given.TWO_PARTS, date(2024, 1, 1))] == []


def test_the_rhythm_of_an_older_era_helps_where_the_new_one_is_young() -> None:
    """One cycle of the new numbering alone would tell nothing."""
    young = DAYS_THEN_NUMBERS[:6]
    assert next_step(young[4:], given.TWO_PARTS, UTC) is None
    forecast = ask(young)
    assert (forecast.after.text, forecast.cases) == ("3.2", 3)


def test_numbers_that_only_grow_are_one_era() -> None:
    """Also 2.6.39 and 3.0, 9 and 10, 0.11 and 1.0; and an old branch that goes on begins none."""
    assert len(eras(weekly(3))) == 1
    assert len(eras(releases("2.6.39 2011-05-19", "3.0 2011-07-22", "19.4 2015-01-01", "20.0 2015-03-01"))) == 1
    assert len(eras(releases("0.11 2011-05-19", "1.0 2011-07-22"))) == 1
    branch = releases("20200711 2022-06-01")
    assert len(eras([*DAYS_THEN_NUMBERS, *branch])) == 2
    assert ask([*DAYS_THEN_NUMBERS, *branch]).after.text == "3.4"
    assert eras([]) == ()


def test_numbers_that_became_years_are_a_new_era_too() -> None:
    """1.3.4, then 2008.10."""
    old, new = eras(releases("1.3.3 2008-05-19", "1.3.4 2008-08-12", "2008.10-rc1 2008-09-09", "2008.10 2008-10-18"))
    assert (old.newest.version.text, new.newest.version.text) == ("1.3.4", "2008.10")


# --- Overdue ---------------------------------------------------------------------------------------


def test_overdue_begins_after_the_last_likely_day_and_a_margin() -> None:
    """Noon of the following day in the project's own zone, at the earliest."""
    zone = ZoneInfo("America/Los_Angeles")
    forecast = next_step(weekly(20)[:-3], given.TWO_PARTS, zone)
    assert forecast is not None
    due = forecast.overdue_at.astimezone(zone)
    assert due >= datetime.combine(forecast.point + timedelta(1), datetime.min.time(), zone) + timedelta(hours=12)
    assert due <= datetime.combine(forecast.point + timedelta(3), datetime.min.time(), zone)


def test_overdue_waits_for_nearly_all_of_the_odds() -> None:
    """A project without a weekday is late much later than on the day on which one would bet."""
    forecast = ask(irregular(*[(30 + 7 * (n * 5 % 11), 9 + n * 7 % 13) for n in range(1, 25)]))
    last = forecast.overdue_at.date() - timedelta(1)
    assert forecast.days.by(last) >= LATE_MASS > forecast.days.by(last - timedelta(1))
    assert last > forecast.point + timedelta(14)


def test_overdue_rests_on_the_odds_as_they_stood_when_the_release_came() -> None:
    """Asking later moves the days, and never the limit: else nothing would ever be late."""
    past = irregular(*[(40, 5 + number % 5) for number in range(20)])[:-1]
    asked = [ask(past, asked_on=past[-1].day + timedelta(later)) for later in (0, 6, 9, 100)]
    assert len({forecast.overdue_at for forecast in asked}) == 1
    assert [forecast.is_past for forecast in asked] == [False, False, False, True]


def test_what_is_overdue_was_due_and_is_not_put_off() -> None:
    """From the day on which it is overdue there are days left that have odds; they are not what was expected."""
    past = irregular(*[(40, 5 + number % 5) for number in range(20)])[:-1]
    last_likely = ask(past).overdue_at.date() - timedelta(1)
    on_time, late = (ask(past, asked_on=day) for day in (last_likely, last_likely + timedelta(1)))
    assert (on_time.is_past, on_time.point) == (False, last_likely)
    assert (late.is_past, late.point) == (True, ask(past).point)
    assert late.days.by(last_likely) < 1


# --- Cases that were wrong -------------------------------------------------------------------------


def test_a_project_that_gave_candidates_up_is_not_late_by_waits_of_eight_years_ago() -> None:
    """Candidates until 2018, then a final every other month: the next step is the final, two months on."""
    early = releases(
        "12-rc1 2017-01-10",
        "12 2017-03-21",
        "13-rc1 2017-05-04",
        "13 2017-05-30",
        "14-rc1 2017-08-01",
        "14 2017-12-04",
        "15-rc1 2018-02-05",
        "15 2018-03-01",
    )
    months = [date(2018 + month // 12, month % 12 + 1, 10) for month in range(3, 62, 2)]
    past = [*early, *(Past(given.version(str(number)), day) for number, day in enumerate(months, start=16))]
    forecast = next_step(past, ONE_PART, UTC, asked_on=date(2023, 3, 1))
    assert forecast is not None
    assert (forecast.after.text, forecast.step, forecast.odds > 0.9) == ("45", "final", True)
    assert "rc1" not in said(forecast)
    assert date(2023, 4, 1) <= forecast.point <= date(2023, 4, 20)
    assert forecast.overdue_at > given.moment("2023-04-20 00:00")


THREE_WAITS = releases(
    "0.11 2024-06-14",
    "1.0-rc1 2025-02-06",
    "1.0-rc2 2025-03-31",
    "1.0 2025-05-05",
    "1.1 2025-06-02",
    "1.2 2025-07-11",
    "1.3-rc1 2025-10-06",
    "1.3 2025-10-20",
    "1.4-rc1 2026-04-08",
    "1.4-rc2 2026-04-20",
    "1.4 2026-04-27",
)


def test_three_waits_that_ended_on_one_weekday_are_no_rhythm() -> None:
    """34, 12 and 24 weeks, two finals between: months are likely, no week is, and nothing is late before years."""
    forecast = ask(THREE_WAITS, asked_on=date(2026, 5, 1))
    assert (forecast.step, forecast.step_times, forecast.cases) == ("rc1", 3, 5)
    assert forecast.last - forecast.first > timedelta(180)
    assert forecast.day_odds < 0.2
    assert forecast.overdue_at > given.moment("2027-04-01 00:00")
    assert said(forecast).startswith("rc1, 3 of 6 times, else final; ")
    assert "5 of 5 had come by then" in said(forecast)
    assert "98" not in said(forecast)
    assert "%" not in said(forecast)


def test_few_waits_are_asked_about_months_later_without_a_word_of_late() -> None:
    """On 25 November nothing had been made for 30 weeks; one wait was 34."""
    forecast = ask(THREE_WAITS, asked_on=date(2026, 11, 25))
    assert not forecast.is_past
    assert forecast.last > date(2027, 2, 1)


# --- In words --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("odds", "sentence"),
    [(0.999, "19 in 20"), (0.93, "19 in 20"), (0.9, "9 in 10"), (0.76, "3 in 4"), (0.5, "1 in 2"), (0.01, "1 in 20")],
)
def test_odds_are_words_that_people_take_in_at_a_glance(odds: float, sentence: str) -> None:
    """Nothing is surer than 19 in 20."""
    assert in_words(odds) == sentence


def test_a_forecast_is_one_sentence_with_the_odds_of_the_step_and_of_the_day() -> None:
    """ "final, 3 in 4, else rc8; Sun 12 Apr": what is as good as sure goes without odds."""
    past = weekly(28)
    longer = [
        place for place, step in enumerate(past) if step.version.candidate == 7 and step.version.numbers[1] % 4 == 0
    ]
    for place in reversed(longer[:-1]):
        moved = [Past(step.version, step.day + timedelta(7)) for step in past[place + 1 :]]
        eighth = Past(given.version(f"1.{past[place].version.numbers[1]}-rc8"), past[place].day + timedelta(7))
        past = [*past[: place + 1], eighth, *moved]
    (last,) = [place for place, step in enumerate(past) if step.version.text == "1.27-rc7"]
    forecast = ask(past[: last + 1])
    sunday = past[last].day + timedelta(7)
    assert said(forecast).replace(", 19 in 20", "") == f"final, 3 in 4, else rc8; {sunday:%a %-d %b}"


def test_a_wide_forecast_names_the_likely_days_their_odds_and_the_likeliest() -> None:
    """The odds of the whole interval, never of a single day."""
    forecast = ask(irregular(*[(30 + 7 * (n * 5 % 11), 9 + n * 7 % 13) for n in range(1, 25)]))
    first, last, point = forecast.first, forecast.last, forecast.point
    assert forecast.mass < 0.85
    assert said(forecast) == f"rc1; {first:%-d %b} to {last:%-d %b}, 4 in 5, likeliest {point:%a %-d %b}"


def test_a_year_is_named_where_it_is_not_this_one() -> None:
    """Both ends of an interval, the likeliest day, and what was due."""
    past = finals(*[300, 330, 310, 320] * 3)
    forecast = ask(past)
    assert forecast.since.year < forecast.point.year
    assert f"likeliest {forecast.point:%a %-d %b %Y}" in said(forecast)
    assert f"to {forecast.last:%-d %b %Y}" in said(forecast)
    later = ask(past, asked_on=date(forecast.point.year, 1, 1))
    assert str(forecast.point.year) not in said(later)


def test_no_odds_are_made_of_few_cases() -> None:
    """They are counted out: how many of them had come by then."""
    sentence = said(ask(finals(50, 70, 61, 44, 58)))
    assert " of 5 had come by then" in sentence
    assert sentence.startswith("final, 6 of 6 times; ")
    assert " in " not in sentence.replace("had come by then", "")


def test_what_is_ahead_is_worded_with_its_odds_and_year() -> None:
    """As `rctrack forecast` prints it."""
    past = weekly(20)
    asked, by = past[-1].day, date(2023, 12, 31)
    finals_ahead = finals_by(past, given.TWO_PARTS, by, asked_on=asked)
    assert by_words(finals_ahead[:2], by, asked) == "by 31 Dec: 1.21, 19 in 20; 1.22, 19 in 20"
    assert by_words((), date(2024, 1, 1), asked) == "by 1 Jan 2024: no final"
    sunday = asked + timedelta(63)
    assert final_words(finals_ahead[0], asked).startswith(f"1.21: {sunday:%a %-d %b}, ")
    few = finals_by(finals(50, 70, 61, 44), given.TWO_PARTS, SUNDAY + timedelta(300))[0]
    assert "as 4 cycles went, likeliest" in final_words(few, SUNDAY)


def test_a_new_numbering_is_worded_once() -> None:
    """For doctor and try; nothing where there was none."""
    assert era_words(eras(DAYS_THEN_NUMBERS)) == "numbered anew with 3.2-rc1 since 2021-01-20, after 20200710"
    assert era_words(eras(weekly(3))) == ""


# --- Several cycles ahead --------------------------------------------------------------------------


def test_what_is_out_by_a_day_is_told_with_falling_odds() -> None:
    """The final of this cycle surely, the next perhaps, a third hardly."""
    past = weekly(20)[:-3]
    (first, second, *rest) = finals_by(past, given.TWO_PARTS, past[-1].day + timedelta(21 + 63))
    by = past[-1].day + timedelta(21 + 63)
    assert (first.text, second.text) == ("1.20", "1.21")
    assert (first.ahead, second.ahead) == (1, 2)
    assert first.odds_by(by) > 0.98
    assert 0.5 < second.odds_by(by) < 0.98
    assert all(final.odds_by(by) < 0.05 for final in rest)
    assert finals_by(past, given.TWO_PARTS, past[-1].day + timedelta(1)) == ()


def test_when_a_version_is_out_is_told_two_cycles_ahead() -> None:
    """A week's slip at most where no cycle was ever longer."""
    past = weekly(20)
    final = final_of(past, given.TWO_PARTS, given.version("1.22"))
    assert final is not None
    assert (final.ahead, final.days.point) == (2, past[-1].day + timedelta(126))
    assert final.days.on(final.days.point) > 0.6
    assert final.cases == 20


def test_after_a_candidate_that_was_never_made_the_final_is_told_by_how_long_cycles_are() -> None:
    """An rc8, six days after the rc7: cycles had a week left then, or two where they were longer."""
    past = [*weekly(20)[:-1]]
    past.append(Past(given.version("1.20-rc8"), past[-1].day + timedelta(6)))
    final = next_final(past, given.TWO_PARTS)
    assert final is not None
    assert 0 <= (final.days.point - past[-1].day).days <= 8


def test_what_cannot_be_counted_to_has_no_day() -> None:
    """It is out, too far, a candidate, a point release, or nothing is known."""
    past = weekly(20)
    for text in ("1.20", "1.3", "1.60", "1.22-rc1", "1.22.1", "4.0"):
        assert final_of(past, given.TWO_PARTS, given.version(text)) is None
    assert final_of([], given.TWO_PARTS, given.version("1.1")) is None
    assert next_final(finals(60, 60), given.TWO_PARTS) is None


def test_odds_ahead_add_up_and_never_come_back() -> None:
    """Each final is later than the one before it, and less likely by any day."""
    past = irregular(*[(30 + 7 * (n * 5 % 11), 9 + n * 7 % 13) for n in range(1, 15)])
    coming = finals_by(past, given.TWO_PARTS, past[-1].day + timedelta(400))
    assert len(coming) > 4
    for final in coming:
        assert sum(final.days.odds) == pytest.approx(1)
    for sooner, later in pairwise(coming):
        for ahead in range(0, 500, 13):
            day = past[-1].day + timedelta(ahead)
            assert later.odds_by(day) <= sooner.odds_by(day) + 1e-9


def test_days_that_have_passed_are_out_of_the_odds_ahead() -> None:
    """A late final moves all that follow."""
    past = weekly(20)
    late = past[-1].day + timedelta(75)
    on_time, delayed = (final_of(past, given.TWO_PARTS, given.version("1.22"), asked_on=day) for day in (None, late))
    assert on_time is not None
    assert delayed is not None
    assert delayed.days.first == late
    assert delayed.days.point > on_time.days.point
    assert next_final(past, given.TWO_PARTS, asked_on=date(2300, 1, 1)) is None


@pytest.mark.parametrize(
    ("numbered", "coming"),
    [
        (("5.18", "5.19", "6.0", "6.1", "6.19", "7.0", "7.18"), ["7.19", "8.0", "8.1"]),
        (("2.39.0", "2.40.0", "2.41.0", "2.42.0"), ["2.43.0", "2.44.0", "2.45.0"]),
        (
            ("2024.04", "2024.07", "2024.10", "2025.01", "2025.04", "2025.07", "2025.10", "2026.01", "2026.04"),
            ["2026.07", "2026.10", "2027.01"],
        ),
        (("3.4", "4.0", "4.1", "4.2", "4.3"), ["4.4", "4.5", "4.6"]),
        (("62", "63", "64", "65"), ["66", "67", "68"]),
        (("64.0", "65.0", "66.0", "67.0"), ["68.0", "69.0", "70.0"]),
    ],
)
def test_finals_ahead_are_called_as_the_project_counts(numbered: tuple[str, ...], coming: list[str]) -> None:
    """By ones or threes, with the parts and digits that it writes, anew where it always ended at the same number."""
    past = [Past(given.version(text), SUNDAY + timedelta(70 * place)) for place, text in enumerate(numbered)]
    parts = ONE_PART if coming[0].partition(".")[2] in ("", "0") else given.TWO_PARTS
    ahead = finals_by(past, parts, past[-1].day + timedelta(300))[:3]
    assert [final.text for final in ahead] == coming
    for final in ahead:
        assert given.version(final.text).numbers == final.numbers


def test_the_cycle_that_holds_christmas_is_longer_where_it_always_was() -> None:
    """One more candidate in winter, and only then: the odds of the long cycle are higher for it."""
    past = weekly(40, christmas=8)
    odds: dict[bool, list[float]] = {True: [], False: []}
    for place, release in enumerate(past):
        later = [other.day for other in past[place + 1 :] if other.version.is_final]
        if release.version.is_final and place > 150 and later:
            final = next_final(past[: place + 1], given.TWO_PARTS)
            assert final is not None
            odds[(later[0] - release.day).days == 70].append(final.days.on(release.day + timedelta(70)))
    assert len(odds[True]) > 2
    assert min(odds[True]) > max(odds[False])


# --- Which candidates are more than usual ------------------------------------------------------------


def numbered(*highest: int) -> list[Version]:
    """A final and its last candidate for each cycle; no candidate where 0 is given."""
    return [
        given.version(f"1.{number}" + (f"-rc{rc}" if rc else ""))
        for number, last in enumerate(highest, start=1)
        for rc in {0, last}
    ]


@pytest.mark.parametrize(
    ("past", "number", "is_extra"),
    [
        ((7, 7, 7, 7, 7), 7, False),
        ((7, 7, 7, 7, 7), 8, True),
        ((7, 7, 7, 8, 8, 8), 8, False),
        ((7, 7, 7, 7, 8, 8, 8), 8, True),
        ((7, 7, 7, 7), 9, False),
        ((7, 7, 0, 7, 7, 0, 0), 9, False),
        ((7, 7, 0, 7, 7, 0, 7), 9, True),
        ((9,) * 20 + (7,) * 11, 8, True),
    ],
)
def test_a_candidate_is_extra_when_its_number_is_above_the_usual(
    past: tuple[int, ...], number: int, is_extra: bool
) -> None:
    """The median of the last twenty cycles whose candidates are known, of which there are five."""
    version = given.version(f"1.99-rc{number}")
    for known in (numbered(*past), numbered(*past)[::-1], [*numbered(*past), given.version("1.99-rc30"), version]):
        assert (version.id in extras([*known, version], given.TWO_PARTS)) is is_extra


def test_finals_and_point_releases_are_never_extra() -> None:
    """And a point release's candidates do not make a cycle."""
    known = [*numbered(1, 1, 1, 1, 1), *(given.version(f"1.5.{n}-rc9") for n in range(1, 30))]
    assert given.version("1.6").id not in extras([*known, given.version("1.6")], given.TWO_PARTS)
    assert given.version("1.5.30-rc10").id not in extras([*known, given.version("1.5.30-rc10")], given.TWO_PARTS)
    assert given.version("1.6-rc2").id in extras([*known, given.version("1.6-rc2")], given.TWO_PARTS)


# --- The days of the past ----------------------------------------------------------------------------


def test_our_own_sources_are_believed_before_shipped_history() -> None:
    """And a fact that is good to a day keeps its day in every zone."""
    shipped = [
        ShippedRelease(
            given.version(version), Fact(given.instant(f"{day} 12:00"), Precision.DAY, "x"), None, None, None, None
        )
        for version, day in (("1.0", "2020-01-05"), ("1.1", "2020-03-01"))
    ]
    dated = [(given.version("1.1"), given.moment("2020-03-02 02:00"))]
    for zone, day in (("Pacific/Auckland", 2), ("America/Los_Angeles", 1)):
        past = past_of(shipped, dated, ZoneInfo(zone))
        assert [release.day for release in past] == [date(2020, 1, 5), date(2020, 3, day)]


def test_instants_late_in_the_day_count_in_the_projects_own_zone() -> None:
    """Sunday evening in Portland is Monday in UTC."""
    fact = Fact(Instant(given.moment("2026-06-15 02:00")), Precision.SECOND, "x")
    old = [ShippedRelease(given.version("1.0"), fact, None, None, None, None)]
    assert past_of(old, (), ZoneInfo("America/Los_Angeles"))[0].day == date(2026, 6, 14)


# --- Whatever the past -------------------------------------------------------------------------------


VERSIONS = st.builds(
    lambda minor, rc: given.version(f"1.{minor}-rc{rc}" if rc else f"1.{minor}"), st.integers(0, 12), st.integers(0, 4)
)
DATED = st.integers(20190101, 20191231).map(lambda number: given.version(str(number)))
DAYS = st.integers(0, 3000).map(lambda n: SUNDAY + timedelta(n))
PASTS = st.lists(st.builds(Past, VERSIONS | DATED, DAYS), max_size=60, unique_by=lambda release: release.version)


@for_all(PASTS, st.none() | DAYS, st.none() | st.sampled_from(Promise))
def test_any_past_gives_odds_that_add_up_or_nothing(
    past: list[Past], asked_on: date | None, promise: Promise | None
) -> None:
    """Not before the day of asking, the point among the likely days; the same for any order."""
    forecast = next_step(past, given.TWO_PARTS, UTC, asked_on=asked_on, promise=promise)
    assert forecast == next_step(past[::-1], given.TWO_PARTS, UTC, asked_on=asked_on, promise=promise)
    if forecast is None:
        return
    assert sum(forecast.days.odds) == pytest.approx(1)
    assert sum(odds for _, odds in forecast.steps) == pytest.approx(1)
    assert forecast.first <= forecast.point <= forecast.last
    assert forecast.days.on(forecast.point) > 0
    assert forecast.mass >= 0.8 - 1e-6
    assert forecast.days.first >= forecast.since
    assert forecast.is_past or forecast.days.first >= forecast.asked_on
    assert 0 <= forecast.came <= forecast.cases <= 20
    assert forecast.cases >= 3
    assert 0 <= forecast.step_times <= forecast.step_cases
    assert forecast.overdue_at.date() > forecast.since
    assert said(forecast)


@for_all(PASTS, DAYS)
def test_any_past_gives_finals_that_are_out_with_odds_or_none(past: list[Past], by: date) -> None:
    """In the order in which they come."""
    coming = finals_by(past, given.TWO_PARTS, by)
    assert coming == finals_by(past[::-1], given.TWO_PARTS, by)
    assert [final.ahead for final in coming] == list(range(1, len(coming) + 1))
    assert all(0 < final.odds_by(by) <= 1 for final in coming)


@for_all(st.lists(st.integers(0, 4000), min_size=1, max_size=20), st.none() | st.integers(0, 6))
def test_any_waits_give_odds_that_add_up(waits: list[int], kept: int | None) -> None:
    """Also waits of no day and of eleven years."""
    odds = day_odds(aged(waits), SUNDAY, Weekdays((1.0,) * 7, kept))
    assert sum(odds.odds) == pytest.approx(1)
    assert all(chance >= 0 for chance in odds.odds)
    assert odds.by(odds.day_of(0.5)) >= 0.5 - 1e-9
    first, last = odds.interval(0.8)
    assert odds.between(first, last) == pytest.approx(odds.by(last) - odds.by(first - timedelta(1)))


def test_the_days_between_which_odds_lie_leave_as_much_before_as_behind() -> None:
    """On ten even days the middle eight hold four fifths."""
    odds = DayOdds(SUNDAY, (0.1,) * 10)
    assert odds.interval(0.8) == (SUNDAY + timedelta(0), SUNDAY + timedelta(8))
    assert odds.on(SUNDAY - timedelta(1)) == odds.on(SUNDAY + timedelta(10)) == 0.0
    assert odds.by(SUNDAY - timedelta(1)) == 0.0
    assert odds.by(SUNDAY + timedelta(99)) == pytest.approx(1)
    later = odds.from_day(SUNDAY + timedelta(1))
    assert later is not None
    assert (later.first, len(later.odds)) == (SUNDAY + timedelta(1), 9)
    left = odds.from_day(SUNDAY + timedelta(5))
    assert left is not None
    assert left.odds == pytest.approx((0.2,) * 5)
    assert odds.from_day(SUNDAY + timedelta(10)) is None


def test_a_forecast_is_quick_enough_to_make_hundreds_at_a_start() -> None:
    """A hundred on twenty years of weekly candidates, in seconds even on a machine that has other work to do."""
    past = weekly(100)
    begun = perf_counter()
    for _ in range(100):
        ask(past)
    assert perf_counter() - begun < 3

"""Cadence: the next release and the final as odds over days, from the project's own past."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from rctrack.core.evidence import Instant
from rctrack.core.forecast import (
    Forecast,
    Past,
    Said,
    Target,
    cycles_of,
    extras,
    forecast,
    overdue_at,
    past_of,
    rhythm,
    words,
)
from rctrack.core.history import Fact, ShippedRelease
from rctrack.core.release import Precision
from rctrack.core.version import Version
from tests.support import given

SUNDAY = date(2020, 1, 5)


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


def ask(
    past: list[Past], target: Target = Target.NEXT, *, asked_on: date | None = None, said: Said | None = None
) -> Forecast:
    made = forecast(past, given.TWO_PARTS, target, asked_on=asked_on, said=said)
    assert made is not None
    return made


def test_a_weekly_project_is_expected_a_week_later() -> None:
    """In the words of `status`."""
    past = weekly(12)[:-3]
    made = ask(past)
    assert (made.expected, made.point) == ("rc6", past[-1].day + timedelta(7))
    assert made.odds(made.point) > 0.9
    assert words(made).startswith(f"rc6 due Sun {made.point:%-d %b} (9")
    assert words(made).endswith(" %)")


def test_a_candidate_on_saturday_does_not_drag_the_next_one_along() -> None:
    """The weekday is the anchor, not the day before."""
    past = weekly(12)[:-3]
    slipped = [*past[:-1], Past(past[-1].version, past[-1].day - timedelta(1))]
    assert ask(slipped).point == ask(past).point


def test_the_first_candidate_is_expected_after_the_merge_window() -> None:
    """And the final weeks later."""
    past = weekly(12)
    assert (ask(past).expected, ask(past).point) == ("rc1", past[-1].day + timedelta(14))
    assert ask(past, Target.FINAL).point == past[-1].day + timedelta(63)


def test_after_the_last_usual_candidate_the_final_is_expected_with_the_odds_of_one_more() -> None:
    """Twelve cycles end with rc7."""
    past = weekly(12)[:-1]
    assert ask(past).expected == "final"
    assert ask(past, Target.FINAL).point == past[-1].day + timedelta(7)


def test_the_cycle_that_holds_christmas_is_longer_where_it_always_was() -> None:
    """One more candidate in winter, and only then; a few winters make it likelier than not."""
    past = weekly(40, christmas=8)
    asked = 0
    for index, each in enumerate(past):
        if each.version.is_final and index > 150 and index + 10 < len(past):
            made = ask(past[: index + 1], Target.FINAL)
            final = next(later for later in past[index + 1 :] if later.version.is_final)
            is_long = (final.day - each.day).days == 70
            asked += is_long
            assert (made.odds(each.day + timedelta(70)) > 0.5) is is_long
    assert asked > 2


def test_the_first_christmas_of_a_weekly_project_costs_a_week() -> None:
    """Nothing of the kind was seen yet: the prior speaks."""
    past = [each for each in weekly(6) if each.day <= date(2020, 11, 15)]
    newest = max(each for each in range(len(past)) if past[each].version.is_final)
    made = ask(past[: newest + 1], Target.FINAL)
    assert made.since == date(2020, 11, 15)
    assert made.point == made.since + timedelta(70)


def test_a_project_that_never_minds_christmas_is_not_expected_to() -> None:
    """Four winters are evidence enough against the prior."""
    past = [each for each in weekly(40) if each.day < date(2024, 12, 20)]
    newest = max(each for each in range(len(past)) if past[each].version.is_final)
    made = ask(past[: newest + 1], Target.FINAL)
    assert made.since < date(2024, 12, 25) < made.since + timedelta(63)
    assert made.point == made.since + timedelta(63)


def test_a_weekday_that_is_kept_of_late_counts() -> None:
    """Ten Sundays in a row, whatever was before."""
    before = [SUNDAY - timedelta(n * 40 + n % 6) for n in range(1, 20)]
    sundays = [SUNDAY + timedelta(7 * n) for n in range(10)]
    assert rhythm(before) is None
    assert rhythm([*before, *sundays[:6]]) is None
    assert rhythm([*before, *sundays]) == 6


def by_days(cycles: int) -> list[Past]:
    """Three candidates on any weekday and the final, always on a Tuesday, 5 to 9 days after the last of them."""
    tuesday = SUNDAY + timedelta(2)
    past = [Past(given.version("1.0"), tuesday)]
    for number in range(1, cycles + 1):
        tuesday += timedelta(49)
        past += [
            Past(
                given.version(f"1.{number}-rc{rc}"), tuesday - timedelta(30 - 8 * rc + number * (rc + 1) % 5 - rc // 3)
            )
            for rc in (1, 2, 3)
        ]
        past.append(Past(given.version(f"1.{number}"), tuesday))
    return past


def test_a_step_is_expected_on_the_weekdays_of_its_own_kind() -> None:
    """A quarter of all releases came on a Tuesday, but all finals."""
    past = by_days(21)
    assert rhythm([each.day for each in past]) is None
    waits = set()
    for cycle in range(17, 22):
        until = 4 * cycle
        made = ask(past[:until], Target.FINAL)
        waits.add((past[until].day - made.since).days)
        assert made.point == past[until].day
    assert waits == {5, 6, 7, 8, 9}


def test_a_wait_may_be_shorter_or_longer_than_all_before() -> None:
    """Finals came after 5 to 9 days; 4 and 10 have their odds."""
    past = by_days(21)[:-1]
    made = ask(past, Target.FINAL)
    assert made.odds(past[-1].day + timedelta(4)) > 0.001
    assert made.odds(past[-1].day + timedelta(10)) > 0.001
    assert made.odds(past[-1].day + timedelta(30)) < 0.001


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


def test_what_the_announcement_promised_counts() -> None:
    """One more candidate, although there never was one."""
    past = weekly(12)[:-1]
    assert (ask(past, said=Said.ONE_MORE).expected, ask(past, said=Said.LAST_CANDIDATE).expected) == ("rc8", "final")


def test_a_project_without_a_weekday_repeats_its_gaps() -> None:
    """The middle day, and an interval that holds the stated mass."""
    past, day = [Past(given.version("1.0"), SUNDAY)], SUNDAY
    for number, (first, second) in enumerate([(30, 9), (44, 12), (37, 11), (52, 8), (41, 10), (35, 9)], start=1):
        past.append(Past(given.version(f"1.{number}-rc1"), day + timedelta(first)))
        day += timedelta(first + second)
        past.append(Past(given.version(f"1.{number}"), day))
    assert rhythm([each.day for each in past]) is None
    made = ask([*past, Past(given.version("1.7-rc1"), day + timedelta(40))])
    assert abs((made.point - (day + timedelta(50))).days) <= 1
    first_day, last_day = made.interval(0.8)
    assert first_day <= day + timedelta(49) <= last_day
    assert sum(odds for at, odds in made.days if first_day <= at <= last_day) >= 0.8


def test_days_that_have_passed_are_out_of_the_odds() -> None:
    """Asked on Tuesday, Sunday is over."""
    past = weekly(12)[:-3]
    asked = past[-1].day + timedelta(9)
    made = ask(past, asked_on=asked)
    assert made.days[0][0] >= asked
    assert made.point > asked


def test_long_after_every_likely_day_it_says_when_it_was_due() -> None:
    """No odds are made up for today."""
    past = weekly(12)[:-3]
    made = ask(past, asked_on=past[-1].day + timedelta(400))
    assert made.point == past[-1].day + timedelta(7)
    assert words(made) == f"rc6 was due {made.point:%a %-d %b %Y}"


def test_a_hole_in_history_is_no_long_wait() -> None:
    """Of the cycle before, nothing is known between rc2 and the final: that says nothing of what follows an rc2."""
    past = weekly(13)
    hole = [each for each in past if each.version.numbers == (1, 12) and each.version.candidate > 2]
    newest = [each for each in past if each.version.numbers < (1, 13) or 0 < each.version.candidate <= 2]
    whole, holed = ask(newest), ask([each for each in newest if each not in hole])
    assert whole.expected == holed.expected == "rc3"
    assert overdue_at(holed, UTC) == overdue_at(whole, UTC)
    assert ask(newest, Target.FINAL).point == ask([each for each in newest if each not in hole], Target.FINAL).point


def test_a_young_project_gets_no_forecast() -> None:
    """Two gaps are no habit; nor is nothing."""
    assert forecast(weekly(2)[:-3], given.TWO_PARTS, Target.NEXT) is not None  # seven candidates are habit enough
    assert forecast(weekly(1), given.TWO_PARTS, Target.FINAL) is None
    assert forecast([], given.TWO_PARTS, Target.NEXT) is None


def test_point_releases_have_no_cadence_and_disturb_none() -> None:
    """1.5.1 between the candidates of 1.7."""
    past = weekly(12)[:-3]
    between = Past(given.version("1.5.1"), past[-1].day)
    assert ask([*past, between]) == ask(past)
    assert len(cycles_of([*past, between], given.TWO_PARTS)) == 13


def test_overdue_begins_after_the_last_likely_day_and_a_margin() -> None:
    """Noon of the following day in the project's own zone, at the earliest."""
    made = ask(weekly(20)[:-3])
    zone = ZoneInfo("America/Los_Angeles")
    due = overdue_at(made, zone).astimezone(zone)
    assert due >= datetime.combine(made.point + timedelta(1), datetime.min.time(), zone) + timedelta(hours=12)


def test_our_own_sources_are_believed_before_shipped_history() -> None:
    """And a fact that is good to a day keeps its day in every zone."""
    shipped = [
        ShippedRelease(
            given.version("1.0"), Fact(given.instant("2020-01-05 12:00"), Precision.DAY, "x"), None, None, None, None
        ),
        ShippedRelease(
            given.version("1.1"), Fact(given.instant("2020-03-01 12:00"), Precision.DAY, "x"), None, None, None, None
        ),
    ]
    seen = [(given.version("1.1"), given.moment("2020-03-02 02:00"))]
    for zone, day in (("Pacific/Auckland", 2), ("America/Los_Angeles", 1)):
        past = past_of(shipped, seen, ZoneInfo(zone))
        assert [each.day for each in past] == [date(2020, 1, 5), date(2020, 3, day)]


VERSIONS = st.builds(
    lambda minor, rc: given.version(f"1.{minor}-rc{rc}" if rc else f"1.{minor}"), st.integers(0, 12), st.integers(0, 4)
)
DAYS = st.integers(0, 3000).map(lambda n: SUNDAY + timedelta(n))
PASTS = st.lists(st.builds(Past, VERSIONS, DAYS), max_size=60)


@for_all(PASTS, st.sampled_from(Target), st.none() | DAYS, st.none() | st.sampled_from(Said))
def test_any_past_gives_odds_that_add_up_or_nothing(
    past: list[Past], target: Target, asked_on: date | None, said: Said | None
) -> None:
    """Ascending days, not before the day of asking, the point among them; the same for any order."""
    made = forecast(past, given.TWO_PARTS, target, asked_on=asked_on, said=said)
    assert made == forecast(past[::-1], given.TWO_PARTS, target, asked_on=asked_on, said=said)
    if made is None:
        return
    days = [day for day, _ in made.days]
    assert days == sorted(set(days))
    assert sum(odds for _, odds in made.days) == pytest.approx(1)
    assert made.point in days
    assert days[0] >= made.since
    assert made.is_past or days[0] >= max(made.since, asked_on or made.since)
    first, last = made.interval(0.8)
    assert sum(odds for day, odds in made.days if first <= day <= last) >= 0.8 - 1e-6
    assert overdue_at(made, UTC) > datetime.combine(made.point, datetime.min.time(), UTC)
    assert words(made)


def test_instants_late_in_the_day_count_in_the_projects_own_zone() -> None:
    """Sunday evening in Portland is Monday in UTC."""
    fact = Fact(Instant(given.moment("2026-06-15 02:00")), Precision.SECOND, "x")
    old = [ShippedRelease(given.version("1.0"), fact, None, None, None, None)]
    assert past_of(old, (), ZoneInfo("America/Los_Angeles"))[0].day == date(2026, 6, 14)


def test_what_was_promised_moves_the_final_by_a_week() -> None:
    """ "This is the last one" is the final next week; "one more" is a week later: nineteen times in twenty."""
    past = weekly(12)[:-1]
    sunday = past[-1].day
    for said, weeks in ((Said.LAST_CANDIDATE, 1), (Said.ONE_MORE, 2)):
        made = ask(past, Target.FINAL, said=said)
        assert made.point == sunday + timedelta(weeks=weeks)
        assert 0.85 < made.odds(made.point) <= 0.95


def test_overdue_waits_for_nearly_all_of_the_odds() -> None:
    """A project without a weekday is late much later than on the day on which one would bet."""
    day, past = SUNDAY, [Past(given.version("1.0"), SUNDAY)]
    for number in range(1, 25):
        day += timedelta(30 + 7 * (number * 5 % 11))
        past.append(Past(given.version(f"1.{number}-rc1"), day))
        day += timedelta(9 + number * 7 % 13)
        past.append(Past(given.version(f"1.{number}"), day))
    made = ask(past)
    spent = sum(
        odds for day, odds in made.days if datetime.combine(day, datetime.min.time(), UTC) < overdue_at(made, UTC)
    )
    assert 0.98 <= spent < 0.995
    assert overdue_at(made, UTC).date() > made.point + timedelta(14)

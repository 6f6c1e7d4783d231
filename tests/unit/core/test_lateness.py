"""Delays: open once with proof of life, raised once, closed with length and cause, or never."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta, timezone

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from rctrack.core.evidence import SourceId, Station
from rctrack.core.fold import fold
from rctrack.core.hosts import Health, Outage, OutageKind, State, health
from rctrack.core.lateness import (
    LIMITS,
    Archive,
    Cause,
    Delay,
    DelayKind,
    Ended,
    Expected,
    Review,
    TagHost,
    Watched,
    limit_of,
    related,
    review,
)
from rctrack.core.lateness.limits import Lags
from rctrack.core.look import Look, Outcome
from rctrack.core.release import Observation
from rctrack.core.version import VersionId
from tests.support import given

EXPECTS = frozenset({Station.ANNOUNCED, Station.TAGGED})
WELL = Health((), ())
RC6 = VersionId("3.1-rc6")

BEGAN = given.moment("2011-01-01 00:00")


def watched(
    alive: str | None = None, looked: str | None = None, mirror: str | None = None, well: Health = WELL
) -> Watched:
    """A project with a repository, a mirror where one is asked for, and a list; each seen up to then."""
    tags = [TagHost(given.PRIMARY, "primary.example", given.moment(looked) if looked else None)]
    if mirror:
        tags.append(TagHost(given.MIRROR, "mirror.example", given.moment(mirror)))
    began = given.moment("2011-01-01 00:00")
    archive = Archive(given.LIST, "lists.example", began, began, given.moment(alive) if alive else None)
    return Watched(given.PROJECT, tuple(tags), (archive,), EXPECTS, given.TWO_PARTS, BEGAN, (), well)


def look(
    seen: Iterable[Observation],
    project: Watched,
    now: str,
    record: Sequence[Delay] = (),
    expected: Expected | None = None,
) -> Review:
    """One look at the clock."""
    releases = fold(given.PROJECT, given.RULES, seen, {})
    return review(project, releases, record, expected, given.moment(now))


def rc6(
    source: SourceId = given.PRIMARY, seen: str = "2011-09-12 21:15", before: str = "2011-09-12 21:00"
) -> Observation:
    return given.tag("v3.1-rc6", "2011-09-12 21:02", given.sighting(source, seen, before))


def rc6_mail(written: str, delivered: str, seen: str = "2011-09-14 16:00") -> Observation:
    before = given.sighting(given.LIST, seen, "2011-09-14 15:45")
    return given.announcement("3.1-rc6", written, before, delivered=delivered)


class TestAnAnnouncementThatDoesNotCome:
    """The seed story: tagged on Monday, the mail on Wednesday."""

    def test_is_late_once_a_mail_newer_than_the_limit_was_seen_in_the_archive(self) -> None:
        """Nothing is said before the limit; after it, only what proves the archive alive makes it an alarm."""
        early = look([rc6()], watched(alive="2011-09-13 12:00"), "2011-09-13 12:00")
        assert (early.opened, early.silent) == ((), ())
        opened = look([rc6()], watched(alive="2011-09-13 22:00"), "2011-09-13 23:00").opened
        assert [(each.version, each.kind, each.ended) for each in opened] == [(RC6, DelayKind.ANNOUNCEMENT, None)]

    def test_is_not_accused_while_the_archive_is_silent(self) -> None:
        """No mail newer than the limit: "cannot tell"."""
        silent = look([rc6()], watched(alive="2011-09-13 20:00"), "2011-09-20 23:00")
        assert silent.opened == ()
        assert [wait.version for wait in silent.silent] == [RC6]

    def test_is_not_accused_while_one_of_its_archives_is_silent(self) -> None:
        """It may be in that one: each archive has to be alive."""
        project = watched(alive="2011-09-13 22:00")
        for alive in (None, "2011-09-13 20:00"):
            other = replace(
                project.archives[0], source=given.OTHER_LIST, alive_at=given.moment(alive) if alive else None
            )
            both = replace(project, archives=(*project.archives, other))
            found = look([rc6()], both, "2011-09-20 23:00")
            assert (found.opened, [each.version for each in found.silent]) == ((), [RC6])

    def test_is_closed_as_the_mails_fault_where_it_was_written_in_time(self) -> None:
        """Date on Monday, taken by the list's server on Wednesday."""
        record = look([rc6()], watched(alive="2011-09-13 22:00"), "2011-09-13 23:00").delays
        mail = rc6_mail("2011-09-12 21:30", "2011-09-14 15:30")
        end = look([rc6(), mail], watched(alive="2011-09-14 15:30"), "2011-09-14 16:00", record)
        assert [(each.cause, each.ended) for each in end.closed] == [(Cause.MAIL, Ended.CLOSED)]
        assert end.closed[0].length == timedelta(hours=42, minutes=28)
        assert (end.opened, end.recorded) == ((), ())

    def test_is_closed_as_the_projects_fault_where_it_was_written_late(self) -> None:
        """The same with the Date moved to Wednesday."""
        record = look([rc6()], watched(alive="2011-09-13 22:00"), "2011-09-13 23:00").delays
        mail = rc6_mail("2011-09-14 15:29", "2011-09-14 15:30")
        end = look([rc6(), mail], watched(alive="2011-09-14 15:30"), "2011-09-14 16:00", record)
        assert [each.cause for each in end.closed] == [Cause.PROJECT]

    def test_is_raised_once(self) -> None:
        """At four times the limit, and then not again."""
        project = watched(alive="2011-09-30 00:00")
        record = look([rc6()], project, "2011-09-13 23:00").delays
        raised = look([rc6()], project, "2011-09-20 00:00", record)
        assert [each.version for each in raised.raised] == [RC6]
        assert look([rc6()], project, "2011-09-25 00:00", raised.delays).raised == ()

    def test_ends_as_never_once_a_later_candidate_is_complete(self) -> None:
        """A tag without a mail, overtaken."""
        record = look([rc6()], watched(alive="2011-09-13 22:00"), "2011-09-13 23:00").delays
        seen = given.sighting(given.PRIMARY, "2011-09-21 21:15", "2011-09-21 21:00")
        rc7 = given.tag("v3.1-rc7", "2011-09-21 21:10", seen)
        told = given.announcement("3.1-rc7", "2011-09-21 21:20", given.sighting(given.LIST, "2011-09-21 22:00"))
        end = look([rc6(), rc7, told], watched(alive="2011-09-21 21:20"), "2011-09-21 22:00", record)
        assert [(each.version, each.ended) for each in end.closed] == [(RC6, Ended.NEVER)]
        assert look([rc6(), rc7, told], watched(alive="2011-09-22 21:20"), "2011-09-23 22:00", end.delays).opened == ()

    def test_is_nothing_while_we_are_offline(self) -> None:
        """No host answers: accuse nobody."""
        both = ("primary.example", "lists.example")
        away = health(
            Look(host, given.moment("2011-09-13 10:00") + timedelta(minutes=15 * n), Outcome.NO_ANSWER)
            for n in range(4)
            for host in both
        )
        assert away.offline
        assert look([rc6()], watched(alive="2011-09-13 22:00", well=away), "2011-09-13 23:00").opened == ()

    def test_is_counted_from_when_an_embargoed_tag_was_seen(self) -> None:
        """A tagger date of weeks ago that is new to us raises nothing."""
        old = given.tag(
            "v3.1-rc6", "2011-08-20 10:00", given.sighting(given.PRIMARY, "2011-09-12 21:15", "2011-09-12 21:00")
        )
        project = watched(alive="2011-09-13 22:00")
        assert look([old], project, "2011-09-13 02:00").opened == ()
        assert look([old], project, "2011-09-13 23:00").opened[0].since == given.moment("2011-09-12 21:15")

    def test_is_nothing_in_history(self) -> None:
        """A release that was old at our first look opens nothing."""
        old = given.tag("v3.1-rc6", "2011-09-12 21:02", given.sighting(given.PRIMARY, "2012-09-12 21:15"))
        assert look([old], watched(alive="2012-09-13 22:00"), "2012-09-13 23:00").delays == ()

    def test_is_nothing_where_the_project_has_no_such_habit(self) -> None:
        """Without `expects`, five announced releases of that kind are needed."""
        project = replace(watched(alive="2011-09-13 22:00"), expects=frozenset())
        assert look([rc6()], project, "2011-09-20 23:00").delays == ()

    @pytest.mark.parametrize(("announced", "is_late"), [(8, True), (7, False)])
    def test_is_late_where_four_of_five_candidates_were_announced(self, announced: int, is_late: bool) -> None:
        """Of the last ones of its kind: a dozen finals with their mails make no habit of candidates."""
        project = replace(watched(alive="2011-09-13 22:00"), expects=frozenset())
        history = given.sighting(given.PRIMARY, "2011-09-01 00:00")
        mails = given.sighting(given.LIST, "2011-09-01 00:00")
        seen: list[Observation] = [rc6()]
        for number in range(1, 11):
            day = f"2011-03-{number + 10:02d}"
            seen.append(given.tag(f"v3.0-rc{number}", f"{day} 12:00", history))
            if number <= announced:
                seen.append(given.announcement(f"3.0-rc{number}", f"{day} 12:05", mails))
            seen.append(given.tag(f"v2.{number}", f"{day} 15:00", history))
            seen.append(given.announcement(f"2.{number}", f"{day} 15:05", mails))
        opened = look(seen, project, "2011-09-13 23:00").opened
        assert [each.version for each in opened] == ([RC6] if is_late else [])


class TestOtherGaps:
    """Delivery, archive, mirror, tag and overdue."""

    def test_a_mail_held_for_a_day_is_recorded_as_delivery(self) -> None:
        """Over when first seen: for the record, no alarm. Then the archive kept it beyond a day, as our look proves."""
        tag = rc6()
        mail = rc6_mail("2011-09-12 21:30", "2011-09-13 08:30")
        found = look([tag, mail], watched(alive="2011-09-14 08:30"), "2011-09-14 16:00")
        late = [(DelayKind.DELIVERY, Cause.MAIL), (DelayKind.ARCHIVE, Cause.LIST_ARCHIVE)]
        assert [(each.kind, each.cause) for each in found.recorded] == late
        assert found.opened == ()

    def test_a_list_server_whose_clock_is_off_is_accused_of_nothing(self) -> None:
        """Forty minutes ahead or behind."""
        for delivered in ("2011-09-12 20:50", "2011-09-12 22:10"):
            mail = rc6_mail("2011-09-12 21:30", delivered, "2011-09-12 22:30")
            assert look([rc6(), mail], watched(alive="2011-09-14 08:30"), "2011-09-14 16:00").delays == ()

    def test_an_archive_that_stores_months_later_is_the_archives_fault(self) -> None:
        """Written and delivered in time, stored in June."""
        mail = given.announcement(
            "3.1-rc6",
            "2011-09-12 21:30",
            given.sighting(given.LIST, "2011-11-20 00:00", "2011-11-19 23:45"),
            delivered="2011-09-12 21:31",
            archived="2011-11-20 00:00",
        )
        found = look([rc6(), mail], watched(alive="2011-11-20 00:00"), "2011-11-20 00:00")
        assert [(each.kind, each.where, each.cause) for each in found.recorded] == [
            (DelayKind.ARCHIVE, "lists.example", Cause.LIST_ARCHIVE)
        ]

    @pytest.mark.parametrize(
        ("stores_since", "kinds"), [("2011-09-01", [DelayKind.ARCHIVE]), ("2011-11-20", []), (None, [])]
    )
    def test_what_came_with_the_first_fill_of_an_archive_was_not_stored_late(
        self, stores_since: str | None, kinds: list[DelayKind]
    ) -> None:
        """There was no archive yet when it was delivered, or nothing tells that there was."""
        mail = given.announcement(
            "3.1-rc6",
            "2011-09-12 21:30",
            given.sighting(given.LIST, "2011-11-20 00:00"),
            delivered="2011-09-12 21:31",
            archived="2011-11-20 00:00",
        )
        project = watched(alive="2011-11-20 00:00")
        began = given.moment(f"{stores_since} 00:00") if stores_since else None
        filled = replace(project.archives[0], stores_since=began)
        found = look([rc6(), mail], replace(project, archives=(filled,)), "2011-11-20 00:00")
        assert [each.kind for each in found.recorded] == kinds

    def test_a_mirror_is_late_only_if_it_was_looked_at_after_its_limit(self) -> None:
        """And closes when it shows the tag."""
        mail = rc6_mail("2011-09-12 21:30", "2011-09-12 21:31", "2011-09-12 22:00")
        seen = [rc6(), mail]
        alive = "2011-09-15 00:00"
        assert look(seen, watched(alive, mirror="2011-09-13 10:00"), "2011-09-15 00:00").opened == ()
        opened = look(seen, watched(alive, mirror="2011-09-15 00:00"), "2011-09-15 00:00")
        assert [(each.kind, each.where) for each in opened.opened] == [(DelayKind.MIRROR, "mirror.example")]
        there = rc6(given.MIRROR, "2011-09-16 00:00", "2011-09-15 23:45")
        end = look([*seen, there], watched(alive, mirror="2011-09-16 00:00"), "2011-09-16 00:00", opened.delays)
        assert [each.cause for each in end.closed] == [Cause.MIRROR]

    def test_a_mail_without_a_tag_waits_for_the_tag(self) -> None:
        """Once a repository was looked at after the limit."""
        mail = rc6_mail("2011-09-12 21:30", "2011-09-12 21:31", "2011-09-12 22:00")
        assert look([mail], watched(looked="2011-09-13 20:00"), "2011-09-15 00:00").opened == ()
        opened = look([mail], watched(looked="2011-09-14 20:00"), "2011-09-15 00:00").opened
        assert [each.kind for each in opened] == [DelayKind.TAG]

    def test_what_is_due_is_overdue_once_and_closes_when_it_comes(self) -> None:
        """Even if another release than the expected one comes; and no look at a repository, no accusation."""
        mail = rc6_mail("2011-09-12 21:30", "2011-09-12 21:31", "2011-09-12 22:00")
        expected = Expected(RC6, VersionId("3.1-rc7"), given.moment("2011-09-21 12:00"))
        seen = [rc6(), mail]
        unseen = look(seen, watched(looked="2011-09-21 11:00"), "2011-09-22 00:00", expected=expected)
        assert unseen.opened == ()
        opened = look(seen, watched(looked="2011-09-21 13:00"), "2011-09-22 00:00", expected=expected)
        assert [(each.kind, each.version) for each in opened.opened] == [(DelayKind.OVERDUE, "3.1-rc7")]
        final = given.tag(
            "v3.1", "2011-09-23 00:00", given.sighting(given.PRIMARY, "2011-09-23 00:15", "2011-09-23 00:00")
        )
        later = Expected(VersionId("3.1"), VersionId("rc1"), given.moment("2011-10-21 12:00"))
        end = look([*seen, final], watched(looked="2011-09-23 00:15"), "2011-09-23 00:15", opened.delays, later)
        assert [(each.kind, each.length) for each in end.closed] == [(DelayKind.OVERDUE, timedelta(days=1, hours=12))]

    def test_an_outage_of_the_time_is_told_together(self) -> None:
        """The host that was down while the release was late; what was ours is not."""
        down = Outage(OutageKind.OUT, frozenset({"primary.example"}), None, given.moment("2011-08-31 00:00"), None)
        hole = Outage(
            OutageKind.HOLE, frozenset(), None, given.moment("2011-09-13 00:00"), given.moment("2011-09-14 00:00")
        )
        states = (("primary.example", State.OUT),)
        project = watched(alive="2011-09-13 22:00", well=Health(states, (down, hole)))
        opened = look([rc6(given.MIRROR)], project, "2011-09-13 23:00").opened
        assert [related(each, project.health) for each in opened] == [(down,)]


class TestLimits:
    """What is out of the ordinary for this project."""

    def test_little_history_is_measured_by_the_prior_and_much_by_itself(self) -> None:
        """A floor holds for the punctual, and a slow project gets more time."""
        floor, prior = LIMITS[DelayKind.ANNOUNCEMENT]
        minutes = [timedelta(minutes=n) for n in (11, 20, 30, 25, 40, 15)]
        assert limit_of(DelayKind.ANNOUNCEMENT, minutes[:4]) == prior
        assert limit_of(DelayKind.ANNOUNCEMENT, minutes) == floor
        assert limit_of(DelayKind.ANNOUNCEMENT, [100 * each for each in minutes]) > timedelta(days=2)

    def test_a_limit_is_the_median_and_three_robust_deviations_of_the_logs(self) -> None:
        """Lags of 1, 2, 4, 8 and 16 days: the median is 4 days, the usual deviation from it a factor of two."""
        lags = [timedelta(days=2**n) for n in range(5)]
        days = limit_of(DelayKind.ANNOUNCEMENT, lags) / timedelta(days=1)
        assert days == pytest.approx(4 * 2 ** (3 * 1.4826), rel=0.01)

    def test_what_happened_later_is_no_measure(self) -> None:
        """A release is measured by those that were announced when it was tagged, and by none since, nor by itself."""
        begin = given.moment("2011-01-01 00:00")
        spans = [(begin + timedelta(days=n), begin + timedelta(days=n + 3)) for n in range(0, 60, 10)]
        known = Lags((), dict.fromkeys(LIMITS, spans))
        kind, late = DelayKind.ANNOUNCEMENT, begin + timedelta(days=90)
        assert known.limit(kind, begin + timedelta(days=54), late) == timedelta(days=3)
        assert known.limit(kind, begin + timedelta(days=30), late) == LIMITS[kind][1]

    @for_all(st.lists(st.timedeltas(timedelta(days=-20000), timedelta(days=20000)), max_size=30))
    def test_no_lag_however_odd_moves_a_limit_out_of_bounds(self, lags: list[timedelta]) -> None:
        """Not below the floor, not above a season."""
        floor, _ = LIMITS[DelayKind.DELIVERY]
        assert floor <= limit_of(DelayKind.DELIVERY, lags) <= timedelta(days=91)


MOMENTS = st.integers(0, 68 * 365 * 24).map(
    lambda n: f"{given.moment('1970-01-01 00:00') + timedelta(hours=n):%Y-%m-%d %H:%M}"
)
"""From 1970 to 2038."""
NEAR = st.integers(0, 60 * 24 * 40).map(
    lambda n: f"{given.moment('2011-09-10 00:00') + timedelta(minutes=n):%Y-%m-%d %H:%M}"
)


@st.composite
def sightings(draw: st.DrawFn) -> list[Observation]:
    """Tags and mails of a few releases, seen whenever, with the oddest dates."""
    seen: list[Observation] = []
    for name in draw(st.lists(st.sampled_from(["3.1-rc6", "3.1-rc7", "3.1", "3.2-rc1"]), unique=True)):
        if draw(st.booleans()):
            looked = sorted([draw(NEAR), draw(NEAR)])
            before = looked[0] if draw(st.booleans()) and looked[0] < looked[1] else None
            source = draw(st.sampled_from([given.PRIMARY, given.MIRROR]))
            seen.append(given.tag(f"v{name}", draw(NEAR | MOMENTS), given.sighting(source, looked[1], before)))
        if draw(st.booleans()):
            delivered = draw(st.none() | NEAR)
            where = given.sighting(given.LIST, draw(NEAR), "2011-09-01 00:00" if draw(st.booleans()) else None)
            seen.append(given.announcement(name, draw(st.none() | NEAR | MOMENTS), where, delivered=delivered))
    return seen


class TestWhateverComes:
    """Properties over any evidence and any clock."""

    @for_all(sightings(), st.lists(NEAR, min_size=1, max_size=5))
    def test_looking_twice_adds_nothing_and_a_record_is_never_lost(
        self, seen: list[Observation], clock: list[str]
    ) -> None:
        """Also when the clock jumps back; what has ended stays as it ended."""
        record: tuple[Delay, ...] = ()
        for now in clock:
            project = watched(alive=now, looked=now, mirror=now)
            first = look(seen, project, now, record)
            again = look(seen, project, now, first.delays)
            assert again.delays == first.delays
            assert (again.opened, again.raised, again.closed, again.recorded) == ((), (), (), ())
            assert {each.key for each in record} <= {each.key for each in first.delays}
            assert {each for each in record if each.ended} <= set(first.delays)
            record = first.delays

    @for_all(sightings(), NEAR)
    def test_no_alarm_opens_for_a_release_that_is_complete(self, seen: list[Observation], now: str) -> None:
        """Tagged, announced and at every host: there is nothing to wait for."""
        releases = fold(given.PROJECT, given.RULES, seen, {})
        for delay in look(seen, watched(alive=now, looked=now, mirror=now), now).opened:
            release = releases[delay.version]
            hosts = {each.sighting.source for each in release.tags}
            assert not (release.tagged and release.announcements and hosts == {given.PRIMARY, given.MIRROR})

    @for_all(sightings(), sightings(), NEAR, NEAR)
    def test_closing_needs_what_it_waited_for(
        self, seen: list[Observation], more: list[Observation], first: str, second: str
    ) -> None:
        """A mail for a missing announcement, the tag for a missing tag; and no length is negative."""
        record = look(seen, watched(alive=first, looked=first, mirror=first), first).delays
        both = [*seen, *more]
        releases = fold(given.PROJECT, given.RULES, both, {})
        for delay in look(both, watched(alive=second, looked=second, mirror=second), second, record).closed:
            assert delay.length is not None
            assert delay.length >= timedelta(0)
            if delay.ended is Ended.CLOSED:
                release = releases[delay.version]
                assert delay.kind is not DelayKind.ANNOUNCEMENT or release.announcements
                assert delay.kind is not DelayKind.TAG or release.tags

    @for_all(sightings(), NEAR, st.integers(-12, 12))
    def test_the_zone_of_the_clock_changes_nothing(self, seen: list[Observation], now: str, hours: int) -> None:
        """The same moment, told in another zone."""
        releases = fold(given.PROJECT, given.RULES, seen, {})
        project = watched(alive=now, looked=now, mirror=now)
        there = given.moment(now).astimezone(timezone(timedelta(hours=hours)))
        assert review(project, releases, (), None, there) == review(project, releases, (), None, given.moment(now))

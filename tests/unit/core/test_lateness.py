"""Delays are folds: a gap longer than usual, open with proof of life, closed with length and cause, or never."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from random import Random

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from rctrack.core.book import Book
from rctrack.core.evidence import SourceId, Station
from rctrack.core.fold import fold
from rctrack.core.hosts import Health, Outage, OutageKind
from rctrack.core.lateness import (
    LIMITS,
    Cause,
    Delay,
    DelayKind,
    Ended,
    Expected,
    Wait,
    cannot_tell,
    delays_of,
    limit_of,
    waits_of,
)
from rctrack.core.lateness.limits import Lags
from rctrack.core.release import Observation
from rctrack.core.version import VersionId
from tests.support import given
from tests.support.books import a_book, archive, tag_host
from tests.support.given import moment

EXPECTS = frozenset({"announcement", "tag"})
RC6 = VersionId("3.1-rc6")
BEGAN = moment("2011-01-01 00:00")
LONG_SINCE = "2012-01-01 00:00"


def book(
    seen: Iterable[Observation],
    now: str,
    *,
    alive: str | None = None,
    tags_alive: str | None = None,
    mirror: str | None = None,
    expects: frozenset[str] = EXPECTS,
    health: Health | None = None,
    began: datetime = BEGAN,
) -> Book:
    """A project with a repository, a mirror where one is asked for, and a list; each proved alive up to then."""

    def at(text: str | None) -> datetime | None:
        return moment(text) if text else None

    tags = [tag_host(good_at=moment(now), alive_at=at(tags_alive), first_look_at=began)]
    if mirror:
        tags.append(tag_host(given.MIRROR, moment(now), alive_at=at(mirror), first_look_at=began))
    lists = [archive(good_at=moment(now), alive_at=at(alive), begins_at=began, stores_since=began)]
    rules = replace(given.RULES, expects=expects)
    well = health or Health((), ())
    return a_book(seen, moment(now), rules=rules, tags=tags, archives=lists, health=well, began_at=began)


def delays(seen: Iterable[Observation], now: str, **more: str | None) -> tuple[Delay, ...]:
    """What is or was late at that moment."""
    return book(seen, now, **more).delays(moment(now))  # type: ignore[arg-type]


def silent(known: Book, now: str) -> list[VersionId]:
    """What cannot be told."""
    return [wait.version for wait in cannot_tell(known.waits, moment(now))]


def rc6(
    source: SourceId = given.PRIMARY, seen: str = "2011-09-12 21:15", before: str = "2011-09-12 21:00"
) -> Observation:
    return given.tag("v3.1-rc6", "2011-09-12 21:02", given.sighting(source, seen, before))


def rc6_mail(written: str, delivered: str, seen: str = "2011-09-14 16:00") -> Observation:
    before = given.sighting(given.LIST, seen, "2011-09-14 15:45")
    return given.announcement("3.1-rc6", written, before, delivered=delivered)


def kinds(found: Iterable[Delay]) -> list[tuple[DelayKind, Cause | None]]:
    return [(each.kind, each.cause) for each in found]


class TestAnAnnouncementThatDoesNotCome:
    """The seed story: tagged on Monday, the mail on Wednesday."""

    def test_is_late_once_a_mail_newer_than_the_limit_was_seen_in_the_archive(self) -> None:
        """Nothing is late before the limit; after it, only what proves the archive alive makes it so."""
        early = book([rc6()], "2011-09-13 12:00", alive="2011-09-13 12:00")
        assert (early.delays(moment("2011-09-13 12:00")), silent(early, "2011-09-13 12:00")) == ((), [])
        late = book([rc6()], "2011-09-13 23:00", alive="2011-09-13 22:00")
        found = late.delays(moment("2011-09-13 23:00"))
        assert silent(late, "2011-09-13 23:00") == []
        assert [(each.version, each.kind, each.ended) for each in found] == [(RC6, DelayKind.ANNOUNCEMENT, None)]
        assert (found[0].cause, found[0].length, found[0].proven_at) == (None, None, moment("2011-09-13 22:00"))

    def test_is_not_accused_while_the_archive_is_silent(self) -> None:
        """No mail newer than the limit: "cannot tell"."""
        known = book([rc6()], "2011-09-20 23:00", alive="2011-09-13 20:00")
        assert (known.delays(moment("2011-09-20 23:00")), silent(known, "2011-09-20 23:00")) == ((), [RC6])

    @pytest.mark.parametrize("alive", [None, "2011-09-13 20:00"])
    def test_is_not_accused_while_one_of_its_archives_is_silent(self, alive: str | None) -> None:
        """It may be in that one: each archive has to be alive."""
        now = "2011-09-20 23:00"
        [well] = book([], now, alive="2011-09-13 22:00").followed.archives
        other = replace(well, source=given.OTHER_LIST, alive_at=moment(alive) if alive else None)
        rules = replace(given.RULES, expects=EXPECTS)
        known = a_book([rc6()], moment(now), rules=rules, archives=[well, other])
        assert (known.delays(moment(now)), silent(known, now)) == ((), [RC6])

    def test_is_the_mails_fault_where_it_was_written_in_time(self) -> None:
        """Date on Monday, taken by the list's server on Wednesday."""
        mail = rc6_mail("2011-09-12 21:30", "2011-09-14 15:30")
        [found] = delays([rc6(), mail], "2011-09-14 16:00", alive="2011-09-14 15:30")
        assert (found.kind, found.cause, found.ended) == (DelayKind.ANNOUNCEMENT, Cause.MAIL, Ended.CLOSED)
        assert found.length == timedelta(hours=42, minutes=28)

    def test_is_the_projects_fault_where_it_was_written_late(self) -> None:
        """The same with the Date moved to Wednesday."""
        mail = rc6_mail("2011-09-14 15:29", "2011-09-14 15:30")
        found = delays([rc6(), mail], "2011-09-14 16:00", alive="2011-09-14 15:30")
        assert kinds(found) == [(DelayKind.ANNOUNCEMENT, Cause.PROJECT)]

    def test_ends_as_never_once_a_later_candidate_is_complete(self) -> None:
        """A tag without a mail, overtaken; of another cycle it says nothing."""
        seen = given.sighting(given.PRIMARY, "2011-09-21 21:15", "2011-09-21 21:00")

        def complete(name: str) -> list[Observation]:
            mail = given.announcement(name, "2011-09-21 21:20", given.sighting(given.LIST, "2011-09-21 22:00"))
            return [given.tag(f"v{name}", "2011-09-21 21:10", seen), mail]

        found = delays([rc6(), *complete("3.1-rc7")], "2011-09-21 22:00", alive="2011-09-21 21:20")
        assert [(each.version, each.ended, each.until) for each in found] == [
            (RC6, Ended.NEVER, moment("2011-09-21 21:20"))
        ]
        found = delays([rc6(), *complete("3.2-rc1")], "2011-09-21 22:00", alive="2011-09-21 21:20")
        assert [(each.version, each.ended) for each in found] == [(RC6, None)]

    def test_never_needs_proof_as_late_does(self) -> None:
        """A later candidate is complete, but its mail came by another way: the archive may still get the other one."""
        seen = given.sighting(given.PRIMARY, "2011-09-21 21:15", "2011-09-21 21:00")
        rc7 = given.tag("v3.1-rc7", "2011-09-21 21:10", seen)
        told = given.announcement("3.1-rc7", "2011-09-21 21:20", given.sighting(given.OTHER_LIST, "2011-09-21 22:00"))
        known = book([rc6(), rc7, told], "2011-09-23 22:00", alive="2011-09-13 20:00")
        assert known.delays(moment("2011-09-23 22:00")) == ()
        assert silent(known, "2011-09-23 22:00") == [RC6]

    def test_is_counted_from_when_an_embargoed_tag_was_seen(self) -> None:
        """A tagger date of weeks ago that is new to us is no lateness."""
        old = given.tag(
            "v3.1-rc6", "2011-08-20 10:00", given.sighting(given.PRIMARY, "2011-09-12 21:15", "2011-09-12 21:00")
        )
        assert delays([old], "2011-09-13 02:00", alive="2011-09-13 22:00") == ()
        [found] = delays([old], "2011-09-13 23:00", alive="2011-09-13 22:00")
        assert found.since == moment("2011-09-12 21:15")

    def test_is_counted_from_our_sight_where_the_tag_is_of_the_future(self) -> None:
        """Nobody from the future is believed: it waits since we saw it, not from next year on."""
        ahead = given.tag(
            "v3.1-rc6", "2012-09-12 21:02", given.sighting(given.PRIMARY, "2011-09-12 21:15", "2011-09-12 21:00")
        )
        [found] = delays([ahead], "2011-09-13 23:00", alive="2011-09-13 22:00")
        assert found.since == moment("2011-09-12 21:15")

    def test_is_nothing_where_the_project_has_no_such_habit(self) -> None:
        """Without `expects`, five announced releases of that kind are needed."""
        known = book([rc6()], "2011-09-20 23:00", alive="2011-09-13 22:00", expects=frozenset())
        assert known.waits == []

    def test_that_came_late_all_the_same_is_a_delay(self) -> None:
        """Whether it was to be expected or not: it is in the evidence."""
        known = book([rc6(), rc6_mail("2011-09-14 15:29", "2011-09-14 15:30")], "2011-09-14 16:00", expects=frozenset())
        assert kinds(known.delays(moment("2011-09-14 16:00"))) == [(DelayKind.ANNOUNCEMENT, Cause.PROJECT)]

    def test_is_not_known_where_no_record_could_exist(self) -> None:
        """The archive begins later."""
        known = book([rc6()], "2011-09-20 23:00", alive="2011-09-20 22:00", began=moment("2011-09-15 00:00"))
        assert known.waits == []

    @pytest.mark.parametrize(("announced", "is_late"), [(8, True), (7, False)])
    def test_is_late_where_four_of_five_candidates_were_announced(self, announced: int, is_late: bool) -> None:
        """Of the last ones of its kind: a dozen finals with their mails make no habit of candidates."""
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
        known = book(seen, "2011-09-13 23:00", alive="2011-09-13 22:00", expects=frozenset())
        late = [each.version for each in known.delays(moment("2011-09-13 23:00")) if each.ended is None]
        assert (RC6 in late) is is_late


class TestHistory:
    """What was late before rctrack came is as late as what it saw itself: by evidence alone."""

    FILL = given.sighting(given.PRIMARY, LONG_SINCE)

    def test_a_mail_that_came_late_years_ago_is_a_delay_with_its_cause(self) -> None:
        """Read with the first fill of both sources."""
        tag = given.tag("v3.1-rc6", "2011-09-12 21:02", self.FILL)
        held = given.announcement(
            "3.1-rc6", "2011-09-12 21:30", given.sighting(given.LIST, LONG_SINCE), delivered="2011-09-14 15:30"
        )
        found = delays([tag, held], LONG_SINCE, alive=LONG_SINCE)
        assert [(*each, found[0].length) for each in kinds(found)] == [
            (DelayKind.ANNOUNCEMENT, Cause.MAIL, timedelta(hours=42, minutes=28))
        ]

    def test_a_mail_that_never_came_is_one_too(self) -> None:
        """Ended by the next candidate; while nothing ended it, nobody knows whether it is waited for to this day."""
        tag = given.tag("v3.1-rc6", "2011-09-12 21:02", self.FILL)
        assert delays([tag], LONG_SINCE, alive=LONG_SINCE) == ()
        rc7 = given.tag("v3.1-rc7", "2011-09-21 21:10", self.FILL)
        told = given.announcement("3.1-rc7", "2011-09-21 21:20", given.sighting(given.LIST, LONG_SINCE))
        [never] = delays([tag, rc7, told], LONG_SINCE, alive=LONG_SINCE)
        assert (never.version, never.ended, never.until) == (RC6, Ended.NEVER, moment("2011-09-21 21:20"))

    def test_each_release_is_measured_by_those_before_it(self) -> None:
        """A project that took its time from the start is late only beyond that; what came later is no measure."""
        fill, seen = given.sighting(given.PRIMARY, "2014-01-01 00:00"), list[Observation]()
        for number, days in enumerate([4, 6, 5, 7, 4, 6, 5, 40, 1, 1, 1]):
            at = BEGAN + timedelta(days=60 * number)
            seen.append(given.tag(f"v3.{number}", f"{at:%Y-%m-%d %H:%M}", fill))
            written = f"{at + timedelta(days=days):%Y-%m-%d %H:%M}"
            seen.append(given.announcement(f"3.{number}", written, given.sighting(given.LIST, "2014-01-01 00:00")))
        found = delays(seen, "2014-01-01 00:00", alive="2014-01-01 00:00")
        assert [each.version for each in found] == ["3", "3.1", "3.2", "3.3", "3.4", "3.7"]
        assert {each.limit for each in found[:-1]} == {LIMITS[DelayKind.ANNOUNCEMENT][1]}
        assert timedelta(days=7) < found[-1].limit < timedelta(days=40)

    def test_what_was_due_before_we_came_is_nobodys_lateness(self) -> None:
        """A project may sleep for years; what is due since is."""
        tag = given.tag("v3.1-rc6", "2011-09-12 21:02", self.FILL)
        known = book([tag], LONG_SINCE, alive=LONG_SINCE, tags_alive=LONG_SINCE, began=moment("2011-10-01 00:00"))
        for due, number in (("2011-09-21 12:00", 0), ("2011-10-21 12:00", 1)):
            expected = [Expected(RC6, VersionId("3.1-rc7"), moment(due))]
            waits = waits_of(known.followed, known.habits, known.releases, expected)
            assert len([wait for wait in waits if wait.kind is DelayKind.OVERDUE]) == number


class TestOtherGaps:
    """Delivery, archive, mirror, tag and overdue."""

    def test_a_mail_held_for_a_day_is_a_delay_of_its_delivery(self) -> None:
        """Then the archive kept it beyond a day, as our look proves."""
        mail = rc6_mail("2011-09-12 21:30", "2011-09-13 08:30")
        found = delays([rc6(), mail], "2011-09-14 16:00", alive="2011-09-14 08:30")
        assert kinds(found) == [(DelayKind.DELIVERY, Cause.MAIL), (DelayKind.ARCHIVE, Cause.ARCHIVE)]
        assert {each.ended for each in found} == {Ended.CLOSED}

    @pytest.mark.parametrize("delivered", ["2011-09-12 20:50", "2011-09-12 22:10"])
    def test_a_list_server_whose_clock_is_off_is_accused_of_nothing(self, delivered: str) -> None:
        """Forty minutes ahead or behind."""
        mail = rc6_mail("2011-09-12 21:30", delivered, "2011-09-12 22:30")
        assert delays([rc6(), mail], "2011-09-14 16:00", alive="2011-09-14 08:30") == ()

    def test_an_archive_that_stores_months_later_is_the_archives_fault(self) -> None:
        """Written and delivered in time, stored in November."""
        mail = given.announcement(
            "3.1-rc6",
            "2011-09-12 21:30",
            given.sighting(given.LIST, "2011-11-20 00:00", "2011-11-19 23:45"),
            delivered="2011-09-12 21:31",
            archived="2011-11-20 00:00",
        )
        found = delays([rc6(), mail], "2011-11-20 00:00", alive="2011-11-20 00:00")
        assert [(each.kind, each.where, each.cause) for each in found] == [
            (DelayKind.ARCHIVE, "lists.example", Cause.ARCHIVE)
        ]

    @pytest.mark.parametrize(
        ("stores_since", "expected"), [("2011-09-01", [DelayKind.ARCHIVE]), ("2011-11-20", []), (None, [])]
    )
    def test_what_came_with_the_first_fill_of_an_archive_was_not_stored_late(
        self, stores_since: str | None, expected: list[DelayKind]
    ) -> None:
        """There was no archive yet when it was delivered, or nothing tells that there was."""
        now = moment("2011-11-20 00:00")
        mail = given.announcement(
            "3.1-rc6",
            "2011-09-12 21:30",
            given.sighting(given.LIST, "2011-11-20 00:00"),
            delivered="2011-09-12 21:31",
            archived="2011-11-20 00:00",
        )
        began = moment(f"{stores_since} 00:00") if stores_since else None
        filled = archive(good_at=now, stores_since=began)
        found = a_book([rc6(), mail], now, archives=[filled]).delays(now)
        assert [each.kind for each in found] == expected

    def test_a_mirror_is_late_only_if_it_is_proved_alive_after_its_limit(self) -> None:
        """And closes when it shows the tag."""
        mail = rc6_mail("2011-09-12 21:30", "2011-09-12 21:31", "2011-09-12 22:00")
        seen, now = [rc6(), mail], "2011-09-15 00:00"
        assert delays(seen, now, alive=now, mirror="2011-09-13 10:00") == ()
        found = delays(seen, now, alive=now, mirror=now)
        assert [(each.kind, each.where, each.ended) for each in found] == [(DelayKind.MIRROR, "mirror.example", None)]
        there = rc6(given.MIRROR, "2011-09-16 00:00", "2011-09-15 23:45")
        [end] = delays([*seen, there], "2011-09-16 00:00", alive=now, mirror="2011-09-16 00:00")
        assert (end.cause, end.until) == (Cause.MIRROR, moment("2011-09-16 00:00"))

    def test_a_mirror_that_we_did_not_look_at_meanwhile_is_not_accused(self) -> None:
        """It may have had the tag since the last look without it."""
        there = rc6(given.MIRROR, "2011-09-20 00:00", "2011-09-12 22:00")
        assert delays([rc6(), there], "2011-09-20 00:00", alive="2011-09-12 22:00", mirror="2011-09-20 00:00") == ()

    def test_a_mirror_that_was_down_is_late_by_its_host(self) -> None:
        """Then it could show nothing."""
        down = Outage(
            OutageKind.DOWN,
            frozenset({"mirror.example"}),
            None,
            moment("2011-09-12 20:00"),
            moment("2011-09-15 12:00"),
        )
        there = rc6(given.MIRROR, "2011-09-16 00:00", "2011-09-12 20:00")
        known = book([rc6(), there], "2011-09-16 00:00", mirror="2011-09-16 00:00", health=Health((), (down,)))
        late = [each for each in known.delays(moment("2011-09-16 00:00")) if each.kind is DelayKind.MIRROR]
        assert kinds(late) == [(DelayKind.MIRROR, Cause.HOST)]

    def test_a_mirror_that_is_followed_later_is_late_for_nothing_of_before(self) -> None:
        """What was there at its first look tells nothing, nor does what was not."""
        now = moment("2011-09-30 00:00")
        young = tag_host(given.MIRROR, now, first_look_at=moment("2011-09-20 00:00"))
        assert a_book([rc6()], now, tags=[tag_host(good_at=now), young]).delays(now) == ()

    def test_a_mail_without_a_tag_waits_for_the_tag(self) -> None:
        """Once a repository is proved alive after the limit; a tag that came later ends it, as no delay at all."""
        mail = rc6_mail("2011-09-12 21:30", "2011-09-12 21:31", "2011-09-12 22:00")
        assert delays([mail], "2011-09-15 00:00", tags_alive="2011-09-13 20:00") == ()
        found = delays([mail], "2011-09-15 00:00", tags_alive="2011-09-14 20:00")
        assert [(each.kind, each.ended) for each in found] == [(DelayKind.TAG, None)]
        tag = given.tag(
            "v3.1-rc6", "2011-09-15 10:00", given.sighting(given.PRIMARY, "2011-09-15 10:15", "2011-09-15 10:00")
        )
        found = delays([mail, tag], "2011-09-15 12:00", alive="2011-09-15 12:00", tags_alive="2011-09-15 10:15")
        assert found == (), "the mail of days before is not its announcement"

    def test_what_is_due_is_overdue_and_closes_when_something_comes(self) -> None:
        """Even another release than the expected one; and only where repository and archive are both proved alive."""
        mail = rc6_mail("2011-09-12 21:30", "2011-09-12 21:31", "2011-09-12 22:00")
        expected = [Expected(RC6, VersionId("3.1-rc7"), moment("2011-09-21 12:00"))]

        def overdue(seen: Sequence[Observation], now: str, **alive: str) -> list[Delay]:
            known = book(seen, now, **alive)  # type: ignore[arg-type]
            waits = waits_of(known.followed, known.habits, known.releases, expected)
            found = delays_of(given.PROJECT, waits, moment(now))
            return [each for each in found if each.kind is DelayKind.OVERDUE]

        seen, early, late = [rc6(), mail], "2011-09-21 11:00", "2011-09-21 13:00"
        assert overdue(seen, "2011-09-22 00:00", tags_alive=early, alive=late) == []
        assert overdue(seen, "2011-09-22 00:00", tags_alive=late, alive=early) == []
        [opened] = overdue(seen, "2011-09-22 00:00", tags_alive=late, alive=late)
        assert (opened.version, opened.where, opened.ended) == ("3.1-rc7", "3.1-rc6", None)
        final = given.tag(
            "v3.1", "2011-09-23 00:00", given.sighting(given.PRIMARY, "2011-09-23 00:15", "2011-09-23 00:00")
        )
        [closed] = overdue([*seen, final], "2011-09-23 00:15")
        assert (closed.ended, closed.length) == (Ended.CLOSED, timedelta(days=1, hours=12))
        point = given.tag(
            "v3.1.1", "2011-09-23 00:00", given.sighting(given.PRIMARY, "2011-09-23 00:15", "2011-09-23 00:00")
        )
        [still] = overdue([*seen, point], "2011-09-24 00:00", tags_alive=late, alive=late)
        assert still.ended is None, "a point release is another matter"


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
        begin = moment("2011-01-01 00:00")
        spans = [(begin + timedelta(days=n + 3), timedelta(days=3)) for n in range(0, 60, 10)]
        known = Lags((), dict.fromkeys(LIMITS, spans))
        kind, late = DelayKind.ANNOUNCEMENT, begin + timedelta(days=90)
        assert known.limit(kind, begin + timedelta(days=54), late) == timedelta(days=3)
        assert known.limit(kind, begin + timedelta(days=30), late) == LIMITS[kind][1]

    def test_shipped_lags_measure_announcements_alone(self) -> None:
        """They are from tag to mail, of releases that no source of ours shows."""
        begin = moment("2011-01-01 00:00")
        known = Lags([timedelta(days=9)] * 5, dict.fromkeys(LIMITS, ()))
        assert known.limit(DelayKind.ANNOUNCEMENT, begin, None) == timedelta(days=9)
        assert known.limit(DelayKind.MIRROR, begin, None) == LIMITS[DelayKind.MIRROR][1]

    @for_all(st.lists(st.timedeltas(timedelta(days=-20000), timedelta(days=20000)), max_size=30))
    def test_no_lag_however_odd_moves_a_limit_out_of_bounds(self, lags: list[timedelta]) -> None:
        """Not below the floor, not above a season."""
        floor, _ = LIMITS[DelayKind.DELIVERY]
        assert floor <= limit_of(DelayKind.DELIVERY, lags) <= timedelta(days=91)


MOMENTS = st.integers(0, 68 * 365 * 24).map(
    lambda n: f"{moment('1970-01-01 00:00') + timedelta(hours=n):%Y-%m-%d %H:%M}"
)
"""From 1970 to 2038."""
NEAR = st.integers(0, 60 * 24 * 40).map(lambda n: f"{moment('2011-09-10 00:00') + timedelta(minutes=n):%Y-%m-%d %H:%M}")


@st.composite
def sightings(draw: st.DrawFn) -> list[Observation]:
    """Tags and mails of a few releases, seen whenever, with the oddest dates."""
    seen: list[Observation] = []
    for name in draw(st.lists(st.sampled_from(["3.1-rc6", "3.1-rc7", "3.1", "3.2-rc1"]), unique=True)):
        for source in draw(st.lists(st.sampled_from([given.PRIMARY, given.MIRROR]), unique=True)):
            looked = sorted([draw(NEAR), draw(NEAR)])
            before = looked[0] if draw(st.booleans()) and looked[0] < looked[1] else None
            seen.append(given.tag(f"v{name}", draw(NEAR | MOMENTS), given.sighting(source, looked[1], before)))
        if draw(st.booleans()):
            delivered = draw(st.none() | NEAR)
            where = given.sighting(given.LIST, draw(NEAR), "2011-09-01 00:00" if draw(st.booleans()) else None)
            seen.append(given.announcement(name, draw(st.none() | NEAR | MOMENTS), where, delivered=delivered))
    return seen


def alive_book(seen: Sequence[Observation], now: str) -> Book:
    """All sources are alive now."""
    return book(seen, now, alive=now, tags_alive=now, mirror=now)


class TestWhateverComes:
    """Properties over any evidence and any clock."""

    @for_all(sightings(), NEAR, st.randoms(use_true_random=False))
    def test_no_order_of_evidence_or_of_sources_changes_a_delay(
        self, seen: list[Observation], now: str, random: Random
    ) -> None:
        """Nor does evidence that comes twice: the same delays, in the same order."""
        expected = alive_book(seen, now)
        shuffled = [*seen, *seen[:2]]
        random.shuffle(shuffled)
        again = alive_book(shuffled, now)
        followed = replace(again.followed, tags=again.followed.tags[::-1])
        waits = waits_of(followed, again.habits, again.releases, ())
        assert delays_of(given.PROJECT, waits, moment(now)) == expected.delays(moment(now))

    @for_all(sightings(), NEAR, NEAR)
    def test_what_has_ended_does_not_depend_on_when_it_is_asked(
        self, seen: list[Observation], now: str, later: str
    ) -> None:
        """The same at any moment: an end is in the evidence, not in our having watched it."""
        known = alive_book(seen, now)
        ended = {each for each in known.delays(moment(now)) if each.ended}
        assert ended == {each for each in known.delays(moment(later)) if each.ended}

    @for_all(sightings(), NEAR)
    def test_a_delay_is_longer_than_its_limit_and_an_open_one_is_proved(
        self, seen: list[Observation], now: str
    ) -> None:
        """Whatever the clocks say."""
        known = alive_book(seen, now)
        for delay in known.delays(moment(now)):
            if delay.ended is None:
                assert delay.proven_at is not None
                assert delay.proven_at > delay.since + delay.limit
                assert (delay.cause, delay.until, delay.length) == (None, None, None)
            else:
                assert delay.length is not None
                assert delay.length > delay.limit >= timedelta(0)
                assert (delay.cause is not None, delay.proven_at) == (True, None)

    @for_all(sightings(), NEAR)
    def test_no_delay_is_open_for_a_release_that_is_complete(self, seen: list[Observation], now: str) -> None:
        """Tagged, announced and at every host: there is nothing to wait for."""
        known = alive_book(seen, now)
        for delay in known.delays(moment(now)):
            release = known.releases[delay.version]
            hosts = {each.sighting.source for each in release.tags}
            is_complete = release.tagged and release.announcement and hosts == {given.PRIMARY, given.MIRROR}
            assert delay.ended or not is_complete

    @for_all(sightings(), NEAR)
    def test_closing_needs_what_it_waited_for(self, seen: list[Observation], now: str) -> None:
        """A mail for a missing announcement, the tag at the mirror for a mirror."""
        known = alive_book(seen, now)
        for delay in known.delays(moment(now)):
            release = known.releases[delay.version]
            if delay.ended is Ended.CLOSED:
                assert delay.kind is not DelayKind.TAG, "once the tag is there, it is no delay of the tag"
                assert delay.kind is not DelayKind.ANNOUNCEMENT or release.announcement
                assert delay.kind is not DelayKind.MIRROR or len({each.sighting.source for each in release.tags}) == 2

    @for_all(sightings(), NEAR, st.integers(-12, 12))
    def test_the_zone_of_the_clock_changes_nothing(self, seen: list[Observation], now: str, hours: int) -> None:
        """The same moment, told in another zone."""
        known = alive_book(seen, now)
        there = moment(now).astimezone(timezone(timedelta(hours=hours)))
        assert known.delays(there) == known.delays(moment(now))


def test_a_book_has_each_wait_once() -> None:
    """Version, kind and place are its key."""
    releases = fold(given.PROJECT, given.RULES, [rc6(), rc6(given.MIRROR, "2011-09-16 00:00", "2011-09-15 23:45")], {})
    assert [entry.station for entry in releases[RC6].timeline].count(Station.VISIBLE) == 2
    waits: list[Wait] = alive_book([rc6(), rc6(given.MIRROR, "2011-09-16 00:00", "2011-09-15 23:45")], LONG_SINCE).waits
    assert len({wait.key for wait in waits}) == len(waits) >= 2

"""The digest of a period: what came, what is odd, what is next; and when one is due."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from rctrack.core.book import Book
from rctrack.core.notice import Kind, Notice, Phase
from rctrack.core.release import Flag
from rctrack.show.digest import Period, due_at, has_news, subject, text
from rctrack.show.mails import Reader
from tests.support.books import a_book
from tests.support.given import PRIMARY, moment, sighting, tag
from tests.support.lines import too_long
from tests.support.noticed import any_book, any_notice, change_facts, notice, release_facts

BERLIN = ZoneInfo("Europe/Berlin")
READER = Reader("reader@example.org", BERLIN)
WEEK = Period(moment("2026-03-23 00:00"), moment("2026-03-30 00:00"), moment("2026-03-30 00:00"))
TAG = tag("v2.42-rc2", "2026-03-24 12:00", sighting(PRIMARY, "2026-03-24 12:30"))
OUT = notice(Kind.OUT, release_facts())
ZONES = st.sampled_from([ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "Asia/Kathmandu")])


def book(*notices: Notice) -> Book:
    """Demo with 2.42-rc2."""
    return a_book([TAG], WEEK.now, notices=notices, name="Demo")


class TestText:
    """Of a week."""

    def test_the_subject_counts(self) -> None:
        """Also none."""
        assert subject([book(OUT), book(OUT)], WEEK) == "[rctrack] digest 23 Mar to 30 Mar 2026: 2 releases"
        assert subject([book(OUT)], WEEK).endswith(": 1 release")
        assert subject([book()], WEEK).endswith(": no release")

    def test_what_came_is_listed_with_its_moment(self) -> None:
        """As the sentence of its mail says it."""
        told = text([book(OUT)], [], [], WEEK, READER)
        assert told.startswith("1 release came from Mon 2026-03-23 00:00 UTC")
        assert "\n  v2.42-rc2: Tue 24 Mar 12:00 UTC" in told

    def test_a_quiet_week_says_what_is_newest(self) -> None:
        """With its age."""
        later = Period(moment("2026-04-06 12:00"), moment("2026-04-13 12:00"), moment("2026-04-13 12:00"))
        told = text([book(OUT)], [], [], later, READER)
        assert told.startswith("Nothing was released from ")
        assert "  nothing new; newest is v2.42-rc2 of 24 Mar 2026, 20 days ago\n" in told
        assert not has_news([book(OUT)], later)

    def test_what_was_there_before_us_counts_by_its_own_date(self) -> None:
        """Nobody was mailed, and yet it is of this week."""
        silent = Notice(
            Kind.OUT, OUT.project, OUT.subject, Phase.WHOLE, WEEK.now, OUT.facts, OUT.version, is_silent=True
        )
        assert subject([book(silent)], WEEK).endswith(": 1 release")

    def test_a_tag_that_moved_is_told(self) -> None:
        """Whoever had too many mails that hour reads of it here."""
        told = text([book(OUT, notice(Kind.CHANGED, change_facts(Flag.RETAGGED)))], [], [], WEEK, READER)
        assert "RETAGGED demo v2.42-rc2" in told

    def test_notes_are_kept(self) -> None:
        """What could not be delivered, for instance."""
        assert "\nOne mail waits.\n" in text([book()], [], ["One mail waits."], WEEK, READER)


@st.composite
def any_books(draw: st.DrawFn) -> Sequence[Book]:
    """Of any number of projects."""
    return [draw(any_book(draw(st.lists(any_notice(), max_size=2)))) for _ in range(draw(st.integers(0, 3)))]


@settings(max_examples=25, deadline=None)
@for_all(any_books(), ZONES)
def test_no_line_is_longer_than_72(books: Sequence[Book], zone: ZoneInfo) -> None:
    """Whatever there is."""
    outages = [each for known in books for each in known.followed.health.outages]
    told = text(books, outages, [], WEEK, Reader("reader@example.org", zone))
    assert too_long(told) == []
    assert "\n\n\n" not in told
    assert "None" not in told


class TestDigestDue:
    """Computed from the last one, so that sleep loses none and sends none twice."""

    def due(self, weekday: int | None, after: str, now: str, hour: int = 8) -> datetime | None:
        """At this hour in Berlin."""
        return due_at(weekday, hour, 0, READER, moment(after), moment(now))

    def test_it_is_due_at_the_readers_hour(self) -> None:
        """In the reader's zone, and not a minute before."""
        assert self.due(None, "2026-01-10 07:00", "2026-01-11 06:59") is None
        assert self.due(None, "2026-01-10 07:00", "2026-01-11 07:00") == moment("2026-01-11 07:00")
        assert self.due(None, "2026-01-11 07:00", "2026-01-11 23:00") is None

    def test_the_hour_stays_across_the_change_of_clocks(self) -> None:
        """Berlin went to summer time on 29 March 2026 and back on 25 October."""
        assert self.due(None, "2026-03-28 07:00", "2026-03-29 06:00") == moment("2026-03-29 06:00")
        assert self.due(None, "2026-10-24 06:00", "2026-10-25 06:59") is None
        assert self.due(None, "2026-10-24 06:00", "2026-10-25 07:00") == moment("2026-10-25 07:00")

    def test_a_weekday_is_the_readers(self) -> None:
        """Half past midnight on Monday in Berlin is Sunday in UTC."""
        assert due_at(
            0, 0, 30, Reader("reader@example.org", BERLIN), moment("2026-01-05 00:00"), moment("2026-01-11 23:30")
        ) == moment("2026-01-11 23:30")
        assert self.due(0, "2026-01-05 07:00", "2026-01-11 23:59") is None

    def test_after_sleep_one_is_due_and_no_more(self) -> None:
        """The newest that was missed, once."""
        woken = "2026-02-20 15:00"
        due = self.due(0, "2026-01-05 07:00", woken)
        assert due == moment("2026-02-16 07:00")
        assert self.due(0, "2026-02-16 07:00", woken) is None
        assert self.due(None, "2026-01-05 07:00", woken) == moment("2026-02-20 07:00")

    @pytest.mark.parametrize("hour", [0, 2, 8, 23])
    @pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia", "UTC"])
    def test_a_year_of_looks_has_one_digest_a_day(self, zone: str, hour: int) -> None:
        """Looked at every 25 minutes: one each day at the hour, also where that hour is missing or comes twice."""
        local = ZoneInfo(zone)
        after = now = moment("2026-01-01 00:00")
        days: list[date] = []
        while now < moment("2027-01-01 00:00"):
            now += timedelta(minutes=25)
            due = due_at(None, hour, 30, Reader("reader@example.org", local), after, now)
            if due is not None:
                assert timedelta(0) <= now - due < timedelta(minutes=25)
                after = due
                there = due.astimezone(local)
                assert (there.hour, there.minute) == (hour, 30) or there.hour == hour + 1
                days.append(there.date())
        assert 364 <= len(days) <= 366
        assert days == [days[0] + timedelta(days=number) for number in range(len(days))]

    @for_all(
        st.one_of(st.none(), st.integers(0, 6)),
        st.integers(0, 23),
        st.integers(0, 59),
        ZONES,
        st.lists(st.integers(1, 60 * 24 * 20), min_size=1, max_size=20),
    )
    def test_irregular_looks_never_owe_twice_and_always_owe_the_newest(
        self, weekday: int | None, hour: int, minute: int, zone: ZoneInfo, pauses: list[int]
    ) -> None:
        """However long the pauses are, in minutes."""
        after = now = moment("2026-03-01 00:00")
        for pause in pauses:
            now += timedelta(minutes=pause)
            due = due_at(weekday, hour, minute, Reader("reader@example.org", zone), after, now)
            if due is not None:
                assert after < due <= now
                assert weekday in (None, due.astimezone(zone).weekday())
                after = due
            assert due_at(weekday, hour, minute, Reader("reader@example.org", zone), after, now) is None
            assert now - after <= timedelta(days=8) or weekday is None

    def test_a_fixed_offset_is_a_zone_too(self) -> None:
        """What matters is the reader's hour."""
        zone = timezone(timedelta(hours=-3, minutes=-30))
        assert due_at(
            None, 8, 0, Reader("reader@example.org", zone), moment("2026-01-10 00:00"), moment("2026-01-10 11:30")
        ) == moment("2026-01-10 11:30")

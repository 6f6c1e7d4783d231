"""Events in words: short subjects, the verdict first, lines of 72, both zones, and when a digest is due."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rctrack.core.evidence import Commit, Instant, MessageId, SourceId
from rctrack.core.fold import fold
from rctrack.core.release import Observation, Release
from rctrack.core.summary import (
    ProjectSummary,
    digest_due,
    digest_message_id,
    digest_subject,
    digest_text,
    release_message_id,
    release_subject,
    release_text,
)
from rctrack.core.wording import WIDTH, Reader, SourceHealth, duration
from tests.support.given import PRIMARY, PROJECT, RULES, announcement, moment, sighting, tag, version

BERLIN = ZoneInfo("Europe/Berlin")
READER = Reader("reader@example.org", BERLIN)
GOOD = SourceHealth(PRIMARY, "good at 2026-03-24 12:45 UTC")


def a_release(
    *, tagged: str | None = "2026-03-24 12:00", announced: str | None = None, seen: str = "2026-03-24 12:30"
) -> Release:
    """2.42-rc2, seen soon after it was made."""
    seen_at = sighting(PRIMARY, seen)
    observations: list[Observation] = [
        *([tag("v2.42-rc2", tagged, seen_at, commit="b" * 40)] if tagged or not announced else []),
        *([announcement("2.42-rc2", announced, seen_at)] if announced else []),
    ]
    (release,) = fold(PROJECT, RULES, observations, {}).values()
    return release


class TestSubject:
    """Short and filterable."""

    @pytest.mark.parametrize(
        ("announced", "words"),
        [
            ("2026-03-24 12:00", "announced +0s"),
            ("2026-03-24 12:11", "announced +11m"),
            ("2026-03-24 11:15", "announced -45m"),
            ("2026-03-24 13:59", "announced +119m"),
            ("2026-03-24 14:00", "announced +2h"),
            ("2026-03-26 05:00", "announced +41h"),
            ("2026-03-26 12:00", "announced +2d"),
        ],
    )
    def test_the_announcement_is_measured_from_the_tag(self, announced: str, words: str) -> None:
        """In the one unit that matters."""
        release = replace(a_release(announced=announced), commits=312)
        assert release_subject(release) == f"[rctrack] demo v2.42-rc2 out: 312 commits, {words}"

    def test_what_is_not_known_is_not_said(self) -> None:
        """No count, no mail, no tag."""
        assert release_subject(a_release()) == "[rctrack] demo v2.42-rc2 out"
        assert release_subject(replace(a_release(), commits=1)) == "[rctrack] demo v2.42-rc2 out: 1 commit"
        mailed = a_release(tagged=None, announced="2026-03-24 12:00")
        assert release_subject(mailed) == "[rctrack] demo v2.42-rc2 out: announced, no tag seen yet"
        assert release_subject(replace(mailed, commits_announced=9)).endswith(
            "out: 9 commits by its mail, announced, no tag seen yet"
        )

    def test_seen_late_is_said(self) -> None:
        """More than a day after it was made."""
        assert release_subject(a_release(seen="2026-03-25 12:00")) == "[rctrack] demo v2.42-rc2 out"
        assert release_subject(a_release(seen="2026-04-03 12:00")).endswith("out: seen 10d late")

    @pytest.mark.parametrize(
        ("span", "words"),
        [
            (timedelta(0), "0 s"),
            (timedelta(seconds=59), "59 s"),
            (timedelta(minutes=41, seconds=9), "41 min"),
            (timedelta(hours=2), "2 h"),
            (timedelta(hours=2, minutes=5), "2 h 5 min"),
            (timedelta(days=2, hours=3, minutes=4), "2 d 3 h"),
            (timedelta(days=9), "9 d"),
            (timedelta(days=70, hours=5), "70 days"),
            (-timedelta(minutes=3), "3 min"),
        ],
    )
    def test_a_span_is_said_in_the_two_units_that_matter(self, span: timedelta, words: str) -> None:
        """Its sign is said otherwise."""
        assert duration(span) == words


class TestAlert:
    """The mail of one release."""

    def test_the_verdict_stands_on_the_first_line(self) -> None:
        """What, and when."""
        text = release_text("Demo", a_release(), None, [GOOD], READER)
        assert text.splitlines()[0] == "Demo v2.42-rc2 is out: tagged Tue 24 Mar 2026 12:00 UTC."
        mailed = a_release(tagged=None, announced="2026-03-24 12:00")
        assert "announced Tue 24 Mar 2026 12:00 UTC." in release_text("Demo", mailed, None, [], READER).splitlines()[0]

    def test_the_verdict_says_that_it_is_seen_late(self) -> None:
        """When it was made, and how long ago that is."""
        text = release_text("Demo", a_release(seen="2026-06-02 12:00"), None, [GOOD], READER)
        first = " ".join(text.split("\n\n", maxsplit=1)[0].split())
        assert first == "Demo v2.42-rc2 is out. It was tagged on Tue 24 Mar 2026 and is seen late, 70 days after."

    def test_the_verdict_says_that_no_date_is_known(self) -> None:
        """And invents none."""
        text = release_text("Demo", a_release(tagged=None), None, [], READER)
        assert text.startswith("Demo v2.42-rc2 is out; when it was made is not known.\n")
        assert "Tagged" not in text

    def test_moments_are_told_in_both_zones(self) -> None:
        """UTC, and the reader's own with its name; once for a reader who lives by UTC."""
        text = release_text("Demo", a_release(), None, [], READER)
        assert "  Tagged      Tue 2026-03-24 12:00 UTC (Tue 13:00 CET)\n" in text
        summer = a_release(tagged="2026-07-31 23:00", seen="2026-07-31 23:30")
        assert "Fri 2026-07-31 23:00 UTC (Sat 01:00 CEST)\n" in release_text("Demo", summer, None, [], READER)
        alone = release_text("Demo", a_release(), None, [], Reader("reader@example.org", UTC))
        assert "  Tagged      Tue 2026-03-24 12:00 UTC\n" in alone

    def test_gaps_name_what_they_are_measured_from(self) -> None:
        """Before or after."""
        release = a_release(announced="2026-03-24 11:30")
        text = release_text("Demo", release, None, [], READER)
        assert "30 min before the tag" in text

    def test_what_it_follows_and_how_big_it_is(self) -> None:
        """And with which command to look at it."""
        before = replace(a_release(tagged="2026-02-25 12:00"), version=version("2.42-rc1"), tag="v2.42-rc1")
        release = replace(a_release(), previous=version("2.42-rc1"), commits=327, commits_no_merges=272)
        text = release_text("Demo", release, before, [], READER)
        assert "  Follows     v2.42-rc1, made 27 days before\n" in text
        assert "  Commits     327, 272 without merges\n" in text
        assert f"  Commit      {'b' * 40}\n" in text
        assert "\ngit log v2.42-rc1..v2.42-rc2\n" in text

    def test_a_count_that_is_not_there_yet_is_said(self) -> None:
        """With what the mail says, if it does."""
        release = replace(a_release(), previous=version("2.42-rc1"))
        assert "Commits     not counted yet" in release_text("Demo", release, None, [], READER)
        announced = replace(release, commits_announced=330)
        assert "Commits     330 (as announced; not counted yet)" in release_text("Demo", announced, None, [], READER)

    def test_it_ends_with_why_you_get_it(self) -> None:
        """Behind a signature mark, after the sources' health."""
        text = release_text("Demo", a_release(), None, [GOOD], READER)
        assert text.endswith("-- \nYou get this because rctrack follows Demo for reader@example.org.\n")
        assert "Sources\n  tags https://primary.example/demo.git: good at 2026-03-24 12:45 UTC\n" in text

    def test_a_message_id_belongs_to_release_and_reader(self) -> None:
        """The same again for a resend, another for another reader, and fit for a header whatever the names are."""
        first = release_message_id(PROJECT, "2.42-rc2", "reader@example.org")
        assert first == release_message_id(PROJECT, "2.42-rc2", "reader@example.org")
        assert first != release_message_id(PROJECT, "2.42-rc2", "other@example.org")
        assert first != release_message_id(PROJECT, "2.42-rc1", "reader@example.org")
        assert release_message_id(PROJECT, "<1>\r\nBcc: x", "r").isprintable()
        assert digest_message_id(moment("2026-03-23 08:00"), "r") == digest_message_id(
            moment("2026-03-23 08:00").astimezone(BERLIN), "r"
        )


SINCE, UNTIL = moment("2026-03-16 07:00"), moment("2026-03-23 07:00")


class TestDigest:
    """The summary of a period."""

    def a_summary(self, *came: Release, newest: Release | None = None) -> ProjectSummary:
        """Of the demo project."""
        return ProjectSummary(PROJECT, "Demo", came, newest, (GOOD,))

    @pytest.mark.parametrize(("number", "words"), [(0, "no release"), (1, "1 release"), (3, "3 releases")])
    def test_the_subject_says_how_many(self, number: int, words: str) -> None:
        """And the days."""
        projects = [self.a_summary(*[a_release()] * number)]
        assert digest_subject(projects, SINCE, UNTIL) == f"[rctrack] digest 16 Mar to 23 Mar 2026: {words}"

    def test_what_came_is_listed(self) -> None:
        """The verdict first, in both zones."""
        release = replace(a_release(announced="2026-03-24 12:11"), commits=327)
        text = digest_text([self.a_summary(release)], SINCE, UNTIL, ["One thing to note."], READER)
        assert " ".join(text.split("\n\n")[0].split()) == (
            "1 release came from Mon 2026-03-16 07:00 UTC (Mon 08:00 CET) to Mon 2026-03-23 07:00 UTC (Mon 08:00 CET)."
        )
        assert "Demo\n  v2.42-rc2: Tue 24 Mar 12:00 UTC, 327 commits, announced +11m\n" in text
        assert "\n\nOne thing to note.\n\n" in text

    def test_a_quiet_week_says_what_is_newest(self) -> None:
        """And how old it is."""
        newest = a_release(tagged="2026-03-13 07:00")
        text = digest_text([self.a_summary(newest=newest)], SINCE, UNTIL, [], READER)
        assert text.startswith("Nothing was released from ")
        assert "  nothing new; newest is v2.42-rc2 of 13 Mar 2026, 10 days ago\n" in text
        assert "  nothing new\n" in digest_text([self.a_summary()], SINCE, UNTIL, [], READER)


# --- 72 columns, for anything ----------------------------------------------------------------------

instants = st.builds(
    Instant,
    st.integers(0, 3 * 10**9).map(lambda seconds: moment("1995-01-01 00:00") + timedelta(seconds=seconds)),
    st.integers(-14, 14).map(lambda hours: timedelta(hours=hours)),
)
maybe = st.one_of(st.none(), instants)
numbers = st.one_of(st.none(), st.integers(0, 10**7))
versions = st.builds(
    lambda numbers, rc: version(".".join(map(str, numbers)) + (f"-rc{rc}" if rc else "")),
    st.lists(st.integers(0, 20261231), min_size=1, max_size=4),
    st.integers(0, 12),
)


@st.composite
def releases(draw: st.DrawFn) -> Release:
    """Any release that a fold could come to."""
    this = draw(versions)
    return replace(
        a_release(),
        version=this,
        tag=draw(st.sampled_from([None, f"v{this.text}", f"a-longer-name-{this.text}"])),
        commit=draw(st.sampled_from([None, Commit("c" * 40)])),
        previous=draw(st.one_of(st.none(), versions)),
        tagged=draw(maybe),
        announced=draw(maybe),
        delivered=draw(maybe),
        archived=draw(maybe),
        first_seen_at=draw(instants).at,
        commits=draw(numbers),
        commits_no_merges=draw(numbers),
        commits_announced=draw(numbers),
        message_id=draw(st.sampled_from([None, MessageId("short@x"), MessageId("long" * 30 + "@mail.example.org")])),
        url=draw(st.sampled_from([None, "https://lists.example/" + "long" * 30])),
    )


zones = st.sampled_from([UTC, BERLIN, ZoneInfo("America/Argentina/Buenos_Aires"), ZoneInfo("Asia/Kathmandu")])
names = (
    st.text(alphabet="abcdefg ÄßЖ中(-.)", min_size=1, max_size=120)
    .filter(str.strip)
    .map(lambda text: " ".join(text.split()[:8])[:100])
)
health = st.lists(
    st.builds(SourceHealth, st.just("public-inbox https://lore.kernel.org/util-linux"), names), max_size=3
)


def too_long(text: str) -> list[str]:
    """The lines of more than 72 that could have been broken: one long word, or a link behind its label, cannot."""
    return [
        line
        for line in text.splitlines()
        if len(line) > WIDTH and not any(len(word) > WIDTH - 20 for word in line.split())
    ]


@settings(max_examples=40, deadline=None)
@given(releases(), st.one_of(st.none(), releases()), health, zones, names)
def test_no_line_of_an_alert_is_longer_than_72(
    release: Release, before: Release | None, sources: list[SourceHealth], zone: ZoneInfo, name: str
) -> None:
    """Whatever is known or not, and the subject is one line."""
    text = release_text(name, release, before, sources, Reader("reader@example.org", zone))
    assert too_long(text) == []
    assert text.endswith("\n")
    assert "\n\n\n" not in text
    assert "\n" not in release_subject(release)
    assert len(release_subject(release)) < 150


def test_a_tag_that_moved_is_flagged_in_the_digest() -> None:
    """Whoever had too many mails that hour reads of it here."""
    moved = tag("v2.42-rc2", "2026-03-24 12:00", sighting(PRIMARY, "2026-03-25 12:30"), object_id="o", commit="c")
    first = tag("v2.42-rc2", "2026-03-24 12:00", sighting(PRIMARY, "2026-03-24 12:30"))
    (release,) = fold(PROJECT, RULES, [first, moved], {}).values()
    summary = ProjectSummary(PROJECT, "Demo", (release,), release, ())
    text = digest_text([summary], moment("2026-03-23 00:00"), moment("2026-03-30 00:00"), [], READER)
    assert "v2.42-rc2: Tue 24 Mar 12:00 UTC, retagged" in text


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(names, st.lists(releases(), max_size=2), st.one_of(st.none(), releases()), health), max_size=3),
    st.lists(names, max_size=2),
    zones,
)
def test_no_line_of_a_digest_is_longer_than_72(
    projects: list[tuple[str, list[Release], Release | None, list[SourceHealth]]], notes: list[str], zone: ZoneInfo
) -> None:
    """Of any number of projects, with any name."""
    summaries = [
        ProjectSummary(PROJECT, name, tuple(came), newest, tuple(sources)) for name, came, newest, sources in projects
    ]
    text = digest_text(summaries, SINCE, UNTIL, notes, Reader("reader@example.org", zone))
    assert too_long(text) == []


# --- When a digest is due --------------------------------------------------------------------------


class TestDigestDue:
    """Computed from the last one, so that sleep loses none and sends none twice."""

    def due(self, weekday: int | None, after: str, now: str, hour: int = 8) -> datetime | None:
        """At this hour in Berlin."""
        return digest_due(weekday, hour, 0, BERLIN, moment(after), moment(now))

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
        assert digest_due(0, 0, 30, BERLIN, moment("2026-01-05 00:00"), moment("2026-01-11 23:30")) == moment(
            "2026-01-11 23:30"
        )
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
            due = digest_due(None, hour, 30, local, after, now)
            if due is not None:
                assert timedelta(0) <= now - due < timedelta(minutes=25)
                after = due
                there = due.astimezone(local)
                assert (there.hour, there.minute) == (hour, 30) or there.hour == hour + 1
                days.append(there.date())
        assert 364 <= len(days) <= 366
        assert days == [days[0] + timedelta(days=number) for number in range(len(days))]

    @given(
        st.one_of(st.none(), st.integers(0, 6)),
        st.integers(0, 23),
        st.integers(0, 59),
        zones,
        st.lists(st.integers(1, 60 * 24 * 20), min_size=1, max_size=20),
    )
    def test_irregular_looks_never_owe_twice_and_always_owe_the_newest(
        self, weekday: int | None, hour: int, minute: int, zone: ZoneInfo, pauses: list[int]
    ) -> None:
        """However long the pauses are, in minutes."""
        after = now = moment("2026-03-01 00:00")
        for pause in pauses:
            now += timedelta(minutes=pause)
            due = digest_due(weekday, hour, minute, zone, after, now)
            if due is not None:
                assert after < due <= now
                assert weekday in (None, due.astimezone(zone).weekday())
                after = due
            assert digest_due(weekday, hour, minute, zone, after, now) is None
            assert now - after <= timedelta(days=8) or weekday is None

    def test_a_fixed_offset_is_a_zone_too(self) -> None:
        """What matters is the reader's hour."""
        zone = timezone(timedelta(hours=-3, minutes=-30))
        assert digest_due(None, 8, 0, zone, moment("2026-01-10 00:00"), moment("2026-01-10 11:30")) == moment(
            "2026-01-10 11:30"
        )


def test_a_source_is_told_by_its_name() -> None:
    """Kind and address."""
    assert SourceHealth(SourceId("tags x"), "good").source == "tags x"

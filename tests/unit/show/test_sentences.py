"""The sentence of a notice: its kind first, then what it is about, then what there is to say, and nothing else."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given as for_all

from rctrack.core.evidence import SourceId
from rctrack.core.lateness import Cause, DelayKind, Ended
from rctrack.core.notice import Kind, Notice, Phase
from rctrack.core.release import Flag
from rctrack.show.forecasts import due_words
from rctrack.show.sentences import host, sentence
from tests.support.given import MIRROR, PRIMARY, moment
from tests.support.noticed import (
    NOW,
    ONE_OF_EACH,
    any_notice,
    change_facts,
    claim_facts,
    due_facts,
    late_facts,
    notice,
    outage_facts,
    release_facts,
    source_facts,
)


def out(**more: object) -> str:
    """The sentence of a release."""
    return sentence(notice(Kind.OUT, release_facts(**more)))  # type: ignore[arg-type]


def late(delay: DelayKind, where: str = "", **more: object) -> str:
    """What is said of a gap that is open."""
    facts = late_facts(delay, where, **more)  # type: ignore[arg-type]
    return sentence(notice(Kind.LATE, facts, Phase.LATE)).removeprefix("LATE demo v2.42-rc2: ")


def over(delay: DelayKind, where: str = "", cause: Cause | None = None, ended: Ended = Ended.CLOSED) -> str:
    """What is said of one that was over after 38 hours."""
    phase = Phase.NEVER if ended is Ended.NEVER else Phase.OVER
    told = notice(Kind.LATE, late_facts(delay, where, hours=38, cause=cause, ended=ended), phase)
    return sentence(told).removeprefix(f"{phase.upper()} demo v2.42-rc2: ")


class TestAnyKind:
    """One line, of which the first words say what it is."""

    HEADS = (
        "demo v2.42-rc2 out",
        "demo v2.42-rc2 out",
        "UNCONFIRMED demo v2.42-rc2:",
        "ANNOUNCED demo v2.42-rc2:",
        "RETAGGED demo v2.42-rc2",
        "LATE demo v2.42-rc2:",
        "OVER demo v2.42-rc2:",
        "NEVER demo v2.42-rc2:",
        "DOWN git.example:",
        "UP git.example:",
        "BLOCKED git.example:",
        "STALE demo:",
        "MOVED demo:",
        "MISREAD demo:",
        "demo: rc3",
    )
    """Of one of each kind, in the same order."""

    def test_begins_with_its_word_and_what_it_is_about(self) -> None:
        """Kind, project and version within 38 characters, as a list of mails shows them."""
        for told, head in zip(ONE_OF_EACH, self.HEADS, strict=True):
            assert sentence(told).startswith(head)
            assert len(f"[rctrack] {head}") <= 38

    @for_all(any_notice())
    def test_is_one_line_without_loose_ends(self, told: Notice) -> None:
        """Whatever is known of it or not."""
        said = sentence(told)
        assert said == " ".join(said.split())
        assert not said.endswith((":", ",", " "))
        assert not any(loose in said for loose in ("None", ", ,", ": ,", "::"))
        assert len(said) < 240


class TestAReleaseThatIsOut:
    """Its size, its mail, and what is odd about it."""

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
        assert out(commits=312, announced_at=moment(announced)) == f"demo v2.42-rc2 out: 312 commits, {words}"

    def test_what_is_not_known_is_not_said(self) -> None:
        """No count, no mail, no tag."""
        assert out() == "demo v2.42-rc2 out"
        assert out(commits=1) == "demo v2.42-rc2 out: 1 commit"
        assert out(commits=0) == "demo v2.42-rc2 out: 0 commits"
        mailed = {"tagged_at": None, "object_id": None, "announced_at": NOW}
        assert out(**mailed) == "demo v2.42-rc2 out: announced, no tag"
        assert out(**mailed, commits_announced=9) == "demo v2.42-rc2 out: 9 commits by its mail, announced, no tag"
        assert out(made_at=None, tagged_at=None, announced_at=NOW) == "demo v2.42-rc2 out", "a tag that nobody dates"

    def test_a_count_outweighs_what_the_mail_says(self) -> None:
        """It is exact."""
        assert out(commits=327, commits_announced=330) == "demo v2.42-rc2 out: 327 commits"

    @pytest.mark.parametrize(("seen", "words"), [("2026-03-25 12:00", ""), ("2026-04-03 12:00", ": seen 10d late")])
    def test_seen_late_is_said(self, seen: str, words: str) -> None:
        """More than a day after it was made."""
        assert out(first_seen_at=moment(seen)) == f"demo v2.42-rc2 out{words}"

    def test_a_date_of_the_future_is_said_and_not_believed(self) -> None:
        """Instead of how late it was seen."""
        assert out(is_misdated=True) == "demo v2.42-rc2 out: dated in the future"

    @pytest.mark.parametrize(
        ("flags", "words"),
        [
            ([Flag.RETAGGED], ": retagged"),
            ([Flag.EXTRA, Flag.GAP], ": gap, extra"),
            ([Flag.WITHDRAWN], ": withdrawn"),
            ([Flag.BAD_SIGNATURE], ": bad-signature"),
            ([Flag.UNSIGNED], ": unsigned"),
            ([Flag.UNCONFIRMED], ""),
        ],
    )
    def test_what_is_odd_about_it_is_said_last(self, flags: Sequence[Flag], words: str) -> None:
        """A claim is never called out, so that is no word of a release."""
        assert out(flags=flags) == f"demo v2.42-rc2 out{words}"


class TestAClaim:
    """Never worded as out."""

    def test_says_where_there_is_no_tag_or_who_cannot_be_asked(self) -> None:
        """A repository that was looked at says more than one that was not; down is what is known to be down."""
        said = {
            words: sentence(notice(Kind.UNCONFIRMED, claim_facts(*hosts))).removeprefix("UNCONFIRMED demo v2.42-rc2: ")
            for words, hosts in {
                "one": ([PRIMARY], []),
                "two": ([PRIMARY, MIRROR], []),
                "one of two": ([PRIMARY], [MIRROR]),
                "down": ([], [PRIMARY], [PRIMARY]),
                "both down": ([], [PRIMARY, MIRROR], [MIRROR, PRIMARY]),
                "one blocks us": ([], [PRIMARY, MIRROR], [MIRROR]),
                "stopped": ([], [PRIMARY]),
                "nobody": ([], []),
            }.items()
        }
        assert said == {
            "one": "announced, no tag at primary.example",
            "two": "announced, no tag at primary.example and mirror.example",
            "one of two": "announced, no tag at primary.example",
            "down": "announced, primary.example is down",
            "both down": "announced, primary.example and mirror.example are down",
            "one blocks us": "announced, primary.example and mirror.example cannot tell",
            "stopped": "announced, primary.example cannot tell",
            "nobody": "announced, no tag",
        }
        assert not any("out" in words.split() for words in said.values())


class TestAChange:
    """By its flag and its tag."""

    @pytest.mark.parametrize(
        ("flag", "word"),
        [(Flag.RETAGGED, "RETAGGED"), (Flag.WITHDRAWN, "WITHDRAWN"), (Flag.BAD_SIGNATURE, "BAD SIGNATURE")],
    )
    def test_has_a_word_for_each_flag(self, flag: Flag, word: str) -> None:
        """There is no more to say in a line."""
        assert sentence(notice(Kind.CHANGED, change_facts(flag))) == f"{word} demo v2.42-rc2"


class TestLateness:
    """What is missing, for how long, and where it is known to be."""

    @pytest.mark.parametrize(
        ("delay", "where", "words"),
        [
            (DelayKind.ANNOUNCEMENT, "", "no mail for 26 h, tag is at git.example"),
            (DelayKind.MIRROR, "m.example", "not at m.example for 26 h, tag is at git.example"),
            (DelayKind.LISTING, "www.example", "not listed at www.example for 26 h, tag is at git.example"),
            (DelayKind.OVERDUE, "2.42-rc1", "due by Mon 23 Mar 10:30 UTC, not there"),
            (DelayKind.TAG, "", "announced, no tag for 26 h"),
            (DelayKind.ARCHIVE, "lists.example", "not in the archive for 26 h"),
        ],
    )
    def test_says_what_is_missing_and_for_how_long(self, delay: DelayKind, where: str, words: str) -> None:
        """One form for each kind."""
        assert late(delay, where, shown_at=("git.example",)) == words

    def test_where_the_tag_is_is_said_only_where_it_is_known(self) -> None:
        """Several hosts of one owner are named together."""
        assert late(DelayKind.ANNOUNCEMENT) == "no mail for 26 h"
        hosts = ("git.kernel.org", "www.kernel.org")
        assert late(DelayKind.ANNOUNCEMENT, shown_at=hosts) == "no mail for 26 h, tag is at kernel.org (git, www)"

    @pytest.mark.parametrize(
        ("hours", "words"), [(1, "1 h"), (1.5, "1 h 30 min"), (12, "12 h"), (71, "71 h"), (72, "3 d"), (241, "10 days")]
    )
    def test_a_length_is_in_hours_as_long_as_people_count_in_them(self, hours: float, words: str) -> None:
        """Three days are three days."""
        assert late(DelayKind.ANNOUNCEMENT, since=NOW - timedelta(hours=hours)) == f"no mail for {words}"

    @pytest.mark.parametrize(
        ("delay", "where", "cause", "words"),
        [
            (DelayKind.ANNOUNCEMENT, "", Cause.MAIL, "announced, mail was held for 38 h"),
            (DelayKind.ANNOUNCEMENT, "", Cause.PROJECT, "announced after 38 h"),
            (DelayKind.ANNOUNCEMENT, "", Cause.ARCHIVE, "announced, stored by the archive after 38 h"),
            (DelayKind.TAG, "", Cause.PROJECT, "tagged after 38 h"),
            (DelayKind.DELIVERY, "", Cause.MAIL, "announced, mail was held for 38 h"),
            (DelayKind.ARCHIVE, "l.example", Cause.ARCHIVE, "announced, stored by the archive after 38 h"),
            (DelayKind.MIRROR, "m.example", Cause.MIRROR, "is at m.example after 38 h"),
            (DelayKind.MIRROR, "m.example", Cause.HOST, "is at m.example after 38 h, which was down"),
            (DelayKind.LISTING, "www.example", Cause.SITE, "is listed at www.example after 38 h"),
            (DelayKind.OVERDUE, "2.42-rc1", Cause.PROJECT, "is there, 38 h overdue"),
        ],
    )
    def test_an_end_says_how_long_it_took_and_whose_gap_it_was(
        self, delay: DelayKind, where: str, cause: Cause, words: str
    ) -> None:
        """Where it is not plainly the project's."""
        assert over(delay, where, cause) == words

    def test_what_never_came_is_said_so(self) -> None:
        """A later release is complete without it."""
        assert over(DelayKind.ANNOUNCEMENT, ended=Ended.NEVER) == "was not announced"
        assert over(DelayKind.LISTING, "www.example", ended=Ended.NEVER) == "was not listed"


class TestHostsAndSources:
    """Who is down, since when; and what is wrong with an address."""

    def test_down_and_up(self) -> None:
        """An end has the length; a host that does not let us in is not silent."""
        hosts = ("git.kernel.example", "www.kernel.example")
        down = notice(Kind.OUTAGE, outage_facts(*hosts), Phase.DOWN)
        assert sentence(down) == "DOWN kernel.example (git, www): no answer since Tue 24 Mar 09:30 UTC"
        up = notice(Kind.OUTAGE, outage_facts(*hosts, until=NOW + timedelta(days=33)), Phase.UP)
        assert sentence(up) == "UP kernel.example (git, www): after 33 days"
        blocked = notice(Kind.BLOCKED, outage_facts("one.example"))
        assert sentence(blocked) == "BLOCKED one.example: does not let us in since Tue 24 Mar 09:30 UTC"

    @pytest.mark.parametrize(
        ("kind", "words"),
        [
            (Kind.STALE, "STALE demo: announcements go on, and primary.example shows no tag of them"),
            (Kind.MOVED, "MOVED demo: primary.example has moved"),
            (Kind.MISREAD, "MISREAD demo: primary.example answers with something else"),
        ],
    )
    def test_a_source_that_does_not_give_what_it_gave(self, kind: Kind, words: str) -> None:
        """By its host."""
        assert sentence(notice(kind, source_facts())) == words

    @pytest.mark.parametrize(
        ("source", "name"),
        [
            ("tags https://git.example/demo.git", "git.example"),
            ("tags /srv/a/very/long/folder/demo.git", "demo.git"),
            ("maildir /srv/mail/demo/", "demo"),
        ],
    )
    def test_what_is_on_this_machine_is_named_by_its_last_part(self, source: str, name: str) -> None:
        """A path would not fit into a line."""
        assert host(SourceId(source)) == name


def test_a_forecast_says_what_comes_when() -> None:
    """With the odds of the day where they are good, else with the likely days; few cases are counted out."""
    assert sentence(notice(Kind.DUE, due_facts())) == "demo: rc3; Tue 31 Mar, 2 in 3"
    unsure = due_facts(on_odds=0.2, odds=0.7, others=("final",))
    likely = "30 Mar to 5 Apr, 4 in 5, likeliest Tue 31 Mar"
    assert sentence(notice(Kind.DUE, unsure)) == f"demo: rc3, 2 in 3, else final; {likely}"
    few = due_facts(step_times=3, step_cases=5, cases=5, came=4, others=("final",))
    counted = "30 Mar to 5 Apr, 4 of 5 had come by then, likeliest Tue 31 Mar"
    assert sentence(notice(Kind.DUE, few)) == f"demo: rc3, 3 of 5 times, else final; {counted}"
    past = due_facts(on=moment("2026-03-10 12:00"), first=moment("2026-03-09 12:00"), last=moment("2026-03-12 12:00"))
    assert sentence(notice(Kind.DUE, past)) == "demo: rc3 was due Tue 10 Mar"


@pytest.mark.parametrize(
    ("day", "said"),
    [
        ("2026-01-01 12:00", "rc3; Thu 8 Jan, 2 in 3"),
        ("2025-12-20 12:00", "rc3; Thu 8 Jan 2026, 2 in 3"),
        ("2026-01-13 12:00", "rc3 was due Thu 8 Jan"),
    ],
)
def test_a_day_of_another_year_is_named_with_it(day: str, said: str) -> None:
    """And what is past its last likely day was due."""
    facts = due_facts(on=moment("2026-01-08 12:00"), first=moment("2026-01-07 12:00"), last=moment("2026-01-12 12:00"))
    assert due_words(facts, moment(day)) == said

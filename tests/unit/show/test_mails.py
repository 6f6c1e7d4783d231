"""A mail: the verdict on the first line, what is known in columns, lines of at most 72, and why one gets it."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from rctrack.core.book import Book
from rctrack.core.evidence import SourceId
from rctrack.core.hosts import Health, Outage, OutageKind
from rctrack.core.lateness import Cause, DelayKind
from rctrack.core.notice import Kind, Notice, OutageFacts, Phase
from rctrack.core.release import LongestWait, Observation
from rctrack.show import words
from rctrack.show.mails import Neighbourhood, Reader, subject, text_of_hosts, text_of_project
from rctrack.show.sentences import sentence
from tests.support.books import ALIVE, a_book
from tests.support.given import PRIMARY, announcement, moment, sighting, tag
from tests.support.lines import too_long
from tests.support.noticed import (
    HOSTS,
    NOW,
    ONE_OF_EACH,
    SENTENCES,
    any_book,
    any_notice,
    change_facts,
    claim_facts,
    due_facts,
    late_facts,
    notice,
    outage_facts,
    release_facts,
)

READER = Reader("reader@example.org", ZoneInfo("Europe/Berlin"))
ZONES = st.sampled_from([ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires")])
OF_PROJECTS = [kind for kind in Kind if kind not in (Kind.OUTAGE, Kind.BLOCKED, Kind.DUE)]
SEEN = sighting(PRIMARY, "2026-03-24 12:30")
TAG = tag("v2.42-rc2", "2026-03-24 12:00", SEEN, commit="b" * 40)


def mail(told: Notice, seen: list[Observation] | None = None, *more: Notice, health: Health = ALIVE) -> str:
    """The text about one notice, of a project where this was seen."""
    book = a_book([TAG] if seen is None else seen, NOW, notices=[told, *more], name="Demo", health=health)
    return text_of_project([told], book, READER)


class TestRelease:
    """What is out, when, how big, and where."""

    def test_the_verdict_stands_on_the_first_line(self) -> None:
        """With project, tag and moment."""
        first = mail(notice(Kind.OUT, release_facts())).splitlines()[0]
        assert first == "Demo v2.42-rc2 is out: tagged Tue 24 Mar 2026 12:00 UTC."

    def test_seen_late_is_said_first(self) -> None:
        """Nobody may think that it came just now."""
        late = release_facts(first_seen_at=moment("2026-04-24 12:00"))
        assert "It was tagged on Tue 24 Mar 2026 and is seen late, 31 days after." in mail(
            notice(Kind.OUT, late)
        ).replace("\n", " ")

    def test_a_date_that_nobody_knows_is_not_made_up(self) -> None:
        """Neither tag nor mail had one."""
        facts = release_facts(made_at=None, tagged_at=None)
        assert "when it was made is not known" in mail(notice(Kind.OUT, facts), [])

    def test_gaps_name_what_they_are_measured_from(self) -> None:
        """The mail against the tag, the delivery against the mail."""
        seen: list[Observation] = [
            TAG,
            announcement("2.42-rc2", "2026-03-24 12:11", SEEN, delivered="2026-03-24 12:14"),
        ]
        text = mail(notice(Kind.OUT, release_facts()), seen)
        assert "  11 min after the tag\n" in text
        assert "  3 min after the mail's Date\n" in text

    def test_a_count_that_is_not_there_yet_is_said(self) -> None:
        """It is no zero."""
        before = tag("v2.42-rc1", "2026-03-17 12:00", SEEN)
        assert "  Commits     not counted yet\n" in mail(notice(Kind.OUT, release_facts()), [before, TAG])

    def test_many_in_one_mail_are_counted_in_its_subject(self) -> None:
        """The first is named."""
        told = [notice(Kind.OUT, release_facts()) for _ in range(3)]
        assert subject(told) == "[rctrack] demo v2.42-rc2 out and 2 more"

    def test_it_says_what_comes_next_and_why_one_gets_it(self) -> None:
        """In this order, at the end."""
        text = mail(notice(Kind.OUT, release_facts()), None, notice(Kind.DUE, due_facts(), subject="next"))
        assert text.index("Next: ") < text.index("reader@example.org")


class TestClaim:
    """A mail without its tag."""

    def test_says_where_no_tag_is_and_accuses_nobody(self) -> None:
        """Only what was looked for, and where."""
        text = mail(notice(Kind.UNCONFIRMED, claim_facts([PRIMARY])), [])
        assert text.startswith("A mail says that Demo v2.42-rc2 is out.")
        assert "no tag of it is at primary.example." in text.replace("\n", " ")

    def test_names_a_repository_that_is_not_followed(self) -> None:
        """The project may have moved."""
        text = mail(notice(Kind.UNCONFIRMED, claim_facts(names="https://elsewhere.example/demo.git")), [])
        assert "  https://elsewhere.example/demo.git\n" in text


def test_a_change_gives_both_objects() -> None:
    """Who has the old one can compare."""
    facts = change_facts()
    text = mail(notice(Kind.CHANGED, facts))
    for known in (facts.object_id, facts.new_object_id, facts.commit, facts.new_commit):
        assert str(known) in text


class TestLate:
    """A gap, its cause, and what was down meanwhile."""

    def test_while_it_lasts_it_says_what_is_usual(self) -> None:
        """The limit is of this project."""
        text = mail(notice(Kind.LATE, late_facts(), Phase.LATE))
        assert f"{words.duration(late_facts().limit)} is the limit" in text.replace("\n", " ")

    def test_a_mail_that_was_held_names_the_hop(self) -> None:
        """The proof is in its headers."""
        held = LongestWait("mx.example", "list.example", timedelta(hours=38))
        seen: list[Observation] = [TAG, replace(announcement("2.42-rc2", "2026-03-24 12:11", SEEN), longest_wait=held)]
        text = mail(notice(Kind.LATE, late_facts(hours=38, cause=Cause.MAIL), Phase.OVER), seen).replace("\n", " ")
        assert "Of its way, it waited 38 h" in text
        assert "list.example" in text

    def test_what_was_down_meanwhile_is_told_with_it(self) -> None:
        """It explains, and is a mail of its own only for those who follow hosts."""
        down = Outage(
            OutageKind.DOWN, frozenset({"list.example"}), moment("2026-03-24 00:00"), moment("2026-03-24 06:00"),
            moment("2026-03-24 09:30"), None, "connection refused",
        )  # fmt: skip
        told = notice(Kind.LATE, late_facts(DelayKind.ANNOUNCEMENT), Phase.LATE)
        assert "list.example" not in mail(told)
        assert "list.example" in mail(told, health=Health((), (down,)))


class TestHosts:
    """What is down and back."""

    NEAR = Neighbourhood((("demo", PRIMARY),), ("github.com",))

    def test_down_names_what_is_read_there_and_who_answers(self) -> None:
        """So that one sees what is missed."""
        text = text_of_hosts(notice(Kind.OUTAGE, outage_facts(), Phase.DOWN), self.NEAR, READER)
        assert "has been down for" in text.splitlines()[0]
        assert "Read from there\n" in text
        assert "These answer: github.com." in text
        assert "They say: connection refused" in text

    def test_up_says_how_long_it_was(self) -> None:
        """And nothing of the others."""
        text = text_of_hosts(notice(Kind.OUTAGE, outage_facts(until=NOW), Phase.UP), self.NEAR, READER)
        assert "answers again." in text.splitlines()[0]
        assert "Length" in text
        assert "These answer" not in text


# --- For anything that there could be --------------------------------------------------------------


@st.composite
def any_told(draw: st.DrawFn) -> tuple[list[Notice], Book]:
    """Notices of one project with a book that has them."""
    told = draw(st.lists(any_notice(*OF_PROJECTS), min_size=1, max_size=4))
    return told, draw(any_book(told))


@settings(max_examples=60, deadline=None)
@for_all(any_told(), ZONES)
def test_no_line_is_longer_than_72(told: tuple[list[Notice], Book], zone: ZoneInfo) -> None:
    """Whatever is known or not; the subject is one line, and paragraphs are one empty line apart."""
    text = text_of_project(*told, Reader("reader@example.org", zone))
    assert too_long(text) == []
    assert text.endswith("\n")
    assert "\n\n\n" not in text
    assert "None" not in text
    assert "\n" not in subject(told[0])


@settings(max_examples=30, deadline=None)
@for_all(
    any_notice(Kind.OUTAGE, Kind.BLOCKED),
    st.lists(st.tuples(st.sampled_from(["demo", "a-longer-name"]), st.just(SourceId("tags " + "x/" * 60))), max_size=3),
    st.lists(HOSTS, max_size=5, unique=True),
)
def test_no_line_about_hosts_is_longer_than_72(
    told: Notice, followed: list[tuple[str, SourceId]], answering: list[str]
) -> None:
    """Of any number of hosts."""
    text = text_of_hosts(told, Neighbourhood(tuple(followed), tuple(answering)), READER)
    assert isinstance(told.facts, OutageFacts)
    assert too_long(text) == []
    assert "\n\n\n" not in text


@pytest.mark.parametrize("told", [each for each in ONE_OF_EACH if each.kind in OF_PROJECTS], ids=sentence)
def test_each_kind_has_a_text(told: Notice) -> None:
    """A notice without a word would be an empty mail."""
    paragraphs = mail(told).strip().split("\n\n")
    assert len(paragraphs) > 1
    assert paragraphs[0]


@for_all(SENTENCES)
def test_a_project_may_be_called_anything(name: str) -> None:
    """Its name stands as it is written in the file."""
    told = notice(Kind.OUT, release_facts())
    text = text_of_project([told], a_book([TAG], NOW, notices=[told], name=name), READER)
    assert " ".join(text.split()).startswith(f"{' '.join(name.split())} v2.42-rc2 is out")

"""Who gets which notice: by topic, project and what they were told before; releases of one look are one mail."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from rctrack.config import Config, Recipient, load
from rctrack.core.evidence import ProjectId
from rctrack.core.lateness import Cause, DelayKind, Ended
from rctrack.core.notice import ALERTS, Kind, Notice, Phase, Topic, key_of, topic_of
from rctrack.core.release import Flag
from rctrack.send.addressing import MOST_AN_HOUR, Owed, Parcel, WasTold, parcels
from tests.support.noticed import (
    ONE_OF_EACH,
    any_notice,
    change_facts,
    claim_facts,
    late_facts,
    notice,
    outage_facts,
    release_facts,
    source_facts,
)

ANN, BOB = "ann@example.org", "bob@example.org"
PROJECTS = """\
name = "Demo"
scheme = "dotted"
[[tags]]
url = "https://git.example/demo.git"
[[lists]]
kind = "public-inbox"
url = "https://lists.example/demo"
from = "kim@example.org"
subject = '^demo (?P<version>\\S+)'
"""


def reader(
    address: str = ANN,
    topics: Collection[Topic] = ALERTS,
    *,
    projects: Sequence[str] | None = None,
    first: bool = False,
) -> Recipient:
    """Somebody who wants these topics."""
    chosen = None if projects is None else frozenset(projects)
    return Recipient(address, chosen, frozenset(topics), None, ZoneInfo("UTC"), gets_first=first)


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A configuration that follows demo at two hosts, and other at another."""
    folder = tmp_path_factory.mktemp("followed")
    (folder / "projects").mkdir()
    (folder / "projects" / "demo.toml").write_text(PROJECTS)
    (folder / "projects" / "other.toml").write_text(PROJECTS.replace("git.example", "other.example"))
    (folder / "rctrack.toml").write_text('projects = ["demo", "other"]\n')
    return load(folder / "rctrack.toml", None, {})


Sent = Callable[..., list[Parcel]]


@pytest.fixture(scope="module")
def sent(followed: Config) -> Sent:
    """What these readers get of these notices, told before as it says."""

    def get(
        notices: Sequence[Notice],
        *readers: Recipient,
        told: Collection[tuple[str, str]] = (),
        owed: Owed = lambda address, topics: 0,
    ) -> list[Parcel]:
        to = replace(followed, mail=replace(followed.mail, to=readers or (reader(),)))
        was_told: WasTold = lambda key, address: (key, address) in told  # noqa: E731
        return list(parcels(notices, to, was_told, owed))

    return get


def named(parcel: Parcel) -> tuple[str, Topic, list[str]]:
    """Who gets what, in short."""
    return (parcel.reader.address, parcel.topic, [str(each.kind) for each in parcel.notices])


def candidate(number: int, topic: Topic = Topic.RC, phase: Phase = Phase.WHOLE) -> Notice:
    """That 2.42-rcN is out."""
    return notice(Kind.OUT, release_facts(topic=topic, version=f"2.42-rc{number}"), phase, subject=f"2.42-rc{number}")


class TestTopics:
    """A reader gets what they chose."""

    @pytest.mark.parametrize("told", ONE_OF_EACH, ids=lambda told: f"{told.kind} {told.phase}".strip())
    def test_of_each_kind_those_who_chose_its_topic(self, sent: Sent, told: Notice) -> None:
        """And nobody gets a forecast, which has none."""
        topic = topic_of(told)
        before = [(key_of(told.project, told.kind, told.subject, phase), ANN) for phase in (Phase.LATE, Phase.DOWN)]
        facts = told.facts
        if told.project is None:
            told = replace(told, facts=replace(facts, hosts=("git.example",)))  # type: ignore[arg-type]
        everything = [topic for topic in Topic if topic is not topic_of(told)]
        got = [
            len(sent([told], reader(topics=topics, first=told.phase is Phase.FIRST), told=before))
            for topics in (everything, [topic] if topic else list(Topic))
        ]
        assert got == [0, 1 if topic else 0]

    def test_a_release_has_the_topic_of_its_kind(self, sent: Sent) -> None:
        """Candidates, finals and point releases are chosen one by one."""
        notices = [candidate(number, topic) for number, topic in enumerate((Topic.RC, Topic.FINAL, Topic.POINT), 1)]
        for number, topic in enumerate((Topic.RC, Topic.FINAL, Topic.POINT), 1):
            [parcel] = sent(notices, reader(topics=[topic]))
            assert [each.subject for each in parcel.notices] == [f"2.42-rc{number}"]
            assert parcel.topic is topic

    def test_who_follows_another_project_gets_nothing(self, sent: Sent) -> None:
        """Each project for itself."""
        there = notice(Kind.OUT, release_facts(), project=ProjectId("other"))
        assert [each.project for each in sent([candidate(1), there], reader(projects=["other"]))] == ["other"]

    def test_hosts_concern_those_who_follow_something_there(self, sent: Sent) -> None:
        """Whatever they follow elsewhere."""
        down = notice(Kind.OUTAGE, outage_facts("git.example"), Phase.DOWN)
        ann, bob = reader(ANN, projects=["demo"]), reader(BOB, projects=["other"])
        assert [each.reader.address for each in sent([down], ann, bob)] == [ANN]
        both = notice(Kind.OUTAGE, outage_facts("git.example", "other.example"), Phase.DOWN)
        assert [each.reader.address for each in sent([both], ann, bob)] == [ANN, BOB]
        nobody = notice(Kind.OUTAGE, outage_facts("elsewhere.example"), Phase.DOWN)
        assert sent([nobody], ann, bob) == []

    @pytest.mark.parametrize("kind", [Kind.STALE, Kind.MOVED, Kind.MISREAD])
    def test_our_own_troubles_are_the_operators(self, sent: Sent, kind: Kind) -> None:
        """Alerts are for everybody, these are not."""
        trouble = notice(kind, source_facts(), subject="tags x")
        assert sent([trouble], reader(topics=ALERTS)) == []
        assert [named(each) for each in sent([trouble], reader(topics=[Topic.OPERATOR]))] == [
            (ANN, Topic.OPERATOR, [str(kind)])
        ]

    @for_all(st.lists(any_notice(), max_size=5))
    def test_what_is_silent_is_told_to_nobody(self, sent: Sent, notices: list[Notice]) -> None:
        """Whatever it is."""
        assert sent([each.silenced() for each in notices], reader(topics=list(Topic), first=True)) == []


class TestFirstAndWhole:
    """A reader hears of a release once: as soon as it is known, or whole."""

    def test_the_first_is_for_those_who_asked_for_it(self, sent: Sent) -> None:
        """The others wait."""
        first = candidate(1, phase=Phase.FIRST)
        assert [each.reader.address for each in sent([first], reader(ANN, first=True), reader(BOB))] == [ANN]

    def test_the_whole_is_for_those_who_did_not_have_the_first(self, sent: Sent) -> None:
        """Also where they would have liked it: it was told whole at once."""
        first, whole = candidate(1, phase=Phase.FIRST), candidate(1)
        readers = (reader(ANN, first=True), reader(BOB))
        assert [each.reader.address for each in sent([whole], *readers, told=[(first.key, ANN)])] == [BOB]
        assert [each.reader.address for each in sent([whole], *readers)] == [ANN, BOB]

    def test_who_does_not_ask_for_the_first_any_more_is_not_told_again(self, sent: Sent) -> None:
        """They had it when they did."""
        first, whole = candidate(1, phase=Phase.FIRST), candidate(1)
        assert sent([whole], reader(ANN), told=[(first.key, ANN)]) == []


class TestEnds:
    """An end is told to those who were told the begin, and to nobody else."""

    @pytest.mark.parametrize(
        ("begin", "end", "facts"),
        [
            (Phase.LATE, Phase.OVER, late_facts(hours=38, cause=Cause.MAIL)),
            (Phase.LATE, Phase.NEVER, late_facts(hours=38, ended=Ended.NEVER)),
        ],
    )
    def test_over_goes_to_whom_late_was_mailed(self, sent: Sent, begin: Phase, end: Phase, facts: object) -> None:
        """Not to one who had no room for it, nor to one who came later."""
        late = notice(Kind.LATE, late_facts(), begin, subject="2.42-rc2 announcement")
        over = replace(late, phase=end, facts=facts)  # type: ignore[arg-type]
        readers = (reader(ANN), reader(BOB))
        assert sent([over], *readers) == []
        assert [named(each) for each in sent([over], *readers, told=[(late.key, BOB)])] == [(BOB, Topic.LATE, ["late"])]

    def test_up_goes_to_whom_down_was_mailed(self, sent: Sent) -> None:
        """By the very outage: another one of the same host is another matter."""
        down = notice(Kind.OUTAGE, outage_facts(), Phase.DOWN, subject="git.example 20260324T090000Z")
        up = replace(down, phase=Phase.UP)
        readers = (reader(ANN), reader(BOB))
        earlier = replace(down, subject="git.example 20260101T000000Z")
        told = [(down.key, ANN), (earlier.key, BOB)]
        assert [named(each) for each in sent([up], *readers, told=told)] == [(ANN, Topic.OUTAGE, ["outage"])]

    def test_of_another_gap_of_the_same_release_nothing_follows(self, sent: Sent) -> None:
        """Who was told of the mirror is not told of the mail."""
        mirror = notice(Kind.LATE, late_facts(DelayKind.MIRROR, "m"), Phase.LATE, subject="2.42-rc2 mirror m")
        over = notice(Kind.LATE, late_facts(hours=38), Phase.OVER, subject="2.42-rc2 announcement")
        assert sent([over], told=[(mirror.key, ANN)]) == []


class TestBundles:
    """Releases of one look are one mail, changed tags another, all else one by one."""

    def test_releases_of_one_look_are_one_mail(self, sent: Sent) -> None:
        """However many, of whatever kind, and in whatever order with other things."""
        moved = notice(Kind.CHANGED, change_facts(), subject="2.42-rc1 retagged")
        gone = notice(Kind.CHANGED, change_facts(Flag.WITHDRAWN), subject="2.42-rc1 withdrawn")
        claim = notice(Kind.UNCONFIRMED, claim_facts(), subject="2.43")
        other = notice(Kind.UNCONFIRMED, claim_facts(), subject="2.44")
        notices = [candidate(1), moved, claim, candidate(2, Topic.FINAL), gone, other]
        assert [named(each) for each in sent(notices)] == [
            (ANN, Topic.RC, ["out", "out"]),
            (ANN, Topic.CHANGED, ["changed", "changed"]),
            (ANN, Topic.UNCONFIRMED, ["unconfirmed"]),
            (ANN, Topic.UNCONFIRMED, ["unconfirmed"]),
        ]

    def test_each_reader_has_those_that_they_chose(self, sent: Sent) -> None:
        """A mail of one reader says nothing of what they did not want."""
        notices = [candidate(1), candidate(2, Topic.FINAL)]
        got = sent(notices, reader(ANN, [Topic.FINAL]), reader(BOB))
        assert [(each.reader.address, [told.subject for told in each.notices]) for each in got] == [
            (ANN, ["2.42-rc2"]),
            (BOB, ["2.42-rc1", "2.42-rc2"]),
        ]


def most(*, of: Topic) -> Owed:
    """As many mails of this topic as an hour has room for."""
    return lambda address, topics: MOST_AN_HOUR if of in topics else 0


class TestCaps:
    """Each class has room of its own; what is left out of mail stands in the digest."""

    OF_CLASSES = (
        (Topic.RC, candidate(1)),
        (Topic.LATE, notice(Kind.LATE, late_facts(), Phase.LATE)),
        (Topic.UNCONFIRMED, notice(Kind.UNCONFIRMED, claim_facts())),
    )
    UNDER_NONE = (
        notice(Kind.CHANGED, change_facts()),
        notice(Kind.OUTAGE, outage_facts("git.example"), Phase.DOWN),
        notice(Kind.STALE, source_facts()),
    )

    @pytest.mark.parametrize(("topic", "told"), OF_CLASSES)
    def test_a_class_that_had_its_mails_this_hour_has_no_room(self, sent: Sent, topic: Topic, told: Notice) -> None:
        """And takes none from the others."""
        for other, _ in self.OF_CLASSES:
            assert len(sent([told], owed=most(of=other))) == (0 if other is topic else 1)

    def test_candidates_finals_and_point_releases_are_one_class(self, sent: Sent) -> None:
        """They share their room."""
        for topic in (Topic.RC, Topic.FINAL, Topic.POINT, Topic.ANNOUNCED):
            assert sent([candidate(1)], owed=most(of=topic)) == []

    @pytest.mark.parametrize("told", UNDER_NONE, ids=lambda told: str(told.kind))
    def test_what_matters_most_is_under_no_cap(self, sent: Sent, told: Notice) -> None:
        """A tag that moved, a host that is down, a source that has stopped: whatever else there was."""
        everything: Owed = lambda address, topics: 10_000  # noqa: E731
        assert len(sent([told], reader(topics=list(Topic)), owed=everything)) == 1

    def test_room_is_counted_down_within_a_look(self, sent: Sent) -> None:
        """Of five claims three have room; each reader has their own."""
        claims = [notice(Kind.UNCONFIRMED, claim_facts(), subject=f"2.{n}") for n in range(5)]
        three_left: Owed = lambda address, topics: MOST_AN_HOUR - 3 if address == ANN else 0  # noqa: E731
        got = [each.reader.address for each in sent(claims, reader(ANN), reader(BOB), owed=three_left)]
        assert (got.count(ANN), got.count(BOB)) == (3, 5)

    @for_all(st.lists(any_notice(), max_size=30), st.integers(0, MOST_AN_HOUR + 2))
    def test_no_class_passes_its_cap_and_nothing_is_told_twice(
        self, sent: Sent, notices: list[Notice], owed: int
    ) -> None:
        """Whatever comes in one look."""
        got = sent(notices, reader(topics=list(Topic)), owed=lambda address, topics: owed)
        for group in ({Topic.LATE}, {Topic.UNCONFIRMED}, {Topic.RC, Topic.FINAL, Topic.POINT, Topic.ANNOUNCED}):
            assert sum(each.topic in group for each in got) <= max(0, MOST_AN_HOUR - owed)
        told = [id(each) for parcel in got for each in parcel.notices]
        assert len(told) == len(set(told))
        assert {id(each) for each in notices} >= set(told)


def test_without_readers_nobody_gets_anything(followed: Config) -> None:
    """A configuration may have none."""
    nobody = replace(followed, mail=replace(followed.mail, to=()))
    assert list(parcels(ONE_OF_EACH, nobody, lambda key, address: False, lambda address, topics: 0)) == []

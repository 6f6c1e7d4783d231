"""Notices for tests of what is told: one of each kind, and any that there could be."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import strategies as st

from rctrack.core.book import Book
from rctrack.core.evidence import Commit, Instant, MessageId, ObjectId, Observer, ProjectId, SourceId
from rctrack.core.hosts import Health, Outage, OutageKind
from rctrack.core.lateness import Cause, DelayKind, Ended
from rctrack.core.look import Outcome, Run
from rctrack.core.notice import (
    ChangeFacts,
    ClaimFacts,
    DueFacts,
    Facts,
    Kind,
    LateFacts,
    Notice,
    OutageFacts,
    Phase,
    ReleaseFacts,
    SourceFacts,
    Topic,
)
from rctrack.core.release import Announcement, Flag, LongestWait, Observation
from rctrack.core.version import VersionId
from tests.support.books import a_book
from tests.support.given import LIST, MIRROR, PRIMARY, PROJECT, announcement, moment, sighting, tag

NOW = moment("2026-03-24 12:30")
VERSION = VersionId("2.42-rc2")


def release_facts(*, topic: Topic = Topic.RC, flags: Sequence[Flag] = (), **more: object) -> ReleaseFacts:
    """2.42-rc2, tagged half an hour ago."""
    made = ReleaseFacts(
        version="2.42-rc2",
        name="v2.42-rc2",
        topic=topic,
        made_at=moment("2026-03-24 12:00"),
        tagged_at=moment("2026-03-24 12:00"),
        announced_at=None,
        first_seen_at=NOW,
        commits=None,
        commits_no_merges=None,
        commits_announced=None,
        message_id=None,
        url=None,
        object_id=ObjectId("object of v2.42-rc2"),
        flags=tuple(flags),
    )
    return replace(made, **more)  # type: ignore[arg-type]


def claim_facts(
    looked_at: Sequence[SourceId] = (), silent: Sequence[SourceId] = (), down: Sequence[SourceId] = (), **more: object
) -> ClaimFacts:
    """A mail that says that 2.42-rc2 is out."""
    made = ClaimFacts(
        version="2.42-rc2",
        name="v2.42-rc2",
        sender="maintainer@example.org",
        message_id=MessageId("2.42-rc2@example.org"),
        url="https://lists.example/demo/2.42-rc2@example.org/",
        announced_at=moment("2026-03-24 11:00"),
        delivered_at=moment("2026-03-24 11:02"),
        looked_at=tuple(looked_at),
        silent=tuple(silent),
        names=None,
        down=tuple(down),
    )
    return replace(made, **more)  # type: ignore[arg-type]


def change_facts(flag: Flag = Flag.RETAGGED, *, same_commit: bool = False) -> ChangeFacts:
    """v2.42-rc2 is not what it was."""
    is_moved = flag is Flag.RETAGGED
    return ChangeFacts(
        version="2.42-rc2",
        flag=flag,
        tag="v2.42-rc2",
        object_id=ObjectId("a" * 40),
        commit="c" * 40,
        new_object_id=ObjectId("b" * 40) if is_moved else None,
        new_commit=("c" if same_commit else "d") * 40 if is_moved else None,
        source=PRIMARY,
        seen_at=NOW,
    )


def late_facts(
    delay: DelayKind = DelayKind.ANNOUNCEMENT,
    where: str = "",
    *,
    hours: float | None = None,
    cause: Cause | None = None,
    **more: object,
) -> LateFacts:
    """A gap since a day and two hours before now; it was over after so many hours, if that is said."""
    since = NOW - timedelta(hours=26)
    until = None if hours is None else since + timedelta(hours=hours)
    made = LateFacts(
        version="2.42-rc2",
        name="v2.42-rc2",
        delay=delay,
        where=where,
        since=since,
        limit=timedelta(hours=12),
        shown_at=(),
        until=until,
        cause=cause,
        ended=None if until is None else Ended.CLOSED,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def outage_facts(*hosts: str, until: datetime | None = None, reason: str = "connection refused") -> OutageFacts:
    """Hosts that have not answered for three hours."""
    since = NOW - timedelta(hours=3)
    return OutageFacts(tuple(hosts or ["git.example"]), since - timedelta(minutes=15), since, until, reason)


def due_facts(**more: object) -> DueFacts:
    """2.42-rc3, within a week."""
    made = DueFacts(
        after=VERSION,
        version=VersionId("2.42-rc3"),
        step="rc3",
        odds=0.97,
        on=moment("2026-03-31 12:00"),
        first=moment("2026-03-30 12:00"),
        last=moment("2026-04-05 12:00"),
        day_odds=0.8,
        cases=30,
        on_odds=0.6,
        overdue_at=moment("2026-04-07 12:00"),
        step_times=29,
        step_cases=30,
        came=24,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def notice(
    kind: Kind, facts: Facts, phase: Phase = Phase.ONLY, *, subject: str = VERSION, project: ProjectId | None = PROJECT
) -> Notice:
    """A notice about 2.42-rc2, told now."""
    if kind is Kind.OUT and phase is Phase.ONLY:
        phase = Phase.WHOLE
    is_of_hosts = isinstance(facts, OutageFacts)
    about = None if is_of_hosts else VERSION
    return Notice(kind, None if is_of_hosts else project, subject, phase, NOW, facts, about)


def source_facts(source: SourceId = PRIMARY, reason: str = "", names: str | None = None) -> SourceFacts:
    """A source that does not give what it gave."""
    return SourceFacts(source, Outcome.MOVED, reason, NOW - timedelta(hours=1), names)


ONE_OF_EACH = (
    notice(Kind.OUT, release_facts()),
    notice(Kind.OUT, release_facts(), Phase.FIRST),
    notice(Kind.UNCONFIRMED, claim_facts([PRIMARY])),
    notice(Kind.ANNOUNCED, release_facts(announced_at=NOW)),
    notice(Kind.CHANGED, change_facts()),
    notice(Kind.LATE, late_facts(), Phase.LATE),
    notice(Kind.LATE, late_facts(hours=38, cause=Cause.MAIL), Phase.OVER),
    notice(Kind.LATE, late_facts(hours=38, ended=Ended.NEVER), Phase.NEVER),
    notice(Kind.OUTAGE, outage_facts(), Phase.DOWN),
    notice(Kind.OUTAGE, outage_facts(until=NOW), Phase.UP),
    notice(Kind.BLOCKED, outage_facts()),
    notice(Kind.STALE, source_facts()),
    notice(Kind.MOVED, source_facts()),
    notice(Kind.MISREAD, source_facts()),
    notice(Kind.DUE, due_facts()),
)
"""A notice of each kind and phase."""


# --- Any that there could be -----------------------------------------------------------------------

MOMENTS = st.integers(0, 3 * 10**9).map(lambda seconds: moment("1995-01-01 00:00") + timedelta(seconds=seconds))
NUMBERS = st.none() | st.integers(0, 10**7)
NAMES = st.sampled_from(["v2.42-rc2", "v2.6.20.1-rc10", "linux-next-20310819", "RELEASE-4.19.0-a-longer-name"])
"""As tags are called; a name that no line could hold is in no repository."""
SENTENCES = (
    st.text(alphabet="abcdefg ÄßЖ中(-.)", max_size=160)
    .filter(str.strip)
    .map(lambda text: " ".join(word[:30] for word in text.split()))
)
"""What a server may say."""
HOSTS = st.sampled_from(["git.kernel.org", "www.kernel.org", "github.com", "a-rather-long-host-name.example.org:8443"])
SOURCES = st.sampled_from([PRIMARY, MIRROR, SourceId("tags /srv/" + "a-long-folder/" * 6 + "demo.git")])
IDS = st.sampled_from(["short@x", "long" * 30 + "@mail.example.org"])
URLS = st.none() | st.just("https://lists.example/" + "long" * 30)
SPANS = st.integers(0, 10**8).map(lambda seconds: timedelta(seconds=seconds))


def any_facts(kind: Kind) -> st.SearchStrategy[Facts]:
    """Any facts that a notice of this kind could state."""
    match kind:
        case Kind.OUT | Kind.ANNOUNCED:
            return _any_release()
        case Kind.UNCONFIRMED:
            return st.builds(
                claim_facts, looked_at=st.lists(SOURCES, max_size=3), silent=st.lists(SOURCES, max_size=3), name=NAMES,
                message_id=IDS, url=URLS, announced_at=st.none() | MOMENTS, delivered_at=st.none() | MOMENTS,
                names=st.none() | st.just("https://elsewhere.example/" + "long/" * 12 + "demo.git"),
            )  # fmt: skip
        case Kind.CHANGED:
            flags = st.sampled_from([Flag.RETAGGED, Flag.WITHDRAWN, Flag.BAD_SIGNATURE])
            return st.builds(change_facts, flags, same_commit=st.booleans())
        case Kind.LATE:
            return st.builds(
                late_facts, st.sampled_from(DelayKind), HOSTS, cause=st.none() | st.sampled_from(Cause), name=NAMES,
                since=MOMENTS, limit=SPANS, shown_at=st.lists(HOSTS, max_size=4, unique=True).map(tuple),
                until=st.none() | MOMENTS, ended=st.none() | st.sampled_from(Ended),
            )  # fmt: skip
        case Kind.OUTAGE | Kind.BLOCKED:
            hosts = st.lists(HOSTS, min_size=1, max_size=4, unique=True).map(tuple)
            return st.builds(OutageFacts, hosts, st.none() | MOMENTS, MOMENTS, st.none() | MOMENTS, SENTENCES)
        case Kind.STALE | Kind.MOVED | Kind.MISREAD:
            return st.builds(source_facts, SOURCES, SENTENCES, URLS)
        case Kind.DUE:
            odds = st.floats(0, 1)
            moments = dict.fromkeys(("on", "first", "last", "overdue_at"), MOMENTS)
            return st.builds(due_facts, odds=odds, day_odds=odds, on_odds=odds, **moments)


def _any_release() -> st.SearchStrategy[ReleaseFacts]:
    return st.builds(
        release_facts, topic=st.sampled_from([Topic.RC, Topic.FINAL, Topic.POINT]), name=NAMES,
        flags=st.lists(st.sampled_from(Flag), max_size=4, unique=True), made_at=st.none() | MOMENTS,
        tagged_at=st.none() | MOMENTS, announced_at=st.none() | MOMENTS, first_seen_at=MOMENTS, commits=NUMBERS,
        commits_no_merges=NUMBERS, commits_announced=NUMBERS, message_id=st.none() | IDS, url=URLS,
        object_id=st.none() | st.just(ObjectId("a" * 40)), is_misdated=st.booleans(),
    )  # fmt: skip


_PHASES = {
    Kind.OUT: (Phase.FIRST, Phase.WHOLE),
    Kind.LATE: (Phase.LATE, Phase.OVER, Phase.NEVER),
    Kind.OUTAGE: (Phase.DOWN, Phase.UP),
}


@st.composite
def any_notice(draw: st.DrawFn, *kinds: Kind) -> Notice:
    """Any notice, of these kinds or of all."""
    kind = draw(st.sampled_from(kinds or tuple(Kind)))
    made = notice(kind, draw(any_facts(kind)), draw(st.sampled_from(_PHASES.get(kind, (Phase.ONLY,)))))
    return replace(made, said_at=draw(MOMENTS), is_silent=draw(st.booleans()))


@st.composite
def any_observations(draw: st.DrawFn) -> list[Observation]:
    """Tags and mails of two candidates, at two hosts and a list, with whatever dates and words."""
    seen: list[Observation] = []
    for name in draw(st.lists(st.sampled_from(["2.42-rc1", "2.42-rc2"]), unique=True)):
        for source in draw(st.lists(st.sampled_from([PRIMARY, MIRROR]), unique=True)):
            made = tag(
                f"v{name}",
                None,
                sighting(source, "2026-03-24 12:30", draw(st.sampled_from([None, "2026-03-24 12:00"]))),
            )
            dated = draw(st.none() | MOMENTS.map(lambda at: Instant(at, timedelta(hours=2))))
            moved = replace(made, object_id=ObjectId("e" * 40), commit=Commit("f" * 40))
            seen.append(replace(draw(st.sampled_from([made, moved])), tagged=dated))
        if draw(st.booleans()):
            seen.append(draw(_any_mail(name)))
    return seen


@st.composite
def _any_mail(draw: st.DrawFn, name: str) -> Announcement:
    instants = st.none() | MOMENTS.map(Instant)
    waits = st.builds(LongestWait, st.none() | HOSTS, HOSTS, SPANS)
    made = announcement(name, None, sighting(LIST, "2026-03-24 12:45", "2026-03-24 12:30"))
    return replace(
        made,
        announced=draw(instants),
        delivered=draw(instants),
        archived=draw(instants),
        url=draw(URLS),
        message_id=MessageId(draw(IDS)),
        contradiction=draw(st.none() | SENTENCES),
        longest_wait=draw(st.none() | waits),
        git_url=draw(st.none() | st.just("https://github.com/demo/demo.git")),
        commits_announced=draw(NUMBERS),
    )


@st.composite
def any_book(draw: st.DrawFn, notices: Sequence[Notice] = ()) -> Book:
    """A book of these notices, with sources that do as they like."""
    outages = st.builds(
        Outage, st.sampled_from(OutageKind), st.frozensets(HOSTS, min_size=1, max_size=3), st.none() | MOMENTS, MOMENTS,
        st.none() | MOMENTS, st.none() | MOMENTS, SENTENCES,
    )  # fmt: skip
    runs = {
        source: Run(PROJECT, source, Observer("here"), draw(st.sampled_from(Outcome)), draw(SENTENCES), NOW, NOW, 3)
        for source in draw(st.lists(SOURCES, max_size=2, unique=True))
    }
    due = [notice(Kind.DUE, draw(any_facts(Kind.DUE)), subject="next")] if draw(st.booleans()) else []
    health = Health((), tuple(draw(st.lists(outages, max_size=3))))
    return a_book(
        draw(any_observations()), NOW, notices=[*notices, *due], health=health, runs=runs, name=draw(SENTENCES)[:60]
    )

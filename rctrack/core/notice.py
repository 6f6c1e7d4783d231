"""A notice: what is told. Appended once, never changed, with one key from which every id outside is made."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from rctrack.core.evidence import MessageId, ObjectId, ProjectId, SourceId
from rctrack.core.lateness import Cause, DelayKind, Ended
from rctrack.core.look import Outcome
from rctrack.core.release import Flag
from rctrack.core.version import VersionId


class Kind(StrEnum):
    """What a notice is about; core.proof says when each may be said."""

    OUT = "out"
    UNCONFIRMED = "unconfirmed"
    ANNOUNCED = "announced"
    CHANGED = "changed"
    LATE = "late"
    OUTAGE = "outage"
    STALE = "stale"
    MOVED = "moved"
    MISREAD = "misread"
    BLOCKED = "blocked"
    DUE = "due"


class Phase(StrEnum):
    """Which of several notices about the same thing it is."""

    ONLY = ""
    FIRST = "first"
    """As soon as the release is known to be out."""
    WHOLE = "whole"
    """With the count and the announcement that were waited for."""
    LATE = "late"
    OVER = "over"
    NEVER = "never"
    DOWN = "down"
    UP = "up"


class Topic(StrEnum):
    """What a reader may choose to get (DESIGN section 5, `send`)."""

    RC = "rc"
    FINAL = "final"
    POINT = "point"
    REVIEW = "review"
    CHANGED = "changed"
    UNCONFIRMED = "unconfirmed"
    LATE = "late"
    OUTAGE = "outage"
    ANNOUNCED = "announced"
    OPERATOR = "operator"
    """Sources that stopped, moved or block us, and our own faults."""


ALERTS = frozenset(
    {Topic.RC, Topic.FINAL, Topic.POINT, Topic.CHANGED, Topic.UNCONFIRMED, Topic.LATE, Topic.OUTAGE}
)  # fmt: skip
"""What `send = ["alerts"]` stands for."""


# --- Facts: what a notice states, frozen with it ---------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """A release as it was known when it was told."""

    version: str
    name: str
    """Its tag, else its version."""
    topic: Topic
    made_at: datetime | None
    tagged_at: datetime | None
    announced_at: datetime | None
    first_seen_at: datetime
    commits: int | None
    commits_no_merges: int | None
    commits_announced: int | None
    message_id: MessageId | None
    url: str | None
    object_id: ObjectId | None
    flags: tuple[Flag, ...]
    is_misdated: bool = False


@dataclass(frozen=True, slots=True)
class ClaimFacts:
    """A mail that claims a release which nothing else supports."""

    version: str
    name: str
    """As the project's tags would spell it."""
    sender: str
    message_id: MessageId
    url: str | None
    announced_at: datetime | None
    delivered_at: datetime | None
    looked_at: tuple[SourceId, ...]
    """The repositories that were looked at since, without it."""
    silent: tuple[SourceId, ...]
    """Those that could not tell: down, blocked or stopped."""
    names: str | None
    """The repository that the mail names, if it is none of those that are followed."""
    down: tuple[SourceId, ...] = ()
    """Those of the silent ones whose hosts are down; the others block us, have stopped, or never answered."""


@dataclass(frozen=True, slots=True)
class ChangeFacts:
    """A tag is not what it was."""

    version: str
    flag: Flag
    tag: str
    object_id: ObjectId
    commit: str
    new_object_id: ObjectId | None
    new_commit: str | None
    source: SourceId
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class LateFacts:
    """A gap that is too long, or was."""

    version: str
    name: str
    delay: DelayKind
    where: str
    since: datetime
    limit: timedelta
    shown_at: tuple[str, ...]
    """The hosts that show the tag."""
    until: datetime | None = None
    cause: Cause | None = None
    ended: Ended | None = None


@dataclass(frozen=True, slots=True)
class OutageFacts:
    """Hosts that do not answer, or answer again."""

    hosts: tuple[str, ...]
    not_before: datetime | None
    since: datetime
    until: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """A source that does not give what it gave before."""

    source: SourceId
    outcome: Outcome
    reason: str
    since: datetime
    names: str | None = None
    """Of one that stopped: the repository that the newest mail names."""


@dataclass(frozen=True, slots=True)
class DueFacts:
    """What comes next, and when."""

    after: VersionId
    """The newest release when this was forecast."""
    version: VersionId
    """A key for what is expected."""
    step: str
    """As people write it: "rc8", "final"."""
    odds: float
    """Of the step, between 0 and 1."""
    on: datetime
    """The day on which we would bet, as its noon in UTC."""
    first: datetime
    """The likely days, as their noons in UTC: from this one on."""
    last: datetime
    day_odds: float
    """That it comes from `first` to `last`, between 0 and 1."""
    cases: int
    """How many past waits this rests on."""
    on_odds: float
    """That it comes on the day on which we would bet."""
    overdue_at: datetime
    others: tuple[str, ...] = ()
    """The other steps that may well come instead, likeliest first."""
    step_times: int = 0
    """How often the expected step came after the same step before."""
    step_cases: int = 0
    """Of how many."""
    is_promised: bool = False
    """Whether the newest announcement said so, and the step rests on that."""
    came: int = 0
    """How many of the past waits were over by the last likely day."""
    is_past: bool = False
    """Whether it is overdue already: then the days are those that were likely."""


Facts = ReleaseFacts | ClaimFacts | ChangeFacts | LateFacts | OutageFacts | SourceFacts | DueFacts


# --- The notice ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that is told, with the facts as they were known then."""

    kind: Kind
    project: ProjectId | None
    """None for what concerns hosts."""
    subject: str
    """What it is about: a version; with the object id or the beginning where that can happen twice."""
    phase: Phase
    said_at: datetime
    facts: Facts
    version: VersionId | None = None
    revision: int = 0
    """Of a forecast: how often it has been changed. The newest counts."""
    is_silent: bool = False
    """Known and never told: what was there before we came, or is part of something that was told."""

    @property
    def key(self) -> str:
        """What happens once; the same for every observer."""
        return key_of(self.project, self.kind, self.subject, self.phase)

    @property
    def digest(self) -> str:
        """The key as letters and digits, to be part of an id."""
        return hashlib.sha256(f"{self.key}\0{self.revision}".encode()).hexdigest()[:20]

    def silenced(self) -> "Notice":
        """The same, to be told to nobody."""
        return replace(self, is_silent=True)


def key_of(project: ProjectId | None, kind: Kind, subject: str, phase: Phase = Phase.ONLY) -> str:
    """The key of a notice."""
    return "\t".join((project or "", kind, subject, phase))


def topic_of(notice: Notice) -> Topic | None:
    """What a reader must have chosen to get it; None for what is in no mail of its own."""
    match notice.kind:
        case Kind.OUT:
            return notice.facts.topic if isinstance(notice.facts, ReleaseFacts) else Topic.FINAL
        case Kind.UNCONFIRMED:
            return Topic.UNCONFIRMED
        case Kind.ANNOUNCED:
            return Topic.ANNOUNCED
        case Kind.CHANGED:
            return Topic.CHANGED
        case Kind.LATE:
            return Topic.LATE
        case Kind.OUTAGE:
            return Topic.OUTAGE
        case Kind.STALE | Kind.MOVED | Kind.MISREAD | Kind.BLOCKED:
            return Topic.OPERATOR
        case Kind.DUE:
            return None


FACTS: Mapping[Kind, type[Facts]] = {
    Kind.OUT: ReleaseFacts,
    Kind.UNCONFIRMED: ClaimFacts,
    Kind.ANNOUNCED: ReleaseFacts,
    Kind.CHANGED: ChangeFacts,
    Kind.LATE: LateFacts,
    Kind.OUTAGE: OutageFacts,
    Kind.BLOCKED: OutageFacts,
    Kind.STALE: SourceFacts,
    Kind.MOVED: SourceFacts,
    Kind.MISREAD: SourceFacts,
    Kind.DUE: DueFacts,
}
"""The facts that a notice of each kind states."""

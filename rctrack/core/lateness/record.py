"""A delay and all that it is judged by: what is followed, what is expected, one gap, the record."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from rctrack.core.evidence import ProjectId, SourceId, Station
from rctrack.core.hosts import Health
from rctrack.core.version import FeatureParts, VersionId


class DelayKind(StrEnum):
    """Which gap is too long; the words are part of the contract (DESIGN section 5)."""

    OVERDUE = "overdue"
    ANNOUNCEMENT = "announcement"
    DELIVERY = "delivery"
    ARCHIVE = "archive"
    MIRROR = "mirror"
    TAG = "tag"
    LISTING = "listing"
    """Published, and not shown by the project's own site."""


class Cause(StrEnum):
    """Whose gap it is."""

    PROJECT = "project"
    MAIL = "mail"
    LIST_ARCHIVE = "archive"
    MIRROR = "mirror"
    HOST = "host"
    """The host that would have shown it was down."""
    SITE = "site"


class Ended(StrEnum):
    """How a delay ended."""

    CLOSED = "closed"
    NEVER = "never"
    """A later release of the cycle is complete without it."""


@dataclass(frozen=True, slots=True)
class TagHost:
    """A repository that is followed, and how far we know what it shows."""

    source: SourceId
    host: str
    good_at: datetime | None
    """Our last good look."""


@dataclass(frozen=True, slots=True)
class Archive:
    """A list archive that is followed, and how far it is known to be alive."""

    source: SourceId
    host: str
    begins_at: datetime | None
    """Its oldest mail; what is older has no record that could exist."""
    stores_since: datetime | None
    """When it stored its first mail, by its own clock; what is older came with its first fill."""
    alive_at: datetime | None
    """The newest delivery among all mails seen in it: proof of life, also by mails that announce nothing."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What comes next, as cadence has it."""

    after: VersionId
    """The newest release when it was forecast."""
    version: VersionId
    """A key for what is expected: "6.18-rc5"."""
    due_at: datetime
    """Past this it is overdue: the end of the last likely day, and a margin into the following one."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What is followed of a project, and how well it could be seen."""

    project: ProjectId
    tags: tuple[TagHost, ...]
    archives: tuple[Archive, ...]
    expects: frozenset[Station]
    """Stations that the project's file expects whatever its past shows."""
    feature_parts: FeatureParts
    began_at: datetime | None
    """Since when all sources of the project are looked at; None before the first look."""
    shipped_lags: tuple[timedelta, ...]
    """From tag to announcement, of past releases that no source of ours shows; oldest first."""
    health: Health
    listings: tuple[TagHost, ...] = ()
    """The project's own sites that list its releases."""


@dataclass(frozen=True, slots=True)
class Delay:
    """A gap that is or was too long; (project, version, kind, where) happens once."""

    project: ProjectId
    version: VersionId
    kind: DelayKind
    where: str
    """The host for a mirror or an archive, else empty."""
    since: datetime
    limit: timedelta
    opened_at: datetime
    raised_at: datetime | None = None
    until: datetime | None = None
    cause: Cause | None = None
    """None while it is open."""
    ended: Ended | None = None

    @property
    def key(self) -> tuple[VersionId, DelayKind, str]:
        """What is the same delay."""
        return (self.version, self.kind, self.where)

    @property
    def length(self) -> timedelta | None:
        """From `since` to `until`; None while it is open."""
        return None if self.until is None else self.until - self.since


@dataclass(frozen=True, slots=True)
class Review:
    """What a look at the clock came to: the whole record, and what changed about it."""

    delays: tuple[Delay, ...]
    opened: tuple[Delay, ...]
    raised: tuple[Delay, ...]
    closed: tuple[Delay, ...]
    """Delays that had been open."""
    recorded: tuple[Delay, ...]
    """Gaps that were over when they were first seen: for the record and the digest, never an alarm."""
    silent: tuple["Wait", ...]
    """Past their limit without proof of life: "archive silent, cannot tell"."""
    next_at: datetime | None
    """Before this only new evidence, or proof of life for what is `silent`, can change anything; None: ever."""


@dataclass(frozen=True, slots=True)
class Wait:
    """One gap of one release, ended or not."""

    version: VersionId
    kind: DelayKind
    where: str
    since: datetime
    limit: timedelta
    until: datetime | None
    cause: Cause
    proven_at: datetime | None
    """Up to when what is missing would have been seen."""

"""A delay: a gap between two stations, or between one and what was expected, that is or was too long."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from rctrack.core.evidence import ProjectId
from rctrack.core.version import VersionId


class DelayKind(StrEnum):
    """Which gap is too long; the words are part of the contract (DESIGN section 5)."""

    OVERDUE = "overdue"
    """Nothing by the expected date."""
    ANNOUNCEMENT = "announcement"
    """Tagged, and the mail is late or missing."""
    DELIVERY = "delivery"
    """Written, and reached the list late."""
    ARCHIVE = "archive"
    """Delivered, and stored by the archive late."""
    MIRROR = "mirror"
    """At one host, and not at another."""
    TAG = "tag"
    """Announced, and the tag is late or missing."""
    LISTING = "listing"
    """Published, and not shown by the project's own site."""


class Cause(StrEnum):
    """Whose gap it is."""

    PROJECT = "project"
    MAIL = "mail"
    ARCHIVE = "archive"
    MIRROR = "mirror"
    HOST = "host"
    """The host that would have shown it was down."""
    SITE = "site"


class Ended(StrEnum):
    """How a delay ended."""

    CLOSED = "closed"
    NEVER = "never"
    """A later release of the cycle is complete without it."""


DelayKey = tuple[VersionId, DelayKind, str]
"""(version, kind, where) happens once in a project."""


@dataclass(frozen=True, slots=True)
class Wait:
    """One gap of one release, ended or not, long or short."""

    version: VersionId
    kind: DelayKind
    where: str
    """The host of a mirror, an archive or a site; of what is overdue the version before; else empty."""
    since: datetime
    limit: timedelta
    """What is usual, by the project's own past."""
    until: datetime | None
    cause: Cause
    proven_at: datetime | None
    """Up to when what is missing would have been seen."""
    is_never: bool = False
    """Whether `until` is when it was given up, rather than when it came."""

    @property
    def key(self) -> DelayKey:
        """What is the same delay."""
        return (self.version, self.kind, self.where)

    @property
    def is_proven(self) -> bool:
        """Whether something newer than the limit was seen where this would have been."""
        return self.proven_at is not None and self.proven_at > self.since + self.limit

    def is_late(self, now: datetime) -> bool:
        """Whether it is longer than its limit, or was."""
        return (self.until or now) - self.since > self.limit


@dataclass(frozen=True, slots=True)
class Delay:
    """A gap that is or was too long; always the fold of evidence, looks and the clock."""

    project: ProjectId
    version: VersionId
    kind: DelayKind
    where: str
    since: datetime
    limit: timedelta
    until: datetime | None
    """None while it is open."""
    cause: Cause | None
    """None while it is open."""
    ended: Ended | None
    proven_at: datetime | None
    """Of an open one: up to when it is proved to be missing; what is later nobody can tell."""

    @property
    def key(self) -> DelayKey:
        """What is the same delay."""
        return (self.version, self.kind, self.where)

    @property
    def length(self) -> timedelta | None:
        """From `since` to `until`; None while it is open."""
        return None if self.until is None else self.until - self.since

"""What evidence means: observations, the releases that they fold to, and what is odd about those."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from rctrack.core.evidence import (
    Commit,
    Instant,
    MessageId,
    ObjectId,
    ProjectId,
    Sighting,
    SignatureEvidence,
    SourceId,
    Station,
)
from rctrack.core.version import Version

# --- Observations: what evidence means -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TagObservation:
    """A host shows this release's tag."""

    version: Version
    tag: str
    object_id: ObjectId
    commit: Commit
    tagged: Instant | None
    withdrawn: bool
    """The tag's own name says that it is not to be used."""
    sighting: Sighting


@dataclass(frozen=True, slots=True)
class LongestWait:
    """Where on its way to the list a mail waited longest."""

    at: str | None
    """The host that had it then; None: its sender, by the Date header."""
    until_at: str
    """The host that took it after that."""
    span: timedelta


@dataclass(frozen=True, slots=True)
class Announcement:
    """An accepted mail says that these versions are out."""

    versions: tuple[Version, ...]
    message_id: MessageId
    subject: str
    sender: str
    announced: Instant | None
    """The Date header; None where it cannot be read."""
    delivered: Instant | None
    """When the list's own server took it; None where the Received chain does not say."""
    archived: Instant | None
    """By the archive's own clock; None where it only copies the mail's."""
    commits_announced: int | None
    url: str | None
    sighting: Sighting
    promised: str | None = None
    """The next step where the mail promises it plainly: "rc8", "final", or "rc" without a number."""
    git_url: str | None = None
    """The first git repository that the mail names."""
    alternatives: tuple[Version, ...] = ()
    """What the mail may mean instead, where subject and body differ: a tag decides."""
    contradiction: str | None = None
    """In words, what in the mail speaks against what."""
    longest_wait: LongestWait | None = None
    """None where the Received chain does not lead to the list."""


@dataclass(frozen=True, slots=True)
class Unrecognised:
    """Evidence that looks like a release and could not be read as one."""

    subject: str
    """The mail's subject or the tag's name."""
    key: str
    """The mail's or the tag's key at its source."""
    reason: str


@dataclass(frozen=True, slots=True)
class Absence:
    """At this look a host did not show this release's tag any more, or showed it again."""

    version: Version
    tag: str
    object_id: ObjectId
    commit: Commit
    is_back: bool
    sighting: Sighting


@dataclass(frozen=True, slots=True)
class StationObservation:
    """The project's site says that this release was pushed, or lists it."""

    version: Version
    station: Station
    key: str
    """The object that was pushed, or the version as it is listed."""
    at: Instant | None
    sighting: Sighting


Observation = TagObservation | Announcement | Absence | StationObservation


# --- Releases -------------------------------------------------------------------------------------


class Precision(StrEnum):
    """How an instant is known."""

    SECOND = "second"
    BETWEEN = "between"
    """Not before `after`, not later than `at`: our own sighting."""
    DAY = "day"
    """Good to a day only; `at` is its noon in UTC."""


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One entry of a release's timeline: where it was, when, and who says so."""

    station: Station
    at: Instant | None
    """None where it is only known that it happened before our first look."""
    after: datetime | None
    precision: Precision
    source: SourceId
    evidence: str
    """Object id, Message-ID or, of a listing, the version."""


class Flag(StrEnum):
    """What is odd about a release."""

    RETAGGED = "retagged"
    WITHDRAWN = "withdrawn"
    UNCONFIRMED = "unconfirmed"
    GAP = "gap"
    """The candidate before it, by its number, is not known."""
    EXTRA = "extra"
    """More candidates than this project usually makes."""
    BAD_SIGNATURE = "bad-signature"
    """Or one by nobody who is expected to sign."""
    UNSIGNED = "unsigned"
    """Where signatures are expected."""


@dataclass(frozen=True, slots=True)
class TagChange:
    """A tag is not what it was, or two hosts do not agree on it; it is never silently followed."""

    flag: Flag
    tag: str
    object_id: ObjectId
    commit: Commit
    new_object_id: ObjectId | None
    """None where the tag is withdrawn."""
    new_commit: Commit | None
    source: SourceId
    """Who shows it so."""
    seen_at: datetime

    @property
    def key(self) -> str:
        """The same for the same change, whoever shows it: what happens twice to a tag is two changes."""
        return f"{self.flag} {self.tag} {self.object_id}..{self.new_object_id or ''}"


FRESH = timedelta(days=14)
"""Older than this when first seen at a source that was not being watched, a release is history."""


@dataclass(frozen=True, slots=True)
class Release:
    """One version of a project with all that is known of it; always the fold of its evidence."""

    project: ProjectId
    version: Version
    cycle: str | None
    """None for a version that is named for a day."""
    tag: str | None
    object_id: ObjectId | None
    commit: Commit | None
    previous: Version | None
    previous_commit: Commit | None
    tagged: Instant | None
    announced: Instant | None
    delivered: Instant | None
    archived: Instant | None
    first_seen_at: datetime
    commits: int | None
    commits_no_merges: int | None
    commits_announced: int | None
    message_id: MessageId | None
    url: str | None
    flags: frozenset[Flag]
    timeline: tuple[TimelineEntry, ...]
    announcements: tuple[Announcement, ...]
    tags: tuple[TagObservation, ...]
    authors: int | None = None
    first_time_authors: int | None = None
    signature: SignatureEvidence | None = None
    changes: tuple[TagChange, ...] = ()
    first_at: SourceId | None = None
    """The host that had the tag before all others; None unless the intervals of our looks prove it."""
    is_on_mirrors_only: bool = False
    """A mirror shows the tag and no host of the project's own does."""
    pushed: Instant | None = None
    """When the project's server took the push of this very tag."""
    listed: Instant | None = None
    """Our first look at the project's site that shows it; None where the first look of all did."""

    name: str = ""
    """What people call it: its tag, else its version as the project's tags spell it."""
    made_at: datetime | None = None
    """The best date of the release itself: its tag's, else its mail's, as far as they can be believed."""
    is_misdated: bool = False
    """Its own date lies more than an hour ahead of our sight and is not believed."""

    @property
    def is_news(self) -> bool:
        """Whether a source that we watched did not have it at the look before."""
        sightings = [*(tag.sighting for tag in self.tags), *(mail.sighting for mail in self.announcements)]
        return any(sighting.is_news for sighting in sightings)

    @property
    def is_fresh(self) -> bool:
        """Whether we watched it come, or it was young when we first saw it: of history nobody waits for anything."""
        return self.is_news or (self.made_at is not None and self.first_seen_at - self.made_at <= FRESH)

    @property
    def came_at(self) -> datetime | None:
        """When it was made; of one that nobody dates, when we saw it come. None for what was there before us."""
        return self.made_at or (self.first_seen_at if self.is_news else None)

    @property
    def announcement(self) -> Announcement | None:
        """The mail that is the announcement; the other mails that name the version stay beside it."""
        return next((mail for mail in self.announcements if mail.message_id == self.message_id), None)

"""The words of rctrack as types: evidence, observations, releases, events, letters (DESIGN sections 2 and 4)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NewType

from rctrack.core.version import FeatureParts, Version, VersionId

ProjectId = NewType("ProjectId", str)
"""The stem of the project's file."""
SourceId = NewType("SourceId", str)
"""Kind and address, "tags https://…": unique within a project."""
MessageId = NewType("MessageId", str)
"""Without angle brackets."""
ObjectId = NewType("ObjectId", str)
"""Of a tag object, or of the commit itself where the tag is a lightweight one."""
Commit = NewType("Commit", str)


@dataclass(frozen=True, slots=True, order=True)
class Instant:
    """A moment in UTC and the offset it was written with."""

    at: datetime
    offset: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Sighting:
    """When we saw something at a source: it came between the last good look without it and the first look with it."""

    source: SourceId
    seen_at: datetime
    not_seen_at: datetime | None
    """None where it was there at our first look: then nothing is known of when it came."""


# --- Evidence: what sources bring, stored as it came, never changed --------------------------------


@dataclass(frozen=True, slots=True)
class TagEvidence:
    """A tag as one host showed it."""

    tag: str
    object_id: ObjectId
    commit: Commit | None
    """None where the tag leads to a tree or a blob."""
    tagged: Instant | None
    """Tagger date, or the commit date of a lightweight tag; None where only the name was read so far."""


@dataclass(frozen=True, slots=True)
class MailEvidence:
    """A mail as one archive showed it, whole."""

    key: str
    """What the archive calls it; unique within the source (a commit of an epoch, a path, a URL)."""
    content: bytes
    archived: Instant | None
    """When the archive says that it stored the mail."""


@dataclass(frozen=True, slots=True)
class CountEvidence:
    """How many commits lie between two commits: exact, and a fact about the two ids alone."""

    base: Commit
    commit: Commit
    commits: int
    commits_no_merges: int
    authors: int | None = None
    """Of those without merges, told apart by name; None where they were not read."""
    first_time_authors: int | None = None
    """Those of them without a commit in all that base reaches; None where that history is not kept."""


@dataclass(frozen=True, slots=True)
class AbsenceEvidence:
    """A look at a host that does not show a tag it showed before, or shows it again after such a look."""

    tag: str
    object_id: ObjectId
    """What the host showed last under this name."""
    sighting: Sighting
    is_back: bool


class Station(StrEnum):
    """Where a release can be on its way; the value is the word that people and scripts see."""

    TAGGED = "tagged"
    PUSHED = "pushed"
    VISIBLE = "visible"
    ANNOUNCED = "announced"
    DELIVERED = "delivered"
    ARCHIVED = "archived"
    LISTED = "listed"


@dataclass(frozen=True, slots=True)
class StationEvidence:
    """What a project's site says by itself: its server took the push of a tag, or it lists a version."""

    station: Station
    name: str
    """The tag that was pushed, or the version that is listed, as it is spelled there."""
    key: str
    """The object that was pushed; of a version that is listed, the version again."""
    at: Instant | None
    """By the site's own clock; None where only our sighting says when."""


class Signature(StrEnum):
    """What a tag's signature is worth."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown key"
    """Whole, but by nobody who is expected; or nothing is known of its key."""
    EXPIRED = "expired"
    """Whole, and its own time or that of its key is over."""
    UNSIGNED = "unsigned"


@dataclass(frozen=True, slots=True)
class SignatureEvidence:
    """What was found about the signature of a tag object."""

    object_id: ObjectId
    signature: Signature
    signer: str | None
    """A key's id or fingerprint, or the name that an allowed-signers file gives."""


Evidence = TagEvidence | MailEvidence | CountEvidence | SignatureEvidence | StationEvidence


# --- Rules: how a project announces and tags, from its file ----------------------------------------


@dataclass(frozen=True, slots=True)
class Era:
    """When an address announced; days of the mail's own Date, both included."""

    address: str
    since: date | None
    until: date | None


@dataclass(frozen=True, slots=True)
class ListRules:
    """Who may announce on a list, under which subjects, and the servers that take its mail."""

    senders: frozenset[str]
    """Addresses in lower case."""
    subject: str
    """A regular expression with the group `version`; where there are several, `version2` and so on in the others."""
    servers: tuple[str, ...]
    """Hosts that take the list's mail, in lower case."""
    link: str | None
    """Where people read a mail of this list, with {message_id}; None for an archive without a web page."""
    eras: frozenset[Era] = frozenset()
    """The senders that announced for a time only."""
    name: str = ""
    """The list's own name, which it may put before subjects: "ltp"."""


@dataclass(frozen=True, slots=True)
class ProjectRules:
    """All that the fold needs to know of a project."""

    scheme: str
    feature_parts: FeatureParts
    tag_templates: tuple[str, ...]
    """Each with {version}, in the tag's own spelling."""
    ignore_tags: str | None
    """A regular expression; what it finds is no release and no oddity either."""
    primaries: frozenset[SourceId]
    """The tag sources that are the project's own; the others are mirrors."""
    expects: frozenset[str] = frozenset()
    """The stations that the project file says to expect, whatever the project's past shows: "tag", "announcement"."""
    tags_are_pruned: bool = False
    """The project takes old tags away: one that is gone says nothing."""


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
class Held:
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
    held: Held | None = None
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


# --- Releases and events ---------------------------------------------------------------------------


class Precision(StrEnum):
    """How an instant is known."""

    SECOND = "second"
    BETWEEN = "between"
    """Not before `after`, not later than `at`: our own sighting."""
    DAY = "day"
    """Good to a day only; `at` is its noon in UTC."""


@dataclass(frozen=True, slots=True)
class Stop:
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
    def station(self) -> str:
        """Names both commits, or both tag objects where the commit stayed."""
        if self.new_commit is None:
            return f"{self.flag} {self.commit}"
        if self.new_commit == self.commit:
            return f"{self.flag} {self.object_id}..{self.new_object_id}"
        return f"{self.flag} {self.commit}..{self.new_commit}"


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
    timeline: tuple[Stop, ...]
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

    @property
    def made_at(self) -> datetime | None:
        """The best date of the release itself: its tag's, else its mail's."""
        instant = self.tagged or self.announced
        return instant.at if instant else None

    @property
    def was_watched(self) -> bool:
        """Whether a source that we watched did not have it at the look before."""
        seen = [*(each.sighting for each in self.tags), *(each.sighting for each in self.announcements)]
        return any(each.not_seen_at for each in seen)

    @property
    def came_at(self) -> datetime | None:
        """When it was made; of one that nobody dates, when we saw it come. None for what was there before us."""
        return self.made_at or (self.first_seen_at if self.was_watched else None)


@dataclass(frozen=True, slots=True)
class Event:
    """A release reached a station; (project, version, station) happens once."""

    project: ProjectId
    version: VersionId
    station: str
    """A Station, "visible" followed by the source that shows the tag; or a TagChange's."""
    at: datetime | None


# --- Facts that come with rctrack --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fact:
    """When a past release reached a station, and who says so; weaker than what a source of ours says."""

    at: Instant
    precision: Precision
    source: str
    """In words, for people."""


@dataclass(frozen=True, slots=True)
class ShippedRelease:
    """A past release as shipped history has it; what it does not have is not known, and never missing."""

    version: Version
    tagged: Fact | None
    announced: Fact | None
    commits: int | None
    commits_no_merges: int | None
    commits_since_final: int | None
    """Without merges, since the feature final before."""


# --- Mail that we owe ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail that is owed to one reader."""

    recipient: str
    subject: str
    text: str
    """Lines of at most 72 characters."""
    html: str | None
    message_id: MessageId
    references: tuple[MessageId, ...]
    list_id: str
    """Without angle brackets."""
    written_at: datetime

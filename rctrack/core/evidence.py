"""Evidence: what sources bring, stored as it came and never changed; who saw it, and when."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

ProjectId = NewType("ProjectId", str)
"""The stem of the project's file."""
SourceId = NewType("SourceId", str)
"""Kind and address, "tags https://…": unique within a project."""
MessageId = NewType("MessageId", str)
"""Without angle brackets."""
ObjectId = NewType("ObjectId", str)
"""Of a tag object, or of the commit itself where the tag is a lightweight one."""
Commit = NewType("Commit", str)
Observer = NewType("Observer", str)
"""Who looks: a name, by default the host's; one machine's view is one network's view."""


@dataclass(frozen=True, slots=True, order=True)
class Instant:
    """A moment in UTC and the offset it was written with."""

    at: datetime
    offset: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Sighting:
    """Who saw something when and where: it came between the last good look without it and the first look with it."""

    source: SourceId
    seen_at: datetime
    not_seen_at: datetime | None
    """Of the same observer; None where it was there at the first look: then nothing is known of when it came."""
    observer: Observer = Observer("")
    is_undated: bool = False
    """The observer's clock was behind what it had stored: it is known to be new there, but not since when."""

    @property
    def is_news(self) -> bool:
        """Whether the look before did not show it; a first fill and a source that is read again bring no news."""
        return self.not_seen_at is not None or self.is_undated


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
    """Where a release can be on its way; the value is the word that people and scripts read."""

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


@dataclass(frozen=True, slots=True)
class HeadEvidence:
    """What HEAD of a repository named at a look: that it moved proves that the host lives."""

    object_id: ObjectId


Evidence = TagEvidence | MailEvidence | CountEvidence | SignatureEvidence | StationEvidence | HeadEvidence

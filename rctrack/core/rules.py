"""Rules: how a project announces and tags, from its file."""

from dataclasses import dataclass
from datetime import date

from rctrack.core.evidence import SourceId
from rctrack.core.version import FeatureParts


@dataclass(frozen=True, slots=True)
class Era:
    """When an address announced; days of the mail's own Date, both included."""

    address: str
    since: date | None
    until: date | None


@dataclass(frozen=True, slots=True)
class Alias:
    """Tags of another number that are a version: v5.14.91 is 5.15-rc1."""

    tag: str
    """A regular expression for the whole tag, with a named group for each number."""
    version: str
    """How the version is spelled, with {NAME} for such a number and {NAME+1} for the next one."""


@dataclass(frozen=True, slots=True)
class ListRules:
    """Who may announce on a list, under which subjects, and the servers that take its mail."""

    senders: frozenset[str]
    """Addresses in lower case."""
    subject: str
    """A regular expression with the group `version`; where there are several, `version2` and so on in the others.

    Where the versions stand in the body alone it may have none."""
    servers: tuple[str, ...]
    """Hosts that take the list's mail, in lower case."""
    link: str | None
    """Where people read a mail of this list, with {message_id}; None for an archive without a web page."""
    eras: frozenset[Era] = frozenset()
    """The senders that announced for a time only."""
    name: str = ""
    """The list's own name, which it may put before subjects: "ltp"."""
    body: str | None = None
    """A regular expression with the group `version` for lines of the body, read where the subject names none."""
    replies: bool = False
    """A reply may be an announcement, if its own words say that the version is out."""
    candidates: bool = True
    """Whether the project makes candidates; if not, what looks like one is no release."""


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
    separator: str = "."
    """What stands for the dots of a version in tags: "." or "-" or "_"."""
    aliases: tuple[Alias, ...] = ()
    """Tried in this order before the templates."""
    candidates: bool = True
    """Whether the project makes candidates; if not, what looks like one is no release."""

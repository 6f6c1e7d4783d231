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

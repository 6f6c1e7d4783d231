"""History that comes with rctrack: facts about past releases, weaker than what a source of ours brings."""

from dataclasses import dataclass

from rctrack.core.evidence import Instant
from rctrack.core.release import Precision
from rctrack.core.version import Version


@dataclass(frozen=True, slots=True)
class Fact:
    """When a past release reached a station, and from where that is known."""

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

"""What every step of a turn has to do with, and the fold of what is stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rctrack import hosts, tags
from rctrack.config import Config, ProjectConfig, shipped
from rctrack.core import fold as reconcile
from rctrack.core import wording
from rctrack.core.evidence import SourceId
from rctrack.core.release import Release
from rctrack.core.version import VersionId
from rctrack.outlook import Outlook
from rctrack.sources import Answer, Tools
from rctrack.store import Store

Releases = Mapping[VersionId, Release]


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn has to do with: configuration, its own connection, tools, and the moment it happens at."""

    config: Config
    store: Store
    tools: Tools
    now: datetime
    outlook: Outlook = field(default_factory=lambda: Outlook(shipped() / "history"))


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What one look at a source came to."""

    project: ProjectConfig
    source: SourceId
    outcome: Answer
    new_evidence: int
    new_releases: tuple[Release, ...]
    silent: bool


def releases_of(stored: Store, project: ProjectConfig, outlook: Outlook) -> dict[VersionId, Release]:
    """The fold of all that is stored about a project."""
    releases = reconcile.fold(
        project.id,
        project.rules,
        tags.observations(stored, project),
        stored.counts(project.id),
        tags.signatures(stored, project),
    )
    return outlook.with_extras(project, releases)


def source_health(turn: Turn, project: ProjectConfig) -> list[wording.SourceHealth]:
    """What the last look at each source of a project came to, in words."""
    outcomes = turn.store.last_outcomes(project.id)
    behind = hosts.lagging(turn.store, project, turn.now)
    health = []
    for source in project.sources:
        last = outcomes.get(source.source)
        if last is None:
            state = "not looked at yet"
        elif last["outcome"] == "good":
            word = "lagging" if source.source in behind else "good"
            state = f"{word} at {last['looked_at'][:16].replace('T', ' ')} UTC"
        else:
            state = f"{last['outcome']} at {last['looked_at'][:16].replace('T', ' ')} UTC: {last['reason']}"
        health.append(wording.SourceHealth(source.source, state))
    return health

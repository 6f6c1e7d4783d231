"""The book of a project as it is stored: its evidence folded once, what was told of it, and how its sources do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rctrack.config import ListConfig, ListingConfig, ProjectConfig, TagsConfig
from rctrack.config.history import load_history
from rctrack.core.book import Book, earliest
from rctrack.core.evidence import ProjectId, SourceId, Station
from rctrack.core.fold import flagged, fold
from rctrack.core.followed import Archive, Followed, TagHost
from rctrack.core.forecast import extras
from rctrack.core.forecasting import shipped_lags
from rctrack.core.habits import unconfirmed
from rctrack.core.history import ShippedRelease
from rctrack.core.hosts import Health, State
from rctrack.core.proof import stale_sources
from rctrack.core.release import Flag, Release
from rctrack.core.version import VersionId
from rctrack.sources import Coverage
from rctrack.store import SourceState, Store
from rctrack.track.evidence import Evidence
from rctrack.track.hosts import archives_late, named, states


class History:
    """The facts that come with rctrack, each file read once."""

    def __init__(self, folder: Path) -> None:
        """`folder` holds a file of facts for each project that has one."""
        self._folder = folder
        self._read: dict[ProjectId, tuple[ShippedRelease, ...]] = {}

    def of(self, project: ProjectConfig) -> tuple[ShippedRelease, ...]:
        """The past releases of a project that come with rctrack."""
        if project.id not in self._read:
            self._read[project.id] = load_history(self._folder, project.id, project.rules.scheme)
        return self._read[project.id]


@dataclass(frozen=True, slots=True)
class Fresh:
    """What a look at hand adds to what is stored."""

    source: SourceId
    evidence: Evidence
    """All of the project's, with what the look brings."""
    coverage: Coverage
    head_moved: bool
    known_before: frozenset[VersionId] | None
    """Where a source is read anew, the versions that were known before that: nobody is told of others."""


def read_book(
    stored: Store,
    project: ProjectConfig,
    history: History,
    health: Health,
    now: datetime,
    fresh: Fresh | None = None,
    *,
    can_count: bool = False,
) -> Book:
    """The book of a project at this moment, with what a look at hand adds to it.

    `can_count` is whether a count that is missing may still be made.
    """
    evidence = fresh.evidence if fresh else Evidence.read(stored, project)
    shipped = history.of(project)
    tags = evidence.tag_observations(project)
    observations = evidence.observations(project, tags)
    versions = {tag.version for tag in tags} | {each for mail in evidence.announcements for each in mail.versions}
    extra = extras([*(each.version for each in shipped), *versions], project.rules.feature_parts)
    releases = fold(project.id, project.rules, observations, evidence.counts, evidence.signatures, extra)
    runs = stored.health.last_runs(project.id, stored.observer)
    followed = _followed(_Sources(stored, project, releases, fresh, now), shipped, health)
    if followed.tags and not {host.source for host in followed.tags} <= followed.stale:
        releases = flagged(releases, Flag.UNCONFIRMED, unconfirmed(project.rules.expects, releases.values()))
    return Book(
        project=project.id,
        name=project.name,
        rules=project.rules,
        zone=project.timezone,
        releases=releases,
        followed=followed,
        history=shipped,
        notices=stored.notices.of_project(project.id),
        dues=stored.notices.dues(project.id),
        runs=runs,
        good_before=frozenset(each.source for each in project.sources if stored.health.source(project.id, each.source)),
        silent=frozenset(releases) - fresh.known_before if fresh and fresh.known_before is not None else frozenset(),
        can_count=can_count,
    )


@dataclass(frozen=True, slots=True)
class _Sources:
    """What is known of each source of a project, also by the look at hand."""

    stored: Store
    project: ProjectConfig
    releases: Mapping[VersionId, Release]
    fresh: Fresh | None
    now: datetime

    def state(self, source: SourceId) -> SourceState | None:
        """How far it was read; as of now where it was just looked at."""
        known = self.stored.health.source(self.project.id, source)
        if self.fresh is None or self.fresh.source != source:
            return known
        coverage = self.fresh.coverage
        newest = [at for at in (known.newest_at if known else None, coverage.newest_at) if at]
        return SourceState(
            fingerprint="",
            cursor=None,
            first_look_at=known.first_look_at if known else self.now,
            last_look_at=self.now,
            begins_at=(known.begins_at if known else None) or coverage.begins_at,
            newest_at=max(newest, default=None),
        )

    def began_at(self) -> datetime | None:
        """Since when all sources have been looked at that ever were."""
        states = (self.state(each.source) for each in self.project.sources)
        return max((state.first_look_at for state in states if state and state.first_look_at), default=None)

    def stores_since(self, source: SourceId) -> datetime | None:
        """When an archive stored its first mail, by its own clock."""
        moments = [self.stored.health.stores_since(self.project.id, source)]
        if self.fresh is not None and self.fresh.source == source:
            moments += [archived for _, archived in self.fresh.coverage.deliveries]
        return earliest(*moments)

    def head_moved_at(self, source: SourceId) -> datetime | None:
        """When HEAD was last seen to have moved."""
        if self.fresh is not None and self.fresh.source == source and self.fresh.head_moved:
            return self.now
        return self.stored.evidence.head_moved_at(self.project.id, source)


def _followed(sources: _Sources, shipped: Sequence[ShippedRelease], health: Health) -> Followed:
    stored, project, releases = sources.stored, sources.project, sources.releases
    doing = states(stored, project, health, stored.projection.delays(project.id), sources.now)
    if sources.fresh is not None:
        doing[sources.fresh.source] = _of_a_good_look(doing[sources.fresh.source])
    tags = tuple(_tag_host(sources, each, doing[each.source]) for each in project.tags)
    sites = (each for each in project.listings if each.kind == "releases.json")
    late = archives_late(stored, project)
    return Followed(
        project=project.id,
        tags=tags,
        archives=tuple(_archive(sources, each, doing[each.source]) for each in project.lists),
        sites=tuple(_tag_host(sources, each, doing[each.source]) for each in sites),
        began_at=sources.began_at(),
        feature_parts=project.rules.feature_parts,
        shipped_lags=shipped_lags(shipped, sources.now),
        health=Health(health.states, (*health.outages, *late)),
        stale=stale_sources(releases.values(), tags),
    )


def _of_a_good_look(state: State) -> State:
    """A host that was down is not, as far as one good look can tell."""
    return State.UP if state in (State.UNKNOWN, State.FAILING, State.DOWN, State.BLOCKED, State.OFFLINE) else state


def _tag_host(sources: _Sources, source: TagsConfig | ListingConfig, state: State) -> TagHost:
    known = sources.state(source.source)
    stations = (Station.VISIBLE, Station.LISTED, Station.PUSHED)
    came = [
        entry.at.at
        for release in sources.releases.values()
        for entry in release.timeline
        if entry.source == source.source and entry.station in stations and entry.at and entry.after
    ]
    moved_at = sources.head_moved_at(source.source)
    return TagHost(
        source=source.source,
        host=named(source),
        is_primary=isinstance(source, ListingConfig) or source.is_primary,
        first_look_at=known.first_look_at if known else None,
        good_at=known.last_look_at if known else None,
        alive_at=max([*came, *([moved_at] if moved_at else [])], default=None),
        state=state,
    )


def _archive(sources: _Sources, source: ListConfig, state: State) -> Archive:
    """An archive; where it does not tell of all its mails, what it announces is all that is known of it."""
    known = sources.state(source.source)
    if known is None:
        return Archive(source.source, named(source), None, None, None)
    came = [
        received.at
        for release in sources.releases.values()
        for mail in release.announcements
        if mail.sighting.source == source.source and (received := mail.delivered or mail.announced)
    ]
    return Archive(
        source=source.source,
        host=named(source),
        begins_at=known.begins_at or min(came, default=None),
        stores_since=sources.stores_since(source.source),
        alive_at=max([at for at in (known.newest_at, *came) if at], default=None),
        good_at=known.last_look_at,
        state=state,
    )

"""How hosts and releases stand at a moment: read from what is stored, with nothing written."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from rctrack.config import ListConfig, ListingConfig, ProjectConfig, TagsConfig
from rctrack.core import lateness as delays
from rctrack.core.evidence import Station
from rctrack.core.hosts import Health
from rctrack.core.incident import Told
from rctrack.core.lateness import Archive, Delay, Review, TagHost, Watched
from rctrack.core.release import Release
from rctrack.core.version import VersionId
from rctrack.hosts import archives_late, named
from rctrack.pipeline.turn import Turn
from rctrack.store import Store

_STATIONS = {"tag": Station.TAGGED, "announcement": Station.ANNOUNCED}


def review(
    turn: Turn, project: ProjectConfig, releases: Mapping[VersionId, Release], seen: Health
) -> tuple[Watched, Review]:
    """What is late of a project, by its record and what is known now."""
    watched = _watched(turn, project, releases, seen)
    record = turn.store.record.delays(project.id)
    return watched, delays.review(watched, releases, record, turn.outlook.expected(project, releases), turn.now)


def told(project: ProjectConfig, delay: Delay, releases: Mapping[VersionId, Release], seen: Health) -> Told:
    """A delay with all that explains it."""
    return Told(delay, project.name, releases, delays.related(delay, seen))


def _watched(turn: Turn, project: ProjectConfig, releases: Mapping[VersionId, Release], seen: Health) -> Watched:
    stored = turn.store
    return Watched(
        project=project.id,
        tags=tuple(_tag_host(stored, project, each) for each in project.tags),
        archives=tuple(_archive(stored, project, each, releases) for each in project.lists),
        expects=frozenset(_STATIONS[each] for each in project.rules.expects),
        feature_parts=project.rules.feature_parts,
        began_at=_began_at(stored, project),
        shipped_lags=tuple(turn.outlook.shipped_lags(project, turn.now)),
        listings=tuple(_tag_host(stored, project, each) for each in project.listings if each.kind == "releases.json"),
        health=replace(seen, outages=(*seen.outages, *archives_late(stored, project))),
    )


def _began_at(stored: Store, project: ProjectConfig) -> datetime | None:
    """Since when all sources of a project have been looked at that ever were."""
    states = (stored.source(project.id, each.source) for each in project.sources)
    return max((state.first_look_at for state in states if state and state.first_look_at), default=None)


def _tag_host(stored: Store, project: ProjectConfig, source: TagsConfig | ListingConfig) -> TagHost:
    state = stored.source(project.id, source.source)
    return TagHost(source.source, named(source), state.last_look_at if state else None)


def _archive(
    stored: Store, project: ProjectConfig, source: ListConfig, releases: Mapping[VersionId, Release]
) -> Archive:
    """An archive; where it does not tell of all its mails, what it announces is all that is known of its life."""
    state = stored.source(project.id, source.source)
    if state is None:
        return Archive(source.source, named(source), None, None, None)
    came = [
        delivered.at
        for release in releases.values()
        for mail in release.announcements
        if mail.sighting.source == source.source and (delivered := mail.delivered or mail.announced)
    ]
    begins_at = state.begins_at or min(came, default=None)
    alive_at = max([each for each in (state.alive_at, *came) if each], default=None)
    stored_at = (archived for _, archived in stored.record.deliveries(project.id, source.source))
    return Archive(source.source, named(source), begins_at, min(stored_at, default=None), alive_at)

"""How hosts do, by what is stored of our looks at them and of the mails of their archives; nothing is written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rctrack.config import Config, ProjectConfig, SourceConfig, TagsConfig
from rctrack.core.health import Health, Outage, OutageKind, State, archive_outages, continued, health
from rctrack.store import Store
from rctrack.store.record import host_of

LOOKED_BACK = timedelta(days=2)
"""Older looks are walked through again only for an outage that lasts."""


@dataclass(frozen=True, slots=True)
class Standing:
    """All hosts at a moment, with what is to be stored of it."""

    health: Health
    known: Mapping[int, Outage]
    """The stored outages as they are now."""
    new: tuple[Outage, ...]

    @property
    def is_failing(self) -> bool:
        """Whether a host fails that may soon be out."""
        return any(state is State.FAILING for _, state in self.health.states)


def standing(stored: Store, config: Config, now: datetime) -> Standing:
    """How every host that is followed does, by the looks that are stored."""
    followed = [(project.id, source.source) for project in config.projects for source in project.sources]
    begin = now - LOOKED_BACK
    kept = stored.record.outages(begin)
    lasting = [each for each in kept.values() if each.until is None and each.since < begin]
    found = health(stored.record.looks(begin, followed), lasting)
    still = {host_of(source) for _, source in followed}
    ended = {
        number: replace(each, until=now) if each.until is None and not each.hosts & still and each.hosts else each
        for number, each in kept.items()
    }
    shown = [each for each in found.outages if not _is_our_pace(each, config, found.outages)]
    outages, new = continued(list(ended.values()), shown)
    known = dict(zip(ended, outages, strict=True))
    older = [each for number, each in stored.record.outages().items() if number not in known]
    return Standing(Health(found.states, (*older, *outages, *new)), known, tuple(new))


def _is_our_pace(hole: Outage, config: Config, outages: Iterable[Outage]) -> bool:
    """Whether nothing was looked at because nothing was to be: by the schedule, or since every host blocked us."""
    if hole.kind is not OutageKind.HOLE or hole.until is None:
        return False
    sources = [source for project in config.projects for source in project.sources]
    schedule = config.schedule
    every = min((schedule.tags if isinstance(each, TagsConfig) else schedule.lists for each in sources), default=None)
    if every is not None and hole.until - hole.since <= 2 * every:
        return True
    blocked = [each for each in outages if each.kind is OutageKind.BLOCKED and each.since <= hole.since]
    left_alone = {host for each in blocked if not each.until or each.until >= hole.until for host in each.hosts}
    return {host for each in sources if (host := host_of(each.source))} <= left_alone


def archives_late(stored: Store, project: ProjectConfig) -> tuple[Outage, ...]:
    """When the archives of a project stored mail late, by the mails alone; also before rctrack was there."""
    return tuple(
        outage
        for each in project.lists
        for outage in archive_outages(named(each), stored.record.deliveries(project.id, each.source))
    )


def named(source: SourceConfig) -> str:
    """The host, or the path of what is on this machine."""
    return host_of(source.source) or source.url


def is_theirs(outage: Outage) -> bool:
    """Whether it is a host that was down, and not we."""
    return outage.kind in (OutageKind.OUT, OutageKind.BLOCKED)

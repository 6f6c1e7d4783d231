"""How hosts do, by what is stored of our looks at them and of the mails of their archives; nothing is written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rctrack.config import Config, ProjectConfig, SourceConfig, TagsConfig
from rctrack.core.evidence import SourceId
from rctrack.core.hosts import SLOW, Health, Outage, OutageKind, State, archive_outages, continued, health
from rctrack.core.lateness import DelayKind
from rctrack.core.look import host_of
from rctrack.store import Store

_CAUGHT_UP = timedelta(days=7)
"""What an archive stored late so long ago tells nothing of today: a quiet list may have had no mail since."""
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
    shown_now = tuple(_still_out(each, found) for each in (*older, *outages, *new))
    return Standing(Health(found.states, shown_now), known, tuple(new))


def _still_out(outage: Outage, seen: Health) -> Outage:
    """While an outage of several hosts lasts, those of them that are back are not said to be down."""
    down = frozenset(host for host in outage.hosts if seen.state(host) is not State.UP)
    return replace(outage, hosts=down) if outage.until is None and is_theirs(outage) and down else outage


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


def lagging(stored: Store, project: ProjectConfig, now: datetime) -> frozenset[SourceId]:
    """The sources of a project that answer, but with what is old: a mirror that is late, an archive that is behind."""
    late = stored.record.delays(project.id)
    behind = {each.where for each in late if each.ended is None and each.kind in (DelayKind.MIRROR, DelayKind.LISTING)}
    shown: tuple[SourceConfig, ...] = (*project.tags, *project.listings)
    found = {each.source for each in shown if named(each) in behind}
    newest = {each.source: stored.record.newest_delivery(project.id, each.source) for each in project.lists}
    return frozenset(found | {source for source, mail in newest.items() if mail and _is_behind(*mail, now)})


def _is_behind(delivered_at: datetime, stored_at: datetime, now: datetime) -> bool:
    """Whether an archive whose newest mail this is has been late of late."""
    return stored_at - delivered_at > SLOW and now - stored_at <= _CAUGHT_UP


def states(stored: Store, project: ProjectConfig, seen: Health, now: datetime) -> dict[SourceId, State]:
    """How each source of a project does: as its host, unless it lags; of what is on this machine only the latter."""
    behind = lagging(stored, project, now)
    found = {each.source: seen.state(host_of(each.source)) for each in project.sources}
    answers = (State.UP, State.UNKNOWN)
    return {key: State.LAGGING if key in behind and state in answers else state for key, state in found.items()}


def named(source: SourceConfig) -> str:
    """The host, or the path of what is on this machine."""
    return host_of(source.source) or source.url


def is_theirs(outage: Outage) -> bool:
    """Whether it is a host that was down, and not we."""
    return outage.kind in (OutageKind.OUT, OutageKind.BLOCKED)

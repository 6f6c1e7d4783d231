"""How hosts do, by what is stored of our looks at them and of the mails of their archives; nothing is written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rctrack.config import Config, ProjectConfig, SourceConfig, TagsConfig
from rctrack.core.evidence import SourceId
from rctrack.core.hosts import HOLE, SLOW, Health, Outage, State, archive_outages, continued, health
from rctrack.core.lateness import Delay, DelayKind
from rctrack.core.look import host_of
from rctrack.store import Store

CAUGHT_UP = timedelta(days=7)
"""What an archive stored late so long ago tells nothing of today: a quiet list may have had no mail since."""
LOOKED_BACK = timedelta(days=2)
"""Older looks are walked through again only for an outage that lasts."""
_CLOCKS_DIFFER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Survey:
    """All hosts at a moment, with what is to be stored of it."""

    health: Health
    known: Mapping[int, Outage]
    """The stored outages as they are now."""
    new: tuple[Outage, ...]


def survey(stored: Store, config: Config, now: datetime) -> Survey:
    """How every host that is followed does, by the looks that are stored."""
    followed = {(project.id, source.source) for project in config.projects for source in project.sources}
    begin = now - LOOKED_BACK
    kept = stored.health.outages(begin)
    lasting = [each for each in kept.values() if each.until is None and each.since < begin]
    runs = stored.health.runs(stored.observer, begin, now + _CLOCKS_DIFFER)
    looks = [
        look for run in runs if (run.project, run.source) in followed and run.host for look in run.looks_since(begin)
    ]
    # Of what was before, the last look alone is needed: it tells whether we were away then.
    last = max((look.at for look in looks if look.at <= begin), default=begin)
    shown = health([look for look in looks if look.at >= last], lasting, _longest_pause(config))
    still = {host_of(source) for _, source in followed}
    ended = {
        number: replace(each, until=now) if each.until is None and not each.hosts & still and each.hosts else each
        for number, each in kept.items()
    }
    outages, new = continued(list(ended.values()), shown.outages)
    known = dict(zip(ended, outages, strict=True))
    older = [each for number, each in stored.health.outages().items() if number not in known]
    lasting_now = tuple(_still_down(each, shown) for each in (*older, *outages, *new))
    return Survey(Health(shown.states, lasting_now), known, tuple(new))


def _still_down(outage: Outage, shown: Health) -> Outage:
    """While an outage of several hosts lasts, those of them that are back are not said to be down."""
    down = frozenset(host for host in outage.hosts if shown.state(host) is not State.UP)
    return replace(outage, hosts=down) if outage.until is None and outage.is_theirs and down else outage


def _longest_pause(config: Config) -> timedelta:
    """How long it may take to the next look, as it was asked for; whoever looks seldom was not away."""
    schedule = config.schedule
    sources = (source for project in config.projects for source in project.sources)
    every = (schedule.tags if isinstance(each, TagsConfig) else schedule.lists for each in sources)
    return max(HOLE, 2 * min(every, default=HOLE))


def archives_late(stored: Store, project: ProjectConfig) -> tuple[Outage, ...]:
    """When the archives of a project stored mail late, by the mails alone; also before rctrack was there."""
    return tuple(
        outage
        for each in project.lists
        for outage in archive_outages(named(each), stored.health.deliveries(project.id, each.source))
    )


def states(
    stored: Store, project: ProjectConfig, health: Health, delays: Iterable[Delay], now: datetime
) -> dict[SourceId, State]:
    """How each source of a project does: as its host, unless it lags; of what is on this machine only the latter."""
    behind = _lagging(stored, project, delays, now)
    hosts = {each.source: health.state(host_of(each.source)) for each in project.sources}
    answers = (State.UP, State.UNKNOWN)
    return {key: State.LAGGING if key in behind and state in answers else state for key, state in hosts.items()}


def _lagging(stored: Store, project: ProjectConfig, delays: Iterable[Delay], now: datetime) -> set[SourceId]:
    """The sources that answer, but with what is old: a mirror that is late, an archive that is behind."""
    kinds = (DelayKind.MIRROR, DelayKind.LISTING)
    behind = {delay.where for delay in delays if delay.ended is None and delay.kind in kinds}
    shown: tuple[SourceConfig, ...] = (*project.tags, *project.listings)
    late = {each.source for each in shown if named(each) in behind}
    newest = {each.source: stored.health.newest_delivery(project.id, each.source) for each in project.lists}
    return late | {source for source, mail in newest.items() if mail and _is_behind(*mail, now)}


def _is_behind(delivered_at: datetime, stored_at: datetime, now: datetime) -> bool:
    """Whether an archive whose newest mail this is has been late of late."""
    return stored_at - delivered_at > SLOW and now - stored_at <= CAUGHT_UP


def named(source: SourceConfig) -> str:
    """The host, or the path of what is on this machine."""
    return host_of(source.source) or source.url

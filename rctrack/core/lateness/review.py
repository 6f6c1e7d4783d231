"""A look at the clock: which gaps have become delays, and how those that were open went on."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from rctrack.core.hosts import Health, Outage, OutageKind
from rctrack.core.lateness.record import Delay, DelayKind, Ended, Expected, Review, Wait, Watched
from rctrack.core.lateness.waits import overdue, waits
from rctrack.core.release import Release
from rctrack.core.version import VersionId

RAISED_AFTER = 4
"""A delay is raised when it is so many times its limit."""


def review(
    project: Watched,
    releases: Mapping[VersionId, Release],
    record: Iterable[Delay],
    expected: Expected | None,
    now: datetime,
) -> Review:
    """The record after this look; a pure function, and looking twice adds nothing.

    1. Each wait that has ended closes the delay that it opened; a long one that opened none is recorded as over.
    2. Each wait that lasts beyond its limit, with proof of life, opens a delay once, and raises it once.
    3. What waited for a mail or a tag ends as never once a later release of the cycle is complete.
    While we are offline nothing opens.
    """
    known = {delay.key: delay for delay in record}
    before = dict(known)
    silent: list[Wait] = []
    pending: list[datetime] = []
    for wait in (*waits(project, releases), *overdue(project, releases, known, expected)):
        key = (wait.version, wait.kind, wait.where)
        delay = known.get(key)
        if delay is not None and delay.ended is None:
            known[key] = _continued(delay, wait, releases, now)
        elif delay is None:
            made = _begun(project, wait, releases, now)
            if made is not None:
                known[key] = made
            elif wait.until is None and now - wait.since <= wait.limit:
                pending.append(wait.since + wait.limit)
            elif wait.until is None and not _proven(wait):
                silent.append(wait)
            elif wait.until is None and project.health.offline:
                pending.append(now)
    new = [delay for key, delay in known.items() if key not in before]
    changed = [delay for key, delay in known.items() if key in before and delay != before[key]]
    return Review(
        delays=tuple(sorted(known.values(), key=lambda each: (each.since, each.version, each.kind, each.where))),
        opened=tuple(delay for delay in new if delay.ended is None),
        raised=tuple(delay for delay in changed if delay.ended is None and delay.raised_at == now),
        closed=tuple(delay for delay in changed if delay.ended is not None),
        recorded=tuple(delay for delay in new if delay.ended is not None),
        silent=tuple(silent),
        next_at=min([*pending, *_raises(known.values(), now)], default=None),
    )


def _raises(known: Iterable[Delay], now: datetime) -> list[datetime]:
    """When those that are open are to be raised."""
    due = [_raise_at(each) for each in known if each.ended is None and each.raised_at is None]
    return [max(each, now) for each in due]


def _raise_at(delay: Delay) -> datetime:
    return delay.since + RAISED_AFTER * (delay.limit or timedelta(days=2))


def related(delay: Delay, health: Health) -> tuple[Outage, ...]:
    """The outages of others that lasted while this delay did: they are told together."""
    until = delay.until or max(delay.opened_at, delay.since)
    theirs = (OutageKind.OUT, OutageKind.BLOCKED, OutageKind.LAGGING)
    return tuple(each for each in health.outages if each.kind in theirs and each.covers(delay.since, until))


def _begun(project: Watched, wait: Wait, releases: Mapping[VersionId, Release], now: datetime) -> Delay | None:
    """The delay that a wait is, if it is one."""
    delay = Delay(project.project, wait.version, wait.kind, wait.where, wait.since, wait.limit, now)
    if wait.until is not None:
        if wait.until - wait.since <= wait.limit:
            return None
        return replace(delay, until=wait.until, cause=wait.cause, ended=Ended.CLOSED)
    late = now - wait.since > wait.limit and _proven(wait) and not project.health.offline
    return delay if late and not _is_superseded(wait, releases) else None


def _continued(delay: Delay, wait: Wait, releases: Mapping[VersionId, Release], now: datetime) -> Delay:
    if wait.until is not None:
        return replace(delay, until=max(wait.until, delay.since), cause=wait.cause, ended=Ended.CLOSED)
    if wait.kind in (DelayKind.ANNOUNCEMENT, DelayKind.TAG, DelayKind.LISTING) and _is_superseded(wait, releases):
        return replace(delay, until=max(now, delay.since), cause=wait.cause, ended=Ended.NEVER)
    if delay.raised_at is None and now > delay.opened_at and now > _raise_at(delay):
        return replace(delay, raised_at=now)
    return delay


def _proven(wait: Wait) -> bool:
    """Absence needs proof of life: something newer than the limit was seen where this would have been."""
    return wait.proven_at is not None and wait.proven_at > wait.since + wait.limit


def _is_superseded(wait: Wait, releases: Mapping[VersionId, Release]) -> bool:
    """Whether a later release of the cycle is complete; of a final, a later release of any."""
    release = releases.get(wait.version)
    if release is None:
        return False
    return any(
        each.version > release.version
        and (release.version.is_final or each.version.cycle_id == release.version.cycle_id)
        and each.tagged is not None
        and each.announced is not None
        for each in releases.values()
    )

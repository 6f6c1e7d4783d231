"""How long a gap may be before it is one, from the project's own past."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from rctrack.core.evidence import Station
from rctrack.core.lateness.clocks import announced_at, when_published, when_seen
from rctrack.core.lateness.record import DelayKind, Watched
from rctrack.core.release import Release

ENOUGH = 5
"""With fewer lags of its own a project is measured by the prior."""
RECENT = 20
HABIT = 0.8
"""A station is expected if so many of the last releases of that kind reached it."""
_SHORTEST = 60.0
"""Seconds; shorter and negative lags are clocks that differ."""


LIMITS: Mapping[DelayKind, tuple[timedelta, timedelta]] = {
    DelayKind.ANNOUNCEMENT: (timedelta(hours=12), timedelta(hours=24)),
    DelayKind.DELIVERY: (timedelta(hours=2), timedelta(hours=6)),
    DelayKind.ARCHIVE: (timedelta(hours=24), timedelta(hours=24)),
    DelayKind.MIRROR: (timedelta(hours=12), timedelta(hours=24)),
    DelayKind.TAG: (timedelta(hours=12), timedelta(hours=24)),
    DelayKind.LISTING: (timedelta(hours=12), timedelta(hours=24)),
}
"""The least limit, and the one while there is little history."""


def limit_of(kind: DelayKind, lags: Sequence[timedelta]) -> timedelta:
    """Median and three robust deviations of the project's own log lags, not below the floor of its kind.

    Not for archives: where an archive was out for weeks at a time, a quarter of the lags are the fault itself.
    """
    floor, prior = LIMITS[kind]
    if kind is DelayKind.ARCHIVE:
        return floor
    if len(lags) < ENOUGH:
        return prior
    logs = [math.log(max(_SHORTEST, lag.total_seconds())) for lag in lags[-100:]]
    middle = median(logs)
    deviation = 1.4826 * median(abs(each - middle) for each in logs)
    return max(floor, timedelta(seconds=math.exp(min(middle + 3 * deviation, math.log(90 * 86400)))))


@dataclass(frozen=True, slots=True)
class Lags:
    """How long each gap took in a project's past, with the moment at which it was over."""

    shipped: Sequence[timedelta]
    """From tag to announcement, of releases that no source of ours shows."""
    spans: Mapping[DelayKind, Sequence[tuple[datetime, datetime]]]

    def limit(self, kind: DelayKind, since: datetime, until: datetime | None) -> timedelta:
        """The limit of a gap that began then, by those that were over by then and no later ones.

        What happened to a release, and to those that came with it, is no measure of itself.
        """
        floor = LIMITS[kind][0]
        if until is not None and until - since <= floor:
            return floor
        shipped = self.shipped if kind is DelayKind.ANNOUNCEMENT else ()
        return limit_of(kind, [*shipped, *(last - first for first, last in self.spans[kind] if last <= since)])


def lags(shipped: Sequence[timedelta], ordered: Sequence[Release]) -> Lags:
    """Of all these releases, oldest first."""
    return Lags(shipped, {kind: [span for each in ordered if (span := span_of(kind, each))] for kind in LIMITS})


def lags_of(kind: DelayKind, ordered: Sequence[Release]) -> list[timedelta]:
    """The lags of this kind of all releases, oldest first."""
    return [span[1] - span[0] for each in ordered if (span := span_of(kind, each))]


def span_of(kind: DelayKind, release: Release) -> tuple[datetime, datetime] | None:
    """From when to when this gap of a release was; None where it is open or not known."""
    first: datetime | None
    last: datetime | None
    match kind:
        case DelayKind.ANNOUNCEMENT:
            first, last = when_published(release), announced_at(release)
        case DelayKind.TAG:
            first, last = announced_at(release), when_published(release)
        case DelayKind.DELIVERY:
            first, last = announced_at(release), release.delivered.at if release.delivered else None
        case DelayKind.ARCHIVE:
            first, last = (each.at if each else None for each in (release.delivered, release.archived))
        case DelayKind.MIRROR:
            stops = (each for each in release.timeline if each.station is Station.VISIBLE)
            seen = sorted(at for stop in stops if (at := when_seen(stop)))
            first, last = (seen[0], seen[-1]) if len(seen) > 1 else (None, None)
        case DelayKind.LISTING:
            first, last = when_published(release), release.listed.at if release.listed else None
        case DelayKind.OVERDUE:
            return None
    return None if first is None or last is None else (first, last)


def is_habit(project: Watched, ordered: Sequence[Release], release: Release, station: Station) -> bool:
    """Whether the project's own releases of this kind, candidates or finals, reach this station."""
    if station in project.expects:
        return True
    begins = max((each.begins_at for each in project.archives if each.begins_at), default=None)
    alike = [
        each
        for each in ordered
        if each is not release
        and each.version.is_final == release.version.is_final
        and each.made_at is not None
        and each.made_at < (release.made_at or release.first_seen_at)
        and (station is not Station.ANNOUNCED or (begins is not None and each.made_at >= begins))
    ][-RECENT:]
    reached = sum(_has_reached(each, station) for each in alike)
    return len(alike) >= ENOUGH and reached >= HABIT * len(alike)


def _has_reached(release: Release, station: Station) -> bool:
    if station is Station.LISTED:
        return any(stop.station is station for stop in release.timeline)
    return (release.announced if station is Station.ANNOUNCED else release.tag) is not None

"""How long a gap may be before it is one, from the project's own past."""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from rctrack.core.evidence import Station
from rctrack.core.lateness.clocks import announced_at, when_published, when_seen
from rctrack.core.lateness.delay import DelayKind
from rctrack.core.release import Release

ENOUGH = 5
"""With fewer lags of its own a project is measured by the prior."""
_SHORTEST = 60.0
"""Seconds; shorter and negative lags are clocks that differ."""
_MOST_LAGS = 100


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
    logs = [math.log(max(_SHORTEST, lag.total_seconds())) for lag in lags[-_MOST_LAGS:]]
    middle = median(logs)
    deviation = 1.4826 * median(abs(each - middle) for each in logs)
    return max(floor, timedelta(seconds=math.exp(min(middle + 3 * deviation, math.log(90 * 86400)))))


@dataclass(frozen=True, slots=True)
class Lags:
    """How long each gap took in a project's past, by when it was over."""

    shipped: Sequence[timedelta]
    """From tag to announcement, of releases that no source of ours shows."""
    spans: Mapping[DelayKind, Sequence[tuple[datetime, timedelta]]]
    """(when it was over, how long it took), ascending."""

    def before(self, kind: DelayKind, moment: datetime) -> list[timedelta]:
        """The last lags of this kind that were over by then, oldest first."""
        spans = self.spans[kind]
        over = spans[: bisect_right(spans, moment, key=lambda span: span[0])]
        shipped = self.shipped if kind is DelayKind.ANNOUNCEMENT else ()
        return [*shipped, *(length for _, length in over)][-_MOST_LAGS:]

    def limit(self, kind: DelayKind, since: datetime, until: datetime | None) -> timedelta:
        """The limit of a gap that began then, by those that were over by then and no later ones.

        What happened to a release, and to those that came with it, is no measure of itself.
        """
        floor = LIMITS[kind][0]
        if until is not None and until - since <= floor:
            return floor
        return limit_of(kind, self.before(kind, since))


def lags(shipped: Sequence[timedelta], releases: Sequence[Release]) -> Lags:
    """The lags of all these releases."""
    spans = {
        kind: sorted((last, last - first) for release in releases for first, last in span_of(kind, release))
        for kind in LIMITS
    }
    return Lags(shipped, spans)


def span_of(kind: DelayKind, release: Release) -> list[tuple[datetime, datetime]]:
    """From when to when this gap of a release was; empty where it is open or not known."""
    first: datetime | None = None
    last: datetime | None = None
    match kind:
        case DelayKind.ANNOUNCEMENT:
            first, last = when_published(release), announced_at(release)
        case DelayKind.TAG:
            first, last = announced_at(release), when_published(release)
        case DelayKind.DELIVERY:
            first, last = announced_at(release), release.delivered.at if release.delivered else None
        case DelayKind.ARCHIVE:
            first, last = (instant.at if instant else None for instant in (release.delivered, release.archived))
        case DelayKind.MIRROR:
            entries = (entry for entry in release.timeline if entry.station is Station.VISIBLE)
            moments = sorted(at for entry in entries if (at := when_seen(entry)))
            first, last = (moments[0], moments[-1]) if len(moments) > 1 else (None, None)
        case DelayKind.LISTING:
            first, last = when_published(release), release.listed.at if release.listed else None
        case DelayKind.OVERDUE:
            pass
    return [] if first is None or last is None else [(first, last)]

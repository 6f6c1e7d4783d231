"""The way of an announcement, hop by hop: each of them can be where the time went."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from rctrack.core.lateness.clocks import announced_at, when_published
from rctrack.core.lateness.delay import Cause, DelayKind
from rctrack.core.lateness.limits import LIMITS
from rctrack.core.release import Release


@dataclass(frozen=True, slots=True)
class Hop:
    """One leg of the way from the tag to the archive."""

    cause: Cause
    """Whose leg it is."""
    first: datetime
    last: datetime
    floor: timedelta
    """What is usual for anybody."""

    @property
    def span(self) -> timedelta:
        return self.last - self.first

    @property
    def excess(self) -> timedelta:
        """How much longer it was than usual."""
        return self.span - self.floor


def hops_of(release: Release) -> list[Hop]:
    """Tag to Date, Date to list, list to archive, as far as they are known; in this order."""
    stations = (
        when_published(release),
        announced_at(release),
        release.delivered.at if release.delivered else None,
        _stored_at(release),
    )
    legs = (
        (Cause.PROJECT, DelayKind.ANNOUNCEMENT),
        (Cause.MAIL, DelayKind.DELIVERY),
        (Cause.ARCHIVE, DelayKind.ARCHIVE),
    )
    hops, first = [], stations[0]
    for (cause, kind), last in zip(legs, stations[1:], strict=True):
        if first is not None and last is not None:
            hops.append(Hop(cause, first, last, LIMITS[kind][0]))
        first = last or first
    return hops


def _stored_at(release: Release) -> datetime | None:
    """When the archive had it, by its own clock or where a look without it proves that it was late."""
    mail = release.announcement
    if mail is None or mail.archived is not None:
        return release.archived.at if release.archived else None
    not_seen_at = mail.sighting.not_seen_at
    if release.delivered is None or not_seen_at is None:
        return None
    is_late = not_seen_at - release.delivered.at > LIMITS[DelayKind.ARCHIVE][0]
    return mail.sighting.seen_at if is_late else None


def held_by(release: Release) -> Hop | None:
    """The leg on which the announcement lost most of its time; None where each was as usual."""
    hop = max(hops_of(release), key=lambda each: each.excess, default=None)
    return hop if hop is not None and hop.excess > timedelta(0) else None

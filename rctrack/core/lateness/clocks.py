"""Which clock to believe of a release: Date headers lie, and so do tagger dates (DESIGN section 2)."""

from datetime import datetime, timedelta

from rctrack.core.evidence import Station
from rctrack.core.release import Announcement, Release, TimelineEntry

SKEW = timedelta(days=1)
"""A Date so much later than its delivery, or earlier than its tag, is a wrong clock."""


def announced_at(release: Release) -> datetime | None:
    """When its mail was written, as far as its clock can be believed: else when it was delivered, archived or seen."""
    return None if release.announcement is None else when_written(release.announcement, release)


def when_published(release: Release) -> datetime | None:
    """When the tag was there for others: its own date, unless we were watching and it came later with an old date."""
    if release.tagged is None or release.made_at is None:
        return None
    watched = [entry for entry in release.timeline if entry.station is Station.VISIBLE and entry.after and entry.at]
    first = min(watched, key=lambda entry: entry.at.at if entry.at else release.first_seen_at, default=None)
    if first is None or first.at is None or first.after is None or first.after <= release.made_at <= first.at.at:
        return release.made_at
    return first.at.at


def when_written(mail: Announcement, release: Release) -> datetime:
    """When this mail of the release was written, by its Date unless its delivery or the tag refutes it."""
    received_at = mail.delivered.at if mail.delivered else mail.archived.at if mail.archived else mail.sighting.seen_at
    if mail.announced is None or mail.announced.at > received_at + SKEW:
        return received_at
    earliest = release.tagged.at if release.tagged else received_at - timedelta(days=60)
    return received_at if mail.announced.at < min(earliest, received_at) - SKEW else mail.announced.at


def when_seen(entry: TimelineEntry) -> datetime | None:
    """When we saw it come; None for what was there at our first look."""
    return entry.at.at if entry.at and entry.after else None

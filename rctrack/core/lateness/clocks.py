"""Which clock to believe of a release: Date headers lie, and so do tagger dates (DESIGN section 2)."""

from datetime import datetime, timedelta

from rctrack.core.evidence import Station
from rctrack.core.release import Announcement, Release, Stop

SKEW = timedelta(days=1)
"""A Date so much later than its delivery, or earlier than its tag, is a wrong clock."""


def announced_at(release: Release) -> datetime | None:
    """When its mail was written, as far as its clock can be believed: else when it was delivered, archived or seen."""
    mail = next((each for each in release.announcements if each.message_id == release.message_id), None)
    return None if mail is None else when_written(mail, release)


def when_published(release: Release) -> datetime | None:
    """When the tag was there for others: its own date, unless we were watching and it came later with an old date."""
    if release.tagged is None:
        return None
    watched = [stop for stop in release.timeline if stop.station is Station.VISIBLE and stop.after and stop.at]
    first = min(watched, key=lambda stop: stop.at.at if stop.at else release.first_seen_at, default=None)
    tagged_at = release.tagged.at
    if first is None or first.at is None or first.after is None or first.after <= tagged_at <= first.at.at:
        return tagged_at
    return first.at.at


def when_written(mail: Announcement, release: Release) -> datetime:
    received_at = mail.delivered.at if mail.delivered else mail.archived.at if mail.archived else mail.sighting.seen_at
    if mail.announced is None or mail.announced.at > received_at + SKEW:
        return received_at
    earliest = release.tagged.at if release.tagged else received_at - timedelta(days=60)
    return received_at if mail.announced.at < min(earliest, received_at) - SKEW else mail.announced.at


def when_seen(stop: Stop) -> datetime | None:
    return stop.at.at if stop.at and stop.after else None

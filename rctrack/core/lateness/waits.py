"""Every gap of every release that could be a delay, and what is due next: ended or not, late or not."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from rctrack.core.evidence import Station
from rctrack.core.hosts import OutageKind
from rctrack.core.lateness.clocks import announced_at, when_published, when_seen, when_written
from rctrack.core.lateness.limits import Lags, is_habit, lags
from rctrack.core.lateness.record import Archive, Cause, Delay, DelayKind, Expected, Wait, Watched
from rctrack.core.release import Announcement, Release
from rctrack.core.version import VersionId

FRESH = timedelta(days=14)
"""A release older than this when first seen, at a source that was not being watched, opens nothing."""


def waits(project: Watched, releases: Mapping[VersionId, Release]) -> Iterator[Wait]:
    ordered = sorted(releases.values(), key=lambda each: (each.first_seen_at, each.version))
    past = lags(project.shipped_lags, ordered)
    for release in ordered:
        if not _may_be_late(release):
            continue
        announcement = _announcement_wait(project, ordered, release, past)
        if announcement is not None:
            yield announcement
        if announcement is None or announcement.cause is not Cause.MAIL:
            yield from _delivery_wait(release, past)
        yield from _archive_wait(project, release, past)
        yield from _tag_wait(project, ordered, release, past)
        yield from _mirror_waits(project, release, past)
        yield from _listing_wait(project, ordered, release, past)


def _may_be_late(release: Release) -> bool:
    """History opens nothing: only what we watched coming, or what was fresh when we first saw it."""
    made_at = release.made_at
    return release.was_watched or (made_at is not None and release.first_seen_at - made_at <= FRESH)


def _announcement_wait(project: Watched, ordered: Sequence[Release], release: Release, past: Lags) -> Wait | None:
    since = when_published(release)
    if since is None or not project.archives:
        return None
    if any(archive.begins_at is None or since < archive.begins_at for archive in project.archives):
        return None
    mail = next((each for each in release.announcements if each.message_id == release.message_id), None)
    came_at = None if mail is None else max(when_written(mail, release), mail.delivered.at if mail.delivered else since)
    limit = past.limit(DelayKind.ANNOUNCEMENT, since, came_at)
    until, cause = (None, Cause.PROJECT) if mail is None else _arrival(mail, release, since, limit)
    if until is None and not is_habit(project, ordered, release, Station.ANNOUNCED):
        return None
    alive = [archive.alive_at for archive in project.archives]
    proven_at = None if None in alive else min(each for each in alive if each)
    return Wait(release.version.id, DelayKind.ANNOUNCEMENT, "", since, limit, until, cause, proven_at)


def _arrival(mail: Announcement, release: Release, since: datetime, limit: timedelta) -> tuple[datetime, Cause]:
    """When the mail could be read, and who kept it: the project that wrote it late, the mail, or the archive."""
    written_at = when_written(mail, release)
    delivered_at = mail.delivered.at if mail.delivered else written_at
    if written_at - since > limit:
        return written_at, Cause.PROJECT
    if delivered_at - since > limit:
        return delivered_at, Cause.MAIL
    return delivered_at, Cause.PROJECT


def _delivery_wait(release: Release, past: Lags) -> Iterator[Wait]:
    written_at = announced_at(release)
    if written_at is not None and release.delivered is not None:
        until = release.delivered.at
        limit = past.limit(DelayKind.DELIVERY, written_at, until)
        yield Wait(release.version.id, DelayKind.DELIVERY, "", written_at, limit, until, Cause.MAIL, until)


def _archive_wait(project: Watched, release: Release, past: Lags) -> Iterator[Wait]:
    """By the archive's own clock, or as far as our own looks prove that it did not have the mail."""
    if release.delivered is None or release.archived is None:
        return
    mail = next(each for each in release.announcements if each.message_id == release.message_id)
    archive = next((each for each in project.archives if each.source == mail.sighting.source), None)
    if archive is not None and _may_be_first_fill(archive, mail, release.delivered.at):
        return
    host = archive.host if archive else ""
    since, until = release.delivered.at, release.archived.at
    limit = past.limit(DelayKind.ARCHIVE, since, until)
    if mail.archived is None:
        until = _proven_end(since, limit, mail.sighting.not_seen_at, until)
    yield Wait(release.version.id, DelayKind.ARCHIVE, host, since, limit, until, Cause.LIST_ARCHIVE, until)


def _may_be_first_fill(archive: Archive, mail: Announcement, delivered_at: datetime) -> bool:
    """Whether the mail was there before the archive, or, by an archive's own clock, nothing tells when that began."""
    if archive.stores_since is None:
        return mail.archived is not None
    return delivered_at < archive.stores_since


def _proven_end(since: datetime, limit: timedelta, not_seen_at: datetime | None, seen_at: datetime) -> datetime:
    """When we first saw it, if a look beyond the limit was without it; else it may have come while we did not look."""
    if not_seen_at is None:
        return since
    return seen_at if not_seen_at - since > limit else max(since, not_seen_at)


def _tag_wait(project: Watched, ordered: Sequence[Release], release: Release, past: Lags) -> Iterator[Wait]:
    since = announced_at(release)
    if since is None or not project.tags or not is_habit(project, ordered, release, Station.TAGGED):
        return
    seen = [at for each in release.timeline if each.station is Station.VISIBLE and (at := when_seen(each))]
    if release.tag is not None and not seen:
        return
    until = None if release.tag is None else max(since, min([release.tagged.at] if release.tagged else seen))
    looks = [host.good_at for host in project.tags if host.good_at]
    limit = past.limit(DelayKind.TAG, since, until)
    yield Wait(release.version.id, DelayKind.TAG, "", since, limit, until, Cause.PROJECT, max(looks, default=None))


def _mirror_waits(project: Watched, release: Release, past: Lags) -> Iterator[Wait]:
    """From the first host that showed the tag to each other one; what was there at a first look tells nothing."""
    shown = {stop.source: stop for stop in release.timeline if stop.station is Station.VISIBLE}
    since = min((at for stop in shown.values() if (at := when_seen(stop))), default=None)
    if since is None or any(stop.at is None for stop in shown.values()):
        return
    for host in project.tags:
        stop = shown.get(host.source)
        until = when_seen(stop) if stop else None
        if until == since:
            continue
        was_down = _was_down(project, host.host, since, until)
        cause = Cause.HOST if was_down else Cause.MIRROR
        limit = past.limit(DelayKind.MIRROR, since, until)
        if stop is not None and until is not None and not was_down:
            until = _proven_end(since, limit, stop.after, until)
        yield Wait(release.version.id, DelayKind.MIRROR, host.host, since, limit, until, cause, host.good_at)


def _listing_wait(project: Watched, ordered: Sequence[Release], release: Release, past: Lags) -> Iterator[Wait]:
    """A site lists the newest alone: of what was listed at our first look, or skipped by habit, nothing is known."""
    since = when_published(release)
    if since is None or not project.listings or not is_habit(project, ordered, release, Station.LISTED):
        return
    stops = [stop for stop in release.timeline if stop.station is Station.LISTED]
    if stops and release.listed is None:
        return
    until = max(since, release.listed.at) if release.listed else None
    limit = past.limit(DelayKind.LISTING, since, until)
    host = project.listings[0]
    cause = Cause.HOST if _was_down(project, host.host, since, until) else Cause.SITE
    if until is not None and cause is Cause.SITE:
        until = _proven_end(since, limit, stops[0].after, until)
    yield Wait(release.version.id, DelayKind.LISTING, host.host, since, limit, until, cause, host.good_at)


def overdue(
    project: Watched,
    releases: Mapping[VersionId, Release],
    known: Mapping[tuple[VersionId, DelayKind, str], Delay],
    expected: Expected | None,
) -> Iterator[Wait]:
    """The next release, if it is not there; and the end of an overdue that was opened before.

    What was due before we came is nobody's news: a project may sleep for years.
    """
    looks = [host.good_at for host in project.tags if host.good_at] or [
        archive.alive_at for archive in project.archives if archive.alive_at
    ]
    proven_at = max(looks, default=None)
    for delay in known.values():
        if delay.kind is DelayKind.OVERDUE and delay.ended is None:
            until = _came_at(project, releases, delay)
            yield Wait(
                delay.version, DelayKind.OVERDUE, delay.where, delay.since, delay.limit, until, Cause.PROJECT, proven_at
            )
    open_keys = {delay.where for delay in known.values() if delay.kind is DelayKind.OVERDUE}
    is_ours = expected is not None and project.began_at is not None and expected.due_at >= project.began_at
    if expected is not None and is_ours and expected.after in releases and expected.after not in open_keys:
        yield Wait(
            expected.version,
            DelayKind.OVERDUE,
            expected.after,
            expected.due_at,
            timedelta(0),
            None,
            Cause.PROJECT,
            proven_at,
        )


def _came_at(project: Watched, releases: Mapping[VersionId, Release], delay: Delay) -> datetime | None:
    """When the first feature release newer than the one it was counted from came; a point release is another matter."""
    before = releases.get(VersionId(delay.where))
    if before is None or before.came_at is None:
        return None
    later = [each for each in releases.values() if each.version > before.version and _is_feature(project, each)]
    return min((at for each in later if (at := each.came_at) and at >= before.came_at), default=None)


def _is_feature(project: Watched, release: Release) -> bool:
    return release.version.is_feature(project.feature_parts.of(release.version))


def _was_down(project: Watched, host: str, since: datetime, until: datetime | None) -> bool:
    last = until or datetime.max.replace(tzinfo=since.tzinfo)
    theirs = (OutageKind.OUT, OutageKind.BLOCKED)
    outages = (each for each in project.health.outages if each.kind in theirs)
    return any(host in each.hosts and each.covers(since, last) for each in outages)

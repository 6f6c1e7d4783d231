"""Every gap of every release that could be a delay, and what was due: ended or not, late or not."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rctrack.core.evidence import Station
from rctrack.core.followed import Archive, Followed, TagHost
from rctrack.core.habits import Habits
from rctrack.core.lateness.clocks import announced_at, when_published, when_seen, when_written
from rctrack.core.lateness.delay import Cause, DelayKind, Wait
from rctrack.core.lateness.limits import Lags, lags
from rctrack.core.release import Announcement, Release
from rctrack.core.version import VersionId


@dataclass(frozen=True, slots=True)
class Expected:
    """What was forecast to come next when a release came."""

    after: VersionId
    """The newest release when it was forecast."""
    version: VersionId
    """A key for what is expected: "6.18-rc5"."""
    due_at: datetime
    """Past this it is overdue: the end of the last likely day, and a margin into the following one."""


def waits_of(
    followed: Followed, habits: Habits, releases: Mapping[VersionId, Release], expected: Iterable[Expected]
) -> list[Wait]:
    """The waits of all releases, by when they began; and what was or is overdue.

    By evidence alone, whatever the order in which it came, also for the years before rctrack did.
    """
    past = lags(followed.shipped_lags, list(releases.values()))
    later = _complete_later(list(releases.values()))
    waits: list[Wait] = []
    for release in releases.values():
        own = _waits_of(followed, habits, release, past, later.get(release.version.id))
        # Of what was history when we came and is not there, nobody knows whether it is waited for.
        waits += (wait for wait in own if wait.until is not None or release.is_fresh)
    waits += _overdue_waits(followed, releases, expected)
    return sorted(waits, key=lambda wait: (wait.since, wait.version, wait.kind, wait.where))


def _waits_of(
    followed: Followed, habits: Habits, release: Release, past: Lags, given_up_at: datetime | None
) -> Iterator[Wait]:
    announcement = _announcement_wait(followed, habits, release, past, given_up_at)
    yield from announcement
    if not any(wait.cause is Cause.MAIL for wait in announcement):
        yield from _delivery_wait(release, past)
    yield from _archive_wait(followed, release, past)
    yield from _tag_wait(followed, habits, release, past)
    yield from _mirror_waits(followed, release, past)
    yield from _listing_wait(followed, habits, release, past, given_up_at)


def _complete_later(releases: Sequence[Release]) -> dict[VersionId, datetime]:
    """Of each release, when the first later one of its cycle, or of a final any later one, was tagged and announced.

    `releases` ascend by version, and so are walked through from the newest.
    """
    found: dict[VersionId, datetime] = {}
    in_cycle: dict[VersionId, datetime] = {}
    overall: datetime | None = None
    for release in reversed(releases):
        cycle = release.version.cycle_id
        complete_at = overall if release.version.is_final else in_cycle.get(cycle)
        if complete_at is not None:
            found[release.version.id] = complete_at
        published, announced = when_published(release), announced_at(release)
        if published is not None and announced is not None:
            at = max(published, announced)
            in_cycle[cycle] = min(in_cycle.get(cycle, at), at)
            overall = at if overall is None else min(overall, at)
    return found


def _announcement_wait(
    followed: Followed, habits: Habits, release: Release, past: Lags, given_up_at: datetime | None
) -> list[Wait]:
    since, begins_at = when_published(release), followed.archives_begin_at
    if since is None or begins_at is None or since < begins_at:
        return []
    mail = release.announcement
    if mail is None and not habits.expects(release, Station.ANNOUNCED):
        return []
    came_at = None if mail is None else max(when_written(mail, release), mail.delivered.at if mail.delivered else since)
    limit = past.limit(DelayKind.ANNOUNCEMENT, since, came_at)
    until, cause = (None, Cause.PROJECT) if mail is None else _arrival(mail, release, since, limit)
    proven_at = followed.archives_alive_at
    wait = Wait(release.version.id, DelayKind.ANNOUNCEMENT, "", since, limit, until, cause, proven_at)
    return [_given_up(wait, given_up_at)]


def _given_up(wait: Wait, at: datetime | None) -> Wait:
    """The wait as it ended when a later release was complete, if its absence is proved at all."""
    if wait.until is not None or at is None or not wait.is_proven:
        return wait
    until = max(at, wait.since)
    return Wait(
        wait.version, wait.kind, wait.where, wait.since, wait.limit, until, wait.cause, wait.proven_at, is_never=True
    )


def _arrival(mail: Announcement, release: Release, since: datetime, limit: timedelta) -> tuple[datetime, Cause]:
    """When the list had it, and who kept it until then: the project that wrote it late, or the mail."""
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


def _archive_wait(followed: Followed, release: Release, past: Lags) -> Iterator[Wait]:
    """By the archive's own clock, or as far as our own looks prove that it did not have the mail."""
    mail = release.announcement
    if mail is None or release.delivered is None or release.archived is None:
        return
    archive = next((each for each in followed.archives if each.source == mail.sighting.source), None)
    if archive is not None and _may_be_first_fill(archive, mail, release.delivered.at):
        return
    since, until = release.delivered.at, release.archived.at
    limit = past.limit(DelayKind.ARCHIVE, since, until)
    if mail.archived is None:
        until = _proven_end(since, limit, mail.sighting.not_seen_at, until)
    host = archive.host if archive else ""
    yield Wait(release.version.id, DelayKind.ARCHIVE, host, since, limit, until, Cause.ARCHIVE, until)


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


def _tag_wait(followed: Followed, habits: Habits, release: Release, past: Lags) -> Iterator[Wait]:
    """Announced and not tagged; once the tag is there, a mail of long before is not its announcement."""
    since = announced_at(release)
    if since is None or release.tag is not None or not followed.tags:
        return
    if not habits.expects(release, Station.TAGGED):
        return
    limit = past.limit(DelayKind.TAG, since, None)
    yield Wait(release.version.id, DelayKind.TAG, "", since, limit, None, Cause.PROJECT, followed.tags_alive_at)


def _mirror_waits(followed: Followed, release: Release, past: Lags) -> Iterator[Wait]:
    """From the first host that showed the tag to each other one; what was there at a first look tells nothing."""
    shown = {entry.source: entry for entry in release.timeline if entry.station is Station.VISIBLE}
    since = min((at for entry in shown.values() if (at := when_seen(entry))), default=None)
    if since is None or any(entry.at is None for entry in shown.values()):
        return
    for host in followed.tags:
        entry = shown.get(host.source)
        until = when_seen(entry) if entry else None
        if until == since or (host.first_look_at is not None and host.first_look_at > since):
            continue
        was_down = _was_down(followed, host, since, until)
        limit = past.limit(DelayKind.MIRROR, since, until)
        if entry is not None and until is not None and not was_down:
            until = _proven_end(since, limit, entry.after, until)
        cause = Cause.HOST if was_down else Cause.MIRROR
        yield Wait(release.version.id, DelayKind.MIRROR, host.host, since, limit, until, cause, host.alive_at)


def _listing_wait(
    followed: Followed, habits: Habits, release: Release, past: Lags, given_up_at: datetime | None
) -> Iterator[Wait]:
    """A site lists the newest alone: of what was listed at our first look, or skipped by habit, nothing is known."""
    since = when_published(release)
    if since is None or not followed.sites or not habits.expects(release, Station.LISTED):
        return
    entries = [entry for entry in release.timeline if entry.station is Station.LISTED]
    if entries and release.listed is None:
        return
    until = max(since, release.listed.at) if release.listed else None
    limit = past.limit(DelayKind.LISTING, since, until)
    host = followed.sites[0]
    cause = Cause.HOST if _was_down(followed, host, since, until) else Cause.SITE
    if until is not None and cause is Cause.SITE:
        until = _proven_end(since, limit, entries[0].after, until)
    wait = Wait(release.version.id, DelayKind.LISTING, host.host, since, limit, until, cause, host.alive_at)
    yield _given_up(wait, given_up_at)


def _overdue_waits(
    followed: Followed, releases: Mapping[VersionId, Release], expected: Iterable[Expected]
) -> Iterator[Wait]:
    """From when each next release was due until it came, or another of a newer feature version in its place.

    What was due before we came is nobody's news: a project may sleep for years.
    """
    alive = [at for at in (followed.tags_alive_at, followed.archives_alive_at) if at]
    needed = bool(followed.tags) + bool(followed.archives)
    proven_at = min(alive) if len(alive) == needed and alive else None
    for each in expected:
        before = releases.get(each.after)
        if before is None or before.came_at is None or not _is_ours(followed, each):
            continue
        until = _next_came_at(followed, releases, before, before.came_at)
        if until is None or until > each.due_at:
            limit = timedelta(0)
            yield Wait(each.version, DelayKind.OVERDUE, each.after, each.due_at, limit, until, Cause.PROJECT, proven_at)


def _is_ours(followed: Followed, expected: Expected) -> bool:
    return followed.began_at is not None and expected.due_at >= followed.began_at


def _next_came_at(
    followed: Followed, releases: Mapping[VersionId, Release], before: Release, came_at: datetime
) -> datetime | None:
    """When the first feature release newer than that one came; a point release is another matter."""
    parts = followed.feature_parts
    later = (
        release.came_at
        for release in releases.values()
        if release.version > before.version and release.version.is_feature(parts.of(release.version))
    )
    return min((at for at in later if at and at >= came_at), default=None)


def _was_down(followed: Followed, host: TagHost, since: datetime, until: datetime | None) -> bool:
    return followed.health.was_down(host.host, since, until or datetime.max.replace(tzinfo=since.tzinfo))

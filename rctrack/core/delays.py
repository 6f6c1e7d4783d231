"""What is late, against the project's own past, and whose gap it is (DESIGN sections 2 and 5).

A wait is a gap between two stations, or between one and now. It becomes a delay when it is longer than the project's
own past makes plausible, with proof that what is missing would have been seen.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median

from rctrack.core.health import Health, Outage, OutageKind
from rctrack.core.model import Announcement, ProjectId, Release, SourceId, Station, Stop
from rctrack.core.version import VersionId

RAISED_AFTER = 4
"""A delay is raised when it is so many times its limit."""
ENOUGH = 5
"""With fewer lags of its own a project is measured by the prior."""
RECENT = 20
HABIT = 0.8
"""A station is expected if so many of the last releases of that kind reached it."""
FRESH = timedelta(days=14)
"""A release older than this when first seen, at a source that was not being watched, opens nothing."""
SKEW = timedelta(days=1)
"""A Date so much later than its delivery, or earlier than its tag, is a wrong clock."""
_SHORTEST = 60.0
"""Seconds; shorter and negative lags are clocks that differ."""


class DelayKind(StrEnum):
    """Which gap is too long; the words are part of the contract (DESIGN section 5)."""

    OVERDUE = "overdue"
    ANNOUNCEMENT = "announcement"
    DELIVERY = "delivery"
    ARCHIVE = "archive"
    MIRROR = "mirror"
    TAG = "tag"


class Cause(StrEnum):
    """Whose gap it is."""

    PROJECT = "project"
    MAIL = "mail"
    LIST_ARCHIVE = "archive"
    MIRROR = "mirror"
    HOST = "host"
    """The host that would have shown it was down."""


class Ended(StrEnum):
    """How a delay ended."""

    CLOSED = "closed"
    NEVER = "never"
    """A later release of the cycle is complete without it."""


LIMITS: Mapping[DelayKind, tuple[timedelta, timedelta]] = {
    DelayKind.ANNOUNCEMENT: (timedelta(hours=12), timedelta(hours=24)),
    DelayKind.DELIVERY: (timedelta(hours=2), timedelta(hours=6)),
    DelayKind.ARCHIVE: (timedelta(hours=24), timedelta(hours=24)),
    DelayKind.MIRROR: (timedelta(hours=12), timedelta(hours=24)),
    DelayKind.TAG: (timedelta(hours=12), timedelta(hours=24)),
}
"""The least limit, and the one while there is little history."""


@dataclass(frozen=True, slots=True)
class TagHost:
    """A repository that is followed, and how far we know what it shows."""

    source: SourceId
    host: str
    good_at: datetime | None
    """Our last good look."""


@dataclass(frozen=True, slots=True)
class Archive:
    """A list archive that is followed, and how far it is known to be alive."""

    source: SourceId
    host: str
    begins_at: datetime | None
    """Its oldest mail; what is older has no record that could exist."""
    alive_at: datetime | None
    """The newest delivery among all mails seen in it: proof of life, also by mails that announce nothing."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What comes next, as cadence has it."""

    after: VersionId
    """The newest release when it was forecast."""
    version: VersionId
    """A key for what is expected: "6.18-rc5"."""
    due_at: datetime
    """Past this it is overdue: the end of the last likely day, and a margin into the following one."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What is followed of a project, and how well it could be seen."""

    project: ProjectId
    tags: tuple[TagHost, ...]
    archives: tuple[Archive, ...]
    expects: frozenset[Station]
    """Stations that the project's file expects whatever its past shows."""
    health: Health


@dataclass(frozen=True, slots=True)
class Delay:
    """A gap that is or was too long; (project, version, kind, where) happens once."""

    project: ProjectId
    version: VersionId
    kind: DelayKind
    where: str
    """The host for a mirror or an archive, else empty."""
    since: datetime
    limit: timedelta
    opened_at: datetime
    raised_at: datetime | None = None
    until: datetime | None = None
    cause: Cause | None = None
    """None while it is open."""
    ended: Ended | None = None

    @property
    def key(self) -> tuple[VersionId, DelayKind, str]:
        """What is the same delay."""
        return (self.version, self.kind, self.where)

    @property
    def length(self) -> timedelta | None:
        """From `since` to `until`; None while it is open."""
        return None if self.until is None else self.until - self.since


@dataclass(frozen=True, slots=True)
class Review:
    """What a look at the clock came to: the whole record, and what changed about it."""

    delays: tuple[Delay, ...]
    opened: tuple[Delay, ...]
    raised: tuple[Delay, ...]
    closed: tuple[Delay, ...]
    """Delays that had been open."""
    recorded: tuple[Delay, ...]
    """Gaps that were over when they were first seen: for the record and the digest, never an alarm."""
    silent: tuple["Wait", ...]
    """Past their limit without proof of life: "archive silent, cannot tell"."""


@dataclass(frozen=True, slots=True)
class Wait:
    """One gap of one release, ended or not."""

    version: VersionId
    kind: DelayKind
    where: str
    since: datetime
    limit: timedelta
    until: datetime | None
    cause: Cause
    proven_at: datetime | None
    """Up to when what is missing would have been seen."""


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
    for wait in (*_waits(project, releases), *_overdue(project, releases, known, expected)):
        key = (wait.version, wait.kind, wait.where)
        delay = known.get(key)
        if delay is not None and delay.ended is None:
            known[key] = _continued(delay, wait, releases, now)
        elif delay is None:
            made = _begun(project, wait, releases, now)
            if made is not None:
                known[key] = made
            elif wait.until is None and now - wait.since > wait.limit and not _proven(wait):
                silent.append(wait)
    new = [delay for key, delay in known.items() if key not in before]
    changed = [delay for key, delay in known.items() if key in before and delay != before[key]]
    return Review(
        delays=tuple(sorted(known.values(), key=lambda each: (each.since, each.version, each.kind, each.where))),
        opened=tuple(delay for delay in new if delay.ended is None),
        raised=tuple(delay for delay in changed if delay.ended is None and delay.raised_at == now),
        closed=tuple(delay for delay in changed if delay.ended is not None),
        recorded=tuple(delay for delay in new if delay.ended is not None),
        silent=tuple(silent),
    )


def related(delay: Delay, health: Health) -> tuple[Outage, ...]:
    """The outages of others that lasted while this delay did: they are told together."""
    until = delay.until or max(delay.opened_at, delay.since)
    theirs = (OutageKind.OUT, OutageKind.BLOCKED, OutageKind.LAGGING)
    return tuple(each for each in health.outages if each.kind in theirs and each.covers(delay.since, until))


def limit_of(kind: DelayKind, lags: Sequence[timedelta]) -> timedelta:
    """Median and three robust deviations of the project's own log lags, not below the floor of its kind."""
    floor, prior = LIMITS[kind]
    if len(lags) < ENOUGH:
        return prior
    logs = [math.log(max(_SHORTEST, lag.total_seconds())) for lag in lags[-100:]]
    middle = median(logs)
    deviation = 1.4826 * median(abs(each - middle) for each in logs)
    return max(floor, timedelta(seconds=math.exp(min(middle + 3 * deviation, math.log(90 * 86400)))))


def announced_at(release: Release) -> datetime | None:
    """When its mail was written, as far as its clock can be believed: else when it was delivered, archived or seen."""
    mail = next((each for each in release.announcements if each.message_id == release.message_id), None)
    return None if mail is None else _written_at(mail, release)


# --- Waits -----------------------------------------------------------------------------------------


def _waits(project: Watched, releases: Mapping[VersionId, Release]) -> Iterator[Wait]:
    ordered = sorted(releases.values(), key=lambda each: (each.first_seen_at, each.version))
    limits = {kind: limit_of(kind, _lags(kind, ordered)) for kind in LIMITS}
    for release in ordered:
        if not _may_be_late(release):
            continue
        announcement = _announcement_wait(project, ordered, release, limits[DelayKind.ANNOUNCEMENT])
        if announcement is not None:
            yield announcement
        if announcement is None or announcement.cause is not Cause.MAIL:
            yield from _delivery_wait(release, limits[DelayKind.DELIVERY])
        yield from _archive_wait(project, release, limits[DelayKind.ARCHIVE])
        yield from _tag_wait(project, ordered, release, limits[DelayKind.TAG])
        yield from _mirror_waits(project, release, limits[DelayKind.MIRROR])


def _may_be_late(release: Release) -> bool:
    """History opens nothing: only what we watched coming, or what was fresh when we first saw it."""
    seen = [*(each.sighting for each in release.tags), *(each.sighting for each in release.announcements)]
    if any(each.not_seen_at for each in seen):
        return True
    made_at = release.made_at
    return made_at is not None and release.first_seen_at - made_at <= FRESH


def _announcement_wait(project: Watched, ordered: Sequence[Release], release: Release, limit: timedelta) -> Wait | None:
    since = _published_at(release)
    if since is None or not project.archives:
        return None
    if any(archive.begins_at is None or since < archive.begins_at for archive in project.archives):
        return None
    mail = next((each for each in release.announcements if each.message_id == release.message_id), None)
    until, cause = (None, Cause.PROJECT) if mail is None else _arrival(mail, release, since, limit)
    if until is None and not _habit(project, ordered, release, Station.ANNOUNCED):
        return None
    alive = [archive.alive_at for archive in project.archives]
    proven_at = None if None in alive else min(each for each in alive if each)
    return Wait(release.version.id, DelayKind.ANNOUNCEMENT, "", since, limit, until, cause, proven_at)


def _arrival(mail: Announcement, release: Release, since: datetime, limit: timedelta) -> tuple[datetime, Cause]:
    """When the mail could be read, and who kept it: the project that wrote it late, the mail, or the archive."""
    written_at = _written_at(mail, release)
    delivered_at = mail.delivered.at if mail.delivered else written_at
    if written_at - since > limit:
        return written_at, Cause.PROJECT
    if delivered_at - since > limit:
        return delivered_at, Cause.MAIL
    return delivered_at, Cause.PROJECT


def _delivery_wait(release: Release, limit: timedelta) -> Iterator[Wait]:
    written_at = announced_at(release)
    if written_at is not None and release.delivered is not None:
        until = release.delivered.at
        yield Wait(release.version.id, DelayKind.DELIVERY, "", written_at, limit, until, Cause.MAIL, until)


def _archive_wait(project: Watched, release: Release, limit: timedelta) -> Iterator[Wait]:
    """Only by the archive's own clock, or by our own watching: a bound is as good as its end."""
    if release.delivered is None or release.archived is None:
        return
    mail = next(each for each in release.announcements if each.message_id == release.message_id)
    host = next((each.host for each in project.archives if each.source == mail.sighting.source), "")
    watched_since = mail.sighting.not_seen_at
    since = release.delivered.at
    if mail.archived is None and watched_since is not None:
        since = max(since, watched_since)
    until = release.archived.at
    yield Wait(release.version.id, DelayKind.ARCHIVE, host, since, limit, until, Cause.LIST_ARCHIVE, until)


def _tag_wait(project: Watched, ordered: Sequence[Release], release: Release, limit: timedelta) -> Iterator[Wait]:
    since = announced_at(release)
    if since is None or not project.tags or not _habit(project, ordered, release, Station.TAGGED):
        return
    seen = [at for each in release.timeline if each.station is Station.VISIBLE and (at := _seen_at(each))]
    if release.tag is not None and not seen:
        return
    until = None if release.tag is None else max(since, min([release.tagged.at] if release.tagged else seen))
    looks = [host.good_at for host in project.tags if host.good_at]
    yield Wait(release.version.id, DelayKind.TAG, "", since, limit, until, Cause.PROJECT, max(looks, default=None))


def _mirror_waits(project: Watched, release: Release, limit: timedelta) -> Iterator[Wait]:
    """From the first host that showed the tag to each other one; what was there at a first look tells nothing."""
    shown = {stop.source: stop for stop in release.timeline if stop.station is Station.VISIBLE}
    since = min((at for stop in shown.values() if (at := _seen_at(stop))), default=None)
    if since is None or any(stop.at is None for stop in shown.values()):
        return
    for host in project.tags:
        stop = shown.get(host.source)
        until = _seen_at(stop) if stop else None
        if until == since:
            continue
        was_down = _was_down(project, host.host, since, until)
        cause = Cause.HOST if was_down else Cause.MIRROR
        yield Wait(release.version.id, DelayKind.MIRROR, host.host, since, limit, until, cause, host.good_at)


def _overdue(
    project: Watched,
    releases: Mapping[VersionId, Release],
    known: Mapping[tuple[VersionId, DelayKind, str], Delay],
    expected: Expected | None,
) -> Iterator[Wait]:
    """The next release, if it is not there; and the end of an overdue that was opened before."""
    looks = [host.good_at for host in project.tags if host.good_at] or [
        archive.alive_at for archive in project.archives if archive.alive_at
    ]
    proven_at = max(looks, default=None)
    for delay in known.values():
        if delay.kind is DelayKind.OVERDUE and delay.ended is None:
            until = _came_at(releases, delay)
            yield Wait(
                delay.version, DelayKind.OVERDUE, delay.where, delay.since, delay.limit, until, Cause.PROJECT, proven_at
            )
    open_keys = {delay.where for delay in known.values() if delay.kind is DelayKind.OVERDUE}
    if expected is not None and expected.after in releases and expected.after not in open_keys:
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


def _came_at(releases: Mapping[VersionId, Release], delay: Delay) -> datetime | None:
    """When the first release newer than the one it was counted from was made."""
    before = releases.get(VersionId(delay.where))
    if before is None:
        return None
    later = [each for each in releases.values() if each.version > before.version and each.made_at]
    came = [each.made_at for each in later if each.made_at and before.made_at and each.made_at >= before.made_at]
    return min(came, default=None)


# --- Begin, continue, end --------------------------------------------------------------------------


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
    if wait.kind in (DelayKind.ANNOUNCEMENT, DelayKind.TAG) and _is_superseded(wait, releases):
        return replace(delay, until=max(now, delay.since), cause=wait.cause, ended=Ended.NEVER)
    limit = delay.limit or timedelta(days=2)
    if delay.raised_at is None and now > delay.opened_at and now - delay.since > RAISED_AFTER * limit:
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


# --- What the past shows ---------------------------------------------------------------------------


def _lags(kind: DelayKind, ordered: Sequence[Release]) -> list[timedelta]:
    """The lags of this kind of all releases, oldest first."""
    found = []
    for release in ordered:
        written_at, published_at = announced_at(release), _published_at(release)
        delivered_at = release.delivered.at if release.delivered else None
        archived_at = release.archived.at if release.archived else None
        seen = sorted(at for stop in release.timeline if stop.station is Station.VISIBLE and (at := _seen_at(stop)))
        span = {
            DelayKind.ANNOUNCEMENT: (published_at, written_at),
            DelayKind.DELIVERY: (written_at, delivered_at),
            DelayKind.ARCHIVE: (delivered_at, archived_at),
            DelayKind.TAG: (written_at, published_at),
            DelayKind.MIRROR: (seen[0], seen[-1]) if len(seen) > 1 else (None, None),
        }[kind]
        if span[0] is not None and span[1] is not None:
            found.append(span[1] - span[0])
    return found


def _habit(project: Watched, ordered: Sequence[Release], release: Release, station: Station) -> bool:
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
    reached = sum((each.announced if station is Station.ANNOUNCED else each.tag) is not None for each in alike)
    return len(alike) >= ENOUGH and reached >= HABIT * len(alike)


def _published_at(release: Release) -> datetime | None:
    """When the tag was there for others: its own date, unless we were watching and it came later with an old date."""
    if release.tagged is None:
        return None
    watched = [stop for stop in release.timeline if stop.station is Station.VISIBLE and stop.after and stop.at]
    first = min(watched, key=lambda stop: stop.at.at if stop.at else release.first_seen_at, default=None)
    tagged_at = release.tagged.at
    if first is None or first.at is None or first.after is None or first.after <= tagged_at <= first.at.at:
        return tagged_at
    return first.at.at


def _written_at(mail: Announcement, release: Release) -> datetime:
    received_at = mail.delivered.at if mail.delivered else mail.archived.at if mail.archived else mail.sighting.seen_at
    if mail.announced is None or mail.announced.at > received_at + SKEW:
        return received_at
    earliest = release.tagged.at if release.tagged else received_at - timedelta(days=60)
    return received_at if mail.announced.at < min(earliest, received_at) - SKEW else mail.announced.at


def _seen_at(stop: Stop) -> datetime | None:
    return stop.at.at if stop.at and stop.after else None


def _was_down(project: Watched, host: str, since: datetime, until: datetime | None) -> bool:
    last = until or datetime.max.replace(tzinfo=since.tzinfo)
    return any(host in each.hosts and each.covers(since, last) for each in project.health.outages)

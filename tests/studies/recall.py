"""Recall of core/delays: fifty delays, put into copies of real recordings, each three times the median limit.

A release is drawn, what happened to it at one station is moved, and the weeks around it are replayed. It is found if
the record has a delay of that release with the right kind, and well found if the cause is right too.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from random import Random
from statistics import median
from urllib.parse import urlsplit

from rctrack.config import ListConfig
from rctrack.core.evidence import Evidence, Instant, MailEvidence, TagEvidence
from rctrack.core.lateness import Cause, Delay, DelayKind, limit_of
from rctrack.core.lateness.limits import span_of
from rctrack.core.release import Announcement, Release
from rctrack.replay.recording import Down, Feed, Recording
from tests.support.recorded import (
    announcement,
    linux_list_feed,
    linux_mails,
    linux_tags,
    part_of,
    play,
    repository_tags,
    shipped_project,
    tag_feeds,
    unpacked,
    util_linux,
)

TIMES = 3
"""So many median limits long is each delay."""
NEEDED = 0.9
MEMORY = timedelta(days=730)
BEFORE, AFTER = timedelta(days=9), timedelta(days=6)
"""What is replayed around what was moved."""
_BEGIN, _END = datetime(2019, 1, 1, tzinfo=UTC), datetime(2026, 7, 10, tzinfo=UTC)


class Place(StrEnum):
    """Where a delay is put."""

    PROJECT = "announcement written late"
    MAIL = "mail held after its Date"
    ARCHIVE = "archive stored late"
    MIRROR = "mirror late while up"
    TAG = "tag late after its mail"
    HOST = "host down meanwhile"


EXPECTED: dict[Place, tuple[tuple[DelayKind, ...], Cause]] = {
    Place.PROJECT: ((DelayKind.ANNOUNCEMENT,), Cause.PROJECT),
    Place.MAIL: ((DelayKind.DELIVERY, DelayKind.ANNOUNCEMENT), Cause.MAIL),
    Place.ARCHIVE: ((DelayKind.ARCHIVE,), Cause.ARCHIVE),
    Place.MIRROR: ((DelayKind.MIRROR,), Cause.MIRROR),
    Place.TAG: ((DelayKind.TAG,), Cause.PROJECT),
    Place.HOST: ((DelayKind.MIRROR,), Cause.HOST),
}
"""The kinds that say it, the one whose limit counts first; and the cause."""


@dataclass(frozen=True, slots=True)
class Share:
    """What is put into one project's recordings."""

    project: str
    recording: Callable[[Path], Recording]
    injected: tuple[tuple[Place, int], ...]


@dataclass(frozen=True, slots=True)
class Injection:
    """One delay that was put in, and what became of it."""

    project: str
    version: str
    place: Place
    length: timedelta
    told: bool
    recorded: tuple[Delay, ...]
    """All that the record has of this release."""

    @property
    def is_found(self) -> bool:
        return any(each.kind in EXPECTED[self.place][0] for each in self.recorded)

    @property
    def is_explained(self) -> bool:
        kinds, cause = EXPECTED[self.place]
        return any(each.kind in kinds and each.cause is cause for each in self.recorded)


# --- Whose recordings --------------------------------------------------------------------------------


def linux(folder: Path) -> Recording:
    """The releases whose mail is known, with list and mirror."""
    project = shipped_project("linux", lists=True, mirrors=True)
    [source] = project.lists
    mails = linux_mails(folder, source.rules.servers[0])
    tags = [each for each in linux_tags(folder) if each.tag in mails and each.tagged and each.tagged.at >= _BEGIN]
    kept = {each.tag for each in tags}
    feed = linux_list_feed((each for tag, each in mails.items() if tag in kept), _BEGIN)
    return Recording(project, _BEGIN, _END, tag_feeds(project, tags) | {source.source: feed}, {})


def util_linux_mirrored(folder: Path) -> Recording:
    """The real repository and archive, with a mirror that shows the same."""
    project = shipped_project("util-linux", lists=True, mirrors=True)
    alone = util_linux(folder, _BEGIN, _END)
    [primary] = alone.project.tags
    tags = [each for _, each in alone.feeds[primary.source].evidence if isinstance(each, TagEvidence) and each.tagged]
    return replace(alone, project=project, feeds=alone.feeds | tag_feeds(project, tags))


def git(folder: Path) -> Recording:
    """The tags at two hosts."""
    project = shipped_project("git", lists=False, mirrors=True)
    with unpacked(folder, "git") as repository:
        tags = [each for each in repository_tags(repository) if each.tagged and each.tagged.at >= _BEGIN]
    return Recording(project, _BEGIN, _END, tag_feeds(project, tags), {})


SHARES = (
    Share(
        "util-linux",
        util_linux_mirrored,
        (
            (Place.PROJECT, 5),
            (Place.MAIL, 5),
            (Place.ARCHIVE, 8),
            (Place.MIRROR, 2),
            (Place.TAG, 4),
            (Place.HOST, 2),
        ),
    ),
    Share(
        "linux",
        linux,
        ((Place.PROJECT, 4), (Place.MAIL, 4), (Place.MIRROR, 3), (Place.TAG, 4), (Place.HOST, 3)),
    ),
    Share("git", git, ((Place.MIRROR, 3), (Place.HOST, 3))),
)


def found(share: Share, folder: Path) -> list[Injection]:
    """All of a share: the releases are drawn among those that had nothing wrong with them."""
    whole = share.recording(folder)
    releases = play(replace(whole, begin=whole.end - timedelta(hours=1))).releases.values()
    ordered = sorted((each for each in releases if each.made_at), key=_made_at)
    drawn = Random(f"{share.project} 5")
    sound = [each for each in ordered if _is_sound(whole, each)]
    chosen = drawn.sample(sound, sum(number for _, number in share.injected))
    places = [place for place, number in share.injected for _ in range(number)]
    return [_tried(whole, ordered, release, place) for release, place in zip(chosen, places, strict=True)]


def _is_sound(whole: Recording, release: Release) -> bool:
    """Late enough that there is history, dated by a tag of its own, and with its own mail in an archive that was up."""
    if release.tagged is None or release.tagged.at < _BEGIN + timedelta(days=400):
        return False
    if not whole.project.lists:
        return True
    mail = next(iter(release.announcements), None)
    if mail is None or mail.delivered is None or len(mail.versions) > 1:
        return False
    return mail.archived is None or mail.archived.at - mail.delivered.at < timedelta(hours=12)


def _tried(whole: Recording, ordered: Sequence[Release], release: Release, place: Place) -> Injection:
    length = TIMES * median_limit(EXPECTED[place][0][0], ordered)
    recording = injected(whole, release, place, length)
    first = min(_made_at(release), *(each.announced.at for each in release.announcements if each.announced), _END)
    part = part_of(recording, first - BEFORE, first + length + AFTER, MEMORY)
    result = play(part)
    recorded = tuple(each for each in result.ledger.delays if each.version == release.version.id)
    kinds = EXPECTED[place][0]
    told = any(each.kind in kinds and each.version == release.version.id for _, each in result.told)
    return Injection(whole.project.id, release.version.text, place, length, told, recorded)


def lags_of(kind: DelayKind, releases: Iterable[Release]) -> list[timedelta]:
    """How long this gap took in each of them that had it."""
    return [last - first for release in releases for first, last in span_of(kind, release)]


def median_limit(kind: DelayKind, ordered: Sequence[Release]) -> timedelta:
    """Of the limits that the project had over the years."""
    limits = [
        limit_of(kind, lags_of(kind, ordered[:number])).total_seconds()
        for number, each in enumerate(ordered)
        if _made_at(each) >= _BEGIN
    ]
    return timedelta(seconds=median(limits))


def _made_at(release: Release) -> datetime:
    return release.made_at or release.first_seen_at


# --- What is put in ----------------------------------------------------------------------------------


def injected(whole: Recording, release: Release, place: Place, length: timedelta) -> Recording:
    """A copy of the recording with one delay."""
    project = whole.project
    feeds = dict(whole.feeds)
    mirror = next((each for each in project.tags if not each.is_primary), None)
    if place in (Place.PROJECT, Place.MAIL, Place.ARCHIVE):
        for source in project.lists:
            feeds[source.source] = _with_mail(source, feeds[source.source], release, place, length)
    elif place is Place.TAG:
        for repository in project.tags:
            feeds[repository.source] = _with_tag(feeds[repository.source], release, length, dated=True)
    elif mirror is not None and place is Place.MIRROR:
        feeds[mirror.source] = _with_tag(feeds[mirror.source], release, length, dated=False)
    elif mirror is not None:
        since = _made_at(release) - timedelta(hours=1)
        down = Down(since, _made_at(release) + length, f"no answer from {urlsplit(mirror.url).netloc}")
        feeds[mirror.source] = replace(feeds[mirror.source], downs=(down,))
    return replace(whole, feeds=feeds)


def _with_mail(source: ListConfig, feed: Feed, release: Release, place: Place, length: timedelta) -> Feed:
    """Written, delivered or archived later, and all that comes after that, too."""
    mail = release.announcements[0]
    old = next(each for each in feed.evidence if _is_mail(each[1], mail))
    written, delivered, archived = (
        each.at if each else old[0] for each in (mail.announced, mail.delivered, mail.archived)
    )
    if place is Place.PROJECT:
        written += length
    if place is not Place.ARCHIVE:
        delivered += length
    archived += length
    content = announcement(mail.subject, mail.sender, release.version.text, written, delivered, source.rules.servers[0])
    moved = MailEvidence(mail.message_id, content, Instant(archived) if mail.archived else None)
    kept = [each for each in feed.evidence if each is not old]
    gone = {(mail.delivered.at, mail.archived.at)} if mail.delivered and mail.archived else set()
    new = {(delivered, archived)} if gone else set()
    deliveries = sorted((set(feed.deliveries) - gone) | new, key=lambda each: each[1])
    return replace(feed, evidence=_in_order([*kept, (archived, moved)]), deliveries=tuple(deliveries))


def _is_mail(evidence: Evidence, mail: Announcement) -> bool:
    return isinstance(evidence, MailEvidence) and f"<{mail.message_id}>".encode() in evidence.content


def _with_tag(feed: Feed, release: Release, length: timedelta, *, dated: bool) -> Feed:
    """Seen later; where it is `dated` so, also made later, so long after its mail."""
    changed: list[tuple[datetime, Evidence]] = []
    for at, each in feed.evidence:
        if not isinstance(each, TagEvidence) or each.tag != release.tag or each.tagged is None:
            changed.append((at, each))
        elif dated:
            written = next(mail.announced for mail in release.announcements if mail.announced)
            later = written.at + length
            changed.append((later + (at - each.tagged.at), replace(each, tagged=Instant(later, each.tagged.offset))))
        else:
            changed.append((at + length, each))
    return replace(feed, evidence=_in_order(changed))


def _in_order(evidence: Iterable[tuple[datetime, Evidence]]) -> tuple[tuple[datetime, Evidence], ...]:
    return tuple(sorted(evidence, key=lambda each: each[0]))


# --- In words ----------------------------------------------------------------------------------------


def print_recall(tried: Sequence[Injection]) -> bool:
    """A line for each station and each miss; whether enough were found with the right cause."""
    print(f"\nRECALL: {len(tried)} delays put in, each {TIMES} times the median limit\n")
    print(f"{'STATION':<28} {'INJECTED':>8} {'FOUND':>6} {'RIGHT CAUSE':>12} {'ALARM':>6}  LONG")
    for place in Place:
        of_place = [each for each in tried if each.place is place]
        print(_line(place, of_place))
    print(_line("all", tried))
    for each in tried:
        if not each.is_explained:
            print(f"  missed: {each.project} {each.version}, {each.place}, {each.length}: {_recorded(each)}")
    right = sum(each.is_explained for each in tried)
    is_met = right >= NEEDED * len(tried)
    print(f"{right} of {len(tried)} with the right cause: {'met' if is_met else 'MISSED'}")
    return is_met


def _line(name: str, tried: Sequence[Injection]) -> str:
    found, right, told = (
        sum(values) for values in zip(*((one.is_found, one.is_explained, one.told) for one in tried), strict=True)
    )
    lengths = ", ".join(f"{hours:g} h" for hours in sorted({one.length.total_seconds() / 3600 for one in tried}))
    return f"{name:<28} {len(tried):>8} {found:>6} {right:>12} {told:>6}  {lengths}"


def _recorded(each: Injection) -> str:
    found = (
        f"{one.kind} {one.where} since {one.since:%Y-%m-%d %H:%M} until {one.until}, {one.cause}"
        for one in each.recorded
    )
    return "; ".join(found) or "nothing recorded"

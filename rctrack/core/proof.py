"""Standards of proof: when each kind of notice may be said (DESIGN section 2). All rules stand here, and only rules.

out          The project itself says so: its tag is at a host of its own, or at a mirror whose older tags have our
             object ids. Where the project does not tag, or its only repository has stopped, an announcement.
             Told whole once count and announcement are there, as far as they are expected and can come; at the latest
             HOLD after our first sight. A change of its tag ends that wait.
unconfirmed  A mail claims a release of a project that tags, CLAIM_AFTER after its delivery. Each repository was asked
             after we saw the mail: those that can tell do not have it; where none can tell, it is told at once.
changed      A tag moved, was withdrawn, or has a bad signature: always, at once.
late         The gap is longer than its limit, and the source that would show what is missing is proved alive after
             that. Not for what was late before we came; one mail a host; a missing tag is never told as late.
over, never  What was told as late has come, or a later release is complete without it.
down, up     A host that was good before does not answer, several times over DOWN_TOLD_AFTER; or answers again.
moved …      An answer that is not what was asked for, from a source that was good before: to the operator.
stale        Two announcements at least STALE_AFTER apart, no tag, HEAD unmoved: to the operator, once.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from rctrack.core.book import Book, earliest
from rctrack.core.evidence import SourceId, Station
from rctrack.core.followed import Followed, TagHost
from rctrack.core.habits import is_on_site
from rctrack.core.hosts import State
from rctrack.core.lateness import DelayKind, Wait, announced_at, when_published
from rctrack.core.look import Outcome, Run
from rctrack.core.release import Flag, Release

HOLD = timedelta(hours=2)
"""A release is told with what is known of it after so long."""
CLAIM_AFTER = timedelta(minutes=30)
"""A tag may follow its mail by some minutes."""
DOWN_TOLD_AFTER = timedelta(hours=2)
"""An outage that is shorter is told by the digest alone."""
STALE_AFTER = timedelta(days=14)
ONE_EVENT = timedelta(hours=1)
"""A tag without mail and a mail without tag so near to each other are one release under two names."""
TROUBLE_LOOKS, TROUBLE_AFTER = 3, timedelta(minutes=30)
"""So many looks in a row over so long, before a source is said to have moved or to be another thing."""


# --- out -------------------------------------------------------------------------------------------


def out_since(book: Book, release: Release) -> datetime | None:
    """Since when we see that the project itself says that it is out; None while nothing says so."""
    if release.tags:
        proofs = [tag.sighting.seen_at for tag in release.tags if _speaks(book, tag.sighting.source)]
    elif Flag.UNCONFIRMED not in release.flags:
        proofs = [mail.sighting.seen_at for mail in release.announcements]
    else:
        proofs = []
    return min(proofs, default=None)


def _speaks(book: Book, source: SourceId) -> bool:
    """Whether a tag at this repository is the project's word."""
    primaries = book.rules.primaries
    return not primaries or source in primaries or _is_true_copy(book, source)


def _is_true_copy(book: Book, mirror: SourceId) -> bool:
    """Whether a mirror shows the same objects as the project's own hosts do, as far as both show a tag."""
    is_same = False
    for release in book.releases.values():
        here = {tag.object_id for tag in release.tags if tag.sighting.source == mirror}
        there = {tag.object_id for tag in release.tags if tag.sighting.source in book.rules.primaries}
        if here and there:
            if here.isdisjoint(there):
                return False
            is_same = True
    return is_same


def whole_at(book: Book, release: Release, since: datetime) -> datetime:
    """From when on the release is told whole: at once, or when what is waited for is waited for no longer."""
    is_changed = any(change.seen_at >= since for change in release.changes)
    if is_changed or not (_waits_for_count(book, release) or _waits_for_mail(book, release)):
        return since
    usual = next((wait.limit for wait in book.waits if _is_announcement_of(wait, release)), 2 * HOLD)
    return since + min(HOLD, usual / 2)


def _is_announcement_of(wait: Wait, release: Release) -> bool:
    return wait.version == release.version.id and wait.kind is DelayKind.ANNOUNCEMENT


def _waits_for_count(book: Book, release: Release) -> bool:
    is_countable = book.can_count and release.commit is not None and release.previous_commit is not None
    return is_countable and release.commits is None and any(host.can_tell for host in book.followed.tags)


def _waits_for_mail(book: Book, release: Release) -> bool:
    if release.announcement is not None or not book.habits.expects(release, Station.ANNOUNCED):
        return False
    return any(archive.can_tell for archive in book.followed.archives)


# --- unconfirmed -----------------------------------------------------------------------------------


def is_claim(release: Release) -> bool:
    """Whether nothing but a mail says that it is out, though its project tags."""
    return Flag.UNCONFIRMED in release.flags and not release.tags and not is_on_site(release)


def able_to_tell(followed: Followed) -> list[TagHost]:
    """The repositories that would show the tag of a release that is claimed."""
    return [host for host in followed.tags if host.can_tell and host.source not in followed.stale]


def claim_at(book: Book, release: Release) -> datetime | None:
    """From when on a claim may be told; None while a repository has not been looked at since we saw its mail."""
    mail = release.announcements[0]
    seen_at = mail.sighting.seen_at
    received = mail.delivered or mail.archived
    since = min(received.at, seen_at) if received else seen_at
    if not all(_is_looked_at(book, host, seen_at) for host in book.followed.tags):
        return None
    return since + CLAIM_AFTER if able_to_tell(book.followed) else since


def _is_looked_at(book: Book, host: TagHost, since: datetime) -> bool:
    """Whether a repository was asked since then, and answered if it can; one that blocks us may be asked much later."""
    if host.source in book.followed.stale or host.state is State.BLOCKED:
        return True
    if host.can_tell:
        return host.good_at is not None and host.good_at >= since
    run = book.runs.get(host.source)
    return run is not None and run.last_at >= since


# --- late ------------------------------------------------------------------------------------------


def may_be_late(book: Book, wait: Wait) -> bool:
    """Whether a gap may be told as late once it is longer than its limit and proved."""
    if wait.until is not None or wait.kind is DelayKind.TAG:
        return False
    began_at = book.followed.began_at
    if began_at is None or wait.since + wait.limit < began_at:
        return False
    if wait.kind is DelayKind.OVERDUE:
        return True
    release = book.releases.get(wait.version)
    return release is not None and release.is_fresh and not _is_half_of_an_event(book, release, wait)


def _is_half_of_an_event(book: Book, release: Release, wait: Wait) -> bool:
    """Whether a mail that names an untagged version came with this unannounced tag: one release, two names."""
    if wait.kind is not DelayKind.ANNOUNCEMENT:
        return False
    return any(_is_other_half(other, wait.since) for other in book.releases.values() if other is not release)


def _is_other_half(other: Release, published_at: datetime) -> bool:
    written_at = announced_at(other)
    return not other.tags and written_at is not None and abs(written_at - published_at) <= ONE_EVENT


# --- stale -----------------------------------------------------------------------------------------


def stale_sources(releases: Iterable[Release], hosts: Iterable[TagHost]) -> frozenset[SourceId]:
    """The repositories that have stopped, while announcements go on."""
    tagged = [at for release in releases if (at := when_published(release))]
    last_tag_at = max(tagged, default=None)
    mails = sorted(
        at
        for release in releases
        if not release.tags and (at := announced_at(release)) and (last_tag_at is None or at > last_tag_at)
    )
    if len(mails) < 2 or mails[-1] - mails[0] < STALE_AFTER:
        return frozenset()
    return frozenset(host.source for host in hosts if host.good_at and not (host.alive_at and host.alive_at > mails[0]))


# --- sources ---------------------------------------------------------------------------------------


def is_trouble(run: Run, *, was_good: bool) -> bool:
    """Whether the last looks at a source are worth the operator's attention."""
    is_odd = run.outcome in (Outcome.MOVED, Outcome.MISREAD)
    return was_good and is_odd and run.looks >= TROUBLE_LOOKS and run.last_at - run.first_at >= TROUBLE_AFTER


def next_change(book: Book, now: datetime) -> tuple[datetime | None, bool]:
    """When the clock alone makes a gap late, and whether one waits for proof of life."""
    lasting = [wait for wait in book.waits if may_be_late(book, wait)]
    due = [wait.since + wait.limit for wait in lasting if not wait.is_late(now)]
    return earliest(*due), any(wait.is_late(now) and not wait.is_proven for wait in lasting)

"""judge(book, now) -> Plan: what is to be told of a project. Pure; the rules of proof stand in core.proof.

Each function below returns the notices of its kind that are not in the book yet. What came with the first fill of a
source is noted silently, so that it is never told later.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from rctrack.core import proof
from rctrack.core.book import Book, Plan, earliest
from rctrack.core.evidence import Station
from rctrack.core.forecasting import foresee
from rctrack.core.hosts import State
from rctrack.core.lateness import Cause, DelayKind, Ended, Wait, held_by, when_published
from rctrack.core.look import Outcome
from rctrack.core.notice import (
    ChangeFacts,
    ClaimFacts,
    DueFacts,
    Kind,
    LateFacts,
    Notice,
    Phase,
    ReleaseFacts,
    SourceFacts,
    Topic,
)
from rctrack.core.release import Flag, Release, TagChange
from rctrack.core.version import VersionId

_TROUBLES = {Outcome.MOVED: Kind.MOVED, Outcome.MISREAD: Kind.MISREAD}


_SHIFT = 0.05
"""Odds that have shifted by less are the same forecast."""


def judge(book: Book, now: datetime) -> Plan:
    """What is to be appended to the book at this moment; nothing twice, whatever was judged before."""
    outs = list(_outs(book, now))
    notices = [
        *outs,
        *_claims(book, now),
        *_changes(book, now, {notice.version for notice in outs if not notice.is_silent}),
        *_ends(book, now),
        *_lates(book, now),
        *_announced(book, now, outs),
        *_stale(book, now),
        *_troubles(book, now),
        *_due(book, now),
    ]
    late_at, awaits_proof = proof.next_change(book, now)
    next_at = earliest(late_at, _hold_ends(book, now), _claims_end(book, now), _next_midnight(book, now))
    return Plan(tuple(notices), next_at, awaits_proof or _awaits_looks(book))


# --- out -------------------------------------------------------------------------------------------


def _outs(book: Book, now: datetime) -> Iterator[Notice]:
    for release in book.releases.values():
        key = release.version.id
        if book.notice(Kind.OUT, key, Phase.WHOLE) is not None:
            continue
        since = proof.out_since(book, release)
        if since is None:
            continue
        is_silent = _is_silent(book, release)
        if is_silent or now >= proof.whole_at(book, release, since):
            yield _out(book, release, Phase.WHOLE, now, is_silent=is_silent)
        elif book.notice(Kind.OUT, key, Phase.FIRST) is None:
            yield _out(book, release, Phase.FIRST, now)


def _is_silent(book: Book, release: Release) -> bool:
    """Whether it was there before we came; not where its mail was told as a claim that nothing supported yet."""
    claim = book.notice(Kind.UNCONFIRMED, release.version.id)
    was_told = claim is not None and not claim.is_silent
    return not was_told and (not release.is_news or release.version.id in book.silent)


def _out(book: Book, release: Release, phase: Phase, now: datetime, *, is_silent: bool = False) -> Notice:
    key = release.version.id
    return Notice(Kind.OUT, book.project, key, phase, now, release_facts(book, release), key, is_silent=is_silent)


def release_facts(book: Book, release: Release) -> ReleaseFacts:
    """The release as it is known now."""
    return ReleaseFacts(
        version=release.version.text,
        name=release.name,
        topic=_topic(book, release),
        made_at=release.made_at,
        tagged_at=release.tagged.at if release.tagged else None,
        announced_at=release.announced.at if release.announced else None,
        first_seen_at=release.first_seen_at,
        commits=release.commits,
        commits_no_merges=release.commits_no_merges,
        commits_announced=release.commits_announced,
        message_id=release.message_id,
        url=release.url,
        object_id=release.object_id,
        flags=tuple(sorted(release.flags)),
        is_misdated=release.is_misdated,
    )


def _topic(book: Book, release: Release) -> Topic:
    if not release.version.is_final:
        return Topic.RC
    return Topic.FINAL if release.version.dated or book.is_feature(release.version) else Topic.POINT


def _hold_ends(book: Book, now: datetime) -> datetime | None:
    """When the next release that is held for its count or its mail is told without them."""
    ends = []
    for release in book.releases.values():
        if book.notice(Kind.OUT, release.version.id, Phase.WHOLE) is None and not _is_silent(book, release):
            since = proof.out_since(book, release)
            ends += [proof.whole_at(book, release, since)] if since else []
    return min((at for at in ends if at > now), default=None)


# --- unconfirmed, announced ------------------------------------------------------------------------


def _claims(book: Book, now: datetime) -> Iterator[Notice]:
    for release in _claimed(book):
        is_silent = _is_silent(book, release)
        at = proof.claim_at(book, release)
        if is_silent or (at is not None and now >= at):
            key = release.version.id
            yield Notice(
                Kind.UNCONFIRMED, book.project, key, Phase.ONLY, now, _claim(book, release), key, is_silent=is_silent
            )


def _claimed(book: Book) -> Iterator[Release]:
    """The claims that were not told yet."""
    for release in book.releases.values():
        if proof.is_claim(release) and book.notice(Kind.UNCONFIRMED, release.version.id) is None:
            yield release


def _claim(book: Book, release: Release) -> ClaimFacts:
    mail = release.announcements[0]
    able = {host.source for host in proof.able_to_tell(book.followed)}
    hosts = book.followed.tags
    followed = {host.source.partition(" ")[2].removesuffix(".git") for host in hosts}
    is_followed = mail.git_url is None or mail.git_url.removesuffix(".git") in followed
    return ClaimFacts(
        version=release.version.text,
        name=release.name,
        sender=mail.sender,
        message_id=mail.message_id,
        url=mail.url,
        announced_at=mail.announced.at if mail.announced else None,
        delivered_at=mail.delivered.at if mail.delivered else None,
        looked_at=tuple(host.source for host in hosts if host.source in able),
        silent=tuple(host.source for host in hosts if host.source not in able),
        names=None if is_followed else mail.git_url,
        down=tuple(host.source for host in hosts if host.source not in able and host.state is State.DOWN),
    )


def _claims_end(book: Book, now: datetime) -> datetime | None:
    moments = [at for release in _claimed(book) if (at := proof.claim_at(book, release))]
    return min((at for at in moments if at > now), default=None)


def _awaits_looks(book: Book) -> bool:
    return any(not _is_silent(book, release) and proof.claim_at(book, release) is None for release in _claimed(book))


def _announced(book: Book, now: datetime, outs: list[Notice]) -> Iterator[Notice]:
    """The mail of a release that was told without it; where it was told as late, its end tells of it."""
    told_now = {notice.version for notice in outs}
    for release in book.releases.values():
        key = release.version.id
        whole = book.notice(Kind.OUT, key, Phase.WHOLE)
        if whole is None or whole.is_silent or key in told_now or release.announcement is None:
            continue
        was_known = isinstance(whole.facts, ReleaseFacts) and whole.facts.message_id is not None
        was_late = book.notice(Kind.LATE, _gap(key, DelayKind.ANNOUNCEMENT, ""), Phase.LATE) is not None
        if not was_known and book.notice(Kind.ANNOUNCED, key) is None:
            facts = release_facts(book, release)
            is_silent = was_late or not release.announcement.sighting.is_news
            yield Notice(Kind.ANNOUNCED, book.project, key, Phase.ONLY, now, facts, key, is_silent=is_silent)


# --- changed ---------------------------------------------------------------------------------------


def _changes(book: Book, now: datetime, told_now: set[VersionId | None]) -> Iterator[Notice]:
    """What a release that is told at this moment says itself is noted silently."""
    for release in book.releases.values():
        for change in [*release.changes, *_bad_signature(release)]:
            subject = f"{release.version.id} {change.key}"
            if book.notice(Kind.CHANGED, subject) is None:
                is_silent = release.version.id in told_now or not _is_new_change(book, release, change)
                facts = _change_facts(release, change)
                yield Notice(
                    Kind.CHANGED, book.project, subject, Phase.ONLY, now, facts, release.version.id, is_silent=is_silent
                )


def _is_new_change(book: Book, release: Release, change: TagChange) -> bool:
    """Whether we saw it happen: not what was so at the first look at a host, and nothing of what was never told."""
    was_shown = any(
        tag.sighting.source == change.source
        and tag.object_id == change.object_id
        and tag.sighting.seen_at < change.seen_at
        for tag in release.tags
    )
    came = [tag.sighting for tag in release.tags if tag.object_id == (change.new_object_id or change.object_id)]
    return was_shown or (release.version.id not in book.silent and any(sighting.is_news for sighting in came))


def _bad_signature(release: Release) -> Iterator[TagChange]:
    if Flag.BAD_SIGNATURE in release.flags and release.tags and release.object_id:
        tag = next(tag for tag in release.tags if tag.object_id == release.object_id)
        sighting = tag.sighting
        yield TagChange(
            Flag.BAD_SIGNATURE, tag.tag, tag.object_id, tag.commit, None, None, sighting.source, sighting.seen_at
        )


def _change_facts(release: Release, change: TagChange) -> ChangeFacts:
    return ChangeFacts(
        version=release.version.text,
        flag=change.flag,
        tag=change.tag,
        object_id=change.object_id,
        commit=change.commit,
        new_object_id=change.new_object_id,
        new_commit=change.new_commit,
        source=change.source,
        seen_at=change.seen_at,
    )


# --- late, over, never -----------------------------------------------------------------------------


def _gap(version: VersionId, kind: DelayKind, where: str) -> str:
    """What a notice of lateness is about."""
    return f"{version} {kind} {where}".rstrip()


def _lates(book: Book, now: datetime) -> Iterator[Notice]:
    """One that concerns a host which is late already is part of that."""
    if book.followed.health.is_offline:
        return
    behind = {_at_host(notice) for notice in book.notices.values() if _is_open(book, notice) and not notice.is_silent}
    for wait in book.waits:
        subject = _gap(*wait.key)
        if not (proof.may_be_late(book, wait) and wait.is_late(now) and wait.is_proven):
            continue
        if book.notice(Kind.LATE, subject, Phase.LATE) is None:
            notice = Notice(Kind.LATE, book.project, subject, Phase.LATE, now, _late_facts(book, wait), wait.version)
            is_part = _at_host(notice) in behind and wait.kind in (DelayKind.MIRROR, DelayKind.LISTING)
            yield notice.silenced() if is_part else notice
            behind.add(_at_host(notice))


def _at_host(notice: Notice) -> tuple[str, str]:
    """What notices of one incident have in common."""
    return (notice.facts.delay, notice.facts.where) if isinstance(notice.facts, LateFacts) else ("", "")


def _is_open(book: Book, notice: Notice) -> bool:
    """Whether something is late that was not told to be over yet."""
    if notice.kind is not Kind.LATE or notice.phase is not Phase.LATE:
        return False
    ends = (Phase.OVER, Phase.NEVER)
    return all(book.notice(Kind.LATE, notice.subject, phase) is None for phase in ends)


def _ends(book: Book, now: datetime) -> Iterator[Notice]:
    waits = {_gap(*wait.key): wait for wait in book.waits}
    for late in [notice for notice in book.notices.values() if _is_open(book, notice)]:
        if not isinstance(late.facts, LateFacts):
            continue
        wait = waits.get(late.subject)
        if wait is None:
            # What was due or tagged is not there any more: nothing can be said of it.
            yield _tag_came(book, late, late.facts, now) or replace(late, phase=Phase.OVER, said_at=now, is_silent=True)
        elif wait.until is not None:
            phase = Phase.NEVER if wait.is_never else Phase.OVER
            yield replace(late, phase=phase, said_at=now, facts=_end_facts(book, wait))


def _tag_came(book: Book, late: Notice, facts: LateFacts, now: datetime) -> Notice | None:
    """The end of a tag that was told as late, which rctrack did before there were notices, and never does now."""
    release = book.releases.get(late.version) if late.version else None
    if facts.delay is not DelayKind.TAG or release is None or not release.tags:
        return None
    came_at = when_published(release) or min(tag.sighting.seen_at for tag in release.tags)
    ended = replace(facts, name=release.name, until=came_at, cause=Cause.PROJECT, ended=Ended.CLOSED)
    return replace(late, phase=Phase.OVER, said_at=now, facts=ended)


def _late_facts(book: Book, wait: Wait) -> LateFacts:
    release = book.release_of(wait)
    entries = release.timeline if release else ()
    hosts = {host.source: host.host.rpartition("/")[2] for host in book.followed.tags}
    return LateFacts(
        version=release.version.text if release else str(wait.version),
        name=release.name if release else str(wait.version),
        delay=wait.kind,
        where=wait.where,
        since=wait.since,
        limit=wait.limit,
        shown_at=tuple(hosts[e.source] for e in entries if e.station is Station.VISIBLE and e.source in hosts),
        until=wait.until,
        cause=wait.cause if wait.until else None,
        ended=None if wait.until is None else Ended.NEVER if wait.is_never else Ended.CLOSED,
    )


def _end_facts(book: Book, wait: Wait) -> LateFacts:
    """How a gap that was told as late has ended; of a mail, by the leg of its way on which it lost the time."""
    facts, release = _late_facts(book, wait), book.releases.get(wait.version)
    if wait.kind is not DelayKind.ANNOUNCEMENT or wait.is_never or release is None:
        return facts
    hop = held_by(release)
    return facts if hop is None else replace(facts, cause=hop.cause, until=max(wait.until or hop.last, hop.last))


# --- sources ---------------------------------------------------------------------------------------


def _stale(book: Book, now: datetime) -> Iterator[Notice]:
    for source in sorted(book.followed.stale):
        if book.notice(Kind.STALE, source) is None and source in book.runs:
            mails = [mail for release in book.releases.values() for mail in release.announcements if not release.tags]
            newest = max(mails, key=lambda mail: mail.sighting.seen_at, default=None)
            run = book.runs[source]
            facts = SourceFacts(source, run.outcome, "", run.first_at, newest.git_url if newest else None)
            yield Notice(Kind.STALE, book.project, source, Phase.ONLY, now, facts)


def _troubles(book: Book, now: datetime) -> Iterator[Notice]:
    if book.followed.health.is_offline:
        return
    for source, run in book.runs.items():
        if proof.is_trouble(run, was_good=source in book.good_before):
            subject = f"{source} {run.first_at:%Y%m%dT%H%M%SZ}"
            kind = _TROUBLES[run.outcome]
            if book.notice(kind, subject) is None:
                facts = SourceFacts(source, run.outcome, run.reason, run.first_at)
                yield Notice(kind, book.project, subject, Phase.ONLY, now, facts)


# --- due -------------------------------------------------------------------------------------------


def _due(book: Book, now: datetime) -> Iterator[Notice]:
    """The forecast, where it has changed since it was made last."""
    facts = foresee(book, now)
    last = book.notice(Kind.DUE, "next")
    if facts is not None and (last is None or _is_other(last.facts, facts)):
        revision = last.revision + 1 if last else 0
        yield Notice(Kind.DUE, book.project, "next", Phase.ONLY, now, facts, facts.version, revision)


def _is_other(last: object, facts: DueFacts) -> bool:
    """Whether a reader would see a difference; odds shift a little from day to day."""
    if not isinstance(last, DueFacts):
        return True
    if max(abs(last.odds - facts.odds), abs(last.day_odds - facts.day_odds)) >= _SHIFT:
        return True
    return replace(last, odds=0, day_odds=0, on_odds=0, cases=0) != replace(
        facts, odds=0, day_odds=0, on_odds=0, cases=0
    )


def _next_midnight(book: Book, now: datetime) -> datetime | None:
    """When the day of the project ends: a forecast rules out the days that are over."""
    if book.due is None:
        return None
    local = now.astimezone(book.zone)
    return (local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)).astimezone(now.tzinfo)

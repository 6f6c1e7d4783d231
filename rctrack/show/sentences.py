"""The sentence of each notice: what stands in the subject of a mail, and wherever else it is told."""

from datetime import datetime, timedelta
from typing import assert_never

from rctrack.core.lateness import Cause, DelayKind
from rctrack.core.notice import (
    ChangeFacts,
    ClaimFacts,
    DueFacts,
    Kind,
    LateFacts,
    Notice,
    OutageFacts,
    Phase,
    ReleaseFacts,
    SourceFacts,
)
from rctrack.core.release import Flag
from rctrack.show import words
from rctrack.show.forecasts import due_words

SEEN_LATE = timedelta(days=1)
"""A release that we see this long after it was made is said to be seen late."""
_ODD = (Flag.WITHDRAWN, Flag.BAD_SIGNATURE, Flag.UNSIGNED, Flag.GAP, Flag.EXTRA)
"""The flags that stand in a subject and in a digest."""
_CHANGES = {Flag.RETAGGED: "RETAGGED", Flag.WITHDRAWN: "WITHDRAWN", Flag.BAD_SIGNATURE: "BAD SIGNATURE"}


def sentence(notice: Notice) -> str:
    """The notice in one line: the kind first (none: it is out), then what it is about, then what there is to say."""
    head, tail = _head(notice), _tail(notice)
    return f"{head}: {tail}" if tail else head


def _head(notice: Notice) -> str:
    match notice.facts:
        case ReleaseFacts(name=name):
            what = f"{notice.project} {name}"
            return f"ANNOUNCED {what}" if notice.kind is Kind.ANNOUNCED else f"{what} out"
        case ClaimFacts(name=name):
            return f"UNCONFIRMED {notice.project} {name}"
        case ChangeFacts(flag=flag, tag=tag):
            return f"{_CHANGES.get(flag, flag.upper())} {notice.project} {tag}"
        case LateFacts(name=name):
            return f"{notice.phase.upper()} {notice.project} {name}"
        case OutageFacts(hosts=hosts):
            kind = "BLOCKED" if notice.kind is Kind.BLOCKED else notice.phase.upper()
            return f"{kind} {words.hosts(hosts)}"
        case SourceFacts():
            return f"{notice.kind.upper()} {notice.project}"
        case DueFacts():
            return f"{notice.project}"
        case _:
            assert_never(notice.facts)


def _tail(notice: Notice) -> str:
    match notice.facts:
        case ReleaseFacts() as facts:
            return announced(facts) if notice.kind is Kind.ANNOUNCED else release_tail(facts)
        case ClaimFacts() as facts:
            return claim_tail(facts)
        case ChangeFacts():
            return ""
        case LateFacts() as facts:
            return late_tail(facts, notice.said_at) if notice.phase is Phase.LATE else over_tail(facts)
        case OutageFacts() as facts:
            return _outage_tail(notice, facts)
        case SourceFacts() as facts:
            return source_tail(notice.kind, facts)
        case DueFacts() as facts:
            return due_words(facts, notice.said_at)
        case _:
            assert_never(notice.facts)


# --- Releases --------------------------------------------------------------------------------------


def release_tail(facts: ReleaseFacts) -> str:
    """What there is to say of a release: "99 commits, announced +29m"."""
    tail = [commits(facts), announced(facts)]
    if facts.is_misdated:
        tail.append("dated in the future")
    elif facts.made_at and facts.first_seen_at - facts.made_at > SEEN_LATE:
        tail.append(f"seen {words.short(facts.first_seen_at - facts.made_at)} late")
    tail += [flag for flag in (Flag.RETAGGED, *_ODD) if flag in facts.flags]
    return ", ".join(part for part in tail if part)


def commits(facts: ReleaseFacts) -> str:
    """How many commits, by count or by its mail; empty where neither is known."""
    number = facts.commits if facts.commits is not None else facts.commits_announced
    if number is None:
        return ""
    counted = "1 commit" if number == 1 else f"{number} commits"
    return counted if facts.commits is not None else f"{counted} by its mail"


def announced(facts: ReleaseFacts) -> str:
    """When the mail came, against its tag; empty where there is none."""
    if facts.announced_at and facts.tagged_at:
        return f"announced {words.signed(facts.announced_at - facts.tagged_at)}"
    return "announced, no tag" if facts.announced_at and not facts.object_id else ""


def claim_tail(facts: ClaimFacts) -> str:
    """Why a claim is not believed: "announced, no tag at git.kernel.org"."""
    if facts.looked_at:
        return f"announced, no tag at {words.joined([host(each) for each in facts.looked_at])}"
    if facts.silent:
        is_or_are = "is" if len(facts.silent) == 1 else "are"
        state = f"{is_or_are} down" if set(facts.silent) <= set(facts.down) else "cannot tell"
        return f"announced, {words.joined([host(each) for each in facts.silent])} {state}"
    return "announced, no tag"


# --- Lateness --------------------------------------------------------------------------------------


def late_tail(facts: LateFacts, now: datetime) -> str:
    """An open gap in few words: "no mail for 12 h, tag is at github.com"."""
    length = words.hours(now - facts.since)
    match facts.delay:
        case DelayKind.OVERDUE:
            return f"due by {facts.since:%a %-d %b %H:%M} UTC, not there"
        case DelayKind.ANNOUNCEMENT:
            return f"no mail for {length}" + _where(facts)
        case DelayKind.MIRROR:
            return f"not at {facts.where} for {length}" + _where(facts)
        case DelayKind.LISTING:
            return f"not listed at {facts.where} for {length}" + _where(facts)
        case DelayKind.TAG:
            return f"announced, no tag for {length}"
        case DelayKind.DELIVERY | DelayKind.ARCHIVE:
            return f"not in the archive for {length}"


def _where(facts: LateFacts) -> str:
    return f", tag is at {words.hosts(facts.shown_at)}" if facts.shown_at else ""


def over_tail(facts: LateFacts) -> str:
    """How a gap that was too long has ended: "announced, mail was held for 38 h"."""
    length = words.hours((facts.until or facts.since) - facts.since)
    is_never = facts.ended == "never"
    match facts.delay:
        case DelayKind.OVERDUE:
            return f"is there, {length} overdue"
        case DelayKind.ANNOUNCEMENT:
            return "was not announced" if is_never else _announced_after(facts.cause, length)
        case DelayKind.MIRROR:
            return f"is at {facts.where} after {length}" + _of_host(facts.cause)
        case DelayKind.LISTING:
            return "was not listed" if is_never else f"is listed at {facts.where} after {length}"
        case DelayKind.TAG:
            return f"tagged after {length}"
        case DelayKind.DELIVERY:
            return f"announced, mail was held for {length}"
        case DelayKind.ARCHIVE:
            return f"announced, stored by the archive after {length}"


def _announced_after(cause: Cause | None, length: str) -> str:
    match cause:
        case Cause.MAIL:
            return f"announced, mail was held for {length}"
        case Cause.ARCHIVE:
            return f"announced, stored by the archive after {length}"
        case _:
            return f"announced after {length}"


def _of_host(cause: Cause | None) -> str:
    return ", which was down" if cause is Cause.HOST else ""


# --- Hosts and sources -----------------------------------------------------------------------------


def _outage_tail(notice: Notice, facts: OutageFacts) -> str:
    if notice.phase is Phase.UP:
        return f"after {words.duration((facts.until or notice.said_at) - facts.since)}"
    state = "does not let us in" if notice.kind is Kind.BLOCKED else "no answer"
    return f"{state} since {facts.since:%a %-d %b %H:%M} UTC"


def source_tail(kind: Kind, facts: SourceFacts) -> str:
    """What is wrong with a source, in few words."""
    where = host(facts.source)
    if kind is Kind.STALE:
        return f"announcements go on, and {where} shows no tag of them"
    if kind is Kind.MOVED:
        return f"{where} has moved"
    return f"{where} answers with something else"


def host(source: str) -> str:
    """The host of a source; of what is on this machine the last part of its path: a line has to hold it."""
    url = source.partition(" ")[2] or source
    return url.partition("://")[2].partition("/")[0] or url.rstrip("/").rpartition("/")[2]

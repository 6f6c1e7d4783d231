"""JSON in the words of the contract (DESIGN section 5): instants in UTC ending in Z, null for what is not known."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from rctrack.core.evidence import Instant, ProjectId, SourceId
from rctrack.core.forecast import BAND
from rctrack.core.forecasting import Ahead
from rctrack.core.hosts import Outage, State
from rctrack.core.lateness import Delay, DelayKind
from rctrack.core.look import Run
from rctrack.core.notice import DueFacts, Notice
from rctrack.core.release import Announcement, Release
from rctrack.core.summary import ReleaseSummary
from rctrack.core.version import VersionId
from rctrack.show.forecasts import due_words
from rctrack.show.sentences import sentence
from rctrack.store.codec import plain, utc

Object = dict[str, Any]


def release(summary: ReleaseSummary, delays: Iterable[Delay], version_id: str) -> Object:
    """A release as the contract has it, with those of the project's delays that are its own."""
    found: Object = plain(summary)
    del found["made_at"]
    return {**found, "delays": [delay(each) for each in delays if each.version == version_id]}


def delay(late: Delay) -> Object:
    """A delay as the contract has it."""
    return {
        "kind": late.kind,
        "since": utc(late.since),
        "until": utc(late.until),
        "seconds": int(late.length.total_seconds()) if late.length is not None else None,
        "cause": late.cause,
        "ended": late.ended,
    }


def delays(found: Iterable[Delay], spelled: Mapping[tuple[ProjectId, VersionId], str]) -> list[Object]:
    """What is or was late; `spelled` is how a version of a project is written."""
    return [
        {
            "project": each.project,
            "version": spelled.get((each.project, each.version), each.version),
            **delay(each),
            "where": spelled.get((each.project, VersionId(each.where)), each.where) or None,
            "limit_seconds": int(each.limit.total_seconds()),
            "proven_at": utc(each.proven_at),
        }
        for each in found
    ]


def outages(found: Iterable[tuple[Outage, str]]) -> list[Object]:
    """The outages, each with who tells of it: "looks" or "mails"."""
    return [
        {
            "hosts": sorted(each.hosts),
            "kind": each.kind,
            "not_before": utc(each.not_before),
            "since": utc(each.since),
            "not_after": utc(each.not_after),
            "until": utc(each.until),
            "seconds": int((each.until - each.since).total_seconds()) if each.until else None,
            "reason": each.reason,
            "known_by": known_by,
        }
        for each, known_by in found
    ]


def notices(found: Iterable[Notice]) -> list[Object]:
    """What was told, with the facts as they were known then."""
    return [
        {
            "at": utc(notice.said_at),
            "project": notice.project,
            "kind": notice.kind,
            "phase": notice.phase or None,
            "version": getattr(notice.facts, "version", None),
            "sentence": sentence(notice),
            "silent": notice.is_silent,
            "facts": plain(notice.facts),
        }
        for notice in found
    ]


def status(
    project: str,
    newest: ReleaseSummary | None,
    runs: Mapping[SourceId, Run],
    due: DueFacts | None,
    late: Sequence[tuple[str, Delay]],
    states: Mapping[SourceId, State],
    now: datetime,
) -> Object:
    """How a project does; `late` are its open delays, each with its version as it is written."""
    made_at = newest.made_at if newest else None
    return {
        "project": project,
        "cycle": newest.cycle if newest else None,
        "newest": newest.version if newest else None,
        "made_at": utc(made_at),
        # A tag is dated by whoever made it, and may be of tomorrow.
        "days_since": max(0, (now - made_at).days) if made_at else None,
        "next": next_step(due),
        "next_in_words": due_words(due, now) if due else None,
        "flags": list(newest.flags) if newest else [],
        "late": [{"version": version, **delay(each)} for version, each in late],
        "sources": [
            {
                "source": source,
                "outcome": run.outcome,
                "state": states.get(source, State.UNKNOWN),
                "looked_at": utc(run.last_at),
                "since": utc(run.first_at),
                "reason": run.reason or None,
            }
            for source, run in runs.items()
        ],
    }


def next_step(due: DueFacts | None) -> Object | None:
    """What comes next, and when."""
    if due is None:
        return None
    return {
        "step": due.step,
        "odds": round(due.odds, 3),
        "on": due.on.date().isoformat(),
        "from": due.first.date().isoformat(),
        "until": due.last.date().isoformat(),
        "day_odds": round(due.day_odds, 3),
        "cases": due.cases,
    }


def finals(ahead: Ahead | None, by: date | None) -> Object:
    """Finals to come, each with its likely days; with the odds that it is out when the day `by` is over."""
    if ahead is None:
        return {}
    return {
        "by": by and by.isoformat(),
        "finals": [
            {
                "version": final.text or None,
                "ahead": final.ahead,
                "on": final.days.point.isoformat(),
                "from": final.days.interval(BAND)[0].isoformat(),
                "until": final.days.interval(BAND)[1].isoformat(),
                "cases": final.cases,
                "odds": round(final.odds_by(by), 3) if by else None,
            }
            for final in ahead.finals
        ],
    }


def evidence(found: Release) -> Object:
    """What `show` has beyond a row of `releases`: timeline and every piece of evidence."""
    signature = found.signature
    is_counted = found.commits is not None and found.commits_no_merges is not None
    return {
        "merges": (found.commits or 0) - (found.commits_no_merges or 0) if is_counted else None,
        "first_at": found.first_at,
        "is_on_mirrors_only": found.is_on_mirrors_only,
        "signature": signature and signature.signature,
        "signer": signature and signature.signer,
        "changes": [plain(change) for change in found.changes],
        "timeline": [
            {
                "station": entry.station,
                "at": utc(entry.at.at if entry.at else None),
                "after": utc(entry.after),
                "offset": offset(entry.at) if entry.at else None,
                "precision": entry.precision,
                "source": entry.source,
                "evidence": entry.evidence,
            }
            for entry in found.timeline
        ],
        "mails": [_mail(mail, found) for mail in found.announcements],
        "tags": [
            {
                "tag": tag.tag,
                "object_id": tag.object_id,
                "commit": tag.commit,
                "source": tag.sighting.source,
                "observer": tag.sighting.observer,
                "seen_at": utc(tag.sighting.seen_at),
            }
            for tag in found.tags
        ],
    }


def _mail(mail: Announcement, found: Release) -> Object:
    wait = mail.longest_wait
    return {
        "message_id": mail.message_id,
        "is_announcement": mail.message_id == found.message_id,
        "subject": mail.subject,
        "sender": mail.sender,
        "versions": [version.text for version in mail.versions],
        "announced_at": utc(mail.announced.at if mail.announced else None),
        "commits_announced": mail.commits_announced,
        "promised": mail.promised,
        "git_url": mail.git_url,
        "contradiction": mail.contradiction,
        "longest_wait": wait and {"at": wait.at, "until_at": wait.until_at, "seconds": int(wait.span.total_seconds())},
        "source": mail.sighting.source,
        "observer": mail.sighting.observer,
        "url": mail.url,
    }


def offset(instant: Instant) -> str:
    """The offset with which an instant was written: "+0200"."""
    minutes = int(instant.offset.total_seconds() // 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"


def gap_kind(kind: DelayKind | str, where: str | None, place: str = "") -> str:
    """The kind of a delay with its host, or with the release after which something was due."""
    if not where:
        return str(kind)
    return f"{kind} {'after ' if kind == DelayKind.OVERDUE else place}{where}"

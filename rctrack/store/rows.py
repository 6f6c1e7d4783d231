"""Rows <-> core types: instants as ISO text in UTC ending in Z, offsets in minutes, versions by their text."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from rctrack.core.evidence import (
    AbsenceEvidence,
    Commit,
    CountEvidence,
    Instant,
    MailEvidence,
    MessageId,
    ObjectId,
    Sighting,
    SourceId,
    Station,
    StationEvidence,
    TagEvidence,
)
from rctrack.core.release import Announcement, Held, Release, Stop
from rctrack.core.version import Version, parse_version

Row = Mapping[str, Any]


@lru_cache(maxsize=1024)  # a look at a hundred thousand tags has one time
def utc(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC ending in Z; seconds are as fine as any source of ours."""
    return None if moment is None else moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def moment(text: str | None) -> datetime | None:
    return None if text is None else needed(text)


@lru_cache(maxsize=1024)
def needed(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _instant(row: Row, station: str) -> Instant | None:
    at = row[f"{station}_at"]
    return None if at is None else Instant(needed(at), timedelta(minutes=row[f"{station}_offset"]))


def _columns(station: str, instant: Instant | None) -> dict[str, Any]:
    minutes = None if instant is None else int(instant.offset.total_seconds() // 60)
    return {f"{station}_at": utc(instant.at) if instant else None, f"{station}_offset": minutes}


def sighting(row: Row) -> Sighting:
    return Sighting(SourceId(row["source"]), needed(row["seen_at"]), moment(row["not_seen_at"]))


def _sighting_columns(seen: Sighting) -> dict[str, Any]:
    return {"source": seen.source, "seen_at": utc(seen.seen_at), "not_seen_at": utc(seen.not_seen_at)}


def tag_row(evidence: TagEvidence, seen: Sighting) -> dict[str, Any]:
    return {
        "tag": evidence.tag,
        "object_id": evidence.object_id,
        "commit": evidence.commit,
        **_columns("tagged", evidence.tagged),
        **_sighting_columns(seen),
    }


def tagged_at(evidence: TagEvidence) -> str | None:
    """A part of what a stored tag is known by."""
    return _at(evidence.tagged)


def tag(row: Row) -> TagEvidence:
    commit = None if row["commit"] is None else Commit(row["commit"])
    return TagEvidence(row["tag"], ObjectId(row["object_id"]), commit, _instant(row, "tagged"))


def mail_row(evidence: MailEvidence, seen: Sighting) -> dict[str, Any]:
    return {
        "key": evidence.key,
        "content": evidence.content,
        **_columns("archived", evidence.archived),
        **_sighting_columns(seen),
    }


def mail(row: Row) -> MailEvidence:
    return MailEvidence(row["key"], row["content"], _instant(row, "archived"))


def count(row: Row) -> CountEvidence:
    ids = (Commit(row["base"]), Commit(row["commit"]))
    authors = (row["authors"], row["first_time_authors"])
    return CountEvidence(*ids, row["commits"], row["commits_no_merges"], *authors)


def absence_row(evidence: AbsenceEvidence) -> dict[str, Any]:
    return {
        "tag": evidence.tag,
        "object_id": evidence.object_id,
        "is_back": int(evidence.is_back),
        **_sighting_columns(evidence.sighting),
    }


def absence(row: Row) -> AbsenceEvidence:
    return AbsenceEvidence(row["tag"], ObjectId(row["object_id"]), sighting(row), bool(row["is_back"]))


def station_row(evidence: StationEvidence, seen: Sighting) -> dict[str, Any]:
    return {
        "station": evidence.station,
        "name": evidence.name,
        "key": evidence.key,
        **_columns("reached", evidence.at),
        **_sighting_columns(seen),
    }


def station(row: Row) -> StationEvidence:
    return StationEvidence(Station(row["station"]), row["name"], row["key"], _instant(row, "reached"))


def announcement_row(announcement: Announcement) -> dict[str, Any]:
    return {
        "source": announcement.sighting.source,
        "versions": json.dumps([version.text for version in announcement.versions]),
        "message_id": announcement.message_id,
        "subject": announcement.subject,
        "sender": announcement.sender,
        **_columns("announced", announcement.announced),
        **_columns("delivered", announcement.delivered),
        **_columns("archived", announcement.archived),
        "commits_announced": announcement.commits_announced,
        "url": announcement.url,
        "promised": announcement.promised,
        "git_url": announcement.git_url,
        "alternatives": json.dumps([version.text for version in announcement.alternatives]),
        "contradiction": announcement.contradiction,
        "held_at": announcement.held.at if announcement.held else None,
        "held_until_at": announcement.held.until_at if announcement.held else None,
        "held_seconds": int(announcement.held.span.total_seconds()) if announcement.held else None,
    }


def announcement(row: Row, scheme: str) -> Announcement:
    """The announcement of a row joined with its mail's sighting."""
    return Announcement(
        versions=_versions(scheme, row["versions"]),
        message_id=MessageId(row["message_id"]),
        subject=row["subject"],
        sender=row["sender"],
        announced=_instant(row, "announced"),
        delivered=_instant(row, "delivered"),
        archived=_instant(row, "archived"),
        commits_announced=row["commits_announced"],
        url=row["url"],
        sighting=sighting(row),
        promised=row["promised"],
        git_url=row["git_url"],
        alternatives=_versions(scheme, row["alternatives"]),
        contradiction=row["contradiction"],
        held=_held(row),
    )


def _held(row: Row) -> Held | None:
    if row["held_until_at"] is None:
        return None
    return Held(row["held_at"], row["held_until_at"], timedelta(seconds=row["held_seconds"]))


def _versions(scheme: str, texts: str) -> tuple[Version, ...]:
    versions = (parse_version(scheme, text) for text in json.loads(texts))
    return tuple(version for version in versions if version is not None)


def release_row(release: Release) -> dict[str, Any]:
    """The contract of DESIGN section 5 as columns, and what orders and joins them."""
    return {
        "project": release.project,
        "version_id": release.version.id,
        "version": release.version.text,
        "cycle": release.cycle,
        "cycle_id": release.version.cycle_id,
        "rc": release.version.rc,
        "tag": release.tag,
        "object_id": release.object_id,
        "commit": release.commit,
        "previous": _text(release.previous),
        "previous_commit": release.previous_commit,
        "tagged_at": _at(release.tagged),
        "pushed_at": _at(release.pushed),
        "announced_at": _at(release.announced),
        "delivered_at": _at(release.delivered),
        "archived_at": _at(release.archived),
        "listed_at": _at(release.listed),
        "first_seen_at": utc(release.first_seen_at),
        "commits": release.commits,
        "commits_no_merges": release.commits_no_merges,
        "commits_announced": release.commits_announced,
        "authors": release.authors,
        "first_time_authors": release.first_time_authors,
        "message_id": release.message_id,
        "url": release.url,
        "signature": release.signature.signature if release.signature else None,
        "flags": " ".join(sorted(release.flags)),
    }


def stop_row(stop: Stop) -> dict[str, Any]:
    return {
        "station": stop.station,
        "at": _at(stop.at),
        "at_offset": _columns("stop", stop.at)["stop_offset"],
        "after": utc(stop.after),
        "precision": stop.precision,
        "source": stop.source,
        "evidence": stop.evidence,
    }


def _text(version: Version | None) -> str | None:
    return None if version is None else version.text


def _at(instant: Instant | None) -> str | None:
    return None if instant is None else utc(instant.at)

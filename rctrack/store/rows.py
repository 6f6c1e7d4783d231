"""Rows <-> core types: instants as ISO text in UTC ending in Z, offsets in minutes."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from rctrack.core.evidence import (
    AbsenceEvidence,
    Commit,
    CountEvidence,
    Instant,
    MailEvidence,
    ObjectId,
    Observer,
    ProjectId,
    Sighting,
    SourceId,
    Station,
    StationEvidence,
    TagEvidence,
)
from rctrack.core.look import Outcome, Run
from rctrack.store.codec import utc

Row = Mapping[str, Any]


def moment(text: str | None) -> datetime | None:
    """The instant of a column; None for an empty one."""
    return None if text is None else needed(text)


@lru_cache(maxsize=1024)  # a look at a hundred thousand tags has one time
def needed(text: str) -> datetime:
    """The instant of a column that is never empty."""
    return datetime.fromisoformat(text)


def _instant(row: Row, station: str) -> Instant | None:
    at = row[f"{station}_at"]
    return None if at is None else Instant(needed(at), timedelta(minutes=row[f"{station}_offset"]))


def instant_columns(station: str, instant: Instant | None) -> dict[str, Any]:
    """The two columns of an instant."""
    minutes = None if instant is None else int(instant.offset.total_seconds() // 60)
    return {f"{station}_at": utc(instant.at) if instant else None, f"{station}_offset": minutes}


def sighting(row: Row) -> Sighting:
    """Who saw what the row holds, and when."""
    seen_at, not_seen_at = needed(row["seen_at"]), moment(row["not_seen_at"])
    return Sighting(
        SourceId(row["source"]), seen_at, not_seen_at, Observer(row["observer"]), is_undated=bool(row["is_undated"])
    )


def sighting_columns(sighting: Sighting) -> dict[str, Any]:
    """The columns of a sighting, with its source."""
    return {
        "source": sighting.source,
        "observer": sighting.observer,
        "seen_at": utc(sighting.seen_at),
        "not_seen_at": utc(sighting.not_seen_at),
        "is_undated": int(sighting.is_undated),
    }


def tag_row(evidence: TagEvidence, sighting: Sighting) -> dict[str, Any]:
    """A tag as a host showed it."""
    return {
        "tag": evidence.tag,
        "object_id": evidence.object_id,
        "commit": evidence.commit,
        **instant_columns("tagged", evidence.tagged),
        **sighting_columns(sighting),
    }


def tagged_at(evidence: TagEvidence) -> str | None:
    """A part of what a stored tag is known by."""
    return utc(evidence.tagged.at) if evidence.tagged else None


def tag(row: Row) -> TagEvidence:
    """The tag of a row."""
    commit = None if row["commit"] is None else Commit(row["commit"])
    return TagEvidence(row["tag"], ObjectId(row["object_id"]), commit, _instant(row, "tagged"))


def mail(row: Row) -> MailEvidence:
    """The mail of a row, whole."""
    return MailEvidence(row["key"], row["content"], _instant(row, "archived"))


def count(row: Row) -> CountEvidence:
    """The count of a row."""
    ids = (Commit(row["base"]), Commit(row["commit"]))
    authors = (row["authors"], row["first_time_authors"])
    return CountEvidence(*ids, row["commits"], row["commits_no_merges"], *authors)


def absence_row(evidence: AbsenceEvidence) -> dict[str, Any]:
    """A look that missed a tag."""
    return {
        "tag": evidence.tag,
        "object_id": evidence.object_id,
        "is_back": int(evidence.is_back),
        **sighting_columns(evidence.sighting),
    }


def absence(row: Row) -> AbsenceEvidence:
    """The look of a row that missed a tag."""
    return AbsenceEvidence(row["tag"], ObjectId(row["object_id"]), sighting(row), bool(row["is_back"]))


def station_row(evidence: StationEvidence, sighting: Sighting) -> dict[str, Any]:
    """What a project's site says."""
    return {
        "station": evidence.station,
        "name": evidence.name,
        "key": evidence.key,
        **instant_columns("reached", evidence.at),
        **sighting_columns(sighting),
    }


def station(row: Row) -> StationEvidence:
    """What a project's site says in this row."""
    return StationEvidence(Station(row["station"]), row["name"], row["key"], _instant(row, "reached"))


def run(row: Row) -> Run:
    """The looks in a row that this row holds."""
    return Run(
        ProjectId(row["project"]),
        SourceId(row["source"]),
        Observer(row["observer"]),
        Outcome(row["outcome"]),
        row["reason"],
        needed(row["first_at"]),
        needed(row["last_at"]),
        row["looks"],
        None if row["pause"] is None else timedelta(seconds=row["pause"]),
    )

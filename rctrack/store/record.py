"""The record: what is or was late, which hosts were down and when, how far archives are known to be alive."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlite_utils import Database

from rctrack.core.evidence import ProjectId, SourceId
from rctrack.core.hosts import Outage, OutageKind
from rctrack.core.lateness import Cause, Delay, DelayKind, Ended
from rctrack.core.look import Look, Outcome, host_of
from rctrack.core.version import VersionId
from rctrack.store import rows

_BRACKETED = (Outcome.REFUSED, Outcome.MOVED, Outcome.MISREAD)


class Record:
    """The tables of delays, outages and what shows them; its writers are called inside a transaction of the Store."""

    def __init__(self, db: Database) -> None:
        self.db = db

    # --- Delays ------------------------------------------------------------------------------------

    def delays(self, project: ProjectId | None = None) -> list[Delay]:
        """All delays of a project, or of all, in the order in which they began."""
        found = self._query(
            "SELECT * FROM delays WHERE ? IS NULL OR project = ? ORDER BY since, project, version_id, kind, place",
            project, project,
        )  # fmt: skip
        return [_delay(row) for row in found]

    def put_delays(self, delays: Iterable[Delay]) -> None:
        """Adds delays, or what has changed about them."""
        self.db.table("delays").upsert_all(
            (
                {
                    "project": each.project,
                    "version_id": each.version,
                    "kind": each.kind,
                    "place": each.where,
                    "since": rows.utc(each.since),
                    "limit_seconds": int(each.limit.total_seconds()),
                    "opened_at": rows.utc(each.opened_at),
                    "raised_at": rows.utc(each.raised_at),
                    "until": rows.utc(each.until),
                    "cause": each.cause,
                    "ended": each.ended,
                }
                for each in delays
            ),
            pk=("project", "version_id", "kind", "place"),
        )

    def tell_delay(self, delay: Delay) -> None:
        """Notes that people were told that it opened; they are then told that it is over, too."""
        self.db.conn.execute(
            "UPDATE delays SET told = 1 WHERE project = ? AND version_id = ? AND kind = ? AND place = ?",
            (delay.project, delay.version, delay.kind, delay.where),
        )

    def told_delays(self, project: ProjectId) -> set[tuple[VersionId, DelayKind, str]]:
        """The keys of those that people were told of."""
        found = self._query("SELECT version_id, kind, place FROM delays WHERE project = ? AND told", project)
        return {(VersionId(row["version_id"]), DelayKind(row["kind"]), row["place"]) for row in found}

    # --- Outages -----------------------------------------------------------------------------------

    def looks(self, since: datetime, sources: Iterable[tuple[ProjectId, SourceId]]) -> list[Look]:
        """Every look since then at these sources, and the last one before; what is on this machine has no host."""
        followed = set(sources)
        found = self._query(
            "SELECT * FROM outcomes WHERE looked_at >="
            " coalesce((SELECT max(looked_at) FROM outcomes WHERE looked_at < ?), ?)",
            rows.utc(since), rows.utc(since),
        )  # fmt: skip
        return [
            Look(host, rows.needed(row["looked_at"]), _outcome(row), row["reason"] or "")
            for row in found
            if (row["project"], row["source"]) in followed and (host := host_of(row["source"]))
        ]

    def outages(self, since: datetime | None = None) -> dict[int, Outage]:
        """The outages that our looks showed by their ids, oldest first; with `since` those that lasted until then."""
        found = self._query(
            "SELECT * FROM outages WHERE ? IS NULL OR until IS NULL OR until >= ? ORDER BY since, id",
            rows.utc(since), rows.utc(since),
        )  # fmt: skip
        return {row["id"]: _outage(row) for row in found}

    def put_outage(self, outage: Outage, number: int | None = None) -> int:
        """Adds an outage, or what has changed about one; its id."""
        row = {
            "kind": outage.kind,
            "hosts": " ".join(sorted(outage.hosts)),
            "not_before": rows.utc(outage.not_before),
            "since": rows.utc(outage.since),
            "until": rows.utc(outage.until),
            "not_after": rows.utc(outage.not_after),
            "reason": outage.reason,
        }
        if number is not None:
            self.db.table("outages").update(number, row)
            return number
        self.db.table("outages").insert(row)
        return int(next(self._query("SELECT last_insert_rowid() AS id"))["id"])

    def tell_outage(self, number: int) -> None:
        """Notes that people were told of it."""
        self.db.conn.execute("UPDATE outages SET told = 1 WHERE id = ?", (number,))

    def told_outages(self) -> set[int]:
        """The ids of those that people were told of."""
        return {row["id"] for row in self._query("SELECT id FROM outages WHERE told")}

    # --- Archives ----------------------------------------------------------------------------------

    def add_life(
        self,
        project: ProjectId,
        source: SourceId,
        begins_at: datetime | None,
        alive_at: datetime | None,
        deliveries: Iterable[tuple[datetime, datetime]],
    ) -> None:
        """What all mails of an archive tell of it; a begin is kept once known, and life only grows."""
        self.db.conn.execute(
            "UPDATE sources SET begins_at = coalesce(begins_at, ?), alive_at = nullif(max(coalesce(alive_at, ''),"
            " coalesce(?, '')), '') WHERE project = ? AND source = ?",
            (rows.utc(begins_at), rows.utc(alive_at), project, source),
        )
        self.db.conn.executemany(
            "INSERT OR IGNORE INTO deliveries VALUES (?, ?, ?, ?)",
            [(project, source, rows.utc(delivered), rows.utc(archived)) for delivered, archived in deliveries],
        )

    def deliveries(self, project: ProjectId, source: SourceId) -> list[tuple[datetime, datetime]]:
        """(delivered, archived) of the mails of an archive: of all stored late, and of some stored in time."""
        found = self._query(
            "SELECT delivered_at, archived_at FROM deliveries WHERE project = ? AND source = ?", project, source
        )
        return [(rows.needed(row["delivered_at"]), rows.needed(row["archived_at"])) for row in found]

    def newest_delivery(self, project: ProjectId, source: SourceId) -> tuple[datetime, datetime] | None:
        """(delivered, archived) of the mail that was delivered last, among the same."""
        found = self._query(
            "SELECT delivered_at, archived_at FROM deliveries WHERE project = ? AND source = ?"
            " ORDER BY delivered_at DESC, archived_at DESC LIMIT 1",
            project, source,
        )  # fmt: skip
        return next(((rows.needed(row["delivered_at"]), rows.needed(row["archived_at"])) for row in found), None)

    def _query(self, sql: str, *parameters: object) -> Iterator[dict[str, Any]]:
        return self.db.query(sql, parameters)


def outcome_columns(outcome: Outcome, reason: str | None, pause: timedelta | None) -> tuple[str, str | None, int]:
    """Outcome, reason and unreachable as the table has them: what it cannot tell stands in brackets at the front."""
    told = "failed" if outcome not in (Outcome.GOOD, Outcome.BLOCKED) else str(outcome)
    more = [str(outcome)] if outcome in _BRACKETED else []
    more += [f"{int(pause.total_seconds())} s"] if pause else []
    return told, f"[{' '.join(more)}] {reason}" if more else reason, int(not outcome.is_reached)


def pause_in(reason: str | None) -> timedelta | None:
    """The pause that a stored reason holds."""
    asked = re.match(r"\[\D*(\d+) s\] ", reason or "")
    return timedelta(seconds=int(asked[1])) if asked else None


def _outcome(row: Mapping[str, Any]) -> Outcome:
    """The outcome of a look, of which the table tells three apart."""
    word = re.match(r"\[([a-z]+)[ \]]", row["reason"] or "")
    if word and word[1] in _BRACKETED:
        return Outcome(word[1])
    if row["outcome"] != "failed":
        return Outcome(row["outcome"])
    return Outcome.NO_ANSWER if row["unreachable"] else Outcome.ERROR


def _delay(row: Mapping[str, Any]) -> Delay:
    return Delay(
        project=ProjectId(row["project"]),
        version=VersionId(row["version_id"]),
        kind=DelayKind(row["kind"]),
        where=row["place"],
        since=rows.needed(row["since"]),
        limit=timedelta(seconds=row["limit_seconds"]),
        opened_at=rows.needed(row["opened_at"]),
        raised_at=rows.moment(row["raised_at"]),
        until=rows.moment(row["until"]),
        cause=Cause(row["cause"]) if row["cause"] else None,
        ended=Ended(row["ended"]) if row["ended"] else None,
    )


def _outage(row: Mapping[str, Any]) -> Outage:
    return Outage(
        kind=OutageKind(row["kind"]),
        hosts=frozenset(row["hosts"].split()),
        not_before=rows.moment(row["not_before"]),
        since=rows.needed(row["since"]),
        until=rows.moment(row["until"]),
        not_after=rows.moment(row["not_after"]),
        reason=row["reason"],
    )

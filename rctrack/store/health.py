"""Health: how far each source was read, what the looks came to, which hosts were down, what archives prove."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rctrack.core.evidence import Observer, ProjectId, SourceId
from rctrack.core.hosts import HOLE, Outage, OutageKind
from rctrack.core.look import Outcome, Run
from rctrack.store import rows
from rctrack.store.codec import utc
from rctrack.store.table import Tables

_BLOCKED = timedelta(hours=26)
"""A host that blocks us is left alone for up to a day between two looks of a run."""
_KEPT = timedelta(days=90)
"""Looks are pruned after this; outages that they showed stay."""


@dataclass(frozen=True, slots=True)
class SourceState:
    """How far a source has been read."""

    fingerprint: str
    cursor: str | None
    first_look_at: datetime | None
    last_look_at: datetime | None
    """Of the last good look."""
    begins_at: datetime | None
    """Of an archive: when its oldest mail was delivered."""
    newest_at: datetime | None
    """Of an archive: when the newest mail of all that we saw there was delivered."""


class HealthTables(Tables):
    """The tables of sources, looks and outages; writers are called inside a transaction of the Store."""

    # --- Sources -----------------------------------------------------------------------------------

    def source(self, project: ProjectId, source: SourceId) -> SourceState | None:
        """How far this source was read; None if never."""
        for row in self.query("SELECT * FROM sources WHERE project = ? AND source = ?", project, source):
            looks = (rows.moment(row["first_look_at"]), rows.moment(row["last_look_at"]))
            mails = (rows.moment(row["begins_at"]), rows.moment(row["newest_at"]))
            return SourceState(row["fingerprint"], row["cursor"], *looks, *mails)
        return None

    def put_source(self, project: ProjectId, source: SourceId, fingerprint: str, cursor: str, now: datetime) -> None:
        """A good look: where the next one goes on."""
        self.connection.execute(
            "INSERT INTO sources (project, source, fingerprint, cursor, first_look_at, last_look_at)"
            " VALUES (:project, :source, :fingerprint, :cursor, :now, :now) ON CONFLICT (project, source) DO UPDATE"
            " SET fingerprint = :fingerprint, cursor = :cursor, last_look_at = :now",
            {"project": project, "source": source, "fingerprint": fingerprint, "cursor": cursor, "now": utc(now)},
        )

    def add_coverage(
        self,
        project: ProjectId,
        source: SourceId,
        begins_at: datetime | None,
        newest_at: datetime | None,
        deliveries: Iterable[tuple[datetime, datetime]],
    ) -> bool:
        """What all mails of an archive tell of it; a begin is kept once known, and the newest only grows.

        Returns whether it reaches further than before.
        """
        before = self.source(project, source)
        self.connection.execute(
            "UPDATE sources SET begins_at = coalesce(begins_at, ?), newest_at = nullif(max(coalesce(newest_at, ''),"
            " coalesce(?, '')), '') WHERE project = ? AND source = ?",
            (utc(begins_at), utc(newest_at), project, source),
        )
        self.connection.executemany(
            "INSERT OR IGNORE INTO deliveries VALUES (?, ?, ?, ?)",
            [(project, source, utc(delivered), utc(archived)) for delivered, archived in deliveries],
        )
        known = before.newest_at if before else None
        return newest_at is not None and (known is None or newest_at > known)

    def deliveries(self, project: ProjectId, source: SourceId) -> list[tuple[datetime, datetime]]:
        """(delivered, archived) of the mails of an archive: of all stored late, and of some stored in time."""
        query = self.query(
            "SELECT delivered_at, archived_at FROM deliveries WHERE project = ? AND source = ?", project, source
        )
        return [(rows.needed(row["delivered_at"]), rows.needed(row["archived_at"])) for row in query]

    def stores_since(self, project: ProjectId, source: SourceId) -> datetime | None:
        """When an archive stored its first mail, by its own clock; None where that is not known."""
        query = self.query(
            "SELECT min(archived_at) AS first FROM deliveries WHERE project = ? AND source = ?", project, source
        )
        return rows.moment(next(query)["first"])

    def newest_delivery(self, project: ProjectId, source: SourceId) -> tuple[datetime, datetime] | None:
        """(delivered, archived) of the mail that was delivered last, among the same."""
        query = self.query(
            "SELECT delivered_at, archived_at FROM deliveries WHERE project = ? AND source = ?"
            " ORDER BY delivered_at DESC, archived_at DESC LIMIT 1",
            project, source,
        )  # fmt: skip
        return next(((rows.needed(row["delivered_at"]), rows.needed(row["archived_at"])) for row in query), None)

    def first_look_at(self) -> datetime | None:
        """When rctrack first saw anything."""
        return rows.moment(next(self.query("SELECT min(first_look_at) AS first FROM sources"))["first"])

    # --- Looks -------------------------------------------------------------------------------------

    def add_look(
        self,
        project: ProjectId,
        source: SourceId,
        observer: Observer,
        at: datetime,
        outcome: Outcome,
        reason: str,
        pause: timedelta | None = None,
    ) -> bool:
        """Adds a look to the run that it continues, or begins one; returns whether it begins one."""
        last = self._last_run(project, source, observer)
        # What could not be counted stands with the looks at which it could not; of failures the first reason tells.
        is_same = last is not None and last["outcome"] == outcome
        is_same = is_same and (outcome is not Outcome.GOOD or (last is not None and last["reason"] == reason))
        longest = _BLOCKED if outcome is Outcome.BLOCKED else HOLE
        if last is not None and is_same and timedelta(0) <= at - rows.needed(last["last_at"]) <= longest:
            self.connection.execute(
                "UPDATE runs SET last_at = ?, looks = looks + 1, pause = ? WHERE id = ?",
                (utc(at), _seconds(pause), last["id"]),
            )
            return False
        row = {
            "project": project,
            "source": source,
            "observer": observer,
            "outcome": outcome,
            "reason": reason,
            "first_at": utc(at),
            "last_at": utc(at),
            "looks": 1,
            "pause": _seconds(pause),
        }
        self.add("runs", [row])
        self.connection.execute(
            "DELETE FROM runs WHERE project = ? AND source = ? AND last_at < ?", (project, source, utc(at - _KEPT))
        )
        return True

    def _last_run(self, project: ProjectId, source: SourceId, observer: Observer) -> dict[str, Any] | None:
        query = self.query(
            "SELECT * FROM runs WHERE project = ? AND source = ? AND observer = ? ORDER BY id DESC LIMIT 1",
            project, source, observer,
        )  # fmt: skip
        return next(query, None)

    def last_runs(self, project: ProjectId, observer: Observer) -> dict[SourceId, Run]:
        """The newest looks in a row at each source."""
        query = self.query(
            "SELECT *, max(id) FROM runs WHERE project = ? AND observer = ? GROUP BY source ORDER BY source",
            project, observer,
        )  # fmt: skip
        return {SourceId(row["source"]): rows.run(row) for row in query}

    def runs(self, observer: Observer, since: datetime, until: datetime) -> list[Run]:
        """All looks of an observer that reach into this time, and those just before it.

        What is dated later is of a clock that was ahead, and tells nothing.
        """
        query = self.query(
            "SELECT * FROM runs WHERE observer = ? AND first_at <= ? AND last_at >="
            " coalesce((SELECT max(last_at) FROM runs WHERE observer = ? AND last_at < ?), ?) ORDER BY id",
            observer, utc(until), observer, utc(since), utc(since),
        )  # fmt: skip
        return [rows.run(row) for row in query]

    def resting_runs(self, observer: Observer) -> list[Run]:
        """The newest looks in a row at each source whose host blocked us then, or asked to be left alone."""
        query = self.query(
            "SELECT *, max(id) FROM runs WHERE observer = ? GROUP BY project, source"
            " HAVING outcome = 'blocked' OR pause IS NOT NULL",
            observer,
        )
        return [rows.run(row) for row in query]

    def newest_look_at(self) -> datetime | None:
        """When anything was looked at last, by any clock that was in use."""
        return rows.moment(next(self.query("SELECT max(last_at) AS newest FROM runs"))["newest"])

    # --- Outages -----------------------------------------------------------------------------------

    def outages(self, since: datetime | None = None) -> dict[int, Outage]:
        """The outages that our looks showed by their ids, oldest first; with `since` those that lasted until then."""
        query = self.query(
            "SELECT * FROM outages WHERE ? IS NULL OR until IS NULL OR until >= ? ORDER BY since, id",
            utc(since), utc(since),
        )  # fmt: skip
        return {row["id"]: _outage(row) for row in query}

    def put_outage(self, outage: Outage, number: int | None = None) -> int:
        """Adds an outage, or what has changed about one; returns its id."""
        row = {
            "kind": outage.kind,
            "hosts": " ".join(sorted(outage.hosts)),
            "not_before": utc(outage.not_before),
            "since": utc(outage.since),
            "until": utc(outage.until),
            "not_after": utc(outage.not_after),
            "reason": outage.reason,
        }
        if number is not None:
            self.db.table("outages").update(number, row)
            return number
        self.db.table("outages").insert(row)
        return int(next(self.query("SELECT last_insert_rowid() AS id"))["id"])


def _outage(row: rows.Row) -> Outage:
    return Outage(
        kind=OutageKind(row["kind"]),
        hosts=frozenset(row["hosts"].split()),
        not_before=rows.moment(row["not_before"]),
        since=rows.needed(row["since"]),
        until=rows.moment(row["until"]),
        not_after=rows.moment(row["not_after"]),
        reason=row["reason"],
    )


def _seconds(length: timedelta | None) -> int | None:
    return None if length is None else int(length.total_seconds())

"""All SQL: migrations, queries, rows <-> core types. Evidence is only ever added; what it folds to is replaced."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from rctrack.core.evidence import (
    AbsenceEvidence,
    Commit,
    CountEvidence,
    MailEvidence,
    ObjectId,
    ProjectId,
    Sighting,
    Signature,
    SignatureEvidence,
    SourceId,
    StationEvidence,
    TagEvidence,
)
from rctrack.core.look import Outcome, host_of
from rctrack.core.release import Announcement, Event, Release, Unrecognised
from rctrack.core.version import VersionId
from rctrack.store import rows
from rctrack.store.letters import Letters, OwedLetter
from rctrack.store.lock import Locked, StoreError, hold
from rctrack.store.record import Record, outcome_columns, pause_in
from rctrack.store.schema import migrations

_OUTCOMES_KEPT = timedelta(days=90)


__all__ = ["Letters", "Locked", "OwedLetter", "Record", "SourceState", "Store", "StoreError", "hold"]


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
    alive_at: datetime | None
    """Of an archive: when the newest mail of all that we saw there was delivered."""


class Store:
    """One connection to the database; one per thread."""

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        """Opens or makes the database and brings its tables up to date; StoreError if that is impossible.

        What is not `durable` may be lost when the machine fails: a scratch database that is soon thrown away.
        """
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=30, isolation_level=None)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"{path}: cannot be used as a database: {error}") from error
        try:
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")
            self._connection.execute("PRAGMA foreign_keys = ON")
            self.db = Database(self._connection, execute_plugins=False)
            self.letters = Letters(self.db)
            self.record = Record(self.db)
            self._tags: dict[ProjectId, tuple[int, list[tuple[TagEvidence, Sighting]]]] = {}
            """What tags() has read, and its last id: evidence is only ever added."""
            if migrations.pending(self.db):
                migrations.apply(self.db)
        except (sqlite3.Error, OSError) as error:
            self._connection.close()
            raise StoreError(f"{path}: cannot be used as a database: {error}") from error

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is written, or nothing; other writers wait. StoreError if the disk is full, say."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                self._tags.clear()  # it may have read what is now taken back
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise StoreError(f"{self._path}: {error}; nothing of this step was written") from error

    # --- Sources and their health ------------------------------------------------------------------

    def source(self, project: ProjectId, source: SourceId) -> SourceState | None:
        """How far this source was read; None if never."""
        for row in self._query("SELECT * FROM sources WHERE project = ? AND source = ?", project, source):
            looks = (rows.moment(row["first_look_at"]), rows.moment(row["last_look_at"]))
            return SourceState(
                row["fingerprint"], row["cursor"], *looks, rows.moment(row["begins_at"]), rows.moment(row["alive_at"])
            )
        return None

    def put_source(self, project: ProjectId, source: SourceId, fingerprint: str, cursor: str, now: datetime) -> None:
        """A good look: where the next one goes on."""
        self._connection.execute(
            "INSERT INTO sources (project, source, fingerprint, cursor, first_look_at, last_look_at)"
            " VALUES (:project, :source, :fingerprint, :cursor, :now, :now) ON CONFLICT (project, source) DO UPDATE"
            " SET fingerprint = :fingerprint, cursor = :cursor, last_look_at = :now",
            {"project": project, "source": source, "fingerprint": fingerprint, "cursor": cursor, "now": rows.utc(now)},
        )

    def add_outcome(
        self,
        project: ProjectId,
        source: SourceId,
        now: datetime,
        outcome: Outcome,
        reason: str | None,
        pause: timedelta | None = None,
    ) -> None:
        """Health: what a look came to; pruned after 90 days."""
        self._connection.execute(
            "INSERT INTO outcomes (project, source, looked_at, outcome, reason, unreachable) VALUES (?, ?, ?, ?, ?, ?)",
            (project, source, rows.utc(now), *outcome_columns(outcome, reason, pause)),
        )
        self._connection.execute(
            "DELETE FROM outcomes WHERE project = ? AND source = ? AND looked_at < ?",
            (project, source, rows.utc(now - _OUTCOMES_KEPT)),
        )

    def last_outcomes(self, project: ProjectId) -> dict[SourceId, Mapping[str, Any]]:
        """The newest outcome of each source."""
        found = self._query(
            "SELECT *, max(id) FROM outcomes WHERE project = ? GROUP BY source ORDER BY source", project
        )
        return {SourceId(row["source"]): row for row in found}

    def first_look_at(self) -> datetime | None:
        """When rctrack first saw anything."""
        return rows.moment(next(self._query("SELECT min(first_look_at) AS first FROM sources"))["first"])

    def blocks(self, host: str) -> list[tuple[datetime, int, timedelta | None]]:
        """Of each source at this host that blocked us, or asked for a pause, since its last good look.

        When it did so last, how often it blocked us, and the pause that it asked for.
        """
        found = self._query(
            "SELECT source, max(looked_at) AS last, sum(outcome = 'blocked') AS number, reason FROM outcomes AS here"
            " WHERE (outcome = 'blocked' OR reason GLOB '[[]*[0-9] s]*') AND instr(source, ?) AND id >"
            " (SELECT coalesce(max(id), 0) FROM outcomes AS good WHERE good.outcome = 'good'"
            " AND good.project = here.project AND good.source = here.source) GROUP BY project, source",
            host,
        )
        return [
            (rows.needed(row["last"]), row["number"], pause_in(row["reason"]))
            for row in found
            if host_of(row["source"]) == host
        ]

    # --- Evidence ----------------------------------------------------------------------------------

    def add_tags(self, project: ProjectId, tags: Iterable[tuple[TagEvidence, Sighting]]) -> int:
        """Stores tags that were not known; how many those were."""
        offered = list(tags)
        known: set[tuple[str, str, str, str | None]] = set()
        for source in {seen.source for _, seen in offered}:
            # A repository may have a hundred thousand, and one of them is new.
            found = self._connection.execute(
                "SELECT source, tag, object_id, tagged_at FROM tags WHERE project = ? AND source = ?", (project, source)
            )
            known.update(found)
        return self._add(
            "tags",
            (
                {"project": project, **rows.tag_row(tag, seen)}
                for tag, seen in offered
                if (seen.source, tag.tag, tag.object_id, rows.tagged_at(tag)) not in known
            ),
        )

    def add_mail(self, project: ProjectId, mail: MailEvidence, seen: Sighting) -> tuple[int, bool]:
        """Stores a mail unless it is known; its id either way, and whether it is new."""
        added = self._add("mails", [{"project": project, **rows.mail_row(mail, seen)}])
        found = self._query(
            "SELECT id FROM mails WHERE project = ? AND source = ? AND key = ?", project, seen.source, mail.key
        )
        return int(next(found)["id"]), added > 0

    def add_counts(self, project: ProjectId, counts: Iterable[CountEvidence], now: datetime) -> int:
        """Stores counts that were not known; how many those were."""
        return self._add(
            "counts",
            (
                {
                    "project": project,
                    "base": count.base,
                    "commit": count.commit,
                    "commits": count.commits,
                    "commits_no_merges": count.commits_no_merges,
                    "authors": count.authors,
                    "first_time_authors": count.first_time_authors,
                    "counted_at": rows.utc(now),
                }
                for count in counts
            ),
        )

    def tags(self, project: ProjectId) -> list[tuple[TagEvidence, Sighting]]:
        """Every tag that any source of the project has shown, in the order in which they came."""
        last, known = self._tags.get(project, (0, []))
        for row in self._query("SELECT * FROM tags WHERE project = ? AND id > ? ORDER BY id", project, last):
            known.append((rows.tag(row), rows.sighting(row)))
            last = row["id"]
        self._tags[project] = (last, known)
        return list(known)

    def tags_shown(self, project: ProjectId, source: SourceId) -> dict[str, ObjectId]:
        """Every tag that a source has ever shown, and its newest object there."""
        found = self._query(
            "SELECT tag, object_id FROM tags WHERE project = ? AND source = ? ORDER BY id", project, source
        )
        return {row["tag"]: ObjectId(row["object_id"]) for row in found}

    def add_absences(self, project: ProjectId, absences: Iterable[AbsenceEvidence]) -> int:
        """Stores looks that missed a tag, or found it again; how many."""
        return self._add("absences", ({"project": project, **rows.absence_row(each)} for each in absences))

    def add_stations(self, project: ProjectId, stations: Iterable[tuple[StationEvidence, Sighting]]) -> int:
        """Stores what a project's site says and was not known; how much."""
        return self._add("stations", ({"project": project, **rows.station_row(*each)} for each in stations))

    def stations(self, project: ProjectId) -> list[tuple[StationEvidence, Sighting]]:
        """All that the project's site has said."""
        found = self._query("SELECT * FROM stations WHERE project = ?", project)
        return [(rows.station(row), rows.sighting(row)) for row in found]

    def absences(self, project: ProjectId) -> list[AbsenceEvidence]:
        """Every look that missed a tag, or found it again."""
        return [rows.absence(row) for row in self._query("SELECT * FROM absences WHERE project = ?", project)]

    def mails(self, project: ProjectId) -> Iterator[tuple[int, MailEvidence, Sighting]]:
        """Every stored mail of the project, one in memory at a time."""
        ids = [row["id"] for row in self._query("SELECT id FROM mails WHERE project = ? ORDER BY id", project)]
        for mail_id in ids:
            for row in self._query("SELECT * FROM mails WHERE id = ?", mail_id):
                yield mail_id, rows.mail(row), rows.sighting(row)

    def announcements(self, project: ProjectId, scheme: str) -> list[Announcement]:
        """The accepted mails as they were recognised."""
        found = self._query(
            "SELECT announcements.*, mails.seen_at, mails.not_seen_at FROM announcements"
            " JOIN mails ON mails.id = mail_id WHERE announcements.project = ?",
            project,
        )
        return [rows.announcement(row, scheme) for row in found]

    def add_signatures(
        self, project: ProjectId, expected: str, signatures: Iterable[SignatureEvidence], now: datetime
    ) -> int:
        """Stores what was found about signatures where these were expected; how many were new."""
        return self._add(
            "signatures",
            (
                {
                    "project": project,
                    "object_id": each.object_id,
                    "expected": expected,
                    "signature": each.signature,
                    "signer": each.signer,
                    "checked_at": rows.utc(now),
                }
                for each in signatures
            ),
        )

    def signatures(self, project: ProjectId, expected: str) -> dict[ObjectId, SignatureEvidence]:
        """What was found about each tag object while these signatures were expected."""
        found = self._query("SELECT * FROM signatures WHERE project = ? AND expected = ?", project, expected)
        return {
            ObjectId(row["object_id"]): SignatureEvidence(
                ObjectId(row["object_id"]), Signature(row["signature"]), row["signer"]
            )
            for row in found
        }

    def counts(self, project: ProjectId) -> dict[tuple[Commit, Commit], CountEvidence]:
        """Every count by (base, commit)."""
        found = self._query("SELECT * FROM counts WHERE project = ? ORDER BY first_time_authors IS NOT NULL", project)
        counts = map(rows.count, found)
        return {(count.base, count.commit): count for count in counts}

    # --- What the evidence means: replaced whenever it is read again -------------------------------

    def put_mail_reading(
        self, project: ProjectId, mail_id: int, key: str, seen: Sighting, reading: Announcement | Unrecognised | None
    ) -> None:
        """What a mail was recognised as, instead of what it was before."""
        self._connection.execute("DELETE FROM announcements WHERE mail_id = ?", (mail_id,))
        self._connection.execute(
            "DELETE FROM unrecognised WHERE project = ? AND source = ? AND key = ?", (project, seen.source, key)
        )
        match reading:
            case Announcement():
                self._add("announcements", [{"mail_id": mail_id, "project": project, **rows.announcement_row(reading)}])
            case Unrecognised():
                self._put_unrecognised(project, [(reading, seen)])
            case None:
                pass

    def put_unrecognised_tags(self, project: ProjectId, tags: Iterable[tuple[Unrecognised, Sighting]]) -> None:
        """The tags that are no releases, instead of those that were not before."""
        self._connection.execute(
            "DELETE FROM unrecognised WHERE project = ? AND source LIKE 'tags %'",
            (project,),
        )
        self._put_unrecognised(project, tags)

    def unrecognised(self, project: ProjectId) -> list[Mapping[str, Any]]:
        """What looked like a release and could not be read as one, with the reason."""
        return list(self._query("SELECT * FROM unrecognised WHERE project = ? ORDER BY seen_at, source, key", project))

    def put_releases(self, project: ProjectId, releases: Mapping[VersionId, Release]) -> list[str]:
        """The fold, instead of the one before; the versions whose row changed, came or went."""
        known = {row["version_id"]: row for row in self._query("SELECT * FROM releases WHERE project = ?", project)}
        stops = self._timelines(project)
        changed, moved, retimed = [], [], []
        for position, release in enumerate(releases.values()):
            row = {**rows.release_row(release), "position": position}
            before = known.pop(release.version.id, None)
            if before != row:
                moved.append(row)
            if before is None or {**before, "position": position} != row:
                changed.append(release.version.text)
            timeline = [{"position": i, **rows.stop_row(stop)} for i, stop in enumerate(release.timeline)]
            if timeline != stops.get(release.version.id, []):
                retimed.append((release.version.id, timeline))
        self.db.table("releases").upsert_all(moved, pk=("project", "version_id"))
        self._put_timelines(project, retimed)
        self._connection.executemany(
            "DELETE FROM releases WHERE project = ? AND version_id = ?", [(project, gone) for gone in known]
        )
        return changed + [row["version"] for row in known.values()]

    def known_versions(self, project: ProjectId) -> set[VersionId]:
        """The versions that have had an event, told or silent."""
        found = self._query("SELECT DISTINCT version_id FROM events WHERE project = ?", project)
        return {VersionId(row["version_id"]) for row in found}

    def known_events(self, project: ProjectId) -> set[tuple[VersionId, str]]:
        """The keys of the events that have happened."""
        found = self._query("SELECT version_id, station FROM events WHERE project = ?", project)
        return {(VersionId(row["version_id"]), row["station"]) for row in found}

    def add_events(self, events: Iterable[Event], now: datetime, *, silent: bool) -> int:
        """Stores events that have not happened yet; how many those were."""
        return self._add(
            "events",
            (
                {
                    "project": event.project,
                    "version_id": event.version,
                    "station": event.station,
                    "at": rows.utc(event.at),
                    "recorded_at": rows.utc(now),
                    "silent": int(silent),
                }
                for event in events
            ),
        )

    # --- Readers -----------------------------------------------------------------------------------

    def release_rows(self, project: ProjectId, cycle_id: VersionId | None = None) -> list[Mapping[str, Any]]:
        """The releases, oldest first, as rows in the words of the contract."""
        found = self._query(
            "SELECT * FROM releases WHERE project = ? AND (? IS NULL OR cycle_id = ?) ORDER BY position",
            project, cycle_id, cycle_id,
        )  # fmt: skip
        return list(found)

    def release_row(self, project: ProjectId, version_id: VersionId) -> Mapping[str, Any] | None:
        """One release; None if it is not known."""
        return next(
            self._query("SELECT * FROM releases WHERE project = ? AND version_id = ?", project, version_id), None
        )

    def waiting_since(self, project: ProjectId, begin: datetime) -> datetime | None:
        """The first tag since `begin` whose release, like all later ones of its cycle, has no mail; None: no such."""
        found = self._query(
            "SELECT min(tagged_at) AS first FROM releases LEFT JOIN (SELECT cycle_id, max(position) AS last"
            " FROM releases WHERE project = ? AND announced_at IS NOT NULL GROUP BY cycle_id) USING (cycle_id)"
            " WHERE project = ? AND tagged_at > ? AND announced_at IS NULL AND (last IS NULL OR position > last)",
            project, project, rows.utc(begin),
        )  # fmt: skip
        return rows.moment(next(found)["first"])

    def lacks_counts(self, project: ProjectId) -> bool:
        """Whether any release still waits for its count or its tag's date."""
        found = self._query(
            "SELECT 1 FROM releases WHERE project = ? AND object_id IS NOT NULL"
            " AND (tagged_at IS NULL OR previous IS NOT NULL AND commits IS NULL) LIMIT 1",
            project,
        )
        return next(found, None) is not None

    def timeline_rows(self, project: ProjectId, version_id: VersionId) -> list[Mapping[str, Any]]:
        """The stations of a release in the order of their instants."""
        return list(
            self._query(
                "SELECT * FROM timeline WHERE project = ? AND version_id = ? ORDER BY position", project, version_id
            )
        )

    def newest_row(self, project: ProjectId) -> Mapping[str, Any] | None:
        """The release that was made last."""
        return next(
            self._query(
                "SELECT * FROM releases WHERE project = ?"
                " ORDER BY coalesce(tagged_at, announced_at) DESC NULLS LAST, position DESC LIMIT 1",
                project,
            ),
            None,
        )

    def versions_told(self, project: ProjectId, since: datetime, until: datetime) -> set[VersionId]:
        """The versions that were first heard of in this time and are no part of a first fill."""
        # A bare column beside min() is that of the row with the minimum: https://sqlite.org/lang_select.html#bareagg
        found = self._query(
            "SELECT version_id FROM (SELECT version_id, silent, min(recorded_at) AS told_at FROM events"
            " WHERE project = ? GROUP BY version_id) WHERE silent = 0 AND told_at >= ? AND told_at < ?",
            project, rows.utc(since), rows.utc(until),
        )  # fmt: skip
        return {VersionId(row["version_id"]) for row in found}

    # --- Plumbing ----------------------------------------------------------------------------------

    def _query(self, sql: str, *parameters: object) -> Iterator[dict[str, Any]]:
        return self.db.query(sql, parameters)

    def _add(self, table: str, new: Iterable[Mapping[str, Any]], *, conflict: str = "IGNORE") -> int:
        """Inserts rows, each with the columns of the first, unless their natural key is there already; how many."""
        offered = iter(new)
        if (first := next(offered, None)) is None:
            return 0
        columns, values = (", ".join(f"{mark[0]}{name}{mark[1:]}" for name in first) for mark in ('""', ":"))
        before = self._connection.total_changes
        self._connection.executemany(
            f"INSERT OR {conflict} INTO {table} ({columns}) VALUES ({values})",  # noqa: S608 (all words of our own)
            chain([first], offered),
        )
        return self._connection.total_changes - before

    def _put_unrecognised(self, project: ProjectId, found: Iterable[tuple[Unrecognised, Sighting]]) -> None:
        self._add(
            "unrecognised",
            (
                {
                    "project": project,
                    "source": seen.source,
                    "key": each.key,
                    "subject": each.subject[:1000],
                    "reason": each.reason,
                    "seen_at": rows.utc(seen.seen_at),
                }
                for each, seen in found
            ),
            conflict="REPLACE",
        )

    def _put_timelines(self, project: ProjectId, timelines: list[tuple[VersionId, list[dict[str, Any]]]]) -> None:
        self._connection.executemany(
            "DELETE FROM timeline WHERE project = ? AND version_id = ?", [(project, key) for key, _ in timelines]
        )
        self._add(
            "timeline", ({"project": project, "version_id": key, **stop} for key, stops in timelines for stop in stops)
        )

    def _timelines(self, project: ProjectId) -> dict[str, list[dict[str, Any]]]:
        timelines: dict[str, list[dict[str, Any]]] = {}
        for row in self._query("SELECT * FROM timeline WHERE project = ? ORDER BY version_id, position", project):
            stop = {key: value for key, value in row.items() if key not in ("project", "version_id")}
            timelines.setdefault(row["version_id"], []).append(stop)
        return timelines

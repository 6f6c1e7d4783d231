"""All SQL: migrations, queries, rows <-> core types. Evidence is only ever added; what it folds to is replaced."""

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from rctrack.core.model import (
    Announcement,
    Commit,
    CountEvidence,
    Event,
    MailEvidence,
    MessageId,
    ProjectId,
    Release,
    Sighting,
    SourceId,
    TagEvidence,
    Unrecognised,
)
from rctrack.core.version import VersionId
from rctrack.store import rows
from rctrack.store.schema import migrations

_OUTCOMES_KEPT = timedelta(days=90)


class StoreError(Exception):
    """A database that cannot be used; the text names the file and says what to do."""


class Locked(StoreError):
    """Another rctrack is writing to this database."""


@dataclass(frozen=True, slots=True)
class SourceState:
    """How far a source has been read."""

    fingerprint: str
    cursor: str | None
    last_look_at: datetime | None
    """Of the last good look."""


@dataclass(frozen=True, slots=True)
class OwedLetter:
    """A letter that has not been sent, and its text if that was already written."""

    message_id: MessageId
    kind: str
    recipient: str
    project: ProjectId | None
    version_id: VersionId | None
    thread: str
    owed_at: datetime
    since: datetime | None
    """Of a digest that was asked for from that moment on."""
    content: bytes | None
    attempts: int


@contextmanager
def hold(database: Path) -> Iterator[None]:
    """The right to write to this database, for one rctrack at a time; Locked names the pid that has it."""
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(f"{database}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StoreError(f"{database}: cannot be written: {error.strerror}") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(lock, 32, 0).decode("ascii", "replace").strip() or "unknown"
            raise Locked(f"{database}: another rctrack is using it (pid {holder})") from error
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(lock)


class Store:
    """One connection to the database; one per thread."""

    def __init__(self, path: Path) -> None:
        """Opens or makes the database and brings its tables up to date; StoreError if that is impossible."""
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=30, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("PRAGMA foreign_keys = ON")
            self.db = Database(self._connection)
            if migrations.pending(self.db):
                migrations.apply(self.db)
        except (sqlite3.Error, OSError) as error:
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
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise StoreError(f"{self._path}: {error}; nothing of this step was written") from error

    # --- Sources and their health ------------------------------------------------------------------

    def source(self, project: ProjectId, source: SourceId) -> SourceState | None:
        """How far this source was read; None if never."""
        for row in self._query("SELECT * FROM sources WHERE project = ? AND source = ?", project, source):
            return SourceState(row["fingerprint"], row["cursor"], rows.moment(row["last_look_at"]))
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
        self, project: ProjectId, source: SourceId, now: datetime, outcome: str, reason: str | None
    ) -> None:
        """Health: what a look came to; pruned after 90 days."""
        self._connection.execute(
            "INSERT INTO outcomes (project, source, looked_at, outcome, reason) VALUES (?, ?, ?, ?, ?)",
            (project, source, rows.utc(now), outcome, reason),
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

    # --- Evidence ----------------------------------------------------------------------------------

    def add_tags(self, project: ProjectId, tags: Iterable[tuple[TagEvidence, Sighting]]) -> int:
        """Stores tags that were not known; how many those were."""
        return self._add("tags", ({"project": project, **rows.tag_row(tag, seen)} for tag, seen in tags))

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
                    "counted_at": rows.utc(now),
                }
                for count in counts
            ),
        )

    def tags(self, project: ProjectId) -> list[tuple[TagEvidence, Sighting]]:
        """Every tag that any source of the project has shown."""
        return [
            (rows.tag(row), rows.sighting(row)) for row in self._query("SELECT * FROM tags WHERE project = ?", project)
        ]

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

    def counts(self, project: ProjectId) -> dict[tuple[Commit, Commit], CountEvidence]:
        """Every count by (base, commit)."""
        counts = map(rows.count, self._query("SELECT * FROM counts WHERE project = ?", project))
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
        changed = []
        for position, release in enumerate(releases.values()):
            row = {"position": position, **rows.release_row(release)}
            before = known.pop(release.version.id, None)
            timeline = [{"position": i, **rows.stop_row(stop)} for i, stop in enumerate(release.timeline)]
            if (
                before is not None
                and row == {key: before[key] for key in row}
                and timeline == stops.get(row["version_id"])
            ):
                continue
            if before is None or {**row, "position": 0} != {**before, "position": 0}:
                changed.append(release.version.text)
            self.db["releases"].upsert(row, pk=("project", "version_id"))  # type: ignore[union-attr]
            self._connection.execute(
                "DELETE FROM timeline WHERE project = ? AND version_id = ?", (project, release.version.id)
            )
            self._add("timeline", ({"project": project, "version_id": release.version.id, **stop} for stop in timeline))
        for gone, row in known.items():
            changed.append(row["version"])
            self._connection.execute("DELETE FROM releases WHERE project = ? AND version_id = ?", (project, gone))
        return changed

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
                " ORDER BY coalesce(tagged_at, announced_at, first_seen_at) DESC, position DESC LIMIT 1",
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

    # --- Mail that we owe --------------------------------------------------------------------------

    def owe(self, letters: Iterable[OwedLetter]) -> int:
        """Letters to be written and sent; one that is owed or sent already is not owed again."""
        return self._add(
            "letters",
            (
                {
                    "message_id": letter.message_id,
                    "kind": letter.kind,
                    "recipient": letter.recipient,
                    "project": letter.project,
                    "version_id": letter.version_id,
                    "thread": letter.thread,
                    "owed_at": rows.utc(letter.owed_at),
                    "since": rows.utc(letter.since),
                    "next_attempt_at": rows.utc(letter.owed_at),
                }
                for letter in letters
            ),
        )

    def letters_due(self, now: datetime) -> list[OwedLetter]:
        """The letters whose next attempt is due, oldest first."""
        found = self._query(
            "SELECT * FROM letters WHERE sent_at IS NULL AND refused_at IS NULL AND next_attempt_at <= ?"
            " ORDER BY owed_at, rowid",
            rows.utc(now),
        )
        return [_owed(row) for row in found]

    def letters_waiting(self) -> list[Mapping[str, Any]]:
        """Every letter that is not sent, with its last error."""
        return list(self._query("SELECT * FROM letters WHERE sent_at IS NULL ORDER BY owed_at, rowid"))

    def alerts_owed_since(self, recipient: str, since: datetime) -> int:
        """How many alerts became due to this reader since then."""
        found = self._query(
            "SELECT count(*) AS number FROM letters WHERE kind != 'digest' AND recipient = ? AND owed_at > ?",
            recipient, rows.utc(since),
        )  # fmt: skip
        return int(next(found)["number"])

    def first_sent(self, thread: str, recipient: str) -> MessageId | None:
        """The mail that opened this reader's thread; None if none was sent yet."""
        found = self._query(
            "SELECT message_id FROM letters WHERE thread = ? AND recipient = ? AND sent_at IS NOT NULL"
            " ORDER BY sent_at, rowid LIMIT 1",
            thread, recipient,
        )  # fmt: skip
        row = next(found, None)
        return MessageId(row["message_id"]) if row else None

    def last_digest_at(self, recipient: str) -> datetime | None:
        """When this reader's newest digest was owed; None before the first."""
        found = self._query(
            "SELECT max(owed_at) AS newest FROM letters WHERE kind = 'digest' AND recipient = ?", recipient
        )
        return rows.moment(next(found)["newest"])

    def digest_before(self, recipient: str, until: datetime) -> datetime | None:
        """When this reader's digest before that one was owed; None for the first."""
        found = self._query(
            "SELECT max(owed_at) AS newest FROM letters WHERE kind = 'digest' AND recipient = ? AND owed_at < ?",
            recipient, rows.utc(until),
        )  # fmt: skip
        return rows.moment(next(found)["newest"])

    def first_look_at(self) -> datetime | None:
        """When rctrack first saw anything."""
        return rows.moment(next(self._query("SELECT min(first_look_at) AS first FROM sources"))["first"])

    def write_letter(self, message_id: MessageId, content: bytes) -> None:
        """The text of an owed letter; it is never written twice."""
        self._connection.execute("UPDATE letters SET content = ? WHERE message_id = ?", (content, message_id))

    def letter_sent(self, message_id: MessageId, now: datetime) -> None:
        self._connection.execute(
            "UPDATE letters SET sent_at = ?, attempts = attempts + 1, last_error = NULL WHERE message_id = ?",
            (rows.utc(now), message_id),
        )

    def letter_deferred(self, message_id: MessageId, reason: str, next_attempt_at: datetime) -> None:
        self._connection.execute(
            "UPDATE letters SET attempts = attempts + 1, last_error = ?, next_attempt_at = ? WHERE message_id = ?",
            (reason, rows.utc(next_attempt_at), message_id),
        )

    def letter_refused(self, message_id: MessageId, reason: str, now: datetime) -> None:
        self._connection.execute(
            "UPDATE letters SET attempts = attempts + 1, last_error = ?, refused_at = ? WHERE message_id = ?",
            (reason, rows.utc(now), message_id),
        )

    # --- Plumbing ----------------------------------------------------------------------------------

    def _query(self, sql: str, *positional: object, **named: object) -> Iterator[dict[str, Any]]:
        cursor = self._connection.execute(sql, named or positional)
        names = [column[0] for column in cursor.description]
        return (dict(zip(names, values, strict=True)) for values in cursor)

    def _add(self, table: str, new: Iterable[Mapping[str, Any]]) -> int:
        """Inserts rows whose natural key is not there yet; how many."""
        before = self._connection.total_changes
        self.db.table(table).insert_all((dict(row) for row in new), ignore=True)
        return self._connection.total_changes - before

    def _put_unrecognised(self, project: ProjectId, found: Iterable[tuple[Unrecognised, Sighting]]) -> None:
        self.db.table("unrecognised").insert_all(
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
            replace=True,
        )

    def _timelines(self, project: ProjectId) -> dict[str, list[dict[str, Any]]]:
        timelines: dict[str, list[dict[str, Any]]] = {}
        for row in self._query("SELECT * FROM timeline WHERE project = ? ORDER BY version_id, position", project):
            stop = {key: value for key, value in row.items() if key not in ("project", "version_id")}
            timelines.setdefault(row["version_id"], []).append(stop)
        return timelines


def _owed(row: Mapping[str, Any]) -> OwedLetter:
    return OwedLetter(
        message_id=MessageId(row["message_id"]),
        kind=row["kind"],
        recipient=row["recipient"],
        project=ProjectId(row["project"]) if row["project"] else None,
        version_id=VersionId(row["version_id"]) if row["version_id"] else None,
        thread=row["thread"],
        owed_at=rows.needed(row["owed_at"]),
        since=rows.moment(row["since"]),
        content=row["content"],
        attempts=row["attempts"],
    )

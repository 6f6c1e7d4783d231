"""The mail that we owe: written once, sent until it is gone."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from rctrack.core.evidence import MessageId, ProjectId
from rctrack.core.version import VersionId
from rctrack.store import rows


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


class Letters:
    """The table of owed letters; its writers are called inside a transaction of the Store."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def owe(self, letters: Iterable[OwedLetter]) -> int:
        """Letters to be written and sent; one that is owed or sent already is not owed again."""
        before = self.db.conn.total_changes
        self.db.table("letters").insert_all(
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
            ignore=True,
        )
        return self.db.conn.total_changes - before

    def due(self, now: datetime) -> list[OwedLetter]:
        """The letters whose next attempt is due, oldest first."""
        found = self._query(
            "SELECT * FROM letters WHERE sent_at IS NULL AND refused_at IS NULL AND next_attempt_at <= ?"
            " ORDER BY owed_at, rowid",
            rows.utc(now),
        )
        return [_owed(row) for row in found]

    def waiting(self) -> list[Mapping[str, Any]]:
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

    def write(self, message_id: MessageId, content: bytes) -> None:
        """The text of an owed letter; it is never written twice."""
        self.db.conn.execute("UPDATE letters SET content = ? WHERE message_id = ?", (content, message_id))

    def sent(self, message_id: MessageId, now: datetime) -> None:
        self.db.conn.execute(
            "UPDATE letters SET sent_at = ?, attempts = attempts + 1, last_error = NULL WHERE message_id = ?",
            (rows.utc(now), message_id),
        )

    def deferred(self, message_id: MessageId, reason: str, next_attempt_at: datetime) -> None:
        self.db.conn.execute(
            "UPDATE letters SET attempts = attempts + 1, last_error = ?, next_attempt_at = ? WHERE message_id = ?",
            (reason, rows.utc(next_attempt_at), message_id),
        )

    def refused(self, message_id: MessageId, reason: str, now: datetime) -> None:
        self.db.conn.execute(
            "UPDATE letters SET attempts = attempts + 1, last_error = ?, refused_at = ? WHERE message_id = ?",
            (reason, rows.utc(now), message_id),
        )

    def _query(self, sql: str, *parameters: object) -> Iterator[dict[str, Any]]:
        return self.db.query(sql, parameters)


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

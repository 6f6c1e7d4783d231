"""The outbox: each mail written once, and kept until it is gone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rctrack.core.evidence import MessageId, ProjectId
from rctrack.core.mail import DIGEST, Mail
from rctrack.store import rows
from rctrack.store.codec import utc
from rctrack.store.table import Tables


@dataclass(frozen=True, slots=True)
class Waiting:
    """A mail that is not sent, and why."""

    mail: Mail
    last_error: str | None
    next_attempt_at: datetime
    refused_at: datetime | None
    """When it was given up; None while it is tried."""


class OutboxTables(Tables):
    """The tables of mails; writers are called inside a transaction of the Store."""

    def put(self, mails: Iterable[Mail]) -> int:
        """Adds mails; one that is owed or was sent already is not owed again. Returns how many are new."""
        number = 0
        for mail in mails:
            if self.add("outbox", [_row(mail)]):
                number += 1
                links = [{"message_id": mail.message_id, "notice_key": key} for key in mail.notices]
                self.add("outbox_notices", links)
        return number

    def due(self, now: datetime) -> list[Mail]:
        """The mails whose next attempt is due, oldest first."""
        query = self.query(
            "SELECT * FROM outbox WHERE sent_at IS NULL AND refused_at IS NULL AND next_attempt_at <= ?"
            " ORDER BY owed_at, id",
            utc(now),
        )
        return [self._mail(row) for row in query]

    def waiting(self) -> list[Waiting]:
        """Every mail that is not sent, oldest first."""
        query = self.query("SELECT * FROM outbox WHERE sent_at IS NULL ORDER BY owed_at, id")
        return [
            Waiting(
                self._mail(row), row["last_error"], rows.needed(row["next_attempt_at"]), rows.moment(row["refused_at"])
            )
            for row in query
        ]

    def owed_since(self, reader: str, topics: Iterable[str], since: datetime) -> int:
        """How many mails of these topics became due to this reader since then."""
        wanted = set(topics)
        query = self.query("SELECT topic FROM outbox WHERE reader = ? AND owed_at > ?", reader, utc(since))
        return sum(row["topic"] in wanted for row in query)

    def first_of(self, thread: str, reader: str) -> MessageId | None:
        """The mail that opened this reader's thread; None if there was none yet."""
        query = self.query(
            "SELECT message_id FROM outbox WHERE thread = ? AND reader = ? AND refused_at IS NULL"
            " ORDER BY owed_at, id LIMIT 1",
            thread, reader,
        )  # fmt: skip
        return next((MessageId(row["message_id"]) for row in query), None)

    def of_notice(self, key: str, reader: str) -> MessageId | None:
        """The mail in which this reader was told of a notice; None if in none."""
        query = self.query(
            "SELECT message_id FROM outbox_notices JOIN outbox USING (message_id) WHERE notice_key = ? AND reader = ?",
            key, reader,
        )  # fmt: skip
        return next((MessageId(row["message_id"]) for row in query), None)

    def digest_before(self, reader: str, until: datetime | None = None) -> datetime | None:
        """When this reader's newest digest was due, or the newest before that moment; None for the first."""
        query = self.query(
            "SELECT max(owed_at) AS newest FROM outbox WHERE topic = ? AND reader = ? AND (? IS NULL OR owed_at < ?)",
            DIGEST, reader, utc(until), utc(until),
        )  # fmt: skip
        return rows.moment(next(query)["newest"])

    def write(self, message_id: MessageId, content: bytes) -> None:
        """Keeps the bytes of a mail that was not written yet."""
        self.connection.execute(
            "UPDATE outbox SET content = coalesce(content, ?) WHERE message_id = ?", (content, message_id)
        )

    def sent(self, message_id: MessageId, now: datetime) -> None:
        """The mail is gone."""
        self.connection.execute(
            "UPDATE outbox SET sent_at = ?, attempts = attempts + 1, last_error = NULL WHERE message_id = ?",
            (utc(now), message_id),
        )

    def deferred(self, message_id: MessageId, reason: str, next_attempt_at: datetime) -> None:
        """The mail could not be sent now."""
        self.connection.execute(
            "UPDATE outbox SET attempts = attempts + 1, last_error = ?, next_attempt_at = ? WHERE message_id = ?",
            (reason, utc(next_attempt_at), message_id),
        )

    def refused(self, message_id: MessageId, reason: str, now: datetime) -> None:
        """The mail will not be taken, however often it is tried."""
        self.connection.execute(
            "UPDATE outbox SET attempts = attempts + 1, last_error = ?, refused_at = ? WHERE message_id = ?",
            (reason, utc(now), message_id),
        )

    def installation(self) -> str:
        """A word that is of this database alone, so that two of them make no two mails with one id."""
        return str(next(self.query("SELECT name FROM installation"))["name"])

    def _mail(self, row: Mapping[str, Any]) -> Mail:
        keys = self.query(
            "SELECT notice_key FROM outbox_notices WHERE message_id = ? ORDER BY rowid", row["message_id"]
        )
        return Mail(
            message_id=MessageId(row["message_id"]),
            reader=row["reader"],
            topic=row["topic"],
            project=ProjectId(row["project"]) if row["project"] else None,
            thread=row["thread"],
            owed_at=rows.needed(row["owed_at"]),
            content=row["content"],
            notices=tuple(each["notice_key"] for each in keys),
            since=rows.moment(row["since"]),
            attempts=row["attempts"],
        )


def _row(mail: Mail) -> dict[str, Any]:
    return {
        "message_id": mail.message_id,
        "reader": mail.reader,
        "topic": mail.topic,
        "project": mail.project,
        "thread": mail.thread,
        "owed_at": utc(mail.owed_at),
        "since": utc(mail.since),
        "content": mail.content,
        "next_attempt_at": utc(mail.owed_at),
    }

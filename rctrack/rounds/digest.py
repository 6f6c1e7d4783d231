"""Digests: when each is due, and what it says of its period."""

from datetime import datetime

from rctrack.config import Recipient
from rctrack.core.mail import ASKED, DIGEST, Mail
from rctrack.rounds.mail import content_of, unique_id
from rctrack.rounds.round import Round
from rctrack.show import digest as digests
from rctrack.show.mails import Reader
from rctrack.store import Store
from rctrack.track.book import read_book
from rctrack.track.hosts import archives_late, survey


def owe_digests(round_: Round) -> int:
    """Owes each reader the digest that has become due since their last one; returns how many."""
    stored = round_.store
    began = stored.health.first_look_at()
    owed = []
    for reader in round_.config.mail.to:
        when, after = reader.digest, stored.outbox.digest_before(reader.address) or began
        if when is None or after is None:
            continue
        at = digests.due_at(
            when.weekday, when.hour, when.minute, Reader(reader.address, reader.timezone), after, round_.now
        )
        if at is not None:
            owed.append(_digest(round_, reader, after, at, DIGEST))
    if owed:
        with stored.transaction():
            return stored.outbox.put(owed)
    return 0


def owe_digest_now(round_: Round, since: datetime | None) -> int:
    """Owes every reader of digests one now, from `since` on or else since their last; it moves no reader's own.

    Asked again with nothing told meanwhile, it is the same mail, and is not sent twice.
    """
    stored = round_.store
    owed = []
    for reader in round_.config.mail.to:
        if reader.digest:
            begin = since or stored.outbox.digest_before(reader.address) or stored.health.first_look_at() or round_.now
            owed.append(_digest(round_, reader, begin, round_.now, ASKED))
    with stored.transaction():
        return stored.outbox.put(owed)


def digest_of(round_: Round, reader: Recipient, since: datetime, until: datetime) -> tuple[str, str]:
    """Subject and text of a reader's digest of a period."""
    stored = round_.store
    health = survey(stored, round_.config, round_.now).health
    followed = [project for project in round_.config.projects if reader.wants(project.id)]
    books = [read_book(stored, project, round_.history, health, round_.now) for project in followed]
    late = [outage for project in followed for outage in archives_late(stored, project)]
    period = digests.Period(since, until, round_.now)
    outages = [*health.outages, *late]
    for_reader = Reader(reader.address, reader.timezone)
    return digests.subject(books, period), digests.text(books, outages, _undelivered(stored), period, for_reader)


def _digest(round_: Round, reader: Recipient, since: datetime, until: datetime, topic: str) -> Mail:
    subject, text = digest_of(round_, reader, since, until)
    parts = [f"{until:%Y%m%dT%H%M%SZ}"]
    if topic == ASKED:
        parts = [f"{since:%Y%m%dT%H%M%SZ}", str(round_.store.notices.newest())]
    message_id = unique_id(round_, f"digest.{parts[0]}", [topic, *parts, reader.address])
    content = content_of(round_, reader, subject, text, message_id, (), "digest.rctrack")
    return Mail(message_id, reader.address, topic, None, f"digest {reader.address}", until, content, (), since)


def _undelivered(stored: Store) -> list[str]:
    waiting = [each for each in stored.outbox.waiting() if each.last_error]
    if not waiting:
        return []
    return [f"{len(waiting)} mails could not be sent yet; the last reason was: {waiting[-1].last_error}"]

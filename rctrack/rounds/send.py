"""Sending: each mail that is due is tried once, and what came of that is recorded."""

from datetime import timedelta

from rctrack.config import ProjectConfig, Recipient
from rctrack.core.mail import ASKED, DIGEST, Mail
from rctrack.rounds.digest import digest_of
from rctrack.rounds.mail import content_of
from rctrack.rounds.round import Round
from rctrack.send import Channel, Deferred, Refused, Sent
from rctrack.show import mails
from rctrack.show.mails import Reader
from rctrack.track.book import read_book
from rctrack.track.hosts import survey

RETRY_FIRST = timedelta(minutes=1)
RETRY_MOST = timedelta(hours=6)


def send(round_: Round, channel: Channel) -> tuple[int, int]:
    """Sends what is due; returns how many mails were sent and how many have to wait."""
    stored, sent, waiting = round_.store, 0, 0
    for mail in stored.outbox.due(round_.now):
        content = mail.content or _rewritten(round_, mail)
        if content is None:
            continue
        answer = channel.send(content, round_.config.mail.sender, mail.reader)
        with stored.transaction():
            match answer:
                case Sent():
                    stored.outbox.sent(mail.message_id, round_.now)
                    sent += 1
                case Deferred(reason):
                    wait = min(RETRY_FIRST * 2 ** min(mail.attempts, 20), RETRY_MOST)
                    stored.outbox.deferred(mail.message_id, reason, round_.now + wait)
                    waiting += 1
                case Refused(reason):
                    stored.outbox.refused(mail.message_id, reason, round_.now)
                    waiting += 1
    return sent, waiting


def _rewritten(round_: Round, mail: Mail) -> bytes | None:
    """The bytes of a mail that was owed and not written yet, as a database of before has it."""
    stored = round_.store
    reader = next((each for each in round_.config.mail.to if each.address == mail.reader), None)
    project = next((each for each in round_.config.projects if each.id == mail.project), None)
    content = None
    if reader is not None and mail.topic in (DIGEST, ASKED):
        since = mail.since or stored.outbox.digest_before(mail.reader, mail.owed_at) or mail.owed_at
        subject, text = digest_of(round_, reader, since, mail.owed_at)
        content = content_of(round_, reader, subject, text, mail.message_id, (), "digest.rctrack")
    elif reader is not None and project is not None:
        content = _of_notices(round_, mail, reader, project)
    with stored.transaction():
        if content is None:
            stored.outbox.refused(mail.message_id, "its project or reader is not followed any more", round_.now)
        else:
            stored.outbox.write(mail.message_id, content)
    return content


def _of_notices(round_: Round, mail: Mail, reader: Recipient, project: ProjectConfig) -> bytes | None:
    health = survey(round_.store, round_.config, round_.now).health
    book = read_book(round_.store, project, round_.history, health, round_.now)
    notices = [book.notices[key] for key in mail.notices if key in book.notices]
    if not notices:
        return None
    text = mails.text_of_project(notices, book, Reader(reader.address, reader.timezone))
    first = round_.store.outbox.first_of(mail.thread, mail.reader)
    references = () if first in (None, mail.message_id) else (first,)
    list_id = f"{project.id}.rctrack"
    return content_of(round_, reader, mails.subject(notices), text, mail.message_id, references, list_id)

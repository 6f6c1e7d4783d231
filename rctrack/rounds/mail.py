"""What was judged, as mails: who gets it, its bytes, its id, and what it answers."""

import hashlib
import re
from collections.abc import Callable, Sequence
from datetime import timedelta

from rctrack.config import Recipient
from rctrack.core.book import Book
from rctrack.core.evidence import MessageId
from rctrack.core.hosts import Health, State
from rctrack.core.look import host_of
from rctrack.core.mail import Mail
from rctrack.core.notice import Kind, Notice, OutageFacts, Phase, key_of
from rctrack.rounds.round import Round
from rctrack.send import Draft, compose
from rctrack.send.address import bare_address
from rctrack.send.addressing import Parcel, parcels
from rctrack.show import mails
from rctrack.show.mails import Neighbourhood, Reader

_LONGEST_ID = 120
"""Characters of a Message-ID."""

Written = tuple[str, str, str]
"""Subject, text and thread of a mail."""


def mails_of(round_: Round, notices: Sequence[Notice], written: Callable[[Parcel], Written]) -> list[Mail]:
    """The mails that these notices make owed, each as its bytes."""
    stored = round_.store
    hour_ago = round_.now - timedelta(hours=1)
    bundles = parcels(
        notices,
        round_.config,
        lambda key, reader: stored.outbox.of_notice(key, reader) is not None,
        lambda reader, topics: stored.outbox.owed_since(reader, topics, hour_ago),
    )
    first_in: dict[tuple[str, str], MessageId] = {}
    told_now: dict[tuple[str, str], MessageId] = {}
    owed = []
    for parcel in bundles:
        subject, text, thread = written(parcel)
        message_id = _message_id(round_, parcel)
        address = parcel.reader.address
        first = stored.outbox.first_of(thread, address) or first_in.get((thread, address))
        first_in.setdefault((thread, address), message_id)
        answered = _answered_key(parcel)
        answer = told_now.get((answered, address)) or stored.outbox.of_notice(answered, address) if answered else None
        references = tuple(dict.fromkeys(each for each in (first, answer) if each))
        list_id = f"{parcel.project or 'outages'}.rctrack"
        content = content_of(round_, parcel.reader, subject, text, message_id, references, list_id)
        keys = tuple(notice.key for notice in parcel.notices)
        told_now |= {(key, address): message_id for key in keys}
        owed.append(Mail(message_id, address, parcel.topic, parcel.project, thread, round_.now, content, keys))
    return owed


def _answered_key(parcel: Parcel) -> str | None:
    """The notice whose mail this one answers: an end its beginning, what is late the release's own."""
    [notice, *_] = parcel.notices
    before = {Phase.OVER: Phase.LATE, Phase.NEVER: Phase.LATE, Phase.UP: Phase.DOWN}.get(notice.phase)
    if before is not None:
        return key_of(notice.project, notice.kind, notice.subject, before)
    if notice.kind in (Kind.LATE, Kind.CHANGED, Kind.ANNOUNCED) and notice.version is not None:
        return key_of(notice.project, Kind.OUT, notice.version, Phase.WHOLE)
    return None


def about_project(parcel: Parcel, book: Book) -> Written:
    """Subject, text and thread of a mail about a project."""
    reader = Reader(parcel.reader.address, parcel.reader.timezone)
    [first, *_] = parcel.notices
    release = book.releases.get(first.version) if first.version else None
    cycle = release.version.cycle_id if release else first.version or first.kind
    text = mails.text_of_project(parcel.notices, book, reader)
    return mails.subject(parcel.notices), text, f"{book.project} {cycle}"


def about_hosts(parcel: Parcel, round_: Round, health: Health) -> Written:
    """Subject, text and thread of a mail about hosts."""
    [notice, *_] = parcel.notices
    hosts = notice.facts.hosts if isinstance(notice.facts, OutageFacts) else ()
    near = Neighbourhood(
        tuple(
            (project.id, source.source)
            for project in round_.config.projects
            if parcel.reader.wants(project.id)
            for source in project.sources
            if host_of(source.source) in hosts
        ),
        tuple(sorted(host for host, state in health.states if state is State.UP and host not in hosts)),
    )
    reader = Reader(parcel.reader.address, parcel.reader.timezone)
    return mails.subject(parcel.notices), mails.text_of_hosts(notice, near, reader), f"outage {notice.subject}"


def content_of(
    round_: Round,
    reader: Recipient,
    subject: str,
    text: str,
    message_id: MessageId,
    references: tuple[MessageId, ...],
    list_id: str,
) -> bytes:
    draft = Draft(reader.address, subject, text, None, message_id, references, list_id, round_.now)
    return compose(draft, round_.config.mail.sender, round_.config.contact, round_.program)


def _message_id(round_: Round, parcel: Parcel) -> MessageId:
    """The same for the same notices, reader and installation, so that a resend is seen as one."""
    [first, *_] = parcel.notices
    what = [first.kind, *([first.phase] if first.phase else []), *([first.project] if first.project else [])]
    name = getattr(first.facts, "version", "") or first.subject.partition(" ")[0]
    return unique_id(
        round_, ".".join([*what, name]), [*(each.digest for each in parcel.notices), parcel.reader.address]
    )


def unique_id(round_: Round, name: str, parts: Sequence[str]) -> MessageId:
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    domain = bare_address(round_.config.mail.sender).rpartition("@")[2] or "localhost"
    right = f"{round_.store.outbox.installation()}.{domain}"
    slug = re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip(".-")
    room = _LONGEST_ID - len(digest) - len(right) - 2
    return MessageId(f"{slug[: max(room, 0)]}.{digest}@{right}")

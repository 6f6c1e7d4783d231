"""Pieces of evidence that tests store, and what a database holds."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from rctrack.core.evidence import (
    Commit,
    CountEvidence,
    MailEvidence,
    MessageId,
    ObjectId,
    Observer,
    Sighting,
    TagEvidence,
)
from rctrack.core.fold import fold
from rctrack.core.mail import Mail
from rctrack.core.notice import Kind, Notice, Phase, ReleaseFacts, Topic
from rctrack.core.release import Unrecognised
from rctrack.core.version import VersionId
from rctrack.store import Store
from tests.support.given import LIST, PRIMARY, PROJECT, RULES, announcement, instant, moment, sighting, tag

NOW = moment("2026-06-01 00:00")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
READER = "reader@example.org"
HERE, THERE = Observer("here"), Observer("there")
SEEN_TAG, SEEN_MAIL = sighting(PRIMARY, "2026-06-01 00:00"), sighting(LIST, "2026-06-01 00:00", "2026-05-31 00:00")
TAG = TagEvidence("v2.42", ObjectId("o1"), Commit("c1"), instant("2026-04-01 08:00", 2))
MAIL = MailEvidence("key", b"Subject: \xff\n\nbody\0", instant("2026-06-02 08:00"))
COUNT = CountEvidence(Commit("c0"), Commit("c1"), 7, 5)
MAILED = announcement("2.42", "2026-04-01 09:00", SEEN_MAIL, delivered="2026-04-01 09:01", commits=7)


def out(name: str, *, said_at: datetime = NOW, is_silent: bool = False, phase: Phase = Phase.WHOLE) -> Notice:
    """That a candidate is out."""
    facts = ReleaseFacts(
        version=name,
        name=f"v{name}",
        topic=Topic.RC,
        made_at=said_at,
        tagged_at=said_at,
        announced_at=None,
        first_seen_at=said_at,
        commits=7,
        commits_no_merges=5,
        commits_announced=None,
        message_id=None,
        url=None,
        object_id=ObjectId("o1"),
        flags=(),
    )
    version = VersionId(name)
    return Notice(Kind.OUT, PROJECT, version, phase, said_at, facts, version, is_silent=is_silent)


def owed(
    name: str,
    *,
    topic: str = "rc",
    at: datetime = NOW,
    thread: str = "demo 2.42",
    notices: Iterable[Notice] = (),
    reader: str = READER,
    content: bytes | None = b"text",
) -> Mail:
    """A mail that is owed to the reader."""
    keys = tuple(notice.key for notice in notices)
    return Mail(MessageId(name), reader, topic, PROJECT, thread, at, content, keys)


def by(observer: Observer, sighting: Sighting = SEEN_TAG, *, later: timedelta = timedelta(0)) -> Sighting:
    """The same, as somebody saw it."""
    not_seen_at = sighting.not_seen_at + later if sighting.not_seen_at else None
    return Sighting(sighting.source, sighting.seen_at + later, not_seen_at, observer)


def fill(store: Store) -> list[int]:
    """Writes one of everything; how many rows of each kind were new."""
    with store.transaction():
        store.health.put_source(PROJECT, PRIMARY, "print", "cursor", NOW)
        tags = store.evidence.add_tags(PROJECT, [(TAG, SEEN_TAG)])
        mail_id, is_new = store.evidence.add_mail(PROJECT, MAIL, SEEN_MAIL)
        store.evidence.put_reading(PROJECT, mail_id, MAIL.key, LIST, MAILED, NOW)
        counts = store.evidence.add_counts(PROJECT, [COUNT], NOW)
        store.evidence.put_unrecognised_tags(PROJECT, [(Unrecognised("odd", "odd", "is odd"), SEEN_TAG)])
        changed = store.projection.put_releases(
            PROJECT, fold(PROJECT, RULES, [tag("v2.42", "2026-04-01 08:00"), MAILED], {})
        )
        notices = store.notices.append([out("2.42")])
        mails = store.outbox.put([owed("one@rctrack", notices=[out("2.42")])])
    return [tags, int(is_new), counts, len(changed), notices, mails]


def contents(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    with closing(sqlite3.connect(path)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: sorted(connection.execute(f'SELECT * FROM "{name}"'), key=repr) for name in names}

"""The outbox: each mail is owed once, waits for its next attempt, and is linked to what it tells."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from rctrack.core.evidence import MessageId
from rctrack.core.mail import ASKED, DIGEST
from rctrack.store import Store
from tests.support.stored import DAY, HOUR, NOW, READER, out, owed

ONE, TWO = MessageId("one@rctrack"), MessageId("two@rctrack")


def test_a_mail_comes_back_as_it_was(store: Store) -> None:
    """With what it tells, in order; a digest with its period."""
    mail = owed(ONE, notices=[out("2.43"), out("2.42")], content=b"text\xff\r\n")
    digest = replace(owed(TWO, topic=DIGEST, thread="digest"), since=NOW - DAY, project=None)
    store.outbox.put([mail, digest])
    assert store.outbox.due(NOW) == [mail, digest]


def test_a_mail_is_owed_once(store: Store) -> None:
    """Also after it was sent."""
    assert store.outbox.put([owed(ONE), owed(TWO)]) == 2
    assert store.outbox.put([owed(ONE, content=b"other")]) == 0
    store.outbox.sent(ONE, NOW)
    assert store.outbox.put([owed(ONE)]) == 0
    assert [each.message_id for each in store.outbox.due(NOW)] == [TWO]


def test_a_mail_waits_until_its_next_attempt(store: Store) -> None:
    """With its text and its attempts; a refused one is not tried again, but shown."""
    store.outbox.put([owed(ONE, content=b"text\xff"), owed(TWO)])
    store.outbox.deferred(ONE, "451 later", NOW + timedelta(minutes=1))
    store.outbox.refused(TWO, "550 no", NOW)
    assert store.outbox.due(NOW) == []
    (due,) = store.outbox.due(NOW + timedelta(minutes=1))
    assert (due.message_id, due.content, due.attempts) == (ONE, b"text\xff", 1)
    assert [(each.last_error, each.refused_at) for each in store.outbox.waiting()] == [
        ("451 later", None),
        ("550 no", NOW),
    ]
    store.outbox.sent(ONE, NOW + HOUR)
    assert [each.mail.message_id for each in store.outbox.waiting()] == [TWO]


def test_a_mail_is_written_once(store: Store) -> None:
    """Every attempt sends the same bytes."""
    store.outbox.put([owed(ONE, content=None)])
    for content in (b"first", b"second"):
        store.outbox.write(ONE, content)
    assert [each.content for each in store.outbox.due(NOW)] == [b"first"]


def test_mails_are_due_oldest_first(store: Store) -> None:
    """Those of one moment in the order in which they were made."""
    store.outbox.put([owed("c@x", at=NOW + HOUR), owed("b@x"), owed("a@x")])
    assert [each.message_id for each in store.outbox.due(NOW + HOUR)] == ["b@x", "a@x", "c@x"]
    assert [each.message_id for each in store.outbox.due(NOW)] == ["b@x", "a@x"]


def test_a_thread_begins_with_its_first_mail_that_was_not_refused(store: Store) -> None:
    """Of each reader."""
    store.outbox.put([owed(TWO, at=NOW + HOUR), owed(ONE), owed("their@x", reader="other@example.org", at=NOW - DAY)])
    assert store.outbox.first_of("demo 2.42", READER) == ONE
    assert store.outbox.first_of("demo 2.42", "nobody@example.org") is None
    assert store.outbox.first_of("demo 2.43", READER) is None
    store.outbox.refused(ONE, "550 no", NOW)
    assert store.outbox.first_of("demo 2.42", READER) == TWO


def test_room_is_counted_by_topic(store: Store) -> None:
    """Of the mails that became due since; digests and other classes take none of it."""
    store.outbox.put(
        [owed("early@x", at=NOW), owed("rc@x", at=NOW + HOUR), owed("late@x", topic="late", at=NOW + HOUR)]
    )
    store.outbox.put([owed("digest@x", topic=DIGEST, at=NOW + HOUR)])
    assert store.outbox.owed_since(READER, ["rc", "final"], NOW) == 1
    assert store.outbox.owed_since(READER, ["rc", "late"], NOW - HOUR) == 3
    assert store.outbox.owed_since("other@example.org", ["rc"], NOW - HOUR) == 0


def test_a_notice_leads_to_the_mail_in_which_a_reader_was_told_of_it(store: Store) -> None:
    """Several in one mail, one in the mails of several readers."""
    first, second = out("2.42"), out("2.43")
    store.outbox.put([owed(ONE, notices=[first, second]), owed(TWO, notices=[first], reader="other@example.org")])
    assert store.outbox.of_notice(first.key, READER) == store.outbox.of_notice(second.key, READER) == ONE
    assert store.outbox.of_notice(first.key, "other@example.org") == TWO
    assert store.outbox.of_notice(second.key, "other@example.org") is None


def test_only_a_readers_own_digest_says_where_the_next_begins(store: Store) -> None:
    """One that somebody asked for moves nobody's."""
    store.outbox.put(
        [
            owed("a@x", topic=DIGEST, at=NOW),
            owed("b@x", topic=DIGEST, at=NOW + DAY),
            owed("c@x", topic=ASKED, at=NOW + 2 * DAY),
        ]
    )
    assert store.outbox.digest_before(READER) == NOW + DAY
    assert store.outbox.digest_before(READER, NOW + DAY) == NOW
    assert store.outbox.digest_before(READER, NOW) is None
    assert store.outbox.digest_before("other@example.org") is None


def test_two_installations_have_different_names(store: Store, tmp_path: Path) -> None:
    """So that two of them make no two mails with one id; a name stays."""
    with Store(tmp_path / "other.db") as other:
        assert store.outbox.installation() != other.outbox.installation()
    with Store(tmp_path / "other.db") as again:
        assert again.outbox.installation() == other_name(tmp_path)


def other_name(folder: Path) -> str:
    """The name of the other installation, read anew."""
    with Store(folder / "other.db") as opened:
        return opened.outbox.installation()

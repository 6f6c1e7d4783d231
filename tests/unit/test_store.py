"""The database: natural keys, one transaction or nothing, one writer, and mail that is owed."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from rctrack.store.record import host_of

from rctrack.core.evidence import (
    Commit,
    CountEvidence,
    MailEvidence,
    MessageId,
    ObjectId,
    ProjectId,
    SourceId,
    TagEvidence,
)
from rctrack.core.fold import difference, fold
from rctrack.core.hosts import Outage, OutageKind
from rctrack.core.lateness import Cause, Delay, DelayKind, Ended
from rctrack.core.look import Look, Outcome, host_of
from rctrack.core.release import Unrecognised
from rctrack.core.version import VersionId
from rctrack.store import Locked, OwedLetter, Store, StoreError, hold
from tests.support.given import LIST, PRIMARY, PROJECT, RULES, announcement, instant, moment, sighting, tag

NOW = moment("2026-06-01 00:00")
HOUR = timedelta(hours=1)
READER = "reader@example.org"
SEEN_TAG, SEEN_MAIL = sighting(PRIMARY, "2026-06-01 00:00"), sighting(LIST, "2026-06-01 00:00", "2026-05-31 00:00")
TAG = TagEvidence("v2.42", ObjectId("o1"), Commit("c1"), instant("2026-04-01 08:00", 2))
MAIL = MailEvidence("key", b"Subject: \xff\n\nbody\0", instant("2026-06-02 08:00"))
COUNT = CountEvidence(Commit("c0"), Commit("c1"), 7, 5)
MAILED = announcement("2.42", "2026-04-01 09:00", SEEN_MAIL, delivered="2026-04-01 09:01", commits=7)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is, in a folder that is not there yet."""
    return tmp_path / "state" / "rctrack.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    """An empty database."""
    with Store(path) as opened:
        yield opened


def a_draft(
    name: str, *, kind: str = "release", owed: str = "2026-06-01 00:00", thread: str = "demo 2.42"
) -> OwedLetter:
    """Owed to the reader."""
    return OwedDraft(
        MessageId(name), kind, READER, PROJECT, VersionId("2.42"), thread, moment(owed), None, content=None, attempts=0
    )


def fill(store: Store) -> list[int]:
    """Writes one of everything; how many rows of each kind were new."""
    with store.transaction():
        store.put_source(PROJECT, PRIMARY, "print", "cursor", NOW)
        tags = store.add_tags(PROJECT, [(TAG, SEEN_TAG)])
        mail_id, is_new = store.add_mail(PROJECT, MAIL, SEEN_MAIL)
        store.put_mail_reading(PROJECT, mail_id, MAIL.key, SEEN_MAIL, MAILED)
        counts = store.add_counts(PROJECT, [COUNT], NOW)
        store.put_unrecognised_tags(PROJECT, [(Unrecognised("odd", "odd", "is odd"), SEEN_TAG)])
        releases = fold(PROJECT, RULES, [tag("v2.42", "2026-04-01 08:00"), MAILED], {})
        changed = store.put_releases(PROJECT, releases)
        events = store.add_events(difference(set(), releases), NOW, silent=False)
        letters = store.letters.owe([a_draft("one@rctrack")])
    return [tags, int(is_new), counts, len(changed), events, letters]


def contents(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    with sqlite3.connect(path) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {name: sorted(connection.execute(f'SELECT * FROM "{name}"'), key=repr) for name in names}
    connection.close()
    return found


class TestNaturalKeys:
    """Everything twice adds nothing."""

    def test_everything_twice_adds_nothing(self, store: Store, path: Path) -> None:
        """Each call says that nothing was new, and no row differs."""
        assert fill(store) == [1, 1, 1, 1, 5, 1]
        before = contents(path)
        assert fill(store) == [0, 0, 0, 0, 0, 0]
        assert contents(path) == before

    def test_evidence_comes_back_as_it_was(self, store: Store) -> None:
        """To the byte and the offset."""
        fill(store)
        assert store.tags(PROJECT) == [(TAG, SEEN_TAG)]
        assert [(mail, seen) for _, mail, seen in store.mails(PROJECT)] == [(MAIL, SEEN_MAIL)]
        assert store.counts(PROJECT) == {(COUNT.base, COUNT.commit): COUNT}
        assert store.announcements(PROJECT, "dotted") == [MAILED]
        state = store.source(PROJECT, PRIMARY)
        assert state is not None
        assert (state.fingerprint, state.cursor, state.last_look_at) == ("print", "cursor", NOW)
        assert store.source(PROJECT, LIST) is None

    def test_the_first_sighting_stays(self, store: Store) -> None:
        """A later one of the same thing is no new evidence; its date, read later, is."""
        undated = TagEvidence(TAG.tag, TAG.object_id, TAG.commit, None)
        later = sighting(PRIMARY, "2026-06-02 00:00", "2026-06-01 00:00")
        assert store.add_tags(PROJECT, [(undated, SEEN_TAG)]) == 1
        assert store.add_tags(PROJECT, [(undated, later)]) == 0
        assert store.add_tags(PROJECT, [(TAG, later)]) == 1
        assert store.tags(PROJECT) == [(undated, SEEN_TAG), (TAG, later)]

    def test_a_mail_read_otherwise_is_read_instead(self, store: Store) -> None:
        """Accepted or unrecognised, never both."""
        fill(store)
        ((mail_id, mail, seen),) = store.mails(PROJECT)
        odd = Unrecognised("subject", mail.key, "is odd")
        store.put_mail_reading(PROJECT, mail_id, mail.key, seen, odd)
        assert store.announcements(PROJECT, "dotted") == []
        assert [row["reason"] for row in store.unrecognised(PROJECT) if row["key"] == mail.key] == ["is odd"]
        store.put_mail_reading(PROJECT, mail_id, mail.key, seen, MAILED)
        assert store.announcements(PROJECT, "dotted") == [MAILED]
        assert [row["key"] for row in store.unrecognised(PROJECT)] == ["odd"]

    def test_releases_are_replaced(self, store: Store) -> None:
        """What changed, came or went is said; timelines go with their release."""
        fill(store)
        other = fold(PROJECT, RULES, [tag("v2.41", "2025-03-18 12:00")], {})
        assert store.put_releases(PROJECT, other) == ["2.41", "2.42"]
        assert [row["version"] for row in store.release_rows(PROJECT)] == ["2.41"]
        assert store.timeline_rows(PROJECT, VersionId("2.42")) == []
        assert [row["station"] for row in store.timeline_rows(PROJECT, VersionId("2.41"))] == ["tagged", "visible"]


class TestTransactions:
    """All or nothing."""

    def test_a_transaction_that_fails_leaves_nothing(self, store: Store, path: Path) -> None:
        """Whatever it had written, upserts of sqlite-utils included."""
        before = contents(path)
        with pytest.raises(KeyError), store.transaction():  # noqa: PT012
            store.add_tags(PROJECT, [(TAG, SEEN_TAG)])
            store.put_releases(PROJECT, fold(PROJECT, RULES, [tag("v2.42", None)], {}))
            store.letters.owe([a_draft("one@rctrack")])
            store.put_unrecognised_tags(PROJECT, [(Unrecognised("odd", "odd", "is odd"), SEEN_TAG)])
            raise KeyError
        assert contents(path) == before
        assert fill(store) == [1, 1, 1, 1, 5, 1]

    def test_tags_that_were_taken_back_are_not_remembered(self, store: Store) -> None:
        """Nor are others that then get their places missed."""
        other = replace(TAG, tag="v2.43")
        with pytest.raises(KeyError), store.transaction():  # noqa: PT012
            store.add_tags(PROJECT, [(TAG, SEEN_TAG)])
            assert store.tags(PROJECT) == [(TAG, SEEN_TAG)]
            raise KeyError
        assert store.tags(PROJECT) == []
        with store.transaction():
            assert store.add_tags(PROJECT, [(other, SEEN_TAG), (TAG, SEEN_TAG), (other, SEEN_TAG)]) == 2
            assert store.add_tags(PROJECT, [(replace(TAG, tagged=None), SEEN_TAG), (TAG, SEEN_TAG)]) == 1
        store.tags(PROJECT).clear()
        assert [each.tag for each, _ in store.tags(PROJECT)] == ["v2.43", "v2.42", "v2.42"]

    def test_nothing_is_seen_before_its_end(self, store: Store, path: Path) -> None:
        """By another connection."""
        with store.transaction():
            store.add_tags(PROJECT, [(TAG, SEEN_TAG)])
            assert contents(path)["tags"] == []
        assert len(contents(path)["tags"]) == 1

    def test_a_broken_statement_is_a_store_error(self, store: Store, path: Path) -> None:
        """It names the file, and nothing of the step is written."""
        with pytest.raises(StoreError, match="nothing of this step was written") as failure, store.transaction():  # noqa: PT012
            store.add_tags(PROJECT, [(TAG, SEEN_TAG)])
            store._connection.execute("INSERT INTO nowhere VALUES (1)")
        assert str(path) in str(failure.value)
        assert store.tags(PROJECT) == []


class TestTables:
    """What SQLite itself keeps true."""

    def test_tables_are_strict_and_keys_are_kept(self, store: Store, path: Path) -> None:
        """STRICT, foreign keys on, WAL, and a second opening changes nothing."""
        strict = store.db.query("SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND type = 'table'")
        ours = {row["name"]: row["strict"] for row in strict if not row["name"].startswith(("sqlite_", "_sqlite"))}
        assert set(ours.values()) == {1}
        assert ours.keys() >= {"tags", "mails", "counts", "releases", "timeline", "events", "letters", "outcomes"}
        assert store._connection.execute("PRAGMA foreign_keys").fetchone() == (1,)
        assert store._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
            store._connection.execute(
                "INSERT INTO timeline VALUES ('demo', 'x', 0, 'tagged', NULL, NULL, NULL, 'second', 's', 'e')"
            )
        before = contents(path)
        Store(path).close()
        assert contents(path) == before

    def test_a_file_that_is_no_database_is_named(self, tmp_path: Path) -> None:
        """And is left as it is."""
        path = tmp_path / "rctrack.db"
        path.write_text("no database at all, but long enough to have a header" * 10)
        with pytest.raises(StoreError, match=r"rctrack\.db: cannot be used as a database"):
            Store(path)
        assert path.read_text().startswith("no database")

    def test_health_is_pruned(self, store: Store) -> None:
        """After ninety days; the newest is told."""
        for days, outcome in ((100, Outcome.GOOD), (1, Outcome.ERROR), (0, Outcome.GOOD)):
            store.add_outcome(PROJECT, PRIMARY, NOW - timedelta(days=days), outcome, None)
        assert len(list(store.db.query("SELECT * FROM outcomes"))) == 2
        assert store.last_outcomes(PROJECT)[PRIMARY]["outcome"] == "good"


class TestRecord:
    """What was late, what was down, how far archives are alive."""

    DELAY = Delay(PROJECT, VersionId("2.42"), DelayKind.MIRROR, "m.example", NOW, timedelta(hours=12), NOW)
    OUTAGE = Outage(OutageKind.OUT, frozenset({"b.example", "a.example"}), None, NOW, None, NOW, "no answer")

    def test_delays_come_back_as_they_were(self, store: Store) -> None:
        """Open, raised, closed, never; one that changed is the same one, of another place another one."""
        closed = replace(self.DELAY, raised_at=NOW + HOUR, until=NOW + 2 * HOUR, cause=Cause.HOST, ended=Ended.CLOSED)
        other = replace(self.DELAY, where="n.example", ended=Ended.NEVER, until=NOW, cause=Cause.PROJECT)
        foreign = replace(self.DELAY, project=ProjectId("other"))
        for kept in ([self.DELAY], [self.DELAY, foreign], [closed, other]):
            with store.transaction():
                store.record.put_delays(kept)
        assert store.record.delays(PROJECT) == [closed, other]
        assert set(store.record.delays()) == {closed, other, foreign}

    def test_a_delay_that_was_told_stays_told_when_it_changes(self, store: Store) -> None:
        """And only that one."""
        other = replace(self.DELAY, where="n.example")
        with store.transaction():
            store.record.put_delays([self.DELAY, other])
            store.record.tell_delay(self.DELAY)
            store.record.put_delays([replace(self.DELAY, until=NOW + HOUR, ended=Ended.CLOSED)])
        assert store.record.told_delays(PROJECT) == {self.DELAY.key}
        assert store.record.told_delays(ProjectId("other")) == set()

    def test_outages_come_back_as_they_were(self, store: Store) -> None:
        """By their ids, oldest first; with a moment those that lasted until then."""
        early = replace(self.OUTAGE, since=NOW - 9 * HOUR, until=NOW - 8 * HOUR, not_before=NOW - 10 * HOUR)
        hole = Outage(OutageKind.HOLE, frozenset(), NOW, NOW, NOW + HOUR, NOW, "")
        with store.transaction():
            number = store.record.put_outage(self.OUTAGE)
            first, third = store.record.put_outage(early), store.record.put_outage(hole)
            store.record.tell_outage(first)
        assert store.record.outages() == {first: early, number: self.OUTAGE, third: hole}
        assert list(store.record.outages()) == [first, number, third]
        assert set(store.record.outages(NOW)) == {number, third}
        assert store.record.told_outages() == {first}
        ended = replace(self.OUTAGE, until=NOW + HOUR, hosts=self.OUTAGE.hosts | {"c.example"})
        with store.transaction():
            assert store.record.put_outage(ended, number) == number
            store.record.put_outage(replace(early, reason="x"), first)
        assert store.record.outages()[number] == ended
        assert store.record.told_outages() == {first}

    def test_looks_are_those_of_followed_hosts_and_the_last_before(self, store: Store) -> None:
        """What is on this machine has no host, and what is not followed any more is nobody's."""
        local, gone = SourceId("git /srv/demo.git"), SourceId("tags https://gone.example/x")
        for hours, source, outcome in (
            (-5, PRIMARY, Outcome.GOOD), (-4, PRIMARY, Outcome.NO_ANSWER), (1, PRIMARY, Outcome.BLOCKED),
            (2, local, Outcome.GOOD), (3, gone, Outcome.GOOD),
        ):  # fmt: skip
            with store.transaction():
                store.add_outcome(PROJECT, source, NOW + hours * HOUR, outcome, "why")
        found = store.record.looks(NOW, [(PROJECT, PRIMARY), (PROJECT, local)])
        assert found == [
            Look("primary.example", NOW - 4 * HOUR, Outcome.NO_ANSWER, "why"),
            Look("primary.example", NOW + HOUR, Outcome.BLOCKED, "why"),
        ]

    def test_a_begin_is_kept_and_life_only_grows(self, store: Store) -> None:
        """A delivery twice is one; another archive's are its own."""
        pair = (NOW, NOW + 30 * HOUR)
        with store.transaction():
            store.put_source(PROJECT, LIST, "print", "cursor", NOW)
            for begins_at, alive_at in ((None, None), (NOW - HOUR, NOW), (NOW, NOW - HOUR), (None, None)):
                store.record.add_life(PROJECT, LIST, begins_at, alive_at, [pair])
            store.put_source(PROJECT, LIST, "print", "cursor 2", NOW + HOUR)
        state = store.source(PROJECT, LIST)
        assert state is not None
        assert (state.begins_at, state.alive_at) == (NOW - HOUR, NOW)
        assert store.record.deliveries(PROJECT, LIST) == [pair]
        assert store.record.deliveries(PROJECT, PRIMARY) == []

    @pytest.mark.parametrize(
        ("source", "host"),
        [
            ("tags https://git.example/a.git", "git.example"),
            ("tags https://kim:secret@git.example:8443/a.git", "git.example:8443"),
            ("git /srv/a.git", ""),
            ("public-inbox file:///srv/a", ""),
            ("tags git@git.example:a.git", "git.example"),
            ("tags ssh://git@git.example:22/~kim/a.git", "git.example:22"),
        ],
    )
    def test_the_host_of_a_source(self, source: str, host: str) -> None:
        """With its port, without who asks."""
        assert host_of(SourceId(source)) == host

    def test_a_database_from_before_there_were_delays_is_brought_up_to_date(self, path: Path) -> None:
        """All that was in it is there, looks count as answered, and the new tables work."""
        with Store(path) as store:
            fill(store)
            with store.transaction():
                store.add_outcome(PROJECT, PRIMARY, NOW, Outcome.ERROR, "no answer")
        before = contents(path)
        connection = sqlite3.connect(path)
        for statement in (
            "DROP TABLE delays", "DROP TABLE outages", "DROP TABLE deliveries", "DROP INDEX outcomes_by_time",
            "DROP INDEX outcomes_blocked", "ALTER TABLE outcomes DROP COLUMN unreachable",
            "ALTER TABLE sources DROP COLUMN begins_at", "ALTER TABLE sources DROP COLUMN alive_at",
            "DELETE FROM _sqlite_migrations WHERE name LIKE 'm003%'",
        ):  # fmt: skip
            connection.execute(statement)
        connection.commit()
        connection.close()
        with Store(path) as store:
            after = contents(path)
            assert {name: rows for name, rows in after.items() if name != "_sqlite_migrations"} == {
                name: rows for name, rows in before.items() if name != "_sqlite_migrations"
            }
            with store.transaction():
                store.record.put_delays([self.DELAY])
                store.record.put_outage(self.OUTAGE)
            assert store.record.delays() == [self.DELAY]
            [look] = store.record.looks(NOW - HOUR, [(PROJECT, PRIMARY)])
            assert look.outcome is Outcome.ERROR


class TestLock:
    """One writer at a time."""

    def test_the_lock_names_the_pid(self, path: Path) -> None:
        """Of the one that holds it; it is free again after it, in whatever way that ended."""
        code = (
            "import sys\nfrom pathlib import Path\nfrom rctrack.store import hold\n"
            "with hold(Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.read()"
        )
        with subprocess.Popen(
            [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "held\n"
            with pytest.raises(Locked, match=rf"another rctrack is using it \(pid {other.pid}\)"), hold(path):
                pass
            other.kill()
        with hold(path):
            assert Path(f"{path}.lock").read_text() == f"{os.getpid()}\n"
        with hold(path):
            pass

    def test_what_a_killed_rctrack_was_just_starting_holds_nobody_up(self, path: Path) -> None:
        """Between fork and exec a child has what its parent had; nor does this process take the lock from itself."""
        code = (
            "import os, sys, time\nfrom pathlib import Path\nfrom rctrack.store import hold\n"
            "with hold(Path(sys.argv[1])):\n    if os.fork() == 0:\n        time.sleep(0.5)\n        os._exit(0)\n"
            "    os.kill(os.getpid(), 9)"
        )
        subprocess.run([sys.executable, "-c", code, str(path)], check=False)
        with hold(path):
            assert Path(f"{path}.lock").read_text() == f"{os.getpid()}\n"
            with pytest.raises(Locked), hold(path):
                pass

    def test_a_folder_that_cannot_be_written_is_named(self, tmp_path: Path) -> None:
        """A file stands in its place."""
        (tmp_path / "state").touch()
        with (
            pytest.raises(StoreError, match=r"rctrack\.db: cannot be written"),
            hold(tmp_path / "state" / "rctrack.db"),
        ):
            pass


class TestLetters:
    """Mail that is owed goes out once."""

    def test_a_draft_is_owed_once(self, store: Store) -> None:
        """Also after it was sent."""
        assert store.letters.owe([a_draft("one@rctrack"), a_draft("two@rctrack")]) == 2
        assert store.letters.owe([a_draft("one@rctrack")]) == 0
        store.letters.sent(MessageId("one@rctrack"), NOW)
        assert store.letters.owe([a_draft("one@rctrack")]) == 0
        assert [each.message_id for each in store.letters.due(NOW)] == ["two@rctrack"]

    def test_a_draft_waits_until_its_next_attempt(self, store: Store) -> None:
        """With its text and its attempts; a refused one is not tried again, but shown."""
        store.letters.owe([a_draft("one@rctrack"), a_draft("two@rctrack")])
        store.letters.write(MessageId("one@rctrack"), b"text\xff")
        store.letters.deferred(MessageId("one@rctrack"), "451 later", NOW + timedelta(minutes=1))
        store.letters.refused(MessageId("two@rctrack"), "550 no", NOW)
        assert store.letters.due(NOW) == []
        (due,) = store.letters.due(NOW + timedelta(minutes=1))
        assert (due.message_id, due.content, due.attempts) == ("one@rctrack", b"text\xff", 1)
        assert [row["last_error"] for row in store.letters.waiting()] == ["451 later", "550 no"]

    def test_threads_and_caps(self, store: Store) -> None:
        """The first mail sent opens the thread; alerts of the last hour are counted, digests are not."""
        store.letters.owe([a_draft("one@rctrack"), a_draft("two@rctrack", owed="2026-06-01 01:00")])
        store.letters.owe([a_draft("digest@rctrack", kind="digest", owed="2026-06-01 01:30", thread="digest")])
        assert store.letters.first_sent("demo 2.42", READER) is None
        store.letters.sent(MessageId("two@rctrack"), NOW)
        store.letters.sent(MessageId("one@rctrack"), NOW + timedelta(minutes=1))
        assert store.letters.first_sent("demo 2.42", READER) == "two@rctrack"
        assert store.letters.first_sent("demo 2.42", "other@example.org") is None
        assert store.letters.alerts_owed_since(READER, moment("2026-06-01 00:30")) == 1
        assert store.letters.last_digest_at(READER) == moment("2026-06-01 01:30")
        assert store.letters.digest_before(READER, moment("2026-06-01 01:30")) is None

    def test_what_was_told_in_a_time(self, store: Store) -> None:
        """By the first event of a version; what a first fill brought is never told."""
        silent = fold(PROJECT, RULES, [tag("v2.41", "2025-03-18 12:00")], {})
        told = fold(PROJECT, RULES, [tag("v2.42", "2026-04-01 08:00")], {})
        store.add_events(difference(set(), silent), NOW, silent=True)
        store.add_events(difference(set(), told), NOW, silent=False)
        later = fold(PROJECT, RULES, [announcement("2.41 2.42", "2026-04-01 09:00")], {})
        store.add_events(difference(set(), later), NOW + timedelta(days=7), silent=False)
        day = timedelta(days=1)
        assert store.versions_told(PROJECT, NOW, NOW + day) == {"2.42"}
        assert store.versions_told(PROJECT, NOW - day, NOW) == set()
        assert store.versions_told(PROJECT, NOW + day, NOW + 30 * day) == set()
        assert store.known_versions(PROJECT) == {"2.41", "2.42"}

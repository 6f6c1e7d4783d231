"""The database: one transaction or nothing, what SQLite keeps true, one writer, and who looks."""

import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from rctrack.core.evidence import AbsenceEvidence, HeadEvidence, ObjectId, Station, StationEvidence
from rctrack.core.fold import fold
from rctrack.core.look import Outcome
from rctrack.core.release import Unrecognised
from rctrack.store import Locked, Store, StoreError, hold
from tests.support.given import LIST, PRIMARY, PROJECT, RULES, tag
from tests.support.stored import HERE, MAIL, NOW, SEEN_MAIL, SEEN_TAG, TAG, THERE, by, contents, fill, owed


def test_everything_twice_adds_nothing(store: Store, path: Path) -> None:
    """Each call says that nothing was new, and no row differs."""
    assert fill(store) == [1, 1, 1, 1, 1, 1]
    before = contents(path)
    assert fill(store) == [0, 0, 0, 0, 0, 0]
    assert contents(path) == before


class TestTransactions:
    """All or nothing."""

    def test_a_transaction_that_fails_leaves_nothing(self, store: Store, path: Path) -> None:
        """Whatever it had written."""
        before = contents(path)
        with pytest.raises(KeyError), store.transaction():  # noqa: PT012
            store.evidence.add_tags(PROJECT, [(TAG, SEEN_TAG)])
            store.projection.put_releases(PROJECT, fold(PROJECT, RULES, [tag("v2.42", None)], {}))
            store.outbox.put([owed("one@rctrack")])
            store.evidence.put_unrecognised_tags(PROJECT, [(Unrecognised("odd", "odd", "is odd"), SEEN_TAG)])
            raise KeyError
        assert contents(path) == before
        assert fill(store) == [1, 1, 1, 1, 1, 1]

    def test_nothing_is_seen_before_its_end(self, store: Store, path: Path) -> None:
        """By another connection."""
        with store.transaction():
            store.evidence.add_tags(PROJECT, [(TAG, SEEN_TAG)])
            assert contents(path)["tags"] == []
        assert len(contents(path)["tags"]) == 1

    def test_what_is_read_in_a_snapshot_is_of_one_moment(self, store: Store, path: Path) -> None:
        """Whoever writes meanwhile; and the snapshot keeps nobody from writing."""
        with Store(path) as other:
            with store.snapshot():
                assert store.evidence.tags(PROJECT) == []
                with other.transaction():
                    other.evidence.add_tags(PROJECT, [(TAG, SEEN_TAG)])
                assert store.evidence.tags(PROJECT) == []
            assert store.evidence.tags(PROJECT) == [(TAG, SEEN_TAG)]

    def test_a_broken_statement_is_a_store_error(self, store: Store, path: Path) -> None:
        """It names the file, and nothing of the step is written."""
        with pytest.raises(StoreError, match="nothing of this step was written") as failure, store.transaction():  # noqa: PT012
            store.evidence.add_tags(PROJECT, [(TAG, SEEN_TAG)])
            store._connection.execute("INSERT INTO nowhere VALUES (1)")
        assert str(path) in str(failure.value)
        assert store.evidence.tags(PROJECT) == []


class TestTables:
    """What SQLite itself keeps true."""

    def test_tables_are_strict_and_keys_are_kept(self, store: Store, path: Path) -> None:
        """STRICT, foreign keys on, WAL, and a second opening changes nothing."""
        strict = store.db.query("SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND type = 'table'")
        ours = {row["name"]: row["strict"] for row in strict if not row["name"].startswith(("sqlite_", "_sqlite"))}
        assert set(ours.values()) == {1}
        assert ours.keys() >= {"tags", "mails", "counts", "releases", "timeline", "notices", "outbox", "runs"}
        assert store._connection.execute("PRAGMA foreign_keys").fetchone() == (1,)
        assert store._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
            store._connection.execute(
                "INSERT INTO timeline VALUES ('demo', 'x', 0, 'tagged', NULL, NULL, NULL, 'second', 's', 'e')"
            )
        before = contents(path)
        Store(path).close()
        assert contents(path) == before

    def test_a_new_database_has_no_table_of_before(self, store: Store, path: Path) -> None:
        """What migrations moved is gone."""
        gone = {"events", "letters", "outcomes", "announcements_before", "releases_before", "delays_before"}
        assert not gone & contents(path).keys()

    def test_a_file_that_is_no_database_is_named(self, tmp_path: Path) -> None:
        """And is left as it is."""
        path = tmp_path / "rctrack.db"
        path.write_text("no database at all, but long enough to have a header" * 10)
        with pytest.raises(StoreError, match=r"rctrack\.db: cannot be used as a database"):
            Store(path)
        assert path.read_text().startswith("no database")


class TestWhoLooks:
    """The own looks have one name; what others saw keeps theirs."""

    def sighted(self, store: Store) -> None:
        """One of everything that somebody saw, by us and by another."""
        store.name_observer(HERE)
        with store.transaction():
            for who in (HERE, THERE):
                seen, mailed = by(who), by(who, SEEN_MAIL)
                store.evidence.add_tags(PROJECT, [(TAG, seen)])
                store.evidence.add_absences(PROJECT, [AbsenceEvidence("v2.41", ObjectId("o0"), seen, is_back=False)])
                store.evidence.add_stations(PROJECT, [(StationEvidence(Station.LISTED, "2.42", "2.42", None), seen)])
                store.evidence.add_head(PROJECT, HeadEvidence(ObjectId(f"head {who}")), seen)
                store.evidence.add_mail(PROJECT, MAIL, mailed)
                store.health.add_look(PROJECT, PRIMARY, who, NOW, Outcome.GOOD, "")

    def names(self, store: Store, table: str) -> set[str]:
        """Who saw what this table holds."""
        return {row["observer"] for row in store.db.query(f"SELECT observer FROM {table}")}

    def test_a_new_database_has_no_name_yet(self, store: Store) -> None:
        """Who opens it gives it one; it stays when it is opened again."""
        assert store.observer == ""
        store.name_observer(HERE)
        assert store.observer == HERE

    def test_another_name_is_given_to_all_that_was_seen_here(self, store: Store) -> None:
        """In every table that has an observer; what is seen again is the same as before."""
        self.sighted(store)
        store.name_observer(type(HERE)("attic"))
        tables = [
            row["name"]
            for row in store.db.query(
                "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c"
                " WHERE m.type = 'table' AND c.name = 'observer' AND m.name != 'installation'"
            )
        ]
        assert tables
        assert {table: self.names(store, table) for table in tables} == {table: {"attic", "there"} for table in tables}
        with store.transaction():
            assert store.evidence.add_tags(PROJECT, [(TAG, by(store.observer))]) == 0
            assert store.evidence.add_mail(PROJECT, MAIL, by(store.observer, SEEN_MAIL))[1] is False
        assert store.evidence.mail_keys(PROJECT, LIST, store.observer) == {MAIL.key}
        assert set(store.health.last_runs(PROJECT, store.observer)) == {PRIMARY}

    def test_a_database_that_nobody_named_is_named_once(self, store: Store) -> None:
        """As one of before is: its sightings are nobody's until then, and no tag of them is new afterwards."""
        fill(store)
        store.name_observer(HERE)
        assert self.names(store, "tags") == self.names(store, "mail_sightings") == {HERE}
        assert store.evidence.new_tags(PROJECT, [(TAG, replace(SEEN_TAG, observer=HERE))]) == []


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

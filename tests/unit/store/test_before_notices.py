"""A database of before migration 5, and of every commit before that, is brought up to date with nothing lost."""

import gzip
import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest

from rctrack.core.evidence import Commit, CountEvidence, Observer, ProjectId
from rctrack.core.notice import Kind, Notice, Phase
from rctrack.core.version import VersionId
from rctrack.store import Store
from tests.support import before
from tests.support.stored import contents

DATA = Path(__file__).parents[2] / "data"
SCHEMAS = sorted((DATA / "schemas").glob("*.sql"))
OPEN = "import sys; from pathlib import Path; from rctrack.store import Store; Store(Path(sys.argv[1])).close()"
MOMENTS = 50 if os.environ.get("RCTRACK_LONG") else 8
SEED = int(os.environ.get("RCTRACK_SEED", "1"))
EVIDENCE = {
    "tags": 'project, source, tag, object_id, "commit", tagged_at, tagged_offset, seen_at, not_seen_at',
    "absences": "project, source, tag, object_id, is_back, seen_at, not_seen_at",
    "counts": "*",
    "signatures": "*",
    "stations": "project, source, station, name, key, reached_at, reached_offset, seen_at, not_seen_at",
    "unrecognised": "*",
    "deliveries": "*",
}
"""The columns of evidence that were there before."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The database of before."""
    made = tmp_path / "rctrack.db"
    made.write_bytes(gzip.decompress((DATA / "before-notices.sqlite.gz").read_bytes()))
    return made


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """What a query finds, sorted."""
    with closing(sqlite3.connect(path)) as connection:
        return sorted(connection.execute(sql), key=repr)


def notices(store: Store, project: str | None, kind: Kind) -> dict[tuple[str, Phase], Notice]:
    """What was told of a kind, by its subject and phase."""
    known = store.notices.of_project(None if project is None else ProjectId(project)).values()
    return {(notice.subject, notice.phase): notice for notice in known if notice.kind is kind}


class TestNothingIsLost:
    """Evidence, what was told, what is owed."""

    def test_evidence_is_what_it_was(self, path: Path) -> None:
        """Each row, but that nobody's name stands beside it yet; mails to the byte, with who saw them apart."""
        old = {table: rows(path, f"SELECT {columns} FROM {table}") for table, columns in EVIDENCE.items()}
        mails = "SELECT mails.project, mails.source, key, {0}, seen_at, not_seen_at, content FROM mails"
        archived = "mails.archived_at, mails.archived_offset"
        old_mails = rows(path, mails.format(archived))
        Store(path).close()
        new = {table: rows(path, f"SELECT {columns} FROM {table}") for table, columns in EVIDENCE.items()}
        assert new == old
        assert all(old.values()), "each kind is in it"
        joined = mails.format(archived) + " JOIN mail_sightings ON mail_id = mails.id"
        assert rows(path, joined) == old_mails
        with Store(path) as store:
            assert store.observer == ""

    def test_what_mails_were_recognised_as_is_what_it_was(self, path: Path) -> None:
        """Each fact of each, with the hop on which it waited longest."""
        with closing(sqlite3.connect(path)) as connection:
            connection.row_factory = sqlite3.Row
            old = [dict(row) for row in connection.execute("SELECT * FROM announcements ORDER BY mail_id")]
        with Store(path) as store:
            for project in ("demo", "util-linux"):
                known = [row for row in old if row["project"] == project]
                found = store.evidence.announcements(ProjectId(project), "dotted")
                assert len(found) == len(known) > 0
                for row, mail in zip(known, found, strict=True):
                    assert [version.text for version in mail.versions] == json.loads(row["versions"])
                    assert (mail.message_id, mail.subject, mail.url) == (row["message_id"], row["subject"], row["url"])
                    delivered = mail.delivered and f"{mail.delivered.at:%Y-%m-%dT%H:%M:%SZ}"
                    assert delivered == row["delivered_at"]
                    wait = mail.longest_wait
                    assert (wait.span.total_seconds() if wait else None) == row["held_seconds"]

    def test_looks_are_runs_of_as_many_looks(self, path: Path) -> None:
        """Each source's, good and bad, in the order in which they were."""
        sql = "SELECT project, source, outcome, unreachable, count(*) FROM outcomes GROUP BY 1, 2, 3, 4"
        words = {("good", 0): "good", ("blocked", 0): "blocked", ("failed", 1): "no answer", ("failed", 0): "error"}
        old = sorted(
            (project, source, words[outcome, unreachable], number)
            for project, source, outcome, unreachable, number in rows(path, sql)
        )
        Store(path).close()
        new = rows(path, "SELECT project, source, outcome, sum(looks) FROM runs GROUP BY 1, 2, 3")
        assert new == old
        assert rows(path, "SELECT * FROM runs WHERE last_at < first_at") == []
        assert len(rows(path, "SELECT id FROM runs")) < 30

    def test_the_listing_is_what_it_was(self, path: Path) -> None:
        """Before anything is folded anew: releases with their timelines, delays, outages."""
        names = (
            'project, version_id, version, tag, object_id, "commit", previous, tagged_at, announced_at, commits, url'
        )
        delays = "SELECT project, version_id, kind, place, since, limit_seconds, until, cause, ended FROM delays"
        outages = "SELECT id, hosts, since, until, not_before, not_after, reason FROM outages"
        queries = [f"SELECT {names} FROM releases", "SELECT * FROM timeline", delays, outages]
        old = [rows(path, sql) for sql in queries]
        with Store(path) as store:
            assert [rows(path, sql) for sql in queries] == old
            flags = {key: summary.flags for key, summary in store.projection.releases(ProjectId("demo"))}
        assert flags[VersionId("1.1-rc2")] == ("retagged",)

    def test_every_mail_is_there_with_its_id_and_its_bytes(self, path: Path) -> None:
        """Sent, waiting or refused, written or not."""
        columns = (
            "message_id, {0}, project, thread, owed_at, since, content, attempts, next_attempt_at, last_error,"
            " sent_at, refused_at"
        )
        old = rows(path, f"SELECT {columns.format('recipient')} FROM letters")
        Store(path).close()
        assert rows(path, f"SELECT {columns.format('reader')} FROM outbox") == old
        topics = rows(path, "SELECT DISTINCT topic FROM outbox")
        assert topics == [("changed",), ("digest",), ("late",), ("outage",), ("rc",)]


class TestWhatWasTold:
    """Is a notice, so that it is told to nobody again, and its end to whom its begin was told."""

    def test_each_release_is_out_or_claimed(self, path: Path) -> None:
        """A mail alone claims where the project tags, and is a release where it does not; each is known as one."""
        with Store(path) as store:
            outs, claims = (notices(store, "demo", kind) for kind in (Kind.OUT, Kind.UNCONFIRMED))
            assert {subject for subject, _ in claims} == {"1.2-rc1"}
            assert {subject: notice.is_silent for (subject, _), notice in outs.items()} == {
                "1": True, "1.1-rc1": True, "1.1-rc2": False, "1.1-rc3": False, "1.1-rc4": False, "1.1-rc5": False,
                "1.1-rc6": False,
            }  # fmt: skip
            little = (notices(store, "little", kind) for kind in (Kind.OUT, Kind.UNCONFIRMED))
            assert [{subject for subject, _ in known} for known in little] == [{"0.1", "0.2", "0.4"}, {"0.3"}]
            assert {subject for subject, _ in notices(store, "post", Kind.OUT)} == {"3", "3.1", "3.2"}
            assert all(notice.is_silent for notice in notices(store, "post", Kind.UNCONFIRMED).values())

    def test_changes_have_the_keys_that_they_would_have_now(self, path: Path) -> None:
        """A move and a withdrawal that were told, and a bad signature that was told with its release."""
        with Store(path) as store:
            changes = notices(store, "demo", Kind.CHANGED)
        assert {" ".join(key[0].split()[:3]): notice.is_silent for key, notice in changes.items()} == {
            "1.1-rc1 withdrawn v1.1-rc1": False,
            "1.1-rc2 retagged v1.1-rc2": False,
            "1.1-rc5 bad-signature v1.1-rc5": True,
        }
        assert all(re.search(r" [0-9a-f]{40}\.\.([0-9a-f]{40})?$", subject) for subject, _ in changes)

    def test_lateness_is_open_or_over_as_it_was(self, path: Path) -> None:
        """By project, release, gap and host."""
        with Store(path) as store:
            late = notices(store, "demo", Kind.LATE)
            assert set(late) == {
                ("1.1-rc3 announcement", Phase.LATE),
                ("1.1-rc3 announcement", Phase.OVER),
                ("1.1-rc4 announcement", Phase.LATE),
                ("1.1-rc4 announcement", Phase.NEVER),
                ("1.1-rc6 announcement", Phase.LATE),
                ("1.1-rc6 mirror mirror.example", Phase.LATE),
                ("1.2-rc1 tag", Phase.LATE),
            }
            assert set(notices(store, "metro", Kind.LATE)) == {("1.8-rc2 overdue 1.8-rc1", Phase.LATE)}
            assert set(notices(store, "clock", Kind.LATE)) == {
                ("1.8-rc2 overdue 1.8-rc1", Phase.LATE),
                ("1.8-rc2 overdue 1.8-rc1", Phase.OVER),
            }

    def test_what_was_overdue_can_be_folded_again(self, path: Path) -> None:
        """The forecast of then is gone, but for when it was past."""
        with Store(path) as store:
            [due] = store.notices.dues(ProjectId("metro"))
        assert (due.after, due.version, due.step, due.overdue_at) == ("1.8-rc1", "1.8-rc2", "rc2", before.at(14, 12))

    def test_outages_are_open_or_over_as_they_were(self, path: Path) -> None:
        """A host that blocks us was told like one that is down, and is told to be back like one."""
        with Store(path) as store:
            assert {(subject.split()[0], phase) for subject, phase in notices(store, None, Kind.OUTAGE)} == {
                ("one.example", Phase.DOWN),
                ("one.example", Phase.UP),
                ("two.example", Phase.DOWN),
                ("three.example", Phase.DOWN),
            }

    def test_each_mail_leads_to_what_it_told(self, path: Path) -> None:
        """Of a release, a delay, an outage; for each reader their own."""
        with Store(path) as store:
            linked = dict(
                rows(
                    path,
                    "SELECT topic, count(DISTINCT message_id) FROM outbox JOIN outbox_notices USING"
                    " (message_id) GROUP BY topic",
                )
            )
            known = dict(rows(path, "SELECT topic, count(*) FROM outbox GROUP BY topic"))
            assert {topic: linked.get(topic) for topic in ("rc", "late", "outage")} == {
                topic: known[topic] for topic in ("rc", "late", "outage")
            }
            for project, kind, open_phase in (("demo", Kind.LATE, Phase.LATE), (None, Kind.OUTAGE, Phase.DOWN)):
                told = [notice for notice in notices(store, project, kind).values() if notice.phase is open_phase]
                for notice in told:
                    mails = [store.outbox.of_notice(notice.key, reader) for reader in (before.ANN, before.BOB)]
                    assert len({mail for mail in mails if mail}) == 2
                    assert store.outbox.of_notice(notice.key, before.CAT) is None
            unwritten = [mail for mail in store.outbox.due(before.END) if mail.content is None]
            assert {(mail.reader, mail.topic, len(mail.notices)) for mail in unwritten} == {
                (before.ANN, "rc", 1), (before.BOB, "rc", 1), (before.ANN, "digest", 0), (before.CAT, "digest", 0),
            }  # fmt: skip


class TestBreakingOff:
    """All of it or nothing, whoever kills it and whoever looks on."""

    def test_a_migration_that_is_killed_anywhere_is_begun_anew(self, path: Path, tmp_path: Path) -> None:
        """At one statement or another: what is there then is the old database, whole."""
        whole = tmp_path / "whole.db"
        whole.write_bytes(path.read_bytes())
        Store(whole).close()
        expected = without_names(whole)
        for number in sorted(Random(SEED).sample(range(1, statements_of(tmp_path, path)), MOMENTS)):
            broken = tmp_path / f"{number}.db"
            broken.write_bytes(path.read_bytes())
            killed = subprocess.run([sys.executable, "-c", KILLED, str(broken), str(number)], check=False)
            assert killed.returncode == -9, number
            assert "letters" in contents(broken), "nothing of it is there"
            Store(broken).close()
            assert without_names(broken) == expected, number

    def test_two_that_open_it_at_once_both_can(self, path: Path) -> None:
        """A daemon starts while somebody asks for the status: the second waits for the first."""
        both = [subprocess.Popen([sys.executable, "-c", OPEN, str(path)], stderr=subprocess.PIPE) for _ in range(4)]
        assert [(each.wait(), each.stderr.read() if each.stderr else b"") for each in both] == [(0, b"")] * 4
        for each in both:
            if each.stderr:
                each.stderr.close()
        assert rows(path, "SELECT count(*) FROM _sqlite_migrations") == [(5,)]

    def test_opening_it_again_changes_nothing(self, path: Path) -> None:
        """It is an ordinary database then."""
        Store(path).close()
        once = contents(path)
        Store(path).close()
        assert contents(path) == once


KILLED = """
import os, signal, sys
from pathlib import Path

number, stop = 0, int(sys.argv[2])

def at_call(frame, event, function):
    global number
    if event == "c_call" and function.__name__ in ("execute", "executemany"):
        number += 1
        if number == stop:
            os.kill(os.getpid(), signal.SIGKILL)

from rctrack.store import Store
sys.setprofile(at_call)
Store(Path(sys.argv[1])).close()
print(number)
"""
"""Opens the database, and kills itself at the statement of this number."""


def statements_of(folder: Path, path: Path) -> int:
    """How many statements it takes to bring this database up to date."""
    copy = folder / "counted.db"
    copy.write_bytes(path.read_bytes())
    argv = [sys.executable, "-c", KILLED, str(copy), "0"]
    return int(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)


def without_names(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that is in a database but the name that it was given, and when it was brought up to date."""
    found = contents(path)
    return {table: rows for table, rows in found.items() if table not in ("installation", "_sqlite_migrations")}


# --- Every schema there ever was -------------------------------------------------------------------

VALUES: dict[str, object] = {
    "project": "demo", "source": "tags https://git.example/demo.git", "version_id": "1.1-rc2", "version": "1.1-rc2",
    "position": 0, "tag": "v1.1-rc2", "object_id": "0" * 40, "commit": "c" * 40, "base": "b" * 40, "commits": 7,
    "commits_no_merges": 5, "versions": '["1.1-rc2"]', "alternatives": "[]", "message_id": "one@example.org",
    "subject": "demo v1.1-rc2", "sender": "kim@example.org", "outcome": "good", "kind": "release", "is_back": 0,
    "station": "tagged", "precision": "second", "evidence": "x", "silent": 0, "flags": "", "key": "key",
    "content": b"Subject: x\n\n", "reason": "", "fingerprint": "print", "mail_id": 1, "id": 1, "recipient": before.ANN,
    "thread": "demo 1.1", "attempts": 1, "cycle_id": "1.1", "cycle": "1.1", "signature": "good", "expected": "keys",
    "name": "v1.1-rc2", "place": "", "limit_seconds": 60, "told": 1, "hosts": "git.example",
    "unreachable": 0, "refused_at": None,
}  # fmt: skip
"""What is plausible in a column of this name; of a moment one of them, of all else nothing."""
OF_TABLE: dict[tuple[str, str], object] = {
    ("stations", "station"): "listed", ("delays", "kind"): "announcement", ("outages", "kind"): "out",
    ("releases", "commit"): "c" * 40, ("mails", "source"): "public-inbox https://lists.example/demo",
    ("announcements", "source"): "public-inbox https://lists.example/demo",
}  # fmt: skip


def filled(path: Path, schema: Path) -> dict[str, int]:
    """A database of a commit, with a row in each of its tables; how many rows each has."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(schema.read_text("utf-8"))
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        mine = [name for name in tables if not name.startswith("_sqlite")]
        for table in sorted(mine, key=lambda name: name in ("announcements", "timeline")):
            columns = list(connection.execute(f'PRAGMA table_info("{table}")'))
            row = {name: value_of(table, name, kind, is_needed) for _, name, kind, is_needed, _, _ in columns}
            names = ", ".join(f'"{name}"' for name in row)
            connection.execute(f'INSERT INTO "{table}" ({names}) VALUES ({", ".join("?" * len(row))})', [*row.values()])
        return dict.fromkeys(mine, 1)


def value_of(table: str, column: str, kind: str, is_needed: int) -> object:
    """Something for a column."""
    if (table, column) in OF_TABLE:
        return OF_TABLE[table, column]
    if column in VALUES:
        return VALUES[column]
    if column.endswith("_at") or column == "since":
        return "2026-02-02T00:00:00Z"
    assert not is_needed or kind == "INTEGER", (table, column)
    return 0 if kind == "INTEGER" else None


@pytest.fixture(params=SCHEMAS, ids=lambda path: path.stem)
def schema(request: pytest.FixtureRequest) -> Path:
    """The tables of a commit."""
    made: Path = request.param
    return made


def test_a_database_of_any_commit_is_brought_up_to_date(schema: Path, tmp_path: Path) -> None:
    """What is in it is there, and the tables are those of a new database."""
    path, new = tmp_path / "old.db", tmp_path / "new.db"
    had = filled(path, schema)
    with Store(path) as store, Store(new) as empty:
        assert columns_of(store) == columns_of(empty)
        project = ProjectId("demo")
        assert len(store.evidence.tags(project)) == len(list(store.evidence.mails(project))) == 1
        assert len(store.evidence.counts(project)) == len(store.evidence.announcements(project, "dotted")) == 1
        whole = CountEvidence(Commit("b" * 40), Commit("c" * 40), 7, 5, 3, 1)
        assert store.evidence.add_counts(project, [whole], before.END) == 1, "it may be counted again with more to tell"
        assert len(store.projection.releases(project)) == 1
        assert {notice.kind for notice in store.notices.of_project(project).values()} == (
            {Kind.OUT, Kind.LATE} if "delays" in had else {Kind.OUT}
        )
        assert [mail.mail.message_id for mail in store.outbox.waiting()] == []
        assert store.outbox.first_of("demo 1.1", before.ANN) == "one@example.org"
        assert set(store.health.last_runs(project, store.observer)) == {VALUES["source"]}
    assert rows(path, "SELECT count(*) FROM outbox_notices") == [(1,)]


def test_looks_in_a_row_are_a_run_until_something_else_comes(tmp_path: Path) -> None:
    """Another answer, a long pause or a clock that went back; a host that blocks us is asked but once a day."""
    path = tmp_path / "old.db"
    filled(path, SCHEMAS[-1])
    looks = [
        (0, "good", None), (1, "good", None), (2, "good", "one range is not counted"), (6, "good", None),
        (5, "good", None), (7, "failed", "refused"), (8, "failed", "timed out"), (9, "blocked", "403"),
        (33, "blocked", "403"), (60, "blocked", "403"),
    ]  # fmt: skip
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM outcomes")
        connection.executemany(
            "INSERT INTO outcomes (project, source, looked_at, outcome, reason) VALUES ('demo', 'tags x', ?, ?, ?)",
            [(f"{before.at(0, hours):%Y-%m-%dT%H:%M:%SZ}", *answer) for hours, *answer in looks],
        )
    with Store(path) as store:
        runs = store.health.runs(Observer(""), before.BEGIN, before.END)
    hours = [[(at - before.BEGIN) / before.HOUR for at in (run.first_at, run.last_at)] for run in runs]
    assert [(str(run.outcome), run.looks, run.reason, *ends) for run, ends in zip(runs, hours, strict=True)] == [
        ("good", 2, "", 0, 1),
        ("good", 1, "one range is not counted", 2, 2),
        ("good", 1, "", 6, 6),
        ("good", 1, "", 5, 5),
        ("error", 2, "refused", 7, 8),
        ("blocked", 2, "403", 9, 33),
        ("blocked", 1, "403", 60, 60),
    ]


def columns_of(store: Store) -> dict[str, set[str]]:
    """The columns of each table."""
    return {table.name: {column.name for column in table.columns} for table in store.db.tables}

"""`rctrack run` as a process of its own: it polls by itself, ends cleanly, and lets nobody else write meanwhile."""

import queue
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from rctrack.cli.common import now as clock
from tests.support.following import Follower, follow
from tests.support.lateness import EXPECTS
from tests.support.material import DAY, HOUR, MINUTE, GitRepository, Mail, make_epoch, make_repository
from tests.support.servers import git_over_http, nobody_at_home

QUICK = 'tags = "1s"\nlists = "2s"\njitter = "1s"'
PATIENCE = 60.0
"""Seconds until we give up; a busy machine is slow."""


class Running:
    """A daemon and what it says, line by line."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.lines: queue.Queue[str] = queue.Queue()
        self.heard: list[str] = []
        self.listener = Thread(target=self._listen, daemon=True)
        self.listener.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)

    def wait_for(self, words: str) -> str:
        """The first line from now on that has these words."""
        while True:
            try:
                line = self.lines.get(timeout=PATIENCE)
            except queue.Empty:
                pytest.fail(f"{words!r} never came; heard: {''.join(self.heard)}")
            self.heard.append(line)
            if words in line:
                return line

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit status after the signal."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@contextmanager
def running(demo: Follower, *options: str) -> Iterator[Running]:
    """The daemon; whatever the test does, it is gone afterwards."""
    with subprocess.Popen(
        demo.argv(*options, "run"),
        env={**demo.environment(), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=demo.folder,
    ) as process:
        daemon = Running(process)
        try:
            yield daemon
        finally:
            process.kill()
            # What it starts (git) may still hold its output open; whoever closes it meanwhile breaks the listener.
            daemon.listener.join(PATIENCE)


def eventually(what: Callable[[], object]) -> None:
    """Looks again and again until it is so, up to the deadline."""
    pause = Event()
    for _ in range(int(PATIENCE / 0.1)):
        if what():
            return
        pause.wait(0.1)
    pytest.fail("it never came to be")


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    made = make_repository(tmp_path / "served" / "demo.git")
    made.release("1.0", "1.1-rc1")
    return made


def sound(demo: Follower) -> bool:
    """Whether the database is whole."""
    return demo.rows("PRAGMA integrity_check") == [{"integrity_check": "ok"}] and not demo.rows(
        "PRAGMA foreign_key_check"
    )


def test_the_alert_comes_without_a_further_command(tmp_path: Path, repository: GitRepository) -> None:
    """It says where things are, fills in silence, and mails the next tag and its count by itself."""
    epoch = make_epoch(tmp_path / "archive" / "git" / "0.git")
    epoch.add(Mail("[ANNOUNCE] demo v1.1-rc1", at=repository.now))
    demo = follow(tmp_path / "user", tags=[repository.path], lists=[tmp_path / "archive"], schedule=QUICK)
    with running(demo) as daemon:
        assert str(demo.config_file) in daemon.wait_for("config ")
        assert str(demo.database) in daemon.wait_for("database ")
        daemon.wait_for(f"mutt -f {demo.outbox}")
        daemon.wait_for("Next poll at ")
        assert demo.mails() == []
        repository.release("1.1-rc2")
        eventually(demo.mails)
        epoch.add(Mail("[ANNOUNCE] demo v1.1-rc2", at=repository.now + HOUR))
        eventually(lambda: demo.release("1.1-rc2")["announced_at"])
        assert daemon.end() == 0
    [subject] = demo.subjects()
    assert subject.startswith(f"[rctrack] demo v1.1-rc2 out: {repository.count('v1.1-rc1', 'v1.1-rc2')} commits")
    assert sound(demo)


def test_what_is_late_is_told_once_all_was_asked_and_when_it_is_over(tmp_path: Path) -> None:
    """By itself, soon after a start; a kill in between neither loses nor doubles a mail."""
    now = clock().replace(microsecond=0)
    repository = make_repository(tmp_path / "demo.git")
    repository.now = now - 20 * DAY
    epoch = make_epoch(tmp_path / "archive" / "git" / "0.git")
    demo = follow(
        tmp_path / "user", tags=[repository.path], lists=[tmp_path / "archive"], settings=EXPECTS, schedule=QUICK
    )
    repository.release("1.0", "1.1-rc1")
    epoch.add(Mail("[ANNOUNCE] demo v1.1-rc1", at=repository.now + MINUTE))
    demo.poll(repository.now + HOUR)
    repository.now = now - 30 * HOUR
    repository.commit()
    repository.tag("v1.1-rc2")
    demo.poll(repository.now + 10 * MINUTE)
    epoch.add(Mail("Re: something else", "Sam <sam@example.org>", at=now - HOUR))
    with running(demo) as daemon:
        eventually(lambda: [each for each in demo.subjects() if "LATE demo v1.1-rc2" in each])
        daemon.end(signal.SIGKILL)
    with running(demo) as daemon:
        daemon.wait_for("Next poll at ")
        held = now - repository.now - MINUTE
        epoch.add(Mail("[ANNOUNCE] demo v1.1-rc2", at=repository.now, delivered_after=held))
        eventually(lambda: [each for each in demo.subjects() if "OVER" in each])
        assert daemon.end() == 0
    [out, late, over] = sorted(demo.subjects(), key=lambda each: ("OVER" in each, "LATE" in each))
    assert (" out" in out, "LATE" in late, "mail was held for" in over) == (True, True, True)
    assert sound(demo)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_during_a_poll_ends_it_cleanly(
    tmp_path: Path, repository: GitRepository, number: signal.Signals
) -> None:
    """Exit status 0 and a whole database, from which the next round goes on; the turn in hand is not half done."""
    with git_over_http(tmp_path / "served") as server:
        demo = follow(tmp_path / "user", tags=[f"{server.url}/demo.git"], schedule=QUICK)
        with running(demo) as daemon:
            daemon.wait_for("outbox ")
            eventually(lambda: server.requests)
            assert daemon.end(number) == 0
        assert sound(demo)
        assert demo.poll(repository.now).outcomes == ["good"]
    assert [row["version"] for row in demo.rows("SELECT version FROM releases ORDER BY position")] == ["1.0", "1.1-rc1"]
    assert demo.mails() == []


def test_a_second_instance_refuses_and_readers_do_not(tmp_path: Path, repository: GitRepository) -> None:
    """Clear words with the pid of the first, exit status 1; the first goes on."""
    demo = follow(tmp_path / "user", tags=[repository.path], schedule=QUICK)
    with running(demo) as daemon:
        daemon.wait_for("Next poll at ")
        for command in ("run", "poll"):
            refused = demo.rctrack(command)
            assert refused.returncode == 1
            assert f"pid {daemon.process.pid}" in refused.stderr
            assert refused.stderr.count("\n") == 1
        assert demo.rctrack("status").returncode == 0
        assert daemon.end() == 0
    assert demo.rctrack("poll").returncode == 0


def test_offline_it_says_so_accuses_nobody_and_goes_on(tmp_path: Path) -> None:
    """When a host answers again, its history is read, silently."""
    with nobody_at_home() as url:
        demo = follow(tmp_path / "user", tags=[f"{url}/demo.git"], lists=[f"{url}/list"], schedule=QUICK)
        with running(demo) as daemon:
            daemon.wait_for("No host answers")
            daemon.wait_for("Next poll at ")
            eventually(lambda: len(demo.rows("SELECT * FROM runs WHERE looks > 1")) == 2)
            assert daemon.end() == 0
    assert demo.mails() == []


def test_a_job_that_breaks_stops_neither_the_others_nor_its_next_run(tmp_path: Path, repository: GitRepository) -> None:
    """It ends at the job's boundary with its traceback in the log, nothing half written; later it works again."""
    epoch = make_epoch(tmp_path / "archive" / "git" / "0.git")
    epoch.add(Mail("[ANNOUNCE] demo v1.1-rc1", at=repository.now))
    demo = follow(tmp_path / "user", tags=[repository.path], lists=[tmp_path / "archive"], schedule=QUICK)
    demo.poll(repository.now + HOUR)
    change(demo, "CREATE TRIGGER full BEFORE INSERT ON tags BEGIN SELECT RAISE(ABORT, 'no room for tags'); END")
    with running(demo) as daemon:
        daemon.wait_for("Next poll at ")
        repository.release("1.1")
        daemon.wait_for("Traceback")
        daemon.wait_for("no room for tags")
        epoch.add(Mail("[ANNOUNCE] demo v1.0", at=repository.now))
        eventually(lambda: demo.release("1.0")["announced_at"])
        assert demo.mails() == []
        change(demo, "DROP TRIGGER full")
        eventually(demo.mails)
        assert daemon.end() == 0
    assert len(demo.mails()) == 1


def change(demo: Follower, statement: str) -> None:
    """What somebody else does to the database."""
    with closing(sqlite3.connect(demo.database, timeout=30)) as connection, connection:
        connection.execute(statement)

"""kill -9 at seeded moments: the next poll ends where an undisturbed one does, and no mail is doubled or lost.

Twelve moments of a first fill in an ordinary run, fifty with RCTRACK_LONG=1. Seed: RCTRACK_SEED.
"""

import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from tests.support.following import USER_VISIBLE, Follower, follow
from tests.support.material import HOUR, MINUTE, GitRepository, Mail, make_epoch, make_repository
from tests.support.servers import git_over_http

MOMENTS = 50 if os.environ.get("RCTRACK_LONG") else 12
SEED = int(os.environ.get("RCTRACK_SEED", "1"))
WHEN = {"id", "mail_id", "seen_at", "not_seen_at", "first_seen_at", "said_at", "proven_at", "counted_at"}
"""Columns that say when we looked, or in which order: they differ between two runs that saw the same."""
VERSIONS = [f"{major}.{minor}{rc}" for major in (1, 2) for minor in range(2) for rc in ("-rc1", "-rc2", "")]

OUT = re.compile(r"^Demo (\S+) is out", re.MULTILINE)

READY = """
import sqlite3, sys
from rctrack import cli, daemon, rounds, send, sources, store
import sqlite_utils.migrations
print("ready", flush=True)
cli.main(prog_name="rctrack")
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with a repository of twelve releases and an archive of two epochs."""
    served = tmp_path_factory.mktemp("served")
    repository = make_repository(served / "demo.git")
    repository.release(*VERSIONS, every=HOUR)
    for number, versions in enumerate((VERSIONS[:6], VERSIONS[6:])):
        epoch = make_epoch(served / "list" / f"{number}")
        mails = [Mail(f"[ANNOUNCE] demo v{version}", at=repository.now + MINUTE) for version in versions]
        talk = [Mail(f"Re: [PATCH {i}/300] demo", "Sam <sam@example.org>", at=repository.now) for i in range(300)]
        epoch.add(*talk, *mails)
    with git_over_http(served) as server:
        yield server.url


@pytest.fixture(scope="module")
def undisturbed(address: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Follower, float]:
    """What one whole first fill comes to, and how many seconds it takes once everything is loaded."""
    demo = a_follower(tmp_path_factory.mktemp("undisturbed"), address)
    with start(demo) as process:
        began = monotonic()
        process.communicate(timeout=100)
        assert process.returncode == 0
        return demo, monotonic() - began


def a_follower(folder: Path, address: str) -> Follower:
    return follow(folder, tags=[f"{address}/demo.git"], lists=[f"{address}/list"])


def start(demo: Follower) -> "subprocess.Popen[bytes]":
    """A poll that has loaded its modules and now begins."""
    process = subprocess.Popen(
        [sys.executable, "-c", READY, "--config", str(demo.config_file), "poll"],
        env=demo.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=demo.folder,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def killed_after(demo: Follower, seconds: float) -> bool:
    """Whether the poll was still at work when it was killed, so long after it began."""
    with start(demo) as process:
        try:
            process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        return process.returncode != 0


def state(demo: Follower) -> dict[str, list[str]]:
    """Every row that a user sees, without when we looked."""
    return {
        table: sorted(repr({key: timeless(value) for key, value in row.items() if key not in WHEN}) for row in rows)
        for table, rows in demo.visible().items()
    }


def timeless(value: Any) -> Any:
    """A document of a column without when we looked; any other value as it is."""
    if isinstance(value, str) and value.startswith(('{"', "[{", "[[")):
        return stripped(json.loads(value))
    return value


def stripped(value: Any) -> Any:
    match value:
        case dict():
            return {key: stripped(each) for key, each in value.items() if key not in WHEN}
        case list():
            return [stripped(each) for each in value]
        case _:
            return value


def moments(number: int, within: float, purpose: str) -> list[float]:
    """Seeded instants, one in each of so many equal parts."""
    chance = random.Random(f"{SEED} {purpose}")
    return [(part + chance.random()) * within / number for part in range(number)]


@pytest.mark.timeout(120 + 30 * MOMENTS)
def test_a_first_fill_that_is_killed_anywhere_ends_as_an_undisturbed_one(
    address: str, undisturbed: tuple[Follower, float], tmp_path: Path
) -> None:
    """Whole database, same rows, no mail: whatever was under way is done again or was done."""
    whole, takes = undisturbed
    expected = state(whole)
    assert len(expected["releases"]) == len(expected["announcements"]) == len(VERSIONS)
    interrupted = 0
    for number, moment in enumerate(moments(MOMENTS, takes, "first fill")):
        demo = a_follower(tmp_path / str(number), address)
        interrupted += killed_after(demo, moment)
        done = demo.rctrack("poll")
        assert done.returncode == 0, f"moment {number}, {moment:.3f} s: {done.stderr}"
        assert "failed" not in done.stdout, f"moment {number}, {moment:.3f} s: {done.stdout}"
        assert state(demo) == expected, f"moment {number}, {moment:.3f} s"
        assert demo.rows("PRAGMA integrity_check") == [{"integrity_check": "ok"}]
        assert demo.mails() == []
        shutil.rmtree(demo.folder)
    assert interrupted >= MOMENTS // 3, "many of them must have hit a poll at work"


@pytest.mark.timeout(120 + 30 * MOMENTS)
def test_a_round_that_is_killed_anywhere_sends_each_alert_once(tmp_path: Path) -> None:
    """Three new releases: after the kill and two more polls each is in one mail, and none is owed."""
    repository = make_repository(tmp_path / "served" / "demo.git")
    repository.release("1.0", "1.1-rc1")
    began = follow(tmp_path / "began", tags=[repository.path])
    began.poll(repository.now)
    repository.release("1.1-rc2", "1.1-rc3", "1.1")
    with start(copied(began, tmp_path / "whole", repository)) as process:
        clock = monotonic()
        process.communicate(timeout=100)
        takes = monotonic() - clock
    for number, moment in enumerate(moments(MOMENTS // 2, takes, "alerts")):
        demo = copied(began, tmp_path / str(number), repository)
        killed_after(demo, moment)
        assert demo.rctrack("poll").returncode == 0
        assert demo.rctrack("poll").returncode == 0
        told = [version for mail in demo.mails() for version in OUT.findall(mail.get_content())]
        assert sorted(told) == ["v1.1", "v1.1-rc2", "v1.1-rc3"], f"moment {number}"
        assert demo.rows("SELECT * FROM outbox WHERE sent_at IS NULL") == []


def copied(began: Follower, folder: Path, repository: GitRepository) -> Follower:
    """The same follower with the same database elsewhere."""
    shutil.copytree(began.folder, folder)
    return follow(folder, tags=[repository.path])


def test_the_comparison_sees_what_a_user_would_see(undisturbed: tuple[Follower, float], tmp_path: Path) -> None:
    """One row less, or one number changed, and two states differ."""
    whole, _ = undisturbed
    expected: dict[str, Any] = state(whole)
    assert all(table in expected for table in USER_VISIBLE)
    assert len(set(expected["releases"])) == len(VERSIONS)

"""Every command as people and scripts call it, on a filled database; a few in a process of their own."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from rctrack import config, store
from rctrack.core.notice import ALERTS
from tests.support.following import Follower, Said, follow, too_long
from tests.support.material import DAY, HOUR, MINUTE, GitRepository, Mail, make_epoch, make_repository
from tests.support.servers import git_over_http, nobody_at_home

RELEASE = {
    "project", "version", "cycle", "rc", "tag", "object_id", "commit", "previous", "tagged_at", "pushed_at",
    "announced_at", "delivered_at", "archived_at", "listed_at", "first_seen_at", "commits", "commits_no_merges",
    "commits_announced", "message_id", "url", "delays", "flags", "authors", "first_time_authors", "signature",
}  # fmt: skip
"""The keys that DESIGN section 5 promises to scripts."""
VERSIONS = ["1.0", "1.1-rc1", "1.1-rc2"]


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> GitRepository:
    """A repository with three releases, and an archive beside it that announces the last one."""
    folder = tmp_path_factory.mktemp("material")
    repository = make_repository(folder / "demo.git")
    repository.release(*VERSIONS)
    epoch = make_epoch(folder / "archive" / "git" / "0.git")
    epoch.add(
        Mail(
            "[ANNOUNCE] demo v1.1-rc2", at=repository.now + 5 * MINUTE, archived_after=DAY, message_id="rc2@example.org"
        ),
        Mail("[ANNOUNCE] demo vNext", at=repository.now + HOUR),
    )
    return repository


@pytest.fixture(scope="module")
def filled(material: GitRepository, tmp_path_factory: pytest.TempPathFactory) -> Follower:
    """A follower after the first fill; for tests that only read."""
    archive = material.path.parent / "archive"
    reader = 'send = ["alerts", "digest"]\ndigest = "Mon 08:00"'
    demo = follow(tmp_path_factory.mktemp("filled"), tags=[material.path], lists=[archive], reader=reader)
    demo.poll(material.now + 2 * DAY)
    return demo


def answered(done: Said, status: int = 0) -> str:
    """What the command said on its standard output; an error is one line on the other one."""
    assert done.returncode == status, done.stderr
    assert done.stderr == "" if status == 0 else re.fullmatch(r"rctrack: [^\n]+\n", done.stderr), done.stderr
    return done.stdout


def parsed(done: Said) -> Any:
    return json.loads(answered(done))


def test_releases_as_json_has_exactly_the_keys_of_the_contract(filled: Follower, material: GitRepository) -> None:
    """Oldest first; instants end in Z; what is not known is null; a final has no rc."""
    releases = parsed(filled.rctrack("releases", "demo", "--json"))
    assert [each["version"] for each in releases] == VERSIONS
    assert all(set(each) == RELEASE for each in releases)
    first, _, last = releases
    assert (first["rc"], first["previous"], first["commits"], first["announced_at"]) == (None, None, None, None)
    assert (last["project"], last["cycle"], last["rc"], last["previous"]) == ("demo", "1.1", 2, "1.1-rc1")
    assert (last["tag"], last["commit"]) == ("v1.1-rc2", material.commit_of("v1.1-rc2"))
    assert last["commits"] == material.count("v1.1-rc1", "v1.1-rc2")
    assert last["tagged_at"] == f"{material.now:%Y-%m-%dT%H:%M:%SZ}"
    assert last["announced_at"] == f"{material.now + 5 * MINUTE:%Y-%m-%dT%H:%M:%SZ}"
    assert last["delivered_at"] == f"{material.now + 7 * MINUTE:%Y-%m-%dT%H:%M:%SZ}"
    assert last["archived_at"] == f"{material.now + 7 * MINUTE + DAY:%Y-%m-%dT%H:%M:%SZ}"
    assert (last["message_id"], last["delays"]) == ("rc2@example.org", [])


def test_releases_of_one_cycle_and_as_csv(filled: Follower) -> None:
    """A cycle is named by its version, however it is written; CSV has a header and the same columns."""
    assert [each["version"] for each in parsed(filled.rctrack("releases", "demo", "--cycle", "v1.1.0", "--json"))] == [
        "1.1-rc1",
        "1.1-rc2",
    ]
    rows = list(csv.DictReader(io.StringIO(answered(filled.rctrack("releases", "demo", "--csv")))))
    assert [row["version"] for row in rows] == VERSIONS
    assert set(rows[0]) == RELEASE - {"delays"}


def test_show_has_the_release_and_its_evidence(filled: Follower) -> None:
    """The object of `releases` with more: timeline, mails and tags with where they are from."""
    shown = parsed(filled.rctrack("show", "demo", "v1.1-rc2", "--json"))
    assert set(shown) > RELEASE
    assert [stop["station"] for stop in shown["timeline"]] == [
        "tagged",
        "announced",
        "delivered",
        "archived",
        "visible",
    ]
    assert [mail["message_id"] for mail in shown["mails"]] == ["rc2@example.org"]
    assert [tag["object_id"] for tag in shown["tags"]] == [shown["object_id"]]
    text = answered(filled.rctrack("show", "demo", "1.1-rc2"))
    assert "rc2@example.org" in text
    assert shown["object_id"] in text


@pytest.mark.parametrize(
    "command", [["status"], ["releases", "demo"], ["show", "demo", "1.1-rc2"], ["projects"], ["digest", "--print"]]
)
def test_what_people_read_fits_100_columns_and_has_no_colour_in_a_pipe(filled: Follower, command: list[str]) -> None:
    """Only an address or a path may be longer, since it cannot be broken."""
    text = answered(filled.rctrack(*command))
    assert "1.1-rc2" in text or "Demo" in text
    assert "\x1b" not in text
    assert too_long(text, 100) == []


def test_status_is_a_line_per_project(filled: Follower) -> None:
    """Cycle, newest release, days since, sources."""
    [status] = parsed(filled.rctrack("status", "--json"))
    assert (status["project"], status["cycle"], status["newest"]) == ("demo", "1.1", "1.1-rc2")
    assert status["days_since"] > 0
    assert [source["outcome"] for source in status["sources"]] == ["good", "good"]
    head, line, _, own = answered(filled.rctrack_process("status")).splitlines()
    assert own.startswith("No daemon runs; the last look was ")
    assert head.split()[:3] == ["PROJECT", "CYCLE", "NEWEST"]
    assert line.split()[:3] == ["demo", "1.1", "1.1-rc2"]


def test_projects_lists_the_shipped_ones_and_says_which_are_followed(filled: Follower) -> None:
    """A user's own file is there beside them."""
    found = {each["project"]: each for each in parsed(filled.rctrack("projects", "--json"))}
    assert {"util-linux", "git", "linux", "demo"} <= set(found)
    assert [stem for stem, each in found.items() if each["followed"]] == ["demo"]
    assert all(Path(each["file"]).is_file() and each["sources"] for each in found.values())


def test_doctor_says_what_is_well_and_counts_the_unrecognised(filled: Follower) -> None:
    """Everything here is fine; one mail could not be read as a release."""
    text = answered(filled.rctrack("doctor"))
    assert "BAD" not in text
    assert re.search(r"1 unrecognised\n.*vNext.*is no version", text)
    found = parsed(filled.rctrack("doctor", "--json"))
    assert all(set(each) == {"check", "ok", "said"} and each["ok"] for each in found)


def test_doctor_finds_nothing_wrong_with_an_archive_that_is_served_in_epochs(
    material: GitRepository, tmp_path: Path
) -> None:
    """url/0 is a repository, url itself is not one, and that is how lists are served."""
    served = tmp_path / "served" / "list"
    served.mkdir(parents=True)
    (served / "0").symlink_to(material.path.parent / "archive" / "git" / "0.git")
    with git_over_http(tmp_path / "served") as server:
        demo = follow(tmp_path / "user", lists=[f"{server.url}/list"])
        assert "BAD" not in answered(demo.rctrack("doctor"))


def test_doctor_says_what_is_wrong_and_exits_1(material: GitRepository, tmp_path: Path) -> None:
    """A host that refuses, a folder that is not there."""
    with nobody_at_home() as url:
        demo = follow(tmp_path, tags=[material.path, f"{url}/demo.git"], lists=[tmp_path / "nothing"])
        done = demo.rctrack("doctor")
    assert done.returncode == 1
    assert len(re.findall(r"^BAD .*(?:/demo\.git|nothing)", done.stdout, re.MULTILINE)) == 2


def test_poll_says_what_it_found_and_sends_what_is_new(material: GitRepository, tmp_path: Path) -> None:
    """First silence, then a mail; exit status 0 both times."""
    path = Path(shutil.copytree(material.path, tmp_path / "demo.git"))
    repository = GitRepository(path, material.now)
    demo = follow(tmp_path / "user", tags=[path])
    assert "first fill, no mail" in answered(demo.rctrack("poll"))
    repository.release("1.1")
    said = answered(demo.rctrack("poll", "demo"))
    assert "demo v1.1 out: " in said
    assert "1 sent" in said
    assert len(demo.mails()) == 1
    assert "nothing new" in answered(demo.rctrack("poll"))
    assert "nothing changed" in answered(demo.rctrack("rebuild"))
    answered(demo.rctrack("backfill", "demo"))
    assert len(demo.mails()) == 1


def test_a_digest_of_days_gone_by_lists_what_was_made_in_them(material: GitRepository, tmp_path: Path) -> None:
    """Also what the first fill brought, which was never news; a digest of later days does not repeat it."""
    demo = follow(tmp_path, tags=[material.path], reader='send = ["digest"]')
    demo.poll(material.now + DAY)
    printed = answered(demo.rctrack("digest", "--print", "--since", f"{material.now - DAY:%Y-%m-%d}"))
    assert "v1.1-rc2:" in printed
    assert "Nothing was released" in answered(
        demo.rctrack("digest", "--print", "--since", f"{material.now + 2 * DAY:%Y-%m-%d}")
    )


def test_digest_goes_to_every_reader_of_digests(material: GitRepository, tmp_path: Path) -> None:
    """--print shows it instead; asked twice with nothing new it is sent once, and it moves nobody's own digest."""
    demo = follow(tmp_path, tags=[material.path], reader='send = ["digest"]')
    demo.poll(material.now + DAY)
    printed = answered(demo.rctrack("digest", "--print", "--since", "2026-03-01"))
    assert printed.startswith("To: ann@example.org\nSubject: [rctrack] digest")
    assert demo.mails() == []
    assert answered(demo.rctrack("digest", "--since", "2026-03-01")) == "mail: 1 sent, 0 waiting\n"
    assert answered(demo.rctrack("digest", "--since", "2026-03-01")) == "mail: 0 sent, 0 waiting\n"
    assert len(demo.mails()) == 1
    assert sum(demo.poll(material.now + days * DAY).sent for days in range(1, 8)) == 1
    begin = f"from {material.now + DAY:%a %Y-%m-%d %H:%M} UTC"
    assert len([mail for mail in demo.mails() if begin in mail.get_content()]) == 1, "from our first look on"


def test_a_source_that_is_down_is_what_poll_is_there_to_notice(material: GitRepository, tmp_path: Path) -> None:
    """Exit status 0, the failure said, the other source read; nobody says that we are offline."""
    with git_over_http(material.path.parent) as server, nobody_at_home() as url:
        demo = follow(tmp_path, tags=[f"{server.url}/demo.git", f"{url}/demo.git"])
        said = answered(demo.rctrack("poll"))
    assert "refused:" in said
    assert "offline" not in said
    assert len(parsed(demo.rctrack("releases", "demo", "--json"))) == 3
    assert f"failing: {urlsplit(url).netloc}" in answered(demo.rctrack("status"))


def test_health_is_a_line_and_an_exit_status(tmp_path: Path, material: GitRepository) -> None:
    """0 where looks are made, by a daemon that has the database or by hand; 1 where nobody looks."""
    demo = follow(tmp_path, tags=[material.path])
    demo.poll(today(tmp_path) - 4 * HOUR)
    said = demo.rctrack("health")
    assert said.returncode == 1
    assert said.stdout.startswith("No daemon runs; the last look was 4 h ")
    demo.poll(today(tmp_path))
    assert demo.rctrack("health").returncode == 0
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(demo.database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as daemon:
        assert daemon.stdout is not None
        assert daemon.stdout.readline() == b"held\n"
        said = demo.rctrack("health")
        assert said.returncode == 0, said.stdout
        assert said.stdout.startswith(f"The daemon (pid {daemon.pid}) runs; the last look was ")
        daemon.communicate(b"")


HOLDER = """
import sys
from pathlib import Path
from rctrack.store import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""
"""A process that has the database, as a daemon has it."""


def test_offline_is_said_and_accuses_nobody(tmp_path: Path) -> None:
    """No host answers: that is us. Exit status 1, for no source was read, and nothing was sent."""
    with nobody_at_home() as one, nobody_at_home() as other:
        demo = follow(tmp_path, tags=[f"{one}/demo.git", f"{other}/demo.git"], lists=[f"{one}/list"])
        said = answered(demo.rctrack("poll"), status=1)
    assert "offline" in said
    assert "Nobody is blamed" in said
    assert demo.mails() == []


def test_a_second_writer_is_refused_by_name_and_readers_are_not(filled: Follower) -> None:
    """Exit status 1 and the pid that has the database."""
    with store.hold(filled.database):
        for command in (["poll"], ["run"], ["rebuild"], ["backfill", "demo"]):
            done = filled.rctrack(*command)
            answered(done, status=1)
            assert f"pid {os.getpid()}" in done.stderr
        answered(filled.rctrack("status"))


@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        (["show", "demo", "9.9"], 1, "9.9"),
        (["show", "demo", "banana"], 2, "banana"),
        (["releases", "nothing"], 2, "nothing"),
        (["poll", "nothing"], 2, "nothing"),
        (["releases", "demo", "--cycle", "x"], 2, "'x'"),
    ],
)
def test_wrong_use_and_failure_are_one_line(filled: Follower, command: list[str], status: int, said: str) -> None:
    """2 for what was asked wrongly, 1 for what is not there."""
    done = filled.rctrack(*command)
    answered(done, status)
    assert said in done.stderr


def test_a_command_that_does_not_exist_is_wrong_use(filled: Follower) -> None:
    """As everywhere: exit status 2."""
    assert filled.rctrack("banana").returncode == 2
    assert filled.rctrack("status", "--banana").returncode == 2


def test_nothing_stored_yet_is_said_with_what_to_do(tmp_path: Path) -> None:
    """Before the first poll a reader has nothing to read."""
    demo = follow(tmp_path, tags=[tmp_path / "demo.git"])
    done = demo.rctrack("status")
    answered(done, status=1)
    assert "rctrack poll" in done.stderr


def test_a_database_that_is_none_is_one_line(tmp_path: Path) -> None:
    """A file that is no database, and a place where none can be made."""
    demo = follow(tmp_path, tags=[tmp_path / "demo.git"])
    demo.database.parent.mkdir()
    demo.database.write_text("this is a letter to the editor\n" * 100)
    for command in ("status", "poll"):
        done = demo.rctrack(command)
        answered(done, status=1)
        assert str(demo.database) in done.stderr
    answered(demo.rctrack("--database", "/dev/null/x.db", "poll"), status=1)


def test_a_broken_configuration_is_one_line_and_exit_2(tmp_path: Path) -> None:
    """With the file and the key."""
    demo = follow(tmp_path, tags=[tmp_path / "demo.git"])
    demo.config_file.write_text(demo.config_file.read_text().replace("database =", "databse ="))
    done = demo.rctrack("status")
    answered(done, status=2)
    assert "rctrack.toml: databse: unknown key" in done.stderr
    answered(demo.rctrack("--config", str(tmp_path / "none.toml"), "status"), status=2)


def test_the_shipped_configuration_loads(tmp_path: Path) -> None:
    """It follows three projects for one local reader with a Maildir beside the database."""
    loaded = config.load(None, None, {"XDG_CONFIG_HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")})
    assert [project.id for project in loaded.projects] == ["util-linux", "git", "linux"]
    assert loaded.database == tmp_path / "state" / "rctrack" / "rctrack.db"
    assert loaded.mail.transport == f"maildir:{tmp_path / 'state' / 'rctrack' / 'outbox'}"
    [reader] = loaded.mail.to
    assert reader.topics >= ALERTS
    assert reader.digest is not None


def test_help_names_every_command(filled: Follower) -> None:
    """And each has a help page of its own."""
    text = answered(filled.rctrack_process("--help"))
    for command in ("run", "poll", "backfill", "status", "releases", "show", "digest", "rebuild", "doctor", "projects"):
        assert re.search(rf"^  {command} ", text, re.MULTILINE), command


@pytest.fixture(scope="module")
def weekly(tmp_path_factory: pytest.TempPathFactory) -> Follower:
    """Six cycles: rc1 after a fortnight, final a fortnight later; the newest, a final, is of three days ago."""
    folder = tmp_path_factory.mktemp("weekly")
    repository = make_repository(folder / "demo.git")
    repository.now = today(folder) - timedelta(days=3 + 12 * 14)
    for number in range(6):
        repository.release(f"1.{number}-rc1", f"1.{number}", every=14 * DAY)
    demo = follow(folder / "user", tags=[repository.path])
    demo.poll(repository.now + HOUR)
    return demo


def today(folder: Path) -> datetime:
    """Now, by the clock that the commands read."""
    return datetime.fromtimestamp(int(folder.stat().st_mtime), UTC)


class TestForecast:
    """What comes next, from the command line."""

    def test_says_what_comes_next_with_its_cases(self, weekly: Follower) -> None:
        """The same as status has."""
        said = answered(weekly.rctrack("forecast", "demo")).strip()
        assert re.match(r"rc1, 6 of 6 times; .*, 5 of 5 had come by then", said)
        [row] = parsed(weekly.rctrack("status", "--json"))
        assert row["next_in_words"] == said
        assert parsed(weekly.rctrack("forecast", "demo", "--json"))["next"] == row["next"]

    def test_finals_ahead_have_odds_that_fall(self, weekly: Follower, tmp_path: Path) -> None:
        """By a day, each final is less likely than the one before it."""
        by = f"{today(tmp_path) + timedelta(days=60):%Y-%m-%d}"
        said = parsed(weekly.rctrack("forecast", "demo", "--by", by, "--json"))
        odds = [each["odds"] for each in said["finals"]]
        assert [each["version"] for each in said["finals"]][:2] == ["1.6", "1.7"]
        assert odds == sorted(odds, reverse=True)
        assert odds[0] > 0.9
        assert answered(weekly.rctrack("forecast", "demo", "--by", by)).startswith("by ")
        assert answered(weekly.rctrack("forecast", "demo", "--version", "1.7")).startswith("1.7: ")

    def test_what_cannot_be_told_is_an_error_that_says_why(self, weekly: Follower) -> None:
        """A candidate, what is out, what is beyond the dozen."""
        for wanted, why in (("1.7-rc1", "it is a candidate"), ("1.2", "it is out"), ("9.9", "next dozen")):
            said = weekly.rctrack("forecast", "demo", "--version", wanted)
            assert said.returncode in (1, 2)
            assert why in said.stderr

"""What a git host answers, in the words that all sources share: over HTTP, over its own protocol, and from a folder."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from rctrack.core.look import Outcome
from rctrack.process import ProcessError
from rctrack.sources import Failed
from rctrack.sources.gitstore.answers import failed, in_words
from tests.support.following import follow
from tests.support.looking import look_at_list, look_at_tags, outcome_of, tools
from tests.support.material import BEGIN, HOUR, MINUTE, Mail, git, make_epoch, make_repository
from tests.support.servers import GitHttp, dumb_http, git_daemon, git_over_http, hanging_up, nobody_at_home

WALL = "<!doctype html>{0}<html>{0}<head>{0}<title>Making sure you&#39;re not a bot!</title>{0}</head></html>\n"
PLAIN_PAGE = b"<!doctype html>\n<title>Our new forge</title>\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitHttp]:
    """A host with one repository, which also is a list archive's first epoch by its address."""
    make_repository(tmp_path / "served" / "demo.git").release("1.0")
    make_epoch(tmp_path / "served" / "list" / "0").add(Mail("[ANNOUNCE] demo v1.0"))
    with git_over_http(tmp_path / "served") as served:
        yield served


STATUSES = [
    (301, {"Location": "/demo/demo.git/info/refs?service=git-upload-pack"}, Outcome.MOVED),
    (308, {"Location": "https://git.example/demo.git"}, Outcome.MOVED),
    (302, {"Location": "/login?back=/demo.git"}, Outcome.MISREAD),
    (401, {"WWW-Authenticate": "Basic realm=x"}, Outcome.MISREAD),
    (403, {}, Outcome.BLOCKED),
    (404, {}, Outcome.MISREAD),
    (410, {}, Outcome.MOVED),
    (429, {"Retry-After": "86400"}, Outcome.BLOCKED),
    (500, {}, Outcome.ERROR),
    (503, {"Retry-After": "7200"}, Outcome.ERROR),
]


@pytest.mark.parametrize("family", ["tags", "list"])
@pytest.mark.parametrize(("status", "headers", "expected"), STATUSES, ids=[str(status) for status, *_ in STATUSES])
def test_a_status_is_told_apart_before_and_after_the_first_good_look(
    tmp_path: Path, server: GitHttp, family: str, status: int, headers: dict[str, str], expected: Outcome
) -> None:
    """Git keeps it to itself, and words its complaint by its own version; the reason names address and status."""
    url = f"{server.url}/demo.git" if family == "tags" else f"{server.url}/list"
    looker = look_at_tags(tmp_path / "user", url) if family == "tags" else look_at_list(tmp_path / "user", url)
    cursor = looker.good().cursor
    server.refusal = (status, headers, b"no\n")
    for start in (None, cursor):
        answer = looker.look(start)
        assert isinstance(answer, Failed)
        assert (answer.outcome, url in answer.reason) == (expected, True), answer
        assert str(status) in answer.reason or expected is Outcome.MOVED
        assert answer.pause == (timedelta(seconds=int(headers["Retry-After"])) if "Retry-After" in headers else None)


def test_who_has_moved_is_named_with_what_to_do(tmp_path: Path, server: GitHttp) -> None:
    """The new address as it is to be written into the project's file."""
    looker = look_at_tags(tmp_path / "user", f"{server.url}/demo.git")
    server.refusal = (301, {"Location": "/new/demo.git/info/refs?service=git-upload-pack"}, b"")
    answer = looker.look()
    assert isinstance(answer, Failed)
    assert answer.reason == f"{server.url}/demo.git: moved to {server.url}/new/demo.git; change url"


@pytest.mark.parametrize("between", ["", "\n", "\t", "\n\t", "\r\n\t\t"], ids=repr)
def test_a_bot_wall_is_one_whatever_white_space_is_in_it(tmp_path: Path, server: GitHttp, between: str) -> None:
    """To git, a page of one line is an empty list, one with a tab a broken list, and any other no list at all."""
    looker = look_at_tags(tmp_path / "user", f"{server.url}/demo.git")
    cursor = looker.good().cursor
    server.page = WALL.format(between).encode()
    assert [outcome_of(looker.look(start)) for start in (None, cursor)] == [Outcome.BLOCKED] * 2
    server.page = PLAIN_PAGE.replace(b"\n", between.encode())
    assert [outcome_of(looker.look(start)) for start in (None, cursor)] == [Outcome.MISREAD] * 2


def test_an_answer_without_a_word_is_no_empty_repository(tmp_path: Path, server: GitHttp) -> None:
    """200 and nothing in it, by whatever name."""
    looker = look_at_tags(tmp_path / "user", f"{server.url}/demo.git")
    for media_type in ("application/x-git-upload-pack-advertisement", "text/plain", "text/html"):
        server.refusal = (200, {"Content-Type": media_type}, b"")
        assert outcome_of(looker.look()) in (Outcome.MISREAD, Outcome.ERROR)


def test_an_empty_repository_is_good(tmp_path: Path) -> None:
    """A project that begins has neither a tag nor a HEAD that leads anywhere, and its host says so."""
    make_repository(tmp_path / "served" / "young.git")
    with git_over_http(tmp_path / "served") as server, git_daemon(tmp_path / "served") as other:
        for url in (server.url, other):
            good = look_at_tags(tmp_path / "user", f"{url}/young.git").good()
            assert (good.evidence, good.head) == ((), None)


def test_a_host_is_left_alone_as_long_as_it_asks(tmp_path: Path, server: GitHttp) -> None:
    """A day of 429 with a Retry-After costs two requests; trouble with a Retry-After is left alone too."""
    demo = follow(tmp_path / "user", tags=[f"{server.url}/demo.git"])
    demo.poll(BEGIN)
    for status, outcome in ((429, Outcome.BLOCKED), (503, Outcome.ERROR)):
        server.refusal = (status, {"Retry-After": "86400"}, b"")
        server.requests.clear()
        outcomes = [demo.poll(BEGIN + HOUR + step * 15 * MINUTE).outcomes for step in range(13)]
        assert outcomes[0] == [outcome]
        assert set(map(tuple, outcomes[1:])) == {(Outcome.BLOCKED,)}
        assert len(server.requests) == 2, "git's own, and ours for what git does not tell"
        server.refusal = None
        demo.rctrack("status")
        assert demo.poll(BEGIN + 26 * HOUR).outcomes == [Outcome.GOOD]


def test_hosts_that_do_not_answer_are_told_apart_from_those_that_refuse(tmp_path: Path) -> None:
    """A name that leads nowhere and a cut line may be our own network's fault; a refusal is the machine's own."""
    with hanging_up() as url:
        assert outcome_of(look_at_tags(tmp_path / "a", f"{url}/demo.git").look()) is Outcome.NO_ANSWER
    with nobody_at_home() as url:
        assert outcome_of(look_at_tags(tmp_path / "b", f"{url}/demo.git").look()) is Outcome.REFUSED
        address = url.replace("http", "git")
        assert outcome_of(look_at_tags(tmp_path / "c", f"{address}/demo.git").look()) is Outcome.REFUSED
    for scheme in ("http", "git"):
        looker = look_at_tags(tmp_path / "d", f"{scheme}://nobody.invalid/demo.git")
        assert outcome_of(looker.look()) is Outcome.NO_ANSWER


def test_gits_own_protocol_says_what_is_not_there(tmp_path: Path) -> None:
    """By its own words, for there is no status."""
    make_repository(tmp_path / "served" / "demo.git")
    with git_daemon(tmp_path / "served") as url:
        answer = look_at_tags(tmp_path / "user", f"{url}/other.git").look()
    assert isinstance(answer, Failed)
    assert answer.outcome is Outcome.MISREAD
    assert "check url" in answer.reason


@pytest.mark.parametrize(
    ("words", "outcome", "what_to_do"),
    [
        ("git@git.example: Permission denied (publickey)", Outcome.MISREAD, "a key without a passphrase"),
        ("Host key verification failed", Outcome.MISREAD, "type `ssh HOST` once"),
        ("ERROR: Repository not found", Outcome.MISREAD, "check url"),
        ("ssh: connect to host git.example port 22: Connection refused", Outcome.REFUSED, ""),
        ("ssh: connect to host git.example port 22: Connection timed out", Outcome.NO_ANSWER, ""),
        ("ssh: Could not resolve hostname git.example: Name or service not known", Outcome.NO_ANSWER, ""),
        ("git: fatal: the remote end hung up unexpectedly", Outcome.ERROR, ""),
    ],
)
def test_what_ssh_says_is_understood(tmp_path: Path, words: str, outcome: Outcome, what_to_do: str) -> None:
    """With what to do where somebody can do something."""
    error = ProcessError(f"git: fatal: Could not read from remote repository: {words}")
    answer = failed(error, "git@git.example:kim/demo.git", tools(tmp_path))
    assert answer.outcome is outcome
    assert what_to_do in answer.reason
    assert in_words(error, "git@git.example:kim/demo.git") == answer.reason


def test_an_ssh_address_in_its_short_form_is_asked_by_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As people copy it from a forge; here a program in the place of ssh serves it."""
    make_repository(tmp_path / "demo.git").release("1.0")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "ssh").write_text(f'#!/bin/sh\nfor last; do :; done\ncd "{tmp_path}" && eval "$last"\n')
    (programs / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("GIT_SSH_VARIANT", "ssh")
    assert set(look_at_tags(tmp_path / "user", "git@git.example:demo.git").tags()) == {"v1.0"}


def test_the_users_own_rewriting_of_addresses_is_used_and_named(
    tmp_path: Path, server: GitHttp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """url.insteadOf: git asks there, for ranges too; where that fails, the reason says whose doing it is."""
    settings = tmp_path / "gitconfig"
    settings.write_text(f'[url "{server.url}/"]\n\tinsteadOf = https://git.example/\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    demo = follow(tmp_path / "user", tags=["https://git.example/demo.git"], history="cycle")
    server.requests.clear()
    make_repository(tmp_path / "served" / "demo.git").release("1.1-rc1", "1.1-rc2")
    assert demo.poll(BEGIN + 30 * 24 * HOUR).outcomes == [Outcome.GOOD]
    assert demo.release("1.1-rc2")["commits"] == 6
    settings.write_text(f'[url "{tmp_path}/served/"]\n\tinsteadOf = https://git.example/\n')
    answer = look_at_tags(tmp_path / "user", "https://git.example/demo.git").look()
    assert isinstance(answer, Failed)
    assert answer.outcome is Outcome.MISREAD
    assert f"your git makes {tmp_path}/served/demo.git of https://git.example/demo.git" in answer.reason


def test_a_host_of_files_alone_says_what_it_cannot_do(tmp_path: Path) -> None:
    """Dumb HTTP: tags and whole histories come, a part of one does not, and the reason says what to set."""
    repository = make_repository(tmp_path / "served" / "demo.git")
    repository.release("1.0", "1.1-rc1")
    git(repository.path, "update-server-info")
    with dumb_http(tmp_path / "served") as url:
        whole = follow(tmp_path / "whole", tags=[f"{url}/demo.git"])
        assert whole.poll(BEGIN + 30 * 24 * HOUR).outcomes == [Outcome.GOOD]
        assert whole.release("1.1-rc1")["commits"] == repository.count("v1.0", "v1.1-rc1")
        cycle = follow(tmp_path / "cycle", tags=[f"{url}/demo.git"], history="cycle")
        assert cycle.poll(BEGIN + 30 * 24 * HOUR).outcomes == [Outcome.GOOD]
        [row] = cycle.rows("SELECT reason FROM outcomes")
    assert 'set history = "all"' in row["reason"]

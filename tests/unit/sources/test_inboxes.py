"""Inboxes as they are found elsewhere: format 1, newer epochs only, hosts that hide what is not there, odd dates."""

import gzip
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from rctrack.core.evidence import MailEvidence
from rctrack.core.look import Outcome
from tests.support.archive_servers import Answer, Pages, in_front_of
from tests.support.looking import look_at_list, look_at_tags, outcome_of
from tests.support.material import BEGIN, DAY, HOUR, Mail, git, git_environment, make_epoch, make_repository
from tests.support.servers import git_daemon, git_over_http

Needs = Callable[[str], Path]
FIRST, SECOND, THIRD = (Mail(f"[ANNOUNCE] demo v1.{n}", at=BEGIN + n * HOUR) for n in (1, 2, 3))
TALK = Mail("Re: [ANNOUNCE] demo v1.1", "Sam <sam@example.org>", at=BEGIN + 4 * HOUR)


class OneTree:
    """A list archive of format 1, made by the real public-inbox."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.path, self.programs, self.folder = folder / "demo.git", programs, folder
        folder.mkdir(parents=True)
        self.run("public-inbox-init", "-V1", "demo", str(self.path), "http://127.0.0.1/demo", "demo@lists.example.org")
        git(self.path, "config", "-f", str(folder / "config"), "publicinboxmda.spamcheck", "none")

    def run(self, *argv: str, content: bytes = b"", **more: str) -> None:
        environment = {**git_environment(), "PI_CONFIG": str(self.folder / "config"), "HOME": str(self.folder), **more}
        argv = (str(self.programs / argv[0]), *argv[1:])
        done = subprocess.run(argv, input=content, env=environment, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()

    def add(self, *mails: Mail) -> None:
        for mail in mails:
            self.run("public-inbox-mda", content=mail.content(), ORIGINAL_RECIPIENT="demo@lists.example.org")

    def remove(self, mail: Mail) -> None:
        self.run("public-inbox-learn", "rm", content=mail.content())


@pytest.fixture
def one_tree(tmp_path: Path, needs: Needs) -> OneTree:
    return OneTree(tmp_path / "served", needs("public-inbox-init").parent)


class TestFormatOne:
    """One tree of all mails; git's own list is such an archive."""

    @pytest.mark.parametrize("where", ["path", "http", "git"])
    def test_its_mails_are_read_and_then_only_news(self, tmp_path: Path, one_tree: OneTree, where: str) -> None:
        """Each is the blob that its commit adds."""
        one_tree.add(FIRST, TALK, SECOND)
        with git_over_http(tmp_path / "served") as server, git_daemon(tmp_path / "served") as daemon:
            urls = {"path": str(one_tree.path), "http": f"{server.url}/demo.git", "git": f"{daemon}/demo.git"}
            looker = look_at_list(tmp_path / "user", urls[where])
            assert outcome_of(looker.probe()) is Outcome.GOOD
            first = looker.good()
            assert subjects(first.evidence) == [FIRST.subject, SECOND.subject]
            assert looker.good(first.cursor).evidence == ()
            one_tree.add(THIRD, TALK)
            assert subjects(looker.good(first.cursor).evidence) == [THIRD.subject]

    def test_it_tells_when_mail_came_as_epochs_do(self, tmp_path: Path, one_tree: OneTree) -> None:
        """Begin, newest and delivery; a mail that was stored when it came proves that the archive is alive."""
        one_tree.add(FIRST, TALK)
        make_epoch(tmp_path / "epoch").add(FIRST, TALK)
        old, new = (look_at_list(tmp_path / "user", place).good() for place in (one_tree.path, tmp_path / "epoch"))
        assert old.coverage == new.coverage
        assert old.coverage.newest_at == TALK.at
        assert [mail.archived for mail in mails_of(old.evidence)] == [mail.archived for mail in mails_of(new.evidence)]

    def test_a_mail_that_was_taken_away_is_brought_no_more_and_hides_no_other(
        self, tmp_path: Path, one_tree: OneTree
    ) -> None:
        """The commit that brought it still has it: what an archive has said stays said; the next one is found."""
        one_tree.add(FIRST, TALK)
        looker = look_at_list(tmp_path / "user", one_tree.path)
        first = looker.good()
        one_tree.remove(FIRST)
        second = looker.good(first.cursor)
        assert second.evidence == ()
        one_tree.add(SECOND)
        assert subjects(looker.good(second.cursor).evidence) == [SECOND.subject]

    def test_it_is_read_where_the_host_cannot_leave_files_out(self, tmp_path: Path, one_tree: OneTree) -> None:
        """As lore's software serves: to look at the newest commit alone would be to take all mails."""
        one_tree.add(FIRST, *(Mail(f"talk {n}", at=BEGIN, body=os.urandom(2**20).hex()) for n in range(5)))
        git(one_tree.path, "config", "uploadpack.allowFilter", "false")
        with git_over_http(tmp_path / "served") as server:
            looker = look_at_list(tmp_path / "user", f"{server.url}/demo.git")
            assert outcome_of(looker.probe()) is Outcome.GOOD
            assert subjects(looker.good().evidence) == [FIRST.subject]


def mails_of(evidence: Sequence[object]) -> list[MailEvidence]:
    return [each for each in evidence if isinstance(each, MailEvidence)]


def subjects(evidence: Sequence[object]) -> list[str]:
    """Of mails as they were written."""
    heads = [mail.content.decode().partition("\nSubject: ")[2] for mail in mails_of(evidence)]
    return [head.partition("\n")[0] for head in heads]


# --- Which epochs there are ------------------------------------------------------------------------


@contextmanager
def listed(folder: Path, absent: Answer = (404, "text/html", b"no"), *, manifest: bool = True) -> Iterator[Pages]:
    """The epochs folder/demo/N over HTTP, with the manifest that public-inbox makes, or without; what is not there."""
    place = folder / "demo"

    def answer(_: str, path: str) -> Answer | None:
        if path.endswith("/manifest.js.gz") and manifest:
            rows = {f"/demo/git/{epoch.name}.git": {"modified": 1} for epoch in place.iterdir()}
            return 200, "application/gzip", gzip.compress(json.dumps(rows).encode())
        name = path.removeprefix("/demo/").split("/", maxsplit=1)[0]
        return None if (place / name).is_dir() and name else absent

    with git_over_http(folder) as server, in_front_of(server.url) as pages:
        pages.broken = answer
        yield pages


def test_newer_epochs_alone_are_an_archive(tmp_path: Path) -> None:
    """A mirror that begins late says by its manifest which it has; at later looks it is not asked again."""
    for number, mail in ((5, FIRST), (6, SECOND)):
        make_epoch(tmp_path / "demo" / str(number)).add(mail)
    with listed(tmp_path) as pages:
        looker = look_at_list(tmp_path / "user", f"{pages.url}/demo")
        assert outcome_of(looker.probe()) is Outcome.GOOD
        first = looker.good()
        assert subjects(first.evidence) == [FIRST.subject, SECOND.subject]
        pages.asked.clear()
        make_epoch(tmp_path / "demo" / "7").add(THIRD)
        assert subjects(looker.good(first.cursor).evidence) == [THIRD.subject]
        assert not any("manifest" in asked for asked in pages.asked)


ABSENT = {
    "404": (404, "text/html", b"no"),
    "410": (410, "text/html", b"no"),
    "401, as a forge hides what is not there": (401, "text/html\nWWW-Authenticate: Basic realm=x", b"who?"),
    "302 to a page for logging in": (302, "text/html\nLocation: /login", b""),
    "301 to the host's first page": (301, "text/html\nLocation: /", b""),
    "200 with a page": (200, "text/html", b"<html><title>Nothing here</title></html>"),
}


@pytest.mark.parametrize("absent", ABSENT.values(), ids=list(ABSENT))
@pytest.mark.parametrize("layout", ["epochs", "one"])
def test_an_epoch_that_is_not_there_ends_the_list_however_the_host_says_so(
    tmp_path: Path, absent: Answer, layout: str
) -> None:
    """Whether it is the first one, for `url` is the repository itself, or the one behind the last."""
    path = tmp_path / "demo" / ("0" if layout == "epochs" else "list.git")
    epoch = make_epoch(path)
    epoch.add(FIRST)
    with listed(tmp_path, absent, manifest=False) as pages:
        looker = look_at_list(tmp_path / "user", f"{pages.url}/demo" + ("" if layout == "epochs" else "/list.git"))
        usual = pages.broken
        # The repository itself is there, and nothing below it.
        pages.broken = lambda method, path: absent if "/list.git/0/" in path else usual(method, path)
        assert outcome_of(looker.probe()) is Outcome.GOOD
        first = looker.good()
        assert subjects(first.evidence) == [FIRST.subject]
        epoch.add(SECOND)
        assert subjects(looker.good(first.cursor).evidence) == [SECOND.subject]


def test_a_new_epoch_is_found_and_the_last_mails_of_the_old_one_are_not_lost(tmp_path: Path) -> None:
    """They may have come between our look at the old one and at the new one: both are looked at once more."""
    old = make_epoch(tmp_path / "demo" / "0")
    old.add(FIRST)
    with listed(tmp_path) as pages:
        looker = look_at_list(tmp_path / "user", f"{pages.url}/demo")
        cursor = looker.good().cursor
        make_epoch(tmp_path / "demo" / "1").add(THIRD)
        second = looker.good(cursor)
        assert subjects(second.evidence) == [THIRD.subject]
        old.add(SECOND)
        assert subjects(looker.good(second.cursor).evidence) == [SECOND.subject]


def test_an_old_epoch_that_vanished_is_no_failure_and_the_newest_is_one(tmp_path: Path) -> None:
    """Hosts drop what is old; what is new is the list."""
    for number, mail in ((0, FIRST), (1, SECOND)):
        make_epoch(tmp_path / "demo" / str(number)).add(mail)
    with listed(tmp_path) as pages:
        looker = look_at_list(tmp_path / "user", f"{pages.url}/demo")
        cursor = looker.good().cursor
        (tmp_path / "demo" / "0").rename(tmp_path / "away-0")
        make_epoch(tmp_path / "demo" / "1").add(THIRD)
        third = looker.good(cursor)
        assert subjects(third.evidence) == [THIRD.subject]
        (tmp_path / "demo" / "1").rename(tmp_path / "away-1")
        assert outcome_of(looker.look(third.cursor)) is Outcome.MISREAD


# --- Odd dates -------------------------------------------------------------------------------------

ODD = [253402300800, 2**62, 2**64, 0]
"""Seconds: the year 10000, an age, more than git itself takes, and 1970."""


@pytest.mark.parametrize("seconds", ODD)
@pytest.mark.parametrize("which", ["author", "committer", "both"])
def test_an_odd_date_of_a_commit_costs_that_commit_alone(tmp_path: Path, seconds: int, which: str) -> None:
    """The mail is brought, without the date that no calendar has; what it tells of the archive is left out."""
    epoch = make_epoch(tmp_path / "list.git")
    epoch.add(FIRST)
    stamps = {
        name: seconds if which in (name, "both") else int(SECOND.at.timestamp()) for name in ("author", "committer")
    }
    blob = git(epoch.path, "hash-object", "-w", "--stdin", stdin=SECOND.content())
    tree = git(epoch.path, "mktree", stdin=f"100644 blob {blob}\tm\n".encode())
    people = "".join(f"{name} Kim <kim@example.org> {stamps[name]} +0000\n" for name in ("author", "committer"))
    commit = f"tree {tree}\nparent {epoch.head}\n{people}\n{SECOND.subject}\n"
    made = git(epoch.path, "hash-object", "--literally", "-t", "commit", "-w", "--stdin", stdin=commit.encode())
    git(epoch.path, "update-ref", "refs/heads/master", made)
    epoch.add(THIRD)
    answer = look_at_list(tmp_path / "user", tmp_path / "list.git").good()
    assert subjects(answer.evidence) == [FIRST.subject, SECOND.subject, THIRD.subject]
    assert answer.coverage.newest_at == THIRD.at
    archived = mails_of(answer.evidence)[1].archived
    assert archived is None or archived.at.year < 10_000


@pytest.mark.parametrize("history", ["all", "cycle"])
def test_an_odd_date_of_a_tag_costs_that_tag_alone(tmp_path: Path, history: str) -> None:
    """It is there, without a date."""
    repository = make_repository(tmp_path / "served" / "demo.git")
    repository.release("1.0")
    text = f"object {repository.commit_of('main')}\ntype commit\ntag v1.1\ntagger Kim <k@x> 253402300800 +0000\n\nx\n"
    tag = git(repository.path, "hash-object", "--literally", "-t", "tag", "-w", "--stdin", stdin=text.encode())
    git(repository.path, "update-ref", "refs/tags/v1.1", tag)
    with git_over_http(tmp_path / "served") as server:
        tags = look_at_tags(tmp_path / "user", f"{server.url}/demo.git", history).tags()
    assert set(tags) == {"v1.0", "v1.1"}
    assert tags["v1.1"].tagged is None
    assert timedelta(0) <= DAY
    assert history == "cycle" or isinstance(tags["v1.0"].tagged and tags["v1.0"].tagged.at, datetime)

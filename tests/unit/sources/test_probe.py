"""What `doctor` says of sources: by the beginning of the very look that polls, with what is wrong and what to do."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rctrack.config import ListConfig, ProjectConfig, TagsConfig
from rctrack.core.look import Outcome
from rctrack.sources import Answer, Failed, Good, probe_source
from tests.support import rendered
from tests.support.archive_servers import public_inbox, serve_folder
from tests.support.archives import open_archive
from tests.support.following import follow
from tests.support.looking import look_at_list, look_at_tags, outcome_of, tools
from tests.support.material import BEGIN, Mail, git, make_epoch, make_repository
from tests.support.rendered import CORPUS, RULES
from tests.support.servers import GitHttp, git_over_http
from tests.support.tag_servers import serve_cgit

Needs = Callable[[str], Path]
LIST = "archives/list/demo@lists.example.org"


def a_project(folder: Path) -> ProjectConfig:
    return follow(folder, tags=[folder]).config().projects[0]


def probe_list(folder: Path, kind: str, url: str | Path) -> Answer:
    return probe_source(ListConfig(kind, str(url), RULES), a_project(folder), tools(folder / "state"), BEGIN)


def probe_tags(folder: Path, kind: str, url: str | Path) -> Answer:
    config = TagsConfig(str(url), is_primary=True, kind=kind)
    return probe_source(config, a_project(folder), tools(folder / "state"), BEGIN)


def told(answer: Answer) -> str:
    """Why it is misread, and what to do."""
    assert isinstance(answer, Failed), answer
    assert answer.outcome is Outcome.MISREAD
    return answer.reason


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[str]:
    """One host with the same list as each kind of archive of pages."""
    rendered.render_pipermail(tmp_path / "www" / "pipermail", CORPUS)
    rendered.render_hypermail(tmp_path / "www" / "hypermail", CORPUS)
    rendered.render_hyperkitty(tmp_path / "www" / LIST, CORPUS)
    with serve_folder(tmp_path / "www") as host:
        yield host.url


NAMED = ("pipermail", "hypermail", "hyperkitty", "mhonarc", "public-inbox", "public-inbox-http")
SHOWN = [("pipermail", "pipermail"), ("hypermail", "hypermail"), ("hyperkitty", LIST)]


@pytest.mark.parametrize("named", NAMED)
@pytest.mark.parametrize(("kind", "path"), SHOWN)
def test_an_archive_is_good_under_its_own_kind_and_else_the_right_one_is_named(
    tmp_path: Path, pages: str, kind: str, path: str, named: str
) -> None:
    """Whoever took one for the other is told what to write."""
    answer = probe_list(tmp_path / "user", named, f"{pages}/{path}")
    looked = open_archive(tmp_path / "user" / "state", named, f"{pages}/{path}", RULES).look()
    if named == kind:
        assert answer == Good((), "")
        assert outcome_of(looked) is Outcome.GOOD
    else:
        assert told(answer).endswith(f'; it can be read with kind = "{kind}"')
        assert outcome_of(looked) is Outcome.MISREAD


def test_files_are_good_under_their_own_kind(tmp_path: Path) -> None:
    """A mailbox, a Maildir and an epoch; each taken for another is told apart."""
    rendered.write_mbox(tmp_path / "mbox", CORPUS)
    rendered.write_maildir(tmp_path / "maildir", CORPUS)
    make_epoch(tmp_path / "public-inbox").add(Mail("[ANNOUNCE] demo v1.0"))
    kinds = ("mbox", "maildir", "public-inbox")
    for kind in kinds:
        assert probe_list(tmp_path / "user", kind, tmp_path / kind) == Good((), "")
        for other in kinds:
            if other != kind:
                reason = told(probe_list(tmp_path / "user", other, tmp_path / kind))
                assert reason.endswith(f'it can be read with kind = "{kind}"')


def test_a_repository_behind_cgit_is_told_from_cgits_pages(tmp_path: Path) -> None:
    """git asks cgit's address and gets pages; the pages are asked of the repository's address."""
    make_repository(tmp_path / "served" / "demo.git").release("1.0")
    without_git = "enable-http-clone=0\n"
    with serve_cgit(tmp_path / "served", without_git) as pages, git_over_http(tmp_path / "served") as server:
        assert told(probe_tags(tmp_path / "user", "git", f"{pages.url}/demo.git")).endswith('kind = "cgit"')
        assert told(probe_tags(tmp_path / "user", "cgit", f"{server.url}/demo.git")).endswith('kind = "git"')


class TestSourcesThatAreNoInbox:
    """A repository of sources given as a list archive is no silent list."""

    @pytest.fixture
    def server(self, tmp_path: Path) -> Iterator[GitHttp]:
        repository = make_repository(tmp_path / "served" / "demo.git")
        blob = git(repository.path, "hash-object", "-w", "--stdin", stdin=b"all:\n")
        tree = git(repository.path, "mktree", stdin=f"100644 blob {blob}\tMakefile\n".encode())
        commit = git(repository.path, "commit-tree", tree, "-m", "[ANNOUNCE] demo v1.0")
        git(repository.path, "update-ref", "refs/heads/main", commit)
        with git_over_http(tmp_path / "served") as served:
            yield served

    @pytest.mark.parametrize("where", ["http", "path"])
    def test_it_is_misread_by_probe_and_look(self, tmp_path: Path, server: GitHttp, where: str) -> None:
        """With what it holds, and where it belongs."""
        url = f"{server.url}/demo.git" if where == "http" else tmp_path / "served" / "demo.git"
        looker = look_at_list(tmp_path / "user", url)
        for answer in (looker.probe(), looker.look()):
            assert isinstance(answer, Failed), answer
            assert answer.outcome is Outcome.MISREAD
            assert "'Makefile'" in answer.reason
            assert "[[tags]]" in answer.reason

    def test_it_is_not_copied_to_find_out(self, tmp_path: Path, server: GitHttp) -> None:
        """Its newest commit alone is asked for; who gave Linux's address waits for no gigabytes."""
        make_repository(tmp_path / "served" / "demo.git").commit(200)
        looker = look_at_list(tmp_path / "user", f"{server.url}/demo.git")
        assert outcome_of(looker.look()) is Outcome.MISREAD
        assert all(b"deepen 1" in fetch.sent for fetch in server.fetches)
        assert [file for file in looker.state.rglob("*") if file.is_file()] == []

    def test_a_repository_without_files_is_none_either(self, tmp_path: Path) -> None:
        """Commits of the empty tree are no mails that were taken away."""
        make_repository(tmp_path / "demo.git").commit(30, parents=())
        git(tmp_path / "demo.git", "symbolic-ref", "HEAD", "refs/heads/main")
        assert "no file" in told(look_at_list(tmp_path / "user", tmp_path / "demo.git").probe())

    def test_an_inbox_that_becomes_something_else_is_misread_from_then_on(self, tmp_path: Path) -> None:
        """Also by the look of somebody who has followed it."""
        epoch = make_epoch(tmp_path / "list.git")
        epoch.add(Mail("[ANNOUNCE] demo v1.0"))
        looker = look_at_list(tmp_path / "user", tmp_path / "list.git")
        cursor = looker.good().cursor
        blob = git(epoch.path, "hash-object", "-w", "--stdin", stdin=b"all:\n")
        tree = git(epoch.path, "mktree", stdin=f"100644 blob {blob}\tREADME\n".encode())
        git(epoch.path, "update-ref", "refs/heads/master", git(epoch.path, "commit-tree", tree, "-m", "x"))
        assert outcome_of(looker.look(cursor)) is Outcome.MISREAD


def test_what_was_taken_away_leaves_an_inbox(tmp_path: Path) -> None:
    """Its newest commit removes a mail, or is what a purge has left: nothing."""
    epoch = make_epoch(tmp_path / "list.git")
    epoch.add(Mail("[ANNOUNCE] demo v1.0"))
    epoch.remove(Mail("[ANNOUNCE] demo v1.0"))
    looker = look_at_list(tmp_path / "user", tmp_path / "list.git")
    assert outcome_of(looker.probe()) is Outcome.GOOD
    empty = git(epoch.path, "commit-tree", git(epoch.path, "mktree"), "-p", "master", "-m", "purged")
    git(epoch.path, "update-ref", "refs/heads/master", empty)
    assert outcome_of(looker.probe()) is Outcome.GOOD


@pytest.mark.parametrize("family", ["tags", "list"])
def test_a_folder_of_another_owner_is_not_read_and_the_reason_says_what_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, family: str
) -> None:
    """Git's own judgement (safe.directory) is not worked around; what it wants is typed, and then all is well."""
    settings = tmp_path / "gitconfig"
    settings.write_text("")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    if family == "tags":
        make_repository(tmp_path / "demo.git").release("1.0")
        looker = look_at_tags(tmp_path / "user", tmp_path / "demo.git")
    else:
        make_epoch(tmp_path / "demo.git").add(Mail("[ANNOUNCE] demo v1.0"))
        looker = look_at_list(tmp_path / "user", tmp_path / "demo.git")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    for answer in (looker.probe(), looker.look()):
        assert f"`git config --global --add safe.directory {tmp_path}/demo.git`" in told(answer)
    settings.write_text(f"[safe]\n\tdirectory = {tmp_path}/demo.git\n")
    assert outcome_of(looker.probe()) is outcome_of(looker.look()) is Outcome.GOOD


def test_an_inbox_that_is_served_is_good_either_way(tmp_path: Path, needs: Needs) -> None:
    """The real public-inbox, asked by search and by git."""
    with public_inbox(tmp_path / "archive", needs("public-inbox-httpd").parent, [CORPUS[0].content()]) as inbox:
        for kind in ("public-inbox", "public-inbox-http"):
            assert probe_list(tmp_path / "user", kind, inbox.url) == Good((), "")
            wrong = probe_list(tmp_path / "user", kind, inbox.url.replace("/demo", "/other"))
            assert outcome_of(wrong) is Outcome.MISREAD


def test_doctor_tells_every_family(tmp_path: Path) -> None:
    """What is well with its address, what is not with its reason, and the exit status of a poll that would not work."""
    make_repository(tmp_path / "demo.git").release("1.0")
    (tmp_path / "folder").mkdir()
    listing = '[[listings]]\nkind = "releases.json"\nurl = "http://no.invalid/releases.json"\n'
    demo = follow(tmp_path / "user", tags=[tmp_path / "demo.git"], lists=[tmp_path / "folder"], settings=listing)
    done = demo.rctrack("doctor")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert f"ok   demo tags: {tmp_path}/demo.git" in lines
    assert any(line.startswith(f"BAD  demo list: misread: {tmp_path}/folder: is neither") for line in lines)
    assert any(line.startswith("BAD  demo site: no answer: http://no.invalid/releases.json: ") for line in lines)
    assert not (tmp_path / "user" / "state").exists()

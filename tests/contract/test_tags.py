"""What every kind of tag source keeps to, each kind on the same repository and behind a real host where it has one."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rctrack.config import kinds
from rctrack.core.look import Outcome
from rctrack.sources import TAGS, Failed, Good
from tests.support.archive_servers import Pages, in_front_of, serve_answer
from tests.support.garbage import GARBAGE, HOSTILE
from tests.support.looking import Looker, look_at_tags, outcome_of
from tests.support.material import GitRepository, git, hidden, make_repository, references
from tests.support.servers import git_over_http, hanging_up, nobody_at_home
from tests.support.tag_servers import serve_cgit, serve_github


@dataclass(slots=True)
class Served:
    """A repository as one kind shows it."""

    url: str
    pages: Pages | None = None
    """The host, where there is one."""


Serve = Callable[[GitRepository], AbstractContextManager[Served]]


@contextmanager
def in_a_folder(repository: GitRepository) -> Iterator[Served]:
    yield Served(str(repository.path))


@contextmanager
def by_git(repository: GitRepository) -> Iterator[Served]:
    with git_over_http(repository.path.parent) as server, in_front_of(server.url) as pages:
        yield Served(f"{pages.url}/{repository.path.name}", pages)


@contextmanager
def by_cgit(repository: GitRepository) -> Iterator[Served]:
    with serve_cgit(repository.path.parent) as pages:
        yield Served(f"{pages.url}/{repository.path.name}", pages)


@contextmanager
def by_github(repository: GitRepository) -> Iterator[Served]:
    with serve_github(repository) as pages:
        yield Served(pages.url, pages)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of tag source."""

    name: str
    """As the table has it, and where there are several ways of it, behind a blank which one this is."""
    serve: Serve
    is_remote: bool = True
    has_head: bool = False
    """Whether the same answer tells what HEAD names."""


KINDS = (
    Kind("git in a folder", in_a_folder, is_remote=False, has_head=True),
    Kind("git over HTTP", by_git, has_head=True),
    Kind("cgit", by_cgit),
    Kind("github", by_github),
)


@dataclass(slots=True)
class Given:
    """A kind of tag source with a repository behind it, and how to open it."""

    kind: Kind
    served: Served
    repository: GitRepository
    folder: Path
    opened: int = field(default=0)

    def open(self, url: str = "") -> Looker:
        """Somebody who follows it, or the same kind at another address, and knows nothing yet."""
        self.opened += 1
        folder = self.folder / f"user-{self.opened}"
        return look_at_tags(folder, url or self.served.url, kind=self.kind.name.split()[0])


@pytest.fixture
def given(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Given]:
    kind: Kind = request.param
    repository = make_repository(tmp_path / "served" / "demo.git")
    git(repository.path, "symbolic-ref", "HEAD", "refs/heads/main")
    repository.release("1.0-rc1", "1.0")
    repository.light_tag("light")
    with ExitStack() as stack:
        yield Given(kind, stack.enter_context(kind.serve(repository)), repository, tmp_path)


EVERY_KIND = pytest.mark.parametrize("given", KINDS, indirect=True, ids=lambda kind: kind.name)
REMOTE = tuple(kind for kind in KINDS if kind.is_remote)
EVERY_HOST = pytest.mark.parametrize("given", REMOTE, indirect=True, ids=lambda kind: kind.name)


def test_every_kind_of_the_table_keeps_the_contract() -> None:
    """Whoever adds one adds it here; and what a project's file may name, there is."""
    assert {kind.name.split()[0] for kind in KINDS} == set(TAGS) == set(kinds.TAGS)


@EVERY_KIND
class TestEveryKind:
    """Whoever shows a repository, its tags are the same."""

    def test_tags_are_those_of_git(self, given: Given) -> None:
        """Names, objects and commits."""
        shown = {name: (tag.object_id, tag.commit) for name, tag in given.open().tags().items()}
        repository = given.repository
        names = git(repository.path, "tag").split()
        assert shown == {name: (repository.object_of(name), repository.commit_of(name)) for name in names}

    def test_the_next_look_brings_only_news(self, given: Given) -> None:
        """Nothing when nothing came; then all tags there are, the new one too."""
        looker = given.open()
        first = looker.good()
        assert first.is_whole
        assert looker.good(first.cursor).evidence == ()
        given.repository.tag("v1.1-rc1")
        second = looker.good(first.cursor)
        assert second.is_whole
        assert set(looker.tags(first.cursor)) == {"v1.0-rc1", "v1.0", "light", "v1.1-rc1"}
        assert looker.good(second.cursor).evidence == ()

    def test_head_is_told_where_the_same_answer_tells_it(self, given: Given) -> None:
        """A commit without a tag is no news, and moves HEAD: its host lives."""
        looker = given.open()
        first = looker.good()
        assert first.head == (given.repository.commit_of("main") if given.kind.has_head else None)
        given.repository.commit()
        second = looker.good(first.cursor)
        assert second.evidence == ()
        assert (second.head != first.head) == given.kind.has_head

    def test_a_probe_is_good_costs_little_and_keeps_nothing(self, given: Given) -> None:
        """By the beginning of the very look: a few questions, and the state folder is as it was."""
        looker, host = given.open(), given.served.pages
        probed = looker.probe()
        assert isinstance(probed, Good), probed
        assert probed.evidence == ()
        assert [file for file in looker.state.rglob("*") if file.is_file()] == []
        assert host is None or len(host.asked) <= 3


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_repository_without_a_tag_is_good(kind: Kind, tmp_path: Path) -> None:
    """A young project is no fault, by a look and by a probe; its first tag is found."""
    repository = make_repository(tmp_path / "served" / "demo.git")
    repository.commit(parents=())
    with kind.serve(repository) as served:
        looker = look_at_tags(tmp_path / "user", served.url, kind=kind.name.split()[0])
        assert outcome_of(looker.probe()) is Outcome.GOOD
        first = looker.good()
        assert first.evidence == ()
        repository.tag("v0.1")
        assert set(looker.tags(first.cursor)) == {"v0.1"}


@pytest.mark.parametrize(
    "given", [kind for kind in KINDS if kind.name != "github"], indirect=True, ids=lambda k: k.name
)
def test_empty_where_there_was_plenty_is_not_believed(given: Given) -> None:
    """A host that shows no tag any more has a problem. (What GitHub showed before, its cursor does not say.)"""
    looker = given.open()
    cursor = looker.good().cursor
    for name in references(given.repository.path):
        if name.startswith("refs/tags/"):
            git(given.repository.path, "update-ref", "-d", name)
    assert outcome_of(looker.look(cursor)) is Outcome.MISREAD


@EVERY_HOST
class TestEveryHost:
    """Hosts fail, and are not what they were."""

    def test_who_is_not_there_is_told_apart_from_who_does_not_let_us_in(self, given: Given) -> None:
        """By a first look, a later one and a probe: nobody listens, everybody is cut off, the name leads nowhere."""
        cursor = given.open().good().cursor
        with nobody_at_home() as refusing, hanging_up() as cut:
            places = [(refusing, Outcome.REFUSED), (cut, Outcome.NO_ANSWER), ("http://no.invalid", Outcome.NO_ANSWER)]
            for url, expected in places:
                looker = given.open(f"{url}/demo.git")
                answers = [looker.look(), looker.look(cursor), looker.probe()]
                assert [outcome_of(answer) for answer in answers] == [expected] * 3, answers

    def test_a_host_that_dies_half_way_loses_nothing(self, given: Given) -> None:
        """However many requests it answered before: no look brings a part, and the next whole one brings all."""
        looker, host = given.open(), given.served.pages
        assert host is not None
        cursor = looker.good().cursor
        whole, usual = len(host.asked), host.broken
        given.repository.tag("v1.1-rc1")
        for answered in range(min(whole, 4)):
            begin = len(host.asked)

            def cut(method: str, path: str, limit: int = begin + answered) -> tuple[int, str, bytes] | None:
                if len(host.asked) > limit:
                    raise ConnectionError
                return usual(method, path)

            host.broken = cut
            answer = looker.look(cursor)
            if len(host.asked) > begin + answered:
                assert isinstance(answer, Failed), answer
                assert answer.outcome.is_down
        host.broken = usual
        assert set(looker.tags(cursor)) == {"v1.0-rc1", "v1.0", "light", "v1.1-rc1"}

    def test_garbage_is_a_reason_and_never_no_tags(self, given: Given) -> None:
        """A first look, a later one and a probe: the right word, and why; the host is named, and its pause kept."""
        cursor = given.open().good().cursor
        for name, (page, expected) in GARBAGE.items():
            with serve_answer(*page) as host:
                looker = given.open(f"{host.url}/demo.git")
                for answer in (looker.look(), looker.look(cursor), looker.probe()):
                    assert isinstance(answer, Failed), (name, answer)
                    assert (answer.outcome, host.url in answer.reason) == (expected, True), (name, answer)
                    assert (answer.pause is not None) == ("Retry-After" in page[1])

    def test_whatever_a_host_sends_is_a_reason(self, given: Given) -> None:
        """No exception, and nothing that is taken for tags or for none."""
        for name, page in HOSTILE.items():
            with serve_answer(*page) as host:
                looker = given.open(f"{host.url}/demo.git")
                for answer in (looker.look(), looker.probe()):
                    assert isinstance(answer, Failed), (name, answer)
                    assert host.url in answer.reason
                    assert answer.reason.isprintable()

    def test_we_say_who_we_are(self, given: Given) -> None:
        """One name, with a contact, and never that of a browser."""
        host = given.served.pages
        assert host is not None
        given.open().good()
        assert all(agent.startswith("rctrack/") and "Mozilla" not in agent for agent in host.agents)


def test_a_repository_that_is_away_is_a_reason(tmp_path: Path) -> None:
    """A folder that is not mounted, one of something else, one that nobody of us may read."""
    repository = make_repository(tmp_path / "demo.git")
    repository.release("1.0")
    looker = look_at_tags(tmp_path / "user", repository.path)
    cursor = looker.good().cursor
    with hidden(repository.path):
        for answer in (looker.look(), looker.look(cursor), looker.probe()):
            assert outcome_of(answer) is Outcome.MISREAD
    (tmp_path / "folder").mkdir()
    other = look_at_tags(tmp_path / "other", tmp_path / "folder")
    for answer in (other.look(), other.probe()):
        assert isinstance(answer, Failed)
        assert (answer.outcome, str(tmp_path / "folder") in answer.reason) == (Outcome.MISREAD, True)

"""cgit as Debian ships it, in front of repositories made here: the same tags and dates as git, to the second."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rctrack.core.evidence import Instant
from rctrack.core.look import Outcome
from rctrack.sources import Failed
from rctrack.sources.kinds import cgit
from tests.support.archive_servers import Pages, serve_answer
from tests.support.following import follow
from tests.support.looking import Looker, look_at_tags, outcome_of
from tests.support.material import GitRepository, git, make_repository
from tests.support.servers import nobody_at_home
from tests.support.tag_servers import serve_cgit

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    made = make_repository(tmp_path / "scan" / "demo.git")
    made.release("1.0-rc1", "1.0-rc2", "1.0")
    made.tag("v1.1-rc1", zone="-0730", at=datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC))
    made.light_tag("light&odd/name")
    return made


@pytest.fixture(params=["", "snapshots=tar.gz\nlocal-time=1\nmax-stats=year\n"], ids=["plain", "with-snapshots"])
def host(tmp_path: Path, request: pytest.FixtureRequest, needs: object) -> Iterator[Pages]:
    """cgit behind a small bridge; with snapshots its list says nothing of commits, and shows its own zone."""
    with serve_cgit(tmp_path / "scan", request.param) as pages:
        yield pages


def look_at_cgit(folder: Path, url: str) -> Looker:
    """The repository behind cgit at this address."""
    return look_at_tags(folder, url, kind="cgit")


def test_cgit_shows_the_same_tags_and_dates_as_git(tmp_path: Path, host: Pages, repository: GitRepository) -> None:
    """Names, tag objects, commits, and instants to the second; the zone too unless the host shows its own."""
    by_git = look_at_tags(tmp_path / "git", repository.path).tags()
    by_cgit = look_at_cgit(tmp_path / "cgit", f"{host.url}/demo.git").tags()
    assert len(by_git) == 5
    assert by_cgit.keys() == by_git.keys()
    for name, tag in by_git.items():
        shown = by_cgit[name]
        assert (shown.object_id, shown.commit) == (tag.object_id, tag.commit), name
        assert shown.tagged is not None
        assert tag.tagged is not None
        assert shown.tagged.at == tag.tagged.at, name
    assert by_git["v1.1-rc1"].tagged == Instant(datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC), -timedelta(hours=7.5))


def test_odd_tags_are_what_git_says(tmp_path: Path, host: Pages, repository: GitRepository) -> None:
    """A tag of a tag, of a tree, of a blob; one that points to no commit has none."""
    tree = repository.object_of("main^{tree}")
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "advice.nestedTag=false")
    git(repository.path, *identity, "tag", "-a", "-m", "x", "nested", "v1.0")
    git(repository.path, *identity, "tag", "-a", "-m", "x", "tree", tree)
    git(repository.path, "tag", "bare-tree", tree)
    by_git = look_at_tags(tmp_path / "git", repository.path).tags()
    by_cgit = look_at_cgit(tmp_path / "cgit", f"{host.url}/demo.git").tags()
    assert {name: each.commit for name, each in by_cgit.items()} == {
        name: each.commit for name, each in by_git.items() if name in by_cgit
    }
    assert by_git.keys() - by_cgit.keys() <= {"bare-tree"}


def test_only_what_is_new_is_asked_for(tmp_path: Path, host: Pages, repository: GitRepository) -> None:
    """The list alone where nothing changed; one page more for one tag more."""
    looker = look_at_cgit(tmp_path / "cgit", f"{host.url}/demo.git")
    first = looker.good()
    host.asked.clear()
    same = looker.good(first.cursor)
    assert (same.evidence, len(host.asked)) == ((), 1)
    repository.commit()
    repository.tag("v1.1-rc2")
    host.asked.clear()
    second = looker.tags(first.cursor)
    assert len(host.asked) == 2
    assert second["v1.1-rc2"].commit == repository.commit_of("v1.1-rc2")
    assert len(second) == 6


def test_a_tag_that_moves_is_read_again(tmp_path: Path, host: Pages, repository: GitRepository) -> None:
    """Its line in the list is another one."""
    looker = look_at_cgit(tmp_path / "cgit", f"{host.url}/demo.git")
    before = looker.good()
    repository.commit()
    moved = repository.tag("v1.1-rc1")
    after = looker.tags(before.cursor)["v1.1-rc1"]
    assert (after.object_id, after.commit) == (moved, repository.commit_of("v1.1-rc1"))


def test_more_tags_than_can_be_read_one_by_one_are_a_failure(
    tmp_path: Path, host: Pages, repository: GitRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page for each would go on for ever; said, and nothing is asked for."""
    monkeypatch.setattr(cgit, "_MOST_TAGS", 4)
    outcome = look_at_cgit(tmp_path / "cgit", f"{host.url}/demo.git").look()
    assert isinstance(outcome, Failed)
    assert "more than 4 tags" in outcome.reason
    assert len(host.asked) == 1


def test_releases_by_cgit_alone_are_labelled_and_not_counted(
    tmp_path: Path, host: Pages, repository: GitRepository
) -> None:
    """show names cgit as the source; there is no count where nothing can count."""
    settings = f'[[tags]]\nkind = "cgit"\nurl = "{host.url}/demo.git"\n'
    demo = follow(tmp_path / "demo", settings=settings)
    assert demo.poll(NOW).outcomes == ["good"]
    row = demo.release("1.0")
    assert (row["commit"], row["commits"]) == (repository.commit_of("v1.0"), None)
    assert f"cgit {host.url}/demo.git" in demo.rctrack("show", "demo", "1.0").stdout


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b"<!doctype html><title>Just a moment...</title><script></script>", Outcome.BLOCKED),
        (403, b"<html>no</html>", Outcome.BLOCKED),
        (200, b"<html><body>Welcome to our new site</body></html>", Outcome.MISREAD),
        (200, b"<html>\xff\xfe<div id='cgit'", Outcome.MISREAD),
        (200, b"<html><div id='cgit'><div class='content'><div class='error'>No repositories</div>", Outcome.MISREAD),
        (500, b"<html>oops</html>", Outcome.ERROR),
    ],
)
def test_answers_are_told_apart(tmp_path: Path, status: int, body: bytes, expected: Outcome) -> None:
    """Neither is ever "no tags"."""
    with serve_answer(status, "text/html", body) as pages:
        assert outcome_of(look_at_cgit(tmp_path, pages.url).look()) is expected


def test_a_host_that_is_away_refuses(tmp_path: Path) -> None:
    """And its machine is there."""
    with nobody_at_home() as url:
        assert outcome_of(look_at_cgit(tmp_path, url).look()) is Outcome.REFUSED


def test_a_name_of_any_length_gives_a_reason_of_one_line(tmp_path: Path) -> None:
    """The page says how long a name is, and the address of its tag is made of that; why it failed is kept."""
    name = "v" + "1" * 100_000
    cells = f"<td><a href='x'>{name}</a></td><td><a href='y'>commit</a></td><td>K</td><td></td>"
    listed = f"<div id='cgit'><div class='content'><table class='list'><tr>{cells}</tr></table></div></div>"
    with serve_answer(200, "text/html", b"<html>no tag</html>") as pages:
        pages.broken = lambda _, path: (200, "text/html", listed.encode()) if path.endswith("/refs/tags/") else None
        outcome = look_at_cgit(tmp_path, pages.url).look()
    assert isinstance(outcome, Failed)
    assert len(outcome.reason) < 1000
    assert outcome.reason.startswith(pages.url)

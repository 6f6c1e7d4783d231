"""Tags of git repositories: on disk, over HTTP with and without filters, by git's own daemon; and their counts."""

import shutil
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from rctrack.core.evidence import Commit, ObjectId
from rctrack.core.look import Outcome
from rctrack.sources import Failed, Good, Range
from tests.support.looking import Looker, counts_of, look_at_tags, outcome_of
from tests.support.material import BEGIN, DAY, HOUR, GitRepository, git, make_repository, references
from tests.support.servers import (
    BOT_WALL,
    BOT_WALL_IN_ONE_LINE,
    GitHttp,
    git_daemon,
    git_over_http,
    nobody_at_home,
    web_page,
)

VERSIONS = ("1.0", "1.1-rc1", "1.1-rc2", "1.1")


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    """Four releases with merges between them, served with filters."""
    made = make_repository(tmp_path / "served" / "demo.git")
    made.release(*VERSIONS)
    return made


def a_range(repository: GitRepository, tag: str, base: str | None) -> Range:
    """What the pipeline asks to be counted."""
    return Range(
        tag,
        ObjectId(repository.object_of(f"refs/tags/{tag}")),
        Commit(repository.commit_of(tag)),
        Commit(repository.commit_of(base)) if base else None,
    )


def measured(looker: Looker, *ranges: Range) -> Good:
    """A measurement that succeeded."""
    assert looker.counting is not None
    outcome = looker.counting.measure(ranges)
    assert isinstance(outcome, Good), outcome
    return outcome


def expected(repository: GitRepository, *pairs: tuple[str, str]) -> dict[tuple[str, str], tuple[int, int]]:
    """What git counts between these tags."""
    return {
        (repository.commit_of(base), repository.commit_of(tag)): (
            repository.count(base, tag),
            repository.count(base, tag, "--no-merges"),
        )
        for base, tag in pairs
    }


@pytest.mark.parametrize("where", ["path", "file", "http", "git"])
def test_tags_and_counts_are_the_same_wherever_the_repository_is(
    tmp_path: Path, repository: GitRepository, where: str
) -> None:
    """Object, commit, date and counts as git has them; the whole history is followed."""
    with git_over_http(tmp_path / "served") as server, git_daemon(tmp_path / "served") as daemon:
        url = {
            "path": str(repository.path),
            "file": repository.path.as_uri(),
            "http": f"{server.url}/demo.git",
            "git": f"{daemon}/demo.git",
        }[where]
        looker = look_at_tags(tmp_path / "user", url)
        tags = looker.tags()
        counted = measured(looker, *(a_range(repository, f"v{b}", f"v{a}") for a, b in pairwise(VERSIONS)))
    assert set(tags) == {f"v{version}" for version in VERSIONS}
    for name, tag in tags.items():
        assert (tag.object_id, tag.commit) == (repository.object_of(f"refs/tags/{name}"), repository.commit_of(name))
        taggerdate = git(repository.path, "for-each-ref", "--format=%(taggerdate:unix)", f"refs/tags/{name}")
        assert tag.tagged is not None
        assert f"{tag.tagged.at.timestamp():.0f}" == taggerdate
    assert counts_of(counted) == expected(repository, *((f"v{a}", f"v{b}") for a, b in pairwise(VERSIONS)))


def test_every_kind_of_tag_is_read_for_what_it_is(tmp_path: Path, repository: GitRepository) -> None:
    """Annotated, lightweight, a tag of a tag, and tags that lead to no commit; with the offset they were written in."""
    repository.tag("v2.0", zone="-0730")
    when = repository.now
    commit = repository.commit()
    repository.light_tag("v2.1")
    repository.tag("v2.2", "v2.0")
    empty = git(repository.path, "hash-object", "-w", "-t", "tree", "--stdin")
    blob = git(repository.path, "hash-object", "-w", "--stdin", stdin=b"a key")
    repository.tag("tree", empty)
    repository.light_tag("light-tree", empty)
    repository.tag("key", blob)
    repository.tag("nested-tree", "tree")
    tags = look_at_tags(tmp_path / "user", repository.path).tags()
    assert tags["v2.0"].tagged is not None
    assert (tags["v2.0"].tagged.at, tags["v2.0"].tagged.offset) == (when, timedelta(hours=-7, minutes=-30))
    assert (tags["v2.1"].object_id, tags["v2.1"].commit) == (commit, commit)
    assert tags["v2.1"].tagged is not None
    assert tags["v2.2"].commit == repository.commit_of("v2.0")
    assert [tags[name].commit for name in ("tree", "light-tree", "key", "nested-tree")] == [None] * 4


def test_a_tag_that_is_too_big_to_be_read_leads_nowhere(tmp_path: Path, repository: GitRepository) -> None:
    """A megabyte; and the others are what they are."""
    commit = repository.commit_of("v1.1")
    content = f"object {commit}\ntype commit\ntag v2.0\ntagger K <k@example.org> 1772366400 +0000\n\n" + "x" * 2**20
    big = git(repository.path, "hash-object", "-t", "tag", "-w", "--stdin", stdin=content.encode())
    git(repository.path, "update-ref", "refs/tags/v2.0", big)
    tags = look_at_tags(tmp_path / "user", repository.path).tags()
    assert (tags["v2.0"].commit, tags["v2.0"].tagged) == (None, None)
    assert tags["v1.1"].commit == commit


def test_odd_tags_over_http_do_not_stop_the_others(tmp_path: Path, repository: GitRepository) -> None:
    """A clone of commits only lacks the trees that some tags name: they lead to no commit, and that is all."""
    empty = git(repository.path, "hash-object", "-w", "-t", "tree", "--stdin")
    blob = git(repository.path, "hash-object", "-w", "--stdin", stdin=b"a key")
    repository.tag("tree", empty)
    repository.light_tag("light-tree", empty)
    repository.tag("key", blob)
    repository.tag("v2.0", "v1.1")
    with git_over_http(tmp_path / "served") as server:
        tags = look_at_tags(tmp_path / "user", f"{server.url}/demo.git").tags()
    assert [tags[name].commit for name in ("tree", "light-tree", "key")] == [None] * 3
    assert tags["v2.0"].commit == repository.commit_of("v1.1")
    assert all(tags[f"v{version}"].tagged for version in VERSIONS)


@pytest.mark.parametrize("history", ["all", "cycle"])
def test_nothing_new_fetches_nothing(tmp_path: Path, repository: GitRepository, history: str) -> None:
    """One look at the refs is all that a host has to bear; a commit without a tag is no news, but it moves HEAD."""
    with git_over_http(tmp_path / "served") as server:
        looker = look_at_tags(tmp_path / "user", f"{server.url}/demo.git", history)
        first = looker.good()
        server.requests.clear()
        repository.commit()
        moved = looker.good(first.cursor)
        assert moved == Good((), first.cursor, head=repository.commit_of("main"))
        assert first.head not in (None, moved.head)
        assert server.fetches == []
        assert {each.protocol for each in server.requests} == {"version=2"}
        assert all("rctrack/" in each.user_agent for each in server.requests)


def test_a_new_tag_is_brought_with_its_commits_only(tmp_path: Path, repository: GitRepository) -> None:
    """The clone that is kept holds commits and tags; what is new comes by one fetch."""
    with git_over_http(tmp_path / "served") as server:
        looker = look_at_tags(tmp_path / "user", f"{server.url}/demo.git")
        cursor = looker.good().cursor
        repository.release("1.2-rc1")
        server.requests.clear()
        assert looker.tags(cursor)["v1.2-rc1"].commit == repository.commit_of("v1.2-rc1")
        assert len(server.fetches) == 1
        assert all(b"filter tree:0" in each.sent for each in server.fetches)
        counted = measured(looker, a_range(repository, "v1.2-rc1", "v1.1"))
    assert counts_of(counted) == expected(repository, ("v1.1", "v1.2-rc1"))
    [clone] = (tmp_path / "user" / "state" / "repositories").glob("*.git")
    kinds = git(clone, "cat-file", "--batch-all-objects", "--batch-check=%(objecttype)").split()
    assert set(kinds) == {"commit", "tag"}


def test_a_commit_graph_is_kept_with_the_history(tmp_path: Path, repository: GitRepository) -> None:
    """For all that counting walks over, and brought up to date with each fetch; not in a repository of the user's."""
    with git_over_http(tmp_path / "served") as server:
        looker = look_at_tags(tmp_path / "user", f"{server.url}/demo.git")
        cursor = looker.good().cursor
        [clone] = (tmp_path / "user" / "state" / "repositories").glob("*.git")
        graph = clone / "objects" / "info" / "commit-graph"
        first = graph.stat().st_size
        repository.release("1.2-rc1", commits=50)
        looker.good(cursor)
    assert graph.stat().st_size > first
    git(clone, "commit-graph", "verify")
    near = look_at_tags(tmp_path / "near", repository.path)
    near.good()
    measured(near, a_range(repository, "v1.1", "v1.0"))
    assert not list((repository.path / "objects" / "info").glob("commit-graph*"))


def test_a_moved_tag_and_a_deleted_one_are_followed(tmp_path: Path, repository: GitRepository) -> None:
    """The clone is made to look like the host again."""
    with git_over_http(tmp_path / "served") as server:
        looker = look_at_tags(tmp_path / "user", f"{server.url}/demo.git")
        cursor = looker.good().cursor
        repository.commit()
        moved = repository.tag("v1.1")
        git(repository.path, "tag", "--delete", "v1.0")
        tags = looker.tags(cursor)
    assert tags["v1.1"].object_id == moved
    assert tags["v1.1"].tagged is not None
    assert tags["v1.1"].tagged.at == repository.now
    assert "v1.0" not in tags


def test_empty_where_there_was_plenty_is_suspect(tmp_path: Path, repository: GitRepository) -> None:
    """A host that shows no tag any more has a problem; a young repository without tags has none."""
    make_repository(tmp_path / "served" / "young.git").commit(parents=())
    with git_over_http(tmp_path / "served") as server:
        looker = look_at_tags(tmp_path / "user", f"{server.url}/demo.git")
        cursor = looker.good().cursor
        for name in references(repository.path):
            if name.startswith("refs/tags/"):
                git(repository.path, "update-ref", "-d", name)
        assert isinstance(looker.look(cursor), Failed)
        young = look_at_tags(tmp_path / "other", f"{server.url}/young.git")
        assert young.good(young.good().cursor).evidence == ()


def cycle_over_http(tmp_path: Path, server: GitHttp) -> Looker:
    return look_at_tags(tmp_path / "user", f"{server.url}/demo.git", "cycle")


def test_without_history_only_names_are_read_at_first(tmp_path: Path, repository: GitRepository) -> None:
    """A big project's tags come from the list of refs alone: no object is fetched."""
    with git_over_http(tmp_path / "served") as server:
        tags = cycle_over_http(tmp_path, server).tags()
        assert server.fetches == []
    assert {name: tag.commit for name, tag in tags.items()} == {
        f"v{each}": repository.commit_of(f"v{each}") for each in VERSIONS
    }
    assert {tag.tagged for tag in tags.values()} == {None}


def test_a_range_is_fetched_alone_counted_exactly_and_dated(tmp_path: Path, repository: GitRepository) -> None:
    """What the range does not hold does not come over the wire; merges and the tag's date are exact."""
    repository.tag("v1.2-rc1", zone="+0200")
    repository.commit(2000)
    repository.release("1.2-rc2")
    with git_over_http(tmp_path / "served") as server:
        looker = cycle_over_http(tmp_path, server)
        outcome = measured(looker, a_range(repository, "v1.1-rc2", "v1.1-rc1"))
        assert sum(each.answered for each in server.fetches) < 4000
        assert all(b"filter tree:0" in each.sent for each in server.fetches)
        assert counts_of(outcome) == expected(repository, ("v1.1-rc1", "v1.1-rc2"))
        big = measured(looker, a_range(repository, "v1.2-rc2", "v1.2-rc1"))
        assert counts_of(big) == expected(repository, ("v1.2-rc1", "v1.2-rc2"))
    [tag] = [each for each in big.evidence if not hasattr(each, "base")]
    assert getattr(tag, "tagged").at == repository.now  # noqa: B009 - one of a union
    assert not (tmp_path / "user" / "state" / "repositories").exists()
    assert list((tmp_path / "user" / "state").iterdir()) == []


def test_ranges_across_branches_are_exact(tmp_path: Path, repository: GitRepository) -> None:
    """A base that is no ancestor, a lightweight tag, a nested one."""
    repository.commit(4, branch="stable", parents=(repository.commit_of("v1.0"),))
    repository.tag("v1.0.1", "stable")
    repository.light_tag("v1.2", "main")
    repository.tag("v1.3", "v1.1")
    pairs = [("v1.0", "v1.0.1"), ("v1.0.1", "v1.1"), ("v1.0.1", "v1.2"), ("v1.0.1", "v1.3")]
    with git_over_http(tmp_path / "served") as server:
        looker = cycle_over_http(tmp_path, server)
        outcome = measured(looker, *(a_range(repository, tag, base) for base, tag in pairs))
    assert counts_of(outcome) == expected(repository, *pairs)


def test_a_host_that_gives_nothing_is_asked_for_the_newest_three(tmp_path: Path, repository: GitRepository) -> None:
    """Those are waited for; then it is left alone until the next look, and the first reason is the outcome's."""
    wanted = [
        a_range(repository, "v1.0", None),
        *(a_range(repository, f"v{b}", f"v{a}") for a, b in pairwise(VERSIONS)),
    ]
    with git_over_http(tmp_path / "served") as server:
        server.gives_no_objects = True
        looker = cycle_over_http(tmp_path, server)
        assert looker.counting is not None
        outcome = looker.counting.measure(wanted)
        asked = [each.sent for each in server.fetches]
    assert isinstance(outcome, Failed)
    assert "503" in outcome.reason
    assert [one.tag for body in asked for one in wanted if f"want {one.object_id}".encode() in body] == [
        "v1.1",
        "v1.1-rc2",
        "v1.1-rc1",
    ]


def test_only_a_date_costs_one_commit(tmp_path: Path, repository: GitRepository) -> None:
    """A release without a previous one is dated, not counted."""
    with git_over_http(tmp_path / "served") as server:
        looker = cycle_over_http(tmp_path, server)
        outcome = measured(looker, a_range(repository, "v1.0", None))
        assert sum(each.answered for each in server.fetches) < 2000
    assert counts_of(outcome) == {}
    assert [getattr(each, "tagged", None) is not None for each in outcome.evidence] == [True]


@pytest.mark.parametrize("history", ["all", "cycle"])
def test_a_server_without_filters_costs_more_and_counts_the_same(tmp_path: Path, history: str) -> None:
    """Old hosts send the trees too; the numbers are exact all the same."""
    repository = make_repository(tmp_path / "served" / "demo.git", filters=False)
    repository.release(*VERSIONS)
    with git_over_http(tmp_path / "served") as server:
        looker = look_at_tags(tmp_path / "user", f"{server.url}/demo.git", history)
        looker.good()
        outcome = measured(looker, a_range(repository, "v1.1", "v1.1-rc2"), a_range(repository, "v1.1-rc2", "v1.1-rc1"))
    assert counts_of(outcome) == expected(repository, ("v1.1-rc2", "v1.1"), ("v1.1-rc1", "v1.1-rc2"))


@pytest.mark.parametrize("killed", ["before HEAD", "before config", "in the pack", "with locks"])
def test_a_clone_that_was_killed_half_way_is_taken_up_again(
    tmp_path: Path, repository: GitRepository, killed: str
) -> None:
    """Whatever a killed git left behind, the next look makes the clone whole."""
    with git_over_http(tmp_path / "served") as server:
        looker = look_at_tags(tmp_path / "user", f"{server.url}/demo.git")
        whole = looker.tags()
        [clone] = (tmp_path / "user" / "state" / "repositories").glob("*.git")
        refs = references(clone)
        if killed == "before HEAD":
            shutil.rmtree(clone / "objects")
            (clone / "HEAD").unlink()
        elif killed == "before config":
            shutil.rmtree(clone)
            (clone / "objects").mkdir(parents=True)
            (clone / "refs").mkdir()
            (clone / "HEAD").write_text("ref: refs/heads/main\n")
        elif killed == "in the pack":
            shutil.rmtree(clone / "objects" / "pack")
            (clone / "objects" / "pack").mkdir()
            (clone / "objects" / "pack" / "tmp_pack_abcdef").write_bytes(b"PACK half")
            (clone / "packed-refs").unlink(missing_ok=True)
            shutil.rmtree(clone / "refs" / "tags")
            shutil.rmtree(clone / "objects" / "info", ignore_errors=True)
        else:
            for lock in ("HEAD.lock", "config.lock", "packed-refs.lock", "shallow.lock", "refs/tags/v1.0.lock"):
                (clone / lock).parent.mkdir(parents=True, exist_ok=True)
                (clone / lock).touch()
            (clone / "objects" / "info").mkdir(exist_ok=True)
            (clone / "objects" / "info" / "commit-graph.lock").touch()
            repository.release("1.2-rc1")
        assert looker.tags().items() >= whole.items()
        assert references(clone).items() >= refs.items()
        assert len(counts_of(measured(looker, a_range(repository, "v1.1", "v1.0")))) == 1


def test_a_shallow_repository_is_not_counted_in(tmp_path: Path, repository: GitRepository) -> None:
    """A cut merge loses its parents and the count would be wrong: it is refused with the reason."""
    shallow = tmp_path / "shallow.git"
    git(shallow, "clone", "--quiet", "--bare", "--depth=3", repository.path.as_uri(), str(shallow))
    git(shallow, "fetch", "--quiet", "--depth=3", repository.path.as_uri(), "refs/tags/*:refs/tags/*")
    looker = look_at_tags(tmp_path / "user", shallow)
    assert set(looker.tags()) == {f"v{version}" for version in VERSIONS}
    assert looker.counting is not None
    outcome = looker.counting.measure([a_range(repository, "v1.1", "v1.0")])
    assert isinstance(outcome, Failed)
    assert "shallow" in outcome.reason


def test_a_range_that_is_not_there_hinders_no_other(tmp_path: Path, repository: GitRepository) -> None:
    """The host may have pruned what another one still names."""
    looker = look_at_tags(tmp_path / "user", repository.path)
    assert looker.counting is not None
    wanted = a_range(repository, "v1.1", "v1.0")
    outcome = looker.counting.measure([replace(wanted, base=Commit("1" * 40)), wanted])
    assert counts_of(outcome).keys() == {(wanted.base, wanted.commit)}


def test_many_pairs_and_few_are_counted_the_same(tmp_path: Path) -> None:
    """The one pass of a first fill and the single questions of a new tag agree with git."""
    repository = make_repository(tmp_path / "demo.git")
    versions = [f"1.{number}" for number in range(11)]
    repository.release(*versions, commits=2, every=HOUR)
    pairs = [(f"v{a}", f"v{b}") for a, b in pairwise(versions)]
    looker = look_at_tags(tmp_path / "user", repository.path)
    together = counts_of(measured(looker, *(a_range(repository, tag, base) for base, tag in pairs)))
    single = counts_of(measured(looker, *(a_range(repository, tag, base) for base, tag in pairs[-2:])))
    assert together == expected(repository, *pairs)
    assert single == {pair: together[pair] for pair in single}


def test_a_work_tree_and_an_empty_repository_are_repositories(tmp_path: Path, repository: GitRepository) -> None:
    """A user's own clone serves; a repository without any tag is good and has none."""
    work = tmp_path / "work"
    git(work / ".git", "clone", "--quiet", str(repository.path), str(work))
    assert set(look_at_tags(tmp_path / "user", work).tags()) == {f"v{version}" for version in VERSIONS}
    make_repository(tmp_path / "empty.git")
    assert look_at_tags(tmp_path / "user", tmp_path / "empty.git").good().evidence == ()


@pytest.mark.parametrize("what", ["nothing", "a folder", "a file"])
def test_what_is_no_repository_fails_with_the_reason(tmp_path: Path, what: str) -> None:
    """The reason names the place, and no host is accused."""
    place = tmp_path / "place"
    if what == "a folder":
        place.mkdir()
    elif what == "a file":
        place.write_text("no repository\n")
    outcome = look_at_tags(tmp_path / "user", place).look()
    assert isinstance(outcome, Failed)
    assert str(place) in outcome.reason
    assert outcome.outcome is Outcome.MISREAD


@pytest.mark.parametrize("history", ["all", "cycle"])
def test_hosts_that_are_away_or_in_the_way_are_told_apart(
    tmp_path: Path, repository: GitRepository, history: str
) -> None:
    """Nobody there, no such repository, and a page in front of it are three things."""
    with nobody_at_home() as url:
        assert outcome_of(look_at_tags(tmp_path / "user", f"{url}/demo.git", history).look()) is Outcome.REFUSED
    with git_over_http(tmp_path / "served") as server:
        assert outcome_of(look_at_tags(tmp_path / "user", f"{server.url}/other.git", history).look()) is Outcome.MISREAD
    for page in (BOT_WALL, BOT_WALL_IN_ONE_LINE):
        with web_page(page) as url:
            assert outcome_of(look_at_tags(tmp_path / "user", f"{url}/demo.git", history).look()) is Outcome.BLOCKED


def test_a_range_from_a_host_that_went_away_is_a_failure_not_an_exception(
    tmp_path: Path, repository: GitRepository
) -> None:
    """The tag is news all the same; its count waits for the next look."""
    with git_over_http(tmp_path / "served") as server:
        looker = cycle_over_http(tmp_path, server)
        wanted = a_range(repository, "v1.1", "v1.1-rc2")
    assert looker.counting is not None
    assert isinstance(looker.counting.measure([wanted]), Failed)
    assert repository.now - BEGIN > DAY

"""Counts are what git itself counts: on real histories, on odd ones, whole or one range at a time."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from dulwich.object_format import SHA1
from dulwich.objects import Commit as DulwichCommit
from dulwich.pack import PackData, PackInflater
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rctrack.config import ProjectConfig, TagsConfig
from rctrack.core.evidence import Commit, CountEvidence, ObjectId, ProjectId, TagEvidence
from rctrack.core.rules import ProjectRules
from rctrack.core.version import FeatureParts, all_previous, parse_version
from rctrack.process import ProcessError, Runner
from rctrack.sources import Good, Range, Tools
from rctrack.sources.gitstore.counting import Counted, count_pairs
from rctrack.sources.gitstore.fetch_pack import fetch
from rctrack.sources.gitstore.git_range import count_range, fetch_range
from rctrack.sources.gitstore.objects import CommitObject, parse_commit, read_tags
from rctrack.sources.gitstore.repository import Repository
from rctrack.sources.kinds import git_tags
from rctrack.sources.kinds.git_tags import GitTags
from rctrack.web import Web
from tests.support.material import BEGIN, GitRepository, git, make_repository, unpack
from tests.support.servers import git_daemon, git_over_http

Pair = tuple[str, str]


def tools(folder: Path) -> Tools:
    """What a source may use; its state is in the folder."""
    return Tools(Runner(), folder / "state", "rctrack/test", lambda *_: None, Web("rctrack/test"))


def one_pass(path: Path, pairs: Sequence[Pair], folder: Path) -> list[Counted]:
    """All pairs at once, authors too."""
    listing = ("rev-list", "--topo-order", "--no-commit-header", "--format=%H %P%x00%an", "--stdin")
    tips = "\n".join({each for pair in pairs for each in pair}).encode()
    return count_pairs(Repository(path, tools(folder)).lines(*listing, stdin=tips), pairs)


def by_git(path: Path, pair: Pair) -> tuple[int, int]:
    """Commits and those without merges, by `git rev-list --count`."""
    revisions = f"{pair[0]}..{pair[1]}"
    return (
        int(git(path, "rev-list", "--count", revisions)),
        int(git(path, "rev-list", "--count", "--no-merges", revisions)),
    )


def by_sets(path: Path, pair: Pair) -> tuple[int, int]:
    """The same from what git lists for each end alone.

    Where dates go back and forth `git rev-list base..commit` has commits too many, in one of two hundred pairs.
    """
    base, commit = (set(git(path, "rev-list", each).split()) for each in pair)
    plain = set(git(path, "rev-list", "--no-merges", pair[1]).split())
    return len(commit - base), len(plain - base)


def authors_by_git(path: Path, revisions: str) -> set[str]:
    """Who wrote something there that is no merge."""
    lines = ("rev-list", "--no-merges", "--no-commit-header", "--format=by %an", revisions)
    return set(git(path, *lines).splitlines())


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[tuple[int, ...], int]]:
    """Up to 24 commits, each with its parents among those before and its author: roots, merges, octopuses, crosses."""
    commits = []
    for i in range(draw(st.integers(2, 24))):
        parents = st.lists(st.integers(max(0, i - 6), i - 1), max_size=4, unique=True) if i else st.just([])
        commits.append((tuple(draw(parents)), draw(st.integers(0, 4))))
    return commits


def build(path: Path, history: list[tuple[tuple[int, ...], int]], *, steady: bool = False) -> list[str]:
    """The history as a real repository; the ids of its commits in order. Dates go back and forth unless `steady`."""
    make_repository(path)
    lines = []
    for i, (parents, author) in enumerate(history):
        person = f"Author {author} <a{author}@example.org> {1_700_000_000 + (i if steady else i * 7919 % 50)} +0000"
        lines += [f"reset refs/heads/c{i}", f"commit refs/heads/c{i}", f"mark :{i + 1}"]
        lines += [f"author {person}", f"committer {person}", "data 0"]
        lines += [f"{'from' if n == 0 else 'merge'} :{parent + 1}" for n, parent in enumerate(parents)]
        lines.append("")
    git(path, "fast-import", "--quiet", "--force", stdin="\n".join(lines).encode())
    found = dict(
        line.split() for line in git(path, "for-each-ref", "--format=%(refname:short) %(objectname)").splitlines()
    )
    git(path, "config", "uploadpack.allowAnySHA1InWant", "true")
    return [found[f"c{i}"] for i in range(len(history))]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories(), chosen=st.data())
def test_any_history_is_counted_as_git_counts_it(
    history: list[tuple[tuple[int, ...], int]], chosen: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Criss-cross and octopus merges, several roots, pairs that are no ancestors: commits, merges and authors."""
    folder = tmp_path_factory.mktemp("history")
    ids = build(folder / "odd.git", history)
    pair = st.tuples(st.sampled_from(ids), st.sampled_from(ids))
    pairs = chosen.draw(st.lists(pair, min_size=1, max_size=3))
    for (base, commit), counted in zip(pairs, one_pass(folder / "odd.git", pairs, folder), strict=True):
        assert (counted.commits, counted.commits - counted.merges) == by_sets(folder / "odd.git", (base, commit))


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories(), chosen=st.data())
def test_any_steady_history_is_counted_as_rev_list_counts_it(
    history: list[tuple[tuple[int, ...], int]], chosen: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The same against `git rev-list --count`, and authors and newcomers too."""
    folder = tmp_path_factory.mktemp("history")
    ids = build(folder / "odd.git", history, steady=True)
    pair = st.tuples(st.sampled_from(ids), st.sampled_from(ids))
    pairs = chosen.draw(st.lists(pair, min_size=1, max_size=3))
    for (base, commit), counted in zip(pairs, one_pass(folder / "odd.git", pairs, folder), strict=True):
        here = authors_by_git(folder / "odd.git", f"{base}..{commit}")
        before = authors_by_git(folder / "odd.git", base)
        assert (counted.commits, counted.commits - counted.merges) == by_git(folder / "odd.git", (base, commit))
        assert counted.authors == len(here)
        assert counted.first_time_authors == len(here - before)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories(), chosen=st.data())
def test_any_range_alone_is_counted_as_git_counts_it(
    history: list[tuple[tuple[int, ...], int]], chosen: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The same histories, one fetch per range: also where the two have nothing in common, or one contains the other."""
    folder = tmp_path_factory.mktemp("history")
    path = folder / "odd.git"
    ids = build(path, history, steady=True)
    git(path, "config", "uploadpack.allowFilter", "true")
    for number, commit in enumerate(ids):
        git(path, "update-ref", f"refs/tags/c{number}", commit)
    numbers = st.integers(0, len(ids) - 1)
    pairs = chosen.draw(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=2))
    with git_daemon(folder) as url:
        for base, tag in pairs:
            wanted = Range(f"c{tag}", ObjectId(ids[tag]), Commit(ids[tag]), Commit(ids[base]))
            found = list(fetch_range(f"{url}/odd.git", wanted, tools(folder)))
            [count] = [each for each in found if isinstance(each, CountEvidence)]
            assert (count.commits, count.commits_no_merges) == by_git(path, (ids[base], ids[tag]))
            assert count.authors == len(authors_by_git(path, f"{ids[base]}..{ids[tag]}"))


@pytest.fixture
def odd(tmp_path: Path) -> GitRepository:
    """Releases over criss-cross and octopus merges, a second root, and a release that its follower does not contain."""
    made = make_repository(tmp_path / "odd.git")
    made.release("1.0")
    made.commit(3, branch="fixes", parents=(made.commit_of("v1.0"),))
    made.tag("v1.0.1", "fixes")
    left = made.commit(2, branch="left", parents=(made.commit_of("main"),))
    right = made.commit(2, branch="right", parents=(made.commit_of("main"),))
    made.commit(branch="left", parents=(left, right))
    made.commit(branch="right", parents=(right, left))
    third = made.commit(2, branch="third", parents=())
    made.commit(branch="main", parents=(made.commit_of("main"), made.commit_of("left"), made.commit_of("right"), third))
    made.commit(3)
    made.tag("v1.1-rc1")
    made.light_tag("v1.1-rc2", made.commit(2))
    return made


ODD_PAIRS = (("v1.0", "v1.1-rc1"), ("v1.0.1", "v1.1-rc1"), ("v1.1-rc1", "v1.1-rc2"), ("v1.0", "v1.0.1"))


def ranges_of(path: Path, pairs: Sequence[Pair] = ODD_PAIRS) -> Iterator[Range]:
    """As a server advertises them: a tag of a tag, like util-linux's v2.13.1-rc1, is peeled to its commit."""
    ids: dict[str, tuple[str, str]] = {}
    for line in git(path, "show-ref", "--tags", "--dereference").splitlines():
        object_id, _, name = line.partition(" refs/tags/")
        tag = name.removesuffix("^{}")
        ids[tag] = (ids[tag][0] if name != tag else object_id, object_id)
    for base, tag in pairs:
        yield Range(tag, ObjectId(ids[tag][0]), Commit(ids[tag][1]), Commit(ids[base][1]))


def counts_of(found: Sequence[object]) -> list[tuple[int, int]]:
    return [(each.commits, each.commits_no_merges) for each in found if isinstance(each, CountEvidence)]


@pytest.mark.parametrize("filters", [True, False], ids=["filters", "no filters"])
@pytest.mark.parametrize("protocol", ["http", "git"])
def test_a_range_alone_is_counted_as_the_whole(
    odd: GitRepository, protocol: str, filters: bool, tmp_path: Path
) -> None:
    """One fetch per range, over HTTP and git's own protocol, also where the server cannot leave files out."""
    git(odd.path, "config", "uploadpack.allowFilter", "true" if filters else "false")
    expected = [by_git(odd.path, pair) for pair in ODD_PAIRS]
    assert [
        (each.commits, each.commits - each.merges)
        for each in one_pass(odd.path, resolved(odd.path, ODD_PAIRS), tmp_path)
    ] == expected
    if protocol == "git":
        with git_daemon(tmp_path) as url:
            found = [
                each for one in ranges_of(odd.path) for each in fetch_range(f"{url}/odd.git", one, tools(tmp_path))
            ]
    else:
        with git_over_http(tmp_path) as server:
            found = [
                each
                for one in ranges_of(odd.path)
                for each in fetch_range(f"{server.url}/odd.git", one, tools(tmp_path))
            ]
            assert all(b"filter tree:0" in each.sent for each in server.fetches) == filters
    assert counts_of(found) == expected


def test_a_release_inside_the_one_before_has_no_commits(odd: GitRepository, tmp_path: Path) -> None:
    """As util-linux's v2.12, which v2.12pre contains: nothing is sent, and yet its tag has a commit and a date."""
    odd.light_tag("v1.2-rc1", "v1.1-rc2")
    odd.light_tag("v1.2-rc2", f"{odd.commit_of('v1.1-rc2')}^")
    odd.tag("v1.2-rc3", "v1.0")
    pairs = [("v1.1-rc2", "v1.2-rc1"), ("v1.1-rc2", "v1.2-rc2"), ("v1.1-rc2", "v1.2-rc3")]
    with git_over_http(tmp_path) as server:
        url = f"{server.url}/odd.git"
        found = [each for one in ranges_of(odd.path, pairs) for each in fetch_range(url, one, tools(tmp_path))]
    assert counts_of(found) == [by_git(odd.path, pair) for pair in pairs] == [(0, 0)] * 3
    objects = {tag: odd.object_of(tag) for _, tag in pairs}
    assert [each for each in found if isinstance(each, TagEvidence)] == read_tags(
        Repository(odd.path, tools(tmp_path)), objects
    )


def test_a_release_that_has_nothing_in_common_with_the_one_before_is_whole(odd: GitRepository, tmp_path: Path) -> None:
    """A project that began again: the server sends all, and is asked whether it has the release before at all."""
    odd.commit(4, branch="again", parents=())
    odd.tag("v2.0-rc1", "again")
    [wanted] = ranges_of(odd.path, [("v1.1-rc2", "v2.0-rc1")])
    with git_over_http(tmp_path) as server:
        found = list(fetch_range(f"{server.url}/odd.git", wanted, tools(tmp_path)))
    assert counts_of(found) == [by_git(odd.path, ("v1.1-rc2", "v2.0-rc1"))] == [(4, 4)]


def test_a_base_that_is_not_shown_is_asked_for_first(odd: GitRepository, tmp_path: Path) -> None:
    """So that a server without it is not made to send its whole history."""
    odd.commit(2000)
    odd.tag("v1.1-rc3")
    [wanted] = ranges_of(odd.path, [("v1.1-rc2", "v1.1-rc3")])
    unknown = Commit(make_repository(tmp_path / "stranger" / "s.git").commit(1, parents=()))
    with git_over_http(tmp_path) as server:
        url = f"{server.url}/odd.git"
        found = list(fetch_range(url, replace(wanted, is_base_shown=False), tools(tmp_path)))
        server.requests.clear()
        with pytest.raises(ProcessError, match="does not have the release before"):
            list(fetch_range(url, replace(wanted, base=unknown, is_base_shown=False), tools(tmp_path)))
        assert sum(each.answered for each in server.requests) < 4000
    assert counts_of(found) == [by_git(odd.path, ("v1.1-rc2", "v1.1-rc3"))]


def test_an_author_is_the_same_in_every_spelling_of_a_commit(tmp_path: Path) -> None:
    """In another encoding, or without a name: both ways tell authors apart as git prints them."""
    made = make_repository(tmp_path / "odd.git")
    made.release("1.0")
    stream = []
    names = ["René".encode(), "René".encode("latin-1"), b"", b"A"]
    for number, name in enumerate(names):
        who = b"%s <a@example.org> 17000000%02d +0000" % (name, number)
        who = who if name else who.lstrip()
        stream += [b"commit refs/heads/main", b"author " + who, b"committer K <k@example.org> 1700000000 +0000"]
        stream += [b"encoding ISO-8859-1"] if number == 1 else []
        stream += [b"data 0", *([b"from refs/heads/main^0"] if number == 0 else [])]
    git(made.path, "fast-import", "--quiet", "--force", stdin=b"\n".join([*stream, b""]))
    made.tag("v1.1-rc1")
    expected = len(authors_by_git(made.path, "v1.0..v1.1-rc1"))
    [counted] = one_pass(made.path, resolved(made.path, [("v1.0", "v1.1-rc1")]), tmp_path)
    with git_over_http(tmp_path) as server:
        [wanted] = ranges_of(made.path, [("v1.0", "v1.1-rc1")])
        found = list(fetch_range(f"{server.url}/odd.git", wanted, tools(tmp_path)))
    assert [each.authors for each in found if isinstance(each, CountEvidence)] == [counted.authors] == [expected] == [3]


def test_many_releases_are_counted_some_at_a_time(
    odd: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit carries two bits for every pair of its pass: a hundred thousand tags would be gigabytes at once."""
    source = GitTags(TagsConfig(str(odd.path), is_primary=True), project(str(odd.path)), tools(tmp_path))
    at_once = source.measure(list(ranges_of(odd.path)))
    monkeypatch.setattr(git_tags, "_MOST_PAIRS", 1)
    one_by_one = source.measure(list(ranges_of(odd.path)))
    assert at_once == one_by_one
    assert isinstance(at_once, Good)
    assert counts_of(at_once.evidence) == [by_git(odd.path, pair) for pair in ODD_PAIRS]


def test_a_server_without_protocol_v2_is_asked_the_old_way(odd: GitRepository, tmp_path: Path) -> None:
    """The same counts from a server of before 2018, which says no word of version 2."""
    with git_over_http(tmp_path, protocol_v2=False) as server:
        url = f"{server.url}/odd.git"
        found = [each for one in ranges_of(odd.path) for each in fetch_range(url, one, tools(tmp_path))]
        whole = GitTags(TagsConfig(url, is_primary=True), project(url), tools(tmp_path))
        assert isinstance(whole.look(None, date(2026, 1, 1), BEGIN), Good)
        measured = whole.measure(list(ranges_of(odd.path)))
    assert isinstance(measured, Good)
    assert counts_of(found) == counts_of(measured.evidence) == [by_git(odd.path, pair) for pair in ODD_PAIRS]


def test_a_base_that_the_server_lacks_is_not_counted_from_the_beginning(odd: GitRepository, tmp_path: Path) -> None:
    """A server sends everything then and says nothing; such a count would be far too large."""
    stranger = make_repository(tmp_path / "stranger" / "s.git")
    unknown = stranger.commit(1, parents=())
    [first, *_] = ranges_of(odd.path)
    with git_over_http(tmp_path) as server, pytest.raises(Exception, match="does not have the release before"):
        list(
            fetch_range(
                f"{server.url}/odd.git",
                Range(first.tag, first.object_id, first.commit, Commit(unknown)),
                tools(tmp_path),
            )
        )


def project(url: str, *, history: bool = True) -> ProjectConfig:
    """A project of this one remote."""
    parts = FeatureParts((((), 2),))
    rules = ProjectRules("dotted", parts, ("v{version}",), None, frozenset())
    return ProjectConfig(ProjectId("demo"), "Demo", rules, history, False, (TagsConfig(url, True),), (), "demo.toml")


def consecutive(path: Path, parts: FeatureParts) -> list[tuple[str, str]]:
    """The tags of every release and of the one that it follows."""
    names = [name for name in git(path, "tag").splitlines() if name.startswith("v")]
    versions = {version: name for name in names if (version := parse_version("dotted", name)) is not None}
    follows = all_previous(versions, parts)
    return [(versions[before], versions[each]) for each, before in follows.items() if before is not None]


GIT_PARTS = FeatureParts((((), 3), ((2,), 2)))
REAL = {"util-linux": FeatureParts((((), 2),)), "git": GIT_PARTS}


@pytest.fixture(scope="session", params=sorted(REAL))
def real(
    request: pytest.FixtureRequest, shared: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[Pair]]:
    """A real history, unpacked, and its consecutive releases."""
    folder = tmp_path_factory.mktemp("real")
    name = str(request.param)
    path = unpack(shared / "data", name, folder)
    git(path, "config", "uploadpack.allowFilter", "true")
    git(path, "commit-graph", "write", "--reachable")
    return path, consecutive(path, REAL[name])


@pytest.mark.shared
def test_every_release_of_a_real_history_is_counted_as_git_counts_it(
    real: tuple[Path, list[Pair]], tmp_path: Path
) -> None:
    """util-linux and git, whole: every release against `git rev-list --count`, with and without merges."""
    path, pairs = real
    assert len(pairs) > 100
    resolved_pairs = resolved(path, pairs)
    found = one_pass(path, resolved_pairs, tmp_path)
    with ThreadPoolExecutor(4) as pool:
        expected = list(pool.map(lambda pair: by_git(path, pair), resolved_pairs))
    assert [(each.commits, each.commits - each.merges) for each in found] == expected


@pytest.mark.shared
def test_every_release_fetched_alone_gives_the_same_numbers(real: tuple[Path, list[Pair]], tmp_path: Path) -> None:
    """The pack of each single range of util-linux and git, over a socket, against the one pass: authors too.

    Fetched and read in this process: one of ours for each of more than a thousand releases would take an hour.
    """
    path, pairs = real
    whole = one_pass(path, resolved(path, pairs), tmp_path)
    with git_daemon(path.parent) as url, ThreadPoolExecutor(4) as pool:
        alone = pool.map(lambda one: counted_alone(f"{url}/{path.name}", one), ranges_of(path, pairs))
        for pair, got, counted in zip(pairs, alone, whole, strict=True):
            assert got == (counted.commits, counted.merges, counted.authors), pair


def counted_alone(url: str, one: Range) -> tuple[int, int, int | None]:
    """Commits, merges and authors, from nothing but what the server sends for that range."""
    tag = TagEvidence(one.tag, one.object_id, one.commit, None)
    count = count_range(commits_of_pack(url, one), str(one.base), tag)
    return count.commits, count.commits - count.commits_no_merges, count.authors


def commits_of_pack(url: str, one: Range) -> list[CommitObject]:
    """The commits that a server sends for a range."""
    received = BytesIO()
    fetch("rctrack/test", url, one.tag, one.object_id, one.base, received.write)
    size = received.tell()
    received.seek(0)
    with closing(PackData.from_file(received, SHA1, size)) as pack:
        pack.check()
        commits = [each for each in PackInflater.for_pack_data(pack) if isinstance(each, DulwichCommit)]
    return [parse_commit(each.id.decode(), each.as_raw_string()) for each in commits]


def resolved(path: Path, pairs: Sequence[Pair]) -> list[Pair]:
    """The commits of these tags."""
    names = sorted({each for pair in pairs for each in pair})
    ids = git(path, "rev-parse", *(f"{name}^{{commit}}" for name in names)).splitlines()
    commit = dict(zip(names, ids, strict=True))
    return [(commit[base], commit[tag]) for base, tag in pairs]

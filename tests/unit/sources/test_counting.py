"""count_pairs against git itself, on histories with forks, merges, side roots and octopuses."""

import random
from pathlib import Path

import pytest

from rctrack.sources.gitstore.counting import Counted, count_pairs
from tests.support.material import GitRepository, git, make_repository


def tangled(path: Path, seed: int, commits: int = 120) -> tuple[GitRepository, list[str]]:
    """A repository of random shape and its commits; children before parents is left to git."""
    chance = random.Random(seed)
    repository = make_repository(path)
    stream = []
    for mark in range(1, commits + 1):
        parents = (
            sorted({chance.randint(max(1, mark - 12), mark - 1) for _ in range(chance.choice([1, 1, 1, 2, 3]))})
            if (mark > 1 and chance.random() > 0.04)
            else []
        )
        lines = [
            f"commit refs/heads/c{mark}",
            f"mark :{mark}",
            f"committer K <k@example.org> {1_700_000_000 + mark} +0000",
        ]
        lines += ["data 0", *([f"from :{parents[0]}"] if parents else []), *(f"merge :{each}" for each in parents[1:])]
        stream.append("\n".join(lines) + "\n")
    git(path, "fast-import", "--quiet", stdin="\n".join(stream).encode())
    names = [f"refs/heads/c{mark}" for mark in range(1, commits + 1)]
    return repository, git(path, "rev-parse", *names).splitlines()


def counted(repository: GitRepository, pairs: list[tuple[str, str]]) -> list[tuple[int, int]]:
    """What count_pairs makes of git's listing."""
    listing = git(repository.path, "rev-list", "--topo-order", "--parents", "--all").encode().splitlines()
    return [(each.commits, each.commits - each.merges) for each in count_pairs(listing, pairs)]


@pytest.mark.parametrize("seed", range(4))
def test_every_pair_counts_as_git_counts_it(tmp_path: Path, seed: int) -> None:
    """Also where base is no ancestor, is a descendant, or is the commit itself."""
    repository, commits = tangled(tmp_path / "tangled.git", seed)
    chance = random.Random(seed + 100)
    pairs = [(chance.choice(commits), chance.choice(commits)) for _ in range(25)]
    pairs += [(commits[0], commits[-1]), (commits[-1], commits[0]), (commits[5], commits[5])]
    expected = [(repository.count(*pair), repository.count(*pair, "--no-merges")) for pair in pairs]
    assert counted(repository, pairs) == expected


def test_the_same_pair_twice_is_counted_twice(tmp_path: Path) -> None:
    """Two releases may share both ends."""
    repository, commits = tangled(tmp_path / "tangled.git", 9, 40)
    pair = (commits[3], commits[-1])
    [one] = counted(repository, [pair])
    assert counted(repository, [pair, (commits[0], commits[9]), pair])[::2] == [one, one]


def test_no_pairs_and_no_commits_are_no_error() -> None:
    """Nothing asked is nothing answered; commits that the listing lacks count nothing."""
    assert count_pairs([], []) == []
    assert count_pairs([], [("a" * 40, "b" * 40)]) == [Counted(0, 0, None, None)]

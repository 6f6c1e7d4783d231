"""How dear counting is, and how much comes over the wire: `python -m tests.bench_git` prints it and says what failed.

On git.git's real history (../shared). Its files were taken out, so that every commit has the empty tree; they are put
back with random contents (fast-import) to give a full clone a size that means something.
"""

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from rctrack.core.model import Commit, CountEvidence, ObjectId
from rctrack.core.version import FeatureParts, all_previous, parse_version
from rctrack.process import Runner
from rctrack.sources import Range, Tools
from rctrack.sources.counting import count_pairs
from rctrack.sources.git import Repository
from rctrack.sources.git_range import fetch_range
from tests.material import git
from tests.servers import git_over_http

FLOOR_TIMES, PAIRS_TIMES = 5.0, 3.0
ONE_SHARE, CYCLE_SHARE = 0.01, 0.03
FILE_BYTES = 4096
PARTS = FeatureParts((((), 3), ((2,), 2)))


def main(shared: Path | None = None) -> list[str]:
    """Prints a line per measurement; the failures in words."""
    archive = (shared or _shared()) / "data" / "real" / "git.git.tar"
    if not archive.is_file():
        print("git counting: left out, no ../shared")
        return []
    with TemporaryDirectory(prefix="rctrack-bench-") as folder:
        subprocess.run(["tar", "xf", str(archive), "-C", folder], check=True)
        path = Path(folder) / "git.git"
        return [*_counting(path, Path(folder)), *_traffic(path, Path(folder))]


def _counting(path: Path, folder: Path) -> list[str]:
    git(path, "commit-graph", "write", "--reachable")
    written = _best(1, lambda: git(path, "commit-graph", "write", "--reachable"))
    pairs = _consecutive(path)
    tips = "\n".join({each for pair in pairs for each in pair}).encode()
    repository = Repository(path, _tools(folder))
    authors = ("--no-commit-header", "--format=%H %P%x00%an")

    def one_pass(*options: str) -> list[tuple[int, int]]:
        lines = repository.lines("rev-list", "--topo-order", *options, "--stdin", stdin=tips)
        return [(each.commits, each.merges) for each in count_pairs(lines, pairs)]

    def one_by_one() -> list[int]:
        return [int(git(path, "rev-list", "--count", f"{base}..{commit}")) for base, commit in pairs]

    floor = _best(3, lambda: git(path, "rev-list", "--count", "--all"))
    ours = _best(3, lambda: one_pass("--parents"))
    with_authors = _best(1, lambda: one_pass(*authors))
    theirs = _best(1, one_by_one)
    print(f"git counting: {len(pairs)} consecutive pairs of git.git in {ours:.2f} s; floor {floor:.2f} s")
    print(
        f"git counting: {ours / floor:.1f} times the floor (at most {FLOOR_TIMES:g}); graph written in {written:.2f} s"
    )
    print(
        f"git counting: one rev-list per pair {theirs:.2f} s, {theirs / ours:.1f} times ours (at least {PAIRS_TIMES})"
    )
    print(f"git counting: with the authors of every commit read too {with_authors:.2f} s")
    failures = []
    if [commits for commits, _ in one_pass("--parents")] != one_by_one() or one_pass(*authors) != one_pass("--parents"):
        failures.append("git counting: counts differ from git rev-list --count")
    if ours > FLOOR_TIMES * floor:
        failures.append(f"git counting: {ours / floor:.1f} times the floor")
    if theirs < PAIRS_TIMES * ours:
        failures.append(f"git counting: only {theirs / ours:.1f} times faster than one rev-list per pair")
    return failures


def _traffic(path: Path, folder: Path) -> list[str]:
    full = folder / "served" / "full.git"
    _put_files_back(path, full)
    cycle = _cycle_of_twelve(full)
    with git_over_http(full.parent) as server:
        url = f"{server.url}/full.git"
        subprocess.run(["git", "clone", "--quiet", "--bare", url, str(folder / "clone.git")], check=True)
        whole = sum(each.answered for each in server.requests)
        received, failures = [], []
        for one in cycle:
            before = len(server.requests)
            counts = [each for each in fetch_range(url, one, _tools(folder)) if isinstance(each, CountEvidence)]
            received.append(sum(each.answered for each in server.requests[before:]))
            expected = int(git(full, "rev-list", "--count", f"{one.base}..{one.commit}"))
            if [each.commits for each in counts] != [expected]:
                failures.append(f"git traffic: {one.tag} counted {counts}, git says {expected}")
    one_share, cycle_share = max(received) / whole, sum(received) / whole
    print(f"git traffic: full clone {whole:,} bytes; largest of {len(cycle)} candidates {max(received):,} bytes")
    print(f"git traffic: one candidate {one_share:.2%} (at most {ONE_SHARE:.0%}), all twelve {sum(received):,} bytes")
    print(f"git traffic: a cycle of twelve {cycle_share:.2%} (at most {CYCLE_SHARE:.0%})")
    if one_share > ONE_SHARE or cycle_share > CYCLE_SHARE:
        failures.append(f"git traffic: {one_share:.2%} for one candidate, {cycle_share:.2%} for twelve")
    return failures


def _cycle_of_twelve(path: Path) -> list[Range]:
    """The newest twelve candidates: several cycles, merge windows among them."""
    lines = git(path, "for-each-ref", "--format=%(refname:strip=2) %(objectname) %(*objectname)", "refs/tags")
    ids = {name: (object_id, peeled[0] if peeled else object_id) for name, object_id, *peeled in _fields(lines)}
    follows = {tag: before for before, tag in _tags(path)}
    newest = [tag for tag in follows if "-rc" in tag][-12:]
    return [Range(tag, ObjectId(ids[tag][0]), Commit(ids[tag][1]), Commit(ids[follows[tag]][1])) for tag in newest]


def _fields(lines: str) -> Iterator[list[str]]:
    return (line.split() for line in lines.splitlines())


def _put_files_back(path: Path, target: Path) -> None:
    """The same history with one changed file of random bytes per commit; every id is new, every parent the same."""
    target.parent.mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet", "--bare", str(target)], check=True)
    git(target, "config", "uploadpack.allowFilter", "true")
    dice = random.Random(4)
    export = subprocess.Popen(
        ["git", f"--git-dir={path}", "fast-export", "--all", "--signed-tags=strip", "--tag-of-filtered-object=drop"],
        stdout=subprocess.PIPE,
    )
    load = subprocess.Popen(["git", f"--git-dir={target}", "fast-import", "--quiet", "--force"], stdin=subprocess.PIPE)
    assert export.stdout is not None
    assert load.stdin is not None
    for piece in _with_files(export.stdout, dice):
        load.stdin.write(piece)
    load.stdin.close()
    if load.wait() or export.wait():
        raise RuntimeError("fast-import failed")


def _with_files(stream: IO[bytes], dice: random.Random) -> Iterator[bytes]:
    """A fast-export stream with a file at the end of each commit."""
    inside = False
    while line := stream.readline():
        if inside and line == b"\n":
            content = dice.randbytes(FILE_BYTES)
            yield b"M 644 inline f%d/f%d\ndata %d\n%s\n" % (dice.randrange(32), dice.randrange(32), FILE_BYTES, content)
            inside = False
        yield line
        if line.startswith(b"commit "):
            inside = True
        elif line.startswith((b"reset ", b"tag ", b"blob")):
            inside = False
        elif line.startswith(b"data "):
            yield stream.read(int(line[5:]))


def _tags(path: Path) -> list[tuple[str, str]]:
    """Every release's tag after the one it follows, ascending."""
    names = [name for name in git(path, "tag").splitlines() if name.startswith("v")]
    versions = {version: name for name in names if (version := parse_version("dotted", name)) is not None}
    follows = all_previous(versions, PARTS)
    return [(versions[before], versions[each]) for each, before in sorted(follows.items()) if before is not None]


def _consecutive(path: Path) -> list[tuple[str, str]]:
    pairs = _tags(path)
    names = sorted({each for pair in pairs for each in pair})
    ids = git(path, "rev-parse", *(f"{name}^{{commit}}" for name in names)).splitlines()
    commit = dict(zip(names, ids, strict=True))
    return [(commit[before], commit[tag]) for before, tag in pairs]


def _best(times: int, act: Callable[[], object]) -> float:
    """Seconds of the quickest run."""
    runs = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        runs.append(time.perf_counter() - began)
    return min(runs)


def _tools(folder: Path) -> Tools:
    return Tools(Runner(), folder / "state", "rctrack/bench", lambda *_: None)


def _shared() -> Path:
    parents: Sequence[Path] = Path(__file__).resolve().parents
    return next((parent / "shared" for parent in parents if (parent / "shared" / "data").is_dir()), Path("no shared"))


if __name__ == "__main__":
    failed = main()
    print(*failed, sep="\n")
    sys.exit(bool(failed))

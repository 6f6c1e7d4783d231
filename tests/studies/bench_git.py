"""How dear counting is, and how much comes over the wire, on git.git's real history (../shared)."""

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from rctrack.core.version import FeatureParts, all_previous, parse_version
from rctrack.process import Runner
from rctrack.sources import Tools
from rctrack.sources.gitstore.counting import count_pairs
from rctrack.sources.gitstore.repository import Repository
from rctrack.web import Web
from tests.support.following import Follower, follow
from tests.support.material import git, unpack
from tests.support.promise import Broken
from tests.support.refilled import refill
from tests.support.servers import git_over_http

FLOOR_TIMES, PAIRS_TIMES = 5.0, 3.0
ONE_SHARE, CYCLE_SHARE = 0.01, 0.03
ROUNDS = 3
CANDIDATES = 12
PARTS = FeatureParts((((), 3), ((2,), 2)))
SETTINGS = 'feature_parts = { "0" = 3, "2.0" = 2 }\nignore_tags = "^(gitgui-|junio-gpg-pub)"\n'
_NO_SHARED = "left out: no ../shared with real histories beside the checkout"


def pairs(folder: Path) -> Iterator[str]:
    """Commits between all consecutive releases of git.git, against git's own counting."""
    path = _unpacked(folder)
    if path is None:
        yield _NO_SHARED
        return
    written = _seconds(lambda: git(path, "commit-graph", "write", "--reachable"))
    between = _consecutive(path)
    tips = "\n".join({each for pair in between for each in pair}).encode()
    repository = Repository(path, _tools(folder))
    expected: list[int] = []
    theirs = _seconds(lambda: expected.extend(_count(path, *pair) for pair in between))

    def one_pass(*options: str) -> None:
        lines = repository.lines("rev-list", "--topo-order", *options, "--stdin", stdin=tips)
        if [each.commits for each in count_pairs(lines, between)] != expected:
            raise Broken("counts differ from `git rev-list --count`")

    floors, ours = [], []
    for _ in range(ROUNDS):  # in turn, so that a busy machine is unkind to both alike
        floors.append(_seconds(lambda: git(path, "rev-list", "--count", "--all")))
        ours.append(_seconds(lambda: one_pass("--parents")))
    authors = _seconds(lambda: one_pass("--no-commit-header", "--format=%H %P%x00%an"))
    times, faster = min(ours) / min(floors), theirs / min(ours)
    yield f"consecutive pairs        {len(between)}, every count equal to `git rev-list --count`"
    yield f"commit-graph written in  {written:.3f} s"
    yield f"rev-list --count --all   {min(floors):.3f} s with it: the floor"
    yield f"rctrack, one pass        {min(ours):.3f} s"
    yield f"one rev-list per pair    {theirs:.3f} s"
    yield f"with all authors read    {authors:.3f} s"
    yield f"ratio to the floor       {times:.2f} (promised: at most {FLOOR_TIMES:g})"
    yield f"faster than one by one   {faster:.2f} times (promised: at least {PAIRS_TIMES:g})"
    if times > FLOOR_TIMES or faster < PAIRS_TIMES:
        raise Broken(f"{times:.2f} times the floor, {faster:.2f} times faster than one by one")


def traffic(folder: Path) -> Iterator[str]:
    """Bytes received for new candidates of git.git, with random files put back (tests/refilled.py), and for a clone."""
    source = _unpacked(folder)
    if source is None:
        yield _NO_SHARED
        return
    path = folder / "served" / "full.git"
    path.parent.mkdir()
    refill(source, path)
    with git_over_http(path.parent) as server, _counting(server.url) as wire:
        subprocess.run(["git", "clone", "--quiet", "--bare", f"{wire.url}/full.git", str(folder / "clone")], check=True)
        whole = wire.received
        received, others = [], 0
        for bytes_before, candidate, tags, demo in _releases_appear(path, folder, wire):
            received.append(wire.received - bytes_before)
            others += len(tags) - 1
            _check_counts(demo, path, tags)
            yield f"  {candidate:<14} {received[-1]:>9,} bytes, {len(tags)} new tags"
        demo.poll(datetime(2030, 1, 1, tzinfo=UTC))  # what came after the last candidate
        bytes_before = wire.received
        demo.poll(datetime(2030, 1, 2, tzinfo=UTC))
        idle = wire.received - bytes_before
    one, cycle = max(received) / whole, sum(received) / whole
    yield f"full clone               {whole:,} bytes, {git(path, 'rev-list', '--count', '--all')} commits"
    yield f"a look without news      {idle:,} bytes"
    yield f"one new candidate        {max(received):,} bytes at most, {one:.2%} (promised: {ONE_SHARE:.0%})"
    yield f"a cycle of {CANDIDATES}            {sum(received):,} bytes, {cycle:.2%} (promised: {CYCLE_SHARE:.0%})"
    yield f"all counts are those of `git rev-list --count`, those of {others} other releases in between too"
    if one > ONE_SHARE or cycle > CYCLE_SHARE:
        raise Broken(f"{one:.2%} of a clone for one candidate, {cycle:.2%} for {CANDIDATES}")


def _releases_appear(path: Path, folder: Path, wire: "_Wire") -> Iterator[tuple[int, str, list[str], Follower]]:
    """The newest candidates, one poll after each: bytes until then, the candidate, the tags that are new at that poll.

    They are of several cycles, with the merge windows between; finals and point releases appear with the next one.
    """
    lines = git(path, "for-each-ref", "--sort=creatordate", "--format=%(creatordate:unix) %(refname:strip=2)")
    known = {tag for pair in _tags(path) for tag in pair}
    parts = (line.partition(" ") for line in lines.splitlines())
    dated = [(int(at), name) for at, _, name in parts if at and name in known]
    first = [number for number, (_, name) in enumerate(dated) if "-rc" in name][-CANDIDATES]
    objects = {name: git(path, "rev-parse", f"refs/tags/{name}") for _, name in dated[first:]}
    for name in objects:
        git(path, "update-ref", "-d", f"refs/tags/{name}")
    demo = follow(folder / "demo", tags=[f"{wire.url}/full.git"], history="cycle", settings=SETTINGS)
    demo.poll(datetime.fromtimestamp(dated[first - 1][0], UTC) + timedelta(seconds=1))
    appeared: list[str] = []
    for at, name in dated[first:]:
        appeared.append(name)
        git(path, "update-ref", f"refs/tags/{name}", objects[name])
        if "-rc" in name:
            before = wire.received
            demo.poll(datetime.fromtimestamp(at, UTC) + timedelta(minutes=5))
            yield before, name, appeared, demo
            appeared = []


def _check_counts(demo: Follower, path: Path, tags: Sequence[str]) -> None:
    for tag in tags:
        found = demo.release(tag.removeprefix("v"))
        expected = _count(path, f"v{found['previous']}", tag)
        if (found["commits"], found["commits_no_merges"]) != (
            expected,
            _count(path, f"v{found['previous']}", tag, "--no-merges"),
        ):
            raise Broken(f"{tag} counted as {found['commits']}, by git {expected}")


@dataclass(slots=True)
class _Wire:
    """An address that leads to a server, and all bytes that came from it, headers too."""

    url: str
    received: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def relay(self, client: socket.socket, server: socket.socket) -> None:
        """One connection, until both have said all."""
        with closing(client), closing(server):
            back = threading.Thread(target=self._forward, args=(client, server), daemon=True)
            back.start()
            self._forward(server, client, counted=True)
            back.join()

    def _forward(self, source: socket.socket, target: socket.socket, *, counted: bool = False) -> None:
        with suppress(OSError):
            while piece := source.recv(2**18):
                if counted:
                    with self.lock:
                        self.received += len(piece)
                target.sendall(piece)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def _counting(url: str) -> Iterator[_Wire]:
    """A port of its own in front of that server."""
    behind = urlsplit(url)
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        wire = _Wire(f"http://127.0.0.1:{listening.getsockname()[1]}")

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listening.accept()
                    server = socket.create_connection((behind.hostname or "", behind.port or 80))
                    threading.Thread(target=wire.relay, args=(client, server), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield wire
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def _unpacked(folder: Path) -> Path | None:
    """git.git, unpacked in the folder."""
    parents = Path(__file__).resolve().parents
    data = next((place for parent in parents if (place := parent / "shared" / "data").is_dir()), None)
    return None if data is None else unpack(data, "git", folder)


def _tags(path: Path) -> list[tuple[str, str]]:
    """Every release's tag after the one it follows, ascending."""
    names = [name for name in git(path, "tag").splitlines() if name.startswith("v")]
    versions = {version: name for name in names if (version := parse_version("dotted", name)) is not None}
    follows = all_previous(versions, PARTS)
    return [(versions[before], versions[each]) for each, before in sorted(follows.items()) if before is not None]


def _consecutive(path: Path) -> list[tuple[str, str]]:
    between = _tags(path)
    names = sorted({each for pair in between for each in pair})
    ids = git(path, "rev-parse", *(f"{name}^{{commit}}" for name in names)).splitlines()
    commit = dict(zip(names, ids, strict=True))
    return [(commit[before], commit[tag]) for before, tag in between]


def _count(path: Path, base: str, revision: str, *options: str) -> int:
    return int(git(path, "rev-list", "--count", *options, f"{base}..{revision}"))


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _tools(folder: Path) -> Tools:
    return Tools(Runner(), folder / "state", "rctrack/bench", lambda *_: None, Web("rctrack/bench"))

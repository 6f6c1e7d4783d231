"""One range of a remote history without the rest: want the new release, have the previous one, commits only.

Git itself cannot do this in an empty repository (its negotiator walks the parents of what it has, and a shallow
repository cuts merges: v2.44.0..v2.44.1 of git.git is 59 commits and would come out as 2), so dulwich speaks
protocol v2 for us and the pack that comes back holds exactly the commits of the range.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from rctrack.core.model import CountEvidence, Evidence, Instant, TagEvidence
from rctrack.process import Interrupted, ProcessError
from rctrack.sources.git import LONG, QUICK, Repository, parse_raw_date
from rctrack.sources.protocol import Range, Tools

_MOST_BYTES = 256 * 2**20
"""Of one pack; a whole merge window of Linux is about 4 MB."""


def fetch_range(url: str, wanted: Range, tools: Tools) -> Iterator[Evidence]:
    """The count of a range and the date of its tag, for about 200 bytes a commit; ProcessError if it fails."""
    tools.state.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="range-", dir=tools.state) as folder:
        repository = _unpack(_fetch(url, wanted, tools, Path(folder)), Path(folder), tools)
        yield TagEvidence(wanted.tag, wanted.object_id, wanted.commit, _tag_date(repository, wanted))
        if wanted.base is not None:
            yield _count(repository, wanted)


def _fetch(url: str, wanted: Range, tools: Tools, folder: Path) -> Path:
    """The pack that the server sends, in a file."""
    from dulwich.client import get_transport_and_path
    from dulwich.config import ConfigDict
    from dulwich.errors import GitProtocolError

    config = ConfigDict()
    config.set((b"http",), b"useragent", tools.user_agent.encode())
    config.set((b"http",), b"timeout", b"60")
    path, received = folder / "range.pack", 0
    with path.open("wb") as pack:

        def take(data: bytes) -> int:
            nonlocal received
            received += len(data)
            if received > _MOST_BYTES:
                raise ProcessError(f"{url}: more than {_MOST_BYTES} bytes for {wanted.tag}")
            if tools.runner.stop.is_set():
                raise Interrupted(f"{url}: ended because rctrack is stopping")
            return pack.write(data)

        try:
            client, remote = get_transport_and_path(url, config=config)
            wants = [wanted.object_id.encode()]
            client.fetch_pack(
                remote,
                lambda _refs, depth=None: wants,  # type: ignore[arg-type]
                _Have(wanted.base.encode() if wanted.base else None),  # type: ignore[arg-type]
                take,
                depth=None if wanted.base else 1,
                filter_spec=b"tree:0",
                protocol_version=2,
            )
        except ProcessError:
            raise
        except (GitProtocolError, OSError, ValueError, AssertionError, KeyError, EOFError) as error:
            raise ProcessError(f"{url}: {wanted.tag}: {type(error).__name__}: {error}"[:300]) from error
    return path


@dataclass(slots=True)
class _Have:
    """Tells the server the one commit that we have; dulwich's graph walker protocol."""

    base: bytes | None
    shallow: set[bytes] = field(default_factory=set)
    unshallow: set[bytes] = field(default_factory=set)

    def __next__(self) -> bytes | None:
        base, self.base = self.base, None
        return base

    next = __next__

    def ack(self, sha: bytes) -> None:
        """Nothing to learn: there is one commit only."""

    def nak(self) -> None:
        """Nothing to learn: there is one commit only."""


def _unpack(pack: Path, folder: Path, tools: Tools) -> Repository:
    repository = Repository(folder / "range.git", tools)
    tools.runner.run(["git", "init", "--quiet", "--bare", str(repository.path)], timeout=QUICK)
    stored = repository.path / "objects" / "pack" / "range.pack"
    stored.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(pack, stored)
    repository.git("index-pack", str(stored), timeout=LONG)
    return repository


def _tag_date(repository: Repository, wanted: Range) -> Instant | None:
    fields = b"tagger " if str(wanted.object_id) != str(wanted.commit) else b"committer "
    header = repository.git("cat-file", "-p", wanted.object_id).partition(b"\n\n")[0]
    line = next((each for each in header.splitlines() if each.startswith(fields)), b"")
    return parse_raw_date(line.rpartition(b"> ")[2].decode("ascii", "replace"))


def _count(repository: Repository, wanted: Range) -> CountEvidence:
    """Every commit in the pack is of the range; a merge is one with two parents or more."""
    assert wanted.base is not None  # noqa: S101 - the caller's promise, for the type checker
    listing = repository.lines("cat-file", "--batch-all-objects", "--batch-check=%(objecttype) %(objectname)")
    commits = [line.split()[1] for line in listing if line.startswith(b"commit ")]
    if wanted.commit.encode() not in commits or wanted.base.encode() in commits:
        raise ProcessError(f"{wanted.tag}: the server did not send the range that was asked for")
    merges = int(
        repository.git("rev-list", "--no-walk", "--min-parents=2", "--count", "--stdin", stdin=b"\n".join(commits))
    )
    return CountEvidence(wanted.base, wanted.commit, len(commits), len(commits) - merges)

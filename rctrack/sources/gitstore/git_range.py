"""One range of a remote history without the rest: want the new release, have the previous one, commits only.

Git itself cannot do this in an empty repository (its negotiator walks the parents of what it has, and a shallow
repository cuts merges: v2.44.0..v2.44.1 of git.git is 59 commits and would come out as 2), so dulwich speaks
protocol v2 for us and the pack that comes back holds exactly the commits of the range. A server without filters, or
without protocol v2, sends their files too: dearer, and counted the same.

What the range holds is for the server's git to say, and that goes by dates: where those of commits run backwards over
several generations it may send some that the base reaches too. Only whole history can tell; no release of git.git or
util-linux is such a case.
"""

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from rctrack.config import SigningConfig
from rctrack.core.evidence import Commit, CountEvidence, Evidence, ObjectId, TagEvidence
from rctrack.process import Limits, ProcessError
from rctrack.sources.gitstore.answers import real_address
from rctrack.sources.gitstore.objects import CommitObject, is_there, read_commits, read_tags
from rctrack.sources.gitstore.repository import Repository, make_repository
from rctrack.sources.gitstore.signing import verifier
from rctrack.sources.protocol import Range, Tools

_MOST_BYTES = 256 * 2**20
"""Of one pack; a whole merge window of Linux is about 4 MB."""
_LIMITS = Limits(memory=2**30)
_SECONDS = 600.0


def fetch_range(url: str, wanted: Range, tools: Tools, signing: SigningConfig | None = None) -> Iterator[Evidence]:
    """The count of a range and the date of its tag, for about 200 bytes a commit; ProcessError if it fails."""
    if wanted.base is not None and not wanted.is_base_shown:
        _find_base(url, wanted, wanted.base, tools)
    with _fetched(url, wanted, tools) as repository:
        if wanted.base is not None and not is_there(repository, {wanted.object_id}):
            # A lightweight tag on what the previous release contains: for that there is nothing to send, but its date.
            alone = replace(wanted, base=None)
            yield from fetch_range(url, alone, tools, signing)
            yield CountEvidence(wanted.base, wanted.commit, 0, 0, 0, None)
            return
        [tag] = read_tags(repository, {wanted.tag: wanted.object_id})
        yield tag
        if wanted.base is not None and tag.commit is not None:
            commits = list(read_commits(repository))
            if _is_whole(commits) and wanted.is_base_shown:
                _find_base(url, wanted, wanted.base, tools)
            yield count_range(commits, wanted.base, tag)
        if signing is not None:
            with verifier(signing, tools) as keys:
                yield keys.verify(repository, wanted.object_id)


def _is_whole(commits: Sequence[CommitObject]) -> bool:
    """Whether they are a whole history, so that none of them stands on what the base reaches."""
    ids = {each.commit for each in commits}
    return bool(ids) and all(parent in ids for each in commits for parent in each.parents)


def _find_base(url: str, wanted: Range, base: Commit, tools: Tools) -> None:
    """ProcessError unless the server has the base: without it, it sends the whole history and says nothing of it."""
    try:
        with _fetched(url, Range(wanted.tag, ObjectId(base), base, None), tools) as repository:
            if is_there(repository, {base}):
                return
    except ProcessError as error:
        raise ProcessError(f"{wanted.tag}: the server does not have the release before, {base}: {error}") from error
    raise ProcessError(f"{wanted.tag}: the server does not have the release before, {base}")


@contextmanager
def _fetched(url: str, wanted: Range, tools: Tools) -> Iterator[Repository]:
    """A repository of what the server sends; it is gone afterwards."""
    tools.state.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="range-", dir=tools.state) as folder:
        yield _unpack(_fetch(url, wanted, tools, Path(folder)), Path(folder), tools)


def _fetch(url: str, wanted: Range, tools: Tools, folder: Path) -> Path:
    """The pack that the server sends, in a file."""
    argv = [sys.executable, "-P", "-m", "rctrack.sources.gitstore.fetch_pack"]
    argv += [
        tools.user_agent,
        real_address(url, tools),
        wanted.tag,
        wanted.object_id,
        *([wanted.base] if wanted.base else []),
    ]
    path, received = folder / "range.pack", 0
    with path.open("wb") as pack, tools.runner.stream(argv, timeout=_SECONDS, limits=_LIMITS) as output:
        while chunk := output.read1(2**18):  # type: ignore[attr-defined]
            received += len(chunk)
            if received > _MOST_BYTES:
                raise ProcessError(f"{url}: more than {_MOST_BYTES} bytes for {wanted.tag}")
            pack.write(chunk)
    return path


def _unpack(pack: Path, folder: Path, tools: Tools) -> Repository:
    repository = Repository(folder / "range.git", tools)
    make_repository(repository.path, tools)
    stored = repository.path / "objects" / "pack" / "range.pack"
    stored.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(pack, stored)
    # With one thread, so that the limit is that of one object and not of as many as there are cores.
    repository.git("index-pack", "--threads=1", str(stored), timeout=_SECONDS, limits=_LIMITS)
    return repository


def count_range(commits: Sequence[CommitObject], base: str, tag: TagEvidence) -> CountEvidence:
    """Every commit in the pack is of the range; ProcessError where the pack shows that the server did otherwise."""
    assert tag.commit is not None  # noqa: S101 - the caller's promise, for the type checker
    if not commits or base == tag.commit:
        # The base contains it all: util-linux's v2.12pre was tagged one commit after v2.12.
        return CountEvidence(Commit(base), tag.commit, 0, 0, 0, None)
    ids = {each.commit for each in commits}
    if tag.commit not in ids or base in ids:
        raise ProcessError(f"{tag.tag}: the server did not send the range that was asked for")
    merges = sum(len(each.parents) > 1 for each in commits)
    authors = {each.author for each in commits if len(each.parents) <= 1}
    return CountEvidence(Commit(base), tag.commit, len(commits), len(commits) - merges, len(authors), None)

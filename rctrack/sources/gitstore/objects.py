"""Tags and commits as git stores them, read from their own bytes: nothing is asked that a `tree:0` copy lacks."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from rctrack.core.evidence import Commit, Instant, ObjectId, TagEvidence
from rctrack.process import ProcessError
from rctrack.sources.gitstore.repository import Repository, parse_raw_date

_MOST_NESTED = 5
_MOST_OBJECT_BYTES = 2**20
"""Of a tag or commit; its headers are at its start."""
_MOST_HEADER_BYTES = 2**12
"""Of one header, and what is kept of it; nobody's name is longer."""
_MOST_COMMITS, _MOST_COMMIT_BYTES = 10**6, 2**28
"""Of one pack, unpacked: deltas make a megabyte of every hundred bytes, if somebody wants that."""
_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class CommitObject:
    """What counting needs to know of a commit."""

    commit: str
    parents: tuple[str, ...]
    author: bytes


@dataclass(frozen=True, slots=True)
class _Object:
    kind: str
    headers: Mapping[str, bytes]


def read_tags(repository: Repository, shown: Mapping[str, str]) -> list[TagEvidence]:
    """The tags that a host shows (name: object id), each with its commit and date as far as the objects are there."""
    known: dict[str, _Object] = {}
    asked = set(shown.values())
    for _ in range(_MOST_NESTED):
        known.update(_read(repository, asked - known.keys()))
        asked = {target for each in known.values() if (target := _target(each)) and target not in known}
        if not asked:
            break
    return [
        TagEvidence(name, ObjectId(object_id), _peel(known, object_id), _dated(known, object_id))
        for name, object_id in shown.items()
    ]


def read_commits(repository: Repository) -> Iterator[CommitObject]:
    """Every commit that is in the repository; ProcessError where they are too much to read."""
    listing = repository.lines(
        "cat-file", "--batch-all-objects", "--batch-check=%(objecttype) %(objectsize) %(objectname)"
    )
    commits, total = [], 0
    for line in listing:
        kind, size, commit = line.decode().split()
        if kind == "commit":
            commits.append(commit)
            total += int(size)
        if total > _MOST_COMMIT_BYTES or len(commits) > _MOST_COMMITS:
            raise ProcessError(
                f"more commits than {_MOST_COMMITS} or of more than {_MOST_COMMIT_BYTES} bytes, unpacked"
            )
    for commit, _, content in _contents(repository, commits):
        yield parse_commit(commit, content)


def parse_commit(commit: str, content: bytes) -> CommitObject:
    """A commit from its own bytes."""
    headers = _headers(content)
    lines = content.partition(b"\n\n")[0].split(b"\n")
    parents = (line[7:].decode("ascii", "replace") for line in lines if line.startswith(b"parent "))
    return CommitObject(commit, tuple(parents), _author(headers))


def _author(headers: Mapping[str, bytes]) -> bytes:
    """The author's name as git prints it, in UTF-8: the same in every commit, whatever that was written in."""
    name = headers.get("author", b"").partition(b"<")[0].rstrip()
    if "encoding" in headers:
        with suppress(LookupError, ValueError):
            return name.decode(headers["encoding"].decode("ascii")).encode()
    return name


def _read(repository: Repository, ids: set[str]) -> dict[str, _Object]:
    """Those of the objects that are there and are tags or commits, and of others their kind."""
    if not ids:
        return {}
    wanted = "".join(f"{each}\n" for each in sorted(ids)).encode()
    listing = repository.git("cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)", stdin=wanted)
    found: dict[str, _Object] = {}
    readable = []
    for line in listing.decode().splitlines():
        object_id, kind, *size = line.split()
        if kind in ("tag", "commit") and int(size[0]) <= _MOST_OBJECT_BYTES:
            readable.append(object_id)
        elif size:
            found[object_id] = _Object(kind, {})
    return found | {each: _Object(kind, _headers(content)) for each, kind, content in _contents(repository, readable)}


def _contents(repository: Repository, ids: Iterable[str]) -> Iterator[tuple[str, str, bytes]]:
    """Id, kind and content of objects that are there, one at a time."""
    asked = list(ids)
    argv = repository.argv("cat-file", "--batch")
    stdin = "".join(f"{each}\n" for each in asked).encode()
    with repository.tools.runner.stream(argv, stdin=stdin, timeout=600) as output:
        for object_id in asked:
            _, kind, length = output.readline().decode().split()
            yield object_id, kind, output.read(int(length) + 1)


def _headers(content: bytes) -> dict[str, bytes]:
    """The headers that we read, each as it stands first."""
    headers: dict[str, bytes] = {}
    for line in content.partition(b"\n\n")[0].split(b"\n"):
        name, _, value = line[:_MOST_HEADER_BYTES].partition(b" ")
        if name in (b"object", b"type", b"tagger", b"author", b"committer", b"encoding"):
            headers.setdefault(name.decode(), value)
    return headers


def _target(found: _Object) -> str | None:
    """What a tag of a tag names; of anything else nothing more has to be read."""
    is_nested = found.kind == "tag" and found.headers.get("type") in (b"tag", b"commit")
    target = found.headers.get("object", b"").decode("ascii", "replace")
    # Git itself takes a tag of anything from a server, and would be asked for it by whatever name it has.
    return target if is_nested and _ID.fullmatch(target) else None


def _peel(known: Mapping[str, _Object], object_id: str) -> Commit | None:
    """The commit behind a tag; None for a tree, a blob, or an object that is not there."""
    for _ in range(_MOST_NESTED):
        found = known.get(object_id)
        if found is None:
            return None
        if found.kind == "commit":
            return Commit(object_id)
        target = _target(found)
        if target is None:
            return None
        if found.headers["type"] == b"commit":
            return Commit(target)
        object_id = target
    return None


def _dated(known: Mapping[str, _Object], object_id: str) -> Instant | None:
    """Tagger date; of a tag object of 2005 that lacks it, and of a lightweight tag, the commit date."""
    tag, commit = known.get(object_id), known.get(_peel(known, object_id) or "")
    written = (tag.headers.get("tagger") if tag else None) or (commit.headers.get("committer") if commit else None)
    return parse_raw_date(written.rpartition(b"> ")[2].decode("ascii", "replace")) if written else None


def is_there(repository: Repository, ids: set[str]) -> set[str]:
    """Those of the objects that the repository has."""
    if not ids:
        return set()
    stdin = "".join(f"{each}\n" for each in sorted(ids)).encode()
    try:
        listing = repository.git("cat-file", "--batch-check=%(objectname) %(objectsize)", stdin=stdin)
    except ProcessError:
        return set()
    return {line.split()[0].decode() for line in listing.splitlines() if not line.endswith(b" missing")}

"""Tags and commits as git stores them, read from their own bytes: nothing is asked that a `tree:0` copy lacks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rctrack.core.model import Commit, Instant, ObjectId, TagEvidence
from rctrack.process import ProcessError
from rctrack.sources.git import Repository, parse_raw_date

_MOST_NESTED = 5
_MOST_OBJECT_BYTES = 2**20
"""Of a tag or commit; its headers are at its start."""


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
    parents: tuple[str, ...]


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
    """Every commit that is in the repository."""
    listing = repository.lines("cat-file", "--batch-all-objects", "--batch-check=%(objecttype) %(objectname)")
    commits = {line.split()[1].decode() for line in listing if line.startswith(b"commit ")}
    for commit, found in _read(repository, commits).items():
        yield CommitObject(commit, found.parents, found.headers.get("author", b"").rpartition(b" <")[0])


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
            found[object_id] = _Object(kind, {}, ())
    argv = ["git", f"--git-dir={repository.path}", "cat-file", "--batch"]
    stdin = "".join(f"{each}\n" for each in readable).encode()
    with repository.tools.runner.stream(argv, stdin=stdin, timeout=600) as output:
        for object_id in readable:
            _, kind, length = output.readline().decode().split()
            found[object_id] = _parse(kind, output.read(int(length) + 1))
    return found


def _parse(kind: str, content: bytes) -> _Object:
    headers: dict[str, bytes] = {}
    parents = []
    for line in content.partition(b"\n\n")[0].split(b"\n"):
        name, _, value = line.partition(b" ")
        if name == b"parent":
            parents.append(value.decode("ascii", "replace"))
        else:
            headers.setdefault(name.decode("ascii", "replace"), value)
    return _Object(kind, headers, tuple(parents))


def _target(found: _Object) -> str | None:
    """What a tag of a tag names; of anything else nothing more has to be read."""
    is_nested = found.kind == "tag" and found.headers.get("type") in (b"tag", b"commit")
    return found.headers.get("object", b"").decode("ascii", "replace") or None if is_nested else None


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

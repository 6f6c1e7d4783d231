"""Forges in front of repositories made here: cgit as Debian ships it, and GitHub's REST API in its documented shape."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.archive_servers import Answer, Pages, serve_answer, serve_cgi
from tests.support.material import GitRepository, git

CGIT = Path("/usr/lib/cgit/cgit.cgi")
API = "/repos/demo/demo"


@contextmanager
def serve_cgit(folder: Path, settings: str = "") -> Iterator[Pages]:
    """cgit in front of the repositories below the folder, each at url/NAME.git."""
    if not CGIT.exists():
        pytest.skip("cgit is not installed")
    file = folder.parent / f"{folder.name}.cgitrc"
    file.write_text(f"cache-size=0\nvirtual-root=/\n{settings}scan-path={folder}\n")
    with serve_cgi(CGIT, {"CGIT_CONFIG": str(file)}) as pages:
        yield pages


@contextmanager
def serve_github(repository: GitRepository) -> Iterator[Pages]:
    """The API of one repository."""

    def told(_: str, path: str) -> Answer:
        content = json.dumps(_rest(repository, path)).encode()
        return 200, f'application/json; charset=utf-8\nETag: W/"{sha256(content).hexdigest()}"', content

    with serve_answer(404, "application/json", b"{}") as pages:
        pages.broken = told
        pages.url += API
        yield pages


def _rest(repository: GitRepository, path: str) -> Any:
    """What the API documents for this path."""
    parts = urlsplit(path)
    asked = {key: int(values[0]) for key, values in parse_qs(parts.query).items()}
    begin = (asked.get("page", 1) - 1) * asked.get("per_page", 30)
    end = begin + asked.get("per_page", 30)
    where = parts.path.removeprefix(API)
    names = git(repository.path, "tag").split()
    if where == "/git/matching-refs/tags/":
        return [{"ref": f"refs/tags/{name}", "object": _object(repository, name)} for name in names]
    if where == "/tags":
        return [{"name": name, "commit": {"sha": repository.commit_of(name)}} for name in names][begin:end]
    kind, _, key = where.removeprefix("/git/").partition("/")
    if kind == "tags":
        dates = git(repository.path, "for-each-ref", "--format=%(objectname) %(taggerdate:unix)", "refs/tags")
        seconds = dict(line.split() for line in dates.splitlines() if len(line.split()) == 2)[key]
        return {"sha": key, "tagger": {"date": _zulu(int(seconds))}}
    if kind == "commits":
        return {"sha": key, "committer": {"date": _zulu(int(git(repository.path, "log", "-1", "--format=%ct", key)))}}
    base, _, head = where.removeprefix("/compare/").partition("...")
    commits = _commits(repository, base, head)
    return {"ahead_by": len(commits), "total_commits": len(commits), "commits": commits[begin:end]}


def _object(repository: GitRepository, name: str) -> dict[str, str]:
    kind = git(repository.path, "cat-file", "-t", f"refs/tags/{name}").strip()
    return {"type": kind, "sha": repository.object_of(name)}


def _commits(repository: GitRepository, base: str, head: str) -> list[dict[str, Any]]:
    log = git(repository.path, "log", "--reverse", "--format=%H%x00%P%x00%an", f"{base}..{head}").splitlines()
    rows = [dict(zip(("sha", "parents", "name"), line.split("\0"), strict=True)) for line in log]
    return [
        {
            "sha": row["sha"],
            "parents": [{"sha": parent} for parent in row["parents"].split()],
            "commit": {"author": {"name": row["name"]}},
        }
        for row in rows
    ]


def _zulu(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"

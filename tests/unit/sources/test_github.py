"""GitHub's JSON in its documented shape, made from a repository here: the same tags, dates and counts as git."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from rctrack.core.evidence import Commit, CountEvidence, ObjectId, TagEvidence
from rctrack.core.look import Outcome
from rctrack.sources import Good, Range
from tests.support.archive_servers import Answer, Pages, serve_answer
from tests.support.looking import look_at_tags, outcome_of
from tests.support.material import GitRepository, git, make_repository

API = "/repos/demo/demo"


def answer(repository: GitRepository, path: str) -> Any:
    """What the API documents for this path, from the repository; None for a path it has not."""
    parts = urlsplit(path)
    asked = {key: int(found[0]) for key, found in parse_qs(parts.query).items()}
    begin = (asked.get("page", 1) - 1) * asked.get("per_page", 30)
    end = begin + asked.get("per_page", 30)
    where = parts.path.removeprefix(API)
    names = git(repository.path, "tag").split()
    if where == "/git/matching-refs/tags/":
        return [
            {
                "ref": f"refs/tags/{name}",
                "object": {
                    "type": git(repository.path, "cat-file", "-t", f"refs/tags/{name}").strip(),
                    "sha": repository.object_of(name),
                },
            }
            for name in names
        ]
    if where == "/tags":
        return [{"name": name, "commit": {"sha": repository.commit_of(name)}} for name in names][begin:end]
    kind, _, key = where.removeprefix("/git/").partition("/")
    if kind == "tags":
        date = git(repository.path, "for-each-ref", "--format=%(objectname) %(taggerdate:unix)", "refs/tags")
        seconds = dict(line.split() for line in date.splitlines() if len(line.split()) == 2)[key]
        return {"sha": key, "tagger": {"date": zulu(int(seconds))}}
    if kind == "commits":
        return {"sha": key, "committer": {"date": zulu(int(git(repository.path, "log", "-1", "--format=%ct", key)))}}
    base, _, head = where.removeprefix("/compare/").partition("...")
    log = git(repository.path, "log", "--reverse", "--format=%H%x00%P%x00%an", f"{base}..{head}").splitlines()
    rows = [dict(zip(("sha", "parents", "name"), line.split("\0"), strict=True)) for line in log]
    commits = [
        {
            "sha": row["sha"],
            "parents": [{"sha": each} for each in row["parents"].split()],
            "commit": {"author": {"name": row["name"]}},
        }
        for row in rows
    ]
    return {"ahead_by": len(log), "total_commits": len(log), "commits": commits[begin:end]}


def zulu(seconds: int) -> str:
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    made = make_repository(tmp_path / "demo.git")
    made.release("1.0-rc1", "1.0-rc2", commits=130)
    made.light_tag("v1.0")
    return made


@pytest.fixture
def host(repository: GitRepository) -> Iterator[Pages]:
    def said(_: str, path: str) -> Answer:
        return 200, "application/json; charset=utf-8", json.dumps(answer(repository, path)).encode()

    with serve_answer(404, "application/json", b"{}") as pages:
        pages.broken = said
        pages.url += API
        yield pages


def test_tags_dates_and_counts_are_those_of_git(tmp_path: Path, host: Pages, repository: GitRepository) -> None:
    """A look has the names alone; a measurement the dates, and a count over more than one page."""
    looker = look_at_tags(tmp_path / "github", host.url, kind="github")
    by_git = look_at_tags(tmp_path / "git", repository.path).tags()
    found = looker.tags()
    assert {name: (tag.object_id, tag.commit) for name, tag in found.items()} == {
        name: (tag.object_id, tag.commit) for name, tag in by_git.items()
    }
    base = repository.commit_of("v1.0-rc1")
    wanted = [
        Range(name, ObjectId(repository.object_of(name)), Commit(repository.commit_of(name)), Commit(base))
        for name in ("v1.0-rc2", "v1.0")
    ]
    assert looker.counting is not None
    measured = looker.counting.measure(wanted)
    assert isinstance(measured, Good)
    for tag in (each for each in measured.evidence if isinstance(each, TagEvidence)):
        dated = by_git[tag.tag].tagged
        assert tag.tagged is not None
        assert dated is not None
        assert tag.tagged.at == dated.at
    counts = [each for each in measured.evidence if isinstance(each, CountEvidence)]
    assert [(each.commits, each.commits_no_merges) for each in counts] == [
        (repository.count(base, name), repository.count(base, name, "--no-merges")) for name in ("v1.0", "v1.0-rc2")
    ]
    assert counts[0].commits > 100


def test_a_range_that_cannot_be_had_does_not_stand_before_the_others(
    tmp_path: Path, host: Pages, repository: GitRepository
) -> None:
    """The newest are asked for first, and one that GitHub does not know costs itself alone, with its reason."""
    repository.release(*(f"1.{number}" for number in range(1, 12)), commits=1)
    said = host.broken
    host.broken = lambda method, path: (404, "application/json", b"{}") if "...bad" in path else said(method, path)
    names = ["v1.0", *(f"v1.{number}" for number in range(1, 12))]
    wanted = [
        Range(name, ObjectId(repository.object_of(name)), Commit(repository.commit_of(name)), Commit(base))
        for name, base in zip(names[1:], map(repository.commit_of, names), strict=False)
    ]
    wanted[-2] = Range("v1.10", wanted[-2].object_id, Commit("bad"), wanted[-2].base)
    counting = look_at_tags(tmp_path / "github", host.url, kind="github").counting
    assert counting is not None
    measured = counting.measure(wanted)
    assert isinstance(measured, Good)
    counted = {each.commit for each in measured.evidence if isinstance(each, CountEvidence)}
    assert counted == {repository.commit_of(f"v1.{number}") for number in (4, 5, 6, 7, 8, 9, 11)}
    assert "404" in " ".join(measured.notes)


@pytest.mark.parametrize(
    "odd",
    [{"ahead_by": True}, {"ahead_by": 1.0}, {"ahead_by": "1"}, {"ahead_by": -1}, {"commits": {}}, {"commits": [1]}],
)
def test_a_comparison_of_wrong_types_is_no_count(
    tmp_path: Path, host: Pages, repository: GitRepository, odd: dict[str, Any]
) -> None:
    """The tag has its date all the same."""
    commit, base = repository.commit_of("v1.0-rc2"), repository.commit_of("v1.0-rc1")
    said = host.broken
    compared = {"ahead_by": 1, "commits": [{"sha": commit, "parents": [], "commit": {"author": {"name": "K"}}}]} | odd
    answered = json.dumps(compared).encode()
    host.broken = lambda method, path: (200, "application/json", answered) if "compare" in path else said(method, path)
    counting = look_at_tags(tmp_path / "github", host.url, kind="github").counting
    assert counting is not None
    wanted = Range("v1.0-rc2", ObjectId(repository.object_of("v1.0-rc2")), Commit(commit), Commit(base))
    measured = counting.measure([wanted])
    assert isinstance(measured, Good)
    assert [type(each) for each in measured.evidence] == [TagEvidence]


def test_an_unchanged_list_is_one_request(tmp_path: Path, host: Pages) -> None:
    """By the mark of the last answer: GitHub does not count it against the sixty an hour."""
    said = host.broken

    def marked(method: str, path: str) -> Answer:
        status, media_type, body = said(method, path) or (404, "", b"")
        return status, f'{media_type}\nETag: "1"', body

    host.broken = marked
    looker = look_at_tags(tmp_path / "github", host.url, kind="github")
    first = looker.good()
    host.asked.clear()
    host.broken = lambda *_: (304, "", b"Sun, 01 Mar 2026 00:00:00 GMT")
    assert looker.good(first.cursor) == Good((), first.cursor)
    assert len(host.asked) == 1


@pytest.mark.parametrize(
    ("status", "media_type", "body", "expected"),
    [
        (200, "text/html", b"<title>Just a moment...</title>", Outcome.BLOCKED),
        (403, "application/json", b'{"message": "API rate limit exceeded"}', Outcome.BLOCKED),
        (404, "application/json", b'{"message": "Not Found"}', Outcome.MISREAD),
        (200, "application/json", b'{"message": "?"}', Outcome.MISREAD),
        (200, "application/json", b"[", Outcome.MISREAD),
    ],
)
def test_a_wall_is_blocked_and_garbage_is_misread(
    tmp_path: Path, status: int, media_type: str, body: bytes, expected: Outcome
) -> None:
    """Neither is ever "no tags"."""
    with serve_answer(status, media_type, body) as pages:
        assert outcome_of(look_at_tags(tmp_path, pages.url, kind="github").look()) is expected

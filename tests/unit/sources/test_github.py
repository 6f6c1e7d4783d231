"""GitHub's JSON in its documented shape, made from a repository here: the same tags, dates and counts as git."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rctrack.core.evidence import Commit, CountEvidence, ObjectId, TagEvidence
from rctrack.core.look import Outcome
from rctrack.sources import Good, Range
from tests.support.archive_servers import Answer, Pages, serve_answer
from tests.support.looking import look_at_tags, outcome_of
from tests.support.material import GitRepository, make_repository
from tests.support.tag_servers import serve_github


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    made = make_repository(tmp_path / "demo.git")
    made.release("1.0-rc1", "1.0-rc2", commits=130)
    made.light_tag("v1.0")
    return made


@pytest.fixture
def host(repository: GitRepository) -> Iterator[Pages]:
    with serve_github(repository) as pages:
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

"""What a project's site says by itself: releases.json, and the log of pushes that its server took."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rctrack.core.evidence import Station, StationEvidence
from rctrack.core.look import Outcome
from rctrack.sources import Answer, Failed, Good, open_source
from rctrack.sources.kinds import gitolite_log
from rctrack.sources.kinds.gitolite_log import read_receipt
from tests.support.archive_servers import serve_answer
from tests.support.following import Follower, follow
from tests.support.looking import tools
from tests.support.material import GitRepository, make_epoch, make_repository
from tests.support.sites import PATH, ZERO, receipt, releases

BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def listing(url: str | Path, kind: str) -> str:
    more = f'repository = "{PATH}"' if kind == "gitolite-log" else 'moniker = ["mainline"]'
    return f'[[listings]]\nkind = "{kind}"\nurl = "{url}"\n{more}\n'


def look(folder: Path, url: str, kind: str, cursor: str | None = None) -> Answer:
    project = follow(folder, tags=[folder], settings=listing(url, kind)).config().projects[0]
    [source] = project.listings
    return open_source(source, project, tools(folder / "state")).look(cursor, BEGIN.date(), BEGIN)


def stops(demo: Follower, version: str) -> dict[str, tuple[str | None, str | None]]:
    """At and after of each station of the site's own."""
    found = demo.rows(
        "SELECT station, at, after FROM timeline JOIN releases USING (project, version_id)"
        " WHERE version = ? AND station IN ('pushed', 'listed')",
        version,
    )
    return {row["station"]: (row["at"], row["after"]) for row in found}


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    made = make_repository(tmp_path / "demo.git")
    made.release("1.0-rc1", "1.0-rc2", "1.0")
    return made


class TestReleasesJson:
    def test_a_release_is_listed_between_two_looks(self, tmp_path: Path, repository: GitRepository) -> None:
        """What was there at the first look has no instant; a final in the mainline row is a release like any other."""
        with serve_answer(200, "application/json; charset=utf-8", b"") as host:
            shown = releases("1.0-rc2")
            host.broken = lambda *_: (200, "application/json; charset=utf-8", json.dumps(shown).encode())
            demo = follow(tmp_path / "demo", tags=[repository.path], settings=listing(host.url, "releases.json"))
            assert demo.poll(BEGIN).outcomes == ["good", "good"]
            shown = releases("1.0")
            assert demo.poll(BEGIN + HOUR).outcomes == ["good", "good"]
        assert stops(demo, "1.0-rc2") == {"listed": (None, None)}
        assert stops(demo, "1.0") == {"listed": ("2026-03-01T13:00:00Z", "2026-03-01T12:00:00Z")}
        assert demo.release("1.0")["listed_at"] == "2026-03-01T13:00:00Z"
        assert demo.release("1.0-rc2")["listed_at"] is None
        said = demo.rctrack("show", "demo", "1.0").stdout
        assert "listed     2026-03-01 12:00 to 2026-03-01 13:00 UTC" in said
        assert f"releases.json {host.url}" in said
        assert demo.rows("SELECT version FROM releases WHERE version LIKE '6%'") == []

    def test_an_unchanged_file_says_nothing_new(self, tmp_path: Path) -> None:
        """By the mark of the last answer, which stays."""
        body = json.dumps(releases("1.0")).encode()
        with serve_answer(200, 'application/json\nETag: "1"', body) as host:
            first = look(tmp_path, host.url, "releases.json")
            assert isinstance(first, Good)
            assert first.evidence
            host.broken = lambda *_: (304, "", b"Sun, 01 Mar 2026 00:00:00 GMT")
            assert look(tmp_path, host.url, "releases.json", first.cursor) == Good((), first.cursor)

    @pytest.mark.parametrize(
        ("media_type", "body", "expected"),
        [
            ("text/html", b"<title>Just a moment...</title>", Outcome.BLOCKED),
            ("application/json", b"{", Outcome.MISREAD),
            ("application/json", b"[" * 100_000, Outcome.MISREAD),
            ("application/json", b"[]", Outcome.MISREAD),
            ("application/json", b'{"releases": [{"moniker": "mainline"}, 3, null]}', Outcome.MISREAD),
            ("application/json", json.dumps(releases()).encode(), Outcome.MISREAD),
        ],
    )
    def test_a_wall_is_blocked_and_garbage_is_misread(
        self, tmp_path: Path, media_type: str, body: bytes, expected: Outcome
    ) -> None:
        """Neither is ever "nothing listed"."""
        with serve_answer(200, media_type, body) as host:
            answer = look(tmp_path, host.url, "releases.json")
            assert isinstance(answer, Failed)
            assert answer.outcome is expected

    @pytest.mark.parametrize(
        "odd",
        [
            {"moniker": [], "version": "1.0-rc1"},
            {"moniker": {"mainline": 1}, "version": "1.0-rc1"},
            {"moniker": "mainline", "version": "\ud800"},
            {"moniker": "mainline", "version": "1.0-rc1\n"},
            {"moniker": "mainline", "version": "1.0-rc1\x1b[31m"},
            {"moniker": "mainline", "version": ["1.0-rc1"]},
        ],
    )
    def test_a_row_that_is_odd_costs_no_other_row(
        self, tmp_path: Path, repository: GitRepository, odd: dict[str, Any]
    ) -> None:
        """Of a wrong type, or with characters that no version has and no database or terminal takes."""
        document = releases("1.0-rc2")
        document["releases"].insert(0, odd)
        with serve_answer(200, "application/json", json.dumps(document).encode()) as host:
            demo = follow(tmp_path / "demo", tags=[repository.path], settings=listing(host.url, "releases.json"))
            assert demo.poll(BEGIN).outcomes == ["good", "good"]
        assert [row["evidence"] for row in demo.rows("SELECT evidence FROM timeline WHERE station = 'listed'")] == [
            "1.0-rc2"
        ]


class TestGitoliteLog:
    def test_a_push_is_dated_by_the_server(self, tmp_path: Path, repository: GitRepository) -> None:
        """pushed_at is the receipt's Date, of the push of the tag that counts; other repositories say nothing."""
        epoch = make_epoch(tmp_path / "log.git")
        at = datetime(2026, 2, 20, 21, 5, 7, tzinfo=UTC)
        tag = repository.object_of("v1.0")
        receipt(epoch, at - HOUR, ("refs/tags/v1.0", ZERO, "a" * 40), path=f"{PATH}-fork")
        branches = [(f"refs/heads/{name}", "b" * 40, "c" * 40) for name in ("fixes", "main")]
        receipt(epoch, at, *branches, ("refs/tags/v1.0", ZERO, tag))
        receipt(epoch, at + HOUR, ("refs/tags/v1.0-rc2", ZERO, "d" * 40))
        demo = follow(tmp_path / "demo", tags=[repository.path], settings=listing(epoch.path, "gitolite-log"))
        assert demo.poll(BEGIN).outcomes == ["good", "good"]
        assert stops(demo, "1.0") == {"pushed": ("2026-02-20T21:05:07Z", None)}
        assert demo.release("1.0")["pushed_at"] == "2026-02-20T21:05:07Z"
        assert demo.release("1.0-rc2")["pushed_at"] is None, "another object was pushed than the one that counts"
        assert stops(demo, "1.0-rc2").keys() == {"pushed"}
        assert f"gitolite-log {epoch.path}" in demo.rctrack("show", "demo", "1.0").stdout
        released = json.loads(demo.rctrack("releases", "demo", "--json").stdout)
        assert [each["pushed_at"] for each in released if each["version"] == "1.0"] == ["2026-02-20T21:05:07Z"]
        assert demo.rctrack("rebuild").returncode == 0
        assert demo.release("1.0")["pushed_at"] == "2026-02-20T21:05:07Z"

    def test_only_what_is_new_is_read(self, tmp_path: Path) -> None:
        """The cursor is the epoch's."""
        epoch = make_epoch(tmp_path / "log.git")
        receipt(epoch, BEGIN, ("refs/tags/v1.0-rc1", ZERO, "a" * 40))
        first = look(tmp_path, str(epoch.path), "gitolite-log")
        assert isinstance(first, Good)
        receipt(epoch, BEGIN + HOUR, ("refs/tags/v1.0-rc2", ZERO, "b" * 40), path=f"{PATH}.git")
        second = look(tmp_path, str(epoch.path), "gitolite-log", first.cursor)
        assert isinstance(second, Good)
        assert [each.name for each in second.evidence if isinstance(each, StationEvidence)] == ["v1.0-rc2"]

    def test_of_a_push_without_end_some_tags_are_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The first ones."""
        monkeypatch.setattr(gitolite_log, "_MOST_REFS", 2)
        epoch = make_epoch(tmp_path / "log.git")
        refs = [(f"refs/tags/v1.{number}", ZERO, "a" * 40) for number in range(5)]
        assert [each.name for each in read_receipt(receipt(epoch, BEGIN, *refs))] == ["v1.0", "v1.1"]

    def test_a_tag_taken_away_and_a_mail_of_somebody_else_are_no_push(self, tmp_path: Path) -> None:
        """Nor is a mail without a date."""
        epoch = make_epoch(tmp_path / "log.git")
        assert list(read_receipt(receipt(epoch, BEGIN, ("refs/tags/v1.0", "a" * 40, ZERO)))) == []
        forged = receipt(epoch, BEGIN, ("refs/tags/v1.0", ZERO, "a" * 40), sender="Gitolite <x@example.org>")
        assert list(read_receipt(forged)) == []
        genuine = receipt(epoch, BEGIN, ("refs/tags/v1.0", ZERO, "a" * 40))
        [push] = read_receipt(genuine)
        assert (push.station, push.name, push.key) == (Station.PUSHED, "v1.0", "a" * 40)
        assert list(read_receipt(genuine.replace(b"Date: ", b"X-Date: "))) == []

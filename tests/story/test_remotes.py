"""Several hosts of one project: who had a tag first, who has it alone, and tags that are not what they were."""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.following import Follower, follow, too_long
from tests.support.material import (
    BEGIN,
    DAY,
    HOUR,
    MINUTE,
    GitRepository,
    Mail,
    git,
    hidden,
    make_epoch,
    make_repository,
)
from tests.support.servers import GitHttp, git_over_http, nobody_at_home

NEWS = "1.1-rc2"


@dataclass(frozen=True, slots=True)
class Hosts:
    """Three hosts of the same project."""

    own: GitRepository
    folder: Path
    servers: dict[str, GitHttp]

    @property
    def urls(self) -> list[str]:
        return [f"{server.url}/demo.git" for server in self.servers.values()]

    def path(self, name: str) -> Path:
        return self.folder / name / "demo.git"

    def sync(self, *names: str) -> None:
        """These hosts get all that the first one has."""
        for name in names:
            git(self.path(name), "fetch", "--quiet", "--force", "--prune", str(self.own.path), "+refs/*:refs/*")


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    """A primary and two mirrors over HTTP, all with the same two releases."""
    own = make_repository(tmp_path / "primary" / "demo.git")
    own.release("1.0", "1.1-rc1")
    with ExitStack() as stack:
        servers = {}
        for name in ("primary", "ahead", "stale"):
            if name != "primary":
                shutil.copytree(own.path, tmp_path / name / "demo.git")
            servers[name] = stack.enter_context(git_over_http(tmp_path / name))
        yield Hosts(own, tmp_path, servers)


def changes(demo: Follower) -> list[dict[str, Any]]:
    """The tags that were found not to be what they were."""
    return [json.loads(row["facts"]) for row in demo.rows("SELECT facts FROM notices WHERE kind = 'changed'")]


def stations(demo: Follower, version: str) -> dict[str, tuple[str | None, str | None]]:
    """When each host showed the tag: since our last look without it, at our first with it."""
    found = demo.rows(
        "SELECT source, after, at FROM timeline WHERE station = 'visible' AND version_id = ? ORDER BY source", version
    )
    return {row["source"].removeprefix("tags "): (row["after"], row["at"]) for row in found}


@pytest.mark.parametrize("history", ["all", "cycle"])
def test_dead_stale_and_ahead_give_one_release_from_where_it_is(hosts: Hosts, history: str, tmp_path: Path) -> None:
    """The tag that one mirror has is tracked, counted and told from there; the dead host adds its station later."""
    primary, ahead, stale = hosts.urls
    demo = follow(tmp_path / "user", tags=hosts.urls, history=history)
    demo.poll(BEGIN + 30 * DAY)
    hosts.own.release(NEWS)
    hosts.sync("ahead")
    with hidden(hosts.path("primary")):
        told = demo.poll(BEGIN + 30 * DAY + HOUR)
    assert (told.new, told.sent, told.outcomes) == ([NEWS], 1, ["error", "good", "good"])
    release = demo.release(NEWS)
    expected = [hosts.own.count("v1.1-rc1", "v1.1-rc2", *options) for options in ((), ("--no-merges",))]
    assert [release["commits"], release["commits_no_merges"]] == expected
    assert set(stations(demo, NEWS)) == {ahead}
    [mail] = demo.mails()
    assert "Only a mirror has the tag so far" in mail.get_content()
    assert ahead in mail.get_content()

    revived = demo.poll(BEGIN + 30 * DAY + 2 * HOUR)
    assert (revived.new, revived.sent) == ([], 0)
    assert set(stations(demo, NEWS)) == {ahead, primary}
    hosts.sync("stale")
    assert demo.poll(BEGIN + 30 * DAY + 3 * HOUR).sent == 0
    assert set(stations(demo, NEWS)) == {ahead, primary, stale}
    # The primary was not seen without the tag after the mirror had it: nothing says who was first.
    assert "first at" not in demo.rctrack("show", "demo", NEWS).stdout
    assert len(demo.rows("SELECT * FROM releases WHERE version = ?", NEWS)) == 1


def test_first_is_said_only_where_intervals_do_not_overlap(hosts: Hosts, tmp_path: Path) -> None:
    """The others were looked at after the first one had the tag, and did not have it."""
    primary, _, _ = hosts.urls
    demo = follow(tmp_path / "user", tags=hosts.urls)
    demo.poll(BEGIN + 30 * DAY)
    hosts.own.release(NEWS)
    demo.poll(BEGIN + 30 * DAY + HOUR)
    hosts.sync("ahead", "stale")
    demo.poll(BEGIN + 30 * DAY + 2 * HOUR)
    assert f"first at {primary}" in demo.rctrack("show", "demo", NEWS).stdout


def test_a_moved_tag_is_one_event_with_both_commits_and_one_mail(hosts: Hosts, tmp_path: Path) -> None:
    """However many hosts show it, one after the other; the release stays what it was."""
    demo = follow(tmp_path / "user", tags=hosts.urls)
    demo.poll(BEGIN + 30 * DAY)
    before = hosts.own.commit_of("v1.1-rc1")
    hosts.own.commit()
    hosts.own.tag("v1.1-rc1")
    after = hosts.own.commit_of("v1.1-rc1")
    assert demo.poll(BEGIN + 30 * DAY + HOUR).sent == 1
    hosts.sync("ahead", "stale")
    assert demo.poll(BEGIN + 30 * DAY + 2 * HOUR).sent == 0
    [change] = changes(demo)
    assert (change["flag"], change["commit"], change["new_commit"]) == ("retagged", before, after)
    assert (demo.release("1.1-rc1")["commit"], demo.release("1.1-rc1")["flags"]) == (before, "retagged")
    [mail] = demo.mails()
    assert "RETAGGED demo v1.1-rc1" in mail["Subject"]
    assert before in mail.get_content()
    assert after in mail.get_content()
    assert not too_long(mail.get_content())
    shown = demo.rctrack("show", "demo", "1.1-rc1").stdout
    assert f"commit {before}\n" in shown
    assert f"commit {after}\n" in shown
    assert not too_long(shown, 100)
    assert demo.rctrack("rebuild").returncode == 0
    assert changes(demo) == [change]


def test_hosts_that_do_not_agree_are_flagged_without_a_move(hosts: Hosts, tmp_path: Path) -> None:
    """A mirror with another object under the same name, seen while it is followed."""
    demo = follow(tmp_path / "user", tags=hosts.urls)
    demo.poll(BEGIN + 30 * DAY)
    forged = GitRepository(hosts.path("ahead"), hosts.own.now)
    forged.commit()
    forged.tag("v1.1-rc1")
    assert demo.poll(BEGIN + 30 * DAY + HOUR).sent == 1
    assert demo.release("1.1-rc1")["flags"] == "retagged"
    assert demo.release("1.1-rc1")["commit"] == hosts.own.commit_of("v1.1-rc1")


def test_a_tag_that_is_missing_once_says_nothing(hosts: Hosts, tmp_path: Path) -> None:
    """Two tags cut away for one look and put back: nothing is sent, flagged or lost."""
    demo = follow(tmp_path / "user", tags=[hosts.own.path])
    demo.poll(BEGIN + 30 * DAY)
    before = demo.visible("releases", "timeline", "notices", "outbox")
    ids = {tag: hosts.own.object_of(f"refs/tags/{tag}") for tag in ("v1.0", "v1.1-rc1")}
    hosts.own.tag("v1.1-rc3")
    demo.poll(BEGIN + 30 * DAY + MINUTE)
    before = demo.visible("releases", "timeline", "notices", "outbox")
    for round_number in range(3):
        git(hosts.own.path, "tag", "-d", *ids)
        assert demo.poll(BEGIN + 30 * DAY + (round_number + 1) * HOUR).sent == 0
        for tag, object_id in ids.items():
            git(hosts.own.path, "update-ref", f"refs/tags/{tag}", object_id)
        assert demo.poll(BEGIN + 30 * DAY + (round_number + 1) * HOUR + MINUTE).sent == 0
    assert demo.visible("releases", "timeline", "notices", "outbox") == before


def test_a_tag_that_is_gone_for_two_looks_is_withdrawn(hosts: Hosts, tmp_path: Path) -> None:
    """One event and one mail with its ids; the release stays, and stays what others follow."""
    demo = follow(tmp_path / "user", tags=hosts.urls)
    demo.poll(BEGIN + 30 * DAY)
    commit = hosts.own.commit_of("v1.1-rc1")
    git(hosts.own.path, "tag", "-d", "v1.1-rc1")
    assert demo.poll(BEGIN + 30 * DAY + HOUR).sent == 0
    assert demo.poll(BEGIN + 30 * DAY + 2 * HOUR).sent == 1
    assert [demo.poll(BEGIN + 30 * DAY + hours * HOUR).sent for hours in (3, 4)] == [0, 0]
    assert demo.release("1.1-rc1")["flags"] == "withdrawn"
    [change] = changes(demo)
    assert (change["flag"], change["commit"], change["new_commit"]) == ("withdrawn", commit, None)
    [mail] = demo.mails()
    assert commit in mail.get_content()


def test_a_project_that_prunes_its_tags_is_left_in_peace(hosts: Hosts, tmp_path: Path) -> None:
    """`tags_are_pruned`: gone says nothing."""
    demo = follow(tmp_path / "user", tags=[hosts.own.path], settings="tags_are_pruned = true")
    demo.poll(BEGIN + 30 * DAY)
    git(hosts.own.path, "tag", "-d", "v1.1-rc1")
    assert [demo.poll(BEGIN + 30 * DAY + hours * HOUR).sent for hours in (1, 2, 3)] == [0, 0, 0]
    assert demo.release("1.1-rc1")["flags"] == ""


def test_a_host_that_is_suddenly_empty_is_not_believed(hosts: Hosts, tmp_path: Path) -> None:
    """No tag where there were some is a fault of that host, however often it is seen."""
    demo = follow(tmp_path / "user", tags=[hosts.own.path])
    demo.poll(BEGIN + 30 * DAY)
    git(hosts.own.path, "tag", "-d", "v1.0", "v1.1-rc1")
    for hours in (1, 2, 3):
        looked = demo.poll(BEGIN + 30 * DAY + hours * HOUR)
        assert (looked.sent, looked.outcomes) == (0, ["error"])
    assert demo.release("1.1-rc1")["flags"] == ""


def test_a_count_that_could_not_be_made_is_made_good_without_a_second_mail(hosts: Hosts, tmp_path: Path) -> None:
    """The host shows the tag and then gives no commits; later it does."""
    demo = follow(tmp_path / "user", tags=hosts.urls[:1], history="cycle")
    demo.poll(BEGIN + 30 * DAY)
    hosts.own.release(NEWS)
    hosts.servers["primary"].gives_no_objects = True
    told = demo.poll(BEGIN + 30 * DAY + HOUR)
    hosts.servers["primary"].gives_no_objects = False
    assert (told.new, told.sent) == ([NEWS], 0), "known at once, and mailed with its count"
    assert demo.release(NEWS)["commits"] is None
    assert demo.poll(BEGIN + 30 * DAY + 2 * HOUR).sent == 1
    commits = hosts.own.count("v1.1-rc1", "v1.1-rc2")
    assert demo.release(NEWS)["commits"] == commits
    [mail] = demo.mails()
    assert f"out: {commits} commits" in mail["Subject"]
    assert demo.poll(BEGIN + 30 * DAY + 3 * HOUR).sent == 0


def test_a_count_that_does_not_come_holds_the_mail_for_two_hours_and_no_longer(hosts: Hosts, tmp_path: Path) -> None:
    """Then it goes out without; the count that comes later stands in the digest and in no second mail."""
    reader = 'send = ["alerts", "digest"]\ndigest = "daily 08:00"'
    demo = follow(tmp_path / "user", tags=hosts.urls[:1], history="cycle", reader=reader)
    demo.poll(BEGIN + 30 * DAY)
    hosts.own.release(NEWS)
    hosts.servers["primary"].gives_no_objects = True
    sent = [demo.poll(BEGIN + 30 * DAY + minutes * MINUTE).sent for minutes in (10, 60, 129)]
    assert sent == [0, 0, 0]
    assert demo.poll(BEGIN + 30 * DAY + 130 * MINUTE).sent == 1
    hosts.servers["primary"].gives_no_objects = False
    assert demo.poll(BEGIN + 30 * DAY + 3 * HOUR).sent == 0
    demo.poll(BEGIN + 31 * DAY)
    [digest] = [mail for mail in demo.mails() if "digest" in mail["Subject"]]
    assert f"{hosts.own.count('v1.1-rc1', 'v1.1-rc2')} commits" in digest.get_content()


@pytest.mark.parametrize("history", ["all", "cycle"])
def test_a_mirror_counts_from_a_release_that_it_has_no_tag_of(hosts: Hosts, history: str, tmp_path: Path) -> None:
    """It has the commits; the host with the tag of the release before is dead."""
    git(hosts.path("ahead"), "tag", "-d", "v1.1-rc1")
    demo = follow(tmp_path / "user", tags=hosts.urls[:2], history=history)
    demo.poll(BEGIN + 30 * DAY)
    hosts.own.release(NEWS)
    git(hosts.path("ahead"), "fetch", "--quiet", "--no-tags", str(hosts.own.path), "v1.1-rc2:refs/tags/v1.1-rc2")
    with hidden(hosts.path("primary")):
        assert demo.poll(BEGIN + 30 * DAY + HOUR).outcomes == ["error", "good"]
    assert demo.release(NEWS)["commits"] == hosts.own.count("v1.1-rc1", "v1.1-rc2")


def test_commits_are_asked_of_the_nearest_healthy_host_that_shows_them(hosts: Hosts, tmp_path: Path) -> None:
    """The one that just answered, then the project's own, then mirrors; not of one that is down or lacks the tag."""
    servers = hosts.servers
    roles = {"ahead": "mirror", "stale": "mirror", "primary": "primary"}
    blocks = [f'[[tags]]\nurl = "{servers[name].url}/demo.git"\nrole = "{role}"\n' for name, role in roles.items()]
    demo = follow(tmp_path / "user", history="cycle", settings="".join(blocks))
    demo.poll(BEGIN + 30 * DAY)
    hosts.own.release(NEWS)
    hosts.sync("ahead")
    for server in servers.values():
        server.gives_no_objects = True
        server.requests.clear()
    with hidden(hosts.path("primary")):
        demo.poll(BEGIN + 30 * DAY + HOUR)
        assert servers["ahead"].fetches
        assert servers["stale"].fetches == []
    hosts.sync("stale")
    demo.poll(BEGIN + 30 * DAY + 2 * HOUR)
    with hidden(hosts.path("primary")):
        demo.poll(BEGIN + 30 * DAY + 3 * HOUR)
        servers["primary"].requests.clear()
        demo.poll(BEGIN + 30 * DAY + 3 * HOUR + MINUTE)
        assert len(servers["primary"].requests) == 1, "it is asked for its tags, and for no commits"
    demo.poll(BEGIN + 30 * DAY + 4 * HOUR)
    assert demo.release(NEWS)["commits"] is None
    servers["primary"].gives_no_objects = servers["stale"].gives_no_objects = False
    servers["stale"].requests.clear()
    demo.poll(BEGIN + 30 * DAY + 5 * HOUR)
    assert servers["stale"].fetches == []
    assert demo.release(NEWS)["commits"] == hosts.own.count("v1.1-rc1", "v1.1-rc2")


def test_what_a_range_cannot_tell_is_made_good_by_the_whole_history(hosts: Hosts, tmp_path: Path) -> None:
    """Who wrote for the first time, once the project's file asks for all of it."""
    demo = follow(tmp_path / "user", tags=hosts.urls[:1], history="cycle")
    demo.poll(BEGIN + 30 * DAY)
    assert demo.release("1.1-rc1")["first_time_authors"] is None
    follow(tmp_path / "user", tags=hosts.urls[:1], history="all")
    assert demo.poll(BEGIN + 30 * DAY + HOUR).sent == 0
    release = demo.release("1.1-rc1")
    assert (release["first_time_authors"], release["commits"]) == (0, hosts.own.count("v1.0", "v1.1-rc1"))


def test_a_count_that_no_host_gives_has_its_reason_and_is_the_mails(hosts: Hosts, tmp_path: Path) -> None:
    """In the poll, in the outcome of the look, in the list of releases."""
    epoch = make_epoch(tmp_path / "list.git")
    demo = follow(tmp_path / "user", tags=hosts.urls[:1], lists=[epoch.path], history="cycle")
    demo.poll(BEGIN + 30 * DAY)
    hosts.own.release(NEWS)
    body = "Kim Maintainer (7):\n      one\n      two\n      three\n      four\n      five\n      six\n      seven\n"
    epoch.add(Mail(f"[ANNOUNCE] demo v{NEWS}", at=hosts.own.now, body=body))
    hosts.servers["primary"].gives_no_objects = True
    demo.poll(BEGIN + 30 * DAY + HOUR)
    reasons = [row["reason"] for row in demo.rows("SELECT reason FROM runs WHERE source LIKE 'tags %' ORDER BY id")]
    assert [bool(reason) for reason in reasons] == [False, True]
    assert "503" in reasons[-1]
    assert "not counted or not verified: http" in demo.rctrack("poll").stdout
    assert [line.split()[-4:] for line in demo.rctrack("releases", "demo").stdout.splitlines() if NEWS in line[:9]] == [
        ["7", "by", "mail", "1.1-rc1"]
    ]


def test_odd_tags_are_read_as_what_they_are(tmp_path: Path) -> None:
    """Nested, lightweight, on a tree, on a blob, of years that no calendar holds: over HTTP and from a folder."""
    own = make_repository(tmp_path / "hosts" / "demo.git")
    own.release("1.0")
    own.tag("v1.1-rc1", own.commit())
    inner = own.object_of("refs/tags/v1.1-rc1")
    own.tag("v1.1-rc2", inner)
    own.light_tag("v1.1-rc3", own.commit())
    own.tag("v1.1-rc4", own.object_of("main^{tree}"))
    own.light_tag("v1.1-rc5", own.object_of("main^{tree}"))
    content = (
        f"object {own.commit_of('main')}\ntype commit\ntag v1.1-rc6\ntagger K <k@example.org> 99999999999999 +9999\n\n"
    )
    absurd = git(own.path, "hash-object", "-t", "tag", "-w", "--literally", "--stdin", stdin=content.encode())
    git(own.path, "update-ref", "refs/tags/v1.1-rc6", absurd)
    own.light_tag("v1.1-rc7-dontuse", own.commit())
    with git_over_http(tmp_path / "hosts") as server:
        far = follow(tmp_path / "far", tags=[f"{server.url}/demo.git"])
        assert far.poll(BEGIN + 30 * DAY).outcomes == ["good"]
    near = follow(tmp_path / "near", tags=[own.path])
    assert near.poll(BEGIN + 30 * DAY).outcomes == ["good"]
    for demo in (far, near):
        rows = {row["version"]: row for row in demo.rows("SELECT * FROM releases")}
        assert set(rows) == {"1.0", "1.1-rc1", "1.1-rc2", "1.1-rc3", "1.1-rc6", "1.1-rc7"}
        assert rows["1.1-rc2"]["commit"] == rows["1.1-rc1"]["commit"]
        assert rows["1.1-rc6"]["tagged_at"] is None
        assert rows["1.1-rc7"]["flags"] == '["withdrawn"]'
        assert {row["subject"] for row in demo.rows("SELECT subject FROM unrecognised")} == {"v1.1-rc4", "v1.1-rc5"}


def test_a_release_that_is_born_withdrawn_is_told_once(tmp_path: Path) -> None:
    """In the mail that tells of it; a suffix that comes later is an incident."""
    own = make_repository(tmp_path / "demo.git")
    own.release("1.0", "1.1-rc1")
    demo = follow(tmp_path / "user", tags=[own.path])
    demo.poll(own.now + HOUR)
    own.tag("v1.1-rc2-dontuse", own.commit())
    demo.poll(own.now + 2 * HOUR)
    [mail] = demo.mails()
    assert "v1.1-rc2-dontuse out" in str(mail["Subject"])
    assert str(mail["Subject"]).endswith(", withdrawn")
    assert "Withdrawn: the tag v1.1-rc2-dontuse is not to be used or is gone." in " ".join(mail.get_content().split())
    assert "git log v1.1-rc1..v1.1-rc2-dontuse\n" in mail.get_content()
    assert [change["flag"] for change in changes(demo)] == ["withdrawn"]
    own.tag("v1.1-rc1-dontuse", "v1.1-rc1")
    demo.poll(own.now + 3 * HOUR)
    assert [str(each["Subject"]) for each in demo.mails() if "WITHDRAWN" in str(each["Subject"])] == [
        "[rctrack] WITHDRAWN demo v1.1-rc1-dontuse"
    ]
    assert len(demo.mails()) == 2


def test_a_hundred_thousand_refs_are_read(tmp_path: Path) -> None:
    """In one look, with the few releases among them."""
    own = make_repository(tmp_path / "demo.git")
    own.release("1.0", "1.1-rc1")
    head = own.commit_of("main")
    git(own.path, "pack-refs", "--all")
    packed = own.path / "packed-refs"
    known = packed.read_text().splitlines(keepends=True)
    builds = sorted(f"{head} refs/tags/build-{number}\n" for number in range(100_000))
    packed.write_text("".join(["# pack-refs with: sorted\n", known[1], *builds, *known[2:]]))
    demo = follow(tmp_path / "user", tags=[own.path], settings="ignore_tags = '^build-'")
    assert demo.poll(BEGIN + 30 * DAY).outcomes == ["good"]
    assert [row["version"] for row in demo.rows("SELECT version FROM releases ORDER BY position")] == ["1.0", "1.1-rc1"]


def test_nobody_at_home_is_a_reason_and_nothing_else(tmp_path: Path) -> None:
    """A host that is down before our first look."""
    with nobody_at_home() as url:
        demo = follow(tmp_path / "user", tags=[f"{url}/demo.git"])
        assert demo.poll(BEGIN).outcomes == ["no answer"]
    [run] = demo.rows("SELECT outcome, reason FROM runs")
    assert run["outcome"] == "no answer"
    assert run["reason"]

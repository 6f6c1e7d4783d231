"""Packs that mean harm, or come from hosts that have less than they show: not believed, and no harm to the others."""

import hashlib
import struct
import subprocess
import zlib
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from rctrack.process import Limits
from rctrack.sources.gitstore import git_range, objects
from rctrack.sources.gitstore import repository as git_source
from tests.support.following import Follower, follow
from tests.support.material import BEGIN, DAY, HOUR, GitRepository, git, make_repository
from tests.support.servers import git_daemon, git_over_http
from tests.unit.sources.test_hostile_git import Answer, begin, hostile, packet

KINDS = {"commit": 1, "tree": 2, "blob": 3, "tag": 4}
WHO = b"A <a@example.org> 1700000000 +0000"
NOWHERE = "1" * 40
Shown = list[tuple[str, str, str]]
"""Object, what is behind it, and the tag's name."""


def commit(*parents: str, author: bytes = WHO, text: bytes = b"") -> bytes:
    lines = [b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904", *(b"parent " + each.encode() for each in parents)]
    return b"\n".join([*lines, b"author " + author, b"committer " + WHO, b"", text])


def id_of(kind: str, content: bytes) -> str:
    return hashlib.sha1(f"{kind} {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()


def pack(*contents: tuple[str, bytes]) -> bytes:
    """A pack of these objects, whatever is in them."""
    parts = [struct.pack(">4sII", b"PACK", 2, len(contents))]
    for kind, content in contents:
        size = len(content)
        head = bytearray([(KINDS[kind] << 4) | (size & 15)])
        size >>= 4
        while size:
            head[-1] |= 0x80
            head.append(size & 0x7F)
            size >>= 7
        parts += [bytes(head), zlib.compress(content, 9)]
    body = b"".join(parts)
    return body + hashlib.sha1(body, usedforsecurity=False).digest()


def show(tags: Shown) -> Answer:
    """These tags, as they are at that moment."""

    def answer(request: BaseHTTPRequestHandler, _body: bytes) -> None:
        begin(request, "result")
        for object_id, behind, name in tags:
            peeled = f" peeled:{behind}" if behind != object_id else ""
            request.wfile.write(packet(f"{object_id} refs/tags/{name}{peeled}\n".encode()))
        request.wfile.write(b"0000")

    return answer


def give(content: bytes) -> Answer:
    """This pack, whatever is asked for."""

    def answer(request: BaseHTTPRequestHandler, body: bytes) -> None:
        begin(request, "result")
        if b"0009done" not in body:
            request.wfile.write(packet(b"acknowledgments\n") + packet(b"NAK\n") + b"0000")
            return
        request.wfile.write(packet(b"packfile\n"))
        for start in range(0, len(content), 60_000):
            request.wfile.write(packet(b"\x01" + content[start : start + 60_000]))
        request.wfile.write(b"0000")

    return answer


def counts(demo: Follower) -> dict[str, int | None]:
    return {row["version"]: row["commits"] for row in demo.rows("SELECT version, commits FROM releases")}


def reasons(demo: Follower) -> list[str | None]:
    """Of the newest look at each source, in their order."""
    return [row["reason"] for row in demo.rows("SELECT reason, max(id) FROM outcomes GROUP BY source ORDER BY 2")]


@pytest.mark.parametrize("names", [b"x tag", b"a commit", b"--batch", b"HEAD", b""])
def test_a_tag_of_nothing_that_has_an_id_is_a_tag_without_a_date(names: bytes, tmp_path: Path) -> None:
    """Its object line is the server's to choose; the other tags of the same look are kept."""
    tag = b"object " + names + b"\ntype tag\ntag v1.1-rc1\ntagger " + WHO + b"\n\n"
    crafted, behind = id_of("tag", tag), id_of("commit", commit())
    tags = [(behind, behind, "v1.0"), (crafted, behind, "v1.1-rc1")]
    with hostile(show(tags), give(pack(("tag", tag), ("commit", commit())))) as url:
        demo = follow(tmp_path / "user", tags=[url], history="cycle")
        assert demo.poll(BEGIN).outcomes == ["good"]
    assert "1.0" in counts(demo)
    assert set(counts(demo).values()) == {None}


def test_a_commit_that_unpacks_to_more_than_its_limit_is_no_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred megabytes come as a hundred kilobytes; git meets its limit of memory, and that is the reason."""
    monkeypatch.setattr(git_range, "_LIMITS", Limits(memory=2**26 + 2**25))
    huge = commit(NOWHERE, text=b"x" * 2**27)
    made = id_of("commit", huge)
    tags = [(NOWHERE, NOWHERE, "v1.0"), (made, made, "v1.1-rc1")]
    with hostile(show(tags), give(pack(("commit", huge)))) as url:
        demo = follow(tmp_path / "user", tags=[url], history="cycle")
        assert demo.poll(BEGIN).outcomes == ["good"]
    assert counts(demo) == {"1.0": None, "1.1-rc1": None}
    assert "memory" in (reasons(demo)[0] or "")
    assert not list(demo.database.parent.glob("range-*"))


def test_commits_that_unpack_to_more_than_their_limit_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is small enough for git, and all of them together would fill our own memory."""
    monkeypatch.setattr(objects, "_MOST_COMMIT_BYTES", 2**20)
    made, contents = NOWHERE, []
    for number in range(20):
        contents.append(("commit", commit(made, author=b"x" * 100_000 + b"%d " % number + WHO)))
        made = id_of(*contents[-1])
    tags = [(NOWHERE, NOWHERE, "v1.0"), (made, made, "v1.1-rc1")]
    with hostile(show(tags), give(pack(*contents))) as url:
        demo = follow(tmp_path / "user", tags=[url], history="cycle")
        assert demo.poll(BEGIN).outcomes == ["good"]
    assert counts(demo) == {"1.0": None, "1.1-rc1": None}
    assert "unpacked" in (reasons(demo)[0] or "")


def test_a_server_that_sends_more_than_the_range_is_not_believed(tmp_path: Path) -> None:
    """All of it, with the release before, whatever we said that we have."""
    root = commit(text=b"root")
    base = id_of("commit", root)
    tip = commit(base, text=b"tip")
    made = id_of("commit", tip)
    with hostile(
        show([(base, base, "v1.0"), (made, made, "v1.1-rc1")]), give(pack(("commit", root), ("commit", tip)))
    ) as url:
        demo = follow(tmp_path / "user", tags=[url], history="cycle")
        assert demo.poll(BEGIN).outcomes == ["good"]
    assert counts(demo) == {"1.0": None, "1.1-rc1": None}
    assert "did not send the range" in (reasons(demo)[0] or "")


def test_a_clone_that_grows_past_its_limit_is_given_up_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the size of a file; when the limit allows it, the next look goes on."""
    own = make_repository(tmp_path / "hosts" / "demo.git")
    own.release("1.0", "1.1-rc1")
    own.commit(3000)
    own.tag("v1.1-rc2")
    with git_over_http(tmp_path / "hosts") as server:
        demo = follow(tmp_path / "user", tags=[f"{server.url}/demo.git"])
        monkeypatch.setattr(git_source, "_CLONE", Limits(file=100_000))
        assert demo.poll(BEGIN).outcomes == ["error"]
        assert reasons(demo)[0]
        left = [each for each in demo.database.parent.rglob("*") if each.is_file() and each.stat().st_size > 50_000]
        assert [each.name for each in left if "pack" in each.name] == []
        monkeypatch.setattr(git_source, "_CLONE", Limits())
        assert demo.poll(BEGIN + HOUR).outcomes == ["good"]
    assert counts(demo)["1.1-rc2"] == own.count("v1.1-rc1", "v1.1-rc2")


def test_a_mirror_that_sends_commits_without_their_history_does_not_stop_the_others(tmp_path: Path) -> None:
    """Git takes them into a copy without files, and would then fail at the hole whomever it asks."""
    own = make_repository(tmp_path / "hosts" / "demo.git")
    own.release("1.0", "1.1-rc1")
    tags = [(own.object_of(name), own.commit_of(name), name) for name in ("v1.0", "v1.1-rc1")]
    torn = id_of("commit", commit(NOWHERE))
    with (
        git_over_http(tmp_path / "hosts") as server,
        hostile(show(tags), give(pack(("commit", commit(NOWHERE))))) as url,
    ):
        demo = follow(tmp_path / "user", tags=[f"{server.url}/demo.git", url])
        assert demo.poll(BEGIN + 30 * DAY).outcomes == ["good", "good"]
        tags.append((torn, torn, "v1.1-rc9"))
        assert demo.poll(BEGIN + 30 * DAY + HOUR).outcomes == ["good", "error"]
        assert "without those before them" in (reasons(demo)[-1] or "")
        own.release("1.1-rc2")
        told = demo.poll(BEGIN + 30 * DAY + 2 * HOUR)
    assert told.outcomes[0] == "good"
    assert "1.1-rc2" in told.new
    assert counts(demo)["1.1-rc2"] == own.count("v1.1-rc1", "v1.1-rc2")


@pytest.fixture
def shallow(tmp_path: Path) -> tuple[GitRepository, Path]:
    """A repository whose last range is longer than what a shallow copy of it has, and that copy."""
    own = make_repository(tmp_path / "full" / "demo.git")
    own.release("1.0", "1.1-rc1")
    own.commit(10)
    own.release("1.1-rc2")
    path = tmp_path / "shallow" / "demo.git"
    source = own.path.as_uri()
    subprocess.run(["git", "clone", "--quiet", "--bare", "--depth=3", source, str(path)], check=True)
    git(path, "fetch", "--quiet", "--depth=3", source, "refs/tags/*:refs/tags/*")
    git(path, "config", "uploadpack.allowFilter", "true")
    return own, path


@pytest.mark.parametrize("how", ["http", "http before version 2", "git"])
def test_what_a_shallow_repository_sends_is_not_counted(
    shallow: tuple[GitRepository, Path], how: str, tmp_path: Path
) -> None:
    """Its range ends where it ends, and looks like one that ends at the release before."""
    _, path = shallow
    with git_over_http(path.parent, protocol_v2=how == "http") as server, git_daemon(path.parent) as daemon:
        demo = follow(tmp_path / "user", tags=[f"{daemon if how == 'git' else server.url}/demo.git"], history="cycle")
        assert demo.poll(BEGIN + 30 * DAY).outcomes == ["good"]
    assert set(counts(demo).values()) == {None}
    assert "shallow" in (reasons(demo)[0] or "")


def test_a_shallow_mirror_that_was_first_does_not_spoil_the_count(
    shallow: tuple[GitRepository, Path], tmp_path: Path
) -> None:
    """Its commits are in our copy without their history; the next host that has them all is asked for the range."""
    own, path = shallow
    tag = own.object_of("v1.1-rc2")
    git(own.path, "update-ref", "-d", "refs/tags/v1.1-rc2")
    with git_over_http(own.path.parent) as primary, git_over_http(path.parent) as mirror:
        demo = follow(tmp_path / "user", tags=[f"{each.url}/demo.git" for each in (primary, mirror)])
        assert demo.poll(BEGIN + 30 * DAY).outcomes == ["good", "good"]
        assert counts(demo)["1.1-rc2"] is None
        git(own.path, "update-ref", "refs/tags/v1.1-rc2", tag)
        assert demo.poll(BEGIN + 30 * DAY + HOUR).outcomes == ["good", "good"]
    assert counts(demo)["1.1-rc2"] == own.count("v1.1-rc1", "v1.1-rc2")

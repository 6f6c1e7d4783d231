"""Git servers that mean harm, or are broken: each ends within its limit with a reason, and nothing else happens."""

import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rctrack.core.evidence import Commit, ObjectId
from rctrack.core.look import Outcome
from rctrack.process import ProcessError, Runner
from rctrack.sources import Range, Tools
from rctrack.sources.gitstore import git_range
from rctrack.sources.gitstore import repository as git_source
from rctrack.sources.gitstore.answers import failed
from rctrack.sources.gitstore.git_range import fetch_range
from rctrack.web import Web
from tests.support.following import Follower, follow
from tests.support.material import BEGIN, HOUR, GitRepository, git, make_repository
from tests.support.servers import git_over_http, web_page

ID = "1" * 40
Answer = Callable[[BaseHTTPRequestHandler, bytes], None]


def packet(text: bytes) -> bytes:
    return b"%04x%s" % (len(text) + 4, text)


V2 = (
    packet(b"# service=git-upload-pack\n")
    + b"0000"
    + b"".join(map(packet, (b"version 2\n", b"agent=git/hostile\n", b"ls-refs\n", b"fetch=shallow filter\n")))
    + b"0000"
)


@contextmanager
def hostile(refs: Answer, pack: Answer | None = None) -> Iterator[str]:
    """A server that begins like git; `refs` answers ls-refs and `pack` a fetch."""

    class Hostile(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            begin(self, "advertisement")
            self.wfile.write(V2)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            is_fetch = b"command=fetch" in body
            try:
                (pack if is_fetch and pack else refs)(self, body)
            except OSError:
                """The client has ended it."""

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    with serving(Hostile) as url:
        yield url


@contextmanager
def serving(handler: type[socketserver.BaseRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/demo.git"
        server.shutdown()


def begin(request: BaseHTTPRequestHandler, kind: str) -> None:
    request.send_response(200)
    request.send_header("Content-Type", f"application/x-git-upload-pack-{kind}")
    request.end_headers()


def show(*names: bytes) -> Answer:
    """Exactly these refs."""

    def answer(request: BaseHTTPRequestHandler, _body: bytes) -> None:
        begin(request, "result")
        request.wfile.write(b"".join(packet(ID.encode() + b" " + name + b"\n") for name in names) + b"0000")

    return answer


def hang(request: BaseHTTPRequestHandler, _body: bytes) -> None:
    """Begins and says no more."""
    begin(request, "result")
    request.wfile.flush()
    request.connection.recv(1)


def endless(request: BaseHTTPRequestHandler, _body: bytes) -> None:
    """One ref after the other, for ever."""
    begin(request, "result")
    number = 0
    while True:
        lines = (ID.encode() + b" refs/tags/" + b"x" * 900 + b"%d\n" % (number + i) for i in range(1000))
        request.wfile.write(b"".join(map(packet, lines)))
        number += 1000


def looks(url: str, folder: Path, history: str = "all") -> Follower:
    demo = follow(folder / "user", tags=[url], history=history)
    demo.poll(BEGIN)
    return demo


def reason(demo: Follower) -> str:
    """Why the only look failed."""
    [outcome] = demo.rows("SELECT outcome, reason FROM runs")
    assert outcome["outcome"] != "good"
    return str(outcome["reason"])


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that a test can wait for."""
    monkeypatch.setattr(git_source, "QUICK", 6.0)
    monkeypatch.setattr(git_source, "LONG", 6.0)
    monkeypatch.setattr(git_range, "_SECONDS", 8.0)
    monkeypatch.setattr(git_source, "_MOST_REFS_BYTES", 2**20)


def test_an_endless_list_of_refs_ends_at_a_limit(tmp_path: Path) -> None:
    """Of time, bytes or memory, whichever comes first."""
    began = time.monotonic()
    with hostile(endless) as url:
        assert reason(looks(url, tmp_path))
    assert time.monotonic() - began < 60


def test_a_server_that_hangs_is_given_up(tmp_path: Path) -> None:
    """With its list of refs half said."""
    with hostile(hang) as url:
        assert "no end within" in reason(looks(url, tmp_path))


def test_a_server_that_hangs_before_the_first_byte_is_given_up(tmp_path: Path) -> None:
    """It takes the connection and says nothing."""

    class Mute(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            while self.request.recv(4096):
                """Listens."""

    with serving(Mute) as url:
        assert "no end within" in reason(looks(url, tmp_path))


@pytest.mark.parametrize("history", ["all", "cycle"])
@pytest.mark.parametrize("pack", [hang, show(b"no pack")], ids=["hangs", "nonsense"])
def test_a_fetch_that_comes_to_nothing_loses_nothing(pack: Answer, history: str, tmp_path: Path) -> None:
    """The look ends with a reason, or with the tag and without its count; the state folder keeps no half pack."""
    with hostile(show(b"refs/tags/v1.0", b"refs/tags/v1.1-rc1"), pack) as url:
        demo = looks(url, tmp_path, history)
    if history == "all":
        assert reason(demo)
    else:
        assert {row["version"] for row in demo.rows("SELECT version FROM releases")} == {"1.0", "1.1-rc1"}
        [outcome] = demo.rows("SELECT outcome, reason FROM runs")
        assert outcome["outcome"] == "good"
        assert url in outcome["reason"]
        assert demo.rows("SELECT * FROM counts") == []
        assert not list(demo.database.parent.glob("range-*"))


def test_a_truncated_pack_is_no_count(tmp_path: Path) -> None:
    """Cut in the middle by a proxy, say."""
    own = make_repository(tmp_path / "hosts" / "demo.git")
    own.release("1.0", "1.1-rc1")
    ids = (ObjectId(own.object_of("refs/tags/v1.1-rc1")), Commit(own.commit_of("v1.1-rc1")))
    wanted = Range("v1.1-rc1", *ids, Commit(own.commit_of("v1.0")))
    tools = Tools(Runner(), tmp_path / "state", "rctrack/test", lambda *_: None, Web("rctrack/test"))
    with git_over_http(tmp_path / "hosts") as server:
        server.cuts_objects_at = 300
        with pytest.raises(ProcessError):
            list(fetch_range(f"{server.url}/demo.git", wanted, tools))
        server.cuts_objects_at = None
        assert list(fetch_range(f"{server.url}/demo.git", wanted, tools))
    assert not list((tmp_path / "state").iterdir())


def test_a_pack_without_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a number of bytes, long before the time is over; nothing of it is kept."""
    own = make_repository(tmp_path / "hosts" / "demo.git")
    own.release("1.0", "1.1-rc1")
    ids = (ObjectId(own.object_of("refs/tags/v1.1-rc1")), Commit(own.commit_of("v1.1-rc1")))
    tools = Tools(Runner(), tmp_path / "state", "rctrack/test", lambda *_: None, Web("rctrack/test"))
    monkeypatch.setattr(git_range, "_MOST_BYTES", 300)
    with git_over_http(tmp_path / "hosts") as server, pytest.raises(ProcessError, match="more than 300 bytes"):
        list(fetch_range(f"{server.url}/demo.git", Range("v1.1-rc1", *ids, Commit(own.commit_of("v1.0"))), tools))
    assert not list((tmp_path / "state").iterdir())


@pytest.mark.parametrize("where", ["file:///etc/passwd", "http://localhost:1/demo.git", "ext::sh -c true"])
def test_a_redirect_is_not_followed(where: str, tmp_path: Path) -> None:
    """Neither to a file nor to another host nor to a program."""

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", f"{where}/info/refs?service=git-upload-pack")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    with serving(Elsewhere) as url:
        assert "302" in reason(looks(url, tmp_path)) or "redirect" in reason(looks(url, tmp_path / "again"))


def a_range(tmp_path: Path) -> tuple[Range, Tools]:
    """A release of a repository at hosts/demo.git, and what to fetch it with."""
    own = make_repository(tmp_path / "hosts" / "demo.git")
    own.release("1.0", "1.1-rc1")
    ids = (ObjectId(own.object_of("refs/tags/v1.1-rc1")), Commit(own.commit_of("v1.1-rc1")))
    tools = Tools(Runner(), tmp_path / "state", "rctrack/test", lambda *_: None, Web("rctrack/test"))
    return Range("v1.1-rc1", *ids, Commit(own.commit_of("v1.0"))), tools


def test_a_range_is_not_fetched_where_a_redirect_leads(tmp_path: Path) -> None:
    """Though it would be found there: a host speaks for itself only."""
    wanted, tools = a_range(tmp_path)
    with git_over_http(tmp_path / "hosts") as elsewhere:

        class Redirect(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(302)
                self.send_header("Location", f"{elsewhere.url}{self.path}")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Nothing."""

        with serving(Redirect) as url, pytest.raises(ProcessError):
            list(fetch_range(url, wanted, tools))
        assert elsewhere.requests == []


def test_a_pack_is_not_fetched_from_where_the_server_says(tmp_path: Path) -> None:
    """Version 2 of the protocol lets a server name another host for a part of the pack."""
    wanted, tools = a_range(tmp_path)
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as elsewhere:
        elsewhere.timeout = 0
        met: list[object] = []
        elsewhere.process_request = lambda request, _: met.append(request)  # type: ignore[method-assign,assignment]
        uri = b"https://127.0.0.1:%d/x.pack sha1 %s\n" % (elsewhere.server_address[1], ID.encode())

        def name_it(request: BaseHTTPRequestHandler, _body: bytes) -> None:
            begin(request, "result")
            request.wfile.write(packet(b"packfile-uris\n") + packet(uri) + packet(b"packfile\n") + b"0000")

        with hostile(show(b"refs/tags/v1.1-rc1"), name_it) as url, pytest.raises(ProcessError, match="another host"):
            list(fetch_range(url, wanted, tools))
        elsewhere.handle_request()
    assert met == []


def test_a_page_where_a_range_was_asked_for_is_no_git(tmp_path: Path) -> None:
    """A bot wall is blocked, not down."""
    wanted, tools = a_range(tmp_path)
    with web_page() as url:
        with pytest.raises(ProcessError) as error:
            list(fetch_range(f"{url}/demo.git", wanted, tools))
        assert failed(error.value, f"{url}/demo.git", tools).outcome is Outcome.BLOCKED


def test_names_that_would_be_options_or_commands_are_only_names(tmp_path: Path) -> None:
    """Options, newlines and control characters in refs: shown with escapes, never executed, never a release."""
    witness = tmp_path / "witness"
    names = [
        b"refs/tags/--upload-pack=touch " + bytes(witness),
        b"refs/tags/v1.0\nrefs/tags/v6.6",
        b"refs/tags/v1.1\x1b]0;evil\x07",
        b"refs/tags/../../../../escape",
        b"refs/heads/-rf",
    ]
    with hostile(show(*names)) as url:
        demo = looks(url, tmp_path, "cycle")
    assert not witness.exists()
    assert demo.rows("SELECT version FROM releases WHERE version != '1.0'") == []
    subjects = [row["subject"] for row in demo.rows("SELECT subject FROM unrecognised")]
    assert any("--upload-pack" in subject for subject in subjects)
    assert all(subject.isprintable() for subject in subjects)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["user"]


def test_after_a_hostile_look_the_next_good_one_goes_on(tmp_path: Path) -> None:
    """Nothing of the failed look stands in its way."""
    own: GitRepository = make_repository(tmp_path / "hosts" / "demo.git")
    own.release("1.0")
    with git_over_http(tmp_path / "hosts") as server:
        demo = follow(tmp_path / "user", tags=[f"{server.url}/demo.git"])
        server.cuts_objects_at = 200
        assert demo.poll(BEGIN).outcomes == ["error"]
        server.cuts_objects_at = None
        assert demo.poll(BEGIN + HOUR).outcomes == ["good"]
    assert git(own.path, "tag") == "v1.0"
    assert [row["version"] for row in demo.rows("SELECT version FROM releases")] == ["1.0"]

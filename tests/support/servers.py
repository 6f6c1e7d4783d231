"""Real servers on loopback for the tests of sources: git over HTTP, git's own daemon, and hosts that do not help.

Each is a context manager that gives its base address and ends with the block:

    with git_over_http(folder) as server:      # serves every repository below the folder
        server.url                             # "http://127.0.0.1:PORT"; a repository is url/NAME.git
        server.requests                        # what was asked and how much was answered, in order
    with git_daemon(folder) as url: ...        # "git://127.0.0.1:PORT"
    with dumb_http(folder) as url: ...         # the files of repositories, by a server that knows nothing of git
    with web_page(html) as url: ...            # answers 200 with HTML whatever is asked, like a bot wall
    with nobody_at_home() as url: ...          # a port at which nobody listens
    with hanging_up(port) as url: ...          # a host that lets everybody in and says nothing

A repository serves filtered fetches only if it says so (`uploadpack.allowFilter`, see tests/material.py).
"""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from tests.support.material import git_environment


@dataclass(frozen=True, slots=True)
class Request:
    """One request to a server, and how it was answered."""

    method: str
    path: str
    sent: bytes
    """The body as it came over the wire, chunks joined, still compressed if it was."""
    status: int
    answered: int
    """Bytes of the answer's body."""
    user_agent: str
    protocol: str
    """The Git-Protocol header: "version=2"."""

    @property
    def is_fetch(self) -> bool:
        """Whether objects were asked for, not only refs: a negotiation with a command `fetch`."""
        return self.method == "POST" and b"command=fetch" in self.sent


@dataclass(slots=True)
class GitHttp:
    """A running git server; `requests` grows as it is asked."""

    url: str
    requests: list[Request] = field(default_factory=list)
    page: bytes | None = None
    """While it is set, every request is answered with 200 and this HTML instead."""
    refusal: tuple[int, dict[str, str], bytes] | None = None
    """While it is set, every request is answered with this status, these headers and this body instead."""
    gives_no_objects: bool = False
    """Answers a fetch with 503, and goes on to show its refs."""
    cuts_objects_at: int | None = None
    """Sends so many bytes of a fetch and no more."""

    @property
    def fetches(self) -> list[Request]:
        """The requests that asked for objects."""
        return [each for each in self.requests if each.is_fetch]


@contextmanager
def git_over_http(folder: Path, *, protocol_v2: bool = True, port: int = 0) -> Iterator[GitHttp]:
    """Every repository below the folder by `git http-backend`, as any git host serves them (protocol v2 too).

    With a `port` at the address that a host had before.
    """
    served = GitHttp("")

    class Bridge(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(_body(self))

        def _answer(self, body: bytes) -> None:
            if served.page is None:
                status, headers, answer = _http_backend(folder, self, body, protocol_v2=protocol_v2)
            else:
                status, headers, answer = 200, [("Content-Type", "text/html; charset=utf-8")], served.page
            if served.refusal is not None:
                status, answer = served.refusal[0], served.refusal[2]
                headers = [*served.refusal[1].items()]
            if served.gives_no_objects and b"command=fetch" in body:
                status, headers, answer = 503, [], b""
            if served.cuts_objects_at is not None and b"command=fetch" in body:
                answer = answer[: served.cuts_objects_at]
            served.requests.append(
                Request(
                    self.command,
                    self.path,
                    body,
                    status,
                    len(answer),
                    self.headers.get("User-Agent", ""),
                    self.headers.get("Git-Protocol", ""),
                )
            )
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the tests look at `requests`."""

    with _listening(Bridge, port) as url:
        served.url = url
        yield served


@contextmanager
def git_daemon(folder: Path) -> Iterator[str]:
    """Every repository below the folder by `git daemon`."""
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    argv = ["git", "daemon", f"--base-path={folder}", "--export-all", "--reuseaddr"]
    argv += ["--listen=127.0.0.1", f"--port={port}", "--verbose", str(folder)]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, env=git_environment(), start_new_session=True) as process:
        assert process.stderr is not None
        # Its first line comes when it listens: "[pid] Ready to rumble".
        ready = process.stderr.readline()
        # It waits when nobody reads what it says of each connection: a pipe holds a few hundred of them.
        listener = Thread(target=process.stderr.read, daemon=True)
        listener.start()
        try:
            assert b"Ready" in ready
            yield f"git://127.0.0.1:{port}"
        finally:
            process.terminate()
            listener.join()


@contextmanager
def dumb_http(folder: Path) -> Iterator[str]:
    """The files below the folder, as any web server has them: to git, dumb HTTP (see `git update-server-info`)."""

    class Files(SimpleHTTPRequestHandler):
        extensions_map = {"": "text/plain"}  # noqa: RUF012 - the server's own name for it

        def __init__(self, *given: Any) -> None:
            super().__init__(*given, directory=str(folder))

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    with _listening(Files) as url:
        yield url


BOT_WALL = b"<!doctype html>\n<html>\n<title>Making sure you are not a bot</title>\n<p>One moment.\n</html>\n"
BOT_WALL_IN_ONE_LINE = BOT_WALL.replace(b"\n", b"")
"""To git, this is an empty repository: a list of refs that has no whole line."""


@contextmanager
def web_page(html: bytes = BOT_WALL) -> Iterator[str]:
    """A host that answers every request with 200 and this page."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(html)))
            self.end_headers()
            self.wfile.write(html)

        do_POST = do_GET  # noqa: N815 - the server looks for this name

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    with _listening(Page) as url:
        yield url


@contextmanager
def nobody_at_home() -> Iterator[str]:
    """An address that refuses every connection; the port stays taken, so that nobody else can answer at it."""
    with closing(socket.socket()) as unheard:
        unheard.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{unheard.getsockname()[1]}"


@contextmanager
def hanging_up(port: int = 0) -> Iterator[str]:
    """A host that ends every connection without a word, as one does behind a network that is cut."""
    with socket.create_server(("127.0.0.1", port)) as listening:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    listening.accept()[0].close()

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        thread.join()


@contextmanager
def _listening(answer: type[BaseHTTPRequestHandler], port: int = 0) -> Iterator[str]:
    server = _Server(("127.0.0.1", port), answer)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        server.hang_up()
        thread.join()


class _Server(ThreadingHTTPServer):
    """A server whose connections end with it, as they do when a process is killed."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.connections: list[socket.socket] = []

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.append(request)
        super().process_request(request, client_address)

    def hang_up(self) -> None:
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def _body(request: BaseHTTPRequestHandler) -> bytes:
    """The whole body; git sends long ones in chunks."""
    if request.headers.get("Transfer-Encoding", "").lower() != "chunked":
        return request.rfile.read(int(request.headers.get("Content-Length") or 0))
    chunks = []
    while size := int(request.rfile.readline().split(b";")[0], 16):
        chunks.append(request.rfile.read(size))
        request.rfile.readline()
    while request.rfile.readline().strip():
        """Trailers."""
    return b"".join(chunks)


def _http_backend(
    folder: Path, request: BaseHTTPRequestHandler, body: bytes, *, protocol_v2: bool
) -> tuple[int, list[tuple[str, str]], bytes]:
    """What `git http-backend` answers: status, headers and body."""
    url = urlsplit(request.path)
    variables = {
        **git_environment(),
        "GIT_PROJECT_ROOT": str(folder),
        "GIT_HTTP_EXPORT_ALL": "1",
        "REQUEST_METHOD": request.command,
        "PATH_INFO": url.path,
        "QUERY_STRING": url.query,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", "") if protocol_v2 else "",
        "REMOTE_ADDR": "127.0.0.1",
    }
    said = subprocess.run(
        ["git", "http-backend"],
        input=body,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    ).stdout
    head, _, answer = said.partition(b"\r\n\r\n")
    pairs = [line.split(": ", 1) for line in head.decode("latin-1").split("\r\n") if ": " in line]
    headers = [(name, value) for name, value in pairs if name != "Status"]
    status = next((int(value.split()[0]) for name, value in pairs if name == "Status"), 200)
    return status, headers, answer

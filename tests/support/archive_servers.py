"""Archives as they are served: a real public-inbox, pages of a folder, and hosts in between that do not help."""

import contextlib
import gzip
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.utils import formatdate
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import create_connection, create_server
from threading import Thread
from time import monotonic
from urllib.parse import quote, unquote, urlsplit

from tests.support.material import git_environment

Answer = tuple[int, str, bytes]
"""Status, media type and body."""


@dataclass(slots=True)
class Inbox:
    """A public-inbox with its own httpd; it can be stopped and started again at the same address."""

    folder: Path
    programs: Path
    url: str = ""
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def archive(self) -> Path:
        """The v2 inbox, whose epochs are below `git`."""
        return self.folder / "demo"

    def environment(self) -> dict[str, str]:
        return {**git_environment(), "PI_CONFIG": str(self.folder / "config"), "HOME": str(self.folder)}

    def run(self, *argv: str, content: bytes = b"", **environment: str) -> None:
        argv = (str(self.programs / argv[0]), *argv[1:])
        done = subprocess.run(
            argv, input=content, env={**self.environment(), **environment}, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()

    def add(self, *contents: bytes) -> None:
        """Mails arrive one after the other, as an MTA delivers them."""
        for content in contents:
            self.run("public-inbox-mda", content=content, ORIGINAL_RECIPIENT="demo@lists.example.org")
            if self.process is not None:
                self.process.send_signal(signal.SIGHUP)
                self._await(str(message_from_bytes(content)["Message-ID"]).strip("<>"))

    def _await(self, message_id: str) -> None:
        """Returns when a search finds the mail: a running httpd looks for what is new when it reads its files again."""
        end, status, url = monotonic() + 60, 0, urlsplit(self.url)
        while status != 200 and monotonic() < end:
            with closing(HTTPConnection(url.hostname or "", url.port, timeout=30)) as connection:
                connection.request("GET", f"{url.path}/?q=m:{quote(message_id)}&x=A")
                status = connection.getresponse().status
        assert status == 200, f"{message_id} did not become visible"

    def start(self) -> None:
        """httpd listens when this returns."""
        with closing(create_server(("127.0.0.1", 0))) as taken:
            port = urlsplit(self.url).port or taken.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/demo"
        argv = [str(self.programs / "public-inbox-httpd"), "-l", f"http://127.0.0.1:{port}", "-W0"]
        with (self.folder / "httpd.log").open("ab") as log:
            self.process = subprocess.Popen(
                argv, env=self.environment(), stdout=log, stderr=log, start_new_session=True
            )
        end = monotonic() + 60
        while monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(OSError), closing(create_connection(("127.0.0.1", port), 1)):
                return
        raise AssertionError((self.folder / "httpd.log").read_text())

    def stop(self) -> None:
        """Killed, as a crash would; whoever is connected is cut off."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


@contextmanager
def public_inbox(folder: Path, programs: Path, contents: list[bytes]) -> Iterator[Inbox]:
    """A v2 inbox with these mails, served."""
    folder.mkdir(parents=True, exist_ok=True)
    inbox = Inbox(folder, programs)
    address = "demo@lists.example.org"
    inbox.run("public-inbox-init", "-V2", "-L", "full", "demo", str(inbox.archive), "http://127.0.0.1/demo", address)
    subprocess.run(
        ["git", "config", "-f", str(folder / "config"), "publicinboxmda.spamcheck", "none"],
        env=git_environment(), check=True,
    )  # fmt: skip
    inbox.add(*contents)
    inbox.start()
    try:
        yield inbox
    finally:
        inbox.stop()


@dataclass(slots=True)
class Pages:
    """A host of pages; `asked` grows as it is asked, and `broken` pages are answered with something else."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    """Method and path."""
    not_modified: int = 0
    agents: set[str] = field(default_factory=set)
    broken: Callable[[str, str], Answer | None] = lambda method, path: None
    """Of method and path: an answer instead of the right one; raises ConnectionError to cut the connection."""


@contextmanager
def serve_folder(folder: Path) -> Iterator[Pages]:
    """The files of a folder, with Last-Modified as any web server has it; a folder is its index.html."""

    def answer(request: BaseHTTPRequestHandler) -> Answer:
        path = unquote(urlsplit(request.path).path).lstrip("/")
        query = urlsplit(request.path).query
        file = folder / path
        file = file / "index.html" if file.is_dir() else file
        paged = file.with_name(f"{file.name}?{query}") if query else file
        file = paged if paged.is_file() else file
        if not file.is_file():
            return 404, "text/html", b"<html><title>404 Not Found</title></html>"
        modified = formatdate(file.stat().st_mtime, usegmt=True)
        if request.headers.get("If-Modified-Since") == modified:
            return 304, "", modified.encode()
        kind = {".txt": "text/plain", ".gz": "application/gzip"}.get(file.suffix, "text/html")
        return 200, f"{kind}\nLast-Modified: {modified}", file.read_bytes()

    with _serve(answer) as pages:
        yield pages


@contextmanager
def in_front_of(url: str) -> Iterator[Pages]:
    """A host that hands each request on to another one; `broken` says what it does not hand on."""
    behind = urlsplit(url)

    def answer(request: BaseHTTPRequestHandler) -> Answer:
        with closing(HTTPConnection(behind.hostname or "", behind.port, timeout=30)) as connection:
            length = int(request.headers.get("Content-Length") or 0)
            named = ("Content-Type", "Content-Encoding", "Git-Protocol", "User-Agent")
            headers = {name: request.headers[name] for name in named if name in request.headers}
            asked = request.rfile.read(length)
            connection.request(request.command, request.path, asked, {**headers, "Host": behind.netloc})
            said = connection.getresponse()
            return said.status, said.headers.get("Content-Type", ""), said.read()

    with _serve(answer) as pages:
        pages.url += behind.path
        yield pages


@contextmanager
def serve_cgi(program: Path, settings: dict[str, str]) -> Iterator[Pages]:
    """A CGI program (RFC 3875) at the root of a host; only GET."""

    def answer(request: BaseHTTPRequestHandler) -> Answer:
        parts = urlsplit(request.path)
        said = {"PATH_INFO": unquote(parts.path), "QUERY_STRING": parts.query, "SCRIPT_NAME": ""}
        host = {"REQUEST_METHOD": "GET", "HTTP_HOST": request.headers["Host"], "SERVER_PROTOCOL": "HTTP/1.1"}
        done = subprocess.run(
            [program], env={**git_environment(), **said, **host, **settings}, capture_output=True, check=True
        )
        head, _, body = done.stdout.partition(b"\n\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
        return int(headers.get("Status", "200").split()[0]), headers.get("Content-Type", ""), body

    with _serve(answer) as pages:
        yield pages


@contextmanager
def serve_answer(status: int, media_type: str, body: bytes) -> Iterator[Pages]:
    """A host that answers everything in the same way."""
    with _serve(lambda _: (status, media_type, body)) as pages:
        yield pages


@contextmanager
def _serve(answer: Callable[[BaseHTTPRequestHandler], Answer]) -> Iterator[Pages]:
    pages = Pages()

    class Request(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            pages.asked.append(f"{self.command} {self.path}")
            pages.agents.add(self.headers.get("User-Agent", ""))
            try:
                status, media_type, body = pages.broken(self.command, self.path) or answer(self)
            except OSError:
                self.close_connection = True
                self.connection.close()
                return
            if f"\nETag: {self.headers.get('If-None-Match')}\n" in f"{media_type}\n":
                status, body = 304, formatdate(0, usegmt=True).encode()
            pages.not_modified += status == 304
            self.send_response(status)
            if status == 304:
                self.send_header("Last-Modified", body.decode())
                body = b""
            else:
                kind, *headers = media_type.split("\n")
                self.send_header("Content-Type", kind)
                for header in headers:
                    self.send_header(*header.split(": ", 1))
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the tests look at `asked`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    pages.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield pages
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def gzipped(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)

"""The only HTTP client: one connection per host at a time, bounded in size and time, and a bot wall is told apart."""

import re
import socket
import threading
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

if TYPE_CHECKING:
    from requests import Response, Session
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

MOST_PAGE = 8 * 2**20
"""Bytes of a page for people; a month of a busy list has one or two million."""
_MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_MEMBERS = 20
_MOST_WAIT = 60
"""Seconds of Retry-After that are waited for in place; whoever asks for more is left alone until the next round."""
_PAUSE_FIRST, _PAUSE_MOST = timedelta(hours=1), timedelta(hours=24)
_HTML = ("text/html", "application/xhtml+xml")
# By its title or its scripts, not by words that a mail about bots may hold too; a wall that we do not know is told by
# whoever reads the page. Cloudflare puts another script of its platform into pages that it lets through.
_WALL = re.compile(
    rb"<title[^>]{0,80}>\s{0,20}(?:just a moment|making sure you|attention required|checking your browser|"
    rb"are you human|verify(?:ing)? you|one moment, please|ddos-guard)|"
    rb"/cdn-cgi/challenge-platform/[\w/]{0,40}orchestrate/|\.within\.website/x/cmd/anubis",
    re.IGNORECASE,
)
_WALL_PART = 16 * 1024
_LONGEST_REASON = 600
"""Bytes of a page in which the marks of a bot wall are looked for."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a host answered."""

    url: str
    """After redirects."""
    status: int
    media_type: str
    """In lower case, without parameters."""
    content: bytes
    mark: str
    """To be given back at the next request for the same page; empty where the host offers none."""

    @property
    def is_unchanged(self) -> bool:
        return self.status == 304


class WebError(Exception):
    """A page that could not be had; the text is one line with address and reason."""

    def __init__(
        self, reason: str, *, unreachable: bool = False, blocked: bool = False, page: Page | None = None
    ) -> None:
        # An address may be as long as a page makes it; its beginning tells where, and the end of the text why.
        is_long = len(reason) > _LONGEST_REASON
        super().__init__(f"{reason[: _LONGEST_REASON // 2]}…{reason[-_LONGEST_REASON // 2 :]}" if is_long else reason)
        self.unreachable = unreachable
        """The host did not answer at all."""
        self.blocked = blocked
        """The host does not want us, or answered with something that was not asked for."""
        self.page = page
        """What it answered, if it did."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds for a connection, for a host that says nothing, and for one answer from beginning to end."""

    connect: float = 15.0
    silence: float = 30.0
    whole: float = 180.0


class Web:
    """Fetches pages; requests is imported and the session made at the first one."""

    def __init__(
        self, user_agent: str, patience: Patience = Patience(), wait: Callable[[float], object] | None = None
    ) -> None:
        """`wait` lets seconds pass that a host asks for; what it raises ends the request."""
        self._user_agent = user_agent
        self._wait = wait or threading.Event().wait
        self._patience = patience
        self._session: Session | None = None
        self._making = threading.Lock()
        self._current = threading.local()
        self._hosts: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def get(self, url: str, wanted: Sequence[str] = _HTML, *, most: int = MOST_PAGE, mark: str = "") -> Page:
        """A page of one of the `wanted` media types, at most `most` bytes; WebError otherwise.

        With the `mark` of an earlier answer, a page that has not changed since is empty and `is_unchanged`.
        """
        etag, _, modified = mark.partition("\n")
        headers = {"If-None-Match": etag} if etag else {"If-Modified-Since": modified} if modified else {}
        return self._follow("GET", url, wanted, most, headers)

    def post(self, url: str, wanted: Sequence[str], *, most: int) -> Page:
        """The same for a search, which some hosts answer to POST alone."""
        return self._follow("POST", url, wanted, most, {})

    def _follow(self, method: str, url: str, wanted: Sequence[str], most: int, headers: Mapping[str, str]) -> Page:
        """The page at the end of its redirects, each of which waits for its own host."""
        place = url
        for _ in range(_MOST_REDIRECTS + 1):
            page, following = self._ask(method, place, wanted, most, headers)
            if following is None:
                return page
            method = method if page.status in (307, 308) else "GET"
            place = following
        raise WebError(f"{url}: more than {_MOST_REDIRECTS} redirects")

    def _ask(
        self, method: str, url: str, wanted: Sequence[str], most: int, headers: Mapping[str, str]
    ) -> tuple[Page, str | None]:
        """One answer, and where it sends us instead."""
        import requests
        import urllib3

        name = _host(url)
        with self._making:
            session = self._session = self._session or _session(self._user_agent, self._current, self._wait)
            host = self._hosts[name]
        headers = {"Accept": ", ".join((*wanted, "*/*;q=0.1")), **headers}
        times = (self._patience.connect, self._patience.silence)
        watch = self._current.watch = _Watch(self._patience.whole)
        try:
            with (
                host,
                watch.running(),
                session.request(
                    method, url, headers=headers, timeout=times, stream=True, allow_redirects=False
                ) as response,
            ):
                page = _page(response, _read(response, url, most, watch))
                challenged = response.headers.get("cf-mitigated") == "challenge"
                following = response.headers.get("Location") if page.status in _REDIRECTS else None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            if watch.is_over:
                raise WebError(f"{url}: no end within {self._patience.whole:g} s", unreachable=True) from error
            silent = (requests.ConnectionError, requests.Timeout, urllib3.exceptions.TimeoutError)
            raise WebError(f"{url}: {_cause(error)}", unreachable=isinstance(error, silent)) from error
        if following is None:
            _judge(url, page, wanted, challenged=challenged)
        return page, following and _joined(url, following)


class _Watch:
    """Cuts the connection of a request that goes on too long, whatever it is at.

    A time limit of a socket is one for silence: a host that sends a byte now and then never reaches it.
    """

    def __init__(self, seconds: float) -> None:
        self.connection: Any = None
        self.is_over = False
        self._seconds = seconds

    @contextmanager
    def running(self) -> Iterator[None]:
        """From now until the end of the block."""
        timer = threading.Timer(self._seconds, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _cut(self) -> None:
        self.is_over = True
        used = self.connection and (self.connection.answering or self.connection.sock)
        if used:
            with suppress(OSError):
                socket.socket.shutdown(used, socket.SHUT_RDWR)  # past TLS, which another thread is reading


def pause_until(blocked_at: datetime, blocks: int) -> datetime:
    """Until when a host is left alone that has blocked us `blocks` times in a row: 1 h, doubling to 24 h."""
    return blocked_at + min(_PAUSE_FIRST * (1 << min(max(blocks - 1, 0), 10)), _PAUSE_MOST)


def _session(user_agent: str, current: threading.local, wait: Callable[[float], object]) -> "Session":
    """A session whose connections make themselves known to the `watch` of the `current` thread."""
    from http.cookiejar import DefaultCookiePolicy

    import requests

    patience = _patience(wait)
    session = requests.Session()
    session.headers.update({"User-Agent": user_agent, "Accept-Encoding": "gzip"})
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # a wall's pass is not ours to carry
    for scheme in ("http://", "https://"):
        session.mount(scheme, _adapter(patience, current))
    return session


def _adapter(patience: "Retry", current: threading.local) -> "HTTPAdapter":
    from requests.adapters import HTTPAdapter
    from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
    from urllib3.connection import HTTPConnection, HTTPSConnection

    class Watched:
        """A connection that its watch can cut; an answer may keep the socket when the connection has let it go."""

        answering = None

        def request(self, *given: Any, **named: Any) -> None:
            current.watch.connection, self.answering = self, None
            super().request(*given, **named)  # type: ignore[misc]

        def getresponse(self) -> Any:
            self.answering = self.sock  # type: ignore[attr-defined]
            return super().getresponse()  # type: ignore[misc]

    plain = type("Plain", (HTTPConnectionPool,), {"ConnectionCls": type("Plain", (Watched, HTTPConnection), {})})
    secure = type("Secure", (HTTPSConnectionPool,), {"ConnectionCls": type("Secure", (Watched, HTTPSConnection), {})})
    adapter = HTTPAdapter(max_retries=patience, pool_connections=4, pool_maxsize=1)
    adapter.poolmanager.pool_classes_by_scheme = {"http": plain, "https": secure}
    return adapter


def _patience(wait: Callable[[float], object]) -> "Retry":
    from urllib3.exceptions import MaxRetryError, ResponseError
    from urllib3.util import Retry

    class Patient(Retry):
        """Obeys Retry-After; an answer that asks for more patience than we have is the answer."""

        def increment(self, method: Any = None, url: Any = None, response: Any = None, *rest: Any, **named: Any) -> Any:
            if response is not None and (self.get_retry_after(response) or 0) > _MOST_WAIT:
                raise MaxRetryError(named.get("_pool") or rest[1], url or "", ResponseError("asks for more patience"))
            return super().increment(method, url, response, *rest, **named)

        def sleep(self, response: Any = None) -> None:
            wait((response is not None and self.get_retry_after(response)) or self.get_backoff_time())

    return Patient(
        total=2,
        connect=0,
        read=0,
        redirect=0,
        status_forcelist=(429, 502, 503, 504),
        allowed_methods=None,  # our POST is a search
        backoff_factor=0.5,
        raise_on_status=False,
        retry_after_max=10 * _MOST_WAIT,
    )


def _host(url: str) -> str:
    """The host of an address; WebError for one that is none, or that is not for the web."""
    try:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname:
            return parts.hostname
    except ValueError:
        pass
    raise WebError(f"{url[:200]}: is no address of a page")


def _joined(url: str, following: str) -> str:
    try:
        return urljoin(url, following)
    except ValueError:
        return following


def _read(response: "Response", url: str, most: int, watch: _Watch) -> bytes:
    """The body, unpacked, as far as size and time allow."""
    coding = response.headers.get("Content-Encoding", "").strip().lower()
    if coding not in ("", "identity", "gzip", "x-gzip"):
        raise WebError(f"{url}: packed as {coding[:40]}, which was not asked for")
    chunks, size = [], 0
    while chunk := response.raw.read1(2**16, decode_content=False):
        size += len(chunk)
        if size > most:
            raise WebError(f"{url}: more than {most} bytes")
        chunks.append(chunk)
    if watch.is_over:
        raise TimeoutError
    content = b"".join(chunks)
    return _unpacked(content, url, most) if coding.endswith("gzip") else content


def _unpacked(content: bytes, url: str, most: int) -> bytes:
    """What was packed with gzip, all of it: urllib3 takes what breaks off for a whole page."""
    parts: list[bytes] = []
    size = 0
    for _ in range(_MOST_MEMBERS):
        if not content:
            return b"".join(parts)
        member = zlib.decompressobj(wbits=31)
        try:
            parts.append(member.decompress(content, most - size + 1))
        except zlib.error as error:
            raise WebError(f"{url}: answered with no readable gzip") from error
        size += len(parts[-1])
        if size > most:
            raise WebError(f"{url}: more than {most} bytes")
        if not member.eof:
            raise WebError(f"{url}: its gzip breaks off")
        content = member.unused_data
    raise WebError(f"{url}: more than {_MOST_MEMBERS} gzip members")


def _page(response: "Response", content: bytes) -> Page:
    headers = response.headers
    etag, modified = headers.get("ETag", ""), headers.get("Last-Modified", "")
    if not _is_settled(modified, headers.get("Date", "")):
        modified = ""
    return Page(
        url=response.url,
        status=response.status_code,
        media_type=headers.get("Content-Type", "").partition(";")[0].strip().lower(),
        content=content,
        mark=f"{etag}\n{modified}" if etag or modified else "",
    )


def _is_settled(modified: str, answered: str) -> bool:
    """Whether the page was changed in a second that was over: else it may change again under the same date.

    RFC 9110, section 8.8.2.2.
    """
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(modified) < parsedate_to_datetime(answered)
    except (ValueError, TypeError):
        return False


def _judge(url: str, page: Page, wanted: Sequence[str], *, challenged: bool) -> None:
    """WebError unless the page is what was asked for."""
    if page.is_unchanged:
        return
    is_html = page.media_type in _HTML or page.content[:512].lstrip()[:5].lower() in (b"<!doc", b"<html")
    if challenged or (is_html and page.status != 404 and _WALL.search(page.content[:_WALL_PART])):
        raise WebError(f"{url}: answered {page.status} with a challenge page", blocked=True, page=page)
    if page.status in (403, 429):
        raise WebError(f"{url}: answered {page.status}, we are not let in", blocked=True, page=page)
    if page.status != 200:
        raise WebError(f"{url}: answered {page.status}", page=page)
    if page.media_type not in wanted and not (is_html and "text/html" in wanted):
        found = page.media_type or "nothing known"
        raise WebError(f"{url}: answered with {found[:60]}, not {wanted[0]}", blocked=True, page=page)


def _cause(error: BaseException) -> str:
    """The innermost reason, in one short line."""
    text = str(error)
    found = re.search(r"\[Errno -?\d+\] ([^'\")]+)|(timed out)", text, re.IGNORECASE)
    said = (found[1] or found[2]) if found else text
    return " ".join(said.split())[:200] or type(error).__name__

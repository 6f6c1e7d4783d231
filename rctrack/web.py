"""The only HTTP client: one connection per host at a time, bounded in size and time, and answers are told apart."""

import errno
import re
import socket
import threading
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from rctrack.core.look import Outcome

if TYPE_CHECKING:
    from requests import Response, Session
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

MOST_PAGE = 8 * 2**20
"""Bytes of a page for people; a month of a busy list has one or two million."""
MOST_QUESTION = 16 * 1024
"""Bytes that are read of the answer to `ask`: enough to tell a list of refs, a wall and a page apart."""
_MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_MOVED_FOR_GOOD = (301, 308)
_MOST_MEMBERS = 20
_MOST_WAIT = timedelta(seconds=60)
"""Of Retry-After that is waited for in place; whoever asks for more is left alone until a later round."""
_PAUSE_FIRST, _PAUSE_MOST = timedelta(hours=1), timedelta(hours=24)
_LONGEST_ASKED = timedelta(days=7)
"""Of Retry-After that is obeyed; whoever asks for more has made a mistake, or wants us to forget what we follow."""
_HTML = ("text/html", "application/xhtml+xml")
_ANSWERS = {
    401: "is not there, or not for us",
    403: "we are not let in",
    404: "there is no such page",
    407: "the proxy on our side wants to know who we are",
    410: "is gone for good",
    429: "we ask too often",
}
"""What a status means, for people."""
# By its title or its scripts, not by words that a mail about bots may hold too; a wall that we do not know is told by
# whoever reads the page. Cloudflare puts another script of its platform into pages that it lets through.
_WALL = re.compile(
    rb"<title[^>]{0,80}>\s{0,20}(?:just a moment|making sure you|attention required|checking your browser|"
    rb"are you human|verify(?:ing)? you|one moment, please|ddos-guard)|"
    rb"/cdn-cgi/challenge-platform/[\w/]{0,40}orchestrate/|\.within\.website/x/cmd/anubis",
    re.IGNORECASE,
)
_WALL_PART = 16 * 1024
"""Bytes of a page in which a bot wall is looked for."""
_LONGEST_REASON = 600
"""Characters; an address may be as long as a page makes it."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a host answered."""

    url: str
    """After redirects."""
    status: int
    media_type: str
    """In lower case, without parameters."""
    content: bytes
    validator: str
    """To be given back at the next request for the same page; empty where the host offers none."""
    location: str = ""
    """Where a redirect leads, whole; empty in any other answer."""
    pause: timedelta | None = None
    """How long the host asks to be left alone; None where it does not."""

    @property
    def is_unchanged(self) -> bool:
        """Whether it still is as it was when its validator was given."""
        return self.status == 304


class WebError(Exception):
    """A page that could not be had; the text is one line with address and reason."""

    def __init__(self, reason: str, outcome: Outcome = Outcome.MISREAD, page: Page | None = None) -> None:
        # An address may be as long as a page makes it; its beginning tells where, and the end of the text why.
        is_long = len(reason) > _LONGEST_REASON
        super().__init__(f"{reason[: _LONGEST_REASON // 2]}…{reason[-_LONGEST_REASON // 2 :]}" if is_long else reason)
        self.outcome = outcome
        """The word for it; never good."""
        self.page = page
        """What the host answered, if it did."""

    @property
    def pause(self) -> timedelta | None:
        """How long the host asks to be left alone; None where it does not."""
        return self.page.pause if self.page else None


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds for a connection, for a host that says nothing, and for one answer from beginning to end."""

    connect: float = 15.0
    silence: float = 30.0
    whole: float = 180.0


@dataclass(frozen=True, slots=True)
class _Question:
    """One request, as it is to be made."""

    method: str
    url: str
    wanted: Sequence[str]
    """Media types."""
    most: int
    """Bytes."""
    headers: Mapping[str, str] = field(default_factory=dict)
    is_asked_once: bool = False
    """The first answer is the answer, as far as `most` bytes tell: nothing is followed, waited for or repeated."""


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

    def get(self, url: str, wanted: Sequence[str] = _HTML, *, most: int = MOST_PAGE, validator: str = "") -> Page:
        """A page of one of the `wanted` media types, at most `most` bytes; WebError otherwise.

        With the `validator` of an earlier answer, a page that has not changed since is empty and `is_unchanged`.
        """
        etag, _, modified = validator.partition("\n")
        headers = {"If-None-Match": etag} if etag else {"If-Modified-Since": modified} if modified else {}
        return self._follow(_Question("GET", url, wanted, most, headers))

    def post(self, url: str, wanted: Sequence[str], *, most: int) -> Page:
        """The same for a search, which some hosts answer to POST alone."""
        return self._follow(_Question("POST", url, wanted, most))

    def ask(self, url: str, wanted: Sequence[str], headers: Mapping[str, str]) -> Page:
        """The beginning of what one single request is answered with; WebError where that is not wanted.

        A redirect is an answer too: it is not followed, and its error says where it leads.
        """
        asked = {**headers, "Accept-Encoding": "identity"}
        question = _Question("GET", url, wanted, MOST_QUESTION, asked, is_asked_once=True)
        page, is_challenge = self._answer(question)
        _judge(question, page, is_challenge=is_challenge)
        return page

    def with_patience(self, patience: Patience) -> "Web":
        """A client of the same name with other limits, and connections of its own."""
        return Web(self._user_agent, patience, self._wait)

    def _follow(self, question: _Question) -> Page:
        """The page at the end of its redirects, each of which waits for its own host."""
        for _ in range(_MOST_REDIRECTS + 1):
            page, is_challenge = self._answer(question)
            if not page.location:
                _judge(question, page, is_challenge=is_challenge)
                return page
            method = question.method if page.status in (307, 308) else "GET"
            question = replace(question, method=method, url=page.location)
        raise WebError(f"{question.url}: more than {_MOST_REDIRECTS} redirects")

    def _answer(self, question: _Question) -> tuple[Page, bool]:
        """One answer, and whether the host calls it a challenge by a header."""
        import requests
        import urllib3

        url, name = question.url, _host(question.url)
        with self._making:
            session = self._session = self._session or _session(self._user_agent, self._current, self._wait)
            host = self._hosts[name]
        headers = {"Accept": ", ".join((*filter(None, question.wanted), "*/*;q=0.1")), **question.headers}
        times = (self._patience.connect, self._patience.silence)
        deadline = self._current.deadline = _Deadline(self._patience.whole)
        self._current.is_asked_once = question.is_asked_once
        try:
            with (
                host,
                deadline.running(),
                session.request(
                    question.method, url, headers=headers, timeout=times, stream=True, allow_redirects=False
                ) as response,
            ):
                page = _page(response, _read(response, question, deadline))
                return page, response.headers.get("cf-mitigated") == "challenge"
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            if deadline.is_over:
                reason = f"{url}: no end within {self._patience.whole:g} s"
                raise WebError(reason, Outcome.NO_ANSWER) from error
            raise WebError(f"{url}: {_cause(error)}", _without_answer(error)) from error


class _Deadline:
    """Cuts the connection of a request that goes on too long, whatever it is at.

    A time limit of a socket is one for silence: a host that sends a byte now and then never reaches it.
    """

    def __init__(self, seconds: float) -> None:
        self.connection: Any = None
        """What is to be cut."""
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


def pause_until(answered_at: datetime, blocks: int, asked: timedelta | None = None) -> datetime:
    """Until when a host is left alone that has blocked us `blocks` times in a row: 1 h, doubling to 24 h.

    Longer where it `asked` for more, which also hosts in trouble do.
    """
    ours = min(_PAUSE_FIRST * (1 << min(blocks - 1, 10)), _PAUSE_MOST) if blocks > 0 else timedelta(0)
    return answered_at + max(ours, asked or timedelta(0))


def asked_pause(retry_after: str | None, answered: str) -> timedelta | None:
    """How long a host asks to be left alone by its header Retry-After, a date being counted from its own Date.

    None where there is no such header. One that cannot be read or obeyed ("soon", a date gone by, a century) asks for
    patience all the same: an hour.
    """
    if retry_after is None:
        return None
    text = retry_after.strip()
    asked = timedelta(seconds=int(text)) if re.fullmatch(r"[0-9]{1,9}", text) else _until(text, answered)
    return asked if asked is not None and timedelta(0) < asked <= _LONGEST_ASKED else _PAUSE_FIRST


def _until(date: str, answered: str) -> timedelta | None:
    """The time from one date of HTTP to the other; None where one of them is none."""
    from email.utils import parsedate_to_datetime

    try:
        begin, end = parsedate_to_datetime(answered), parsedate_to_datetime(date)
        return end.replace(tzinfo=end.tzinfo or UTC) - begin.replace(tzinfo=begin.tzinfo or UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def outcome_of(status: int) -> Outcome:
    """The word for an answer with this status of HTTP, which is not 200."""
    if status in (403, 429):
        return Outcome.BLOCKED
    if status in _MOVED_FOR_GOOD or status == 410:
        return Outcome.MOVED
    if status == 407:
        return Outcome.NO_ANSWER
    return Outcome.ERROR if status == 408 or status >= 500 else Outcome.MISREAD


def _session(user_agent: str, current: threading.local, wait: Callable[[float], object]) -> "Session":
    """A session whose connections make themselves known to the `deadline` of the `current` thread."""
    from http.cookiejar import DefaultCookiePolicy

    import requests

    patience = _patience(current, wait)
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

    class Bounded:
        """A connection that its deadline can cut; an answer may keep the socket when the connection has let it go."""

        answering = None

        def request(self, *given: Any, **named: Any) -> None:
            current.deadline.connection, self.answering = self, None
            super().request(*given, **named)  # type: ignore[misc]

        def getresponse(self) -> Any:
            self.answering = self.sock  # type: ignore[attr-defined]
            return super().getresponse()  # type: ignore[misc]

    plain = type("Plain", (HTTPConnectionPool,), {"ConnectionCls": type("Plain", (Bounded, HTTPConnection), {})})
    secure = type("Secure", (HTTPSConnectionPool,), {"ConnectionCls": type("Secure", (Bounded, HTTPSConnection), {})})
    adapter = HTTPAdapter(max_retries=patience, pool_connections=4, pool_maxsize=1)
    adapter.poolmanager.pool_classes_by_scheme = {"http": plain, "https": secure}
    return adapter


def _patience(current: threading.local, wait: Callable[[float], object]) -> "Retry":
    from urllib3.exceptions import MaxRetryError, ResponseError
    from urllib3.util import Retry

    class Patient(Retry):
        """Obeys Retry-After; an answer that asks for more patience than we have is the answer."""

        def increment(self, method: Any = None, url: Any = None, response: Any = None, *rest: Any, **named: Any) -> Any:
            if response is not None and (current.is_asked_once or not self._may_ask_again(response)):
                raise MaxRetryError(named.get("_pool") or rest[1], url or "", ResponseError("is the answer"))
            return super().increment(method, url, response, *rest, **named)

        def get_retry_after(self, response: Any) -> float | None:
            asked = _pause_of(response.headers)
            return None if asked is None else asked.total_seconds()

        def _may_ask_again(self, response: Any) -> bool:
            """Who is asked too often says when; a host in trouble may be over it in a moment."""
            asked = _pause_of(response.headers)
            return response.status != 429 if asked is None else asked <= _MOST_WAIT

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
        retry_after_max=10 * int(_MOST_WAIT.total_seconds()),
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


def _read(response: "Response", question: _Question, deadline: _Deadline) -> bytes:
    """The body, unpacked, as far as size and time allow."""
    url, most = question.url, question.most
    coding = response.headers.get("Content-Encoding", "").strip().lower()
    if coding not in ("", "identity", "gzip", "x-gzip"):
        raise WebError(f"{url}: packed as {coding[:40]}, which was not asked for")
    chunks, size = [], 0
    while chunk := response.raw.read1(2**16, decode_content=False):
        size += len(chunk)
        chunks.append(chunk)
        if size > most and question.is_asked_once:
            return b"".join(chunks)[:most]
        if size > most:
            raise WebError(f"{url}: more than {most} bytes")
    if deadline.is_over:
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
            raise WebError(f"{url}: its gzip breaks off", Outcome.ERROR)
        content = member.unused_data
    raise WebError(f"{url}: more than {_MOST_MEMBERS} gzip members")


def _page(response: "Response", content: bytes) -> Page:
    headers = response.headers
    etag, modified = headers.get("ETag", ""), headers.get("Last-Modified", "")
    if not _is_settled(modified, headers.get("Date", "")):
        modified = ""
    status, location = response.status_code, headers.get("Location", "")
    return Page(
        url=response.url,
        status=status,
        media_type=headers.get("Content-Type", "").partition(";")[0].strip().lower(),
        content=content,
        validator=f"{etag}\n{modified}" if etag or modified else "",
        location=_joined(response.url, location) if location and status in _REDIRECTS else "",
        pause=_pause_of(headers),
    )


def _pause_of(headers: Mapping[str, str]) -> timedelta | None:
    return asked_pause(headers.get("Retry-After"), headers.get("Date", ""))


def _is_settled(modified: str, answered: str) -> bool:
    """Whether the page was changed in a second that was over: else it may change again under the same date.

    RFC 9110, section 8.8.2.2.
    """
    elapsed = _until(answered, modified)
    return elapsed is not None and elapsed > timedelta(0)


def _judge(question: _Question, page: Page, *, is_challenge: bool) -> None:
    """WebError unless the page is what was asked for."""
    url, wanted = question.url, question.wanted
    if page.is_unchanged:
        return
    is_html = page.media_type in _HTML or page.content[:512].lstrip()[:5].lower() in (b"<!doc", b"<html")
    if is_challenge or (is_html and page.status != 404 and _WALL.search(page.content[:_WALL_PART])):
        raise WebError(f"{url}: answered {page.status} with a challenge page", Outcome.BLOCKED, page)
    if page.status != 200:
        meaning = f"leads to {page.location[:200]}" if page.location else _ANSWERS.get(page.status)
        reason = f"{url}: answered {page.status}" + (f", {meaning}" if meaning else "")
        raise WebError(reason, outcome_of(page.status), page)
    if page.media_type not in wanted and not (is_html and "text/html" in wanted):
        answered = page.media_type[:60] or "nothing known"
        raise WebError(f"{url}: answered with {answered}, not {wanted[0]}", Outcome.MISREAD, page)


def _without_answer(error: BaseException) -> Outcome:
    """The word for a request that was not answered, or not to its end."""
    import requests
    import urllib3

    is_of_proxy = isinstance(error, requests.exceptions.ProxyError)  # a proxy of ours tells nothing of the host
    if f"[Errno {errno.ECONNREFUSED}]" in str(error) and not is_of_proxy:
        return Outcome.REFUSED
    silent = (requests.ConnectionError, requests.Timeout, urllib3.exceptions.TimeoutError)
    return Outcome.NO_ANSWER if isinstance(error, silent) else Outcome.ERROR


def _cause(error: BaseException) -> str:
    """The innermost reason, in one short line."""
    text = str(error)
    found = re.search(r"\[Errno -?\d+\] ([^'\")]+)|(timed out)", text, re.IGNORECASE)
    said = (found[1] or found[2]) if found else text
    return " ".join(said.split())[:200] or type(error).__name__

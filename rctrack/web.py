"""The only HTTP client: one connection per host at a time, bounded in size and time, and a bot wall is told apart."""

import re
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from requests import Response, Session

CONNECT, SILENCE, WHOLE = 15.0, 30.0, 180.0
"""Seconds for a connection, for a host that says nothing, and for one answer from beginning to end."""
MOST_PAGE = 8 * 2**20
"""Bytes of a page for people; a month of a busy list has one or two million."""
_MOST_REDIRECTS = 5
_MOST_WAIT = 60
"""Seconds of Retry-After that are waited for in place; whoever asks for more is left alone until the next round."""
_PAUSE_FIRST, _PAUSE_MOST = timedelta(hours=1), timedelta(hours=24)
_HTML = ("text/html", "application/xhtml+xml")
# By its title or its scripts, not by words that a mail about bots may hold too; a wall that we do not know is told by
# whoever reads the page.
_WALL = re.compile(
    rb"<title[^>]{0,80}>\s{0,20}(?:just a moment|making sure you|attention required|checking your browser|"
    rb"are you human|verify(?:ing)? you|one moment, please|ddos-guard)|"
    rb"/cdn-cgi/challenge-platform/|\.within\.website/x/cmd/anubis",
    re.IGNORECASE,
)
_WALL_PART = 16 * 1024
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
        super().__init__(reason)
        self.unreachable = unreachable
        """The host did not answer at all."""
        self.blocked = blocked
        """The host does not want us, or answered with something that was not asked for."""
        self.page = page
        """What it answered, if it did."""


class Web:
    """Fetches pages; requests is imported and the session made at the first one."""

    def __init__(self, user_agent: str) -> None:
        self._user_agent = user_agent
        self._session: Session | None = None
        self._making = threading.Lock()
        self._hosts: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def get(self, url: str, wanted: Sequence[str] = _HTML, *, most: int = MOST_PAGE, mark: str = "") -> Page:
        """A page of one of the `wanted` media types, at most `most` bytes; WebError otherwise.

        With the `mark` of an earlier answer, a page that has not changed since is empty and `is_unchanged`.
        """
        etag, _, modified = mark.partition("\n")
        headers = {"If-None-Match": etag} if etag else {"If-Modified-Since": modified} if modified else {}
        return self._ask("GET", url, wanted, most, headers)

    def post(self, url: str, wanted: Sequence[str], *, most: int) -> Page:
        """The same for a search, which some hosts answer to POST alone."""
        return self._ask("POST", url, wanted, most, {})

    def _ask(self, method: str, url: str, wanted: Sequence[str], most: int, headers: Mapping[str, str]) -> Page:
        import requests
        import urllib3

        end = time.monotonic() + WHOLE
        accept = ", ".join((*wanted, "*/*;q=0.1"))
        with self._making:
            session = self._session = self._session or _session(self._user_agent)
            host = self._hosts[urlsplit(url).hostname or ""]
        try:
            with (
                host,
                session.request(
                    method, url, headers={"Accept": accept, **headers}, timeout=(CONNECT, SILENCE), stream=True
                ) as response,
            ):
                page = _page(response, _read(response, url, most, end))
                challenged = response.headers.get("cf-mitigated") == "challenge"
        except (requests.ConnectionError, requests.Timeout, urllib3.exceptions.TimeoutError) as error:
            raise WebError(f"{url}: {_cause(error)}", unreachable=True) from error
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise WebError(f"{url}: {_cause(error)}") from error
        _judge(url, page, wanted, challenged=challenged)
        return page


def pause_until(blocked_at: datetime, blocks: int) -> datetime:
    """Until when a host is left alone that has blocked us `blocks` times in a row: 1 h, doubling to 24 h."""
    return blocked_at + min(_PAUSE_FIRST * (1 << min(max(blocks - 1, 0), 10)), _PAUSE_MOST)


def _session(user_agent: str) -> "Session":
    from http.cookiejar import DefaultCookiePolicy

    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.exceptions import MaxRetryError, ResponseError
    from urllib3.util import Retry

    class Patient(Retry):
        """Obeys Retry-After; an answer that asks for more patience than we have is the answer."""

        def increment(self, method: Any = None, url: Any = None, response: Any = None, *rest: Any, **named: Any) -> Any:
            if response is not None and (self.get_retry_after(response) or 0) > _MOST_WAIT:
                raise MaxRetryError(named.get("_pool") or rest[1], url or "", ResponseError("asks for more patience"))
            return super().increment(method, url, response, *rest, **named)

    patience = Patient(
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
    session = requests.Session()
    session.headers.update({"User-Agent": user_agent, "Accept-Encoding": "gzip"})
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # a wall's pass is not ours to carry
    session.max_redirects = _MOST_REDIRECTS
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=patience, pool_connections=4, pool_maxsize=1))
    return session


def _read(response: "Response", url: str, most: int, end: float) -> bytes:
    """The body, decompressed, as far as size and time allow."""
    chunks, size = [], 0
    while chunk := response.raw.read1(2**16, decode_content=True):
        size += len(chunk)
        if size > most:
            raise WebError(f"{url}: more than {most} bytes")
        if time.monotonic() > end:
            raise WebError(f"{url}: no end within {WHOLE:g} s", unreachable=True)
        chunks.append(chunk)
    return b"".join(chunks)


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
    found = re.search(
        r"\[Errno -?\d+\] ([^'\")]+)|(timed out|Too many redirects|Exceeded \d+ redirects)", text, re.IGNORECASE
    )
    said = (found[1] or found[2]) if found else text
    return " ".join(said.split())[:200] or type(error).__name__

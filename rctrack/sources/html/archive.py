"""Walking through an archive of web pages: its indices, newest first, then each mail that is wanted."""

import hashlib
import json
import re
import warnings
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from rctrack.config import ListConfig, ProjectConfig
from rctrack.core.evidence import MailEvidence
from rctrack.core.received import parse_date
from rctrack.process import Interrupted
from rctrack.sources import mails
from rctrack.sources.protocol import Answer, Coverage, Good, Tools, web_failure
from rctrack.web import Page, WebError

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

_MOST_PAGES = 20_000
"""Of one look, indices and mails together."""
_DEEPEST = 3
"""Indices within indices, as of months in years."""
_NO_MAIL = "answered with an index of indices, and none of them names a mail as does"
_MOST_TAGS = 60_000
"""Of an index of which only the links are read; a month of a busy list has some ten thousand."""
_MOST_TAGS_WHOLE = 20_000
"""Of a page that is read whole, which is one mail."""
_MOST_TEXTS = 100
"""Pieces of text in one link, between the tags in it."""
HEAD = 64 * 1024
"""Bytes of a mail's page in which its comments are looked for."""
_TELLS = re.compile(
    rb"(Ending|Last message date|Archived on)(?:[\s:]{0,20}<[^<>]{0,80}>){1,6}[\s:]{0,20}([^<\n]{10,60})"
)
"""The dates in head and foot of an index by pipermail and by hypermail."""
_MOST_SEEN = 20_000
"""Entries that are remembered, newest first, to know where known mail begins."""


@dataclass(frozen=True, slots=True)
class Index:
    """What an index page shows."""

    entries: tuple[tuple[str, str], ...] = ()
    """Address and subject of mails, as the page has them."""
    periods: tuple[tuple[str, date | None], ...] = ()
    """Further indices, newest first, each with the last day that it can hold; None where its name does not say."""
    following: str | None = None
    """The page that goes on with older mail."""
    newest_at: datetime | None = None
    """When the newest of all its mails came; None where it does not say."""


@dataclass(frozen=True, slots=True)
class Reader(ABC):
    """How one kind of archive is read: they walk through its pages alike, and know what these show."""

    config: ListConfig
    project: ProjectConfig
    tools: Tools

    def look(self, cursor: str | None, since: date, now: datetime) -> Answer:
        """The mails that are not in `cursor` and whose subject fits, of every period that `since` lies in or before."""
        memory = _Memory.load(cursor) if cursor else _Memory()
        return Walk(self, since if cursor else None, memory).run()

    def probe(self, now: datetime) -> Answer:
        """The first index, the newest of the periods that it names, and the first mail of those, whatever it is."""
        web = self.tools.web
        try:
            page = web.get(self.start(self.config.url))
            index = self.read_index(page)
            for _ in range(_DEEPEST):
                if index.entries or not index.periods:
                    break
                page = web.get(_joined(page.url, index.periods[0][0]))
                index = self.read_index(page)
            if not index.entries and not self.is_empty(page):
                raise WebError(f"{page.url}: {_NO_MAIL} {self.config.kind}")
            for link, subject in index.entries[:1]:
                self.read_page(_joined(page.url, link), subject)
        except WebError as error:
            return web_failure(error)
        return Good((), "")

    def read_index(self, page: Page) -> Index:
        """What an index page shows; WebError where it is none, for nothing to be seen is never "no mail"."""
        index = self.index(page)
        if not index.entries and not index.periods and not self.is_empty(page):
            raise WebError(f"{page.url}: answered with something that is no index of {self.config.kind}")
        return index

    def read_mail(self, url: str, subject: str) -> bytes:
        """The mail whose page is at this address."""
        return self.read_page(url, subject)

    def read_page(self, url: str, subject: str) -> bytes:
        """The mail at this address; what the index says of it where its page is one that we cannot read."""
        page = self.tools.web.get(url)
        content = self.mail(page)
        if content is not None:
            return content
        telling = max(re.findall(r"[\w.]+", subject), key=len, default="")
        if telling.encode() not in page.content:
            raise WebError(f"{url}: answered with something that is no mail of {self.config.kind}")
        return mails.as_mail(sender="", date="", subject=subject, message_id="", body="", url=url)

    def go_on(self, number: int) -> None:
        """Says how many pages were asked for; Interrupted when we are stopping, WebError when they are too many."""
        if self.tools.runner.stopping.is_set():
            raise Interrupted("reading an archive")
        if number > _MOST_PAGES:
            raise WebError(f"{self.config.url}: more than {_MOST_PAGES} pages to be read")
        self.tools.progress(f"{self.project.id}: reading the archive's pages", number, 0)

    @abstractmethod
    def start(self, url: str) -> str:
        """The first page of the archive at `url`."""

    @abstractmethod
    def index(self, page: Page) -> Index:
        """What an index page shows; nothing at all where it is no such page."""

    @abstractmethod
    def is_empty(self, page: Page) -> bool:
        """Whether a page without anything is the index of an archive that has no mail yet."""

    @abstractmethod
    def mail(self, page: Page) -> bytes | None:
        """The mail that a page shows; None where it shows none."""


@dataclass(slots=True)
class _Memory:
    """What earlier looks found, and what this one adds."""

    mails: list[str] = field(default_factory=list)
    """Keys of the mails that were brought."""
    seen: set[str] = field(default_factory=set)
    validators: dict[str, str] = field(default_factory=dict)
    new_seen: list[str] = field(default_factory=list)
    new_validators: dict[str, str] = field(default_factory=dict)
    newest_at: datetime | None = None
    """Of this look alone: when the newest mail came that an index tells of."""

    @classmethod
    def load(cls, cursor: str) -> "_Memory":
        read = json.loads(cursor)
        return cls(read["mails"], set(read["seen"]), read["validators"])

    def dump(self) -> str:
        seen = list(dict.fromkeys([*self.new_seen, *sorted(self.seen)]))[:_MOST_SEEN]
        return json.dumps({"mails": self.mails, "seen": seen, "validators": {**self.validators, **self.new_validators}})


@dataclass(frozen=True, slots=True)
class Walk:
    """One look at an archive of pages."""

    reader: Reader
    since: date | None
    """Periods that ended before are passed over; None: nothing is."""
    memory: _Memory

    def run(self) -> Answer:
        """The mails that are wanted and new, each as the page shows it."""
        try:
            evidence = [MailEvidence(key, self._read(url, subject), None) for key, url, subject in self._wanted()]
        except WebError as error:
            return web_failure(error)
        self.memory.mails.extend(each.key for each in reversed(evidence))  # indices name the newest first
        return Good(tuple(evidence), self.memory.dump(), coverage=Coverage(None, self.memory.newest_at))

    def _wanted(self) -> list[tuple[str, str, str]]:
        """Key, address and subject of each new mail that may be an announcement."""
        config = self.reader.config
        fits = mails.fits(config.rules)
        start = self.reader.start(config.url)
        waiting, visited = deque([start]), {start}
        wanted: dict[str, tuple[str, str, str]] = {}
        is_doubtful = not self.memory.seen
        while waiting:
            self.reader.go_on(len(visited))
            asked = waiting.popleft()
            page = self.reader.tools.web.get(asked, validator=self.memory.validators.get(asked, ""))
            if page.is_unchanged:
                is_doubtful = False
                continue
            index = self.reader.read_index(page)
            if asked == start and not index.entries and not index.periods and self.memory.seen:
                raise WebError(f"{page.url}: shows no mail any more, where there was some")
            is_doubtful = is_doubtful and not index.entries and not self.reader.is_empty(page)
            if page.validator and not index.following and not index.periods:
                self.memory.new_validators[asked] = page.validator
            self.memory.newest_at = max(
                (each for each in (self.memory.newest_at, index.newest_at) if each), default=None
            )
            found = [(_joined(page.url, link), text) for link, text in index.entries]
            for url, subject in found:
                if (key := self._key(url)) and key not in self.memory.mails and fits(subject):
                    wanted[key] = (key, url, subject)
            for link in self._further(page, index, [self._key(url) for url, _ in found]):
                if link not in visited and self._key(link):
                    visited.add(link)
                    waiting.append(link)
        if is_doubtful:
            raise WebError(f"{config.url}: {_NO_MAIL} {config.kind}")
        return list(wanted.values())

    def _further(self, page: Page, index: Index, keys: Sequence[str]) -> list[str]:
        """The indices to be read next: not those of periods long gone, and no older pages where all is known."""
        short = [hashlib.sha256(key.encode()).hexdigest()[:12] for key in keys]
        is_known = bool(short) and all(each in self.memory.seen for each in short)
        self.memory.new_seen.extend(short)
        links = [link for link, end in index.periods if self.since is None or end is None or end >= self.since]
        if index.following and not is_known:
            links.append(index.following)
        return [urldefrag(_joined(page.url, link))[0] for link in links]

    def _read(self, url: str, subject: str) -> bytes:
        self.reader.go_on(0)
        return self.reader.read_mail(url, subject)

    def _key(self, url: str) -> str:
        """The path below the archive's address, which names a mail for good; empty for what is elsewhere."""
        config = self.reader.config
        base = _joined(config.url if config.url.endswith(".html") else f"{config.url}/", ".")
        path, below = (unquote(urlsplit(each)._replace(scheme="", fragment="").geturl()) for each in (url, base))
        return path.removeprefix(below) if path.startswith(below) else ""


def _joined(base: str, link: str) -> str:
    """The address of a link; empty for one that is none, like http://[x."""
    try:
        joined = urljoin(base, link)
        urlsplit(joined)
    except ValueError:
        return ""
    return joined


def newest_at(page: Page) -> datetime | None:
    """When the newest mail of an index came, as its head or foot tells; a Date after the index was made is wrong."""
    told = [
        (found[1] == b"Archived on", read.at)
        for found in _TELLS.finditer(page.content)
        if (read := parse_date(mails.numeric_zone(found[2].decode("ascii", "replace").replace(" - ", " "))))
    ]
    newest = max((at for is_made, at in told if not is_made), default=None)
    made = [at for is_made, at in told if is_made]
    return newest and min([newest, *made])


def month_end(year: int, month: int) -> date | None:
    """The last day of a month; None where the numbers are none."""
    try:
        return (date(year, month, 1) + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    except (ValueError, OverflowError):
        return None


def links(page: Page) -> list[tuple[str, str]]:
    """Address and text of each link of a page; WebError for a page that nobody would read."""
    return [(str(link["href"]), _shown(link)) for link in parse(page, "a").find_all("a", href=True)]


def _shown(link: "Tag") -> str:
    """The text of a link of a page that was parsed for links alone.

    As far as the next one: get_text() of thousands of links, each within the last, takes time with their square.
    """
    from bs4 import Tag
    from bs4.element import CData, NavigableString

    texts: list[str] = []
    element = link.next_element
    while element is not None and len(texts) < _MOST_TEXTS and not (isinstance(element, Tag) and element.name == "a"):
        if type(element) in (NavigableString, CData):
            texts.append(str(element))
        element = element.next_element
    return " ".join("".join(texts).split())


def parse(page: Page, *names: str) -> "BeautifulSoup":
    """The elements of these names, or the whole page; WebError for a page that nobody would read."""
    from bs4 import BeautifulSoup, MarkupResemblesLocatorWarning, ParserRejectedMarkup, XMLParsedAsHTMLWarning
    from bs4.filter import SoupStrainer

    # What a page looks like is told by whoever reads it, not on stderr.
    warnings.simplefilter("ignore", MarkupResemblesLocatorWarning)
    warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)
    most = _MOST_TAGS if names else _MOST_TAGS_WHOLE
    if page.content.count(b"<") > most:
        raise WebError(f"{page.url}: more than {most} tags")
    wanted = SoupStrainer(list(names)) if names else None
    for encoding in (None, "utf-8"):  # a charset whose name holds control characters is refused by lxml
        try:
            return BeautifulSoup(page.content, "lxml", parse_only=wanted, from_encoding=encoding)
        except (ValueError, ParserRejectedMarkup):
            continue
    raise WebError(f"{page.url}: nothing that can be read as a page")


def text_of(element: "Tag") -> str:
    """The text of an element in one line."""
    return " ".join(element.get_text().split())


def between(page: Page, begin: bytes, end: bytes) -> str | None:
    """The text between two marks of a page, without its tags; None where it has not both."""
    _, found, rest = page.content.partition(begin)
    part, also_found, _ = rest.partition(end)
    if not found or not also_found:
        return None
    return parse(replace(page, content=b"<meta charset=%s>%s" % (charset(page), part))).get_text()


def before(page: Page, mark: bytes) -> Page:
    """The page as far as that mark."""
    return replace(page, content=page.content.partition(mark)[0])


def charset(page: Page) -> bytes:
    """What the page says of its own characters; utf-8 where it does not."""
    found = re.search(rb"charset=[\"']?([\w-]{2,40})", page.content[:4096])
    return found[1] if found else b"utf-8"

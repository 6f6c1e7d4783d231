"""A list archive behind public-inbox's search: by sender and subject, for lists too big to be copied."""

import gzip
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import quote, unquote, urlencode, urlsplit

from rctrack.config import ListConfig, ProjectConfig
from rctrack.core.evidence import MailEvidence
from rctrack.core.subject_words import needed_words
from rctrack.process import Interrupted
from rctrack.sources import mails
from rctrack.sources.kinds.mbox import key_of, read_mbox
from rctrack.sources.manifest import ask_manifest
from rctrack.sources.protocol import Answer, Coverage, Good, Tools, web_failure
from rctrack.sources.searching import SHORT, Memory
from rctrack.web import Page, WebError

_MOST_SEARCH = 256 * 2**20
"""Bytes of mail that one search may bring, unpacked."""
_PER_PAGE = 200
_MOST_PAGES = 100
_ZONES = timedelta(days=1)
"""A day is one in UTC there, and another one elsewhere."""
_MOST_CONFIG = 64 * 1024
_MOST_ADDRESSES = 5
_ADDRESS = re.compile(r"^\s*address\s*=\s*([\w.+=-]+@[\w.-]+)\s*$", re.MULTILINE)
_NO_HITS = b"No results found"
_ATOM = "{http://www.w3.org/2005/Atom}"
_GZIP = ("application/gzip", "application/x-gzip")
_XML = ("application/atom+xml", "application/xml", "text/xml")


@dataclass(frozen=True, slots=True)
class PublicInboxHttp:
    """One inbox; the key of a mail is its Message-ID."""

    config: ListConfig
    project: ProjectConfig
    tools: Tools

    def look(self, cursor: str | None, since: date, now: datetime) -> Answer:
        """The mails that a search finds and `cursor` does not name yet; the first look searches all there is.

        The window is one of Date headers: two days at each look, and from `since` on once a day, for what is imported
        late. While the inbox's manifest says that nothing has changed, nothing is searched.
        """
        memory = Memory.load(cursor) if cursor else Memory()
        try:
            # Asked first: what it proves to be there is then searched.
            manifest = ask_manifest(self.config.url, self.tools)
            coverage = Coverage(None, manifest.newest_at if manifest else None)
            memory.note_manifest(manifest.fingerprint if manifest else "", now)
            window = memory.window(since, now) if cursor else None
            if cursor and window is None:
                return Good((), cursor, coverage=coverage)
            if not cursor:
                memory.addresses = self._own_addresses()
            evidence = self._new_mails(memory, window)
        except WebError as error:
            return web_failure(error)
        memory.note_search(window, since, now)
        return Good(tuple(evidence), memory.dump(), coverage=coverage)

    def probe(self, now: datetime) -> Answer:
        """A search of the last two days."""
        try:
            for _ in self._search(self._query((now - SHORT).date(), ()), set()):
                break
        except WebError as error:
            return web_failure(error)
        return Good((), "")

    def _new_mails(self, memory: Memory, since: date | None) -> list[MailEvidence]:
        """What the search finds and was not brought yet; the memory then knows it."""
        fits = mails.fits(self.config.rules)
        evidence = []
        for key, content in self._search(self._query(since, memory.addresses), set(memory.mails)):
            if fits(mails.subject_of(content)) and (new_key := mails.note(memory.mails, key, content)):
                evidence.append(MailEvidence(new_key, content, None))
        return evidence

    def _own_addresses(self) -> tuple[str, ...]:
        """The addresses of the list, as the inbox tells them; none where it does not."""
        try:
            page = self.tools.web.get(f"{self.config.url}/_/text/config/raw", ("text/plain",), most=_MOST_CONFIG)
        except WebError:
            return ()  # a help only: the search that comes next tells what is wrong
        told = _ADDRESS.findall(page.content.decode("utf-8", "replace"))
        return tuple(dict.fromkeys(address.lower() for address in told))[:_MOST_ADDRESSES]

    def _query(self, since: date | None, own_addresses: Sequence[str]) -> str:
        """Who announces, also where the list wrote its own address into From ("Kim via Demo"), and of what."""
        senders = (*sorted(self.config.rules.senders), *own_addresses, "via")
        alternatives = [" ".join(f"s:{word}" for word in each) for each in needed_words(self.config.rules.subject)]
        window = [f"d:{since - _ZONES:%Y%m%d}.."] if since else []
        parts = [" OR ".join(f"f:{each}" for each in senders), " OR ".join(f"({each})" for each in alternatives)]
        return " ".join([*(f"({part})" for part in parts), *window])

    def _search(self, query: str, known: set[str]) -> Iterator[tuple[str, bytes]]:
        """Key and bytes of the mails found: in one mbox, or by Atom where the host answers no POST."""
        try:
            page = self.tools.web.post(self._address(q=query, x="m"), _GZIP, most=_MOST_SEARCH)
        except WebError as error:
            if _has_no_hits(error.page):
                return
            if error.page is None or error.page.status not in (400, 405, 411, 501):
                raise
            yield from self._search_atom(query, known)
            return
        yield from _unpack(page)

    def _search_atom(self, query: str, known: set[str]) -> Iterator[tuple[str, bytes]]:
        fits = mails.fits(self.config.rules)
        for number in range(_MOST_PAGES):
            self._go_on(number)
            try:
                page = self.tools.web.get(self._address(q=query, x="A", o=str(number * _PER_PAGE)), _XML)
            except WebError as error:
                if _has_no_hits(error.page):
                    return
                raise
            entries = read_atom(page)
            for key, subject in entries:
                if key not in known and fits(subject):
                    yield self._raw(key, subject)
            if len(entries) < _PER_PAGE:
                return
        raise WebError(f"{self.config.url}: more than {_MOST_PAGES} pages of search results")

    def _raw(self, key: str, subject: str) -> tuple[str, bytes]:
        """Key and bytes of a mail; of one that is not there, by a key of its own, what the feed says of it."""
        url = f"{self.config.url}/{quote(key, safe='')}/raw"
        try:
            return key, mails.cut(self.tools.web.get(url, ("text/plain",), most=mails.MOST_READ).content)
        except WebError as error:
            # Taken away meanwhile, or a Message-ID that the archive spells wrong: no reason to miss the others.
            if error.page is None or error.page.status not in (300, 404, 410):
                raise
            told = mails.as_mail(sender="", date="", subject=subject, message_id=key, body="", url=url)
            return f"{key} answered {error.page.status}", told

    def _address(self, **query: str) -> str:
        return f"{self.config.url}/?{urlencode(query)}"

    def _go_on(self, number: int) -> None:
        if self.tools.runner.stopping.is_set():
            raise Interrupted("searching an archive")
        self.tools.progress(f"{self.project.id}: searching the archive", number, 0)


def read_atom(page: Page) -> list[tuple[str, str]]:
    """Message-ID and subject of each entry of a feed of public-inbox; WebError where it is none."""
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        feed = fromstring(page.content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise WebError(f"{page.url}: answered with no readable Atom: {error}"[:300]) from error
    if feed.tag != f"{_ATOM}feed":
        raise WebError(f"{page.url}: answered with XML that is no Atom feed")
    entries = []
    for entry in feed.iterfind(f"{_ATOM}entry"):
        link = entry.find(f"{_ATOM}link")
        key = _key_in(link.get("href", "")) if link is not None else ""
        if key:
            entries.append((key, "".join(entry.findtext(f"{_ATOM}title") or "")))
    return entries


def _key_in(address: str) -> str:
    """The Message-ID that a link to a mail ends with (an entry's own id is a urn:uuid); empty where it has none."""
    try:
        return unquote(urlsplit(address).path.rstrip("/").rpartition("/")[2])
    except ValueError:  # of an address like http://[x
        return ""


def _unpack(page: Page) -> Iterator[tuple[str, bytes]]:
    """The mails of a gzipped mbox; WebError where it is none, or is too big."""
    try:
        with gzip.open(io.BytesIO(page.content)) as unpacked:
            content = unpacked.read(_MOST_SEARCH + 1)
    except (OSError, EOFError, ValueError) as error:
        raise WebError(f"{page.url}: answered with no readable gzip: {error}") from error
    if len(content) > _MOST_SEARCH:
        raise WebError(f"{page.url}: found more than {_MOST_SEARCH} bytes of mail")
    if not re.match(rb"From ", content):
        raise WebError(f"{page.url}: answered with something that is no mbox")
    for mail in read_mbox(io.BytesIO(content)):
        yield key_of(mail), mail


def _has_no_hits(page: Page | None) -> bool:
    """Whether a 404 says that the search found nothing, rather than that there is no such inbox."""
    if page is None or page.status != 404:
        return False
    return page.content.strip() == _NO_HITS or b"- search results</title>" in page.content[:4096]

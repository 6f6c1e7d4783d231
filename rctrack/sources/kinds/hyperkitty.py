"""A list archive of Mailman 3 (HyperKitty): by its mailbox export, and where a host has switched that off by its pages.

The export brings every mail of some days, replies too, with the headers that matter. The pages list the threads of a
month and show the first mail of each; they show no address, only the sender's picture, whose name is a hash of it: so
a sender of the project file is known by that. Dates on them are good to the minute, in the server's zone.
"""

import base64
import gzip
import hashlib
import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from email.utils import format_datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlencode

from rctrack.core.evidence import MailEvidence
from rctrack.core.look import Outcome
from rctrack.core.recognise import header_text, parse_headers
from rctrack.sources import mails
from rctrack.sources.html import archive
from rctrack.sources.html.archive import Index
from rctrack.sources.kinds.mbox import read_mbox
from rctrack.sources.protocol import Answer, Coverage, Good, web_failure
from rctrack.sources.searching import SHORT, Memory
from rctrack.web import Page, WebError

if TYPE_CHECKING:
    from bs4 import Tag

_BY_PAGES = "validators"
"""In the cursor of a look at pages."""
_AHEAD = timedelta(days=2)
"""Of Date headers of clocks that are ahead."""
_MOST_EXPORT = 64 * 2**20
"""Bytes of a month, unpacked."""
_FROM = re.compile(rb"^From:[^\n]*\n(?:[ \t][^\n]*\n)*", re.IGNORECASE | re.MULTILINE)
_MONTH = re.compile(r"/list/[^/]{1,200}/(?P<year>\d{4})/(?P<month>\d{1,2})/$")
_OF_LIST = re.compile(r"/list/[^/]{1,200}/(?:\d{4}/\d{1,2}/)?$")
_THREAD = re.compile(r"/thread/\w{20,80}/(?:[?#]|$)")
_PAGE = re.compile(r"[?&]page=(\d{1,5})")
_REPLY = re.compile(r"[?&]In-Reply-To=(?:<|%3C)?([^>&]{1,990})", re.IGNORECASE)
_SUBJECT = re.compile(r"[?&]Subject=Re(?::|%3A)(?:\+|%20| )?([^&]{1,990})", re.IGNORECASE)
_LAST_THREADS = 3
"""Threads whose pages are read again at each look: an announcement is at times an answer to the one before."""
_PICTURE = re.compile(r"/avatar/([0-9a-f]{32}|[0-9a-f]{64})\b")
_DATE = re.compile(r"(\d{1,2}) ([A-Z][a-z]{2,8})\.? +(\d{4})|([A-Z][a-z]{2,8})\.? (\d{1,2}), (\d{4})")
_TIME = re.compile(r"\b(\d{1,2})(?::(\d{2}))? ?([ap])\.?m|\b(\d{1,2}):(\d{2})|\b(noon|midnight)\b", re.IGNORECASE)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class Hyperkitty(archive.Reader):
    """One list; the key of a mail is its Message-ID, or by pages its thread's path in the archive."""

    def look(self, cursor: str | None, since: date, now: datetime) -> Answer:
        """The mails of the last days, and once a day of all since `since`; a first look reads month by month."""
        if cursor is not None and _BY_PAGES in json.loads(cursor):
            return self._look_at_pages(cursor, since, now)
        memory = Memory.load(cursor) if cursor else Memory()
        memory.note_manifest("", now)
        try:
            page = None if cursor else self.tools.web.get(self.start(self.config.url))
            if page is not None and not self._has_export(now):
                return self._look_at_pages(None, since, now)
            window = None if page is not None else memory.window(since, now)
            spans = self._months(page) if page is not None else [(window or since, (now + _AHEAD).date())]
            evidence, newest = self._new_mails(memory, spans, now)
        except WebError as error:
            return web_failure(error)
        memory.note_search(window, since, now)
        return Good(tuple(evidence), memory.dump(), coverage=Coverage(None, newest))

    def probe(self, now: datetime) -> Answer:
        """The export of the last days, or the beginning of a look at pages."""
        try:
            page = self.tools.web.get(self.start(self.config.url))
            self.read_index(page)
            if self._has_export(now):
                return Good((), "")
        except WebError as error:
            return web_failure(error)
        return archive.Reader.probe(self, now)

    # --- The export --------------------------------------------------------------------------------

    def _months(self, page: Page) -> list[tuple[date, date]]:
        """The months that the overview lists, oldest first; each as its first day and the day after its last."""
        ends = [end for _, end in self.read_index(page).periods if end is not None]
        return [(end.replace(day=1), end + timedelta(days=1)) for end in sorted(set(ends))]

    def _has_export(self, now: datetime) -> bool:
        """Whether mail can be had by days; WebError where the host says something else than that it cannot."""
        try:
            self._export((now - SHORT).date(), (now + _AHEAD).date())
        except WebError as error:
            if error.page is None or error.page.status not in (400, 404, 410):
                raise
            return False
        return True

    def _new_mails(
        self, memory: Memory, spans: Iterable[tuple[date, date]], now: datetime
    ) -> tuple[list[MailEvidence], datetime | None]:
        """The mails of these days that are wanted and not known, and when the newest of all was written by now."""
        fits = mails.fits(self.config.rules)
        evidence: list[MailEvidence] = []
        newest: datetime | None = None
        for begin, end in spans:
            self.go_on(0)
            for content in self._export(begin, end):
                written = mails.delivery_of(content)
                if written is not None and written <= now and (newest is None or written > newest):
                    newest = written
                message_id = mails.message_id_of(content)
                if fits(mails.subject_of(content)) and (key := mails.note(memory.mails, message_id, content)):
                    evidence.append(MailEvidence(key, self._readable(content, message_id), None))
        return evidence, newest

    def _export(self, begin: date, end: date) -> list[bytes]:
        """Every mail whose Date is of these days, as the archive writes it; WebError where it does not."""
        name = self.config.url.rpartition("/")[2]
        asked = urlencode({"start": begin.isoformat(), "end": end.isoformat()})
        url = f"{self.config.url}/export/{name}-{begin:%Y-%m}.mbox.gz?{asked}"
        page = self.tools.web.get(url, ("application/gzip", "application/x-gzip"), most=_MOST_EXPORT)
        try:
            with gzip.open(io.BytesIO(page.content)) as packed:
                content = packed.read(_MOST_EXPORT + 1)
        except (OSError, EOFError, ValueError) as error:
            raise WebError(f"{url}: answered with no readable gzip: {error}", Outcome.MISREAD, page) from error
        if len(content) > _MOST_EXPORT or content.lstrip()[:5] not in (b"", b"From "):
            raise WebError(f"{url}: answered with something that is no mbox", Outcome.MISREAD, page)
        return list(read_mbox(io.BytesIO(content.lstrip())))

    def _readable(self, content: bytes, message_id: str) -> bytes:
        """The mail with its sender's address as it was, and where people read it."""
        sender = mails.readable_address(header_text(parse_headers(content), "From", 1000))
        name = base64.b32encode(hashlib.sha1(message_id.encode(), usedforsecurity=False).digest()).decode()
        head = f"From: {mails.sender_header(sender)}\nArchived-At: <{self.config.url}/message/{name}/>\n"
        return head.encode() + _FROM.sub(b"", content, count=1)

    # --- The pages ---------------------------------------------------------------------------------

    def _look_at_pages(self, cursor: str | None, since: date, now: datetime) -> Answer:
        """The first mail of each new thread, and what has been added to the threads that were brought last."""
        answer = archive.Reader.look(self, cursor, since, now)
        if not isinstance(answer, Good) or cursor is None:
            return answer
        memory = json.loads(answer.cursor)
        try:
            replies = [reply for thread in memory["mails"][-_LAST_THREADS:] for reply in self._replies(thread)]
        except WebError as error:
            return web_failure(error)
        new = tuple(reply for reply in replies if reply.key not in memory["mails"])
        # Before the others, so that these threads stay those that were brought last.
        memory["mails"] = [*(reply.key for reply in new), *memory["mails"]]
        return replace(answer, evidence=(*answer.evidence, *new), cursor=json.dumps(memory))

    def _replies(self, thread: str) -> Iterator[MailEvidence]:
        """The later mails of a thread as far as its page has them, each under the subject that a reply to it has."""
        if "#" in thread:
            return
        page = self.tools.web.get(f"{self.config.url}/{thread}")
        fits = mails.fits(self.config.rules)
        for email in archive.parse(page).find_all("div", class_="email")[1:]:
            reply = email.find("a", href=_SUBJECT)
            subject = _SUBJECT.search(str(reply["href"])) if reply else None
            name = email.find("div", class_="email-header", id=True)
            if subject is None or name is None or not fits(unquote(subject[1])):
                continue
            content = self._as_mail(email, unquote(subject[1]), page.url)
            if content is not None:
                yield MailEvidence(f"{thread}#{name['id']}", content, None)

    def start(self, url: str) -> str:
        """The overview, which lists the months."""
        return f"{url}/"

    def index(self, page: Page) -> Index:
        """The months of the archive; on a month's own page its threads too, and the page that goes on with them."""
        found = archive.links(page)
        months = {link: month for link, _ in found if (month := _MONTH.search(link))}
        if _MONTH.search(page.url.partition("?")[0]) is None:
            return Index(periods=tuple((link, _last_day(month)) for link, month in months.items()))
        here = _PAGE.search(page.url)
        next_page = int(here[1]) + 1 if here else 2
        numbered = {int(number[1]): link for link, _ in found if (number := _PAGE.search(link))}
        entries = tuple((link, text) for link, text in found if _THREAD.search(link) and text)
        return Index(
            entries, tuple((link, _last_day(month)) for link, month in months.items()), numbered.get(next_page)
        )

    def is_empty(self, page: Page) -> bool:
        """The overview of one list, or one of its months, by HyperKitty's own name in it."""
        return b"HyperKitty" in page.content and _OF_LIST.search(page.url.partition("?")[0]) is not None

    def mail(self, page: Page) -> bytes | None:
        """The first mail of a thread's page."""
        whole = archive.parse(page)
        title, email = whole.find("h1"), whole.find("div", class_="email")
        return self._as_mail(email, archive.text_of(title), page.url) if title is not None and email else None

    def _as_mail(self, email: "Tag", subject: str, url: str) -> bytes | None:
        """One mail of a page; None where it has no text."""
        body, reply = email.find("div", class_="email-body"), email.find("a", href=_REPLY)
        if body is None:
            return None
        message_id = _REPLY.search(str(reply["href"])) if reply else None
        return mails.as_mail(
            sender=self._sender(email),
            date=_date(email),
            subject=subject,
            message_id=unquote(message_id[1]) if message_id else "",
            body=body.get_text().lstrip("\n"),
            url=url,
        )

    def _sender(self, email: "Tag") -> str:
        """Name, and the address if the picture is that of one who may announce."""
        author = email.find(class_="email-author")
        name = archive.text_of(author) if author else ""
        picture = email.find("img", src=_PICTURE)
        shown = _PICTURE.search(str(picture["src"])) if picture else None
        for address in self.config.rules.senders:
            hashes = (hash_of(address.encode()).hexdigest() for hash_of in (_md5, hashlib.sha256))
            if shown and shown[1] in hashes:
                return f"{name} <{address}>"
        return name


def _md5(content: bytes) -> "hashlib._Hash":
    return hashlib.md5(content, usedforsecurity=False)


def _last_day(month: re.Match[str]) -> date | None:
    return archive.month_end(int(month["year"]), int(month["month"]))


def _date(email: "Tag") -> str:
    """The mail's Date from the server's day and time, with the offset that the sender's own time has to it."""
    shown = email.find("span", class_="date")
    time = email.find(class_="time")
    sender = time.find(title=True) if time else None
    local = _moment(str(sender["title"]) if sender else "")
    at = _moment(f"{archive.text_of(shown) if shown else ''} {archive.text_of(time) if time else ''}")
    if at is None or local is None:
        return format_datetime(at) if at else ""
    offset = local - at
    zone = timezone(offset) if abs(offset) < timedelta(days=1) else UTC
    return format_datetime(at.astimezone(zone))


def _moment(text: str) -> datetime | None:
    """The minute that "Monday, 4 March 2024 10:11 a.m." or "March 4, 2024, 10:11 a.m." names, as if it were UTC."""
    day, time = _DATE.search(text), _TIME.search(text)
    if day is None or time is None:
        return None
    name = (day[2] or day[4])[:3].lower()
    try:
        month = _MONTHS.index(name) + 1
        hour, minute = _clock(time)
        return datetime(int(day[3] or day[6]), month, int(day[1] or day[5]), hour, minute, tzinfo=UTC)
    except ValueError:
        return None


def _clock(time: re.Match[str]) -> tuple[int, int]:
    if time[6]:
        return (12, 0) if time[6].lower() == "noon" else (0, 0)
    if time[3]:
        return int(time[1]) % 12 + (12 if time[3].lower() == "p" else 0), int(time[2] or 0)
    return int(time[4]), int(time[5])

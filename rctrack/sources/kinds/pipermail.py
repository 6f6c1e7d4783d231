"""A list archive of Mailman 2 (pipermail): a page per month, a page per mail, no Received headers, hidden addresses.

Pages speak the list's language, dates too, so a mail is read in the mailbox of its month where there is one: it has
the headers as they were written.
"""

import gzip
import io
import re
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import parse_qs, unquote

from rctrack.core.look import Outcome
from rctrack.core.recognise import header_text, parse_headers
from rctrack.sources import mails
from rctrack.sources.html import archive
from rctrack.sources.html.archive import Index
from rctrack.sources.kinds.mbox import read_mbox
from rctrack.web import Page, WebError

_PERIOD = re.compile(r"(?:^|/)(?P<name>[^/?#]{4,80})/(?:date|thread)\.html$")
_MESSAGE = re.compile(r"(?:^|/)\d{5,}\.html$")
_MONTH = re.compile(r"(?P<year>\d{4})-(?P<month>[A-Z][a-z]{2,8})")
_YEAR = re.compile(r"(?<!\d)((?:19|20)\d\d)")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONGEST_EMPTY = 2048
"""Bytes of the page of an archive that has no mail yet."""
_MOST_SUBJECT = 1000
_MOST_MAILBOX = 64 * 2**20
"""Bytes of a month, unpacked."""
_GZIP = ("application/gzip", "application/x-gzip")
_HIDDEN = re.compile(r"^\s*([^\s@]{1,64}) \S{1,8} ([\w-]{1,63}(?:\.[\w-]{1,63}){1,8})(?=\s|$)")
"""user WORD host: "at" in the list's language."""
_FROM = re.compile(rb"^From:([^\n]*)$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Pipermail(archive.Reader):
    """One list; the key of a mail is its path in the archive."""

    mailboxes: dict[str, dict[str, list[bytes]]] = field(default_factory=dict, compare=False, repr=False)
    """Of the month that is being read: address of the mailbox, and its mails by subject. An empty one is none."""

    def start(self, url: str) -> str:
        """The list of months."""
        return f"{url}/"

    def index(self, page: Page) -> Index:
        """The months of the archive, or the mails of one month."""
        links = archive.links(page)
        entries = tuple((link, text) for link, text in links if _MESSAGE.search(link))
        if entries:
            return Index(entries, newest_at=archive.newest_at(page))
        periods: dict[str, tuple[str, date | None]] = {}
        for link, _ in links:
            period = _PERIOD.search(link)
            # By date where the archive has that order; each of them names all mails.
            if period and (period["name"] not in periods or link.endswith("date.html")):
                periods[period["name"]] = (link, _last_day(unquote(period["name"])))
        return Index(periods=tuple(periods.values()))

    def is_empty(self, page: Page) -> bool:
        """By what this page has in every language, besides the words: hardly anything."""
        text = page.content.lower()
        is_short = len(text) <= _LONGEST_EMPTY and b"date.html" not in text
        return is_short and b"noindex,follow" in text and b"listinfo" in text

    def read_mail(self, url: str, subject: str) -> bytes:
        """The mail as the mailbox of its month has it; its page where that has none of this subject, or several."""
        # What is packed may be packed by night only, and lack what is new.
        for suffix in (".txt", ".txt.gz"):
            named = self._mailbox(f"{url.rpartition('/')[0]}{suffix}").get(_plain(subject), [])
            if len(named) == 1:
                return b"Archived-At: <%s>\n%s" % (url.encode(), named[0])
        return self.read_page(url, subject)

    def mail(self, page: Page) -> bytes | None:
        """The mail of a page, in the words of its heading; its date is the archive's writing of the Date header."""
        body = archive.between(page, b"<!--beginarticle-->", b"<!--endarticle-->")
        if body is None:
            return None
        head = archive.parse(archive.before(page, b"<!--beginarticle-->"), "h1", "b", "i", "a")
        name, written, subject = (head.find(tag) for tag in ("b", "i", "h1"))
        address = head.find("a", href=re.compile("^mailto:|listinfo", re.IGNORECASE), title=True)
        if subject is None or written is None:
            return None
        asked = parse_qs(str(address["href"]).partition("?")[2].partition("#")[0]) if address else {}
        shown = archive.text_of(address) if address else ""
        return mails.as_mail(
            sender=f"{archive.text_of(name) if name else ''} <{_readable(shown)}>",
            date=archive.text_of(written),
            subject=archive.text_of(subject),
            message_id=unquote(next(iter(asked.get("In-Reply-To", [])), "")),
            body=body.lstrip("\n"),
            url=page.url,
        )

    def _mailbox(self, url: str) -> dict[str, list[bytes]]:
        """The mails of a month by subject; none where there is no such mailbox. Only those of one month are kept."""
        if url not in self.mailboxes:
            month = url.removesuffix(".gz")
            for other in [other for other in self.mailboxes if other.removesuffix(".gz") != month]:
                del self.mailboxes[other]
            self.mailboxes[url] = self._read_mailbox(url)
        return self.mailboxes[url]

    def _read_mailbox(self, url: str) -> dict[str, list[bytes]]:
        try:
            page = self.tools.web.get(url, (*_GZIP, "text/plain"), most=_MOST_MAILBOX)
            content = _unpacked(page)
        except WebError as error:
            if error.outcome not in (Outcome.MISREAD, Outcome.MOVED):
                raise
            return {}  # the page of the mail tells it too
        by_subject: dict[str, list[bytes]] = {}
        for mail in read_mbox(io.BytesIO(content)):
            subject = header_text(parse_headers(mail), "Subject", _MOST_SUBJECT)
            by_subject.setdefault(_plain(subject), []).append(_with_address(mail))
        return by_subject


def _unpacked(page: Page) -> bytes:
    """The text of a mailbox that may be packed; WebError where it is more than anybody writes in a month."""
    if not page.content.startswith(b"\x1f\x8b"):
        return page.content
    try:
        with gzip.open(io.BytesIO(page.content)) as packed:
            content = packed.read(_MOST_MAILBOX + 1)
    except (OSError, EOFError, ValueError) as error:
        raise WebError(f"{page.url}: answered with no readable gzip: {error}", Outcome.MISREAD, page) from error
    if len(content) > _MOST_MAILBOX:
        raise WebError(f"{page.url}: more than {_MOST_MAILBOX} bytes of mail", Outcome.MISREAD, page)
    return content


def _with_address(mail: bytes) -> bytes:
    """The mail with its sender's address as it was."""
    return _FROM.sub(lambda sender: b"From: " + _readable(sender[1].decode("utf-8", "replace")).encode(), mail, count=1)


def _readable(shown: str) -> str:
    """An address as it was, in whatever language the archive hid its sign."""
    return mails.readable_address(_HIDDEN.sub(r"\1@\2", shown))


def _plain(subject: str) -> str:
    return " ".join(subject.split())


def _last_day(period: str) -> date | None:
    """The last day of a period named like 2024-March; of its year where the month is in another language; else None."""
    month = _MONTH.fullmatch(period)
    if month is not None and month["month"][:3].lower() in _MONTHS:
        return archive.month_end(int(month["year"]), _MONTHS.index(month["month"][:3].lower()) + 1)
    year = _YEAR.search(period)
    return date(int(year[1]), 12, 31) if year else None

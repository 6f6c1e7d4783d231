"""A list archive of Mailman 2 (pipermail): a page per month, a page per mail, no Received headers, hidden addresses."""

import re
from datetime import date
from urllib.parse import parse_qs, unquote

from rctrack.sources import mails
from rctrack.sources.html import archive
from rctrack.sources.html.archive import Index
from rctrack.web import Page

_PERIOD = re.compile(r"(?:^|/)(?P<name>[\w-]{4,40})/(?:date|thread)\.html$")
_MESSAGE = re.compile(r"(?:^|/)\d{5,}\.html$")
_MONTH = re.compile(r"(?P<year>\d{4})-(?P<month>[A-Z][a-z]{2,8})")
_LONGEST_EMPTY = 2048
"""Bytes of the page of an archive that has no mail yet."""
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class Pipermail(archive.Reader):
    """One list; the key of a mail is its path in the archive."""

    def start(self, url: str) -> str:
        """The list of months."""
        return f"{url}/"

    def index(self, page: Page) -> Index:
        """The months of the archive, or the mails of one month."""
        found = archive.links(page)
        entries = tuple((link, text) for link, text in found if _MESSAGE.search(link))
        if entries:
            return Index(entries, newest_at=archive.newest_at(page))
        periods: dict[str, tuple[str, date | None]] = {}
        for link, _ in found:
            period = _PERIOD.search(link)
            # By date where the archive has that order; each of them names all mails.
            if period and (period["name"] not in periods or link.endswith("date.html")):
                periods[period["name"]] = (link, _last_day(period["name"]))
        return Index(periods=tuple(periods.values()))

    def is_empty(self, page: Page) -> bool:
        """By what this page has in every language, besides the words: hardly anything."""
        text = page.content.lower()
        is_short = len(text) <= _LONGEST_EMPTY and b"date.html" not in text
        return is_short and b"noindex,follow" in text and b"listinfo" in text

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
            sender=f"{archive.text_of(name) if name else ''} <{mails.readable_address(shown)}>",
            date=archive.text_of(written),
            subject=archive.text_of(subject),
            message_id=unquote(next(iter(asked.get("In-Reply-To", [])), "")),
            body=body.lstrip("\n"),
            url=page.url,
        )


def _last_day(period: str) -> date | None:
    """The last day of a period named like 2024-March; None for weeks, quarters and other names."""
    found = _MONTH.fullmatch(period)
    if found is None or found["month"][:3].lower() not in _MONTHS:
        return None
    return archive.month_end(int(found["year"]), _MONTHS.index(found["month"][:3].lower()) + 1)

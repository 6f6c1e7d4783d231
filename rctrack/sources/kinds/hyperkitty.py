"""A list archive of Mailman 3 (HyperKitty): a page per month, newest talk first, then the first mail of each thread.

It shows no address, only the sender's picture, whose name is a hash of the address: so a sender of the project file is
known by that. Dates are good to the minute, in the server's zone (UTC unless somebody changed it).
"""

import hashlib
import re
from datetime import UTC, date, datetime, timedelta, timezone
from email.utils import format_datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote

from rctrack.sources import mails
from rctrack.sources.html import archive
from rctrack.sources.html.archive import Index
from rctrack.web import Page

if TYPE_CHECKING:
    from bs4 import Tag

_MONTH = re.compile(r"/list/[^/]{1,200}/(?P<year>\d{4})/(?P<month>\d{1,2})/$")
_OF_LIST = re.compile(r"/list/[^/]{1,200}/(?:\d{4}/\d{1,2}/)?$")
_THREAD = re.compile(r"/thread/\w{20,80}/(?:[?#]|$)")
_PAGE = re.compile(r"[?&]page=(\d{1,5})")
_REPLY = re.compile(r"[?&]In-Reply-To=(?:<|%3C)?([^>&]{1,990})", re.IGNORECASE)
_PICTURE = re.compile(r"/avatar/([0-9a-f]{32}|[0-9a-f]{64})\b")
_DATE = re.compile(r"(\d{1,2}) ([A-Z][a-z]{2,8})\.? +(\d{4})|([A-Z][a-z]{2,8})\.? (\d{1,2}), (\d{4})")
_TIME = re.compile(r"\b(\d{1,2})(?::(\d{2}))? ?([ap])\.?m|\b(\d{1,2}):(\d{2})|\b(noon|midnight)\b", re.IGNORECASE)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class Hyperkitty(archive.Reader):
    """One list; the key of a mail is its thread's path in the archive."""

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
        body = email.find("div", class_="email-body") if email else None
        reply = email.find("a", href=_REPLY) if email else None
        if title is None or email is None or body is None:
            return None
        found = _REPLY.search(str(reply["href"])) if reply else None
        return mails.as_mail(
            sender=self._sender(email),
            date=_date(email),
            subject=archive.text_of(title),
            message_id=unquote(found[1]) if found else "",
            body=body.get_text().lstrip("\n"),
            url=page.url,
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

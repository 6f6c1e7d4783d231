"""A list archive made by MHonArc: its index is maillist.html, its pages show the mail's own Date."""

import re
import string
from datetime import date
from html import unescape

from rctrack.sources import mails
from rctrack.sources.html import archive
from rctrack.sources.html.archive import Index
from rctrack.web import Page

_MESSAGE = re.compile(r"(?:^|/)msg\d{4,}\.html$")
_FOLLOWING = re.compile(r"^mail(\d+)\.html$")
_PERIOD = re.compile(r"(?:^|/)(?P<year>\d{4})[-/]?(?P<month>\d{2})?/(?:maillist\.html|index\.html|mail1\.html)?$")
_UPPER, _LOWER = f"@{string.ascii_uppercase}[", string.ascii_lowercase
_ROTATED = str.maketrans(_UPPER + _LOWER, _UPPER[14:] + _UPPER[:14] + _LOWER[13:] + _LOWER[:13])
"""As its mrot13 does: capitals by 14 in a circle with @ and [, so that no @ is left for those who look for one."""
_COMMENT = re.compile(rb"<!--X-(Subject|From-R13|From|Date|Message-Id): ([^\n]{0,2000}?) -->")


class Mhonarc(archive.Reader):
    """One list; the key of a mail is its path in the archive."""

    def start(self, url: str) -> str:
        """The index, or the page that lists the indices where the address is one."""
        return url if url.endswith(".html") else f"{url}/maillist.html"

    def index(self, page: Page) -> Index:
        """The mails of an index page and its next page, or further indices."""
        found = archive.links(page)
        here = _page_number(page.url)
        numbered = {_page_number(link): link for link, _ in found if _FOLLOWING.match(link)}
        entries = tuple((link, text) for link, text in found if _MESSAGE.search(link) and text)
        periods = (
            [] if entries else [(link, _last_day(period)) for link, _ in found if (period := _PERIOD.search(link))]
        )
        return Index(entries, tuple(periods), numbered.get(here + 1))

    def is_empty(self, page: Page) -> bool:
        """As it says itself that it made the page."""
        return page.content.startswith(b"<!-- MHonArc v")

    def mail(self, page: Page) -> bytes | None:
        """The mail of a page: what its heading shows, or else its comments.

        The comment X-Date is when the mail was received; only the heading has the Date that the sender wrote. The
        sender is whole in a comment alone: -spammode, which most public archives have, crosses out what people read.
        """
        said = {
            name.decode(): _readable(name, value)
            for name, value in _COMMENT.findall(page.content.partition(b"<!--X-Head-End-->")[0][: archive.HEAD])
        }
        body = archive.between(page, b"<!--X-Body-of-Message-->", b"<!--X-Body-of-Message-End-->")
        if body is None or "Message-Id" not in said:
            return None
        heading = archive.between(page, b"<!--X-Head-of-Message-->", b"<!--X-Head-of-Message-End-->") or ""
        for line in heading.splitlines():
            name, _, value = line.partition(":")
            said[name.strip()] = value.strip() or said.get(name.strip(), "")
        return mails.as_mail(
            sender=said.get("From-R13") or said.get("From", ""),
            date=said.get("Date", ""),
            subject=said.get("Subject", ""),
            message_id=said["Message-Id"],
            body=body.lstrip("\n"),
            url=page.url,
        )


def _readable(name: bytes, value: bytes) -> str:
    text = value.decode("utf-8", "replace")
    # First what MHonArc escaped after it had rotated the rest.
    return unescape(text).translate(_ROTATED) if name == b"From-R13" else unescape(text)


def _page_number(link: str) -> int:
    found = _FOLLOWING.match(link.rpartition("/")[2])
    return int(found[1]) if found else 1


def _last_day(period: re.Match[str]) -> date | None:
    return archive.month_end(int(period["year"]), int(period["month"] or 12))

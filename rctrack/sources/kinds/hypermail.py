"""A list archive made by hypermail (LKML at Indiana): its pages carry the mail's headers in comments."""

import re
from datetime import date
from html import unescape

from rctrack.sources import mails
from rctrack.sources.html import archive
from rctrack.sources.html.archive import Index
from rctrack.web import Page

_PERIOD = re.compile(r"(?:^|/)(?P<name>\d{4}(?:[./-]\d{1,2})?(?:\.\d)?)/(?:index\.html|date\.html)?$")
_MESSAGE = re.compile(r"(?:^|/)\d{3,}\.html$")
_OWN = re.compile(rb"<meta name=\"generator\" content=\"hypermail ", re.IGNORECASE)
_COMMENT = re.compile(rb"<!-- {1,4}(name|email|subject|id|sent|isosent|charset)=\"([^\n]{0,2000}?)\" {1,4}-->")


class Hypermail(archive.Reader):
    """One list; the key of a mail is its path in the archive."""

    def start(self, url: str) -> str:
        """The list of periods, or the only index."""
        return f"{url}/"

    def index(self, page: Page) -> Index:
        """The periods of the archive, newest first, or the mails of one."""
        found = archive.links(page)
        entries = tuple((link, text) for link, text in found if _MESSAGE.search(link))
        if entries:
            return Index(entries, newest_at=archive.newest_at(page))
        periods = [(link, _last_day(period["name"])) for link, _ in found if (period := _PERIOD.search(link))]
        return Index(periods=tuple(sorted(periods, key=lambda each: each[1] or date.max, reverse=True)))

    def is_empty(self, page: Page) -> bool:
        """As it says itself that it made the page."""
        return _OWN.search(page.content[: archive.HEAD]) is not None

    def mail(self, page: Page) -> bytes | None:
        """The mail of a page: what its comments say, and what stands between the marks of its body."""
        head = page.content.partition(b'<!-- body="start"')[0]
        coding = archive.charset(page).decode("ascii", "replace")
        said: dict[str, str] = {}
        for name, value in _COMMENT.findall(head[: archive.HEAD]):
            said.setdefault(name.decode(), unescape(unescape(_decoded(value, coding))))
        body = archive.between(page, b'<!-- body="start" -->', b'<!-- body="end" -->')
        if body is None or "subject" not in said:
            return None
        return mails.as_mail(
            sender=f"{said.get('name', '')} <{mails.readable_address(said.get('email', ''))}>",
            date=said.get("sent", "") or said.get("isosent", ""),
            subject=said["subject"],
            message_id=said.get("id", ""),
            body=body.lstrip("\n"),
            url=page.url,
        )


def _decoded(value: bytes, coding: str) -> str:
    try:
        return value.decode(coding, "replace")
    except LookupError:
        return value.decode("utf-8", "replace")


def _last_day(period: str) -> date | None:
    """The last day of 2411.1 (Indiana's half months), 2024/03 or 2024-03; None for other names."""
    if found := re.fullmatch(r"(\d{2})(\d{2})\.\d", period):
        return archive.month_end(int(found[1]) + (1900 if int(found[1]) > 90 else 2000), int(found[2]))
    if found := re.fullmatch(r"(\d{4})[/-](\d{1,2})", period):
        return archive.month_end(int(found[1]), int(found[2]))
    return None

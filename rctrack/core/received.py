"""Who had a mail when: the Received chain (RFC 5321 section 4.4), read with all its dialects."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_tz
from itertools import pairwise

from rctrack.core.evidence import Instant
from rctrack.core.release import LongestWait

_LONGEST = 4000
"""Characters of one header that are read; a real hop has a few hundred."""
_MOST_HOPS = 200
_BY = re.compile(r"(?:^|\s)by\s+(?P<host>[A-Za-z0-9._-]*[A-Za-z0-9_-])", re.IGNORECASE)
_COMMENT = re.compile(r"\([^()]*\)")
_MOST_NESTED = 4
"""Comments within comments, as Exim writes them."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ISO = re.compile(r"^\s*(\d{4})-(0[1-9]|1[0-2])-(\d\d)[T ]\s*")
_TWELVE_HOURS = re.compile(r"\b(\d{1,2}):(\d\d)(?::(\d\d))?\s*([ap])\.?m\b\.?", re.IGNORECASE)
_ZONE = re.compile(r"(?:(?<=\d)\s*|\s*\b(?:GMT|UTC?|Z)\s*)([+-])(\d{1,2})(?::?(\d\d))?(?=\s|$|\()", re.IGNORECASE)
"""A numeric zone with a colon or behind a name; what follows a time or a year directly is one too."""
_YEARS = range(1971, 2101)
"""Those of mail; the first of 1970 is what a clock shows that was never set."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One server took the mail."""

    by: str
    """Host name in lower case."""
    taken: Instant


def parse_date(text: str) -> Instant | None:
    """The instant that a mail date spells, with its offset; None for one that cannot be read or be true."""
    try:
        fields = parsedate_tz(_as_usual(text[:200]))
        if fields is None:
            return None
        year, month, day, hour, minute, second = fields[:6]
        offset = timedelta(seconds=fields[9] or 0)
        # Not mktime_tz(): it takes 30 February for 1 March. A leap second is written as :60.
        at = datetime(_whole_year(year), month, day, hour, minute, second - (second == 60), tzinfo=UTC) - offset
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
    if at.year not in _YEARS:
        return None
    return Instant(at, offset if abs(offset) < timedelta(days=1) else timedelta(0))


def _as_usual(text: str) -> str:
    """A date in the form of RFC 5322 where somebody's program wrote it in one of its own."""
    text = _ISO.sub(lambda date: f"{date[3]} {_MONTHS[int(date[2]) - 1]} {date[1]} ", text)
    text = _TWELVE_HOURS.sub(_of_24_hours, text)
    text = _ZONE.sub(lambda zone: f" {zone[1]}{zone[2]:0>2}{zone[3] or '00'}", text)
    return re.sub(r"(?<=:\d\d)[.,]\d+", "", text)


def _of_24_hours(time: re.Match[str]) -> str:
    hour, is_afternoon = int(time[1]), time[4].lower() == "p"
    hour = hour % 12 + 12 * is_afternoon if hour <= 12 else hour
    return f"{hour:02}:{time[2]}:{time[3] or '00'} "


def _whole_year(year: int) -> int:
    """The year that is meant by one that counts from 1900 (RFC 5322 section 4.3), be it behind a "19" or not."""
    if 100 <= year < 1000:
        return year + 1900
    return year - 19_000 + 1900 if 19_100 <= year < 19_200 else year


def read_hop(received: str) -> Hop | None:
    """The `by` host and the date of one Received header; None where either is missing."""
    chain, date = _chain_and_date(received)
    found = _BY.search(chain)
    taken = parse_date(date) if found else None
    return Hop(found["host"].lower(), taken) if found and taken else None


def _chain_and_date(received: str) -> tuple[str, str]:
    """What stands before and behind the last semicolon that is not in a comment."""
    header = " ".join(received[:_LONGEST].split())
    for _ in range(_MOST_NESTED):
        header = _COMMENT.sub(" ", header)
    chain, _, date = header.rpartition(";")
    return chain, date.strip()


def read_hops(received: Sequence[str]) -> tuple[Hop, ...]:
    """The hops in the order in which the mail travelled; `received` is in header order, newest first."""
    hops = (read_hop(header) for header in reversed(received[:_MOST_HOPS]))
    return tuple(hop for hop in hops if hop is not None)


def delivered(hops: Iterable[Hop], servers: Sequence[str]) -> Instant | None:
    """When the list's own server took the mail: its last hop on the way; None if it was never seen there."""
    taken = [hop.taken for hop in hops if hop.by in servers]
    return taken[-1] if taken else None


def longest_wait(written: Instant | None, hops: Sequence[Hop], servers: Sequence[str]) -> LongestWait | None:
    """Where the mail waited longest until the list's own server took it; None if it was never seen there."""
    last = max((place for place, hop in enumerate(hops) if hop.by in servers), default=None)
    if last is None:
        return None
    way: list[tuple[str | None, Instant]] = [(None, written)] if written else []
    way += [(hop.by, hop.taken) for hop in hops[: last + 1]]
    waits = [
        LongestWait(host, taken_by or "", taken.at - before.at) for (host, before), (taken_by, taken) in pairwise(way)
    ]
    return max(waits, key=lambda each: each.span, default=None)


def archived(committed: Instant | None, received: Sequence[str]) -> Instant | None:
    """The archive's own date, unless it is only a copy of the newest Received date (DESIGN section 2)."""
    # The date alone: public-inbox copies it from a header that names no `by` host too.
    newest = parse_date(_chain_and_date(received[0])[1]) if received else None
    if committed is None or (newest is not None and newest.at == committed.at):
        return None
    return committed

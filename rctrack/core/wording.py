"""The small change of all our mail: lines of 72, moments in UTC and the reader's zone, spans, facts in columns."""

import hashlib
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from rctrack.core.evidence import Instant, MessageId
from rctrack.core.release import Release

WIDTH = 72
_NO_BREAK = "\N{NO-BREAK SPACE}"
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=(?:s|min|h|d|days|UTC)\b|%)")


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """How a source does, for people: its name and its last outcome in words."""

    source: str
    state: str


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom we write."""

    address: str
    zone: tzinfo


def message_id(*parts: str) -> MessageId:
    """The same for the same parts, of which the last stays out of sight in the id."""
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]
    slug = re.sub(r"[^A-Za-z0-9.-]+", "-", ".".join(parts[:-1]))
    return MessageId(f"{slug}.{digest}@rctrack")


def duration(span: timedelta) -> str:
    """A span in the two units that matter: "2 d 3 h", "41 min", "12 s"."""
    seconds = int(abs(span).total_seconds())
    days, hours, minutes = seconds // 86400, seconds % 86400 // 3600, seconds % 3600 // 60
    if days >= 10:
        return f"{days} days"
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min" if minutes else f"{seconds} s"


def hours(span: timedelta) -> str:
    """A span as people say how late something is: "41 min", "26 h", "10 days"."""
    whole = int(abs(span).total_seconds()) // 3600
    return f"{whole} h" if 2 <= whole < 72 else duration(span)


def short(span: timedelta) -> str:
    """A span as in a subject: 45s, 11m, 26h, 5d."""
    seconds = int(span.total_seconds())
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 2 * 3600:
        return f"{seconds // 60}m"
    return f"{seconds // 3600}h" if seconds < 2 * 86400 else f"{seconds // 86400}d"


def signed(span: timedelta) -> str:
    """A span as in a subject, with its sign: +11m, -2h."""
    return ("+" if span >= timedelta(0) else "-") + short(abs(span))


def gap(earlier: Instant | None, later: Instant | None, since: str) -> str:
    """How long the later came after the earlier: "41 min after the tag"; empty where one is not known."""
    if earlier is None or later is None:
        return ""
    gap = later.at - earlier.at
    return f"{duration(gap)} {'after' if gap >= timedelta(0) else 'before'} {since}"


def at(instant: Instant | None, zone: tzinfo) -> str:
    """The instant as `moment` has it; empty for None."""
    return "" if instant is None else moment(instant.at, zone)


def moment(moment: datetime, zone: tzinfo) -> str:
    """UTC, and the reader's own zone where that is another."""
    there = moment.astimezone(zone)
    utc = f"{moment.astimezone(UTC):%a %Y-%m-%d %H:%M} UTC"
    return utc if there.utcoffset() == timedelta(0) else f"{utc} ({there:%a %H:%M} {there:%Z})"


def fill(text: str) -> str:
    """A paragraph in lines of at most 72, where no word is longer."""
    return "\n".join(hanging(text, "", ""))


def hanging(text: str, first: str, rest: str, width: int = WIDTH) -> list[str]:
    """A paragraph whose further lines stand deeper than its first; a number stays with its unit."""
    lines = textwrap.wrap(
        _BEFORE_UNIT.sub(_NO_BREAK, text),
        width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_NO_BREAK, " ") for line in lines]


def facts(facts: Sequence[tuple[str, str, str]]) -> str:
    """Label, value and remark of each fact in columns; one without a value is left out."""
    lines = []
    for label, value, remark in facts:
        if not value:
            continue
        first, *more = value.split("\n")
        line = f"  {label:<11} {first}"
        lines.append(f"{line}  {remark}" if remark and len(line) + len(remark) + 2 <= WIDTH else line)
        lines += [f"  {'':<11} {each}" for each in more]
        if remark and len(line) + len(remark) + 2 > WIDTH:
            lines.append(f"  {'':<11} {remark}")
    return "\n".join(lines)


def links(release: Release, before: Release | None) -> str:
    """Where to read more of a release, a line each: the command for its commits, its mail; empty where none is."""
    lines = []
    if release.tag and before and before.tag:
        lines.append(f"git log {before.tag}..{release.tag}")
    if release.message_id:
        lines += [release.url] if release.url else ["Message-ID:", f"  <{release.message_id}>"]
    return "\n".join(lines)


def sources(health: Sequence[SourceHealth]) -> str:
    """How the sources do, a line each; empty where there is none."""
    if not health:
        return ""
    lines = ["Sources"]
    for each in health:
        lines += hanging(f"{each.source}: {each.state}", "  ", "    ")
    return "\n".join(lines)


def footer(name: str, reader: Reader) -> str:
    """Why the reader gets this."""
    return "-- \n" + fill(f"You get this because rctrack follows {name} for {reader.address}.")

"""The small change of all that is told: lines of 72, moments in UTC and the reader's zone, spans, facts in columns."""

import re
import textwrap
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo

from rctrack.core.evidence import Instant
from rctrack.core.look import Run
from rctrack.core.release import LongestWait, Release

WIDTH = 72
_NO_BREAK = "\N{NO-BREAK SPACE}"
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=(?:s|min|h|d|days|UTC)\b|%)")


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


def footer(name: str, address: str) -> str:
    """Why the reader gets this."""
    return "-- \n" + fill(f"You get this because rctrack follows {name} for {address}.")


def source(run: Run) -> str:
    """How a source does: "tags https://…: no answer since 2026-03-02 12:15 UTC: connection refused"."""
    since = f"{run.first_at:%Y-%m-%d %H:%M} UTC"
    reason = f": {run.reason}" if run.reason else ""
    return f"{run.source}: {run.outcome} since {since}{reason}"


def hosts(names: Iterable[str]) -> str:
    """Hosts in a sentence, those of one owner together: "kernel.org (git, www)"; many are counted."""
    sites: dict[str, list[str]] = {}
    for name in sorted(names):
        label, _, site = name.partition(".")
        key, part = (site, label) if site.count(".") and not site.rpartition(".")[2].isdigit() else (name, "")
        sites.setdefault(key, []).append(part)
    named = [_site(site, parts) for site, parts in sites.items()]
    if len(named) > 3:
        return f"{named[0]}, {named[1]} and {len(named) - 2} more"
    return joined(named)


def _site(site: str, parts: Sequence[str]) -> str:
    if len(parts) == 1:
        return f"{parts[0]}.{site}" if parts[0] else site
    return f"{site} ({', '.join(parts)})"


def joined(words: Sequence[str]) -> str:
    """Words in a sentence: "a, b and c"."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def longest_wait(wait: LongestWait) -> str:
    """Where a mail waited longest: "37 h between a.example and b.example"."""
    length = hours(wait.span)
    if wait.at is None:
        return f"{length} before {wait.until_at} took it"
    return f"{length} at {wait.at}" if wait.at == wait.until_at else f"{length} between {wait.at} and {wait.until_at}"

"""What the commands print for people: tables of at most 100 columns; all times are UTC."""

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from rctrack.core.evidence import SourceId
from rctrack.core.hosts import State
from rctrack.core.look import host_of
from rctrack.core.summary import ReleaseSummary
from rctrack.show import words
from rctrack.show.json import gap_kind
from rctrack.store.codec import plain

WIDTH = 100
Row = Mapping[str, Any]


def delays(found: Sequence[Row]) -> str:
    """A line per delay, in the order in which they began."""
    rows = [
        [
            each["project"],
            each["version"],
            _minute(each["since"]),
            _length(each["seconds"], "-"),
            each["ended"] or "late now",
            each["cause"] or "-",
            gap_kind(each["kind"], each["where"]),
        ]
        for each in found
    ]
    return table(["PROJECT", "VERSION", "SINCE", "LENGTH", "ENDED", "CAUSE", "KIND"], rows, right={3})


def outages(found: Sequence[Row]) -> str:
    """A line per outage, oldest first."""
    rows = [
        [
            each["kind"],
            _minute(each["since"]),
            _minute(each["until"]),
            _length(each["seconds"], "lasts"),
            each["known_by"],
            words.hosts(each["hosts"]) or "rctrack itself",
        ]
        for each in found
    ]
    return table(["KIND", "SINCE", "UNTIL", "LENGTH", "KNOWN BY", "HOSTS"], rows, right={3})


def notices(found: Sequence[Row]) -> str:
    """A line per notice, oldest first; what was told to nobody is marked."""
    rows = [[_minute(each["at"]), "-" if each["silent"] else "told", each["sentence"]] for each in found]
    return table(["AT", "TOLD", "NOTICE"], rows)


def releases(found: Sequence[Row]) -> str:
    """The releases for people; delivered and archived as the time since the station before."""
    heads = ["VERSION", "TAGGED", "ANNOUNCED", "DELIVERED", "ARCHIVED", "COMMITS", "PREVIOUS"]
    rows = [
        [
            row["version"],
            _minute(row["tagged_at"]),
            _minute(row["announced_at"]),
            _lag(row["announced_at"], row["delivered_at"]),
            _lag(row["delivered_at"], row["archived_at"]),
            _counted(row),
            row["previous"] or "-",
        ]
        for row in found
    ]
    return table(heads, rows, right={3, 4, 5})


def releases_csv(summaries: Sequence[ReleaseSummary]) -> str:
    """The releases as CSV with a header line; delays are left to JSON."""
    names = [field.name for field in fields(ReleaseSummary) if field.name != "made_at"]
    text = io.StringIO()
    writer = csv.DictWriter(text, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({**plain(each), "flags": " ".join(each.flags)} for each in summaries)
    return text.getvalue()


def status(found: Sequence[Row]) -> str:
    """A line per project."""
    rows = [
        [
            each["project"],
            each["cycle"] or "-",
            each["newest"] or "-",
            "-" if each["days_since"] is None else str(each["days_since"]),
            each["next_in_words"] or "-",
            _flags(each),
            _sources(each["sources"]),
        ]
        for each in found
    ]
    return table(["PROJECT", "CYCLE", "NEWEST", "DAYS", "NEXT", "FLAGS", "SOURCES"], rows, right={3})


def projects(found: Sequence[Row]) -> str:
    """The known projects."""
    rows = [
        [
            each["project"],
            each["name"],
            "yes" if each["followed"] else "no",
            "yes" if each["verified"] else "no",
            str(len(each["sources"])),
        ]
        for each in found
    ]
    return table(["PROJECT", "NAME", "FOLLOWED", "VERIFIED", "SOURCES"], rows, right={4})


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> str:
    """Aligned columns; the last one gives way where a line would pass 100 columns."""
    widths = [max(len(line[i]) for line in (heads, *rows)) for i in range(len(heads))]
    room = WIDTH - sum(widths[:-1]) - 2 * (len(heads) - 1)
    widths[-1] = max(8, min(widths[-1], room))
    lines = []
    for cells in (heads, *rows):
        shown = [
            cell if len(cell) <= width else cell[: width - 1] + "…" for cell, width in zip(cells, widths, strict=True)
        ]
        aligned = [
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(shown, widths, strict=True))
        ]
        lines.append("  ".join(aligned).rstrip())
    return "\n".join(lines) + "\n"


def _flags(found: Row) -> str:
    """What is odd about the newest release, and what is late."""
    late = [f"LATE {each['version']} ({each['kind']})" for each in found["late"]]
    return ", ".join([*found["flags"], *late]) or "-"


def _counted(row: Row) -> str:
    if row["commits"] is not None:
        return str(row["commits"])
    return "-" if row["commits_announced"] is None else f"{row['commits_announced']} by mail"


def _sources(sources: Sequence[Row]) -> str:
    if not sources:
        return "not looked at yet"
    states = {each["state"] for each in sources if each["state"] is not State.UNKNOWN}
    if states == {State.OFFLINE}:
        return "we are offline"
    bad = [each for each in sources if each["outcome"] != "good" or each["state"] is State.LAGGING]
    if not bad:
        return "all good"
    worse = (State.DOWN, State.BLOCKED, State.FAILING, State.LAGGING)
    places: dict[str, list[str]] = {}
    for each in bad:
        place = host_of(SourceId(each["source"])) or each["source"].rpartition("/")[2]
        word = str(each["state"]) if each["state"] in worse else str(each["outcome"])
        places.setdefault(word, []).append(place)
    return "; ".join(f"{word}: {', '.join(dict.fromkeys(found))}" for word, found in places.items())


def _minute(text: str | None) -> str:
    return "-" if text is None else text[:16].replace("T", " ")


def _length(seconds: int | None, otherwise: str) -> str:
    return otherwise if seconds is None else words.duration(timedelta(seconds=seconds))


def _lag(earlier: str | None, later: str | None) -> str:
    """How long after the station before it, where both are known."""
    if earlier is None or later is None:
        return "-"
    lag = datetime.fromisoformat(later) - datetime.fromisoformat(earlier)
    return ("+" if lag >= timedelta(0) else "-") + words.duration(lag)

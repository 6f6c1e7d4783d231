"""Facts on past releases that come with rctrack, one CSV file per project -> core types."""

import csv
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from rctrack.core.evidence import Instant
from rctrack.core.history import Fact, ShippedRelease
from rctrack.core.release import Precision
from rctrack.core.version import parse_version

COLUMNS = (
    "version", "tagged", "tagged_precision", "tagged_source", "announced", "announced_precision", "announced_source",
    "commits", "commits_no_merges", "commits_since_final", "commits_source",
)  # fmt: skip
"""`commits` and `commits_no_merges` are since the release before; `commits_since_final` without merges."""


class HistoryError(Exception):
    """A history file that cannot be read; the text is one line with file, line and what is wrong."""


def load_history(folder: Path, stem: str, scheme: str) -> tuple[ShippedRelease, ...]:
    """Returns the past releases of this project, ascending; none without a file of its name in `folder`.

    Raises HistoryError where the file cannot be read.
    """
    path = folder / f"{stem}.csv"
    if not path.is_file():
        return ()
    releases = []
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise HistoryError(f"{path}: found the columns {reader.fieldnames}, expected {', '.join(COLUMNS)}")
        for row in reader:
            try:
                releases.append(_release(row, scheme))
            except (TypeError, ValueError) as error:
                raise HistoryError(f"{path}: line {reader.line_num}: {error}") from error
    return tuple(sorted(releases, key=lambda release: release.version))


def _release(row: Mapping[str, str], scheme: str) -> ShippedRelease:
    version = parse_version(scheme, row["version"])
    if version is None:
        raise ValueError(f"{row['version']!r} is no version of the scheme {scheme}")
    return ShippedRelease(
        version=version,
        tagged=_fact(row, "tagged"),
        announced=_fact(row, "announced"),
        commits=_number(row["commits"]),
        commits_no_merges=_number(row["commits_no_merges"]),
        commits_since_final=_number(row["commits_since_final"]),
    )


def _fact(row: Mapping[str, str], station: str) -> Fact | None:
    """A day is read as its noon in UTC: that is the same day from -11:00 to +11:59."""
    text = row[station]
    if not text:
        return None
    precision = Precision(row[f"{station}_precision"])
    at = datetime.fromisoformat(f"{text}T12:00:00Z" if precision is Precision.DAY else text)
    offset = at.utcoffset()
    if offset is None:
        raise ValueError(f"{station}: {text!r} has no offset")
    return Fact(Instant(at.astimezone(UTC), offset), precision, row[f"{station}_source"])


def _number(text: str) -> int | None:
    return int(text) if text else None

"""Compiles config/history/<project>.csv from the tables of ../shared/data: facts and figures only.

Run by `make history`; rctrack itself never reads the tables. The first table that knows a fact is believed.
"""

import csv
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from rctrack.config import load_project
from rctrack.config.history import COLUMNS
from rctrack.core.rules import ProjectRules
from rctrack.core.version import Version, all_previous, parse_version

ROOT = Path(__file__).parents[2]
TABLES = next(
    (path for path in (ROOT.parent / "shared" / "data", ROOT.parent.parent / "shared" / "data") if path.is_dir()),
    ROOT.parent / "shared" / "data",
)
"""Beside the checkout, or beside the folder that holds it where it is one of several work trees."""
FOLDER = ROOT / "config" / "history"
BITKEEPER = "sha of a BitKeeper conversion"
"""How the table marks the dates that run about 16 hours ahead: good to a day only."""

Rows = dict[Version, dict[str, str]]


@dataclass(frozen=True, slots=True)
class _Tables:
    """Where the tables are, and how the project at hand spells its versions."""

    folder: Path
    rules: ProjectRules

    def read(self, name: str) -> Iterator[dict[str, str]]:
        with (self.folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)

    def version(self, text: str) -> Version | None:
        if self.rules.ignore_tags and re.search(self.rules.ignore_tags, text):
            return None
        return parse_version(self.rules.scheme, text.removesuffix("-dontuse").rstrip("."))

    def feature(self, text: str) -> Version | None:
        """The version if it belongs to a feature cycle: the shipped facts on Linux are on its main line."""
        version = self.version(text)
        return version if version and version.is_feature(self.rules.feature_parts.of(version)) else None


def main(tables: Path = TABLES, folder: Path = FOLDER) -> int:
    """Writes the three files anew; says how many releases each holds."""
    folder.mkdir(exist_ok=True)
    for stem in ("linux", "git", "util-linux"):
        rules = load_project(stem, ROOT / "config" / "rctrack.toml").rules
        found: Rows = {}
        (_linux if stem == "linux" else _tagged)(_Tables(tables, rules), stem, found)
        with (folder / f"{stem}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows({"version": version.text, **found[version]} for version in sorted(found))
        print(f"{stem}: {len(found)} releases")
    return 0


def _linux(tables: _Tables, stem: str, found: Rows) -> None:
    for row in tables.read("linux_tags"):
        version = tables.feature(row["tag"])
        if version and row["commit_date"]:
            at = datetime.strptime(row["commit_date"], "%Y-%m-%d %H:%M:%S %z")
            by_day = BITKEEPER in row["how_known"]
            source = "release commit, BitKeeper conversion" if by_day else "release commit"
            _fact(found, version, "tagged", str(at.date()) if by_day else at.isoformat(), source)
    for name, column, source in (
        ("linux_release_stats", "released", "gregkh/kernel-history"),
        ("linux_release_dates", "date", "endoflife-date/release-data"),
    ):
        for row in tables.read(name):
            version = tables.feature(row["version"])
            if version and row[column] and date.fromisoformat(row[column]).year > 1990:
                _fact(found, version, "tagged", row[column], source)
    for row in tables.read("linux_release_stats"):
        version = tables.feature(row["version"])
        if version and row["commits"]:
            found[version] |= {"commits_since_final": row["commits"], "commits_source": "gregkh/kernel-history"}
    _undated(tables, found)
    for row in sorted(tables.read("lkml_announcement_headers"), key=lambda row: row["date_utc"]):
        version = tables.feature(row["version"])
        if version:
            _fact(found, version, "announced", row["date_utc"], "linux-kernel, Date header")


def _undated(tables: _Tables, found: Rows) -> None:
    """A tag without a date still tells how many candidates its cycle had."""
    for row in tables.read("linux_tags"):
        version = tables.feature(row["tag"])
        if version:
            found.setdefault(version, {"tagged_source": "tag without a date"})


def _tagged(tables: _Tables, stem: str, found: Rows) -> None:
    rows = [row for row in tables.read("project_tags") if row["project"] == stem]
    versions = {row["tag"]: version for row in rows if (version := tables.version(row["tag"]))}
    previous = all_previous(versions.values(), tables.rules.feature_parts)
    for row in rows:
        version = versions.get(row["tag"])
        if version is None:
            continue
        _fact(found, version, "tagged", row["tagger_date"], f"{stem} repository")
        before = versions.get(row["nearest_earlier_tag"])
        if before and before == previous[version]:
            found[version] |= {
                "commits": row["commits_since_it"],
                "commits_no_merges": row["non_merge_commits_since_it"],
                "commits_source": f"{stem} repository",
            }
    for row in tables.read("announce_vs_tag"):
        version = tables.version(row["version"])
        if row["project"] == stem and version in found and row["announced_utc"]:
            _fact(found, version, "announced", row["announced_utc"], f"{stem} list, Date header")


def _fact(found: Rows, version: Version, station: str, at: str, source: str) -> None:
    row = found.setdefault(version, {})
    if station not in row:
        if len(at) > 10:
            at = datetime.fromisoformat(at).isoformat().replace("+00:00", "Z")
            assert datetime.fromisoformat(at).astimezone(UTC).year > 1990
        row |= {station: at, f"{station}_precision": "day" if len(at) == 10 else "second", f"{station}_source": source}


if __name__ == "__main__":
    sys.exit(main())

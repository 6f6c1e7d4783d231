"""Compiles tests/data/forecast/tags.csv from clones of other projects: names of release tags and their dates, no more.

    python -m tests.tools.compile_tags rdma-core=/path/to/rdma-core.git kmod=/path/to/kmod.git

`projects.csv` beside it says which tags of each project are releases and where the repository is published. Projects
that are not named keep the rows that they have.
"""

import csv
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from rctrack.core.version import parse_version

FOLDER = Path(__file__).parents[1] / "data" / "forecast"
COLUMNS = ("project", "version", "tagged")


def main(arguments: list[str], folder: Path = FOLDER) -> int:
    """Writes the rows of the named projects anew and prints how many releases they have."""
    clones = dict(argument.split("=", 1) for argument in arguments)
    with (folder / "projects.csv").open(encoding="utf-8", newline="") as file:
        projects = {row["project"]: row for row in csv.DictReader(file)}
    rows = [row for row in _kept(folder) if row["project"] not in clones]
    for project, clone in clones.items():
        released = list(_releases(clone, projects[project]))
        rows += released
        print(f"{project}: {len(released)} releases")
    with (folder / "tags.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(rows, key=_order))
    return 0


def _kept(folder: Path) -> list[dict[str, str]]:
    path = folder / "tags.csv"
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _order(row: Mapping[str, str]) -> tuple[str, datetime, str]:
    return row["project"], datetime.fromisoformat(row["tagged"]), row["version"]


def _releases(clone: str, project: dict[str, str]) -> Iterator[dict[str, str]]:
    """Tags that spell a version, with the date of the tag or, where it is not annotated, of its commit."""
    argv = ["git", "-C", clone, "for-each-ref", "--format=%(refname:strip=2) %(creatordate:iso-strict)", "refs/tags"]
    for line in subprocess.run(argv, capture_output=True, check=True, text=True).stdout.splitlines():
        tag, _, tagged = line.partition(" ")
        spelled = re.fullmatch(project["tag"], tag)
        if spelled and tagged:
            text = "-rc".join(part.replace("_", ".") for part in spelled.groups() if part)
            version = parse_version(project["scheme"], text)
            if version is not None:
                yield {"project": project["project"], "version": text, "tagged": tagged}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

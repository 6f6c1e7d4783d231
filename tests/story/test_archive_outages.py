"""The outages of the real util-linux archive, 2019 to 2026, from its mails alone."""

import subprocess
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from rctrack.config import VGER_SERVERS
from rctrack.core import received
from rctrack.core.hosts import archive_outages
from rctrack.core.recognise.headers import parse_headers
from tests.support.material import unpack

NAMED = (
    ("2020-03-31", "2020-05-26"),
    ("2024-03-04", "2024-03-28"),
    ("2025-07-29", "2025-09-18"),
    ("2025-11-15", "2025-12-28"),
    ("2026-01-21", "2026-03-09"),
    ("2026-03-10", "2026-06-02"),
    ("2026-06-03", "2026-07-02"),
)


@pytest.mark.shared
def test_the_archive_was_out_in_these_weeks(shared: Path, tmp_path: Path) -> None:
    """38 windows, give or take five, and the long ones to within two days at each end."""
    folder = unpack(shared / "data", "util-linux-archive", tmp_path)
    found = archive_outages("archive", _stored(folder))
    assert 33 <= len(found) <= 43
    ends = [(each.since.date(), each.until.date()) for each in found if each.until]
    for since, until in NAMED:
        wanted = (date.fromisoformat(since), date.fromisoformat(until))
        assert any(all(abs(a - b) <= timedelta(days=2) for a, b in zip(wanted, each, strict=True)) for each in ends)


def _stored(folder: Path) -> list[tuple[datetime, datetime]]:
    """(delivered, archived) of every mail."""
    git = ["git", "--git-dir", str(folder)]
    commits = [
        line.split() for line in subprocess.check_output([*git, "log", "--format=%H %ct"], text=True).splitlines()
    ]
    asked = "".join(f"{commit}:m\n" for commit, _ in commits).encode()
    answer, position, pairs = (
        subprocess.run([*git, "cat-file", "--batch"], input=asked, capture_output=True, check=True).stdout,
        0,
        [],
    )
    for _, seconds in commits:
        end = answer.index(b"\n", position)
        head = answer[position:end].split()
        position = end + 1
        if head[-1] == b"missing":
            continue
        chain = parse_headers(answer[position : position + int(head[2])]).all("Received")
        position += int(head[2]) + 1
        delivered = received.delivered(received.read_hops(chain), VGER_SERVERS)
        if delivered is not None:
            pairs.append((delivered.at, datetime.fromtimestamp(int(seconds), UTC)))
    return pairs

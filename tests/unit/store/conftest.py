"""An empty database of its own for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rctrack.store import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is, in a folder that is not there yet."""
    return tmp_path / "state" / "rctrack.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    """An empty database."""
    with Store(path) as opened:
        yield opened

"""What people read is what was kept in tests/data/golden; `make golden` keeps it anew, to be looked at."""

from pathlib import Path

import pytest

from tests.support.golden_kinds import KINDS
from tests.tools.golden import FOLDER, STORIES, kind


@pytest.mark.shared
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", STORIES)
def test_the_mails_of_real_history_are_as_they_were(shared: Path, name: str) -> None:
    """Each mail of the demo, of util-linux and of git: moment, headers, text."""
    assert "\n".join(STORIES[name](shared / "data")) == (FOLDER / f"{name}.txt").read_text("utf-8")


@pytest.mark.parametrize("name", KINDS)
def test_the_mails_of_each_kind_are_as_they_were(name: str) -> None:
    """The same for a small story of each kind of mail."""
    assert kind(name) == (FOLDER / f"kind-{name}.txt").read_text("utf-8")


def test_every_kept_story_is_played() -> None:
    """No file without its story."""
    assert {path.stem for path in FOLDER.glob("*.txt")} == {*STORIES, *(f"kind-{name}" for name in KINDS)}

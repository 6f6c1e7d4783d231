"""What a test may need that is not in this repository: real mail and tags, and programs of the system."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says more about the machine than about us; the examples are the same in each run.
settings.register_profile("rctrack", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("rctrack")

pytest_plugins = ["tests.support.mail_fixtures"]

_ROOT = Path(__file__).resolve().parent.parent
_SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real mail and tags beside the checkout; a test that asks for it is marked `shared`."""
    return _shared() or _missing("no ../shared beside the checkout")


@pytest.fixture(scope="session")
def needs() -> Callable[[str], Path]:
    """Where a program of the system is; a test that `needs` one that is missing ends there."""

    def find(program: str) -> Path:
        places = os.pathsep.join([os.environ.get("PATH", os.defpath), *_SYSTEM_FOLDERS])
        found = shutil.which(program, path=places)
        return Path(found) if found else _missing(f"the program {program} is not installed")

    return find


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test marked `shared` does not begin without that folder."""
    if item.get_closest_marker("shared") and _shared() is None:
        _missing("no ../shared beside the checkout")


def _shared() -> Path | None:
    """Beside the checkout, or further up, since a worktree may stand deeper."""
    places = (parent / "shared" for parent in _ROOT.parents)
    return next((place for place in places if (place / "data" / "truth.csv").is_file()), None)


def _missing(reason: str) -> NoReturn:
    """Left out with one line in the summary; a failure where CI promised to have everything."""
    if os.environ.get("RCTRACK_CI"):
        pytest.fail(f"{reason}, and RCTRACK_CI is set", pytrace=False)
    pytest.skip(reason)

"""Shipped history: facts on past releases, read from config/history, and what they foresee."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from rctrack.config import load_project, shipped
from rctrack.config.history import COLUMNS, HistoryError, load_history
from rctrack.core.book import Book
from rctrack.core.evidence import Sighting
from rctrack.core.fold import fold
from rctrack.core.forecast import extras
from rctrack.core.forecasting import dated_releases, foresee, shipped_lags
from rctrack.core.history import ShippedRelease
from rctrack.core.release import Announcement, Flag, Observation, Precision
from rctrack.core.version import parse_version
from tests.support import given
from tests.support.books import a_book
from tests.support.given import LIST, PRIMARY, moment

LINUX = load_project("linux", shipped() / "rctrack.toml")


def linux_book(observations: Sequence[Observation], now: str, history: Sequence[ShippedRelease]) -> Book:
    """What we know of Linux at that moment, with this much of what comes with rctrack."""
    rules = replace(LINUX.rules, primaries=frozenset({PRIMARY}))
    book = a_book(observations, moment(now), rules=rules, project=LINUX.id)
    return replace(book, zone=LINUX.timezone, history=tuple(history))


def history_until(last: str) -> list[ShippedRelease]:
    """What was tagged by then."""
    known = load_history(shipped() / "history", "linux", LINUX.rules.scheme)
    return [each for each in known if each.tagged and each.tagged.at.at <= moment(last)]


@pytest.mark.parametrize(("stem", "least"), [("linux", 500), ("git", 600), ("util-linux", 120)])
def test_every_shipped_fact_has_a_precision_and_a_source(stem: str, least: int) -> None:
    """And each version is there once, ascending."""
    project = load_project(stem, shipped() / "rctrack.toml")
    history = load_history(shipped() / "history", stem, project.rules.scheme)
    assert len(history) >= least
    assert [each.version for each in history] == sorted({each.version for each in history})
    for each in history:
        for fact in (each.tagged, each.announced):
            assert fact is None or (fact.source and fact.precision in {Precision.SECOND, Precision.DAY})


def test_a_project_without_a_file_has_no_history(tmp_path: Path) -> None:
    """It learns from its own past."""
    assert load_history(tmp_path, "demo", "dotted") == ()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("x,2020-01-01,day,me,,,,,,,", "line 2: 'x' is no version"),
        ("1.0,2020-13-01,day,me,,,,,,,", "line 2"),
        ("1.0,2020-01-01,hour,me,,,,,,,", "line 2: 'hour'"),
        ("1.0,2020-01-01T00:00:00,second,me,,,,,,,", "has no offset"),
        ("1.0,2020-01-01,day,me,,,,many,,,", "line 2"),
    ],
)
def test_an_odd_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    """File, line and what is wrong."""
    (tmp_path / "demo.csv").write_text(",".join(COLUMNS) + f"\n{line}\n", "utf-8")
    with pytest.raises(HistoryError, match=said):
        load_history(tmp_path, "demo", "dotted")


@pytest.mark.parametrize(
    ("stem", "version", "is_extra"),
    [
        ("linux", "3.1-rc7", False),
        ("linux", "3.1-rc8", False),
        ("linux", "3.1-rc9", True),
        ("linux", "3.1-rc10", True),
        ("linux", "6.17-rc7", False),
        ("linux", "6.17-rc8", True),
        ("git", "2.55.0-rc2", False),
        ("git", "2.55.0-rc3", True),
        ("util-linux", "2.31-rc2", False),
        ("util-linux", "2.31-rc3", True),
    ],
)
def test_shipped_history_tells_which_candidate_is_one_too_many(stem: str, version: str, is_extra: bool) -> None:
    """Some of its releases have no date, and count here."""
    rules = load_project(stem, shipped() / "rctrack.toml").rules
    known = [each.version for each in load_history(shipped() / "history", stem, rules.scheme)]
    asked = parse_version(rules.scheme, version)
    assert asked is not None
    assert (asked.id in extras([*known, asked], rules.feature_parts)) is is_extra


def test_the_first_release_that_we_see_ourselves_has_a_forecast() -> None:
    """One tag of ours, and shipped history for all before it: rc1 a fortnight after the final."""
    final = given.tag("v6.18", "2025-11-30 22:42")
    made = foresee(
        linux_book([final], "2025-12-01 00:00", history_until("2025-11-30 23:00")), moment("2025-12-01 00:00")
    )
    assert made is not None
    assert (made.step, made.on.date() - moment("2025-11-30 00:00").date()) == ("rc1", timedelta(14))
    assert foresee(linux_book([final], "2025-12-01 00:00", ()), moment("2025-12-01 00:00")) is None
    whole = load_history(shipped() / "history", "linux", LINUX.rules.scheme)
    assert foresee(linux_book([final], "2026-12-01 00:00", whole), moment("2026-12-01 00:00")) is not None


def test_a_forecast_believes_what_the_newest_announcement_promises() -> None:
    """One more candidate, where past cycles ended here; what an older mail promised is over."""
    tags = [given.tag("v6.19-rc6", "2026-01-18 22:42"), given.tag("v6.19-rc7", "2026-01-25 22:42")]
    mails = [promising("6.19-rc6", "2026-01-18 23:00", "final"), promising("6.19-rc7", "2026-01-25 23:00", "rc8")]
    history, now = history_until("2025-12-01 00:00"), "2026-01-26 00:00"
    made = [foresee(linux_book([*tags, *known], now, history), moment(now)) for known in ([], mails[:1], mails)]
    assert [each and each.step for each in made] == ["final", "final", "rc8"]


def promising(name: str, written: str, promised: str) -> Announcement:
    """A mail that says what comes after it."""
    return replace(given.announcement(name, written, Sighting(LIST, moment(written), None)), promised=promised)


def test_what_nothing_confirms_has_no_place_in_the_rhythm() -> None:
    """A forged announcement of tomorrow's candidate does not move the day on which the next one is due."""
    (release,) = fold(given.PROJECT, given.RULES, [given.tag("v1.1-rc1", "2026-03-24 12:00")], {}).values()
    assert [version.text for version, _ in dated_releases([release])] == ["1.1-rc1"]
    assert dated_releases([replace(release, flags=frozenset({Flag.UNCONFIRMED}))]) == []


def test_lags_of_shipped_history_are_those_that_were_over() -> None:
    """In a replay nothing of what came later makes a limit."""
    history = load_history(shipped() / "history", "linux", LINUX.rules.scheme)
    known = [len(shipped_lags(history, moment(f"{year}-01-01 00:00"))) for year in (2003, 2012, 2027)]
    assert known[0] == 0
    assert known[0] < known[1] < known[2]

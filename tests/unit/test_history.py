"""Shipped history: facts on past releases, read from config/history, and what they foresee."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from rctrack.config import load_project, shipped
from rctrack.config.history import COLUMNS, HistoryError, load_history
from rctrack.core.evidence import MessageId, Sighting, SourceId
from rctrack.core.fold import fold
from rctrack.core.forecast import extras, next_step, past_of
from rctrack.core.release import Announcement, Flag, Precision
from rctrack.core.version import parse_version
from rctrack.outlook import Outlook, seen_of
from rctrack.pages import expected_next
from tests.support import given
from tests.support.given import moment

ROW = {"version": "6.18", "tagged_at": "2025-11-30T22:42:10Z", "announced_at": None, "cycle": "6.18", "flags": ""}


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
    """One row of the database, and shipped history for all before it: rc1 a fortnight after the final."""
    project = load_project("linux", shipped() / "rctrack.toml")
    history = [
        each
        for each in load_history(shipped() / "history", "linux", project.rules.scheme)
        if each.tagged and each.tagged.at.at <= moment("2025-11-30 23:00")
    ]
    past = past_of(history, (), project.timezone)
    made = next_step(past, project.rules.feature_parts, project.timezone)
    assert made is not None
    assert (made.step, made.point - made.since) == ("rc1", timedelta(14))
    assert expected_next(project, [], [], moment("2025-12-01 00:00")) is None
    assert expected_next(project, [ROW], [], moment("2026-12-01 00:00")) is not None


def test_status_believes_what_the_newest_announcement_promises() -> None:
    """As the mails do: one more candidate, where past cycles ended here; what an older mail promised is over."""
    project = load_project("linux", shipped() / "rctrack.toml")
    row = {**ROW, "version": "6.19-rc7", "tagged_at": "2026-01-25T22:42:10Z", "cycle": "6.19"}
    mails = [
        Announcement(
            versions=tuple(each for each in [parse_version("kernel", text)] if each),
            message_id=MessageId(text),
            subject=f"Linux {text}",
            sender="torvalds@linux-foundation.org",
            announced=None,
            delivered=None,
            archived=None,
            commits_announced=None,
            url=None,
            sighting=Sighting(SourceId("list"), moment("2026-01-26 00:00"), None),
            promised=promised,
        )
        for text, promised in (("6.19-rc6", "final"), ("6.19-rc7", "rc8"))
    ]
    said = [expected_next(project, [ROW, row], known, moment("2026-01-26 00:00")) for known in ([], mails[:1], mails)]
    assert [made and made.step for made in said] == ["final", "final", "rc8"]


def test_what_nothing_confirms_has_no_place_in_the_rhythm() -> None:
    """A forged announcement of tomorrow's candidate does not move the day on which the next one is due."""
    (release,) = fold(given.PROJECT, given.RULES, [given.tag("v1.1-rc1", "2026-03-24 12:00")], {}).values()
    assert [str(version.text) for version, _ in seen_of([release])] == ["1.1-rc1"]
    assert seen_of([replace(release, flags=frozenset({Flag.UNCONFIRMED}))]) == []


def test_lags_of_shipped_history_are_those_that_were_over() -> None:
    """In a replay nothing of what came later makes a limit."""
    project = load_project("linux", shipped() / "rctrack.toml")
    outlook = Outlook(shipped() / "history")
    known = [len(outlook.shipped_lags(project, moment(f"{year}-01-01 00:00"))) for year in (2003, 2012, 2027)]
    assert known[0] == 0
    assert known[0] < known[1] < known[2]

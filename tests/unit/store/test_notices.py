"""Notices are appended once and never changed; of a forecast the newest counts."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from rctrack.core.evidence import ProjectId
from rctrack.core.notice import DueFacts, Kind, Notice, OutageFacts, Phase
from rctrack.core.version import VersionId
from rctrack.store import Store
from tests.support.given import PROJECT
from tests.support.stored import DAY, HOUR, NOW, contents, out

OTHER = ProjectId("other")


def due(revision: int, after: str, on: datetime) -> Notice:
    """A forecast."""
    facts = DueFacts(VersionId(after), VersionId("next"), "rc2", 0.9, on, on, on, 0.8, 12, 0.5, on + DAY)
    return Notice(Kind.DUE, PROJECT, "next", Phase.ONLY, NOW + revision * HOUR, facts, VersionId("next"), revision)


def down(hosts: tuple[str, ...] = ("a.example",), phase: Phase = Phase.DOWN) -> Notice:
    """Hosts that do not answer."""
    facts = OutageFacts(hosts, None, NOW, None, "refused")
    return Notice(Kind.OUTAGE, None, f"{hosts[0]} 20260601T000000Z", phase, NOW, facts)


def test_a_notice_comes_back_as_it_was(store: Store) -> None:
    """With its facts; of a project or of hosts."""
    notices = [out("2.42"), out("2.43", is_silent=True), down(), due(0, "2.42", NOW)]
    assert store.notices.append(notices) == 4
    assert store.notices.of_project(PROJECT) == {notice.key: notice for notice in notices if notice.project == PROJECT}
    assert store.notices.of_project(None) == {down().key: down()}
    assert store.notices.of_project(OTHER) == {}


def test_what_was_told_is_never_changed(store: Store, path: Path) -> None:
    """The same key with other facts, another moment or another voice adds nothing."""
    store.notices.append([out("2.42")])
    before = contents(path)["notices"]
    for again in (out("2.42", said_at=NOW + DAY), out("2.42", is_silent=True)):
        assert store.notices.append([again]) == 0
    assert contents(path)["notices"] == before


def test_phases_are_notices_of_their_own(store: Store) -> None:
    """First and whole; down and up."""
    assert store.notices.append([out("2.42", phase=Phase.FIRST), out("2.42"), down(), down(phase=Phase.UP)]) == 4


def test_of_a_forecast_the_newest_revision_counts(store: Store) -> None:
    """All are kept: what was forecast after each release says what was due."""
    forecasts = [due(0, "2.42-rc1", NOW), due(1, "2.42-rc1", NOW + DAY), due(2, "2.42-rc2", NOW + 7 * DAY)]
    for number, forecast in enumerate(forecasts, 1):
        assert store.notices.append([forecast]) == 1
        assert store.notices.newest_due(PROJECT) == forecast.facts
        assert store.notices.of_project(PROJECT) == {forecast.key: forecast}
        assert len(list(store.db.query("SELECT 1 FROM notices"))) == number
    assert store.notices.dues(PROJECT) == (forecasts[1].facts, forecasts[2].facts)
    assert (store.notices.newest_due(OTHER), store.notices.dues(OTHER)) == (None, ())


def test_what_was_told_in_a_time_is_in_the_order_in_which_it_was_told(store: Store) -> None:
    """Of one project, or of all and of hosts; its end is not in it."""
    first, second, third = out("2.42"), replace(down(), said_at=NOW + HOUR), out("2.43", said_at=NOW + DAY)
    store.notices.append([first, second, third])
    assert store.notices.between(NOW, NOW + DAY) == [first, second]
    assert store.notices.between(NOW, NOW + 2 * DAY, PROJECT) == [first, third]
    assert store.notices.between(NOW - DAY, NOW) == []

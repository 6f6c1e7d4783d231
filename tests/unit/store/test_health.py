"""Health: how far sources were read, looks as runs, outages, and what archives prove."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from rctrack.core.evidence import Observer, ProjectId, SourceId
from rctrack.core.hosts import HOLE, Outage, OutageKind
from rctrack.core.look import Outcome, Run
from rctrack.store import Store
from tests.support.given import LIST, MIRROR, PRIMARY, PROJECT
from tests.support.stored import DAY, HERE, HOUR, NOW, THERE

QUARTER = timedelta(minutes=15)
WORDS = {"g": Outcome.GOOD, "n": Outcome.NO_ANSWER, "e": Outcome.ERROR, "b": Outcome.BLOCKED}


def look(
    store: Store,
    at: timedelta,
    outcome: Outcome = Outcome.GOOD,
    *,
    source: SourceId = PRIMARY,
    observer: Observer = HERE,
    project: ProjectId = PROJECT,
    reason: str = "",
) -> bool:
    """A look so long after now; whether it began a run."""
    return store.health.add_look(project, source, observer, NOW + at, outcome, reason)


def runs(store: Store, observer: Observer = HERE) -> list[Run]:
    """All that are stored of an observer."""
    return store.health.runs(observer, NOW - 999 * DAY, NOW + 999 * DAY)


class TestSources:
    """How far each was read."""

    def test_a_good_look_says_where_the_next_one_goes_on(self, store: Store) -> None:
        """The first one stays the first."""
        assert store.health.source(PROJECT, PRIMARY) is None
        store.health.put_source(PROJECT, PRIMARY, "print", "cursor", NOW)
        store.health.put_source(PROJECT, PRIMARY, "print 2", "cursor 2", NOW + HOUR)
        store.health.put_source(PROJECT, LIST, "print", "cursor", NOW + DAY)
        state = store.health.source(PROJECT, PRIMARY)
        assert state is not None
        assert (state.fingerprint, state.cursor) == ("print 2", "cursor 2")
        assert (state.first_look_at, state.last_look_at) == (NOW, NOW + HOUR)
        assert store.health.first_look_at() == NOW

    def test_a_begin_is_kept_and_the_newest_only_grows(self, store: Store) -> None:
        """A delivery twice is one; another archive's are its own."""
        pair = (NOW, NOW + 30 * HOUR)
        grew = []
        with store.transaction():
            store.health.put_source(PROJECT, LIST, "print", "cursor", NOW)
            for begins_at, newest_at in ((None, None), (NOW - HOUR, NOW), (NOW, NOW - HOUR), (None, None)):
                grew.append(store.health.add_coverage(PROJECT, LIST, begins_at, newest_at, [pair]))
            store.health.put_source(PROJECT, LIST, "print", "cursor 2", NOW + HOUR)
        state = store.health.source(PROJECT, LIST)
        assert state is not None
        assert (state.begins_at, state.newest_at, grew) == (NOW - HOUR, NOW, [False, True, False, False])
        assert store.health.deliveries(PROJECT, LIST) == [pair]
        assert store.health.deliveries(PROJECT, PRIMARY) == []

    def test_an_archive_stores_since_its_first_mail(self, store: Store) -> None:
        """By its own clock; the newest is the one that was delivered last."""
        assert store.health.stores_since(PROJECT, LIST) is None
        assert store.health.newest_delivery(PROJECT, LIST) is None
        store.health.put_source(PROJECT, LIST, "print", "cursor", NOW)
        pairs = [(NOW - 9 * DAY, NOW), (NOW + DAY, NOW + DAY), (NOW - 2 * DAY, NOW + 2 * DAY)]
        store.health.add_coverage(PROJECT, LIST, None, None, pairs)
        assert store.health.stores_since(PROJECT, LIST) == NOW
        assert store.health.newest_delivery(PROJECT, LIST) == (NOW + DAY, NOW + DAY)


class TestRuns:
    """Looks in a row that came to the same are one row."""

    def test_looks_of_one_outcome_are_one_run(self, store: Store) -> None:
        """With the reason of the first; another outcome begins another run."""
        began = [look(store, n * QUARTER, WORDS[word], reason=f"{n}") for n, word in enumerate("ggnneg")]
        assert began == [True, False, True, False, True, True]
        assert [(run.outcome, run.looks, run.reason) for run in runs(store)] == [
            (Outcome.GOOD, 2, "0"),
            (Outcome.NO_ANSWER, 2, "2"),
            (Outcome.ERROR, 1, "4"),
            (Outcome.GOOD, 1, "5"),
        ]
        assert (runs(store)[1].first_at, runs(store)[1].last_at) == (NOW + 2 * QUARTER, NOW + 3 * QUARTER)

    @pytest.mark.parametrize(("pause", "number"), [(HOLE, 1), (HOLE + timedelta(seconds=1), 2)])
    def test_a_long_pause_begins_a_run(self, store: Store, pause: timedelta, number: int) -> None:
        """In which nothing is known."""
        look(store, 0 * HOUR)
        look(store, pause)
        assert len(runs(store)) == number

    def test_a_clock_that_went_back_begins_a_run(self, store: Store) -> None:
        """No run ends before it begins."""
        for hours in (2, 1, 2):
            look(store, hours * HOUR)
        assert [(run.first_at, run.last_at, run.looks) for run in runs(store)] == [
            (NOW + 2 * HOUR, NOW + 2 * HOUR, 1),
            (NOW + HOUR, NOW + 2 * HOUR, 2),
        ]

    def test_observers_sources_and_projects_have_runs_of_their_own(self, store: Store) -> None:
        """In a row is in one's own row."""
        for n in range(2):
            look(store, n * QUARTER)
            look(store, n * QUARTER, Outcome.NO_ANSWER, observer=THERE)
            look(store, n * QUARTER, Outcome.ERROR, source=MIRROR)
            look(store, n * QUARTER, Outcome.BLOCKED, project=ProjectId("other"))
        assert [(run.project, run.source, run.outcome, run.looks) for run in runs(store)] == [
            (PROJECT, PRIMARY, Outcome.GOOD, 2),
            (PROJECT, MIRROR, Outcome.ERROR, 2),
            ("other", PRIMARY, Outcome.BLOCKED, 2),
        ]
        assert [(run.outcome, run.looks) for run in runs(store, THERE)] == [(Outcome.NO_ANSWER, 2)]
        last = store.health.last_runs(PROJECT, HERE)
        assert {source: run.outcome for source, run in last.items()} == {PRIMARY: Outcome.GOOD, MIRROR: Outcome.ERROR}

    def test_runs_are_pruned_after_ninety_days(self, store: Store) -> None:
        """The newest is told, and one that lasts longer stays."""
        for days, outcome in ((-100, Outcome.GOOD), (-1, Outcome.ERROR), (0, Outcome.GOOD)):
            look(store, days * DAY, outcome)
        assert [run.outcome for run in runs(store)] == [Outcome.ERROR, Outcome.GOOD]
        assert store.health.last_runs(PROJECT, HERE)[PRIMARY].outcome is Outcome.GOOD

    def test_of_a_time_the_runs_are_those_that_reach_into_it_and_the_last_before(self, store: Store) -> None:
        """What is dated later is of a clock that was ahead."""
        for hours, outcome in ((-90, "g"), (-80, "n"), (-1, "e"), (1, "g"), (9, "b")):
            look(store, hours * HOUR, WORDS[outcome])
        found = store.health.runs(HERE, NOW, NOW + 5 * HOUR)
        assert [run.outcome for run in found] == [Outcome.ERROR, Outcome.GOOD]
        assert store.health.newest_look_at() == NOW + 9 * HOUR

    def test_a_host_blocks_us_while_the_newest_look_at_it_was_blocked(self, store: Store) -> None:
        """By source; another observer's network is another matter."""
        look(store, 0 * HOUR, Outcome.BLOCKED)
        look(store, 0 * HOUR, Outcome.BLOCKED, source=MIRROR)
        look(store, HOUR, Outcome.GOOD, source=MIRROR)
        look(store, HOUR, Outcome.BLOCKED, source=LIST, observer=THERE)
        assert [(run.source, run.looks) for run in store.health.resting_runs(HERE)] == [(PRIMARY, 1)]

    def test_a_host_that_asks_to_be_left_alone_rests_so_long_as_it_said_last(self, store: Store) -> None:
        """Also one that only answers with errors; an answer that asks for nothing ends it."""
        for hours, pause in ((0, 2 * HOUR), (1, 3 * HOUR)):
            store.health.add_look(PROJECT, PRIMARY, HERE, NOW + hours * HOUR, Outcome.ERROR, "503", pause)
        assert [(run.looks, run.pause) for run in store.health.resting_runs(HERE)] == [(2, 3 * HOUR)]
        look(store, 2 * HOUR, Outcome.ERROR)
        assert store.health.resting_runs(HERE) == []

    @for_all(st.lists(st.tuples(st.sampled_from("gneb"), st.integers(1, 400)), max_size=30))
    def test_no_look_is_lost_and_none_is_invented(self, looked: Sequence[tuple[str, int]]) -> None:
        """As many as were made, in runs that do not overlap."""
        with Store(Path(":memory:")) as store:
            at = timedelta(0)
            for word, minutes in looked:
                at += timedelta(minutes=minutes)
                look(store, at, WORDS[word])
            found = runs(store)
        assert sum(run.looks for run in found) == len(looked)
        assert sum(len(run.looks_since(NOW)) for run in found) == len(looked)
        edges = [edge for run in found for edge in (run.first_at, run.last_at)]
        assert edges == sorted(edges)
        for one, other in pairwise(found):
            assert one.outcome is not other.outcome or other.first_at - one.last_at > HOLE


class TestOutages:
    """They stay when the looks that showed them are gone."""

    OUTAGE = Outage(OutageKind.DOWN, frozenset({"b.example", "a.example"}), None, NOW, None, NOW, "no answer")

    def test_outages_come_back_as_they_were(self, store: Store) -> None:
        """By their ids, oldest first; with a moment those that lasted until then."""
        early = replace(self.OUTAGE, since=NOW - 9 * HOUR, until=NOW - 8 * HOUR, not_before=NOW - 10 * HOUR)
        hole = Outage(OutageKind.HOLE, frozenset(), NOW, NOW, NOW + HOUR, NOW, "")
        with store.transaction():
            number = store.health.put_outage(self.OUTAGE)
            first, third = store.health.put_outage(early), store.health.put_outage(hole)
        assert store.health.outages() == {first: early, number: self.OUTAGE, third: hole}
        assert list(store.health.outages()) == [first, number, third]
        assert set(store.health.outages(NOW)) == {number, third}
        ended = replace(self.OUTAGE, until=NOW + HOUR, hosts=self.OUTAGE.hosts | {"c.example"})
        with store.transaction():
            assert store.health.put_outage(ended, number) == number
        assert store.health.outages()[number] == ended

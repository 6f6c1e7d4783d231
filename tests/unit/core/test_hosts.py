"""Health: hysteresis, outages together, our own being offline, holes, and archive outages from mail alone."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from rctrack.core.hosts import OutageKind, State, archive_outages, health
from rctrack.core.look import Look, Outcome
from tests.support.given import moment

BEGIN = moment("2026-03-01 00:00")


def looks(
    host: str, results: str, *, begin: datetime = BEGIN, minutes: int = 15, unreachable: bool = True
) -> list[Look]:
    """One look after the other: g is good, f failed, b blocked, a point is no look."""
    failed = Outcome.NO_ANSWER if unreachable else Outcome.ERROR
    words = {"g": Outcome.GOOD, "f": failed, "b": Outcome.BLOCKED}
    return [
        Look(host, begin + n * timedelta(minutes=minutes), words[letter])
        for n, letter in enumerate(results)
        if letter != "."
    ]


@pytest.mark.parametrize(
    ("results", "state"),
    [
        ("g", State.UP),
        ("gf", State.FAILING),
        ("gff", State.FAILING),
        ("gfff", State.DOWN),
        ("gfffg", State.DOWN),
        ("gfffgg", State.UP),
        ("gfffgfg", State.DOWN),
        ("gfgfgf", State.FAILING),
        ("gbbb", State.BLOCKED),
    ],
)
def test_down_needs_several_failures_and_recovery_several_successes(results: str, state: State) -> None:
    """One failure is no outage, one success no recovery."""
    assert health([*looks("one.example", results), *looks("two.example", "g" * 12)]).state("one.example") is state


def test_failures_in_quick_succession_are_no_outage_yet() -> None:
    """Some time has to pass, too."""
    assert health(looks("one.example", "gffff", minutes=1)).state("one.example") is State.FAILING


def test_two_failures_are_no_outage_however_far_apart() -> None:
    """A source that is asked every two hours."""
    up = looks("two.example", "g" * 12)
    assert health([*looks("one.example", "gff", minutes=120), *up]).state("one.example") is State.FAILING
    assert health([*looks("one.example", "gfff", minutes=120), *up]).state("one.example") is State.DOWN


def test_an_outage_is_bounded_by_the_looks_around_it() -> None:
    """It began after the last good look and ended before the first good one."""
    found = health([*looks("one.example", "ggffffgg"), *looks("two.example", "gggggggg")]).outages
    assert len(found) == 1
    quarter = timedelta(minutes=15)
    assert (found[0].not_before, found[0].since) == (BEGIN + quarter, BEGIN + 2 * quarter)
    assert (found[0].not_after, found[0].until) == (BEGIN + 5 * quarter, BEGIN + 6 * quarter)


def test_hosts_that_fail_together_are_one_outage() -> None:
    """git and www of the same place, while another host answers."""
    down = [*looks("git.example", "ggffff"), *looks("www.example", "ggffff"), *looks("other.example", "gggggg")]
    found = health(down).outages
    assert [(each.kind, each.hosts) for each in found] == [(OutageKind.DOWN, frozenset({"git.example", "www.example"}))]


def test_all_hosts_failing_together_means_that_we_are_offline() -> None:
    """Nobody is accused, then or later; one host that answers, even with an error, proves our network."""
    hosts = ("one.example", "two.example", "three.example")
    away = [look for host in hosts for look in looks(host, "gg" + "f" * 288 + "gg")]
    found = health(away)
    assert [each.kind for each in found.outages] == [OutageKind.OFFLINE]
    assert not found.is_offline
    assert {state for _, state in found.states} == {State.UP}
    still = health([look for host in hosts for look in looks(host, "ggffff")])
    assert still.is_offline
    assert still.state("one.example") is State.OFFLINE
    answering = [*looks("one.example", "ggffff"), *looks("two.example", "ggffff", unreachable=False)]
    assert not health(answering).is_offline


def test_one_host_of_three_that_is_down_is_an_outage_of_that_host_only() -> None:
    """The others are up."""
    found = health([*looks("one.example", "ggffff"), *looks("two.example", "g" * 6), *looks("three.example", "g" * 6)])
    assert dict(found.states) == {"one.example": State.DOWN, "two.example": State.UP, "three.example": State.UP}


def test_time_without_any_look_is_a_hole_and_no_outage() -> None:
    """A laptop slept for a day."""
    later = looks("one.example", "gg", begin=BEGIN + timedelta(days=1))
    found = health([*looks("one.example", "gg"), *later]).outages
    assert [(each.kind, each.hosts) for each in found] == [(OutageKind.HOLE, frozenset())]


class TestArchiveOutages:
    """From (delivered, archived) alone."""

    def test_are_the_union_of_what_was_stored_late(self) -> None:
        """Mails in time before and after; the first fill is left out."""
        day = timedelta(days=1)
        fill = [(BEGIN - n * day, BEGIN) for n in range(1, 50)]
        prompt = [(BEGIN + n * day, BEGIN + n * day + timedelta(minutes=5)) for n in (0, 1, 2, 20, 21)]
        late = [(BEGIN + n * day, BEGIN + 15 * day) for n in (4, 8, 13)]
        found = archive_outages("lists.example", [*fill, *prompt, *late])
        assert [(each.not_before, each.since, each.not_after, each.until) for each in found] == [
            (BEGIN + 2 * day, BEGIN + 4 * day, BEGIN + 13 * day, BEGIN + 15 * day)
        ]

    @pytest.mark.parametrize(("hours", "number"), [(20, 0), (24, 0), (25, 1)])
    def test_a_mail_that_was_stored_within_a_day_shows_none(self, hours: int, number: int) -> None:
        """An importer may run once a day."""
        prompt = [(BEGIN, BEGIN + timedelta(minutes=5))]
        later = [(BEGIN + timedelta(days=3), BEGIN + timedelta(days=3, hours=hours))]
        assert len(archive_outages("lists.example", [*prompt, *later])) == number

    @for_all(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 2000)), max_size=40))
    def test_are_disjoint_and_cover_every_late_mail_in_any_order(self, hours: list[tuple[int, int]]) -> None:
        """And every edge is a moment of some mail."""
        pairs = [(BEGIN + timedelta(hours=at), BEGIN + timedelta(hours=at + lag)) for at, lag in hours]
        found = archive_outages("lists.example", pairs)
        assert found == archive_outages("lists.example", list(reversed(pairs)))
        for one, other in pairwise(found):
            assert one.until is not None
            assert one.until < other.since
        begun = min((archived for _, archived in pairs), default=BEGIN)
        for delivered, archived in pairs:
            if delivered >= begun and archived - delivered > timedelta(hours=24):
                assert any(each.until and each.since <= delivered and archived <= each.until for each in found)


@for_all(
    st.lists(
        st.builds(
            Look,
            st.sampled_from(["one.example", "two.example", "three.example"]),
            st.integers(0, 3000).map(lambda n: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=7 * n)),
            st.sampled_from(Outcome),
            st.just(""),
        ),
        max_size=40,
    ).flatmap(lambda found: st.tuples(st.just(found), st.permutations(found)))
)
def test_the_order_of_the_looks_does_not_matter_and_every_outage_has_a_length(
    both: tuple[list[Look], list[Look]],
) -> None:
    """A clock that jumped back stores looks out of order."""
    found = health(both[0])
    assert found == health(both[1])
    for outage in found.outages:
        assert outage.until is None or outage.until > outage.since
        assert outage.not_before is None or outage.not_before <= outage.since

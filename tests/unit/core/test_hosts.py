"""Health: hysteresis, outages together, our own being offline, holes, and archive outages from mail alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from rctrack.core.hosts import Outage, OutageKind, State, archive_outages, continued, health
from rctrack.core.look import Look, Outcome
from tests.support.given import moment

BEGIN = moment("2026-03-01 00:00")
HOUR = timedelta(hours=1)


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


def test_an_answer_that_is_not_what_was_asked_for_speaks_against_no_host() -> None:
    """A page that has moved, or another one, comes from a host that is up; so does what we made of it."""
    for outcome in (Outcome.MOVED, Outcome.MISREAD, Outcome.RAISED):
        odd = [Look("one.example", look.at, outcome) for look in looks("one.example", "gggg", begin=BEGIN + HOUR)]
        found = health([*looks("one.example", "gg"), *odd, *looks("two.example", "g" * 8)])
        assert (found.state("one.example"), found.outages) == (State.UP, ())


class TestOurOwnHoles:
    """Time in which nothing was looked at proves nothing: no outage reaches across it."""

    LATER = BEGIN + timedelta(hours=10)

    def outages(self, before: str, after: str) -> list[tuple[OutageKind, datetime, datetime | None]]:
        """What is known of one host, looked at before a hole of hours and after it, beside another that answers."""
        both = [*looks("one.example", before), *looks("one.example", after, begin=self.LATER)]
        up = [*looks("two.example", "g" * len(before)), *looks("two.example", "g" * len(after), begin=self.LATER)]
        return [(each.kind, each.since, each.until) for each in health([*both, *up]).outages]

    def test_what_lasts_when_we_go_ends_where_the_hole_begins(self) -> None:
        """And what is so when we are back begins anew, once it is sure again."""
        hole = (OutageKind.HOLE, BEGIN + HOUR, self.LATER)
        first = (OutageKind.DOWN, BEGIN + HOUR / 4, BEGIN + HOUR)
        assert self.outages("gffff", "gg") == [first, hole]
        assert self.outages("gffff", "ff") == [first, hole]
        assert self.outages("gffff", "fff") == [first, hole, (OutageKind.DOWN, self.LATER, None)]

    def test_failures_on_both_sides_are_not_added_up(self) -> None:
        """Two before, two after: nobody knows what was in between."""
        assert [kind for kind, *_ in self.outages("gff", "ff")] == [OutageKind.HOLE]

    def test_what_is_stored_as_lasting_is_cut_in_the_same_way(self) -> None:
        """The looks that showed it are not walked through again."""
        known = Outage(
            OutageKind.DOWN, frozenset({"one.example"}), None, BEGIN - 50 * HOUR, None, BEGIN, "connection refused"
        )
        shown = [*looks("two.example", "g"), *looks("one.example", "gg", begin=self.LATER)]
        [cut, hole] = health(shown, [known]).outages
        assert (cut.since, cut.until, cut.reason) == (known.since, BEGIN, known.reason)
        assert hole.kind is OutageKind.HOLE
        still = health([*looks("one.example", "f" * 9), *looks("two.example", "g" * 9)], [known]).outages
        assert [(each.since, each.until, each.not_after) for each in still] == [(known.since, None, BEGIN + 2 * HOUR)]


class TestWhatIsKnownAlready:
    """Stored outages as the looks have them now: each stays one, and a begin once known stays."""

    def outage(self, since: float, until: float | None, *hosts: str, kind: OutageKind = OutageKind.DOWN) -> Outage:
        """From so many hours to so many."""
        end = None if until is None else BEGIN + until * HOUR
        return Outage(kind, frozenset(hosts or {"one.example"}), None, BEGIN + since * HOUR, end, None, "refused")

    def test_an_earlier_begin_stays_and_the_end_is_that_of_now(self) -> None:
        """The looks at its begin are not read again."""
        known, shown = self.outage(0, None), self.outage(40, 50)
        assert continued([known], [shown]) == ([replace(shown, since=known.since)], [])

    def test_what_has_no_moment_in_common_with_it_is_another(self) -> None:
        """The same host, later."""
        known, shown = self.outage(0, 10), self.outage(40, 50)
        assert continued([known], [shown]) == ([known], [shown])

    def test_another_host_or_kind_is_another(self) -> None:
        """At the same time."""
        known = self.outage(0, 10)
        others = [self.outage(0, 10, "two.example"), self.outage(0, 10, kind=OutageKind.BLOCKED)]
        assert continued([known], others) == ([known], others)

    def test_two_that_go_on_with_one_are_one_until_the_last_is_over(self) -> None:
        """It was of two hosts, and one is back before the other."""
        known = self.outage(0, None, "one.example", "two.example")
        shown = [self.outage(5, 9, "one.example"), self.outage(5, 7, "two.example")]
        [now], new = continued([known], shown)
        assert (now.hosts, now.since, now.until, new) == (known.hosts, known.since, BEGIN + 9 * HOUR, [])

    @for_all(st.text("gfb.", max_size=60), st.text("gfb.", max_size=60))
    def test_looking_at_the_same_looks_again_changes_nothing(self, one: str, two: str) -> None:
        """What was stored a moment ago is what is shown."""
        shown = health([*looks("one.example", one), *looks("two.example", two)]).outages
        assert continued(list(shown), shown) == (list(shown), [])


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

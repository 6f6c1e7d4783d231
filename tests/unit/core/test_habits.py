"""Habits: what may be expected of a release is what its project's own releases before it reached."""

from collections.abc import Sequence
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from rctrack.core.evidence import Sighting, SourceId, Station
from rctrack.core.fold import fold
from rctrack.core.habits import Habits
from rctrack.core.release import Observation, StationObservation
from tests.support.given import PROJECT, RULES, announcement, moment, tag, version

BEGIN = moment("2020-01-01 00:00")
LONG_AGO = moment("2019-01-01 00:00")


def on(day: int) -> str:
    """A day after the begin, at noon."""
    return f"{BEGIN + timedelta(days=day, hours=12):%Y-%m-%d %H:%M}"


def releases(*names: str, announced: str = "", first: int = 0) -> list[Observation]:
    """Releases a day apart, tagged; those with a letter x in `announced` have a mail."""
    seen: list[Observation] = []
    for number, name in enumerate(names):
        seen.append(tag(f"v{name}", on(first + number)))
        if announced[number : number + 1] == "x":
            seen.append(announcement(name, on(first + number)))
    return seen


def expected(
    seen: Sequence[Observation], station: Station = Station.ANNOUNCED, *, expects: str = "", begins: str = "2019-01-01"
) -> set[str]:
    """The versions of which this is expected; the archive begins at noon of that day."""
    folded = fold(PROJECT, RULES, seen, {})
    habits = Habits(expects.split(), folded.values(), moment(f"{begins} 12:00") if begins else None)
    return {release.version.text for release in folded.values() if habits.expects(release, station)}


class TestAHabit:
    """At least five known, and four of five of the last twenty of that kind."""

    @pytest.mark.parametrize(
        ("announced", "is_one"), [("xxxx", False), ("xxxxx", True), ("xxxx-", True), ("xxx--", False), ("x-xxxx", True)]
    )
    def test_needs_five_of_its_kind_and_four_fifths_of_them(self, announced: str, is_one: bool) -> None:
        """Of the releases before this one; it itself is no measure of itself."""
        names = [f"1.{n}" for n in range(len(announced) + 1)]
        assert (names[-1] in expected(releases(*names, announced=announced))) is is_one

    def test_is_of_the_last_twenty(self) -> None:
        """A project that began to announce is waited for after a while, one that ceased is not any more."""
        names = [f"1.{n}" for n in range(61)]
        known = expected(releases(*names, announced="-" * 20 + "x" * 20 + "-" * 20))
        assert "1.35" not in known
        assert {"1.36", "1.40", "1.44"} <= known
        assert "1.45" not in known

    def test_is_known_of_the_past_alone(self) -> None:
        """What came later changes nothing of what was expected then: else history would be told otherwise each day."""
        names = [f"1.{n}" for n in range(30)]
        seen = releases(*names, announced="x" * 10)
        later = releases(*(f"2.{n}" for n in range(30)), announced="-" * 30, first=100)
        assert {name for name in expected([*seen, *later]) if name.startswith("1.")} == expected(seen)

    def test_is_of_finals_or_of_candidates(self) -> None:
        """Candidates of many cycles are one kind where no number has a habit of its own."""
        finals = releases(*(f"1.{n}" for n in range(9)), announced="x" * 9)
        candidates = releases(*(f"1.{n}-rc{n}" for n in range(1, 9)), announced="-" * 8)
        assert expected([*finals, *candidates]) == {"1.5", "1.6", "1.7", "1.8"}


class TestACandidateNumber:
    """Where five of the number are known they count, else all candidates do."""

    CYCLES = range(1, 8)

    def seen(self) -> list[Observation]:
        """An rc0 that is only tagged, and an rc1 and rc2 with mails, in every cycle."""
        return [
            each
            for cycle in self.CYCLES
            for each in releases(
                f"1.{cycle}-rc0", f"1.{cycle}-rc1", f"1.{cycle}-rc2", announced="-xx", first=10 * cycle
            )
        ]

    def test_has_habits_of_its_own(self) -> None:
        """Nobody waits for the mail of an rc0 that never has one, nor is an rc1 less expected for it."""
        known = expected(self.seen())
        assert not any(name.endswith("-rc0") for name in known)
        assert {"1.6-rc1", "1.7-rc1", "1.6-rc2", "1.7-rc2"} <= known

    def test_that_is_new_is_measured_by_the_others(self) -> None:
        """An rc9 has no past of its own: two of three candidates are announced, which is no habit; all of them are."""
        rc9 = releases("1.7-rc9", first=100)
        assert "1.7-rc9" not in expected([*self.seen(), *rc9])
        announced = releases(*(f"1.{n}-rc1" for n in range(10, 16)), announced="x" * 6)
        assert "1.15-rc9" in expected([*announced, *releases("1.15-rc9", first=100)])


class TestWhatIsNotKnown:
    """Where no record of a mail could exist, it is not missing."""

    def test_what_is_older_than_the_archives_is_no_measure(self) -> None:
        """Seven of before without a mail, five since with one."""
        names = [f"1.{n}" for n in range(13)]
        seen = releases(*names, announced="-" * 7 + "x" * 5)
        assert expected(seen) == set()
        assert expected(seen, begins="2020-01-08") == {"1.12"}

    def test_nothing_is_expected_of_an_archive_that_is_not_known(self) -> None:
        """Nor of none."""
        assert expected(releases(*(f"1.{n}" for n in range(9)), announced="x" * 9), begins="") == set()

    def test_a_release_that_nobody_dates_is_no_measure(self) -> None:
        """It has no place among the others."""
        undated: list[Observation] = [tag(f"v1.{n}", None) for n in range(20, 40)]
        seen = releases(*(f"1.{n}" for n in range(6)), announced="x" * 6)
        assert expected([*seen, *undated]) == {"1.5"}


class TestTheProjectFile:
    """`expects` says it whatever the past shows."""

    def test_says_what_is_expected_from_the_first_release_on(self) -> None:
        """Tag or announcement, each by its own word."""
        seen = releases("1.0", "1.1")
        assert expected(seen, expects="announcement") == {"1.0", "1.1"}
        assert expected(seen, Station.TAGGED, expects="announcement") == set()
        assert expected([announcement("1.0", on(0))], Station.TAGGED, expects="tag") == {"1.0"}


def test_a_listing_is_a_habit_by_itself() -> None:
    """That the site shows each release, at whatever moment of ours."""
    site = SourceId("releases.json https://site.example/releases.json")
    names = [f"1.{n}" for n in range(7)]
    listings: list[Observation] = [
        StationObservation(version(name), Station.LISTED, name, None, Sighting(site, BEGIN, LONG_AGO))
        for name in names[:5]
    ]
    assert expected([*releases(*names), *listings], Station.LISTED) == {"1.5", "1.6"}
    assert expected(releases(*names), Station.LISTED) == set()


@for_all(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans(), st.booleans()), max_size=30),
    st.randoms(use_true_random=False),
)
def test_the_order_of_the_evidence_does_not_matter(made: list[tuple[int, int, bool, bool]], random: Random) -> None:
    """Nor how often it comes."""
    seen: list[Observation] = []
    for number, (minor, candidate, is_tagged, is_announced) in enumerate(made):
        name = f"1.{minor}" + (f"-rc{candidate}" if candidate else "")
        seen += [tag(f"v{name}", on(number))] if is_tagged else []
        seen += [announcement(name, on(number))] if is_announced else []
    shuffled = [*seen, *seen[:5]]
    random.shuffle(shuffled)
    assert expected(shuffled) == expected(seen)

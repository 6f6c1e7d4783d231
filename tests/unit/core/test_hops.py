"""The way of an announcement, hop by hop: on which leg it lost its time, and whose leg that is."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from rctrack.core.evidence import Sighting
from rctrack.core.fold import fold
from rctrack.core.lateness import Cause, held_by, hops_of
from rctrack.core.release import Observation, Release
from tests.support import given
from tests.support.given import LIST, PRIMARY, moment

TAGGED = moment("2026-04-01 12:00")
SEEN = given.sighting(PRIMARY, "2026-04-01 12:10", "2026-04-01 12:00")


def at(minutes: float) -> str:
    """So long after the tag."""
    return f"{TAGGED + timedelta(minutes=minutes):%Y-%m-%d %H:%M}"


def release(
    written: float | None,
    delivered: float | None,
    archived: float | None = None,
    seen: Sighting | None = None,
    *,
    tagged: bool = True,
) -> Release:
    """A release whose mail was at each station so many minutes after the tag."""
    looked = seen or given.sighting(LIST, "2026-06-01 00:00")
    mail = given.announcement(
        "2.42",
        None if written is None else at(written),
        looked,
        delivered=None if delivered is None else at(delivered),
        archived=None if archived is None else at(archived),
    )
    observations: list[Observation] = [given.tag("v2.42", at(0), SEEN)] if tagged else []
    (found,) = fold(given.PROJECT, given.RULES, [*observations, mail], {}).values()
    return found


def legs(found: Release) -> list[tuple[Cause, float]]:
    """Whose each leg is, and how many minutes it took."""
    return [(hop.cause, hop.span / timedelta(minutes=1)) for hop in hops_of(found)]


def test_the_way_is_from_tag_to_date_to_list_to_archive() -> None:
    """Each leg is somebody's."""
    assert legs(release(5, 7, 67)) == [(Cause.PROJECT, 5), (Cause.MAIL, 2), (Cause.ARCHIVE, 60)]
    assert held_by(release(5, 7, 67)) is None, "as usual"


@pytest.mark.parametrize(
    ("stations", "cause", "hours"),
    [
        ((40 * 60, 40 * 60 + 2, 40 * 60 + 3), Cause.PROJECT, 40),
        ((5, 5 + 40 * 60, 6 + 40 * 60), Cause.MAIL, 40),
        ((5, 7, 7 + 40 * 60), Cause.ARCHIVE, 40),
        ((20 * 60, 30 * 60, 31 * 60), Cause.PROJECT, 20),
        ((14 * 60, 30 * 60, 31 * 60), Cause.MAIL, 16),
    ],
)
def test_the_leg_that_is_most_beyond_what_is_usual_held_it(
    stations: tuple[float, float, float], cause: Cause, hours: float
) -> None:
    """Twelve hours to write, two on the way, a day to store are usual for anybody."""
    hop = held_by(release(*stations))
    assert hop is not None
    assert (hop.cause, hop.span) == (cause, timedelta(hours=hours))


def test_a_station_that_is_not_known_is_stepped_over() -> None:
    """Without a delivery nobody can tell the mail's leg from the archive's: from the Date to the archive it is one."""
    assert legs(release(5, None)) == [(Cause.PROJECT, 5)]
    assert legs(release(5, 7, tagged=False)) == [(Cause.MAIL, 2)]
    assert legs(release(5, None, 67)) == [(Cause.PROJECT, 5), (Cause.ARCHIVE, 62)]


def test_an_archive_without_a_clock_is_late_only_where_a_look_without_the_mail_proves_it() -> None:
    """Our own sighting alone says when we looked, and not when it came."""
    late = Sighting(LIST, TAGGED + timedelta(hours=40), TAGGED + timedelta(hours=39))
    assert legs(release(5, 7, seen=late))[-1] == (Cause.ARCHIVE, 40 * 60 - 7)
    away = Sighting(LIST, TAGGED + timedelta(hours=40), TAGGED + timedelta(hours=1))
    assert legs(release(5, 7, seen=away)) == [(Cause.PROJECT, 5), (Cause.MAIL, 2)]
    first = Sighting(LIST, TAGGED + timedelta(hours=40), None)
    assert legs(release(5, 7, seen=first)) == [(Cause.PROJECT, 5), (Cause.MAIL, 2)]


def test_a_release_without_an_announcement_has_no_way() -> None:
    """Nor has one whose only mail came days before its tag."""
    (bare,) = fold(given.PROJECT, given.RULES, [given.tag("v2.42", at(0), SEEN)], {}).values()
    assert (hops_of(bare), held_by(bare)) == ([], None)
    assert hops_of(release(-5 * 24 * 60, -5 * 24 * 60 + 1)) == []


MINUTES = st.none() | st.integers(-100, 5000)


@for_all(MINUTES, MINUTES, MINUTES)
def test_legs_join_without_a_gap(written: int | None, delivered: int | None, archived: int | None) -> None:
    """What one ends with, the next begins with; the worst leg is one of them."""
    found = release(written, delivered, archived)
    hops = hops_of(found)
    assert all(one.last == other.first for one, other in pairwise(hops))
    worst = held_by(found)
    assert worst in (None, *hops)
    assert (worst is None) is all(hop.excess <= timedelta(0) for hop in hops)

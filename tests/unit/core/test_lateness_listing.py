"""A release that the project's own site does not list, as it lists every other."""

from rctrack.core.evidence import Sighting, SourceId, Station
from rctrack.core.lateness import Cause, Delay, DelayKind, Ended
from rctrack.core.release import Observation, StationObservation
from tests.support import given
from tests.support.books import a_book, tag_host
from tests.support.given import moment

SITE = SourceId("releases.json https://site.example/releases.json")


def listed(name: str, seen: str, not_seen: str) -> Observation:
    """The site shows this version."""
    between = Sighting(SITE, moment(seen), moment(not_seen))
    return StationObservation(given.version(name), Station.LISTED, name, None, between)


def tagged(number: int) -> Observation:
    """1.1-rcN, tagged at noon on day N of March and seen at once."""
    day = f"2026-03-{number:02}"
    return given.tag(f"v1.1-rc{number}", f"{day} 12:00", given.sighting(given.PRIMARY, f"{day} 12:05", f"{day} 11:50"))


PAST = [
    each
    for number in range(1, 8)
    for each in (
        tagged(number),
        listed(f"1.1-rc{number}", f"2026-03-{number:02} 12:30", f"2026-03-{number:02} 12:20"),
    )
]


def look(seen: list[Observation], now: str, alive: str) -> list[Delay]:
    """What is or was not listed at that moment; the site last showed something new at `alive`."""
    site = tag_host(SITE, moment(now), alive_at=moment(alive), is_primary=True)
    book = a_book(seen, moment(now), sites=[site], archives=())
    return [each for each in book.delays(moment(now)) if each.kind is DelayKind.LISTING]


def test_what_the_site_lists_by_habit_is_late_when_it_does_not() -> None:
    """Not before its limit, and not while nothing proves the site alive; closed by the listing, the site its cause."""
    seen = [*PAST, tagged(10)]
    assert look(seen, "2026-03-10 20:00", "2026-03-10 20:00") == []
    assert look(seen, "2026-03-11 12:00", "2026-03-10 13:00") == []
    late = look(seen, "2026-03-11 12:00", "2026-03-11 12:00")
    assert [(each.where, each.ended) for each in late] == [("site.example", None)]
    shown = [*seen, listed("1.1-rc10", "2026-03-11 18:00", "2026-03-11 17:45")]
    end = look(shown, "2026-03-11 18:00", "2026-03-11 18:00")
    assert [(each.cause, each.ended) for each in end] == [(Cause.SITE, Ended.CLOSED)]


def test_a_site_that_we_did_not_look_at_is_not_accused() -> None:
    """It may have shown it at any time since our last look."""
    away = [*PAST, tagged(10), listed("1.1-rc10", "2026-03-15 18:00", "2026-03-10 12:10")]
    assert look(away, "2026-03-15 18:00", "2026-03-15 18:00") == []


def test_a_site_that_lists_now_and_then_is_not_waited_for() -> None:
    """No habit, no delay."""
    seen = [*(each for each in PAST if not isinstance(each, StationObservation)), tagged(10)]
    assert look(seen, "2026-03-12 12:00", "2026-03-12 12:00") == []


def test_what_the_site_never_listed_ends_with_a_later_release() -> None:
    """A site shows the newest alone; unless nothing proves that it would have shown this one."""
    mail = given.announcement(
        "1.1-rc11", "2026-03-13 12:00", given.sighting(given.LIST, "2026-03-13 12:10", "2026-03-13 12:00")
    )
    seen = [*PAST, tagged(10), tagged(11), mail]
    assert [each.ended for each in look(seen, "2026-03-13 13:00", "2026-03-11 12:00")] == [Ended.NEVER]
    assert look(seen, "2026-03-13 13:00", "2026-03-10 20:00") == []

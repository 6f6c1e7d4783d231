"""A release that the project's own site does not list, as it lists every other."""

from datetime import timedelta

from rctrack.core.evidence import Sighting, SourceId, Station
from rctrack.core.fold import fold
from rctrack.core.hosts import Health
from rctrack.core.lateness import Cause, DelayKind, Ended, Review, TagHost, Watched, review
from rctrack.core.release import Observation, StationObservation
from tests.support import given

SITE = SourceId("releases.json https://site.example/releases.json")
HOUR = timedelta(hours=1)


def listed(name: str, seen: str, not_seen: str) -> Observation:
    """The site shows this version."""
    between = Sighting(SITE, given.moment(seen), given.moment(not_seen))
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


def look(seen: list[Observation], now: str, looked: str, record: Review | None = None) -> Review:
    """A look at the clock; the site was looked at last at `looked`."""
    hosts = (TagHost(given.PRIMARY, "primary.example", given.moment(looked)),)
    site = (TagHost(SITE, "site.example", given.moment(looked)),)
    project = Watched(given.PROJECT, hosts, (), frozenset(), given.TWO_PARTS, None, (), Health((), ()), listings=site)
    releases = fold(given.PROJECT, given.RULES, seen, {})
    return review(project, releases, record.delays if record else (), None, given.moment(now))


def test_what_the_site_lists_by_habit_is_late_when_it_does_not() -> None:
    """Not before its limit, and not without a look at the site; closed by the listing, with the site as the cause."""
    seen = [*PAST, tagged(10)]
    assert look(seen, "2026-03-10 20:00", "2026-03-10 20:00").opened == ()
    assert look(seen, "2026-03-11 12:00", "2026-03-10 13:00").opened == ()
    late = look(seen, "2026-03-11 12:00", "2026-03-11 12:00")
    assert [(each.kind, each.where) for each in late.opened] == [(DelayKind.LISTING, "site.example")]
    shown = [*seen, listed("1.1-rc10", "2026-03-11 18:00", "2026-03-11 17:45")]
    end = look(shown, "2026-03-11 18:00", "2026-03-11 18:00", late)
    assert [(each.cause, each.ended) for each in end.closed] == [(Cause.SITE, Ended.CLOSED)]


def test_a_site_that_lists_now_and_then_is_not_waited_for() -> None:
    """No habit, no delay."""
    seen = [*(each for each in PAST if not isinstance(each, StationObservation)), tagged(10)]
    found = look(seen, "2026-03-12 12:00", "2026-03-12 12:00")
    assert found.opened == found.recorded == ()


def test_what_the_site_never_listed_ends_with_a_later_release() -> None:
    """A site shows the newest alone."""
    late = look([*PAST, tagged(10)], "2026-03-11 12:00", "2026-03-11 12:00")
    mail = given.announcement(
        "1.1-rc11", "2026-03-13 12:00", given.sighting(given.LIST, "2026-03-13 12:10", "2026-03-13 12:00")
    )
    end = look([*PAST, tagged(10), tagged(11), mail], "2026-03-13 13:00", "2026-03-13 13:00", late)
    assert [each.ended for each in end.closed] == [Ended.NEVER]

"""What the study of false alarms and recall taught: by which past a gap is measured, and how far a look proves it."""

from collections.abc import Sequence
from datetime import timedelta

from rctrack.core.hosts import Health, Outage, OutageKind
from rctrack.core.lateness import LIMITS, Cause, Delay, DelayKind, limit_of
from rctrack.core.release import Observation
from tests.studies.alarms import percentile
from tests.support import given
from tests.support.books import a_book, tag_host

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
WELL = Health((), ())


LOOKED = given.moment("2026-03-31 00:00")


def shown(version: str, tagged: str, at_mirror: str, not_before: str) -> list[Observation]:
    """A tag at the repository five minutes after it was made, and at the mirror at another time."""
    seen = given.moment(tagged) + timedelta(minutes=5)
    first = given.sighting(given.PRIMARY, f"{seen:%Y-%m-%d %H:%M}", tagged)
    return [
        given.tag(version, tagged, first),
        given.tag(version, tagged, given.sighting(given.MIRROR, at_mirror, not_before)),
    ]


def recorded(seen: Sequence[Observation], health: Health = WELL) -> tuple[Delay, ...]:
    """The delays of a project with a repository and its mirror, both looked at up to the end."""
    hosts = (tag_host(good_at=LOOKED), tag_host(given.MIRROR, LOOKED))
    return a_book(seen, LOOKED, tags=hosts, archives=(), health=health).delays(LOOKED)


def test_releases_that_were_late_together_are_no_measure_of_each_other() -> None:
    """Eight came to the mirror three days late on one day: each is late."""
    seen = [
        each
        for number in range(8)
        for each in shown(f"v1.{number}", f"2026-03-04 12:{number:02}", "2026-03-07 13:00", "2026-03-07 12:45")
    ]
    found = recorded(seen)
    assert {each.version for each in found} == {given.version(f"1.{number}").id for number in range(8)}
    assert {each.cause for each in found} == {Cause.MIRROR}


def test_a_gap_is_measured_by_those_that_were_over_when_it_began() -> None:
    """What came later, however slow, makes no earlier gap an ordinary one; the other way it does."""
    slow = [
        each
        for day in range(10, 17)
        for each in shown(f"v1.{day}", f"2026-03-{day} 12:00", f"2026-03-{day + 2} 12:00", f"2026-03-{day + 2} 11:45")
    ]
    early = shown("v1.1", "2026-03-04 12:00", "2026-03-06 12:00", "2026-03-06 11:45")
    late = shown("v1.99", "2026-03-25 12:00", "2026-03-27 12:00", "2026-03-27 11:45")
    versions = {each.version for each in recorded([*early, *slow, *late])}
    assert given.version("1.1").id in versions
    assert given.version("1.99").id not in versions


def test_what_ended_while_we_did_not_look_is_proven_up_to_our_last_look_only() -> None:
    """The laptop slept for three days: the mirror may have had it after an hour."""
    asleep = shown("v1.1", "2026-03-04 12:00", "2026-03-07 12:00", "2026-03-04 12:15")
    assert recorded(asleep) == ()
    awake = shown("v1.1", "2026-03-04 12:00", "2026-03-07 12:00", "2026-03-07 11:45")
    assert [each.length for each in recorded(awake)] == [3 * DAY - timedelta(minutes=5)]


def test_that_we_were_offline_is_no_fault_of_the_mirror_or_its_host() -> None:
    """No host answered us: nothing is recorded; had it been the host alone, it would be its gap."""
    seen = shown("v1.1", "2026-03-04 12:00", "2026-03-07 12:00", "2026-03-04 12:15")

    def well(kind: OutageKind) -> Health:
        span = (given.moment("2026-03-04 12:30"), given.moment("2026-03-07 12:00"))
        return Health((), (Outage(kind, frozenset({"mirror.example"}), None, *span),))

    assert recorded(seen, well(OutageKind.OFFLINE)) == ()
    assert [each.cause for each in recorded(seen, well(OutageKind.DOWN))] == [Cause.HOST]


def test_the_limit_of_an_archive_is_a_day_whatever_its_past() -> None:
    """An archive that was out for weeks at a time has no habit of weeks."""
    assert limit_of(DelayKind.ARCHIVE, [HOUR] * 30 + [60 * DAY] * 20) == LIMITS[DelayKind.ARCHIVE][0] == DAY


def test_the_98th_percentile_of_fewer_than_fifty_gaps_is_the_longest() -> None:
    """Of a hundred it is the 98th; of none there is none."""
    assert percentile([]) is None
    assert percentile([DAY, 3 * DAY, 2 * DAY]) == 3 * DAY
    assert percentile([number * HOUR for number in range(1, 101)]) == 98 * HOUR

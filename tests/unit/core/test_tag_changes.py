"""A tag that is gone: two looks in a row of one observer, at the project's own host or at every one that had it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from rctrack.core.evidence import AbsenceEvidence, ObjectId, Observer, Sighting, SourceId
from rctrack.core.release import Absence, Flag, TagChange, TagObservation
from rctrack.core.tag_changes import changes_of, gone, is_suspect, missing, unsettled
from tests.support.given import MIRROR, PRIMARY, RULES, moment, sighting, tag

BEGIN = moment("2026-06-01 00:00")
HOUR = timedelta(hours=1)
HERE, THERE = Observer("here"), Observer("there")
TAG = tag("v2.42", "2026-05-01 00:00", sighting(PRIMARY, "2026-05-01 01:00", "2026-05-01 00:30"))


def looked(hours: int, observer: Observer = HERE, source: SourceId = PRIMARY) -> Sighting:
    """A look so many hours later."""
    return Sighting(source, BEGIN + hours * HOUR, BEGIN + (hours - 1) * HOUR, observer)


def missed(hours: int, observer: Observer = HERE, source: SourceId = PRIMARY, *, is_back: bool = False) -> Absence:
    """A look that did not show the tag, or did again."""
    return Absence(TAG.version, TAG.tag, TAG.object_id, TAG.commit, is_back, looked(hours, observer, source))


def changes(absences: Iterable[Absence], *tags: TagObservation) -> list[TagChange]:
    """What has happened to the tag; the same in any order."""
    found = changes_of(RULES, tags or [TAG], list(absences))
    assert found == changes_of(RULES, (tags or (TAG,))[::-1], list(absences)[::-1])
    return list(found)


def test_one_look_without_it_is_no_change_and_two_in_a_row_are() -> None:
    """It is withdrawn since the look that made sure."""
    assert changes([missed(1)]) == []
    [change] = changes([missed(1), missed(2)])
    assert (change.flag, change.object_id, change.new_object_id) == (Flag.WITHDRAWN, TAG.object_id, None)
    assert (change.source, change.seen_at) == (PRIMARY, BEGIN + 2 * HOUR)


def test_a_look_with_it_in_between_begins_the_row_anew() -> None:
    """And one after it takes back what was said."""
    assert changes([missed(1), missed(2, is_back=True), missed(3)]) == []
    assert changes([missed(1), missed(2), missed(3, is_back=True)]) == []


def test_two_observers_that_missed_it_once_each_are_not_sure() -> None:
    """Each looks for itself; one of them that is sure is enough."""
    assert changes([missed(1), missed(2, THERE)]) == []
    [change] = changes([missed(1), missed(2, THERE), missed(3, THERE)])
    assert change.seen_at == BEGIN + 3 * HOUR
    [change] = changes([missed(1), missed(2), missed(4, THERE), missed(5, THERE)])
    assert change.seen_at == BEGIN + 2 * HOUR, "the first who was sure"


def test_a_mirror_that_lacks_it_says_nothing_while_the_own_host_has_it() -> None:
    """Where only mirrors had it, it is gone when it is gone from each."""
    there = replace(TAG, sighting=replace(TAG.sighting, source=MIRROR))
    at_mirror = [missed(1, source=MIRROR), missed(2, source=MIRROR)]
    assert changes(at_mirror, TAG, there) == []
    assert [each.flag for each in changes(at_mirror, there)] == [Flag.WITHDRAWN]


def test_what_is_shown_again_later_is_not_gone() -> None:
    """Another object under its name, a day after."""
    moved = replace(TAG, object_id=ObjectId("another"), sighting=looked(24))
    assert [each.flag for each in changes([missed(1), missed(2)], TAG, moved)] == [Flag.RETAGGED]


def test_where_tags_are_pruned_none_is_missed() -> None:
    """By the project's own word."""
    assert changes_of(replace(RULES, tags_are_pruned=True), [TAG], [missed(1), missed(2)]) == ()


def test_a_look_adds_what_is_missing_until_that_is_sure_and_what_is_back() -> None:
    """A tag that is gone for good costs two rows, however long rctrack runs."""
    known, journal = {"v2.42": ObjectId("a"), "v2.41": ObjectId("b")}, list[AbsenceEvidence]()
    added = []
    for hours, shown in enumerate([["v2.41"], ["v2.41"], ["v2.41"], ["v2.41", "v2.42"], ["v2.41", "v2.42"]]):
        new = missing(known, journal, shown, looked(hours))
        journal += new
        added.append([(each.tag, each.is_back) for each in new])
        assert unsettled(journal) is (hours == 0)
        assert gone(journal) == ({"v2.42"} if hours in (1, 2) else set())
    assert added == [[("v2.42", False)], [("v2.42", False)], [], [("v2.42", True)], []]


@pytest.mark.parametrize(
    ("known", "shown", "is_odd"),
    [(0, 0, False), (3, 0, True), (3, 1, False), (10, 4, True), (10, 5, False), (9, 1, False)],
)
def test_a_host_that_shows_next_to_nothing_is_not_believed(known: int, shown: int, is_odd: bool) -> None:
    """Empty where there was something, or most gone where there was plenty."""
    names = [f"v1.{n}" for n in range(known)]
    assert (is_suspect(names, names[:shown]) is not None) is is_odd

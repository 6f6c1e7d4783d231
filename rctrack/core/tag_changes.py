"""Is a tag what it was? Moved, withdrawn, differing between hosts; and which host had it first."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from rctrack.core.evidence import AbsenceEvidence, ObjectId, Observer, Sighting, SourceId
from rctrack.core.release import Absence, Flag, TagChange, TagObservation
from rctrack.core.rules import ProjectRules

LOOKS = 2
"""So many looks in a row without a tag before it counts as gone: one look may meet a host in the middle of a sync."""
PLENTY = 10
"""A host with so many tags that then shows less than half of them is suspected, not believed."""


def is_suspect(known: Iterable[str], shown: Iterable[str]) -> str | None:
    """Why a look is not to be believed: empty where there was something, or most gone where there was plenty."""
    before, now = set(known), set(shown)
    kept = len(before & now)
    if before and not now:
        return f"shows no tag where there were {len(before)}"
    if len(before) >= PLENTY and 2 * kept < len(before):
        return f"shows {kept} of {len(before)} tags that it had"
    return None


def missing(
    known: Mapping[str, ObjectId], journal: Iterable[AbsenceEvidence], shown: Iterable[str], sighting: Sighting
) -> list[AbsenceEvidence]:
    """What a look adds to an observer's journal: tags that are missing, until that is sure, and tags that are back."""
    names, misses = set(shown), _misses(journal)
    added = []
    for tag, object_id in known.items():
        looks = misses.get(tag, 0)
        if (tag not in names and looks < LOOKS) or (tag in names and looks):
            added.append(AbsenceEvidence(tag, object_id, sighting, is_back=tag in names))
    return added


def unsettled(journal: Iterable[AbsenceEvidence]) -> bool:
    """Whether a tag was missed and not often enough to be sure: the next look has to look again."""
    return any(0 < looks < LOOKS for looks in _misses(journal).values())


def gone(journal: Iterable[AbsenceEvidence]) -> set[str]:
    """The tags that a host has taken away for sure."""
    return {tag for tag, looks in _misses(journal).items() if looks >= LOOKS}


def _misses(journal: Iterable[AbsenceEvidence]) -> dict[str, int]:
    """Looks in a row without each tag, up to the newest."""
    misses: dict[str, int] = {}
    for _, tag, is_back in sorted({(each.sighting.seen_at, each.tag, each.is_back) for each in journal}):
        misses[tag] = 0 if is_back else misses.get(tag, 0) + 1
    return misses


def changes_of(
    rules: ProjectRules, tags: Iterable[TagObservation], absences: Iterable[Absence]
) -> tuple[TagChange, ...]:
    """Every way in which a release's tags are not what they were, oldest first; the same for any order of them."""
    seen = sorted(tags, key=lambda tag: _seen_order(rules, tag))
    found = [*_moved(seen), *_withdrawn_by_name(seen)]
    if not rules.tags_are_pruned:
        found += _vanished(rules, seen, list(absences))
    return tuple({each.key: each for each in sorted(found, key=_change_order, reverse=True)}.values())[::-1]


def _seen_order(rules: ProjectRules, tag: TagObservation) -> tuple[object, ...]:
    is_mirror = tag.sighting.source not in rules.primaries
    return (tag.sighting.seen_at, is_mirror, tag.sighting.source, tag.tag, tag.object_id)


def _change_order(change: TagChange) -> tuple[object, ...]:
    return (change.seen_at, change.key, change.source, change.tag)


def _moved(seen: Sequence[TagObservation]) -> Iterator[TagChange]:
    """The same name for another object, at the same host or at another: what was seen first is what it was."""
    first: dict[str, TagObservation] = {}
    for tag in seen:
        was = first.setdefault(tag.tag, tag)
        if tag.object_id != was.object_id:
            ids = (was.object_id, was.commit, tag.object_id, tag.commit)
            yield TagChange(Flag.RETAGGED, tag.tag, *ids, tag.sighting.source, tag.sighting.seen_at)


def _withdrawn_by_name(seen: Sequence[TagObservation]) -> Iterator[TagChange]:
    for tag in seen:
        if tag.withdrawn:
            yield _withdrawn(tag, tag.sighting)


def _vanished(rules: ProjectRules, seen: Sequence[TagObservation], absences: Sequence[Absence]) -> Iterator[TagChange]:
    """Gone from a host of the project's own, or from every host where only mirrors had it.

    Looks in a row are those of one observer: two that each missed it once met a host in the middle of a sync.
    """
    journals: defaultdict[tuple[SourceId, Observer], list[Absence]] = defaultdict(list)
    for each in absences:
        journals[each.sighting.source, each.sighting.observer].append(each)
    gone_from: dict[SourceId, Absence] = {}
    for (source, _), journal in journals.items():
        sure = _sure(journal)
        if sure is not None and not _shown_since(seen, source, sure):
            gone_from[source] = min(sure, gone_from.get(source, sure), key=_absence_order)
    had = {tag.sighting.source for tag in seen}
    own = had & rules.primaries
    if (own and own & gone_from.keys()) or (not own and had and had <= gone_from.keys()):
        last = min(
            (gone_from[source] for source in (own or had) & gone_from.keys()), key=lambda each: each.sighting.seen_at
        )
        was = next((tag for tag in seen if tag.object_id == last.object_id), seen[0])
        yield _withdrawn(was, last.sighting)


def _sure(journal: Sequence[Absence]) -> Absence | None:
    """The look that made sure of the latest absence at one host; None while it shows the tag."""
    evidence = [AbsenceEvidence(each.tag, each.object_id, each.sighting, each.is_back) for each in journal]
    surely = gone(evidence)
    return max((each for each in journal if each.tag in surely), key=_absence_order, default=None)


def _absence_order(absence: Absence) -> tuple[datetime, str, str]:
    return (absence.sighting.seen_at, absence.object_id, absence.sighting.observer)


def _shown_since(seen: Iterable[TagObservation], source: SourceId, absence: Absence) -> bool:
    at = absence.sighting.seen_at
    return any(tag.sighting.source == source and tag.sighting.seen_at >= at for tag in seen)


def _withdrawn(was: TagObservation, sighting: Sighting) -> TagChange:
    return TagChange(Flag.WITHDRAWN, was.tag, was.object_id, was.commit, None, None, sighting.source, sighting.seen_at)


def first_host(first_looks: Mapping[SourceId, Sighting]) -> SourceId | None:
    """The host that showed a tag when no other did yet; None where their intervals overlap or one host is alone."""
    if len(first_looks) < 2:
        return None
    source, first = min(first_looks.items(), key=lambda item: (item[1].seen_at, item[0]))
    others = [sighting for other, sighting in first_looks.items() if other != source]
    if first.not_seen_at and all(each.not_seen_at and each.not_seen_at >= first.seen_at for each in others):
        return source
    return None

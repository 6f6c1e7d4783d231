"""What a look at a repository adds to the tags that it shows: counts of commits, and tags that are gone."""

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

from rctrack.config import ProjectConfig, TagsConfig
from rctrack.core import fold as reconcile
from rctrack.core import tag_changes as identity
from rctrack.core.evidence import (
    AbsenceEvidence,
    Commit,
    CountEvidence,
    Evidence,
    ObjectId,
    Sighting,
    SignatureEvidence,
    SourceId,
    TagEvidence,
)
from rctrack.core.look import Outcome
from rctrack.core.recognise import recognise_station, recognise_tag
from rctrack.core.release import Absence, Flag, Observation, Release, TagObservation
from rctrack.sources import Failed, Good, Range, Tools, open_counting
from rctrack.store import Store

UNSETTLED = "unsettled"
"""A cursor that no source knows: the next look reads everything."""


def observations(
    stored: Store, project: ProjectConfig, more: Iterable[tuple[TagEvidence, Sighting]] = ()
) -> list[Observation]:
    """What all stored evidence, and more, means."""
    evidence = [*stored.tags(project.id), *more]
    # Where the object was read, that it leads to no commit outweighs the look that had only names.
    no_commits = {(seen.source, tag.object_id) for tag, seen in evidence if tag.commit is None}
    read = [
        recognise_tag(project.rules, tag, seen)
        for tag, seen in evidence
        if tag.commit is None or (seen.source, tag.object_id) not in no_commits
    ]
    tags = [each for each in read if isinstance(each, TagObservation)]
    absences = _absences(stored.absences(project.id), tags)
    said = [recognise_station(project.rules, each, seen) for each, seen in stored.stations(project.id)]
    stations = [each for each in said if each is not None]
    return [*tags, *absences, *stations, *stored.announcements(project.id, project.rules.scheme)]


def _absences(journal: Sequence[AbsenceEvidence], tags: Sequence[TagObservation]) -> list[Absence]:
    if not journal:
        return []
    known = {(tag.sighting.source, tag.tag, tag.object_id): tag for tag in tags}
    found = ((each, known.get((each.sighting.source, each.tag, each.object_id))) for each in journal)
    return [
        Absence(tag.version, tag.tag, tag.object_id, tag.commit, each.is_back, each.sighting)
        for each, tag in found
        if tag is not None
    ]


def expected_signatures(project: ProjectConfig) -> str:
    """A word for the signatures that are expected; what was found for others says nothing about these.

    It changes with the files of keys too: a key that is added to them makes an unknown one known.
    """
    expected = hashlib.sha256(repr(project.signing).encode())
    for path in (project.signing.keyring, project.signing.allowed_signers) if project.signing else ():
        with suppress(OSError):
            expected.update(path.read_bytes() if path else b"")
    return expected.hexdigest()[:16]


def signatures(stored: Store, project: ProjectConfig) -> dict[ObjectId, SignatureEvidence]:
    """What was found about the tags' signatures; nothing where none are expected."""
    return stored.signatures(project.id, expected_signatures(project)) if project.signing else {}


def with_absences(
    stored: Store, project: ProjectConfig, outcome: Good, sighting: Sighting
) -> tuple[Good, list[AbsenceEvidence]] | Failed:
    """The same with what the source does not show any more; Failed where it shows too little to be believed."""
    if not outcome.is_whole or project.rules.tags_are_pruned:
        return outcome, []
    journal = [each for each in stored.absences(project.id) if each.sighting.source == sighting.source]
    known = stored.tags_shown(project.id, sighting.source)
    shown = {each.tag for each in outcome.evidence if isinstance(each, TagEvidence)}
    if (reason := identity.is_suspect(known.keys() - identity.gone(journal), shown)) is not None:
        return Failed(Outcome.MISREAD, f"{sighting.source.partition(' ')[2]}: {reason}; that is not believed")
    added = identity.missing(known, journal, shown, sighting)
    if identity.unsettled([*journal, *added]):
        outcome = replace(outcome, cursor=UNSETTLED)
    return outcome, added


def with_counts(
    stored: Store, tools: Tools, project: ProjectConfig, source: TagsConfig, outcome: Good, sighting: Sighting
) -> Good:
    """The same evidence with the counts that it makes necessary, as far as they can be had now."""
    if tools.recorded is not None:
        return outcome  # a recording has its counts, and nowhere to make more
    tags = [(each, sighting) for each in outcome.evidence if isinstance(each, TagEvidence)]
    if not tags and not stored.lacks_counts(project.id) and project.signing is None:
        return outcome
    counts = stored.counts(project.id)
    releases = reconcile.fold(project.id, project.rules, observations(stored, project, tags), counts)
    signed = signatures(stored, project)
    to_count = reconcile.wanted_counts(releases, counts, all_history=project.keeps_history)
    to_verify = [each for each in releases.values() if project.signing and each.object_id not in signed]
    # Where only a signature is wanted, the tag alone is asked for.
    bases = {each.version.id: each.previous_commit for each in to_count}
    wanted = [
        Range(each.tag, each.object_id, each.commit, bases.get(each.version.id))
        for each in {each.version.id: each for each in [*to_count, *to_verify]}.values()
        if each.tag and each.object_id and each.commit
    ]
    shown = {(tag.sighting.source, tag.commit) for each in releases.values() for tag in each.tags}
    found, notes = _measure(stored, tools, project, source, wanted, shown)
    return replace(outcome, evidence=(*outcome.evidence, *found), notes=notes)


def _measure(
    stored: Store,
    tools: Tools,
    project: ProjectConfig,
    source: TagsConfig,
    wanted: list[Range],
    shown: set[tuple[SourceId, Commit]],
) -> tuple[list[Evidence], tuple[str, ...]]:
    """Counts from the nearest healthy repositories that show the release; and why there are none from some of them."""
    found: list[Evidence] = []
    notes: list[str] = []
    for each in _nearest(stored, project, source):
        ranges = [
            replace(one, is_base_shown=(each.source, one.base) in shown)
            for one in wanted
            if (each.source, one.commit) in shown
        ]
        counting = open_counting(each, project, tools)
        if not ranges or counting is None:
            continue
        counted = counting.measure(ranges)
        if isinstance(counted, Good):
            found += counted.evidence
            notes += (f"{each.url}: {note}" for note in counted.notes)
            wanted = _still_wanted(wanted, counted.evidence)
        else:
            notes.append(f"{each.url}: {counted.reason}")
    return found, tuple(notes)


def _still_wanted(wanted: Iterable[Range], found: Iterable[Evidence]) -> list[Range]:
    """The ranges that are not counted by that; of those that are not to be counted, what has neither date nor worth."""
    done = {(each.base, each.commit) for each in found if isinstance(each, CountEvidence)}
    read = {each.object_id for each in found if isinstance(each, TagEvidence | SignatureEvidence)}
    return [one for one in wanted if (one.base, one.commit) not in done and (one.base or one.object_id not in read)]


def _nearest(stored: Store, project: ProjectConfig, source: TagsConfig) -> list[TagsConfig]:
    """On this machine, then the one that just answered, then the project's own, then mirrors; none that is down."""
    outcomes = stored.last_outcomes(project.id)
    healthy = [
        each
        for each in project.tags
        if each == source or (each.source in outcomes and outcomes[each.source]["outcome"] == "good")
    ]
    return sorted(healthy, key=lambda each: ("://" in each.url, each != source, not each.is_primary))


def changed(before: Iterable[tuple[str, str]], releases: Iterable[Release]) -> list[Release]:
    """The releases whose tags have changed in a way that nobody was told of yet.

    Not one whose tag said from the start that it is not to be used: the mail that tells of it says so.
    """
    known = set(before)
    releases_known = {version for version, _ in known}
    return [
        each
        for each in releases
        if any(
            (each.version.id, change.station) not in known
            and (each.version.id in releases_known or change.flag is not Flag.WITHDRAWN)
            for change in each.changes
        )
    ]

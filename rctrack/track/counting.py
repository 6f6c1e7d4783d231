"""What a look at a repository makes countable: ranges of commits and signatures, from the nearest healthy host."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rctrack.config import ProjectConfig, TagsConfig
from rctrack.core.evidence import Commit, CountEvidence, SignatureEvidence, SourceId, TagEvidence
from rctrack.core.evidence import Evidence as AnyEvidence
from rctrack.core.fold import Counts, Lineage
from rctrack.core.look import Outcome, Run
from rctrack.core.release import TagObservation
from rctrack.core.version import VersionId
from rctrack.sources import Good, Range, Tools, open_counting
from rctrack.track.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Measured:
    """What was counted, dated and verified, and why some of it could not be."""

    counts: tuple[CountEvidence, ...] = ()
    tags: tuple[TagEvidence, ...] = ()
    signatures: tuple[SignatureEvidence, ...] = ()
    notes: tuple[str, ...] = ()


def measure(
    evidence: Evidence,
    lineage: Lineage,
    project: ProjectConfig,
    source: TagsConfig,
    tools: Tools,
    runs: Mapping[SourceId, Run],
) -> Measured:
    """Counts what is missing, as far as the hosts give it now; `source` is the repository that was just looked at."""
    if tools.recorded is not None:
        return Measured()  # a recording has its counts, and nowhere to make more
    tags = evidence.tag_observations(project)
    wanted = _wanted(evidence, lineage, tags, project)
    shown = {(tag.sighting.source, tag.commit) for tag in tags}
    found: list[AnyEvidence] = []
    notes: list[str] = []
    for repository in _nearest(project, source, runs) if wanted else ():
        ranges = [
            replace(each, is_base_shown=(repository.source, each.base) in shown)
            for each in wanted
            if (repository.source, each.commit) in shown
        ]
        counting = open_counting(repository, project, tools)
        if not ranges or counting is None:
            continue
        counted = counting.measure(ranges)
        if isinstance(counted, Good):
            found += counted.evidence
            notes += (f"{repository.url}: {note}" for note in counted.notes)
            wanted = _still_wanted(wanted, counted.evidence)
        else:
            notes.append(f"{repository.url}: {counted.reason}")
    return Measured(
        tuple(each for each in found if isinstance(each, CountEvidence)),
        tuple(each for each in found if isinstance(each, TagEvidence)),
        tuple(each for each in found if isinstance(each, SignatureEvidence)),
        tuple(notes),
    )


def _wanted(
    evidence: Evidence, lineage: Lineage, tags: Sequence[TagObservation], project: ProjectConfig
) -> list[Range]:
    """The ranges that lack a count, a date or a verdict on their signature; where no count is wanted, without base."""
    news = {tag.version.id for tag in tags if tag.sighting.is_news}
    news |= {version.id for mail in evidence.announcements if mail.sighting.is_news for version in mail.versions}
    uncounted = to_count(lineage, evidence.counts, news, all_history=project.keeps_history)
    ranges = {tag.version.id: _range(lineage, tag) for tag in uncounted}
    if project.signing is not None:
        for tag in lineage.tags.values():
            if tag.object_id not in evidence.signatures:
                ranges.setdefault(tag.version.id, replace(_range(lineage, tag), base=None))
    return list(ranges.values())


def _range(lineage: Lineage, tag: TagObservation) -> Range:
    base = lineage.base(tag)
    return Range(tag.tag, tag.object_id, tag.commit, base.commit if base else None)


def to_count(lineage: Lineage, counts: Counts, news: set[VersionId], *, all_history: bool) -> list[TagObservation]:
    """The tags whose count or date is missing; without `all_history` only what is or was news, and the newest cycle."""
    newest = max((tag.version for tag in lineage.tags.values()), default=None)
    return [
        tag
        for key, tag in lineage.tags.items()
        if (all_history or key in news or (newest is not None and tag.version.cycle_id == newest.cycle_id))
        and ((tag.tagged is None and not all_history) or _lacks_count(lineage, tag, counts, all_history=all_history))
    ]


def _lacks_count(lineage: Lineage, tag: TagObservation, counts: Counts, *, all_history: bool) -> bool:
    """Also where a range alone was counted and the whole history has become known since."""
    base = lineage.base(tag)
    if base is None:
        return False
    count = counts.get((base.commit, tag.commit))
    return count is None or (all_history and count.authors is not None and count.first_time_authors is None)


def _still_wanted(wanted: Iterable[Range], found: Iterable[AnyEvidence]) -> list[Range]:
    """The ranges that are not counted by that; of those that are not to be counted, what has neither date nor worth."""
    done: set[tuple[Commit, Commit]] = set()
    read: set[str] = set()
    for each in found:
        if isinstance(each, CountEvidence):
            done.add((each.base, each.commit))
        elif isinstance(each, TagEvidence | SignatureEvidence):
            read.add(each.object_id)
    return [
        each
        for each in wanted
        if (each.base is None or (each.base, each.commit) not in done) and (each.base or each.object_id not in read)
    ]


def _nearest(project: ProjectConfig, source: TagsConfig, runs: Mapping[SourceId, Run]) -> list[TagsConfig]:
    """On this machine, then the one that just answered, then the project's own, then mirrors; none that is down."""
    healthy = [
        each
        for each in project.tags
        if each == source or (each.source in runs and runs[each.source].outcome is Outcome.GOOD)
    ]
    return sorted(healthy, key=lambda each: ("://" in each.url, each != source, not each.is_primary))

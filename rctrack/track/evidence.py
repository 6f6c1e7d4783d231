"""All evidence of a project: what is stored, read once, and what a look at hand adds to it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rctrack.config import ProjectConfig
from rctrack.core.evidence import (
    AbsenceEvidence,
    CountEvidence,
    ObjectId,
    Sighting,
    SignatureEvidence,
    SourceId,
    StationEvidence,
    TagEvidence,
)
from rctrack.core.fold import Counts
from rctrack.core.recognise import recognise_station, recognise_tag
from rctrack.core.release import Absence, Announcement, Observation, TagObservation, Unrecognised
from rctrack.store import Store
from rctrack.track.signing import expected_signatures

TagSighting = tuple[TagEvidence, Sighting]
StationSighting = tuple[StationEvidence, Sighting]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence of one project."""

    tags: Sequence[TagSighting]
    absences: Sequence[AbsenceEvidence]
    stations: Sequence[StationSighting]
    announcements: Sequence[Announcement]
    counts: Counts
    signatures: Mapping[ObjectId, SignatureEvidence]

    @classmethod
    def read(cls, stored: Store, project: ProjectConfig) -> "Evidence":
        """All that is stored."""
        tables, expected = stored.evidence, expected_signatures(project)
        return cls(
            tags=tables.tags(project.id),
            absences=tables.absences(project.id),
            stations=tables.stations(project.id),
            announcements=tables.announcements(project.id, project.rules.scheme),
            counts=tables.counts(project.id),
            signatures=tables.signatures(project.id, expected) if project.signing else {},
        )

    def with_tags(self, tags: Iterable[TagSighting], absences: Iterable[AbsenceEvidence]) -> "Evidence":
        """The same with tags that a look shows, and with those that it misses."""
        return replace(self, tags=[*self.tags, *tags], absences=[*self.absences, *absences])

    def with_counts(self, counts: Iterable[CountEvidence], signatures: Iterable[SignatureEvidence]) -> "Evidence":
        """The same with what was counted and verified."""
        counted = {(count.base, count.commit): count for count in counts}
        verified = {each.object_id: each for each in signatures}
        return replace(self, counts={**self.counts, **counted}, signatures={**self.signatures, **verified})

    def with_mails(self, source: SourceId, announcements: Iterable[Announcement], *, instead: bool) -> "Evidence":
        """The same with announcements of this source; `instead` of those that were read in it before."""
        kept = [each for each in self.announcements if not (instead and each.sighting.source == source)]
        return replace(self, announcements=[*kept, *announcements])

    def with_stations(self, stations: Iterable[StationSighting]) -> "Evidence":
        """The same with what a site says."""
        return replace(self, stations=[*self.stations, *stations])

    def tag_observations(self, project: ProjectConfig) -> list[TagObservation]:
        """The tags that are releases."""
        return [tag for tag in self._read_tags(project) if isinstance(tag, TagObservation)]

    def unrecognised_tags(self, project: ProjectConfig) -> list[tuple[Unrecognised, Sighting]]:
        """The tags that look like none."""
        pairs = ((recognise_tag(project.rules, tag, sighting), sighting) for tag, sighting in self.tags)
        return [(reading, sighting) for reading, sighting in pairs if isinstance(reading, Unrecognised)]

    def observations(self, project: ProjectConfig, tags: Sequence[TagObservation]) -> list[Observation]:
        """What all of it means; `tags` are the tags that are releases."""
        sites = (recognise_station(project.rules, evidence, sighting) for evidence, sighting in self.stations)
        return [*tags, *self._absences(tags), *(each for each in sites if each is not None), *self.announcements]

    def _read_tags(self, project: ProjectConfig) -> Iterable[object]:
        # Where the object was read, that it leads to no commit outweighs the look that had only names.
        no_commits = {(sighting.source, tag.object_id) for tag, sighting in self.tags if tag.commit is None}
        for tag, sighting in self.tags:
            if tag.commit is None or (sighting.source, tag.object_id) not in no_commits:
                yield recognise_tag(project.rules, tag, sighting)

    def _absences(self, tags: Sequence[TagObservation]) -> list[Absence]:
        if not self.absences:
            return []
        known = {(tag.sighting.source, tag.tag, tag.object_id): tag for tag in tags}
        missed = ((each, known.get((each.sighting.source, each.tag, each.object_id))) for each in self.absences)
        return [
            Absence(tag.version, tag.tag, tag.object_id, tag.commit, absence.is_back, absence.sighting)
            for absence, tag in missed
            if tag is not None
        ]

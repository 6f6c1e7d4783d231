"""What a project's site says of a release, or None where it speaks of none."""

from rctrack.core.evidence import Commit, ObjectId, Sighting, Station, StationEvidence, TagEvidence
from rctrack.core.recognise.tag import recognise_tag
from rctrack.core.release import StationObservation, TagObservation
from rctrack.core.rules import ProjectRules
from rctrack.core.version import Version, parse_version


def recognise_station(rules: ProjectRules, evidence: StationEvidence, sighting: Sighting) -> StationObservation | None:
    """The release that a push or a listing is about; None for one that is no release; never an exception."""
    version = _version(rules, evidence, sighting)
    if version is None:
        return None
    return StationObservation(version, evidence.station, evidence.key, evidence.at, sighting)


def _version(rules: ProjectRules, evidence: StationEvidence, sighting: Sighting) -> Version | None:
    if evidence.station is not Station.PUSHED:
        return parse_version(rules.scheme, evidence.name)
    # A receipt names a tag and its object alone; which release that is, the tag's name says.
    pushed = TagEvidence(evidence.name, ObjectId(evidence.key), Commit(evidence.key), None)
    read = recognise_tag(rules, pushed, sighting)
    return read.version if isinstance(read, TagObservation) else None

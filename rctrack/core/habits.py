"""Habits: which stations the releases of a project reach, by its own past and nothing later (DESIGN section 2)."""

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from rctrack.core.evidence import Station
from rctrack.core.release import Release
from rctrack.core.version import Version, VersionId

RECENT = 20
"""So many of the last releases of a kind make a habit."""
ENOUGH = 5
"""With fewer of them nothing is a habit."""
SHARE = 0.8
"""What so many of them reached is expected of the next."""
RARE = 0.2
"""A project of which fewer were tagged does not tag: there an announcement alone is a release."""

_EXPECTED = {Station.TAGGED: "tag", Station.ANNOUNCED: "announcement"}
"""The words of a project file for what is expected whatever the past shows."""


class _Row:
    """The last releases of one kind: whether each reached a station."""

    def __init__(self) -> None:
        self.reached: deque[bool] = deque(maxlen=RECENT)

    @property
    def is_long_enough(self) -> bool:
        return len(self.reached) >= ENOUGH

    @property
    def share(self) -> float:
        return sum(self.reached) / len(self.reached)


class Habits:
    """What may be expected of each release, by those that were made before it."""

    def __init__(self, expects: Collection[str], releases: Iterable[Release], begins_at: datetime | None) -> None:
        """`expects` are the project file's words; before `begins_at` no archive could have a record of a mail."""
        self._always = {station for station, word in _EXPECTED.items() if word in expects}
        self._expected: dict[tuple[VersionId, Station], bool] = {}
        dated = [release for release in releases if release.made_at is not None]
        ordered = sorted(dated, key=lambda release: (release.made_at, release.version))
        for station in (Station.TAGGED, Station.ANNOUNCED, Station.LISTED):
            rows: dict[tuple[bool, int], _Row] = defaultdict(_Row)
            for release in ordered:
                if station is Station.ANNOUNCED and not _has_record(release, begins_at):
                    continue
                key = (release.version.id, station)
                self._expected[key] = _is_expected(rows, release.version)
                for kind in _kinds(release.version):
                    rows[kind].reached.append(has_reached(release, station))

    def expects(self, release: Release, station: Station) -> bool:
        """Whether the project's own releases of this kind reach this station, or its file says so."""
        return station in self._always or self._expected.get((release.version.id, station), False)


def _has_record(release: Release, begins_at: datetime | None) -> bool:
    return begins_at is not None and release.made_at is not None and release.made_at >= begins_at


def _kinds(version: Version) -> tuple[tuple[bool, int], ...]:
    """Finals; or candidates, and among these the ones of the same number: an rc0 has habits of its own."""
    return ((True, 0),) if version.is_final else ((False, -1), (False, version.candidate))


def _is_expected(rows: Mapping[tuple[bool, int], _Row], version: Version) -> bool:
    own = [rows[kind] for kind in _kinds(version)]
    row = next((each for each in reversed(own) if each.is_long_enough), None)
    return row is not None and row.share >= SHARE


def has_reached(release: Release, station: Station) -> bool:
    """Whether the release is known to have been there."""
    if station is Station.LISTED:
        return any(entry.station is station for entry in release.timeline)
    return (release.announced if station is Station.ANNOUNCED else release.tag) is not None


def unconfirmed(expects: Collection[str], releases: Iterable[Release]) -> frozenset[VersionId]:
    """The releases of a project that tags which a mail alone claims: anyone can write a From line.

    `releases` ascend. A project tags unless fewer than a fifth of its last twenty of that kind were tagged; once it is
    known to tag, what is only claimed is no measure of that, however often it is claimed.
    """
    rows: dict[bool, _Row] = defaultdict(_Row)
    doubtful = set()
    for release in releases:
        row = rows[release.version.is_final]
        tags_rarely = "tag" not in expects and row.is_long_enough and row.share < RARE
        if release.tags or is_on_site(release) or tags_rarely:
            row.reached.append(bool(release.tags))
            continue
        doubtful.add(release.version.id)
        if not row.is_long_enough:
            row.reached.append(False)
    return frozenset(doubtful)


def is_on_site(release: Release) -> bool:
    """Whether the project's own site speaks of it, which nobody does by writing a From line."""
    return any(entry.station in (Station.PUSHED, Station.LISTED) for entry in release.timeline)

"""The past of a project as cycles: which candidates they had, and which of these were more than usual."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo
from statistics import median_high

from rctrack.core.history import ShippedRelease
from rctrack.core.release import Precision
from rctrack.core.version import FeatureParts, Stage, Version, VersionId

CYCLES = 20
"""How many cycles back still count; older ones were made under other habits."""
LEAST_CYCLES = 5
"""With fewer cycles whose candidates are known no number of candidates is usual."""

MANY = 4
"""Where so many candidates are usual, a cycle without any has lost them: history has holes."""
GIVEN_UP_AFTER = 3
"""So many cycles in a row without any, up to now, are a new habit."""


@dataclass(frozen=True, slots=True)
class Past:
    """A release and its day in the project's own time zone."""

    version: Version
    day: date


@dataclass(frozen=True, slots=True)
class Cycle:
    """The releases of one feature version: the final before it, its candidates, its final."""

    start: date | None
    candidates: tuple[Past, ...]
    final: Past | None
    is_whole: bool = True
    """Whether the final follows the last of these candidates, as far as their number can tell: history has holes."""
    is_begun: bool = True
    """Whether nothing was released before the first of these steps, as far as its number can tell."""

    @property
    def steps(self) -> tuple[Past, ...]:
        """All that was released in it, oldest first."""
        return (*self.candidates, self.final) if self.final else self.candidates

    @property
    def highest(self) -> int:
        """The highest number of its candidates; 0 without any."""
        return max((step.version.candidate for step in self.candidates), default=0)


def past_of(
    shipped: Iterable[ShippedRelease], dated: Iterable[tuple[Version, datetime]], zone: tzinfo
) -> tuple[Past, ...]:
    """Returns the days of all known releases, oldest first, in the project's zone.

    What our own sources dated goes before what shipped history has.
    """
    days: dict[Version, date] = {}
    for old in shipped:
        fact = old.tagged or old.announced
        if fact is not None:
            is_day = fact.precision is Precision.DAY
            days[old.version] = fact.at.at.date() if is_day else fact.at.at.astimezone(zone).date()
    days.update((version, made_at.astimezone(zone).date()) for version, made_at in dated)
    releases = (Past(version, day) for version, day in days.items())
    return tuple(sorted(releases, key=lambda release: (release.day, release.version)))


def undated_of(shipped: Iterable[ShippedRelease], past: Iterable[Past]) -> frozenset[Version]:
    """Returns the releases that shipped history knows of, and of which nobody knows the day."""
    return frozenset(old.version for old in shipped) - {release.version for release in past}


def cycles_of(past: Iterable[Past], feature_parts: FeatureParts, undated: Iterable[Version] = ()) -> tuple[Cycle, ...]:
    """Returns the feature cycles, oldest first; point releases have no cadence. A day that runs backwards is left out.

    `undated` are releases of which only the number is known: they tell where a cycle has holes. So does one that ends
    with less than half the candidates that were usual before it: it has lost its last ones.
    """
    cycles: list[Cycle] = []
    highest: list[int] = []
    start: date | None = None
    missing: dict[tuple[int, ...], int] = {}
    for version in undated:
        missing[version.numbers] = max(missing.get(version.numbers, 0), version.candidate)
    for steps in _by_version(past, feature_parts):
        final = steps[-1] if steps[-1].version.is_final else None
        if final is not None and start is not None and final.day < start:
            start = None
        candidates = tuple(step for step in steps if not step.version.is_final and (start is None or step.day >= start))
        if candidates or final:
            cycle = _cycle(start, candidates, final, missing.get(steps[0].version.numbers, 0), highest)
            cycles.append(cycle)
            highest += [cycle.highest] if cycle.highest else []
        start = final.day if final else None
    return _given_up(cycles, missing)


def _cycle(
    start: date | None, candidates: tuple[Past, ...], final: Past | None, missing: int, highest: Sequence[int]
) -> Cycle:
    """Returns the cycle of these steps; a candidate of the number `missing` has no day, if that is not 0."""
    cycle = Cycle(start, candidates, final)
    first, last = cycle.steps[0].version, cycle.highest
    usual = median_high(highest[-CYCLES:]) if len(highest) >= LEAST_CYCLES else 0
    is_whole = final is None or (last >= missing and 2 * last >= usual)
    has_lost_all = first.is_final and (missing > 0 or usual >= MANY)
    is_late_number = first.stage is Stage.RC and first.candidate > 1
    return replace(cycle, is_whole=is_whole, is_begun=not (has_lost_all or is_late_number))


def _given_up(cycles: Sequence[Cycle], missing: Mapping[tuple[int, ...], int]) -> tuple[Cycle, ...]:
    """Returns the cycles; the last ones begin with their final where candidates were given up."""
    bare = 0
    for cycle in reversed(cycles):
        if cycle.candidates or missing.get(cycle.steps[0].version.numbers):
            break
        bare += 1
    if bare < GIVEN_UP_AFTER:
        return tuple(cycles)
    return (*cycles[:-bare], *(replace(cycle, is_begun=True) for cycle in cycles[-bare:]))


def _by_version(past: Iterable[Past], feature_parts: FeatureParts) -> Iterable[list[Past]]:
    """Returns the steps that led to each feature version, ascending; a version that is a day is one of its own."""
    by_version: dict[tuple[int, ...], list[Past]] = {}
    featured = (
        release
        for release in past
        if release.version.dated or release.version.is_feature(feature_parts.of(release.version))
    )
    for release in sorted(featured, key=_order):
        steps = by_version.setdefault(release.version.numbers, [])
        if not steps or (steps[-1].version < release.version and steps[-1].day <= release.day):
            steps.append(release)
    return by_version.values()


def _order(release: Past) -> tuple[tuple[int, ...], int, int, date]:
    """Of releases that lead to feature versions: those have no letter."""
    version = release.version
    return (version.numbers, version.stage, version.candidate, release.day)


def extras(released: Iterable[Version], feature_parts: FeatureParts) -> frozenset[VersionId]:
    """Returns the candidates whose number is above what was usual in the cycles before their own.

    `released` are all versions that there are, with or without a date: a cycle has as many candidates as its highest
    number, and in doubt the larger number is usual. Where there are fewer than five cycles, nothing is extra.
    """
    versions = [version for version in released if version.is_feature(feature_parts.of(version))]
    return frozenset(
        version.id
        for stage in {version.stage for version in versions if not version.is_final}
        for version, usual in _beside_usual(versions, stage)
        if version.candidate > usual
    )


def _beside_usual(versions: Sequence[Version], stage: Stage) -> Iterator[tuple[Version, int]]:
    """Yields the candidates of this stage with the number that was usual before their cycle, where one was."""
    highest: dict[tuple[int, ...], int] = {}
    for version in versions:
        number = version.candidate if version.stage is stage else 0
        highest[version.numbers] = max(highest.get(version.numbers, 0), number)
    cycles = sorted(highest)
    usual: dict[tuple[int, ...], int] = {}
    for place, numbers in enumerate(cycles):
        recent = [highest[before] for before in cycles[max(0, place - CYCLES) : place] if highest[before]]
        if len(recent) >= LEAST_CYCLES:
            usual[numbers] = median_high(recent)
    for version in versions:
        if version.stage is stage and version.numbers in usual:
            yield version, usual[version.numbers]

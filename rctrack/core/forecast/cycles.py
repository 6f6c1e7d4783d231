"""The past of a project as cycles: which candidates each had, and which of them were more than usual."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from statistics import median_high

from rctrack.core.history import ShippedRelease
from rctrack.core.release import Precision
from rctrack.core.version import FeatureParts, Version, VersionId

CYCLES = 20
"""How many cycles back still count; older ones were made under other habits."""
LEAST_CYCLES = 5
"""With fewer cycles whose candidates are known no number of candidates is usual."""


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

    @property
    def steps(self) -> tuple[Past, ...]:
        """All that was released in it, oldest first."""
        return (*self.candidates, self.final) if self.final else self.candidates


def past_of(
    shipped: Iterable[ShippedRelease], seen: Iterable[tuple[Version, datetime]], zone: tzinfo
) -> tuple[Past, ...]:
    """The days of all known releases, oldest first, in the project's zone; what our sources say goes before shipped."""
    known: dict[Version, Past] = {}
    for old in shipped:
        fact = old.tagged or old.announced
        if fact is not None:
            day = fact.at.at.date() if fact.precision is Precision.DAY else fact.at.at.astimezone(zone).date()
            known[old.version] = Past(old.version, day)
    for version, made_at in seen:
        known[version] = Past(version, made_at.astimezone(zone).date())
    return tuple(sorted(known.values(), key=lambda each: (each.day, each.version)))


def cycles_of(past: Iterable[Past], feature_parts: FeatureParts) -> tuple[Cycle, ...]:
    """The feature cycles, oldest first; point releases have no cadence. A day that runs backwards is left out.

    A cycle that ends with less than half the candidates that were usual before it has lost its last ones.
    """
    by_cycle: dict[tuple[int, ...], list[Past]] = {}
    featured = [each for each in past if each.version.is_feature(feature_parts.of(each.version))]
    for each in sorted(featured, key=_order):
        steps = by_cycle.setdefault(each.version.numbers, [])
        if not steps or (steps[-1].version < each.version and steps[-1].day <= each.day):
            steps.append(each)
    cycles: list[Cycle] = []
    highest: list[int] = []
    start: date | None = None
    for steps in by_cycle.values():
        final = steps[-1] if steps[-1].version.is_final else None
        candidates = tuple(each for each in steps if not each.version.is_final and (start is None or each.day >= start))
        if candidates or final:
            usual = median_high(highest[-CYCLES:]) if len(highest) >= LEAST_CYCLES else 0
            last = max((each.version.candidate for each in candidates), default=0)
            cycles.append(Cycle(start, candidates, final, is_whole=final is None or 2 * last >= usual))
            highest += [last] if last else []
        start = final.day if final else None
    return tuple(cycles)


def _order(each: Past) -> tuple[tuple[int, ...], int, int, date]:
    """Of releases that lead to feature versions: those have no letter."""
    version = each.version
    return (version.numbers, version.stage, version.candidate, each.day)


def extras(known: Iterable[Version], feature_parts: FeatureParts) -> frozenset[VersionId]:
    """The candidates whose number is above what was usual in the cycles before their own.

    `known` are all versions that we know of, with or without a date: a cycle has as many candidates as its highest
    number says, and in doubt the larger number is usual. Where fewer than five cycles are known, nothing is extra.
    """
    versions = [each for each in known if each.is_feature(feature_parts.of(each))]
    found: set[VersionId] = set()
    for stage in {each.stage for each in versions if not each.is_final}:
        highest: dict[tuple[int, ...], int] = {}
        for each in versions:
            number = each.candidate if each.stage is stage else 0
            highest[each.numbers] = max(highest.get(each.numbers, 0), number)
        cycles = sorted(highest)
        usual = {}
        for place, numbers in enumerate(cycles):
            recent = [highest[each] for each in cycles[max(0, place - CYCLES) : place] if highest[each]]
            usual[numbers] = median_high(recent) if len(recent) >= LEAST_CYCLES else None
        found |= {
            each.id
            for each in versions
            if each.stage is stage and (most := usual[each.numbers]) is not None and each.candidate > most
        }
    return frozenset(found)

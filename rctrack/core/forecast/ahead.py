"""Finals that are several cycles ahead: what is out by a day, and when a version is, as odds."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import islice, pairwise, repeat
from statistics import median_low

from rctrack.core.forecast.cycles import CYCLES, Cycle, Past
from rctrack.core.forecast.days import DayOdds, aged, day_odds
from rctrack.core.forecast.next import LEAST_WAITS, LIKENESS, Records, lengths, records_of, remaining
from rctrack.core.version import FeatureParts, Version

MOST = 12
"""Finals ahead of which something is said; beyond, the odds are flat."""
LEAST_ODDS = 0.005
"""A final that is less likely to be out is not named."""
OTHER_SEASON = 0.5
"""How much a cycle that held Christmas counts where the one ahead does not, or the other way about."""
RECENT, TURNS = 10, 3
"""So many last finals tell how the last number is counted, so many turns of it where it ends."""
NEGLIGIBLE, FOLLOWED = 1e-4, 0.999
"""Odds of a day below this are not followed into the next cycle, nor cycles that are longer than nearly all."""


@dataclass(frozen=True, slots=True)
class Final:
    """A feature final that is still to come."""

    ahead: int
    """1 for the next one."""
    numbers: tuple[int, ...]
    """Its version if numbering goes on as it did, without trailing zeros."""
    text: str
    """The same as people write it: "7.4", "2.56.0"."""
    days: DayOdds
    """The odds of the day on which it comes."""
    cases: int
    """On how many past cycles they rest."""

    def odds_by(self, day: date) -> float:
        """Returns the odds that it is out when this day is over."""
        return self.days.by(day)


def next_final(past: Iterable[Past], feature_parts: FeatureParts, *, asked_on: date | None = None) -> Final | None:
    """Returns the next feature final; None where the past is too short to tell."""
    return next(_finals(past, feature_parts, asked_on), None)


def finals_by(
    past: Iterable[Past], feature_parts: FeatureParts, by: date, *, asked_on: date | None = None
) -> tuple[Final, ...]:
    """Returns the finals that may be out when the day `by` is over, the next one first.

    Empty where the past is too short to tell. `odds_by(by)` of each are its odds; they fall from one to the next.
    """
    likely: list[Final] = []
    for final in _finals(past, feature_parts, asked_on):
        if final.odds_by(by) < LEAST_ODDS:
            break
        likely.append(final)
    return tuple(likely)


def final_of(
    past: Iterable[Past], feature_parts: FeatureParts, wanted: Version, *, asked_on: date | None = None
) -> Final | None:
    """Returns when the final of this version is out, as odds.

    None where that cannot be told: it is out, it is not among the next dozen by the way in which the project numbers
    its finals, it is a candidate, or the past is too short.
    """
    coming = _finals(past, feature_parts, asked_on) if wanted.is_final else iter(())
    return next((final for final in coming if final.numbers == wanted.numbers), None)


def _finals(past: Iterable[Past], feature_parts: FeatureParts, asked_on: date | None) -> Iterator[Final]:
    """Yields the next dozen finals; none where the past is too short."""
    records = records_of(past, feature_parts)
    whole = lengths(records.cycles) if records else []
    if records is None or len(whole) < LEAST_WAITS:
        return
    calendar = _Calendar(records, whole)
    days = calendar.first_final().from_day(asked_on or records.after.day)
    if days is None:
        return
    for ahead, (numbers, text) in enumerate(islice(_numbered(records), MOST), start=1):
        yield Final(ahead, numbers, text, days, len(whole))
        days = calendar.one_more(days)


# --- When ------------------------------------------------------------------------------------------

_Lengths = Sequence[tuple[int, date]]
"""Days until a final, with the day on which its cycle began, youngest first."""


class _Calendar:
    """The days of the finals to come, cycle after cycle."""

    def __init__(self, records: Records, whole: _Lengths) -> None:
        """`whole` are the lengths of past cycles."""
        self._records = records
        self._whole = whole
        self._usual = timedelta(median_low([days for days, _ in whole]))
        self._shapes: dict[tuple[int, bool], tuple[float, ...]] = {}

    def first_final(self) -> DayOdds:
        """Returns the odds of the next final's day, as they stood when the newest release came."""
        newest, after = self._records.cycles[-1], self._records.after
        if newest.final is not None:
            return self._odds([(self._whole, 1.0)], after.day, after.day)
        kinds: list[tuple[_Lengths, float]] = [(_until_final(self._records.cycles, after.version), 1.0)]
        if len(kinds[0][0]) < LEAST_WAITS:
            kinds.append((remaining(self._records) or self._whole, LIKENESS))
        return self._odds(kinds, after.day, newest.start or after.day)

    def one_more(self, days: DayOdds) -> DayOdds:
        """Returns the odds of the day of the final after one that comes on these days."""
        odds: list[float] = []
        for passed, chance in enumerate(days.odds):
            if chance < NEGLIGIBLE:
                continue
            shape = self._shape(days.first + timedelta(passed))
            odds += [0.0] * (passed + len(shape) - len(odds))
            for ahead, share in enumerate(shape, start=passed):
                odds[ahead] += chance * share
        total = sum(odds)
        return DayOdds(days.first, tuple(chance / total for chance in odds))

    def _shape(self, start: date) -> tuple[float, ...]:
        """Returns the odds of a whole cycle's length in days; they depend on its first weekday and on Christmas."""
        key = (start.weekday(), _holds_christmas(start, self._usual))
        if key not in self._shapes:
            days = self._odds([(self._whole, 1.0)], start, start)
            self._shapes[key] = days.odds[: (days.day_of(FOLLOWED) - start).days + 1]
        return self._shapes[key]

    def _odds(self, kinds: Iterable[tuple[_Lengths, float]], since: date, begun: date) -> DayOdds:
        """Returns the odds of a final after `since` in a cycle that began on `begun`, by lengths and their likeness."""
        christmas = _holds_christmas(begun, self._usual)
        seasons = {christmas: 1.0, not christmas: OTHER_SEASON}
        waits = [
            replace(wait, weight=wait.weight * seasons[_holds_christmas(start, self._usual)])
            for spans, likeness in kinds
            for wait, (_, start) in zip(aged((days for days, _ in spans), likeness), spans, strict=True)
        ]
        return day_odds(waits, since, self._records.weekdays)


def _until_final(cycles: Sequence[Cycle], after: Version) -> list[tuple[int, date]]:
    """Returns the days from the same candidate to the final of the last cycles."""
    return [
        ((cycle.final.day - step.day).days, cycle.start or step.day)
        for cycle in reversed(cycles)
        if cycle.final is not None
        for step in cycle.candidates
        if (step.version.stage, step.version.candidate) == (after.stage, after.candidate)
    ][:CYCLES]


def _holds_christmas(start: date, usual: timedelta) -> bool:
    """Returns whether 25 December falls within the usual length of a cycle that starts then."""
    return any(start < date(year, 12, 25) <= start + usual for year in (start.year, start.year + 1))


# --- What it is called -----------------------------------------------------------------------------


def _numbered(records: Records) -> Iterator[tuple[tuple[int, ...], str]]:
    """Yields the numbers of the finals to come, and how they are written, as the last finals were counted.

    The last number goes up by the usual step; where it always ended at the same number (7.19, then 8.0; 2026.10, then
    2027.01) it begins anew. Both are empty where a version is a day.
    """
    newest = records.after.version
    finals = [cycle.final.version for cycle in records.cycles if cycle.final is not None]
    if newest.dated:
        yield from repeat(((), ""))
    parts = max(len(version.numbers) for version in (*finals[-RECENT:], newest))
    counted = [_padded(version.numbers, parts) for version in finals if len(version.numbers) <= parts]
    step, first, last = _counting(counted)
    numbers = _padded(newest.numbers, parts)
    if not newest.is_final:
        yield newest.numbers, newest.base
    while True:
        ends = parts > 1 and last is not None and numbers[-1] <= last < numbers[-1] + step
        numbers = (*numbers[:-2], numbers[-2] + 1, first) if ends else (*numbers[:-1], numbers[-1] + step)
        yield _trimmed(numbers), _spelled(numbers, finals[-RECENT:])


def _counting(counted: Sequence[tuple[int, ...]]) -> tuple[int, int, int | None]:
    """Returns the usual step of the last number, with which number it begins, and with which it ends, if with any."""
    pairs = list(pairwise(counted))
    steps = [after[-1] - before[-1] for before, after in pairs[-RECENT:] if before[:-1] == after[:-1]]
    turns = [(before[-1], after[-1]) for before, after in pairs if before[:-1] != after[:-1]][-TURNS:]
    step = max(1, Counter(steps).most_common(1)[0][0]) if steps else 1
    (last, times), *_ = Counter(before for before, _ in turns).most_common() or [(0, 0)]
    (first, _), *_ = Counter(after for _, after in turns).most_common() or [(0, 0)]
    return step, first, last if times > 1 else None


def _padded(numbers: tuple[int, ...], parts: int) -> tuple[int, ...]:
    return numbers + (0,) * (parts - len(numbers))


def _trimmed(numbers: tuple[int, ...]) -> tuple[int, ...]:
    while numbers and numbers[-1] == 0:
        numbers = numbers[:-1]
    return numbers


def _spelled(numbers: tuple[int, ...], recent: Sequence[Version]) -> str:
    """Returns the numbers as these versions are written: with as many parts (2.56.0) and digits (2027.01)."""
    written = [version.base.split(".") for version in recent]
    parts = _padded(numbers, len(written[-1]))
    digits = [max(_digits(base, place) for base in written) for place in range(len(parts))]
    return ".".join(f"{number:0{width}}" for number, width in zip(parts, digits, strict=True))


def _digits(base: Sequence[str], place: int) -> int:
    """Returns how many digits are written there at least: 2 of "01", 1 of "1" and of "10"."""
    part = base[place] if place < len(base) else ""
    return len(part) if part.startswith("0") and len(part) > 1 else 1

"""When the next release of a cycle is due, as odds over days, from the project's own past and nothing later.

Two simple rules. A project that keeps to one weekday is counted in weeks from that weekday, so that a candidate that
came on Saturday does not drag the next one along. Any other project repeats the gaps of its last cycles, blurred
(the fewer there are, the wider), on the weekdays that it likes. Both know the cycle that holds Christmas.
"""

import math
import operator
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from itertools import accumulate
from statistics import median_low

from rctrack.core.forecast.cycles import CYCLES, Cycle, Past, cycles_of
from rctrack.core.version import FeatureParts, Stage, Version

# How these were chosen: what concerns weeks on the Linux cycles with an even number, what concerns days on git and
# util-linux before July 2018; tests/backtest.py shows how they do on the rest. They lie on a plateau: the next value
# tried on either side errs at most 6 % more in any row of either part, unless its line says otherwise.
LEAST_GAPS = 3
"""With fewer gaps of the project's own nothing is said."""
HALF_LIFE = 10.0
"""A wait counts half of one that is so many cycles younger, where it is counted in weeks."""
MEMORY = 4.0
"""The same for waits counted in days, by how many waits are younger. Of 2, 4, 8 and 12 it errs least before July 2018;
since then 2 errs a fifth less on the finals of util-linux, whose cycles have doubled, and more on the rest."""
CHRISTMAS = (2.0, 1.0)
"""How many cycles with Christmas in them are taken as seen, before any was: a week longer, and not."""
INERTIA = 1.5
"""A later week is bet on only if it is so many times likelier: a run of long cycles has ended soon, so far. With 1 or 2
it errs up to 14 % more; 1.25 is as good."""
RHYTHM = 0.7
"""A project keeps to a weekday if so many of its last releases came on it."""
RHYTHM_OF = 10
"""How many releases those are."""
SLIPS = 40
"""How many releases back tell how far off their weekday releases come."""
OWN_WEEKDAYS = 6.0
"""After so many of one step its own weekdays count as much as those of all releases."""
BLUR = 1.1
"""How wide a gap of the past is smeared, in spreads."""
SMALL = 2.0
"""How much wider so that a handful of gaps does not look like certainty."""
HORIZON = 600
"""Days ahead beyond which no odds are given."""
LATE_MASS = 0.98
"""A release is overdue when so much of its odds is spent."""
MARGIN = timedelta(hours=12)
"""Into the day after: releases are made in any zone that their maker travels through."""
TAIL = 0.01
"""What is held back for a wait that the past has not seen."""


class Target(StrEnum):
    """What is being waited for."""

    NEXT = "next"
    FINAL = "final"


class Said(StrEnum):
    """What the newest announcement promised about its successor."""

    LAST_CANDIDATE = "last candidate"
    ONE_MORE = "one more candidate"


@dataclass(frozen=True, slots=True)
class Forecast:
    """The odds of what comes next, as they stood when `since` came or, later, on `asked_on`."""

    after: Version
    """The newest release, from which the days are counted."""
    since: date
    target: Target
    expected: str
    """The likeliest successor in words: "rc5", "final"."""
    expected_odds: float
    """How sure that is, between 0 and 1; 1 where the target is the final."""
    days: tuple[tuple[date, float], ...]
    """Ascending; the odds add up to 1."""
    point: date
    """The day on which we would bet."""
    is_past: bool = False
    """Whether no day that had odds is left at the time of asking: then these are the odds from `since` on."""

    def odds(self, day: date) -> float:
        """The probability of exactly this day, between 0 and 1."""
        return dict(self.days).get(day, 0.0)

    def interval(self, mass: float) -> tuple[date, date]:
        """The shortest run of days that holds at least this mass (0 to 1), and the earliest of those."""
        return _shortest(self.days, mass)

    def by(self, mass: float) -> date:
        """The first day by which at least this mass (0 to 1) has come."""
        reached = 0.0
        for day, odds in self.days:
            reached += odds
            if reached >= mass - 1e-9:
                return day
        return self.days[-1][0]


@dataclass(frozen=True, slots=True)
class _Gap:
    """One past wait of the kind that is asked about."""

    origin: date
    end: date
    age: int
    """How many cycles ago."""
    christmas: bool
    """Whether its cycle was expected to hold Christmas, where the final was waited for."""


def forecast(
    past: Sequence[Past],
    feature_parts: FeatureParts,
    target: Target,
    *,
    asked_on: date | None = None,
    said: Said | None = None,
) -> Forecast | None:
    """When what follows the newest release of `past` comes; None where the project's past is too short to say.

    `past` holds only what was known at the moment that is asked about. `asked_on` rules out the days before it.
    """
    cycles = cycles_of(past, feature_parts)
    if not cycles:
        return None
    newest = cycles[-1]
    after = newest.steps[-1]
    earlier = cycles if newest.final else cycles[:-1]
    gaps = _gaps(earlier, None if newest.final else after.version, target)
    if len(gaps) < LEAST_GAPS:
        return None
    weekday = rhythm([step.day for cycle in cycles for step in cycle.steps])
    expected, sure = ("final", 1.0) if target is Target.FINAL else _successor(earlier, after, newest, said)
    if weekday is None:
        odds = _blurred(gaps, after.day, _weekday_weights(cycles, gaps))
    else:
        start = after.day if newest.final else newest.start
        christmas = target is Target.FINAL and _holds_christmas(start, _usual_length(earlier))
        odds = _weekly(gaps, after.day, christmas, weekday, _slips(cycles, weekday))
        if said is not None and target is Target.FINAL and not newest.final:
            odds = _promised(odds, _snap(after.day, weekday), said)
    left = _from_day(odds, max(after.day, asked_on or after.day))
    days = left or _from_day(odds, after.day)
    return Forecast(after.version, after.day, target, expected, sure, days, _point(days, weekday), is_past=not left)


def overdue_at(made: Forecast, zone: tzinfo) -> datetime:
    """From when on the next release is overdue: its last likely day in `zone` is over, and a margin beside."""
    last = max(made.by(LATE_MASS), made.point)
    return (datetime.combine(last + timedelta(1), time(0), zone) + MARGIN).astimezone(UTC)


def words(made: Forecast) -> str:
    """The forecast as people read it: "rc5 due Sun 22 Nov (97 %)"."""
    if made.is_past:
        return f"{made.expected} was due {made.point:%a %-d %b %Y}"
    first, last = made.interval(0.8)
    if made.odds(made.point) >= 0.5 or first == last:
        return f"{made.expected} due {made.point:%a %-d %b} ({made.odds(made.point):.0%})".replace("%)", " %)")
    mass = sum(odds for day, odds in made.days if first <= day <= last)
    return f"{made.expected} due about {made.point:%-d %b} ({first:%-d %b} to {last:%-d %b}, {mass * 100:.0f} %)"


def rhythm(days: Sequence[date]) -> int | None:
    """The weekday that a project keeps to (Monday is 0), None where it keeps to none."""
    recent = sorted(days)[-RHYTHM_OF:]
    if len(recent) < 2 * LEAST_GAPS:
        return None
    weekday, times = Counter(day.weekday() for day in recent).most_common(1)[0]
    return weekday if times >= RHYTHM * len(recent) else None


# --- The waits of the past -------------------------------------------------------------------------


def _gaps(cycles: Sequence[Cycle], after: Version | None, target: Target) -> list[_Gap]:
    """The last such waits, youngest first; where there were too few, waits from any later, then from any candidate."""
    usual = _usual_length(cycles)
    found: list[_Gap] = []
    for wanted in _alike(after):
        waits = [
            _Gap(origin, end, age, target is Target.FINAL and _holds_christmas(cycle.start, usual))
            for age, cycle in enumerate(reversed(cycles))
            for origin, end in reversed(_waits(cycle, wanted, target))
        ]
        found = waits[:CYCLES]
        if len(found) >= LEAST_GAPS:
            break
    return found


def _alike(after: Version | None) -> list[tuple[Stage, int, int] | None]:
    """From which steps a wait is like the one after this version: (stage, least, most candidate), None: the final."""
    if after is None:
        return [None]
    number, stage = after.candidate, after.stage
    return [(stage, number, number), (stage, number, 9999), (stage, 0, 9999)]


def _waits(cycle: Cycle, wanted: tuple[Stage, int, int] | None, target: Target) -> list[tuple[date, date]]:
    if wanted is None:
        end = cycle.final if target is Target.FINAL else _first(cycle)
        return [(cycle.start, end.day)] if cycle.start and end else []
    stage, least, most = wanted
    waits = []
    for step, following in zip(cycle.steps, cycle.steps[1:], strict=False):
        if step.version.stage is stage and least <= step.version.candidate <= most:
            end = cycle.final if target is Target.FINAL else following if _adjacent(cycle, step, following) else None
            if end is not None:
                waits.append((step.day, end.day))
    return waits


def _first(cycle: Cycle) -> Past | None:
    """The first candidate, unless it is a later one's number: then the first is not known."""
    first = next(iter(cycle.candidates), None)
    return first if first and (first.version.candidate <= 1 or first.version.stage is not Stage.RC) else None


def _adjacent(cycle: Cycle, step: Past, following: Past) -> bool:
    """Whether nothing was released between the two, as far as numbers can tell: history has holes."""
    if following.version.is_final:
        return cycle.is_whole
    return following.version.candidate == step.version.candidate + 1


def _successor(cycles: Sequence[Cycle], after: Past, newest: Cycle, said: Said | None) -> tuple[str, float]:
    """What follows the newest release most often, and how often."""
    if newest.final:
        first = Counter(str(cycle.steps[0].version.rc) for cycle in cycles[-CYCLES:] if cycle.candidates)
        number, times = first.most_common(1)[0] if first else ("1", 1)
        return f"rc{number}", times / max(1, first.total())
    more = f"rc{after.version.candidate + 1}"
    if said is not None:
        return (more, 0.95) if said is Said.ONE_MORE else ("final", 0.95)
    final = total = 0.5
    total += 0.5
    for age, cycle in enumerate(reversed(cycles)):
        weight = 0.5 ** (age / HALF_LIFE)
        for step, following in zip(cycle.steps, cycle.steps[1:], strict=False):
            if step.version.candidate == after.version.candidate and _adjacent(cycle, step, following):
                total += weight
                final += weight * following.version.is_final
    return ("final", final / total) if final * 2 > total else (more, 1 - final / total)


# --- Counting in weeks -----------------------------------------------------------------------------


def _snap(day: date, weekday: int) -> date:
    """The nearest such weekday."""
    return day + timedelta((weekday - day.weekday() + 3) % 7 - 3)


def _slips(cycles: Sequence[Cycle], weekday: int) -> dict[int, float]:
    """How far off the weekday releases come, in days, as odds."""
    days = [step.day for cycle in cycles for step in cycle.steps][-SLIPS:]
    counted = Counter((day - _snap(day, weekday)).days for day in days)
    return {slip: (counted[slip] + 0.1) / (len(days) + 0.7) for slip in range(-3, 4)}


def _weekly(
    gaps: Sequence[_Gap], since: date, christmas: bool, weekday: int, slips: Mapping[int, float]
) -> dict[date, float]:
    anchor = _snap(since, weekday)
    counted = _counted(gaps, weekday, christmas)
    total, last = sum(counted.values()), max(counted)
    chances = [(number, weight / total * (1 - TAIL)) for number, weight in counted.items()]
    chances += [(last + extra, TAIL * 0.5**extra) for extra in range(1, 9)]
    odds: dict[date, float] = {}
    for number, weight in chances:
        for slip, chance in slips.items():
            day = anchor + timedelta(days=7 * number + slip)
            odds[day] = odds.get(day, 0.0) + weight * chance
    return odds


def _counted(gaps: Sequence[_Gap], weekday: int, christmas: bool) -> dict[int, float]:
    """How much each number of weeks counts. A past wait with Christmas where ours has none, or the other way about,
    counts as a week shorter or longer, as far as Christmas costs a week."""
    weeks = [round((_snap(gap.end, weekday) - _snap(gap.origin, weekday)).days / 7) for gap in gaps]
    ages = [0.5 ** (gap.age / HALF_LIFE) for gap in gaps]
    usual = median_low([number for gap, number in zip(gaps, weeks, strict=True) if not gap.christmas] or weeks)
    longer, held = CHRISTMAS[0], sum(CHRISTMAS)
    for gap, number, weight in zip(gaps, weeks, ages, strict=True):
        longer += weight * (gap.christmas and number > usual)
        held += weight * gap.christmas
    counted: dict[int, float] = {}
    for gap, number, weight in zip(gaps, weeks, ages, strict=True):
        moved = christmas - gap.christmas
        share = longer / held if moved else 0.0
        counted[number] = counted.get(number, 0.0) + weight * (1 - share)
        counted[max(0, number + moved)] = counted.get(max(0, number + moved), 0.0) + weight * share
    return counted


def _promised(odds: Mapping[date, float], anchor: date, said: Said) -> dict[date, float]:
    """The odds where the announcement told which week it will be; people keep such words nineteen times in twenty."""
    weeks = 1 if said is Said.LAST_CANDIDATE else 2
    middle = anchor + timedelta(weeks=weeks)
    inside = {day: chance for day, chance in odds.items() if abs((day - middle).days) <= 3}
    total, rest = sum(inside.values()), sum(odds.values()) - sum(inside.values())
    if total <= 0 or rest <= 0:
        return dict(odds)
    return {day: chance * (0.95 / total if day in inside else 0.05 / rest) for day, chance in odds.items()}


def _usual_length(cycles: Sequence[Cycle]) -> timedelta:
    """From final to final in the last cycles; nothing where that is not known."""
    lengths = [cycle.final.day - cycle.start for cycle in cycles[-CYCLES:] if cycle.start and cycle.final]
    return median_low(lengths) if lengths else timedelta(0)


def _holds_christmas(start: date | None, usual: timedelta) -> bool:
    """Whether 25 December falls within the usual length of a cycle that starts then."""
    if start is None:
        return False
    return any(start < date(year, 12, 25) <= start + usual for year in (start.year, start.year + 1))


# --- Counting in days ------------------------------------------------------------------------------


def _weekday_weights(cycles: Sequence[Cycle], gaps: Sequence[_Gap]) -> list[float]:
    """How much likelier than a seventh each weekday is, Monday first: for any release, but rather for this step."""
    days = [step.day for cycle in cycles for step in cycle.steps][-3 * CYCLES :]
    counted = Counter(day.weekday() for day in days)
    shares = [(counted[weekday] + 1.0) / (len(days) + 7.0) for weekday in range(7)]
    for age, gap in enumerate(gaps):
        shares[gap.end.weekday()] += 0.5 ** (age / HALF_LIFE) / OWN_WEEKDAYS
    return [share * 7 / sum(shares) for share in shares]


def _blurred(gaps: Sequence[_Gap], since: date, weekdays: Sequence[float]) -> dict[date, float]:
    """Each gap of the past is smeared as exp(-|log ahead - log gap| / width): a power below and one above the gap."""
    lengths = [max(1, (gap.end - gap.origin).days) for gap in gaps]
    weights = [0.5 ** (age / MEMORY) for age in range(len(gaps))]
    power = 1 / _width(lengths, weights)
    # Running sums instead of a sum over all gaps for each day: `status` asks at every start.
    by_length = sorted(zip(lengths, weights, strict=True), reverse=True)
    longer = [0.0, *accumulate(weight * (length + 0.5) ** -power for length, weight in by_length)]
    shorter = 0.0
    odds: dict[date, float] = {}
    for ahead in range(min(HORIZON, 3 * max(lengths) + 7) + 1):
        while by_length and by_length[-1][0] <= ahead:
            length, weight = by_length.pop()
            shorter += weight * (length + 0.5) ** power
        near = (ahead + 0.5) ** power
        day = since + timedelta(ahead)
        odds[day] = (shorter / near + longer[len(by_length)] * near) / (ahead + 0.5) * weekdays[day.weekday()]
    return odds


def _width(lengths: Sequence[int], weights: Sequence[float]) -> float:
    """How far to blur, in logs of days: the spread of the gaps, less the more there are (Silverman's rule)."""
    logs = [math.log(length + 0.5) for length in lengths]
    total = sum(weights)
    middle = sum(map(operator.mul, weights, logs)) / total
    spread = math.sqrt(sum(weight * (each - middle) ** 2 for weight, each in zip(weights, logs, strict=True)) / total)
    effective = total**2 / sum(weight**2 for weight in weights)
    return BLUR * max(spread, 0.1) * (1 + SMALL / effective) * math.pow(effective, -0.2)


# --- From odds to a forecast -----------------------------------------------------------------------


def _from_day(odds: Mapping[date, float], first: date) -> tuple[tuple[date, float], ...]:
    """The odds that are left on that day, adding up to 1; empty where none are."""
    left = {day: chance for day, chance in sorted(odds.items()) if day >= first and chance > 1e-6}
    total = sum(left.values())
    return tuple((day, chance / total) for day, chance in left.items())


def _point(days: Sequence[tuple[date, float]], weekday: int | None) -> date:
    """The likeliest day of a weekly project, the middle day of another."""
    if weekday is not None:
        bet = days[0]
        for each in days:
            if each[1] > bet[1] * INERTIA:
                bet = each
        return bet[0]
    reached = 0.0
    for day, chance in days:
        reached += chance
        if reached >= 0.5:
            return day
    return days[-1][0]


def _shortest(days: Sequence[tuple[date, float]], mass: float) -> tuple[date, date]:
    best: tuple[int, date, date] | None = None
    start, held = 0, 0.0
    for day, chance in days:
        held += chance
        while held - days[start][1] >= mass - 1e-9:
            held -= days[start][1]
            start += 1
        if held >= mass - 1e-9:
            length = (day - days[start][0]).days
            if best is None or length < best[0]:
                best = (length, days[start][0], day)
    return (best[1], best[2]) if best else (days[0][0], days[-1][0])

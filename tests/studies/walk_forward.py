"""Walking forward over shipped history: what core/forecast and simple rules would have said at each past release.

Each sees what was known then and nothing later. Each rule has the odds that its own earlier errors give it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, timedelta
from enum import StrEnum
from statistics import mean

from rctrack.config import load_project, shipped
from rctrack.config.history import load_history
from rctrack.core.forecast import Cycle, DayOdds, Past, cycles_of, next_final, next_step, past_of
from rctrack.core.version import FeatureParts

WARM_UP = 5
"""A case counts once each rule has so many errors of its own behind it."""
RECENT = 20
"""How many of its own errors a rule is judged by: old habits would only blur it."""
LAST_WAIT = timedelta(21)
"""A final of Linux that came later after a candidate had others between that the tables do not have: six cases."""
MASS = 0.8
OURS = "rctrack"

Odds = Mapping[date, float]


class Target(StrEnum):
    """What is being waited for."""

    NEXT = "next"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class Case:
    """One moment at which one thing was waited for, and the day on which it came."""

    project: str
    kind: str
    """From which step: "last final", "rc1"; errors are kept apart by it."""
    target: Target
    known: tuple[Past, ...]
    cycles: tuple[Cycle, ...]
    outcome: date


@dataclass(frozen=True, slots=True)
class Score:
    """How one prediction did."""

    case: Case
    point: date
    brier: float
    bet: float = 0.0
    """The odds of `point`."""
    stated: float = 0.0
    """The odds of the interval, which is at least four fifths and as narrow as can be."""
    covered: bool = False
    width: int = 0

    @property
    def off(self) -> int:
        """In days; positive where it came later than predicted."""
        return (self.case.outcome - self.point).days


@dataclass(slots=True)
class Walk:
    """The scores of every rule and ours, case by case in the order of time."""

    scores: dict[str, list[Score]] = field(default_factory=dict)
    errors: dict[tuple[str, str, Target], list[int]] = field(default_factory=dict)

    def take(self, case: Case, ours: DayOdds | None) -> None:
        """One case: everybody predicts, then everybody learns."""
        points = {name: rule(case) for name, rule in RULES.items()}
        odds = {}
        for name, point in points.items():
            behind = self.errors.setdefault((name, case.kind, case.target), [])
            if point is not None and len(behind) >= WARM_UP:
                odds[name] = _spread(point, behind[-RECENT:])
            if point is not None:
                behind.append((case.outcome - point).days)
        frequencies = _frequencies(case)
        if ours is None or len(frequencies) == 0 or not odds:
            return
        for name, spread in odds.items():
            self.scores.setdefault(name, []).append(Score(case, _needed(points[name]), brier_of(spread, case.outcome)))
        self.scores.setdefault("last 20", []).append(
            Score(
                case,
                max(frequencies, key=lambda day: (frequencies[day], -day.toordinal())),
                brier_of(frequencies, case.outcome),
            )
        )
        first, last = ours.interval(MASS)
        stated = ours.between(first, last)
        brier = sum(chance**2 for chance in ours.odds) - 2 * ours.on(case.outcome) + 1
        self.scores.setdefault(OURS, []).append(
            Score(
                case,
                ours.point,
                brier,
                ours.on(ours.point),
                stated,
                first <= case.outcome <= last,
                (last - first).days + 1,
            )
        )


# --- The simple rules ------------------------------------------------------------------------------


def start_of(case: Case) -> date | None:
    newest = case.cycles[-1]
    return newest.final.day if newest.final else newest.start


def _plus_63(case: Case) -> date | None:
    start = start_of(case)
    return start + timedelta(63) if start and case.target is Target.FINAL else None


def _plus_63_or_70(case: Case) -> date | None:
    start = start_of(case)
    if start is None or case.target is not Target.FINAL:
        return None
    christmas = any(start < date(year, 12, 25) <= start + timedelta(63) for year in (start.year, start.year + 1))
    return start + timedelta(70 if christmas else 63)


def _waits(case: Case) -> list[int]:
    """The days of the same wait in each earlier cycle, oldest first."""
    origin = case.cycles[-1]
    step = None if origin.final else origin.steps[-1].version
    waits = []
    for cycle in case.cycles if origin.final else case.cycles[:-1]:
        steps = cycle.steps
        if step is None:
            begun = cycle.start
            following = next((each for each in cycle.candidates[:1] if each.version.candidate <= 1), None)
        else:
            found = [
                i
                for i, each in enumerate(steps)
                if (each.version.stage, each.version.candidate) == (step.stage, step.candidate)
            ]
            begun = steps[found[0]].day if found else None
            following = steps[found[0] + 1] if found and found[0] + 1 < len(steps) else None
        end = cycle.final if case.target is Target.FINAL else following
        if begun and end:
            waits.append((end.day - begun).days)
    return waits


def _mean_wait(case: Case) -> date | None:
    waits = _waits(case)
    return case.known[-1].day + timedelta(round(mean(waits))) if waits else None


def _frequencies(case: Case) -> dict[date, float]:
    waits = _waits(case)[-20:]
    return {case.known[-1].day + timedelta(wait): times / len(waits) for wait, times in Counter(waits).items()}


def _calendar(case: Case) -> date | None:
    """rc1 after 14 days, weekly, the final 7 days after rc7."""
    newest = case.known[-1]
    number = 0 if newest.version.is_final else newest.version.candidate
    if case.target is Target.NEXT:
        return newest.day + timedelta(14 if newest.version.is_final else 7)
    weeks = 9 if newest.version.is_final else max(1, 8 - number)
    return newest.day + timedelta(weeks=weeks)


def _plus_7(case: Case) -> date | None:
    return case.known[-1].day + timedelta(7) if case.target is Target.NEXT else None


RULES: dict[str, Callable[[Case], date | None]] = {
    "final + 63": _plus_63,
    "63, 70 at Christmas": _plus_63_or_70,
    "mean of transition": _mean_wait,
    "fixed calendar": _calendar,
    "+ 7 days": _plus_7,
}


# --- Walking forward -------------------------------------------------------------------------------


def cases_of(project: str, past: Sequence[Past], feature_parts: FeatureParts) -> Iterator[Case]:
    """Every wait of the past that has ended, in the order in which they began."""
    steps = [step for cycle in cycles_of(past, feature_parts) for step in cycle.steps]
    steps.sort(key=lambda step: (step.day, step.version))
    for index, origin in enumerate(steps[:-1]):
        known = tuple(steps[: index + 1])
        cycles = cycles_of(known, feature_parts)
        if cycles[-1].steps[-1] != origin or not (cycles[-1].final or cycles[-1].start):
            continue
        kind = "last final" if origin.version.is_final else f"rc{origin.version.candidate}"
        following = steps[index + 1]
        if _follows(project, origin, following):
            yield Case(project, kind, Target.NEXT, known, cycles, following.day)
        final = next((step for step in steps[index + 1 :] if step.version.is_final), None)
        if final:
            yield Case(project, kind, Target.FINAL, known, cycles, final.day)


def _follows(project: str, origin: Past, following: Past) -> bool:
    """Whether nothing can have come between the two: tables have holes."""
    if origin.version.is_final:
        return not following.version.is_final and following.version.candidate <= 1
    if following.version.is_final:
        adjacent = project != "linux" or following.day - origin.day <= LAST_WAIT
    else:
        adjacent = following.version.candidate == origin.version.candidate + 1
    return following.version.cycle_id == origin.version.cycle_id and adjacent


def walk(project: str) -> Walk:
    """The back-test of one project on its shipped history."""
    config = load_project(project, shipped() / "rctrack.toml")
    rules = config.rules
    history = load_history(shipped() / "history", project, rules.scheme)
    past = past_of(history, (), config.timezone)
    made = Walk()
    for case in cases_of(project, past, rules.feature_parts):
        made.take(case, our_days(case, rules.feature_parts))
    return made


def our_days(case: Case, feature_parts: FeatureParts) -> DayOdds | None:
    """Returns our odds of the day on which it comes; None where the past is too short."""
    if case.target is Target.NEXT:
        forecast = next_step(case.known, feature_parts, UTC)
        return forecast.days if forecast else None
    final = next_final(case.known, feature_parts)
    return final.days if final else None


def _spread(point: date, errors: Sequence[int]) -> dict[date, float]:
    return {point + timedelta(off): times / len(errors) for off, times in Counter(errors).items()}


def brier_of(odds: Odds, outcome: date) -> float:
    return sum(chance**2 for chance in odds.values()) - 2 * odds.get(outcome, 0.0) + 1


def _needed(point: date | None) -> date:
    assert point is not None
    return point

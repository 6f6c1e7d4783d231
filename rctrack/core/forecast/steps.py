"""What comes next: another candidate or the final, as odds, from what came after the same step before."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from rctrack.core.forecast.cycles import Cycle, Past
from rctrack.core.forecast.days import HALF_LIFE
from rctrack.core.version import Version

FINAL = "final"
LAST_OF = 3
"""What was not made in so many last cycles is not expected."""
GIVEN_UP = 0.3
"""How much of its weight it keeps among the alternatives."""
ALIKE = 0.5
"""How often both the final and one more candidate are taken to have come, beside what did."""
PROMISED = 0.95
"""People keep such words nineteen times in twenty."""


class Promise(StrEnum):
    """What the newest announcement promised about its successor."""

    FINAL = "final"
    CANDIDATE = "candidate"


@dataclass(frozen=True, slots=True)
class Follower:
    """What came after a step of the past, and after how many days."""

    step: str
    days: int | None
    """None where the day of the step before it is not known."""


@dataclass(frozen=True, slots=True)
class StepOdds:
    """What may come next, what is expected first and then by falling odds."""

    odds: tuple[tuple[str, float], ...]
    """Steps as people write them ("rc8", "final"); the odds add up to 1."""
    times: int
    """How many times the expected step came after the same step before."""
    cases: int
    """How many times anything did."""


def step_of(version: Version) -> str:
    """Returns a version's place in its cycle as people write it: "rc8", "beta1", "final"."""
    return FINAL if version.is_final else f"{version.stage.name.lower()}{version.candidate}"


def followers(cycles: Sequence[Cycle]) -> list[Follower]:
    """Returns what came after the same step as the newest one of these cycles, youngest first."""
    after = cycles[-1].steps[-1].version
    return first_steps(cycles) if after.is_final else _next_steps(cycles[:-1], after)


def step_odds(came: Sequence[Follower], after: Version, promise: Promise | None) -> StepOdds:
    """Returns the odds of what comes next, by what came after the same step before."""
    steps = [follower.step for follower in came]
    more = _one_more(after, steps)
    weights = {FINAL: ALIKE, more: ALIKE}
    for age, step in enumerate(steps):
        weights[step] = weights.get(step, 0.0) + 0.5 ** (age / HALF_LIFE)
    recent = made_lately(came) or {FINAL, more}
    weights = {step: weight * (1 if step in recent else GIVEN_UP) for step, weight in weights.items()}
    expected = max(recent, key=lambda step: (weights[step], step == FINAL, step))
    total = sum(weights.values())
    odds = {step: weight / total for step, weight in weights.items()}
    if promise is not None and not after.is_final:
        expected, other = (FINAL, more) if promise is Promise.FINAL else (more, FINAL)
        odds = {expected: PROMISED, other: 1 - PROMISED}
    ordered = sorted(odds.items(), key=lambda item: (item[0] != expected, -item[1], item[0]))
    return StepOdds(tuple(ordered), steps.count(expected), len(steps))


def made_lately(came: Sequence[Follower]) -> frozenset[str]:
    """Returns the steps of the last three times; empty where there was none."""
    return frozenset(follower.step for follower in came[:LAST_OF])


def is_next(cycle: Cycle, step: Past, following: Past) -> bool:
    """Returns whether nothing was released between the two, as far as numbers can tell: history has holes."""
    if following.version.is_final:
        return cycle.is_whole
    if following.version.stage is not step.version.stage:
        return True
    return following.version.candidate == step.version.candidate + 1


def first_steps(cycles: Sequence[Cycle]) -> list[Follower]:
    """Returns with what each cycle began, youngest first."""
    return [
        Follower(step_of(cycle.steps[0].version), (cycle.steps[0].day - cycle.start).days if cycle.start else None)
        for cycle in reversed(cycles)
        if cycle.is_begun
    ]


def _next_steps(cycles: Sequence[Cycle], after: Version) -> list[Follower]:
    """Returns what came after the same candidate of earlier cycles, youngest first."""
    return [
        Follower(step_of(following.version), (following.day - step.day).days)
        for cycle in reversed(cycles)
        for step, following in zip(cycle.steps, cycle.steps[1:], strict=False)
        if (step.version.stage, step.version.candidate) == (after.stage, after.candidate)
        and is_next(cycle, step, following)
    ]


def _one_more(after: Version, came: Sequence[str]) -> str:
    """Returns what would come next if it is not the final."""
    if not after.is_final:
        return f"{after.stage.name.lower()}{after.candidate + 1}"
    return next((step for step in came if step != FINAL), "rc1")

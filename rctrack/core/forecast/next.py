"""What comes next and when: the odds of the step and of the day, from the project's own past and nothing later."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise

from rctrack.core.forecast.cycles import CYCLES, Cycle, Past, cycles_of
from rctrack.core.forecast.days import DayOdds, Wait, Weekdays, aged, day_odds, weekdays_of
from rctrack.core.forecast.numbering import eras
from rctrack.core.forecast.steps import (
    FINAL,
    GIVEN_UP,
    Follower,
    Promise,
    first_steps,
    followers,
    is_next,
    made_lately,
    step_odds,
)
from rctrack.core.version import FeatureParts, Version, VersionId

LEAST_WAITS = 3
"""With fewer waits of the project's own nothing is forecast."""
BAND = 0.8
"""How much of the odds the interval holds at least."""
LATE_MASS = 0.98
"""A release is overdue when so much of its odds is spent."""
MARGIN = timedelta(hours=12)
"""Into the day after: releases are made in any zone that their maker travels through."""
LIKENESS = 0.5
"""How much a wait after another candidate, or of an older numbering, counts beside one after the same."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What follows the newest release, as it stood on `asked_on`."""

    after: Version
    """The newest release, from which the days are counted."""
    since: date
    """The day on which it came."""
    asked_on: date
    """The day of asking, in the project's own zone; days before it are out of the odds."""
    steps: tuple[tuple[str, float], ...]
    """What may come, as people write it ("rc8", "final"), with its odds: what is expected, then the alternatives."""
    step_times: int
    """How often the expected step came after the same step before."""
    step_cases: int
    """Of how many."""
    promise: Promise | None
    """What the newest announcement promised, where the odds of the steps rest on that instead."""
    days: DayOdds
    """The odds of the day on which it comes, whatever it is."""
    point: date
    """The day on which to bet."""
    first: date
    """The likely days, from this one on."""
    last: date
    mass: float
    """The odds of the likely days, between 0 and 1."""
    cases: int
    """On how many past waits the days rest."""
    came: int
    """How many of them were over by the last likely day."""
    overdue_at: datetime
    """From then on it is overdue, in UTC, by nothing but the odds as they stood when `after` came."""
    is_past: bool
    """Whether it is overdue on the day of asking: then the days are those that were likely."""

    @property
    def step(self) -> str:
        """What is expected: "rc8", "final"."""
        return self.steps[0][0]

    @property
    def odds(self) -> float:
        """The odds of the expected step, between 0 and 1."""
        return self.steps[0][1]

    @property
    def day_odds(self) -> float:
        """The odds of exactly the day on which to bet, between 0 and 1."""
        return self.days.on(self.point)

    @property
    def version(self) -> VersionId:
        """A key for what is expected: "6.18-rc5", "6.18", and "rc1 after 6.17" where its number is not known yet."""
        if self.after.is_final:
            return VersionId(f"{self.step} after {self.after.text}")
        return VersionId(self.after.base if self.step == FINAL else f"{self.after.base}-{self.step}")


@dataclass(frozen=True, slots=True)
class Records:
    """A project's past as forecasts need it."""

    cycles: tuple[Cycle, ...]
    """Those of the newest numbering, oldest first; there is at least one."""
    older: tuple[Cycle, ...]
    """Those of the numberings before it."""
    weekdays: Weekdays

    @property
    def after(self) -> Past:
        """The newest release."""
        return self.cycles[-1].steps[-1]


def records_of(past: Iterable[Past], feature_parts: FeatureParts, undated: Collection[Version] = ()) -> Records | None:
    """Returns the cycles and weekdays of this past; None where it holds no feature release."""
    by_era = [cycles for era in eras(past) if (cycles := cycles_of(era.releases, feature_parts, undated))]
    if not by_era:
        return None
    days = [step.day for cycles in by_era for cycle in cycles for step in cycle.steps]
    return Records(by_era[-1], tuple(cycle for cycles in by_era[:-1] for cycle in cycles), weekdays_of(days))


def next_step(
    past: Iterable[Past],
    feature_parts: FeatureParts,
    zone: tzinfo,
    *,
    asked_on: date | None = None,
    promise: Promise | None = None,
    undated: Collection[Version] = (),
) -> Forecast | None:
    """Returns what follows the newest feature release of `past`, and when; None where the past is too short to tell.

    `past` holds only what was known when it is asked; `asked_on` rules out the days before it. `undated` are past
    releases of which no day is known.
    """
    records = records_of(past, feature_parts, undated)
    came = followers(records.cycles) if records else []
    waits = _waits(records, came) if records else []
    if records is None or len(waits) < LEAST_WAITS:
        return None
    after = records.after
    when_it_came = day_odds(waits, after.day, records.weekdays)
    last_likely = max(when_it_came.day_of(LATE_MASS), when_it_came.point)
    asked = max(after.day, asked_on or after.day)
    left = when_it_came.from_day(asked) if asked <= last_likely else None
    days = left or when_it_came
    first, last = days.interval(BAND)
    steps = step_odds(came, after.version, promise)
    return Forecast(
        after=after.version,
        since=after.day,
        asked_on=asked,
        steps=steps.odds,
        step_times=steps.times,
        step_cases=steps.cases,
        promise=promise if not after.version.is_final else None,
        days=days,
        point=days.point,
        first=first,
        last=last,
        mass=days.between(first, last),
        cases=len(waits),
        came=sum(after.day + timedelta(wait.days) <= last for wait in waits),
        overdue_at=(datetime.combine(last_likely + timedelta(1), time(0), zone) + MARGIN).astimezone(UTC),
        is_past=left is None,
    )


def _waits(records: Records, came: Sequence[Follower]) -> list[Wait]:
    """Returns the past waits that are like the one after the newest release, likest first, then youngest first.

    Those that ended with a step that is not made any more count as little as it does.
    """
    lately = made_lately(came)
    alike = [(follower.days, follower.step in lately) for follower in came if follower.days is not None][:CYCLES]
    others = _other_waits(records, len(alike))
    waits = [
        replace(wait, weight=wait.weight * (1 if is_made else GIVEN_UP))
        for wait, (_, is_made) in zip(aged(days for days, _ in alike), alike, strict=True)
    ]
    return [*waits, *aged(others[: CYCLES - len(alike)], LIKENESS)]


def _other_waits(records: Records, alike: int) -> list[int]:
    """Returns waits that are less like it, youngest first: of an older numbering, or after other candidates."""
    after = records.after.version
    if after.is_final:
        return [follower.days for follower in first_steps(records.older) if follower.days is not None]
    others = [
        (following.day - step.day).days
        for cycle in reversed(records.cycles)
        for step, following in reversed(list(pairwise(cycle.steps)))
        if (step.version.stage, step.version.candidate) != (after.stage, after.candidate)
        and is_next(cycle, step, following)
    ]
    return others if alike + len(others) >= LEAST_WAITS else [*others, *(days for days, _ in remaining(records))]


def lengths(cycles: Sequence[Cycle]) -> list[tuple[int, date]]:
    """Returns the days from final to final, with the day on which each cycle began, youngest first."""
    return [
        ((cycle.final.day - cycle.start).days, cycle.start)
        for cycle in reversed(cycles)
        if cycle.start is not None and cycle.final is not None
    ][:CYCLES]


def remaining(records: Records) -> list[tuple[int, date]]:
    """Returns how many days were left of each past cycle after as many days as the newest one has behind it."""
    begun = records.cycles[-1].start
    passed = (records.after.day - begun).days if begun else 0
    return [(days - passed, start) for days, start in lengths(records.cycles) if days > passed and begun]

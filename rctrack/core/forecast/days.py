"""On which day something comes, as odds over days, from the waits that were like this one.

One rule: the past waits, the younger the heavier, spread a Student's t over the logarithm of the wait, the wider the
fewer they are; some of the odds go to repeating one of them nearly to the day; and each day counts as often as
releases came on its weekday. How the constants were chosen, and how they do on what was held back, is printed by
tests/studies/backtest.py.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

HALF_LIFE = 3.0
"""A wait counts half of one that is so many waits younger. Of 2, 3 and 5 it is the likeliest."""
SPREAD, SPREAD_COUNTS = 0.2, 0.5
"""A spread of a fifth, and how many waits it stands for, so that two equal waits do not look like certainty."""
UNLIKE_SPREAD = 0.4
"""How much further odds spread, in logs, that rest on less alike waits, as after a step that was hardly ever made;
not where a weekday is kept: there one week is like another."""
ROUNDING = 1 / 12
"""The variance of what counting in whole days leaves out, in square days: it matters for waits of a day or none."""
WIDER = 1.1
"""The past varied less than what comes will: without it too little falls into each band."""
REPEATS_AGAINST, REPEATS_AGAINST_STRICT = 12.0, 3.0
"""How many waits the t counts for against those that repeat; fewer where a project keeps to one weekday."""
NEAR, NEAR_SHARE = 0.25, 0.1
"""A wait is repeated to within so many days and so much of its length; to the day where a weekday is kept."""
NEAR_STRICT = 1.0
WEEKDAYS_OF = 40
"""So many of the last days with a release tell which weekdays a project likes."""
WEEKDAYS_ALIKE = 8.0
"""How many releases, spread over all weekdays, are taken to have been made beside them."""
RHYTHM = 0.7
"""A project keeps to a weekday if so many of the last days on which it released were such."""
RHYTHM_OF, RHYTHM_LEAST = 10, 6
"""How many days those are, and with how few nothing is a rhythm."""
CLEARLY, INERTIA = 0.25, 1.5
"""A day with such odds may be bet on; a later one only if it is so many times likelier."""
LONGEST = 3650
"""No odds are given for more days ahead than ten years."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A wait of the past, in days, and how much it counts."""

    days: int
    weight: float
    is_alike: bool = True
    """Whether it came after the same step, of the same numbering."""


@dataclass(frozen=True, slots=True)
class DayOdds:
    """The odds of each day from `first` on; they add up to 1."""

    first: date
    odds: tuple[float, ...]

    def on(self, day: date) -> float:
        """Returns the odds of exactly this day, between 0 and 1."""
        ahead = (day - self.first).days
        return self.odds[ahead] if 0 <= ahead < len(self.odds) else 0.0

    def by(self, day: date) -> float:
        """Returns the odds that it has come when this day is over."""
        return min(1.0, math.fsum(self.odds[: max(0, (day - self.first).days + 1)]))

    def day_of(self, mass: float) -> date:
        """Returns the first day by which at least this much of the odds (0 to 1) is spent."""
        spent = 0.0
        for ahead, odds in enumerate(self.odds):
            spent += odds
            if spent >= mass - 1e-9:
                return self.first + timedelta(ahead)
        return self.first + timedelta(len(self.odds) - 1)

    def interval(self, mass: float) -> tuple[date, date]:
        """Returns the days between which at least this much of the odds (0 to 1) lies, as much before as behind them.

        The shortest such run would hold less than it promises: it picks the days that chance made likely.
        """
        return self.day_of((1 - mass) / 2), self.day_of((1 + mass) / 2)

    def between(self, first: date, last: date) -> float:
        """Returns the odds that it comes on one of these days, both included."""
        return math.fsum(self.odds[max(0, (first - self.first).days) : max(0, (last - self.first).days + 1)])

    @property
    def point(self) -> date:
        """The day on which to bet: the first clearly likely one, else the likeliest within one of the middle."""
        highest = max(self.odds)
        if highest >= CLEARLY:
            return self.first + timedelta(
                next(ahead for ahead, odds in enumerate(self.odds) if odds * INERTIA >= highest)
            )
        middle = (self.day_of(0.5) - self.first).days
        near = range(max(0, middle - 1), min(len(self.odds), middle + 2))
        return self.first + timedelta(max(near, key=lambda ahead: (self.odds[ahead], -abs(ahead - middle), -ahead)))

    def from_day(self, day: date) -> "DayOdds | None":
        """Returns what is left of the odds on that day; None where nothing is."""
        passed = (day - self.first).days
        if passed <= 0:
            return self
        left = self.odds[passed:]
        total = math.fsum(left)
        return DayOdds(day, tuple(odds / total for odds in left)) if total > 1e-9 else None


@dataclass(frozen=True, slots=True)
class Weekdays:
    """How much likelier than a seventh each weekday is, Monday first, and the one that the project keeps to, if any."""

    shares: tuple[float, ...]
    kept: int | None

    def whole_weeks(self, days: int, since: date) -> int:
        """Returns this wait as whole weeks from the nearest weekday that is kept, in days from `since`.

        So a candidate that came on a Saturday does not drag the next one along.
        """
        if self.kept is None:
            return days
        away = (self.kept - since.weekday() + 3) % 7 - 3
        return max(0, 7 * round(days / 7) + away)


def rhythm(days: Iterable[date]) -> int | None:
    """Returns the weekday that a project keeps to (Monday is 0), None where it keeps to none."""
    recent = sorted(set(days))[-RHYTHM_OF:]
    if len(recent) < RHYTHM_LEAST:
        return None
    weekday, times = Counter(day.weekday() for day in recent).most_common(1)[0]
    return weekday if times >= RHYTHM * len(recent) else None


def weekdays_of(days: Iterable[date]) -> Weekdays:
    """Returns the weekdays on which releases were made, by the last of these days."""
    recent = sorted(set(days))[-WEEKDAYS_OF:]
    counted = Counter(day.weekday() for day in recent)
    total = len(recent) + WEEKDAYS_ALIKE
    shares = tuple((7 * counted[weekday] + WEEKDAYS_ALIKE) / total for weekday in range(7))
    return Weekdays(shares, rhythm(recent))


def aged(days: Iterable[int], likeness: float = 1.0) -> list[Wait]:
    """Returns these waits, youngest first, as they count by their age."""
    return [Wait(wait, likeness * 0.5 ** (place / HALF_LIFE), likeness == 1) for place, wait in enumerate(days)]


def day_odds(waits: Sequence[Wait], since: date, weekdays: Weekdays) -> DayOdds:
    """Returns the odds of the day on which a wait ends that begins on `since`; there is at least one past wait."""
    by_length: dict[int, float] = {}
    for wait in waits:
        days = min(LONGEST, weekdays.whole_weeks(wait.days, since))
        by_length[days] = by_length.get(days, 0.0) + wait.weight
    is_strict = weekdays.kept is not None
    against = REPEATS_AGAINST_STRICT if is_strict else REPEATS_AGAINST
    total = sum(wait.weight for wait in waits)
    effective = total**2 / sum(wait.weight**2 for wait in waits)
    unlike = 0.0 if is_strict else sum(wait.weight for wait in waits if not wait.is_alike) / total
    longest = min(LONGEST, round((2 + 12 / effective) * max(by_length)) + 30)
    odds = [against * chance for chance in _spread(by_length, effective, unlike, longest)]
    for days, weight in by_length.items():
        _repeat(odds, days, weight, NEAR_STRICT if is_strict else NEAR + NEAR_SHARE * days)
    first = since.weekday()
    odds = [chance * weekdays.shares[(first + ahead) % 7] for ahead, chance in enumerate(odds)]
    sure = math.fsum(odds)
    return DayOdds(since, tuple(chance / sure for chance in odds))


def _spread(by_length: Mapping[int, float], effective: float, unlike: float, longest: int) -> list[float]:
    """Returns a Student's t over the logarithm of the wait, day by day; it adds up to 1.

    `effective` is how many equal waits they count for, `unlike` the share of those that are less like it.
    """
    logs = [(math.log(days + 0.5), weight) for days, weight in by_length.items()]
    total = sum(weight for _, weight in logs)
    middle = sum(log * weight for log, weight in logs) / total
    squares = sum(weight * (log - middle) ** 2 for log, weight in logs) + SPREAD_COUNTS * SPREAD**2
    squares += sum(weight * ROUNDING / (days + 0.5) ** 2 for days, weight in by_length.items())
    variance = squares / (total + SPREAD_COUNTS) + UNLIKE_SPREAD**2 * unlike
    scale = variance * (1 + 1 / effective) * WIDER**2 * effective
    power = -(effective + 1) / 2
    odds = [
        (1 + (math.log(ahead + 0.5) - middle) ** 2 / scale) ** power / (ahead + 0.5) for ahead in range(longest + 1)
    ]
    sure = math.fsum(odds)
    return [chance / sure for chance in odds]


def _repeat(odds: list[float], days: int, weight: float, near: float) -> None:
    """Adds `weight` to the odds around a wait of so many days: most to it, and falling evenly on both sides."""
    fall = math.exp(-1 / near)
    highest = weight * (1 - fall) / (1 + fall - fall ** (days + 1))
    odds[days] += highest
    share = highest
    for away in range(1, int(6 * near) + 3):
        share *= fall
        if days >= away:
            odds[days - away] += share
        if days + away < len(odds):
            odds[days + away] += share

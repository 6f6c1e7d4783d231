"""Linux finals one and two cycles ahead, walking forward, beside three simple rules: `make accuracy` prints them.

At each of the last forty finals the next one and the one after it are forecast with what was known then. The score is
the mean logarithm of the odds of the day that came: nearer to 0 is better. A rule needs odds too. What it leaves to
other days, how much of that to how many weeks beside, and the share of long cycles of the mixed rule are at each final
what was best for the forty finals before that were decided by then. In brackets is what the rule would get with the
best constants in hindsight, which nobody could know. Our own constants were not chosen on these cycles.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice, product
from statistics import mean

from rctrack.config import load_project, shipped
from rctrack.config.history import load_history
from rctrack.core.forecast import DayOdds, Past, cycles_of, finals_by, past_of
from rctrack.core.version import FeatureParts

CYCLES = 40
BANDS = (0.5, 0.8, 0.95)
FLOOR = 1e-5
"""Nothing that came was less likely, for anybody."""
ELSEWHERE = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
"""What a rule may leave to other days."""
WEEKS_OFF = (0.05, 0.1, 0.2, 0.3, 0.5)
"""How much less likely each further week beside may be."""
LONG = (0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5)
"""Shares of cycles of 70 days."""
NEAR = ((1, 0.7), (2, 0.2), (3, 0.1))
"""Days beside, and how four tenths of what is left to other days is shared among them."""

Days = Mapping[int, float]
"""Odds by how many days after the final."""
Rule = Callable[[date, float], Days]
"""The length of a cycle that begins on this day, with a share of long ones."""


def holds_christmas(start: date) -> bool:
    """Returns whether 25 December falls within the 63 days that follow."""
    return any(start < date(year, 12, 25) <= start + timedelta(63) for year in (start.year, start.year + 1))


RULES: dict[str, Rule] = {
    "63 days": lambda _start, _share: {63: 1.0},
    "63 or 70, mixed": lambda _start, share: {63: 1 - share, 70: share},
    "70 at Christmas": lambda start, _share: {70 if holds_christmas(start) else 63: 1.0},
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A final, what was known on its day, and the days of the finals that came after it."""

    known: tuple[Past, ...]
    coming: tuple[date, ...]

    @property
    def start(self) -> date:
        """The day of the final."""
        return self.known[-1].day

    @property
    def days(self) -> int:
        """How long it took until the last of them."""
        return (self.coming[-1] - self.start).days


def asked(past: Sequence[Past], parts: FeatureParts, ahead: int) -> list[Asked]:
    """Returns the finals after which so many more came, oldest first."""
    finals = [cycle.final for cycle in cycles_of(past, parts) if cycle.final is not None]
    return [
        Asked(
            tuple(release for release in past if (release.day, release.version) <= (final.day, final.version)),
            tuple(later.day for later in finals[place + 1 : place + 1 + ahead]),
        )
        for place, final in enumerate(finals[: len(finals) - ahead])
    ]


def ours(case: Asked, parts: FeatureParts) -> DayOdds:
    """Returns our odds of the day of the last final that is asked for."""
    ahead = len(case.coming)
    horizon = case.start + timedelta(days=100 * ahead)
    return next(islice(finals_by(case.known, parts, horizon), ahead - 1, None)).days


def rule_scores(rule: Rule, cases: Sequence[Asked]) -> tuple[float, float]:
    """Returns a rule's mean log score on the last forty cases: walking forward, and with hindsight."""
    table = [
        [_log(_slack(_after(rule, case, share), elsewhere, off).get(case.days, 0.0)) for case in cases]
        for elsewhere, off, share in product(ELSEWHERE, WEEKS_OFF, LONG)
    ]
    scores = []
    for place in range(len(cases) - CYCLES, len(cases)):
        decided = [before for before in range(place) if cases[before].coming[-1] <= cases[place].start][-CYCLES:]
        best = max(table, key=lambda logs: sum(logs[before] for before in decided))
        scores.append(best[place])
    return mean(scores), max(mean(logs[-CYCLES:]) for logs in table)


def _after(rule: Rule, case: Asked, share: float) -> Days:
    """Returns the rule's days after as many cycles as are asked for."""
    days: dict[int, float] = {0: 1.0}
    for _ in case.coming:
        longer: dict[int, float] = {}
        for passed, odds in days.items():
            for length, chance in rule(case.start + timedelta(passed), share).items():
                longer[passed + length] = longer.get(passed + length, 0.0) + odds * chance
        days = longer
    return days


def _slack(days: Days, elsewhere: float, off: float) -> Days:
    """Returns these days with some of their odds on the days beside and on whole weeks before and behind."""
    odds: dict[int, float] = {}
    for day, chance in days.items():
        odds[day] = odds.get(day, 0.0) + chance * (1 - elsewhere)
        beside = [(away, 0.4 * share) for away, share in NEAR]
        beside += [(7 * week, 0.6 * (1 - off) * off ** (week - 1)) for week in range(1, 9)]
        for away, share in beside:
            for other in (day - away, day + away):
                odds[other] = odds.get(other, 0.0) + chance * elsewhere * share / 2
    return odds


def _log(odds: float) -> float:
    return math.log(max(FLOOR, odds))


def show() -> bool:
    """Prints the scores; returns whether ours are better than those of every rule."""
    config = load_project("linux", shipped() / "rctrack.toml")
    parts = config.rules.feature_parts
    past = past_of(load_history(shipped() / "history", "linux", config.rules.scheme), (), config.timezone)
    print(f"\nLinux finals one and two cycles ahead, at the last {CYCLES}: log score, in brackets with hindsight")
    is_better = True
    for ahead in (1, 2):
        cases = asked(past, parts, ahead)
        odds = [ours(case, parts) for case in cases[-CYCLES:]]
        score = mean(_log(days.on(case.coming[-1])) for days, case in zip(odds, cases[-CYCLES:], strict=True))
        rules = {name: rule_scores(rule, cases) for name, rule in RULES.items()}
        is_better = is_better and all(score > walked for walked, _ in rules.values())
        beside = "  ".join(f"{name} {walked:.3f} ({best:.3f})" for name, (walked, best) in rules.items())
        print(f"  {ahead} ahead: N {CYCLES}  rctrack {score:.3f}  {beside}")
        for mass in BANDS:
            print(f"    {_within(odds, cases[-CYCLES:], mass)}")
    return is_better


def _within(odds: Sequence[DayOdds], cases: Sequence[Asked], mass: float) -> str:
    bands = [(days, *days.interval(mass)) for days in odds]
    came = mean(first <= case.coming[-1] <= last for (_, first, last), case in zip(bands, cases, strict=True))
    stated = mean(days.between(first, last) for days, first, last in bands)
    return f"{came:.0%} came within days that were to hold {stated:.0%}"

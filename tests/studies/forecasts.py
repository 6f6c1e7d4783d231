"""Forecasts of the next release, project by project, walking forward: `make accuracy` prints the table.

At each release of a project the next one is forecast with what was known then. "step" is how often the step that was
expected came, beside the odds that it was given; "day" how often the day came that we would bet on, "off" how many days
it was off on average. "in 50 %" is how often the day fell within the days that hold half of the odds, beside what they
held, with the middle 95 % of what chance allows (binomial); "!" is outside of that. "log" is the mean logarithm of the
odds of the day that came: nearer to 0 is better, and 0.7 less is half the odds. Beside it the same for three simple
rules, each with the odds that its own earlier errors give it.

The constants of core/forecast were chosen on the projects marked "chosen", on Linux cycles with an even number, and on
git and util-linux before July 2018. All other rows were held back.
"""

import csv
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import mean, median

from rctrack.config import load_project, shipped
from rctrack.config.history import load_history
from rctrack.core.forecast import Forecast, Past, next_step, past_of, rhythm
from rctrack.core.forecast.steps import step_of
from rctrack.core.version import FeatureParts, parse_version

FACTS = Path(__file__).parents[1] / "data" / "forecast"
"""Tags of other projects, with where they are published."""
CANDIDATES_SINCE = date(2018, 12, 23)
"""Before Linux 5.0 the tables have hardly a candidate, and so nothing that comes next."""
CHOSEN_BEFORE = date(2018, 7, 1)
"""git and util-linux before this day were chosen on."""
LAST_WAIT = timedelta(21)
"""A final of Linux that came later after a candidate had others between that the tables do not have."""
BANDS = (0.5, 0.8, 0.95)
RECENT = 20
"""How many of its own errors a rule is judged by."""
WARM_UP = 5
FLOOR = 1e-5
"""Nothing that came was less likely, for anybody."""


@dataclass(frozen=True, slots=True)
class Material:
    """The past of a project, and which of its releases the constants were chosen on."""

    name: str
    parts: FeatureParts
    past: tuple[Past, ...]
    is_chosen: Callable[[Past], bool]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A release, what was known on its day, and what came next."""

    known: tuple[Past, ...]
    following: Past

    @property
    def days(self) -> int:
        """How long it took."""
        return (self.following.day - self.known[-1].day).days


@dataclass(frozen=True, slots=True)
class Result:
    """A forecast and what came, with the log scores of the rules that could tell."""

    forecast: Forecast
    waiting: Waiting
    rules: tuple[float, ...]

    @property
    def log(self) -> float:
        """The logarithm of the odds of the day that came."""
        return math.log(max(FLOOR, self.forecast.days.on(self.waiting.following.day)))

    def band(self, mass: float) -> tuple[float, bool]:
        """Returns what the days that hold this much of the odds hold, and whether the release came on one of them."""
        first, last = self.forecast.days.interval(mass)
        return self.forecast.days.between(first, last), first <= self.waiting.following.day <= last


def materials() -> Iterator[Material]:
    """Yields every project that there is material on."""
    tags: dict[str, list[dict[str, str]]] = {}
    with (FACTS / "tags.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            tags.setdefault(row["project"], []).append(row)
    with (FACTS / "projects.csv").open(encoding="utf-8", newline="") as file:
        for project in csv.DictReader(file):
            yield _fetched(project, tags[project["project"]])
    for stem in ("git", "linux", "util-linux"):
        config = load_project(stem, shipped() / "rctrack.toml")
        past = past_of(load_history(shipped() / "history", stem, config.rules.scheme), (), config.timezone)
        if stem == "linux":
            past = tuple(release for release in past if release.day >= CANDIDATES_SINCE)
        yield Material(stem, config.rules.feature_parts, past, _is_even if stem == "linux" else _is_early)


def _fetched(project: dict[str, str], tags: Sequence[dict[str, str]]) -> Material:
    dated = [
        (version, datetime.fromisoformat(row["tagged"]))
        for row in reversed(tags)  # of two tags of one version the older counts
        if (version := parse_version(project["scheme"], row["version"])) is not None
    ]
    is_chosen = project["chosen_on"] == "yes"
    parts = FeatureParts((((), int(project["feature_parts"])),))
    return Material(project["project"], parts, past_of((), dated, UTC), lambda _: is_chosen)


def _is_even(release: Past) -> bool:
    return release.version.numbers[-1] % 2 == 0


def _is_early(release: Past) -> bool:
    return release.day < CHOSEN_BEFORE


def waitings(material: Material) -> Iterator[Waiting]:
    """Yields every release with what came next, oldest first; what is behind the newest release is left out."""
    steps: list[Past] = []
    for release in material.past:
        version = release.version
        is_step = version.dated or version.is_feature(material.parts.of(version))
        if is_step and (not steps or steps[-1].version < version):
            if steps and not (material.name == "linux" and _has_hole(steps[-1], release)):
                yield Waiting(tuple(steps), release)
            steps.append(release)


def _has_hole(step: Past, following: Past) -> bool:
    return not step.version.is_final and following.day - step.day > LAST_WAIT


# --- The simple rules ------------------------------------------------------------------------------


def _same_again(past: Sequence[int], _days: Sequence[date]) -> int:
    return past[-1]


def _mean(past: Sequence[int], _days: Sequence[date]) -> int:
    return round(mean(past[-RECENT:]))


def _median_on_weekday(past: Sequence[int], days: Sequence[date]) -> int:
    """The median, on the weekday that the project keeps to, if it does."""
    wait, weekday = round(median(past[-RECENT:])), rhythm(days)
    if weekday is None:
        return wait
    return wait + (weekday - (days[-1] + timedelta(wait)).weekday() + 3) % 7 - 3


RULES: dict[str, Callable[[Sequence[int], Sequence[date]], int]] = {
    "same again": _same_again,
    "mean": _mean,
    "median": _median_on_weekday,
}


@dataclass(slots=True)
class Rules:
    """The simple rules as they learn: each sees the waits after the same step, and its own errors there."""

    waits: dict[str, list[int]] = field(default_factory=dict)
    errors: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def take(self, waiting: Waiting) -> tuple[float, ...]:
        """Returns the log score of each rule, none where one of them cannot tell yet; then all of them learn."""
        step = step_of(waiting.known[-1].version)
        past = self.waits.setdefault(step, [])
        scores = []
        for name, rule in RULES.items():
            if past:
                point = rule(past, [release.day for release in waiting.known])
                errors = self.errors.setdefault((name, step), [])
                if len(errors) >= WARM_UP:
                    scores.append(math.log(max(FLOOR, _smeared(point, errors[-RECENT:], waiting.days))))
                errors.append(waiting.days - point)
        past.append(waiting.days)
        return tuple(scores) if len(scores) == len(RULES) else ()


def _smeared(point: int, errors: Sequence[int], days: int) -> float:
    """Returns the odds of so many days: each error may come again, give or take half of what they usually are."""
    fall = math.exp(-1 / max(0.2, 0.5 * mean(map(abs, errors))))
    return mean((1 - fall) / (1 + fall) * fall ** abs(days - point - error) for error in errors)


# --- The table -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """What is judged together."""

    name: str
    results: tuple[Result, ...]
    asked: int
    """How many forecasts were asked for; not all can be given."""


def results_of(material: Material) -> tuple[Row, Row]:
    """Returns the results that the constants were chosen on, and those that were held back."""
    rules = Rules()
    results: tuple[list[Result], list[Result]] = ([], [])
    asked = [0, 0]
    for waiting in waitings(material):
        held_back = not material.is_chosen(waiting.known[-1])
        asked[held_back] += 1
        scores = rules.take(waiting)
        forecast = next_step(waiting.known, material.parts, UTC)
        if forecast is not None:
            results[held_back].append(Result(forecast, waiting, scores))
    return Row(material.name, tuple(results[0]), asked[0]), Row(material.name, tuple(results[1]), asked[1])


def show() -> tuple[int, int]:
    """Prints the table; returns how many bands of what was held back came as often as was said, and of how many."""
    chosen, held_back = zip(*(results_of(material) for material in materials()), strict=True)
    for title, rows in (("chosen on", chosen), ("held back", held_back)):
        print(f"\nNext release, {title}. log: rctrack, {', '.join(RULES)}")
        for row in rows:
            if row.results:
                print(line(row))
    bands = [is_inside for row in held_back for _, _, is_inside in bands_of(row)]
    pooled = Row("all", tuple(result for row in held_back for result in row.results), 0)
    for stated, came, _ in bands_of(pooled):
        print(f"  held back, all together: {came:.1%} came within days that were to hold {stated:.1%}")
    late = mean(result.waiting.following.day >= result.forecast.overdue_at.date() for result in pooled.results)
    print(f"  held back, all together: {late:.1%} were overdue when they came, 98 % of their odds being spent")
    return sum(bands), len(bands)


def line(row: Row) -> str:
    """Returns a project's line of the table."""
    results = row.results
    step = mean(result.forecast.step == step_of(result.waiting.following.version) for result in results)
    day = mean(result.forecast.point == result.waiting.following.day for result in results)
    off = mean(abs((result.forecast.point - result.waiting.following.day).days) for result in results)
    bands = "".join(
        f"  {came:4.0%} of {stated:3.0%}{' ' if is_inside else '!'}" for stated, came, is_inside in bands_of(row)
    )
    judged = [result for result in results if result.rules]
    logs = [mean(result.log for result in judged)] if judged else []
    logs += [mean(result.rules[place] for result in judged) for place in range(len(RULES)) if judged]
    beside = " ".join(f"{log:6.2f}" for log in logs)
    return (
        f"  {row.name:<11} N {len(results):>3}/{row.asked:<3}"
        f" step {step:4.0%} of {mean(result.forecast.odds for result in results):3.0%}"
        f"  day {day:4.0%}  off {off:6.1f}{bands}  log {beside}"
    )


def bands_of(row: Row) -> list[tuple[float, float, bool]]:
    """Returns what each band was to hold, what it held, and whether chance allows that (binomial, 95 %)."""
    bands = []
    for mass in BANDS:
        stated, came = zip(*(result.band(mass) for result in row.results), strict=True) if row.results else ((), ())
        if stated:
            least, most = binomial(len(came), mean(stated))
            bands.append((mean(stated), mean(came), least <= sum(came) <= most))
    return bands


def binomial(trials: int, odds: float) -> tuple[int, int]:
    """Returns between how many of the trials succeed in the middle 95 % of all cases."""
    below = 0.0
    least, most = 0, trials
    for times in range(trials + 1):
        log = math.lgamma(trials + 1) - math.lgamma(times + 1) - math.lgamma(trials - times + 1)
        chance = math.exp(log + times * math.log(max(odds, 1e-12)) + (trials - times) * math.log(max(1 - odds, 1e-12)))
        if below + chance <= 0.025:
            least = times + 1
        if below <= 0.975:
            most = times
        below += chance
    return least, most

"""The walk-forward back-test of core/forecast: `make accuracy` prints it.

First the next release of every project that there is material on (`forecasts`) and Linux two cycles ahead (`ahead`),
then, on shipped history, next release and final beside simple rules.

At each past release the next one and the final are predicted with what was known then, beside simple rules in the
same run. Each rule has the odds that its own earlier errors give it. "exact" is the share of days hit, "error" the mean
absolute error in days, "Brier" the sum over days of (odds - outcome)^2: 0 is perfect, 1 is what knowing nothing costs.

The verdict at the end judges what was promised. Linux is judged by exact day and Brier, beside the best rule in each,
on all cycles that have dates and again from 5.1 on, where every candidate has one. git and util-linux are judged by
error and Brier both, beside the mean of the same transition, since a mean is made to err little rather than to hit.
At a single step some have no more than 19 cases: where the two errors cannot be told apart there, Brier decides.
"""

import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import mean

from tests.studies import ahead, forecasts
from tests.studies.walk_forward import OURS, Case, Score, Target, Walk, start_of, walk

PROJECTS = ("linux", "git", "util-linux")
JUDGED_SINCE = date(2019, 3, 1)
"""Linux cycles from 5.1 on, for which the tables know every candidate. Before, most have nothing but their final."""
DRAWS = 400
CLOSE = 0.10
"""How far off stated odds may be and still be honest."""
AS_GOOD = 1.05
"""How much larger our error may be from the previous final."""
HELD_BACK_SINCE = date(2018, 7, 1)
"""The constants that concern days were chosen on what was before."""

# --- The table -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """What is judged together: a project, from which steps, towards what."""

    project: str
    name: str
    target: Target
    holds: Callable[[Case], bool]


Holds = Callable[[Case], bool]


def _from_rc(case: Case) -> bool:
    return case.kind != "last final"


def _at(kind: str) -> Holds:
    return lambda case: case.kind == kind


def _since(begin: date, holds: Holds) -> Holds:
    return lambda case: case.known[-1].day >= begin and holds(case)


def _odd(holds: Holds) -> Holds:
    """Linux 6.17, not 6.18: the constants that concern weeks were chosen on the others."""
    return lambda case: case.cycles[-1].steps[-1].version.numbers[-1] % 2 == 1 and holds(case)


LINUX = {"last final": _at("last final"), "rc1": _at("rc1"), "rc4": _at("rc4"), "newest rc": _from_rc}
"""The instants at which the final is asked for; the newest rc is each one on the day on which it is the newest."""

ROWS = (
    *(
        Row("linux", f"{target}, at {name}{stretch}", target, _since(begin, holds))
        for stretch, begin in ((", from 5.1 on", JUDGED_SINCE), ("", date.min))
        for target, name, holds in (
            *((Target.FINAL, name, holds) for name, holds in LINUX.items()),
            (Target.FINAL, "rc7", _at("rc7")),
            (Target.NEXT, "last final", _at("last final")),
            (Target.NEXT, "newest rc", _from_rc),
        )
    ),
    Row("linux", "final, at last final, from 3.0 on", Target.FINAL, _since(date(2011, 7, 1), _at("last final"))),
    *(
        Row(project, f"{target}, at {name}", target, holds)
        for project in ("git", "util-linux")
        for target in Target
        for name, holds in (
            ("last final", _at("last final")),
            *((f"rc{n}", _at(f"rc{n}")) for n in range(5)),
            ("newest rc", _from_rc),
        )
    ),
)


def main() -> int:
    """Prints the tables and the verdict; 1 if something promised is missed."""
    inside, bands = forecasts.show()
    is_better_ahead = ahead.show()
    walks = {project: walk(project) for project in PROJECTS}
    for row in ROWS:
        scores = _common(walks[row.project], row.target, row.holds)
        if scores:
            print(f"\n{row.project}: {row.name}")
        for name, found in scores.items():
            print(_line(name, found))
    print("\nVERDICT")
    verdict = [
        Bar("log score of Linux finals one and two ahead, beside each rule", is_better_ahead, "see its table"),
        Bar("bands of projects that were held back, by binomial intervals", None, f"{inside} of {bands} inside"),
    ]
    verdict += [*_linux_final(walks["linux"]), *_linux_next(walks["linux"]), *_other(walks), *_honesty(walks)]
    for bar in verdict:
        print(f"  {'-' if bar.met is None else 'met' if bar.met else 'MISSED':<6}  {bar.claim}: {bar.figures}")
    missed = sum(bar.met is False for bar in verdict)
    print(f"{sum(bar.met is True for bar in verdict)} met, {missed} missed; [in brackets]: the middle 95 % of {DRAWS}")
    print("bootstrap samples of the difference (ours less theirs), drawn by cycle. '-': shown, but not promised.")
    return 1 if missed else 0


def _common(walked: Walk, target: Target, holds: Holds) -> dict[str, list[Score]]:
    """The scores of each rule in the cases that all of them and ours predicted."""
    scores = {
        name: {id(each.case): each for each in found if each.case.target is target and holds(each.case)}
        for name, found in walked.scores.items()
    }
    scores = {name: found for name, found in scores.items() if found}
    if OURS not in scores:
        return {}
    cases = [case for case in scores[OURS] if all(case in found for found in scores.values())]
    return {name: [found[case] for case in cases] for name, found in scores.items()} if cases else {}


def _line(name: str, scores: Sequence[Score]) -> str:
    exact = [float(score.off == 0) for score in scores]
    brier = [score.brier for score in scores]
    line = (
        f"  {name:<20} N {len(scores):>3}  exact {mean(exact):5.1%} {_bootstrap(exact)}"
        f"  error {mean(abs(score.off) for score in scores):6.2f}  Brier {mean(brier):.4f} {_bootstrap(brier)}"
    )
    if name != OURS:
        return line
    covered, stated = mean(float(score.covered) for score in scores), mean(score.stated for score in scores)
    return f"{line}  covered {covered:.0%} of {stated:.0%} stated, {mean(score.width for score in scores):.1f} days"


def _bootstrap(values: Sequence[float]) -> str:
    """The middle 95 % of the means of samples drawn with replacement; the same at every run."""
    low, high = _middle([[value] for value in values])
    return f"[{low:.2f}, {high:.2f}]"


def _middle(groups: Sequence[Sequence[float]]) -> tuple[float, float]:
    drawn = random.Random(1)
    sums = [(sum(group), len(group)) for group in groups]
    means = []
    for _ in range(DRAWS):
        sample = drawn.choices(sums, k=len(sums))
        means.append(sum(total for total, _ in sample) / sum(size for _, size in sample))
    means.sort()
    return means[DRAWS // 40], means[-DRAWS // 40]


# --- The verdict -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bar:
    """One thing that was promised, and whether it was kept; None where it is shown beside, but was not promised."""

    claim: str
    met: bool | None
    figures: str


Measure = Callable[[Score], float]


def _exact(score: Score) -> float:
    return float(score.off == 0)


def _error(score: Score) -> float:
    return float(abs(score.off))


def _brier_of(score: Score) -> float:
    return score.brier


def _mean(scores: Sequence[Score], measure: Measure) -> float:
    return sum(map(measure, scores)) / len(scores)


def _difference(ours: Sequence[Score], theirs: Sequence[Score], measure: Measure) -> tuple[float, float]:
    """Ours less theirs, as an interval; the candidates of one cycle share their final and are drawn together."""
    by_cycle: dict[date, list[float]] = {}
    for our, their in zip(ours, theirs, strict=True):
        start = start_of(our.case) or our.case.outcome
        by_cycle.setdefault(start, []).append(measure(our) - measure(their))
    return _middle(list(by_cycle.values()))


def _interval(bounds: tuple[float, float]) -> str:
    return f"[{bounds[0]:+.3f}, {bounds[1]:+.3f}]"


def _linux_final(walked: Walk) -> Iterator[Bar]:
    """No worse than the best rule on exact day and Brier at each instant, better on at least one."""
    for stretch, within, promised in (
        ("all cycles", date.min, True),
        ("from 5.1 on", JUDGED_SINCE, True),
        ("odd cycles, held back", None, False),
    ):
        better = []
        for instant, holds in LINUX.items():
            scores = _common(walked, Target.FINAL, _since(within, holds) if within else _odd(holds))
            ours = scores.pop(OURS)
            hit = max(scores, key=lambda name: _mean(scores[name], _exact))
            sharp = min(scores, key=lambda name: _mean(scores[name], _brier_of))
            exact, brier = _mean(ours, _exact), _mean(ours, _brier_of)
            best_exact, best_brier = _mean(scores[hit], _exact), _mean(scores[sharp], _brier_of)
            better += [exact > best_exact, brier < best_brier]
            yield Bar(
                f"linux final at {instant}, {stretch}",
                exact >= best_exact and brier <= best_brier if promised else None,
                f"N {len(ours)}, exact {exact:.1%} against {best_exact:.1%} ({hit})"
                f" {_interval(_difference(ours, scores[hit], _exact))},"
                f" Brier {brier:.4f} against {best_brier:.4f} ({sharp})"
                f" {_interval(_difference(ours, scores[sharp], _brier_of))}",
            )
        met = any(better) if promised else None
        yield Bar(f"linux final better than the best rule somewhere, {stretch}", met, f"{sum(better)} of 8")


def _linux_next(walked: Walk) -> Iterator[Bar]:
    """At least 95 % exact and above "+ 7 days", where each candidate has its date."""
    for stretch, begin in (("all cycles", date.min), ("from 5.1 on", JUDGED_SINCE)):
        scores = _common(walked, Target.NEXT, _since(begin, _from_rc))
        ours, theirs = scores[OURS], scores["+ 7 days"]
        exact, rule = _mean(ours, _exact), _mean(theirs, _exact)
        met = exact >= 0.95 and exact > rule
        figures = f"N {len(ours)}, exact {exact:.1%} against {rule:.1%} {_interval(_difference(ours, theirs, _exact))}"
        yield Bar(f"linux next from an rc, {stretch}", met if begin > date.min else None, figures)


def _other(walks: Mapping[str, Walk]) -> Iterator[Bar]:
    """Better than the mean of the same transition from every rc, and nearly as good from the previous final."""
    for project in ("git", "util-linux"):
        for target in Target:
            for kind, holds, promised in (
                ("last final", _at("last final"), True),
                *((f"rc{n}", _at(f"rc{n}"), True) for n in range(10)),
                ("every rc together", _from_rc, True),
                ("last final, held back", _since(HELD_BACK_SINCE, _at("last final")), False),
                ("every rc, held back", _since(HELD_BACK_SINCE, _from_rc), False),
            ):
                scores = _common(walks[project], target, holds)
                if scores:
                    is_single = kind.startswith("rc")
                    yield _beside_the_mean(f"{project} {target}, at {kind}", promised, scores, is_single=is_single)


def _beside_the_mean(claim: str, promised: bool, scores: Mapping[str, Sequence[Score]], *, is_single: bool) -> Bar:
    ours, theirs = scores[OURS], scores["mean of transition"]
    met, figures = True, f"N {len(ours)}"
    for name, measure in (("error", _error), ("Brier", _brier_of)):
        mine, other = _mean(ours, measure), _mean(theirs, measure)
        low, high = _difference(ours, theirs, measure)
        is_tie = is_single and measure is _error and low <= 0 <= high
        met = met and (mine < other or is_tie if _from_rc(ours[0].case) else mine <= AS_GOOD * other)
        told = " (not told apart)" if is_tie and mine >= other else ""
        figures += f", {name} {mine:.3f} against {other:.3f} {_interval((low, high))}{told}"
    if promised and not met:
        # What nobody could know, but what shows how little there is to gain.
        waits = sorted((each.case.outcome - each.case.known[-1].day).days for each in ours)
        middle = waits[len(waits) // 2]
        figures += f"; always {middle} days, in hindsight: error {mean(abs(each - middle) for each in waits):.3f}"
    return Bar(claim, met if promised else None, figures)


def _honesty(walks: Mapping[str, Walk]) -> Iterator[Bar]:
    """Days come as often as is said: within the interval that holds four fifths, and on the day that is bet on."""
    for project, walked in walks.items():
        for target in Target:
            ours = [each for each in walked.scores[OURS] if each.case.target is target]
            for stretch, found in (
                ("", ours),
                (", from 5.1 on", [each for each in ours if each.case.known[-1].day >= JUDGED_SINCE]),
            ):
                if stretch and project != "linux":
                    continue
                for what, stated, seen in (
                    ("interval", _mean(found, lambda each: each.stated), _mean(found, lambda each: each.covered)),
                    ("day bet on", _mean(found, lambda each: each.bet), _mean(found, _exact)),
                ):
                    yield Bar(
                        f"{project} {target}, odds of the {what}{stretch}",
                        abs(stated - seen) <= CLOSE,
                        f"N {len(found)}, stated {stated:.1%}, came {seen:.1%} ({seen - stated:+.1%})",
                    )


if __name__ == "__main__":
    sys.exit(main())

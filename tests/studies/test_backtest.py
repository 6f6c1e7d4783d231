"""The walk-forward back-test: nothing is known too early, and what is missed is said."""

from datetime import date, timedelta

import pytest

from rctrack.config import load_project, shipped
from rctrack.config.history import load_history
from rctrack.core.forecast import Past, cycles_of, past_of
from tests.studies import backtest
from tests.studies.walk_forward import OURS, RULES, Case, Score, Target, cases_of, walk
from tests.support import given


def test_no_case_knows_what_came_after_it() -> None:
    """Each release of util-linux, with the next one and with the final."""
    project = load_project("util-linux", shipped() / "rctrack.toml")
    history = load_history(shipped() / "history", "util-linux", project.rules.scheme)
    past = past_of(history, (), project.timezone)
    cases = list(cases_of("util-linux", past, project.rules.feature_parts))
    assert len(cases) > 100
    for case in cases:
        origin = case.known[-1]
        assert max(each.day for each in case.known) == origin.day <= case.outcome
        assert case.cycles[-1].steps[-1] == origin
        assert {step for cycle in case.cycles for step in cycle.steps} <= set(case.known)


def test_everybody_predicts_the_same_cases() -> None:
    """And each of the rules is among them."""
    scores = backtest._common(walk("util-linux"), Target.FINAL, backtest._at("rc1"))
    assert set(scores) == {*RULES, "last 20", OURS} - {"+ 7 days"}
    assert len({tuple(id(each.case) for each in found) for found in scores.values()}) == 1


def test_what_came_outside_the_interval_is_not_covered() -> None:
    """What is further from the day bet on than the interval is wide lies outside; both happen."""
    ours = walk("util-linux").scores[OURS]
    assert {each.covered for each in ours} == {True, False}
    assert [each.case.kind for each in ours if each.covered and abs(each.off) >= each.width] == []
    assert any(abs(each.off) >= each.width for each in ours)


def score(off: int, brier: float, *, kind: str = "rc1") -> Score:
    """A prediction that was so many days off."""
    known = (Past(given.version("1.0"), date(2020, 1, 5)), Past(given.version("1.1-rc1"), date(2020, 1, 19)))
    case = Case("demo", kind, Target.NEXT, known, cycles_of(known, given.TWO_PARTS), date(2020, 1, 26))
    return Score(case, case.outcome - timedelta(off), brier)


@pytest.mark.parametrize(
    ("kind", "ours", "theirs", "met"),
    [
        ("rc1", (1, 0.5), (2, 0.6), True),
        ("rc1", (2, 0.5), (2, 0.6), False),
        ("rc1", (1, 0.6), (2, 0.5), False),
        ("last final", (21, 1.0), (20, 1.0), True),
        ("last final", (22, 1.0), (20, 1.0), False),
    ],
)
def test_a_bar_is_met_only_by_error_and_brier_both(
    kind: str, ours: tuple[int, float], theirs: tuple[int, float], met: bool
) -> None:
    """A tie is not better, except from the previous final, where 5 % worse will do."""
    scores = {
        OURS: [score(*ours, kind=kind), score(-ours[0], ours[1], kind=kind)],
        "mean of transition": [score(*theirs, kind=kind)] * 2,
    }
    bar = backtest._beside_the_mean("demo", True, scores, is_single=False)
    assert bar.met is met
    assert ("in hindsight" in bar.figures) is not met
    assert backtest._beside_the_mean("demo", False, scores, is_single=False).met is None


@pytest.mark.parametrize(("ours", "met"), [((2, 0.5), True), ((2, 0.7), False), ((3, 0.5), False)])
def test_at_a_single_step_brier_decides_where_errors_cannot_be_told_apart(ours: tuple[int, float], met: bool) -> None:
    """A tie in days; one that is surely larger is a miss whatever Brier says."""
    scores = {OURS: [score(*ours), score(-ours[0], ours[1])], "mean of transition": [score(2, 0.6)] * 2}
    bar = backtest._beside_the_mean("demo", True, scores, is_single=True)
    assert bar.met is met
    assert ("not told apart" in bar.figures) is (ours[0] == 2)

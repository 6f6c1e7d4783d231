"""The tables of forecasts: nothing is known too early, and rules and chance are counted right."""

import subprocess
from datetime import date, timedelta
from math import exp
from pathlib import Path

import pytest

from rctrack.config import load_project, shipped
from rctrack.config.history import load_history
from rctrack.core.forecast import Past, past_of
from rctrack.core.forecast.steps import step_of
from tests.studies import ahead, forecasts
from tests.support import given
from tests.tools import compile_tags

MATERIALS = {material.name: material for material in forecasts.materials()}


def test_there_is_material_of_every_kind_in_both_halves() -> None:
    """Finals only, candidates given up, days as versions; what was chosen on is not what is judged."""
    halves = {name: material.is_chosen(material.past[-1]) for name, material in MATERIALS.items()}
    assert len(halves) == 22
    assert not halves["rdma-core"]
    assert not halves["kmod"]
    assert halves["ltp"]
    assert 8 <= sum(halves.values()) <= 14


@pytest.mark.parametrize("name", sorted(MATERIALS))
def test_no_forecast_knows_what_came_after_it(name: str) -> None:
    """Each release with what came next: later, and of a higher version."""
    cases = list(forecasts.waitings(MATERIALS[name]))
    assert len(cases) > 20
    for case in cases:
        assert max(release.day for release in case.known) == case.known[-1].day <= case.following.day
        assert case.known[-1].version < case.following.version
        assert case.following not in case.known


def test_a_hole_in_the_tables_of_linux_is_no_wait() -> None:
    """Of 7.2 only rc1, rc2 and the final are known."""
    newest = MATERIALS["linux"].past[-1]
    assert newest.version.text == "7.2"
    assert [case for case in forecasts.waitings(MATERIALS["linux"]) if case.following == newest] == []


def test_candidates_that_were_given_up_are_not_forecast_for_ever() -> None:
    """rdma-core made its last rc1 in 2018: of some forty finals since 2019 hardly one surprises."""
    _, held_back = forecasts.results_of(MATERIALS["rdma-core"])
    since = [result for result in held_back.results if result.waiting.known[-1].day > date(2019, 6, 1)]
    assert len(since) > 30
    right = [result.forecast.step == step_of(result.waiting.following.version) for result in since]
    assert sum(right) == len(right)


@pytest.mark.parametrize(
    ("trials", "odds", "bounds"), [(100, 0.5, (40, 60)), (20, 0.95, (17, 20)), (10, 1.0, (10, 10)), (1, 0.5, (0, 1))]
)
def test_chance_allows_what_the_binomial_interval_holds(trials: int, odds: float, bounds: tuple[int, int]) -> None:
    """The middle 95 %."""
    assert forecasts.binomial(trials, odds) == bounds


def test_a_rule_has_odds_that_add_up_to_one() -> None:
    """However wide its errors are."""
    for errors in ([0, 0, 0], [1, -1, 2], [40, -35, 12]):
        assert sum(forecasts._smeared(60, errors, days) for days in range(-2000, 2000)) == pytest.approx(1)


def test_a_rule_learns_from_its_own_errors_alone() -> None:
    """It has no score before it has made five, and then one that its errors made."""
    rules = forecasts.Rules()
    releases = [Past(given.version(f"1.{n}"), date(2020, 1, 5) + timedelta(7 * n)) for n in range(9)]
    scores = [
        rules.take(forecasts.Waiting(tuple(releases[: place + 1]), following))
        for place, following in enumerate(releases[1:])
    ]
    assert [len(score) for score in scores] == [0, 0, 0, 0, 0, 0, 3, 3]
    assert all(exp(score) > 0.95 for score in scores[-1])


def test_two_cycles_ahead_are_asked_about_with_what_was_known_then() -> None:
    """And a rule's odds add up, also with slack."""
    config = load_project("linux", shipped() / "rctrack.toml")
    past = past_of(load_history(shipped() / "history", "linux", config.rules.scheme), (), config.timezone)
    cases = ahead.asked(past, config.rules.feature_parts, 2)
    assert len(cases) > ahead.CYCLES
    for case in cases[-ahead.CYCLES :]:
        assert case.known[-1].version.is_final
        assert max(release.day for release in case.known) == case.start < case.coming[0] < case.coming[1]
        for rule in ahead.RULES.values():
            assert sum(ahead._slack(ahead._after(rule, case, 0.3), 0.2, 0.1).values()) == pytest.approx(1)


def test_tags_are_compiled_from_a_clone(tmp_path: Path) -> None:
    """Release tags alone, by their own dates; projects that are not named keep their rows."""
    clone, folder = tmp_path / "clone", tmp_path / "facts"
    folder.mkdir()
    (folder / "projects.csv").write_text(
        "project,source,scheme,feature_parts,chosen_on,tag\n"
        "demo,https://example.org/demo,dotted,2,yes,v(\\d.*)|rc-(\\d+_\\d+)-(\\d+)\n",
        "utf-8",
    )
    (folder / "tags.csv").write_text("project,version,tagged\nother,1.0,2019-01-01T00:00:00+00:00\n", "utf-8")
    dated = {"GIT_COMMITTER_DATE": "2020-01-05T12:00:00+02:00", "GIT_AUTHOR_DATE": "2020-01-01T00:00:00+00:00"}
    person = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "init", "-q", clone], check=True)
    for command in (["commit", "-q", "--allow-empty", "-m", "x"], ["tag", "-a", "v1.0", "-m", "x"], ["tag", "old"]):
        subprocess.run(["git", *person, "-C", clone, *command], check=True, env={**dated, "PATH": "/usr/bin:/bin"})
    subprocess.run(["git", "-C", clone, "tag", "rc-1_1-2"], check=True)
    assert compile_tags.main([f"demo={clone}"], folder) == 0
    assert (folder / "tags.csv").read_text("utf-8").splitlines() == [
        "project,version,tagged",
        "demo,1.0,2020-01-05T12:00:00+02:00",
        "demo,1.1-rc2,2020-01-05T12:00:00+02:00",
        "other,1.0,2019-01-01T00:00:00+00:00",
    ]

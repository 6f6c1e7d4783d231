"""Looks in a row are one run, and a run gives its looks back."""

from datetime import timedelta

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from rctrack.core.evidence import Observer, ProjectId, SourceId
from rctrack.core.look import Outcome, Run, host_of
from tests.support.given import PRIMARY, moment

BEGIN = moment("2026-03-01 00:00")


def run(looks: int, seconds: int, outcome: Outcome = Outcome.GOOD, reason: str = "") -> Run:
    """So many looks at the project's repository in so many seconds."""
    last_at = BEGIN + timedelta(seconds=seconds)
    return Run(ProjectId("demo"), PRIMARY, Observer("here"), outcome, reason, BEGIN, last_at, looks)


def test_a_run_gives_its_looks_back_evenly_spaced() -> None:
    """Each at the same host, with the same outcome and reason."""
    looks = run(4, 45 * 60, Outcome.NO_ANSWER, "refused").looks_since(BEGIN)
    assert [(look.at - BEGIN) / timedelta(minutes=1) for look in looks] == [0, 15, 30, 45]
    assert {(look.host, look.outcome, look.reason) for look in looks} == {
        ("primary.example", Outcome.NO_ANSWER, "refused")
    }


def test_a_single_look_is_a_run_too() -> None:
    """Whenever it is asked for."""
    for begin in (BEGIN - timedelta(days=1), BEGIN, BEGIN + timedelta(days=1)):
        assert [look.at for look in run(1, 0).looks_since(begin)] == [BEGIN]


@for_all(st.integers(2, 200), st.integers(1, 10_000_000), st.integers(-10_000, 11_000_000))
def test_no_look_of_the_time_asked_for_is_lost_and_one_before_it_is_kept(looks: int, seconds: int, asked: int) -> None:
    """First and last are what they were, to the second; the one before tells what was so when the time began."""
    whole = run(looks, seconds).looks_since(BEGIN)
    assert (len(whole), whole[0].at, whole[-1].at) == (looks, BEGIN, BEGIN + timedelta(seconds=seconds))
    assert [look.at for look in whole] == sorted(look.at for look in whole)
    assert {look.at.microsecond for look in whole} == {0}
    begin = BEGIN + timedelta(seconds=asked)
    part = run(looks, seconds).looks_since(begin)
    assert part == whole[-len(part) :]
    assert set(part) >= {look for look in whole if look.at > begin}
    assert part[0].at <= begin or part == whole


@pytest.mark.parametrize(
    ("source", "host"),
    [
        ("tags https://git.example/demo.git", "git.example"),
        ("tags https://me:secret@git.example:8443/demo.git", "git.example:8443"),
        ("tags git://git.example/demo.git", "git.example"),
        ("public-inbox /srv/mail/demo", ""),
        ("public-inbox file:///srv/mail/demo", ""),
    ],
)
def test_the_host_of_a_source_is_named_without_what_is_secret(source: str, host: str) -> None:
    """What is on this machine has none."""
    assert host_of(SourceId(source)) == host


@pytest.mark.parametrize("outcome", Outcome)
def test_any_answer_proves_our_own_network(outcome: Outcome) -> None:
    """An error does, silence does not, and our own fault says nothing."""
    assert outcome.is_reached is (outcome not in (Outcome.NO_ANSWER, Outcome.RAISED))

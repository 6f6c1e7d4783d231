"""What a look came to, looks in a row as a run, whose host an address is, and whether it proves that we are online."""

from datetime import timedelta

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from rctrack.core.evidence import Observer, ProjectId, SourceId
from rctrack.core.look import Outcome, Run, host_in, host_of, is_public
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


def test_every_outcome_is_reached_and_down_or_not() -> None:
    """An answer other than the one asked for is no outage; only silence leaves open whether it is our own network."""
    assert {outcome for outcome in Outcome if not outcome.is_reached} == {Outcome.NO_ANSWER, Outcome.RAISED}
    assert {outcome for outcome in Outcome if outcome.is_down} == {Outcome.NO_ANSWER, Outcome.REFUSED, Outcome.ERROR}


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://git.example/a.git", "git.example"),
        ("https://kim@git.example:8443/a.git", "git.example:8443"),
        ("ssh://git@git.example:22/~kim/a.git", "git.example:22"),
        ("git@git.example:kim/a.git", "git.example"),
        ("git.example:a.git", "git.example"),
        ("git@[2001:db8::1]:a.git", "[2001:db8::1]"),
        ("/srv/git@git.example:a.git", ""),
        ("../a.git", ""),
        ("file:///srv/a.git", ""),
        ("-oProxyCommand=x:a.git", ""),
        ("http://[x/", ""),
        ("", ""),
    ],
)
def test_the_host_of_an_address(address: str, host: str) -> None:
    """Of a URL and of ssh's short form, without who asks; none of a path."""
    assert host_in(address) == host


@pytest.mark.parametrize(
    "host",
    ["git.kernel.org", "git.kernel.org:443", "kernel.org.", "8.8.8.8", "[2a00:1450:4001::200e]:80", "lan.example"],
)
def test_a_host_of_the_internet_is_public(host: str) -> None:
    """By its name or its number, with or without a port."""
    assert is_public(host)


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "localhost:8080", "127.0.0.1:3000", "127.8.8.8", "[::1]", "10.0.0.7", "172.16.3.4:80",
        "192.168.1.1", "169.254.1.1", "100.64.0.1", "[fe80::1]", "[fd00::1]:80", "lists", "nas:443", "git.lan",
        "box.local", "wiki.corp", "router.home.arpa", "dev.localhost", "", "[x",
    ],
)  # fmt: skip
def test_a_host_that_answers_also_while_we_are_cut_off_is_not(host: str) -> None:
    """Of this machine, of a private network, or of a name without a dot."""
    assert not is_public(host)

"""What a look came to, in one alphabet; whose host an address is, and whether it proves that we are online."""

import pytest

from rctrack.core.look import Outcome, host_in, is_public


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

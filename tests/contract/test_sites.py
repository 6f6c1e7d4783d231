"""What every kind of site keeps to: what a project's own pages and servers say of its releases."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from rctrack.config import kinds
from rctrack.core.evidence import StationEvidence
from rctrack.core.look import Outcome
from rctrack.sources import SITES, Answer, Failed, Good
from tests.support.archive_servers import Pages, in_front_of, serve_answer
from tests.support.garbage import GARBAGE, HOSTILE
from tests.support.looking import Looker, look_at_site, outcome_of
from tests.support.material import BEGIN, make_epoch
from tests.support.servers import git_over_http, hanging_up, nobody_at_home
from tests.support.sites import receipt, releases

OLD, NEW = "1.0-rc1", "1.0-rc2"


@dataclass(slots=True)
class Served:
    """A site, and how a release comes to it."""

    url: str
    pages: Pages
    add: Callable[[str], None]


@contextmanager
def releases_json(folder: Path, versions: tuple[str, ...]) -> Iterator[Served]:
    """Nothing at all that is listed is a file that cannot be read, so an old release is always there."""
    shown = ["0.9", *versions]
    with serve_answer(404, "text/plain", b"") as pages:
        pages.broken = lambda *_: (200, "application/json", json.dumps(releases(*shown)).encode())
        yield Served(f"{pages.url}/releases.json", pages, shown.append)


@contextmanager
def gitolite_log(folder: Path, versions: tuple[str, ...]) -> Iterator[Served]:
    epoch = make_epoch(folder / "log.git")
    at = [BEGIN]

    def add(version: str) -> None:
        at[0] += timedelta(hours=1)
        receipt(epoch, at[0], (f"refs/tags/v{version}", "0" * 40, "1" * 40))

    for version in versions:
        add(version)
    with git_over_http(folder) as server, in_front_of(server.url) as pages:
        yield Served(f"{pages.url}/log.git", pages, add)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of site."""

    name: str
    serve: Callable[[Path, tuple[str, ...]], AbstractContextManager[Served]]
    prefix: str = ""
    """What stands before a version."""


KINDS = (Kind("releases.json", releases_json), Kind("gitolite-log", gitolite_log, "v"))
EVERY_KIND = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


def named(answer: Answer) -> set[str]:
    """What was pushed or listed."""
    assert isinstance(answer, Good), answer
    return {each.name for each in answer.evidence if isinstance(each, StationEvidence)}


def opened(kind: Kind, folder: Path, url: str) -> Looker:
    return look_at_site(folder, url, kind.name)


def test_every_kind_of_the_table_keeps_the_contract() -> None:
    """Whoever adds one adds it here; and what a project's file may name, there is."""
    assert {kind.name for kind in KINDS} == set(SITES) == set(kinds.SITES)


@EVERY_KIND
class TestEveryKind:
    """Whatever the site, it brings its own evidence and is told apart from what is none."""

    def test_news_are_brought_once(self, kind: Kind, tmp_path: Path) -> None:
        """What is there, then what is new; what was brought may be brought again, and is the same."""
        with kind.serve(tmp_path / "served", (OLD,)) as served:
            looker = opened(kind, tmp_path / "user", served.url)
            first = looker.good()
            assert f"{kind.prefix}{OLD}" in named(first)
            assert f"{kind.prefix}{NEW}" not in named(looker.look(first.cursor))
            served.add(NEW)
            assert f"{kind.prefix}{NEW}" in named(looker.look(first.cursor))

    def test_a_probe_is_good_costs_little_and_keeps_nothing(self, kind: Kind, tmp_path: Path) -> None:
        """By the beginning of the very look: a few questions, and the state folder is as it was."""
        with kind.serve(tmp_path / "served", (OLD,)) as served:
            looker = opened(kind, tmp_path / "user", served.url)
            assert outcome_of(looker.probe()) is Outcome.GOOD
            assert [file for file in looker.state.rglob("*") if file.is_file()] == []
            assert len(served.pages.asked) <= 8

    def test_one_without_news_of_ours_is_good(self, kind: Kind, tmp_path: Path) -> None:
        """A log without a push, a list without a candidate."""
        with kind.serve(tmp_path / "served", ()) as served:
            looker = opened(kind, tmp_path / "user", served.url)
            assert outcome_of(looker.probe()) is Outcome.GOOD
            first = looker.good()
            served.add(NEW)
            assert f"{kind.prefix}{NEW}" in named(looker.look(first.cursor))

    def test_who_is_not_there_is_told_apart_from_who_does_not_let_us_in(self, kind: Kind, tmp_path: Path) -> None:
        """By a look and by a probe: nobody listens, everybody is cut off, the name leads nowhere."""
        with nobody_at_home() as refusing, hanging_up() as cut:
            places = [(refusing, Outcome.REFUSED), (cut, Outcome.NO_ANSWER), ("http://no.invalid", Outcome.NO_ANSWER)]
            for url, expected in places:
                looker = opened(kind, tmp_path / "user", f"{url}/demo")
                answers = [looker.look(), looker.probe()]
                assert [outcome_of(answer) for answer in answers] == [expected] * 2, answers

    def test_garbage_is_a_reason_and_never_no_news(self, kind: Kind, tmp_path: Path) -> None:
        """A first look, a later one and a probe: the right word, and why; the host is named, and its pause kept."""
        with kind.serve(tmp_path / "served", (OLD,)) as served:
            cursor = opened(kind, tmp_path / "user", served.url).good().cursor
        for name, (page, expected) in GARBAGE.items():
            with serve_answer(*page) as host:
                looker = opened(kind, tmp_path / "user", f"{host.url}/demo")
                for answer in (looker.look(), looker.look(cursor), looker.probe()):
                    assert isinstance(answer, Failed), (name, answer)
                    assert (answer.outcome, host.url in answer.reason) == (expected, True), (name, answer)
                    assert (answer.pause is not None) == ("Retry-After" in page[1])

    def test_whatever_a_host_sends_is_a_reason(self, kind: Kind, tmp_path: Path) -> None:
        """No exception, and nothing that is taken for news or for none."""
        for name, page in HOSTILE.items():
            with serve_answer(*page) as host:
                looker = opened(kind, tmp_path / "user", f"{host.url}/demo")
                for answer in (looker.look(), looker.probe()):
                    assert isinstance(answer, Failed), (name, answer)
                    assert host.url in answer.reason
                    assert answer.reason.isprintable()

    def test_we_say_who_we_are(self, kind: Kind, tmp_path: Path) -> None:
        """One name, with a contact, and never that of a browser."""
        with kind.serve(tmp_path / "served", (OLD,)) as served:
            opened(kind, tmp_path / "user", served.url).good()
            assert all(agent.startswith("rctrack/") for agent in served.pages.agents)

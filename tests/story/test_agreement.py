"""What status, show, mails, digest and delays say of the same moment is the same; and each look folds once at most."""

import json as plain_json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase as Step
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from rctrack import config, replay
from rctrack.core.book import Book
from rctrack.core.evidence import Commit, Instant, MailEvidence, ObjectId, ProjectId, TagEvidence
from rctrack.core.fold import fold
from rctrack.core.lateness import Delay
from rctrack.core.notice import Kind, Phase
from rctrack.core.release import Release
from rctrack.core.summary import summary_of
from rctrack.core.version import VersionId
from rctrack.process import Runner
from rctrack.replay.recording import Feed, Recording
from rctrack.show import digest, json, tables
from rctrack.show import release as shown
from rctrack.show.forecasts import due_words
from rctrack.show.mails import Reader
from rctrack.sources import Tools
from rctrack.store import Store
from rctrack.track import book as books
from rctrack.track.book import History, read_book
from rctrack.track.hosts import survey
from rctrack.web import Web
from tests.support.following import PROGRAM, follow
from tests.support.given import moment
from tests.support.material import BEGIN, DAY, HOUR, Mail, make_epoch, make_repository
from tests.support.recorded import shipped_project
from tests.tools.golden import Mailbox

BEGINS = moment("2024-01-01 12:00")
READER = Reader("ann@example.org", ZoneInfo("UTC"))
PROJECT = shipped_project("util-linux", lists=True, mirrors=False)


@st.composite
def histories(draw: st.DrawFn) -> Recording:
    """A project of a few cycles: waits of days, mails in time, late, or never."""
    at, tags, mails = BEGINS, [], []
    for number in range(draw(st.integers(3, 6))):
        for name in [*(f"2.{40 + number}-rc{rc}" for rc in range(1, draw(st.integers(1, 3)) + 1)), f"2.{40 + number}"]:
            at += timedelta(days=draw(st.integers(1, 30)), minutes=draw(st.integers(0, 600)))
            tags.append((at, _tag(name, at)))
            lag = draw(st.sampled_from([timedelta(minutes=20), timedelta(minutes=45), timedelta(days=4), None]))
            if lag is not None:
                mails.append((at + lag, _mail(name, at + lag)))
    [hosts], [lists] = PROJECT.tags, PROJECT.lists
    feeds = {
        hosts.source: Feed(tuple(tags), is_alive=True),
        lists.source: Feed(tuple(sorted(mails, key=lambda each: each[0])), is_alive=True, begins_at=BEGINS),
    }
    return Recording(PROJECT, BEGINS, at + timedelta(days=draw(st.integers(1, 40))), feeds, {})


def _tag(name: str, at: datetime) -> TagEvidence:
    made = Instant(at, timedelta(0))
    return TagEvidence(f"v{name}", ObjectId(f"object of {name}"), Commit(f"commit of {name}"), made)


def _mail(name: str, at: datetime) -> MailEvidence:
    content = Mail(f"[ANNOUNCE] util-linux v{name}", "Karel Zak <kzak@redhat.com>", at=at).content()
    return MailEvidence(name, content, Instant(at + timedelta(minutes=2), timedelta(0)))


@contextmanager
def played(recording: Recording) -> Iterator[tuple[Store, Book, Mailbox]]:
    """The database at the end, the book that is read from it, and the mails."""
    settings_ = config.load(config.shipped() / "rctrack.toml", None, {})
    followed = replace(settings_, projects=(recording.project,))
    mailbox = Mailbox([])
    with TemporaryDirectory(prefix="rctrack-") as folder, Store(Path(folder) / "replay.db", durable=False) as store:
        tools = Tools(Runner(), Path(folder), PROGRAM, lambda *_: None, Web(PROGRAM))
        replay.replay(recording, followed, store, tools, mailbox.at, PROGRAM)
        health = survey(store, followed, recording.end).health
        book = read_book(store, recording.project, History(config.shipped() / "history"), health, recording.end)
        yield store, book, mailbox


def _known(delay: Delay) -> tuple[object, ...]:
    """All but when it was last proved, which goes on with each look."""
    return (*delay.key, delay.until, delay.cause, delay.ended)


@settings(max_examples=6, deadline=None, phases=(Step.reuse, Step.generate))
@for_all(histories())
def test_all_views_agree_on_newest_next_and_late(recording: Recording) -> None:
    """Newest: status, show, digest. Next: status, digest, notice. Late: delays, notices, digest, show."""
    with played(recording) as (store, book, _):
        project, now = recording.project.id, recording.end
        newest, due, delays = store.projection.newest(project), store.notices.newest_due(project), book.delays(now)
        assert newest is not None
        assert book.newest is not None
        late = [each for each in delays if each.ended is None]
        status = json.status(project, newest, book.runs, due, [(each.version, each) for each in late], {}, now)
        period = digest.Period(now - timedelta(days=7), now, now)
        text = " ".join(digest.text([book], [], [], period, READER).split())

        assert status["newest"] == book.newest.version.text == summary_of(book.newest).version
        assert book.newest.name in shown.text("Demo", book.newest, [])
        assert book.newest.name in text

        assert due == book.due
        assert due is not None
        assert f"next: {due_words(due, now)}" in text
        assert status["next_in_words"] == due_words(due, now)
        assert status["next_in_words"] in tables.status([status])

        assert {_known(each) for each in store.projection.delays(project)} == {_known(each) for each in delays}
        told = {each.subject for each in book.notices.values() if each.kind is Kind.LATE and each.phase is Phase.LATE}
        over = {
            each.subject for each in book.notices.values() if each.kind is Kind.LATE and each.phase is not Phase.LATE
        }
        assert {" ".join(each.key).rstrip() for each in late if each.kind != "tag"} <= told
        assert not told - over - {" ".join(each.key).rstrip() for each in late}
        for each in late:
            release = book.release_of(each)
            assert f"{release.name if release else each.version} is late: " in text
        assert plain_json.loads(plain_json.dumps(status))["late"] == status["late"]


def test_a_look_folds_once_and_one_without_news_folds_nothing(tmp_path: Path, folds: list[str]) -> None:
    """However many mails, tags, delays and forecasts follow from it."""
    repository = make_repository(tmp_path / "demo.git")
    repository.release("1.0", "1.1-rc1")
    epoch = make_epoch(tmp_path / "archive" / "git" / "0.git")
    epoch.add(Mail("[ANNOUNCE] demo v1.1-rc1", at=repository.now + HOUR))
    demo = follow(tmp_path / "user", tags=[repository.path], lists=[tmp_path / "archive" / "git"])
    demo.poll(BEGIN + 30 * DAY)
    folds.clear()
    repository.release("1.1-rc2", "1.1")
    epoch.add(
        Mail("[ANNOUNCE] demo v1.1", at=repository.now + HOUR), Mail("[ANNOUNCE] demo v1.1-rc2", at=repository.now)
    )
    demo.poll(BEGIN + 30 * DAY + HOUR)
    assert folds == ["demo", "demo"], "one for the tags, one for the mails"
    folds.clear()
    demo.poll(BEGIN + 30 * DAY + 75 * timedelta(minutes=1))
    assert folds == []


@pytest.fixture
def folds(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The projects that were folded, in order; the fold itself is the real one."""
    seen: list[str] = []

    def counted(project: ProjectId, *given: Any) -> Mapping[VersionId, Release]:
        seen.append(project)
        return fold(project, *given)

    monkeypatch.setattr(books, "fold", counted)
    return seen

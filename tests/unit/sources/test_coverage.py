"""What all mails of an archive tell of it: when it begins, how new its newest mail is, what it stored late."""

import gzip
import json
import mailbox
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rctrack.core.hosts import archive_outages
from rctrack.core.look import Outcome
from rctrack.sources import Failed
from rctrack.sources.manifest import read_manifest
from rctrack.sources.protocol import Coverage
from tests.support.archive_servers import Answer, Inbox, in_front_of, public_inbox
from tests.support.archives import open_archive
from tests.support.following import SUBJECT, follow
from tests.support.looking import look_at_list
from tests.support.material import BEGIN, DAY, LIST_SERVER, MAINTAINER, MINUTE, Mail, make_epoch
from tests.support.rendered import CORPUS, RULES
from tests.support.servers import nobody_at_home

Needs = Callable[[str], Path]
FUTURE = datetime(2038, 1, 19, 3, 14, 7, tzinfo=UTC)
PAST = datetime(1970, 1, 1, tzinfo=UTC)


def talk(day: float, *, stored_after: timedelta = 5 * MINUTE) -> Mail:
    """Talk, written on that day, delivered two minutes later, stored by the archive's own clock."""
    at = BEGIN + day * DAY
    return Mail(f"Re: day {day}", "Sam <sam@example.org>", at=at, archived_after=stored_after)


FILL = [talk(day, stored_after=(10 - day) * DAY) for day in (0, 1, 2)]
"""Stored together on the tenth day: the archive's first fill."""


class TestPublicInbox:
    """One commit per mail; its committer date is the importer's own clock, or a copy of Received."""

    def test_it_goes_from_the_oldest_mail_to_the_newest(self, tmp_path: Path) -> None:
        """Of all mails, though none announces anything."""
        make_epoch(tmp_path / "list.git").add(*FILL, talk(11), talk(12))
        good = look_at_list(tmp_path / "user", tmp_path / "list.git").good()
        assert good.evidence == ()
        assert (good.coverage.begins_at, good.coverage.newest_at) == (BEGIN, BEGIN + 12 * DAY)

    def test_the_next_look_tells_of_new_mails_alone(self, tmp_path: Path) -> None:
        """It does not tell when the archive begins; without a new mail it tells nothing."""
        epoch = make_epoch(tmp_path / "list.git")
        epoch.add(talk(11))
        looker = look_at_list(tmp_path / "user", tmp_path / "list.git")
        cursor = looker.good().cursor
        assert looker.good(cursor).coverage == Coverage(None, None)
        epoch.add(talk(13), talk(14))
        coverage = looker.good(cursor).coverage
        assert (coverage.begins_at, coverage.newest_at) == (None, BEGIN + 14 * DAY)
        assert {delivered for delivered, _ in coverage.deliveries} == {BEGIN + 13 * DAY, BEGIN + 14 * DAY}

    def test_what_was_stored_late_counts_from_its_delivery_to_the_list(self, tmp_path: Path) -> None:
        """The Date is days older than the Received of the list's server: the archive is late by the latter."""
        held = replace(talk(13), delivered_after=2 * DAY, archived_after=6 * DAY)
        make_epoch(tmp_path / "list.git").add(talk(11), talk(12), held)
        coverage = look_at_list(tmp_path / "user", tmp_path / "list.git").good().coverage
        late = [pair for pair in coverage.deliveries if pair[1] - pair[0] > DAY]
        assert late == [(BEGIN + 15 * DAY, BEGIN + 21 * DAY)]

    def test_a_mail_that_the_list_held_is_not_stored_late(self, tmp_path: Path) -> None:
        """Written on Monday, delivered on Friday, stored at once: its archive was never out."""
        held = replace(talk(13), delivered_after=4 * DAY)
        make_epoch(tmp_path / "list.git").add(talk(11), talk(12), held)
        coverage = look_at_list(tmp_path / "user", tmp_path / "list.git").good().coverage
        assert [pair for pair in coverage.deliveries if pair[1] - pair[0] > DAY] == []

    def test_the_first_fill_is_no_outage(self, tmp_path: Path) -> None:
        """What was delivered before the archive stored its first mail was not stored late."""
        make_epoch(tmp_path / "list.git").add(*FILL, talk(10.5), talk(12, stored_after=3 * DAY), talk(16))
        coverage = look_at_list(tmp_path / "user", tmp_path / "list.git").good().coverage
        assert min(coverage.deliveries)[0] > BEGIN + 10 * DAY, "nor are the mails of a first fill read for it"
        [outage] = archive_outages("list", coverage.deliveries)
        assert (outage.since, outage.until) == (BEGIN + 12 * DAY + 2 * MINUTE, BEGIN + 15 * DAY + 2 * MINUTE)

    def test_weeks_of_mail_that_come_at_once_while_we_watch_are_an_outage(self, tmp_path: Path) -> None:
        """They are no first fill: the archive began long before. Read at once or bit by bit, it is the same outage."""
        before, backlog = [*FILL, talk(10.5)], [talk(12, stored_after=8 * DAY), talk(15, stored_after=5 * DAY)]
        epoch = make_epoch(tmp_path / "list.git")
        epoch.add(*before)
        looker = look_at_list(tmp_path / "user", tmp_path / "list.git")
        first = looker.good()
        epoch.add(*backlog)
        watched = archive_outages("list", [*first.coverage.deliveries, *looker.good(first.cursor).coverage.deliveries])
        assert watched == archive_outages("list", looker.good().coverage.deliveries)
        [outage] = watched
        assert (outage.since, outage.until) == (BEGIN + 12 * DAY + 2 * MINUTE, BEGIN + 20 * DAY + 2 * MINUTE)

    def test_of_a_busy_hour_one_mail_is_kept(self, tmp_path: Path) -> None:
        """An epoch of LKML has a quarter of a million."""
        make_epoch(tmp_path / "list.git").add(*(talk(11 + minute / 1440) for minute in range(50)))
        coverage = look_at_list(tmp_path / "user", tmp_path / "list.git").good().coverage
        assert len(coverage.deliveries) == 1

    def test_a_date_in_the_future_proves_nothing(self, tmp_path: Path) -> None:
        """The archive stored it on the twelfth day: more is not known."""
        wrong = Mail("Re: x", at=FUTURE, delivered_after=BEGIN + 12 * DAY - FUTURE, archived_after=5 * MINUTE)
        make_epoch(tmp_path / "list.git").add(talk(11), wrong)
        coverage = look_at_list(tmp_path / "user", tmp_path / "list.git").good().coverage
        assert coverage.newest_at == wrong.archived_at

    def test_a_date_of_1970_is_neither_a_begin_nor_an_outage(self, tmp_path: Path) -> None:
        """In the middle of an archive that was always in time."""
        wrong = Mail("Re: x", at=PAST, delivered_after=BEGIN + 12 * DAY - PAST, archived_after=5 * MINUTE)
        make_epoch(tmp_path / "list.git").add(talk(11), wrong, talk(13))
        coverage = look_at_list(tmp_path / "user", tmp_path / "list.git").good().coverage
        assert (coverage.begins_at, coverage.newest_at) == (BEGIN + 11 * DAY, BEGIN + 13 * DAY)
        assert archive_outages("list", coverage.deliveries) == ()

    def test_the_coverage_of_all_epochs_is_one(self, tmp_path: Path) -> None:
        """The oldest begin and the newest mail of any; an empty epoch tells nothing."""
        for number, days in enumerate(((1, 2), (20, 21), ())):
            make_epoch(tmp_path / "list" / "git" / f"{number}.git").add(*map(talk, days)) if days else make_epoch(
                tmp_path / "list" / "git" / f"{number}.git"
            )
        coverage = look_at_list(tmp_path / "user", tmp_path / "list").good().coverage
        assert (coverage.begins_at, coverage.newest_at) == (BEGIN + DAY, BEGIN + 21 * DAY)
        assert len(coverage.deliveries) == 4

    def test_an_archive_without_a_mail_shows_no_coverage(self, tmp_path: Path) -> None:
        """It is there, and nothing more can be said."""
        make_epoch(tmp_path / "list" / "git" / "0.git")
        assert look_at_list(tmp_path / "user", tmp_path / "list").good().coverage == Coverage(None, None)


class TestPublicInboxHttp:
    """The manifest of the inbox's epochs says when the youngest was changed."""

    def test_the_manifest_of_a_real_inbox_says_when_its_newest_mail_came(self, tmp_path: Path, needs: Needs) -> None:
        """Also of one that announces nothing, before and after it comes."""
        programs = needs("public-inbox-httpd").parent
        with public_inbox(tmp_path / "archive", programs, [CORPUS[0].content()]) as inbox:
            assert newest_at(tmp_path, inbox.url) == CORPUS[0].delivered_at
            inbox.add(CORPUS[2].content())
            assert newest_at(tmp_path, inbox.url) == CORPUS[2].delivered_at

    @pytest.mark.parametrize(
        "answer",
        [
            (404, "text/plain", b"Not Found"),
            (200, "application/gzip", b"garbage"),
            (200, "application/gzip", gzip.compress(b"<html>")),
            (200, "text/html", b"<html>Making sure you are not a bot</html>"),
            (503, "text/plain", b"later"),
        ],
        ids=["absent", "garbage", "gzipped-garbage", "challenge", "busy"],
    )
    def test_without_a_manifest_the_search_still_works(self, searched: Inbox, tmp_path: Path, answer: Answer) -> None:
        """The mails are found; of its newest mail nothing is said."""
        with in_front_of(searched.url) as host:
            host.broken = lambda _, path: answer if "manifest" in path else None
            good = open_archive(tmp_path, "public-inbox-http", host.url, RULES).good()
        assert len(good.evidence) == 1
        assert good.coverage == Coverage(None, None)

    def test_a_host_that_is_away_is_no_silent_archive(self, tmp_path: Path) -> None:
        """The look failed."""
        with nobody_at_home() as url:
            answer = open_archive(tmp_path, "public-inbox-http", f"{url}/demo", RULES).look()
        assert isinstance(answer, Failed)
        assert answer.outcome is Outcome.REFUSED

    @pytest.mark.parametrize(
        "manifest",
        [[], {}, {"/a": {}}, {"/a": []}, {"/a": {"modified": "soon"}}, {"/a": {"modified": 10**30}}, None, 7],
    )
    def test_a_manifest_that_says_nothing_is_none(self, manifest: object) -> None:
        """Whatever it holds instead."""
        told = read_manifest(gzip.compress(json.dumps(manifest).encode()))
        assert told is None or (told.newest_at, told.fingerprint, told.epochs) == (None, "", ())

    def test_the_youngest_of_the_epochs_counts(self) -> None:
        """An old epoch does not change any more."""
        manifest = {"/demo/git/0.git": {"modified": 1000}, "/demo/git/1.git": {"modified": 2000}}
        told = read_manifest(gzip.compress(json.dumps(manifest).encode()))
        assert told is not None
        assert (told.newest_at, told.epochs) == (PAST + timedelta(seconds=2000), (0, 1))


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory, needs: Needs) -> Iterator[Inbox]:
    """A real inbox with one announcement."""
    programs = needs("public-inbox-httpd").parent
    with public_inbox(tmp_path_factory.mktemp("archive"), programs, [CORPUS[0].content()]) as inbox:
        yield inbox


def newest_at(folder: Path, url: str) -> datetime | None:
    return open_archive(folder, "public-inbox-http", url, RULES).good().coverage.newest_at


class TestFiles:
    """Subscribers' own files: when a mail came is its newest Received."""

    def test_of_an_mbox_the_oldest_and_the_newest_mail(self, tmp_path: Path) -> None:
        """Then of what was added alone."""
        add_to_mbox(tmp_path / "box", talk(2), talk(1), talk(3))
        archive = open_archive(tmp_path, "mbox", tmp_path / "box", RULES)
        first = archive.good()
        assert first.coverage == Coverage(BEGIN + DAY + 2 * MINUTE, BEGIN + 3 * DAY + 2 * MINUTE)
        add_to_mbox(tmp_path / "box", talk(4))
        assert archive.good(first.cursor).coverage == Coverage(None, BEGIN + 4 * DAY + 2 * MINUTE)

    def test_of_a_maildir_the_oldest_and_the_newest_mail(self, tmp_path: Path) -> None:
        """Then of what came alone."""
        folder = mailbox.Maildir(tmp_path / "folder")
        for mail in (talk(2), talk(1), talk(3)):
            folder.add(mail.content())
        archive = open_archive(tmp_path, "maildir", tmp_path / "folder", RULES)
        first = archive.good()
        assert first.coverage == Coverage(BEGIN + DAY + 2 * MINUTE, BEGIN + 3 * DAY + 2 * MINUTE)
        folder.add(talk(4).content())
        assert archive.good(first.cursor).coverage.newest_at == BEGIN + 4 * DAY + 2 * MINUTE

    def test_an_empty_mbox_shows_no_coverage(self, tmp_path: Path) -> None:
        """Nor does a mail without any date."""
        (tmp_path / "box").write_bytes(b"")
        archive = open_archive(tmp_path, "mbox", tmp_path / "box", RULES)
        assert archive.good().coverage == Coverage(None, None)
        (tmp_path / "box").write_bytes(b"From a@example.org Sun Mar  1 12:00:00 2026\nSubject: x\n\nx\n")
        assert archive.good().coverage == Coverage(None, None)


class TestWhatIsKept:
    """The store keeps the coverage of an archive; a clock of the future does not count."""

    def test_a_mail_that_seems_to_come_from_the_future_proves_nothing(self, tmp_path: Path) -> None:
        """Its own list server's clock is wrong by years; the next mail counts again."""
        wrong = Mail("Re: x", at=FUTURE)
        add_to_mbox(tmp_path / "box", talk(1))
        demo = follow(tmp_path / "user", settings=mbox_settings(tmp_path / "box"))
        demo.poll(BEGIN + 2 * DAY)
        add_to_mbox(tmp_path / "box", wrong)
        demo.poll(BEGIN + 5 * DAY)
        [source] = demo.rows("SELECT begins_at, alive_at FROM sources")
        assert source == {"begins_at": "2026-03-02T12:02:00Z", "alive_at": "2026-03-02T12:02:00Z"}
        add_to_mbox(tmp_path / "box", talk(6))
        demo.poll(BEGIN + 7 * DAY)
        assert demo.rows("SELECT alive_at FROM sources") == [{"alive_at": "2026-03-07T12:02:00Z"}]

    def test_the_newest_mail_never_goes_back(self, tmp_path: Path) -> None:
        """An old mail that is filed today."""
        add_to_mbox(tmp_path / "box", talk(3))
        demo = follow(tmp_path / "user", settings=mbox_settings(tmp_path / "box"))
        demo.poll(BEGIN + 4 * DAY)
        add_to_mbox(tmp_path / "box", talk(1))
        demo.poll(BEGIN + 5 * DAY)
        assert demo.rows("SELECT begins_at, alive_at FROM sources") == [
            {"begins_at": "2026-03-04T12:02:00Z", "alive_at": "2026-03-04T12:02:00Z"}
        ]


def mbox_settings(path: Path) -> str:
    return (
        f'[[lists]]\nkind = "mbox"\nurl = "{path}"\nfrom = ["{MAINTAINER}"]\n'
        f"subject = '{SUBJECT}'\nserver = [\"{LIST_SERVER}\"]\n"
    )


def add_to_mbox(path: Path, *mails: Mail) -> None:
    with path.open("ab") as file:
        for mail in mails:
            file.write(
                f"From kim@example.org {mail.delivered_at:%a %b %e %H:%M:%S %Y}\n".encode() + mail.content() + b"\n"
            )

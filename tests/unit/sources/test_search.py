"""How an inbox is searched: how far back, how often, whether at all, and for whom; on the real public-inbox."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from rctrack.sources import Good
from tests.support.archive_servers import Inbox, Pages, in_front_of, public_inbox
from tests.support.archives import Archive, open_archive
from tests.support.material import BEGIN, DAY, HOUR, LIST_SERVER, MAINTAINER, MINUTE, Mail
from tests.support.rendered import RULES

Needs = Callable[[str], Path]
FIRST, TALK, NEWS = (
    Mail("[ANNOUNCE] demo v1.0-rc1", at=BEGIN),
    Mail("Re: of something else", at=BEGIN + DAY),
    Mail("[ANNOUNCE] demo v1.0-rc2", at=BEGIN + 2 * DAY),
)
OWN = f"demo@{LIST_SERVER}"
WAITING = (BEGIN - 90 * DAY).date()
"""How far back the long window goes."""


@dataclass(slots=True)
class Searched:
    """An inbox behind a host that counts, and who searches it."""

    inbox: Inbox
    host: Pages
    archive: Archive
    cursor: str | None = None

    def look(self, now: datetime) -> list[str]:
        """The subjects that a look at that moment brings; the next one goes on from there."""
        answer = self.archive.good(self.cursor, WAITING, now)
        self.cursor = answer.cursor
        return [announced.subject for announced in self.archive.recognised(answer).values()]

    def windows(self, now: datetime) -> list[str]:
        """The first days of what a look at that moment searches; none where it does not search."""
        begin = len(self.host.asked)
        self.look(now)
        searches = [asked for asked in self.host.asked[begin:] if asked.startswith("POST")]
        queries = [parse_qs(urlsplit(asked.split(" ")[1]).query)["q"][0] for asked in searches]
        return [query.partition(" d:")[2] for query in queries]


@pytest.fixture
def searched(tmp_path: Path, needs: Needs) -> Iterator[Searched]:
    with (
        public_inbox(tmp_path / "archive", needs("public-inbox-httpd").parent, [FIRST.content()]) as inbox,
        in_front_of(inbox.url) as host,
    ):
        yield Searched(inbox, host, open_archive(tmp_path, "public-inbox-http", host.url, RULES))


def test_a_look_reaches_back_two_days_and_once_a_day_the_long_way(searched: Searched) -> None:
    """A day more for the zones of Date headers; the first look searches all there is."""
    now = BEGIN + HOUR
    assert searched.windows(now) == [""]
    searched.inbox.add(TALK.content())
    assert searched.windows(now + 10 * MINUTE) == [f"{now - 3 * DAY:%Y%m%d}.."]
    searched.inbox.add(NEWS.content())
    assert searched.windows(now + DAY) == [f"{WAITING - DAY:%Y%m%d}.."]
    assert searched.windows(now + DAY + 10 * MINUTE) == [f"{now - 2 * DAY:%Y%m%d}.."]


def test_a_look_after_a_long_time_reaches_back_to_the_one_before(searched: Searched) -> None:
    """What came while nobody looked, and two days more."""
    searched.look(BEGIN + HOUR)
    memory = searched.cursor
    searched.inbox.add(TALK.content())
    searched.look(BEGIN + 20 * DAY)
    searched.inbox.add(NEWS.content())
    assert searched.windows(BEGIN + 20 * DAY + HOUR) == [f"{BEGIN + 17 * DAY:%Y%m%d}.."]
    searched.cursor = memory
    assert "demo v1.0-rc2" in "".join(searched.look(BEGIN + 30 * DAY))


def test_an_inbox_that_has_not_changed_is_not_searched(searched: Searched) -> None:
    """Its manifest says so, in one small request; for an hour after a change the index may still be made."""
    assert searched.windows(BEGIN) == [""]
    assert len(searched.windows(BEGIN + 30 * MINUTE)) == 1
    assert len(searched.windows(BEGIN + 61 * MINUTE)) == 1
    begin = len(searched.host.asked)
    for hours in range(2, 48):
        assert searched.windows(BEGIN + hours * HOUR) == [] or hours == 25, hours
    assert {asked.split("/")[-1] for asked in searched.host.asked[begin:] if asked.startswith("GET")} == {
        "manifest.js.gz"
    }
    searched.inbox.add(NEWS.content())
    assert searched.look(BEGIN + 3 * DAY) == [NEWS.subject]


def test_a_mail_that_is_indexed_only_after_the_manifest_changed_is_found(searched: Searched) -> None:
    """A mirror fetches first and makes its index afterwards."""
    usual = searched.host.broken
    searched.look(BEGIN)
    searched.inbox.add(NEWS.content())
    searched.host.broken = lambda method, path: (
        (404, "text/html", b"No results found\n") if method == "POST" else usual(method, path)
    )
    now = NEWS.at + HOUR
    assert searched.look(now) == []
    searched.host.broken = usual
    assert searched.look(now + 10 * MINUTE) == [NEWS.subject]


def test_an_inbox_without_a_manifest_is_searched_at_each_look(searched: Searched) -> None:
    """Nothing says that it has not changed."""
    searched.host.broken = lambda _, path: (404, "text/plain", b"no") if "manifest" in path else None
    assert [len(searched.windows(BEGIN + hours * HOUR)) for hours in range(5)] == [1] * 5


def test_a_clock_that_was_put_back_hides_nothing(searched: Searched) -> None:
    """From there on two days back, as always."""
    searched.look(BEGIN + 400 * DAY)
    searched.inbox.add(NEWS.content())
    assert searched.look(NEWS.at + HOUR) == [NEWS.subject]


def test_a_cursor_of_before_is_gone_on_from(searched: Searched) -> None:
    """What was brought is known; it was a list of Message-IDs."""
    searched.cursor = f'["{FIRST.id}"]'
    searched.inbox.add(NEWS.content())
    assert searched.look(NEWS.at + HOUR) == [NEWS.subject]


LISTED = f"To: {OWN}\nList-Id: <demo.{LIST_SERVER}>\nList-Post: <mailto:{OWN}>\n"


def munged(number: int, sender: str, more: str) -> bytes:
    """An announcement whose From the list has written."""
    mail = Mail(f"[ANNOUNCE] demo v2.{number}", sender, at=BEGIN + number * HOUR)
    return mail.content().replace(f"To: {OWN}\n".encode(), f"{LISTED}{more}".encode())


@pytest.mark.parametrize(
    ("sender", "more"),
    [
        (f"Kim Maintainer via Demo <{OWN}>", f"Reply-To: Kim Maintainer <{MAINTAINER}>\n"),
        (f"Kim Maintainer <{OWN}>", f"X-Original-From: Kim Maintainer <{MAINTAINER}>\n"),
    ],
    ids=["Reply-To", "X-Original-From"],
)
def test_a_list_that_writes_its_own_address_into_from_is_searched_and_read(
    tmp_path: Path, needs: Needs, sender: str, more: str
) -> None:
    """By its own address, which the inbox tells; and by epochs the same."""
    with public_inbox(tmp_path / "archive", needs("public-inbox-httpd").parent, [munged(1, sender, more)]) as inbox:
        for kind, url in (("public-inbox-http", inbox.url), ("public-inbox", str(inbox.archive))):
            archive = open_archive(tmp_path / kind, kind, url, RULES)
            first = archive.good(None, WAITING, BEGIN)
            assert [mail.sender for mail in archive.recognised(first).values()] == [MAINTAINER], kind


def test_a_list_whose_author_stands_in_cc_is_found_too(tmp_path: Path, needs: Needs) -> None:
    """Where replies go to the list, Mailman puts the author there; whether that counts is the recogniser's to say."""
    sender, more = f"Kim Maintainer via Demo <{OWN}>", f"Reply-To: Demo <{OWN}>\nCc: Kim Maintainer <{MAINTAINER}>\n"
    with public_inbox(tmp_path / "archive", needs("public-inbox-httpd").parent, [munged(1, sender, more)]) as inbox:
        archive = open_archive(tmp_path / "user", "public-inbox-http", inbox.url, RULES)
        assert len(archive.good(None, WAITING, BEGIN).evidence) == 1


def test_a_message_id_that_is_used_again_is_another_mail(searched: Searched) -> None:
    """A script or a draft that was used again; the same mail once more, by another way, is not."""
    assert searched.look(BEGIN + HOUR) == [FIRST.subject]
    again = Mail("[ANNOUNCE] demo v1.0-rc3", at=NEWS.at, message_id=FIRST.id)
    searched.inbox.add(again.content())
    answer = searched.archive.good(searched.cursor, WAITING, NEWS.at + HOUR)
    assert isinstance(answer, Good)
    assert [mail.subject for mail in searched.archive.recognised(answer).values()] == [again.subject]
    later = searched.archive.good(answer.cursor, WAITING, NEWS.at + timedelta(hours=2))
    assert later.evidence == ()

"""What single pages of web archives show, beyond the contract of all archives."""

import gzip
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from rctrack.core.look import Outcome
from rctrack.core.recognise import header_text, parse_headers
from rctrack.core.recognise.headers import addresses
from rctrack.sources.html.archive import Reader
from rctrack.sources.kinds.hypermail import Hypermail
from rctrack.sources.kinds.mhonarc import Mhonarc
from rctrack.sources.kinds.pipermail import Pipermail
from tests.contract.test_lists import by_atom
from tests.support import rendered
from tests.support.archive_servers import Pages, serve_folder
from tests.support.archives import LOOKED_AT, open_archive
from tests.support.garbage import WALL
from tests.support.looking import outcome_of
from tests.support.material import HOUR, Mail
from tests.support.rendered import ANNOUNCED, CORPUS, NEWS, RULES, render_hyperkitty
from tests.support.strange import READERS, page


def reader(kind: type[Reader]) -> Reader:
    """The one of this kind."""
    return next(each for each in READERS if isinstance(each, kind))


def test_what_hypermail_escaped_twice_is_read() -> None:
    """Its comments hold what was escaped for the page already."""
    made = reader(Hypermail).mail(
        page(
            b'<!-- name="Kim &amp;#220; M" -->\n<!-- email="kim_at_example.org" -->\n'
            b'<!-- subject="demo v1.1 &amp;quot;Salt &amp;amp; Pepper&amp;quot;" -->\n<!-- id="a@b" -->\n'
            b'<!-- body="start" -->\n<p>out</p>\n<!-- body="end" -->\n'
        )
    )
    assert made is not None
    headers = parse_headers(made)
    assert header_text(headers, "Subject", 100) == 'demo v1.1 "Salt & Pepper"'
    assert addresses(headers, "From") == ("kim@example.org",)


def test_the_newest_period_of_hypermail_is_read_first() -> None:
    """Whatever the order of the links; each with the last day that it can hold."""
    links = b"".join(b'<a href="%s/index.html">x</a>' % each for each in (b"9912.0", b"2412.1", b"2501.0", b"2024/03"))
    assert reader(Hypermail).index(page(links)).periods == (
        ("2501.0/index.html", date(2025, 1, 31)),
        ("2412.1/index.html", date(2024, 12, 31)),
        ("2024/03/index.html", date(2024, 3, 31)),
        ("9912.0/index.html", date(1999, 12, 31)),
    )


def test_the_sender_that_mhonarc_rotates_is_read_where_its_heading_shows_none() -> None:
    """Letters and the sign @, each by its own circle, and what HTML needs escaped afterwards."""
    made = reader(Mhonarc).mail(
        page(
            b"<!--X-Subject: demo v1.1 -->\n<!--X-From-R13: Yvz &#60;xvzNrknzcyr.bet> -->\n"
            b"<!--X-Date: Mon, 2 Mar 2026 10:00:00 +0000 -->\n<!--X-Message-Id: a@b -->\n<!--X-Head-End-->\n"
            b"<!--X-Body-of-Message-->\n<pre>out</pre>\n<!--X-Body-of-Message-End-->\n"
        )
    )
    assert made is not None
    assert addresses(parse_headers(made), "From") == ("kim@example.org",)
    assert b"From: Kim <" in made
    assert made.endswith(b"out\n")


def test_the_pages_of_a_month_are_read_as_far_as_known_mail_begins(tmp_path: Path) -> None:
    """All of them at the first look; later no page behind one on which nothing is new."""
    mails = [replace(NEWS, subject=f"[ANNOUNCE] demo v1.{n}", at=NEWS.at + n * HOUR) for n in range(10)]
    folder = tmp_path / "archives" / "list" / "demo@lists.example.org"
    render_hyperkitty(folder, mails[:9])
    with serve_folder(tmp_path) as host:
        archive = open_archive(tmp_path / "state", "hyperkitty", f"{host.url}/archives/list/{folder.name}", RULES)
        cursor = archive.good().cursor
        assert {each[-1] for each in host.asked if "page=" in each} == {"2", "3", "4", "5"}
        host.asked.clear()
        render_hyperkitty(folder, mails)
        assert len(archive.good(cursor).evidence) == 1
        assert {each[-1] for each in host.asked if "page=" in each} == {"2"}


def test_a_feed_of_several_pages_is_read_to_its_end(tmp_path: Path, needs: Callable[[str], Path]) -> None:
    """A real public-inbox shows 200 a page; what is older stands on the next one."""
    replies = tuple(replace(NEWS, subject=f"Re: {NEWS.subject} {n}", at=NEWS.at + n * HOUR) for n in range(1, 230))
    with by_atom(tmp_path / "archive", needs, (NEWS, *replies)) as served:
        archive = open_archive(tmp_path, served.kind, served.url, RULES)
        assert archive.recognised(archive.good()).keys() == {NEWS.id}
        assert served.pages is not None
        assert [each.rpartition("o=")[2] for each in served.pages.asked if "x=A" in each] == ["0", "200"]


class TestPipermail:
    """A mail is read in the mailbox of its month, and on its page where that cannot be."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        rendered.render_pipermail(tmp_path / "demo", CORPUS)
        return tmp_path / "demo"

    def test_a_mail_that_is_packed_by_night_only_is_read_where_it_is(self, folder: Path, tmp_path: Path) -> None:
        """The packed mailbox lacks it, the plain one is not there, its page is."""
        (folder / "2026-March.txt").unlink()
        (folder / "2026-March.txt.gz").write_bytes(gzip.compress(b""))
        with serve_folder(tmp_path) as host:
            archive = open_archive(tmp_path / "state", "pipermail", f"{host.url}/demo", RULES)
            assert archive.recognised(archive.good()).keys() == ANNOUNCED.keys()

    @pytest.mark.parametrize("content", [b"", b"\x1f\x8b no gzip", b"no mailbox", bytes(range(256)) * 9], ids=range(4))
    def test_a_mailbox_that_is_none_hides_no_mail(self, folder: Path, tmp_path: Path, content: bytes) -> None:
        """The pages are there."""
        for file in folder.glob("*.txt*"):
            file.write_bytes(content)
        with serve_folder(tmp_path) as host:
            archive = open_archive(tmp_path / "state", "pipermail", f"{host.url}/demo", RULES)
            assert archive.recognised(archive.good()).keys() == ANNOUNCED.keys()

    def test_two_mails_of_one_subject_are_told_apart_by_their_pages(self, tmp_path: Path) -> None:
        """In a mailbox they could be either."""
        again = replace(NEWS, at=NEWS.at + HOUR, message_id="again@example.org")
        rendered.render_pipermail(tmp_path / "demo", [NEWS, again])
        with serve_folder(tmp_path) as host:
            archive = open_archive(tmp_path / "state", "pipermail", f"{host.url}/demo", RULES)
            announced = archive.recognised(archive.good())
        dates = {key: mail.announced.at for key, mail in announced.items() if mail.announced}
        assert dates == {mail.id: mail.at for mail in (NEWS, again)}

    def test_a_host_that_blocks_at_a_mailbox_blocks_the_look(self, tmp_path: Path, folder: Path) -> None:
        """It is not asked for pages instead."""
        with serve_folder(tmp_path) as host:
            host.broken = lambda _, path: (429, "text/html", b"") if ".txt" in path else None
            archive = open_archive(tmp_path / "state", "pipermail", f"{host.url}/demo", RULES)
            assert outcome_of(archive.look()) is Outcome.BLOCKED
            assert len([asked for asked in host.asked if ".txt" in asked]) == 1

    @pytest.mark.parametrize(
        ("name", "last"),
        [
            ("2026-March", date(2026, 3, 31)),
            ("2024-February", date(2024, 2, 29)),
            ("2026-f%C3%A9vrier", date(2026, 12, 31)),
            ("2026q1", date(2026, 12, 31)),
            ("Week-of-Mon-20260302", date(2026, 12, 31)),
            ("2026", date(2026, 12, 31)),
            ("archive", None),
        ],
    )
    def test_a_period_in_any_language_ends_with_its_year(self, name: str, last: date | None) -> None:
        """So that those of years gone by are not asked for again."""
        shown = reader(Pipermail).index(page(f'<a href="{name}/date.html">x</a>'.encode()))
        assert shown.periods == ((f"{name}/date.html", last),)


class TestHyperkittyByExport:
    """Every mail by days, as the archive keeps it; its threads hide nothing."""

    def served(self, tmp_path: Path, mails: list[Mail]) -> AbstractContextManager[Pages]:
        render_hyperkitty(tmp_path / "archives" / "list" / "demo@lists.example.org", mails)
        return serve_folder(tmp_path)

    def test_an_announcement_that_is_a_reply_is_found(self, tmp_path: Path) -> None:
        """It is no thread of its own; the month's page does not name it."""
        first = CORPUS[0]
        with self.served(tmp_path, [first]) as host:
            shown = [first]

            def export(_: str, path: str) -> tuple[int, str, bytes] | None:
                content = rendered.export_of_hyperkitty(shown, path)
                return None if content is None else (200, "application/gzip", content)

            host.broken = export
            url = f"{host.url}/archives/list/demo@lists.example.org"
            archive = open_archive(tmp_path / "state", "hyperkitty", url, RULES)
            cursor = archive.good().cursor
            shown.append(NEWS)
            answer = archive.good(cursor)
            assert archive.recognised(answer).keys() == {NEWS.id}
            assert [asked for asked in host.asked if "/thread/" in asked] == []
            late = replace(NEWS, subject="[ANNOUNCE] demo v1.2-rc3", at=NEWS.at - 30 * 24 * HOUR, message_id="late@x")
            shown.append(late)
            short = archive.good(answer.cursor)
            assert short.evidence == ()
            long = archive.good(short.cursor, late.at.date(), LOOKED_AT + 24 * HOUR)
            assert archive.recognised(long).keys() == {late.id}

    @pytest.mark.parametrize("status", [400, 404, 410])
    def test_where_it_is_switched_off_pages_are_read(self, tmp_path: Path, status: int) -> None:
        """Then, and at every later look without asking again."""
        with self.served(tmp_path, list(CORPUS)) as host:
            host.broken = lambda _, path: (status, "text/html", b"<p>no") if "/export/" in path else None
            url = f"{host.url}/archives/list/demo@lists.example.org"
            archive = open_archive(tmp_path / "state", "hyperkitty", url, RULES)
            first = archive.good()
            assert archive.recognised(first).keys() == ANNOUNCED.keys()
            archive.good(first.cursor)
            assert len([asked for asked in host.asked if "/export/" in asked]) == 1

    def test_a_wall_at_the_export_blocks_the_look(self, tmp_path: Path) -> None:
        """It is not gone around by way of the pages."""
        with self.served(tmp_path, list(CORPUS)) as host:
            host.broken = lambda _, path: WALL if "/export/" in path else None
            url = f"{host.url}/archives/list/demo@lists.example.org"
            archive = open_archive(tmp_path / "state", "hyperkitty", url, RULES)
            assert outcome_of(archive.look()) is outcome_of(archive.probe()) is Outcome.BLOCKED
            assert [asked for asked in host.asked if "/thread/" in asked] == []


def test_a_reply_on_a_page_of_a_thread_is_read(tmp_path: Path) -> None:
    """Where there are pages alone: the last threads are read again, for an announcement may answer the one before."""
    first = CORPUS[0]
    folder = tmp_path / "archives" / "list" / "demo@lists.example.org"
    render_hyperkitty(folder, [first])
    with serve_folder(tmp_path) as host:
        archive = open_archive(tmp_path / "state", "hyperkitty", f"{host.url}/archives/list/{folder.name}", RULES)
        cursor = archive.good().cursor
        render_hyperkitty(tmp_path / "other", [NEWS])
        [thread] = folder.glob("thread/*/index.html")
        [reply] = (tmp_path / "other").glob("thread/*/index.html")
        block = reply.read_text().partition('<section id="thread-content">')[2].partition("</section>")[0]
        thread.write_text(thread.read_text().replace("</section>", f"{block}</section>"))
        answer = archive.good(cursor)
        assert archive.recognised(answer).keys() == {NEWS.id}
        assert archive.good(answer.cursor).evidence == ()

"""What single pages of web archives show, beyond the contract of all archives."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

from rctrack.core.recognise import header_text, parse_headers
from rctrack.core.recognise.headers import addresses
from rctrack.sources.html.archive import Reader
from rctrack.sources.kinds.hypermail import Hypermail
from rctrack.sources.kinds.mhonarc import Mhonarc
from tests.contract.test_lists import by_atom
from tests.support.archive_servers import serve_folder
from tests.support.archives import open_archive
from tests.support.material import HOUR
from tests.support.rendered import NEWS, RULES, render_hyperkitty
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

"""Four times the input takes about four times as long: no reader of what strangers write is quadratic."""

import io
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from rctrack.core import received
from rctrack.core.evidence import MailEvidence
from rctrack.core.recognise import recognise_mail
from rctrack.sources import mails
from rctrack.sources.kinds.mbox import read_mbox
from rctrack.web import WebError
from tests.support.archives import SCHEME
from tests.support.rendered import RULES
from tests.support.strange import READERS, SIGHTING, page

MOST = 6.0
"""Times as long for four times the input; what is quadratic takes sixteen."""
SHORTEST = 0.02
"""Seconds; below it, it is the start that is measured, and nothing can hurt."""

PAGES = {
    "nested tags": (b"<div>", 1_000),
    "nested lists with links": (b"<ul><li><a href='000001.html'>", 375),
    "tags closed that were never opened": (b"</p></b></i></table>", 300),
    "tables within tables": (b"<table><tr><td>", 375),
    "comments without end": (b"<!--", 25_000),
    "comments that end twice": (b"<!-- a -->-->", 1_125),
    "links": (b"<a href='000001.html'>[ANNOUNCE] demo v1</a>\n", 1_250),
    "links without end": (b"<a href='000001.html'>", 1_125),
    "attributes": (b" a='b'", 25_000),
    "one attribute": (b"a b&amp;", 50_000),
    "entities without end": (b"&amp", 50_000),
    "comments of hypermail without end": (b'<!-- subject="', 1_125),
    "comments of MHonArc without end": (b"<!--X-Subject: ", 1_125),
    "marks of bodies": (b'<!--beginarticle--><!-- body="start" --><!--X-Body-of-Message-->', 375),
    "pictures": (b"<img src='/avatar/0123456789abcdef0123456789abcdef'>", 1_125),
}
AROUND = {"attributes": (b"<a ", b">x</a>"), "one attribute": (b"<a title='", b"' href='1.html'>x</a>")}
WORDS = {
    "open comments": b"(b ",
    "comments": b"(a) ",
    "by and by": b" by a.example.org",
    "semicolons": b"; Tue, 24 Mar 2026 12:10:00 +0000",
    "folds": b"\n by",
    "dots": b"by a.",
}
MAILS = {
    "Received lines": b"Received: by list.example.org; Tue, 24 Mar 2026 12:10:00 +0000\n",
    "folds": b"Subject: a\n b\n\tc\n",
    "encoded words": b"Subject: =?utf-8?q?a?= =?utf-8?q?b?=\n",
    "blank lines of a body": b"\n\n   \n\t\n",
    "authors": b"Ada Byron (2):\n      one\n      two\n",
    "authors that are none": b"Ada Byron:\n  one\n",
    "versions": b"v1.2-rc3 1.2.3 demo-1.2.tar.xz is out. ",
    "promises": b"there will be an rc8 if ",
    "signatures": b"-----BEGIN PGP SIGNED MESSAGE-----\n\n- - a\n",
    "tags": b"<a <b <c",
    "separators of an mbox": b"From a@b Mon Mar  2 10:00:00 2026\n\n",
    "escaped separators": b">>From \n",
}


def grows(read: Callable[[bytes], object], make: Callable[[int], bytes], size: int) -> float:
    """How many times as long four times the input takes; the best of a few, since others use the machine too."""
    small, big = make(size), make(4 * size)
    best = MOST + 1
    for _ in range(8):
        short, long = _seconds(read, small), _seconds(read, big)
        best = min(best, long / max(short, SHORTEST))
        if best <= MOST:
            break
    return best


def _seconds(read: Callable[[bytes], object], given: bytes) -> float:
    begin = time.thread_time()
    read(given)
    return time.thread_time() - begin


def _read_page(content: bytes) -> None:
    for reader in READERS:
        for read in (reader.index, reader.mail):
            with suppress(WebError):
                read(page(content))


def _read_mail(content: bytes) -> None:
    recognise_mail(RULES, SCHEME, MailEvidence("key", content, None), SIGHTING)
    for mail in read_mbox(io.BytesIO(content)):
        mails.subject_of(mail)
        mails.message_id_of(mail)


@pytest.mark.parametrize("name", PAGES)
def test_html_readers_take_time_in_proportion(name: str) -> None:
    """Within the bounds of what is read at all."""
    piece, size = PAGES[name]
    begin, end = AROUND.get(name, (b"", b""))
    assert grows(_read_page, lambda number: begin + piece * number + end, size) <= MOST


@pytest.mark.parametrize("name", PAGES)
def test_the_body_of_a_mails_page_takes_time_in_proportion(name: str) -> None:
    """The same between the marks that each kind of archive puts round a body."""
    piece, size = PAGES[name]
    begin, end = AROUND.get(name, (b"", b""))
    head = b'<h1>a</h1><i>b</i><!-- subject="a" --><!--X-Message-Id: a@b --><!--X-Head-End-->'
    marks = (
        (b"<!--beginarticle-->", b"<!--endarticle-->"),
        (b'<!-- body="start" -->', b'<!-- body="end" -->'),
        (b"<!--X-Body-of-Message-->", b"<!--X-Body-of-Message-End-->"),
    )
    opened, closed = b"".join(mark for mark, _ in marks), b"".join(mark for _, mark in marks)

    def make(number: int) -> bytes:
        return head + opened + begin + piece * number + end + closed

    assert grows(_read_page, make, size // 2) <= MOST


@pytest.mark.parametrize("name", WORDS)
def test_the_received_reader_takes_time_in_proportion(name: str) -> None:
    """One header of any length, and as many of them."""
    piece = WORDS[name]

    def one(given: bytes) -> None:
        received.read_hop(given.decode())
        received.parse_date(given.decode())

    def many(given: bytes) -> None:
        received.read_hops([given.decode()[:4000]] * (len(given) // 100))

    assert grows(one, lambda number: b"from a " + piece * number + b"; x", 50_000) <= MOST
    assert grows(many, lambda number: b"from a " + piece * number + b"; x", 1_000) <= MOST


@pytest.mark.parametrize("where", ["headers", "body"])
@pytest.mark.parametrize("name", MAILS)
def test_the_mail_reader_takes_time_in_proportion(name: str, where: str) -> None:
    """Any header and any body, as long as it likes."""
    head = b"From: kim@example.org\nSubject: [ANNOUNCE] demo v1.2-rc3\nMessage-ID: <a@b>\n"

    def make(number: int) -> bytes:
        return MAILS[name] * number + head + b"\n" if where == "headers" else head + b"\n" + MAILS[name] * number

    assert grows(_read_mail, make, 4_000) <= MOST

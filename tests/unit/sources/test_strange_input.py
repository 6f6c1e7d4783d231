"""What strangers write is read in bounded time and comes out as a value: pages, feeds, mailboxes, subjects."""

import hashlib
import io
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rctrack.core.evidence import MailEvidence
from rctrack.core.look import Outcome
from rctrack.core.recognise import parse_headers, recognise_mail
from rctrack.core.recognise.headers import addresses
from rctrack.core.rules import ListRules
from rctrack.core.subject_words import literal, needed_words
from rctrack.sources import Failed, Good, mails
from rctrack.sources.html.archive import links, parse
from rctrack.sources.kinds.hyperkitty import Hyperkitty
from rctrack.sources.kinds.mbox import read_mbox
from rctrack.sources.kinds.public_inbox_http import read_atom
from rctrack.web import WebError
from tests.support.archive_servers import serve_answer
from tests.support.archives import SCHEME, open_archive
from tests.support.rendered import RULES
from tests.support.strange import ATOM, PIECES, READERS, SIGHTING, page

SECONDS = 20.0
"""For what takes well below one on an idle machine; quadratic time would be minutes."""
_SEEDED = settings(
    max_examples=120, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


@st.composite
def torn(draw: st.DrawFn) -> bytes:
    """Parts of real pages, cut anywhere and put together again, with bytes of nobody's in between."""
    parts = []
    for _ in range(draw(st.integers(1, 6))):
        piece = draw(st.sampled_from(PIECES))
        begin = draw(st.integers(0, len(piece)))
        parts.append(piece[begin : draw(st.integers(begin, len(piece)))])
        parts.append(draw(st.binary(max_size=12)))
    return b"".join(parts)


@_SEEDED
@given(torn() | st.binary(max_size=400))
def test_html_readers_never_fail_on_any_page(content: bytes) -> None:
    """An index, a mail or nothing; a WebError says that nobody would read it; no other exception."""
    for reader in READERS:
        for read in (reader.index, reader.mail):
            try:
                found = read(page(content))
            except WebError:
                continue
            if isinstance(found, bytes):
                recognise_mail(RULES, SCHEME, MailEvidence("key", found, None), SIGHTING)


def test_a_link_to_nowhere_is_passed_over(tmp_path: Path) -> None:
    """An index with an address that is none, before one that is, in a page that calls itself XML."""
    index = (
        b"<?xml version='1.0'?><div><a href='http://[x/000001.html'>[ANNOUNCE] demo v1</a><a href='x/date.html'>x</a>"
    )
    with serve_answer(200, "text/html", index) as host:
        outcome = open_archive(tmp_path, "pipermail", host.url, RULES).look(None, date(2026, 1, 1))
    assert isinstance(outcome, Good)
    assert outcome.evidence == ()


@pytest.mark.parametrize("charset", [b"utf\x01", b"\0", b"no-such-one", b"\xff\xfe", b"idna", b"zlib"])
def test_a_charset_that_is_none_does_not_hide_the_page(charset: bytes) -> None:
    """Its links and its text are read all the same."""
    torn = page(b'<meta charset="' + charset + b'"><h1>demo</h1><a href="000001.html">demo v1</a>')
    assert links(torn) == [("000001.html", "demo v1")]
    assert "demo" in parse(torn).get_text()


def test_an_entry_with_a_link_to_nowhere_is_passed_over() -> None:
    """The other entries of the feed are read."""
    feed = ATOM.replace(b"</feed>", b'<entry><link href="http://[x/a@b/"/></entry></feed>')
    assert read_atom(page(feed)) == [("a@b", "[ANNOUNCE] demo v1")]


@_SEEDED
@given(torn() | st.binary(max_size=400))
def test_the_atom_reader_never_fails_on_any_feed(content: bytes) -> None:
    """Entries, or misread with a reason."""
    try:
        entries = read_atom(page(content))
    except WebError as error:
        entries = [("misread" if error.outcome is Outcome.MISREAD else "", "")]
    assert all(key for key, _ in entries)


@_SEEDED
@given(torn() | st.binary(max_size=400))
def test_the_mbox_reader_never_fails_on_any_file(content: bytes) -> None:
    """Mails, whatever they are; none is longer than the file."""
    found = list(read_mbox(io.BytesIO(content)))
    assert sum(map(len, found)) <= len(content)
    for mail in found:
        mails.subject_of(mail)
        mails.message_id_of(mail)


@_SEEDED
@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=300), st.text(max_size=80))
def test_a_page_as_a_mail_is_one_mail_whatever_it_says(sender: str, subject: str, body: str, other: str) -> None:
    """No text of a page becomes a header of its own."""
    made = mails.as_mail(sender=sender, date=other, subject=subject, message_id=other, body=body, url=other)
    head = made.partition(b"\n\n")[0].decode()
    names = [line.partition(":")[0] for line in head.split("\n")]
    assert len(set(names)) == len(names)
    assert set(names) <= {
        "From", "Date", "Subject", "Message-ID", "Archived-At", "MIME-Version", "Content-Type",
        "Content-Transfer-Encoding",
    }  # fmt: skip


def test_a_sender_whose_address_is_not_ascii_stays_that_sender() -> None:
    """Nobody else becomes the sender, whatever stands in the name."""
    made = mails.as_mail(
        sender="kim@example.org, M\xfcller <m\xb3@example.org>", date="", subject="", message_id="", body="", url="x"
    )
    other = mails.as_mail(
        sender="m\xb3@example.org, kim@example.org", date="", subject="", message_id="", body="", url="x"
    )
    assert addresses(parse_headers(made), "From") == ("kim@example.org",)
    assert addresses(parse_headers(other), "From") == ("m\xb3@example.org",)


@pytest.mark.parametrize(
    "content",
    [
        b"<div>" * 19_000,
        b"<a href='1.html'>" * 6_000,
        b"<!--" * 1_500_000,
        b"<" * 19_000 + b">" * 3_000_000,
        b"&" * 6_000_000,
        b"<title>" + b" " * 2_000_000,
        b'<!-- name="' * 59_000,
        b'<!-- name="' + b"a" * 7_000_000,
        b"<!--X-Subject: " * 59_000,
        b"<!--beginarticle-->" * 59_000,
        b"<h1>" + b"a at b " * 1_000_000,
    ],
    ids=lambda content: content[:12].decode(),
)
def test_a_pathological_page_ends_in_bounded_time(content: bytes) -> None:
    """At the largest size that is read at all, every reader ends soon: with nothing, or with a reason."""
    begin = time.process_time()
    for reader in READERS:
        for read in (reader.index, reader.mail):
            with suppress(WebError):
                read(page(content))
    assert time.process_time() - begin < SECONDS * 2


@pytest.mark.parametrize("kind", ["pipermail", "hypermail", "hyperkitty", "mhonarc", "public-inbox-http"])
def test_a_page_of_30_megabytes_is_not_read_to_the_end(kind: str, tmp_path: Path) -> None:
    """Its size is the reason, soon."""
    media_type = "application/gzip" if kind == "public-inbox-http" else "text/html"
    begin = time.process_time()
    with serve_answer(200, media_type, b"<a href='x'>y</a>" * (30 * 2**20 // 17)) as host:
        outcome = open_archive(tmp_path, kind, host.url, RULES).look(None, date(2026, 1, 1))
    assert isinstance(outcome, Failed)
    assert outcome.reason
    assert time.process_time() - begin < SECONDS


@pytest.mark.parametrize(
    "content",
    [
        b"Subject: " + b"a" * 10_000_000,
        b"Subject: " + b"a\n " * 1_000_000,
        b"Subject: =?utf-8?q?" + b"=?" * 4_000_000,
        b"Received: from a by b; x\n" * 400_000 + b"Subject: a\n\n",
        b"From " * 2_000_000,
        b"From a 10:00:00 2026\n\n" * 100_000,
        b"\n\n" * 1_000_000,
        b">" * 8_000_000,
    ],
    ids=lambda content: content[:20].decode().replace("\n", " "),
)
def test_a_pathological_mailbox_ends_in_bounded_time(content: bytes) -> None:
    """A subject of 10 MB, endless folds, a million separators."""
    begin = time.process_time()
    for mail in read_mbox(io.BytesIO(b"From x@y Mon Mar  2 10:00:00 2026\n" + content)):
        assert len(mails.subject_of(mail)) <= 25_000
        mails.message_id_of(mail)
    assert time.process_time() - begin < SECONDS * 2


@pytest.mark.parametrize(
    ("pattern", "words", "text"),
    [
        (r"^\[ANNOUNCE\] demo v(?P<version>\S+)", [("ANNOUNCE", "demo")], "[ANNOUNCE]"),
        (r"^Linux v?(?P<version>\d\S*)", [("Linux",)], "Linux"),
        (r"(?i)^linux[- ]v?(?P<version>\d\S*)", [("linux",)], ""),
        (r"^linux[-a]v?(?P<version>\d\S*)", [], "linux"),
        (r"^(?:Foo|Bar) quux v(?P<version>\S+)", [("quux",)], "quux"),
        (r"^(?:\[ANN(?:OUNCE)?\]:?\s*)?Xen\s+v?(?P<version>\S+)", [("Xen",)], "Xen"),
        (r"^(?:Das\s+)?Boot\s(?P<version>\S+)", [], "Boot"),
        (r"^\[ANN\]\s*GIT\s+v?(?P<version>\d\S*)", [("ANN", "GIT")], "[ANN]"),
        (r"(?i)^demo (?P<version>\S+)", [("demo",)], ""),
        (r"^demos? fine+ bar[a-z]* (?P<version>\S+) baz$", [("baz",)], "demo"),
        (r"^a (?P<version>\S+)|^b (?P<version2>\S+)", [], ""),
        (r"(?:^one v(?P<version>\S+))|(?:^\[two\] (?P<version2>\S+) three$)", [("one",), ("two", "three")], ""),
        (r"(?:^one v(?P<version>\S+))|(?:^v(?P<version2>\S+)$)", [], ""),
        (r"^\x64emo v(?P<version>\S+) \144one end", [("end",)], "emo"),
        (r"^x{2}yes (?P<version>\d+) \bend\b.", [("end",)], "yes"),
        (r"^(?i:\[ANN\] demo v(?P<version>\S+))", [("ANN", "demo")], ""),
        (r"(?:^(?i:demo (?P<version>\d\S*)))|(?i:^Quux (?P<version2>\S+))", [("demo",), ("Quux",)], ""),
        (r"^(?:demo )v(?P<version>\S+)", [("demo",)], "demo"),
        (r"^(?:demo )?v(?P<version>\S+)", [], "v"),
        (r"^x(?:demo )+v(?P<version>\S+)", [], "x"),
        (r"^in(?:side) v(?P<version>\S+)", [("inside",)], "inside"),
    ],
)
def test_only_words_that_every_fitting_subject_has_are_searched_for(
    pattern: str, words: list[tuple[str, ...]], text: str
) -> None:
    """A word that may be missing, or may be part of a longer one, would hide mail; each alternative has its own."""
    assert (list(needed_words(pattern)), literal(pattern)) == (words, text)


@pytest.mark.parametrize(
    ("shown", "meant"),
    [
        ("kim at example.org", "kim@example.org"),
        ("kim_at_example.org", "kim@example.org"),
        ("kim.o(a)example.org", "kim.o@example.org"),
        ("kim [at] example.org", "kim@example.org"),
        ("kim@example.org", "kim@example.org"),
        ("Kim is here", "Kim is here"),
    ],
)
def test_an_address_that_was_hidden_is_read(shown: str, meant: str) -> None:
    """The spellings of pipermail, hypermail and others."""
    assert mails.readable_address(shown) == meant


@pytest.mark.parametrize("hash_of", [hashlib.md5, hashlib.sha256])
def test_a_picture_tells_whose_mail_it_is(hash_of: Callable[[bytes], "hashlib._Hash"]) -> None:
    """HyperKitty's pages name no address; by either hash that pictures have gone by."""
    shown = (
        '<h1>[ANNOUNCE] demo v1.1</h1><div class="email"><div class="email-header"><img src="/avatar/{}.jpg"></div>'
        '<div class="email-body">out</div></div>'
    )
    reader = next(each for each in READERS if isinstance(each, Hyperkitty))
    for address, senders in (("kim@example.org", ("kim@example.org",)), ("sam@example.org", ())):
        made = reader.mail(page(shown.format(hash_of(address.encode()).hexdigest()).encode()))
        assert made is not None
        assert addresses(parse_headers(made), "From") == senders


def test_a_search_names_sender_and_words_and_a_window_of_dates(tmp_path: Path) -> None:
    """The window is one of dates, never of arrival: what is imported today may have been delivered months ago."""
    rules = ListRules(frozenset({"kim@example.org"}), r"demo (?P<version>\d\S*)", (), None)
    with serve_answer(404, "text/plain", b"No results found\n") as host:
        archive = open_archive(tmp_path, "public-inbox-http", host.url, rules)
        assert archive.good(archive.good().cursor).evidence == ()
    first, second = (asked for asked in host.asked if asked.startswith("POST"))
    assert "f%3Akim%40example.org" in first
    assert "s%3Ademo" in first
    assert "d%3A20260325.." in second
    assert "rt%3A" not in first + second

"""What strangers write is read in bounded time and comes out as a value: pages, feeds, mailboxes, subjects."""

import io
import time
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rctrack.config import ListConfig, ProjectConfig
from rctrack.core.model import ListRules, MailEvidence, ProjectId, ProjectRules, Sighting
from rctrack.core.recognise import recognise_mail
from rctrack.core.version import FeatureParts
from rctrack.process import Runner
from rctrack.sources import Blocked, Failed, Tools, mails
from rctrack.sources.hyperkitty import Hyperkitty
from rctrack.sources.hypermail import Hypermail
from rctrack.sources.mbox import read_mbox
from rctrack.sources.mhonarc import Mhonarc
from rctrack.sources.pipermail import Pipermail
from rctrack.sources.public_inbox_http import read_atom
from rctrack.web import Page, Web, WebError
from tests.sources.archives import SCHEME, SEEN_AT, open_archive
from tests.sources.rendered import RULES, TEMPLATES
from tests.sources.servers import serve_answer

SECONDS = 20.0
"""For what takes well below one on an idle machine; quadratic time would be minutes."""
URL = "http://127.0.0.1/demo/2026-March/date.html"
_CONFIG = ListConfig("pipermail", "http://127.0.0.1/demo", RULES)
_RULES = ProjectRules(SCHEME, FeatureParts((((), 2),)), ("v{version}",), None, frozenset())
_PROJECT = ProjectConfig(ProjectId("demo"), "Demo", _RULES, True, False, (), (_CONFIG,), "demo.toml")
_TOOLS = Tools(Runner(), Path(), "rctrack/test", lambda *_: None, Web("rctrack/test"))
READERS = tuple(kind(_CONFIG, _PROJECT, _TOOLS) for kind in (Pipermail, Hypermail, Hyperkitty, Mhonarc))
_ATOM = (
    b'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><entry><title>[ANNOUNCE] demo v1</title>'
    b'<link href="http://127.0.0.1/demo/a@b/"/></entry></feed>'
)
_MBOX = (
    b"From x@y Mon Mar  2 10:00:00 2026\nSubject: a\nMessage-ID: <a@b>\n\nbody\n\nFrom x@y Mon Mar  2 10:00:00 2026\n\n"
)
_PIECES = [*(file.read_bytes() for file in sorted(TEMPLATES.glob("*/*.html"))), _ATOM, _MBOX]
_PIECES += [b"<!--beginarticle-->", b"<!--endarticle-->", b'<!-- body="start" -->', b'<!-- body="end" -->', b"<!--X-"]
_PIECES += [
    b'<a href="',
    b'<div class="email">',
    b'title="',
    b"\xff\xfe",
    b"&#x110000;",
    b"&amp;amp;",
    b"<![CDATA[",
    b"\0",
]
_SEEDED = settings(
    max_examples=120, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


@st.composite
def torn(draw: st.DrawFn) -> bytes:
    """Parts of real pages, cut anywhere and put together again, with bytes of nobody's in between."""
    parts = []
    for _ in range(draw(st.integers(1, 6))):
        piece = draw(st.sampled_from(_PIECES))
        begin = draw(st.integers(0, len(piece)))
        parts.append(piece[begin : draw(st.integers(begin, len(piece)))])
        parts.append(draw(st.binary(max_size=12)))
    return b"".join(parts)


def _page(content: bytes) -> Page:
    return Page(URL, 200, "text/html", content, "")


@_SEEDED
@given(torn() | st.binary(max_size=400))
def test_html_readers_never_fail_on_any_page(content: bytes) -> None:
    """An index, a mail or nothing; a WebError says that nobody would read it; no other exception."""
    for reader in READERS:
        for read in (reader.index, reader.mail):
            try:
                found = read(_page(content))
            except WebError:
                continue
            if isinstance(found, bytes):
                sighting = Sighting(_CONFIG.source, SEEN_AT, None)
                recognise_mail(RULES, SCHEME, MailEvidence("key", found, None), sighting)


@_SEEDED
@given(torn() | st.binary(max_size=400))
def test_the_atom_reader_never_fails_on_any_feed(content: bytes) -> None:
    """Entries, or blocked with a reason."""
    try:
        entries = read_atom(_page(content))
    except WebError as error:
        entries = [("blocked" if error.blocked else "", "")]
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


@pytest.mark.parametrize(
    "content",
    [
        b"<div>" * 19_000,
        b"<a href='1.html'>" * 59_000,
        b"<!--" * 1_500_000,
        b"<" * 19_000 + b">" * 3_000_000,
        b"&" * 6_000_000,
        b"<title>" + b" " * 7_000_000,
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
                read(_page(content))
    assert time.process_time() - begin < SECONDS * 2


@pytest.mark.parametrize("kind", ["pipermail", "hypermail", "hyperkitty", "mhonarc", "public-inbox-http"])
def test_a_page_of_30_megabytes_is_not_read_to_the_end(kind: str, tmp_path: Path) -> None:
    """Its size is the reason, soon."""
    media_type = "application/gzip" if kind == "public-inbox-http" else "text/html"
    begin = time.process_time()
    with serve_answer(200, media_type, b"<a href='x'>y</a>" * (30 * 2**20 // 17)) as host:
        outcome = open_archive(tmp_path, kind, host.url, RULES).look(None, date(2026, 1, 1))
    assert isinstance(outcome, Failed | Blocked)
    assert outcome.reason
    assert time.process_time() - begin < SECONDS


@pytest.mark.parametrize(
    "content",
    [
        b"Subject: " + b"a" * 10_000_000,
        b"Subject: " + b"a\n " * 3_000_000,
        b"Subject: =?utf-8?q?" + b"=?" * 4_000_000,
        b"Received: from a by b; x\n" * 400_000 + b"Subject: a\n\n",
        b"From " * 2_000_000,
        b"From a 10:00:00 2026\n\n" * 400_000,
        b"\n\n" * 4_000_000,
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
    ("pattern", "words", "literal"),
    [
        (r"^\[ANNOUNCE\] demo v(?P<version>\S+)", ("ANNOUNCE", "demo"), "[ANNOUNCE]"),
        (r"^Linux v?(?P<version>\d\S*)", ("Linux",), "Linux"),
        (r"^(?:Foo|Bar) quux v(?P<version>\S+)", ("quux",), "quux"),
        (r"(?i)^demo (?P<version>\S+)", ("demo",), ""),
        (r"^demos? fine+ bar[a-z]* (?P<version>\S+) baz$", ("baz",), "demo"),
        (r"^a (?P<version>\S+)|^b (?P<version2>\S+)", (), ""),
        (r"^x{2}yes (?P<version>\d+) \bend\b.", ("end",), "yes"),
    ],
)
def test_only_words_that_every_fitting_subject_has_are_searched_for(
    pattern: str, words: tuple[str, ...], literal: str
) -> None:
    """A word that may be missing, or may be part of a longer one, would hide mail."""
    assert (mails.words(pattern), mails.literal(pattern)) == (words, literal)


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


def test_rules_without_words_still_search_by_sender(tmp_path: Path) -> None:
    """A subject that promises no word leaves the sender; the window is one of dates, never of arrival."""
    rules = ListRules(frozenset({"kim@example.org"}), r"(?P<version>\d\S*)", (), None)
    with serve_answer(404, "text/plain", b"No results found\n") as host:
        archive = open_archive(tmp_path, "public-inbox-http", host.url, rules)
        assert archive.good(archive.good().cursor).evidence == ()
    first, second = host.asked
    assert "f%3Akim%40example.org" in first
    assert "d%3A20260227.." in second
    assert "rt%3A" not in first + second

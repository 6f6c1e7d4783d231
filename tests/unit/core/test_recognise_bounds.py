"""Whatever comes as a mail: a value, in about a second, never an exception."""

from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rctrack.core.evidence import MailEvidence
from rctrack.core.recognise import parse_headers, recognise_mail, subject_may_fit
from rctrack.core.recognise.body import text_of
from rctrack.core.recognise.shortlog import count_announced
from rctrack.core.recognise.statements import git_url, promised_step, stated_versions
from rctrack.core.release import Announcement, Unrecognised
from rctrack.core.rules import ListRules
from tests.support.given import LIST, LIST_RULES, sighting

SEEN = sighting(LIST, "2026-06-01 00:00")
HEAD = (
    b"From: maintainer@example.org\nSubject: [ANNOUNCE] demo v2.42-rc1\n"
    b"Date: Tue, 24 Mar 2026 13:00:00 +0100\nMessage-ID: <one@example.org>\n"
)
SECONDS = 4
"""Of processor time: about one on a quiet machine; what is quadratic takes minutes."""


def read(content: bytes, rules: ListRules = LIST_RULES) -> Announcement | Unrecognised | None:
    """What these bytes are recognised as."""
    return recognise_mail(rules, "dotted", MailEvidence("key", content, None), SEEN)


def nested(depth: int) -> bytes:
    """Multiparts within multiparts."""
    opened = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(depth))
    return HEAD + opened + b"\nAnna Example (2):\n      one\n      two\n"


BIG = {
    "30 MB of text": HEAD + b"\n" + b"x" * 77 + b"\n" * 30 + b"abc def (3):\n" * 2_300_000,
    "30 MB in one line": HEAD + b"\n" + b"x " * 15_000_000,
    "10 MB subject": HEAD.replace(b"rc1\n", b"rc1 " + b"[a] " * 2_500_000 + b"\n") + b"\n",
    "10 MB subject, folded": HEAD.replace(b"rc1\n", b"rc1" + b"\n a" * 3_300_000 + b"\n") + b"\n",
    "100,000 Received lines": b"Received: by list.example.org; Tue, 24 Mar 2026 12:10:00 +0000\n" * 100_000
    + HEAD
    + b"\n",
    "one endless Received line": b"Received: from a (" + b"(b " * 1_000_000 + b"\n" + HEAD + b"\n",
    "5,000 nested multiparts": nested(5_000),
    "100,000 parts": HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 100_000,
    "20 MB of base64": HEAD + b"Content-Transfer-Encoding: base64\n\n" + b"QUJDREVGRw==\n" * 1_500_000,
    "a From of brackets": HEAD.replace(b"maintainer", b"(" * 500_000) + b"\n",
    "a From of quotes": HEAD.replace(b"From: ", b"From: " + b'"\\' * 500_000) + b"\n",
    "an encoded word without end": HEAD.replace(b"[ANN", b"=?utf-8?q?" * 100_000 + b"[ANN") + b"\n",
    "punycode as charset": HEAD + b"Content-Type: text/plain; charset=punycode\n\n" + b"a-b" * 1_000_000,
    "authors without entries": HEAD + b"\n---\n" + b"Anna Example:\n" * 1_000_000,
    "an author of at signs": HEAD + b"\n<" + b"@" * 1_000_000 + b"\n  o x\n",
    "a word that never ends": HEAD + b"\n" + b"announc" * 500_000,
    "releases without end": HEAD + b"\n" + b"announcing the release of the " * 500_000,
    "versions without end": HEAD + b"\n" + b"2.42-rc1." * 500_000,
    "perhapses without end": HEAD
    + b"\n"
    + (b"before when after since " * 70 + b", announcing 2.42-rc2 announcing 2.42-rc3 " * 20 + b".\n") * 400,
    "candidates without end": HEAD.replace(b"rc1", b"rc1 " + b"first release candidate available as the " * 200)
    + b"\n",
    "names in Cc without end": HEAD.replace(b"From: maintainer@", b"From: M via D <demo@list.example.org>\nX: ")
    + b"List-Id: <demo.list.example.org>\nCc: "
    + b"M <" * 500_000
    + b"\n\n",
    "marks without end": HEAD.replace(b"[ANN", b"[RESEND] [resend " * 50_000 + b"[ANN") + b"\n",
    "titles without end": HEAD + b"\n" + b"Anna Example (9):\n      one\n" * 200_000,
    "dots without end": HEAD.replace(b"v2.42-rc1", b"v" + b"1." * 400) + b"\n" + b"1." * 2_000_000,
}


@pytest.mark.parametrize("name", BIG)
def test_the_largest_mail_ends_in_bounded_time(name: str) -> None:
    """With a value, and where it is refused with a short reason."""
    begin = process_time()
    found = read(BIG[name])
    assert process_time() - begin < SECONDS
    assert found is None or isinstance(found, Announcement | Unrecognised)
    if isinstance(found, Unrecognised):
        assert 0 < len(found.reason) < 400


def test_what_stands_behind_100_000_received_lines_is_still_read() -> None:
    """Such a mail is an announcement like any other."""
    assert isinstance(read(BIG["100,000 Received lines"]), Announcement)


def test_half_a_character_is_no_text() -> None:
    """UTF-7 can spell one, and no database takes it."""
    found = read(HEAD + b"Content-Type: text/plain; charset=utf-7\n\ngit://example.org/a+2AA-b.git\n")
    assert isinstance(found, Announcement)
    assert found.git_url == "git://example.org/a\ufffdb.git"


TEXTS = st.one_of(
    st.binary(max_size=400),
    st.lists(
        st.sampled_from(
            (
                b"Subject:",
                b"From:",
                b"Content-Type: multipart/mixed; boundary=b",
                b"--b",
                b"--b--",
                b"\n",
                b"\r\n",
                b" ",
                b"Received: by a;",
                b"=?utf-8?q?a?=",
                b"[ANNOUNCE] demo v2.42",
                b"(1):",
                b"      x",
                b"\x00",
                b"\xff",
                b"-----BEGIN PGP SIGNED MESSAGE-----",
                b"Content-Transfer-Encoding: base64",
                b"charset=utf-7",
                b"<a@b>",
            )
        ),
        max_size=40,
    ).map(b"".join),
)


@settings(max_examples=300)
@given(TEXTS)
def test_any_bytes_are_something(noise: bytes) -> None:
    """As a mail, amid good headers, as a body, as text."""
    text = noise.decode("latin-1")
    for content in (noise, HEAD + noise, noise + b"\n" + HEAD + b"\n", HEAD + b"\n" + noise):
        found = read(content)
        assert found is None or isinstance(found, Announcement | Unrecognised)
        if isinstance(found, Announcement):
            found.subject.encode()
            found.message_id.encode()
        text_of(content, parse_headers(content))
    subject_may_fit(LIST_RULES, text)
    stated_versions(text, "dotted")
    assert (count_announced(text) or 0) >= 0
    assert promised_step(text) is None or git_url(text) is None or text

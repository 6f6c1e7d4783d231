"""The words of a mail: whatever they are packed in, and what of them is a shortlog."""

import base64

import pytest

from rctrack.core.evidence import Sighting, SourceId, Station, StationEvidence
from rctrack.core.recognise import header_text, parse_headers, recognise_station
from rctrack.core.recognise.body import text_of
from rctrack.core.recognise.headers import addresses
from rctrack.core.recognise.shortlog import count_announced
from rctrack.core.rules import ProjectRules
from rctrack.core.version import FeatureParts
from tests.support.given import instant, version

ENCODED = base64.encodebytes("Für Anna\n".encode()).decode()


def text(mail: str) -> str:
    """The words of a mail."""
    content = mail.encode()
    return text_of(content, parse_headers(content)).strip()


@pytest.mark.parametrize(
    ("mail", "words"),
    [
        ("Content-Type: text/html\n\n<p>Here is <b>2.42</b>\n</p>", "Here is 2.42"),
        (
            "Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/html\n\n<p>rich</p>\n"
            "--b\nContent-Type: text/plain\n\nplain\n--b--\n",
            "plain",
        ),
        (
            "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
            f"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n{ENCODED}\n--b--\n",
            "Für Anna",
        ),
        ("Content-Type: multipart/mixed; boundary=b\n\n--b\n\nNo: header\n--b--\n", "No: header"),
        (
            "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n"
            "Subject: other\n\nsomebody else's\n--b\n\nours\n--b--\n",
            "ours",
        ),
        (
            "Subject: a\n\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nIt is out.\n- ---\n- - one\nFrom me\n"
            "-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n",
            "It is out.\n---\n- one\nFrom me",
        ),
    ],
    ids=["HTML alone", "HTML beside text", "an encoded part", "a part without headers", "a forward", "clear-signed"],
)
def test_the_words_come_out_of_what_they_were_packed_in(mail: str, words: str) -> None:
    """Plain text before HTML; what is forwarded is somebody else's."""
    assert text(mail) == words


def test_a_comment_in_a_comment_is_no_address() -> None:
    """An address is what stands outside."""
    headers = parse_headers(b"From: kim@example.org (Kim (the (first) one, not sam@example.net) M.)\n\n")
    assert addresses(headers, "From") == ("kim@example.org",)


def test_bytes_of_an_old_mailer_are_read_as_it_wrote_them() -> None:
    """In windows-1252, which nobody states."""
    assert header_text(parse_headers(b"Subject: demo \x93Winter\x94\n\n"), "Subject", 100) == "demo “Winter”"


@pytest.mark.parametrize(
    ("body", "commits"),
    [
        ("Anna Example (2):\n      one\n      two\n\nBob (of (X)) Y (1):\n      three\n", 3),
        ("Anna Example (2):\n    Merge one\n    Merge two\n", None),
        ("Changes since 2.41:\n\nAnna Example:\n  one\n  two\n", 2),
        ("Changes since 2.41:\n\nAnna Example:\n  - one\n  - two\n", None),
        ("Pseudo-Shortlog of commits:\n\nAnna <a@b>\n    one\n        and more of it\n\nBob <b@b>\n    two\n", 2),
        ("> 10982 non-merge commits\n", None),
        ("We have 10,982 non-merge commits in it.\n", 10982),
        ("Anna Example:\n  o one\n  o two\n", 2),
    ],
)
def test_what_is_a_shortlog_is_counted_and_nothing_else(body: str, commits: int | None) -> None:
    """No merges, no bullets of prose, no continued lines, nothing that is quoted."""
    assert count_announced(body) == commits


@pytest.mark.parametrize(
    "body",
    [
        "Bug fixes (3):\n      one\n      two\n      three\n",
        "Anna Example (3):\n      - one\n      - two\n      - three\n",
        "Anna Example (12):\n      one\n      two\n\nand so on\n",
        "Attendees of the meeting (40):\n      Anna, Bob and others\n",
        "New Features:\n  o one\n  o two\nFixed Bugs:\n  o three\n",
        "Anna Example:\n  o one\nNews:\n  o two\nOther:\n  o three\n",
        "-----\n\nRelease Notes:\n  one\n  two\n",
        "-----\n\nDemo Day:\n  Monday in Prague\n",
        "Changes since 2.41:\n\nKnown Issues:\n  one\n",
    ],
)
def test_what_only_looks_like_a_shortlog_gives_no_number(body: str) -> None:
    """Titles with a number, lists of points, fewer lines than the number, news in the old form."""
    assert count_announced(body) is None


def test_a_title_beside_a_shortlog_does_not_count() -> None:
    """The people do."""
    body = "Known issues (1):\n      none\n\nAnna Example (2):\n      one\n      two that was\nwrapped\n"
    assert count_announced(body) == 2


def test_a_push_is_that_of_the_release_whose_tag_it_names() -> None:
    """By the project's own spelling of tags; a listing says the version itself."""
    rules = ProjectRules("dotted", FeatureParts((((), 2),)), ("RELEASE-{version}",), None, frozenset())
    seen = Sighting(SourceId("gitolite-log x"), instant("2026-06-01 00:00").at, None)
    pushed = StationEvidence(Station.PUSHED, "RELEASE-2.42", "0123", instant("2026-06-01 00:00"))
    found = recognise_station(rules, pushed, seen)
    assert found is not None
    assert found.version == version("2.42")
    assert recognise_station(rules, StationEvidence(Station.PUSHED, "2.42", "0123", None), seen) is None
    listed = recognise_station(rules, StationEvidence(Station.LISTED, "2.42", "2.42", None), seen)
    assert listed is not None
    assert listed.version == version("2.42")

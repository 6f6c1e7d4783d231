"""A mail that was sent again, marked by a filter, or written with characters that nobody sees, and what answers one."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rctrack import config
from rctrack.core.evidence import MailEvidence
from rctrack.core.recognise import recognise_mail, subject_may_fit
from rctrack.core.release import Announcement, Unrecognised
from rctrack.core.rules import ListRules
from tests.support.archives import open_archive
from tests.support.given import LIST, sighting
from tests.support.material import BEGIN, HOUR, Mail, make_epoch

PLACE = config.shipped() / "rctrack.toml"
SEEN = sighting(LIST, "2031-06-01 00:00")
KIM = "kim@example.org"


def read(
    subject: str, *, pattern: str = r"^\[ANNOUNCE\] demo v(?P<version>\S+)", replies: bool = False, body: str = ""
) -> list[str] | None:
    """The versions that a mail of this subject announces; a look at subjects alone lets it in."""
    rules = ListRules(frozenset({KIM}), pattern, (), None, name="demo-devel", replies=replies)
    content = f"From: {KIM}\nSubject: {subject}\nDate: Thu, 14 Nov 2030 12:00:00 +0000\nMessage-ID: <a@b>\n\n{body}"
    reading = recognise_mail(rules, "dotted", MailEvidence("key", content.encode(), None), SEEN)
    if reading is not None:
        assert subject_may_fit(rules, subject)
    return [version.text for version in reading.versions] if isinstance(reading, Announcement) else None


PIECES = [
    "[RESEND]", "[SPAM]", "[demo-devel]", "[other]", "[EXT]", "Re:", "Fwd:", "[ANNOUNCE]", "[ANNOUNCE RESEND]",
    "RESEND:", "demo", "v2.44-rc1", "v2.44", "\u200b", "\u00a0", "(resend)", "(was: talk)", "release candidate",
    "postponed", "!",
]  # fmt: skip


@settings(max_examples=400)
@given(st.lists(st.sampled_from(PIECES), max_size=8), st.booleans())
def test_a_look_at_the_subject_alone_lets_in_all_that_is_taken(pieces: list[str], replies: bool) -> None:
    """And all that is refused with a reason: read() asserts it."""
    subject = " ".join(pieces)
    body = "demo 2.44 is now available.\n" if replies else ""
    for pattern in (r"^\[ANNOUNCE\] demo v(?P<version>\S+)", r"demo v(?P<version>\S+)"):
        read(subject, pattern=pattern, replies=replies, body=body)


MARKED = [
    "[RESEND] [ANNOUNCE] demo v2.44-rc1",
    "[RESEND][ANNOUNCE] demo v2.44-rc1",
    "[Resent] [ANNOUNCE] demo v2.44-rc1",
    "[re-send] [ANNOUNCE] demo v2.44-rc1",
    "[ANNOUNCE][RESEND] demo v2.44-rc1",
    "[ANNOUNCE] [RESEND] demo v2.44-rc1",
    "[ANNOUNCE RESEND] demo v2.44-rc1",
    "[RESEND ANNOUNCE] demo v2.44-rc1",
    "[ANNOUNCE, resend] demo v2.44-rc1",
    "RESEND: [ANNOUNCE] demo v2.44-rc1",
    "(resend) [ANNOUNCE] demo v2.44-rc1",
    "[ANNOUNCE] demo v2.44-rc1 [RESEND]",
    "[ANNOUNCE] demo v2.44-rc1 (resend)",
    "[ANNOUNCE] demo v2.44-rc1 - resend",
    "[demo-devel] [RESEND] [ANNOUNCE] demo v2.44-rc1",
    "[RESEND] [demo-devel] [ANNOUNCE] demo v2.44-rc1",
    "[SPAM] [ANNOUNCE] demo v2.44-rc1",
    "[SPAM?] [ANNOUNCE] demo v2.44-rc1",
    "[***SPAM***] [ANNOUNCE] demo v2.44-rc1",
    "***SPAM*** [ANNOUNCE] demo v2.44-rc1",
    "{Spam?} [ANNOUNCE] demo v2.44-rc1",
    "SPAM: [ANNOUNCE] demo v2.44-rc1",
    "[EXTERNAL] [SPAM] [ANNOUNCE] demo v2.44-rc1",
]
HIDDEN = [
    "[ANNOUNCE]\u00a0demo\u00a0v2.44-rc1",
    "[ANNOUNCE]\u200b demo v2.44-rc1",
    "\ufeff[ANNOUNCE] de\u00admo v2.44-rc1",
    "[ANNOUNCE] demo v2.44\u2011rc1",
    "[ANNOUNCE] demo v2.44-rc1\u200e",
    "[ANNO\u00adUNCE] demo v2.44-rc1",
    "\u2068[ANNOUNCE]\u2069\u2003demo v2.\u20604\u200d4-rc1",
]


@pytest.mark.parametrize("subject", [*MARKED, *HIDDEN])
def test_a_mark_is_no_part_of_the_subject(subject: str) -> None:
    """Wherever it stands and whoever set it."""
    assert read(subject) == ["2.44-rc1"]


def test_an_archive_that_compares_bytes_lets_all_of_them_in(tmp_path: Path) -> None:
    """An epoch of a public-inbox, where most subjects are never decoded."""
    mails = [
        Mail(subject, at=BEGIN + number * HOUR)
        for number, subject in enumerate(["[PATCH] demo: resend what was lost", *MARKED, *HIDDEN])
    ]
    make_epoch(tmp_path / "archive" / "git" / "0.git").add(*mails)
    rules = ListRules(frozenset({KIM}), r"^\[ANNOUNCE\] demo v(?P<version>\S+)", (), None, name="demo-devel")
    outcome = open_archive(tmp_path / "user", "public-inbox", tmp_path / "archive", rules).good()
    assert [mail.content for mail in outcome.evidence if isinstance(mail, MailEvidence)] == [
        mail.content() for mail in mails[1:]
    ]


@pytest.mark.parametrize(
    ("stem", "sender", "subject", "version"),
    [
        ("util-linux", "kzak@redhat.com", "[RESEND] [ANNOUNCE] util-linux v9.44-rc1", "9.44-rc1"),
        ("util-linux", "kzak@redhat.com", "[ANNOUNCE][RESEND] util-linux v9.44-rc1", "9.44-rc1"),
        ("git", "gitster@pobox.com", "[ANNOUNCE][RESEND] Git v9.52.0-rc1", "9.52.0-rc1"),
        ("linux", "torvalds@linux-foundation.org", "[RESEND] Linux 9.8-rc4", "9.8-rc4"),
        ("linux", "torvalds@linux-foundation.org", "Linux 9.8-rc4 [RESEND]", "9.8-rc4"),
        ("linux", "torvalds@linux-foundation.org", "Linux 9.8-rc4 (resend)", "9.8-rc4"),
    ],
)
def test_shipped_projects_know_what_was_sent_again(stem: str, sender: str, subject: str, version: str) -> None:
    """As in the founding story, where the second mail is the first that arrives."""
    project = config.load_project(stem, PLACE)
    content = f"From: {sender}\nSubject: {subject}\nDate: Thu, 14 Nov 2030 12:00:00 +0000\nMessage-ID: <a@b>\n\nx\n"
    rules = project.lists[0].rules
    reading = recognise_mail(rules, project.rules.scheme, MailEvidence("key", content.encode(), None), SEEN)
    assert subject_may_fit(rules, subject)
    assert isinstance(reading, Announcement)
    assert [each.text for each in reading.versions] == [version]


@pytest.mark.parametrize(
    "subject",
    [
        "Re: [RESEND] [ANNOUNCE] demo v2.44-rc1",
        "[RESEND] Re: [ANNOUNCE] demo v2.44-rc1",
        "[RESEND] [PATCH] [ANNOUNCE] demo v2.44-rc1",
        "[other] [RESEND] [ANNOUNCE] demo v2.44-rc1",
        "[SPAM] buy [ANNOUNCE] demo v2.44-rc1",
        "Please resend: [ANNOUNCE] demo v2.44-rc1",
    ],
)
def test_what_else_stands_before_the_subject_stays_there(subject: str) -> None:
    """A mark lets nothing else in."""
    assert read(subject) is None


class TestReplies:
    """Where the project file says so, a reply may be an announcement."""

    OUT = "demo 2.44-rc1 is now available, see below.\n"

    @pytest.mark.parametrize(
        "subject",
        [
            "Re: [ANNOUNCE] demo v2.44-rc1",
            "AW: Re: [ANNOUNCE] demo v2.44-rc1",
            "[demo-devel] Re: [ANNOUNCE] demo v2.44-rc1",
            "[ANNOUNCE] demo v2.44-rc1 (was: Re: schedule)",
        ],
    )
    def test_a_reply_that_says_that_the_version_is_out_announces_it(self, subject: str) -> None:
        """In its own words, not in those that it quotes."""
        assert read(subject, replies=True, body=self.OUT) == ["2.44-rc1"]
        assert read(subject, body=self.OUT) is None
        assert read(subject, replies=True, body=f"> {self.OUT}Great!\n") is None
        assert read(subject, replies=True, body="Please mend the link.\n") is None
        assert read(subject, replies=True, body="If all goes well demo 2.44-rc1 is released on Monday.\n") is None

    @pytest.mark.parametrize("subject", ["Fwd: [ANNOUNCE] demo v2.44-rc1", "WG: Re: [ANNOUNCE] demo v2.44-rc1"])
    def test_a_forward_announces_nothing(self, subject: str) -> None:
        """It is another's mail."""
        assert read(subject, replies=True, body=self.OUT) is None

    def test_a_mail_that_only_refers_to_another_is_no_reply(self) -> None:
        """Its subject is its own."""
        content = f"From: {KIM}\nIn-Reply-To: <c@d>\nReferences: <c@d>\nSubject: [ANNOUNCE] demo v2.44-rc2\n"
        rules = ListRules(frozenset({KIM}), r"^\[ANNOUNCE\] demo v(?P<version>\S+)", (), None)
        evidence = MailEvidence("key", f"{content}Message-ID: <a@b>\n\nout\n".encode(), None)
        assert isinstance(recognise_mail(rules, "dotted", evidence, SEEN), Announcement)

    def test_a_stranger_s_reply_is_refused_or_passed_over(self) -> None:
        """It is nobody's announcement."""
        rules = ListRules(frozenset({"sam@example.org"}), r"^demo v(?P<version>\S+)", (), None, replies=True)
        content = f"From: {KIM}\nSubject: Re: demo v1.0\nMessage-ID: <a@b>\n\ndemo 1.0 is out\n".encode()
        assert isinstance(recognise_mail(rules, "dotted", MailEvidence("k", content, None), SEEN), Unrecognised | None)

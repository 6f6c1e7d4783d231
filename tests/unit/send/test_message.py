"""compose: a draft as bytes that every mail program understands, whatever was in it."""

import dataclasses
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rctrack.send import Draft, compose
from tests.support.drafts import READER, SENDER, a_draft, a_mail

EXPECTED = [
    "Date: Wed, 14 Sep 2011 14:03:12 +0000",
    "From: rctrack <rctrack@localhost>",
    "To: reader@example.org",
    "Subject: [rctrack] linux v3.1-rc6 out: 109 commits, announced +41 h",
    "Message-ID: <linux.v3.1-rc6.tagged.reader@rctrack>",
    "In-Reply-To: <linux.v3.1-rc5.tagged.reader@rctrack>",
    "References: <linux.v3.1-rc1.tagged.reader@rctrack>",
    " <linux.v3.1-rc5.tagged.reader@rctrack>",
    "List-Id: <linux.rctrack>",
    "List-Unsubscribe: <mailto:rctrack@example.org?subject=unsubscribe>",
    "Auto-Submitted: auto-generated",
    "X-Mailer: rctrack/0.1.0",
    'Content-Type: text/plain; charset="utf-8"',
    "Content-Transfer-Encoding: 7bit",
    "MIME-Version: 1.0",
]
MAX_BYTES = 100_000
HEADERS = frozenset(line.partition(":")[0].lower() for line in EXPECTED if not line.startswith(" "))


LINES = ["\r\n", "\r", "\u2028", "\x85", "\0", "Bcc: x@y", " ", "\t", "x" * 80, "a", "é", "\ud800"]
ENCODED = ["=?utf-8?q?", "=0D=0A", "?=", "=?", "?b?Cgo=?="]
SYNTAX = ["<", ">", "@", '"', "(", ")", ",", ";", ":", "[", "]", "\\", "."]
PIECES = st.sampled_from([*LINES, *ENCODED, *SYNTAX])
NASTY = st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=30)
MAILBOXES = NASTY | st.builds("{} <{}@example.org>".format, NASTY, st.sampled_from(["a", "jörg"]))


def parsed(mail: bytes) -> EmailMessage:
    """As a mail program reads it."""
    message = message_from_bytes(mail, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def head(mail: bytes) -> list[str]:
    """The header's lines as they are on the wire."""
    return mail.partition(b"\r\n\r\n")[0].decode().split("\r\n")


def text_of(mail: bytes) -> str:
    """What a reader of plain text sees."""
    part = parsed(mail).get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


class TestHeaders:
    """Who, when, which thread, which list."""

    def test_a_mail_has_the_headers_that_readers_and_filters_go_by(self) -> None:
        """All of them, on the wire, each once."""
        assert head(a_mail()) == EXPECTED

    def test_the_first_mail_of_a_thread_refers_to_nothing(self) -> None:
        """No empty References or In-Reply-To."""
        names = parsed(a_mail(a_draft(references=()))).keys()
        assert not {"References", "In-Reply-To"} & set(names)

    def test_long_message_ids_stay_whole(self) -> None:
        """No encoded words and no break inside: a mail program compares them byte by byte."""
        long = ["a" * 150 + "@rctrack", "b" * 150 + "@rctrack"]
        lines = head(a_mail(a_draft(message_id=long[0], references=(long[1], long[0]))))
        assert f"Message-ID: <{long[0]}>" in lines
        assert f"In-Reply-To: <{long[0]}>" in lines
        assert lines[lines.index(f"References: <{long[1]}>") + 1] == f" <{long[0]}>"

    def test_a_long_thread_keeps_its_first_mail_and_the_nearest_ones(self) -> None:
        """So that it still hangs together where the mails between were deleted."""
        ids = [f"{number}@rctrack" for number in range(500)]
        references = str(parsed(a_mail(a_draft(references=tuple(ids))))["References"]).split()
        assert references == ["<0@rctrack>", *(f"<{number}@rctrack>" for number in range(481, 500))]

    @pytest.mark.parametrize("contact", ["", "https://example.org/~me@home/", "somebody", "a@b c@d", "a@b\r\nBcc: c@d"])
    def test_only_a_mail_address_can_be_unsubscribed_at(self, contact: str) -> None:
        """A web page or nothing as contact means no List-Unsubscribe."""
        assert "List-Unsubscribe" not in parsed(compose(a_draft(), SENDER, contact, "rctrack/0.1.0"))

    def test_names_and_subjects_outside_ascii_arrive_as_they_were(self) -> None:
        """Encoded on the wire (RFC 2047), so that any server takes them; folded, and no space more or less."""
        for length in range(1, 60, 7):
            text = "Verspätet: linux v3.1-rc6 " + "würde " * length + "…"
            mail = compose(a_draft(subject=text[:240]), f"{text[:240]} <rctrack@localhost>", "", "rctrack")
            assert mail.isascii()
            assert max(map(len, head(mail))) <= 78
            assert parsed(mail)["Subject"] == text[:240].strip()
            # EmailMessage, up to 3.13, puts spaces between a name's encoded words, against RFC 2047 6.2.
            sender = str(make_header(decode_header(message_from_bytes(mail)["From"])))
            assert sender == f"{text[:240].strip()} <rctrack@localhost>"

    def test_what_looks_encoded_is_shown_as_it_was_written(self) -> None:
        """Not decoded by us, nor by the mail program."""
        for text in ("=?utf-8?q?a?= is how it begins", "a =?= b"):
            assert parsed(a_mail(a_draft(subject=text)))["Subject"] == text

    def test_a_name_with_a_comma_is_one_sender(self) -> None:
        """Quoted or not in the configuration."""
        for sender in ("Torvalds, Linus <a@example.org>", '"Torvalds, Linus" <a@example.org>'):
            (address,) = parsed(compose(a_draft(), sender, "", "rctrack"))["From"].addresses
            assert (address.display_name, address.addr_spec) == ("Torvalds, Linus", "a@example.org")

    def test_a_name_is_kept_beside_any_address(self) -> None:
        """In ASCII or not, either of them."""
        for sender in ("Jorg <jorg@example.org>", "Jorg <jörg@example.org>", '"J. org" <jörg@example.org>'):
            assert f"From: {sender}" in head(compose(a_draft(), sender, "", "rctrack"))

    def test_an_international_domain_goes_out_in_ascii(self) -> None:
        """Every server can deliver to it; no SMTPUTF8 is needed."""
        assert "To: leser@xn--bcher-kva.example" in head(a_mail(a_draft(recipient="leser@bücher.example")))

    def test_an_international_local_part_goes_out_in_utf8(self) -> None:
        """It has no ASCII form; RFC 6532 headers."""
        assert "To: jörg@example.org" in head(a_mail(a_draft(recipient="jörg@example.org")))


class TestInjection:
    """Subjects and names come from strangers' mails and tags."""

    @pytest.mark.parametrize("line_break", ["\r\n", "\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\x00"])
    def test_a_line_break_in_a_subject_is_a_space(self, line_break: str) -> None:
        """Whatever any program takes for a line break."""
        mail = a_mail(a_draft(subject=f"out{line_break}Bcc: victim@example.org"))
        assert "Bcc" not in parsed(mail)
        assert " ".join(str(parsed(mail)["Subject"]).split()) == "out Bcc: victim@example.org"

    def test_a_line_break_inside_an_encoded_word_is_no_line_break(self) -> None:
        """Python until 3.13 decodes it and writes it out as a new header."""
        text = "=?utf-8?q?out=0D=0ABcc:_victim@example.org?="
        mail = compose(a_draft(subject=text, recipient=f"{text} <a@b>"), f"{text} <a@b>", "", text)
        assert not [line for line in head(mail) if line.startswith("Bcc")]
        assert parsed(mail)["Subject"] == text

    def test_a_body_can_neither_end_its_part_nor_the_mail(self) -> None:
        """A stranger who has seen one mail does not know the next one's boundary; bare CR and LF are gone."""
        seen = a_mail(a_draft(html="<p>hello</p>"))
        boundary = parsed(seen).get_boundary()
        text = f"hello\n--{boundary}--\nworld\r.\rRCPT TO:<victim@example.org>\n"
        mail = a_mail(a_draft(html="<p>hello</p>", text=text))
        assert text_of(mail) == text.replace("\r", "\n")
        assert b"\r" not in mail.replace(b"\r\n", b"")

    def test_a_body_cannot_talk_to_the_terminal(self) -> None:
        """Escape sequences are text."""
        assert text_of(a_mail(a_draft(text="\x1b]0;evil\x07\tv3.1\u202f\x9b2J\n"))) == " ]0;evil \tv3.1\u202f 2J\n"

    @settings(deadline=None)
    @given(
        draft=st.builds(
            a_draft,
            recipient=MAILBOXES,
            subject=NASTY,
            text=NASTY,
            html=st.none() | NASTY,
            message_id=NASTY,
            references=st.lists(NASTY, max_size=3).map(tuple),
            list_id=NASTY,
        ),
        sender=MAILBOXES,
        contact=NASTY,
    )
    def test_no_text_whatsoever_adds_a_header_or_a_reader(self, draft: Draft, sender: str, contact: str) -> None:
        """The known headers, each at most once; one address in To; lines that end in CRLF and are not too long."""
        mail = compose(draft, sender, contact, "rctrack/0.1.0")
        names = [line.partition(":")[0].lower() for line in head(mail) if not line.startswith((" ", "\t"))]
        assert set(names) <= HEADERS
        assert len(set(names)) == len(names)
        assert len(parsed(mail)["To"].addresses) == len(parsed(mail)["From"].addresses) == 1
        assert all(line.strip() for line in head(mail))
        assert not {b"\r", b"\n"} & set(mail.replace(b"\r\n", b""))
        assert max(map(len, mail.split(b"\r\n"))) <= 998


class TestBodies:
    """Plain text first, HTML beside it, at most 100 kB."""

    def test_plain_ascii_is_readable_on_the_wire(self) -> None:
        """Not encoded at all: `less` will do."""
        mail = a_mail(a_draft(text="a = b\nhttps://example.org/?q=1\n" + "x" * 72 + "\n"))
        assert mail.partition(b"\r\n\r\n")[2] == b"a = b\r\nhttps://example.org/?q=1\r\n" + b"x" * 72 + b"\r\n"

    @pytest.mark.parametrize("text", ["käse\n", "v6.18-rc4 …\n", "x" * 5000 + "\n", "a=b é\n.\n\ntrailing  \n"])
    def test_any_text_survives_a_server_that_knows_only_ascii_and_short_lines(self, text: str) -> None:
        """Bytes below 128, lines of at most 998, and the same text at the other end."""
        mail = a_mail(a_draft(text=text))
        assert mail.isascii()
        assert max(map(len, mail.split(b"\r\n"))) <= 998
        assert text_of(mail) == text

    def test_html_is_the_second_choice(self) -> None:
        """multipart/alternative: the last part is the richest (RFC 2046 5.1.4); the text is never missing."""
        message = parsed(a_mail(a_draft(html="<p>linux <b>v3.1-rc6</b> …</p>")))
        assert message.get_content_type() == "multipart/alternative"
        plain, html = message.iter_parts()
        assert (plain.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
        assert html.get_content().strip() == "<p>linux <b>v3.1-rc6</b> …</p>"

    def test_the_same_draft_gives_the_same_bytes(self) -> None:
        """A resend is not a new mail; MIME boundaries are not drawn by lot."""
        draft = a_draft(html="<p>x</p>", text="käse\n")
        assert a_mail(draft) == a_mail(dataclasses.replace(draft))

    def test_a_mail_of_any_usual_size_is_whole(self) -> None:
        """Nothing is cut below the limit."""
        text = "x" * 70 + "\n"
        mail = a_mail(a_draft(text=text * 1300))
        assert 90_000 < len(mail) <= MAX_BYTES
        assert text_of(mail) == text * 1300

    def test_too_large_a_mail_loses_its_html_first(self) -> None:
        """The text is what counts."""
        text = "x" * 70 + "\n"
        mail = a_mail(a_draft(text=text * 1000, html="<br>\n" * 20_000))
        assert parsed(mail).get_content_type() == "text/plain"
        assert text_of(mail) == text * 1000

    @pytest.mark.parametrize("line", ["x" * 70, "käse = 1", "é" * 70, ""])
    def test_too_long_a_text_ends_at_a_line_and_says_how_much_is_missing(self, line: str) -> None:
        """As much as fits into 100 kB, and no half line."""
        total = 100_000
        mail = a_mail(a_draft(text=f"{line}\n" * total))
        *kept, last = text_of(mail).split("\n")[:-1]
        assert set(kept) == {line}
        assert last == f"… and {total - len(kept)} more lines"
        assert MAX_BYTES - 600 < len(mail) <= MAX_BYTES

    def test_a_single_endless_line_and_subject_still_make_a_mail(self) -> None:
        """Bounded whatever comes."""
        mail = a_mail(a_draft(subject="x" * 300_000, text="x" * 300_000))
        assert len(mail) <= MAX_BYTES
        assert text_of(mail) == "… and 1 more lines\n"
        assert parsed(mail)["To"] == READER

"""A letter as the bytes of a mail; the same letter always gives the same bytes."""

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import replace
from email.headerregistry import Address, BaseHeader, HeaderRegistry
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8, EmailPolicy, Policy
from hashlib import sha256
from typing import Final

from rctrack.core.model import Letter
from rctrack.notifiers.address import bare_address, display_name

MAX_BYTES: Final = 100_000
_MAX_SUBJECT: Final = 240  # characters; a subject is for a list of mails, not for reading
_MAX_REFERENCES: Final = 20  # the thread's first mail and the nearest ones, as RFC 5322 3.6.4 allows
_MAX_LINE: Final = 998  # RFC 5322 2.1.1, without CRLF

_CONTROL: Final = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"  # the surrogates have no bytes in UTF-8
_NOT_IN_HEADER: Final = re.compile(f"[{_CONTROL}]")
_NOT_IN_BODY: Final = re.compile(rf"(?![\t\n])[{_CONTROL}]")  # a terminal obeys ESC
_NOT_IN_TOKEN: Final = re.compile(r"[^!-~]|[<>]")
_MAIL_ADDRESS: Final = re.compile(r"[\w.+=-]+@[\w.-]+", re.ASCII)


class _TokensHeader(BaseHeader):
    """A header of ASCII tokens, one per line; EmailMessage itself would encode a long id away (RFC 2047)."""

    max_count = 1

    @classmethod
    def parse(cls, value: str, kwds: dict[str, object]) -> None:
        """Take the value as it is."""
        kwds.update(decoded=value, parse_tree=None)

    def fold(self, *, policy: Policy) -> str:
        """The header's lines, each token whole."""
        return f"{self.name}: " + f"{policy.linesep} ".join(self.split()) + policy.linesep


def _policy(local_parts: Iterable[str]) -> "EmailPolicy[EmailMessage]":
    """Headers in ASCII, or raw UTF-8 where a local part leaves no other way (RFC 6532)."""
    headers = HeaderRegistry()
    for name in ("message-id", "references", "in-reply-to", "list-id", "list-unsubscribe"):
        headers.map_to_type(name, _TokensHeader)
    return (SMTP if all(map(str.isascii, local_parts)) else SMTPUTF8).clone(header_factory=headers)


def compose(letter: Letter, sender: str, contact: str, program: str) -> bytes:
    """The whole mail, at most MAX_BYTES: what is too long loses its HTML first, then the end of its text."""
    plain = replace(letter, html=None)
    for candidate in (letter, plain):
        if len(candidate.text) + len(candidate.html or "") <= MAX_BYTES:  # a character takes at least a byte
            mail = _render(candidate, sender, contact, program)
            if len(mail) <= MAX_BYTES:
                return mail

    lines = _body(letter.text).removesuffix("\n").split("\n")

    def kept(count: int) -> bytes:
        text = "".join(f"{line}\n" for line in lines[:count])
        rest = f"… and {len(lines) - count} more lines"
        return _render(replace(plain, text=text + rest), sender, contact, program)

    most = _body(letter.text).count("\n", 0, MAX_BYTES)
    return kept(bisect_right(range(1, most + 1), MAX_BYTES, key=lambda count: len(kept(count))))


def _render(letter: Letter, sender: str, contact: str, program: str) -> bytes:
    """The mail, however long."""
    mailboxes = author, reader = _mailbox(sender), _mailbox(letter.recipient)
    message = EmailMessage(_policy(each.username for each in mailboxes))
    message["Date"] = letter.written_at
    message["From"] = author
    message["To"] = reader
    message["Subject"] = _subject(letter.subject)
    _add_ids(message, letter)
    message["List-Id"] = f"<{_token(letter.list_id)}>"
    if _MAIL_ADDRESS.fullmatch(contact):
        message["List-Unsubscribe"] = f"<mailto:{contact}?subject=unsubscribe>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Mailer"] = _line(program)
    _add_bodies(message, letter)
    return message.as_bytes()


def _add_ids(message: EmailMessage, letter: Letter) -> None:
    """What makes it one mail however often it is sent, and what makes it part of a thread."""
    message["Message-ID"] = f"<{_token(letter.message_id)}>"
    ids = [f"<{token}>" for token in map(_token, letter.references) if token]
    if ids:
        message["In-Reply-To"] = ids[-1]
        message["References"] = " ".join(ids[:1] + ids[1:][1 - _MAX_REFERENCES :])


def _add_bodies(message: EmailMessage, letter: Letter) -> None:
    """text/plain first, HTML beside it where there is one."""
    text = _body(letter.text)
    message.set_content(text, cte=_encoding(text))
    if letter.html is None:
        return
    html = _body(letter.html)
    message.add_alternative(html, subtype="html", cte=_encoding(html))
    # The bodies are in the digest too: so no body can hold the boundary that would end it.
    digest = sha256(f"{letter.message_id}\n{text}\n{html}".encode("utf-8", "replace")).hexdigest()
    message.set_boundary(f"=_{digest[:40]}")


def _encoding(body: str) -> str:
    """ASCII stays as it is; the rest survives servers that know neither 8BITMIME nor long lines."""
    short = all(len(line) <= _MAX_LINE for line in body.split("\n"))
    return "7bit" if short and body.isascii() else "quoted-printable"


def _mailbox(text: str) -> Address:
    """`Name <address>` or `address` as a header takes it; no usable address is one that leads nowhere (RFC 2606)."""
    line = _line(text)
    local, _, domain = (bare_address(line) or "nobody@invalid").rpartition("@")
    return Address(display_name(line), local, domain)


def _subject(text: str) -> str:
    """One line, cut where it is absurdly long."""
    line = _line(text)
    return line if len(line) <= _MAX_SUBJECT else line[: _MAX_SUBJECT - 1] + "…"


def _line(text: str) -> str:
    """One header value: whatever could start another line is a space, and nothing in it is an encoded word."""
    # EmailMessage decodes encoded words in what it is given and, until 3.13, writes the line breaks in them as they are.
    return _NOT_IN_HEADER.sub(" ", text).replace("=?", "= ?").strip()


def _body(text: str) -> str:
    """Lines that end in a newline, without control characters other than tab."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return _NOT_IN_BODY.sub(" ", lines.removesuffix("\n") + "\n")


def _token(text: str) -> str:
    """What may stand between angle brackets in a header."""
    return _NOT_IN_TOKEN.sub("", text)

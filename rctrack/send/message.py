"""A draft as the bytes of a mail; the same draft always gives the same bytes."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTPUTF8, Policy
from email.utils import format_datetime, quote
from hashlib import sha256
from typing import Final

from rctrack.core.evidence import MessageId
from rctrack.send.address import bare_address, display_name

MAX_BYTES: Final = 100_000
_MAX_PHRASE: Final = 240  # characters; a subject is for a list of mails, not for reading
_MAX_REFERENCES: Final = 20  # the thread's first mail and the nearest ones, as RFC 5322 3.6.4 allows
_MAX_LINE: Final = 998  # RFC 5322 2.1.1, without CRLF
_FOLD_AT: Final = 78

_CONTROL: Final = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"  # the surrogates have no bytes in UTF-8
_NOT_IN_HEADER: Final = re.compile(f"[{_CONTROL}]")
_NOT_IN_BODY: Final = re.compile(rf"(?![\t\n])[{_CONTROL}]")  # a terminal obeys ESC
_NOT_IN_TOKEN: Final = re.compile(r"[^!-~]|[<>]")
_WORDS: Final = re.compile(r"[\w !#$%&'*+/=?^`{|}~-]+", re.ASCII)  # what a name may hold without quotes
_MAIL_ADDRESS: Final = re.compile(r"[\w.+=-]+@[\w.-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Draft:
    """What one mail to one reader says, before it is bytes."""

    recipient: str
    subject: str
    text: str
    """Lines of at most 72 characters."""
    html: str | None
    message_id: MessageId
    references: tuple[MessageId, ...]
    """What it answers, the first mail of its thread first."""
    list_id: str
    """Without angle brackets."""
    written_at: datetime


class _Header(str):
    """A header whose value is ready for the wire but for its folding."""

    # EmailMessage's own headers decode what looks encoded and write the line breaks in it as they are (Python 3.11 and
    # 3.12), encode long ids away, and add spaces where they fold (3.11).
    name: str

    def __new__(cls, name: str, value: str) -> "_Header":
        """A value under its name, which is all that EmailMessage asks of a header."""
        header = super().__new__(cls, value)
        header.name = name
        return header

    def fold(self, *, policy: Policy) -> str:
        """Lines of at most 78 characters where the words allow it."""
        first, *rest = self.split() or [""]
        lines = [f"{self.name}: {first}"]
        for word in rest:
            if len(lines[-1]) + len(word) < _FOLD_AT:
                lines[-1] += f" {word}"
            else:
                lines.append(f" {word}")
        return policy.linesep.join(lines) + policy.linesep


def compose(draft: Draft, sender: str, contact: str, program: str) -> bytes:
    """The whole mail, at most MAX_BYTES: what is too long loses its HTML first, then the end of its text."""
    plain = replace(draft, html=None)
    for candidate in (draft, plain):
        if len(candidate.text) + len(candidate.html or "") <= MAX_BYTES:  # a character takes at least a byte
            mail = _render(candidate, sender, contact, program)
            if len(mail) <= MAX_BYTES:
                return mail

    body = _body(draft.text)
    lines = body.splitlines(keepends=True)

    def cut(count: int) -> bytes:
        text = "".join(lines[:count]) + f"… and {len(lines) - count} more lines"
        return _render(replace(plain, text=text), sender, contact, program)

    might_fit = range(1, body.count("\n", 0, MAX_BYTES) + 1)
    return cut(bisect_right(might_fit, MAX_BYTES, key=lambda count: len(cut(count))))


def _render(draft: Draft, sender: str, contact: str, program: str) -> bytes:
    """The mail, however long."""
    message = EmailMessage(SMTPUTF8)
    for name, value in _headers(draft, sender, contact, program):
        message[name] = _Header(name, value)
    _add_bodies(message, draft)
    return message.as_bytes()


def _headers(draft: Draft, sender: str, contact: str, program: str) -> Iterator[tuple[str, str]]:
    """All but MIME's; in ASCII, but for an address that has no other form (RFC 6532)."""
    yield "Date", format_datetime(draft.written_at)
    yield "From", _mailbox(sender)
    yield "To", _mailbox(draft.recipient)
    yield "Subject", _phrase(draft.subject)
    yield "Message-ID", f"<{_token(draft.message_id)}>"
    ids = [f"<{token}>" for token in map(_token, draft.references) if token]
    if ids:
        yield "In-Reply-To", ids[-1]
        yield "References", " ".join(ids[:1] + ids[1:][1 - _MAX_REFERENCES :])
    yield "List-Id", f"<{_token(draft.list_id)}>"
    if _MAIL_ADDRESS.fullmatch(contact):
        yield "List-Unsubscribe", f"<mailto:{contact}?subject=unsubscribe>"
    yield "Auto-Submitted", "auto-generated"
    yield "X-Mailer", _phrase(program)


def _add_bodies(message: EmailMessage, draft: Draft) -> None:
    """text/plain first, HTML beside it where there is one."""
    text = _body(draft.text)
    message.set_content(text, cte=_encoding(text))
    if draft.html is None:
        return
    html = _body(draft.html)
    message.add_alternative(html, subtype="html", cte=_encoding(html))
    # The bodies are in the digest too: so no body can hold the boundary that would end it.
    digest = sha256(f"{draft.message_id}\n{text}\n{html}".encode("utf-8", "replace")).hexdigest()
    message.set_boundary(f"=_{digest[:40]}")


def _encoding(body: str) -> str:
    """ASCII stays as it is; the rest survives servers that know neither 8BITMIME nor long lines."""
    short = all(len(line) <= _MAX_LINE for line in body.split("\n"))
    return "7bit" if short and body.isascii() else "quoted-printable"


def _mailbox(text: str) -> str:
    """`Name <address>` or `address` as a header takes it; no usable address is one that leads nowhere (RFC 2606)."""
    line = _line(text)
    name, address = display_name(line), bare_address(line) or "nobody@invalid"
    if not name:
        return address
    quoted = f'"{quote(name)}"' if _is_plain(name) and not _WORDS.fullmatch(name) else _phrase(name)
    return f"{quoted} <{address}>"


def _phrase(text: str) -> str:
    """One line of text for a header, cut where it is absurdly long; in encoded words (RFC 2047) where it must be."""
    line = _line(text)
    if len(line) > _MAX_PHRASE:
        line = line[: _MAX_PHRASE - 1] + "…"
    return line if _is_plain(line) else Header(line, "utf-8", header_name="Subject").encode(linesep="")


def _is_plain(line: str) -> bool:
    """Whether a mail program shows it as it is: no letters outside ASCII, nothing that looks encoded already."""
    return line.isascii() and "=?" not in line


def _line(text: str) -> str:
    """Words with one space between them: whatever could start another line is none of them."""
    return " ".join(_NOT_IN_HEADER.sub(" ", text).split())


def _body(text: str) -> str:
    """Lines that end in a newline, without control characters other than tab."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return _NOT_IN_BODY.sub(" ", lines.removesuffix("\n") + "\n")


def _token(text: str) -> str:
    """What may stand between angle brackets in a header."""
    return _NOT_IN_TOKEN.sub("", text)

"""What all archives of mail share: which subjects are wanted, a page as a mail, addresses that were made unreadable."""

import hashlib
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from email.header import Header
from email.utils import formataddr

from rctrack.core.look import Outcome
from rctrack.core.received import parse_date
from rctrack.core.recognise import header_text, parse_headers, subject_may_fit
from rctrack.core.recognise.body import text_of
from rctrack.core.rules import ListRules
from rctrack.sources.protocol import Coverage, Failed

MOST_MAIL_BYTES = 4 * 2**20
"""Of one mail that is kept; what is longer is cut, its headers and shortlog are at the start."""
MOST_READ = 32 * 2**20
"""Of one mail that is read, since what counts may stand behind headers without end."""
_MOST_SUBJECT = 1000
_MOST_HEADERS = 512 * 1024
"""Of the headers of a mail that is cut; of longer ones only those that are ever read are kept."""
_SUBJECT = re.compile(rb"^subject:(.{0,1000}(?:\r?\n[ \t].{0,1000}){0,20})", re.IGNORECASE | re.MULTILINE)
_HIDDEN_AT = re.compile(
    r"(?<=[\w.+-])(?:_at_| at |\(a\)|\(at\)| \(at\) |\[at\]| \[at\] |&#64;|%40)(?=[\w-])", re.IGNORECASE
)
_ADDRESS = re.compile(r"[\w.+=-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_ZONES = {
    "WET": "+0000", "WEST": "+0100", "BST": "+0100", "CET": "+0100", "MET": "+0100", "CEST": "+0200", "MEST": "+0200",
    "EET": "+0200", "EEST": "+0300", "MSK": "+0300", "JST": "+0900", "KST": "+0900", "AEST": "+1000", "AEDT": "+1100",
    "NZST": "+1200", "NZDT": "+1300",
}  # fmt: skip
"""Those that pipermail writes for the clock of its own machine and that no mail date may have."""


def fits(rules: ListRules) -> Callable[[str], bool]:
    """Whether a subject, as an archive shows it, may be an announcement of this list."""
    return lambda text: subject_may_fit(rules, text[:_MOST_SUBJECT])


def file_failure(error: OSError, place: object) -> Failed:
    """Returns the answer that a file or folder comes to which cannot be read."""
    reason = f"{place}: {error.strerror or error}"
    if isinstance(error, PermissionError):
        return Failed(Outcome.BLOCKED, f"{reason}; let this user read it")
    if isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError):
        return Failed(Outcome.MISREAD, f"{reason}; mount it, or change url")
    return Failed(Outcome.NO_ANSWER, reason)


def cut(content: bytes) -> bytes:
    """As much of a mail as is kept: of endless headers what is ever read, and the beginning of its body."""
    if len(content) <= MOST_MAIL_BYTES:
        return content
    headers = parse_headers(content)
    if headers.body_at > _MOST_HEADERS:
        kept = [b"%s:%s\n" % (name.encode(), value) for name, values in headers.fields.items() for value in values]
        content = b"".join(kept) + b"\n" + content[headers.body_at :]
    return content[:MOST_MAIL_BYTES]


def subject_of(content: bytes) -> str:
    """The decoded subject of a mail; empty where there is none."""
    head = content[: found.start()] if (found := re.search(rb"\r?\n\r?\n", content)) else content
    raw = _SUBJECT.search(head)
    if raw is None:
        return ""
    if b"=?" not in raw[1]:
        return " ".join(raw[1].decode("utf-8", "replace").split())
    return header_text(parse_headers(b"Subject:" + raw[1]), "Subject", _MOST_SUBJECT)


def message_id_of(content: bytes) -> str:
    """The Message-ID of a mail, without angle brackets; empty where there is none."""
    value = header_text(parse_headers(content), "Message-ID", 998)
    return value.strip().removeprefix("<").removesuffix(">")


def note(known: dict[str, str], key: str, content: bytes) -> str | None:
    """The key of a mail that is not known yet, and from now on is; None for one that is.

    A mail under a Message-ID that another one had is another mail: Date, subject or body are not the same. What
    servers wrote on the way does not count, for an archive may get a mail twice.
    """
    headers = parse_headers(content)
    words = [header_text(headers, "Date", 200), header_text(headers, "Subject", _MOST_SUBJECT)]
    # As people read it: the marks between its parts may be others each time that an archive writes it.
    words.append(text_of(content, headers).rstrip())
    digest = hashlib.sha256("\n".join(words).encode("utf-8", "replace")).hexdigest()[:12]
    if key not in known:
        known[key] = digest
        return key
    if known[key] in ("", digest) or (other := f"{key} {digest}") in known:
        return None
    known[other] = digest
    return other


def delivery_of(content: bytes) -> datetime | None:
    """When a mail came here by its newest Received header, or was written by its Date; None: not known."""
    headers = parse_headers(content)
    dates = [each.rpartition(";")[2] for each in headers.all("Received")[:1]] or headers.all("Date")[:1]
    found = parse_date(dates[0]) if dates else None
    return found.at if found else None


def coverage_of(deliveries: Iterable[datetime | None], *, is_whole: bool) -> Coverage:
    """What mails that came then tell of their archive; when it begins only if they are all it has."""
    came = [each for each in deliveries if each]
    return Coverage(min(came, default=None) if is_whole else None, max(came, default=None))


def as_mail(*, sender: str, date: str, subject: str, message_id: str, body: str, url: str) -> bytes:
    """A page of an archive as a mail (RFC 5322), so that the one recogniser reads it; what is not known is left out."""
    headers = {
        "From": sender_header(sender),
        "Date": numeric_zone(date),
        "Subject": _encoded(subject[:_MOST_SUBJECT]),
        "Message-ID": f"<{bare}>" if (bare := readable_address(_one_line(message_id).strip("<> "))) else "",
        "Archived-At": f"<{url}>",
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Transfer-Encoding": "8bit",
    }
    head = "".join(f"{name}: {_one_line(value)}\n" for name, value in headers.items() if value.strip())
    return f"{head}\n{body}".encode("utf-8", "replace")[:MOST_MAIL_BYTES]


def readable_address(text: str) -> str:
    """An address that an archive wrote as "user at host", "user_at_host" or the like, as it was."""
    return _HIDDEN_AT.sub("@", text[:_MOST_SUBJECT])


def numeric_zone(date: str) -> str:
    """A date with the zone as a number where it has a name that mail dates do not know."""
    return re.sub(r"\b[A-Z]{3,4}\b", lambda zone: _ZONES.get(zone[0], zone[0]), date[:200])


def sender_header(text: str) -> str:
    """Name and address of what an archive shows of the sender."""
    shown = readable_address(_one_line(text))
    address = _ADDRESS.search(shown)
    if address is None:
        return _encoded(shown)
    name = " ".join(re.sub(r"[<>()\"]|mailto:", " ", shown.replace(address[0], " ")).split())
    if not address[0].isascii():  # as RFC 6532 has it, which formataddr does not know
        return f"{Header(name, 'utf-8', maxlinelen=10_000).encode()} <{address[0]}>"
    return formataddr((name, address[0]), "utf-8")


def _encoded(text: str) -> str:
    line = _one_line(text)
    return line if line.isascii() else Header(line, "utf-8", maxlinelen=10_000).encode()


def _one_line(text: str) -> str:
    return " ".join("".join(each if each.isprintable() else " " for each in text[:10_000]).split())

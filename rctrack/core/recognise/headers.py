"""The headers of a mail as they come: folded, doubled, 8 bit, encoded, broken; in time that grows with their length.

Not the parser of the standard library: that one takes seconds for 100,000 headers, recurses into comments, and ends
the headers at the first line that is none.
"""

import codecs
import re
from dataclasses import dataclass
from email.errors import MessageError
from email.header import decode_header

_MOST_BYTES = 32 * 2**20
_MOST_OF_A_NAME = 200
"""Headers of one name that are kept; the first ones are the newest."""
_MOST_NAMES = 10_000
_LONGEST = 16_000
"""Bytes of one header that are kept."""
_HEADER = re.compile(rb"^([!-9;-~]{1,80})[ \t]*:", re.MULTILINE)
_EMPTY_LINE = re.compile(rb"\n\r?\n")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_COMMENT = re.compile(r"\([^()]*\)")
_IN_BRACKETS = re.compile(r"<\s*([^<>\s@]{1,200}@[^<>\s@]{1,255})\s*>")
_BARE = re.compile(r"(?<![^\s,;:(])([^\s<>,;:()@\"]{1,200}@[^\s<>,;:()@\"]{1,255})")
_MAILBOX = re.compile(r"((?:\"[^\"]{0,200}\"|[^<>\",]){1,200})<\s*([^<>\s@]{1,200}@[^<>\s@]{1,255})\s*>")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
# Some codecs of Python are no charsets, or take time that grows with the square of the length.
_CHARSET = re.compile(
    r"(?:utf|us-?ascii|ascii|iso|latin|l\d|windows|cp-?\d|ibm|koi8|gb|big5|euc|shift|s?jis|hz|mac|ks|tis|8859|viscii)"
    r"[\w.:-]{0,30}",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Headers:
    """The headers of a mail by their name in lower case, undecoded, and where its body begins."""

    fields: dict[str, list[bytes]]
    body_at: int

    def all(self, name: str) -> list[str]:
        """Every header of this name in their order, folded as they are."""
        return [decode_bytes(value) for value in self.fields.get(name.lower(), ())]


def parse_headers(content: bytes, start: int = 0) -> Headers:
    """The headers that begin at `start`, however broken; a line that is none is passed over."""
    while content[start : start + 1] in (b"\r", b"\n"):
        start += 1
    end, body_at = _end_of_headers(content, start)
    fields: dict[str, list[bytes]] = {}
    for found in _HEADER.finditer(content, start, end):
        name = found[1].decode("ascii").lower()
        if name not in fields and len(fields) >= _MOST_NAMES:
            continue
        kept = fields.setdefault(name, [])
        if len(kept) < _MOST_OF_A_NAME:
            kept.append(_unended(content, found.end(), min(found.end() + _LONGEST, end)))
    return Headers(fields, body_at)


def _unended(content: bytes, begin: int, limit: int) -> bytes:
    """What stands there up to the end of the line that no folded line follows."""
    end = content.find(b"\n", begin, limit)
    while end >= 0 and content[end + 1 : end + 2] in (b" ", b"\t"):
        end = content.find(b"\n", end + 1, limit)
    return content[begin:limit] if end < 0 else content[begin:end].removesuffix(b"\r")


def _end_of_headers(content: bytes, start: int) -> tuple[int, int]:
    """Where the headers end and where the body begins."""
    limit = min(len(content), start + _MOST_BYTES)
    found = _EMPTY_LINE.search(content, start, limit)
    return found.span() if found else (limit, len(content))


def header_text(headers: Headers, name: str, most: int) -> str:
    """A header as people read it: unfolded, decoded, at most `most` characters; empty where there is none."""
    values = headers.fields.get(name.lower())
    return decode_words(decode_bytes(values[0][: 4 * most]))[:most] if values else ""


def addresses(headers: Headers, name: str) -> tuple[str, ...]:
    """The addresses of a header in lower case, never those within a display name."""
    found: list[str] = []
    for value in headers.all(name)[:10]:
        found += addresses_in(value[:4000])
    return tuple(dict.fromkeys(found))


def mailboxes(headers: Headers, name: str) -> tuple[tuple[str, str], ...]:
    """The decoded names and the addresses in lower case of a header's mailboxes that have both."""
    text = " ".join(header_text(headers, name, 4000).split())
    return tuple((shown.strip(" ,\"'"), address.lower()) for shown, address in _MAILBOX.findall(text))


def addresses_in(text: str) -> list[str]:
    """The addresses of an address list in lower case; those in angle brackets where there are any."""
    text = _QUOTED.sub(" ", text)
    for _ in range(4):
        text = _COMMENT.sub(" ", text)
    return [address.lower() for address in _IN_BRACKETS.findall(text) or _BARE.findall(text)]


def decode_bytes(value: bytes, charset: str | None = None) -> str:
    """Text in the charset that is stated, else UTF-8, else windows-1252; no byte is refused."""
    for name in (charset, "utf-8"):
        if name and _CHARSET.fullmatch(name):
            try:
                # UTF-7 spells halves of characters too, which no database takes.
                return _SURROGATE.sub("\ufffd", codecs.decode(value, name))
            except (LookupError, ValueError):
                continue
    return value.decode("cp1252", "replace")


def decode_words(value: str) -> str:
    """Encoded words decoded, white space and control characters made one blank."""
    parts = []
    try:
        for part, charset in decode_header(value[:8000]):
            parts.append(part if isinstance(part, str) else _decode_word(part, charset))
    except (MessageError, LookupError, ValueError):
        parts = [value]
    return " ".join(_CONTROL.sub(" ", "".join(parts)).split())


def _decode_word(part: bytes, charset: str | None) -> str:
    # decode_header() writes what is not encoded in raw-unicode-escape.
    return part.decode("raw-unicode-escape", "replace") if charset is None else decode_bytes(part, charset)

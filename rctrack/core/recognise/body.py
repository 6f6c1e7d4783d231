"""The text of a mail: out of MIME parts, transfer encodings, charsets and clear signatures; bounded at every step."""

import binascii
import re
from collections.abc import Iterator

from rctrack.core.recognise.headers import Headers, decode_bytes, parse_headers

_MOST_BYTES = 2 * 2**20
"""Of a body before it is decoded; the longest shortlog that was ever sent has a tenth of it."""
_MOST_CHARACTERS = 2**20
_MOST_PARTS = 40
_DEEPEST = 8
_PARAMETER = {
    name: re.compile(rf";\s*{name}\*?\s*=\s*(?:\"([^\"]*)\"|([^\s;\"]+))", re.IGNORECASE)
    for name in ("boundary", "charset")
}
_TAG = re.compile(r"<[^<>]{0,2000}>")
_NO_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))
_SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE = "-----BEGIN PGP SIGNATURE-----"


def text_of(content: bytes, headers: Headers) -> str:
    """All plain text of a mail, attached changelogs too, or its HTML without tags; empty where it has neither."""
    parts = list(_parts(headers, content[headers.body_at : headers.body_at + _MOST_BYTES], 0))[:_MOST_PARTS]
    plain = [text for kind, text in parts if kind != "text/html"]
    html = [_TAG.sub("", text) for kind, text in parts if kind == "text/html"]
    text = "\n".join(plain if any(each.strip() for each in plain) else html)[:_MOST_CHARACTERS]
    return _without_signature(text.replace("\r\n", "\n").replace("\r", "\n"))


def _parts(headers: Headers, body: bytes, depth: int) -> Iterator[tuple[str, str]]:
    """The text parts in their order, with their kind; a mail within the mail is somebody else's words."""
    stated = " ".join(_first(headers, "content-type").split())
    kind = stated.partition(";")[0].strip().lower() or "text/plain"
    boundary = _parameter(stated, "boundary")
    if kind.startswith("multipart/") and boundary and depth < _DEEPEST:
        inner = _split(body, boundary)
        if inner:
            for part in inner:
                begin = part[1:] if part[:1] == b"\n" else part[2:] if part[:2] == b"\r\n" else part
                # A part may begin with an empty line: then it has no headers.
                none = begin[:1] in (b"\n", b"\r")
                own = Headers({}, 0) if none else parse_headers(begin)
                yield from _parts(own, begin[own.body_at :], depth + 1)
            return
        kind = "text/plain"
    if kind in ("text/plain", "text/html") or "/" not in kind or (kind.startswith("text/") and kind != "text/calendar"):
        decoded = _decoded(body, _first(headers, "content-transfer-encoding").strip().lower())
        yield "text/html" if kind == "text/html" else "text/plain", decode_bytes(decoded, _parameter(stated, "charset"))


def _split(body: bytes, boundary: str) -> list[bytes]:
    """What stands between the boundary lines."""
    line = b"--" + boundary.encode("utf-8", "replace")
    first = 0 if body.startswith(line) else body.find(b"\n" + line) + 1
    if first == 0 and not body.startswith(line):
        return []
    pieces = body[first + len(line) :].split(b"\n" + line, _MOST_PARTS)
    inner = []
    for piece in pieces[:_MOST_PARTS]:
        if piece.startswith(b"--"):
            break
        inner.append(piece)
    return inner


def _decoded(body: bytes, encoding: str) -> bytes:
    try:
        if encoding == "quoted-printable":
            return binascii.a2b_qp(body)
        if encoding == "base64":
            # What is no base64, like the footer that a list appended, ends it.
            clean = body.partition(b"=")[0].translate(None, _NO_BASE64)
            return binascii.a2b_base64(clean[: len(clean) - (len(clean) % 4 == 1)] + b"==")
    except (binascii.Error, ValueError):
        return body
    return body


def _first(headers: Headers, name: str) -> str:
    return next(iter(headers.all(name)), "")[:4000]


def _parameter(stated: str, name: str) -> str | None:
    found = _PARAMETER[name].search(stated)
    return (found[1] or found[2] or None) if found else None


def _without_signature(text: str) -> str:
    """What was signed, with its "- " escapes undone (RFC 4880 section 7.1); all of it where nothing was."""
    begin = text.find(_SIGNED)
    if begin < 0:
        return text
    head, _, signed = text[begin:].partition("\n\n")
    signed = (signed or head).partition(_SIGNATURE)[0]
    return text[:begin] + "\n".join(line.removeprefix("- ") for line in signed.split("\n"))

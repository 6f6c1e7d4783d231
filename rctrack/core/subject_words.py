"""What a regular expression promises of the subjects that it fits: a word to search by, a text to look for first."""

import re
from collections.abc import Iterator

from rctrack.core import expression

_GROUP = re.compile(r"\(\?[aiLmsux]{0,7}:")
"""How a group without a name begins, with flags of its own or without."""


def needed_words(pattern: str) -> tuple[tuple[str, ...], ...]:
    """For a search by words: of each alternative of the regular expression the whole words that all it fits must hold.

    Empty where one of them promises none.
    """
    if re.compile(pattern).flags & re.VERBOSE:
        return ()
    words = tuple(_words(alternative) for alternative in _alternatives(pattern))
    return words if all(words) else ()


def literal(pattern: str) -> str:
    """The longest text that everything which the regular expression fits must hold; empty if there is none."""
    if re.compile(pattern).flags & (re.IGNORECASE | re.VERBOSE):
        return ""
    return max(re.split("[\0\1 ]", _certain(pattern, "(?:")), key=len, default="")


def _words(pattern: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(re.findall(r"(?<![\w\1])[A-Za-z]{3,}(?![\w\1])", _certain(pattern))))


def _alternatives(pattern: str) -> list[str]:
    """What "|" parts at the top, without the group that may be around each."""
    parts: list[list[str]] = [[]]
    for piece in expression.pieces(pattern):
        if piece == "|":
            parts.append([])
        else:
            parts[-1].append(piece)
    return [_bare("".join(part)) for part in parts]


def _bare(pattern: str) -> str:
    """The same without the group that is around all of it."""
    while (opened := _GROUP.match(pattern)) and next(expression.pieces(pattern), "") == pattern:
        pattern = pattern[opened.end() : -1]
    return pattern


def _certain(pattern: str, transparent: str = "(?") -> str:
    """The pattern's letters where they stand for themselves, \\0 for an edge of words, \\1 for all else.

    Groups that begin like `transparent` count as what they hold, others as anything.
    """
    pieces: list[str] = []
    for piece in _ungrouped(pattern, transparent):
        if piece == "|":
            return ""
        if piece[0] in "*?{":
            # What may be missing: \2 if it is no part of a word.
            pieces[-1:] = ["\1" if re.fullmatch(r"[\w\1]", pieces[-1]) else "\2"]
        elif piece == "+":
            pieces[-1:] = ["\1" if re.fullmatch(r"[\w\1]", pieces[-1]) else "\0"]
        elif _is_edge(piece):
            pieces.append("\0")
        elif piece[0] in ".([" or re.match(r"\\[a-zA-Z0-9]", piece):
            pieces.append("\1")
        else:
            pieces.append(piece[-1])
    sure_behind = re.sub(r"(?<=[^\w\1\2])[\2]+", "\0", "".join(pieces))
    return re.sub(r"[\2]+(?=[^\w\1\2])", "\0", sure_behind).replace("\2", "\1")


def _is_edge(piece: str) -> bool:
    """Whether no letter can stand here: an anchor, white space, a class without letters, a group of such ends."""
    if piece.startswith("(?:"):
        inner = _certain(piece[3:-1])
        return bool(inner) and not re.search(r"^[\w\1]|[\w\1]$", inner)
    if piece.startswith("[") and not piece.startswith("[^"):
        return not re.search(piece, "".join(filter(str.isalnum, map(chr, range(0x250)))) + "_")
    return piece in ("^", "$") or re.fullmatch(r"\\[sbAZWnt]", piece) is not None


def _ungrouped(pattern: str, transparent: str) -> Iterator[str]:
    """The pieces, with those of a group that stands there once and has no alternatives in its place."""
    pieces = list(expression.pieces(pattern))
    for piece, following in zip(pieces, [*pieces[1:], ""], strict=True):
        opened = _GROUP.match(piece) if piece.startswith(transparent) else None
        is_counted = following[:1] in ("*", "?", "{", "+") and following != ""
        if opened and not is_counted and len(_alternatives(inner := piece[opened.end() : -1])) == 1:
            yield from _ungrouped(inner, transparent)
        else:
            yield piece

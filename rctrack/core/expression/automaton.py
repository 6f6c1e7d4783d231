"""A regular expression as a position automaton: which of its characters can follow which, and in how many ways.

Everything is taken for at least as ambiguous as it is: a count is a loop, a look ahead is a way that leads nowhere.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|N\{[^}]*\}|[0-9]{1,3}|.)", re.DOTALL)
_COUNT = re.compile(r"\{(\d*)(,?)(\d*)\}")
_GROUP = re.compile(
    r"\((?:\?(?:(?P<behind><[=!])|(?P<ahead>[=!])|P=(?P<name>\w+)\)|(?P<comment>#)|P<\w+>|>|\((?P<condition>\w+)\)"
    r"|(?P<flags>[aiLmsux]*(?:-[imsx]+)?)(?P<scope>[:)])))?"
)
_ALPHABET = "".join(map(chr, range(32, 127))) + "\t\u00a0\u00b2\u00df\u00e9\u03a9\u0663\u200b\u2014\u4e2d\U0001f600"
"""A character of every kind that an expression can tell apart; those of the expression itself come to it."""
_MOST_COPIES = 20
"""An exact count of one character up to this is as many copies; any other count is a loop."""
MANY = 2
"""Ways are counted up to this: more than one is all that matters."""


@dataclass(frozen=True, slots=True)
class Automaton:
    """The positions of an expression: what each reads, and in how many ways another can be read behind it."""

    reads: tuple[int, ...]
    """By position, a set of characters as bits; that before the first character reads anything."""
    follow: Mapping[tuple[int, int], int]
    """Ways from one position to another, at most MANY."""
    sure: frozenset[int]
    """Behind these the whole expression fits, whatever comes."""


class Unreadable(Exception):
    """The expression has something that is not read here."""


def automaton_of(pattern: str) -> Automaton:
    """The automaton of a search for the expression, which re must have compiled; raises Unreadable."""
    reader = _Reader(pattern)
    whole = reader.alternatives()
    reader.search(whole)
    follow = {pair: min(ways, MANY) for pair, ways in reader.follow.items()}
    return Automaton(tuple(reader.reads), follow, whole.sure)


def pieces(pattern: str) -> Iterator[str]:
    """The expression in pieces: one character, escape, class, group or count each."""
    position = 0
    while position < len(pattern):
        end = end_of_piece(pattern, position)
        yield pattern[position:end]
        position = end


def end_of_piece(pattern: str, position: int) -> int:
    """Where the piece that begins at `position` ends."""
    first = pattern[position]
    if first == "\\":
        return escape.end() if (escape := _ESCAPE.match(pattern, position)) else position + 2
    if first == "{":
        return pattern.find("}", position) + 1 or len(pattern)
    if first == "[":
        position += 2 if pattern.startswith("[^", position) else 1
        position += pattern.startswith("]", position)  # at the beginning it stands for itself
        while pattern[position] != "]":
            position += 2 if pattern[position] == "\\" else 1
    elif first == "(":
        position += 1
        while pattern[position] != ")":
            position = end_of_piece(pattern, position)
    return position + 1


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of the expression: where it can begin and end, and in how many ways it can be empty."""

    first: Counter[int] = field(default_factory=Counter)
    last: Counter[int] = field(default_factory=Counter)
    sure: frozenset[int] = frozenset()
    """Positions behind which the part is over without any condition."""
    empty: int = 0
    is_surely_empty: bool = False
    """It can be nothing, and that without any condition."""
    is_anchored: bool = False
    """It fits at the beginning of the text alone."""
    is_anything: bool = False
    """Any characters, as many as there are."""


class _Reader:
    """Reads an expression from left to right; collects positions and what follows what."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.position = 0
        self.reads: list[int] = []
        self.follow: Counter[tuple[int, int]] = Counter()
        self.ignores_case = False
        self.is_multiline = False
        self.alphabet = _ALPHABET + "".join(sorted({each for each in pattern if not each.isascii()}))

    def search(self, whole: _Part) -> None:
        """A search may begin anywhere: something that reads all comes before what is not anchored."""
        if not whole.is_anchored:
            before = self._place((1 << len(self.alphabet)) - 1)
            self._join(before.last, before.first)
            self._join(before.last, whole.first)

    def alternatives(self) -> _Part:
        """Everything up to the end of the group, or of the expression."""
        parts = [self._sequence()]
        while self._is_at("|"):
            self.position += 1
            parts.append(self._sequence())
        if len(parts) == 1:
            return parts[0]
        return _Part(
            first=_sum(part.first for part in parts),
            last=_sum(part.last for part in parts),
            sure=frozenset().union(*(part.sure for part in parts)),
            empty=min(sum(part.empty for part in parts), MANY),
            is_surely_empty=any(part.is_surely_empty for part in parts),
            is_anchored=all(part.is_anchored for part in parts),
        )

    def _sequence(self) -> _Part:
        whole = _Part(empty=1, is_surely_empty=True)
        before = _Part()
        while self.position < len(self.pattern) and self.pattern[self.position] not in "|)":
            is_end = self._is_at("$") and not self.is_multiline
            part = self._repeated()
            # Behind ".*" there is nothing left that could keep "$" from fitting.
            if not (is_end and before.is_anything):
                whole = self._behind(whole, part)
            before = part
        return whole

    def _behind(self, one: _Part, other: _Part) -> _Part:
        """Both, one behind the other."""
        self._join(one.last, other.first)
        return _Part(
            first=_sum([one.first, _times(other.first, one.empty)]),
            last=_sum([other.last, _times(one.last, other.empty)]),
            sure=other.sure | (one.sure if other.is_surely_empty else frozenset()),
            empty=min(one.empty * other.empty, MANY),
            is_surely_empty=one.is_surely_empty and other.is_surely_empty,
            is_anchored=one.is_anchored or (other.is_anchored and not one.first),
        )

    def _repeated(self) -> _Part:
        """A piece and what says how often it comes."""
        begin = self.position
        whole = part = self._piece()
        text = self.pattern[begin : self.position]
        least, most = self._count()
        if least == most == 1:
            return part
        if least != most or most > _MOST_COPIES or len(part.first) != 1 or text.startswith("("):
            return self._loop(part, least, most, is_anything=text == ".")
        for _ in range(1, most):
            whole = self._behind(whole, self._place(self.reads[next(iter(part.first))]))
        return whole

    def _loop(self, part: _Part, least: int, most: int | None, *, is_anything: bool) -> _Part:
        if most != 1:
            self._join(part.last, part.first)
        # What can be empty and comes again is tried empty once more.
        again = part.empty > 0 and most != 1
        return _Part(
            first=part.first,
            last=part.last,
            sure=part.sure if least <= 1 else frozenset(),
            empty=MANY if again else min(part.empty + (least == 0), MANY),
            is_surely_empty=part.is_surely_empty or least == 0,
            is_anchored=part.is_anchored and least > 0,
            is_anything=is_anything and most is None,
        )

    def _count(self) -> tuple[int, int | None]:
        """How often the piece comes, at least and at most; None for without end."""
        least, most = 1, 1
        while self.position < len(self.pattern):
            sign = self.pattern[self.position]
            count = _COUNT.match(self.pattern, self.position)
            if sign in "*+?":
                self.position += 1
                read = {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
            elif count and (count[1] or count[3]):
                self.position = count.end()
                read = (int(count[1] or 0), int(count[3]) if count[3] else None if count[2] else int(count[1]))
            else:
                return least, most
            # Behind a count stands at most what makes it lazy or possessive.
            if self._is_at("?") or self._is_at("+"):
                self.position += 1
            return read
        return least, most

    def _piece(self) -> _Part:
        begin = self.position
        if self.pattern[begin] == "(":
            return self._group()
        self.position = end_of_piece(self.pattern, begin) if self.pattern[begin] in "[\\" else begin + 1
        text = self.pattern[begin : self.position]
        if text in ("^", "\\A"):
            return _Part(empty=1, is_anchored=text == "\\A" or not self.is_multiline)
        if text in ("$", "\\Z", "\\b", "\\B"):
            return _Part(empty=1)
        if re.fullmatch(r"\\[1-9]\d?", text):
            return self._anything()
        return self._place(_characters(text, self.ignores_case, self.alphabet))

    def _group(self) -> _Part:
        opened = _GROUP.match(self.pattern, self.position)
        if opened is None or "x" in (opened["flags"] or "").partition("-")[0]:
            raise Unreadable("(?x)" if opened else self.pattern[self.position :][:10])
        self.position = opened.end()
        if opened["comment"]:
            self.position = self.pattern.index(")", self.position) + 1
            return _Part(empty=1, is_surely_empty=True)
        if opened["name"]:
            return self._anything()
        before = (self.ignores_case, self.is_multiline)
        self._set_flags(opened["flags"] or "")
        if opened["scope"] == ")":
            return _Part(empty=1, is_surely_empty=True)
        inner = self.alternatives()
        self.position += 1
        self.ignores_case, self.is_multiline = before
        if opened["behind"]:
            return _Part(empty=1)
        return _Part(first=inner.first, empty=1) if opened["ahead"] else inner

    def _set_flags(self, flags: str) -> None:
        on, _, off = flags.partition("-")
        self.ignores_case = (self.ignores_case or "i" in on) and "i" not in off
        self.is_multiline = (self.is_multiline or "m" in on) and "m" not in off

    def _anything(self) -> _Part:
        """What a group read before, whatever that was."""
        place = self._place((1 << len(self.alphabet)) - 1)
        return self._loop(place, 0, None, is_anything=False)

    def _place(self, characters: int) -> _Part:
        number = len(self.reads)
        self.reads.append(characters)
        return _Part(Counter([number]), Counter([number]), frozenset([number]))

    def _join(self, ends: Mapping[int, int], begins: Mapping[int, int]) -> None:
        for end, ways in ends.items():
            for begin, more in begins.items():
                self.follow[end, begin] += ways * more

    def _is_at(self, sign: str) -> bool:
        return self.pattern.startswith(sign, self.position)


def _sum(counters: Iterator[Counter[int]] | list[Counter[int]]) -> Counter[int]:
    total: Counter[int] = Counter()
    for counter in counters:
        total.update(counter)
    return Counter({position: min(ways, MANY) for position, ways in total.items()})


def _times(counter: Counter[int], ways: int) -> Counter[int]:
    return Counter({position: min(number * ways, MANY) for position, number in counter.items()} if ways else {})


@lru_cache(maxsize=4096)
def _characters(piece: str, ignores_case: bool, alphabet: str) -> int:
    """What one piece reads, as bits of the alphabet."""
    if len(piece) == 1 and piece != ".":
        readable = {piece, piece.lower(), piece.upper()} if ignores_case else {piece}
    else:
        readable = set(re.findall(piece, alphabet, re.DOTALL | (re.IGNORECASE if ignores_case else 0)))
    return sum(1 << place for place, character in enumerate(alphabet) if character in readable)

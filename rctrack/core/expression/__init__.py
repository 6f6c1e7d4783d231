"""Regular expressions of project files, run on what strangers write: in time that is bounded by the expression itself.

An expression of Python can take years for a hundred characters. How its time grows is read off the expression: the
faster, the fewer characters of a text it gets, and one that doubles its time with every few characters is refused when
the project file is read. So no clock is needed, the same text always gives the same answer, and a match costs what it
costs in re.
"""

import re
from functools import lru_cache

from rctrack.core.expression.ambiguity import TooComplicated, power_of
from rctrack.core.expression.automaton import Unreadable, automaton_of, pieces

__all__ = ["longest", "objection", "pieces", "search"]

_LONGEST = {1: 1000, 2: 1000, 3: 200}
"""Characters of a text that an expression gets, by the power with which its time grows: some million steps."""
_SHORT = 20
"""Characters for an expression whose time may double with each."""


def search(pattern: str, text: str) -> re.Match[str] | None:
    """What re.search() finds in as much of the text as this expression gets, in bounded time."""
    compiled, most = _prepared(pattern)
    return compiled.search(text, 0, most)


def longest(pattern: str) -> int:
    """How many characters of a text this expression gets."""
    return _prepared(pattern)[1]


def objection(pattern: str) -> str | None:
    """What is wrong with an expression for use on what strangers write; None where nothing is."""
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return str(error)
    if _is_plain(pattern):
        return None
    try:
        power = power_of(automaton_of(pattern))
    except Unreadable as error:
        return f"{error} is not supported here"
    except (TooComplicated, RecursionError):
        return "it is too complicated for its time to be bounded"
    if power is None:
        return "it can take years for a hundred characters, since what it repeats can be split in several ways"
    if power not in _LONGEST:
        return f"its time grows with the {power}th power of the length: too many parts that may be of any length"
    return None


def _is_plain(pattern: str) -> bool:
    """Whether it needs no closer look: nothing in parentheses is repeated, and at most two parts are of any length."""
    is_verbose = bool(re.compile(pattern).flags & re.VERBOSE)
    return not is_verbose and len(re.findall(r"[*+{]", pattern)) <= 2 and not re.search(r"\)[*+{]", pattern)


@lru_cache(maxsize=4096)
def _prepared(pattern: str) -> tuple[re.Pattern[str], int]:
    try:
        power = power_of(automaton_of(pattern))
    except (Unreadable, TooComplicated, RecursionError):
        power = None
    return re.compile(pattern), _LONGEST.get(power or 0, _SHORT)

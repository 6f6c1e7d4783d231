"""How many commits an announcement lists or states, in each form that announcements have had since 2002."""

import re
from itertools import pairwise, takewhile

_AUTHOR_AND_COUNT = re.compile(r"\S.{0,200} \((\d{1,6})\):?\s*$")
_AUTHOR = re.compile(r"(?:<[^<>\s@]{1,200}@[^<>\s]{1,255}>|[^\W\d_<][^:<>]{0,80}?(?: +<[^<>]{1,200}>)?):\s*$")
_NAME = re.compile(r"(?:[^\W\d_][\w.'()-]*\.?|\"[^\"]*\")(?: +\S+){1,5}|\S+@\S+|<\S+>")
_BULLET = re.compile(r"\s*[*+-] ")
_ENTRY = re.compile(r"  o +\S")
_PSEUDO = re.compile(r"\s*Pseudo-Shortlog of commits:\s*$", re.IGNORECASE)
_PSEUDO_AUTHOR = re.compile(r"\S.{0,200} <[^<>]{0,200}>\s*$")
_RULE = re.compile(r"[-=_~]{3,}\s*$")
_HEADING = re.compile(r"short ?log|summary of changes|changes since|only one change since")
"""In lower case."""
_TITLE = re.compile(
    r"\b(?:additions|also|announcements|api|authors|breaking|bug|bugfixes|bugs|build|changelog|changes|closes"
    r"|code|commits|compatibility|contributions|contributors|credits|deprecated|documentation|downloads?"
    r"|enhancements|errata|features|files|fixed|fixes|general|highlights|improvements|incompatible|install"
    r"|installation|instructions|issues|known|libraries|links|misc(?:ellaneous)?|new|news|notes|others?|patches"
    r"|performance|platforms|regressions|releases?|removed|reported|reporters|resolved|security|signatures"
    r"|sources|statistics|summary|support|tarballs|testers|tests|thanks|todo|tools|translations|translators"
    r"|updated|updates|upgrading|urls|version|warnings)\b",
    re.IGNORECASE,
)
"""Words of headings, of which no person's name has one."""
_WORDS = r"(?:commits|change-?sets|patches|changes)"
_NUMBER = r"(\d{1,3}(?:,\d{3})+|\d{1,7})"
_PROSE = (
    ("merge ", rf"\b{_NUMBER} (?:(?:individual|regular|actual) )?non-?merge {_WORDS}"),
    ("there are ", rf"\bthere are {_NUMBER} {_WORDS} in this (?:series|release)\b"),
    (" this ", rf"\b{_NUMBER} {_WORDS} (?:of|in|for|make up|went into) this (?:release|candidate|rc)\b"),
    ("since the ", rf"\bsince the (?:last|previous) release,? {_NUMBER} {_WORDS}"),
    (" since ", rf"\b{_NUMBER} {_WORDS} since (?:the (?:last|previous) release|v?\d+\.\d)"),
)
"""A word that is looked for first, since most mails have none of them, and how the number is stated."""
_STATEMENTS = tuple((word, re.compile(statement, re.IGNORECASE)) for word, statement in _PROSE)
_MOST_LINES = 30_000
_MOST_PROSE = 60_000


def count_announced(text: str) -> int | None:
    """How many commits the shortlog holds, else what the prose states; None where neither says so."""
    lines = text.split("\n", _MOST_LINES)[:_MOST_LINES]
    for form in (_counted_groups, _pseudo_shortlog, _entries, _listed):
        if (number := form(lines)) is not None:
            return number
    return _stated(text)


def _counted_groups(lines: list[str]) -> int | None:
    """Since 2007: "Author (N):", then lines with six blanks. What a mailer wrapped does no harm: the N are added."""
    total = 0
    for number, (line, below) in enumerate(pairwise(lines)):
        counted = _AUTHOR_AND_COUNT.match(line)
        # A merge log, as under an rc1, looks the same but for four blanks, and counts merges.
        if counted and _indent(below) >= 5 and not _is_title(line) and _has_entries(lines, number + 1, int(counted[1])):
            total += int(counted[1])
    return total or None


def _has_entries(lines: list[str], begin: int, wanted: int) -> bool:
    """Whether as many lines follow as the heading says, or more where some are wrapped; not a list of points."""
    entries = list(takewhile(str.strip, lines[begin : begin + wanted]))
    return len(entries) == wanted and not all(_BULLET.match(entry) for entry in entries)


def _pseudo_shortlog(lines: list[str]) -> int | None:
    """Under a stable review: the author with address, then lines with four blanks."""
    begin = next((i for i, line in enumerate(lines) if _PSEUDO.match(line)), None)
    if begin is None:
        return None
    number, in_group = 0, False
    for line in lines[begin + 1 :]:
        if _PSEUDO_AUTHOR.match(line):
            in_group = True
        elif in_group and _indent(line) == 4:
            number += 1
        elif _RULE.match(line) or line.startswith("diffstat"):
            break
    return number or None


def _entries(lines: list[str]) -> int | None:
    """To 2005: "Author:", then "  o text"; the news of a release have titles instead of authors."""
    headings = [line for line, below in pairwise(lines) if _AUTHOR.match(line) and _ENTRY.match(below)]
    authors = [line for line in headings if _is_author(line)]
    if not authors or len(authors) < 0.8 * len(headings):
        return None
    return sum(1 for line in lines if _ENTRY.match(line))


def _listed(lines: list[str]) -> int | None:
    """2005 to 2007: "Author:", then indented lines, one for each commit."""
    has_heading = _HEADING.search("\n".join(lines).lower()) is not None
    if not has_heading and not any(_RULE.match(line) for line in lines):
        return None
    number, indent, groups = 0, 0, 0
    for above, line, below in zip(["", *lines], lines, [*lines[1:], ""], strict=False):
        if (
            _is_author(line)
            and (not above.strip() or _RULE.match(above))
            and _indent(below) in (2, 6)
            and not _BULLET.match(below)
        ):
            indent, groups = _indent(below), groups + 1
        elif not line.strip():
            indent = 0
        elif indent and _indent(line) == indent:
            number += 1
    # One name above something indented may be anything, where nothing else speaks of changes.
    return number if number and (has_heading or groups > 1) else None


def _is_author(line: str) -> bool:
    """Whether this is a person and no title: a name of two words at least that begin like one, or an address."""
    if not _AUTHOR.match(line) or _is_title(line):
        return False
    name = line.strip().rstrip(":").partition(" <")[0]
    words = name.split()
    like_a_name = 2 <= len(words) <= 5 and words[0][:1].isupper() and words[-1][:1].isupper()
    return "@" in line or (like_a_name and _NAME.fullmatch(name) is not None)


def _is_title(line: str) -> bool:
    return "@" not in line and _TITLE.search(line) is not None


def _stated(text: str) -> int | None:
    prose = " ".join(line for line in text[:_MOST_PROSE].split("\n") if not line.startswith(">"))
    prose = " ".join(prose.split())
    lower = prose.lower()
    for word, statement in _STATEMENTS:
        if word in lower and (stated := statement.search(prose)):
            return int(stated[1].replace(",", ""))
    return None


def _indent(line: str) -> int:
    """Columns of white space before the text; 0 for an empty line."""
    expanded = line[:400].expandtabs()
    return len(expanded) - len(expanded.lstrip()) if expanded.strip() else 0

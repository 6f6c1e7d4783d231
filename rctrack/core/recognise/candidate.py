"""What the words around a version in a subject make of it: a candidate, or nothing that is out."""

import re
from dataclasses import dataclass

_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_SPELLED = {word: number for words in (_NUMBERS, _ORDINALS) for number, word in enumerate(words, 1)}
_ORDINAL = rf"(?P<ordinal>{'|'.join(_ORDINALS)}|\d{{1,2}}(?:st|nd|rd|th))\s+"
_STAGES = r"release[- ]?candidate|candidate|rc|pre-?release|preview|pre|beta|alpha"
_TEST = r"test(?=\s*(?:[-#.]?\s*\d|release\b|version\b|$|[)\]]))"
_NUMBER = rf"(?:[-\u2013# .(]{{0,3}}(?P<number>\d{{1,4}}(?!\.?\d)|(?:{'|'.join(_NUMBERS)})\b)\)?)?"
_GAP = r"[\s,;:\u2013\u2014(\[{<\"'*~+-]*"
_FILLER = (
    r"(?:(?:the|a|an|our|its|is|are|was|were|has|have|been|be|being|now|as|this|another|next|new|newest|latest|current"
    r"|last|final|stable|major|minor|public|official|release|version|available|released|out|tagged|ready|will|gets?)\b"
    r"[\s:\u2013\u2014(\[\"'-]*){0,6}?"
)
_TRIAL = (
    r"milestones?|snapshots?|nightly|nightlies|dev(?:el(?:opment)?)?(?=\s+(?:snapshot|release|build|version|tree)|\s*$)"
    r"|(?:for\s+)?(?:public\s+|wider\s+|early\s+)?testing\b(?!\s+\w+\s+(?:fix|support))|call\s+for\s+test\w*|drafts?"
    r"|unstable\s+(?:snapshot|build)"
)
_NOT_OUT = (
    r"postponed|delayed|deferred|cancell?ed|on\s+hold|schedul(?:e[ds]?|ing)|slips?|slipped|plans?|planned|planning"
    r"|roadmap|time-?line|timetable|(?:(?:feature|code|string|api|soft|hard|release)\s+)?freeze|frozen|branch(?:ed|ing|es)?|status|propos(?:al|ed)|blockers?"
    r"|coming|upcoming|soon|tomorrow|imminent|due\s+\w+|expected|delays?|merge\s+window|to\s+be\s+\w+|to\s+come"
    r"|end[- ]of[- ]life|eol|withdrawn|retracted|recalled|yanked|revoked|unreleased|not\s+\w+|in\s+progress|WIP"
    r"|(?:will|shall|should|may|might|could)\s+(?:come|not|slip|follow|happen|be\s+(?:\w+ly\s+)?(?:released|out"
    r"|available|tagged|postponed|delayed|made|cut|published|announced|ready))|(?:release\s+)?countdown"
)
_BEHIND = re.compile(
    rf"(?:{_GAP}{_FILLER}(?:{_ORDINAL})?(?P<stage>{_STAGES}|{_TEST})s?(?![a-z]){_NUMBER}(?!\d)"
    rf"|{_GAP}{_FILLER}(?:(?P<trial>{_TRIAL})|(?P<not_out>{_NOT_OUT}))(?!\w))",
    re.IGNORECASE,
)
_BEFORE = re.compile(
    rf"(?<![\w/-])(?<!after )(?<!since )(?<!than )(?<!from )(?:{_ORDINAL})?"
    rf"(?P<stage>release[- ]?candidate|rc|pre-?release|preview|beta|alpha)s?(?![a-z]){_NUMBER}(?!\d)"
    r"(?=\s*[\]):]|\s+(?:for|of|release|version)\b|\s+[A-Za-z])",
    re.IGNORECASE,
)
_NOT_OUT_BEFORE = re.compile(
    r"(?<![\w/-])(?:postponed|delayed|deferred|cancell?ed|schedul(?:e[ds]?|ing)|planned|planning|roadmap|upcoming|withdrawn"
    r"|retracted|yanked|(?:plans?|status|freeze|blockers?|timetable|call for test\w*)\s+(?:for|of))(?![\w/-])",
    re.IGNORECASE,
)
_READ = 100
"""Characters behind a version that are read."""


@dataclass(frozen=True, slots=True)
class Remark:
    """What is written beside a version."""

    candidate: str = ""
    """As a version has it behind its numbers: "rc2", or "rc" where no number is given; empty for no candidate."""
    trial: str = ""
    """The words that say that it is no final and no candidate that can be counted."""
    not_out: str = ""
    """The words that say that it is not out, or not any more."""
    end: int = 0
    """Where the remark ends in the subject."""


def behind(subject: str, end: int) -> Remark:
    """What the words that follow a version make of it."""
    words = _BEHIND.match(subject, end, end + _READ)
    if words is None:
        return Remark(end=end)
    if words["stage"] is None:
        return Remark(trial=words["trial"] or "", not_out=words["not_out"] or "", end=end)
    return Remark(candidate=_candidate(words), end=words.end())


def before(subject: str, begin: int) -> Remark:
    """What the words before a version make of it: "Release candidate 2 for demo 1.47" is "rc2"."""
    if not_out := _NOT_OUT_BEFORE.search(subject, 0, begin):
        return Remark(not_out=not_out[0])
    words = _BEFORE.search(subject[:begin])
    return Remark(candidate=_candidate(words)) if words else Remark()


def _candidate(words: re.Match[str]) -> str:
    stage = words["stage"].lower()
    name = "rc" if stage[:2] in ("re", "ca", "rc") else "pre" if stage.startswith("pre") else stage
    number = (words["number"] or words["ordinal"] or "").lower()
    digits = re.match(r"\d+", number)
    return name + (digits[0] if digits else str(_SPELLED.get(number, "")))

"""What an announcement says besides its subject: the versions it names, the next step it promises, a repository."""

import re
from collections.abc import Iterator
from itertools import islice

from rctrack.core.version import Version, parse_version

_MOST_PROSE = 60_000
_MOST_TEXT = 300_000
_MOST_CLAIMS = 20
"""In one sentence."""
_TOKEN = re.compile(r"(?<![\w.])[vV]?(\d[\w.~+-]{0,60})")
_RELEASED = re.compile(
    r"(?:announc\w{1,9} (?:\w{1,40} ){0,4}?(?:release|availability) of (?:the )?|announc\w{1,9} "
    r"|(?:is|has been|was) tagged (?:as )?|tagged (?:as |it )|\btag (?:is |called |named )?)"
    r"(?:[\w+-]{1,30}[- ]){0,2}?[vV]?(\d[\w.~+-]{0,60})"
    r"|\b[vV]?(\d[\w.~+-]{0,60}) (?:(?:kernel|release|version) (?:of [\w+-]{1,40} )?)?"
    r"(?:is now|is out|is available|is tagged|has (?:just |now )?been released|is released)",
    re.IGNORECASE,
)
_CLAIMS = ("announc", "tag", "is now", "is out", "is available", "released")
"""One of them is in everything that _RELEASED fits."""
_IF = re.compile(r"\b(?:if|unless|whether)\b", re.IGNORECASE)
"""Anywhere in the sentence before what would else be said to be out."""
_PERHAPS = re.compile(
    r"\b(?:before|until|till|once|when|after|since|as soon as|by the time|will|shall|would|could|should|might|may"
    r"|going to|plan\w*|intend\w*|hop(?:e|ing)\w*|expect\w*|want\w*|not|never)\b|'ll\b|n't\b",
    re.IGNORECASE,
)
"""In the same clause before it."""
_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_LATER = re.compile(
    rf"[^.,;]{{0,40}}?\b(?:next (?:{_DAY}|week|month|year)|tomorrow|soon|(?:on|by|this|coming) {_DAY}|by the end"
    r"|in (?:a|one|two|three|few|some|\d{1,2})\b[\w ]{0,12}\b(?:days?|weeks?|months?))\b",
    re.IGNORECASE,
)
"""Behind it."""
_RELEASE_COMMIT = re.compile(r"[ \t]+(?:o )?(?:[A-Z][\w+-]{0,20} |release:? )?(?:version )?[vV]?(\d[\w.~+-]{0,60})\s*$")
_FILE = re.compile(r"\.(?:tar|zip|tgz|tbz|txz|diff|patch|sign|asc)\b.*$", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.!?;:)])\s+")
_UNSURE = re.compile(
    r"\b(?:if|whether|unless|might|may|maybe|perhaps|probably|possibly|likely|could|would|should|hope\w*|depends?|worst"
    r"|not sure|waffling|looks? like|seems?|expect"
    r"|suspect|think|guess|wonder\w*|either|don't know|not|n't|no)\b|n't\b|\?",
    re.IGNORECASE,
)
_WILL = r"(?: will|'ll| is going to| am going to| are going to|'s going to|'m going to|'re going to)"
_PLAINLY = r"(?: (?:just|also|still|definitely|certainly))?"
_DO = r"(?:do|make|release|have|tag|cut|need|get|see|be doing|be making)"
_STEP = r"-?(?:(?P<rc>rc ?\d{1,3})\b|(?:v?\d+(?:\.\d+)+ )?(?P<final>final)\b|(?:rc|release candidate)\b(?! ?\d))"
_PROMISE = re.compile(
    rf"(?:\bthere{_WILL}{_PLAINLY} be|\b(?:i|we){_WILL}{_PLAINLY} {_DO}|\bnext (?:week|up|step) (?:is|will be))"
    rf" (?:an? |one |another |the )?(?:(?:extra|additional|more|last|next) )*{_STEP}",
    re.IGNORECASE,
)
_URL = re.compile(r"\b(?:git|https?|ssh|rsync)://[^\s<>\"'`\\]{4,300}", re.IGNORECASE)
_REPOSITORY = re.compile(r"[^\s?]{8,300}?\.git(?![\w.-])")
_FORGE = re.compile(r"https?://(?:github\.com|gitlab\.[\w.]+|codeberg\.org)/[\w.-]+/[\w.-]+/?$", re.IGNORECASE)


def prose_of(text: str) -> str:
    """The beginning of a mail without what it quotes, as one line."""
    lines = (line for line in text[:_MOST_PROSE].split("\n") if not line.startswith(">"))
    return " ".join(" ".join(lines).split())


def promised_step(text: str) -> str | None:
    """The next step where it is promised plainly: "rc8", "final", or "rc" without a number; None for a perhaps."""
    for sentence in _SENTENCE.split(prose_of(text)):
        found = _PROMISE.search(sentence[:2000])
        if found and not _UNSURE.search(sentence[:2000]):
            step = found["rc"] or found["final"] or "rc"
            return step.lower().replace(" ", "")
    return None


def git_url(text: str) -> str | None:
    """The first git repository that a mail names, without a page of it; None where it names none."""
    for found in _URL.finditer(text[:_MOST_PROSE]):
        url = found[0].rstrip(".,;:!?)]}*")
        if repository := _REPOSITORY.match(url):
            return repository[0]
        if url.lower().startswith("git://") or _FORGE.match(url):
            return url
    return None


def named_versions(text: str, scheme: str) -> frozenset[Version]:
    """The versions that a mail names before its shortlog grows endless, in any spelling."""
    return frozenset(_parsed(scheme, (token[1] for token in _TOKEN.finditer(text[:_MOST_PROSE]))))


def stated_versions(text: str, scheme: str) -> tuple[Version, ...]:
    """The versions that a mail says are out, or whose release commit ends its shortlog; the newest first."""
    commits = (commit[1] for line in text[:_MOST_TEXT].split("\n") if (commit := _RELEASE_COMMIT.match(line[:200])))
    return tuple(sorted({*_parsed(scheme, _said_to_be_out(text)), *_parsed(scheme, commits)}, reverse=True))


def _said_to_be_out(text: str) -> Iterator[str]:
    """How the prose spells what it says is out; not what it promises, supposes or waits for."""
    for sentence in _SENTENCE.split(prose_of(text)):
        if sentence.endswith("?") or not any(word in sentence.lower() for word in _CLAIMS):
            continue
        for claim in islice(_RELEASED.finditer(sentence[:2000]), _MOST_CLAIMS):
            before = sentence[: claim.start()]
            is_perhaps = _IF.search(before) or _PERHAPS.search(before.rpartition(",")[2])
            if not is_perhaps and not _LATER.match(sentence, claim.end()):
                yield claim[1] or claim[2]


def _parsed(scheme: str, tokens: Iterator[str]) -> Iterator[Version]:
    for token in tokens:
        if "." not in token and "_" not in token:
            continue
        # A file name goes on behind the version: demo-1.2-rc1.tar.xz.
        bare = _FILE.sub("", token)
        version = parse_version(scheme, bare.rstrip(".,;:-+~_"))
        if version is not None and ("." in bare or "_" in bare):
            yield version

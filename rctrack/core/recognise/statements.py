"""What an announcement says besides its subject: the versions it names, the next step it promises, a repository."""

import re
from collections.abc import Iterator

from rctrack.core.version import Version, parse_version

_MOST_PROSE = 60_000
_MOST_TEXT = 300_000
_TOKEN = re.compile(r"(?<![\w.])[vV]?(\d[\w.~+-]{0,60})")
_RELEASED = re.compile(
    r"(?:announc\w{1,9} (?:\w{1,40} ){0,4}?(?:release|availability) of (?:the )?|announc\w{1,9} "
    r"|(?:is|has been|was) tagged (?:as )?|tagged (?:as |it )|\btag (?:is |called |named )?)"
    r"(?:[\w+-]{1,30}[- ]){0,2}?[vV]?(\d[\w.~+-]{0,60})"
    r"|\b[vV]?(\d[\w.~+-]{0,60}) (?:kernel )?(?:is now|is out|is available|is tagged|has been released|is released)",
    re.IGNORECASE,
)
_RELEASE_COMMIT = re.compile(r"[ \t]+(?:o )?(?:[A-Z][\w+-]{0,20} |release:? )?(?:version )?[vV]?(\d[\w.~+-]{0,60})\s*$")
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


def names(text: str, scheme: str, version: Version) -> bool:
    """Whether a mail names this version anywhere, in any spelling."""
    return any(each == version for each in _parsed(scheme, (found[1] for found in _TOKEN.finditer(text[:_MOST_TEXT]))))


def stated_versions(text: str, scheme: str) -> tuple[Version, ...]:
    """The versions that a mail says are out, or whose release commit ends its shortlog; the newest first."""
    said = (found[1] or found[2] for found in _RELEASED.finditer(prose_of(text)))
    commits = (found[1] for line in text[:_MOST_TEXT].split("\n") if (found := _RELEASE_COMMIT.match(line[:200])))
    return tuple(sorted({*_parsed(scheme, said), *_parsed(scheme, commits)}, reverse=True))


def _parsed(scheme: str, tokens: Iterator[str]) -> Iterator[Version]:
    for token in tokens:
        # A file name goes on behind the version: demo-1.2-rc1.tar.xz.
        bare = re.sub(r"\.(?:tar|zip|tgz|tbz|txz|diff|patch|sign|asc)\b.*$", "", token, flags=re.IGNORECASE)
        version = parse_version(scheme, bare.rstrip(".,;:-+~_"))
        if version is not None and ("." in bare or "_" in bare):
            yield version

"""A subject as it is compared: without what lists, filters, answering and resending put around it."""

import re
import unicodedata
from collections.abc import Iterator

LONGEST = 1000
"""Characters of a subject that are read."""
_TAG = re.compile(r"\s*\[([^\[\]]{1,60})\]\s*")
_TAGS = r"\s*(?:\[[^\[\]]{1,60}\]\s*)*\[?\s*"
_ANSWERS = (
    r"re|aw|sv|vs|antw|antwort|odp|ynt|rif|ref|res|r[ée]p?|réf|r|atb|bls|vá|ответ|отв|απ|σχετ"
    r"|回复|回覆|答复|答覆|返信|답장"
)
_FORWARDS = (
    r"fwd?|wg|tr|rv|enc|doorst|vl|i|pd|vb|ilt|пересл|转发|轉寄|转寄|転送"
    r"|automatic reply|out of (?:the )?office|undeliver(?:able|ed)"
)
_COLON = r"\.?\s*(?:[\[(]\d{1,3}[\])]|\^\d{1,3})?\s*[:\uff1a]\s*"
_REPLY = re.compile(rf"{_TAGS}(?:{_ANSWERS}|{_FORWARDS}){_COLON}|.*\(fwd\)\s*$|.*\(was:?\s", re.IGNORECASE)
_ANSWER = re.compile(rf"{_TAGS}(?:{_ANSWERS}){_COLON}", re.IGNORECASE)
_WAS = re.compile(r"\s*\(was:?\s.*$", re.IGNORECASE)
_SENT_AGAIN = r"re-?sen[dt]"
_MARKS = (
    # One of its own, in brackets; before a colon; at the end.
    re.compile(rf"[\[({{]\s*(?:{_SENT_AGAIN}|\**spam\??\**)\s*[\])}}]\s*:?", re.IGNORECASE),
    re.compile(rf"^\s*(?:\*{{2,5}}\s*spam\s*\*{{2,5}}|(?:{_SENT_AGAIN}|spam)\s*[:!-]+\s)", re.IGNORECASE),
    re.compile(rf"[\s,:-]+{_SENT_AGAIN}\s*$", re.IGNORECASE),
)
_WITHIN_MARK = re.compile(rf"(?<=[\[(])\s*{_SENT_AGAIN}[\s:,-]+|[\s:,-]+{_SENT_AGAIN}\s*(?=[\])])", re.IGNORECASE)
"""Within a mark of the project's: [ANNOUNCE RESEND]."""
_HYPHENS = str.maketrans(dict.fromkeys("\u2010\u2011\ufe63\uff0d\u2212", "-"))


def plain(text: str) -> str:
    """The subject on one line, without characters that nobody sees and with one kind of blank and hyphen."""
    text = text[:LONGEST]
    if not text.isascii():
        text = "".join(character for character in text if unicodedata.category(character) != "Cf").translate(_HYPHENS)
    return " ".join(text.split())


def may_hide(text: bytes, literal: bytes) -> bool:
    """Whether a subject may hold a literal that its bytes do not show: for characters nobody sees, or a mark in it."""
    if not text.isascii():
        return True
    is_mark = b"]" in literal or b")" in literal
    return is_mark and b"sen" in text.lower()  # [ANNOUNCE RESEND]


def is_reply(subject: str) -> bool:
    """Whether it is an answer, a forward, an automatic reply or a talk that had another subject."""
    return _REPLY.match(subject) is not None


def answered(subject: str) -> str | None:
    """What a reply answers, or what it speaks of now; None for a forward and the like."""
    bare = _WAS.sub("", subject)
    for _ in range(4):
        answer = _ANSWER.match(bare)
        if answer is None:
            return None if is_reply(bare) else bare
        bare = bare[answer.end() :]
    return None


def forms(subject: str, names: frozenset[str] | None) -> Iterator[str]:
    """The subject, then the same without the prefixes of lists, then both without marks of filters and resending.

    Without `names` any prefix may be one of a list.
    """
    yield from _untagged(subject, names)
    unmarked = _without_marks(subject)
    if unmarked != subject:
        yield from _untagged(unmarked, names)


def is_sent_again(subject: str) -> bool:
    """Whether the subject says that the mail was sent before."""
    return re.search(rf"\b{_SENT_AGAIN}\b", subject, re.IGNORECASE) is not None


def is_tagged(subject: str) -> bool:
    """Whether it begins with something in brackets."""
    return _TAG.match(_without_marks(subject)) is not None


def _untagged(subject: str, names: frozenset[str] | None) -> Iterator[str]:
    yield subject
    for _ in range(4):
        tag = _TAG.match(subject)
        if tag is None or (names is not None and tag[1].strip().lower() not in names):
            return
        subject = subject[tag.end() :]
        yield subject


def _without_marks(subject: str) -> str:
    lower = subject.lower()
    if "sen" not in lower and "spam" not in lower:
        return subject
    subject = _WITHIN_MARK.sub("", subject)
    for mark in _MARKS:
        subject = mark.sub(" ", subject)
    return " ".join(subject.split())

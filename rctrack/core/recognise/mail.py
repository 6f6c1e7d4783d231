"""A mail is an announcement of the project, or why it only looks like one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from urllib.parse import quote

from rctrack.core import expression, received
from rctrack.core.evidence import Instant, MailEvidence, MessageId, Sighting
from rctrack.core.recognise import candidate, statements
from rctrack.core.recognise.body import text_of
from rctrack.core.recognise.headers import Headers, addresses, addresses_in, header_text, parse_headers
from rctrack.core.recognise.sender import senders
from rctrack.core.recognise.shortlog import count_announced
from rctrack.core.recognise.subject import LONGEST, answered, forms, is_reply, is_tagged, plain
from rctrack.core.release import Announcement, Unrecognised
from rctrack.core.rules import ListRules
from rctrack.core.version import Version, parse_version

_JOINT = r"\s*(?:,\s*(?:and\s+|&\s*)?|;\s|/\s|&\s*|\band\s+)"
_WITHIN = re.compile(r"[,;&/](?=\S)|\s*,\s+|\s+and\s+")
"""What joins versions where the group `version` holds several."""
_GLUED = re.compile(r"[-._~+]?\w[^\s,;&/()\[\]]*")
"""What goes on without a blank where the group `version` ends."""
_NAME_BEFORE = re.compile(r"[A-Za-z][\w+.]{0,60}[-_ ]?$")
_MISTYPED = re.compile(r"(?P<numbers>\d[\d.]*\d)[-._ ]?(?:r|c|cr|rcc|rrc)[-._ ]?(?P<candidate>\d{1,3})", re.IGNORECASE)
_MOST_LINES, _MOST_PROSE = 2000, 60_000
_MOST_VERSIONS = 200
"""In one body; a project with that many branches is not known."""


@dataclass(frozen=True, slots=True)
class _Spelled:
    """A version as a subject or a line names it, or why it is none."""

    version: Version | None
    end: int = 0
    """Where it ends, with the words that belong to it."""
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class _Reading:
    """The versions that a mail announces, and what it says to the contrary; or why it announces none."""

    versions: tuple[Version, ...] = ()
    alternatives: tuple[Version, ...] = ()
    contradiction: str | None = None
    refusal: str = ""


def subject_may_fit(rules: ListRules, subject: str) -> bool:
    """Whether a mail of this subject is worth a look: true at least for all that recognise_mail() takes."""
    text = _compared(rules, plain(subject))
    return text is not None and any(expression.search(rules.subject, form) for form in forms(text, None))


def recognise_mail(
    rules: ListRules, scheme: str, evidence: MailEvidence, sighting: Sighting
) -> Announcement | Unrecognised | None:
    """The announcement that a mail is, or why it only looks like one; None for any other mail; never an exception."""
    content = _without_envelope(evidence.content)
    headers = parse_headers(content)
    subject = plain(header_text(headers, "Subject", LONGEST))
    fitting = _fit(rules, headers, subject)
    if fitting is None:
        return None
    announced = received.parse_date(header_text(headers, "Date", 200))
    chain = headers.all("Received")
    hops = received.read_hops(chain)
    delivered = received.delivered(hops, rules.servers)
    written = announced or delivered or evidence.archived
    sender = _sender(rules, headers, written)
    if sender is None:
        who = ", ".join(addresses(headers, "From"))[:200] or "nobody"
        return Unrecognised(subject, evidence.key, f"{who} does not announce this project")
    text = text_of(content, headers)
    reading = _read(rules, scheme, fitting, text, _day(written))
    if is_reply(subject) and reading.versions[:1] != statements.stated_versions(text, scheme)[:1]:
        return None  # a talk about a release
    message_id = _message_id(header_text(headers, "Message-ID", 998))
    if not reading.versions or not message_id:
        return Unrecognised(subject, evidence.key, reading.refusal or "has no Message-ID")
    return Announcement(
        versions=reading.versions,
        message_id=message_id,
        subject=subject,
        sender=sender,
        announced=announced,
        delivered=delivered,
        archived=received.archived(evidence.archived, chain),
        commits_announced=count_announced(text),
        url=_link(rules, headers, message_id),
        sighting=sighting,
        promised=statements.promised_step(text),
        git_url=statements.git_url(text),
        alternatives=reading.alternatives,
        contradiction=reading.contradiction,
        longest_wait=received.longest_wait(announced, hops, rules.servers),
    )


def _without_envelope(content: bytes) -> bytes:
    """A mail without the line that a mailbox puts before it."""
    start = 0
    while content[start : start + 1] in (b"\r", b"\n"):
        start += 1
    envelope = content[start : start + 6]
    if envelope.startswith(b"From ") or envelope == b">From ":
        return content[start:].partition(b"\n")[2]
    return content


# --- The subject -----------------------------------------------------------------------------------


def _compared(rules: ListRules, subject: str) -> str | None:
    """The part of a subject that is compared; None for a reply where replies announce nothing."""
    if not is_reply(subject):
        return subject
    return answered(subject) if rules.replies else None


def _fit(rules: ListRules, headers: Headers, subject: str) -> re.Match[str] | None:
    """Where the subject fits, as it is or without the prefix of a list."""
    text = _compared(rules, subject)
    if text is None:
        return None
    names = _list_names(rules, headers) if is_tagged(text) else frozenset[str]()
    fits = (expression.search(rules.subject, form) for form in forms(text, names))
    return next((fitting for fitting in fits if fitting), None)


def _list_names(rules: ListRules, headers: Headers) -> frozenset[str]:
    """What the prefix of a list may be: its name in List-Id, in the addresses, or in the archive's address."""
    names = {rules.name.lower()} if rules.name else set()
    identity = header_text(headers, "List-Id", 500).lower()
    found = re.search(r"<([^<>\s]+)>", identity)
    names |= {(found[1] if found else identity).partition(".")[0].strip()}
    for header in ("To", "Cc", "List-Post", "X-Mailing-List"):
        text = " ".join(headers.all(header)[:5])[:4000].replace("mailto:", "")
        names |= {address.partition("@")[0] for address in addresses_in(text)}
    return frozenset(names - {""}) | {"external", "ext"}


# --- The sender ------------------------------------------------------------------------------------


def _sender(rules: ListRules, headers: Headers, written: Instant | None) -> str | None:
    """Who announces, of those who may have written the mail."""
    return next((address for address in senders(headers) if _may_announce(rules, address, written)), None)


def _may_announce(rules: ListRules, address: str, written: Instant | None) -> bool:
    eras = [era for era in rules.eras if era.address == address]
    day = _day(written)
    if not eras or day is None:
        return address in rules.senders
    return any((era.since is None or era.since <= day) and (era.until is None or day <= era.until) for era in eras)


# --- The version -----------------------------------------------------------------------------------


def _version_group(fitting: re.Match[str]) -> str | None:
    """The group `version`, or version2, … of a further pattern of the same list; None where none of them is there."""
    groups = (name for name in fitting.re.groupindex if name.startswith("version"))
    return next((name for name in groups if fitting[name] is not None), None)


def _read(rules: ListRules, scheme: str, fitting: re.Match[str], text: str, written_on: date | None) -> _Reading:
    """What the mail announces, by its subject where that names a version, else by its body."""
    group = _version_group(fitting)
    if group is None:
        versions = tuple(_in_body(rules.body, scheme, text, written_on)) if rules.body else ()
        reading = _Reading(versions, refusal="names no version")
    else:
        reading = _of_subject(scheme, fitting, group, text, written_on)
    candidates = [version.text for version in reading.versions if not version.is_final]
    if candidates and not rules.candidates:
        return _Reading(refusal=f"{candidates[0]} is a candidate, and the project makes none")
    return reading


def _in_body(pattern: str, scheme: str, text: str, written_on: date | None) -> Iterator[Version]:
    """The versions in the lines of a body that the expression fits, each once."""
    versions: dict[Version, None] = {}
    for line in text[:_MOST_PROSE].split("\n", _MOST_LINES)[:_MOST_LINES]:
        fitting = None if line.startswith(">") else expression.search(pattern, line)
        if fitting and (group := _version_group(fitting)):
            named, _ = _versions(scheme, fitting, group, written_on)
            versions |= dict.fromkeys(named)
    yield from list(versions)[:_MOST_VERSIONS]


def _of_subject(scheme: str, fitting: re.Match[str], group: str, text: str, written_on: date | None) -> _Reading:
    """The versions of the subject, with what the body names instead where both do not agree."""
    versions, refusal = _versions(scheme, fitting, group, written_on)
    if refusal:
        return _Reading(refusal=refusal)
    if not versions:
        return _mended(scheme, fitting[group], text)
    first = versions[0]
    if len(versions) > 1 or first.dated or not text:
        return _Reading(versions)
    named = statements.named_versions(text, scheme)
    if first.is_unnumbered:
        return _Reading((_number_of(first, named) or first,))
    if not any(other.cycle_id == first.cycle_id for other in named - {first}):
        only = tuple(named) if len(named) == 1 and first not in named else ()
        return _Reading(versions, only)
    claimed = statements.stated_versions(text, scheme)
    stated = tuple(
        other for other in claimed if other.cycle_id == first.cycle_id and (other > first or first not in named)
    )
    if not stated or first in claimed:
        return _Reading(versions)
    # The subject may be copied from the last announcement and not changed: tags, or what came before, decide.
    return _Reading(versions, stated, f"the subject says {first.text}, the body {stated[0].text}")


def _number_of(unnumbered: Version, named: frozenset[Version]) -> Version | None:
    """The candidate of the same version that the body names, where it names one alone."""
    same = [
        other
        for other in named
        if (other.cycle_id, other.stage) == (unnumbered.cycle_id, unnumbered.stage) and not other.is_unnumbered
    ]
    return same[0] if len(same) == 1 else None


def _mended(scheme: str, spelled: str, text: str) -> _Reading:
    """What a mistyped subject means: what the body says of that cycle, else "-c2" and "-r2" are "-rc2"."""
    mistyped = _MISTYPED.fullmatch(_bare(spelled))
    numbers = re.match(r"\d+(?:\.\d+)+", _bare(spelled))
    base = parse_version(scheme, numbers[0]) if numbers else None
    guess = parse_version(scheme, f"{mistyped['numbers']}-rc{mistyped['candidate']}") if mistyped else None
    stated = [other for other in statements.stated_versions(text, scheme) if base and other.cycle_id == base.cycle_id]
    if stated:
        others = tuple(other for other in (guess,) if other and other != stated[0])
        return _Reading((stated[0],), others, f"the subject says {spelled[:40]}, the body {stated[0].text}")
    if guess:
        return _Reading((guess,), (), f"the subject says {spelled[:40]}, taken for {guess.text}")
    return _Reading(refusal=f"{spelled[:80]!r} is no version of the scheme {scheme}")


def _versions(
    scheme: str, fitting: re.Match[str], group: str, written_on: date | None
) -> tuple[tuple[Version, ...], str]:
    """The version that the group holds and those joined to it by a comma, "and" or the like; or why it is none."""
    spelled = [part for part in _WITHIN.split(fitting[group]) if part]
    if not spelled:
        return (), ""
    end = fitting.end(group) - (1 if fitting[group].endswith((",", ";")) else 0)
    listed = [parse_version(scheme, _bare(part), written_on) for part in spelled[:-1]]
    last = _with_words(scheme, spelled[-1], fitting.string, end, written_on, is_open=fitting.end() <= end)
    first, *further = [*listed, last.version]
    if last.refusal or first is None:
        return (), last.refusal
    words = candidate.before(fitting.string, fitting.start(group))
    if words.not_out:
        return (), f"before {spelled[0][:40]!r} stands {words.not_out!r}: it is not out"
    if first.is_final and not first.dated and words.candidate:
        first = parse_version(scheme, f"{first.base}-{words.candidate}")
        if first is None:
            return (), f"{spelled[0][:40]!r} is called {words.candidate}, no version of the scheme {scheme}"
    joined = list(_joined(scheme, first, fitting.string[: fitting.start(group)], fitting.string[last.end :]))
    refusal = next((spelled_too.refusal for spelled_too in joined if spelled_too.refusal), "")
    named = [first, *further, *(spelled_too.version for spelled_too in joined)]
    versions = tuple(dict.fromkeys(version for version in named if version))
    return ((), refusal) if refusal else (_called_alike(scheme, versions), "")


def _called_alike(scheme: str, versions: tuple[Version, ...]) -> tuple[Version, ...]:
    """The same, each a candidate where the last one has the word for all: "1.2 and 1.3 release candidates"."""
    last = versions[-1]
    if not last.is_unnumbered:
        return versions
    word = last.stage.name.lower()
    candidates = (parse_version(scheme, f"{each.base}-{word}") if each.is_final else each for each in versions)
    return tuple(each for each in candidates if each)


def _with_words(
    scheme: str, spelled: str, subject: str, end: int, written_on: date | None = None, *, is_open: bool = True
) -> _Spelled:
    """The version that ends there, with what the words behind it make of it.

    Where the expression is open, ending with the version, what is glued to that is part of it.
    """
    bare = _bare(spelled)
    version = parse_version(scheme, bare, written_on)
    words = candidate.behind(subject, end)
    if words.not_out:
        return _Spelled(None, end, f"{bare[:80]!r} is followed by {words.not_out!r}: it is not out")
    if version is not None and (version.dated or not version.is_final):
        return _Spelled(version, end)
    if words.trial:
        return _Spelled(None, end, f"{bare[:80]!r} is followed by {words.trial!r}: it is no final")
    if words.candidate:
        called = parse_version(scheme, f"{bare}-{words.candidate}")
        refusal = "" if called else f"{bare[:80]!r} is called {words.candidate}, no version of the scheme {scheme}"
        return _Spelled(called, words.end, refusal)
    glued = _GLUED.match(subject, end) if is_open and version and not spelled.endswith((",", ";")) else None
    if glued:
        return _Spelled(None, end, f"{(bare + glued[0])[:80]!r} is no version of the scheme {scheme}")
    return _Spelled(version, end)


def _joined(scheme: str, first: Version, before: str, behind: str) -> Iterator[_Spelled]:
    """The versions that follow the first one; each may repeat the name that stands before that."""
    name = _NAME_BEFORE.search(before.rstrip("vV"))
    repeated = rf"(?:{re.escape(name[0].strip())}\s*)?" if name else ""
    joint = re.compile(rf"{_JOINT}{repeated}(?P<version>v?\d[^\s,;&/]*)", re.IGNORECASE)
    while more := joint.match(behind):
        spelled = _with_words(scheme, more["version"], behind, more.end())
        version = spelled.version
        if version is not None and version.is_final and len(version.numbers) < min(2, len(first.numbers)):
            return
        yield spelled
        if version is None:
            return
        behind = behind[spelled.end :]


def _bare(text: str) -> str:
    return text.strip().rstrip(",;:.!)]\"'…*")


# --- Small things ----------------------------------------------------------------------------------


def _message_id(text: str) -> MessageId:
    """What stands between angle brackets, whatever a server wrote behind them; all of it where there are none."""
    found = re.search(r"<([^<>]+)>", text)
    return MessageId((found[1] if found else text.strip("<>")).strip())


def _link(rules: ListRules, headers: Headers, message_id: MessageId) -> str | None:
    """Where the mail can be read: at the list's archive, else where its own Archived-At (RFC 5064) says."""
    if rules.link:
        return rules.link.replace("{message_id}", quote(message_id, safe="@!$&'()*+,;=:~"))
    stated = re.fullmatch(r"\s*<?(https?://[!-;=?-~]{1,1000})>?\s*", "".join(headers.all("Archived-At")[:1]))
    return stated[1] if stated else None


def _day(instant: Instant | None) -> date | None:
    """The day on which something was written, where it was written."""
    try:
        return (instant.at + instant.offset).date() if instant else None
    except OverflowError:
        return None

"""A mail is an announcement of the project, or why it only looks like one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from urllib.parse import quote

from rctrack.core import expression, received
from rctrack.core.evidence import Instant, MailEvidence, MessageId, Sighting
from rctrack.core.recognise import statements
from rctrack.core.recognise.body import text_of
from rctrack.core.recognise.headers import Headers, addresses, addresses_in, header_text, parse_headers
from rctrack.core.recognise.shortlog import count_announced
from rctrack.core.release import Announcement, Unrecognised
from rctrack.core.rules import ListRules
from rctrack.core.version import Version, parse_version

_MOST_SUBJECT = 1000
_TAG = re.compile(r"\s*\[([^\[\]]{1,60})\]\s*")
_REPLY = re.compile(
    r"\s*(?:\[[^\[\]]{1,60}\]\s*)*(?:\[?\s*(?:re|aw|sv|vs|antw|antwort|odp|ynt|rif|ref|res|fwd?|wg|tr|rv|enc|doorst|vl"
    r"|r[ée]p?|réf|r|i|pd|vb|atb|bls|vá|ilt|ответ|отв|пересл|απ|σχετ|回复|回覆|答复|答覆|转发|轉寄|转寄|返信|転送|답장"
    r"|automatic reply|out of (?:the )?office|undeliver(?:able|ed))\.?"
    r"\s*(?:[\[(]\d{1,3}[\])]|\^\d{1,3})?\s*[:\uff1a])|.*\(fwd\)\s*$|.*\(was:?\s",
    re.IGNORECASE,
)
_TAIL = re.compile(
    r"\s*[-,(]?\s*(?P<candidate>(?:release[- ]candidate|rc|pre|beta|alpha|test)[-# ]?\d{1,4})\)?", re.IGNORECASE
)
_JOINT = r"\s*(?:,\s*(?:and\s+|&\s*)?|;\s|/\s|&\s*|\band\s+)"
_WITHIN = re.compile(r"[,;&/](?=\S)|\s*,\s+|\s+and\s+")
"""What joins versions where the group `version` holds several."""
_NAME_BEFORE = re.compile(r"[A-Za-z][\w+.]{0,60}[-_ ]?$")
_MISTYPED = re.compile(r"(?P<numbers>\d[\d.]*\d)[-._ ]?(?:r|c|cr|rcc|rrc)[-._ ]?(?P<candidate>\d{1,3})", re.IGNORECASE)
_ORIGINAL_SENDER = ("X-Original-From", "X-Original-Sender", "Reply-To")


@dataclass(frozen=True, slots=True)
class _Reading:
    """The versions that a mail announces, and what it says to the contrary."""

    versions: tuple[Version, ...]
    alternatives: tuple[Version, ...] = ()
    contradiction: str | None = None


def subject_may_fit(rules: ListRules, subject: str) -> bool:
    """Whether a mail of this subject is worth a look: true at least for all that recognise_mail() takes."""
    text = " ".join(subject[:_MOST_SUBJECT].split())
    return not _REPLY.match(text) and any(expression.search(rules.subject, form) for form in _untagged(text, None))


def recognise_mail(
    rules: ListRules, scheme: str, evidence: MailEvidence, sighting: Sighting
) -> Announcement | Unrecognised | None:
    """The announcement that a mail is, or why it only looks like one; None for any other mail; never an exception."""
    content = _without_envelope(evidence.content)
    headers = parse_headers(content)
    subject = header_text(headers, "Subject", _MOST_SUBJECT)
    found = None if _REPLY.match(subject) else _fit(rules, headers, subject)
    if found is None:
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
    reading = _read_versions(scheme, found, text, _day(written))
    if not reading.versions:
        spelled = repr(_version_text(found)[:80])
        return Unrecognised(subject, evidence.key, f"{spelled} is no version of the scheme {scheme}")
    message_id = _message_id(header_text(headers, "Message-ID", 998))
    if not message_id:
        return Unrecognised(subject, evidence.key, "has no Message-ID")
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
        held=received.held(announced, hops, rules.servers),
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


def _fit(rules: ListRules, headers: Headers, subject: str) -> re.Match[str] | None:
    """Where the subject fits, as it is or without the prefix of a list."""
    names = _list_names(rules, headers) if _TAG.match(subject) else frozenset[str]()
    return next(
        (found for form in _untagged(subject, names) if (found := expression.search(rules.subject, form))), None
    )


def _untagged(subject: str, names: frozenset[str] | None) -> Iterator[str]:
    """The subject, then the same without its first prefix of a list, …; without `names` any prefix may be one."""
    yield subject
    for _ in range(4):
        found = _TAG.match(subject)
        if found is None or (names is not None and found[1].strip().lower() not in names):
            return
        subject = subject[found.end() :]
        yield subject


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
    """Who announces: in From, or behind the list's own address that DMARC made the list write there."""
    senders = addresses(headers, "From")
    if senders and all(_is_list_address(address, headers) for address in senders):
        senders = tuple(address for name in _ORIGINAL_SENDER for address in addresses(headers, name))
    return next((address for address in senders if _may_announce(rules, address, written)), None)


def _may_announce(rules: ListRules, address: str, written: Instant | None) -> bool:
    eras = [era for era in rules.eras if era.address == address]
    day = _day(written)
    if not eras or day is None:
        return address in rules.senders
    return any((era.since is None or era.since <= day) and (era.until is None or day <= era.until) for era in eras)


def _is_list_address(address: str, headers: Headers) -> bool:
    identity = re.search(r"<([^<>\s]+)>", header_text(headers, "List-Id", 500).lower())
    if identity and address.replace("@", ".") == identity[1]:
        return True
    posts = headers.all("List-Post") + headers.all("X-Mailing-List")
    if any(address in addresses_in(text[:1000].replace("mailto:", "")) for text in posts[:5]):
        return True
    display = header_text(headers, "From", 500).rpartition("<")[0]
    return re.search(r"\bvia\b", display) is not None and address in addresses(headers, "To") + addresses(headers, "Cc")


# --- The version -----------------------------------------------------------------------------------


def _version_text(found: re.Match[str]) -> str:
    """What stands in the group `version`, or in version2, … of a further pattern of the same list."""
    return found[_version_group(found)] or ""


def _version_group(found: re.Match[str]) -> str:
    groups = [name for name in found.re.groupindex if name.startswith("version")]
    return next((name for name in groups if found[name] is not None), groups[0])


def _read_versions(scheme: str, found: re.Match[str], text: str, written_on: date | None) -> _Reading:
    versions = _versions(scheme, found, written_on)
    if not versions:
        return _mended(scheme, _version_text(found), text)
    first = versions[0]
    if len(versions) > 1 or first.dated or not text or statements.names(text, scheme, first):
        return _Reading(versions)
    for stated in statements.stated_versions(text, scheme):
        # The subject is copied from the last announcement and not changed: the body says another one of its cycle.
        if stated.cycle_id == first.cycle_id and stated > first:
            return _Reading((stated,), (first,), f"the subject says {first.text}, the body {stated.text}")
    return _Reading(versions)


def _mended(scheme: str, spelled: str, text: str) -> _Reading:
    """What a mistyped subject means: what the body says of that cycle, else "-c2" and "-r2" are "-rc2"."""
    mistyped = _MISTYPED.fullmatch(_bare(spelled))
    numbers = re.match(r"\d+(?:\.\d+)+", _bare(spelled))
    base = parse_version(scheme, numbers[0]) if numbers else None
    guess = parse_version(scheme, f"{mistyped['numbers']}-rc{mistyped['candidate']}") if mistyped else None
    stated = [each for each in statements.stated_versions(text, scheme) if base and each.cycle_id == base.cycle_id]
    if stated:
        others = tuple(each for each in (guess,) if each and each != stated[0])
        return _Reading((stated[0],), others, f"the subject says {spelled[:40]}, the body {stated[0].text}")
    if guess:
        return _Reading((guess,), (), f"the subject says {spelled[:40]}, taken for {guess.text}")
    return _Reading(())


def _versions(scheme: str, found: re.Match[str], written_on: date | None) -> tuple[Version, ...]:
    """The version in the subject, and those joined to it by a comma, "and" or the like."""
    group, subject = _version_group(found), found.string
    spelled = [each for each in _WITHIN.split(found[group] or "") if each]
    if not spelled:
        return ()
    end = found.end(group) - (1 if (found[group] or "").endswith((",", ";")) else 0)
    read = [parse_version(scheme, _bare(each), written_on) for each in spelled[:-1]]
    last, position = _with_tail(scheme, spelled[-1], subject, end, written_on)
    first, *further = [*read, last]
    if first is None:
        return ()
    joined = _joined(scheme, first, subject[: found.start(group)], subject[position:])
    return tuple(dict.fromkeys([first, *(each for each in further if each), *joined]))


def _with_tail(
    scheme: str, spelled: str, subject: str, end: int, written_on: date | None = None
) -> tuple[Version | None, int]:
    """The version that ends there, with the candidate that may stand apart from it, and where that ends."""
    tail = _TAIL.match(subject, end)
    candidate = parse_version(scheme, f"{_bare(spelled)} {tail['candidate']}") if tail else None
    if tail and candidate:
        return candidate, tail.end()
    return parse_version(scheme, _bare(spelled), written_on), end


def _joined(scheme: str, first: Version, before: str, behind: str) -> Iterator[Version]:
    """The versions that follow the first one; each may repeat the name that stands before that."""
    name = _NAME_BEFORE.search(before.rstrip("vV"))
    repeated = rf"(?:{re.escape(name[0].strip())}\s*)?" if name else ""
    joint = re.compile(rf"{_JOINT}{repeated}(?P<version>v?\d[^\s,;&/]*)", re.IGNORECASE)
    while more := joint.match(behind):
        version, position = _with_tail(scheme, more["version"], behind, more.end())
        if version is None or (version.is_final and len(version.numbers) < min(2, len(first.numbers))):
            return
        yield version
        behind = behind[position:]


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

"""From evidence to observations: is this mail an announcement, is this tag a release, and of which version?"""

import re
from dataclasses import dataclass
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import getaddresses

from rctrack.core import trace
from rctrack.core.model import (
    Announcement,
    ListRules,
    MailEvidence,
    MessageId,
    ProjectRules,
    Sighting,
    TagEvidence,
    TagObservation,
    Unrecognised,
)
from rctrack.core.version import Version, parse_version

RECOGNISER = 1
"""Raised whenever this module reads the same evidence otherwise, so that sources are read again."""

_MOST_HEADER_BYTES = 512 * 1024
_MOST_SUBJECT = 1000
_FURTHER_VERSION = re.compile(r"\s*(?:,|&|\band\b)\s*(?:and\s+)?(?P<version>v?\d[^\s,&]*)", re.IGNORECASE)
_WITHDRAWN = re.compile(r"-(?:dont-?use|do-not-use|broken|withdrawn)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Ignored:
    """The tag is no release and no oddity: the project file says so."""


def recognise_tag(
    rules: ProjectRules, evidence: TagEvidence, sighting: Sighting
) -> TagObservation | Unrecognised | Ignored:
    """The release that a tag names, or why it names none; never an exception."""
    if rules.ignore_tags and re.search(rules.ignore_tags, evidence.tag):
        return Ignored()
    spelled = next((text for template in rules.tag_templates if (text := _fill(template, evidence.tag))), None)
    if spelled is None:
        return Unrecognised(evidence.tag, evidence.tag, "fits no tag template of the project")
    version = parse_version(rules.scheme, _WITHDRAWN.sub("", spelled))
    if version is None:
        return Unrecognised(evidence.tag, evidence.tag, f"{spelled[:80]!r} is no version of the scheme {rules.scheme}")
    if evidence.commit is None:
        return Unrecognised(evidence.tag, evidence.tag, "leads to no commit")
    return TagObservation(
        version=version,
        tag=evidence.tag,
        object_id=evidence.object_id,
        commit=evidence.commit,
        tagged=evidence.tagged,
        withdrawn=_WITHDRAWN.search(spelled) is not None,
        sighting=sighting,
    )


def recognise_mail(
    rules: ListRules, scheme: str, evidence: MailEvidence, sighting: Sighting
) -> Announcement | Unrecognised | None:
    """The announcement that a mail is, or why it only looks like one; None for any other mail; never an exception."""
    headers = parse_headers(evidence.content)
    subject = header_text(headers, "Subject", _MOST_SUBJECT)
    found = re.search(rules.subject, subject)
    if found is None:
        return None
    senders = addresses(headers, "From")
    if not any(sender in rules.senders for sender in senders):
        return Unrecognised(
            subject, evidence.key, f"{', '.join(senders)[:200] or 'nobody'} does not announce this project"
        )
    versions = _versions(scheme, subject, found)
    if not versions:
        spelled = (found["version"] or "")[:80]
        return Unrecognised(subject, evidence.key, f"{spelled!r} is no version of the scheme {scheme}")
    message_id = _message_id(header_text(headers, "Message-ID", 998))
    if not message_id:
        return Unrecognised(subject, evidence.key, "has no Message-ID")
    received = _all_text(headers, "Received")
    return Announcement(
        versions=versions,
        message_id=message_id,
        subject=subject,
        sender=senders[0],
        announced=trace.parse_date(header_text(headers, "Date", 200)),
        delivered=trace.delivered(trace.read_hops(received), rules.servers),
        archived=trace.archived(evidence.archived, received),
        commits_announced=None,
        url=rules.link.replace("{message_id}", message_id) if rules.link else None,
        sighting=sighting,
    )


def parse_headers(content: bytes) -> Message:
    """The headers of a mail, however broken; a body is never looked at."""
    head = content[:_MOST_HEADER_BYTES].lstrip(b"\r\n")
    if head.startswith(b"From "):
        head = head.partition(b"\n")[2]
    for end in (b"\n\n", b"\r\n\r\n"):
        head = head.partition(end)[0]
    return BytesHeaderParser().parsebytes(head + b"\n\n")


def header_text(headers: Message, name: str, most: int) -> str:
    """A header as people read it: unfolded, decoded, at most `most` characters; empty where there is none."""
    value = headers.get(name)
    return "" if value is None else _decode(str(value)[: 4 * most])[:most]


def addresses(headers: Message, name: str) -> tuple[str, ...]:
    """The addresses of a header, in lower case."""
    values = [str(value)[:2000] for value in headers.get_all(name, [])[:10]]
    return tuple(address.lower() for _, address in getaddresses(values) if "@" in address)


def _all_text(headers: Message, name: str) -> list[str]:
    return [str(value) for value in headers.get_all(name, [])]


def _decode(value: str) -> str:
    parts = []
    try:
        for part, charset in decode_header(value):
            parts.append(part if isinstance(part, str) else part.decode(charset or "ascii", "replace"))
    except (MessageError, LookupError, ValueError):
        parts = [value]
    return " ".join("".join(parts).split())


def _message_id(text: str) -> MessageId:
    """What stands between angle brackets, whatever a server wrote behind them; all of it where there are none."""
    found = re.search(r"<([^<>]+)>", text)
    return MessageId((found[1] if found else text.strip("<>")).strip())


def _versions(scheme: str, subject: str, found: re.Match[str]) -> tuple[Version, ...]:
    # A project's expression may take "2.42.2,v2.41.5" for one word, or fit without its group.
    spelled = re.split("[,&]", found["version"] or "")[0]
    first = parse_version(scheme, _bare(spelled))
    if first is None:
        return ()
    versions = [first]
    position = found.start("version") + len(spelled)
    while further := _FURTHER_VERSION.match(subject, position):
        version = parse_version(scheme, _bare(further["version"]))
        if version is None:
            break
        versions.append(version)
        position = further.end()
    return tuple(dict.fromkeys(versions))


def _bare(text: str) -> str:
    return text.rstrip(",;:.!)")


def _fill(template: str, tag: str) -> str | None:
    """What stands for {version} where the tag fits the template."""
    before, _, after = template.partition("{version}")
    fits = tag.startswith(before) and tag.endswith(after) and len(tag) > len(before) + len(after)
    return tag[len(before) : len(tag) - len(after)] if fits else None

"""Mails that say one version and mean another, put right by what the tags say."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from rctrack.core.release import Announcement, TagObservation
from rctrack.core.version import Version, VersionId

COPIED_WITHIN = timedelta(days=1)
"""A tag overrules a subject that was used before only if the mail follows it within this, and the other is older."""


def as_meant(
    mails: Sequence[Announcement], tags: Mapping[VersionId, Sequence[TagObservation]]
) -> Iterator[Announcement]:
    """The mails as the tags have them, where subject and body speak of two versions or the subject is an old one."""
    named: defaultdict[VersionId, list[Announcement]] = defaultdict(list)
    for mail in mails:
        for version in mail.versions:
            named[version.id].append(mail)
    for mail in mails:
        other = next((each for each in mail.alternatives if each.id in tags), None)
        if other is not None and not any(version.id in tags for version in mail.versions):
            yield replace(mail, versions=(other,), contradiction=f"{mail.contradiction}; tagged is {other.text}")
        elif (new := _newly_tagged(mail, tags, named)) is not None:
            said = f"the subject says {mail.versions[0].text}, which was announced before; newly tagged is {new.text}"
            yield replace(mail, versions=(new,), contradiction=said)
        else:
            yield mail


def _newly_tagged(
    mail: Announcement,
    tags: Mapping[VersionId, Sequence[TagObservation]],
    named: Mapping[VersionId, Sequence[Announcement]],
) -> Version | None:
    """What was tagged just before this mail and is named by none, where the mail's own version has one of before.

    Subjects are copied and one number forgotten: Linux 6.17-rc4's mail begins with an apology for the one before it.
    """
    [version, *further] = mail.versions
    at = written_at(mail)
    if further or not any(written_at(each) < at - COPIED_WITHIN for each in named[version.id]):
        return None
    found = {
        tag.version
        for key, seen in tags.items()
        if key not in named
        for tag in seen
        if tag.tagged and at - COPIED_WITHIN <= tag.tagged.at <= at and _differ_in_one_number(tag.version, version)
    }
    return found.pop() if len(found) == 1 else None


def _differ_in_one_number(one: Version, other: Version) -> bool:
    ours, theirs = ((*each.numbers, each.candidate, each.revision) for each in (one, other))
    is_alike = (len(ours), one.stage, one.letter) == (len(theirs), other.stage, other.letter)
    return is_alike and sum(a != b for a, b in zip(ours, theirs, strict=True)) == 1


def written_at(mail: Announcement) -> datetime:
    when = mail.announced or mail.delivered
    return when.at if when else mail.sighting.seen_at

"""Mails that say one version and mean another, put right by what the tags say as of the mail's date."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rctrack.core.recognise import is_sent_again
from rctrack.core.release import Announcement, TagObservation
from rctrack.core.version import Version, VersionId

COPIED_WITHIN = timedelta(days=1)
"""A tag overrules a subject only if the mail follows it within this; a subject was used before if it is that old."""
AHEAD_OF_TAG = timedelta(hours=2)
"""A mail may be so much older than the tag that it announces: some are written first and tagged then."""
AGAIN_AFTER = timedelta(days=90)
"""A version that is announced so long after it was announced is announced again, and not still."""


def as_meant(
    mails: Sequence[Announcement], tags: Mapping[VersionId, Sequence[TagObservation]]
) -> Iterator[Announcement]:
    """The mails with the versions that they mean, where subject, body and tags do not agree; in their order.

    The body alone never overrules a subject whose version is tagged or was not announced before.
    """
    named: defaultdict[VersionId, list[Announcement]] = defaultdict(list)
    for mail in mails:
        for version in mail.versions:
            named[version.id].append(mail)
    known = _Known(tags, named)
    for mail in mails:
        if len(mail.versions) == 1:
            yield _corrected(known, mail, mail.versions[0])
        else:
            yield mail


def announced_again(mails: Iterable[Announcement]) -> tuple[Announcement, ...]:
    """Of the mails that name one version those that announce it anew, years after the others; oldest first.

    Such a number was mistaken, or used twice: it is news either way.
    """
    again = []
    written_before: datetime | None = None
    for mail in sorted(mails, key=lambda mail: (written_at(mail), mail.message_id)):
        if written_before is not None and written_at(mail) - written_before >= AGAIN_AFTER:
            again.append(mail)
        written_before = written_at(mail)
    return tuple(again)


def written_at(mail: Announcement) -> datetime:
    when = mail.announced or mail.delivered
    return when.at if when else mail.sighting.seen_at


@dataclass(frozen=True, slots=True)
class _Known:
    """The tags and the mails of a project by the version that they name."""

    tags: Mapping[VersionId, Sequence[TagObservation]]
    named: Mapping[VersionId, Sequence[Announcement]]

    def is_tagged(self, version: Version, at: datetime) -> bool:
        """Whether it was tagged when a mail was written then; a tag whose date is not read yet may have been."""
        return any(tag.tagged is None or tag.tagged.at <= at + AHEAD_OF_TAG for tag in self.tags.get(version.id, ()))

    def is_new(self, version: Version, at: datetime) -> bool:
        """Whether it was tagged within a day before a mail that was written then, or just after."""
        return any(
            tag.tagged is not None and at - COPIED_WITHIN <= tag.tagged.at <= at + AHEAD_OF_TAG
            for tag in self.tags.get(version.id, ())
        )

    def was_announced(self, version: Version, at: datetime, before: timedelta = COPIED_WITHIN) -> bool:
        """Whether a mail named it that is older than one which was written then."""
        return any(written_at(mail) < at - before for mail in self.named.get(version.id, ()))


def _corrected(known: _Known, mail: Announcement, version: Version) -> Announcement:
    at = written_at(mail)
    if version.is_unnumbered:
        return _numbered(known, mail, version, at)
    if (meant := _meant_by_body(known, mail, version, at)) is not None:
        words = mail.contradiction or f"the subject says {version.text}, the body names {meant.text}"
        is_tagged = known.is_new(meant, at)
        return replace(
            mail, versions=(meant,), contradiction=f"{words}; tagged is {meant.text}" if is_tagged else words
        )
    if (tagged := _newly_tagged(known, mail, version, at)) is not None:
        words = f"the subject says {version.text}, which was announced before; newly tagged is {tagged.text}"
        return replace(mail, versions=(tagged,), contradiction=words)
    if mail.contradiction is None and known.was_announced(version, at, AGAIN_AFTER):
        return replace(mail, contradiction=f"{version.text} was announced before, {_first_day(known, version)}")
    return mail


def _first_day(known: _Known, version: Version) -> str:
    return f"on {min(written_at(mail) for mail in known.named[version.id]):%Y-%m-%d}"


def _meant_by_body(known: _Known, mail: Announcement, version: Version, at: datetime) -> Version | None:
    """What the body names instead of the subject's version, where that is old or was never tagged."""
    was_announced = known.was_announced(version, at)
    is_tagged = known.is_tagged(version, at)
    if is_tagged and not was_announced:
        return None
    for other in mail.alternatives:
        if known.is_new(other, at):
            return other
    # Nothing was tagged: what the body states counts against a subject that was used before.
    is_stated = mail.contradiction is not None and was_announced and not is_tagged
    return mail.alternatives[0] if is_stated and mail.alternatives else None


def _newly_tagged(known: _Known, mail: Announcement, version: Version, at: datetime) -> Version | None:
    """What was tagged just before this mail and is named by none, where the mail's own version has one of before.

    Subjects are copied and one number forgotten: Linux 6.17-rc4's mail begins with an apology for the one before it.
    """
    if is_sent_again(mail.subject) or not known.was_announced(version, at):
        return None
    new = {
        tag.version
        for key, shown in known.tags.items()
        if key not in known.named
        for tag in shown
        if tag.tagged and at - COPIED_WITHIN <= tag.tagged.at <= at and _may_be_meant(tag.version, version)
    }
    return new.pop() if len(new) == 1 else None


def _may_be_meant(new: Version, old: Version) -> bool:
    """Whether one number differs, or the new one is what comes later in the cycle of the old one."""
    ours, theirs = ((*each.numbers, each.candidate, each.revision) for each in (new, old))
    is_alike = (len(ours), new.stage, new.letter) == (len(theirs), old.stage, old.letter)
    if is_alike and sum(a != b for a, b in zip(ours, theirs, strict=True)) == 1:
        return True
    return new.cycle_id == old.cycle_id and new.stage > old.stage


def _numbered(known: _Known, mail: Announcement, version: Version, at: datetime) -> Announcement:
    """With the number that the newest tag has, where the mail says "release candidate" and no more."""
    tagged = [
        tag.version
        for shown in known.tags.values()
        for tag in shown
        if tag.version.cycle_id == version.cycle_id and tag.version.stage == version.stage
        if tag.tagged and tag.tagged.at <= at + AHEAD_OF_TAG
    ]
    newest = max(tagged, default=None)
    if newest is None or known.was_announced(newest, at, timedelta(0)):
        return mail
    return replace(mail, versions=(newest,))

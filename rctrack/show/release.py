"""One release whole, as `rctrack show` prints it: facts, timeline, evidence."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from rctrack.core.evidence import Station
from rctrack.core.fold import BEFORE_ITS_TAG
from rctrack.core.lateness import Delay, Ended
from rctrack.core.release import Announcement, Precision, Release, TimelineEntry
from rctrack.show import words
from rctrack.show.json import gap_kind, offset
from rctrack.show.mails import authors, counted_commits, where
from rctrack.show.tables import WIDTH

LONG_WAIT = timedelta(hours=1)
"""A mail that some server kept for so long is said to have waited."""
_AT_HOSTS = (Station.PUSHED, Station.VISIBLE, Station.LISTED)
"""The stations of which it matters where that was."""


def text(name: str, release: Release, delays: Sequence[Delay]) -> str:
    """The release for people."""
    facts = [
        ("cycle", release.cycle or ""),
        ("follows", release.previous.text if release.previous else ""),
        ("commits", _commits(release)),
        ("authors", authors(release)),
        ("commit", release.commit or ""),
        ("first seen", f"{release.first_seen_at:%Y-%m-%d %H:%M} UTC"),
        ("signature", _signature(release)),
        ("flags", " ".join(sorted(release.flags))),
    ]
    lines = [f"{name} {release.version.text}", ""]
    lines += [f"  {label:<11} {value}" for label, value in facts if value]
    lines += [f"  {place}"] if (place := where(release)) else []
    lines += [f"  {_delay(delay)}" for delay in delays]
    lines += _changes(release)
    lines += ["", "Timeline", *(f"  {_entry(entry)}" for entry in release.timeline), "", "Evidence"]
    lines += [*_tags(release), *_sites(release)]
    for mail in release.announcements:
        lines += _mail(mail, release)
    return "\n".join(lines) + "\n"


def _changes(release: Release) -> Iterator[str]:
    for change in release.changes:
        yield from (f"  {change.flag} {change.tag}", f"    was {change.object_id}", f"        commit {change.commit}")
        if change.new_commit:
            yield from (f"    now {change.new_object_id}", f"        commit {change.new_commit}")
        yield f"    seen {change.seen_at:%Y-%m-%d %H:%M} UTC at {change.source.partition(' ')[2]}"


def _tags(release: Release) -> Iterator[str]:
    """A tag that had only a name at first is there twice, and is one."""
    for tag, object_id, source in dict.fromkeys((e.tag, e.object_id, e.sighting.source) for e in release.tags):
        yield from (f"  tag {tag}, object {object_id}", f"    {source}")


def _sites(release: Release) -> Iterator[str]:
    for entry in release.timeline:
        if entry.station in (Station.PUSHED, Station.LISTED):
            yield from (f"  {entry.station} {entry.evidence}", f"    {entry.source}")


def _mail(mail: Announcement, release: Release) -> Iterator[str]:
    yield f"  mail {mail.subject!r} from {mail.sender}"[:WIDTH]
    yield f"    {mail.url or f'Message-ID: <{mail.message_id}>'}"
    yield f"    {mail.sighting.source}"
    if reason := why_not(mail, release):
        yield f"    {reason}"
    if mail.contradiction:
        yield f"    contradiction: {mail.contradiction}"
    if mail.longest_wait and mail.longest_wait.span >= LONG_WAIT:
        yield f"    waited {words.longest_wait(mail.longest_wait)}"
    statements = [
        f"promises {mail.promised}" if mail.promised else "",
        f"names {mail.git_url}" if mail.git_url else "",
        f"{mail.commits_announced} commits" if mail.commits_announced is not None else "",
    ]
    if any(statements):
        yield "    says: " + ", ".join(filter(None, statements))


def why_not(mail: Announcement, release: Release) -> str:
    """Why a mail that names the version is not its announcement; empty for the one that is."""
    if mail.message_id == release.message_id:
        return ""
    received = mail.delivered or mail.announced
    if release.tagged is None or received is None or received.at >= release.tagged.at:
        return "another mail is the announcement"
    early = release.tagged.at - received.at
    if early <= BEFORE_ITS_TAG:
        return f"came {words.duration(early)} before the tag; a later mail is the announcement"
    return f"came {words.duration(early)} before the tag: not its announcement"


def _delay(delay: Delay) -> str:
    kind = gap_kind(delay.kind, delay.where, "at ")
    if delay.ended is None:
        return f"late: {kind} since {delay.since:%Y-%m-%d %H:%M} UTC"
    length = words.duration(delay.length or timedelta(0))
    ended = "never came" if delay.ended is Ended.NEVER else f"closed {delay.until:%Y-%m-%d %H:%M} UTC"
    return f"was late: {kind} for {length}, {ended}, cause {delay.cause}"


def _entry(entry: TimelineEntry) -> str:
    place = entry.source.partition(" ")[2]
    if entry.at is None:
        when = "before our first look"
    elif entry.precision is Precision.BETWEEN and entry.after:
        when = f"{entry.after:%Y-%m-%d %H:%M} to {entry.at.at:%Y-%m-%d %H:%M} UTC"
    else:
        when = f"{entry.at.at:%Y-%m-%d %H:%M:%S} UTC" + (f" (written {offset(entry.at)})" if entry.at.offset else "")
    line = f"{entry.station:<10} {when}"
    return f"{line}  {place}" if entry.station in _AT_HOSTS and len(line) + len(place) < WIDTH - 4 else line


def _signature(release: Release) -> str:
    found = release.signature
    return "" if found is None else f"{found.signature}{f', {found.signer}' if found.signer else ''}"


def _commits(release: Release) -> str:
    if release.commits is not None:
        return counted_commits(release)
    if release.commits_announced is not None:
        return f"{release.commits_announced} as announced"
    return "not counted yet" if release.previous else ""

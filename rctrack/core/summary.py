"""Events -> words: subjects, alerts and digests in plain text, 72 columns, the verdict first (DESIGN section 8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from rctrack.core import wording
from rctrack.core.evidence import MessageId, ProjectId, Signature
from rctrack.core.release import Flag, Release, TagChange

_MOST_CHANGES = 20
_TOLD = (Flag.WITHDRAWN, Flag.UNCONFIRMED, Flag.BAD_SIGNATURE, Flag.UNSIGNED, Flag.GAP, Flag.EXTRA)
"""The flags that stand in a subject and in a digest."""
SEEN_LATE = timedelta(days=1)
"""A release that we see this long after it was made is said to be seen late."""


@dataclass(frozen=True, slots=True)
class ProjectSummary:
    """One project in a digest: what came in the period, the newest release, how its sources do."""

    project: ProjectId
    name: str
    came: tuple[Release, ...]
    newest: Release | None
    health: tuple[wording.SourceHealth, ...]
    late: tuple[str, ...] = ()
    """A line for each delay of the period."""
    expected: str = ""
    """What comes next, and when."""


def release_message_id(project: ProjectId, version_id: str, recipient: str) -> MessageId:
    """The same for the same release and reader, so that a resend is seen as one."""
    return wording.message_id("release", project, version_id, recipient)


def digest_message_id(owed_at: datetime, recipient: str) -> MessageId:
    """The same for the same due digest and reader."""
    return wording.message_id("digest", owed_at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ"), recipient)


def incident_message_id(project: ProjectId, stations: Sequence[str], recipient: str) -> MessageId:
    """The same for the same changes and reader."""
    return wording.message_id("incident", project, "\0".join(sorted(stations)), recipient)


def changes_subject(told: Sequence[tuple[Release, TagChange]]) -> str:
    """What is not what it was: "[rctrack] RETAGGED linux v6.18-rc4"."""
    release, change = told[0]
    more = f" and {len(told) - 1} more" if len(told) > 1 else ""
    return f"[rctrack] {change.flag.upper()} {release.project} {change.tag}{more}"


def changes_text(
    name: str, told: Sequence[tuple[Release, TagChange]], health: Sequence[wording.SourceHealth], reader: wording.Reader
) -> str:
    """The alert of tags that are not what they were, with both ids; rctrack goes on with what it saw first."""
    parts = [_change(name, release, change, reader.zone) for release, change in told[:_MOST_CHANGES]]
    if len(told) > _MOST_CHANGES:
        parts.append(f"And {len(told) - _MOST_CHANGES} more; `rctrack releases {told[0][0].project}` shows all.")
    return "\n\n".join([*parts, *filter(None, [wording.sources(health)]), wording.footer(name, reader)]) + "\n"


def _change(name: str, release: Release, change: TagChange, zone: tzinfo) -> str:
    facts = [("Tag object", change.object_id, ""), ("Commit", change.commit, "")]
    if change.flag is Flag.WITHDRAWN:
        verdict = f"{name} {release.version.text} is withdrawn: the tag {change.tag} is not to be used or is gone."
    else:
        moved = (
            "names another commit" if change.new_commit != change.commit else "is another object, for the same commit,"
        )
        verdict = f"{name}: the tag {change.tag} {moved} than what was seen before. It is not followed."
        facts = [(f"{label} was", value, "") for label, value, _ in facts]
        facts += [("Tag now", str(change.new_object_id), ""), ("Commit now", str(change.new_commit), "")]
    seen = [("Seen", wording.moment(change.seen_at, zone), ""), ("At", change.source.partition(" ")[2], "")]
    return f"{wording.fill(verdict)}\n\n{wording.facts([*facts, *seen])}"


def release_subject(release: Release) -> str:
    """Short and filterable: "[rctrack] linux v6.18-rc4 out: 312 commits, announced +11m"."""
    facts = [_count_words(release), _announced_words(release)]
    made_at = release.made_at
    if made_at and release.first_seen_at - made_at > SEEN_LATE:
        facts.append(f"seen {wording.short(release.first_seen_at - made_at)} late")
    facts += [flag for flag in _TOLD if flag in release.flags]
    said = ", ".join(fact for fact in facts if fact)
    return f"[rctrack] {release.project} {_name(release)} out" + (f": {said}" if said else "")


def release_text(
    name: str,
    release: Release,
    before: Release | None,
    health: Sequence[wording.SourceHealth],
    reader: wording.Reader,
    expected: str = "",
) -> str:
    """The alert of a new release; lines of at most 72. `expected` says what comes next, in words."""
    parts = [
        _verdict(name, release),
        _doubts(release),
        wording.facts(_timeline_facts(release, reader.zone)),
        wording.facts(_size_facts(release, before)),
        wording.fill(where(release)),
        wording.links(release, before),
        wording.fill(f"Next: {expected}") if expected else "",
        wording.sources(health),
        wording.footer(name, reader),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def digest_subject(projects: Sequence[ProjectSummary], since: datetime, until: datetime) -> str:
    """What came in the period, in numbers."""
    number = sum(len(project.came) for project in projects)
    releases = "no release" if number == 0 else "1 release" if number == 1 else f"{number} releases"
    return f"[rctrack] digest {since:%-d %b} to {until:%-d %b %Y}: {releases}"


def digest_text(
    projects: Sequence[ProjectSummary], since: datetime, until: datetime, notes: Sequence[str], reader: wording.Reader
) -> str:
    """The summary of a period; lines of at most 72."""
    number = sum(len(project.came) for project in projects)
    verdict = "Nothing was released" if number == 0 else f"{number} release{'s' if number > 1 else ''} came"
    parts = [
        wording.fill(f"{verdict} from {wording.moment(since, reader.zone)} to {wording.moment(until, reader.zone)}.")
    ]
    for project in projects:
        lines = [
            wording.fill(project.name),
            *(f"  {line}" for release in project.came for line in _digest_lines(release)),
        ]
        if not project.came:
            newest = f"; newest is {_standing(project.newest, until)}" if project.newest else ""
            lines += wording.hanging(f"nothing new{newest}", "  ", "  ")
        lines += [line for each in project.late for line in wording.hanging(each, "  ", "    ")]
        lines += wording.hanging(f"next: {project.expected}", "  ", "    ") if project.expected else []
        parts.append("\n".join(lines))
    parts.append(wording.sources([each for project in projects for each in project.health]))
    parts.append("\n".join(wording.fill(note) for note in notes))
    parts.append(wording.footer(", ".join(project.name for project in projects), reader))
    return "\n\n".join(part for part in parts if part) + "\n"


def digest_due(
    weekday: int | None, hour: int, minute: int, zone: tzinfo, after: datetime, now: datetime
) -> datetime | None:
    """The newest time at which a digest was due since `after`, None if there was none; asleep or not."""
    day = now.astimezone(zone).date()
    for _ in range(8):
        due = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).astimezone(UTC)
        if due <= now and weekday in (None, day.weekday()):
            return due if due > after else None
        day -= timedelta(days=1)
    return None


def _name(release: Release) -> str:
    return release.tag or f"v{release.version.text}"


def _verdict(name: str, release: Release) -> str:
    made_at = release.made_at
    if made_at is None:
        return wording.fill(f"{name} {_name(release)} is out; when it was made is not known.")
    lateness = release.first_seen_at - made_at
    how = "tagged" if release.tagged else "announced"
    if lateness > SEEN_LATE:
        said = f"It was {how} on {made_at:%a %-d %b %Y} and is seen late, {wording.duration(lateness)} after."
        return wording.fill(f"{name} {_name(release)} is out. {said}")
    return wording.fill(f"{name} {_name(release)} is out: {how} {made_at:%a %-d %b %Y %H:%M} UTC.")


def _doubts(release: Release) -> str:
    """What speaks against the release, if anything."""
    doubts = [f"Note: {mail.contradiction}." for mail in release.announcements if mail.contradiction]
    if Flag.WITHDRAWN in release.flags:
        doubts.append(f"Withdrawn: the tag {release.tag} is not to be used or is gone.")
    if Flag.UNCONFIRMED in release.flags:
        doubts.append("Unconfirmed: so far only this mail says so. No tag supports it, and this project tags.")
    if Flag.UNSIGNED in release.flags:
        doubts.append("Unsigned: this project's tags are expected to be signed, and this one is not.")
    if Flag.BAD_SIGNATURE in release.flags and release.signature:
        is_whole = release.signature.signature is Signature.UNKNOWN
        wrong = "it is not by a key that is expected" if is_whole else "it does not stand up"
        doubts.append(f"Bad signature: the tag is signed, and {wrong}.")
    if Flag.GAP in release.flags and release.previous:
        doubts.append(f"A number was skipped: between {release.previous.text} and this nothing is known.")
    if Flag.EXTRA in release.flags:
        doubts.append("Extra: this cycle has more candidates than this project usually makes.")
    return "\n".join(map(wording.fill, dict.fromkeys(doubts)))


def _timeline_facts(release: Release, zone: tzinfo) -> list[tuple[str, str, str]]:
    tagged, announced, delivered = release.tagged, release.announced, release.delivered
    return [
        ("Tagged", wording.at(tagged, zone), ""),
        ("Announced", wording.at(announced, zone), wording.gap(tagged, announced, "the tag")),
        ("Delivered", wording.at(delivered, zone), wording.gap(announced, delivered, "the mail's Date")),
        ("Archived", wording.at(release.archived, zone), wording.gap(delivered, release.archived, "delivery")),
        ("First seen", wording.moment(release.first_seen_at, zone), "by rctrack"),
    ]


def _size_facts(release: Release, before: Release | None) -> list[tuple[str, str, str]]:
    follows = ""
    if before is not None:
        gap = release.tagged.at - before.tagged.at if release.tagged and before.tagged else None
        follows = _name(before) + (f", made {wording.duration(gap)} before" if gap and gap > timedelta(0) else "")
    counted = ""
    if release.commits is not None:
        counted = commits(release)
    elif release.commits_announced is not None:
        counted = f"{release.commits_announced} (as announced; not counted yet)"
    elif release.previous is not None:
        counted = "not counted yet"
    return [
        ("Follows", follows, ""),
        ("Commits", counted, ""),
        ("Authors", authors(release), ""),
        ("Commit", release.commit or "", ""),
    ]


def authors(release: Release) -> str:
    """The authors in words: "118, 12 for the first time"; empty where they were not read."""
    if release.authors is None:
        return ""
    first = "" if release.first_time_authors is None else f", {release.first_time_authors} for the first time"
    return f"{release.authors}{first}"


def commits(release: Release) -> str:
    """The counted commits in words: "1521, 1194 without merges"."""
    merges = (
        "no merges" if release.commits == release.commits_no_merges else f"{release.commits_no_merges} without merges"
    )
    return f"{release.commits}, {merges}"


def where(release: Release) -> str:
    """Which host had the tag first, as far as our looks prove it, or that only a mirror has it; empty else."""
    if release.is_on_mirrors_only:
        host = release.tags[0].sighting.source.partition(" ")[2]
        return f"Only a mirror has the tag so far, and it is tracked from there: {host}"
    if release.first_at is not None:
        return f"The tag was first at {release.first_at.partition(' ')[2]}"
    return ""


def _digest_lines(release: Release) -> list[str]:
    made_at = release.made_at
    facts = [f"{made_at:%a %-d %b %H:%M} UTC" if made_at else "", _count_words(release), _announced_words(release)]
    facts += [flag for flag in (Flag.RETAGGED, *_TOLD) if flag in release.flags]
    return wording.hanging(
        f"{_name(release)}: " + ", ".join(fact for fact in facts if fact), "", "  ", wording.WIDTH - 2
    )


def _standing(release: Release, now: datetime) -> str:
    made_at = release.made_at
    return _name(release) + (f" of {made_at:%-d %b %Y}, {wording.duration(now - made_at)} ago" if made_at else "")


def _count_words(release: Release) -> str:
    number = release.commits if release.commits is not None else release.commits_announced
    if number is None:
        return ""
    said = "1 commit" if number == 1 else f"{number} commits"
    return said if release.commits is not None else f"{said} by its mail"


def _announced_words(release: Release) -> str:
    if release.announced and release.tagged:
        return f"announced {wording.signed(release.announced.at - release.tagged.at)}"
    if release.announced:
        return "announced, no tag seen yet"
    return ""

"""The fold: observations -> releases (DESIGN section 2). The same for any order, partition and repetition of them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from rctrack.core.corrections import as_meant, written_at
from rctrack.core.evidence import (
    Commit,
    CountEvidence,
    Instant,
    ObjectId,
    ProjectId,
    Sighting,
    Signature,
    SignatureEvidence,
    SourceId,
    Station,
)
from rctrack.core.release import (
    Absence,
    Announcement,
    Flag,
    Observation,
    Precision,
    Release,
    StationObservation,
    TagObservation,
    TimelineEntry,
)
from rctrack.core.rules import ProjectRules
from rctrack.core.tag_changes import changes_of, first_host
from rctrack.core.version import Stage, Version, VersionId, all_previous

Counts = Mapping[tuple[Commit, Commit], CountEvidence]
"""By (base, commit)."""

AHEAD = timedelta(hours=1)
"""What is dated further ahead of our sight is not believed: clocks differ by minutes."""
BEFORE_ITS_TAG = timedelta(hours=2)
"""A mail may be the announcement of a tag that is so much younger: some are written first and tagged then."""

_NEVER = datetime.min.replace(tzinfo=UTC)
_FOREVER = datetime.max.replace(tzinfo=UTC)
_OF_SIGNATURE = {
    Signature.BAD: Flag.BAD_SIGNATURE,
    Signature.UNKNOWN: Flag.BAD_SIGNATURE,
    Signature.UNSIGNED: Flag.UNSIGNED,
}


@dataclass(frozen=True, slots=True)
class Lineage:
    """The tag that counts of each version, and the version that each tagged one follows."""

    tags: Mapping[VersionId, TagObservation]
    previous: Mapping[Version, Version | None]

    def base(self, tag: TagObservation) -> TagObservation | None:
        """The tag of the release before; None where there is none."""
        before = self.previous.get(tag.version)
        return self.tags[before.id] if before else None


def line_up(rules: ProjectRules, tags: Iterable[TagObservation]) -> Lineage:
    """Chooses one tag of each version and finds what it follows: all that has to be known to ask for counts."""
    by_version: defaultdict[VersionId, list[TagObservation]] = defaultdict(list)
    for tag in tags:
        by_version[tag.version.id].append(tag)
    chosen = {key: _choose_tag(rules, shown) for key, shown in by_version.items()}
    return Lineage(chosen, all_previous((tag.version for tag in chosen.values()), rules.feature_parts))


def fold(
    project: ProjectId,
    rules: ProjectRules,
    observations: Iterable[Observation],
    counts: Counts,
    signatures: Mapping[ObjectId, SignatureEvidence] | None = None,
    extras: Collection[VersionId] = (),
) -> dict[VersionId, Release]:
    """The releases that the observations amount to, ascending; `extras` are more candidates than usual."""
    tags: defaultdict[VersionId, list[TagObservation]] = defaultdict(list)
    mails: defaultdict[VersionId, list[Announcement]] = defaultdict(list)
    absences: defaultdict[VersionId, list[Absence]] = defaultdict(list)
    stations: defaultdict[VersionId, list[StationObservation]] = defaultdict(list)
    first = list(_first_sightings(observations))
    for observation in first:
        if isinstance(observation, TagObservation):
            tags[observation.version.id].append(observation)
        elif isinstance(observation, Absence):
            absences[observation.version.id].append(observation)
        elif isinstance(observation, StationObservation):
            stations[observation.version.id].append(observation)
    for mail in as_meant([each for each in first if isinstance(each, Announcement)], tags):
        for version in mail.versions:
            mails[version.id].append(mail)
    lineage = line_up(rules, (tag for shown in tags.values() for tag in shown))
    releases = []
    for key in tags.keys() | mails.keys():
        release = _release(project, key, rules, lineage, tags[key], mails[key], counts)
        release = _with_stations(_with_changes(rules, release, absences[key]), stations[key])
        releases.append(_with_gap(_with_signature(release, signatures or {})))
    return flagged(_with_cycles(sorted(releases, key=lambda release: release.version)), Flag.EXTRA, extras)


def flagged(
    releases: Mapping[VersionId, Release], flag: Flag, which: Collection[VersionId]
) -> dict[VersionId, Release]:
    """The same releases, those of these versions with one more flag."""
    return {
        key: replace(release, flags=release.flags | {flag}) if key in which else release
        for key, release in releases.items()
    }


# --- What counts of what was seen ------------------------------------------------------------------


def _first_sightings(observations: Iterable[Observation]) -> Iterable[Observation]:
    """Each observation once per source and observer, as it was first seen; of absences every look counts."""
    first: dict[Observation, Observation] = {}
    for observation in observations:
        sighting = observation.sighting
        if isinstance(observation, Absence):
            first[observation] = observation
            continue
        timeless = replace(observation, sighting=Sighting(sighting.source, _NEVER, None, sighting.observer))
        known = first.setdefault(timeless, observation)
        if _sighting_order(sighting) < _sighting_order(known.sighting):
            first[timeless] = observation
    return first.values()


def _sighting_order(sighting: Sighting) -> tuple[datetime, datetime, bool]:
    return (sighting.seen_at, sighting.not_seen_at or _NEVER, sighting.is_undated)


def _choose_tag(rules: ProjectRules, shown: list[TagObservation]) -> TagObservation:
    """The tag that counts where hosts differ or it moved: the project's own host first, then what was seen first."""
    first = min(shown, key=lambda tag: (tag.sighting.source not in rules.primaries, _tag_order(tag)))
    dated = (tag for tag in shown if tag.object_id == first.object_id and tag.tagged)
    return first if first.tagged else min(dated, key=_tag_order, default=first)


def _tag_order(tag: TagObservation) -> tuple[datetime, str, str, str, str, datetime]:
    """Total: what is equal in it is the same observation."""
    tagged_at = tag.tagged.at if tag.tagged else _FOREVER
    sighting = tag.sighting
    return (sighting.seen_at, sighting.source, sighting.observer, tag.tag, tag.object_id, tagged_at)


def announcement_of(mails: Sequence[Announcement], tagged_at: datetime | None) -> Announcement | None:
    """The mail that announces the release, of those that name it, which are in order.

    The first that reached the list at or after the tag's date, else the nearest one shortly before it, else none: a
    mail of days before may be a promise, or a forgery. Without a dated tag the first one.
    """
    if tagged_at is None:
        return mails[0] if mails else None
    later = [mail for mail in mails if _received_at(mail) >= tagged_at]
    if later:
        return min(later, key=_received_at)
    near = [mail for mail in mails if tagged_at - _received_at(mail) <= BEFORE_ITS_TAG]
    return max(near, key=_received_at, default=None)


def _received_at(mail: Announcement) -> datetime:
    """When the list had it; by the Date header where nothing else tells and our sight does not refute it."""
    if mail.delivered is not None:
        return mail.delivered.at
    return _believed(written_at(mail), mail.sighting.seen_at)


def _believed(at: datetime, seen_at: datetime) -> datetime:
    return seen_at if at > seen_at + AHEAD else at


def _mail_order(mail: Announcement) -> tuple[bool, datetime, str, str, datetime, datetime, datetime, str, int, str]:
    """By Date; total, since an archive may hold a mail twice with other Received headers."""
    return (
        mail.announced is None,
        written_at(mail),
        mail.message_id,
        mail.sighting.source,
        mail.delivered.at if mail.delivered else _FOREVER,
        mail.archived.at if mail.archived else _FOREVER,
        mail.sighting.seen_at,
        mail.subject,
        -1 if mail.commits_announced is None else mail.commits_announced,
        mail.url or "",
    )


# --- One release -----------------------------------------------------------------------------------


def _release(
    project: ProjectId,
    key: VersionId,
    rules: ProjectRules,
    lineage: Lineage,
    tags: list[TagObservation],
    mails: list[Announcement],
    counts: Counts,
) -> Release:
    mails = sorted(mails, key=_mail_order)
    tag = lineage.tags.get(key)
    before = lineage.base(tag) if tag else None
    tagged = tag.tagged if tag else None
    announcement = announcement_of(mails, tagged.at if tagged else None)
    copies = [mail for mail in mails if announcement and mail.message_id == announcement.message_id]
    count = counts.get((before.commit, tag.commit)) if tag and before else None
    made_at, is_misdated = _made_at(tagged, tags, announcement or next(iter(mails), None))
    sightings = [*(each.sighting for each in tags), *(mail.sighting for mail in mails)]
    version = tag.version if tag else _version_of(key, mails)
    return Release(
        project=project,
        version=version,
        name=tag.tag if tag else _spelled(rules, lineage, version),
        cycle="",
        tag=tag.tag if tag else None,
        object_id=tag.object_id if tag else None,
        commit=tag.commit if tag else None,
        previous=before.version if before else None,
        previous_commit=before.commit if before else None,
        tagged=tagged,
        announced=announcement.announced if announcement else None,
        delivered=min((mail.delivered for mail in copies if mail.delivered), default=None),
        archived=_archived(announcement) if announcement else None,
        first_seen_at=min(sighting.seen_at for sighting in sightings),
        commits=count.commits if count else None,
        commits_no_merges=count.commits_no_merges if count else None,
        authors=count.authors if count else None,
        first_time_authors=count.first_time_authors if count else None,
        commits_announced=next(_commits_announced(mails), None),
        message_id=announcement.message_id if announcement else None,
        url=next((mail.url for mail in copies if mail.url), None),
        flags=frozenset(),
        timeline=_timeline(tag, tags, mails),
        announcements=tuple(mails),
        tags=tuple(sorted(tags, key=_tag_order)),
        made_at=made_at,
        is_misdated=is_misdated,
    )


def _spelled(rules: ProjectRules, lineage: Lineage, version: Version) -> str:
    """The version as its tag would be called, where the project tags at all."""
    if not lineage.tags or version.dated or not rules.tag_templates:
        return version.text
    return rules.tag_templates[0].replace("{version}", version.text)


def _made_at(
    tagged: Instant | None, tags: Sequence[TagObservation], mail: Announcement | None
) -> tuple[datetime | None, bool]:
    """When it was made, and whether its own date is not believed: nobody from the future is."""
    if tagged is not None:
        shown_at = min(tag.sighting.seen_at for tag in tags)
        return (tagged.at, False) if tagged.at <= shown_at + AHEAD else (shown_at, True)
    if mail is None or mail.announced is None:
        return None, False
    received_at = mail.delivered.at if mail.delivered else mail.sighting.seen_at
    believable = min(received_at, mail.sighting.seen_at) + AHEAD
    if mail.announced.at <= believable:
        return mail.announced.at, False
    return _believed(received_at, mail.sighting.seen_at), True


def _commits_announced(mails: list[Announcement]) -> Iterator[int]:
    """What the mails that announce this version alone state."""
    for mail in mails:
        if mail.commits_announced is not None and len(mail.versions) == 1:
            yield mail.commits_announced


def _version_of(key: VersionId, mails: list[Announcement]) -> Version:
    return next(version for version in mails[0].versions if version.id == key)


def _archived(mail: Announcement) -> Instant | None:
    if mail.archived is not None:
        return mail.archived
    return Instant(mail.sighting.seen_at) if mail.sighting.not_seen_at else None


def _with_stations(release: Release, stations: list[StationObservation]) -> Release:
    """With what the project's site says of it; a site alone makes no release, it only says more of one."""
    if not stations:
        return release
    entries = [_station_entry(each) for each in stations]
    timeline = tuple(sorted((*release.timeline, *entries), key=_entry_order))
    # Of a tag that moved each push is in the timeline; the one that counts is that of the tag that counts.
    pushes = [
        entry.at
        for entry in timeline
        if entry.station is Station.PUSHED and (release.object_id is None or entry.evidence == release.object_id)
    ]
    listings = [entry.at for entry in timeline if entry.station is Station.LISTED and entry.at]
    return replace(release, timeline=timeline, pushed=next(iter(pushes), None), listed=next(iter(listings), None))


def _with_signature(release: Release, signatures: Mapping[ObjectId, SignatureEvidence]) -> Release:
    signature = signatures.get(release.object_id) if release.object_id else None
    if signature is None:
        return release
    flag = _OF_SIGNATURE.get(signature.signature)
    return replace(release, signature=signature, flags=release.flags | ({flag} if flag else set()))


def _with_gap(release: Release) -> Release:
    """Flagged where a number was skipped: rc4 that follows rc2, or a first candidate that is rc2 or later."""
    version, before = release.version, release.previous
    if before is None or version.stage is not Stage.RC:
        return release
    is_same = (before.numbers, before.letter, before.stage) == (version.numbers, version.letter, version.stage)
    is_gap = version.candidate > (before.candidate + 1 if is_same else 1)
    return replace(release, flags=release.flags | {Flag.GAP}) if is_gap else release


def _with_changes(rules: ProjectRules, release: Release, absences: list[Absence]) -> Release:
    """With what its tags say about each other: changes and their flags, and who had it first."""
    if not release.tags:
        return release
    changes = changes_of(rules, release.tags, absences)
    first_looks: dict[SourceId, Sighting] = {}
    for tag in release.tags:
        first_looks.setdefault(tag.sighting.source, tag.sighting)
    return replace(
        release,
        changes=changes,
        flags=release.flags | {change.flag for change in changes},
        first_at=first_host(first_looks),
        is_on_mirrors_only=bool(rules.primaries) and rules.primaries.isdisjoint(first_looks),
    )


def _with_cycles(releases: list[Release]) -> dict[VersionId, Release]:
    """The longest spelling of a cycle's name wins, so that 1.9-rc0 and 1.9.0 are in one cycle."""
    spelled: dict[VersionId, str] = {}
    for release in releases:
        key, base = release.version.cycle_id, release.version.base
        spelled[key] = max(spelled.get(key, ""), base, key=lambda name: (len(name), name))
    return {
        release.version.id: replace(release, cycle=None if release.version.dated else spelled[release.version.cycle_id])
        for release in releases
    }


# --- Its timeline ----------------------------------------------------------------------------------


def _timeline(
    tag: TagObservation | None, tags: list[TagObservation], mails: list[Announcement]
) -> tuple[TimelineEntry, ...]:
    entries = []
    # Once some host has dated it, it was tagged: also where the tag that counts now is another, not dated yet.
    dated = tag if tag and tag.tagged else min((each for each in tags if each.tagged), key=_tag_order, default=None)
    if dated and dated.tagged:
        source = dated.sighting.source
        entries.append(TimelineEntry(Station.TAGGED, dated.tagged, None, Precision.SECOND, source, dated.object_id))
    first_look: dict[SourceId, TagObservation] = {}
    for shown in sorted(tags, key=_tag_order):
        first_look.setdefault(shown.sighting.source, shown)
    for source, shown in first_look.items():
        after = shown.sighting.not_seen_at
        at = Instant(shown.sighting.seen_at) if after else None
        entries.append(TimelineEntry(Station.VISIBLE, at, after, Precision.BETWEEN, source, shown.object_id))
    for mail in mails:
        entries += _mail_entries(mail)
    return tuple(sorted(entries, key=_entry_order))


def _mail_entries(mail: Announcement) -> Iterator[TimelineEntry]:
    source, key = mail.sighting.source, mail.message_id
    known = {Station.ANNOUNCED: mail.announced, Station.DELIVERED: mail.delivered, Station.ARCHIVED: mail.archived}
    for station, instant in known.items():
        if instant is not None:
            yield TimelineEntry(station, instant, None, Precision.SECOND, source, key)
    if mail.archived is None and (archived := _archived(mail)) is not None:
        after = mail.sighting.not_seen_at
        yield TimelineEntry(Station.ARCHIVED, archived, after, Precision.BETWEEN, source, key)


def _station_entry(observation: StationObservation) -> TimelineEntry:
    """By the site's clock; where it has none, between our looks."""
    source, after = observation.sighting.source, observation.sighting.not_seen_at
    station, key = observation.station, observation.key
    if observation.at is not None:
        return TimelineEntry(station, observation.at, None, Precision.SECOND, source, key)
    at = Instant(observation.sighting.seen_at) if after else None
    return TimelineEntry(station, at, after, Precision.BETWEEN, source, key)


def _entry_order(entry: TimelineEntry) -> tuple[bool, datetime, int, str, str]:
    stations = list(Station)
    moment = entry.at.at if entry.at else _FOREVER
    return (entry.at is None, moment, stations.index(entry.station), entry.source, entry.evidence)

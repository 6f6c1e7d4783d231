"""The fold: observations -> releases, and what changed between two folds as events (DESIGN section 2)."""

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
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
    Event,
    Flag,
    Observation,
    Precision,
    Release,
    StationObservation,
    Stop,
    TagObservation,
)
from rctrack.core.rules import ProjectRules
from rctrack.core.tag_changes import changes_of, first_host
from rctrack.core.version import Stage, Version, VersionId, all_previous

Counts = Mapping[tuple[Commit, Commit], CountEvidence]
"""By (base, commit)."""

_NEVER = datetime.min.replace(tzinfo=UTC)
_FOREVER = datetime.max.replace(tzinfo=UTC)

_OF_SIGNATURE = {
    Signature.BAD: Flag.BAD_SIGNATURE,
    Signature.UNKNOWN: Flag.BAD_SIGNATURE,
    Signature.UNSIGNED: Flag.UNSIGNED,
}

FRESH = timedelta(days=14)
"""Older than this when first seen, a release goes to the digest only (DESIGN section 6)."""
HABIT_OF, HABIT_FROM, HABIT_SHARE = 20, 5, 0.8
"""A habit is what this share of the last so many releases of a kind had, once so many are known (DESIGN section 2)."""


def fold(
    project: ProjectId,
    rules: ProjectRules,
    observations: Iterable[Observation],
    counts: Counts,
    signatures: Mapping[ObjectId, SignatureEvidence] | None = None,
) -> dict[VersionId, Release]:
    """The releases that the observations amount to, ascending; the same for any order and repetition of them."""
    tags: defaultdict[VersionId, list[TagObservation]] = defaultdict(list)
    mails: defaultdict[VersionId, list[Announcement]] = defaultdict(list)
    absences: defaultdict[VersionId, list[Absence]] = defaultdict(list)
    stations: defaultdict[VersionId, list[StationObservation]] = defaultdict(list)
    seen = list(_first_sightings(observations))
    for observation in seen:
        if isinstance(observation, TagObservation):
            tags[observation.version.id].append(observation)
        elif isinstance(observation, Absence):
            absences[observation.version.id].append(observation)
        elif isinstance(observation, StationObservation):
            stations[observation.version.id].append(observation)
    for mail in as_meant([each for each in seen if isinstance(each, Announcement)], tags):
        for version in mail.versions:
            mails[version.id].append(mail)
    chosen = {key: _choose_tag(rules, seen) for key, seen in tags.items()}
    versions = {tag.version: tag for tag in chosen.values()}
    precedes = all_previous(versions, rules.feature_parts)
    releases = []
    for key in tags.keys() | mails.keys():
        tag = chosen.get(key)
        follows = precedes[tag.version] if tag else None
        before = versions[follows] if follows else None
        release = _release(project, key, tag, before, tags[key], mails[key], counts)
        releases.append(_with_stations(_with_identity(rules, release, absences[key]), stations[key]))
    signed = [_with_gap(_with_signature(release, signatures or {})) for release in releases]
    return _with_doubts(rules, _with_cycles(sorted(signed, key=lambda release: release.version)))


def _with_stations(release: Release, stations: list[StationObservation]) -> Release:
    """With what the project's site says of it; a site alone makes no release, it only says more of one."""
    if not stations:
        return release
    stops = [_station_stop(each) for each in stations]
    timeline = tuple(sorted((*release.timeline, *stops), key=_stop_order))
    # Of a tag that moved each push is in the timeline; the one that counts is that of the tag that counts.
    pushes = [
        each.at
        for each in timeline
        if each.station is Station.PUSHED and (release.object_id is None or each.evidence == release.object_id)
    ]
    listings = [each.at for each in timeline if each.station is Station.LISTED and each.at]
    return replace(release, timeline=timeline, pushed=next(iter(pushes), None), listed=next(iter(listings), None))


def _station_stop(seen: StationObservation) -> Stop:
    """By the site's clock; where it has none, between our looks."""
    source, after = seen.sighting.source, seen.sighting.not_seen_at
    if seen.at is not None:
        return Stop(seen.station, seen.at, None, Precision.SECOND, source, seen.key)
    at = Instant(seen.sighting.seen_at) if after else None
    return Stop(seen.station, at, after, Precision.BETWEEN, source, seen.key)


def _with_signature(release: Release, signatures: Mapping[ObjectId, SignatureEvidence]) -> Release:
    found = signatures.get(release.object_id) if release.object_id else None
    if found is None:
        return release
    flag = _OF_SIGNATURE.get(found.signature)
    return replace(release, signature=found, flags=release.flags | ({flag} if flag else set()))


def _with_gap(release: Release) -> Release:
    """Flagged where a number was skipped: rc4 that follows rc2, or a first candidate that is rc2 or later."""
    version, before = release.version, release.previous
    if before is None or version.stage is not Stage.RC:
        return release
    is_same = (before.numbers, before.letter, before.stage) == (version.numbers, version.letter, version.stage)
    is_gap = version.candidate > (before.candidate + 1 if is_same else 1)
    return replace(release, flags=release.flags | {Flag.GAP}) if is_gap else release


def _with_identity(rules: ProjectRules, release: Release, absences: list[Absence]) -> Release:
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
        flags=release.flags | {each.flag for each in changes},
        first_at=first_host(first_looks),
        is_on_mirrors_only=bool(rules.primaries) and rules.primaries.isdisjoint(first_looks),
    )


def events_of(release: Release) -> dict[str, Event]:
    """The stations that a release has reached and the changes of its tags, as events by station."""
    changes = {
        each.station: Event(release.project, release.version.id, each.station, each.seen_at) for each in release.changes
    }
    return changes | {
        station: Event(release.project, release.version.id, station, stop.at.at if stop.at else None)
        for stop in reversed(release.timeline)
        for station in [f"{stop.station} {stop.source}" if stop.station is Station.VISIBLE else str(stop.station)]
    }


def difference(known: Collection[tuple[VersionId, str]], after: Mapping[VersionId, Release]) -> list[Event]:
    """What has happened since: each station that a release has now and that is not among the known ones."""
    events = [event for release in after.values() for event in events_of(release).values()]
    return [event for event in events if (event.version, event.station) not in known]


def to_alert(known: Collection[VersionId], after: Mapping[VersionId, Release], now: datetime) -> list[Release]:
    """The new releases that are worth a mail at once; the others wait for the digest."""
    return [release for key, release in after.items() if key not in known and _is_news(release, now)]


def wanted_counts(releases: Mapping[VersionId, Release], counts: Counts, *, all_history: bool) -> list[Release]:
    """The releases whose count or tag date is still missing; without `all_history` only what is or was news."""
    newest = max((release.version for release in releases.values() if release.commit), default=None)
    return [
        release
        for release in releases.values()
        if release.commit
        and (all_history or release.version.cycle_id == (newest and newest.cycle_id) or release.was_watched)
        and ((release.tagged is None and not all_history) or _lacks_count(release, counts, all_history=all_history))
    ]


def _lacks_count(release: Release, counts: Counts, *, all_history: bool) -> bool:
    """Also where a range alone was counted and the whole history has become known since."""
    base, commit = release.previous_commit, release.commit
    if base is None or commit is None:
        return False
    count = counts.get((base, commit))
    return count is None or (all_history and count.authors is not None and count.first_time_authors is None)


def _is_news(release: Release, now: datetime) -> bool:
    made_at = release.made_at
    return release.was_watched or (made_at is not None and now - made_at <= FRESH)


def _first_sightings(observations: Iterable[Observation]) -> Iterable[Observation]:
    """Each observation once per source, as it was first seen there; of absences every look counts."""
    first: dict[Observation, Observation] = {}
    for observation in observations:
        sighting = observation.sighting
        if isinstance(observation, Absence):
            first[observation] = observation
            continue
        unseen = replace(observation, sighting=replace(sighting, seen_at=_NEVER, not_seen_at=None))
        known = first.setdefault(unseen, observation)
        if _sighting_order(sighting) < _sighting_order(known.sighting):
            first[unseen] = observation
    return first.values()


def _sighting_order(sighting: Sighting) -> tuple[datetime, datetime]:
    return (sighting.seen_at, sighting.not_seen_at or _NEVER)


def _choose_tag(rules: ProjectRules, seen: list[TagObservation]) -> TagObservation:
    """The tag that counts where hosts differ or it moved: the project's own host first, then what was seen first."""
    first = min(seen, key=lambda tag: (tag.sighting.source not in rules.primaries, _tag_order(tag)))
    dated = (tag for tag in seen if tag.object_id == first.object_id and tag.tagged)
    return first if first.tagged else min(dated, key=_tag_order, default=first)


def _tag_order(tag: TagObservation) -> tuple[datetime, str, str, str, datetime]:
    """Total: what is equal in it is the same observation."""
    tagged_at = tag.tagged.at if tag.tagged else _FOREVER
    return (tag.sighting.seen_at, tag.sighting.source, tag.tag, tag.object_id, tagged_at)


def _release(
    project: ProjectId,
    key: VersionId,
    tag: TagObservation | None,
    before: TagObservation | None,
    tags: list[TagObservation],
    mails: list[Announcement],
    counts: Counts,
) -> Release:
    mails = sorted(mails, key=_mail_order)
    first = mails[0] if mails else None
    delivered = [mail.delivered for mail in mails if first and mail.message_id == first.message_id and mail.delivered]
    count = counts.get((before.commit, tag.commit)) if tag and before else None
    seen_at = [tag.sighting.seen_at for tag in tags] + [mail.sighting.seen_at for mail in mails]
    return Release(
        project=project,
        version=tag.version if tag else _version_of(key, mails),
        cycle="",
        tag=tag.tag if tag else None,
        object_id=tag.object_id if tag else None,
        commit=tag.commit if tag else None,
        previous=before.version if before else None,
        previous_commit=before.commit if before else None,
        tagged=tag.tagged if tag else None,
        announced=first.announced if first else None,
        delivered=min(delivered, default=None),
        archived=_archived(first) if first else None,
        first_seen_at=min(seen_at),
        commits=count.commits if count else None,
        commits_no_merges=count.commits_no_merges if count else None,
        authors=count.authors if count else None,
        first_time_authors=count.first_time_authors if count else None,
        commits_announced=next(_commits_announced(mails), None),
        message_id=first.message_id if first else None,
        url=next((mail.url for mail in mails if first and mail.message_id == first.message_id and mail.url), None),
        flags=frozenset(),
        timeline=_timeline(tag, tags, mails),
        announcements=tuple(mails),
        tags=tuple(sorted(tags, key=_tag_order)),
    )


def _commits_announced(mails: list[Announcement]) -> Iterator[int]:
    """What the mails that announce this version alone state."""
    for mail in mails:
        if mail.commits_announced is not None and len(mail.versions) == 1:
            yield mail.commits_announced


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


def _version_of(key: VersionId, mails: list[Announcement]) -> Version:
    return next(version for version in mails[0].versions if version.id == key)


def _archived(mail: Announcement) -> Instant | None:
    if mail.archived is not None:
        return mail.archived
    return Instant(mail.sighting.seen_at) if mail.sighting.not_seen_at else None


def _timeline(tag: TagObservation | None, tags: list[TagObservation], mails: list[Announcement]) -> tuple[Stop, ...]:
    stops = []
    # Once some host has dated it, it was tagged: also where the tag that counts now is another, not dated yet.
    dated = tag if tag and tag.tagged else min((each for each in tags if each.tagged), key=_tag_order, default=None)
    if dated and dated.tagged:
        stops.append(Stop(Station.TAGGED, dated.tagged, None, Precision.SECOND, dated.sighting.source, dated.object_id))
    first_look: dict[SourceId, TagObservation] = {}
    for seen in sorted(tags, key=_tag_order):
        first_look.setdefault(seen.sighting.source, seen)
    for source, seen in first_look.items():
        after = seen.sighting.not_seen_at
        at = Instant(seen.sighting.seen_at) if after else None
        stops.append(Stop(Station.VISIBLE, at, after, Precision.BETWEEN, source, seen.object_id))
    for mail in mails:
        stops += _mail_stops(mail)
    return tuple(sorted(stops, key=_stop_order))


def _mail_stops(mail: Announcement) -> list[Stop]:
    source, key = mail.sighting.source, mail.message_id
    stops = []
    if mail.announced:
        stops.append(Stop(Station.ANNOUNCED, mail.announced, None, Precision.SECOND, source, key))
    if mail.delivered:
        stops.append(Stop(Station.DELIVERED, mail.delivered, None, Precision.SECOND, source, key))
    if mail.archived:
        stops.append(Stop(Station.ARCHIVED, mail.archived, None, Precision.SECOND, source, key))
    elif archived := _archived(mail):
        stops.append(Stop(Station.ARCHIVED, archived, mail.sighting.not_seen_at, Precision.BETWEEN, source, key))
    return stops


def _stop_order(stop: Stop) -> tuple[bool, datetime, int, str, str]:
    stations = list(Station)
    moment = stop.at.at if stop.at else _FOREVER
    return (stop.at is None, moment, stations.index(stop.station), stop.source, stop.evidence)


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


def _with_doubts(rules: ProjectRules, releases: dict[VersionId, Release]) -> dict[VersionId, Release]:
    """Flags the mails that no tag supports where one is to be expected: anyone can write a From line."""
    told = dict(releases)
    for is_final in (True, False):
        tagged: deque[bool] = deque(maxlen=HABIT_OF)
        for key, release in releases.items():
            if release.version.is_final is not is_final:
                continue
            if release.tags or _is_on_site(release) or not _is_habit(rules, tagged):
                tagged.append(bool(release.tags))
            else:
                told[key] = replace(release, flags=release.flags | {Flag.UNCONFIRMED})
    return told


def _is_on_site(release: Release) -> bool:
    """Whether the project's own site speaks of it, which nobody does by writing a From line."""
    return any(stop.station in (Station.PUSHED, Station.LISTED) for stop in release.timeline)


def _is_habit(rules: ProjectRules, tagged: Collection[bool]) -> bool:
    """Whether a tag is to be expected, by the project's file or by the releases before."""
    return "tag" in rules.expects or (len(tagged) >= HABIT_FROM and sum(tagged) >= HABIT_SHARE * len(tagged))

"""History as it would have been seen: a clock that ticks through the real pipeline, with sources that are recorded."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from rctrack import hosts, pipeline
from rctrack.config import Config, ListConfig, ListingConfig, ProjectConfig, SourceConfig, TagsConfig, shipped
from rctrack.config.recording import Down, Feed, Recording
from rctrack.core.evidence import Evidence, SourceId
from rctrack.core.hosts import Outage, OutageKind
from rctrack.core.lateness import Delay
from rctrack.core.look import host_of
from rctrack.outlook import Outlook
from rctrack.pipeline import Turn
from rctrack.send import Notifier
from rctrack.sources import Source, Tools
from rctrack.sources.mails import delivery_of
from rctrack.sources.recorded import Recorded
from rctrack.store import Store

STEP = timedelta(minutes=150)
"""Between two looks while nothing happens; longer would be a hole in our knowledge."""
QUARTER = timedelta(minutes=15)
"""Looks come on the quarter of an hour, as a daemon's do."""
SETTLED = timedelta(hours=3)
"""So long after a source began to answer otherwise, every look may change what is said of its host."""
CLOSE = 5
"""So many looks follow close on what happens: it takes several to say that a host is out or back."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the record says at the end."""

    delays: tuple[Delay, ...]
    outages: tuple[tuple[Outage, str], ...]
    """Of this time, each with who tells of it: looks or mails."""
    ticks: int


def recorded(stored: Store, project: ProjectConfig, begin: datetime, end: datetime) -> Recording:
    """What a database holds of a project, each piece from when on it could be seen, as far as that can be told.

    A tag counts from its own date unless we watched it come, a mail from when its archive stored it.
    """
    feeds = {each.source: _feed(stored, project, each) for each in project.sources}
    return Recording(project, begin, end, feeds, {})


def _feed(stored: Store, project: ProjectConfig, source: SourceConfig) -> Feed:
    found: list[tuple[datetime, Evidence]]
    match source:
        case TagsConfig():
            found = _tags(stored, project, source.source)
        case ListConfig():
            found = _mails(stored, project, source.source)
        case ListingConfig():
            said = [(each, seen) for each, seen in stored.stations(project.id) if seen.source == source.source]
            found = [(each.at.at if each.at else seen.seen_at, each) for each, seen in said]
    state = stored.source(project.id, source.source)
    deliveries = stored.record.deliveries(project.id, source.source)
    return Feed(
        evidence=tuple(sorted(found, key=lambda each: each[0])),
        downs=tuple(_downs(stored, source)),
        deliveries=tuple(sorted(deliveries, key=lambda each: each[1])),
        is_alive=isinstance(source, ListConfig) and not deliveries,
        begins_at=state.begins_at if state else None,
    )


def _tags(stored: Store, project: ProjectConfig, source: SourceId) -> list[tuple[datetime, Evidence]]:
    shown = [(tag, seen) for tag, seen in stored.tags(project.id) if seen.source == source]
    dated = {(tag.tag, tag.object_id) for tag, _ in shown if tag.tagged}
    found: list[tuple[datetime, Evidence]] = [
        (seen.seen_at if seen.not_seen_at or not tag.tagged else tag.tagged.at, tag)
        for tag, seen in shown
        if tag.tagged or (tag.tag, tag.object_id) not in dated
    ]
    first = min((at for at, _ in found), default=None)
    # A count says nothing of when: it is there with the first tags, and is used once its release is.
    return [*found, *((first, count) for count in stored.counts(project.id).values() if first)]


def _mails(stored: Store, project: ProjectConfig, source: SourceId) -> list[tuple[datetime, Evidence]]:
    found: list[tuple[datetime, Evidence]] = []
    for _, mail, seen in stored.mails(project.id):
        if seen.source == source:
            watched = seen.seen_at if seen.not_seen_at else None
            archived = mail.archived.at if mail.archived else None
            found.append((archived or watched or delivery_of(mail.content) or seen.seen_at, mail))
    return found


def _downs(stored: Store, source: SourceConfig) -> Iterator[Down]:
    for outage in stored.record.outages().values():
        if outage.kind in (OutageKind.OUT, OutageKind.BLOCKED) and host_of(source.source) in outage.hosts:
            yield Down(outage.since, outage.until or datetime.max.replace(tzinfo=UTC), outage.reason)


def replay(
    recording: Recording,
    config: Config,
    database: Store,
    tools: Tools,
    notifier: Callable[[datetime], Notifier],
    program: str,
) -> Ledger:
    """Plays a recording into a scratch database; every mail goes to the notifier of its moment, in order."""
    ticks, due, changed_at = 0, recording.begin, recording.begin
    last: dict[SourceId, type] = {}
    for now, sources, turn in _turns(recording, config, database, tools):
        ticks += 1
        looked = [pipeline.poll(turn, recording.project, source) for source in sources]
        answers = {each.source: type(each.outcome) for each in looked}
        changed_at = now if answers != last else changed_at
        last = answers
        if any(each.new_evidence for each in looked) or now >= due or now - changed_at < SETTLED:
            seen = pipeline.watch(turn, [recording.project])
            due = seen.next_at or recording.end
        pipeline.digest.owe_due(turn)
        pipeline.deliver(turn, notifier(now), program)
    looks = hosts.standing(database, config, recording.end).health.outages
    mails = hosts.archives_late(database, recording.project)
    known = [*((each, "looks") for each in looks), *((each, "mails") for each in mails)]
    outages = sorted((each for each in known if each[0].covers(recording.begin, recording.end)), key=_since)
    return Ledger(tuple(database.record.delays(recording.project.id)), tuple(outages), ticks)


def _since(known: tuple[Outage, str]) -> datetime:
    return known[0].since


def _turns(
    recording: Recording, config: Config, database: Store, tools: Tools
) -> Iterator[tuple[datetime, list[SourceConfig], Turn]]:
    outlook = Outlook(shipped() / "history")
    for now in _moments(recording):
        sources = [
            each
            for each in recording.project.sources
            if recording.followed_from.get(each.source, recording.begin) <= now
        ]
        project = replace(
            recording.project,
            tags=tuple(each for each in sources if isinstance(each, TagsConfig)),
            lists=tuple(each for each in sources if isinstance(each, ListConfig)),
            listings=tuple(each for each in recording.project.listings if each in sources),
        )

        def at_that_time(source: SourceConfig, now: datetime = now) -> Source:
            return Recorded(source, recording.feeds[source.source], now)

        then = replace(config, projects=(project,))
        yield now, sources, Turn(then, database, replace(tools, recorded=at_that_time), now, outlook)


def _moments(recording: Recording) -> list[datetime]:
    """On the quarter of an hour: now and then while nothing happens, close together after something did."""
    count = int((recording.end - recording.begin) / STEP)
    found = {_quarter(recording.begin + number * STEP) for number in range(count + 1)}
    for moment in set(recording.moments()):
        if recording.begin <= moment <= recording.end:
            found |= {_quarter(moment) + number * QUARTER for number in range(CLOSE)}
    return sorted(each for each in found if each <= recording.end)


def _quarter(moment: datetime) -> datetime:
    """The next quarter of an hour, in UTC."""
    moment = moment.astimezone(UTC)
    past = timedelta(minutes=moment.minute % 15, seconds=moment.second, microseconds=moment.microsecond)
    return moment if not past else moment - past + QUARTER

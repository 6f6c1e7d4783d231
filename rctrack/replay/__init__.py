"""History as it would have been seen: a clock that ticks through the real rounds, with sources that are recorded."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from rctrack import rounds
from rctrack.config import Config, ListConfig, ListingConfig, ProjectConfig, SourceConfig, TagsConfig, shipped
from rctrack.core.evidence import Evidence, ProjectId, SourceId
from rctrack.core.hosts import Outage
from rctrack.core.lateness import Delay
from rctrack.core.look import Outcome, host_of
from rctrack.core.version import VersionId
from rctrack.replay.recorded import Recorded
from rctrack.replay.recording import Down, Feed, Recording
from rctrack.rounds import Round
from rctrack.send import Channel
from rctrack.sources import Source, Tools
from rctrack.sources.mails import delivery_of
from rctrack.store import Store
from rctrack.track.book import History
from rctrack.track.hosts import archives_late, survey

SELDOM = timedelta(hours=12)
"""Between two looks while nothing happens and nothing is waited for."""
OFTEN = timedelta(minutes=75)
"""Between two looks while a source does not answer, or something waits for a sign of life."""
IMPATIENT = timedelta(hours=36)
"""So long is a sign of life looked for often; who is silent longer is looked at seldom."""
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
    spelled: Mapping[tuple[ProjectId, VersionId], str]
    """How each version of the project is written."""


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
            said = [(each, seen) for each, seen in stored.evidence.stations(project.id) if seen.source == source.source]
            found = [(each.at.at if each.at else seen.seen_at, each) for each, seen in said]
    state = stored.health.source(project.id, source.source)
    deliveries = stored.health.deliveries(project.id, source.source)
    return Feed(
        evidence=tuple(sorted(found, key=lambda each: each[0])),
        downs=tuple(_downs(stored, source)),
        deliveries=tuple(sorted(deliveries, key=lambda each: each[1])),
        is_alive=isinstance(source, ListConfig) and not deliveries,
        begins_at=state.begins_at if state else None,
    )


def _tags(stored: Store, project: ProjectConfig, source: SourceId) -> list[tuple[datetime, Evidence]]:
    shown = [(tag, seen) for tag, seen in stored.evidence.tags(project.id) if seen.source == source]
    dated = {(tag.tag, tag.object_id) for tag, _ in shown if tag.tagged}
    found: list[tuple[datetime, Evidence]] = [
        (seen.seen_at if seen.not_seen_at or not tag.tagged else tag.tagged.at, tag)
        for tag, seen in shown
        if tag.tagged or (tag.tag, tag.object_id) not in dated
    ]
    first = min((at for at, _ in found), default=None)
    # A count says nothing of when: it is there with the first tags, and is used once its release is.
    return [*found, *((first, count) for count in stored.evidence.counts(project.id).values() if first)]


def _mails(stored: Store, project: ProjectConfig, source: SourceId) -> list[tuple[datetime, Evidence]]:
    found: list[tuple[datetime, Evidence]] = []
    for _, mail, seen in stored.evidence.mails(project.id):
        if seen.source == source:
            watched = seen.seen_at if seen.not_seen_at else None
            archived = mail.archived.at if mail.archived else None
            found.append((archived or watched or delivery_of(mail.content) or seen.seen_at, mail))
    return found


def _downs(stored: Store, source: SourceConfig) -> Iterator[Down]:
    for outage in stored.health.outages().values():
        if outage.is_theirs and host_of(source.source) in outage.hosts:
            yield Down(outage.since, outage.until or datetime.max.replace(tzinfo=UTC), outage.reason)


def replay(
    recording: Recording,
    config: Config,
    database: Store,
    tools: Tools,
    channel: Callable[[datetime], Channel],
    program: str,
) -> Ledger:
    """Plays a recording into a scratch database; every mail goes to the channel of its moment, in order."""
    history = History(shipped() / "history")
    ticks, due, changed_at = 0, recording.begin, recording.begin
    waits_from: datetime | None = None
    last: dict[SourceId, Outcome] = {}
    moments = deque(_moments(recording, config))
    # Who is asked seldom is not missed meanwhile.
    config = replace(config, schedule=replace(config.schedule, tags=SELDOM, lists=SELDOM))
    while moments:
        now = moments.popleft()
        ticks += 1
        round_ = _round_at(now, recording, config, database, tools, program, history)
        [project] = round_.config.projects
        looked = [rounds.look(round_, project, source) for source in project.sources]
        answers = {each.source: each.outcome for each in looked}
        changed_at = now if answers != last else changed_at
        last = answers
        if any(each.new for each in looked) or now >= due or now - changed_at < SETTLED:
            due = rounds.check(round_, [project]) or recording.end
        is_quiet = all(outcome is Outcome.GOOD for outcome in last.values()) and now - changed_at >= SETTLED
        waits_from = (waits_from or now) if database.projection.awaits_proof(project.id) else None
        is_quiet = is_quiet and (waits_from is None or now - waits_from > IMPATIENT)
        # What the clock alone changes is seen at its time, not at the next look that is due anyway.
        coming = min(at for at in (due, now + (SELDOM if is_quiet else OFTEN)) if at > now)
        if moments and now < _quarter(coming) < moments[0]:
            moments.appendleft(_quarter(coming))
        rounds.owe_digests(round_)
        rounds.send(round_, channel(now))
    looks = survey(database, config, recording.end).health.outages
    mails = archives_late(database, recording.project)
    known = [*((each, "looks") for each in looks), *((each, "mails") for each in mails)]
    outages = sorted((each for each in known if each[0].covers(recording.begin, recording.end)), key=_since)
    project_id = recording.project.id
    spelled = {(project_id, key): text for key, text in database.projection.spelled(project_id).items()}
    return Ledger(tuple(database.projection.delays(project_id)), tuple(outages), ticks, spelled)


def _since(known: tuple[Outage, str]) -> datetime:
    return known[0].since


def _round_at(
    now: datetime, recording: Recording, config: Config, database: Store, tools: Tools, program: str, history: History
) -> Round:
    """A round at this moment, with the sources that were followed by then, as they were recorded."""
    followed = {
        each.source
        for each in recording.project.sources
        if recording.followed_from.get(each.source, recording.begin) <= now
    }
    project = replace(
        recording.project,
        tags=tuple(each for each in recording.project.tags if each.source in followed),
        lists=tuple(each for each in recording.project.lists if each.source in followed),
        listings=tuple(each for each in recording.project.listings if each.source in followed),
    )

    def at_that_time(source: SourceConfig) -> Source:
        return Recorded(source, recording.feeds[source.source])

    then = replace(config, projects=(project,))
    return Round(then, database, replace(tools, recorded=at_that_time), now, program, history)


def _moments(recording: Recording, config: Config) -> list[datetime]:
    """On the quarter of an hour: one look before anything happens and some close after it, and when digests are due."""
    found = {_quarter(recording.begin), recording.end, *_digest_moments(recording, config)}
    for moment in set(recording.moments()):
        if recording.begin <= moment <= recording.end:
            found |= {_quarter(moment) + number * QUARTER for number in range(-1, CLOSE)}
    return sorted(each for each in found if recording.begin <= each <= recording.end)


def _digest_moments(recording: Recording, config: Config) -> Iterator[datetime]:
    for reader in config.mail.to:
        day = recording.begin
        while reader.digest is not None and day <= recording.end:
            local = day.astimezone(reader.timezone)
            due = local.replace(hour=reader.digest.hour, minute=reader.digest.minute, second=0, microsecond=0)
            yield _quarter(due)
            day += timedelta(days=1)


def _quarter(moment: datetime) -> datetime:
    """The next quarter of an hour, in UTC."""
    moment = moment.astimezone(UTC)
    past = timedelta(minutes=moment.minute % 15, seconds=moment.second, microseconds=moment.microsecond)
    return moment if not past else moment - past + QUARTER

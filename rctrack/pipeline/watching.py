"""A look at the clock: which hosts are out, what is late; the record of it, and the mails that it makes owed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rctrack import hosts
from rctrack.config import ProjectConfig, Recipient
from rctrack.core import incident
from rctrack.core.hosts import Health, Outage, State
from rctrack.core.lateness import Delay, DelayKind, Review, Watched
from rctrack.core.look import host_of
from rctrack.core.release import Release
from rctrack.core.version import VersionId
from rctrack.pipeline import letters, standing
from rctrack.pipeline.letters import Incident
from rctrack.pipeline.turn import Turn, releases_of, source_health

ALARM_AFTER = timedelta(hours=2)
"""An outage that is shorter is told by the digest alone."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look at the clock came to."""

    owed: int
    """Mails."""
    next_at: datetime | None
    """Before this nothing can change without new evidence; None: ever."""


def watch(turn: Turn, projects: Iterable[ProjectConfig]) -> Seen:
    """Reviews all hosts and what is late of these projects, and owes the mails that this makes necessary."""
    owed, next_at = 0, list[datetime]()
    with turn.store.transaction():
        seen = hosts.standing(turn.store, turn.config, turn.now)
        owed += _record_outages(turn, seen)
        for project in projects:
            releases = releases_of(turn.store, project, turn.outlook)
            watched, review = standing.review(turn, project, releases, seen.health)
            owed += _record_delays(turn, project, releases, watched, review)
            next_at += [turn.now] if review.silent else [review.next_at] if review.next_at else []
    # An outage that lasts and was told changes by another outcome alone; one that is young is told at its time.
    next_at += [turn.now] if seen.is_failing else []
    next_at += [
        at for each in seen.health.outages if each.until is None and (at := each.since + ALARM_AFTER) > turn.now
    ]
    return Seen(owed, min(next_at, default=None))


# --- Hosts -----------------------------------------------------------------------------------------


def _record_outages(turn: Turn, seen: hosts.Standing) -> int:
    record = turn.store.record
    kept = record.outages()
    for number, outage in seen.known.items():
        if kept[number] != outage:
            record.put_outage(outage, number)
    current = dict(seen.known) | {record.put_outage(each): each for each in seen.new}
    told = record.told_outages()
    owed = 0
    for number, outage in current.items():
        if not hosts.is_theirs(outage) or seen.health.offline:
            continue
        is_long = (outage.until or turn.now) - outage.since >= ALARM_AFTER
        if (outage.until is None and is_long and number not in told) or (
            outage.until is not None and number in told and kept.get(number, outage).until is None
        ):
            owed += _tell_outage(turn, seen.health, outage, number)
    return owed


def _tell_outage(turn: Turn, health: Health, outage: Outage, number: int) -> int:
    """To everyone who follows something at these hosts; whom no mail reached is told later, while it lasts."""
    owed = 0
    for recipient in turn.config.mail.to:
        affected = [
            f"{project.id}  {source.source}"
            for project in turn.config.projects
            if recipient.wants(project.id)
            for source in project.sources
            if host_of(source.source) in outage.hosts
        ]
        if recipient.alerts and affected:
            owed += letters.owe_incident(
                turn, recipient, _about_outage(turn, health, outage, number, recipient, affected)
            )
    if owed:
        turn.store.record.tell_outage(number)
    return owed


def _about_outage(
    turn: Turn, health: Health, outage: Outage, number: int, recipient: Recipient, affected: list[str]
) -> Incident:
    is_over = outage.until is not None
    answering = [host for host, state in health.states if state is State.UP and host not in outage.hosts]
    reader = letters.reader(recipient)
    return Incident(
        message_id=incident.outage_message_id(outage, "back" if is_over else "out", recipient.address),
        thread=f"outage {number}",
        subject=incident.back_subject(outage) if is_over else incident.outage_subject(outage),
        text=incident.outage_text(outage, affected, answering, reader, turn.now),
        list_id="outages.rctrack",
    )


# --- Delays ----------------------------------------------------------------------------------------


def _record_delays(
    turn: Turn, project: ProjectConfig, releases: Mapping[VersionId, Release], watched: Watched, review: Review
) -> int:
    """What was late already when we came is recorded, and told to nobody; what one host keeps back is one incident."""
    record = turn.store.record
    told = record.told_delays(project.id)
    record.put_delays([*review.opened, *review.raised, *review.closed, *review.recorded])
    began, health = watched.began_at, watched.health
    owed = 0
    behind = {_at_host(each) for each in review.delays if each.key in told and each.ended is None}
    for delay in review.opened:
        is_told = delay.where and _at_host(delay) in behind
        if began is not None and delay.since + delay.limit >= began and not is_told:
            mails = _tell_delay(turn, project, releases, health, delay)
            if mails:
                record.tell_delay(delay)
                behind.add(_at_host(delay))
            owed += mails
    for delay in review.closed:
        if delay.key in told:
            owed += _tell_delay(turn, project, releases, health, delay)
    return owed


def _at_host(delay: Delay) -> tuple[DelayKind, str]:
    """What delays of one incident have in common: a host that shows nothing new."""
    return (delay.kind, delay.where)


def _tell_delay(
    turn: Turn, project: ProjectConfig, releases: Mapping[VersionId, Release], health: Health, delay: Delay
) -> int:
    told = replace(
        standing.told(project, delay, releases, health), expected=turn.outlook.in_words(project, releases, turn.now)
    )
    sources = source_health(turn, project)
    owed = 0
    for recipient in turn.config.mail.to:
        if not recipient.alerts or not recipient.wants(project.id):
            continue
        reader = letters.reader(recipient)
        is_over = delay.ended is not None
        about = Incident(
            message_id=incident.delay_message_id(delay, "over" if is_over else "late", recipient.address),
            thread=f"{project.id} {told.cycle or delay.version}",
            subject=incident.over_subject(told) if is_over else incident.late_subject(told, turn.now),
            text=incident.over_text(told, sources, reader, turn.now)
            if is_over
            else incident.late_text(told, sources, reader, turn.now),
            list_id=f"{project.id}.rctrack",
        )
        owed += letters.owe_incident(turn, recipient, about)
    return owed

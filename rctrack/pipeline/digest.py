"""The digest: when it is due, and what it tells of its period."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from rctrack import hosts
from rctrack.config import ProjectConfig, Recipient
from rctrack.core import incident, summary, wording
from rctrack.core.hosts import Health, Outage, OutageKind
from rctrack.core.release import Release
from rctrack.pipeline import standing
from rctrack.pipeline.turn import Releases, Turn, releases_of, source_health
from rctrack.store import OwedLetter

_MOST_HOLES = 3
_EVER = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


def owe_due(turn: Turn) -> int:
    """Owes each reader the digest that has become due since their last one; how many."""
    began = turn.store.first_look_at()
    owed = []
    for recipient in turn.config.mail.to:
        when, after = recipient.digest, turn.store.letters.last_digest_at(recipient.address) or began
        if when is None or after is None:
            continue
        due = summary.digest_due(when.weekday, when.hour, when.minute, recipient.timezone, after, turn.now)
        if due is not None:
            owed.append(_owed(recipient, due))
    with turn.store.transaction():
        return turn.store.letters.owe(owed)


def owe_now(turn: Turn, since: datetime | None) -> int:
    """Owes every reader of digests one now, from `since` on or else since their last one; how many."""
    with turn.store.transaction():
        return turn.store.letters.owe(
            replace(_owed(each, turn.now), since=since) for each in turn.config.mail.to if each.digest
        )


def begin(turn: Turn, address: str, until: datetime) -> datetime:
    """Where a reader's digest begins: at their last one, or at our first look."""
    return turn.store.letters.digest_before(address, until) or turn.store.first_look_at() or until


def _owed(recipient: Recipient, due: datetime) -> OwedLetter:
    return OwedLetter(
        message_id=summary.digest_message_id(due, recipient.address),
        kind="digest",
        recipient=recipient.address,
        project=None,
        version_id=None,
        thread=f"digest {recipient.address}",
        owed_at=due,
        since=None,
        content=None,
        attempts=0,
    )


def compose(turn: Turn, recipient: Recipient, since: datetime, until: datetime) -> tuple[str, str]:
    """Subject and text of a reader's digest of a period."""
    health = hosts.standing(turn.store, turn.config, turn.now).health
    followed = [project for project in turn.config.projects if recipient.wants(project.id)]
    projects = [_project(turn, project, health, since, until) for project in followed]
    late = [outage for project in followed for outage in hosts.archives_late(turn.store, project)]
    notes = [*_outages([*health.outages, *late], since, until, turn.now), *_undelivered(turn)]
    return (
        summary.digest_subject(projects, since, until),
        summary.digest_text(projects, since, until, notes, wording.Reader(recipient.address, recipient.timezone)),
    )


def _project(
    turn: Turn, project: ProjectConfig, health: Health, since: datetime, until: datetime
) -> summary.ProjectSummary:
    releases = releases_of(turn.store, project, turn.outlook)
    told, told_ever = (turn.store.versions_told(project.id, *span) for span in ((since, until), _EVER))
    # What was there when we came was never news; it is told where its own date lies in the period.
    came = [
        release
        for key, release in releases.items()
        if key in told or (key not in told_ever and release.made_at and since <= release.made_at < until)
    ]
    known = (each for each in releases.values() if each.made_at and each.made_at < until)
    newest = max(known, key=_made_at, default=None)
    return summary.ProjectSummary(
        project=project.id,
        name=project.name,
        came=tuple(came),
        newest=newest,
        health=tuple(source_health(turn, project)),
        late=tuple(_late(turn, project, releases, health, since, until)),
        expected=turn.outlook.in_words(project, releases, turn.now),
    )


def _late(
    turn: Turn, project: ProjectConfig, releases: Releases, health: Health, since: datetime, until: datetime
) -> Iterator[str]:
    """What is late, what was over in this period, and what cannot be told."""
    _, review = standing.review(turn, project, releases, health)
    for delay in review.delays:
        if delay.ended is None or since <= max(delay.opened_at, delay.until or delay.opened_at) < until:
            yield incident.delay_line(standing.told(project, delay, releases, health), turn.now)
    yield from incident.silent_lines(review.silent, releases)


def _outages(outages: Iterable[Outage], since: datetime, until: datetime, now: datetime) -> list[str]:
    """Those that lasted or ended in this period; of our own absences many are one line."""
    seen = sorted({each for each in outages if each.covers(since, until)}, key=lambda each: each.since)
    ours = [each for each in seen if each.kind is OutageKind.HOLE]
    lines = [incident.outage_words(each, now) for each in seen if each not in ours or len(ours) <= _MOST_HOLES]
    if len(ours) > _MOST_HOLES:
        away = sum(((each.until or now) - each.since for each in ours), timedelta(0))
        lines.append(f"rctrack did not run {len(ours)} times, {wording.duration(away)} in all.")
    return lines


def _made_at(release: Release) -> datetime:
    return release.made_at or release.first_seen_at


def _undelivered(turn: Turn) -> list[str]:
    waiting = [letter for letter in turn.store.letters.waiting() if letter["last_error"]]
    if not waiting:
        return []
    return [f"{len(waiting)} mails could not be sent yet; the last reason was: {waiting[-1]['last_error']}"]

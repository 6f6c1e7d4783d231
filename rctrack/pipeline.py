"""One turn: poll() a source, review() what it means, deliver() what is owed; the life of an observation."""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from urllib.parse import urlsplit

from rctrack import notifiers, tags
from rctrack.config import Config, ProjectConfig, Recipient, SourceConfig, TagsConfig
from rctrack.core import reconcile, summary
from rctrack.core.model import (
    AbsenceEvidence,
    CountEvidence,
    Letter,
    MailEvidence,
    ProjectId,
    Release,
    Sighting,
    SignatureEvidence,
    SourceId,
    StationEvidence,
    TagEvidence,
    TagObservation,
    Unrecognised,
)
from rctrack.core.recognise import RECOGNISER, Ignored, recognise_mail, recognise_tag
from rctrack.core.version import VersionId
from rctrack.sources import Blocked, Failed, Good, Outcome, Tools, open_source
from rctrack.store import OwedLetter, Store
from rctrack.web import pause_until

ALERTS_PER_HOUR = 20
"""To one reader; what is more is told by the digest alone."""
SEARCHED_BACK = timedelta(days=90)
LONGEST_WAIT = timedelta(days=400)
"""A release that has waited longer for its mail is not waited for any more."""
RETRY_FIRST = timedelta(minutes=1)
RETRY_MOST = timedelta(hours=6)

Releases = Mapping[VersionId, Release]


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn has to do with: configuration, its own connection, tools, and the moment it happens at."""

    config: Config
    store: Store
    tools: Tools
    now: datetime


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What one look at a source came to."""

    project: ProjectConfig
    source: SourceId
    outcome: Outcome
    new_evidence: int
    new_releases: tuple[Release, ...]
    silent: bool


# --- 1. Poll: ask one source, with no transaction open ---------------------------------------------


def poll(turn: Turn, project: ProjectConfig, source: SourceConfig, *, silent: bool = False) -> Reviewed:
    """One look at a source and all that follows from it, written at once; deliver() sends what it made owed.

    A source that is new, or would be read otherwise than before, is read from the start, silently; `silent` asks
    for the same.
    """
    fingerprint = fingerprint_of(project, source)
    state = turn.store.source(project.id, source.source)
    reread = silent or state is None or state.fingerprint != fingerprint
    if (until := _paused(turn, source)) is not None:
        reason = f"left alone until {until:%Y-%m-%d %H:%M} UTC, because its host blocked us"
        return Reviewed(project, source.source, Blocked(reason), 0, (), silent=True)
    cursor = None if reread or state is None else state.cursor
    outcome = open_source(source, project, turn.tools).look(cursor, _since(turn, project))
    if not isinstance(outcome, Good):
        return _record_failure(turn, project, source.source, outcome)
    sighting = Sighting(source.source, turn.now, state.last_look_at if state else None)
    absences: list[AbsenceEvidence] = []
    if isinstance(source, TagsConfig):
        looked = tags.with_absences(turn.store, project, outcome, sighting)
        if isinstance(looked, Failed):
            return _record_failure(turn, project, source.source, looked)
        outcome, absences = looked
        outcome = tags.with_counts(turn.store, turn.tools, project, source, outcome, sighting)
    return _review(turn, project, outcome, absences, sighting, fingerprint, silent=reread)


def _paused(turn: Turn, source: SourceConfig) -> datetime | None:
    """Until when this source's host is left alone after a block; None if it may be asked."""
    host = urlsplit(source.url).netloc
    blocks = turn.store.blocks(host) if host else []
    until = max((pause_until(last, number) for last, number in blocks), default=turn.now)
    return until if until > turn.now else None


def _since(turn: Turn, project: ProjectConfig) -> date:
    """How far back mail is searched for: 90 days, or as far as the earliest release that still waits for its mail."""
    earliest = turn.store.waiting_since(project.id, turn.now - LONGEST_WAIT)
    return min(earliest or turn.now, turn.now - SEARCHED_BACK).date()


def fingerprint_of(project: ProjectConfig, source: SourceConfig) -> str:
    """Changes when the same source would be read otherwise: then it is read again from the start, silently."""
    described = [RECOGNISER, asdict(project.rules), asdict(source)]
    return hashlib.sha256(json.dumps(described, default=_describe, sort_keys=True).encode()).hexdigest()[:16]


def _describe(value: object) -> object:
    return sorted(map(repr, value)) if isinstance(value, frozenset) else str(value)


def _record_failure(turn: Turn, project: ProjectConfig, source: SourceId, outcome: Failed | Blocked) -> Reviewed:
    kind = "failed" if isinstance(outcome, Failed) else "blocked"
    with turn.store.transaction():
        turn.store.add_outcome(project.id, source, turn.now, kind, outcome.reason)
    return Reviewed(project, source, outcome, 0, (), silent=True)


# --- 2. Review: evidence, cursor, releases, events and owed mail in one transaction ----------------


def _review(
    turn: Turn,
    project: ProjectConfig,
    outcome: Good,
    absences: Sequence[AbsenceEvidence],
    sighting: Sighting,
    fingerprint: str,
    *,
    silent: bool,
) -> Reviewed:
    with turn.store.transaction():
        turn.store.add_outcome(project.id, sighting.source, turn.now, "good", None)
        turn.store.put_source(project.id, sighting.source, fingerprint, outcome.cursor, turn.now)
        added = _add_evidence(turn, project, outcome, sighting) + turn.store.add_absences(project.id, absences)
        if silent:
            _read_mails_again(turn.store, project, sighting.source)
        new = _fold(turn, project, silent=silent) if added or silent else ()
    return Reviewed(project, sighting.source, outcome, added, new, silent)


def _add_evidence(turn: Turn, project: ProjectConfig, outcome: Good, sighting: Sighting) -> int:
    seen = [(each, sighting) for each in outcome.evidence if isinstance(each, TagEvidence)]
    counts = [each for each in outcome.evidence if isinstance(each, CountEvidence)]
    signed = [each for each in outcome.evidence if isinstance(each, SignatureEvidence)]
    added = turn.store.add_signatures(project.id, tags.expected_signatures(project), signed, turn.now)
    said = [(each, sighting) for each in outcome.evidence if isinstance(each, StationEvidence)]
    added += turn.store.add_stations(project.id, said)
    added += turn.store.add_tags(project.id, seen) + turn.store.add_counts(project.id, counts, turn.now)
    rules = {each.source: each.rules for each in project.lists}
    for mail in outcome.evidence:
        if isinstance(mail, MailEvidence):
            reading = recognise_mail(rules[sighting.source], project.rules.scheme, mail, sighting)
            if reading is not None:
                mail_id, new = turn.store.add_mail(project.id, mail, sighting)
                if new:
                    turn.store.put_mail_reading(project.id, mail_id, mail.key, sighting, reading)
                    added += 1
    return added


def _read_mails_again(stored: Store, project: ProjectConfig, source: SourceId | None) -> None:
    """Recognises every stored mail with today's code and configuration."""
    rules = {each.source: each.rules for each in project.lists}
    for mail_id, mail, sighting in stored.mails(project.id):
        if sighting.source in rules and source in (None, sighting.source):
            reading = recognise_mail(rules[sighting.source], project.rules.scheme, mail, sighting)
            stored.put_mail_reading(project.id, mail_id, mail.key, sighting, reading)


def releases_of(stored: Store, project: ProjectConfig) -> dict[VersionId, Release]:
    """The fold of all that is stored about a project."""
    return reconcile.fold(
        project.id,
        project.rules,
        tags.observations(stored, project),
        stored.counts(project.id),
        tags.signatures(stored, project),
    )


def _fold(turn: Turn, project: ProjectConfig, *, silent: bool) -> tuple[Release, ...]:
    """Folds again, stores releases and events, owes the alerts; the new releases that are worth one."""
    known, known_events = turn.store.known_versions(project.id), turn.store.known_events(project.id)
    releases = releases_of(turn.store, project)
    _store_fold(turn.store, project, releases)
    turn.store.add_events(reconcile.difference(known_events, releases), turn.now, silent=silent)
    new = () if silent else tuple(reconcile.to_alert(known, releases, turn.now))
    changed = [] if silent else tags.changed(known_events, releases.values())
    for recipient in turn.config.mail.to:
        if recipient.alerts and recipient.wants(project.id):
            _owe_alerts(turn, recipient, new)
            _owe_incident(turn, project, recipient, changed, known_events)
    return new


def _store_fold(stored: Store, project: ProjectConfig, releases: Releases) -> list[str]:
    odd: list[tuple[Unrecognised, Sighting]] = []
    for tag, sighting in stored.tags(project.id):
        match recognise_tag(project.rules, tag, sighting):
            case Unrecognised() as unrecognised:
                odd.append((unrecognised, sighting))
            case TagObservation() | Ignored():
                pass
    stored.put_unrecognised_tags(project.id, odd)
    return stored.put_releases(project.id, releases)


def _owe_alerts(turn: Turn, recipient: Recipient, new: Sequence[Release]) -> None:
    room = ALERTS_PER_HOUR - turn.store.letters.alerts_owed_since(recipient.address, turn.now - timedelta(hours=1))
    turn.store.letters.owe(
        OwedLetter(
            message_id=summary.release_message_id(release.project, release.version.id, recipient.address),
            kind="release",
            recipient=recipient.address,
            project=release.project,
            version_id=release.version.id,
            thread=f"{release.project} {release.version.cycle_id}",
            owed_at=turn.now,
            since=None,
            content=None,
            attempts=0,
        )
        for release in new[: max(0, room)]
    )


def _owe_incident(
    turn: Turn,
    project: ProjectConfig,
    recipient: Recipient,
    changed: Sequence[Release],
    known: Collection[tuple[VersionId, str]],
) -> None:
    """One mail about all tags that turned out to be changed at once, written now: what is told is what we just saw."""
    told = [
        (release, change)
        for release in changed
        for change in release.changes
        if (release.version.id, change.station) not in known
    ]
    if not told:
        return
    stations = [f"{release.version.id} {change.station}" for release, change in told]
    owed = OwedLetter(
        message_id=summary.incident_message_id(project.id, stations, recipient.address),
        kind="incident",
        recipient=recipient.address,
        project=project.id,
        version_id=told[0][0].version.id,
        thread=f"{project.id} {told[0][0].version.cycle_id}",
        owed_at=turn.now,
        since=None,
        content=None,
        attempts=0,
    )
    turn.store.letters.owe([owed])
    reader = summary.Reader(recipient.address, recipient.timezone)
    text = summary.changes_text(project.name, told, source_health(turn, project), reader)
    letter = _letter(turn, owed, summary.changes_subject(told), text, f"{project.id}.rctrack")
    turn.store.letters.write(
        owed.message_id,
        notifiers.compose(
            letter, turn.config.mail.sender, turn.config.contact, turn.tools.user_agent.partition(" ")[0]
        ),
    )


def rebuild(turn: Turn, project: ProjectConfig) -> list[str]:
    """Recognises and folds all evidence again with today's code; the versions that changed. It never mails."""
    with turn.store.transaction():
        _read_mails_again(turn.store, project, None)
        known_events = turn.store.known_events(project.id)
        releases = releases_of(turn.store, project)
        changed = _store_fold(turn.store, project, releases)
        turn.store.add_events(reconcile.difference(known_events, releases), turn.now, silent=True)
    return changed


# --- 3. Deliver: write each owed letter once, then send it until it is gone ------------------------


def owe_digests(turn: Turn) -> int:
    """Owes each reader the digest that has become due since their last one; how many."""
    began = turn.store.first_look_at()
    owed = []
    for recipient in turn.config.mail.to:
        when, after = recipient.digest, turn.store.letters.last_digest_at(recipient.address) or began
        if when is None or after is None:
            continue
        due = summary.digest_due(when.weekday, when.hour, when.minute, recipient.timezone, after, turn.now)
        if due is not None:
            owed.append(_owed_digest(recipient, due))
    with turn.store.transaction():
        return turn.store.letters.owe(owed)


def owe_digest_now(turn: Turn, since: datetime | None) -> int:
    """Owes every reader of digests one now, from `since` on or else since their last one; how many."""
    with turn.store.transaction():
        return turn.store.letters.owe(
            replace(_owed_digest(each, turn.now), since=since) for each in turn.config.mail.to if each.digest
        )


def digest_begin(turn: Turn, address: str, until: datetime) -> datetime:
    """Where a reader's digest begins: at their last one, or at our first look."""
    return turn.store.letters.digest_before(address, until) or turn.store.first_look_at() or until


def _owed_digest(recipient: Recipient, due: datetime) -> OwedLetter:
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


def deliver(turn: Turn, notifier: notifiers.Notifier, program: str) -> tuple[int, int]:
    """Sends what is due; how many were sent and how many have to wait."""
    sent = waiting = 0
    releases: dict[ProjectId, Releases] = {}
    for owed in turn.store.letters.due(turn.now):
        content = owed.content or _write(turn, owed, releases, program)
        if content is None:
            continue
        match notifier.send(content, turn.config.mail.sender, owed.recipient):
            case notifiers.Sent():
                with turn.store.transaction():
                    turn.store.letters.sent(owed.message_id, turn.now)
                sent += 1
            case notifiers.Deferred(reason):
                with turn.store.transaction():
                    wait = min(RETRY_FIRST * 2 ** min(owed.attempts, 20), RETRY_MOST)
                    turn.store.letters.deferred(owed.message_id, reason, turn.now + wait)
                waiting += 1
            case notifiers.Refused(reason):
                with turn.store.transaction():
                    turn.store.letters.refused(owed.message_id, reason, turn.now)
                waiting += 1
    return sent, waiting


def _write(turn: Turn, owed: OwedLetter, releases: dict[ProjectId, Releases], program: str) -> bytes | None:
    """The bytes of an owed letter, stored before the first attempt so that every attempt sends the same."""
    letter = _digest_letter(turn, owed) if owed.kind == "digest" else _release_letter(turn, owed, releases)
    if letter is None:
        with turn.store.transaction():
            turn.store.letters.refused(owed.message_id, "its project or reader is not followed any more", turn.now)
        return None
    content = notifiers.compose(letter, turn.config.mail.sender, turn.config.contact, program)
    with turn.store.transaction():
        turn.store.letters.write(owed.message_id, content)
    return content


def _release_letter(turn: Turn, owed: OwedLetter, folded: dict[ProjectId, Releases]) -> Letter | None:
    project = next((each for each in turn.config.projects if each.id == owed.project), None)
    reader = _reader(turn.config, owed.recipient)
    if project is None or reader is None or owed.version_id is None:
        return None
    if project.id not in folded:
        folded[project.id] = releases_of(turn.store, project)
    releases = folded[project.id]
    release = releases.get(owed.version_id)
    if release is None:
        return None
    before = releases.get(release.previous.id) if release.previous else None
    text = summary.release_text(project.name, release, before, source_health(turn, project), reader)
    return _letter(turn, owed, summary.release_subject(release), text, f"{project.id}.rctrack")


def _digest_letter(turn: Turn, owed: OwedLetter) -> Letter | None:
    recipient = next((each for each in turn.config.mail.to if each.address == owed.recipient), None)
    if recipient is None:
        return None
    since = owed.since or digest_begin(turn, owed.recipient, owed.owed_at)
    subject, text = digest(turn, recipient, since, owed.owed_at)
    return _letter(turn, owed, subject, text, "digest.rctrack")


def digest(turn: Turn, recipient: Recipient, since: datetime, until: datetime) -> tuple[str, str]:
    """Subject and text of a reader's digest of a period."""
    projects = []
    for project in turn.config.projects:
        if not recipient.wants(project.id):
            continue
        releases = releases_of(turn.store, project)
        came = turn.store.versions_told(project.id, since, until)
        newest = max((each for each in releases.values() if each.made_at), key=_made_at, default=None)
        projects.append(
            summary.ProjectSummary(
                project=project.id,
                name=project.name,
                came=tuple(release for key, release in releases.items() if key in came),
                newest=newest,
                health=tuple(source_health(turn, project)),
            )
        )
    reader = summary.Reader(recipient.address, recipient.timezone)
    return (
        summary.digest_subject(projects, since, until),
        summary.digest_text(projects, since, until, _undelivered(turn), reader),
    )


def _made_at(release: Release) -> datetime:
    return release.made_at or release.first_seen_at


def source_health(turn: Turn, project: ProjectConfig) -> list[summary.SourceHealth]:
    """What the last look at each source of a project came to, in words."""
    outcomes = turn.store.last_outcomes(project.id)
    health = []
    for source in project.sources:
        last = outcomes.get(source.source)
        if last is None:
            state = "not looked at yet"
        elif last["outcome"] == "good":
            state = f"good at {last['looked_at'][:16].replace('T', ' ')} UTC"
        else:
            state = f"{last['outcome']} at {last['looked_at'][:16].replace('T', ' ')} UTC: {last['reason']}"
        health.append(summary.SourceHealth(source.source, state))
    return health


def _undelivered(turn: Turn) -> list[str]:
    waiting = [letter for letter in turn.store.letters.waiting() if letter["last_error"]]
    if not waiting:
        return []
    return [f"{len(waiting)} mails could not be sent yet; the last reason was: {waiting[-1]['last_error']}"]


def _reader(config: Config, address: str) -> summary.Reader | None:
    for recipient in config.mail.to:
        if recipient.address == address:
            return summary.Reader(address, recipient.timezone)
    return None


def _letter(turn: Turn, owed: OwedLetter, subject: str, text: str, list_id: str) -> Letter:
    first = turn.store.letters.first_sent(owed.thread, owed.recipient) if owed.kind != "digest" else None
    return Letter(
        recipient=owed.recipient,
        subject=subject,
        text=text,
        html=None,
        message_id=owed.message_id,
        references=(first,) if first else (),
        list_id=list_id,
        written_at=turn.now,
    )


# --- A round: everything at once -------------------------------------------------------------------


def poll_all(
    turn: Turn, projects: Iterable[ProjectConfig], said: Callable[[Reviewed], None], *, silent: bool = False
) -> list[Reviewed]:
    """One look at every source of the projects, one after the other; `said` hears of each as it ends."""
    reviewed = []
    for project in projects:
        for source in project.sources:
            reviewed.append(poll(turn, project, source, silent=silent))
            said(reviewed[-1])
    return reviewed


def seems_offline(reviewed: Sequence[Reviewed]) -> bool:
    """Whether no host answered at all: then it is us, and nobody else is accused."""
    remote = [each for each in reviewed if "://" in each.source]
    return bool(remote) and all(isinstance(each.outcome, Failed) and each.outcome.unreachable for each in remote)

"""One look at one source: its outcome, what it means, and what that makes owed, all written at once."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from functools import lru_cache

from rctrack import tags
from rctrack.config import ProjectConfig, SourceConfig, TagsConfig
from rctrack.core import fold as reconcile
from rctrack.core.evidence import (
    AbsenceEvidence,
    CountEvidence,
    MailEvidence,
    Sighting,
    SignatureEvidence,
    SourceId,
    StationEvidence,
    TagEvidence,
)
from rctrack.core.look import Outcome, host_of
from rctrack.core.recognise import RECOGNISER, Ignored, recognise_mail, recognise_tag
from rctrack.core.release import Release, TagObservation, Unrecognised
from rctrack.core.rules import ProjectRules
from rctrack.pipeline import letters
from rctrack.pipeline.turn import Releases, Reviewed, Turn, releases_of
from rctrack.sources import Coverage, Failed, Good, open_source
from rctrack.store import Store
from rctrack.web import pause_until

SEARCHED_BACK = timedelta(days=90)
CLOCKS_DIFFER = timedelta(hours=1)
LONGEST_WAIT = timedelta(days=400)
"""A release that has waited longer for its mail is not waited for any more."""


def poll(turn: Turn, project: ProjectConfig, source: SourceConfig, *, silent: bool = False) -> Reviewed:
    """One look at a source and all that follows from it, written at once; deliver() sends what it made owed.

    A source that is new, or would be read otherwise than before, is read from the start, silently; `silent` asks
    for the same.
    """
    fingerprint = fingerprint_of(project, source)
    state = turn.store.source(project.id, source.source)
    reread = silent or state is None or state.fingerprint != fingerprint
    if (until := _paused(turn, source)) is not None:
        reason = f"left alone until {until:%Y-%m-%d %H:%M} UTC, as its host wants"
        return Reviewed(project, source.source, Failed(Outcome.BLOCKED, reason), 0, (), silent=True)
    cursor = None if reread or state is None else state.cursor
    outcome = open_source(source, project, turn.tools).look(cursor, _since(turn, project), turn.now)
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
    """Until when this source's host is left alone, for it blocked us or asked for it; None if it may be asked."""
    host = host_of(source.source)
    blocks = turn.store.blocks(host) if host else []
    until = max((pause_until(*each) for each in blocks), default=turn.now)
    return until if until > turn.now else None


def _since(turn: Turn, project: ProjectConfig) -> date:
    """How far back mail is searched for: 90 days, or as far as the earliest release that still waits for its mail."""
    earliest = turn.store.waiting_since(project.id, turn.now - LONGEST_WAIT)
    return min(earliest or turn.now, turn.now - SEARCHED_BACK).date()


def fingerprint_of(project: ProjectConfig, source: SourceConfig) -> str:
    """Changes when the same source would be read otherwise: then it is read again from the start, silently."""
    return _fingerprint(project.rules, source)


@lru_cache
def _fingerprint(rules: ProjectRules, source: SourceConfig) -> str:
    described = [RECOGNISER, asdict(rules), asdict(source)]
    return hashlib.sha256(json.dumps(described, default=_describe, sort_keys=True).encode()).hexdigest()[:16]


def _describe(value: object) -> object:
    return sorted(map(repr, value)) if isinstance(value, frozenset) else str(value)


def _record_failure(turn: Turn, project: ProjectConfig, source: SourceId, outcome: Failed) -> Reviewed:
    with turn.store.transaction():
        turn.store.add_outcome(project.id, source, turn.now, outcome.outcome, outcome.reason, outcome.pause)
    return Reviewed(project, source, outcome, 0, (), silent=True)


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
        turn.store.add_outcome(
            project.id, sighting.source, turn.now, Outcome.GOOD, "; ".join(outcome.notes)[:1000] or None
        )
        turn.store.put_source(project.id, sighting.source, fingerprint, outcome.cursor, turn.now)
        _add_coverage(turn, project, sighting.source, outcome.coverage)
        added = _add_evidence(turn, project, outcome, sighting) + turn.store.add_absences(project.id, absences)
        if silent:
            _read_mails_again(turn.store, project, sighting.source)
        new = _fold(turn, project, silent=silent) if added or silent else ()
    return Reviewed(project, sighting.source, outcome, added, new, silent)


def _add_evidence(turn: Turn, project: ProjectConfig, outcome: Good, sighting: Sighting) -> int:
    if not outcome.evidence:
        return 0
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


def _add_coverage(turn: Turn, project: ProjectConfig, source: SourceId, coverage: Coverage) -> None:
    """A mail that seems to be of the future proves nothing; minutes are clocks that differ."""
    newest = coverage.newest_at
    alive_at = min(newest, turn.now) if newest is not None and newest <= turn.now + CLOCKS_DIFFER else None
    if coverage != Coverage(None, None):
        turn.store.record.add_life(project.id, source, coverage.begins_at, alive_at, coverage.deliveries)


def _read_mails_again(stored: Store, project: ProjectConfig, source: SourceId | None) -> None:
    """Recognises every stored mail with today's code and configuration."""
    rules = {each.source: each.rules for each in project.lists}
    for mail_id, mail, sighting in stored.mails(project.id):
        if sighting.source in rules and source in (None, sighting.source):
            reading = recognise_mail(rules[sighting.source], project.rules.scheme, mail, sighting)
            stored.put_mail_reading(project.id, mail_id, mail.key, sighting, reading)


def _fold(turn: Turn, project: ProjectConfig, *, silent: bool) -> tuple[Release, ...]:
    """Folds again, stores releases and events, owes the alerts; the new releases that are worth one."""
    known, known_events = turn.store.known_versions(project.id), turn.store.known_events(project.id)
    releases = releases_of(turn.store, project, turn.outlook)
    _store_fold(turn.store, project, releases)
    turn.store.add_events(reconcile.difference(known_events, releases), turn.now, silent=silent)
    new = () if silent else tuple(reconcile.to_alert(known, releases, turn.now))
    changed = [] if silent else tags.changed(known_events, releases.values())
    for recipient in turn.config.mail.to:
        if recipient.alerts and recipient.wants(project.id):
            letters.owe_alerts(turn, recipient, new)
            letters.owe_changes(turn, project, recipient, changed, known_events)
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


def rebuild(turn: Turn, project: ProjectConfig) -> list[str]:
    """Recognises and folds all evidence again with today's code; the versions that changed. It never mails."""
    with turn.store.transaction():
        _read_mails_again(turn.store, project, None)
        known_events = turn.store.known_events(project.id)
        releases = releases_of(turn.store, project, turn.outlook)
        changed = _store_fold(turn.store, project, releases)
        turn.store.add_events(reconcile.difference(known_events, releases), turn.now, silent=True)
    return changed

"""One look at one source: what it brings, what that makes countable, and how it is stored.

1. `take` asks the source; no transaction is open.
2. `Taken` says what of it is new; where nothing is, only the look itself is stored.
3. `store` writes what was taken; the caller adds, in the same transaction, what it means.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import lru_cache

from rctrack.config import ListConfig, ProjectConfig, SourceConfig, TagsConfig
from rctrack.core import tag_changes
from rctrack.core.evidence import (
    AbsenceEvidence,
    CountEvidence,
    HeadEvidence,
    MailEvidence,
    ObjectId,
    Sighting,
    StationEvidence,
    TagEvidence,
)
from rctrack.core.evidence import Evidence as AnyEvidence
from rctrack.core.fold import line_up
from rctrack.core.look import Outcome, Run, host_of
from rctrack.core.recognise import RECOGNISER, recognise_mail
from rctrack.core.release import Announcement, Unrecognised
from rctrack.core.rules import ProjectRules
from rctrack.sources import Coverage, Good, Tools, open_source
from rctrack.store import SourceState, Store
from rctrack.track.book import Fresh
from rctrack.track.counting import Measured, measure
from rctrack.track.evidence import Evidence, StationSighting, TagSighting
from rctrack.track.signing import expected_signatures
from rctrack.web import pause_until

SEARCHED_BACK = timedelta(days=90)
CLOCKS_DIFFER = timedelta(hours=1)
LONGEST_WAIT = timedelta(days=400)
"""A release that has waited longer for its mail is not waited for any more."""
UNSETTLED = "unsettled"
"""A cursor that no source knows: the next look reads everything."""
_MOST_NOTES = 1000

Reading = Announcement | Unrecognised | None


@dataclass(frozen=True, slots=True)
class Taken:
    """What one look at a source came to."""

    project: ProjectConfig
    source: SourceConfig
    at: datetime
    outcome: Outcome
    reason: str
    pause: timedelta | None = None
    """How long the host asks to be left alone."""
    was_asked: bool = True
    """Whether the source was asked at all: a host that blocked us, or asked for it, is left alone for a while."""
    fingerprint: str = ""
    cursor: str = ""
    sighting: Sighting | None = None
    is_first_fill: bool = False
    """Read from the start: for the first time, or otherwise than before; then it tells nobody anything."""
    coverage: Coverage = field(default_factory=lambda: Coverage(None, None))
    head: HeadEvidence | None = None
    tags: tuple[TagSighting, ...] = ()
    """Those that are not stored."""
    absences: tuple[AbsenceEvidence, ...] = ()
    stations: tuple[StationSighting, ...] = ()
    mails: tuple[tuple[MailEvidence, Reading], ...] = ()
    read_again: tuple[tuple[int, MailEvidence, Sighting, Reading], ...] = ()
    """The stored mails of a source that is read otherwise than before."""
    measured: Measured = field(default_factory=Measured)
    read_at: tuple[int, Evidence] | None = None
    """What was read to count, with what the look brings, and at which revision of the project; None: nothing was."""

    @property
    def is_good(self) -> bool:
        """Whether the source answered with what was asked for."""
        return self.outcome is Outcome.GOOD

    @property
    def brings_news(self) -> bool:
        """Whether anything is to be folded: evidence that is not stored, or a source that is read anew."""
        evidence = (self.tags, self.absences, self.stations, self.mails, self.measured.counts, self.measured.signatures)
        return self.is_first_fill or any(evidence)


def take(
    stored: Store, project: ProjectConfig, source: SourceConfig, tools: Tools, now: datetime, *, silent: bool = False
) -> Taken:
    """Asks the source, and for what its answer makes countable; nothing is written.

    A source that is new, or would be read otherwise than before, is read from the start; `silent` asks for the same.
    """
    fingerprint = fingerprint_of(project, source)
    state = stored.health.source(project.id, source.source)
    is_first_fill = silent or state is None or state.fingerprint != fingerprint
    if (until := _paused(stored, source, now)) is not None:
        reason = f"left alone until {until:%Y-%m-%d %H:%M} UTC, as its host wants"
        return Taken(project, source, now, Outcome.BLOCKED, reason, was_asked=False)
    cursor = None if is_first_fill or state is None else state.cursor
    answer = open_source(source, project, tools).look(cursor, _since(stored, project, now), now)
    if not isinstance(answer, Good):
        return Taken(project, source, now, answer.outcome, answer.reason, answer.pause)
    sighting = _sighting(stored, source, state, now, is_first_fill=is_first_fill)
    taken = Taken(
        project,
        source,
        now,
        Outcome.GOOD,
        "",
        fingerprint=fingerprint,
        cursor=answer.cursor,
        sighting=sighting,
        is_first_fill=is_first_fill,
        coverage=_believable(answer.coverage, now),
        head=HeadEvidence(ObjectId(answer.head)) if answer.head else None,
    )
    if isinstance(source, TagsConfig):
        return _with_tags(stored, taken, source, answer, tools, sighting)
    if isinstance(source, ListConfig):
        return _with_mails(stored, taken, source, answer.evidence, sighting)
    stations = [(each, sighting) for each in answer.evidence if isinstance(each, StationEvidence)]
    known = {(evidence, seen.source) for evidence, seen in stored.evidence.stations(project.id)}
    return replace(taken, stations=tuple(each for each in stations if (each[0], sighting.source) not in known))


def _sighting(
    stored: Store, source: SourceConfig, state: SourceState | None, now: datetime, *, is_first_fill: bool
) -> Sighting:
    """What is read anew proves nothing of when it came; nor does a clock that is behind what is stored."""
    before = None if is_first_fill or state is None else state.last_look_at
    newest = stored.health.newest_look_at()
    is_behind = newest is not None and now < newest - CLOCKS_DIFFER
    if before is not None and (is_behind or before > now):
        return Sighting(source.source, now, None, stored.observer, is_undated=True)
    return Sighting(source.source, now, before, stored.observer)


def _paused(stored: Store, source: SourceConfig, now: datetime) -> datetime | None:
    """Until when this source's host is left alone, for it blocked us or asked for it; None if it may be asked."""
    host = host_of(source.source)
    resting = [run for run in stored.health.resting_runs(stored.observer) if host and run.host == host]
    until = max((_rests_until(run) for run in resting), default=now)
    return until if until > now else None


def _rests_until(run: Run) -> datetime:
    return pause_until(run.last_at, run.looks if run.outcome is Outcome.BLOCKED else 0, run.pause)


def _since(stored: Store, project: ProjectConfig, now: datetime) -> date:
    """How far back mail is searched for: 90 days, or as far as the earliest release that still waits for its mail."""
    earliest = stored.projection.waiting_since(project.id, now - LONGEST_WAIT)
    return min(earliest or now, now - SEARCHED_BACK).date()


def _believable(coverage: Coverage, now: datetime) -> Coverage:
    """A mail that seems to be of the future proves nothing; minutes are clocks that differ."""
    newest = coverage.newest_at
    if newest is None or newest <= now:
        return coverage
    return replace(coverage, newest_at=now if newest <= now + CLOCKS_DIFFER else None)


# --- Tags ------------------------------------------------------------------------------------------


def _with_tags(
    stored: Store, taken: Taken, source: TagsConfig, answer: Good, tools: Tools, sighting: Sighting
) -> Taken:
    """With the tags that are new, those that are gone, and what can be counted now."""
    project = taken.project
    absences: list[AbsenceEvidence] = []
    if answer.is_whole and not project.rules.tags_are_pruned:
        journal = stored.evidence.journal(project.id, source.source, stored.observer)
        known = stored.evidence.tags_shown(project.id, source.source, stored.observer)
        shown = {each.tag for each in answer.evidence if isinstance(each, TagEvidence)}
        if (reason := tag_changes.is_suspect(known.keys() - tag_changes.gone(journal), shown)) is not None:
            return Taken(project, source, taken.at, Outcome.MISREAD, f"{source.url}: {reason}; that is not believed")
        absences = tag_changes.missing(known, journal, shown, sighting)
        if tag_changes.unsettled([*journal, *absences]):
            taken = replace(taken, cursor=UNSETTLED)
    offered = [(each, sighting) for each in answer.evidence if isinstance(each, TagEvidence)]
    tags = stored.evidence.new_tags(project.id, offered)
    taken = replace(taken, tags=tuple(tags), absences=tuple(absences))
    recorded = Measured(tuple(each for each in answer.evidence if isinstance(each, CountEvidence)))
    can_ask = tools.recorded is None and (stored.projection.lacks_counts(project.id) or project.signing is not None)
    if not (tags or recorded.counts or can_ask):
        return taken
    return _with_counts(stored, taken, source, tools, recorded)


def _with_counts(stored: Store, taken: Taken, source: TagsConfig, tools: Tools, recorded: Measured) -> Taken:
    project = taken.project
    revision = stored.projection.revision(project.id)
    evidence = Evidence.read(stored, project).with_tags(taken.tags, taken.absences)
    lineage = line_up(project.rules, evidence.tag_observations(project))
    runs = stored.health.last_runs(project.id, stored.observer)
    measured = measure(evidence, lineage, project, source, tools, runs) if tools.recorded is None else recorded
    known = evidence.counts
    new = replace(
        measured,
        counts=tuple(each for each in measured.counts if known.get((each.base, each.commit)) != each),
        signatures=tuple(each for each in measured.signatures if evidence.signatures.get(each.object_id) != each),
    )
    sighting = taken.sighting or Sighting(source.source, taken.at, None)
    dated = stored.evidence.new_tags(project.id, [(tag, sighting) for tag in measured.tags])
    whole = evidence.with_tags(dated, ()).with_counts(new.counts, new.signatures)
    return replace(taken, tags=(*taken.tags, *dated), measured=new, read_at=(revision, whole))


# --- Mails -----------------------------------------------------------------------------------------


def _with_mails(
    stored: Store, taken: Taken, source: ListConfig, evidence: Sequence[AnyEvidence], sighting: Sighting
) -> Taken:
    """With the mails that are new, each as it is recognised; where the source is read anew, the stored ones too."""
    project = taken.project
    known = stored.evidence.mail_keys(project.id, source.source, stored.observer)
    mails = [each for each in evidence if isinstance(each, MailEvidence) and each.key not in known]
    readings = [(mail, read_mail(project, source, mail, sighting)) for mail in mails]
    again = [
        (mail_id, mail, seen, read_mail(project, source, mail, seen))
        for mail_id, mail, seen in (stored.evidence.mails(project.id) if taken.is_first_fill else ())
        if seen.source == source.source
    ]
    return replace(taken, mails=tuple(each for each in readings if each[1] is not None), read_again=tuple(again))


def read_mail(project: ProjectConfig, source: ListConfig, mail: MailEvidence, sighting: Sighting) -> Reading:
    return recognise_mail(source.rules, project.rules.scheme, mail, sighting)


# --- What it adds ----------------------------------------------------------------------------------


def fresh_of(stored: Store, taken: Taken, revision: int) -> Fresh:
    """All evidence of the project with what the look brings; read again unless it was read at this revision."""
    project, source = taken.project, taken.source
    if taken.read_at is not None and taken.read_at[0] == revision:
        evidence = taken.read_at[1]
    else:
        evidence = Evidence.read(stored, project).with_tags(taken.tags, taken.absences)
        evidence = evidence.with_counts(taken.measured.counts, taken.measured.signatures)
    readings = [*(each[1] for each in taken.mails), *(each[3] for each in taken.read_again)]
    announcements = [each for each in readings if isinstance(each, Announcement)]
    evidence = evidence.with_mails(source.source, announcements, instead=bool(taken.read_again))
    evidence = evidence.with_stations(taken.stations)
    is_silent = taken.is_first_fill and stored.health.source(project.id, source.source) is not None
    return Fresh(
        source=source.source,
        evidence=evidence,
        coverage=taken.coverage,
        head_moved=taken.head is not None and _is_moved(stored, taken),
        known_before=stored.projection.known_versions(project.id) if is_silent else None,
    )


def _is_moved(stored: Store, taken: Taken) -> bool:
    last = stored.evidence.head(taken.project.id, taken.source.source)
    return last is not None and taken.head is not None and last != taken.head.object_id


def store(stored: Store, taken: Taken) -> None:
    """Writes what was taken; in the caller's transaction."""
    if not taken.was_asked:
        return
    project, source = taken.project.id, taken.source.source
    reason = "; ".join(taken.measured.notes)[:_MOST_NOTES] if taken.is_good else taken.reason
    stored.health.add_look(project, source, stored.observer, taken.at, taken.outcome, reason, taken.pause)
    if not taken.is_good or taken.sighting is None:
        return
    stored.health.put_source(project, source, taken.fingerprint, taken.cursor, taken.at)
    coverage = taken.coverage
    stored.health.add_coverage(project, source, coverage.begins_at, coverage.newest_at, coverage.deliveries)
    if taken.head is not None:
        stored.evidence.add_head(project, taken.head, taken.sighting)
    stored.evidence.add_tags(project, taken.tags)
    stored.evidence.add_absences(project, taken.absences)
    stored.evidence.add_stations(project, taken.stations)
    stored.evidence.add_counts(project, taken.measured.counts, taken.at)
    expected = expected_signatures(taken.project)
    stored.evidence.add_signatures(project, expected, taken.measured.signatures, taken.at)
    for mail, reading in taken.mails:
        mail_id, is_new = stored.evidence.add_mail(project, mail, taken.sighting)
        if is_new:
            stored.evidence.put_reading(project, mail_id, mail.key, source, reading, taken.at)
    for mail_id, mail, seen, reading in taken.read_again:
        stored.evidence.put_reading(project, mail_id, mail.key, source, reading, seen.seen_at)


# --- Which source it is ----------------------------------------------------------------------------


def fingerprint_of(project: ProjectConfig, source: SourceConfig) -> str:
    """Changes when the same source would be read otherwise: then it is read again from the start, silently."""
    return _fingerprint(project.rules, source)


@lru_cache
def _fingerprint(rules: ProjectRules, source: SourceConfig) -> str:
    described = [RECOGNISER, asdict(rules), asdict(source)]
    return hashlib.sha256(json.dumps(described, default=_describe, sort_keys=True).encode()).hexdigest()[:16]


def _describe(value: object) -> object:
    return sorted(map(repr, value)) if isinstance(value, frozenset) else str(value)

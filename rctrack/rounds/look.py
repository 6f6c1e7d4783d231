"""One look at a source and all that follows from it: folded and judged outside the lock, written at once."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from rctrack.config import ProjectConfig, SourceConfig
from rctrack.core.book import Book, Plan
from rctrack.core.evidence import SourceId
from rctrack.core.judge import judge
from rctrack.core.look import Outcome
from rctrack.core.mail import Mail
from rctrack.core.notice import Notice
from rctrack.rounds.mail import about_project, mails_of
from rctrack.rounds.round import Round
from rctrack.track import look as looking
from rctrack.track.book import Fresh, read_book
from rctrack.track.hosts import survey
from rctrack.track.look import Taken


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look at a source came to."""

    project: ProjectConfig
    source: SourceId
    outcome: Outcome
    reason: str
    notes: tuple[str, ...] = ()
    """What could not be counted or verified all the same, and why."""
    new: int = 0
    """Tags, mails and listings that were not known."""
    told: tuple[Notice, ...] = ()
    """What it made known, and is not silent."""
    is_first_fill: bool = False


def look_at_all(
    round_: Round, projects: Iterable[ProjectConfig], heard: Callable[[Looked], None], *, silent: bool = False
) -> list[Looked]:
    """One look at every source of the projects, one after the other; `heard` gets each as it ends."""
    looked = []
    for project in projects:
        for source in project.sources:
            looked.append(look(round_, project, source, silent=silent))
            heard(looked[-1])
    return looked


def look(round_: Round, project: ProjectConfig, source: SourceConfig, *, silent: bool = False) -> Looked:
    """One look at a source and all that follows from it, written at once; `send` mails what it made owed."""
    stored = round_.store
    taken = looking.take(stored, project, source, round_.tools, round_.now, silent=silent)
    told: tuple[Notice, ...] = ()
    if taken.is_good and _is_to_be_judged(round_, taken):
        told = judge_until_written(round_, project, taken)
    else:
        with stored.transaction():
            looking.store(stored, taken)
        if not taken.is_good and stored.projection.awaits_proof(project.id):
            told = judge_until_written(round_, project, None)
    return Looked(
        project,
        source.source,
        taken.outcome,
        taken.reason,
        taken.measured.notes,
        len(taken.tags) + len(taken.mails) + len(taken.stations),
        told,
        taken.is_first_fill,
    )


def _is_to_be_judged(round_: Round, taken: Taken) -> bool:
    """Whether it brings news, or something was waiting for the clock or for a look."""
    projection, project = round_.store.projection, taken.project.id
    next_at = projection.next_at(project)
    is_due = next_at is not None and next_at <= round_.now
    return taken.brings_news or is_due or projection.awaits_proof(project)


def judge_until_written(round_: Round, project: ProjectConfig, taken: Taken | None) -> tuple[Notice, ...]:
    """Folds, judges and writes; again where somebody else wrote of this project meanwhile. Returns what is told."""
    stored = round_.store
    while True:
        with stored.snapshot():
            revision = stored.projection.revision(project.id)
            fresh = looking.fresh_of(stored, taken, revision) if taken else None
            health = survey(stored, round_.config, round_.now).health
            can_count = round_.tools.recorded is None and any(each.kind == "git" for each in project.tags)
            book = read_book(stored, project, round_.history, health, round_.now, fresh, can_count=can_count)
        plan = judge(book, round_.now)
        owed = mails_of(round_, plan.notices, partial(about_project, book=_with_notices(book, plan.notices)))
        with stored.transaction():
            if stored.projection.advance(project.id, revision, plan.next_at, awaits_proof=plan.awaits_proof):
                _write(round_, project, book, plan, owed, taken, fresh)
                return tuple(notice for notice in plan.notices if not notice.is_silent)


def _with_notices(book: Book, notices: Iterable[Notice]) -> Book:
    """The book with what was just judged: a mail tells of the next release as the forecast has it now."""
    return replace(book, notices={**book.notices, **{notice.key: notice for notice in notices}})


def _write(
    round_: Round,
    project: ProjectConfig,
    book: Book,
    plan: Plan,
    owed: Sequence[Mail],
    taken: Taken | None,
    fresh: Fresh | None,
) -> None:
    """Evidence, cursor, releases, delays, notices and mails: all of a look, in one transaction."""
    stored = round_.store
    if taken is not None and fresh is not None:
        looking.store(stored, taken)
        stored.evidence.put_unrecognised_tags(project.id, fresh.evidence.unrecognised_tags(project))
    stored.projection.put_releases(project.id, book.releases)
    stored.projection.put_delays(project.id, book.delays(round_.now))
    stored.notices.append(plan.notices)
    stored.outbox.put(owed)


def seems_offline(looked: Sequence[Looked]) -> bool:
    """Whether no host answered at all: then it is us, and nobody else is accused."""
    remote = [each for each in looked if "://" in each.source]
    return bool(remote) and all(each.outcome is Outcome.NO_ANSWER for each in remote)


def rebuild(round_: Round, project: ProjectConfig) -> list[str]:
    """Recognises and folds all evidence again with today's code; the versions that changed. It never mails."""
    stored = round_.store
    with stored.transaction():
        for source in project.lists:
            for mail_id, mail, sighting in stored.evidence.mails(project.id):
                if sighting.source == source.source:
                    reading = looking.read_mail(project, source, mail, sighting)
                    stored.evidence.put_reading(project.id, mail_id, mail.key, source.source, reading, sighting.seen_at)
        health = survey(stored, round_.config, round_.now).health
        before = stored.projection.known_versions(project.id)
        book = read_book(stored, project, round_.history, health, round_.now)
        book = replace(book, silent=frozenset(book.releases) - before)
        changed = stored.projection.put_releases(project.id, book.releases)
        stored.projection.put_delays(project.id, book.delays(round_.now))
        stored.notices.append(notice for notice in judge(book, round_.now).notices if notice.is_silent)
    return changed

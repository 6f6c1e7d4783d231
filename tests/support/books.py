"""A book for tests of what is judged and told, made of observations; its sources do well unless told otherwise."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from rctrack.core.book import Book
from rctrack.core.evidence import Observer, ProjectId, SourceId
from rctrack.core.fold import Counts, flagged, fold
from rctrack.core.followed import Archive, Followed, TagHost
from rctrack.core.habits import unconfirmed
from rctrack.core.hosts import Health, State
from rctrack.core.judge import judge
from rctrack.core.look import Outcome, Run, host_of
from rctrack.core.notice import DueFacts, Kind, Notice
from rctrack.core.proof import stale_sources
from rctrack.core.release import Flag, Observation
from rctrack.core.rules import ProjectRules
from tests.support.given import LIST, PRIMARY, PROJECT, RULES, moment

ALIVE = Health((), ())
LONG_AGO = moment("2020-01-01 00:00")


def tag_host(source: SourceId = PRIMARY, good_at: datetime | None = None, **more: object) -> TagHost:
    """A repository that was looked at well, and is alive, at that moment."""
    made = TagHost(
        source, host_of(source) or source, source in RULES.primaries, LONG_AGO if good_at else None, good_at, good_at
    )
    return replace(made, **more)  # type: ignore[arg-type]


def archive(source: SourceId = LIST, good_at: datetime | None = None, **more: object) -> Archive:
    """An archive of long ago, whose newest mail was delivered at that moment."""
    made = Archive(source, host_of(source), LONG_AGO, None, good_at, good_at, State.UNKNOWN)
    return replace(made, **more)  # type: ignore[arg-type]


def a_book(
    observations: Iterable[Observation],
    now: datetime,
    *,
    rules: ProjectRules = RULES,
    counts: Counts | None = None,
    tags: Sequence[TagHost] | None = None,
    archives: Sequence[Archive] | None = None,
    sites: Sequence[TagHost] = (),
    notices: Iterable[Notice] = (),
    health: Health = ALIVE,
    began_at: datetime | None = LONG_AGO,
    lags: tuple[timedelta, ...] = (),
    runs: Mapping[SourceId, Run] | None = None,
    can_count: bool = False,
    name: str = "Demo",
    project: ProjectId = PROJECT,
) -> Book:
    """The book of the demo project, whose repository and list were looked at just now."""
    hosts = tuple(tags) if tags is not None else (tag_host(good_at=now),)
    releases = fold(project, rules, observations, counts or {})
    stale = stale_sources(releases.values(), hosts)
    if hosts and not {host.source for host in hosts} <= stale:
        releases = flagged(releases, Flag.UNCONFIRMED, unconfirmed(rules.expects, releases.values()))
    told = {notice.key: notice for notice in notices}
    dues = {each.facts.after: each.facts for each in told.values() if isinstance(each.facts, DueFacts)}
    return Book(
        project=project,
        name=name,
        rules=rules,
        zone=ZoneInfo("UTC"),
        releases=releases,
        followed=Followed(
            project=project,
            tags=hosts,
            archives=tuple(archives) if archives is not None else (archive(good_at=now),),
            sites=tuple(sites),
            began_at=began_at,
            feature_parts=rules.feature_parts,
            shipped_lags=lags,
            health=health,
            stale=stale,
        ),
        history=(),
        notices=told,
        dues=tuple(dues.values()),
        runs=runs if runs is not None else {host.source: good_run(host.source, now) for host in hosts},
        good_before=frozenset(host.source for host in hosts),
        can_count=can_count,
    )


def good_run(source: SourceId, now: datetime) -> Run:
    """Looks in a row that were good."""
    return Run(PROJECT, source, Observer("here"), Outcome.GOOD, "", now - timedelta(days=1), now, 90)


def judged(book: Book, now: datetime) -> list[Notice]:
    """What is told at this moment, without forecasts."""
    notices = judge(book, now).notices
    return [notice for notice in notices if not notice.is_silent and notice.kind is not Kind.DUE]


def silent(book: Book, now: datetime) -> list[Notice]:
    """What is noted at this moment and told to nobody."""
    return [notice for notice in judge(book, now).notices if notice.is_silent]

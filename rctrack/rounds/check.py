"""A look at the clock: how hosts do, and what has become late without any new evidence."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial

from rctrack.config import ProjectConfig
from rctrack.core.book import Plan
from rctrack.core.hosts import Outage
from rctrack.core.judge_hosts import HostBook, judge_hosts
from rctrack.core.look import host_of
from rctrack.core.mail import Mail
from rctrack.rounds.look import judge_until_written
from rctrack.rounds.mail import about_hosts, mails_of
from rctrack.rounds.round import Round
from rctrack.track.hosts import Survey, survey


def check(round_: Round, projects: Iterable[ProjectConfig]) -> datetime | None:
    """Judges hosts, and those projects whose time has come; returns when the clock alone may change something."""
    next_at = [_check_hosts(round_)]
    for project in projects:
        due = round_.store.projection.next_at(project.id)
        if due is not None and due <= round_.now:
            judge_until_written(round_, project, None)
        next_at.append(round_.store.projection.next_at(project.id))
    return min((at for at in next_at if at is not None), default=None)


def _check_hosts(round_: Round) -> datetime | None:
    stored = round_.store
    with stored.snapshot():
        state = survey(stored, round_.config, round_.now)
        kept = stored.health.outages()
        book = HostBook(state.health, stored.notices.of_project(None), _good_hosts(round_))
    plan = judge_hosts(book, round_.now)
    owed = mails_of(round_, plan.notices, partial(about_hosts, round_=round_, health=state.health))
    changed = {number: outage for number, outage in state.known.items() if kept.get(number) != outage}
    if changed or state.new or plan.notices:
        with stored.transaction():
            _write_hosts(round_, state, changed, plan, owed)
    return plan.next_at


def _write_hosts(round_: Round, state: Survey, changed: Mapping[int, Outage], plan: Plan, owed: Sequence[Mail]) -> None:
    stored = round_.store
    for number in changed:
        stored.health.put_outage(state.known[number], number)
    for outage in state.new:
        stored.health.put_outage(outage)
    stored.notices.append(plan.notices)
    stored.outbox.put(owed)


def _good_hosts(round_: Round) -> frozenset[str]:
    """The hosts that answered well at some time."""
    stored = round_.store
    return frozenset(
        host_of(source.source)
        for project in round_.config.projects
        for source in project.sources
        if stored.health.source(project.id, source.source) is not None
    )

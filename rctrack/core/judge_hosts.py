"""judge_hosts(book, now) -> Plan: what is to be told of hosts, whichever projects are followed there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from rctrack.core.book import Plan
from rctrack.core.hosts import Health, Outage, OutageKind, State
from rctrack.core.notice import Kind, Notice, OutageFacts, Phase, key_of
from rctrack.core.proof import DOWN_TOLD_AFTER


@dataclass(frozen=True, slots=True)
class HostBook:
    """How all hosts do, and what was told of them."""

    health: Health
    notices: Mapping[str, Notice]
    """By key."""
    good_before: frozenset[str]
    """The hosts that were good at some time: of another nothing but a mistake in the configuration is known."""


def judge_hosts(book: HostBook, now: datetime) -> Plan:
    """What is to be appended at this moment; while it is we who are offline, nothing."""
    if book.health.is_offline:
        return Plan((), now)
    notices = (*_downs(book, now), *_ups(book, now))
    is_failing = any(state is State.FAILING for _, state in book.health.states)
    young = [
        at
        for outage in book.health.outages
        if outage.is_theirs and outage.until is None and (at := outage.since + DOWN_TOLD_AFTER) > now
    ]
    return Plan(notices, min([*young, *([now] if is_failing else [])], default=None))


def _downs(book: HostBook, now: datetime) -> Iterator[Notice]:
    open_hosts = {host for notice in _open(book) for host in _facts(notice).hosts}
    for outage in book.health.outages:
        if not outage.is_theirs or outage.until is not None or now - outage.since < DOWN_TOLD_AFTER:
            continue
        hosts = outage.hosts & book.good_before
        if not hosts or hosts & open_hosts:
            continue
        open_hosts |= hosts
        kind = Kind.OUTAGE if outage.kind is OutageKind.DOWN else Kind.BLOCKED
        phase = Phase.DOWN if kind is Kind.OUTAGE else Phase.ONLY
        subject = f"{min(hosts)} {outage.since:%Y%m%dT%H%M%SZ}"
        if key_of(None, kind, subject, phase) not in book.notices:
            yield Notice(kind, None, subject, phase, now, _outage_facts(outage, hosts))


def _outage_facts(outage: Outage, hosts: frozenset[str]) -> OutageFacts:
    return OutageFacts(tuple(sorted(hosts)), outage.not_before, outage.since, outage.until, outage.reason)


def _ups(book: HostBook, now: datetime) -> Iterator[Notice]:
    """A host that is back, once all that went with it are."""
    for notice in _open(book):
        facts = _facts(notice)
        states = {book.health.state(host) for host in facts.hosts}
        if states <= {State.UP, State.UNKNOWN}:
            until = next((o.until for o in book.health.outages if o.since == facts.since and o.until), now)
            is_gone = states == {State.UNKNOWN}  # nobody follows anything there any more
            yield replace(notice, phase=Phase.UP, said_at=now, facts=replace(facts, until=until), is_silent=is_gone)


def _open(book: HostBook) -> Iterator[Notice]:
    """What was told to be down and not to be back."""
    for notice in book.notices.values():
        up = key_of(None, Kind.OUTAGE, notice.subject, Phase.UP)
        if notice.kind is Kind.OUTAGE and notice.phase is Phase.DOWN and up not in book.notices:
            yield notice


def _facts(notice: Notice) -> OutageFacts:
    assert isinstance(notice.facts, OutageFacts)  # noqa: S101 - for the type checker: such are the facts of an outage
    return notice.facts

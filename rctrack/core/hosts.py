"""How sources do: outcomes of polls -> up, failing, out, blocked or lagging per host, and when it is we who are off.

Down needs several failures over some time, recovery more than one success. Hosts that fail together are one outage;
independent hosts that all fail together mean that we are offline. Time in which rctrack did not look is a hole in our
knowledge, blamed on nobody. Times at which an archive took mail in tell its outages even from before we looked.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from rctrack.core.look import Look, Outcome

FAILURES = 3
"""So many failures in a row, over at least OUT_AFTER, are an outage."""
OUT_AFTER = timedelta(minutes=30)
SUCCESSES = 2
"""So many successes in a row end it."""
HOLE = timedelta(hours=3)
"""A longer time without any look at any host is a hole in our knowledge."""
TOGETHER = timedelta(hours=1)
"""Outages that begin within this of each other are one."""
SLOW = timedelta(hours=24)
"""An archive that stores a mail so much later than it was delivered was out in between."""
INDEPENDENT = 2
"""We are offline only if so many unrelated hosts fail at once."""

_NEVER = datetime.min.replace(tzinfo=UTC)


class State(StrEnum):
    """How a host does; the value is the word that people see."""

    UNKNOWN = "unknown"
    UP = "up"
    FAILING = "failing"
    """It failed, not yet often and long enough to say that it is out."""
    OUT = "out"
    BLOCKED = "blocked"
    """It answers, but not with what was asked for."""
    LAGGING = "lagging"
    """It answers, but what it has is old."""
    OFFLINE = "offline"
    """We cannot tell: no host answers us."""


class OutageKind(StrEnum):
    """What kept us from a host."""

    OUT = "out"
    BLOCKED = "blocked"
    LAGGING = "lagging"
    OFFLINE = "offline"
    """Ours: no host answered. It accuses nobody."""
    HOLE = "hole"
    """Ours: rctrack did not run."""


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which hosts could not be read, as bounds: it began and ended between two looks."""

    kind: OutageKind
    hosts: frozenset[str]
    not_before: datetime | None
    """The last good look before it; None where there was none."""
    since: datetime
    """The first look, or mail, that shows it."""
    until: datetime | None
    """The first good look, or archived mail, after it; None while it lasts."""
    not_after: datetime | None = None
    """The last look that still shows it; with `until` the bounds of its end."""
    reason: str = ""

    def covers(self, first: datetime, last: datetime) -> bool:
        """Whether it and this span have a moment in common."""
        return self.since <= last and (self.until is None or self.until >= first)


@dataclass(frozen=True, slots=True)
class Health:
    """How all hosts do, and every outage that the looks show, oldest first."""

    states: tuple[tuple[str, State], ...]
    outages: tuple[Outage, ...]

    def state(self, host: str) -> State:
        """The state of this host; unknown if it was never looked at."""
        return dict(self.states).get(host, State.UNKNOWN)

    @property
    def offline(self) -> bool:
        """Whether it is we who have no network now."""
        return any(each.kind is OutageKind.OFFLINE and each.until is None for each in self.outages)


@dataclass(frozen=True, slots=True)
class _Watch:
    """One host while its looks are walked through."""

    good_at: datetime | None = None
    """The last success before the failures at hand."""
    first_bad: Look | None = None
    failures: int = 0
    successes: int = 0
    recovered_at: datetime | None = None
    is_open: bool = False


def health(looks: Iterable[Look], lasting: Iterable[Outage] = ()) -> Health:
    """What the looks amount to, in any order; the same looks always give the same.

    `lasting` are outages that had begun before the first of the looks and were not over.
    """
    before = list(lasting)
    ordered = sorted(set(looks), key=lambda look: (look.at, look.host, look.outcome, look.reason))
    holes = _holes(ordered)
    offline = _offline(ordered, next((each for each in before if each.kind is OutageKind.OFFLINE), None))
    blameless = [look for look in ordered if not any(each.since <= look.at < _end(each) for each in offline)]
    found: list[Outage] = []
    states: list[tuple[str, State]] = []
    by_host: dict[str, list[Look]] = {look.host: [] for look in ordered}
    for look in blameless:
        by_host[look.host].append(look)
    is_offline = bool(offline) and offline[-1].until is None
    for host in sorted(by_host):
        state, outages = _walk(
            by_host[host], next((each for each in before if host in each.hosts and _is_out(each)), None)
        )
        found += outages
        states.append((host, State.OFFLINE if is_offline else state))
    outages = [*_together(found), *holes, *offline]
    return Health(tuple(states), tuple(sorted(outages, key=_outage_order)))


def _outage_order(outage: Outage) -> tuple[datetime, str, list[str]]:
    return (outage.since, outage.kind, sorted(outage.hosts))


def _end(outage: Outage) -> datetime:
    return outage.until or datetime.max.replace(tzinfo=UTC)


def _is_out(outage: Outage) -> bool:
    return outage.kind in (OutageKind.OUT, OutageKind.BLOCKED)


def _walk(looks: Sequence[Look], lasting: Outage | None) -> tuple[State, list[Outage]]:
    """The state of one host after its looks, and its outages; `lasting` is one that it was in before.

    1. A failure counts up and clears what successes there were; enough of them over some time open an outage.
    2. A success while none is open clears the failures; while one is open it counts, and enough of them close it at
       the first of them.
    """
    watch, outages = _Watch(), list[Outage]()
    if lasting is not None:
        outcome = Outcome.BLOCKED if lasting.kind is OutageKind.BLOCKED else Outcome.NO_ANSWER
        host = looks[0].host
        first = Look(host, lasting.since, outcome, lasting.reason)
        watch = _Watch(lasting.not_before, first, FAILURES, is_open=True)
        outages = [replace(lasting, hosts=frozenset({host}))]
    for look in looks:
        if not (look.outcome in (Outcome.GOOD, Outcome.BLOCKED) or look.outcome.is_down):
            continue  # an answer that is not what was asked for speaks against an address, and never against a host
        if look.outcome is not Outcome.GOOD:
            watch = _failed(watch, look)
            if watch.is_open:
                outages[-1:] = [replace(outages[-1], not_after=look.at, until=None)]
            elif watch.first_bad and watch.failures >= FAILURES and look.at - watch.first_bad.at >= OUT_AFTER:
                outages.append(_opened(watch, watch.first_bad, look))
                watch = replace(watch, is_open=True)
        elif not watch.is_open:
            watch = _Watch(good_at=look.at)
        else:
            watch = replace(watch, successes=watch.successes + 1, recovered_at=watch.recovered_at or look.at)
            if watch.successes >= SUCCESSES:
                outages[-1] = replace(outages[-1], until=watch.recovered_at)
                watch = _Watch(good_at=look.at)
    return _state(watch), outages


def _failed(watch: _Watch, look: Look) -> _Watch:
    return replace(
        watch,
        first_bad=watch.first_bad or look,
        failures=watch.failures + 1,
        successes=0,
        recovered_at=None,
    )


def _opened(watch: _Watch, first: Look, look: Look) -> Outage:
    kind = OutageKind.BLOCKED if look.outcome is Outcome.BLOCKED else OutageKind.OUT
    return Outage(kind, frozenset({look.host}), watch.good_at, first.at, None, look.at, look.reason)


def _state(watch: _Watch) -> State:
    if watch.first_bad is None:
        return State.UP if watch.good_at else State.UNKNOWN
    if watch.is_open:
        return State.BLOCKED if watch.first_bad.outcome is Outcome.BLOCKED else State.OUT
    return State.FAILING


def _holes(looks: Sequence[Look]) -> list[Outage]:
    """The times in which nothing was looked at: rctrack did not run."""
    moments = sorted({look.at for look in looks})
    return [
        Outage(OutageKind.HOLE, frozenset(), before, before, after, before, "rctrack did not run")
        for before, after in pairwise(moments)
        if after - before > HOLE
    ]


def _offline(looks: Sequence[Look], lasting: Outage | None) -> list[Outage]:
    """The times in which every one of several unrelated hosts could not be reached: it was us.

    1. It begins with the first failure after which no host answered until each that we ask had failed.
    2. It ends with the first answer of any host, even an error: that proves our network.
    """
    found: list[Outage] = []
    asked: dict[str, datetime] = {}
    failed: dict[str, datetime] = {}
    answered_at: datetime | None = None
    last, all_failed = _NEVER, False
    if lasting is not None:
        failed, all_failed = dict.fromkeys(lasting.hosts, lasting.since), True
        answered_at, last = lasting.not_before, lasting.not_after or lasting.since
    for look in looks:
        asked[look.host] = look.at
        if look.outcome is Outcome.NO_ANSWER:
            failed.setdefault(look.host, look.at)
            last = look.at
            still_asked = {host for host, at in asked.items() if look.at - at <= HOLE}
            is_ours = still_asked <= failed.keys() and len(set(map(_site, still_asked))) >= INDEPENDENT
            all_failed = all_failed or is_ours
            continue
        if all_failed and look.at > min(failed.values()):  # an answer of the same moment proves our network
            found.append(_ours(failed, answered_at, last, look.at))
        failed, all_failed = {}, False
        answered_at = look.at
    if all_failed:
        found.append(_ours(failed, answered_at, last, None))
    return found


def _site(host: str) -> str:
    """What hosts of one owner share: kernel.org of git.kernel.org; of an address, the address."""
    name = host.partition(":")[0]
    labels = name.split(".")
    if len(labels) < 3 or labels[-1].isdigit():
        return host
    return ".".join(labels[-3:] if len(labels[-2]) <= 3 and len(labels[-1]) == 2 else labels[-2:])


def _ours(failed: dict[str, datetime], before: datetime | None, last: datetime, until: datetime | None) -> Outage:
    reason = "no host answered: we were offline"
    return Outage(OutageKind.OFFLINE, frozenset(failed), before, min(failed.values()), until, last, reason)


def _together(outages: Sequence[Outage]) -> list[Outage]:
    """Outages of one kind that began together are one, which lasts until the last host is back."""
    merged: list[Outage] = []
    for each in sorted(outages, key=_outage_order):
        known = next((i for i, one in enumerate(merged) if _belong(one, each)), None)
        if known is None:
            merged.append(each)
            continue
        one = merged[known]
        ends = [one.until, each.until]
        merged[known] = replace(
            one,
            hosts=one.hosts | each.hosts,
            until=None if None in ends else max(end for end in ends if end),
            not_after=max(filter(None, (one.not_after, each.not_after)), default=None),
        )
    return merged


def _belong(one: Outage, each: Outage) -> bool:
    return one.kind is each.kind and not one.hosts & each.hosts and abs(each.since - one.since) <= TOGETHER


def continued(known: Sequence[Outage], found: Sequence[Outage]) -> tuple[list[Outage], list[Outage]]:
    """The known outages as the found ones have them now, in the same order, and the found ones that are new.

    `found` may begin in the middle of what is known: an earlier begin, once known, stays.
    """
    now, new, touched = list(known), list[Outage](), set[int]()
    for each in found:
        i = next((i for i, one in enumerate(now) if _is_same(one, each)), None)
        if i is None:
            new.append(each)
            continue
        one = now[i]
        # Of several that continue the same one, it lasts until the last of them is over.
        until = max((one, each), key=_end).until if i in touched else each.until
        now[i] = replace(
            each,
            hosts=one.hosts | each.hosts,
            not_before=one.not_before if one.since <= each.since else each.not_before,
            since=min(one.since, each.since),
            until=until,
            reason=one.reason or each.reason,
        )
        touched.add(i)
    return now, new


def _is_same(one: Outage, each: Outage) -> bool:
    is_theirs = bool(one.hosts & each.hosts) or one.hosts == each.hosts
    return one.kind is each.kind and is_theirs and one.since < _end(each) and each.since < _end(one)


# --- From mail alone -------------------------------------------------------------------------------


def archive_outages(host: str, stored: Iterable[tuple[datetime, datetime]]) -> tuple[Outage, ...]:
    """When an archive did not take mail in, from (delivered, archived) of each mail: the times of those stored late.

    The archive's first fill is left out. An outage began between the mail before it, stored in time, and the first
    that was stored late; it ended when the last mail of the overlapping ones was stored.
    """
    pairs = _without_first_fill(sorted(set(stored)))
    late = [(delivered, archived) for delivered, archived in pairs if archived - delivered > SLOW]
    in_time = [delivered for delivered, archived in pairs if archived - delivered <= SLOW]
    spans: list[tuple[datetime, datetime]] = []
    for delivered, archived in late:
        if spans and delivered <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], archived))
        else:
            spans.append((delivered, archived))
    return tuple(
        Outage(
            OutageKind.LAGGING,
            frozenset({host}),
            max((each for each in in_time if each < since), default=None),
            since,
            until,
            max((delivered for delivered, archived in late if since <= delivered and archived <= until), default=None),
            "mail was stored days after it was delivered",
        )
        for since, until in spans
    )


def _without_first_fill(pairs: Sequence[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """The mails that were delivered after the archive had begun to store."""
    begun = min((archived for _, archived in pairs), default=None)
    return [pair for pair in pairs if begun is not None and pair[0] >= begun]

"""How hosts do: looks -> up, failing, down, blocked or lagging per host, and when it is we who are offline.

Down needs several failures over some time, recovery more than one success. Hosts that fail together are one outage;
independent hosts that all fail together mean that we are offline. Time in which rctrack did not look is a hole in our
knowledge, blamed on nobody: no outage reaches across it. Times at which an archive took mail in tell its outages even
from before we looked.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from rctrack.core.look import Look, Outcome

FAILURES = 3
"""So many failures in a row, over at least DOWN_AFTER, are an outage."""
DOWN_AFTER = timedelta(minutes=30)
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
    """How a host does; the value is the word that people read."""

    UNKNOWN = "unknown"
    UP = "up"
    FAILING = "failing"
    """It failed, not yet often and long enough to say that it is down."""
    DOWN = "down"
    BLOCKED = "blocked"
    """It answers, but does not let us in."""
    LAGGING = "lagging"
    """It answers, but what it has is old."""
    OFFLINE = "offline"
    """We cannot tell: no host answers us."""


class OutageKind(StrEnum):
    """What kept us from a host."""

    DOWN = "down"
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
    """The first good look, or archived mail, after it, or where our own hole begins; None while it lasts."""
    not_after: datetime | None = None
    """The last look that still shows it; with `until` the bounds of its end."""
    reason: str = ""

    def covers(self, first: datetime, last: datetime) -> bool:
        """Whether it and this span have a moment in common."""
        return self.since <= last and (self.until is None or self.until >= first)

    @property
    def is_theirs(self) -> bool:
        """Whether it is a host that could not be read, and not we."""
        return self.kind in (OutageKind.DOWN, OutageKind.BLOCKED)


@dataclass(frozen=True, slots=True)
class Health:
    """How all hosts do, and every outage that the looks show, oldest first."""

    states: tuple[tuple[str, State], ...]
    outages: tuple[Outage, ...]

    def state(self, host: str) -> State:
        """The state of this host; unknown if it was never looked at."""
        return dict(self.states).get(host, State.UNKNOWN)

    @property
    def is_offline(self) -> bool:
        """Whether it is we who have no network now."""
        return any(outage.kind is OutageKind.OFFLINE and outage.until is None for outage in self.outages)

    def was_down(self, host: str, first: datetime, last: datetime) -> bool:
        """Whether this host could not be read at some time of this span."""
        return any(each.is_theirs and host in each.hosts and each.covers(first, last) for each in self.outages)


@dataclass(frozen=True, slots=True)
class _Streak:
    """One host while its looks are walked through: what they have in a row."""

    good_at: datetime | None = None
    """The last success before the failures at hand."""
    first_bad: Look | None = None
    failures: int = 0
    successes: int = 0
    recovered_at: datetime | None = None
    is_open: bool = False
    last_at: datetime | None = None


def health(looks: Iterable[Look], lasting: Iterable[Outage] = (), hole: timedelta = HOLE) -> Health:
    """What the looks amount to, in any order; the same looks always give the same.

    `lasting` are outages that had begun before the first of the looks and were not over; a longer time than `hole`
    without any look is one.
    """
    before = list(lasting)
    ordered = sorted(set(looks), key=lambda look: (look.at, look.host, look.outcome, look.reason))
    holes = _holes(ordered, hole)
    offline = _offline(ordered, next((each for each in before if each.kind is OutageKind.OFFLINE), None))
    blameless = [look for look in ordered if not any(each.since <= look.at < _end(each) for each in offline)]
    outages: list[Outage] = []
    states: list[tuple[str, State]] = []
    by_host: dict[str, list[Look]] = {look.host: [] for look in ordered}
    for look in blameless:
        by_host[look.host].append(look)
    is_offline = bool(offline) and offline[-1].until is None
    for host in sorted(by_host):
        own = next((each for each in before if host in each.hosts and each.is_theirs), None)
        state, theirs = _walk(by_host[host], own, holes)
        outages += theirs
        states.append((host, State.OFFLINE if is_offline else state))
    return Health(tuple(states), tuple(sorted([*_together(outages), *holes, *offline], key=_outage_order)))


def _outage_order(outage: Outage) -> tuple[datetime, str, list[str]]:
    return (outage.since, outage.kind, sorted(outage.hosts))


def _end(outage: Outage) -> datetime:
    return outage.until or datetime.max.replace(tzinfo=UTC)


def _walk(looks: Sequence[Look], lasting: Outage | None, holes: Sequence[Outage]) -> tuple[State, list[Outage]]:
    """The state of one host after its looks, and its outages; `lasting` is one that it was in before.

    1. A hole of our own ends what lasts, where it begins: nobody knows what was in between.
    2. A failure counts up and clears what successes there were; enough of them over some time open an outage.
    3. A success while none is open clears the failures; while one is open it counts, and enough of them close it at
       the first of them.
    """
    streak, outages = _Streak(), list[Outage]()
    if lasting is not None and looks:
        streak, outages = _continued_streak(looks[0].host, lasting)
    for look in looks:
        if streak.last_at is not None and (hole := _hole_between(streak.last_at, look.at, holes)) is not None:
            if streak.is_open:
                outages[-1] = replace(outages[-1], until=hole.since)
            streak = _Streak(good_at=streak.good_at)
        streak = replace(streak, last_at=look.at)
        if look.outcome.is_down or look.outcome is Outcome.BLOCKED:
            streak = _failed(streak, look)
            if streak.is_open:
                outages[-1:] = [replace(outages[-1], not_after=look.at, until=None)]
            elif streak.first_bad and streak.failures >= FAILURES and look.at - streak.first_bad.at >= DOWN_AFTER:
                outages.append(_opened(streak, streak.first_bad, look))
                streak = replace(streak, is_open=True)
        elif not streak.is_open:
            streak = _Streak(good_at=look.at, last_at=look.at)
        else:
            streak = replace(streak, successes=streak.successes + 1, recovered_at=streak.recovered_at or look.at)
            if streak.successes >= SUCCESSES:
                outages[-1] = replace(outages[-1], until=streak.recovered_at)
                streak = _Streak(good_at=look.at, last_at=look.at)
    return _state(streak), outages


def _continued_streak(host: str, lasting: Outage) -> tuple[_Streak, list[Outage]]:
    outcome = Outcome.BLOCKED if lasting.kind is OutageKind.BLOCKED else Outcome.NO_ANSWER
    first = Look(host, lasting.since, outcome, lasting.reason)
    last_at = lasting.not_after or lasting.since
    streak = _Streak(lasting.not_before, first, FAILURES, is_open=True, last_at=last_at)
    return streak, [replace(lasting, hosts=frozenset({host}))]


def _hole_between(first: datetime, last: datetime, holes: Sequence[Outage]) -> Outage | None:
    return next((hole for hole in holes if first <= hole.since and hole.until and hole.until <= last), None)


def _failed(streak: _Streak, look: Look) -> _Streak:
    return replace(
        streak,
        first_bad=streak.first_bad or look,
        failures=streak.failures + 1,
        successes=0,
        recovered_at=None,
    )


def _opened(streak: _Streak, first: Look, look: Look) -> Outage:
    kind = OutageKind.BLOCKED if look.outcome is Outcome.BLOCKED else OutageKind.DOWN
    return Outage(kind, frozenset({look.host}), streak.good_at, first.at, None, look.at, look.reason)


def _state(streak: _Streak) -> State:
    if streak.first_bad is None:
        return State.UP if streak.good_at else State.UNKNOWN
    if streak.is_open:
        return State.BLOCKED if streak.first_bad.outcome is Outcome.BLOCKED else State.DOWN
    return State.FAILING


def _holes(looks: Sequence[Look], longest: timedelta) -> list[Outage]:
    """The times in which nothing was looked at: rctrack did not run; unless every host had blocked us."""
    holes: list[Outage] = []
    last: dict[str, Outcome] = {}
    for before, after in pairwise(looks):
        last[before.host] = before.outcome
        is_left_alone = set(last.values()) == {Outcome.BLOCKED}
        if after.at - before.at > longest and not is_left_alone:
            reason = "rctrack did not run"
            holes.append(Outage(OutageKind.HOLE, frozenset(), before.at, before.at, after.at, before.at, reason))
    return holes


def _offline(looks: Sequence[Look], lasting: Outage | None) -> list[Outage]:
    """The times in which every one of several unrelated hosts could not be reached: it was us.

    1. It begins with the first failure after which no host answered until each that we ask had failed.
    2. It ends with the first answer of any host, even an error: that proves our network.
    """
    outages: list[Outage] = []
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
            outages.append(_ours(failed, answered_at, last, look.at))
        failed, all_failed = {}, False
        answered_at = look.at
    if all_failed:
        outages.append(_ours(failed, answered_at, last, None))
    return outages


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
    for outage in sorted(outages, key=_outage_order):
        known = next((i for i, one in enumerate(merged) if _belong(one, outage)), None)
        if known is None:
            merged.append(outage)
            continue
        one = merged[known]
        ends = [one.until, outage.until]
        merged[known] = replace(
            one,
            hosts=one.hosts | outage.hosts,
            until=None if None in ends else max(end for end in ends if end),
            not_after=max(filter(None, (one.not_after, outage.not_after)), default=None),
        )
    return merged


def _belong(one: Outage, other: Outage) -> bool:
    return one.kind is other.kind and not one.hosts & other.hosts and abs(other.since - one.since) <= TOGETHER


def continued(known: Sequence[Outage], shown: Sequence[Outage]) -> tuple[list[Outage], list[Outage]]:
    """The known outages as these looks have them now, in the same order, and those that are new.

    `shown` may begin in the middle of what is known: an earlier begin, once known, stays.
    """
    now, new, touched = list(known), list[Outage](), set[int]()
    for outage in shown:
        i = next((i for i, one in enumerate(now) if _is_same(one, outage)), None)
        if i is None:
            new.append(outage)
            continue
        one = now[i]
        # Of several that continue the same one, it lasts until the last of them is over.
        until = max((one, outage), key=_end).until if i in touched else outage.until
        now[i] = replace(
            outage,
            hosts=one.hosts | outage.hosts,
            not_before=one.not_before if one.since <= outage.since else outage.not_before,
            since=min(one.since, outage.since),
            until=until,
            reason=one.reason or outage.reason,
        )
        touched.add(i)
    return now, new


def _is_same(one: Outage, other: Outage) -> bool:
    is_theirs = bool(one.hosts & other.hosts) or one.hosts == other.hosts
    return one.kind is other.kind and is_theirs and one.since < _end(other) and other.since < _end(one)


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
            max((delivered for delivered in in_time if delivered < since), default=None),
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

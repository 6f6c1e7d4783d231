"""A forecast in words: the same sentence in mail, status, LATE and digest."""

from collections.abc import Sequence
from datetime import date, datetime

from rctrack.core.forecast import BAND, Era, Final
from rctrack.core.notice import DueFacts

FEW = 10
"""With fewer cases they are counted out, and no odds are made of them."""
SURE = 0.95
"""Odds from here on go without saying."""
_ODDS = ((1, 20), (1, 10), (1, 5), (1, 4), (1, 3), (1, 2), (2, 3), (3, 4), (4, 5), (9, 10), (19, 20))
"""The odds that people take in at a glance."""


def due_words(facts: DueFacts, now: datetime) -> str:
    """Returns what comes next and when, as people read it: "final, 3 in 4, else rc8; Sun 12 Apr"."""
    if facts.is_past or facts.last.date() < now.date():
        return f"{facts.step} was due {_day(facts.on, now, weekday=True)}"
    return f"{_step(facts)}; {_when(facts, now)}"


def _step(facts: DueFacts) -> str:
    """Returns what is expected, how likely it is and what else may come: "final, 3 in 4, else rc8"."""
    if facts.is_promised:
        return f"{facts.step}, as announced"
    others = facts.others
    if not facts.step_cases:
        return " or ".join([facts.step, *others])
    if facts.step_cases >= FEW and facts.odds >= SURE:
        return facts.step
    if facts.step_cases >= FEW:
        odds = in_words(facts.odds)
    else:
        odds = _counted(facts.step_times, facts.step_cases)
        others = others if facts.step_times < facts.step_cases else ()
    return f"{facts.step}, {odds}" + (f", else {' or '.join(others)}" if others else "")


def _when(facts: DueFacts, now: datetime) -> str:
    """Returns when it is expected: "Sun 12 Apr", or the likely days with their odds and the likeliest of them."""
    if facts.cases < FEW:
        odds = f"{facts.came} of {facts.cases} had come by then"
    elif facts.on_odds >= 0.5:
        point = _day(facts.on, now, weekday=True)
        return point if facts.on_odds >= SURE else f"{point}, {in_words(facts.on_odds)}"
    else:
        odds = in_words(facts.day_odds)
    return _likely(facts.first, facts.last, facts.on, odds, now)


def final_words(final: Final, asked_on: date) -> str:
    """Returns when a final is out that is cycles ahead: "7.4: 20 to 27 Dec, 9 in 10, likeliest Sun 20 Dec"."""
    first, last = final.days.interval(BAND)
    odds = f"as {final.cases} cycles went" if final.cases < FEW else in_words(final.days.between(first, last))
    return f"{final.text or 'final'}: {_likely(first, last, final.days.point, odds, asked_on)}"


def by_words(finals: Sequence[Final], by: date, asked_on: date) -> str:
    """Returns which finals are out when a day is over: "by 1 Mar 2027: 7.4, 19 in 20; 7.5, 2 in 3"."""
    named = [f"{final.text or f'{final.ahead} more'}, {in_words(final.odds_by(by))}" for final in finals]
    return f"by {_day(by, asked_on)}: {'; '.join(named) or 'no final'}"


def era_words(eras: Sequence[Era]) -> str:
    """Returns where numbering began anew: "numbered anew with 3.2-rc1 since 2021-01-20, after 20200710"; else ""."""
    if len(eras) < 2:
        return ""
    old, new = eras[-2:]
    return f"numbered anew with {new.first.version.text} since {new.first.day}, after {old.newest.version.text}"


def in_words(odds: float) -> str:
    """Returns odds (0 to 1) as "3 in 4"; nothing is surer than "19 in 20"."""
    times, of = min(_ODDS, key=lambda words: abs(words[0] / words[1] - odds))
    return f"{times} in {of}"


def _counted(times: int, cases: int) -> str:
    """Returns how often something came, of so few times."""
    return "as the one time before" if times == cases == 1 else f"{times} of {cases} times"


def _likely(first: date, last: date, point: date, odds: str, today: date) -> str:
    """Returns the likely days, their odds and the likeliest of them."""
    likeliest = _day(point, today, weekday=True)
    return f"{likeliest}, {odds}" if first == last else f"{_days(first, last, today)}, {odds}, likeliest {likeliest}"


def _days(first: date, last: date, today: date) -> str:
    """Returns the days as "30 Mar to 15 Apr", with their year where it is not this one."""
    ends = _day(last, today)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} to {ends}"
    return f"{_day(first, today if first.year != last.year else first)} to {ends}"


def _day(day: date, today: date, *, weekday: bool = False) -> str:
    """Returns "12 Apr", with its year where it is not this one."""
    return f"{day:%a }" * weekday + f"{day.day} {day:%b}" + (f" {day.year}" if day.year != today.year else "")

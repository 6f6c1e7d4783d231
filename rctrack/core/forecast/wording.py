"""A forecast in words: the same sentence in mail, status, LATE and digest."""

from datetime import date

from rctrack.core.forecast.next import Forecast

FEW = 10
"""With fewer cases they are counted out, and no odds are made of them."""
SURE = 0.95
"""Odds from here on go without saying."""
SLIGHT = 0.05
"""Alternatives below are not named."""
_ODDS = ((1, 20), (1, 10), (1, 5), (1, 4), (1, 3), (1, 2), (2, 3), (3, 4), (4, 5), (9, 10), (19, 20))
"""The odds that people take in at a glance."""


def words(forecast: Forecast) -> str:
    """Returns the forecast as people read it: "final, 3 in 4, else rc8; Sun 12 Apr"."""
    if forecast.is_past:
        return f"{forecast.step} was due {_day(forecast.point, forecast.asked_on, weekday=True)}"
    return f"{step_words(forecast)}; {day_words(forecast)}"


def step_words(forecast: Forecast) -> str:
    """Returns what is expected, how likely it is and what else may come: "final, 3 in 4, else rc8"."""
    others = [step for step, odds in forecast.steps[1:] if odds >= SLIGHT]
    if not forecast.step_cases:
        return " or ".join([forecast.step, *others])
    is_few = forecast.step_cases < FEW
    if is_few and forecast.step_times == forecast.step_cases:
        others = []
    if not is_few and forecast.odds >= SURE:
        return forecast.step
    odds = _counted(forecast.step_times, forecast.step_cases) if is_few else in_words(forecast.odds)
    return f"{forecast.step}, {odds}" + (f", else {' or '.join(others)}" if others else "")


def day_words(forecast: Forecast) -> str:
    """Returns when it is expected: "Sun 12 Apr", or the likely days with their odds and the likeliest of them."""
    point = _day(forecast.point, forecast.asked_on, weekday=True)
    if forecast.cases < FEW:
        odds = f"{forecast.came} of {forecast.cases} had come by then"
    elif forecast.day_odds >= 0.5:
        return point if forecast.day_odds >= SURE else f"{point}, {in_words(forecast.day_odds)}"
    else:
        odds = in_words(forecast.mass)
    if forecast.first == forecast.last:
        return f"{point}, {odds}"
    return f"{_days(forecast.first, forecast.last, forecast.asked_on)}, {odds}, likeliest {point}"


def in_words(odds: float) -> str:
    """Returns odds (0 to 1) as "3 in 4"; nothing is surer than "19 in 20"."""
    times, of = min(_ODDS, key=lambda each: abs(each[0] / each[1] - odds))
    return f"{times} in {of}"


def _counted(times: int, cases: int) -> str:
    """Returns how often something came, of so few times."""
    return "as the one time before" if times == cases == 1 else f"{times} of {cases} times"


def _days(first: date, last: date, today: date) -> str:
    """Returns the days as "30 Mar to 15 Apr", with their year where it is not this one."""
    ends = _day(last, today)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} to {ends}"
    return f"{_day(first, today if first.year != last.year else first)} to {ends}"


def _day(day: date, today: date, *, weekday: bool = False) -> str:
    """Returns "12 Apr", with its year where it is not this one."""
    return f"{day:%a }" * weekday + f"{day.day} {day:%b}" + (f" {day.year}" if day.year != today.year else "")

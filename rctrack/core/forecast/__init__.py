"""When the next release of a cycle is due, from the project's own past and nothing later."""

from rctrack.core.forecast.cycles import Cycle, Past, cycles_of, extras, past_of
from rctrack.core.forecast.odds import Forecast, Said, Target, forecast, overdue_at, rhythm, words

__all__ = [
    "Cycle",
    "Forecast",
    "Past",
    "Said",
    "Target",
    "cycles_of",
    "extras",
    "forecast",
    "overdue_at",
    "past_of",
    "rhythm",
    "words",
]

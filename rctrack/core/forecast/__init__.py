"""What comes next in a project and when, from its own past and nothing later."""

from rctrack.core.forecast.ahead import Final, final_of, finals_by, next_final
from rctrack.core.forecast.cycles import Cycle, Past, cycles_of, extras, past_of, undated_of
from rctrack.core.forecast.days import DayOdds, rhythm
from rctrack.core.forecast.next import Forecast, next_step
from rctrack.core.forecast.numbering import Era, eras
from rctrack.core.forecast.steps import Promise
from rctrack.core.forecast.wording import by_words, era_words, final_words, words

__all__ = [
    "Cycle",
    "DayOdds",
    "Era",
    "Final",
    "Forecast",
    "Past",
    "Promise",
    "by_words",
    "cycles_of",
    "era_words",
    "eras",
    "extras",
    "final_of",
    "final_words",
    "finals_by",
    "next_final",
    "next_step",
    "past_of",
    "rhythm",
    "undated_of",
    "words",
]

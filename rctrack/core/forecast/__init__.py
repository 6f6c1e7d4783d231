"""What comes next in a project and when, from its own past and nothing later."""

from rctrack.core.forecast.ahead import Final, final_of, finals_by, next_final
from rctrack.core.forecast.cycles import Cycle, Past, cycles_of, extras, past_of, undated_of
from rctrack.core.forecast.days import DayOdds, rhythm
from rctrack.core.forecast.next import BAND, Forecast, next_step
from rctrack.core.forecast.numbering import Era, eras
from rctrack.core.forecast.steps import Promise

__all__ = [
    "BAND",
    "Cycle",
    "DayOdds",
    "Era",
    "Final",
    "Forecast",
    "Past",
    "Promise",
    "cycles_of",
    "eras",
    "extras",
    "final_of",
    "finals_by",
    "next_final",
    "next_step",
    "past_of",
    "rhythm",
    "undated_of",
]

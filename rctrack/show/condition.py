"""How rctrack itself does, in words: a line each, as `status` and `health` have them."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from rctrack.core.condition import Condition, Trouble
from rctrack.core.evidence import SourceId
from rctrack.core.look import Outcome
from rctrack.show import words

_MOST_NAMED = 2


def lines(condition: Condition, now: datetime) -> Iterator[str]:
    """Who looks, and when it was last done; then what is wrong."""
    last = "nothing was looked at yet"
    if condition.looked_at is not None and condition.looked_at > now:
        last = f"the last look is dated {words.duration(condition.looked_at - now)} ahead of the clock"
    elif condition.looked_at is not None:
        last = f"the last look was {words.duration(now - condition.looked_at)} ago"
    found = list(condition.troubles(now))
    if condition.daemon is None:
        yield f"No daemon runs; {last}."
    elif Trouble.FROZEN in found:
        yield f"The daemon (pid {condition.daemon}) does not look: {last}."
    else:
        yield f"The daemon (pid {condition.daemon}) runs; {last}."
    for trouble in found:
        if said := _said(trouble, condition, now):
            yield said


def _said(trouble: Trouble, condition: Condition, now: datetime) -> str:
    match trouble:
        case Trouble.OWED if condition.owed:
            owed = condition.owed
            mails = "1 mail waits" if owed.number == 1 else f"{owed.number} mails wait"
            why = f": {owed.error}" if owed.error else ""
            return f"{mails}, since {words.duration(now - owed.since)}{why}."
        case Trouble.REFUSED:
            mails = "1 mail was" if condition.refused == 1 else f"{condition.refused} mails were"
            return f"{mails} refused and given up; `rctrack doctor` says why."
        case Trouble.RAISED:
            failed = [run.source for run in condition.runs if run.outcome is Outcome.RAISED]
            return f"Our own code failed at {_few(failed)}; `rctrack doctor` tries it."
        case Trouble.NEVER_GOOD:
            return f"Never read yet: {_few(condition.never_good)}; `rctrack doctor` tries it."
        case _:
            return ""


def _few(sources: Iterable[SourceId]) -> str:
    """Names the first sources, and counts the others."""
    named = sorted(set(sources))
    more = [f"{len(named) - _MOST_NAMED} more"] if len(named) > _MOST_NAMED else []
    return words.joined([*named[:_MOST_NAMED], *more])

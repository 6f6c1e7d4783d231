"""How rctrack itself does: does a daemon run and look, was each source ever read, does mail go out."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from rctrack.core.evidence import SourceId
from rctrack.core.look import Outcome, Run


class Trouble(StrEnum):
    """What is wrong with an installation."""

    NO_DAEMON = "no daemon"
    FROZEN = "frozen"
    """A daemon has the database and does not look."""
    OWED = "owed"
    """Mail waits for long."""
    REFUSED = "refused"
    """Mail was given up."""
    RAISED = "raised"
    """Our own code failed at a look."""
    NEVER_GOOD = "never good"
    """A source was never read."""


LONG_OWED = timedelta(hours=1)
"""A mail that waits longer has not gone out; before that it may just be on its way."""
PATIENCE = 3
"""A daemon that has not looked for so many times its longest interval does not look any more."""


@dataclass(frozen=True, slots=True)
class Owed:
    """Mail that has not gone out."""

    number: int
    since: datetime
    """Since when the oldest waits."""
    error: str
    """What the channel said last; empty where it was not tried."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What there is to say of this installation, besides the projects."""

    daemon: int | None
    """The pid that has the database; None where nobody writes to it."""
    looked_at: datetime | None
    """When a look was last over; None where there was none."""
    interval: timedelta
    """The longest time between two looks at a source."""
    runs: tuple[Run, ...]
    """The newest looks at each source that is followed."""
    never_good: frozenset[SourceId]
    owed: Owed | None
    refused: int
    """Mails that were given up."""

    def is_asleep(self, now: datetime) -> bool:
        """Whether no look was made for much longer than is meant."""
        return self.looked_at is None or now - self.looked_at > PATIENCE * self.interval

    def troubles(self, now: datetime) -> Iterator[Trouble]:
        """What is wrong, what matters most first."""
        if self.is_asleep(now):
            yield Trouble.NO_DAEMON if self.daemon is None else Trouble.FROZEN
        if self.owed is not None and now - self.owed.since > LONG_OWED:
            yield Trouble.OWED
        if self.refused:
            yield Trouble.REFUSED
        if any(run.outcome is Outcome.RAISED for run in self.runs):
            yield Trouble.RAISED
        if self.never_good:
            yield Trouble.NEVER_GOOD

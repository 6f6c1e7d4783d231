"""A look: one question to one source, and what it came to, in one alphabet for all that is told of sources."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Outcome(StrEnum):
    """What a look came to; the value is the word that is stored and shown."""

    GOOD = "good"
    NO_ANSWER = "no answer"
    """Name, route, connection, TLS or time failed: the host was not reached, which may be our own network's fault."""
    ERROR = "error"
    """The host answered that it cannot answer (5xx)."""
    BLOCKED = "blocked"
    """The host does not let us in: a challenge page, 403, 429."""
    MOVED = "moved"
    """The host names another address for good, or says that this one is gone (301, 308, 410)."""
    MISREAD = "misread"
    """An answer that is not what was asked for: 401, 404, another kind of page, a folder that is no archive."""
    RAISED = "raised"
    """Our own code failed in a way that was not foreseen; it says nothing of the host."""

    @property
    def is_reached(self) -> bool:
        """Whether the host answered at all, which proves our own network."""
        return self not in (Outcome.NO_ANSWER, Outcome.RAISED)


@dataclass(frozen=True, slots=True)
class Look:
    """One question to one host."""

    host: str
    at: datetime
    outcome: Outcome
    reason: str = ""

"""A look: one question to one source, and what it came to, in one alphabet for all that is told of sources."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from rctrack.core.evidence import Observer, ProjectId, SourceId


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


@dataclass(frozen=True, slots=True)
class Run:
    """Looks in a row at one source by one observer, without a long pause, that came to the same."""

    project: ProjectId
    source: SourceId
    observer: Observer
    outcome: Outcome
    reason: str
    """Of the first of them; empty where it was good."""
    first_at: datetime
    last_at: datetime
    looks: int

    @property
    def host(self) -> str:
        """The host that was asked; empty for what is on this machine."""
        return host_of(self.source)

    def looks_since(self, begin: datetime) -> list[Look]:
        """The looks of the run from then on, and the last before; evenly spaced, for only first and last are known.

        They are whole seconds, as what is stored of them is: the same looks give the same outage, stored or not.
        """
        span, gaps = self.last_at - self.first_at, max(self.looks - 1, 1)
        first = 0 if begin <= self.first_at or not span else min((begin - self.first_at) * gaps // span, gaps)
        return [
            Look(self.host, (self.first_at + span * number / gaps).replace(microsecond=0), self.outcome, self.reason)
            for number in range(first, self.looks)
        ]


def host_of(source: SourceId) -> str:
    """The host of a source, with its port if it names one; empty for what is on this machine."""
    return urlsplit(source.partition(" ")[2]).netloc.rpartition("@")[2]

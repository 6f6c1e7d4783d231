"""A look: one question to one source, and what it came to, in one alphabet for all that is told of sources."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import urlsplit

from rctrack.core.evidence import Observer, ProjectId, SourceId

_SCP = re.compile(r"(?:[\w.-]+@)?([A-Za-z0-9][\w.-]*|\[[0-9A-Fa-f:.]+\]):(?!//)")
"""git@host:path, as git takes it; a host name never begins with a dash, which ssh would take for an option."""
_OF_OUR_OWN = re.compile(
    r"(?:^|\.)(?:localhost|localdomain|local|lan|home|internal|intranet|private|corp|home\.arpa|test)$"
)
"""Names that only a local network knows (RFC 6761, RFC 6762, RFC 8375, and what routers and firms make up)."""


class Outcome(StrEnum):
    """What a look came to; the value is the word that is stored and shown."""

    GOOD = "good"
    NO_ANSWER = "no answer"
    """Name, route, connection, TLS or time failed: the host was not reached, which may be our own network's fault."""
    REFUSED = "refused"
    """The machine was reached, and nothing listens there: as down as no answer, and yet our network works."""
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
        """Whether the host answered at all, which proves our own network where the host is a public one."""
        return self not in (Outcome.NO_ANSWER, Outcome.RAISED)

    @property
    def is_down(self) -> bool:
        """Whether it speaks of a host that gives no service; any other answer than the one asked for is service."""
        return self in (Outcome.NO_ANSWER, Outcome.REFUSED, Outcome.ERROR)


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
    pause: timedelta | None = None
    """How long the host asked to be left alone, at the last of them."""

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
    return host_in(source.partition(" ")[2])


def host_in(address: str) -> str:
    """The host of an address (a URL, or git@host:path), with its port; empty for a path on this machine."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    if parts.netloc:
        return parts.netloc.rpartition("@")[2]
    shorthand = _SCP.match(address)
    return shorthand[1] if shorthand else ""


def is_public(host: str) -> bool:
    """Whether an answer of this host proves that we are on the Internet.

    Not one of this machine, of a private network, or of a name without a dot: those answer also while we are cut off.
    """
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    try:
        return ip_address(name).is_global
    except ValueError:
        return "." in name and not _OF_OUR_OWN.search(name)

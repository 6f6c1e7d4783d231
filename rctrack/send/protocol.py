"""What every channel promises, and how it answers."""

from dataclasses import dataclass
from typing import Protocol


class ChannelError(Exception):
    """The configured transport cannot be opened; the message says what to do and never holds a secret."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The mail is in safe hands (or, from a probe: it would be)."""


@dataclass(frozen=True, slots=True)
class Deferred:
    """Not now: keep the mail and try again later."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Never: this mail, or its recipient, will not be accepted however often it is tried."""

    reason: str


Delivery = Sent | Deferred | Refused


class Channel(Protocol):
    """A way out for mail; expected failures are values, and nothing is kept between two calls."""

    def send(self, message: bytes, sender: str, recipient: str) -> Delivery:
        """Hand over one whole mail (RFC 5322, CRLF), addresses bare or as `Name <address>`."""
        ...

    def probe(self) -> Delivery:
        """Whether a mail could be handed over now, as far as that shows without sending one."""
        ...

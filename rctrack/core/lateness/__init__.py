"""What is late, against the project's own past, and whose gap it is (DESIGN sections 2 and 5).

A wait is a gap between two stations, or between one and now. It becomes a delay when it is longer than the project's
own past makes plausible, with proof that what is missing would have been seen.
"""

from rctrack.core.lateness.clocks import announced_at, when_published
from rctrack.core.lateness.limits import LIMITS, limit_of
from rctrack.core.lateness.record import (
    Archive,
    Cause,
    Delay,
    DelayKind,
    Ended,
    Expected,
    Review,
    TagHost,
    Wait,
    Watched,
)
from rctrack.core.lateness.review import related, review

__all__ = [
    "LIMITS",
    "Archive",
    "Cause",
    "Delay",
    "DelayKind",
    "Ended",
    "Expected",
    "Review",
    "TagHost",
    "Wait",
    "Watched",
    "announced_at",
    "limit_of",
    "related",
    "review",
    "when_published",
]

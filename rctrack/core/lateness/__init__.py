"""What is late, against the project's own past, and whose gap it is (DESIGN sections 2 and 5).

A wait is a gap between two stations, or between one and now. It is a delay when it is longer than the project's own
past makes plausible, with proof that what is missing would have been seen. Delays are folds: nothing of them is kept
but what can be folded again.
"""

from rctrack.core.lateness.clocks import announced_at, when_published
from rctrack.core.lateness.delay import Cause, Delay, DelayKey, DelayKind, Ended, Wait
from rctrack.core.lateness.hops import Hop, held_by, hops_of
from rctrack.core.lateness.limits import LIMITS, limit_of
from rctrack.core.lateness.record import cannot_tell, delays_of
from rctrack.core.lateness.waits import Expected, waits_of

__all__ = [
    "LIMITS",
    "Cause",
    "Delay",
    "DelayKey",
    "DelayKind",
    "Ended",
    "Expected",
    "Hop",
    "Wait",
    "announced_at",
    "cannot_tell",
    "delays_of",
    "held_by",
    "hops_of",
    "limit_of",
    "waits_of",
    "when_published",
]

"""Rounds: look, check, send. The one place that joins looking, judging, rendering and sending.

1. `look`: one look at one source, with no transaction open. What it brings is folded and judged, and written at once.
2. `check`: a look at the clock. How hosts do, and what has become late without any new evidence.
3. `send`: digests that are due, and every mail that waits for its next attempt.
"""

from rctrack.rounds.check import check
from rctrack.rounds.digest import digest_of, owe_digest_now, owe_digests
from rctrack.rounds.look import Looked, look, look_at_all, rebuild, seems_offline
from rctrack.rounds.round import Round
from rctrack.rounds.send import send

__all__ = [
    "Looked",
    "Round",
    "check",
    "digest_of",
    "look",
    "look_at_all",
    "owe_digest_now",
    "owe_digests",
    "rebuild",
    "seems_offline",
    "send",
]

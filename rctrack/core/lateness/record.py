"""The record: which waits are delays."""

from collections.abc import Iterable
from datetime import datetime

from rctrack.core.evidence import ProjectId
from rctrack.core.lateness.delay import Delay, Ended, Wait


def delays_of(project: ProjectId, waits: Iterable[Wait], now: datetime) -> tuple[Delay, ...]:
    """Every wait that is or was longer than its limit, in the order of `waits`; an open one only where it is proved."""
    return tuple(_delay(project, wait) for wait in waits if wait.is_late(now) and (wait.until or wait.is_proven))


def _delay(project: ProjectId, wait: Wait) -> Delay:
    is_open = wait.until is None
    ended = None if is_open else Ended.NEVER if wait.is_never else Ended.CLOSED
    return Delay(
        project=project,
        version=wait.version,
        kind=wait.kind,
        where=wait.where,
        since=wait.since,
        limit=wait.limit,
        until=wait.until,
        cause=None if is_open else wait.cause,
        ended=ended,
        proven_at=wait.proven_at if is_open else None,
    )


def cannot_tell(waits: Iterable[Wait], now: datetime) -> list[Wait]:
    """The waits that last beyond their limit without proof of life: "archive silent, cannot tell"."""
    return [wait for wait in waits if wait.until is None and wait.is_late(now) and not wait.is_proven]

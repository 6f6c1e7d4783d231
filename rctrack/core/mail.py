"""A mail: the bytes for one reader, and what they tell."""

from dataclasses import dataclass
from datetime import datetime

from rctrack.core.evidence import MessageId, ProjectId

DIGEST = "digest"
"""The topic of a reader's own digest; the end of its period is where the next one begins."""
ASKED = "asked"
"""The topic of a digest that somebody asked for: it moves no reader's own."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that is owed to one reader until it is sent."""

    message_id: MessageId
    reader: str
    """Their address."""
    topic: str
    """A Topic, or one of the two above."""
    project: ProjectId | None
    thread: str
    """Mails of one thread are sent in order, and refer to each other."""
    owed_at: datetime
    content: bytes | None
    """Written before the first attempt, so that every attempt sends the same; None until it is."""
    notices: tuple[str, ...] = ()
    """The keys of what it tells."""
    since: datetime | None = None
    """Of a digest: the beginning of its period, which ends at `owed_at`."""
    attempts: int = 0

"""What a round has to do with."""

from dataclasses import dataclass, field
from datetime import datetime

from rctrack.config import Config, shipped
from rctrack.sources import Tools
from rctrack.store import Store
from rctrack.track.book import History


@dataclass(frozen=True, slots=True)
class Round:
    """Configuration, a connection of its own, tools, and the moment it happens at."""

    config: Config
    store: Store
    tools: Tools
    now: datetime
    program: str
    """Its name and version, for people."""
    history: History = field(default_factory=lambda: History(shipped() / "history"))

"""How far back an archive is asked that can only be searched by the dates of its mails, and what it has brought."""

import json
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

SHORT = timedelta(days=2)
"""Before the last search; it covers Date headers of clocks that are wrong, and mail that waited somewhere."""
_LONG_EVERY = timedelta(days=1)
_SETTLED = timedelta(hours=1)
"""After a change of the manifest everything is in the index of the search, which is made afterwards."""


@dataclass(slots=True)
class Memory:
    """What earlier looks brought, and how far back they searched."""

    mails: dict[str, str] = field(default_factory=dict)
    """Of each mail that was brought its key and what tells it from another under the same Message-ID."""
    addresses: tuple[str, ...] = ()
    """The list's own, which it may write into From."""
    fingerprint: str = ""
    """Of the manifest."""
    changed_at: datetime | None = None
    """When that fingerprint was first met."""
    searched_at: datetime | None = None
    searched_long_at: datetime | None = None

    @classmethod
    def load(cls, cursor: str) -> "Memory":
        read = json.loads(cursor)
        if isinstance(read, list):  # as cursors were before searches had windows
            return cls(dict.fromkeys(read, ""))
        moments = {name: datetime.fromisoformat(at) if at else None for name, at in read.pop("moments").items()}
        return cls(read["mails"], tuple(read["addresses"]), read["fingerprint"], **moments)

    def dump(self) -> str:
        moments = {name: getattr(self, name) for name in ("changed_at", "searched_at", "searched_long_at")}
        told = {"mails": self.mails, "addresses": self.addresses, "fingerprint": self.fingerprint}
        return json.dumps({**told, "moments": {name: at and at.isoformat() for name, at in moments.items()}})

    def note_manifest(self, fingerprint: str, now: datetime) -> None:
        """What the inbox says of itself; where it says nothing, it may have changed each time."""
        if fingerprint != self.fingerprint or not fingerprint or self.changed_at is None:
            self.fingerprint, self.changed_at = fingerprint, now

    def window(self, since: date, now: datetime) -> date | None:
        """From which day on to search: two days before the last search, or once a day from `since`; None for not."""
        if not self._is_due(self.searched_at, timedelta(0), now):
            return None
        if self._is_due(self.searched_long_at, _LONG_EVERY, now):
            return since
        return (min(now, self.searched_at or now) - SHORT).date()

    def note_search(self, window: date | None, since: date, now: datetime) -> None:
        """What was searched at last; None for all there is."""
        if window is None or window <= since:
            self.searched_long_at = now
        self.searched_at = now

    def _is_due(self, before: datetime | None, every: timedelta, now: datetime) -> bool:
        """Whether there may be anything that the search then has not found, for the index is made after the change."""
        if before is None or self.changed_at is None or before > now:  # a clock was put back
            return True
        return before < self.changed_at + _SETTLED and now - before >= every

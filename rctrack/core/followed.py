"""What is followed of a project, and how far each of its sources is known: absence needs proof of life (DESIGN 2)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from rctrack.core.evidence import ProjectId, SourceId
from rctrack.core.hosts import Health, State
from rctrack.core.version import FeatureParts


@dataclass(frozen=True, slots=True)
class TagHost:
    """A repository, or a project's own site, that is followed."""

    source: SourceId
    host: str
    """The host, or the path of what is on this machine."""
    is_primary: bool
    first_look_at: datetime | None
    """Our first good look; None before it."""
    good_at: datetime | None
    """Our last good look."""
    alive_at: datetime | None
    """When it last showed something new: a moved HEAD or a tag that came while we looked."""
    state: State = State.UNKNOWN

    @property
    def can_tell(self) -> bool:
        """Whether its next look is likely to be a good one."""
        return self.good_at is not None and self.state not in (State.DOWN, State.BLOCKED, State.OFFLINE)


@dataclass(frozen=True, slots=True)
class Archive:
    """A list archive that is followed, and how far it is known to be alive."""

    source: SourceId
    host: str
    begins_at: datetime | None
    """Its oldest mail; what is older has no record that could exist."""
    stores_since: datetime | None
    """When it stored its first mail, by its own clock; what is older came with its first fill."""
    alive_at: datetime | None
    """The newest delivery among all mails seen in it: proof of life, also by mails that announce nothing."""
    good_at: datetime | None = None
    """Our last good look."""
    state: State = State.UNKNOWN

    @property
    def can_tell(self) -> bool:
        """Whether a mail that comes now is likely to be seen there."""
        return self.good_at is not None and self.state not in (State.DOWN, State.BLOCKED, State.OFFLINE, State.LAGGING)


@dataclass(frozen=True, slots=True)
class Followed:
    """All sources of a project, and what is known of how they do."""

    project: ProjectId
    tags: tuple[TagHost, ...]
    archives: tuple[Archive, ...]
    sites: tuple[TagHost, ...]
    """The project's own sites that list its releases."""
    began_at: datetime | None
    """Since when all sources of the project are looked at; None before the first look."""
    feature_parts: FeatureParts
    shipped_lags: tuple[timedelta, ...]
    """From tag to announcement, of past releases that no source of ours shows; oldest first."""
    health: Health
    stale: frozenset[SourceId] = frozenset()
    """The tag sources that have stopped: announcements go on, their tags do not come and HEAD stays."""

    @property
    def archives_begin_at(self) -> datetime | None:
        """From when on every archive has a record of mails; None where that is not known of one."""
        begins = [archive.begins_at for archive in self.archives]
        return None if not begins or None in begins else max(at for at in begins if at)

    @property
    def archives_alive_at(self) -> datetime | None:
        """Up to when a mail that reached the list is proved to be in each archive; None where nothing proves it."""
        alive = [archive.alive_at for archive in self.archives]
        return None if not alive or None in alive else min(at for at in alive if at)

    @property
    def tags_alive_at(self) -> datetime | None:
        """Up to when a new tag is proved to be shown by some repository; None where nothing proves it."""
        return max((host.alive_at for host in self.tags if host.alive_at), default=None)

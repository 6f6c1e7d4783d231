"""The book of a project: all that is stored of it, read once and folded once, and how its sources do."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from rctrack.core.evidence import ProjectId, SourceId
from rctrack.core.followed import Followed
from rctrack.core.habits import Habits
from rctrack.core.history import ShippedRelease
from rctrack.core.lateness import Delay, Expected, Wait, delays_of, waits_of
from rctrack.core.look import Run
from rctrack.core.notice import DueFacts, Kind, Notice, Phase, key_of
from rctrack.core.release import Release
from rctrack.core.rules import ProjectRules
from rctrack.core.version import Version, VersionId


@dataclass(frozen=True)
class Book:
    """Everything that is judged of a project, and told of it."""

    project: ProjectId
    name: str
    """For people."""
    rules: ProjectRules
    zone: ZoneInfo
    """In which the days of its cadence are counted."""
    releases: Mapping[VersionId, Release]
    """Ascending."""
    followed: Followed
    history: tuple[ShippedRelease, ...]
    """Facts about past releases that come with rctrack."""
    notices: Mapping[str, Notice]
    """What was told, or is known and never told, by key; of a forecast the newest."""
    dues: tuple[DueFacts, ...]
    """The newest forecast made after each release."""
    runs: Mapping[SourceId, Run]
    """The last looks in a row at each source."""
    good_before: frozenset[SourceId]
    """The sources that were good at some time."""
    can_count: bool = False
    """Whether commits can be counted at all: not in a recording, nor where no git host is followed."""
    silent: frozenset[VersionId] = frozenset()
    """Versions that came with the first fill of a source: known from now on, and told to nobody."""

    @cached_property
    def habits(self) -> Habits:
        """What may be expected of each release."""
        return Habits(self.rules.expects, self.releases.values(), self.followed.archives_begin_at)

    @cached_property
    def waits(self) -> list[Wait]:
        """Every gap of every release."""
        expected = (Expected(due.after, due.version, due.overdue_at) for due in self.dues)
        return waits_of(self.followed, self.habits, self.releases, expected)

    def delays(self, now: datetime) -> tuple[Delay, ...]:
        """What is or was late."""
        return delays_of(self.project, self.waits, now)

    def notice(self, kind: Kind, subject: str, phase: Phase = Phase.ONLY) -> Notice | None:
        """What was told under this key."""
        return self.notices.get(key_of(self.project, kind, subject, phase))

    @cached_property
    def newest(self) -> Release | None:
        """The release that was made last."""
        dated = [release for release in self.releases.values() if release.made_at]
        return max(dated, key=lambda release: (release.made_at or release.first_seen_at, release.version), default=None)

    @property
    def due(self) -> DueFacts | None:
        """What is forecast to come next."""
        notice = self.notice(Kind.DUE, "next")
        return notice.facts if notice is not None and isinstance(notice.facts, DueFacts) else None

    def is_feature(self, version: Version) -> bool:
        """Whether it is, or leads to, a feature release rather than a point release."""
        return version.is_feature(self.rules.feature_parts.of(version))


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be appended, and when the clock alone may change the judgement."""

    notices: tuple[Notice, ...]
    next_at: datetime | None
    """Before this only new evidence, or proof of life, can change anything; None: ever."""
    awaits_proof: bool = False
    """Whether the next look at a source, whatever it comes to, may prove something."""


def earliest(*moments: datetime | None) -> datetime | None:
    """The first of those that are known."""
    return min((moment for moment in moments if moment is not None), default=None)

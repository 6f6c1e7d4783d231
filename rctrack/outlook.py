"""What is expected next of a project: its own past and the history that comes with rctrack, put to the cadence."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from rctrack.config import ProjectConfig
from rctrack.config.history import load_history
from rctrack.core.evidence import ProjectId
from rctrack.core.forecast import Forecast, Past, Promise, extras, next_step, past_of, undated_of, words
from rctrack.core.history import ShippedRelease
from rctrack.core.lateness import Expected
from rctrack.core.release import Announcement, Flag, Precision, Release
from rctrack.core.version import Version, VersionId

Seen = Sequence[tuple[Version, datetime]]
"""Releases that have a cadence, and when they came."""


class Outlook:
    """What is expected next; history is read once, and what is made of it stands until another release comes."""

    def __init__(self, history: Path) -> None:
        """`history` is the folder of shipped facts."""
        self._folder = history
        self._shipped: dict[ProjectId, tuple[ShippedRelease, ...]] = {}
        self._extras: dict[ProjectId, tuple[frozenset[VersionId], frozenset[VersionId]]] = {}
        self._made: dict[ProjectId, tuple[object, Forecast | None]] = {}

    def next_release(
        self, project: ProjectConfig, seen: Seen, now: datetime | None, said: Promise | None = None
    ) -> Forecast | None:
        """What follows the newest of these releases, and when; with `now` the days before it are ruled out.

        None where nothing is known or the past is too short.
        """
        asked_on = now.astimezone(project.timezone).date() if now else None
        key = (tuple(seen), asked_on, said)
        if self._made.get(project.id, (None, None))[0] != key:
            past = self._past(project, seen)
            made = next_step(
                past,
                project.rules.feature_parts,
                project.timezone,
                asked_on=asked_on,
                promise=said,
                undated=undated_of(self._history(project), past),
            )
            self._made[project.id] = (key, made)
        return self._made[project.id][1]

    def in_words(self, project: ProjectConfig, releases: Mapping[VersionId, Release], now: datetime) -> str:
        """What comes next and when, for people; empty where that cannot be said."""
        made = self.next_release(project, seen_of(releases.values()), now, said_of(releases))
        return words(made) if made else ""

    def expected(self, project: ProjectConfig, releases: Mapping[VersionId, Release]) -> Expected | None:
        """What is due next and from when on it is overdue, as it stood when the newest release came."""
        seen = seen_of(releases.values())
        made = self.next_release(project, seen, None, said_of(releases)) if seen else None
        if made is None:
            return None
        return Expected(made.after.id, made.version, made.overdue_at)

    def with_extras(self, project: ProjectConfig, releases: dict[VersionId, Release]) -> dict[VersionId, Release]:
        """The same releases, those flagged that are more candidates than this project usually makes."""
        if self._extras.get(project.id, (None, None))[0] != releases.keys():
            known = [*(each.version for each in self._history(project)), *(each.version for each in releases.values())]
            self._extras[project.id] = (frozenset(releases), extras(known, project.rules.feature_parts))
        flagged = self._extras[project.id][1]
        return {
            key: replace(each, flags=each.flags | {Flag.EXTRA}) if key in flagged else each
            for key, each in releases.items()
        }

    def shipped_lags(self, project: ProjectConfig, until: datetime) -> list[timedelta]:
        """How long after its tag each past release was announced, where history knows both to the second."""
        known = [
            (each.tagged.at.at, each.announced.at.at)
            for each in self._history(project)
            if each.tagged
            and each.announced
            and {each.tagged.precision, each.announced.precision} == {Precision.SECOND}
        ]
        return [announced - tagged for tagged, announced in sorted(known) if announced < until]

    def _history(self, project: ProjectConfig) -> tuple[ShippedRelease, ...]:
        if project.id not in self._shipped:
            self._shipped[project.id] = load_history(self._folder, project.id, project.rules.scheme)
        return self._shipped[project.id]

    def _past(self, project: ProjectConfig, seen: Seen) -> tuple[Past, ...]:
        """The days of the releases that we saw, and of the shipped ones that were made before the newest."""
        newest = max((came_at for _, came_at in seen), default=None)
        known = past_of(self._history(project), seen, project.timezone)
        return tuple(each for each in known if newest and each.day <= newest.astimezone(project.timezone).date())


def seen_of(releases: Iterable[Release]) -> list[tuple[Version, datetime]]:
    """The releases that have a cadence, and when they were made; what is unconfirmed counts for nothing."""
    return [
        (release.version, made_at)
        for release in releases
        if (made_at := release.came_at) and release.cycle and Flag.UNCONFIRMED not in release.flags
    ]


def said_of(releases: Mapping[VersionId, Release]) -> Promise | None:
    """What the newest release's own mail promises of its successor."""
    dated = [release for release in releases.values() if release.came_at]
    newest = max(dated, key=lambda release: release.came_at or release.first_seen_at, default=None)
    return said_in(newest.announcements) if newest else None


def said_in(mails: Iterable[Announcement]) -> Promise | None:
    """What these mails of one release promise of its successor."""
    promised = next((mail.promised for mail in mails if mail.promised), None)
    if promised is None:
        return None
    return Promise.FINAL if promised == "final" else Promise.CANDIDATE

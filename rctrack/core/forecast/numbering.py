"""Eras of numbering: a project that counted days (20200710) and then versions (3.2) began anew."""

from collections.abc import Iterable
from dataclasses import dataclass

from rctrack.core.forecast.cycles import Past

APART = 100
"""Leading numbers so many times apart belong to different numberings."""


@dataclass(frozen=True, slots=True)
class Era:
    """The releases that share one numbering, oldest first."""

    releases: tuple[Past, ...]

    @property
    def first(self) -> Past:
        """The release with which it began."""
        return self.releases[0]

    @property
    def newest(self) -> Past:
        """Its highest version."""
        return max(self.releases, key=lambda release: release.version)


def eras(past: Iterable[Past]) -> tuple[Era, ...]:
    """Returns the eras of numbering, in the order in which they began; one where numbering never changed.

    An old branch that goes on after a change belongs to the era that it was numbered in.
    """
    members: list[list[Past]] = []
    leading: list[int] = []
    for release in sorted(past, key=lambda release: (release.day, release.version.numbers, release.version.candidate)):
        number = max(1, release.version.numbers[0] if release.version.numbers else 0)
        place = len(leading) - 1
        while place >= 0 and not leading[place] < APART * number < APART * APART * leading[place]:
            place -= 1
        if place < 0:
            place = len(leading)
            members.append([])
            leading.append(number)
        members[place].append(release)
        leading[place] = max(leading[place], number)
    return tuple(Era(tuple(releases)) for releases in members)

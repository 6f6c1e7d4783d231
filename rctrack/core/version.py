"""Versions: parsed, ordered, and which release precedes which (DESIGN section 4)."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NewType

VersionId = NewType("VersionId", str)
"""One spelling per version, so that 1.9, 1.9.0 and v1.9.0 are one key: "1.9", "6.18-rc3"."""


class Stage(IntEnum):
    """How far a version is; a candidate of a later stage is the newer one."""

    ALPHA = 1
    BETA = 2
    TEST = 3
    PRE = 4
    RC = 5
    FINAL = 6


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A version; equal and ordered by its numbers alone, whatever its spelling."""

    numbers: tuple[int, ...]
    """Without trailing zeros, since a trailing .0 equals absent."""
    letter: str
    """The patch letter of old projects (git 1.0.0b), else empty."""
    stage: Stage
    candidate: int
    """The number of the candidate; 0 for a final."""
    base: str = field(compare=False)
    """The version that is being made, as it was written: "2.44.0" for 2.44.0-rc1."""
    text: str = field(compare=False)
    """As people write it, a numbered candidate in one spelling: "2.44.0-rc1", but "2.12pre"."""

    @property
    def is_final(self) -> bool:
        return self.stage is Stage.FINAL

    @property
    def rc(self) -> int | None:
        """The candidate number; None for a final."""
        return None if self.is_final else self.candidate

    @property
    def id(self) -> VersionId:
        """The same string for every spelling of this version."""
        return VersionId(self.cycle_id + ("" if self.is_final else _suffix(self.stage, self.candidate)))

    @property
    def cycle_id(self) -> VersionId:
        """The id of the version that is being made; equal for all its candidates and its final."""
        return VersionId(".".join(map(str, self.numbers)) + self.letter)

    def series(self, feature_parts: int) -> tuple[int, ...]:
        """What point releases share: the first `feature_parts` numbers."""
        return _without_trailing_zeros(self.numbers[:feature_parts])

    def is_feature(self, feature_parts: int) -> bool:
        """Whether this is, or leads to, a feature release rather than a point release."""
        return len(self.numbers) <= feature_parts and not self.letter

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class FeatureParts:
    """How many numbers make a feature version, by era: git has 3 before 2.0 and 2 since."""

    eras: tuple[tuple[tuple[int, ...], int], ...]
    """(first version of the era, parts), ascending; the first era begins at ()."""

    def of(self, version: Version) -> int:
        return next(parts for since, parts in reversed(self.eras) if version.numbers >= since)


# The longest number is bounded: int() of a huge digit string is quadratic, and no project counts past 9 digits.
_NUMBERS = r"(?P<numbers>\d{1,9}(?:\.\d{1,9}){0,7})(?P<letter>[a-z]?)"
_CANDIDATE = r"(?:[-._~ ]?(?P<stage>{stages})[-._ ]?(?P<candidate>\d{{1,4}})?)?"
_DOTTED = re.compile(_NUMBERS + _CANDIDATE.format(stages="rc|pre|beta|alpha"), re.IGNORECASE | re.ASCII)
_KERNEL = re.compile(_NUMBERS + _CANDIDATE.format(stages="rc|pre|test"), re.IGNORECASE | re.ASCII)


def _parse_numbered(pattern: re.Pattern[str]) -> Callable[[str], Version | None]:
    def parse(text: str) -> Version | None:
        found = pattern.fullmatch(text)
        if found is None:
            return None
        base = found["numbers"] + found["letter"].lower()
        stage = Stage[found["stage"].upper()] if found["stage"] else Stage.FINAL
        candidate = int(found["candidate"] or 0)
        return Version(
            numbers=_without_trailing_zeros(tuple(int(number) for number in found["numbers"].split("."))),
            letter=found["letter"].lower(),
            stage=stage,
            candidate=candidate,
            base=base,
            text=base + _suffix(stage, candidate) if found["candidate"] else text,
        )

    return parse


SCHEMES: dict[str, Callable[[str], Version | None]] = {
    "dotted": _parse_numbered(_DOTTED),
    "kernel": _parse_numbered(_KERNEL),
}


def parse_version(scheme: str, text: str) -> Version | None:
    """The version that `text` spells in this scheme, or None when it spells none; never an exception."""
    return SCHEMES[scheme](text.strip().removeprefix("v")) if len(text) <= 80 else None


def all_previous(tagged: Iterable[Version], feature_parts: FeatureParts) -> dict[Version, Version | None]:
    """The release that each tagged one follows, None where there is none (DESIGN section 4); one ascending pass."""
    newest_candidate: dict[VersionId, Version] = {}
    newest_in_series: dict[tuple[int, ...], Version] = {}
    newest_feature: Version | None = None
    result: dict[Version, Version | None] = {}
    for version in sorted(set(tagged)):
        parts = feature_parts.of(version)
        is_feature, series = version.is_feature(parts), version.series(parts)
        before = newest_feature if is_feature else newest_in_series.get(series)
        result[version] = newest_candidate.get(version.cycle_id, before)
        if not version.is_final:
            newest_candidate[version.cycle_id] = version
        else:
            newest_in_series[series] = version
            if is_feature:
                newest_feature = version
    return result


def _suffix(stage: Stage, candidate: int) -> str:
    return f"-{stage.name.lower()}{candidate}"


def _without_trailing_zeros(numbers: tuple[int, ...]) -> tuple[int, ...]:
    while numbers and numbers[-1] == 0:
        numbers = numbers[:-1]
    return numbers

"""Versions: parsed, ordered, and which release precedes which (DESIGN section 4)."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import IntEnum
from functools import lru_cache
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
    """The patch letter of old projects (1.2b is upon 1.2), else empty."""
    stage: Stage
    candidate: int
    """The number of the candidate; 0 for a final."""
    revision: int
    """What is counted upon a version: 2 for 6.1.5-rt2, 1 for backports 6.5-rc3-1; else 0."""
    base: str = field(compare=False)
    """The version that is being made, as it was written: "2.44.0" for 2.44.0-rc1."""
    text: str = field(compare=False)
    """As people write it, a numbered candidate in one spelling: "2.44.0-rc1", but "2.12pre"."""
    dated: bool = field(compare=False, default=False)
    """Named for a day or a month: such a version belongs to no cycle."""
    mark: str = field(compare=False, default="-")
    """What stands before the revision."""

    @property
    def is_final(self) -> bool:
        return self.stage is Stage.FINAL

    @property
    def is_unnumbered(self) -> bool:
        """Whether this is a candidate whose number is not told: "2.44-rc"."""
        return not self.is_final and self.candidate == 0 and not self.text[-1:].isdigit()

    @property
    def rc(self) -> int | None:
        """The candidate number; None for a final."""
        return None if self.is_final else self.candidate

    @property
    def id(self) -> VersionId:
        """The same string for every spelling of this version."""
        candidate = "" if self.is_final else _suffix(self.stage, self.candidate)
        return VersionId(self.cycle_id + candidate + (f"{self.mark}{self.revision}" if self.revision else ""))

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
_NUMBERS = r"(?P<numbers>\d{1,9}(?:[._]\d{1,9}){0,7}%s)(?P<letter>[a-z]?)"
_DATED = r"(?P<numbers>(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))(?P<letter>)"
_CANDIDATE = r"(?:[-._~ ]{0,3}\(?(?P<stage>%s)[-._# ]{0,2}(?P<candidate>\d{1,4})?\)?)?"
_WORDS = r"release[- ]candidate|candidate|rc|pre-?release|preview|pre|beta|alpha|test|[ab](?=\d)"
_REVISION = r"(?:%s(?P<revision>\d{1,6}))?"
_SPELLED = {"CANDIDATE": "RC", "B": "BETA", "A": "ALPHA", "PREVIEW": "PRE", "PRERELEASE": "PRE"}


def _pattern(numbers: str, candidate: str, revision: str) -> re.Pattern[str]:
    return re.compile(numbers + candidate + revision, re.IGNORECASE | re.ASCII)


# A dash number before the candidate is one more number (OFED 9.8-1-rc7), one after it a revision (6.5-rc3-1); three
# numbers that are a day are that day, 2024-05-08.
_DAYS = _pattern(_DATED, _CANDIDATE % _WORDS, _REVISION % "-")
_DOTTED = _pattern(_NUMBERS % r"(?:-\d{1,3}(?![.\d]))?", _CANDIDATE % _WORDS, _REVISION % "-")
_KERNEL = _pattern(_NUMBERS % "", _CANDIDATE % "rc|pre|test", "")
_RT = _pattern(_NUMBERS % "", _CANDIDATE % "rc|pre|test", r"-rt(?P<revision>\d{1,6})")
_DAY = re.compile(
    r"(?:(?P<next>next)-|[a-z]+-)?(?P<written>(?P<year>\d{4})(?P<mark>[-.]?)(?P<month>\d\d)(?P=mark)(?P<day>\d\d))",
    re.IGNORECASE | re.ASCII,
)
_MONTH_DAY = re.compile(
    r"(?P<month>[a-z]{3,9})\.? +(?P<day>\d{1,2})(?:[, ]+(?P<year>\d{4}))?", re.IGNORECASE | re.ASCII
)
_MONTH_YEAR = re.compile(r"(?P<month>[a-z]{3,9})\.?,? +(?P<year>\d{4})", re.IGNORECASE | re.ASCII)
_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip

Parser = Callable[[str, date | None], Version | None]
"""From what was written, and the day on which it was, where that is known."""


def _parse_numbered(*patterns: re.Pattern[str], mark: str = "-") -> Parser:
    def parse(text: str, _written_on: date | None) -> Version | None:
        found = next((match for pattern in patterns if (match := pattern.fullmatch(text))), None)
        if found is None:
            return None
        base = found["numbers"].replace("_", ".") + found["letter"].lower()
        word = re.sub("release[- ]c", "c", (found["stage"] or "final").lower()).replace("-", "").upper()
        stage, candidate = Stage[_SPELLED.get(word, word)], int(found["candidate"] or 0)
        revision = found.groupdict().get("revision")
        numbers = tuple(int(number) for number in re.split("[._-]", found["numbers"]))
        suffix = _suffix(stage, candidate) if found["candidate"] else ""
        upon = f"{mark}{int(revision)}" if revision else ""
        return Version(
            numbers=_without_trailing_zeros(numbers),
            letter=found["letter"].lower(),
            stage=stage,
            candidate=candidate,
            revision=int(revision or 0),
            base=base,
            text=base + suffix + upon if suffix or stage is Stage.FINAL else text,
            mark=mark,
        )

    return parse


def _parse_days_then_numbers(text: str, written_on: date | None) -> Version | None:
    """A number, or a day of the time before the project had numbers, which is older than any number from 1 on."""
    version = SCHEMES["dotted"](text, written_on)
    if version is None:
        return None
    day = _DAY.match(version.base)
    if day is None or day["written"] != version.base:
        return version
    return replace(version, numbers=(0, int(day["year"] + day["month"] + day["day"])))


def _parse_day(text: str, written_on: date | None) -> Version | None:
    """A day: 2030-06-07, 20300607, linux-next's next-20300607; or "Jun 7" of the year closest to when it was written.

    Its text is what was written, without a word before it; days without a year are linux-next's and spelled like its
    tags.
    """
    try:
        if found := _DAY.fullmatch(text):
            day = date(int(found["year"]), int(found["month"]), int(found["day"]))
            return _of_day(day, ("next-" if found["next"] else "") + found["written"])
        found = _MONTH_DAY.fullmatch(text)
        month = _month(found["month"]) if found else None
        if found is None or month is None:
            return None
        if found["year"]:
            return _of_day(date(int(found["year"]), month, int(found["day"])))
    except ValueError:
        return None
    return None if written_on is None else _closest_day(month, int(found["day"]), written_on)


def _closest_day(month: int, day: int, written_on: date) -> Version | None:
    days = []
    for year in range(max(written_on.year - 1, 1), min(written_on.year + 2, 10000)):
        try:
            days.append(date(year, month, day))
        except ValueError:  # 29 February
            continue
    closest = min(days, key=lambda each: abs(each - written_on), default=None)
    return _of_day(closest) if closest and abs(closest - written_on) < timedelta(days=200) else None


def _of_day(day: date, written: str = "") -> Version:
    text = written or f"next-{day:%Y%m%d}"
    return Version((day.year, day.month, day.day), "", Stage.FINAL, 0, 0, text, text, dated=True)


def _parse_month(text: str, _written_on: date | None) -> Version | None:
    """A release a month at most: "June 2030", or a day of it as 20300607."""
    if found := _DAY.fullmatch(text) if text[:1].isdigit() else None:
        month: int | None = int(found["month"])
    else:
        found = _MONTH_YEAR.fullmatch(text)
        month = _month(found["month"]) if found else None
    if found is None or month is None or not 1 <= month <= 12:
        return None
    name = f"{_MONTHS[month - 1].capitalize()} {found['year']}"
    return Version((int(found["year"]), month), "", Stage.FINAL, 0, 0, name, name, dated=True)


def _month(name: str) -> int | None:
    fits = [number for number, month in enumerate(_MONTHS, 1) if month.startswith(name.lower()[:4])]
    fits = fits or [number for number, month in enumerate(_MONTHS, 1) if month.startswith(name.lower()[:3])]
    return fits[0] if len(fits) == 1 else None


SCHEMES: dict[str, Parser] = {
    "dotted": _parse_numbered(_DAYS, _DOTTED),
    "kernel": _parse_numbered(_KERNEL),
    "rt": _parse_numbered(_RT, mark="-rt"),
    "days-then-dotted": _parse_days_then_numbers,
    "daily": _parse_day,
    "monthly": _parse_month,
}


@lru_cache(maxsize=8192)
def parse_version(scheme: str, text: str, written_on: date | None = None) -> Version | None:
    """The version that `text` spells in this scheme, or None when it spells none; never an exception."""
    return SCHEMES[scheme](re.sub("^[vV]", "", text.strip()), written_on) if len(text) <= 80 else None


def all_previous(tagged: Iterable[Version], feature_parts: FeatureParts) -> dict[Version, Version | None]:
    """The release that each tagged one follows, None where there is none (DESIGN section 4); one ascending pass."""
    newest_in_cycle: dict[VersionId, Version] = {}
    newest_in_series: dict[tuple[int, ...], Version] = {}
    newest_feature: Version | None = None
    result: dict[Version, Version | None] = {}
    for version in sorted(set(tagged)):
        if version.dated:
            result[version] = None
            continue
        parts = feature_parts.of(version)
        is_feature, series = version.is_feature(parts), version.series(parts)
        before = newest_feature if is_feature else newest_in_series.get(series)
        result[version] = newest_in_cycle.get(version.cycle_id, before)
        newest_in_cycle[version.cycle_id] = version
        if version.is_final:
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

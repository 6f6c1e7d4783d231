"""Core types as JSON: whatever is written is read again as it was."""

import json
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from enum import Enum
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from rctrack.core.notice import FACTS, Facts, Kind, LateFacts, SourceFacts
from rctrack.core.release import Announcement
from rctrack.core.summary import ReleaseSummary
from rctrack.core.version import Version
from rctrack.store.codec import decode, encode, utc
from tests.support.given import announcement, instant, version

MOMENTS = st.integers(0, 2**32).map(lambda second: datetime.fromtimestamp(second, UTC))
VERSIONS = st.sampled_from(["2.42", "2.42-rc1", "2.6.20.1", "1.0", "6.18-rc8", "2.42.0"]).map(version)
SIMPLE: dict[object, st.SearchStrategy[Any]] = {
    str: st.text(),
    int: st.integers(),
    bool: st.booleans(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    datetime: MOMENTS,
    date: st.dates(),
    timedelta: st.integers(-(10**6), 10**6).map(lambda seconds: timedelta(seconds=seconds)),
    Version: VERSIONS,
}


def any_of(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of this type, by its annotations."""
    kind = getattr(kind, "__supertype__", kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return st.one_of(*(st.none() if each is type(None) else any_of(each) for each in arguments))
    if origin is tuple:
        return st.lists(any_of(arguments[0]), max_size=3).map(tuple)
    if origin is frozenset:
        return st.frozensets(any_of(arguments[0]), max_size=3)
    if isinstance(kind, type) and is_dataclass(kind) and kind is not Version:
        hints = get_type_hints(kind)
        return st.builds(kind, **{field.name: any_of(hints[field.name]) for field in fields(kind)})
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(kind)
    return SIMPLE[kind]


@pytest.mark.parametrize("kind", sorted(set(FACTS.values()), key=repr))
def test_facts_of_every_kind_come_back_as_they_were(kind: type[Facts]) -> None:
    """Each field of each, whatever it holds."""

    @settings(max_examples=30)
    @for_all(any_of(kind))
    def check(value: Facts) -> None:
        assert decode(kind, encode(value)) == value

    check()


@pytest.mark.parametrize("kind", [Announcement, ReleaseSummary])
def test_what_is_read_of_mails_and_listed_of_releases_comes_back_as_it_was(kind: type[object]) -> None:
    """A version by its text, in the scheme of its project."""

    @settings(max_examples=30)
    @for_all(any_of(kind))
    def check(value: object) -> None:
        assert decode(kind, encode(value), "dotted") == value

    check()


def test_every_kind_of_notice_has_its_facts() -> None:
    """Else it could be told, and not be read again."""
    assert set(FACTS) == set(Kind)


def test_json_is_what_people_and_scripts_can_read() -> None:
    """Instants in UTC ending in Z, spans in seconds, words for what is one of several."""
    mail = announcement("2.42", "2026-04-01 09:00", delivered="2026-04-01 09:01")
    shown = json.loads(encode(mail))
    assert shown["announced"] == {"at": "2026-04-01T09:00:00Z", "offset": 0.0}
    assert (shown["versions"], shown["archived"]) == (["2.42"], None)
    assert encode("käse €") == '"käse €"'


def test_an_instant_is_stored_in_utc_whatever_zone_it_has() -> None:
    """To the second."""
    there = datetime(2026, 4, 1, 11, 0, 0, 999999, timezone(timedelta(hours=2)))
    assert (utc(there), utc(None)) == ("2026-04-01T09:00:00Z", None)
    assert encode(instant("2026-04-01 09:00", 2)) == '{"at":"2026-04-01T09:00:00Z","offset":7200.0}'


@dataclass(frozen=True, slots=True)
class Older:
    """What another version of rctrack stored."""

    source: str
    outcome: str
    reason: str
    since: datetime
    gone: int
    """A field that there is no more."""


def test_what_another_version_stored_is_read_by_name() -> None:
    """A field that is lacking has its default, one that is not known is left out."""
    stored = encode(Older("tags x", "moved", "301", datetime(2026, 4, 1, tzinfo=UTC), 7))
    facts = decode(SourceFacts, stored)
    assert (facts.source, facts.names) == ("tags x", None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{}",
        "[]",
        "7",
        "null",
        '"text"',
        '{"version": "1.0", "name": "v1.0", "delay": "nonsense", "where": "", "since": "2026-04-01T00:00:00Z",'
        ' "limit": 1, "shown_at": []}',
        '{"version": "1.0", "name": "v1.0", "delay": "mirror", "where": "", "since": "yesterday",'
        ' "limit": 1, "shown_at": []}',
        '{"version": "1.0", "name": "v1.0", "delay": "mirror", "where": "", "since": "2026-04-01T00:00:00Z",'
        ' "limit": "long", "shown_at": []}',
        '{"version": "1.0", "name": "v1.0", "delay": "mirror", "where": "", "since": "2026-04-01T00:00:00Z",'
        ' "limit": 1, "shown_at": 3}',
    ],
)
def test_what_holds_no_such_value_is_refused(text: str) -> None:
    """With one of two errors, so that it can be left alone."""
    with pytest.raises((TypeError, ValueError)):
        decode(LateFacts, text)


def test_what_has_no_place_in_json_is_not_stored() -> None:
    """Instead of as something else."""
    with pytest.raises(TypeError, match="bytes is not stored"):
        encode(b"text")

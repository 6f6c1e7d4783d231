"""Core types <-> JSON, by their annotations: dataclasses become objects, instants text in UTC, spans seconds.

A version is stored as its text, and read by the scheme of its project.
"""

import json
import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from rctrack.core.version import Version, parse_version

T = TypeVar("T")


def encode(value: object) -> str:
    """The value as JSON text."""
    return json.dumps(plain(value), separators=(",", ":"), ensure_ascii=False)


def decode(kind: type[T], text: str, scheme: str = "") -> T:
    """The value of this type that the text holds; TypeError or ValueError where it holds none."""
    value: T = _reader(cast("Any", kind), scheme)(json.loads(text))
    return value


def utc(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC ending in Z; seconds are as fine as any source of ours."""
    return None if moment is None else moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def plain(value: object) -> Any:  # noqa: PLR0911 - one line a type
    """The value as JSON has it: objects, lists, text and numbers."""
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | float() | str():
            return value
        case datetime():
            return utc(value)
        case date():
            return value.isoformat()
        case Version():
            return value.text
        case timedelta():
            return value.total_seconds()
        case tuple() | list():
            return [plain(each) for each in value]
        case frozenset() | set():
            return sorted((plain(each) for each in value), key=str)
        case _ if is_dataclass(value):
            return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    raise TypeError(f"{type(value).__name__} is not stored")


@cache
def _reader(kind: Any, scheme: str) -> Callable[[Any], Any]:  # noqa: PLR0911 - one line a type
    """The function that makes a value of this type from what JSON gives; made once for each type."""
    kind = getattr(kind, "__supertype__", kind)
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        [inner] = [each for each in get_args(kind) if each is not type(None)]
        read = _reader(inner, scheme)
        return lambda given: None if given is None else read(given)
    if origin in (tuple, frozenset):
        read = _reader(get_args(kind)[0], scheme)
        # A version that its scheme does not know any more is none.
        return lambda given: origin(value for each in given if (value := read(each)) is not None)
    if kind is Version:
        return lambda given: parse_version(scheme, given)
    if is_dataclass(kind):
        return _dataclass_reader(kind, scheme)
    if kind is datetime:
        return datetime.fromisoformat
    if kind is date:
        return date.fromisoformat
    if kind is timedelta:
        return lambda given: timedelta(seconds=given)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    return lambda given: given


def _dataclass_reader(kind: Any, scheme: str) -> Callable[[Mapping[str, Any]], Any]:
    """Reads by name; a field that the stored object lacks has its default, one that the type lacks is left out."""
    hints = get_type_hints(kind)
    readers = {field.name: _reader(hints[field.name], scheme) for field in fields(kind)}

    def read(given: Mapping[str, Any]) -> Any:
        if not isinstance(given, Mapping):
            raise TypeError(f"{kind.__name__} is stored as an object, and not as {given!r}"[:200])
        return kind(**{name: readers[name](value) for name, value in given.items() if name in readers})

    return read

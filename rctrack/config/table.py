"""A TOML table that is being read: each value is asked for by its kind, and what is never asked for is an error."""

import difflib
import os
import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rctrack.core.expression import objection


class ConfigError(Exception):
    """A configuration that cannot be used; the text is one line with file and key."""


def relative(path: Path, name: str) -> Path:
    """Relative paths are relative to the file that names them."""
    return Path(os.path.normpath(path.absolute().parent / Path(name).expanduser()))


@dataclass(frozen=True, slots=True)
class Table:
    """A TOML table that is being read; what is never asked for is an unknown key."""

    path: Path
    prefix: str
    values: dict[str, Any]
    asked: set[str]

    @classmethod
    def read(cls, path: Path) -> "Table":
        try:
            return cls(path, "", tomllib.loads(path.read_text("utf-8")), set())
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: is no valid TOML: {error}") from error

    def fail(self, key: str, found: object, wanted: str) -> NoReturn:
        shown = "nothing" if found is None else repr(found)
        raise ConfigError(f"{self.path}: {self.prefix}{key}: found {shown[:120]}, expected {wanted}")

    def take(self, key: str, default: Any) -> Any:
        self.asked.add(key)
        return self.values.get(key, default)

    def text(self, key: str, default: str | None) -> str:
        found = self.take(key, default)
        if not isinstance(found, str):
            self.fail(key, found, "a string")
        return found

    def texts(self, key: str, default: list[str]) -> list[str]:
        found = self.take(key, default)
        texts = [found] if isinstance(found, str) else found
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            self.fail(key, found, "a list of strings")
        return texts

    def flag(self, key: str, *, default: bool) -> bool:
        found = self.take(key, default)
        if not isinstance(found, bool):
            self.fail(key, found, "true or false")
        return found

    def choice(self, key: str, choices: tuple[str, ...], default: str | None) -> str:
        found = self.take(key, default)
        if found not in choices:
            self.fail(key, found, " or ".join(f'"{choice}"' for choice in choices))
        return str(found)

    def regex(self, key: str) -> str | None:
        found = self.take(key, None)
        if found is None:
            return None
        if not isinstance(found, str):
            self.fail(key, found, "a regular expression")
        if wrong := objection(found):
            self.fail(key, found, f"a regular expression ({wrong})")
        return found

    def zone(self, key: str) -> ZoneInfo:
        # Not available_timezones(): that reads the whole tz database, and every command reads the configuration.
        name = self.text(key, "UTC")
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.fail(key, name, 'a zone of the tz database, like "Europe/Berlin"')

    def moment(self, key: str) -> datetime:
        """A moment with its offset; of a day, its noon in UTC."""
        found = self.take(key, None)
        if isinstance(found, datetime) and found.tzinfo is not None:
            return found
        if type(found) is not date:
            self.fail(key, found, "a moment with its offset, like 2011-09-12T14:02:02-07:00, or a day")
        return datetime(found.year, found.month, found.day, 12, tzinfo=UTC)

    def duration(self, key: str, default: str) -> timedelta:
        found = self.text(key, default)
        spelled = re.fullmatch(r"(\d{1,6})([smhd])", found)
        if spelled is None or int(spelled[1]) == 0:
            self.fail(key, found, 'a duration like "30s", "10m", "2h" or "1d"')
        unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[spelled[2]]
        return timedelta(**{unit: int(spelled[1])})

    def table(self, key: str) -> "Table":
        found = self.take(key, {})
        if not isinstance(found, dict):
            self.fail(key, found, f"a table [{key}]")
        return Table(self.path, f"{self.prefix}{key}.", found, set())

    def tables(self, key: str) -> list["Table"]:
        found = self.take(key, [])
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            self.fail(key, found, f"tables [[{key}]]")
        return [Table(self.path, f"{self.prefix}{key}.{i}.", each, set()) for i, each in enumerate(found, 1)]

    def finish(self) -> None:
        for key in self.values:
            if key not in self.asked:
                close = difflib.get_close_matches(key, self.asked, 1)
                hint = f"did you mean {close[0]!r}?" if close else f"known keys: {', '.join(sorted(self.asked))}"
                raise ConfigError(f"{self.path}: {self.prefix}{key}: unknown key; {hint}")

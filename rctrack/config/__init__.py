"""TOML -> frozen Config; an error names the file, the key, what was found and what would be right."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from importlib import resources
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from rctrack.config.kinds import ListingConfig
from rctrack.config.projects import (
    VGER_SERVERS,
    ListConfig,
    ProjectConfig,
    SigningConfig,
    SourceConfig,
    TagsConfig,
    read_project,
)
from rctrack.config.table import ConfigError, Table, relative
from rctrack.core.evidence import ProjectId
from rctrack.core.notice import ALERTS, Topic

__all__ = [
    "VGER_SERVERS",
    "Config",
    "ConfigError",
    "DigestTime",
    "ListConfig",
    "ListingConfig",
    "MailConfig",
    "ProjectConfig",
    "Recipient",
    "Schedule",
    "SigningConfig",
    "SourceConfig",
    "TagsConfig",
    "find",
    "known_projects",
    "load",
    "load_project",
    "shipped",
    "state_folder",
]

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class DigestTime:
    """When a reader wants the digest, in the reader's own zone."""

    weekday: int | None
    """Monday is 0; None for every day."""
    hour: int
    minute: int


@dataclass(frozen=True, slots=True)
class Recipient:
    """One reader, what they want and when."""

    address: str
    projects: frozenset[str] | None
    """None for all that are followed."""
    topics: frozenset[Topic]
    """What they get a mail of, at once."""
    digest: DigestTime | None
    timezone: ZoneInfo
    gets_first: bool = False
    """Whether they hear of a release before its count and its mail are known."""

    def wants(self, project: ProjectId) -> bool:
        """Whether they follow this project."""
        return self.projects is None or project in self.projects


@dataclass(frozen=True, slots=True)
class MailConfig:
    """How mail goes out."""

    transport: str
    """"maildir:PATH", "smtp://…" or "smtps://…"; the path is absolute."""
    sender: str
    password_env: str | None
    password_file: Path | None
    to: tuple[Recipient, ...]


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often each kind of source is asked."""

    tags: timedelta
    lists: timedelta
    jitter: timedelta


@dataclass(frozen=True, slots=True)
class Config:
    """All that the user can say."""

    path: str
    database: Path
    contact: str
    projects: tuple[ProjectConfig, ...]
    schedule: Schedule
    mail: MailConfig

    @property
    def state(self) -> Path:
        """The folder of the database; repositories that we keep live beside it."""
        return self.database.parent

    def project(self, stem: str) -> ProjectConfig:
        """The followed project of this stem; ConfigError if it is not followed."""
        for project in self.projects:
            if project.id == stem:
                return project
        followed = ", ".join(project.id for project in self.projects)
        raise ConfigError(f"{self.path}: project {stem!r} is not followed; followed are: {followed or 'none'}")


def load(option: Path | None, database: Path | None, environ: Mapping[str, str]) -> Config:
    """The configuration of this user, from the first place that has one; ConfigError if it cannot be used."""
    path = find(option, environ)
    table = Table.read(path)
    state = state_folder(environ)
    stems = table.texts("projects", ["util-linux", "git", "linux"])
    said = table.text("database", str(state / "rctrack.db"))
    chosen = database or relative(path, said)
    contact = table.text("contact", "")
    schedule = _schedule(table.table("schedule"))
    mail = _mail(table.table("mail"), path, chosen.parent, stems)
    table.finish()
    projects = tuple(load_project(stem, path) for stem in dict.fromkeys(stems))
    return Config(str(path), chosen.absolute(), contact, projects, schedule, mail)


def find(option: Path | None, environ: Mapping[str, str]) -> Path:
    """The rctrack.toml that counts: option, RCTRACK_CONFIG, home, /etc, then the shipped default."""
    named = option or (Path(environ["RCTRACK_CONFIG"]) if environ.get("RCTRACK_CONFIG") else None)
    if named is not None:
        return named
    home = Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "rctrack"
    places = (home / "rctrack.toml", Path("/etc/rctrack/rctrack.toml"))
    return next((place for place in places if place.is_file()), shipped() / "rctrack.toml")


def shipped() -> Path:
    """The folder of the configuration that comes with rctrack, in a wheel and in a checkout."""
    installed = Path(str(resources.files("rctrack"))) / "_config"
    return installed if installed.is_dir() else Path(__file__).parent.parent.parent / "config"


def state_folder(environ: Mapping[str, str]) -> Path:
    """Where database and outbox are unless the configuration says otherwise."""
    if environ.get("RCTRACK_STATE"):
        return Path(environ["RCTRACK_STATE"])
    return Path(environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "rctrack"


def known_projects(path: Path) -> dict[str, Path]:
    """Every project file there is, by stem; the user's own win over the shipped ones."""
    folders = (shipped() / "projects", path.parent / "projects")
    return {file.stem: file for folder in folders for file in sorted(folder.glob("*.toml"))}


def load_project(stem: str, path: Path) -> ProjectConfig:
    """The project of this stem, as the configuration at `path` sees it; ConfigError if there is none."""
    known = known_projects(path)
    if stem not in known:
        close = difflib.get_close_matches(stem, known, 1)
        hint = f"; did you mean {close[0]!r}?" if close else f"; known are: {', '.join(sorted(known))}"
        raise ConfigError(f"{path}: projects: found {stem!r}, for which there is no projects/{stem}.toml{hint}")
    return read_project(stem, known[stem])


def _schedule(table: Table) -> Schedule:
    schedule = Schedule(
        tags=table.duration("tags", "15m"), lists=table.duration("lists", "10m"), jitter=table.duration("jitter", "30s")
    )
    table.finish()
    return schedule


def _mail(table: Table, path: Path, state: Path, stems: list[str]) -> MailConfig:
    transport = table.text("transport", f"maildir:{state / 'outbox'}")
    wanted = '"maildir:PATH", "smtp://HOST:PORT" or "smtps://HOST:PORT"'
    try:
        parts = urlsplit(transport)
    except ValueError:
        table.fail("transport", transport, wanted)
    if parts.password:
        table.fail("transport", "a password in the address", "password_env or password_file: no secret in this file")
    if parts.scheme not in ("maildir", "smtp", "smtps") or (parts.scheme != "maildir" and not parts.hostname):
        table.fail("transport", transport, wanted)
    if parts.scheme == "maildir":
        transport = f"maildir:{relative(path, transport.removeprefix('maildir:')).absolute()}"
    for secret in ("password", "secret", "token"):
        if secret in table.values:
            table.fail(secret, "a secret", "password_env or password_file: no secret in this file")
    password_file = table.text("password_file", "")
    readers = table.tables("to")
    if not readers and parts.scheme == "maildir":
        readers = [Table(path, "mail.to.", {"address": "you@localhost"}, set())]
    mail = MailConfig(
        transport=transport,
        sender=table.text("from", "rctrack <rctrack@localhost>"),
        password_env=table.text("password_env", "") or None,
        password_file=relative(path, password_file) if password_file else None,
        to=_with_operator([_recipient(each, stems) for each in readers]),
    )
    table.finish()
    return mail


def _with_operator(readers: list[Recipient]) -> tuple[Recipient, ...]:
    """Somebody hears of our own troubles: the first reader, unless another one chose to."""
    if readers and not any(Topic.OPERATOR in reader.topics for reader in readers):
        readers[0] = replace(readers[0], topics=readers[0].topics | {Topic.OPERATOR})
    return tuple(readers)


def _recipient(table: Table, stems: list[str]) -> Recipient:
    address = table.text("address", None)
    if not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", address):
        table.fail("address", address, "one mail address, like you@example.org")
    projects = table.texts("projects", ["*"])
    for stem in projects:
        if stem != "*" and stem not in stems:
            table.fail("projects", stem, f'"*" or followed projects ({", ".join(stems)})')
    send = table.texts("send", ["alerts", "digest"])
    if unknown := set(send) - {"alerts", "digest", *Topic}:
        close = difflib.get_close_matches(min(unknown), ["alerts", "digest", *Topic], 1)
        hint = f'"{close[0]}"' if close else "any of " + ", ".join(f'"{each}"' for each in ["alerts", "digest", *Topic])
        table.fail("send", send, hint)
    when = table.text("digest", "Mon 08:00")
    zone = table.zone("timezone")
    found = re.fullmatch(r"(daily|mon|tue|wed|thu|fri|sat|sun) ([01]\d|2[0-3]):([0-5]\d)", when.lower())
    if found is None:
        table.fail("digest", when, '"Mon 08:00" or "daily 08:00"')
    weekday = None if found[1] == "daily" else WEEKDAYS.index(found[1])
    gets_first = table.choice("when", ("whole", "first"), "whole") == "first"
    table.finish()
    return Recipient(
        address=address,
        projects=None if "*" in projects else frozenset(projects),
        topics=frozenset(Topic(each) for each in send if each in set(Topic)) | (ALERTS if "alerts" in send else set()),
        gets_first=gets_first,
        digest=DigestTime(weekday, int(found[2]), int(found[3])) if "digest" in send else None,
        timezone=zone,
    )

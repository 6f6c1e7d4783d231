"""TOML -> frozen Config; an error names the file, the key, what was found and what would be right."""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from rctrack.core.model import ListRules, ProjectId, ProjectRules, SourceId
from rctrack.core.version import SCHEMES, FeatureParts

VGER_SERVERS = ("vger.kernel.org", "smtp.subspace.kernel.org", "lindbergh.monkeyblade.net")
"""The hosts that have taken mail for the kernel.org lists, by era."""
LIST_KINDS = ("public-inbox",)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class ConfigError(Exception):
    """A configuration that cannot be used; the text is one line with file and key."""


@dataclass(frozen=True, slots=True)
class TagsConfig:
    """A git repository whose tags are followed."""

    url: str
    is_primary: bool

    @property
    def source(self) -> SourceId:
        return SourceId(f"tags {self.url}")


@dataclass(frozen=True, slots=True)
class ListConfig:
    """A list archive that is followed."""

    kind: str
    url: str
    rules: ListRules

    @property
    def source(self) -> SourceId:
        return SourceId(f"{self.kind} {self.url}")


SourceConfig = TagsConfig | ListConfig


@dataclass(frozen=True, slots=True)
class SigningConfig:
    """Whose signatures a project's tags are expected to have."""

    keys: frozenset[str]
    """Fingerprints in upper case; empty for every key of the keyring."""
    keyring: Path | None
    """Public keys, armoured or not."""
    allowed_signers: Path | None
    """For SSH, as ssh-keygen reads it."""


@dataclass(frozen=True, slots=True)
class ProjectConfig:
    """One project file."""

    id: ProjectId
    name: str
    rules: ProjectRules
    keeps_history: bool
    """Whether the whole history of commits is kept, or only the cycle at hand is counted."""
    verified: bool
    tags: tuple[TagsConfig, ...]
    lists: tuple[ListConfig, ...]
    path: str
    """The file it was read from, for people."""
    signing: SigningConfig | None = None
    """None where signatures are not looked at."""

    @property
    def sources(self) -> tuple[SourceConfig, ...]:
        return (*self.lists, *self.tags)


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
    alerts: bool
    digest: DigestTime | None
    timezone: ZoneInfo

    def wants(self, project: ProjectId) -> bool:
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
    table = _Table.read(path)
    state = state_folder(environ)
    stems = table.texts("projects", ["util-linux", "git", "linux"])
    chosen = database or _relative(path, table.text("database", str(state / "rctrack.db")))
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
    return installed if installed.is_dir() else Path(__file__).parent.parent / "config"


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
    return _project(stem, known[stem])


def _project(stem: str, path: Path) -> ProjectConfig:
    table = _Table.read(path)
    scheme = table.choice("scheme", tuple(SCHEMES), None)
    tags = tuple(_tags(each, path) for each in table.tables("tags"))
    lists = tuple(_list(each, path) for each in table.tables("lists"))
    templates = table.texts("tag", ["v{version}"])
    if any(template.count("{version}") != 1 for template in templates):
        table.fail("tag", templates, 'a template with {version} in it, like "v{version}"')
    project = ProjectConfig(
        id=ProjectId(stem),
        name=table.text("name", stem),
        rules=ProjectRules(
            scheme=scheme,
            feature_parts=_feature_parts(table),
            tag_templates=tuple(templates),
            ignore_tags=table.regex("ignore_tags"),
            primaries=frozenset(each.source for each in tags if each.is_primary),
            tags_are_pruned=table.flag("tags_are_pruned", default=False),
        ),
        keeps_history=table.choice("history", ("all", "cycle"), "all") == "all",
        verified=table.flag("verified", default=False),
        tags=tags,
        lists=lists,
        path=str(path),
        signing=_signing(table.table("signing"), path) if "signing" in table.values else None,
    )
    table.finish()
    if not project.sources:
        raise ConfigError(f"{path}: found neither [[tags]] nor [[lists]]; a project needs at least one of them")
    twice = [each.source for each in project.sources]
    if len(set(twice)) < len(twice):
        raise ConfigError(f"{path}: the same source is named twice; each url once per kind")
    return project


def _feature_parts(table: "_Table") -> FeatureParts:
    wanted = 'a number, or a table of first version and number, like { "0" = 3, "2.0" = 2 }'
    found = table.take("feature_parts", 2)
    eras = found if isinstance(found, dict) else {"0": found}
    parsed = []
    for since, parts in eras.items():
        if (
            not re.fullmatch(r"\d+(\.\d+)*", since)
            or isinstance(parts, bool)
            or not isinstance(parts, int)
            or parts < 1
        ):
            table.fail("feature_parts", found, wanted)
        parsed.append((tuple(int(number) for number in since.split(".")), parts))
    parsed.sort()
    if not parsed:
        table.fail("feature_parts", found, wanted)
    return FeatureParts((((), parsed[0][1]), *parsed[1:]))


def _signing(table: "_Table", path: Path) -> SigningConfig:
    keys = frozenset(key.replace(" ", "").upper() for key in table.texts("keys", []))
    if any(not re.fullmatch(r"[0-9A-F]{40}|[0-9A-F]{64}", key) for key in keys):
        table.fail("keys", sorted(keys), "whole fingerprints of 40 or 64 hexadecimal digits")
    keyring, allowed = table.text("keyring", ""), table.text("allowed_signers", "")
    if not keys and not keyring and not allowed:
        table.fail("keyring", None, "a file of public keys, allowed_signers, or keys")
    table.finish()
    return SigningConfig(
        keys, _relative(path, keyring) if keyring else None, _relative(path, allowed) if allowed else None
    )


def _tags(table: "_Table", path: Path) -> TagsConfig:
    url = _url(table, path)
    role = table.choice("role", ("primary", "mirror"), "primary")
    table.finish()
    return TagsConfig(url, role == "primary")


def _list(table: "_Table", path: Path) -> ListConfig:
    kind = table.choice("kind", LIST_KINDS, None)
    url = _url(table, path)
    subject = table.regex("subject")
    if subject is None or "version" not in re.compile(subject).groupindex:
        table.fail("subject", subject, "a regular expression with the named group (?P<version>…)")
    senders = frozenset(address.lower() for address in table.texts("from", []))
    if not senders:
        table.fail("from", [], "the addresses that may announce")
    servers = tuple(host.lower() for host in table.texts("server", list(VGER_SERVERS)))
    table.finish()
    link = f"{url}/{{message_id}}/" if url.startswith("http") else None
    return ListConfig(kind, url, ListRules(senders, subject, servers, link))


def _url(table: "_Table", path: Path) -> str:
    url = table.text("url", None).rstrip("/")
    parts = urlsplit(url)
    if parts.password or (parts.username and parts.scheme in ("http", "https")):
        table.fail("url", "one with a user or password in it", "one without: no secret belongs in this file")
    if parts.scheme in ("http", "https", "git", "ssh"):
        return url
    if parts.scheme == "file":
        return str(Path(parts.path))
    if parts.scheme or url.startswith("-") or not url:
        table.fail("url", url, "https://…, http://…, git://…, ssh://…, file://… or a path")
    return str(_relative(path, url))


def _schedule(table: "_Table") -> Schedule:
    schedule = Schedule(
        tags=table.duration("tags", "15m"), lists=table.duration("lists", "10m"), jitter=table.duration("jitter", "30s")
    )
    table.finish()
    return schedule


def _mail(table: "_Table", path: Path, state: Path, stems: list[str]) -> MailConfig:
    transport = table.text("transport", f"maildir:{state / 'outbox'}")
    parts = urlsplit(transport)
    if parts.scheme not in ("maildir", "smtp", "smtps") or (parts.scheme != "maildir" and not parts.hostname):
        table.fail("transport", transport, '"maildir:PATH", "smtp://HOST:PORT" or "smtps://HOST:PORT"')
    if parts.password:
        table.fail("transport", "a password in the address", "password_env or password_file: no secret in this file")
    if parts.scheme == "maildir":
        transport = f"maildir:{_relative(path, transport.removeprefix('maildir:')).absolute()}"
    for secret in ("password", "secret", "token"):
        if secret in table.values:
            table.fail(secret, "a secret", "password_env or password_file: no secret in this file")
    password_file = table.text("password_file", "")
    readers = table.tables("to")
    if not readers and parts.scheme == "maildir":
        readers = [_Table(path, "mail.to.", {"address": "you@localhost"}, set())]
    mail = MailConfig(
        transport=transport,
        sender=table.text("from", "rctrack <rctrack@localhost>"),
        password_env=table.text("password_env", "") or None,
        password_file=_relative(path, password_file) if password_file else None,
        to=tuple(_recipient(each, stems) for each in readers),
    )
    table.finish()
    return mail


def _recipient(table: "_Table", stems: list[str]) -> Recipient:
    address = table.text("address", None)
    if not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", address):
        table.fail("address", address, "one mail address, like you@example.org")
    projects = table.texts("projects", ["*"])
    for stem in projects:
        if stem != "*" and stem not in stems:
            table.fail("projects", stem, f'"*" or followed projects ({", ".join(stems)})')
    send = table.texts("send", ["alerts", "digest"])
    if set(send) - {"alerts", "digest"}:
        table.fail("send", send, '"alerts" and/or "digest"')
    when = table.text("digest", "Mon 08:00")
    zone = table.text("timezone", "UTC")
    if zone not in available_timezones():
        table.fail("timezone", zone, 'a zone of the tz database, like "Europe/Berlin"')
    found = re.fullmatch(r"(daily|mon|tue|wed|thu|fri|sat|sun) ([01]\d|2[0-3]):([0-5]\d)", when.lower())
    if found is None:
        table.fail("digest", when, '"Mon 08:00" or "daily 08:00"')
    weekday = None if found[1] == "daily" else WEEKDAYS.index(found[1])
    table.finish()
    return Recipient(
        address=address,
        projects=None if "*" in projects else frozenset(projects),
        alerts="alerts" in send,
        digest=DigestTime(weekday, int(found[2]), int(found[3])) if "digest" in send else None,
        timezone=ZoneInfo(zone),
    )


def _relative(path: Path, name: str) -> Path:
    """Relative paths are relative to the file that names them."""
    return Path(os.path.normpath(path.absolute().parent / Path(name).expanduser()))


@dataclass(frozen=True, slots=True)
class _Table:
    """A TOML table that is being read; what is never asked for is an unknown key."""

    path: Path
    prefix: str
    values: dict[str, Any]
    asked: set[str]

    @classmethod
    def read(cls, path: Path) -> "_Table":
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
        try:
            re.compile(found)
        except (re.error, TypeError) as error:
            self.fail(key, found, f"a regular expression ({error})")
        return str(found)

    def duration(self, key: str, default: str) -> timedelta:
        found = self.text(key, default)
        spelled = re.fullmatch(r"(\d{1,6})([smhd])", found)
        if spelled is None or int(spelled[1]) == 0:
            self.fail(key, found, 'a duration like "30s", "10m", "2h" or "1d"')
        unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[spelled[2]]
        return timedelta(**{unit: int(spelled[1])})

    def table(self, key: str) -> "_Table":
        found = self.take(key, {})
        if not isinstance(found, dict):
            self.fail(key, found, f"a table [{key}]")
        return _Table(self.path, f"{self.prefix}{key}.", found, set())

    def tables(self, key: str) -> list["_Table"]:
        found = self.take(key, [])
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            self.fail(key, found, f"tables [[{key}]]")
        return [_Table(self.path, f"{self.prefix}{key}.{i}.", each, set()) for i, each in enumerate(found, 1)]

    def finish(self) -> None:
        for key in self.values:
            if key not in self.asked:
                close = difflib.get_close_matches(key, self.asked, 1)
                hint = f"did you mean {close[0]!r}?" if close else f"known keys: {', '.join(sorted(self.asked))}"
                raise ConfigError(f"{self.path}: {self.prefix}{key}: unknown key; {hint}")

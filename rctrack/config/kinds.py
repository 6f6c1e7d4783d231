"""The kinds of sources by family: what address each takes, and the keys of a project's file that are its own.

Next to each name here, the package sources.kinds has the module that reads it; a test keeps the two alike.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from rctrack.config.table import Table, relative
from rctrack.core.evidence import SourceId
from rctrack.core.look import host_in

Address = Callable[[Table, Path], str]
"""Reads the key `url` of a table in the file at that path; ConfigError where it is none that the kind takes."""
_SHORT_SSH = re.compile(r"[A-Za-z0-9][\w.-]*@[A-Za-z0-9][\w.-]*:[^/\s][^\s]*")
"""git@host:path, without the forms that git would take too and that look like a path on this machine."""


@dataclass(frozen=True, slots=True)
class ListingConfig:
    """What a project's site says of its releases by itself."""

    kind: str
    url: str
    repository: str = ""
    """For a log of pushes: the path in its subjects."""
    monikers: frozenset[str] = frozenset()
    """For a list of releases: the rows that are this project's."""

    @property
    def source(self) -> SourceId:
        return SourceId(f"{self.kind} {self.url}")


def git_address(table: Table, path: Path) -> str:
    """The address of a repository, as `git clone` takes it, or a path on this machine."""
    url = table.text("url", None).rstrip("/")
    wanted = "https://…, http://…, git://…, ssh://…, git@host:path, file://… or a path"
    try:
        parts = urlsplit(url)
    except ValueError:
        table.fail("url", url, wanted)
    if parts.password or (parts.username and parts.scheme in ("http", "https")):
        table.fail("url", "one with a user or password in it", "one without: no secret belongs in this file")
    if parts.scheme in ("http", "https", "git", "ssh") or _SHORT_SSH.fullmatch(url):
        return url
    if parts.scheme == "file":
        return str(Path(parts.path))
    if parts.scheme or url.startswith("-") or not url:
        table.fail("url", url, wanted)
    return str(relative(path, url))


def web_address(table: Table, path: Path) -> str:
    """The address of pages."""
    url = git_address(table, path)
    if urlsplit(url).scheme not in ("http", "https"):
        table.fail("url", url, "https://… or http://…: these are pages")
    return url


def local_address(table: Table, path: Path) -> str:
    """The path of a file or folder on this machine."""
    url = git_address(table, path)
    if urlsplit(url).scheme or host_in(url):
        table.fail("url", url, "a path on this machine, or file://…")
    return url


# --- Lists -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ListKind:
    """How an archive of mail is named in a project's file."""

    address: Address
    has_links: bool = False
    """A mail can be read at url/MESSAGE-ID/."""
    is_searched: bool = False
    """It is asked by the words of the subject, so there must be some."""


LISTS: dict[str, ListKind] = {
    "public-inbox": ListKind(git_address, has_links=True),
    "public-inbox-http": ListKind(web_address, has_links=True, is_searched=True),
    "pipermail": ListKind(web_address),
    "hyperkitty": ListKind(web_address),
    "hypermail": ListKind(web_address),
    "mhonarc": ListKind(web_address),
    "mbox": ListKind(local_address),
    "maildir": ListKind(local_address),
}

# --- Tags ------------------------------------------------------------------------------------------

TAGS: dict[str, Address] = {
    "git": git_address,
    "cgit": web_address,
    "github": web_address,
}

# --- Sites -----------------------------------------------------------------------------------------


def _releases_json(table: Table, path: Path) -> ListingConfig:
    monikers = frozenset(table.texts("moniker", ["mainline"]))
    return ListingConfig("releases.json", web_address(table, path), monikers=monikers)


def _gitolite_log(table: Table, path: Path) -> ListingConfig:
    repository = table.text("repository", None).strip("/")
    return ListingConfig("gitolite-log", git_address(table, path), repository)


SITES: dict[str, Callable[[Table, Path], ListingConfig]] = {
    "releases.json": _releases_json,
    "gitolite-log": _gitolite_log,
}

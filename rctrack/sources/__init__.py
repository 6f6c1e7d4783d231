"""Where evidence comes from: one protocol, one small module per kind, one line each in the table below."""

from collections.abc import Callable
from typing import TypeAlias

from rctrack.config import ListConfig, ListingConfig, ProjectConfig, SourceConfig, TagsConfig
from rctrack.process import ProcessError
from rctrack.sources.gitstore import repository as git
from rctrack.sources.kinds.cgit import Cgit
from rctrack.sources.kinds.git_tags import GitTags
from rctrack.sources.kinds.github import Github
from rctrack.sources.kinds.gitolite_log import GitoliteLog
from rctrack.sources.kinds.hyperkitty import Hyperkitty
from rctrack.sources.kinds.hypermail import Hypermail
from rctrack.sources.kinds.maildir import Maildir
from rctrack.sources.kinds.mbox import Mbox
from rctrack.sources.kinds.mhonarc import Mhonarc
from rctrack.sources.kinds.pipermail import Pipermail
from rctrack.sources.kinds.public_inbox import PublicInbox
from rctrack.sources.kinds.public_inbox_http import PublicInboxHttp
from rctrack.sources.kinds.releases_json import ReleasesJson
from rctrack.sources.protocol import (
    Answer,
    CountingSource,
    Coverage,
    Failed,
    Good,
    Progress,
    Range,
    Source,
    Tools,
)
from rctrack.web import WebError

__all__ = [
    "Answer",
    "CountingSource",
    "Coverage",
    "Failed",
    "Good",
    "Progress",
    "Range",
    "Source",
    "Tools",
    "open_source",
]

HTML, JSON = "text/html", "application/json"
_ListKind: TypeAlias = Callable[[ListConfig, ProjectConfig, Tools], Source]

LISTS: dict[str, _ListKind] = {
    "public-inbox": PublicInbox,
    "public-inbox-http": PublicInboxHttp,
    "pipermail": Pipermail,
    "hyperkitty": Hyperkitty,
    "hypermail": Hypermail,
    "mhonarc": Mhonarc,
    "mbox": Mbox,
    "maildir": Maildir,
}


LISTINGS: dict[str, Callable[[ListingConfig, ProjectConfig, Tools], Source]] = {
    "releases.json": ReleasesJson,
    "gitolite-log": GitoliteLog,
}
TAGS: dict[str, Callable[[TagsConfig, ProjectConfig, Tools], Source]] = {
    "git": GitTags,
    "cgit": Cgit,
    "github": Github,
}
COUNTING: dict[str, Callable[[TagsConfig, ProjectConfig, Tools], CountingSource]] = {
    "git": GitTags,
    "github": Github,
}
"""Those of them that can also count."""


def open_source(config: SourceConfig, project: ProjectConfig, tools: Tools) -> Source:
    """The source that a configuration describes, or its recording; nothing is asked of it yet."""
    if tools.recorded is not None:
        return tools.recorded(config)
    match config:
        case TagsConfig():
            return TAGS[config.kind](config, project, tools)
        case ListConfig():
            return LISTS[config.kind](config, project, tools)
        case ListingConfig():
            return LISTINGS[config.kind](config, project, tools)


def open_counting(config: TagsConfig, project: ProjectConfig, tools: Tools) -> CountingSource | None:
    """The same for a repository in which commits are to be counted; None where that cannot be."""
    if tools.recorded is not None or config.kind not in COUNTING:
        return None
    return COUNTING[config.kind](config, project, tools)


def probe_source(config: SourceConfig, tools: Tools) -> str | None:
    """What is wrong with a source, from one small question; None if nothing is."""
    url = config.url
    try:
        path = git.local_path(url)
        if path is not None and git.git_dir(path) is None and not path.is_dir():
            return "there is no such folder"
        if path is None:
            _probe_remote(config, tools)
    except (ProcessError, WebError) as error:
        return str(error)
    return None


def _probe_remote(config: SourceConfig, tools: Tools) -> None:
    """ProcessError if nobody answers there; an archive's epochs are at url/0, url/1, …, or it is one itself."""
    if isinstance(config, TagsConfig) and config.kind != "git":
        tools.web.get(f"{config.url}/refs/tags/" if config.kind == "cgit" else config.url, (HTML, JSON))
        return
    if config.kind == "releases.json":
        tools.web.get(config.url, (JSON,))
        return
    try:
        git.list_refs(config.url if isinstance(config, TagsConfig) else f"{config.url}/0", tools)
    except ProcessError as error:
        if isinstance(config, TagsConfig):
            raise error
        git.list_refs(config.url, tools)

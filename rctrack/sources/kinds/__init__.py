"""The kinds of sources by family: one module each, one line each. Its keys in a project's file: rctrack.config.kinds.

A kind is a class that is made of its part of a project's file, the project and the tools, and that looks and probes.
"""

from collections.abc import Callable, Mapping

from rctrack.config import ListConfig, ListingConfig, ProjectConfig, TagsConfig
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
from rctrack.sources.protocol import Source, Tools

__all__ = ["LISTS", "SITES", "TAGS"]

LISTS: Mapping[str, Callable[[ListConfig, ProjectConfig, Tools], Source]] = {
    "public-inbox": PublicInbox,
    "public-inbox-http": PublicInboxHttp,
    "pipermail": Pipermail,
    "hyperkitty": Hyperkitty,
    "hypermail": Hypermail,
    "mhonarc": Mhonarc,
    "mbox": Mbox,
    "maildir": Maildir,
}

TAGS: Mapping[str, Callable[[TagsConfig, ProjectConfig, Tools], Source]] = {
    "git": GitTags,
    "cgit": Cgit,
    "github": Github,
}

SITES: Mapping[str, Callable[[ListingConfig, ProjectConfig, Tools], Source]] = {
    "releases.json": ReleasesJson,
    "gitolite-log": GitoliteLog,
}

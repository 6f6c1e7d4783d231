"""What may be wrong here and what to do about it: configuration, database, git, sources, mail."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from rctrack import send
from rctrack.config import Config, ListConfig, ListingConfig, ProjectConfig, TagsConfig
from rctrack.core.evidence import ProjectId
from rctrack.process import ProcessError
from rctrack.sources import Failed, Good, Tools, probe_source
from rctrack.sources.gitstore.signing import probe_keys
from rctrack.store import Store, StoreError

_MOST_REFUSED = 10
"""Mails and tags of a project that are shown with the reason why they are no releases."""
_FAMILIES: dict[type, str] = {TagsConfig: "tags", ListConfig: "list", ListingConfig: "site"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was examined."""

    check: str
    ok: bool
    said: str


def examine(config: Config, tools: Tools, environ: Mapping[str, str], now: datetime) -> list[Finding]:
    """Everything, in the order in which it should be put right."""
    return [
        *_configuration(config),
        *_database(config),
        _git(tools),
        *(finding for project in config.projects for finding in _sources(project, tools, now)),
        _mail(config, environ),
    ]


def _configuration(config: Config) -> Iterator[Finding]:
    stems = ", ".join(project.id for project in config.projects)
    yield Finding("configuration", True, f"{config.path}; following {stems or 'nothing'}")
    if not config.contact:
        said = "none: hosts see the project page in our User-Agent; set `contact` to your mail address or page"
        yield Finding("contact", True, said)


def _database(config: Config) -> Iterator[Finding]:
    if not config.database.exists():
        folder = next((each for each in config.database.parents if each.exists()), config.database.parent)
        writable = os.access(folder, os.W_OK)
        said = (
            "not there yet; the first poll makes it" if writable else f"{folder} cannot be written; choose `database`"
        )
        yield Finding("database", writable, f"{config.database}: {said}")
        return
    try:
        with Store(config.database) as store:
            yield Finding("database", True, str(config.database))
            for project in config.projects:
                yield from _unrecognised(store, project.id)
            yield _owed_mail(store)
    except StoreError as error:
        yield Finding("database", False, str(error))


def _unrecognised(store: Store, project: ProjectId) -> Iterator[Finding]:
    """How much looked like a release and was none, and why: the newest of it."""
    found, check = store.evidence.unrecognised(project), f"{project} evidence"
    shown = found[: -_MOST_REFUSED - 1 : -1]
    more = f", the newest {len(shown)} of them below; all are in the table `unrecognised`"
    yield Finding(check, True, f"{len(found)} unrecognised" + (more if len(found) > len(shown) else ""))
    for _, refused, _ in shown:
        yield Finding(check, True, f"{refused.subject[:60]!r} {refused.reason[:120]}")


def _owed_mail(store: Store) -> Finding:
    waiting = store.outbox.waiting()
    troubled = [each for each in waiting if each.last_error]
    said = f"{len(waiting)} waiting" + (f"; last error: {troubled[-1].last_error}" if troubled else "")
    return Finding("owed mail", not troubled, said)


def _git(tools: Tools) -> Finding:
    try:
        return Finding("git", True, tools.runner.run(["git", "--version"], timeout=20).decode().strip())
    except ProcessError as error:
        return Finding("git", False, f"{error}; install git")


def _sources(project: ProjectConfig, tools: Tools, now: datetime) -> Iterator[Finding]:
    """Each source by the beginning of the very look that polls it."""
    for source in project.sources:
        answer = probe_source(source, project, tools, now)
        told = f"{answer.outcome}: {answer.reason}" if isinstance(answer, Failed) else source.url
        yield Finding(f"{project.id} {_FAMILIES[type(source)]}", isinstance(answer, Good), told)
    if project.signing is not None:
        trouble = probe_keys(project.signing, tools)
        yield Finding(f"{project.id} keys", trouble is None, trouble or "can be read")


def _mail(config: Config, environ: Mapping[str, str]) -> Finding:
    try:
        answer = send.open_channel(config.mail, environ).probe()
    except send.ChannelError as error:
        return Finding("mail", False, str(error))
    match answer:
        case send.Sent():
            return Finding("mail", True, config.mail.transport)
        case send.Deferred(reason) | send.Refused(reason):
            return Finding("mail", False, f"{config.mail.transport}: {reason}")

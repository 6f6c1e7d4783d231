"""The commands; the only place where the real clock, web client and process runner are made. All times are UTC."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from rctrack import __version__

if TYPE_CHECKING:  # the commands import what they need: `rctrack --help` has to be quick
    from rctrack.config import Config, ProjectConfig
    from rctrack.core.version import Version
    from rctrack.pipeline import Reviewed, Turn
    from rctrack.sources import Tools
    from rctrack.store import Store

PROGRAM = f"rctrack/{__version__}"
HOMEPAGE = "https://github.com/rctrack/rctrack"
WIDTH = 100


@dataclass(frozen=True, slots=True)
class Options:
    """The global options."""

    config: Path | None
    database: Path | None

    def load(self) -> "Config":
        """The configuration; ends the program with exit status 2 if it cannot be used."""
        from rctrack import config

        try:
            return config.load(self.config, self.database, os.environ)
        except config.ConfigError as error:
            end(2, str(error))


def now() -> datetime:
    """The real clock, read once per job."""
    return datetime.now(UTC)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": WIDTH})
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="The rctrack.toml to use.")
@click.option("--database", type=click.Path(path_type=Path, dir_okay=False), help="The database to use.")
@click.option("-v", "--verbose", count=True, help="Say more on stderr; twice for all.")
@click.version_option(__version__, prog_name="rctrack")
@click.pass_context
def main(context: click.Context, config: Path | None, database: Path | None, verbose: int) -> None:
    """Tracks release candidates through mailing lists and git tags, and says when and where one got stuck."""
    import logging

    levels = [logging.WARNING, logging.INFO, logging.DEBUG]
    logging.basicConfig(level=levels[min(verbose, 2)], format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("apscheduler").setLevel(logging.ERROR if verbose < 2 else logging.DEBUG)
    context.obj = Options(config, database)


def end(status: int, said: str) -> NoReturn:
    click.echo(f"rctrack: {said}", err=True)
    sys.exit(status)


@contextmanager
def failing() -> Iterator[None]:
    """Expected failures end the program with one line and exit status 1."""
    from rctrack.process import Interrupted
    from rctrack.store import StoreError

    try:
        yield
    except StoreError as error:
        end(1, str(error))
    except (Interrupted, KeyboardInterrupt):
        end(1, "broken off; what was stored is kept, and the next round goes on from there")


@contextmanager
def writing(config: "Config") -> "Iterator[Turn]":
    """A turn of our own; nobody else writes meanwhile."""
    from rctrack import store
    from rctrack.pipeline import Turn

    with failing(), store.hold(config.database), store.Store(config.database) as opened:
        yield Turn(config, opened, tools_for(config), now())


@contextmanager
def reading(config: "Config") -> "Iterator[Store]":
    """The database for a reader, who needs no lock."""
    from rctrack import store

    if not config.database.exists():
        end(1, f"{config.database}: nothing is stored yet; `rctrack poll` or `rctrack run` begins")
    with failing(), store.Store(config.database) as opened:
        yield opened


def tools_for(config: "Config") -> "Tools":
    from rctrack.process import Runner
    from rctrack.sources import Tools
    from rctrack.web import Web

    user_agent = f"{PROGRAM} (+{config.contact or HOMEPAGE})"
    runner = Runner()
    return Tools(runner, config.state, user_agent, progress, Web(user_agent, wait=runner.wait))


def notifier_for(config: "Config") -> "Any":
    from rctrack.send import NotifierError, open_notifier

    try:
        return open_notifier(config.mail, os.environ)
    except NotifierError as error:
        end(2, f"{config.path}: {error}")


def chosen_projects(config: "Config", stems: Sequence[str]) -> "list[ProjectConfig]":
    """The named projects, all that are followed if none is named; exit status 2 for one that is not followed."""
    from rctrack.config import ConfigError

    try:
        return [config.project(stem) for stem in stems] or list(config.projects)
    except ConfigError as error:
        end(2, str(error))


def version_of(project: "ProjectConfig", text: str) -> "Version":
    from rctrack.core.version import parse_version

    version = parse_version(project.rules.scheme, text)
    if version is None:
        end(2, f"{text!r} is no version of the scheme {project.rules.scheme}; write it like 6.18-rc3")
    return version


def is_good(reviewed: "Reviewed") -> bool:
    from rctrack.sources import Good

    return isinstance(reviewed.outcome, Good)


def say(reviewed: "Reviewed") -> None:
    """A line per source as it was tried."""
    from rctrack.sources import Good

    if isinstance(reviewed.outcome, Good):
        new = f"{reviewed.new_evidence} new" if reviewed.new_evidence else "nothing new"
        said = f"good, {new}" + (" (first fill, no mail)" if reviewed.silent and reviewed.new_evidence else "")
    else:
        said = f"{reviewed.outcome.outcome}: {reviewed.outcome.reason}"
    progress("", 0, 0)
    click.echo(f"{reviewed.project.id}  {reviewed.source}: {said}")
    for note in reviewed.outcome.notes if isinstance(reviewed.outcome, Good) else ():
        click.echo(f"  not counted or not verified: {note}")
    for release in reviewed.new_releases:
        click.echo(f"  new: {release.version.text}")


def progress(doing: str, done: int, of: int) -> None:
    """A bar on a terminal, written over as it grows; nothing elsewhere."""
    if not sys.stderr.isatty():
        return
    if not doing:
        line = ""
    elif of:
        filled = 30 * done // of
        line = f"{doing[:50]:<50} [{'#' * filled}{'.' * (30 - filled)}] {100 * done // of:3} %"
    else:
        line = f"{doing[:50]:<50} {done or ''}"
    sys.stderr.write(f"\r{line:<{WIDTH - 1}}\r")
    sys.stderr.flush()


def print_table(
    found: Sequence[Mapping[str, Any]], as_json: bool, table: Callable[[Sequence[Mapping[str, Any]]], str]
) -> None:
    if as_json:
        print_json(found)
        return
    head, _, rest = table(found).partition("\n")
    click.secho(head, bold=True)
    click.echo(rest, nl=False)


def print_json(found: object) -> None:
    import json

    click.echo(json.dumps(found, indent=2))

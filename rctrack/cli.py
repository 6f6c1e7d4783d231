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
            _end(2, str(error))


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


@main.command()
@click.pass_obj
def run(options: Options) -> None:
    """Follow the projects until SIGTERM or Ctrl-C."""
    from rctrack import store
    from rctrack.daemon import Daemon
    from rctrack.pipeline import seems_offline

    config = options.load()
    notifier = _notifier(config)
    outbox = config.mail.transport.partition(":")[2] if config.mail.transport.startswith("maildir:") else None

    last: dict[str, type] = {}

    def said(reviewed: "Reviewed") -> None:
        """Each source once, then only what is new: news, or a source that does otherwise than before."""
        outcome = type(reviewed.outcome)
        if last.get(reviewed.source) is not outcome or reviewed.new_evidence:
            _say(reviewed)
        last[reviewed.source] = outcome

    def first_round(reviewed: "list[Reviewed]", next_poll: datetime | None) -> None:
        if seems_offline(reviewed):
            click.echo("No host answers: this machine seems to be offline. Nothing is held against anyone; going on.")
        if outbox:
            click.echo(f"Read the mail with: mutt -f {outbox}")
        if next_poll:
            click.echo(f"Next poll at {next_poll:%H:%M:%S} UTC. Ctrl-C ends.")

    with _failing(), store.hold(config.database):
        store.Store(config.database).close()
        click.echo(f"config    {config.path}\ndatabase  {config.database}\noutbox    {config.mail.transport}")
        Daemon(config, _tools(config), notifier, now, PROGRAM, said, first_round).run()
    click.echo("Ended; everything is stored.")


@main.command()
@click.argument("projects", nargs=-1)
@click.pass_obj
def poll(options: Options, projects: tuple[str, ...]) -> None:
    """One round now: poll, review, deliver."""
    from rctrack import pipeline

    config = options.load()
    chosen = _projects(config, projects)
    notifier = _notifier(config)
    with _writing(config) as turn:
        reviewed = pipeline.poll_all(turn, chosen, _say)
        if pipeline.seems_offline(reviewed):
            click.echo("No host answers: this machine seems to be offline. Nothing is held against anyone.")
        pipeline.owe_digests(turn)
        sent, waiting = pipeline.deliver(turn, notifier, PROGRAM)
    if sent or waiting:
        click.echo(f"mail: {sent} sent" + (f", {waiting} waiting (see `rctrack doctor`)" if waiting else ""))


@main.command()
@click.argument("project")
@click.pass_obj
def backfill(options: Options, project: str) -> None:
    """Read the whole history of a project, silently; can be broken off and resumed."""
    from dataclasses import replace

    from rctrack import pipeline

    config = options.load()
    chosen = _projects(config, (project,))[0]
    notifier = _notifier(config)
    with _writing(config) as turn:
        # What is new since the last round is news, and told; only then is the past read, in silence.
        pipeline.poll_all(turn, [chosen], _say)
        pipeline.deliver(turn, notifier, PROGRAM)
        reviewed = pipeline.poll_all(turn, [replace(chosen, keeps_history=True)], _say, silent=True)
        failed = [each for each in reviewed if not _is_good(each)]
    if failed:
        _end(1, f"{project}: {len(failed)} of {len(chosen.sources)} sources could not be read; run it again to resume")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_obj
def status(options: Options, as_json: bool) -> None:
    """A line per project: what is out, since when, and how its sources do."""
    from rctrack import pages

    config = options.load()
    moment = now()
    with _reading(config) as store:
        found = [
            pages.status_json(
                project.id,
                store.newest_row(project.id),
                store.last_outcomes(project.id),
                pages.expected_next(project, store.release_rows(project.id), moment),
                moment,
            )
            for project in config.projects
        ]
    _print(found, as_json, pages.status_table)


@main.command()
@click.argument("project")
@click.option("--cycle", help="Only the candidates and the final of this version.")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.option("--csv", "as_csv", is_flag=True, help="For spreadsheets.")
@click.pass_obj
def releases(options: Options, project: str, cycle: str | None, as_json: bool, as_csv: bool) -> None:
    """The releases of a project, oldest first."""
    from rctrack import pages

    config = options.load()
    chosen = _projects(config, (project,))[0]
    cycle_id = _version(chosen, cycle).cycle_id if cycle else None
    with _reading(config) as store:
        rows = store.release_rows(chosen.id, cycle_id)
    if as_csv:
        click.echo(pages.releases_csv(rows), nl=False)
    else:
        _print([pages.release_json(row) for row in rows], as_json, pages.releases_table)


@main.command()
@click.argument("project")
@click.argument("version")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_obj
def show(options: Options, project: str, version: str, as_json: bool) -> None:
    """One release whole: its timeline, counts and every piece of evidence."""
    from rctrack import pages, pipeline

    config = options.load()
    chosen = _projects(config, (project,))[0]
    wanted = _version(chosen, version)
    with _reading(config) as store:
        row = store.release_row(chosen.id, wanted.id)
        release = pipeline.releases_of(store, chosen).get(wanted.id) if row else None
    if row is None or release is None:
        _end(1, f"{project}: no release {version} is known; `rctrack releases {project}` lists those that are")
    if as_json:
        _print_json({**pages.release_json(row), **pages.show_json(release)})
    else:
        click.echo(pages.show_text(chosen.name, release), nl=False)


@main.command()
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="First day (UTC); default: since the last digest.")
@click.option("--print", "printed", is_flag=True, help="Show it instead of sending it.")
@click.pass_obj
def digest(options: Options, since: datetime | None, printed: bool) -> None:
    """The summary now, to every reader of digests."""
    from rctrack import pipeline

    config = options.load()
    readers = [reader for reader in config.mail.to if reader.digest]
    if printed:
        from rctrack.pipeline import Turn

        with _reading(config) as store:
            turn = Turn(config, store, _tools(config), now())
            for reader in readers or config.mail.to[:1]:
                begin = since.replace(tzinfo=UTC) if since else pipeline.digest_begin(turn, reader.address, turn.now)
                subject, text = pipeline.digest(turn, reader, begin, turn.now)
                click.echo(f"To: {reader.address}\nSubject: {subject}\n\n{text}")
        return
    notifier = _notifier(config)
    with _writing(config) as turn:
        pipeline.owe_digest_now(turn, since.replace(tzinfo=UTC) if since else None)
        sent, waiting = pipeline.deliver(turn, notifier, PROGRAM)
    click.echo(f"mail: {sent} sent, {waiting} waiting")


@main.command()
@click.pass_obj
def rebuild(options: Options) -> None:
    """Fold all evidence again with today's code; says what changed and mails nothing."""
    from rctrack import pipeline

    config = options.load()
    with _writing(config) as turn:
        for project in config.projects:
            changed = pipeline.rebuild(turn, project)
            said = f"{len(changed)} releases changed: {', '.join(changed[:20])}" if changed else "nothing changed"
            click.echo(f"{project.id}: {said}" + (", …" if len(changed) > 20 else ""))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_obj
def projects(options: Options, as_json: bool) -> None:
    """The projects known, which are followed, and which are verified on real releases."""
    from rctrack import config as configuration
    from rctrack import pages

    config = options.load()
    followed = {project.id for project in config.projects}
    found = []
    try:
        for stem, path in sorted(configuration.known_projects(Path(config.path)).items()):
            project = configuration.load_project(stem, Path(config.path))
            found.append(
                {
                    "project": stem,
                    "name": project.name,
                    "followed": stem in followed,
                    "verified": project.verified,
                    "sources": [source.source for source in project.sources],
                    "file": str(path),
                }
            )
    except configuration.ConfigError as error:
        _end(2, str(error))
    _print(found, as_json, pages.projects_table)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_obj
def doctor(options: Options, as_json: bool) -> None:
    """Check configuration, database, git, each source and the mail transport; say what to do."""
    from rctrack import doctor as checks

    config = options.load()
    with _failing():
        found = checks.examine(config, _tools(config), os.environ)
    if as_json:
        _print_json([{"check": each.check, "ok": each.ok, "said": each.said} for each in found])
    else:
        for each in found:
            click.echo(f"{'ok ' if each.ok else 'BAD'}  {each.check}: {each.said}")
    if not all(each.ok for each in found):
        sys.exit(1)


# --- What the commands share -----------------------------------------------------------------------


def _end(status: int, said: str) -> NoReturn:
    click.echo(f"rctrack: {said}", err=True)
    sys.exit(status)


@contextmanager
def _failing() -> Iterator[None]:
    """Expected failures end the program with one line and exit status 1."""
    from rctrack.process import Interrupted
    from rctrack.store import StoreError

    try:
        yield
    except StoreError as error:
        _end(1, str(error))
    except (Interrupted, KeyboardInterrupt):
        _end(1, "broken off; what was stored is kept, and the next round goes on from there")


@contextmanager
def _writing(config: "Config") -> "Iterator[Turn]":
    """A turn of our own; nobody else writes meanwhile."""
    from rctrack import store
    from rctrack.pipeline import Turn

    with _failing(), store.hold(config.database), store.Store(config.database) as opened:
        yield Turn(config, opened, _tools(config), now())


@contextmanager
def _reading(config: "Config") -> "Iterator[Store]":
    """The database for a reader, who needs no lock."""
    from rctrack import store

    if not config.database.exists():
        _end(1, f"{config.database}: nothing is stored yet; `rctrack poll` or `rctrack run` begins")
    with _failing(), store.Store(config.database) as opened:
        yield opened


def _tools(config: "Config") -> "Tools":
    from rctrack.process import Runner
    from rctrack.sources import Tools
    from rctrack.web import Web

    user_agent = f"{PROGRAM} (+{config.contact or HOMEPAGE})"
    return Tools(Runner(), config.state, user_agent, _progress, Web(user_agent))


def _notifier(config: "Config") -> "Any":
    from rctrack.notifiers import NotifierError, open_notifier

    try:
        return open_notifier(config.mail, os.environ)
    except NotifierError as error:
        _end(2, f"{config.path}: {error}")


def _projects(config: "Config", stems: Sequence[str]) -> "list[ProjectConfig]":
    """The named projects, all that are followed if none is named; exit status 2 for one that is not followed."""
    from rctrack.config import ConfigError

    try:
        return [config.project(stem) for stem in stems] or list(config.projects)
    except ConfigError as error:
        _end(2, str(error))


def _version(project: "ProjectConfig", text: str) -> "Version":
    from rctrack.core.version import parse_version

    version = parse_version(project.rules.scheme, text)
    if version is None:
        _end(2, f"{text!r} is no version of the scheme {project.rules.scheme}; write it like 6.18-rc3")
    return version


def _is_good(reviewed: "Reviewed") -> bool:
    from rctrack.sources import Good

    return isinstance(reviewed.outcome, Good)


def _say(reviewed: "Reviewed") -> None:
    """A line per source as it was tried."""
    from rctrack.sources import Good

    if isinstance(reviewed.outcome, Good):
        new = f"{reviewed.new_evidence} new" if reviewed.new_evidence else "nothing new"
        said = f"good, {new}" + (" (first fill, no mail)" if reviewed.silent and reviewed.new_evidence else "")
    else:
        said = f"{type(reviewed.outcome).__name__.lower()}: {reviewed.outcome.reason}"
    _progress("", 0, 0)
    click.echo(f"{reviewed.project.id}  {reviewed.source}: {said}")
    for release in reviewed.new_releases:
        click.echo(f"  new: {release.version.text}")


def _progress(doing: str, done: int, of: int) -> None:
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


def _print(
    found: Sequence[Mapping[str, Any]], as_json: bool, table: Callable[[Sequence[Mapping[str, Any]]], str]
) -> None:
    if as_json:
        _print_json(found)
        return
    head, _, rest = table(found).partition("\n")
    click.secho(head, bold=True)
    click.echo(rest, nl=False)


def _print_json(found: object) -> None:
    import json

    click.echo(json.dumps(found, indent=2))

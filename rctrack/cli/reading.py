"""The commands that tell what is known; they need no lock."""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rctrack.cli.common import (
    Options,
    channel_for,
    chosen_projects,
    end,
    failing,
    main,
    now,
    print_json,
    print_table,
    reading,
    round_of,
    tools_for,
    version_of,
)

if TYPE_CHECKING:
    from rctrack.config import Config, ProjectConfig
    from rctrack.core.book import Book
    from rctrack.core.condition import Condition
    from rctrack.store import Store

_DAYS = click.DateTime(["%Y-%m-%d"])


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_obj
def status(options: Options, as_json: bool) -> None:
    """A line per project: what is out, since when, what comes next, and how its sources do."""
    from rctrack.show import json, tables
    from rctrack.show.condition import lines
    from rctrack.track.hosts import states, survey

    config = options.load()
    moment = now()
    with reading(config) as store:
        health = survey(store, config, moment).health
        found = []
        for project in config.projects:
            late = [each for each in store.projection.delays(project.id) if each.ended is None]
            spelled = store.projection.spelled(project.id)
            found.append(
                json.status(
                    project.id,
                    store.projection.newest(project.id),
                    store.health.last_runs(project.id, store.observer),
                    store.notices.newest_due(project.id),
                    [(spelled.get(each.version, each.version), each) for each in late],
                    states(store, project, health, late, moment),
                    moment,
                )
            )
        condition = _condition(store, config)
    print_table(found, as_json, tables.status)
    if not as_json:
        click.echo()
        for line in lines(condition, moment):
            click.echo(line)


@main.command()
@click.pass_obj
def health(options: Options) -> None:
    """One line and an exit status for scripts: 0 where looks are made, each source was read and mail goes out."""
    from rctrack.show.condition import lines

    config, moment = options.load(), now()
    with reading(config) as store:
        condition = _condition(store, config)
    click.echo(" ".join(lines(condition, moment)))
    if any(condition.troubles(moment)):
        sys.exit(1)


@main.command()
@click.argument("project")
@click.option("--cycle", help="Only the candidates and the final of this version.")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.option("--csv", "as_csv", is_flag=True, help="For spreadsheets.")
@click.pass_obj
def releases(options: Options, project: str, cycle: str | None, as_json: bool, as_csv: bool) -> None:
    """The releases of a project, oldest first."""
    from rctrack.show import json, tables

    config = options.load()
    chosen = chosen_projects(config, (project,))[0]
    cycle_id = version_of(chosen, cycle).cycle_id if cycle else None
    with reading(config) as store:
        found = store.projection.releases(chosen.id, cycle_id)
        late = store.projection.delays(chosen.id)
    if as_csv:
        click.echo(tables.releases_csv([summary for _, summary in found]), nl=False)
    else:
        rows = [json.release(summary, late, version) for version, summary in found]
        print_table(rows, as_json, tables.releases)


@main.command()
@click.argument("project")
@click.argument("version")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_obj
def show(options: Options, project: str, version: str, as_json: bool) -> None:
    """One release whole: its timeline, counts and every piece of evidence."""
    from rctrack.core.summary import summary_of
    from rctrack.show import json
    from rctrack.show import release as shown

    config = options.load()
    chosen = chosen_projects(config, (project,))[0]
    wanted = version_of(chosen, version)
    with reading(config) as store:
        book = _book(store, config, chosen)
    release = book.releases.get(wanted.id)
    if release is None:
        end(1, f"{project}: no release {version} is known; `rctrack releases {project}` lists those that are")
    late = [each for each in book.delays(now()) if each.version == wanted.id]
    if as_json:
        print_json({**json.release(summary_of(release), late, wanted.id), **json.evidence(release)})
    else:
        click.echo(shown.text(chosen.name, release, late), nl=False)


@main.command()
@click.argument("project")
@click.option("--by", type=_DAYS, help="Which finals are out when this day is over.")
@click.option("--version", "wanted", help="When the final of this version is out.")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_obj
def forecast(options: Options, project: str, by: datetime | None, wanted: str | None, as_json: bool) -> None:
    """What comes next and when, as odds from the project's own past; with --by or --version also cycles ahead."""
    from rctrack.core.forecasting import foresee, foresee_by, foresee_version
    from rctrack.show import forecasts, json

    config, moment = options.load(), now()
    chosen = chosen_projects(config, (project,))[0]
    version = version_of(chosen, wanted) if wanted else None
    if version is not None and not version.is_final:
        end(2, f"--version {wanted}: it is a candidate; the next one is told without --version, and finals with it")
    with reading(config) as store:
        book = _book(store, config, chosen)
    facts = foresee(book, moment)
    if facts is None:
        end(1, f"{project}: not known: its past is too short to tell, or nothing of it was read yet")
    day = by.date() if by else None
    if version is not None:
        ahead = foresee_version(book, version, moment)
        if not ahead.finals:
            known = "it is out" if version.id in book.releases else "it is not among the next dozen finals"
            end(1, f"{project} {wanted}: no forecast: {known}")
        lines = [forecasts.final_words(ahead.finals[0], ahead.asked_on)]
        if day:
            lines.append(forecasts.by_words(ahead.finals, day, ahead.asked_on))
    elif day is not None:
        ahead = foresee_by(book, day, moment)
        lines = [forecasts.by_words(ahead.finals, day, ahead.asked_on)]
    else:
        ahead, lines = None, [forecasts.due_words(facts, moment)]
    if as_json:
        print_json({"project": chosen.id, "next": json.next_step(facts), **json.finals(ahead, day)})
    else:
        click.echo("\n".join(lines))


@main.command()
@click.argument("project", required=False)
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_obj
def delays(options: Options, project: str | None, as_json: bool) -> None:
    """What was or is late, and whose gap it was."""
    from rctrack.show import json, tables

    config = options.load()
    chosen = chosen_projects(config, (project,) if project else ())
    with reading(config) as store:
        found = [each for one in chosen for each in store.projection.delays(one.id)]
        spelled = {(one.id, key): text for one in chosen for key, text in store.projection.spelled(one.id).items()}
    print_table(json.delays(found, spelled), as_json, tables.delays)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_obj
def outages(options: Options, as_json: bool) -> None:
    """Which host was down, blocked or lagging, and when; from before rctrack was there, archives alone can tell."""
    from rctrack.show import json, tables
    from rctrack.track.hosts import archives_late, survey

    config = options.load()
    with reading(config) as store:
        found = [(each, "looks") for each in survey(store, config, now()).health.outages]
        for project in config.projects:
            found += [(each, "mails") for each in archives_late(store, project)]
        began = store.health.first_look_at()
    print_table(json.outages(sorted(found, key=lambda each: each[0].since)), as_json, tables.outages)
    if not as_json and began:
        click.echo(f"What hosts did before {began:%-d %b %Y} only mails can tell: we were not watching.")


@main.command()
@click.argument("project", required=False)
@click.option("--since", type=_DAYS, help="First day (UTC); default: a month ago.")
@click.option("--silent", is_flag=True, help="Also what is known and was told to nobody.")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_obj
def notices(options: Options, project: str | None, since: datetime | None, silent: bool, as_json: bool) -> None:
    """What was told, and when; each with the facts that it rests on as JSON."""
    from rctrack.show import json, tables

    config = options.load()
    chosen = chosen_projects(config, (project,))[0].id if project else None
    begin = since.replace(tzinfo=UTC) if since else now() - timedelta(days=30)
    with reading(config) as store:
        found = store.notices.between(begin, now() + timedelta(days=1), chosen)
    wanted = [notice for notice in found if notice.kind != "due" and (silent or not notice.is_silent)]
    print_table(json.notices(wanted), as_json, tables.notices)


@main.command()
@click.option("--since", type=_DAYS, help="First day (UTC); default: since the last digest.")
@click.option("--print", "printed", is_flag=True, help="Show it instead of sending it.")
@click.pass_obj
def digest(options: Options, since: datetime | None, printed: bool) -> None:
    """The summary now, to every reader of digests; it moves nobody's own digest."""
    from rctrack import rounds
    from rctrack.store import Locked, hold

    config = options.load()
    begin = since.replace(tzinfo=UTC) if since else None
    if printed:
        _print_digests(config, begin)
        return
    channel = channel_for(config)
    with reading(config) as store:
        round_ = round_of(config, store)
        number = rounds.owe_digest_now(round_, begin)
        try:
            with hold(config.database):
                sent, waiting = rounds.send(round_, channel)
        except Locked:
            click.echo(f"mail: {number} owed; the rctrack that is running sends what is owed within a minute")
            return
    click.echo(f"mail: {sent} sent, {waiting} waiting")


def _print_digests(config: "Config", since: datetime | None) -> None:
    from rctrack import rounds

    readers = [reader for reader in config.mail.to if reader.digest]
    with reading(config) as store:
        round_ = round_of(config, store)
        for reader in readers or config.mail.to[:1]:
            begin = since or store.outbox.digest_before(reader.address) or store.health.first_look_at() or round_.now
            subject, text = rounds.digest_of(round_, reader, begin, round_.now)
            click.echo(f"To: {reader.address}\nSubject: {subject}\n\n{text}")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_obj
def projects(options: Options, as_json: bool) -> None:
    """The projects known, which are followed, and which are verified on real releases."""
    from rctrack import config as configuration
    from rctrack.show import tables

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
        end(2, str(error))
    print_table(found, as_json, tables.projects)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_obj
def doctor(options: Options, as_json: bool) -> None:
    """Check configuration, database, git, each source and the mail transport; say what to do."""
    from rctrack.cli import doctor as checks

    config = options.load()
    with failing():
        found = checks.examine(config, tools_for(config), os.environ, now())
    if as_json:
        print_json([{"check": each.check, "ok": each.ok, "said": each.said} for each in found])
    else:
        for each in found:
            click.echo(f"{'ok ' if each.ok else 'BAD'}  {each.check}: {each.said}")
    if not all(each.ok for each in found):
        sys.exit(1)


def _book(store: "Store", config: "Config", project: "ProjectConfig") -> "Book":
    """All that is known of a project now."""
    from rctrack.config import shipped
    from rctrack.track.book import History, read_book
    from rctrack.track.hosts import survey

    moment = now()
    return read_book(store, project, History(shipped() / "history"), survey(store, config, moment).health, moment)


def _condition(store: "Store", config: "Config") -> "Condition":
    """How rctrack itself does."""
    from rctrack.core.condition import Condition, Owed
    from rctrack.store import holder

    followed = {(project.id, source.source) for project in config.projects for source in project.sources}
    runs = [run for project in config.projects for run in store.health.last_runs(project.id, store.observer).values()]
    waiting = store.outbox.waiting()
    owed = [each for each in waiting if each.refused_at is None]
    return Condition(
        daemon=holder(config.database),
        looked_at=max((run.last_at for run in runs), default=None),
        interval=max(config.schedule.tags, config.schedule.lists),
        runs=tuple(run for run in runs if (run.project, run.source) in followed),
        never_good=frozenset(source for project, source in followed if store.health.source(project, source) is None),
        owed=Owed(len(owed), owed[0].mail.owed_at, owed[0].last_error or "") if owed else None,
        refused=len(waiting) - len(owed),
    )

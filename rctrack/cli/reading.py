"""The commands that tell what is known; they need no lock."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rctrack.cli.common import (
    PROGRAM,
    Options,
    chosen_projects,
    end,
    failing,
    main,
    notifier_for,
    now,
    print_json,
    print_table,
    reading,
    tools_for,
    version_of,
    writing,
)

if TYPE_CHECKING:
    pass


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_obj
def status(options: Options, as_json: bool) -> None:
    """A line per project: what is out, since when, and how its sources do."""
    from rctrack import hosts, pages

    config = options.load()
    moment = now()
    with reading(config) as store:
        health = hosts.standing(store, config, moment).health
        found = [
            pages.status_json(
                project.id,
                store.newest_row(project.id),
                store.last_outcomes(project.id),
                pages.expected_next(
                    project,
                    store.release_rows(project.id),
                    store.announcements(project.id, project.rules.scheme),
                    moment,
                ),
                [each for each in store.record.delays(project.id) if each.ended is None],
                hosts.states(store, project, health, moment),
                moment,
            )
            for project in config.projects
        ]
    print_table(found, as_json, pages.status_table)


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
    chosen = chosen_projects(config, (project,))[0]
    cycle_id = version_of(chosen, cycle).cycle_id if cycle else None
    with reading(config) as store:
        rows = store.release_rows(chosen.id, cycle_id)
        late = store.record.delays(chosen.id)
    if as_csv:
        click.echo(pages.releases_csv(rows), nl=False)
    else:
        print_table([pages.release_json(row, late) for row in rows], as_json, pages.releases_table)


@main.command()
@click.argument("project")
@click.argument("version")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_obj
def show(options: Options, project: str, version: str, as_json: bool) -> None:
    """One release whole: its timeline, counts and every piece of evidence."""
    from rctrack import pages, pipeline

    config = options.load()
    chosen = chosen_projects(config, (project,))[0]
    wanted = version_of(chosen, version)
    with reading(config) as store:
        row = store.release_row(chosen.id, wanted.id)
        release = pipeline.releases_of(store, chosen, pages.outlook()).get(wanted.id) if row else None
        late = [each for each in store.record.delays(chosen.id) if each.version == wanted.id]
    if row is None or release is None:
        end(1, f"{project}: no release {version} is known; `rctrack releases {project}` lists those that are")
    if as_json:
        print_json({**pages.release_json(row, late), **pages.show_json(release)})
    else:
        click.echo(pages.show_text(chosen.name, release, late), nl=False)


@main.command()
@click.argument("project", required=False)
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_obj
def delays(options: Options, project: str | None, as_json: bool) -> None:
    """What was or is late, and whose gap it was."""
    from rctrack import pages

    config = options.load()
    chosen = chosen_projects(config, (project,) if project else ())
    with reading(config) as store:
        found = [each for one in chosen for each in store.record.delays(one.id)]
    print_table(pages.delays_json(found), as_json, pages.delays_table)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_obj
def outages(options: Options, as_json: bool) -> None:
    """Which host was down, blocked or lagging, and when; from before rctrack was there, archives alone can tell."""
    from rctrack import hosts, pages

    config = options.load()
    with reading(config) as store:
        found = [(each, "looks") for each in hosts.standing(store, config, now()).health.outages]
        for project in config.projects:
            found += [(each, "mails") for each in hosts.archives_late(store, project)]
        began = store.first_look_at()
    print_table(pages.outages_json(sorted(found, key=lambda each: each[0].since)), as_json, pages.outages_table)
    if not as_json and began:
        click.echo(f"What hosts did before {began:%-d %b %Y} only mails can tell: we were not watching.")


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

        with reading(config) as store:
            turn = Turn(config, store, tools_for(config), now())
            for reader in readers or config.mail.to[:1]:
                begin = since.replace(tzinfo=UTC) if since else pipeline.digest.begin(turn, reader.address, turn.now)
                subject, text = pipeline.digest.compose(turn, reader, begin, turn.now)
                click.echo(f"To: {reader.address}\nSubject: {subject}\n\n{text}")
        return
    notifier = notifier_for(config)
    with writing(config) as turn:
        pipeline.digest.owe_now(turn, since.replace(tzinfo=UTC) if since else None)
        sent, waiting = pipeline.deliver(turn, notifier, PROGRAM)
    click.echo(f"mail: {sent} sent, {waiting} waiting")


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
        end(2, str(error))
    print_table(found, as_json, pages.projects_table)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_obj
def doctor(options: Options, as_json: bool) -> None:
    """Check configuration, database, git, each source and the mail transport; say what to do."""
    from rctrack import doctor as checks

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

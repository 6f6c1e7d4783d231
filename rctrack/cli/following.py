"""The commands that follow projects: they look, judge, write and send, one at a time."""

from datetime import datetime
from typing import TYPE_CHECKING

import click

from rctrack.cli.common import (
    PROGRAM,
    Options,
    channel_for,
    chosen_projects,
    end,
    failing,
    main,
    name_observer,
    now,
    report,
    tools_for,
    writing,
)

if TYPE_CHECKING:
    from rctrack.core.look import Outcome
    from rctrack.rounds import Looked

_OFFLINE = "No host answers: this machine seems to be offline. Nobody is blamed for that."


@main.command()
@click.pass_obj
def run(options: Options) -> None:
    """Follow the projects until SIGTERM or Ctrl-C."""
    from rctrack import store
    from rctrack.daemon import Daemon
    from rctrack.rounds import seems_offline

    config = options.load()
    channel = channel_for(config)
    outbox = config.mail.transport.partition(":")[2] if config.mail.transport.startswith("maildir:") else None

    last: dict[tuple[str, str], Outcome] = {}

    def heard(looked: "Looked") -> None:
        """Prints each source once, then only what is new: news, or a source that does otherwise than before."""
        key = (looked.project.id, looked.source)
        if last.get(key) is not looked.outcome or looked.new or looked.told:
            report(looked)
        last[key] = looked.outcome

    def first_round(looked: "list[Looked]", next_poll: datetime | None) -> None:
        if seems_offline(looked):
            click.echo(f"{_OFFLINE} Going on.")
        if outbox:
            click.echo(f"Read the mail with: mutt -f {outbox}")
        if next_poll:
            click.echo(f"Next poll at {next_poll:%H:%M:%S} UTC. Ctrl-C ends.")

    with failing(), store.hold(config.database):
        with store.Store(config.database) as opened:
            name_observer(opened)
        click.echo(f"config    {config.path}\ndatabase  {config.database}\noutbox    {config.mail.transport}")
        Daemon(config, tools_for(config), channel, now, PROGRAM, heard, first_round).run()
    click.echo("Ended; everything is stored.")


@main.command()
@click.argument("projects", nargs=-1)
@click.pass_obj
def poll(options: Options, projects: tuple[str, ...]) -> None:
    """One round now: look, check, send."""
    from rctrack import rounds
    from rctrack.core.look import Outcome

    config = options.load()
    chosen = chosen_projects(config, projects)
    channel = channel_for(config)
    with writing(config) as round_:
        looked = rounds.look_at_all(round_, chosen, report)
        if rounds.seems_offline(looked):
            click.echo(_OFFLINE)
        rounds.check(round_, chosen)
        rounds.owe_digests(round_)
        sent, waiting = rounds.send(round_, channel)
    if sent or waiting:
        click.echo(f"mail: {sent} sent" + (f", {waiting} waiting (see `rctrack doctor`)" if waiting else ""))
    if looked and not any(each.outcome is Outcome.GOOD for each in looked):
        end(1, "no source could be read")


@main.command()
@click.argument("project")
@click.pass_obj
def backfill(options: Options, project: str) -> None:
    """Read the whole history of a project, silently; can be broken off and resumed."""
    from dataclasses import replace

    from rctrack import rounds
    from rctrack.core.look import Outcome

    config = options.load()
    chosen = chosen_projects(config, (project,))[0]
    channel = channel_for(config)
    with writing(config) as round_:
        # What is new since the last round is news, and told; only then is the past read, in silence.
        rounds.look_at_all(round_, [chosen], report)
        rounds.send(round_, channel)
        looked = rounds.look_at_all(round_, [replace(chosen, keeps_history=True)], report, silent=True)
        failed = [each for each in looked if each.outcome is not Outcome.GOOD]
    if failed:
        end(1, f"{project}: {len(failed)} of {len(chosen.sources)} sources could not be read; run it again to resume")


@main.command()
@click.pass_obj
def rebuild(options: Options) -> None:
    """Fold all evidence again with today's code; says what changed and mails nothing."""
    from rctrack import rounds

    config = options.load()
    with writing(config) as round_:
        for project in config.projects:
            changed = rounds.rebuild(round_, project)
            line = f"{len(changed)} releases changed: {', '.join(changed[:20])}" if changed else "nothing changed"
            click.echo(f"{project.id}: {line}" + (", …" if len(changed) > 20 else ""))

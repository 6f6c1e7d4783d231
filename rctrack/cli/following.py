"""The commands that follow projects: they look, fold, write and send, one at a time."""

from datetime import datetime
from typing import TYPE_CHECKING

import click

from rctrack.cli.common import (
    PROGRAM,
    Options,
    chosen_projects,
    end,
    failing,
    is_good,
    main,
    notifier_for,
    now,
    say,
    tools_for,
    writing,
)

if TYPE_CHECKING:
    from rctrack.pipeline import Reviewed


@main.command()
@click.pass_obj
def run(options: Options) -> None:
    """Follow the projects until SIGTERM or Ctrl-C."""
    from rctrack import store
    from rctrack.daemon import Daemon
    from rctrack.pipeline import seems_offline

    config = options.load()
    notifier = notifier_for(config)
    outbox = config.mail.transport.partition(":")[2] if config.mail.transport.startswith("maildir:") else None

    last: dict[str, type] = {}

    def said(reviewed: "Reviewed") -> None:
        """Each source once, then only what is new: news, or a source that does otherwise than before."""
        outcome = type(reviewed.outcome)
        if last.get(reviewed.source) is not outcome or reviewed.new_evidence:
            say(reviewed)
        last[reviewed.source] = outcome

    def first_round(reviewed: "list[Reviewed]", next_poll: datetime | None) -> None:
        if seems_offline(reviewed):
            click.echo("No host answers: this machine seems to be offline. Nothing is held against anyone; going on.")
        if outbox:
            click.echo(f"Read the mail with: mutt -f {outbox}")
        if next_poll:
            click.echo(f"Next poll at {next_poll:%H:%M:%S} UTC. Ctrl-C ends.")

    with failing(), store.hold(config.database):
        store.Store(config.database).close()
        click.echo(f"config    {config.path}\ndatabase  {config.database}\noutbox    {config.mail.transport}")
        Daemon(config, tools_for(config), notifier, now, PROGRAM, said, first_round).run()
    click.echo("Ended; everything is stored.")


@main.command()
@click.argument("projects", nargs=-1)
@click.pass_obj
def poll(options: Options, projects: tuple[str, ...]) -> None:
    """One round now: poll, review, deliver."""
    from rctrack import pipeline

    config = options.load()
    chosen = chosen_projects(config, projects)
    notifier = notifier_for(config)
    with writing(config) as turn:
        reviewed = pipeline.poll_all(turn, chosen, say)
        if pipeline.seems_offline(reviewed):
            click.echo("No host answers: this machine seems to be offline. Nothing is held against anyone.")
        pipeline.watch(turn, chosen)
        pipeline.digest.owe_due(turn)
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
    chosen = chosen_projects(config, (project,))[0]
    notifier = notifier_for(config)
    with writing(config) as turn:
        # What is new since the last round is news, and told; only then is the past read, in silence.
        pipeline.poll_all(turn, [chosen], say)
        pipeline.deliver(turn, notifier, PROGRAM)
        reviewed = pipeline.poll_all(turn, [replace(chosen, keeps_history=True)], say, silent=True)
        failed = [each for each in reviewed if not is_good(each)]
    if failed:
        end(1, f"{project}: {len(failed)} of {len(chosen.sources)} sources could not be read; run it again to resume")


@main.command()
@click.pass_obj
def rebuild(options: Options) -> None:
    """Fold all evidence again with today's code; says what changed and mails nothing."""
    from rctrack import pipeline

    config = options.load()
    with writing(config) as turn:
        for project in config.projects:
            changed = pipeline.rebuild(turn, project)
            said = f"{len(changed)} releases changed: {', '.join(changed[:20])}" if changed else "nothing changed"
            click.echo(f"{project.id}: {said}" + (", …" if len(changed) > 20 else ""))

"""The command that plays history again, and its reader: a terminal."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from rctrack.cli.common import PROGRAM, Options, chosen_projects, end, failing, main, now, reading, tools_for

if TYPE_CHECKING:
    from rctrack.config import Config
    from rctrack.replay.recording import Recording
    from rctrack.send import Delivery

_DAYS = click.DateTime(["%Y-%m-%d"])


@main.command()
@click.argument("project")
@click.option("--from", "begin", type=_DAYS, help="First day (UTC).")
@click.option("--until", "last", type=_DAYS, help="Last day (UTC); default: yesterday.")
@click.option("--recording", help="Instead of what is stored: a recording that comes with rctrack, or a file.")
@click.option("--subjects", is_flag=True, help="Of each mail the subject alone.")
@click.pass_obj
def replay(
    options: Options, project: str, begin: datetime | None, last: datetime | None, recording: str | None, subjects: bool
) -> None:
    """History as it would have been seen: each mail that would have been sent, in order; then the record of it."""
    from tempfile import TemporaryDirectory

    from rctrack import replay as replaying
    from rctrack.show import json, tables
    from rctrack.store import Store

    config = options.load()
    if recording:
        played, config = _shipped(config, project, recording)
    else:
        played = _stored(config, project, begin, last)
    with (
        failing(),
        TemporaryDirectory(prefix="rctrack-") as folder,
        Store(Path(folder) / "replay.db", durable=False) as scratch,
    ):
        tools = replace(tools_for(config), state=Path(folder))
        ledger = replaying.replay(played, config, scratch, tools, lambda at: _Terminal(at, subjects), PROGRAM)
    days = f"{played.begin:%-d %b %Y} to {played.end:%-d %b %Y}"
    click.echo(f"\nThe record of {days}, after {ledger.ticks} looks at the clock:\n")
    click.echo(tables.delays(json.delays(ledger.delays, ledger.spelled)))
    click.echo(tables.outages(json.outages(ledger.outages)), nl=False)
    if played.by_day:
        click.echo("\nKnown to a day only, and played at noon UTC, or with the tag if that was later:\n")
        click.echo("".join(f"  {line}\n" for line in played.by_day), nl=False)


def _stored(config: "Config", project: str, begin: datetime | None, last: datetime | None) -> "Recording":
    """What the database holds of these days."""
    from rctrack import replay as replaying

    if begin is None:
        end(2, "--from: found nothing, expected the first day to be replayed, like --from 2022-01-01")
    until = last.replace(tzinfo=UTC) + timedelta(days=1) if last else now().replace(hour=0, minute=0, second=0)
    if until <= begin.replace(tzinfo=UTC):
        end(2, f"--until: found {last or until:%Y-%m-%d}, expected no day before {begin:%Y-%m-%d} and none to come")
    chosen = chosen_projects(config, (project,))[0]
    with reading(config) as store:
        return replaying.recorded(store, chosen, begin.replace(tzinfo=UTC), until)


def _shipped(config: "Config", project: str, name: str) -> "tuple[Recording, Config]":
    """A recording, for one reader of alerts."""
    from rctrack import config as configuration
    from rctrack.core.notice import ALERTS
    from rctrack.replay.recording import read_recording

    path = configuration.shipped() / "recordings" / f"{name}.toml"
    try:
        rules = configuration.load_project(project, Path(config.path))
        played = read_recording(path if path.is_file() else Path(name), rules)
    except configuration.ConfigError as error:
        end(2, str(error))
    reader = configuration.Recipient("you@localhost", None, ALERTS, None, ZoneInfo("UTC"))
    return played, replace(config, mail=replace(config.mail, to=(reader,)))


@dataclass(frozen=True, slots=True)
class _Terminal:
    """A channel that shows each mail at the moment at which it would have gone out."""

    now: datetime
    subjects: bool

    def send(self, message: bytes, sender: str, recipient: str) -> "Delivery":
        from email import message_from_bytes, policy

        from rctrack.send import Sent

        mail = message_from_bytes(message, policy=policy.default)
        click.secho(f"{self.now:%Y-%m-%d %H:%M}  {mail['Subject']}", bold=not self.subjects)
        body = mail.get_body(("plain",))
        if body is not None and not self.subjects:
            click.echo("".join(f"    {line}".rstrip() + "\n" for line in body.get_content().splitlines()))
        return Sent()

    def probe(self) -> "Delivery":
        from rctrack.send import Sent

        return Sent()

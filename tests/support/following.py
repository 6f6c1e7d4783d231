"""Somebody who follows a project: a configuration, a database and a Maildir of their own, all in one folder.

demo = follow(tmp_path, tags=[url], lists=[url])
demo.poll(BEGIN + DAY)            # one round at that moment, in this process: poll, review, deliver
demo.mails()                      # what lies in the Maildir
demo.rctrack("releases", "demo")  # the command line; rctrack_process() has a process of its own
"""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from rctrack import config, rounds
from rctrack.cli import main
from rctrack.config import Config
from rctrack.core.look import Outcome
from rctrack.core.notice import Kind, ReleaseFacts
from rctrack.process import Runner
from rctrack.rounds import Looked
from rctrack.rounds import Round as OneRound
from rctrack.send import open_channel
from rctrack.sources import Tools
from rctrack.store import Store
from rctrack.web import Web
from tests.support.material import LIST_SERVER, MAINTAINER

PROGRAM = "rctrack/test"
_MAIN = "from rctrack.cli import main; main(prog_name='rctrack')"
READER = "ann@example.org"
SUBJECT = r"^\[ANNOUNCE\] demo v(?P<version>\S+)"
USER_VISIBLE = (
    "releases", "timeline", "delays", "notices", "tags", "mails", "announcements", "unrecognised", "counts", "outbox",
)  # fmt: skip
"""The tables that a user reads or that decide what is sent; without health and cursors, which say when we looked."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one round came to."""

    looked: list[Looked]
    sent: int
    waiting: int

    @property
    def new(self) -> list[str]:
        """The versions that were told to be out."""
        told = (notice for each in self.looked for notice in each.told if notice.kind is Kind.OUT)
        return [notice.facts.version for notice in told if isinstance(notice.facts, ReleaseFacts)]

    @property
    def outcomes(self) -> list[Outcome]:
        """What the look at each source came to, in order."""
        return [each.outcome for each in self.looked]


@dataclass(frozen=True, slots=True)
class Said:
    """What a command came to."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class Follower:
    """Their folder; everything is read afresh each time."""

    folder: Path

    @property
    def outbox(self) -> Path:
        return self.folder / "outbox"

    @property
    def database(self) -> Path:
        return self.folder / "state" / "rctrack.db"

    @property
    def config_file(self) -> Path:
        return self.folder / "rctrack.toml"

    def config(self) -> Config:
        return config.load(self.config_file, None, {})

    @contextmanager
    def round(self, now: datetime) -> Iterator[OneRound]:
        """A round at that moment, on a connection of its own."""
        loaded = self.config()
        with Store(loaded.database) as store:
            tools = Tools(Runner(), loaded.state, PROGRAM, lambda *_: None, Web(PROGRAM))
            yield OneRound(loaded, store, tools, now, PROGRAM)

    def poll(self, now: datetime) -> Round:
        """One round, as `rctrack poll` does it."""
        with self.round(now) as round_:
            looked = rounds.look_at_all(round_, round_.config.projects, lambda _: None)
            rounds.check(round_, round_.config.projects)
            rounds.owe_digests(round_)
            return Round(looked, *rounds.send(round_, open_channel(round_.config.mail, {})))

    def mails(self) -> list[EmailMessage]:
        """The mails in the Maildir, by subject."""
        found = [
            message_from_bytes(file.read_bytes(), policy=policy.default)
            for file in sorted((self.outbox / "new").glob("*"))
        ]
        return sorted(found, key=lambda mail: str(mail["Subject"]))

    def subjects(self) -> list[str]:
        return [str(mail["Subject"]) for mail in self.mails()]

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """What an SQL query finds in the database."""
        with closing(sqlite3.connect(self.database)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query, values)]

    def release(self, version: str) -> dict[str, Any]:
        """The row of one release."""
        [row] = self.rows("SELECT * FROM releases WHERE version = ?", version)
        return {**row, "flags": " ".join(json.loads(row["flags"]))}

    def visible(self, *tables: str) -> dict[str, list[dict[str, Any]]]:
        """Every row that a user sees, of these tables or of all."""
        return {table: self.rows(f"SELECT * FROM {table} ORDER BY rowid") for table in tables or USER_VISIBLE}

    def argv(self, *arguments: str) -> list[str]:
        return [sys.executable, "-c", _MAIN, "--config", str(self.config_file), *arguments]

    def environment(self) -> dict[str, str]:
        """Nothing of the real user's is read or written."""
        return {**free_environment(), "HOME": str(self.folder), "PYTHONPATH": str(Path(__file__).parents[2])}

    def rctrack(self, *arguments: str) -> Said:
        """The command line, in this process: what it says and its exit status."""
        result = CliRunner().invoke(main, ["--config", str(self.config_file), *arguments], prog_name="rctrack")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Said(result.exit_code, result.stdout, result.stderr)

    def rctrack_process(self, *arguments: str, timeout: float = 100) -> Said:
        """The same in a process of its own, as a user starts it."""
        done = subprocess.run(
            self.argv(*arguments),
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            cwd=self.folder,
        )
        return Said(done.returncode, done.stdout, done.stderr)


def follow(
    folder: Path,
    *,
    tags: Sequence[str | Path] = (),
    lists: Sequence[str | Path] = (),
    history: str = "all",
    settings: str = "",
    reader: str = 'send = ["alerts"]',
    schedule: str = "",
    transport: str = "maildir:outbox",
    subject: str = SUBJECT,
) -> Follower:
    """Somebody with one project, demo, of these repositories and archives; writes over an older configuration.

    `settings` are further lines of the project file, `reader` of the [[mail.to]] block.
    """
    (folder / "projects").mkdir(parents=True, exist_ok=True)
    (folder / "rctrack.toml").write_text(
        f'database = "state/rctrack.db"\nprojects = ["demo"]\n[schedule]\n{schedule}\n'
        f'[mail]\ntransport = "{transport}"\n[[mail.to]]\naddress = "{READER}"\n{reader}\n'
    )
    parts = [f'name = "Demo"\nscheme = "dotted"\nhistory = "{history}"\n{settings}']
    parts += [
        f'[[lists]]\nkind = "public-inbox"\nurl = "{url}"\nfrom = ["{MAINTAINER}"]\n'
        f"subject = '{subject}'\nserver = [\"{LIST_SERVER}\"]"
        for url in lists
    ]
    parts += [f'[[tags]]\nurl = "{url}"\nrole = "{"mirror" if i else "primary"}"' for i, url in enumerate(tags)]
    (folder / "projects" / "demo.toml").write_text("\n".join(parts) + "\n")
    return Follower(folder)


def too_long(text: str, most: int = 72) -> list[str]:
    """The lines that are longer than that, though a break would have been possible: a path or an address has none."""
    return [line for line in text.splitlines() if len(line) > most and " " in line.strip()]


def free_environment() -> dict[str, str]:
    """The environment of this process without what would lead rctrack or git to somebody's own settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("RCTRACK_", "XDG_", "GIT_"))}

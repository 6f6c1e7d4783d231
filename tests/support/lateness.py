"""A project with a list whose mails come late or never, and somebody who follows both."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import Any

from rctrack import rounds
from tests.support.following import Follower, follow
from tests.support.material import (
    DAY,
    HOUR,
    LIST_SERVER,
    MINUTE,
    Epoch,
    GitRepository,
    Mail,
    git,
    git_environment,
    make_epoch,
    make_repository,
)

EXPECTS = 'expects = ["tag", "announcement"]'
LIMIT = DAY
"""What is usual while there is little history."""
LATE = LIMIT + 2 * HOUR
WEEK = 7 * DAY


@dataclass(slots=True)
class World:
    """A project with a list, and somebody who follows both."""

    repository: GitRepository
    epoch: Epoch
    demo: Follower
    tagged: dict[str, datetime] = field(default_factory=dict)

    def tag(self, version: str, *, every: timedelta = 6 * HOUR) -> datetime:
        """A release later; when it was tagged, and seen ten minutes after that."""
        self.repository.release(version, every=every)
        self.tagged[version] = self.repository.now
        self.demo.poll(self.repository.now + 10 * MINUTE)
        return self.repository.now

    def announce(self, version: str, at: datetime, delivered_after: timedelta = 2 * MINUTE) -> None:
        self.epoch.add(Mail(f"[ANNOUNCE] demo v{version}", at=at, delivered_after=delivered_after))

    def talk(self, at: datetime, subject: str = "Re: something else") -> None:
        """A mail that announces nothing: the list is alive."""
        self.epoch.add(Mail(subject, "Sam <sam@example.org>", at=at))

    def live(self, at: datetime) -> None:
        """A look at a moment at which work went on: a commit since the look before, and a mail of an hour ago."""
        self.repository.commit()
        self.talk(at - HOUR)
        self.demo.poll(at)

    def said(self, *arguments: str) -> Any:
        done = self.demo.rctrack(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def delays(self, kind: str = "announcement") -> list[dict[str, Any]]:
        return [each for each in self.said("delays", "demo") if each["kind"] == kind]

    def late_mails(self) -> list[EmailMessage]:
        return [mail for mail in self.demo.mails() if "LATE" in mail["Subject"]]

    def over_mails(self) -> list[EmailMessage]:
        """Those that say how a delay ended."""
        return [mail for mail in self.demo.mails() if mail["Subject"].split()[1] in ("OVER", "NEVER")]

    def digest(self, since: datetime, until: datetime) -> str:
        with self.demo.round(until) as round_:
            return rounds.digest_of(round_, round_.config.mail.to[0], since, until)[1]


def make_world(tmp_path: Path, reader: str = 'send = ["alerts"]', settings: str = EXPECTS) -> World:
    """Two releases and their mails, read for the first time an hour after the last of them."""
    repository = make_repository(tmp_path / "demo.git")
    epoch = make_epoch(tmp_path / "archive" / "git" / "0.git")
    demo = follow(
        tmp_path / "user", tags=[repository.path], lists=[tmp_path / "archive"], settings=settings, reader=reader
    )
    world = World(repository, epoch, demo)
    for version in ("1.0", "1.1-rc1"):
        repository.release(version)
        world.announce(version, repository.now + 5 * MINUTE)
    demo.poll(repository.now + HOUR)
    return world


def make_late(world: World) -> World:
    """1.1-rc2 is tagged, its mail is missing for 26 hours, the list is alive, and one mail said so."""
    at = world.tag("1.1-rc2")
    world.talk(at + LATE - HOUR)
    world.demo.poll(at + LATE)
    assert len(world.late_mails()) == 1
    return world


def odd(world: World, subject: str, date: str, delivered: datetime) -> None:
    """A mail with this Date header, as public-inbox stores it: a Date that cannot be read is replaced by Received."""
    try:
        written = parsedate_to_datetime(date.replace(":60", ":59").replace("+9999", "+0000"))
    except ValueError:
        written = delivered
    content = (
        f"Received: from mx.example.org by {LIST_SERVER} with ESMTP id 1; {format_datetime(delivered)}\n"
        f"From: Kim Maintainer <kim@example.org>\nSubject: {subject}\nDate: {date}\n"
        f"Message-ID: <{abs(hash((subject, date)))}@example.org>\n\nIt is out.\n"
    ).encode()
    people = "Kim Maintainer <kim@example.org>"
    stream = (
        f"commit refs/heads/master\nauthor {people} {int(written.timestamp())} +0000\n"
        f"committer archive <a@example.org> {int(delivered.timestamp())} +0000\ndata {len(subject)}\n{subject}\n"
        f"from {world.epoch.head}\ndeleteall\nM 644 inline m\ndata {len(content)}\n"
    ).encode() + content
    git(world.epoch.path, "fast-import", "--quiet", stdin=stream + b"\n", **git_environment())


def iso(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"

"""Every mail of a few stories, kept word for word: what people read never changes by accident.

    python -m tests.tools.golden        writes tests/data/golden anew; `git diff` then shows each difference

A story is played through the real pipeline, and each mail is kept with the moment at which it went out, its headers
and its text. What is of this run alone (a folder, an id of git) is replaced by a word.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from rctrack import config, replay
from rctrack.config import DigestTime, Recipient
from rctrack.core.notice import ALERTS
from rctrack.process import Runner
from rctrack.replay.recording import Recording, read_recording
from rctrack.send import Delivery, Sent
from rctrack.sources import Tools
from rctrack.store import Store
from rctrack.web import Web
from tests.studies.alarms import day, git_by_tags, util_linux_whole
from tests.support.following import PROGRAM
from tests.support.golden_kinds import KINDS, shown
from tests.support.recorded import part_of

FOLDER = Path(__file__).parents[1] / "data" / "golden"
MONDAYS = DigestTime(0, 8, 0)
BERLIN = ZoneInfo("Europe/Berlin")


@dataclass(slots=True)
class Mailbox:
    """Every mail as it went out, with its moment."""

    mails: list[tuple[datetime, bytes]]

    def at(self, now: datetime) -> "Slot":
        return Slot(self, now)


@dataclass(frozen=True, slots=True)
class Slot:
    """The channel of one moment."""

    mailbox: Mailbox
    now: datetime

    def send(self, message: bytes, sender: str, recipient: str) -> Delivery:
        self.mailbox.mails.append((self.now, message))
        return Sent()

    def probe(self) -> Delivery:
        return Sent()


def play(recording: Recording, digest: DigestTime | None) -> Iterator[str]:
    """The mails of a recording for one reader in Berlin."""
    shipped = config.load(config.shipped() / "rctrack.toml", None, {})
    reader = Recipient("ann@example.org", None, ALERTS, digest, BERLIN)
    mailbox = Mailbox([])
    with TemporaryDirectory(prefix="rctrack-") as folder, Store(Path(folder) / "replay.db", durable=False) as scratch:
        tools = Tools(Runner(), Path(folder), PROGRAM, lambda *_: None, Web(PROGRAM))
        settings = replace(shipped, mail=replace(shipped.mail, to=(reader,)))
        replay.replay(recording, settings, scratch, tools, mailbox.at, PROGRAM)
    for at, content in mailbox.mails:
        yield shown(at, content)


def demo(shared: Path) -> Iterator[str]:
    """September 2011, as `make demo` has it, with digests."""
    project = config.load_project("linux", config.shipped() / "rctrack.toml")
    return play(read_recording(config.shipped() / "recordings" / "linux-3.1.toml", project), MONDAYS)


def util_linux(shared: Path) -> Iterator[str]:
    """The real util-linux: seven years of alerts, and the digests of the year in which one mail never came."""
    whole = util_linux_whole(shared)
    yield from play(whole, None)
    yield from play(part_of(whole, day("2022-01-01"), day("2022-07-01"), timedelta(days=1100)), MONDAYS)


def git(shared: Path) -> Iterator[str]:
    """The real git by its tags: alerts of its last two years, and the digests of two of its cycles."""
    whole = git_by_tags(shared)
    yield from play(part_of(whole, day("2024-07-01"), whole.end, timedelta(days=2100)), None)
    yield from play(part_of(whole, day("2024-12-01"), day("2025-04-01"), timedelta(days=400)), MONDAYS)


STORIES: dict[str, Callable[[Path], Iterator[str]]] = {"demo": demo, "util-linux": util_linux, "git": git}


def main() -> None:
    """Writes every story anew."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    shared = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data")
    for name, story in STORIES.items():
        (FOLDER / f"{name}.txt").write_text("\n".join(story(shared)), "utf-8")
    for name in KINDS:
        (FOLDER / f"kind-{name}.txt").write_text(kind(name), "utf-8")


def kind(name: str) -> str:
    """The mails of a small story; in a folder whose name has the same length each time, for lines break behind it."""
    with TemporaryDirectory(prefix="rctrack-", dir="/tmp") as folder:
        return "\n".join(KINDS[name](Path(folder)))


if __name__ == "__main__":
    main()

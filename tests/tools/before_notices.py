"""Makes what tests of migration 5 begin with; kept to tell how it was made, for it needs code that is gone.

    cd CHECKOUT && .venv/bin/python HERE/tests/tools/before_notices.py database SHARED HERE
    .venv/bin/python tests/tools/before_notices.py schemas

`database` plays the story of tests/support/before.py, beside a month of the real util-linux and git of SHARED/data,
in a CHECKOUT of commit ba5f552, the last before there were notices, and writes tests/data/before-notices.sqlite.gz of
the checkout HERE. `schemas` writes tests/data/schemas: the empty tables of each commit that changed them.
"""

import gzip
import importlib.util
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

SCHEMAS = ("492d78d", "444ddc3", "ca33e2b", "cadc820", "c246037", "a1b2c7a", "f01cc60", "2a47c19")
"""The commits that changed the tables, oldest first."""
PROGRAM = "rctrack/test"
_HEADERS = re.compile(rb"(Received|From|Date|Subject|Message-ID):", re.IGNORECASE)
REMEMBERED = timedelta(days=500)
"""So much of the real projects' past is there when the story begins."""


def main() -> None:
    """Writes what the first argument names."""
    match sys.argv[1:]:
        case ["database", shared, here]:
            sys.path.insert(0, os.getcwd())
            write_database(Path(shared), Path(here))
        case ["schemas"]:
            write_schemas(Path("tests/data/schemas"))
        case _:
            sys.exit(__doc__)


# --- The database ----------------------------------------------------------------------------------


def write_database(shared: Path, here: Path) -> None:
    """Plays the story and packs what is stored of it."""
    story = _module(here / "tests" / "support" / "before.py")
    with TemporaryDirectory(prefix="rctrack-") as place:
        folder = Path(place)
        config = import_module("rctrack.config").load(story.write_config(folder), None, {})
        _play(story, config, _real(story, shared))
        with closing(sqlite3.connect(config.database)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("VACUUM")
        packed = gzip.compress(config.database.read_bytes(), 9, mtime=0)
    target = here / "tests" / "data" / "before-notices.sqlite.gz"
    target.write_bytes(packed)
    print(f"{target}: {len(packed)} bytes")


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _real(story: Any, shared: Path) -> dict[str, Any]:
    """What the real sources could show, by source."""
    recorded, alarms = import_module("tests.support.recorded"), import_module("tests.studies.alarms")
    parts = (recorded.util_linux(shared / "data", story.BEGIN, story.END), alarms.git_by_tags(shared / "data"))
    return {source: _remembered(feed, story.BEGIN) for whole in parts for source, feed in whole.feeds.items()}


def _remembered(feed: Any, begin: datetime) -> Any:
    """What the source shows of late, and the counts of that; of mails their way and name, and none of their words."""
    late = [(at, _headed(each)) for at, each in feed.evidence if at >= begin - REMEMBERED]
    commits = {each.commit for _, each in late if hasattr(each, "tag")}
    counts = [(begin, each) for _, each in feed.evidence if hasattr(each, "base") and each.commit in commits]
    return replace(feed, evidence=tuple(sorted([*late, *counts], key=lambda each: each[0])))


def _headed(evidence: Any) -> Any:
    if not hasattr(evidence, "content"):
        return evidence
    lines = re.sub(rb"\n[ \t]+", b" ", evidence.content.partition(b"\n\n")[0]).split(b"\n")
    return replace(evidence, content=b"\n".join([*filter(_HEADERS.match, lines), b"", b""]))


@dataclass(frozen=True, slots=True)
class _Source:
    """A source of the story at a moment."""

    story: Any
    source: str
    now: datetime

    def look(self, cursor: str | None, since: date) -> Any:
        sources = import_module("rctrack.sources")
        shown = self.story.shown(self.source, cursor, self.now)
        if isinstance(shown, self.story.Silent):
            return sources.Blocked(shown.reason) if shown.is_blocked else sources.Failed(shown.reason, unreachable=True)
        life = sources.Life(self.story.at(-90) if shown.newest_at else None, shown.newest_at)
        return sources.Good(shown.evidence, self.now.isoformat(), is_whole=shown.is_whole, life=life)


@dataclass(frozen=True, slots=True)
class _Post:
    """The way out: Bob's mail of one day is refused, and that of another has to wait."""

    story: Any
    now: datetime

    def send(self, message: bytes, sender: str, recipient: str) -> Any:
        ways = import_module("rctrack.send")
        if recipient == self.story.BOB and b"Subject: [rctrack] post v3.1" in message:
            return ways.Refused("550 no such user")
        if recipient == self.story.BOB and b"Subject: [rctrack] post v3.2" in message:
            return ways.Deferred("451 try again later")
        return ways.Sent()


def _play(story: Any, config: Any, real: dict[str, Any]) -> None:
    pipeline, store, sources = (import_module(f"rctrack.{name}") for name in ("pipeline", "store", "sources"))
    recorded, runner = import_module("rctrack.sources.recorded").Recorded, import_module("rctrack.process").Runner()
    web = import_module("rctrack.web").Web(PROGRAM)
    tools = sources.Tools(runner, config.state, PROGRAM, lambda *_: None, web)
    with store.Store(config.database, durable=False) as stored:
        for now in story.moments(story.BEGIN, story.END):

            def then(source: Any, now: datetime = now) -> Any:
                feed = real.get(source.source)
                return _Source(story, source.source, now) if feed is None else recorded(source, feed, now)

            turn = pipeline.Turn(config, stored, replace(tools, recorded=then), now)
            pipeline.poll_all(turn, config.projects, lambda _: None)
            pipeline.watch(turn, config.projects)
            pipeline.digest.owe_due(turn)
            if now < story.END - story.QUIET:
                pipeline.deliver(turn, _Post(story, now), PROGRAM)


# --- The tables ------------------------------------------------------------------------------------


def write_schemas(folder: Path) -> None:
    """The tables as each commit made them, as SQL, in the order of the commits."""
    from sqlite_utils import Database

    folder.mkdir(parents=True, exist_ok=True)
    for number, commit in enumerate(SCHEMAS, 1):
        argv = ["git", "show", f"{commit}:rctrack/store/schema.py"]
        code = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
        names: dict[str, Any] = {}
        exec(compile(code, commit, "exec"), names)
        database = Database(memory=True)
        names["migrations"].apply(database)
        database.execute("UPDATE _sqlite_migrations SET applied_at = '2026-02-02 00:00:00+00:00'")
        (folder / f"{number}-{commit}.sql").write_text("\n".join(database.iterdump()) + "\n", "utf-8")


if __name__ == "__main__":
    main()

"""A local Maildir, as mail clients and delivery agents of subscribers keep it."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from rctrack.config import ListConfig, ProjectConfig
from rctrack.core.evidence import MailEvidence
from rctrack.core.look import Outcome
from rctrack.process import Interrupted
from rctrack.sources import mails
from rctrack.sources.protocol import Answer, Failed, Good, Tools

_SLACK = int(timedelta(days=1).total_seconds() * 1e9)
"""Nanoseconds that a clock may be put back without a mail being lost."""
_PROBED = 20
"""Mails that a probe reads."""


@dataclass(frozen=True, slots=True)
class Maildir:
    """One Maildir; the key of a mail is the part of its file name that never changes."""

    config: ListConfig
    project: ProjectConfig
    tools: Tools

    def look(self, cursor: str | None, since: date, now: datetime) -> Answer:
        """The mails whose subject fits and that came into the folder since `cursor`.

        What counts is when a file came or was renamed here (ctime), which neither rsync nor a Date header can set.
        """
        read: dict[str, Any] = json.loads(cursor) if cursor else {"newest": 0, "known": []}
        folder = Path(self.config.url)
        if (wrong := _what_is_wrong(folder)) is not None:
            return wrong
        newest, known = int(read["newest"]), list(read["known"])
        fits, evidence, came, highest = mails.fits(self.config.rules), [], [], newest
        try:
            for number, (key, path, changed) in enumerate(_files(folder, newest - _SLACK)):
                if number % 1000 == 0:
                    self._go_on(number)
                highest = max(highest, changed)
                content = b"" if key in known else _content(path)
                came.append(mails.delivery_of(content) if content else None)
                if fits(mails.subject_of(content)):
                    known.append(key)
                    evidence.append(MailEvidence(key, content, None))
        except OSError as error:
            return mails.file_failure(error, error.filename)
        coverage = mails.coverage_of(came, is_whole=newest == 0)
        return Good(tuple(evidence), json.dumps({"newest": highest, "known": known}), coverage=coverage)

    def probe(self, now: datetime) -> Answer:
        """The folder is a Maildir, and a few of its mails can be read."""
        folder = Path(self.config.url)
        try:
            if (wrong := _what_is_wrong(folder)) is not None:
                return wrong
            for _, path, _ in islice(_files(folder, 0), _PROBED):
                _content(path)
        except OSError as error:
            return mails.file_failure(error, error.filename)
        return Good((), "")

    def _go_on(self, number: int) -> None:
        if self.tools.runner.stopping.is_set():
            raise Interrupted("reading a Maildir")
        self.tools.progress(f"{self.project.id}: reading {self.config.url}", number, 0)


def _what_is_wrong(folder: Path) -> Failed | None:
    """Why a folder is no Maildir; None where it is one."""
    if not folder.is_dir():
        return Failed(Outcome.MISREAD, f"{folder}: there is no such folder; mount it, or change url")
    if not (folder / "cur").is_dir() or not (folder / "new").is_dir():
        return Failed(Outcome.MISREAD, f"{folder}: is no Maildir, it has no folders `cur` and `new`")
    return None


def _files(folder: Path, since: int) -> Iterator[tuple[str, str, int]]:
    """Key, path and time of change of each mail that changed since then; `new` first, since mail moves on to `cur`."""
    for place in ("new", "cur"):
        with os.scandir(folder / place) as entries:
            for entry in entries:
                if not entry.name.startswith("."):
                    try:
                        status = entry.stat()
                    except FileNotFoundError:  # read or filed away meanwhile
                        continue
                    if status.st_ctime_ns > since and entry.is_file():
                        # The name may be bytes of no charset, and a key is text.
                        name = os.fsencode(entry.name).decode("utf-8", "backslashreplace")
                        yield name.partition(":")[0], entry.path, status.st_ctime_ns


def _content(path: str) -> bytes:
    """The mail; empty where it has just been moved: then it is in `cur`, or will be found next time."""
    try:
        with open(path, "rb") as file:
            return mails.cut(file.read(mails.MOST_READ))
    except FileNotFoundError:
        return b""

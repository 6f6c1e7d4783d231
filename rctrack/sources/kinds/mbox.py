"""A local mbox file, as mail clients and delivery agents of subscribers keep it."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any

from rctrack.config import ListConfig, ProjectConfig
from rctrack.core.evidence import MailEvidence
from rctrack.core.look import Outcome
from rctrack.sources import mails
from rctrack.sources.protocol import Answer, Failed, Good, Tools

_MOST_LINE = 64 * 1024
_CHECKED = 4096
"""Bytes before the place where we stopped; if they are others now, the file was written anew."""
_FROM_LINE = re.compile(rb"From [^\n]{1,200}\d\d:\d\d[^\n]{0,60}\d{4}[^\n]{0,40}$", re.MULTILINE)
_ESCAPED = re.compile(rb">+From ")


@dataclass(frozen=True, slots=True)
class Mbox:
    """One mbox file; the key of a mail is its Message-ID."""

    config: ListConfig
    project: ProjectConfig
    tools: Tools

    def look(self, cursor: str | None, since: date, now: datetime) -> Answer:
        """The mails behind `cursor` whose subject fits; all of the file where it was written anew."""
        read: dict[str, Any] = json.loads(cursor) if cursor else {"offset": 0, "check": "", "known": []}
        path = Path(self.config.url)
        try:
            with path.open("rb") as file:
                return self._look(file, read)
        except OSError as error:
            return mails.file_failure(error, path)

    def probe(self, now: datetime) -> Answer:
        """The file can be read, and begins like an mbox."""
        path = Path(self.config.url)
        try:
            with path.open("rb") as file:
                return self._what_is_wrong(file) or Good((), "")
        except OSError as error:
            return mails.file_failure(error, path)

    def _what_is_wrong(self, file: IO[bytes]) -> Failed | None:
        first = _first_line(file)
        if not first or _FROM_LINE.match(first):
            return None
        return Failed(Outcome.MISREAD, f"{file.name}: is no mbox, it does not begin with a line `From …`")

    def _look(self, file: IO[bytes], read: dict[str, Any]) -> Answer:
        known, begin = list(read["known"]), int(read["offset"])
        begin = begin if _check(file, begin) == read["check"] and _goes_on(file, begin) else 0
        file.seek(begin)
        evidence, came = [], []
        fits = mails.fits(self.config.rules)
        for number, content in enumerate(read_mbox(file)):
            if number % 5000 == 0:
                self.tools.progress(f"{self.project.id}: reading {file.name}", number, 0)
            came.append(mails.delivery_of(content))
            if fits(mails.subject_of(content)) and (key := key_of(content)) not in known:
                known.append(key)
                evidence.append(MailEvidence(key, content, None))
        end = file.tell()
        if begin == 0 and (wrong := self._what_is_wrong(file)) is not None:
            return wrong
        cursor = {"offset": end, "check": _check(file, end), "known": known}
        return Good(tuple(evidence), json.dumps(cursor), coverage=mails.coverage_of(came, is_whole=begin == 0))


def read_mbox(file: IO[bytes]) -> Iterator[bytes]:
    """The mails of an mbox (mboxrd or its elders) from here on, each cut at a bound."""
    kept: bytearray | None = None
    after_blank = True
    while line := file.readline(_MOST_LINE):
        if after_blank and line.startswith(b"From ") and _FROM_LINE.match(line):
            if kept is not None:
                yield mails.cut(bytes(kept))
            kept = bytearray()
        elif kept is not None and len(kept) < mails.MOST_READ:
            kept += line[1:] if _ESCAPED.match(line) else line
        after_blank = line in (b"\n", b"\r\n")
    if kept is not None:
        yield mails.cut(bytes(kept))


def key_of(content: bytes) -> str:
    """What a mail is known by where its archive gives it no name: its Message-ID, or else what it holds."""
    return mails.message_id_of(content) or hashlib.sha256(content).hexdigest()


def _check(file: IO[bytes], offset: int) -> str:
    begin = max(0, offset - _CHECKED)
    file.seek(begin)
    return hashlib.sha256(file.read(offset - begin)).hexdigest() if offset else ""


def _goes_on(file: IO[bytes], offset: int) -> bool:
    """Whether another mail begins here, or nothing is here yet; else the last one was read while it was written."""
    file.seek(offset)
    following = file.read(8).lstrip(b"\r\n")
    return not following or b"From ".startswith(following[:5])


def _first_line(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.readline(_MOST_LINE)

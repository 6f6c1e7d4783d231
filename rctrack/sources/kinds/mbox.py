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
_BARE_LINE = re.compile(rb"From (?:[^\s@]{1,200}@\S{1,200}|-|MAILER-DAEMON)?[ \t]*\r?\n")
_HEADER = re.compile(rb">From |[A-Za-z][A-Za-z0-9-]{0,60}:")
_ESCAPED = re.compile(rb">+From ")


@dataclass(frozen=True, slots=True)
class Mbox:
    """One mbox file; the key of a mail is its Message-ID, and what it holds where that was used before."""

    config: ListConfig
    project: ProjectConfig
    tools: Tools

    def look(self, cursor: str | None, since: date, now: datetime) -> Answer:
        """The mails behind `cursor` whose subject fits; all of the file where it was written anew."""
        read: dict[str, Any] = json.loads(cursor) if cursor else {"offset": 0, "check": "", "known": {}}
        if isinstance(read["known"], list):  # as cursors were before
            read["known"] = dict.fromkeys(read["known"], "")
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
        if not first or _FROM_LINE.match(first) or _BARE_LINE.match(first):
            return None
        return Failed(Outcome.MISREAD, f"{file.name}: is no mbox, it does not begin with a line `From …`")

    def _look(self, file: IO[bytes], read: dict[str, Any]) -> Answer:
        known, begin = dict(read["known"]), int(read["offset"])
        is_same = _check(file, begin) == read["check"]
        if is_same and not _goes_on(file, begin) and read.get("last") in known:
            known[read["last"]] = ""  # it was read while it was written, and is no other mail now that it is whole
        begin = begin if is_same and _goes_on(file, begin) else 0
        file.seek(begin)
        evidence, came, last = [], [], ""
        fits = mails.fits(self.config.rules)
        for number, content in enumerate(read_mbox(file)):
            if number % 5000 == 0:
                self.tools.progress(f"{self.project.id}: reading {file.name}", number, 0)
            came.append(mails.delivery_of(content))
            last = key_of(content)
            if fits(mails.subject_of(content)) and (key := mails.note(known, last, content)):
                evidence.append(MailEvidence(key, content, None))
        end = file.tell()
        if begin == 0 and (wrong := self._what_is_wrong(file)) is not None:
            return wrong
        cursor = {"offset": end, "check": _check(file, end), "known": known, "last": last}
        return Good(tuple(evidence), json.dumps(cursor), coverage=mails.coverage_of(came, is_whole=begin == 0))


def read_mbox(file: IO[bytes]) -> Iterator[bytes]:
    """The mails of an mbox, by whoever wrote it, from here on, each cut at a bound."""
    kept: bytearray | None = None
    after_blank = True
    line, following = file.readline(_MOST_LINE), b""
    while line:
        following = file.readline(_MOST_LINE)
        if _begins_mail(line, following, after_blank=after_blank):
            if kept is not None:
                yield mails.cut(bytes(kept))
            kept = bytearray()
        elif kept is not None and len(kept) < mails.MOST_READ:
            kept += line[1:] if _ESCAPED.match(line) else line
        after_blank = line in (b"\n", b"\r\n")
        line = following
    if kept is not None:
        yield mails.cut(bytes(kept))


def _begins_mail(line: bytes, following: bytes, *, after_blank: bool) -> bool:
    """Whether a mail begins with this line.

    Mail programs leave out the empty line before it, or sender and date in it (Thunderbird); then headers must follow,
    so that a sentence of a mail that begins with "From" is none.
    """
    if not line.startswith(b"From "):
        return False
    if after_blank and _FROM_LINE.match(line):
        return True
    return _HEADER.match(following) is not None and bool(_FROM_LINE.match(line) or _BARE_LINE.match(line))


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

"""Repositories of public-inbox: which format they have, and the mails that their commits brought.

Format 2 is one commit per mail with the file `m` (or `d`: one was removed), in epochs. Format 1 is one tree of all
mails, each named by the SHA-1 of its Message-ID, and a commit adds one. Either way subject, author and date of a mail
are those of its commit, so one `git log` finds what is wanted.
https://public-inbox.org/public-inbox-v2-format.html, https://public-inbox.org/public-inbox-v1-format.html
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from rctrack.core.evidence import Instant, MailEvidence
from rctrack.core.look import Outcome
from rctrack.process import Limits, ProcessError
from rctrack.sources import mails
from rctrack.sources.gitstore.answers import Refusal
from rctrack.sources.gitstore.repository import LONG, NO_HEAD, Repository, make_repository, remote_options
from rctrack.sources.protocol import Failed, Tools

_LAST_SECOND = 253402300799
"""Of the year 9999, which no calendar of ours goes beyond."""
_MOST_SUBJECT = 4000
"""Bytes of one; what is longer is cut before a regular expression sees it."""
_MOST_GLANCE = Limits(memory=2**30, file=8 * 2**20)
"""Of a glance at the newest commit: a mail, where the host cannot leave it out."""
_GLANCE_SECONDS = 60.0
_LATEST = 20
"""Commits that are looked at where the newest is empty: what was purged leaves empty ones."""
_MAIL_FILES = ("m", "d")
_UNTOLD = re.compile(rf"{NO_HEAD}|dumb http|signal 25|file too large|file size limit", re.IGNORECASE)
"""What git says where the newest commit cannot be had alone, and nothing is wrong."""


class Format(Enum):
    """How an inbox keeps its mails."""

    ONE_TREE = 1
    EPOCHS = 2


@dataclass(frozen=True, slots=True)
class Entry:
    """A commit that brought a mail, by what `git log` tells."""

    commit: str
    written: int | None
    """Author's time in seconds: the Date of the mail. None where no calendar holds it."""
    committed: int | None
    """Committer's time in seconds: when the mail was stored, or a copy of its newest Received."""
    subject: bytes


def check_format(repository: Repository, url: str, revision: str = "HEAD") -> Format:
    """The format of an inbox; Refusal where the repository is none, with what it seems to be."""
    listing = repository.git("ls-tree", "-z", revision).split(b"\0")
    names = [(entry.split()[1:2], entry.partition(b"\t")[2].decode("utf-8", "replace")) for entry in listing if entry]
    if [name for _, name in names] in ([each] for each in _MAIL_FILES):
        return Format.EPOCHS
    if names and all(kind == [b"tree"] and re.fullmatch(r"[0-9a-f]{2}", name) for kind, name in names):
        return Format.ONE_TREE
    if not names and _held_mail(repository, revision):
        return Format.EPOCHS
    shown = f"files such as {names[0][1][:40]!r}" if names else "no file"
    reason = f"is no public-inbox, its newest commit holds {shown}"
    raise Refusal(
        Failed(Outcome.MISREAD, f"{url}: {reason}; if it is the project's own repository, it belongs under [[tags]]")
    )


def _held_mail(repository: Repository, revision: str) -> bool:
    """Whether one of the latest commits has a mail."""
    commits = repository.git("rev-list", f"--max-count={_LATEST}", revision).decode().split()
    asked = "".join(f"{commit}:{name}\n" for commit in commits for name in _MAIL_FILES)
    listing = repository.git("cat-file", "--batch-check=%(objecttype)", stdin=asked.encode())
    return b"blob" in listing.split(b"\n")


@contextmanager
def glance(url: str, tools: Tools) -> Iterator[Repository]:
    """The newest commit of a remote repository as its FETCH_HEAD, without the files where the host can do that.

    ProcessError where it cannot be had alone; it is gone afterwards.
    """
    tools.state.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="glance-", dir=tools.state) as folder:
        repository = Repository(Path(folder) / "glance.git", tools)
        make_repository(repository.path, tools)
        fetch = ["fetch", "--quiet", "--no-tags", "--depth=1", "--filter=blob:none", "--", url, "HEAD"]
        argv = ["git", f"--git-dir={repository.path}", *remote_options(tools), *fetch]
        tools.runner.run(argv, timeout=_GLANCE_SECONDS, limits=_MOST_GLANCE)
        yield repository


def glance_at_format(url: str, tools: Tools) -> Format | None:
    """The format of a remote inbox without copying it; None where that cannot be told, Refusal where it is none."""
    try:
        with glance(url, tools) as repository:
            return check_format(repository, url, "FETCH_HEAD")
    except ProcessError as error:
        # Without a mail yet; by a host of files only; or by one that sends all of a tree, be it format 1 or sources.
        if not isinstance(error, Refusal) and _UNTOLD.search(str(error)):
            return None
        raise


def read_log(repository: Repository, revisions: str) -> Iterator[Entry]:
    """The commits of a range, newest first.

    git prints an oldest-first log only when it has read all of it, and an epoch of LKML has a quarter of a million.
    """
    for line in repository.lines("log", "--no-show-signature", "--format=%H%x00%ct%x00%at%x00%s", revisions, "--"):
        commit, committed, written, subject = line.split(b"\0", 3)
        yield Entry(commit.decode(), _seconds(written), _seconds(committed), subject[:_MOST_SUBJECT])


def _seconds(field: bytes) -> int | None:
    """A time that a calendar holds; git stores any number."""
    return int(field) if field.isdigit() and len(field) <= 12 and int(field) <= _LAST_SECOND else None


def read_mails(
    repository: Repository, inbox: Format, entries: Iterable[Entry], most: int = mails.MOST_READ
) -> Iterator[MailEvidence]:
    """The mails of the entries, of which so many bytes are read; a commit that removes a mail has none."""
    listed = list(entries)
    if not listed:
        return
    named = _added(repository, listed) if inbox is Format.ONE_TREE else [(f"{each.commit}:m", each) for each in listed]
    asked = "".join(f"{name}\n" for name, _ in named).encode()
    with repository.tools.runner.stream(repository.argv("cat-file", "--batch"), stdin=asked, timeout=LONG) as output:
        for _, entry in named:
            fields = output.readline().split()
            if len(fields) != 3:  # "… missing"
                continue
            blob, kind, size = fields[0].decode(), fields[1], int(fields[2])
            content = output.read(min(size, most))
            _skip(output, size - len(content) + len(b"\n"))
            if kind == b"blob":
                yield MailEvidence(blob, mails.cut(content), stored_at(entry))


def stored_at(entry: Entry) -> Instant | None:
    """When an archive stored the mail, by its commit; None where no calendar holds it."""
    return None if entry.committed is None else Instant(datetime.fromtimestamp(entry.committed, UTC))


def _added(repository: Repository, entries: list[Entry]) -> list[tuple[str, Entry]]:
    """The blobs that each commit of an inbox of format 1 added or replaced."""
    options = ("--stdin", "--root", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", "--diff-filter=AM")
    commits = {entry.commit: entry for entry in entries}
    listing = repository.git("diff-tree", *options, stdin="".join(f"{commit}\n" for commit in commits).encode())
    added: list[tuple[str, Entry]] = []
    current: Entry | None = None
    for field in listing.split(b"\0"):
        if field.startswith(b":") and current is not None:
            added.append((field.split()[3].decode(), current))
        else:  # the name of a file, or the commit that goes before its files
            current = commits.get(field.strip().decode("utf-8", "replace"), current)
    return added


def _skip(output: IO[bytes], size: int) -> None:
    while size > 0 and (read := len(output.read(min(size, 2**20)))):
        size -= read

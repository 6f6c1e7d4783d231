"""A list archive as git epochs of public-inbox (v2): one commit per mail, subject and author in the commit."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import IO

from rctrack.config import ListConfig, ProjectConfig
from rctrack.core import received
from rctrack.core.evidence import Instant, MailEvidence
from rctrack.core.recognise import may_hide, parse_headers
from rctrack.process import ProcessError
from rctrack.sources import mails
from rctrack.sources.gitstore import repository as git
from rctrack.sources.protocol import Failed, Good, Life, Outcome, Tools

_MOST_EPOCHS = 1000
_MOST_SUBJECT = 4000
"""Bytes of one; what is longer is cut before a regular expression sees it."""
_LATE = int(timedelta(days=1).total_seconds())
"""Seconds after which a mail was stored late, and its Received chain is read for when it was delivered."""
_HOUR = 3600
_MOST_HEAD = 64 * 1024


@dataclass(slots=True)
class _Clocks:
    """What the commits of an epoch say of its mails, as seconds: one of an hour is kept, and each stored late."""

    begins: int | None = None
    alive: int | None = None
    first_stored: int | None = None
    in_time: dict[int, tuple[int, int]] = field(default_factory=dict)
    late: dict[int, tuple[int, int, str]] = field(default_factory=dict)

    def note(self, written: int, committed: int, commit: bytes) -> None:
        """One mail; they come newest first. A Date later than the storing of its mail is a wrong clock."""
        delivered = min(written, committed)
        self.begins = delivered
        self.first_stored = committed
        if self.alive is None or delivered > self.alive:
            self.alive = delivered
        if committed - delivered > _LATE:
            self.late.setdefault(delivered // _HOUR, (delivered, committed, commit.decode()))
        else:
            self.in_time.setdefault(delivered // _HOUR, (delivered, committed))

    def stored_late(self, *, is_whole: bool) -> list[tuple[str, int]]:
        """Commit and time of storing of the late ones.

        Where these are the mails of the whole archive, what was there before it began is its first fill.
        """
        begun = self.first_stored or 0 if is_whole else 0
        return [(commit, committed) for delivered, committed, commit in self.late.values() if delivered >= begun]


@dataclass(frozen=True, slots=True)
class PublicInbox:
    """The epochs of one list."""

    config: ListConfig
    project: ProjectConfig
    tools: Tools

    def look(self, cursor: str | None, since: date) -> Outcome:
        """The mails since `cursor` whose subject fits; the cursor is the last commit read in each epoch."""
        read: dict[str, str] = json.loads(cursor) if cursor else {}
        mails: list[MailEvidence] = []
        lives: list[Life] = []
        now_read: dict[str, str] = {}
        try:
            for name, repository in self._epochs():
                head = repository.head()
                if head is None:
                    continue
                found, life = self._new_mails(repository, read.get(name), head)
                mails += found
                lives.append(life)
                now_read[name] = head
        except ProcessError as error:
            return git.failure(error)
        if not now_read and git.local_path(self.config.url) is None and not read:
            return Failed(f"{self.config.url}: no epoch found there")
        return Good(tuple(mails), json.dumps({**read, **now_read}, sort_keys=True), life=_joined(lives))

    def _epochs(self) -> Iterator[tuple[str, git.Repository]]:
        path = git.local_path(self.config.url)
        return self._local_epochs(path) if path is not None else self._remote_epochs()

    def _local_epochs(self, path: Path) -> Iterator[tuple[str, git.Repository]]:
        """The epochs below a folder, or the folder itself where it is one bare epoch."""
        if (single := git.git_dir(path)) is not None:
            yield "0", git.Repository(single, self.tools)
            return
        found = 0
        for number in range(_MOST_EPOCHS):
            places = (path / "git" / f"{number}.git", path / f"{number}.git", path / str(number))
            epoch = next((place for each in places if (place := git.git_dir(each))), None)
            if epoch is not None:
                found += 1
                yield str(number), git.Repository(epoch, self.tools)
            elif found:
                return
        raise ProcessError(f"{path}: is neither a public-inbox epoch nor a folder of them")

    def _remote_epochs(self) -> Iterator[tuple[str, git.Repository]]:
        """The epochs at url/0, url/1, …; the url itself where there is no url/0."""
        number = 0
        while number < _MOST_EPOCHS:
            try:
                epoch = self._copy(f"{self.config.url}/{number}", f"{self.project.id}-list-{number}")
            except ProcessError as error:
                if isinstance(git.failure(error), Failed) and git.is_absent(error):
                    break
                raise
            yield str(number), epoch
            if epoch.head() is None:
                return
            number += 1
        if number == 0:
            yield "0", self._copy(self.config.url, f"{self.project.id}-list")

    def _copy(self, url: str, name: str) -> git.Repository:
        return git.keep_clone(url, name, self.tools, refspec="+HEAD:refs/heads/master", only_commits=False)

    def _new_mails(self, repository: git.Repository, since: str | None, head: str) -> tuple[list[MailEvidence], Life]:
        clocks = _Clocks()
        candidates = list(self._candidates(repository, self._range(repository, since, head), clocks))[::-1]
        found = list(_read(repository, candidates))
        return found, self._life(repository, clocks, is_whole=since is None)

    def _life(self, repository: git.Repository, clocks: _Clocks, *, is_whole: bool) -> Life:
        """Of the mails that were stored late, when they were delivered is read in the mails themselves."""
        deliveries = [(_moment(delivered), _moment(committed)) for delivered, committed in clocks.in_time.values()]
        for mail in _read(repository, clocks.stored_late(is_whole=is_whole), _MOST_HEAD):
            chain = parse_headers(mail.content).all("Received")
            delivered = received.delivered(received.read_hops(chain), self.config.rules.servers)
            if delivered is not None and mail.archived is not None:
                deliveries.append((min(delivered.at, mail.archived.at), mail.archived.at))
        begins = _moment(clocks.begins) if is_whole and clocks.begins is not None else None
        return Life(begins, None if clocks.alive is None else _moment(clocks.alive), tuple(deliveries))

    def _range(self, repository: git.Repository, since: str | None, head: str) -> str:
        """What is new; everything where the commit that we read last is gone (a purge rewrites history)."""
        if since is None or since == head:
            return head if since is None else f"{head}..{head}"
        return f"{since}..{head}" if repository.has_commit(since) else head

    def _candidates(self, repository: git.Repository, revisions: str, clocks: _Clocks) -> Iterator[tuple[str, int]]:
        """Commit and committer time of every mail whose subject fits, newest first, from one `git log`.

        git prints an oldest-first log only when it has read all of it, and most lines need no regular expression:
        an epoch of LKML has a quarter of a million.
        """
        fits, certain = mails.fits(self.config.rules), mails.literal(self.config.rules.subject).encode()
        log = repository.lines("log", "--no-show-signature", "--format=%H%x00%ct%x00%at%x00%s", revisions, "--")
        for number, line in enumerate(log):
            if number % 5000 == 0:
                self.tools.progress(f"{self.project.id}: reading the archive", number, 0)
            commit, committed, written, text = line.split(b"\0", 3)
            clocks.note(int(written or committed), int(committed), commit)
            if (certain in text or may_hide(text, certain)) and fits(text[:_MOST_SUBJECT].decode("utf-8", "replace")):
                yield commit.decode(), int(committed)


def _joined(lives: Sequence[Life]) -> Life:
    """The life of a list whose epochs had these."""
    begins = [life.begins_at for life in lives if life.begins_at]
    alive = [life.alive_at for life in lives if life.alive_at]
    deliveries = tuple(each for life in lives for each in life.deliveries)
    return Life(min(begins, default=None), max(alive, default=None), deliveries)


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _read(
    repository: git.Repository, candidates: Sequence[tuple[str, int]], most: int = mails.MOST_READ
) -> Iterator[MailEvidence]:
    """The mails of the commits, of which so many bytes are read; a commit that removes a mail has no file `m`."""
    if not candidates:
        return
    wanted = "".join(f"{commit}:m\n" for commit, _ in candidates).encode()
    argv = ["git", f"--git-dir={repository.path}", "cat-file", "--batch"]
    with repository.tools.runner.stream(argv, stdin=wanted, timeout=git.LONG) as output:
        for _, committed in candidates:
            fields = output.readline().split()
            if len(fields) != 3:  # "… missing"
                continue
            blob, kind, size = fields[0].decode(), fields[1], int(fields[2])
            content = output.read(min(size, most))
            _skip(output, size - len(content) + len(b"\n"))
            if kind == b"blob":
                yield MailEvidence(blob, mails.cut(content), Instant(datetime.fromtimestamp(committed, UTC)))


def _skip(output: IO[bytes], size: int) -> None:
    while size > 0 and (read := len(output.read(min(size, 2**20)))):
        size -= read

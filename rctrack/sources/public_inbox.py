"""A list archive as git epochs of public-inbox (v2): one commit per mail, subject and author in the commit."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO

from rctrack.config import ListConfig, ProjectConfig
from rctrack.core.model import Instant, MailEvidence
from rctrack.process import ProcessError
from rctrack.sources import git, mails
from rctrack.sources.protocol import Failed, Good, Outcome, Tools

_MOST_EPOCHS = 1000
_MOST_SUBJECT = 4000
"""Bytes of one; what is longer is cut before a regular expression sees it."""


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
        now_read: dict[str, str] = {}
        try:
            for name, repository in self._epochs():
                head = repository.head()
                if head is None:
                    continue
                mails += self._new_mails(repository, read.get(name), head)
                now_read[name] = head
        except ProcessError as error:
            return git.failure(error)
        if not now_read and git.local_path(self.config.url) is None and not read:
            return Failed(f"{self.config.url}: no epoch found there")
        return Good(tuple(mails), json.dumps({**read, **now_read}, sort_keys=True))

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

    def _new_mails(self, repository: git.Repository, since: str | None, head: str) -> list[MailEvidence]:
        candidates = list(self._candidates(repository, self._range(repository, since, head)))[::-1]
        return list(_read(repository, candidates)) if candidates else []

    def _range(self, repository: git.Repository, since: str | None, head: str) -> str:
        """What is new; everything where the commit that we read last is gone (a purge rewrites history)."""
        if since is None or since == head:
            return head if since is None else f"{head}..{head}"
        return f"{since}..{head}" if repository.has_commit(since) else head

    def _candidates(self, repository: git.Repository, revisions: str) -> Iterator[tuple[str, int]]:
        """Commit and committer time of every mail whose subject fits, newest first, from one `git log`.

        git prints an oldest-first log only when it has read all of it, and most lines need no regular expression:
        an epoch of LKML has a quarter of a million.
        """
        fits, certain = mails.fits(self.config.rules), mails.literal(self.config.rules.subject).encode()
        log = repository.lines("log", "--no-show-signature", "--format=%H%x00%ct%x00%s", revisions, "--")
        for number, line in enumerate(log):
            if number % 5000 == 0:
                self.tools.progress(f"{self.project.id}: reading the archive", number, 0)
            if certain in line:
                commit, committed, text = line.split(b"\0", 2)
                if fits(text[:_MOST_SUBJECT].decode("utf-8", "replace")):
                    yield commit.decode(), int(committed)


def _read(repository: git.Repository, candidates: list[tuple[str, int]]) -> Iterator[MailEvidence]:
    """The mails of the commits; a commit that removes a mail has no file `m` and is passed over."""
    wanted = "".join(f"{commit}:m\n" for commit, _ in candidates).encode()
    argv = ["git", f"--git-dir={repository.path}", "cat-file", "--batch"]
    with repository.tools.runner.stream(argv, stdin=wanted, timeout=git.LONG) as output:
        for _, committed in candidates:
            fields = output.readline().split()
            if len(fields) != 3:  # "… missing"
                continue
            blob, kind, size = fields[0].decode(), fields[1], int(fields[2])
            content = output.read(min(size, mails.MOST_MAIL_BYTES))
            _skip(output, size - len(content) + len(b"\n"))
            if kind == b"blob":
                yield MailEvidence(blob, content, Instant(datetime.fromtimestamp(committed, UTC)))


def _skip(output: IO[bytes], size: int) -> None:
    while size > 0 and (read := len(output.read(min(size, 2**20)))):
        size -= read

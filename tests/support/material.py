"""Material for tests, made quickly with real git: repositories with releases, and public-inbox v2 epochs.

    repository = make_repository(tmp_path / "demo.git")
    repository.commit(5)                                  # five commits in a row on main, the last one's id
    repository.tag("v1.1-rc1")                            # an annotated tag on the newest commit, minutes later
    epoch = make_epoch(tmp_path / "list" / "git" / "0.git")
    epoch.add(Mail("[ANNOUNCE] demo v1.1-rc1", ...))      # one commit with the file m
    epoch.remove()                                        # one commit with the file d

Every commit has the empty tree; time begins on 1 March 2026 and goes on by itself.
"""

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from zlib import crc32

BEGIN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MAINTAINER = "kim@example.org"
LIST_SERVER = "lists.example.org"
_NAME = f"Kim Maintainer <{MAINTAINER}>"


def git_environment() -> dict[str, str]:
    """An environment in which git is the same for everybody."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    nobody = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    people = {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", "Kim Maintainer"), ("EMAIL", MAINTAINER))
    }
    return {**kept, **nobody, **people}


def git(path: Path, *arguments: str, stdin: bytes = b"", **environment: str) -> str:
    """What git prints about the repository, without the last newline; an error of git is an error of the test."""
    done = subprocess.run(
        ["git", f"--git-dir={path}", *arguments],
        input=stdin,
        stdout=subprocess.PIPE,
        env={**git_environment(), **environment},
        check=True,
    )
    return done.stdout.decode().rstrip("\n")


@dataclass(slots=True)
class GitRepository:
    """A bare repository that grows; `now` is the time of the next thing that happens in it."""

    path: Path
    now: datetime = BEGIN

    def commit(self, number: int = 1, *, branch: str = "main", parents: Sequence[str] | None = None) -> str:
        """So many commits in a row on a branch; the last one's id. `parents` are those of the first, () for a root."""
        lines = []
        for i in range(number):
            self.now += MINUTE
            stamp = _stamp(self.now)
            lines += [f"commit refs/heads/{branch}", f"author {_NAME} {stamp}", f"committer {_NAME} {stamp}", "data 0"]
            if i == 0:
                first, *others = self._parents(branch) if parents is None else [*parents, ""]
                lines += [f"from {first}"] * bool(first) + [f"merge {other}" for other in others if other]
        stream = "\n".join([*(["reset refs/heads/" + branch] if parents is not None else []), *lines, ""])
        git(self.path, "fast-import", "--quiet", "--force", stdin=stream.encode())
        return self.commit_of(f"refs/heads/{branch}")

    def merge(self, branch: str, *, into: str = "main") -> str:
        """A merge commit."""
        return self.commit(branch=into, parents=(self.commit_of(f"refs/heads/{into}"), self.commit_of(branch)))

    def tag(self, name: str, target: str = "main", *, zone: str = "+0000", at: datetime | None = None) -> str:
        """An annotated tag on anything (a commit, a tree, another tag); its object id."""
        self.now = at or self.now + MINUTE
        when = f"{int(self.now.timestamp())} {zone}"
        git(self.path, "tag", "--force", "--annotate", "--message=", name, target, GIT_COMMITTER_DATE=when)
        return self.object_of(f"refs/tags/{name}")

    def light_tag(self, name: str, target: str = "main") -> str:
        """A lightweight tag on anything; the id of what it names."""
        git(self.path, "tag", "--force", name, target)
        return self.object_of(f"refs/tags/{name}")

    def release(self, *versions: str, commits: int = 3, every: timedelta = timedelta(days=3)) -> None:
        """For each version some commits, one of them a merge of a side branch, and the tag "vVERSION"."""
        for version in versions:
            self.now += every
            if git(self.path, "for-each-ref", "refs/heads/main"):
                self.commit(2, branch="side", parents=(self.commit_of("main"),))
                self.commit(commits)
                self.merge("side")
            else:
                self.commit(commits, parents=())
            self.tag(f"v{version}")

    def commit_of(self, revision: str) -> str:
        return git(self.path, "rev-parse", "--verify", f"{revision}^{{commit}}")

    def object_of(self, revision: str) -> str:
        return git(self.path, "rev-parse", "--verify", revision)

    def count(self, base: str, revision: str, *options: str) -> int:
        """What git itself counts."""
        return int(git(self.path, "rev-list", "--count", *options, f"{base}..{revision}"))

    def _parents(self, branch: str) -> list[str]:
        return [git(self.path, "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")]


def make_repository(path: Path, *, filters: bool = True) -> GitRepository:
    """An empty bare repository; `filters` is whether it serves fetches of commits only."""
    _init(path)
    git(path, "config", "uploadpack.allowFilter", "true" if filters else "false")
    return GitRepository(path)


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail of a list archive."""

    subject: str
    sender: str = _NAME
    at: datetime = BEGIN
    """The Date header."""
    delivered_after: timedelta = timedelta(minutes=2)
    """From then until the list's server had it."""
    archived_after: timedelta | None = None
    """From then until the archive had it, by its own clock; None for an archive that copies the Received date."""
    message_id: str | None = None
    body: str = "It is out.\n"

    @property
    def id(self) -> str:
        return self.message_id or f"{crc32(self.subject.encode()):08x}.{self.at:%Y%m%d%H%M}@example.org"

    @property
    def delivered_at(self) -> datetime:
        return self.at + self.delivered_after

    @property
    def archived_at(self) -> datetime:
        """When the archive committed it."""
        return self.delivered_at + (self.archived_after or timedelta(0))

    def content(self) -> bytes:
        """The mail as the list sent it out."""
        head = (
            f"Received: from mx.example.org by {LIST_SERVER} with ESMTP id 1; {format_datetime(self.delivered_at)}\n"
            f"Received: from laptop by mx.example.org with ESMTP id 0; {format_datetime(self.at)}\n"
            f"From: {self.sender}\nTo: demo@{LIST_SERVER}\nSubject: {self.subject}\n"
            f"Date: {format_datetime(self.at)}\nMessage-ID: <{self.id}>\n\n"
        )
        return (head + self.body).encode()


@dataclass(slots=True)
class Epoch:
    """A public-inbox v2 epoch that grows: a bare repository with one commit per mail on master."""

    path: Path
    made: list[str] = field(default_factory=list)

    def add(self, *mails: Mail) -> None:
        """One commit per mail, with the mail as file `m`."""
        self._import((mail.archived_at, mail.at, mail.sender, mail.subject, "m", mail.content()) for mail in mails)

    def remove(self, mail: Mail) -> None:
        """The commit by which an archive takes a mail away: file `d` with what it was."""
        self._import([(mail.archived_at, mail.at, mail.sender, mail.subject, "d", mail.content())])

    @property
    def head(self) -> str:
        return git(self.path, "rev-parse", "--verify", "refs/heads/master")

    def reset(self, commit: str) -> None:
        """The epoch as it was at this commit."""
        git(self.path, "update-ref", "refs/heads/master", commit)

    def _import(self, mails: "Sequence[_Entry] | Iterator[_Entry]") -> None:
        before = git(self.path, "for-each-ref", "--format=%(objectname)", "refs/heads/master")
        stream = b"from " + before.encode() + b"\n" if before else b""
        parts = []
        for number, (committed, written, sender, subject, name, content) in enumerate(mails):
            title = subject.encode()
            parts.append(
                b"commit refs/heads/master\n"
                + f"author {sender} {_stamp(written)}\ncommitter archive <a@example.org> {_stamp(committed)}\n".encode()
                + b"data %d\n%s\n" % (len(title), title)
                + (stream if number == 0 else b"")
                + b"deleteall\nM 644 inline %s\ndata %d\n%s\n" % (name.encode(), len(content), content)
            )
        git(self.path, "fast-import", "--quiet", "--force", stdin=b"".join(parts))


_Entry = tuple[datetime, datetime, str, str, str, bytes]


def make_epoch(path: Path) -> Epoch:
    """An empty epoch, as a list archive makes one when the last one is full."""
    _init(path)
    git(path, "symbolic-ref", "HEAD", "refs/heads/master")
    return Epoch(path)


def unpack(data: Path, name: str, folder: Path) -> Path:
    """A real repository or archive of ../shared/data, unpacked in that folder; no `tarfile`, whose safe way is new."""
    subprocess.run(["tar", "xf", str(data / "real" / f"{name}.git.tar"), "-C", str(folder)], check=True)
    return folder / f"{name}.git"


@contextmanager
def hidden(path: Path) -> Iterator[None]:
    """The file or folder is not there within the block."""
    away = path.with_name(f"{path.name}.hidden")
    path.rename(away)
    try:
        yield
    finally:
        away.rename(path)


def references(path: Path) -> Mapping[str, str]:
    """Every ref of a repository and the object that it names."""
    lines = git(path, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    return dict(line.split(" ") for line in lines)


def _init(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "init", "--quiet", "--bare", "-b", "main", str(path)], check=True, env=git_environment())


def _stamp(moment: datetime) -> str:
    return f"{int(moment.timestamp())} +0000"

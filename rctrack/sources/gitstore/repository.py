"""Git repositories as the sources use them: ours (bare, kept in the state folder) or the user's (only read)."""

import fcntl
import hashlib
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from rctrack.core.evidence import Instant
from rctrack.core.look import host_in
from rctrack.process import Limits, ProcessError
from rctrack.sources.protocol import Tools

QUICK = 120.0
"""Seconds for one question to a local repository or one list of refs."""
LONG = 3600.0
"""Seconds for a first clone."""
_MOST_REFS_BYTES = 64 * 2**20
_REFS = Limits(memory=2**30)
_CLONE = Limits(memory=2**32, file=2**34)
"""All files of Linux with all their history are 6 GB; a server that sends more, or what unpacks to more, is stopped."""
_SHOWN = re.compile(rb"([0-9a-f]{40}|[0-9a-f]{64})\t(?:HEAD|refs/tags/(.{1,1000}?)(\^\{\})?)", re.DOTALL)
NO_HEAD = "couldn't find remote ref HEAD"
_OTHER_NAMES = "mismatched algorithms"
"""What git says where one side names objects by SHA-1 and the other by SHA-256."""


@dataclass(frozen=True, slots=True)
class Refs:
    """What a repository shows of itself."""

    head: str | None
    """The object of HEAD; None where it has none."""
    tags: dict[str, tuple[str, str]]
    """Of each tag the object, and the one behind it."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository on this machine; every question is one git process."""

    path: Path
    tools: Tools
    is_ours: bool = True
    """Made and kept by us; of anybody else's, git itself judges whether it may be read."""

    def git(self, *arguments: str, stdin: bytes = b"", timeout: float = QUICK, limits: Limits | None = None) -> bytes:
        """What git prints; ProcessError if it fails."""
        return self.tools.runner.run(self.argv(*arguments), stdin=stdin, timeout=timeout, limits=limits)

    def lines(self, *arguments: str, stdin: bytes = b"", end: bytes = b"\n", most: int = 2**20) -> Iterator[bytes]:
        """What git prints, split at `end`, in flat memory; a piece longer than `most` bytes is cut there."""
        with self.tools.runner.stream(self.argv(*arguments), stdin=stdin, timeout=LONG) as output:
            rest, too_long = b"", False
            while chunk := output.read1(2**18):  # type: ignore[attr-defined]
                *pieces, rest = (rest + chunk).split(end)
                for piece in pieces:
                    if not too_long:
                        yield piece
                    too_long = False
                if len(rest) > most:
                    if not too_long:
                        yield rest[:most]
                    rest, too_long = b"", True
            if rest and not too_long:
                yield rest

    def has_commit(self, commit: str) -> bool:
        """Whether the commit is there."""
        try:
            self.git("cat-file", "-e", f"{commit}^{{commit}}")
        except ProcessError:
            return False
        return True

    def head(self) -> str | None:
        """The commit of HEAD; None in an empty repository. ProcessError where git does not open it."""
        try:
            return self.git("rev-parse", "--verify", "--quiet", "HEAD^{commit}").decode().strip() or None
        except ProcessError as error:
            if "exit status 1" in str(error):  # without a word: there is none
                return None
            raise

    def argv(self, *arguments: str) -> list[str]:
        """The command line of a question to it."""
        # With --git-dir, git would not ask whose it is. That a bare one was meant, the project's file says.
        place = [f"--git-dir={self.path}"] if self.is_ours else ["-C", str(self.path), "-c", "safe.bareRepository=all"]
        # A copy without files must not go and get them: what is not there is not there.
        return ["git", *place, "-c", "protocol.allow=never", *arguments]


def local_path(url: str) -> Path | None:
    """The folder that a url names on this machine; None for a remote one."""
    return None if urlsplit(url).scheme or host_in(url) else Path(url)


def open_local(path: Path, tools: Tools) -> Repository:
    """The user's own repository at this path; ProcessError where there is none."""
    if git_dir(path) is None:
        raise ProcessError(f"{path}: " + ("is no git repository" if path.exists() else "there is no such folder"))
    return Repository(path, tools, is_ours=False)


def git_dir(path: Path) -> Path | None:
    """The git directory of a bare repository or of a work tree, a linked one or a submodule too; None without one."""
    places = (path, path / ".git", _linked(path / ".git"))
    return next((place for place in places if place and _is_git_dir(place)), None)


def _is_git_dir(place: Path) -> bool:
    return (place / "objects").is_dir() and (place / "HEAD").exists()


def _linked(file: Path) -> Path | None:
    """The git directory that a file `.git` names, where the objects are."""
    try:
        target = file.parent / file.read_text("utf-8").removeprefix("gitdir:").strip()
        common = target / "commondir"
        return target / common.read_text("utf-8").strip() if common.is_file() else target
    except (OSError, ValueError):
        return None


def remote_options(tools: Tools) -> list[str]:
    """Options of git for every talk with a host that is not ours."""
    return [
        "-c", f"http.userAgent={tools.user_agent}",
        "-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=60", "-c", "http.followRedirects=false",
        "-c", "protocol.version=2", "-c", "protocol.allow=never",
        *(each for name in ("https", "http", "git", "ssh") for each in ("-c", f"protocol.{name}.allow=always")),
        "-c", "fetch.fsckObjects=false", "-c", "gc.auto=0", "-c", "maintenance.auto=false",
    ]  # fmt: skip


def list_refs(url: str, tools: Tools) -> Refs:
    """HEAD and every tag that a repository shows, from one question; ProcessError if it fails.

    A name that git itself would not take is shown with escapes, so that nothing in it acts on a terminal.
    """
    path = local_path(url)
    if path is not None:
        open_local(path, tools)
    options = remote_options(tools) if path is None else []
    argv = ["git", *options, "ls-remote", "--", url, "HEAD", "refs/tags/*"]
    listing = tools.runner.run(argv, timeout=QUICK, most=_MOST_REFS_BYTES, limits=_REFS)
    head: str | None = None
    objects: dict[str, str] = {}
    peeled: dict[str, str] = {}
    for line in listing.split(b"\n"):
        shown = _SHOWN.fullmatch(line)
        if shown is None:
            continue
        object_id, tag = shown[1].decode(), shown[2]
        if tag is None:
            head = object_id
        else:
            text = tag.decode("utf-8", "replace")
            (peeled if shown[3] else objects)[text if text.isprintable() else repr(text)] = object_id
    return Refs(head, {name: (object_id, peeled.get(name, object_id)) for name, object_id in sorted(objects.items())})


@dataclass(frozen=True, slots=True)
class Copying:
    """What of a remote repository is copied."""

    refspec: str
    only_commits: bool
    """Without files, where the host can do that."""
    is_shared: bool = False
    """The copy takes from several remotes, each under refs of its own that `refspec` names."""


def keep_clone(url: str, name: str, tools: Tools, copying: Copying) -> Repository:
    """Our bare copy of a remote repository, made or brought up to date; ProcessError if it cannot be."""
    suffix = "" if copying.is_shared else f"-{hashlib.sha256(url.encode()).hexdigest()[:12]}"
    path = tools.state / "repositories" / f"{name}{suffix}.git"
    repository = Repository(path, tools)
    with _alone_with(path):
        is_new = not _is_git_dir(path)
        if is_new:
            # A clone that was killed half-way has no HEAD yet or is fetched again: git only trusts whole packs.
            make_repository(path, tools)
        try:
            _fetch(url, name, repository, copying)
        except ProcessError as error:
            if not is_new or _OTHER_NAMES not in str(error):
                raise
            make_repository(path, tools, "sha256")
            _fetch(url, name, repository, copying)
    return repository


def make_repository(path: Path, tools: Tools, object_format: str = "sha1") -> None:
    """An empty bare repository at this path, whatever was there."""
    shutil.rmtree(path, ignore_errors=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The user's own init.defaultBranch and init.defaultObjectFormat must not decide what ours is like.
    options = ["--quiet", "--bare", "--initial-branch=master", f"--object-format={object_format}"]
    tools.runner.run(["git", "init", *options, str(path)], timeout=QUICK)


def _fetch(url: str, name: str, repository: Repository, copying: Copying) -> None:
    options = ["--filter=tree:0"] if copying.only_commits else []
    tools, path = repository.tools, repository.path
    _end_interrupted_writes(path)
    fetch = ["fetch", "--quiet", "--progress", "--no-tags", "--no-write-fetch-head", "--force", "--prune", *options]
    argv = ["git", f"--git-dir={path}", *remote_options(tools), *fetch, "--", url, copying.refspec]
    try:
        tools.runner.run(argv, timeout=LONG, limits=_CLONE, heard=_report_fetch(name, tools))
    except ProcessError as error:
        _end_interrupted_writes(path)
        # A repository without any commit has no HEAD to fetch; one that had commits is not empty all at once.
        if NO_HEAD not in str(error) or repository.head() is not None:
            raise


def kept(name: str, tools: Tools) -> Repository | None:
    """The shared copy of this name, as it is; None before it was first made."""
    path = tools.state / "repositories" / f"{name}.git"
    return Repository(path, tools) if _is_git_dir(path) else None


@contextmanager
def _alone_with(path: Path) -> Iterator[None]:
    """One writer at a time: the daemon asks several hosts at once, and they may share a repository."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def parse_raw_date(raw: str) -> Instant | None:
    """The instant of git's raw date "1774350801 +0100"; None for one that no calendar holds."""
    seconds, _, zone = raw.partition(" ")
    try:
        minutes = int(zone[1:3]) * 60 + int(zone[3:5]) if zone else 0
        offset = timedelta(minutes=-minutes if zone.startswith("-") else minutes)
        return Instant(datetime.fromtimestamp(int(seconds), UTC), offset)
    except (ValueError, OverflowError, OSError):
        return None


def _end_interrupted_writes(path: Path) -> None:
    """Removes what a killed git left: lock files, for we are the only writer here, and half-written packs."""
    for pattern in ("*.lock", "refs/**/*.lock", "objects/pack/tmp_*", "objects/info/*.lock"):
        for leftover in path.glob(pattern):
            leftover.unlink(missing_ok=True)


def _report_fetch(name: str, tools: Tools) -> Callable[[str], None]:
    def heard(text: str) -> None:
        found = re.findall(r"(Receiving|Resolving)[^%\r\n]*?(\d+)%", text)
        if found:
            tools.progress(f"{name}: {found[-1][0].lower()}", int(found[-1][1]), 100)

    return heard

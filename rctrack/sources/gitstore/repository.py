"""Git repositories as the sources use them: ours (bare, kept in the state folder) or the user's (only read)."""

import fcntl
import hashlib
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from rctrack.core.evidence import Instant
from rctrack.process import Limits, ProcessError
from rctrack.sources.protocol import Blocked, Failed, Tools

QUICK = 120.0
"""Seconds for one question to a local repository or one list of refs."""
LONG = 3600.0
"""Seconds for a first clone."""
_MOST_REFS_BYTES = 64 * 2**20
_REFS = Limits(memory=2**30)
_CLONE = Limits(memory=2**32, file=2**34)
"""All files of Linux with all their history are 6 GB; a server that sends more, or what unpacks to more, is stopped."""
_UNREACHABLE = re.compile(
    r"could not resolve|couldn't resolve|failed to connect|couldn't connect|unable to connect|timed out|"
    r"no end within|network is unreachable|no route to host|connection (?:refused|reset)|name or service not known|"
    r"temporary failure in name resolution|unable to look up",
    re.IGNORECASE,
)
_NO_HEAD = "couldn't find remote ref HEAD"
_NOT_GIT = re.compile(
    rf"not valid: is this a git repository|invalid .*response|unexpected content|protocol error|{_NO_HEAD}",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository on this machine; every question is one git process."""

    path: Path
    tools: Tools

    def git(self, *arguments: str, stdin: bytes = b"", timeout: float = QUICK, limits: Limits | None = None) -> bytes:
        """What git prints; ProcessError if it fails."""
        return self.tools.runner.run(self._argv(arguments), stdin=stdin, timeout=timeout, limits=limits)

    def lines(self, *arguments: str, stdin: bytes = b"", end: bytes = b"\n", most: int = 2**20) -> Iterator[bytes]:
        """What git prints, split at `end`, in flat memory; a piece longer than `most` bytes is cut there."""
        with self.tools.runner.stream(self._argv(arguments), stdin=stdin, timeout=LONG) as output:
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
        """The commit of HEAD; None in an empty repository."""
        try:
            return self.git("rev-parse", "--verify", "--quiet", "HEAD^{commit}").decode().strip() or None
        except ProcessError:
            return None

    def _argv(self, arguments: Sequence[str]) -> list[str]:
        # A copy without files must not go and get them: what is not there is not there.
        return ["git", f"--git-dir={self.path}", "-c", "protocol.allow=never", *arguments]


def local_path(url: str) -> Path | None:
    """The folder that a url names on this machine; None for a remote one."""
    return None if urlsplit(url).scheme else Path(url)


def git_dir(path: Path) -> Path | None:
    """The git directory of a bare repository or of a work tree; None where there is none."""
    for place in (path, path / ".git"):
        if (place / "objects").is_dir() and (place / "HEAD").exists():
            return place
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


def list_tags(url: str, tools: Tools) -> dict[str, tuple[str, str]]:
    """Object and peeled object of every tag that a repository shows, by name; ProcessError if it fails.

    A name that git itself would not take is shown with escapes, so that nothing in it acts on a terminal.
    """
    path = local_path(url)
    if path is not None and git_dir(path) is None:
        raise ProcessError(f"{path}: is no git repository")
    said = _list_refs("--tags", url, tools)
    if not said and path is None and not _list_refs("--heads", url, tools):
        # To git, a page of one line at url/info/refs is a repository without any ref.
        raise ProcessError(f"{url}: unexpected content: neither a branch nor a tag")
    objects: dict[str, str] = {}
    peeled: dict[str, str] = {}
    for line in said.split(b"\n"):
        found = re.fullmatch(rb"([0-9a-f]{40}|[0-9a-f]{64})\trefs/tags/(.{1,1000}?)(\^\{\})?", line, re.DOTALL)
        if found is not None:
            name = found[2].decode("utf-8", "replace")
            (peeled if found[3] else objects)[name if name.isprintable() else repr(name)] = found[1].decode()
    return {name: (object_id, peeled.get(name, object_id)) for name, object_id in sorted(objects.items())}


def _list_refs(kind: str, url: str, tools: Tools) -> bytes:
    options = remote_options(tools) if local_path(url) is None else []
    argv = ["git", *options, "ls-remote", kind, "--", url]
    return tools.runner.run(argv, timeout=QUICK, most=_MOST_REFS_BYTES, limits=_REFS)


def keep_clone(
    url: str, name: str, tools: Tools, *, refspec: str, only_commits: bool, shared: bool = False
) -> Repository:
    """Our bare copy of a remote repository, made or brought up to date; ProcessError if it cannot be.

    One that is `shared` takes from several remotes, each under refs of its own that `refspec` names.
    """
    suffix = "" if shared else f"-{hashlib.sha256(url.encode()).hexdigest()[:12]}"
    path = tools.state / "repositories" / f"{name}{suffix}.git"
    with _alone_with(path):
        if git_dir(path) is None:
            # A clone that was killed half-way has no HEAD yet or is fetched again: git only trusts whole packs.
            shutil.rmtree(path, ignore_errors=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            # The user's own init.defaultBranch must not decide which branch our HEAD is.
            tools.runner.run(["git", "init", "--quiet", "--bare", "--initial-branch=master", str(path)], timeout=QUICK)
        options = ["--filter=tree:0"] if only_commits else []
        _end_interrupted_writes(path)
        fetch = ["fetch", "--quiet", "--progress", "--no-tags", "--no-write-fetch-head", "--force", "--prune", *options]
        argv = ["git", f"--git-dir={path}", *remote_options(tools), *fetch, "--", url, refspec]
        repository = Repository(path, tools)
        try:
            tools.runner.run(argv, timeout=LONG, limits=_CLONE, heard=_report_fetch(name, tools))
        except ProcessError as error:
            _end_interrupted_writes(path)
            # A repository without any commit has no HEAD to fetch; one that had commits is not empty all at once.
            if _NO_HEAD not in str(error) or repository.head() is not None:
                raise
    return repository


def kept(name: str, tools: Tools) -> Repository | None:
    """The shared copy of this name, as it is; None before it was first made."""
    path = tools.state / "repositories" / f"{name}.git"
    return Repository(path, tools) if git_dir(path) else None


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


def failure(error: ProcessError) -> Failed | Blocked:
    """What a failed talk with a host means."""
    reason = re.sub(r"^(?:git|python[\d.]*): (?:fatal: )?(?:unable to access '[^']*': )?", "", str(error))
    if _NOT_GIT.search(reason):
        return Blocked(reason)
    return Failed(reason, unreachable=_UNREACHABLE.search(reason) is not None)


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


def is_absent(error: ProcessError) -> bool:
    """Whether the host answered that there is no such repository."""
    return (
        re.search(r"not found|does not exist|error: 404|not appear to be a git repository", str(error), re.IGNORECASE)
        is not None
    )

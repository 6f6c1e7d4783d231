"""Git repositories as the sources use them: ours (bare, kept in the state folder) or the user's (only read)."""

import hashlib
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from rctrack.core.model import Instant
from rctrack.process import ProcessError
from rctrack.sources.protocol import Blocked, Failed, Tools

QUICK = 120.0
"""Seconds for one question to a local repository or one list of refs."""
LONG = 3600.0
"""Seconds for a first clone."""
_MOST_REFS_BYTES = 64 * 2**20
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

    def git(self, *arguments: str, stdin: bytes = b"", timeout: float = QUICK) -> bytes:
        """What git prints; ProcessError if it fails."""
        return self.tools.runner.run(self._argv(arguments), stdin=stdin, timeout=timeout)

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
        return ["git", f"--git-dir={self.path}", *arguments]


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
        "-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=60",
        "-c", "protocol.version=2", "-c", "protocol.allow=never",
        *(each for name in ("https", "http", "git", "ssh") for each in ("-c", f"protocol.{name}.allow=always")),
        "-c", "fetch.fsckObjects=false", "-c", "gc.auto=0", "-c", "maintenance.auto=false",
    ]  # fmt: skip


def list_tags(url: str, tools: Tools) -> bytes:
    """What `git ls-remote --tags` prints, checked for its form; ProcessError if it fails."""
    path = local_path(url)
    if path is not None and git_dir(path) is None:
        raise ProcessError(f"{path}: is no git repository")
    said = _list_refs("--tags", url, tools)
    if not said and path is None and not _list_refs("--heads", url, tools):
        # To git, a page of one line at url/info/refs is a repository without any ref.
        raise ProcessError(f"{url}: unexpected content: neither a branch nor a tag")
    return b"".join(
        sorted(line for line in said.splitlines(keepends=True) if re.match(rb"[0-9a-f]{40,64}\trefs/tags/", line))
    )


def _list_refs(kind: str, url: str, tools: Tools) -> bytes:
    options = remote_options(tools) if local_path(url) is None else []
    return tools.runner.run(["git", *options, "ls-remote", kind, "--", url], timeout=QUICK, most=_MOST_REFS_BYTES)


def keep_clone(url: str, name: str, tools: Tools, *, refspec: str, only_commits: bool) -> Repository:
    """Our bare copy of a remote repository, made or brought up to date; ProcessError if it cannot be."""
    path = tools.state / "repositories" / f"{name}-{hashlib.sha256(url.encode()).hexdigest()[:12]}.git"
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
    kept = Repository(path, tools)
    try:
        tools.runner.run(argv, timeout=LONG, heard=_report_fetch(name, tools))
    except ProcessError as error:
        # A repository without any commit has no HEAD to fetch; one that had commits is not empty all at once.
        if _NO_HEAD not in str(error) or kept.head() is not None:
            raise
    return kept


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
    reason = re.sub(r"^git: (?:fatal: )?(?:unable to access '[^']*': )?", "", str(error))
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

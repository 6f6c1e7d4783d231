"""The only process runner (git, gpg, sendmail): argument lists, a time limit, bounded output, no terminal."""

import os
import re
import resource
import select
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from time import monotonic
from typing import IO

_ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",
    "SSH_ASKPASS": "true",
    "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o ConnectTimeout=20",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    # Else log and rev-list write each commit by itself, and whoever reads a million of them waits for it.
    "GIT_FLUSH": "0",
    # What we make is read by whatever git comes later; the user's own default is for the user's own repositories.
    "GIT_DEFAULT_REF_FORMAT": "files",
}
_TO_END = 5.0
"""Seconds from SIGTERM to SIGKILL."""
_LAST_WORDS = 4000
"""Bytes of standard error that are kept."""
_MOST_PIECES = 16
"""Of what a program said just before it ended; a pipe holds no more, and a child of it may go on for ever."""
_LONGEST_REASON = 300
_IDLE_WORDS = re.compile(r"^(?:warning:|hint:|Cloning into )|\d%|, done\.$", re.IGNORECASE)
"""Lines that are no reason."""
_INHERITED_AWAY = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_CONFIG_PARAMETERS")


@dataclass(frozen=True, slots=True)
class Limits:
    """The most bytes that a program, and each of its children, may take; None for no limit."""

    memory: int | None = None
    file: int | None = None
    """Of each file that it writes."""


class ProcessError(Exception):
    """A program that failed, took too long or said too much; the text is its own last words."""


class Interrupted(Exception):
    """We are stopping: the program was ended on purpose, and its failure says nothing about any host."""


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs programs until `stopping` is set; then each has `grace` seconds left."""

    stopping: threading.Event = field(default_factory=threading.Event)
    grace: float = 5.0
    longest: float | None = None
    """Seconds that no program may outlast, whatever time it is given; None for no such limit."""

    def wait(self, seconds: float) -> None:
        """Lets time pass; Interrupted when `stopping` is set meanwhile."""
        if self.stopping.wait(seconds):
            raise Interrupted("waiting, as a host had asked for")

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        most: int = 64 * 2**20,
        stdin: bytes = b"",
        limits: Limits | None = None,
        heard: Callable[[str], None] | None = None,
    ) -> bytes:
        """The standard output of a program, at most `most` bytes, within `timeout` seconds; ProcessError otherwise.

        `heard` gets what the program says on its standard error meanwhile.
        """
        with self.stream(argv, timeout=timeout, stdin=stdin, limits=limits, heard=heard) as output:
            said = output.read(most + 1)
            if len(said) > most:
                raise ProcessError(f"{_name(argv)}: more than {most} bytes of output")
        return said

    @contextmanager
    def stream(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        stdin: bytes = b"",
        limits: Limits | None = None,
        heard: Callable[[str], None] | None = None,
    ) -> Iterator[IO[bytes]]:
        """The standard output of a program as it comes; ProcessError at the end if the program failed."""
        with TemporaryFile() as given:
            given.write(stdin)
            given.seek(0)
            process = _start(_limited(argv, limits or Limits()), given)
            timeout = timeout if self.longest is None else min(timeout, self.longest)
            supervisor = _Supervisor(self, process, timeout, heard)
            try:
                assert process.stdout is not None  # noqa: S101 - for the type checker: stdout=PIPE
                yield process.stdout
            except BaseException:
                supervisor.end(signal.SIGKILL)
                raise
            finally:
                process.stdout.close()  # type: ignore[union-attr]
                status = process.wait()
                reason = supervisor.finish()
            if reason == "stopped":
                raise Interrupted(f"{_name(argv)}: ended because rctrack is stopping")
            if reason == "timeout":
                raise ProcessError(f"{_name(argv)}: no end within {timeout:g} s")
            if status != 0:
                raise ProcessError(f"{_name(argv)}: {_last_words(supervisor.said) or f'exit status {status}'}")


class _Supervisor(threading.Thread):
    """Ends a process that outlives its time limit or our own stop, and listens to its standard error meanwhile.

    Of that only the end is kept, however much it is. It is not waited for: a child of the program may hold it open.
    """

    def __init__(
        self, runner: Runner, process: subprocess.Popen[bytes], timeout: float, heard: Callable[[str], None] | None
    ) -> None:
        super().__init__(daemon=True)
        self.runner, self.process, self.timeout, self.heard = runner, process, timeout, heard
        assert process.stderr is not None  # noqa: S101 - for the type checker: stderr=PIPE
        self.complaints, self.is_open, self.said = process.stderr, True, b""
        self.poll = select.poll()
        self.poll.register(self.complaints, select.POLLIN)
        self.done = threading.Event()
        self.reason = ""
        self.start()

    def run(self) -> None:
        limit, stopped_at = monotonic() + self.timeout, None
        while not self.reason:
            self.listen()
            if self.done.is_set():
                return
            now = monotonic()
            if self.runner.stopping.is_set():
                stopped_at = now if stopped_at is None else stopped_at
            if stopped_at is not None and now >= stopped_at + self.runner.grace:
                self.reason = "stopped"
            elif now >= limit:
                self.reason = "timeout"
        self.end(signal.SIGTERM)
        limit = monotonic() + _TO_END
        while not self.done.is_set() and monotonic() < limit:
            self.listen()
        if not self.done.is_set():
            self.end(signal.SIGKILL)

    def listen(self, seconds: float = 0.1) -> bool:
        """Whether the program said something just now; waits that long for it."""
        if not self.is_open:
            self.done.wait(seconds)
            return False
        if not self.poll.poll(1000 * seconds):
            return False
        new = os.read(self.complaints.fileno(), 2**16)
        self.is_open = bool(new)
        self.said = (self.said + new)[-_LAST_WORDS:]
        if new and self.heard is not None:
            self.heard(new.decode("utf-8", "replace"))
        return self.is_open

    def end(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def finish(self) -> str:
        self.done.set()
        self.join()
        pieces = 0
        while pieces < _MOST_PIECES and self.listen(0):
            pieces += 1
        self.complaints.close()
        return self.reason


def _start(argv: Sequence[str], given: IO[bytes]) -> subprocess.Popen[bytes]:
    inherited = {name: value for name, value in os.environ.items() if name not in _INHERITED_AWAY}
    try:
        return subprocess.Popen(  # noqa: S603 - an argument list, never a shell
            list(argv),
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**inherited, **_ENVIRONMENT},
            cwd="/",  # where somebody starts us may be a repository, whose own settings git would read
            start_new_session=True,  # so that git's own children end with it, and Ctrl-C is ours to handle
        )
    except (OSError, ValueError) as error:
        raise ProcessError(f"{argv[0]}: cannot be started: {error}") from error


def _limited(argv: Sequence[str], limits: Limits) -> list[str]:
    """The same under its limits from its first instruction on; not where there is no prlimit, like on macOS.

    Set from here once it runs, they would be too late for a program that starts its children at once, as git does.
    """
    options = [
        f"--{name}={most if (hard := resource.getrlimit(which)[1]) == resource.RLIM_INFINITY else min(most, hard)}"
        for name, which, most in (
            ("data", resource.RLIMIT_DATA, limits.memory),
            ("fsize", resource.RLIMIT_FSIZE, limits.file),
        )
        if most is not None
    ]
    program = shutil.which("prlimit") if options else None
    return [program, *options, "--", *argv] if program else list(argv)


def _name(argv: Sequence[str]) -> str:
    return Path(argv[0]).name


def _last_words(said: bytes) -> str:
    """The line that tells, and what was said before it: with ssh the cause comes first, git only says that it failed.

    "fatal: Could not read from remote repository: ssh: connect to host ... port 22: Connection refused", in one line.
    """
    lines = ["".join(filter(str.isprintable, line)).strip() for line in said.decode("utf-8", "replace").splitlines()]
    lines = [line for line in lines if line and not _IDLE_WORDS.search(line)]
    telling = [number for number, line in enumerate(lines) if line.startswith(("fatal:", "error:", "remote:"))]
    last = telling[-1] if telling else len(lines) - 1
    # "unable to connect to HOST:" goes on with why.
    cause = lines[last + 1 : last + 2] if lines and lines[last].endswith(":") else lines[max(last - 1, 0) : last]
    words = [lines[last], *(cause if telling else [])] if lines else []
    return ": ".join(each.rstrip(".:") if len(words) > 1 else each for each in words)[:_LONGEST_REASON]

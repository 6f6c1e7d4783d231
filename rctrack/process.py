"""The only process runner (git, gpg, sendmail): argument lists, a time limit, bounded output, no terminal."""

import os
import resource
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
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
}
_INHERITED_AWAY = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_CONFIG_PARAMETERS")


class ProcessError(Exception):
    """A program that failed, took too long or said too much; the text is its own last words."""


class Interrupted(Exception):
    """We are stopping: the program was ended on purpose, and its failure says nothing about any host."""


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs programs until `stop` is set; then each has `grace` seconds left."""

    stop: threading.Event = field(default_factory=threading.Event)
    grace: float = 5.0

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        most: int = 64 * 2**20,
        stdin: bytes = b"",
        memory: int | None = None,
        heard: Callable[[str], None] | None = None,
    ) -> bytes:
        """The standard output of a program, at most `most` bytes, within `timeout` seconds; ProcessError otherwise.

        `heard` gets what the program says on its standard error meanwhile; `memory` is the most bytes of it that the
        program and each of its children may take.
        """
        with self.stream(argv, timeout=timeout, stdin=stdin, memory=memory, heard=heard) as output:
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
        memory: int | None = None,
        heard: Callable[[str], None] | None = None,
    ) -> Iterator[IO[bytes]]:
        """The standard output of a program as it comes; ProcessError at the end if the program failed."""
        with TemporaryFile() as given, TemporaryFile() as complaints:
            given.write(stdin)
            given.seek(0)
            process = _start(argv, given, complaints)
            if memory is not None:
                _limit_memory(process.pid, memory)
            watch = _Watch(self, process, timeout, complaints, heard)
            try:
                assert process.stdout is not None  # noqa: S101 - for the type checker: stdout=PIPE
                yield process.stdout
            except BaseException:
                watch.end(signal.SIGKILL)
                raise
            finally:
                process.stdout.close()  # type: ignore[union-attr]
                status = process.wait()
                reason = watch.finish()
            if reason == "stopped":
                raise Interrupted(f"{_name(argv)}: ended because rctrack is stopping")
            if reason == "timeout":
                raise ProcessError(f"{_name(argv)}: no end within {timeout:g} s")
            if status != 0:
                raise ProcessError(f"{_name(argv)}: {_last_words(complaints) or f'exit status {status}'}")


class _Watch(threading.Thread):
    """Ends a process that outlives its time limit or our own stop."""

    def __init__(
        self,
        runner: Runner,
        process: subprocess.Popen[bytes],
        timeout: float,
        complaints: IO[bytes],
        heard: Callable[[str], None] | None,
    ) -> None:
        super().__init__(daemon=True)
        self.runner, self.process, self.timeout = runner, process, timeout
        self.complaints, self.heard, self.listened = complaints, heard, 0
        self.done = threading.Event()
        self.reason = ""
        self.start()

    def run(self) -> None:
        waited = 0.0
        while not self.done.wait(0.1):
            waited += 0.1
            self.listen()
            if self.runner.stop.is_set() and not self.done.wait(self.runner.grace):
                self.reason = "stopped"
            elif waited >= self.timeout:
                self.reason = "timeout"
            if self.reason:
                self.end(signal.SIGTERM)
                if not self.done.wait(5):
                    self.end(signal.SIGKILL)
                return

    def listen(self) -> None:
        if self.heard is not None and (said := os.pread(self.complaints.fileno(), 2**16, self.listened)):
            self.listened += len(said)
            self.heard(said.decode("utf-8", "replace"))

    def end(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def finish(self) -> str:
        self.done.set()
        self.join()
        return self.reason


def _start(argv: Sequence[str], given: IO[bytes], complaints: IO[bytes]) -> subprocess.Popen[bytes]:
    inherited = {name: value for name, value in os.environ.items() if name not in _INHERITED_AWAY}
    try:
        return subprocess.Popen(  # noqa: S603 - an argument list, never a shell
            list(argv),
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=complaints,
            env={**inherited, **_ENVIRONMENT},
            start_new_session=True,  # so that git's own children end with it, and Ctrl-C is ours to handle
        )
    except (OSError, ValueError) as error:
        raise ProcessError(f"{argv[0]}: cannot be started: {error}") from error


def _limit_memory(pid: int, memory: int) -> None:
    """For the process and what it starts from now on; not where the system cannot, like macOS."""
    limit = getattr(resource, "prlimit", None)
    if limit is not None:
        with suppress(OSError):
            limit(pid, resource.RLIMIT_DATA, (memory, memory))


def _name(argv: Sequence[str]) -> str:
    return Path(argv[0]).name


def _last_words(complaints: IO[bytes]) -> str:
    complaints.seek(0, os.SEEK_END)
    complaints.seek(max(0, complaints.tell() - 2000))
    lines = complaints.read().decode("utf-8", "replace").splitlines()
    telling = [line for line in lines if line.startswith(("fatal:", "error:", "remote:"))] or lines
    return " ".join(telling[-1:])[:300] if telling else ""

"""One rctrack at a time writes to a database; readers need no leave."""

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FLOCK = "hhqqi4x"
"""The kernel's struct flock: kind, whence, start, length, pid."""


class StoreError(Exception):
    """A database that cannot be used; the text names the file and says what to do."""


class Locked(StoreError):
    """Another rctrack is writing to this database."""


@contextmanager
def hold(database: Path) -> Iterator[None]:
    """The right to write to this database, for one rctrack at a time; Locked names the pid that has it."""
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(f"{database}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StoreError(f"{database}: cannot be written: {error.strerror}") from error
    try:
        if not _is_taken(lock):
            holder = os.pread(lock, 32, 0).decode("ascii", "replace").strip() or "unknown"
            raise Locked(f"{database}: another rctrack is using it (pid {holder})")
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(lock)


def holder(database: Path) -> int | None:
    """The pid of the rctrack that writes to this database; None where there is none. It takes no lock."""
    try:
        lock = os.open(f"{database}.lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, _, _, _, pid = struct.unpack(_FLOCK, fcntl.fcntl(lock, fcntl.F_GETLK, asked))
        return None if kind == fcntl.F_UNLCK else pid
    except OSError:
        return None
    finally:
        os.close(lock)


def _is_taken(lock: int) -> bool:
    """Whether the lock is ours now.

    A record lock keeps other processes away, and is gone with its process. It does not keep this process from itself:
    that is what flock() is for. On flock() alone a git that was just being forked when its rctrack was killed would
    still have the lock of the dead, until it has become git.
    """
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return os.pread(lock, 32, 0).strip() != str(os.getpid()).encode()
    return True

"""Mail into a local Maildir, for any reader that knows the format (https://cr.yp.to/proto/maildir.html)."""

import errno
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from email import message_from_bytes
from hashlib import sha256
from pathlib import Path

from rctrack.config import MailConfig
from rctrack.send.protocol import ChannelError, Deferred, Delivery, Sent


@dataclass(frozen=True, slots=True)
class MaildirChannel:
    """A mail is in `new` whole or not at all, and once per Message-ID as long as it stays in this Maildir."""

    path: Path

    def send(self, message: bytes, sender: str, recipient: str) -> Delivery:
        """Store the mail, on disk when this returns Sent; a full, read-only or occupied place is Deferred."""
        name = _file_name(message)
        try:
            self._create()
            if not self._has(name):
                self._write(name, message.replace(b"\r\n", b"\n"))
            # Also where it was there already: a crash may have come between the rename and this.
            _sync_folder(self.path / "new")
        except OSError as error:
            return self._deferred(error)
        return Sent()

    def probe(self) -> Delivery:
        """Whether the Maildir is there (it is created) and can be written."""
        draft, new = self.path / "tmp" / "rctrack.probe", self.path / "new"
        try:
            self._create()
            _write_synced(draft, b"rctrack doctor\n")
            draft.unlink()
            self._has(draft.name)
            if not os.access(new, os.W_OK, effective_ids=True):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(new))
        except OSError as error:
            return self._deferred(error)
        return Sent()

    def _create(self) -> None:
        for name in ("tmp", "new", "cur"):
            _make_folder(self.path / name)

    def _has(self, name: str) -> bool:
        """Whether the mail is there, unread or read; `new` first, because a reader moves it from there to `cur`."""
        if (self.path / "new" / name).exists():
            return True
        return any(entry.partition(":")[0] == name for entry in os.listdir(self.path / "cur"))

    def _write(self, name: str, content: bytes) -> None:
        draft = self.path / "tmp" / name
        try:
            _write_synced(draft, content)
            draft.rename(self.path / "new" / name)
        except OSError:
            with suppress(OSError):
                draft.unlink()
            raise

    def _deferred(self, error: OSError) -> Deferred:
        return Deferred(f"Maildir {self.path}: {error.strerror or error} ({error.filename or self.path})")


def open_maildir(mail: MailConfig, environ: Mapping[str, str]) -> MaildirChannel:
    """The Maildir of `maildir:PATH`; raises ChannelError where PATH is not absolute."""
    path = Path(mail.transport.removeprefix("maildir:"))
    if not path.is_absolute():
        raise ChannelError(f"mail.transport: found maildir:{path}, write maildir: and an absolute path")
    return MaildirChannel(path)


def _file_name(message: bytes) -> str:
    """The same for the same Message-ID, so that a resend finds the first one; without an id, for the same bytes."""
    message_id = message_from_bytes(message).get("Message-ID", "").strip()
    return f"rctrack.{sha256(message_id.encode('utf-8', 'replace') or message).hexdigest()[:40]}"


def _write_synced(path: Path, content: bytes) -> None:
    """Write a file for its owner only, over what a crash may have left there, and wait for the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _make_folder(path: Path) -> None:
    """Make a folder and its missing parents, for their owner only, and wait for the disk."""
    if path.is_dir():
        return
    _make_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    """Wait until the folder's entries are on disk; without it a rename can be lost with the power."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

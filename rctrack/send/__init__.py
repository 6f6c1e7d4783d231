"""Where mail goes: one protocol, one small module per kind, one line each in `_KINDS`."""

from collections.abc import Callable, Mapping
from typing import Final

from rctrack.config import MailConfig
from rctrack.send.maildir import open_maildir
from rctrack.send.message import compose
from rctrack.send.protocol import Deferred, Delivery, Notifier, NotifierError, Refused, Sent
from rctrack.send.smtp import open_smtp

__all__ = ["Deferred", "Delivery", "Notifier", "NotifierError", "Refused", "Sent", "compose", "open_notifier"]

_KINDS: Final[dict[str, Callable[[MailConfig, Mapping[str, str]], Notifier]]] = {
    "maildir": open_maildir,
    "smtp": open_smtp,
    "smtps": open_smtp,
}


def open_notifier(mail: MailConfig, environ: Mapping[str, str]) -> Notifier:
    """The notifier that `transport` asks for, without touching disk or network; raises NotifierError."""
    scheme, colon, _ = mail.transport.partition(":")
    kind = _KINDS.get(scheme) if colon else None
    if kind is None:
        # The rest of the transport is not repeated: a mistyped one may well hold a password.
        raise NotifierError(f"mail.transport: write maildir:PATH or one of {', '.join(_KINDS)}:// with a host")
    return kind(mail, environ)

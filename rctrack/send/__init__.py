"""Ways out: who gets what, mails as bytes, and the channels that carry them, one line each in `_KINDS`."""

from collections.abc import Callable, Mapping
from typing import Final

from rctrack.config import MailConfig
from rctrack.send.maildir import open_maildir
from rctrack.send.message import Draft, compose
from rctrack.send.protocol import Channel, ChannelError, Deferred, Delivery, Refused, Sent
from rctrack.send.smtp import open_smtp

__all__ = ["Channel", "ChannelError", "Deferred", "Delivery", "Draft", "Refused", "Sent", "compose", "open_channel"]

_KINDS: Final[dict[str, Callable[[MailConfig, Mapping[str, str]], Channel]]] = {
    "maildir": open_maildir,
    "smtp": open_smtp,
    "smtps": open_smtp,
}


def open_channel(mail: MailConfig, environ: Mapping[str, str]) -> Channel:
    """The channel that `transport` asks for, without touching disk or network; raises ChannelError."""
    scheme, colon, _ = mail.transport.partition(":")
    kind = _KINDS.get(scheme) if colon else None
    if kind is None:
        # The rest of the transport is not repeated: a mistyped one may well hold a password.
        raise ChannelError(f"mail.transport: write maildir:PATH or one of {', '.join(_KINDS)}:// with a host")
    return kind(mail, environ)

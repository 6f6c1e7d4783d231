"""Mail to an SMTP server; the only module that opens a socket for mail."""

import binascii
import re
import smtplib
import ssl
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from rctrack.config import MailConfig
from rctrack.send.address import bare_address
from rctrack.send.protocol import ChannelError, Deferred, Delivery, Refused, Sent

TIMEOUT_SECONDS: Final = 30.0
_PORTS: Final = {"smtp": 25, "smtps": 465}
_EXPECTED: Final = "mail.transport: write smtp://[user@]host[:port] or smtps://[user@]host[:port]"
_TOO_LARGE: Final = 552
_LOGIN_OR_TLS_MISSING: Final = frozenset({530, 534, 535, 538})  # RFC 4954: 5xx, but the settings' fault, not the mail's
_CONTROL: Final = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+")
_MAX_REASON: Final = 300  # characters


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are to the server."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SmtpChannel:
    """One connection per mail; 5xx about the mail or its recipient is Refused, everything else that fails Deferred."""

    host: str
    port: int
    implicit_tls: bool
    login: Login | None
    timeout: float = TIMEOUT_SECONDS  # seconds, for each answer

    def send(self, message: bytes, sender: str, recipient: str) -> Delivery:
        """Hand the mail to the server; Sent once the server has taken it, whatever happens while leaving."""
        envelope_from, envelope_to = bare_address(sender), bare_address(recipient)
        if not envelope_to:
            return Refused(f"recipient {recipient!r} is not a mail address")
        if not envelope_from:
            return Deferred(f"mail.from {sender!r} is not a mail address; correct it")
        try:
            client = self._open()
        except (OSError, binascii.Error) as error:
            return self._deferred(error)
        try:
            return self._transfer(client, message, envelope_from, envelope_to)
        finally:
            _leave(client)

    def probe(self) -> Delivery:
        """Whether the server answers and TLS and login work; nothing is sent."""
        try:
            _leave(self._open())
        except (OSError, binascii.Error) as error:
            return self._deferred(error)
        return Sent()

    def _open(self) -> smtplib.SMTP:
        """A connection ready for mail; raises OSError (of which smtplib's errors are a kind) or binascii.Error."""
        try:
            return self._connect(starttls=True)
        except ssl.SSLCertVerificationError:
            # A mail server on the same machine offers STARTTLS with a self-signed certificate of another name (Debian's
            # Postfix does). There is no wire to protect; a login is another matter.
            if self.implicit_tls or self.login or not is_loopback(self.host):
                raise
            return self._connect(starttls=False)

    def _connect(self, *, starttls: bool) -> smtplib.SMTP:
        """Connect, greet, encrypt where offered, log in where configured."""
        # A TLS context is made anew each time, because the certificates to trust may change, and only where there is
        # TLS, because reading them all takes up to half a second.
        client: smtplib.SMTP
        if self.implicit_tls:
            context = ssl.create_default_context()
            client = smtplib.SMTP_SSL(self.host, self.port, timeout=self.timeout, context=context)
        else:
            client = smtplib.SMTP(self.host, self.port, timeout=self.timeout)
        try:
            client.ehlo_or_helo_if_needed()
            if starttls and client.has_extn("starttls"):
                client.starttls(context=ssl.create_default_context())
                client.ehlo_or_helo_if_needed()
            if self.login:
                self._log_in(client, self.login)
        except BaseException:
            _leave(client)
            raise
        return client

    def _log_in(self, client: smtplib.SMTP, login: Login) -> None:
        """Log in, but never say the password where others could hear it."""
        if not may_send_password(self.host, encrypted=isinstance(client.sock, ssl.SSLSocket)):
            raise smtplib.SMTPNotSupportedError("no STARTTLS offered, so the password is not sent; try smtps://")
        client.login(login.user, login.password)

    def _transfer(self, client: smtplib.SMTP, message: bytes, sender: str, recipient: str) -> Delivery:
        """MAIL, RCPT and DATA, and what their replies mean."""
        options = []
        if not (sender.isascii() and recipient.isascii() and _headers(message).isascii()):
            if not client.has_extn("smtputf8"):
                return Refused(self._reason(f"cannot take mail for {recipient} from {sender} (no SMTPUTF8)"))
            options = ["SMTPUTF8", "BODY=8BITMIME"]
        try:
            client.sendmail(sender, [recipient], message, options)
        except smtplib.SMTPRecipientsRefused as error:
            [(code, reply)] = error.recipients.values()
            return self._verdict(f"recipient {recipient} refused", code, reply)
        except smtplib.SMTPDataError as error:
            return self._verdict("mail refused", error.smtp_code, error.smtp_error)
        except smtplib.SMTPSenderRefused as error:
            # Too large is about this mail; any other reply here is about mail.from or the login, which can be mended.
            verdict = Refused if error.smtp_code == _TOO_LARGE else Deferred
            return verdict(self._reason(f"sender {sender} refused: {error.smtp_code} {_text(error.smtp_error)}"))
        except OSError as error:
            return self._deferred(error)
        return Sent()

    def _verdict(self, what: str, code: int, reply: bytes | str) -> Delivery:
        """4xx (greylisting, a full mailbox) and what is no reply code at all may get better; 5xx will not."""
        reason = self._reason(f"{what}: {code} {_text(reply)}")
        final = 500 <= code <= 599 and code not in _LOGIN_OR_TLS_MISSING
        return Refused(reason) if final else Deferred(reason)

    def _deferred(self, error: Exception) -> Deferred:
        """Why there was no delivery, as far as the error tells."""
        match error:
            case smtplib.SMTPAuthenticationError():
                reason = f"login refused, check user and password: {error.smtp_code} {_text(error.smtp_error)}"
            case smtplib.SMTPResponseException():
                reason = f"{error.smtp_code} {_text(error.smtp_error)}"
            case ssl.SSLCertVerificationError():
                reason = f"{error.verify_message} (SSL_CERT_FILE names the certificates to trust)"
            case OSError():
                reason = error.strerror or str(error)
            case _:
                reason = str(error)
        return Deferred(self._reason(reason))

    def _reason(self, text: str) -> str:
        """One line that says where, holds no password and is fit for a log, whatever the server answered."""
        return f"{self.host} port {self.port}: {_CONTROL.sub(' ', _without(text, self.login))[:_MAX_REASON]}"


def open_smtp(mail: MailConfig, environ: Mapping[str, str]) -> SmtpChannel:
    """The server of the transport, its password read now; raises ChannelError."""
    parts = _split(mail.transport)
    return SmtpChannel(
        host=parts.hostname or "",
        port=parts.port or _PORTS[parts.scheme],
        implicit_tls=parts.scheme == "smtps",
        login=_login(unquote(parts.username or ""), mail, environ),
    )


def may_send_password(host: str, *, encrypted: bool) -> bool:
    """A password goes over TLS, or never leaves the machine."""
    return encrypted or is_loopback(host)


def is_loopback(host: str) -> bool:
    """Whether the name itself, without asking anybody, means this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")  # RFC 6761 6.3


def _split(transport: str) -> SplitResult:
    """The transport's parts; errors do not repeat it, because it may hold a password."""
    try:
        parts = urlsplit(transport)
        usable = (parts.hostname or "").encode("idna") and parts.port != 0
    except ValueError:
        raise ChannelError(_EXPECTED) from None
    if parts.password is not None:
        raise ChannelError("mail.transport holds a password: use password_env or password_file, and change it")
    if not usable or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ChannelError(_EXPECTED)
    return parts


def _login(user: str, mail: MailConfig, environ: Mapping[str, str]) -> Login | None:
    """User and password, or neither: one without the other is a mistake that would show only as a refusal."""
    if user:
        if not user.isascii():
            raise ChannelError("mail.transport: the user may hold ASCII only")
        return Login(user, _password(mail, environ))
    if mail.password_env is not None or mail.password_file is not None:
        raise ChannelError("a mail password is set but mail.transport names no user: write smtp://USER@host")
    return None


def _password(mail: MailConfig, environ: Mapping[str, str]) -> str:
    """The password that the configuration points to, without its newline."""
    match mail.password_env, mail.password_file:
        case str() as name, None:
            where, found = f"environment variable {name}", environ.get(name, "")
        case None, Path() as path:
            where, found = f"file {path}", _read(path)
        case None, None:
            raise ChannelError("mail.transport names a user: set mail.password_env or mail.password_file")
        case _:
            raise ChannelError("mail.password_env and mail.password_file are both set: keep one")
    password = found.strip("\r\n")
    if not password:
        raise ChannelError(f"no mail password in {where}: put it there")
    if not password.isascii():  # smtplib sends no other, https://github.com/python/cpython/issues/73936
        raise ChannelError(f"mail password in {where}: only ASCII can be sent; choose another")
    return password


def _read(path: Path) -> str:
    """A password file's text."""
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise ChannelError(f"mail.password_file {path}: {error.strerror}; make it readable for rctrack") from error
    except UnicodeDecodeError:
        raise ChannelError(f"mail.password_file {path}: is not text; put the password there") from None


def _headers(message: bytes) -> bytes:
    return message.partition(b"\r\n\r\n")[0]


def _text(reply: bytes | str) -> str:
    return reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply


def _without(text: str, login: Login | None) -> str:
    """The text without the password: a server may repeat what it was sent, as such or in base64 (RFC 4616)."""
    if login is None:
        return text
    for secret in (login.password, _base64(login.password), _base64(f"\0{login.user}\0{login.password}")):
        text = text.replace(secret, "***")
    return text


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode("ascii")


def _leave(client: smtplib.SMTP) -> None:
    """Say QUIT; the mail's fate is decided by then, so a failure means nothing."""
    with suppress(OSError):
        client.quit()
    client.close()

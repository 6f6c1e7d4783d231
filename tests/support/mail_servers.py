"""Real mail servers on loopback: aiosmtpd for the protocol, Dovecot for a mailbox that is read back."""

import asyncio
import grp
import os
import pwd
import shutil
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Final

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from rctrack.send.smtp import SmtpChannel

USER, PASSWORD = "rctrack@example.org", "correct horse"
DROP: Final = "(the connection is cut)"
NOBODY: Final = 65534


@dataclass
class Post:
    """A mail server's behaviour: what it took, and replies that come before it behaves."""

    taken: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    """Of each mail taken."""
    replies: dict[str, list[str]] = field(default_factory=dict)
    """Per command, in order; DROP cuts the connection instead."""
    extensions: list[str] = field(default_factory=list)
    """Further lines of its EHLO reply."""
    closed: bool = False
    """Answers 421 to everybody."""

    def _reply(self, command: str, server: SMTP) -> str | None:
        queue = self.replies.get(command)
        reply = queue.pop(0) if queue else None
        if reply == DROP:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return reply

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, auth_data: object
    ) -> AuthResult:
        assert isinstance(auth_data, LoginPassword)
        user, password = auth_data.login.decode(), auth_data.password.decode()
        self.logins.append(user)
        reply = self._reply("AUTH", server)
        if reply:
            return AuthResult(success=False, handled=False, message=reply)
        return AuthResult(success=(user, password) == (USER, PASSWORD), handled=False)

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return ["421 4.3.2 closed for today"] if self.closed else [responses[0], *self.extensions, *responses[1:]]

    async def handle_HELO(self, server: SMTP, session: Session, envelope: Envelope, hostname: str) -> str:
        return "421 4.3.2 closed for today"

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self._reply("MAIL", server) or "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self._reply("RCPT", server) or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        reply = self._reply("DATA", server)
        if reply:
            return reply
        assert isinstance(envelope.content, bytes)
        assert server.transport is not None
        self.taken.append(envelope.content)
        self.recipients += envelope.rcpt_tos
        self.encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
        return "250 OK"

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        return self._reply("QUIT", server) or "221 bye"


@contextmanager
def smtp_server(
    post: Post,
    *,
    starttls: ssl.SSLContext | None = None,
    implicit_tls: ssl.SSLContext | None = None,
    smtputf8: bool = True,
    address: str = "localhost",
) -> Iterator[SmtpChannel]:
    """An SMTP server with AUTH, over TLS only where it has STARTTLS; gives the channel for it, without a login."""

    def connection() -> SMTP:
        return SMTP(
            post,
            hostname="mx.example.org",
            enable_SMTPUTF8=smtputf8,
            tls_context=starttls,
            auth_require_tls=starttls is not None,
            authenticator=post.authenticate,
        )

    started: Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        server = await loop.create_server(connection, socket.gethostbyname(address), 0, ssl=implicit_tls)
        started.set_result((server.sockets[0].getsockname()[1], loop, stop))
        await stop.wait()
        server.close()

    thread = Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    port, loop, stop = started.result(10)
    try:
        yield SmtpChannel(address, port, implicit_tls=implicit_tls is not None, login=None)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)


@contextmanager
def listener() -> Iterator[socket.socket]:
    """A socket that is connected to and says nothing by itself."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@contextmanager
def ordinary_user() -> Iterator[None]:
    """File permissions hold inside; to root they would mean nothing."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def open_folder() -> Iterator[Path]:
    """A temporary folder that the ordinary user owns; pytest's own folders are closed to others."""
    with tempfile.TemporaryDirectory(prefix="rctrack-mail-") as name:
        if os.geteuid() == 0:
            os.chown(name, NOBODY, NOBODY)
        yield Path(name)


@dataclass(frozen=True, slots=True)
class Dovecot:
    """A running mail store for READER."""

    lmtp_port: int
    imap_port: int
    password: str
    maildir: Path


def missing_dovecot() -> str | None:
    """One line that says what is not there, or None."""
    if shutil.which("dovecot") is None:
        return "Dovecot is not installed: apt-get install dovecot-imapd dovecot-lmtpd"
    version = subprocess.run(["dovecot", "--version"], capture_output=True, text=True, check=True, timeout=10).stdout
    if not version.startswith("2.3."):  # 2.4 has another configuration language
        return f"these tests write a configuration for Dovecot 2.3, found {version.strip()}"
    if not Path("/usr/lib/dovecot/lmtp").exists() or not Path("/usr/lib/dovecot/imap").exists():
        return "Dovecot is not complete: apt-get install dovecot-imapd dovecot-lmtpd"
    return None


@contextmanager
def dovecot(reader: str) -> Iterator[Dovecot]:
    """Dovecot without root, LMTP in and IMAP out, everything in one temporary folder."""
    with open_folder() as folder, _reserved_port() as lmtp, _reserved_port() as imap:
        store = Dovecot(_port(lmtp), _port(imap), "battery staple", folder / "mail")
        (folder / "users").write_text(f"{reader}:{{PLAIN}}{store.password}\n", "utf-8")
        (folder / "dovecot.conf").write_text(_configuration(folder, store), "utf-8")
        root = os.geteuid() == 0
        with subprocess.Popen(
            # It ends with us even when we are killed.
            ["setpriv", "--pdeathsig", "TERM", "dovecot", "-F", "-c", str(folder / "dovecot.conf")],
            stderr=subprocess.PIPE,
            user=NOBODY if root else None,
            group=NOBODY if root else None,
            extra_groups=[] if root else None,
        ) as process:
            try:
                assert process.stderr is not None
                # It listens before it says so; reading the line waits for exactly that.
                first = process.stderr.readline()
                assert b"starting up" in first, first + process.stderr.read()
                yield store
            finally:
                process.terminate()
                process.communicate(timeout=20)


def _configuration(folder: Path, store: Dovecot) -> str:
    user = pwd.getpwuid(NOBODY if os.geteuid() == 0 else os.geteuid())
    return f"""
protocols = imap lmtp
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = /dev/stderr
ssl = no
disable_plaintext_auth = no
hostname = store.example.org
postmaster_address = postmaster@example.org
default_internal_user = {user.pw_name}
default_internal_group = {grp.getgrgid(user.pw_gid).gr_name}
default_login_user = {user.pw_name}
first_valid_uid = 1
mail_location = maildir:{store.maildir}
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
userdb {{
  driver = static
  args = uid={user.pw_uid} gid={user.pw_gid} home={folder}/home
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {store.imap_port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {store.lmtp_port}
  }}
}}
"""


@contextmanager
def _reserved_port() -> Iterator[socket.socket]:
    """A port that nobody else is given, and that Dovecot may listen on: bound with SO_REUSEADDR, but not listening."""
    with socket.socket() as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", 0))
        yield reserved


def _port(bound: socket.socket) -> int:
    port = bound.getsockname()[1]
    assert isinstance(port, int)
    return port

"""Mail to an SMTP server: TLS, login, and which replies are final."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from rctrack.config import MailConfig
from rctrack.send import ChannelError, Deferred, Refused, Sent, open_channel
from rctrack.send.smtp import Login, SmtpChannel, may_send_password, open_smtp
from tests.support.drafts import READER, SENDER, a_draft, a_mail
from tests.support.mail_fixtures import Authority
from tests.support.mail_servers import DROP, PASSWORD, USER, Post, listener, smtp_server

LOGIN = Login(USER, PASSWORD)


@pytest.fixture
def post() -> Post:
    """What happens at the server."""
    return Post()


@pytest.fixture
def plain(post: Post) -> Iterator[SmtpChannel]:
    """A server without TLS; on loopback it is let in."""
    with smtp_server(post) as channel:
        yield channel


@pytest.fixture
def starttls(post: Post, authority: Authority) -> Iterator[SmtpChannel]:
    """A server that takes logins after STARTTLS only."""
    with smtp_server(post, starttls=authority.server) as channel:
        yield channel


@pytest.fixture
def implicit(post: Post, authority: Authority) -> Iterator[SmtpChannel]:
    """A server that speaks TLS from the first byte."""
    with smtp_server(post, implicit_tls=authority.server) as channel:
        yield channel


@contextmanager
def speaking(lines: bytes) -> Iterator[int]:
    """A server that says this, whatever it is told, until the client hangs up; gives its port."""
    with listener() as server:

        def speak() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):  # the client may hang up at any time
                connection.sendall(lines)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(4096):
                    pass

        thread = Thread(target=speak)
        thread.start()
        yield server.getsockname()[1]
        thread.join(10)


def deferred(channel: SmtpChannel) -> str:
    """The reason for which the mail must wait."""
    delivery = channel.send(a_mail(), SENDER, READER)
    assert isinstance(delivery, Deferred)
    return delivery.reason


def refused(channel: SmtpChannel) -> str:
    """The reason for which the mail is given up."""
    delivery = channel.send(a_mail(), SENDER, READER)
    assert isinstance(delivery, Refused)
    return delivery.reason


class TestReplies:
    """4xx may get better, 5xx about a mail or a reader will not."""

    @pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
    @pytest.mark.parametrize("code", [421, 450, 451, 452, 454])
    def test_a_temporary_reply_is_deferred_at_every_step(
        self, plain: SmtpChannel, post: Post, command: str, code: int
    ) -> None:
        """With the server's own words; the next try succeeds."""
        post.replies[command] = [f"{code} 4.2.0 come back later"]
        assert f"{code} 4.2.0 come back later" in deferred(plain)
        assert plain.send(a_mail(), SENDER, READER) == Sent()
        assert len(post.taken) == 1

    def test_greylisting_costs_one_round(self, plain: SmtpChannel, post: Post) -> None:
        """The same mail goes in at the second try."""
        post.replies["RCPT"] = ["450 4.2.0 <reader@example.org>: Greylisted"]
        assert "Greylisted" in deferred(plain)
        assert plain.send(a_mail(), SENDER, READER) == Sent()

    def test_an_unknown_reader_is_refused(self, plain: SmtpChannel, post: Post) -> None:
        """Naming the address and the server's reason."""
        post.replies["RCPT"] = ["550 5.1.1 no such user"]
        assert refused(plain) == f"localhost port {plain.port}: recipient {READER} refused: 550 5.1.1 no such user"

    def test_an_unwanted_mail_is_refused(self, plain: SmtpChannel, post: Post) -> None:
        """After DATA."""
        post.replies["DATA"] = ["554 5.7.1 looks like spam"]
        assert refused(plain) == f"localhost port {plain.port}: mail refused: 554 5.7.1 looks like spam"

    def test_too_large_a_mail_is_refused_before_it_is_sent(self, plain: SmtpChannel, post: Post) -> None:
        """The size goes with MAIL (RFC 1870)."""
        post.replies["MAIL"] = ["552 5.3.4 too big"]
        assert "552 5.3.4 too big" in refused(plain)

    def test_a_refused_sender_is_a_fault_of_the_settings(self, plain: SmtpChannel, post: Post) -> None:
        """Whoever corrects `from` gets the mail that waited."""
        post.replies["MAIL"] = ["553 5.7.1 sender not owned by user"]
        assert "sender rctrack@localhost refused: 553 5.7.1" in deferred(plain)

    @pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
    def test_a_missing_login_is_a_fault_of_the_settings(self, plain: SmtpChannel, post: Post, command: str) -> None:
        """530 is a 5xx, but says nothing about the mail (RFC 4954)."""
        post.replies[command] = ["530 5.7.0 authentication required"]
        assert "authentication required" in deferred(plain)

    @pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
    def test_a_cut_connection_is_deferred(self, plain: SmtpChannel, post: Post, command: str) -> None:
        """Even after the whole mail: without a reply nobody knows; a resend has the same Message-ID."""
        post.replies[command] = [DROP]
        assert f"localhost port {plain.port}: " in deferred(plain)
        assert plain.send(a_mail(), SENDER, READER) == Sent()

    @pytest.mark.parametrize("farewell", [DROP, "500 what?", "421 go away"])
    def test_what_was_taken_is_sent_whatever_happens_at_quit(
        self, plain: SmtpChannel, post: Post, farewell: str
    ) -> None:
        """Or it would go out again."""
        post.replies["QUIT"] = [farewell]
        assert plain.send(a_mail(), SENDER, READER) == Sent()
        assert len(post.taken) == 1

    def test_a_hostile_reply_is_one_short_line(self, plain: SmtpChannel, post: Post) -> None:
        """It ends up in a log and in `doctor`."""
        post.replies["RCPT"] = ["550-\x1b[2J first \u2028 line\r\n550 " + "x" * 400]
        reason = refused(plain)
        assert reason.isprintable()
        assert len(reason) < 400


class TestConnecting:
    """A server that is not there, or is none."""

    def test_a_closed_port_is_deferred(self) -> None:
        """Connection refused; the reason names host and port."""
        with listener() as server:
            port = server.getsockname()[1]
        channel = SmtpChannel("127.0.0.1", port, implicit_tls=False, login=None)
        assert deferred(channel) == f"127.0.0.1 port {port}: Connection refused"
        assert isinstance(channel.probe(), Deferred)

    def test_an_unknown_host_is_deferred(self) -> None:
        """Name resolution may come back (RFC 6761: .invalid never resolves)."""
        assert "mx.invalid port 25: " in deferred(SmtpChannel("mx.invalid", 25, implicit_tls=False, login=None))

    @pytest.mark.timeout(15)
    @pytest.mark.parametrize("implicit_tls", [False, True])
    def test_a_silent_server_is_left_after_the_timeout(self, implicit_tls: bool) -> None:
        """Which is 30 s for each answer, here a tenth of one."""
        with listener() as server:
            channel = SmtpChannel("127.0.0.1", server.getsockname()[1], implicit_tls=implicit_tls, login=None)
            assert channel.timeout == 30
            assert "timed out" in deferred(replace(channel, timeout=0.1))

    @pytest.mark.parametrize(
        "greeting",
        [b"554 5.3.2 no service\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\r\n", b"220 " + b"x" * 20000, b""],
    )
    def test_a_greeting_is_never_about_a_mail(self, greeting: bytes) -> None:
        """Not even with 5xx: the mail waits."""
        with speaking(greeting) as port:
            reason = deferred(SmtpChannel("127.0.0.1", port, implicit_tls=False, login=None))
        assert reason.isprintable()

    def test_a_login_that_cannot_be_understood_is_deferred(self) -> None:
        """A challenge that is no base64."""
        with speaking(b"220 hello\r\n250-mx\r\n250 AUTH LOGIN\r\n334 abc\r\n") as port:
            reason = deferred(SmtpChannel("127.0.0.1", port, implicit_tls=False, login=LOGIN))
        assert "padding" in reason


class TestAddresses:
    """Who it is from and to, on the wire."""

    def test_names_stay_off_the_envelope(self, plain: SmtpChannel, post: Post) -> None:
        """Only the address; the domain in ASCII."""
        assert plain.send(a_mail(), SENDER, "A Reader <reader@bücher.example>") == Sent()
        assert post.recipients == ["reader@xn--bcher-kva.example"]

    def test_an_international_address_needs_smtputf8(self, post: Post) -> None:
        """A server without it will not learn it by itself: refused, saying why."""
        with smtp_server(post, smtputf8=False) as channel:
            delivery = channel.send(a_mail(a_draft(recipient="jörg@example.org")), SENDER, "jörg@example.org")
        assert isinstance(delivery, Refused)
        assert "jörg@example.org" in delivery.reason
        assert "SMTPUTF8" in delivery.reason
        assert post.taken == []

    @pytest.mark.parametrize(
        "recipient", ["", "nobody", "a@b\r\nRCPT TO:<victim@example.org>", "a@b> NOTIFY=NEVER", "a b@c", "<a@b>, <c@d>"]
    )
    def test_what_is_no_address_is_refused_and_never_sent(self, plain: SmtpChannel, post: Post, recipient: str) -> None:
        """No command can be smuggled in."""
        delivery = plain.send(a_mail(), SENDER, recipient)
        assert isinstance(delivery, Refused)
        assert delivery.reason.isprintable()
        assert post.recipients == []

    @pytest.mark.parametrize("sender", ["", "rctrack", "rctrack <rctrack@localhost\r\n>"])
    def test_an_unusable_sender_is_a_fault_of_the_settings(self, plain: SmtpChannel, sender: str) -> None:
        """The reader's mail waits for a better one."""
        delivery = plain.send(a_mail(), sender, READER)
        assert isinstance(delivery, Deferred)
        assert "mail.from" in delivery.reason


class TestTls:
    """Encrypted where offered, and only to whom the certificate names."""

    def test_starttls_is_used_where_it_is_offered(self, starttls: SmtpChannel, post: Post, trusted: Authority) -> None:
        """Without being asked for."""
        assert starttls.send(a_mail(), SENDER, READER) == Sent()
        assert post.encrypted == [True]

    def test_a_login_goes_through_starttls(self, starttls: SmtpChannel, post: Post, trusted: Authority) -> None:
        """The usual submission server."""
        channel = replace(starttls, login=LOGIN)
        assert channel.probe() == Sent()
        assert channel.send(a_mail(), SENDER, READER) == Sent()
        assert post.taken == [a_mail()]
        assert post.logins == [USER, USER]

    def test_smtps_is_encrypted_from_the_start(self, implicit: SmtpChannel, post: Post, trusted: Authority) -> None:
        """With the same checks."""
        assert implicit.send(a_mail(), SENDER, READER) == Sent()
        assert post.encrypted == [True]

    def test_smtps_does_not_speak_with_an_unknown_certificate(self, implicit: SmtpChannel, post: Post) -> None:
        """The reason says how to make it known."""
        assert "SSL_CERT_FILE" in deferred(implicit)
        assert post.taken == []

    def test_no_login_where_the_certificate_is_unknown(self, starttls: SmtpChannel, post: Post) -> None:
        """Not on loopback either: another user may have taken the port."""
        assert "SSL_CERT_FILE" in deferred(replace(starttls, login=LOGIN))
        assert post.logins == []

    def test_no_login_where_the_certificate_names_another_host(
        self, starttls: SmtpChannel, post: Post, trusted: Authority
    ) -> None:
        """127.0.0.2 is this machine too, but the certificate says localhost and 127.0.0.1."""
        with smtp_server(post, implicit_tls=trusted.server, address="127.0.0.2") as implicit:
            assert "not valid for '127.0.0.2'" in deferred(replace(implicit, login=LOGIN))
        assert post.logins == []

    def test_the_local_mail_server_may_have_a_certificate_of_its_own(self, starttls: SmtpChannel, post: Post) -> None:
        """As Debian's Postfix does; on loopback and without a login there is nothing to protect."""
        assert starttls.send(a_mail(), SENDER, READER) == Sent()
        assert post.encrypted == [False]

    def test_a_failing_starttls_is_no_reason_to_go_on_in_the_clear(self, plain: SmtpChannel, post: Post) -> None:
        """Deferred; asked with a server that names STARTTLS and then does not do it."""
        post.extensions.append("250-STARTTLS")
        assert "454" in deferred(plain)
        assert post.taken == []


class TestLogin:
    """A password is read once, sent to the right server only, and never shown."""

    def test_a_wrong_password_is_deferred_and_not_repeated(
        self, starttls: SmtpChannel, post: Post, trusted: Authority
    ) -> None:
        """It can be corrected; the reason says what to look at."""
        channel = replace(starttls, login=Login(USER, "hunter2"))
        reason = deferred(channel)
        assert "check user and password: 535" in reason
        assert "hunter2" not in reason
        assert channel.probe() == Deferred(reason)

    def test_a_server_that_repeats_the_password_does_not_get_it_into_the_log(
        self, plain: SmtpChannel, post: Post
    ) -> None:
        """Neither as it is nor in base64."""
        login = Login("me", "hunter2")
        post.replies["AUTH"] = ["535 cannot decode hunter2 aHVudGVyMg== AG1lAGh1bnRlcjI="] * 9
        assert "cannot decode *** *** ***" in deferred(replace(plain, login=login))
        assert "hunter2" not in repr(replace(plain, login=login))

    def test_a_login_that_may_come_later_is_deferred(self, plain: SmtpChannel, post: Post) -> None:
        """454: the server's own trouble."""
        post.replies["AUTH"] = ["454 4.7.0 try later"] * 9
        assert "454 4.7.0 try later" in deferred(replace(plain, login=LOGIN))

    def test_a_server_without_tls_is_not_told_the_password(self, plain: SmtpChannel, post: Post) -> None:
        """0.0.0.0 reaches this machine, but is not known to be loopback: it stands for any other host."""
        reason = deferred(replace(plain, host="0.0.0.0", login=LOGIN))
        assert "no STARTTLS" in reason
        assert "smtps://" in reason
        assert post.logins == []

    def test_a_server_on_this_machine_may_be_told_in_the_clear(self, plain: SmtpChannel, post: Post) -> None:
        """There is no wire."""
        assert replace(plain, login=LOGIN).send(a_mail(), SENDER, READER) == Sent()
        assert post.logins == [USER]

    @pytest.mark.parametrize(
        ("host", "allowed"),
        [
            ("localhost", True),
            ("mail.localhost", True),
            ("127.0.0.1", True),
            ("127.8.8.8", True),
            ("::1", True),
            ("0.0.0.0", False),
            ("192.168.1.1", False),
            ("fe80::1", False),
            ("mx.example.org", False),
            ("localhost.example.org", False),
            ("127.0.0.1.example.org", False),
            ("notlocalhost", False),
        ],
    )
    def test_in_the_clear_only_where_the_name_itself_says_loopback(self, host: str, allowed: bool) -> None:
        """Without asking DNS; over TLS everywhere."""
        assert may_send_password(host, encrypted=False) is allowed
        assert may_send_password(host, encrypted=True)


class TestOpening:
    """smtp://[user@]host[:port] and where the password is."""

    def config(self, transport: str, env: str | None = None, file: Path | None = None) -> MailConfig:
        return MailConfig(transport, SENDER, env, file, to=())

    @pytest.mark.parametrize(
        ("transport", "host", "port", "implicit_tls"),
        [
            ("smtp://mx.example.org", "mx.example.org", 25, False),
            ("smtp://mx.example.org:587", "mx.example.org", 587, False),
            ("smtps://mx.example.org/", "mx.example.org", 465, True),
            ("smtp://[::1]:2525", "::1", 2525, False),
        ],
    )
    def test_a_transport_names_host_port_and_kind(
        self, transport: str, host: str, port: int, implicit_tls: bool
    ) -> None:
        """Ports 25 and 465 unless it says otherwise."""
        assert open_smtp(self.config(transport), {}) == SmtpChannel(host, port, implicit_tls, login=None)

    @pytest.mark.parametrize(
        "transport", ["smtps://me%40example.org@mx.example.org", "smtps://me@example.org@mx.example.org"]
    )
    def test_a_user_may_be_a_mail_address(self, transport: str) -> None:
        """As most providers want it; spelled with %40 or plainly."""
        channel = open_smtp(self.config(transport, env="SECRET"), {"SECRET": "hunter2\n"})
        assert channel.login == Login("me@example.org", "hunter2")

    def test_a_password_file_may_end_in_a_newline(self, tmp_path: Path) -> None:
        """Most editors add one; spaces belong to the password."""
        (tmp_path / "password").write_bytes(b" hunter2 \r\n")
        channel = open_smtp(self.config("smtp://me@localhost", file=tmp_path / "password"), {})
        assert channel.login == Login("me", " hunter2 ")

    @pytest.mark.parametrize(
        "transport",
        [
            "smtp://me:hunter2@mx.example.org",
            "smtp://me:@mx.example.org",
            "smtps://me:hunter2/3@mx.example.org",
            "smtps://me:hunter2#3@mx.example.org",
            "smtps://me:12?hunter2@mx.example.org",
            "smtps://me:hunter2@[mx.example.org",
            "smtps://me:hunter2@mx.example.org:port",
            "smtps://me:hunter2\u2100@mx.example.org",
        ],
    )
    def test_a_password_in_the_transport_is_refused_and_not_repeated(self, transport: str) -> None:
        """Not even where it makes the transport unreadable; neither in the error nor in what caused it."""
        with pytest.raises(ChannelError) as error:
            open_channel(self.config(transport, env="SECRET"), {"SECRET": "x"})
        assert "hunter2" not in str(error.value)
        assert error.value.__cause__ is None
        assert error.value.__suppress_context__ or error.value.__context__ is None

    @pytest.mark.parametrize(
        "transport",
        [
            "smtp:",
            "smtp://",
            "smtp:mx",
            "smtp://me@",
            "smtp://mx:0",
            "smtp://mx:70000",
            "smtp://mx/a",
            "smtp://mx?a",
            "smtp://mx#a",
            "smtp://a..b",
        ],
    )
    def test_an_unusable_transport_is_refused_with_the_right_form(self, transport: str) -> None:
        """Before anything is sent."""
        with pytest.raises(ChannelError, match=r"write smtp://\[user@\]host\[:port\]"):
            open_smtp(self.config(transport), {})

    def test_a_missing_password_is_named(self, tmp_path: Path) -> None:
        """The variable or the file, and what to do."""
        missing, empty, binary, foreign = (tmp_path / name for name in ("missing", "empty", "binary", "foreign"))
        empty.write_text("\n")
        binary.write_bytes(b"\xff\xfe")
        foreign.write_text("pässword", "utf-8")
        cases: list[tuple[str | None, Path | None, str]] = [
            ("SECRET", None, "no mail password in environment variable SECRET"),
            (None, missing, f"{missing}: No such file or directory"),
            (None, tmp_path, f"{tmp_path}: Is a directory"),
            (None, empty, f"no mail password in file {empty}"),
            (None, binary, f"{binary}: is not text"),
            (None, foreign, f"{foreign}: only ASCII"),
            (None, None, "set mail.password_env or mail.password_file"),
            ("SECRET", empty, "keep one"),
        ]
        for env, file, expected in cases:
            with pytest.raises(ChannelError, match=expected) as error:
                open_smtp(self.config("smtp://me@localhost", env, file), {"SECRET": ""})
            assert "pässword" not in str(error.value)

    def test_a_user_outside_ascii_is_refused(self) -> None:
        """smtplib could not send it."""
        with pytest.raises(ChannelError, match="ASCII"):
            open_smtp(self.config("smtp://j%C3%B6rg@localhost", env="SECRET"), {"SECRET": "x"})

    def test_a_password_without_a_user_is_refused(self) -> None:
        """A user was meant; without one the mail would go out anonymously or not at all."""
        with pytest.raises(ChannelError, match="smtp://USER@host"):
            open_smtp(self.config("smtp://localhost", env="SECRET"), {"SECRET": "x"})

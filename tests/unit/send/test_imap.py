"""From a draft to what its reader sees: our channels, a real mail store, and IMAP."""

import asyncio
import imaplib
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from rctrack.send import Deferred, Refused, Sent
from rctrack.send.maildir import MaildirChannel
from rctrack.send.smtp import Login, SmtpChannel
from tests.support.drafts import READER, SENDER, a_draft, a_mail
from tests.support.mail_fixtures import Authority
from tests.support.mail_servers import PASSWORD, USER, Dovecot, Post, ordinary_user, smtp_server


@dataclass
class Relay(Post):
    """A submission server that hands what it takes to the mail store at once, and repeats the store's answer."""

    lmtp_port: int = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """The store's reply about the one recipient."""
        return await asyncio.to_thread(self._hand_over, envelope) or await super().handle_DATA(
            server, session, envelope
        )

    def _hand_over(self, envelope: Envelope) -> str | None:
        assert isinstance(envelope.content, bytes)
        with smtplib.LMTP("127.0.0.1", self.lmtp_port) as store:
            try:
                store.sendmail(envelope.mail_from or "", envelope.rcpt_tos, envelope.content)
            except smtplib.SMTPRecipientsRefused as error:
                ((code, reply),) = error.recipients.values()
                return f"{code} {reply.decode()}"
        return None


@contextmanager
def inbox(store: Dovecot, *, readonly: bool = True) -> Iterator[imaplib.IMAP4]:
    """The reader's INBOX, open."""
    with imaplib.IMAP4("127.0.0.1", store.imap_port, timeout=20) as client:
        client.login(READER, store.password)
        client.select("INBOX", readonly=readonly)
        yield client


def found(client: imaplib.IMAP4, message_id: str) -> list[str]:
    """The numbers of the mails with this Message-ID."""
    _, (numbers,) = client.search(None, "HEADER", "Message-ID", f"<{message_id}>")
    return [number.decode() for number in numbers.split()]


def fetched(client: imaplib.IMAP4, number: str) -> bytes:
    """A mail as the store gives it out, still unseen."""
    _, answer = client.fetch(number, "(BODY.PEEK[])")
    assert isinstance(answer[0], tuple)
    return bytes(answer[0][1])


@pytest.fixture
def relay(store: Dovecot, trusted: Authority) -> Iterator[SmtpChannel]:
    """Our channel, logged in over STARTTLS at a server in front of the store."""
    with smtp_server(Relay(lmtp_port=store.lmtp_port), starttls=trusted.server) as channel:
        yield SmtpChannel(channel.host, channel.port, implicit_tls=False, login=Login(USER, PASSWORD))


class TestMailbox:
    """What was written is what is read."""

    def test_a_mail_is_read_back_as_it_was_sent(self, relay: SmtpChannel, store: Dovecot) -> None:
        """Byte for byte below the trace headers, headers and both bodies as a mail program decodes them."""
        draft = a_draft(
            message_id="back@rctrack",
            subject="[rctrack] LATE linux v3.1-rc6: getaggt Mo 21:02 UTC, seit 26 h nicht angekündigt",
            text="Kein Brief seit 26 h …\n.\n.Punkt\nFrom here\n",
            html="<p>Kein Brief seit <b>26 h</b> …</p>\n",
        )
        mail = a_mail(draft)
        assert relay.send(mail, SENDER, READER) == Sent()
        with inbox(store) as client:
            (number,) = found(client, "back@rctrack")
            stored = fetched(client, number)
        assert stored.endswith(mail)
        message = message_from_bytes(stored, policy=default)
        assert isinstance(message, EmailMessage)
        assert message["Return-Path"] == "<rctrack@localhost>"
        assert message["Message-ID"] == "<back@rctrack>"
        assert message["Subject"] == draft.subject
        assert message["Date"].datetime == draft.written_at
        assert message["List-Id"] == "<linux.rctrack>"
        bodies = [message.get_body((kind,)) for kind in ("plain", "html")]
        assert [str(body.get_content()).replace("\r\n", "\n") for body in bodies if body] == [draft.text, draft.html]

    def test_the_store_understands_structure_and_envelope(self, relay: SmtpChannel, store: Dovecot) -> None:
        """IMAP's own parsers agree with what we meant: one To, one From, text before HTML."""
        assert relay.send(a_mail(a_draft(message_id="shape@rctrack", html="<p>x</p>\n")), SENDER, READER) == Sent()
        with inbox(store) as client:
            (number,) = found(client, "shape@rctrack")
            _, (answer,) = client.fetch(number, "(ENVELOPE BODYSTRUCTURE)")
        assert isinstance(answer, bytes)
        assert b'(("rctrack" NIL "rctrack" "localhost"))' in answer
        assert b'((NIL NIL "reader" "example.org"))' in answer
        assert answer.index(b'"text" "plain"') < answer.index(b'"text" "html"') < answer.index(b'"alternative"')

    def test_the_mails_of_a_cycle_are_one_thread(self, relay: SmtpChannel, store: Dovecot) -> None:
        """As the store's own threading sees it, though the reader has deleted one: References bridges the hole."""
        names = ["rc1.thread@rctrack", "rc2.thread@rctrack", "rc3.thread@rctrack", "rc4.thread@rctrack"]
        for index in (0, 1, 3):
            draft = a_draft(message_id=names[index], references=tuple(names[:index]), subject=names[index])
            assert relay.send(a_mail(draft), SENDER, READER) == Sent()
        with inbox(store) as client:
            first, second, fourth = (found(client, names[index])[0] for index in (0, 1, 3))
            _, (threads,) = client.thread("REFERENCES", "UTF-8", "HEADER Message-ID thread@rctrack")
        assert threads.decode() == f"({first} {second} {fourth})"

    def test_a_reader_whom_the_store_does_not_know_is_refused(self, relay: SmtpChannel) -> None:
        """The store's 550 comes back through the server."""
        delivery = relay.send(a_mail(), SENDER, "stranger@example.org")
        assert isinstance(delivery, Refused)
        assert "550 5.1.1" in delivery.reason

    def test_a_wrong_password_brings_nothing_into_the_mailbox(self, relay: SmtpChannel, store: Dovecot) -> None:
        """Deferred; with the right one it arrives."""
        mail = a_mail(a_draft(message_id="later@rctrack"))
        stranger = SmtpChannel(relay.host, relay.port, implicit_tls=False, login=Login(USER, "guess"))
        assert isinstance(stranger.send(mail, SENDER, READER), Deferred)
        with inbox(store) as client:
            assert found(client, "later@rctrack") == []
        assert relay.send(mail, SENDER, READER) == Sent()
        with inbox(store) as client:
            assert len(found(client, "later@rctrack")) == 1


class TestMaildir:
    """A Maildir that a real mail store serves at the same time."""

    def test_a_mail_in_the_maildir_is_served_and_a_resend_after_reading_adds_none(self, store: Dovecot) -> None:
        """Dovecot finds it, moves it to cur, flags it; the resend finds it there."""
        maildir = MaildirChannel(store.maildir)
        mail = a_mail(a_draft(message_id="direct@rctrack", text="käse …\n"))
        with ordinary_user():
            assert maildir.send(mail, SENDER, READER) == Sent()
        with inbox(store, readonly=False) as client:
            (number,) = found(client, "direct@rctrack")
            assert fetched(client, number) == mail
            client.store(number, "+FLAGS", r"(\Seen \Flagged)")
        with ordinary_user():
            assert maildir.send(mail, SENDER, READER) == Sent()
        with inbox(store) as client:
            assert found(client, "direct@rctrack") == [number]

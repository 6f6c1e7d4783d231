"""What every channel promises; a new kind adds its box to BOXES."""

import mailbox
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path
from typing import Final, Protocol

import pytest

from rctrack.config import MailConfig
from rctrack.send import Channel, ChannelError, Deferred, Sent, open_channel
from tests.support.drafts import READER, SENDER, a_draft, a_mail
from tests.support.mail_servers import Post, smtp_server


class Box(Protocol):
    """Where a channel's mail ends up."""

    @property
    def channel(self) -> Channel:
        """As the configuration opens it."""
        ...

    def received(self) -> list[bytes]:
        """The mails there, as sent."""
        ...

    def close(self) -> None:
        """From now on nothing can be delivered."""
        ...

    def reopen(self) -> None:
        """All is well again."""
        ...


def opened(transport: str) -> Channel:
    """The channel of a configuration with this transport."""
    return open_channel(MailConfig(transport, SENDER, None, None, to=()), {})


@dataclass(frozen=True, slots=True)
class MaildirBox:
    """A Maildir; closed, a file stands in its place."""

    path: Path
    channel: Channel

    def received(self) -> list[bytes]:
        if not self.path.is_dir():
            return []
        box = mailbox.Maildir(self.path, create=False)
        return [box.get_bytes(key).replace(os.linesep.encode(), b"\r\n") for key in sorted(box.keys())]

    def close(self) -> None:
        self.path.touch()

    def reopen(self) -> None:
        self.path.unlink()


@dataclass(frozen=True, slots=True)
class SmtpBox:
    """An SMTP server; closed, it answers 421."""

    post: Post
    channel: Channel

    def received(self) -> list[bytes]:
        return self.post.taken

    def close(self) -> None:
        self.post.closed = True

    def reopen(self) -> None:
        self.post.closed = False


@contextmanager
def maildir_box(folder: Path) -> Iterator[Box]:
    """A Maildir that is not there yet."""
    yield MaildirBox(folder / "outbox", opened(f"maildir:{folder / 'outbox'}"))


@contextmanager
def smtp_box(folder: Path) -> Iterator[Box]:
    """A server without TLS that asks for no login."""
    post = Post()
    with smtp_server(post) as server:
        yield SmtpBox(post, opened(f"smtp://localhost:{server.port}"))


BOXES: Final[dict[str, Callable[[Path], AbstractContextManager[Box]]]] = {"maildir": maildir_box, "smtp": smtp_box}


@pytest.fixture(params=BOXES)
def box(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Box]:
    """One of each kind."""
    with BOXES[request.param](tmp_path) as opened_box:
        yield opened_box


class TestEveryChannel:
    """The same promises, whatever the way."""

    @pytest.mark.parametrize(
        "text",
        ["all is well\n", "käse …\n", ".\n..\n.dot\n\n.\n", "From here\n", "x" * 5000, "x" * 70 + "\n" * 3000, ""],
        ids=["plain", "utf-8", "dots", "from", "one long line", "many lines", "empty"],
    )
    def test_a_mail_arrives_byte_for_byte(self, box: Box, text: str) -> None:
        """Headers and body, with HTML beside it."""
        mail = a_mail(a_draft(text=text, html="<p>…</p>"))
        assert box.channel.send(mail, SENDER, READER) == Sent()
        assert box.received() == [mail]

    def test_a_reader_outside_ascii_is_reached(self, box: Box) -> None:
        """RFC 6531 and 6532."""
        mail = a_mail(a_draft(recipient="jörg@bücher.example"))
        assert box.channel.send(mail, SENDER, "jörg@bücher.example") == Sent()
        assert box.received() == [mail]

    def test_a_resend_is_the_same_mail(self, box: Box) -> None:
        """After a crash between sending and noting it: one Message-ID, so one mail is seen."""
        assert [box.channel.send(a_mail(), SENDER, READER) for _ in range(2)] == [Sent(), Sent()]
        assert len({message_from_bytes(mail)["Message-ID"] for mail in box.received()}) == 1

    def test_two_mails_are_two(self, box: Box) -> None:
        """Nothing is taken for a resend that is none."""
        for name in "ab":
            assert box.channel.send(a_mail(a_draft(message_id=f"{name}@rctrack")), SENDER, READER) == Sent()
        assert len(box.received()) == 2

    def test_what_cannot_go_out_now_goes_out_later(self, box: Box) -> None:
        """Deferred with a reason on one line, nothing delivered; then, with the same call, Sent."""
        box.close()
        delivery = box.channel.send(a_mail(), SENDER, READER)
        assert isinstance(delivery, Deferred)
        assert len(delivery.reason.splitlines()) == 1
        assert box.received() == []
        box.reopen()
        assert box.channel.send(a_mail(), SENDER, READER) == Sent()
        assert box.received() == [a_mail()]

    def test_a_probe_tells_that_all_is_well_and_sends_nothing(self, box: Box) -> None:
        """For `rctrack doctor`."""
        assert box.channel.probe() == Sent()
        assert box.received() == []

    def test_a_probe_tells_what_is_wrong(self, box: Box) -> None:
        """In the words that a delivery would have."""
        box.close()
        delivery = box.channel.probe()
        assert isinstance(delivery, Deferred)
        assert delivery == box.channel.send(a_mail(), SENDER, READER)


class TestOpening:
    """A transport that cannot work is refused before anything is sent."""

    @pytest.mark.parametrize(
        "transport", ["", "maildir", "pigeon:coop", "sendmail:/usr/sbin/sendmail", "smpt://user:hunter2@mx.example.org"]
    )
    def test_an_unknown_transport_is_refused_and_the_known_ones_named(self, transport: str) -> None:
        """Without repeating it: a mistyped one may hold a password."""
        with pytest.raises(ChannelError, match=r"maildir:PATH.*smtps") as error:
            opened(transport)
        assert "hunter2" not in str(error.value)

    def test_opening_touches_nothing(self, tmp_path: Path) -> None:
        """`rctrack status` makes no Maildir."""
        opened(f"maildir:{tmp_path / 'outbox'}")
        assert list(tmp_path.iterdir()) == []

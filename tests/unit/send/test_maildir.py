"""Mail into a local Maildir: whole, once, and private."""

import mailbox
import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rctrack.config import MailConfig
from rctrack.send import ChannelError, Deferred, Refused, Sent, open_channel
from rctrack.send.maildir import MaildirChannel
from tests.support.drafts import READER, SENDER, a_draft, a_mail
from tests.support.mail_servers import open_folder, ordinary_user


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A Maildir that is not there yet, nor the folders above it."""
    return tmp_path / "state" / "rctrack" / "outbox"


@pytest.fixture
def maildir(path: Path) -> MaildirChannel:
    """Its channel."""
    return MaildirChannel(path)


def files(path: Path) -> list[str]:
    """Every file in the Maildir, tmp included."""
    return sorted(str(file.relative_to(path)) for file in path.rglob("*") if not file.is_dir())


@contextmanager
def full_disk(free: int) -> Iterator[None]:
    """No file can grow beyond `free` bytes: writing stops half-way, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class TestStoring:
    """tmp, then new."""

    def test_a_mail_lies_unread_in_new_with_the_line_ends_of_the_machine(
        self, maildir: MaildirChannel, path: Path
    ) -> None:
        """As any delivery agent leaves it, so that mutt and less show no ^M."""
        assert maildir.send(a_mail(), SENDER, READER) == Sent()
        (name,) = files(path)
        assert name.startswith("new/")
        assert (path / name).read_bytes() == a_mail().replace(b"\r\n", b"\n")

    def test_python_reads_it_as_a_new_mail(self, maildir: MaildirChannel, path: Path) -> None:
        """mailbox.Maildir: one mail, in `new`, without flags."""
        maildir.send(a_mail(), SENDER, READER)
        (mail,) = mailbox.Maildir(path, create=False)
        assert (mail.get_subdir(), mail.get_flags()) == ("new", "")
        assert mail["Subject"] == a_draft().subject

    def test_nobody_else_can_read_it(self, maildir: MaildirChannel, path: Path) -> None:
        """Folders 700 with those made above, mails 600, whatever the umask."""
        before = os.umask(0)
        try:
            maildir.send(a_mail(), SENDER, READER)
        finally:
            os.umask(before)
        folders = [path.parent.parent, path.parent, path, *(path / name for name in ("tmp", "new", "cur"))]
        assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}
        assert {stat.S_IMODE((path / name).stat().st_mode) for name in files(path)} == {0o600}

    def test_it_is_on_the_disk_before_it_is_seen_and_before_it_counts_as_sent(
        self, maildir: MaildirChannel, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The file is synced, then renamed, then the folder is synced; watched at the system's door."""
        maildir.probe()  # makes the folders
        steps: list[object] = []
        fsync, rename = os.fsync, os.rename

        def watched_fsync(descriptor: int) -> None:
            fsync(descriptor)
            steps.append(os.fstat(descriptor).st_ino)

        def watched_rename(old: Path, new: Path) -> None:
            rename(old, new)
            steps.append((old.parent.name, new.parent.name))

        monkeypatch.setattr(os, "fsync", watched_fsync)
        monkeypatch.setattr(os, "rename", watched_rename)
        maildir.send(a_mail(), SENDER, READER)
        (mail,) = (path / name for name in files(path))
        assert steps == [mail.stat().st_ino, ("tmp", "new"), mail.parent.stat().st_ino]


class TestOnce:
    """A resend after a crash shows no second mail."""

    def test_a_mail_that_is_still_unread_is_not_stored_again(self, maildir: MaildirChannel, path: Path) -> None:
        """The same name in `new`; not even touched, or a reader would see it as new again."""
        maildir.send(a_mail(), SENDER, READER)
        before = [(name, (path / name).stat().st_ino) for name in files(path)]
        assert maildir.send(a_mail(), SENDER, READER) == Sent()
        assert [(name, (path / name).stat().st_ino) for name in files(path)] == before

    @pytest.mark.parametrize("flags", ["", "S", "RS", "FST"])
    def test_a_mail_that_was_read_is_not_stored_again(self, maildir: MaildirChannel, path: Path, flags: str) -> None:
        """A mail program moved it to `cur` and gave it flags."""
        maildir.send(a_mail(), SENDER, READER)
        box = mailbox.Maildir(path, create=False)
        ((key, mail),) = box.items()
        mail.set_subdir("cur")
        mail.set_flags(flags)
        box[key] = mail
        read = files(path)
        assert [name.split("/")[0] for name in read] == ["cur"]
        assert maildir.send(a_mail(), SENDER, READER) == Sent()
        assert files(path) == read

    def test_the_message_id_decides_not_the_wording(self, maildir: MaildirChannel, path: Path) -> None:
        """A resend by a newer rctrack may be worded differently and is still the same mail."""
        maildir.send(a_mail(), SENDER, READER)
        assert maildir.send(a_mail(a_draft(text="in other words\n")), SENDER, READER) == Sent()
        assert len(files(path)) == 1

    def test_a_message_id_is_no_path(self, maildir: MaildirChannel, path: Path) -> None:
        """Slashes, dots and colons mean nothing in it."""
        for odd in ("../../../etc/x@y", ".hidden@y", "a:2,S@y", "a" * 600 + "@y"):
            assert maildir.send(a_mail(a_draft(message_id=odd)), SENDER, READER) == Sent()
        assert len(mailbox.Maildir(path, create=False)) == len(files(path)) == 4

    def test_half_a_mail_left_by_a_crash_is_replaced_by_the_whole(self, maildir: MaildirChannel, path: Path) -> None:
        """It lies in tmp under the same name; nothing is left of it."""
        maildir.send(a_mail(), SENDER, READER)
        (name,) = files(path)
        (path / name).rename(path / "tmp" / Path(name).name)
        with (path / "tmp" / Path(name).name).open("ab") as leftover:
            leftover.write(b"rubbish" * 1000)
        assert maildir.send(a_mail(), SENDER, READER) == Sent()
        assert files(path) == [name]
        assert (path / name).read_bytes() == a_mail().replace(b"\r\n", b"\n")


class TestTrouble:
    """What may be mended is Deferred with a reason, and nothing half-written stays."""

    def test_a_full_disk_leaves_nothing_behind(self, maildir: MaildirChannel, path: Path) -> None:
        """Neither in new nor in tmp; with space again the mail goes in."""
        maildir.probe()
        with full_disk(free=100):
            delivery = maildir.send(a_mail(), SENDER, READER)
        assert isinstance(delivery, Deferred)
        assert str(path) in delivery.reason
        assert files(path) == []
        assert maildir.send(a_mail(), SENDER, READER) == Sent()

    @pytest.mark.parametrize("folder", [".", "tmp", "new", "cur"])
    def test_a_file_where_a_folder_should_be_is_named(self, maildir: MaildirChannel, path: Path, folder: str) -> None:
        """So that the user can move it away; it is not touched."""
        obstacle = path / folder
        obstacle.parent.mkdir(parents=True, exist_ok=True)
        obstacle.write_text("mine")
        for delivery in (maildir.send(a_mail(), SENDER, READER), maildir.probe()):
            assert delivery == Deferred(f"Maildir {path}: File exists ({obstacle})")
        assert obstacle.read_text() == "mine"

    def test_a_file_above_the_maildir_is_deferred_too(self, tmp_path: Path) -> None:
        """Not a directory."""
        (tmp_path / "state").write_text("mine")
        assert isinstance(MaildirChannel(tmp_path / "state" / "outbox").probe(), Deferred)

    @pytest.mark.parametrize("folder", ["tmp", "new", "cur", "."])
    def test_a_folder_that_may_not_be_used_is_deferred(self, folder: str) -> None:
        """Closed to us: a reason, and it goes in once it is open again."""
        with open_folder() as home, ordinary_user():
            maildir = MaildirChannel(home / "outbox")
            assert maildir.probe() == Sent()
            (home / "outbox" / folder).chmod(0)
            deliveries = maildir.send(a_mail(), SENDER, READER), maildir.probe()
            (home / "outbox" / folder).chmod(0o700)
            assert all(isinstance(each, Deferred) and "Permission denied" in each.reason for each in deliveries)
            assert files(home) == []
            assert maildir.send(a_mail(), SENDER, READER) == Sent()

    @pytest.mark.parametrize("folder", ["tmp", "new"])
    def test_a_read_only_folder_is_deferred(self, folder: str) -> None:
        """As above where it can at least be listed; the probe says so too."""
        with open_folder() as home, ordinary_user():
            maildir = MaildirChannel(home / "outbox")
            assert maildir.probe() == Sent()
            (home / "outbox" / folder).chmod(0o500)
            deliveries = maildir.send(a_mail(), SENDER, READER), maildir.probe()
            (home / "outbox" / folder).chmod(0o700)
            assert all(isinstance(each, Deferred) and "Permission denied" in each.reason for each in deliveries)
            assert files(home) == []

    def test_nothing_in_a_maildir_is_ever_refused(self, maildir: MaildirChannel) -> None:
        """Not even bytes that are no mail: whatever is owed is kept."""
        assert not isinstance(maildir.send(b"\x00\xff no mail at all", "", ""), Refused)

    def test_a_relative_path_is_no_transport(self) -> None:
        """The configuration makes it absolute; a daemon's working folder means nothing."""
        with pytest.raises(ChannelError, match="absolute"):
            open_channel(MailConfig("maildir:outbox", SENDER, None, None, to=()), {})

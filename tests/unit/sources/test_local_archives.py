"""What a local mbox and a Maildir keep to beyond the contract of all archives."""

import io
import os
from dataclasses import dataclass, replace
from datetime import UTC
from pathlib import Path

import pytest

from rctrack.core.evidence import MailEvidence
from rctrack.sources import Coverage, mails
from rctrack.sources.kinds.mbox import read_mbox
from tests.support.archives import Archive, open_archive
from tests.support.material import HOUR, Mail, make_epoch
from tests.support.rendered import ANNOUNCED, CORPUS, NEWS, RULES, content, write_maildir, write_mbox

COVERS = Coverage(CORPUS[0].delivered_at.astimezone(UTC), CORPUS[-1].delivered_at.astimezone(UTC))
HOP = b"Received: from mx.example.net (mx.example.net [192.0.2.1]) by mx.example.org; Fri, 27 Mar 2026 12:00:00 +0000\n"
FROM = b"From kim@example.org Mon Mar  2 10:00:00 2026\n"


@dataclass(frozen=True)
class Headed(Mail):
    """A mail that begins with something else."""

    head: bytes = b""

    def content(self) -> bytes:
        return self.head + Mail.content(self)


def keys(archive: Archive, cursor: str | None = None) -> list[str]:
    return [each.key for each in archive.good(cursor).evidence if isinstance(each, MailEvidence)]


def test_a_line_that_an_mbox_escaped_is_read_as_it_was_written() -> None:
    """One sign less on lines that begin like a separator, and on no others; what only looks like one is none."""
    body = b">From here on\n>>From there\n> quoted\nFrom now on all is quiet, since 10:00 of 2026\n"
    [mail, other] = read_mbox(io.BytesIO(FROM + b"Subject: a\n\n" + body + b"\n" + FROM + b"Subject: b\n\n"))
    assert mail.endswith(b"\nFrom here on\n>From there\n> quoted\nFrom now on all is quiet, since 10:00 of 2026\n\n")
    assert other == b"Subject: b\n\n"


BARE, ADDRESS_ALONE = b"From \n", b"From kim@example.org\n"
MAIL = b"Subject: %d\nMessage-ID: <%d@x>\n\nout\n"


@pytest.mark.parametrize("gap", [b"", b"\n"], ids=["no empty line", "an empty line"])
@pytest.mark.parametrize(
    "line", [FROM, BARE, ADDRESS_ALONE, b"From -\n", b"From \r\n"], ids=["whole", "bare", "no date", "dash", "CRLF"]
)
def test_mails_are_told_apart_whoever_wrote_the_file(line: bytes, gap: bytes) -> None:
    """Thunderbird's separators are bare, and some programs leave out the empty line before them."""
    file = b"".join(line + MAIL % (number, number) + gap for number in (1, 2, 3))
    assert [mails.subject_of(mail) for mail in read_mbox(io.BytesIO(file))] == ["1", "2", "3"]


@pytest.mark.parametrize(
    "words",
    [
        b"From here on: all is quiet\nNote: so it is\n", b"From \nnow on\n", b"From kim@example.org\nwith love\n",
        b"From Monday to Friday\nHours: 9 to 5\n", b"\nFrom x@y.org we hear\nTo: nobody\n",
    ],
)  # fmt: skip
def test_a_sentence_that_begins_with_from_begins_no_mail(words: bytes) -> None:
    """Headers follow a separator, and one without a date has an address alone."""
    [mail] = read_mbox(io.BytesIO(FROM + b"Subject: a\n\nText\n" + words))
    assert mail.endswith(words)


def test_a_file_that_thunderbird_keeps_is_gone_on_with(tmp_path: Path) -> None:
    """Each look brings what was added, though no empty line stands between."""
    archive = open_archive(tmp_path, "mbox", tmp_path / "inbox", RULES)
    cursor = None
    for mail in (CORPUS[0], NEWS):
        with (tmp_path / "inbox").open("ab") as file:
            file.write(BARE + content(mail))
        answer = archive.good(cursor)
        assert list(archive.recognised(answer)) == [mail.id]
        cursor = answer.cursor


def put(kind: str, place: Path, *mails_: Mail) -> None:
    """The mails come to an archive on this machine."""
    match kind:
        case "mbox":
            write_mbox(place, mails_)
        case "maildir":
            write_maildir(place, mails_)
        case _:
            make_epoch(place).add(*mails_)


@pytest.mark.parametrize("kind", ["mbox", "maildir", "public-inbox"])
def test_a_message_id_that_is_used_again_is_another_mail(kind: str, tmp_path: Path) -> None:
    """In one look and in two; the same mail once more, by another way, is not where the Message-ID is its name."""
    second, third = (
        Mail(f"[ANNOUNCE] demo v1.2-rc{number}", at=NEWS.at + number * HOUR, message_id=NEWS.id) for number in (3, 4)
    )
    put(kind, tmp_path / "inbox", NEWS, second)
    archive = open_archive(tmp_path, kind, tmp_path / "inbox", RULES)
    first = archive.good()
    assert len(set(keys(archive))) == 2
    put(kind, tmp_path / "inbox", third)
    assert len(keys(archive, first.cursor)) == 1
    if kind == "mbox":
        put(kind, tmp_path / "inbox", NEWS, replace(NEWS, delivered_after=2 * HOUR))
        assert len(keys(archive, first.cursor)) == 1


def test_a_mail_of_an_mbox_is_cut_at_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the one behind it is whole."""
    monkeypatch.setattr(mails, "MOST_MAIL_BYTES", 1000)
    [long, short] = read_mbox(io.BytesIO(FROM + b"x\n" * 9000 + b"\n" + FROM + b"Subject: b\n"))
    assert (len(long), short) == (1000, b"Subject: b\n")


def test_an_mbox_that_was_read_while_it_was_written_is_read_again(tmp_path: Path) -> None:
    """The mail that was half there is not lost; one that was known is not brought twice."""
    write_mbox(tmp_path / "inbox", CORPUS)
    whole = (tmp_path / "inbox").read_bytes()
    (tmp_path / "inbox").write_bytes(whole[: whole.rindex(b"Subject: ")])
    archive = open_archive(tmp_path, "mbox", tmp_path / "inbox", RULES)
    first = archive.good()
    (tmp_path / "inbox").write_bytes(whole)
    second = archive.good(first.cursor)
    assert len(second.evidence) == 1
    assert archive.recognised(first).keys() | archive.recognised(second).keys() == ANNOUNCED.keys()


def test_an_mbox_that_was_written_anew_is_read_from_its_start(tmp_path: Path) -> None:
    """Old mail was filed away and the file is longer than before all the same."""
    write_mbox(tmp_path / "inbox", CORPUS[:1])
    archive = open_archive(tmp_path, "mbox", tmp_path / "inbox", RULES)
    cursor = archive.good().cursor
    (tmp_path / "inbox").unlink()
    write_mbox(tmp_path / "inbox", [NEWS, *CORPUS[2:]])
    assert NEWS.id in archive.recognised(archive.good(cursor))


@pytest.mark.parametrize("kind", ["mbox", "maildir", "public-inbox"])
@pytest.mark.parametrize(
    "head", [HOP * 100_000, b"X-Report: " + b"x" * 10_000_000 + b"\n"], ids=["100,000 hops", "a header of 10 MB"]
)
def test_what_stands_behind_endless_headers_is_read(kind: str, head: bytes, tmp_path: Path) -> None:
    """By every archive alike; what is kept of such a mail is small."""
    mail = head + content(NEWS)
    if kind == "mbox":
        (tmp_path / "inbox").write_bytes(FROM + mail)
    elif kind == "maildir":
        write_maildir(tmp_path / "inbox", [])
        (tmp_path / "inbox" / "new" / "1.news").write_bytes(mail)
    else:
        make_epoch(tmp_path / "inbox").add(Headed(NEWS.subject, at=NEWS.at, head=mail))
    archive = open_archive(tmp_path, kind, tmp_path / "inbox", RULES)
    outcome = archive.good()
    assert list(archive.recognised(outcome)) == [NEWS.id]
    assert sum(len(each.content) for each in outcome.evidence if isinstance(each, MailEvidence)) < 2**20


def test_a_file_whose_name_is_no_text_has_a_key_that_is(tmp_path: Path) -> None:
    """A database would take no other."""
    write_maildir(tmp_path / "inbox", [])
    (tmp_path / "inbox" / "new" / os.fsdecode(b"1.\xff.host")).write_bytes(content(NEWS))
    archive = open_archive(tmp_path, "maildir", tmp_path / "inbox", RULES)
    first = archive.good()
    assert [key.encode() for key in keys(archive)] == [b"1.\\xff.host"]
    assert keys(archive, first.cursor) == []


@pytest.mark.parametrize("kind", ["mbox", "maildir"])
def test_a_folder_tells_of_its_mails(kind: str, tmp_path: Path) -> None:
    """When it begins only at the first look, which alone sees all mails; when its newest came at each."""
    write = write_mbox if kind == "mbox" else write_maildir
    write(tmp_path / "inbox", CORPUS)
    archive = open_archive(tmp_path, kind, tmp_path / "inbox", RULES)
    first = archive.good()
    assert first.coverage == COVERS
    write(tmp_path / "inbox", [NEWS])
    coverage = archive.good(first.cursor).coverage
    assert (coverage.begins_at, coverage.newest_at) == (None, NEWS.delivered_at)


def test_a_mail_that_was_read_moves_and_is_the_same(tmp_path: Path) -> None:
    """From `new` to `cur`, with flags behind its name; hidden files are none, and new mail is found in both."""
    write_maildir(tmp_path / "inbox", CORPUS)
    archive = open_archive(tmp_path, "maildir", tmp_path / "inbox", RULES)
    first = archive.good()
    assert {each.partition(":")[0] for each in keys(archive)} == set(keys(archive))
    for each in (tmp_path / "inbox" / "new").iterdir():
        each.rename(tmp_path / "inbox" / "cur" / f"{each.name}:2,S")
    (tmp_path / "inbox" / "cur" / ".hidden").write_bytes(content(NEWS))
    assert keys(archive, first.cursor) == []
    (tmp_path / "inbox" / "new" / "1.news").write_bytes(content(NEWS))
    assert keys(archive, first.cursor) == ["1.news"]


def test_a_mail_that_comes_while_the_clock_is_put_back_is_found(tmp_path: Path) -> None:
    """By up to a day; the cursor says that later ones were seen."""
    write_maildir(tmp_path / "inbox", CORPUS)
    archive = open_archive(tmp_path, "maildir", tmp_path / "inbox", RULES)
    cursor = archive.good().cursor
    newest = max(each.stat().st_ctime_ns for each in (tmp_path / "inbox").glob("*/*"))
    ahead = cursor.replace(str(newest), str(newest + int(HOUR.total_seconds() * 1e9)))
    assert ahead != cursor
    (tmp_path / "inbox" / "cur" / "1.news").write_bytes(content(NEWS))
    assert keys(archive, ahead) == ["1.news"]
    assert os.listdir(tmp_path / "inbox" / "tmp") == []

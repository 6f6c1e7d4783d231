"""How projects announce, and what only looks like it: shipped files, and files that somebody writes for their own."""

import base64
from pathlib import Path

import pytest

from rctrack import config
from rctrack.config import ProjectConfig
from rctrack.core.evidence import MailEvidence
from rctrack.core.recognise import recognise_mail, subject_may_fit
from rctrack.core.release import Announcement
from tests.support.given import LIST, sighting

PLACE = config.shipped() / "rctrack.toml"
SEEN = sighting(LIST, "2031-06-01 00:00")
LINUS, GREG, SEBASTIAN = "torvalds@linux-foundation.org", "gregkh@linuxfoundation.org", "bigeasy@linutronix.de"
JUNIO, TOM, STEPHEN = "gitster@pobox.com", "trini@konsulko.com", "sfr@canb.auug.org.au"
OWN = {
    "xfsprogs": (
        'from = "a@example.org"\n'
        "subject = ['^\\[ANNOUNCE\\] xfsprogs v?(?P<version>\\S+) released', "
        "'^xfsprogs-dev: (?P<version>v\\S+) released']"
    ),
    "iproute2": "from = \"a@example.org\"\nsubject = '^\\[ANNOUNCE\\]:? iproute2 (?P<version>\\S+)'",
}


def mail(subject: str, sender: str, body: str = "It is out.\n", head: str = "", date: str = "") -> bytes:
    """A mail with these headers, as they stand on the wire."""
    return (
        f"From: Somebody <{sender}>\nTo: somelist@example.org\nSubject: {subject}\n"
        f"Date: {date or 'Thu, 14 Nov 2030 12:00:00 +0000'}\nMessage-ID: <one@example.org>\n{head}\n{body}"
    ).encode()


def read(project: ProjectConfig, content: bytes, subject: str = "") -> list[str]:
    """The versions that any list of the project takes the mail to announce; sources that look first must let it in."""
    found: set[str] = set()
    for source in project.lists:
        reading = recognise_mail(source.rules, project.rules.scheme, MailEvidence("key", content, None), SEEN)
        if isinstance(reading, Announcement):
            assert not subject or subject_may_fit(source.rules, subject)
            found |= {each.text for each in reading.versions}
    return sorted(found)


def shipped(stem: str) -> ProjectConfig:
    return config.load_project(stem, PLACE)


@pytest.mark.parametrize(
    ("stem", "sender", "subject", "versions"),
    [
        ("linux", LINUS, "Linux 9.6-rc8", ["9.6-rc8"]),
        ("linux", "torvalds@osdl.org", "Linux 2.6.0-test9", []),  # by an address of years before this mail
        ("linux", LINUS, "Linux 2.6.95-rc8-git3", []),
        ("linux", LINUS, "Linux 9.6.8", []),
        ("linux", LINUS, "Re: Linux 9.6-rc8", []),
        ("linux", LINUS, "AW: Linux 9.6-rc8", []),
        ("linux", LINUS, "Fwd: Linux 9.6-rc8", []),
        ("linux", LINUS, "[GIT PULL] Linux 9.6-rc8", []),
        ("linux", GREG, "Linux 9.6-rc8", []),
        ("linux-stable", GREG, "Linux 9.6.8", ["9.6.8"]),
        ("linux-stable", GREG, "Re: Linux 9.6.8", []),
        ("linux-stable", GREG, "AW: Linux 9.6.8", []),
        ("linux-stable", GREG, "Fwd: Linux 9.6.8", []),
        ("linux-stable", LINUS, "Linux 9.6.8", []),
        ("linux-stable", GREG, "Linux 9.6", []),
        ("linux-stable", GREG, "[PATCH 9.15 00/10] 9.15.160-rc2 review", ["9.15.160-rc2"]),
        ("linux-stable", GREG, "[PATCH 9.15 000/190] 9.15.160-rc1 review", ["9.15.160-rc1"]),
        ("linux-stable", GREG, "[PATCH 9.15 0000/1190] 9.15.160-rc1 review", ["9.15.160-rc1"]),
        ("linux-stable", GREG, "[PATCH 9.15 01/10] 9.15.160-rc2 review", []),
        ("linux-stable", GREG, "Re: [PATCH 9.15 00/10] 9.15.160-rc2 review", []),
        ("linux-stable", GREG, "[PATCH 9.15 03/10] net: mend 9.15.160-rc1", []),
        ("linux-rt", SEBASTIAN, "[ANNOUNCE] v9.6.14-rt21", ["9.6.14-rt21"]),
        ("linux-rt", SEBASTIAN, "[ANNOUNCE] v9.7-rc5-rt3", ["9.7-rc5-rt3"]),
        ("linux-rt", "rostedt@goodmis.org", "[ANNOUNCE] 9.19.325-rt140-rc1", []),
        ("linux-rt", "rostedt@goodmis.org", "[ANNOUNCE] 9.19.325-rt140", ["9.19.325-rt140"]),
        ("linux-rt", SEBASTIAN, "[ANNOUNCE] v9.6.14-rt21-rebase", []),
        ("linux-rt", SEBASTIAN, "[PATCH RT 0/4] Linux v9.6.14-rt21", []),
        ("linux-next", STEPHEN, "linux-next: Tree for Nov 14", ["next-20301114"]),
        ("linux-next", STEPHEN, "linux-next: no release on Nov 14", []),
        ("linux-next", STEPHEN, "Re: linux-next: Tree for Nov 14", []),
        ("linux-next", STEPHEN, "linux-next: Tree for Nov 14 (drivers/net)", []),
        ("git", JUNIO, "[ANNOUNCE] Git v9.47.0-rc1", ["9.47.0-rc1"]),
        ("git", JUNIO, "[ANNOUNCE] Git 9.47.1", ["9.47.1"]),
        ("git", JUNIO, "[ANNOUNCE] Git v9.47.1, v9.46.2 and v9.45.3", ["9.45.3", "9.46.2", "9.47.1"]),
        ("git", JUNIO, "A note from the maintainer", []),
        ("git", JUNIO, "What's cooking in git.git (Nov 9047, #03; Thu, 14)", []),
        ("git", JUNIO, "Re: [ANNOUNCE] Git v9.47.0-rc1", []),
        ("git", "a@example.org", "[ANNOUNCE] Git for Windows 9.47.0-rc1", []),
        ("xen", "jgross@suse.com", "Xen 9.19.0-rc3", ["9.19.0-rc3"]),
        ("xen", "jgross@suse.com", "[Xen-devel] [ANNOUNCE] Xen 9.12.0 RC1", ["9.12.0-rc1"]),
        ("xen", "iwj@xenproject.org", "[ANNOUNCE] Xen 9.15 RC2", ["9.15-rc2"]),
        ("xen", "jgross@suse.com", "[ANNOUNCE] Xen 9.12 Development Update", []),
        ("xen", "jgross@suse.com", "Xen 9.12 release planning", []),
        ("qemu", "michael.roth@amd.com", "[ANNOUNCE] QEMU 9.92.0-rc1 is now available", ["9.92.0-rc1"]),
        ("qemu", "mjt@tls.msk.ru", "[ANNOUNCE] QEMU 9.82.2 Stable released", ["9.82.2"]),
        ("qemu", "michael.roth@amd.com", "[Qemu-devel] [ANNOUNCE] QEMU 9.2.0-rc1 is now available", ["9.2.0-rc1"]),
        ("qemu", "michael.roth@amd.com", "[PULL 0/9] QEMU 9.2.0-rc1 fixes", []),
        ("u-boot", TOM, "[U-Boot] [ANN] U-Boot v2034.10-rc3", ["2034.10-rc3"]),
        ("u-boot", TOM, "[ANN] U-Boot v2034.10-rc3 released", ["2034.10-rc3"]),
        ("u-boot", TOM, "Re: [U-Boot] [ANN] U-Boot v2034.10-rc3", []),
        ("ltp", "pvorel@suse.cz", "[LTP] The Linux Test Project has been released for MAY 2033", ["May 2033"]),
        (
            "ltp",
            "chrubis@suse.cz",
            "[LTP] [ANNOUNCE] The Linux Test Project has been released for May 2033",
            ["May 2033"],
        ),
    ],
)
def test_shipped_projects_know_how_they_announce(stem: str, sender: str, subject: str, versions: list[str]) -> None:
    """With the prefixes of lists, and neither replies, series of patches nor what is only talked about."""
    known = {"[LTP]": "ltp", "[U-Boot]": "u-boot", "[Xen-devel]": "xen-devel", "[Qemu-devel]": "qemu-devel"}
    name = next((known[word] for word in subject.split() if word in known), "somelist")
    assert read(shipped(stem), mail(subject, sender, head=f"List-Id: <{name}.example.org>\n"), subject) == versions


@pytest.mark.parametrize(
    ("project", "subject", "versions"),
    [
        ("xfsprogs", "[ANNOUNCE] xfsprogs 9.12.0 released", ["9.12.0"]),
        ("xfsprogs", "[ANNOUNCE] xfsprogs v9.12.0 released", ["9.12.0"]),
        ("xfsprogs", "xfsprogs-dev: v9.13.0-rc1 released", ["9.13.0-rc1"]),
        ("xfsprogs", "xfsprogs-dev: for-next updated to 0123abc", []),
        ("xfsprogs", "Re: xfsprogs-dev: v9.13.0-rc1 released", []),
        ("iproute2", "[ANNOUNCE]: iproute2 9.12", ["9.12"]),
        ("iproute2", "[ANNOUNCE] iproute2 9.12.0 release", ["9.12.0"]),
        ("iproute2", "[PATCH iproute2] tc: mend 9.12", []),
    ],
)
def test_a_file_of_their_own_is_enough(project: str, subject: str, versions: list[str], tmp_path: Path) -> None:
    """A sender and a pattern or two: what is general needs no word of it."""
    (tmp_path / "projects").mkdir()
    text = f'scheme = "dotted"\n[[lists]]\nkind = "public-inbox"\nurl = "/srv/{project}"\n{OWN[project]}\n'
    (tmp_path / "projects" / f"{project}.toml").write_text(text)
    assert (
        read(config.load_project(project, tmp_path / "rctrack.toml"), mail(subject, "a@example.org"), subject)
        == versions
    )


BODY = "I'm announcing the release of the 9.6.8 kernel.\n"
SIGNED = f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{BODY}\n- -- \nme\n-----BEGIN PGP SIGNATURE-----\n\nx\n"
TRANSPORTS = {
    "base64 subject": mail(f"=?utf-8?B?{base64.b64encode(b'Linux 9.6.8').decode()}?=", GREG),
    "quoted-printable subject": mail("=?iso-8859-1?q?Linux_9=2E6=2E8?=", GREG),
    "subject in two words": mail("=?utf-8?q?Linux?=\n =?utf-8?q?_9=2E6=2E8?=", GREG),
    "ISO-2022-JP subject": mail(f"=?iso-2022-jp?B?{base64.b64encode(b'Linux 9.6.8').decode()}?=", GREG),
    "folded subject": mail("Linux\n\t9.6.8", GREG),
    "ISO-2022-JP body": mail(
        "Linux 9.6.8", GREG, "\x1b$B%j%j!<%9\x1b(B 9.6.8\n", "Content-Type: text/plain; charset=iso-2022-jp\n"
    ),
    "UTF-7 body": mail("Linux 9.6.8", GREG, "+AGE- +/v8- +++ 9.6.8\n", "Content-Type: text/plain; charset=utf-7\n"),
    "unknown charset": mail("Linux 9.6.8", GREG, BODY, "Content-Type: text/plain; charset=unknown-8bit\n"),
    "base64 body": mail(
        "Linux 9.6.8", GREG, base64.encodebytes(BODY.encode()).decode(), "Content-Transfer-Encoding: base64\n"
    ),
    "format=flowed": mail(
        "Linux 9.6.8", GREG, BODY.replace(" of ", " of \n"), "Content-Type: text/plain; format=flowed\n"
    ),
    "multipart/signed": mail(
        "Linux 9.6.8",
        GREG,
        f"--b\nContent-Type: text/plain\n\n{BODY}\n--b\nContent-Type: application/pgp-signature\n\nx\n--b--\n",
        'Content-Type: multipart/signed; micalg=pgp-sha512;\n\tprotocol="application/pgp-signature"; boundary="b"\n',
    ),
    "clear-signed": mail("Linux 9.6.8", GREG, SIGNED),
}


@pytest.mark.parametrize("name", TRANSPORTS)
def test_an_announcement_is_one_however_it_was_packed(name: str) -> None:
    """Headers and bodies in all their codings."""
    assert read(shipped("linux-stable"), TRANSPORTS[name]) == ["9.6.8"]


@pytest.mark.parametrize(
    ("archive", "stated", "link"),
    [
        ("https://lore.example.org/demo", "", "https://lore.example.org/demo/a%2Fb%23c@example.org/"),
        (
            "https://lore.example.org/demo",
            "<https://a.example/>",
            "https://lore.example.org/demo/a%2Fb%23c@example.org/",
        ),
        ("/srv/demo", "<https://lists.example.org/msg1.html>", "https://lists.example.org/msg1.html"),
        ("/srv/demo", "https://lists.example.org/msg1.html", "https://lists.example.org/msg1.html"),
        ("/srv/demo", "<javascript:alert(1)>", None),
        ("/srv/demo", "<file:///etc/passwd>", None),
        ("/srv/demo", "<https://a.example/ b>", None),
        ("/srv/demo", "<https://a.example/<script>>", None),
        ("/srv/demo", "", None),
    ],
)
def test_a_mail_is_linked_to_where_it_can_be_read(archive: str, stated: str, link: str | None, tmp_path: Path) -> None:
    """The list's own archive first, with the Message-ID escaped; else a page of the web that the mail names."""
    (tmp_path / "projects").mkdir()
    text = f'scheme = "dotted"\n[[lists]]\nkind = "public-inbox"\nurl = "{archive}"\n{OWN["iproute2"]}\n'
    (tmp_path / "projects" / "demo.toml").write_text(text)
    project = config.load_project("demo", tmp_path / "rctrack.toml")
    head = f"Archived-At: {stated}\n" if stated else ""
    content = mail("[ANNOUNCE] iproute2 9.12", "a@example.org", head=head).replace(b"<one@", b"<a/b#c@")
    reading = recognise_mail(project.lists[0].rules, "dotted", MailEvidence("key", content, None), SEEN)
    assert isinstance(reading, Announcement)
    assert reading.url == link

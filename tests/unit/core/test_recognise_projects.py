"""The shipped project files: each can be read, and together they know every real announcement and nothing else."""

import re
from datetime import date
from pathlib import Path

import pytest

from rctrack import config
from rctrack.core.evidence import Commit, MailEvidence, ObjectId, SourceId, TagEvidence
from rctrack.core.fold import flagged, fold
from rctrack.core.habits import unconfirmed
from rctrack.core.recognise import recognise_mail, recognise_tag
from rctrack.core.release import Announcement, Flag, Release, TagObservation, Unrecognised
from rctrack.core.version import parse_version
from rctrack.show import json
from rctrack.show.release import text as release_text
from tests.studies import accuracy
from tests.support.given import PROJECT, sighting

PLACE = config.shipped() / "rctrack.toml"
STEMS = sorted(config.known_projects(PLACE))
LKML = SourceId("public-inbox-http https://lore.kernel.org/lkml")
BTRFS = SourceId("public-inbox https://lore.kernel.org/linux-btrfs")
LINUX = config.load_project("linux", PLACE)


def linux_mail(subject: str, *, message_id: str = "one@example.org", sender: str = "", body: str = "") -> bytes:
    """A mail to the kernel list."""
    return (
        f"Received: by vger.kernel.org; Mon, 17 Feb 2025 05:12:00 +0000\n"
        f"From: {sender or 'Linus Torvalds <torvalds@linux-foundation.org>'}\nTo: linux-kernel@vger.kernel.org\n"
        f"Subject: {subject}\nDate: Sun, 16 Feb 2025 21:11:12 -0800\nMessage-ID: <{message_id}>\n\n{body}"
    ).encode()


def read_linux(content: bytes, source: SourceId = LKML) -> Announcement | Unrecognised | None:
    """What it is recognised as by the shipped file."""
    seen = sighting(source, "2026-06-01 00:00")
    return recognise_mail(LINUX.lists[0].rules, "kernel", MailEvidence("key", content, None), seen)


@pytest.mark.parametrize("stem", STEMS)
def test_a_shipped_project_can_be_read(stem: str) -> None:
    """It has a name, a source, and lists and repositories on their real hosts."""
    project = config.load_project(stem, PLACE)
    assert project.name
    assert project.sources
    assert all(each.url.startswith("https://") for each in project.sources)


@pytest.mark.parametrize(
    "stem",
    [
        "linux",
        "linux-stable",
        "linux-rt",
        "linux-next",
        "git",
        "u-boot",
        "qemu",
        "xen",
        "util-linux",
        "sparse",
        "e2fsprogs",
        "nftables",
        "kmod",
        "man-pages",
        "mdadm",
        "backports",
    ],
)
def test_the_promised_projects_are_shipped(stem: str) -> None:
    """With a list each, and a repository."""
    project = config.load_project(stem, PLACE)
    assert project.lists
    assert project.tags


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("Linux 9.18-rc3", "9.18-rc3"),
        ("Linux v9.18", "9.18"),
        ("Linux v9.18...", "9.18"),
        ('Linux 9.18 aka "Some Bird"', "9.18"),
        ("Linux 9.18-rc4 released, and a note", "9.18-rc4"),
        ("Linux 2.4.99-pre7", "2.4.99-pre7"),
        ("Linux v2.6.99-test9", "2.6.99-test9"),
        ("Linux v2.6.99-c2", "2.6.99-rc2"),
        ("Linux 9.18.3", None),
        ("Linux 2.6.99.3", None),
        ("Linux 9.18 and a compiler", None),
        ("Re: Linux 9.18-rc3", None),
        ("[GIT PULL] Linux 9.18-rc3", None),
    ],
)
def test_mainline_of_every_era_is_told_from_stable(subject: str, expected: str | None) -> None:
    """By its numbers; what is behind the version is at most a remark."""
    found = read_linux(linux_mail(subject))
    assert [each.text for each in found.versions] == [expected] if isinstance(found, Announcement) else not expected


class TestTwoMailsForOneRelease:
    """The announcement of a candidate went to the wrong list, and hours later to the right one."""

    @pytest.fixture
    def folded(self) -> Release:
        """The release that both amount to."""
        first = read_linux(linux_mail("Linux 9.14-rc3", message_id="wrong@example.org"), BTRFS)
        second = read_linux(linux_mail("Linux 9.14-rc3", message_id="right@example.org"), LKML)
        assert isinstance(first, Announcement)
        assert isinstance(second, Announcement)
        (release,) = fold(PROJECT, LINUX.rules, [first, second], {}).values()
        return release

    def test_it_is_one_release_with_both_mails(self, folded: Release) -> None:
        """Announced once; `show` has both."""
        mails = {mail["message_id"]: mail["is_announcement"] for mail in json.evidence(folded)["mails"]}
        assert mails.keys() == {"wrong@example.org", "right@example.org"}
        assert [message_id for message_id, is_it in mails.items() if is_it] == [folded.message_id]
        shown = release_text("Linux", folded, [])
        assert "linux-btrfs" in shown
        assert "lore.kernel.org/lkml" in shown


def test_a_bystander_is_refused_with_a_reason() -> None:
    """Exactly the subject of an announcement, without In-Reply-To."""
    found = read_linux(linux_mail("Linux 9.12-rc1", sender="Robin Bystander <robin@example.net>"))
    assert isinstance(found, Unrecognised)
    assert found.reason == "robin@example.net does not announce this project"


def test_what_contradicts_and_what_is_unconfirmed_is_shown() -> None:
    """In `show`, for people and for scripts; what a mail says of it is tested with the mails."""
    mail = read_linux(linux_mail("Linux v9.16-c2", body="There will be an rc3.\n"))
    assert isinstance(mail, Announcement)
    releases = fold(PROJECT, LINUX.rules, [mail], {})
    (release,) = flagged(releases, Flag.UNCONFIRMED, unconfirmed(["tag"], releases.values())).values()
    assert release.flags == {Flag.UNCONFIRMED}
    shown = release_text("Linux", release, [])
    assert "unconfirmed" in shown
    assert "contradiction: the subject says 9.16-c2, taken for 9.16-rc2" in shown
    assert "promises rc3" in shown
    assert json.evidence(release)["mails"][0]["contradiction"]


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://lore.example.org/demo-dev/", "demo-dev"),
        ("https://lists.example.org/pipermail/Demo-Dev", "demo-dev"),
        ("https://lists.example.org/archives/list/demo-dev@lists.example.org/", "demo-dev"),
        ("/srv/mail/demo-dev", "demo-dev"),
    ],
)
def test_the_name_of_a_list_is_in_its_address(url: str, name: str, tmp_path: Path) -> None:
    """Its pages show subjects with it as a prefix, and nothing else that says what the list is called."""
    (tmp_path / "projects").mkdir()
    text = f'scheme = "dotted"\n[[lists]]\nkind = "public-inbox"\nurl = "{url}"\nfrom = "a@b.org"\n'
    (tmp_path / "projects" / "demo.toml").write_text(text + "subject = '^demo (?P<version>\\S+)'\n")
    assert config.load_project("demo", tmp_path / "rctrack.toml").lists[0].rules.name == name


def test_two_patterns_of_a_list_are_one(tmp_path: Path) -> None:
    """And senders may have an era."""
    (tmp_path / "projects").mkdir()
    (tmp_path / "projects" / "demo.toml").write_text(
        'name = "Demo"\nscheme = "dotted"\nexpects = "tag"\ntags_are_pruned = true\n[[lists]]\nkind = "public-inbox"\n'
        'url = "/srv/demo"\nsubject = ["^demo (?P<version>\\\\S+)$", "^new demo: (?P<version>\\\\S+)$"]\n'
        'from = ["kim@example.org", { address = "Sam@example.org", until = 2003-06-30 }]\n'
    )
    project = config.load_project("demo", tmp_path / "rctrack.toml")
    rules = project.lists[0].rules
    assert re.compile(rules.subject).groupindex.keys() == {"version", "version2"}
    assert rules.senders == {"kim@example.org", "sam@example.org"}
    assert [(era.address, str(era.until)) for era in rules.eras] == [("sam@example.org", "2003-06-30")]
    assert project.rules.expects == {"tag"}
    assert project.rules.tags_are_pruned
    content = b"From: kim@example.org\nSubject: new demo: 1.5\nMessage-ID: <a@b>\nDate: 1 Jan 2026 00:00:00 +0000\n\n"
    found = recognise_mail(rules, "dotted", MailEvidence("k", content, None), sighting(LKML, "2026-06-01 00:00"))
    assert isinstance(found, Announcement)
    assert found.versions == (parse_version("dotted", "1.5"),)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('from = [3]\nsubject = "(?P<version>.)"', "lists.1.from: found 3, expected addresses, or tables"),
        (
            'from = [{ address = "a@b", till = 2003-06-30 }]\nsubject = "(?P<version>.)"',
            "expected addresses, or tables",
        ),
        ('from = "a@b"\nsubject = ["(?P<version>.)", "x"]', "lists.1.subject: found 'x'"),
        ('from = "a@b"\nsubject = ["(?P<version>.)", "(?i)(?P<version>.)"]', "expressions that can be joined"),
    ],
)
def test_an_error_of_a_project_file_says_what_would_be_right(tmp_path: Path, line: str, complaint: str) -> None:
    """With file and key."""
    (tmp_path / "projects").mkdir()
    text = f'scheme = "dotted"\n[[lists]]\nkind = "public-inbox"\nurl = "/srv/demo"\n{line}\n'
    (tmp_path / "projects" / "demo.toml").write_text(text)
    with pytest.raises(config.ConfigError, match=re.escape(complaint)):
        config.load_project("demo", tmp_path / "rctrack.toml")


@pytest.mark.shared
@pytest.mark.timeout(600)
def test_every_real_announcement_is_recognised_and_nothing_else(
    shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Recall and precision are 1, and every shortlog is counted right: `make accuracy`."""
    assert accuracy.main([str(shared / "data")]) == 0, capsys.readouterr().out


def test_accuracy_complains_about_a_miss_and_a_false_alarm() -> None:
    """By name, so that it does not say all is well when nothing was read."""
    content = linux_mail("Linux 9.14-rc3")
    fact = accuracy.Fact("a.eml", "lkml", "linux", ("9.14-rc4",), date(2025, 2, 16), "", "", "", 7)
    verdict = accuracy.judge({"linux": LINUX}, fact, content)
    assert list(accuracy.complaints([verdict])) == [
        "MISS linux a.eml: 9.14-rc4, read as 9.14-rc3",
        "FALSE ALARM linux a.eml: 9.14-rc3",
        "COUNT a.eml: shortlog of 7, read as {None}",
    ]


def test_rules_are_what_the_core_takes() -> None:
    """A tag and a mail of one project meet in one version, however each is spelled."""
    for stem, name, spelled in [
        ("xen", "RELEASE-9.17.0", "9.17"),
        ("xen", "9.17.0-rc1", "9.17 RC1"),
        ("man-pages", "man-pages-9.03", "9.03"),
        ("ltp", "20310517", "May 2031"),
        ("linux-next", "next-20310819", "next-20310819"),
        ("u-boot", "U-Boot-0_9_0", "0.9.0"),
        ("linux-rt", "v9.1-rc2-rt1", "9.1-rc2-rt1"),
    ]:
        rules = config.load_project(stem, PLACE).rules
        evidence = TagEvidence(name, ObjectId("o"), Commit("c"), None)
        found = recognise_tag(rules, evidence, sighting(LKML, "2026-06-01 00:00"))
        assert isinstance(found, TagObservation), (stem, found)
        assert found.version == parse_version(rules.scheme, spelled)

"""Recognising: a tag or a mail is a release, or it is not, and then there is a reason."""

import csv
from dataclasses import replace
from datetime import timedelta
from email.parser import BytesHeaderParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rctrack import config
from rctrack.core.evidence import Commit, Instant, MailEvidence, ObjectId, TagEvidence
from rctrack.core.recognise import Ignored, header_text, parse_headers, recognise_mail, recognise_tag, subject_may_fit
from rctrack.core.release import Announcement, LongestWait, TagObservation, Unrecognised
from tests.support.given import LIST, LIST_RULES, PRIMARY, RULES, instant, sighting, version

SEEN_TAG = sighting(PRIMARY, "2026-06-01 00:00")
SEEN_MAIL = sighting(LIST, "2026-06-01 00:00")


def read_tag(
    name: str, *, templates: tuple[str, ...] = ("v{version}",), ignore: str | None = None, commit: str | None = "c1"
) -> TagObservation | Unrecognised | Ignored:
    """What a tag of this name is recognised as."""
    rules = replace(RULES, tag_templates=templates, ignore_tags=ignore)
    evidence = TagEvidence(name, ObjectId("o1"), Commit(commit) if commit else None, instant("2026-03-24 12:00"))
    return recognise_tag(rules, evidence, SEEN_TAG)


class TestTags:
    """A tag names a release, is ignored, or is odd."""

    def test_a_tag_names_its_release(self) -> None:
        """With all that the host showed."""
        assert read_tag("v2.42-rc1") == TagObservation(
            version=version("2.42-rc1"),
            tag="v2.42-rc1",
            object_id=ObjectId("o1"),
            commit=Commit("c1"),
            tagged=instant("2026-03-24 12:00"),
            withdrawn=False,
            sighting=SEEN_TAG,
        )

    @pytest.mark.parametrize(
        ("templates", "name", "text"),
        [
            (("{version}",), "2.42-rc1", "2.42-rc1"),
            (("demo-{version}",), "demo-2.42.rc1", "2.42-rc1"),
            (("v{version}", "demo-{version}-release"), "demo-2.42-release", "2.42"),
            (("demo/{version}", "v{version}"), "v2.42", "2.42"),
        ],
    )
    def test_any_template_of_the_project_will_do(self, templates: tuple[str, ...], name: str, text: str) -> None:
        """What stands for {version} is in the tag's own spelling."""
        found = read_tag(name, templates=templates)
        assert isinstance(found, TagObservation)
        assert (found.version.text, found.tag) == (text, name)

    @pytest.mark.parametrize("suffix", ["-dontuse", "-dont-use", "-do-not-use", "-broken", "-withdrawn", "-DONTUSE"])
    def test_a_suffix_withdraws_a_release(self, suffix: str) -> None:
        """It is the same version still."""
        found = read_tag(f"v5.12-rc1{suffix}")
        assert isinstance(found, TagObservation)
        assert found.withdrawn
        assert found.version == version("5.12-rc1")

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("gui-0.21", "fits no tag template of the project"),
            ("v", "fits no tag template of the project"),
            ("", "fits no tag template of the project"),
            ("vacation", "'acation' is no version of the scheme dotted"),
            ("v2.42-rc1-dirty", "'2.42-rc1-dirty' is no version of the scheme dotted"),
            ("v2.42\udcff", "is no version of the scheme dotted"),
            ("v" + "9" * 10_000, "is no version of the scheme dotted"),
        ],
    )
    def test_an_odd_name_has_a_reason(self, name: str, reason: str) -> None:
        """The reason is short, whatever the name."""
        found = read_tag(name)
        assert isinstance(found, Unrecognised)
        assert reason in found.reason
        assert len(found.reason) < 200
        assert found.key == name

    def test_a_tag_of_a_tree_has_a_reason(self) -> None:
        """v2.6.11-tree is a real one."""
        found = read_tag("v2.6.11", commit=None)
        assert isinstance(found, Unrecognised)
        assert found.reason == "leads to no commit"

    def test_what_the_project_ignores_is_no_oddity(self) -> None:
        """Even where it looks like a release."""
        assert read_tag("v2.42-start", ignore="-start$") == Ignored()
        assert read_tag("v2.42", ignore="^v2") == Ignored()

    @given(st.text(max_size=60), st.booleans())
    def test_any_name_is_something(self, name: str, has_commit: bool) -> None:
        """Never an exception, and what is taken for a release spells its version."""
        found = read_tag(name, commit="c1" if has_commit else None)
        assert isinstance(found, TagObservation | Unrecognised)
        if isinstance(found, TagObservation):
            assert found.tag == name
            assert name.startswith("v")


MAIL = """\
Received: by mail.archive.example (Postfix); Tue, 24 Mar 2026 12:20:00 +0000
Received: by list.example.org (Postfix); Tue, 24 Mar 2026 12:10:00 +0000
From: The Maintainer <Maintainer@Example.org>
To: demo@example.org
Subject: [ANNOUNCE] demo v2.42-rc1
Date: Tue, 24 Mar 2026 13:00:00 +0100
Message-ID: <one.two@example.org>

It is out.
"""


def read_mail(
    text: str | bytes = MAIL, *, archived: Instant | None = None, **headers: str | None
) -> Announcement | Unrecognised | None:
    """What this mail is recognised as; headers (with _ for -) are replaced, or taken away by None."""
    content = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    for name, value in headers.items():
        lines, keep = [], True
        for line in content.splitlines(keepends=True):
            keep = not line.lower().startswith(name.replace("_", "-").lower().encode() + b":")
            lines += [line] if keep else []
        content = b"".join(lines)
        if value is not None:
            content = f"{name.replace('_', '-')}: {value}\n".encode("utf-8", "surrogateescape") + content
    return recognise_mail(LIST_RULES, "dotted", MailEvidence("key", content, archived), SEEN_MAIL)


def accepted(found: Announcement | Unrecognised | None) -> Announcement:
    """It is an announcement."""
    assert isinstance(found, Announcement), found
    return found


class TestMails:
    """A mail is an announcement where subject and sender fit and a version comes out."""

    def test_an_announcement_is_read(self) -> None:
        """All of it, from the headers alone."""
        own = instant("2026-06-02 08:00")
        assert read_mail(archived=own) == Announcement(
            versions=(version("2.42-rc1"),),
            message_id=accepted(read_mail()).message_id,
            subject="[ANNOUNCE] demo v2.42-rc1",
            sender="maintainer@example.org",
            announced=instant("2026-03-24 12:00", 1),
            delivered=instant("2026-03-24 12:10"),
            archived=own,
            commits_announced=None,
            url="https://lists.example/demo/one.two@example.org/",
            sighting=SEEN_MAIL,
            longest_wait=LongestWait(None, "list.example.org", timedelta(minutes=10)),
        )
        assert accepted(read_mail()).message_id == "one.two@example.org"

    def test_a_copy_of_the_received_date_is_no_archive_date(self) -> None:
        """As public-inbox makes it."""
        assert accepted(read_mail(archived=instant("2026-03-24 12:20"))).archived is None

    @pytest.mark.parametrize(
        "subject", ["demo v2.42-rc1", "Re: [ANNOUNCE] demo v2.42-rc1", "[ANNOUNCE] other v2.42", "", None]
    )
    def test_another_subject_is_another_mail(self, subject: str | None) -> None:
        """Nothing to say about it: not even that it is odd."""
        assert read_mail(Subject=subject) is None

    @pytest.mark.parametrize(
        "word",
        [
            "AW:",
            "Antwort:",
            "SV:",
            "Odp.:",
            "RE :",
            "Réf.:",
            "Rép:",
            "R:",
            "I:",
            "Vá:",
            "Ответ:",
            "回复:",
            "回覆\uff1a",
            "返信:",
            "Re[2]:",
            "RE(3):",
            "WG:",
            "TR :",
            "PD:",
            "Fwd:",
        ],
    )
    def test_a_reply_in_any_language_is_no_announcement(self, word: str) -> None:
        """Nor a forward, though the pattern would fit anywhere and its sender may announce."""
        rules = replace(LIST_RULES, subject=r"demo v(?P<version>\S+)")
        for subject in (f"{word} demo v2.42-rc1", f"[demo] {word} demo v2.42-rc1"):
            content = MAIL.replace("[ANNOUNCE] demo v2.42-rc1", subject).encode()
            assert recognise_mail(rules, "dotted", MailEvidence("key", content, None), SEEN_MAIL) is None
            assert not subject_may_fit(rules, subject)

    def test_a_stranger_behind_the_word_via_is_a_stranger(self) -> None:
        """Only the list's own address lets Reply-To speak for the sender."""
        reply = "The Maintainer <maintainer@example.org>"
        found = read_mail(From="The Maintainer via demo <mallory@example.net>", Reply_To=reply)
        assert isinstance(found, Unrecognised)
        assert found.reason == "mallory@example.net does not announce this project"
        assert accepted(read_mail(From="The Maintainer via demo <demo@example.org>", Reply_To=reply)).versions

    @pytest.mark.parametrize(
        ("sender", "who"),
        [
            ("Somebody Else <somebody@example.org>", "somebody@example.org"),
            ('"maintainer@example.org" <mallory@example.net>', "mallory@example.net"),
            ("maintainer@example.org.evil.example", "maintainer@example.org.evil.example"),
            ("maintainer", "nobody"),
            ("", "nobody"),
            (None, "nobody"),
        ],
    )
    def test_another_sender_is_a_reason(self, sender: str | None, who: str) -> None:
        """The address counts and not the name before it."""
        found = read_mail(From=sender)
        assert isinstance(found, Unrecognised)
        assert found.reason == f"{who} does not announce this project"
        assert (found.subject, found.key) == ("[ANNOUNCE] demo v2.42-rc1", "key")

    def test_no_version_is_a_reason(self) -> None:
        """Subject and sender fit."""
        found = read_mail(Subject="[ANNOUNCE] demo vNext")
        assert isinstance(found, Unrecognised)
        assert found.reason == "'Next' is no version of the scheme dotted"

    @pytest.mark.parametrize(
        ("subject", "versions"),
        [
            ("v2.42.2 and v2.41.5", "2.42.2 2.41.5"),
            ("v2.42.2, v2.41.5 and v2.40.9", "2.42.2 2.41.5 2.40.9"),
            ("v2.42.2, v2.41.5, and v2.40.9!", "2.42.2 2.41.5 2.40.9"),
            ("v2.42.2 & 2.41.5", "2.42.2 2.41.5"),
            ("v2.42.2,v2.41.5", "2.42.2 2.41.5"),
            ("v2.42.2 and v2.42.2", "2.42.2"),
            ("v2.42.2 and more", "2.42.2"),
            ("v2.42.2/v2.41.5", "2.42.2 2.41.5"),
            ("v2.42.2, v2.41.5 and v2.43 beta 1", "2.42.2 2.41.5 2.43-beta1"),
            ("v2.42.2 rc1, v2.41.5 rc2", "2.42.2-rc1 2.41.5-rc2"),
            ("v2.42.2 and 3 Beta 1 released", "2.42.2 3-beta1"),
            ("v2.42. Enjoy", "2.42"),
            ("v2.42)", "2.42"),
            ("v2.42 (v2.41 is dead)", "2.42"),
            ("v2.42 released 2026 and 2027", "2.42"),
        ],
    )
    def test_several_versions_in_one_mail(self, subject: str, versions: str) -> None:
        """Joined by a comma, "and" or "&" behind the first; each once."""
        found = accepted(read_mail(Subject=f"[ANNOUNCE] demo {subject}"))
        assert [each.text for each in found.versions] == versions.split()

    @pytest.mark.parametrize(
        ("message_id", "expected"),
        [
            ("<one@example.org>", "one@example.org"),
            ("\n <one@example.org>", "one@example.org"),
            ("<one@example.org> (added by postmaster@example.org)", "one@example.org"),
            ("one@example.org", "one@example.org"),
            ("  <one@[192.0.2.1]>  ", "one@[192.0.2.1]"),
        ],
    )
    def test_a_message_id_stands_without_brackets(self, message_id: str, expected: str) -> None:
        """Folded, or with a remark behind it."""
        assert accepted(read_mail(Message_ID=message_id)).message_id == expected

    @pytest.mark.parametrize("message_id", [None, "", "<>", "  "])
    def test_no_message_id_is_a_reason(self, message_id: str | None) -> None:
        """Such a mail could not be told from another."""
        found = read_mail(Message_ID=message_id)
        assert isinstance(found, Unrecognised)
        assert found.reason == "has no Message-ID"

    @pytest.mark.parametrize("date", [None, "", "yesterday", "Tue, 99 Mar 2026 25:00:00 +0000"])
    def test_a_broken_date_is_not_known(self, date: str | None) -> None:
        """The mail is an announcement all the same."""
        found = accepted(read_mail(Date=date))
        assert found.announced is None
        assert found.delivered == instant("2026-03-24 12:10")

    @pytest.mark.parametrize(
        "subject",
        [
            "[ANNOUNCE]\n demo\n\tv2.42-rc1",
            "=?utf-8?q?=5BANNOUNCE=5D_demo_v2=2E42-rc1?=",
            "=?UTF-8?B?W0FOTk9VTkNFXSBkZW1vIHYyLjQyLXJjMQ==?=",
            "=?iso-8859-1?q?=5BANNOUNCE=5D?= =?utf-8?q?_demo?= v2.42-rc1",
            "   [ANNOUNCE]  demo  v2.42-rc1  ",
        ],
    )
    def test_a_subject_is_read_as_people_see_it(self, subject: str) -> None:
        """Unfolded and decoded."""
        assert accepted(read_mail(Subject=subject)).versions == (version("2.42-rc1"),)

    @pytest.mark.parametrize(
        "subject",
        [
            "[ANNOUNCE] demo v2.42-rc1 =?no-such-charset?q?k=E4se?=",
            "[ANNOUNCE] demo v2.42-rc1 =?hex?q?k=E4se?=",
            "[ANNOUNCE] demo v2.42-rc1 =?utf-8?b?!?=",
            "[ANNOUNCE] demo v2.42-rc1 =?utf-8?q?k=E4se?=",
            "[ANNOUNCE] demo v2.42-rc1 k\udce4se",
            "[ANNOUNCE] demo v2.42-rc1 " + "x" * 100_000,
        ],
    )
    def test_broken_characters_do_no_harm(self, subject: str) -> None:
        """An unknown charset, broken base64, raw bytes of an old mailer, a subject without end."""
        found = accepted(read_mail(Subject=subject))
        assert found.versions == (version("2.42-rc1"),)
        assert len(found.subject) <= 1000

    @pytest.mark.parametrize(
        "content",
        [
            MAIL.replace("\n", "\r\n"),
            "From mboxrd@z Thu Jan  1 00:00:00 1970\n" + MAIL,
            "\n\r\n" + MAIL,
            MAIL.split("\n\n", maxsplit=1)[0],
            MAIL.replace("It is out.", "Subject: other\nFrom: mallory@example.net\n\n" * 1000),
            MAIL.replace("Subject:", "SUBJECT:").replace("Message-ID:", "Message-Id:"),
            MAIL.replace("It is out.", "x" * 5_000_000),
        ],
        ids=["CRLF", "mbox", "empty lines first", "no body", "headers in the body", "case", "big"],
    )
    def test_a_mail_in_any_wrapping(self, content: str) -> None:
        """The body is never looked at."""
        assert accepted(read_mail(content)) == accepted(read_mail())

    def test_an_endless_header_is_bounded(self) -> None:
        """It hides nothing that stands behind it, and is not kept."""
        assert accepted(read_mail(MAIL.replace("To:", "X: " + "x" * 600_000 + "\nTo:"))).versions

    def test_one_sender_of_several_will_do(self) -> None:
        """From may name two people."""
        assert accepted(read_mail(From="a@example.org, maintainer@example.org")).versions

    def test_a_list_without_pages_has_no_link(self) -> None:
        """A local archive, say."""
        evidence = MailEvidence("key", MAIL.encode(), None)
        found = recognise_mail(replace(LIST_RULES, link=None), "dotted", evidence, SEEN_MAIL)
        assert accepted(found).url is None

    @given(st.binary(max_size=400))
    def test_any_bytes_are_something(self, content: bytes) -> None:
        """Alone or amid good headers: never an exception."""
        read_mail(content)
        read_mail(MAIL.encode().replace(b"demo@example.org", content))
        read_mail(MAIL.encode().replace(b"one.two@example.org", content))
        read_mail(MAIL.encode().replace(b"Tue, 24 Mar 2026 13:00:00 +0100", content))
        found = read_mail(MAIL.encode().replace(b"The Maintainer", content))
        assert found is None or isinstance(found, Announcement | Unrecognised)


def test_a_header_is_cut_where_asked() -> None:
    """At most so many characters; empty where there is none."""
    headers = parse_headers(b"X: " + b"y" * 5000 + b"\n\n")
    assert header_text(headers, "X", 10) == "y" * 10
    assert header_text(headers, "Z", 10) == ""


@pytest.mark.shared
def test_real_announcements_of_util_linux_are_taken_and_nothing_else(shared: Path) -> None:
    """Of every real mail at hand, by the shipped project file; all others are None or have a reason."""
    project = config.load_project("util-linux", config.shipped() / "rctrack.toml")
    rules = project.lists[0].rules
    with (shared / "data" / "truth.csv").open(encoding="utf-8", newline="") as file:
        facts = {row["file"]: row for row in csv.DictReader(file)}
    taken: dict[str, set[str]] = {}
    for path in sorted((shared / "data").glob("*/*.eml")):
        found = recognise_mail(rules, "dotted", MailEvidence(path.name, path.read_bytes(), None), SEEN_MAIL)
        name = f"{path.parent.name}/{path.name}"
        if isinstance(found, Announcement):
            assert found.announced, name
            assert found.message_id == facts[name]["message_id"]
            taken[name] = {str(each) for each in found.versions}
        else:
            assert found is None or found.reason
    expected = {
        name
        for name, row in facts.items()
        if row["kind"] == "announcement" and row["project"] == "util-linux" and (shared / "data" / name).is_file()
    }
    assert taken.keys() == expected
    assert len(expected) >= 20
    for name, texts in taken.items():
        assert {version(each) for each in texts} == set(map(version, facts[name]["version"].split(";")))


@pytest.mark.shared
def test_no_real_mail_makes_trouble(shared: Path) -> None:
    """With a rule under which every mail fits, each has a value; a Message-ID never keeps its brackets."""
    anything = replace(LIST_RULES, subject=r".*?(?P<version>v?\d\S*)?$")
    for path in sorted((shared / "data").glob("*/*.eml")):
        content = path.read_bytes()
        sender = str(BytesHeaderParser().parsebytes(content)["From"])
        rules = replace(anything, senders=frozenset({sender.rpartition("<")[2].rstrip("> ").lower()}))
        found = recognise_mail(rules, "kernel", MailEvidence(path.name, content, None), SEEN_MAIL)
        if isinstance(found, Announcement):
            assert "<" not in found.message_id

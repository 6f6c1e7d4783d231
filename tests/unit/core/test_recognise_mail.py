"""Mails of tests/data/mail, one oddity each: which are announcements, of what, and what the others are refused for."""

from datetime import date
from pathlib import Path

import pytest

from rctrack.core.evidence import MailEvidence
from rctrack.core.recognise import recognise_mail, subject_may_fit
from rctrack.core.recognise.statements import git_url, promised_step
from rctrack.core.release import Announcement, Unrecognised
from rctrack.core.rules import Era, ListRules
from tests.support.given import LIST, sighting, version

MAILS = Path(__file__).parents[2] / "data" / "mail"
SEEN = sighting(LIST, "2026-06-01 00:00")
RULES = ListRules(
    senders=frozenset({"kim@example.org", "kim@old.example"}),
    subject=r"(?i)\[ANNOUNCE\] demo v(?P<version>\S+)|^\[PATCH \S+ 0+/\d+\] (?P<version2>\S+) review$",
    servers=("list.example.org",),
    link=None,
    eras=frozenset({Era("kim@old.example", None, date(2026, 12, 31))}),
    name="demo",
)
ANCHORED = ListRules(RULES.senders, r"^\[ANNOUNCE\] demo v(?P<version>\S+)", RULES.servers, None, RULES.eras, "demo")


def read(name: str, rules: ListRules = RULES) -> Announcement | Unrecognised | None:
    """What a mail of the corpus is recognised as."""
    content = (MAILS / f"{name}.eml").read_bytes()
    return recognise_mail(rules, "dotted", MailEvidence(name, content, None), SEEN)


def accepted(name: str, rules: ListRules = RULES) -> Announcement:
    """It is an announcement."""
    found = read(name, rules)
    assert isinstance(found, Announcement), found
    return found


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("plain", "2.42-rc1"),
        ("announcement-with-in-reply-to", "2.42-rc1"),
        ("list-prefix", "2.42-rc1"),
        ("list-prefix-from-list-id", "2.42-rc1"),
        ("folded-subject", "2.42-rc1"),
        ("encoded-subject", "2.42-rc1"),
        ("several-versions", "2.42.2 2.41.5 2.40.9"),
        ("several-versions-each-with-the-name", "2.42-rc1-2 2.41.5-1 2.40.9-1"),
        ("candidate-in-words", "2.42-rc3"),
        ("list-address-in-from", "2.42-rc1"),
        ("list-address-in-from-x-original-from", "2.42-rc1"),
        ("sender-of-an-era", "2.42-rc1"),
        ("no-date", "2.42-rc1"),
        ("broken-header-lines", "2.42-rc1"),
        ("doubled-headers", "2.42-rc1"),
        ("stable-review", "6.1.5-rc1"),
    ],
)
def test_an_announcement_is_recognised_whatever_is_odd_about_it(name: str, texts: str) -> None:
    """With all of its versions; the same with a subject that must begin the line, once a list's prefix is away."""
    assert accepted(name).versions == tuple(map(version, texts.split()))
    if name != "stable-review":
        assert accepted(name, ANCHORED).versions == accepted(name).versions


@pytest.mark.parametrize(
    "name", ["reply", "reply-german-behind-list-prefix", "reply-numbered", "forward", "forward-in-brackets"]
)
def test_a_reply_or_a_forward_is_another_mail(name: str) -> None:
    """Even by the announcer, and under a subject that says no more than where the version stands."""
    assert read(name) is None


def test_a_patch_is_not_the_prefix_of_a_list() -> None:
    """Only what the list, or an address of the mail, is called goes away before the subject is compared."""
    assert read("patch-is-no-list-prefix", ANCHORED) is None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("bystander", "robin@example.net does not announce this project"),
        ("announcer-only-in-the-display-name", "mallory@example.net does not announce this project"),
        ("reply-to-does-not-help-a-bystander", "mallory@example.net does not announce this project"),
        ("list-address-in-from-of-a-bystander", "demo@list.example.org does not announce this project"),
        ("sender-of-an-era-that-is-over", "kim@old.example does not announce this project"),
        ("no-version", "'acation' is no version of the scheme dotted"),
        ("no-message-id", "has no Message-ID"),
    ],
)
def test_what_looks_like_an_announcement_is_refused_with_a_reason(name: str, reason: str) -> None:
    """The reason is stored, so that people see what was refused."""
    found = read(name)
    assert isinstance(found, Unrecognised)
    assert found.reason == reason


@pytest.mark.parametrize(
    "name",
    [
        "plain",
        "quoted-printable",
        "base64",
        "multipart-signed",
        "multipart-mixed-with-attached-changelog",
        "multipart-without-its-boundary",
        "no-mime-no-charset",
        "clear-signed",
    ],
)
def test_the_shortlog_is_read_in_every_wrapping(name: str) -> None:
    """Two and three commits, one of them wrapped to column 0, whatever MIME, charset or signature is around them."""
    assert accepted(name).commits_announced == 5


@pytest.mark.parametrize(
    ("name", "commits"),
    [
        ("changes-to-2005", 3),
        ("changes-of-2005-and-2006", 3),
        ("stable-review", 3),
        ("merge-log-of-an-rc1", 10982),
        ("several-versions", None),
    ],
)
def test_every_historical_form_of_a_shortlog_is_counted(name: str, commits: int | None) -> None:
    """Entries where no number is given; of a merge log, which counts merges, the number in the prose."""
    assert accepted(name).commits_announced == commits


class TestWrongSubjects:
    """The subject is only what somebody typed."""

    def test_the_body_overrules_a_mistyped_candidate(self) -> None:
        """ "v2.42-c1" is 2.42-rc1, since its shortlog ends with the commit that made it; what differs is kept."""
        found = accepted("mistyped-candidate")
        assert found.versions == (version("2.42-rc1"),)
        assert found.contradiction == "the subject says 2.42-c1, the body 2.42-rc1"

    def test_a_mistyped_candidate_is_guessed_where_the_body_is_silent(self) -> None:
        """And says so."""
        found = accepted("mistyped-candidate-and-silent-body")
        assert found.versions == (version("2.42-rc1"),)
        assert found.contradiction == "the subject says 2.42-c1, taken for 2.42-rc1"

    def test_the_body_s_version_is_kept_beside_the_subject_of_the_last_one(self) -> None:
        """The subject may be copied and not changed; which is meant, tags and the mails before decide."""
        found = accepted("subject-of-the-last-one")
        assert found.versions == (version("2.42-rc1"),)
        assert found.alternatives == (version("2.42-rc2"),)
        assert found.contradiction == "the subject says 2.42-rc1, the body 2.42-rc2"


class TestWhatAMailSays:
    """The next step and the repository."""

    def test_a_plain_promise_and_the_first_repository(self) -> None:
        """As they stand there."""
        found = accepted("promises-and-names-a-repository")
        assert (found.promised, found.git_url) == ("rc8", "git://git.example.org/demo.git")

    def test_a_perhaps_is_no_promise(self) -> None:
        """Neither is an if."""
        assert accepted("a-perhaps-is-no-promise").promised is None

    @pytest.mark.parametrize(
        ("prose", "step"),
        [
            ("So there will be an rc8.", "rc8"),
            ("There will definitely be an\n-rc8 next week.", "rc8"),
            ("I'll just do an rc8", "rc8"),
            ("I'm going to release the final 6.18 next weekend", "final"),
            ("There's going to be one more rc.", "rc"),
            ("It looks like there will be an rc8", None),
            ("I expect there will be an rc8", None),
            ("There won't be an rc8.", None),
            ("> there will be an rc8", None),
        ],
    )
    def test_only_what_is_said_plainly_is_a_promise(self, prose: str, step: str | None) -> None:
        """Neither what looks like it, nor what somebody else said."""
        assert promised_step(f"Hi,\n\n{prose}\n") == step

    @pytest.mark.parametrize(
        ("text", "url"),
        [
            ("at https://github.com/torvalds/linux.git.", "https://github.com/torvalds/linux.git"),
            ("<https://github.com/git/git>", "https://github.com/git/git"),
            ("https://git.example.org/a/b.git/tag/?h=v6", "https://git.example.org/a/b.git"),
            ("http://example.org/git/?p=a/b.git;a=summary", None),
            ("https://example.org/b.gitter https://example.org/b.tar.gz", None),
        ],
    )
    def test_a_repository_is_what_git_can_fetch(self, text: str, url: str | None) -> None:
        """Never a page about it."""
        assert git_url(text) == url


LETTER = "From: {sender}\nSubject: {subject}\nDate: {date}\nMessage-ID: <a@b>\n{more}\n{body}\n"


def sent(
    subject: str, *, more: str = "", body: str = "", date: str = "Thu, 31 Dec 2026 23:00:00 +0000", sender: str = "kim@"
) -> Announcement | Unrecognised | None:
    """What a mail like this is recognised as where the subject must begin the line."""
    sender += "example.org" if sender == "kim@" else ""
    content = LETTER.format(sender=sender, subject=subject, date=date, more=more, body=body).encode()
    return recognise_mail(ANCHORED, "dotted", MailEvidence("key", content, None), SEEN)


@pytest.mark.parametrize(
    ("prefix", "more"),
    [
        ("[demo-dev]", "To: demo-dev@example.org\n"),
        ("[demo-dev]", "Cc: x@example.org, Dev <demo-dev@example.org>\n"),
        ("[demo-dev]", "List-Post: <mailto:demo-dev@example.org>\n"),
        ("[demo-dev]", "X-Mailing-List: demo-dev@example.org\n"),
        ("[EXTERNAL] [demo-dev]", "List-Id: Devs <demo-dev.example.org>\n"),
        ("[DEMO]", ""),
    ],
)
def test_the_prefix_of_a_list_goes_away_whatever_names_the_list(prefix: str, more: str) -> None:
    """Any of its headers, or the project's file; no prefix of a list that nothing names."""
    assert isinstance(sent(f"{prefix} [ANNOUNCE] demo v2.42", more=more), Announcement)
    assert sent("[other] [ANNOUNCE] demo v2.42", more=more) is None


def test_an_era_ends_with_its_last_day_where_the_mail_was_written() -> None:
    """And without a Date it is the day on which the list had the mail."""
    old = "kim@old.example"
    assert isinstance(sent("[ANNOUNCE] demo v2.42", sender=old), Announcement)
    assert isinstance(sent("[ANNOUNCE] demo v2.42", sender=old, date="Fri, 1 Jan 2027 00:10:00 +0000"), Unrecognised)
    assert isinstance(sent("[ANNOUNCE] demo v2.42", sender=old, date="Fri, 1 Jan 2027 00:10:00 +0100"), Unrecognised)
    late = "Received: from a by list.example.org; Fri, 1 Jan 2027 00:10:00 +0000\n"
    assert isinstance(sent("[ANNOUNCE] demo v2.42", sender=old, date="", more=late), Unrecognised)


def test_a_body_that_speaks_of_another_cycle_overrules_nothing() -> None:
    """It may be about what comes next."""
    found = sent("[ANNOUNCE] demo v2.42-rc1", body="We are announcing the release of demo 2.43 soon.")
    assert isinstance(found, Announcement)
    assert (found.versions, found.contradiction) == ((version("2.42-rc1"),), None)


def test_of_several_versions_in_a_body_the_newest_comes_first() -> None:
    """An older one is what the newest is compared with."""
    body = "After announcing 2.42-rc2 too late: now 2.42-rc3 is out."
    found = sent("[ANNOUNCE] demo v2.42-rc1", body=body)
    assert isinstance(found, Announcement)
    assert found.versions == (version("2.42-rc1"),)
    assert found.alternatives == (version("2.42-rc3"),)


@pytest.mark.parametrize(
    "body",
    [
        "This is hopefully the last rc before v2.42 is released.",
        "If nothing comes up, 2.42 is released next Sunday.",
        "If nothing comes up, 2.42 is released.",
        "Unless 2.42 is out by Friday there will be an rc2.",
        "Once 2.42 is tagged the tree opens again.",
        "I hope 2.42 is out soon.",
        "2.42 is out on Monday.",
        "2.42 is available in two weeks.",
        "We will announce the release of 2.42 shortly.",
        "Is it true that 2.42 is now final, and 2.42 is out?",
        "Nothing has changed since 2.41 has been released.",
        "2.42 is not released yet.",
        "> demo 2.42 is now available",
    ],
)
def test_what_is_promised_supposed_or_quoted_is_not_said_to_be_out(body: str) -> None:
    """So it is no alternative to the subject either."""
    found = sent("[ANNOUNCE] demo v2.42-rc1", body=f"{body}\nSee 2.42-rc1.\n")
    assert isinstance(found, Announcement)
    assert (found.versions, found.alternatives, found.contradiction) == ((version("2.42-rc1"),), (), None)


def test_a_body_that_looks_back_is_no_contradiction() -> None:
    """The candidate before was said to be out, too."""
    found = sent("[ANNOUNCE] demo v2.42-rc2", body="Two weeks ago: demo 2.42-rc1 is now available. Here is 2.42-rc2.")
    assert isinstance(found, Announcement)
    assert (found.alternatives, found.contradiction) == ((), None)


@pytest.mark.parametrize(
    "body",
    [
        "The 2.42 release of demo is now available at the usual place.",
        "Demo 2.42 is out.",
        "The 2.42 version of demo has just been released.",
        "I'm announcing the release of demo 2.42.",
        "Sorry for the delay, demo 2.42 is now available.",
        "Tagged as v2.42.",
    ],
)
def test_what_is_said_to_be_out_is_kept(body: str) -> None:
    """Although the rest of the mail speaks of the candidate before."""
    found = sent("[ANNOUNCE] demo v2.42-rc1", body=f"{body}\n\nChanges since 2.42-rc1:\n")
    assert isinstance(found, Announcement)
    assert found.alternatives == (version("2.42"),)
    assert found.contradiction == "the subject says 2.42-rc1, the body 2.42"


@pytest.mark.parametrize("path", sorted(MAILS.glob("*.eml")), ids=lambda path: path.stem)
def test_the_first_look_at_a_subject_never_drops_what_is_taken(path: Path) -> None:
    """A source that asks subject_may_fit() first brings every mail that is accepted or refused with a reason."""
    lines = path.read_text("latin-1").replace("\n ", " ").replace("\n\t", " ").split("\n")
    subject = next(line for line in lines if line.startswith("Subject: ")).removeprefix("Subject: ")
    if "=?" not in subject and read(path.stem) is not None:
        assert subject_may_fit(RULES, subject)

"""What follows a version and is not known never makes a final of it, nor does what stands before its name."""

import pytest

from rctrack import config
from rctrack.config import ProjectConfig
from rctrack.core.evidence import MailEvidence
from rctrack.core.recognise import recognise_mail, subject_may_fit
from rctrack.core.release import Announcement, Unrecognised
from rctrack.core.rules import ListRules
from tests.support.given import LIST, sighting

PLACE = config.shipped() / "rctrack.toml"
SEEN = sighting(LIST, "2031-06-01 00:00")
KIM = "kim@example.org"
PLAIN = r"^\[ANNOUNCE\] demo v(?P<version>\S+)"
BARE = r"demo (?P<version>\d+(?:\.\d+)+)"
"""Takes the numbers alone, and the subject may begin with anything."""


def read(subject: str, pattern: str = PLAIN, scheme: str = "dotted") -> list[str] | str:
    """The versions that a mail of this subject announces, or the reason why it announces none."""
    rules = ListRules(frozenset({KIM}), pattern, (), None)
    content = f"From: {KIM}\nSubject: {subject}\nDate: Thu, 14 Nov 2030 12:00:00 +0000\nMessage-ID: <a@b>\n\n".encode()
    reading = recognise_mail(rules, scheme, MailEvidence("key", content, None), SEEN)
    if isinstance(reading, Announcement):
        assert subject_may_fit(rules, subject)
        return [version.text for version in reading.versions]
    assert isinstance(reading, Unrecognised), "a mail that fits is never passed over in silence"
    return reading.reason


@pytest.mark.parametrize(
    ("words", "version"),
    [
        ("release candidate", "1.2-rc"),
        ("Release Candidate available", "1.2-rc"),
        ("(release candidate)", "1.2-rc"),
        ("release-candidate", "1.2-rc"),
        ("is now available as a release candidate", "1.2-rc"),
        ("final release candidate", "1.2-rc"),
        ("RC", "1.2-rc"),
        ("beta", "1.2-beta"),
        ("public beta", "1.2-beta"),
        ("- alpha", "1.2-alpha"),
        ("pre-release", "1.2-pre"),
        ("preview release", "1.2-pre"),
        ("test release", None),
        ("release candidate 1", "1.2-rc1"),
        ("first release candidate", "1.2-rc1"),
        ("2nd release candidate", "1.2-rc2"),
        ("release candidate one", "1.2-rc1"),
        ("rc #1", "1.2-rc1"),
        ("RC-1", "1.2-rc1"),
        ("rc.1", "1.2-rc1"),
        ("(RC 3)", "1.2-rc3"),
        ("[rc2]", "1.2-rc2"),
        ("\N{EN DASH} rc2", "1.2-rc2"),
        ("preview 1", "1.2-pre1"),
        ("beta2: please try it", "1.2-beta2"),
        ("test 4", "1.2-test4"),
    ],
)
def test_words_behind_a_version_make_a_candidate_of_it(words: str, version: str | None) -> None:
    """With its number where they have one; however the words are set off, and where the pattern takes numbers alone."""
    for subject, pattern in ((f"[ANNOUNCE] demo v1.2 {words}", PLAIN), (f"demo 1.2 {words}", BARE)):
        assert read(subject, pattern) == [version or "1.2-test"]


@pytest.mark.parametrize(
    ("subject", "version"),
    [
        ("Release candidate for demo 1.47.2 is available", "1.47.2-rc"),
        ("Second release candidate of demo 1.47.2", "1.47.2-rc2"),
        ("RC3 of demo 1.47.2", "1.47.2-rc3"),
        ("[RC] demo 1.47.2", "1.47.2-rc"),
        ("[ANNOUNCE][beta 2] demo 1.47.2", "1.47.2-beta2"),
        ("Beta: demo 1.47.2", "1.47.2-beta"),
        ("New pre-release of demo 1.47.2", "1.47.2-pre"),
        ("Release candidate for demo 1.47.2-rc4", "1.47.2-rc4"),
    ],
)
def test_words_before_the_name_make_a_candidate_too(subject: str, version: str) -> None:
    """Unless the version itself says which."""
    pattern = r"demo (?P<version>\d\S*)"
    assert read(subject, pattern) == [version]


@pytest.mark.parametrize(
    "words",
    [
        "postponed",
        "is postponed by a week",
        "has been delayed",
        "release delayed",
        "schedule",
        "scheduled for Monday",
        "release plan",
        "roadmap",
        "feature freeze",
        "freeze",
        "status",
        "will be released on Monday",
        "to be released on Monday",
        "coming soon",
        "is not out yet",
        "cancelled",
        "withdrawn",
        "milestone 3",
        "dev snapshot",
        "nightly",
        "for testing",
        "is ready for testing",
        "call for testing",
    ],
)
def test_what_is_not_out_or_no_candidate_is_refused_with_its_words(words: str) -> None:
    """Never a final; people see what was refused and why."""
    reason = read(f"[ANNOUNCE] demo v1.2 {words}")
    assert isinstance(reason, str)
    assert "'1.2' is followed by" in reason


@pytest.mark.parametrize(
    "subject", ["Release schedule for demo 1.2", "Postponed: demo 1.2", "Status of demo 1.2", "Upcoming demo 1.2"]
)
def test_what_is_not_out_by_the_words_before_it_is_refused_too(subject: str) -> None:
    """Where the pattern lets a subject begin with anything."""
    assert "before '1.2' stands" in read(subject, BARE)


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("1.2-foo1", "'1.2-foo1' is no version of the scheme dotted"),
        ("1.2.x", "'1.2.x' is no version"),
        ("1.2+git5", "'1.2+git5' is no version"),
        ("1.2_final2", "'1.2_final2' is no version"),
    ],
)
def test_a_suffix_that_is_not_known_is_no_final(token: str, reason: str) -> None:
    """Also where the pattern takes the numbers alone and the suffix stands behind what it fits."""
    for subject, pattern in ((f"[ANNOUNCE] demo v{token}", PLAIN), (f"demo {token}", BARE)):
        assert reason in read(subject, pattern)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("1.2 and 1.3 release candidates", ["1.2-rc", "1.3-rc"]),
        ("1.2, 1.3 and 1.4 beta", ["1.2-beta", "1.3-beta", "1.4-beta"]),
        ("1.2-rc2 and 1.3 release candidates", ["1.2-rc2", "1.3-rc"]),
        ("1.2 and 1.3 release candidate 1", ["1.2", "1.3-rc1"]),
        ("1.2 and 1.3 released", ["1.2", "1.3"]),
        ("1.2 and 1.3 postponed", "'1.3' is followed by 'postponed': it is not out"),
        ("1.2 and 1.3 milestone 2", "'1.3' is followed by 'milestone': it is no final"),
    ],
)
def test_a_word_behind_several_versions_is_about_all_of_them(words: str, expected: list[str] | str) -> None:
    """Unless it has a number, which is one version's own."""
    assert read(f"[ANNOUNCE] demo v{words}") == expected


def test_what_the_expression_itself_takes_behind_a_version_is_its_own_affair() -> None:
    """A file name for one."""
    assert read("demo-1.2.tar.gz is out", r"demo-(?P<version>\d+(?:\.\d+)*)\.tar") == ["1.2"]


@pytest.mark.parametrize(
    "words",
    [
        "",
        "!",
        "released",
        "is out",
        "is now available",
        "- the final release",
        "final",
        "(stable)",
        "stable release",
        ": fixes a test that hung",
        "released, rc1 of 1.3 follows",
        "released after three release candidates",
        'aka "Beta Vulgaris"',
        "with better scheduling",
        "and its branching model",
        ": fixes freezes on resume",
        "(security release)",
        "released. Development continues",
        "for Alpha and MIPS",
    ],
)
def test_a_final_stays_one(words: str) -> None:
    """Whatever else its subject speaks of."""
    assert read(f"[ANNOUNCE] demo v1.2 {words}".strip()) == ["1.2"]


@pytest.mark.parametrize(
    "subject", ["[demo-beta] demo 1.2", "After rc3: demo 1.2", "[ANN] alpha/beta demo 1.2", "New since rc3 of demo 1.2"]
)
def test_names_with_such_words_in_them_say_nothing(subject: str) -> None:
    """A list or a project may be called so, and what came before is not meant."""
    assert read(subject, BARE) == ["1.2"]


def test_a_scheme_that_has_no_such_candidate_gives_a_reason() -> None:
    """The kernel never had a beta."""
    assert read("[ANNOUNCE] demo v6.18 beta", scheme="kernel") == (
        "'6.18' is called beta, no version of the scheme kernel"
    )
    assert "is called beta" in read("Beta: demo 6.18", BARE, "kernel")


SHIPPED = [
    ("util-linux", "kzak@redhat.com", "[ANNOUNCE] util-linux v9.42"),
    ("git", "gitster@pobox.com", "[ANNOUNCE] Git v9.47.0"),
    ("qemu", "michael.roth@amd.com", "[ANNOUNCE] QEMU 9.92.0"),
    ("u-boot", "trini@konsulko.com", "[ANN] U-Boot v2034.10"),
    ("kmod", "lucas.demarchi@intel.com", "[ANNOUNCE] kmod 94"),
    ("nftables", "pablo@netfilter.org", "[ANNOUNCE] nftables 9.1.6"),
    ("mdadm", "jes@trained-monkey.org", "ANNOUNCE: mdadm 9.3"),
    ("linux", "torvalds@linux-foundation.org", "Linux 9.6"),
    ("e2fsprogs", "tytso@mit.edu", "[ANNOUNCE] e2fsprogs 9.47.2"),
]
SUFFIXES = [
    " release candidate", " Release Candidate 1", " (release candidate)", " RC", " rc #1", " rc.1", " beta",
    " preview 1", " first release candidate", " is postponed", " postponed", " release schedule", " milestone 2",
    " (rc1)", "-foo2", " release candidate release",
]  # fmt: skip


def shipped_reading(project: ProjectConfig, sender: str, subject: str) -> Announcement | Unrecognised | None:
    """What the project's first list takes a mail of this subject for."""
    content = f"From: {sender}\nSubject: {subject}\nDate: Thu, 14 Nov 2030 12:00:00 +0000\nMessage-ID: <a@b>\n\nx\n"
    evidence = MailEvidence("key", content.encode(), None)
    return recognise_mail(project.lists[0].rules, project.rules.scheme, evidence, SEEN)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(("stem", "sender", "subject"), SHIPPED, ids=[stem for stem, _, _ in SHIPPED])
def test_shipped_projects_take_no_such_mail_for_a_final(stem: str, sender: str, subject: str, suffix: str) -> None:
    """And the plain subject is one."""
    project = config.load_project(stem, PLACE)
    release = " release" if stem == "nftables" else ""
    plain = shipped_reading(project, sender, subject + release)
    assert isinstance(plain, Announcement)
    assert plain.versions[0].is_final
    behind = subject + release + suffix if suffix.startswith(" ") else subject + suffix
    for given in (subject + suffix, behind, subject + suffix + release):
        reading = shipped_reading(project, sender, given)
        assert reading is None or isinstance(reading, Unrecognised) or not reading.versions[0].is_final, given


@pytest.mark.parametrize(("stem", "sender", "subject"), SHIPPED, ids=[stem for stem, _, _ in SHIPPED])
def test_shipped_projects_take_no_announced_candidate_for_a_final(stem: str, sender: str, subject: str) -> None:
    """Where the candidate stands before the name."""
    name = subject.rpartition("]")[2].removeprefix("ANNOUNCE:").strip()
    for given in (f"Release candidate for {name} is available", f"[ANNOUNCE] Release candidate for {name}"):
        reading = shipped_reading(config.load_project(stem, PLACE), sender, given)
        assert reading is None or isinstance(reading, Unrecognised) or not reading.versions[0].is_final, given

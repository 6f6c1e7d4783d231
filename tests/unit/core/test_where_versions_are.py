"""Where a project puts its versions: in the body, with other marks for dots, under another number, by days."""

from dataclasses import replace
from pathlib import Path

import pytest

from rctrack import config
from rctrack.config import ConfigError, ProjectConfig
from rctrack.core.evidence import Commit, MailEvidence, ObjectId, TagEvidence
from rctrack.core.recognise import recognise_mail, recognise_tag, subject_may_fit, tag_names
from rctrack.core.release import Announcement, TagObservation, Unrecognised
from rctrack.core.rules import ProjectRules
from rctrack.core.version import parse_version
from tests.support.given import LIST, PRIMARY, RULES, sighting, version

SEEN = sighting(LIST, "2031-06-01 00:00")
LISTED = 'kind = "maildir"\nurl = "/srv/demo"\nfrom = "kim@example.org"\n'


def project(
    tmp_path: Path, lines: str, in_list: str = r"subject = '^\[ANNOUNCE\] demo v?(?P<version>\S+)'"
) -> ProjectConfig:
    """A project file with these lines, read as users' files are."""
    (tmp_path / "projects").mkdir(exist_ok=True)
    text = f'scheme = "dotted"\n{lines}\n[[lists]]\n{LISTED}{in_list}\n'
    if "scheme" in lines:
        text = text.removeprefix('scheme = "dotted"\n')
    (tmp_path / "projects" / "demo.toml").write_text(text)
    return config.load_project("demo", tmp_path / "rctrack.toml")


def read(given: ProjectConfig, subject: str, body: str = "") -> list[str] | str | None:
    """The versions that a mail announces, or why it announces none."""
    rules = given.lists[0].rules
    content = f"From: kim@example.org\nSubject: {subject}\nDate: 7 Jul 2026 09:00:00 +0000\nMessage-ID: <a@b>\n\n{body}"
    reading = recognise_mail(rules, given.rules.scheme, MailEvidence("key", content.encode(), None), SEEN)
    assert reading is None or subject_may_fit(rules, subject)
    if isinstance(reading, Announcement):
        return [each.text for each in reading.versions]
    return reading.reason if reading else None


def tagged(rules: ProjectRules, name: str) -> str:
    """The version that a tag is, or why it is none."""
    evidence = TagEvidence(name, ObjectId("o"), Commit("c"), None)
    reading = recognise_tag(rules, evidence, sighting(PRIMARY, "2026-06-01 00:00"))
    if isinstance(reading, TagObservation):
        return reading.version.text
    return reading.reason if isinstance(reading, Unrecognised) else "ignored"


class TestBody:
    """A mail that names its versions in the body only."""

    KEYS = (
        "subject = ['^\\[ANNOUNCE\\] demo: new stable releases', '^\\[ANNOUNCE\\] demo v(?P<version>\\S+)']\n"
        "body = '^\\s*\\* v(?P<version>\\d\\S*)'"
    )
    BATCH = "These were tagged:\n * v40.13 (last of this branch)\n * v41.13\n * v62.1, v61.2 and v60.2\n\nSee * v1.0\n"

    def test_every_version_in_the_lines_that_fit_is_announced(self, tmp_path: Path) -> None:
        """In their order, each once; several in a line too."""
        given = project(tmp_path, "", self.KEYS)
        assert read(given, "[ANNOUNCE] demo: new stable releases", self.BATCH + " * v41.13\n") == [
            "40.13", "41.13", "62.1", "61.2", "60.2",
        ]  # fmt: skip
        assert read(given, "[ANNOUNCE] demo: new stable releases", " * v2.0 release candidate\n") == ["2.0-rc"]

    def test_a_remark_about_a_branch_is_none_about_the_version(self, tmp_path: Path) -> None:
        """As rdma-core's lists have them."""
        body = " * v33.15 (this will be its last stable release)\n * v29.12 => This will be the last one\n"
        assert read(project(tmp_path, "", self.KEYS), "[ANNOUNCE] demo: new stable releases", body) == [
            "33.15",
            "29.12",
        ]

    def test_a_version_in_the_subject_goes_first(self, tmp_path: Path) -> None:
        """The body may list anything then."""
        assert read(project(tmp_path, "", self.KEYS), "[ANNOUNCE] demo v62.0", self.BATCH) == ["62.0"]

    @pytest.mark.parametrize(
        "body", ["", "Nothing to see.\n", "> * v40.13\n", " * v40.13-foo1\n", " * v40.13 is postponed\n"]
    )
    def test_a_body_without_a_version_is_a_reason(self, tmp_path: Path, body: str) -> None:
        """What is quoted is another's."""
        assert (
            read(project(tmp_path, "", self.KEYS), "[ANNOUNCE] demo: new stable releases", body) == "names no version"
        )

    def test_what_is_quoted_is_another_s(self, tmp_path: Path) -> None:
        """Also where the expression would fit anywhere in a line."""
        keys = "subject = '^new releases$'\nbody = 'v(?P<version>\\d\\S*)'"
        assert read(project(tmp_path, "", keys), "new releases", "> v1.0\nv1.1\n") == ["1.1"]

    def test_a_subject_without_a_version_needs_a_body(self, tmp_path: Path) -> None:
        """And the body's expression its group; both are said when the file is read."""
        with pytest.raises(ConfigError, match="or body, where the versions stand there"):
            project(tmp_path, "", "subject = '^new releases$'")
        with pytest.raises(ConfigError, match=r"body: found 'v\(\.\)', expected a regular expression with the named"):
            project(tmp_path, "", "subject = '^new releases$'\nbody = 'v(.)'")
        with pytest.raises(ConfigError, match=r"body: found .* years"):
            project(tmp_path, "", "subject = '^new releases$'\nbody = '^(?:\\w+\\s?)*v(?P<version>.)'")

    def test_a_body_without_end_ends(self, tmp_path: Path) -> None:
        """At most two hundred versions of it are read."""
        lines = "".join(f" * v{number}.{number}\n" for number in range(1, 3000))
        versions = read(project(tmp_path, "", self.KEYS), "[ANNOUNCE] demo: new stable releases", lines)
        assert isinstance(versions, list)
        assert versions[-1] == "200.200"


class TestSeparator:
    """Tags that spell the dots otherwise."""

    @pytest.mark.parametrize(
        ("separator", "name", "text"),
        [
            ("-", "demo-2-9-1", "2.9.1"),
            ("-", "demo-2-9-1-rc2", "2.9.1-rc2"),
            ("-", "demo-2-9", "2.9"),
            ("-", "demo-10", "10"),
            ("-", "demo-2-9-1-beta", "2.9.1-beta"),
            ("-", "demo-2.9.1", "2.9.1"),
            ("_", "demo-2_9_1", "2.9.1"),
            ("_", "demo-2_9_1_rc1", "2.9.1-rc1"),
            (".", "demo-2.9.1-rc1", "2.9.1-rc1"),
        ],
    )
    def test_a_tag_is_the_version_that_mails_name(self, separator: str, name: str, text: str) -> None:
        """So that both are one release, and its -rcN are its candidates."""
        rules = replace(RULES, tag_templates=("demo-{version}",), separator=separator)
        assert tagged(rules, name) == text

    def test_the_file_names_it(self, tmp_path: Path) -> None:
        """One of three."""
        assert project(tmp_path, 'separator = "-"').rules.separator == "-"
        with pytest.raises(ConfigError, match=r"separator: found '/'"):
            project(tmp_path, 'separator = "/"')

    @pytest.mark.parametrize(
        ("templates", "separator", "text", "names"),
        [
            (("v{version}",), ".", "2.9.1-rc2", ("v2.9.1-rc2",)),
            (("demo-{version}",), "-", "2.9.1-rc2", ("demo-2-9-1-rc2",)),
            (("RELEASE-{version}", "{version}"), ".", "7.0", ("RELEASE-7.0", "7.0")),
            (("R_{version}",), "_", "2.9.1", ("R_2_9_1",)),
        ],
    )
    def test_what_the_tag_of_a_version_may_be_called(
        self, templates: tuple[str, ...], separator: str, text: str, names: tuple[str, ...]
    ) -> None:
        """In the project's own way, with no "v" that it does not write; and such a tag is that version."""
        rules = replace(RULES, tag_templates=templates, separator=separator)
        assert tag_names(rules, version(text)) == names
        assert {tagged(rules, name) for name in names} == {text}


class TestAliases:
    """Tags of another number that are candidates."""

    LINES = (
        'tag = "v{version}"\n[aliases]\n"v{major}.{minor}.9{rc}" = "{major}.{minor+1}-rc{rc}"\n"v5.19.91" = "6.0-rc1"\n'
    )

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("v5.14.91", "5.15-rc1"),
            ("v5.14.92", "5.15-rc2"),
            ("v5.19.91", "6.0-rc1"),
            ("v5.19.92", "5.20-rc2"),
            ("v5.14.9", "5.14.9"),
            ("v5.14.91-foo", "'5.14.91-foo' is no version of the scheme dotted"),
            ("v5.14", "5.14"),
        ],
    )
    def test_an_alias_is_what_the_file_says(self, tmp_path: Path, name: str, text: str) -> None:
        """A tag's whole name goes before a form, and what fits neither is as it was."""
        assert tagged(project(tmp_path, self.LINES).rules, name) == text

    @pytest.mark.parametrize(
        ("lines", "complaint"),
        [
            ('aliases = "v1"', "expected a table of tag and version"),
            ("[aliases]\nv1 = 2", "expected a table of tag and version"),
            ('[aliases]\n"v{a}.9{b}" = "{a}.{c}"', "with the numbers of 'v{a}.9{b}' alone"),
            ('[aliases]\n"v{a}.{a}" = "{a}"', "redefinition of group name"),
        ],
    )
    def test_a_mistake_is_said_when_the_file_is_read(self, tmp_path: Path, lines: str, complaint: str) -> None:
        """With what would be right."""
        with pytest.raises(ConfigError, match=complaint):
            project(tmp_path, lines)


class TestNoCandidates:
    """A project that makes finals only."""

    def test_what_looks_like_a_candidate_is_refused_with_a_reason(self, tmp_path: Path) -> None:
        """Tags and mails alike."""
        given = project(tmp_path, "candidates = false")
        assert tagged(given.rules, "v1.2-rc1") == "1.2-rc1 is a candidate, and the project makes none"
        assert tagged(given.rules, "v1.2") == "1.2"
        assert read(given, "[ANNOUNCE] demo v1.2-rc1") == "1.2-rc1 is a candidate, and the project makes none"
        assert read(given, "[ANNOUNCE] demo v1.2 beta") == "1.2-beta is a candidate, and the project makes none"
        assert read(given, "[ANNOUNCE] demo v1.2") == ["1.2"]

    def test_other_projects_make_them(self, tmp_path: Path) -> None:
        """Unless their file says otherwise."""
        assert tagged(project(tmp_path, "").rules, "v1.2-rc1") == "1.2-rc1"


class TestDays:
    """A project whose versions are days."""

    @pytest.mark.parametrize(
        ("scheme", "pattern"),
        [("daily", r"^\[ANN\] demo: (?P<version>\S+)"), ("dotted", r"^\[ANN\] demo: master-(?P<version>\S+)")],
    )
    def test_tag_and_mail_meet_on_their_day(self, tmp_path: Path, scheme: str, pattern: str) -> None:
        """By the day's own spelling."""
        lines = f'scheme = "{scheme}"\ntag = "master-{{version}}"'
        given = project(tmp_path, lines, f"subject = '{pattern}'")
        assert tagged(given.rules, "master-2024-05-08") == "2024-05-08"
        assert read(given, "[ANN] demo: master-2024-05-08") == ["2024-05-08"]

    def test_linux_next_keeps_its_name(self) -> None:
        """A mail names the day, the tag the tree; both are one release."""
        rules = config.load_project("linux-next", config.shipped() / "rctrack.toml").rules
        assert tagged(rules, "next-20310819") == "next-20310819"
        assert parse_version("daily", "Aug 19, 2031") == parse_version("daily", "next-20310819")

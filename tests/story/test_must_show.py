"""The whole of util-linux and git, as they are: what issue 2 promises to show on real archives and repositories."""

import csv
import json
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from tests.support.following import Follower, free_environment, too_long
from tests.support.material import git, unpack

pytestmark = [pytest.mark.shared, pytest.mark.timeout(600)]

RELEASE_TAG = re.compile(r"^v2\.\d+(\.\d+)*(-rc\d+)?$")
LATE_SUBJECT = "[ANNOUNCE] util-linux v2.42.2 and v2.41.5"
CONFIG = """
database = "state/rctrack.db"
projects = ["{project}"]
[mail]
transport = "maildir:outbox"
[[mail.to]]
address = "ann@example.org"
send = ["alerts"]
"""
UTIL_LINUX = """
scheme = "dotted"
ignore_tags = '(-start|-devel|-REAL)$'
[[lists]]
kind = "public-inbox"
url = "{folder}/util-linux-archive.git"
from = ["kzak@redhat.com"]
subject = '^\\[ANNOUNCE\\]\\s(?:.*\\s)?util-linux\\s(?:\\w+\\s)*v(?P<version>\\S+)'
[[tags]]
url = "{folder}/util-linux.git"
"""
GIT = """
scheme = "dotted"
feature_parts = {{ "0" = 3, "2.0" = 2 }}
ignore_tags = '^(gitgui-|junio-gpg-pub)'
[[tags]]
url = "{folder}/git.git"
"""


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the checkout."""
    folder = Path(__file__).parents[3] / "shared" / "data"
    if not (folder / "real").is_dir():
        pytest.skip(f"{folder}: not there, so nothing is shown on real archives")
    return folder


@pytest.fixture(scope="session")
def real(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real archives and repositories, unpacked; whoever changes one puts it back."""
    folder = tmp_path_factory.mktemp("real")
    for name in ("util-linux-archive", "util-linux", "git"):
        unpack(shared_data, name, folder)
    return folder


def follower(folder: Path, project: str, text: str, real: Path) -> Follower:
    """Somebody who follows this project at these places."""
    (folder / "projects").mkdir(parents=True)
    (folder / "rctrack.toml").write_text(CONFIG.format(project=project))
    (folder / "projects" / f"{project}.toml").write_text(text.format(folder=real))
    return Follower(folder)


@pytest.fixture(scope="session")
def first(real: Path, tmp_path_factory: pytest.TempPathFactory) -> Follower:
    """util-linux after one `rctrack poll`."""
    demo = follower(tmp_path_factory.mktemp("first"), "util-linux", UTIL_LINUX, real)
    done = demo.rctrack_process("poll", timeout=300)
    assert done.returncode == 0, done.stderr
    return demo


@pytest.fixture(scope="session")
def releases(first: Follower) -> dict[str, dict[str, Any]]:
    """What `rctrack releases util-linux --json` says, by version."""
    return {each["version"]: each for each in json.loads(first.rctrack("releases", "util-linux", "--json").stdout)}


@pytest.fixture(scope="session")
def announcements(shared_data: Path) -> list[dict[str, str]]:
    """The rows of truth.csv that are announcements of util-linux in this archive."""
    with (shared_data / "truth.csv").open(newline="") as table:
        return [
            row
            for row in csv.DictReader(table)
            if (row["project"], row["kind"]) == ("util-linux", "announcement") and row["list"].startswith("util-linux.")
        ]


SPELLED = re.compile(r"(?P<numbers>2(?:\.\d+)+)(?:-?(?P<stage>pre|rc)(?P<candidate>\d*))?")
"""The versions of util-linux; up to 2.13 some candidates were called "pre"."""


def order(version: str) -> tuple[tuple[int, ...], str, int]:
    """Numbers, then pre, then rc, then the final: the naive order."""
    found = SPELLED.fullmatch(version)
    assert found, version
    return tuple(map(int, found["numbers"].split("."))), found["stage"] or "~", int(found["candidate"] or 0)


def naive_previous(version: str, tagged: list[str]) -> str | None:
    """DESIGN section 4 for util-linux, word by word: looked for afresh among all that are tagged."""
    spelled = {each: found for each in tagged if (found := SPELLED.fullmatch(each))}
    numbers = spelled[version]["numbers"]
    candidates = [each for each, found in spelled.items() if found["numbers"] == numbers and found["stage"]]
    lower = [each for each in candidates if order(each) < order(version)]
    if lower:
        return max(lower, key=order)
    finals = [each for each, found in spelled.items() if not found["stage"] and order(each) < order(numbers)]
    feature, *point = re.fullmatch(r"(2\.\d+)(.*)", numbers).groups()  # type: ignore[union-attr]
    if point == [""]:
        before = [each for each in finals if each.count(".") == 1]
    else:
        before = [each for each in finals if each == feature or each.startswith(f"{feature}.")]
    return max(before, key=order, default=None)


def tags_of(repository: Path, pattern: str) -> list[str]:
    return [tag for tag in git(repository, "tag", "--list").splitlines() if re.match(pattern, tag)]


def test_every_tag_is_a_release_with_its_date_and_what_precedes_it(
    real: Path, releases: dict[str, dict[str, Any]]
) -> None:
    """173 tags; dates as git has them; previous by the naive specification."""
    dates = dict(
        line.split(" ")
        for line in git(
            real / "util-linux.git", "for-each-ref", "--format=%(refname:strip=2) %(creatordate:unix)", "refs/tags"
        ).splitlines()
    )
    tagged = {tag[1:]: tag for tag in dates if RELEASE_TAG.match(tag)}
    assert len(tagged) == 173
    assert {version for version, each in releases.items() if each["tag"] and RELEASE_TAG.match(each["tag"])} == set(
        tagged
    )
    everything = [version for version, each in releases.items() if each["tag"]]
    for version, tag in tagged.items():
        release = releases[version]
        assert datetime.fromisoformat(release["tagged_at"]) == datetime.fromtimestamp(int(dates[tag]), UTC), version
        assert release["previous"] == naive_previous(version, everything), version
        assert release["commit"] == git(real / "util-linux.git", "rev-parse", f"{tag}^{{commit}}"), version


def test_every_count_is_gits_own(real: Path, releases: dict[str, dict[str, Any]]) -> None:
    """commits and commits_no_merges of every release that has a previous one."""
    for version, release in releases.items():
        if release["previous"] is None:
            continue
        span = f"{releases[release['previous']]['tag']}..{release['tag']}"
        for key, options in (("commits", []), ("commits_no_merges", ["--no-merges"])):
            assert release[key] == int(git(real / "util-linux.git", "rev-list", "--count", *options, span)), version
    rc1 = releases["2.42-rc1"]
    assert (rc1["previous"], rc1["commits"], rc1["commits_no_merges"]) == ("2.41", 1521, 1194)


def test_every_announcement_is_joined_and_nothing_else_is(
    first: Follower, releases: dict[str, dict[str, Any]], announcements: list[dict[str, str]]
) -> None:
    """54 mails, one of them for two releases; announced, delivered and archived; dates as the mails have them."""
    assert len(announcements) == 54
    taken = {row["message_id"] for row in first.rows("SELECT message_id FROM announcements")}
    assert taken == {row["message_id"] for row in announcements}
    joined: dict[str, list[dict[str, Any]]] = {}
    for release in releases.values():
        if release["message_id"]:
            joined.setdefault(release["message_id"], []).append(release)
    for row in announcements:
        for release in joined[row["message_id"]]:
            assert release["announced_at"] == row["date_header_utc"], row["version"]
            assert release["delivered_at"], row["version"]
            assert release["archived_at"], row["version"]
            assert release["version"] in row["version"] or release["version"] in row["subject"]
    assert len([each for each in joined.values() if len(each) == 2]) == 1
    rc2 = releases["2.42-rc2"]
    assert [rc2[key][:10] for key in ("announced_at", "delivered_at", "archived_at")] == [
        "2026-03-24",
        "2026-03-24",
        "2026-06-02",
    ]


def test_a_second_poll_changes_nothing_and_sends_nothing(first: Follower) -> None:
    """No row that a user sees, no mail; and the first poll sent none."""
    before = first.visible()
    assert first.rctrack_process("poll", timeout=300).returncode == 0
    assert first.visible() == before
    assert first.mails() == []


@pytest.fixture
def cut(real: Path) -> Iterator[list[str]]:
    """The archive ends before that mail and the two tags are not there; `restore` is how to put them back."""
    archive, repository = real / "util-linux-archive.git", real / "util-linux.git"
    [branch] = git(archive, "symbolic-ref", "HEAD").splitlines()
    whole = git(archive, "rev-parse", branch)
    log = git(archive, "log", "--format=%H %s", branch, "--").splitlines()
    [mail] = [line.split(" ")[0] for line in log if line.partition(" ")[2] == LATE_SUBJECT]
    tags = {tag: git(repository, "rev-parse", f"refs/tags/{tag}") for tag in ("v2.42.2", "v2.41.5")}
    git(archive, "update-ref", branch, f"{mail}^")
    for tag in tags:
        git(repository, "update-ref", "-d", f"refs/tags/{tag}")
    restore = [f"{archive} {branch} {whole}", *(f"{repository} refs/tags/{tag} {name}" for tag, name in tags.items())]
    yield restore
    put_back(restore)


def put_back(restore: list[str]) -> None:
    for line in restore:
        path, ref, name = line.split(" ")
        git(Path(path), "update-ref", ref, name)


def test_what_came_between_two_looks_is_told_once_and_as_late(
    first: Follower, real: Path, cut: list[str], tmp_path: Path
) -> None:
    """A new database: silence, then one mail of both that says when and how late, then silence. The old one: none."""
    demo = follower(tmp_path / "second", "util-linux", UTIL_LINUX, real)
    seen = first.visible()
    for each in (demo, first):
        assert each.rctrack_process("poll", timeout=300).returncode == 0
        assert each.mails() == []
    put_back(cut)
    for each in (demo, demo, demo, first, first):
        assert each.rctrack_process("poll", timeout=300).returncode == 0
    assert first.mails() == []
    assert first.visible("releases", "notices", "announcements", "outbox") == {
        table: seen[table] for table in ("releases", "notices", "announcements", "outbox")
    }
    [mail] = demo.mails()
    text = mail.get_content()
    print(f"\nSubject: {mail['Subject']}\n\n{text}")
    assert "util-linux v2.41.5 out" in mail["Subject"]
    assert re.search(r"seen \d+d late and 1 more$", mail["Subject"])
    assert too_long(text) == []
    for version in ("2.41.5", "2.42.2"):
        made = datetime.fromisoformat(
            json.loads(demo.rctrack("show", "util-linux", version, "--json").stdout)["tagged_at"]
        )
        said = " ".join(text.split())
        assert f"v{version} is out. It was tagged on {made:%a %-d %b %Y} and is seen late" in said


def test_the_whole_of_git_is_read_and_counted_in_one_process(real: Path, tmp_path: Path) -> None:
    """1,001 tags; every release of v2.0.0 and later as git counts it; the time beside one `git rev-list --count`."""
    demo = follower(tmp_path / "git", "git", GIT, real)
    clock = monotonic()
    done = demo.rctrack_process("poll", timeout=300)
    took = monotonic() - clock
    assert done.returncode == 0, done.stderr
    clock = monotonic()
    subprocess.run(
        ["git", f"--git-dir={real / 'git.git'}", "rev-list", "--count", "--all"],
        check=True,
        stdout=subprocess.DEVNULL,
        env=free_environment(),
    )
    print(f"\nfirst fill of git.git: {took:.2f} s; git rev-list --count --all: {monotonic() - clock:.2f} s")
    assert len(demo.rows("SELECT DISTINCT tag FROM tags")) == len(tags_of(real / "git.git", "")) == 1001
    releases = {each["version"]: each for each in json.loads(demo.rctrack("releases", "git", "--json").stdout)}
    modern = [each for each in releases.values() if int(each["version"].split(".")[0]) >= 2]
    assert len(modern) == len(tags_of(real / "git.git", r"v[2-9]"))
    git(real / "git.git", "commit-graph", "write", "--reachable")  # only now: it makes our own counting quick
    for release in modern:
        span = f"{releases[release['previous']]['tag']}..{release['tag']}"
        counted = [
            int(git(real / "git.git", "rev-list", "--count", *options, span)) for options in ([], ["--no-merges"])
        ]
        assert [release["commits"], release["commits_no_merges"]] == counted, release["version"]

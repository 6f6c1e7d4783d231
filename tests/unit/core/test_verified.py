"""What `verified = true` of a shipped project file rests on: real releases of the last years and mails beside them.

tests/data/verified.csv has a line per release and mail: ids and facts only. `shown_by` says what was read: the `mail`;
a `reply` that quotes it (its date is good to a minute); or the `tag alone`, because the archive has no mail of it.
What is announced and never tagged, the candidates of stable, has no tag there.
tests/data/not_announced.csv has mails of the same lists that look like announcements and are none.
"""

import csv
from collections import defaultdict
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path

import pytest

from rctrack import config
from rctrack.core.evidence import Commit, MailEvidence, ObjectId, SourceId, TagEvidence
from rctrack.core.recognise import recognise_mail, recognise_tag
from rctrack.core.release import Announcement, TagObservation
from rctrack.core.version import Version, parse_version
from tests.support.given import sighting

DATA = Path(__file__).parents[2] / "data"
PLACE = config.shipped() / "rctrack.toml"
SEEN = sighting(SourceId("public-inbox verified"), "2026-11-01 00:00")
ENOUGH = 10
Row = dict[str, str]


def rows(name: str) -> list[Row]:
    """The lines of a table."""
    with (DATA / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


SHOWN = rows("verified.csv")
PROJECTS = {stem: config.load_project(stem, PLACE) for stem in sorted(config.known_projects(PLACE))}


def named(row: Row) -> str:
    """How a line is called in a report of the tests."""
    return f"{row['project']} {row.get('version', '')} {row['subject']}"


def announced(row: Row) -> list[frozenset[Version]]:
    """The versions that each list of the project takes a mail of these headers for."""
    date = format_datetime(datetime.fromisoformat(row["date"]))
    headers = f"From: {row['sender']}\nSubject: {row['subject']}\nDate: {date}\nMessage-ID: <{row['message_id']}>\n"
    project = PROJECTS[row["project"]]
    found = []
    for each in project.lists:
        evidence = MailEvidence("key", f"{headers}List-Id: <{each.rules.name}>\n\n".encode(), None)
        mail = recognise_mail(each.rules, project.rules.scheme, evidence, SEEN)
        found.append(frozenset(mail.versions) if isinstance(mail, Announcement) else frozenset[Version]())
    return found


def version_of(row: Row) -> Version:
    """The version of a line."""
    version = parse_version(PROJECTS[row["project"]].rules.scheme, row["version"])
    assert version is not None
    return version


@pytest.mark.parametrize("row", [row for row in SHOWN if row["message_id"]], ids=named)
def test_a_real_announcement_is_recognised(row: Row) -> None:
    """On each list of the project, with its version."""
    assert all(version_of(row) in versions for versions in announced(row))


@pytest.mark.parametrize("row", [row for row in SHOWN if row["tag"]], ids=named)
def test_a_real_tag_is_recognised(row: Row) -> None:
    """As the same version."""
    evidence = TagEvidence(row["tag"], ObjectId("object"), Commit("commit"), None)
    found = recognise_tag(PROJECTS[row["project"]].rules, evidence, SEEN)
    assert isinstance(found, TagObservation)
    assert found.version == version_of(row)


@pytest.mark.parametrize("row", rows("not_announced.csv"), ids=named)
def test_what_only_looks_like_an_announcement_is_not_taken(row: Row) -> None:
    """Bystanders, replies, schedules and other projects of the list."""
    assert not any(announced(row))


def test_verified_is_what_was_shown() -> None:
    """At least ten releases each; a project whose repository could not be had is not verified, whatever its mails."""
    shown = defaultdict(set)
    for row in SHOWN:
        if row["tag"]:
            shown[row["project"]].add(version_of(row))
    verified = {stem for stem, project in PROJECTS.items() if project.verified}
    assert verified
    assert {stem: len(shown[stem]) for stem in verified if len(shown[stem]) < ENOUGH} == {}

"""One turn after the other, as a user has them: what is stored, what is sent, what is not."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from rctrack import rounds
from rctrack.config import known_projects, load_project, shipped
from rctrack.store import StoreError
from rctrack.track.look import fingerprint_of
from tests.support.following import Follower, follow, too_long
from tests.support.material import (
    BEGIN,
    DAY,
    HOUR,
    MINUTE,
    Epoch,
    GitRepository,
    Mail,
    git,
    hidden,
    make_epoch,
    make_repository,
)
from tests.support.servers import nobody_at_home

OLD = ("1.0", "1.1-rc1", "1.1-rc2")


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    """Three releases, days apart."""
    made = make_repository(tmp_path / "demo.git")
    made.release(*OLD)
    return made


@pytest.fixture
def epoch(tmp_path: Path, repository: GitRepository) -> Epoch:
    """An archive with a mail for the newest of them, and talk about it."""
    made = make_epoch(tmp_path / "archive" / "git" / "0.git")
    made.add(
        Mail("[ANNOUNCE] demo v1.1-rc2", at=repository.now + 5 * MINUTE, archived_after=HOUR),
        Mail("Re: [ANNOUNCE] demo v1.1-rc2", "Sam <sam@example.org>", at=repository.now + HOUR),
    )
    return made


@pytest.fixture
def demo(tmp_path: Path, repository: GitRepository, epoch: Epoch) -> Follower:
    """A follower of both, before the first look."""
    return follow(tmp_path / "user", tags=[repository.path], lists=[tmp_path / "archive"])


def test_the_first_fill_reads_everything_and_mails_nothing(demo: Follower, repository: GitRepository) -> None:
    """Tags, counts and mails are there after one round; nobody is told of what was there before."""
    first = demo.poll(repository.now + DAY)
    assert first.outcomes == ["good", "good"]
    assert (first.new, first.sent, demo.mails()) == ([], 0, [])
    assert [row["version"] for row in demo.rows("SELECT version FROM releases ORDER BY position")] == list(OLD)
    newest = demo.release("1.1-rc2")
    assert newest["previous"] == "1.1-rc1"
    assert newest["commits"] == repository.count("v1.1-rc1", "v1.1-rc2")
    assert newest["commits_no_merges"] == repository.count("v1.1-rc1", "v1.1-rc2", "--no-merges")
    assert None not in (newest["announced_at"], newest["delivered_at"], newest["archived_at"])


def test_a_second_poll_changes_no_row_and_sends_nothing(demo: Follower, repository: GitRepository) -> None:
    """Running anything twice adds nothing that a user sees."""
    demo.poll(repository.now + DAY)
    before = demo.visible()
    second = demo.poll(repository.now + DAY + HOUR)
    assert (second.outcomes, second.sent) == (["good", "good"], 0)
    assert demo.visible() == before


def test_each_reader_gets_one_alert_per_new_release(tmp_path: Path, repository: GitRepository, epoch: Epoch) -> None:
    """Two readers, two releases of one look: a mail each that tells of both, and no more however often we look."""
    demo = follow(
        tmp_path / "user",
        tags=[repository.path],
        lists=[tmp_path / "archive"],
        reader='send = ["alerts"]\n[[mail.to]]\naddress = "bob@example.org"\nsend = ["alerts"]',
    )
    demo.poll(repository.now + HOUR)
    repository.release("1.1-rc3", "1.1")
    epoch.add(Mail("[ANNOUNCE] demo v1.1", at=repository.now + 11 * MINUTE))
    told = demo.poll(repository.now + HOUR)
    assert (sorted(told.new), told.sent) == (["1.1", "1.1-rc3"], 2)
    assert demo.poll(repository.now + 2 * HOUR).sent == 0
    mails = demo.mails()
    assert sorted(mail["To"] for mail in mails) == ["ann@example.org", "bob@example.org"]
    assert all("v1.1-rc3 out" in mail["Subject"] and "and 1 more" in mail["Subject"] for mail in mails)
    assert all("Demo v1.1 is out" in mail.get_content() for mail in mails)
    assert len({mail["Message-ID"] for mail in mails}) == 2


def test_an_alert_has_the_facts_in_72_columns(demo: Follower, repository: GitRepository, epoch: Epoch) -> None:
    """When, how big, after what, how late the mail was, where to look: all in the mail itself."""
    demo.poll(repository.now + HOUR)
    repository.release("1.1-rc3")
    epoch.add(Mail("[ANNOUNCE] demo v1.1-rc3", at=repository.now + 11 * MINUTE, message_id="rc3@example.org"))
    demo.poll(repository.now + HOUR)
    [mail] = demo.mails()
    text = mail.get_content()
    commits = repository.count("v1.1-rc2", "v1.1-rc3")
    assert "[rctrack] demo v1.1-rc3 out" in mail["Subject"]
    assert f"{repository.now:%Y-%m-%d %H:%M} UTC" in text
    assert f"{commits}, {repository.count('v1.1-rc2', 'v1.1-rc3', '--no-merges')} without merges" in text
    assert "v1.1-rc2" in text
    assert "rc3@example.org" in text
    assert repository.commit_of("v1.1-rc3") in text
    assert too_long(text) == []
    assert mail["Auto-Submitted"] == "auto-generated"


def test_mail_and_tag_in_one_round_tell_one_complete_story(
    demo: Follower, repository: GitRepository, epoch: Epoch
) -> None:
    """The list is looked at first, and still the one alert knows tag, count and mail."""
    demo.poll(repository.now + HOUR)
    repository.release("1.1-rc3")
    epoch.add(Mail("[ANNOUNCE] demo v1.1-rc3", at=repository.now + 11 * MINUTE))
    demo.poll(repository.now + HOUR)
    [subject] = demo.subjects()
    assert subject == f"[rctrack] demo v1.1-rc3 out: {repository.count('v1.1-rc2', 'v1.1-rc3')} commits, announced +11m"


def test_the_mail_that_follows_its_tag_is_no_second_alert(
    demo: Follower, repository: GitRepository, epoch: Epoch
) -> None:
    """One release, one alert; the announcement of the next hour is joined to it."""
    demo.poll(repository.now + HOUR)
    repository.release("1.1-rc3")
    assert demo.poll(repository.now + MINUTE).sent == 1
    epoch.add(Mail("[ANNOUNCE] demo v1.1-rc3", at=repository.now + HOUR))
    assert demo.poll(repository.now + 2 * HOUR).sent == 0
    assert demo.release("1.1-rc3")["announced_at"] is not None
    assert len(demo.mails()) == 1


def test_a_source_that_is_added_later_is_filled_silently(
    demo: Follower, repository: GitRepository, tmp_path: Path
) -> None:
    """What a new mirror has beyond the others was there before we looked: no mail, now or later."""
    demo.poll(repository.now + HOUR)
    mirror = make_repository(tmp_path / "mirror.git")
    mirror.release("7.0")
    follow(demo.folder, tags=[repository.path, mirror.path], lists=[tmp_path / "archive"])
    assert demo.poll(mirror.now + HOUR).new == []
    assert demo.release("7.0")["tag"] == "v7.0"
    assert demo.poll(mirror.now + 2 * HOUR).sent == 0
    assert demo.mails() == []


def test_a_changed_project_file_reads_again_silently(demo: Follower, repository: GitRepository, tmp_path: Path) -> None:
    """A new tag template finds releases in old evidence; nobody gets mail for them."""
    repository.tag("demo-0.9", "v1.0", at=repository.now + MINUTE)
    demo.poll(repository.now + HOUR)
    assert [row["key"] for row in demo.rows("SELECT key FROM unrecognised")] == ["demo-0.9"]
    templates = 'tag = ["v{version}", "demo-{version}"]'
    follow(demo.folder, tags=[repository.path], lists=[tmp_path / "archive"], settings=templates)
    assert demo.poll(repository.now + 2 * HOUR).new == []
    assert demo.release("0.9")["tag"] == "demo-0.9"
    assert demo.rows("SELECT key FROM unrecognised") == []
    assert demo.poll(repository.now + 3 * HOUR).sent == 0
    assert demo.mails() == []


def test_a_watched_source_tells_even_an_old_release_as_seen_late(demo: Follower, repository: GitRepository) -> None:
    """A tag that was dated weeks ago and was not there at the last look is news; the mail says both dates."""
    demo.poll(repository.now + HOUR)
    repository.release("1.1-rc3")
    assert demo.poll(repository.now + 40 * DAY).new == ["1.1-rc3"]
    [mail] = demo.mails()
    assert "seen 40d late" in mail["Subject"]
    text = mail.get_content()
    assert f"{repository.now:%-d %b %Y}" in text
    assert "seen late" in " ".join(text.split())


def test_a_cycle_is_one_thread(demo: Follower, repository: GitRepository) -> None:
    """The later mails of a cycle refer to the first that we sent; another cycle begins another thread."""
    demo.poll(repository.now + HOUR)
    for version in ("1.1-rc3", "1.1", "1.2-rc1", "1.2-rc2"):
        repository.release(version)
        assert demo.poll(repository.now + HOUR).sent == 1
    mails = {str(mail["Subject"]).split()[2]: mail for mail in demo.mails()}
    assert mails["v1.1-rc3"]["References"] is None
    assert mails["v1.1"]["References"] == mails["v1.1-rc3"]["Message-ID"]
    assert mails["v1.2-rc1"]["References"] is None
    assert mails["v1.2-rc2"]["References"] == mails["v1.2-rc1"]["Message-ID"]


def test_releases_of_one_look_are_one_mail(demo: Follower, repository: GitRepository) -> None:
    """Two candidates of a cycle at once: the first in the subject, both in the text."""
    demo.poll(repository.now + HOUR)
    repository.release("1.2-rc1", "1.2-rc2")
    assert demo.poll(repository.now + HOUR).sent == 1
    [mail] = demo.mails()
    assert "v1.2-rc1 out" in mail["Subject"]
    assert "Demo v1.2-rc2 is out" in mail.get_content()


def test_mail_that_cannot_be_delivered_waits_and_goes_out_once(
    demo: Follower, repository: GitRepository, tmp_path: Path
) -> None:
    """The server is away: the mail waits with back-off; when it is back the same mail goes out, once."""
    demo.poll(repository.now + HOUR)
    repository.release("1.1-rc3")
    tags, lists = [repository.path], [tmp_path / "archive"]
    with nobody_at_home() as url:
        follow(demo.folder, tags=tags, lists=lists, transport=url.replace("http", "smtp"))
        failed = demo.poll(repository.now + HOUR)
        assert (failed.sent, failed.waiting) == (0, 1)
        again = demo.poll(repository.now + HOUR + MINUTE / 2)
        assert (again.sent, again.waiting) == (0, 0), "not before its next attempt"
        assert demo.poll(repository.now + 2 * HOUR).waiting == 1
    [owed] = demo.rows("SELECT message_id, content, attempts, last_error, sent_at FROM outbox")
    assert (owed["attempts"], owed["sent_at"]) == (2, None)
    assert "refused" in owed["last_error"].lower()
    follow(demo.folder, tags=tags, lists=lists)
    assert demo.poll(repository.now + DAY).sent == 1
    assert demo.poll(repository.now + 2 * DAY).sent == 0
    [mail] = demo.mails()
    assert mail["Message-ID"] == f"<{owed['message_id']}>"
    [file] = (demo.outbox / "new").iterdir()
    assert file.read_bytes() == owed["content"].replace(b"\r\n", b"\n")


def test_a_flood_of_tags_is_one_mail_and_the_digest_names_each(
    repository: GitRepository, epoch: Epoch, tmp_path: Path
) -> None:
    """Twenty-five tags of one push."""
    reader = 'send = ["alerts", "digest"]\ndigest = "daily 08:00"'
    demo = follow(tmp_path / "user", tags=[repository.path], lists=[tmp_path / "archive"], reader=reader)
    demo.poll(repository.now + HOUR)
    for number in range(1, 26):
        repository.tag(f"v2.0-rc{number}")
    told = demo.poll(repository.now + HOUR)
    assert (len(told.new), told.sent) == (25, 1)
    assert demo.poll(repository.now + 3 * HOUR).sent == 0
    assert demo.poll(repository.now + DAY).sent == 1
    [digest] = [mail for mail in demo.mails() if "digest" in mail["Subject"]]
    text = digest.get_content()
    assert "25 releases" in digest["Subject"]
    assert all(f"v2.0-rc{number}:" in text for number in range(1, 26))
    assert too_long(text) == []


def test_a_storm_of_releases_takes_no_room_from_what_matters_more(
    repository: GitRepository, epoch: Epoch, tmp_path: Path
) -> None:
    """An hour has room for twenty release mails; a moved and a withdrawn tag are told all the same, digest included."""
    reader = 'send = ["alerts", "digest"]\ndigest = "daily 08:00"'
    demo = follow(tmp_path / "user", tags=[repository.path], lists=[tmp_path / "archive"], reader=reader)
    begin = repository.now + HOUR
    demo.poll(begin)
    for number in range(1, 31):
        repository.tag(f"v2.0-rc{number}", at=begin + number * MINUTE)
        demo.poll(begin + number * MINUTE)
    assert len(demo.mails()) == 20
    repository.commit()
    repository.tag("v2.0-rc3", at=begin + 31 * MINUTE)
    demo.poll(begin + 32 * MINUTE)
    git(repository.path, "tag", "--delete", "v2.0-rc4")
    for minutes in (33, 34, 35):
        demo.poll(begin + minutes * MINUTE)
    assert sorted(subject.split()[1] for subject in demo.subjects()[:2]) == ["RETAGGED", "WITHDRAWN"]
    demo.poll(begin + DAY)
    [digest] = [mail for mail in demo.mails() if "digest" in mail["Subject"]]
    text = digest.get_content()
    assert all(f"v2.0-rc{number}:" in text for number in range(1, 31)), "also the ten that had no room"
    assert "RETAGGED demo v2.0-rc3" in text
    assert "WITHDRAWN demo v2.0-rc4" in text


def test_a_digest_comes_at_the_readers_own_time_once(repository: GitRepository, epoch: Epoch, tmp_path: Path) -> None:
    """Daily at eight in Berlin is seven UTC in winter; after days asleep one digest covers them all."""
    reader = 'send = ["digest"]\ndigest = "daily 08:00"\ntimezone = "Europe/Berlin"'
    demo = follow(tmp_path / "user", tags=[repository.path], lists=[tmp_path / "archive"], reader=reader)
    morning = (repository.now + DAY).replace(hour=7, minute=0, second=0)
    assert demo.poll(morning - HOUR).sent == 0, "the first fill"
    repository.tag("v1.1-rc3", at=morning - HOUR / 2)
    assert demo.poll(morning - MINUTE).sent == 0
    assert demo.poll(morning + MINUTE).sent == 1
    assert demo.poll(morning + 2 * MINUTE).sent == 0
    assert demo.poll(morning + 5 * DAY + HOUR).sent == 1
    first, second = sorted(demo.mails(), key=lambda mail: mail["Date"].datetime)
    assert "v1.1-rc3:" in first.get_content()
    assert "v1.1-rc3:" not in second.get_content()
    assert "Nothing was released" in second.get_content()


def test_rebuild_changes_nothing_and_mails_nothing(demo: Follower, repository: GitRepository) -> None:
    """The fold of the same evidence by the same code is the same."""
    demo.poll(repository.now + HOUR)
    repository.release("1.1-rc3")
    demo.poll(repository.now + HOUR)
    before = demo.visible()
    with demo.round(repository.now + DAY) as round_:
        assert rounds.rebuild(round_, round_.config.projects[0]) == []
    assert demo.visible() == before


def test_rebuild_repairs_what_is_folded_from_the_evidence_alone(demo: Follower, repository: GitRepository) -> None:
    """Releases that were lost or bent come back as they were; it says which, and mails nothing."""
    demo.poll(repository.now + HOUR)
    before = demo.visible("releases", "timeline", "announcements", "notices")
    with closing(sqlite3.connect(demo.database)) as connection, connection:
        connection.execute("DELETE FROM releases WHERE version = '1.0'")
        bent = "json_set(release, '$.commits', 7)"
        connection.execute(f"UPDATE releases SET release = {bent} WHERE version = '1.1-rc1'")
        connection.execute("DELETE FROM announcements")
    with demo.round(repository.now + DAY) as round_:
        assert sorted(rounds.rebuild(round_, round_.config.projects[0])) == ["1.0", "1.1-rc1"]
    for table, rows in demo.visible(*before).items():
        assert sorted(map(repr, rows)) == sorted(map(repr, before[table])), table
    assert demo.rows("SELECT * FROM outbox") == []


def test_a_source_that_fails_is_noted_and_does_not_stop_the_others(
    repository: GitRepository, epoch: Epoch, tmp_path: Path
) -> None:
    """One archive is no archive, one host is down: the repository is read all the same, and both outcomes stay."""
    with nobody_at_home() as url:
        lists = [tmp_path / "nothing-here", tmp_path / "archive"]
        demo = follow(tmp_path / "user", tags=[f"{url}/demo.git", repository.path], lists=lists)
        assert demo.poll(repository.now + HOUR).outcomes == ["error", "good", "no answer", "good"]
    runs = demo.rows("SELECT outcome, reason FROM runs ORDER BY id")
    assert [row["outcome"] for row in runs] == ["error", "good", "no answer", "good"]
    assert all(bool(row["reason"]) == (row["outcome"] != "good") for row in runs)
    assert demo.release("1.1-rc2")["announced_at"] is not None


def test_a_source_that_was_down_at_first_is_filled_silently_when_it_comes(tmp_path: Path) -> None:
    """Only a good look counts as the first one."""
    path = tmp_path / "demo.git"
    demo = follow(tmp_path / "user", tags=[path])
    assert demo.poll(BEGIN).outcomes == ["error"]
    repository = make_repository(path)
    repository.release(*OLD)
    assert demo.poll(repository.now + HOUR).new == []
    assert len(demo.rows("SELECT * FROM releases")) == 3
    assert demo.mails() == []


def test_an_outage_hides_no_release(demo: Follower, repository: GitRepository) -> None:
    """What came while the host was away is told when it is back."""
    demo.poll(repository.now + HOUR)
    with hidden(repository.path):
        assert demo.poll(repository.now + 2 * HOUR).outcomes == ["good", "error"]
    repository.release("1.1-rc3")
    assert demo.poll(repository.now + HOUR).new == ["1.1-rc3"]


def test_a_step_that_cannot_be_written_leaves_nothing_behind(demo: Follower, repository: GitRepository) -> None:
    """The database refuses one row of a look: cursor, evidence, releases and owed mail stay as before the look."""
    demo.poll(repository.now + HOUR)
    repository.release("1.1-rc3")
    before, sources = demo.visible(), demo.rows("SELECT * FROM sources WHERE source LIKE 'tags %'")
    with closing(sqlite3.connect(demo.database)) as connection, connection:
        connection.execute("CREATE TRIGGER full BEFORE INSERT ON notices BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    with pytest.raises(StoreError, match="disk full"):
        demo.poll(repository.now + HOUR)
    assert demo.visible() == before
    assert demo.rows("SELECT * FROM sources WHERE source LIKE 'tags %'") == sources
    with closing(sqlite3.connect(demo.database)) as connection, connection:
        connection.execute("DROP TRIGGER full")
    assert demo.poll(repository.now + HOUR).new == ["1.1-rc3"]
    assert len(demo.mails()) == 1


def test_a_tag_that_moved_is_flagged_and_told_once(demo: Follower, repository: GitRepository) -> None:
    """The first object that was seen stays the release's; both are kept as evidence."""
    demo.poll(repository.now + HOUR)
    repository.release("1.1-rc3")
    demo.poll(repository.now + HOUR)
    first = repository.object_of("v1.1-rc3")
    repository.commit()
    repository.tag("v1.1-rc3")
    assert demo.poll(repository.now + HOUR).sent == 1
    assert demo.poll(repository.now + 2 * HOUR).sent == 0
    assert [subject for subject in demo.subjects() if "RETAGGED" in subject] == ["[rctrack] RETAGGED demo v1.1-rc3"]
    release = demo.release("1.1-rc3")
    assert (release["object_id"], release["flags"]) == (first, "retagged")
    assert len(demo.rows("SELECT * FROM tags WHERE tag = 'v1.1-rc3'")) == 2


def test_what_is_no_announcement_is_counted_with_its_reason(
    demo: Follower, repository: GitRepository, epoch: Epoch
) -> None:
    """The subject fits but the sender does not, or no version comes out: unrecognised, never a release."""
    epoch.add(
        Mail("[ANNOUNCE] demo v6.6", "Mallory <mallory@example.net>", at=repository.now + 2 * HOUR),
        Mail("[ANNOUNCE] demo vNext", at=repository.now + 3 * HOUR),
    )
    repository.tag("vtest")
    demo.poll(repository.now + DAY)
    reasons = {row["subject"]: row["reason"] for row in demo.rows("SELECT subject, reason FROM unrecognised")}
    assert "mallory@example.net" in reasons["[ANNOUNCE] demo v6.6"]
    assert set(reasons) == {"[ANNOUNCE] demo v6.6", "[ANNOUNCE] demo vNext", "vtest"}
    assert len(demo.rows("SELECT * FROM releases")) == 3


@pytest.mark.parametrize("stem", sorted(known_projects(shipped() / "rctrack.toml")))
def test_every_shipped_project_has_a_fingerprint_for_each_source(stem: str) -> None:
    """The same each time, and another for each source: with it the cursor of a source is stored."""
    project = load_project(stem, shipped() / "rctrack.toml")
    prints = [fingerprint_of(project, source) for source in project.sources]
    assert prints == [fingerprint_of(project, source) for source in project.sources]
    assert len(set(prints)) == len(prints) > 0

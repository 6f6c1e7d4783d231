"""What is due and not there, at one host and not at another, and clocks that lie."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.following import follow
from tests.support.lateness import LATE, WEEK, World, iso, make_late, make_world, odd
from tests.support.material import DAY, HOUR, MINUTE, GitRepository, git, make_epoch, make_repository
from tests.support.servers import GitHttp, git_over_http


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


@pytest.fixture
def late(world: World) -> World:
    return make_late(world)


# --- Due, and not there ----------------------------------------------------------------------------


@pytest.fixture
def weekly(tmp_path: Path) -> World:
    """Seven cycles of three weekly candidates and a final, the last of them watched: due to the day."""
    repository = make_repository(tmp_path / "demo.git")
    epoch = make_epoch(tmp_path / "archive" / "git" / "0.git")
    world = World(repository, epoch, follow(tmp_path / "user", tags=[repository.path], lists=[tmp_path / "archive"]))
    world.talk(repository.now)
    versions = [f"1.{cycle}{rc}" for cycle in range(1, 8) for rc in ("-rc1", "-rc2", "-rc3", "")]
    repository.release(*versions, every=WEEK - 8 * MINUTE)
    world.demo.poll(repository.now + HOUR)
    world.tag("1.8-rc1", every=WEEK - 8 * MINUTE)
    return world


def test_overdue_opens_once_and_closes_when_the_release_is_there(weekly: World) -> None:
    """One mail that names what was due and when; the next release ends it."""
    at = weekly.repository.now
    weekly.demo.poll(at + WEEK + HOUR)
    assert weekly.late_mails() == []
    weekly.demo.poll(at + 29 * DAY)
    assert weekly.late_mails() == [], "nothing proves that it would have been seen"
    for days in (30, 31, 32):
        weekly.live(at + days * DAY)
    [mail] = weekly.late_mails()
    assert mail["Subject"].startswith("[rctrack] LATE demo 1.8-rc2: due by ")
    assert mail["Subject"].endswith(", not there")
    assert "By this project's own past it had come by then.\n" in mail.get_content()
    assert "  Due by      Mon 2026-09-28 12:00 UTC\n" in mail.get_content()
    assert f"  Follows     v1.8-rc1, {at:%a %Y-%m-%d %H:%M} UTC\n" in mail.get_content()
    assert f"\nNext: rc2 was due {at + WEEK:%a %-d %b}\n" in mail.get_content()
    weekly.tag("1.8-rc2", every=40 * DAY)
    [over] = weekly.over_mails()
    assert "is there" in over["Subject"]
    assert "overdue" in over["Subject"]
    [delay] = weekly.delays("overdue")
    assert (delay["ended"], delay["cause"]) == ("closed", "project")
    assert "overdue after 1.8-rc1" in weekly.demo.rctrack("delays").stdout
    assert "was late: overdue after 1.8-rc1 for " in weekly.demo.rctrack("show", "demo", "1.8-rc2").stdout
    [first] = [each for each in weekly.demo.mails() if "1.8-rc1 out" in each["Subject"]]
    assert mail["References"] == first["Message-ID"]
    assert over["References"].split() == [first["Message-ID"], mail["Message-ID"]]


def test_what_ends_an_overdue_is_named_though_another_was_due(weekly: World) -> None:
    """rc2 was due; the final came instead, and nothing says that there is an rc2."""
    weekly.live(weekly.repository.now + 30 * DAY)
    assert ["1.8-rc2" in mail["Subject"] for mail in weekly.late_mails()] == [True]
    weekly.tag("1.8", every=40 * DAY)
    [over] = weekly.over_mails()
    assert str(over["Subject"]).startswith("[rctrack] OVER demo v1.8: is there, ")
    text = over.get_content()
    assert text.startswith("Demo v1.8: is there, ")
    assert "rc2" not in text
    assert f"Tagged      {weekly.repository.now:%a %Y-%m-%d %H:%M} UTC" in text
    assert "v1.8 is there" in weekly.digest(weekly.repository.now - DAY, weekly.repository.now + DAY)


def test_what_ends_the_wait_for_a_new_cycle_refers_to_what_said_that_it_is_late(weekly: World) -> None:
    """The incident's first mail, since of that cycle there was none before."""
    weekly.tag("1.8-rc2", every=WEEK)
    weekly.tag("1.8-rc3", every=WEEK)
    weekly.tag("1.8", every=WEEK)
    weekly.live(weekly.repository.now + 30 * DAY)
    [late] = weekly.late_mails()
    assert str(late["Subject"]).startswith("[rctrack] LATE demo rc1 after 1.8: due by ")
    weekly.tag("1.9-rc1", every=40 * DAY)
    [over] = weekly.over_mails()
    assert str(over["Subject"]).startswith("[rctrack] OVER demo v1.9-rc1: is there, ")
    assert over["References"] == late["Message-ID"]


def test_a_point_release_does_not_end_what_is_overdue(weekly: World) -> None:
    """1.7.1 is another matter."""
    at = weekly.repository.now
    weekly.live(at + 30 * DAY)
    assert len(weekly.late_mails()) == 1
    weekly.tag("1.7.1", every=31 * DAY)
    weekly.demo.poll(at + 33 * DAY)
    assert [each["ended"] for each in weekly.delays("overdue")] == [None]
    assert (len(weekly.late_mails()), weekly.over_mails()) == (1, [])


def test_what_was_due_before_we_came_is_not_overdue(tmp_path: Path) -> None:
    """A project may sleep for years."""
    repository = make_repository(tmp_path / "demo.git")
    versions = [f"1.{cycle}{rc}" for cycle in range(1, 8) for rc in ("-rc1", "-rc2", "-rc3", "")]
    repository.release(*versions, every=WEEK)
    demo = follow(tmp_path / "user", tags=[repository.path])
    for days in (400, 401):
        demo.poll(repository.now + days * DAY)
    assert (demo.mails(), demo.rows("SELECT * FROM delays")) == ([], [])


# --- At one host, not at another -------------------------------------------------------------------


@dataclass(slots=True)
class Mirrored:
    """A repository at one host and its mirror at another."""

    world: World
    mirror: GitRepository
    host: str
    """The mirror's."""
    server: GitHttp

    def mirror_now(self) -> None:
        git(self.mirror.path, "fetch", "--quiet", str(self.world.repository.path), "+refs/*:refs/*")

    def mirror_branches(self) -> None:
        """What an odd mirror does: work goes on there, and new tags do not come."""
        self.world.repository.commit()
        own = str(self.world.repository.path)
        git(self.mirror.path, "fetch", "--quiet", "--no-tags", own, "+refs/heads/*:refs/heads/*")


@pytest.fixture
def mirrored(tmp_path: Path) -> Iterator[Mirrored]:
    """Both served over HTTP, and up to date at the first look."""
    repository = make_repository(tmp_path / "one" / "demo.git")
    mirror = make_repository(tmp_path / "two" / "demo.git")
    with git_over_http(tmp_path / "one") as one, git_over_http(tmp_path / "two") as two:
        urls = [f"{one.url}/demo.git", f"{two.url}/demo.git"]
        world = World(repository, make_epoch(tmp_path / "x.git"), follow(tmp_path / "user", tags=urls))
        made = Mirrored(world, mirror, two.url.removeprefix("http://"), two)
        repository.release("1.0", "1.1-rc1")
        made.mirror_now()
        world.demo.poll(repository.now + HOUR)
        yield made


def test_a_mirror_that_is_up_and_does_not_show_it_is_late(mirrored: Mirrored) -> None:
    """The mail names the mirror; the end says so, too."""
    world = mirrored.world
    at = world.tag("1.1-rc2")
    for hours in (2, 24, 26):
        world.demo.poll(at + hours * HOUR)
    assert world.late_mails() == [], "it may have stopped altogether"
    mirrored.mirror_branches()
    world.demo.poll(at + 27 * HOUR)
    [mail] = world.late_mails()
    assert mirrored.host in mail["Subject"]
    assert mirrored.host in mail.get_content()
    [status] = world.said("status")
    assert sorted(each["state"] for each in status["sources"]) == ["lagging", "up"]
    assert f"lagging: {mirrored.host}" in world.demo.rctrack("status").stdout
    mirrored.mirror_now()
    world.demo.poll(at + 28 * HOUR)
    assert [each["state"] for each in world.said("status")[0]["sources"]] == ["up", "up"]
    [over] = world.over_mails()
    assert over["Subject"].endswith(f"is at {mirrored.host} after 27 h")
    [delay] = world.delays("mirror")
    assert (delay["where"], delay["cause"], delay["ended"]) == (mirrored.host, "mirror", "closed")


def test_a_mirror_that_is_left_behind_is_one_incident(mirrored: Mirrored) -> None:
    """Three releases later it is one mail still, and each of them is on record; one more tells that it caught up."""
    world = mirrored.world
    at = world.repository.now
    for version in ("1.1-rc2", "1.1-rc3", "1.1"):
        at = world.tag(version, every=WEEK)
        mirrored.mirror_branches()
        world.demo.poll(at + 26 * HOUR)
    assert len(world.delays("mirror")) == 3
    assert ["v1.1-rc2" in mail["Subject"] for mail in world.late_mails()] == [True]
    assert world.digest(at, at + 2 * DAY).count("is late") == 3
    mirrored.mirror_now()
    world.demo.poll(at + 28 * HOUR)
    assert {each["ended"] for each in world.delays("mirror")} == {"closed"}
    assert ["v1.1-rc2" in mail["Subject"] for mail in world.over_mails()] == [True]
    at = world.tag("1.2-rc1", every=WEEK)
    mirrored.mirror_branches()
    world.demo.poll(at + 26 * HOUR)
    assert len(world.late_mails()) == 2


def test_a_mirror_that_was_down_meanwhile_is_on_record_and_nobody_is_told(mirrored: Mirrored) -> None:
    """The host did not serve; when it is back its delay has that cause. The digest says that it could not be seen."""
    world = mirrored.world
    mirrored.server.refusal = (503, {}, b"")
    at = world.tag("1.1-rc2")
    for minutes in (25, 40, 55, *range(60, 30 * 60, 300)):
        world.demo.poll(at + minutes * MINUTE)
    assert world.late_mails() == []
    digest = world.digest(at, at + 30 * HOUR)
    assert f"1.1-rc2: not seen at {mirrored.host}" in " ".join(digest.split())
    assert "archive" not in digest
    mirrored.server.refusal = None
    mirrored.mirror_now()
    for hours in (30, 31):
        world.demo.poll(at + hours * HOUR)
    assert [(each["cause"], each["ended"]) for each in world.delays("mirror")] == [("host", "closed")]
    assert (world.late_mails(), world.over_mails()) == ([], [])


# --- Clocks that lie -------------------------------------------------------------------------------


def test_a_clock_that_jumps_back_does_no_harm(late: World) -> None:
    """Our own, by three days, and on again: no exception, no further mail, the record as it was."""
    at = late.tagged["1.1-rc2"]
    before = (late.delays(), late.demo.subjects())
    for moment in (at - 2 * DAY, at - 2 * DAY + HOUR, at + LATE, at + LATE + HOUR):
        assert late.demo.poll(moment).outcomes == ["good", "good"]
    assert (late.delays(), late.demo.subjects()) == before
    late.announce("1.1-rc2", at + LATE)
    late.demo.poll(at - 2 * DAY)
    [delay] = late.delays()
    assert (delay["ended"], delay["seconds"]) == ("closed", 26 * 3600)


@pytest.mark.parametrize(
    "date",
    [
        "Thu, 01 Jan 1970 00:00:00 +0000",
        "Tue, 19 Jan 2038 03:14:07 +0000",
        "Sat, 07 Mar 2026 23:59:60 +0000",
        "Sat, 07 Mar 2026 12:00:00 +9999",
        "yesterday",
    ],
)
def test_a_date_that_cannot_be_true_is_no_alarm(world: World, date: str) -> None:
    """Of an announcement in time, and of talk on the list: nobody is late, nothing breaks."""
    at = world.tag("1.1-rc2")
    odd(world, "[ANNOUNCE] demo v1.1-rc2", date, at + HOUR)
    odd(world, "Re: something", date, at + 2 * HOUR)
    world.talk(at + LATE)
    for hours in (2, 30, 60):
        assert world.demo.poll(at + hours * HOUR).outcomes == ["good", "good"]
    assert world.late_mails() == []
    assert [each for each in world.said("delays") if each["cause"] == "project"] == []


def test_a_date_in_the_future_proves_no_life(world: World) -> None:
    """Talk of the hour after the tag, dated weeks later: the list is as silent as it was."""
    at = world.tag("1.1-rc2")
    odd(world, "Re: something", "Tue, 19 Jan 2038 03:14:07 +0000", at + HOUR)
    for hours in (2, 30, 60):
        world.demo.poll(at + hours * HOUR)
    assert (world.late_mails(), world.delays()) == ([], [])


def test_a_tag_with_an_old_date_counts_from_when_it_was_there(world: World) -> None:
    """An embargoed fix, tagged weeks ago and published now, is not late at once."""
    world.repository.commit()
    now = world.repository.now
    world.repository.tag("v1.1-rc2", at=now - 20 * DAY)
    world.demo.poll(now + HOUR)
    world.talk(now + 5 * HOUR)
    world.demo.poll(now + 6 * HOUR)
    assert world.late_mails() == []
    world.talk(now + 30 * HOUR)
    world.demo.poll(now + 31 * HOUR)
    assert [each["since"] for each in world.delays()] == [iso(now + HOUR)]


@pytest.fixture(params=["Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Berlin"])
def elsewhere(request: pytest.FixtureRequest) -> Iterator[None]:
    """The machine's time zone is another one."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield
    del os.environ["TZ"]
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.usefixtures("elsewhere")
def test_the_time_zone_of_the_machine_changes_nothing(tmp_path: Path) -> None:
    """The same record, the same mails to the letter; only paths are others."""
    heard = story(tmp_path / "there")
    os.environ["TZ"] = "UTC"
    time.tzset()
    assert heard == story(tmp_path / "here")


def story(folder: Path) -> tuple[object, ...]:
    """A delay from begin to end: what the commands and the mails say."""
    world = make_world(folder)
    at = world.tag("1.1-rc2")
    world.talk(at + LATE - HOUR)
    world.demo.poll(at + LATE)
    world.announce("1.1-rc2", at + LATE)
    world.demo.poll(at + LATE + HOUR)
    mails = [(str(mail["Subject"]), str(mail["Date"]), mail.get_content()) for mail in world.demo.mails()]
    digest = world.digest(at, at + 2 * DAY)
    told = [tuple(part.replace(str(folder), "").split() for part in each) for each in mails]
    return world.said("delays"), told, digest.replace(str(folder), "").split()


def test_a_digest_that_is_written_late_tells_of_nothing_newer_than_itself(weekly: World) -> None:
    """Asleep until Friday: Monday's digest does not say that Friday's release was the newest on Monday."""
    at = weekly.repository.now
    weekly.tag("1.8-rc2", every=10 * DAY)
    digest = weekly.digest(at + DAY, at + 8 * DAY)
    assert "nothing new; newest is v1.8-rc1 of 20 Sep 2026, 8 d ago" in " ".join(digest.split())

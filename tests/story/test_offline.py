"""We without a network, in a real namespace that has no route; and one host of three whose server is gone."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.support.following import Follower, follow
from tests.support.material import DAY, HOUR, MINUTE, Epoch, GitRepository, Mail, git, make_epoch, make_repository
from tests.support.servers import git_over_http

EVERY = 150 * MINUTE
READER = 'send = ["alerts", "digest"]\ndigest = "daily 08:00"\ntimezone = "UTC"'
_POLLS = """
import sys
from datetime import datetime, timedelta
from pathlib import Path
from tests.support.following import Follower
demo, first, seconds, number = Follower(Path(sys.argv[1])), datetime.fromisoformat(sys.argv[2]), *sys.argv[3:]
for i in range(int(number)):
    print(*demo.poll(first + i * timedelta(seconds=float(seconds))).outcomes)
"""


@dataclass(frozen=True, slots=True)
class World:
    """Three hosts of one project, and who follows it."""

    own: GitRepository
    mirror: Path
    archive: Epoch
    demo: Follower
    down: Callable[[], None]
    """Takes the mirror away."""

    def release(self, version: str) -> None:
        """Tagged, announced a quarter of an hour later, and at the mirror."""
        self.own.release(version)
        self.archive.add(Mail(f"[ANNOUNCE] demo v{version}", at=self.own.now + 15 * MINUTE))
        git(self.mirror, "fetch", "--quiet", str(self.own.path), "+refs/*:refs/*")

    def poll(self, first: datetime, number: int, every: timedelta = EVERY) -> datetime:
        """So many rounds from then on; the moment of the next one."""
        for i in range(number):
            self.demo.poll(first + i * every)
        return first + number * every

    def poll_without_network(self, unshare: Path, first: datetime, number: int) -> list[str]:
        """The same in a process that has no network; what each round came to."""
        # Who is root needs no user namespace, which a container may not make.
        options = ["--net"] if os.geteuid() == 0 else ["--net", "--map-root-user"]
        argv = [str(unshare), *options, sys.executable, "-c", _POLLS, str(self.demo.folder)]
        argv += [first.isoformat(), str(EVERY.total_seconds()), str(number)]
        environment = self.demo.environment()
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=500, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def accusations(self) -> list[str]:
        """The mails that say that somebody or something is late or down."""
        return [
            each for each in self.demo.subjects() if any(word in each for word in ("LATE", "DOWN", "UP", "overdue"))
        ]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A repository, its mirror and a list archive at three servers."""
    own = make_repository(tmp_path / "own" / "demo.git")
    mirror = make_repository(tmp_path / "mirror" / "demo.git")
    archive = make_epoch(tmp_path / "lists" / "demo" / "0")
    with ExitStack() as stack, ExitStack() as of_mirror:
        urls = [stack.enter_context(git_over_http(tmp_path / name)).url for name in ("own", "lists")]
        there = of_mirror.enter_context(git_over_http(tmp_path / "mirror")).url
        demo = follow(
            tmp_path / "ann",
            tags=[f"{urls[0]}/demo.git", f"{there}/demo.git"],
            lists=[f"{urls[1]}/demo"],
            settings='expects = ["tag", "announcement"]',
            reader=READER,
        )
        made = World(own, mirror.path, archive, demo, of_mirror.close)
        for version in ("1.0", "1.1-rc1"):
            made.release(version)
        yield made


def test_three_days_offline_accuse_nobody_and_are_one_line_of_the_digest(
    world: World, needs: Callable[[str], Path]
) -> None:
    """No host answers for three days and a release is made meanwhile: then its mail alone, and the digest says why."""
    rounds = 3 * DAY // EVERY
    start = world.poll(world.own.now + HOUR, 4)
    said = world.poll_without_network(needs("unshare"), start, rounds)
    assert said == ["no answer no answer no answer"] * rounds
    during = world.accusations()
    world.own.now = start + DAY - 3 * DAY  # a release takes three days to make
    world.release("1.1-rc2")
    back = start + rounds * EVERY
    world.poll(back, 14)
    assert during == world.accusations() == []
    assert world.demo.rows("SELECT version_id FROM delays") == []
    assert [each["kind"] for each in world.demo.rows("SELECT kind FROM outages")] == ["offline"]
    news = [each for each in world.demo.subjects() if "1.1-rc2" in each]
    assert len(news) == 1
    texts = [mail.get_content() for mail in world.demo.mails() if "digest" in str(mail["Subject"]).lower()]
    lines = [[line for line in text.splitlines() if "offline" in line.lower()] for text in texts]
    assert max(map(len, lines)) == 1, lines
    # While it lasts each day's digest says so; afterwards one tells of it.
    assert [said for each in lines for said in each if "We have been offline" not in said] == [
        said for each in lines for said in each if said.startswith("We were offline from")
    ]
    assert sum("We were offline" in said for each in lines for said in each) == 1
    assert len(world.demo.mails()) == len(news) + len(texts) <= 6


def test_one_host_of_three_that_is_down_is_an_outage_of_that_host_alone(world: World) -> None:
    """Its server is gone for half a day: one mail, about it and nobody else."""
    start = world.poll(world.own.now + HOUR, 4)
    world.down()
    world.poll(start, 5)
    [outage] = world.demo.rows("SELECT kind, hosts, until FROM outages")
    mirror = world.demo.config().projects[0].tags[1].url
    assert (outage["kind"], outage["until"]) == ("down", None)
    assert outage["hosts"] == mirror.split("/")[2]
    [accused] = world.accusations()
    assert f"DOWN {outage['hosts']}" in accused

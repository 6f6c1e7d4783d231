"""A small story for each kind of mail, with a repository, a list and hosts of its own; see tests/golden.py."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.following import Follower, follow
from tests.support.lateness import LATE, LIMIT, WEEK, make_late, make_world
from tests.support.material import DAY, HOUR, MINUTE, Mail, git, make_repository
from tests.support.servers import git_over_http

BOTH = 'send = ["alerts", "digest"]\ndigest = "daily 08:00"\ntimezone = "Europe/Berlin"'


def told(demo: Follower, *hidden: tuple[str, str]) -> Iterator[str]:
    """Every mail in the Maildir in the order in which it was written."""
    folder = (str(demo.folder.parent), "FOLDER")
    mails = [(parsedate_to_datetime(str(mail["Date"])), str(mail["Subject"]), mail) for mail in demo.mails()]
    for at, _, mail in sorted(mails, key=lambda each: each[:2]):
        yield shown(at, mail.as_bytes(), [*hidden, folder])


def release(folder: Path) -> Iterator[str]:
    """Tag and mail of one look; then two tags of one look, one of them a final; then a digest."""
    world = make_world(folder, reader=BOTH)
    world.repository.release("1.1-rc2")
    world.announce("1.1-rc2", world.repository.now + 11 * MINUTE)
    world.demo.poll(world.repository.now + HOUR)
    world.repository.release("1.1-rc3", "1.1")
    world.demo.poll(world.repository.now + HOUR)
    world.demo.poll(world.repository.now + 2 * DAY)
    return told(world.demo)


def nothing(folder: Path) -> Iterator[str]:
    """A digest of a day in which nothing came."""
    world = make_world(folder, reader=BOTH)
    world.demo.poll(world.repository.now + 2 * DAY)
    return told(world.demo)


def unconfirmed(folder: Path) -> Iterator[str]:
    """A mail without its tag, which comes a day later."""
    world = make_world(folder)
    at = world.repository.now + DAY
    world.announce("1.1-rc2", at)
    world.demo.poll(at + HOUR)
    world.demo.poll(at + 5 * HOUR)
    world.tag("1.1-rc2", every=DAY + 8 * HOUR)
    return told(world.demo)


def changed(folder: Path) -> Iterator[str]:
    """A tag that moves, one that goes away, one whose name says that it is not to be used; then a digest."""
    world = make_world(folder, reader=BOTH)
    for version in ("1.1-rc2", "1.1-rc3"):
        world.tag(version)
    world.repository.commit(2)
    world.repository.tag("v1.1-rc2")
    world.demo.poll(world.repository.now + HOUR)
    git(world.repository.path, "tag", "--delete", "v1.1-rc3")
    for hours in (2, 3, 4):
        world.demo.poll(world.repository.now + hours * HOUR)
    world.repository.commit(2)
    world.repository.tag("v1.1-rc4-dontuse")
    world.demo.poll(world.repository.now + 5 * HOUR)
    world.demo.poll(world.repository.now + 30 * HOUR)
    return told(world.demo)


def unsigned(folder: Path) -> Iterator[str]:
    """A tag that nobody signed, where signatures are expected."""
    world = make_world(folder, settings=f'expects = ["tag"]\n[signing]\nkeys = ["{"A" * 40}"]')
    world.tag("1.1-rc2")
    return told(world.demo)


def late_by_the_project(folder: Path) -> Iterator[str]:
    """Tagged on time, written two days later."""
    world = make_late(make_world(folder))
    at = world.tagged["1.1-rc2"]
    world.announce("1.1-rc2", at + 2 * DAY)
    world.demo.poll(at + 2 * DAY + HOUR)
    return told(world.demo)


def late_by_the_mail(folder: Path) -> Iterator[str]:
    """Written on time, with the list two days later."""
    world = make_late(make_world(folder))
    at = world.tagged["1.1-rc2"]
    world.announce("1.1-rc2", at + 5 * MINUTE, delivered_after=2 * DAY)
    world.demo.poll(at + 2 * DAY + HOUR)
    return told(world.demo)


def late_by_the_archive(folder: Path) -> Iterator[str]:
    """Delivered on time and stored five days later, while other mail was stored."""
    world = make_late(make_world(folder, reader=BOTH))
    at = world.tagged["1.1-rc2"]
    world.epoch.add(Mail("[ANNOUNCE] demo v1.1-rc2", at=at + 5 * MINUTE, archived_after=5 * DAY))
    world.demo.poll(at + 5 * DAY + HOUR)
    world.demo.poll(at + 6 * DAY)
    return told(world.demo)


def never(folder: Path) -> Iterator[str]:
    """A candidate that is never announced, and the next one that is."""
    world = make_late(make_world(folder))
    world.tag("1.1-rc3", every=3 * DAY)
    world.announce("1.1-rc3", world.repository.now + 5 * MINUTE)
    world.demo.poll(world.repository.now + HOUR)
    return told(world.demo)


def silent(folder: Path) -> Iterator[str]:
    """A tag whose list is silent: the digest cannot tell."""
    world = make_world(folder, reader=BOTH)
    at = world.tag("1.1-rc2")
    world.talk(at + LIMIT - MINUTE)
    world.demo.poll(at + 3 * DAY)
    return told(world.demo)


def announced_not_tagged(folder: Path) -> Iterator[str]:
    """A mail whose tag does not come for two days."""
    world = make_world(folder, reader=BOTH)
    at = world.repository.now + DAY
    world.announce("1.1-rc2", at)
    world.demo.poll(at + HOUR)
    world.demo.poll(at + LATE)
    world.tag("1.1-rc2", every=2 * DAY + 8 * HOUR)
    return told(world.demo)


def mirror(folder: Path) -> Iterator[str]:
    """A tag that one of two hosts has two days later."""
    world = make_world(folder)
    other = make_repository(folder / "mirror.git")

    def sync() -> None:
        git(other.path, "fetch", "--quiet", "--force", "--prune", str(world.repository.path), "+refs/*:refs/*")

    sync()
    demo = follow(folder / "two", tags=[world.repository.path, other.path])
    demo.poll(world.repository.now + 2 * HOUR)
    world.repository.release("1.1-rc2")
    demo.poll(world.repository.now + HOUR)
    demo.poll(world.repository.now + LATE)
    sync()
    demo.poll(world.repository.now + 2 * DAY)
    return told(demo)


def overdue(folder: Path) -> Iterator[str]:
    """Seven cycles to the day, and a candidate that comes a month late."""
    repository = make_repository(folder / "demo.git")
    demo = follow(folder / "user", tags=[repository.path], reader=BOTH)
    versions = [f"1.{cycle}{rc}" for cycle in range(1, 8) for rc in ("-rc1", "-rc2", "-rc3", "")]
    repository.release(*versions, every=WEEK - 8 * MINUTE)
    demo.poll(repository.now + HOUR)
    repository.release("1.8-rc1", every=WEEK - 8 * MINUTE)
    demo.poll(repository.now + HOUR)
    demo.poll(repository.now + 30 * DAY)
    repository.release("1.8-rc2", every=40 * DAY)
    demo.poll(repository.now + HOUR)
    demo.poll(repository.now + DAY)
    return told(demo)


def outage(folder: Path) -> Iterator[str]:
    """One of three hosts that is down for three hours."""
    make_repository(folder / "served" / "demo.git").release("1.0")
    with ExitStack() as stack:
        servers = [ExitStack() for _ in range(3)]
        started = [(each.enter_context(git_over_http(folder / "served")).url, each) for each in servers]
        *up, (url, away) = sorted(started, key=lambda each: each[0])  # mails name hosts in this order
        for _, server in up:
            stack.enter_context(server)
        urls = [*(each for each, _ in up), url]
        demo = follow(folder / "user", tags=[f"{each}/demo.git" for each in urls], reader=BOTH)
        begin = make_repository(folder / "clock.git").now + DAY
        demo.poll(begin)
        away.close()
        for minutes in (15, 30, 45, 130, 140, 155):
            demo.poll(begin + minutes * MINUTE)
        stack.enter_context(git_over_http(folder / "served", port=urlsplit(url).port or 0))
        for minutes in (170, 185, 200, 24 * 60):
            demo.poll(begin + minutes * MINUTE)
    return told(demo, *((urlsplit(each).netloc, f"host{number}.example") for number, each in enumerate(urls, 1)))


def shown(at: datetime, content: bytes, hidden: Iterable[tuple[str, str]] = ()) -> str:
    """One mail: when it went out, its headers, its text; without what is of this run alone."""
    mail = message_from_bytes(content, policy=policy.default)
    body = mail.get_body(("plain",))
    assert body is not None
    headers = "".join(f"{name}: {' '.join(str(value).split())}\n" for name, value in mail.items())
    text = f"=== {at.astimezone(UTC):%Y-%m-%d %H:%M}\n{headers}\n{body.get_content()}"
    for word, instead in hidden:
        text = text.replace(word, instead)
    text = re.sub(r"-tmp-rctrack-\S{8}-(\S+?)\.\w{16}@", r"-FOLDER-\1.DIGEST@", text.replace("\r\n", "\n"))
    text = re.sub(r"@[0-9a-f]{8}\.localhost>", "@INSTALLATION.localhost>", text)
    text = re.sub(r"(127\.0\.0\.1)-\d+\.[0-9a-f]{16}@", r"\1-PORT.DIGEST@", text)
    text = re.sub(r"port \d+\s+after \d+ ms", "port NUMBER after some ms", text)
    return re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)


KINDS: dict[str, Callable[[Path], Iterator[str]]] = {
    "release": release,
    "nothing": nothing,
    "unconfirmed": unconfirmed,
    "changed": changed,
    "unsigned": unsigned,
    "late-project": late_by_the_project,
    "late-mail": late_by_the_mail,
    "late-archive": late_by_the_archive,
    "never": never,
    "silent": silent,
    "announced-not-tagged": announced_not_tagged,
    "mirror": mirror,
    "overdue": overdue,
    "outage": outage,
}

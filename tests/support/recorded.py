"""Recordings for studies, from the tables and repositories in ../shared: what each source could show, and when.

A tag is there from its own date on, and at a mirror some minutes later; a mail from when its archive stored it.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.utils import format_datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from rctrack import config, replay, rounds
from rctrack.config import Config, ProjectConfig, Recipient, TagsConfig
from rctrack.core.evidence import Commit, Evidence, Instant, MailEvidence, ObjectId, SourceId, TagEvidence
from rctrack.core.hosts import Health
from rctrack.core.lateness import Delay
from rctrack.core.notice import ALERTS, Kind, Phase
from rctrack.core.release import Release
from rctrack.core.version import VersionId
from rctrack.process import Runner
from rctrack.replay import Ledger
from rctrack.replay.recording import Feed, Recording
from rctrack.rounds import Round
from rctrack.send import Delivery, Sent
from rctrack.sources import Tools
from rctrack.store import Store
from rctrack.track.book import History, read_book
from rctrack.web import Web
from tests.support.material import git, unpack

PROGRAM = "rctrack/test"
LINUS = "Linus Torvalds <torvalds@linux-foundation.org>"
TO_MIRROR = (300, 5400)
"""Seconds; how long tags took to the mirrors: no table knows it, so it is drawn."""


@dataclass(frozen=True, slots=True)
class Mailed:
    """A mail that would have gone out."""

    at: datetime
    subject: str


@dataclass(frozen=True, slots=True)
class Played:
    """What a replay came to."""

    project: ProjectConfig
    begin: datetime
    end: datetime
    ledger: Ledger
    releases: Mapping[VersionId, Release]
    told: tuple[tuple[datetime, Delay], ...]
    """The delays that people got an alarm about, and when."""
    mails: tuple[Mailed, ...]

    @property
    def alarms(self) -> list[Mailed]:
        """The alarms about releases."""
        return [each for each in self.mails if each.subject.startswith("[rctrack] LATE")]


@dataclass(frozen=True, slots=True)
class _Outbox:
    """A channel that keeps what it is given."""

    now: datetime
    kept: list[Mailed]

    def send(self, message: bytes, sender: str, recipient: str) -> Delivery:
        subject = message_from_bytes(message, policy=policy.default)["Subject"]
        self.kept.append(Mailed(self.now, str(subject)))
        return Sent()

    def probe(self) -> Delivery:
        return Sent()


def play(recording: Recording) -> Played:
    """The recording through the real pipeline, for one reader of alerts."""
    kept: list[Mailed] = []
    with TemporaryDirectory(prefix="rctrack-") as folder, Store(Path(folder) / "replay.db", durable=False) as scratch:
        tools = _tools(Path(folder))
        ledger = replay.replay(recording, _one_reader(), scratch, tools, lambda now: _Outbox(now, kept), PROGRAM)
        project = recording.project
        notices = scratch.notices.of_project(project.id).values()
        late = [each for each in notices if each.kind is Kind.LATE and each.phase is Phase.LATE and not each.is_silent]
        told = {each.subject: each.said_at for each in late}
        subjects = [(" ".join(each.key).rstrip(), each) for each in ledger.delays]
        return Played(
            project,
            recording.begin,
            recording.end,
            ledger,
            read_book(scratch, project, History(config.shipped() / "history"), Health((), ()), recording.end).releases,
            tuple((told[subject], each) for subject, each in subjects if subject in told),
            tuple(kept),
        )


def part_of(recording: Recording, begin: datetime, end: datetime, memory: timedelta) -> Recording:
    """These days of it, with what was there so long before: older evidence is folded again and again for nothing."""
    feeds = {
        source: replace(feed, evidence=tuple(each for each in feed.evidence if each[0] >= begin - memory))
        for source, feed in recording.feeds.items()
    }
    return replace(recording, begin=begin, end=end, feeds=feeds)


def _one_reader() -> Config:
    shipped = config.load(config.shipped() / "rctrack.toml", None, {})
    reader = Recipient("ann@example.org", None, ALERTS, None, ZoneInfo("UTC"))
    return replace(shipped, mail=replace(shipped.mail, to=(reader,)))


def _tools(folder: Path) -> Tools:
    return Tools(Runner(), folder, PROGRAM, lambda *_: None, Web(PROGRAM))


def shipped_project(stem: str, *, lists: bool, mirrors: bool) -> ProjectConfig:
    """The project file that comes with rctrack, with these of its sources."""
    project = config.load_project(stem, config.shipped() / "rctrack.toml")
    return replace(
        project,
        tags=tuple(each for each in project.tags if mirrors or each.is_primary),
        lists=project.lists if lists else (),
        listings=(),
    )


@contextmanager
def unpacked(folder: Path, name: str) -> Iterator[Path]:
    """A real repository of ../shared, for as long as the block lasts."""
    with TemporaryDirectory(prefix="rctrack-real-") as place:
        yield unpack(folder, name, Path(place))


# --- Tags ------------------------------------------------------------------------------------------


def linux_tags(folder: Path) -> list[TagEvidence]:
    """The tags of Linux, oldest first; of finals that the table lacks the day is known, and played at its noon."""
    with (folder / "linux_tags.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if " " in row["commit_date"]]
    tags = {row["tag"]: _tag(row["tag"], row["commit_sha"], row["commit_date"]) for row in rows}
    with (folder / "linux_release_stats.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            name = f"v{row['version']}"
            if row["released"] and name not in tags:
                tags[name] = _tag(name, row["version"], f"{row['released']}T12:00:00+00:00")
    return sorted(tags.values(), key=_tagged_at)


def repository_tags(repository: Path) -> list[TagEvidence]:
    """Every dated tag of a repository, oldest first."""
    form = "%(refname:strip=2)%09%(objectname)%09%(creatordate:iso-strict)"
    rows = [line.split("\t") for line in git(repository, "for-each-ref", f"--format={form}", "refs/tags").splitlines()]
    return sorted((_tag(name, commit, date) for name, commit, date in rows if date), key=_tagged_at)


def _tag(name: str, commit: str, date: str) -> TagEvidence:
    tagged = datetime.fromisoformat(date)
    return TagEvidence(
        name, ObjectId(commit), Commit(commit), Instant(tagged.astimezone(UTC), tagged.utcoffset() or timedelta(0))
    )


def _tagged_at(tag: TagEvidence) -> datetime:
    return tag.tagged.at if tag.tagged else datetime.max.replace(tzinfo=UTC)


def tag_feeds(project: ProjectConfig, tags: Sequence[TagEvidence]) -> dict[SourceId, Feed]:
    """The same tags at each repository of the project, at the mirrors a little later."""
    drawn = Random(1)
    feeds = {}
    for source in project.tags:
        shown: list[tuple[datetime, Evidence]] = [
            (
                _tagged_at(tag) + (timedelta(0) if source.is_primary else timedelta(seconds=drawn.randint(*TO_MIRROR))),
                tag,
            )
            for tag in tags
        ]
        feeds[source.source] = Feed(tuple(sorted(shown, key=lambda each: each[0])), is_alive=True)
    return feeds


# --- Mails -----------------------------------------------------------------------------------------


def announcement(subject: str, sender: str, key: str, written: datetime, delivered: datetime, server: str) -> bytes:
    """The head of an announcement, in the form in which archives have it."""
    return (
        f"Received: from sender.invalid by {server} id {key}; {format_datetime(delivered.astimezone(UTC))}\n"
        f"From: {sender}\nDate: {format_datetime(written)}\nSubject: {subject}\n"
        f"Message-ID: <{key}@recorded.invalid>\n\n"
    ).encode()


def linux_mails(folder: Path, server: str) -> dict[str, tuple[datetime, MailEvidence]]:
    """Tag -> its announcement on linux-kernel and when it came there, of all that the table of headers knows."""
    with (folder / "lkml_announcement_headers.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if not row["file_if_saved"].startswith("btrfs-list/")]
    found = {}
    for row in rows:
        written = datetime.fromisoformat(row["date_utc"])
        # The table has no Received headers: what is saved of them says a minute or two.
        delivered = written + timedelta(minutes=2)
        content = announcement(row["subject"], LINUS, row["version"], written, delivered, server)
        if row["file_if_saved"]:
            content = (folder / row["file_if_saved"]).read_bytes()
        found[f"v{row['version']}"] = (delivered, MailEvidence(row["version"], content, None))
    return found


def linux_list_feed(mails: Iterable[tuple[datetime, MailEvidence]], begin: datetime) -> Feed:
    """A list with mail at every hour, of which its announcements are recorded."""
    return Feed(tuple(sorted(mails, key=lambda each: each[0])), is_alive=True, begins_at=begin)


def util_linux(folder: Path, begin: datetime, end: datetime) -> Recording:
    """The real repository and the real archive after one poll, under the addresses that people follow."""
    shipped = shipped_project("util-linux", lists=True, mirrors=False)
    with (
        unpacked(folder, "util-linux") as repository,
        unpacked(folder, "util-linux-archive") as archive,
        TemporaryDirectory(prefix="rctrack-") as state,
        Store(Path(state) / "first.db", durable=False) as stored,
    ):
        here = replace(
            shipped,
            tags=(TagsConfig(str(repository), True, "git"),),
            lists=(replace(shipped.lists[0], url=str(archive)),),
            rules=replace(shipped.rules, primaries=frozenset({SourceId(f"tags {repository}")})),
        )
        round_ = Round(replace(_one_reader(), projects=(here,)), stored, _tools(Path(state)), end, PROGRAM)
        rounds.look_at_all(round_, [here], lambda _: None)
        found = replay.recorded(stored, here, begin, end)
        feeds = {
            there.source: found.feeds[each.source] for there, each in zip(shipped.sources, here.sources, strict=True)
        }
        return Recording(shipped, begin, end, feeds, {})

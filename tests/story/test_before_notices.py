"""A database of before there were notices goes on: nothing is told twice, and each end reaches whom its begin had.

The story of tests/support/before.py, from where the rctrack of before left it, with a reader who is new.
"""

import gzip
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from rctrack import config, rounds
from rctrack.config import SourceConfig
from rctrack.core.evidence import Observer
from rctrack.core.look import Outcome
from rctrack.process import Runner
from rctrack.rounds import Round
from rctrack.send import Delivery, Sent
from rctrack.sources import Answer, Coverage, Failed, Good, Source, Tools
from rctrack.store import Store
from rctrack.web import Web
from tests.support import before
from tests.support.before import ANN, BOB, CAT, END, at
from tests.support.following import PROGRAM

PACKED = Path(__file__).parents[1] / "data" / "before-notices.sqlite.gz"
DAN = "dan@example.org"
"""Reads everything since today."""


@dataclass(frozen=True, slots=True)
class Now:
    """A source of the story at a moment; the real projects show nothing new."""

    source: str

    def probe(self, now: datetime) -> Answer:
        return self.look(None, now.date(), now)

    def look(self, cursor: str | None, since: date, now: datetime) -> Answer:
        shown = before.shown(self.source, cursor, now)
        if isinstance(shown, before.Silent):
            return Failed(Outcome.BLOCKED if shown.is_blocked else Outcome.NO_ANSWER, shown.reason)
        coverage = Coverage(at(-90) if shown.newest_at else None, shown.newest_at)
        return Good(shown.evidence, now.isoformat(), is_whole=shown.is_whole, coverage=coverage, head=f"{now:%j}")


@dataclass(frozen=True, slots=True)
class Mailed:
    """A mail as it went out."""

    at: datetime
    reader: str
    content: bytes

    @property
    def mail(self) -> EmailMessage:
        read = message_from_bytes(self.content, policy=policy.default)
        assert isinstance(read, EmailMessage)
        return read

    @property
    def subject(self) -> str:
        return str(self.mail["Subject"]).removeprefix("[rctrack] ")

    @property
    def message_id(self) -> str:
        return str(self.mail["Message-ID"]).strip("<>")


@dataclass(slots=True)
class Post:
    """A way out that takes everything."""

    now: datetime
    mailed: list[Mailed] = field(default_factory=list)

    def send(self, message: bytes, sender: str, recipient: str) -> Delivery:
        self.mailed.append(Mailed(self.now, recipient, message))
        return Sent()

    def probe(self) -> Delivery:
        return Sent()


@dataclass(slots=True)
class Upgraded:
    """Somebody whose database is of before, in a folder."""

    folder: Path
    post: Post

    @property
    def database(self) -> Path:
        return self.folder / "state" / "rctrack.db"

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.database)) as connection:
            return list(connection.execute(sql))

    def go_on(self, *moments: datetime) -> list[Mailed]:
        """Rounds at these moments; what goes out at them, digests aside."""
        number = len(self.post.mailed)
        with self.round(END) as opened:
            for now in moments:
                self.poll(replace(opened, now=now))
        return [each for each in self.post.mailed[number:] if not each.subject.startswith("digest")]

    def poll(self, round_: Round) -> None:
        """One round at its moment."""

        def then(source: SourceConfig) -> Source:
            return Now(source.source)

        self.post.now = round_.now
        told = replace(round_, tools=replace(round_.tools, recorded=then))
        rounds.look_at_all(told, told.config.projects, lambda _: None)
        rounds.check(told, told.config.projects)
        rounds.owe_digests(told)
        rounds.send(told, self.post)

    @contextmanager
    def round(self, now: datetime) -> Iterator[Round]:
        """A round at that moment, by somebody who has a name since today."""
        main = f'{before.MAIN}\n[[mail.to]]\naddress = "{DAN}"\nsend = ["alerts"]\n'
        loaded = config.load(before.write_config(self.folder, main), None, {})
        tools = Tools(Runner(), loaded.state, PROGRAM, lambda *_: None, Web(PROGRAM))
        with Store(loaded.database) as stored:
            if not stored.observer:
                stored.name_observer(Observer("attic"))
            yield Round(loaded, stored, tools, now, PROGRAM)


def unpacked(folder: Path) -> Upgraded:
    """The database of before, that nobody has opened since."""
    (folder / "state").mkdir()
    (folder / "state" / "rctrack.db").write_bytes(gzip.decompress(PACKED.read_bytes()))
    return Upgraded(folder, Post(END))


@pytest.fixture
def upgraded(tmp_path: Path) -> Upgraded:
    """Before its first round."""
    return unpacked(tmp_path)


FIRST = END + 15 * before.MINUTE
"""The first round of this rctrack."""


@dataclass(frozen=True, slots=True)
class Played:
    """The days that follow."""

    owed: dict[str, bytes | None]
    """What waited to be sent: its Message-ID, and its bytes if they had been written."""
    begun: frozenset[str]
    """The Message-IDs of all mails of before."""
    mailed: tuple[Mailed, ...]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Four days of rounds."""
    followed = unpacked(tmp_path_factory.mktemp("upgraded"))
    letters = "SELECT message_id, content FROM letters"
    owed = {str(key): text for key, text in followed.rows(f"{letters} WHERE sent_at IS NULL AND refused_at IS NULL")}
    begun = frozenset(str(message_id) for message_id, _ in followed.rows(letters))
    followed.go_on(*before.moments(FIRST, at(32)))
    known = {key: text if isinstance(text, bytes) else None for key, text in owed.items()}
    return Played(known, begun, tuple(followed.post.mailed))


def told(mailed: Sequence[Mailed]) -> list[tuple[str, list[str]]]:
    """What went out, and to whom, in order; digests aside."""
    readers: dict[str, list[str]] = {}
    for each in mailed:
        if not each.subject.startswith("digest"):
            readers.setdefault(each.subject, []).append(each.reader)
    return [(subject, sorted(who)) for subject, who in readers.items()]


def test_what_was_owed_goes_out_once_with_the_id_that_it_had(played: Played) -> None:
    """What was written goes out as it was; what was not is written now."""
    sent = [each for each in played.mailed if each.message_id in played.begun]
    assert sorted(each.message_id for each in sent) == sorted(played.owed)
    assert {each.at for each in sent} == {FIRST}
    assert sum(content is not None for content in played.owed.values()) == 1
    assert all(played.owed[each.message_id] in (None, each.content) for each in sent)
    assert told(sent) == [
        ("post v3.2 out: announced, no tag seen yet", [BOB]),
        ("little v0.4 out", [ANN, BOB]),
        ("clock v1.8-rc3 out", [ANN, BOB]),
    ]


def test_what_is_written_now_has_its_place_in_its_thread(played: Played) -> None:
    """It answers the first mail of its cycle, if there is one."""
    answered = {
        each.subject: str(each.mail["In-Reply-To"]) for each in played.mailed if (each.at, each.reader) == (FIRST, ANN)
    }
    assert answered["clock v1.8-rc3 out"].startswith("<release.clock.1.8-rc1.")
    assert answered["little v0.4 out"] == "None"


def test_nothing_is_told_twice_and_each_end_reaches_those_who_had_the_begin(played: Played) -> None:
    """Hosts that are back, a mirror, a mail, a tag that came, something overdue; Cat and Dan had no begin."""
    both, everybody = [ANN, BOB], [ANN, BOB, DAN]
    assert told([each for each in played.mailed if each.message_id not in played.begun]) == [
        ("OVER demo v1.1-rc6: is at mirror.example after 13 days", both),
        ("UP two.example: after 2 d", both),
        ("UP three.example: after 4 d", both),
        ("OVER demo v1.1-rc6: announced after 14 days", both),
        ("OVER demo v1.2-rc1: tagged after 12 days", both),
        ("little v0.3 out", everybody),
        ("demo v1.2-rc1 out", everybody),
        ("LATE demo v1.2-rc1: no mail for 15 h, tag is at git.example", everybody),
        ("LATE demo v1.2-rc1: not at mirror.example for 24 h, tag is at git.example", everybody),
        ("metro v1.8-rc2 out", everybody),
        ("OVER metro v1.8-rc2: is there, 16 days overdue", both),
    ]


def test_an_end_answers_the_mail_that_told_the_begin(played: Played) -> None:
    """Though that has an id of before."""
    ends = [each for each in played.mailed if each.reader == ANN and each.subject.startswith(("OVER", "UP"))]
    answers = [str(each.mail["In-Reply-To"]).strip("<>") for each in ends]
    assert played.begun >= set(answers)
    assert [answer.split(".")[:4] for answer in answers] == [
        ["delay", "demo", "late", "mirror"],
        ["outage", "out", "out", "20260301T000000Z"],
        ["outage", "out", "blocked", "20260227T000000Z"],
        ["delay", "demo", "late", "announcement"],
        ["delay", "demo", "late", "tag"],
        ["delay", "metro", "late", "overdue"],
    ]


def test_a_digest_begins_where_the_last_one_ended(played: Played) -> None:
    """Ann's own, daily; Cat's one of that Monday."""
    digests = [each for each in played.mailed if each.subject.startswith("digest")]
    assert [(each.reader, each.at.day) for each in digests] == [(ANN, 2), (CAT, 2), (ANN, 3), (ANN, 4), (ANN, 5)]
    first, _, second, *_ = (" ".join(str(each.mail.get_content()).split()) for each in digests)
    assert "from Sun 2026-03-01 08:00 UTC to Mon 2026-03-02 08:00 UTC" in first
    assert "from Mon 2026-03-02 08:00 UTC to Tue 2026-03-03 08:00 UTC" in second
    assert "v0.4" in second
    assert "v3.2" not in second
    assert "v1.1-rc6 is late: no mail for" in second, "it lasts"


def test_a_source_that_is_read_from_the_start_again_tells_nobody_anything(upgraded: Upgraded) -> None:
    """Each may be read otherwise by today's recogniser: all its evidence is offered again, under an observer's name."""
    with closing(sqlite3.connect(upgraded.database)) as connection, connection:
        connection.execute("UPDATE sources SET fingerprint = 'other'")
    evidence = ["SELECT count(*) FROM tags", "SELECT count(*) FROM stations", "SELECT count(*) FROM mails"]
    stored = [upgraded.rows(sql) for sql in evidence]
    mailed = upgraded.go_on(*before.moments(FIRST, FIRST + 12 * before.HOUR))
    assert {each.at for each in mailed} == {FIRST}
    assert len(mailed) == 5, "what was owed"
    assert [upgraded.rows(sql) for sql in evidence] == stored
    assert upgraded.rows("SELECT DISTINCT observer FROM tags") == [("attic",)]


def test_what_is_folded_anew_is_what_was_listed(upgraded: Upgraded) -> None:
    """Releases in all that evidence says of them; of delays those that were told, and what history shows besides."""
    names = 'project, version, tag, object_id, "commit", previous, tagged_at, commits, commits_no_merges'
    ends = "SELECT project, version_id, kind, place, since, cause, ended FROM delays WHERE ended IS NOT NULL"
    listed, ended = sorted(upgraded.rows(f"SELECT {names} FROM releases"), key=repr), set(upgraded.rows(ends))
    with upgraded.round(END) as round_:
        for project in round_.config.projects:
            rounds.rebuild(round_, project)
    assert sorted(upgraded.rows(f"SELECT {names} FROM releases"), key=repr) == listed
    assert set(upgraded.rows(ends)) > ended
    assert {row[2] for row in set(upgraded.rows(ends)) - ended} == {"archive"}
    assert upgraded.rows("SELECT count(*) FROM notices WHERE NOT is_silent AND said_at >= '2026-03-02T09:00:00Z'") == [
        (0,)
    ]

"""History played again: from a database, from a recording, from the real util-linux."""

import json
import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from rctrack import replay as replaying
from rctrack.replay import Ledger
from rctrack.replay.recording import Recording
from rctrack.send import Delivery, Sent
from rctrack.store import Store
from tests.support.following import PROGRAM, Follower, follow
from tests.support.material import BEGIN, DAY, HOUR, MINUTE, Mail, make_epoch, make_repository, unpack

WEEK = 7 * DAY
SAME = (
    'version, cycle, tag, object_id, "commit", previous, tagged_at, announced_at, delivered_at, archived_at,'
    " commits, commits_no_merges, commits_announced, message_id"
)


@dataclass(slots=True)
class Heard:
    """Every mail of a replay, with its moment."""

    mails: list[tuple[datetime, str]] = field(default_factory=list)

    def at(self, now: datetime) -> "Listener":
        return Listener(self, now)


@dataclass(frozen=True, slots=True)
class Listener:
    """The channel of one moment."""

    heard: Heard
    now: datetime

    def send(self, message: bytes, sender: str, recipient: str) -> Delivery:
        mail = message_from_bytes(message, policy=policy.default)
        self.heard.mails.append((self.now, str(mail["Subject"]).removeprefix("[rctrack] ")))
        return Sent()

    def probe(self) -> Delivery:
        return Sent()


@pytest.fixture
def demo(tmp_path: Path) -> Follower:
    """A database filled long after: a cycle whose third candidate was announced two days late, held by the mail."""
    repository = make_repository(tmp_path / "demo.git")
    epoch = make_epoch(tmp_path / "archive" / "git" / "0.git")
    for version in ("1.0", "1.1-rc1", "1.1-rc2", "1.1-rc3", "1.1"):
        repository.release(version, every=WEEK)
        held = 2 * DAY if version == "1.1-rc3" else 2 * MINUTE
        mail = Mail(f"[ANNOUNCE] demo v{version}", at=repository.now + 5 * MINUTE, delivered_after=held)
        epoch.add(
            *(Mail(f"Re: {n}", "Sam <sam@example.org>", at=repository.now + n * 5 * HOUR, archived_after=MINUTE)
              for n in range(9)),
            replace(mail, archived_after=MINUTE),
        )  # fmt: skip
    made = follow(
        tmp_path / "user",
        tags=[repository.path],
        lists=[tmp_path / "archive"],
        settings='expects = ["tag", "announcement"]',
    )
    made.poll(repository.now + WEEK)
    return made


def recorded(demo: Follower, begin: datetime, end: datetime) -> Recording:
    with Store(demo.database) as stored:
        return replaying.recorded(stored, demo.config().projects[0], begin, end)


def played(demo: Follower, recording: Recording, scratch: Path, heard: Heard) -> Ledger:
    """The ledger; the scratch database stays where it was said."""
    with demo.round(recording.begin) as round_, Store(scratch, durable=False) as database:
        return replaying.replay(recording, round_.config, database, round_.tools, heard.at, PROGRAM)


def test_a_replay_of_a_database_gives_the_releases_of_that_database(demo: Follower, tmp_path: Path) -> None:
    """Tags, dates, counts, mails: the same rows, from the same evidence, through the same pipeline."""
    recording = recorded(demo, BEGIN + 8 * DAY, BEGIN + 60 * DAY)
    played(demo, recording, tmp_path / "scratch.db", Heard())
    again = replace(demo, folder=tmp_path / "again")
    (again.folder / "state").mkdir(parents=True)
    (tmp_path / "scratch.db").rename(again.database)
    query = f"SELECT {SAME} FROM releases ORDER BY position"
    assert len(demo.rows(query)) == 5
    assert again.rows(query) == demo.rows(query)


def test_each_mail_goes_out_at_its_moment_and_in_order(demo: Follower, tmp_path: Path) -> None:
    """A release waits two hours for its mail; its lateness comes when it is proven, its end with the mail."""
    heard = Heard()
    ledger = played(demo, recorded(demo, BEGIN + 8 * DAY, BEGIN + 60 * DAY), tmp_path / "scratch.db", heard)
    kinds = [subject.replace("LATE ", "LATE-").split(":")[0] for _, subject in heard.mails]
    assert kinds == [
        "demo v1.1-rc1 out", "demo v1.1-rc2 out", "demo v1.1-rc3 out", "LATE-demo v1.1-rc3",
        "OVER demo v1.1-rc3", "demo v1.1 out",
    ]  # fmt: skip
    assert [at for at, _ in heard.mails] == sorted(at for at, _ in heard.mails)
    tagged = datetime.fromisoformat(demo.release("1.1-rc3")["tagged_at"])
    out, late, over = [at for at, subject in heard.mails if "rc3" in subject]
    assert 2 * HOUR <= out - tagged <= 2 * HOUR + 15 * MINUTE
    assert DAY < late - tagged < DAY + 8 * HOUR
    assert timedelta(0) <= over - tagged - 2 * DAY <= HOUR
    [delay] = ledger.delays
    assert (delay.version, delay.cause, delay.ended) == ("1.1-rc3", "mail", "closed")


def test_a_replay_leaves_the_database_as_it_was(demo: Follower, tmp_path: Path) -> None:
    """And gives the same each time."""
    before = demo.visible()
    first, second = Heard(), Heard()
    for number, heard in enumerate((first, second)):
        played(demo, recorded(demo, BEGIN + 8 * DAY, BEGIN + 60 * DAY), tmp_path / f"{number}.db", heard)
    assert first.mails == second.mails
    assert demo.visible() == before
    assert demo.mails() == []


def test_the_command_prints_each_mail_and_then_the_record(demo: Follower) -> None:
    """With --subjects a line each."""
    said = demo.rctrack("replay", "demo", "--from", "2026-03-09", "--until", "2026-04-30", "--subjects")
    assert (said.returncode, said.stderr) == (0, "")
    mails, _, record = said.stdout.partition("\nThe record of 9 Mar 2026 to ")
    moments = re.findall(r"^(2026-\d\d-\d\d \d\d:\d\d)  \[rctrack\]", mails, re.MULTILINE)
    assert (len(moments), moments) == (6, sorted(moments))
    assert re.search(r"^demo +1\.1-rc3 .* closed +mail +announcement", record, re.MULTILINE)
    whole = demo.rctrack("replay", "demo", "--from", "2026-03-09", "--until", "2026-04-30")
    assert "    Demo v1.1-rc3: announced, mail was held for 48 h." in whole.stdout
    assert all(len(line) <= 76 for line in whole.stdout.splitlines() if line.startswith("    D"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--until", "2026-04-30"], "--from: found nothing"),
        (["--from", "2026-04-30", "--until", "2026-03-01"], "--until"),
        (["--recording", "nowhere.toml"], "nowhere.toml: cannot be read"),
    ],
)
def test_wrong_use_is_one_line_and_status_two(demo: Follower, arguments: list[str], said: str) -> None:
    """It says what was wrong."""
    done = demo.rctrack("replay", "demo", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr


RECORDING = """\
project = "demo"
begin = 2026-03-01T00:00:00Z
end = 2026-03-20
from = "Kim <kim@example.org>"
[[sources]]
what = "tags"
url = "https://one.example/demo.git"
[[sources.down]]
since = 2026-03-10T00:00:00Z
until = 2026-03-11T00:00:00Z
reason = "no answer"
[[sources]]
what = "tags"
url = "https://two.example/demo.git"
role = "mirror"
[[sources]]
what = "list"
kind = "mbox"
url = "demo.mbox"
from = "kim@example.org"
subject = '^demo (?P<version>\\S+)'
server = ["lists.example.org"]
[[releases]]
version = "1.0-rc1"
tagged = 2026-03-05T12:00:00+02:00
announced = 2026-03-05T12:05:00+02:00
delivered = 2026-03-05T10:06:00Z
subject = "demo 1.0-rc1"
how_known = "made up"
"""


def test_a_recording_is_played_as_it_was_written(demo: Follower, tmp_path: Path) -> None:
    """One release, one outage; the tag of one host is late at none."""
    (tmp_path / "good.toml").write_text(RECORDING)
    done = demo.rctrack("replay", "demo", "--recording", str(tmp_path / "good.toml"), "--subjects")
    assert done.returncode == 0, done.stderr
    mails = done.stdout.partition("\nThe record")[0].splitlines()
    assert [line.partition("[rctrack] ")[2].split(":")[0] for line in mails] == [
        "demo v1.0-rc1 out", "DOWN one.example", "UP one.example",
    ]  # fmt: skip
    assert mails[0].startswith("2026-03-05 10:15 ")
    assert mails[0].endswith("announced +5m")


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('project = "demo"', 'project = "linux"', "project"),
        ("begin = 2026-03-01T00:00:00Z\n", "", "begin"),
        ("begin = 2026-03-01T00:00:00Z", "begin = 2026-03-01T00:00:00", "begin"),
        ("begin = 2026-03-01T00:00:00Z", "begin = 2026-03-21T00:00:00Z", "end"),
        ('what = "list"', 'what = "letter"', "sources.3.what"),
        ('version = "1.0-rc1"', 'version = "one"', "releases.1.version"),
        ("tagged = 2026-03-05T12:00:00+02:00", 'tagged = "soon"', "releases.1.tagged"),
        ('how_known = "made up"', 'how_unknown = "made up"', "releases.1.how_unknown"),
        ('how_known = "made up"', 'how_known = { taged = "made up" }', "releases.1.how_known.taged"),
        ('reason = "no answer"', "", "sources.1.down.1.reason"),
        ("until = 2026-03-11T00:00:00Z", "until = 2026-03-09T00:00:00Z", "sources.1.down.1.until"),
        ('server = ["lists.example.org"]', "server = []", "sources.3.server"),
        ("[[releases]]", "[releases]", "releases"),
        ('project = "demo"', 'project = "demo', "TOML"),
    ],
)
def test_what_is_wrong_in_a_recording_is_one_line_with_file_and_key(
    demo: Follower, tmp_path: Path, old: str, new: str, key: str
) -> None:
    """Exit status 2, and nothing is played."""
    assert RECORDING.count(old) == 1
    (tmp_path / "wrong.toml").write_text(RECORDING.replace(old, new))
    done = demo.rctrack("replay", "demo", "--recording", str(tmp_path / "wrong.toml"))
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"rctrack: [^\n]*wrong\.toml: [^\n]+\n", done.stderr), done.stderr
    assert key in done.stderr.partition("wrong.toml: ")[2]


UTIL_LINUX = """
name = "util-linux"
scheme = "dotted"
feature_parts = 2
ignore_tags = '(-start|-devel|-REAL)$'
[[lists]]
kind = "public-inbox"
url = "{folder}/util-linux-archive.git"
from = ["kzak@redhat.com"]
subject = '^\\[ANNOUNCE\\]\\s(?:.*\\s)?util-linux\\s(?:\\w+\\s)*v(?P<version>\\S+)'
[[tags]]
url = "{folder}/util-linux.git"
"""


@pytest.mark.shared
@pytest.mark.timeout(600)
def test_the_one_mail_of_util_linux_that_never_came_is_found(shared: Path, tmp_path: Path) -> None:
    """v2.38-rc4: late at the first archived proof, on 24 March 2022, and never announced; nothing else is late."""
    for name in ("util-linux-archive", "util-linux"):
        unpack(shared / "data", name, tmp_path)
    (tmp_path / "projects").mkdir()
    (tmp_path / "projects" / "util-linux.toml").write_text(UTIL_LINUX.format(folder=tmp_path))
    (tmp_path / "rctrack.toml").write_text(
        'database = "state/rctrack.db"\nprojects = ["util-linux"]\n[mail]\ntransport = "maildir:outbox"\n'
        '[[mail.to]]\naddress = "ann@example.org"\nsend = ["alerts"]\n'
    )
    demo = Follower(tmp_path)
    assert demo.rctrack("poll").returncode == 0
    said = demo.rctrack("replay", "util-linux", "--from", "2022-03-01", "--until", "2022-04-05", "--subjects")
    assert said.returncode == 0, said.stderr
    mails, _, record = said.stdout.partition("\nThe record of ")
    lines = [line for line in mails.splitlines() if " out" not in line]
    assert [(line[:10], line.partition("[rctrack] ")[2].split(":")[0]) for line in lines] == [
        ("2022-03-24", "LATE util-linux v2.38-rc4"),
        (lines[-1][:10], "NEVER util-linux v2.38-rc4"),
    ]
    assert re.findall(r"^util-linux +(\S+) .* (closed|never|late now) .*announcement", record, re.MULTILINE) == [
        ("2.38-rc4", "never")
    ]
    assert json.loads(demo.rctrack("outages", "--json").stdout)

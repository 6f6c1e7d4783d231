"""Hosts that go away and come back: who is told, what is on record, and when it is we who were away."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from rctrack import rounds
from rctrack.config import SourceConfig
from rctrack.core.evidence import MessageId
from rctrack.core.mail import Mail
from rctrack.replay.recorded import Recorded
from rctrack.replay.recording import Down, Feed
from rctrack.send import Delivery, Sent
from rctrack.sources import Source
from tests.support.following import Follower, follow, too_long
from tests.support.material import BEGIN, DAY, HOUR, MINUTE, make_repository
from tests.support.servers import BOT_WALL, GitHttp, git_over_http, hanging_up, nobody_at_home

STEP = 150 * MINUTE
"""Between two looks at recorded hosts, and four a quarter of an hour apart when one went or came back."""
ONE, TWO, THREE = "git.one.example", "git.two.example", "www.two.example"


# --- Real hosts ------------------------------------------------------------------------------------


@dataclass(slots=True)
class Network:
    """Three real hosts of one repository; each can be taken away, and put back at the same address."""

    folder: Path
    demo: Follower
    urls: list[str] = field(default_factory=list)
    up: dict[int, tuple[ExitStack, GitHttp]] = field(default_factory=dict)

    def start(self, number: int) -> None:
        stack = ExitStack()
        port = urlsplit(self.urls[number]).port if number < len(self.urls) else 0
        self.up[number] = (stack, stack.enter_context(git_over_http(self.folder, port=port or 0)))
        if number == len(self.urls):
            self.urls.append(self.up[number][1].url)

    def stop(self, number: int) -> None:
        self.up.pop(number)[0].close()

    def host(self, number: int) -> str:
        return urlsplit(self.urls[number]).netloc

    def poll(self, *minutes: int) -> None:
        for each in minutes:
            self.demo.poll(BEGIN + DAY + each * MINUTE)


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    """All up, and looked at once."""
    make_repository(tmp_path / "served" / "demo.git").release("1.0")
    made = Network(tmp_path / "served", Follower(tmp_path))
    for number in range(3):
        made.start(number)
    made.demo = follow(tmp_path / "user", tags=[f"{url}/demo.git" for url in made.urls])
    made.poll(0)
    yield made
    for number in list(made.up):
        made.stop(number)


def listed(demo: Follower) -> list[dict[str, Any]]:
    """What `rctrack outages` tells scripts."""
    said = demo.rctrack("outages", "--json")
    assert said.returncode == 0, said.stderr
    found: list[dict[str, Any]] = json.loads(said.stdout)
    return found


def test_one_host_of_three_that_is_down_is_told_after_two_hours_and_when_it_is_back(network: Network) -> None:
    """For that host only: one DOWN, one UP in its thread, and a row of the record with its bounds."""
    network.stop(2)
    network.poll(15, 30, 45, 130)
    assert network.demo.mails() == []
    network.poll(140, 155)
    [out] = network.demo.mails()
    host, since = network.host(2), BEGIN + DAY + 15 * MINUTE
    assert out["Subject"] == f"[rctrack] DOWN {host}: no answer since {since:%a %-d %b %H:%M} UTC"
    text = out.get_content()
    assert text.startswith(f"{host} has been down for 2 h 5 min.\n")
    assert f"demo  tags {network.urls[2]}/demo.git" in text
    assert network.host(0) in text.split("These answer:")[1]
    assert network.host(1) in text.split("These answer:")[1]
    assert too_long(text) == []
    network.start(2)
    network.poll(170)
    assert len(network.demo.mails()) == 1, "one success is no recovery"
    network.poll(185, 200)
    [back] = [mail for mail in network.demo.mails() if "UP" in mail["Subject"]]
    assert back["Subject"] == f"[rctrack] UP {host}: after 2 h 35 min"
    assert back.get_content().startswith(f"{host} answers again.\n")
    assert back["References"] == out["Message-ID"]
    assert len(network.demo.mails()) == 2
    [outage] = listed(network.demo)
    assert (outage["hosts"], outage["kind"], outage["known_by"], outage["seconds"]) == ([host], "down", "looks", 9300)
    assert (outage["not_before"], outage["since"]) == (iso(BEGIN + DAY), iso(since))
    assert (outage["not_after"], outage["until"]) == (
        iso(BEGIN + DAY + 155 * MINUTE),
        iso(BEGIN + DAY + 170 * MINUTE),
    )
    assert "What hosts did before 2 Mar 2026 only mails can tell" in network.demo.rctrack("outages").stdout


def test_unrelated_hosts_that_are_all_down_mean_that_we_are_offline(network: Network) -> None:
    """Nobody is accused, then or when they are back; the digest has one line."""
    for number in range(3):
        network.stop(number)
    with ExitStack() as cut:  # a port that refuses would prove that its machine is reached
        for url in network.urls:
            cut.enter_context(hanging_up(urlsplit(url).port or 0))
        network.poll(15, 30, 45, 140, 200)
    digest = digest_of(network.demo, BEGIN + DAY, BEGIN + DAY + 200 * MINUTE)
    assert "We have been offline for 3 h 5 min; nobody else is to blame." in " ".join(digest.split())
    for number in range(3):
        network.start(number)
    network.poll(215, 230, 245)
    assert network.demo.mails() == []
    assert [each["kind"] for each in listed(network.demo)] == ["offline"]
    digest = " ".join(digest_of(network.demo, BEGIN + DAY, BEGIN + 2 * DAY).split())
    assert digest.count("offline") == 1
    assert "down" not in digest


def test_a_host_that_answers_with_a_challenge_blocks_us(network: Network) -> None:
    """It is not down, and is left alone longer and longer; that is no hole in our own running."""
    network.up[2][1].page = BOT_WALL
    network.poll(15, 80, 205, 320)
    [mail] = network.demo.mails()
    assert mail["Subject"].startswith(f"[rctrack] BLOCKED {network.host(2)}: does not let us in since ")
    assert mail.get_content().startswith(f"{network.host(2)} has been blocking us for ")
    [outage] = listed(network.demo)
    assert (outage["kind"], outage["hosts"]) == ("blocked", [network.host(2)])


def test_the_pauses_of_the_only_host_that_blocks_us_are_no_hole(tmp_path: Path) -> None:
    """For hours nothing is asked, because we were told to go away; rctrack did run."""
    make_repository(tmp_path / "served" / "demo.git").release("1.0")
    with git_over_http(tmp_path / "served") as server:
        demo = follow(tmp_path / "user", tags=[f"{server.url}/demo.git"])
        for minutes in (0, 15):
            demo.poll(BEGIN + DAY + minutes * MINUTE)
        server.page = BOT_WALL
        for minutes in (30, 95, 220, 470, 960, 1925):
            demo.poll(BEGIN + DAY + minutes * MINUTE)
            demo.poll(BEGIN + DAY + (minutes + 15) * MINUTE)
    assert [each["kind"] for each in listed(demo)] == ["blocked"]


def test_a_host_that_is_not_followed_any_more_is_not_out_for_ever(network: Network) -> None:
    """Its outage ends when it is taken out of the configuration; nobody is told that it is back."""
    network.stop(2)
    network.poll(15, 30, 45, 140)
    assert len(network.demo.mails()) == 1
    network.demo = follow(network.demo.folder, tags=[f"{url}/demo.git" for url in network.urls[:2]])
    network.poll(155, 170)
    [outage] = listed(network.demo)
    assert outage["until"] == iso(BEGIN + DAY + 155 * MINUTE)
    assert len(network.demo.mails()) == 1
    network.poll(185)
    assert [outage] == listed(network.demo)


def test_readers_without_alerts_and_those_of_other_projects_are_not_told(network: Network) -> None:
    """Nobody is told, so nobody is told that it is back."""
    follow(
        network.demo.folder,
        tags=[f"{url}/demo.git" for url in network.urls],
        reader='send = ["digest"]\ndigest = "Mon 08:00"',
    )
    network.stop(2)
    network.poll(15, 30, 45, 140)
    network.start(2)
    network.poll(155, 170)
    assert network.demo.mails() == []
    assert len(listed(network.demo)) == 1


def test_a_single_host_that_refuses_every_connection_is_out(tmp_path: Path) -> None:
    """One host alone cannot show that it is us."""
    make_repository(tmp_path / "served" / "demo.git").release("1.0")
    with git_over_http(tmp_path / "served") as server:
        demo = follow(tmp_path / "user", tags=[f"{server.url}/demo.git"])
        demo.poll(BEGIN)
    for minutes in (15, 30, 45, 140):
        demo.poll(BEGIN + minutes * MINUTE)
    assert [str(mail["Subject"]).split(":")[0] for mail in demo.mails()] == ["[rctrack] DOWN 127.0.0.1"]


def test_a_host_that_never_answered_well_is_no_outage_that_is_told(tmp_path: Path) -> None:
    """A mistyped address is its writer's to mend: `doctor` and `status` name it, and no mail accuses anybody."""
    with nobody_at_home() as url:
        demo = follow(tmp_path / "user", tags=[f"{url}/demo.git"])
        for minutes in (0, 15, 30, 130, 300):
            demo.poll(BEGIN + minutes * MINUTE)
    assert demo.mails() == []


# --- Recorded hosts: days in seconds ---------------------------------------------------------------


@dataclass(slots=True)
class Told:
    """Every mail, with the moment at which it went out."""

    now: datetime
    mails: list[tuple[datetime, EmailMessage]] = field(default_factory=list)

    def send(self, message: bytes, sender: str, recipient: str) -> Delivery:
        self.mails.append((self.now, message_from_bytes(message, policy=policy.default)))
        return Sent()

    def probe(self) -> Delivery:
        return Sent()


@dataclass(slots=True)
class Days:
    """A follower of three hosts of which it is recorded when each was down."""

    demo: Follower
    downs: Mapping[str, Sequence[tuple[timedelta, timedelta]]]
    told: Told = field(default_factory=lambda: Told(BEGIN))

    def play(self, begin: timedelta, end: timedelta, step: timedelta = STEP) -> None:
        """Looks at all of it from then until then."""
        edges = [each for downs in self.downs.values() for down in downs for each in down]
        moments = {begin + number * step for number in range(int((end - begin) / step) + 1)}
        moments |= {edge + n * 15 * MINUTE for edge in edges for n in range(5) if begin <= edge < end}
        for moment in sorted(moments):
            self.look(BEGIN + moment)

    def look(self, now: datetime) -> None:
        """One round at that moment."""
        self.told.now = now

        def at_that_time(source: SourceConfig) -> Source:
            downs = self.downs.get(urlsplit(source.url).netloc, ())
            feed = Feed((), tuple(Down(BEGIN + since, BEGIN + until, "no answer") for since, until in downs))
            return Recorded(source, feed)

        with self.demo.round(now) as round_:
            then = replace(round_, tools=replace(round_.tools, recorded=at_that_time))
            rounds.look_at_all(then, then.config.projects, lambda _: None)
            rounds.check(then, then.config.projects)
            rounds.send(then, self.told)

    def subjects(self) -> list[str]:
        return [str(mail["Subject"]) for _, mail in self.told.mails]

    def outages(self) -> list[tuple[str, list[str], timedelta, timedelta | None]]:
        """Kind, hosts, begin and end of each on record, from the begin of time."""
        return [
            (
                row["kind"],
                row["hosts"].split(),
                datetime.fromisoformat(row["since"]) - BEGIN,
                datetime.fromisoformat(row["until"]) - BEGIN if row["until"] else None,
            )
            for row in self.demo.rows("SELECT * FROM outages ORDER BY since, id")
        ]

    def digest(self, since: timedelta, until: timedelta) -> str:
        return " ".join(digest_of(self.demo, BEGIN + since, BEGIN + until).split())


def days(tmp_path: Path, downs: Mapping[str, Sequence[tuple[timedelta, timedelta]]]) -> Days:
    urls = [f"https://{host}/demo.git" for host in (ONE, TWO, THREE)]
    return Days(follow(tmp_path / "user", tags=urls), downs)


def test_hosts_of_one_site_that_fail_together_are_one_outage(tmp_path: Path) -> None:
    """One mail that names both, and one when the last of them is back."""
    played = days(tmp_path, {TWO: [(HOUR, 20 * HOUR)], THREE: [(HOUR + 15 * MINUTE, 22 * HOUR)]})
    played.play(timedelta(0), DAY)
    assert played.outages() == [("down", [TWO, THREE], HOUR, 22 * HOUR)]
    assert [subject.split(":")[0] for subject in played.subjects()] == [
        "[rctrack] DOWN two.example (git, www)",
        "[rctrack] UP two.example (git, www)",
    ]
    [_, (_, back)] = played.told.mails
    assert back.get_content().splitlines()[0] == "two.example (git, www) answer again."


def test_of_hosts_that_went_together_the_one_that_is_back_is_not_called_down(tmp_path: Path) -> None:
    """Two strangers failed in the same hour; one was back soon."""
    played = days(tmp_path, {ONE: [(HOUR, 3 * HOUR)], TWO: [(HOUR, 30 * HOUR)]})
    played.play(timedelta(0), 20 * HOUR)
    digest = played.digest(timedelta(0), 20 * HOUR)
    assert f"{TWO} has been down for 19 h." in digest
    assert f"{ONE} and" not in digest
    assert [subject.split(":")[0] for subject in played.subjects()] == [f"[rctrack] DOWN {ONE} and {TWO}"]


def test_a_short_outage_is_a_line_of_the_digest_alone(tmp_path: Path) -> None:
    """An hour and a half."""
    played = days(tmp_path, {TWO: [(HOUR, 150 * MINUTE)]})
    played.play(timedelta(0), DAY)
    assert played.subjects() == []
    assert f"{TWO} was down from 1 Mar 2026 13:00 to 1 Mar 2026 14:30 UTC." in played.digest(timedelta(0), DAY)
    assert TWO not in played.digest(DAY, 2 * DAY).replace(f"tags https://{TWO}", "")


def test_an_outage_of_weeks_stays_one_and_ends_when_the_host_is_back(tmp_path: Path) -> None:
    """Far longer than what is walked through again at each look."""
    played = days(tmp_path, {TWO: [(DAY, 13 * DAY)]})
    played.play(timedelta(0), 12 * DAY)
    assert played.outages() == [("down", [TWO], DAY, None)]
    played.play(12 * DAY + STEP, 16 * DAY)
    assert played.outages() == [("down", [TWO], DAY, 13 * DAY)]
    assert [subject.partition(": ")[2] for subject in played.subjects()] == [
        "no answer since Mon 2 Mar 12:00 UTC",
        "after 12 days",
    ]
    [(out_at, _), (back_at, _)] = played.told.mails
    assert DAY + 2 * HOUR <= out_at - BEGIN <= DAY + 2 * HOUR + STEP
    assert back_at - BEGIN == 13 * DAY + 15 * MINUTE


def test_a_host_that_fails_again_while_another_is_still_out_does_not_end_the_outage(tmp_path: Path) -> None:
    """Two go together; one comes back, fails once more and is back, the other is out all the time."""
    played = days(tmp_path, {TWO: [(HOUR, 10 * DAY)], THREE: [(HOUR, 3 * DAY), (5 * DAY, 6 * DAY)]})
    played.play(timedelta(0), 12 * DAY)
    subjects = [subject.split(":")[0].removeprefix("[rctrack] ") for subject in played.subjects()]
    assert subjects[0] == "DOWN two.example (git, www)"
    assert subjects[-1] == "UP two.example (git, www)"
    assert [at - BEGIN for at, mail in played.told.mails if "UP two.example (" in mail["Subject"]] == [
        10 * DAY + 15 * MINUTE
    ]


def test_time_in_which_rctrack_did_not_run_is_a_hole_blamed_on_nobody(tmp_path: Path) -> None:
    """Two nights: two lines of the digest; many are one line. What was down before and after is told for itself."""
    played = days(tmp_path, {TWO: [(DAY, 3 * DAY)]})
    played.play(timedelta(0), DAY + 6 * HOUR)
    played.play(2 * DAY, 2 * DAY + 6 * HOUR)
    played.play(4 * DAY, 4 * DAY + 6 * HOUR)
    assert [each for each in played.outages() if each[0] == "down"] == [
        ("down", [TWO], DAY, DAY + 6 * HOUR),
        ("down", [TWO], 2 * DAY, 2 * DAY + 5 * HOUR),
    ], "nobody knows what was in between"
    assert [subject.split(":")[0] for subject in played.subjects()] == [f"[rctrack] DOWN {TWO}", f"[rctrack] UP {TWO}"]
    assert [each[0] for each in played.outages()].count("hole") == 2
    assert played.digest(timedelta(0), 5 * DAY).count("rctrack did not run from") == 2
    for number in range(5, 9):
        played.play(number * DAY, number * DAY + HOUR)
    digest = played.digest(timedelta(0), 9 * DAY)
    assert "rctrack did not run 6 times" in digest
    assert "did not run from" not in digest


def test_looking_twice_a_day_as_it_was_asked_to_is_no_hole(tmp_path: Path) -> None:
    """The schedule says so."""
    played = days(tmp_path, {})
    follow(
        played.demo.folder,
        tags=[f"https://{host}/demo.git" for host in (ONE, TWO, THREE)],
        schedule='tags = "12h"\nlists = "12h"',
    )
    played.play(timedelta(0), 4 * DAY, 12 * HOUR)
    assert played.outages() == []


def test_an_outage_is_under_no_cap_of_others(tmp_path: Path) -> None:
    """Twenty other mails went out within the hour: the host that is down is told all the same."""
    played = days(tmp_path, {TWO: [(HOUR, 10 * HOUR)]})
    played.play(timedelta(0), 2 * HOUR + 15 * MINUTE)
    with played.demo.round(BEGIN + 3 * HOUR) as round_, round_.store.transaction():
        owed_at = BEGIN + 3 * HOUR
        others = (Mail(MessageId(f"{n}@x"), "ann@example.org", "rc", None, "x", owed_at, b"x") for n in range(20))
        round_.store.outbox.put(others)
        round_.store.db.execute("UPDATE outbox SET sent_at = owed_at")
    played.look(BEGIN + 3 * HOUR + 15 * MINUTE)
    assert [subject.split(":")[0] for subject in played.subjects()] == [f"[rctrack] DOWN {TWO}"]


def digest_of(demo: Follower, since: datetime, until: datetime) -> str:
    """The text of the digest of these days."""
    with demo.round(until) as round_:
        return rounds.digest_of(round_, round_.config.mail.to[0], since, until)[1]


def iso(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"

"""A tag whose mail does not come, as a reader and a script see it: when it opens, who is told, how it ends."""

from datetime import datetime
from pathlib import Path

import pytest

from rctrack.track.hosts import states as states_of
from rctrack.track.hosts import survey
from tests.support.following import follow, too_long
from tests.support.lateness import EXPECTS, LATE, LIMIT, WEEK, World, iso, make_late, make_world
from tests.support.material import DAY, HOUR, LIST_SERVER, MINUTE, Mail, make_epoch, make_repository


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


@pytest.fixture
def late(world: World) -> World:
    return make_late(world)


# --- It opens --------------------------------------------------------------------------------------


def test_a_tag_without_its_mail_is_one_late_mail(world: World) -> None:
    """Not before the limit; then one, with the verdict on the first line, the facts and the sources, in 72 columns."""
    at = world.tag("1.1-rc2")
    world.talk(at + LIMIT - HOUR)
    world.demo.poll(at + LIMIT - MINUTE)
    assert world.late_mails() == []
    world.talk(at + LATE - HOUR)
    world.demo.poll(at + LATE)
    [mail] = world.late_mails()
    assert mail["Subject"] == "[rctrack] LATE demo v1.1-rc2: no mail for 26 h, tag is at demo.git"
    text = mail.get_content()
    first = text.split("\n\n")[0].replace("\n", " ")
    assert first == "Demo v1.1-rc2: no mail for 26 h, tag is at demo.git."
    assert f"  Tagged      {at:%a %Y-%m-%d %H:%M} UTC" in text
    assert f"  Late since  {at + LIMIT:%a %Y-%m-%d %H:%M} UTC" in text
    assert "1 d is the limit of what is usual" in text
    assert "v1.1-rc1 was announced" in text
    assert "Sources" not in text, "all are good"
    assert "You get this because rctrack follows Demo" in text.replace("\n", " ")
    assert too_long(text) == []
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "demo.rctrack" in mail["List-Id"]


def test_the_late_mail_continues_the_thread_of_its_release(late: World) -> None:
    """It refers to the first mail of the cycle that we sent; another delay of the cycle does, too."""
    [mail] = late.late_mails()
    [out] = [each for each in late.demo.mails() if " out" in each["Subject"]]
    assert mail["References"] == out["Message-ID"]


def test_while_the_list_is_silent_nobody_is_accused(world: World) -> None:
    """No mail that was delivered after the limit was seen there: the digest says that it cannot tell."""
    at = world.tag("1.1-rc2")
    world.talk(at + LIMIT - MINUTE)
    for days in (1, 2, 5, 10):
        world.demo.poll(at + days * DAY + HOUR)
    assert world.late_mails() == []
    assert world.delays() == []
    assert "cannot tell" in world.digest(at, at + 10 * DAY)


def test_it_opens_at_the_first_proof_that_its_mail_was_missed(world: World) -> None:
    """The archive takes mail in again after ten days, and this one is not among it."""
    at = world.tag("1.1-rc2")
    world.demo.poll(at + 5 * DAY)
    world.talk(at + 10 * DAY)
    world.demo.poll(at + 10 * DAY + HOUR)
    [mail] = world.late_mails()
    assert mail["Subject"].endswith(": no mail for 10 days, tag is at demo.git")
    [delay] = world.delays()
    assert (delay["since"], delay["proven_at"]) == (iso(at), iso(at + 10 * DAY))


def test_a_project_that_does_not_announce_is_never_late(tmp_path: Path) -> None:
    """Without `expects` and without enough history there is no habit."""
    world = make_world(tmp_path, settings="")
    at = world.tag("1.1-rc2")
    world.talk(at + 2 * DAY)
    world.demo.poll(at + 3 * DAY)
    assert (world.late_mails(), world.said("delays")) == ([], [])


def test_a_habit_of_its_own_makes_it_late(tmp_path: Path) -> None:
    """Six candidates of which each was announced within minutes; the seventh is late after the floor of 12 hours."""
    world = make_world(tmp_path, settings="")
    for number in range(2, 8):
        at = world.tag(f"1.1-rc{number}", every=WEEK)
        world.announce(f"1.1-rc{number}", at + 5 * MINUTE)
    at = world.tag("1.1-rc8", every=WEEK)
    world.talk(at + 13 * HOUR)
    world.demo.poll(at + 14 * HOUR)
    assert ["v1.1-rc8" in mail["Subject"] for mail in world.late_mails()] == [True]
    [delay] = world.delays()
    assert delay["limit_seconds"] == 12 * 3600


def test_watching_again_adds_nothing_and_mails_nothing(late: World) -> None:
    """However often; while the list is silent it is not told to be later than can be proved."""
    at = late.tagged["1.1-rc2"] + LATE
    before = (late.delays(), len(late.demo.mails()))
    for minutes in (0, 1, 60):
        late.demo.poll(at + minutes * MINUTE)
    assert (late.delays(), len(late.demo.mails())) == before
    late.demo.poll(at + 4 * DAY)
    late.demo.poll(at + 5 * DAY)
    assert (late.delays(), len(late.demo.mails())) == before
    digest = " ".join(late.digest(at, at + 5 * DAY).split())
    assert "v1.1-rc2 is late: no mail for 25 h; nothing newer can be told since" in digest


def test_what_was_late_before_we_came_is_recorded_and_mailed_to_nobody(tmp_path: Path) -> None:
    """Nor is its end."""
    repository = make_repository(tmp_path / "demo.git")
    epoch = make_epoch(tmp_path / "archive" / "git" / "0.git")
    demo = follow(tmp_path / "user", tags=[repository.path], lists=[tmp_path / "archive"], settings=EXPECTS)
    world = World(repository, epoch, demo)
    repository.release("1.0")
    world.announce("1.0", repository.now + MINUTE)
    repository.release("1.1-rc1")
    at = repository.now
    world.talk(at + 2 * DAY)
    demo.poll(at + 3 * DAY)
    assert [each["ended"] for each in world.delays()] == [None]
    demo.poll(at + 3 * DAY + HOUR)
    world.announce("1.1-rc1", at + 3 * DAY + 2 * HOUR)
    demo.poll(at + 4 * DAY)
    assert [(each["ended"], each["cause"]) for each in world.delays()] == [("closed", "project")]
    assert demo.mails() == []


def test_history_that_was_read_at_first_is_never_late(tmp_path: Path) -> None:
    """Releases of last year without a mail are not waited for."""
    repository = make_repository(tmp_path / "demo.git")
    epoch = make_epoch(tmp_path / "archive" / "git" / "0.git")
    demo = follow(tmp_path / "user", tags=[repository.path], lists=[tmp_path / "archive"], settings=EXPECTS)
    world = World(repository, epoch, demo)
    world.talk(repository.now)
    repository.release("1.0", "1.1-rc1", "1.1-rc2")
    world.talk(repository.now + 29 * DAY)
    demo.poll(repository.now + 30 * DAY)
    assert (world.said("delays"), demo.mails()) == ([], [])


# --- To whom ---------------------------------------------------------------------------------------


def test_only_readers_of_alerts_who_follow_the_project_are_told(tmp_path: Path) -> None:
    """One mail each; a reader of digests gets none, and both get a Message-ID of their own."""
    bob = '[[mail.to]]\naddress = "bob@example.org"\nsend = ["digest"]\ndigest = "Mon 08:00"'
    cat = '[[mail.to]]\naddress = "cat@example.org"\nsend = ["alerts"]'
    world = make_world(tmp_path, reader=f'send = ["alerts"]\n{bob}\n{cat}')
    at = world.tag("1.1-rc2")
    world.talk(at + LATE - HOUR)
    world.demo.poll(at + LATE)
    mails = world.late_mails()
    assert sorted(str(mail["To"]) for mail in mails) == ["ann@example.org", "cat@example.org"]
    assert len({mail["Message-ID"] for mail in mails}) == 2


def test_what_is_above_the_cap_of_an_hour_is_in_the_digest(world: World) -> None:
    """Twenty-two are late at once: as many mails as an hour may have, and a line for each in the digest."""
    world.repository.now += DAY
    versions = [f"1.{number}-rc1" for number in range(10, 32)]
    for version in versions:
        world.repository.commit()
        world.repository.tag(f"v{version}")
    at = world.repository.now
    world.demo.poll(at + 10 * MINUTE)
    sent = len(world.demo.mails())
    world.talk(at + LATE - MINUTE)
    world.demo.poll(at + LATE)
    assert len(world.delays()) == 22
    assert (sent, len(world.late_mails())) == (0, 20), "what is out was held for its mail, and is one mail"
    digest = world.digest(at, at + 2 * DAY)
    assert all(f"v{version} is late" in digest for version in versions)
    told = {str(mail["Subject"]).split()[3].strip(":") for mail in world.late_mails()}
    for version in versions:
        world.announce(version, at + LATE + HOUR)
    world.demo.poll(at + LATE + 2 * HOUR)
    over = {str(mail["Subject"]).split()[3].strip(":") for mail in world.over_mails()}
    assert over == told, "whoever was not told that it is late is not told that it is over"


# --- It ends ---------------------------------------------------------------------------------------


def test_a_mail_that_was_held_on_its_way_closes_it_with_the_cause_mail(late: World) -> None:
    """The end tells length and cause once, in the thread; the record has the same."""
    at = late.tagged["1.1-rc2"]
    late.announce("1.1-rc2", at + 5 * MINUTE, delivered_after=LATE + HOUR)
    late.demo.poll(at + LATE + 2 * HOUR)
    [mail] = late.over_mails()
    assert mail["Subject"] == "[rctrack] OVER demo v1.1-rc2: announced, mail was held for 27 h"
    text = mail.get_content()
    assert text.startswith("Demo v1.1-rc2: announced, mail was held for 27 h.\n")
    assert "the mail is to blame, not the project" in text.replace("\n", " ")
    assert f"waited 27 h between mx.example.org and {LIST_SERVER}." in text.replace("\n", " ")
    assert too_long(text) == []
    [out] = [each for each in late.demo.mails() if " out" in each["Subject"]]
    [opened] = late.late_mails()
    assert mail["References"] == f"{out['Message-ID']} {opened['Message-ID']}"
    assert mail["In-Reply-To"] == opened["Message-ID"]
    [delay] = late.delays()
    assert (delay["cause"], delay["ended"], delay["seconds"]) == ("mail", "closed", 27 * 3600 + 300)
    shown = late.demo.rctrack("show", "demo", "1.1-rc2").stdout
    assert f"waited 27 h between mx.example.org and {LIST_SERVER}" in shown
    [held] = [mail["longest_wait"] for mail in late.said("show", "demo", "1.1-rc2")["mails"]]
    assert held == {"at": "mx.example.org", "until_at": LIST_SERVER, "seconds": 27 * 3600}
    late.demo.poll(at + LATE + 3 * HOUR)
    assert len(late.over_mails()) == 1


def test_a_mail_that_was_written_late_closes_it_with_the_cause_project(late: World) -> None:
    """Its own Date is late; nothing held it on the way."""
    at = late.tagged["1.1-rc2"]
    late.announce("1.1-rc2", at + LATE + HOUR)
    late.demo.poll(at + LATE + 2 * HOUR)
    [mail] = late.over_mails()
    assert mail["Subject"] == "[rctrack] OVER demo v1.1-rc2: announced after 27 h"
    [delay] = late.delays()
    assert (delay["cause"], delay["ended"], delay["until"]) == ("project", "closed", iso(at + LATE + HOUR))


def test_what_a_later_release_overtakes_was_never_announced(late: World) -> None:
    """rc3 is tagged and announced: rc2 is not waited for any more, and one mail says so."""
    at = late.tag("1.1-rc3", every=WEEK)
    late.announce("1.1-rc3", at + 5 * MINUTE)
    late.demo.poll(at + HOUR)
    late.demo.poll(at + 2 * HOUR)
    [mail] = late.over_mails()
    assert mail["Subject"] == "[rctrack] NEVER demo v1.1-rc2: was not announced"
    assert "not waited for any more" in mail.get_content().replace("\n", " ")
    [delay] = late.delays()
    assert (delay["ended"], delay["version"]) == ("never", "1.1-rc2")


def test_an_end_that_was_never_a_mail_is_none_either(world: World) -> None:
    """Held for days while the list was silent, and read with its lateness over: a digest line, no mail."""
    at = world.tag("1.1-rc2")
    world.announce("1.1-rc2", at + 5 * MINUTE, delivered_after=3 * DAY)
    world.demo.poll(at + 4 * DAY)
    assert [(each["cause"], each["ended"]) for each in world.delays()] == [("mail", "closed")]
    assert (world.late_mails(), world.over_mails()) == ([], [])
    assert "announced, mail was held for 3 d" in world.digest(at, at + 5 * DAY)


def test_the_commands_tell_of_a_delay_as_the_contract_has_it(late: World) -> None:
    """kind, since, until, seconds, cause, ended: open and closed, in `delays`, `releases` and `show`."""
    at = late.tagged["1.1-rc2"]
    opened = {
        "kind": "announcement", "since": iso(at), "until": None, "seconds": None, "cause": None, "ended": None,
    }  # fmt: skip
    assert late.said("show", "demo", "1.1-rc2")["delays"] == [opened]
    assert {each["version"]: each["delays"] for each in late.said("releases", "demo")} == {
        "1.0": [], "1.1-rc1": [], "1.1-rc2": [opened],
    }  # fmt: skip
    assert "late now" in late.demo.rctrack("delays").stdout
    late.announce("1.1-rc2", at + LATE)
    late.demo.poll(at + LATE + HOUR)
    closed = {**opened, "until": iso(at + LATE), "seconds": 26 * 3600, "cause": "project", "ended": "closed"}
    assert late.said("show", "demo", "1.1-rc2")["delays"] == [closed]
    [delay] = late.said("delays")
    assert {**closed, "project": "demo", "version": "1.1-rc2"}.items() <= delay.items()
    assert "closed" in late.demo.rctrack("delays").stdout


def states(world: World, now: datetime) -> list[str]:
    """How the list and the repository do at that moment."""
    with world.demo.round(now) as round_:
        health = survey(round_.store, round_.config, now).health
        [project] = round_.config.projects
        return list(states_of(round_.store, project, health, round_.store.projection.delays(project.id), now).values())


def test_an_archive_that_stores_mail_days_late_lags_until_it_stores_one_in_time(world: World) -> None:
    """By its own clock; it answers all the while. After a week without mail nothing is said of it: it may be quiet."""
    at = world.tag("1.1-rc2")
    world.epoch.add(Mail("Re: 1", "Sam <sam@example.org>", at=at, archived_after=3 * DAY))
    world.demo.poll(at + 3 * DAY + HOUR)
    assert states(world, at + 4 * DAY) == ["lagging", "unknown"]
    assert states(world, at + 11 * DAY) == ["unknown", "unknown"]
    assert "lagging" in world.digest(at, at + 4 * DAY)
    world.epoch.add(Mail("Re: 2", "Sam <sam@example.org>", at=at + 4 * DAY, archived_after=HOUR))
    world.demo.poll(at + 4 * DAY + 2 * HOUR)
    assert states(world, at + 4 * DAY + 2 * HOUR) == ["unknown", "unknown"]

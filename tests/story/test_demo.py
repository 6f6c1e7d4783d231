"""September 2011 again: what `make demo` prints, and what it would print had it gone otherwise."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from rctrack.cli import main
from rctrack.config import load_project, shipped
from rctrack.replay.recorded import Recorded
from rctrack.replay.recording import Feed
from rctrack.sources.protocol import Good

RECORDING = shipped() / "recordings" / "linux-3.1.toml"
STORY = """\
2011-08-22 12:00  [rctrack] linux v3.1-rc3 out
2011-08-29 04:30  [rctrack] linux v3.1-rc4 out
2011-08-31 02:00  [rctrack] DOWN kernel.org (git, www): no answer since Wed 31 Aug 00:00 UTC
2011-09-04 23:30  [rctrack] UNCONFIRMED linux v3.1-rc5: announced, git.kernel.org is down
2011-09-05 00:00  [rctrack] linux v3.1-rc5 out: announced +42m
2011-09-12 23:15  [rctrack] linux v3.1-rc6 out
2011-09-13 10:30  [rctrack] LATE linux v3.1-rc6: no mail for 13 h, tag is at github.com
2011-09-14 12:00  [rctrack] OVER linux v3.1-rc6: announced, mail was held for 38 h
2011-09-21 14:00  [rctrack] linux v3.1-rc7 out
2011-09-27 14:00  [rctrack] linux v3.1-rc8 out
2011-10-04 12:15  [rctrack] UP kernel.org (git, www): after 34 days
2011-10-04 14:00  [rctrack] linux v3.1-rc9 out: extra
2011-10-18 06:15  [rctrack] linux v3.1-rc10 out: extra
2011-10-24 09:15  [rctrack] linux v3.1 out
"""


def replayed(tmp_path: Path, *options: str) -> str:
    """What the replay of a recording prints, for somebody without a configuration of their own."""
    environ = {
        "RCTRACK_STATE": str(tmp_path / "state"),
        "XDG_CONFIG_HOME": str(tmp_path / "none"),
        "HOME": str(tmp_path),
    }
    said = CliRunner().invoke(main, ["replay", "linux", *options], env=environ, catch_exceptions=False)
    assert said.exit_code == 0, said.output
    return said.output


def changed(tmp_path: Path, old: str, new: str) -> str:
    """The path of a copy of the recording that ends when rc6 is there, and in which one fact is another."""
    text = RECORDING.read_text("utf-8")
    assert text.count(old) == text.count("end = 2011-10-31T00:00:00Z") == 1
    copy = tmp_path / "copy.toml"
    copy.write_text(text.replace("end = 2011-10-31T00:00:00Z", "end = 2011-09-16T00:00:00Z").replace(old, new), "utf-8")
    return str(copy)


def test_the_demo_tells_the_story_and_nothing_else(tmp_path: Path) -> None:
    """kernel.org out, rc6 late while it is unannounced, held by the mail, kernel.org back; and the releases."""
    said = replayed(tmp_path, "--recording", "linux-3.1", "--subjects")
    mails, _, record = said.partition("\nThe record of ")
    assert mails == STORY
    delays = re.findall(r"^linux +(\S+) .*? (closed|never) +(\S+) +(\w+)", record, re.MULTILINE)
    assert delays == [
        ("3.1-rc6", "closed", "mail", "announcement"),
        *(("3.1-rc6", "closed", "host", "mirror"), ("3.1-rc7", "closed", "host", "mirror")),
        ("3.1-rc8", "closed", "host", "mirror"),
    ]
    assert re.search(r"^down +2011-08-31 00:00 +2011-10-04 12:00 +34 days", record, re.MULTILINE)


def test_what_is_known_to_a_day_only_is_said_and_how_it_is_known(tmp_path: Path) -> None:
    """The hours of the replay are made up; bounds are called bounds, and the story a story."""
    said = replayed(tmp_path, "--recording", "linux-3.1", "--subjects")
    days = said.partition("\nKnown to a day only")[2].splitlines()
    assert "  3.1-rc6 announced on 12 Sep 2011: story" in days
    assert "  3.1-rc6 delivered on 14 Sep 2011: story" in days
    assert "  3.1-rc7 visible on 21 Sep 2011: bound: Fedora took it that day" in days
    assert not any("not said" in line for line in days)
    assert max(map(len, days)) <= 100


def test_what_belongs_together_is_told_together(tmp_path: Path) -> None:
    """The mail of the late candidate names the host that is down, and how it went the time before; 72 columns."""
    said = replayed(tmp_path, "--recording", changed(tmp_path, 'version = "3.1-rc4"', 'version = "3.1-rc4"'))
    late = said[said.index("LATE linux v3.1-rc6") : said.index("OVER linux v3.1-rc6")]
    body = [line[4:] for line in late.split("\n")[1:] if line.startswith("    ")]
    assert body[0].startswith("Linux v3.1-rc6: no mail for 13 h, tag is at github.com.")
    told = " ".join(" ".join(body).split())
    assert "kernel.org (git, www) have been down for 13 days." in told
    assert "v3.1-rc5 was announced from github.com in 42 min." in told
    assert "seen at github.com" in told
    assert max(len(line) for line in body if " " in line.strip()) <= 72


def test_a_day_is_played_with_the_tag_where_noon_was_before_it(tmp_path: Path) -> None:
    """No mail is announced before its tag because only its day is known; a list is alive up to an hour ago."""
    said = replayed(tmp_path, "--recording", changed(tmp_path, 'version = "3.1-rc4"', 'version = "3.1-rc4"'))
    assert "Announced   Mon 2011-09-12 21:02 UTC" in said
    now = datetime(2011, 9, 13, 12, tzinfo=UTC)
    source = next(iter(load_project("linux", shipped() / "rctrack.toml").lists))
    looked = Recorded(source, Feed((), is_alive=True)).look(None, now.date(), now)
    assert isinstance(looked, Good)
    assert looked.coverage.newest_at == now - timedelta(hours=1)


def test_written_on_wednesday_it_had_been_the_project(tmp_path: Path) -> None:
    """The Date header names the culprit."""
    recording = changed(tmp_path, "announced = 2011-09-12\n", "announced = 2011-09-14T11:00:00Z\n")
    said = replayed(tmp_path, "--recording", recording, "--subjects")
    assert "OVER linux v3.1-rc6: announced after 37 h" in said
    assert len(re.findall("LATE", said)) == 1


def test_without_the_outage_nobody_speaks_of_one(tmp_path: Path) -> None:
    """The same facts with hosts that were up: the mail is still late, and nothing else is said."""
    copy = Path(changed(tmp_path, 'version = "3.1-rc4"', 'version = "3.1-rc4"'))
    copy.write_text(re.sub(r"\[\[sources\.down\]\]\n(?:\w+ = .*\n)+", "", copy.read_text("utf-8")), "utf-8")
    said = replayed(tmp_path, "--recording", str(copy), "--subjects")
    subjects = re.findall(r"\[rctrack\] (.*)", said)
    assert [each for each in subjects if " out" not in each] == [
        "LATE linux v3.1-rc6: no mail for 13 h, tag is at git.kernel.org and github.com",
        "OVER linux v3.1-rc6: announced, mail was held for 38 h",
    ]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("begin = 2011-08-19T18:00:00Z", "begin = 17", "begin: found 17, expected a moment"),
        ('version = "3.1-rc6"', 'version = "?"', "version: found '?', expected a version of the scheme kernel"),
        ('version = "3.1-rc6"', 'version = "3.1-rc6"\nannonced = 2011-09-12', "unknown key; did you mean 'announced'?"),
    ],
)
def test_a_recording_that_is_wrong_is_refused_in_one_line(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    """With file and key; exit status 2."""
    path = changed(tmp_path, old, new)
    said = CliRunner().invoke(main, ["replay", "linux", "--recording", path], env={"RCTRACK_STATE": str(tmp_path)})
    assert said.exit_code == 2
    assert said.output.count("\n") == 1
    assert path in said.output
    assert complaint in said.output

"""What `status` and `health` say of rctrack itself: never that all is good where nobody looks."""

from dataclasses import replace
from datetime import timedelta

import pytest

from rctrack.core.condition import Condition, Owed, Trouble
from rctrack.core.evidence import Observer, SourceId
from rctrack.core.look import Outcome, Run
from rctrack.show.condition import lines
from tests.support.given import PRIMARY, PROJECT, moment

NOW = moment("2026-03-24 12:00")
FINE = Condition(4242, NOW - timedelta(minutes=3), timedelta(minutes=15), (), frozenset(), None, 0)
RAISED = Run(PROJECT, PRIMARY, Observer("here"), Outcome.RAISED, "KeyError", NOW, NOW, 1)
OWED = Owed(3, NOW - timedelta(days=7), "connection refused")


def test_where_all_is_well_one_line_says_who_looks() -> None:
    """And when it was last done."""
    assert list(FINE.troubles(NOW)) == []
    assert list(lines(FINE, NOW)) == ["The daemon (pid 4242) runs; the last look was 3 min ago."]


@pytest.mark.parametrize(
    ("condition", "trouble", "said"),
    [
        (replace(FINE, daemon=None, looked_at=NOW - timedelta(days=31)), Trouble.NO_DAEMON,
         "No daemon runs; the last look was 31 days ago."),
        (replace(FINE, looked_at=NOW - timedelta(hours=5)), Trouble.FROZEN,
         "The daemon (pid 4242) does not look: the last look was 5 h ago."),
        (replace(FINE, looked_at=None), Trouble.FROZEN,
         "The daemon (pid 4242) does not look: nothing was looked at yet."),
        (replace(FINE, owed=OWED), Trouble.OWED, "3 mails wait, since 7 d: connection refused."),
        (replace(FINE, refused=1), Trouble.REFUSED, "1 mail was refused and given up; `rctrack doctor` says why."),
        (replace(FINE, runs=(RAISED,)), Trouble.RAISED,
         f"Our own code failed at {PRIMARY}; `rctrack doctor` tries it."),
        (replace(FINE, never_good=frozenset({PRIMARY})), Trouble.NEVER_GOOD,
         f"Never read yet: {PRIMARY}; `rctrack doctor` tries it."),
    ],
)  # fmt: skip
def test_each_trouble_is_named(condition: Condition, trouble: Trouble, said: str) -> None:
    """One at a time."""
    assert list(condition.troubles(NOW)) == [trouble]
    assert list(lines(condition, NOW))[-1] == said


def test_a_look_of_a_clock_that_was_ahead_is_not_called_one_of_the_past() -> None:
    """The clock was set back since."""
    ahead = replace(FINE, looked_at=NOW + timedelta(days=2))
    assert list(lines(ahead, NOW)) == ["The daemon (pid 4242) runs; the last look is dated 2 d ahead of the clock."]


def test_many_sources_are_counted() -> None:
    """It stays a line that can be read."""
    many = replace(FINE, never_good=frozenset(SourceId(f"tags {letter}") for letter in "abcde"))
    assert list(lines(many, NOW))[-1] == "Never read yet: tags a, tags b and 3 more; `rctrack doctor` tries it."


def test_a_mail_that_waits_for_a_minute_is_no_trouble() -> None:
    """It is on its way."""
    assert list(replace(FINE, owed=Owed(1, NOW - timedelta(minutes=1), "")).troubles(NOW)) == []


def test_a_round_by_hand_or_cron_is_no_daemon_and_no_trouble_while_it_is_fresh() -> None:
    """Who polls every quarter of an hour needs no daemon; the line says that none runs."""
    condition = replace(FINE, daemon=None)
    assert list(lines(condition, NOW)) == ["No daemon runs; the last look was 3 min ago."]
    assert list(condition.troubles(NOW)) == []

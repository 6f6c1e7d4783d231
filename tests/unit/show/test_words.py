"""The small change of all that is told: spans, moments, lines, hosts."""

from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given as for_all

from rctrack.core.evidence import Observer
from rctrack.core.look import Outcome, Run
from rctrack.show import words
from tests.support.given import PRIMARY, PROJECT, instant, moment
from tests.support.noticed import SENTENCES

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (timedelta(0), "0 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(minutes=41, seconds=9), "41 min"),
        (timedelta(hours=2), "2 h"),
        (timedelta(hours=2, minutes=5), "2 h 5 min"),
        (timedelta(days=2, hours=3, minutes=4), "2 d 3 h"),
        (timedelta(days=9), "9 d"),
        (timedelta(days=70, hours=5), "70 days"),
        (-timedelta(minutes=3), "3 min"),
    ],
)
def test_a_span_is_said_in_the_two_units_that_matter(span: timedelta, said: str) -> None:
    """Its sign is said otherwise."""
    assert words.duration(span) == said


def test_moments_are_told_in_both_zones() -> None:
    """UTC, and the reader's own with its name; once for a reader who lives by UTC."""
    assert words.moment(moment("2026-03-24 12:00"), BERLIN) == "Tue 2026-03-24 12:00 UTC (Tue 13:00 CET)"
    assert words.moment(moment("2026-07-31 23:00"), BERLIN) == "Fri 2026-07-31 23:00 UTC (Sat 01:00 CEST)"
    assert words.moment(moment("2026-03-24 12:00"), UTC) == "Tue 2026-03-24 12:00 UTC"
    assert words.moment(moment("2026-01-24 12:00"), ZoneInfo("Europe/London")) == "Sat 2026-01-24 12:00 UTC"


def test_a_gap_names_what_it_is_measured_from() -> None:
    """Before or after; nothing where one of both is not known."""
    early, late = instant("2026-03-24 12:00"), instant("2026-03-24 12:41")
    assert words.gap(early, late, "the tag") == "41 min after the tag"
    assert words.gap(late, early, "the tag") == "41 min before the tag"
    assert words.gap(early, early, "the tag") == "0 s after the tag"
    assert words.gap(None, late, "the tag") == words.gap(early, None, "the tag") == ""


def test_a_number_stays_on_the_line_of_its_unit() -> None:
    """A line that begins with "h." is read twice."""
    for width in range(20, 72):
        lines = words.hanging("tagged 12 Sep 21:02 UTC, not there for 7 d 10 h, 12 days (80 %)", "  ", "    ", width)
        assert not any(line.strip().split()[0] in ("h,", "d", "days", "%)", "UTC,") for line in lines)
        assert max(map(len, lines)) <= width


@for_all(SENTENCES)
def test_a_paragraph_keeps_its_words_in_lines_of_72(text: str) -> None:
    """In their order; further lines may stand deeper."""
    for first, rest in (("", ""), ("  ", "    ")):
        lines = words.hanging(text, first, rest)
        assert " ".join(" ".join(lines).split()) == " ".join(text.split())
        assert all(len(line) <= words.WIDTH for line in lines)
        assert all(line.startswith(first if number == 0 else rest) for number, line in enumerate(lines))


@pytest.mark.parametrize(
    ("hosts", "said"),
    [
        (["git.kernel.org"], "git.kernel.org"),
        (["www.kernel.org", "git.kernel.org"], "kernel.org (git, www)"),
        (["c.net", "a.org", "b.com"], "a.org, b.com and c.net"),
        (["d", "a", "c", "b"], "a, b and 2 more"),
        (["192.0.2.1", "192.0.2.2"], "192.0.2.1 and 192.0.2.2"),
        ([], ""),
    ],
)
def test_hosts_of_one_owner_are_named_together_and_many_are_counted(hosts: list[str], said: str) -> None:
    """Four do not fit into a subject."""
    assert words.hosts(hosts) == said


def test_facts_stand_in_columns_and_a_long_remark_on_a_line_of_its_own() -> None:
    """What has no value is left out; further lines of a value stand below it."""
    facts = [
        ("Tagged", "then", "so"),
        ("Mail", "", "why"),
        ("Commit", "c" * 40, "a remark that is long"),
        ("A", "b\nc", ""),
    ]
    assert words.facts(facts) == (
        f"  Tagged      then  so\n  Commit      {'c' * 40}\n              a remark that is long\n"
        "  A           b\n              c"
    )


def test_a_source_is_told_by_its_name_with_what_is_wrong() -> None:
    """Since when, and why."""
    begin = moment("2026-03-02 12:15")
    run = Run(PROJECT, PRIMARY, Observer("here"), Outcome.NO_ANSWER, "connection refused", begin, begin, 1)
    assert words.source(run) == f"{PRIMARY}: no answer since 2026-03-02 12:15 UTC: connection refused"

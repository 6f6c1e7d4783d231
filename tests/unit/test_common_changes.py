"""A new word of an alphabet is nowhere forgotten: the places that CONTRIBUTING names for it know it."""

import re
from pathlib import Path

import pytest

from rctrack.core.evidence import Station
from rctrack.core.hosts import OutageKind
from rctrack.core.lateness import Cause, DelayKind
from rctrack.core.notice import FACTS, Kind
from rctrack.core.release import Flag
from rctrack.show.sentences import release_tail, sentence
from tests.support.golden_kinds import KINDS
from tests.support.noticed import ONE_OF_EACH, late_facts, notice, release_facts
from tests.tools.golden import FOLDER

ROOT = Path(__file__).parents[2]
SILENT_FLAGS = {Flag.UNCONFIRMED}
"""Told by a notice of its own, never as a word behind a release."""


@pytest.mark.parametrize("flag", sorted(set(Flag) - SILENT_FLAGS))
def test_a_flag_has_a_word_in_the_sentence_of_a_release(flag: Flag) -> None:
    """Whoever reads subjects alone sees it."""
    assert release_tail(release_facts(flags=[flag])) != release_tail(release_facts())


@pytest.mark.parametrize("station", list(Station))
def test_a_station_has_its_place_in_the_fold_and_a_word(station: Station) -> None:
    """`show` has a line for it."""
    folded = (ROOT / "rctrack" / "core" / "fold.py").read_text("utf-8")
    assert re.search(rf"\bStation\.{station.name}\b", folded)


@pytest.mark.parametrize("kind", list(Kind))
def test_a_kind_of_notice_has_facts_a_sentence_and_a_kept_mail(kind: Kind) -> None:
    """What is due is in digests alone."""
    assert kind in FACTS
    assert any(each.kind is kind and sentence(each) for each in ONE_OF_EACH)


def test_each_small_story_is_kept_and_has_a_mail() -> None:
    """An empty file would never be seen to differ."""
    for name in KINDS:
        assert "Subject: " in (FOLDER / f"kind-{name}.txt").read_text("utf-8"), name


@pytest.mark.parametrize("delay", list(DelayKind))
def test_a_kind_of_delay_is_told_in_words_of_its_own(delay: DelayKind) -> None:
    """No two of them read alike."""
    told = {each: sentence(notice(Kind.LATE, late_facts(each, "git.example"))) for each in DelayKind}
    assert [each for each, said in told.items() if said == told[delay]] == [delay]


def test_the_table_of_common_changes_names_files_that_are_there() -> None:
    """A file that has moved would send people astray."""
    table = (ROOT / "CONTRIBUTING.md").read_text("utf-8").partition("## Common changes")[2]
    named = set(re.findall(r"`((?:tests|config|core|show|sources|send|store|cli)/[\w./-]+\.\w+)`", table))
    assert len(named) > 15
    for name in sorted(named):
        assert (ROOT / name).exists() or (ROOT / "rctrack" / name).exists() or "NAME" in name, name


def test_each_cause_and_each_kind_of_outage_is_explained() -> None:
    """In the words of the design."""
    design = (ROOT / "docs" / "design.md").read_text("utf-8") + (ROOT / "docs" / "reference.md").read_text("utf-8")
    for word in (*Cause, *OutageKind):
        assert f"`{word}`" in design

"""Which releases are counted: all of a small project, and of a big one what is news and the cycle at hand."""

from rctrack.core.evidence import Commit, CountEvidence
from rctrack.core.fold import Counts, line_up
from rctrack.core.release import TagObservation
from rctrack.core.version import VersionId
from rctrack.track.counting import to_count
from tests.support.given import RULES, tag

OLD = tag("v2.41", "2025-03-18 12:00")
NEW = tag("v2.42-rc1", "2026-02-25 12:00")


def counted(base: TagObservation, this: TagObservation, *, whole: bool = False) -> Counts:
    """The count of a range; `whole` where all history before it was at hand."""
    first_time = 12 if whole else None
    return {(base.commit, this.commit): CountEvidence(base.commit, this.commit, 1521, 1194, 118, first_time)}


def wanted(
    *tags: TagObservation, counts: Counts | None = None, news: set[str] | None = None, all_history: bool = True
) -> list[str]:
    """The tags that are to be counted or dated."""
    known = {VersionId(name) for name in news or set()}
    return [each.tag for each in to_count(line_up(RULES, tags), counts or {}, known, all_history=all_history)]


def test_a_range_without_a_count_is_counted_once() -> None:
    """Of what has a release before it."""
    assert wanted(OLD, NEW) == ["v2.42-rc1"]
    assert wanted(OLD, NEW, counts=counted(OLD, NEW, whole=True)) == []
    assert wanted() == []


def test_a_tag_that_appears_in_between_wants_two_counts_more() -> None:
    """What follows what has changed."""
    beta = tag("v2.42-beta1", "2026-01-01 00:00")
    assert sorted(wanted(OLD, NEW, beta, counts=counted(OLD, NEW, whole=True))) == ["v2.42-beta1", "v2.42-rc1"]


def test_a_count_of_the_range_alone_is_made_again_when_all_history_is_at_hand() -> None:
    """Then it is known who wrote for the first time."""
    counts = counted(OLD, NEW)
    assert wanted(OLD, NEW, counts=counts) == ["v2.42-rc1"]
    assert wanted(OLD, NEW, counts=counts, all_history=False) == []


def test_of_a_big_project_what_is_news_and_the_cycle_at_hand_is_counted() -> None:
    """Not the thousand releases before."""
    tags = [tag(f"v{name}", None) for name in ("2.40", "2.41", "2.41.1", "2.42-rc1", "2.42-rc2")]
    assert wanted(*tags, news={"2.41.1"}, all_history=False) == ["v2.41.1", "v2.42-rc1", "v2.42-rc2"]
    assert wanted(*tags, news=set(), all_history=False) == ["v2.42-rc1", "v2.42-rc2"]


def test_a_tag_without_a_date_is_read_for_it_though_its_count_is_known() -> None:
    """Where names alone were read; with all history at hand, dates come with the tags."""
    undated = tag("v2.42-rc1", None)
    counts = counted(OLD, undated, whole=True)
    assert wanted(OLD, undated, counts=counts, all_history=False) == ["v2.42-rc1"]
    assert wanted(OLD, undated, counts=counts) == []


def test_counts_of_other_commits_are_no_counts_of_this_release() -> None:
    """A moved tag is counted anew."""
    moved = tag("v2.42-rc1", "2026-02-25 12:00", commit="another")
    assert wanted(OLD, moved, counts=counted(OLD, NEW, whole=True)) == ["v2.42-rc1"]
    assert Commit("another") == moved.commit

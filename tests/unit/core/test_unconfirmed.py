"""Corroboration: who can write a From line cannot make a tag, so a mail alone is not enough where tags are a habit."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from rctrack.core import fold as folding
from rctrack.core import habits
from rctrack.core.evidence import SourceId, Station
from rctrack.core.release import Announcement, Observation, Release, StationObservation
from rctrack.core.version import VersionId
from tests.support.given import OTHER_LIST, PROJECT, RULES, announcement, sighting, tag, version


def history(tagged: int, untagged: int = 0, suffix: str = "") -> list[Observation]:
    """So many releases with a tag and a mail, and before them some with a mail alone."""
    numbers = range(1, tagged + untagged + 1)
    mails: list[Observation] = [announcement(f"2.{n}{suffix}", "2026-03-01 12:00") for n in numbers]
    return [*mails, *(tag(f"v2.{n}{suffix}", "2026-03-01 11:00") for n in numbers if n > untagged)]


def fold(observations: Sequence[Observation]) -> dict[VersionId, Release]:
    """The releases."""
    return folding.fold(PROJECT, RULES, observations, {})


def unconfirmed(observations: Sequence[Observation], *, expects: str = "") -> set[str]:
    """The versions that a mail alone claims."""
    return set(habits.unconfirmed(expects.split(), fold(observations).values()))


FORGED = announcement("2.99", "2026-03-02 12:00")


@pytest.mark.parametrize(("tagged", "untagged"), [(0, 0), (0, 4), (1, 0), (4, 0), (5, 0), (1, 4), (4, 3), (8, 2)])
def test_a_mail_without_a_tag_is_unconfirmed_where_the_project_tags(tagged: int, untagged: int) -> None:
    """Also where too few are known to tell, or some were not tagged: anyone can write a From line."""
    assert "2.99" in unconfirmed([*history(tagged, untagged), FORGED])


@pytest.mark.parametrize(("tagged", "untagged"), [(0, 5), (0, 9), (1, 9), (3, 20)])
def test_a_mail_is_enough_where_the_project_does_not_tag(tagged: int, untagged: int) -> None:
    """Fewer than a fifth of its last twenty were tagged; what came before that could be known stays in doubt."""
    assert unconfirmed([*history(tagged, untagged), FORGED]) == {f"2.{n}" for n in range(1, 6)}
    assert "2.99" in unconfirmed([*history(4, 20), FORGED])


def test_the_tag_confirms_it() -> None:
    """Whenever it comes."""
    assert unconfirmed([*history(5), FORGED, tag("v2.99", "2026-03-05 12:00")]) == set()


def test_a_second_mail_confirms_nothing() -> None:
    """Who forges one forges two."""
    again = announcement(
        "2.99", "2026-03-02 13:00", sighting(OTHER_LIST, "2026-06-01 00:00"), message_id="two@example.org"
    )
    assert unconfirmed([*history(5), FORGED, again]) == {"2.99"}


def test_forged_mails_do_not_make_a_habit_of_their_own() -> None:
    """However many there are: they use up nothing, and the project is still one that tags."""
    forged = [announcement(f"2.{n}", "2026-03-02 12:00") for n in range(50, 90)]
    assert len(unconfirmed([*history(6), *forged])) == 40
    assert unconfirmed([*history(3), *forged]) == {f"2.{n}" for n in range(50, 90)}


def test_candidates_and_finals_have_habits_of_their_own() -> None:
    """As in Linux stable, whose review candidates are never tagged."""
    reviews = [announcement(f"2.{n}-rc1", "2026-03-01 10:00") for n in range(1, 9)]
    assert unconfirmed([*history(8), *reviews]) == {f"2.{n}-rc1" for n in range(1, 6)}
    assert unconfirmed([*history(8), *reviews, FORGED]) == {"2.99", *(f"2.{n}-rc1" for n in range(1, 6))}


def test_a_project_file_may_expect_tags() -> None:
    """Whatever its past shows; that it expects mails says nothing of tags."""
    untagged = history(0, 9)
    assert unconfirmed([*untagged, FORGED], expects="tag") == {"2.99", *(f"2.{n}" for n in range(1, 10))}
    assert "2.99" not in unconfirmed([*untagged, FORGED], expects="announcement")


@pytest.mark.parametrize("tagged", ["2.42-rc1", "2.42-rc2"])
def test_a_tag_decides_between_subject_and_body(tagged: str) -> None:
    """A mail whose subject and body differ is of the version that has a tag, and the contradiction stays with it."""
    mail = replace(
        announcement("2.42-rc2", "2026-03-24 12:00"),
        alternatives=(version("2.42-rc1"),),
        contradiction="the subject says 2.42-rc1, the body 2.42-rc2",
    )
    folded = fold([mail, tag(f"v{tagged}", "2026-03-24 11:00")])
    assert list(folded) == [tagged]
    (kept,) = folded[VersionId(tagged)].announcements
    assert isinstance(kept, Announcement)
    assert (kept.contradiction or "").startswith("the subject says 2.42-rc1, the body 2.42-rc2")


def test_what_the_project_s_own_site_lists_is_confirmed() -> None:
    """Nobody lists a release there by writing a From line; and a site alone makes no release."""
    site = SourceId("releases.json https://site.example/releases.json")
    listed = StationObservation(version("2.99"), Station.LISTED, "2.99", None, sighting(site, "2026-03-02 13:00"))
    assert unconfirmed([*history(5), FORGED, listed]) == set()
    assert version("2.99").id not in fold([*history(5), listed])

"""The projection: releases and delays as they are folded now, and the fence that keeps an older judgement out."""

from dataclasses import replace
from datetime import datetime, timedelta

from rctrack.core.evidence import ProjectId, Sighting
from rctrack.core.fold import fold
from rctrack.core.lateness import Cause, Delay, DelayKind, Ended
from rctrack.core.release import Observation, Release
from rctrack.core.summary import summary_of
from rctrack.core.version import VersionId
from rctrack.store import Store
from tests.support.given import LIST, PRIMARY, PROJECT, RULES, announcement, moment, sighting, tag
from tests.support.stored import HERE, HOUR, MAILED, NOW, THERE, fill


def folded(*observations: Observation) -> dict[VersionId, Release]:
    """The releases of these observations."""
    return fold(PROJECT, RULES, observations, {})


class TestRevision:
    """What was judged on a book that somebody has changed meanwhile is not written."""

    def test_a_stale_revision_is_refused_and_nothing_changes(self, store: Store) -> None:
        """Only the next one after the one that was read."""
        assert store.projection.revision(PROJECT) == 0
        assert store.projection.advance(PROJECT, 0, NOW, awaits_proof=True)
        assert not store.projection.advance(PROJECT, 0, NOW + HOUR, awaits_proof=False)
        assert not store.projection.advance(PROJECT, 2, NOW + HOUR, awaits_proof=False)
        assert (store.projection.revision(PROJECT), store.projection.next_at(PROJECT)) == (1, NOW)
        assert store.projection.awaits_proof(PROJECT)
        assert store.projection.advance(PROJECT, 1, None, awaits_proof=False)
        assert (store.projection.revision(PROJECT), store.projection.next_at(PROJECT)) == (2, None)
        assert not store.projection.awaits_proof(PROJECT)

    def test_projects_have_revisions_of_their_own(self, store: Store) -> None:
        """One that was never judged is due to nobody."""
        other = ProjectId("other")
        store.projection.advance(PROJECT, 0, NOW, awaits_proof=True)
        assert store.projection.revision(other) == 0
        assert (store.projection.next_at(other), store.projection.awaits_proof(other)) == (None, False)
        assert store.projection.advance(other, 0, None, awaits_proof=False)

    def test_of_two_that_read_the_same_one_writes(self, store: Store) -> None:
        """The other reads and judges again."""
        path = store._path
        with Store(path) as other:
            mine, theirs = store.projection.revision(PROJECT), other.projection.revision(PROJECT)
            with other.transaction():
                assert other.projection.advance(PROJECT, theirs, None, awaits_proof=False)
            with store.transaction():
                assert not store.projection.advance(PROJECT, mine, None, awaits_proof=False)
                assert store.projection.advance(PROJECT, mine + 1, None, awaits_proof=False)


class TestReleases:
    """The fold, instead of the one before."""

    def test_what_changed_came_or_went_is_said(self, store: Store) -> None:
        """Timelines go with their release."""
        fill(store)
        assert store.projection.put_releases(PROJECT, folded(tag("v2.41", "2025-03-18 12:00"))) == ["2.41", "2.42"]
        assert store.projection.known_versions(PROJECT) == {"2.41"}
        rows = store.db.query("SELECT version_id, station FROM timeline ORDER BY version_id, position")
        assert [(row["version_id"], row["station"]) for row in rows] == [("2.41", "tagged"), ("2.41", "visible")]

    def test_they_come_back_in_the_words_of_the_contract(self, store: Store) -> None:
        """Ascending, to the second; of one cycle where that is asked for."""
        releases = folded(tag("v2.42-rc1", "2026-03-01 08:00"), tag("v2.41", "2025-03-18 12:00"), MAILED)
        store.projection.put_releases(PROJECT, releases)
        found = store.projection.releases(PROJECT)
        assert found == [(key, summary_of(release)) for key, release in releases.items()]
        cycle = store.projection.releases(PROJECT, releases[VersionId("2.42")].version.cycle_id)
        assert [version for version, _ in cycle] == ["2.42-rc1", "2.42"]
        assert store.projection.spelled(PROJECT) == {"2.41": "2.41", "2.42-rc1": "2.42-rc1", "2.42": "2.42"}

    def test_what_is_the_same_is_not_written_again(self, store: Store) -> None:
        """Neither row nor timeline; one that moved among the others has not changed."""
        known: list[Observation] = [announcement("2.8", "2026-01-01 08:00"), tag("v2.10", "2026-03-01 08:00")]
        releases = folded(*known)
        store.projection.put_releases(PROJECT, releases)
        before = store._connection.total_changes
        assert store.projection.put_releases(PROJECT, releases) == []
        assert store._connection.total_changes == before
        more = folded(*known, announcement("2.9", "2026-02-01 08:00"))
        assert store.projection.put_releases(PROJECT, more) == ["2.9"]
        assert [version for version, _ in store.projection.releases(PROJECT)] == ["2.8", "2.9", "2.10"]

    def test_a_second_observer_changes_a_timeline_where_it_knows_better(self, store: Store) -> None:
        """It saw the tag an hour earlier, between two looks of its own."""

        def looked(who: str, seen: datetime) -> Sighting:
            return Sighting(PRIMARY, seen, seen - HOUR, {"here": HERE, "there": THERE}[who])

        mine = tag("v2.42", "2026-05-31 20:00", looked("here", NOW))
        store.projection.put_releases(PROJECT, folded(mine))
        theirs = tag("v2.42", "2026-05-31 20:00", looked("there", NOW - HOUR))
        assert store.projection.put_releases(PROJECT, folded(mine, theirs)) == ["2.42"]
        [row] = store.db.query("SELECT at, after FROM timeline WHERE station = 'visible'")
        assert (row["after"], row["at"]) == ("2026-05-31T22:00:00Z", "2026-05-31T23:00:00Z")

    def test_the_newest_is_the_one_that_was_made_last(self, store: Store) -> None:
        """As far as its date can be believed; not the one with the highest number."""
        ahead = tag("v2.43-rc1", "2030-01-01 00:00", sighting(PRIMARY, "2026-04-01 00:00", "2026-03-31 00:00"))
        releases = folded(tag("v2.42", "2026-05-01 08:00"), ahead, tag("v2.41.9", None))
        store.projection.put_releases(PROJECT, releases)
        newest = store.projection.newest(PROJECT)
        assert newest is not None
        assert newest.version == "2.42"
        assert store.projection.newest(ProjectId("other")) is None

    def test_mail_is_searched_back_to_the_first_tag_that_waits_for_one(self, store: Store) -> None:
        """Unless a later release of its cycle has its mail, or it has waited too long."""
        seen = sighting(LIST, "2026-06-01 00:00")
        releases = folded(
            tag("v2.40", "2024-01-01 00:00"),
            tag("v2.42-rc1", "2026-03-01 00:00"),
            tag("v2.42-rc2", "2026-03-10 00:00"),
            announcement("2.42-rc2", "2026-03-10 00:10", seen),
            tag("v2.42-rc3", "2026-03-20 00:00"),
        )
        store.projection.put_releases(PROJECT, releases)
        assert store.projection.waiting_since(PROJECT, NOW - timedelta(days=400)) == moment("2026-03-20 00:00")
        assert store.projection.waiting_since(PROJECT, moment("2026-04-01 00:00")) is None

    def test_counts_are_lacking_where_something_is_followed_and_not_counted(self, store: Store) -> None:
        """Or a tag has no date yet; a mail alone has nothing to count."""
        for observations, lacks in (
            ([announcement("2.42", "2026-03-10 00:10")], False),
            ([tag("v2.41", "2026-03-10 00:00")], False),
            ([tag("v2.41", None)], True),
            ([tag("v2.41", "2026-03-10 00:00"), tag("v2.42", "2026-03-20 00:00")], True),
        ):
            store.projection.put_releases(PROJECT, folded(*observations))
            assert store.projection.lacks_counts(PROJECT) is lacks


class TestDelays:
    """What is or was late, as it is folded now."""

    DELAY = Delay(
        PROJECT, VersionId("2.42"), DelayKind.MIRROR, "m.example", NOW, timedelta(hours=12), None, None, None, NOW
    )

    def test_they_come_back_as_they_were(self, store: Store) -> None:
        """Open, closed, never; by when they began."""
        closed = replace(self.DELAY, until=NOW + 2 * HOUR, cause=Cause.HOST, ended=Ended.CLOSED, proven_at=None)
        never = replace(closed, where="n.example", since=NOW - HOUR, ended=Ended.NEVER, cause=Cause.PROJECT)
        opened = replace(self.DELAY, version=VersionId("2.41"))
        with store.transaction():
            store.projection.put_delays(PROJECT, [never, opened, closed])
        assert store.projection.delays(PROJECT) == [never, opened, closed]

    def test_what_is_none_any_more_is_gone_and_other_projects_keep_theirs(self, store: Store) -> None:
        """A delay is what the evidence says today."""
        foreign = replace(self.DELAY, project=ProjectId("other"))
        with store.transaction():
            store.projection.put_delays(PROJECT, [self.DELAY])
            store.projection.put_delays(foreign.project, [foreign])
            store.projection.put_delays(PROJECT, [])
        assert store.projection.delays(PROJECT) == []
        assert store.projection.delays() == [foreign]

    def test_the_same_delays_are_not_written_again(self, store: Store) -> None:
        """A look that changes nothing writes nothing of them."""
        store.projection.put_delays(PROJECT, [self.DELAY])
        before = store._connection.total_changes
        store.projection.put_delays(PROJECT, [self.DELAY])
        assert store._connection.total_changes == before

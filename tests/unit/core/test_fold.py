"""The fold: the same evidence gives the same releases and events, in whatever order it comes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rctrack.core.evidence import Commit, CountEvidence, Instant, MessageId, ObjectId, Sighting, SourceId, Station
from rctrack.core.fold import Counts, difference, events_of, fold, to_alert, wanted_counts
from rctrack.core.release import (
    Announcement,
    Flag,
    Observation,
    Precision,
    Release,
    StationObservation,
    TagObservation,
)
from rctrack.core.version import Version, VersionId
from tests.support.given import (
    LIST,
    MIRROR,
    OTHER_LIST,
    PRIMARY,
    PROJECT,
    RULES,
    announcement,
    instant,
    moment,
    sighting,
    tag,
    version,
)


def folded(*observations: Observation, counts: Counts | None = None) -> dict[VersionId, Release]:
    """The releases of these observations."""
    return fold(PROJECT, RULES, observations, counts or {})


def one(*observations: Observation, counts: Counts | None = None) -> Release:
    """The one release of these observations."""
    (release,) = folded(*observations, counts=counts).values()
    return release


# --- The property of DESIGN section 2 --------------------------------------------------------------

LOOKS = tuple(moment("2026-06-01 00:00") + timedelta(hours=hours) for hours in (0, 1, 2, 3))
TEXTS = ("2.41", "2.42-rc1", "2.42-rc2", "2.42", "2.42.0", "2.42.1")


def looked(source: SourceId, look: int) -> Sighting:
    """First seen at this look of the source; nothing is known of the time before the first."""
    return Sighting(source, LOOKS[look], LOOKS[look - 1] if look else None)


def dates(first: str) -> st.SearchStrategy[Instant | None]:
    """Unknown, or one of three days."""
    days = [Instant(moment(first) + timedelta(days=days), timedelta(hours=2)) for days in range(3)]
    return st.sampled_from([None, *days])


@st.composite
def tags(draw: st.DrawFn) -> TagObservation:
    """A tag at a host, whose object has one date, which that look may not have read yet."""
    text, object_number = draw(st.sampled_from(TEXTS)), draw(st.integers(0, 2))
    dated = instant(f"2026-03-2{object_number} 12:00")
    return TagObservation(
        version=version(text),
        tag=f"v{text}",
        object_id=ObjectId(f"object {text} {object_number}"),
        commit=Commit(f"commit {version(text).id} {object_number}"),
        tagged=draw(st.sampled_from([None, dated, dated])),
        withdrawn=False,
        sighting=looked(draw(st.sampled_from([PRIMARY, MIRROR])), draw(st.integers(0, 3))),
    )


@st.composite
def mails(draw: st.DrawFn) -> Announcement:
    """A mail in an archive; the same Message-ID may be in two, or twice in one with other Received headers."""
    texts = draw(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=2, unique_by=lambda text: version(text).id))
    return Announcement(
        versions=tuple(map(version, texts)),
        message_id=MessageId(f"{draw(st.integers(0, 2))}@example.org"),
        subject=" ".join(texts),
        sender="maintainer@example.org",
        announced=draw(dates("2026-03-24 12:00")),
        delivered=draw(dates("2026-03-24 13:00")),
        archived=draw(dates("2026-06-02 14:00")),
        commits_announced=draw(st.sampled_from([None, 5, 7])),
        url=draw(st.sampled_from([None, "https://lists.example/1"])),
        sighting=looked(draw(st.sampled_from([LIST, OTHER_LIST])), draw(st.integers(0, 3))),
    )


@st.composite
def sites(draw: st.DrawFn) -> StationObservation:
    """What the project's site says: a push by its own clock, or a listing that only our looks date."""
    text, object_number, look = draw(st.sampled_from(TEXTS)), draw(st.integers(0, 2)), draw(st.integers(0, 3))
    if draw(st.booleans()):
        return StationObservation(version(text), Station.LISTED, text, None, looked(SourceId("releases.json x"), look))
    at, key = instant(f"2026-03-2{object_number} 12:30"), f"object {text} {object_number}"
    return StationObservation(version(text), Station.PUSHED, key, at, looked(SourceId("gitolite-log x"), look))


def once_per_source(observations: Sequence[Observation]) -> list[Observation]:
    """The same thing is first seen at a source once; the earliest look stands."""
    kept: dict[Observation, Observation] = {}
    for each in sorted(observations, key=lambda each: each.sighting.seen_at):
        kept.setdefault(replace(each, sighting=looked(each.sighting.source, 0)), each)
    return list(kept.values())


evidence = st.lists(st.one_of(tags(), mails(), sites()), max_size=8).map(once_per_source)


def all_counts(observations: Sequence[Observation]) -> dict[tuple[Commit, Commit], CountEvidence]:
    """Every range that could be asked for."""
    commits = sorted({each.commit for each in observations if isinstance(each, TagObservation)})
    pairs = [(base, commit) for base in commits for commit in commits]
    return {(base, to): CountEvidence(base, to, 10 * number, number) for number, (base, to) in enumerate(pairs)}


def events_by_steps(steps: Sequence[Sequence[Observation]]) -> set[tuple[VersionId, str]]:
    """The keys of the events that happen when evidence comes step by step, as the pipeline folds it."""
    known: set[tuple[VersionId, str]] = set()
    so_far: list[Observation] = []
    for step in steps:
        so_far += step
        new = difference(known, folded(*so_far))
        assert not known & {(event.version, event.station) for event in new}, "an event happens once"
        known |= {(event.version, event.station) for event in new}
    return known


@settings(max_examples=150)
@given(evidence, st.randoms(use_true_random=False))
def test_any_order_partition_and_repetition_gives_the_same(observations: list[Observation], random: Random) -> None:
    """The same releases, equal in every field, and the same set of event keys."""
    counts = all_counts(observations)
    expected = folded(*observations, counts=counts)
    shuffled = observations + random.choices(observations, k=3) if observations else []
    random.shuffle(shuffled)
    again = folded(*shuffled, counts=counts)
    assert again == expected
    assert list(again) == list(expected)
    cuts = sorted(random.choices(range(len(shuffled) + 1), k=3))
    bounds = [0, *cuts, len(shuffled)]
    steps = [shuffled[begin:end] for begin, end in pairwise(bounds)]
    at_once = {(event.version, event.station) for event in difference(set(), expected)}
    assert events_by_steps(steps) == at_once
    assert events_by_steps([[each] for each in shuffled]) == at_once


@given(evidence)
def test_nothing_of_the_evidence_is_lost(observations: list[Observation]) -> None:
    """Every version of every tag and mail is a release, ascending, and each one's dates are somebody's."""
    releases = folded(*observations)
    said = [each for each in observations if isinstance(each, StationObservation)]
    named = {each.id for seen in observations if seen not in said for each in named_by(seen)}
    for site in said:
        if site.version.id in named:
            assert site.key in {each.evidence for each in releases[site.version.id].timeline}
    assert releases.keys() == named
    assert [each.version for each in releases.values()] == sorted(each.version for each in releases.values())
    for release in releases.values():
        assert release.first_seen_at == min(each.sighting.seen_at for each in observations_of(release))
        assert release.announced in [None, *(mail.announced for mail in release.announcements)]
        assert release.tagged in [None, *(each.tagged for each in release.tags)]
        assert (
            difference({(release.version.id, station) for station in events_of(release)}, {VersionId("x"): release})
            == []
        )


def named_by(seen: Observation) -> tuple[Version, ...]:
    """The versions that a tag or a mail names."""
    return seen.versions if isinstance(seen, Announcement) else (seen.version,)


def observations_of(release: Release) -> list[Observation]:
    """Its tags and mails."""
    return [*release.tags, *release.announcements]


# --- What a release is -----------------------------------------------------------------------------


class TestTags:
    """A release by its tags."""

    def test_the_primarys_tag_counts(self) -> None:
        """Although the mirror was seen earlier, and another object."""
        release = one(
            tag("v2.42", "2026-04-01 09:00", sighting(MIRROR, "2026-04-01 10:00"), object_id="m", commit="cm"),
            tag("v2.42", "2026-04-01 08:00", sighting(PRIMARY, "2026-04-01 11:00"), object_id="p", commit="cp"),
        )
        assert (release.object_id, release.commit, release.tagged) == ("p", "cp", instant("2026-04-01 08:00"))
        assert release.flags == {Flag.RETAGGED}

    def test_the_same_tag_at_two_hosts_is_one_release(self) -> None:
        """Visible at each, between our last look without it and our first with it; null where it was at our first."""
        release = one(
            tag("v2.42", "2026-04-01 08:00", sighting(PRIMARY, "2026-04-01 10:00", "2026-04-01 09:45")),
            tag("v2.42", "2026-04-01 08:00", sighting(MIRROR, "2026-04-01 12:00")),
        )
        assert release.flags == frozenset()
        visible = {stop.source: stop for stop in release.timeline if stop.station is Station.VISIBLE}
        assert visible[PRIMARY].precision is Precision.BETWEEN
        assert (visible[PRIMARY].after, visible[PRIMARY].at) == (
            moment("2026-04-01 09:45"),
            instant("2026-04-01 10:00"),
        )
        assert (visible[MIRROR].after, visible[MIRROR].at) == (None, None)
        assert set(events_of(release)) == {"tagged", f"visible {PRIMARY}", f"visible {MIRROR}"}

    def test_a_moved_tag_is_retagged(self) -> None:
        """What was seen first counts, both are kept, and no event happens twice."""
        before = tag("v2.42", "2026-04-01 08:00", sighting(PRIMARY, "2026-04-01 10:00"), object_id="a")
        after = tag(
            "v2.42", "2026-04-02 08:00", sighting(PRIMARY, "2026-04-02 10:00", "2026-04-02 09:00"), object_id="b"
        )
        release = one(after, before)
        assert release.flags == {Flag.RETAGGED}
        assert release.object_id == "a"
        assert [each.object_id for each in release.tags] == ["a", "b"]
        known = {(release.version.id, station) for station in events_of(one(before))}
        assert [each.station for each in difference(known, folded(before, after))] == [release.changes[0].station]

    def test_two_spellings_of_one_tag_are_not_retagged(self) -> None:
        """v2.42 and v2.42.0 are two names of one release."""
        release = one(tag("v2.42", None, object_id="a"), tag("v2.42.0", None, object_id="b"))
        assert release.flags == frozenset()

    def test_a_withdrawn_release_may_still_be_previous(self) -> None:
        """By its suffix."""
        releases = folded(tag("v5.12-rc1-dontuse", None, withdrawn=True), tag("v5.12-rc2", None))
        assert releases[VersionId("5.12-rc1")].flags == {Flag.WITHDRAWN}
        assert str(releases[VersionId("5.12-rc2")].previous) == "5.12-rc1"

    def test_a_date_that_is_read_later_is_the_same_tag(self) -> None:
        """The name came first, its date when it was fetched."""
        named = tag("v2.42", None, sighting(PRIMARY, "2026-04-01 10:00", "2026-04-01 09:45"))
        dated = tag("v2.42", "2026-04-01 08:00", sighting(PRIMARY, "2026-04-01 10:15", "2026-04-01 10:00"))
        release = one(named, dated)
        assert release.tagged == instant("2026-04-01 08:00")
        assert release.flags == frozenset()
        visible = next(stop for stop in release.timeline if stop.station is Station.VISIBLE)
        assert visible.at == instant("2026-04-01 10:00")


class TestMails:
    """A release by its mails."""

    def test_the_earliest_date_announces(self) -> None:
        """Message-ID and archive belong to that mail, whichever was seen first."""
        release = one(
            announcement("2.42", "2026-04-01 18:00", message_id="second@x", delivered="2026-04-01 18:01"),
            announcement("2.42", "2026-04-01 12:00", message_id="first@x", archived="2026-06-02 00:00"),
        )
        assert release.announced == instant("2026-04-01 12:00")
        assert release.message_id == "first@x"
        assert release.delivered is None
        assert release.archived == instant("2026-06-02 00:00")
        assert release.tag is None
        assert release.previous is None

    def test_a_cross_posted_mail_was_delivered_at_the_earliest_receipt(self) -> None:
        """At any followed list."""
        release = one(
            announcement("2.42", "2026-04-01 12:00", sighting(LIST, "2026-04-01 13:00"), delivered="2026-04-01 12:30"),
            announcement(
                "2.42", "2026-04-01 12:00", sighting(OTHER_LIST, "2026-04-01 13:00"), delivered="2026-04-01 12:05"
            ),
        )
        assert release.delivered == instant("2026-04-01 12:05")
        assert len(release.announcements) == 2
        assert set(events_of(release)) == {"announced", "delivered"}

    def test_two_versions_in_one_mail_are_two_releases(self) -> None:
        """Both with its dates; the tags of one do not touch the other."""
        mail = announcement("2.42.2 2.41.5", "2026-04-01 12:00", delivered="2026-04-01 12:01")
        releases = folded(mail, tag("v2.42.2", "2026-04-01 11:00"))
        assert list(releases) == ["2.41.5", "2.42.2"]
        assert {each.announced for each in releases.values()} == {instant("2026-04-01 12:00")}
        assert [each.tagged for each in releases.values()] == [None, instant("2026-04-01 11:00")]

    def test_our_own_sighting_is_when_it_was_archived(self) -> None:
        """Where the archive does not say, and only if we were watching."""
        watched = announcement("2.42", "2026-04-01 12:00", sighting(LIST, "2026-04-01 13:00", "2026-04-01 12:50"))
        release = one(watched)
        assert release.archived == instant("2026-04-01 13:00")
        stop = release.timeline[-1]
        assert (stop.station, stop.precision, stop.after) == (
            Station.ARCHIVED,
            Precision.BETWEEN,
            moment("2026-04-01 12:50"),
        )
        assert one(announcement("2.42", "2026-04-01 12:00", sighting(LIST, "2026-04-01 13:00"))).archived is None

    def test_a_mail_without_a_readable_date_comes_last(self) -> None:
        """Another mail's Date counts."""
        release = one(
            announcement("2.42", None, message_id="a@x", delivered="2026-04-01 01:00"),
            announcement("2.42", "2026-04-01 12:00", message_id="b@x"),
        )
        assert release.message_id == "b@x"

    def test_a_final_and_its_candidates_share_a_cycle(self) -> None:
        """In its longest spelling."""
        releases = folded(tag("v1.9-rc0", None), tag("v1.9.0", None), announcement("1.9-rc1", None))
        assert {each.cycle for each in releases.values()} == {"1.9.0"}


class TestAnOldSubject:
    """The subject of an earlier announcement is used again, a number forgotten: what was just tagged overrules it."""

    OLD = (tag("v2.41-rc3", "2026-03-01 12:00"), announcement("2.41-rc3", "2026-03-01 12:30"))
    NEW = tag("v2.42-rc3", "2026-05-03 12:00")
    COPIED = announcement("2.41-rc3", "2026-05-03 12:20", message_id="copied@example.org")

    def test_the_mail_belongs_to_what_was_just_tagged(self) -> None:
        """With the contradiction kept; the old release stays as it was."""
        releases = folded(*self.OLD, self.NEW, self.COPIED)
        new, old = releases[VersionId("2.42-rc3")], releases[VersionId("2.41-rc3")]
        assert (new.message_id, new.announced) == ("copied@example.org", instant("2026-05-03 12:20"))
        assert "the subject says 2.41-rc3" in str(new.announcements[0].contradiction)
        assert [mail.message_id for mail in old.announcements] == ["2.41-rc3@example.org"]

    @pytest.mark.parametrize(
        "others",
        [
            (announcement("2.42-rc3", "2026-05-03 12:25"),),
            (tag("v2.41-rc4", "2026-05-03 11:00"),),
        ],
        ids=["it has a mail of its own", "two were tagged"],
    )
    def test_in_doubt_the_subject_counts(self, others: tuple[Observation, ...]) -> None:
        """Somebody may send an old announcement again."""
        old = folded(*self.OLD, self.NEW, self.COPIED, *others)[VersionId("2.41-rc3")]
        assert len(old.announcements) == 2

    @pytest.mark.parametrize(
        ("name", "tagged", "before"),
        [
            ("v2.42-rc3", "2026-05-02 12:00", "2026-03-01 12:30"),
            ("v2.42-rc3", "2026-05-03 12:40", "2026-03-01 12:30"),
            ("v2.42-rc4", "2026-05-03 12:00", "2026-03-01 12:30"),
            ("v2.42", "2026-05-03 12:00", "2026-03-01 12:30"),
            ("v2.42-rc3", "2026-05-03 12:00", "2026-05-03 06:00"),
        ],
        ids=["tagged too early", "tagged later", "two numbers differ", "a final", "both lists on one day"],
    )
    def test_only_a_tag_that_the_subject_may_have_meant_counts(self, name: str, tagged: str, before: str) -> None:
        """And only where the old mail is of another day: one release may go to two lists."""
        old = announcement("2.41-rc3", before)
        seen = folded(tag("v2.41-rc3", "2026-03-01 12:00"), old, tag(name, tagged), self.COPIED)
        assert len(seen[VersionId("2.41-rc3")].announcements) == 2


class TestCounts:
    """How big a release is."""

    OLD = tag("v2.41", "2025-03-18 12:00", commit="c41")
    NEW = tag("v2.42-rc1", "2026-02-25 12:00", commit="c42")
    COUNT = CountEvidence(Commit("c41"), Commit("c42"), 1521, 1194)

    def test_a_count_belongs_to_two_commits(self) -> None:
        """Exact, beside what the mail says."""
        release = folded(
            self.OLD,
            self.NEW,
            announcement("2.42-rc1", None, commits=1500),
            counts={(Commit("c41"), Commit("c42")): self.COUNT},
        )[VersionId("2.42-rc1")]
        assert (release.commits, release.commits_no_merges, release.commits_announced) == (1521, 1194, 1500)
        assert (str(release.previous), release.previous_commit) == ("2.41", "c41")

    def test_without_a_count_it_is_not_known(self) -> None:
        """Null, and wanted."""
        releases = folded(self.OLD, self.NEW)
        release = releases[VersionId("2.42-rc1")]
        assert (release.commits, release.commits_no_merges) == (None, None)
        assert wanted_counts(releases, {}, all_history=True) == [release]
        assert wanted_counts(releases, {(Commit("c41"), Commit("c42")): self.COUNT}, all_history=True) == []

    def test_another_previous_wants_another_count(self) -> None:
        """A tag that appears in between."""
        counts = {(Commit("c41"), Commit("c42")): self.COUNT}
        releases = folded(self.OLD, self.NEW, tag("v2.42-beta1", "2026-01-01 00:00"), counts=counts)
        assert releases[VersionId("2.42-rc1")].commits is None
        assert {each.version.text for each in wanted_counts(releases, counts, all_history=True)} == {
            "2.42-beta1",
            "2.42-rc1",
        }

    def test_of_a_big_project_only_what_is_or_was_news_is_counted(self) -> None:
        """The cycle at hand, and what came while we watched."""
        releases = folded(
            tag("v2.40", None),
            tag("v2.41", None),
            tag("v2.41.1", None, sighting(PRIMARY, "2026-06-01 00:00", "2026-05-31 00:00")),
            tag("v2.42-rc1", None),
            tag("v2.42-rc2", None),
        )
        wanted = wanted_counts(releases, {}, all_history=False)
        assert [each.version.text for each in wanted] == ["2.41.1", "2.42-rc1", "2.42-rc2"]

    def test_a_mail_alone_wants_no_count(self) -> None:
        """There is nothing to count."""
        assert wanted_counts(folded(announcement("2.42", None)), {}, all_history=True) == []
        assert wanted_counts({}, {}, all_history=False) == []


class TestAlerts:
    """What is worth a mail at once."""

    NOW = moment("2026-06-01 00:00")

    def alerted(self, *observations: Observation, known: set[VersionId] | None = None) -> list[str]:
        """The versions of the alerts."""
        return [each.version.text for each in to_alert(known or set(), folded(*observations), self.NOW)]

    def test_a_new_release_of_the_last_two_weeks(self) -> None:
        """By its tag's date, or its mail's; not twice."""
        fresh = tag("v2.42", "2026-05-18 00:00")
        assert self.alerted(fresh) == ["2.42"]
        assert self.alerted(announcement("2.42", "2026-05-31 00:00")) == ["2.42"]
        assert self.alerted(fresh, known={VersionId("2.42")}) == []

    def test_an_old_one_waits_for_the_digest(self) -> None:
        """Unless a source that was being watched did not have it at the last look."""
        assert self.alerted(tag("v2.42", "2026-05-17 00:00")) == []
        watched = sighting(PRIMARY, "2026-06-01 00:00", "2026-05-31 23:45")
        assert self.alerted(tag("v2.42", "2026-05-17 00:00", watched)) == ["2.42"]

    def test_one_of_unknown_date_waits_for_the_digest(self) -> None:
        """Neither tag nor mail says when it was made."""
        assert self.alerted(tag("v2.42", None)) == []

"""The fold: the same evidence gives the same releases, in whatever order it comes and whoever saw it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rctrack.core.evidence import (
    Commit,
    CountEvidence,
    Instant,
    MessageId,
    ObjectId,
    Observer,
    Sighting,
    SourceId,
    Station,
)
from rctrack.core.fold import BEFORE_ITS_TAG, Counts, announcement_of, fold, line_up
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


HERE, THERE = Observer("here"), Observer("there")


def looked(source: SourceId, look: int, observer: Observer = HERE) -> Sighting:
    """First seen at this look of that observer at the source; nothing is known of the time before the first."""
    return Sighting(source, LOOKS[look], LOOKS[look - 1] if look else None, observer)


def looks(*sources: SourceId) -> st.SearchStrategy[Sighting]:
    """Whoever looked, wherever and whenever."""
    return st.builds(looked, st.sampled_from(sources), st.integers(0, 3), st.sampled_from([HERE, THERE]))


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
        sighting=draw(looks(PRIMARY, MIRROR)),
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
        sighting=draw(looks(LIST, OTHER_LIST)),
    )


@st.composite
def sites(draw: st.DrawFn) -> StationObservation:
    """What the project's site says: a push by its own clock, or a listing that only our looks date."""
    text, object_number = draw(st.sampled_from(TEXTS)), draw(st.integers(0, 2))
    if draw(st.booleans()):
        seen = draw(looks(SourceId("releases.json x")))
        return StationObservation(version(text), Station.LISTED, text, None, seen)
    at, key = instant(f"2026-03-2{object_number} 12:30"), f"object {text} {object_number}"
    return StationObservation(version(text), Station.PUSHED, key, at, draw(looks(SourceId("gitolite-log x"))))


def once_per_source(observations: Sequence[Observation]) -> list[Observation]:
    """The same thing is first seen at a source once by each observer; the earliest look stands."""
    kept: dict[Observation, Observation] = {}
    for each in sorted(observations, key=lambda each: each.sighting.seen_at):
        kept.setdefault(replace(each, sighting=looked(each.sighting.source, 0, each.sighting.observer)), each)
    return list(kept.values())


evidence = st.lists(st.one_of(tags(), mails(), sites()), max_size=8).map(once_per_source)


def all_counts(observations: Sequence[Observation]) -> dict[tuple[Commit, Commit], CountEvidence]:
    """Every range that could be asked for."""
    commits = sorted({each.commit for each in observations if isinstance(each, TagObservation)})
    pairs = [(base, commit) for base in commits for commit in commits]
    return {(base, to): CountEvidence(base, to, 10 * number, number) for number, (base, to) in enumerate(pairs)}


@settings(max_examples=150)
@given(evidence, st.randoms(use_true_random=False))
def test_any_order_and_repetition_gives_the_same(observations: list[Observation], random: Random) -> None:
    """The same releases, equal in every field, in the same order."""
    counts = all_counts(observations)
    expected = folded(*observations, counts=counts)
    shuffled = observations + random.choices(observations, k=3) if observations else []
    random.shuffle(shuffled)
    again = folded(*shuffled, counts=counts)
    assert again == expected
    assert list(again) == list(expected)


@given(evidence)
def test_a_name_changes_nothing_but_who_saw_it(observations: list[Observation]) -> None:
    """An observer that is called otherwise gives the same releases."""

    def renamed(seen: Observation) -> Observation:
        name = Observer(f"{seen.sighting.observer} again")
        return replace(seen, sighting=replace(seen.sighting, observer=name))

    def bare(release: Release) -> Release:
        return replace(release, tags=(), announcements=())

    before, after = folded(*observations), folded(*map(renamed, observations))
    assert [*map(bare, after.values())] == [*map(bare, before.values())]


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
        assert release.announcement in [None, *release.announcements]


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
        visible = {entry.source: entry for entry in release.timeline if entry.station is Station.VISIBLE}
        assert visible[PRIMARY].precision is Precision.BETWEEN
        assert (visible[PRIMARY].after, visible[PRIMARY].at) == (
            moment("2026-04-01 09:45"),
            instant("2026-04-01 10:00"),
        )
        assert (visible[MIRROR].after, visible[MIRROR].at) == (None, None)
        assert [entry.station for entry in release.timeline] == [Station.TAGGED, Station.VISIBLE, Station.VISIBLE]

    def test_a_moved_tag_is_retagged(self) -> None:
        """What was seen first counts, both are kept, and it is one change whoever saw it."""
        before = tag("v2.42", "2026-04-01 08:00", sighting(PRIMARY, "2026-04-01 10:00"), object_id="a")
        after = tag(
            "v2.42", "2026-04-02 08:00", sighting(PRIMARY, "2026-04-02 10:00", "2026-04-02 09:00"), object_id="b"
        )
        release = one(after, before)
        assert release.flags == {Flag.RETAGGED}
        assert release.object_id == "a"
        assert [each.object_id for each in release.tags] == ["a", "b"]
        [change] = release.changes
        assert (change.object_id, change.new_object_id, change.source) == ("a", "b", PRIMARY)
        there = replace(after.sighting, observer=THERE)
        assert [each.key for each in one(before, after, replace(after, sighting=there)).changes] == [change.key]

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
        visible = next(entry for entry in release.timeline if entry.station is Station.VISIBLE)
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
        assert {entry.station for entry in release.timeline} == {Station.ANNOUNCED, Station.DELIVERED}

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
        entry = release.timeline[-1]
        assert (entry.station, entry.precision, entry.after) == (
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
        """Null, though what it follows is known."""
        release = folded(self.OLD, self.NEW)[VersionId("2.42-rc1")]
        assert (release.commits, release.commits_no_merges, str(release.previous)) == (None, None, "2.41")

    def test_another_previous_wants_another_count(self) -> None:
        """A tag that appears in between."""
        counts = {(Commit("c41"), Commit("c42")): self.COUNT}
        beta = tag("v2.42-beta1", "2026-01-01 00:00")
        assert folded(self.OLD, self.NEW, beta, counts=counts)[VersionId("2.42-rc1")].commits is None
        assert line_up(RULES, [self.OLD, self.NEW, beta]).base(self.NEW) == beta

    def test_a_mail_alone_has_nothing_to_count(self) -> None:
        """Neither a commit nor one before it."""
        release = one(announcement("2.42", None))
        assert (release.commit, release.previous, release.previous_commit) == (None, None, None)


class TestWhichMailAnnounces:
    """Of those that name a version, the first that reached the list at or after its tag's date, else one near it."""

    TAGGED = "2026-04-01 12:00"

    def chosen(self, *delivered: str, tagged: str | None = TAGGED) -> str | None:
        """Of mails delivered then, when the one that announces was."""
        mails = [
            announcement("2.42", at, sighting(LIST, "2026-06-01 00:00"), delivered=at, message_id=f"{at}@example.org")
            for at in delivered
        ]
        release = one(tag("v2.42", tagged), *mails) if tagged else one(*mails)
        assert len(release.announcements) == len(delivered), "the others stay beside it"
        return release.message_id.removesuffix("@example.org") if release.message_id else None

    def test_the_first_that_was_delivered_at_or_after_the_tag(self) -> None:
        """However many came before, and whatever came later."""
        mails = ("2026-03-27 12:00", "2026-04-01 11:50", "2026-04-01 12:30", "2026-04-02 12:00")
        assert self.chosen(*mails) == "2026-04-01 12:30"
        assert self.chosen("2026-04-01 11:50", self.TAGGED, "2026-04-01 12:30") == self.TAGGED

    def test_the_first_by_its_delivery_and_not_by_its_date(self) -> None:
        """What was written first may be held, and another be there before it."""
        held = announcement("2.42", "2026-04-01 12:05", delivered="2026-04-03 12:00", message_id="held@example.org")
        prompt = announcement("2.42", "2026-04-01 15:00", delivered="2026-04-01 15:01", message_id="prompt@example.org")
        assert one(tag("v2.42", self.TAGGED), held, prompt).announcement == prompt

    def test_else_the_nearest_at_most_two_hours_before_it(self) -> None:
        """Some write first and tag then; until a later mail comes, that is it."""
        assert self.chosen("2026-04-01 10:00", "2026-04-01 11:50") == "2026-04-01 11:50"
        assert self.chosen("2026-04-01 10:00") == "2026-04-01 10:00"

    def test_else_none(self) -> None:
        """A mail of days before is a promise or a forgery: nothing of it is told as the announcement."""
        assert self.chosen("2026-03-27 12:00", "2026-04-01 09:59") is None
        forged = announcement("2.42", "2026-03-27 12:00", delivered="2026-03-27 12:01", archived="2026-03-27 12:02")
        release = one(tag("v2.42", self.TAGGED), replace(forged, url="https://lists.example/forged"))
        assert (release.announced, release.delivered, release.archived, release.url) == (None, None, None, None)
        assert (release.made_at, len(release.announcements)) == (moment(self.TAGGED), 1)

    def test_without_a_dated_tag_the_first(self) -> None:
        """There is nothing to measure it against."""
        assert self.chosen("2026-04-02 12:00", "2026-03-27 12:00", tagged=None) == "2026-03-27 12:00"
        mail = announcement("2.42", "2026-03-27 12:00")
        assert one(tag("v2.42", None), mail).announcement == mail

    def test_delivery_counts_and_not_what_the_mail_says_of_itself(self) -> None:
        """A Date of before the tag, taken by the list two days after it: the mail was held, and is the announcement."""
        held = announcement("2.42", "2026-03-31 20:00", delivered="2026-04-03 08:00")
        assert one(tag("v2.42", self.TAGGED), held).announcement == held

    def test_a_mail_whose_way_is_not_known_counts_by_its_date_as_far_as_our_sight_allows(self) -> None:
        """A Date of next year did not come after the tag: we saw the mail before it."""
        seen = sighting(LIST, "2026-03-27 12:00", "2026-03-27 11:50")
        assert one(tag("v2.42", self.TAGGED), announcement("2.42", "2027-01-01 00:00", seen)).announcement is None
        mail = announcement("2.42", "2026-04-01 12:20")
        assert one(tag("v2.42", self.TAGGED), mail).announcement == mail

    def test_of_a_moved_tag_the_oldest_object_counts(self) -> None:
        """Its announcement is not lost when the tag moves a week later."""
        old = tag("v2.42", self.TAGGED, sighting(PRIMARY, "2026-04-01 12:10", "2026-04-01 12:00"), object_id="a")
        new = tag("v2.42", "2026-04-08 12:00", sighting(PRIMARY, "2026-04-08 12:10"), object_id="b")
        mail = announcement("2.42", "2026-04-01 12:30", delivered="2026-04-01 12:31")
        assert one(old, new, mail).announcement == mail

    def test_there_may_be_none_to_choose_from(self) -> None:
        """Tagged or not."""
        assert announcement_of([], moment(self.TAGGED)) is None
        assert announcement_of([], None) is None

    @given(st.lists(st.integers(-300, 300), max_size=8))
    def test_the_choice_is_one_that_the_rule_allows(self, minutes: list[int]) -> None:
        """Minutes after the tag; and none where the rule allows none."""
        at = moment(self.TAGGED)
        moments = [f"{at + timedelta(minutes=each):%Y-%m-%d %H:%M}" for each in sorted(set(minutes))]
        mails = [announcement("2.42", each, delivered=each) for each in moments]
        chosen = announcement_of(mails, at)
        lags = [each.delivered.at - at for each in mails if each.delivered]
        later, near = [lag for lag in lags if lag >= timedelta(0)], [lag for lag in lags if lag >= -BEFORE_ITS_TAG]
        expected = min(later, default=None) if later else max(near, default=None)
        assert (chosen.delivered.at - at if chosen and chosen.delivered else None) == expected


class TestNobodyFromTheFuture:
    """What is dated more than an hour ahead of our sight is not believed, and said to be."""

    SEEN = sighting(PRIMARY, "2026-04-01 12:00", "2026-04-01 11:45")
    MAIL = sighting(LIST, "2026-04-01 12:00", "2026-04-01 11:45")

    def test_a_tag_of_tomorrow_was_made_when_we_saw_it(self) -> None:
        """Its own date is kept, and not believed."""
        release = one(tag("v2.42", "2026-04-02 12:00", self.SEEN))
        assert (release.made_at, release.is_misdated) == (moment("2026-04-01 12:00"), True)
        assert release.tagged == instant("2026-04-02 12:00")

    @pytest.mark.parametrize(("tagged", "is_misdated"), [("13:00", False), ("13:01", True), ("09:00", False)])
    def test_clocks_may_differ_by_an_hour(self, tagged: str, is_misdated: bool) -> None:
        """No more."""
        release = one(tag("v2.42", f"2026-04-01 {tagged}", self.SEEN))
        assert release.is_misdated is is_misdated

    def test_a_tag_is_misdated_by_the_first_who_saw_it(self) -> None:
        """A mirror that shows it days later makes its date no better."""
        late = sighting(MIRROR, "2026-04-05 12:00", "2026-04-05 11:00")
        release = one(tag("v2.42", "2026-04-02 12:00", self.SEEN), tag("v2.42", "2026-04-02 12:00", late))
        assert (release.made_at, release.is_misdated) == (moment("2026-04-01 12:00"), True)

    def test_a_mail_of_tomorrow_was_written_when_the_list_had_it(self) -> None:
        """Else when we saw it; also where the list's own server lives in the future."""
        known = one(announcement("2.42", "2026-04-09 12:00", self.MAIL, delivered="2026-04-01 11:50"))
        assert (known.made_at, known.is_misdated) == (moment("2026-04-01 11:50"), True)
        unknown = one(announcement("2.42", "2026-04-09 12:00", self.MAIL))
        assert (unknown.made_at, unknown.is_misdated) == (moment("2026-04-01 12:00"), True)
        both = one(announcement("2.42", "2026-04-09 12:00", self.MAIL, delivered="2026-04-09 12:01"))
        assert (both.made_at, both.is_misdated) == (moment("2026-04-01 12:00"), True)

    def test_a_date_of_the_past_is_believed(self) -> None:
        """Embargoed fixes are weeks old when they are published."""
        release = one(tag("v2.42", "2026-02-01 12:00", self.SEEN))
        assert (release.made_at, release.is_misdated) == (moment("2026-02-01 12:00"), False)
        assert one(tag("v2.42", None, self.SEEN)).made_at is None


class TestNews:
    """Whether a source that we watched did not have it at the look before."""

    UNDATED = Sighting(PRIMARY, moment("2026-04-01 12:00"), None, HERE, is_undated=True)

    def test_what_was_there_at_the_first_look_is_none(self) -> None:
        """Nothing is known of when it came, unless its own date says so."""
        release = one(tag("v2.42", None, sighting(PRIMARY, "2026-04-01 12:00")))
        assert (release.is_news, release.came_at) == (False, None)
        assert one(tag("v2.42", "2026-03-01 12:00")).came_at == moment("2026-03-01 12:00")

    def test_what_came_between_two_looks_is_news(self) -> None:
        """At any one source; where nobody dates it, it came when we saw it."""
        came = tag("v2.42", None, sighting(MIRROR, "2026-04-01 12:00", "2026-04-01 11:00"))
        release = one(tag("v2.42", None, sighting(PRIMARY, "2026-04-01 12:00")), came)
        assert (release.is_news, release.came_at) == (True, moment("2026-04-01 12:00"))

    def test_a_clock_that_is_behind_dates_nothing_and_it_is_news_all_the_same(self) -> None:
        """Not visible at any known moment, and told."""
        assert self.UNDATED.is_news
        release = one(tag("v2.42", "2026-03-01 12:00", self.UNDATED))
        assert release.is_news
        [visible] = [entry for entry in release.timeline if entry.station is Station.VISIBLE]
        assert (visible.at, visible.after) == (None, None)


class TestTwoObservers:
    """Each has its own looks; the fold is over all of them."""

    def test_the_first_of_them_says_when_it_was_visible(self) -> None:
        """Both stay as evidence."""
        first = Sighting(PRIMARY, moment("2026-04-01 10:00"), moment("2026-04-01 09:45"), THERE)
        later = Sighting(PRIMARY, moment("2026-04-01 10:10"), moment("2026-04-01 09:55"), HERE)
        release = one(tag("v2.42", None, later), tag("v2.42", None, first))
        [visible] = [entry for entry in release.timeline if entry.station is Station.VISIBLE]
        assert (visible.after, visible.at) == (moment("2026-04-01 09:45"), instant("2026-04-01 10:00"))
        assert [each.sighting.observer for each in release.tags] == [THERE, HERE]
        assert release.first_seen_at == moment("2026-04-01 10:00")

    def test_the_first_fill_of_one_makes_no_news_old(self) -> None:
        """A second vantage point is set up a day after the release came."""
        came = tag("v2.42", None, Sighting(PRIMARY, moment("2026-04-01 10:00"), moment("2026-04-01 09:45"), HERE))
        filled = tag("v2.42", None, Sighting(PRIMARY, moment("2026-04-02 10:00"), None, THERE))
        assert one(came, filled).is_news
        assert one(came, filled).flags == frozenset()

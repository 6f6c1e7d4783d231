"""Evidence is only ever added, each piece once by its natural key; who saw it stands beside it."""

from dataclasses import replace
from pathlib import Path

import pytest

from rctrack.core.evidence import (
    AbsenceEvidence,
    Commit,
    CountEvidence,
    HeadEvidence,
    MailEvidence,
    ObjectId,
    Signature,
    SignatureEvidence,
    Station,
    StationEvidence,
    TagEvidence,
)
from rctrack.core.release import Unrecognised
from rctrack.store import Store
from tests.support.given import LIST, MIRROR, PRIMARY, PROJECT, instant, sighting
from tests.support.stored import (
    COUNT,
    DAY,
    HERE,
    HOUR,
    MAIL,
    MAILED,
    NOW,
    SEEN_MAIL,
    SEEN_TAG,
    TAG,
    THERE,
    by,
    contents,
    fill,
)

EVIDENCE = ("tags", "absences", "mails", "mail_sightings", "counts", "signatures", "stations", "heads")


def test_evidence_comes_back_as_it_was(store: Store) -> None:
    """To the byte and the offset."""
    fill(store)
    assert store.evidence.tags(PROJECT) == [(TAG, SEEN_TAG)]
    assert [(mail, seen) for _, mail, seen in store.evidence.mails(PROJECT)] == [(MAIL, SEEN_MAIL)]
    assert store.evidence.counts(PROJECT) == {(COUNT.base, COUNT.commit): COUNT}
    assert store.evidence.announcements(PROJECT, "dotted") == [MAILED]


def test_adding_what_is_there_changes_no_row(store: Store, path: Path) -> None:
    """Seen again later, by the same observer, whatever else is said of it."""
    site = StationEvidence(Station.PUSHED, "v2.42", "o1", instant("2026-04-01 08:10", 1))
    gone = AbsenceEvidence("v2.41", ObjectId("o0"), SEEN_TAG, is_back=False)
    good = SignatureEvidence(ObjectId("o1"), Signature.GOOD, "AAAA")
    fill(store)
    with store.transaction():
        assert store.evidence.add_stations(PROJECT, [(site, SEEN_TAG)]) == 1
        assert store.evidence.add_absences(PROJECT, [gone]) == 1
        assert store.evidence.add_signatures(PROJECT, "keys", [good], NOW) == 1
    before = {table: contents(path)[table] for table in EVIDENCE}
    later = replace(SEEN_TAG, seen_at=NOW + DAY, not_seen_at=NOW)
    with store.transaction():
        assert store.evidence.add_tags(PROJECT, [(TAG, later)]) == 0
        assert store.evidence.add_stations(PROJECT, [(site, later)]) == 0
        assert store.evidence.add_absences(PROJECT, [gone]) == 0
        assert store.evidence.add_counts(PROJECT, [COUNT], NOW + DAY) == 0
        assert store.evidence.add_signatures(PROJECT, "keys", [replace(good, signer="BBBB")], NOW + DAY) == 0
        mail = MailEvidence(MAIL.key, b"something else", None)
        assert store.evidence.add_mail(PROJECT, mail, replace(SEEN_MAIL, seen_at=NOW + DAY))[1] is False
    assert {table: contents(path)[table] for table in EVIDENCE} == before
    assert store.evidence.stations(PROJECT) == [(site, SEEN_TAG)]
    assert store.evidence.absences(PROJECT) == [gone]
    assert store.evidence.signatures(PROJECT, "keys") == {good.object_id: good}
    assert store.evidence.signatures(PROJECT, "other keys") == {}


def test_the_first_sighting_stays(store: Store) -> None:
    """A later one of the same thing is no new evidence; its date, read later, is."""
    undated = TagEvidence(TAG.tag, TAG.object_id, TAG.commit, None)
    later = sighting(PRIMARY, "2026-06-02 00:00", "2026-06-01 00:00")
    assert store.evidence.add_tags(PROJECT, [(undated, SEEN_TAG)]) == 1
    assert store.evidence.add_tags(PROJECT, [(undated, later)]) == 0
    assert store.evidence.add_tags(PROJECT, [(TAG, later)]) == 1
    assert store.evidence.tags(PROJECT) == [(undated, SEEN_TAG), (TAG, later)]


def test_tags_that_are_offered_together_are_each_new_once(store: Store) -> None:
    """However often they are offered, and in whatever order they came."""
    other = replace(TAG, tag="v2.43")
    with store.transaction():
        assert store.evidence.add_tags(PROJECT, [(other, SEEN_TAG), (TAG, SEEN_TAG), (other, SEEN_TAG)]) == 2
        assert store.evidence.add_tags(PROJECT, [(replace(TAG, tagged=None), SEEN_TAG), (TAG, SEEN_TAG)]) == 1
    assert [each.tag for each, _ in store.evidence.tags(PROJECT)] == ["v2.43", "v2.42", "v2.42"]


def test_a_moved_tag_is_two_pieces_of_evidence(store: Store) -> None:
    """The newest object is what the host shows."""
    moved = replace(TAG, object_id=ObjectId("o2"))
    store.evidence.add_tags(PROJECT, [(TAG, SEEN_TAG)])
    store.evidence.add_tags(PROJECT, [(moved, replace(SEEN_TAG, seen_at=NOW + HOUR))])
    assert [each.object_id for each, _ in store.evidence.tags(PROJECT)] == ["o1", "o2"]
    observer = SEEN_TAG.observer
    assert store.evidence.tags_shown(PROJECT, PRIMARY, observer) == {"v2.42": "o2"}
    assert store.evidence.tags_shown(PROJECT, MIRROR, observer) == {}


class TestTwoObservers:
    """Each has sightings of its own of the same things."""

    def test_see_the_same_tag_each_once(self, store: Store) -> None:
        """Both sightings are evidence, and neither again."""
        for who, new in ((HERE, 1), (THERE, 1), (HERE, 0), (THERE, 0)):
            assert store.evidence.add_tags(PROJECT, [(TAG, by(who, later=HOUR))]) == new
        assert [seen.observer for _, seen in store.evidence.tags(PROJECT)] == [HERE, THERE]

    def test_see_the_same_mail_each_once_and_it_is_stored_once(self, store: Store, path: Path) -> None:
        """Its announcement is there as each of them saw it; `mails` has it as it was seen first."""
        ids = set()
        for who, later in ((HERE, HOUR), (THERE, HOUR * 0), (HERE, DAY)):
            mail_id, is_new = store.evidence.add_mail(PROJECT, MAIL, by(who, SEEN_MAIL, later=later))
            ids.add(mail_id)
            assert is_new is (later != DAY)
        [mail_id] = ids
        store.evidence.put_reading(PROJECT, mail_id, MAIL.key, LIST, MAILED, NOW)
        assert len(contents(path)["mails"]) == 1
        found = {each.sighting.observer: each for each in store.evidence.announcements(PROJECT, "dotted")}
        assert found == {
            HERE: replace(MAILED, sighting=by(HERE, SEEN_MAIL, later=HOUR)),
            THERE: replace(MAILED, sighting=by(THERE, SEEN_MAIL)),
        }
        assert [seen for _, _, seen in store.evidence.mails(PROJECT)] == [by(THERE, SEEN_MAIL)]

    def test_know_what_they_themselves_have_seen(self, store: Store) -> None:
        """A mail that another saw is to be read by this one still."""
        store.evidence.add_mail(PROJECT, MAIL, by(THERE, SEEN_MAIL))
        assert store.evidence.mail_keys(PROJECT, LIST, THERE) == {MAIL.key}
        assert store.evidence.mail_keys(PROJECT, LIST, HERE) == set()
        assert store.evidence.mail_keys(PROJECT, PRIMARY, THERE) == set()

    def test_miss_a_tag_each_in_looks_of_their_own(self, store: Store) -> None:
        """What one was shown, the other is not said to miss; two looks of one second are two."""
        gone = {
            who: AbsenceEvidence(TAG.tag, TAG.object_id, by(who, later=HOUR), is_back=False) for who in (HERE, THERE)
        }
        store.evidence.add_tags(PROJECT, [(TAG, by(THERE))])
        assert store.evidence.tags_shown(PROJECT, PRIMARY, THERE) == {TAG.tag: TAG.object_id}
        assert store.evidence.tags_shown(PROJECT, PRIMARY, HERE) == {}
        assert store.evidence.add_absences(PROJECT, gone.values()) == 2
        assert store.evidence.absences(PROJECT) == [gone[HERE], gone[THERE]]
        assert store.evidence.journal(PROJECT, PRIMARY, THERE) == [gone[THERE]]
        assert store.evidence.journal(PROJECT, MIRROR, THERE) == []


class TestHeads:
    """That HEAD moves proves that a host lives."""

    def test_a_head_is_stored_when_it_moves(self, store: Store) -> None:
        """The first one moved from nowhere: it proves nothing."""
        assert store.evidence.head(PROJECT, PRIMARY) is None
        for hours, object_id, new in ((0, "a", 1), (1, "a", 0), (2, "b", 1), (3, "b", 0), (4, "a", 1)):
            seen = by(HERE, later=hours * HOUR)
            assert store.evidence.add_head(PROJECT, HeadEvidence(ObjectId(object_id)), seen) == new
            moved = {0: None, 1: None, 2: NOW + 2 * HOUR, 3: NOW + 2 * HOUR, 4: NOW + 4 * HOUR}[hours]
            assert (store.evidence.head(PROJECT, PRIMARY), store.evidence.head_moved_at(PROJECT, PRIMARY)) == (
                object_id,
                moved,
            )
        assert store.evidence.head(PROJECT, MIRROR) is None


class TestCounts:
    """A fact about two commits alone."""

    def test_of_several_the_one_that_says_most_counts(self, store: Store) -> None:
        """A range may be counted again with all history at hand."""
        some, whole = (CountEvidence(Commit("c0"), Commit("c1"), 7, 5, *authors) for authors in ((3, None), (3, 1)))
        for counts in ([whole], [some, COUNT]):
            store.evidence.add_counts(PROJECT, counts, NOW)
        assert store.evidence.counts(PROJECT) == {(COUNT.base, COUNT.commit): whole}


class TestReadings:
    """What a mail was recognised as is replaced; the mail is not."""

    def test_a_mail_read_otherwise_is_read_instead(self, store: Store, path: Path) -> None:
        """Accepted or unrecognised, never both."""
        fill(store)
        before = contents(path)["mails"]
        ((mail_id, mail, seen),) = store.evidence.mails(PROJECT)
        odd = Unrecognised("subject", mail.key, "is odd")
        store.evidence.put_reading(PROJECT, mail_id, mail.key, LIST, odd, seen.seen_at)
        assert store.evidence.announcements(PROJECT, "dotted") == []
        assert [each.reason for _, each, _ in store.evidence.unrecognised(PROJECT) if each.key == mail.key] == [
            "is odd"
        ]
        store.evidence.put_reading(PROJECT, mail_id, mail.key, LIST, MAILED, NOW)
        assert store.evidence.announcements(PROJECT, "dotted") == [MAILED]
        assert [each.key for _, each, _ in store.evidence.unrecognised(PROJECT)] == ["odd"]
        store.evidence.put_reading(PROJECT, mail_id, mail.key, LIST, None, NOW)
        assert store.evidence.announcements(PROJECT, "dotted") == []
        assert contents(path)["mails"] == before

    @pytest.mark.parametrize(
        "reading", ["{}", "[]", "7", '{"versions": 3}', '{"versions": ["2.42"], "announced": "yesterday"}']
    )
    def test_a_reading_of_another_rctrack_is_none_until_it_is_read_again(self, store: Store, reading: str) -> None:
        """The mail is still there; nothing fails."""
        fill(store)
        store._connection.execute("UPDATE announcements SET reading = ?", (reading,))
        assert store.evidence.announcements(PROJECT, "dotted") == []
        assert len(list(store.evidence.mails(PROJECT))) == 1

    def test_a_version_that_its_scheme_does_not_know_any_more_is_none(self, store: Store) -> None:
        """A project's scheme was changed; a mail without any version is no announcement."""
        fill(store)
        assert store.evidence.announcements(PROJECT, "daily") == []

    def test_tags_that_are_no_releases_are_those_of_now(self, store: Store) -> None:
        """Each with the sighting that has it; what was odd before and is not any more is gone."""
        fill(store)
        tables = store.evidence
        tables.put_unrecognised_tags(PROJECT, [(Unrecognised("x", "x", "why"), by(HERE, later=DAY))])
        assert tables.unrecognised(PROJECT) == [(PRIMARY, Unrecognised("x", "x", "why"), NOW + DAY)]

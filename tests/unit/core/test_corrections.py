"""Which release a mail means, where its subject, its body and the tags of its day do not agree."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest

from rctrack.core.corrections import announced_again, as_meant
from rctrack.core.evidence import MailEvidence
from rctrack.core.fold import fold
from rctrack.core.recognise import recognise_mail
from rctrack.core.release import Announcement, Observation, TagObservation
from rctrack.core.rules import ListRules
from tests.support.given import LIST, PRIMARY, PROJECT, RULES, announcement, sighting, tag, version

SUBJECT = r"^\[ANNOUNCE\] (?:Release candidate of )?demo v?(?P<version>\S+)"
LIST_RULES = ListRules(frozenset({"kim@example.org"}), SUBJECT, (), None)
SEEN = sighting(LIST, "2031-06-01 00:00")
SEEN_TAG = sighting(PRIMARY, "2031-06-01 00:00")


def mail(message_id: str, at: str, subject: str, body: str = "") -> Announcement:
    """What a mail of this moment (UTC) is recognised as."""
    date = f"{at.replace(' ', 'T')}:00+00:00"
    content = f"From: kim@example.org\nSubject: {subject}\nDate: {date}\nMessage-ID: <{message_id}>\n\n{body}"
    reading = recognise_mail(LIST_RULES, "dotted", MailEvidence(message_id, content.encode(), None), SEEN)
    assert isinstance(reading, Announcement), reading
    return reading


def tags(*named: str) -> list[TagObservation]:
    """Tags as "v1.5 2026-01-27 17:08", or a name alone for one whose date is not read yet."""
    return [tag(each.partition(" ")[0], each.partition(" ")[2] or None, SEEN_TAG) for each in named]


def mails_of(observations: Sequence[Observation]) -> dict[str, list[str]]:
    """The Message-IDs by the release that they announce, in any order of the evidence."""
    shuffled = list(observations)
    Random(len(shuffled)).shuffle(shuffled)
    readings = []
    for given in (observations, shuffled):
        folded = fold(PROJECT, RULES, given, {})
        announced = {each.version.text: [mail.message_id for mail in each.announcements] for each in folded.values()}
        readings.append({text: ids for text, ids in announced.items() if ids})
    assert readings[0] == readings[1]
    return {text: [str(message_id) for message_id in ids] for text, ids in readings[0].items()}


class TestTheBodyAlone:
    """It never overrules a subject whose version is tagged or was not announced before."""

    AHEAD = mail("rc2", "2026-01-14 11:07", "[ANNOUNCE] demo v1.5-rc2", "demo 1.5 is now available.\nNo, 1.5-rc2.\n")
    TAGGED = tags("v1.5-rc1 2026-01-06 14:21", "v1.5-rc2 2026-01-14 10:50")

    def test_a_tagged_subject_stays(self) -> None:
        """Also once the final is tagged, days later."""
        assert mails_of([self.AHEAD, *self.TAGGED]) == {"1.5-rc2": ["rc2"]}
        assert mails_of([self.AHEAD, *self.TAGGED, *tags("v1.5 2026-01-27 17:08")]) == {"1.5-rc2": ["rc2"]}

    def test_a_subject_that_was_never_used_stays(self) -> None:
        """Without any tag too."""
        assert mails_of([self.AHEAD]) == {"1.5-rc2": ["rc2"]}

    def test_a_subject_that_was_used_before_gives_way_where_nothing_is_tagged(self) -> None:
        """What the body says is out is meant then."""
        old = mail("old", "2026-01-02 11:00", "[ANNOUNCE] demo v1.5-rc2", "1.5-rc2 is out\n")
        assert mails_of([old, self.AHEAD]) == {"1.5-rc2": ["old"], "1.5": ["rc2"]}
        assert mails_of([old, self.AHEAD, *tags("v1.5-rc2 2026-01-02 10:00")]) == {"1.5-rc2": ["old", "rc2"]}


class TestACopiedSubject:
    """The last announcement was taken as a draft and its subject not changed."""

    CANDIDATE = mail("rc2", "2026-11-22 16:01", "[ANNOUNCE] demo 3.6-rc2", "A 3.6-rc2 release of demo is available.\n")
    FINAL = mail(
        "final",
        "2026-12-13 15:45",
        "[ANNOUNCE] demo 3.6-rc2",
        "The 3.6 release of demo is now available.\n\nChanges since 3.6-rc2\n",
    )
    TAGGED = tags("v3.6-rc1 2026-11-08 12:00", "v3.6-rc2 2026-11-22 15:09", "v3.6 2026-12-13 14:47")

    def test_a_final_under_the_subject_of_its_last_candidate(self) -> None:
        """The candidate keeps its own mail alone, and the contradiction stays in words."""
        assert mails_of([self.CANDIDATE, self.FINAL, *self.TAGGED]) == {"3.6-rc2": ["rc2"], "3.6": ["final"]}
        folded = fold(PROJECT, RULES, [self.CANDIDATE, self.FINAL, *self.TAGGED], {})
        final = folded[version("3.6").id]
        assert final.message_id == "final"
        assert final.announcements[0].contradiction == ("the subject says 3.6-rc2, the body 3.6; tagged is 3.6")

    def test_the_same_with_a_silent_body(self) -> None:
        """What was just tagged in the cycle of the subject, and has no mail of its own, is meant."""
        silent = replace(self.FINAL, alternatives=(), contradiction=None)
        assert mails_of([self.CANDIDATE, silent, *self.TAGGED]) == {"3.6-rc2": ["rc2"], "3.6": ["final"]}

    def test_what_comes_earlier_in_the_cycle_is_not_meant(self) -> None:
        """A beta that is tagged after the candidate is another matter."""
        silent = replace(self.FINAL, alternatives=(), contradiction=None)
        tagged = tags("v3.6-rc2 2026-11-22 15:09", "v3.6-beta4 2026-12-13 14:47")
        assert mails_of([self.CANDIDATE, silent, *tagged]) == {"3.6-rc2": ["rc2", "final"]}

    def test_a_mail_that_says_that_it_was_sent_again_is_no_draft(self) -> None:
        """An old announcement may be sent again on the day of the next tag."""
        again = mail("again", "2026-12-13 15:45", "[RESEND] [ANNOUNCE] demo 3.6-rc2", "out\n")
        assert mails_of([self.CANDIDATE, again, *self.TAGGED]) == {"3.6-rc2": ["rc2", "again"]}

    def test_a_final_that_has_a_mail_of_its_own_is_not_meant_by_a_silent_one(self) -> None:
        """Then it was the candidate's after all."""
        silent = replace(self.FINAL, alternatives=(), contradiction=None)
        own = mail("own", "2026-12-13 16:45", "[ANNOUNCE] demo 3.6")
        assert mails_of([self.CANDIDATE, silent, own, *self.TAGGED]) == {"3.6-rc2": ["rc2", "final"], "3.6": ["own"]}


class TestOneNumberTooHigh:
    """The subject names what does not exist yet, and the body the right version alone."""

    MAIL = mail(
        "one",
        "2026-12-02 22:47",
        "[ANNOUNCE] demo 5.14.2",
        "Tarballs:\n\nhttps://example.org/demo-5.14.1.tar.xz\n\n0e0de366 demo: Release v5.14.1\n",
    )
    BEFORE = tags("v5.14.0 2026-11-19 16:00")
    TAGGED = tags("v5.14.1 2026-12-02 22:07")
    LATER = tags("v5.14.2 2026-12-06 22:31")

    def test_the_body_s_only_version_is_meant_if_it_was_just_tagged(self) -> None:
        """Also once the subject's version is tagged, since that was days after the mail."""
        for later in ([], self.LATER):
            assert mails_of([self.MAIL, *self.BEFORE, *self.TAGGED, *later]) == {"5.14.1": ["one"]}

    @pytest.mark.parametrize(
        "others",
        [
            tags("v5.14.1 2026-11-30 22:07"),
            tags("v5.14.1 2026-12-02 22:07", "v5.14.2 2026-12-02 22:30"),
            tags("v5.14.1 2026-12-02 22:07", "v5.14.2 2026-12-03 00:30"),
            tags("v5.14.1 2026-12-02 22:07", "v5.14.2"),
            tags("v5.14.1"),
            [],
        ],
        ids=["tagged days before", "both tagged", "tagged just after", "not dated", "neither dated", "nothing tagged"],
    )
    def test_in_doubt_the_subject_counts(self, others: list[Observation]) -> None:
        """A tag without a date proves nothing against it."""
        assert mails_of([self.MAIL, *others]) == {"5.14.2": ["one"]}

    def test_a_body_that_names_the_subject_s_version_agrees_with_it(self) -> None:
        """Whatever was tagged that day."""
        agreeing = mail("one", "2026-12-02 22:47", "[ANNOUNCE] demo 5.14.2", "5.14.1 was broken, this is 5.14.2.\n")
        assert mails_of([agreeing, *self.TAGGED]) == {"5.14.2": ["one"]}

    def test_another_project_s_number_in_the_body_means_nothing(self) -> None:
        """It is no tag of this project."""
        other = mail("one", "2026-12-02 22:47", "[ANNOUNCE] demo 5.14.2", "Needs linux 6.18 or newer.\n")
        assert mails_of([other, *self.TAGGED]) == {"5.14.2": ["one"]}


class TestACandidateWithoutANumber:
    """ "Release candidate of 1.2", and no more."""

    MAIL = mail("one", "2026-03-10 12:00", "[ANNOUNCE] demo v1.2 release candidate")

    def test_the_newest_candidate_that_is_tagged_is_meant(self) -> None:
        """As of the mail's date."""
        tagged = tags("v1.2-rc1 2026-03-01 10:00", "v1.2-rc2 2026-03-10 11:00", "v1.2-rc3 2026-03-20 11:00")
        assert mails_of([self.MAIL, *tagged]) == {"1.2-rc2": ["one"]}
        assert mails_of([self.MAIL, *tagged[:1]]) == {"1.2-rc1": ["one"]}

    def test_the_one_candidate_that_the_body_names_is_meant(self) -> None:
        """Whatever is tagged; where it names several, the tag says which."""
        body = "See https://example.org/testing/v1.2-rc3/demo-1.2-rc3.tar.gz\n"
        named = mail("one", "2026-03-10 12:00", "[ANNOUNCE] Release candidate of demo v1.2", body)
        plain = mail("one", "2026-03-10 12:00", "[ANNOUNCE] demo v1.2 release candidate", body)
        several = mail("one", "2026-03-10 12:00", "[ANNOUNCE] demo v1.2 release candidate", f"{body}since 1.2-rc2\n")
        assert mails_of([named]) == mails_of([plain]) == {"1.2-rc3": ["one"]}
        assert mails_of([several]) == {"1.2-rc": ["one"]}
        assert mails_of([several, *tags("v1.2-rc3 2026-03-10 11:00")]) == {"1.2-rc3": ["one"]}

    def test_without_such_a_tag_it_stays_without_a_number(self) -> None:
        """Neither a beta, nor the final, nor a candidate that has a mail already is taken for it."""
        others = tags("v1.2-beta1 2026-03-10 11:00", "v1.2 2026-03-10 11:00")
        assert mails_of([self.MAIL, *others]) == {"1.2-rc": ["one"]}
        first = mail("first", "2026-03-01 11:00", "[ANNOUNCE] demo v1.2-rc1")
        assert mails_of([first, self.MAIL, *tags("v1.2-rc1 2026-03-01 10:00")]) == {
            "1.2-rc1": ["first"],
            "1.2-rc": ["one"],
        }


class TestAnnouncedAgain:
    """A number that is announced years later is news, mistaken or not."""

    OLD = announcement("1.2.6", "2020-04-09 18:06", message_id="old@x")
    NEW = announcement("1.2.6", "2024-10-17 08:15", message_id="new@x")

    def test_the_later_mail_is_told_apart(self) -> None:
        """It is kept with the release, and says when the number was announced before."""
        assert announced_again([self.NEW, self.OLD]) == (self.NEW,)
        old, new = fold(PROJECT, RULES, [self.NEW, self.OLD], {})[version("1.2.6").id].announcements
        assert (old.contradiction, new.contradiction) == (None, "1.2.6 was announced before, on 2020-04-09")

    def test_a_mail_that_is_sent_again_or_to_another_list_is_not(self) -> None:
        """Within weeks it is the same announcement still; and each time it starts anew."""
        again = announcement("1.2.6", "2020-05-09 18:06", message_id="again@x")
        copied = announcement("1.2.6", "2024-10-18 08:15", message_id="copy@x")
        assert announced_again([self.OLD, again]) == ()
        assert announced_again([self.OLD, again, copied, self.NEW]) == (self.NEW,)

    def test_a_number_that_was_mistaken_is_what_was_tagged(self) -> None:
        """Then nothing is announced again."""
        tagged = tags("v1.2.6 2020-04-09 18:00", "v1.3.6 2024-10-17 08:00")
        assert mails_of([self.OLD, self.NEW, *tagged]) == {"1.2.6": ["old@x"], "1.3.6": ["new@x"]}


def test_a_mail_of_several_versions_is_left_alone() -> None:
    """It says what it says."""
    several = announcement("1.2 1.1.5", "2026-03-10 12:00")
    assert list(as_meant([several], {})) == [several]

"""Delays and outages in words: subjects, texts of 72 columns, digest lines."""

from dataclasses import replace
from datetime import timedelta, timezone

import pytest
from rctrack.core.incident import Told

from rctrack.core import incident, wording
from rctrack.core.evidence import ProjectId
from rctrack.core.fold import fold
from rctrack.core.hosts import Outage, OutageKind
from rctrack.core.lateness import Cause, Delay, DelayKind, Ended, Wait
from rctrack.core.release import LongestWait, Release
from rctrack.core.version import VersionId
from tests.support import given

RC6 = VersionId("3.1-rc6")
TAGGED = given.moment("2011-09-12 21:02")
NOW = TAGGED + timedelta(hours=26)
READER = wording.Reader("ann@example.org", timezone(timedelta(hours=2), "CEST"))
DOWN = Outage(
    OutageKind.OUT,
    frozenset({"git.kernel.example", "www.kernel.example"}),
    given.moment("2011-08-30 23:50"),
    given.moment("2011-08-31 00:00"),
    None,
    NOW,
    "connection refused",
)
RELEASES: dict[VersionId, Release] = fold(
    given.PROJECT,
    given.RULES,
    [
        given.tag("v3.1-rc5", "2011-09-04 23:00", given.sighting(given.PRIMARY, "2011-09-05 00:00")),
        given.announcement("3.1-rc5", "2011-09-04 23:42", given.sighting(given.LIST, "2011-09-05 00:00")),
        given.tag(
            "v3.1-rc6", "2011-09-12 21:02", given.sighting(given.PRIMARY, "2011-09-12 21:10", "2011-09-12 21:00")
        ),
    ],
    {},
)


def delay(kind: DelayKind = DelayKind.ANNOUNCEMENT, where: str = "", cause: Cause | None = None) -> Delay:
    """An open one; with a cause it closed after 38 hours."""
    made = Delay(given.PROJECT, RC6, kind, where, TAGGED, timedelta(hours=12), NOW)
    if cause is None:
        return made
    return replace(made, until=TAGGED + timedelta(hours=38), cause=cause, ended=Ended.CLOSED)


def told(made: Delay, *outages: Outage) -> Told:
    return Told(made, "Demo", RELEASES, outages)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (delay(), "v3.1-rc6: tagged Mon 21:02 UTC, not announced for 26 h"),
        (delay(DelayKind.TAG), "v3.1-rc6: announced Mon 21:02 UTC, not tagged for 26 h"),
        (delay(DelayKind.MIRROR, "m.example"), "v3.1-rc6: tagged Mon 21:02 UTC, not at m.example for 26 h"),
        (
            replace(delay(DelayKind.OVERDUE, "3.1-rc6"), version=VersionId("3.1-rc7")),
            "3.1-rc7: due by Mon 12 Sep 21:02 UTC, not there",
        ),
    ],
)
def test_the_subject_says_what_is_late_and_for_how_long(made: Delay, words: str) -> None:
    """One form for each kind."""
    assert incident.late_subject(told(made), NOW) == f"[rctrack] LATE demo {words}"


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (delay(cause=Cause.MAIL), "announced after 38 h: held by the mail"),
        (delay(cause=Cause.PROJECT), "announced after 38 h: by the project"),
        (delay(cause=Cause.LIST_ARCHIVE), "announced after 38 h: held by the archive"),
        (delay(DelayKind.TAG, cause=Cause.PROJECT), "tagged after 38 h: by the project"),
        (delay(DelayKind.DELIVERY, cause=Cause.MAIL), "delivered after 38 h: held by the mail"),
        (delay(DelayKind.ARCHIVE, "l", Cause.LIST_ARCHIVE), "archived after 38 h: held by the archive"),
        (delay(DelayKind.MIRROR, "m.example", Cause.MIRROR), "is at m.example after 38 h: the host was late"),
        (delay(DelayKind.MIRROR, "m.example", Cause.HOST), "is at m.example after 38 h: the host was down"),
        (delay(DelayKind.OVERDUE, "3.1-rc5", Cause.PROJECT), "is there, 38 h overdue"),
        (replace(delay(cause=Cause.PROJECT), ended=Ended.NEVER), "was never announced"),
    ],
)
def test_the_end_says_how_long_and_whose_gap_it_was(made: Delay, words: str) -> None:
    """Subject, first line of the mail and digest line agree; each cause has its sentence."""
    assert incident.over_subject(told(made)) == f"[rctrack] demo v3.1-rc6 {words}"
    assert incident.delay_line(told(made), NOW) == f"v3.1-rc6 {words}"
    text = incident.over_text(told(made), [], READER, NOW)
    assert text.split("\n\n")[0].replace("\n", " ") == f"Demo v3.1-rc6 {words}."
    assert wide(text) == []
    explained = text.split("\n\n")[2].replace("\n", " ")
    assert explained.endswith(".")


def test_a_delay_and_the_outage_that_belongs_to_it_are_told_together() -> None:
    """What is late, by what measure, what is down, and how it went with the release before."""
    health = [wording.SourceHealth(str(given.PRIMARY), "good at 2011-09-13 23:00 UTC")]
    text = incident.late_text(told(delay(), DOWN), health, READER, NOW)
    flat = " ".join(text.split())
    assert text.startswith("Demo v3.1-rc6: tagged Mon 21:02 UTC, not announced for 26 h.\n")
    assert "Tagged Mon 2011-09-12 21:02 UTC (Mon 23:02 CEST) seen at primary.example" in flat
    assert "Late since Tue 2011-09-13 09:02 UTC" in flat
    assert "12 h is the limit of what is usual." in flat
    assert "git.kernel.example and www.kernel.example have been down for 13 days." in flat
    assert "v3.1-rc5 was announced in 42 min." in flat
    assert f"{given.PRIMARY}: good at" in flat
    assert "Announced" not in text
    assert wide(text) == []


def test_a_mail_that_came_before_its_tag_is_no_measure_of_how_soon_one_comes() -> None:
    """Nothing is said of the release before."""
    rc5, rc6 = given.tag("v3.1-rc5", "2011-09-04 23:00"), given.tag("v3.1-rc6", "2011-09-12 21:02")
    mail = given.announcement("3.1-rc5", "2011-09-04 22:42")
    releases = fold(given.PROJECT, given.RULES, [rc5, mail, rc6], {})
    text = incident.late_text(Told(delay(), "Demo", releases, ()), [], READER, NOW)
    assert "was announced" not in text


def test_a_place_on_this_machine_is_named_by_its_last_part() -> None:
    """A path would not fit into a line."""
    seen = given.sighting(type(given.PRIMARY)("tags /" + "a/very/long/folder/" * 10 + "demo.git"), "2011-09-12 21:10")
    releases = fold(given.PROJECT, given.RULES, [given.tag("v3.1-rc6", "2011-09-12 21:02", seen)], {})
    text = incident.late_text(Told(delay(), "Demo", releases, ()), [], READER, NOW)
    assert "seen at demo.git" in text
    assert wide(text) == []


def test_a_delay_that_was_raised_says_how_many_times_its_limit() -> None:
    """In the digest, while it lasts."""
    line = incident.delay_line(told(replace(delay(), raised_at=NOW)), TAGGED + timedelta(days=3))
    assert line == "v3.1-rc6 is late: tagged Mon 21:02 UTC, not announced for 3 d (6 times its limit)"
    assert "limit" not in incident.delay_line(told(delay()), NOW)


@pytest.mark.parametrize(
    ("kind", "where", "words"),
    [
        (DelayKind.ANNOUNCEMENT, "", "not announced as far as we see; archive silent, cannot tell"),
        (DelayKind.MIRROR, "m.example", "not seen at m.example; no good look there since, cannot tell"),
        (DelayKind.TAG, "", "not there as far as we see; no good look since, cannot tell"),
        (DelayKind.OVERDUE, "3.1-rc5", "not there as far as we see; no good look since, cannot tell"),
    ],
)
def test_what_cannot_be_told_names_who_is_silent(kind: DelayKind, where: str, words: str) -> None:
    """An archive is silent only where a mail is waited for."""
    wait = Wait(RC6, kind, where, TAGGED, timedelta(hours=12), None, Cause.PROJECT, None)
    assert incident.silent_lines([wait], RELEASES) == [f"v3.1-rc6: {words}"]
    assert incident.silent_lines([wait], {}) == [f"3.1-rc6: {words}"]


def test_what_the_same_silence_keeps_from_us_is_one_line() -> None:
    """A mirror that has not answered for a year is not a page of the digest."""
    kept = [
        Wait(VersionId(f"1.{n}"), DelayKind.MIRROR, "m", TAGGED, timedelta(1), None, Cause.MIRROR, None)
        for n in range(9)
    ]
    tag = replace(kept[0], kind=DelayKind.TAG)
    said = incident.silent_lines([*kept[:2], tag], {})
    assert said[0] == "1.0, 1.1: not seen at m; no good look there since, cannot tell"
    assert said[1:] == ["1.0: not there as far as we see; no good look since, cannot tell"]
    assert incident.silent_lines(kept, {}) == [
        "1.6, 1.7, 1.8 and 6 older: not seen at m; no good look there since, cannot tell"
    ]


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (
            LongestWait("relay.example", "list.example", timedelta(hours=37)),
            "37 h between relay.example and list.example",
        ),
        (LongestWait("list.example", "list.example", timedelta(hours=37)), "37 h at list.example"),
        (LongestWait(None, "relay.example", timedelta(hours=37)), "37 h before relay.example took it"),
    ],
)
def test_a_mail_that_was_held_names_the_hop(held: LongestWait, words: str) -> None:
    """In the mail that tells of the end, and in the digest; not where something else is to blame."""
    mail = replace(given.announcement("3.1-rc6", "2011-09-12 21:05", delivered="2011-09-14 10:05"), held=held)
    tag = given.tag("v3.1-rc6", "2011-09-12 21:02")
    releases = fold(given.PROJECT, given.RULES, [tag, mail], {})
    made = Told(delay(cause=Cause.MAIL), "Demo", releases, ())
    text = incident.over_text(made, [], READER, NOW)
    assert f"Of its way, it waited {words}." in " ".join(text.split())
    assert wide(text) == []
    assert incident.delay_line(made, NOW) == f"v3.1-rc6 announced after 38 h: held by the mail ({words})"
    other = Told(delay(cause=Cause.PROJECT), "Demo", releases, ())
    assert "waited" not in incident.over_text(other, [], READER, NOW)
    assert "(" not in incident.delay_line(other, NOW)


def test_what_is_late_says_where_to_read_on_and_what_comes_next() -> None:
    """When it opens and when it is over: the command for its commits, its mail, the next release."""
    mail = given.announcement("3.1-rc6", "2011-09-12 21:05", delivered="2011-09-14 10:05")
    rc5, rc6 = given.tag("v3.1-rc5", "2011-09-04 23:00"), given.tag("v3.1-rc6", "2011-09-12 21:02")
    late = Told(delay(), "Demo", fold(given.PROJECT, given.RULES, [rc5, rc6], {}), (), "rc7 due Sun 18 Sep (95 %)")
    text = incident.late_text(late, [], READER, NOW)
    assert "\n\ngit log v3.1-rc5..v3.1-rc6\n\nNext: rc7 due Sun 18 Sep (95 %)\n" in text
    over = replace(late, delay=delay(cause=Cause.MAIL), releases=fold(given.PROJECT, given.RULES, [rc5, rc6, mail], {}))
    text = incident.over_text(over, [], READER, NOW)
    assert "\ngit log v3.1-rc5..v3.1-rc6\nMessage-ID:\n  <3.1-rc6@example.org>\n\nNext: rc7 due" in text
    assert "Next" not in incident.late_text(replace(late, expected=""), [], READER, NOW)


def test_after_a_week_a_weekday_alone_would_be_another_day() -> None:
    """Then the date is said."""
    now = TAGGED + timedelta(days=7, hours=10)
    assert incident.late_words(told(delay()), now) == "tagged 12 Sep 21:02 UTC, not announced for 7 d 10 h"
    made = delay(DelayKind.MIRROR, "m.example")
    assert incident.late_words(told(made), now) == "tagged 12 Sep 21:02 UTC, not at m.example for 7 d 10 h"


def test_a_number_stays_on_the_line_of_its_unit() -> None:
    """A line that begins with "h." is read twice."""
    for width in range(20, 72):
        lines = wording.hanging("tagged 12 Sep 21:02 UTC, not there for 7 d 10 h, 12 days (80 %)", "  ", "    ", width)
        assert not any(line.strip().split()[0] in ("h,", "d", "days", "%)", "UTC,") for line in lines)
        assert max(map(len, lines)) <= width


class TestOutages:
    """Hosts that were down, blocked us, stored late; and when it was us."""

    def test_out_and_back(self) -> None:
        """Subject, verdict, bounds, what is read there, who answers; the end has the length."""
        assert incident.outage_subject(DOWN) == (
            "[rctrack] OUT git.kernel.example and www.kernel.example: no answer since Wed 31 Aug 00:00 UTC"
        )
        text = incident.outage_text(DOWN, ["demo  tags https://git.kernel.example/x.git"], ["b", "a"], READER, NOW)
        flat = " ".join(text.split())
        assert text.startswith("git.kernel.example and www.kernel.example have been down for 13 days.\n")
        assert "Last good Tue 2011-08-30 23:50 UTC" in flat
        assert "It said: connection refused" in flat
        assert "Read from there demo tags https://git.kernel.example/x.git" in flat
        assert "These answer: a, b." in flat
        assert wide(text) == []
        over = replace(DOWN, until=DOWN.since + timedelta(days=33, hours=23))
        assert incident.back_subject(over).endswith("www.kernel.example: after 33 days")
        back = incident.outage_text(over, [], ["a"], READER, NOW)
        assert back.startswith("git.kernel.example and www.kernel.example answer again.\n")
        assert "Length" in back
        assert "It said" not in back
        assert "These answer" not in back

    def test_a_block_is_no_silence(self) -> None:
        """The host answers, but not with what was asked for."""
        blocked = replace(DOWN, kind=OutageKind.BLOCKED, hosts=frozenset({"one.example"}))
        assert incident.outage_subject(blocked).startswith("[rctrack] OUT one.example: blocks us since ")
        assert incident.outage_words(blocked, NOW) == "one.example has been blocking us for 13 days."

    @pytest.mark.parametrize(
        ("kind", "lasts", "over"),
        [
            (OutageKind.OUT, "h.example has been down for 13 days.", "h.example was down from {}."),
            (OutageKind.BLOCKED, "h.example has been blocking us for 13 days.", "h.example was blocking us from {}."),
            (
                OutageKind.LAGGING,
                "h.example has been storing mail late for 13 days.",
                "The archive at h.example stored mail late from {}.",
            ),
            (
                OutageKind.OFFLINE,
                "We have been offline for 13 days; nobody else is to blame.",
                "We were offline from {}; nobody else is to blame.".replace(" from {}", " {}"),
            ),
        ],
    )
    def test_each_kind_has_its_sentence_while_it_lasts_and_when_it_is_over(
        self, kind: OutageKind, lasts: str, over: str
    ) -> None:
        """Our own being offline accuses nobody, even while it lasts."""
        outage = replace(DOWN, kind=kind, hosts=frozenset({"h.example"}))
        assert incident.outage_words(outage, NOW) == lasts
        span = "31 Aug 2011 00:00 to 2 Sep 2011 00:00 UTC"
        ended = incident.outage_words(replace(outage, until=outage.since + timedelta(days=2)), NOW)
        assert ended.replace("from ", "") == over.format(span).replace("from ", "")

    def test_many_hosts_are_counted(self) -> None:
        """Four do not fit into a subject."""
        assert incident.hosts_words(["d", "a", "c", "b"]) == "a, b and 2 more"
        assert incident.hosts_words(["c", "a", "b"]) == "a, b and c"

    def test_ids_are_the_same_for_the_same_incident_and_reader(self) -> None:
        """And others for another reader, word, begin or release."""
        ids = [
            incident.outage_message_id(DOWN, "out", "ann@example.org"),
            incident.outage_message_id(DOWN, "back", "ann@example.org"),
            incident.outage_message_id(DOWN, "out", "bob@example.org"),
            incident.outage_message_id(replace(DOWN, since=NOW), "out", "ann@example.org"),
            incident.delay_message_id(delay(), "late", "ann@example.org"),
            incident.delay_message_id(delay(), "over", "ann@example.org"),
            incident.delay_message_id(delay(DelayKind.MIRROR, "a"), "late", "ann@example.org"),
            incident.delay_message_id(delay(DelayKind.MIRROR, "b"), "late", "ann@example.org"),
            incident.delay_message_id(replace(delay(), project=ProjectId("other")), "late", "ann@example.org"),
        ]
        assert len(set(ids)) == len(ids)
        assert ids[4] == incident.delay_message_id(replace(delay(), raised_at=NOW), "late", "ann@example.org")


def wide(text: str) -> list[str]:
    return [line for line in text.splitlines() if len(line) > wording.WIDTH]

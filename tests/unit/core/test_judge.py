"""What is told of a project, by its book at a moment: each thing once, whole, and on proof (DESIGN section 2)."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from rctrack.core.book import Book
from rctrack.core.evidence import Commit, CountEvidence, ObjectId
from rctrack.core.hosts import Health, Outage, OutageKind, State
from rctrack.core.judge import judge
from rctrack.core.lateness import DelayKind
from rctrack.core.look import Outcome, Run
from rctrack.core.notice import ClaimFacts, DueFacts, Kind, LateFacts, Notice, Phase, ReleaseFacts, Topic
from rctrack.core.release import Flag, Observation
from tests.support.books import a_book, archive, good_run, judged, silent, tag_host
from tests.support.given import LIST, MIRROR, PRIMARY, RULES, announcement, moment, sighting, tag, version

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NOW = moment("2026-03-10 12:00")


def at(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M}"


def tagged(name: str, made: datetime = NOW, **more: Any) -> Observation:
    """A tag that we saw at the look after it was made."""
    seen = more.pop("source", PRIMARY)
    return tag(name, at(made), sighting(seen, at(made + MINUTE), at(made - 14 * MINUTE)), **more)


def mailed(names: str, written: datetime = NOW, **more: Any) -> Observation:
    """Its mail, delivered at once and seen at the next look."""
    seen = sighting(LIST, at(written + 2 * MINUTE), at(written - 13 * MINUTE))
    return announcement(names, at(written), seen, delivered=at(written + MINUTE), **more)


def past(*versions: str, mail: bool = True) -> list[Observation]:
    """Releases of before, a week apart, each announced five minutes after its tag, told of nobody knows when."""
    made = [NOW - (len(versions) - number) * 7 * DAY for number in range(len(versions))]
    seen: list[Observation] = []
    for name, when in zip(versions, made, strict=True):
        seen.append(tagged(f"v{name}", when))
        if mail:
            seen.append(mailed(name, when + 5 * MINUTE))
    return seen


def copies(*versions: str) -> list[Observation]:
    """The tags of `past`, at the mirror."""
    weeks = range(len(versions), 0, -1)
    return [tagged(f"v{name}", NOW - week * 7 * DAY, source=MIRROR) for name, week in zip(versions, weeks, strict=True)]


BEFORE = (*(f"0.9-rc{number}" for number in range(1, 6)), "0.9")


def told_of(versions: Iterable[str]) -> list[Notice]:
    """That these are out, as it was told long ago."""
    book = a_book(past(*versions), NOW)
    return [replace(each, is_silent=False) for each in judge(book, NOW).notices if each.kind is Kind.OUT]


TOLD = told_of(BEFORE)


def after(*observations: Observation, now: datetime = NOW + 10 * MINUTE, **more: Any) -> Book:
    """The demo project whose past was told, and what came now."""
    notices = [*TOLD, *more.pop("notices", ())]
    return a_book([*past(*BEFORE), *observations], now, notices=notices, **more)


def kinds(notices: Sequence[Notice]) -> list[str]:
    return [f"{each.kind} {each.subject} {each.phase}".rstrip() for each in notices]


# --- out: first, whole, once -----------------------------------------------------------------------


def test_a_release_with_its_mail_is_told_whole_at_once() -> None:
    """One notice, with the dates that are known."""
    [notice] = judged(after(tagged("v1.1-rc1"), mailed("1.1-rc1", NOW + 5 * MINUTE)), NOW + 10 * MINUTE)
    assert kinds([notice]) == ["out 1.1-rc1 whole"]
    assert isinstance(notice.facts, ReleaseFacts)
    assert notice.facts.topic is Topic.RC
    assert (notice.facts.tagged_at, notice.facts.announced_at) == (NOW, NOW + 5 * MINUTE)


def test_a_release_waits_for_its_mail_two_hours_and_says_first_meanwhile() -> None:
    """Who asked for both gets the first at once; the whole comes with the mail, or when the hold is over."""
    [first] = judged(after(tagged("v1.1-rc1")), NOW + 10 * MINUTE)
    assert first.phase is Phase.FIRST
    assert judged(after(tagged("v1.1-rc1"), notices=[first], now=NOW + HOUR), NOW + HOUR) == []
    late = NOW + 2 * HOUR + MINUTE
    assert kinds(judged(after(tagged("v1.1-rc1"), notices=[first], now=late), late)) == ["out 1.1-rc1 whole"]
    came = after(tagged("v1.1-rc1"), mailed("1.1-rc1", NOW + 30 * MINUTE), notices=[first], now=NOW + HOUR)
    assert kinds(judged(came, NOW + HOUR)) == ["out 1.1-rc1 whole"]


def test_the_end_of_a_hold_is_known_to_the_clock() -> None:
    """Without any look in between it is told then."""
    plan = judge(after(tagged("v1.1-rc1")), NOW + 10 * MINUTE)
    assert plan.next_at == NOW + MINUTE + 2 * HOUR


def test_nothing_is_held_for_a_mail_that_nobody_expects_or_that_cannot_come() -> None:
    """A project that does not announce; an archive that is down."""
    silent_project = a_book([*past(*BEFORE, mail=False), tagged("v1.1-rc1")], NOW, notices=TOLD)
    assert kinds(judged(silent_project, NOW + 10 * MINUTE)) == ["out 1.1-rc1 whole"]
    down = after(tagged("v1.1-rc1"), archives=[archive(good_at=NOW - HOUR, state=State.DOWN)])
    assert kinds(judged(down, NOW + 10 * MINUTE)) == ["out 1.1-rc1 whole"]


def test_a_release_is_held_for_its_count_where_it_can_be_counted() -> None:
    """It is told with the count, not before."""
    seen = (tagged("v1.1-rc1"), mailed("1.1-rc1", NOW + MINUTE))
    [first] = judged(after(*seen, can_count=True), NOW + 10 * MINUTE)
    assert first.phase is Phase.FIRST
    base, commit = Commit("commit of v0.9"), Commit("commit of v1.1-rc1")
    counts = {(base, commit): CountEvidence(base, commit, 104, 99)}
    counted = judged(after(*seen, can_count=True, counts=counts, notices=[first]), NOW + 10 * MINUTE)
    [facts] = [each.facts for each in counted]
    assert isinstance(facts, ReleaseFacts)
    assert (facts.commits, facts.commits_no_merges) == (104, 99)


def test_what_was_told_is_never_told_again() -> None:
    """Each moment from the tag to a week later, with all notices kept: one `first`, one `whole`."""
    notices: list[Notice] = []
    now = NOW + 2 * MINUTE
    while now < NOW + 7 * DAY:
        seen = [tagged("v1.1-rc1"), *([mailed("1.1-rc1", NOW + HOUR)] if now > NOW + HOUR + 2 * MINUTE else [])]
        notices += judged(after(*seen, notices=notices, now=now), now)
        now += 3 * HOUR
    assert kinds(notices) == ["out 1.1-rc1 first", "out 1.1-rc1 whole"]


def test_the_first_fill_of_a_source_is_known_and_told_to_nobody() -> None:
    """A new database, and a source that is added later."""
    old = [replace(each, sighting=replace(each.sighting, not_seen_at=None)) for each in past(*BEFORE)]
    assert kinds(silent(a_book(old, NOW), NOW)) == [f"out {name} whole" for name in BEFORE]
    added = replace(after(tagged("v1.1-rc1"), mailed("1.1-rc1")), silent=frozenset({version("1.1-rc1").id}))
    assert judged(added, NOW + 10 * MINUTE) == []


def test_a_release_that_is_older_than_two_weeks_when_it_is_seen_is_told_if_we_saw_it_come() -> None:
    """It came between two looks: it is news, however old the date that it bears."""
    old = tag("v1.1-rc1", at(NOW - 60 * DAY), sighting(PRIMARY, at(NOW), at(NOW - 15 * MINUTE)))
    assert kinds(judged(after(old, now=NOW + 3 * HOUR), NOW + 3 * HOUR)) == ["out 1.1-rc1 whole"]


def test_many_releases_of_one_look_are_each_a_notice() -> None:
    """None is left out; how many mails they are is decided where mails are addressed."""
    names = [f"1.{number}.{point}" for number in range(2, 8) for point in range(1, 5)]
    seen = [each for name in names for each in (tagged(f"v{name}"), mailed(name, NOW + MINUTE))]
    assert len(judged(after(*seen), NOW + 10 * MINUTE)) == len(names) == 24


def test_a_tag_at_a_mirror_alone_is_no_release_while_its_copies_are_not_known_to_be_true() -> None:
    """A fork may have tags of its own; a mirror whose older tags are the project's speaks for it."""
    fork = (tagged("v1.1-rc1", source=MIRROR), mailed("1.1-rc1"))
    hosts = [tag_host(good_at=NOW), tag_host(MIRROR, NOW)]
    assert [each for each in judged(after(*fork, tags=hosts), NOW + 10 * MINUTE) if each.kind is Kind.OUT] == []
    assert kinds(judged(after(*copies(*BEFORE), *fork, tags=hosts), NOW + 10 * MINUTE)) == ["out 1.1-rc1 whole"]


# --- unconfirmed -----------------------------------------------------------------------------------


def claimed(seen_at: datetime = NOW) -> Observation:
    return mailed("1.1-rc1", seen_at)


def test_a_mail_alone_is_a_claim_after_half_an_hour_and_a_look_at_each_repository() -> None:
    """Not before: the tag may follow its mail by some minutes."""
    book = after(claimed(), now=NOW + 10 * MINUTE)
    assert judged(book, NOW + 10 * MINUTE) == []
    assert judge(book, NOW + 10 * MINUTE).next_at == NOW + 31 * MINUTE
    [notice] = judged(after(claimed(), now=NOW + 31 * MINUTE), NOW + 31 * MINUTE)
    assert kinds([notice]) == ["unconfirmed 1.1-rc1"]
    assert isinstance(notice.facts, ClaimFacts)
    assert (notice.facts.looked_at, notice.facts.silent) == ((PRIMARY,), ())


def test_a_claim_waits_for_a_look_that_began_after_its_mail_was_seen() -> None:
    """What was not there before proves nothing; then the next look, whatever it comes to, is waited for."""
    before = [tag_host(good_at=NOW - MINUTE)]
    plan = judge(after(claimed(), tags=before, now=NOW + DAY), NOW + DAY)
    assert [each for each in plan.notices if each.kind is Kind.UNCONFIRMED] == []
    assert plan.awaits_proof


def test_where_no_repository_can_tell_a_claim_is_told_at_once() -> None:
    """kernel.org is down: the mail is all there is. But each was asked since the mail was seen."""
    hosts = [tag_host(good_at=NOW - DAY, state=State.DOWN)]
    asked = {PRIMARY: replace(good_run(PRIMARY, NOW + 5 * MINUTE), outcome=Outcome.NO_ANSWER)}
    [notice] = judged(after(claimed(), tags=hosts, runs=asked), NOW + 5 * MINUTE)
    assert isinstance(notice.facts, ClaimFacts)
    assert (notice.facts.looked_at, notice.facts.silent) == ((), (PRIMARY,))
    not_asked = {PRIMARY: replace(asked[PRIMARY], last_at=NOW)}
    assert judged(after(claimed(), tags=hosts, runs=not_asked), NOW + 5 * MINUTE) == []
    blocked = [tag_host(good_at=NOW - DAY, state=State.BLOCKED)]
    assert kinds(judged(after(claimed(), tags=blocked, runs=not_asked), NOW + 5 * MINUTE)) == ["unconfirmed 1.1-rc1"]


def test_a_forged_or_early_mail_takes_nothing_from_the_real_release() -> None:
    """It is a claim; days later the tag and its own mail come, and the release is told whole, with its own date."""
    notices = judged(after(claimed(), now=NOW + HOUR), NOW + HOUR)
    assert kinds(notices) == ["unconfirmed 1.1-rc1"]
    real = NOW + 3 * DAY
    seen = [claimed(), tagged("v1.1-rc1", real), mailed("1.1-rc1", real + MINUTE, message_id="real@example.org")]
    [out] = judged(after(*seen, notices=notices, now=real + 10 * MINUTE), real + 10 * MINUTE)
    assert kinds([out]) == ["out 1.1-rc1 whole"]
    assert isinstance(out.facts, ReleaseFacts)
    assert (out.facts.message_id, out.facts.announced_at) == ("real@example.org", real + MINUTE)


def test_a_project_that_does_not_tag_is_out_with_its_mail() -> None:
    """Its announcement is its word."""
    book = a_book(
        [mailed(name, NOW - 40 * DAY) for name in BEFORE] + [mailed("1.1-rc1")],
        NOW + 5 * MINUTE,
        rules=replace(RULES, expects=frozenset({"announcement"}), primaries=frozenset()),
        tags=[],
        notices=TOLD,
    )
    assert kinds(judged(book, NOW + 5 * MINUTE)) == ["out 1.1-rc1 whole"]


# --- changed ---------------------------------------------------------------------------------------


def retagged(*, seen: datetime, name: str = "v1.1-rc1", made: datetime = NOW) -> Observation:
    when = sighting(PRIMARY, at(seen), at(seen - 15 * MINUTE))
    return tag(name, at(made), when, object_id="another object", commit="another commit")


def test_a_retag_is_told_at_once_and_once() -> None:
    """Though the release itself waits for its mail."""
    told = [*judged(after(tagged("v1.1-rc1"), mailed("1.1-rc1")), NOW + 10 * MINUTE)]
    moved = [tagged("v1.1-rc1"), mailed("1.1-rc1"), retagged(seen=NOW + HOUR)]
    [change] = judged(after(*moved, notices=told, now=NOW + HOUR), NOW + HOUR)
    assert change.kind is Kind.CHANGED
    assert judged(after(*moved, notices=[*told, change], now=NOW + DAY), NOW + DAY) == []


def test_a_retag_within_the_hold_ends_the_hold_and_is_part_of_the_release() -> None:
    """One notice that says both; the change is noted silently, so that it is never told again."""
    [first] = judged(after(tagged("v1.1-rc1")), NOW + 10 * MINUTE)
    book = after(tagged("v1.1-rc1"), retagged(seen=NOW + 30 * MINUTE), notices=[first], now=NOW + 31 * MINUTE)
    [out] = judged(book, NOW + 31 * MINUTE)
    assert isinstance(out.facts, ReleaseFacts)
    assert Flag.RETAGGED in out.facts.flags
    assert [each.kind for each in silent(book, NOW + 31 * MINUTE)] == [Kind.CHANGED]


def test_each_of_sixty_releases_that_are_retagged_is_told() -> None:
    """None hides behind another, and none is dropped here: caps are where mails are addressed."""
    names = [f"1.{number}.1" for number in range(2, 62)]
    seen = [each for name in names for each in (tagged(f"v{name}"), mailed(name, NOW + MINUTE))]
    told = judged(after(*seen), NOW + 10 * MINUTE)
    assert len(told) == 60
    moved = [retagged(seen=NOW + HOUR, name=f"v{name}") for name in names]
    changes = judged(after(*seen, *moved, notices=told, now=NOW + HOUR), NOW + HOUR)
    assert [each.kind for each in changes] == [Kind.CHANGED] * 60


# --- late, over, never -----------------------------------------------------------------------------


def late(book: Book, now: datetime) -> list[Notice]:
    return [each for each in judged(book, now) if each.kind is Kind.LATE]


def test_a_mail_is_late_when_the_archive_is_proved_alive_beyond_the_limit() -> None:
    """An archive that gave nothing newer cannot tell: nobody is accused."""
    now = NOW + 2 * DAY
    quiet = after(tagged("v1.1-rc1"), archives=[archive(good_at=now, alive_at=NOW + HOUR)], now=now)
    assert late(quiet, now) == []
    assert judge(quiet, now).awaits_proof
    [notice] = late(after(tagged("v1.1-rc1"), now=now), now)
    assert isinstance(notice.facts, LateFacts)
    assert (notice.facts.delay, notice.facts.version) == (DelayKind.ANNOUNCEMENT, "1.1-rc1")


def test_lateness_ends_once_with_whose_gap_it_was() -> None:
    """OVER to those who were told LATE; and no mail of its own for the announcement that ends it."""
    now = NOW + 2 * DAY
    told = judged(after(tagged("v1.1-rc1"), now=now), now)
    assert kinds(told) == ["out 1.1-rc1 whole", "late 1.1-rc1 announcement late"]
    came = NOW + 3 * DAY
    seen = (tagged("v1.1-rc1"), mailed("1.1-rc1", came))
    [over] = judged(after(*seen, notices=told, now=came + HOUR), came + HOUR)
    assert kinds([over]) == ["late 1.1-rc1 announcement over"]
    assert isinstance(over.facts, LateFacts)
    assert (over.facts.cause, over.facts.until) == ("project", came)
    assert judged(after(*seen, notices=[*told, over], now=came + DAY), came + DAY) == []


def test_it_is_never_when_a_later_release_of_the_cycle_is_complete() -> None:
    """What nobody waits for any more is closed with the proof that it was passed over."""
    now = NOW + 2 * DAY
    told = judged(after(tagged("v1.1-rc1"), now=now), now)
    following = NOW + 7 * DAY
    seen = (tagged("v1.1-rc1"), tagged("v1.1-rc2", following), mailed("1.1-rc2", following + MINUTE))
    notices = judged(after(*seen, notices=told, now=following + HOUR), following + HOUR)
    assert kinds(notices) == ["out 1.1-rc2 whole", "late 1.1-rc1 announcement never"]


def test_what_was_late_before_we_came_is_on_record_and_told_to_nobody() -> None:
    """A gap of last year is no alarm."""
    book = after(tagged("v1.1-rc1"), now=NOW + 3 * DAY, began_at=NOW + 2 * DAY)
    assert late(book, NOW + 3 * DAY) == []
    assert [each.version for each in book.delays(NOW + 3 * DAY)] == ["1.1-rc1"]


def test_two_names_of_one_event_are_not_late_for_each_other() -> None:
    """The tag says 1.1-rc1 and the mail of ten minutes later 1.1-rc.2: a rule is missing, no mail is."""
    now = NOW + 2 * DAY
    assert late(after(tagged("v1.1-rc1"), mailed("1.1-rc9", NOW + 10 * MINUTE), now=now), now) == []


def test_a_missing_tag_is_never_told_as_late() -> None:
    """That is a claim; whether its tag is late nobody knows."""
    book = after(claimed(), now=NOW + 3 * DAY)
    assert kinds(judged(book, NOW + 3 * DAY)) == ["unconfirmed 1.1-rc1"]


def test_one_host_that_is_late_is_one_notice_however_many_releases_it_lacks() -> None:
    """The mirror lacks three: the first is told, the others are part of it."""
    hosts = [tag_host(good_at=NOW + 5 * DAY), tag_host(MIRROR, NOW + 5 * DAY)]
    seen = [tagged(f"v1.1-rc{number}", NOW + number * HOUR) for number in (1, 2, 3)]
    mails = [mailed(f"1.1-rc{number}", NOW + number * HOUR + MINUTE) for number in (1, 2, 3)]
    book = after(*copies(*BEFORE), *seen, *mails, tags=hosts, now=NOW + 5 * DAY)
    assert kinds(late(book, NOW + 5 * DAY)) == ["late 1.1-rc1 mirror mirror.example late"]
    assert len([each for each in silent(book, NOW + 5 * DAY) if each.kind is Kind.LATE]) == 2


def test_while_we_are_offline_nobody_is_accused() -> None:
    """No host answers: it is us."""
    now = NOW + 2 * DAY
    ours = Health((), (Outage(OutageKind.OFFLINE, frozenset({"primary.example"}), None, now - HOUR, None),))
    assert ours.is_offline
    assert late(after(tagged("v1.1-rc1"), now=now, health=ours), now) == []


# --- sources ---------------------------------------------------------------------------------------


def trouble(outcome: Outcome, looks: int, lasts: timedelta) -> Run:
    return Run(
        RULES_PROJECT, PRIMARY, good_run(PRIMARY, NOW).observer, outcome, "301 to elsewhere", NOW, NOW + lasts, looks
    )


RULES_PROJECT = good_run(PRIMARY, NOW).project


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (trouble(Outcome.MOVED, 3, HOUR), ["moved"]),
        (trouble(Outcome.MISREAD, 3, HOUR), ["misread"]),
        (trouble(Outcome.MOVED, 2, HOUR), []),
        (trouble(Outcome.MOVED, 9, 20 * MINUTE), []),
        (trouble(Outcome.ERROR, 9, DAY), []),
        (trouble(Outcome.RAISED, 9, DAY), []),
    ],
)
def test_a_source_that_is_not_what_it_was_is_told_to_the_operator(run: Run, expected: list[str]) -> None:
    """After three looks over half an hour; a host that answers with errors is an outage, which is told of hosts."""
    now = run.last_at
    assert [each.kind for each in judged(after(now=now, runs={PRIMARY: run}), now)] == expected
    never_good = replace(after(now=now, runs={PRIMARY: run}), good_before=frozenset())
    assert judged(never_good, now) == []


def test_a_repository_that_stopped_is_told_once_and_its_project_is_out_with_its_mails() -> None:
    """Announcements go on for two weeks, no tag comes, HEAD does not move."""
    hosts = [tag_host(good_at=NOW + 20 * DAY, alive_at=NOW - 7 * DAY)]
    mails = [mailed("1.1-rc1", NOW), mailed("1.1-rc2", NOW + 15 * DAY)]
    now = NOW + 15 * DAY + HOUR
    notices = judged(after(*mails, tags=hosts, now=now), now)
    assert kinds(notices) == ["out 1.1-rc1 whole", "out 1.1-rc2 whole", f"stale {PRIMARY}"]
    assert judged(after(*mails, tags=hosts, now=now, notices=notices), now) == []


# --- due -------------------------------------------------------------------------------------------


def test_a_forecast_is_revised_only_where_a_reader_would_see_a_difference() -> None:
    """One notice, one revision a change; the same a moment later is none."""
    names = [f"1.{minor}-rc{rc}" for minor in range(3) for rc in range(1, 5)]
    book = a_book(past(*names), NOW)
    [due] = [each for each in judge(book, NOW).notices if each.kind is Kind.DUE]
    assert isinstance(due.facts, DueFacts)
    again = a_book(past(*names), NOW + HOUR, notices=[due])
    assert [each for each in judge(again, NOW + HOUR).notices if each.kind is Kind.DUE] == []
    came = [*past(*names), tagged("v1.2-rc5"), mailed("1.2-rc5")]
    [revised] = [
        each for each in judge(a_book(came, NOW + HOUR, notices=[due]), NOW + HOUR).notices if each.kind is Kind.DUE
    ]
    assert (revised.revision, revised.key) == (1, due.key)


def test_no_object_of_a_notice_is_anything_but_a_value() -> None:
    """Notices are compared and stored: their ids are text."""
    [notice] = judged(after(tagged("v1.1-rc1"), mailed("1.1-rc1")), NOW + 10 * MINUTE)
    assert notice == judged(after(tagged("v1.1-rc1"), mailed("1.1-rc1")), NOW + 10 * MINUTE)[0]
    assert isinstance(notice.facts, ReleaseFacts)
    assert notice.facts.object_id == ObjectId("object of v1.1-rc1")

"""What comes next of a project, by its book: its own past and the history that comes with rctrack."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from rctrack.core.book import Book
from rctrack.core.forecast import (
    Final,
    Forecast,
    Past,
    Promise,
    final_of,
    finals_by,
    next_step,
    past_of,
    undated_of,
)
from rctrack.core.history import ShippedRelease
from rctrack.core.notice import DueFacts
from rctrack.core.release import Announcement, Flag, Precision, Release
from rctrack.core.version import Version

SLIGHT = 0.05
"""A step that is less likely is not named beside the expected one."""


def foresee(book: Book, now: datetime) -> DueFacts | None:
    """What follows the newest release and when, with the days before `now` ruled out; None where that is not known."""
    past = past_of_book(book)
    made = next_step(
        past,
        book.rules.feature_parts,
        book.zone,
        asked_on=now.astimezone(book.zone).date(),
        promise=promise_of(book.releases.values()),
        undated=undated_of(book.history, past),
    )
    return facts_of(made) if made else None


@dataclass(frozen=True, slots=True)
class Ahead:
    """Finals that are still to come, as of a day."""

    asked_on: date
    finals: tuple[Final, ...]
    """The next one first."""


def foresee_by(book: Book, by: date, now: datetime) -> Ahead:
    """Which finals may be out when the day `by` is over; none where the past is too short to tell."""
    past, asked_on = past_of_book(book), now.astimezone(book.zone).date()
    return Ahead(asked_on, finals_by(past, book.rules.feature_parts, by, asked_on=asked_on))


def foresee_version(book: Book, wanted: Version, now: datetime) -> Ahead:
    """When this final is out; none where it is out, is not among the next dozen, or the past is too short to tell."""
    past, asked_on = past_of_book(book), now.astimezone(book.zone).date()
    final = final_of(past, book.rules.feature_parts, wanted, asked_on=asked_on)
    return Ahead(asked_on, (final,) if final else ())


def facts_of(made: Forecast) -> DueFacts:
    """What is told of a forecast."""
    return DueFacts(
        after=made.after.id,
        version=made.version,
        step=made.step,
        odds=made.odds,
        on=_noon(made.point),
        first=_noon(made.first),
        last=_noon(made.last),
        day_odds=made.mass,
        cases=made.cases,
        on_odds=made.day_odds,
        overdue_at=made.overdue_at,
        others=tuple(step for step, odds in made.steps[1:] if odds >= SLIGHT),
        step_times=made.step_times,
        step_cases=made.step_cases,
        is_promised=made.promise is not None,
        came=made.came,
        is_past=made.is_past,
    )


def dated_releases(releases: Iterable[Release]) -> list[tuple[Version, datetime]]:
    """The releases that have a cadence, and when they were made; what is unconfirmed counts for nothing."""
    return [
        (release.version, at)
        for release in releases
        if (at := release.came_at) and release.cycle and Flag.UNCONFIRMED not in release.flags
    ]


def promise_of(releases: Iterable[Release]) -> Promise | None:
    """What the newest release's own mail promises of its successor."""
    dated = [release for release in releases if release.came_at]
    newest = max(dated, key=lambda release: release.came_at or release.first_seen_at, default=None)
    return _promised(newest.announcements) if newest else None


def _promised(mails: Iterable[Announcement]) -> Promise | None:
    promised = next((mail.promised for mail in mails if mail.promised), None)
    if promised is None:
        return None
    return Promise.FINAL if promised == "final" else Promise.CANDIDATE


def shipped_lags(history: Iterable[ShippedRelease], until: datetime) -> tuple[timedelta, ...]:
    """How long after its tag each past release was announced, where history knows both to the second; oldest first."""
    known = sorted(
        (each.tagged.at.at, each.announced.at.at)
        for each in history
        if each.tagged and each.announced and {each.tagged.precision, each.announced.precision} == {Precision.SECOND}
    )
    return tuple(announced - tagged for tagged, announced in known if announced < until)


def past_of_book(book: Book) -> tuple[Past, ...]:
    """The days of the releases that we know, and of the shipped ones that were made before the newest; oldest first."""
    dated = dated_releases(book.releases.values())
    last = max((at.astimezone(book.zone).date() for _, at in dated), default=date.min)
    return tuple(each for each in past_of(book.history, dated, book.zone) if each.day <= last)


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)

"""What comes next of a project, by its book: its own past and the history that comes with rctrack."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta

from rctrack.core.book import Book
from rctrack.core.forecast import Forecast, Past, Said, Target, forecast, overdue_at, past_of
from rctrack.core.history import ShippedRelease
from rctrack.core.notice import DueFacts
from rctrack.core.release import Announcement, Flag, Precision, Release
from rctrack.core.version import Version, VersionId


def foresee(book: Book, now: datetime) -> DueFacts | None:
    """What follows the newest release and when, with the days before `now` ruled out; None where that is not known."""
    dated = dated_releases(book.releases.values())
    if not dated:
        return None
    past, promise = _past(book, dated), promise_of(book.releases.values())
    parts, zone = book.rules.feature_parts, book.zone
    asked_on = now.astimezone(zone).date()
    made = forecast(past, parts, Target.NEXT, asked_on=asked_on, said=promise)
    first_made = forecast(past, parts, Target.NEXT, said=promise)
    if made is None or first_made is None:
        return None
    first, last = made.interval(0.8)
    return DueFacts(
        after=made.after.id,
        version=_expected_version(made),
        step=made.expected,
        odds=made.expected_odds,
        on=_noon(made.point),
        first=_noon(first),
        last=_noon(last),
        day_odds=sum(odds for day, odds in made.days if first <= day <= last),
        cases=len(past),
        on_odds=made.odds(made.point),
        overdue_at=overdue_at(first_made, zone),
    )


def dated_releases(releases: Iterable[Release]) -> list[tuple[Version, datetime]]:
    """The releases that have a cadence, and when they were made; what is unconfirmed counts for nothing."""
    return [
        (release.version, at)
        for release in releases
        if (at := release.came_at) and release.cycle and Flag.UNCONFIRMED not in release.flags
    ]


def promise_of(releases: Iterable[Release]) -> Said | None:
    """What the newest release's own mail promises of its successor."""
    dated = [release for release in releases if release.came_at]
    newest = max(dated, key=lambda release: release.came_at or release.first_seen_at, default=None)
    return _promised(newest.announcements) if newest else None


def _promised(mails: Iterable[Announcement]) -> Said | None:
    promised = next((mail.promised for mail in mails if mail.promised), None)
    if promised is None:
        return None
    return Said.LAST_CANDIDATE if promised == "final" else Said.ONE_MORE


def shipped_lags(history: Iterable[ShippedRelease], until: datetime) -> tuple[timedelta, ...]:
    """How long after its tag each past release was announced, where history knows both to the second; oldest first."""
    known = sorted(
        (each.tagged.at.at, each.announced.at.at)
        for each in history
        if each.tagged and each.announced and {each.tagged.precision, each.announced.precision} == {Precision.SECOND}
    )
    return tuple(announced - tagged for tagged, announced in known if announced < until)


def _past(book: Book, dated: Sequence[tuple[Version, datetime]]) -> tuple[Past, ...]:
    """The days of the releases that we know, and of the shipped ones that were made before the newest."""
    newest = max(at for _, at in dated).astimezone(book.zone).date()
    return tuple(each for each in past_of(book.history, dated, book.zone) if each.day <= newest)


def _expected_version(made: Forecast) -> VersionId:
    """A key for what is expected: "6.18-rc5"; after a final that of its step, since it has no number yet."""
    if made.after.is_final:
        return VersionId(f"{made.expected} after {made.after.text}")
    return VersionId(made.after.base if made.expected == "final" else f"{made.after.base}-{made.expected}")


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)

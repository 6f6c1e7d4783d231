"""The digest: what was told in a period, what is late, what comes next; lines of at most 72."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from rctrack.core.book import Book
from rctrack.core.hosts import Outage, OutageKind
from rctrack.core.lateness import Delay, DelayKind, Wait, cannot_tell
from rctrack.core.notice import Kind, LateFacts, Notice, Phase, ReleaseFacts
from rctrack.core.release import Release
from rctrack.show import words
from rctrack.show.forecasts import due_words
from rctrack.show.mails import Reader, outage_words, sources
from rctrack.show.sentences import late_tail, over_tail, release_tail, sentence

_MOST_HOLES = 3


@dataclass(frozen=True, slots=True)
class Period:
    """What a digest is about."""

    since: datetime
    until: datetime
    now: datetime
    """When it is written."""


def subject(books: Sequence[Book], period: Period) -> str:
    """What came in the period, in numbers."""
    number = sum(len(_came(book, period)) for book in books)
    releases = "no release" if number == 0 else "1 release" if number == 1 else f"{number} releases"
    return f"[rctrack] digest {period.since:%-d %b} to {period.until:%-d %b %Y}: {releases}"


def text(books: Sequence[Book], outages: Iterable[Outage], notes: Sequence[str], period: Period, reader: Reader) -> str:
    """The summary of a period."""
    number = sum(len(_came(book, period)) for book in books)
    verdict = "Nothing was released" if number == 0 else f"{number} release{'s' if number > 1 else ''} came"
    first, last = (words.moment(at, reader.zone) for at in (period.since, period.until))
    parts = [words.fill(f"{verdict} from {first} to {last}.")]
    parts += ["\n".join(_project(book, period)) for book in books]
    parts.append(sources(books))
    parts.append("\n".join(map(words.fill, [*_outages(outages, period), *notes])))
    parts.append(words.footer(", ".join(book.name for book in books), reader.address))
    return "\n\n".join(filter(None, parts)) + "\n"


def has_news(books: Sequence[Book], period: Period) -> bool:
    """Whether there is anything to tell besides what is always so."""
    return any(_came(book, period) or list(_odd(book, period)) for book in books)


def _project(book: Book, period: Period) -> Iterator[str]:
    yield words.fill(book.name)
    came = _came(book, period)
    for release, facts in came:
        yield from (f"  {line}" for line in _release_lines(release, facts))
    newest = book.newest_at(period.until) or book.newest
    if not came:
        tail = f"; newest is {_age(newest, period.until)}" if newest else ""
        yield from words.hanging(f"nothing new{tail}", "  ", "  ")
    for line in _odd(book, period):
        yield from words.hanging(line, "  ", "    ")
    if book.due is not None and newest is book.newest:  # a digest that is late foresees nothing of what has come
        yield from words.hanging(f"next: {due_words(book.due, period.until)}", "  ", "    ")


def _came(book: Book, period: Period) -> list[tuple[Release, ReleaseFacts]]:
    """The releases told in the period; what was there before we came, where its own date lies in it."""
    came = []
    for key, release in book.releases.items():
        notice = book.notice(Kind.OUT, key, Phase.WHOLE)
        if notice is None or not isinstance(notice.facts, ReleaseFacts):
            continue
        at = release.made_at if notice.is_silent else notice.said_at
        if at is not None and period.since <= at < period.until:
            came.append((release, _as_known_now(notice.facts, release)))
    return came


def _as_known_now(facts: ReleaseFacts, release: Release) -> ReleaseFacts:
    """With counts and announcement that came later than the mail."""
    return replace(
        facts,
        commits=release.commits,
        commits_announced=release.commits_announced,
        announced_at=release.announced.at if release.announced else None,
        tagged_at=release.tagged.at if release.tagged else None,
        flags=tuple(sorted(release.flags)),
    )


def _release_lines(release: Release, facts: ReleaseFacts) -> list[str]:
    made_at = f"{release.made_at:%a %-d %b %H:%M} UTC" if release.made_at else ""
    tail = ", ".join(part for part in (made_at, release_tail(facts)) if part)
    return words.hanging(f"{release.name}: {tail}", "", "  ", words.WIDTH - 2)


def _age(release: Release, now: datetime) -> str:
    made_at = release.made_at
    return release.name + (f" of {made_at:%-d %b %Y}, {words.duration(now - made_at)} ago" if made_at else "")


# --- What is odd -----------------------------------------------------------------------------------


def _odd(book: Book, period: Period) -> Iterator[str]:
    """Claims and changes of the period; what is late, what was over in it, and what cannot be told."""
    told = (Kind.UNCONFIRMED, Kind.CHANGED, Kind.STALE, Kind.MOVED, Kind.MISREAD)
    for notice in book.notices.values():
        is_of_period = not notice.is_silent and period.since <= notice.said_at < period.until
        if notice.kind in told and is_of_period and not _was_confirmed(book, notice):
            yield sentence(notice)
    for delay in book.delays(period.now):
        if delay.until is None or period.since <= delay.until < period.until:
            yield delay_line(delay, book, period.now)
    yield from _silent_lines(cannot_tell(book.waits, period.now), book)


def _was_confirmed(book: Book, notice: Notice) -> bool:
    """Whether it is a claim of what is out by now."""
    is_claim = notice.kind is Kind.UNCONFIRMED and notice.version is not None
    return is_claim and book.notice(Kind.OUT, notice.version or notice.subject, Phase.WHOLE) is not None


def delay_line(delay: Delay, book: Book, now: datetime) -> str:
    """A delay as a digest has it: "v1.1-rc2 is late: no mail for 26 h, tag is at …"."""
    release = book.release_of(delay)
    name = release.name if release else str(delay.version)
    facts = LateFacts(
        version=name, name=name, delay=delay.kind, where=delay.where, since=delay.since, limit=delay.limit,
        shown_at=(), until=delay.until, cause=delay.cause, ended=delay.ended,
    )  # fmt: skip
    if delay.until is not None:
        return f"{name} {over_tail(facts)}"
    proven_at = delay.proven_at or now
    line = f"{name} is late: {late_tail(facts, max(proven_at, delay.since))}"
    return line if now - proven_at < timedelta(days=3) else f"{line}; nothing newer can be told since"


def _silent_lines(waits: Iterable[Wait], book: Book) -> list[str]:
    """What cannot be told, and who would have to be heard of for that; a line for each of those."""
    names: dict[str, list[str]] = {}
    for wait in waits:
        release = book.releases.get(wait.version)
        names.setdefault(_silence(wait), []).append(release.name if release else str(wait.version))
    return [f"{_listed(known)}: {silence}" for silence, known in names.items()]


def _silence(wait: Wait) -> str:
    match wait.kind:
        case DelayKind.MIRROR | DelayKind.LISTING:
            return f"not seen at {wait.where}; nothing new was seen there since, cannot tell"
        case DelayKind.TAG | DelayKind.OVERDUE:
            return "not there as far as we see; nothing new was seen since, cannot tell"
        case _:
            return "not announced as far as we see; archive silent, cannot tell"


def _listed(names: Sequence[str]) -> str:
    """The newest of them; many are counted."""
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[-3:])} and {len(names) - 3} older"


def _outages(outages: Iterable[Outage], period: Period) -> list[str]:
    """Those that lasted or ended in this period; of our own absences many are one line."""
    covered = (each for each in set(outages) if each.covers(period.since, period.until))
    seen = sorted(covered, key=lambda outage: (outage.since, outage.kind, sorted(outage.hosts)))
    ours = [outage for outage in seen if outage.kind is OutageKind.HOLE]
    lines = [outage_words(each, period.now) for each in seen if each not in ours or len(ours) <= _MOST_HOLES]
    if len(ours) > _MOST_HOLES:
        away = sum(((each.until or period.now) - each.since for each in ours), timedelta(0))
        lines.append(f"rctrack did not run {len(ours)} times, {words.duration(away)} in all.")
    return lines


def due_at(
    weekday: int | None, hour: int, minute: int, reader: Reader, after: datetime, now: datetime
) -> datetime | None:
    """The newest time at which a digest was due since `after`, None if there was none; asleep or not."""
    day = now.astimezone(reader.zone).date()
    for _ in range(8):
        due = datetime(day.year, day.month, day.day, hour, minute, tzinfo=reader.zone).astimezone(UTC)
        if due <= now and weekday in (None, day.weekday()):
            return due if due > after else None
        day -= timedelta(days=1)
    return None

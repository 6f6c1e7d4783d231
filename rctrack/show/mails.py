"""What a mail says: subject and text of one or more notices, from them and their book; lines of at most 72."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import assert_never

from rctrack.core.book import Book
from rctrack.core.evidence import Signature, SourceId, Station
from rctrack.core.hosts import Outage, OutageKind, State
from rctrack.core.lateness import Cause, DelayKind
from rctrack.core.look import Outcome
from rctrack.core.notice import (
    ChangeFacts,
    ClaimFacts,
    DueFacts,
    Kind,
    LateFacts,
    Notice,
    OutageFacts,
    Phase,
    ReleaseFacts,
    SourceFacts,
)
from rctrack.core.release import Flag, Release
from rctrack.core.version import VersionId
from rctrack.show import words
from rctrack.show.forecasts import due_words
from rctrack.show.sentences import SEEN_LATE, host, late_tail, over_tail, sentence, source_tail

_MOST_CHANGES = 20
_STATES = {OutageKind.BLOCKED: "blocking us", OutageKind.LAGGING: "storing mail late"}


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom a mail is written."""

    address: str
    zone: tzinfo


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """What a mail about hosts has to know: who is read there, and which hosts do answer."""

    followed: tuple[tuple[str, SourceId], ...]
    """(project, source) of what this reader follows at the hosts."""
    answering: tuple[str, ...]


def subject(notices: Sequence[Notice]) -> str:
    """The sentence of the first notice, and how many more there are."""
    more = f" and {len(notices) - 1} more" if len(notices) > 1 else ""
    return f"[rctrack] {sentence(notices[0])}{more}"


def text_of_project(notices: Sequence[Notice], book: Book, reader: Reader) -> str:
    """The mail about notices of one project."""
    parts = [part for notice in notices[:_MOST_CHANGES] for part in _of_project(notice, book, reader.zone)]
    if len(notices) > _MOST_CHANGES:
        parts.append(f"And {len(notices) - _MOST_CHANGES} more; `rctrack notices {book.project}` shows all.")
    newest = notices[-1]
    if book.due is not None and newest.kind in (Kind.OUT, Kind.LATE, Kind.ANNOUNCED):
        parts.append(words.fill(f"Next: {due_words(book.due, newest.said_at)}"))
    parts += [sources([book]), words.footer(book.name, reader.address)]
    return "\n\n".join(filter(None, parts)) + "\n"


def sources(books: Iterable[Book]) -> str:
    """The sources that are not good, a paragraph each; empty where all are."""
    lines = [line for book in books for each in _troubled(book) for line in words.hanging(each, "  ", "    ")]
    return "\n".join(["Sources", *lines]) if lines else ""


def _troubled(book: Book) -> Iterator[str]:
    """What is wrong with each source: no good answer, or what it has is old."""
    hosts = (*book.followed.tags, *book.followed.sites)
    lagging = {host.source for host in hosts if host.state is State.LAGGING}
    lagging |= {archive.source for archive in book.followed.archives if archive.state is State.LAGGING}
    for source, run in book.runs.items():
        if run.outcome is not Outcome.GOOD:
            yield words.source(run)
        elif source in lagging:
            yield f"{source}: lagging, what it has is old"


def _of_project(notice: Notice, book: Book, zone: tzinfo) -> list[str]:
    release = book.releases.get(notice.version) if notice.version else None
    match notice.facts:
        case ReleaseFacts() as facts:
            return _release(notice, facts, release, book, zone)
        case ClaimFacts() as facts:
            return _claim(facts, book, zone)
        case ChangeFacts() as facts:
            return _change(facts, book.name, zone)
        case LateFacts() as facts:
            return _late(notice, facts, release, book, zone)
        case SourceFacts() as facts:
            return _source(notice, facts, book, zone)
        case OutageFacts() | DueFacts():
            return []
        case _:
            assert_never(notice.facts)


# --- out, announced --------------------------------------------------------------------------------


def _release(notice: Notice, facts: ReleaseFacts, release: Release | None, book: Book, zone: tzinfo) -> list[str]:
    before = _before(release, book.releases)
    return [
        _verdict(notice, facts, book.name),
        _doubts(facts, release),
        words.facts(_timeline(facts, release, zone)),
        words.facts(_size(facts, release, before)),
        words.fill(where(release)) if release else "",
        words.links(release, before) if release else "",
    ]


def _verdict(notice: Notice, facts: ReleaseFacts, name: str) -> str:
    called = f"{name} {facts.name}"
    if notice.kind is Kind.ANNOUNCED:
        return words.fill(f"{called} is announced.")
    made_at = facts.made_at
    if made_at is None:
        return words.fill(f"{called} is out; when it was made is not known.")
    if facts.is_misdated:
        own = facts.tagged_at or facts.announced_at or made_at
        how = "tagged" if facts.tagged_at else "announced"
        ahead = words.duration(own - facts.first_seen_at)
        return words.fill(
            f"{called} is out: {how} {own:%-d %b %Y} by its own date, which is {ahead} ahead; seen "
            f"{facts.first_seen_at:%a %-d %b %Y %H:%M} UTC."
        )
    lateness = facts.first_seen_at - made_at
    how = "tagged" if facts.tagged_at else "announced"
    if lateness > SEEN_LATE:
        seen = f"It was {how} on {made_at:%a %-d %b %Y} and is seen late, {words.duration(lateness)} after."
        return words.fill(f"{called} is out. {seen}")
    return words.fill(f"{called} is out: {how} {made_at:%a %-d %b %Y %H:%M} UTC.")


def _doubts(facts: ReleaseFacts, release: Release | None) -> str:
    """What speaks against the release, if anything."""
    mails = release.announcements if release else ()
    doubts = [f"Note: {mail.contradiction}." for mail in mails if mail.contradiction]
    if Flag.RETAGGED in facts.flags:
        doubts.append(f"Retagged: the tag {facts.name} has moved since we first saw it.")
    if Flag.WITHDRAWN in facts.flags:
        doubts.append(f"Withdrawn: the tag {facts.name} is not to be used or is gone.")
    if Flag.UNSIGNED in facts.flags:
        doubts.append("Unsigned: this project's tags are expected to be signed, and this one is not.")
    if Flag.BAD_SIGNATURE in facts.flags and release and release.signature:
        is_whole = release.signature.signature is Signature.UNKNOWN
        wrong = "it is not by a key that is expected" if is_whole else "it does not stand up"
        doubts.append(f"Bad signature: the tag is signed, and {wrong}.")
    if Flag.GAP in facts.flags and release and release.previous:
        doubts.append(f"A number was skipped: between {release.previous.text} and this nothing is known.")
    if Flag.EXTRA in facts.flags:
        doubts.append("Extra: this cycle has more candidates than this project usually makes.")
    return "\n".join(map(words.fill, dict.fromkeys(doubts)))


def _timeline(facts: ReleaseFacts, release: Release | None, zone: tzinfo) -> list[tuple[str, str, str]]:
    rows = stations(release, zone) if release else []
    return [*rows, ("First seen", words.moment(facts.first_seen_at, zone), "by rctrack")]


def stations(release: Release, zone: tzinfo) -> list[tuple[str, str, str]]:
    """When the release was where, each against the station before."""
    tagged, announced, delivered = release.tagged, release.announced, release.delivered
    return [
        ("Tagged", words.at(tagged, zone), ""),
        ("Announced", words.at(announced, zone), words.gap(tagged, announced, "the tag")),
        ("Delivered", words.at(delivered, zone), words.gap(announced, delivered, "the mail's Date")),
        ("Archived", words.at(release.archived, zone), words.gap(delivered, release.archived, "delivery")),
    ]


def _size(facts: ReleaseFacts, release: Release | None, before: Release | None) -> list[tuple[str, str, str]]:
    follows = ""
    if before is not None:
        gap = release.made_at - before.made_at if release and release.made_at and before.made_at else None
        follows = before.name + (f", made {words.duration(gap)} before" if gap and gap > timedelta(0) else "")
    counted = ""
    if release is not None and release.commits is not None:
        counted = counted_commits(release)
    elif facts.commits_announced is not None:
        counted = f"{facts.commits_announced} (as announced; not counted yet)"
    elif release is not None and release.previous is not None:
        counted = "not counted yet"
    return [
        ("Follows", follows, ""),
        ("Commits", counted, ""),
        ("Authors", authors(release) if release else "", ""),
        ("Commit", (release.commit if release else None) or "", ""),
    ]


def authors(release: Release) -> str:
    """The authors in words: "118, 12 for the first time"; empty where they were not read."""
    if release.authors is None:
        return ""
    first = "" if release.first_time_authors is None else f", {release.first_time_authors} for the first time"
    return f"{release.authors}{first}"


def counted_commits(release: Release) -> str:
    """The counted commits in words: "1521, 1194 without merges"."""
    merges = (
        "no merges" if release.commits == release.commits_no_merges else f"{release.commits_no_merges} without merges"
    )
    return f"{release.commits}, {merges}"


def where(release: Release) -> str:
    """Which host had the tag first, as far as our looks prove it, or that only a mirror has it; empty else."""
    if release.is_on_mirrors_only:
        return (
            f"Only a mirror has the tag so far, and it is tracked from there: {_url(release.tags[0].sighting.source)}"
        )
    return f"The tag was first at {_url(release.first_at)}" if release.first_at is not None else ""


def _url(source: str) -> str:
    return source.partition(" ")[2]


def _before(release: Release | None, releases: Mapping[VersionId, Release]) -> Release | None:
    return releases.get(release.previous.id) if release and release.previous else None


# --- unconfirmed, changed --------------------------------------------------------------------------


def _claim(facts: ClaimFacts, book: Book, zone: tzinfo) -> list[str]:
    verdict = f"A mail says that {book.name} {facts.name} is out. Nothing else does: this project tags, and"
    looked, silent = (words.joined([host(each) for each in group]) for group in (facts.looked_at, facts.silent))
    if facts.looked_at:
        verdict += f" no tag of it is at {looked}."
    elif facts.silent:
        verdict += f" {silent} cannot be asked."
    else:
        verdict += " no repository of it is followed."
    named = ""
    if facts.names:
        named = words.fill("The mail names a repository that is not followed:") + f"\n  {facts.names}"
    link = facts.url or f"Message-ID:\n  <{facts.message_id}>"
    when = [
        ("Announced", words.moment(facts.announced_at, zone) if facts.announced_at else "", ""),
        ("Delivered", words.moment(facts.delivered_at, zone) if facts.delivered_at else "", ""),
        ("From", facts.sender, ""),
    ]
    return [
        words.fill(verdict),
        words.facts(when),
        named,
        link,
        words.fill("You get the whole story when its tag is there; until then nothing is counted from this mail."),
    ]


def _change(facts: ChangeFacts, name: str, zone: tzinfo) -> list[str]:
    rows = [("Tag object", facts.object_id, ""), ("Commit", facts.commit, "")]
    match facts.flag:
        case Flag.WITHDRAWN:
            verdict = f"{name} {facts.version} is withdrawn: the tag {facts.tag} is not to be used or is gone."
        case Flag.BAD_SIGNATURE:
            verdict = f"{name}: the signature of the tag {facts.tag} is not by a key that is expected, or is broken."
        case _:
            is_other = facts.new_commit != facts.commit
            moved = "names another commit" if is_other else "is another object, for the same commit,"
            verdict = f"{name}: the tag {facts.tag} {moved} than what was seen before. It is not followed."
            rows = [(f"{label} was", value, "") for label, value, _ in rows]
            rows += [("Tag now", str(facts.new_object_id), ""), ("Commit now", str(facts.new_commit), "")]
    seen = [("Seen", words.moment(facts.seen_at, zone), ""), ("At", _url(facts.source), "")]
    return [f"{words.fill(verdict)}\n\n{words.facts([*rows, *seen])}"]


# --- late, over, never -----------------------------------------------------------------------------


def _late(notice: Notice, facts: LateFacts, release: Release | None, book: Book, zone: tzinfo) -> list[str]:
    is_open = notice.phase is Phase.LATE
    subject_of = _subject_of(facts, release, book)
    tail = late_tail(facts, notice.said_at) if is_open else over_tail(facts)
    explained = [_usual(facts) if is_open else _cause(facts), _waited(facts, release)]
    if facts.delay is not DelayKind.OVERDUE or is_open:
        explained += [*_outages(facts, book, notice.said_at), _previously(facts, release, book) if is_open else ""]
    before = _before(subject_of, book.releases)
    return [
        words.fill(f"{book.name} {facts.name}: {tail}."),
        words.facts(_late_rows(facts, subject_of, book, zone)),
        "\n".join(map(words.fill, filter(None, explained))),
        words.links(subject_of, before) if subject_of else "",
    ]


def _subject_of(facts: LateFacts, release: Release | None, book: Book) -> Release | None:
    """The release that is or was late; of what was overdue the one that came."""
    if facts.delay is not DelayKind.OVERDUE:
        return release
    return next((each for each in book.releases.values() if each.came_at == facts.until), None) if facts.until else None


def _usual(facts: LateFacts) -> str:
    if facts.delay is DelayKind.OVERDUE:
        return "By this project's own past it had come by then."
    return f"For this project, {words.duration(facts.limit)} is the limit of what is usual."


def _cause(facts: LateFacts) -> str:
    if facts.ended == "never":
        return "A later release of the cycle is complete; this one is not waited for any more."
    match facts.cause:
        case Cause.MAIL:
            return "It was written in time and reached the list late: the mail is to blame, not the project."
        case Cause.ARCHIVE:
            return "It reached the list in time; the archive stored it late."
        case Cause.MIRROR:
            return "The other host had it in time; this one was up and did not show it."
        case Cause.HOST:
            return "The host itself was down meanwhile."
        case Cause.SITE:
            return "The project's own site showed it later than usual."
        case Cause.PROJECT:
            return "It was the project itself that was later than usual."
        case None:
            return ""


def _waited(facts: LateFacts, release: Release | None) -> str:
    """Which hop held the mail, as a sentence."""
    mail = release.announcement if release else None
    if facts.cause is not Cause.MAIL or mail is None or mail.longest_wait is None:
        return ""
    return f"Of its way, it waited {words.longest_wait(mail.longest_wait)}."


def _outages(facts: LateFacts, book: Book, now: datetime) -> list[str]:
    """What kept hosts from telling while this lasted: they are told together."""
    until = facts.until or now
    return [
        outage_words(outage, now)
        for outage in book.followed.health.outages
        if (outage.is_theirs or outage.kind == "lagging") and outage.covers(facts.since, until)
    ]


def _previously(facts: LateFacts, release: Release | None, book: Book) -> str:
    """How it went with the release before, if its mail is known."""
    before = _before(release, book.releases)
    if facts.delay is not DelayKind.ANNOUNCEMENT or before is None or not (before.tagged and before.announced):
        return ""
    lag = before.announced.at - before.tagged.at
    place = next((mail.git_url for mail in before.announcements if mail.git_url), None)
    from_host = f" from {host(f'git {place}')}" if place else ""
    return f"{before.name} was announced{from_host} in {words.duration(lag)}." if lag >= timedelta(0) else ""


def _late_rows(facts: LateFacts, release: Release | None, book: Book, zone: tzinfo) -> list[tuple[str, str, str]]:
    late_since = ("Late since", words.moment(facts.since + facts.limit, zone), "")
    over_at = ("Over at", words.moment(facts.until, zone) if facts.until else "", "")
    if release is None:
        followed = book.releases.get(VersionId(facts.where))
        after = f"{followed.name}, {words.moment(followed.came_at, zone)}" if followed and followed.came_at else ""
        return [("Due by", words.moment(facts.since, zone), ""), ("Follows", after, ""), over_at]
    place = next((entry for entry in release.timeline if entry.station is Station.VISIBLE), None)
    rows = stations(release, zone)
    if place is not None:
        rows[0] = (rows[0][0], rows[0][1], f"seen at {host(place.source)}")
    return [*rows, late_since, over_at]


# --- Sources and hosts -----------------------------------------------------------------------------


def _source(notice: Notice, facts: SourceFacts, book: Book, zone: tzinfo) -> list[str]:
    verdict = f"{book.name}: {source_tail(notice.kind, facts)}."
    if notice.kind is Kind.STALE:
        advice = "Until a tag of them is seen, an announcement alone is told as a release."
        if facts.names:
            advice += " The newest mail names another repository; follow it in the project file if it is the right one:"
        return [words.fill(verdict), words.fill(advice), f"  {facts.names}" if facts.names else "", _url(facts.source)]
    advice = "Nothing is read there until the address in the project file is put right; `rctrack doctor` tries it."
    rows = [("Since", words.moment(facts.since, zone), ""), ("Source", facts.source, ""), ("Answer", facts.reason, "")]
    return [words.fill(verdict), words.facts(rows), words.fill(advice)]


def text_of_hosts(notice: Notice, near: Neighbourhood, reader: Reader) -> str:
    """The mail about hosts that are down, block us, or are back."""
    facts = notice.facts
    if not isinstance(facts, OutageFacts):
        return ""
    names, is_over = words.hosts(facts.hosts), notice.phase is Phase.UP
    several = len(facts.hosts) > 1
    if is_over:
        verdict = f"{names} {'answer' if several else 'answers'} again."
    else:
        state = "blocking us" if notice.kind is Kind.BLOCKED else "down"
        length = words.duration(notice.said_at - facts.since)
        verdict = f"{names} {'have' if several else 'has'} been {state} for {length}."
    rows = [
        ("Last good", words.moment(facts.not_before, reader.zone) if facts.not_before else "", ""),
        ("Down since", words.moment(facts.since, reader.zone), ""),
        ("Back at", words.moment(facts.until, reader.zone) if facts.until else "", ""),
        ("Length", words.duration(facts.until - facts.since) if facts.until else "", ""),
    ]
    lines = [line for each in near.followed for line in words.hanging("  ".join(each), "  ", "    ")]
    parts = [
        words.fill(verdict),
        words.facts(rows),
        words.fill(f"They say: {facts.reason}") if facts.reason and not is_over else "",
        "\n".join(["Read from there", *lines]) if lines else "",
        words.fill(f"These answer: {', '.join(near.answering)}.") if near.answering and not is_over else "",
        words.footer(", ".join(facts.hosts), reader.address),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def outage_words(outage: Outage, now: datetime) -> str:
    """An outage in one sentence: "git.kernel.org has been down for 12 days."."""
    hosts = words.hosts(outage.hosts)
    has, was = ("have", "were") if len(outage.hosts) > 1 else ("has", "was")
    if outage.until is None:
        length = words.duration(now - outage.since)
        if outage.kind is OutageKind.OFFLINE:
            return f"We have been offline for {length}; nobody else is to blame."
        return f"{hosts} {has} been {_STATES.get(outage.kind, 'down')} for {length}."
    span = f"from {outage.since:%-d %b %Y %H:%M} to {outage.until:%-d %b %Y %H:%M} UTC"
    match outage.kind:
        case OutageKind.OFFLINE:
            return f"We were offline {span}; nobody else is to blame."
        case OutageKind.HOLE:
            return f"rctrack did not run {span}; what happened then is seen late."
        case OutageKind.LAGGING:
            return f"The archive at {hosts} stored mail late {span}."
        case OutageKind.DOWN | OutageKind.BLOCKED:
            return f"{hosts} {was} {_STATES.get(outage.kind, 'down')} {span}."

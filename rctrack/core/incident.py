"""Delays and outages -> words: what is late, whose gap it is, which host was down meanwhile (DESIGN section 8)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from rctrack.core import wording
from rctrack.core.evidence import MessageId, Station
from rctrack.core.hosts import Outage, OutageKind
from rctrack.core.lateness import Cause, Delay, DelayKind, Ended, Wait
from rctrack.core.release import Held, Release
from rctrack.core.version import VersionId

Releases = Mapping[VersionId, Release]

_WEEK = timedelta(days=6)

_WAITS_FOR = {
    DelayKind.ANNOUNCEMENT: "announced",
    DelayKind.TAG: "tagged",
    DelayKind.DELIVERY: "delivered",
    DelayKind.ARCHIVE: "archived",
    DelayKind.LISTING: "listed",
}


@dataclass(frozen=True, slots=True)
class Told:
    """A delay with what belongs to it: its release, what else is known of the project, the outages of the time."""

    delay: Delay
    name: str
    """The project's, for people."""
    releases: Releases
    outages: tuple[Outage, ...]
    expected: str = ""
    """What comes next of the project, and when, in words."""

    @property
    def release(self) -> Release | None:
        """The one that is or was late; of what was overdue the one that came, which may be another than was due."""
        delay = self.delay
        due = self.releases.get(delay.version)
        if delay.kind is not DelayKind.OVERDUE or delay.until is None:
            return due
        return next((each for each in self.releases.values() if each.came_at == delay.until), due)

    @property
    def cycle(self) -> str | None:
        """The cycle that it belongs to; None where that has yet to begin."""
        is_overdue = self.delay.kind is DelayKind.OVERDUE
        about = self.releases.get(VersionId(self.delay.where)) if is_overdue else self.release
        return None if about is None or (is_overdue and about.version.is_final) else about.version.cycle_id


def delay_message_id(delay: Delay, word: str, recipient: str) -> MessageId:
    """The same for the same delay, reader and word (late or over)."""
    key = (delay.project, word, delay.kind, delay.where, delay.version)
    return wording.message_id("delay", *key, recipient)


def outage_message_id(outage: Outage, word: str, recipient: str) -> MessageId:
    """The same for the same outage, reader and word (out or back)."""
    begin = f"{outage.since:%Y%m%dT%H%M%SZ}"
    return wording.message_id("outage", word, outage.kind, begin, recipient)


# --- Delays ----------------------------------------------------------------------------------------


def late_subject(told: Told, now: datetime) -> str:
    """What is late: "[rctrack] LATE linux v3.1-rc6: tagged Mon 21:02 UTC, not announced for 26 h"."""
    return f"[rctrack] LATE {told.delay.project} {_named(told)}: {late_words(told, now)}"


def over_subject(told: Told) -> str:
    """How it ended: "[rctrack] linux v3.1-rc6 announced after 38 h: held by the mail"."""
    return f"[rctrack] {told.delay.project} {_named(told)} {over_words(told)}"


def late_words(told: Told, now: datetime) -> str:
    """An open delay in few words."""
    delay = told.delay
    if delay.kind is DelayKind.OVERDUE:
        return f"due by {delay.since:%a %-d %b %H:%M} UTC, not there"
    length = wording.hours(now - delay.since)
    # A weekday alone is the last one of that name.
    since = f"{delay.since:%a %H:%M}" if now - delay.since < _WEEK else f"{delay.since:%-d %b %H:%M}"
    if delay.kind is DelayKind.MIRROR:
        return f"tagged {since} UTC, not at {delay.where} for {length}"
    reached = "announced" if delay.kind is DelayKind.TAG else "tagged"
    return f"{reached} {since} UTC, not {_WAITS_FOR[delay.kind]} for {length}"


def over_words(told: Told) -> str:
    """A delay that is over in few words."""
    delay = told.delay
    length = wording.hours(delay.length or timedelta(0))
    if delay.ended is Ended.NEVER:
        return f"was never {_WAITS_FOR[delay.kind]}"
    if delay.kind is DelayKind.OVERDUE:
        return f"is there, {length} overdue"
    if delay.kind is DelayKind.MIRROR:
        return f"is at {delay.where} after {length}: {_whose(delay)}"
    return f"{_WAITS_FOR[delay.kind]} after {length}: {_whose(delay)}"


def late_text(told: Told, health: Sequence[wording.SourceHealth], reader: wording.Reader, now: datetime) -> str:
    """The mail about a delay that has opened; lines of at most 72."""
    explained = [_usual(told), *(outage_words(each, now) for each in told.outages), _before(told)]
    parts = [
        wording.fill(f"{told.name} {_named(told)}: {late_words(told, now)}."),
        wording.facts(_facts(told, reader.zone)),
        "\n".join(map(wording.fill, filter(None, explained))),
        *_onward(told),
        wording.sources(health),
        wording.footer(told.name, reader),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def over_text(told: Told, health: Sequence[wording.SourceHealth], reader: wording.Reader, now: datetime) -> str:
    """The mail about a delay that is over; lines of at most 72."""
    explained = [_cause(told.delay), _waited(told), *(outage_words(each, now) for each in told.outages)]
    parts = [
        wording.fill(f"{told.name} {_named(told)} {over_words(told)}."),
        wording.facts(_facts(told, reader.zone)),
        "\n".join(map(wording.fill, filter(None, explained))),
        *_onward(told),
        wording.sources(health),
        wording.footer(told.name, reader),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _onward(told: Told) -> tuple[str, str]:
    """Where to read on, and what comes next."""
    release = told.release
    before = told.releases.get(release.previous.id) if release and release.previous else None
    links = wording.links(release, before) if release else ""
    return links, wording.fill(f"Next: {told.expected}") if told.expected else ""


def delay_line(told: Told, now: datetime) -> str:
    """A delay as a digest has it."""
    if told.delay.ended is not None:
        waited = f" ({hop})" if (hop := _hop(told)) else ""
        return f"{_named(told)} {over_words(told)}{waited}"
    limit = told.delay.limit
    many = int((now - told.delay.since) / limit) if limit and told.delay.raised_at else 0
    raised = f" ({many} times its limit)" if many else ""
    return f"{_named(told)} is late: {late_words(told, now)}{raised}"


def silent_lines(waits: Iterable[Wait], releases: Releases) -> list[str]:
    """What cannot be told, as a digest has it, and who would have to be heard of for that; a line for each of those."""
    names: dict[str, list[str]] = {}
    for wait in waits:
        names.setdefault(_silence(wait), []).append(_name(wait.version, releases.get(wait.version)))
    return [f"{_listed(known)}: {silence}" for silence, known in names.items()]


def _silence(wait: Wait) -> str:
    match wait.kind:
        case DelayKind.MIRROR:
            return f"not seen at {wait.where}; no good look there since, cannot tell"
        case DelayKind.TAG | DelayKind.OVERDUE | DelayKind.LISTING:
            return "not there as far as we see; no good look since, cannot tell"
        case _:
            return f"not {_WAITS_FOR[wait.kind]} as far as we see; archive silent, cannot tell"


def _listed(names: Sequence[str]) -> str:
    """The newest of them; many are counted."""
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[-3:])} and {len(names) - 3} older"


def _named(told: Told) -> str:
    return _name(told.delay.version, told.release)


def _name(version: VersionId, release: Release | None) -> str:
    return str(version) if release is None else release.tag or f"v{release.version.text}"


def _whose(delay: Delay) -> str:
    match delay.cause:
        case Cause.MAIL:
            return "held by the mail"
        case Cause.LIST_ARCHIVE:
            return "held by the archive"
        case Cause.MIRROR:
            return "the host was late"
        case Cause.HOST:
            return "the host was down"
        case Cause.SITE:
            return "by the project's site"
        case Cause.PROJECT | None:
            return "by the project"


def _cause(delay: Delay) -> str:
    if delay.ended is Ended.NEVER:
        return "A later release of the cycle is complete; this one is not waited for any more."
    words = {
        Cause.MAIL: "It was written in time and reached the list late: the mail is to blame, not the project.",
        Cause.LIST_ARCHIVE: "It reached the list in time; the archive stored it late.",
        Cause.MIRROR: "The other host had it in time; this one was up and did not show it.",
        Cause.HOST: "The host itself was down meanwhile.",
        Cause.SITE: "The project's own site showed it later than usual.",
        Cause.PROJECT: "It was the project itself that was later than usual; nothing held it on the way.",
    }
    return words[delay.cause] if delay.cause else ""


def _waited(told: Told) -> str:
    """Which hop held the mail, as a sentence."""
    hop = _hop(told)
    return f"Of its way, it waited {hop}." if hop else ""


def _hop(told: Told) -> str:
    """How long the mail was held, and between which two servers: "37 h between a.example and b.example"."""
    release = told.release
    if told.delay.cause is not Cause.MAIL or release is None:
        return ""
    held = next((mail.held for mail in release.announcements if mail.message_id == release.message_id), None)
    return held_words(held) if held else ""


def held_words(held: Held) -> str:
    """Where a mail waited longest: "37 h between a.example and b.example"."""
    length = wording.hours(held.span)
    if held.at is None:
        return f"{length} before {held.until_at} took it"
    return f"{length} at {held.at}" if held.at == held.until_at else f"{length} between {held.at} and {held.until_at}"


def _usual(told: Told) -> str:
    delay = told.delay
    if delay.kind is DelayKind.OVERDUE:
        return "By this project's own past it had come by then, 98 times in 100."
    limit = wording.duration(delay.limit)
    return f"For this project, {limit} is the limit of what is usual."


def _before(told: Told) -> str:
    """How it went with the release before, if its mail is known."""
    release = told.release
    if told.delay.kind is not DelayKind.ANNOUNCEMENT or release is None or release.previous is None:
        return ""
    before = told.releases.get(release.previous.id)
    if before is None or before.tagged is None or before.announced is None:
        return ""
    lag = before.announced.at - before.tagged.at
    named = before.tag or before.version.text
    place = next((mail.git_url for mail in before.announcements if mail.git_url), None)
    host = f" from {_host(place)}" if place else ""
    return f"{named} was announced{host} in {wording.duration(lag)}." if lag >= timedelta(0) else ""


def _facts(told: Told, zone: tzinfo) -> list[tuple[str, str, str]]:
    delay, release = told.delay, told.release
    if release is None:
        return [("Due by", wording.moment(delay.since, zone), ""), ("Follows", _followed(told, zone), "")]
    seen = [stop for stop in release.timeline if stop.station is Station.VISIBLE]
    first = min(
        (stop for stop in seen if stop.at), key=lambda stop: stop.at.at if stop.at else delay.since, default=None
    )
    place = first or next(iter(seen), None)
    return [
        (
            "Tagged",
            wording.at(release.tagged, zone),
            f"seen at {_host(place.source.partition(' ')[2])}" if place else "",
        ),
        ("Announced", wording.at(release.announced, zone), wording.gap(release.tagged, release.announced, "the tag")),
        (
            "Delivered",
            wording.at(release.delivered, zone),
            wording.gap(release.announced, release.delivered, "its Date"),
        ),
        ("Archived", wording.at(release.archived, zone), wording.gap(release.delivered, release.archived, "delivery")),
        ("Late since", wording.moment(delay.since + delay.limit, zone), ""),
        ("Over at", wording.moment(delay.until, zone) if delay.until else "", ""),
    ]


def _followed(told: Told, zone: tzinfo) -> str:
    """The release after which the next one was due."""
    before = told.releases.get(VersionId(told.delay.where))
    if before is None or before.came_at is None:
        return ""
    return f"{_name(before.version.id, before)}, {wording.moment(before.came_at, zone)}"


def _host(url: str) -> str:
    """The host of an address; of what is on this machine the last part of its path: a line has to hold it."""
    rest = url.partition("://")[2]
    return rest.partition("/")[0] or url.rstrip("/").rpartition("/")[2]


# --- Outages ---------------------------------------------------------------------------------------


def outage_subject(outage: Outage) -> str:
    """ "[rctrack] OUT git.kernel.org and www.kernel.org: no answer since Wed 31 Aug 12:00 UTC"."""
    said = "no answer" if outage.kind is OutageKind.OUT else "blocks us"
    return f"[rctrack] OUT {hosts_words(outage.hosts)}: {said} since {outage.since:%a %-d %b %H:%M} UTC"


def back_subject(outage: Outage) -> str:
    """ "[rctrack] BACK git.kernel.org: after 33 days"."""
    length = wording.duration((outage.until or outage.since) - outage.since)
    return f"[rctrack] BACK {hosts_words(outage.hosts)}: after {length}"


def outage_text(
    outage: Outage, affected: Sequence[str], answering: Iterable[str], reader: wording.Reader, now: datetime
) -> str:
    """The mail about a host that is out, or is back; `affected` are sources, `answering` hosts that do answer."""
    is_over = outage.until is not None
    answer = "answer" if len(outage.hosts) > 1 else "answers"
    verdict = f"{hosts_words(outage.hosts)} {answer} again." if is_over else outage_words(outage, now)
    facts = [
        ("Last good", wording.moment(outage.not_before, reader.zone) if outage.not_before else "", ""),
        ("Out since", wording.moment(outage.since, reader.zone), ""),
        ("Back at", wording.moment(outage.until, reader.zone) if outage.until else "", ""),
        ("Length", wording.duration(outage.until - outage.since) if outage.until else "", ""),
    ]
    lines = [line for each in affected for line in wording.hanging(each, "  ", "    ")]
    others = sorted(answering)
    parts = [
        wording.fill(verdict),
        wording.facts(facts),
        wording.fill(f"It said: {outage.reason}") if outage.reason and not is_over else "",
        "\n".join(["Read from there", *lines]) if lines else "",
        wording.fill(f"These answer: {', '.join(others)}.") if others and not is_over else "",
        wording.footer(", ".join(sorted(outage.hosts)), reader),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def outage_words(outage: Outage, now: datetime) -> str:
    """An outage in one sentence: "git.kernel.org has been down for 12 days."."""
    hosts = hosts_words(outage.hosts)
    has = "have" if len(outage.hosts) > 1 else "has"
    if outage.until is None:
        length = wording.duration(now - outage.since)
        if outage.kind is OutageKind.OFFLINE:
            return f"We have been offline for {length}; nobody else is to blame."
        return f"{hosts} {has} been {_state(outage)} for {length}."
    span = f"from {outage.since:%-d %b %Y %H:%M} to {outage.until:%-d %b %Y %H:%M} UTC"
    match outage.kind:
        case OutageKind.OFFLINE:
            return f"We were offline {span}; nobody else is to blame."
        case OutageKind.HOLE:
            return f"rctrack did not run {span}; what happened then is seen late."
        case OutageKind.LAGGING:
            return f"The archive at {hosts} stored mail late {span}."
        case OutageKind.OUT | OutageKind.BLOCKED:
            return f"{hosts} {'were' if len(outage.hosts) > 1 else 'was'} {_state(outage)} {span}."


def hosts_words(hosts: Iterable[str]) -> str:
    """Hosts in a sentence; many are counted."""
    named = sorted(hosts)
    if len(named) > 3:
        return f"{named[0]}, {named[1]} and {len(named) - 2} more"
    return " and ".join(filter(None, [", ".join(named[:-1]), *named[-1:]]))


def _state(outage: Outage) -> str:
    return {OutageKind.BLOCKED: "blocking us", OutageKind.LAGGING: "storing mail late"}.get(outage.kind, "down")

"""What the commands print: tables of at most 100 columns, JSON in the words of the contract; all times are UTC."""

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from rctrack.config import ProjectConfig, shipped
from rctrack.core import incident, summary, wording
from rctrack.core.evidence import Instant, SourceId, Station
from rctrack.core.forecast import Forecast, words
from rctrack.core.hosts import Outage, State
from rctrack.core.lateness import Delay, DelayKind, Ended
from rctrack.core.release import Announcement, Precision, Release, Stop
from rctrack.core.version import parse_version
from rctrack.outlook import Outlook, said_in
from rctrack.store.record import host_of

WIDTH = 100
HELD = timedelta(hours=1)
"""A mail that was held on its way for so long is said to have waited."""
_AT_HOSTS = (Station.PUSHED, Station.VISIBLE, Station.LISTED)
"""The stations of which it matters where that was."""
_CONTRACT = (
    "project", "version", "cycle", "rc", "tag", "object_id", "commit", "previous", "tagged_at", "pushed_at",
    "announced_at", "delivered_at", "archived_at", "listed_at", "first_seen_at", "commits", "commits_no_merges",
    "commits_announced", "message_id", "url",
)  # fmt: skip
"""The keys of a release in JSON (DESIGN section 5); scripts depend on them."""


def release_json(row: Mapping[str, Any], delays: Sequence[Delay]) -> dict[str, Any]:
    """A release as the contract has it, with those of the project's delays that are its own."""
    own = [each for each in delays if each.version == row["version_id"]]
    return {**{key: row[key] for key in _CONTRACT}, "delays": [delay_json(each) for each in own]}


def delay_json(delay: Delay) -> dict[str, Any]:
    """A delay as the contract has it."""
    return {
        "kind": delay.kind,
        "since": _iso(delay.since),
        "until": _iso(delay.until),
        "seconds": int(delay.length.total_seconds()) if delay.length is not None else None,
        "cause": delay.cause,
        "ended": delay.ended,
    }


def delays_json(delays: Sequence[Delay]) -> list[dict[str, Any]]:
    """What is or was late, with what the contract's objects do not say within a release."""
    return [
        {
            "project": each.project,
            "version": each.version,
            **delay_json(each),
            "where": each.where or None,
            "limit_seconds": int(each.limit.total_seconds()),
            "opened_at": _iso(each.opened_at),
            "raised_at": _iso(each.raised_at),
        }
        for each in delays
    ]


def delays_table(found: Sequence[Mapping[str, Any]]) -> str:
    """A line per delay, in the order in which they began."""
    rows = [
        [
            each["project"],
            each["version"],
            _minute(each["since"]),
            wording.duration(timedelta(seconds=each["seconds"])) if each["seconds"] is not None else "-",
            each["ended"] or "late now",
            each["cause"] or "-",
            _kind(each["kind"], each["where"], ""),
        ]
        for each in found
    ]
    return table(["PROJECT", "VERSION", "SINCE", "LENGTH", "ENDED", "CAUSE", "KIND"], rows, right={3})


def outages_json(outages: Sequence[tuple[Outage, str]]) -> list[dict[str, Any]]:
    """The outages, each with who tells of it: "looks" or "mails"."""
    return [
        {
            "hosts": sorted(each.hosts),
            "kind": each.kind,
            "not_before": _iso(each.not_before),
            "since": _iso(each.since),
            "not_after": _iso(each.not_after),
            "until": _iso(each.until),
            "seconds": int((each.until - each.since).total_seconds()) if each.until else None,
            "reason": each.reason,
            "known_by": known_by,
        }
        for each, known_by in outages
    ]


def outages_table(found: Sequence[Mapping[str, Any]]) -> str:
    """A line per outage, oldest first."""
    rows = [
        [
            each["kind"],
            _minute(each["since"]),
            _minute(each["until"]),
            wording.duration(timedelta(seconds=each["seconds"])) if each["seconds"] is not None else "lasts",
            each["known_by"],
            incident.hosts_words(each["hosts"]) or "rctrack itself",
        ]
        for each in found
    ]
    return table(["KIND", "SINCE", "UNTIL", "LENGTH", "KNOWN BY", "HOSTS"], rows, right={3})


def releases_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """The same as CSV with a header line; delays are left to JSON."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _CONTRACT, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def releases_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The releases for people; delivered and archived as the time since the station before."""
    heads = ["VERSION", "TAGGED", "ANNOUNCED", "DELIVERED", "ARCHIVED", "COMMITS", "PREVIOUS"]
    cells = [
        [
            row["version"],
            _minute(row["tagged_at"]),
            _minute(row["announced_at"]),
            _lag(row["announced_at"], row["delivered_at"]),
            _lag(row["delivered_at"], row["archived_at"]),
            _counted(row),
            row["previous"] or "-",
        ]
        for row in rows
    ]
    return table(heads, cells, right={3, 4, 5})


def outlook() -> Outlook:
    """The outlook with the history that comes with rctrack."""
    return Outlook(shipped() / "history")


def expected_next(
    project: ProjectConfig, rows: Sequence[Mapping[str, Any]], mails: Sequence[Announcement], now: datetime
) -> Forecast | None:
    """What follows the newest release of these rows, and when, also by what its mail promises of that.

    None where nothing is known or the past is too short.
    """
    seen = [
        (version, datetime.fromisoformat(made_at))
        for row in rows
        if (made_at := row["tagged_at"] or row["announced_at"])
        if row["cycle"] and "unconfirmed" not in row["flags"].split()
        if (version := parse_version(project.rules.scheme, row["version"])) is not None
    ]
    if not seen:
        return None
    newest, _ = max(seen, key=lambda each: each[1])
    said = said_in(mail for mail in mails if newest in mail.versions)
    return outlook().next_release(project, seen, now, said)


def status_json(
    project: str,
    newest: Mapping[str, Any] | None,
    outcomes: Mapping[SourceId, Mapping[str, Any]],
    expected: Forecast | None,
    late: Sequence[Delay],
    states: Mapping[SourceId, State],
    now: datetime,
) -> dict[str, Any]:
    """How a project stands; `late` are its delays that are open."""
    made_at = newest and (newest["tagged_at"] or newest["announced_at"])
    return {
        "project": project,
        "cycle": newest and newest["cycle"],
        "newest": newest and newest["version"],
        "made_at": made_at,
        # A tag is dated by whoever made it, and may be of tomorrow.
        "days_since": max(0, (now - datetime.fromisoformat(made_at)).days) if made_at else None,
        "next": expected.step if expected else None,
        "next_on": expected.point.isoformat() if expected else None,
        "next_in_words": words(expected) if expected else None,
        "flags": newest["flags"].split() if newest else [],
        "late": [{"version": each.version, **delay_json(each)} for each in late],
        "sources": [
            {
                "source": source,
                "outcome": row["outcome"],
                "state": states.get(source, State.UNKNOWN),
                "looked_at": row["looked_at"],
                "reason": row["reason"],
            }
            for source, row in outcomes.items()
        ],
    }


def status_table(found: Sequence[Mapping[str, Any]]) -> str:
    """A line per project."""
    rows = [
        [
            each["project"],
            each["cycle"] or "-",
            each["newest"] or "-",
            "-" if each["days_since"] is None else str(each["days_since"]),
            each["next_in_words"] or "-",
            _flags(each),
            _sources(each["sources"]),
        ]
        for each in found
    ]
    return table(["PROJECT", "CYCLE", "NEWEST", "DAYS", "NEXT", "FLAGS", "SOURCES"], rows, right={3})


def _flags(found: Mapping[str, Any]) -> str:
    """What is odd about the newest release, and what is late."""
    late = [f"LATE {each['version']} ({each['kind']})" for each in found["late"]]
    return ", ".join([*found["flags"], *late]) or "-"


def projects_table(found: Sequence[Mapping[str, Any]]) -> str:
    """The known projects."""
    rows = [
        [
            each["project"],
            each["name"],
            "yes" if each["followed"] else "no",
            "yes" if each["verified"] else "no",
            str(len(each["sources"])),
        ]
        for each in found
    ]
    return table(["PROJECT", "NAME", "FOLLOWED", "VERIFIED", "SOURCES"], rows, right={4})


def show_json(release: Release) -> dict[str, Any]:
    """What `show` has beyond a row of `releases`: flags, timeline and evidence."""
    return {
        "flags": sorted(release.flags),
        "authors": release.authors,
        "first_time_authors": release.first_time_authors,
        "merges": None
        if release.commits is None or release.commits_no_merges is None
        else release.commits - release.commits_no_merges,
        "first_at": release.first_at,
        "is_on_mirrors_only": release.is_on_mirrors_only,
        "signature": release.signature and release.signature.signature,
        "signer": release.signature and release.signature.signer,
        "changes": [
            {
                "flag": change.flag,
                "tag": change.tag,
                "object_id": change.object_id,
                "commit": change.commit,
                "new_object_id": change.new_object_id,
                "new_commit": change.new_commit,
                "source": change.source,
                "seen_at": _iso(change.seen_at),
            }
            for change in release.changes
        ],
        "timeline": [
            {
                "station": stop.station,
                "at": _iso(stop.at.at if stop.at else None),
                "after": _iso(stop.after),
                "offset": _offset(stop.at) if stop.at else None,
                "precision": stop.precision,
                "source": stop.source,
                "evidence": stop.evidence,
            }
            for stop in release.timeline
        ],
        "mails": [_mail_json(mail) for mail in release.announcements],
        "tags": [
            {
                "tag": tag.tag,
                "object_id": tag.object_id,
                "commit": tag.commit,
                "source": tag.sighting.source,
                "seen_at": _iso(tag.sighting.seen_at),
            }
            for tag in release.tags
        ],
    }


def _mail_json(mail: Announcement) -> dict[str, Any]:
    return {
        "message_id": mail.message_id,
        "subject": mail.subject,
        "sender": mail.sender,
        "versions": [version.text for version in mail.versions],
        "announced_at": _iso(mail.announced.at if mail.announced else None),
        "commits_announced": mail.commits_announced,
        "promised": mail.promised,
        "git_url": mail.git_url,
        "contradiction": mail.contradiction,
        "held": mail.held
        and {
            "at": mail.held.at,
            "until_at": mail.held.until_at,
            "seconds": int(mail.held.span.total_seconds()),
        },
        "source": mail.sighting.source,
        "url": mail.url,
    }


def show_text(name: str, release: Release, delays: Sequence[Delay]) -> str:
    """One release for people: facts, timeline, evidence."""
    facts = [
        ("cycle", release.cycle or ""),
        ("follows", release.previous.text if release.previous else ""),
        ("commits", _commits(release)),
        ("authors", summary.authors(release)),
        ("commit", release.commit or ""),
        ("first seen", f"{release.first_seen_at:%Y-%m-%d %H:%M} UTC"),
        ("signature", _signed(release)),
        ("flags", " ".join(sorted(release.flags))),
    ]
    lines = [f"{name} {release.version.text}", ""]
    lines += [f"  {label:<11} {value}" for label, value in facts if value]
    lines += [f"  {place}"] if (place := summary.where(release)) else []
    lines += [f"  {line}" for each in delays for line in _delay(each)]
    for change in release.changes:
        lines += [f"  {change.flag} {change.tag}", f"    was {change.object_id}", f"        commit {change.commit}"]
        if change.new_commit:
            lines += [f"    now {change.new_object_id}", f"        commit {change.new_commit}"]
        lines += [f"    seen {change.seen_at:%Y-%m-%d %H:%M} UTC at {change.source.partition(' ')[2]}"]
    lines += ["", "Timeline", *(f"  {line}" for stop in release.timeline for line in _stop(stop)), "", "Evidence"]
    # A tag that had only a name at first is there twice, and is one.
    for tag, object_id, source in dict.fromkeys((e.tag, e.object_id, e.sighting.source) for e in release.tags):
        lines += [f"  tag {tag}, object {object_id}", f"    {source}"]
    for stop in release.timeline:
        if stop.station in (Station.PUSHED, Station.LISTED):
            lines += [f"  {stop.station} {stop.evidence}", f"    {stop.source}"]
    for mail in release.announcements:
        lines += [
            f"  mail {mail.subject!r} from {mail.sender}"[:WIDTH],
            f"    {mail.url or f'Message-ID: <{mail.message_id}>'}",
            f"    {mail.sighting.source}",
        ]
        said = [
            f"promises {mail.promised}" if mail.promised else "",
            f"names {mail.git_url}" if mail.git_url else "",
            f"{mail.commits_announced} commits" if mail.commits_announced is not None else "",
        ]
        lines += [f"    contradiction: {mail.contradiction}"] if mail.contradiction else []
        if mail.held and mail.held.span >= HELD:
            lines += [f"    waited {incident.held_words(mail.held)}"]
        lines += ["    says: " + ", ".join(each for each in said if each)] if any(said) else []
    return "\n".join(lines) + "\n"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> str:
    """Aligned columns; the last one gives way where a line would pass 100 columns."""
    widths = [max(len(line[i]) for line in (heads, *rows)) for i in range(len(heads))]
    room = WIDTH - sum(widths[:-1]) - 2 * (len(heads) - 1)
    widths[-1] = max(8, min(widths[-1], room))
    lines = []
    for cells in (heads, *rows):
        shown = [
            cell if len(cell) <= width else cell[: width - 1] + "…" for cell, width in zip(cells, widths, strict=True)
        ]
        aligned = [
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(shown, widths, strict=True))
        ]
        lines.append("  ".join(aligned).rstrip())
    return "\n".join(lines) + "\n"


def _kind(kind: str, where: str | None, place: str) -> str:
    """The kind of a delay with its host, or with the release after which something was due."""
    if not where:
        return kind
    return f"{kind} {'after ' if kind == DelayKind.OVERDUE else place}{where}"


def _delay(delay: Delay) -> list[str]:
    kind = _kind(delay.kind, delay.where, "at ")
    if delay.ended is None:
        return [f"late: {kind} since {delay.since:%Y-%m-%d %H:%M} UTC"]
    length = wording.duration(delay.length or timedelta(0))
    ended = "never came" if delay.ended is Ended.NEVER else f"closed {delay.until:%Y-%m-%d %H:%M} UTC"
    return [f"was late: {kind} for {length}, {ended}, cause {delay.cause}"]


def _stop(stop: Stop) -> list[str]:
    where = stop.source.partition(" ")[2]
    if stop.at is None:
        when = "before our first look"
    elif stop.precision is Precision.BETWEEN and stop.after:
        when = f"{stop.after:%Y-%m-%d %H:%M} to {stop.at.at:%Y-%m-%d %H:%M} UTC"
    else:
        when = f"{stop.at.at:%Y-%m-%d %H:%M:%S} UTC" + (f" (written {_offset(stop.at)})" if stop.at.offset else "")
    line = f"{stop.station:<10} {when}"
    return [f"{line}  {where}"] if stop.station in _AT_HOSTS and len(line) + len(where) < WIDTH - 4 else [line]


def _signed(release: Release) -> str:
    found = release.signature
    return "" if found is None else f"{found.signature}{f', {found.signer}' if found.signer else ''}"


def _commits(release: Release) -> str:
    if release.commits is not None:
        return summary.commits(release)
    if release.commits_announced is not None:
        return f"{release.commits_announced} as announced"
    return "not counted yet" if release.previous else ""


def _counted(row: Mapping[str, Any]) -> str:
    if row["commits"] is not None:
        return str(row["commits"])
    return "-" if row["commits_announced"] is None else f"{row['commits_announced']} by mail"


def _sources(sources: Sequence[Mapping[str, Any]]) -> str:
    if not sources:
        return "not looked at yet"
    if all(each["state"] is State.OFFLINE for each in sources if each["state"] is not State.UNKNOWN) and any(
        each["state"] is State.OFFLINE for each in sources
    ):
        return "we are offline"
    bad = [each for each in sources if each["outcome"] != "good" or each["state"] is State.LAGGING]
    if not bad:
        return "all good"
    words = {State.OUT: "out", State.BLOCKED: "blocked", State.FAILING: "failing", State.LAGGING: "lagging"}
    places: dict[str, list[str]] = {}
    for each in bad:
        place = host_of(each["source"]) or each["source"].rpartition("/")[2]
        places.setdefault(words.get(each["state"], each["outcome"]), []).append(place)
    return "; ".join(f"{word}: {', '.join(dict.fromkeys(found))}" for word, found in places.items())


def _minute(text: str | None) -> str:
    return "-" if text is None else text[:16].replace("T", " ")


def _lag(earlier: str | None, later: str | None) -> str:
    """How long after the station before it, where both are known."""
    if earlier is None or later is None:
        return "-"
    lag = datetime.fromisoformat(later) - datetime.fromisoformat(earlier)
    return ("+" if lag >= timedelta(0) else "-") + wording.duration(lag)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def _offset(instant: Instant) -> str:
    minutes = int(instant.offset.total_seconds() // 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"

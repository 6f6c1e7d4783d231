"""Migration 5: what the tables before it held, as the tables since then have it; nothing lost, nothing told twice."""

import hashlib
import json
import re
import sqlite3
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from rctrack.store.evidence import reading_of

_HOLE, _BLOCKED = timedelta(hours=3), timedelta(hours=26)
"""Looks that are further apart are two runs; a host that blocks us is left alone for up to a day."""
_COPIED = (
    "INSERT INTO mail_sightings (mail_id, observer, seen_at, not_seen_at)"
    " SELECT id, '', seen_at, not_seen_at FROM mails",
    "UPDATE outages SET kind = 'down' WHERE kind = 'out'",
    "INSERT INTO delays (project, version_id, kind, place, since, limit_seconds, until, cause, ended)"
    " SELECT project, version_id, kind, place, since, limit_seconds, until, cause, ended FROM delays_before"
    " ORDER BY since",
    # Everything is judged at the first look: the fold may have changed, and what waits for the clock is not known.
    "INSERT INTO projects (project, next_at) SELECT DISTINCT project, '1970-01-01T00:00:00Z' FROM sources",
    "INSERT INTO outbox (message_id, reader, topic, project, thread, owed_at, since, content, attempts,"
    " next_attempt_at, last_error, sent_at, refused_at) SELECT message_id, recipient,"
    " CASE WHEN kind = 'digest' THEN CASE WHEN since IS NULL THEN 'digest' ELSE 'asked' END"
    " WHEN kind = 'release' THEN 'rc' WHEN message_id LIKE 'outage.%' THEN 'outage'"
    " WHEN message_id LIKE 'incident.%' THEN 'changed' ELSE 'late' END,"
    " project, thread, owed_at, since, content, attempts, next_attempt_at, last_error, sent_at, refused_at"
    " FROM letters ORDER BY rowid",
)
_AFTER = (
    "INSERT INTO timeline SELECT * FROM timeline_before",
    "DROP TABLE timeline_before",
    "DROP TABLE announcements_before",
    "DROP TABLE releases_before",
    "DROP TABLE delays_before",
    "DROP TABLE outcomes",
    "DROP TABLE events",
    "DROP TABLE letters",
    "ALTER TABLE outages DROP COLUMN told",
    "ALTER TABLE mails DROP COLUMN seen_at",
    "ALTER TABLE mails DROP COLUMN not_seen_at",
)

_Row = dict[str, Any]


def move(connection: sqlite3.Connection) -> None:
    """Fills the new tables from the old ones, and takes these away; in the transaction of the migration."""
    for statement in _COPIED:
        connection.execute(statement)
    for row in _rows(connection, "SELECT * FROM announcements_before"):
        reading = {"mail_id": row["mail_id"], "project": row["project"], "source": row["source"]}
        _insert(connection, "announcements", {**reading, "reading": reading_of(row)})
    for run in _runs(connection):
        _insert(connection, "runs", run)
    releases = _rows(connection, "SELECT * FROM releases_before ORDER BY project, position")
    _move_releases(connection, releases)
    known = {(row["project"], row["version_id"]): row for row in releases}
    notices = [
        *_releases_told(connection, releases),
        *_changes_told(connection, known),
        *_bad_signatures(connection, releases),
        *_delays_told(connection, known),
        *_due(connection),
        *_outages_told(connection),
    ]
    for notice in notices:
        facts = _json(notice["facts"])
        _insert(connection, "notices", {**notice, "key": _key(notice), "facts": facts})
    _link_letters(connection)
    for statement in _AFTER:
        connection.execute(statement)


def _rows(connection: sqlite3.Connection, sql: str, *parameters: object) -> list[_Row]:
    cursor = connection.execute(sql, parameters)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def _insert(connection: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> None:
    names, values = ", ".join(row), ", ".join(f":{name}" for name in row)
    connection.execute(f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({values})", row)  # noqa: S608 (our own words)


# --- Looks and releases ----------------------------------------------------------------------------


def _runs(connection: sqlite3.Connection) -> Iterator[_Row]:
    """Looks in a row that came to the same; a clock that went back begins another row."""
    last: _Row | None = None
    for look in _rows(connection, "SELECT * FROM outcomes ORDER BY project, source, id"):
        run = {
            "project": look["project"], "source": look["source"], "observer": "", "outcome": _outcome(look),
            "reason": look["reason"] or "", "first_at": look["looked_at"], "last_at": look["looked_at"], "looks": 1,
        }  # fmt: skip
        if last is not None and _goes_on(last, run):
            last = {**last, "last_at": run["last_at"], "looks": last["looks"] + 1}
            continue
        if last is not None:
            yield last
        last = run
    if last is not None:
        yield last


def _outcome(row: _Row) -> str:
    """Of a failure the old table told only whether the host was reached."""
    if row["outcome"] != "failed":
        return str(row["outcome"])
    return "no answer" if row["unreachable"] else "error"


def _goes_on(last: _Row, run: _Row) -> bool:
    """Whether they are one row; of what could not be counted at a good look the reasons tell, of failures the first."""
    alike = ("project", "source", "outcome", *(("reason",) if run["outcome"] == "good" else ()))
    gap = datetime.fromisoformat(run["first_at"]) - datetime.fromisoformat(last["last_at"])
    longest = _BLOCKED if run["outcome"] == "blocked" else _HOLE
    return all(last[name] == run[name] for name in alike) and timedelta(0) <= gap <= longest


def _move_releases(connection: sqlite3.Connection, releases: Iterable[_Row]) -> None:
    """The listing as it was, until the next look folds it anew."""
    names = (
        "project", "version", "cycle", "rc", "tag", "object_id", "commit", "previous", "tagged_at", "pushed_at",
        "announced_at", "delivered_at", "archived_at", "listed_at", "first_seen_at", "commits", "commits_no_merges",
        "commits_announced", "message_id", "url", "authors", "first_time_authors",
    )  # fmt: skip
    for row in releases:
        release = {name: row[name] for name in names} | {
            "flags": row["flags"].split(),
            "made_at": row["tagged_at"] or row["announced_at"],
        }
        moved = {name: row[name] for name in ("project", "version_id", "position")}
        cycle_id = row["cycle_id"] or row["version_id"]
        _insert(connection, "releases", {**moved, "cycle_id": cycle_id, "release": _json(release)})


# --- What was told of releases ---------------------------------------------------------------------


def _notice(project: str | None, kind: str, subject: str, phase: str, said_at: str, facts: _Row, **more: Any) -> _Row:
    return {
        "project": project, "kind": kind, "subject": subject, "phase": phase, "version_id": None, "said_at": said_at,
        "is_silent": 0, "facts": facts, **more,
    }  # fmt: skip


def _key(notice: Mapping[str, Any]) -> str:
    return "\t".join((notice["project"] or "", notice["kind"], notice["subject"], notice["phase"]))


def _releases_told(connection: sqlite3.Connection, releases: Iterable[_Row]) -> Iterator[_Row]:
    """Each version that had an event is known; whoever was to be told of it was.

    Of one that a mail alone claimed, that is what is known, whatever it was called: its tag is told in full.
    """
    sql = "SELECT project, version_id, silent, min(recorded_at) AS recorded_at FROM events GROUP BY project, version_id"
    events = {(row["project"], row["version_id"]): row for row in _rows(connection, sql)}
    claims = _claims(connection, releases)
    for row in releases:
        key = (row["project"], row["version_id"])
        event = events.get(key)
        if event is None:
            continue
        (project, version), said_at, is_silent = key, event["recorded_at"], event["silent"]
        more = {"version_id": version}
        if key not in claims:
            yield _notice(project, "out", version, "whole", said_at, _release(row), **more, is_silent=is_silent)
        if row["tag"] is None:
            is_silent = int(is_silent or key not in claims)
            yield _notice(project, "unconfirmed", version, "", said_at, _claim(row), **more, is_silent=is_silent)


def _claims(connection: sqlite3.Connection, releases: Iterable[_Row]) -> set[tuple[str, str]]:
    """The releases without a tag of projects that tag; `releases` ascend, and the rule is that of core.habits."""
    tagging = {row["project"] for row in _rows(connection, "SELECT project FROM sources WHERE source LIKE 'tags %'")}
    sql = "SELECT project, version_id FROM timeline_before WHERE station IN ('pushed', 'listed')"
    on_site = {(row["project"], row["version_id"]) for row in _rows(connection, sql)}
    tagged: defaultdict[tuple[str, bool], deque[bool]] = defaultdict(lambda: deque(maxlen=20))
    claims = set()
    for row in releases:
        key = (row["project"], row["version_id"])
        past = tagged[row["project"], row["rc"] is None]
        tags_rarely = len(past) >= 5 and sum(past) < 0.2 * len(past)
        is_flagged = "unconfirmed" in row["flags"].split()
        is_claim = row["tag"] is None and row["project"] in tagging and key not in on_site
        if is_claim and (is_flagged or not tags_rarely):
            claims.add(key)
            if len(past) >= 5:
                continue
        past.append(row["tag"] is not None)
    return claims


def _release(row: _Row) -> _Row:
    names = (
        "version", "tagged_at", "announced_at", "first_seen_at", "commits", "commits_no_merges", "commits_announced",
        "message_id", "url", "object_id",
    )  # fmt: skip
    return {name: row[name] for name in names} | {
        "name": row["tag"] or row["version"],
        "topic": "final" if row["rc"] is None else "rc",
        "made_at": row["tagged_at"] or row["announced_at"],
        "flags": row["flags"].split(),
    }


def _claim(row: _Row) -> _Row:
    names = ("version", "url", "announced_at", "delivered_at")
    return {name: row[name] for name in names} | {
        "name": row["version"],
        "sender": "",
        "message_id": row["message_id"] or "",
        "looked_at": [],
        "silent": [],
        "names": None,
    }


# --- What was told of tags -------------------------------------------------------------------------


def _changes_told(connection: sqlite3.Connection, releases: Mapping[tuple[str, str], _Row]) -> Iterator[_Row]:
    """A tag that moved or was withdrawn: the old key named commits, or objects where the commit stayed.

    What was so when the release was first told was told with it.
    """
    sql = (
        "SELECT *, recorded_at = (SELECT min(recorded_at) FROM events AS first WHERE first.project = events.project"
        " AND first.version_id = events.version_id) AS is_first FROM events"
        " WHERE station LIKE 'retagged %' OR station LIKE 'withdrawn %'"
    )
    for event in _rows(connection, sql):
        flag, _, ids = event["station"].partition(" ")
        old, _, new = ids.partition("..")
        release = releases.get((event["project"], event["version_id"]))
        for shown in _tags_of(connection, event, release):
            for was in (row for row in shown if old in (row["commit"], row["object_id"])):
                moved = [row for row in shown if new and new in (row["commit"], row["object_id"])]
                gone = [{"object_id": None, "commit": None, "source": was["source"]}]
                for now in moved if new else gone:
                    yield _change(event, flag, was, now)


def _change(event: _Row, flag: str, was: _Row, now: _Row) -> _Row:
    facts = {
        "version": event["version_id"], "flag": flag, "tag": was["tag"], "object_id": was["object_id"],
        "commit": was["commit"], "new_object_id": now["object_id"], "new_commit": now["commit"],
        "source": now["source"], "seen_at": event["at"] or event["recorded_at"],
    }  # fmt: skip
    subject = f"{event['version_id']} {flag} {was['tag']} {was['object_id']}..{now['object_id'] or ''}"
    is_silent = int(event["silent"] or event["is_first"])
    more = {"version_id": event["version_id"], "is_silent": is_silent}
    return _notice(event["project"], "changed", subject, "", event["recorded_at"], facts, **more)


def _tags_of(connection: sqlite3.Connection, event: _Row, release: _Row | None) -> list[list[_Row]]:
    """The tags that may be of this version, each with all that hosts showed of it."""
    rows = _rows(connection, "SELECT * FROM tags WHERE project = ? ORDER BY id", event["project"])
    number = re.sub(r"[^0-9a-z]+", ".", event["version_id"])
    named = {row["tag"] for row in rows if number in re.sub(r"[^0-9a-z]+", ".", row["tag"].lower())}
    known = {release["tag"]} if release and release["tag"] else set()
    return [[row for row in rows if row["tag"] == tag] for tag in sorted(known | named)]


def _bad_signatures(connection: sqlite3.Connection, releases: Iterable[_Row]) -> Iterator[_Row]:
    """They were told with their releases."""
    for row in releases:
        if "bad-signature" not in row["flags"].split() or row["tag"] is None:
            continue
        sql = "SELECT * FROM tags WHERE project = ? AND tag = ? AND object_id = ? ORDER BY id"
        for shown in _rows(connection, sql, row["project"], row["tag"], row["object_id"])[:1]:
            event = {
                "project": row["project"], "version_id": row["version_id"], "recorded_at": shown["seen_at"],
                "at": shown["seen_at"], "silent": 1,
            }  # fmt: skip
            gone = {"object_id": None, "commit": None, "source": shown["source"]}
            yield _change(event, "bad-signature", shown, gone)


# --- What was told of lateness and of hosts --------------------------------------------------------


def _delays_told(connection: sqlite3.Connection, releases: Mapping[tuple[str, str], _Row]) -> Iterator[_Row]:
    for row in _rows(connection, "SELECT * FROM delays_before WHERE told"):
        release = releases.get((row["project"], row["version_id"]), {})
        facts = {
            "version": release.get("version") or row["version_id"],
            "name": release.get("tag") or release.get("version") or row["version_id"],
            "delay": row["kind"], "where": row["place"], "since": row["since"], "limit": float(row["limit_seconds"]),
            "shown_at": [],
        }  # fmt: skip
        about = (row["project"], "late", _gap(row))
        yield _notice(*about, "late", row["opened_at"], facts, version_id=row["version_id"])
        if row["ended"]:
            ended = {**facts, "until": row["until"], "cause": row["cause"], "ended": row["ended"]}
            phase = "never" if row["ended"] == "never" else "over"
            yield _notice(*about, phase, row["until"], ended, version_id=row["version_id"])


def _gap(delay: _Row) -> str:
    return f"{delay['version_id']} {delay['kind']} {delay['place']}".rstrip()


def _due(connection: sqlite3.Connection) -> Iterator[_Row]:
    """What was or is overdue follows from forecasts: of those that came true so late only when they did is known."""
    overdue = _rows(connection, "SELECT * FROM delays_before WHERE kind = 'overdue' ORDER BY project, since")
    for project, of_project in groupby(overdue, key=lambda row: row["project"]):
        rows = list(of_project)
        for number, row in enumerate(rows):
            version, due = row["version_id"], row["since"]
            step = version.partition(" after ")[0].rpartition("-")[2] if re.search("-| after ", version) else "final"
            facts = {
                "after": row["place"], "version": version, "step": step, "odds": 0.0, "on": due, "first": due,
                "last": due, "day_odds": 0.0, "cases": 0, "on_odds": 0.0, "overdue_at": due,
            }  # fmt: skip
            more = {"version_id": version, "revision": number - len(rows), "is_silent": 1}
            yield _notice(project, "due", "next", "", row["opened_at"], facts, **more)


def _outages_told(connection: sqlite3.Connection) -> Iterator[_Row]:
    """Down or blocking us: then they were told alike, and that they are back is told to whom they were."""
    for row in _rows(connection, "SELECT * FROM outages WHERE told"):
        hosts = sorted(row["hosts"].split())
        facts = {name: row[name] for name in ("not_before", "since", "reason")} | {"hosts": hosts}
        subject = _outage(row)
        yield _notice(None, "outage", subject, "down", row["since"], {**facts, "until": None})
        if row["until"]:
            yield _notice(None, "outage", subject, "up", row["until"], {**facts, "until": row["until"]})


def _outage(row: _Row) -> str:
    return f"{min(row['hosts'].split(), default='')} {re.sub('[-:]', '', row['since'])}"


# --- Letters ---------------------------------------------------------------------------------------


def _link_letters(connection: sqlite3.Connection) -> None:
    """Each mail to what it told, so that an end reaches whom its begin had reached, and what is owed can be written."""
    letters = _rows(connection, "SELECT * FROM letters")
    ids = {letter["message_id"] for letter in letters}
    notices = {row["key"] for row in _rows(connection, "SELECT key FROM notices")}
    delays = _rows(connection, "SELECT * FROM delays_before WHERE told")
    outages = {f"outage {row['id']}": _outage(row) for row in _rows(connection, "SELECT * FROM outages WHERE told")}
    links = [
        *_of_releases(letters),
        *_of_outages(letters, outages),
        *(link for reader in {letter["recipient"] for letter in letters} for link in _of_delays(delays, reader)),
    ]
    for message_id, keys in links:
        told = next((key for key in keys if key in notices), None)
        if message_id in ids and told is not None:
            _insert(connection, "outbox_notices", {"message_id": message_id, "notice_key": told})


_Link = tuple[str, tuple[str, ...]]
"""A Message-ID, and the keys of what it may have told; it is the first of those that there is."""


def _of_releases(letters: Iterable[_Row]) -> Iterator[_Link]:
    for letter in letters:
        if letter["kind"] == "release":
            about = {"project": letter["project"], "subject": letter["version_id"]}
            out, claim = ({**about, "kind": "out", "phase": "whole"}, {**about, "kind": "unconfirmed", "phase": ""})
            yield letter["message_id"], (_key(out), _key(claim))


def _of_outages(letters: Iterable[_Row], outages: Mapping[str, str]) -> Iterator[_Link]:
    for letter in letters:
        if letter["kind"] == "incident" and letter["thread"] in outages:
            phase = "down" if letter["message_id"].startswith("outage.out.") else "up"
            told = {"project": None, "kind": "outage", "subject": outages[letter["thread"]], "phase": phase}
            yield letter["message_id"], (_key(told),)


def _of_delays(delays: Iterable[_Row], reader: str) -> Iterator[_Link]:
    for row in delays:
        about = {"project": row["project"], "kind": "late", "subject": _gap(row)}
        for word, phases in (("late", ["late"]), ("over", ["over", "never"])):
            told = _old_id("delay", row["project"], word, row["kind"], row["place"], row["version_id"], reader)
            yield told, tuple(_key({**about, "phase": phase}) for phase in phases)


def _old_id(*parts: str) -> str:
    """The Message-ID that a mail had until then."""
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]
    slug = re.sub(r"[^A-Za-z0-9.-]+", "-", ".".join(parts[:-1]))
    return f"{slug}.{digest}@rctrack"


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)

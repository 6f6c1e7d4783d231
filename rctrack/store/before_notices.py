"""Migration 5: what the tables before it held, as the tables since then have it; nothing lost, nothing told twice."""

import hashlib
import json
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from rctrack.store.evidence import reading_of

_HOLE = timedelta(hours=3)
"""Looks that are further apart are two runs; as core.hosts has it."""
_AFTER = (
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


def move(connection: sqlite3.Connection) -> None:
    """Fills the new tables from the old ones, and takes these away; in the transaction of the migration."""
    connection.execute(
        "INSERT INTO mail_sightings (mail_id, observer, seen_at, not_seen_at)"
        " SELECT id, '', seen_at, not_seen_at FROM mails"
    )
    for row in list(_rows(connection, "SELECT * FROM announcements_before")):
        connection.execute(
            "INSERT INTO announcements (mail_id, project, source, reading) VALUES (?, ?, ?, ?)",
            (row["mail_id"], row["project"], row["source"], reading_of(row)),
        )
    connection.execute("UPDATE outages SET kind = 'down' WHERE kind = 'out'")
    for run in _runs(connection):
        connection.execute(
            "INSERT INTO runs (project, source, observer, outcome, reason, first_at, last_at, looks)"
            " VALUES (?, ?, '', ?, ?, ?, ?, ?)",
            run,
        )
    _move_releases(connection)
    for notice in [*_releases_told(connection), *_changes_told(connection), *_delays_told(connection)]:
        _append(connection, notice)
    for notice in _outages_told(connection):
        _append(connection, notice)
    _move_letters(connection)
    for statement in _AFTER:
        connection.execute(statement)


def _rows(connection: sqlite3.Connection, sql: str) -> Iterator[dict[str, Any]]:
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description]
    return (dict(zip(names, row, strict=True)) for row in cursor)


# --- Looks and releases ----------------------------------------------------------------------------


def _runs(connection: sqlite3.Connection) -> Iterator[Sequence[Any]]:
    looks = list(_rows(connection, "SELECT * FROM outcomes ORDER BY project, source, id"))
    for (project, source), of_source in groupby(looks, key=lambda row: (row["project"], row["source"])):
        run: list[Any] = []
        for row in of_source:
            outcome = _outcome(row)
            is_same = bool(run) and run[2] == outcome and _gap(run[5], row["looked_at"]) <= _HOLE
            if is_same:
                run[5:] = [row["looked_at"], run[6] + 1]
                continue
            if run:
                yield run
            reason = "" if outcome == "good" else row["reason"] or ""
            run = [project, source, outcome, reason, row["looked_at"], row["looked_at"], 1]
        yield run


def _outcome(row: dict[str, Any]) -> str:
    """Of a failure the old table told only whether the host was reached."""
    if row["outcome"] != "failed":
        return str(row["outcome"])
    return "no answer" if row["unreachable"] else "error"


def _gap(first: str, last: str) -> timedelta:
    return abs(datetime.fromisoformat(last) - datetime.fromisoformat(first))


def _move_releases(connection: sqlite3.Connection) -> None:
    """The listing as it was, until the next look folds it anew."""
    names = (
        "project", "version", "cycle", "rc", "tag", "object_id", "commit", "previous", "tagged_at", "pushed_at",
        "announced_at", "delivered_at", "archived_at", "listed_at", "first_seen_at", "commits", "commits_no_merges",
        "commits_announced", "message_id", "url",
    )  # fmt: skip
    for row in list(_rows(connection, "SELECT * FROM releases_before")):
        release = {name: row[name] for name in names} | {
            "flags": row["flags"].split(),
            "authors": row["authors"],
            "first_time_authors": row["first_time_authors"],
            "made_at": row["tagged_at"] or row["announced_at"],
        }
        connection.execute(
            "INSERT INTO releases (project, version_id, cycle_id, position, release) VALUES (?, ?, ?, ?, ?)",
            (row["project"], row["version_id"], row["cycle_id"] or row["version_id"], row["position"], _json(release)),
        )


# --- What was told ---------------------------------------------------------------------------------

_Notice = dict[str, Any]


def _append(connection: sqlite3.Connection, notice: _Notice) -> None:
    key = "\t".join((notice["project"] or "", notice["kind"], notice["subject"], notice["phase"]))
    columns = {**notice, "key": key, "facts": _json(notice["facts"])}
    names = ", ".join(columns)
    values = ", ".join(f":{name}" for name in columns)
    connection.execute(f"INSERT OR IGNORE INTO notices ({names}) VALUES ({values})", columns)  # noqa: S608


def _releases_told(connection: sqlite3.Connection) -> Iterator[_Notice]:
    """Each version that had an event is known; whoever was to be told of it was."""
    found = _rows(
        connection,
        "SELECT project, version_id, silent, min(recorded_at) AS recorded_at FROM events GROUP BY project, version_id",
    )
    releases = {(row["project"], row["version_id"]): row for row in _rows(connection, "SELECT * FROM releases_before")}
    for event in list(found):
        row = releases.get((event["project"], event["version_id"]))
        if row is None:
            continue
        common = {
            "project": event["project"],
            "subject": event["version_id"],
            "version_id": event["version_id"],
            "said_at": event["recorded_at"],
            "is_silent": event["silent"],
        }
        if "unconfirmed" in row["flags"].split():
            # It was told as out; that it was only claimed is what is known.
            yield {**common, "kind": "unconfirmed", "phase": "", "facts": _claim(row)}
        else:
            yield {**common, "kind": "out", "phase": "whole", "facts": _release(row)}


def _release(row: dict[str, Any]) -> dict[str, Any]:
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


def _claim(row: dict[str, Any]) -> dict[str, Any]:
    names = ("version", "url", "announced_at", "delivered_at")
    return {name: row[name] for name in names} | {
        "name": row["version"],
        "sender": "",
        "message_id": row["message_id"] or "",
        "looked_at": [],
        "silent": [],
        "names": None,
    }


def _changes_told(connection: sqlite3.Connection) -> Iterator[_Notice]:
    """A tag that moved or was withdrawn: the old key named commits, or objects where the commit stayed."""
    found = _rows(connection, "SELECT * FROM events WHERE station LIKE 'retagged %' OR station LIKE 'withdrawn %'")
    for event in list(found):
        flag, _, ids = event["station"].partition(" ")
        old, _, new = ids.partition("..")
        for tag in _tags_of(connection, event["project"], event["version_id"]):
            first = [row for row in tag if old in (row["commit"], row["object_id"])]
            moved = [row for row in tag if new and new in (row["commit"], row["object_id"])]
            for was in first:
                for now in moved if new else [{"object_id": None, "commit": None, "source": was["source"]}]:
                    new_object = now["object_id"]
                    subject = f"{event['version_id']} {flag} {was['tag']} {was['object_id']}..{new_object or ''}"
                    facts = {
                        "version": event["version_id"], "flag": flag, "tag": was["tag"], "object_id": was["object_id"],
                        "commit": was["commit"], "new_object_id": new_object, "new_commit": now["commit"],
                        "source": now["source"], "seen_at": event["at"] or event["recorded_at"],
                    }  # fmt: skip
                    yield {
                        "project": event["project"], "kind": "changed", "subject": subject, "phase": "",
                        "version_id": event["version_id"], "said_at": event["recorded_at"],
                        "is_silent": event["silent"], "facts": facts,
                    }  # fmt: skip


def _tags_of(connection: sqlite3.Connection, project: str, version_id: str) -> list[list[dict[str, Any]]]:
    """The tags that may be of this version, each with all that hosts showed of it."""
    known = {
        row["tag"]
        for row in _rows(connection, "SELECT * FROM releases_before")
        if (row["project"], row["version_id"]) == (project, version_id) and row["tag"]
    }
    rows = [row for row in _rows(connection, "SELECT * FROM tags ORDER BY id") if row["project"] == project]
    number = re.sub(r"[^0-9a-z]+", ".", version_id)
    named = {row["tag"] for row in rows if number in re.sub(r"[^0-9a-z]+", ".", row["tag"].lower())}
    return [[row for row in rows if row["tag"] == tag] for tag in sorted(known | named)]


def _delays_told(connection: sqlite3.Connection) -> Iterator[_Notice]:
    releases = {(row["project"], row["version_id"]): row for row in _rows(connection, "SELECT * FROM releases_before")}
    for row in list(_rows(connection, "SELECT * FROM delays_before WHERE told")):
        release = releases.get((row["project"], row["version_id"]), {})
        facts = {
            "version": release.get("version") or row["version_id"],
            "name": release.get("tag") or release.get("version") or row["version_id"],
            "delay": row["kind"], "where": row["place"], "since": row["since"], "limit": float(row["limit_seconds"]),
            "shown_at": [],
        }  # fmt: skip
        notice = {
            "project": row["project"], "kind": "late",
            "subject": f"{row['version_id']} {row['kind']} {row['place']}".rstrip(),
            "phase": "late", "version_id": row["version_id"], "said_at": row["opened_at"], "is_silent": 0,
            "facts": facts,
        }  # fmt: skip
        yield notice
        if row["ended"]:
            ended = {**facts, "until": row["until"], "cause": row["cause"], "ended": row["ended"]}
            phase = "never" if row["ended"] == "never" else "over"
            yield {**notice, "phase": phase, "said_at": row["until"], "facts": ended}


def _outages_told(connection: sqlite3.Connection) -> Iterator[_Notice]:
    for row in list(_rows(connection, "SELECT * FROM outages WHERE told")):
        hosts = sorted(row["hosts"].split())
        facts = {
            "hosts": hosts, "not_before": row["not_before"], "since": row["since"], "until": row["until"],
            "reason": row["reason"],
        }  # fmt: skip
        since = re.sub("[-:]", "", row["since"])
        is_down = row["kind"] == "down"
        notice = {
            "project": None, "kind": "outage" if is_down else "blocked", "subject": f"{min(hosts, default='')} {since}",
            "phase": "down" if is_down else "", "version_id": None, "said_at": row["since"], "is_silent": 0,
            "facts": {**facts, "until": None},
        }  # fmt: skip
        yield notice
        if row["until"] and is_down:
            yield {**notice, "phase": "up", "said_at": row["until"], "facts": facts}


# --- Letters ---------------------------------------------------------------------------------------


def _move_letters(connection: sqlite3.Connection) -> None:
    """Each mail with its id, so that threads go on and nothing is sent again; linked to what it told."""
    connection.execute(
        "INSERT INTO outbox (message_id, reader, topic, project, thread, owed_at, since, content, attempts,"
        " next_attempt_at, last_error, sent_at, refused_at) SELECT message_id, recipient,"
        " CASE kind WHEN 'digest' THEN CASE WHEN since IS NULL THEN 'digest' ELSE 'asked' END"
        " WHEN 'release' THEN 'rc' ELSE 'late' END,"
        " project, thread, owed_at, since, content, attempts, next_attempt_at, last_error, sent_at, refused_at"
        " FROM letters ORDER BY rowid"
    )
    letters = {row["message_id"]: row for row in _rows(connection, "SELECT * FROM letters")}
    _link_releases(connection, letters)
    for reader in {row["recipient"] for row in letters.values()}:
        for told, key in [*_delay_letters(connection, reader), *_outage_letters(connection, reader)]:
            if told in letters:
                _link(connection, told, key)


def _link_releases(connection: sqlite3.Connection, letters: Mapping[str, Mapping[str, Any]]) -> None:
    for notice in list(_rows(connection, "SELECT * FROM notices WHERE kind IN ('out', 'unconfirmed')")):
        for letter in letters.values():
            if (letter["project"], letter["version_id"]) == (notice["project"], notice["version_id"]):
                _link(connection, letter["message_id"], notice["key"])


def _delay_letters(connection: sqlite3.Connection, reader: str) -> Iterator[tuple[str, str]]:
    """The id that a mail about each delay had, and the key of what it told."""
    for row in list(_rows(connection, "SELECT * FROM delays_before WHERE told")):
        for word, phase in (("late", "late"), ("over", "over"), ("over", "never")):
            subject = f"{row['version_id']} {row['kind']} {row['place']}".rstrip()
            told = _old_id("delay", row["project"], word, row["kind"], row["place"], row["version_id"], reader)
            yield told, "\t".join((row["project"], "late", subject, phase))


def _outage_letters(connection: sqlite3.Connection, reader: str) -> Iterator[tuple[str, str]]:
    for row in list(_rows(connection, "SELECT * FROM notices WHERE kind = 'outage'")):
        stamp = re.sub("[-:]", "", json.loads(row["facts"])["since"])
        yield _old_id("outage", "out" if row["phase"] == "down" else "back", "out", stamp, reader), row["key"]


def _link(connection: sqlite3.Connection, message_id: str, key: str) -> None:
    connection.execute("INSERT OR IGNORE INTO outbox_notices VALUES (?, ?)", (message_id, key))


def _old_id(*parts: str) -> str:
    """The Message-ID that a mail had until then."""
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]
    slug = re.sub(r"[^A-Za-z0-9.-]+", "-", ".".join(parts[:-1]))
    return f"{slug}.{digest}@rctrack"


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)

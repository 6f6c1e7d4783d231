"""The tables, as numbered migrations; a migration that has been released is never edited."""

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from rctrack.store.before_notices import move
from rctrack.store.first_tables import complete
from rctrack.store.schema_notices import NOTICES

migrations = Migrations("rctrack")

_FIRST = """
CREATE TABLE sources (
    project TEXT NOT NULL,
    source TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    cursor TEXT,
    first_look_at TEXT,
    last_look_at TEXT,
    PRIMARY KEY (project, source)
) STRICT;

CREATE TABLE outcomes (
    id INTEGER PRIMARY KEY,
    project TEXT NOT NULL,
    source TEXT NOT NULL,
    looked_at TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('good', 'failed', 'blocked')),
    reason TEXT
) STRICT;
CREATE INDEX outcomes_of_source ON outcomes (project, source, looked_at);

CREATE TABLE tags (
    id INTEGER PRIMARY KEY,
    project TEXT NOT NULL,
    source TEXT NOT NULL,
    tag TEXT NOT NULL,
    object_id TEXT NOT NULL,
    "commit" TEXT,
    tagged_at TEXT,
    tagged_offset INTEGER,
    seen_at TEXT NOT NULL,
    not_seen_at TEXT
) STRICT;
CREATE UNIQUE INDEX tags_once ON tags (project, source, tag, object_id, coalesce(tagged_at, ''));

CREATE TABLE absences (
    id INTEGER PRIMARY KEY,
    project TEXT NOT NULL,
    source TEXT NOT NULL,
    tag TEXT NOT NULL,
    object_id TEXT NOT NULL,
    is_back INTEGER NOT NULL CHECK (is_back IN (0, 1)),
    seen_at TEXT NOT NULL,
    not_seen_at TEXT,
    UNIQUE (project, source, tag, object_id, is_back, seen_at)
) STRICT;

CREATE TABLE mails (
    id INTEGER PRIMARY KEY,
    project TEXT NOT NULL,
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    archived_at TEXT,
    archived_offset INTEGER,
    seen_at TEXT NOT NULL,
    not_seen_at TEXT,
    content BLOB NOT NULL,
    UNIQUE (project, source, key)
) STRICT;

CREATE TABLE counts (
    project TEXT NOT NULL,
    base TEXT NOT NULL,
    "commit" TEXT NOT NULL,
    commits INTEGER NOT NULL,
    commits_no_merges INTEGER NOT NULL,
    authors INTEGER,
    first_time_authors INTEGER,
    counted_at TEXT NOT NULL
) STRICT;
-- A range may be counted again with the whole history at hand, which says more of the same.
CREATE UNIQUE INDEX counts_once ON counts
    (project, base, "commit", coalesce(authors, -1), coalesce(first_time_authors, -1));

CREATE TABLE signatures (
    project TEXT NOT NULL,
    object_id TEXT NOT NULL,
    expected TEXT NOT NULL,
    signature TEXT NOT NULL,
    signer TEXT,
    checked_at TEXT NOT NULL,
    PRIMARY KEY (project, object_id, expected)
) STRICT;

CREATE TABLE announcements (
    mail_id INTEGER PRIMARY KEY REFERENCES mails (id),
    project TEXT NOT NULL,
    source TEXT NOT NULL,
    versions TEXT NOT NULL,
    message_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    sender TEXT NOT NULL,
    announced_at TEXT,
    announced_offset INTEGER,
    delivered_at TEXT,
    delivered_offset INTEGER,
    archived_at TEXT,
    archived_offset INTEGER,
    commits_announced INTEGER,
    url TEXT,
    promised TEXT,
    git_url TEXT,
    alternatives TEXT NOT NULL,
    contradiction TEXT
) STRICT;

CREATE TABLE unrecognised (
    project TEXT NOT NULL,
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    subject TEXT NOT NULL,
    reason TEXT NOT NULL,
    seen_at TEXT NOT NULL,
    PRIMARY KEY (project, source, key)
) STRICT;

CREATE TABLE releases (
    project TEXT NOT NULL,
    version_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    version TEXT NOT NULL,
    cycle TEXT,
    cycle_id TEXT,
    rc INTEGER,
    tag TEXT,
    object_id TEXT,
    "commit" TEXT,
    previous TEXT,
    previous_commit TEXT,
    tagged_at TEXT,
    pushed_at TEXT,
    announced_at TEXT,
    delivered_at TEXT,
    archived_at TEXT,
    listed_at TEXT,
    first_seen_at TEXT NOT NULL,
    commits INTEGER,
    commits_no_merges INTEGER,
    commits_announced INTEGER,
    authors INTEGER,
    first_time_authors INTEGER,
    message_id TEXT,
    url TEXT,
    signature TEXT,
    flags TEXT NOT NULL,
    PRIMARY KEY (project, version_id)
) STRICT;

CREATE TABLE timeline (
    project TEXT NOT NULL,
    version_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    station TEXT NOT NULL,
    at TEXT,
    at_offset INTEGER,
    after TEXT,
    precision TEXT NOT NULL,
    source TEXT NOT NULL,
    evidence TEXT NOT NULL,
    PRIMARY KEY (project, version_id, position),
    FOREIGN KEY (project, version_id) REFERENCES releases (project, version_id) ON DELETE CASCADE
) STRICT;

CREATE TABLE events (
    project TEXT NOT NULL,
    version_id TEXT NOT NULL,
    station TEXT NOT NULL,
    at TEXT,
    recorded_at TEXT NOT NULL,
    silent INTEGER NOT NULL,
    PRIMARY KEY (project, version_id, station)
) STRICT;

CREATE TABLE letters (
    message_id TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('release', 'incident', 'digest')),
    recipient TEXT NOT NULL,
    project TEXT,
    version_id TEXT,
    thread TEXT NOT NULL,
    owed_at TEXT NOT NULL,
    since TEXT,
    content BLOB,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at TEXT NOT NULL,
    last_error TEXT,
    sent_at TEXT,
    refused_at TEXT
) STRICT;
CREATE INDEX letters_waiting ON letters (next_attempt_at) WHERE sent_at IS NULL AND refused_at IS NULL;
CREATE INDEX letters_of_thread ON letters (thread, recipient, sent_at);
"""


@migrations()
def m001_first(db: Database) -> None:
    """Evidence (tags, mails, counts), what it folds to, and the mail that we owe."""
    # One statement at a time: executescript() would commit the migration's transaction.
    for statement in _FIRST.split(";\n"):
        if statement.strip():
            db.conn.execute(statement)


_STATIONS = """
CREATE TABLE stations (
    id INTEGER PRIMARY KEY,
    project TEXT NOT NULL,
    source TEXT NOT NULL,
    station TEXT NOT NULL CHECK (station IN ('pushed', 'listed')),
    name TEXT NOT NULL,
    key TEXT NOT NULL,
    reached_at TEXT,
    reached_offset INTEGER,
    seen_at TEXT NOT NULL,
    not_seen_at TEXT
) STRICT;
CREATE UNIQUE INDEX stations_once ON stations (project, source, station, name, key, coalesce(reached_at, ''));
"""


@migrations()
def m002_stations(db: Database) -> None:
    """What a project's site says by itself: pushes that its server took, versions that it lists."""
    for statement in _STATIONS.split(";\n"):
        if statement.strip():
            db.conn.execute(statement)


_DELAYS = """
ALTER TABLE outcomes ADD COLUMN unreachable INTEGER NOT NULL DEFAULT 0;
CREATE INDEX outcomes_by_time ON outcomes (looked_at);
CREATE INDEX outcomes_blocked ON outcomes (project, source) WHERE outcome = 'blocked';
ALTER TABLE sources ADD COLUMN begins_at TEXT;
ALTER TABLE sources ADD COLUMN alive_at TEXT;

CREATE TABLE deliveries (
    project TEXT NOT NULL,
    source TEXT NOT NULL,
    delivered_at TEXT NOT NULL,
    archived_at TEXT NOT NULL,
    PRIMARY KEY (project, source, delivered_at, archived_at)
) STRICT, WITHOUT ROWID;

CREATE TABLE delays (
    project TEXT NOT NULL,
    version_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    place TEXT NOT NULL,
    since TEXT NOT NULL,
    limit_seconds INTEGER NOT NULL,
    opened_at TEXT NOT NULL,
    raised_at TEXT,
    until TEXT,
    cause TEXT,
    ended TEXT CHECK (ended IN ('closed', 'never')),
    told INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (project, version_id, kind, place)
) STRICT;

CREATE TABLE outages (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    hosts TEXT NOT NULL,
    not_before TEXT,
    since TEXT NOT NULL,
    until TEXT,
    not_after TEXT,
    reason TEXT NOT NULL,
    told INTEGER NOT NULL DEFAULT 0
) STRICT;
"""


@migrations()
def m003_delays(db: Database) -> None:
    """What is or was late, which hosts were down, and how far each archive is known to be alive."""
    for statement in _DELAYS.split(";\n"):
        if statement.strip():
            db.conn.execute(statement)


_HELD = """
ALTER TABLE announcements ADD COLUMN held_at TEXT;
ALTER TABLE announcements ADD COLUMN held_until_at TEXT;
ALTER TABLE announcements ADD COLUMN held_seconds INTEGER;
"""


@migrations()
def m004_held(db: Database) -> None:
    """Where on its way to the list a mail waited longest."""
    for statement in _HELD.split(";\n"):
        if statement.strip():
            db.conn.execute(statement)


@migrations()
def m005_notices(db: Database) -> None:
    """What was told becomes notices; looks become runs, letters mails, and what is folded is kept as JSON."""
    complete(db.conn)
    for statement in NOTICES.split(";\n"):
        if statement.strip():
            db.conn.execute(statement)
    move(db.conn)

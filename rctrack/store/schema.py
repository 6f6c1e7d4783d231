"""The tables, as numbered migrations; a migration that has been released is never edited."""

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from rctrack.store.before_notices import move

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


_NOTICES = """
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    project TEXT NOT NULL,
    source TEXT NOT NULL,
    observer TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    first_at TEXT NOT NULL,
    last_at TEXT NOT NULL,
    looks INTEGER NOT NULL,
    pause INTEGER
) STRICT;
CREATE INDEX runs_of_source ON runs (project, source, observer, id);
CREATE INDEX runs_by_time ON runs (observer, last_at);

CREATE TABLE heads (
    id INTEGER PRIMARY KEY,
    project TEXT NOT NULL,
    source TEXT NOT NULL,
    observer TEXT NOT NULL,
    object_id TEXT NOT NULL,
    seen_at TEXT NOT NULL,
    not_seen_at TEXT,
    is_undated INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX heads_of_source ON heads (project, source, seen_at);

CREATE TABLE mail_sightings (
    mail_id INTEGER NOT NULL REFERENCES mails (id),
    observer TEXT NOT NULL,
    seen_at TEXT NOT NULL,
    not_seen_at TEXT,
    is_undated INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (mail_id, observer)
) STRICT, WITHOUT ROWID;

CREATE TABLE notices (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    revision INTEGER NOT NULL DEFAULT 0,
    project TEXT,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    phase TEXT NOT NULL,
    version_id TEXT,
    said_at TEXT NOT NULL,
    is_silent INTEGER NOT NULL CHECK (is_silent IN (0, 1)),
    facts TEXT NOT NULL,
    UNIQUE (key, revision)
) STRICT;
CREATE INDEX notices_of_project ON notices (project, said_at);
CREATE INDEX notices_by_time ON notices (said_at);

CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    message_id TEXT NOT NULL UNIQUE,
    reader TEXT NOT NULL,
    topic TEXT NOT NULL,
    project TEXT,
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
CREATE INDEX outbox_waiting ON outbox (next_attempt_at) WHERE sent_at IS NULL AND refused_at IS NULL;
CREATE INDEX outbox_of_thread ON outbox (thread, reader);
CREATE INDEX outbox_of_reader ON outbox (reader, owed_at);

CREATE TABLE outbox_notices (
    message_id TEXT NOT NULL REFERENCES outbox (message_id) ON DELETE CASCADE,
    notice_key TEXT NOT NULL,
    PRIMARY KEY (message_id, notice_key)
) STRICT;
CREATE INDEX outbox_of_notice ON outbox_notices (notice_key);

CREATE TABLE projects (
    project TEXT PRIMARY KEY,
    revision INTEGER NOT NULL DEFAULT 0,
    next_at TEXT,
    awaits_proof INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE installation (name TEXT NOT NULL, observer TEXT NOT NULL DEFAULT '') STRICT;
INSERT INTO installation (name) VALUES (lower(hex(randomblob(4))));

ALTER TABLE sources RENAME COLUMN alive_at TO newest_at;

ALTER TABLE tags ADD COLUMN observer TEXT NOT NULL DEFAULT '';
ALTER TABLE tags ADD COLUMN is_undated INTEGER NOT NULL DEFAULT 0;
DROP INDEX tags_once;
CREATE UNIQUE INDEX tags_once ON tags (project, source, observer, tag, object_id, coalesce(tagged_at, ''));
ALTER TABLE absences ADD COLUMN observer TEXT NOT NULL DEFAULT '';
ALTER TABLE absences ADD COLUMN is_undated INTEGER NOT NULL DEFAULT 0;
ALTER TABLE stations ADD COLUMN observer TEXT NOT NULL DEFAULT '';
ALTER TABLE stations ADD COLUMN is_undated INTEGER NOT NULL DEFAULT 0;
DROP INDEX stations_once;
CREATE UNIQUE INDEX stations_once ON stations
    (project, source, observer, station, name, key, coalesce(reached_at, ''));

ALTER TABLE announcements RENAME TO announcements_before;
CREATE TABLE announcements (
    mail_id INTEGER PRIMARY KEY REFERENCES mails (id),
    project TEXT NOT NULL,
    source TEXT NOT NULL,
    reading TEXT NOT NULL,
    subject TEXT GENERATED ALWAYS AS (json_extract(reading, '$.subject')) VIRTUAL,
    sender TEXT GENERATED ALWAYS AS (json_extract(reading, '$.sender')) VIRTUAL,
    versions TEXT GENERATED ALWAYS AS (json_extract(reading, '$.versions')) VIRTUAL,
    message_id TEXT GENERATED ALWAYS AS (json_extract(reading, '$.message_id')) VIRTUAL
) STRICT;
CREATE INDEX announcements_of_project ON announcements (project);

ALTER TABLE releases RENAME TO releases_before;
DROP TABLE timeline;
CREATE TABLE releases (
    project TEXT NOT NULL,
    version_id TEXT NOT NULL,
    cycle_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    release TEXT NOT NULL,
    version TEXT GENERATED ALWAYS AS (json_extract(release, '$.version')) VIRTUAL,
    cycle TEXT GENERATED ALWAYS AS (json_extract(release, '$.cycle')) VIRTUAL,
    rc INTEGER GENERATED ALWAYS AS (json_extract(release, '$.rc')) VIRTUAL,
    tag TEXT GENERATED ALWAYS AS (json_extract(release, '$.tag')) VIRTUAL,
    object_id TEXT GENERATED ALWAYS AS (json_extract(release, '$.object_id')) VIRTUAL,
    "commit" TEXT GENERATED ALWAYS AS (json_extract(release, '$.commit')) VIRTUAL,
    previous TEXT GENERATED ALWAYS AS (json_extract(release, '$.previous')) VIRTUAL,
    tagged_at TEXT GENERATED ALWAYS AS (json_extract(release, '$.tagged_at')) VIRTUAL,
    pushed_at TEXT GENERATED ALWAYS AS (json_extract(release, '$.pushed_at')) VIRTUAL,
    announced_at TEXT GENERATED ALWAYS AS (json_extract(release, '$.announced_at')) VIRTUAL,
    delivered_at TEXT GENERATED ALWAYS AS (json_extract(release, '$.delivered_at')) VIRTUAL,
    archived_at TEXT GENERATED ALWAYS AS (json_extract(release, '$.archived_at')) VIRTUAL,
    listed_at TEXT GENERATED ALWAYS AS (json_extract(release, '$.listed_at')) VIRTUAL,
    first_seen_at TEXT GENERATED ALWAYS AS (json_extract(release, '$.first_seen_at')) VIRTUAL,
    commits INTEGER GENERATED ALWAYS AS (json_extract(release, '$.commits')) VIRTUAL,
    commits_no_merges INTEGER GENERATED ALWAYS AS (json_extract(release, '$.commits_no_merges')) VIRTUAL,
    commits_announced INTEGER GENERATED ALWAYS AS (json_extract(release, '$.commits_announced')) VIRTUAL,
    authors INTEGER GENERATED ALWAYS AS (json_extract(release, '$.authors')) VIRTUAL,
    first_time_authors INTEGER GENERATED ALWAYS AS (json_extract(release, '$.first_time_authors')) VIRTUAL,
    message_id TEXT GENERATED ALWAYS AS (json_extract(release, '$.message_id')) VIRTUAL,
    url TEXT GENERATED ALWAYS AS (json_extract(release, '$.url')) VIRTUAL,
    flags TEXT GENERATED ALWAYS AS (json_extract(release, '$.flags')) VIRTUAL,
    made_at TEXT GENERATED ALWAYS AS (json_extract(release, '$.made_at')) VIRTUAL,
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

ALTER TABLE delays RENAME TO delays_before;
CREATE TABLE delays (
    project TEXT NOT NULL,
    version_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    place TEXT NOT NULL,
    since TEXT NOT NULL,
    limit_seconds INTEGER NOT NULL,
    until TEXT,
    cause TEXT,
    ended TEXT CHECK (ended IN ('closed', 'never')),
    proven_at TEXT,
    PRIMARY KEY (project, version_id, kind, place)
) STRICT;
"""


@migrations()
def m005_notices(db: Database) -> None:
    """What was told becomes notices; looks become runs, letters mails, and what is folded is kept as JSON."""
    for statement in _NOTICES.split(";\n"):
        if statement.strip():
            db.conn.execute(statement)
    move(db.conn)

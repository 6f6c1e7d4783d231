"""The tables of migration 5: notices, the outbox, runs of looks, and what is folded as JSON."""

NOTICES = """
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
ALTER TABLE absences RENAME TO absences_before;
CREATE TABLE absences (
    id INTEGER PRIMARY KEY,
    project TEXT NOT NULL,
    source TEXT NOT NULL,
    observer TEXT NOT NULL,
    tag TEXT NOT NULL,
    object_id TEXT NOT NULL,
    is_back INTEGER NOT NULL CHECK (is_back IN (0, 1)),
    seen_at TEXT NOT NULL,
    not_seen_at TEXT,
    is_undated INTEGER NOT NULL DEFAULT 0,
    UNIQUE (project, source, observer, tag, object_id, is_back, seen_at)
) STRICT;
INSERT INTO absences (id, project, source, observer, tag, object_id, is_back, seen_at, not_seen_at)
    SELECT id, project, source, '', tag, object_id, is_back, seen_at, not_seen_at FROM absences_before;
DROP TABLE absences_before;
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
ALTER TABLE timeline RENAME TO timeline_before;
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
    signature TEXT GENERATED ALWAYS AS (json_extract(release, '$.signature')) VIRTUAL,
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

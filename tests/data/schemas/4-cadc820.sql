BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'rctrack','m001_first','2026-02-02 00:00:00+00:00');
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
    url TEXT
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
CREATE TABLE outcomes (
    id INTEGER PRIMARY KEY,
    project TEXT NOT NULL,
    source TEXT NOT NULL,
    looked_at TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('good', 'failed', 'blocked')),
    reason TEXT
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
CREATE TABLE signatures (
    project TEXT NOT NULL,
    object_id TEXT NOT NULL,
    expected TEXT NOT NULL,
    signature TEXT NOT NULL,
    signer TEXT,
    checked_at TEXT NOT NULL,
    PRIMARY KEY (project, object_id, expected)
) STRICT;
CREATE TABLE sources (
    project TEXT NOT NULL,
    source TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    cursor TEXT,
    first_look_at TEXT,
    last_look_at TEXT,
    PRIMARY KEY (project, source)
) STRICT;
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
CREATE TABLE unrecognised (
    project TEXT NOT NULL,
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    subject TEXT NOT NULL,
    reason TEXT NOT NULL,
    seen_at TEXT NOT NULL,
    PRIMARY KEY (project, source, key)
) STRICT;
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE INDEX outcomes_of_source ON outcomes (project, source, looked_at);
CREATE UNIQUE INDEX tags_once ON tags (project, source, tag, object_id, coalesce(tagged_at, ''));
CREATE UNIQUE INDEX counts_once ON counts
    (project, base, "commit", coalesce(authors, -1), coalesce(first_time_authors, -1));
CREATE INDEX letters_waiting ON letters (next_attempt_at) WHERE sent_at IS NULL AND refused_at IS NULL;
CREATE INDEX letters_of_thread ON letters (thread, recipient, sent_at);
COMMIT;

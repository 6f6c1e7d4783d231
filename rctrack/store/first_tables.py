"""The tables of migration 1 as they were released, from those of a commit before that changed them in place."""

import sqlite3

_COLUMNS = {
    "counts": ("authors INTEGER", "first_time_authors INTEGER"),
    "announcements": (
        "promised TEXT", "git_url TEXT", "alternatives TEXT NOT NULL DEFAULT '[]'", "contradiction TEXT",
    ),
    "releases": ("authors INTEGER", "first_time_authors INTEGER", "signature TEXT"),
}  # fmt: skip
_TABLES = (
    "CREATE TABLE IF NOT EXISTS absences (id INTEGER PRIMARY KEY, project TEXT NOT NULL, source TEXT NOT NULL,"
    " tag TEXT NOT NULL, object_id TEXT NOT NULL, is_back INTEGER NOT NULL, seen_at TEXT NOT NULL, not_seen_at TEXT)"
    " STRICT",
    "CREATE TABLE IF NOT EXISTS signatures (project TEXT NOT NULL, object_id TEXT NOT NULL, expected TEXT NOT NULL,"
    " signature TEXT NOT NULL, signer TEXT, checked_at TEXT NOT NULL, PRIMARY KEY (project, object_id, expected))"
    " STRICT",
)
_COUNTS = (
    "ALTER TABLE counts RENAME TO counts_before",
    'CREATE TABLE counts (project TEXT NOT NULL, base TEXT NOT NULL, "commit" TEXT NOT NULL, commits INTEGER NOT NULL,'
    " commits_no_merges INTEGER NOT NULL, authors INTEGER, first_time_authors INTEGER, counted_at TEXT NOT NULL)"
    " STRICT",
    'INSERT INTO counts (project, base, "commit", commits, commits_no_merges, counted_at)'
    ' SELECT project, base, "commit", commits, commits_no_merges, counted_at FROM counts_before',
    "DROP TABLE counts_before",
    'CREATE UNIQUE INDEX counts_once ON counts (project, base, "commit", coalesce(authors, -1),'
    " coalesce(first_time_authors, -1))",
)
"""A range could be counted once, and no second time with the whole history at hand."""


def complete(connection: sqlite3.Connection) -> None:
    """Adds what the tables lack; nothing where they are as they were released."""
    for statement in _TABLES:
        connection.execute(statement)
    for table, columns in _COLUMNS.items():
        known = {name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")}
        for column in columns:
            if column.partition(" ")[0] not in known:
                connection.execute(f"ALTER TABLE {table} ADD COLUMN {column}")
    if "counts_once" not in {name for _, name, *_ in connection.execute("PRAGMA index_list(counts)")}:
        for statement in _COUNTS:
            connection.execute(statement)

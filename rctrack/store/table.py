"""What all tables have in common: queries, and rows that are added once."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from sqlite_utils import Database


class Tables:
    """Some tables of the database, on the connection of a Store."""

    def __init__(self, db: Database) -> None:
        self.db = db

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection to the database."""
        connection: sqlite3.Connection = self.db.conn
        return connection

    def query(self, sql: str, *parameters: object) -> Iterator[dict[str, Any]]:
        """The rows of a query."""
        return self.db.query(sql, parameters)

    def add(self, table: str, new: Iterable[Mapping[str, Any]], *, conflict: str = "IGNORE") -> int:
        """Inserts rows, each with the columns of the first, unless their natural key is there already; how many."""
        offered = iter(new)
        if (first := next(offered, None)) is None:
            return 0
        columns, values = (", ".join(f"{mark[0]}{name}{mark[1:]}" for name in first) for mark in ('""', ":"))
        before = self.connection.total_changes
        self.connection.executemany(
            f"INSERT OR {conflict} INTO {table} ({columns}) VALUES ({values})",  # noqa: S608 (all words of our own)
            chain([first], offered),
        )
        return self.connection.total_changes - before

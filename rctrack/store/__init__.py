"""All SQL: migrations, queries, rows <-> core types. Evidence and notices are only ever added; the rest is replaced."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database

from rctrack.core.evidence import Observer
from rctrack.store.evidence import EvidenceTables
from rctrack.store.health import HealthTables, SourceState
from rctrack.store.lock import Locked, StoreError, hold, holder
from rctrack.store.notices import NoticeTable
from rctrack.store.outbox import OutboxTables, Waiting
from rctrack.store.projection import ProjectionTables
from rctrack.store.schema import migrations

__all__ = ["Locked", "SourceState", "Store", "StoreError", "Waiting", "hold", "holder"]

_OBSERVED = ("tags", "absences", "stations", "heads", "mail_sightings", "runs")
"""The tables that name an observer."""


class Store:
    """One connection to the database; one per thread."""

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        """Opens or makes the database and brings its tables up to date; StoreError if that is impossible.

        What is not `durable` may be lost when the machine fails: a scratch database that is soon thrown away.
        """
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=30, isolation_level=None)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"{path}: cannot be used as a database: {error}") from error
        try:
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")
            self._connection.execute("PRAGMA foreign_keys = ON")
            self.db = Database(self._connection, execute_plugins=False)
            self.evidence = EvidenceTables(self.db)
            self.projection = ProjectionTables(self.db)
            self.notices = NoticeTable(self.db)
            self.outbox = OutboxTables(self.db)
            self.health = HealthTables(self.db)
            self._migrate()
        except StoreError:
            self._connection.close()
            raise
        except (sqlite3.Error, OSError) as error:
            self._connection.close()
            raise StoreError(f"{path}: cannot be used as a database: {error}") from error

    def _migrate(self) -> None:
        """Brings the tables up to date, all at once or not at all; whoever opens the database meanwhile waits."""
        if migrations.pending(self.db):
            with self.transaction():
                migrations.apply(self.db)

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is written, or nothing; other writers wait. StoreError if the disk is full, say."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise StoreError(f"{self._path}: {error}; nothing of this step was written") from error

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Everything that is read inside is of one moment, whoever writes meanwhile."""
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("ROLLBACK")

    # --- Who looks ---------------------------------------------------------------------------------

    @property
    def observer(self) -> Observer:
        """The name under which this database's own looks are kept."""
        [(name,)] = self._connection.execute("SELECT observer FROM installation")
        return Observer(name)

    def name_observer(self, name: Observer) -> None:
        """Gives the own looks another name; what others saw keeps theirs."""
        before = self.observer
        if name == before:
            return
        with self.transaction():
            for table in _OBSERVED:
                sql = f"UPDATE {table} SET observer = ? WHERE observer = ?"  # noqa: S608 (a word of our own)
                self._connection.execute(sql, (name, before))
            self._connection.execute("UPDATE installation SET observer = ?", (name,))

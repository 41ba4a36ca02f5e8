"""The database: one engine, short transactions, and clear errors when it cannot be used."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any, TypeAlias

import psycopg
import sqlalchemy
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, NoSuchModuleError, OperationalError

from sync.errors import ConfigurationError, StoreError, TooSlow
from sync.store import walls

Tx: TypeAlias = Connection
"""A connection inside a transaction."""

BUSY_TIMEOUT_MS = 30_000
MOST = 15
"""Connections of one process to PostgreSQL, kept once they are made."""

RESTED = 1.0
"""Seconds after which a connection is tried before it is used again: it may have been cut meanwhile."""

PATIENCE = 5.0
"""Seconds that a statement may take within one organisation: somebody waits for the answer."""

GROWING = "customers, tax_ids, links, sightings, conflicts, changes, planned_records, import_rows"
"""Tables of which one run may make so many rows that the planner is to know before it ends."""

LONG_PATIENCE = 600.0
"""Seconds that a statement may take which touches every record of a connection."""

_GIVEN_BACK = "concord_given_back"
_WRITES = "concord_writes"


class Database:
    """One database. Threads and processes each take their own connection from its pool."""

    patience = PATIENCE
    _organisation: str | None = None
    _joined: Tx | None = None

    def __init__(self, url: str) -> None:
        try:
            parsed = make_url(url)
        except ArgumentError as error:
            raise ConfigurationError(
                "CONCORD_DATABASE_URL is not a database URL.",
                cure="Write it as postgresql://user:password@host:5432/name or sqlite:////path/to/file.db.",
            ) from error
        if parsed.get_backend_name() == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        self.url = parsed
        self.engine = _engine(parsed)

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.engine.dialect.name

    def within(self, organisation_id: str) -> Database:
        """The same database, whose transactions see and touch this organisation alone.

        PostgreSQL holds to it by itself, should a statement forget to; see `walls.py`.
        """
        walled = copy(self)
        walled._organisation = organisation_id
        return walled

    def patient(self) -> Database:
        """The same database, for what touches all records of a connection in one statement, and rarely."""
        waiting = copy(self)
        waiting.patience = LONG_PATIENCE
        return waiting

    def joined(self, tx: Tx) -> Database:
        """The same database, whose transactions are all part of `tx`: they land when it does, or never."""
        part = copy(self)
        part._joined = tx
        return part

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        """A short write transaction: all of it lands, or nothing. Never wait for a network in it."""
        with self._begun(writes=True) as tx:
            yield tx

    @contextmanager
    def reading(self) -> Iterator[Tx]:
        """A read transaction."""
        with self._begun(writes=False) as tx:
            yield tx

    @contextmanager
    def glance(self) -> Iterator[Tx]:
        """For a select or two of somebody who waits: with as few messages to PostgreSQL as can be."""
        if self.dialect != "postgresql" or self._joined is not None:
            with self.reading() as tx:
                yield tx
            return
        with self._alone() as tx:
            if self._organisation is None:
                yield tx
                return
            walls.begin_reading(tx, self._organisation, patience=self.patience)
            try:
                yield tx
            finally:
                if not tx.invalidated:
                    tx.exec_driver_sql("ROLLBACK")  # there is nothing to keep

    @contextmanager
    def _alone(self) -> Iterator[Tx]:
        """A connection that begins and ends no transaction by itself."""
        with _clear_errors(self), self.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            yield connection

    @contextmanager
    def _begun(self, *, writes: bool) -> Iterator[Tx]:
        if self._joined is not None:
            yield self._joined
            return
        with _clear_errors(self), self.engine.connect() as connection:
            if writes:
                connection.execution_options(**{_WRITES: True})
            with connection.begin():
                if self._organisation is not None:
                    walls.raise_for(connection, self._organisation, patience=self.patience)
                yield connection

    def refresh_statistics(self) -> None:
        """Let the planner know that tables have grown; to be called while much is being inserted."""
        if self.dialect == "postgresql":
            unwalled = copy(self)  # it reads no row of anybody's, and is the owner's to do
            unwalled._organisation = None
            with unwalled.transaction() as tx:
                tx.exec_driver_sql(f"ANALYZE {GROWING}")

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()


def _engine(url: sqlalchemy.URL) -> Engine:
    backend = url.get_backend_name()
    if backend == "sqlite":
        if url.database and url.database != ":memory:":
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = sqlalchemy.create_engine(
            url, connect_args={"check_same_thread": False}, hide_parameters=True
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if backend != "postgresql":
        raise ConfigurationError(
            f"Concord keeps its records in SQLite or PostgreSQL, not in {backend}.",
            cure="Set CONCORD_DATABASE_URL to a postgresql:// or sqlite:// URL.",
        )
    try:
        engine = sqlalchemy.create_engine(
            url,
            pool_size=MOST,
            max_overflow=0,
            pool_use_lifo=True,  # whatever is busy stays warm, and is not tried anew
            connect_args={"connect_timeout": 10},
            hide_parameters=True,
        )
    except NoSuchModuleError as error:  # pragma: no cover - psycopg is one of our own dependencies
        raise ConfigurationError("The PostgreSQL driver is not installed.") from error
    event.listen(engine, "checkin", _note_rest)
    event.listen(engine, "checkout", _try_rested)
    return engine


def _note_rest(_connection: object, record: Any) -> None:
    record.info[_GIVEN_BACK] = time.monotonic()


def _try_rested(connection: Any, record: Any, _proxy: object) -> None:
    """Try a connection that has rested; the pool replaces one that is cut, before anything is asked of it."""
    if time.monotonic() - record.info.get(_GIVEN_BACK, time.monotonic()) < RESTED:
        return
    try:
        connection.autocommit = True
        connection.execute("SELECT 1")
        connection.autocommit = False
    except psycopg.Error as error:
        raise DisconnectionError from error


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we begin transactions ourselves, see _begin_sqlite
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    # A writer takes the lock at once: two transactions that read first and write later would deadlock.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _clear_errors(database: Database) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise _explained(database, error) or error from error


def _explained(database: Database, error: DBAPIError) -> StoreError | None:
    """Turn a failure of the database itself into its cause and cure; None for any other."""
    text = str(error.orig).casefold()
    place = database.url.render_as_string(hide_password=True)
    if "disk is full" in text or "no space left" in text or "disk full" in text:
        return StoreError("The disk with the database is full.", cure="Free some space and run it again.")
    if "unable to open database file" in text or "readonly database" in text:
        return StoreError(
            f"The database file cannot be opened for writing ({place}).",
            cure="Check that the folder exists and belongs to you.",
        )
    if "database is locked" in text:
        return StoreError(
            "Another process has kept the database locked for over 30 seconds.",
            cure="Stop the process that holds it, or use PostgreSQL for more than one machine.",
        )
    if database.dialect == "sqlite" and ("not a database" in text or "malformed" in text):
        return StoreError(f"The database file is damaged ({place}).", cure="Restore it from a backup.")
    if isinstance(error.orig, psycopg.errors.QueryCanceled):
        return TooSlow(
            "The database gave this up: it takes too long.",
            cure="Ask for less, by narrower conditions or in smaller parts.",
        )
    if error.connection_invalidated:
        return StoreError(
            "The connection to the database was lost.", cure="Check the server; the work can be repeated."
        )
    operational = isinstance(error, OperationalError) and "deadlock" not in text
    if database.dialect == "postgresql" and operational:
        return StoreError(
            f"The database does not answer ({place}).",
            cure="Start it, or correct CONCORD_DATABASE_URL; nothing was lost.",
        )
    return None

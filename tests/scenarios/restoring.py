"""Real backups of a real database: taken, and put back after the world went on."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psycopg
import pytest
from sqlalchemy import make_url

from sync.store import migrate
from sync.store.session import Database
from tests import servers


class Safe(Protocol):
    """Where a backup is kept."""

    database: Database

    def back_up(self) -> None:
        """Take a backup."""

    def restore(self) -> None:
        """Put the last one in the place of the database."""


@dataclass
class SqliteSafe:
    """By SQLite's own backup, which is what `.backup` of its shell does."""

    database: Database
    folder: Path

    def back_up(self) -> None:
        with sqlite3.connect(self._file) as here, sqlite3.connect(self.folder / "backup.db") as there:
            here.backup(there)
        here.close()
        there.close()

    def restore(self) -> None:
        self.database.close()
        for ending in ("", "-wal", "-shm"):
            Path(self._file + ending).unlink(missing_ok=True)
        shutil.copy(self.folder / "backup.db", self._file)

    @property
    def _file(self) -> str:
        return str(self.database.url.database)


@dataclass
class PostgresqlSafe:
    """By a copy of the whole database."""

    database: Database
    backup: str

    def back_up(self) -> None:
        self._copy(str(self.database.url.database), self.backup)

    def restore(self) -> None:
        self._copy(self.backup, str(self.database.url.database))

    def _copy(self, source: str, target: str) -> None:
        self.database.close()
        admin = make_url(os.environ[servers.DATABASE]).set(drivername="postgresql")
        with psycopg.connect(admin.render_as_string(hide_password=False), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{target}" WITH (FORCE)'.encode())
            connection.execute(f'CREATE DATABASE "{target}" TEMPLATE "{source}"'.encode())


def safe_of(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Safe]:
    """An empty database of a kind, and the safe for its backups."""
    if kind == "sqlite":
        yield SqliteSafe(request.getfixturevalue("sqlite"), tmp_path)
        return
    with servers.own_database("concord_restored") as url, servers.own_database("concord_backup") as backup:
        database = Database(url)
        migrate.upgrade(database)
        yield PostgresqlSafe(database, str(make_url(backup).database))
        database.close()

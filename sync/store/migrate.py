"""Bring a database to the schema of this code, and notice one that is newer than the code."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import func, select

from sync.errors import StoreError
from sync.store.session import Database, Tx

TURN = 7_266_237_664  # any number that nobody else locks in this database


class SchemaState(StrEnum):
    """How a database stands to this code."""

    EMPTY = "empty"
    BEHIND = "behind"
    CURRENT = "current"
    NEWER = "newer"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def schema_state(database: Database) -> SchemaState:
    """How the database stands to this code."""
    with database.reading() as tx:
        return _state(tx)


def _state(tx: Tx) -> SchemaState:
    present = MigrationContext.configure(tx).get_current_revision()
    if present is None:
        return SchemaState.EMPTY
    script = ScriptDirectory.from_config(_config())
    if present == script.get_current_head():
        return SchemaState.CURRENT
    known = {revision.revision for revision in script.walk_revisions()}
    return SchemaState.BEHIND if present in known else SchemaState.NEWER


def upgrade(database: Database) -> SchemaState:
    """Migrate to this code's schema in one transaction; returns the state it was in.

    Raises:
        StoreError: the database is newer than the code.
    """
    with database.transaction() as tx:
        _take_turns(tx)
        before = _state(tx)
        if before is SchemaState.NEWER:
            raise _newer()
        if before is not SchemaState.CURRENT:
            config = _config()
            config.attributes["connection"] = tx
            command.upgrade(config, "head")
        return before


def _take_turns(tx: Tx) -> None:
    """Processes that start at once migrate one after the other; in SQLite every writer waits anyway."""
    if tx.dialect.name == "postgresql":
        tx.execute(select(func.pg_advisory_xact_lock(TURN)))


def require_current(database: Database) -> None:
    """Stop unless the database has exactly this code's schema.

    Raises:
        StoreError: it is empty, older or newer, with the cure.
    """
    state = schema_state(database)
    if state is SchemaState.NEWER:
        raise _newer()
    if state is not SchemaState.CURRENT:
        raise StoreError(f"The database schema is {state.value}.", cure="Run: concord db upgrade")


def _newer() -> StoreError:
    return StoreError(
        "The database was made by a newer version of Concord than this one.",
        cure="Install that version (or a later one); nothing was changed.",
    )

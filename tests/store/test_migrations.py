"""The migrations make exactly the schema that the code believes in, once, and refuse a newer one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, make_url, text

from sync.errors import StoreError
from sync.store import migrate
from sync.store.migrate import SchemaState
from sync.store.schema import metadata
from sync.store.session import Database, Tx
from tests import servers
from tests.store.together import together


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path, worker_id: str) -> Iterator[Database]:
    """A database without any table."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'empty.db'}")
        yield database
        database.close()
        return
    with servers.own_database(f"concord_empty_{worker_id}") as url:
        # Two that stood in each other's way for ever would hang the tests.
        options = {"options": "-c lock_timeout=15s"}
        database = Database(make_url(url).update_query_dict(options).render_as_string(hide_password=False))
        yield database
        database.close()


def definitions(tx: Tx) -> set[str]:
    """Every table's columns, constraints and indexes, in the database's own words."""
    if tx.dialect.name == "sqlite":
        found = tx.exec_driver_sql("SELECT coalesce(sql, '') FROM sqlite_master").scalars()
        lines = {re.sub(r'[\s"]+', " ", part).strip(" )") for sql in found for part in sql.split(",")}
        return {line for line in lines if "alembic_version" not in line}
    statements = (
        "SELECT concat_ws(' ', table_name, column_name, data_type, character_maximum_length, is_nullable) "
        "FROM information_schema.columns WHERE table_schema = current_schema()",
        "SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint "
        "WHERE connamespace = current_schema()::regnamespace",
        "SELECT replace(indexdef, schemaname || '.', '') FROM pg_indexes WHERE schemaname = current_schema()",
    )
    facts = {line for each in statements for line in tx.exec_driver_sql(each).scalars()}
    return {line for line in facts if "alembic_version" not in line}


def test_they_make_the_schema_of_the_code(empty: Database) -> None:
    assert migrate.upgrade(empty) is SchemaState.EMPTY
    with empty.transaction() as tx:
        if tx.dialect.name == "postgresql":  # of functions that the code's own tables know nothing of
            tx.exec_driver_sql("DROP INDEX ix_customers_ngrams, ix_conflicts_ngrams")
        context = MigrationContext.configure(tx, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        migrated = definitions(tx)
        # What alembic does not compare: checks, and the conditions of partial indexes.
        metadata.drop_all(tx)
        metadata.create_all(tx)
        assert migrated == definitions(tx)
    assert migrate.upgrade(empty) is SchemaState.CURRENT


def test_two_that_start_at_once_migrate_once(empty: Database) -> None:
    before = together(4, lambda _number: migrate.upgrade(empty))
    assert sorted(before) == ["current", "current", "current", "empty"]
    migrate.require_current(empty)


def test_an_empty_database_is_told_how_to_be_made(empty: Database) -> None:
    with pytest.raises(StoreError, match="concord db upgrade"):
        migrate.require_current(empty)


def test_a_newer_database_is_refused_and_left_alone(empty: Database) -> None:
    migrate.upgrade(empty)
    with empty.transaction() as tx:
        tx.execute(text("DROP TABLE audit"))
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for refused in (migrate.upgrade, migrate.require_current):
        with pytest.raises(StoreError, match="newer version of Concord"):
            refused(empty)
    with empty.reading() as tx:
        assert "audit" not in inspect(tx).get_table_names()
        assert tx.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "9999"


def test_a_migration_that_fails_leaves_nothing(empty: Database) -> None:
    with empty.transaction() as tx:
        tx.execute(text("CREATE TABLE audit (id integer)"))  # stands in the way of the last table
    with pytest.raises(Exception, match="audit"):
        migrate.upgrade(empty)
    with empty.reading() as tx:
        assert inspect(tx).get_table_names() == ["audit"]

"""PostgreSQL itself keeps organisations apart, whatever a statement forgets to ask for."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import (
    BigInteger,
    Boolean,
    Executable,
    Integer,
    LargeBinary,
    Table,
    delete,
    insert,
    make_url,
    select,
    text,
    update,
)
from sqlalchemy.exc import ProgrammingError

from sync.store import billtables, bulk, hooktables, keytables, migrate, walls, worktables
from sync.store.query import rows
from sync.store.schema import metadata, organisations
from sync.store.session import Database, Tx
from sync.store.types import Exact, Json, UtcDateTime
from tests import servers
from tests.store.owners import admin, cured, drop_roles, owned_database
from tests.store.together import together

A, B = "a" * 32, "b" * 32
OWNED = [table for table in metadata.sorted_tables if table.name not in walls.KEPT_FROM]
CHANGED = [table for table in OWNED if table.name not in (*walls.READ, *walls.ADDED_TO)]
VALUES: dict[type, Any] = {
    BigInteger: 1,
    Boolean: True,
    Exact: Decimal(1),
    Integer: 1,
    Json: {},
    UtcDateTime: datetime(2026, 1, 1, tzinfo=UTC),
}

assert {module.metadata for module in (billtables, hooktables, keytables, worktables)} == {metadata}


def row(table: Table, organisation_id: str) -> dict[str, Any]:
    """A row in which every text, and so every id, is the organisation's."""
    values = {str(column.name): VALUES.get(type(column.type), organisation_id) for column in table.columns}
    values |= {
        each.name: organisation_id.encode() for each in table.columns if isinstance(each.type, LargeBinary)
    }
    return {**values, **({"side": "local"} if "side" in values else {})}


def rights(tx: Tx) -> set[tuple[str, ...]]:
    """Everything that the role may do to tables, those to come included."""
    granted = (
        "SELECT table_name, privilege_type FROM information_schema.role_table_grants "
        "WHERE grantee = %(role)s AND table_schema = current_schema()"
    )
    coming = (
        "SELECT 'to come', given.privilege_type FROM pg_default_acl, aclexplode(defaclacl) AS given "
        "WHERE given.grantee = %(role)s::regrole"
    )
    found = [tx.exec_driver_sql(each, {"role": walls.ROLE}) for each in (granted, coming)]
    return {tuple(each) for result in found for each in result}


@pytest.fixture(scope="module", params=["superuser", "owner"])
def walled(request: pytest.FixtureRequest, worker_id: str) -> Iterator[Database]:
    """A database with one row per table of each of two organisations; nothing in it may stay changed."""
    name = f"concord_walls_{worker_id}"
    made = servers.own_database(name) if request.param == "superuser" else owned_database(name)
    with made as url:
        database = Database(url)
        migrate.upgrade(database)
        if request.param == "owner":
            cured(url, database)
        with database.transaction() as tx:
            for table in metadata.sorted_tables:
                tx.execute(insert(table), [row(table, A), row(table, B)])
        yield database
        database.close()


@contextmanager
def undone(database: Database) -> Iterator[Tx]:
    """A transaction within A of which nothing stays."""
    with pytest.raises(InterruptedError), database.within(A).transaction() as tx:
        yield tx
        raise InterruptedError


def refused(tx: Tx, work: Executable | Callable[..., object], *arguments: object) -> bool:
    """PostgreSQL says that this is not allowed, whatever else may be wrong with it."""
    point = tx.begin_nested()
    with pytest.raises(ProgrammingError) as caught:
        if isinstance(work, Executable):
            tx.execute(work)
        else:
            work(tx, *arguments)
    point.rollback()
    return isinstance(caught.value.orig, psycopg.errors.InsufficientPrivilege)


def test_every_table_has_its_policy(postgresql: Database) -> None:
    """A new table gets its policy in its migration (see 0005), or stands in `walls.KEPT_FROM`."""
    statement = (
        "SELECT relname FROM pg_class JOIN pg_policy ON polrelid = pg_class.oid AND polcmd = '*' "
        "WHERE relnamespace = current_schema()::regnamespace AND relrowsecurity"
    )
    with postgresql.reading() as tx:
        walled = set(tx.exec_driver_sql(statement).scalars())
        seen = {name for name, _right in rights(tx)} - {"to come"}
    assert walled == {table.name for table in OWNED}
    assert seen == walled, "what has no policy, the role does not see"


def test_a_statement_without_a_scope_sees_its_own_organisation_alone(walled: Database) -> None:
    with undone(walled) as tx:
        for table in OWNED:
            assert rows(tx, select(table)) == [row(table, A)], table.name
        for table in CHANGED:
            key = next(iter(table.primary_key.columns))
            assert tx.execute(update(table).values({key: key})).rowcount == 1, table.name
        for table in reversed(CHANGED):
            if table.name not in ("connections", "customers", "wallets", "contracts"):
                assert tx.execute(delete(table)).rowcount == 1, table.name
    with walled.within("").reading() as tx:
        assert [rows(tx, select(table)) for table in OWNED] == [[] for _ in OWNED]


def test_a_foreign_row_can_be_neither_made_nor_taken_nor_given(walled: Database) -> None:
    with undone(walled) as tx:
        for table in OWNED:
            foreign = row(table, B)
            assert refused(tx, insert(table).values(foreign)), table.name
            assert refused(tx, bulk.insert, table, [foreign]), table.name
        for table in CHANGED:
            keys = [key.name for key in table.primary_key]
            assert refused(tx, bulk.upsert, table, keys, [row(table, B)]), table.name
            leading = [each.parent.name for each in table.foreign_keys if each.column.table in OWNED]
            given = {name: B for name in leading if name != "invoice_payer_customer_id"}
            assert refused(tx, update(table).values(given)), table.name


def test_what_was_done_and_the_ledger_can_only_be_added_to(walled: Database) -> None:
    with undone(walled) as tx:
        for name in walls.ADDED_TO:
            table = metadata.tables[name]
            tx.execute(insert(table).values({**row(table, A), "id": "new"}))
            assert refused(tx, update(table).values(actor="me"))
            assert refused(tx, delete(table))
        assert refused(tx, update(organisations).values(name="mine"))
        for name in walls.KEPT_FROM:
            assert refused(tx, select(text("1")).select_from(text(name)))


def user(tx: Tx) -> str:
    return str(tx.exec_driver_sql("SELECT current_user").scalar_one())


def test_a_worker_sees_all_and_the_wall_falls_with_its_transaction(walled: Database) -> None:
    for _ in range(3):  # the pool gives the same connection again
        for look in (walled.within(A).reading, walled.within(A).glance):
            with look() as tx:
                assert user(tx) == walls.ROLE
                assert len(rows(tx, select(organisations))) == 1
        with walled.reading() as tx:
            assert user(tx) != walls.ROLE
            assert [len(rows(tx, select(table))) for table in metadata.sorted_tables] == [2] * len(
                metadata.sorted_tables
            )
    with walled.reading() as tx:
        assert walls.standing(tx).holds


def test_a_part_of_a_walled_transaction_is_walled(walled: Database) -> None:
    with walled.within(A).reading() as tx, walled.joined(tx).reading() as part:
        assert len(rows(part, select(organisations))) == 1


def test_a_user_who_may_make_roles_needs_no_administrator(
    worker_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"concord_maker_{worker_id}"
    monkeypatch.setattr(walls, "ROLE", f"{name}_api")
    with owned_database(name, rights="CREATEROLE") as url:
        database = Database(url)
        migrate.upgrade(database)
        with database.transaction() as tx:
            assert walls.standing(tx).holds
            tx.execute(insert(organisations), [row(organisations, A), row(organisations, B)])
        with database.within(A).reading() as tx:
            assert len(rows(tx, select(organisations))) == 1
        database.close()
    drop_roles(os.environ[servers.DATABASE], walls.ROLE)


def test_without_the_role_everything_works_and_the_cure_makes_what_the_migration_would(
    worker_id: str, monkeypatch: pytest.MonkeyPatch, postgresql: Database
) -> None:
    with postgresql.reading() as tx:
        wanted = rights(tx)
    name = f"concord_roleless_{worker_id}"
    monkeypatch.setattr(walls, "ROLE", f"{name}_api")
    with owned_database(name) as url:
        database = Database(url)
        migrate.upgrade(database)
        with database.within(A).transaction() as tx:
            assert not walls.raised(tx)
            bulk.insert(tx, organisations, [row(organisations, A), row(organisations, B)])
        with database.reading() as tx:
            found = walls.standing(tx)
        assert not found.holds
        assert "does not exist" in found.reason
        cured(url, database)
        with database.reading() as tx:
            assert walls.standing(tx).holds
            assert rights(tx) == wanted
        with database.within(A).reading() as tx:
            assert len(rows(tx, select(organisations))) == 1
        database.close()
    drop_roles(os.environ[servers.DATABASE], walls.ROLE)


def test_the_page_shows_the_administrator_the_same_statements() -> None:
    page = (Path(__file__).parents[2] / "docs" / "security.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^```sql\n(.*?)^```$", page, re.M | re.S)
    told = walls.cure(user="concord", owner="concord", schema="public", there=False, modern=True)
    assert re.sub(r"--.*$", "", shown, flags=re.M).split() == told.replace('"', "").split()


def test_a_user_who_does_not_own_the_tables_is_told_that_it_sees_nothing(
    worker_id: str, postgresql: Database, postgresql_url: str
) -> None:
    name = f"concord_stranger_{worker_id}"
    with admin(postgresql_url) as connection:
        role = sql.Identifier(name)
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'walls'").format(role))
        connection.execute(sql.SQL("GRANT ALL ON ALL TABLES IN SCHEMA public TO {}").format(role))
    url = make_url(postgresql_url).set(username=name, password="walls")
    database = Database(url.render_as_string(hide_password=False))
    try:
        with postgresql.transaction() as tx:
            tx.execute(insert(organisations), [row(organisations, A)])
        with database.reading() as tx:
            found = walls.standing(tx)
            assert rows(tx, select(organisations)) == []
        assert found.blind
        assert not found.holds
        cured(postgresql_url, database)
        with database.reading() as tx:
            assert len(rows(tx, select(organisations))) == 1
            assert not walls.standing(tx).blind
    finally:
        database.close()
        with admin(postgresql_url) as connection:
            connection.execute(sql.SQL("DROP OWNED BY {}").format(role))
        drop_roles(postgresql_url, name)


def test_databases_of_one_cluster_make_the_role_at_the_same_moment(
    worker_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Roles belong to the cluster; what keeps one database's migrations apart does not hold there."""
    name = f"concord_crowd_{worker_id}"
    monkeypatch.setattr(walls, "ROLE", f"{name}_api")
    script = ScriptDirectory.from_config(migrate._config())
    make_role = str(script.get_revision("0005").module.MAKE_ROLE)
    with owned_database(name, rights="CREATEROLE") as url:

        def make(_number: int) -> bool:
            with psycopg.connect(url) as connection:
                connection.execute(make_role.encode())
                found = connection.execute(
                    "SELECT pg_has_role(session_user, %s, 'SET')", [walls.ROLE]
                ).fetchone()
            return bool(found and found[0])

        for _ in range(5):
            assert together(6, make) == [True] * 6
            drop_roles(url, walls.ROLE)

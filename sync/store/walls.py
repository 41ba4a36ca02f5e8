"""The second wall between organisations: row-level security of PostgreSQL, beneath what statements ask for.

Transactions of the API run in a role that sees the rows of one organisation alone. Workers, who serve all
organisations, stay what they are: the owner of the tables, whom the policies do not bind.

Every table with an organisation's rows has a policy; a migration that adds a table adds its policy, as 0005
does. Where the role could not be made the API's statements are the only wall, and `standing` says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

from psycopg import sql
from sqlalchemy.engine import Connection

ROLE = "concord_api"
SETTING = "concord.organisation"
POLICY = "own_organisation"
KEPT_FROM = (
    "alembic_version",
    "api_keys",
    "api_key_organisations",
    "users",
    "user_roles",
    "web_sessions",
)
"""Tables that the role does not see at all."""

READ = ("organisations",)
ADDED_TO = ("audit", "wallet_entries")
"""What was done, and the ledger: the role can add rows, and change none."""

_RAISED = "concord_walled"


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether the wall holds; if not, why, and what an administrator has to run in this database.

    `blind`: this user is bound by the policies itself, so that a worker of it would see no rows at all.
    """

    holds: bool
    reason: str = ""
    statements: str = ""
    blind: bool = False


def raise_for(tx: Connection, organisation_id: str, *, patience: float) -> None:
    """Let the rest of a transaction see one organisation alone, and each statement take so many seconds.

    SQLite has neither wall nor limit.
    """
    if tx.dialect.name != "postgresql":
        return
    found = tx.exec_driver_sql(
        "SELECT set_config(%(setting)s, %(id)s, true), (SELECT set_config('role', rolname, true) "
        "FROM pg_catalog.pg_roles WHERE rolname = %(role)s AND pg_has_role(session_user, oid, %(right)s)), "
        "set_config('statement_timeout', %(patience)s, true)",
        {
            "role": ROLE,
            "setting": SETTING,
            "id": organisation_id,
            "right": _right(tx),
            "patience": f"{round(patience * 1_000)}ms",
        },
    )
    if found.one()[1] is not None:
        tx.execution_options(**{_RAISED: True})


def begin_reading(tx: Connection, organisation_id: str, *, patience: float) -> None:
    """As `raise_for`, and begin the transaction, too, by one message: whoever reads waits for each.

    `tx` is a connection to PostgreSQL that leaves transactions to its user, who ends this one.
    """
    text = _beginning(ROLE, organisation_id, patience, _right(tx))
    tx.exec_driver_sql(text, execution_options={"no_parameters": True})  # with any it could be one alone


@lru_cache(maxsize=1_024)
def _beginning(role: str, organisation_id: str, patience: float, right: str) -> str:
    template = sql.SQL(
        "BEGIN READ ONLY; "
        "SELECT set_config({setting}, {id}, true), (SELECT set_config('role', rolname, true) "
        "FROM pg_catalog.pg_roles WHERE rolname = {role} AND pg_has_role(session_user, oid, {right})), "
        "set_config('statement_timeout', {patience}, true)"
    )
    timeout = f"{round(patience * 1_000)}ms"
    told = template.format(setting=SETTING, id=organisation_id, role=role, right=right, patience=timeout)
    return told.as_string(None)


@contextmanager
def lowered(tx: Connection) -> Iterator[None]:
    """For statements that the role may not make, and that name the organisation by themselves."""
    if raised(tx):
        tx.exec_driver_sql("SELECT set_config('role', 'none', true)")
    yield  # after a failure the transaction is rolled back, and the role with it
    if raised(tx):
        tx.exec_driver_sql("SELECT set_config('role', %(role)s, true)", {"role": ROLE})


def wait_longer(tx: Connection, seconds: float) -> None:
    """Let the statements of this transaction take longer than those that somebody waits for."""
    if raised(tx):
        patience = {"patience": f"{round(seconds * 1_000)}ms"}
        tx.exec_driver_sql("SELECT set_config('statement_timeout', %(patience)s, true)", patience)


def raised(tx: Connection) -> bool:
    """Whether this transaction is in the role that sees one organisation alone."""
    return bool(tx.get_execution_options().get(_RAISED, False))


def _right(tx: Connection) -> str:
    """What it takes to change into a role: since PostgreSQL 16 membership alone is not enough."""
    return "SET" if (tx.dialect.server_version_info or (0,)) >= (16,) else "MEMBER"


def standing(tx: Connection) -> Standing:
    """How the wall stands for this user of this database. The tables must be there."""
    if tx.dialect.name != "postgresql":
        return Standing(holds=True)
    facts = tx.exec_driver_sql(
        "SELECT row_security_active(own.oid), session_user::text, pg_get_userbyid(own.relowner)::text, "
        "own.relnamespace::regnamespace::text, api.oid IS NOT NULL AS there, "
        "pg_has_role(session_user, api.oid, %(right)s) AS mine, "
        "has_schema_privilege(api.oid, own.relnamespace, 'USAGE') "
        "AND has_table_privilege(api.oid, own.oid, 'SELECT') "
        "AND has_table_privilege(api.oid, own.oid, 'DELETE') AS may "
        "FROM pg_catalog.pg_class AS own LEFT JOIN pg_catalog.pg_roles AS api ON api.rolname = %(role)s "
        "WHERE own.oid = 'customers'::regclass",
        {"role": ROLE, "right": _right(tx)},
    )
    blind, user, owner, schema, there, mine, may = facts.one()
    if blind:
        return Standing(
            holds=False,
            reason=f"The user {user} does not own the tables, so PostgreSQL shows it none of their rows.",
            statements=_statement("ALTER ROLE {} BYPASSRLS", user) + ";",
            blind=True,
        )
    if mine and may:
        return Standing(holds=True)
    why = "cannot be used by this user" if there else "does not exist"
    return Standing(
        holds=False,
        reason=f"The role {ROLE} {why}: what the API asks for is the only wall between organisations.",
        statements=cure(user=user, owner=owner, schema=schema, there=there, modern=_right(tx) == "SET"),
    )


def cure(*, user: str, owner: str, schema: str, there: bool, modern: bool) -> str:
    """What makes the role and gives it what migration 0005 would have.

    Args:
        user: whom Concord connects as.
        owner: of the tables.
        schema: that they stand in.
        there: whether the role exists.
        modern: whether this is PostgreSQL 16 or newer.
    """
    rights = "SELECT, INSERT, UPDATE, DELETE"
    options = " WITH INHERIT FALSE, SET TRUE" if modern else ""
    lines = [] if there else [_statement("CREATE ROLE {} NOLOGIN", ROLE)]
    lines += [
        _statement("GRANT {} TO {}", ROLE, user) + options,
        _statement("GRANT USAGE ON SCHEMA {} TO {}", schema, ROLE),
        _statement(f"GRANT {rights} ON ALL TABLES IN SCHEMA {{}} TO {{}}", schema, ROLE),
        _statement(
            f"ALTER DEFAULT PRIVILEGES FOR ROLE {{}} IN SCHEMA {{}} GRANT {rights} ON TABLES TO {{}}",
            owner,
            schema,
            ROLE,
        ),
    ]
    for taken, tables in (("ALL", KEPT_FROM), ("INSERT, UPDATE, DELETE", READ), ("UPDATE, DELETE", ADDED_TO)):
        places = ", ".join("{}.{}" for _ in tables)
        names = [part for table in tables for part in (schema, table)]
        lines.append(_statement(f"REVOKE {taken} ON {places} FROM {{}}", *names, ROLE))
    return "; ".join(lines) + ";"


def _statement(template: str, *names: str) -> str:
    return sql.SQL(template).format(*map(sql.Identifier, names)).as_string(None)

"""PostgreSQL itself keeps organisations apart, whatever a statement forgets to ask for."""

from __future__ import annotations

from sync.store import walls
from sync.store.schema import metadata
from sync.store.session import Database


def test_every_table_has_its_policy(postgresql: Database) -> None:
    """A new table needs one in its migration (see 0005), or a place in `walls.KEPT_FROM`."""
    with postgresql.reading() as tx:
        statement = (
            "SELECT relname FROM pg_class JOIN pg_policy ON polrelid = pg_class.oid AND polcmd = '*' "
            "WHERE relnamespace = current_schema()::regnamespace AND relrowsecurity"
        )
        walled = set(tx.exec_driver_sql(statement).scalars())
        seen = set(
            tx.exec_driver_sql(
                "SELECT table_name FROM information_schema.role_table_grants WHERE grantee = %(role)s "
                "AND table_schema = current_schema()",
                {"role": walls.ROLE},
            ).scalars()
        )
    assert walled == set(metadata.tables) - set(walls.KEPT_FROM)
    assert seen == walled, "what has no policy, the role does not see"

"""The second wall between organisations: row-level security of PostgreSQL, beneath what statements ask for.

Transactions of the API run in a role that sees the rows of one organisation alone. Workers, who serve all
organisations, stay what they are: the owner of the tables, whom the policies do not bind.
"""

from __future__ import annotations

from sqlalchemy.engine import Connection

ROLE = "concord_api"
SETTING = "concord.organisation"


def raise_for(tx: Connection, organisation_id: str) -> None:
    """Let the rest of a transaction see one organisation alone. SQLite has no such wall."""
    if tx.dialect.name == "postgresql":
        tx.exec_driver_sql(
            "SELECT set_config('role', %(role)s, true), set_config(%(setting)s, %(id)s, true)",
            {"role": ROLE, "setting": SETTING, "id": organisation_id},
        )

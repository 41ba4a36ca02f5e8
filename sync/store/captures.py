"""Where the listening to a connection's stream of changes goes on."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from sync.store.session import Tx
from sync.store.types import db_now
from sync.store.worktables import captures


def position(tx: Tx, connection_id: str) -> bytes | None:
    """As it was kept last; None: from now on."""
    found = tx.execute(select(captures.c.position).where(captures.c.connection_id == connection_id)).scalar()
    return bytes(found) if found else None


def keep(tx: Tx, connection_id: str, position: bytes | None) -> None:
    """Go on from here the next time; None forgets the position."""
    insert = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
    made = insert(captures).values(connection_id=connection_id, position=position, heard_at=db_now())
    tx.execute(
        made.on_conflict_do_update(
            index_elements=[captures.c.connection_id],
            set_={"position": made.excluded.position, "heard_at": made.excluded.heard_at},
        )
    )

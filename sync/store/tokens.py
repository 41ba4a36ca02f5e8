"""The access token of a connection, sealed, and who is fetching the next one.

Whoever renews it holds the row for `HELD` seconds of the database's clock under the number that it has. Every
change of the token or of the credentials raises the number: what was fetched under an older one is not kept.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from sync.store.query import Row, first
from sync.store.schema import connections
from sync.store.session import Tx
from sync.store.types import db_now, later
from sync.store.worktables import tokens

HELD = 60.0


def find(tx: Tx, connection_id: str) -> Row | None:
    """The connection's row, with the database's clock as `now`; None before the first token."""
    return first(tx, select(tokens, db_now().label("now")).where(tokens.c.connection_id == connection_id))


def claim(tx: Tx, connection_id: str, number: int | None) -> bool:
    """Hold the row for renewing; False if another does, or if it is not at this number any more.

    Args:
        tx: a write transaction.
        connection_id: whose token.
        number: as read; None if there was no row.
    """
    if number is None:
        dialect = postgresql if tx.dialect.name == "postgresql" else sqlite
        row = {"connection_id": connection_id, "number": 0, "renewing_until": later(HELD)}
        made = dialect.insert(tokens).values(row).on_conflict_do_nothing().returning(tokens.c.number)
        return tx.execute(made).first() is not None
    held = or_(tokens.c.renewing_until.is_(None), tokens.c.renewing_until <= db_now())
    changed = update(tokens).where(_at(connection_id, number), held).values(renewing_until=later(HELD))
    return bool(tx.execute(changed).rowcount)


def release(tx: Tx, connection_id: str, number: int) -> None:
    """Let another try, because nothing could be fetched."""
    tx.execute(update(tokens).where(_at(connection_id, number)).values(renewing_until=None))


def keep(tx: Tx, connection_id: str, number: int, *, sealed: str, seconds: float | None) -> bool:
    """Store a token that was fetched under this number; False if it came too late.

    Args:
        tx: a write transaction.
        connection_id: whose token.
        number: what the row was claimed under.
        sealed: the token.
        seconds: for how long it counts as good; None for as long as the CRM takes it.
    """
    changed = (
        update(tokens)
        .where(_at(connection_id, number))
        .values(
            sealed=sealed,
            expires_at=None if seconds is None else later(seconds),
            number=number + 1,
            renewing_until=None,
        )
    )
    return bool(tx.execute(changed).rowcount)


def forget(tx: Tx, connection_id: str) -> None:
    """Drop the token, and let none be kept that is being fetched now: credentials or URL have changed."""
    tx.execute(
        update(tokens)
        .where(tokens.c.connection_id == connection_id)
        .values(sealed=None, expires_at=None, number=tokens.c.number + 1, renewing_until=None)
    )


def credentials(tx: Tx, connection_id: str, *, lock: bool = False) -> Row | None:
    """`credentials` (sealed) and `url` of the connection as they are now; None if it was removed."""
    mine = select(connections.c.credentials, connections.c.url).where(connections.c.id == connection_id)
    return first(tx, mine.with_for_update(key_share=True) if lock else mine)


def _at(connection_id: str, number: int) -> ColumnElement[bool]:
    return (tokens.c.connection_id == connection_id) & (tokens.c.number == number)

"""Which connections have yet to be compared after a restore, and which links are believed again then."""

from __future__ import annotations

from sqlalchemy import Text, exists, not_, select, type_coerce, update

from sync.core.match import EVERY
from sync.store.connections import RESTORED, ConnectionState
from sync.store.schema import conflicts, connections, links
from sync.store.session import Tx


def under_way(tx: Tx, organisation_id: str) -> bool:
    """Whether connections of an organisation were not yet compared with it since it was restored.

    Those that cannot be, as they are paused or not let in, do not count.
    """
    waiting = (
        connections.c.organisation_id == organisation_id,
        connections.c.first_sync == RESTORED,
        connections.c.state.not_in([ConnectionState.PAUSED, ConnectionState.AUTH_FAILED]),
    )
    return tx.execute(select(connections.c.id).where(*waiting).limit(1)).first() is not None


def believe_compared(tx: Tx, organisation_id: str) -> None:
    """Once all connections were compared since a restore: nothing is doubted but what is asked or dirty."""
    if not under_way(tx, organisation_id):
        every = type_coerce(links.c.doubted, Text).contains(f'"{EVERY}"')
        asked = exists().where(
            conflicts.c.connection_id == links.c.connection_id,
            conflicts.c.customer_id == links.c.customer_id,
            conflicts.c.state == "open",
        )
        mine = (links.c.organisation_id == organisation_id, every, links.c.dirty_at.is_(None), not_(asked))
        tx.execute(update(links).where(*mine).values(doubted=None))

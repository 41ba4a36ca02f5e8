"""The inbox: every event that a CRM announced, once per connection."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy.dialects import postgresql, sqlite

from sync.store.session import Tx
from sync.store.types import db_now
from sync.store.worktables import inbox


@dataclass(frozen=True, slots=True)
class Announced:
    """An event as a CRM announced it: the record `ref` of a connection may have changed."""

    connection_id: str
    event: str
    ref: str = field(compare=False)
    organisation_id: str = field(kw_only=True, compare=False)


def add(tx: Tx, announced: Iterable[Announced]) -> set[Announced]:
    """Keep events; returns those that were not there yet."""
    by_key = {(each.connection_id, each.event): each for each in announced}
    if not by_key:
        return set()
    insert = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
    statement = (
        insert(inbox)
        .values(received_at=db_now())
        .on_conflict_do_nothing()
        .returning(inbox.c.connection_id, inbox.c.event)
    )
    # In one order, so that two deliveries of the same events wait for each other in turn.
    made = [
        {"connection_id": connection_id, "event": event, "ref": by_key[connection_id, event].ref}
        for connection_id, event in sorted(by_key)
    ]
    return {by_key[row.connection_id, row.event] for row in tx.execute(statement, made)}

"""The tick: asks for what is due, and wakes a worker. Any number of tickers may run."""

from __future__ import annotations

from sqlalchemy import exists, select

from sync.create import missing_on
from sync.services import Services
from sync.store import connections, jobs, links, schedules
from sync.store.connections import ConnectionState
from sync.store.schema import customers
from sync.store.session import Tx

DEFAULT_EVERY = 60


def tick(services: Services) -> bool:
    """Turn due schedules and pending changes into jobs; True if there is work to wake somebody for."""
    with services.database.transaction() as tx:
        for slot in schedules.take_due(tx):
            jobs.ask(
                tx,
                organisation_id=slot["organisation_id"],
                connection_id=slot["connection_id"],
                kind=slot["kind"],
            )
        for connection in connections.listing(tx):
            if connection.state is ConnectionState.ACTIVE and _has_to_push(tx, connection):
                jobs.ask(
                    tx,
                    organisation_id=connection.organisation_id,
                    connection_id=connection.id,
                    kind="push",
                )
        return bool(jobs.due(tx, limit=1))


def _has_to_push(tx: Tx, connection: connections.StoredConnection) -> bool:
    if links.count_dirty(tx, connection.id)[0]:
        return True
    missing = missing_on(connection.organisation_id, connection.id)
    return bool(tx.execute(select(exists(select(customers.c.id).where(missing)))).scalar_one())

from __future__ import annotations

import pytest

from sync.store import connections
from sync.store.connections import ConnectionState
from sync.store.session import Database
from tests.world import World


@pytest.fixture
def world(database: Database) -> World:
    """One organisation with one active connection `crm`, on SQLite and on PostgreSQL."""
    made = World(database)
    made.connect()
    with database.transaction() as tx:
        connections.set_state(tx, made.ids["crm"], ConnectionState.ACTIVE)
    return made

from __future__ import annotations

import pytest

from sync.store.session import Database
from tests.world import World


@pytest.fixture
def world(database: Database) -> World:
    """An empty world, on SQLite and on PostgreSQL."""
    return World(database)

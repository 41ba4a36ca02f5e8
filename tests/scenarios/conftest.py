from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.store.session import Database
from tests.scenarios.restoring import Safe, safe_of
from tests.world import World


@pytest.fixture
def world(database: Database) -> World:
    """An empty world, on SQLite and on PostgreSQL."""
    return World(database)


@pytest.fixture(params=["sqlite", "postgresql"])
def safe(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Safe]:
    """An empty database of each kind that can be backed up and put back."""
    yield from safe_of(request.param, request, tmp_path)

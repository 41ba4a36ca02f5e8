"""A connection whose credentials cannot be opened is tried again after pauses that grow, and loses no job."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select, update

from connectors.memory import KEY, MAPPING
from connectors.memory_crm import shared_crm
from sync import connect
from sync.clock import new_id
from sync.rules import parse_settings
from sync.services import Services
from sync.settings import Settings
from sync.store import connections, jobs
from sync.store.jobs import MAX_ATTEMPTS, Wanted
from sync.store.query import now, rows
from sync.store.session import Database
from sync.store.worktables import jobs as table
from tasks import wiring
from tasks.jobs import drain

RIGHT, WRONG = "r" * 40, "w" * 40
URL = "memory://unopened"
SLOW = 4  # attempts after which a pause is longer than a slow machine needs for a look


def services(database: Database, key: str) -> Services:
    url = SecretStr(database.url.render_as_string(hide_password=False))
    return wiring.build(Settings(database_url=url, secret_key=SecretStr(key)), database=database)


@pytest.fixture
def connection_id(database: Database) -> Iterator[str]:
    """An active connection with a pull, a push and a hint that are due."""
    with database.transaction() as tx:
        organisation_id = connections.organisation(tx, "default")
    settings = Settings(secret_key=SecretStr(RIGHT))
    made = connect.add(
        database,
        wiring.open_seal(settings),
        organisation_id,
        name="crm",
        connector="memory",
        url=URL,
        credentials={"token": new_id()},
        settings=parse_settings(
            {"external_id": KEY, "map": [{"field": line.field, "crm": line.crm} for line in MAPPING]}
        ),
        actor="test",
        every=3_600,
    )
    ref = shared_crm(URL).create({KEY: new_id(), "name": "Anna"})
    with database.transaction() as tx:
        connections.set_columns(tx, made, state="active", first_sync="done")
        wanted = [("pull", ""), ("push", ""), ("fetch", ref)]
        jobs.ask_for(tx, [Wanted(made, kind, key, organisation_id=organisation_id) for kind, key in wanted])
    yield made
    gc.unfreeze()  # what `wiring.build` froze for a short-lived process


def stored(database: Database) -> list[Any]:
    with database.reading() as tx:
        return rows(tx, select(table).where(table.c.state != "done"))


def test_a_wrong_secret_key_is_told_once_a_pause_and_the_pauses_grow(
    database: Database, connection_id: str
) -> None:
    wrong = services(database, WRONG)
    told: list[Mapping[str, Any]] = []
    waits: list[float] = []
    for attempt in range(1, MAX_ATTEMPTS + 3):
        drain(wrong, told.append)
        if attempt > SLOW:
            drain(wrong, told.append)
        assert len(told) == attempt, "what waits is not tried by the next tick"
        with database.transaction() as tx:
            found = rows(tx, select(table))
            assert {row["state"] for row in found} == {"open"}
            assert {row["last_error"] for row in found} == {"ConfigurationError"}
            waits.append(min((row["not_before"] - now(tx)).total_seconds() for row in found))
            tx.execute(update(table).values(not_before=table.c.created_at))
    assert "CONCORD_SECRET_KEY" in told[0]["reason"]
    assert all(later > earlier * 1.3 for earlier, later in pairwise(waits[SLOW:8]))
    assert 200 < waits[-1] <= 300

    drain(services(database, RIGHT), told.append)
    assert stored(database) == [], "with the right key all of it is done"

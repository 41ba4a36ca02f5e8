"""An order that kills its workers is given up, and its run says so."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from sync.orders import place
from sync.steps import Order
from sync.store import jobs, runs
from sync.store.jobs import MAX_ATTEMPTS
from sync.store.worktables import jobs as table
from tasks.jobs import drain
from tests.world import World


def test_an_order_that_costs_one_worker_after_the_other_its_life_is_given_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def dies(*_given: object) -> None:
        raise Killed

    run = place(world.database, world.connection(), Order(kind="plan", trigger="manual", actor="a", dry=True))
    monkeypatch.setattr("sync.orders._do", dies)
    for _ in range(MAX_ATTEMPTS):
        with pytest.raises(Killed):
            drain(world.services, world.events.append)
        with world.database.transaction() as tx:
            tx.execute(update(table).values(not_before=table.c.created_at))
    drain(world.services, world.events.append)
    with world.database.reading() as tx:
        (dead,) = jobs.dead(tx, world.organisation_id)
        ended = runs.find(tx, world.organisation_id, run)
    assert dead["key"] == run
    assert (ended["state"], ended["reason"]) == ("failed", dead["last_error"])

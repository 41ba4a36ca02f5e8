"""An order that kills its workers is given up, and its run says so; a run that never began is closed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from sync import orders as ordering
from sync.errors import Conflicted
from sync.orders import place
from sync.steps import Order
from sync.store import connections, jobs, orders, runs
from sync.store.jobs import MAX_ATTEMPTS
from sync.store.query import now
from sync.store.worktables import jobs as table
from tasks.jobs import drain
from tests.store.test_runs import start
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


def test_a_run_whose_process_was_gone_before_it_began_is_closed_and_asked_for_again(world: World) -> None:
    gone, fresh, failed = start(world), start(world), start(world)
    with world.database.transaction() as tx:
        runs.finish(tx, failed, "failed", reason="x")
        runs.finish(tx, fresh, "done")
        runs.save(tx, gone, started_at=now(tx) - timedelta(hours=2))
        connections.set_state(tx, world.ids["crm"], connections.ConnectionState.ACTIVE)
    again = ordering.again(world.database, world.organisation_id, failed, actor="test")
    with pytest.raises(Conflicted, match="asked for again already"):
        ordering.again(world.database, world.organisation_id, failed, actor="test")
    with world.database.transaction() as tx:
        assert orders.abandon(tx, world.ids["crm"], kinds=["sync"], but="") == 1
        assert runs.find(tx, world.organisation_id, gone)["state"] == "failed"
        assert runs.find(tx, world.organisation_id, again)["state"] == "queued"
        assert orders.abandon(tx, world.ids["crm"], kinds=["sync"], but="") == 0

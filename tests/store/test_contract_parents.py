"""A contract that bills the parent customer, over both databases: the parent stays while it runs."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from sqlalchemy import text

from sync.errors import BadInput
from sync.loading import load
from sync.store import contracts as store
from sync.store import customers
from sync.store.query import now
from sync.store.session import Database
from tests.scenarios.importing import reasons, take
from tests.store.contracting import change, delete, end, make, moment
from tests.world import World

NO_PARENT = {"bill_parent_customer": "the customer has no parent customer to bill"}


@pytest.mark.parametrize("written", ["plain", "dashed", "shouted"])
def test_a_parent_who_is_billed_can_neither_go_nor_be_changed(world: World, written: str) -> None:
    parent, other = world.add("P"), world.add("O")
    dashed = str(UUID(parent))
    name = {"plain": parent, "dashed": dashed, "shouted": dashed.upper()}[written]
    child = world.add("C", parent_customer_id=name)
    made = make(world, child, bill_parent_customer=True)
    with pytest.raises(BadInput, match=r"1 contract that is active, paused or disputed, as .* parent"):
        world.delete(parent)
    for assignment in (f"parent_customer_id={other}", "parent_customer_id="):
        with pytest.raises(BadInput) as refused:
            world.change(child, assignment)
        assert refused.value.fields == {
            "parent_customer_id": "cannot be changed while contracts that run bill the parent customer"
        }
    world.change(child, f"parent_customer_id={parent}", "phone_number=+1-555-0101")
    change(world, made, bill_parent_customer=False)
    world.change(child, f"parent_customer_id={other}")
    world.delete(parent)
    change(world, made, bill_parent_customer=True)
    with pytest.raises(BadInput):
        world.delete(other)
    delete(world, made)
    world.change(child, "parent_customer_id=")
    world.delete(other)


@pytest.mark.parametrize("over", ["draft", "expired"])
def test_a_contract_that_does_not_run_holds_no_parent(world: World, over: str) -> None:
    parent, other = world.add("P"), world.add("O")
    child = world.add("C", parent_customer_id=parent)
    status = "draft" if over == "draft" else "active"
    made = make(world, child, bill_parent_customer=True, status=status)
    if over == "expired":
        end(world, made, moment(world, -1))
    world.change(child, f"parent_customer_id={other}")
    world.delete(parent)
    world.delete(other)
    if over == "draft":
        with pytest.raises(BadInput) as refused:
            change(world, made, status="active")
        assert refused.value.fields == NO_PARENT


def test_a_contract_counts_once_for_a_parent_who_is_its_payer_too(world: World) -> None:
    parent = world.add("P")
    child = world.add("C", parent_customer_id=parent)
    make(world, child, bill_parent_customer=True, invoice_payer_customer_id=parent)
    make(world, child)
    with world.database.reading() as tx:
        at = now(tx)
        counts = [store.count_running(tx, world.organisation_id, each, at) for each in (parent, child)]
        assert counts == [1, 2]
        assert store.held_to_parents(tx, world.organisation_id, [child], at) == {child}


def test_no_file_changes_a_parent_who_is_billed(world: World) -> None:
    parent, other = world.add("P"), world.add("O")
    child = world.add("C", parent_customer_id=parent)
    made = make(world, child, bill_parent_customer=True)
    table = f"external_id,parent_customer_id,phone_number\nC,{other},+1-555-0101\n"
    held = "cannot be changed while contracts that run bill the parent customer"
    assert reasons(world, take(world, table)) == {2: ("parent_customer_id", held)}
    line = f'{{"external_id":"C","customer_name":"C","parent_customer_id":"{other}"}}'.encode()
    report = load(world.database, world.organisation_id, [line], actor="test", progress=lambda _report: None)
    assert report.rejected == [{"line": 1, "field": "parent_customer_id", "reason": held}]
    change(world, made, bill_parent_customer=False)
    assert reasons(world, take(world, table)) == {}


def waiting(database: Database) -> bool:
    """Whether a transaction waits for another one's lock."""
    statement = text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"
    )
    with database.reading() as tx:
        return bool(tx.execute(statement).scalar_one())


def test_a_contract_waits_for_a_parent_who_is_being_deleted(postgresql: Database) -> None:
    world = World(postgresql)
    parent = world.add("P")
    child = world.add("C", parent_customer_id=parent)
    with ThreadPoolExecutor(1) as pool:
        with postgresql.transaction() as tx:
            customers.load(tx, world.organisation_id, customers.by_ids([parent]), lock=True)
            customers.soft_delete(tx, [parent], now(tx))
            making = pool.submit(make, world, child, bill_parent_customer=True)
            patience = time.monotonic() + 20
            while not making.done() and not waiting(postgresql):
                assert time.monotonic() < patience
                time.sleep(0.01)
        with pytest.raises(BadInput) as refused:
            making.result()
    assert refused.value.fields == NO_PARENT

"""Contracts as they change, over both databases, and what they keep from changing."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from connectors.memory import KEY
from sync.errors import BadInput, VersionMoved
from sync.store.billtables import contracts as table
from sync.store.billtables import phases
from sync.store.session import Database
from tests.store.contracting import (
    PHASE,
    change,
    delete,
    end,
    get,
    make,
    moment,
)
from tests.store.together import together
from tests.world import World


def test_a_change_moves_the_version_and_nothing_moves_it_twice(world: World) -> None:
    made = make(world, world.add())
    found = change(world, made, version=1, name="New", tags=["x"], end_date="2999-01-01")
    row = found.stored.row
    assert (row["name"], row["tags"], row["version"], row["description"]) == ("New", ["x"], 2, None)
    assert row["updated_at"] >= row["created_at"]
    assert change(world, made, version=2, name="New").stored.row["version"] == 2
    with pytest.raises(VersionMoved):
        change(world, made, version=1, name="Newer")
    assert change(world, made, end_date=None).stored.row["end_date"] is None


def test_a_number_becomes_a_truth_value(world: World) -> None:
    made = make(world, world.add(), custom_attributes={"n": 1})
    row = change(world, made, custom_attributes={"n": True}).stored.row
    assert row["version"] == 2
    assert row["custom_attributes"]["n"] is True


def test_phases_are_replaced_as_a_whole_and_within_the_contract(world: World) -> None:
    made = make(world, world.add())
    parts = [{"name": "B", "start_date": "2026-03-01"}, {"name": "A", "start_date": "2026-02-01"}]
    assert [each["name"] for each in change(world, made, phases=parts).stored.phases] == ["A", "B"]
    assert change(world, made, phases=[*reversed(parts)]).stored.row["version"] == 2
    with pytest.raises(BadInput) as refused:
        change(world, made, end_date="2026-03-01")
    assert refused.value.fields == {"phases.1.start_date": "is not before the contract's end_date"}
    with pytest.raises(BadInput) as refused:
        change(world, made, phases=[])
    assert refused.value.fields.keys() == {"phases"}
    assert [each["name"] for each in get(world, made).stored.phases] == ["A", "B"]


@pytest.mark.parametrize(
    ("path", "refused"),
    [
        (["active", "paused", "active", "disputed", "active"], None),
        (["draft"], "active can become paused or disputed"),
        (["expired"], "by itself when end_date is reached"),
        (["paused", "disputed"], "paused can become active"),
        (["signed"], "must be one of"),
    ],
)
def test_a_status_moves_along_the_table(world: World, path: list[str], refused: str | None) -> None:
    made = make(world, world.add(), status="draft")
    change(world, made, status="active")
    for status in path[:-1]:
        assert change(world, made, status=status).status == status
    if refused is None:
        assert change(world, made, status=path[-1]).status == path[-1]
        return
    with pytest.raises(BadInput, match=refused):
        change(world, made, status=path[-1])


def test_the_currency_is_open_while_it_is_a_draft(world: World) -> None:
    made = make(world, world.add(), status="draft")
    assert change(world, made, currency="usd").stored.row["currency"] == "USD"
    with pytest.raises(BadInput, match="only while the contract is a draft"):
        change(world, change(world, made, status="active").stored.id, currency="EUR")


def test_an_expired_contract_is_over_whether_or_not_the_clock_was_looked_at(world: World) -> None:
    made = make(world, world.add())
    end(world, made, moment(world, -1))
    assert get(world, made).status == "expired"
    assert get(world, made).stored.row["status"] == "active"
    for fields in ({"status": "active"}, {"end_date": None}, {"phases": [PHASE, {**PHASE, "name": "x"}]}):
        with pytest.raises(BadInput):
            change(world, made, **fields)
    assert change(world, made, name="Kept for the record").stored.row["version"] == 2


def test_a_draft_begins_only_while_its_customers_are_there(world: World) -> None:
    customer, payer = world.add("C"), world.add("Y")
    made = make(world, customer, status="draft", invoice_payer_customer_id=payer)
    world.delete(payer)
    with pytest.raises(BadInput) as refused:
        change(world, made, status="active")
    assert refused.value.fields == {"invoice_payer_customer_id": "there is no such customer"}
    assert change(world, made, status="active", invoice_payer_customer_id=None).status == "active"


@pytest.mark.parametrize("status", ["active", "paused", "disputed"])
def test_a_customer_with_a_running_contract_stays(world: World, status: str) -> None:
    customer, payer = world.add("C"), world.add("Y")
    made = make(world, customer, status="draft", invoice_payer_customer_id=payer)
    change(world, made, status="active")
    change(world, made, status=status)
    for each in (customer, payer):
        with pytest.raises(BadInput, match="1 contract that is active, paused or disputed"):
            world.delete(each)
    delete(world, made)
    world.delete(customer)
    world.delete(payer)


def test_nor_does_a_decision_in_the_queue_delete_it(world: World) -> None:
    crm = world.crms["crm"]
    crm.create({KEY: "a1", "name": "Anna"})
    world.sync()
    customer = world.customers()["a1"].id
    crm.delete("m000001")
    world.sync()
    made = make(world, customer)
    with pytest.raises(BadInput, match="1 contract that is active, paused or disputed"):
        world.resolve(take="theirs")
    assert world.kinds() == ["remote_deleted"]
    delete(world, made)
    world.resolve(take="theirs")
    assert world.customers() == {}


@pytest.mark.parametrize("over", ["draft", "expired"])
def test_a_customer_whose_contracts_do_not_run_can_be_deleted(world: World, over: str) -> None:
    customer = world.add("C")
    made = make(world, customer, status="draft" if over == "draft" else "active")
    if over == "expired":
        end(world, made, moment(world, -1))
    world.delete(customer)
    assert get(world, made).customer.row["deleted_at"] is not None


def test_a_contract_is_never_made_for_a_customer_who_is_being_deleted(postgresql: Database) -> None:
    world = World(postgresql)
    both = 0
    for _ in range(20):
        customer = world.add()

        def act(number: int, customer: str = customer) -> bool:
            try:
                if number:
                    world.delete(customer)
                else:
                    make(world, customer)
            except BadInput:
                return False
            return True

        done = together(2, act)
        assert sorted(done) == [False, True]
        both += done[0]
    with postgresql.reading() as tx:
        assert tx.execute(select(func.count()).select_from(table)).scalar_one() == both


def test_phases_go_with_the_contract_they_are_of(world: World) -> None:
    """Two that change the phases at once: one set stands, never a mixture."""
    made = make(world, world.add())

    def act(number: int) -> None:
        parts = [{"name": f"{number}", "start_date": f"2026-0{month}-01"} for month in (1, 2, 3)]
        change(world, made, phases=parts)

    together(4, act)
    with world.database.reading() as tx:
        names = list(tx.execute(select(phases.c.name).where(phases.c.contract_id == made)).scalars())
    assert len(names) == 3
    assert len(set(names)) == 1
    assert get(world, made).stored.row["version"] == 5

"""Addresses that cannot be of their country, where the connection wants valid ones."""

from __future__ import annotations

import pytest

from connectors.memory import KEY
from connectors.memory_crm import MemoryCrm
from sync import connect
from sync.store.seal import Seal
from sync.store.session import Database
from tests.scenarios.test_edits import HOME, HOME_BODY
from tests.world import World

WRONG = {**HOME, "billing_state": "Ontario"}


@pytest.fixture
def crm(world: World) -> MemoryCrm:
    """A CRM whose connection wants valid addresses, with one record that has none."""
    crm = world.connect(require_valid_address=True)
    crm.create({KEY: "a1", "name": "Anna", "email": "anna@example.com", **WRONG})
    world.sync()
    return crm


def only(crm: MemoryCrm) -> str:
    return next(iter(crm.records))


def test_a_new_record_is_taken_without_its_address(world: World, crm: MemoryCrm) -> None:
    assert world.values("a1")["address"] is None
    assert world.values("a1")["email"] == "anna@example.com"
    (row,) = world.queue()
    assert row.row["customer_id"] == world.customers()["a1"].id
    assert world.sync(full=True).counts["held"] == {}, "the row is as it was"
    assert [each.row["version"] for each in world.queue()] == [row.row["version"]]


def test_it_is_taken_as_it_is_when_a_person_says_so(world: World, crm: MemoryCrm) -> None:
    world.resolve(take="theirs")
    assert world.sync(full=True).counts["writes"] == 0
    assert world.values("a1")["address"].state == "Ontario"
    assert world.queue() == []


def test_it_comes_by_itself_when_it_is_put_right_there(world: World, crm: MemoryCrm) -> None:
    crm.edit(only(crm), {"billing_state": "IL"})
    world.sync()
    assert world.values("a1")["address"].state == "IL"
    assert world.queue() == []


def test_a_dismissed_one_is_asked_about_again_when_it_is_another(world: World, crm: MemoryCrm) -> None:
    world.resolve(dismiss=True)
    world.sync(full=True)
    assert world.queue() == []
    crm.edit(only(crm), {"billing_city": "Elsewhere", "billing_state": "Quebec"})
    world.sync()
    assert world.kinds() == ["address_mismatch"], "ours is blank, and was let stand beside theirs"


def test_a_record_is_made_without_it_and_asked_about(world: World, crm: MemoryCrm) -> None:
    world.resolve(dismiss=True)
    world.add("b1", customer_name="Ben", address={**HOME_BODY, "state": "Ontario"})
    world.sync()
    (ref,) = (ref for ref, each in crm.records.items() if each.values["name"] == "Ben")
    assert not crm.records[ref].values.get("billing_city")
    world.sync(full=True)
    (row,) = world.queue()
    assert row.row["customer_id"] == world.customers()["b1"].id
    world.change("b1", "address.state=IL")
    world.sync()
    assert crm.records[ref].values["billing_city"] == "Springfield"
    assert world.queue() == []


def test_they_go_when_valid_addresses_are_wanted_no_more(
    world: World, crm: MemoryCrm, database: Database
) -> None:
    seal = Seal(["a-secret-key-of-these-tests-alone-long-enough"])
    settings = {"require_valid_address": False}
    connect.change(database, seal, world.connection(), actor="test", settings=settings)
    world.sync()
    assert world.values("a1")["address"].state == "Ontario"
    assert world.queue() == []

from __future__ import annotations

import pytest

from connectors.memory import KEY
from connectors.memory_crm import MemoryCrm
from tests.world import World

HOME = {"billing_line1": "12 Main Street", "billing_city": "Springfield", "billing_zipCode": "62701"}


@pytest.fixture
def crms(world: World) -> tuple[MemoryCrm, MemoryCrm]:
    """Two CRMs and one customer, all in sync."""
    one, two = world.connect("one"), world.connect("two", crm=MemoryCrm(conditional_write=False))
    for crm in (one, two):
        crm.create({KEY: "a1", "name": "Anna", "email": "anna@example.com", **HOME})
    world.settle()
    assert world.queue() == []
    return one, two


REF = "m000001"


def test_a_change_in_one_reaches_the_other(world: World, crms: tuple[MemoryCrm, MemoryCrm]) -> None:
    one, two = crms
    one.edit(REF, {"email": "new@example.com"})
    world.settle()
    assert two.records[REF].values["email"] == "new@example.com"
    ours = [entry for entry in one.records[REF].history if entry[3]]
    assert ours == []


def test_a_record_made_in_one_is_made_in_the_other(world: World, crms: tuple[MemoryCrm, MemoryCrm]) -> None:
    one, two = crms
    two.create({KEY: "b1", "name": "Ben"})
    world.settle()
    assert [record.values[KEY] for record in one.records.values()] == ["a1", "b1"]
    assert len(two.records) == 2


def test_one_decision_settles_an_address_in_every_crm(
    world: World, crms: tuple[MemoryCrm, MemoryCrm]
) -> None:
    one, two = crms
    one.edit(REF, {"billing_line1": "99 Oak Avenue"})
    world.settle()
    assert world.kinds() == ["address_mismatch"]
    world.resolve(take="theirs")
    world.settle()
    assert two.records[REF].values["billing_line1"] == "99 Oak Avenue"
    assert world.queue() == []


def test_a_move_entered_here_is_asked_about_once(world: World, crms: tuple[MemoryCrm, MemoryCrm]) -> None:
    one, two = crms
    world.change("a1", "address.line1=99 Oak Avenue")
    world.settle()
    assert world.kinds() == ["address_mismatch", "address_mismatch"]
    world.resolve(world.queue()[0], take="ours")
    world.settle()
    assert one.records[REF].values["billing_line1"] == "99 Oak Avenue"
    assert two.records[REF].values["billing_line1"] == "99 Oak Avenue"
    assert world.queue() == []


def test_another_address_in_the_second_crm_is_asked_about_there(
    world: World, crms: tuple[MemoryCrm, MemoryCrm]
) -> None:
    one, two = crms
    one.edit(REF, {"billing_line1": "99 Oak Avenue"})
    two.edit(REF, {"billing_line1": "7 Elm Court"})
    world.settle()
    rows = world.queue()
    assert [row.row["kind"] for row in rows] == ["address_mismatch", "address_mismatch"]
    world.resolve(next(row for row in rows if row.row["connection_id"] == world.ids["one"]), take="theirs")
    world.settle()
    assert two.records[REF].values["billing_line1"] == "7 Elm Court"
    assert [row.row["connection_id"] for row in world.queue()] == [world.ids["two"]]


def test_edits_of_one_field_in_both_crms_become_a_question(
    world: World, crms: tuple[MemoryCrm, MemoryCrm]
) -> None:
    one, two = crms
    one.edit(REF, {"email": "one@example.com"})
    two.edit(REF, {"email": "two@example.com"})
    world.settle()
    values = {world.values("a1")["email"], one.records[REF].values["email"], two.records[REF].values["email"]}
    assert values == {"one@example.com", "two@example.com"}
    assert world.kinds() == ["field_conflict"]
    world.resolve(take="ours")
    world.settle()
    assert one.records[REF].values["email"] == two.records[REF].values["email"] == world.values("a1")["email"]


def test_one_broken_crm_does_not_stop_the_other(world: World, crms: tuple[MemoryCrm, MemoryCrm]) -> None:
    one, two = crms
    two.fault = lambda _kind, _write: "unavailable"
    one.edit(REF, {"email": "new@example.com"})
    assert world.sync("one").counts["updated_local"] == 1
    two.fault = lambda _kind, _write: None
    world.settle()
    assert two.records[REF].values["email"] == "new@example.com"

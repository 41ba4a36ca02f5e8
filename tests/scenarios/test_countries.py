"""A CRM that keeps the code of an address's country, and customers of whom only its name is known."""

from __future__ import annotations

import pytest

from connectors.memory import KEY, MAPPING
from connectors.memory_crm import MemoryCrm
from tests.world import World

CODE, NAME = "billing_country_code", "billing_country"
BERLIN = {"line1": "Weg 2", "city": "Berlin", "zipCode": "10115", "country": "Germany"}
THERE = {"billing_line1": "Weg 2", "billing_city": "Berlin", "billing_zipCode": "10115"}
LINES = [{"field": line.field, "crm": line.crm} for line in MAPPING]
CODED = [line for line in LINES if line["crm"] != NAME]
NAMED = [line for line in LINES if line["crm"] != CODE]


@pytest.fixture(params=["the code alone", "name and code"])
def crm(request: pytest.FixtureRequest, world: World) -> MemoryCrm:
    """A CRM that has no record yet."""
    return world.connect(map=CODED if request.param == "the code alone" else LINES)


def comes_to_rest(world: World, writes: int) -> None:
    assert world.sync().counts["writes"] == writes
    for full in (False, True, False):
        assert world.sync(full=full).counts["writes"] == 0
    assert world.queue() == []
    assert world.values("a1")["address"].country == "Germany"
    assert world.values("a1")["address"].country_code is None


def test_a_line_that_is_added_here_leaves_the_country_there(world: World, crm: MemoryCrm) -> None:
    ref = crm.create({KEY: "a1", "name": "Anna", **THERE, CODE: "DE"})
    world.add("a1", customer_name="Anna", address=BERLIN)
    world.sync()
    world.change("a1", "address.line2=3. OG")
    comes_to_rest(world, 1)
    assert (crm.records[ref].values["billing_line2"], crm.records[ref].values[CODE]) == ("3. OG", "DE")


def test_another_country_takes_its_code_along(world: World, crm: MemoryCrm) -> None:
    ref = crm.create({KEY: "a1", "name": "Anna", **THERE, CODE: "DE"})
    world.add("a1", customer_name="Anna", address=BERLIN)
    world.sync()
    world.change("a1", "address.country=Österreich", "address.city=Wien", "address.zipCode=1010")
    world.sync()
    world.resolve(take="ours")
    world.settle()
    assert (crm.records[ref].values["billing_city"], crm.records[ref].values[CODE]) == ("Wien", "AT")
    assert world.queue() == []


def test_a_new_record_has_the_code(world: World, crm: MemoryCrm) -> None:
    world.sync()
    world.add("a1", customer_name="Anna", address=BERLIN)
    comes_to_rest(world, 1)
    (record,) = crm.records.values()
    assert record.values[CODE] == "DE"


def test_an_edit_there_arrives_and_is_not_sent_back(world: World, crm: MemoryCrm) -> None:
    world.sync()
    world.add("a1", customer_name="Anna", address=BERLIN)
    world.sync()
    (ref,) = crm.records
    crm.edit(ref, {"billing_line2": "3. OG"})
    counts = world.sync().counts
    assert (counts["updated_local"], counts["updated_remote"]) == (1, 0)
    assert world.values("a1")["address"].line2 == "3. OG"
    assert world.sync(full=True).counts["writes"] == 0


def test_it_goes_on_to_a_crm_that_keeps_the_other_form(world: World) -> None:
    coded, named = world.connect("coded", map=CODED), world.connect("named", map=NAMED)
    world.settle()
    world.add("a1", customer_name="Anna", address=BERLIN)
    world.settle()
    world.change("a1", "address.line2=3. OG")
    world.settle()
    for crm, field, country in ((coded, CODE, "DE"), (named, NAME, "Germany")):
        (record,) = crm.records.values()
        assert (record.values["billing_line2"], record.values[field]) == ("3. OG", country)
    for name in world.crms:
        assert world.sync(name, full=True).counts["writes"] == 0


def test_a_country_that_has_no_code_is_asked_about(world: World) -> None:
    crm = world.connect(map=CODED)
    ref = crm.create({KEY: "a1", "name": "Anna", **THERE})
    world.add("a1", customer_name="Anna", email="a@b.example", address={**BERLIN, "country": "Atlantis"})
    world.sync()
    world.change("a1", "address.line2=3. OG", "email=new@b.example")
    world.sync()
    (row,) = world.queue("address_invalid")
    assert row.row["reasons"][0]["field"] == "country"
    assert "code" in row.row["reasons"][0]["why"]
    values = crm.records[ref].values
    assert (values.get("billing_line2"), values["email"]) == (None, "new@b.example")
    world.change("a1", "address.country=Germany")
    world.settle()
    values = crm.records[ref].values
    assert (values["billing_line2"], values[CODE]) == ("3. OG", "DE")
    assert world.queue() == []


def test_a_new_record_is_made_without_an_address_whose_country_has_no_code(world: World) -> None:
    crm = world.connect(map=CODED)
    world.sync()
    world.add("a1", customer_name="Anna", address={**BERLIN, "country": "Atlantis"})
    world.sync()
    (record,) = crm.records.values()
    assert record.values.get("billing_city") is None
    assert world.kinds() == ["address_invalid"]
    world.resolve(take="ours")
    world.settle()
    (record,) = crm.records.values()
    assert (record.values["billing_city"], record.values.get(CODE)) == ("Berlin", None)
    assert world.sync(full=True).counts["writes"] == 0
    assert world.queue() == []

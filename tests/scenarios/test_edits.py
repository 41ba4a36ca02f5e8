from __future__ import annotations

from typing import Any

import pytest

from connectors.memory import KEY
from connectors.memory_crm import MemoryCrm
from sync.errors import Conflicted
from tests.world import World

HOME = {
    "billing_line1": "12 Main Street",
    "billing_city": "Springfield",
    "billing_zipCode": "62701",
    "billing_country": "US",
}
HOME_BODY = {"line1": "12 Main Street", "city": "Springfield", "zipCode": "62701", "country": "US"}


@pytest.fixture
def crm(world: World) -> MemoryCrm:
    """A CRM with one record that is in sync with one customer."""
    return pair(world)


def pair(world: World, **settings: Any) -> MemoryCrm:
    crm = world.connect(**settings)
    values = {"email": "anna@example.com", "phone": "+1 217 555 0100"}
    ref = crm.create({KEY: "a1", "name": "Anna", **values, **HOME})
    world.add("a1", customer_name="Anna", email=values["email"], phone=values["phone"], address=HOME_BODY)
    world.sync()
    assert ref in world.links()
    return crm


def ref(crm: MemoryCrm) -> str:
    return next(iter(crm.records))


def test_an_edit_in_the_crm_arrives_here(world: World, crm: MemoryCrm) -> None:
    crm.edit(ref(crm), {"email": "new@example.com"})
    report = world.sync()
    assert report.counts["updated_local"] == 1
    assert world.values("a1")["email"] == "new@example.com"
    assert world.sync().counts["writes"] == 0


def test_an_edit_here_arrives_in_the_crm_alone(world: World, crm: MemoryCrm) -> None:
    world.change("a1", "email=new@example.com")
    report = world.sync()
    assert report.counts["updated_remote"] == 1
    record = crm.records[ref(crm)]
    assert record.values["email"] == "new@example.com"
    assert [name for _, name, _, ours in record.history if ours] == ["email"]
    assert world.sync().counts["writes"] == 0


def test_different_fields_edited_on_both_sides_both_flow(world: World, crm: MemoryCrm) -> None:
    crm.edit(ref(crm), {"email": "new@example.com"})
    world.change("a1", "customer_name=Anna Maria")
    report = world.sync()
    assert (report.counts["updated_local"], report.counts["updated_remote"]) == (1, 1)
    assert world.values("a1")["email"] == "new@example.com"
    assert crm.records[ref(crm)].values["name"] == "Anna Maria"
    assert world.queue() == []


def test_one_field_edited_on_both_sides_is_held_alone(world: World, crm: MemoryCrm) -> None:
    crm.edit(ref(crm), {"email": "theirs@example.com", "phone": "+1 217 555 0199"})
    world.change("a1", "email=ours@example.com")
    report = world.sync()
    assert report.counts["held"] == {"field_conflict": 1}
    assert world.values("a1")["phone_number"] == "+1 217 555 0199"
    (row,) = world.queue()
    assert row.row["local"] == {"email": "ours@example.com"}
    assert row.row["remote"] == {"email": "theirs@example.com"}
    assert row.row["baseline"] == {"email": ["anna@example.com"]}
    assert world.sync().counts["writes"] == 0


@pytest.mark.parametrize("take", ["ours", "theirs"])
def test_a_decision_ends_a_conflict_for_good(world: World, crm: MemoryCrm, take: str) -> None:
    crm.edit(ref(crm), {"email": "theirs@example.com"})
    world.change("a1", "email=ours@example.com")
    world.sync()
    world.resolve(take=take)
    world.sync()
    assert world.values("a1")["email"] == f"{take}@example.com"
    assert crm.records[ref(crm)].values["email"] == f"{take}@example.com"
    assert world.queue() == []
    assert world.sync(full=True).counts["writes"] == 0


def test_an_edited_decision_goes_both_ways(world: World, crm: MemoryCrm) -> None:
    crm.edit(ref(crm), {"email": "theirs@example.com"})
    world.change("a1", "email=ours@example.com")
    world.sync()
    world.resolve(values={"email": "third@example.com"})
    world.sync()
    assert world.values("a1")["email"] == "third@example.com"
    assert crm.records[ref(crm)].values["email"] == "third@example.com"


def test_dismissed_keeps_both_until_one_changes(world: World, crm: MemoryCrm) -> None:
    crm.edit(ref(crm), {"email": "theirs@example.com"})
    world.change("a1", "email=ours@example.com")
    world.sync()
    world.resolve(dismiss=True)
    assert world.sync(full=True).counts["writes"] == 0
    assert world.values("a1")["email"] == "ours@example.com"
    assert crm.records[ref(crm)].values["email"] == "theirs@example.com"

    crm.edit(ref(crm), {"email": "later@example.com"})
    world.sync()
    assert world.values("a1")["email"] == "later@example.com"


def test_the_same_edit_on_both_sides_is_no_conflict(world: World, crm: MemoryCrm) -> None:
    crm.edit(ref(crm), {"email": "NEW@example.com"})
    world.change("a1", "email=new@example.com")
    report = world.sync()
    assert report.counts["writes"] == 0
    assert world.queue() == []


def test_a_conflict_closes_itself_when_the_sides_agree_later(world: World, crm: MemoryCrm) -> None:
    crm.edit(ref(crm), {"email": "theirs@example.com"})
    world.change("a1", "email=ours@example.com")
    world.sync()
    crm.edit(ref(crm), {"email": "ours@example.com"})
    world.sync()
    assert world.queue() == []


def test_a_blank_does_not_travel(world: World, crm: MemoryCrm) -> None:
    crm.edit(ref(crm), {"phone": None})
    report = world.sync()
    assert report.counts["writes"] == 0
    assert report.counts["kept"] == {"blank_kept": 1}
    assert world.values("a1")["phone_number"] == "+1 217 555 0100"


def test_a_blank_travels_where_the_rule_says_so(world: World) -> None:
    crm = pair(world, rules={"phone_number": {"blanks": "propagate"}})
    crm.edit(ref(crm), {"phone": None})
    world.sync()
    assert world.values("a1")["phone_number"] is None


def test_one_way_to_local_overwrites_an_edit_here_and_keeps_its_value(world: World) -> None:
    crm = pair(world, rules={"email": "always_crm"})
    world.change("a1", "email=ours@example.com")
    report = world.sync()
    assert report.counts["overwritten"] == 1
    assert world.values("a1")["email"] == "anna@example.com"
    assert crm.records[ref(crm)].values["email"] == "anna@example.com"


def test_one_way_to_the_crm_overwrites_an_edit_there(world: World) -> None:
    crm = pair(world, rules={"email": "always_local"})
    crm.edit(ref(crm), {"email": "theirs@example.com"})
    report = world.sync()
    assert report.counts["updated_remote"] == 1
    assert crm.records[ref(crm)].values["email"] == "anna@example.com"


def test_a_value_that_keeps_coming_back_is_written_twice_and_then_asked_about(world: World) -> None:
    crm = pair(world, rules={"email": "always_local"})
    for _ in range(3):
        crm.edit(ref(crm), {"email": "workflow@example.com"})
        world.sync()
    (row,) = world.queue()
    assert row.row["reasons"][0]["why"] == "keeps_coming_back"
    assert crm.records[ref(crm)].values["email"] == "workflow@example.com"


def test_the_crms_own_spelling_is_recognised_as_an_echo(world: World, crm: MemoryCrm) -> None:
    crm.edit(ref(crm), {"phone": "(217) 555-0100 "})
    report = world.sync()
    assert report.counts["writes"] == 0


def test_what_is_stale_cannot_be_decided(world: World, crm: MemoryCrm) -> None:
    crm.edit(ref(crm), {"email": "theirs@example.com"})
    world.change("a1", "email=ours@example.com")
    world.sync()
    (row,) = world.queue()
    world.change("a1", "email=again@example.com")
    with pytest.raises(Conflicted):
        world.resolve(row, take="ours")
    world.sync()
    (row,) = world.queue()
    assert row.row["local"] == {"email": "again@example.com"}
    world.resolve(row, take="ours")
    world.sync()
    assert crm.records[ref(crm)].values["email"] == "again@example.com"

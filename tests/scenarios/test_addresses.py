"""Addresses of linked records: spellings flow, poorer forms never replace richer, a move holds the record."""

from __future__ import annotations

import pytest

from connectors.memory import KEY
from connectors.memory_crm import MemoryCrm
from connectors.records import Address
from tests.scenarios.test_edits import HOME, HOME_BODY, pair, ref
from tests.world import World


@pytest.fixture
def crm(world: World) -> MemoryCrm:
    """A CRM with one record that is in sync with one customer."""
    return pair(world)


def test_a_changed_spelling_of_an_address_flows(world: World, crm: MemoryCrm) -> None:
    crm.edit(ref(crm), {"billing_line1": "12 Main St."})
    report = world.sync()
    assert report.counts["updated_local"] == 1
    assert world.values("a1")["address"] == Address(
        line1="12 Main St.", city="Springfield", zipCode="62701", country="US"
    )


def test_a_suite_number_that_a_person_adds_lands(world: World, crm: MemoryCrm) -> None:
    world.change("a1", "address.line2=Suite 5")
    report = world.sync()
    assert report.counts["updated_remote"] == 1
    assert crm.records[ref(crm)].values["billing_line2"] == "Suite 5"


def test_a_poorer_address_never_replaces_a_richer_one(world: World, crm: MemoryCrm) -> None:
    world.change("a1", "address.line2=Suite 5")
    world.sync()
    crm.edit(ref(crm), {"billing_line2": None})
    report = world.sync()
    assert report.counts["writes"] == 0
    assert report.counts["kept"] == {"poorer_kept": 1}
    assert world.values("a1")["address"].line2 == "Suite 5"


def test_a_moved_address_holds_the_whole_record(world: World, crm: MemoryCrm) -> None:
    crm.edit(ref(crm), {"billing_line1": "99 Oak Avenue", "email": "new@example.com"})
    report = world.sync()
    assert report.counts["held"] == {"address_mismatch": 1}
    assert world.values("a1")["email"] == "anna@example.com"
    assert world.links()[ref(crm)].row["state"] == "held"


@pytest.mark.parametrize("take", ["ours", "theirs"])
def test_one_decision_settles_the_held_record(world: World, crm: MemoryCrm, take: str) -> None:
    crm.edit(ref(crm), {"billing_line1": "99 Oak Avenue", "email": "new@example.com"})
    world.sync()
    world.resolve(take=take)
    world.sync()
    line = {"ours": "12 Main Street", "theirs": "99 Oak Avenue"}[take]
    email = {"ours": "anna@example.com", "theirs": "new@example.com"}[take]
    assert world.values("a1")["address"].line1 == line
    assert crm.records[ref(crm)].values["billing_line1"] == line
    assert world.values("a1")["email"] == crm.records[ref(crm)].values["email"] == email
    assert world.links()[ref(crm)].row["state"] == "active"
    assert world.sync(full=True).counts["writes"] == 0
    assert world.queue() == []


def test_a_hold_ends_when_the_address_is_put_right_in_the_crm(world: World, crm: MemoryCrm) -> None:
    crm.edit(ref(crm), {"billing_line1": "99 Oak Avenue"})
    world.sync()
    crm.edit(ref(crm), {"billing_line1": "12 Main St"})
    world.sync()
    assert world.queue() == []
    assert world.links()[ref(crm)].row["state"] == "active"


def test_a_hold_ends_when_the_address_is_put_right_here(world: World, crm: MemoryCrm) -> None:
    crm.edit(ref(crm), {"billing_line1": "99 Oak Avenue"})
    world.sync()
    world.change("a1", "address.line1=99 Oak Ave")
    world.sync()
    assert world.queue() == []
    assert world.links()[ref(crm)].row["state"] == "active"


def test_a_dismissed_address_lets_the_other_fields_flow(world: World, crm: MemoryCrm) -> None:
    crm.edit(ref(crm), {"billing_line1": "99 Oak Avenue"})
    world.sync()
    world.resolve(dismiss=True)
    crm.edit(ref(crm), {"email": "new@example.com"})
    report = world.sync()
    assert report.counts["updated_local"] == 1
    assert world.values("a1")["address"].line1 == "12 Main Street"
    assert world.queue() == []


def test_a_blanked_address_is_a_mismatch(world: World, crm: MemoryCrm) -> None:
    crm.edit(ref(crm), dict.fromkeys(HOME))
    assert world.sync().counts["held"] == {"address_mismatch": 1}


def test_three_way_lets_a_one_sided_move_flow(world: World) -> None:
    crm = pair(world, address_policy="three_way")
    crm.edit(ref(crm), {"billing_line1": "99 Oak Avenue"})
    assert world.sync().counts["updated_local"] == 1
    assert world.values("a1")["address"].line1 == "99 Oak Avenue"


def test_an_address_is_filled_where_one_side_has_none(world: World) -> None:
    crm = world.connect()
    crm.create({KEY: "a1", "name": "Anna", **HOME})
    world.add("a1", customer_name="Anna")
    crm.create({KEY: "b1", "name": "Ben"})
    world.add("b1", customer_name="Ben", address=HOME_BODY)
    world.sync()
    assert world.values("a1")["address"].city == "Springfield"
    assert crm.records["m000002"].values["billing_city"] == "Springfield"
    assert world.queue() == []

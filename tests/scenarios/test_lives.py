"""Customers deleted and restored here: what follows is the same, whoever decided on it."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from connectors.memory import KEY
from connectors.memory_crm import MemoryCrm
from sync.store.worktables import audit
from tests.scenarios.undoing import back, only, quiet
from tests.world import World

REF = "m000001"


@pytest.fixture
def crms(world: World) -> tuple[MemoryCrm, MemoryCrm]:
    """Two CRMs with the same two customers, in sync."""
    made = world.connect(), world.connect("two")
    for crm in made:
        for key in ("a1", "b1"):
            crm.create({KEY: key, "name": key, "email": f"{key}@example.com"})
    world.settle()
    assert world.queue() == []
    return made


def states(world: World) -> list[str]:
    """Of the links to the records of the first customer."""
    return [world.links(name)[REF].row["state"] for name in ("crm", "two")]


def deeds(world: World, customer_id: str) -> list[tuple[str, str]]:
    with world.database.reading() as tx:
        found = tx.execute(select(audit.c.action, audit.c.actor).where(audit.c.subject == customer_id))
        return [(row[0], row[1]) for row in found]


def test_a_restored_customer_is_in_sync_with_every_crm_again(
    world: World, crms: tuple[MemoryCrm, MemoryCrm]
) -> None:
    one, two = crms
    customer = world.customers()["a1"].id
    world.delete("a1")
    one.edit(REF, {"phone": "+1 217 555 0100"})
    world.settle()
    world.resolve(only(world, "delete_vs_edit"), take="theirs")
    world.settle()
    assert states(world) == ["active", "active"]
    assert two.records[REF].values["phone"] == "+1 217 555 0100"
    two.edit(REF, {"email": "new@example.com"})
    world.settle()
    assert one.records[REF].values["email"] == "new@example.com"
    assert world.queue() == []
    assert ("customer.restored", "test") in deeds(world, customer)
    quiet(world)


def test_a_link_that_a_person_had_taken_away_stays_away(
    world: World, crms: tuple[MemoryCrm, MemoryCrm]
) -> None:
    one, two = crms
    two.edit(REF, {KEY: "z9"})
    world.settle()
    world.resolve(dismiss=True)
    world.delete("a1")
    one.edit(REF, {"phone": "+1 217 555 0100"})
    world.settle()
    world.resolve(only(world, "delete_vs_edit"), take="theirs")
    world.settle()
    assert states(world) == ["active", "detached"]


def test_an_edit_that_both_crms_made_meanwhile_is_asked_about_once_restored(
    world: World, crms: tuple[MemoryCrm, MemoryCrm]
) -> None:
    one, two = crms
    world.delete("a1")
    one.edit(REF, {"phone": "+1 217 555 0100"})
    two.edit(REF, {"phone": "+1 217 555 0111"})
    world.settle()
    assert world.kinds() == ["delete_vs_edit", "delete_vs_edit"]
    world.resolve(world.queue()[0], take="theirs")
    world.settle()
    assert world.kinds() == ["field_conflict"]


def test_a_restored_customer_is_deleted_again_by_undo(
    world: World, crms: tuple[MemoryCrm, MemoryCrm]
) -> None:
    world.delete("a1")
    crms[0].edit(REF, {"phone": "+1 217 555 0100"})
    world.settle()
    outcome = world.resolve(take="theirs")
    undone = back(world, outcome.run)
    assert list(world.customers()) == ["b1"]
    assert states(world) == ["detached", "detached"]
    back(world, undone.run)
    world.settle()
    assert states(world) == ["active", "active"]
    assert world.values("a1")["phone_number"] == "+1 217 555 0100"


def test_who_deletes_here_what_is_deleted_there_deletes_as_any_other(
    world: World, crms: tuple[MemoryCrm, MemoryCrm]
) -> None:
    one, two = crms
    customer = world.customers()["a1"].id
    one.edit("m000002", {"email": "a1@example.com"})  # waits for the address of the other one
    world.change("a1", "phone_number=+1 217 555 0100")
    two.edit(REF, {"phone": "+1 217 555 0111"})
    world.settle()
    one.delete(REF)
    world.settle()
    assert world.kinds() == ["email_taken", "field_conflict", "remote_deleted"]
    world.resolve(only(world, "remote_deleted"), take="theirs")
    world.settle()
    assert world.kinds() == ["delete_vs_edit"]
    assert world.values("b1")["email"] == "a1@example.com"
    assert ("customer.deleted", "test") in deeds(world, customer)


def test_a_deletion_here_goes_back_with_all_links(world: World, crms: tuple[MemoryCrm, MemoryCrm]) -> None:
    one, two = crms
    one.delete(REF)
    world.settle()
    outcome = world.resolve(take="theirs")
    assert states(world) == ["detached", "detached"]
    back(world, outcome.run)
    assert states(world) == ["frozen", "active"]
    two.edit(REF, {"phone": "+1 217 555 0111"})
    world.settle()
    assert world.values("a1")["phone_number"] == "+1 217 555 0111"

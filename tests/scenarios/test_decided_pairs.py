"""Decisions on who a record is, once the record or the customer has gone, come back, or moved."""

from __future__ import annotations

import pytest

from connectors.memory import KEY
from connectors.memory_crm import MemoryCrm
from sync.errors import BadInput, Conflicted
from tests.scenarios.parting import REF, in_sync, state
from tests.world import World


@pytest.fixture
def crm(world: World) -> MemoryCrm:
    return in_sync(world)


def renamed(world: World, crm: MemoryCrm) -> None:
    """The record is deleted, and comes back under another external id."""
    crm.delete(REF)
    world.sync()
    assert state(world) == "frozen"
    crm.undelete(REF)
    crm.edit(REF, {KEY: "z9"})
    world.sync()
    assert world.kinds() == ["key_changed"]


@pytest.mark.parametrize("take", ["ours", "theirs"])
def test_a_record_that_came_back_under_another_key_goes_on_once_that_is_decided(
    world: World, crm: MemoryCrm, take: str
) -> None:
    renamed(world, crm)
    world.resolve(take=take)
    world.settle()
    (key,) = world.customers()
    assert key == crm.records[REF].values[KEY] == {"ours": "a1", "theirs": "z9"}[take]
    world.change(key, "email=new@example.com")
    world.settle()
    assert crm.records[REF].values["email"] == "new@example.com"
    assert (state(world), world.queue()) == ("active", [])


def test_a_key_corrected_here_ends_the_question_of_a_record_that_came_back(
    world: World, crm: MemoryCrm
) -> None:
    renamed(world, crm)
    world.change("a1", "external_id=z9")
    world.settle()
    assert (state(world), world.queue()) == ("active", [])


@pytest.mark.parametrize("take", ["ours", "theirs"])
def test_a_key_that_changed_here_since_the_question_is_not_decided_on(
    world: World, crm: MemoryCrm, take: str
) -> None:
    crm.edit(REF, {KEY: "z9"})
    world.sync()
    world.change("a1", "external_id=b2")
    with pytest.raises(Conflicted, match="external_id changed here"):
        world.resolve(take=take)
    assert list(world.customers()) == ["b2"]
    world.sync()
    (row,) = world.queue("key_changed")
    assert row.conflict().local == {"external_id": "b2"}
    world.resolve(row, take=take)
    world.settle()
    (key,) = world.customers()
    assert key == crm.records[REF].values[KEY] == {"ours": "b2", "theirs": "z9"}[take]


def test_no_record_is_linked_to_a_customer_that_was_deleted(world: World, crm: MemoryCrm) -> None:
    gone = world.customers()["a1"].id
    world.delete("a1")
    newcomer = crm.create({"name": "Keyless"})
    world.settle()
    with pytest.raises(BadInput, match="no such customer"):
        world.resolve(link=gone)
    world.settle()
    assert world.kinds() == ["missing_external_id"]
    assert newcomer not in world.links()


@pytest.mark.parametrize("then", ["edited", "deleted"])
def test_a_merge_stays_a_question_when_one_of_its_customers_is_deleted(
    world: World, crm: MemoryCrm, then: str
) -> None:
    other = crm.create({KEY: "b1", "name": "Ben"})
    world.sync()
    crm.merge(REF, other)
    world.sync()
    gone, left = (world.customers()[key].id for key in ("a1", "b1"))
    world.delete("a1")
    crm.edit(REF, {"name": "Anna and Ben"}) if then == "edited" else crm.delete(REF)
    world.settle()
    assert world.kinds() == ["remote_merged"]
    with pytest.raises(BadInput, match="no such customer"):
        world.resolve(link=gone)
    world.resolve(link=left)
    world.settle()
    assert world.links()[REF].customer_id == left
    assert world.links()[other].row["state"] == "detached"
    # The record has the other one's key, or is gone too: that is asked about.
    assert world.kinds() == ["key_changed" if then == "edited" else "remote_deleted"]


@pytest.mark.parametrize("deleted", [True, False])
def test_whom_a_person_gives_another_record_gives_it_its_key(
    world: World, crm: MemoryCrm, *, deleted: bool
) -> None:
    newcomer = crm.create({"name": "Anna"})
    world.sync()
    if deleted:
        crm.delete(REF)
        world.sync()
    else:
        crm.edit(REF, {KEY: "z9"})
        world.sync()
        world.resolve(world.queue("key_changed")[0], dismiss=True)
    world.resolve(world.queue("missing_external_id")[0], link=world.customers()["a1"].id)
    world.settle()
    assert crm.records[newcomer].values[KEY] == "a1"
    assert state(world, newcomer) == "active"
    assert "key_changed" not in world.kinds()

from __future__ import annotations

import pytest

from connectors.memory import KEY
from connectors.memory_crm import MemoryCrm
from sync.errors import BadInput
from tests.world import World


@pytest.fixture
def crm(world: World) -> MemoryCrm:
    """A CRM whose one record is in sync."""
    crm = world.connect()
    crm.create({KEY: "a1", "name": "Anna", "email": "anna@example.com"})
    world.sync()
    return crm


REF = "m000001"


def state(world: World, ref: str = REF) -> str:
    return str(world.links()[ref].row["state"])


def test_a_deleted_record_proposes_and_deletes_nothing(world: World, crm: MemoryCrm) -> None:
    crm.delete(REF)
    report = world.sync()
    assert report.counts["held"] == {"remote_deleted": 1}
    assert "a1" in world.customers()
    assert state(world) == "frozen"
    world.change("a1", "email=new@example.com")
    assert world.sync().counts["writes"] == 0


def test_an_undeleted_record_goes_on_where_it_stood(world: World, crm: MemoryCrm) -> None:
    crm.delete(REF)
    world.sync()
    world.change("a1", "email=new@example.com")
    crm.undelete(REF)
    world.settle()
    assert state(world) == "active"
    assert crm.records[REF].values["email"] == "new@example.com"
    assert world.queue() == []


def test_deleted_there_can_be_made_again(world: World, crm: MemoryCrm) -> None:
    crm.delete(REF)
    world.sync()
    world.resolve(take="ours")
    report = world.sync()
    assert report.counts["created_remote"] == 1
    assert crm.records["m000002"].values[KEY] == "a1"
    assert world.sync(full=True).counts["writes"] == 0


def test_deleted_there_can_be_deleted_here(world: World, crm: MemoryCrm) -> None:
    crm.delete(REF)
    world.sync()
    world.resolve(take="theirs")
    world.settle()
    assert world.customers() == {}
    assert len(crm.records) == 1


def test_deleted_there_can_be_let_be(world: World, crm: MemoryCrm) -> None:
    crm.delete(REF)
    world.sync()
    world.resolve(dismiss=True)
    world.settle()
    assert state(world) == "detached"
    assert "a1" in world.customers()
    assert len(crm.records) == 1


def test_a_new_record_with_the_key_of_a_deleted_one_is_offered(world: World, crm: MemoryCrm) -> None:
    crm.delete(REF)
    world.sync()
    other = crm.create({KEY: "a1", "name": "Anna"})
    world.sync()
    (row,) = world.queue()
    assert row.row["reasons"][0]["relink_to"] == other
    world.resolve(ref=other)
    world.settle()
    assert list(world.links()) == [other]
    assert world.queue() == []


def test_a_record_missing_from_a_listing_is_read_before_it_is_believed(world: World, crm: MemoryCrm) -> None:
    crm.create({KEY: "b1", "name": "Ben"})
    world.sync()
    crm.delete(REF)
    world.sync(full=True)
    assert world.kinds() == ["remote_deleted"]


def test_a_customer_deleted_here_stays_away(world: World, crm: MemoryCrm) -> None:
    world.delete("a1")
    assert world.sync(full=True).counts["writes"] == 0
    assert world.customers() == {}
    assert len(crm.records) == 1
    assert state(world) == "detached"


def test_an_edit_there_after_a_delete_here_is_a_question(world: World, crm: MemoryCrm) -> None:
    world.delete("a1")
    crm.edit(REF, {"name": "Anna B."})
    assert world.sync().counts["held"] == {"delete_vs_edit": 1}
    world.resolve(take="theirs")
    world.settle()
    assert world.values("a1")["customer_name"] == "Anna B."
    assert state(world) == "active"


def test_a_delete_here_can_be_confirmed(world: World, crm: MemoryCrm) -> None:
    world.delete("a1")
    crm.edit(REF, {"name": "Anna B."})
    world.sync()
    world.resolve(dismiss=True)
    world.settle()
    assert world.customers() == {}
    assert world.queue() == []


def test_a_merge_of_a_linked_and_an_unlinked_record_moves_the_link(world: World, crm: MemoryCrm) -> None:
    winner = crm.create({"name": "Anna"})
    world.sync()
    world.resolve(dismiss=True)
    crm.merge(winner, REF)
    crm.edit(winner, {KEY: "a1", "email": "merged@example.com"})
    world.settle()
    assert list(world.links()) == [winner]
    assert world.values("a1")["email"] == "merged@example.com"
    assert world.queue() == []


def test_a_merge_of_two_linked_records_is_for_a_person(world: World, crm: MemoryCrm) -> None:
    other = crm.create({KEY: "b1", "name": "Ben"})
    world.sync()
    crm.merge(REF, other)
    report = world.sync()
    assert report.counts["held"] == {"remote_merged": 1}
    assert state(world) == state(world, other) == "frozen"
    crm.edit(REF, {"name": "Anna and Ben"})
    assert world.sync().counts["writes"] == 0
    assert len(world.customers()) == 2


def test_a_merge_is_settled_by_naming_the_customer_that_lives_on(world: World, crm: MemoryCrm) -> None:
    other = crm.create({KEY: "b1", "name": "Ben"})
    world.sync()
    crm.merge(REF, other)
    world.sync()
    world.resolve(link=world.customers()["a1"].id, ref=REF)
    world.settle()
    assert world.queue() == []
    assert (state(world), state(world, other)) == ("active", "detached")


def test_a_merge_can_be_settled_for_the_customer_of_the_record_that_is_gone(
    world: World, crm: MemoryCrm
) -> None:
    other = crm.create({KEY: "b1", "name": "Ben"})
    world.sync()
    crm.merge(REF, other)
    world.sync()
    world.resolve(link=world.customers()["b1"].id)
    linked = {link.customer_id: link for link in world.links().values()}
    ours, left = (linked[world.customers()[key].id] for key in ("b1", "a1"))
    assert (ours.ref, left.ref) == (REF, other)
    assert left.row["state"] == "detached"
    world.sync()
    assert world.kinds() == ["key_changed"]
    assert crm.records[REF].values[KEY] == "a1"


def test_a_dismissed_merge_leaves_no_link_behind(world: World, crm: MemoryCrm) -> None:
    other = crm.create({KEY: "b1", "name": "Ben"})
    world.sync()
    crm.merge(REF, other)
    world.sync()
    world.resolve(dismiss=True)
    world.settle()
    assert (state(world), state(world, other)) == ("detached", "detached")
    assert world.queue() == []


def test_a_merge_is_settled_for_one_of_its_customers_only(world: World, crm: MemoryCrm) -> None:
    other = crm.create({KEY: "b1", "name": "Ben"})
    world.add("c1")
    world.sync()
    crm.merge(REF, other)
    world.sync()
    with pytest.raises(BadInput, match="customers of the merged records"):
        world.resolve(link=world.customers()["c1"].id)
    with pytest.raises(BadInput, match="there is one record"):
        world.resolve(link=world.customers()["b1"].id, ref=other)
    with pytest.raises(BadInput, match="--link"):
        world.resolve(take="ours")

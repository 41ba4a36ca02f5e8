"""Two linked records that a CRM merges: whose the one that is left is, is for a person to say."""

from __future__ import annotations

import pytest

from connectors.memory import KEY
from connectors.memory_crm import MemoryCrm
from connectors.records import JSON
from sync.errors import BadInput
from tests.scenarios.parting import REF, in_sync, state
from tests.world import World


@pytest.fixture
def crm(world: World) -> MemoryCrm:
    return in_sync(world)


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


def test_a_merge_is_asked_about_whatever_the_winner_is_called_by_then(world: World, crm: MemoryCrm) -> None:
    other = crm.create({KEY: "b1", "name": "Ben"})
    world.sync()
    crm.merge(REF, other)
    crm.edit(REF, {KEY: "c1"})
    world.sync()
    assert world.kinds() == ["remote_merged"]
    world.sync(full=True)
    assert world.kinds() == ["remote_merged"]
    world.resolve(link=world.customers()["a1"].id)
    world.settle()
    assert world.kinds() == ["key_changed"]


def test_a_record_in_place_of_a_merged_one_is_offered_at_once(world: World) -> None:
    crm = world.connect(crm=MemoryCrm(unique_key=False))
    for key in ("a1", "b1"):
        crm.create({KEY: key, "name": key})
    world.sync()
    twin = crm.create({KEY: "b1", "name": "b1"})
    world.sync()
    crm.merge("m000001", "m000002")
    world.settle()
    before = sorted(world.kinds())
    assert twin in {row.row["ref"] for row in world.queue()} | {
        str(reason.get("relink_to")) for row in world.queue() for reason in row.conflict().reasons
    }
    world.sync(full=True)
    assert sorted(world.kinds()) == before


def test_a_merge_whose_winner_is_deleted_too_stays_a_question(world: World, crm: MemoryCrm) -> None:
    other = crm.create({KEY: "b1", "name": "Ben"})
    world.sync()
    crm.merge(REF, other)
    crm.delete(REF)
    world.sync()
    assert world.kinds() == ["remote_merged"]
    crm.undelete(REF)
    world.sync()
    assert world.kinds() == ["remote_merged"]  # else Ben's link would be frozen, and nobody would know
    crm.delete(REF)
    world.sync()
    world.resolve(link=world.customers()["b1"].id)
    world.settle()
    assert world.kinds() == ["remote_deleted"]


def test_an_offer_goes_with_the_merge_that_takes_the_offered_record(world: World, crm: MemoryCrm) -> None:
    other = crm.create({KEY: "b1", "name": "Ben"})
    world.sync()
    crm.merge(REF, other)
    offered = crm.create({KEY: "b1", "name": "Ben anew"})
    world.sync()
    assert sorted(world.kinds()) == ["remote_deleted", "remote_merged"]
    crm.merge(offered, REF)
    world.sync()
    before = world.kinds()
    world.sync(full=True)
    assert (before, world.kinds()) == (["remote_merged"], ["remote_merged"])


def _offers(world: World) -> set[JSON]:
    return {reason.get("relink_to") for row in world.queue() for reason in row.conflict().reasons} - {None}


def test_what_is_offered_in_place_of_a_deleted_record_is_there(world: World, crm: MemoryCrm) -> None:
    crm.delete(REF)
    heir = crm.create({KEY: "a1", "name": "Anna anew"})
    world.sync()
    assert _offers(world) == {heir}
    world.sync(full=True)
    assert _offers(world) == {heir}
    crm.delete(heir)
    world.sync()
    assert (world.kinds(), _offers(world)) == (["remote_deleted"], set())
    crm.undelete(heir)
    world.sync()
    assert _offers(world) == {heir}


def test_what_another_customer_has_taken_is_offered_no_longer(world: World, crm: MemoryCrm) -> None:
    ben, lost = crm.create({KEY: "b1", "name": "Ben"}), crm.create({KEY: "c1", "name": "Carl"})
    world.sync()
    crm.merge(REF, lost)
    heir = crm.create({KEY: "c1", "name": "Carl anew"})
    world.sync()
    assert _offers(world) == {heir}
    crm.merge(heir, ben)
    world.sync()
    world.settle()
    assert (sorted(world.kinds()), _offers(world)) == (["key_changed", "remote_merged"], set())


def test_what_was_offered_in_place_of_a_record_that_is_back_is_asked_about(world: World) -> None:
    crm = world.connect(crm=MemoryCrm(unique_key=False))
    crm.create({KEY: "a1", "name": "Anna"})
    world.sync()
    crm.delete(REF)
    heir = crm.create({KEY: "a1", "name": "Anna anew"})
    world.sync()
    assert _offers(world) == {heir}
    crm.undelete(REF)
    world.settle()
    before = sorted(world.kinds())
    world.sync(full=True)
    assert before == sorted(world.kinds()) == ["ambiguous_match"]

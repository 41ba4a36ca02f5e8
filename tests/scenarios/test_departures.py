from __future__ import annotations

import pytest

from connectors.memory import KEY
from connectors.memory_crm import MemoryCrm
from tests.scenarios.parting import REF, in_sync, state
from tests.world import World


@pytest.fixture
def crm(world: World) -> MemoryCrm:
    return in_sync(world)


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


def test_an_edit_there_that_waited_is_still_a_question_after_a_delete_here(
    world: World, crm: MemoryCrm
) -> None:
    world.change("a1", "email=ours@example.com")
    crm.edit(REF, {"email": "theirs@example.com"})
    world.sync()
    assert world.kinds() == ["field_conflict"]
    world.delete("a1")
    world.sync()
    assert world.kinds() == ["delete_vs_edit"]
    world.sync(full=True)
    assert world.kinds() == ["delete_vs_edit"]


def test_a_delete_here_can_be_confirmed(world: World, crm: MemoryCrm) -> None:
    world.delete("a1")
    crm.edit(REF, {"name": "Anna B."})
    world.sync()
    world.resolve(dismiss=True)
    world.settle()
    assert world.customers() == {}
    assert world.queue() == []


@pytest.fixture
def overwritten(world: World) -> MemoryCrm:
    """A CRM without conditional writes in which our write has overwritten an edit of a1's unseen."""
    crm = world.connect(crm=MemoryCrm(conditional_write=False))
    for key in ("a1", "b1"):
        crm.create({KEY: key, "name": key, "email": f"{key}@example.com"})
    world.sync()
    world.change("a1", "email=ours@example.com")

    def person() -> None:
        crm.before_write = lambda: None
        crm.edit(REF, {"email": "person@example.com"})

    crm.before_write = person
    world.settle()
    assert world.kinds() == ["field_conflict"]
    return crm


def asked(world: World) -> list[tuple[str, object]]:
    """Record and overwritten value of each row about one."""
    return [(row.row["ref"], row.row["remote"]["email"]) for row in world.queue("field_conflict")]


@pytest.mark.parametrize("ends", ["m000001", "m000002"])
def test_an_overwritten_value_is_still_asked_about_once_its_record_is_merged(
    world: World, overwritten: MemoryCrm, ends: str
) -> None:
    overwritten.merge("m000002" if ends == REF else REF, ends)
    world.settle()
    assert asked(world) == [(REF, "person@example.com")]


def test_an_overwritten_value_goes_with_a_link_that_a_merge_moves(
    world: World, overwritten: MemoryCrm
) -> None:
    winner = overwritten.create({"name": "a1", "email": "ours@example.com"})
    overwritten.merge(winner, REF)
    overwritten.edit(winner, {KEY: "a1"})
    world.settle()
    assert asked(world) == [(winner, "person@example.com")]
    world.resolve(take="theirs")
    world.settle()
    assert world.values("a1")["email"] == "person@example.com"
    assert overwritten.records[winner].values["email"] == "person@example.com"
    assert world.queue() == []


def test_an_overwritten_value_outlives_the_deletion_of_its_record(
    world: World, overwritten: MemoryCrm
) -> None:
    overwritten.delete(REF)
    world.settle()
    assert asked(world) == [(REF, "person@example.com")]
    overwritten.undelete(REF)
    world.settle()
    assert asked(world) == [(REF, "person@example.com")]


def test_who_decides_on_a_deleted_record_decides_on_what_was_overwritten_in_it(
    world: World, overwritten: MemoryCrm
) -> None:
    overwritten.delete(REF)
    world.settle()
    (row,) = world.queue("remote_deleted")
    world.resolve(row, take="ours")
    world.settle()
    assert world.queue() == []


def test_a_record_that_was_offered_is_looked_at_once_that_is_declined(world: World, crm: MemoryCrm) -> None:
    other = crm.create({KEY: "b1", "name": "Ben"})
    world.sync()
    crm.merge(other, REF)
    world.sync()
    offered = crm.create({KEY: "a1", "name": "Anna"})
    world.sync()
    (row,) = world.queue("remote_deleted")
    world.resolve(row, take="ours")
    world.settle()
    assert state(world, offered) == "active"
    assert world.sync(full=True).counts["writes"] == 0

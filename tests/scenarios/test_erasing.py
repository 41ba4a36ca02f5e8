"""Erasing a customer: what refuses it, what stays, and that no sync brings it back."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, select

from connectors.memory import KEY
from connectors.memory_crm import MemoryCrm
from sync import push as push_module
from sync.erase import Erased, erase
from sync.errors import BadInput, Conflicted, NotFoundError
from sync.store.schema import conflicts as conflicts_table
from sync.store.schema import metadata
from sync.undo import undo
from tests.scenarios.test_faults import Killed
from tests.world import World

WORD, REF = "zqcanary", "m000001"


@pytest.fixture
def crm(world: World) -> MemoryCrm:
    """A CRM whose one record is in sync."""
    crm = world.connect()
    crm.create({KEY: f"{WORD}-1", "name": f"{WORD} Ltd", "email": f"a@{WORD}.example"})
    world.sync()
    return crm


def go(world: World, name: str = f"{WORD}-1", **options: bool) -> Erased:
    return erase(world.database, world.organisation_id, name, actor="test", **options)


def traces(world: World) -> set[str]:
    """The tables in which the word stands."""
    with world.database.reading() as tx:
        return {
            table.name
            for table in metadata.sorted_tables
            if any(WORD in repr(tuple(row)).lower() for row in tx.execute(select(table)))
        }


def test_its_record_stays_and_is_not_taken_in_again(world: World, crm: MemoryCrm) -> None:
    done = go(world)
    assert list(done.records) == [("crm", REF)]
    assert traces(world) == set()
    crm.edit(REF, {"name": f"{WORD} again"})
    for full in (False, True):
        assert world.sync(full=full).counts["writes"] == 0
    assert (world.customers(), world.queue(), traces(world)) == ({}, [], set())
    assert crm.records[REF].values["name"] == f"{WORD} again"


def test_a_preview_changes_nothing(world: World, crm: MemoryCrm) -> None:
    before = traces(world)
    planned = go(world, preview=True)
    assert traces(world) == before != set()
    assert go(world) == planned


@pytest.mark.parametrize("key", [f"{WORD}-1", f"{WORD}-1".upper()])
def test_another_record_with_its_key_is_not_taken_in_either(world: World, crm: MemoryCrm, key: str) -> None:
    other = world.connect("other")
    go(world)
    crm.delete(REF)
    for each in (crm, other):
        each.create({KEY: key, "name": f"{WORD} reborn"})
    for name in world.crms:
        world.sync(name)
        world.sync(name, full=True)
    assert (world.customers(), world.queue(), traces(world)) == ({}, [], set())


def test_another_customer_may_have_its_key_and_address(world: World, crm: MemoryCrm) -> None:
    go(world)
    world.add(f"{WORD}-1", email=f"a@{WORD}.example")
    other = world.connect("other")
    ref = other.create({KEY: f"{WORD}-1", "name": f"Customer {WORD}-1"})
    world.sync("other")
    assert world.links("other")[ref].row["state"] == "active"
    assert go(world).removed["links"] == 1
    world.sync("other", full=True)
    assert traces(world) == set()


def test_whoever_waits_for_its_address_gets_it(world: World, crm: MemoryCrm) -> None:
    ref = crm.create({KEY: "b", "name": "B", "email": f"a@{WORD}.example"})
    world.sync()
    assert world.kinds() == ["email_taken"]
    go(world)
    world.settle()
    assert world.queue() == []
    assert world.customers()["b"].value("email") == f"a@{WORD}.example"
    assert ref in world.links()


def test_what_was_decided_on_it_is_not_told_either_when_the_question_is_gone(
    world: World, crm: MemoryCrm
) -> None:
    crm.edit(REF, {"name": f"{WORD} theirs"})
    world.change(f"{WORD}-1", f"customer_name={WORD} ours")
    world.sync()
    world.resolve(values={"customer_name": f"{WORD} decided"})
    world.settle()
    with world.database.transaction() as tx:
        tx.execute(delete(conflicts_table))
    go(world)
    assert traces(world) == set()


def test_a_deleted_customer_can_be_erased(world: World, crm: MemoryCrm) -> None:
    world.delete(f"{WORD}-1")
    crm.edit(REF, {"name": f"{WORD} edited"})
    world.sync()
    assert world.kinds() == ["delete_vs_edit"]
    go(world)
    assert (world.queue(), traces(world)) == ([], set())
    world.sync(full=True)
    assert (world.queue(), traces(world)) == ([], set())
    with pytest.raises(NotFoundError):
        go(world)


def test_what_cannot_be_read_of_it_is_not_asked_about(world: World, crm: MemoryCrm) -> None:
    crm.edit(REF, {"email": f"no address {WORD}"})
    world.sync()
    go(world)
    crm.edit(REF, {"email": f"none either {WORD}"})
    world.sync(full=True)
    assert (world.queue(), traces(world)) == ([], set())


def test_an_undo_of_an_older_run_does_not_bring_it_back(world: World, crm: MemoryCrm) -> None:
    crm.edit(REF, {"name": f"{WORD} later"})
    crm.create({KEY: "b", "name": "B"})
    run = world.sync().run
    go(world)
    undo(world.services, world.organisation_id, run, actor="test", progress=lambda _event: None)
    assert (world.customers(), traces(world)) == ({}, set())


def test_it_waits_for_a_write_to_be_settled(
    world: World, crm: MemoryCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_args: object) -> None:
        raise Killed

    world.change(f"{WORD}-1", "email=b@example.com")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(push_module, "write", die)
        world.sync()
    with pytest.raises(Conflicted, match="being written to crm"):
        go(world)
    world.settle()
    go(world)
    assert traces(world) == set()


def test_it_waits_for_a_merge_to_be_decided(world: World, crm: MemoryCrm) -> None:
    other = crm.create({KEY: "b", "name": "B"})
    world.sync()
    crm.merge(other, REF)
    world.sync()
    assert world.kinds() == ["remote_merged"]
    with pytest.raises(Conflicted, match="merged"):
        go(world)
    with pytest.raises(Conflicted, match="merged"):
        go(world, "b")
    world.resolve(link=world.customers()["b"].id)
    world.settle()
    go(world)
    assert traces(world) == set()
    assert list(world.customers()) == ["b"]


def test_decisions_about_it_and_another_keep_nothing_of_it(world: World, crm: MemoryCrm) -> None:
    other = crm.create({KEY: "b1", "name": "Ben"})
    world.sync()
    crm.merge(other, REF)
    world.sync()
    decided = world.resolve(link=world.customers()[f"{WORD}-1"].id)
    assert "changes" in traces(world)
    go(world)
    assert traces(world) == set()
    undo(world.services, world.organisation_id, str(decided.run), actor="test", progress=lambda _event: None)
    assert traces(world) == set()


def test_who_is_meant_must_be_certain(world: World, crm: MemoryCrm) -> None:
    for _ in range(2):
        world.delete(world.add("b"))
    with pytest.raises(NotFoundError, match="several"):
        go(world, "b")
    with pytest.raises(NotFoundError, match="no customer"):
        go(world, "nobody")
    with pytest.raises((NotFoundError, BadInput)):
        go(world, "")

"""Records that would be lost from sight, released without a word, or asked about for ever."""

from __future__ import annotations

import random
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from connectors.errors import AlreadyExists
from connectors.memory import KEY, MemoryConnector
from connectors.memory_crm import MemoryCrm
from connectors.port import Failed
from sync import apply as apply_module
from sync import ingest
from sync.errors import BadInput, ConcordError
from sync.selection import Selection
from sync.store import runs
from tasks.schedule import tick
from tests.scenarios.test_faults import once
from tests.scenarios.test_maps import change_settings
from tests.world import World

SPRING = {"billing_line1": "1 Main Street", "billing_city": "Springfield", "billing_country": "US"}
OTHER = {"billing_line1": "77 Oak Avenue", "billing_city": "Denver", "billing_country": "US"}


def test_a_value_overwritten_unseen_is_kept_after_a_lost_answer_and_a_further_edit(world: World) -> None:
    crm = world.connect(crm=MemoryCrm(conditional_write=False))
    ref = crm.create({KEY: "a1", "name": "Anna", "email": "a1@example.com"})
    world.sync()
    world.change("a1", "email=ours@example.com")

    def person() -> None:
        crm.before_write = lambda: None
        crm.edit(ref, {"email": "unseen@example.com"})

    crm.before_write = person
    crm.fault = once("write", "lost_answer")
    world.sync()
    crm.edit(ref, {"email": "later@example.com"})
    world.settle()
    held = {row.row["remote"].get("email") for row in world.queue()}
    assert "unseen@example.com" in held


def test_a_key_taken_by_a_record_that_cannot_be_seen_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.connect()
    world.sync()
    world.add("k1")
    monkeypatch.setattr(
        MemoryConnector,
        "write",
        lambda self, batch: [Failed(AlreadyExists("there", ref=None)) for _ in batch],
    )
    world.sync()
    assert world.kinds() == ["push_rejected"]
    assert not tick(world.services)


def test_a_creation_settled_late_is_on_record_and_its_deleted_customer_stays_away(world: World) -> None:
    crm = world.connect()
    world.sync()
    world.add("d1", email="d1@example.com")
    crm.fault = once("write", "lost_answer")
    world.sync()
    world.delete("d1")
    report = world.sync()
    assert [link.row["state"] for link in world.links().values()] == ["detached"]
    with world.database.reading() as tx:
        assert [each["action"] for each in runs.changes_of(tx, report.run)] == ["create_crm"]


def test_two_new_records_of_one_page_with_a_known_key_are_seen_as_two(world: World) -> None:
    crm = world.connect(crm=MemoryCrm(unique_key=False))
    world.sync()
    world.add("k1")
    crm.create({KEY: "k1", "name": "One"})
    crm.create({KEY: "k1", "name": "Two"})
    world.sync(kind="pull")
    assert world.kinds() == ["ambiguous_match"]
    assert not world.links()


def test_two_new_records_of_one_page_with_a_new_key_are_seen_as_two(world: World) -> None:
    crm = world.connect(crm=MemoryCrm(unique_key=False))
    world.sync()
    crm.create({KEY: "k1", "name": "One"})
    crm.create({KEY: "k1", "name": "Two"})
    world.sync(kind="pull")
    assert world.kinds() == ["ambiguous_match"]
    assert not world.customers()


def test_a_blank_that_a_person_chose_lands(world: World) -> None:
    crm = world.connect()
    ref = crm.create({KEY: "a1", "name": "Anna", "email": "a@example.com", "phone": "1"})
    world.sync()
    world.change("a1", "phone_number=")
    crm.edit(ref, {"phone": "2"})
    world.sync()
    world.resolve(take="ours")
    world.settle()
    assert (world.values("a1")["phone_number"], crm.records[ref].values["phone"]) == (None, None)


def test_a_blank_address_that_a_person_chose_lands(world: World) -> None:
    crm = world.connect()
    ref = crm.create({KEY: "a1", "name": "Anna", **SPRING})
    world.sync()
    world.change("a1", "address.line1=", "address.city=", "address.country=")
    world.sync()
    assert world.kinds() == ["address_mismatch"]
    world.resolve(take="ours")
    world.settle()
    assert world.values("a1")["address"] is None
    assert crm.records[ref].values["billing_line1"] is None


def test_a_confirmed_delete_is_not_asked_again(world: World) -> None:
    crm = world.connect()
    ref = crm.create({KEY: "a1", "name": "Anna"})
    world.sync()
    world.delete("a1")
    crm.edit(ref, {"name": "Anna B."})
    world.sync()
    world.resolve(take="ours")
    world.sync(kind="resync", selection=Selection(ids=(ref,)))
    assert world.queue() == []


def test_a_new_rule_releases_no_held_record(world: World) -> None:
    crm = world.connect()
    ref = crm.create({KEY: "a1", "name": "Anna", **SPRING})
    world.sync()
    crm.edit(ref, {**OTHER, "name": "Anna B."})
    world.sync()
    assert world.kinds() == ["address_mismatch"]
    change_settings(world, rules={"address": {"blanks": "propagate"}})
    world.sync(full=True)
    crm.edit(ref, {"phone": "123"})
    world.sync()
    assert world.kinds() == ["address_mismatch"]
    assert world.values("a1")["customer_name"] == "Anna"


def test_a_new_rule_closes_no_open_row(world: World) -> None:
    crm = world.connect()
    ref = crm.create({KEY: "a1", "name": "Anna", "email": "a@example.com"})
    world.sync()
    crm.edit(ref, {"email": "b@example.com"})
    world.change("a1", "email=c@example.com")
    world.sync()
    assert world.kinds() == ["field_conflict"]
    change_settings(world, rules={"email": {"blanks": "propagate"}})
    crm.edit(ref, {"phone": "123"})
    world.sync()
    assert world.kinds() == ["field_conflict"]


def test_a_customer_added_again_is_not_forgotten(world: World) -> None:
    crm = world.connect()
    ref = crm.create({KEY: "a1", "name": "Anna"})
    world.sync()
    world.delete("a1")
    made = world.add("a1")
    world.sync()
    assert world.kinds() == ["push_rejected"]
    assert not tick(world.services)
    world.resolve(link=made)
    world.settle()
    assert world.links()[ref].customer_id == made


def test_a_customer_whose_email_is_taken_is_not_restored(world: World) -> None:
    crm = world.connect()
    ref = crm.create({KEY: "a1", "name": "Anna", "email": "a@example.com"})
    crm.create({KEY: "b1", "name": "Ben"})
    world.sync()
    world.delete("a1")
    crm.edit(ref, {"name": "Anna B."})
    world.sync()
    world.change("b1", "email=a@example.com")
    with pytest.raises(BadInput, match="email"):
        world.resolve(world.queue("delete_vs_edit")[0], take="theirs")


def test_no_customer_is_made_with_an_email_that_is_taken(world: World) -> None:
    crm = world.connect()
    world.add("b1", email="a@example.com")
    crm.create({"name": "Anna", "email": "a@example.com"})
    world.sync()
    with pytest.raises(BadInput, match="email"):
        world.resolve(world.queue("missing_external_id")[0], create=True)


def test_a_link_to_no_customer_is_refused(world: World) -> None:
    crm = world.connect()
    crm.create({"name": "Anna", "email": "a@example.com"})
    world.sync()
    with pytest.raises(ConcordError):
        world.resolve(link="nobody")


def test_an_edit_of_a_held_record_wakes_the_push(world: World) -> None:
    crm = world.connect()
    ref = crm.create({KEY: "a1", "name": "Anna", **SPRING})
    world.sync()
    crm.edit(ref, OTHER)
    world.sync()
    assert not tick(world.services)
    world.change("a1", "address.line1=77 Oak Avenue", "address.city=Denver")
    assert tick(world.services)


def test_a_dismissed_doubt_creates_nothing_and_does_not_spin(world: World) -> None:
    crm = world.connect(crm=MemoryCrm(unique_key=False))
    world.add("k1")
    crm.create({KEY: "k1", "name": "One"})
    crm.create({KEY: "k1", "name": "Two"})
    world.sync()
    world.resolve(dismiss=True)
    world.sync()
    assert len(crm.records) == 2
    assert not tick(world.services)


def test_two_linked_records_merged_into_a_new_one_are_for_a_person(world: World) -> None:
    crm = world.connect()
    one = crm.create({KEY: "a1", "name": "Anna"})
    two = crm.create({KEY: "b1", "name": "Ben"})
    world.sync()
    new = crm.create({KEY: "a1", "name": "Anna"})
    crm.merge(new, one)
    crm.merge(new, two)
    world.sync()
    assert world.kinds() == ["remote_merged"]
    assert sorted(link.row["state"] for link in world.links().values()) == ["frozen", "frozen"]
    world.settle()
    assert world.kinds() == ["remote_merged"]


def test_an_endless_key_stops_no_other_record(world: World) -> None:
    crm = world.connect()
    spread = random.Random(1)
    crm.create({KEY: "".join(chr(spread.randrange(33, 0x2000)) for _ in range(9_000)), "name": "Long"})
    crm.create({KEY: "a1", "name": "Anna"})
    world.sync()
    assert world.kinds() == ["invalid_record"]
    assert "a1" in world.customers()


def test_a_deadlock_is_no_fault_of_a_record(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    real, left = apply_module.apply, [None, None]

    def deadlock(*args: Any, **more: Any) -> None:
        if left:
            left.pop()
            raise OperationalError("UPDATE", {}, Exception("deadlock detected"))
        real(*args, **more)

    crm = world.connect()
    crm.create({KEY: "a1", "name": "Anna"})
    monkeypatch.setattr(ingest, "apply", deadlock)
    with pytest.raises(OperationalError):
        world.sync()
    world.sync()
    assert world.queue() == []
    assert "a1" in world.customers()


def test_a_lost_create_that_the_index_does_not_show_yet_is_not_repeated(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    crm = world.connect(crm=MemoryCrm(unique_key=False))
    world.sync()
    world.add("d1", email="d1@example.com")
    crm.fault = once("write", "lost_answer")
    world.sync()
    with monkeypatch.context() as lagging:
        lagging.setattr(MemoryConnector, "find_by_external_id", lambda _self, _keys: [])
        world.sync(kind="push")
    world.settle()
    assert len(crm.records) == 1
    assert [link.row["state"] for link in world.links().values()] == ["active"]
    assert world.queue() == []

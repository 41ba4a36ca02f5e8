"""A backup is put back after the world went on: nothing is lost, nothing deleted, nothing made twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from connectors.memory import KEY
from connectors.memory_crm import MemoryCrm
from connectors.port import Presence
from sync import push as push_module
from sync.approve import approve
from sync.report import Report
from sync.restored import restored
from sync.selection import Selection
from sync.store.connections import ConnectionState
from tests.scenarios.restoring import Safe
from tests.scenarios.test_faults import Killed
from tests.world import World

RULES: dict[str, dict[str, Any]] = {
    "review": {},
    "ours": {"rules": {"email": {"on_both_changed": "prefer_local"}}, "first_link": "prefer_local"},
    "one_way": {"rules": {"email": {"direction": "local_to_crm"}, "phone_number": {"blanks": "propagate"}}},
}
FIELDS = ("email", "phone_number")
CRM_FIELDS = {"email": "email", "phone_number": "phone", "customer_name": "name"}


@dataclass
class Place:
    """Two CRMs and a database that can be put back."""

    world: World
    safe: Safe

    def release(self) -> list[Report]:
        """What a person does after a restore: see each plan, and approve it."""
        restored(self.world.database, actor="test")
        done = []
        for name in self.world.crms:
            assert self.world.connection(name).state is ConnectionState.NEEDS_APPROVAL
            plan = self.world.sync(name)
            assert plan.state == "needs_approval"
            world, org = self.world, self.world.organisation_id
            done.append(approve(world.services, org, plan.run, actor="test", progress=world.events.append))
        return done


def place_of(safe: Safe, rules: str) -> Place:
    """Three customers that are in sync with both CRMs."""
    world = World(safe.database)
    for name in ("one", "two"):
        world.connect(name, **RULES[rules])
    for key in ("a", "b", "c"):
        world.add(key, email=f"{key}@old.example", phone_number="+12125550100")
    world.settle()
    return Place(world, safe)


@pytest.fixture(params=list(RULES))
def place(request: pytest.FixtureRequest, safe: Safe) -> Place:
    return place_of(safe, request.param)


def record(crm: MemoryCrm, key: str) -> tuple[str, Any]:
    """The living record of a key; there is one."""
    ((ref, found),) = (
        (ref, each)
        for ref, each in crm.records.items()
        if each.values.get(KEY) == key and each.presence is Presence.LIVE
    )
    return ref, found


def values(world: World) -> dict[str, dict[str, Any]]:
    """What each CRM has: ref → values of its living records."""
    return {
        name: {ref: dict(each.values) for ref, each in crm.records.items() if each.presence is Presence.LIVE}
        for name, crm in world.crms.items()
    }


def check(place: Place, before: dict[str, dict[str, Any]]) -> None:
    """Nothing was written over, deleted or made twice; at rest every difference is asked about."""
    check_records(place, before)
    for _ in range(2):
        for name in place.world.crms:
            place.world.sync(name)
    check_records(place, before)
    check_questions(place)


def check_records(place: Place, before: dict[str, dict[str, Any]]) -> None:
    after = values(place.world)
    for name, records in before.items():
        for ref, known in records.items():  # a blank may be filled; no value goes
            assert {path: after[name].get(ref, {}).get(path) for path in known} == known, (name, ref)
        keys = [each[KEY] for each in after[name].values() if each.get(KEY)]
        assert len(keys) == len(set(keys)), keys


def check_questions(place: Place) -> None:
    world, after = place.world, values(place.world)
    asked = {(row.row["customer_id"], row.row["connection_id"], row.row["field"]) for row in world.queue()}
    whole = {(each[0], each[1]) for each in asked if not each[2]}
    for customer in world.customers().values():
        for name, crm in world.crms.items():
            link = next(
                (each for each in world.links(name).values() if each.customer_id == customer.id), None
            )
            if link is None or (customer.id, world.ids[name]) in whole or link.ref not in after[name]:
                continue
            for path in FIELDS:
                ours, theirs = customer.value(path), crm.records[link.ref].values.get(CRM_FIELDS[path])
                told = (customer.id, world.ids[name], path) in asked
                # A blank moves nothing, by the rule for blanks.
                assert not ours or not theirs or ours == theirs or told, (name, path, ours, theirs)


def _restored_after_two_rounds(place: Place) -> dict[str, dict[str, Any]]:
    """What all sides have after two rounds, which is what they have once the older copy is back."""
    for _ in range(2):
        for name in place.world.crms:
            place.world.sync(name)
    before = values(place.world)
    place.safe.restore()
    place.release()
    check(place, before)
    return before


def test_what_was_pushed_since_is_taken_back_from_the_crm(place: Place) -> None:
    world = place.world
    place.safe.back_up()
    world.change("a", "email=new@x.example")
    world.crms["one"].edit(record(world.crms["one"], "b")[0], {"email": "b@x.example"})
    world.settle()
    before = values(world)
    place.safe.restore()
    place.release()
    check(place, before)
    world.settle()
    check(place, before)


@pytest.mark.parametrize("rules", ["review", "ours"])
def test_a_pending_edit_that_was_taken_back_in_the_crm_since_is_asked_about(safe: Safe, rules: str) -> None:
    place = place_of(safe, rules)
    world, one = place.world, place.world.crms["one"]
    world.change("a", "email=pending@x.example")
    place.safe.back_up()
    world.settle()
    one.edit(record(one, "a")[0], {"email": "a@old.example"})
    before = _restored_after_two_rounds(place)
    assert {row.row["field"] for row in world.queue()} == {"email"}
    assert any({"why": "restored"} in row.conflict().reasons for row in world.queue())
    for name in world.crms:
        world.sync(name, full=True)
    check(place, before)
    for row in world.queue():
        world.resolve(row, take="ours")
    world.settle()
    assert world.queue() == []
    assert {record(crm, "a")[1].values["email"] for crm in world.crms.values()} == {"pending@x.example"}


def test_the_crms_values_can_be_taken_all_at_once(safe: Safe) -> None:
    place = place_of(safe, "review")
    world, one = place.world, place.world.crms["one"]
    for key in ("a", "b", "c"):
        world.change(key, f"email={key}@pending.example")
    safe.back_up()
    world.settle()
    for key in ("a", "b"):
        one.edit(record(one, key)[0], {"email": f"{key}@later.example"})
    world.settle()
    before = values(world)
    safe.restore()
    place.release()
    check(place, before)
    assert len(world.queue()) == 4
    world.resolve_all("theirs")
    world.settle()
    assert (values(world), world.queue()) == (before, [])
    assert {key: world.values(key)["email"] for key in ("a", "b", "c")} == {
        "a": "a@later.example",
        "b": "b@later.example",
        "c": "c@pending.example",
    }


def test_a_decision_goes_out_and_is_not_asked_twice(safe: Safe) -> None:
    place = place_of(safe, "review")
    world, one = place.world, place.world.crms["one"]
    world.change("a", "email=pending@x.example", "phone_number=+12125550101")
    safe.back_up()
    safe.restore()
    place.release()
    world.sync(
        "one", kind="resync", selection=Selection(everything=True)
    )  # what is agreed is doubted no more
    (link,) = (each for each in world.links("one").values() if each.ref == record(one, "a")[0])
    assert link.row["doubted"] == ["email", "phone_number"]
    for row in world.queue():
        if row.row["field"] == "email":
            world.resolve(row, take="ours")
    world.settle()
    assert record(one, "a")[1].values["email"] == "pending@x.example"
    assert record(one, "a")[1].values["phone"] == "+12125550100"
    assert {row.row["field"] for row in world.queue()} == {"phone_number"}


def test_what_came_and_went_since_is_neither_doubled_nor_deleted(place: Place) -> None:
    world, one, two = place.world, place.world.crms["one"], place.world.crms["two"]
    world.add("d", email="d@x.example")
    place.safe.back_up()
    world.settle()
    world.add("e", email="e@x.example")
    one.create({KEY: "f", "name": "F"})
    world.settle()
    one.delete(record(one, "b")[0])
    world.sync("one")
    world.resolve(take="theirs")
    world.delete("c")
    world.settle()
    before = values(world)
    place.safe.restore()
    place.release()
    check(place, before)
    assert {"a", "b", "c", "d", "e", "f"} == world.customers().keys()
    assert "remote_deleted" in world.kinds()
    world.settle()
    check(place, before)
    assert record(two, "b")


def test_a_write_that_was_under_way_is_settled(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_args: object) -> None:
        raise Killed

    world, one = place.world, place.world.crms["one"]
    world.change("a", "email=sent@x.example")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(push_module, "write", die)
        world.sync("one")
    place.safe.back_up()
    world.settle()
    one.edit(record(one, "a")[0], {"email": "later@x.example"})
    _restored_after_two_rounds(place)

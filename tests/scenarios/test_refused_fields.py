"""What the CRM refuses of an update is held by itself: corrected, tried again or dismissed; the rest goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from connectors.errors import InvalidRecord
from connectors.memory import KEY, MemoryConnector
from connectors.memory_crm import MemoryCrm
from connectors.port import Failed, Receipt, Update, Write
from connectors.records import Address
from sync.errors import BadInput
from tests.scenarios.undoing import undo
from tests.world import World

REF = "m000001"
LONG = "much-too-long-for-this-crm@example.com"
PHONE, OTHER = "+12175550100", "+12175550199"


@pytest.fixture
def crm(world: World) -> MemoryCrm:
    """A CRM with three records in sync."""
    crm = world.connect()
    for key in ("a1", "b1", "c1"):
        crm.create({KEY: key, "name": key, "email": f"{key}@example.com"})
    world.sync()
    return crm


def there(crm: MemoryCrm, name: str) -> Any:
    return crm.records[REF].values.get(name)


def held(world: World) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """What is refused: field, ours and theirs."""
    rows = [each.conflict() for each in world.queue("push_rejected")]
    return sorted((row.field, dict(row.local), dict(row.remote)) for row in rows)


def at_rest(world: World) -> None:
    """Nothing is left to be written, and nothing is tried."""
    for _ in range(2):
        report = world.sync()
        assert (report.counts["writes"], report.calls.get("write")) == (0, None)
    assert world.links()[REF].row["dirty_at"] is None


def refuse(monkeypatch: pytest.MonkeyPatch, bad: Callable[[Update], bool]) -> None:
    """Let the CRM refuse some updates by a rule of its own, which names no field."""
    real = MemoryConnector.write

    def write(self: MemoryConnector, batch: Sequence[Write]) -> Sequence[Receipt]:
        def one(each: Write) -> Receipt:
            if isinstance(each, Update) and bad(each):
                return Failed(InvalidRecord("", "a rule of the CRM says no"))
            return real(self, [each])[0]

        return [one(each) for each in batch]

    monkeypatch.setattr(MemoryConnector, "write", write)


def test_once_it_is_dismissed_the_other_fields_go_on(world: World, crm: MemoryCrm) -> None:
    crm.lengths = {"email": 20}
    world.change("a1", f"email={LONG}")
    world.sync()
    assert held(world) == [("email", {"email": LONG}, {"email": "a1@example.com"})]
    world.resolve(dismiss=True)
    at_rest(world)
    world.change("a1", f"phone_number={PHONE}")
    world.sync()
    assert (there(crm, "phone"), there(crm, "email")) == (PHONE, "a1@example.com")
    assert (world.queue(), world.values("a1")["email"]) == ([], LONG)
    at_rest(world)
    crm.edit(REF, {"email": "new@example.com"})  # either side may change it again
    world.sync()
    assert world.values("a1")["email"] == "new@example.com"
    world.change("a1", f"email={LONG}")
    world.sync()
    assert held(world) == [("email", {"email": LONG}, {"email": "new@example.com"})]


def test_a_dismissal_keeps_both_as_the_crm_is_by_now(world: World) -> None:
    crm = world.connect(rules={"email": {"on_both_changed": "prefer_local"}})
    crm.create({KEY: "a1", "name": "a1", "email": "a1@example.com"})
    world.sync()
    crm.lengths = {"email": 20}
    world.change("a1", f"email={LONG}")
    world.sync()
    crm.edit(REF, {"email": "later@example.com"})
    world.sync()
    assert held(world) == [("email", {"email": LONG}, {"email": "later@example.com"})]
    world.resolve(dismiss=True)
    at_rest(world)
    assert (world.values("a1")["email"], there(crm, "email")) == (LONG, "later@example.com")
    assert world.queue() == []


def test_an_address_can_be_dismissed(world: World, crm: MemoryCrm) -> None:
    crm.lengths = {"billing_city": 5}
    world.change("a1", "address.line1=1 Main St", "address.city=Springfield", "address.country=US")
    world.sync()
    assert len(world.queue("push_rejected")) == 1
    world.resolve(dismiss=True)
    world.change("a1", f"phone_number={PHONE}")
    world.sync()
    assert (there(crm, "phone"), there(crm, "billing_city"), world.queue()) == (PHONE, None, [])
    here = world.values("a1")["address"]
    assert isinstance(here, Address)
    assert here.city == "Springfield"
    at_rest(world)


def test_a_dismissal_can_be_undone(world: World, crm: MemoryCrm) -> None:
    crm.lengths = {"email": 20}
    world.change("a1", f"email={LONG}")
    world.sync()
    run = world.resolve(dismiss=True).run
    assert run is not None
    at_rest(world)
    undo(world, run)
    assert held(world) == [("email", {"email": LONG}, {"email": "a1@example.com"})]
    at_rest(world)
    crm.lengths = {}
    world.resolve(retry=True)
    world.settle()
    assert (there(crm, "email"), world.queue()) == (LONG, [])


def test_fields_that_are_refused_one_after_the_other_are_held_each_by_itself(
    world: World, crm: MemoryCrm
) -> None:
    crm.lengths = {"email": 20, "phone": 5}
    world.change("a1", f"email={LONG}", f"phone_number={PHONE}")
    world.sync()
    assert [each[0] for each in held(world)] == ["email", "phone_number"]
    at_rest(world)
    world.change("a1", "customer_name=Renamed")
    world.sync()
    assert there(crm, "name") == "Renamed"
    assert [each[0] for each in held(world)] == ["email", "phone_number"]
    at_rest(world)
    world.resolve(world.queue()[0], dismiss=True)
    crm.lengths = {}
    world.resolve(retry=True)
    world.settle()
    assert len({there(crm, "email") == LONG, there(crm, "phone") == PHONE}) == 2
    assert world.queue() == []


def test_what_was_refused_as_a_whole_goes_once_a_part_is_corrected(
    world: World, crm: MemoryCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, lambda update: update.fields.get("phone_number") == PHONE)
    world.change("a1", "email=new@example.com", f"phone_number={PHONE}")
    world.sync()
    refused = {"email": "new@example.com", "phone_number": PHONE}
    assert held(world) == [("", refused, {"email": "a1@example.com", "phone_number": None})]
    at_rest(world)
    world.change("a1", f"phone_number={OTHER}")
    world.sync()
    assert (there(crm, "email"), there(crm, "phone")) == ("new@example.com", OTHER)
    assert world.queue() == []
    at_rest(world)


def test_what_was_refused_as_a_whole_can_be_dismissed(
    world: World, crm: MemoryCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, lambda update: "email" in update.fields)
    world.change("a1", "email=new@example.com", f"phone_number={PHONE}")
    world.sync()
    world.resolve(dismiss=True)
    world.change("a1", "customer_name=Renamed")
    world.sync()
    assert (there(crm, "name"), there(crm, "phone")) == ("Renamed", None)
    world.change("a1", f"phone_number={OTHER}")
    world.sync()
    assert (there(crm, "phone"), world.queue()) == (OTHER, [])
    at_rest(world)


def _decided_key(world: World, crm: MemoryCrm) -> str:
    """A person wants our external id in a record, and another record has it; returns that one."""
    crm.edit(REF, {KEY: "zz"})
    world.sync()
    rival = crm.create({KEY: "a1", "name": "other"})
    world.sync()
    (row,) = world.queue("key_changed")
    world.resolve(row, take="ours")
    world.change("a1", f"phone_number={PHONE}")
    world.sync()
    return rival


def test_a_refused_external_id_holds_itself_alone(world: World, crm: MemoryCrm) -> None:
    rival = _decided_key(world, crm)
    assert held(world) == [("external_id", {"external_id": "a1"}, {"external_id": "zz"})]
    (row,) = world.queue("push_rejected")
    assert row.row["reasons"] == [{"field": "external_id", "why": "another record has this key"}]
    assert (there(crm, "phone"), there(crm, KEY)) == (PHONE, "zz")
    at_rest(world)
    world.change("a1", f"phone_number={OTHER}")
    world.sync()
    assert there(crm, "phone") == OTHER
    at_rest(world)
    crm.delete(rival)
    world.sync()
    world.resolve(row, retry=True)
    world.settle()
    assert there(crm, KEY) == "a1"
    assert world.queue("push_rejected") == []


def test_once_a_refused_external_id_is_dismissed_it_is_asked_which_one_stands(
    world: World, crm: MemoryCrm
) -> None:
    _decided_key(world, crm)
    (row,) = world.queue("push_rejected")
    run = world.resolve(row, dismiss=True).run
    assert run is not None
    world.sync()
    assert "key_changed" in world.kinds()
    assert "push_rejected" not in world.kinds()
    at_rest(world)
    (row,) = world.queue("key_changed")
    world.resolve(row, take="theirs")
    world.settle()
    assert world.links()[REF].customer_id == world.customers()["zz"].id


def test_an_adopted_record_id_that_is_refused_is_not_dismissed(world: World) -> None:
    crm = world.connect(on_missing_external_id="adopt_ref")
    crm.lengths = {KEY: 3}
    ref = crm.create({"name": "A"})
    world.sync()
    world.change(ref, f"phone_number={PHONE}")
    world.sync()
    assert held(world) == [("external_id", {"external_id": ref}, {"external_id": None})]
    assert crm.records[ref].values["phone"] == PHONE
    at_rest(world)
    with pytest.raises(BadInput):
        world.resolve(dismiss=True)
    crm.lengths = {}
    world.resolve(retry=True)
    world.settle()
    assert (crm.records[ref].values[KEY], world.queue()) == (ref, [])

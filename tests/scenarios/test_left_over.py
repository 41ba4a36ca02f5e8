"""What the torture programme found: work that was left over and that nobody would have come back to."""

from __future__ import annotations

import pytest

from connectors.memory import KEY
from connectors.memory_crm import MemoryCrm
from sync.store import connections
from tests.scenarios.test_guards import edit_all, fill
from tests.world import World


class Killed(BaseException):
    """The process is gone."""


def test_what_an_approval_did_not_cover_is_planned_and_the_next_one_does_it(world: World) -> None:
    crm = fill(world, 120)
    edit_all(crm, {"name": "Meant"}, share=0.5)
    report = world.sync()
    edit_all(crm, {"phone": "+1 217 555 0199"})
    for number in range(3):
        world.add(f"new{number}")
    first = world.sync(approval=report.run)
    assert (first.state, first.counts["deferred"]) == ("needs_approval", 63)
    second = world.sync(approval=first.run)
    assert second.state == "done"
    assert {c.value("phone_number") for c in world.customers().values() if c.row["external_id"] < "n"} == {
        "+1 217 555 0199"
    }
    assert len(crm.records) == 123
    assert world.connection().state == "active"


def test_an_overwritten_value_outlives_an_address_that_does_not_match(world: World) -> None:
    crm = world.connect(crm=MemoryCrm(conditional_write=False))
    ref = crm.create(
        {KEY: "a1", "name": "A", "billing_line1": "1 Main Street", "billing_city": "Springfield"}
    )
    world.sync()
    world.change("a1", "customer_name=Ours")

    def person() -> None:
        crm.before_write = lambda: None
        crm.edit(ref, {"name": "Theirs"})

    crm.before_write = person
    world.settle()
    assert world.kinds() == ["field_conflict"]
    crm.edit(ref, {"billing_line1": "99 Oak Avenue"})
    world.settle()
    assert world.kinds() == ["address_mismatch", "field_conflict"]
    world.resolve(world.queue("address_mismatch")[0], take="theirs")
    world.settle()
    world.change("a1", "customer_name=Ours again")
    world.settle()
    world.resolve(take="theirs")
    world.settle()
    assert (world.values("a1")["customer_name"], crm.records[ref].values["name"]) == ("Theirs", "Theirs")


def test_a_first_sync_that_dies_at_its_end_leaves_no_connection_that_nobody_syncs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    crm = world.connect()
    crm.create({KEY: "a1", "name": "A"})
    real = connections.set_state

    def dies(*given: object) -> None:
        raise Killed

    monkeypatch.setattr(connections, "set_state", dies)
    with pytest.raises(Killed):
        world.sync()
    monkeypatch.setattr(connections, "set_state", real)
    assert world.connection().row["first_sync"] != "done"
    world.sync()
    assert world.connection().state == "active"

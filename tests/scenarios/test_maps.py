from __future__ import annotations

from typing import Any

import pytest

from connectors.memory import KEY, MAPPING
from connectors.records import JSON
from sync.core.normalise import equal
from sync.customers import patch
from sync.errors import NotFoundError
from sync.intake import CustomerChange
from sync.rules import parse_settings
from sync.selection import Selection
from sync.store import connections
from tests.world import World

LINES = [{"field": line.field, "crm": line.crm} for line in MAPPING]


def change_settings(world: World, **settings: Any) -> None:
    body = {**world.connection().settings.model_dump(mode="json"), **settings}
    with world.database.transaction() as tx:
        found = connections.load(tx, world.ids["crm"])
        connections.change_settings(tx, found, parse_settings(body))


def test_a_newly_mapped_field_waits_for_a_resync(world: World) -> None:
    crm = world.connect()
    ref = crm.create({KEY: "a1", "name": "Anna", "tier": "gold"})
    world.sync()
    change_settings(world, map=[*LINES, {"field": "custom_data.tier", "crm": "tier"}])
    crm.edit(ref, {"tier": "silver", "email": "anna@example.com"})
    world.sync(full=True)
    assert world.customers()["a1"].row["custom_data"] is None
    assert world.values("a1")["email"] == "anna@example.com"

    preview = world.sync(kind="resync", dry=True, selection=Selection(ids=("a1",)))
    assert preview.counts["updated_local"] == 1
    assert world.customers()["a1"].row["custom_data"] is None

    report = world.sync(kind="resync", selection=Selection(ids=("a1",)))
    assert report.counts["updated_local"] == 1
    assert world.customers()["a1"].row["custom_data"] == {"tier": "silver"}
    crm.edit(ref, {"tier": "bronze"})
    world.sync()
    assert world.customers()["a1"].row["custom_data"] == {"tier": "bronze"}


@pytest.mark.parametrize(("before", "after"), [(1, True), (0, False)])
def test_a_number_that_becomes_a_truth_value_travels(world: World, before: JSON, after: JSON) -> None:
    crm = world.connect(map=[*LINES, {"field": "custom_data.tier", "crm": "tier"}])
    ref = crm.create({KEY: "a1", "name": "Anna", "tier": before})
    world.sync()

    def here() -> JSON:
        kept: JSON = world.customers()["a1"].row["custom_data"]["tier"]
        return kept

    def set_here(value: JSON) -> None:
        given = CustomerChange(custom_data={"tier": value})
        customer_id = world.customers()["a1"].id
        patch(world.database, world.organisation_id, customer_id, given, actor="test", version=None)

    assert equal(here(), before)
    crm.edit(ref, {"tier": after})
    assert world.sync().counts["updated_local"] == 1
    assert equal(here(), after)
    set_here(before)
    assert world.sync().counts["updated_remote"] == 1
    assert equal(crm.records[ref].values["tier"], before)

    crm.edit(ref, {"tier": after})
    set_here(after)
    assert world.sync().counts["writes"] == 0
    set_here(before)
    assert world.sync().counts["updated_remote"] == 1, "the agreement had moved to what both sides had"
    assert equal(crm.records[ref].values["tier"], before)
    assert world.sync().counts["writes"] == 0


def test_a_new_rule_waits_for_a_resync(world: World) -> None:
    crm = world.connect()
    ref = crm.create({KEY: "a1", "name": "Anna", "email": "anna@example.com"})
    world.sync()
    change_settings(world, rules={"email": "always_local"})
    crm.edit(ref, {"email": "theirs@example.com"})
    world.sync()
    assert world.values("a1")["email"] == "anna@example.com"
    assert crm.records[ref].values["email"] == "theirs@example.com"
    world.sync(kind="resync", selection=Selection(ids=("a1",)))
    assert crm.records[ref].values["email"] == "anna@example.com"


def test_a_resync_finds_records_by_key_or_ref_on_either_side(world: World) -> None:
    crm = world.connect()
    ref = crm.create({KEY: "a1", "name": "Anna"})
    world.sync()
    world.add("only-here")
    crm.create({KEY: "only-there", "name": "There"})
    crm.edit(ref, {"name": "Anna B."})
    report = world.sync(kind="resync", selection=Selection(ids=(ref, "only-here", "only-there")))
    assert world.values("a1")["customer_name"] == "Anna B."
    assert report.counts["created_local"] == 1
    assert report.counts["created_remote"] == 1


def test_a_resync_of_a_stranger_says_so(world: World) -> None:
    world.connect()
    world.sync()
    with pytest.raises(NotFoundError, match="nobody"):
        world.sync(kind="resync", selection=Selection(ids=("nobody",)))


def test_a_resync_writes_only_what_was_asked_for(world: World) -> None:
    crm = world.connect()
    for key in ("a1", "b1"):
        crm.create({KEY: key, "name": key})
    world.sync()
    for key in ("a1", "b1"):
        world.change(key, "email=" + key + "@example.com")
    world.sync(kind="resync", selection=Selection(ids=("a1",)))
    assert [record.values.get("email") for record in crm.records.values()] == ["a1@example.com", None]

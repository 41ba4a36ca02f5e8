from __future__ import annotations

from typing import Any

import pytest

from connectors.memory import KEY, MAPPING
from sync.errors import NotFoundError
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

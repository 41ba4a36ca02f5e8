"""Quarantine: the reason and the raw value, retry and dismiss; what cannot succeed is not tried again."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.memory import KEY
from connectors.memory_crm import MemoryCrm
from tests.world import World

REF = "m000001"


@pytest.fixture
def crm(world: World) -> MemoryCrm:
    """A CRM whose one record is in sync."""
    crm = world.connect()
    crm.create({KEY: "a1", "name": "Anna"})
    world.sync()
    return crm


@pytest.mark.parametrize(
    ("fields", "path", "raw"),
    [
        ({"phone": [1, 2]}, "phone_number", [1, 2]),
        ({"billing_city": {"x": "y"}}, "address.city", {"x": "y"}),
        ({KEY: "k" * 300}, "external_id", "k" * 300),
        ({"phone": ["z" * 5_000]}, "phone_number", '["' + "z" * 1_998 + "…"),
    ],
)
def test_the_raw_value_is_shown(world: World, crm: MemoryCrm, fields: Any, path: str, raw: object) -> None:
    crm.edit(REF, fields)
    world.sync()
    (row,) = world.queue()
    assert (row.row["kind"], row.row["reasons"][0]["field"]) == ("invalid_record", path)
    assert row.conflict().remote == {path: raw}


def test_a_dismissal_speaks_of_the_value_that_was_shown(world: World, crm: MemoryCrm) -> None:
    crm.edit(REF, {"phone": [1]})
    world.sync()
    world.resolve(dismiss=True)
    world.sync(full=True)
    assert world.queue() == []
    crm.edit(REF, {"phone": [2]})
    world.sync()
    (row,) = world.queue()
    assert row.conflict().remote == {"phone_number": [2]}


def test_it_closes_itself_once_the_record_can_be_taken(world: World, crm: MemoryCrm) -> None:
    crm.edit(REF, {"phone": [1]})
    world.sync()
    for _ in range(3):
        assert world.sync().counts["writes"] == 0
    crm.edit(REF, {"phone": "+12125550100"})
    world.sync()
    assert world.queue() == []
    assert world.values("a1")["phone_number"] == "+12125550100"


def test_what_cannot_succeed_is_not_tried_again_by_itself(world: World, crm: MemoryCrm) -> None:
    crm.lengths = {"name": 5}
    world.change("a1", "customer_name=Annabel Lee")
    world.sync()
    (row,) = world.queue("push_rejected")
    calls = dict(crm.calls)
    for _ in range(3):
        world.sync()
    assert crm.calls.get("write") == calls.get("write")
    crm.lengths = {}
    world.resolve(row, retry=True)
    world.settle()
    assert world.queue() == []
    assert crm.records[REF].values["name"] == "Annabel Lee"

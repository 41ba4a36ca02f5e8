"""One record in sync, which departs."""

from __future__ import annotations

from connectors.memory import KEY
from connectors.memory_crm import MemoryCrm
from tests.world import World

REF = "m000001"


def in_sync(world: World) -> MemoryCrm:
    """A CRM whose one record, `REF`, is in sync."""
    crm = world.connect()
    crm.create({KEY: "a1", "name": "Anna", "email": "anna@example.com"})
    world.sync()
    return crm


def state(world: World, ref: str = REF) -> str:
    """The state of a record's link."""
    return str(world.links()[ref].row["state"])

"""What our write overwrote unseen waits for a person, who sees what the CRM has by now, too."""

from __future__ import annotations

import pytest

from connectors.memory import KEY
from connectors.memory_crm import MemoryCrm
from tests.scenarios.parting import REF
from tests.world import World


@pytest.fixture
def crm(world: World) -> MemoryCrm:
    """A CRM without conditional writes in which our write has overwritten an edit of a1's unseen."""
    crm = world.connect(crm=MemoryCrm(conditional_write=False))
    crm.create({KEY: "a1", "name": "a1", "email": "a1@example.com"})
    world.sync()
    world.change("a1", "email=ours@example.com")

    def person() -> None:
        crm.before_write = lambda: None
        crm.edit(REF, {"email": "person@example.com"})

    crm.before_write = person
    world.settle()
    assert world.kinds() == ["field_conflict"]
    return crm


def third(world: World) -> object:
    (row,) = world.queue("field_conflict")
    return row.conflict().third


def test_where_the_crm_has_our_value_there_is_no_third(world: World, crm: MemoryCrm) -> None:
    world.sync()
    assert third(world) == {}


def test_whoever_edits_it_there_meanwhile_is_shown_to_whoever_decides(world: World, crm: MemoryCrm) -> None:
    version = world.queue("field_conflict")[0].row["version"]
    crm.edit(REF, {"email": "another@example.com"})
    world.sync()
    assert third(world) == {"email": "another@example.com"}
    assert world.queue("field_conflict")[0].row["version"] > version, "who was shown less decides nothing"
    world.resolve(take="theirs")
    world.settle()
    assert crm.records[REF].values["email"] == "person@example.com"


def test_leaving_both_as_they_are_keeps_the_third(world: World, crm: MemoryCrm) -> None:
    crm.edit(REF, {"email": "another@example.com"})
    world.sync()
    world.resolve(dismiss=True)
    world.settle()
    assert crm.records[REF].values["email"] == "another@example.com"
    assert world.values("a1")["email"] == "ours@example.com"
    assert world.queue() == []

"""Undo where several things meet: decisions about one customer, addresses that changed hands, pages, cuts."""

from __future__ import annotations

import pytest

from tests.scenarios.undoing import REF, fill, quiet, undo, values
from tests.world import World

PHONES = {"ours": "+1 217 555 0100", "theirs": "+1 217 555 0199"}


@pytest.mark.parametrize("take", ["ours", "theirs"])
@pytest.mark.parametrize("pushed", [False, True])
def test_two_decisions_about_one_customer_go_back_together(world: World, take: str, pushed: bool) -> None:
    crm = fill(world)
    world.change("k0", "customer_name=Ours", f"phone_number={PHONES['ours']}")
    crm.edit(REF, {"name": "Theirs", "phone": PHONES["theirs"]})
    world.sync()
    assert world.kinds() == ["field_conflict"] * 2
    outcomes = world.resolve_all(take)
    if pushed:
        world.sync()
    undone = undo(world, str(outcomes[0].run))
    here = world.values("k0")
    assert (here["customer_name"], here["phone_number"]) == ("Ours", PHONES["ours"])
    assert (values(crm)["name"], values(crm)["phone"]) == ("Theirs", PHONES["theirs"])
    assert world.kinds() == ["field_conflict"] * 2
    quiet(world)

    undo(world, undone)
    assert world.queue() == []
    world.settle()
    here = world.values("k0")
    assert here["customer_name"] == values(crm)["name"] == take.title()
    assert here["phone_number"] == values(crm)["phone"] == PHONES[take]

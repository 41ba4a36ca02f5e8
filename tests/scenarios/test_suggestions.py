"""Suggestions for a record without a key: by e-mail, by name, by domain; shown and never acted on."""

from __future__ import annotations

from sync.suggest import suggest
from tests.world import World


def test_suggestions_come_in_the_order_of_what_speaks_for_them(world: World) -> None:
    crm = world.connect()
    crm.create({"name": "Acme Ltd", "email": "AP@acme.example"})
    world.add("k1", customer_name="Acme Holding", email="ap@acme.example")
    world.add("k2", customer_name="ACME LTD")
    world.add("k3", customer_name="Acme Tools", email="tools@acme.example")
    world.add("k4", customer_name="Somebody else", email="x@else.example")
    gone = world.add("k5", customer_name="Acme Ltd")
    world.delete(gone)
    world.sync(kind="pull")
    (row,) = world.queue()
    with world.database.reading() as tx:
        found = suggest(tx, row)
    assert [(each.external_id, each.why) for each in found] == [
        ("k1", "the same e-mail address"),
        ("k2", "the same name"),
        ("k3", "the same e-mail domain"),
    ]
    world.sync()
    with world.database.reading() as tx:
        assert suggest(tx, row) == []  # each has a record of its own by now

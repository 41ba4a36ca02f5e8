"""Who names a record, and who has one of many keys, is found by an index, behind PostgreSQL's walls, too."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import ColumnElement, event, select

from sync.clock import new_id
from sync.store.query import names, one_of
from sync.store.schema import customers
from tests.world import World


@pytest.mark.parametrize("column", ["parent_customer_id", "business_entity_id"])
def test_who_names_a_record_is_found_by_an_index(world: World, column: str) -> None:
    for number in range(50):  # of an empty table any index is as good as another
        world.add(f"c{number}")
    plan = planned(world, names(customers.c[column], new_id()))
    assert f"ix_customers_{column}" in plan
    if world.database.dialect == "postgresql":
        assert "Index Cond" in plan


@pytest.mark.parametrize(
    "index", ["ix_customers_external_fold", "uq_customers_email_fold", "uq_customers_external_id"]
)
def test_many_keys_are_found_by_an_index(world: World, index: str) -> None:
    column = index[index.index("customers_") :].removeprefix("customers_")
    for number in range(50):
        world.add(f"c{number}")
    plan = planned(world, one_of(customers.c[column], ["a", "b", "c"]), customers.c.deleted_at.is_(None))
    assert index in plan
    assert "SCAN customers" not in plan


def planned(world: World, *conditions: ColumnElement[bool]) -> str:
    """How the database looks for an organisation's customers, behind the walls."""
    mine = world.organisation_id
    statement = select(customers.c.id).where(customers.c.organisation_id == mine, *conditions)
    postgresql = world.database.dialect == "postgresql"
    world.database.refresh_statistics()
    plans: list[str] = []

    def explain(_: object, cursor: Any, text: str, values: Any, *_rest: object) -> None:
        with closing(cursor.connection.cursor()) as beside:
            beside.execute(f"{'EXPLAIN' if postgresql else 'EXPLAIN QUERY PLAN'} {text}", values)
            plans.append(str(beside.fetchall()))

    with world.database.within(mine).reading() as tx:
        if postgresql:
            tx.exec_driver_sql("SET LOCAL enable_seqscan = off")
        event.listen(tx, "before_cursor_execute", explain)
        tx.execute(statement)
    return plans[0]

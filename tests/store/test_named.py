"""Who names a record is found by an index, behind the walls of PostgreSQL, too."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from sync.clock import new_id
from sync.store.query import names
from sync.store.schema import customers
from tests.world import World


@pytest.mark.parametrize("column", ["parent_customer_id", "business_entity_id"])
def test_who_names_a_record_is_found_by_an_index(world: World, column: str) -> None:
    mine = world.organisation_id
    for number in range(50):  # of an empty table any index is as good as another
        world.add(f"c{number}")
    wanted = (customers.c.organisation_id == mine, names(customers.c[column], new_id()))
    statement = select(customers.c.id).where(*wanted)
    walled = world.database.within(mine)
    postgresql = walled.dialect == "postgresql"
    if postgresql:
        with world.database.transaction() as tx:
            tx.exec_driver_sql("ANALYZE customers")
    with walled.reading() as tx:
        if postgresql:
            tx.exec_driver_sql("SET LOCAL enable_seqscan = off")
        text = statement.compile(tx, compile_kwargs={"render_postcompile": True})
        prefix = "EXPLAIN " if postgresql else "EXPLAIN QUERY PLAN "
        values = tuple(text.params[name] for name in text.positiontup or ())
        plan = tx.exec_driver_sql(prefix + str(text), values or dict(text.params)).all()
    assert f"ix_customers_{column}" in str(plan)
    if postgresql:
        assert "Index Cond" in str(plan)

"""A ledger adds up whoever writes at the same moment, whatever the clocks say, and whatever is moved."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync import wallets
from sync.errors import BadInput, Taken
from sync.store import wallets as store
from sync.store.session import Database
from tests.store.ledgers import TINY, add, adds_up, deduct, entry, ledger, now_of, opened
from tests.store.together import together
from tests.world import World


def test_fifty_deductions_at_once_never_overdraw(world: World) -> None:
    wallet = opened(world)
    add(world, wallet, "20.2")
    url = world.database.url.render_as_string(hide_password=False)

    def work(number: int) -> bool:
        own = Database(url)
        try:
            given = entry("1.01", f"deduction {number}")
            wallets.deduct(own, world.organisation_id, wallet["id"], given, actor="anna")
        except BadInput as refusal:
            assert "more than the balance" in str(refusal.fields["amount"])
            return False
        finally:
            own.close()
        return True

    assert sum(together(50, work)) == 20
    assert adds_up(world, wallet) == 0
    assert len(ledger(world.database, wallet)) == 21
    assert now_of(world, wallet)["version"] == 22


def test_of_two_wallets_made_at_once_one_is_there(world: World) -> None:
    customer_id = world.add()

    def work(_: int) -> str:
        try:
            return str(opened(world, customer_id=customer_id)["id"])
        except Taken:
            return ""

    made = [each for each in together(8, work) if each]
    with world.database.reading() as tx:
        found = wallets.page(tx, world.organisation_id, customer_id=customer_id, limit=10)
    assert [each["id"] for each in found] == made


def test_a_ledger_keeps_its_order_though_a_clock_goes_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    wallet = opened(world)
    late = "0199ffffffff7000bfffffffffffffff"
    monkeypatch.setattr(store, "new_id", lambda: late)
    add(world, wallet, "1")
    monkeypatch.setattr(store, "new_id", lambda: "0100" + late[4:])
    add(world, wallet, "2")
    monkeypatch.undo()
    add(world, wallet, "3")
    assert [each["amount"] for each in ledger(world.database, wallet)][:2] == [1, 2]
    adds_up(world, wallet)


_moves = st.lists(st.tuples(st.booleans(), st.decimals(Decimal(TINY), 30, places=9)), max_size=12)


@settings(max_examples=15)
@given(moves=_moves)
def test_the_sum_of_the_entries_is_the_balance(
    world_of_moves: World, moves: list[tuple[bool, Decimal]]
) -> None:
    world, wallet = world_of_moves, opened(world_of_moves)
    expected = Decimal(0)
    for adds, amount in moves:
        if adds:
            add(world, wallet, f"{amount:f}")
            expected += amount
        elif amount <= expected:
            deduct(world, wallet, f"{amount:f}")
            expected -= amount
        else:
            with pytest.raises(BadInput):
                deduct(world, wallet, f"{amount:f}")
    assert adds_up(world, wallet) == expected


@pytest.fixture(scope="module")
def world_of_moves(sqlite_template: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One world for all examples: each takes a customer of its own."""
    path = tmp_path_factory.mktemp("moves") / "concord.db"
    path.write_bytes(sqlite_template.read_bytes())
    database = Database(f"sqlite:///{path}")
    yield World(database)
    database.close()

"""Wallets of a world, and whether their ledgers add up."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sync import wallets
from sync.billing import parse
from sync.store import wallets as store
from sync.store.query import Row
from sync.store.session import Database
from tests.world import World

TINY = "0.000000001"


def entry(amount: object, reason: str = "a test") -> wallets.EntryInput:
    return parse(wallets.EntryInput, {"amount": amount, "reason": reason}, "entry")


def opened(world: World, **given: Any) -> Row:
    """A wallet, of a new customer unless one is named."""
    data = {"currency": "EUR", **given}
    data.setdefault("customer_id", world.add())
    body = parse(wallets.WalletInput, data, "wallet")
    return wallets.create(world.database, world.organisation_id, body, actor="anna")


def add(world: World, wallet: Row, amount: object, **more: Any) -> Row:
    return wallets.add(
        world.database, world.organisation_id, wallet["id"], entry(amount), actor="anna", **more
    )


def deduct(world: World, wallet: Row, amount: object, **more: Any) -> Row:
    given = entry(amount)
    return wallets.deduct(world.database, world.organisation_id, wallet["id"], given, actor="anna", **more)


def now_of(world: World, wallet: Row) -> Row:
    with world.database.reading() as tx:
        return wallets.get(tx, world.organisation_id, wallet["id"])


def ledger(database: Database, wallet: Row) -> list[Row]:
    with database.reading() as tx:
        return store.entries(tx, wallet["id"], limit=10_000)


def adds_up(world: World, wallet: Row) -> Decimal:
    """The balance, which must be that of every way to reckon it."""
    balance = Decimal(0)
    for each in ledger(world.database, wallet):
        balance += each["amount"]
        assert each["balance"] == balance
    found: Decimal = now_of(world, wallet)["balance"]
    assert found == balance
    return balance

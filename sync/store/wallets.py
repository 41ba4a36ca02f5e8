"""Wallets and their ledgers: entries are added, never changed, each with the balance after it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from sqlalchemy import func, insert, select

from sync.clock import new_id
from sync.store import billing
from sync.store.billtables import wallet_entries, wallets
from sync.store.query import Row, first, one_of, rows
from sync.store.schema import customers
from sync.store.session import Tx


def hold(tx: Tx, organisation_id: str, wallet_id: str) -> Row | None:
    """A wallet, locked until the transaction ends; `closed` if its customer is deleted."""
    statement = (
        select(wallets, customers.c.deleted_at.is_not(None).label("closed"))
        .join(customers, customers.c.id == wallets.c.customer_id)
        .where(wallets.c.id == wallet_id, wallets.c.organisation_id == organisation_id)
        .with_for_update(of=wallets)
    )
    return first(tx, statement)


def of_currency(tx: Tx, customer_id: str, currency: str) -> Row | None:
    """The customer's wallet in this currency."""
    statement = select(wallets).where(wallets.c.customer_id == customer_id, wallets.c.currency == currency)
    return first(tx, statement)


def enter(tx: Tx, wallet: Row, *, amount: Decimal, balance: Decimal, reason: str, actor: str) -> Row:
    """Add an entry to a held wallet, whose balance and version move with it; the whole entry."""
    moved = billing.change(tx, wallets, wallet, {"balance": balance})
    entry = {
        "id": _id_after(_last_id(tx, wallet["id"])),
        "wallet_id": wallet["id"],
        "organisation_id": wallet["organisation_id"],
        "amount": amount,
        "balance": balance,
        "reason": reason,
        "actor": actor,
        "created_at": moved["updated_at"],
    }
    tx.execute(insert(wallet_entries).values(entry))
    return entry


def entries(tx: Tx, wallet_id: str, *, after: str = "", limit: int) -> list[Row]:
    """A page of a ledger, in the order in which it was written."""
    statement = select(wallet_entries).where(
        wallet_entries.c.wallet_id == wallet_id, wallet_entries.c.id > after
    )
    return rows(tx, statement.order_by(wallet_entries.c.id).limit(limit))


def latest(tx: Tx, wallet_ids: Iterable[str], *, each: int) -> dict[str, list[Row]]:
    """The latest entries of several ledgers by wallet, newest first, `each` of every one."""
    place = func.row_number().over(
        partition_by=wallet_entries.c.wallet_id, order_by=wallet_entries.c.id.desc()
    )
    mine = one_of(wallet_entries.c.wallet_id, wallet_ids)
    ranked = select(wallet_entries, place.label("place")).where(mine).subquery()
    found: dict[str, list[Row]] = {}
    for row in rows(tx, select(ranked).where(ranked.c.place <= each).order_by(ranked.c.place)):
        found.setdefault(row["wallet_id"], []).append(row)
    return found


def _last_id(tx: Tx, wallet_id: str) -> str:
    statement = select(func.max(wallet_entries.c.id)).where(wallet_entries.c.wallet_id == wallet_id)
    return tx.execute(statement).scalar_one() or ""


def _id_after(last: str) -> str:
    """A new id that sorts behind the last one, whatever the clocks of the machines that write say."""
    made = new_id()
    return made if made > last else f"{int(last, 16) + 1:032x}"

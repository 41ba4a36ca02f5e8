"""Wallets: a customer's credit in one currency, kept as a ledger to which entries are added and nothing else.

A deleted customer's wallets can still be read; nothing moves in them any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from connectors.records import JSON
from sync.billing import RecordId, hold_owner, refused
from sync.billing import get as get_record
from sync.core import money
from sync.core.validate import storable
from sync.errors import NotFoundError, Taken
from sync.store import audit, billing
from sync.store import wallets as store
from sync.store.billtables import wallets as table
from sync.store.query import Row, expect
from sync.store.session import Database, Tx


def _currency(text: str) -> str:
    found = money.currency(text)
    if found is None:
        raise ValueError("is no currency code of ISO 4217 such as EUR")
    return found


Currency = Annotated[
    str,
    AfterValidator(_currency),
    WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$", "examples": ["EUR"]}),
]
Amount = Annotated[
    Decimal,
    BeforeValidator(money.amount),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^(0|[1-9][0-9]{0,17})(\.[0-9]{1,9})?$"},
                {"type": "integer", "minimum": 1, "maximum": 10**money.WHOLE_DIGITS - 1},
            ],
            "examples": ["12.50"],
            "description": "More than zero; at most 18 digits before the point and 9 after it.",
        }
    ),
]


class WalletInput(BaseModel):
    """A new wallet as it comes in."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    customer_id: RecordId
    currency: Currency
    may_be_negative: bool = Field(default=False, strict=True)


class WalletChange(BaseModel):
    """What may change in a wallet by itself; its balance changes by entries alone."""

    model_config = ConfigDict(extra="forbid")

    may_be_negative: bool = Field(strict=True)


class EntryInput(BaseModel):
    """An amount to add or to deduct, and why."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    amount: Amount
    reason: Annotated[
        str, AfterValidator(storable), Field(min_length=1, max_length=500, examples=["Top-up by card"])
    ]


def create(database: Database, organisation_id: str, given: WalletInput, *, actor: str) -> Row:
    """Make a customer's wallet in one currency, with nothing in it.

    Raises:
        BadInput: there is no such customer.
        Taken: the customer has a wallet in this currency.
    """
    with database.transaction() as tx:
        hold_owner(tx, organisation_id, given.customer_id, "wallet")
        first = store.of_currency(tx, given.customer_id, given.currency)
        if first is not None:
            why = f"the customer has a wallet in {given.currency} ({first['id']})"
            raise Taken(f"The wallet cannot be made: {why}.", fields={"currency": why})
        row = billing.add(tx, table, organisation_id, {**given.model_dump(), "balance": Decimal(0)})
        details: dict[str, JSON] = {"customer_id": given.customer_id, "currency": given.currency}
        _note(tx, row, actor, "wallet.created", details)
    return row


def get(tx: Tx, organisation_id: str, wallet_id: str) -> Row:
    """One wallet.

    Raises:
        NotFoundError: there is none of this id.
    """
    return get_record(tx, table, organisation_id, wallet_id, "wallet")


def change(
    database: Database,
    organisation_id: str,
    wallet_id: str,
    given: WalletChange,
    *,
    actor: str,
    version: int | None = None,
) -> Row:
    """Allow or forbid a balance below zero.

    Raises:
        NotFoundError: there is no such wallet.
        VersionMoved: it has changed since the caller read it.
        BadInput: the balance is below zero now, or the customer is deleted.
    """
    with database.transaction() as tx:
        row = _hold(tx, organisation_id, wallet_id, version)
        if row["may_be_negative"] == given.may_be_negative:
            return _shown(row)
        if row["balance"] < 0:
            why = f"the balance is {money.plain(row['balance'])}; add what is missing first"
            raise refused("wallet", {"may_be_negative": why})
        row = billing.change(tx, table, row, given.model_dump())
        fields: dict[str, JSON] = {"may_be_negative": [not given.may_be_negative, given.may_be_negative]}
        _note(tx, row, actor, "wallet.changed", {"fields": fields})
    return _shown(row)


def add(
    database: Database,
    organisation_id: str,
    wallet_id: str,
    given: EntryInput,
    *,
    actor: str,
    version: int | None = None,
) -> Row:
    """Add an amount to a wallet; the entry.

    Raises:
        NotFoundError: there is no such wallet.
        VersionMoved: it has changed since the caller read it.
        BadInput: the balance would be too long to be kept, or the customer is deleted.
    """
    return _enter(
        database, organisation_id, wallet_id, given.reason, given.amount, actor=actor, version=version
    )


def deduct(
    database: Database,
    organisation_id: str,
    wallet_id: str,
    given: EntryInput,
    *,
    actor: str,
    version: int | None = None,
) -> Row:
    """Deduct an amount from a wallet; the entry, whose amount is below zero.

    Raises:
        NotFoundError: there is no such wallet.
        VersionMoved: it has changed since the caller read it.
        BadInput: the balance would be below zero though it may not, or the customer is deleted.
    """
    return _enter(
        database, organisation_id, wallet_id, given.reason, -given.amount, actor=actor, version=version
    )


def page(
    tx: Tx, organisation_id: str, *, customer_id: str | None = None, after: str = "", limit: int
) -> list[Row]:
    """A page of wallets, those of one customer if it is named."""
    conditions: Sequence[Any] = () if customer_id is None else (table.c.customer_id == customer_id,)
    return billing.page(tx, table, organisation_id, conditions, after=after, limit=limit)


def entries(tx: Tx, organisation_id: str, wallet_id: str, *, after: str = "", limit: int) -> list[Row]:
    """A page of a wallet's ledger, oldest first.

    Raises:
        NotFoundError: there is no such wallet.
    """
    get(tx, organisation_id, wallet_id)
    return store.entries(tx, wallet_id, after=after, limit=limit)


def _hold(tx: Tx, organisation_id: str, wallet_id: str, version: int | None) -> Row:
    row = store.hold(tx, organisation_id, wallet_id)
    if row is None:
        raise NotFoundError("There is no wallet of this id.")
    expect(row, version)
    if row["closed"]:
        raise refused("entry", {"": "the wallet belongs to a customer that is deleted; it can only be read"})
    return row


def _enter(
    database: Database,
    organisation_id: str,
    wallet_id: str,
    reason: str,
    amount: Decimal,
    *,
    actor: str,
    version: int | None,
) -> Row:
    with database.transaction() as tx:
        wallet = _hold(tx, organisation_id, wallet_id, version)
        try:
            balance = money.after(wallet["balance"], amount, may_be_negative=wallet["may_be_negative"])
        except money.AmountError as error:
            raise refused("entry", {"amount": str(error)}) from error
        entry = store.enter(tx, wallet, amount=amount, balance=balance, reason=reason, actor=actor)
        details: dict[str, JSON] = {
            "entry": entry["id"],
            "amount": money.plain(amount),
            "balance": money.plain(balance),
        }
        _note(tx, wallet, actor, "wallet.added" if amount > 0 else "wallet.deducted", details)
    return entry


def _shown(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "closed"}


def _note(tx: Tx, row: Row, actor: str, action: str, details: dict[str, JSON]) -> None:
    audit.write(tx, row["organisation_id"], actor=actor, action=action, subject=row["id"], details=details)

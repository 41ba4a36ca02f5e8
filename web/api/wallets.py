"""`/wallets`: credit of customers, one ledger per currency. Money goes out as text, in plain notation."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field, PlainSerializer, WithJsonSchema

from sync import wallets as use
from sync.core import money
from sync.customers import living
from sync.store.query import Row
from sync.store.session import Database
from web.api.answers import CHANGING, READING, WRITING, IfMatch, answer, version_of
from web.api.caller import Caller, Reader, Writer
from web.api.once import OnlyOnce
from web.api.paging import Page
from web.api.route import ApiRoute
from web.api.sequence import InSequence, Sequel
from web.api.types import At, Id, shown_id

router = APIRouter(route_class=ApiRoute, tags=["wallets"])

Money = Annotated[
    Decimal,
    PlainSerializer(money.plain, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,9})?$",
            "examples": ["12.5"],
        }
    ),
]


class WalletOut(BaseModel):
    """A wallet. Its balance is that after its last entry."""

    id: Id
    customer_id: Id
    currency: str = Field(examples=["EUR"])
    balance: Money
    may_be_negative: bool
    version: int
    created_at: At
    updated_at: At


class EntryOut(BaseModel):
    """An entry of a wallet's ledger, which never changes."""

    id: Id
    wallet_id: Id
    amount: Money = Field(description="Below zero for what was deducted.")
    balance: Money = Field(description="Of the wallet, after this entry.")
    reason: str = Field(examples=["Top-up by card"])
    actor: str = Field(description="Who made it.", examples=["api:billing"])
    created_at: At


@router.post("/wallets", status_code=201, response_model=WalletOut, responses=WRITING)
def create_wallet(caller: Writer, given: use.WalletInput, once: OnlyOnce) -> Response:
    """Make a customer's wallet in one currency, with nothing in it.

    A second one in the same currency is refused with 400, naming the first.
    """

    def effect(database: Database) -> Response:
        row = use.create(database, caller.organisation_id, given, actor=caller.actor)
        return _one(row, status=201, headers={"Location": f"/wallets/{shown_id(row['id'])}"})

    return once(effect)


@router.get("/wallets", response_model=Page[WalletOut], responses=READING)
def list_wallets(
    caller: Reader, sequel: InSequence, customer_id: Annotated[Id | None, Query()] = None
) -> Response:
    """Wallets in the order in which they were made, those of one customer if it is named."""
    return _page(caller, sequel, customer_id)


@router.get("/customers/{customer_id}/wallets", response_model=Page[WalletOut], responses=READING)
def list_wallets_of_customer(caller: Reader, customer_id: Id, sequel: InSequence) -> Response:
    """A customer's wallets, in the order in which they were made."""
    with caller.database.reading() as tx:
        living(tx, caller.organisation_id, customer_id)
    return _page(caller, sequel, customer_id)


@router.get("/wallets/{wallet_id}", response_model=WalletOut, responses=READING)
def get_wallet(caller: Reader, wallet_id: Id) -> Response:
    """One wallet, with its version as `ETag`; that of a deleted customer too."""
    with caller.database.reading() as tx:
        return _one(use.get(tx, caller.organisation_id, wallet_id))


@router.patch("/wallets/{wallet_id}", response_model=WalletOut, responses=CHANGING)
def change_wallet(
    caller: Writer, wallet_id: Id, given: use.WalletChange, if_match: IfMatch = None
) -> Response:
    """Allow or forbid a balance below zero; it cannot be forbidden while it is."""
    version = version_of(if_match)
    row = use.change(
        caller.database, caller.organisation_id, wallet_id, given, actor=caller.actor, version=version
    )
    return _one(row)


@router.get("/wallets/{wallet_id}/entries", response_model=Page[EntryOut], responses=READING)
def list_entries(caller: Reader, wallet_id: Id, sequel: InSequence) -> Response:
    """A wallet's ledger, in the order in which it was written."""
    with caller.database.reading() as tx:
        found = use.entries(tx, caller.organisation_id, wallet_id, after=sequel.after, limit=sequel.wanted)
    page, cursor = sequel.cut(found)
    return answer(Page[EntryOut](data=[EntryOut(**row) for row in page], next_cursor=cursor))


@router.post("/wallets/{wallet_id}/add", status_code=201, response_model=EntryOut, responses=CHANGING)
def add_to_wallet(
    caller: Writer, wallet_id: Id, given: use.EntryInput, once: OnlyOnce, if_match: IfMatch = None
) -> Response:
    """Add an amount to a wallet: a new entry of its ledger.

    Send an `Idempotency-Key`: then a call that is repeated because its answer was lost adds nothing twice.
    """
    version = version_of(if_match)

    def effect(database: Database) -> Response:
        args = (database, caller.organisation_id, wallet_id, given)
        return _entry(use.add(*args, actor=caller.actor, version=version))

    return once(effect)


@router.post("/wallets/{wallet_id}/deduct", status_code=201, response_model=EntryOut, responses=CHANGING)
def deduct_from_wallet(
    caller: Writer, wallet_id: Id, given: use.EntryInput, once: OnlyOnce, if_match: IfMatch = None
) -> Response:
    """Deduct an amount from a wallet: a new entry of its ledger.

    More than the balance is refused, unless the wallet may be below zero. However many callers deduct at the
    same moment, together they never take more than there is.
    """
    version = version_of(if_match)

    def effect(database: Database) -> Response:
        args = (database, caller.organisation_id, wallet_id, given)
        return _entry(use.deduct(*args, actor=caller.actor, version=version))

    return once(effect)


def _entry(row: Row) -> Response:
    return answer(EntryOut(**row), status=201)


def _one(row: Row, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return answer(WalletOut(**row), status=status, version=row["version"], headers=headers)


def _page(caller: Caller, sequel: Sequel, customer_id: str | None) -> Response:
    with caller.database.reading() as tx:
        found = use.page(
            tx, caller.organisation_id, customer_id=customer_id, after=sequel.after, limit=sequel.wanted
        )
    page, cursor = sequel.cut(found)
    return answer(Page[WalletOut](data=[WalletOut(**row) for row in page], next_cursor=cursor))

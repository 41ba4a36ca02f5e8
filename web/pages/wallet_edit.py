"""A customer's wallet: made, added to, deducted from. Amounts are exact, and each has its reason."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import orjson
from fastapi.responses import Response

from sync import wallets as use
from sync.billing import parse
from sync.clock import new_id
from sync.core import money
from sync.customers import living
from sync.errors import BadInput, VersionMoved
from sync.store.query import Row
from sync.store.session import Database, Tx
from web.api.once import Once
from web.pages.customer_input import said_of
from web.pages.finding import id_of, version_of
from web.pages.render import redirect, render
from web.pages.visit import Visit
from web.problems import Refusal

MOVED = "Somebody was faster: the wallet has changed since you opened it. Nothing was written; look again."
USED = "This form has entered an amount already. Press again to enter another one."


def new(asked: Visit) -> Response:
    """The form of a new wallet."""
    return _form(asked, {"currency": "", "may_be_negative": ""})


def make(asked: Visit) -> Response:
    """Make it, with nothing in it."""
    customer_id, floor = id_of(asked, "customer", "customer"), bool(asked.given("may_be_negative"))
    given = {"currency": asked.given("currency").strip().upper(), "may_be_negative": floor}
    with asked.database.reading() as tx:
        living(tx, asked.caller.organisation_id, customer_id)
    try:
        parsed = parse(use.WalletInput, {**given, "customer_id": customer_id}, "wallet")
        use.create(asked.database, asked.caller.organisation_id, parsed, actor=asked.caller.actor)
    except BadInput as error:
        return _form(asked, given, error)
    return _back(asked, "wallet-made")


def adjust(asked: Visit) -> Response:
    """The forms of a wallet: to add, to deduct, to allow a balance below zero."""
    with asked.database.reading() as tx:
        return _page(asked, _wallet(asked, tx), {"amount": "", "reason": ""})


def enter(asked: Visit) -> Response:
    """Add, deduct, or allow; an amount once however often its form is sent.

    If the wallet has changed meanwhile, nothing is written.
    """
    with asked.database.reading() as tx:
        row = _wallet(asked, tx)
    given = {name: asked.given(name).strip() for name in ("amount", "reason")}
    caller, version, way, key = asked.caller, version_of(asked), asked.given("way"), asked.given("once")

    def effect(database: Database) -> Response:
        place = (database, caller.organisation_id, row["id"])
        if way == "floor":
            change = use.WalletChange(may_be_negative=bool(asked.given("may_be_negative")))
            use.change(*place, change, actor=caller.actor, version=version)
        elif way in ("add", "deduct"):
            entry = parse(use.EntryInput, given, "entry")
            enter_it = use.add if way == "add" else use.deduct
            enter_it(*place, entry, actor=caller.actor, version=version)
        else:
            raise BadInput("Say whether it is to be added or deducted.")
        return _back(asked, {"add": "added-to", "deduct": "deducted", "floor": "wallet-saved"}[way])

    digest = sha256(orjson.dumps([row["id"], way, given], option=orjson.OPT_SORT_KEYS)).digest()
    try:
        done = Once(caller, f"desk:{key[:64]}" if key else None, digest)(effect)
    except BadInput as error:
        return _page(asked, row, given, error)
    except VersionMoved:
        with asked.database.reading() as tx:
            return _page(asked, _wallet(asked, tx), given, problem=MOVED, status=409)
    except Refusal as error:
        if error.status != 422:
            raise
        with asked.database.reading() as tx:
            return _page(asked, _wallet(asked, tx), given, problem=USED, status=422)
    return redirect(asked, done.headers["Location"])


def _form(asked: Visit, values: dict[str, Any], error: BadInput | None = None) -> Response:
    with asked.database.reading() as tx:
        customer = living(tx, asked.caller.organisation_id, id_of(asked, "customer", "customer"))
    return render(
        asked,
        "wallet_new.html",
        status=422 if error else 200,
        customer=customer,
        values=values,
        notes=said_of(error) if error else {},
        currencies=money.currencies(),
    )


def _page(
    asked: Visit,
    row: Row,
    values: dict[str, str],
    error: BadInput | None = None,
    *,
    problem: str = "",
    status: int = 200,
) -> Response:
    with asked.database.reading() as tx:
        customer = living(tx, asked.caller.organisation_id, row["customer_id"])
    return render(
        asked,
        "wallet_adjust.html",
        status=422 if error else status,
        customer=customer,
        wallet=row,
        values=values,
        notes=said_of(error) if error else {},
        problem=error.reason if error and not error.fields else problem,
        once=new_id() if problem == USED or not asked.given("once") else asked.given("once"),
        money=money.plain,
    )


def _wallet(asked: Visit, tx: Tx) -> Row:
    row = use.get(tx, asked.caller.organisation_id, id_of(asked, "wallet", "wallet"))
    if row["customer_id"] != id_of(asked, "customer", "customer"):
        raise Refusal(404, "There is no wallet of this id.")
    return row


def _back(asked: Visit, said: str) -> Response:
    return redirect(asked, f"/desk/customers/{id_of(asked, 'customer', 'customer')}?said={said}#wallets")

"""`/customers`: the billing-side records."""

from __future__ import annotations

from fastapi import APIRouter, Response

from connectors.registry import read_ref
from sync import customers as use
from sync.crash import crash_here
from sync.intake import CustomerChange, CustomerInput
from sync.store import customers, texts
from sync.store.session import Database
from sync.store.texts import Reached
from web.api.answers import CHANGING, DELETING, READING, WRITING, IfMatch, answer, version_of
from web.api.caller import Caller, Reader, Writer
from web.api.customer import CustomerOut, shown
from web.api.once import OnlyOnce
from web.api.paging import Page, Paged
from web.api.route import ApiRoute
from web.api.search import Search
from web.api.types import Id, shown_id

router = APIRouter(route_class=ApiRoute, tags=["customers"])


@router.post("/customers", status_code=201, response_model=CustomerOut, responses=WRITING)
def create_customer(caller: Writer, given: CustomerInput, once: OnlyOnce) -> Response:
    """Add a customer.

    With `connector` it is linked to the CRM record that it comes from, and reconciled with it. A value that
    must be unique and is another customer's is refused with 400.
    """

    def effect(database: Database) -> Response:
        made = use.add(database, caller.organisation_id, given, actor=caller.actor, read_ref=read_ref)
        place = {"Location": f"/customers/{shown_id(made)}"}
        return _one(caller, database, made, status=201, headers=place)

    made = once(effect)
    caller.site.wake()
    return made


@router.get("/customers", response_model=Page[CustomerOut], responses=READING)
def list_customers(caller: Reader, search: Search, paged: Paged) -> Response:
    """Customers that meet every condition, in pages.

    By name a page may hold fewer records than asked for, or none, and still have a next one.
    """
    mine, conditions = caller.organisation_id, search.conditions
    if search.name is None:
        with caller.database.glance() as tx:
            reached = Reached(customers.search(tx, mine, conditions, paged.slice))
    else:
        with caller.database.reading() as tx:  # which knows that it is behind the walls
            reached = texts.customers_like(tx, mine, search.name, paged.slice, conditions)
    found = reached.found
    page, cursor = paged.cut([each.row for each in found], reached.edge)
    return answer(Page[CustomerOut](data=[shown(each) for each in found[: len(page)]], next_cursor=cursor))


@router.get("/customers/{customer_id}", response_model=CustomerOut, responses=READING)
def get_customer(caller: Reader, customer_id: Id) -> Response:
    """One customer, with its version as `ETag`."""
    return _one(caller, caller.database, customer_id)


@router.patch("/customers/{customer_id}", response_model=CustomerOut, responses=CHANGING)
def change_customer(
    caller: Writer, customer_id: Id, given: CustomerChange, if_match: IfMatch = None
) -> Response:
    """Set the fields that are sent.

    An address is replaced whole, and so is the list of tax ids; members of `custom_data` and
    `custom_attributes` are set one by one, and null removes one.
    """
    with caller.database.transaction() as tx:
        database = caller.database.joined(tx)
        use.patch(
            database,
            caller.organisation_id,
            customer_id,
            given,
            actor=caller.actor,
            version=version_of(if_match),
        )
        made = _one(caller, database, customer_id)
    crash_here("edit.kept")
    caller.site.wake()
    return made


@router.delete("/customers/{customer_id}", status_code=204, response_class=Response, responses=DELETING)
def delete_customer(caller: Writer, customer_id: Id, if_match: IfMatch = None) -> Response:
    """Delete a customer here. Its CRM records stay as they are, and do not bring it back."""
    use.remove(
        caller.database, caller.organisation_id, customer_id, actor=caller.actor, version=version_of(if_match)
    )
    return Response(status_code=204)


def _one(
    caller: Caller,
    database: Database,
    customer_id: str,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response:
    with database.glance() as tx:
        customer = use.living(tx, caller.organisation_id, customer_id)
    return answer(shown(customer), status=status, version=customer.row["version"], headers=headers)

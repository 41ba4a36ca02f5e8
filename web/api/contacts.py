"""`/contacts`: people of a customer who get its contracts, its invoices or both."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from sync import contacts as use
from sync.customers import living
from sync.store.query import Row
from sync.store.session import Database
from web.api.answers import CHANGING, DELETING, READING, WRITING, IfMatch, answer, version_of
from web.api.caller import Caller, Reader, Writer
from web.api.once import OnlyOnce
from web.api.paging import Page
from web.api.route import ApiRoute
from web.api.sequence import InSequence, Sequel
from web.api.types import At, Id, shown_id

router = APIRouter(route_class=ApiRoute, tags=["contacts"])


class ContactOut(BaseModel):
    """A secondary contact."""

    id: Id
    customer_id: Id
    email: str = Field(examples=["ada@acme.example"])
    first_name: str | None = Field(examples=["Ada"])
    last_name: str | None = Field(examples=["Byron"])
    send_contract: bool
    send_invoice: bool
    version: int
    created_at: At
    updated_at: At


@router.post("/contacts", status_code=201, response_model=ContactOut, responses=WRITING)
def create_contact(caller: Writer, given: use.ContactInput, once: OnlyOnce) -> Response:
    """Add a contact to a customer. An address that another of its contacts has is refused with 400."""

    def effect(database: Database) -> Response:
        row = use.create(database, caller.organisation_id, given, actor=caller.actor)
        return _one(row, status=201, headers={"Location": f"/contacts/{shown_id(row['id'])}"})

    return once(effect)


@router.get("/contacts", response_model=Page[ContactOut], responses=READING)
def list_contacts(
    caller: Reader, sequel: InSequence, customer_id: Annotated[Id | None, Query()] = None
) -> Response:
    """Contacts in the order in which they were made, those of one customer if it is named."""
    return _page(caller, sequel, customer_id)


@router.get("/customers/{customer_id}/contacts", response_model=Page[ContactOut], responses=READING)
def list_contacts_of_customer(caller: Reader, customer_id: Id, sequel: InSequence) -> Response:
    """A customer's contacts, in the order in which they were made."""
    with caller.database.reading() as tx:
        living(tx, caller.organisation_id, customer_id)
    return _page(caller, sequel, customer_id)


@router.get("/contacts/{contact_id}", response_model=ContactOut, responses=READING)
def get_contact(caller: Reader, contact_id: Id) -> Response:
    """One contact, with its version as `ETag`."""
    with caller.database.reading() as tx:
        return _one(use.get(tx, caller.organisation_id, contact_id))


@router.patch("/contacts/{contact_id}", response_model=ContactOut, responses=CHANGING)
def change_contact(
    caller: Writer, contact_id: Id, given: use.ContactChange, if_match: IfMatch = None
) -> Response:
    """Set the fields that are sent. Whose contact it is never changes."""
    version = version_of(if_match)
    row = use.change(
        caller.database, caller.organisation_id, contact_id, given, actor=caller.actor, version=version
    )
    return _one(row)


@router.delete("/contacts/{contact_id}", status_code=204, response_class=Response, responses=DELETING)
def delete_contact(caller: Writer, contact_id: Id, if_match: IfMatch = None) -> Response:
    """Remove a contact; its address is free again."""
    version = version_of(if_match)
    use.delete(caller.database, caller.organisation_id, contact_id, actor=caller.actor, version=version)
    return Response(status_code=204)


def _one(row: Row, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return answer(ContactOut(**row), status=status, version=row["version"], headers=headers)


def _page(caller: Caller, sequel: Sequel, customer_id: str | None) -> Response:
    with caller.database.reading() as tx:
        found = use.page(
            tx, caller.organisation_id, customer_id=customer_id, after=sequel.after, limit=sequel.wanted
        )
    page, cursor = sequel.cut(found)
    return answer(Page[ContactOut](data=[ContactOut(**row) for row in page], next_cursor=cursor))

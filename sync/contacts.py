"""Secondary contacts: people of a customer who get its contracts, its invoices or both."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy import select

from connectors.records import JSON
from sync.billing import OptionalLine, RecordId, hold_owner, news
from sync.billing import get as get_record
from sync.billing import hold as hold_record
from sync.core import normalise
from sync.core.validate import problem
from sync.customers import living
from sync.errors import Taken
from sync.store import audit, billing
from sync.store.billtables import contacts as table
from sync.store.query import Row
from sync.store.schema import customers
from sync.store.session import Database, Tx


def _email(value: str) -> str:
    if not value:
        raise ValueError("is required")
    if reason := problem("email", value):
        raise ValueError(reason)
    return value


Email = Annotated[str, Field(max_length=254), AfterValidator(_email)]


class ContactChange(BaseModel):
    """Fields of a contact that come in; whose it is never changes."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    email: Email = Field(default_factory=str, examples=["ada@acme.example"])
    first_name: OptionalLine = Field(default=None, examples=["Ada"])
    last_name: OptionalLine = Field(default=None, examples=["Byron"])
    send_contract: bool = Field(default=False, strict=True)
    send_invoice: bool = Field(default=False, strict=True)


class ContactInput(ContactChange):
    """A new contact as it comes in."""

    customer_id: RecordId
    email: Email = Field(examples=["ada@acme.example"])


def create(database: Database, organisation_id: str, given: ContactInput, *, actor: str) -> Row:
    """Add a contact to a customer.

    Raises:
        BadInput: there is no such customer.
        Taken: the customer has a contact with this e-mail address.
    """
    with database.transaction() as tx:
        hold_owner(tx, organisation_id, given.customer_id, "contact")
        _refuse_taken(tx, given.customer_id, given.email)
        values = {**given.model_dump(), "email_fold": normalise.email(given.email)}
        row = billing.add(tx, table, organisation_id, values)
        fields: dict[str, JSON] = {name: [None, value] for name, value in given.model_dump().items()}
        _note(tx, row, actor, "contact.added", fields)
    return row


def get(tx: Tx, organisation_id: str, contact_id: str) -> Row:
    """One contact.

    Raises:
        NotFoundError: there is none of this id, or its customer is deleted.
    """
    row = get_record(tx, table, organisation_id, contact_id, "contact")
    living(tx, organisation_id, row["customer_id"])
    return row


def change(
    database: Database,
    organisation_id: str,
    contact_id: str,
    given: ContactChange,
    *,
    actor: str,
    version: int | None = None,
) -> Row:
    """Set the given fields of a contact.

    Raises:
        NotFoundError: there is no such contact.
        VersionMoved: it has changed since the caller read it.
        Taken: the customer has another contact with this e-mail address.
    """
    with database.transaction() as tx:
        row = _hold(tx, organisation_id, contact_id, version)
        wanted = news(row, given.model_dump(exclude_unset=True))
        if not wanted:
            return row
        fields: dict[str, JSON] = {name: [row[name], value] for name, value in wanted.items()}
        if "email" in wanted:
            _refuse_taken(tx, row["customer_id"], wanted["email"], but=row["id"])
            wanted["email_fold"] = normalise.email(wanted["email"])
        row = billing.change(tx, table, row, wanted)
        _note(tx, row, actor, "contact.changed", fields)
    return row


def delete(
    database: Database, organisation_id: str, contact_id: str, *, actor: str, version: int | None = None
) -> None:
    """Remove a contact.

    Raises:
        NotFoundError: there is no such contact.
        VersionMoved: it has changed since the caller read it.
    """
    with database.transaction() as tx:
        row = _hold(tx, organisation_id, contact_id, version)
        billing.remove(tx, table, row)
        _note(tx, row, actor, "contact.deleted", {})


def page(
    tx: Tx, organisation_id: str, *, customer_id: str | None = None, after: str = "", limit: int
) -> list[Row]:
    """A page of contacts of living customers, those of one customer if it is named."""
    alive = select(customers.c.id).where(
        customers.c.id == table.c.customer_id, customers.c.deleted_at.is_(None)
    )
    conditions: list[Any] = [alive.exists()]
    if customer_id is not None:
        conditions.append(table.c.customer_id == customer_id)
    return billing.page(tx, table, organisation_id, conditions, after=after, limit=limit)


def _hold(tx: Tx, organisation_id: str, contact_id: str, version: int | None) -> Row:
    """A contact, locked after its customer: what is made and what is changed wait for one another."""
    seen = get_record(tx, table, organisation_id, contact_id, "contact")
    living(tx, organisation_id, seen["customer_id"], lock=True)
    return hold_record(tx, table, organisation_id, contact_id, "contact", version=version)


def _refuse_taken(tx: Tx, customer_id: str, email: str, *, but: str | None = None) -> None:
    """The customer is locked: nobody takes the address meanwhile."""
    statement = select(table.c.id).where(
        table.c.customer_id == customer_id, table.c.email_fold == normalise.email(email)
    )
    owner = tx.execute(statement).scalar()
    if owner not in (None, but):
        why = f"belongs to another contact of the customer ({owner})"
        raise Taken(f"The contact cannot be taken: email: {why}.", fields={"email": why})


def _note(tx: Tx, row: Row, actor: str, action: str, fields: dict[str, JSON]) -> None:
    details: dict[str, JSON] = {"customer_id": row["customer_id"], "fields": fields}
    audit.write(tx, row["organisation_id"], actor=actor, action=action, subject=row["id"], details=details)

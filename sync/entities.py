"""Business entities: the legal entities of one's own that issue invoices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from connectors.records import JSON, to_json
from sync.billing import Line, hold, news
from sync.billing import get as get_record
from sync.core.address.countries import country_code as find_country
from sync.core.validate import problem
from sync.errors import BadInput, Taken
from sync.intake import AddressInput
from sync.store import audit, billing
from sync.store.billtables import business_entities as table
from sync.store.query import Row, names
from sync.store.schema import customers
from sync.store.session import Database, Tx


def _country(text: str) -> str:
    found = find_country(text) if len(text) in (2, 3) else None
    if found is None:
        raise ValueError("is no country code such as DE or DEU")
    return found


def _address(given: AddressInput) -> AddressInput:
    if reason := problem("address", given.address()):
        raise ValueError(reason)
    return given


class EntityChange(BaseModel):
    """Fields of a business entity that come in."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    name: Annotated[Line, Field(min_length=1)] = Field(
        default_factory=str, examples=["Acme Deutschland GmbH"]
    )
    country_code: Annotated[str, AfterValidator(_country)] | None = Field(default=None, examples=["DE"])
    address: Annotated[AddressInput, AfterValidator(_address)] | None = None

    def given(self) -> dict[str, Any]:
        """The fields that were given, as they are kept."""
        values = self.model_dump(exclude_unset=True)
        if self.address is not None:
            values["address"] = to_json(self.address.address())
        return values


class EntityInput(EntityChange):
    """A new business entity as it comes in."""

    name: Annotated[Line, Field(min_length=1)] = Field(examples=["Acme Deutschland GmbH"])


def create(database: Database, organisation_id: str, given: EntityInput, *, actor: str) -> Row:
    """Add a business entity.

    Raises:
        Taken: another one has this name.
    """
    with database.transaction() as tx:
        values = {"country_code": None, "address": None, **given.given()}
        row = _written(
            tx, organisation_id, given.name, lambda: billing.add(tx, table, organisation_id, values)
        )
        fields: dict[str, JSON] = {name: [None, value] for name, value in given.given().items()}
        _note(tx, row, actor, "business_entity.added", fields)
    return row


def get(tx: Tx, organisation_id: str, entity_id: str) -> Row:
    """One business entity.

    Raises:
        NotFoundError: there is none of this id.
    """
    return get_record(tx, table, organisation_id, entity_id, "business entity")


def change(
    database: Database,
    organisation_id: str,
    entity_id: str,
    given: EntityChange,
    *,
    actor: str,
    version: int | None = None,
) -> Row:
    """Set the given fields of a business entity.

    Raises:
        NotFoundError: there is no such business entity.
        VersionMoved: it has changed since the caller read it.
        Taken: another one has this name.
    """
    with database.transaction() as tx:
        row = hold(tx, table, organisation_id, entity_id, "business entity", version=version)
        wanted = news(row, given.given())
        if not wanted:
            return row
        fields: dict[str, JSON] = {name: [row[name], value] for name, value in wanted.items()}
        name = str(wanted.get("name", row["name"]))
        changed = _written(tx, organisation_id, name, lambda: billing.change(tx, table, row, wanted))
        _note(tx, changed, actor, "business_entity.changed", fields)
    return changed


def delete(
    database: Database, organisation_id: str, entity_id: str, *, actor: str, version: int | None = None
) -> None:
    """Remove a business entity that no customer uses.

    Raises:
        NotFoundError: there is no such business entity.
        VersionMoved: it has changed since the caller read it.
        BadInput: customers use it.
    """
    with database.transaction() as tx:
        row = hold(tx, table, organisation_id, entity_id, "business entity", version=version)
        user = select(customers.c.id).where(
            customers.c.organisation_id == organisation_id,
            names(customers.c.business_entity_id, entity_id),
            customers.c.deleted_at.is_(None),
        )
        if tx.execute(user.limit(1)).first() is not None:
            raise BadInput(
                "The business entity cannot be deleted: customers use it.",
                fields={"business_entity_id": "is used by customers"},
            )
        billing.remove(tx, table, row)
        _note(tx, row, actor, "business_entity.deleted", {})


def page(tx: Tx, organisation_id: str, *, after: str = "", limit: int) -> list[Row]:
    """A page of business entities."""
    return billing.page(tx, table, organisation_id, after=after, limit=limit)


def _written(tx: Tx, organisation_id: str, name: str, write: Callable[[], Row]) -> Row:
    """What was written, unless another one has the name: of two at the same moment the second is told."""
    try:
        with tx.begin_nested():
            return write()
    except IntegrityError:
        mine = (table.c.organisation_id == organisation_id, table.c.name == name)
        owner = tx.execute(select(table.c.id).where(*mine)).scalar()
        if owner is None:
            raise
    why = f"belongs to another business entity ({owner})"
    raise Taken(f"The business entity cannot be taken: name: {why}.", fields={"name": why})


def _note(tx: Tx, row: Row, actor: str, action: str, fields: dict[str, JSON]) -> None:
    details: dict[str, JSON] = {"fields": fields}
    audit.write(tx, row["organisation_id"], actor=actor, action=action, subject=row["id"], details=details)

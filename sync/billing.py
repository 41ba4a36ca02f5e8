"""What the billing records that no CRM knows have in common: whose they are, and what a change must find."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError, WithJsonSchema
from sqlalchemy import Table

from connectors.records import JSON
from sync.clock import plain_id
from sync.core.validate import storable
from sync.customers import living
from sync.errors import BadInput, NotFoundError
from sync.rules import problems_of
from sync.store import billing
from sync.store.query import Row, expect
from sync.store.session import Tx

Line = Annotated[str, AfterValidator(storable), Field(max_length=255)]
"""A short text that both databases can keep."""

OptionalLine = Annotated[
    Line | None, BeforeValidator(lambda value: value.strip() or None if isinstance(value, str) else value)
]
"""The same, where blank is missing."""

RecordId = Annotated[str, AfterValidator(plain_id), WithJsonSchema({"type": "string", "format": "uuid"})]
"""The id of another record, as it comes in."""

M = TypeVar("M", bound=BaseModel)


def parse(model: type[M], data: object, what: str) -> M:
    """The data as the model.

    Raises:
        BadInput: `fields` names each field that is wrong, with the reason and never with the value.
    """
    if not isinstance(data, Mapping):
        raise BadInput(f"The {what} must be a JSON object.", fields={"": "must be a JSON object"})
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise refused(what, problems_of(error)) from error


def refused(what: str, fields: Mapping[str, JSON]) -> BadInput:
    """The refusal of a record, naming each field and its reason."""
    text = "; ".join(f"{name}: {why}" if name else str(why) for name, why in sorted(fields.items()))
    return BadInput(f"The {what} cannot be taken: {text}.", fields=fields)


def get(tx: Tx, table: Table, organisation_id: str, row_id: str, what: str) -> Row:
    """One record.

    Raises:
        NotFoundError: there is none of this id in the organisation.
    """
    return _found(billing.load(tx, table, organisation_id, row_id), what)


def hold(tx: Tx, table: Table, organisation_id: str, row_id: str, what: str, *, version: int | None) -> Row:
    """One record, locked until the transaction ends.

    Raises:
        NotFoundError: there is none of this id in the organisation.
        VersionMoved: it has another version than the one that the caller read, if it read any.
    """
    row = _found(billing.load(tx, table, organisation_id, row_id, lock=True), what)
    expect(row, version)
    return row


def hold_owner(tx: Tx, organisation_id: str, customer_id: str, what: str) -> None:
    """Lock the customer of a record that is about to be made: it can then neither go nor get another one.

    Raises:
        BadInput: there is no such customer, or it is deleted.
    """
    try:
        living(tx, organisation_id, customer_id, lock=True)
    except NotFoundError as error:
        raise refused(what, {"customer_id": "there is no such customer"}) from error


def _found(row: Row | None, what: str) -> Row:
    if row is None:
        raise NotFoundError(f"There is no {what} of this id.")
    return row


def news(row: Row, given: Mapping[str, Any]) -> dict[str, Any]:
    """Of the given values, those that the row does not have."""
    return {name: value for name, value in given.items() if row[name] != value}

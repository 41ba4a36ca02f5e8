"""A person's decision as it comes in."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from connectors.records import ADDRESS_FIELDS, FieldValue, is_field
from sync.clock import plain_id
from sync.core.validate import problem
from sync.customers import find as find_customer
from sync.decisions import Decision, Take
from sync.errors import NotFoundError
from sync.intake import AddressInput
from sync.store.session import Tx
from web.problems import Refusal, wrong

_WAYS = "take (or fields), link, create, dismiss and retry"


class DecisionIn(BaseModel):
    """What is to become of a question: one of these ways.

    `take` takes the values of one side, `fields` sets values (of the fields that it does not name ours stay,
    or those of the side that `take` names). `link` joins the record to a customer, where `ref` says which
    record is meant if there are several; `ref` alone says which record a deleted one is to be replaced by.
    """

    model_config = ConfigDict(
        extra="forbid", str_strip_whitespace=True, json_schema_extra={"examples": [{"take": "theirs"}]}
    )

    take: Take | None = None
    fields: dict[str, JsonValue] = Field(
        default_factory=dict, max_length=100, examples=[{"email": "billing@acme.example"}]
    )
    link: str | None = Field(
        default=None, min_length=1, max_length=255, description="Id or external id of a customer."
    )
    ref: str | None = Field(default=None, min_length=1, max_length=255)
    create: bool = Field(default=False, strict=True)
    dismiss: bool = Field(default=False, strict=True)
    retry: bool = Field(default=False, strict=True)


def read_decision(tx: Tx, organisation_id: str, given: DecisionIn, *place: str) -> Decision:
    """The decision as the use-case takes it.

    Args:
        tx: a transaction.
        organisation_id: whose customers may be named.
        given: as it came in.
        place: where in the body it stands.

    Raises:
        Refusal: 422, it is none or several, a value does not fit its field, or there is no such customer.
    """
    ways = [given.take is not None or bool(given.fields), given.link is not None]
    ways += [given.create, given.dismiss, given.retry]
    if sum(ways) > 1 or (sum(ways) == 0 and given.ref is None):
        raise _refused(f"decide in exactly one way: {_WAYS}, or ref alone", *place)
    values = {path: _value(path, value, *place) for path, value in given.fields.items()}
    link = None if given.link is None else _customer(tx, organisation_id, given.link, *place)
    return Decision(
        take=given.take,
        values=values,
        link=link,
        ref=given.ref,
        create=given.create,
        dismiss=given.dismiss,
        retry=given.retry,
    )


def _value(path: str, value: JsonValue, *place: str) -> FieldValue:
    where = (*place, "fields", path)
    if path != "external_id" and not is_field(path):
        raise _refused("is no field of a customer", *where)
    found: FieldValue = value
    if path in ADDRESS_FIELDS and isinstance(value, dict):
        try:
            found = AddressInput.model_validate(value).address()
        except ValidationError as error:
            errors = [
                wrong(each["msg"], "body", *where, *each["loc"], kind=each["type"]) for each in error.errors()
            ]
            raise Refusal(422, "The request cannot be taken.", errors=errors) from None
    if why := problem(path, found):
        raise _refused(why, *where)
    return found


def _customer(tx: Tx, organisation_id: str, name: str, *place: str) -> str:
    try:
        return find_customer(tx, organisation_id, _plain(name)).id
    except NotFoundError:
        raise _refused("there is no customer of this id or external id", *place, "link") from None


def _plain(name: str) -> str:
    """An id as it is kept; an external id stays as it is."""
    try:
        return plain_id(name)
    except ValueError:
        return name


def _refused(reason: str, *place: str) -> Refusal:
    return Refusal(422, "The request cannot be taken.", errors=[wrong(reason, "body", *place)])

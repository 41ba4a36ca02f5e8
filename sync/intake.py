"""Customers as they come in from people, files and programs: read strictly, with a reason per field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationError

from connectors.records import ADDRESS_FIELDS, ADDRESS_PARTS, FLAG_FIELDS, Address, FieldValue, is_field
from sync.core import normalise
from sync.core.validate import problem
from sync.errors import BadInput
from sync.rules import problems_of


def _blank_is_none(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


Text = Annotated[str | None, BeforeValidator(_blank_is_none)]


_ADDRESS: dict[str, JsonValue] = {
    "line1": "221B Baker Street",
    "city": "London",
    "zipCode": "NW1 6XE",
    "country": "United Kingdom",
    "country_code": "GB",
}
_CUSTOMER: dict[str, JsonValue] = {
    "external_id": "ACME-42",
    "customer_name": "Acme Limited",
    "email": "billing@acme.example",
    "phone_number": "+1-555-0100",
    "address": _ADDRESS,
    "tax_info": [{"country_code": "EU", "tax_code": "VAT", "tax_id": "DE136695976"}],
    "custom_data": {"exempt_tax": True},
    "custom_attributes": {"tier": "gold"},
    "communications_enabled": True,
    "auto_charge_enabled": False,
}


class AddressInput(BaseModel):
    """An address as it comes in; the postal code under any of its usual names."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    line1: Text = None
    line2: Text = None
    line3: Text = None
    city: Text = None
    state: Text = None
    zipCode: Text = Field(  # noqa: N815 - the canonical name on the wire
        default=None, validation_alias=AliasChoices("zipCode", "zip_code", "postal_code")
    )
    country: Text = None
    country_code: Text = None
    # What goes out with an address may come back with it; it is never believed.
    validation_status: JsonValue = Field(default=None, exclude=True, json_schema_extra={"readOnly": True})
    validation_reasons: JsonValue = Field(default=None, exclude=True, json_schema_extra={"readOnly": True})

    def address(self) -> Address | None:
        """The canonical value."""
        return Address(**self.model_dump()) or None


class TaxIdInput(BaseModel):
    """A tax number as it comes in."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    country_code: str = Field(min_length=1, max_length=16, pattern=r"^[A-Za-z]+$", examples=["EU"])
    tax_code: str = Field(min_length=1, max_length=16, pattern=r"^[A-Za-z]+$", examples=["VAT"])
    tax_id: str = Field(min_length=1, max_length=64, examples=["DE136695976"])


class ConnectorInput(BaseModel):
    """Where a customer comes from: the name of a connection, or of its CRM, and the record's id there."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    name: str = Field(min_length=1, max_length=100, examples=["salesforce"])
    reference_id: str = Field(min_length=1, max_length=100, examples=["0015g00000XyZabAAF"])


class CustomerChange(BaseModel):
    """Fields of a customer that come in, under the canonical names or their documented aliases."""

    model_config = ConfigDict(
        extra="forbid",
        str_strip_whitespace=True,
        json_schema_extra={"examples": [{"phone_number": "+1-555-0199", "address": {**_ADDRESS}}]},
    )

    external_id: Text = None
    customer_name: str = Field(default_factory=str)
    email: Text = None
    phone_number: Text = Field(default=None, validation_alias=AliasChoices("phone_number", "phone"))
    address: AddressInput | None = Field(
        default=None, validation_alias=AliasChoices("address", "billing_address")
    )
    ship_to_address: AddressInput | None = Field(
        default=None, validation_alias=AliasChoices("ship_to_address", "shipping_address")
    )
    tax_info: list[TaxIdInput] = Field(default_factory=list, max_length=50)
    custom_data: dict[str, JsonValue] = Field(default_factory=dict)
    custom_attributes: dict[str, JsonValue] = Field(default_factory=dict)
    communications_enabled: bool = Field(default=True, strict=True)
    auto_charge_enabled: bool = Field(default=True, strict=True)
    business_entity_id: Text = None
    parent_customer_id: Text = None

    def given(self) -> dict[str, FieldValue]:
        """Canonical values of the fields that were given, by path (the external id apart)."""
        apart = {"external_id", "tax_info", "custom_data", "custom_attributes", "connector"}
        fields: dict[str, FieldValue] = {}
        for name in self.model_fields_set - apart:
            value = getattr(self, name)
            fields[name] = value.address() if isinstance(value, AddressInput) else value
        for each in self.tax_info:
            fields[f"tax_info.{each.country_code.upper()}.{each.tax_code.upper()}"] = each.tax_id
        for name in ("custom_data", "custom_attributes"):
            fields |= {f"{name}.{key}": value for key, value in getattr(self, name).items()}
        return fields


class CustomerInput(CustomerChange):
    """A whole new customer as it comes in."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_CUSTOMER}]})

    customer_name: str
    connector: ConnectorInput | None = None


def parse_customer(data: object) -> CustomerInput:
    """A whole customer that comes in.

    Raises:
        BadInput: `fields` names each field that is wrong, with the reason and never with the value.
    """
    if not isinstance(data, Mapping):
        raise BadInput("A customer must be a JSON object.", fields={"": "must be a JSON object"})
    try:
        return CustomerInput.model_validate(data)
    except ValidationError as error:
        raise bad_fields(problems_of(error)) from error


def checked(parsed: CustomerChange) -> tuple[str | None, dict[str, FieldValue]]:
    """The external id and the given fields, each fit to be taken.

    Raises:
        BadInput: `fields` names each field that is wrong, with the reason and never with the value.
    """
    external_id, fields = normalise.external_id(parsed.external_id), parsed.given()
    wrong = {path: why for path, value in fields.items() if (why := problem(path, value))}
    if why := problem("external_id", external_id):
        wrong["external_id"] = why
    seen: set[tuple[str, str]] = set()
    for number, each in enumerate(parsed.tax_info):
        key = (each.country_code.upper(), each.tax_code.upper())
        if key in seen:
            wrong[f"tax_info.{number}"] = "is a second number of the same kind"
        seen.add(key)
    if wrong:
        raise bad_fields(dict(wrong))
    return external_id, fields


def bad_fields(fields: Mapping[str, Any]) -> BadInput:
    """The refusal of a customer, naming each field and its reason."""
    text = "; ".join(f"{name}: {why}" if name else str(why) for name, why in sorted(fields.items()))
    return BadInput(f"The customer cannot be taken: {text}.", fields=fields)


def read_assignment(text: str, present: Mapping[str, FieldValue]) -> tuple[str, FieldValue]:
    """One `field=value` of the command line; a part of an address changes that part of the whole.

    Raises:
        BadInput: there is no such field, or the value does not fit it.
    """
    path, sign, raw = text.partition("=")
    path = path.strip()
    if not sign:
        raise BadInput(f"{text!r} is not of the form field=value.")
    value: FieldValue = raw.strip() or None
    address_path, _, part = path.partition(".")
    if address_path in ADDRESS_FIELDS and part in ADDRESS_PARTS:
        known = present.get(address_path)
        parts = known.parts() if isinstance(known, Address) else {}
        value = Address(**{**parts, part: str(value) if value else ""}) or None
        path = address_path
    elif path in ADDRESS_FIELDS:
        if value is not None:
            raise BadInput(f"Set an address by its parts: {path}.line1=..., {path}.city=...")
    elif path != "external_id" and not is_field(path):
        raise BadInput(f"A customer has no field {path}.")
    if path in FLAG_FIELDS:
        flags = {"true": True, "yes": True, "false": False, "no": False}
        value = flags.get(str(value).casefold(), value)
    if why := problem(path, value):
        raise bad_fields({path: why})
    return path, value

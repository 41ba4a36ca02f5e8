"""A customer as the API shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from connectors.records import ADDRESS_PARTS, Address
from sync.core.address import validity
from sync.core.address.validity import ValidationStatus
from sync.store.customers import StoredCustomer
from web.api.types import At, Id, Other

_EXAMPLE = {
    "line1": "221B Baker Street",
    "city": "London",
    "zipCode": "NW1 6XE",
    "country": "United Kingdom",
    "country_code": "GB",
}


class ReasonOut(BaseModel):
    """What is wrong with a part of an address."""

    field: str = Field(examples=["zipCode"])
    reason: str = Field(examples=["is no postal code of GB"])


class AddressOut(BaseModel):
    """A postal address, part by part as it was given, and whether it fits the rules of its country."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{**_EXAMPLE, "validation_status": "valid", "validation_reasons": []}]}
    )

    line1: str | None = None
    line2: str | None = None
    line3: str | None = None
    city: str | None = None
    state: str | None = None
    zipCode: str | None = None  # noqa: N815 - the canonical name on the wire
    country: str | None = None
    country_code: str | None = None
    validation_status: ValidationStatus = Field(description="`pending`: no rules are known by which to tell.")
    validation_reasons: list[ReasonOut]

    @model_validator(mode="before")
    @classmethod
    def _judge(cls, parts: Any) -> Any:
        found = validity(Address(**{name: parts.get(name) for name in ADDRESS_PARTS}))
        reasons = [each._asdict() for each in found.reasons]
        return {**parts, "validation_status": found.status, "validation_reasons": reasons}


class TaxIdOut(BaseModel):
    """A tax number."""

    country_code: str = Field(examples=["EU"])
    tax_code: str = Field(examples=["VAT"])
    tax_id: str = Field(examples=["DE136695976"])


class ConnectorOut(BaseModel):
    """The CRM record that a customer was first linked to."""

    name: str = Field(description="Of the connection.", examples=["salesforce"])
    reference_id: str = Field(examples=["0015g00000XyZabAAF"])


class CustomerOut(BaseModel):
    """A whole customer."""

    id: Id
    external_id: str | None = Field(examples=["ACME-42"])
    customer_name: str = Field(examples=["Acme Limited"])
    email: str | None = Field(examples=["billing@acme.example"])
    phone_number: str | None = Field(examples=["+1-555-0100"])
    address: AddressOut | None
    ship_to_address: AddressOut | None
    tax_info: list[TaxIdOut]
    custom_data: dict[str, JsonValue]
    custom_attributes: dict[str, JsonValue]
    communications_enabled: bool
    auto_charge_enabled: bool
    business_entity_id: Other | None
    parent_customer_id: Other | None
    connector: ConnectorOut | None
    version: int
    created_at: At
    updated_at: At
    deleted_at: At | None


_AS_KEPT = (
    *("id", "external_id", "customer_name", "email", "phone_number", "communications_enabled"),
    *("auto_charge_enabled", "business_entity_id", "parent_customer_id"),
    *("version", "created_at", "updated_at", "deleted_at"),
)


def shown(customer: StoredCustomer) -> CustomerOut:
    """A customer as it is shown."""
    row: Mapping[str, Any] = customer.row
    origin = customer.origin
    return CustomerOut(
        **{name: row[name] for name in _AS_KEPT},
        address=row["address"],
        ship_to_address=row["ship_to_address"],
        tax_info=[_tax_id(path, number) for path, number in sorted(customer.tax.items())],
        custom_data=row["custom_data"] or {},
        custom_attributes=row["custom_attributes"] or {},
        connector=ConnectorOut(name=origin[0], reference_id=origin[1]) if origin else None,
    )


def _tax_id(path: str, number: str) -> TaxIdOut:
    country, code = path.removeprefix("tax_info.").split(".")
    return TaxIdOut(country_code=country, tax_code=code, tax_id=number)

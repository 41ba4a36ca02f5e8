"""The properties of a company: HubSpot's own that a sync meets, and the account's custom ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from connectors.hubspot.sandbox.company import iso
from connectors.hubspot.sandbox.industries import INDUSTRIES, industry_value

COMPANY_ID = "company_id"
BILLING_EMAIL = "billing_email"

TYPES: Mapping[str, frozenset[str]] = {
    "string": frozenset({"text", "textarea", "phonenumber", "html", "file"}),
    "number": frozenset({"number", "text"}),
    "date": frozenset({"date"}),
    "datetime": frozenset({"date", "text"}),
    "enumeration": frozenset({"select", "radio", "checkbox", "booleancheckbox"}),
    "bool": frozenset({"booleancheckbox"}),
}
"""The field types that go with each type."""

UNIQUE_LIMIT = 10
"""Properties with unique values per object. Source: HubSpot docs, properties."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """One property definition; `options` are (label, value)."""

    name: str
    label: str
    type: str = "string"
    field_type: str = "text"
    group: str = "companyinformation"
    description: str = ""
    options: tuple[tuple[str, str], ...] = ()
    external_options: bool = False
    read_only: bool = False
    unique: bool = False
    standard: bool = False
    created: int = 0
    updated: int = 0

    def body(self) -> dict[str, Any]:
        """The definition as the properties API shows it."""
        body: dict[str, Any] = {
            "updatedAt": iso(self.updated),
            "createdAt": iso(self.created),
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "fieldType": self.field_type,
            "description": self.description,
            "groupName": self.group,
            "options": [
                {"label": label, "value": value, "displayOrder": place, "hidden": False}
                for place, (label, value) in enumerate(self.options)
            ],
            "displayOrder": -1,
            "calculated": False,
            "externalOptions": self.external_options,
            "archived": False,
            "hasUniqueValue": self.unique,
            "hidden": False,
            "modificationMetadata": {
                "archivable": not self.standard,
                "readOnlyDefinition": self.standard,
                "readOnlyValue": self.read_only,
            },
            "formField": not self.read_only,
            "dataSensitivity": "non_sensitive",
        }
        if self.standard:
            body["hubspotDefined"] = True
        return body


def _own(name: str, label: str, **more: Any) -> Property:
    return Property(name=name, label=label, standard=True, **more)


def _kept(name: str, label: str, type: str = "datetime") -> Property:
    field_type = "number" if name in ("hs_object_id", "hs_updated_by_user_id") else "text"
    return _own(name, label, type=type, field_type=field_type, read_only=True)


def standard_properties() -> Iterable[Property]:
    """HubSpot's own properties. Source: recorded property definitions of companies."""
    for name, label in (
        ("name", "Name"),
        ("phone", "Phone Number"),
        ("address", "Street Address"),
        ("address2", "Street Address 2"),
        ("city", "City"),
        ("state", "State/Region"),
        ("zip", "Postal Code"),
        ("country", "Country"),
        ("domain", "Company Domain Name"),
        ("website", "Website URL"),
        ("timezone", "Time Zone"),
        ("founded_year", "Year Founded"),
        ("about_us", "About Us"),
    ):
        yield _own(name, label)
    yield _own("description", "Description", field_type="textarea")
    yield _own("numberofemployees", "Number of Employees", type="number")
    yield _own("annualrevenue", "Annual Revenue", type="number")
    yield _own("closedate", "Close Date", type="datetime")
    yield _own("is_public", "Is Public", type="bool", field_type="booleancheckbox", options=_BOOL)
    yield _choice("industry", "Industry", "select", [(name, industry_value(name)) for name in INDUSTRIES])
    yield _choice("lifecyclestage", "Lifecycle Stage", "radio", _STAGES)
    yield _choice("hs_lead_status", "Lead Status", "radio", [(name, industry_value(name)) for name in _LEADS])
    yield _choice("type", "Type", "radio", [(name, name.upper()) for name in _KINDS])
    yield _own(
        "hubspot_owner_id", "Company owner", type="enumeration", field_type="select", external_options=True
    )
    yield _kept("createdate", "Create Date")
    yield _kept("hs_lastmodifieddate", "Last Modified Date")
    yield _kept("hs_object_id", "Record ID", "number")
    yield _kept("hs_merged_object_ids", "Merged Company IDs", "string")
    yield _kept("hs_object_source", "Record source", "string")
    yield _kept("hs_object_source_id", "Record source ID", "string")
    yield _kept("hs_object_source_label", "Record source", "string")
    yield _kept("hs_updated_by_user_id", "Updated by user ID", "number")


def _choice(name: str, label: str, field_type: str, options: Iterable[tuple[str, str]]) -> Property:
    return _own(name, label, type="enumeration", field_type=field_type, options=tuple(options))


_BOOL = (("True", "true"), ("False", "false"))
_KINDS = ("Prospect", "Partner", "Reseller", "Vendor", "Other")
_LEADS = (
    *("New", "Open", "In Progress", "Open Deal", "Unqualified"),
    *("Attempted to Contact", "Connected", "Bad Timing"),
)
_STAGES = [
    (label, label.replace(" ", "").lower())
    for label in (
        *("Subscriber", "Lead", "Marketing Qualified Lead", "Sales Qualified Lead"),
        *("Opportunity", "Customer", "Evangelist", "Other"),
    )
]


def custom_properties(external_id: str) -> Iterable[Property]:
    """The account's own properties; `external_id` is unique, plain or absent."""
    if external_id != "absent":
        yield Property(name=COMPANY_ID, label="Company ID", unique=external_id == "unique")
    yield Property(name=BILLING_EMAIL, label="Billing e-mail")


class Schema:
    """The properties in force, by name."""

    def __init__(self) -> None:
        self._properties: dict[str, Property] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._properties

    def __iter__(self) -> Iterator[Property]:
        return iter(self._properties.values())

    def get(self, name: str) -> Property | None:
        """The property, None if there is none of that name."""
        return self._properties.get(name)

    def put(self, definition: Property) -> None:
        """Add a property or put it in the place of the one with its name."""
        self._properties[definition.name] = definition

    def drop(self, name: str) -> None:
        """Take a property away; values that records have stay where they are, unseen."""
        self._properties.pop(name, None)

    def unique(self) -> list[str]:
        """The names of the properties with unique values."""
        return [each.name for each in self._properties.values() if each.unique]


def dated(definition: Property, at: int) -> Property:
    """The definition as made at `at`."""
    return replace(definition, created=at, updated=at)

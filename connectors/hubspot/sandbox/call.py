"""One call of the API as the handlers see it, and what they have in common: reading and rendering."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.hubspot.sandbox.company import SYSTEM, Company, iso
from connectors.hubspot.sandbox.errors import invalid, required_fields
from connectors.hubspot.sandbox.schema import Schema
from connectors.sandbox.faults import Fault, FaultRule

DEFAULTS = ("createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name")
"""What a read shows that names no properties. Source: HubSpot docs, search (default properties)."""

COMPANY_TYPE = "0-2"

_SOURCE = ("hs_object_source", "hs_object_source_id", "hs_object_source_label")


@dataclass(frozen=True, slots=True)
class Call:
    """A call: `ref` is the id or name at the end of the path, `size` the length of the body.

    `version` is v3 or a date. `rule` is the fault drawn for the call, for handlers of batches.
    """

    ref: str
    version: str
    query: Mapping[str, Sequence[str]]
    body: Mapping[str, Any]
    size: int
    url: str
    rule: FaultRule | None

    @property
    def archived(self) -> bool:
        """Whether archived records are asked for; SDKs write True, people true."""
        return self.query.get("archived", ["false"])[-1].lower() == "true"

    @property
    def partial(self) -> FaultRule | None:
        """The fault that lets some rows of a batch fail."""
        return self.rule if self.rule and self.rule.fault is Fault.PARTIAL else None

    def names(self, parameter: str) -> list[str]:
        """Property names of a query parameter, repeated or with commas between."""
        return [name for text in self.query.get(parameter, ()) for name in text.split(",") if name]

    def listed(self, name: str) -> list[str]:
        """Property names of a list in the body."""
        found = self.body.get(name) or []
        if not isinstance(found, list):
            raise invalid(f"Invalid input JSON: {name} must be a list.")
        return [str(each) for each in found]

    def properties(self) -> Mapping[str, Any]:
        """The properties in the body."""
        return properties_of(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler answers; no body for None."""

    status: int
    body: Any = None


def properties_of(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """The properties of a body or of a row of a batch.

    Raises:
        Refusal: there are none.
    """
    found = item.get("properties")
    if not isinstance(found, dict):
        raise required_fields("properties")
    return found


class View:
    """Renders companies with the properties that a call asks for.

    Args:
        schema: the properties that there are; others are left out without a word.
        portal_id: for the `url` of a record.
        names: the properties asked for; none means HubSpot's defaults.
        history: the properties whose history is asked for.
    """

    def __init__(
        self, schema: Schema, portal_id: int, names: Iterable[str], history: Iterable[str] = ()
    ) -> None:
        asked = {*names, *SYSTEM} if names else set(DEFAULTS)
        self._names = sorted(name for name in asked if name in schema)
        self._history = [name for name in dict.fromkeys(history) if name in schema]
        self._url = f"https://app.hubspot.com/contacts/{portal_id}/record/{COMPANY_TYPE}/"

    def read(self, company: Company) -> dict[str, Any]:
        """The record; a property that was asked for and has no value is null."""
        values = company.values
        body = self._frame(company, {name: values.get(name) for name in self._names})
        if self._history:
            body["propertiesWithHistory"] = {name: company.history(name) for name in self._history}
        return body

    def written(self, company: Company, written: Iterable[str]) -> dict[str, Any]:
        """The record after a write: what was written and what HubSpot keeps itself, without nulls."""
        values = company.values
        names = sorted({*written, *SYSTEM, *_SOURCE})
        return self._frame(company, {name: values[name] for name in names if name in values})

    def _frame(self, company: Company, properties: dict[str, Any]) -> dict[str, Any]:
        body: dict[str, Any] = {
            "id": str(company.id),
            "properties": properties,
            "createdAt": company.values["createdate"],
            "updatedAt": company.values["hs_lastmodifieddate"],
            "archived": company.archived_at is not None,
        }
        if company.archived_at is not None:
            body["archivedAt"] = iso(company.archived_at)
        body["url"] = self._url + body["id"]
        return body

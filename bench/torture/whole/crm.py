"""A sandbox as the programme sees it: its pages for people, its knobs, and the history for the oracle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

FIELDS = {
    "salesforce": {"customer_name": "Name", "email": "Billing_Email__c", "phone_number": "Phone"},
    "hubspot": {"customer_name": "name", "email": "billing_email", "phone_number": "phone"},
}
KEYS = {"salesforce": "External_ID__c", "hubspot": "company_id"}
PEOPLE = ("ui", "CRM_UI")
"""Sources of an edit of a person; whatever else there is comes from Concord."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A change in a sandbox's history; `changed`: path → (before, after), of the fields that are mapped."""

    ref: str
    ours: bool
    kind: str
    key: tuple[object, object] | None
    changed: Mapping[str, tuple[object, object]]


@dataclass(slots=True)
class Sandbox:
    """A CRM of the programme."""

    kind: str
    url: str
    credentials: Mapping[str, str]
    http: requests.Session = field(default_factory=requests.Session)

    def control(self, method: str, path: str, body: object = None) -> Any:
        """Play a person, turn a knob, or read."""
        # Each on a connection of its own: of one that was cut as it was used again, nobody knows what it did.
        asked = {"Connection": "close"}
        url = f"{self.url}/_sandbox/{path}"
        answer = self.http.request(method, url, json=body, headers=asked, timeout=120)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def create(self, key: str, values: Mapping[str, str]) -> str:
        """A person makes a record; its ref."""
        named = {FIELDS[self.kind][path]: value for path, value in values.items()}
        made = self.control("POST", "create", {"fields": {**named, KEYS[self.kind]: key}})
        return str(made["id"])

    def edit(self, ref: str, path: str, value: str) -> None:
        """A person changes a field."""
        self.control("POST", "edit", {"id": ref, "fields": {FIELDS[self.kind][path]: value}})

    def records(self) -> dict[str, dict[str, Any]]:
        """Every living record by ref: path → value, and `key`."""
        found: dict[str, dict[str, Any]] = {}
        for row in self.control("GET", "records"):
            if row.get("IsDeleted") or row.get("archived") or "merged_into" in row:
                continue
            values = row.get("properties", row)
            named = {path: values.get(name) for path, name in FIELDS[self.kind].items()}
            found[str(row.get("Id", row.get("id")))] = {**named, "key": values.get(KEYS[self.kind])}
        return found

    def history(self) -> list[Entry]:
        """Everything that ever happened in it, oldest first."""
        names = {name: path for path, name in FIELDS[self.kind].items()}
        return [
            Entry(
                ref=str(row["id"]),
                ours=row["source"] not in PEOPLE,
                kind=str(row["kind"]),
                key=_pair(row["changed"].get(KEYS[self.kind])),
                changed={
                    names[name]: (pair[0], pair[1]) for name, pair in row["changed"].items() if name in names
                },
            )
            for row in self.control("GET", "history")
        ]


def _pair(pair: Any) -> tuple[object, object] | None:
    return None if pair is None else (pair[0], pair[1])

"""Both sandbox CRMs with a site over them, and people at work in them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.request import Request, urlopen

from cli import sandboxes
from connectors.sandbox.server import SandboxServer
from sync import connect
from sync import customers as local
from sync.cycle import run
from sync.intake import parse_customer
from sync.report import Report
from sync.steps import Order
from sync.store import connections, customers, links, queue
from sync.store.conflicts import StoredConflict
from sync.store.customers import StoredCustomer
from sync.store.queue import Filter
from sync.store.schema import customers as customers_table
from sync.store.schema import links as links_table
from tasks import wiring
from tests.web.conftest import Served

NAMES = ("salesforce", "hubspot")
NAMES_OF = {
    "salesforce": {
        "key": "External_ID__c",
        "name": "Name",
        "phone": "Phone",
        "street": "BillingStreet",
        "email": "Billing_Email__c",
        "city": "BillingCity",
        "state": "BillingState",
        "postal": "BillingPostalCode",
        "country": "BillingCountry",
    },
    "hubspot": {
        "key": "company_id",
        "name": "name",
        "phone": "phone",
        "street": "address",
        "email": "billing_email",
        "city": "city",
        "state": "state",
        "postal": "zip",
        "country": "country",
    },
}
"""What the fields are called in each CRM."""


@dataclass
class Stack:
    """A site whose connections lead to sandboxes: `urls` by name of the connection, which is the CRM's."""

    served: Served
    urls: dict[str, str] = field(default_factory=dict)

    def sync(self, *names: str, **order: Any) -> list[Report]:
        """Sync connections as a person does at the machine."""
        wanted = {"kind": "sync", "trigger": "manual", "actor": "test", "yes": True, **order}
        made = []
        for name in names or tuple(self.urls):
            with self.served.database.reading() as tx:
                connection = connections.find(tx, self.served.organisation_id, name)
            made.append(run(self.served.services, connection, Order(**wanted), lambda _event: None))
        return made

    def control(self, name: str, path: str, body: object = None, method: str = "POST") -> Any:
        """Turn a knob of a sandbox, or edit as a person in the CRM."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = Request(f"{self.urls[name]}/_sandbox/{path}", data=data, method=method, headers=headers)
        with urlopen(request, timeout=10) as response:
            return json.loads(response.read() or b"null")

    def create(self, name: str, key: str | None, /, **values: Any) -> str:
        """Make a record in a CRM, as a person; its id."""
        made = self.control(name, "create", {"fields": self._fields(name, {"key": key, **values})})
        return str(made["id"])

    def edit(self, name: str, ref: str, /, **values: Any) -> None:
        """Edit a record in a CRM, as a person."""
        self.control(name, "edit", {"id": ref, "fields": self._fields(name, values)})

    def raw(self, name: str, ref: str) -> Mapping[str, Any]:
        """What the CRM has of a record, by its own names."""
        (found,) = (each for each in self._records(name) if ref in (each.get("Id"), each.get("id")))
        return found

    def record(self, name: str, ref: str) -> Mapping[str, Any]:
        """What the CRM has of a record, by our names of the fields."""
        found = self.raw(name, ref)
        return {ours: found.get(theirs) for ours, theirs in NAMES_OF[name].items()}

    def _records(self, name: str) -> list[dict[str, Any]]:
        kept = self.control(name, "records", method="GET")
        return [{**each, **each.get("properties", {})} for each in kept]

    def map(self, name: str, path: str, crm: str) -> None:
        """Map one more field of a connection."""
        with self.served.database.reading() as tx:
            connection = connections.find(tx, self.served.organisation_id, name)
        lines = [line.model_dump() for line in connection.settings.map]
        connect.change(
            self.served.database,
            wiring.open_seal(self.served.settings),
            connection,
            actor="test",
            settings={"map": [*lines, {"field": path, "crm": crm}]},
        )

    def add(self, key: str, **values: Any) -> str:
        """Add a customer here; an empty key is none."""
        body = {"customer_name": f"Customer {key}", **({"external_id": key} if key else {}), **values}
        return local.add(
            self.served.database, self.served.organisation_id, parse_customer(body), actor="test"
        )

    def change(self, key: str, *assignments: str) -> None:
        """Change a customer here."""
        local.change(self.served.database, self.served.organisation_id, key, assignments, actor="test")

    def ref(self, name: str, customer_id: str) -> str:
        """The record of a customer."""
        with self.served.database.reading() as tx:
            connection = connections.find(tx, self.served.organisation_id, name)
            (found,) = links.load(tx, connection.id, links_table.c.customer_id == customer_id)
        return found.ref

    def customers(self) -> dict[str, StoredCustomer]:
        """Living customers by their number, or their name where they have none."""
        with self.served.database.reading() as tx:
            found = customers.load(tx, self.served.organisation_id, customers_table.c.id > "")
        alive = [each for each in found if each.row["deleted_at"] is None]
        return {str(each.row["external_id"] or each.row["customer_name"]): each for each in alive}

    def refs(self, name: str) -> dict[str, str]:
        """Records of a CRM that are not deleted, by their key, or their name where they have none."""
        words, gone = NAMES_OF[name], ("IsDeleted", "archived")
        return {
            str(each.get(words["key"]) or each.get(words["name"])): str(each.get("Id") or each["id"])
            for each in self._records(name)
            if each.get(words["name"]) and not any(each.get(flag) for flag in gone)
        }

    def questions(self, kind: str | None = None) -> list[StoredConflict]:
        """What is open."""
        with self.served.database.reading() as tx:
            return queue.page(tx, self.served.organisation_id, Filter(kind=kind), limit=500)

    @staticmethod
    def _fields(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
        known = NAMES_OF[name]
        return {known.get(each, each): value for each, value in values.items() if value is not None}


@contextmanager
def stack_of(served: Served, *, empty: bool = True, names: tuple[str, ...] = NAMES) -> Iterator[Stack]:
    """Sandboxes, with their populations or empty, connected to a site."""
    found = Stack(served)
    servers = []
    try:
        for name in names:
            sandbox = sandboxes.build(name, seed=1, empty=empty)
            server = SandboxServer(sandbox.app).start()
            servers.append((sandbox, server))
            found.urls[name] = server.url
            served.connect(name, name, secret="", url=server.url, credentials=sandbox.credentials)
        yield found
    finally:
        for sandbox, server in servers:
            server.stop()
            sandbox.close()

"""A program, a site, and a CRM in memory that the site's connections lead to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.memory_crm import MemoryCrm, shared_crm
from connectors.records import JSON
from sync.clock import new_id
from sync.cycle import run
from sync.report import Report
from sync.steps import Order
from sync.store import connections, customers
from sync.store.connections import ConnectionState, StoredConnection
from sync.store.session import Database
from tests.web.api.conftest import Api, program
from tests.web.conftest import serve


@dataclass
class Steered:
    """`crms` by the name of their connection; edits of them are those of people."""

    api: Api
    crms: dict[str, MemoryCrm] = field(default_factory=dict)

    def connect(self, name: str = "crm", *, state: ConnectionState = ConnectionState.ACTIVE) -> MemoryCrm:
        """Add a connection to a new CRM in memory."""
        url = f"memory://{new_id()}"
        self.api.served.connect(name, "memory", secret="", state=state, url=url)
        self.crms[name] = shared_crm(url)
        return self.crms[name]

    def connection(self, name: str = "crm") -> StoredConnection:
        with self.api.database.reading() as tx:
            return connections.find(tx, self.api.organisation_id, name)

    def sync(self, name: str = "crm", **order: Any) -> Report:
        """Sync a connection as a person does at the machine."""
        wanted = {"kind": "sync", "trigger": "manual", "actor": "test", "yes": True, **order}
        return run(self.api.served.services, self.connection(name), Order(**wanted), lambda _event: None)

    def settle(self, *names: str) -> None:
        """Sync in turn until nothing is written."""
        for _ in range(6):
            if not any(self.sync(name).counts["writes"] for name in names or ("crm",)):
                return
        raise AssertionError("it never came to rest")

    def pair(self, key: str, *names: str, **values: JSON) -> dict[str, str]:
        """Make a record of one key in CRMs: name of the connection → ref."""
        body: Mapping[str, JSON] = {"key": key, "name": f"Customer {key}", **values}
        return {name: self.crms[name].create(body) for name in names or ("crm",)}

    def customer(self, key: str) -> dict[str, Any]:
        """The customer of an external id, as the API shows it."""
        (found,) = self.api.get("/customers", external_id=key)["data"]
        return dict(found)

    def value(self, key: str, path: str) -> Any:
        """A value of a customer."""
        with self.api.database.reading() as tx:
            (found,) = customers.load(tx, self.api.organisation_id, customers.by_external_ids([key]))
        return found.value(path)


def steer(database: Database) -> Iterator[Steered]:
    """A site with one CRM."""
    for served in serve(database):
        steered = Steered(program(served))
        steered.connect()
        yield steered

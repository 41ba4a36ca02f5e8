"""A small world for scenarios: a database, in-memory CRMs, and the use-cases over both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.file import Files
from connectors.memory import KEY, MAPPING, MemoryConnector
from connectors.memory_crm import MemoryCrm
from connectors.port import Connector, ConnectorConfig
from connectors.records import JSON
from sync import customers as local
from sync.clock import new_id
from sync.cycle import run
from sync.decisions import Decision, Take
from sync.intake import parse_customer
from sync.report import Report
from sync.resolve import Outcome, resolve, resolve_all
from sync.rules import parse_settings
from sync.services import Inspection, Services
from sync.steps import Order
from sync.store import conflicts, connections, customers, links
from sync.store.conflicts import StoredConflict
from sync.store.connections import StoredConnection
from sync.store.customers import StoredCustomer
from sync.store.links import StoredLink
from sync.store.schema import customers as customers_table
from sync.store.schema import links as links_table
from sync.store.session import Database

PATHS = ("customer_name", "email", "phone_number", "address")


@dataclass
class World:
    """One organisation with one or more in-memory CRMs."""

    database: Database
    crms: dict[str, MemoryCrm] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    organisation_id: str = ""
    events: list[Mapping[str, JSON]] = field(default_factory=list)
    owner: str = "test"

    def __post_init__(self) -> None:
        with self.database.transaction() as tx:
            self.organisation_id = connections.organisation(tx, "default")

    @property
    def services(self) -> Services:
        return Services(
            database=self.database,
            open_connector=self._open,
            inspect=self._inspect,
            owner=self.owner,
            dead=lambda _owners: [],
        )

    def _open(
        self, connection: StoredConnection, *, person: bool = True, patience: float | None = None
    ) -> Connector:
        if connection.row["connector"] == connections.FILES:
            return Files()
        crm = self.crms[connection.name]
        config = ConnectorConfig(
            url="memory://",
            credentials={},
            external_id=connection.settings.external_id,
            mapping=connection.settings.mapping(),
        )
        return MemoryConnector(crm, config)

    def _inspect(self, connection: StoredConnection, connector: Connector) -> Inspection:
        found = connector.describe()
        key = found.fields[connection.settings.external_id]
        return Inspection(found.account_id, found.account_name, key.unique, [])

    def connect(self, name: str = "crm", *, crm: MemoryCrm | None = None, **settings: Any) -> MemoryCrm:
        """Add a connection to a CRM in memory."""
        self.crms[name] = crm or MemoryCrm()
        self.ids[name] = new_id()
        body = {
            "external_id": KEY,
            "map": [{"field": line.field, "crm": line.crm} for line in MAPPING],
            **settings,
        }
        with self.database.transaction() as tx:
            connections.add(
                tx,
                connection_id=self.ids[name],
                organisation_id=self.organisation_id,
                name=name,
                connector="memory",
                url="memory://",
                sealed="",
                settings=parse_settings(body),
            )
        return self.crms[name]

    def connection(self, name: str = "crm") -> StoredConnection:
        with self.database.reading() as tx:
            return connections.find(tx, self.organisation_id, name)

    def sync(self, name: str = "crm", *, yes: bool = True, kind: str = "sync", **order: Any) -> Report:
        """Sync one connection, by hand."""
        wanted = Order(kind=kind, trigger=order.pop("trigger", "manual"), actor="test", yes=yes, **order)
        return run(self.services, self.connection(name), wanted, self.events.append)

    def settle(self, *names: str, rounds: int = 4) -> list[Report]:
        """Sync all connections in turn until a whole round writes nothing."""
        names = names or tuple(self.crms)
        for _ in range(rounds):
            reports = [self.sync(name) for name in names]
            if not any(report.counts["writes"] for report in reports):
                return reports
        raise AssertionError("it never came to rest")

    def add(self, external_id: str | None = None, **fields: Any) -> str:
        """Add a customer here."""
        body = {"customer_name": f"Customer {external_id}", **fields}
        if external_id:
            body["external_id"] = external_id
        return local.add(self.database, self.organisation_id, parse_customer(body), actor="test")

    def change(self, name: str, *assignments: str) -> None:
        """Change a customer here."""
        local.change(self.database, self.organisation_id, name, assignments, actor="test")

    def delete(self, name: str) -> None:
        """Delete a customer here."""
        local.delete(self.database, self.organisation_id, name, actor="test")

    def customers(self) -> dict[str, StoredCustomer]:
        """Living customers by external id (or id)."""
        with self.database.reading() as tx:
            found = customers.load(tx, self.organisation_id, customers_table.c.id > "")
        return {each.row["external_id"] or each.id: each for each in found if not each.row["deleted_at"]}

    def values(self, name: str) -> dict[str, Any]:
        """The mapped values of one customer."""
        customer = self.customers()[name]
        return {path: customer.value(path) for path in PATHS}

    def links(self, name: str = "crm") -> dict[str, StoredLink]:
        """Links of a connection by ref."""
        with self.database.reading() as tx:
            found = links.load(tx, self.ids[name], links_table.c.id > "")
        return {each.ref: each for each in found}

    def queue(self, kind: str | None = None) -> list[StoredConflict]:
        """Open rows."""
        with self.database.reading() as tx:
            return conflicts.listing(tx, self.organisation_id, kind=kind)

    def kinds(self) -> list[str]:
        """Kinds of the open rows, sorted."""
        return sorted(row.row["kind"] for row in self.queue())

    def resolve(self, row: StoredConflict | None = None, **decision: Any) -> Outcome:
        """Decide one row (the only one)."""
        if row is None:
            rows = self.queue()
            assert len(rows) == 1, [each.row["kind"] for each in rows]
            row = rows[0]
        if "take" in decision:
            decision["take"] = Take(decision["take"])
        return resolve(self.database, self.organisation_id, row.id, Decision(**decision), actor="test")

    def resolve_all(self, take: str, kind: str | None = None, *, preview: bool = False) -> Sequence[Outcome]:
        """Decide all rows."""
        return list(
            resolve_all(
                self.database,
                self.organisation_id,
                Decision(take=Take(take)),
                actor="test",
                kind=kind,
                preview=preview,
                progress=lambda _done: None,
            )
        )

"""The scene of a schedule: one organisation, two CRMs, and processes of Concord that come and go."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.torture.clock import SimulatedClock
from bench.torture.connector import TorturedConnector, Trouble
from bench.torture.crm import TorturedCrm
from bench.torture.process import KilledError, Life, MortalDatabase
from connectors.errors import ConnectorError
from connectors.memory import KEY, MAPPING
from connectors.memory_crm import MemoryCrm
from connectors.port import Connector, ConnectorConfig
from sync import customers as local
from sync.approve import approve
from sync.clock import new_id
from sync.cycle import run
from sync.errors import ConcordError
from sync.intake import parse_customer
from sync.rules import parse_settings
from sync.selection import Selection
from sync.services import Inspection, Services
from sync.steps import Order
from sync.store import conflicts, connections, customers, jobs, runs
from sync.store.conflicts import StoredConflict
from sync.store.connections import ConnectionState, StoredConnection
from sync.store.customers import StoredCustomer
from sync.store.schema import customers as customers_table
from sync.store.session import Database
from tasks.jobs import drain
from tasks.schedule import tick

EXPECTED = (ConnectorError, ConcordError)
"""What a run may end with; anything else is a fault of Concord's."""

logging.getLogger("concord").addHandler(logging.NullHandler())
logging.getLogger("concord").propagate = False


@dataclass
class Scene:
    """See the module. `trouble` is asked at every call, `fuses` gives the life of each new process."""

    clock: SimulatedClock
    database: Database
    chance: random.Random
    crms: dict[str, TorturedCrm] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    organisation_id: str = ""
    trouble: Callable[[str, Life], Trouble] = lambda _name, _life: Trouble()
    fuse: Callable[[], int | None] = lambda: None
    deaths: int = 0
    calls: int = 0
    _alive: set[str] = field(default_factory=set)
    _born: int = 0

    def __post_init__(self) -> None:
        with self.database.transaction() as tx:
            self.organisation_id = connections.organisation(tx, "default")

    def connect(self, name: str, crm: MemoryCrm, *, whole_seconds: bool, **settings: Any) -> TorturedCrm:
        """Add a connection to a CRM."""
        self.crms[name] = TorturedCrm(self.clock, crm, whole_seconds=whole_seconds)
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

    def connection(self, name: str) -> StoredConnection:
        """A connection's row."""
        with self.database.reading() as tx:
            return connections.find(tx, self.organisation_id, name)

    def sync(self, name: str, *, kind: str = "sync", full: bool = False, everything: bool = False) -> str:
        """A person's run, in a process of its own; how it ended."""
        selection = Selection(everything=True) if everything else None
        order = Order(kind=kind, trigger="manual", actor="torture", yes=True, full=full, selection=selection)
        return self._lives(
            lambda services: run(services, self.connection(name), order, lambda _event: None).state
        )

    def work(self, *pulls: str, kind: str = "pull") -> str:
        """Ask for pulls, and let a worker do whatever is due."""
        with self.database.transaction() as tx:
            for name in pulls:
                jobs.ask(
                    tx,
                    organisation_id=self.organisation_id,
                    connection_id=self.ids[name],
                    kind=kind,
                    keys=[""],
                )

        def all_due(services: Services) -> str:
            tick(services)
            return f"{drain(services, lambda _event: None)} runs"

        return self._lives(all_due)

    def release(self, name: str) -> str | None:
        """Approve what waits for a person, if anything does."""
        if self.connection(name).state not in (ConnectionState.HALTED, ConnectionState.NEEDS_APPROVAL):
            return None
        with self.database.reading() as tx:
            rows = runs.listing(tx, self.organisation_id)
        waiting = [
            row["id"]
            for row in rows
            if row["state"] == "needs_approval" and row["connection_id"] == self.ids[name]
        ]
        if not waiting:
            return None
        return self._lives(
            lambda services: (
                approve(
                    services, self.organisation_id, waiting[0], actor="torture", progress=lambda _event: None
                ).state
            )
        )

    def _lives(self, act: Callable[[Services], str]) -> str:
        """Do something in a new process; what it ended with."""
        self._born += 1
        owner, life = f"process {self._born}", Life(self.fuse())
        self._alive.add(owner)
        services = Services(
            database=MortalDatabase(self.database, life),
            open_connector=lambda connection, *, person=True, patience=None: self._open(connection, life),
            inspect=_inspect,
            owner=owner,
            dead=lambda owners: [each for each in owners if each not in self._alive],
        )
        try:
            return act(services)
        except KilledError:
            self.deaths += 1
            return "killed"
        except EXPECTED as error:
            return type(error).__name__
        finally:
            self._alive.discard(owner)

    def _open(self, connection: StoredConnection, life: Life) -> Connector:
        config = ConnectorConfig(
            url="memory://",
            credentials={},
            external_id=connection.settings.external_id,
            mapping=connection.settings.mapping(),
        )
        return TorturedConnector(self.crms[connection.name], config, self.trouble(connection.name, life))

    def add(self, key: str, values: Mapping[str, Any]) -> str:
        """A person adds a customer."""
        given = parse_customer({"external_id": key, **values})
        return local.add(self.database, self.organisation_id, given, actor="torture")

    def change(self, customer_id: str, assignment: str) -> None:
        """A person changes a customer."""
        local.change(self.database, self.organisation_id, customer_id, [assignment], actor="torture")

    def delete(self, customer_id: str) -> None:
        """A person deletes a customer."""
        local.delete(self.database, self.organisation_id, customer_id, actor="torture")

    @property
    def busy(self) -> bool:
        """Whether a process is at work."""
        return bool(self._alive)

    def customers(self) -> list[StoredCustomer]:
        """Every customer, deleted or not, in the order of their ids."""
        with self.database.reading() as tx:
            found = customers.load(tx, self.organisation_id, customers_table.c.id > "")
        return sorted(found, key=lambda each: each.id)

    def living(self) -> list[StoredCustomer]:
        """Those that are not deleted."""
        return [each for each in self.customers() if each.row["deleted_at"] is None]

    def queue(self) -> list[StoredConflict]:
        """Open rows, as a person sees them."""
        with self.database.reading() as tx:
            return conflicts.listing(tx, self.organisation_id, limit=500)


def _inspect(connection: StoredConnection, connector: Connector) -> Inspection:
    found = connector.describe()
    return Inspection(
        found.account_id, found.account_name, found.fields[connection.settings.external_id].unique, []
    )

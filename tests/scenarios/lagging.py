"""A CRM whose clock, late commits and slow index the test holds in its hand, and customers beside it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from connectors.hubspot import sandbox as hubspot
from connectors.hubspot.client import HubSpotConnector
from connectors.port import Connector, ConnectorConfig
from connectors.registry import plugin
from connectors.salesforce import sandbox as salesforce
from connectors.salesforce.client import SalesforceConnector
from connectors.sandbox.control import SandboxState
from connectors.sandbox.server import SandboxServer
from sync import customers as local
from sync.clock import new_id
from sync.core.match import LinkState
from sync.cycle import run
from sync.report import Report
from sync.rules import parse_settings
from sync.services import Services
from sync.steps import Order
from sync.store import connections, customers, links
from sync.store.connections import StoredConnection
from sync.store.schema import customers as customers_table
from sync.store.schema import links as links_table
from sync.store.session import Database
from tasks import wiring

MINUTE = 60.0
HOUR = 60 * MINUTE
AT_ONCE = 1e-6  # seconds; nought would show what waits, too


@dataclass(frozen=True)
class Names:
    """What a CRM calls things."""

    name: str
    key: str
    phone: str
    email: str
    delay: str


NAMES = {
    "salesforce": Names("Name", "External_ID__c", "Phone", "Billing_Email__c", "visibility_delay"),
    "hubspot": Names("name", "company_id", "phone", "billing_email", "index_delay"),
}


@dataclass
class Lagging:
    """One organisation and one CRM. Time passes for the CRM when the test says so.

    Attributes:
        elapsed: seconds that have passed beyond those of the machine.
        skew: seconds by which the CRM's stamps are ahead of the Date that it answers with.
        machine_skew: seconds by which this machine's clock is ahead of that Date.
        between: called with the number of each page of a listing, once the CRM has given it.
    """

    kind: str
    database: Database
    state: SandboxState
    credentials: Mapping[str, str]
    url: str = ""
    elapsed: float = 0.0
    skew: float = 0.0
    machine_skew: float = 0.0
    between: Callable[[int], None] = lambda _number: None
    organisation_id: str = ""
    refs: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> Names:
        return NAMES[self.kind]

    def now(self) -> float:
        """The true time."""
        return time.time() + self.elapsed

    def pass_time(self, seconds: float) -> None:
        """Let time pass, for the CRM and for this machine."""
        self.elapsed += seconds
        self.set_skew(self.skew)

    def set_skew(self, seconds: float) -> None:
        """Put the clock that stamps records ahead."""
        self.skew = seconds
        self.state.configure({"clock_offset": self.elapsed + seconds})

    def lag(self, seconds: float) -> None:
        """What is written from now on is seen by listings so much later."""
        self.state.configure({self.names.delay: seconds})

    def create(self, key: str, *, late: float = AT_ONCE) -> None:
        """Make a record as a person."""
        self.lag(late)
        names = self.names
        fields = {names.key: key, names.name: f"Customer {key}", names.phone: phone(0)}
        fields[names.email] = f"{key}@old.example.com"
        self.refs[key] = str(self.state.person_create(fields, user="Jane")["id"])

    def edit(self, key: str, number: int, *, late: float = AT_ONCE) -> None:
        """Change a record's phone number as a person."""
        self.lag(late)
        self.state.person_edit(self.refs[key], {self.names.phone: phone(number)}, user="Jane")

    def delete(self, key: str) -> None:
        """Delete a record as a person."""
        self.state.person_delete(self.refs[key], user="Jane")

    def undelete(self, key: str) -> None:
        """Bring it back."""
        self.state.person_undelete(self.refs[key], user="Jane")

    def change(self, key: str, email: str) -> None:
        """Change a customer's e-mail address here."""
        local.change(self.database, self.organisation_id, key, [f"email={email}"], actor="test")

    def connection(self) -> StoredConnection:
        with self.database.reading() as tx:
            return connections.find(tx, self.organisation_id, "crm")

    def sync(self, *, full: bool = False) -> Report:
        """Sync as an approved first sync does: the brake is another test's matter."""
        connection = self.connection()
        with self.database.transaction() as tx:
            connections.set_columns(tx, connection.id, first_sync="waiting")
        order = Order(kind="sync", trigger="manual", actor="test", yes=True, full=full)
        return run(self.services, self.connection(), order, lambda _event: None)

    @property
    def services(self) -> Services:
        return Services(
            database=self.database,
            open_connector=self._open,
            inspect=wiring.inspect,
            owner="test",
            dead=lambda _owners: [],
        )

    def _open(
        self, connection: StoredConnection, *, person: bool = True, patience: float | None = None
    ) -> Connector:
        config = ConnectorConfig(
            url=self.url,
            credentials=self.credentials,
            external_id=connection.settings.external_id,
            mapping=connection.settings.mapping(),
        )
        made: Connector
        if self.kind == "salesforce":
            made = SalesforceConnector(config)
        else:
            made = HubSpotConnector(config, now=lambda: int((self.now() + self.machine_skew) * 1000))
        return _Watched(made, self)

    def here(self) -> dict[str, tuple[Any, Any]]:
        """(phone, e-mail) of every customer here, by key."""
        with self.database.reading() as tx:
            found = customers.load(tx, self.organisation_id, customers_table.c.id > "")
        return {each.row["external_id"]: (each.value("phone_number"), each.value("email")) for each in found}

    def frozen(self) -> list[str]:
        """Refs of the links whose records are gone."""
        with self.database.reading() as tx:
            found = links.load(tx, self.connection().id, links_table.c.state == LinkState.FROZEN)
        return [each.ref for each in found]

    def living(self) -> dict[str, tuple[Any, Any]]:
        """The same as `here`, without those whose records are gone."""
        gone = {key for key, ref in self.refs.items() if ref in self.frozen()}
        return {key: values for key, values in self.here().items() if key not in gone}

    def there(self) -> dict[str, tuple[Any, Any]]:
        """(phone, e-mail) of every living record of the CRM, by key."""
        found = {}
        for record in self.state.raw_records():
            values = record.get("properties", record)
            if record.get("archived") or record.get("IsDeleted"):
                continue
            found[values[self.names.key]] = (values.get(self.names.phone), values.get(self.names.email))
        return found

    def written(self) -> int:
        """Writes to the CRM that no person made."""
        return sum(each["user"] != "Jane" for each in self.state.history(0))

    def calls(self) -> Counter[str]:
        """Calls to the CRM since this was last asked, logins and descriptions aside."""
        found = Counter(dict(self.state.counts()["calls"]))
        self.state.reset_counts()
        for kind in ("token", "describe", "account", "properties"):
            del found[kind]
        return found


class _Watched:
    """A connector that tells of each page of a listing."""

    def __init__(self, made: Connector, world: Lagging) -> None:
        self._made, self._world, self._number = made, world, 0

    def list_changes(self, cursor: Any) -> Any:
        return self._told(self._made.list_changes(cursor))

    def list_all(self, cursor: Any = None) -> Any:
        return self._told(self._made.list_all(cursor))

    def _told(self, page: Any) -> Any:
        self._number += 1
        self._world.between(self._number)
        return page

    def __getattr__(self, name: str) -> Any:
        return getattr(self._made, name)


def phone(number: int) -> str:
    """A phone number."""
    return f"+49 30 55{number:05d}"


@contextmanager
def lagging(kind: str, database: Database, **settings: Any) -> Iterator[Lagging]:
    """An empty CRM, connected."""
    org: Any
    if kind == "salesforce":
        org = salesforce.build(empty=True, settings=settings)
        credentials = {"client_id": org.client_id, "client_secret": org.client_secret}
    else:
        org = hubspot.build(empty=True)
        credentials = {"token": org.token}
    world = Lagging(kind, database, org.state, credentials)
    try:
        with SandboxServer(org.app, clock=world.now) as server:
            world.url = server.url
            _connect(world)
            yield world
    finally:
        (org.state if kind == "salesforce" else org).close()


def _connect(world: Lagging) -> None:
    found = plugin(world.kind)
    wanted = ("customer_name", "email", "phone_number")
    lines = [{"field": line.field, "crm": line.crm} for line in found.mapping if line.field in wanted]
    with world.database.transaction() as tx:
        world.organisation_id = connections.organisation(tx, "default")
        connections.add(
            tx,
            connection_id=new_id(),
            organisation_id=world.organisation_id,
            name="crm",
            connector=world.kind,
            url=world.url,
            sealed="",
            settings=parse_settings({"external_id": found.external_id, "map": lines}),
        )

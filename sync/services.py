"""What use-cases are built from. `tasks.wiring` is the only place that makes one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from connectors.port import Connector, CrmField
from sync.store.connections import StoredConnection
from sync.store.retention import Keep
from sync.store.session import Database

LEASE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Inspection:
    """What the CRM says of itself, held against the connection's map.

    `problems`: each `{severity, field, message, cure}`; `fields`: those of the CRM's object, by name.
    """

    account_id: str
    account_name: str
    key_unique: bool
    problems: Sequence[Mapping[str, str]]
    object_name: str = ""
    fields: Mapping[str, CrmField] = field(default_factory=dict)


class OpenConnector(Protocol):
    """Builds the connector of a connection, with its credentials opened."""

    def __call__(
        self, connection: StoredConnection, *, person: bool = True, patience: float | None = None
    ) -> Connector:
        """The connector. If a person asked, it may also use the daily calls that are kept for people.

        `patience`: seconds in which a call that failed is tried again, where somebody waits for the answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """The outside that a use-case needs.

    Args:
        database: where everything is kept.
        open_connector: see there.
        inspect: asks the CRM to describe itself and checks the field map against it.
        owner: who holds the leases of this process.
        dead: of some lease owners, those that are certainly gone (processes of this machine).
        keep: for how long what has ended is kept.
        lease_seconds: how long a process that shows no sign of life keeps its work to itself.
        out_of_time: the errors by which a worker is told that it has been at one task for too long.
    """

    database: Database
    open_connector: OpenConnector
    inspect: Callable[[StoredConnection, Connector], Inspection]
    owner: str
    dead: Callable[[Sequence[str]], Sequence[str]]
    keep: Keep = field(default_factory=Keep)
    lease_seconds: float = LEASE_SECONDS
    out_of_time: tuple[type[Exception], ...] = ()

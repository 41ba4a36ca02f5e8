"""What use-cases are built from. `tasks.wiring` is the only place that makes one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from connectors.port import Connector
from sync.store.connections import StoredConnection
from sync.store.session import Database


@dataclass(frozen=True, slots=True)
class Inspection:
    """What the CRM says of itself, held against the connection's map.

    `problems`: each `{severity, field, message, cure}`.
    """

    account_id: str
    account_name: str
    key_unique: bool
    problems: Sequence[Mapping[str, str]]


class OpenConnector(Protocol):
    """Builds the connector of a connection, with its credentials opened."""

    def __call__(self, connection: StoredConnection, *, person: bool = True) -> Connector:
        """The connector. If a person asked, it may also use the daily calls that are kept for people."""
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
    """

    database: Database
    open_connector: OpenConnector
    inspect: Callable[[StoredConnection, Connector], Inspection]
    owner: str
    dead: Callable[[Sequence[str]], Sequence[str]]

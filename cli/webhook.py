"""Where a CRM has to send what it sends by itself: the address of a connection's webhook."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote

from connectors.registry import plugin
from sync.settings import Settings
from sync.store import connections
from sync.store.connections import StoredConnection
from sync.store.session import Database
from tasks import wiring

PORT = 8700
MASK = "***"


@dataclass(frozen=True, slots=True)
class Address:
    """The address without the secret, the secret if one is set, and whether it ends the path."""

    base: str
    secret: str | None = field(repr=False)
    in_path: bool

    def shown(self, *, reveal: bool) -> str:
        """As it is entered in the CRM; a secret that is part of it only if asked for."""
        if not self.in_path or self.secret is None:
            return self.base
        return f"{self.base}/{quote(self.secret, safe='') if reveal else MASK}"


def address_of(
    database: Database, settings: Settings, connection: StoredConnection, *, site: str | None = None
) -> Address | None:
    """The address of a connection's webhook; None if its connector has none.

    Args:
        database: is asked whether the name alone is unique: if not, the id takes its place.
        settings: the public address, and what the secret is opened with.
        connection: whose.
        site: where the site listens, if it is known.
    """
    connector = str(connection.row["connector"])
    found = plugin(connector)
    if found.webhook is None:
        return None
    with database.reading() as tx:
        by_name = connections.addressed(tx, connector, connection.name)
    name = connection.name if by_name and by_name["id"] == connection.id else connection.id
    public = (settings.public_url or site or f"http://127.0.0.1:{PORT}").rstrip("/")
    known = wiring.open_seal(settings).open(
        connection.row["credentials"],
        organisation_id=connection.organisation_id,
        connection_id=connection.id,
    )
    base = f"{public}/webhooks/{quote(connector, safe='')}/{quote(name, safe='')}"
    return Address(base, known.get(wiring.WEBHOOK_SECRET) or None, found.secret_in_path)

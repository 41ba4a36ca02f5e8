"""What the CRMs have of a customer at this moment: read from them, one call per connection, all at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from connectors.errors import ConnectorError
from connectors.port import Observation, Presence
from connectors.records import Fields
from sync.errors import ConcordError
from sync.services import Services
from sync.store.connections import StoredConnection

MOST_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """A record as its CRM shows it; `problem` says why it could not be read.

    `presence` is None if the CRM does not know the record, or did not answer.
    """

    presence: Presence | None = None
    fields: Fields = field(default_factory=dict)
    problem: str | None = None


def read_now(services: Services, wanted: Sequence[tuple[StoredConnection, str]]) -> Mapping[str, Present]:
    """Connection's id → the record of this ref there.

    It waits no longer for a CRM than a worker does, and spends no calls that are kept for people.
    """

    def read(each: tuple[StoredConnection, str]) -> tuple[str, Present]:
        return each[0].id, _read(services, *each)

    if not wanted:
        return {}
    with ThreadPoolExecutor(min(MOST_AT_ONCE, len(wanted))) as pool:
        return dict(pool.map(read, wanted))


def _read(services: Services, connection: StoredConnection, ref: str) -> Present:
    try:
        connector = services.open_connector(connection, person=False)
        try:
            found: Observation | None = connector.get_many([ref]).get(ref)
            if found is None:
                return Present(problem="The CRM has no record of this id.")
            if found.presence is not Presence.LIVE:
                return Present(presence=found.presence)
            return Present(presence=found.presence, fields=connector.decode(found))
        finally:
            connector.close()
    except (ConnectorError, ConcordError) as error:
        return Present(problem=str(error))

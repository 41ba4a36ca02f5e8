"""What the CRMs have of a customer at this moment: read from them, one call per connection, all at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from connectors.errors import ConnectorError
from connectors.port import Observation, Presence
from connectors.records import Fields
from sync.errors import ConcordError
from sync.reading import SHAPE
from sync.services import Services
from sync.store.connections import StoredConnection

MOST_AT_ONCE = 8
PATIENCE = 8.0
"""Seconds that somebody who looks waits for all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """A record as its CRM shows it; `problem` says why it could not be read.

    `presence` is None if the CRM does not know the record, or did not answer.
    """

    presence: Presence | None = None
    fields: Fields = field(default_factory=dict)
    problem: str | None = None


def read_now(
    services: Services, wanted: Sequence[tuple[StoredConnection, str]], *, patience: float = PATIENCE
) -> Mapping[str, Present]:
    """Connection's id → the record of this ref there; who has not answered in time is left to itself.

    It spends no calls that are kept for people.
    """
    if not wanted:
        return {}
    pool = ThreadPoolExecutor(min(MOST_AT_ONCE, len(wanted)))
    try:
        asked = {each[0].id: pool.submit(_read, services, *each) for each in wanted}
        wait(asked.values(), timeout=patience)
        late = Present(problem=f"The CRM did not answer within {patience:g} seconds.")
        return {each: answer.result() if answer.done() else late for each, answer in asked.items()}
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


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
    except SHAPE as error:  # it may quote the record
        return Present(
            problem=f"The CRM does not show the record: its answer is odd ({type(error).__name__})."
        )

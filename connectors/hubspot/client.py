"""The port over one HubSpot account: companies, by the official SDK."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from connectors.errors import Misconfigured
from connectors.hubspot.changes import Changes
from connectors.hubspot.history import History
from connectors.hubspot.listing import LIST_PAGE, Lister
from connectors.hubspot.mapping import Records
from connectors.hubspot.reading import READ_BATCH, Reader
from connectors.hubspot.schema import Schema
from connectors.hubspot.search import Search
from connectors.hubspot.wire import Wire
from connectors.hubspot.writes import WRITE_BATCH, Writer
from connectors.port import (
    Capabilities,
    ConnectorConfig,
    Cursor,
    Description,
    Observation,
    Page,
    Receipt,
    Update,
    Write,
)
from connectors.records import JSON, Fields
from connectors.transport import Retries

_CAPABILITIES = Capabilities(
    page_size=LIST_PAGE,
    read_batch=READ_BATCH,
    write_batch=WRITE_BATCH,
    conditional_write=False,
    history=True,
    deletes_in_changes=False,
    merges=True,
    webhooks=True,
)


class HubSpotConnector:
    """Companies of one account. Opens no connection before it is first asked for something.

    Args:
        config: as the README of this package says.
        retries: how patiently a call is repeated.
        now: this machine's clock, milliseconds since 1970.

    Raises:
        Misconfigured: a part of the configuration cannot be right.
    """

    def __init__(
        self,
        config: ConnectorConfig,
        retries: Retries | None = None,
        now: Callable[[], int] = lambda: int(time.time() * 1000),
    ) -> None:
        self._records = Records(config.external_id, config.mapping)
        self._wire = Wire(config, retries or Retries.of(config.patience))
        self._schema = Schema(self._wire, self._records)
        self._reader = Reader(self._wire, self._records)
        self._search = Search(self._wire, self._records, self._reader)
        self._lister = Lister(self._wire, self._records, self._schema, self._search)
        self._changes = Changes(self._search, self._records, self._schema, now)
        self._writer = Writer(self._wire, self._records, self._reader)
        self._history = History(self._wire, self._records, _app_id(config.options))

    @property
    def capabilities(self) -> Capabilities:
        """What HubSpot can do: no conditional write, but a history of every property."""
        return _CAPABILITIES

    @property
    def key_field(self) -> str:
        """The property that holds the external id."""
        return self._records.key

    def describe(self) -> Description:
        """The account and its company properties."""
        return self._schema.describe()

    def list_changes(self, cursor: Cursor | None) -> Page:
        """Companies changed since the cursor, in the order of their changes (`changes`)."""
        return self._changes.page(cursor)

    def list_all(self, cursor: Cursor | None = None) -> Page:
        """Every live company, and before each the ids that were merged into it (`listing`)."""
        return self._lister.page(cursor)

    def partitions(self, count: int) -> Sequence[Cursor]:
        """Ranges of ids."""
        return self._lister.partitions(count)

    def list_deleted(self, cursor: Cursor | None = None) -> Page:
        """The companies in the recycle bin."""
        return self._lister.archived(cursor)

    def get_many(self, refs: Sequence[str]) -> Mapping[str, Observation]:
        """Companies by id: live, archived, or merged into another."""
        return self._reader.get_many(refs)

    def find_by_external_id(self, external_ids: Sequence[str]) -> Sequence[Observation]:
        """Live companies by key; where its property is not unique, only as far as the index knows them."""
        if self._schema.key_is_unique():
            return self._reader.by_key(external_ids)
        return self._search.by_key(external_ids)

    def write(self, batch: Sequence[Write]) -> Sequence[Receipt]:
        """One receipt per write, in order; never raises for what HubSpot answers."""
        return self._writer.write(batch)

    def overwritten(self, updates: Sequence[Update]) -> Sequence[Fields]:
        """Foreign values that the updates overwrote, by the history of the properties written."""
        return self._history.overwritten(updates)

    def decode(self, observation: Observation) -> Fields:
        """The canonical value of every mapped field."""
        return self._records.decode(observation)

    def calls(self) -> Mapping[str, int]:
        """HTTP requests since this connector was built, retries included, by kind."""
        return self._wire.meter.counts()

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()


def _app_id(options: Mapping[str, JSON]) -> str | None:
    value = options.get("app_id")
    if value is None:
        return None
    if isinstance(value, bool) or not str(value).isdecimal():
        raise Misconfigured("The option app_id must be the number of the HubSpot app.")
    return str(value)

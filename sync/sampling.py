"""A look into an account: what it shows of itself, and what a map makes of its first records.

Nothing is kept of it, and nothing is written on either side.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from connectors.errors import InvalidRecord
from connectors.port import Capabilities, Connector, Observation, Presence
from connectors.records import ADDRESS_FIELDS, JSON, LINE_PARTS, Address, Fields, to_json
from sync.core import normalise
from sync.core.validate import problem
from sync.rules import ConnectionSettings, MapLine
from sync.services import Inspection, Services
from sync.store.connections import StoredConnection

MOST = 20
"""Records that are looked at."""
KEY = "external_id"
UNREADABLE = "the record cannot be read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What the records have in one line of a map.

    Args:
        values: by record; None where it is blank, or cannot be read.
        misfits: why a value cannot be taken → how many cannot.
    """

    values: Sequence[JSON]
    misfits: Mapping[str, int]

    @property
    def filled(self) -> int:
        """How many records have a value."""
        return sum(value is not None for value in self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a look has found.

    Args:
        inspection: what the CRM says of itself, held against the map.
        capabilities: what the connector can do there.
        keys: the external id of each record that was looked at.
        records: the canonical fields of each, as far as they can be read.
        columns: line of the map → what it brings; a line whose CRM field does not exist has none.
    """

    inspection: Inspection
    capabilities: Capabilities
    keys: Sequence[str | None]
    records: Sequence[Fields]
    columns: Mapping[str, Column]


def look_into(
    services: Services,
    connection: StoredConnection,
    settings: ConnectionSettings | None = None,
    *,
    patience: float,
) -> Account:
    """Ask the CRM what it is, and read its first records.

    Args:
        services: what use-cases are built from.
        connection: whose account.
        settings: with the map that is to be tried; the connection's own if None.
        patience: seconds in which a call that failed is tried again.

    Raises:
        ConnectorError: the CRM cannot be asked.
    """
    tried = replace(connection, settings=settings or connection.settings)

    def opened(lines: Sequence[MapLine], key: str) -> Connector:
        part = tried.settings.model_copy(update={"map": tuple(lines), "external_id": key, "rules": {}})
        return services.open_connector(replace(tried, settings=part), patience=patience)

    connector = opened(tried.settings.map, tried.settings.external_id)
    try:
        inspection, capabilities = services.inspect(tried, connector), connector.capabilities
    finally:
        connector.close()
    lines = [line for line in tried.settings.map if line.crm in inspection.fields]
    keyed = tried.settings.external_id in inspection.fields
    key = tried.settings.external_id if keyed else lines[0].crm if lines else ""
    observations = _first(opened(lines, key)) if lines else []
    records, refused = _decoded(lambda some: opened(some, key), lines, observations)
    columns = {line.field: _column(line, records, refused) for line in lines}
    keys = [normalise.external_id(each.external_id) if keyed else None for each in observations]
    if keyed:
        columns[KEY] = _judged(keys, [None if each is None else problem(KEY, each) for each in keys])
    return Account(
        inspection=inspection, capabilities=capabilities, keys=keys, records=records, columns=columns
    )


def _first(connector: Connector) -> list[Observation]:
    try:
        page = connector.list_all()
    finally:
        connector.close()
    live = [each for each in page.observations if each.presence is Presence.LIVE]
    return live[:MOST]


_Refused = list[dict[str, str]]


def _decoded(
    opened: Callable[[Sequence[MapLine]], Connector],
    lines: Sequence[MapLine],
    observations: Sequence[Observation],
) -> tuple[list[Fields], _Refused]:
    """Canonical fields of records, and path → reason of what cannot be read in each.

    A connector stops at the first value that it cannot read; so what it stops at is left out, and the rest
    is read again.
    """
    records: list[Fields] = [{} for _ in observations]
    refused: _Refused = [{} for _ in observations]
    rest = list(lines)
    while rest and observations:
        connector, stopped = opened(rest), set()
        try:
            for place, each in enumerate(observations):
                if "" in refused[place]:
                    continue
                try:
                    records[place] = connector.decode(each)
                except InvalidRecord as error:
                    path = _path(error.field)
                    known = any(line.path == path for line in rest)
                    refused[place][path if known else ""] = error.detail
                    stopped |= {path} if known else set()
        finally:
            connector.close()
        if not stopped:
            break
        rest = [line for line in rest if line.path not in stopped]
    return records, refused


def _path(field: str) -> str:
    top = field.partition(".")[0]
    return top if top in ADDRESS_FIELDS else field


def _column(line: MapLine, records: Sequence[Fields], refused: _Refused) -> Column:
    values, reasons = [], []
    for record, known in zip(records, refused, strict=True):
        value, why = _value(line, record), None
        if "" in known:
            why = UNREADABLE
        elif line.path in known:
            why = known[line.path]
        elif line.path in ADDRESS_FIELDS:
            part = "line1" if line.field.endswith(".street") else line.field.partition(".")[2]
            why = problem(line.path, Address(**{part: value})) if isinstance(value, str) else None
        else:
            why = problem(line.path, record.get(line.path))
        values.append(value)
        reasons.append(why)
    return _judged(values, reasons)


def _judged(values: Sequence[JSON], reasons: Sequence[str | None]) -> Column:
    return Column(values=values, misfits=Counter(why for why in reasons if why))


def _value(line: MapLine, record: Fields) -> JSON:
    value = record.get(line.path)
    if not isinstance(value, Address):
        return to_json(value)
    part = line.field.partition(".")[2]
    if part == "street":
        return "\n".join(text for name in LINE_PARTS if (text := getattr(value, name))) or None
    found: str | None = getattr(value, part)
    return found

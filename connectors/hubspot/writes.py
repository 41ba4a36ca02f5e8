"""Creates and updates in batches of 100, and one receipt for each.

Every row carries a trace id of its own, so that HubSpot answers row by row (207) and good rows land beside
bad ones. Where it refuses a whole batch all the same (400, 409), nothing of it was written, and it is sent
again in halves until the bad rows are alone. A row of which an answer says nothing may have been written.
Source: HubSpot docs, error handling (multi-status errors).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import msgspec

from connectors.errors import ConnectorError, Retryable, Unavailable
from connectors.hubspot.errors import row_failure
from connectors.hubspot.mapping import Records
from connectors.hubspot.reading import Reader, batches
from connectors.hubspot.refusals import UNKNOWN_PROPERTY, Refusal, read_refusal
from connectors.hubspot.wire import Batch, Wire
from connectors.port import Create, Failed, Landed, Observation, Presence, Receipt, Unknown, Write

WRITE_BATCH = 100


class _Result(msgspec.Struct, rename="camel"):
    id: str
    properties: dict[str, Any] = msgspec.field(default_factory=dict)
    object_write_trace_id: str | None = None


_RESULT = msgspec.json.Decoder(_Result)


@dataclass(frozen=True, slots=True)
class _Row:
    """One write as it is sent: its place in the caller's batch, and its trace id."""

    place: int
    trace: str
    ref: str | None
    properties: Mapping[str, str]

    def body(self) -> dict[str, Any]:
        """The row as HubSpot takes it."""
        body: dict[str, Any] = {"objectWriteTraceId": self.trace, "properties": dict(self.properties)}
        return body if self.ref is None else {"id": self.ref, **body}


Receipts = dict[int, Receipt]


class Writer:
    """Writes batches of any size.

    Args:
        wire: the account.
        records: the field map.
        reader: reads back what was written.
    """

    def __init__(self, wire: Wire, records: Records, reader: Reader) -> None:
        self._wire = wire
        self._records = records
        self._reader = reader

    def write(self, batch: Sequence[Write]) -> list[Receipt]:
        """One receipt per write, in order. Updates go first: they may free a key that a create needs."""
        prefix = uuid4().hex
        rows = [self._row(place, each, f"{prefix}-{place}") for place, each in enumerate(batch)]
        blank = [row for row in rows if row.ref is not None and not row.properties]
        updates = [row for row in rows if row.ref is not None and row.properties]
        creates = [row for row in rows if row.ref is None]
        receipts: Receipts = {row.place: Landed(row.ref or "", None) for row in blank}
        parts = [
            *(("batch_update", part) for part in _parts(updates, lambda row: row.ref)),
            *(
                ("batch_create", part)
                for part in _parts(creates, lambda row: row.properties.get(self._records.key))
            ),
        ]
        hopeless: ConnectorError | None = None
        for kind, part in parts:
            if hopeless is not None:
                receipts |= {row.place: Failed(hopeless) for row in part}
                continue
            answered, hopeless = self._send(kind, part)
            receipts |= answered
        return self._with_stored([receipts[place] for place in range(len(batch))])

    def _row(self, place: int, each: Write, trace: str) -> _Row:
        properties = self._records.texts(each.fields)
        if each.external_id is not None:
            properties[self._records.key] = each.external_id
        if isinstance(each, Create):
            return _Row(place, trace, None, {name: text for name, text in properties.items() if text})
        return _Row(place, trace, each.ref, properties)

    def _send(self, kind: str, rows: Sequence[_Row]) -> tuple[Receipts, ConnectorError | None]:
        """Send rows; also what makes it pointless to send more."""
        batches_api = self._wire.batches
        method = batches_api.update if kind == "batch_update" else batches_api.create
        try:
            answer = self._wire.send(kind, method, [row.body() for row in rows])
        except ConnectorError as error:
            if isinstance(error, Retryable) and error.outcome_unknown:
                return {row.place: Unknown(error) for row in rows}, None
            return {row.place: Failed(error) for row in rows}, error
        if isinstance(answer, Batch):
            return self._answered(rows, answer), None
        return self._refused(kind, rows, answer)

    def _answered(self, rows: Sequence[_Row], answer: Batch) -> Receipts:
        receipts: Receipts = {}
        matcher = _Matcher(rows, self._records.key)
        for raw in answer.results:
            with suppress(msgspec.ValidationError):
                result = _RESULT.decode(raw)
                if (row := matcher.result(result)) is not None:
                    receipts[row.place] = Landed(result.id, self._complete(raw, result))
        for each in answer.errors:
            refusal = read_refusal(each)
            for row in matcher.error(refusal):
                if row.place not in receipts:
                    receipts[row.place] = self._receipt(refusal)
        lost = Unavailable("HubSpot's answer says nothing of this record.", outcome_unknown=True)
        return {row.place: Unknown(lost) for row in rows} | receipts

    def _refused(
        self, kind: str, rows: Sequence[_Row], refusal: Refusal
    ) -> tuple[Receipts, ConnectorError | None]:
        """The whole batch was refused: find the rows that are to blame, and let the others land."""
        if len(rows) == 1:
            return {rows[0].place: self._receipt(refusal)}, None
        unknown = {each.name for each in refusal.problems if each.code == UNKNOWN_PROPERTY}
        bad = [row for row in rows if unknown & row.properties.keys()]
        receipts: Receipts = {row.place: self._receipt(refusal) for row in bad}
        good = [row for row in rows if row.place not in receipts]
        half = len(good) if bad else len(good) // 2
        for part in (good[:half], good[half:]):
            if part:
                answered, hopeless = self._send(kind, part)
                receipts |= answered
                if hopeless is not None:
                    return {row.place: Failed(hopeless) for row in rows} | receipts, hopeless
        return receipts, None

    def _receipt(self, refusal: Refusal) -> Receipt:
        error = row_failure(refusal, key=self._records.key, path_of=self._records.path_of)
        unsure = isinstance(error, Retryable) and error.outcome_unknown
        return Unknown(error) if unsure else Failed(error)

    def _complete(self, raw: msgspec.Raw, result: _Result) -> Observation | None:
        """The record as the answer shows it, if it shows every property of the map."""
        if any(name not in result.properties for name in self._records.mapped):
            return None
        return self._records.read(raw).observation

    def _with_stored(self, receipts: list[Receipt]) -> list[Receipt]:
        """Read back what the answers showed in part; a read that fails makes no write undone."""
        refs = [each.ref for each in receipts if isinstance(each, Landed) and each.stored is None]
        try:
            stored = self._reader.live(refs)
        except ConnectorError:
            return receipts
        return [
            replace(each, stored=_alive(stored.get(each.ref)))
            if isinstance(each, Landed) and each.stored is None
            else each
            for each in receipts
        ]


class _Matcher:
    """Finds the row that a part of an answer speaks of: by its trace id, else by its id or key."""

    def __init__(self, rows: Sequence[_Row], key: str) -> None:
        self._by_trace = {row.trace: row for row in rows}
        self._by_ref = {row.ref: row for row in rows if row.ref is not None}
        self._by_key = {row.properties.get(key, ""): row for row in rows if row.ref is None}
        self._key = key

    def result(self, result: _Result) -> _Row | None:
        """The row that was written."""
        by_trace = self._by_trace.get(result.object_write_trace_id or "")
        written = str(result.properties.get(self._key) or "")
        return by_trace or self._by_ref.get(result.id) or self._by_key.get(written)

    def error(self, refusal: Refusal) -> list[_Row]:
        """The rows that failed; the ids of missing records come together in one error."""
        traced = [self._by_trace.get(each) for each in refusal.context.get("objectWriteTraceId", ())]
        named = [self._by_ref.get(each) for each in refusal.context.get("ids", ())]
        return [row for row in (*traced, *named) if row is not None]


def _alive(observation: Observation | None) -> Observation | None:
    return observation if observation is not None and observation.presence is Presence.LIVE else None


def _parts(rows: Sequence[_Row], identity: Callable[[_Row], str | None]) -> list[Sequence[_Row]]:
    """Parts of at most 100 rows, no two of one record in a part: HubSpot refuses such a batch."""
    rounds: list[list[_Row]] = []
    times: dict[str, int] = {}
    for row in rows:
        name = identity(row) or row.trace
        nth = times[name] = times.get(name, -1) + 1
        if nth == len(rounds):
            rounds.append([])
        rounds[nth].append(row)
    return [part for each in rounds for part in batches(each, WRITE_BATCH)]

"""Writes: up to a hundred updates conditionally, more by collections, creations always by collections.

A composite call takes 25 updates, each with its own condition (`If-Match` with the ETag that was read, else
`If-Unmodified-Since`, which has a second's grain). Collections of 200 know no conditions: they are used
straight after the read-back, and only for more records than composite calls are worth.
Source: REST API developer guide, conditional requests; composite; sObject Collections.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence, Set
from email.utils import format_datetime
from typing import Any, TypeAlias

import msgspec

from connectors.errors import ConnectorError, Retryable, Skippable, Unavailable
from connectors.mapping import Codec
from connectors.port import Create, Failed, Landed, Observation, Receipt, Unknown, Update, Write
from connectors.records import JSON
from connectors.salesforce import errors
from connectors.salesforce.listing import OBJECT, moment, readable
from connectors.salesforce.session import Session

COMPOSITE = 25
COLLECTION = 200
CONDITIONAL_MOST = 100
_NO_CONTENT = 204

Indexed: TypeAlias = "list[tuple[int, Any]]"


class PartAnswer(msgspec.Struct):
    """The answer to one part of a composite call."""

    httpStatusCode: int  # noqa: N815 - Salesforce's name
    referenceId: str  # noqa: N815 - Salesforce's name
    body: msgspec.Raw = msgspec.Raw(b"null")
    httpHeaders: dict[str, str] = {}  # noqa: N815 - Salesforce's name; msgspec copies defaults


class CompositeAnswer(msgspec.Struct):
    """The answer to a composite call."""

    compositeResponse: list[PartAnswer]  # noqa: N815 - Salesforce's name


class RowAnswer(msgspec.Struct):
    """One row of a collection's answer, in the order of the request."""

    success: bool
    id: str | None = None
    errors: list[dict[str, Any]] = []


class Writer:
    """Carries out batches of writes. `read_only` names the fields that this user may write to no record."""

    def __init__(
        self, session: Session, codec: Codec, key_field: str, read_only: Callable[[], Set[str]]
    ) -> None:
        self._session, self._codec, self._key_field = session, codec, key_field
        self._read_only = read_only
        self._composite = msgspec.json.Decoder(CompositeAnswer)
        self._rows = msgspec.json.Decoder(list[RowAnswer])

    def write(
        self, batch: Sequence[Write], stored: Callable[[Sequence[str]], Mapping[str, Observation]]
    ) -> list[Receipt]:
        """Write and read back. `stored` reads records; what it leaves out is reported without its value."""
        receipts: dict[int, Receipt] = {}
        creates = [(index, each) for index, each in enumerate(batch) if isinstance(each, Create)]
        updates = [(index, each) for index, each in enumerate(batch) if isinstance(each, Update)]
        self._in_chunks(creates, COLLECTION, self._create, receipts)
        if len(updates) <= CONDITIONAL_MOST:
            self._in_chunks(updates, COMPOSITE, self._update_each, receipts)
        else:
            self._in_chunks(updates, COLLECTION, self._update_all, receipts)
        landed = [each.ref for each in receipts.values() if isinstance(each, Landed)]
        values = stored(landed) if landed else {}
        ordered = [receipts[index] for index in range(len(batch))]
        return [
            Landed(each.ref, values.get(each.ref)) if isinstance(each, Landed) else each for each in ordered
        ]

    def _in_chunks(
        self,
        writes: Indexed,
        size: int,
        send: Callable[[Indexed], Sequence[Receipt]],
        receipts: dict[int, Receipt],
    ) -> None:
        """Send chunk by chunk. After a failure of the whole CRM the rest is not even tried.

        A chunk that is refused for what is in it (a value of the wrong JSON kind) was not written: it is sent
        again in halves, until the writes that are to blame are alone.
        """
        down: ConnectorError | None = None
        chunks = deque(writes[start : start + size] for start in range(0, len(writes), size))
        while chunks:
            chunk = chunks.popleft()
            if down is None:
                try:
                    answers = send(chunk)
                except Skippable as error:
                    if len(chunk) > 1:
                        half = len(chunk) // 2
                        chunks.extendleft((chunk[half:], chunk[:half]))
                        continue
                    answers = [Failed(error)]
                except Retryable as error:
                    down = error
                    unknown = error.outcome_unknown
                    answers = [Unknown(error) if unknown else Failed(error) for _ in chunk]
                except ConnectorError as error:
                    down = error
                    answers = [Failed(error) for _ in chunk]
            else:
                answers = [Failed(_not_tried(down)) for _ in chunk]
            receipts.update(zip((index for index, _ in chunk), answers, strict=True))

    def _create(self, chunk: Indexed) -> Sequence[Receipt]:
        records = [
            {
                "attributes": {"type": OBJECT},
                self._key_field: each.external_id,
                **self._present(self._codec.encode(each.fields)),
            }
            for _, each in chunk
        ]
        return self._collection("POST", records)

    @staticmethod
    def _present(payload: Mapping[str, JSON]) -> dict[str, JSON]:
        return {name: value for name, value in payload.items() if value is not None}

    def _update_all(self, chunk: Indexed) -> Sequence[Receipt]:
        records = [
            {"attributes": {"type": OBJECT}, "id": each.ref, **self._payload(each)} for _, each in chunk
        ]
        return self._collection("PATCH", records)

    def _collection(self, method: str, records: Sequence[Mapping[str, Any]]) -> Sequence[Receipt]:
        body = {"allOrNone": False, "records": records}
        response = self._session.call(
            "collections", method, "composite/sobjects", repeatable=False, body=body
        )
        rows = readable(lambda: self._rows.decode(response.content))
        if len(rows) != len(records):
            raise Unavailable("Salesforce's answer is incomplete.", outcome_unknown=True)
        return [self._of_row(row) for row in rows]

    def _of_row(self, row: RowAnswer) -> Receipt:
        if row.success and row.id is not None:
            return Landed(row.id, None)
        first = row.errors[0] if row.errors else {}
        return Failed(errors.of_row(first, self._codec, self._key_field, read_only=self._read_only))

    def _payload(self, each: Update) -> dict[str, JSON]:
        payload = self._codec.encode(each.fields)
        if each.external_id is not None:
            payload[self._key_field] = each.external_id
        return payload

    def _update_each(self, chunk: Indexed) -> Sequence[Receipt]:
        parts = [
            {
                "method": "PATCH",
                "url": f"{self._session.path}/sobjects/{OBJECT}/{each.ref}",
                "referenceId": f"r{index}",
                "httpHeaders": _condition(each.expected_version),
                "body": self._payload(each),
            }
            for index, each in chunk
        ]
        answers = {each.referenceId: each for each in self.composite("composite", parts, repeatable=False)}
        return [self._of_part(answers.get(f"r{index}"), each) for index, each in chunk]

    def _of_part(self, answer: PartAnswer | None, each: Update) -> Receipt:
        if answer is None:
            return Unknown(Unavailable("Salesforce's answer is incomplete.", outcome_unknown=True))
        if answer.httpStatusCode == _NO_CONTENT:
            return Landed(each.ref, None)
        error = errors.of_part(
            answer.httpStatusCode,
            bytes(answer.body),
            self._codec,
            self._key_field,
            read_only=self._read_only,
        )
        if isinstance(error, Retryable) and error.outcome_unknown:
            return Unknown(error)
        return Failed(error)

    def composite(
        self, kind: str, parts: Sequence[Mapping[str, Any]], *, repeatable: bool
    ) -> list[PartAnswer]:
        """One composite call of at most 25 parts that do not depend on one another."""
        body = {"allOrNone": False, "compositeRequest": parts}
        response = self._session.call(kind, "POST", "composite", repeatable=repeatable, body=body)
        return readable(lambda: self._composite.decode(response.content)).compositeResponse


def _not_tried(error: ConnectorError) -> ConnectorError:
    """Why a write was not sent: an error like the one before it, but known not to have landed."""
    if isinstance(error, Retryable):
        return Unavailable(error.reason, cure=error.cure)
    return error


def _condition(version: str) -> dict[str, str]:
    """The header that makes an update conditional on the version that was read."""
    kind, _, value = version.partition(":")
    if kind == "etag" and value:
        return {"If-Match": value}
    if kind == "since" and value:
        return {"If-Unmodified-Since": format_datetime(moment(value), usegmt=True)}
    return {}

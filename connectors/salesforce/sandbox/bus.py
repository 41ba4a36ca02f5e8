"""The org's event bus: Change Data Capture of Account over the Pub/Sub API, on a port of its own.

Source: Pub/Sub API guide (pull by number, keepalives, replay ids of opaque bytes, error-code in the
trailers) and Change Data Capture guide (fields of the header).
"""

from __future__ import annotations

import io
import json
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import avro.io
import avro.schema
import grpc
from pysfpubsub import pubsub_api_pb2 as messages
from pysfpubsub.pubsub_api_pb2_grpc import PubSubServicer, add_PubSubServicer_to_server

from connectors.salesforce.sandbox.build import SalesforceSandbox
from connectors.salesforce.sandbox.clock import seconds_of
from connectors.salesforce.sandbox.store import Change
from connectors.sandbox.server import PortInUse

KEEPALIVE = 270.0
"""Seconds, as Salesforce's guide has it."""
TOPIC = "/data/AccountChangeEvent"
SCHEMA_ID = "sandboxAccountChangeEvent1"
_KINDS = {
    "create": "CREATE",
    "update": "UPDATE",
    "delete": "DELETE",
    "merge": "DELETE",
    "undelete": "UNDELETE",
}
_TYPES = ["CREATE", "UPDATE", "DELETE", "UNDELETE"]
_TEXTS = {"type": "array", "items": "string"}
_HEADER = {
    "type": "record",
    "name": "ChangeEventHeader",
    "fields": [
        {"name": "entityName", "type": "string"},
        {"name": "recordIds", "type": _TEXTS},
        {
            "name": "changeType",
            "type": {
                "type": "enum",
                "name": "ChangeType",
                "symbols": [*_TYPES, *(f"GAP_{each}" for each in _TYPES), "GAP_OVERFLOW", "SNAPSHOT"],
            },
        },
        {"name": "changeOrigin", "type": "string"},
        {"name": "transactionKey", "type": "string"},
        {"name": "sequenceNumber", "type": "int"},
        {"name": "commitTimestamp", "type": "long"},
        {"name": "commitNumber", "type": "long"},
        {"name": "commitUser", "type": "string"},
        {"name": "nulledFields", "type": _TEXTS},
        {"name": "diffFields", "type": _TEXTS},
        {"name": "changedFields", "type": _TEXTS},
    ],
}
_VALUES = ("Name", "Phone", "BillingStreet", "BillingCity", "BillingPostalCode", "BillingCountry")
SCHEMA = json.dumps(
    {
        "type": "record",
        "name": "AccountChangeEvent",
        "namespace": "com.sforce.eventbus",
        "fields": [
            {"name": "ChangeEventHeader", "type": _HEADER},
            *({"name": name, "type": ["null", "string"], "default": None} for name in _VALUES),
        ],
    }
)
_WRITER = avro.io.DatumWriter(avro.schema.parse(SCHEMA))


@dataclass(frozen=True, slots=True)
class _Event:
    number: int
    id: str
    payload: bytes


class EventBus(PubSubServicer):  # type: ignore[misc]  # generated without types
    """The bus of one org.

    Args:
        organisation: the org's id.
        accepts: whether an access token is good.
        keepalive: seconds of silence after which an empty answer is sent.
    """

    def __init__(
        self, organisation: str, accepts: Callable[[str], bool], *, keepalive: float = KEEPALIVE
    ) -> None:
        self.target = ""
        self.subscribed = 0
        self._organisation, self._accepts, self._keepalive = organisation, accepts, keepalive
        self._events: list[_Event] = []
        self._number = 1_000
        self._lost_before = 0
        self._breaks = 0
        self._changed = threading.Condition()
        self._server: grpc.Server | None = None

    def start(self, port: int = 0) -> Self:
        """Serve on this machine.

        Raises:
            PortInUse: the port is taken.
        """
        pool = ThreadPoolExecutor(max_workers=16, thread_name_prefix="bus")
        self._server = grpc.server(pool, options=[("grpc.so_reuseport", 0)])  # a port of two is nobody's
        add_PubSubServicer_to_server(self, self._server)
        try:
            bound = self._server.add_insecure_port(f"127.0.0.1:{port}")
        except RuntimeError:
            raise PortInUse(port) from None
        self.target = f"127.0.0.1:{bound}"
        self._server.start()
        return self

    def stop(self) -> None:
        """End every stream and the server."""
        self.drop()
        if self._server is not None:
            self._server.stop(0).wait()

    def tell(self, changes: Sequence[Change]) -> None:
        """Publish the changes of a commit."""
        for each in changes:
            values = {name: each.after.get(name) for name in _VALUES}
            self.publish(_KINDS[each.kind], [each.record], at=seconds_of(each.at), values=values)

    def publish(
        self, kind: str, refs: Sequence[str], *, at: float = 0.0, values: dict[str, Any] | None = None
    ) -> None:
        """Publish one event: a change, or one of the GAP kinds, which have no values."""
        header = {
            "entityName": "Account",
            "recordIds": list(refs),
            "changeType": kind,
            "changeOrigin": "com/salesforce/api/rest/62.0",
            "transactionKey": str(uuid.uuid4()),
            "sequenceNumber": 1,
            "commitTimestamp": int(at * 1000),
            "commitNumber": self._number,
            "commitUser": "0050000000000001AA",
            "nulledFields": [],
            "diffFields": [],
            "changedFields": [],
        }
        body = io.BytesIO()
        _WRITER.write({"ChangeEventHeader": header, **(values or {})}, avro.io.BinaryEncoder(body))
        self.publish_raw(body.getvalue())

    def publish_raw(self, payload: bytes) -> None:
        """Publish an event with this payload, whatever it is."""
        with self._changed:
            self._number += 7  # ids need not follow one another
            self._events.append(_Event(self._number, str(uuid.uuid4()), payload))
            self._changed.notify_all()

    def forget(self) -> None:
        """Let all events so far be older than the bus keeps them: nobody can go on from before now."""
        with self._changed:
            self._events.clear()
            self._number += 7
            self._lost_before = self._number

    def drop(self) -> None:
        """Break every stream."""
        with self._changed:
            self._breaks += 1
            self._changed.notify_all()

    def GetTopic(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Source: the proto file."""
        self._check(context)
        if request.topic_name != TOPIC:
            self._refuse(context, grpc.StatusCode.NOT_FOUND, "topic.not.found")
        return messages.TopicInfo(
            topic_name=TOPIC, tenant_guid=self._organisation, can_subscribe=True, schema_id=SCHEMA_ID
        )

    def GetSchema(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Source: the proto file."""
        self._check(context)
        if request.schema_id != SCHEMA_ID:
            self._refuse(context, grpc.StatusCode.NOT_FOUND, "schema.not.found")
        return messages.SchemaInfo(schema_json=SCHEMA, schema_id=SCHEMA_ID)

    def Subscribe(self, requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: N802
        """Source: the proto file."""
        self._check(context)
        first = next(requests)
        if first.topic_name != TOPIC or not 0 < first.num_requested <= 100:
            self._refuse(context, grpc.StatusCode.INVALID_ARGUMENT, "subscription.invalid")
        after = self._start(first, context)
        pending = [first.num_requested]
        threading.Thread(target=self._hear, args=(requests, pending), daemon=True).start()
        context.add_callback(self._look_again)
        with self._changed:
            breaks = self._breaks
            self.subscribed += 1
        while True:
            with self._changed:
                ready = partial(self._ready, context, breaks, pending, after)
                self._changed.wait_for(ready, self._keepalive)
                if breaks != self._breaks or not context.is_active():
                    break
                found = self._after(after)[: pending[0]]
                pending[0] -= len(found)
                if found:
                    after = found[-1].number
                elif not self._after(after):
                    after = self._number
                answer = _answer(found, after, pending[0])
            yield answer
        self._refuse(context, grpc.StatusCode.UNAVAILABLE, "service.unavailable")

    def _ready(self, context: grpc.ServicerContext, breaks: int, pending: Sequence[int], after: int) -> bool:
        broken = breaks != self._breaks or not context.is_active()
        return broken or bool(pending[0] and self._after(after))

    def _start(self, first: Any, context: grpc.ServicerContext) -> int:
        if first.replay_preset == messages.LATEST:
            return self._number
        if first.replay_preset == messages.EARLIEST:
            return 0
        if len(first.replay_id) != 8:
            self._refuse(context, grpc.StatusCode.INVALID_ARGUMENT, "subscription.fetch.replayid.corrupted")
        after = int.from_bytes(first.replay_id, "big")
        if not self._lost_before <= after <= self._number:
            reason = "subscription.fetch.replayid.validation.failed"
            self._refuse(context, grpc.StatusCode.INVALID_ARGUMENT, reason)
        return after

    def _look_again(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _hear(self, requests: Iterator[Any], pending: list[int]) -> None:
        with suppress(Exception):  # the stream has ended
            for each in requests:
                with self._changed:
                    pending[0] += each.num_requested
                    self._changed.notify_all()

    def _after(self, number: int) -> list[_Event]:
        return [each for each in self._events if each.number > number]

    def _check(self, context: grpc.ServicerContext) -> None:
        given = dict(context.invocation_metadata())
        same = given.get("tenantid") == self._organisation and given.get("instanceurl")
        if not same or not self._accepts(str(given.get("accesstoken", ""))):
            self._refuse(context, grpc.StatusCode.UNAUTHENTICATED, "service.auth.error")

    def _refuse(self, context: grpc.ServicerContext, code: grpc.StatusCode, reason: str) -> None:
        context.set_trailing_metadata((("error-code", f"sfdc.platform.eventbus.grpc.{reason}"),))
        context.abort(code, "refused")


def open_bus(org: SalesforceSandbox, port: int = 0, *, keepalive: float = KEEPALIVE) -> EventBus:
    """The bus of a sandbox, served on a port of this machine (or `PortInUse`); the caller stops it."""
    state = org.state

    def accepts(token: str) -> bool:
        return state.sessions.use(token, state.clock.now(), calls=state.knobs.token_calls, seconds=None)

    bus = EventBus(state.organisation, accepts, keepalive=keepalive).start(port)
    state.listeners.append(bus.tell)
    return bus


def _position(number: int) -> bytes:
    return number.to_bytes(8, "big")


def _answer(found: Sequence[_Event], after: int, pending: int) -> Any:
    events = [
        messages.ConsumerEvent(
            event=messages.ProducerEvent(id=each.id, schema_id=SCHEMA_ID, payload=each.payload),
            replay_id=_position(each.number),
        )
        for each in found
    ]
    return messages.FetchResponse(
        events=events, latest_replay_id=_position(after), pending_num_requested=pending
    )

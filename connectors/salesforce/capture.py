"""Change Data Capture: which Accounts changed, as it happens, by the Pub/Sub API (gRPC, Avro).

Source: Pub/Sub API and Change Data Capture developer guides. Of an event the header alone is read: which
records changed, or that too many did. Values of customers are skipped by the decoder, never made.
"""

from __future__ import annotations

import io
import json
import logging
import queue
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import avro.errors
import avro.io
import avro.schema
import grpc
from pysfpubsub import pubsub_api_pb2 as messages
from pysfpubsub.pubsub_api_pb2_grpc import PubSubStub

from connectors.access import Token
from connectors.bearer import Bearer, OwnTokens
from connectors.capture import Heard, PositionLostError
from connectors.errors import AuthFailed, ConnectorError, Misconfigured, RateLimited, Unavailable
from connectors.outbound import guarded_session
from connectors.port import ConnectorConfig
from connectors.salesforce.errors import is_id, long_id
from connectors.salesforce.listing import OBJECT
from connectors.salesforce.login import Login
from connectors.transport import Meter, base_url, is_trusted
from connectors.webhook import Hint

TOPIC = f"/data/{OBJECT}ChangeEvent"
SERVER = "api.pubsub.salesforce.com:7443"
ASKED = 100
"""Events asked for at once; Salesforce gives no more."""
PATIENCE = 20.0
"""Seconds for an answer that is not a stream."""
OVERFLOW = "GAP_OVERFLOW"

_HEADER = "ChangeEventHeader"
_READ = ("entityName", "recordIds", "changeType")
_OWN_DOMAIN = ".pubsub.salesforce.com"
_CHANNEL = [
    ("grpc.keepalive_time_ms", 60_000),  # a peer that is gone is noticed, though the stream is silent
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.max_receive_message_length", 16_000_000),
]
_NOT_OURS = (
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.UNIMPLEMENTED,
)
_log = logging.getLogger("concord")


@dataclass(frozen=True, slots=True)
class _Opened:
    """What came of the look at the topic under one token."""

    metadata: tuple[tuple[str, str], ...]
    refused: bool = False


class AccountChanges:
    """Listens to the changes of Accounts of one org.

    Args:
        config: as for the connector; the option `pubsub` names another server (host:port).
        account_id: the org's id.
    """

    def __init__(self, config: ConnectorConfig, account_id: str) -> None:
        self._url, self._organisation = base_url(config.url), account_id
        host = _host(self._url.partition("://")[2])
        self._http = guarded_session(host)
        self._http.trust_env = not is_trusted(host)
        session_id = config.credentials.get("session_id")
        self._fixed = Token(session_id, self._url) if session_id else None
        tokens = config.tokens or OwnTokens(config.credentials)
        self._bearer = Bearer(tokens, Login(self._http, self._url, Meter()).fetch)
        self._channel = _channel(str(config.options.get("pubsub", SERVER)))
        self._stub: Any = PubSubStub(self._channel)
        self._headers: dict[str, _Header] = {}
        self._stream: Any = None
        self._closed = False

    def listen(self, position: bytes | None) -> Iterator[Heard]:
        """See `Capture`."""
        metadata = self._open()
        asks: queue.SimpleQueue[Any] = queue.SimpleQueue()
        preset = messages.CUSTOM if position else messages.LATEST
        asks.put(
            messages.FetchRequest(
                topic_name=TOPIC, replay_preset=preset, replay_id=position, num_requested=ASKED
            )
        )
        self._stream = self._stub.Subscribe(iter(asks.get, None), metadata=metadata)
        if self._closed:
            self._stream.cancel()
        try:
            for response in self._stream:
                yield self._heard(response, metadata)
                # A keepalive that crossed the last asking still says that nothing is pending.
                if response.events and not response.pending_num_requested:
                    asks.put(messages.FetchRequest(topic_name=TOPIC, num_requested=ASKED))
        except grpc.RpcError as error:
            if not self._closed:
                raise _meaning(error) from None
            return
        finally:
            asks.put(None)
            self._stream.cancel()
        if not self._closed:
            raise Unavailable("Salesforce ended the stream of changes.")

    def close(self) -> None:
        """End the stream; the channel goes with it."""
        self._closed = True
        if self._stream is not None:
            self._stream.cancel()
        self._channel.close()
        self._http.close()

    def _open(self) -> tuple[tuple[str, str], ...]:
        """Look at the topic, with a new token if the one at hand has ended."""
        found = self._look(self._fixed) if self._fixed else self._bearer.call(self._look, _is_refused)
        if found.refused:
            raise AuthFailed(
                "Salesforce does not accept the session.", cure="Check the connection's credentials."
            )
        return found.metadata

    def _look(self, token: Token) -> _Opened:
        metadata = (
            ("accesstoken", token.value),
            ("instanceurl", token.host or self._url),
            ("tenantid", self._organisation),
        )
        try:
            topic = self._stub.GetTopic(
                messages.TopicRequest(topic_name=TOPIC), metadata=metadata, timeout=PATIENCE
            )
        except grpc.RpcError as error:
            if _code(error) is grpc.StatusCode.UNAUTHENTICATED:
                return _Opened(metadata, refused=True)
            raise _meaning(error) from None
        if not topic.can_subscribe:
            raise _not_allowed("the user may not subscribe")
        return _Opened(metadata)

    def _heard(self, response: Any, metadata: tuple[tuple[str, str], ...]) -> Heard:
        hints: dict[str, Hint] = {}
        unnamed = False
        for each in response.events:
            header = self._header(each.event, metadata)
            if header is None:
                unnamed = True  # what cannot be read may have been any change
            elif header["entityName"] == OBJECT:
                refs = [str(ref) for ref in header["recordIds"]]
                named = [long_id(ref) for ref in refs if is_id(ref)]
                # Too many changes name no record; a change of a field's type names all (001*).
                unnamed |= header["changeType"] == OVERFLOW or len(named) < len(refs) or not refs
                for ref in named:
                    event = f"{each.event.id}:{ref}"
                    hints[event] = Hint(event, ref)
        last = response.events[-1].replay_id if response.events else response.latest_replay_id
        return Heard(hints=list(hints.values()), unnamed=unnamed, position=last)

    def _header(self, event: Any, metadata: tuple[tuple[str, str], ...]) -> dict[str, Any] | None:
        try:
            known = self._headers.get(event.schema_id)
            if known is None:
                found = self._stub.GetSchema(
                    messages.SchemaRequest(schema_id=event.schema_id), metadata=metadata, timeout=PATIENCE
                )
                known = self._headers[event.schema_id] = _Header(found.schema_json)
            return known.read(event.payload)
        except (
            avro.errors.AvroException,
            ValueError,
            KeyError,
            TypeError,
            IndexError,
            OverflowError,
        ) as error:
            _log.warning("a change event cannot be read (%s); the changes are listed", type(error).__name__)
            return None


class _Header:
    """Reads the header of events of one schema and skips all else."""

    def __init__(self, schema_json: str) -> None:
        whole = json.loads(schema_json)
        header = next(field["type"] for field in whole["fields"] if field["name"] == _HEADER)
        kept = {**header, "fields": [field for field in header["fields"] if field["name"] in _READ]}
        wanted = {**whole, "fields": [{"name": _HEADER, "type": kept}]}
        self._reader = avro.io.DatumReader(
            avro.schema.parse(schema_json), avro.schema.parse(json.dumps(wanted))
        )

    def read(self, payload: bytes) -> dict[str, Any]:
        """Those of the header's fields that matter."""
        event: Any = self._reader.read(avro.io.BinaryDecoder(io.BytesIO(payload)))
        header = event[_HEADER]
        return {name: header[name] for name in _READ}


def _channel(server: str) -> grpc.Channel:
    """A channel to Salesforce under TLS, or to a server on this machine without.

    Raises:
        Misconfigured: the server is neither.
    """
    host = _host(server)
    if is_trusted(host):
        return grpc.insecure_channel(server, options=[*_CHANNEL, ("grpc.enable_http_proxy", 0)])
    if not host.endswith(_OWN_DOMAIN):
        raise Misconfigured(
            "The server of the Pub/Sub API is not Salesforce's.", cure="Correct the option pubsub."
        )
    return grpc.secure_channel(server, grpc.ssl_channel_credentials(), options=_CHANNEL)


def _host(server: str) -> str:
    return server.rpartition(":")[0] if ":" in server else server


def _is_refused(opened: _Opened) -> bool:
    return opened.refused


def _code(error: Any) -> grpc.StatusCode:
    code: grpc.StatusCode = error.code()
    return code


def _meaning(error: Any) -> ConnectorError | PositionLostError:
    """What a failed call means. Nothing that Salesforce wrote is quoted but its error's name."""
    trailers: Mapping[str, object] = dict(error.trailing_metadata() or ())
    if "replayid" in str(trailers.get("error-code", "")):
        return PositionLostError()
    code = _code(error)
    if code in _NOT_OURS:
        return _not_allowed(code.name)
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return RateLimited("Salesforce gives no further events at the moment.", retry_after=60.0)
    return Unavailable(f"The stream of Salesforce's changes broke ({code.name}).")


def _not_allowed(reason: str) -> Misconfigured:
    return Misconfigured(
        f"Salesforce does not let this user hear of changes of {OBJECT} ({reason}).",
        cure=f"In Setup, select {OBJECT} under Change Data Capture, and give the user View All on it.",
    )


def open_capture(config: ConnectorConfig, account_id: str) -> AccountChanges:
    """Build it; no call is made."""
    return AccountChanges(config, account_id)

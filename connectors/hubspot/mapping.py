"""HubSpot's company records as observations, and canonical values as property texts. Pure.

Of a record only its id, times, key and merged ids are read; the rest stays the bytes that HubSpot sent
until someone asks for its fields. All property values are texts (HubSpot docs, properties).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, cast

import msgspec

from connectors.errors import InvalidRecord, Misconfigured
from connectors.hubspot.errors import unreadable
from connectors.mapping import Codec, Payload, text_of
from connectors.port import FieldMapping, Observation, Presence
from connectors.records import Fields

MODIFIED = "hs_lastmodifieddate"
MERGED = "hs_merged_object_ids"
OBJECT_ID = "hs_object_id"

MAPPING = (
    FieldMapping("customer_name", "name"),
    FieldMapping("email", "billing_email"),
    FieldMapping("phone_number", "phone"),
    FieldMapping("address.line1", "address"),
    FieldMapping("address.line2", "address2"),
    FieldMapping("address.city", "city"),
    FieldMapping("address.state", "state"),
    FieldMapping("address.zipCode", "zip"),
    FieldMapping("address.country", "country"),
)
"""The default field map. Source: HubSpot's own company properties; billing_email is a custom one."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class _HeadProperties(Protocol):
    modified: Any
    merged: Any
    key: Any


class _Head(Protocol):
    id: str
    updated: Any
    archived: Any
    properties: _HeadProperties


class _Bare(msgspec.Struct):
    id: str


class _Payload(msgspec.Struct):
    properties: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Record:
    """A record: `stamp` is its last change in milliseconds, `aliases` the ids that were merged into it."""

    ref: str
    stamp: int
    aliases: tuple[str, ...]
    observation: Observation


class Records:
    """Reads and writes records by one field map.

    Args:
        key: the property that holds the external id.
        mapping: the field map.

    Attributes:
        properties: what every read asks for.

    Raises:
        Misconfigured: the key is one of HubSpot's own bookkeeping properties.
    """

    def __init__(self, key: str, mapping: Sequence[FieldMapping]) -> None:
        if not key or key in (OBJECT_ID, MODIFIED, MERGED):
            raise Misconfigured(
                f"The external id cannot be in the property {key or '(none)'}.",
                cure="Name a text property; to take the CRM's own ids instead: concord connections set NAME "
                "--on-missing-external-id adopt_ref",
            )
        self.key = key
        self.codec = Codec(mapping)
        self.mapped = tuple(dict.fromkeys((*self.codec.crm_fields, key)))
        self.properties = tuple(dict.fromkeys((*self.mapped, MODIFIED, MERGED)))
        self._heads = msgspec.json.Decoder(_head_type(key))
        self._bare = msgspec.json.Decoder(_Bare)
        self._payloads = msgspec.json.Decoder(_Payload)

    def read(self, raw: msgspec.Raw) -> Record:
        """One record of an answer.

        Raises:
            Unavailable: it has no id; nothing can be said of it.
        """
        payload = bytes(raw)
        try:
            head = cast(_Head, self._heads.decode(payload))
        except msgspec.ValidationError:
            return self._broken(payload)
        properties = head.properties
        version = _text(properties.modified) or _text(head.updated) or ""
        modified_at = time_of(version)
        deleted = head.archived is True
        observation = Observation(
            ref=head.id,
            external_id=_text(properties.key),
            version=version,
            modified_at=modified_at,
            digest=self.codec.digest(payload),
            payload=b"" if deleted else payload,
            presence=Presence.DELETED if deleted else Presence.LIVE,
        )
        aliases = () if deleted else _aliases(head.id, _text(properties.merged))
        return Record(head.id, milliseconds(modified_at), aliases, observation)

    def observations(self, records: Iterable[Record]) -> list[Observation]:
        """Records as a page shows them: before each one the ids that were merged into it."""
        found: list[Observation] = []
        for record in records:
            found += [self.merged(record, alias) for alias in record.aliases]
            found.append(record.observation)
        return found

    def merged(self, record: Record, alias: str) -> Observation:
        """The record under an id that was merged into it. Its digest stays when the record changes."""
        return Observation(
            ref=alias,
            external_id=None,
            version="",
            modified_at=record.observation.modified_at,
            digest=self.codec.digest(f"{alias} {record.ref}".encode()),
            payload=b"",
            presence=Presence.MERGED,
            merged_into=record.ref,
        )

    def decode(self, observation: Observation) -> Fields:
        """The canonical value of every mapped field.

        Raises:
            InvalidRecord: the payload or one of its values cannot be read.
        """
        return self.codec.decode(self.payload(observation))

    def payload(self, observation: Observation) -> Payload:
        """The properties of a record.

        Raises:
            InvalidRecord: there are none.
        """
        try:
            return self._payloads.decode(observation.payload).properties
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
        raise InvalidRecord("", "HubSpot's record cannot be read")

    def texts(self, fields: Fields) -> dict[str, str]:
        """Property texts of some canonical fields; the empty text clears a property."""
        return {
            name: value if isinstance(value, str) else text_of(value) or ""
            for name, value in self.codec.encode(fields).items()
        }

    def path_of(self, name: str) -> str:
        """The canonical field of a property."""
        return "external_id" if name == self.key else self.codec.path_of(name)

    def _broken(self, payload: bytes) -> Record:
        """A record with parts of unexpected types: its id is known, and `decode` will say that it is bad."""
        try:
            ref = self._bare.decode(payload).id
        except msgspec.ValidationError:
            ref = ""
        if not ref:
            raise unreadable(write=False)
        observation = Observation(
            ref=ref,
            external_id=None,
            version="",
            modified_at=None,
            digest=self.codec.digest(payload),
            payload=payload,
        )
        return Record(ref, 0, (), observation)


def time_of(text: str) -> datetime | None:
    """A time as HubSpot prints it; None if it is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def milliseconds(at: datetime | None) -> int:
    """Milliseconds since 1970; 0 for no time."""
    return (at - _EPOCH) // _MILLISECOND if at is not None else 0


def _head_type(key: str) -> type[msgspec.Struct]:
    properties = msgspec.defstruct(
        "HeadProperties",
        [("modified", Any, None), ("merged", Any, None), ("key", Any, None)],
        rename={"modified": MODIFIED, "merged": MERGED, "key": key},
        gc=False,
    )
    return msgspec.defstruct(
        "Head",
        [("id", str), ("properties", properties), ("updated", Any, None), ("archived", Any, False)],
        rename={"updated": "updatedAt"},
        gc=False,
    )


def _aliases(ref: str, merged: str | None) -> tuple[str, ...]:
    found = (each.strip() for each in (merged or "").split(";"))
    return tuple(dict.fromkeys(each for each in found if each.isdecimal() and each != ref))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None

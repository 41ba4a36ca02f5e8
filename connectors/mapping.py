"""From a CRM's fields to canonical ones and back, by the lines of a connection's field map. Pure.

What a CRM cannot tell apart is folded, never dropped: address lines for which it has no field are joined
to the last one that it has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import orjson
import xxhash

from connectors.errors import InvalidRecord
from connectors.port import FieldMapping, Observation
from connectors.records import (
    ADDRESS_FIELDS,
    FLAG_FIELDS,
    JSON,
    LINE_PARTS,
    Address,
    Fields,
    FieldValue,
)

Payload: TypeAlias = Mapping[str, JSON]
"""A CRM record: CRM field name → value."""

STREET = "street"
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_FLAGS = {"true": True, "false": False, "yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class _AddressMap:
    """The CRM fields of one address, by part."""

    path: str
    parts: Mapping[str, str]
    lines: tuple[str, ...] = field(default=())


class Codec:
    """Decodes and encodes records by one field map. Build once, use for every record."""

    def __init__(self, mapping: Sequence[FieldMapping]) -> None:
        plain: dict[str, str] = {}
        parts: dict[str, dict[str, str]] = {}
        self.order: list[str] = []
        for line in mapping:
            path, _, part = line.field.partition(".")
            if path in ADDRESS_FIELDS:
                parts.setdefault(path, {})[part] = line.crm
            else:
                path = line.field
                plain[path] = line.crm
            if path not in self.order:
                self.order.append(path)
        self._plain = plain
        self._addresses = {
            path: _AddressMap(path, by_part, tuple(name for name in LINE_PARTS if name in by_part))
            for path, by_part in parts.items()
        }
        self._readers = [(path, self._addresses.get(path), plain.get(path, "")) for path in self.order]
        self.crm_fields = tuple(dict.fromkeys(line.crm for line in mapping))
        # Two maps that read the same payload differently must not share a digest.
        self._seed = xxhash.xxh32_intdigest(orjson.dumps([[line.field, line.crm] for line in mapping]))

    def digest(self, payload: bytes) -> bytes:
        """16 bytes that stand for a raw payload under this map."""
        return xxhash.xxh3_128_digest(payload, seed=self._seed)

    def decode(self, payload: Payload) -> dict[str, FieldValue]:
        """The canonical value of every mapped field.

        Raises:
            InvalidRecord: a value is not of its field's type.
        """
        fields: dict[str, FieldValue] = {}
        for path, address, name in self._readers:
            if address is not None:
                fields[path] = _read_address(address, payload)
            else:
                value = payload.get(name)
                fields[path] = None if value is None else _read_plain(path, value)
        return fields

    def encode(self, fields: Fields) -> dict[str, JSON]:
        """CRM field → value, for some canonical fields; None clears a field."""
        payload: dict[str, JSON] = {}
        for path, value in fields.items():
            address = self._addresses.get(path)
            if address is not None:
                payload |= _write_address(address, value if isinstance(value, Address) else Address())
            elif path in self._plain:
                payload[self._plain[path]] = _write_plain(value)
        return payload

    def path_of(self, crm_field: str) -> str:
        """The canonical field that a CRM field belongs to; the CRM's own name if it is not mapped."""
        for path, name in self._plain.items():
            if name == crm_field:
                return path
        for path, address in self._addresses.items():
            if crm_field in address.parts.values():
                return path
        return crm_field


def text_of(value: JSON) -> str | None:
    """A CRM value as trimmed text; blank is None.

    Raises:
        TypeError: the value is a list or an object.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(int(value)) if value == int(value) else str(value)
    raise TypeError("must be text")


def _read_plain(path: str, value: JSON) -> FieldValue:
    if path in FLAG_FIELDS:
        return _read_flag(path, value)
    if path.startswith(("custom_data.", "custom_attributes.")):
        return value.strip() or None if isinstance(value, str) else value
    try:
        return text_of(value)
    except (TypeError, OverflowError, ValueError) as error:
        raise InvalidRecord(path, "must be text", value=value) from error


def _read_flag(path: str, value: JSON) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    flag = _FLAGS.get(value.strip().casefold()) if isinstance(value, str) else None
    if flag is None and value not in ("",):
        raise InvalidRecord(path, "must be true or false", value=value)
    return flag


def _read_address(address: _AddressMap, payload: Payload) -> Address | None:
    parts: dict[str, str] = {}
    for part, name in address.parts.items():
        raw = payload.get(name)
        try:
            value = text_of(raw)
        except (TypeError, OverflowError, ValueError) as error:
            raise InvalidRecord(f"{address.path}.{part}", "must be text", value=raw) from error
        if value is None:
            continue
        if part == STREET:
            parts |= _lines_of(value)
        else:
            parts[part] = value
    return Address(**parts) if parts else None


def payload_of(observation: Observation) -> dict[str, JSON]:
    """The payload of an observation that is a JSON object.

    Raises:
        InvalidRecord: it is none.
    """
    try:
        payload = orjson.loads(observation.payload)
    except orjson.JSONDecodeError:
        payload = None
    if not isinstance(payload, dict):
        raise InvalidRecord("", "the record is no JSON object")
    return payload


def _lines_of(street: str) -> dict[str, str]:
    """Street text as up to three lines; what is beyond the third is joined to it."""
    if street.isprintable():  # no line break among them
        return {"line1": street}
    lines = [line.strip() for line in _LINE_BREAK.split(street)]
    lines = [line for line in lines if line]
    if len(lines) > len(LINE_PARTS):
        lines = [*lines[:2], ", ".join(lines[2:])]
    return dict(zip(LINE_PARTS, lines, strict=False))


def _write_plain(value: FieldValue) -> JSON:
    if isinstance(value, list | dict):
        return orjson.dumps(value).decode() if value else None
    if isinstance(value, Address):
        return None
    return value


def _write_address(address: _AddressMap, value: Address) -> dict[str, JSON]:
    payload: dict[str, JSON] = {}
    lines = [line for name in LINE_PARTS if (line := getattr(value, name))]
    if STREET in address.parts:
        payload[address.parts[STREET]] = "\n".join(lines) or None
    elif address.lines:
        room = len(address.lines)
        kept = lines[: room - 1] + ([", ".join(lines[room - 1 :])] if len(lines) >= room else [])
        for index, name in enumerate(address.lines):
            payload[address.parts[name]] = kept[index] if index < len(kept) else None
    for part, name in address.parts.items():
        if part == STREET or part in LINE_PARTS:
            continue
        text = getattr(value, part)
        if part == "country" and not text and "country_code" not in address.parts:
            text = value.country_code
        payload[name] = text
    return payload

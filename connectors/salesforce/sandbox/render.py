"""Rows as the API shows them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from connectors.salesforce.sandbox.clock import http_date
from connectors.salesforce.sandbox.errors import ApiError
from connectors.salesforce.sandbox.fields import ADDRESS_PARTS
from connectors.salesforce.sandbox.schema import Row, Schema


def render(rows: Iterable[Row], names: Sequence[str], schema: Schema, base: str) -> list[dict[str, Any]]:
    """Rows with `attributes` and the named fields, blank ones as null.

    Args:
        rows: the rows.
        names: API names of fields, in the order to show them.
        schema: the fields.
        base: path of the API version.
    """
    keys = ("attributes", *names)
    prefix = f"{base}/sobjects/{schema.name}/"
    compounds = [name for name in names if name in schema.compounds]
    shown = []
    for row in rows:
        # `attributes` is no field of a row, so that it comes out as null here and is set next.
        record: dict[str, Any] = dict(zip(keys, map(row.get, keys), strict=True))
        record["attributes"] = {"type": schema.name, "url": prefix + row["Id"]}
        for name in compounds:
            record[name] = _address(row, name.removesuffix("Address"))
        shown.append(record)
    return shown


def field_names(schema: Schema, asked: Iterable[str]) -> tuple[str, ...]:
    """API names for the fields that a `fields` parameter asks for, Id always among them.

    Raises:
        ApiError: INVALID_FIELD.
    """
    names: dict[str, None] = {}
    for name in asked:
        field = schema.find(name.strip())
        if field is None:
            raise ApiError("INVALID_FIELD", f"No such column '{name.strip()}' on entity '{schema.name}'")
        names[field.name] = None
    return tuple(names | {"Id": None})


def etag(row: Row) -> str:
    """A strong hash of the whole record, as the header ETag has it."""
    digest = hashlib.sha1(orjson.dumps(row, option=orjson.OPT_SORT_KEYS), usedforsecurity=False).digest()
    return f'"{base64.b64encode(digest).decode()}-gzip"'


def row_headers(row: Row) -> dict[str, str]:
    """The validators of a record: ETag and Last-Modified."""
    return {"ETag": etag(row), "Last-Modified": http_date(row["LastModifiedDate"])}


def _address(row: Row, kind: str) -> dict[str, Any] | None:
    parts = {name[0].lower() + name[1:]: row.get(kind + name) for name in ADDRESS_PARTS}
    return parts if any(value is not None for value in parts.values()) else None

"""Conditional requests on a record: If-Match, If-None-Match, If-(Un)Modified-Since.

Source: REST API developer guide, conditional request headers: ETags for accounts; an invalid value on
PATCH or POST is 400; DELETE takes no condition. Dates compare in whole seconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from connectors.salesforce.sandbox.clock import parse_http_date
from connectors.salesforce.sandbox.errors import ApiError
from connectors.salesforce.sandbox.render import etag
from connectors.salesforce.sandbox.schema import Row

_TAG = re.compile(r'(?:W/)?"[^"]*"')
_TAGS = re.compile(r'\s*(?:\*|(?:W/)?"[^"]*"(?:\s*,\s*(?:W/)?"[^"]*")*)\s*')


def check_write(headers: Mapping[str, str], row: Row) -> None:
    """Refuse a write whose condition the record does not meet.

    Raises:
        ApiError: 412 for a condition that does not hold, 400 for one that cannot be read.
    """
    tags = {name: _tags(name, headers[name]) for name in ("if-match", "if-none-match") if name in headers}
    since = headers.get("if-unmodified-since")
    latest = None if since is None else parse_http_date(since)
    if since is not None and latest is None:
        raise ApiError("INVALID_HEADER", f"Invalid value for header If-Unmodified-Since: {since}")
    own = {"*", etag(row)} if tags else set()
    failed = (
        ("if-match" in tags and not tags["if-match"] & own)
        or ("if-none-match" in tags and tags["if-none-match"] & own)
        or (latest is not None and row["LastModifiedDate"] > latest)
    )
    if failed:
        message = "The record does not meet a precondition in the request's headers"
        raise ApiError("PRECONDITION_FAILED", message, status=412)


def unchanged(headers: Mapping[str, str], tag: str, modified: str) -> bool:
    """Whether a read can be answered with 304; a header that cannot be read is passed over."""
    wanted = headers.get("if-none-match")
    if wanted is not None:
        return tag in _TAG.findall(wanted) or wanted.strip() == "*"
    since = parse_http_date(headers.get("if-modified-since", ""))
    return since is not None and modified <= since


def _tags(name: str, value: str) -> set[str]:
    if _TAGS.fullmatch(value) is None:
        raise ApiError("INVALID_HEADER", f"Invalid value for header {name.title()}: {value}")
    return {"*"} if value.strip() == "*" else set(_TAG.findall(value))

"""Values of the API as they come in and go out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, PlainSerializer, WithJsonSchema

from sync.clock import plain_id

_ID_SCHEMA = {"type": "string", "format": "uuid", "examples": ["0199b2c4-7d1e-7a3b-9c5d-2f4e6a8b0c1d"]}
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


def shown_id(plain: str) -> str:
    """An id as it is shown: a UUID with its dashes."""
    return f"{plain[:8]}-{plain[8:12]}-{plain[12:16]}-{plain[16:20]}-{plain[20:]}"


def bounded(value: datetime) -> datetime:
    """Within what both databases keep, in UTC.

    Raises:
        ValueError: it is not.
    """
    try:
        aware = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except OverflowError:
        aware = LATEST
    if not EARLIEST <= aware < LATEST:
        raise ValueError("must lie between the years 1900 and 9000")
    return aware


Id = Annotated[str, BeforeValidator(plain_id), PlainSerializer(shown_id), WithJsonSchema(_ID_SCHEMA)]
"""An id of ours: a UUID on the wire, with or without dashes on the way in; 32 hex digits inside."""


def _shown_if_id(kept: str) -> str:
    try:
        return shown_id(plain_id(kept))
    except ValueError:
        return kept


Other = Annotated[str, PlainSerializer(_shown_if_id)]
"""The id of another record: a UUID, or whatever a file or a CRM has put there."""

When = Annotated[datetime, AfterValidator(bounded)]
"""A time that comes in; without a zone it is UTC."""

At = AwareDatetime
"""A time that goes out, in UTC."""

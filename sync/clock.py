"""Time and ids: the two impure sources that use-cases take as arguments, and how an id is read."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

Clock: TypeAlias = Callable[[], datetime]

_UUID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def utc_now() -> datetime:
    """The wall clock, aware, in UTC."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Seconds that only grow."""
    return time.monotonic()


def new_id() -> str:
    """A UUID of version 7 (RFC 9562) as 32 hex digits: unique, and sorted by the time it was made."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10))
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return f"{value:032x}"


def id_at(at: datetime) -> str:
    """What sorts before every id that was made at that time or later, and after those made earlier."""
    return f"{int(at.timestamp() * 1_000):012x}".ljust(32, "0")


def plain_id(text: object) -> str:
    """An id as it is kept, 32 hex digits, from a UUID with or without its dashes.

    Raises:
        ValueError: it is no UUID.
    """
    if not isinstance(text, str) or _UUID.fullmatch(text.lower()) is None:
        raise ValueError("must be a UUID")
    return text.lower().replace("-", "")

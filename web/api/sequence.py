"""Lists in the order in which their records were made, in pages. A cursor names the last record given."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query

from sync.store.query import Row
from web.problems import Refusal, wrong

_LIMIT = Query(ge=1, le=200, description="Records per page.")
_CURSOR = Query(max_length=100, description="`next_cursor` of the page before.")
_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Sequel:
    """Which page is asked for: the records behind `after`."""

    limit: int
    after: str

    @property
    def wanted(self) -> int:
        """How many to read: one more, to know whether another page follows."""
        return self.limit + 1

    def cut(self, found: Sequence[Row]) -> tuple[list[Row], str | None]:
        """The rows of this page, and the cursor of the next one."""
        page = list(found[: self.limit])
        if len(found) <= self.limit:
            return page, None
        return page, urlsafe_b64encode(bytes.fromhex(page[-1]["id"])).decode().rstrip("=")


async def _sequel(
    limit: Annotated[int, _LIMIT] = 50, cursor: Annotated[str | None, _CURSOR] = None
) -> Sequel:
    return Sequel(limit, "" if cursor is None else _read(cursor))


def _read(cursor: str) -> str:
    try:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError:
        raw = b""
    if len(raw) != _ID_BYTES:
        errors = [wrong("is none that this list gave", "query", "cursor")]
        raise Refusal(422, "The request cannot be taken.", errors=errors)
    return raw.hex()


InSequence = Annotated[Sequel, Depends(_sequel)]

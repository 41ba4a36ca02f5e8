"""Lists in pages. A cursor names the last record that was given, so by `created_at` none is given twice.

By `updated_at` a record that changes meanwhile moves on: it comes again, or, with the latest first, has been
passed. Times are those of the statement, not of the commit: who asks for what is new looks back a minute.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Generic, TypeVar

import orjson
from fastapi import Depends, Query
from pydantic import BaseModel, Field

from sync.clock import plain_id
from sync.store.query import After, Row
from web.api.types import bounded
from web.problems import Refusal, wrong

T = TypeVar("T", bound=BaseModel)
_LIMIT = Query(ge=1, le=200, description="Records per page.")
_CURSOR = Query(max_length=300, description="`next_cursor` of the page before.")
_ORDER = Query(description="By which time; with a minus sign the latest come first.")


class Order(StrEnum):
    """By what a list is sorted."""

    CREATED = "created_at"
    LATEST_CREATED = "-created_at"
    UPDATED = "updated_at"
    LATEST_UPDATED = "-updated_at"


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """A name that reads well in the description, and in clients that are made of it."""
        return f"{params[0].__name__.removesuffix('Out')}Page"

    data: list[T]
    next_cursor: str | None = Field(
        description="Send it as `cursor` for the next page; null after the last one."
    )


@dataclass(frozen=True, slots=True)
class Paging:
    """Which page is asked for."""

    order: Order
    limit: int
    after: tuple[datetime, str] | None

    @property
    def slice(self) -> After:
        """As the store takes it; one record more is read, to know whether another page follows."""
        return After(self.order.value.lstrip("-"), self.order.value[0] == "-", self.after, self.limit + 1)

    def cut(self, found: Sequence[Row], edge: Row | None = None) -> tuple[list[Row], str | None]:
        """The rows of this page, and the cursor of the next one; `edge` as `texts.Reached` has it."""
        page = list(found[: self.limit])
        last = page[-1] if len(found) > self.limit else edge
        if last is None:
            return page, None
        at: datetime = last[self.order.value.lstrip("-")]
        text = orjson.dumps([self.order.value, at.isoformat(), last["id"]])
        return page, urlsafe_b64encode(text).decode().rstrip("=")


async def _paging(
    limit: Annotated[int, _LIMIT] = 50,
    cursor: Annotated[str | None, _CURSOR] = None,
    order: Annotated[Order, _ORDER] = Order.CREATED,
) -> Paging:
    return Paging(order, limit, None if cursor is None else read_cursor(cursor, order))


def read_cursor(cursor: str, order: Order) -> tuple[datetime, str]:
    """Time and id of the last record that was given.

    Raises:
        Refusal: 422, no list in this order gave it.
    """
    try:
        raw: Any = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        given, at, last = raw
        moment = datetime.fromisoformat(at)
        if given == order.value and moment.tzinfo is not None:
            return bounded(moment), plain_id(last)
    except (Error, orjson.JSONDecodeError, TypeError, ValueError):
        pass
    reason = "is none that a list in this order gave"
    raise Refusal(422, "The request cannot be taken.", errors=[wrong(reason, "query", "cursor")])


Paged = Annotated[Paging, Depends(_paging)]

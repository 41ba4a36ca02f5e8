"""Which customers a list is to hold."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Query

from connectors.records import JSON
from sync.clock import plain_id
from sync.core import normalise
from sync.store import customers
from sync.store.schema import customers as table
from web.api.types import When
from web.problems import Refusal, wrong

MOST_IDS = 200
_PATTERN = Query(
    alias="customer_name__ilike", max_length=255, description="`%` is any text, `_` any character."
)
_IDS = Query(
    alias="id__in", max_length=8_000, description=f"At most {MOST_IDS} ids, with commas between them."
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Conditions that the columns meet, and a pattern that the name is like."""

    conditions: list[Any]
    name: str | None


async def _search(
    *,
    external_id: Annotated[str | None, Query(max_length=255)] = None,
    email: Annotated[str | None, Query(max_length=254)] = None,
    name: Annotated[str | None, _PATTERN] = None,
    created_from: Annotated[When | None, Query(alias="created_at__gte")] = None,
    created_to: Annotated[When | None, Query(alias="created_at__lte")] = None,
    updated_from: Annotated[When | None, Query(alias="updated_at__gte")] = None,
    updated_to: Annotated[When | None, Query(alias="updated_at__lte")] = None,
    ids: Annotated[str | None, _IDS] = None,
    parent: Annotated[str | None, Query(alias="parent_customer_id", max_length=64)] = None,
) -> Wanted:
    found: list[Any] = [*times(table.c.created_at, created_from, created_to)]
    found += times(table.c.updated_at, updated_from, updated_to)
    if external_id is not None:
        found.append(table.c.external_id == normalise.text(external_id))
    if email is not None:
        found.append(table.c.email_fold == normalise.email(email))
    if ids is not None:
        found.append(customers.by_ids(read_ids(ids)))
    if parent is not None:
        found.append(table.c.parent_customer_id == _kept(parent))
    return Wanted(found, None if name is None else _escaped(name))


def times(column: Any, first: datetime | None, last: datetime | None) -> list[Any]:
    """Conditions: a time is not before `first` and not after `last`, as far as they are given."""
    bounds = ((first, column.__ge__), (last, column.__le__))
    return [holds(moment) for moment, holds in bounds if moment is not None]


def _escaped(pattern: str) -> str:
    """A backslash is a character like any other."""
    return pattern.replace("\\", "\\\\")


def read_ids(text: str) -> list[str]:
    """Ids with commas between them.

    Raises:
        Refusal: 422, one is none, or there are too many.
    """
    try:
        found = [plain_id(each.strip()) for each in text.split(",")]
    except ValueError:
        raise _refused("id__in", "must be UUIDs with commas between them") from None
    if len(found) > MOST_IDS:
        raise _refused("id__in", f"has {len(found)} ids; at most {MOST_IDS} are allowed")
    return found


def _kept(text: str) -> str:
    with suppress(ValueError):
        return plain_id(text)
    return text


def _refused(name: str, reason: str) -> Refusal:
    errors: list[dict[str, JSON]] = [wrong(reason, "query", name)]
    return Refusal(422, "The request cannot be taken.", errors=errors)


Search = Annotated[Wanted, Depends(_search)]

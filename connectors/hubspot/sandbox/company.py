"""A company as the sandbox holds it, and the changes that made it what it is.

A company's property history is read off its changes, so that history and values cannot disagree.
Times are milliseconds since 1970 (UTC).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zlib import crc32


@dataclass(frozen=True, slots=True)
class Source:
    """Who made a change: `type` and `id` as HubSpot's history names them."""

    type: str
    id: str
    user: str
    user_id: int | None = None


def integration(app_id: int) -> Source:
    """Writes through the API: the id of the app whose token was used."""
    return Source("INTEGRATION", str(app_id), f"app {app_id}")


def person(name: str) -> Source:
    """Edits in HubSpot's own pages; a name has always the same user id."""
    user_id = 1_000_000 + crc32(name.encode()) % 9_000_000
    return Source("CRM_UI", f"userId:{user_id}", name, user_id)


@dataclass(frozen=True, slots=True)
class Change:
    """One write. `after` has the properties that changed, `before` those of them that had a value.

    `kind` is create, update, archive, restore or merge. `merged` names the two records of a merge.
    """

    seq: int
    at: int
    id: int
    kind: str
    source: Source
    before: Mapping[str, str]
    after: Mapping[str, str]
    merged: tuple[int, int] | None = None


@dataclass(slots=True, eq=False)
class Company:
    """One record. `values` has no blanks and is replaced, never changed, by a write."""

    id: int
    created: int
    modified: int
    values: Mapping[str, str]
    archived_at: int | None = None
    changes: list[Change] = field(default_factory=list)

    def history(self, name: str) -> list[dict[str, Any]]:
        """The values that a property had, newest first, a clearing as ""."""
        return [
            _version(change.after[name], change) for change in reversed(self.changes) if name in change.after
        ]


SYSTEM = ("createdate", "hs_lastmodifieddate", "hs_object_id")
"""The properties that every answer has."""


def iso(at: int) -> str:
    """As HubSpot prints a time: with milliseconds, unless they are zero."""
    seconds, rest = divmod(at, 1000)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{rest:03d}Z" if rest else f"{text}Z"


def _version(value: str, change: Change) -> dict[str, Any]:
    version: dict[str, Any] = {
        "value": value,
        "timestamp": iso(change.at),
        "sourceType": change.source.type,
        "sourceId": change.source.id,
    }
    if change.source.user_id is not None:
        version["updatedByUserId"] = change.source.user_id
    return version

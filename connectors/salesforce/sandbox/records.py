"""Makes, changes, deletes, restores and merges accounts, with the rules that hold whoever writes.

The API's handlers and the edits that people make (/_sandbox/) both come through here; each call writes
one row version inside the store's open transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connectors.salesforce.sandbox.clock import Clock
from connectors.salesforce.sandbox.errors import (
    ApiError,
    deleted,
    duplicate,
    malformed_id,
    unknown_id,
)
from connectors.salesforce.sandbox.ids import IdMaker, canonical
from connectors.salesforce.sandbox.schema import Row, Schema
from connectors.salesforce.sandbox.store import Actor, Store
from connectors.salesforce.sandbox.values import clean

MERGE_LOSERS = 2
"""A merge takes at most three records. Source: SOAP API developer guide, merge()."""


class Records:
    """The writes on accounts.

    Args:
        store: the committed rows.
        clock: the org's clock.
        ids: makes the ids of new accounts.
        schema: gives the fields as they are now.
        is_user: whether an id is a user of the org.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        ids: IdMaker,
        schema: Callable[[], Schema],
        is_user: Callable[[str], bool],
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._schema = schema
        self._is_user = is_user

    def create(self, fields: Mapping[str, Any], actor: Actor) -> str:
        """Make an account and return its id.

        Raises:
            ApiError: a value is not accepted.
        """
        values = clean(self._schema(), fields, creating=True)
        self._check(values, None)
        stamp = self._clock.stamp()
        record = self._ids.make()
        row: Row = {"Id": record, "IsDeleted": False, "OwnerId": actor.user_id}
        row.update((name, value) for name, value in values.items() if value is not None)
        row.update(
            CreatedDate=stamp,
            CreatedById=actor.user_id,
            LastModifiedDate=stamp,
            LastModifiedById=actor.user_id,
            SystemModstamp=stamp,
        )
        self._store.write("create", actor, row)
        return record

    def update(self, record: str, fields: Mapping[str, Any], actor: Actor) -> str:
        """Change fields of a live account; stamps move even if no value does.

        Raises:
            ApiError: there is no such live account, or a value is not accepted.
        """
        row = self.live(record)
        values = clean(self._schema(), fields, creating=False)
        self._check(values, row)
        self._touch("update", actor, row, values)
        return str(row["Id"])

    def delete(self, record: str, actor: Actor) -> str:
        """Put a live account in the recycle bin.

        Raises:
            ApiError: there is no such live account.
        """
        row = self.live(record)
        self._touch("delete", actor, row, {"IsDeleted": True})
        return str(row["Id"])

    def undelete(self, record: str, actor: Actor) -> str:
        """Take an account out of the recycle bin.

        Raises:
            ApiError: it is not there, or a unique value of it is taken by now.
        """
        row = self._row(record)
        if not row["IsDeleted"]:
            raise ApiError("UNDELETE_FAILED", "Entity is not in the recycle bin", fields=[])
        self._check_unique(row, row["Id"])
        self._touch("undelete", actor, row, {"IsDeleted": False, "MasterRecordId": None})
        return str(row["Id"])

    def merge(self, winner: str, losers: Sequence[str], actor: Actor) -> str:
        """Delete the losers in favour of the winner; accounts below a loser move below the winner.

        Values of the losers are not carried over.

        Raises:
            ApiError: too many losers, one twice, or one that is not a live account.
        """
        kept = self.live(winner)
        gone = [self.live(each) for each in losers]
        names = {row["Id"] for row in gone}
        if len(gone) > MERGE_LOSERS or len(names) < len(gone) or kept["Id"] in names:
            message = "invalid record merge: a merge takes one winner and one or two other records"
            raise ApiError("INVALID_OPERATION", message, fields=[])
        for row in gone:
            self._touch("merge", actor, row, {"IsDeleted": True, "MasterRecordId": kept["Id"]})
        children = [row for row in self._store.rows.values() if row.get("ParentId") in names]
        for row in children:
            if not row["IsDeleted"] and row["Id"] != kept["Id"]:
                self._touch("update", actor, row, {"ParentId": kept["Id"]})
        parent = {"ParentId": None} if kept.get("ParentId") in names else {}
        self._touch("update", actor, kept, parent)
        return str(kept["Id"])

    def live(self, record: str) -> Row:
        """The committed row of a live account.

        Raises:
            ApiError: MALFORMED_ID, INVALID_CROSS_REFERENCE_KEY or ENTITY_IS_DELETED.
        """
        row = self._row(record)
        if row["IsDeleted"]:
            raise deleted()
        return row

    def find(self, record: str) -> Row | None:
        """The committed row with this id in either form, deleted or not."""
        rows = self._store.rows
        return rows.get(record) or rows.get(canonical(record) or "")

    def _row(self, record: str) -> Row:
        row = self.find(record)
        if row is None:
            whole = canonical(record)
            if whole is None or not whole.startswith(self._schema().prefix):
                raise malformed_id(record)
            raise unknown_id()
        return row

    def _touch(self, kind: str, actor: Actor, row: Row, values: Mapping[str, Any]) -> None:
        after = {**row, **values}
        for name, value in values.items():
            if value is None:
                del after[name]
        stamp = self._clock.stamp()
        after.update(LastModifiedDate=stamp, LastModifiedById=actor.user_id, SystemModstamp=stamp)
        self._store.write(kind, actor, after)

    def _check(self, values: Mapping[str, Any], row: Row | None) -> None:
        own = row["Id"] if row else None
        self._check_unique(values, own)
        owner, parent = values.get("OwnerId", ""), values.get("ParentId")
        if owner is None:
            raise _bad_reference("OwnerId", "Owner ID: owner cannot be blank")
        if owner and not self._is_user(owner):
            raise _bad_reference("OwnerId")
        if parent is not None:
            above = self._store.rows.get(parent)
            if above is None or above["IsDeleted"]:
                raise _bad_reference("ParentId")
            if parent == own:
                message = "Attempt to set an account as its own parent"
                raise ApiError("CIRCULAR_DEPENDENCY", message, fields=["ParentId"])

    def _check_unique(self, values: Mapping[str, Any], own: str | None) -> None:
        for name, index in self._store.keys.items():
            value = values.get(name)
            if value is None or not index.field.unique:
                continue
            holder = next((each for each in index.find(value) if each != own), None)
            if holder is not None:
                raise duplicate(name, holder)


def _bad_reference(field: str, message: str = "invalid cross reference id") -> ApiError:
    return ApiError("INVALID_CROSS_REFERENCE_KEY", message, fields=[field])

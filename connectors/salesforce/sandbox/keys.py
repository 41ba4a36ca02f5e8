"""Finds rows by the value of a field: for unique fields, external ids and queries by them."""

from __future__ import annotations

from typing import Any

from connectors.salesforce.sandbox.schema import Field, Row


class KeyIndex:
    """Finds rows by the value of one field, whatever the case unless the field is exact.

    Args:
        field: the field.
        deleted: whether rows in the recycle bin are found too.
    """

    def __init__(self, field: Field, *, deleted: bool = False) -> None:
        self.field = field
        self._deleted = deleted
        self._ids: dict[Any, tuple[str, ...]] = {}

    def find(self, value: Any) -> tuple[str, ...]:
        """The ids of the rows with this value, oldest entry first."""
        return self._ids.get(self._key(value), ())

    def move(self, before: Row | None, after: Row | None) -> None:
        """Follow a row from one version to the next."""
        old, new = self._value(before), self._value(after)
        if old == new:
            return
        if old is not None and before is not None:
            key = self._key(old)
            left = tuple(each for each in self._ids[key] if each != before["Id"])
            if left:
                self._ids[key] = left
            else:
                del self._ids[key]
        if new is not None and after is not None:
            key = self._key(new)
            self._ids[key] = (*self._ids.get(key, ()), after["Id"])

    def _value(self, row: Row | None) -> Any:
        if row is None or (row["IsDeleted"] and not self._deleted):
            return None
        return row.get(self.field.name)

    def _key(self, value: Any) -> Any:
        return value if self.field.exact or not isinstance(value, str) else value.casefold()

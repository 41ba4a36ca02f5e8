"""What stands behind the connection of files: no CRM, so there is nothing to read and nothing to write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.errors import Unsupported
from connectors.port import (
    Capabilities,
    Cursor,
    Description,
    Observation,
    Page,
    Receipt,
    Update,
    Write,
)
from connectors.records import Fields


class Files:
    """A connector that has no records."""

    capabilities = Capabilities(
        page_size=200,
        read_batch=200,
        write_batch=200,
        conditional_write=True,
        history=False,
        deletes_in_changes=False,
        merges=False,
    )
    key_field = "external_id"

    def describe(self) -> Description:
        """An account without fields."""
        return Description(account_id="file", account_name="Files", object_name="file", fields={})

    def list_changes(self, cursor: Cursor | None) -> Page:
        """Nothing changes by itself in a file."""
        raise _refused()

    def list_all(self, cursor: Cursor | None = None) -> Page:
        """A file is imported; it is not listed."""
        raise _refused()

    def partitions(self, count: int) -> Sequence[Cursor]:
        """None."""
        raise _refused()

    def list_deleted(self, cursor: Cursor | None = None) -> Page:
        """None."""
        raise _refused()

    def get_many(self, refs: Sequence[str]) -> Mapping[str, Observation]:
        """No record is there."""
        return {}

    def find_by_external_id(self, external_ids: Sequence[str]) -> Sequence[Observation]:
        """No record is there."""
        return ()

    def write(self, batch: Sequence[Write]) -> Sequence[Receipt]:
        """Nothing can be written to a file that was imported."""
        raise _refused()

    def overwritten(self, updates: Sequence[Update]) -> Sequence[Fields]:
        """Nothing."""
        return [{} for _ in updates]

    def decode(self, observation: Observation) -> Fields:
        """There is nothing to decode."""
        raise _refused()

    def calls(self) -> Mapping[str, int]:
        """None."""
        return {}

    def close(self) -> None:
        """There is nothing to give back."""


def _refused() -> Unsupported:
    return Unsupported("Files are imported; they are not synced.", cure="Use: concord import FILE")

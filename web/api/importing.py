"""Imports as the API shows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, Field, JsonValue

from sync.imports import importing
from sync.imports.export import sample
from sync.imports.ruling import Action
from sync.store.query import Row
from web.api.types import At, Id

EXAMPLE = "external_id,customer_name,email\r\nACME-42,Acme Limited,billing@acme.example\r\n"
CSV: dict[str, Any] = {"text/csv": {"schema": {"type": "string", "examples": ["".join(sample())]}}}
"""How the description tells of an answer that is CSV."""
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"text/csv": {"schema": {"type": "string", "format": "binary", "examples": [EXAMPLE]}}},
    }
}


class ColumnOut(BaseModel):
    """A column of the file, and the field that it is taken for; null if it is not taken."""

    column: str = Field(examples=["Customer Name"])
    field: str | None = Field(examples=["customer_name"])


class ImportOut(BaseModel):
    """A file that was imported. It is a run: `needs_approval` waits for a person, `queued` for a worker."""

    id: Id
    state: str = Field(examples=["needs_approval"])
    stage: str = Field(
        description="`coming`, `mapping` (on the desk, a person says how it is read), `reading`, `planning`, "
        "`planned`, `applying` or `applied`.",
        examples=["planned"],
    )
    reason: str | None
    file_name: str = Field(examples=["customers.csv"])
    size: int = Field(description="Bytes.", examples=[4096])
    encoding: str = Field(examples=["utf-8"])
    delimiter: str = Field(examples=[","])
    header: bool = Field(description="Whether the first row holds the names of the columns.")
    columns: list[ColumnOut]
    ignored: list[str] = Field(description="Columns that are not taken.", examples=[["Notes"]])
    counts: dict[str, int] = Field(
        description="Rows by what becomes of them, once they are planned.",
        examples=[{"create": 12, "rejected": 1}],
    )
    same_file: Id | None = Field(description="An earlier import of the very same file.")
    progress: dict[str, JsonValue] | None
    actor: str = Field(examples=["api:billing"])
    started_at: At
    finished_at: At | None


class ImportedRowOut(BaseModel):
    """A row of the file, and what becomes of it."""

    line: int = Field(description="In the file, from 1; of a row over several lines the first.", examples=[2])
    action: Action
    field: str | None = Field(description="Of a rejected row, the field at fault.", examples=["email"])
    reason: str | None = Field(examples=["belongs to another customer"])
    customer_id: Id | None
    changes: dict[str, JsonValue] | None = Field(
        description="While it waits: field → value before and after.",
        examples=[{"email": [None, "a@acme.example"]}],
    )


def shown(run: Row, row: Row, same: str | None) -> ImportOut:
    """An import as it is shown."""
    body: dict[str, Any] = importing.as_json(run, row)
    return ImportOut(**body, same_file=same)


def csv_file(pages: Iterable[Sequence[str]], name: str) -> Response:
    """Lines of CSV as a file to be kept, sent as they are read."""

    def bodies() -> Iterator[str]:
        for lines in pages:
            yield "".join(lines)

    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(bodies(), media_type="text/csv", headers=disposition)

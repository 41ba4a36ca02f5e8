"""How a file that is kept would be read: what is recognised, what is asked, and a person's word on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from sync.errors import BadInput, Conflicted
from sync.imports import columns, table, text
from sync.imports.columns import Columns
from sync.imports.importing import UNSAID, Reading, ask
from sync.store import audit, imports, runs
from sync.store.query import Row, now
from sync.store.session import Database

SHOWN = 5
"""Rows that are shown of a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A file under one way to read it.

    Args:
        encoding: of its text; `delimiter` between its cells.
        header: whether its first row holds names.
        columns: as they are named, each with the field that its name says.
        sample: the cells of its first rows.
        asks: what a person has to say first → why: `encoding`, `delimiter`, `header` or `file`.
    """

    encoding: str
    delimiter: str
    header: bool
    columns: Columns
    sample: Sequence[Sequence[str]]
    asks: Mapping[str, str]


def look(database: Database, row: Row, reading: Reading) -> Look:
    """Look at a file as somebody says that it is to be read, as far as they do.

    Args:
        database: where it is kept.
        row: the import.
        reading: `columns` of it are not looked at.

    Raises:
        BadInput: there is no such encoding or delimiter, or the file cannot be read in any way.
    """
    asks: dict[str, str] = {}
    encoding = text.read_encoding(reading.encoding) if reading.encoding else str(row["encoding"])
    if not encoding:
        asks["encoding"] = "It is not UTF-8, and which other encoding it is cannot be known from it."
    sample = _sample(database, row["run_id"], encoding or "utf-8-sig", errors="replace")
    delimiter, said = ",", columns.columns_of(row)  # by somebody who changes their mind
    if reading.delimiter:
        delimiter = table.read_delimiter(reading.delimiter)
    elif said.names:
        delimiter = row["delimiter"]
    else:
        try:
            delimiter = table.recognise(sample, _is_known)
        except BadInput as error:
            asks["delimiter"] = error.reason
    found: list[Sequence[str]] = []
    try:
        for line in islice(table.rows(sample, delimiter), SHOWN + 1):
            found.append(line.cells)
    except BadInput as error:
        if not found or not text.is_cut(sample):  # else the cell may merely end behind the sample
            asks["file"] = str(error)
    if not found and not asks:
        raise BadInput("The file has no rows.", fields={"file": "has no rows"})
    first = found[0] if found else []
    header = row["header"] if reading.header is None and said.names else reading.header
    if header is None:
        header = any(map(_is_known, first))
        if not header:
            asks["header"] = "The first row names no column that is known."
    named = columns.known(first, named=header)
    return Look(
        encoding=(encoding or "utf-8").removesuffix("-sig"),
        delimiter=delimiter,
        header=header,
        columns=said if said.names == named.names else named,
        sample=found[1:] if header else found[:SHOWN],
        asks=asks,
    )


def settle(
    database: Database,
    organisation_id: str,
    run_id: str,
    reading: Reading,
    fields: Sequence[str | None],
    *,
    actor: str,
) -> None:
    """Let a worker read a file as a person says, and make its plan.

    Args:
        database: where it is kept.
        organisation_id: whose it is.
        run_id: which import.
        reading: encoding, delimiter and header, all of which are said.
        fields: of each column, in their order; None for one that is not taken.
        actor: who says it.

    Raises:
        NotFoundError: there is no such import.
        BadInput: it cannot be read so.
        Conflicted: somebody has said it already, or the import was cancelled.
    """
    with database.reading() as tx:
        run, row = imports.find(tx, organisation_id, run_id)
    _refuse_if_said(run, row)
    found = look(database, row, reading)
    for name in ("encoding", "delimiter", "header"):
        if getattr(reading, name) is None:
            raise BadInput(f"Nobody has said the {name}.", fields={name: "is missing"})
    encoding = text.read_encoding(found.encoding)
    if encoding != row["encoding"]:
        text.recognise(imports.parts(database, run["id"]), encoding)
    sample = _sample(database, run["id"], encoding)
    first = next(table.rows(sample, found.delimiter), None)
    chosen = columns.assign(first.cells if first else [], fields, named=found.header)
    with database.transaction() as tx:
        ask(tx, organisation_id, run["connection_id"], run["id"], 0.0)  # jobs are locked before runs
        run, row = imports.find(tx, organisation_id, run_id, lock=True)
        _refuse_if_said(run, row)
        imports.save(
            tx,
            run["id"],
            encoding=encoding,
            delimiter=found.delimiter,
            header=found.header,
            columns=chosen.as_json(),
            stage="reading",
        )
        runs.save(tx, run["id"], state="queued", owner=None, finished_at=None, reason=None)
        audit.write(tx, organisation_id, actor=actor, action="import.mapped", subject=run["id"])


def reconsider(database: Database, organisation_id: str, run_id: str, *, actor: str) -> None:
    """Ask again how the file of a plan that waits is read: the plan goes, the file and what was said stay.

    Raises:
        NotFoundError: there is no such import.
        Conflicted: it has no plan that waits, or its file is not kept any more.
    """
    with database.transaction() as tx:
        run, row = imports.find(tx, organisation_id, run_id, lock=True)
        if run["state"] != "needs_approval" or row["stage"] != "planned":
            raise Conflicted("This import has no plan that waits for an approval.")
        if not imports.has_parts(tx, run["id"]):
            raise Conflicted("The file of this import is not kept any more.", cure="Send it again.")
        imports.drop_rows(tx, run["id"])
        imports.save(tx, run["id"], stage=imports.MAPPING, position=0, counts={})
        runs.save(tx, run["id"], reason=UNSAID, planned=None, progress=None, finished_at=now(tx))
        audit.write(tx, organisation_id, actor=actor, action="import.reconsidered", subject=run["id"])


def _is_known(cell: str) -> bool:
    return columns.field_of(cell) is not None


def _sample(database: Database, run_id: str, encoding: str, *, errors: str = "strict") -> list[str]:
    return text.first_lines(text.lines(imports.parts(database, run_id), encoding, errors=errors))


def _refuse_if_said(run: Row, row: Row) -> None:
    if run["state"] != "needs_approval" or row["stage"] != imports.MAPPING:
        raise Conflicted("How this file is read is said already, or its import was cancelled.")

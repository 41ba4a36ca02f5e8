"""An import from the outside: a file is taken in, its plan approved, and one that was cut off goes on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from connectors.records import JSON
from sync.crash import crash_here
from sync.errors import BadInput, Conflicted
from sync.imports import columns, table, text
from sync.imports.columns import Columns
from sync.store import audit, imports, jobs, runs
from sync.store.imports import CHUNK, KIND
from sync.store.query import Row
from sync.store.session import Database, Tx

LARGEST = 1 << 30
"""Bytes of a file."""
UNSAID = "a person is to say how the file is read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a file is to be read, as far as somebody says; the rest is recognised, or asked for.

    Args:
        encoding: of its text.
        delimiter: between its cells, as a character or by name.
        header: whether its first row holds the names of the columns.
        columns: column → field; see `columns.choose`.
    """

    encoding: str | None = None
    delimiter: str | None = None
    header: bool | None = None
    columns: Mapping[str, str] = field(default_factory=dict)


class Incoming:
    """A file that is coming in, piece by piece; nothing is planned before it is whole.

    Raises:
        BadInput: its name cannot be kept.
    """

    def __init__(self, database: Database, organisation_id: str, *, file_name: str, actor: str) -> None:
        self._database, self._organisation_id = database, organisation_id
        self._digest, self._size, self._number = sha256(), 0, 0
        self._rest = bytearray()
        file_name = text.read_file_name(file_name)
        with database.transaction() as tx:
            imports.drop_abandoned(tx)
            self._connection_id = imports.files(tx, organisation_id).id
            self.run_id = runs.start(
                tx,
                organisation_id=organisation_id,
                connection_id=self._connection_id,
                kind=KIND,
                trigger="manual",
                actor=actor,
                owner=None,
            )
            runs.save(tx, self.run_id, ordered={"full": False, "dry": False})
            imports.add(tx, run_id=self.run_id, organisation_id=organisation_id, file_name=file_name)
            audit.write(tx, organisation_id, actor=actor, action="import.begun", subject=self.run_id)

    def take(self, piece: bytes) -> None:
        """Take a piece of any size.

        Raises:
            BadInput: the file is too large.
        """
        self._size += len(piece)
        if self._size > LARGEST:
            raise BadInput(
                f"The file is larger than {LARGEST:,} bytes.",
                cure="Import it in parts.",
                fields={"file": f"is larger than {LARGEST:,} bytes"},
            )
        self._digest.update(piece)
        self._rest += piece
        if len(self._rest) >= CHUNK:
            self._keep()

    def _keep(self) -> None:
        with self._database.transaction() as tx:
            imports.add_part(tx, self.run_id, self._number, bytes(self._rest))
        self._rest.clear()
        self._number += 1

    def whole(self, reading: Reading, *, after: float = 0.0) -> str:
        """The file is whole: recognise how it is to be read, and let a worker go on; returns the run.

        Args:
            reading: what somebody says of it.
            after: seconds before a worker does, if nobody else has.

        Raises:
            BadInput: something has to be asked, or cannot be.
        """
        if self._rest:
            self._keep()
        encoding = text.recognise(imports.parts(self._database, self.run_id), reading.encoding)
        found = text.lines(imports.parts(self._database, self.run_id), encoding)
        delimiter, header, chosen = _recognise(text.first_lines(found), reading)
        with self._database.transaction() as tx:
            ask(tx, self._organisation_id, self._connection_id, self.run_id, after)
            imports.save(
                tx,
                self.run_id,
                size=self._size,
                digest=self._digest.hexdigest(),
                encoding=encoding,
                delimiter=delimiter,
                header=header,
                columns=chosen.as_json(),
                stage="reading",
            )
            crash_here("import.placed")
        return self.run_id

    def kept(self) -> str:
        """The file is whole, and a person is to say how it is read: see `mapping`; returns the run."""
        if self._rest:
            self._keep()
        try:
            encoding = text.recognise(imports.parts(self._database, self.run_id))
        except BadInput:
            encoding = ""
        with self._database.transaction() as tx:
            whole = {"size": self._size, "digest": self._digest.hexdigest()}
            imports.save(tx, self.run_id, encoding=encoding, stage=imports.MAPPING, **whole)
            runs.save(tx, self.run_id, state="needs_approval", reason=UNSAID)
        return self.run_id

    def refused(self) -> None:
        """It cannot be read, or did not come whole: nothing of it is kept."""
        with self._database.transaction() as tx:
            imports.drop(tx, self.run_id)


def take_in(
    database: Database,
    organisation_id: str,
    pieces: Iterable[bytes],
    reading: Reading,
    *,
    file_name: str,
    actor: str,
    after: float = 0.0,
) -> str:
    """Take a file in, and let its plan be made; returns the run to follow.

    Raises:
        BadInput: it cannot be read, or something has to be asked; nothing is kept.
    """
    incoming = Incoming(database, organisation_id, file_name=file_name, actor=actor)
    try:
        for piece in pieces:
            incoming.take(piece)
        return incoming.whole(reading, after=after)
    except BaseException:
        incoming.refused()
        raise


def _recognise(sample: list[str], reading: Reading) -> tuple[str, bool, Columns]:
    named = {name.strip() for name in reading.columns}

    def known(cell: str) -> bool:
        return columns.field_of(cell) is not None or cell.strip() in named

    delimiter = (
        table.recognise(sample, known)
        if reading.delimiter is None
        else table.read_delimiter(reading.delimiter)
    )
    first = next(table.rows(sample, delimiter), None)
    if first is None:
        raise BadInput("The file has no rows.", fields={"file": "has no rows"})
    header = reading.header
    if header is None:
        header = any(map(known, first.cells))
        if not header:
            raise BadInput(
                "The first row names no column that is known.",
                cure="Say which column is which field, or that there is no header: then by number, #1=FIELD.",
                fields={"header": "is not recognised"},
            )
    return delimiter, header, columns.choose(first.cells, reading.columns, named=header)


def release(tx: Tx, organisation_id: str, run_id: str, *, actor: str, after: float = 0.0) -> None:
    """Approve the plan of an import: exactly what it says is carried out.

    Raises:
        NotFoundError: there is no such import.
        Conflicted: it does not wait for an approval.
    """
    run, _ = imports.find(tx, organisation_id, run_id)
    ask(tx, organisation_id, run["connection_id"], run["id"], after)  # jobs are locked before runs
    run, row = imports.find(tx, organisation_id, run_id, lock=True)
    if row["stage"] == imports.MAPPING:
        raise Conflicted(
            "Nobody has said yet how the file of this import is read.",
            cure="Say so on its page at /desk/imports.",
        )
    if run["state"] != "needs_approval" or row["stage"] != "planned":
        raise Conflicted(
            f"This import is {run['state']}; it does not wait for an approval.",
            cure="Imports that wait are shown by: concord imports list",
        )
    imports.drop_parts(tx, run["id"])  # there is no way back to how it is read
    imports.save(tx, run["id"], stage="applying", position=0)
    runs.save(tx, run["id"], state="queued", owner=None, finished_at=None, reason=None, approved=True)
    audit.write(tx, organisation_id, actor=actor, action="run.approved", subject=run["id"])


def resume(
    tx: Tx, organisation_id: str, run_id: str, *, actor: str, dead: Iterable[str] = (), after: float = 0.0
) -> Row:
    """Let an import that failed, was cancelled, or was cut off go on where it was; returns its run.

    Args:
        tx: the transaction.
        organisation_id: whose it is.
        run_id: which.
        actor: who asks.
        dead: owners of runs that are certainly gone.
        after: seconds before a worker takes it, if nobody else has.

    Raises:
        NotFoundError: there is no such import.
        Conflicted: it is at work, waits for an approval, or is done.
    """
    run, _ = imports.find(tx, organisation_id, run_id)
    ask(tx, organisation_id, run["connection_id"], run["id"], after)  # jobs are locked before runs
    run, row = imports.find(tx, organisation_id, run_id, lock=True)
    if run["state"] in ("queued", "running") and run["owner"] not in (None, *dead):
        raise Conflicted("This import is at work.", cure=f"See how far: concord imports show {run_id}")
    if run["state"] == "needs_approval":
        raise Conflicted("This import waits for an approval.", cure=f"concord imports approve {run_id}")
    gone = row["stage"] in ("reading", imports.MAPPING) and not imports.has_parts(tx, run["id"])
    if row["stage"] in ("coming", "applied") or gone:
        raise Conflicted(
            "There is nothing to go on with: it is done, or its file was not kept.",
            cure="Import the file again; what is so already is not done twice.",
        )
    state = "needs_approval" if row["stage"] == "planned" else "queued"
    runs.save(tx, run["id"], state=state, owner=None, finished_at=None, reason=None)
    audit.write(tx, organisation_id, actor=actor, action="import.resumed", subject=run["id"])
    return {**run, "state": state}


def withdraw(tx: Tx, run: Row) -> None:
    """Nobody needs to take it up: whoever was at it came to its end, or to its plan."""
    jobs.withdraw(tx, run["connection_id"], jobs.ORDER, run["id"])


def as_json(run: Row, row: Row) -> dict[str, JSON]:
    """An import as it is shown."""
    named = columns.columns_of(row)
    return {
        "id": run["id"],
        "state": run["state"],
        "stage": row["stage"],
        "reason": run["reason"],
        "file_name": row["file_name"],
        "size": row["size"],
        "encoding": row["encoding"].removesuffix("-sig"),
        "delimiter": row["delimiter"],
        "header": row["header"],
        "columns": [*row["columns"]],
        "ignored": [*named.ignored],
        "counts": dict(row["counts"]),
        "progress": run["progress"],
        "actor": run["actor"],
        "started_at": run["started_at"].isoformat(),
        "finished_at": run["finished_at"].isoformat() if run["finished_at"] else None,
    }


def ask(tx: Tx, organisation_id: str, connection_id: str, run_id: str, after: float) -> None:
    """Let a worker see to an import, after so many seconds."""
    jobs.ask(
        tx,
        organisation_id=organisation_id,
        connection_id=connection_id,
        kind=jobs.ORDER,
        keys=[run_id],
        after=after,
    )

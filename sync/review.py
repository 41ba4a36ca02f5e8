"""What people say about a row of the queue beside deciding it: whose it is, and notes."""

from __future__ import annotations

from sync.errors import BadInput, NotFoundError
from sync.store import audit, conflicts
from sync.store.conflict_rows import notes_of, with_note
from sync.store.conflicts import StoredConflict
from sync.store.query import now
from sync.store.session import Database, Tx

MOST_NOTES = 100


def assign(
    database: Database, organisation_id: str, conflict_id: str, assignee: str | None, *, actor: str
) -> None:
    """Say who is to decide a row, or nobody in particular.

    Raises:
        NotFoundError: there is no such row.
    """
    with database.transaction() as tx:
        stored = _locked(tx, organisation_id, conflict_id)
        conflicts.mark(tx, stored.id, assignee=assignee)
        details = {"assignee": assignee}
        audit.write(
            tx, organisation_id, actor=actor, action="conflict.assigned", subject=stored.id, details=details
        )


def note(database: Database, organisation_id: str, conflict_id: str, text: str, *, actor: str) -> None:
    """Add a note to a row. Notes are kept with the row and never changed.

    Raises:
        NotFoundError: there is no such row.
        BadInput: it has as many notes as a row may have.
    """
    with database.transaction() as tx:
        stored = _locked(tx, organisation_id, conflict_id)
        if len(notes_of(stored.row)) >= MOST_NOTES:
            why = f"the row has {MOST_NOTES} notes already; more are not kept"
            raise BadInput(f"The note cannot be taken: {why}.", fields={"note": why})
        notes = with_note(stored.row, at=now(tx), by=actor, text=text)
        conflicts.mark(tx, stored.id, notes=notes)
        audit.write(tx, organisation_id, actor=actor, action="conflict.noted", subject=stored.id)


def _locked(tx: Tx, organisation_id: str, conflict_id: str) -> StoredConflict:
    stored = conflicts.find(tx, organisation_id, conflict_id, lock=True)
    if stored is None:
        raise NotFoundError("There is no row of this id in the queue.")
    return stored

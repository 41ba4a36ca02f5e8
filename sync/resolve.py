"""Resolve: a person's decision on one row of the queue, or on many, with a preview."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.records import JSON, Fields, to_json
from sync.core import normalise
from sync.core.actions import ConflictKind
from sync.crash import crash_here
from sync.deciding import Deciding
from sync.decisions import FIELD_KINDS, Decision, Subject, Take, check_fresh, choose, settle_fields
from sync.errors import BadInput, ConcordError, Conflicted, NotFoundError
from sync.imports.answering import of_file, renew, settle_row
from sync.settled import Before, settled
from sync.store import audit, conflicts, connections, customers, links
from sync.store.conflicts import DISMISSED, OPEN, RESOLVED, StoredConflict
from sync.store.query import now
from sync.store.session import Database, Tx
from sync.touched import ask_to_create
from sync.unpaired import settle

PAGE = 200
UNSHOWN = "This row is not among those that were shown; nothing was decided. Look at it first."


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one row, or would: `resolved`, `dismissed`, `refused` (with the reason)."""

    id: str
    kind: str
    result: str
    reason: str | None
    writes: Mapping[str, JSON]
    run: str | None = None  # by which it can be undone
    version: int | None = None  # of the row as it was foreseen

    def as_json(self) -> dict[str, JSON]:
        """As it is printed."""
        body: dict[str, JSON] = {"id": self.id, "kind": self.kind, "result": self.result}
        if self.reason:
            body["reason"] = self.reason
        if self.writes:
            body["writes"] = dict(self.writes)
        if self.run:
            body["run"] = self.run
        return body


def resolve(
    database: Database,
    organisation_id: str,
    conflict_id: str,
    decision: Decision,
    *,
    actor: str,
    version: int | None = None,
    deciding: Deciding | None = None,
) -> Outcome:
    """Decide one row.

    Args:
        database: where it is kept.
        organisation_id: whose it is.
        conflict_id: which, or the beginning of its id.
        decision: what is to become of it.
        actor: who decides.
        version: of the row as it was shown; None takes it as it is now.
        deciding: the runs under which this call's decisions are kept; None makes one for this decision.

    Raises:
        NotFoundError: there is no such row.
        Conflicted: it is closed already, or its values are no longer so; nothing was decided.
        BadInput: it cannot be decided that way.
    """
    deciding = deciding or Deciding(organisation_id, actor)
    try:
        return _resolve(database, conflict_id, decision, version, deciding)
    except Conflicted:
        renew(database, organisation_id, conflict_id)
        raise


def _resolve(
    database: Database,
    conflict_id: str,
    decision: Decision,
    version: int | None,
    deciding: Deciding,
) -> Outcome:
    organisation_id, actor = deciding.organisation_id, deciding.actor
    with database.transaction() as tx:
        # Customer and link are locked before the row, in the order in which a look at the CRM locks them.
        subject = _subject(tx, organisation_id, _row(tx, organisation_id, conflict_id), actor)
        stored = _row(tx, organisation_id, subject.stored.id, lock=True)
        if stored.row["state"] != OPEN:
            raise Conflicted(f"This row is {stored.row['state']} already.")
        _expect(stored, version)
        _expect(stored, subject.stored.row["version"])
        check_fresh(tx, subject)
        writes = _foreseen(subject, decision)
        state = _state_after(subject, decision)
        before = None if subject.row.kind in FIELD_KINDS else Before.of(tx, subject, decision)
        if before is not None:
            settle(tx, connections.load(tx, stored.row["connection_id"]), subject, decision)
            changes = settled(tx, before)
        elif of_file(subject.row):
            changes = [settle_row(tx, organisation_id, subject, decision)]
        else:
            changes = [settle_fields(tx, organisation_id, subject, decision)]
        # Whatever was decided: links of this customer are dirty, or nothing keeps it from being created now.
        ask_to_create(tx, organisation_id)
        conflicts.decide(tx, stored.id, state=state, decision=decision.as_json(), actor=actor, at=subject.at)
        audit.write(
            tx,
            organisation_id,
            actor=actor,
            action=f"conflict.{state}",
            subject=stored.id,
            details={**_about(stored), **decision.as_json()},
        )
        deciding.keep(tx, subject, state, changes)
        crash_here("decision.before_commit")
    crash_here("decision.kept")
    deciding.settled()
    return Outcome(stored.id, subject.row.kind.value, state, None, writes, deciding.run_id)


def resolve_all(
    database: Database,
    organisation_id: str,
    decision: Decision,
    *,
    actor: str,
    kind: str | None,
    connection_id: str | None = None,
    customer_id: str | None = None,
    assignee: str | None = None,
    ids: Sequence[str] | None = None,
    after: str = "",
    preview: bool = False,
    versions: Mapping[str, int] | None = None,
    progress: Callable[[int], None],
) -> Iterator[Outcome]:
    """Decide every open row that fits the filter, or say what that would do; one outcome per row.

    Rows come in the order of their ids, those behind `after`; with `ids` of these alone. All are undone by
    one id, that of their run.
    With `versions` (id → version as it was shown) those rows alone are decided, each if it has not moved
    since; any other that fits is refused.
    """
    deciding = Deciding(organisation_id, actor)
    chosen: dict[str, Any] = {"kind": kind, "connection_id": connection_id, "customer_id": customer_id}
    chosen |= {"assignee": assignee, "ids": ids}
    for done, stored in enumerate(_open_rows(database, organisation_id, chosen, after), start=1):
        if preview:
            yield foresee(database, organisation_id, stored, decision)
        elif versions is not None and stored.id not in versions:
            yield Outcome(stored.id, stored.row["kind"], "refused", UNSHOWN, {})
        else:
            try:
                yield resolve(
                    database,
                    organisation_id,
                    stored.id,
                    decision,
                    actor=actor,
                    version=(versions or {}).get(stored.id, stored.row["version"]),
                    deciding=deciding,
                )
            except (BadInput, Conflicted) as error:
                yield Outcome(stored.id, stored.row["kind"], "refused", str(error), {})
        progress(done)


def foresee(
    database: Database,
    organisation_id: str,
    stored: StoredConflict,
    decision: Decision,
    shown: int | None = None,
) -> Outcome:
    """What a decision would write here and in the CRM, without deciding; `shown` is as `version` above."""
    version = stored.row["version"]
    try:
        _expect(stored, shown)
        with database.reading() as tx:
            subject = _subject(tx, organisation_id, stored)
            writes, result = _foreseen(subject, decision), _state_after(subject, decision)
    except ConcordError as error:
        return Outcome(stored.id, stored.row["kind"], "refused", str(error), {}, version=version)
    return Outcome(stored.id, stored.row["kind"], f"would be {result}", None, writes, version=version)


def _expect(stored: StoredConflict, version: int | None) -> None:
    if version not in (None, stored.row["version"]):
        raise Conflicted(
            "This row has changed since it was shown; nothing was decided.", cure="Look at its fresh values."
        )


def _row(tx: Tx, organisation_id: str, conflict_id: str, *, lock: bool = False) -> StoredConflict:
    stored = conflicts.find(tx, organisation_id, conflict_id, lock=lock)
    if stored is None:
        raise NotFoundError(
            f"There is no row {conflict_id} in the queue.", cure="See it with: concord conflicts list"
        )
    return stored


def _open_rows(
    database: Database, organisation_id: str, chosen: Mapping[str, Any], after: str
) -> Iterator[StoredConflict]:
    while True:
        with database.reading() as tx:
            page = conflicts.listing(tx, organisation_id, **chosen, after=after, limit=PAGE)
        if not page:
            return
        yield from page
        after = page[-1].id


def _subject(tx: Tx, organisation_id: str, stored: StoredConflict, actor: str = "") -> Subject:
    row = stored.conflict()
    customer_id, connection_id = stored.row["customer_id"], stored.row["connection_id"]
    found = (
        customers.load(tx, organisation_id, customers.by_ids([customer_id]), lock=True) if customer_id else []
    )
    linked = links.load(tx, connection_id, links.by_refs([row.ref]), lock=True) if row.ref else []
    return Subject(
        stored=stored,
        row=row,
        customer=found[0] if found else None,
        link=linked[0] if linked else None,
        at=now(tx),
        actor=actor,
    )


def _about(stored: StoredConflict) -> dict[str, JSON]:
    """What of a row the audit keeps: by these the decision is found when its customer is to be erased."""
    return {name: stored.row[name] for name in ("kind", "connection_id", "ref", "customer_id")}


def _state_after(subject: Subject, decision: Decision) -> str:
    """A dismissed row comes back only with other values; leaving a customer deleted is such a decision."""
    left = subject.row.kind is ConflictKind.DELETE_VS_EDIT and decision.take is Take.OURS
    return DISMISSED if decision.dismiss or left else RESOLVED


def _foreseen(subject: Subject, decision: Decision) -> dict[str, JSON]:
    """Side → field → [before, after]."""
    if subject.row.kind not in FIELD_KINDS or decision.dismiss:
        return {}
    chosen = choose(subject, decision)
    row = subject.row
    here = _changes(row.local, chosen)
    if of_file(row):
        return {"local": here} if here else {}
    there = _changes({path: row.landed.get(path, row.remote.get(path)) for path in chosen}, chosen)
    return {side: changes for side, changes in (("local", here), ("crm", there)) if changes}


def _changes(before: Fields, after: Fields) -> dict[str, JSON]:
    return {
        path: [to_json(before.get(path)), to_json(value)]
        for path, value in after.items()
        if not normalise.identical(path, before.get(path), value)
    }

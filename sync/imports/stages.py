"""The stages of an import at work: its file is read, its rows are planned, and what was approved is done.

Each keeps how far it is with each page: whoever is killed is followed by one who goes on there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy.exc import IntegrityError

from connectors.records import JSON, FieldValue, to_json
from sync.clock import new_id
from sync.core.actions import Conflict, ConflictKind, customer_subject
from sync.core.quarantine import verdict_reasons
from sync.crash import crash_here
from sync.imports.columns import Columns, columns_of
from sync.imports.reading import PAGE, read_rows
from sync.imports.ruling import DOUBLE, EFFECTIVE, MOVED, Action, Ruling, rule
from sync.imports.scene import load
from sync.kept import keep_applied, keep_questions
from sync.store import audit, conflicts, customers, imports, runs
from sync.store.customers import StoredCustomer
from sync.store.query import Row
from sync.store.runs import AppliedChange
from sync.store.session import Tx
from sync.touched import ask_to_create, release_emails, touch_customers
from sync.work import Work

TRIES = 3
"""Of a page that meets another writer who takes the same key or e-mail address at the same moment."""


def carry_on(work: Work) -> bool:
    """Take an import as far as it may go by itself; True if its plan waits for an approval.

    Raises:
        BadInput: the file cannot be read; the text names the place.
        CancelledError: a person cancelled it; what it had done stays done.
    """
    with work.database.reading() as tx:
        row = imports.get(tx, work.run_id)
    if row["stage"] == "reading":
        read_rows(work, row)
    if row["stage"] in ("reading", "planning"):
        _count(work)
        _plan(work)
        return True
    if row["stage"] == "applying":
        _apply(work)
    return bool(row["stage"] == "planned")


def _plan(work: Work) -> None:
    pages = 0
    while page := _page(work):
        columns, position = page
        with work.database.transaction() as tx:
            work.hold(tx)
            rows = imports.page(tx, work.run_id, after=position, limit=PAGE)
            if not rows:
                _end_plan(tx, work)
                break
            scene = load(tx, work.organisation_id, work.run_id, rows, columns, lock=False)
            imports.decide(tx, work.run_id, [_planned(each) for each in rule(scene)])
            imports.save(tx, work.run_id, position=rows[-1]["line"])
            crash_here("import.plan_before_commit")
        crash_here("import.planned")
        work.grown(pages := pages + 1)
        work.tally.done += len(rows)
        work.progress({"event": "planned", **work.tally.progress()})


def _page(work: Work) -> tuple[Columns, int]:
    work.keep_lease()
    with work.database.reading() as tx:
        row = imports.get(tx, work.run_id)
    return columns_of(row), row["position"]


def _planned(ruling: Ruling) -> dict[str, Any]:
    effective = ruling.action in EFFECTIVE
    return {
        "line": ruling.line,
        "action": ruling.action.value,
        "field": ruling.at or None,
        "reason": ruling.reason or None,
        "customer_id": ruling.customer.id if ruling.customer else None,
        "effect": ruling.effect() if effective else None,
        "done": not effective,
    }


def _end_plan(tx: Tx, work: Work) -> None:
    imports.reject_doubles(tx, work.run_id, DOUBLE)
    counts = imports.counts(tx, work.run_id)
    imports.save(tx, work.run_id, stage="planned", position=0, counts=counts)
    planned: dict[str, JSON] = {
        "create_local": counts.get(Action.CREATE, 0),
        "update_local": counts.get(Action.UPDATE, 0),
        "held": {ConflictKind.ADDRESS_MISMATCH.value: counts.get(Action.CONFLICT, 0)},
        "rejected": counts.get(Action.REJECTED, 0),
    }
    runs.save(tx, work.run_id, planned=planned)


def _count(work: Work) -> None:
    """Tell how far this stage is: how many rows there are, and how many are behind it."""
    with work.database.reading() as tx:
        work.tally.done, work.tally.of = imports.how_far(tx, work.run_id)


def _apply(work: Work) -> None:
    _count(work)
    pages = 0
    while True:
        columns, position = _page(work)
        done = _apply_page(work, columns, position)
        if not done:
            break
        crash_here("import.applied")
        work.grown(pages := pages + 1)
        work.tally.done += done
        work.progress({"event": "imported", **work.tally.progress()})
    with work.database.transaction() as tx:
        work.hold(tx)
        counts = imports.counts(tx, work.run_id)
        imports.save(tx, work.run_id, stage="applied", counts=counts)
    work.tally.created_local = int(str(counts.get(Action.CREATE, 0)))
    work.tally.updated_local = int(str(counts.get(Action.UPDATE, 0)))
    work.tally.unchanged = int(str(counts.get(Action.UNCHANGED, 0)))


def _apply_page(work: Work, columns: Columns, position: int, tries: int = TRIES) -> int:
    """Carry out the plan of one page; returns how many rows it has."""
    before = work.tally.snapshot()
    try:
        return _try_page(work, columns, position)
    except IntegrityError:
        if tries == 1:
            raise
    work.tally.restore(before)
    return _apply_page(work, columns, position, tries - 1)


def _try_page(work: Work, columns: Columns, position: int) -> int:
    with work.database.transaction() as tx:
        work.hold(tx)
        rows = imports.page(tx, work.run_id, after=position, limit=PAGE)
        if not rows:
            return 0
        approved = [row for row in rows if not row["done"]]
        if approved:
            _write(tx, work, *_still_so(tx, work, approved, columns))
        imports.save(tx, work.run_id, position=rows[-1]["line"])
        crash_here("import.before_commit")
    return len(rows)


def _still_so(
    tx: Tx, work: Work, approved: Sequence[Row], columns: Columns
) -> tuple[list[Ruling], list[Ruling]]:
    """The rulings that are as they were shown; and rejections in place of those that are not.

    Without these the others are looked at again: an e-mail address may not have become free.
    """
    late: list[Ruling] = []
    while True:
        scene = load(tx, work.organisation_id, work.run_id, approved, columns, lock=True)
        planned = {row["line"]: row["effect"] for row in approved}
        found = rule(replace(scene, keys={}, emails={}))  # among themselves the rows are as they were
        moved = [
            each for each in found if each.action not in EFFECTIVE or each.effect() != planned[each.line]
        ]
        if not moved:
            return found, late
        late += [_moved(each) for each in moved]
        lines = {each.line for each in moved}
        approved = [row for row in approved if row["line"] not in lines]


def _moved(ruling: Ruling) -> Ruling:
    """A row that became unchanged, or is rejected with a reason of its own, says so."""
    if ruling.action not in EFFECTIVE:
        return ruling
    return Ruling(line=ruling.line, action=Action.REJECTED, reason=MOVED)


def _write(tx: Tx, work: Work, found: Sequence[Ruling], late: Sequence[Ruling]) -> None:
    at = work.now()
    made = [(new_id(), each) for each in found if each.action is Action.CREATE]
    changed = [
        (each.customer, each.fields) for each in found if each.action is Action.UPDATE and each.customer
    ]
    customers.update_many(tx, changed, at, keys={})  # first: what they give up, a new one may take
    customers.insert_many(
        tx, work.organisation_id, [(mine, each.external_id, each.fields) for mine, each in made], at
    )
    applied = [_change("create_customer", mine) for mine, _ in made]
    applied += [
        _change("update_customer", customer.id, _pairs(customer, fields)) for customer, fields in changed
    ]
    keep_applied(tx, work, applied, at)
    asked = [_question(each) for each in found if each.action is Action.CONFLICT]
    keep_questions(tx, work, asked, at)
    conflicts.own(tx, work.connection_id, work.run_id, [each.subject for each in asked])
    lines = {each.line: mine for mine, each in made}
    imports.decide(
        tx,
        work.run_id,
        [
            {
                **_planned(each),
                "customer_id": lines.get(each.line, each.customer.id if each.customer else None),
                "done": True,
            }
            for each in (*found, *late)
        ],
    )
    audit.write(
        tx,
        work.organisation_id,
        actor=f"import:{work.run_id[:12]}",
        action="customers.imported",
        subject=work.run_id,
        details={"created": len(made), "updated": len(changed)},
    )
    if changed:
        touch_customers(tx, [customer.id for customer, _ in changed], at)
        release_emails(tx, work.organisation_id, changed)
    if made:
        ask_to_create(tx, work.organisation_id)


def _pairs(customer: StoredCustomer, fields: Mapping[str, FieldValue]) -> dict[str, JSON]:
    return {path: [to_json(customer.value(path)), to_json(value)] for path, value in fields.items()}


def _change(action: str, customer_id: str, fields: Mapping[str, JSON] | None = None) -> AppliedChange:
    return AppliedChange(
        side="local", action=action, customer_id=customer_id, link_id=None, ref=None, fields=fields
    )


def _question(ruling: Ruling) -> Conflict:
    customer = ruling.customer
    assert customer is not None  # noqa: S101 - nothing else has an address to compare with
    assert ruling.verdict is not None  # noqa: S101
    return Conflict(
        kind=ConflictKind.ADDRESS_MISMATCH,
        subject=customer_subject(customer.id),
        customer_id=customer.id,
        local={path: customer.value(path) for path in ruling.fields},
        remote=dict(ruling.fields),
        reasons=verdict_reasons(ruling.verdict),
    )

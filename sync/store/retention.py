"""What is kept, and for how long: one rule for every table, and the removal of what is over its time.

Nothing goes that somebody still needs: open rows of the queue and what a person dismissed, runs that wait or
are at work, those that they undo, carry out or go on with, and open jobs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, Text, delete, exists, func, not_, or_, select, tuple_, update
from sqlalchemy import type_coerce as as_type

from sync.clock import id_at
from sync.store import audit as audits
from sync.store import hooks
from sync.store.billtables import contracts
from sync.store.hooktables import hook_deliveries
from sync.store.importtables import import_rows
from sync.store.keytables import api_keys, idempotency
from sync.store.query import Row, now, rows
from sync.store.schema import conflicts
from sync.store.session import Tx
from sync.store.types import db_now
from sync.store.usertables import users, web_sessions
from sync.store.worktables import audit, budgets, changes, inbox, jobs, planned_records, runs

BATCH = 1_000
BUDGETS_DAYS = 40
SESSIONS_DAYS = 1
DELIVERIES_DAYS = 7
FIXED_DAYS = {
    "budgets": BUDGETS_DAYS,
    "hook_deliveries": DELIVERIES_DAYS,
    "web_sessions": SESSIONS_DAYS,
}
ENDED = ("done", "failed", "cancelled", "waiting")  # the last: the calls of the day were used up
OF_RUNS = (changes, planned_records, import_rows)
"""Tables that may hold very many rows of one run: they go in batches, before it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """Days for which what has ended is kept; none is for ever.

    Args:
        events: events that a CRM announced. CRMs repeat a delivery for 24 hours at most; later one costs a
            fetch, and changes nothing.
        jobs: jobs that are done.
        answers: so long a call that is repeated under its idempotency key gets the answer that it got.
        runs: runs with their changes and plans: so long a run can be undone.
        conflicts: closed rows of the queue; at least as long as the runs that decided them.
        audit: the audit, and what it names: keys of the API that have ended, people who were disabled.
    """

    events: int = 7
    jobs: int = 7
    answers: int = 2
    runs: int | None = 90
    conflicts: int | None = 365
    audit: int | None = 730

    @property
    def closed(self) -> int | None:
        """Days for closed rows of the queue: an undo of their decision opens them again."""
        if self.runs is None or self.conflicts is None:
            return None
        return max(self.runs, self.conflicts)


@dataclass(frozen=True, slots=True)
class Rule:
    """What bounds a table.

    Args:
        kept: until when its rows are kept, or why they stay.
        days: the name of the attribute of `Keep` that says for how long.
    """

    kept: str
    days: str = ""


RULES: Mapping[str, Rule] = {
    "organisations": Rule("for ever: every other row leads to one"),
    "connections": Rule("until the connection is removed"),
    "field_maps": Rule("with the connection: links go on by the version that they were planned with"),
    "customers": Rule("for ever; a deleted one keeps its record from coming back, an erased one is empty"),
    "tax_ids": Rule("with the customer, until it is erased"),
    "contacts": Rule("until deleted, or the customer is erased"),
    "contracts": Rule("for ever: billing records"),
    "phases": Rule("with the contract"),
    "wallets": Rule("for ever: billing records"),
    "wallet_entries": Rule("for ever: a ledger"),
    "business_entities": Rule("until deleted"),
    "links": Rule("with the connection; a detached one keeps its record from coming back"),
    "sightings": Rule("with the connection: one per CRM record"),
    "captures": Rule("one per connection"),
    "lanes": Rule("two per connection"),
    "schedules": Rule("two per connection"),
    "tokens": Rule("one per connection"),
    "budgets": Rule(f"{BUDGETS_DAYS} days"),
    "inbox": Rule("after it came", "events"),
    "jobs": Rule("after it was done; open ones stay, those given up as long as runs", "jobs"),
    "intents": Rule("until it is known what landed: at most one per customer and connection"),
    "runs": Rule("after their end; those that wait, or that open work needs, stay", "runs"),
    "changes": Rule("with their run, which can be undone so long", "runs"),
    "planned_records": Rule("with their run", "runs"),
    "imports": Rule("with their run", "runs"),
    "import_parts": Rule(
        "until the plan is approved, or the import is cancelled; a day if nobody says how they are read"
    ),
    "import_rows": Rule("with their run", "runs"),
    "conflicts": Rule("after they closed; open ones and dismissals stay", "closed"),
    "audit": Rule("after the deed", "audit"),
    "api_keys": Rule("after they ended: the audit names them", "audit"),
    "api_key_organisations": Rule("with the key"),
    "idempotency": Rule("after the call", "answers"),
    "hooks": Rule("until removed"),
    "hook_deliveries": Rule(f"{DELIVERIES_DAYS} days after its end; given up when it waits so long"),
    "channels": Rule("until removed"),
    "users": Rule("after they were disabled: the audit names them", "audit"),
    "user_roles": Rule("with the user"),
    "web_sessions": Rule("a day after it has ended"),
}
"""Every table; a test holds it to that."""


@dataclass(frozen=True, slots=True)
class _Aged:
    """Rows of a table that go some days after a time; none of them goes for ever where `days` is None."""

    table: Table
    time: ColumnElement[Any]
    days: int | None
    only: Sequence[ColumnElement[bool]] = ()

    def over(self, at: datetime) -> list[ColumnElement[bool]]:
        """Conditions: over their time."""
        if self.days is None:
            return []
        limit = at - timedelta(days=self.days)
        if self.table is budgets:
            return [budgets.c.day < limit.date().isoformat()]
        found = [*self.only, self.time < limit]
        # Ids begin with the time at which they were made: an index leads to what may be old at all.
        return [*found, self.table.c.id < id_at(limit)] if "id" in self.table.c else found


def _aged(keep: Keep) -> list[_Aged]:
    done, dead = jobs.c.state == "done", jobs.c.state == "dead"
    closed = conflicts.c.state.in_(("resolved", "superseded"))
    return [
        _Aged(inbox, inbox.c.received_at, keep.events),
        _Aged(jobs, jobs.c.finished_at, keep.jobs, [done]),
        _Aged(jobs, func.coalesce(jobs.c.finished_at, jobs.c.not_before), keep.runs, [dead]),
        _Aged(budgets, budgets.c.day, BUDGETS_DAYS),
        _Aged(idempotency, idempotency.c.created_at, keep.answers),
        _Aged(conflicts, conflicts.c.decided_at, keep.closed, [closed]),
        _Aged(audit, audit.c.at, keep.audit),
        _Aged(hook_deliveries, hook_deliveries.c.ended_at, DELIVERIES_DAYS),
        _Aged(users, users.c.disabled_at, keep.audit),
        _Aged(web_sessions, web_sessions.c.expires_at, SESSIONS_DAYS),
        _Aged(api_keys, func.coalesce(api_keys.c.revoked_at, api_keys.c.expires_at), keep.audit),
    ]


def forget_old(tx: Tx, keep: Keep) -> bool:
    """Remove some of what is over its time, a batch of each table; True if there may be more.

    A run goes in steps: from the first one on nobody finds it, then its changes and plan are removed batch by
    batch, at last its row.
    """
    at = now(tx)
    removed = [_forget(tx, each.table, *over) for each in _aged(keep) if (over := each.over(at))]
    removed.append(_give_up(tx, at))
    removed.append(_forget(tx, hook_deliveries, hooks.of_none()))
    forgotten = runs.c.forgotten_at.is_not(None) & not_(_being_undone())
    for table in OF_RUNS:
        ours = select(runs.c.id).where(forgotten)
        removed.append(_forget(tx, table, table.c.run_id.in_(ours)))
    left = [exists().where(each.c.run_id == runs.c.id) for each in OF_RUNS]
    removed.append(_forget(tx, runs, forgotten, not_(or_(*left))))
    if keep.runs is not None:
        old = select(runs.c.id).where(*_old_runs(keep.runs, at)).order_by(runs.c.id).limit(BATCH)
        marked = update(runs).where(runs.c.id.in_(old)).values(forgotten_at=db_now())
        removed.append(BATCH * (tx.execute(marked).rowcount > 0))  # they go with the next batch
    return max(removed) >= BATCH


def _give_up(tx: Tx, at: datetime) -> int:
    """End what hooks were not told in time, and say so where they are looked at."""
    why = f"it was not taken within {DELIVERIES_DAYS} days"
    found = hooks.give_up(tx, before=at - timedelta(days=DELIVERIES_DAYS), limit=BATCH, why=why)
    for hook, count in found:
        problem = f"some messages were given up: they were not taken within {DELIVERIES_DAYS} days"
        hooks.save(tx, hook["id"], problem=problem)
        audits.write(
            tx,
            hook["organisation_id"],
            actor="concord",
            action="hook.gave_up",
            subject=hook["id"],
            details={"deliveries": count},
        )
    return sum(count for _, count in found)


def _old_runs(days: int, at: datetime) -> list[ColumnElement[bool]]:
    limit = at - timedelta(days=days)
    wanted, plan = jobs.alias(), runs.alias()
    # An approval that is used up in parts knows the runs that carried it out.
    carried = as_type(plan.c.ordered, Text).contains('"carriers"')
    return [
        runs.c.id < id_at(limit),
        runs.c.forgotten_at.is_(None),
        runs.c.state.in_(ENDED),
        runs.c.finished_at < limit,
        not_(_being_undone()),
        not_(
            exists().where(
                wanted.c.connection_id == runs.c.connection_id,
                wanted.c.key == runs.c.id,
                wanted.c.state == "open",
            )
        ),
        not_(
            exists().where(
                plan.c.connection_id == runs.c.connection_id,
                plan.c.state == "needs_approval",
                plan.c.id < runs.c.id,
                carried,
            )
        ),
    ]


def _being_undone() -> ColumnElement[bool]:
    undo = runs.alias()
    return exists().where(undo.c.undoes == runs.c.id, undo.c.state.not_in(ENDED))


def _forget(tx: Tx, table: Table, *conditions: Any) -> int:
    key = list(table.primary_key.columns)
    # Several tickers take different rows, and none waits for another.
    old = select(*key).where(*conditions).order_by(*key).limit(BATCH).with_for_update(skip_locked=True)
    return tx.execute(delete(table).where(tuple_(*key).in_(old))).rowcount


def overview(tx: Tx, keep: Keep) -> list[Row]:
    """Every table: `table`, `kept`, `days` (None: no limit), `rows`, `oldest` of what ages, `over` its time.

    What is over its time goes within the hour, while a tick runs.
    """
    at = now(tx)
    ages: dict[str, list[_Aged]] = {}
    for each in _aged(keep):
        ages.setdefault(each.table.name, []).append(each)
    ages["runs"] = [_Aged(runs, runs.c.finished_at, keep.runs, [runs.c.state.in_(ENDED)])]
    found: list[Row] = []
    for name, rule in RULES.items():
        table = contracts.metadata.tables[name]
        found.append(
            {
                "table": name,
                "kept": rule.kept,
                "days": FIXED_DAYS.get(name) or getattr(keep, rule.days, None),
                "rows": _count(tx, table),
                "oldest": _oldest(tx, ages.get(name, [])),
                "over": sum(
                    _count(tx, table, *over) for each in ages.get(name, []) if (over := each.over(at))
                ),
            }
        )
    return found


def _count(tx: Tx, table: Table, *conditions: Any) -> int:
    return int(tx.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one())


def _oldest(tx: Tx, ages: Sequence[_Aged]) -> datetime | None:
    """The earliest time of rows that age."""
    times: list[datetime | None] = []
    for each in ages:
        if each.table is budgets:
            day = tx.execute(select(func.min(budgets.c.day))).scalar_one()
            times += [datetime.fromisoformat(day).replace(tzinfo=UTC)] if day else []
        else:
            times += [
                row["at"] for row in rows(tx, select(func.min(each.time).label("at")).where(*each.only))
            ]
    return min((each for each in times if each is not None), default=None)

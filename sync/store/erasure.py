"""Every place where something of a customer is kept beside its own row: what it is, and how it goes.

What other rows need to make sense stays: the CRM's own ids in links, amounts and dates of billing records,
and who did what when in the audit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Text, literal, or_, select, tuple_, type_coerce, update

from connectors.records import JSON
from sync.store import walls
from sync.store.billtables import contacts, contracts, phases, wallet_entries, wallets
from sync.store.imports import UNREAD
from sync.store.importtables import import_parts, import_rows, imports
from sync.store.keytables import idempotency
from sync.store.query import one_of, rows
from sync.store.schema import conflicts, connections, sightings
from sync.store.session import Tx
from sync.store.tombstones import ERASED
from sync.store.traces import Traces, about
from sync.store.types import db_now
from sync.store.worktables import audit, changes, inbox, intents, jobs, planned_records, runs

GONE = 410
_BODY = orjson.dumps(
    {
        "type": "about:blank",
        "title": "Gone",
        "status": GONE,
        "detail": "What this call was answered with was erased.",
        "request_id": None,
    }
).decode()


def open_writes(tx: Tx, customer_id: str) -> list[str]:
    """Names of the connections on which a write of the customer is under way."""
    statement = select(connections.c.name).join(intents, intents.c.connection_id == connections.c.id)
    found = statement.where(intents.c.customer_id == customer_id).order_by(connections.c.name)
    return list(tx.execute(found).scalars())


def wipe(tx: Tx, traces: Traces) -> None:
    """Remove or empty every trace; `traces.removed` says how many there were."""
    for name, step in _STEPS.items():
        traces.removed[name] = step(tx, traces)


def _changes(tx: Tx, traces: Traces) -> int:
    return _delete(tx, changes, changes.c.customer_id == traces.id)


def _plans(tx: Tx, traces: Traces) -> int:
    count = 0
    for connection_id in _connections(tx, traces):
        its = planned_records.c.run_id.in_(select(runs.c.id).where(runs.c.connection_id == connection_id))
        shown = type_coerce(planned_records.c.actions, Text)  # what of a merge shows both customers
        ways = or_(
            planned_records.c.customer_id == traces.id,
            one_of(planned_records.c.subject, traces.subjects(connection_id)),
            shown.contains("remote_merged") & shown.contains(traces.id),
        )
        count += _delete(tx, planned_records, its, ways)
    return count


def _questions(tx: Tx, traces: Traces) -> int:
    return _delete(tx, conflicts, about(traces))


def _sightings(tx: Tx, traces: Traces) -> int:
    ways: list[Any] = [literal(False)]
    if traces.refs:
        ways.append(tuple_(sightings.c.connection_id, sightings.c.ref).in_(sorted(traces.refs)))
    if traces.customer["external_fold"]:
        ways.append(sightings.c.external_fold == traces.customer["external_fold"])
    return _delete(tx, sightings, one_of(sightings.c.connection_id, _connections(tx, traces)), or_(*ways))


def _events(tx: Tx, traces: Traces) -> int:
    if not traces.refs:
        return 0
    return _delete(tx, inbox, tuple_(inbox.c.connection_id, inbox.c.ref).in_(sorted(traces.refs)))


def _jobs(tx: Tx, traces: Traces) -> int:
    if not traces.refs:
        return 0
    place = tuple_(jobs.c.connection_id, jobs.c.key).in_(sorted(traces.refs))
    return _delete(tx, jobs, jobs.c.kind == "fetch", place)


def _contacts(tx: Tx, traces: Traces) -> int:
    return _delete(tx, contacts, contacts.c.customer_id == traces.id)


def _contracts(tx: Tx, traces: Traces) -> int:
    mine = (contracts.c.customer_id == traces.id, contracts.c.organisation_id == traces.organisation_id)
    bare: dict[str, Any] = {
        "name": ERASED,
        "description": None,
        "tags": [],
        "custom_attributes": {},
        "source": {},
    }
    columns = {**bare, "contract_link": None, "version": contracts.c.version + 1}
    return tx.execute(update(contracts).where(*mine).values(**columns, updated_at=db_now())).rowcount


def _phases(tx: Tx, traces: Traces) -> int:
    ids = select(contracts.c.id).where(contracts.c.customer_id == traces.id)
    mine = (phases.c.contract_id.in_(ids), phases.c.organisation_id == traces.organisation_id)
    found = rows(tx, select(phases).where(*mine))
    for row in found:
        key = [phases.c[name] == row[name] for name in ("contract_id", "organisation_id", "start_date")]
        emptied = {"name": ERASED, "description": None, "pricings": _without_texts(row["pricings"])}
        tx.execute(update(phases).where(*key).values(**emptied))
    return len(found)


def _ledger(tx: Tx, traces: Traces) -> int:
    ids = select(wallets.c.id).where(wallets.c.customer_id == traces.id)
    mine = (
        wallet_entries.c.wallet_id.in_(ids),
        wallet_entries.c.organisation_id == traces.organisation_id,
    )
    with walls.lowered(tx):
        return tx.execute(update(wallet_entries).where(*mine).values(reason=ERASED)).rowcount


def _selections(tx: Tx, traces: Traces) -> int:
    """What runs were asked for by name."""
    mine = (runs.c.organisation_id == traces.organisation_id, runs.c.selection.is_not(None))
    count, names = 0, traces.names
    for row in rows(tx, select(runs.c.id, runs.c.selection).where(*mine)):
        fresh = _without(row["selection"], names)
        if fresh != row["selection"]:
            tx.execute(update(runs).where(runs.c.id == row["id"]).values(selection=fresh))
            count += 1
    return count


def _answers(tx: Tx, traces: Traces) -> int:
    """What calls of the API were answered with: whoever repeats one learns that it is gone."""
    ids = {form for each in (traces.id, *traces.ids) for form in (each, str(UUID(each)))}
    quoted = {orjson.dumps(name).decode() for name in traces.names}
    wanted = re.compile("|".join(map(re.escape, sorted(ids | quoted))))
    mine = (idempotency.c.organisation_id == traces.organisation_id, idempotency.c.body != _BODY)
    kept = select(idempotency.c.key, idempotency.c.headers, idempotency.c.body).where(*mine)
    found = [
        row["key"]
        for row in rows(tx, kept)
        if wanted.search(row["body"]) or wanted.search(orjson.dumps(row["headers"]).decode())
    ]
    bare = {"status": GONE, "headers": {"content-type": "application/problem+json"}, "body": _BODY}
    tx.execute(update(idempotency).where(mine[0], one_of(idempotency.c.key, found)).values(**bare))
    return len(found)


def _deeds(tx: Tx, traces: Traces) -> int:
    """Who did what stays told; what the values were does not."""
    refs = {ref for _, ref in traces.refs}
    details = type_coerce(audit.c.details, Text)
    named = [details.contains(each) for each in (traces.id, *sorted(refs))]
    mine = audit.c.organisation_id == traces.organisation_id
    ids = {traces.id, *traces.ids}
    count = 0
    with walls.lowered(tx):
        for part in _portions([one_of(audit.c.subject, ids), *named]):
            found = rows(tx, select(audit).where(mine, or_(*part)))
            wanted = [
                row["id"]
                for row in found
                if row["details"] != {"erased": True}
                and (
                    row["subject"] in ids
                    or row["details"].get("customer_id") == traces.id
                    or (row["details"].get("connection_id"), row["details"].get("ref")) in traces.refs
                )
            ]
            tx.execute(update(audit).where(one_of(audit.c.id, wanted)).values(details={"erased": True}))
            count += len(wanted)
    return count


def _imports(tx: Tx, traces: Traces) -> int:
    """Rows of files that are about it, carried out or not.

    A file of which the rows are not read yet may hold anybody: its import is cancelled, and asked for again.
    One that was read goes, and its plan stands without the rows about it.
    """
    mine = runs.c.organisation_id == traces.organisation_id
    kept = select(import_parts.c.run_id).join(runs, runs.c.id == import_parts.c.run_id).where(mine)
    files = list(tx.execute(kept.distinct()).scalars())
    unread = select(imports.c.run_id).where(one_of(imports.c.run_id, files), imports.c.stage.in_(UNREAD))
    found = list(tx.execute(unread).scalars())
    tx.execute(import_parts.delete().where(one_of(import_parts.c.run_id, files)))
    why = "a person was erased while it was read; import the file again"
    ended = {"state": "cancelled", "reason": why, "finished_at": db_now()}
    tx.execute(update(runs).where(one_of(runs.c.id, found)).values(**ended))
    named = [
        import_rows.c.customer_id == traces.id,
        one_of(import_rows.c.key, _keys(traces)),
    ]
    if traces.customer["email_fold"]:
        named.append(import_rows.c.email_fold == traces.customer["email_fold"])
    # A row that is still to be carried out is another's, unless it says whose it is.
    texts = [orjson.dumps(name).decode() for name in sorted(traces.names)]
    cells = type_coerce(import_rows.c.cells, Text)
    told = import_rows.c.done & or_(*(cells.contains(each, autoescape=True) for each in texts))
    its = import_rows.c.run_id.in_(select(runs.c.id).where(mine))
    return _delete(tx, import_rows, its, or_(*named, told))


def _keys(traces: Traces) -> list[str]:
    fold = traces.customer["external_fold"]
    return [f"id:{traces.id}", *([f"key:{fold}"] if fold else [])]


_STEPS: dict[str, Callable[[Tx, Traces], int]] = {
    "conflicts": _questions,
    "changes": _changes,
    "planned_records": _plans,
    "import_rows": _imports,
    "runs": _selections,
    "sightings": _sightings,
    "contacts": _contacts,
    "contracts": _contracts,
    "phases": _phases,
    "wallet_entries": _ledger,
    "idempotency": _answers,
    "audit": _deeds,
    "inbox": _events,
    "jobs": _jobs,  # last of all, as other runs wait for these rows
}


def _connections(tx: Tx, traces: Traces) -> list[str]:
    mine = connections.c.organisation_id == traces.organisation_id
    return list(tx.execute(select(connections.c.id).where(mine).order_by(connections.c.id)).scalars())


def _delete(tx: Tx, table: Any, *conditions: Any) -> int:
    return tx.execute(table.delete().where(*conditions)).rowcount


def _portions(items: Sequence[Any], size: int = 200) -> Iterator[Sequence[Any]]:
    yield from (items[start : start + size] for start in range(0, len(items), size))


def _without(value: JSON, names: Iterable[str]) -> JSON:
    """A selection without these texts: gone from lists, `ERASED` elsewhere."""
    if isinstance(value, str):
        return ERASED if value in names else value
    if isinstance(value, dict):
        return {key: _without(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [_without(each, names) for each in value if not (isinstance(each, str) and each in names)]
    return value


def _without_texts(value: JSON) -> JSON:
    """Numbers stay where they are; texts go."""
    if isinstance(value, str):
        return ERASED
    if isinstance(value, dict):
        return {key: _without_texts(each) for key, each in value.items()}
    return [_without_texts(each) for each in value] if isinstance(value, list) else value

"""The batch calls.

Rows are answered one by one (207) when each carries its own `objectWriteTraceId`; else one bad row
fails the whole batch and nothing is written. Ids that are not found never fail the others.
Source: HubSpot docs, error handling (multi-status errors); recorded answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.call import Answer, Call, View, properties_of
from connectors.hubspot.sandbox.company import Company
from connectors.hubspot.sandbox.errors import invalid, required_fields
from connectors.hubspot.sandbox.objects import HISTORY_LIMIT, archive, unique_property
from connectors.hubspot.sandbox.rows import Outcome, Plan, Row

LIMIT = 100


def read_batch(account: Account, call: Call) -> Answer:
    """Companies by id or by a unique property, in no promised order; missing ones are named."""
    rows = _rows(call)
    history = call.listed("propertiesWithHistory")
    if history and len(rows) > HISTORY_LIMIT:
        raise invalid(f"At most {HISTORY_LIMIT} inputs can be read with propertiesWithHistory.")
    refs = _refs(rows)
    found: dict[int, Company] = {}
    missing = []
    for ref in refs:
        company = _find(account, ref, call.body.get("idProperty"), archived=call.archived)
        if company is None:
            missing.append(ref)
        else:
            found[company.id] = company
    view = View(account.store.schema, account.portal_id, call.listed("properties"), history)
    outcome = Outcome(account, call)
    outcome.results = [view.read(found[each]) for each in sorted(found)]
    return outcome.answer(200, missing)


def create_batch(account: Account, call: Call) -> Answer:
    """New companies."""
    rows = _rows(call)
    outcome = Outcome(account, call, _traces(rows))
    plan = Plan(account)
    for row in rows:
        plan.add(row, None, properties_of(row))
    outcome.write(plan, len(rows))
    return outcome.answer(201)


def update_batch(account: Account, call: Call) -> Answer:
    """Set properties of several companies."""
    rows = _rows(call)
    outcome = Outcome(account, call, _traces(rows))
    plan = Plan(account)
    missing = []
    for row, ref in zip(rows, _refs(rows), strict=True):
        given = properties_of(row)
        company = _find(account, ref, row.get("idProperty"))
        if company is None:
            missing.append(ref)
        else:
            plan.add(row, company, given)
    outcome.write(plan, len(rows))
    return outcome.answer(200, missing)


def upsert_batch(account: Account, call: Call) -> Answer:
    """Make or change companies by a unique property; the answers are in no promised order."""
    rows = _rows(call)
    outcome = Outcome(account, call, _traces(rows))
    plan = Plan(account)
    for row, ref in zip(rows, _refs(rows), strict=True):
        name = row.get("idProperty")
        if not isinstance(name, str):
            raise required_fields("idProperty")
        company = account.store.find_by(unique_property(account, name), ref)
        given = properties_of(row)
        plan.add(row, company, given if company else {name: ref, **given})
    outcome.write(plan, len(rows), tell_new=True)
    account.order.shuffle(outcome.results)
    return outcome.answer(200)


def archive_batch(account: Account, call: Call) -> Answer:
    """Put companies in the recycle bin; those that are not there are no error."""
    for ref in dict.fromkeys(_refs(_rows(call), once=False)):
        if company := account.store.find(ref):
            archive(account, company)
    return Answer(204)


def _rows(call: Call) -> list[Row]:
    rows = call.body.get("inputs")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise required_fields("inputs")
    if not rows:
        raise invalid("Batch input provided should have at least one object.")
    if len(rows) > LIMIT:
        raise invalid(f"Batch input has {len(rows)} objects; at most {LIMIT} are allowed.")
    return rows


def _refs(rows: Iterable[Row], *, once: bool = True) -> list[str]:
    """The ids of the rows.

    Raises:
        Refusal: a row has none, or two have the same.
    """
    refs = [str(row["id"]) if row.get("id") is not None else "" for row in rows]
    if not all(refs):
        raise required_fields("id")
    if once and (doubles := sorted({ref for ref in refs if refs.count(ref) > 1})):
        message = f"Duplicate IDs found in batch input: [{', '.join(doubles)}]. IDs must be unique"
        raise invalid(message, context={"ids": doubles})
    return refs


def _traces(rows: Sequence[Row]) -> list[str] | None:
    """The trace ids, if every row has its own; None if none has one.

    Raises:
        Refusal: some rows have one, or two have the same.
    """
    traces = [row.get("objectWriteTraceId") for row in rows]
    given = [trace for trace in traces if isinstance(trace, str) and trace]
    if not given:
        return None
    if len(set(given)) < len(traces):
        raise invalid("Each input needs an objectWriteTraceId of its own.")
    return given


def _find(account: Account, ref: str, id_property: Any, *, archived: bool = False) -> Company | None:
    if isinstance(id_property, str) and id_property not in ("", "hs_object_id"):
        return account.store.find_by(unique_property(account, id_property), ref)
    return account.store.find(ref, archived=archived)

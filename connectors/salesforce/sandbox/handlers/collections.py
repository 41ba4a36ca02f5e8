"""sObject collections: up to 200 records a call, each with its own outcome, in request order.

Source: REST API developer guide, sObject Collections. Row errors have `statusCode`, the call answers 200
even if every row fails, and with allOrNone one failed row rolls all back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from connectors.salesforce.sandbox.errors import (
    JSON_PARSER_ERROR,
    ApiError,
    locked,
    malformed_id,
    no_resource,
)
from connectors.salesforce.sandbox.handlers.rows import key_field, saved
from connectors.salesforce.sandbox.ids import canonical
from connectors.salesforce.sandbox.render import field_names, render
from connectors.salesforce.sandbox.schema import Field
from connectors.salesforce.sandbox.state import SalesforceState
from connectors.salesforce.sandbox.wire import Answer, Call
from connectors.sandbox.faults import Fault

MAX_ROWS = 200
MAX_IDS = 2_000

RowWrite = Callable[[Any], dict[str, Any]]


class _RolledBack(Exception):
    """Leaves the transaction of a call with allOrNone in which a row failed."""


def create_many(state: SalesforceState, call: Call) -> Answer:
    """POST composite/sobjects."""

    def write(record: dict[str, Any]) -> dict[str, Any]:
        _check_type(record)
        return saved(state.records.create(record, call.actor))

    return _save(state, call, *_body(call), write)


def update_many(state: SalesforceState, call: Call) -> Answer:
    """PATCH composite/sobjects."""

    def write(record: dict[str, Any]) -> dict[str, Any]:
        _check_type(record)
        target, fields = _without_id(record)
        if target is None:
            raise ApiError("MISSING_ARGUMENT", "Id not specified in an update call", fields=["Id"])
        return saved(state.records.update(str(target), fields, call.actor))

    return _save(state, call, *_body(call), write)


def upsert_many(state: SalesforceState, call: Call) -> Answer:
    """PATCH composite/sobjects/Account/{field}; the field Id updates rows that have one."""
    _check_object(call)
    by_id = call.path[3].lower() == "id"
    field = None if by_id else key_field(state, call.path[3])
    records, all_or_none = _body(call)
    seen: set[str] = set()

    def write(record: dict[str, Any]) -> dict[str, Any]:
        _check_type(record)
        target, fields = _without_id(record)
        if field is not None:
            if target is not None:
                message = "The Id field should not be specified in the sobject data."
                raise ApiError("INVALID_FIELD", message, fields=["Id"])
            target = _target(state, field, fields, seen)
        if target is None:
            return {**saved(state.records.create(fields, call.actor)), "created": True}
        return {**saved(state.records.update(str(target), fields, call.actor)), "created": False}

    return _save(state, call, records, all_or_none, write)


def delete_many(state: SalesforceState, call: Call) -> Answer:
    """DELETE composite/sobjects?ids=a,b&allOrNone=."""
    ids = _ids_of_query(call)
    _check_count(len(ids), MAX_ROWS)
    all_or_none = call.query.get("allOrNone", "").lower() == "true"
    return _save(
        state, call, ids, all_or_none, lambda record: saved(state.records.delete(record, call.actor))
    )


def retrieve(state: SalesforceState, call: Call) -> Answer:
    """POST (body) or GET (query) composite/sobjects/Account: records by id, null for an unknown one."""
    _check_object(call)
    if call.method == "GET":
        ids: Any = _ids_of_query(call)
        fields: Any = call.query.get("fields", "").split(",")
    else:
        body = call.record()
        ids, fields = body.get("ids"), body.get("fields")
    for name, value in (("ids", ids), ("fields", fields)):
        if not isinstance(value, list) or not value or not all(isinstance(each, str) for each in value):
            raise ApiError("MISSING_ARGUMENT", f"The parameter {name} is a list of texts and not empty")
    _check_count(len(ids), MAX_IDS)
    names = field_names(state.schema, fields)
    found = []
    for each in ids:
        if canonical(each) is None:
            raise ApiError("MALFORMED_ID", f"malformed id {each}")
        row = state.records.find(each)
        found.append(row if row is not None and not row["IsDeleted"] else None)
    shown = iter(render([row for row in found if row is not None], names, state.schema, call.base))
    return Answer(200, [None if row is None else next(shown) for row in found])


def _save(
    state: SalesforceState, call: Call, records: Sequence[Any], all_or_none: bool, write: RowWrite
) -> Answer:
    failing = _failing(state, call, len(records))
    results: list[dict[str, Any]] = []
    try:
        with state.store.transaction():
            for place, record in enumerate(records):
                try:
                    if place in failing:
                        raise locked(_name_of(record))
                    with state.store.transaction():
                        results.append(write(record))
                except ApiError as error:
                    # A value of the wrong JSON kind is found while the body is read: no row is tried.
                    if error.code == JSON_PARSER_ERROR:
                        raise
                    results.append({"success": False, "errors": [error.row()]})
            if all_or_none and not all(result["success"] for result in results):
                raise _RolledBack
    except _RolledBack:
        results = [result if not result["success"] else _rolled_back() for result in results]
    return Answer(200, results)


def _failing(state: SalesforceState, call: Call, rows: int) -> frozenset[int]:
    if call.fault is None or not rows:
        return frozenset()
    if call.fault.fault is Fault.LOCK:
        return frozenset(range(rows))
    return state.faults.failing(call.fault, rows) if call.fault.fault is Fault.PARTIAL else frozenset()


def _rolled_back() -> dict[str, Any]:
    error = ApiError(
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "Record rolled back because not all records were valid and the request was using AllOrNone header",
    )
    return {"success": False, "errors": [error.row()]}


def _body(call: Call) -> tuple[list[dict[str, Any]], bool]:
    body = call.record()
    records, all_or_none = body.get("records"), body.get("allOrNone", False)
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise ApiError(JSON_PARSER_ERROR, "The value of records is a list of records")
    if not isinstance(all_or_none, bool):
        raise ApiError(JSON_PARSER_ERROR, "The value of allOrNone is true or false")
    _check_count(len(records), MAX_ROWS)
    return records, all_or_none


def _check_count(count: int, most: int) -> None:
    if count > most:
        message = f"record limit reached. cannot submit more than {most} records into this call"
        raise ApiError("EXCEEDED_ID_LIMIT", message)


def _check_type(record: dict[str, Any]) -> None:
    attributes = record.get("attributes")
    kind = attributes.get("type") if isinstance(attributes, dict) else None
    if not isinstance(kind, str) or kind.lower() != "account":
        raise ApiError("INVALID_TYPE", f"sObject type '{kind or ''}' is not supported.")


def _check_object(call: Call) -> None:
    if call.path[2].lower() != "account":
        raise no_resource()


def _without_id(record: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    target = next((value for name, value in record.items() if name.lower() == "id"), None)
    if target is not None and not isinstance(target, str):
        raise malformed_id(target)
    return target, {name: value for name, value in record.items() if name.lower() != "id"}


def _target(state: SalesforceState, field: Field, fields: dict[str, Any], seen: set[str]) -> str | None:
    given = next((value for name, value in fields.items() if name.lower() == field.name.lower()), None)
    value = given.strip() if isinstance(given, str) else ""
    if not value:
        message = f"{field.name} not specified"
        raise ApiError("MISSING_ARGUMENT", message, fields=[field.name])
    mark = value if field.exact else value.casefold()
    if mark in seen:
        message = f"Duplicate external id specified: {value}"
        raise ApiError("DUPLICATE_VALUE", message, fields=[field.name])
    seen.add(mark)
    found = state.store.keys[field.name].find(value)
    if len(found) > 1:
        message = f"{field.label}: more than one record found for external id field: [{', '.join(found)}]"
        raise ApiError("DUPLICATE_EXTERNAL_ID", message, fields=[field.name])
    return found[0] if found else None


def _ids_of_query(call: Call) -> list[str]:
    ids = [each.strip() for each in call.query.get("ids", "").split(",")]
    if not any(ids):
        raise ApiError("MISSING_ARGUMENT", "The parameter ids is missing")
    return ids


def _name_of(record: Any) -> str:
    if isinstance(record, dict):
        record = next((value for name, value in record.items() if name.lower() == "id"), "")
    return record if isinstance(record, str) else ""

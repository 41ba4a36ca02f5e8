"""sObject rows: one account by its id, or by the value of an external id field.

Source: REST API developer guide, sObject Rows and sObject Rows by External ID; upsert answers 200 with
a body from v46.0 on and 204 before.
"""

from __future__ import annotations

from typing import Any

from connectors.salesforce.sandbox import conditions
from connectors.salesforce.sandbox.errors import ApiError, no_key_field, no_resource
from connectors.salesforce.sandbox.ids import canonical
from connectors.salesforce.sandbox.render import etag, field_names, render, row_headers
from connectors.salesforce.sandbox.schema import Field, Row
from connectors.salesforce.sandbox.state import SalesforceState
from connectors.salesforce.sandbox.wire import Answer, Call

UPSERT_BODY_SINCE = 46


def create(state: SalesforceState, call: Call) -> Answer:
    """POST sobjects/Account/."""
    with state.store.transaction():
        record = state.records.create(call.record(), call.actor)
    location = {"Location": f"{call.base}/sobjects/Account/{record}"}
    return Answer(201, saved(record), location)


def read(state: SalesforceState, call: Call) -> Answer:
    """GET sobjects/Account/{id}."""
    text = call.path[2]
    if call.path[1].lower() == "organization":
        return _organisation(state, call)
    row = state.records.find(text)
    if row is None and canonical(text) is None:
        raise no_key_field(text)
    if row is None or row["IsDeleted"]:
        raise no_resource()
    return _shown(state, call, row)


def update(state: SalesforceState, call: Call) -> Answer:
    """PATCH sobjects/Account/{id}, conditional if its headers say so."""
    text = call.path[2]
    body = call.record()
    if canonical(text) is None:
        raise no_key_field(text)
    if any(name.lower() == "id" for name in body):
        raise ApiError("INVALID_FIELD", "The Id field should not be specified in the sobject data.")
    conditions.check_write(call.headers, state.records.live(text))
    with state.store.transaction():
        state.records.update(text, body, call.actor)
    return Answer(204)


def delete(state: SalesforceState, call: Call) -> Answer:
    """DELETE sobjects/Account/{id}."""
    if canonical(call.path[2]) is None:
        raise no_key_field(call.path[2])
    with state.store.transaction():
        state.records.delete(call.path[2], call.actor)
    return Answer(204)


def read_by_key(state: SalesforceState, call: Call) -> Answer:
    """GET sobjects/Account/{field}/{value}."""
    field = key_field(state, call.path[2])
    found = state.store.keys[field.name].find(call.path[3].strip())
    if not found:
        raise no_resource()
    if len(found) > 1:
        return _choices(call, found)
    return _shown(state, call, state.store.rows[found[0]])


def delete_by_key(state: SalesforceState, call: Call) -> Answer:
    """DELETE sobjects/Account/{field}/{value}."""
    field = key_field(state, call.path[2])
    found = state.store.keys[field.name].find(call.path[3].strip())
    if not found:
        raise no_resource()
    if len(found) > 1:
        return _choices(call, found)
    with state.store.transaction():
        state.records.delete(found[0], call.actor)
    return Answer(204)


def upsert_by_key(state: SalesforceState, call: Call) -> Answer:
    """PATCH sobjects/Account/{field}/{value}: update the one record with that value, or create it."""
    field = key_field(state, call.path[2])
    value = call.path[3].strip()
    body = call.record()
    for name in body:
        if name.lower() in ("id", field.name.lower()):
            message = f"The {name} field should not be specified in the sobject data."
            raise ApiError("INVALID_FIELD", message)
    found = state.store.keys[field.name].find(value)
    if len(found) > 1:
        return _choices(call, found)
    full = call.version >= UPSERT_BODY_SINCE
    if found:
        conditions.check_write(call.headers, state.records.live(found[0]))
        with state.store.transaction():
            state.records.update(found[0], body, call.actor)
        return Answer(200, {**saved(found[0]), "created": False}) if full else Answer(204)
    if call.query.get("updateOnly", "").lower() == "true":
        raise no_resource()
    with state.store.transaction():
        record = state.records.create({**body, field.name: value}, call.actor)
    location = {"Location": f"{call.base}/sobjects/Account/{record}"}
    return Answer(201, {**saved(record), **({"created": True} if full else {})}, location)


def key_field(state: SalesforceState, name: str) -> Field:
    """The external id field of that name.

    Raises:
        ApiError: NOT_FOUND.
    """
    field = state.schema.find(name)
    if field is None or not field.external_id:
        raise no_key_field(name)
    return field


def saved(record: str) -> dict[str, Any]:
    """A write that succeeded."""
    return {"id": record, "success": True, "errors": []}


def _shown(state: SalesforceState, call: Call, row: Row) -> Answer:
    names = tuple(state.schema.by_name)
    if call.query.get("fields"):
        names = field_names(state.schema, call.query["fields"].split(","))
    headers = row_headers(row)
    if conditions.unchanged(call.headers, etag(row), row["LastModifiedDate"]):
        return Answer(304, headers=headers)
    return Answer(200, render([row], names, state.schema, call.base)[0], headers)


def _organisation(state: SalesforceState, call: Call) -> Answer:
    view = state.organisations
    row = view.rows.get(canonical(call.path[2]) or "")
    if row is None:
        raise no_resource()
    names = tuple(view.schema.by_name)
    if call.query.get("fields"):
        names = field_names(view.schema, call.query["fields"].split(","))
    return Answer(200, render([row], names, view.schema, call.base)[0])


def _choices(call: Call, records: tuple[str, ...]) -> Answer:
    return Answer(300, [f"{call.base}/sobjects/Account/{record}" for record in records])

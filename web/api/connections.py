"""`/connections`: the accounts of CRMs. Only a key that may do everything makes or changes one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote

from fastapi import APIRouter, Response

from connectors.errors import ConnectorError
from connectors.records import JSON
from sync import connect as use
from sync.errors import ConcordError, NotFoundError
from sync.rescope import rescope
from sync.store import conflicts, connections, links, quota, runs, schedules
from sync.store.connections import FILES, StoredConnection
from sync.store.session import Database, Tx
from web.api.answers import DECIDING, DELETING, READING, WRITING, answer
from web.api.caller import Admin, Caller, Reader
from web.api.connecting import change, create
from web.api.connection import (
    CheckOut,
    ConnectionChangeIn,
    ConnectionDetails,
    ConnectionIn,
    ConnectionOut,
    ScheduleOut,
    shown,
)
from web.api.connection_input import placed, refused
from web.api.once import OnlyOnce
from web.api.paging import Page
from web.api.route import ApiRoute
from web.api.sequence import InSequence
from web.api.types import Id, shown_id
from web.problems import Refusal

router = APIRouter(route_class=ApiRoute, tags=["connections"])
PATIENCE = 5.0
"""Seconds that a change of the scope waits for a run to end."""
CHECK_PATIENCE = 2.0
"""Seconds in which a CRM that cannot be reached is tried again while somebody waits."""


@router.get("/connections", response_model=Page[ConnectionOut], responses=READING)
def list_connections(caller: Reader, sequel: InSequence) -> Response:
    """Connections, in the order in which they were made."""
    with caller.database.reading() as tx:
        found = sorted(connections.listing(tx, caller.organisation_id), key=lambda each: each.id)
    rest = [shown(each) for each in found if each.id > sequel.after]
    page, cursor = sequel.cut(rest)
    return answer(Page[ConnectionOut](data=[ConnectionOut(**each) for each in page], next_cursor=cursor))


@router.post("/connections", status_code=201, response_model=ConnectionDetails, responses=WRITING)
def create_connection(caller: Admin, given: ConnectionIn, once: OnlyOnce) -> Response:
    """Connect an account. Nothing is asked of the CRM yet: `check` does that, and so does the first run."""

    def effect(database: Database) -> Response:
        made = create(caller, database, given)
        place = {"Location": f"/connections/{shown_id(made)}"}
        return _one(caller, database, made, status=201, headers=place)

    return once(effect)


@router.get("/connections/{connection_id}", response_model=ConnectionDetails, responses=READING)
def get_connection(caller: Reader, connection_id: Id) -> Response:
    """One connection with how it stands; never its credentials."""
    return _one(caller, caller.database, connection_id)


@router.patch("/connections/{connection_id}", response_model=ConnectionDetails, responses=DECIDING)
def change_connection(caller: Admin, connection_id: Id, given: ConnectionChangeIn) -> Response:
    """Change the settings, schedule, credentials or URL that are sent.

    Linked records keep to the old map and rules until a resync. A new scope is a plan that a person approves.
    """
    connection = _load(caller, caller.database, connection_id)
    if given.scope is not None:
        if given.model_fields_set != {"scope"}:
            raise refused("is changed alone", "scope")
        with placed("scope"):
            rescope(
                replace(caller.site.services, database=caller.database.patient()),
                connection,
                given.scope,
                actor=caller.actor,
                progress=lambda _event: None,
                patience=PATIENCE,
            )
    else:
        change(caller, connection, given)
    caller.site.wake()
    return _one(caller, caller.database, connection_id)


@router.post("/connections/{connection_id}/check", response_model=CheckOut, responses=WRITING)
def check_connection(caller: Admin, connection_id: Id) -> Response:
    """Ask the CRM to describe itself, and hold the map against it. Nothing is written on either side."""
    connection = _load(caller, caller.database, connection_id)
    services = caller.site.services
    try:
        with caller.site.outward.required():
            connector = services.open_connector(connection, person=False, patience=CHECK_PATIENCE)
            try:
                found = services.inspect(connection, connector)
            finally:
                connector.close()
    except (ConnectorError, ConcordError) as error:
        return answer(
            CheckOut(account_id=None, account_name=None, key_unique=None, problems=[], problem=str(error))
        )
    return answer(
        CheckOut(
            account_id=found.account_id,
            account_name=found.account_name,
            key_unique=found.key_unique,
            problems=[dict(each) for each in found.problems],
            problem=None,
        )
    )


@router.post("/connections/{connection_id}/pause", response_model=ConnectionDetails, responses=DECIDING)
def pause_connection(caller: Admin, connection_id: Id, once: OnlyOnce) -> Response:
    """Let nothing of this connection be written until it is resumed."""

    def effect(database: Database) -> Response:
        use.pause(database, _load(caller, database, connection_id), actor=caller.actor)
        return _one(caller, database, connection_id)

    return once(effect)


@router.post("/connections/{connection_id}/resume", response_model=ConnectionDetails, responses=DECIDING)
def resume_connection(caller: Admin, connection_id: Id, once: OnlyOnce) -> Response:
    """Let a paused connection go on; 409 if it is not paused."""

    def effect(database: Database) -> Response:
        use.resume(database, _load(caller, database, connection_id), actor=caller.actor)
        return _one(caller, database, connection_id)

    resumed = once(effect)
    caller.site.wake()
    return resumed


@router.delete("/connections/{connection_id}", status_code=204, response_class=Response, responses=DELETING)
def delete_connection(caller: Admin, connection_id: Id) -> Response:
    """Remove a connection with its links, questions and runs. Customers and CRM records stay."""
    use.remove(caller.database.patient(), _load(caller, caller.database, connection_id), actor=caller.actor)
    return Response(status_code=204)


def _load(caller: Caller, database: Database, connection_id: str) -> StoredConnection:
    with database.reading() as tx:
        return _found(tx, caller, connection_id)


def _found(tx: Tx, caller: Caller, connection_id: str) -> StoredConnection:
    missing = Refusal(404, "There is no connection of this id.")
    try:
        found = connections.load(tx, connection_id)
    except NotFoundError:
        raise missing from None
    if found.organisation_id != caller.organisation_id or found.row["connector"] == FILES:
        raise missing
    return found


def _one(
    caller: Caller,
    database: Database,
    connection_id: str,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response:
    with database.reading() as tx:
        connection = _found(tx, caller, connection_id)
        last = runs.listing(tx, caller.organisation_id, connection_id=connection_id, limit=1)
        place = f"{quote(connection.row['connector'], safe='')}/{connection_id}"
        body = ConnectionDetails(
            **shown(connection),
            webhook_url=f"{caller.site.public_url}/webhooks/{place}",
            schedule={row["kind"]: _slot(row) for row in schedules.of(tx, connection_id)},
            waiting_until=quota.waiting_until(tx).get(connection_id),
            linked=links.count(tx, connection_id),
            waiting_to_be_pushed=links.count_dirty(tx, connection_id)[0],
            open=conflicts.count_open(tx, conflicts.of_connection(connection_id)),
            last_run=last[0]["id"] if last else None,
        )
    return answer(body, status=status, headers=headers)


def _slot(row: Mapping[str, JSON]) -> ScheduleOut:
    every = None if row["cron"] else row["every_seconds"]
    kept = {name: row[name] for name in ("cron", "quiet", "timezone")}
    return ScheduleOut.model_validate({**kept, "every": every, "next": row["next_run_at"]})

"""A connection is made or changed as a body says: for the API, and for pages, which fill the same body."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from connectors.errors import Misconfigured
from connectors.ways import merged
from sync import connect as use
from sync.errors import Taken
from sync.rules import parse_settings
from sync.store import connections
from sync.store.connections import StoredConnection
from sync.store.session import Database
from tasks.wiring import WEBHOOK_SECRET
from web.api.caller import Caller
from web.api.connection import ConnectionChangeIn, ConnectionIn
from web.api.connection_input import complete, find_plugin, opened, placed, read_url, refused, webhook_secret

Trial: TypeAlias = Callable[[str, Mapping[str, str]], Mapping[str, str]]


def create(caller: Caller, database: Database, given: ConnectionIn) -> str:
    """Store a new connection; returns its id. Nothing is asked of the CRM.

    Raises:
        Refusal: 422, a value cannot be taken; it is named.
        Taken: another connection has the name.
    """
    found = find_plugin(given.connector)
    url = read_url(given.url or found.default_url, found)
    credentials = complete(found, opened(given.credentials))
    secret = webhook_secret(found, given.webhook_secret)
    body = {
        "external_id": found.external_id,
        "map": [{"field": line.field, "crm": line.crm} for line in found.mapping],
        **given.settings.given(),
        "rules": given.settings.merge_rules({}),
        **given.schedule.settings(),
    }
    with database.reading() as tx:
        if given.name in connections.named(tx, caller.organisation_id).values():
            why = "belongs to another connection"
            raise Taken(f"The connection cannot be taken: name {why}.", fields={"name": why})
    with placed("settings"):
        settings = parse_settings(body)
    made = use.add(
        database,
        caller.site.seal,
        caller.organisation_id,
        name=given.name,
        connector=found.name,
        url=url,
        credentials={**credentials, **secret},
        settings=settings,
        actor=caller.actor,
    )
    times = given.schedule.times()
    if times.given:
        with database.reading() as tx:
            connection = connections.load(tx, made)
        with placed("schedule"):
            use.change(database, caller.site.seal, connection, actor=caller.actor, times=times)
    return made


def change(
    caller: Caller,
    connection: StoredConnection,
    given: ConnectionChangeIn,
    *,
    shown: str | None = None,
    trial: Trial | None = None,
) -> None:
    """Change what was sent of a connection, but for its scope.

    Args:
        caller: who asks.
        connection: whose settings, schedule, credentials or URL.
        given: what is to be in force.
        shown: see `sync.connect.change`.
        trial: tries new credentials at their URL before they are put in force; whatever it raises leaves
            everything as it is. It returns them, with those that replace what the trial used up.

    Raises:
        Refusal: 422, a value cannot be taken; it is named.
        Conflicted: the settings are not those that were shown any more.
    """
    found = find_plugin(str(connection.row["connector"]))
    url = None if given.url is None else read_url(given.url, found)
    moved = url is not None and url != connection.row["url"]
    if moved and not given.credentials:
        raise refused("are sent with a new url: the old ones are for the old place", "credentials")
    settings, times = {**given.settings.given(), **given.schedule.settings()}, given.schedule.times()
    fresh = opened(given.credentials or {})
    secret = webhook_secret(found, given.webhook_secret)
    ruled = given.settings.rules is not None
    if not (settings or ruled or times.given or fresh or secret or url):
        raise refused("names nothing that is to change")

    if moved:
        complete(found, fresh)
    replaced: dict[str, str] = {}

    def credentials(known: Mapping[str, str]) -> Mapping[str, str]:
        if moved:  # of what is known only the secret by which the CRM's webhooks are told goes along
            kept = {name: value for name, value in known.items() if name == WEBHOOK_SECRET}
            return {**kept, **fresh, **secret, **replaced}
        try:
            return {**merged(found.ways, fresh, {**known, **secret}), **replaced}
        except Misconfigured as error:
            raise refused(error.reason, "credentials") from None

    if trial is not None and fresh:
        ids = {"organisation_id": connection.organisation_id, "connection_id": connection.id}
        asked = credentials(caller.site.seal.open(connection.row["credentials"], **ids))
        now = trial(url or str(connection.row["url"]), asked)
        replaced |= {name: value for name, value in now.items() if value != asked[name]}

    with placed("settings"):
        use.change(
            caller.database.patient(),
            caller.site.seal,
            connection,
            actor=caller.actor,
            settings=settings,
            rules=given.settings.merge_rules if ruled else None,
            credentials=credentials if fresh or secret else None,
            url=url if moved else None,
            times=times if times.given else None,
            shown=shown,
        )

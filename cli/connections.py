"""`connections`: what is connected, and its map, rules, policies, credentials and schedule."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from cli import times
from cli.connection_change import change
from cli.context import DONE, FAILED, AsJson, Organisation, actor, at_work
from cli.output import Output
from cli.webhook import address_of
from connectors.records import JSON
from connectors.registry import names as connectors
from sync import connect as use
from sync.errors import BadInput
from sync.settings import load
from sync.store import conflicts, connections, links, quota, runs, schedules
from sync.store.connections import StoredConnection

app = typer.Typer(no_args_is_help=True)
app.command("set")(change)
Name = Annotated[str, typer.Argument(help="The connection's name.")]


@app.command("list")
def listing(organisation: Organisation = "default", as_json: AsJson = False) -> int:
    """The connections with their states."""
    output = Output(as_json=as_json)
    with at_work(organisation, output) as context:
        with context.services.database.reading() as tx:
            found, waiting = connections.listing(tx, context.organisation_id), quota.waiting_until(tx)
            open_rows = {
                each.id: sum(conflicts.count_open(tx, conflicts.of_connection(each.id)).values())
                for each in found
            }
            linked = {each.id: links.count(tx, each.id) for each in found}
        rows = [
            {
                "name": each.name,
                "connector": each.row["connector"],
                "url": each.row["url"],
                "state": each.state.value,
                "reason": times.waiting(waiting[each.id]) if each.id in waiting else each.row["state_reason"],
                "linked": linked[each.id],
                "open": open_rows[each.id],
                "looked_at": _time(each, "looked_at"),
                "drift": each.row["drift"],
                "compared_at": _time(each, "compared_at"),
            }
            for each in found
        ]
        if as_json:
            output.json({"connections": [*rows]})
        elif not rows:
            output.say(
                f"No connection yet. Make one with: concord connect {'|'.join(connectors())} --name NAME"
            )
        else:
            output.table("", tuple(rows[0]), [tuple(row.values()) for row in rows])
    return DONE


@app.command("show")
def show(
    name: Name,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Show the secret that is part of the webhook's address.")
    ] = False,
    organisation: Organisation = "default",
    as_json: AsJson = False,
) -> int:
    """One connection: state, map, rules, schedule, the address for webhooks; never its credentials."""
    output = Output(as_json=as_json)
    environment = load()
    with at_work(organisation, output, environment) as context:
        connection = context.connection(name)
        webhook = address_of(context.services.database, environment, connection)
        with context.services.database.reading() as tx:
            slots, waiting = schedules.of(tx, connection.id), quota.waiting_until(tx)
            last = runs.listing(tx, context.organisation_id, connection_id=connection.id, limit=1)
            queue = conflicts.count_open(tx, conflicts.of_connection(connection.id))
            linked = links.count(tx, connection.id)
            dirty, _ = links.count_dirty(tx, connection.id)
        body: dict[str, JSON] = {
            "name": connection.name,
            "id": connection.id,
            "connector": connection.row["connector"],
            "url": connection.row["url"],
            "webhook": webhook.shown(reveal=reveal) if webhook else None,
            "webhook_secret": bool(webhook and webhook.secret),
            "state": connection.state.value,
            "reason": connection.row["state_reason"],
            "first_sync": connection.row["first_sync"],
            "map_version": connection.map_version,
            "settings": connection.settings.model_dump(mode="json"),
            "schedule": times.shown(slots),
            "waiting_until": waiting[connection.id].isoformat() if connection.id in waiting else None,
            "drift": connection.row["drift"],
            "compared_at": _time(connection, "compared_at"),
            "linked": linked,
            "waiting_to_be_pushed": dirty,
            "open": {**queue},
            "last_run": last[0]["id"] if last else None,
        }
        if as_json:
            output.json(body)
        else:
            settings, schedule = body.pop("settings"), body.pop("schedule")
            output.table("", ("", ""), list(body.items()))
            lines = [(line.field, line.crm, _rule(connection, line.path)) for line in connection.settings.map]
            output.table("map", ("field", "in the CRM", "rule"), lines)
            if isinstance(schedule, dict):
                output.table("schedule", ("", ""), list(schedule.items()))
            if isinstance(settings, dict):
                skipped = ("map", "rules", "options")
                output.table("policies", ("", ""), [(k, v) for k, v in settings.items() if k not in skipped])
    return DONE


def _time(connection: StoredConnection, column: str) -> str | None:
    at = connection.row[column]
    return at.isoformat() if at else None


def _rule(connection: StoredConnection, path: str) -> str:
    rule = connection.settings.rules.get(path)
    if rule is None:
        return "review"
    return f"{rule.direction.value}, both changed: {rule.on_both_changed.value}, blanks: {rule.blanks.value}"


@app.command("pause")
def pause(name: Name, organisation: Organisation = "default", as_json: AsJson = False) -> int:
    """Let no job of this connection write until it is resumed."""
    return _state(name, organisation, as_json, pausing=True)


@app.command("resume")
def resume(name: Name, organisation: Organisation = "default", as_json: AsJson = False) -> int:
    """Let a paused connection go on."""
    return _state(name, organisation, as_json, pausing=False)


def _state(name: str, organisation: str, as_json: bool, *, pausing: bool) -> int:
    output = Output(as_json=as_json)
    with at_work(organisation, output, wakes=not pausing) as context:
        connection = context.connection(name)
        if pausing:
            use.pause(context.services.database, connection, actor=actor())
            state = "paused"
        else:
            state = use.resume(context.services.database, connection, actor=actor()).value
        if as_json:
            output.json({"connection": name, "state": state})
        else:
            output.say(f"{name} is {state}.")
    return DONE


@app.command("remove")
def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    organisation: Organisation = "default",
    as_json: AsJson = False,
) -> int:
    """Remove a connection with its links, queue and runs; customers and CRM records stay."""
    output = Output(as_json=as_json)
    with at_work(organisation, output) as context:
        connection = context.connection(name)
        if not yes:
            if as_json or not sys.stdin.isatty():
                raise BadInput("This forgets every link and every open question.", cure="Say so with --yes.")
            if not typer.confirm(f"Forget {name} with its links and open questions?"):
                return FAILED
        use.remove(context.services.database, connection, actor=actor())
        if as_json:
            output.json({"connection": name, "state": "removed"})
        else:
            output.say(f"Removed {name}.")
    return DONE

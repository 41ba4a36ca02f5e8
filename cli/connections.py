"""`connect` and `connections`: accounts of CRMs, their maps, rules and policies."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from cli.context import DONE, FAILED, AsJson, Context, Organisation, actor, at_work
from cli.output import Output
from connectors.records import JSON
from connectors.registry import Plugin, plugin, plugins
from connectors.transport import base_url
from sync import connect as use
from sync.errors import BadInput
from sync.rules import parse_settings
from sync.settings import load
from sync.store import conflicts, connections, links, runs, schedules
from sync.store.connections import StoredConnection
from tasks import wiring

app = typer.Typer(no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The connection's name.")]


def connect(
    connector: Annotated[str, typer.Argument(help="salesforce, hubspot, or another installed connector.")],
    name: Annotated[str, typer.Option("--name", help="How to call it.")],
    url: Annotated[str | None, typer.Option("--url", help="Where the CRM stands.")] = None,
    client_id: Annotated[str | None, typer.Option("--client-id")] = None,
    client_secret: Annotated[str | None, typer.Option("--client-secret")] = None,
    session_id: Annotated[str | None, typer.Option("--session-id", help="Salesforce: a session.")] = None,
    token: Annotated[str | None, typer.Option("--token", help="HubSpot: the token.")] = None,
    every: Annotated[int, typer.Option("--every", min=1, help="Seconds between looks.")] = use.DEFAULT_EVERY,
    organisation: Organisation = "default",
    as_json: AsJson = False,
) -> int:
    """Connect a CRM account; it is asked to describe itself before anything is stored."""
    output = Output(as_json=as_json)
    found = plugin(connector)
    where = url or found.default_url
    if not where:
        raise BadInput("--url is missing.", cure="For instance https://acme.my.salesforce.com")
    if not where.startswith("memory:"):
        where = base_url(where)
    given = {"client_id": client_id, "client_secret": client_secret, "session_id": session_id, "token": token}
    credentials = _credentials(found, given, interactive=sys.stdin.isatty() and not as_json)
    settings = parse_settings(
        {
            "external_id": found.external_id,
            "map": [{"field": line.field, "crm": line.crm} for line in found.mapping],
        }
    )
    environment = load()
    with at_work(organisation, output, environment) as context:
        seal = wiring.open_seal(environment)
        made = use.add(
            context.services.database,
            seal,
            context.organisation_id,
            name=name,
            connector=connector,
            url=where,
            credentials=credentials,
            settings=settings,
            actor=actor(),
            every=every,
        )
        connection = context.connection(name)
        try:
            problems = _look(context, connection)
        except BaseException:
            use.remove(context.services.database, connection, actor=actor())
            raise
        if as_json:
            output.json({"connection": name, "id": made, "connector": connector, "problems": [*problems]})
        else:
            output.say(f"Connected {name}.")
            _show_problems(output, problems)
            output.say(f"Next: concord plan {name}, then concord sync {name} --yes")
    return DONE


def _credentials(found: Plugin, given: dict[str, str | None], *, interactive: bool) -> dict[str, str]:
    if given.get("session_id"):
        return {"session_id": str(given["session_id"])}
    credentials: dict[str, str] = {}
    for name, question in found.credentials.items():
        value = given.get(name)
        if value is None and interactive:
            value = typer.prompt(question, hide_input=name not in ("client_id",))
        if not value:
            raise BadInput(
                f"--{name.replace('_', '-')} is missing.",
                cure=f"It is the {question[0].lower()}{question[1:]}.",
            )
        credentials[name] = value
    return credentials


def _look(context: Context, connection: StoredConnection) -> list[dict[str, JSON]]:
    connector = context.services.open_connector(connection)
    try:
        found = context.services.inspect(connection, connector)
    finally:
        connector.close()
    return [dict(each) for each in found.problems]


def _show_problems(output: Output, problems: list[dict[str, JSON]]) -> None:
    for each in problems:
        colour = "red" if each["severity"] == "error" else "yellow"
        output.say(f"[{colour}]{each['severity']}:[/{colour}] {each['message']} {each['cure']}")


@app.command("list")
def listing(organisation: Organisation = "default", as_json: AsJson = False) -> int:
    """The connections with their states."""
    output = Output(as_json=as_json)
    with at_work(organisation, output) as context:
        with context.services.database.reading() as tx:
            found = connections.listing(tx, context.organisation_id)
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
                "reason": each.row["state_reason"],
                "linked": linked[each.id],
                "open": open_rows[each.id],
                "looked_at": each.row["looked_at"].isoformat() if each.row["looked_at"] else None,
            }
            for each in found
        ]
        if as_json:
            output.json({"connections": [*rows]})
        elif not rows:
            names = ", ".join(sorted(plugins()))
            output.say(
                f"No connection yet. Make one with: concord connect {names.replace(', ', '|')} --name NAME"
            )
        else:
            output.table("", tuple(rows[0]), [tuple(row.values()) for row in rows])
    return DONE


@app.command("show")
def show(name: Name, organisation: Organisation = "default", as_json: AsJson = False) -> int:
    """One connection: state, map, rules, schedule; never its credentials."""
    output = Output(as_json=as_json)
    with at_work(organisation, output) as context:
        connection = context.connection(name)
        with context.services.database.reading() as tx:
            slots = schedules.of(tx, connection.id)
            last = runs.listing(tx, context.organisation_id, connection_id=connection.id, limit=1)
            queue = conflicts.count_open(tx, conflicts.of_connection(connection.id))
            linked = links.count(tx, connection.id)
            dirty, _ = links.count_dirty(tx, connection.id)
        body: dict[str, JSON] = {
            "name": connection.name,
            "id": connection.id,
            "connector": connection.row["connector"],
            "url": connection.row["url"],
            "state": connection.state.value,
            "reason": connection.row["state_reason"],
            "first_sync": connection.row["first_sync"],
            "map_version": connection.map_version,
            "settings": connection.settings.model_dump(mode="json"),
            "every": {slot["kind"]: slot["every_seconds"] for slot in slots},
            "linked": linked,
            "waiting_to_be_pushed": dirty,
            "open": {**queue},
            "last_run": last[0]["id"] if last else None,
        }
        if as_json:
            output.json(body)
        else:
            settings = body.pop("settings")
            output.table("", ("", ""), list(body.items()))
            lines = [(line.field, line.crm, _rule(connection, line.path)) for line in connection.settings.map]
            output.table("map", ("field", "in the CRM", "rule"), lines)
            if isinstance(settings, dict):
                skipped = ("map", "rules", "options")
                output.table("policies", ("", ""), [(k, v) for k, v in settings.items() if k not in skipped])
    return DONE


def _rule(connection: StoredConnection, path: str) -> str:
    rule = connection.settings.rules.get(path)
    if rule is None:
        return "review"
    return f"{rule.direction.value}, both changed: {rule.on_both_changed.value}, blanks: {rule.blanks.value}"


@app.command("set")
def change(
    name: Name,
    map_file: Annotated[Path | None, typer.Option("--map", help="JSON: [{field, crm}, ...]")] = None,
    rule: Annotated[list[str] | None, typer.Option("--rule", help="FIELD=PRESET or FIELD=JSON")] = None,
    external_id: Annotated[str | None, typer.Option("--external-id", help="The CRM's key field.")] = None,
    first_link: Annotated[str | None, typer.Option("--first-link")] = None,
    address_policy: Annotated[str | None, typer.Option("--address-policy")] = None,
    address_level: Annotated[str | None, typer.Option("--address-level")] = None,
    on_partial: Annotated[str | None, typer.Option("--on-partial")] = None,
    on_missing_external_id: Annotated[str | None, typer.Option("--on-missing-external-id")] = None,
    url: Annotated[str | None, typer.Option("--url")] = None,
    client_id: Annotated[str | None, typer.Option("--client-id")] = None,
    client_secret: Annotated[str | None, typer.Option("--client-secret")] = None,
    session_id: Annotated[str | None, typer.Option("--session-id")] = None,
    token: Annotated[str | None, typer.Option("--token")] = None,
    every: Annotated[int | None, typer.Option("--every", min=1)] = None,
    organisation: Organisation = "default",
    as_json: AsJson = False,
) -> int:
    """Change map, rules, policies, credentials or schedule. Old links take a new map up by `resync`."""
    output = Output(as_json=as_json)
    environment = load()
    with at_work(organisation, output, environment) as context:
        connection = context.connection(name)
        settings: dict[str, Any] = {
            key: value
            for key, value in (
                ("external_id", external_id),
                ("first_link", first_link),
                ("address_policy", address_policy),
                ("address_level", address_level),
                ("on_partial", on_partial),
                ("on_missing_external_id", on_missing_external_id),
            )
            if value is not None
        }
        if map_file is not None:
            settings["map"] = _read_map(map_file)
        if rule:
            rules = connection.settings.model_dump(mode="json")["rules"]
            settings["rules"] = {**rules, **dict(_read_rule(each) for each in rule)}
        given = {
            "client_id": client_id,
            "client_secret": client_secret,
            "session_id": session_id,
            "token": token,
        }
        fresh = {key: value for key, value in given.items() if value}
        if not settings and not fresh and url is None and every is None:
            raise BadInput("Nothing was given to change.", cure="See: concord connections set --help")
        seal = wiring.open_seal(environment)
        if fresh:
            known = seal.open(
                connection.row["credentials"],
                organisation_id=connection.organisation_id,
                connection_id=connection.id,
            )
            fresh = {**known, **fresh}
        version = use.change(
            context.services.database,
            seal,
            connection,
            actor=actor(),
            settings=settings,
            credentials=fresh or None,
            url=base_url(url) if url else None,
            every=every,
        )
        newer = version != connection.map_version
        if as_json:
            output.json({"connection": name, "map_version": version, "resync_needed": newer})
        else:
            output.say(f"Changed {name}.")
            if newer:
                output.say(
                    "Linked records keep to the old map and rules for what changed until a resync takes them up."
                )
    return DONE


def _read_map(path: Path) -> object:
    try:
        return orjson.loads(path.read_bytes())
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}).") from error
    except orjson.JSONDecodeError as error:
        raise BadInput(f"{path} is not JSON ({error.msg} at line {error.lineno}).") from error


def _read_rule(text: str) -> tuple[str, object]:
    field, sign, value = text.partition("=")
    if not sign or not value:
        raise BadInput(
            f"{text!r} is not of the form FIELD=RULE.", cure="For instance --rule email=always_crm"
        )
    if value.startswith("{"):
        try:
            return field, orjson.loads(value)
        except orjson.JSONDecodeError as error:
            raise BadInput(f"The rule of {field} is not JSON ({error.msg}).") from error
    return field, value


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
    with at_work(organisation, output) as context:
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

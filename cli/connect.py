"""`connect`: connect a CRM account."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from cli import credentials as entry
from cli.context import DONE, AsJson, Context, Organisation, actor, at_work
from cli.output import Output, plain
from connectors.records import JSON
from connectors.registry import plugin
from connectors.transport import base_url
from sync import connect as use
from sync.errors import BadInput
from sync.rules import parse_settings
from sync.settings import load
from sync.store.connections import StoredConnection
from tasks import wiring


def connect(
    connector: Annotated[str, typer.Argument(help="salesforce, hubspot, or another installed connector.")],
    name: Annotated[str, typer.Option("--name", help="How to call it.")],
    url: Annotated[str | None, typer.Option("--url", help="Where the CRM stands.")] = None,
    client_id: entry.ClientId = None,
    client_secret: entry.ClientSecret = None,
    session_id: entry.SessionId = None,
    token: entry.Token = None,
    username: entry.Username = None,
    private_key_file: entry.PrivateKeyFile = None,
    refresh_token: entry.RefreshToken = None,
    credential: entry.More = None,
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
    given = entry.given(
        client_id=client_id,
        client_secret=client_secret,
        session_id=session_id,
        token=token,
        username=username,
        refresh_token=refresh_token,
        private_key_file=private_key_file,
        more=credential,
    )
    credentials = entry.complete(found.ways, given, interactive=sys.stdin.isatty() and not as_json)
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
        told = plain(f"{each['message']} {each['cure']}")
        output.say(f"[{colour}]{each['severity']}:[/{colour}] {told}")

"""`sandbox`: a look-alike CRM on this machine, until it is stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import sandboxes
from cli.context import DONE, AsJson
from cli.output import Output
from connectors.records import JSON
from connectors.salesforce.sandbox.bus import EventBus, open_bus
from connectors.sandbox.server import PortInUse, serve
from sync.errors import BadInput

app = typer.Typer(no_args_is_help=True)
Port = Annotated[int, typer.Option("--port", min=0, max=65_535, help="0 takes a free one.")]
Host = Annotated[str, typer.Option("--host", help="The address to listen on.")]
Seed = Annotated[int, typer.Option("--seed", help="Decides records, ids and credentials.")]
Empty = Annotated[bool, typer.Option("--empty", help="Start without records.")]
State = Annotated[Path | None, typer.Option("--state", help="Keep the records in this file.")]


@app.command("salesforce")
def salesforce(
    port: Port = 0,
    host: Host = "127.0.0.1",
    seed: Seed = 1,
    empty: Empty = False,
    state: State = None,
    pubsub_port: Annotated[
        int | None,
        typer.Option("--pubsub-port", min=0, max=65_535, help="Announce changes for `concord listen` here."),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """A Salesforce org."""
    return _serve("salesforce", port, host, seed, empty, state, as_json, pubsub_port)


@app.command("hubspot")
def hubspot(
    port: Port = 0,
    host: Host = "127.0.0.1",
    seed: Seed = 1,
    empty: Empty = False,
    state: State = None,
    as_json: AsJson = False,
) -> int:
    """A HubSpot account."""
    return _serve("hubspot", port, host, seed, empty, state, as_json)


def _serve(
    name: str,
    port: int,
    host: str,
    seed: int,
    empty: bool,
    state: Path | None,
    as_json: bool,
    pubsub_port: int | None = None,
) -> int:
    output = Output(as_json=as_json)
    sandbox = sandboxes.build(name, seed=seed, empty=empty, state=state)
    bus: EventBus | None = None

    def ready(url: str) -> None:
        body: dict[str, JSON] = {
            "url": url,
            **sandbox.credentials,
            "external_id_field": sandbox.external_id_field,
        }
        if bus is not None:
            body["pubsub"] = bus.target
        if as_json:
            output.line(body)
            return
        output.say(f"A {name} sandbox answers at {url}")
        options = " ".join(f"--{key.replace('_', '-')} {value}" for key, value in sandbox.credentials.items())
        output.say(f"Connect it: concord connect {name} --name {name} --url {url} {options}")
        if bus is not None:
            output.say(f"Listen to its changes: concord listen {name} --server {bus.target}")
        output.say("Stop it with Ctrl-C.")

    try:
        if pubsub_port is not None and sandbox.org is not None:
            bus = open_bus(sandbox.org, pubsub_port)
        serve(sandbox.app, port=port, host=host, ready=ready)
    except PortInUse as error:
        raise BadInput(f"The port {error.port} is taken.", cure="Choose another, or --port 0.") from None
    finally:
        if bus is not None:
            bus.stop()
        sandbox.close()
    return DONE

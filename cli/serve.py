"""`serve`: the API, and the site that CRMs call by themselves, with health and metrics."""

from __future__ import annotations

import signal
import threading
from typing import Annotated

import typer

from cli.context import DONE, AsJson
from cli.output import Output
from cli.serving import DIVIDES, serve_alone, serve_together, usual
from cli.webhook import PORT
from connectors.serving import bound
from sync.errors import BadInput
from sync.settings import load
from tasks import wiring
from web.server import listen, url_of


def serve(
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="0 takes a free one.")] = PORT,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    processes: Annotated[
        int | None,
        typer.Option(
            "--processes",
            min=1,
            max=64,
            help="How many share the work. By default one per core, at most 4; on SQLite one.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Serve the API, webhooks, health and metrics, until it is told to stop."""
    output = Output(as_json=as_json)
    settings = load()
    count = usual(settings) if processes is None else processes
    if count > 1 and not DIVIDES:
        raise BadInput(
            "This system does not spread connections over processes.",
            cure="Leave out --processes; or start several on ports of their own, behind a proxy.",
        )
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    with listen(host, port) as listener:
        url = url_of(listener)

        def ready(public_url: str) -> None:
            if as_json:
                output.line({"event": "serving", "url": url, "public_url": public_url, "processes": count})
            else:
                by = f", by {count} processes" if count > 1 else ""
                output.say(f"serving at {url}, for the CRMs at {public_url}{by}")

        def ended(status: int | None) -> None:
            output.note(f"a process that serves has ended with {status}; another one takes its place")

        if count == 1:
            serve_alone(settings, listener, stop, ready)
            return DONE
        place = host, listener.getsockname()[1]
        wiring.build(settings).database.close()  # what is wrong with the settings is said once, and here
    # The port was free; from here on it is held for processes of ours, which listen there side by side.
    with bound(*place, backlog=None, shared=True):
        serve_together(count, place, stop, ready, ended)
    return DONE

"""`serve`: the site that CRMs call by themselves, with health and metrics."""

from __future__ import annotations

import signal
import threading
from contextlib import ExitStack
from typing import Annotated

import typer

from cli.context import DONE, AsJson
from cli.output import Output
from cli.waking import waking
from cli.webhook import PORT
from sync.settings import load
from tasks import wiring
from web.build import build_site
from web.server import WebServer, listen, url_of


def serve(
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="0 takes a free one.")] = PORT,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    as_json: AsJson = False,
) -> int:
    """Serve webhooks, health and metrics, until it is told to stop."""
    output = Output(as_json=as_json)
    settings = load()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    with ExitStack() as stack:
        listener = stack.enter_context(listen(host, port))
        services = wiring.build(settings)
        stack.callback(services.database.close)
        wake = stack.enter_context(waking(settings))
        site = build_site(settings, services, wake=wake, url=url_of(listener))
        stack.enter_context(WebServer(site, listener))
        if as_json:
            output.line({"event": "serving", "url": url_of(listener), "public_url": site.public_url})
        else:
            output.say(f"serving at {url_of(listener)}, for the CRMs at {site.public_url}")
        stop.wait()
    return DONE

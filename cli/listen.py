"""`listen`: the process that hears of a CRM's changes as they happen, where the CRM has a stream of them."""

from __future__ import annotations

import signal
import threading
from contextlib import ExitStack
from typing import Annotated

import typer

from cli.context import DONE, AsJson, Organisation, at_work
from cli.output import Output
from cli.waking import waking
from connectors.records import JSON
from sync.listening import Listener
from sync.listening import listen as use
from sync.settings import load
from tasks import wiring


def listen(
    connection: Annotated[str, typer.Argument(help="The connection's name.")],
    server: Annotated[
        str | None,
        typer.Option("--server", help="Salesforce: another server of the Pub/Sub API, as host:port."),
    ] = None,
    organisation: Organisation = "default",
    as_json: AsJson = False,
) -> int:
    """Listen to a CRM's stream of changes (Salesforce: Change Data Capture), until it is told to stop."""
    output = Output(as_json=as_json)
    settings = load()
    stop = threading.Event()
    with ExitStack() as stack:
        context = stack.enter_context(at_work(organisation, output, settings))
        database = context.services.database
        wake = stack.enter_context(waking(settings))
        row = context.connection(connection)
        options: dict[str, JSON] = {"pubsub": server} if server else {}
        capture = wiring.open_capture(database, wiring.open_seal(settings), row, options=options)
        stack.callback(capture.close)

        def end(_number: int, _frame: object) -> None:
            stop.set()
            # Not in the signal's own frame: the stream may hold the lock that closing needs.
            threading.Thread(target=capture.close, daemon=True).start()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)
        output.note(f"listening to the changes of {connection}")
        listener = Listener(
            database=database,
            organisation_id=row.organisation_id,
            connection_id=row.id,
            wake=wake,
            tell=output.note,
        )
        use(listener, capture, stop)
    return DONE

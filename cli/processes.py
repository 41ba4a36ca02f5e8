"""`worker` and `tick`: the processes of a distributed installation."""

from __future__ import annotations

import signal
import threading
from typing import Annotated

import typer
from sqlalchemy.exc import DBAPIError

from cli.context import DONE, AsJson
from cli.output import Output
from sync.errors import StoreError
from sync.settings import load
from tasks import wiring
from tasks.app import make_app, send_tell, send_wake
from tasks.schedule import Ticker
from tasks.telling import owes
from tasks.worker import run_worker


def worker(
    concurrency: Annotated[int, typer.Option("--concurrency", min=1, help="Processes.")] = 2,
    as_json: AsJson = False,
) -> int:
    """Do what is due, whenever a tick wakes this process; as many machines as wanted."""
    output = Output(as_json=as_json)
    settings = load()
    broker = wiring.broker_url(settings)
    wiring.open_database(settings).close()  # a database that cannot be used stops the worker at once
    run_worker(settings, broker, concurrency=concurrency, progress=output.line if as_json else None)
    return DONE


def tick(
    every: Annotated[float, typer.Option("--every", min=0.1, help="Seconds.")] = 60.0,
    as_json: AsJson = False,
) -> int:
    """Ask for what is due and wake the workers; several tickers do no harm."""
    output = Output(as_json=as_json)
    settings = load()
    services = wiring.build(settings)
    app = make_app(wiring.broker_url(settings), lambda: 0, prefix=settings.redis_prefix)
    ticker = Ticker(services)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    output.note(f"ticking every {every:g} s")
    try:
        while not stop.is_set():
            try:
                if ticker.beat():
                    send_wake(app)
                if owes(services.database):
                    send_tell(app)
            except (StoreError, DBAPIError) as error:
                # It may come back: a ticker outlives what one beat meets.
                output.note(f"a tick failed ({type(error).__name__}); the next one tries again")
            stop.wait(every)
    finally:
        services.database.close()
    return DONE

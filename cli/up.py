"""`up`: two sandbox CRMs, a worker and a tick in one process, a first sync, then live."""

from __future__ import annotations

import shlex
import signal
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from secrets import token_urlsafe
from typing import Annotated, Any

import typer

from cli import sandboxes
from cli.context import DONE, AsJson, Context, Organisation, actor, at_work
from cli.demo_edits import control
from cli.live import Printer
from cli.output import Output
from cli.tour import EMAIL, let_in, people_at_work
from cli.webhook import PORT, address_of
from connectors.records import JSON
from connectors.registry import plugin
from sync import connect
from sync.cycle import run
from sync.errors import BadInput, NotFoundError
from sync.rules import parse_settings
from sync.settings import Settings, load
from sync.steps import Order
from sync.store import overview
from sync.store.connections import StoredConnection
from tasks import wiring
from tasks.worker import EmbeddedWorker
from web.build import build_site
from web.server import WebServer, listen, url_of

PORTS = {"salesforce": 8701, "hubspot": 8702}
TICK = 2.0
SEED = 1


def up(
    data: Annotated[Path | None, typer.Option("--data", help="Where to keep everything.")] = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="Of webhooks and health.")] = PORT,
    seconds: Annotated[float | None, typer.Option("--for", help="Stop after so many seconds.")] = None,
    organisation: Organisation = "default",
    as_json: AsJson = False,
) -> int:
    """Start two sandbox CRMs and keep them and the billing records the same, live."""
    output = Output(as_json=as_json)
    settings = load()
    if data is not None:
        settings = settings.model_copy(update={"data": data})
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    with ExitStack() as stack:
        listener = stack.enter_context(listen("127.0.0.1", port))
        context = stack.enter_context(at_work(organisation, output, settings))
        printer = Printer(context)
        crms = {name: _sandbox(context, settings, name, stack) for name in PORTS}
        output.note(f"records are kept in {settings.data}")
        fresh = [name for name in PORTS if context.connection(name).row["first_sync"] != "done"]
        for name in fresh:
            if not stop.is_set():
                _sync(context, name, printer, f"first sync of {name}")
        if fresh and not stop.is_set():
            # What the second CRM brought goes to the first.
            _sync(context, fresh[0], printer, f"then {fresh[0]}")
        if len(fresh) == len(PORTS) and not stop.is_set():
            people_at_work(context, crms)
            for name in PORTS:
                _sync(context, name, printer, f"then {name}")
        if not stop.is_set():
            outgoing = wiring.build_outgoing(settings, context.services.database, public_url=url_of(listener))
            worker = EmbeddedWorker(context.services, printer.event, every=TICK, outgoing=outgoing)
            worker.start()
            stack.callback(worker.stop)
            # The sandboxes call this machine, whatever the rest of the world has to call.
            here = settings.model_copy(update={"public_url": None})
            site = build_site(here, context.services, wake=worker.wake, url=url_of(listener), tour=True)
            stack.enter_context(WebServer(site, listener))
            for name, url in crms.items():
                _announce(context, here, name, url, site.public_url)
                stack.callback(_send_to, url, None)
            _say_live(context, settings, site.public_url, let_in(context, settings, organisation))
            stop.wait(seconds)
    if as_json:
        output.line({"event": "stopped"})
    else:
        output.say("stopped")
    return DONE


def _announce(context: Context, settings: Settings, name: str, url: str, site: str) -> None:
    """Let a sandbox send its webhooks here, with a secret that is made the first time."""
    connection = context.connection(name)
    address = address_of(context.services.database, settings, connection, site=site)
    if address is None:
        return
    secret = address.secret
    if secret is None:
        made = secret = token_urlsafe(32)
        connect.change(
            context.services.database,
            wiring.open_seal(settings),
            connection,
            actor=actor(),
            credentials=lambda known: {**known, wiring.WEBHOOK_SECRET: made},
        )
    _send_to(url, address.base, secret)


def _send_to(url: str, target: str | None, secret: str = "") -> None:
    control(url, "settings", {"webhooks": {"target": target, "secret": secret}}, method="PUT")


def _say_live(context: Context, settings: Settings, site: str, password: str | None) -> None:
    output = context.output
    if output.as_json:
        sign_in: JSON = {"email": EMAIL, "password": password} if password else None
        output.line({"event": "live", "url": site, "desk": f"{site}/desk", "sign_in": sign_in})
        return
    here = "" if settings.data == load().data else f"CONCORD_DATA={settings.data} "
    output.say("")
    output.say(f"The desk is at {site}/desk: it opens with a one-minute tour.")
    if password is None:
        output.say(f"  sign in as you do, or let yourself in: {here}concord user add EMAIL --role admin")
    else:
        output.say(f"  sign in as {EMAIL} with the password {password}")
    output.say(f"webhooks of both CRMs are taken at {site}; see also {site}/health")
    output.say("Live. Every change on one side shows up here. In another terminal, try:")
    output.say(f"  {here}concord conflicts list")
    output.say(f"  {here}concord customers list --limit 5")
    output.say(
        f"  {here}concord customers set {shlex.quote(_example(context))} phone_number='+1 212 555 0143'"
    )
    output.say(f"  {here}concord conflicts resolve --all --kind address_mismatch --take theirs --preview")
    output.say("Stop with Ctrl-C.")
    output.say("")


def _example(context: Context) -> str:
    """A customer that is in sync everywhere, to try an edit on."""
    with context.services.database.reading() as tx:
        found = overview.example(tx, context.organisation_id)
    return str(found.row["external_id"]) if found else "CUSTOMER"


def _sandbox(context: Context, settings: Settings, name: str, stack: ExitStack) -> str:
    """Start one sandbox, and make or correct the connection to it; returns where it answers."""
    folder = settings.data.expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    sandbox = sandboxes.build(name, seed=SEED, state=folder / f"sandbox-{name}.jsonl")
    stack.callback(sandbox.close)
    server = sandboxes.start(sandbox, PORTS[name])
    stack.callback(server.stop)
    ensure_connection(context, settings, name, server.url, sandbox.credentials)
    body: dict[str, JSON] = {"event": "sandbox", "name": name, "url": server.url}
    if context.output.as_json:
        context.output.line(body)
    else:
        context.output.say(f"{name} sandbox at {server.url}")
    return server.url


def ensure_connection(
    context: Context, settings: Settings, name: str, url: str, credentials: Mapping[str, str]
) -> StoredConnection:
    """The connection to a sandbox, made if there is none, led to where the sandbox stands now.

    Raises:
        BadInput: a connection of that name leads to a real CRM.
    """
    seal = wiring.open_seal(settings)
    database = context.services.database
    try:
        connection = context.connection(name)
    except NotFoundError:
        found = plugin(name)
        body: dict[str, Any] = {
            "external_id": found.external_id,
            "map": [{"field": line.field, "crm": line.crm} for line in found.mapping],
        }
        connect.add(
            database,
            seal,
            context.organisation_id,
            name=name,
            connector=name,
            url=url,
            credentials=credentials,
            settings=parse_settings(body),
            actor=actor(),
            every=int(TICK),
        )
        return context.connection(name)
    if not str(connection.row["url"]).startswith("http://127.0.0.1:"):
        raise BadInput(
            f"There is a connection named {name} that leads to a real CRM.",
            cure="Keep the sandboxes apart from it: concord up --data DIR",
        )
    if connection.row["url"] != url:
        connect.change(database, seal, connection, actor=actor(), url=url)
    return context.connection(name)


def _sync(context: Context, name: str, printer: Printer, what: str) -> None:
    started = time.monotonic()
    order = Order(kind="sync", trigger="manual", actor=actor(), yes=True)
    with context.output.progress(what) as progress:
        report = run(context.services, context.connection(name), order, progress)
    printer.summary(what, report, time.monotonic() - started)

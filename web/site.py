"""What the routes are built from."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from connectors.webhook import Webhook
from sync.deliver import Outgoing
from sync.services import Services
from sync.store.query import Row
from sync.store.seal import Seal
from sync.store.session import Database
from web.outward import FILES_BUSY, Outward
from web.pace import Pace


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The outside that the routes need.

    Args:
        database: where everything is kept.
        services: what opens connectors, and tells which workers are gone.
        seal: what credentials are sealed with.
        webhook: makes the reader of a connection's deliveries, None if it has no secret.
        outgoing: what it takes to tell others.
        wake: wakes a worker; returns at once.
        public_url: where the CRMs find this site, without a trailing slash. Never taken from a request.
        token: what metrics, details and events ask for; None shuts them.
        pace: how often a key of the API may be used.
        outward: how many requests may ask a CRM at once.
        incoming: how many files may come in at once; at most a third of `web.server.THREADS`.
        tour: whether this is a demonstration, which shows what to try.
        shared: a folder of the processes that serve this site together; None if this is the only one.
        ending: set when the server is to stop, so that streams end.
    """

    database: Database
    services: Services = field(repr=False)
    seal: Seal = field(repr=False)
    webhook: Callable[[Row], Webhook | None]
    outgoing: Outgoing = field(repr=False)
    wake: Callable[[], None]
    public_url: str
    token: str | None = field(default=None, repr=False)
    pace: Pace = field(default_factory=lambda: Pace(100), repr=False)
    outward: Outward = field(default_factory=Outward, repr=False)
    incoming: Outward = field(default_factory=lambda: Outward(2, FILES_BUSY), repr=False)
    tour: bool = False
    shared: Path | None = None
    ending: threading.Event = field(default_factory=threading.Event, repr=False)

"""Serves a site on a port, from a thread: the caller waits for whatever should end it, and calls `stop`.

A stop closes the port, lets what is under way end, and then cuts what still hangs. No request is logged:
the path of some webhooks is their secret.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
import threading
from types import TracebackType
from typing import Self

import uvicorn
import uvloop
from anyio.to_thread import current_default_thread_limiter

from connectors.serving import begin, bound, server_of
from sync.errors import BadInput
from web.app import create_app
from web.protocol import GuardedProtocol
from web.site import Site

KEEP_ALIVE = 20
"""Seconds that an idle connection is kept."""
MOST_AT_ONCE = 1_000
"""Connections and requests under way; beyond it the answer is 503."""
PATIENCE = 10
"""Seconds that a stop waits for what is under way."""
THREADS = 12
"""Requests that are worked on at once. More would only wait for one another, and for the database."""


def listen(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A listening socket; port 0 takes a free one. The caller closes it unless a server does.

    With `shared` other processes may listen at the same place.

    Raises:
        BadInput: the port is taken, or the address is none of this machine.
    """
    try:
        return bound(host, port, backlog=2_048, shared=shared)
    except (OSError, OverflowError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise BadInput(f"The port {port} is taken.", cure="Choose another with --port.") from None
        if isinstance(error, OSError) and error.errno == errno.EACCES:
            raise BadInput(f"The port {port} needs more rights.", cure="Choose one above 1023.") from None
        raise BadInput(f"{host}:{port} cannot be listened on.", cure="Correct --host or --port.") from None


def url_of(listener: socket.socket) -> str:
    """Where a listening socket is found from this machine, with no slash at the end."""
    host, port = listener.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class WebServer:
    """Serves a site from a daemon thread between `start()` and `stop()`; a context manager too.

    Args:
        site: what the routes are built from.
        listener: as `listen` made it; closed at the stop.
        most_at_once: connections and requests under way, beyond which the answer is 503.
        patience: seconds that a stop waits for what is under way.
        threads: requests that are worked on at once.
    """

    def __init__(
        self,
        site: Site,
        listener: socket.socket,
        *,
        most_at_once: int = MOST_AT_ONCE,
        patience: int = PATIENCE,
        threads: int = THREADS,
    ) -> None:
        self.url = url_of(listener)
        self._site, self._listener, self._threads = site, listener, threads
        self._config = uvicorn.Config(
            create_app(site),
            http=GuardedProtocol,
            ws="none",
            loop="none",
            lifespan="off",
            interface="asgi3",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=most_at_once,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=patience,
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready, self._stop = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)

    def start(self) -> Self:
        """Return once requests are answered."""
        self._thread.start()
        self._ready.wait()
        return self

    def stop(self) -> None:
        """Close the port, let what is under way end, and wait for the thread; harmless when it has ended."""
        self._site.ending.set()
        if self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread.ident is not None:
            self._thread.join()
        self._listener.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._main())
        finally:
            self._ready.set()

    async def _main(self) -> None:
        server = server_of(self._config)
        current_default_thread_limiter().total_tokens = self._threads
        await begin(server, self._listener)
        self._loop = asyncio.get_running_loop()
        self._ready.set()
        while not self._stop.is_set():
            try:
                await asyncio.wait_for(self._stop.wait(), 1)
            except TimeoutError:
                await server.on_tick(0)  # renews the Date header
        await server.shutdown(sockets=[self._listener])
        for connection in list(server.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)

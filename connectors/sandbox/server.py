"""Runs a sandbox's ASGI app on a local port: in a thread for tests, in the foreground for demos.

A sandbox holds all its state in memory and answers every call on one event loop, so a stop need not
wait for anyone: it closes the port, cancels what still hangs and drops every connection.
"""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
import threading
import time
from collections.abc import Callable
from email.utils import formatdate
from types import TracebackType
from typing import Any, Self

import uvicorn

from connectors.serving import begin, bound, server_of

KEEP_ALIVE = 75
"""Seconds that an idle connection is kept: longer than a client's pause between two pages."""

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class PortInUse(OSError):
    """Another process listens on the port; `port` says which."""

    def __init__(self, port: int) -> None:
        super().__init__(errno.EADDRINUSE, f"port {port} is taken by another process")
        self.port = port


class SandboxServer:
    """Serves `app` from a daemon thread between `start()` and `stop()`; a context manager too.

    Args:
        app: the ASGI app.
        port: 0 takes a free one; `port` and `url` tell which, once started.
        host: the address to listen on.
        clock: tells the time of the Date header, seconds since 1970.
    """

    def __init__(
        self,
        app: Any,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.port = port
        self._clock = clock
        self.host = host
        self._app = app
        self._asked_port = port
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None

    @property
    def url(self) -> str:
        """Where the sandbox answers, with no slash at the end."""
        return f"http://{self.host}:{self.port}"

    def start(self) -> Self:
        """Return once connections are accepted.

        Raises:
            PortInUse: another process listens on the port.
        """
        if self._thread is not None:
            raise RuntimeError("the sandbox already runs")
        listener = _listen(self.host, self._asked_port)
        self.port = listener.getsockname()[1]
        ready = threading.Event()
        failure: list[BaseException] = []

        def run() -> None:
            try:
                asyncio.run(self._main(listener, ready))
            except BaseException as error:
                failure.append(error)
            finally:
                listener.close()
                ready.set()

        self._thread = threading.Thread(target=run, name=f"sandbox-{self.port}", daemon=True)
        self._thread.start()
        ready.wait()
        if failure:
            self._thread.join()
            self._thread = None
            raise RuntimeError("the sandbox did not start") from failure[0]
        return self

    def stop(self) -> None:
        """Close the port and every connection, and wait for the thread; harmless if not started."""
        if self._thread is None:
            return
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._thread = self._loop = self._stop = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    async def _main(self, listener: socket.socket, ready: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        await _serve(self._app, listener, clock=self._clock, on_ready=ready.set, stop=self._stop)


def serve(app: Any, *, port: int, ready: Callable[[str], None], host: str = "127.0.0.1") -> None:
    """Serve `app` until SIGINT or SIGTERM, then return. Call it from the main thread.

    Args:
        app: the ASGI app.
        port: 0 takes a free one.
        ready: called with the url once connections are accepted.
        host: the address to listen on.

    Raises:
        PortInUse: another process listens on the port.
    """
    with _listen(host, port) as listener:
        url = f"http://{host}:{listener.getsockname()[1]}"

        async def main() -> None:
            loop, stop = asyncio.get_running_loop(), asyncio.Event()
            for number in _STOP_SIGNALS:
                loop.add_signal_handler(number, stop.set)
            await _serve(app, listener, clock=time.time, on_ready=lambda: ready(url), stop=stop)

        asyncio.run(main())


def _listen(host: str, port: int) -> socket.socket:
    try:
        return bound(host, port, backlog=512)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(port) from error
        raise


async def _serve(
    app: Any,
    listener: socket.socket,
    *,
    clock: Callable[[], float],
    on_ready: Callable[[], None],
    stop: asyncio.Event,
) -> None:
    async def quiet(scope: Any, receive: Any, send: Any) -> None:
        async def dated(message: Any) -> None:
            if message["type"] == "http.response.start":
                date = formatdate(clock(), usegmt=True).encode()
                message = {**message, "headers": [(b"date", date), *message.get("headers", ())]}
            await send(message)

        try:
            await app(scope, receive, dated)
        except asyncio.CancelledError:
            # Only a stop cancels, and the connection is gone by then: there is nobody to tell.
            if not stop.is_set():
                raise

    config = uvicorn.Config(
        quiet,
        http="httptools",
        ws="none",
        loop="asyncio",
        lifespan="off",
        interface="asgi3",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        timeout_keep_alive=KEEP_ALIVE,
    )
    server = server_of(config)
    connections, tasks = server.server_state.connections, server.server_state.tasks

    def drop_connection(client: tuple[str, int]) -> None:
        for connection in [each for each in connections if getattr(each, "client", None) == client]:
            connection.transport.abort()

    # A request finds this in its scope's "state": `faults.drop` cuts its own connection with it.
    server.lifespan.state = {"drop_connection": drop_connection}
    await begin(server, listener)
    on_ready()
    await stop.wait()
    for each in server.servers:
        each.close()
    for connection in list(connections):
        connection.transport.abort()
    # One turn of the loop lets the aborted transports close their sockets and tell their requests.
    await asyncio.sleep(0)
    unfinished = list(tasks)
    for task in unfinished:
        task.cancel()
    await asyncio.gather(*unfinished, return_exceptions=True)

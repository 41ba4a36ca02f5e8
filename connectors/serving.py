"""Starting an ASGI server on a socket that listens already, inside a running event loop."""

from __future__ import annotations

import socket

import uvicorn


def bound(host: str, port: int, *, backlog: int | None, shared: bool = False) -> socket.socket:
    """A socket that listens, or with no backlog only holds its place; port 0 takes a free one.

    Args:
        host: its address.
        port: its port.
        backlog: connections that may wait to be taken.
        shared: whether other processes may listen at the same place, too. Linux divides what comes in.

    Raises:
        OSError: the port is taken, or the address is none of this machine.
        OverflowError: there is no such port.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sets TCP_NODELAY on what is accepted; without it each answer that
    # is written in two parts waits 40 ms for the client's acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
        if backlog is not None:
            listener.listen(backlog)
    except (OSError, OverflowError):
        listener.close()
        raise
    return listener


def server_of(config: uvicorn.Config) -> uvicorn.Server:
    """A server for `begin`, which leaves signals to its caller."""
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    return server


async def begin(server: uvicorn.Server, listener: socket.socket) -> None:
    """Take connections from now on, under the date of now."""
    await server.startup(sockets=[listener])
    await server.on_tick(0)

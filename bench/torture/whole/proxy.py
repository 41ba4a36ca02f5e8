"""A proxy for TCP that behaves as a bad network does: slow, cut off, silent, or one way only.

It stands between Concord and a server. Each connection gets its own fate when it begins, drawn from a seed.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

CHUNK = 16_384
LONGEST = 40.0


class Fate(StrEnum):
    """What becomes of a connection."""

    GOOD = "good"
    DELAY = "delay"  # every piece comes late
    DROP = "drop"  # cut in the midst of an answer
    RESET = "reset"  # refused with RST as soon as something was sent
    HALF_OPEN = "half_open"  # what is sent is swallowed, and nothing ever comes back
    SLOW_READ = "slow_read"  # answers trickle


@dataclass(slots=True)
class Proxy:
    """One proxy. `fates`: share of the connections that meet each; the rest are good."""

    seed: int
    fates: Mapping[Fate, float] = field(default_factory=dict)
    port: int = 0
    met: Counter[Fate] = field(default_factory=Counter)
    _target: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    loop: asyncio.AbstractEventLoop | None = None
    _chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def lead_to(self, port: int) -> None:
        """Say where it leads."""
        self._target = port

    def draw(self) -> Fate:
        """The fate of the next connection."""
        left = self._chance.random()
        for fate, share in self.fates.items():
            left -= share
            if left < 0:
                return fate
        return Fate.GOOD

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        fate = self.draw()
        self.met[fate] += 1
        self._open.add(writer)
        try:
            await self._carry(fate, reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()  # the proxy is closed
        finally:
            self._open.discard(writer)

    def cut(self) -> None:
        """Cut what is open; what comes after meets the fates of now. Called from any thread."""
        for writer in [*self._open]:
            if self.loop is not None:
                self.loop.call_soon_threadsafe(writer.transport.abort)

    async def _carry(self, fate: Fate, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if fate is Fate.RESET:
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(reader.read(1), LONGEST)
            made: socket.socket = writer.get_extra_info("socket")
            made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # RST, not FIN
            writer.transport.abort()
            return
        if fate is Fate.HALF_OPEN:
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(LONGEST):
                    while await reader.read(CHUNK):
                        pass
            writer.transport.abort()
            return
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        pumps = [
            asyncio.create_task(
                _pump(reader, back, Fate.GOOD if fate is Fate.SLOW_READ else fate, answers=False)
            ),
            asyncio.create_task(_pump(there, writer, fate, answers=True)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            for end in (writer, back):
                end.transport.abort() if fate is Fate.DROP else end.close()


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fate: Fate, *, answers: bool
) -> None:
    """Carry one direction until it ends."""
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK):
            if fate is Fate.DELAY:
                await asyncio.sleep(0.05)
            if fate is Fate.SLOW_READ:
                for start in range(0, len(data), 512):
                    writer.write(data[start : start + 512])
                    await writer.drain()
                    await asyncio.sleep(0.01)
                continue
            if fate is Fate.DROP and answers:
                writer.write(data[: len(data) // 2])
                await writer.drain()
                return
            writer.write(data)
            await writer.drain()


@contextlib.contextmanager
def proxies(names: Sequence[str], seed: int) -> Iterator[Mapping[str, Proxy]]:
    """Proxies in a thread of their own, each on a port of its own; they are good until they are told."""
    if not names:
        yield {}
        return
    made = {name: Proxy(seed + place) for place, name in enumerate(names)}
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="proxies", daemon=True)
    thread.start()
    started = [asyncio.run_coroutine_threadsafe(_listen(each), loop).result(10) for each in made.values()]
    try:
        yield made
    finally:
        asyncio.run_coroutine_threadsafe(_close(started), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _close(servers: Sequence[asyncio.Server]) -> None:
    for server in servers:
        server.close()
    carried = asyncio.all_tasks() - {asyncio.current_task()}
    for task in carried:
        task.cancel()
    await asyncio.gather(*carried, return_exceptions=True)
    await asyncio.sleep(0)  # what was aborted closes at the next turn


async def _listen(proxy: Proxy) -> asyncio.Server:
    proxy.loop = asyncio.get_running_loop()
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    return server

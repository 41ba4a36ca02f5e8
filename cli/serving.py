"""Several processes that serve one site: each takes a share of the connections, and does without the others.

What a process computes it computes alone, one thread at a time; so requests share the machine's cores only by
being spread over processes. They count a key's requests together, and their metrics are those of all.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from shutil import rmtree
from socket import socket
from tempfile import TemporaryDirectory

from cli.waking import waking
from sync.errors import ConfigurationError
from sync.settings import Settings, load
from tasks import wiring
from web.build import build_site
from web.meters import METERS, MULTIPROCESS
from web.server import PATIENCE, THREADS, WebServer, listen, url_of

DIVIDES = sys.platform == "linux"
"""Whether the system spreads connections over the processes that listen at one place."""
MOST = 4
"""Processes that are started unasked: with more cores than that, others will need them too."""
FEWEST_THREADS = 6
PAUSE = 1.0
"""Seconds until a process that has ended is started anew."""
_TICK = 0.1
_SPARE = 5.0


def usual(settings: Settings) -> int:
    """How many processes serve unless told: one per core; one alone where the database has one writer."""
    if not DIVIDES or settings.embedded:
        return 1
    return min(MOST, len(os.sched_getaffinity(0)))


def serve_alone(
    settings: Settings,
    listener: socket,
    stop: threading.Event,
    ready: Callable[[str], None],
    *,
    shared: Path | None = None,
    threads: int = THREADS,
) -> None:
    """Serve until `stop`; `ready` is called with the public address once requests are answered."""
    with ExitStack() as stack:
        services = wiring.build(settings)
        stack.callback(services.database.close)
        wake = stack.enter_context(waking(settings))
        site = build_site(settings, services, wake=wake, url=url_of(listener), shared=shared)
        stack.enter_context(WebServer(site, listener, threads=threads))
        ready(site.public_url)
        stop.wait()


def serve_together(
    count: int,
    place: tuple[str, int],
    stop: threading.Event,
    ready: Callable[[str], None],
    ended: Callable[[int | None], None],
) -> None:
    """Serve by processes until `stop`; one that ends is started anew, and `ended` is told how it ended.

    Args:
        count: of processes.
        place: host and port, which the caller holds.
        stop: ends all of them, after what is under way.
        ready: is called with the public address once all of them answer.
        ended: is called with the exit status of a process that was not told to end.

    Raises:
        ConfigurationError: one of them ended before it was ready.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="concord-serve-")))
        (folder / METERS).mkdir()
        os.environ[MULTIPROCESS] = str(folder / METERS)
        stack.callback(os.environ.pop, MULTIPROCESS)
        crew = _Crew(place, folder, max(FEWEST_THREADS, THREADS // count))
        stack.callback(crew.end)
        begun = [crew.start() for _ in range(count)]
        told = [_told(process, said, stop) for process, said in begun]
        if stop.is_set():
            return
        if None in told:
            raise ConfigurationError(
                "A process that serves could not start; it has said why.",
                cure="Mend that, or serve by one process: --processes 1.",
            )
        ready(str(told[0]))
        while not stop.wait(_TICK):
            for process in crew.gone():
                ended(process.exitcode)
                if stop.wait(PAUSE):
                    return
                crew.start()


class _Crew:
    """The processes."""

    def __init__(self, place: tuple[str, int], folder: Path, threads: int) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._told = (*place, folder, threads)
        self._members: list[BaseProcess] = []

    def start(self) -> tuple[BaseProcess, Connection]:
        """Start one; its public address comes through the connection once it answers."""
        said, say = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_serve, args=(*self._told, say), name="serve")
        process.start()
        say.close()  # ours; so that the end of the process is the end of what it says
        self._members.append(process)
        return process, said

    def gone(self) -> list[BaseProcess]:
        """Those that have ended since it was asked last."""
        found = [each for each in self._members if not each.is_alive()]
        self._members = [each for each in self._members if each not in found]
        return found

    def end(self) -> None:
        """Let all of them end what is under way."""
        for each in self._members:
            each.terminate()
        until = time.monotonic() + PATIENCE + _SPARE
        for each in self._members:
            each.join(max(0.0, until - time.monotonic()))
            if each.is_alive():
                each.kill()
                each.join()


def _told(process: BaseProcess, said: Connection, stop: threading.Event) -> str | None:
    """What a process says once it is ready; None if it ends, or all of it is to end, before."""
    with said:
        while not stop.is_set():
            try:
                if said.poll(_TICK):
                    return str(said.recv())
            except EOFError:
                return None
    return None


def _serve(host: str, port: int, folder: Path, threads: int, say: Connection) -> None:
    """The life of one process. It ends when it is told to, and when the one that started it is gone."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all: the one that started us acts
    threading.Thread(target=_outlived, args=(folder, stop), daemon=True).start()
    with listen(host, port, shared=True) as listener, say:
        serve_alone(load(), listener, stop, say.send, shared=folder, threads=threads)


def _outlived(folder: Path, stop: threading.Event) -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        rmtree(folder, ignore_errors=True)  # nobody else is left to do it
    stop.set()

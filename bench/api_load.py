"""A steady load, in a process of its own: what is due is sent, whether or not the last is answered."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import psycopg

MOST = 64
"""Requests under way at once; what is due beyond them waits, and that counts as time."""

Statement: TypeAlias = "tuple[str, Any]"
Send: TypeAlias = "Callable[[int], int]"
"""Sends the request of this place and returns its status."""


@dataclass(frozen=True)
class Timed:
    """A request's status and its seconds since it was due; -1: it was not answered."""

    status: int
    seconds: float


def ask_api(url: str, headers: Mapping[str, str], paths: Sequence[str], rate: float) -> list[Timed]:
    """GET each path."""

    @contextmanager
    def client() -> Iterator[Send]:
        connection = HTTPConnection(str(urlsplit(url).netloc), timeout=30)

        def send(place: int) -> int:
            connection.request("GET", paths[place], headers=dict(headers))
            answer = connection.getresponse()
            answer.read()
            return answer.status

        yield send
        connection.close()

    return _steadily(client, len(paths), rate)


def ask_database(url: str, requests: Sequence[Sequence[Statement]], rate: float) -> list[Timed]:
    """Run the statements of each request."""

    @contextmanager
    def client() -> Iterator[Send]:
        with psycopg.connect(url, autocommit=True) as connection:

            def send(place: int) -> int:
                for text, parameters in requests[place]:
                    connection.execute(text, parameters).fetchall()
                return 0

            yield send

    return _steadily(client, len(requests), rate)


def _steadily(client: Callable[[], AbstractContextManager[Send]], count: int, rate: float) -> list[Timed]:
    places, lock = iter(range(count)), threading.Lock()
    found = [Timed(-1, 0.0)] * count
    started = time.perf_counter() + 1.0

    def work() -> None:
        with client() as send:
            while True:
                with lock:
                    place = next(places, None)
                if place is None:
                    return
                due = started + place / rate
                time.sleep(max(0.0, due - time.perf_counter()))
                try:
                    status = send(place)
                except (HTTPException, OSError, psycopg.Error):
                    status = -1
                found[place] = Timed(status, time.perf_counter() - due)

    workers = [threading.Thread(target=work) for _ in range(MOST)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    return found

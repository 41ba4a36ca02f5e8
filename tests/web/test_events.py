"""The progress of a run, as it is written, to whoever has the token."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import event

from sync.store import runs
from tests.tasks.conftest import until
from tests.web.conftest import TOKEN, Served
from web.server import WebServer, listen


def start(served: Served, connection_id: str) -> str:
    with served.database.transaction() as tx:
        return runs.start(
            tx,
            organisation_id=served.organisation_id,
            connection_id=connection_id,
            kind="sync",
            trigger="manual",
            actor="test",
            owner="test",
        )


def save(served: Served, run: str, **columns: Any) -> None:
    with served.database.transaction() as tx:
        runs.save(tx, run, **columns)


class Stream:
    """What comes, line by line, from a thread of its own; the chunks' sizes stand among the lines."""

    def __init__(self, client: socket.socket) -> None:
        self.lines: list[str] = []
        self.ended = threading.Event()
        self._client = client
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with self._client.makefile("rb") as file:
            for line in file:
                self.lines.append(line.decode().rstrip())
                if self.lines[-2:] == ["0", ""]:
                    break  # the last chunk
        self.ended.set()

    def go_away(self) -> None:
        """Listen no more."""
        self._client.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)

    @property
    def events(self) -> list[tuple[str, Any]]:
        """Name and body of each event."""
        pairs = zip(self.lines, self.lines[1:], strict=False)
        return [
            (name.partition(": ")[2], json.loads(data.partition(": ")[2]))
            for name, data in pairs
            if name.startswith("event: ") and data.startswith("data: ")
        ]


@contextmanager
def following(url: str, run: str) -> Iterator[Stream]:
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port), timeout=20) as client:
        head = f"GET /runs/{run}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        client.sendall(head.encode())
        stream = Stream(client)
        until(lambda: "" in stream.lines, 5)
        assert stream.lines[0] == "HTTP/1.1 200 OK"
        assert "content-type: text/event-stream; charset=utf-8" in stream.lines
        yield stream
        if not stream.ended.is_set():
            stream.go_away()


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.events.BEAT", 0.03)


def test_progress_is_told_once_per_change_and_then_the_end(served: Served) -> None:
    run = start(served, served.connect().id)
    with following(served.url, run) as stream:
        until(lambda: stream.events, 5)
        for done in (10, 20):
            save(served, run, state="running", progress={"done": done, "of": 30})
            until(lambda done=done: (stream.events[-1][1]["progress"] or {}).get("done") == done, 5)  # type: ignore[misc]
        time.sleep(0.2)  # several reads of the same
        save(served, run, state="done", progress={"done": 30, "of": 30}, counts={"pulled": 30})
        assert stream.ended.wait(5), "the stream ends with the run"
    assert [name for name, _ in stream.events] == ["progress", "progress", "progress", "done"]
    assert stream.events[0][1] == {"run": run, "state": "queued", "progress": None, "counts": {}}
    assert stream.events[-1][1] == {
        "run": run,
        "state": "done",
        "progress": {"done": 30, "of": 30},
        "counts": {"pulled": 30},
    }


def test_a_run_that_has_ended_is_told_at_once(served: Served) -> None:
    run = start(served, served.connect().id)
    for state in ("done", "failed", "cancelled", "needs_approval"):
        save(served, run, state=state)
        with following(served.url, run) as stream:
            assert stream.ended.wait(5)
        assert [(name, body["state"]) for name, body in stream.events] == [("done", state)]


def test_a_run_that_is_dropped_is_gone(served_postgresql: Served) -> None:
    run = start(served_postgresql, served_postgresql.connect().id)
    with following(served_postgresql.url, run) as stream:
        until(lambda: stream.events, 5)
        with served_postgresql.database.transaction() as tx:
            runs.drop(tx, run)
        assert stream.ended.wait(5)
    assert stream.events[-1] == ("gone", {})


def test_no_run_is_guessed(served_postgresql: Served) -> None:
    run = start(served_postgresql, served_postgresql.connect().id)
    for wrong in (run[:8], run.upper(), "x", "%00", run + "0"):
        assert served_postgresql.get(f"/runs/{wrong}/events", token=TOKEN).status_code == 404, wrong


def test_silence_is_broken_by_a_comment(served_postgresql: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.events.HEARTBEAT", 0.1)
    run = start(served_postgresql, served_postgresql.connect().id)
    with following(served_postgresql.url, run) as stream:
        until(lambda: stream.lines.count(": still here") >= 2, 5)
    assert len(stream.events) == 1


def test_who_goes_away_is_read_for_no_more(served_postgresql: Served) -> None:
    run = start(served_postgresql, served_postgresql.connect().id)
    reads: list[str] = []

    def note(_c: Any, _k: Any, statement: str, *_rest: Any) -> None:
        reads.append(statement)

    event.listen(served_postgresql.database.engine, "before_cursor_execute", note)
    with following(served_postgresql.url, run) as stream:
        until(lambda: stream.events, 5)
        until(lambda: len(reads) > 2, 5)
    time.sleep(0.3)
    seen = len(reads)
    time.sleep(0.2)
    event.remove(served_postgresql.database.engine, "before_cursor_execute", note)
    assert len(reads) == seen


def test_a_stop_ends_every_stream(served_postgresql: Served) -> None:
    run = start(served_postgresql, served_postgresql.connect().id)
    server = WebServer(served_postgresql.site, listen("127.0.0.1", 0)).start()
    with ThreadPoolExecutor(1) as pool, following(server.url, run) as stream:
        until(lambda: stream.events, 5)
        began = time.monotonic()
        pool.submit(server.stop).result(5)
        assert time.monotonic() - began < 2
        assert stream.ended.wait(2)

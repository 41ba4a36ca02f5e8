"""The server itself: what it says to strangers, its limits, and how it ends."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import psutil
import pytest

from connectors.webhook import Answer, Delivery, Hint
from sync.errors import BadInput
from sync.store.query import Row
from sync.store.session import Database
from tests.web.conftest import Served, serve
from tests.web.wire import HOOK, events, exchange, head, read_answer, reason, signed, status
from web.server import WebServer, listen, url_of

SECURITY = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}


class Slow:
    """A reader that takes its time, or fails in a way that nobody expects."""

    def __init__(self, seconds: float = 0, error: Exception | None = None) -> None:
        self.seconds, self.error = seconds, error

    def verify(self, delivery: Delivery) -> None:
        time.sleep(self.seconds)
        if self.error:
            raise self.error

    def parse(self, body: bytes) -> list[Hint]:
        return [Hint(body.decode(), "1")]

    def answer(self) -> Answer:
        return Answer(b"taken")


@contextmanager
def serving(served: Served, reader: Slow, **limits: int) -> Iterator[WebServer]:
    """A second server over the same installation, with a reader of its own."""

    def webhook(_: Row) -> Slow:
        return reader

    site = replace(served.site, webhook=webhook, public_url="https://x.example")
    with WebServer(site, listen("127.0.0.1", 0), **limits) as server:
        yield server


def sockets() -> int:
    return len(psutil.Process().net_connections("tcp"))


def test_an_unknown_address_is_answered_in_json(served_postgresql: Served) -> None:
    for path in ("/nothing", "/docs", "/redoc", "/webhooks", "/webhooks/hubspot", HOOK + "/a/b"):
        answer = served_postgresql.get(path)
        assert answer.status_code == 404, path
        assert reason(answer) == "There is nothing at this address."


def test_webhooks_take_nothing_but_post(served_postgresql: Served) -> None:
    for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"):
        for path in (HOOK, "/webhooks/salesforce/crm/secret"):
            answer = served_postgresql.post(path, b"", method=method)
            assert answer.status_code == 405, method
            assert answer.headers["Allow"] == "POST"
            if method != "HEAD":
                assert reason(answer) == "This address does not take this method."


def test_nobody_is_sent_elsewhere(served_postgresql: Served) -> None:
    for path in ("/health/", "/metrics/", HOOK + "/"):
        answer = served_postgresql.get(path)
        assert answer.status_code in (404, 405), path
        assert "location" not in answer.headers


def test_every_answer_carries_the_headers_of_safety_and_no_name_of_the_server(
    served_postgresql: Served,
) -> None:
    url = served_postgresql.url
    answers = [
        exchange(url, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"),
        exchange(url, b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"),
        exchange(url, head(HOOK, {}, "Content-Length: 2"), b"{}"),
        exchange(url, b"this is no HTTP\r\n\r\n"),
        exchange(url, b"GET / HTTP/1.1\r\nX: " + b"a" * 40_000),
        exchange(url, b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"),
    ]
    assert [status(each) for each in answers] == [200, 404, 404, 400, 431, 303]
    for answer in answers:
        lines = answer.partition(b"\r\n\r\n")[0].decode().lower().split("\r\n")[1:]
        headers = dict(line.split(": ", 1) for line in lines)
        assert SECURITY.items() <= headers.items(), answer
        assert "server" not in headers


@pytest.mark.parametrize("size", [33_000, 1_000_000])
def test_an_endless_head_is_cut(served_postgresql: Served, size: int) -> None:
    for shape in (b"GET /" + b"a" * size, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * (size // 6)):
        assert status(exchange(served_postgresql.url, shape)) in (431, 0)
    assert served_postgresql.get("/health").status_code == 200


def test_a_head_of_the_usual_size_is_read_however_it_is_cut(served_postgresql: Served) -> None:
    served_postgresql.connect()
    body = events("7")
    request = head(HOOK, signed(body), f"Content-Length: {len(body)}", "X: " + "a" * 20_000) + body
    parts = [request[at : at + 3_001] for at in range(0, len(request), 3_001)]
    place = urlsplit(served_postgresql.url)
    with socket.create_connection((place.hostname, place.port), timeout=10) as client:
        for _ in range(2):  # the second on the same connection
            for part in parts:
                client.sendall(part)
                time.sleep(0.002)
            assert status(read_answer(client)) == 200
        client.sendall(request + request)
        found = read_answer(client)
        while found.count(b"HTTP/1.1 200") < 2:
            found += read_answer(client)


def test_who_says_nothing_is_not_waited_for(
    served_postgresql: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.protocol.HEAD_PATIENCE", 0.2)
    began = time.monotonic()
    assert status(exchange(served_postgresql.url)) == 408
    assert status(exchange(served_postgresql.url, b"GET / HT")) == 408
    assert time.monotonic() - began < 3


def test_beyond_the_limit_the_answer_is_503_and_then_it_goes_on(served_postgresql: Served) -> None:
    served_postgresql.connect()
    with serving(served_postgresql, Slow(0.5), most_at_once=4) as server, ThreadPoolExecutor(8) as pool:
        request = head(HOOK, {}, "Content-Length: 2", "Connection: close") + b"{}"
        answers = list(pool.map(lambda _: exchange(server.url, request), range(8)))
        assert {status(each) for each in answers} <= {200, 503}
        refused = [each for each in answers if status(each) == 503]
        assert refused
        for answer in refused:
            assert b"\r\nretry-after: 1\r\n" in answer
            assert b'"detail":"There are too many requests at once."' in answer
        assert status(exchange(server.url, request)) == 200


def test_a_stop_answers_what_is_under_way_and_leaves_nothing_behind(served_postgresql: Served) -> None:
    served_postgresql.connect()
    before = sockets()
    with ThreadPoolExecutor(1) as pool:
        with serving(served_postgresql, Slow(0.5)) as server:
            place = urlsplit(server.url)
            idle = socket.create_connection((place.hostname, place.port))
            request = head(HOOK, {}, "Content-Length: 2") + b"{}"
            waiting = pool.submit(exchange, server.url, request)
            time.sleep(0.2)
            began = time.monotonic()
        assert time.monotonic() - began < 3
        assert status(waiting.result()) == 200
        idle.close()
    assert served_postgresql.hints() == {"{}": "1"}
    assert sum(each.name == "web" for each in threading.enumerate()) == 1, "that of the fixture"
    assert sockets() <= before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((place.hostname, place.port))


def test_a_stop_does_not_wait_for_ever(served_postgresql: Served) -> None:
    with serving(served_postgresql, Slow(), patience=1) as server:
        place = urlsplit(server.url)
        hanging = socket.create_connection((place.hostname, place.port))
        hanging.sendall(head(HOOK, {}, "Content-Length: 2"))
        time.sleep(0.1)
        began = time.monotonic()
    assert time.monotonic() - began < 3
    assert status(read_answer(hanging)) in (0, 500)
    hanging.close()


def test_what_nobody_expected_is_a_number_in_the_answer_and_in_the_log(
    served_postgresql: Served, caplog: pytest.LogCaptureFixture
) -> None:
    served_postgresql.connect()
    canary = "canary-8d1f"
    error = RuntimeError(f"met {canary}")
    with serving(served_postgresql, Slow(error=error)) as server:
        request = head(HOOK + f"/{canary}?{canary}", {"X": canary}, f"Content-Length: {len(canary)}")
        answer = exchange(server.url, request, canary.encode())
        assert status(answer) == 500
        body = json.loads(answer.partition(b"\r\n\r\n")[2])
        assert body["request_id"] in caplog.text
        assert "RuntimeError" in caplog.text
        assert "test_server.py" in caplog.text, "the place"
        assert canary not in answer.decode() + caplog.text
        assert "Traceback" not in caplog.text
        assert status(exchange(server.url, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")) == 200


def test_no_request_is_logged(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    canary = "canary-77aa51c2canary"
    served.connect("sf", "salesforce", secret=canary, credentials={"client_id": "a", "client_secret": "b"})
    for path in (f"/webhooks/salesforce/sf/{canary}", f"/webhooks/{canary}/{canary}?{canary}", f"/{canary}"):
        served.post(path, canary.encode(), {"X": canary, "Content-Type": "text/xml"})
    ours = [each for each in caplog.records if not each.name.startswith(("urllib3", "charset_normalizer"))]
    assert canary not in "".join(each.getMessage() + str(each.exc_info) for each in ours)
    assert any("refused" in each.getMessage() for each in ours), "a forgery is worth a line"


def test_a_database_that_is_gone_is_a_503_that_tells_when_to_come_again(
    postgresql: Database, caplog: pytest.LogCaptureFixture
) -> None:
    for served in serve(postgresql):
        served.connect()
        body = events("1")
        with postgresql.transaction() as tx:
            tx.exec_driver_sql("ALTER TABLE inbox RENAME TO away")
        try:
            answer = served.post(HOOK, body, signed(body))
        finally:
            with postgresql.transaction() as tx:
                tx.exec_driver_sql("ALTER TABLE away RENAME TO inbox")
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
        assert "inbox" not in answer.text
        assert "Traceback" not in caplog.text
        assert served.post(HOOK, body, signed(body)).status_code == 200


def test_a_port_that_is_taken_is_named_with_its_cure() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = int(url_of(taken).rpartition(":")[2])
        with pytest.raises(BadInput, match=rf"port {port} is taken.*--port"):
            listen("127.0.0.1", port)
    with pytest.raises(BadInput, match=r"203\.0\.113\.1:0 cannot be listened on"):
        listen("203.0.113.1", 0)
    with listen("0.0.0.0", 0) as everywhere:  # noqa: S104
        assert url_of(everywhere).startswith("http://127.0.0.1:")


def test_it_speaks_ipv6(served_postgresql: Served) -> None:
    with WebServer(served_postgresql.site, listen("::1", 0)) as server:
        assert server.url.startswith("http://[::1]:")
        assert served_postgresql.http.get(f"{server.url}/health", timeout=5).status_code == 200

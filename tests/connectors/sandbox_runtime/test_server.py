from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest
import requests
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from connectors.sandbox.faults import Fault, FaultRule, carry_out
from connectors.sandbox.server import PortInUse, SandboxServer

FOREGROUND = """
import sys
from starlette.applications import Starlette
from connectors.sandbox.server import serve
serve(Starlette(), port=0, ready=lambda url: print(url, flush=True))
print("stopped", flush=True)
"""


def app_with(*routes: Route) -> Starlette:
    return Starlette(routes=list(routes))


async def hello(_: Request) -> Response:
    return PlainTextResponse("hello")


def test_it_answers_between_start_and_stop() -> None:
    server = SandboxServer(app_with(Route("/", hello))).start()
    url = server.url
    assert url == f"http://127.0.0.1:{server.port}"
    with requests.Session() as session:
        session.trust_env = False
        assert session.get(url + "/", timeout=5).text == "hello"
        server.stop()
        with pytest.raises(requests.ConnectionError):
            session.get(url + "/", timeout=5)


def test_an_answer_does_not_wait_for_the_clients_acknowledgement() -> None:
    # Without TCP_NODELAY each of these answers takes 40 ms, 2 s in all.
    with SandboxServer(app_with(Route("/", hello))) as server:
        client = HTTPConnection("127.0.0.1", server.port, timeout=5)
        began = time.monotonic()
        for _ in range(50):
            client.request("GET", "/")
            assert client.getresponse().read() == b"hello"
        assert time.monotonic() - began < 1.5
        client.close()


def test_it_can_be_started_again_on_the_same_port_at_once() -> None:
    with SandboxServer(app_with(Route("/", hello))) as server:
        port = server.port
        requests.get(server.url, timeout=5)
    with SandboxServer(app_with(Route("/", hello)), port=port) as server:
        assert server.port == port
        assert requests.get(server.url, timeout=5).text == "hello"


def test_a_taken_port_is_said_to_be_taken() -> None:
    with SandboxServer(app_with()) as server:
        with pytest.raises(PortInUse) as caught:
            SandboxServer(app_with(), port=server.port).start()
        assert caught.value.port == server.port
        assert isinstance(caught.value, OSError)


def test_stop_does_not_wait_for_a_call_that_hangs() -> None:
    entered = threading.Event()
    rule = FaultRule(fault=Fault.TIMEOUT_BEFORE, seconds=60)

    async def hanging(request: Request) -> Response:
        entered.set()
        return await carry_out(request, rule, hello, {})

    server = SandboxServer(app_with(Route("/", hanging))).start()
    outcome: list[BaseException] = []

    def call() -> None:
        try:
            requests.get(server.url, timeout=30)
        except requests.RequestException as error:
            outcome.append(error)

    caller = threading.Thread(target=call)
    caller.start()
    assert entered.wait(5)
    began = time.monotonic()
    server.stop()
    caller.join(5)
    assert time.monotonic() - began < 1
    assert len(outcome) == 1


@pytest.mark.parametrize(
    ("fault", "done"), [(Fault.TIMEOUT_BEFORE, 0), (Fault.TIMEOUT_AFTER, 1), (Fault.ERROR_AFTER, 1)]
)
def test_a_fault_before_the_work_leaves_it_undone_and_one_after_does_not(fault: Fault, done: int) -> None:
    calls = []

    async def work(_: Request) -> Response:
        calls.append(1)
        return PlainTextResponse("done")

    async def faulty(request: Request) -> Response:
        rule = FaultRule(fault=fault, seconds=0.01)
        return await carry_out(
            request, rule, work, {Fault.SERVER_ERROR: lambda _: PlainTextResponse("broken", status_code=500)}
        )

    with SandboxServer(app_with(Route("/", faulty))) as server:
        if fault is Fault.ERROR_AFTER:
            assert requests.get(server.url, timeout=5).status_code == 500
        else:
            with pytest.raises(requests.ConnectionError):
                requests.get(server.url, timeout=5)
    assert len(calls) == done


def test_only_the_connection_of_the_faulty_call_is_cut() -> None:
    async def cut(request: Request) -> Response:
        return await carry_out(request, FaultRule(fault=Fault.TIMEOUT_BEFORE, seconds=0), hello, {})

    with SandboxServer(app_with(Route("/", hello), Route("/cut", cut))) as server:
        other = HTTPConnection("127.0.0.1", server.port, timeout=5)
        other.request("GET", "/")
        assert other.getresponse().read() == b"hello"
        kept = other.sock
        with pytest.raises(requests.ConnectionError):
            requests.get(server.url + "/cut", timeout=5)
        other.request("GET", "/")
        assert other.getresponse().read() == b"hello"
        assert other.sock is kept
        other.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_in_the_foreground_a_signal_ends_it_cleanly(number: signal.Signals) -> None:
    root = Path(__file__).resolve().parents[3]
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", FOREGROUND],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with requests.Session() as session:  # an open keep-alive connection must not delay the end
            assert session.get(url + "/nothing", timeout=5).status_code == 404
            began = time.monotonic()
            process.send_signal(number)
            out, err = process.communicate(timeout=10)
    assert (out, err, process.returncode) == ("stopped\n", "", 0)
    assert time.monotonic() - began < 2

"""Commands that leave work for the CRMs behind wake a worker, where there are workers and a broker."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
import redis

from tasks.app import QUEUE
from tests.cli.conftest import Terminal
from tests.tasks.conftest import Production, production

__all__ = ["production"]

CUSTOMER = '{"external_id": "k1", "customer_name": "Anna"}'
IDLE = ("customers", "list")


@pytest.fixture
def distributed(
    production: Production, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Terminal]:
    """A terminal at an installation with PostgreSQL and Redis."""
    for name, value in production.environment.items():
        if name.startswith("CONCORD_"):
            monkeypatch.setenv(name, value)
    yield terminal


def messages(production: Production) -> int:
    assert production.settings.redis_url
    with redis.Redis.from_url(production.settings.redis_url.get_secret_value()) as client:
        return int(client.llen(f"{production.settings.redis_prefix}{QUEUE}"))


def test_a_change_by_hand_wakes_a_worker_once_it_is_committed(
    production: Production, distributed: Terminal
) -> None:
    distributed.run(*IDLE)
    assert messages(production) == 0
    steps: list[tuple[str, ...]] = [
        ("customers", "add", CUSTOMER),
        ("customers", "set", "k1", "email=anna@example.com"),
        ("customers", "load", "-"),
        ("conflicts", "resolve", "--all", "--take", "ours"),
        ("customers", "delete", "k1"),
    ]
    for number, step in enumerate(steps, start=1):
        distributed.run(*step, stdin=CUSTOMER)
        assert messages(production) == number, step
    distributed.run("conflicts", "resolve", "--all", "--take", "ours", "--preview")
    distributed.run("customers", "set", "nobody", "email=anna@example.com", code=2)
    assert messages(production) == len(steps)


@pytest.fixture
def hanging() -> Iterator[str]:
    """A broker that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"


@pytest.mark.parametrize("broker", ["away", "hanging", "nonsense", "none"])
def test_a_broker_that_is_away_neither_fails_nor_delays_a_command(
    distributed: Terminal, hanging: str, broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = {"away": "redis://127.0.0.1:1/0", "hanging": hanging, "nonsense": "t0psecret://x", "none": ""}
    monkeypatch.setenv("CONCORD_REDIS_URL", urls[broker])
    distributed.run(*IDLE)
    started = time.monotonic()
    done = distributed.run("customers", "add", CUSTOMER)
    assert "Traceback" not in done.err
    assert "t0psecret" not in done.err
    assert time.monotonic() - started < 4, "the broker's own time limits are 5 s and more"

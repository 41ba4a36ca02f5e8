"""A CRM that hangs holds up those who ask it, and nobody else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import pytest
import requests

from connectors.port import Write
from sync.store.session import Database
from tests.web.api.conftest import Api
from tests.web.api.steered import Steered, steer
from web.outward import MOST_AT_ONCE
from web.server import THREADS


@pytest.fixture
def world(postgresql: Database) -> Iterator[Steered]:
    """A site with a CRM that has one customer."""
    for steered in steer(postgresql):
        steered.pair("a")
        steered.sync()
        yield steered


def test_a_crm_that_hangs_holds_up_only_those_who_ask_it(world: Steered) -> None:
    release = threading.Event()

    def hang(_kind: str, _write: Write | None) -> str | None:
        release.wait(60)
        return None

    customer = world.customer("a")["id"]
    check = f"/connections/{world.connection().id}/check"

    def look(_number: int) -> Any:
        with requests.Session() as http:
            api = Api(world.api.served, world.api.key, http=http)
            return api.get(f"/customers/{customer}/links", live=True)["data"][0]["crm"]["problem"]

    world.crms["crm"].fault = hang
    many = THREADS + 2
    with ThreadPoolExecutor(many) as pool:
        try:
            looks = [pool.submit(look, number) for number in range(many)]
            told = as_completed(looks, timeout=30)
            for _ in range(many - MOST_AT_ONCE):
                assert next(told).result().startswith("busy: ")
            answer = world.api.call("POST", check)
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
            assert len(world.api.get("/customers")["data"]) == 1
        finally:
            release.set()
        assert [each.result() for each in looks].count(None) == MOST_AT_ONCE
    assert look(0) is None
    assert world.api.call("POST", check).json()["account_id"] == "memory"

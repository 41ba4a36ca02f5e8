"""Deliveries that come together are kept together, and none answers for another."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import requests
from sqlalchemy.exc import DBAPIError

from connectors.webhook import Answer, Delivery, Hint
from sync.store.session import Database
from tests.web.conftest import Served, serve
from tests.web.wire import HOOK, events, signed
from web.batches import Batches
from web.deliveries import Deliveries, Posted, Taken


class Trusting:
    """A reader that takes everything."""

    def verify(self, delivery: Delivery) -> None:
        pass

    def parse(self, body: bytes) -> list[Hint]:
        return [Hint(body.decode(), body.decode())]

    def answer(self) -> Answer:
        return Answer()


def test_what_comes_while_a_batch_is_at_work_is_the_next_batch() -> None:
    seen: list[list[int]] = []

    def work(asked: Sequence[int]) -> list[int | Exception]:
        seen.append(list(asked))
        time.sleep(0.05)
        return [ValueError(each) if each % 2 else each * 10 for each in asked]

    async def main() -> list[int | BaseException]:
        batches: Batches[int, int] = Batches(work, most=4)
        first = asyncio.create_task(batches.ask(0))
        await asyncio.sleep(0.01)
        others = [asyncio.create_task(batches.ask(each)) for each in range(1, 7)]
        others[1].cancel()
        return await asyncio.gather(first, *others, return_exceptions=True)

    answers = asyncio.run(main())
    assert seen == [[0], [1, 3, 4, 5], [6]], "who was cancelled before it began asks nothing"
    assert [each if isinstance(each, int) else type(each) for each in answers] == [
        0,
        ValueError,
        asyncio.CancelledError,
        ValueError,
        40,
        ValueError,
        60,
    ]


def test_a_batch_that_fails_fails_for_all_of_it_and_for_nobody_after_it() -> None:
    calls = 0

    def work(asked: Sequence[int]) -> list[int | Exception]:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise RuntimeError
        return list(asked)

    async def main() -> None:
        batches: Batches[int, int] = Batches(work)
        with pytest.raises(RuntimeError):
            await batches.ask(1)
        assert await batches.ask(2) == 2

    asyncio.run(main())


def test_many_at_once_are_kept_each_once(served: Served) -> None:
    """Valid, duplicated, forged and broken ones at the same time, to two connections."""
    served.connect("crm")
    served.connect("other")
    other = "/webhooks/hubspot/other"
    sent: list[tuple[str, bytes, dict[str, str], int]] = []
    for number in range(1, 41):
        body = events(str(number), first=number)
        sent += [
            (HOOK, body, signed(body), 200),
            (HOOK, body, signed(body), 200),
            (other, body, signed(body, path=other), 200),
            (HOOK, body, signed(body, secret="forged"), 401),
            (HOOK, body[:-1], signed(body[:-1]), 400),
            ("/webhooks/hubspot/nobody", body, signed(body), 404),
        ]
    local = threading.local()

    def post(each: tuple[str, bytes, dict[str, str], int]) -> tuple[int, int]:
        path, body, headers, expected = each
        local.http = getattr(local, "http", None) or requests.Session()
        return local.http.post(served.url + path, body, headers=headers, timeout=20).status_code, expected

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(post, sent))
    assert [got for got, _ in answers] == [expected for _, expected in answers]
    assert served.jobs() == sorted([str(number) for number in range(1, 41)] * 2)
    assert len(served.hints()) == 40, "two connections have the same events"
    assert 1 <= len(served.wakes) <= 80
    metrics = served.http.get(
        f"{served.url}/metrics", headers={"Authorization": f"Bearer {served.site.token}"}, timeout=10
    ).text
    for outcome, count in (
        ("accepted", 80),
        ("duplicate", 40),
        ("forged", 40),
        ("unreadable", 40),
        ("unknown", 40),
    ):
        line = f'concord_webhook_deliveries_total{{connector="hubspot",outcome="{outcome}"}} {count}.0'
        assert line in metrics, outcome


def test_one_that_the_database_refuses_does_not_take_others_with_it(postgresql: Database) -> None:
    """PostgreSQL keeps no NUL: were a reader to let one pass, its delivery alone would fail."""
    for served in serve(postgresql):
        row = served.connect().row
        site = replace(served.site, webhook=lambda _: Trusting())
        posted = [
            Posted("hubspot", "crm", Delivery(url="", headers={}, body=body, at=datetime.now(UTC)))
            for body in (b"good", b"a\0b", b"fine", b"good")
        ]
        good, bad, fine, again = Deliveries(site).take(posted)
        assert isinstance(bad, DBAPIError)
        assert (good, fine, again) == (Taken(Answer(), True), Taken(Answer(), True), Taken(Answer(), False))
        assert served.hints() == {"good": "good", "fine": "fine"}
        assert row["name"] == "crm"

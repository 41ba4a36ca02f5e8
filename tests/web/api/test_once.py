"""Many callers at once: what is sent twice is done once, one writer wins, a list gives each record once."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from sync.apikeys import HIGHEST_RATE
from tests.web.api.conftest import Api

TWICE = 50
WRITERS = 20


def call(api: Api, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
    """A request over a connection of its own."""
    return requests.request(
        method,
        api.served.url + path,
        json=body,
        headers={"x-api-key": api.key, **{name.replace("_", "-"): value for name, value in headers.items()}},
        timeout=60,
    )


def test_what_is_sent_twice_at_once_is_done_once(api: Api) -> None:
    api = api.with_key(rate=HIGHEST_RATE)
    ready = threading.Barrier(2)

    def send(number: int) -> requests.Response:
        ready.wait(30)
        body = {"customer_name": f"C{number}"}
        return call(api, "POST", "/customers", body, Idempotency_Key=f"k{number}")

    replayed = 0
    with ThreadPoolExecutor(2) as pool:
        for number in range(TWICE):
            first, second = pool.map(send, (number, number))
            assert (first.status_code, second.status_code) == (201, 201), (first.text, second.text)
            assert first.content == second.content
            for name in ("ETag", "Location", "Content-Type"):
                assert first.headers[name] == second.headers[name]
            replayed += sum("Idempotent-Replayed" in each.headers for each in (first, second))
    assert replayed == TWICE, "one of each two"
    assert len(api.get("/customers", limit=200)["data"]) == TWICE
    other = call(api, "POST", "/customers", {"customer_name": "another"}, Idempotency_Key="k0")
    assert other.status_code == 422
    elsewhere = call(
        api, "POST", "/business_entities", {"name": "C0", "country_code": "DE"}, Idempotency_Key="k0"
    )
    assert elsewhere.status_code == 422, "the key stands for one request, wherever it goes"


def test_of_twenty_writers_at_once_one_wins(api: Api) -> None:
    api = api.with_key(rate=HIGHEST_RATE)
    path = api.call("POST", "/customers", {"customer_name": "A"}).headers["Location"]
    for turn in range(1, 4):
        ready = threading.Barrier(WRITERS)

        def write(number: int, ready: threading.Barrier = ready, turn: int = turn) -> requests.Response:
            ready.wait(30)
            return call(api, "PATCH", path, {"customer_name": f"{turn}-{number}"}, If_Match=f'"{turn}"')

        with ThreadPoolExecutor(WRITERS) as pool:
            answers = list(pool.map(write, range(WRITERS)))
        won = [each.json() for each in answers if each.status_code == 200]
        assert sorted(each.status_code for each in answers) == [200] + [412] * (WRITERS - 1)
        assert api.get(path) == won[0]
        assert won[0]["version"] == turn + 1


def test_a_list_that_moves_gives_each_record_once(api: Api) -> None:
    api = api.with_key(rate=HIGHEST_RATE)
    made = [api.post("/customers", {"customer_name": f"C{number}"})["id"] for number in range(60)]
    stays, goes = made[::2], set(made[1::2])
    over = threading.Event()

    def move() -> None:
        chance = random.Random(1)
        gone = sorted(goes)
        while not over.is_set():
            call(api, "POST", "/customers", {"customer_name": "new"})
            call(api, "PATCH", f"/customers/{chance.choice(stays)}", {"customer_name": f"M{chance.random()}"})
            if gone:
                call(api, "DELETE", f"/customers/{gone.pop()}")

    for order in ("created_at", "-created_at"):
        over.clear()
        with ThreadPoolExecutor(2) as pool:
            moving = [pool.submit(move) for _ in range(2)]
            found: list[str] = []
            cursor: dict[str, str] = {}
            try:
                while True:
                    page = api.get("/customers", limit=4, order=order, **cursor)
                    found += [each["id"] for each in page["data"]]
                    if page["next_cursor"] is None or len(found) > 2_000:
                        break
                    cursor = {"cursor": page["next_cursor"]}
                    if order == "created_at" and found[-1] == made[-2]:
                        over.set()  # else the list would grow as fast as it is read
            finally:
                over.set()
            for each in moving:
                each.result()
        assert len(found) == len(set(found)), f"{order}: one was given twice"
        assert set(stays) <= set(found), f"{order}: one was left out"
        assert [each for each in found if each in set(stays)] == (
            stays if order == "created_at" else stays[::-1]
        )

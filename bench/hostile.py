"""Bodies that no program sends, to the routes that take bodies: the corpus, and what chance makes of it."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass, field

import requests

from tests.web.api.corpus import UNREADABLE, WRONG

SLOW = 1.0
"""Seconds that no answer may take."""
_SMALL = 10_000
_ROUTES = (
    *("/customers", "/contracts", "/contacts", "/wallets", "/business_entities", "/connections", "/runs"),
    *(
        "/conflicts/resolve",
        "/tax-ids/check",
        "/webhooks/hubspot/hubspot",
        "/webhooks/salesforce/salesforce/x",
    ),
)
_GOOD = (
    b'{"customer_name": "A", "email": "a@a.example", "address": {"line1": "1 Main St", "country": "US"}}',
    b'{"customer_id": "0199b2c4-7d1e-7a3b-9c5d-2f4e6a8b0c1d", "name": "C", "currency": "EUR", "start_date":'
    b' "2026-01-01", "phases": [{"start_date": "2026-01-01", "end_date": "2026-06-30"}]}',
    b'{"amount": "12.50", "reason": "goodwill"}',
    b'[{"eventId": 1, "subscriptionType": "company.propertyChange", "objectId": 12}]',
    b"<soapenv:Envelope><soapenv:Body><notifications><Notification><Id>04l</Id></Notification></notifications>"
    b"</soapenv:Body></soapenv:Envelope>",
)
_BITS = (
    *(b"NaN", b"1e999", b"-0", b"null", b'""', b"[]", b"{}", b"[[[[[[[[", b'{"a":' * 40, b"9" * 400),
    *(
        b'"\\u0000"',
        b'"\\ud800"',
        b"\xff\xfe",
        b"\xc3",
        b"\x00",
        b"\xe2\x80\xae",
        b"true",
        b"<!DOCTYPE a>",
        b"&a;",
    ),
)


@dataclass
class Hostile:
    """What came of them: how often each status was the answer, and what should not have been."""

    statuses: Counter[int] = field(default_factory=Counter)
    slowest: float = 0.0
    failures: list[str] = field(default_factory=list)

    def told(self) -> str:
        """In a line."""
        counts = {status: self.statuses[status] for status in sorted(self.statuses)}
        return f"{sum(self.statuses.values()):,} hostile bodies: {counts}; slowest {self.slowest:.2f} s"


def corpus() -> list[bytes]:
    """Every body that the tests know by its reason, too large ones included."""
    return [body for body, _ in (*UNREADABLE.values(), *WRONG.values())]


def assail(url: str, key: str, count: int, seed: int) -> Hostile:
    """Send `count` bodies to every route in turn: a hundredth as the corpus has them, the others mutated."""
    chance, whole, done = random.Random(seed), corpus(), Hostile()
    seeds = [*(each for each in whole if len(each) < _SMALL), *_GOOD]
    headers = {"x-api-key": key, "Content-Type": "application/json"}
    with requests.Session() as session:
        for number in range(count):
            body = whole[number // 100 % len(whole)] if number % 100 == 0 else _mutated(chance, seeds)
            path = _ROUTES[number % len(_ROUTES)]
            began = time.monotonic()
            answer = session.post(url + path, data=body, headers=headers, timeout=60)
            took = time.monotonic() - began
            done.slowest = max(done.slowest, took)
            done.statuses[answer.status_code] += 1
            if answer.status_code >= 500 or took > SLOW or not _says_why(answer):
                done.failures.append(f"{path} {answer.status_code} in {took:.2f} s, to {body[:200]!r}")
    return done


def _says_why(answer: requests.Response) -> bool:
    return answer.status_code < 400 or bool(answer.json().get("detail"))


def _mutated(chance: random.Random, seeds: list[bytes]) -> bytes:
    body = bytearray(chance.choice(seeds))
    for _ in range(chance.randint(1, 6)):
        start = chance.randint(0, len(body))
        end = min(len(body), start + chance.randint(0, 24))
        match chance.randrange(5):
            case 0:
                body[start:end] = b""
            case 1:
                body[start:start] = body[start:end] * chance.randint(1, 8)
            case 2:
                body[start:end] = chance.choice(_BITS)
            case 3:
                body[start:end] = chance.randbytes(end - start)
            case _:
                other = chance.choice(seeds)
                body[start:] = other[chance.randint(0, len(other)) :]
    return bytes(body)

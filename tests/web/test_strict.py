"""What comes in is read strictly: whatever is sent, the answer is a named 4xx, soon, and nothing is kept."""

from __future__ import annotations

import json
import resource
import time

import pytest

from tests.web.conftest import Served
from tests.web.wire import HOOK, chunked, events, exchange, head, reason, signed, status

GOOD = events("1")
EVENT = GOOD[1:-1]
DEEP = b'[{"a": ' * 500
BODIES = {
    "empty": b"",
    "blanks": b" \r\n\t ",
    "no JSON": b"hello",
    "truncated": GOOD[:-5],
    "two values": GOOD + GOOD,
    "trailing comma": b"[" + EVENT + b",]",
    "a comment": b"[/* */" + EVENT + b"]",
    "byte order mark": b"\xef\xbb\xbf" + GOOD,
    "UTF-16": GOOD.decode().encode("utf-16"),
    "bad UTF-8": GOOD.replace(b'"A"', b'"\xff\xfe"'),
    "overlong UTF-8": GOOD.replace(b'"A"', b'"\xc0\x80"'),
    "surrogate bytes": GOOD.replace(b'"A"', b'"\xed\xa0\x80"'),
    "lone surrogate": GOOD.replace(b'"A"', b'"\\ud800"'),
    "reversed surrogates": GOOD.replace(b'"A"', b'"\\udc00\\ud800"'),
    "NUL escaped": GOOD.replace(b'"A"', b'"\\u0000"'),
    "NUL raw": GOOD.replace(b'"A"', b'"\x00"'),
    "NUL in a key": GOOD.replace(b'"propertyValue"', b'"\\u0000"'),
    "NaN": GOOD.replace(b'"A"', b"NaN"),
    "Infinity": GOOD.replace(b'"A"', b"Infinity"),
    "minus Infinity": GOOD.replace(b'"A"', b"-Infinity"),
    "1e999": GOOD.replace(b'"A"', b"1e999"),
    "5,000 digits": GOOD.replace(b'"A"', b"9" * 5_000),
    "2^70": GOOD.replace(b'"A"', str(2**70).encode()),
    "a key twice": GOOD.replace(b'"propertyName"', b'"objectId": 2, "propertyName"'),
    "500 deep": DEEP + b"1" + b"}]" * 500,
    "100,000 deep": b"[" * 100_000,
    "no list": EVENT,
    "a number": b"1",
    "null": b"null",
    "an empty list": b"[]",
    "101 events": b"[" + b",".join([EVENT] * 101) + b"]",
    "an event that is no object": b"[1]",
    "a nested list": b"[[" + EVENT + b"]]",
    "an id that is a list": GOOD.replace(b'"objectId": 1', b'"objectId": [1]'),
    "an id that is negative": GOOD.replace(b'"objectId": 1', b'"objectId": -1'),
    "an id that is true": GOOD.replace(b'"objectId": 1', b'"objectId": true'),
    "no id": GOOD.replace(b'"objectId": 1,', b""),
    "no type": GOOD.replace(b'"subscriptionType"', b'"x"'),
}


@pytest.fixture
def hook(served_postgresql: Served) -> Served:
    served_postgresql.connect(account_id="62515")
    return served_postgresql


def test_a_good_delivery_is_taken(hook: Served) -> None:
    assert hook.post(HOOK, GOOD, signed(GOOD)).status_code == 200
    assert hook.jobs() == ["1"]


def test_bodies_that_cannot_be_read_are_refused_by_name(served: Served) -> None:
    served.connect(account_id="62515")
    for name, body in BODIES.items():
        began = time.monotonic()
        answer = served.post(HOOK, body, signed(body))
        assert time.monotonic() - began < 1, name
        assert answer.status_code == 400, (name, answer.text)
        assert reason(answer), name
    assert served.hints() == {}
    assert served.jobs() == []
    assert served.wakes == []


def test_headers_that_do_not_fit_are_refused_by_name(hook: Served) -> None:
    for name, value, code in (
        ("Content-Type", "application/x-www-form-urlencoded", 415),
        ("Content-Type", "multipart/form-data; boundary=x", 415),
        ("Content-Encoding", "gzip", 415),
        ("X-HubSpot-Signature-v3", "", 401),
        ("X-HubSpot-Signature-v3", "é", 401),
        ("X-HubSpot-Request-Timestamp", "9" * 5_000, 401),
        ("X-HubSpot-Request-Timestamp", "\u0661", 401),
    ):
        headers = {key: each.encode() for key, each in {**signed(GOOD), name: value}.items()}
        answer = hook.post(HOOK, GOOD, headers)
        assert answer.status_code == code, (name, value)
        assert reason(answer)
    assert hook.hints() == {}


def test_a_name_that_is_none_is_not_found(served: Served) -> None:
    served.connect()
    names = ("x", "CRM", "crm%00", "%ff", "%ed%a0%80", "crm%0a", "a" * 9_000, "'; --", "%2e%2e")
    for path in (f"/webhooks/hubspot/{name}" for name in names):
        answer = served.post(path, GOOD, signed(GOOD, path=path))
        assert answer.status_code == 404, path
        assert reason(answer) == "there is no webhook here"


def test_a_connector_that_is_none_is_not_found_and_harms_no_other(served: Served) -> None:
    """Deliveries are taken together: what the database cannot be asked for is not asked for."""
    served.connect()
    for name in ("x", "hubspot%00", "a%00b", "a%0ab", "a" * 9_000):
        path = f"/webhooks/{name}/crm"
        assert served.post(path, GOOD, signed(GOOD, path=path)).status_code == 404, path


def test_a_connection_without_a_secret_takes_nothing(served: Served) -> None:
    served.connect(secret="")
    assert served.post(HOOK, GOOD, signed(GOOD, secret="")).status_code == 404


def test_a_body_over_the_limit_is_refused_before_it_has_come(hook: Served) -> None:
    declared = head(HOOK, signed(b""), "Content-Length: 1000001")
    began = time.monotonic()
    answer = exchange(hook.url, declared)
    assert status(answer) == 413
    assert b"longer than 1000000 bytes" in answer
    assert time.monotonic() - began < 1


def test_a_body_in_chunks_is_cut_at_the_limit_and_kept_out_of_memory(hook: Served) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    part = b" " * 100_000
    over = head(HOOK, signed(b""), "Transfer-Encoding: chunked") + chunked([part] * 11)
    assert status(exchange(hook.url, over)) == 413
    for _ in range(3):
        endless = head(HOOK, signed(b""), "Transfer-Encoding: chunked")
        answer = exchange(hook.url, endless, *([b"%x\r\n%s\r\n" % (len(part), part)] * 200), patience=3)
        # The answer may be lost with the connection that is cut; the site is as well as before.
        assert status(answer) in (413, 0)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000
    assert hook.post(HOOK, GOOD, signed(GOOD)).status_code == 200


def test_a_good_body_may_come_in_chunks(hook: Served) -> None:
    sent = head(HOOK, signed(GOOD), "Transfer-Encoding: chunked") + chunked([GOOD[:10], GOOD[10:]])
    assert status(exchange(hook.url, sent)) == 200
    assert hook.jobs() == ["1"]


def test_a_request_whose_length_is_told_twice_or_wrongly_is_refused(hook: Served) -> None:
    for more in (
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: -1",),
        ("Content-Length: x",),
        ("Transfer-Encoding: chunked, identity",),
    ):
        answer = exchange(hook.url, head(HOOK, signed(GOOD), *more), chunked([GOOD]), end=True)
        assert status(answer) == 400, more
    assert hook.hints() == {}


def test_a_body_shorter_than_declared_is_not_taken(hook: Served) -> None:
    short = head(HOOK, signed(GOOD), f"Content-Length: {len(GOOD) + 5}")
    exchange(hook.url, short, GOOD, patience=0.3)
    assert hook.hints() == {}


def test_a_body_longer_than_declared_is_another_request(hook: Served) -> None:
    lying = head(HOOK, signed(GOOD), f"Content-Length: {len(GOOD) - 5}")
    assert status(exchange(hook.url, lying, GOOD)) in (400, 401), "neither of the two is good"
    assert hook.hints() == {}


def test_a_slow_body_is_not_waited_for(hook: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.body.PATIENCE", 0.3)
    began = time.monotonic()
    answer = exchange(hook.url, head(HOOK, signed(GOOD), f"Content-Length: {len(GOOD)}"), GOOD[:5])
    assert status(answer) == 408
    assert time.monotonic() - began < 2
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["detail"].startswith("the body took longer")


def test_a_signature_fits_the_public_address_alone(hook: Served) -> None:
    for base in (hook.url, "https://evil.example", "http://concord.example.com"):
        headers = {
            **signed(GOOD, base=base),
            "Host": "evil.example",
            "X-Forwarded-Host": "evil.example",
            "X-Forwarded-Proto": "https",
        }
        assert hook.post(HOOK, GOOD, headers).status_code == 401
    assert hook.post(HOOK, GOOD, {**signed(GOOD), "Host": "evil.example"}).status_code == 200


def test_what_is_stale_old_or_of_another_secret_is_refused(hook: Served) -> None:
    for headers in (
        signed(GOOD, late=301),
        signed(GOOD, late=-302),
        signed(GOOD, secret="another"),
        signed(GOOD + b" "),
        signed(GOOD, path=HOOK + "/"),
        {},
    ):
        answer = hook.post(HOOK, GOOD, headers)
        assert answer.status_code == 401, headers
        assert reason(answer)
    assert hook.hints() == {}
    assert hook.wakes == []

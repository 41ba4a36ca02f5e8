"""Nothing that a caller sends makes the sandbox fall over: every refusal is a 4xx with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.salesforce.sandbox import build
from tests.connectors.salesforce_sandbox.org import BASE, Org, soql

WORDS = st.sampled_from(
    [
        *("id", "Id", "ids", "fields", "records", "attributes", "type", "allOrNone", "compositeRequest"),
        *("method", "url", "referenceId", "httpHeaders", "body", "Name", "External_ID__c", "AnnualRevenue"),
        *("ParentId", "Account", "GET", "PATCH", BASE + "sobjects/Account", "001000000000001AAA", "If-Match"),
    ]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | WORDS
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(WORDS, inner, max_size=4)
        | st.fixed_dictionaries({"attributes": st.just({"type": "Account"}), "Name": inner, "Id": inner})
        | st.fixed_dictionaries({"method": WORDS, "url": WORDS, "referenceId": WORDS, "httpHeaders": inner})
    ),
    max_leaves=8,
)
BODIES = st.one_of(
    VALUES,
    st.fixed_dictionaries({"records": st.lists(VALUES, max_size=3), "allOrNone": VALUES}),
    st.fixed_dictionaries({"compositeRequest": st.lists(VALUES, max_size=3), "allOrNone": VALUES}),
    st.fixed_dictionaries({"ids": VALUES, "fields": VALUES}),
)
CALLS = st.sampled_from(
    [
        ("POST", "sobjects/Account/"),
        ("PATCH", "sobjects/Account/001000000000001AAA"),
        ("PATCH", "sobjects/Account/External_ID__c/x"),
        ("POST", "composite"),
        ("POST", "composite/sobjects"),
        ("PATCH", "composite/sobjects"),
        ("POST", "composite/sobjects/Account"),
        ("PATCH", "composite/sobjects/Account/External_ID__c"),
        ("PATCH", "composite/sobjects/Account/Id"),
    ]
)
QUERIES = st.lists(
    st.sampled_from(
        [
            *("SELECT", "Id", "Name", "FROM", "Account", "WHERE", "AND", "OR", "NOT", "IN", "LIKE", "(", ")"),
            *(",", "=", "<", "'a'", "'%'", r"'\''", "5", "-1", "2024-01-01T00:00:00Z", "2024-01-01", "null"),
            *("TRUE", "ORDER", "BY", "DESC", "NULLS", "LAST", "LIMIT", "OFFSET", "COUNT", "MAX", "\x00", "é"),
        ]
    ),
    max_size=14,
)


@pytest.fixture(scope="module")
def org() -> Iterator[Org]:
    running = Org(build())
    yield running
    running.close()


def refused(answer: requests.Response) -> bool:
    body: Any = answer.json()
    return 400 <= answer.status_code < 500 and bool(body[0]["errorCode"]) and bool(body[0]["message"])


@settings(max_examples=300, deadline=None)
@given(CALLS, BODIES)
def test_any_body(org: Org, call: tuple[str, str], body: Any) -> None:
    answer = org.http(*call, body)
    assert answer.status_code in (200, 201, 204) or refused(answer), answer.text


@settings(max_examples=300, deadline=None)
@given(QUERIES)
def test_any_query(org: Org, words: list[str]) -> None:
    url = f"{org.server.url}{BASE}query/"
    headers = {"Authorization": f"Bearer {org.token}"}
    for text in (" ".join(words), soql("Id", *words)):
        answer = org.session.get(url, params={"q": text}, headers=headers, timeout=10)
        assert answer.status_code == 200 or refused(answer), text


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=20), st.text(max_size=20), st.sampled_from(["GET", "PATCH", "DELETE", "PUT"]))
def test_any_path(org: Org, one: str, other: str, method: str) -> None:
    for path in (f"sobjects/Account/{one}", f"sobjects/Account/{one}/{other}", f"query/{one}", one):
        answer = org.session.request(
            method,
            f"{org.server.url}{BASE}" + quote(path),
            headers={"Authorization": f"Bearer {org.token}"},
            timeout=10,
        )
        assert answer.status_code in (200, 204, 304) or refused(answer), path


def test_any_bytes(org: Org) -> None:
    deep = b"[" * 5000
    for data in (b"\xff\xfe", b"{", b'{"Name": "\\ud800"}', b'{"Name": NaN}', b"", deep, b"9" * 5000):
        answer = org.session.post(
            f"{org.server.url}{BASE}sobjects/Account/",
            data=data,
            headers={"Authorization": f"Bearer {org.token}", "Content-Type": "application/json"},
            timeout=10,
        )
        assert refused(answer), data[:20]

"""What is asked in a way that no route takes: the address, the method and the headers as such."""

from __future__ import annotations

import json

from tests.web.api.conftest import Api
from tests.web.wire import exchange, head, status
from web.headers import SECURITY_HEADERS
from web.protocol import HEAD_LIMIT


def test_an_address_names_all_the_methods_that_it_takes(api_postgresql: Api) -> None:
    for path, methods in (
        ("/customers", "GET, POST"),
        ("/customers/0199b2c4-7d1e-7a3b-9c5d-2f4e6a8b0c1d", "DELETE, GET, PATCH"),
        ("/health", "GET, HEAD"),
        ("/webhooks/hubspot/crm", "POST"),
    ):
        for method in ("PUT", "OPTIONS", "TRACE", "QUERY"):
            answer = api_postgresql.call(method, path)
            assert (answer.status_code, answer.headers["Allow"]) == (405, methods), (method, path)


def test_a_head_that_is_too_long_is_told_so(api_postgresql: Api) -> None:
    long = "x" * (2 * HEAD_LIMIT)
    for sent in (head(f"/customers?external_id={long}", {}), head("/customers", {"x-api-key": long})):
        answer = exchange(api_postgresql.served.url, sent)
        assert status(answer) == 431
        top, _, body = answer.partition(b"\r\n\r\n")
        found = json.loads(body)
        assert (found["status"], found["title"]) == (431, "Request Header Fields Too Large")
        assert str(HEAD_LIMIT) in found["detail"]
        for name in ("Content-Type: application/problem+json", *SECURITY_HEADERS):
            assert name.lower().encode() in top.lower(), name

from __future__ import annotations

import time

import pytest
import requests
from simple_salesforce.exceptions import (
    SalesforceExpiredSession,
    SalesforceGeneralError,
    SalesforceRefusedRequest,
)

from tests.connectors.salesforce_sandbox.org import BASE, LOGIN, Org, refusal, soql

ROWS = {"records": [{"attributes": {"type": "Account"}, "Name": str(n)} for n in range(20)]}


def stored(org: Org) -> int:
    return len(org.control("GET", "records"))


def test_the_quota_fault_is_403(org: Org) -> None:
    org.faults({"kind": "query", "fault": "rate_limit", "times": 1})
    with pytest.raises(SalesforceRefusedRequest) as caught:
        org.sdk().query(soql("Id"))
    assert refusal(caught)[0]["errorCode"] == "REQUEST_LIMIT_EXCEEDED"
    assert org.query(soql("Id")) == []
    assert org.control("GET", "stats")["faults"] == {"query": {"rate_limit": 1}}


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [("server_error", 500, "application/json"), ("unavailable_html", 503, "text/html")],
)
def test_server_errors_do_nothing(org: Org, fault: str, status: int, kind: str) -> None:
    org.faults({"fault": fault})
    answer = org.http("POST", "sobjects/Account/", {"Name": "A"})
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith(kind)
    assert "Sforce-Limit-Info" not in answer.headers
    with pytest.raises(SalesforceGeneralError) as caught:
        org.sdk().query(soql("Id"))
    assert caught.value.status == status
    assert stored(org) == 0


def test_an_error_after_the_work_leaves_it_done(org: Org) -> None:
    org.faults({"kind": "create", "fault": "error_after", "times": 1})
    assert org.http("POST", "sobjects/Account/", {"Name": "A"}).status_code == 500
    assert stored(org) == 1


@pytest.mark.parametrize(("fault", "left"), [("timeout_before", 0), ("timeout_after", 20)])
def test_a_hang_ends_without_an_answer(org: Org, fault: str, left: int) -> None:
    org.faults({"kind": "collections", "fault": fault, "seconds": 0.05, "times": 1})
    began = time.monotonic()
    with pytest.raises(requests.ConnectionError):
        org.http("POST", "composite/sobjects", ROWS)
    assert time.monotonic() - began >= 0.05
    assert stored(org) == left


def test_other_calls_are_answered_while_one_hangs(org: Org) -> None:
    org.faults({"kind": "create", "fault": "timeout_before", "seconds": 60, "times": 1})
    with pytest.raises(requests.ReadTimeout):
        requests.post(
            f"{org.server.url}{BASE}sobjects/Account/",
            json={"Name": "A"},
            headers={"Authorization": f"Bearer {org.token}"},
            timeout=0.05,
        )
    assert org.http("POST", "sobjects/Account/", {"Name": "B"}).status_code == 201


def test_an_expired_token_stays_expired(org: Org) -> None:
    org.faults({"kind": "read", "fault": "expire_token", "times": 1})
    record = org.create()
    with pytest.raises(SalesforceExpiredSession) as caught:
        org.sdk().Account.get(record)
    assert refusal(caught)[0]["errorCode"] == "INVALID_SESSION_ID"
    with pytest.raises(SalesforceExpiredSession):
        org.sdk().query(soql("Id"))
    org.token = org.log_in()["access_token"]
    assert org.sdk().Account.get(record)["Id"] == record


def test_a_lock_is_400_for_a_row_and_a_row_error_in_a_batch(org: Org) -> None:
    record = org.create()
    org.faults({"fault": "lock"})
    answer = org.http("PATCH", f"sobjects/Account/{record}", {"Phone": "1"})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "UNABLE_TO_LOCK_ROW")
    answer = org.http("POST", "composite/sobjects", ROWS)
    assert answer.status_code == 200
    assert {row["errors"][0]["statusCode"] for row in answer.json()} == {"UNABLE_TO_LOCK_ROW"}
    part = {"method": "PATCH", "url": f"{BASE}sobjects/Account/{record}", "referenceId": "a", "body": {}}
    (inner,) = org.http("POST", "composite", {"compositeRequest": [part]}).json()["compositeResponse"]
    assert (inner["httpStatusCode"], inner["body"][0]["errorCode"]) == (400, "UNABLE_TO_LOCK_ROW")
    assert org.query(soql("Phone")) == [{"Phone": None}]
    assert "query" not in org.control("GET", "stats")["faults"]


def test_a_partial_fault_fails_a_share_of_the_rows(org: Org) -> None:
    org.faults({"fault": "partial", "share": 0.25})
    answer = org.http("POST", "composite/sobjects", ROWS).json()
    failed = [place for place, row in enumerate(answer) if not row["success"]]
    assert len(failed) == 5
    assert {answer[place]["errors"][0]["statusCode"] for place in failed} == {"UNABLE_TO_LOCK_ROW"}
    names = {row["Name"] for row in org.query(soql("Name"))}
    assert names == {str(n) for n in range(20) if n not in failed}
    parts = [
        {
            "method": "PATCH",
            "url": f"{BASE}sobjects/Account/{row['id']}",
            "referenceId": row["id"],
            "body": {},
        }
        for row in answer
        if row["success"]
    ][:8]
    inner = org.http("POST", "composite", {"compositeRequest": parts}).json()["compositeResponse"]
    assert sorted(each["httpStatusCode"] for each in inner) == [204] * 6 + [400] * 2


def test_the_token_endpoint_fails_in_its_own_words(org: Org) -> None:
    for fault, error in (("rate_limit", "invalid_grant"), ("expire_token", "invalid_grant")):
        org.faults({"kind": "token", "fault": fault})
        answer = org.session.post(
            LOGIN,
            data={"grant_type": "client_credentials"},
            auth=(org.sandbox.client_id, org.sandbox.client_secret),
        )
        assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_every_call_is_counted_under_its_kind(org: Org) -> None:
    record = org.create(External_ID__c="A-1")
    for method, path, body in (
        ("GET", "query/?q=SELECT+Id+FROM+Account", None),
        ("GET", "queryAll/?q=SELECT+Id+FROM+Account", None),
        ("GET", "query/01g000000000001AAA-2000", None),
        ("GET", "sobjects", None),
        ("GET", "sobjects/Account/describe", None),
        ("GET", "limits", None),
        ("GET", f"sobjects/Account/{record}", None),
        ("PATCH", f"sobjects/Account/{record}", {"Phone": "1"}),
        ("PATCH", "sobjects/Account/External_ID__c/A-1", {"Phone": "1"}),
        ("POST", "composite/sobjects", {"records": []}),
        ("POST", "composite/sobjects/Account", {"ids": [record], "fields": ["Id"]}),
        ("POST", "composite", {"compositeRequest": []}),
        ("DELETE", f"sobjects/Account/{record}", None),
        ("GET", "nonsense", None),
        ("GET", "/", None),
    ):
        org.http(method, path, body)
    org.http("GET", "limits", token="bad")
    stats = org.control("GET", "stats")
    assert stats["calls"] == {
        **dict.fromkeys(("token", "create", "query_more", "read", "update", "upsert", "delete"), 1),
        **dict.fromkeys(("collections", "retrieve", "composite"), 1),
        **dict.fromkeys(("query", "describe", "limits", "other"), 2),
    }
    assert (stats["writes"], stats["records"]) == (4, 0)
    org.control("POST", "stats/reset")
    assert org.control("GET", "stats") == {"calls": {}, "writes": 0, "records": 0, "faults": {}}

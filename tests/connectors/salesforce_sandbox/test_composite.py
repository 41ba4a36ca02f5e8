from __future__ import annotations

from typing import Any

import pytest

from tests.connectors.salesforce_sandbox.org import BASE, Org

ROW = BASE + "sobjects/Account/"


def select(soql: str) -> str:
    # Recorded: inside a composite call the query stands in the url as it is, spaces and all.
    return f"{BASE}query?q={soql}"


def part(method: str, url: str, name: str, body: object = None, **headers: str) -> dict[str, Any]:
    call: dict[str, Any] = {"method": method, "url": url, "referenceId": name}
    if body is not None:
        call["body"] = body
    if headers:
        call["httpHeaders"] = {key.replace("_", "-"): value for key, value in headers.items()}
    return call


def send(org: Org, *parts: dict[str, Any], all_or_none: bool = False) -> list[dict[str, Any]]:
    body = {"allOrNone": all_or_none, "compositeRequest": list(parts)}
    answer: dict[str, Any] = org.sdk().restful("composite", method="POST", json=body)
    assert set(answer) == {"compositeResponse"}
    for each in answer["compositeResponse"]:
        assert set(each) == {"body", "httpHeaders", "httpStatusCode", "referenceId"}
    result: list[dict[str, Any]] = answer["compositeResponse"]
    return result


def test_each_part_is_answered_as_alone(org: Org) -> None:
    record = org.create(External_ID__c="A-1")
    read, changed, made, upserted, missing, query = send(
        org,
        part("GET", ROW + record + "?fields=Name", "read"),
        part("PATCH", ROW + record, "changed", {"Phone": "1"}),
        part("POST", BASE + "sobjects/Account", "made", {"Name": "B"}),
        part("PATCH", ROW + "External_ID__c/A%2F2", "upserted", {"Name": "C"}),
        part("GET", BASE + "sobjects/Foo", "missing"),
        part("GET", select("SELECT Name FROM Account WHERE Phone = '1'"), "query"),
    )
    assert (read["httpStatusCode"], read["body"]["Name"]) == (200, "Acme")
    assert set(read["httpHeaders"]) == {"ETag", "Last-Modified"}
    assert (changed["httpStatusCode"], changed["body"], changed["httpHeaders"]) == (204, None, {})
    assert made["httpStatusCode"] == 201
    assert made["httpHeaders"] == {"Location": ROW + made["body"]["id"]}
    assert (upserted["httpStatusCode"], upserted["body"]["created"]) == (201, True)
    assert missing["httpStatusCode"] == 404
    assert missing["body"][0]["errorCode"] == "NOT_FOUND"
    assert [row["Name"] for row in query["body"]["records"]] == ["Acme"]
    assert org.query("SELECT Id FROM Account WHERE External_ID__c = 'A/2'")


def test_conditions_hold_inside(org: Org) -> None:
    org.settings(freeze_clock="2024-01-01T00:00:10Z")
    fresh, stale = org.create(), org.create()
    tags = [each["httpHeaders"]["ETag"] for each in send(org, part("GET", ROW + stale, "s"))]
    org.control("POST", "edit", {"id": stale, "fields": {"Phone": "by hand"}})
    answers = send(
        org,
        part("PATCH", ROW + fresh, "a", {"Phone": "1"}, If_Unmodified_Since="Mon, 01 Jan 2024 00:00:10 GMT"),
        part("PATCH", ROW + stale, "b", {"Phone": "1"}, If_Match=tags[0]),
        part("PATCH", ROW + stale, "c", {"Phone": "1"}, If_Unmodified_Since="Mon, 01 Jan 2024 00:00:09 GMT"),
        part("GET", ROW + fresh, "d", If_Modified_Since="Mon, 01 Jan 2024 00:00:10 GMT"),
    )
    assert [each["httpStatusCode"] for each in answers] == [204, 412, 412, 304]
    assert answers[1]["body"][0]["errorCode"] == "PRECONDITION_FAILED"
    assert (answers[3]["body"], set(answers[3]["httpHeaders"])) == (None, {"ETag", "Last-Modified"})
    assert org.read(stale)["Phone"] == "by hand"


def test_all_or_none_halts_the_rest(org: Org) -> None:
    record = org.create(Phone="1")
    answers = send(
        org,
        part("PATCH", ROW + record, "a", {"Phone": "2"}),
        part("PATCH", ROW + record, "b", {"Nonsense": 1}),
        part("PATCH", ROW + record, "c", {"Phone": "3"}),
        all_or_none=True,
    )
    assert [each["httpStatusCode"] for each in answers] == [400, 400, 400]
    assert [each["body"][0]["errorCode"] for each in answers] == [
        "PROCESSING_HALTED",
        "INVALID_FIELD",
        "PROCESSING_HALTED",
    ]
    assert org.read(record)["Phone"] == "1"
    assert len(org.control("GET", "history")) == 1


def test_collections_inside_fail_by_themselves(org: Org) -> None:
    record = org.create(Phone="1")
    rows = [{"attributes": {"type": "Account"}, "Name": "A"}, {"attributes": {"type": "Account"}}]
    answers = send(
        org,
        part("PATCH", ROW + record, "a", {"Phone": "2"}),
        part("POST", BASE + "composite/sobjects", "b", {"allOrNone": True, "records": rows}),
    )
    assert [each["httpStatusCode"] for each in answers] == [204, 200]
    assert [row["success"] for row in answers[1]["body"]] == [False, False]
    assert org.read(record)["Phone"] == "2"
    assert org.query("SELECT COUNT(Id) n FROM Account") == [{"n": 1}]


@pytest.mark.parametrize(
    "parts",
    [
        [part("GET", BASE + "limits", f"r{n}") for n in range(26)],
        [part("GET", select("SELECT Id FROM Account"), f"r{n}") for n in range(6)],
        [part("GET", BASE + "limits", "same"), part("GET", BASE + "limits", "same")],
        [{"method": "GET", "url": BASE + "limits"}],
        [{"url": BASE + "limits", "referenceId": "a"}],
        ["nonsense"],
        None,
    ],
)
def test_a_malformed_call_is_400(org: Org, parts: object) -> None:
    answer = org.http("POST", "composite", {"compositeRequest": parts})
    assert answer.status_code == 400
    assert answer.json()[0]["errorCode"]


@pytest.mark.parametrize(
    "url", [BASE + "composite", "/services/oauth2/token", "/_sandbox/stats", "/services/data/v61/limits"]
)
def test_a_part_stays_inside_the_api(org: Org, url: str) -> None:
    (answer,) = send(org, part("POST", url, "a", {"compositeRequest": []}))
    assert answer["httpStatusCode"] == 404


def test_twenty_five_parts_are_one_call(org: Org) -> None:
    ids = [org.create() for _ in range(25)]
    used = org.http("GET", "limits").json()["DailyApiRequests"]["Remaining"]
    answers = send(org, *(part("PATCH", ROW + each, each, {"Phone": "1"}) for each in ids))
    assert [each["referenceId"] for each in answers] == ids
    assert [each["httpStatusCode"] for each in answers] == [204] * 25
    assert org.http("GET", "limits").json()["DailyApiRequests"]["Remaining"] == used - 2

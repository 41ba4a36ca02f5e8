"""Replays exchanges recorded from real orgs and compares codes, keys and shapes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tests.connectors.salesforce_sandbox.conftest import MakeOrg
from tests.connectors.salesforce_sandbox.org import BASE, Org, soql


def fixture(recorded: Path, name: str) -> Any:
    return json.loads((recorded / "fixtures" / name).read_text())


def shape(value: Any) -> Any:
    """Keys and kinds of a body, its values left out."""
    if isinstance(value, dict):
        return {name: shape(part) for name, part in sorted(value.items())}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def exchanges(recorded: Path, name: str) -> list[dict[str, Any]]:
    parsed = yaml.safe_load((recorded / "cassettes" / name).read_text())
    return [each for each in parsed["interactions"] if "request" in each]


def replay(org: Org, exchange: dict[str, Any]) -> tuple[int, Any]:
    request = exchange["request"]
    url = urlsplit(request["uri"].replace("vxx.0", "v61.0"))
    body = request["body"]
    if isinstance(body, str):
        body = json.loads(body.replace("vxx.0", "v61.0"))
    path = url.path + (f"?{url.query}" if url.query else "")
    answer = org.http(request["method"], path, body)
    return answer.status_code, answer.json() if answer.content else None


def recorded_answer(exchange: dict[str, Any]) -> tuple[int, Any]:
    response = exchange["response"]
    text = response["body"]["string"].replace("vxx.0", "v61.0")
    return response["status"]["code"], json.loads(text) if text else None


@pytest.mark.parametrize(
    "cassette",
    [
        "TestCompositeParallelSalesforce.test_composite_parallel_salesforce.yaml",
        "TestCompositeParallelSalesforce.test_errors.yaml",
        "TestCompositeParallelSalesforce.test_reference_ids.yaml",
        "TestCountSObjects.test_count_sobjects__errors.yaml",
    ],
)
def test_composite_exchanges(org: Org, recorded: Path, cassette: str) -> None:
    for exchange in exchanges(recorded, cassette):
        status, body = replay(org, exchange)
        expected_status, expected = recorded_answer(exchange)
        assert status == expected_status
        assert shape(body) == shape(expected)
        if not isinstance(body, dict) or "compositeResponse" not in body:
            continue
        for own, theirs in zip(body["compositeResponse"], expected["compositeResponse"], strict=True):
            assert own["httpStatusCode"] == theirs["httpStatusCode"]
            assert own["referenceId"] == theirs["referenceId"]
            assert shape(own["body"]) == shape(theirs["body"])
            if isinstance(theirs["body"], list):
                assert own["body"] == theirs["body"]


def test_conditional_reads_in_composite(org: Org, recorded: Path) -> None:
    (exchange,) = exchanges(recorded, "ManualEditTestCompositeParallelSalesforce.test_http_headers.yaml")
    asked = json.loads(exchange["request"]["body"])
    modified = org.http("GET", "sobjects").headers["Last-Modified"]
    for part in asked["compositeRequest"]:
        part["httpHeaders"]["If-Modified-Since"] = modified
    own = org.http("POST", "composite", asked).json()["compositeResponse"]
    theirs = recorded_answer(exchange)[1]["compositeResponse"]
    assert [(each["httpStatusCode"], each["body"]) for each in own] == [(304, None)] * 3
    assert [set(each["httpHeaders"]) for each in own] == [set(each["httpHeaders"]) for each in theirs]


def test_account_upserts(org: Org, recorded: Path) -> None:
    cassette = "TestUpsert.test_upsert_complex_external_id_field_rest__duplicate_error.yaml"
    done = 0
    for exchange in exchanges(recorded, cassette):
        uri = exchange["request"]["uri"]
        if not any(part in uri for part in ("sobjects/Account/", "sObjects=Account", "from+Account")):
            continue
        status, body = replay(org, exchange)
        expected_status, expected = recorded_answer(exchange)
        assert (status, shape(body)) == (expected_status, shape(expected))
        done += 1
    assert done >= 2
    assert {row["Name"] for row in org.query(soql("Name"))} == {"Sitwell-Bluth", "xyzzy"}


def test_a_collection_update(org: Org, recorded: Path) -> None:
    ids = [org.create(Name=f"Account {n}") for n in range(6)]
    exchange = next(
        each
        for each in exchanges(recorded, "TestUpdatesIntegrationTests.test_updates_task.yaml")
        if each["request"]["method"] == "PATCH"
    )
    asked = json.loads(exchange["request"]["body"])
    for record, known in zip(asked["records"], ids, strict=True):
        record["Id"] = known
    answer = org.http("PATCH", "composite/sobjects", asked)
    expected_status, expected = recorded_answer(exchange)
    assert (answer.status_code, shape(answer.json())) == (expected_status, shape(expected))
    assert [row["id"] for row in answer.json()] == ids
    assert org.read(ids[0])["NumberOfEmployees"] == 10000


def test_the_organization(org: Org, recorded: Path) -> None:
    exchange = yaml.safe_load((recorded / "cassettes" / "GET_sobjects_Organization.yaml").read_text())
    real = json.loads(exchange["response"]["body"]["string"])
    own = org.http("GET", f"sobjects/Organization/{org.sandbox.state.organisation}").json()
    for name, value in own.items():
        assert name in real
        assert value is None or type(value) is type(real[name]), name


def test_answers_of_the_ruby_client(make_org: MakeOrg, recorded: Path) -> None:
    org = make_org(settings={"external_id": {"unique": False}})
    expired = org.http("GET", "limits", token="bad")
    assert expired.json() == fixture(recorded, "expired_session_response.json")
    made = org.http("POST", "sobjects/Account/", {"Name": "A", "External_ID__c": "A-1"})
    assert shape(made.json()) == shape(fixture(recorded, "sobject/create_success_response.json"))
    old = "/services/data/v41.0/sobjects/Account/"
    upserted = org.http("PATCH", old + "External_ID__c/A-2", {"Name": "B"})
    assert shape(upserted.json()) == shape(fixture(recorded, "sobject/upsert_created_success_response.json"))
    assert org.http("PATCH", old + "External_ID__c/A-2", {"Name": "C"}).content == b""
    unknown = org.http("PATCH", old + "Namez/A-2", {"Name": "C"})
    assert unknown.json() == fixture(recorded, "sobject/upsert_error_response.json")
    org.create(External_ID__c="A-2")
    several = org.http("PATCH", old + "External_ID__c/A-2", {"Name": "C"})
    assert several.status_code == 300
    assert shape(several.json()) == shape(fixture(recorded, "sobject/upsert_multiple_error_response.json"))
    bad_id = org.http("GET", "sobjects/Account/23foo")
    assert bad_id.json() == fixture(recorded, "sobject/sobject_find_error_response.json")
    no_object = org.http("GET", "sobjects/Whizbang/describe")
    assert no_object.json() == fixture(recorded, "sobject/sobject_describe_error_response.json")
    wrong = org.http("POST", "sobjects/Account/", {"foo": 1, "Name": "A"})
    (error,) = fixture(recorded, "sobject/write_error_response.json")
    assert wrong.json() == [{**error, "message": error["message"].replace("Bar", "Account")}]
    narrow = org.http("GET", f"sobjects/Account/{made.json()['id']}?fields=External_ID__c").json()
    select = fixture(recorded, "sobject/sobject_select_success_response.json")
    assert set(narrow) == {"attributes", "External_ID__c", "Id"}
    assert shape(narrow["attributes"]) == shape(select["attributes"])


def test_query_answers_of_the_ruby_client(org: Org, recorded: Path) -> None:
    assert org.sdk().query(soql("Id")) == fixture(recorded, "sobject/query_empty_response.json")
    for number in range(2):
        org.create(Name=str(number))
    org.settings(page_rows=1)
    first = org.http("GET", "query/?q=SELECT+Name+FROM+Account").json()
    last = org.http("GET", first["nextRecordsUrl"]).json()
    for own, name in ((first, "first"), (last, "last")):
        theirs = fixture(recorded, f"sobject/query_paginated_{name}_page_response.json")
        assert set(own) == set(theirs)
        assert (own["totalSize"], own["done"]) == (theirs["totalSize"], theirs["done"])
        assert shape(own["records"][0]["attributes"]) == shape(theirs["records"][0]["attributes"])
    refused = org.http("GET", "query/?q=SELECT+Foo+FROM+Account")
    error = fixture(recorded, "sobject/query_error_response.json")
    assert shape(refused.json()) == shape(error)
    assert refused.json()[0]["errorCode"] == error[0]["errorCode"]
    counted = org.http("GET", "query/?q=SELECT+COUNT(Id)+FROM+Account").json()
    theirs = fixture(recorded, "sobject/query_aggregate_success_response.json")["records"][0]
    assert counted["records"][0]["attributes"] == theirs["attributes"]
    assert "expr0" in counted["records"][0]
    organization = org.sdk().query("SELECT Id FROM Organization")
    assert shape(organization) == shape(fixture(recorded, "sobject/org_query_response.json"))


def test_replication_answers_of_the_ruby_client(org: Org, recorded: Path) -> None:
    org.settings(freeze_clock="2024-01-10T00:00:30Z")
    kept, gone = org.create(), org.create()
    org.sdk().Account.delete(gone)
    org.settings(clock_offset=120)
    window = "start=2024-01-10T00:00:00Z&end=2024-01-10T00:02:00Z"
    updated = org.http("GET", f"sobjects/Account/updated/?{window}").json()
    assert updated == {"ids": [kept], "latestDateCovered": "2024-01-10T00:02:00.000+0000"}
    assert shape(updated) == shape(fixture(recorded, "sobject/get_updated_success_response.json"))
    deleted = org.http("GET", f"sobjects/Account/deleted/?{window}").json()
    assert shape(deleted) == shape(fixture(recorded, "sobject/get_deleted_success_response.json"))
    assert deleted["deletedRecords"] == [{"id": gone, "deletedDate": "2024-01-10T00:00:30.000+0000"}]


def test_global_describe_of_the_ruby_client(org: Org, recorded: Path) -> None:
    own = org.http("GET", BASE + "sobjects").json()
    theirs = fixture(recorded, "sobject/describe_sobjects_success_response.json")
    assert set(theirs) <= set(own)
    assert set(theirs["sobjects"][0]) <= set(own["sobjects"][0])
    assert set(theirs["sobjects"][0]["urls"]) <= set(own["sobjects"][0]["urls"])


def test_token_answers(org: Org, recorded: Path) -> None:
    assert set(fixture(recorded, "auth_success_response.json")) <= set(org.log_in())
    refused = org.session.post(
        org.server.url + "/services/oauth2/token", data={"grant_type": "client_credentials"}
    )
    assert shape(refused.json()) == shape(fixture(recorded, "auth_error_response.json"))


def test_real_dirty_accounts_are_taken_as_they_are(org: Org, recorded: Path) -> None:
    sample = json.loads((recorded / "sample-accounts" / "event-monitoring-demo.Accounts.json").read_text())
    records = sample["records"]
    writable = {field.name for field in org.sandbox.state.schema.fields if field.createable}
    rows = [
        {"attributes": {"type": "Account"}, **{k: v for k, v in record.items() if k in writable}}
        for record in records
    ]
    for row in rows:
        row.pop("OwnerId", None)
    answer = org.http("POST", "composite/sobjects", {"records": rows}).json()
    assert all(row["success"] for row in answer)
    for row, result in zip(rows, answer, strict=True):
        stored = org.read(result["id"])
        for name, value in row.items():
            if name != "attributes":
                assert stored[name] == (value.strip() if isinstance(value, str) else value), name

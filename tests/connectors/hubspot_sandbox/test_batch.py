from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hubspot.crm.companies.exceptions import ApiException
from hubspot.crm.companies.models import (
    BatchResponseSimplePublicObject,
    BatchResponseSimplePublicObjectWithErrors,
    BatchResponseSimplePublicUpsertObject,
    BatchResponseSimplePublicUpsertObjectWithErrors,
)

from tests.connectors.hubspot_sandbox.conftest import Sdk


def row(company_id: str, trace: str | None = None, **properties: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"properties": {"name": company_id, "company_id": company_id, **properties}}
    return {**made, "objectWriteTraceId": trace} if trace else made


def upsert(company_id: str, trace: str | None = None, **properties: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"id": company_id, "idProperty": "company_id", "properties": properties}
    return {**made, "objectWriteTraceId": trace} if trace else made


def refused(call: Callable[[], Any], status: int = 400) -> dict[str, Any]:
    with pytest.raises(ApiException) as error:
        call()
    assert error.value.status == status
    found: dict[str, Any] = json.loads(error.value.body)
    return found


def test_create(sdk: Sdk) -> None:
    answer, status, _ = sdk.batch.create_with_http_info({"inputs": [row("K1"), row("K2")]})
    assert status == 201
    assert isinstance(answer, BatchResponseSimplePublicObject)
    assert answer.status == "COMPLETE"
    assert answer.started_at <= answer.completed_at
    assert [each.properties["company_id"] for each in answer.results] == ["K1", "K2"]
    assert len({each.properties["hs_lastmodifieddate"] for each in answer.results}) == 1


def test_without_trace_ids_one_bad_row_fails_the_whole_batch(sdk: Sdk) -> None:
    body = refused(
        lambda: sdk.batch.create(
            {"inputs": [row("K1"), row("K2", no_such="x"), row("K3", industry="?", other="y")]}
        )
    )
    assert body["category"] == "VALIDATION_ERROR"
    assert [each["context"]["propertyName"] for each in body["errors"]] == [
        ["no_such"],
        ["industry"],
        ["other"],
    ]
    assert sdk.basic.get_page().results == []


def test_with_trace_ids_the_good_rows_land(sdk: Sdk) -> None:
    inputs = [
        row("K1", "t1"),
        row("K2", "t2", industry="?"),
        row("K3", "t3"),
        {"properties": {}, "objectWriteTraceId": "t4"},
    ]
    answer, status, _ = sdk.batch.create_with_http_info({"inputs": inputs})
    assert status == 207
    assert isinstance(answer, BatchResponseSimplePublicObjectWithErrors)
    assert answer.num_errors == 2
    assert [each.object_write_trace_id for each in answer.results] == ["t1", "t3"]
    first, second = answer.errors
    assert (first.status, first.category) == ("error", "VALIDATION_ERROR")
    assert first.context == {"objectWriteTraceId": ["t2"]}
    listed = json.loads(first.message.removeprefix("Property values were not valid: "))
    assert listed[0]["error"] == "INVALID_OPTION"
    assert second.context["objectWriteTraceId"] == ["t4"]
    assert [each.properties["name"] for each in sdk.basic.get_page().results] == ["K1", "K3"]


def test_with_trace_ids_and_no_error_it_is_201(sdk: Sdk) -> None:
    _, status, _ = sdk.batch.create_with_http_info({"inputs": [row("K1", "t1"), row("K2", "t2")]})
    assert status == 201


def test_trace_ids_must_be_each_rows_own(sdk: Sdk) -> None:
    refused(lambda: sdk.batch.create({"inputs": [row("K1", "t"), row("K2", "t")]}))
    refused(lambda: sdk.batch.create({"inputs": [row("K1", "t"), row("K2")]}))
    assert sdk.basic.get_page().results == []


def test_a_unique_clash_in_a_batch(sdk: Sdk) -> None:
    owner = sdk.make(company_id="K1")
    body = refused(lambda: sdk.batch.create({"inputs": [row("K0"), row("K1")]}))
    assert body["errors"][0]["code"] == "CONFLICTING_UNIQUE_VALUE"
    assert f"{owner} already has that value" in body["message"]

    answer = sdk.batch.create({"inputs": [row("K1", "a"), row("K2", "b"), row("K2", "c")]})
    assert [each.object_write_trace_id for each in answer.results] == ["b"]
    assert [each.context["objectWriteTraceId"] for each in answer.errors] == [["a"], ["c"]]
    assert all("CONFLICTING_UNIQUE_VALUE" in each.message for each in answer.errors)
    assert f"{answer.results[0].id} already has that value" in answer.errors[1].message


def test_update(sdk: Sdk) -> None:
    first, second = sdk.makes(2)
    inputs = [
        {"id": second, "properties": {"city": "York"}},
        {"id": "K0", "idProperty": "company_id", "properties": {"city": "Leeds"}},
    ]
    answer, status, _ = sdk.batch.update_with_http_info({"inputs": inputs})
    assert status == 200
    assert {each.id: each.properties["city"] for each in answer.results} == {second: "York", first: "Leeds"}


def test_update_of_missing_ids_does_the_others(sdk: Sdk) -> None:
    record = sdk.make()
    inputs = [{"id": each, "properties": {"city": "York"}} for each in ("77", record, "78")]
    answer, status, _ = sdk.batch.update_with_http_info({"inputs": inputs})
    assert status == 207
    assert [each.id for each in answer.results] == [record]
    assert [each.context for each in answer.errors] == [{"ids": ["77", "78"]}]
    assert answer.errors[0].category == "OBJECT_NOT_FOUND"


def test_update_whole_or_by_row(sdk: Sdk) -> None:
    one, two = sdk.makes(2)
    bad = {"id": one, "properties": {"no_such": "x"}}
    good = {"id": two, "properties": {"city": "York"}}
    refused(lambda: sdk.batch.update({"inputs": [bad, good]}))
    assert sdk.basic.get_by_id(two, properties=["city"]).properties["city"] is None
    traced = [{**bad, "objectWriteTraceId": "a"}, {**good, "objectWriteTraceId": "b"}]
    answer = sdk.batch.update({"inputs": traced})
    assert [each.object_write_trace_id for each in answer.results] == ["b"]
    assert answer.errors[0].context == {"objectWriteTraceId": ["a"]}


@pytest.mark.parametrize("name", ["read", "update", "upsert"])
def test_duplicate_ids(sdk: Sdk, name: str) -> None:
    sdk.make(company_id="K1")
    inputs = [upsert("K1", city="a"), upsert("K2", city="b"), upsert("K1", city="c")]
    body = refused(lambda: getattr(sdk.batch, name)({"inputs": inputs, "idProperty": "company_id"}))
    assert body["message"] == "Duplicate IDs found in batch input: [K1]. IDs must be unique"
    assert body["context"] == {"ids": ["K1"]}
    assert body["category"] == "VALIDATION_ERROR"


def test_upsert_makes_and_changes(sdk: Sdk) -> None:
    old = sdk.make(company_id="K1")
    inputs = [upsert("K2", name="New", city="York"), upsert("K1", city="Leeds")]
    answer, status, _ = sdk.batch.upsert_with_http_info({"inputs": inputs})
    assert status == 200
    assert isinstance(answer, BatchResponseSimplePublicUpsertObject)
    by_key = {
        sdk.basic.get_by_id(each.id, properties=["company_id"]).properties["company_id"]: each
        for each in answer.results
    }
    assert (by_key["K1"].new, by_key["K2"].new) == (False, True)
    assert by_key["K1"].id == old


def test_upsert_answers_in_no_order(sdk: Sdk) -> None:
    keys = [f"K{n}" for n in range(60)]
    answer = sdk.batch.upsert({"inputs": [upsert(key, name=key) for key in keys]})
    assert sorted(each.properties["name"] for each in answer.results) == sorted(keys)
    assert [each.properties["name"] for each in answer.results] != keys


def test_upsert_with_trace_ids(sdk: Sdk) -> None:
    inputs = [upsert("K1", "a", name="x"), upsert("K2", "b", name="y", industry="?")]
    answer, status, _ = sdk.batch.upsert_with_http_info({"inputs": inputs})
    assert status == 207
    assert isinstance(answer, BatchResponseSimplePublicUpsertObjectWithErrors)
    assert [(each.object_write_trace_id, each.new) for each in answer.results] == [("a", True)]
    assert answer.errors[0].context == {"objectWriteTraceId": ["b"]}


def test_upsert_needs_a_unique_property(sdk: Sdk) -> None:
    refused(
        lambda: sdk.batch.upsert(
            {"inputs": [{"id": "a@b.example", "idProperty": "billing_email", "properties": {}}]}
        )
    )
    refused(lambda: sdk.batch.upsert({"inputs": [{"id": "K1", "properties": {"name": "x"}}]}))


def test_read_by_id_and_by_key(sdk: Sdk) -> None:
    ids = sdk.makes(5)
    answer, status, _ = sdk.batch.read_with_http_info(
        {
            "inputs": [{"id": each} for each in reversed(ids)],
            "properties": ["company_id"],
            "propertiesWithHistory": [],
        }
    )
    assert status == 200
    assert {each.id for each in answer.results} == set(ids)
    answer = sdk.batch.read(
        {
            "inputs": [{"id": "K3"}],
            "idProperty": "company_id",
            "properties": ["name"],
            "propertiesWithHistory": [],
        }
    )
    assert [each.id for each in answer.results] == [ids[3]]


def test_read_names_the_missing_ids_in_one_error(sdk: Sdk) -> None:
    record, gone = sdk.makes(2)
    sdk.basic.archive(gone)
    inputs = [{"id": each} for each in ("1", record, gone, "abc")]
    body = {"inputs": inputs, "properties": [], "propertiesWithHistory": []}
    answer, status, _ = sdk.batch.read_with_http_info(body)
    assert status == 207
    assert isinstance(answer, BatchResponseSimplePublicObjectWithErrors)
    assert answer.num_errors == 1
    assert answer.errors[0].category == "OBJECT_NOT_FOUND"
    assert answer.errors[0].context == {"ids": ["1", gone, "abc"]}
    assert [each.id for each in answer.results] == [record]
    archived = sdk.batch.read({**body, "inputs": [{"id": gone}]}, archived=True)
    assert [each.archived for each in archived.results] == [True]


def test_read_with_history_is_limited_to_fifty(sdk: Sdk) -> None:
    ids = sdk.makes(51)
    inputs = [{"id": each} for each in ids]
    body = {"inputs": inputs, "properties": [], "propertiesWithHistory": ["name"]}
    refused(lambda: sdk.batch.read(body))
    answer = sdk.batch.read({**body, "inputs": inputs[:50]})
    assert answer.results[0].properties_with_history["name"][0].value == "C0"


def test_archive_is_204_always(sdk: Sdk) -> None:
    record, other = sdk.makes(2)
    _, status, _ = sdk.batch.archive_with_http_info(
        {"inputs": [{"id": record}, {"id": "77"}, {"id": record}]}
    )
    assert status == 204
    assert [each.id for each in sdk.basic.get_page().results] == [other]


@pytest.mark.parametrize("name", ["create", "update", "upsert", "read", "archive"])
def test_a_batch_has_one_to_a_hundred_rows(sdk: Sdk, name: str) -> None:
    inputs = [upsert(f"K{n}", name="x") for n in range(101)]
    call = getattr(sdk.batch, name)
    refused(lambda: call({"inputs": inputs, "properties": [], "propertiesWithHistory": []}))
    refused(lambda: call({"inputs": [], "properties": [], "propertiesWithHistory": []}))
    assert sdk.control("GET", "stats")["records"] == 0


@pytest.mark.parametrize(
    "inputs",
    [None, "x", ["x"], [{"properties": {"city": "x"}}], [{"id": "1"}], [{"id": "1", "properties": "x"}]],
)
def test_rows_that_are_none(sdk: Sdk, inputs: Any) -> None:
    sdk.make()
    answer = sdk.call("POST", "/crm/v3/objects/companies/batch/update", {"inputs": inputs})
    assert answer.status_code == 400
    assert answer.json()["category"] == "VALIDATION_ERROR"


def test_lists_that_are_none(sdk: Sdk) -> None:
    body = {"inputs": [{"id": sdk.make()}], "properties": "name"}
    assert sdk.call("POST", "/crm/v3/objects/companies/batch/read", body).status_code == 400


def test_a_company_without_name_or_domain_in_a_batch(sdk: Sdk) -> None:
    body = refused(lambda: sdk.batch.create({"inputs": [row("K1"), {"properties": {"city": "x"}}]}))
    assert body["context"] == {"properties": ["name", "domain"]}
    assert sdk.basic.get_page().results == []


def test_the_dated_versions(sdk: Sdk) -> None:
    for version, status in (("2026-03", 207), ("2026-09", 200)):
        base = f"/crm/objects/{version}/companies"
        made = sdk.call("POST", f"{base}/batch/create", {"inputs": [row(version)]})
        assert made.status_code == 201
        record = made.json()["results"][0]["id"]
        assert sdk.call("GET", f"{base}/{record}").status_code == 200
        assert sdk.call("PATCH", f"{base}/{record}", {"properties": {"city": "x"}}).status_code == 200
        read = sdk.call(
            "POST", f"{base}/batch/read", {"inputs": [{"id": record}, {"id": "7"}], "properties": []}
        )
        assert read.status_code == status
        assert read.json()["numErrors"] == 1
        assert read.json()["errors"][0]["context"] == {"ids": ["7"]}
        assert [each["id"] for each in read.json()["results"]] == [record]
        assert sdk.call("POST", f"{base}/search", {}).json()["total"] >= 1
        assert sdk.call("DELETE", f"{base}/{record}").status_code == 204
    assert sdk.call("GET", "/crm/objects/2025-09/companies").status_code == 404

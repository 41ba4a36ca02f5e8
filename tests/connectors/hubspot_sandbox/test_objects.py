from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from hubspot.crm.companies.exceptions import ApiException, NotFoundException

from tests.connectors.hubspot_sandbox.conftest import Sdk

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")


def refusal(error: pytest.ExceptionInfo[ApiException]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(error.value.body)
    assert found["status"] == "error"
    assert UUID7.fullmatch(found["correlationId"])
    return found


def test_create_then_read(sdk: Sdk) -> None:
    data, status, headers = sdk.basic.create_with_http_info(
        {"properties": {"name": "Belarova Ltd", "company_id": "K1", "phone": "+44 20 7946 0123"}}
    )
    assert status == 201
    assert UUID7.fullmatch(headers["x-hubspot-correlation-id"])
    assert data.id.isdigit()
    assert data.properties["company_id"] == "K1"
    assert data.properties["hs_object_source"] == "INTEGRATION"
    assert data.properties["hs_object_source_id"] == str(sdk.sandbox.app_id)
    assert data.created_at.tzinfo is not None
    assert data.created_at == data.updated_at

    read = sdk.basic.get_by_id(data.id, properties=["phone", "city"])
    assert read.archived is False
    assert read.archived_at is None
    assert read.properties == {
        "phone": "+44 20 7946 0123",
        "city": None,
        "createdate": data.properties["createdate"],
        "hs_lastmodifieddate": data.properties["hs_lastmodifieddate"],
        "hs_object_id": data.id,
    }
    assert STAMP.fullmatch(read.properties["createdate"])


def test_default_properties(sdk: Sdk) -> None:
    record = sdk.basic.get_by_id(sdk.make(phone="1"))
    assert set(record.properties) == {"createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"}


def test_properties_by_comma_and_repeated_and_unknown_ones_left_out(sdk: Sdk) -> None:
    record = sdk.make(city="Leeds", zip="LS2 7AA")
    path = f"/crm/v3/objects/companies/{record}?properties=city,zip&properties=name&properties=no_such"
    found = sdk.call("GET", path).json()["properties"]
    assert found["city"] == "Leeds"
    assert found["zip"] == "LS2 7AA"
    assert "name" in found
    assert "no_such" not in found


def test_all_values_are_texts(sdk: Sdk) -> None:
    given = {"name": "A", "numberofemployees": 12, "is_public": True, "annualrevenue": "1000.5"}
    record = sdk.basic.create({"properties": given}).id
    found = sdk.basic.get_by_id(record, properties=["numberofemployees", "is_public", "annualrevenue"])
    assert found.properties["numberofemployees"] == "12"
    assert found.properties["is_public"] == "true"
    assert found.properties["annualrevenue"] == "1000.5"


def test_texts_are_kept_as_sent(sdk: Sdk) -> None:
    record = sdk.make(company_id="  K1 ", city=" Köln\n")
    found = sdk.basic.get_by_id(record, properties=["company_id", "city"]).properties
    assert (found["company_id"], found["city"]) == ("  K1 ", " Köln\n")


def test_update_bumps_the_stamp_also_when_nothing_changes(sdk: Sdk) -> None:
    record = sdk.make(city="Leeds")
    sdk.control("PUT", "settings", {"clock_offset": 5})
    before = sdk.basic.get_by_id(record).updated_at
    data, status, _ = sdk.basic.update_with_http_info(record, {"properties": {"city": "Leeds"}})
    assert status == 200
    assert data.updated_at - before >= timedelta(seconds=5)
    assert data.properties["city"] == "Leeds"
    assert "name" not in data.properties


def test_an_empty_text_clears_and_a_null_does_nothing(sdk: Sdk) -> None:
    record = sdk.make(city="Leeds", state="Yorkshire")
    sdk.basic.update(record, {"properties": {"city": "", "state": None}})
    found = sdk.basic.get_by_id(record, properties=["city", "state"]).properties
    assert found["city"] is None
    assert found["state"] == "Yorkshire"


def test_dates_and_datetimes(sdk: Sdk) -> None:
    record = sdk.make(closedate="1791205200250")
    assert sdk.basic.get_by_id(record, properties=["closedate"]).properties["closedate"] == (
        "2026-10-05T13:00:00.250Z"
    )
    sdk.basic.update(record, {"properties": {"closedate": "2026-10-05T15:00:00+02:00"}})
    assert sdk.basic.get_by_id(record, properties=["closedate"]).properties["closedate"] == (
        "2026-10-05T13:00:00Z"
    )


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("no_such", "x", "PROPERTY_DOESNT_EXIST"),
        ("hs_object_id", "5", "READ_ONLY_VALUE"),
        ("hs_lastmodifieddate", "2026-01-01", "READ_ONLY_VALUE"),
        ("industry", "Software", "INVALID_OPTION"),
        ("industry", "computer_software", "INVALID_OPTION"),
        ("is_public", "yes", "INVALID_OPTION"),
        ("numberofemployees", "many", "INVALID_DOUBLE"),
        ("numberofemployees", "nan", "INVALID_DOUBLE"),
        ("closedate", "tomorrow", "INVALID_LONG"),
        ("closedate", "9" * 30, "INVALID_LONG"),
        ("city", "x" * 65_537, "INVALID_LENGTH"),
        ("city", ["x"], "INVALID_TYPE"),
    ],
)
def test_a_refused_property_fails_the_whole_write(sdk: Sdk, name: str, value: Any, code: str) -> None:
    record = sdk.make(city="Leeds")
    with pytest.raises(ApiException) as error:
        sdk.basic.update(
            record, {"properties": {"city": "York", name: value} if name != "city" else {name: value}}
        )
    body = refusal(error)
    assert error.value.status == 400
    assert body["category"] == "VALIDATION_ERROR"
    assert [(each["code"], each["context"]) for each in body["errors"]] == [(code, {"propertyName": [name]})]
    listed = json.loads(body["message"].removeprefix("Property values were not valid: "))
    assert listed[0]["error"] == code
    assert listed[0]["name"] == name
    assert listed[0]["isValid"] is False
    assert listed[0]["portalId"] == sdk.sandbox.portal_id
    assert sdk.basic.get_by_id(record, properties=["city"]).properties["city"] == "Leeds"


def test_a_text_of_the_greatest_length_fits(sdk: Sdk) -> None:
    record = sdk.make(description="x" * 65_536)
    assert len(sdk.basic.get_by_id(record, properties=["description"]).properties["description"]) == 65_536


def test_a_company_needs_a_name_or_a_domain(sdk: Sdk) -> None:
    with pytest.raises(ApiException) as error:
        sdk.basic.create({"properties": {"city": "Leeds"}})
    assert error.value.status == 400
    assert refusal(error)["context"] == {"properties": ["name", "domain"]}
    assert sdk.basic.create({"properties": {"domain": "belarova.example"}}).id


def test_a_unique_clash_names_the_other_record(sdk: Sdk) -> None:
    owner = sdk.make(company_id="K1")
    other = sdk.make(company_id="K2")
    for attempt in (
        lambda: sdk.make(company_id="K1"),
        lambda: sdk.basic.update(other, {"properties": {"company_id": "K1"}}),
    ):
        with pytest.raises(ApiException) as error:
            attempt()
        body = refusal(error)
        assert error.value.status == 400
        assert body["category"] == "VALIDATION_ERROR"
        assert body["errors"][0]["code"] == "CONFLICTING_UNIQUE_VALUE"
        assert f"{owner} already has that value" in body["message"]
    assert sdk.basic.get_by_id(other, properties=["company_id"]).properties["company_id"] == "K2"
    sdk.basic.update(owner, {"properties": {"company_id": "K1"}})
    sdk.make(company_id="k1")


def test_a_value_given_up_is_free(sdk: Sdk) -> None:
    owner = sdk.make(company_id="K1")
    sdk.basic.update(owner, {"properties": {"company_id": ""}})
    second = sdk.make(company_id="K1")
    sdk.basic.archive(second)
    assert sdk.make(company_id="K1")


def test_read_and_update_by_a_unique_property(sdk: Sdk) -> None:
    record = sdk.make(company_id="K1/ x")
    found = sdk.basic.get_by_id("K1/ x", id_property="company_id")
    assert found.id == record
    updated = sdk.basic.update("K1/ x", {"properties": {"city": "York"}}, id_property="company_id")
    assert updated.id == record
    with pytest.raises(NotFoundException):
        sdk.basic.get_by_id("K2", id_property="company_id")
    with pytest.raises(ApiException) as error:
        sdk.basic.get_by_id("x", id_property="billing_email")
    assert error.value.status == 400


def test_not_found(sdk: Sdk) -> None:
    with pytest.raises(NotFoundException) as error:
        sdk.basic.get_by_id("123")
    assert refusal(error)["message"] == "resource not found"
    with pytest.raises(NotFoundException) as error:
        sdk.basic.update("abc", {"properties": {"name": "x"}})
    body = refusal(error)
    assert body["category"] == "OBJECT_NOT_FOUND"
    assert body["context"] == {"id": ["abc"]}


def test_bodies_that_are_no_writes(sdk: Sdk) -> None:
    record = sdk.make()
    with pytest.raises(ApiException) as error:
        sdk.basic.update(record, {"properties": {}})
    assert refusal(error)["message"] == "No properties found to update, please provide at least one."
    for body in (b"{", b"[]", b"", b'{"properties": 5}', b'{"properties": {"name": "\\ud800"}}'):
        url = f"{sdk.server.url}/crm/v3/objects/companies"
        headers = {"Authorization": f"Bearer {sdk.sandbox.token}", "Content-Type": "application/json"}
        answer = sdk.http.post(url, data=body, headers=headers, timeout=10)
        assert answer.status_code == 400
        assert answer.json()["category"] == "VALIDATION_ERROR"


def test_archive_hides_a_record_and_lists_it_in_the_recycle_bin(sdk: Sdk) -> None:
    record, other = sdk.make(company_id="K1"), sdk.make()
    _, status, _ = sdk.basic.archive_with_http_info(record)
    assert status == 204
    with pytest.raises(NotFoundException):
        sdk.basic.get_by_id(record)
    found = sdk.basic.get_by_id(record, archived=True, properties=["company_id"])
    assert found.archived is True
    assert isinstance(found.archived_at, datetime)
    assert found.properties["company_id"] == "K1"
    assert [each.id for each in sdk.basic.get_page(archived=True).results] == [record]
    assert [each.id for each in sdk.basic.get_page(archived=False).results] == [other]
    with pytest.raises(NotFoundException):
        sdk.basic.update(record, {"properties": {"name": "x"}})
    with pytest.raises(NotFoundException):
        sdk.basic.get_by_id(other, archived=True)
    lower = sdk.call("GET", "/crm/v3/objects/companies?archived=true").json()
    assert [each["id"] for each in lower["results"]] == [record]
    assert "archivedAt" in lower["results"][0]
    sdk.basic.archive("999")


def test_a_listing_pages_by_id(sdk: Sdk) -> None:
    ids = sdk.makes(230)
    assert ids == sorted(ids, key=int)
    first = sdk.basic.get_page()
    assert [each.id for each in first.results] == ids[:10]
    seen: list[str] = []
    after = None
    sizes = []
    for _ in range(9):
        page = sdk.basic.get_page(limit=100, **({"after": after} if after else {}))
        sizes.append(len(page.results))
        seen += [each.id for each in page.results]
        if page.paging is None:
            break
        assert f"after={page.paging.next.after}" in page.paging.next.link
        after = page.paging.next.after
    assert sizes == [100, 100, 30]
    assert seen == ids


def test_a_listing_that_ends_with_a_full_page_says_so(sdk: Sdk) -> None:
    sdk.makes(100)
    assert sdk.basic.get_page(limit=100).paging is None


def test_a_record_archived_between_two_pages_shifts_nothing(sdk: Sdk) -> None:
    ids = sdk.makes(30)
    page = sdk.basic.get_page(limit=10)
    sdk.basic.archive(ids[3])
    second = sdk.basic.get_page(limit=10, after=page.paging.next.after)
    assert [each.id for each in second.results] == ids[10:20]


@pytest.mark.parametrize(
    "options",
    [
        {"limit": 101},
        {"limit": 0},
        {"limit": 51, "properties_with_history": ["name"]},
        {"after": "abc"},
    ],
)
def test_limits_of_a_listing(sdk: Sdk, options: dict[str, Any]) -> None:
    with pytest.raises(ApiException) as error:
        sdk.basic.get_page(**options)
    assert error.value.status == 400
    assert refusal(error)["category"] == "VALIDATION_ERROR"


def test_a_listing_with_history(sdk: Sdk) -> None:
    sdk.make()
    found = sdk.basic.get_page(limit=50, properties_with_history=["name", "city"]).results[0]
    assert [each.value for each in found.properties_with_history["name"]] == ["Belarova Ltd"]
    assert found.properties_with_history["city"] == []

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hubspot.crm.properties.exceptions import ApiException, NotFoundException

from connectors.hubspot.sandbox.definitions import new_property
from connectors.hubspot.sandbox.schema import Schema, standard_properties
from tests.connectors.hubspot_sandbox.conftest import Sdk, Start

RECORDED = (
    Path(__file__).resolve().parents[3]
    / ".."
    / "shared/data/hubspot/company_properties_recorded_11Dec2018.json"
)

TIER = {
    "name": "tier",
    "label": "Tier",
    "type": "enumeration",
    "fieldType": "select",
    "groupName": "companyinformation",
    "options": [{"label": "Gold", "value": "gold"}, {"label": "Tin", "value": "tin"}],
}


def text(name: str, **more: Any) -> dict[str, Any]:
    base = {"name": name, "label": name, "type": "string", "fieldType": "text"}
    return {**base, "groupName": "companyinformation", **more}


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded property definitions are not on this machine")
def test_our_standard_properties_are_as_recorded() -> None:
    recorded = {each["name"]: each for each in json.loads(RECORDED.read_text("utf-8"))}
    compared = 0
    for ours in standard_properties():
        real = recorded.get(ours.name)
        if real is None:
            assert ours.name in (
                *("hs_object_id", "hs_merged_object_ids", "hs_updated_by_user_id"),
                *("hs_object_source", "hs_object_source_id", "hs_object_source_label"),
            )
            continue
        compared += 1
        assert (ours.type, ours.field_type) == (real["type"], real["fieldType"]), ours.name
        assert ours.read_only == real["readOnlyValue"], ours.name
        assert [list(each) for each in ours.options] == [
            [option["label"], option["value"]] for option in real["options"]
        ], ours.name
    assert compared > 20


def test_list_and_read(sdk: Sdk) -> None:
    found = {each.name: each for each in sdk.properties.get_all("companies").results}
    assert found["company_id"].has_unique_value is True
    assert found["billing_email"].has_unique_value is False
    assert found["company_id"].hubspot_defined is None
    assert found["name"].hubspot_defined is True
    assert found["createdate"].modification_metadata.read_only_value is True
    assert len(found["industry"].options) == 147
    one = sdk.properties.get_by_name("companies", "industry")
    assert one.to_dict() == found["industry"].to_dict()
    assert sdk.properties.get_by_name("0-2", "name").label == "Name"
    with pytest.raises(NotFoundException):
        sdk.properties.get_by_name("companies", "no_such")


def test_create_change_and_delete(sdk: Sdk) -> None:
    made, status, _ = sdk.properties.create_with_http_info("companies", text("erp_id", hasUniqueValue=True))
    assert status == 201
    assert made.has_unique_value is True
    record = sdk.make(erp_id="E1")
    assert sdk.basic.get_by_id("E1", id_property="erp_id").id == record
    changed = sdk.properties.update(
        "companies", "erp_id", {"label": "ERP", "groupName": "companyinformation"}
    )
    assert (changed.label, changed.has_unique_value) == ("ERP", True)
    _, status, _ = sdk.properties.archive_with_http_info("companies", "erp_id")
    assert status == 204
    assert "erp_id" not in sdk.basic.get_by_id(record, properties=["erp_id"]).properties


def test_an_enumeration_is_checked_by_its_options(sdk: Sdk) -> None:
    sdk.properties.create("companies", TIER)
    sdk.make(tier="gold")
    with pytest.raises(Exception, match="INVALID_OPTION"):
        sdk.make(tier="Gold")


def test_a_checkbox_takes_several_and_adds_after_a_leading_semicolon(sdk: Sdk) -> None:
    sdk.properties.create("companies", {**TIER, "fieldType": "checkbox"})
    record = sdk.make(tier="gold")
    sdk.basic.update(record, {"properties": {"tier": ";tin"}})
    assert sdk.basic.get_by_id(record, properties=["tier"]).properties["tier"] == "gold;tin"
    sdk.basic.update(record, {"properties": {"tier": "tin"}})
    assert sdk.basic.get_by_id(record, properties=["tier"]).properties["tier"] == "tin"


def test_a_date_is_a_day(sdk: Sdk) -> None:
    sdk.properties.create("companies", text("since", type="date", fieldType="date"))
    record = sdk.make(since="1791158400000")
    assert sdk.basic.get_by_id(record, properties=["since"]).properties["since"] == "2026-10-05"
    with pytest.raises(Exception, match="not midnight"):
        sdk.make(since="1791158400001")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (text("company_id"), 409),
        (text("Upper"), 400),
        (text("x", type="money"), 400),
        (text("x", fieldType="select"), 400),
        ({**TIER, "options": []}, 400),
        ({**TIER, "options": ["gold"]}, 400),
        ({**TIER, "hasUniqueValue": True}, 400),
        ({"name": "x"}, 400),
    ],
)
def test_definitions_that_are_refused(sdk: Sdk, body: dict[str, Any], status: int) -> None:
    with pytest.raises(ApiException) as error:
        sdk.properties.create("companies", body)
    assert error.value.status == status


def test_uniqueness_is_for_ever(sdk: Sdk) -> None:
    for name, wanted in (("company_id", False), ("billing_email", True)):
        answer = sdk.call("PATCH", f"/crm/v3/properties/companies/{name}", {"hasUniqueValue": wanted})
        assert answer.status_code == 400


def test_hubspots_own_properties_stay(sdk: Sdk) -> None:
    with pytest.raises(ApiException):
        sdk.properties.archive("companies", "name")
    with pytest.raises(ApiException):
        sdk.properties.update("companies", "name", {"label": "x"})


def test_at_most_ten_unique_properties() -> None:
    schema = Schema()
    for number in range(10):
        schema.put(new_property(schema, text(f"u{number}", hasUniqueValue=True), 0))
    with pytest.raises(Exception, match="at most 10"):
        new_property(schema, text("u10", hasUniqueValue=True), 0)


def test_the_dated_path(sdk: Sdk) -> None:
    found = sdk.call("GET", "/crm/properties/2026-09/companies/company_id").json()
    assert found["hasUniqueValue"] is True


@pytest.mark.parametrize("kind", ["plain", "absent"])
def test_the_key_can_be_plain_or_absent(start: Start, kind: str) -> None:
    sdk = start(external_id=kind)
    names = {each.name for each in sdk.properties.get_all("companies").results}
    if kind == "absent":
        assert "company_id" not in names
        return
    first, second = sdk.make(company_id="K1"), sdk.make(company_id="K1")
    found = sdk.search.do_search(
        {"filters": [{"propertyName": "company_id", "operator": "EQ", "value": "K1"}]}
    )
    assert {each.id for each in found.results} == {first, second}
    body = {
        "inputs": [{"id": "K1"}],
        "idProperty": "company_id",
        "properties": [],
        "propertiesWithHistory": [],
    }
    with pytest.raises(Exception, match="idProperty"):
        sdk.batch.read(body)


def test_the_key_and_more_properties_by_settings(sdk: Sdk) -> None:
    sdk.make(company_id="K1")
    sdk.control("PUT", "settings", {"external_id": "plain", "properties": [TIER]})
    sdk.make(company_id="K1", tier="tin")
    answer = sdk.http.put(f"{sdk.server.url}/_sandbox/settings", json={"external_id": "unique"}, timeout=10)
    assert answer.status_code == 400
    assert sdk.properties.get_by_name("companies", "company_id").has_unique_value is False
    sdk.control("PUT", "settings", {"external_id": "absent"})
    with pytest.raises(Exception, match="PROPERTY_DOESNT_EXIST"):
        sdk.make(company_id="K2")


def test_more_properties_from_the_start(start: Start) -> None:
    sdk = start(properties=[TIER])
    assert sdk.make(tier="gold")

"""What people do in HubSpot's own pages, and the history that tells of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hubspot.crm.companies.exceptions import ApiException, NotFoundException

from tests.connectors.hubspot_sandbox.conftest import Sdk


def versions(sdk: Sdk, record: str, name: str) -> list[Any]:
    found = sdk.basic.get_by_id(record, properties_with_history=[name])
    return list(found.properties_with_history[name])


def test_history_newest_first_with_its_sources(sdk: Sdk) -> None:
    record = sdk.make(city="Leeds")
    sdk.control("POST", "edit", {"id": record, "fields": {"city": "York"}, "user": "Ada"})
    sdk.basic.update(record, {"properties": {"city": "", "zip": "LS2 7AA"}})
    history = versions(sdk, record, "city")
    assert [each.value for each in history] == ["", "York", "Leeds"]
    assert [each.source_type for each in history] == ["INTEGRATION", "CRM_UI", "INTEGRATION"]
    assert [each.source_id for each in history][::2] == [str(sdk.sandbox.app_id)] * 2
    user = history[1].updated_by_user_id
    assert history[1].source_id == f"userId:{user}"
    assert history[0].updated_by_user_id is None
    assert history[0].timestamp >= history[1].timestamp >= history[2].timestamp
    assert len(versions(sdk, record, "zip")) == 1
    modified = sdk.basic.get_by_id(record, properties=["hs_updated_by_user_id"])
    assert modified.properties["hs_updated_by_user_id"] == str(user)


def test_writing_the_same_value_makes_no_history(sdk: Sdk) -> None:
    record = sdk.make(city="Leeds")
    sdk.basic.update(record, {"properties": {"city": "Leeds"}})
    assert len(versions(sdk, record, "city")) == 1


def test_a_person_creates_edits_deletes_and_brings_back(sdk: Sdk) -> None:
    record = sdk.control("POST", "create", {"fields": {"name": "A", "company_id": "K1"}})["id"]
    assert versions(sdk, record, "name")[0].source_type == "CRM_UI"
    sdk.control("POST", "edit", {"id": record, "fields": {"city": "York", "company_id": None}})
    found = sdk.basic.get_by_id(record, properties=["city", "company_id"]).properties
    assert (found["city"], found["company_id"]) == ("York", None)
    sdk.control("POST", "delete", {"id": record})
    with pytest.raises(NotFoundException):
        sdk.basic.get_by_id(record)
    sdk.control("POST", "undelete", {"id": record})
    assert sdk.basic.get_by_id(record).archived is False
    assert sdk.search.do_search({}).total == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("edit", {"id": "1", "fields": {"city": "x"}}),
        ("edit", {"id": "RECORD", "fields": {"no_such": "x"}}),
        ("edit", {"id": "RECORD", "fields": {"company_id": "K2"}}),
        ("create", {"fields": {"city": "x"}}),
        ("create", {"fields": {"name": "x", "company_id": "K2"}}),
        ("delete", {"id": "1"}),
        ("undelete", {"id": "RECORD"}),
        ("merge", {"winner": "RECORD", "losers": ["RECORD"]}),
        ("merge", {"winner": "RECORD", "losers": ["1"]}),
    ],
)
def test_what_people_cannot_do(sdk: Sdk, path: str, body: dict[str, Any]) -> None:
    record = sdk.make(company_id="K1")
    sdk.make(company_id="K2")
    sent = json.loads(json.dumps(body).replace("RECORD", record))
    answer = sdk.http.post(f"{sdk.server.url}/_sandbox/{path}", json=sent, timeout=10)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_a_key_taken_meanwhile_keeps_a_record_in_the_recycle_bin(sdk: Sdk) -> None:
    record = sdk.make(company_id="K1")
    sdk.basic.archive(record)
    sdk.make(company_id="K1")
    answer = sdk.http.post(f"{sdk.server.url}/_sandbox/undelete", json={"id": record}, timeout=10)
    assert answer.status_code == 400


def test_a_merge_makes_a_new_id_and_both_old_ones_lead_to_it(sdk: Sdk) -> None:
    primary = sdk.make(name="Winner", city="Leeds", company_id="K1")
    other = sdk.make(name="Loser", city="York", zip="YO1 7HH", company_id="K2")
    merged = sdk.basic.merge({"primaryObjectId": primary, "objectIdToMerge": other})
    assert merged.id not in (primary, other)
    names = ["name", "city", "zip", "company_id", "hs_merged_object_ids"]
    for ref in (primary, other, merged.id):
        found = sdk.basic.get_by_id(ref, properties=names)
        assert found.id == merged.id
        assert {name: found.properties[name] for name in names} == {
            "name": "Winner",
            "city": "Leeds",
            "zip": "YO1 7HH",
            "company_id": "K1",
            "hs_merged_object_ids": f"{primary};{other}",
        }
    inputs = [{"id": primary}, {"id": other}]
    read = sdk.batch.read({"inputs": inputs, "properties": [], "propertiesWithHistory": []})
    assert [each.id for each in read.results] == [merged.id]
    assert [each.id for each in sdk.basic.get_page().results] == [merged.id]
    assert sdk.basic.get_page(archived=True).results == []
    assert [each.id for each in sdk.search.do_search({}).results] == [merged.id]
    assert sdk.basic.get_by_id("K1", id_property="company_id").id == merged.id
    with pytest.raises(NotFoundException):
        sdk.basic.get_by_id("K2", id_property="company_id")
    sdk.basic.update(primary, {"properties": {"city": "Bath"}})
    assert sdk.basic.get_by_id(merged.id, properties=["city"]).properties["city"] == "Bath"


def test_a_merge_keeps_the_history_of_both(sdk: Sdk) -> None:
    primary, other = sdk.make(city="Leeds"), sdk.make(city="York")
    sdk.control("POST", "merge", {"winner": primary, "losers": [other], "user": "Ada"})
    assert [each.value for each in versions(sdk, primary, "city")] == ["Leeds", "York", "Leeds"]


def test_merges_of_merges(sdk: Sdk) -> None:
    first, second, third = sdk.makes(3)
    answer = sdk.control("POST", "merge", {"winner": first, "losers": [second, third]})
    found = sdk.basic.get_by_id(second, properties=["hs_merged_object_ids", "company_id"])
    assert found.id == answer["id"]
    between = int(found.id) - 1
    assert found.properties["hs_merged_object_ids"] == f"{first};{second};{between};{third}"
    assert found.properties["company_id"] == "K0"
    assert sdk.control("GET", "stats")["records"] == 1


def test_merges_that_are_refused(sdk: Sdk) -> None:
    record = sdk.make()
    with pytest.raises(ApiException) as error:
        sdk.basic.merge({"primaryObjectId": record, "objectIdToMerge": record})
    assert error.value.status == 400
    with pytest.raises(NotFoundException):
        sdk.basic.merge({"primaryObjectId": record, "objectIdToMerge": "5"})
    assert sdk.call("POST", "/crm/v3/objects/companies/merge", {}).status_code == 400


def test_the_oracle_sees_every_change(sdk: Sdk) -> None:
    record = sdk.make(city="Leeds")
    other = sdk.make()
    sdk.control("POST", "edit", {"id": record, "fields": {"city": "York"}, "user": "Ada"})
    sdk.basic.archive(other)
    history = sdk.control("GET", "history")
    assert [each["seq"] for each in history] == [1, 2, 3, 4]
    assert [each["kind"] for each in history] == ["create", "create", "update", "archive"]
    assert history[2]["changed"] == {"city": ["Leeds", "York"]}
    assert (history[2]["user"], history[2]["source"], history[2]["id"]) == ("Ada", "CRM_UI", record)
    assert history[0]["changed"]["name"] == [None, "Belarova Ltd"]
    assert sdk.control("GET", "history?since=3") == history[3:]
    records = {each["id"]: each for each in sdk.control("GET", "records")}
    assert records[record]["properties"]["city"] == "York"
    assert records[other]["archived"] is True


def test_the_oracle_sees_merges(sdk: Sdk) -> None:
    first, second = sdk.makes(2)
    new = sdk.control("POST", "merge", {"winner": first, "losers": [second]})["id"]
    last = sdk.control("GET", "history")[-1]
    assert (last["kind"], last["id"], last["merged"]) == ("merge", new, [first, second])
    records = sdk.control("GET", "records")
    assert {each["id"]: each["merged_into"] for each in records if "merged_into" in each} == {
        first: new,
        second: new,
    }

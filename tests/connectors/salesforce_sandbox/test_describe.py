from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.connectors.salesforce_sandbox.org import BASE, Org

# The external id and the invoice address are ours; the other custom fields are the recorded org's.
CUSTOM = {"External_ID__c", "Billing_Email__c"}


@pytest.fixture(scope="module")
def real(recorded: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((recorded / "describe" / "Account.describe.json").read_text())
    return result


def test_account_is_described_with_every_key_of_a_real_describe(org: Org, real: dict[str, Any]) -> None:
    own = org.sdk().Account.describe()
    assert set(own) == set(real)
    assert set(own["urls"]) == set(real["urls"])
    assert set(own["recordTypeInfos"][0]) == set(real["recordTypeInfos"][0])
    assert set(own["childRelationships"][0]) == set(real["childRelationships"][0])
    for key in ("keyPrefix", "label", "labelPlural", "name", "mergeable", "undeletable", "custom"):
        assert own[key] == real[key]
    for field in own["fields"]:
        assert set(field) == set(real["fields"][0])


def test_standard_fields_are_those_of_a_real_account(org: Org, real: dict[str, Any]) -> None:
    own = {field["name"]: field for field in org.sdk().Account.describe()["fields"]}
    theirs = {field["name"]: field for field in real["fields"]}
    assert set(own) - set(theirs) == CUSTOM
    assert len(own) >= 50
    for name in set(own) & set(theirs):
        assert own[name] == theirs[name]


def test_standard_fields_come_in_the_real_order(org: Org, real: dict[str, Any]) -> None:
    own = [field["name"] for field in org.sdk().Account.describe()["fields"] if field["name"] not in CUSTOM]
    order = [field["name"] for field in real["fields"] if field["name"] in own]
    assert own == order


def test_the_external_id_is_a_unique_case_sensitive_text(org: Org) -> None:
    fields = {field["name"]: field for field in org.sdk().Account.describe()["fields"]}
    key, email = fields["External_ID__c"], fields["Billing_Email__c"]
    assert (key["type"], key["length"], key["externalId"], key["unique"]) == ("string", 255, True, True)
    assert (key["caseSensitive"], key["idLookup"], key["custom"]) == (True, True, True)
    assert (email["type"], email["length"], email["unique"]) == ("email", 80, False)


def test_the_list_of_objects_has_the_real_keys(org: Org, recorded: Path) -> None:
    real = json.loads((recorded / "describe" / "Global.describe.json").read_text())
    own = org.sdk().describe()
    assert set(own) == set(real)
    assert (own["encoding"], own["maxBatchSize"]) == ("UTF-8", 200)
    account = next(each for each in real["sobjects"] if each["name"] == "Account")
    assert set(own["sobjects"][0]) == set(account)
    assert set(own["sobjects"][0]["urls"]) == set(account["urls"])


def test_a_describe_that_did_not_change_is_304(org: Org) -> None:
    for path in ("sobjects/Account/describe", "sobjects"):
        modified = org.http("GET", path).headers["Last-Modified"]
        answer = org.http("GET", path, headers={"If-Modified-Since": modified})
        assert (answer.status_code, answer.content) == (304, b"")


def test_a_new_field_changes_the_describe_and_its_validators(org: Org) -> None:
    before = org.http("GET", "sobjects/Account/describe").headers
    org.settings(extra_fields=[{"name": "Tier__c", "type": "picklist", "options": ["Gold", "Silver"]}])
    again = org.http(
        "GET",
        "sobjects/Account/describe",
        headers={"If-Modified-Since": before["Last-Modified"], "If-None-Match": before["ETag"]},
    )
    assert again.status_code == 200
    (tier,) = (field for field in again.json()["fields"] if field["name"] == "Tier__c")
    assert [option["value"] for option in tier["picklistValues"]] == ["Gold", "Silver"]
    assert org.read(org.create(Tier__c="Gold"))["Tier__c"] == "Gold"


def test_versions_resources_limits_and_counts(org: Org) -> None:
    listed = org.session.get(org.server.url + "/services/data/").json()
    assert set(listed[0]) == {"label", "url", "version"}
    assert listed[0] == {"label": "Winter '18", "url": "/services/data/v41.0", "version": "41.0"}
    assert listed[-1] == {"label": "Winter '27", "url": "/services/data/v68.0", "version": "68.0"}
    assert org.http("GET", "").json()["sobjects"] == BASE + "sobjects"
    limits = org.sdk().limits()["DailyApiRequests"]
    assert limits["Max"] - limits["Remaining"] == 2
    org.create()
    assert org.http("GET", "limits/recordCount?sObjects=Account").json() == {
        "sObjects": [{"count": 1, "name": "Account"}]
    }
    basics = org.http("GET", "sobjects/Account").json()
    assert (basics["objectDescribe"]["keyPrefix"], basics["recentItems"]) == ("001", [])

from __future__ import annotations

import pytest
from simple_salesforce.exceptions import SalesforceMoreThanOneRecord, SalesforceResourceNotFound
from simple_salesforce.format import format_external_id

from tests.connectors.salesforce_sandbox.conftest import MakeOrg
from tests.connectors.salesforce_sandbox.org import BASE, Org, refusal

KEY = "sobjects/Account/External_ID__c/"


@pytest.mark.parametrize(
    ("version", "created", "updated"),
    [
        ("46.0", (201, {"created": True}), (200, {"created": False})),
        ("68.0", (201, {"created": True}), (200, {"created": False})),
        ("45.0", (201, {}), (204, None)),
        ("41.0", (201, {}), (204, None)),
    ],
)
def test_the_answer_depends_on_the_version(
    org: Org,
    version: str,
    created: tuple[int, dict[str, bool]],
    updated: tuple[int, dict[str, bool] | None],
) -> None:
    path = f"/services/data/v{version}/{KEY}A-1"
    first = org.http("PATCH", path, {"Name": "A"})
    record = first.json()["id"]
    saved = {"id": record, "success": True, "errors": []}
    assert (first.status_code, first.json()) == (created[0], {**saved, **created[1]})
    second = org.http("PATCH", path, {"Phone": "1"})
    assert second.status_code == updated[0]
    assert (second.json() if second.content else None) == (
        None if updated[1] is None else {**saved, **updated[1]}
    )
    row = org.read(record)
    assert (row["External_ID__c"], row["Name"], row["Phone"]) == ("A-1", "A", "1")


def test_a_key_of_any_characters_survives_the_path(org: Org) -> None:
    sf, key = org.sdk(), "a b/c:ü+1%2F"
    assert sf.Account.upsert(format_external_id("External_ID__c", key), {"Name": "A"}) == 201
    assert sf.Account.upsert(format_external_id("External_ID__c", key), {"Name": "B"}) == 200
    row = sf.Account.get(format_external_id("External_ID__c", key))
    assert (row["External_ID__c"], row["Name"]) == (key, "B")


def test_unescaped_keys_go_wrong_as_with_a_real_org(org: Org) -> None:
    org.create(External_ID__c="a b")
    with pytest.raises(SalesforceResourceNotFound):
        org.sdk().Account.get_by_custom_id("External_ID__c", "a b")
    with pytest.raises(SalesforceResourceNotFound):
        org.sdk().Account.upsert("External_ID__c/a/b", {"Name": "A"})


def test_a_key_that_several_records_have_is_300(make_org: MakeOrg) -> None:
    org = make_org(settings={"external_id": {"unique": False}})
    one, two = org.create(External_ID__c="A-1"), org.create(External_ID__c="a-1")
    answer = org.http("PATCH", KEY + "A-1", {"Name": "B"})
    assert answer.status_code == 300
    assert answer.json() == [f"{BASE}sobjects/Account/{one}", f"{BASE}sobjects/Account/{two}"]
    assert org.read(one)["Name"] == org.read(two)["Name"] == "Acme"
    with pytest.raises(SalesforceMoreThanOneRecord):
        org.sdk().Account.get("External_ID__c/A-1")


def test_a_unique_case_sensitive_key_tells_case_apart(org: Org) -> None:
    upper, lower = org.create(External_ID__c="A-1"), org.create(External_ID__c="a-1")
    assert org.sdk().Account.get("External_ID__c/A-1")["Id"] == upper
    assert org.sdk().Account.get("External_ID__c/a-1")["Id"] == lower


def test_what_names_no_record(org: Org) -> None:
    record = org.create(External_ID__c="A-1")
    for field in ("Nonsense__c", "Name"):
        with pytest.raises(SalesforceResourceNotFound) as caught:
            org.sdk().Account.upsert(f"{field}/A-1", {"Name": "A"})
        message = f"Provided external ID field does not exist or is not accessible: {field}"
        assert refusal(caught) == [{"message": message, "errorCode": "NOT_FOUND"}]
    assert org.http("PATCH", KEY + "A-2?updateOnly=true", {"Name": "A"}).status_code == 404
    assert org.http("PATCH", KEY + "A-1?updateOnly=true", {"Name": "B"}).status_code == 200
    org.sdk().Account.delete(record)
    assert org.http("GET", KEY + "A-1").status_code == 404


@pytest.mark.parametrize("field", ["Id", "External_ID__c"])
def test_the_body_must_not_name_the_record(org: Org, field: str) -> None:
    answer = org.http("PATCH", KEY + "A-1", {"Name": "A", field: "A-1"})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_FIELD")


def test_a_conditional_upsert_of_a_stale_record_is_412(org: Org) -> None:
    org.create(External_ID__c="A-1")
    stale = {"If-Unmodified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"}
    assert org.http("PATCH", KEY + "A-1", {"Name": "B"}, headers=stale).status_code == 412
    assert org.http("PATCH", KEY + "A-2", {"Name": "B"}, headers=stale).status_code == 201


def test_delete_by_key(org: Org) -> None:
    org.create(External_ID__c="A-1")
    assert org.http("DELETE", KEY + "A-1").status_code == 204
    assert org.http("DELETE", KEY + "A-1").status_code == 404

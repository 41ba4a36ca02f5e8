from __future__ import annotations

from typing import Any

import pytest

from tests.connectors.salesforce_sandbox.conftest import MakeOrg
from tests.connectors.salesforce_sandbox.org import BASE, Org

ACCOUNT = {"attributes": {"type": "Account"}}
MANY = "composite/sobjects"
UPSERT = "composite/sobjects/Account/External_ID__c"
NOBODY = "001000000000001AAA"


def rows(*records: dict[str, Any], all_or_none: bool = False) -> dict[str, Any]:
    return {"allOrNone": all_or_none, "records": [{**ACCOUNT, **record} for record in records]}


def codes(results: list[dict[str, Any]]) -> list[str]:
    return ["" if row["success"] else row["errors"][0]["statusCode"] for row in results]


def test_results_come_in_request_order_with_row_errors(org: Org) -> None:
    org.create(External_ID__c="taken")
    answer = org.http(
        "POST",
        MANY,
        rows(
            {"Name": "A"},
            {"Name": "A" * 256},
            {"Name": "B", "Nonsense": 1},
            {"Name": "C", "External_ID__c": "taken"},
            {"Name": "D"},
        ),
    )
    results = answer.json()
    assert answer.status_code == 200
    assert codes(results) == ["", "STRING_TOO_LONG", "INVALID_FIELD", "DUPLICATE_VALUE", ""]
    assert set(results[0]) == {"id", "success", "errors"}
    assert set(results[1]) == {"success", "errors"}
    assert set(results[1]["errors"][0]) == {"statusCode", "message", "fields"}
    assert [org.read(results[place]["id"])["Name"] for place in (0, 4)] == ["A", "D"]


def test_all_rows_can_fail_and_the_call_is_still_200(org: Org) -> None:
    answer = org.http("POST", MANY, rows({}, {}))
    assert (answer.status_code, codes(answer.json())) == (200, ["REQUIRED_FIELD_MISSING"] * 2)


def test_all_or_none_rolls_all_back(org: Org) -> None:
    kept = org.create(Phone="1")
    bad = {"id": kept, "Name": "A" * 256}
    answer = org.http("PATCH", MANY, rows({"id": kept, "Phone": "2"}, bad, all_or_none=True))
    assert codes(answer.json()) == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "STRING_TOO_LONG"]
    assert org.read(kept)["Phone"] == "1"
    assert len(org.control("GET", "history")) == 1
    answer = org.http("POST", MANY, rows({"Name": "A"}, {}, all_or_none=True))
    assert codes(answer.json()) == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING"]
    assert org.query("SELECT COUNT(Id) n FROM Account") == [{"n": 1}]
    assert org.http("POST", MANY, rows({"Name": "A"}, all_or_none=True)).json()[0]["success"] is True


def test_what_was_rolled_back_leaves_its_key_free(org: Org) -> None:
    kept = org.create(External_ID__c="A-1")
    failing = rows({"Name": "B", "External_ID__c": "A-2"}, {}, all_or_none=True)
    assert codes(org.http("POST", MANY, failing).json())[1] == "REQUIRED_FIELD_MISSING"
    assert org.http("GET", "sobjects/Account/External_ID__c/A-2").status_code == 404
    moved = rows({"id": kept, "External_ID__c": "A-3"}, {"id": kept, "Name": None}, all_or_none=True)
    org.http("PATCH", MANY, moved)
    assert org.sdk().Account.get("External_ID__c/A-1")["Id"] == kept
    for key in ("A-2", "A-3"):
        org.create(External_ID__c=key)


def test_update_rows(org: Org) -> None:
    one, two, gone = org.create(), org.create(), org.create()
    org.sdk().Account.delete(gone)
    answer = org.http(
        "PATCH",
        MANY,
        rows(
            {"Id": two, "Phone": "2"},
            {"id": one[:15], "Phone": "1"},
            {"id": gone, "Phone": "3"},
            {"id": NOBODY, "Phone": "4"},
            {"id": "nonsense", "Phone": "5"},
            {"Phone": "6"},
        ),
    )
    results = answer.json()
    assert codes(results) == [
        *("", "", "ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "MALFORMED_ID", "MISSING_ARGUMENT")
    ]
    assert [row["id"] for row in results[:2]] == [two, one]
    assert (org.read(one)["Phone"], org.read(two)["Phone"]) == ("1", "2")


def test_conditions_do_not_reach_collections(org: Org) -> None:
    record = org.create()
    stale = {"If-Unmodified-Since": "Mon, 01 Jan 2001 00:00:00 GMT", "If-Match": '"other"'}
    answer = org.http("PATCH", MANY, rows({"id": record, "Phone": "1"}), headers=stale)
    assert codes(answer.json()) == [""]


def test_upsert_rows(org: Org) -> None:
    known = org.create(External_ID__c="A-1")
    answer = org.http(
        "PATCH",
        UPSERT,
        rows(
            {"External_ID__c": "A-2", "Name": "new"},
            {"External_ID__c": " A-1 ", "Phone": "1"},
            {"External_ID__c": "A-2", "Name": "again"},
            {"Name": "no key"},
            {"External_ID__c": "A-3", "Id": known, "Name": "both"},
        ),
    )
    results = answer.json()
    assert codes(results) == ["", "", "DUPLICATE_VALUE", "MISSING_ARGUMENT", "INVALID_FIELD"]
    assert [row.get("created") for row in results] == [True, False, None, None, None]
    assert results[1]["id"] == known
    assert org.read(results[0]["id"])["Name"] == "new"


def test_upsert_rows_whose_key_several_records_have(make_org: MakeOrg) -> None:
    org = make_org(settings={"external_id": {"unique": False}})
    one, two = org.create(External_ID__c="A-1"), org.create(External_ID__c="A-1")
    answer = org.http("PATCH", UPSERT, rows({"External_ID__c": "A-1", "Name": "B"}))
    (result,) = answer.json()
    assert codes([result]) == ["DUPLICATE_EXTERNAL_ID"]
    assert f"[{one}, {two}]" in result["errors"][0]["message"]


def test_upsert_by_id_creates_where_the_id_is_null(org: Org) -> None:
    # Recorded: PATCH composite/sobjects/Account/Id with "Id": null created the record.
    known = org.create()
    answer = org.http("PATCH", MANY + "/Account/Id", rows({"Id": None, "Name": "B"}, {"Id": known}))
    assert [row["created"] for row in answer.json()] == [True, False]


def test_delete_rows(org: Org) -> None:
    one, two = org.create(), org.create()
    answer = org.http("DELETE", f"{MANY}?ids={one},{NOBODY},{two}&allOrNone=false")
    assert codes(answer.json()) == ["", "INVALID_CROSS_REFERENCE_KEY", ""]
    assert org.query("SELECT Id FROM Account") == []


def test_the_sdk_reaches_collections_through_restful(org: Org) -> None:
    sf = org.sdk()
    made = sf.restful(MANY, method="POST", json=rows({"Name": "A"}, {"Name": "B"}))
    assert [row["success"] for row in made] == [True, True]
    ids = ",".join(row["id"] for row in made)
    gone = sf.restful(MANY, method="DELETE", params={"ids": ids, "allOrNone": "true"})
    assert [row["success"] for row in gone] == [True, True]


def test_retrieve_keeps_the_order_and_gives_null_for_what_is_not_there(org: Org) -> None:
    one, two, gone = org.create(Name="A"), org.create(Name="B"), org.create(Name="C")
    org.sdk().Account.delete(gone)
    path = MANY + "/Account"
    ids = [two, NOBODY, one[:15], gone, two]
    answer = org.http("POST", path, {"ids": ids, "fields": ["name", "Phone"]})
    assert answer.status_code == 200
    shown = answer.json()
    assert [row and row["Name"] for row in shown] == ["B", None, "A", None, "B"]
    assert set(shown[0]) == {"attributes", "Name", "Phone", "Id"}
    assert shown[0]["attributes"]["url"] == f"{BASE}sobjects/Account/{two}"
    by_get = org.http("GET", f"{path}?ids={','.join(ids)}&fields=name,Phone")
    assert by_get.json() == shown


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"ids": [NOBODY], "fields": ["Nonsense"]}, "INVALID_FIELD"),
        ({"ids": ["nonsense"], "fields": ["Id"]}, "MALFORMED_ID"),
        ({"ids": [NOBODY] * 2001, "fields": ["Id"]}, "EXCEEDED_ID_LIMIT"),
        ({"ids": [], "fields": ["Id"]}, "MISSING_ARGUMENT"),
        ({"fields": ["Id"]}, "MISSING_ARGUMENT"),
    ],
)
def test_a_retrieve_that_makes_no_sense(org: Org, body: dict[str, Any], code: str) -> None:
    answer = org.http("POST", MANY + "/Account", body)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (rows(*[{"Name": "A"}] * 201), "EXCEEDED_ID_LIMIT"),
        ({"records": {}}, "JSON_PARSER_ERROR"),
        ({}, "JSON_PARSER_ERROR"),
        (rows({"Name": "A"}, {"Name": ["A"]}), "JSON_PARSER_ERROR"),
        ({"allOrNone": "yes", "records": []}, "JSON_PARSER_ERROR"),
    ],
)
def test_a_malformed_call_is_400_as_a_whole(org: Org, body: dict[str, Any], code: str) -> None:
    answer = org.http("POST", MANY, body)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)
    assert org.query("SELECT Id FROM Account") == []


def test_a_row_needs_its_type(org: Org) -> None:
    records = [{"Name": "A"}, {"attributes": {"type": "Contact"}, "Name": "A"}, {**ACCOUNT, "Name": "A"}]
    answer = org.http("POST", MANY, {"records": records})
    assert codes(answer.json()) == ["INVALID_TYPE", "INVALID_TYPE", ""]


def test_two_hundred_rows_land_in_one_call(org: Org) -> None:
    answer = org.http("POST", MANY, rows(*({"Name": f"A{n}", "External_ID__c": str(n)} for n in range(200))))
    assert codes(answer.json()) == [""] * 200
    assert org.control("GET", "stats") == {
        "calls": {"collections": 1, "token": 1},
        "writes": 200,
        "records": 200,
        "faults": {},
    }

from __future__ import annotations

from typing import Any

import pytest

from connectors.salesforce.sandbox.errors import ApiError
from tests.connectors.salesforce_sandbox.conftest import MakeOrg
from tests.connectors.salesforce_sandbox.org import Org, soql


def test_an_edit_by_a_person_has_another_author_than_the_api(org: Org) -> None:
    record = org.create(Phone="1")
    org.control("POST", "edit", {"id": record, "fields": {"Phone": "2"}, "user": "Ann"})
    row = org.read(record)
    assert row["Phone"] == "2"
    assert row["LastModifiedById"] != row["CreatedById"]
    assert row["LastModifiedById"].startswith("005")
    created, edited = org.control("GET", "history")
    assert (created["kind"], created["source"], created["client"]) == ("create", "api", "crm-sync")
    assert created["user_id"] == row["CreatedById"]
    assert created["changed"]["Phone"] == [None, "1"]
    assert edited == {
        "seq": 2,
        "at": row["SystemModstamp"],
        "id": record,
        "user": "Ann",
        "user_id": row["LastModifiedById"],
        "source": "ui",
        "client": None,
        "kind": "update",
        "changed": {"Phone": ["1", "2"]},
    }
    assert org.control("GET", "history?since=1") == [edited]


def test_lines_typed_by_a_person_end_in_carriage_return_and_line_feed(org: Org) -> None:
    body = {"fields": {"Name": "A", "BillingStreet": "1 Main St\nSuite 2"}}
    record = org.control("POST", "create", body)["id"]
    assert org.read(record)["BillingStreet"] == "1 Main St\r\nSuite 2"
    org.sdk().Account.update(record, {"BillingStreet": "1 Main St\nSuite 3"})
    assert org.read(record)["BillingStreet"] == "1 Main St\nSuite 3"


def test_delete_and_undelete(org: Org) -> None:
    org.settings(freeze_clock="2024-01-01T00:00:00Z")
    record = org.create(External_ID__c="A-1")
    org.settings(clock_offset=1)
    org.control("POST", "delete", {"id": record})
    (gone,) = org.query(soql("IsDeleted, SystemModstamp, MasterRecordId"), everything=True)
    assert gone == {
        "IsDeleted": True,
        "SystemModstamp": "2024-01-01T00:00:01.000+0000",
        "MasterRecordId": None,
    }
    org.settings(clock_offset=2)
    org.control("POST", "undelete", {"id": record})
    row = org.read(record)
    assert (row["IsDeleted"], row["SystemModstamp"]) == (False, "2024-01-01T00:00:02.000+0000")
    assert org.sdk().Account.get("External_ID__c/A-1")["Id"] == record
    assert [each["kind"] for each in org.control("GET", "history")] == ["create", "delete", "undelete"]


def test_a_merge_deletes_the_losers_in_favour_of_the_winner(org: Org) -> None:
    org.settings(freeze_clock="2024-01-01T00:00:00Z")
    winner, loser, other = org.create(Name="W"), org.create(Name="L", Phone="9"), org.create(Name="O")
    child = org.create(Name="child", ParentId=loser)
    org.settings(clock_offset=1)
    merged = org.control("POST", "merge", {"winner": winner, "losers": [loser, other], "user": "Ann"})
    assert merged == {"id": winner}
    lost = org.query(
        soql("Id, MasterRecordId, SystemModstamp", "WHERE MasterRecordId != null"), everything=True
    )
    assert {row["Id"] for row in lost} == {loser, other}
    assert {row["MasterRecordId"] for row in lost} == {winner}
    kept = org.read(winner)
    assert (kept["Phone"], kept["SystemModstamp"]) == (None, "2024-01-01T00:00:01.000+0000")
    assert org.read(child)["ParentId"] == winner
    assert {row["Id"] for row in org.query(soql("Id"))} == {winner, child}
    kinds = [each["kind"] for each in org.control("GET", "history?since=4")]
    assert kinds == ["merge", "merge", "update", "update"]
    assert org.http("GET", f"sobjects/Account/{loser}").status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("edit", {"id": "{live}", "fields": {"Nonsense": 1}}, "INVALID_FIELD"),
        ("edit", {"id": "{gone}", "fields": {"Phone": "1"}}, "ENTITY_IS_DELETED"),
        ("edit", {"id": "nonsense", "fields": {}}, "MALFORMED_ID"),
        ("create", {"fields": {"Phone": "1"}}, "REQUIRED_FIELD_MISSING"),
        ("delete", {"id": "{gone}"}, "ENTITY_IS_DELETED"),
        ("undelete", {"id": "{live}"}, "UNDELETE_FAILED"),
        ("merge", {"winner": "{live}", "losers": ["{live}"]}, "INVALID_OPERATION"),
        ("merge", {"winner": "{live}", "losers": ["{gone}"]}, "ENTITY_IS_DELETED"),
    ],
)
def test_what_a_person_cannot_do(org: Org, path: str, body: dict[str, Any], says: str) -> None:
    live, gone = org.create(), org.create()
    org.sdk().Account.delete(gone)
    names = {"{live}": live, "{gone}": gone}

    def filled(value: Any) -> Any:
        if isinstance(value, list):
            return [filled(each) for each in value]
        return names.get(value, value) if isinstance(value, str) else value

    before = org.control("GET", "records")
    answer = org.session.post(
        f"{org.server.url}/_sandbox/{path}", json={name: filled(value) for name, value in body.items()}
    )
    assert (answer.status_code, says in answer.json()["error"]) == (400, True), answer.text
    assert org.control("GET", "records") == before


def test_control_calls_are_neither_counted_nor_struck(org: Org) -> None:
    org.faults({"fault": "server_error"})
    org.control("POST", "create", {"fields": {"Name": "A"}})
    stats = org.control("GET", "stats")
    assert stats == {"calls": {"token": 1}, "writes": 0, "records": 1, "faults": {}}


def test_a_population_is_there_from_the_start(make_org: MakeOrg) -> None:
    population = [{"Name": f"Company {n}", "External_ID__c": f"C-{n}"} for n in range(300)]
    org = make_org(population=population, settings={"freeze_clock": "2024-01-02T00:00:00Z"})
    (stamps,) = org.query("SELECT MIN(SystemModstamp) low, MAX(SystemModstamp) high FROM Account")
    assert set(stamps.values()) == {"2024-01-01T00:00:00.000+0000"}
    assert org.read(org.create())["SystemModstamp"] == "2024-01-02T00:00:00.000+0000"
    org.sdk().Account.delete(org.query(soql("Id", "WHERE External_ID__c = null"))[0]["Id"])
    assert org.query("SELECT COUNT(Id) n FROM Account") == [{"n": 300}]
    assert org.control("GET", "stats")["writes"] == 2
    assert make_org(population=population, empty=True).query(soql("Id")) == []
    with pytest.raises(ApiError, match="REQUIRED_FIELD_MISSING"):
        make_org(population=[{"Phone": "1"}])

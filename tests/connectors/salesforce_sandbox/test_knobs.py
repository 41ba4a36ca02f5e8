from __future__ import annotations

from typing import Any

import pytest
from simple_salesforce.exceptions import (
    SalesforceExpiredSession,
    SalesforceGeneralError,
    SalesforceRefusedRequest,
)

from connectors.salesforce.sandbox import build
from connectors.sandbox.control import ControlError
from tests.connectors.salesforce_sandbox.conftest import MakeOrg
from tests.connectors.salesforce_sandbox.org import Org, refusal, soql


def test_a_late_commit_turns_up_behind_a_cursor_that_has_passed_it(org: Org) -> None:
    org.settings(freeze_clock="2024-01-01T00:00:00Z", visibility_delay=60)
    late = org.create(Name="late", External_ID__c="A-1")
    org.settings(clock_offset=30, visibility_delay=60)
    assert org.query(soql("Name")) == []
    assert org.query(soql("Name", "WHERE External_ID__c = 'A-1'")) == []
    # Read by id or by key it is there at once, and its key is taken.
    assert org.read(late)["Name"] == "late"
    assert org.sdk().Account.get("External_ID__c/A-1")["Id"] == late
    taken = org.http("POST", "sobjects/Account/", {"Name": "B", "External_ID__c": "A-1"})
    assert taken.json()[0]["errorCode"] == "DUPLICATE_VALUE"
    org.settings(clock_offset=61)
    (row,) = org.query(soql("Name, SystemModstamp", "WHERE SystemModstamp <= 2024-01-01T00:00:00Z"))
    assert row == {"Name": "late", "SystemModstamp": "2024-01-01T00:00:00.000+0000"}


def test_queries_see_the_old_version_of_a_late_edit(org: Org) -> None:
    org.settings(freeze_clock="2024-01-01T00:00:00Z")
    record = org.create(Phone="old")
    org.settings(clock_offset=10, visibility_delay=60)
    org.sdk().Account.update(record, {"Phone": "new"})
    assert org.read(record)["Phone"] == "new"
    assert org.query(soql("Phone, SystemModstamp")) == [
        {"Phone": "old", "SystemModstamp": "2024-01-01T00:00:00.000+0000"}
    ]
    # Another commit meanwhile, not late by itself, does not overtake it.
    org.settings(visibility_delay=1)
    org.sdk().Account.update(record, {"Phone": "newest"})
    org.settings(clock_offset=30)
    assert org.query(soql("Phone")) == [{"Phone": "old"}]
    org.settings(visibility_delay=0)
    assert org.query(soql("Phone, SystemModstamp")) == [
        {"Phone": "newest", "SystemModstamp": "2024-01-01T00:00:10.000+0000"}
    ]


def test_a_stopped_clock_gives_equal_stamps(org: Org) -> None:
    org.settings(freeze_clock=True)
    for number in range(3):
        org.create(Name=str(number))
    stamps = {row["SystemModstamp"] for row in org.query(soql("SystemModstamp"))}
    assert len(stamps) == 1
    (frozen,) = stamps
    org.settings(clock_offset=3600)
    assert org.read(org.create())["SystemModstamp"] > frozen
    org.settings(freeze_clock=False, clock_offset=0)
    assert org.read(org.create())["SystemModstamp"] >= frozen


@pytest.mark.parametrize("limit", [{"token_calls": 3}, {"token_seconds": 60}])
def test_tokens_expire(org: Org, limit: dict[str, float]) -> None:
    org.settings(**limit)
    for _ in range(3):
        org.sdk().query(soql("Id"))
    org.settings(clock_offset=61)
    with pytest.raises(SalesforceExpiredSession) as caught:
        org.sdk().query(soql("Id"))
    assert refusal(caught) == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
    org.token = org.log_in()["access_token"]
    assert org.query(soql("Id")) == []


def test_the_sdk_logs_in_again_and_loses_its_condition(org: Org) -> None:
    """The SDK repeats a PATCH after a 401 without its headers; a real org then writes, and so does this."""
    record = org.create(Phone="1")
    sf = org.sdk_that_logs_in()
    stale = {"If-Unmodified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"}
    with pytest.raises(SalesforceGeneralError, match="PRECONDITION_FAILED"):
        sf.Account.update(record, {"Phone": "2"}, headers=stale)
    org.faults({"kind": "update", "fault": "expire_token", "times": 1})
    assert sf.Account.update(record, {"Phone": "3"}, headers=stale) == 204
    assert org.read(record)["Phone"] == "3"
    # A header of the session survives: the second attempt still names its client.
    assert org.control("GET", "history")[-1]["client"] == "crm-sync"


def test_the_quota_runs_out(org: Org) -> None:
    org.settings(daily_limit=2)
    first = org.http("GET", "limits")
    assert first.headers["Sforce-Limit-Info"] == "api-usage=1/2"
    sf = org.sdk()
    sf.query(soql("Id"))
    assert sf.api_usage["api-usage"].used == 2
    with pytest.raises(SalesforceRefusedRequest) as caught:
        sf.query(soql("Id"))
    assert refusal(caught) == [
        {"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}
    ]
    org.settings(daily_limit=10)
    assert org.http("GET", "limits").status_code == 200


class TestExternalId:
    def test_absent(self, make_org: MakeOrg) -> None:
        org = make_org(settings={"external_id": {"present": False}})
        fields = {field["name"] for field in org.sdk().Account.describe()["fields"]}
        assert "External_ID__c" not in fields
        refused = org.http("POST", "sobjects/Account/", {"Name": "A", "External_ID__c": "A-1"})
        assert refused.json()[0]["errorCode"] == "INVALID_FIELD"
        assert org.http("GET", "sobjects/Account/External_ID__c/A-1").status_code == 404
        query = org.http("GET", "query/?q=SELECT+External_ID__c+FROM+Account")
        assert query.json()[0]["errorCode"] == "INVALID_FIELD"

    def test_read_only(self, org: Org) -> None:
        org.settings(external_id={"writable": False})
        refused = org.http("POST", "sobjects/Account/", {"Name": "A", "External_ID__c": "A-1"})
        assert refused.json()[0]["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"

    def test_shorter(self, org: Org) -> None:
        org.settings(external_id={"length": 5})
        refused = org.http("POST", "sobjects/Account/", {"Name": "A", "External_ID__c": "123456"})
        assert refused.json()[0]["errorCode"] == "STRING_TOO_LONG"

    def test_unique_whatever_the_case(self, org: Org) -> None:
        org.settings(external_id={"case_sensitive": False})
        record = org.create(External_ID__c="A-1")
        refused = org.http("POST", "sobjects/Account/", {"Name": "A", "External_ID__c": "a-1"})
        assert refused.json()[0]["errorCode"] == "DUPLICATE_VALUE"
        assert org.sdk().Account.get("External_ID__c/a-1")["Id"] == record
        assert len(org.query(soql("Id", "WHERE External_ID__c = 'a-1'"))) == 1

    def test_not_unique_and_back(self, org: Org) -> None:
        org.create(External_ID__c="A-1")
        org.settings(external_id={"unique": False})
        (field,) = (
            each for each in org.sdk().Account.describe()["fields"] if each["name"] == "External_ID__c"
        )
        assert (field["unique"], field["caseSensitive"], field["externalId"]) == (False, False, True)
        org.create(External_ID__c="a-1")
        assert len(org.query(soql("Id", "WHERE External_ID__c = 'A-1'"))) == 2
        org.settings(external_id={"unique": True})
        assert len(org.query(soql("Id", "WHERE External_ID__c = 'A-1'"))) == 1


def test_extra_fields_of_every_type(make_org: MakeOrg) -> None:
    extra = [
        {"name": "Correlation__c", "unique": True, "external_id": True},
        {"name": "Active__c", "type": "boolean"},
        {"name": "Since__c", "type": "date"},
        {"name": "Seen__c", "type": "datetime"},
        {"name": "Rate__c", "type": "percent"},
        {"name": "Note__c", "type": "textarea", "length": 1000},
    ]
    org = make_org(settings={"extra_fields": extra})
    row = {
        "Correlation__c": "c-1",
        "Active__c": True,
        "Since__c": "2024-02-29",
        "Seen__c": "2024-02-29T12:00:00+01:00",
        "Rate__c": 12.345,
        "Note__c": "x" * 1000,
    }
    stored = org.read(org.create(**row))
    expected = {**row, "Seen__c": "2024-02-29T11:00:00.000+0000", "Rate__c": 12.35}
    assert {name: stored[name] for name in row} == expected
    assert len(org.query(soql("Id", "WHERE Since__c = 2024-02-29 AND Active__c = TRUE"))) == 1
    assert org.sdk().Account.get("Correlation__c/C-1")["Since__c"] == "2024-02-29"
    for name, value in (("Since__c", "2023-02-29"), ("Seen__c", "noon"), ("Active__c", "yes")):
        refused = org.http("POST", "sobjects/Account/", {"Name": "A", name: value})
        assert refused.json()[0]["errorCode"] == "JSON_PARSER_ERROR"


@pytest.mark.parametrize(
    "wrong",
    [
        {"nonsense": 1},
        {"visibility_delay": -1},
        {"visibility_delay": "long"},
        {"clock_offset": True},
        {"freeze_clock": "yesterday"},
        {"freeze_clock": 5},
        {"token_calls": 1.5},
        {"page_rows": 0},
        {"external_id": {"nonsense": True}},
        {"external_id": {"length": 0}},
        {"external_id": {"unique": "yes"}},
        {"external_id": None},
        {"extra_fields": {"name": "A__c"}},
        {"extra_fields": [{"name": "Without_Suffix"}]},
        {"extra_fields": [{"name": "A__c", "type": "blob"}]},
        {"extra_fields": [{"name": "A__c", "nonsense": 1}]},
        {"extra_fields": ["A__c"]},
    ],
)
def test_a_setting_that_is_wrong_changes_nothing(org: Org, wrong: dict[str, Any]) -> None:
    before = org.control("GET", "settings")
    answer = org.session.put(f"{org.server.url}/_sandbox/settings", json={"daily_limit": 7, **wrong})
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert org.control("GET", "settings") == before
    with pytest.raises(ControlError):
        build(settings=wrong)

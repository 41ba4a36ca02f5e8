from __future__ import annotations

import re
from typing import Any

import pytest
from simple_salesforce.exceptions import (
    SalesforceGeneralError,
    SalesforceMalformedRequest,
    SalesforceResourceNotFound,
)

from tests.connectors.salesforce_sandbox.org import BASE, Org, refusal

NOBODY = "001000000000001AAA"


def test_a_record_made_by_the_sdk_reads_back(org: Org) -> None:
    sf = org.sdk()
    made = sf.Account.create(
        {"Name": "Acme", "External_ID__c": "A-1", "BillingCity": "Paris", "AnnualRevenue": 1e6}
    )
    assert set(made) == {"id", "success", "errors"}
    assert re.fullmatch(r"001\w{15}", made["id"])
    row = sf.Account.get(made["id"])
    assert row["attributes"] == {"type": "Account", "url": f"{BASE}sobjects/Account/{made['id']}"}
    assert (row["Name"], row["External_ID__c"], row["AnnualRevenue"]) == ("Acme", "A-1", 1e6)
    assert (row["IsDeleted"], row["Phone"], row["ShippingAddress"]) == (False, None, None)
    assert row["BillingAddress"] == {
        **dict.fromkeys(
            ("street", "state", "postalCode", "country", "latitude", "longitude", "geocodeAccuracy")
        ),
        "city": "Paris",
    }
    assert row["CreatedDate"] == row["SystemModstamp"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000\+0000", row["CreatedDate"])
    assert row["OwnerId"] == row["CreatedById"] == row["LastModifiedById"] == org.log_in()["id"][-18:]


def test_status_codes_of_create_update_delete(org: Org) -> None:
    made = org.http("POST", "sobjects/Account/", {"Name": "Acme"})
    record = made.json()["id"]
    assert (made.status_code, made.headers["Location"]) == (201, f"{BASE}sobjects/Account/{record}")
    changed = org.http("PATCH", f"sobjects/Account/{record}", {"Phone": "1"})
    assert (changed.status_code, changed.content) == (204, b"")
    gone = org.http("DELETE", f"sobjects/Account/{record}")
    assert (gone.status_code, gone.content) == (204, b"")


@pytest.mark.parametrize("path", ["sobjects/Account/", "sobjects/Account", "sobjects/account/"])
def test_a_trailing_slash_makes_no_difference(org: Org, path: str) -> None:
    assert org.http("POST", path, {"Name": "Acme"}).status_code == 201
    assert org.http("GET", "limits").status_code == org.http("GET", "limits/").status_code == 200


def test_fields_chooses_what_is_shown(org: Org) -> None:
    record = org.create(Phone="1", BillingCity="Paris")
    row = org.http("GET", f"sobjects/Account/{record}?fields=name,BillingCity").json()
    assert set(row) == {"attributes", "Name", "BillingCity", "Id"}
    refused = org.http("GET", f"sobjects/Account/{record}?fields=Name,Nonsense")
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (400, "INVALID_FIELD")


def test_short_and_miscased_ids_are_understood(org: Org) -> None:
    record = org.create()
    assert org.read(record[:15])["Id"] == record
    assert org.read(record.upper())["Id"] == record


def test_texts_are_trimmed_and_blank_is_null(org: Org) -> None:
    record = org.create(Name="  Acme ", Phone="   ", Fax="", Site="\t x \n")
    row = org.read(record)
    assert (row["Name"], row["Phone"], row["Fax"], row["Site"]) == ("Acme", None, None, "x")
    org.http("PATCH", f"sobjects/Account/{record}", {"Site": None, "Phone": "1"})
    row = org.read(record)
    assert (row["Site"], row["Phone"], row["Name"]) == (None, "1", "Acme")


def test_an_update_that_changes_nothing_still_moves_the_stamps(org: Org) -> None:
    org.settings(freeze_clock="2024-01-01T00:00:00Z")
    record = org.create(Phone="1")
    org.settings(clock_offset=90)
    assert org.http("PATCH", f"sobjects/Account/{record}", {"Phone": "1"}).status_code == 204
    row = org.read(record)
    assert row["CreatedDate"] == "2024-01-01T00:00:00.000+0000"
    assert row["SystemModstamp"] == row["LastModifiedDate"] == "2024-01-01T00:01:30.000+0000"


TOO_LONG, READ_ONLY = "STRING_TOO_LONG", "INVALID_FIELD_FOR_INSERT_UPDATE"
BAD_EMAIL, BAD_OPTION = "INVALID_EMAIL_ADDRESS", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
BAD_REFERENCE, PARSER = "INVALID_CROSS_REFERENCE_KEY", "JSON_PARSER_ERROR"


@pytest.mark.parametrize(
    ("body", "code", "fields"),
    [
        ({"Nonsense": 1}, "INVALID_FIELD", None),
        ({"SystemModstamp": "2024-01-01T00:00:00Z"}, READ_ONLY, ["SystemModstamp"]),
        ({"BillingAddress": {"city": "X"}, "IsDeleted": 1}, READ_ONLY, ["BillingAddress", "IsDeleted"]),
        ({"Id": NOBODY}, READ_ONLY, ["Id"]),
        ({"Name": "A" * 256}, TOO_LONG, ["Name"]),
        ({"BillingStreet": "A" * 256}, TOO_LONG, ["BillingStreet"]),
        ({"Billing_Email__c": "not an address"}, BAD_EMAIL, ["Billing_Email__c"]),
        ({"Billing_Email__c": "a@localhost"}, BAD_EMAIL, ["Billing_Email__c"]),
        ({"BillingGeocodeAccuracy": "Vague"}, BAD_OPTION, ["BillingGeocodeAccuracy"]),
        ({"Name": ["A"]}, PARSER, None),
        ({"Name": {"a": 1}}, PARSER, None),
        ({"Name": 5}, PARSER, None),
        ({"AnnualRevenue": True}, PARSER, None),
        ({"NumberOfEmployees": 1.5}, PARSER, None),
        ({"AnnualRevenue": "a lot"}, "INVALID_TYPE_ON_FIELD_IN_RECORD", ["AnnualRevenue"]),
        ({"AnnualRevenue": "nan"}, "INVALID_TYPE_ON_FIELD_IN_RECORD", ["AnnualRevenue"]),
        ({"AnnualRevenue": 1e300}, "NUMBER_OUTSIDE_VALID_RANGE", ["AnnualRevenue"]),
        ({"NumberOfEmployees": 10**9}, "NUMBER_OUTSIDE_VALID_RANGE", ["NumberOfEmployees"]),
        ({"ParentId": "nonsense"}, "MALFORMED_ID", ["ParentId"]),
        ({"ParentId": NOBODY}, BAD_REFERENCE, ["ParentId"]),
        ({"OwnerId": NOBODY}, BAD_REFERENCE, ["OwnerId"]),
        ({"OwnerId": None}, BAD_REFERENCE, ["OwnerId"]),
        ({"Name": None}, "REQUIRED_FIELD_MISSING", ["Name"]),
        ({"Name": "  "}, "REQUIRED_FIELD_MISSING", ["Name"]),
    ],
)
def test_a_write_that_the_org_does_not_take(
    org: Org, body: dict[str, Any], code: str, fields: list[str] | None
) -> None:
    answer = org.http("POST", "sobjects/Account/", {"Name": "A", **body})
    assert answer.status_code == 400
    (error,) = answer.json()
    assert (error["errorCode"], error.get("fields")) == (code, fields)
    assert error["message"]
    assert "Sforce-Limit-Info" not in answer.headers
    assert org.query("SELECT Id FROM Account") == []


def test_a_body_that_is_not_json(org: Org) -> None:
    url, token = f"{org.server.url}{BASE}sobjects/Account/", {"Authorization": f"Bearer {org.token}"}
    broken = org.session.post(url, data=b"{", headers={**token, "Content-Type": "application/json"})
    assert (broken.status_code, broken.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")
    listed = org.http("POST", "sobjects/Account/", [])
    assert (listed.status_code, listed.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")
    form = org.session.post(url, data={"Name": "A"}, headers=token)
    assert (form.status_code, form.json()[0]["errorCode"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_texts_for_numbers_are_read_as_a_real_org_does(org: Org) -> None:
    # Recorded: NumberOfEmployees "10000" was accepted by a real org.
    row = org.read(org.create(NumberOfEmployees="10000", AnnualRevenue="12.5"))
    assert (row["NumberOfEmployees"], row["AnnualRevenue"]) == (10000, 13.0)


def test_a_unique_value_is_refused_to_a_second_record(org: Org) -> None:
    first = org.create(External_ID__c="A-1")
    other = org.create(External_ID__c="a-1")
    with pytest.raises(SalesforceMalformedRequest) as caught:
        org.sdk().Account.create({"Name": "B", "External_ID__c": " A-1 "})
    (error,) = refusal(caught)
    assert error["errorCode"] == "DUPLICATE_VALUE"
    assert error["message"] == (
        f"duplicate value found: External_ID__c duplicates value on record with id: {first[:15]}"
    )
    with pytest.raises(SalesforceMalformedRequest):
        org.sdk().Account.update(other, {"External_ID__c": "A-1"})
    assert org.sdk().Account.update(first, {"External_ID__c": "A-1"}) == 204


def test_the_value_of_a_deleted_record_is_free(org: Org) -> None:
    first = org.create(External_ID__c="A-1")
    org.sdk().Account.delete(first)
    second = org.create(External_ID__c="A-1")
    assert second != first
    refused = org.session.post(f"{org.server.url}/_sandbox/undelete", json={"id": first})
    assert (refused.status_code, "DUPLICATE_VALUE" in refused.text) == (400, True)


def test_records_that_are_not_there(org: Org) -> None:
    sf, record = org.sdk(), org.create()
    sf.Account.delete(record)
    for gone in (record, NOBODY):
        with pytest.raises(SalesforceResourceNotFound) as caught:
            sf.Account.get(gone)
        assert refusal(caught) == [
            {"message": "The requested resource does not exist", "errorCode": "NOT_FOUND"}
        ]
    with pytest.raises(SalesforceResourceNotFound) as caught:
        sf.Account.update(record, {"Phone": "1"})
    assert refusal(caught)[0]["errorCode"] == "ENTITY_IS_DELETED"
    with pytest.raises(SalesforceResourceNotFound) as caught:
        sf.Account.delete(record)
    assert refusal(caught)[0]["errorCode"] == "ENTITY_IS_DELETED"
    unknown = org.http("PATCH", f"sobjects/Account/{NOBODY}", {"Phone": "1"})
    assert (unknown.status_code, unknown.json()[0]["errorCode"]) == (404, "INVALID_CROSS_REFERENCE_KEY")
    contact = org.http("PATCH", "sobjects/Account/0037e00001WZ30qAAD", {"Phone": "1"})
    assert (contact.status_code, contact.json()[0]["errorCode"]) == (400, "MALFORMED_ID")


class TestConditions:
    @pytest.fixture
    def record(self, org: Org) -> str:
        org.settings(freeze_clock="2024-01-01T00:00:10Z")
        return org.create(Phone="1")

    def patch(self, org: Org, record: str, **headers: str) -> tuple[int, str | None]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = org.http("PATCH", f"sobjects/Account/{record}", {"Phone": "2"}, headers=named)
        return answer.status_code, answer.json()[0]["errorCode"] if answer.content else None

    def test_a_read_gives_the_validators(self, org: Org, record: str) -> None:
        answer = org.http("GET", f"sobjects/Account/{record}")
        assert answer.headers["Last-Modified"] == "Mon, 01 Jan 2024 00:00:10 GMT"
        assert re.fullmatch(r'"[A-Za-z0-9+/]{27}=-gzip"', answer.headers["ETag"])
        narrow = org.http("GET", f"sobjects/Account/{record}?fields=Name")
        assert narrow.headers["ETag"] == answer.headers["ETag"]

    def test_if_match_lets_the_version_through_that_was_read(self, org: Org, record: str) -> None:
        tag = org.http("GET", f"sobjects/Account/{record}").headers["ETag"]
        assert self.patch(org, record, If_Match=f'"other", {tag}') == (204, None)
        assert self.patch(org, record, If_Match=tag) == (412, "PRECONDITION_FAILED")
        assert self.patch(org, record, If_Match="*") == (204, None)
        assert self.patch(org, record, If_None_Match="*") == (412, "PRECONDITION_FAILED")

    def test_an_edit_in_the_same_second_changes_the_tag_but_not_the_date(self, org: Org, record: str) -> None:
        before = org.http("GET", f"sobjects/Account/{record}").headers
        org.control("POST", "edit", {"id": record, "fields": {"Phone": "by hand"}})
        after = org.http("GET", f"sobjects/Account/{record}").headers
        assert before["Last-Modified"] == after["Last-Modified"]
        assert self.patch(org, record, If_Match=before["ETag"]) == (412, "PRECONDITION_FAILED")
        assert org.read(record)["Phone"] == "by hand"
        assert self.patch(org, record, If_Unmodified_Since=before["Last-Modified"]) == (204, None)

    def test_if_unmodified_since_compares_whole_seconds(self, org: Org, record: str) -> None:
        read = "Mon, 01 Jan 2024 00:00:10 GMT"
        assert self.patch(org, record, If_Unmodified_Since=read) == (204, None)
        earlier = "Mon, 01 Jan 2024 00:00:09 GMT"
        org.control("POST", "edit", {"id": record, "fields": {"Phone": "by hand"}})
        assert self.patch(org, record, If_Unmodified_Since=earlier) == (412, "PRECONDITION_FAILED")
        assert org.read(record)["Phone"] == "by hand"

    @pytest.mark.parametrize(
        "header",
        [{"If_Match": "no quotes"}, {"If_Unmodified_Since": "2024-01-01T00:00:10Z"}, {"If_None_Match": "x"}],
    )
    def test_an_invalid_header_is_400(self, org: Org, record: str, header: dict[str, str]) -> None:
        assert self.patch(org, record, **header)[0] == 400
        assert org.read(record)["Phone"] == "1"

    def test_the_sdk_sees_412_as_a_general_error(self, org: Org, record: str) -> None:
        with pytest.raises(SalesforceGeneralError) as caught:
            org.sdk().Account.update(
                record, {"Phone": "2"}, headers={"If-Unmodified-Since": "Mon, 01 Jan 2024 00:00:09 GMT"}
            )
        assert caught.value.status == 412

    def test_an_unchanged_record_is_304(self, org: Org, record: str) -> None:
        headers = org.http("GET", f"sobjects/Account/{record}").headers
        for condition in (
            {"If-None-Match": headers["ETag"]},
            {"If-Modified-Since": headers["Last-Modified"]},
        ):
            answer = org.http("GET", f"sobjects/Account/{record}", headers=condition)
            assert (answer.status_code, answer.content) == (304, b"")
        stale = {"If-Modified-Since": "Mon, 01 Jan 2024 00:00:09 GMT"}
        assert org.http("GET", f"sobjects/Account/{record}", headers=stale).status_code == 200


def test_paths_and_versions_that_are_not_there(org: Org) -> None:
    for path, status in (
        ("/services/data/v40.0/limits", 404),
        ("/services/data/v69.0/limits", 404),
        ("/services/data/v61/limits", 404),
        ("//services/data/v61.0/limits", 404),
        ("/services/data/v61.0//limits", 404),
        ("/nothing", 404),
        ("sobjects/Contact/003000000000001AAA", 404),
        ("sobjects/Account/not-an-id", 404),
    ):
        answer = org.http("GET", path)
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (status, "NOT_FOUND"), path
    for version in ("41.0", "68.0"):
        assert org.http("GET", f"/services/data/v{version}/limits").status_code == 200
    wrong = org.http("PUT", "sobjects/Account/001000000000001AAA", {})
    assert (wrong.status_code, wrong.json()[0]["errorCode"]) == (405, "METHOD_NOT_ALLOWED")

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote_plus

import pytest
from simple_salesforce.exceptions import SalesforceMalformedRequest
from simple_salesforce.format import format_soql

from tests.connectors.salesforce_sandbox.org import BASE, Org, refusal, soql


def names(org: Org, rest: str, *, everything: bool = False) -> list[str]:
    found = org.query(soql("Name", rest), everything=everything)
    return [row["Name"] for row in found]


def fill(org: Org, *records: dict[str, Any]) -> list[str]:
    body = {"records": [{"attributes": {"type": "Account"}, **record} for record in records]}
    answer = org.http("POST", "composite/sobjects", body).json()
    assert all(row["success"] for row in answer), answer
    return [row["id"] for row in answer]


@pytest.fixture
def zoo(org: Org) -> Org:
    """Five accounts, one a second."""
    rows: list[dict[str, Any]] = [
        {"Name": "Ant", "Phone": "1", "AnnualRevenue": 10, "Industry": "Banking", "External_ID__c": "a-1"},
        {"Name": "bee", "Phone": None, "AnnualRevenue": None, "Industry": "Media"},
        {"Name": "Cat", "Phone": "3", "AnnualRevenue": 30, "External_ID__c": "A-1"},
        {"Name": "dog 100%", "Phone": "4", "AnnualRevenue": 5, "Industry": "banking"},
        {"Name": "Élan_vital", "Phone": "it's \\ here", "NumberOfEmployees": 7},
    ]
    for second, row in enumerate(rows):
        org.settings(freeze_clock=f"2024-01-01T00:00:0{second}Z")
        fill(org, row)
    org.settings(freeze_clock=False)
    return org


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("WHERE Name = 'ANT'", "Ant"),
        ("WHERE Name != 'ant' ORDER BY Name", "bee Cat dog Élan"),
        ("WHERE Name > 'B' AND Name < 'D' ORDER BY Name", "bee Cat"),
        ("WHERE Industry = 'banking' ORDER BY Id", "Ant dog"),
        ("WHERE Industry != 'Banking' ORDER BY Id", "bee Cat Élan"),
        ("WHERE Industry = null ORDER BY Id", "Cat Élan"),
        ("WHERE Industry = '' ORDER BY Id", "Cat Élan"),
        ("WHERE Industry != null ORDER BY Id", "Ant bee dog"),
        ("WHERE NOT Industry = 'Banking' ORDER BY Id", "bee Cat Élan"),
        ("WHERE (NOT (Industry = 'Banking' OR Name = 'bee')) ORDER BY Id", "Cat Élan"),
        ("WHERE Industry IN ('media', 'Banking') ORDER BY Id", "Ant bee dog"),
        ("WHERE Industry NOT IN ('media') ORDER BY Id", "Ant Cat dog Élan"),
        ("WHERE Name LIKE '%A%' ORDER BY Id", "Ant Cat Élan"),
        ("WHERE Name LIKE '_at'", "Cat"),
        (r"WHERE Name LIKE '%100\%'", "dog"),
        (r"WHERE Name LIKE '%\_%'", "Élan"),
        ("WHERE Name LIKE 'élan%'", "Élan"),
        (r"WHERE Phone = 'it\'s \\ here'", "Élan"),
        (r"WHERE Phone = '\u0031'", "Ant"),
        ("WHERE AnnualRevenue > 5 ORDER BY Id", "Ant Cat"),
        ("WHERE AnnualRevenue >= 5 AND AnnualRevenue <= 10 ORDER BY Id", "Ant dog"),
        ("WHERE AnnualRevenue = 30.0", "Cat"),
        ("WHERE AnnualRevenue < -1", ""),
        ("WHERE NumberOfEmployees IN (6, 7, 8)", "Élan"),
        ("WHERE External_ID__c = 'a-1'", "Ant"),
        ("WHERE External_ID__c IN ('A-1', 'x')", "Cat"),
        ("WHERE External_ID__c = 'a-1' OR External_ID__c = 'A-1' ORDER BY Name DESC", "Cat Ant"),
        ("WHERE IsDeleted = FALSE AND Name = 'bee'", "bee"),
        ("WHERE IsDeleted = true", ""),
        ("WHERE SystemModstamp >= 2024-01-01T00:00:02Z ORDER BY SystemModstamp", "Cat dog Élan"),
        ("WHERE SystemModstamp > 2024-01-01T00:00:02.000Z ORDER BY SystemModstamp DESC", "Élan dog"),
        ("WHERE CreatedDate = 2024-01-01T01:00:01+01:00", "bee"),
        ("WHERE CreatedDate < 2024-01-01T00:00:01.000+0000", "Ant"),
        ("ORDER BY Name", "Ant bee Cat dog Élan"),
        ("ORDER BY Industry, Name DESC", "Élan Cat dog Ant bee"),
        ("ORDER BY Industry NULLS LAST, Name", "Ant dog bee Cat Élan"),
        ("ORDER BY AnnualRevenue DESC NULLS LAST, Id", "Cat Ant dog bee Élan"),
        ("ORDER BY AnnualRevenue DESC NULLS FIRST, Id LIMIT 3", "bee Élan Cat"),
        ("ORDER BY Id DESC LIMIT 2", "Élan dog"),
        ("ORDER BY Id LIMIT 2 OFFSET 1", "bee Cat"),
        ("ORDER BY SystemModstamp, Id LIMIT 2", "Ant bee"),
        ("ORDER BY SystemModstamp DESC, Id DESC LIMIT 2", "Élan dog"),
        ("LIMIT 0", ""),
    ],
)
def test_soql_finds(zoo: Org, rest: str, expected: str) -> None:
    assert [re.split(r"[ _]", name)[0] for name in names(zoo, rest)] == expected.split()


def test_ids_are_compared_in_both_forms(zoo: Org) -> None:
    (row,) = zoo.query("SELECT Id FROM Account WHERE Name = 'Cat'")
    for form in (row["Id"], row["Id"][:15], row["Id"].lower()):
        assert names(zoo, f"WHERE Id = '{form}'") == ["Cat"]
        assert names(zoo, f"WHERE Id IN ('{form}')") == ["Cat"]
    assert names(zoo, f"WHERE Id > '{row['Id'][:15]}' ORDER BY Id")[0] == "dog 100%"
    assert names(zoo, f"WHERE Id <= '{row['Id']}' ORDER BY Id DESC") == ["Cat", "bee", "Ant"]


def test_keyset_paging_meets_every_record_once(org: Org) -> None:
    for second in range(4):
        org.settings(freeze_clock=f"2024-01-01T00:00:0{second}Z")
        fill(org, *({"Name": f"{second}/{n}"} for n in range(50)))
    order = "ORDER BY SystemModstamp, Id LIMIT 7"
    where, seen = "SystemModstamp >= 2024-01-01T00:00:00Z", []
    while page := org.query(soql("Id, SystemModstamp", "WHERE", where, order)):
        seen += [row["Id"] for row in page]
        stamp, last = page[-1]["SystemModstamp"], page[-1]["Id"]
        where = f"(SystemModstamp = {stamp} AND Id > '{last}') OR SystemModstamp > {stamp}"
    assert seen == sorted(seen)
    assert len(seen) == 200


def test_aggregates(zoo: Org) -> None:
    columns = "COUNT(Id), MIN(SystemModstamp) oldest, MAX(AnnualRevenue), COUNT(Industry), MIN(Name)"
    answer = zoo.sdk().query(soql(columns))
    assert (answer["totalSize"], answer["done"]) == (1, True)
    (row,) = answer["records"]
    assert row["attributes"] == {"type": "AggregateResult"}
    assert {name: value for name, value in row.items() if name != "attributes"} == {
        "expr0": 5,
        "oldest": "2024-01-01T00:00:00.000+0000",
        "expr1": 30.0,
        "expr2": 3,
        "expr3": "Ant",
    }
    assert zoo.sdk().query("SELECT COUNT() FROM Account WHERE AnnualRevenue > 5") == {
        "totalSize": 2,
        "done": True,
        "records": [],
    }
    (empty,) = zoo.query("SELECT MIN(Id), MAX(Id) FROM Account WHERE Name = 'nobody'")
    assert empty == {"expr0": None, "expr1": None}


def test_organization_is_one_row(org: Org) -> None:
    (row,) = org.query("SELECT Id, Name, IsSandbox FROM Organization")
    assert row == {"Id": org.sandbox.state.organisation, "Name": "Concord Sandbox", "IsSandbox": True}
    whole = org.http("GET", f"sobjects/Organization/{row['Id']}").json()
    assert whole["Name"] == "Concord Sandbox"


def test_deleted_records_are_for_query_all(zoo: Org) -> None:
    (row,) = zoo.query("SELECT Id FROM Account WHERE External_ID__c = 'A-1'")
    zoo.sdk().Account.delete(row["Id"])
    assert names(zoo, "WHERE External_ID__c = 'A-1'") == []
    assert names(zoo, "WHERE External_ID__c = 'A-1'", everything=True) == ["Cat"]
    assert names(zoo, "WHERE IsDeleted = TRUE", everything=True) == ["Cat"]
    assert zoo.query("SELECT COUNT(Id) n FROM Account", everything=True) == [{"n": 5}]
    assert zoo.query("SELECT COUNT(Id) n FROM Account") == [{"n": 4}]


def test_values_that_the_sdk_quotes_arrive_as_they_are(org: Org) -> None:
    for name in ("O'Brien \\ Sons", 'say "hi"\n\tthere', "100%_x", "x' OR Name LIKE '%"):
        fill(org, {"Name": name})
        assert names(org, format_soql("WHERE Name = {}", name)) == [name]
        assert names(org, format_soql("WHERE Name LIKE '{:like}%'", name)) == [name]


@pytest.mark.parametrize(
    ("query", "code", "column"),
    [
        ("SELECT Nonsense FROM Account", "INVALID_FIELD", 8),
        ("SELECT Id FROM XYZZY", "INVALID_TYPE", 16),
        ("SELECT Id, Id FROM Account", "INVALID_FIELD", 12),
        ("SELECT Id FROM Account WHERE Nonsense = 1", "INVALID_FIELD", 30),
        ("SELECT Id FROM Account ORDER BY Nonsense", "INVALID_FIELD", 33),
        ("SELECT Id FROM Account WHERE Name = 5", "INVALID_FIELD", 37),
        ("SELECT Id FROM Account WHERE AnnualRevenue = '5'", "INVALID_FIELD", 46),
        ("SELECT Id FROM Account WHERE SystemModstamp > '2024-01-01T00:00:00Z'", "INVALID_FIELD", 47),
        ("SELECT Id FROM Account WHERE SystemModstamp > 2024-01-01", "INVALID_FIELD", 47),
        ("SELECT Id FROM Account WHERE Description = 'x'", "INVALID_FIELD", 30),
        ("SELECT Id FROM Account WHERE BillingAddress = 'x'", "INVALID_FIELD", 30),
        ("SELECT Id FROM Account WHERE Id = 'foo'", "INVALID_QUERY_FILTER_OPERATOR", 35),
        ("SELECT Id FROM Account WHERE Id LIKE '001%'", "INVALID_QUERY_FILTER_OPERATOR", 30),
        ("SELECT Id FROM Account WHERE IsDeleted > TRUE", "INVALID_QUERY_FILTER_OPERATOR", 30),
        ("SELECT Id FROM Account WHERE Name > null", "INVALID_QUERY_FILTER_OPERATOR", 30),
        ("SELECT Id FROM Account ORDER BY Description", "MALFORMED_QUERY", 33),
        (r"SELECT Id FROM Account WHERE Name = '\q'", "MALFORMED_QUERY", 37),
        (r"SELECT Id FROM Account WHERE Name = '50\%'", "MALFORMED_QUERY", 37),
        ("SELECT Id FROM Account WHERE Name = 'open", "MALFORMED_QUERY", 37),
        ("SELECT Id FROM Account WHERE A = 1 AND B = 2 OR C = 3", "MALFORMED_QUERY", 46),
        ("SELECT Id FROM Account WHERE NOT Name = 'a' AND Name = 'b'", "MALFORMED_QUERY", 45),
        ("SELECT Id, COUNT(Id) FROM Account", "MALFORMED_QUERY", 8),
        ("SELECT COUNT(), MAX(Id) FROM Account", "MALFORMED_QUERY", 21),
        ("SELECT MAX(IsDeleted) FROM Account", "MALFORMED_QUERY", 12),
        ("SELECT MAX(Id) FROM Account ORDER BY Id", "MALFORMED_QUERY", 38),
        ("SELECT Owner.Name FROM Account", "MALFORMED_QUERY", 13),
        ("SELECT Id FROM Account GROUP BY Id", "MALFORMED_QUERY", 24),
        ("SELECT Id FROM Account WHERE CreatedDate = TODAY", "MALFORMED_QUERY", 44),
        ("SELECT Id FROM Account WHERE Id IN (SELECT Id FROM Account)", "MALFORMED_QUERY", 37),
        ("SELECT Id FROM Account OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", 31),
        ("SELECT Id FROM Account WHERE CreatedDate = 2024-02-30T00:00:00Z", "MALFORMED_QUERY", 44),
    ],
)  # fmt: skip
def test_what_is_refused_says_where(org: Org, query: str, code: str, column: int) -> None:
    with pytest.raises(SalesforceMalformedRequest) as caught:
        org.sdk().query(query)
    (error,) = refusal(caught)
    assert error["errorCode"] == code
    assert f"ERROR at Row:1:Column:{column}\n" in error["message"]


def test_a_query_that_is_missing_or_too_long(org: Org) -> None:
    assert org.http("GET", "query/").status_code == 400
    assert org.http("GET", "query/?q=").json()[0]["errorCode"] == "MALFORMED_QUERY"
    wide = "SELECT Id FROM Account WHERE Name IN ('" + "x" * 16_400 + "')"
    assert org.http("GET", f"query/?q={quote_plus(wide)}").status_code == 414
    fits = "SELECT Id FROM Account WHERE Name IN ('" + "x" * 16_000 + "')"
    assert org.http("GET", f"query/?q={quote_plus(fits)}").status_code == 200


class TestPages:
    @pytest.fixture
    def big(self, org: Org) -> Org:
        for start in range(0, 2200, 200):
            fill(org, *({"Name": f"{start + n:05d}"} for n in range(200)))
        return org

    def test_two_thousand_by_default(self, big: Org) -> None:
        first = big.sdk().query("SELECT Name FROM Account ORDER BY Name")
        assert (first["totalSize"], first["done"], len(first["records"])) == (2200, False, 2000)
        assert re.fullmatch(rf"{BASE}query/01g\w{{15}}-2000", first["nextRecordsUrl"])
        last = big.sdk().query_more(first["nextRecordsUrl"], True)
        assert (last["totalSize"], last["done"], len(last["records"])) == (2200, True, 200)
        assert "nextRecordsUrl" not in last
        assert last["records"][-1]["Name"] == "02199"
        assert big.control("GET", "stats")["calls"] | {"collections": 0, "token": 0} == {
            "collections": 0,
            "token": 0,
            "query": 1,
            "query_more": 1,
        }

    @pytest.mark.parametrize(("asked", "given"), [(200, 200), (500, 500), (1, 200), (9999, 2000)])
    def test_the_batch_size_can_be_asked_for(self, big: Org, asked: int, given: int) -> None:
        headers = {"Sforce-Query-Options": f"batchSize={asked}"}
        page = big.http("GET", "query/?q=SELECT+Id+FROM+Account", headers=headers).json()
        assert len(page["records"]) == given
        following = big.http("GET", page["nextRecordsUrl"]).json()
        assert len(following["records"]) == min(given, 2200 - given)

    def test_pages_can_come_shorter_than_asked(self, big: Org) -> None:
        big.settings(page_rows=300)
        first = big.sdk().query("SELECT Id FROM Account")
        assert (len(first["records"]), first["totalSize"], first["done"]) == (300, 2200, False)
        assert len(big.query("SELECT Id FROM Account")) == 2200

    def test_a_page_can_be_fetched_again_and_shows_records_as_they_are(self, big: Org) -> None:
        first = big.sdk().query("SELECT Id, Name FROM Account ORDER BY Id")
        once = big.sdk().query_more(first["nextRecordsUrl"], True)
        big.control("POST", "edit", {"id": once["records"][0]["Id"], "fields": {"Name": "new"}})
        again = big.sdk().query_more(first["nextRecordsUrl"], True)
        assert [row["Id"] for row in again["records"]] == [row["Id"] for row in once["records"]]
        assert again["records"][0]["Name"] == "new"

    def test_a_locator_expires(self, big: Org) -> None:
        first = big.sdk().query("SELECT Id FROM Account")
        big.settings(clock_offset=172_801)
        for url in (first["nextRecordsUrl"], BASE + "query/01g000000000001AAA-2000", BASE + "query/x"):
            answer = big.http("GET", url)
            assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_QUERY_LOCATOR")
        big.settings(clock_offset=0, cursor_seconds=0)
        second = big.sdk().query("SELECT Id FROM Account")
        assert big.http("GET", second["nextRecordsUrl"]).status_code == 400

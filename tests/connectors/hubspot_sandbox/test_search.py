from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hubspot.crm.companies.exceptions import ApiException

from connectors.hubspot.sandbox import build
from connectors.hubspot.sandbox.query import parse
from connectors.hubspot.sandbox.search import run
from tests.connectors.hubspot_sandbox.conftest import Sdk, Start


def where(name: str, operator: str, value: Any = None, **more: Any) -> dict[str, Any]:
    condition = {"propertyName": name, "operator": operator, **more}
    return {**condition, "value": value} if value is not None else condition


def body(*filters: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"filterGroups": [{"filters": list(filters)}] if filters else [], **more}


def by_time(direction: str = "ASCENDING") -> list[dict[str, str]]:
    return [{"propertyName": "hs_lastmodifieddate", "direction": direction}]


def names(sdk: Sdk, request: dict[str, Any]) -> list[str]:
    return [each.properties["name"] for each in sdk.search.do_search(request).results]


@pytest.fixture
def filled(start: Start) -> Sdk:
    companies = [
        {"name": "Alder Ltd", "city": "Leeds", "numberofemployees": "5", "company_id": "K-A", "phone": "1"},
        {"name": "Birch GmbH", "city": "Köln", "numberofemployees": "50", "company_id": "K-B"},
        {"name": "Cedar Inc.", "city": "leeds", "numberofemployees": "9", "company_id": "K-C"},
        {"name": "Dogwood SA", "industry": "MACHINERY", "company_id": "K-D"},
    ]
    return start(population=companies)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (where("city", "EQ", "LEEDS"), "AC"),
        (where("city", "NEQ", "leeds"), "B"),
        (where("name", "EQ", "alder ltd"), "A"),
        (where("numberofemployees", "GT", "9"), "B"),
        (where("numberofemployees", "GTE", 9), "BC"),
        (where("numberofemployees", "LT", "9"), "A"),
        (where("numberofemployees", "LTE", "9"), "AC"),
        (where("numberofemployees", "BETWEEN", "5", highValue="9"), "AC"),
        (where("city", "IN", values=["leeds", "york"]), "AC"),
        (where("city", "IN", values=["Leeds"]), ""),
        (where("city", "NOT_IN", values=["leeds"]), "B"),
        (where("city", "HAS_PROPERTY"), "ABC"),
        (where("city", "NOT_HAS_PROPERTY"), "D"),
        (where("name", "CONTAINS_TOKEN", "ltd"), "A"),
        (where("name", "CONTAINS_TOKEN", "ced*"), "C"),
        (where("name", "CONTAINS_TOKEN", "ced"), ""),
        (where("name", "NOT_CONTAINS_TOKEN", "ltd"), "BCD"),
        (where("industry", "EQ", "MACHINERY"), "D"),
        (where("industry", "EQ", "machinery"), ""),
        (where("company_id", "EQ", "k-a"), "A"),
        (where("company_id", "IN", values=["k-a", "k-d"]), "AD"),
        (where("company_id", "IN", values=["K-A"]), ""),
        (where("hs_object_id", "GT", "0"), "ABCD"),
    ],
)
def test_operators(filled: Sdk, condition: dict[str, Any], expected: str) -> None:
    found = filled.search.do_search(body(condition, properties=["name"]))
    assert "".join(sorted(each.properties["name"][0] for each in found.results)) == expected
    assert found.total == len(expected)


def test_or_across_groups_and_within_one(filled: Sdk) -> None:
    leeds = where("city", "EQ", "leeds")
    assert names(filled, body(leeds, where("numberofemployees", "GT", "8"))) == ["Cedar Inc."]
    request = {"filterGroups": [{"filters": [leeds]}, {"filters": [where("industry", "EQ", "MACHINERY")]}]}
    assert names(filled, request) == ["Alder Ltd", "Cedar Inc.", "Dogwood SA"]


def test_query_and_sort(filled: Sdk) -> None:
    assert names(filled, {"query": "birch"}) == ["Birch GmbH"]
    assert names(filled, {"query": "birch alder"}) == []
    down = [{"propertyName": "name", "direction": "DESCENDING"}]
    assert names(filled, {"sorts": down}) == ["Dogwood SA", "Cedar Inc.", "Birch GmbH", "Alder Ltd"]
    assert names(filled, {"sorts": ["numberofemployees"]}) == [
        "Alder Ltd",
        "Cedar Inc.",
        "Birch GmbH",
        "Dogwood SA",
    ]
    assert (
        names(filled, {"sorts": [{"propertyName": "hs_object_id", "direction": "DESCENDING"}]})[0]
        == "Dogwood SA"
    )


def test_paging_by_a_whole_number(filled: Sdk) -> None:
    first = filled.search.do_search({"limit": 3})
    assert (first.total, len(first.results), first.paging.next.after) == (4, 3, "3")
    last = filled.search.do_search({"limit": 3, "after": first.paging.next.after})
    assert ([each.properties["name"] for each in last.results], last.paging) == (["Dogwood SA"], None)


@pytest.mark.parametrize(
    "request_body",
    [
        {"limit": 201},
        {"after": "x"},
        {"after": "9990", "limit": 11},
        {"after": "10000", "limit": 1},
        {"sorts": [*by_time(), *by_time()]},
        {"sorts": ["no_such"]},
        {"sorts": [5]},
        {"sorts": "name"},
        {"filterGroups": [{"filters": [where("city", "HAS_PROPERTY")]}] * 6},
        {"filterGroups": [{"filters": [where("city", "HAS_PROPERTY")] * 7}]},
        {"filterGroups": [{"filters": [where("city", "HAS_PROPERTY")] * 5}] * 4},
        {"filterGroups": [{"filters": [where("no_such", "EQ", "x")]}]},
        {"filterGroups": [{"filters": [where("city", "LIKE", "x")]}]},
        {"filterGroups": [{"filters": [where("city", "EQ")]}]},
        {"filterGroups": [{"filters": [where("city", "IN", "x")]}]},
        {"filterGroups": [{"filters": [where("city", "BETWEEN", "x")]}]},
        {"filterGroups": [{"filters": [where("hs_lastmodifieddate", "GT", "yesterday")]}]},
        {"filterGroups": "x"},
        {"query": "x" * 3000},
    ],
)
def test_what_a_search_refuses(filled: Sdk, request_body: dict[str, Any]) -> None:
    with pytest.raises(ApiException) as error:
        filled.search.do_search(request_body)
    assert error.value.status == 400
    assert json.loads(error.value.body)["category"] == "VALIDATION_ERROR"


def test_the_last_of_ten_thousand_can_be_paged_to(filled: Sdk) -> None:
    assert filled.search.do_search({"after": "9800", "limit": 200}).results == []


def test_archived_records_are_never_found(filled: Sdk) -> None:
    record = filled.search.do_search(body(where("company_id", "EQ", "k-a"))).results[0].id
    filled.basic.archive(record)
    assert filled.search.do_search(body(where("company_id", "EQ", "k-a"))).total == 0
    assert filled.search.do_search({}).total == 3


def test_no_rate_limit_headers(filled: Sdk) -> None:
    _, _, headers = filled.search.do_search_with_http_info({})
    assert not [name for name in headers if name.lower().startswith("x-hubspot-ratelimit")]
    _, _, headers = filled.basic.get_page_with_http_info()
    assert [name for name in headers if name.lower().startswith("x-hubspot-ratelimit")]


def test_what_was_written_is_found_only_after_the_index_delay(filled: Sdk) -> None:
    filled.control("PUT", "settings", {"index_delay": 3600})
    record = filled.make(company_id="K-E", city="Oslo")
    old = filled.search.do_search(body(where("company_id", "EQ", "k-b"))).results[0].id
    filled.basic.update(old, {"properties": {"city": "Bonn"}})
    filled.basic.archive(filled.search.do_search(body(where("company_id", "EQ", "k-c"))).results[0].id)
    assert filled.basic.get_by_id(record).id == record
    assert filled.search.do_search(body(where("company_id", "EQ", "k-e"))).total == 0
    assert names(filled, body(where("city", "EQ", "köln"))) == ["Birch GmbH"]
    assert filled.search.do_search(body(where("company_id", "EQ", "k-c"))).total == 1
    filled.control("PUT", "settings", {"index_delay": 0})
    assert filled.search.do_search(body(where("company_id", "EQ", "k-e"))).total == 1
    assert names(filled, body(where("city", "EQ", "bonn"))) == ["Birch GmbH"]
    assert filled.search.do_search(body(where("company_id", "EQ", "k-c"))).total == 0


def test_what_changed_since_by_milliseconds_or_iso(filled: Sdk) -> None:
    since = int(time.time() * 1000) - 60_000
    record = filled.make(company_id="K-E")
    for value in (str(since), since, datetime.fromtimestamp(since / 1000, UTC).isoformat()):
        request = body(where("hs_lastmodifieddate", "GTE", value), sorts=by_time(), limit=200)
        assert [each.id for each in filled.search.do_search(request).results] == [record]


def test_paging_by_time_and_id_through_equal_stamps(sdk: Sdk) -> None:
    sdk.control("PUT", "settings", {"freeze_clock": True})
    ids = sdk.makes(250)
    assert len({each["at"] for each in sdk.control("GET", "history")}) == 1
    sdk.control("PUT", "settings", {"freeze_clock": False, "clock_offset": 60})
    sdk.basic.update(ids[7], {"properties": {"city": "Oslo"}})
    stamp, last, seen = 0, 0, []
    for _ in range(9):
        request = {
            "filterGroups": [
                {"filters": [where("hs_lastmodifieddate", "GT", str(stamp))]},
                {
                    "filters": [
                        where("hs_lastmodifieddate", "EQ", str(stamp)),
                        where("hs_object_id", "GT", str(last)),
                    ]
                },
            ],
            "sorts": by_time(),
            "limit": 100,
        }
        page = sdk.search.do_search(request).results
        if not page:
            break
        seen += [each.id for each in page]
        stamp, last = round(page[-1].updated_at.timestamp() * 1000), int(page[-1].id)
    assert seen == [*(each for each in ids if each != ids[7]), ids[7]]
    down = sdk.search.do_search({"sorts": by_time("DESCENDING"), "limit": 3}).results
    assert [each.id for each in down] == [ids[7], ids[249], ids[248]]


def test_slices_answer_as_a_scan_does() -> None:
    """The fast ways of the search against trying every document."""
    sandbox = build(population=[{"name": f"C{n}", "company_id": f"K{n}"} for n in range(60)])
    account = sandbox.state.account
    documents = sorted(account.index.documents.values(), key=lambda each: (each.modified, each.id))
    middle = documents[30]
    groups = [
        [where("hs_lastmodifieddate", "GT", str(middle.modified))],
        [where("hs_lastmodifieddate", "LTE", str(middle.modified))],
        [
            where(
                "hs_lastmodifieddate", "BETWEEN", str(middle.modified - 5), highValue=str(middle.modified + 5)
            )
        ],
        [where("hs_lastmodifieddate", "EQ", str(middle.modified)), where("hs_object_id", "GT", "0")],
        [where("hs_object_id", "GTE", str(middle.id)), where("hs_object_id", "LT", str(middle.id + 9))],
        [where("hs_object_id", "IN", values=[str(middle.id), "5"])],
        [
            where("hs_lastmodifieddate", "LT", str(middle.modified)),
            where("company_id", "IN", values=["k1", "k50"]),
        ],
        [where("hs_lastmodifieddate", "GT", "1"), where("hs_lastmodifieddate", "LT", "0")],
    ]
    for first in groups:
        for second in groups:
            for sorts in (
                [],
                by_time(),
                by_time("DESCENDING"),
                ["hs_object_id"],
                ["-hs_object_id"],
                ["name"],
            ):
                request = {
                    "filterGroups": [{"filters": first}, {"filters": second}],
                    "sorts": sorts,
                    "limit": 200,
                }
                search = parse(account.store.schema, request, 0)
                found = run(account.index, search)
                slow = {d.id for d in documents if any(all(f.holds(d) for f in g) for g in search.groups)}
                assert {each.id for each in found.documents} == slow
                assert found.total == len(slow)
                if sorts == by_time():
                    assert [each.id for each in found.documents] == [d.id for d in documents if d.id in slow]
                part = run(account.index, parse(account.store.schema, {**request, "after": 3, "limit": 4}, 0))
                assert list(part.documents) == list(found.documents)[3:7]


def test_five_searches_a_second(start: Start) -> None:
    sdk = start(rate_limit=True)
    assert sdk.control("GET", "settings")["search_per_second"] == 5
    sdk.control("PUT", "settings", {"search_per_second": 2})
    for _ in range(2):
        sdk.search.do_search({})
    with pytest.raises(ApiException) as error:
        sdk.search.do_search({})
    assert error.value.status == 429
    answer = json.loads(error.value.body)
    assert answer["policyName"] == "SECONDLY"
    assert answer["errorType"] == "RATE_LIMIT"
    assert "Retry-After" not in error.value.headers
    sdk.basic.get_page()

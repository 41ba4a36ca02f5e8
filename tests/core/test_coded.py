"""Countries of addresses that go out with their codes, and those that have none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.records import Address, FieldValue
from sync.core.coded import has_no_code, with_codes
from sync.core.policy import Policy
from sync.core.valid import refusals

BERLIN = Address(line1="Weg 2", city="Berlin", country="Germany")


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (BERLIN, "DE"),
        (replace(BERLIN, country="Deutschland"), "DE"),
        (replace(BERLIN, country="at"), "AT"),
        (replace(BERLIN, country_code="CH"), "CH"),
        (replace(BERLIN, country="Atlantis"), None),
        (replace(BERLIN, country=None), None),
    ],
)
def test_an_address_is_sent_with_the_code_of_its_country(value: Address, code: str | None) -> None:
    assert with_codes({"address": value}) == {"address": replace(value, country_code=code)}


@pytest.mark.parametrize("value", [None, "Germany", {"country": "Germany"}])
def test_all_else_is_sent_as_it_is(value: FieldValue) -> None:
    assert with_codes({"custom_data.x": value}) == {"custom_data.x": value}


def test_a_country_without_a_code_waits_where_the_crm_keeps_nothing_else() -> None:
    nowhere = replace(BERLIN, country="Atlantis")
    coded = Policy(fields=("address", "ship_to_address"), coded=frozenset({"address"}))
    (reason,) = refusals("address", nowhere, coded)
    assert reason.field == "country"
    assert "Atlantis" not in reason.reason
    for value in (BERLIN, replace(nowhere, country_code="DE"), replace(nowhere, country=None), None):
        assert refusals("address", value, coded) == ()
    assert refusals("ship_to_address", nowhere, coded) == ()
    assert has_no_code(nowhere)
    assert not has_no_code(BERLIN)

"""A record that the org refuses is refused alone: the others land, and the connection goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from connectors.errors import ConnectorError, InvalidRecord, Misconfigured
from connectors.port import Create, Failed, Landed, Receipt, Unknown, Update
from connectors.salesforce.client import SalesforceConnector
from connectors.salesforce.sandbox.errors import ApiError, not_writable
from connectors.sandbox.faults import FaultRule
from tests.connectors.salesforce_client.conftest import Org

TRIGGER = ApiError(
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
    "AccountTrigger: execution of BeforeUpdate caused by: System.NullPointerException",
    fields=[],
)
CLOSED = not_writable(["Name"])


@pytest.fixture
def refuse(org: Org, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, ApiError], None]:
    """Lets updates of one record fail."""
    held: dict[str, ApiError] = {}
    update = org.state.records.update

    def refusing(record: str, fields: Mapping[str, Any], actor: Any) -> str:
        if record in held:
            raise held[record]
        return update(record, fields, actor)

    monkeypatch.setattr(org.state.records, "update", refusing)
    return held.__setitem__


def renamed(org: Org, refs: list[str]) -> list[Receipt]:
    seen = org.connector.get_many(refs)
    batch = [
        Update(ref=ref, fields={"customer_name": "Ours"}, expected_version=seen[ref].version, before={})
        for ref in refs
    ]
    return list(org.connector.write(batch))


def failure(receipt: Receipt) -> ConnectorError:
    assert isinstance(receipt, Failed)
    return receipt.error


@pytest.mark.parametrize("count", [1, 3, 101])
@pytest.mark.parametrize(
    ("error", "text"),
    [(TRIGGER, "is refused by a trigger of the CRM"), (CLOSED, "cannot be written to this record")],
)
def test_a_record_that_the_org_refuses_is_refused_alone(
    org: Org, refuse: Callable[[str, ApiError], None], count: int, error: ApiError, text: str
) -> None:
    refs = [org.create(f"Firm {number}") for number in range(count)]
    refuse(refs[0], error)
    receipts = renamed(org, refs)
    refused = failure(receipts[0])
    assert isinstance(refused, InvalidRecord)
    assert text in refused.detail
    assert "NullPointer" not in str(refused)
    assert [type(each) for each in receipts[1:]] == [Landed] * (count - 1)


@pytest.mark.parametrize("count", [1, 101])
def test_a_field_that_is_closed_for_every_record_is_a_fault_of_the_connection(org: Org, count: int) -> None:
    refs = [org.create(f"Firm {number}") for number in range(count)]
    seen = org.connector.get_many(refs)
    org.state.configure({"external_id": {"writable": False}})
    batch = [
        Update(ref=ref, fields={}, external_id=ref, expected_version=seen[ref].version, before={})
        for ref in refs
    ]
    receipts = org.connector.write(batch)
    assert all(isinstance(failure(each), Misconfigured) for each in receipts)
    assert "External_ID__c" in failure(receipts[0]).reason
    assert org.connector.calls()["describe"] == 1


def test_what_the_org_does_not_describe_is_no_fault_of_the_connection(
    org: Org, refuse: Callable[[str, ApiError], None]
) -> None:
    ref = org.create("Firm")
    refuse(ref, CLOSED)
    org.state.faults.set([FaultRule.of({"kind": "describe", "fault": "unavailable_html"})])
    (receipt,) = renamed(org, [ref])
    assert isinstance(failure(receipt), InvalidRecord)


def seats(number: int, value: Any) -> Create:
    fields = {"customer_name": f"Firm {number}", "custom_data.seats": value}
    return Create(external_id=f"K{number}", fields=fields)


@pytest.mark.parametrize(("count", "calls"), [(1, 1), (8, 7), (450, 15)])
def test_a_value_of_the_wrong_kind_refuses_its_record_alone(org: Org, count: int, calls: int) -> None:
    batch = [seats(number, 10 if number == count - 1 else "ten") for number in range(count)]
    receipts = org.connector.write(batch)
    assert [type(each) for each in receipts] == [Landed] * (count - 1) + [Failed]
    refused = failure(receipts[-1])
    assert isinstance(refused, InvalidRecord)
    assert "wrong type" in refused.detail
    assert org.connector.calls()["collections"] == calls
    assert Counter(row["Name"] for row in org.state.store.rows.values()) == Counter(
        f"Firm {number}" for number in range(count - 1)
    )


def test_several_of_them_do_not_hold_up_what_comes_after_them(org: Org) -> None:
    bad = {0, 1, 57, 199, 200}
    receipts = org.connector.write([seats(number, 10 if number in bad else "ten") for number in range(230)])
    assert {place for place, each in enumerate(receipts) if isinstance(each, Failed)} == bad
    assert org.state.counts()["records"] == 225


def test_what_landed_before_an_outage_is_told_apart_from_what_may_have(
    org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = org.state.records.create
    made: Counter[object] = Counter()

    def breaking(fields: Mapping[str, Any], actor: Any) -> str:
        made[fields["Name"]] += 1
        if made["Firm 1"] == 2:  # first in the whole batch, which is refused, then in its first half
            org.state.faults.set([FaultRule.of({"kind": "collections", "fault": "error_after"})])
        return create(fields, actor)

    monkeypatch.setattr(org.state.records, "create", breaking)
    receipts = org.connector.write([seats(number, 10 if number == 3 else "ten") for number in range(4)])
    assert [type(each) for each in receipts] == [Landed, Landed, Unknown, Unknown]


@pytest.mark.parametrize(
    "name", ["Id", "id", "SystemModstamp", "IsDeleted", "MasterRecordId", "LastModifiedDate", ""]
)
def test_the_external_id_is_no_field_that_salesforce_fills(org: Org, name: str) -> None:
    with pytest.raises(Misconfigured, match="adopt_ref"):
        SalesforceConnector(replace(org.config, external_id=name))

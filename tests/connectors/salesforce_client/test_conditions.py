"""What is read to be written is read with a version that tells apart two edits of one second."""

from __future__ import annotations

import pytest

from connectors.errors import VersionMismatch
from connectors.port import Failed, Landed, Update
from tests.connectors.salesforce_client.conftest import Org


@pytest.mark.parametrize(("count", "calls"), [(25, 1), (26, 2), (100, 4)])
def test_an_edit_of_the_same_second_is_not_overwritten(org: Org, count: int, calls: int) -> None:
    org.state.configure({"freeze_clock": True})
    refs = [org.create(f"Firm {number}") for number in range(count)]
    seen = org.connector.get_many(refs)
    assert org.connector.calls()["read"] == calls
    org.state.person_edit(refs[-1], {"Name": "Theirs"}, user="A. Person")
    receipts = org.connector.write(
        [
            Update(ref=ref, fields={"customer_name": "Ours"}, expected_version=seen[ref].version, before={})
            for ref in refs
        ]
    )
    assert [type(each) for each in receipts[:-1]] == [Landed] * (count - 1)
    assert isinstance(receipts[-1], Failed)
    assert isinstance(receipts[-1].error, VersionMismatch)
    assert org.name(refs[-1]) == "Theirs"


def test_more_than_are_written_conditionally_are_read_in_one_call(org: Org) -> None:
    refs = [org.create(f"Firm {number}") for number in range(101)]
    assert len(org.connector.get_many(refs)) == 101
    assert org.connector.calls() == {"retrieve": 1, "token": 1}


def test_what_was_written_is_read_back_in_one_call(org: Org) -> None:
    refs = [org.create(f"Firm {number}") for number in range(60)]
    seen = org.connector.get_many(refs)
    receipts = org.connector.write(
        [
            Update(ref=ref, fields={"customer_name": "Ours"}, expected_version=seen[ref].version, before={})
            for ref in refs
        ]
    )
    assert all(isinstance(each, Landed) and each.stored is not None for each in receipts)
    assert org.connector.calls() == {"composite": 3, "read": 3, "retrieve": 1, "token": 1}

"""What the port promises of its writes, held against every connector.

Subclass `WritingContract` in a test module with a fixture `crm` that gives a `Playground`; see
`test_memory.py`.
"""

from __future__ import annotations

import pytest

from connectors.errors import AlreadyExists, InvalidRecord, NotFound, VersionMismatch
from connectors.port import Create, Failed, Landed, Receipt, Update, Write
from connectors.records import Address, FieldValue
from tests.conformance.playground import Playground, calls, customer, fields, live, update

TEXTS = (
    "Ünïcødé & Søns, 日本 \U0001f389 العربية",
    """O'Neil "Quote" \\back\\slash\\ `tick` %s {brace} <b>&amp;</b>""",
    "semi;colon, comma | pipe / slash ? mark # hash + plus",
)
PLACES = (
    Address(line1="1 Rue de l'Église", line2="Bâtiment C, 3ᵉ étage", city="Paris", country="France"),
    Address(
        line1="Unit 4", line2="12 High Street", city="Leeds", zipCode="LS1 4AP", country="United Kingdom"
    ),
)


def failure(receipt: Receipt) -> Exception:
    """Why a write failed."""
    assert isinstance(receipt, Failed)
    return receipt.error


class WritingContract:
    """One test per promise."""

    def test_a_created_record_holds_what_was_sent(self, crm: Playground) -> None:
        (receipt,) = crm.connector.write([Create(external_id="K1", fields=customer(1))])
        assert isinstance(receipt, Landed)
        assert fields(crm, receipt.ref).items() >= customer(1).items()
        assert live(crm, receipt.ref).external_id == "K1"
        assert receipt.stored is not None
        assert receipt.stored.ref == receipt.ref
        assert crm.connector.decode(receipt.stored) == fields(crm, receipt.ref)
        assert [each.ref for each in crm.connector.find_by_external_id(["K1"])] == [receipt.ref]

    def test_a_key_is_given_once(self, crm: Playground) -> None:
        there = crm.create(customer(1), "K1")
        receipts = crm.connector.write(
            [Create(external_id=key, fields=customer(2)) for key in ("K1", "K2", "K2", "K3")]
        )
        assert crm.records() == 3
        assert [type(each) for each in receipts] == [Failed, Landed, Failed, Landed]
        for place in (0, 2):
            assert isinstance(failure(receipts[place]), AlreadyExists)
        error = failure(receipts[0])
        assert isinstance(error, AlreadyExists)
        assert error.ref in (None, there)
        assert fields(crm, there)["customer_name"] == "Customer 1"

    def test_a_key_is_written_and_not_taken_from_another(self, crm: Playground) -> None:
        bare, other = crm.create(customer(1)), crm.create(customer(2), "K2")
        batch = [update(crm, bare, {"email": "a@b.de"}, "K1"), update(crm, other, {"email": "c@d.de"}, "K1")]
        receipts = crm.connector.write(batch)
        assert isinstance(receipts[0], Landed)
        assert isinstance(failure(receipts[1]), AlreadyExists)
        assert [live(crm, ref).external_id for ref in (bare, other)] == ["K1", "K2"]
        assert fields(crm, other)["email"] == "billing-2@example.com"

    def test_an_update_leaves_other_fields_alone(self, crm: Playground) -> None:
        ref = crm.create(customer(1), "K1")
        before = fields(crm, ref)
        (receipt,) = crm.connector.write([update(crm, ref, {"email": "new@example.com"})])
        assert isinstance(receipt, Landed)
        assert fields(crm, ref) == {**before, "email": "new@example.com"}
        assert live(crm, ref).external_id == "K1"
        assert receipt.stored is not None
        assert crm.connector.decode(receipt.stored) == fields(crm, ref)
        again = update(crm, ref, {"phone_number": "+49 30 99"})
        assert isinstance(crm.connector.write([again])[0], Landed), "the version read after a write is good"

    def test_nothing_clears_a_field(self, crm: Playground) -> None:
        ref = crm.create(customer(1), "K1")
        cleared: dict[str, FieldValue] = {"email": None, "address": None}
        (receipt,) = crm.connector.write([update(crm, ref, cleared)])
        assert isinstance(receipt, Landed)
        assert fields(crm, ref).items() >= cleared.items()
        assert fields(crm, ref)["customer_name"] == "Customer 1"

    def test_an_address_is_written_whole(self, crm: Playground) -> None:
        ref = crm.create(customer(1, address=PLACES[1]), "K1")
        crm.connector.write([update(crm, ref, {"address": PLACES[0]})])
        assert fields(crm, ref)["address"] == PLACES[0]

    @pytest.mark.parametrize("text", TEXTS)
    def test_texts_come_back_as_they_were_sent(self, crm: Playground, text: str) -> None:
        place = Address(line1=text, line2="Hinterhof", city="Berlin", country="Germany")
        (made,) = crm.connector.write(
            [Create(external_id="K1", fields={"customer_name": text, "address": place})]
        )
        assert isinstance(made, Landed)
        assert (fields(crm, made.ref)["customer_name"], fields(crm, made.ref)["address"]) == (text, place)
        crm.connector.write([update(crm, made.ref, {"customer_name": text[::-1].strip()})])
        assert fields(crm, made.ref)["customer_name"] == text[::-1].strip()

    def test_receipts_are_in_order_when_half_of_a_batch_fails(self, crm: Playground) -> None:
        path, value = crm.refused
        refs = [crm.create(customer(n), f"K{n}") for n in range(30)]
        bad: list[dict[str, FieldValue]] = [
            {path: value} if n % 2 else {"email": f"{n}@x.de"} for n in range(30)
        ]
        receipts = crm.connector.write([update(crm, ref, each) for ref, each in zip(refs, bad, strict=True)])
        assert [type(each) for each in receipts] == [Failed if n % 2 else Landed for n in range(30)]
        assert [each.ref for each in receipts if isinstance(each, Landed)] == refs[::2]
        assert [fields(crm, ref)["email"] for ref in refs[::2]] == [f"{n}@x.de" for n in range(0, 30, 2)]
        creates = [Create(external_id=f"K{n}", fields=customer(n)) for n in range(20, 40)]
        receipts = crm.connector.write(creates)
        assert [type(each) for each in receipts] == [Failed] * 10 + [Landed] * 10
        landed = [each.ref for each in receipts if isinstance(each, Landed)]
        assert [live(crm, ref).external_id for ref in landed] == [f"K{n}" for n in range(30, 40)]

    def test_creates_and_updates_go_in_one_batch(self, crm: Playground) -> None:
        ref = crm.create(customer(1), "K1")
        batch: list[Write] = [
            Create(external_id="K2", fields=customer(2)),
            update(crm, ref, {"customer_name": "Renamed"}),
            Create(external_id="K3", fields=customer(3)),
        ]
        receipts = crm.connector.write(batch)
        assert all(isinstance(each, Landed) for each in receipts)
        landed = [each.ref for each in receipts if isinstance(each, Landed)]
        assert [fields(crm, each)["customer_name"] for each in landed] == [
            "Customer 2",
            "Renamed",
            "Customer 3",
        ]
        assert crm.connector.write([]) == []

    def test_a_batch_of_any_size_is_split(self, crm: Playground) -> None:
        size = crm.connector.capabilities.write_batch
        creates = [Create(external_id=f"K{n}", fields=customer(n)) for n in range(2 * size + 1)]
        before = calls(crm.connector)
        receipts = crm.connector.write(creates)
        assert all(isinstance(each, Landed) for each in receipts)
        assert calls(crm.connector) - before <= 2 * 3 + 3  # a write and a read for each part, and some more
        stored = [each.stored.external_id for each in receipts if isinstance(each, Landed) and each.stored]
        assert stored == [f"K{n}" for n in range(2 * size + 1)]

    def test_a_refused_value_names_its_canonical_field(self, crm: Playground) -> None:
        path, value = crm.refused
        ref = crm.create(customer(1), "K1")
        receipts = [
            *crm.connector.write([update(crm, ref, {"email": "a@b.de", path: value})]),
            *crm.connector.write([Create(external_id="K2", fields={**customer(2), path: value})]),
        ]
        for receipt in receipts:
            error = failure(receipt)
            assert isinstance(error, InvalidRecord)
            assert error.field.partition(".")[0] == path
            assert error.detail
        assert crm.records() == 1
        assert fields(crm, ref).items() >= customer(1).items()

    def test_a_write_to_a_record_that_is_gone_says_so(self, crm: Playground) -> None:
        ref, there = crm.create(customer(1), "K1"), crm.create(customer(2), "K2")
        batch = [update(crm, ref, {"email": "a@b.de"}), update(crm, there, {"email": "c@d.de"})]
        crm.delete(ref)
        receipts = crm.connector.write(batch)
        assert isinstance(failure(receipts[0]), NotFound)
        assert isinstance(receipts[1], Landed)

    def test_a_stale_version_is_refused_or_what_was_lost_is_told(self, crm: Playground) -> None:
        ref = crm.create(customer(1), "K1")
        stale = update(crm, ref, {"customer_name": "Ours", "phone_number": "+49 30 1"})
        crm.edit(ref, {"customer_name": "Theirs"})
        (receipt,) = crm.connector.write([stale])
        can = crm.connector.capabilities
        if can.conditional_write:
            assert isinstance(failure(receipt), VersionMismatch)
            assert fields(crm, ref)["customer_name"] == "Theirs"
            assert crm.connector.overwritten([stale]) == [{}]
        elif can.history:
            assert isinstance(receipt, Landed)
            assert crm.connector.overwritten([stale]) == [{"customer_name": "Theirs"}]
        else:
            pytest.fail("a connector needs conditional writes or a history, else edits are lost unseen")

    def test_nothing_is_told_lost_without_an_edit_in_between(self, crm: Playground) -> None:
        ref = crm.create(customer(1), "K1")
        crm.edit(ref, {"customer_name": "Seen"})
        known: Update = update(crm, ref, {"customer_name": "Ours"})
        assert isinstance(crm.connector.write([known])[0], Landed)
        crm.edit(ref, {"customer_name": "Later"})
        assert crm.connector.overwritten([known]) == [{}]
        assert crm.connector.overwritten([]) == []

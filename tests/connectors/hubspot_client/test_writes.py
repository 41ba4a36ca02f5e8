"""Batches: trace ids, whole-batch refusals, answers that say too little, and the count of calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from connectors.errors import AlreadyExists, InvalidRecord, Locked, Misconfigured, NotFound, Unavailable
from connectors.hubspot import PLUGIN
from connectors.port import Create, Failed, FieldMapping, Landed, Receipt, Unknown, Update, Write
from tests.conformance.playground import customer, fields, live, update, walk
from tests.connectors.hubspot_client.conftest import Start
from tests.connectors.hubspot_client.hub import Hub, Reply

TIERS = {
    "name": "tier",
    "label": "Tier",
    "type": "enumeration",
    "fieldType": "select",
    "groupName": "companyinformation",
    "options": [{"label": "Gold", "value": "gold"}],
}
SERIAL = {
    **TIERS,
    "name": "serial",
    "type": "string",
    "fieldType": "text",
    "hasUniqueValue": True,
    "options": [],
}
WIDER = (
    *PLUGIN.mapping,
    FieldMapping("custom_data.tier", "tier"),
    FieldMapping("custom_data.serial", "serial"),
)


def creates(count: int, **more: Any) -> list[Write]:
    return [Create(external_id=f"K{n}", fields={**customer(n), **more}) for n in range(count)]


def errors(receipts: Sequence[Receipt]) -> list[Exception]:
    assert all(isinstance(each, Failed | Unknown) for each in receipts)
    return [each.error for each in receipts if isinstance(each, Failed | Unknown)]


def without_traces(path: str, body: Any) -> Any:
    """As if the account did not honour trace ids: then one bad row fails its whole batch."""
    if path.endswith(("/batch/create", "/batch/update")):
        for each in body["inputs"]:
            del each["objectWriteTraceId"]
    return body


def test_every_row_has_a_trace_id_of_its_own(hub: Hub) -> None:
    hub.connector.write(creates(150))
    hub.connector.write(creates(20))
    bodies = [each.body["inputs"] for each in hub.asked("/batch/create")]
    assert [len(each) for each in bodies] == [100, 50, 20]
    traces = [row["objectWriteTraceId"] for each in bodies for row in each]
    assert len(set(traces)) == 170
    assert hub.records() == 150


@pytest.mark.parametrize("bad", [{0}, {31}, {3, 4, 60, 99}, set(range(0, 100, 10))])
def test_a_batch_refused_as_a_whole_is_taken_apart(start: Start, bad: set[int]) -> None:
    hub = start(mapping=WIDER, properties=[TIERS, SERIAL])
    hub.between.inward = without_traces
    batch = creates(100)
    for n in bad:
        batch[n] = Create(external_id=f"K{n}", fields={**customer(n), "custom_data.tier": "tin"})
    receipts = hub.connector.write(batch)
    assert {n for n, each in enumerate(receipts) if isinstance(each, Failed)} == bad
    refs = [each.ref if isinstance(each, Landed) else None for each in receipts]
    assert [live(hub, ref).external_id for ref in refs if ref] == [
        f"K{n}" for n in range(100) if n not in bad
    ]
    for error in errors([receipts[n] for n in bad]):
        assert isinstance(error, InvalidRecord)
        assert error.field == "custom_data.tier"
    assert len(hub.asked("/batch/create")) <= 1 + 2 * 7 * len(bad)
    updates: list[Write] = [update(hub, ref, {"email": "e@f.de"}) for ref in refs[50:54] if ref]
    assert all(isinstance(each, Landed) for each in hub.connector.write(updates))


def test_a_whole_refusal_for_an_unknown_property_costs_no_search(start: Start) -> None:
    hub = start(mapping=(*PLUGIN.mapping, FieldMapping("custom_data.tier", "tier_of_old")))
    hub.between.inward = without_traces
    batch = creates(40)
    for n in range(20):
        batch[n] = Create(external_id=f"K{n}", fields={**customer(n), "custom_data.tier": "gold"})
    receipts = hub.connector.write(batch)
    assert all(isinstance(each, Misconfigured) for each in errors(receipts[:20]))
    assert all(isinstance(each, Landed) for each in receipts[20:])
    assert len(hub.asked("/batch/create")) == 2


def test_an_unknown_property_is_named_and_the_other_rows_land(start: Start) -> None:
    hub = start(mapping=(*PLUGIN.mapping, FieldMapping("custom_data.tier", "tier_of_old")))
    batch = [*creates(2), *creates(1, **{"custom_data.tier": "gold"})]
    batch[2] = Create(external_id="K9", fields=batch[2].fields)
    receipts = hub.connector.write(batch)
    assert [type(each) for each in receipts] == [Landed, Landed, Failed]
    (error,) = errors(receipts[2:])
    assert isinstance(error, Misconfigured)
    assert "tier_of_old" in error.reason
    assert "custom_data.tier" in error.cure


def test_a_key_that_is_taken_names_the_record(hub: Hub) -> None:
    there = hub.create(customer(1), "K1")
    for receipt in hub.connector.write([*creates(2)][1:]):
        assert isinstance(receipt, Failed)
        assert isinstance(receipt.error, AlreadyExists)
        assert receipt.error.ref == there


def test_another_unique_property_is_an_invalid_value_of_its_field(start: Start) -> None:
    hub = start(mapping=WIDER, properties=[TIERS, SERIAL])
    hub.create(customer(1, **{"custom_data.serial": "S-1"}), "K1")
    receipts = hub.connector.write(creates(1, **{"custom_data.serial": "S-1"}))
    (error,) = errors(receipts)
    assert isinstance(error, InvalidRecord)
    assert error.field == "custom_data.serial"
    assert "S-1" not in str(error)


def test_rows_that_are_locked_fail_alone(hub: Hub) -> None:
    refs = [hub.create(customer(n), f"K{n}") for n in range(10)]
    hub.fault("partial", "batch_update", times=1, share=0.3)
    receipts = hub.connector.write([update(hub, ref, {"email": "new@x.de"}) for ref in refs])
    failed = [each for each in receipts if isinstance(each, Failed)]
    assert len(failed) == 3
    assert all(isinstance(each, Locked) for each in errors(failed))
    assert [fields(hub, ref)["email"] == "new@x.de" for ref in refs] == [
        isinstance(r, Landed) for r in receipts
    ]


def test_a_row_that_the_answer_does_not_mention_is_unknown(hub: Hub) -> None:
    def dropped(path: str, reply: Reply) -> Reply:
        if not path.endswith("/batch/create"):
            return reply
        body = reply.json
        return reply.with_json({**body, "results": body["results"][1:]})

    hub.between.outward = dropped
    receipts = hub.connector.write(creates(3))
    assert [type(each) for each in receipts] == [Unknown, Landed, Landed]
    (error,) = errors(receipts[:1])
    assert isinstance(error, Unavailable)
    assert error.outcome_unknown


def test_answers_in_any_order_and_without_trace_ids_are_matched(hub: Hub) -> None:
    refs = [hub.create(customer(n), f"K{n}") for n in range(5)]

    def bare(path: str, reply: Reply) -> Reply:
        body = reply.json
        for each in body.get("results", []):
            each.pop("objectWriteTraceId", None)
        return reply.with_json({**body, "results": body.get("results", [])[::-1]})

    hub.between.outward = bare
    receipts = hub.connector.write([update(hub, ref, {"email": f"{ref}@x.de"}) for ref in refs])
    assert [each.ref for each in receipts if isinstance(each, Landed)] == refs
    made = hub.connector.write([Create(external_id=f"L{n}", fields=customer(n)) for n in range(4)])
    stored = [each.stored for each in made if isinstance(each, Landed)]
    assert [each.external_id for each in stored if each] == [f"L{n}" for n in range(4)]


def test_two_writes_to_one_record_go_one_after_the_other(hub: Hub) -> None:
    ref, other = hub.create(customer(1), "K1"), hub.create(customer(2), "K2")
    batch = [
        update(hub, ref, {"customer_name": "First", "email": "first@x.de"}),
        update(hub, other, {"customer_name": "Other"}),
        update(hub, ref, {"customer_name": "Second"}),
    ]
    assert all(isinstance(each, Landed) for each in hub.connector.write(batch))
    assert [len(each.body["inputs"]) for each in hub.asked("/batch/update")] == [2, 1]
    assert fields(hub, ref)["customer_name"] == "Second"
    assert fields(hub, ref)["email"] == "first@x.de"


def test_several_missing_records_in_one_error(hub: Hub) -> None:
    refs = [hub.create(customer(n), f"K{n}") for n in range(4)]
    batch = [update(hub, ref, {"email": "new@x.de"}) for ref in refs]
    hub.delete(refs[0])
    hub.delete(refs[2])
    receipts = hub.connector.write(batch)
    assert [type(each) for each in receipts] == [Failed, Landed, Failed, Landed]
    assert all(isinstance(each, NotFound) for each in errors(receipts[::2]))


def test_values_go_as_texts_and_nothing_as_the_empty_text(start: Start) -> None:
    paths = ("communications_enabled", "custom_data.count", "custom_data.share", "email")
    names = ("is_public", "numberofemployees", "annualrevenue", "billing_email")
    hub = start(mapping=[FieldMapping("customer_name", "name"), *map(FieldMapping, paths, names)])
    ref = hub.create({"customer_name": "C", "email": "a@b.de"})
    known = live(hub, ref)
    values = dict(zip(paths, (False, 1200, 0.5, None), strict=True))
    hub.connector.write([Update(ref=ref, fields=values, expected_version=known.version, before={})])
    (row,) = hub.asked("/batch/update")[0].body["inputs"]
    assert row["properties"] == dict(zip(names, ("false", "1200", "0.5", ""), strict=True))
    found = fields(hub, ref)
    assert (found["communications_enabled"], found["custom_data.count"], found["email"]) == (
        False,
        "1200",
        None,
    )
    hub.connector.write([Create(external_id="K1", fields={"customer_name": "D", **values})])
    (row,) = hub.asked("/batch/create")[0].body["inputs"]
    assert "billing_email" not in row["properties"]


def test_a_complete_answer_is_not_read_again(start: Start) -> None:
    hub = start(mapping=[FieldMapping("customer_name", "name"), FieldMapping("email", "billing_email")])
    wanted = {"customer_name": "C", "email": "a@b.de"}
    (receipt,) = hub.connector.write([Create(external_id="K1", fields=wanted)])
    assert isinstance(receipt, Landed)
    assert receipt.stored is not None
    assert hub.connector.decode(receipt.stored) == wanted
    assert receipt.stored.version == live(hub, receipt.ref).version
    assert hub.connector.calls() == {"batch_create": 1, "batch_read": 1}


def test_a_failed_look_afterwards_undoes_no_receipt(hub: Hub) -> None:
    hub.fault("server_error", "batch_read")
    (receipt,) = hub.connector.write(creates(1))
    assert isinstance(receipt, Landed)
    assert receipt.stored is None


def test_once_nothing_gets_through_no_more_is_sent(hub: Hub) -> None:
    hub.settings(token_calls=1)
    receipts = hub.connector.write(creates(250))
    assert [type(each) for each in receipts] == [Landed] * 100 + [Failed] * 150
    assert len(hub.asked("/batch/create")) == 2


def test_calls_of_the_usual_jobs(start: Start) -> None:
    hub = start(population=[{"name": f"C{n}", "company_id": f"K{n}"} for n in range(2_000)])

    def spent() -> dict[str, int]:
        return dict(hub.stats())

    seen, cursor = walk(hub.connector.list_all)
    assert len(seen) == 2_000
    assert spent() == {"list": 20}
    hub.connector.list_changes(cursor)
    assert spent() == {"search": 1}
    walk(hub.connector.list_deleted)
    assert spent() == {"list": 1}
    found = hub.connector.get_many([each.ref for each in seen[:100]])
    updates = [
        Update(
            ref=ref, fields={"email": f"{ref}@x.de"}, expected_version=each.version, before={"email": None}
        )
        for ref, each in found.items()
    ]
    hub.connector.write(updates)
    hub.connector.overwritten(updates)
    assert spent() == {"batch_read": 1 + 1 + 2, "batch_update": 1}
    batch = [Create(external_id=f"N{n}", fields=customer(n)) for n in range(100)]
    hub.connector.find_by_external_id([each.external_id for each in batch])
    hub.connector.write(batch)
    assert spent() == {"properties": 1, "batch_read": 2, "batch_create": 1}


def test_a_key_that_an_update_gives_up_is_free_for_a_create(hub: Hub) -> None:
    ref = hub.create(customer(1), "K1")
    batch: list[Write] = [Create(external_id="K1", fields=customer(2)), update(hub, ref, {}, "K2")]
    assert all(isinstance(each, Landed) for each in hub.connector.write(batch))
    assert live(hub, ref).external_id == "K2"


def test_an_update_of_nothing_is_no_call(hub: Hub) -> None:
    ref = hub.create(customer(1), "K1")
    (receipt,) = hub.connector.write([update(hub, ref, {"custom_data.not_mapped": "x"})])
    assert isinstance(receipt, Landed)
    assert receipt.stored == live(hub, ref)
    assert hub.asked("/batch/update") == []

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.hubspot.webhook import HubSpotWebhook
from connectors.webhook import ForgedError, UnreadableError, WebhookConfig


def reader(account_id: str | None = "62515") -> HubSpotWebhook:
    return HubSpotWebhook(WebhookConfig(secret="of the app", account_id=account_id))


def event(**fields: Any) -> dict[str, Any]:
    return {
        "eventId": 3400564480,
        "subscriptionId": 1_234_567,
        "portalId": 62515,
        "appId": 9_393_361,
        "occurredAt": 1_693_657_550_123,
        "subscriptionType": "company.propertyChange",
        "attemptNumber": 0,
        "objectId": 10_612_345_678,
        "propertyName": "city",
        "propertyValue": "York",
        "changeSource": "CRM_UI",
        "sourceId": "userId:123",
        **fields,
    }


def parse(*events: Any, account_id: str | None = "62515") -> list[str]:
    hints = reader(account_id=account_id).parse(json.dumps(events).encode())
    return [hint.ref for hint in hints]


@pytest.mark.parametrize(
    "change", ["creation", "propertyChange", "deletion", "privacyDeletion", "restore", "new"]
)
def test_both_families_tell_of_the_company(change: str) -> None:
    assert parse(event(subscriptionType=f"company.{change}")) == ["10612345678"]
    generic = event(subscriptionType=f"object.{change}", objectTypeId="0-2", objectId="10612345678")
    assert parse(generic) == ["10612345678"]


def test_the_name_of_the_field_in_hubspots_tables_is_read_too() -> None:
    named = event(eventType="company.creation")
    del named["subscriptionType"]
    assert parse(named) == ["10612345678"]


@pytest.mark.parametrize(
    "other",
    [
        event(subscriptionType="contact.propertyChange"),
        event(subscriptionType="object.deletion", objectTypeId="0-1"),
        event(subscriptionType="object.creation", objectTypeId="2-3456"),
        event(subscriptionType="contact.associationChange", associationType="CONTACT_TO_DEAL", objectId=None),
        event(subscriptionType="conversation.newMessage", objectId="abc"),
        event(subscriptionType="object.associationChange", fromObjectTypeId="0-1", toObjectTypeId="0-3"),
        event(subscriptionType=""),
    ],
)
def test_events_of_other_objects_are_passed_over(other: dict[str, Any]) -> None:
    assert parse(other, event(objectId=7)) == ["7"]
    assert parse(other) == []


@pytest.mark.parametrize(
    "family",
    [{"subscriptionType": "company.merge"}, {"subscriptionType": "object.merge", "objectTypeId": "0-2"}],
)
def test_a_merge_hints_at_every_record_that_takes_part(family: dict[str, str]) -> None:
    merge = event(**family, objectId=3, primaryObjectId=1, mergedObjectIds=[2, "5", 1], newObjectId=3)
    assert sorted(parse(merge)) == ["1", "2", "3", "5"]
    bare = event(**family, newObjectId=None)
    assert parse(bare) == ["10612345678"]


@pytest.mark.parametrize(
    ("told", "refs"),
    [
        ({"associationType": "COMPANY_TO_CONTACT"}, ["1"]),
        ({"associationType": "CONTACT_TO_COMPANY"}, ["2"]),
        ({"associationType": "PARENT_COMPANY_TO_CHILD_COMPANY"}, ["1", "2"]),
        ({"associationType": "SOMETHING"}, ["9"]),
        ({"associationType": None}, ["9"]),
        ({"fromObjectTypeId": "0-1", "toObjectTypeId": "0-2"}, ["2"]),
        ({"objectId": None}, ["1"]),
        (
            {"associationType": "COMPANY_TO_CONTACT", "fromObjectTypeId": "0-1", "toObjectTypeId": "0-2"},
            ["2"],
        ),
    ],
)
def test_an_association_hints_at_its_companies(told: dict[str, Any], refs: list[str]) -> None:
    change = event(**{"objectId": 9, "fromObjectId": 1, "toObjectId": 2, **told})
    assert parse({**change, "subscriptionType": "company.associationChange"}) == refs


def test_a_generic_association_tells_its_ends_by_type_ids() -> None:
    change = event(subscriptionType="object.associationChange", fromObjectId=1, toObjectId=2)
    assert parse({**change, "fromObjectTypeId": "0-2", "toObjectTypeId": "0-1"}) == ["1"]
    assert parse({**change, "objectTypeId": "0-2", "objectId": 4}) == ["4"]


def test_a_hundred_events_are_read_in_one_delivery() -> None:
    assert parse(*(event(objectId=n) for n in range(1, 101))) == [str(n) for n in range(1, 101)]


def test_a_redelivery_has_the_same_keys_and_other_events_have_others() -> None:
    def keys(*events: dict[str, Any]) -> list[str]:
        return [hint.event for hint in reader().parse(json.dumps(events).encode())]

    first = keys(event())
    again = dict(reversed(event(attemptNumber=7).items()))
    assert keys(again) == first
    others = [
        event(propertyName="zip"),
        event(propertyValue="Leeds"),
        event(occurredAt=1),
        event(objectId=1),
        event(eventId=1),
        event(subscriptionId=1),
        event(subscriptionType="company.creation"),
        event(later="field"),
    ]
    everything = first + keys(*others)
    assert len(set(everything)) == len(everything) == 9
    merge = event(subscriptionType="company.merge", primaryObjectId=1, mergedObjectIds=[2])
    assert len(set(keys(merge))) == 3
    assert max(map(len, keys(event(objectId=10**18 - 1, propertyValue="x" * 9_000)))) <= 200


def test_a_value_is_not_to_be_read_off_a_key() -> None:
    hints = reader().parse(
        json.dumps([event(propertyName="billing_email", propertyValue="ada@x.example")]).encode()
    )
    assert "ada" not in repr(hints)


def test_another_account_is_refused_and_passed_over_in_a_mixed_batch() -> None:
    for portal in (1, "1", 62516):
        with pytest.raises(ForgedError, match="another account"):
            parse(event(portalId=portal), event(portalId=portal))
    assert parse(event(portalId=1), event(objectId=5)) == ["5"]
    assert parse(event(portalId="62515")) == ["10612345678"]
    assert parse(event(portalId=1), account_id=None) == ["10612345678"]


@pytest.mark.parametrize(
    ("events", "named"),
    [
        ({}, "list of 1 to 100"),
        ([], "list of 1 to 100"),
        ([event()] * 101, "list of 1 to 100"),
        ("x", "list of 1 to 100"),
        (None, "list of 1 to 100"),
        ([event(), 5], "event 2 is no object"),
        ([None], "event 1 is no object"),
        ([event(subscriptionType=5)], "event 1: subscriptionType"),
        ([{"portalId": 62515}], "event 1: subscriptionType"),
        ([event(subscriptionType="object.creation")], "event 1: objectTypeId"),
        ([event(), event(objectId=None)], "event 2: objectId"),
        ([event(objectId=0)], "event 1: objectId"),
        ([event(objectId=-5)], "event 1: objectId"),
        ([event(objectId=True)], "event 1: objectId"),
        ([event(objectId=1.5)], "event 1: objectId"),
        ([event(objectId="")], "event 1: objectId"),
        ([event(objectId="1 OR 1")], "event 1: objectId"),
        ([event(objectId="١")], "event 1: objectId"),
        ([event(objectId=[1])], "event 1: objectId"),
        ([event(objectId="1" * 19)], "event 1: objectId"),
        ([event(objectId=10**18)], "18 digits"),
        ([event(portalId=None)], "event 1: portalId"),
        ([event(portalId={})], "event 1: portalId"),
        ([event(subscriptionType="company.merge", mergedObjectIds=5)], "event 1: mergedObjectIds is no list"),
        ([event(subscriptionType="company.merge", mergedObjectIds=[None])], "event 1: mergedObjectIds"),
        ([event(subscriptionType="company.merge", objectId=None)], "event 1: objectId"),
        (
            [event(subscriptionType="company.associationChange", associationType="COMPANY_TO_DEAL")],
            "event 1: fromObjectId",
        ),
        ([event(subscriptionType="company.associationChange", objectId=None)], "event 1: fromObjectId"),
    ],
)
def test_what_hubspot_does_not_send_is_named_by_its_place_and_field(events: Any, named: str) -> None:
    with pytest.raises(UnreadableError, match=named):
        reader().parse(json.dumps(events).encode())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        b'[{"objectId": NaN}]',
        b'[{"a":1,"a":2}]',
        b'[{"a":"\\u0000"}]',
        b'[{"a":"\\ud800"}]',
        b"[" + b"9" * 5_000 + b"]",
    ],
)
def test_what_is_no_strict_json_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableError):
        reader().parse(body)


ATOMS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
VALUES = st.recursive(
    ATOMS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
KINDS = st.sampled_from(
    [
        f"{family}.{change}"
        for family in ("company", "object", "contact")
        for change in ("merge", "associationChange", "x")
    ]
)
EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "subscriptionType": KINDS | VALUES,
        "portalId": st.just(62515) | VALUES,
        "objectTypeId": st.just("0-2") | VALUES,
        "associationType": st.sampled_from(["COMPANY_TO_COMPANY", "_TO_", "A_TO_B_TO_C"]) | VALUES,
        "mergedObjectIds": st.lists(st.integers(1, 9) | VALUES, max_size=3) | VALUES,
        **{
            name: st.integers(1, 9) | VALUES
            for name in ("objectId", "primaryObjectId", "newObjectId", "fromObjectId", "toObjectId")
        },
    },
)


def only_hints(read: Callable[[], Any]) -> None:
    try:
        hints = read()
    except (ForgedError, UnreadableError) as error:
        assert error.reason
        return
    assert all(hint.ref.isdecimal() and len(hint.event) <= 200 for hint in hints)
    assert len({hint.event for hint in hints}) >= len({hint.ref for hint in hints})


@given(st.lists(EVENTS | VALUES, max_size=4) | VALUES, st.sampled_from(["62515", None]))
def test_whatever_is_json_gives_hints_or_one_of_two_errors(value: Any, account_id: str | None) -> None:
    only_hints(lambda: reader(account_id=account_id).parse(json.dumps(value).encode("utf-8", "replace")))


@given(st.binary(max_size=300))
def test_whatever_bytes_give_hints_or_one_of_two_errors(body: bytes) -> None:
    only_hints(lambda: reader().parse(body))

"""What the sandbox sends by itself, received over HTTP and read by the connector's own reader."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.hubspot.webhook import HubSpotWebhook
from connectors.webhook import Delivery, ForgedError, Hint, WebhookConfig
from tests.connectors.hubspot_sandbox.conftest import Sdk, Start
from tests.connectors.sandbox_runtime.receiver import Post, Receiver, receiving

SECRET = "client-secret-of-the-app"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        found.url += "/hubspot%2Fcrm?tag=a%3Ab%20c"
        yield found


def send_to(sdk: Sdk, receiver: Receiver, **knobs: Any) -> None:
    webhooks = {"target": receiver.url, "secret": SECRET, "batch_ms": 0, **knobs}
    sdk.control("PUT", "settings", {"webhooks": webhooks})


def read(sdk: Sdk, receiver: Receiver, post: Post, secret: str = SECRET) -> list[Hint]:
    """The hints of a POST, verified as it came over the wire."""
    webhook = HubSpotWebhook(WebhookConfig(secret=secret, account_id=str(sdk.sandbox.portal_id)))
    host = receiver.url.split("/in")[0]
    at = datetime.fromtimestamp(post.at, UTC)
    webhook.verify(Delivery(url=host + post.path, headers=post.headers, body=post.body, at=at))
    return list(webhook.parse(post.body))


def events(receiver: Receiver, posts: int) -> list[dict[str, Any]]:
    return [event for post in receiver.wait(posts) for event in json.loads(post.body)]


def settled(sdk: Sdk) -> dict[str, Any]:
    patience = time.monotonic() + 5
    while time.monotonic() < patience:
        found: dict[str, Any] = sdk.control("GET", "deliveries")
        if not found["counts"]["waiting"] and not found["counts"]["posts_under_way"]:
            return found
        time.sleep(0.01)
    raise AssertionError("it never came to rest")


def test_a_persons_edit_is_sent_signed_with_the_fields_of_the_captures(sdk: Sdk, receiver: Receiver) -> None:
    record = sdk.make(city="Leeds")
    send_to(sdk, receiver)
    sdk.control("POST", "edit", {"id": record, "fields": {"city": "York"}, "user": "Ada"})
    post = receiver.wait(1)[0]
    assert [hint.ref for hint in read(sdk, receiver, post)] == [record]
    (event,) = json.loads(post.body)
    assert abs(event.pop("occurredAt") - time.time() * 1000) < 5_000
    assert isinstance(event.pop("eventId"), int)
    assert isinstance(event.pop("subscriptionId"), int)
    assert event.pop("sourceId").startswith("userId:")
    assert event == {
        "portalId": sdk.sandbox.portal_id,
        "appId": sdk.sandbox.app_id,
        "subscriptionType": "company.propertyChange",
        "attemptNumber": 0,
        "objectId": int(record),
        "propertyName": "city",
        "propertyValue": "York",
        "changeSource": "CRM_UI",
    }
    assert post.headers["x-hubspot-signature-version"] == "v1"
    assert post.headers["x-hubspot-signature"] == hashlib.sha256(SECRET.encode() + post.body).hexdigest()


def test_a_write_of_the_api_names_the_app(sdk: Sdk, receiver: Receiver) -> None:
    send_to(sdk, receiver, concurrency=1)
    record = sdk.make(city="Leeds")
    sdk.batch.update({"inputs": [{"id": record, "properties": {"city": "York", "name": "Belarova Ltd"}}]})
    made, changed = events(receiver, 2)
    assert (made["subscriptionType"], made["changeFlag"]) == ("company.creation", "CREATED")
    assert (changed["propertyName"], changed["changeSource"]) == ("city", "INTEGRATION")
    assert changed["sourceId"] == str(sdk.sandbox.app_id)


@pytest.mark.parametrize("family", ["company", "object"])
def test_every_kind_of_change_is_told_in_both_families(sdk: Sdk, receiver: Receiver, family: str) -> None:
    first, second = sdk.makes(2)
    send_to(sdk, receiver, family=family, batch_ms=40)
    sdk.control("POST", "delete", {"id": first})
    sdk.control("POST", "undelete", {"id": first})
    new = sdk.control("POST", "merge", {"winner": first, "losers": [second]})["id"]
    settled(sdk)
    found = events(receiver, 1)
    kinds = [event["subscriptionType"] for event in found]
    assert kinds == [f"{family}.deletion", f"{family}.restore", f"{family}.merge"]
    assert {event.get("objectTypeId") for event in found} == {"0-2" if family == "object" else None}
    merge = found[2]
    assert merge["numberOfPropertiesMoved"] >= 1
    assert (merge["primaryObjectId"], merge["mergedObjectIds"]) == (int(first), [int(second)])
    hints = [hint.ref for post in receiver.posts for hint in read(sdk, receiver, post)]
    assert {first, second, new} == set(hints)


def test_only_changes_of_subscribed_properties_are_told(sdk: Sdk, receiver: Receiver) -> None:
    record = sdk.make()
    send_to(sdk, receiver, properties=["city"], batch_ms=40)
    for name in ("zip", "city", "address"):
        sdk.control("POST", "edit", {"id": record, "fields": {name: "x"}})
    settled(sdk)
    assert [event["propertyName"] for event in events(receiver, 1)] == ["city"]


def test_events_of_one_change_share_their_id_and_have_keys_of_their_own(sdk: Sdk, receiver: Receiver) -> None:
    record = sdk.make()
    send_to(sdk, receiver, batch_ms=40)
    sdk.control("POST", "edit", {"id": record, "fields": {"city": "York", "zip": "YO1"}})
    found = events(receiver, 1)
    assert found[0]["eventId"] == found[1]["eventId"]
    assert len({hint.event for hint in read(sdk, receiver, receiver.posts[0])}) == 2


def test_a_hundred_edits_at_once_are_one_delivery(sdk: Sdk, receiver: Receiver) -> None:
    ids = sdk.makes(100)
    send_to(sdk, receiver, batch_ms=50)
    sdk.batch.update({"inputs": [{"id": each, "properties": {"city": "York"}} for each in ids]})
    assert [hint.ref for hint in read(sdk, receiver, receiver.wait(1)[0])] == ids
    assert settled(sdk)["counts"]["posts"] == 1


def test_a_repetition_counts_its_attempts_and_has_the_same_keys(sdk: Sdk, receiver: Receiver) -> None:
    record = sdk.make()
    receiver.answer = lambda _: (200 if len(receiver.posts) > 1 else 500, b"")
    send_to(sdk, receiver, retry_ms=20)
    sdk.control("POST", "edit", {"id": record, "fields": {"city": "York"}})
    assert [event["attemptNumber"] for event in events(receiver, 2)] == [0, 1]
    first, second = (read(sdk, receiver, post) for post in receiver.posts)
    assert first == second


def test_a_duplicate_has_the_same_keys(sdk: Sdk, receiver: Receiver) -> None:
    record = sdk.make()
    send_to(sdk, receiver, duplicate=1, retry_ms=10)
    sdk.control("POST", "edit", {"id": record, "fields": {"city": "York"}})
    first, second = (read(sdk, receiver, post) for post in receiver.wait(2))
    assert first == second


def test_forged_and_stale_copies_are_refused_by_the_reader(sdk: Sdk, receiver: Receiver) -> None:
    record = sdk.make()
    send_to(sdk, receiver, forge=1, stale=1)
    sdk.control("POST", "edit", {"id": record, "fields": {"city": "York"}})
    said = []
    for post in receiver.wait(3):
        try:
            said.append(read(sdk, receiver, post)[0].ref)
        except ForgedError as error:
            said.append(error.reason)
    assert sorted(said) == sorted(
        [record, "its signature does not fit", "it was signed more than five minutes from now"]
    )


def test_edits_come_out_of_order_when_some_are_held_back(sdk: Sdk, receiver: Receiver) -> None:
    ids = sdk.makes(20)
    send_to(sdk, receiver, reorder=0.5, hold_ms=100)
    for each in ids:
        sdk.control("POST", "edit", {"id": each, "fields": {"city": "York"}})
    settled(sdk)
    came = [hint.ref for post in receiver.posts for hint in read(sdk, receiver, post)]
    assert sorted(came) == sorted(ids)
    assert came != ids


def test_the_list_of_deliveries_tells_when_and_whether_each_was_taken(sdk: Sdk, receiver: Receiver) -> None:
    record = sdk.make()
    send_to(sdk, receiver, delay_ms=60)
    sdk.control("POST", "edit", {"id": record, "fields": {"city": "York"}})
    (told,) = settled(sdk)["deliveries"]
    assert (told["ref"], told["status"], told["attempts"]) == (record, 200, 1)
    assert told["changed_at"] + 0.06 <= told["sent_at"] <= told["answered_at"]
    assert sdk.control("GET", f"deliveries?since={told['seq']}")["deliveries"] == []
    sdk.control("DELETE", "deliveries")
    assert sdk.control("GET", "deliveries")["counts"]["events"] == 0


def test_an_edit_is_answered_while_a_receiver_hangs(sdk: Sdk, receiver: Receiver) -> None:
    record = sdk.make()
    hang = threading.Event()
    receiver.answer = lambda _: (200 if hang.wait(2) else 500, b"")
    send_to(sdk, receiver)
    sdk.control("POST", "edit", {"id": record, "fields": {"city": "York"}})
    receiver.wait(1)
    begun = time.monotonic()
    sdk.control("POST", "edit", {"id": record, "fields": {"city": "Leeds"}})
    assert time.monotonic() - begun < 1.5, "it waits for nobody: the receiver hangs for two seconds"
    hang.set()


def test_what_a_journal_replays_is_not_told_again(start: Start, receiver: Receiver, tmp_path: Any) -> None:
    first = start(state=tmp_path / "account.jsonl")
    send_to(first, receiver)
    first.make()
    settled(first)
    first.sandbox.close()
    again = start(state=tmp_path / "account.jsonl")
    assert again.control("GET", "deliveries")["deliveries"] == []
    assert again.control("GET", "settings")["webhooks"]["target"] is None
    assert len(receiver.posts) == 1


@pytest.mark.parametrize(
    "webhooks",
    [
        {"family": "deal"},
        {"properties": "city"},
        {"properties": ["hs_lastmodifieddate"]},
        {"duplicate": 2},
        {"no_such": 1},
        [],
        None,
    ],
)
def test_a_wrong_knob_is_refused_and_nothing_is_set(sdk: Sdk, webhooks: Any) -> None:
    before = sdk.control("GET", "settings")
    body = {"index_delay": 5, "webhooks": webhooks}
    answer = sdk.http.put(f"{sdk.server.url}/_sandbox/settings", json=body, timeout=10)
    assert answer.status_code == 400
    assert "webhooks" in answer.json()["error"]
    assert sdk.control("GET", "settings") == before

"""Outbound messages of the sandbox, received over HTTP and read by the real reader."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from defusedxml import ElementTree

from connectors.salesforce.webhook import open_webhook
from connectors.webhook import Delivery, ForgedError, Hint, Webhook, WebhookConfig
from tests.connectors.salesforce_sandbox.conftest import MakeOrg
from tests.connectors.salesforce_sandbox.org import Org
from tests.connectors.sandbox_runtime.receiver import Post, Receiver, receiving
from tests.tasks.conftest import until

SECRET = "a-secret-of-these-tests"
OUTBOUND = "{http://soap.sforce.com/2005/09/outbound}"
FIELDS = "{urn:sobject.enterprise.soap.sforce.com}"


@pytest.fixture
def receiver(org: Org) -> Iterator[Receiver]:
    """Answers as Concord does."""
    with receiving() as found:
        found.answer = lambda _: (200, reader(org).answer().body)
        yield found


def reader(org: Org) -> Webhook:
    return open_webhook(WebhookConfig(secret=SECRET, account_id=org.sandbox.state.organisation))


def send(org: Org, receiver: Receiver, **knobs: Any) -> None:
    org.settings(webhooks={"target": receiver.url, "secret": SECRET, "batch_ms": 0, **knobs})


def read(org: Org, post: Post) -> list[Hint]:
    secret = post.path.rpartition("/")[2]
    reader(org).verify(
        Delivery(url=post.path, headers=post.headers, body=post.body, secret=secret, at=datetime.now(UTC))
    )
    return list(reader(org).parse(post.body))


def settled(org: Org, count: int) -> dict[str, Any]:
    """The deliveries, once so many events are accepted."""
    until(lambda: org.control("GET", "deliveries")["counts"]["accepted"] == count, 5)
    found: dict[str, Any] = org.control("GET", "deliveries")
    return found


def test_nobody_is_told_before_there_is_a_target(org: Org) -> None:
    org.create()
    assert org.control("GET", "deliveries")["deliveries"] == []


def test_a_new_account_and_an_edit_are_told_by_the_api_and_by_people_alike(
    org: Org, receiver: Receiver
) -> None:
    send(org, receiver)
    made = org.create(Name="Acme")
    receiver.wait(1)
    org.control("POST", "edit", {"id": made, "fields": {"Phone": "1"}})
    hints = [hint for post in receiver.wait(2) for hint in read(org, post)]
    assert [hint.ref for hint in hints] == [made, made]
    assert len({hint.event for hint in hints}) == 2
    assert all(hint.event.startswith("04l") for hint in hints)
    assert [each["event"] for each in settled(org, 2)["deliveries"]] == [hint.event for hint in hints]


def test_deletions_restores_and_losers_of_merges_are_not_told(org: Org, receiver: Receiver) -> None:
    kept, lost = org.create(Name="Kept"), org.create(Name="Lost")
    send(org, receiver)
    org.control("POST", "delete", {"id": kept})
    org.control("POST", "undelete", {"id": kept})
    org.control("POST", "merge", {"winner": kept, "losers": [lost]})
    assert [each["ref"] for each in settled(org, 1)["deliveries"]] == [kept]


def test_a_message_holds_the_chosen_fields_as_soap_writes_them(org: Org, receiver: Receiver) -> None:
    send(org, receiver, fields=["Name", "Phone", "BillingStreet", "CreatedDate", "IsDeleted", "Industry"])
    made = org.create(Name="A & B <Ltd>+0000", BillingStreet="One\r\nTwo", Phone="\u0001 1")
    post = receiver.wait(1)[0]
    assert post.headers["content-type"] == "text/xml; charset=utf-8"
    texts = {each.tag: each.text for each in ElementTree.fromstring(post.body).iter()}
    assert [tag.removeprefix(OUTBOUND) for tag in texts if tag.startswith(OUTBOUND)] == [
        "notifications",
        "OrganizationId",
        "ActionId",
        "SessionId",
        "EnterpriseUrl",
        "PartnerUrl",
        "Notification",
        "Id",
        "sObject",
    ]
    assert b'<SessionId xsi:nil="true"/>' in post.body
    assert texts[f"{OUTBOUND}OrganizationId"] == org.sandbox.state.organisation
    sent = {tag.removeprefix(FIELDS): text for tag, text in texts.items() if tag.startswith(FIELDS)}
    created = org.read(made)["CreatedDate"]
    assert sent == {
        "Id": made,
        "Name": "A & B <Ltd>+0000",
        "Phone": " 1",
        "BillingStreet": "One\r\nTwo",
        "CreatedDate": created.replace("+0000", "Z"),
        "IsDeleted": "false",
    }


def test_a_session_id_is_sent_when_asked(org: Org, receiver: Receiver) -> None:
    send(org, receiver, send_session=True)
    org.create()
    post = receiver.wait(1)[0]
    assert f"<SessionId>{org.sandbox.state.organisation[:15]}!".encode() in post.body
    assert len(read(org, post)) == 1


def test_values_are_those_of_the_moment_of_sending(org: Org, receiver: Receiver) -> None:
    send(org, receiver, delay_ms=80)
    made = org.create(Name="Before")
    org.control("POST", "edit", {"id": made, "fields": {"Name": "After"}})
    settled(org, 2)
    for post in receiver.posts:
        assert b"After" in post.body
        assert b"Before" not in post.body


def test_a_record_that_is_deleted_meanwhile_is_told_without_data(org: Org, receiver: Receiver) -> None:
    send(org, receiver, delay_ms=80)
    made = org.create(Name="Short-lived")
    org.control("POST", "delete", {"id": made})
    post = receiver.wait(1)[0]
    assert made.encode() not in post.body
    assert read(org, post) == []
    settled(org, 1)


def test_up_to_a_hundred_notifications_go_in_one_message(org: Org, receiver: Receiver) -> None:
    send(org, receiver, batch_ms=50)
    records = [{"attributes": {"type": "Account"}, "Name": f"A{n}"} for n in range(150)]
    assert org.http("POST", "composite/sobjects", {"allOrNone": True, "records": records}).ok
    posts = receiver.wait(2)
    # They travel at once: either may arrive first.
    assert sorted(len(read(org, post)) for post in posts) == [50, 100]
    assert len({hint.event for post in posts for hint in read(org, post)}) == 150


@pytest.mark.parametrize(
    "refusal",
    [
        (500, b""),
        (200, b""),
        (
            200,
            b"<Envelope><Body><notificationsResponse><Ack>false</Ack></notificationsResponse></Body></Envelope>",
        ),
        (202, b"<Ack>true</Ack>"),
    ],
)
def test_whatever_is_no_acknowledgement_brings_the_same_notification_again(
    org: Org, receiver: Receiver, refusal: tuple[int, bytes]
) -> None:
    good = receiver.answer
    receiver.answer = lambda post: refusal if len(receiver.posts) < 3 else good(post)
    send(org, receiver, retry_ms=10)
    org.create()
    first, *again = [read(org, post) for post in receiver.wait(3)]
    assert again == [first, first]
    (told,) = settled(org, 1)["deliveries"]
    assert told["attempts"] == 3
    time.sleep(0.05)
    assert len(receiver.posts) == 3


def test_duplicates_bring_the_same_ids_and_held_back_ones_come_late(org: Org, receiver: Receiver) -> None:
    send(org, receiver, duplicate=0.5, reorder=0.5, hold_ms=60, retry_ms=1)
    for _ in range(12):
        org.create()
    counts = settled(org, 12)["counts"]

    def heard() -> list[str]:
        # Events that are due at one time may share a message.
        return [hint.event for post in receiver.posts for hint in read(org, post)]

    until(lambda: len(heard()) == 12 + counts["duplicates"], 5)
    told = heard()
    assert len(set(told)) == 12
    assert len(told) == 12 + counts["duplicates"] > 12
    assert any(later < earlier for earlier, later in pairwise(told))


def test_forgeries_bear_another_secret(org: Org, receiver: Receiver) -> None:
    send(org, receiver, forge=1)
    org.create()
    outcomes = []
    for post in receiver.wait(2):
        try:
            outcomes.append(len(read(org, post)))
        except ForgedError:
            outcomes.append(-1)
    assert sorted(outcomes) == [-1, 1]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"fields": ["Nmae"]}, "Nmae"),
        ({"fields": ["BillingAddress"]}, "BillingAddress"),
        ({"stale": 0.1}, "stale"),
        ({"fields": "Name"}, "webhooks"),
        ({"tarjet": "x"}, "tarjet"),
        ([], "webhooks"),
    ],
)
def test_a_wrong_knob_is_named_and_none_is_set(org: Org, given: object, named: str) -> None:
    before = org.control("GET", "settings")
    answer = org.http("PUT", "/_sandbox/settings", {"webhooks": given, "page_rows": 5})
    assert answer.status_code == 400
    assert named in answer.json()["error"]
    assert org.control("GET", "settings") == before


def test_ids_of_notifications_go_on_after_a_restart(make_org: MakeOrg, tmp_path: Path) -> None:
    events = []
    for _ in range(2):
        org = make_org(state=tmp_path / "org.jsonl")
        with receiving() as receiver:
            receiver.answer = lambda _, org=org: (200, reader(org).answer().body)  # type: ignore[misc]
            send(org, receiver)
            org.create()
            events += [each["event"] for each in settled(org, 1)["deliveries"]]
        org.sandbox.state.close()
    assert len(set(events)) == 2


def test_a_stop_leaves_no_thread(org: Org, receiver: Receiver) -> None:
    send(org, receiver)
    org.create()
    receiver.wait(1)
    org.sandbox.state.close()
    assert not [each for each in threading.enumerate() if each.name.startswith("outbox")]

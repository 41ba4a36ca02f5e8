"""What is to be told is told at least once, signed, in growing pauses, and never to a private network."""

from __future__ import annotations

import logging
import socket
from datetime import timedelta

import pytest
from sqlalchemy import update
from standardwebhooks import Webhook, WebhookVerificationError

from connectors.outbound import PRIVATE_ALLOWED
from sync import deliver, hooks, keys
from sync.deliver import PAUSES, Failure
from sync.errors import BadInput, NotFoundError
from sync.hook_message import TEST
from sync.hooks import HookEvent
from sync.store import audit
from sync.store.hooktables import hooks as table
from sync.store.query import now
from sync.store.seal import Seal
from tasks.post import outgoing_url
from tests.hooks.conftest import KEY, Told


def test_a_message_is_one_of_standard_webhooks(told: Told) -> None:
    made = told.add()
    told.world.add("A-1", email="a@acme.example")
    deliver.deliver(told.outgoing)
    (found,) = told.receiver.take()
    (row,) = told.deliveries()
    reader = Webhook(made.secret)
    assert reader.verify(found.body, dict(found.headers))["type"] == "customer.updated"
    headers = {name.lower(): value for name, value in found.headers.items()}
    assert headers["webhook-id"] == f"msg_{row['id']}"
    for body, given in (
        (found.body.replace(b"created", b"deleted"), headers),
        (found.body, {**headers, "webhook-id": "msg_other"}),
        (found.body, {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}),
    ):
        with pytest.raises(WebhookVerificationError):
            reader.verify(body, given)
    assert made.secret not in str(told.hook(made))


def test_it_is_sent_again_under_the_same_id_until_it_is_taken(told: Told) -> None:
    made = told.add(HookEvent.CUSTOMER_UPDATED)
    told.receiver.answers += [(500, {}), (503, {"Retry-After": "900"}), (204, {})]
    told.world.add("A-1")
    told.world.add("A-2")
    deliver.deliver(told.outgoing)
    first = told.receiver.take()
    assert len(first) == 1, "a hook that fails rests, whatever else waits for it"
    assert told.deliver() == [], "and is left alone meanwhile"
    assert told.hook(made)["problem"] == "it answered 500"
    told.let_pass()
    deliver.deliver(told.outgoing)
    (second,) = told.receiver.take()
    with told.world.database.reading() as tx:
        rest = told.hook(made)["not_before"] - now(tx)
    assert timedelta(seconds=800) < rest <= timedelta(seconds=900)
    told.let_pass()
    deliver.deliver(told.outgoing)
    last = told.receiver.take()
    assert len(last) == 2
    names = [each.headers["webhook-id"] for each in (*first, second, last[0])]
    assert len(set(names)) == 1
    assert {each["state"] for each in told.deliveries()} == {"delivered"}
    assert [each["attempts"] for each in told.deliveries()] == [3, 1]
    row = told.hook(made)
    assert (row["failures"], row["failing_since"], row["problem"], row["waiting"]) == (0, None, None, 0)


@pytest.mark.parametrize(
    ("status", "kind"), [(502, Failure.AWAY), (404, Failure.REFUSED), (302, Failure.REFUSED)]
)
def test_pauses_grow_and_at_last_it_is_given_up(told: Told, status: int, kind: Failure) -> None:
    made = told.add(HookEvent.CUSTOMER_UPDATED)
    told.world.add("A-1")
    waited, row = [], told.deliveries()[0]
    for _ in range(len(PAUSES[kind]) + 1):
        told.receiver.answers.append((status, {"Location": f"{told.receiver.url}/elsewhere"}))
        deliver.deliver(told.outgoing)
        (row,) = told.deliveries()
        with told.world.database.reading() as tx:
            waited.append((row["not_before"] - now(tx)).total_seconds())
        told.let_pass()
    assert [round(each, -1) for each in waited[:-1]] == [round(each, -1) for each in PAUSES[kind]]
    assert (row["state"], row["status"], row["attempts"]) == ("failed", status, len(PAUSES[kind]) + 1)
    assert {each.path for each in told.receiver.take()} == {"/told"}
    assert told.hook(made)["state"] == "active"
    assert told.deliver() == []


def test_a_hook_that_fails_for_days_is_paused_and_can_be_resumed(told: Told) -> None:
    made = told.add(HookEvent.CUSTOMER_UPDATED)
    told.world.add("A-1")
    told.receiver.answers += [(500, {}), (500, {})]
    told.deliver()
    with told.world.database.reading() as tx:
        long_ago = now(tx) - timedelta(days=5, minutes=1)
    told.let_pass(failing_since=long_ago)
    told.deliver()
    row = told.hook(made)
    assert (row["state"], row["reason"]) == ("paused", "nothing was taken for 5 days")
    with told.world.database.reading() as tx:
        assert audit.listing(tx, told.world.organisation_id)[0]["action"] == "hook.paused"
    told.let_pass()
    assert told.deliver() == []
    hooks.change(
        told.world.database,
        told.world.organisation_id,
        made.row["id"],
        active=True,
        check=outgoing_url,
        actor="test",
    )
    assert len(told.deliver()) == 1


def test_an_address_that_is_gone_is_left_alone_at_once(told: Told) -> None:
    made = told.add()
    told.world.add("A-1")
    told.receiver.answers.append((410, {}))
    told.deliver()
    assert told.hook(made)["state"] == "paused"


def test_a_worker_that_was_killed_between_sending_and_noting_sends_again(told: Told) -> None:
    told.add()
    told.world.add("A-1")

    class Killed(BaseException):
        pass

    def die(*_: object) -> bool:
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deliver, "_note", die)
        with pytest.raises(Killed):
            deliver.deliver(told.outgoing)
    (first,) = told.receiver.take()
    assert told.deliver() == [], "its lease keeps others away"
    with told.world.database.transaction() as tx:
        tx.execute(update(table).values(held_until=now(tx)))
    deliver.deliver(told.outgoing)
    (again,) = told.receiver.take()
    assert (again.body, again.headers["webhook-id"]) == (first.body, first.headers["webhook-id"])


def test_one_that_is_down_does_not_hold_up_the_others(told: Told) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        told.add(url=f"http://127.0.0.1:{nobody.getsockname()[1]}/")
        told.add()
        for number in range(3):
            told.world.add(f"A-{number}")
        assert len(told.deliver()) == 3
    waiting = [each for each in told.deliveries() if each["state"] == "waiting"]
    assert sorted(each["attempts"] for each in waiting) == [0, 0, 1]
    assert {each["problem"] for each in waiting} == {None, "no connection (ConnectionError)"}


def test_a_test_is_answered_at_once_and_kept_nowhere(told: Told) -> None:
    made = told.add()
    mine = told.world.organisation_id
    answer = deliver.send_test(told.outgoing, mine, made.row["id"])
    assert (answer.status, answer.failure) == (204, None)
    assert told.receiver.take()[0].json["type"] == TEST
    assert told.deliveries() == []
    with pytest.raises(NotFoundError):
        deliver.send_test(told.outgoing, "0" * 32, made.row["id"])


def test_nothing_goes_to_a_private_network(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    made = told.add()
    told.world.add("A-1")
    monkeypatch.delenv(PRIVATE_ALLOWED)
    told.deliver()
    row = told.hook(made)
    assert row["problem"] == "it leads to an address of a private network"
    https = told.receiver.url.replace("http://127.0.0.1", "https://localtest.example")
    with told.world.database.transaction() as tx:
        tx.execute(update(table).values(url=https))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: [(2, 1, 6, "", ("10.0.0.1", 443))])
    told.let_pass()
    told.deliver()
    assert told.hook(made)["problem"] == "it leads to an address of a private network"
    assert told.receiver.received == []


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://hooks.acme.example/x", "must begin with https://"),
        ("ftp://hooks.acme.example/x", "must begin with https://"),
        ("https://jane:secret@acme.example/", "neither user nor password"),
        ("https://acme.example/#x", "neither user nor password"),
        ("https://127.0.0.1/", "private network"),
        ("https://localhost/", "private network"),
        ("https://10.1.2.3:8443/", "private network"),
        ("https://[::1]/", "private network"),
        ("https://[::ffff:10.0.0.1]/", "private network"),
        ("https://", "is no URL"),
        ("https://a b.example/", "is no URL"),
        ("https://acme.example:99999/", "is no URL"),
        ("https://acme.example\\@10.0.0.1/", "is no URL"),
        ("", "is no URL"),
        ("https://acme.example/" + "x" * 2_000, "more than 2,000 characters"),
    ],
)
def test_an_address_that_may_not_be_called_is_refused(told: Told, url: str, why: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(PRIVATE_ALLOWED)
        with pytest.raises(BadInput) as caught:
            told.add(url=url or " ")
    assert why in str(caught.value.fields["url"])
    assert "secret" not in str(caught.value)


def test_there_are_few_and_each_is_told_of_something(told: Told) -> None:
    made, *_ = [told.add() for _ in range(hooks.MOST)]
    with pytest.raises(BadInput, match="20 hooks at most"):
        told.add()
    with pytest.raises(BadInput, match="name at least one"):
        hooks.change(
            told.world.database,
            told.world.organisation_id,
            made.row["id"],
            events=[],
            check=outgoing_url,
            actor="test",
        )


def test_secrets_are_sealed_anew_with_a_new_key(told: Told) -> None:
    made = told.add()
    new = "n" * 40
    report = keys.rotate(told.world.database, Seal([new, KEY]))
    assert report.by_key[2] == 0
    assert hooks.secret_of(Seal([new]), told.hook(made)) == made.secret
    lost = keys.status(told.world.database, Seal(["x" * 40]))
    assert f"hook {made.row['id']}" in lost.unopened
    told.seal = Seal(["x" * 40])
    told.world.add("A-1")
    assert told.deliver() == []
    assert "CONCORD_SECRET_KEY" in told.hook(made)["problem"]


def test_a_log_tells_nothing_of_it(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    made = told.add(url=f"{told.receiver.url}/t0ken-in-path")
    told.receiver.answers.append((500, {}))
    told.world.add("A-1", email="a@acme.example")
    with caplog.at_level(logging.DEBUG, logger="concord"):
        told.deliver()
    assert "t0ken" not in caplog.text
    assert made.secret not in caplog.text

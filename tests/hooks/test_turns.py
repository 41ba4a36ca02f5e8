"""Hooks take turns, what is not taken in time is given up aloud, and no line stays open."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from connectors.outbound import PRIVATE_ALLOWED
from sync import deliver, hooks
from sync.deliver import PAUSES, Answer, Failure, Outgoing
from sync.errors import BadInput
from sync.hook_message import Message
from sync.hooks import HookEvent
from sync.store import audit, retention
from sync.store import hooks as store
from sync.store.hooktables import hook_deliveries
from sync.store.query import now
from sync.store.retention import Keep
from tasks import post as posting
from tasks.post import outgoing_url, post
from tests.hooks.conftest import Told
from tests.hooks.receiver import Receiver


def test_what_ended_a_week_ago_goes_and_what_waits_so_long_is_given_up_aloud(told: Told) -> None:
    made = told.add()
    told.world.add("A-1")
    told.deliver()
    told.receiver.answers.append((500, {}))
    for number in (2, 3, 4):
        told.world.add(f"A-{number}")
    told.deliver()
    (old, late, *new) = told.deliveries()
    with told.world.database.transaction() as tx:
        ago = now(tx) - timedelta(days=8)
        for row, ended in ((old, ago), (late, None)):
            name = f"{int(ago.timestamp() * 1_000):012x}{row['id'][12:]}"
            mine = hook_deliveries.c.id == row["id"]
            tx.execute(update(hook_deliveries).where(mine).values(id=name, created_at=ago, ended_at=ended))
        retention.forget_old(tx, Keep())
        retention.forget_old(tx, Keep())
    (given_up, *others) = told.deliveries()
    assert (given_up["id"][12:], given_up["state"]) == (late["id"][12:], "failed")
    assert "not taken within 7 days" in given_up["problem"]
    assert [each["id"] for each in others] == [each["id"] for each in new]
    assert "given up" in told.hook(made)["problem"]
    with told.world.database.reading() as tx:
        (entry, *_) = audit.listing(tx, told.world.organisation_id)
    assert (entry["action"], entry["subject"]) == ("hook.gave_up", made.row["id"])
    assert entry["details"] == {"deliveries": 1}


def test_what_a_removed_hook_was_to_be_told_goes_with_what_is_old(told: Told) -> None:
    made = told.add()
    told.world.add("A-1")
    hooks.remove(told.world.database, told.world.organisation_id, made.row["id"], actor="test")
    assert told.deliver() == []
    assert len(told.deliveries()) == 1
    with told.world.database.transaction() as tx:
        retention.forget_old(tx, Keep())
    assert told.deliveries() == []


def test_several_who_add_hooks_at_once_make_no_more_than_may_be(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "MOST", 2)

    def add(_: int) -> None:
        with contextlib.suppress(BadInput):
            told.add()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(add, range(12)))
    with told.world.database.reading() as tx:
        assert len(store.listing(tx, told.world.organisation_id)) == 2


def test_hooks_take_turns_until_everything_is_told(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliver, "BATCH", 2)
    for name in ("one", "two"):
        told.add(HookEvent.CUSTOMER_UPDATED, url=f"{told.receiver.url}/{name}")
    for number in range(5):
        told.world.add(f"A-{number}")
    assert deliver.deliver(told.outgoing) == 10
    came = [each.path[1:] for each in told.receiver.take()]
    assert came == ["one"] * 2 + ["two"] * 2 + ["one"] * 2 + ["two"] * 2 + ["one", "two"]


def test_a_slow_hook_has_a_turn_of_some_seconds(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliver, "TURN", 0.0)
    made = told.add(HookEvent.CUSTOMER_UPDATED)
    told.world.add("A-1")
    assert deliver.deliver(told.outgoing, longest=0.2) == 0
    with told.world.database.transaction() as tx:
        first = store.take(tx, seconds=60)
        assert first is not None
        assert not store.owed(tx), "somebody is at it"
        store.save(tx, made.row["id"], taken_at=now(tx) + timedelta(seconds=1))  # its lease ran out
        store.hold(tx, first, None)
    assert told.hook(made)["held_until"] is not None, "it is another one's by now"


def test_a_hook_that_had_nothing_to_be_told_has_not_failed_meanwhile(told: Told) -> None:
    made = told.add(HookEvent.CUSTOMER_UPDATED)
    told.world.add("A-1")
    told.receiver.answers += [(404, {})] * 9
    for _ in range(len(PAUSES[Failure.REFUSED]) + 1):
        told.deliver()
        told.let_pass()
    assert told.deliveries()[0]["state"] == "failed"
    assert (told.hook(made)["failing_since"], told.hook(made)["problem"]) == (None, "it answered 404")


def test_what_the_old_address_says_is_nothing_of_the_new_one(told: Told) -> None:
    made = told.add(HookEvent.CUSTOMER_UPDATED)
    told.world.add("A-1")

    def moved(url: str, message: Message) -> Answer:
        answer = post(url, message)
        hooks.change(
            told.world.database,
            told.world.organisation_id,
            made.row["id"],
            url=f"{told.receiver.url}/new",
            check=outgoing_url,
            actor="test",
        )
        return answer

    told.receiver.answers.append((500, {}))
    deliver.deliver(Outgoing(told.world.database, told.seal, moved))
    assert [each.path for each in told.receiver.take()] == ["/told", "/new"]
    assert (told.hook(made)["problem"], told.deliveries()[0]["attempts"]) == (None, 1)


def test_very_many_that_wait_are_not_counted(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MANY", 2)
    made = told.add(HookEvent.CUSTOMER_UPDATED)
    other = told.add(HookEvent.RUN_FINISHED)
    for number in range(5):
        told.world.add(f"A-{number}")
    assert (told.hook(made)["waiting"], told.hook(other)["waiting"]) == (3, 0)


def test_an_answer_that_drips_is_given_up_and_its_line_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "LONGEST", 0.5)
    monkeypatch.setenv(PRIVATE_ALLOWED, "1")
    cut = threading.Event()

    def drip(server: socket.socket) -> None:
        line, _ = server.accept()
        with line, contextlib.suppress(OSError):
            line.sendall(b"HTTP/1.1 200 OK\r\nX-Drip: ")
            for _ in range(100):
                line.sendall(b"x")
                time.sleep(0.05)
            return
        cut.set()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=[server])
        thread.start()
        answer = post(f"http://127.0.0.1:{server.getsockname()[1]}/", Message(b"{}", {}))
        assert "post" not in {each.name for each in threading.enumerate()}
        thread.join()
    assert (answer.problem, answer.failure) == ("no answer in time", Failure.AWAY)
    assert cut.is_set()


def test_what_stands_in_a_netrc_is_not_sent(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login jane password secret")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert post(receiver.url, Message(b"{}", {})).failure is None
    assert "Authorization" not in receiver.take()[0].headers

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from connectors.sandbox.control import ControlError
from connectors.sandbox.outbox import Attempt, Notification, Outbox, Prepared
from tests.connectors.sandbox_runtime.receiver import Post, Receiver, receiving

Start = Callable[..., Outbox]


def rendered(batch: Sequence[Notification], attempt: Attempt) -> Prepared:
    body = {
        "events": [each.event for each in batch],
        "number": attempt.number,
        "twist": attempt.twist,
        "at": attempt.at,
    }
    return Prepared(attempt.target, {"X-Secret": attempt.secret}, json.dumps(body).encode())


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def start(receiver: Receiver) -> Iterator[Start]:
    """Start an outbox that sends to the receiver."""
    running: list[Outbox] = []

    def run(*, accepts: Any = None, **knobs: Any) -> Outbox:
        more = {"accepts": accepts} if accepts else {}
        outbox = Outbox(rendered, seed=1, dated=True, **more)
        running.append(outbox)
        outbox.use(outbox.checked({"target": receiver.url, "secret": "s", "batch_ms": 0, **knobs}))
        return outbox

    yield run
    for outbox in running:
        outbox.close()


def notes(count: int, first: int = 0) -> list[Notification]:
    return [Notification(f"e{n}", f"r{n}", None) for n in range(first, first + count)]


def bodies(receiver: Receiver, count: int) -> list[dict[str, Any]]:
    return [json.loads(each.body) for each in receiver.wait(count)]


def settled(outbox: Outbox) -> dict[str, Any]:
    """What became of everything, once nothing waits."""
    patience = time.monotonic() + 5
    while time.monotonic() < patience:
        found = outbox.shown()
        if not found["counts"]["waiting"] and not found["counts"]["posts_under_way"]:
            return found
        time.sleep(0.01)
    raise AssertionError(outbox.shown()["counts"])


def slowly(_: object) -> tuple[int, bytes]:
    time.sleep(0.2)
    return 200, b""


def test_events_of_a_moment_travel_together_and_at_most_a_hundred(receiver: Receiver, start: Start) -> None:
    outbox = start(batch_ms=30)
    outbox.add(notes(150))
    outbox.add(notes(50, first=150))
    sizes = [len(each["events"]) for each in bodies(receiver, 2)]
    assert sorted(sizes) == [100, 100]
    assert receiver.posts[0].headers["x-secret"] == "s"
    counts = settled(outbox)["counts"]
    assert (counts["events"], counts["accepted"], counts["posts"], counts["posts_accepted"]) == (
        200,
        200,
        2,
        2,
    )


def test_an_event_is_sent_no_earlier_than_the_delay_of_the_crm(receiver: Receiver, start: Start) -> None:
    outbox = start(delay_ms=120)
    outbox.add(notes(1))
    record = settled(outbox)["deliveries"][0]
    assert 0.12 <= record["sent_at"] - record["changed_at"] < 1
    assert record["answered_at"] >= record["sent_at"]
    assert (record["seq"], record["event"], record["ref"]) == (1, "e0", "r0")
    assert (record["status"], record["attempts"], record["accepted"]) == (200, 1, True)


def test_a_duplicate_comes_besides_and_opens_no_record(receiver: Receiver, start: Start) -> None:
    outbox = start(duplicate=1, retry_ms=10)
    outbox.add(notes(2))
    found = settled(outbox)
    events = sorted(event for each in bodies(receiver, 2) for event in each["events"])
    assert events == ["e0", "e0", "e1", "e1"]
    assert [each["attempts"] for each in found["deliveries"]] == [2, 2]


def test_what_is_held_back_comes_after_later_events(receiver: Receiver, start: Start) -> None:
    outbox = start(reorder=1, hold_ms=80)
    outbox.add(notes(1))
    outbox.use(outbox.checked({"reorder": 0}))
    outbox.add(notes(1, first=1))
    assert [each["events"] for each in bodies(receiver, 2)] == [["e1"], ["e0"]]


def test_forged_and_stale_copies_come_once_and_are_only_counted(receiver: Receiver, start: Start) -> None:
    outbox = start(forge=1, stale=1, retry_ms=10, batch_ms=30)
    receiver.answer = lambda post: (200 if json.loads(post.body)["twist"] == "none" else 401, b"")
    outbox.add(notes(3))
    found = settled(outbox)
    came = bodies(receiver, 3)
    assert {each["twist"] for each in came} == {"none", "forged", "stale"}
    assert len(came) == found["counts"]["posts"] == 3
    assert found["counts"]["forged"] == found["counts"]["stale"] == {"401": 1}
    assert [each["attempts"] for each in found["deliveries"]] == [1, 1, 1]
    stale = next(each for each in came if each["twist"] == "stale")
    assert 359 < time.time() - stale["at"] < 370


def test_a_refused_delivery_is_repeated_as_it_was(receiver: Receiver, start: Start) -> None:
    outbox = start(retry_ms=20, batch_ms=20)

    def answer(post: Post) -> tuple[int, bytes]:
        if len(receiver.posts) == 1:
            outbox.add(notes(1, first=2))
        repeated = json.loads(post.body)["number"] == 2
        return (200 if repeated else 503), b""

    receiver.answer = answer
    outbox.add(notes(2))
    settled(outbox)
    came = [each for each in bodies(receiver, 6) if "e0" in each["events"]]
    assert [each["number"] for each in came] == [0, 1, 2]
    assert {tuple(each["events"]) for each in came} == {("e0", "e1")}
    record = settled(outbox)["deliveries"][1]
    assert (record["attempts"], record["status"], record["accepted"]) == (3, 200, True)


def test_it_gives_up_after_the_last_repetition(receiver: Receiver, start: Start) -> None:
    outbox = start(retry_ms=5, retries=2)
    receiver.answer = lambda _: (404, b"")
    outbox.add(notes(1))
    found = settled(outbox)
    assert len(receiver.posts) == 3
    assert (found["counts"]["given_up"], found["deliveries"][0]["status"]) == (1, 404)


def test_a_redirect_is_a_failure_and_is_not_followed(receiver: Receiver, start: Start) -> None:
    outbox = start(retries=0)
    receiver.answer = lambda _: (307, b"")
    outbox.add(notes(1))
    assert settled(outbox)["deliveries"][0]["status"] == 307
    assert len(receiver.posts) == 1


def test_the_crm_says_which_answers_count(receiver: Receiver, start: Start) -> None:
    outbox = start(accepts=lambda _status, body: body == b"yes", retry_ms=5)
    receiver.answer = lambda _: (200, b"yes" if len(receiver.posts) > 1 else b"no")
    outbox.add(notes(1))
    assert settled(outbox)["deliveries"][0]["attempts"] == 2


def test_no_answer_and_nobody_there_are_failures(receiver: Receiver, start: Start) -> None:
    outbox = start(timeout_ms=50, retries=0)
    receiver.answer = slowly
    outbox.add(notes(1))
    assert settled(outbox)["deliveries"][0]["status"] == 0
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        target = f"http://127.0.0.1:{free.getsockname()[1]}/"
        outbox.use(outbox.checked({"target": target}))
        outbox.add(notes(1))
        assert settled(outbox)["deliveries"][1]["status"] == 0


def test_no_more_posts_are_under_way_than_allowed(receiver: Receiver, start: Start) -> None:
    here, most, lock = [0], [0], threading.Lock()

    def slow(_: object) -> tuple[int, bytes]:
        with lock:
            here[0] += 1
            most[0] = max(most[0], here[0])
        time.sleep(0.03)
        with lock:
            here[0] -= 1
        return 200, b""

    receiver.answer = slow
    outbox = start(concurrency=3)
    for n in range(900 // 100):
        outbox.add(notes(100, first=100 * n))
    settled(outbox)
    assert most[0] == 3


def test_adding_does_not_wait_for_a_slow_receiver(receiver: Receiver, start: Start) -> None:
    outbox = start(timeout_ms=300)
    receiver.answer = slowly
    begun = time.monotonic()
    outbox.add(notes(500))
    assert time.monotonic() - begun < 0.1


def test_without_a_target_nothing_is_kept_and_what_waited_is_forgotten(
    receiver: Receiver, start: Start
) -> None:
    outbox = start(delay_ms=60_000)
    outbox.add(notes(1))
    outbox.use(outbox.checked({"target": None}))
    outbox.add(notes(1))
    found = outbox.shown()
    assert (found["counts"]["waiting"], found["counts"]["events"]) == (0, 1)


def test_records_are_listed_after_a_number_and_can_be_forgotten(receiver: Receiver, start: Start) -> None:
    outbox = start()
    outbox.add(notes(3))
    settled(outbox)
    assert [each["seq"] for each in outbox.shown(since=2)["deliveries"]] == [3]
    outbox.clear()
    outbox.add(notes(1))
    found = settled(outbox)
    assert ([each["seq"] for each in found["deliveries"]], found["counts"]["posts"]) == ([4], 1)


def test_a_render_that_fails_is_logged_and_counted(
    receiver: Receiver, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_batch: Sequence[Notification], _attempt: Attempt) -> Prepared:
        raise KeyError("no such thing")

    outbox = Outbox(broken, seed=1)
    outbox.use(outbox.checked({"target": receiver.url, "retries": 0, "batch_ms": 0}))
    outbox.add(notes(1))
    try:
        assert settled(outbox)["counts"]["given_up"] == 1
    finally:
        outbox.close()
    assert "cannot render" in caplog.text


def test_closing_leaves_no_thread_and_sends_nothing_more(receiver: Receiver, start: Start) -> None:
    before = {each for each in threading.enumerate() if each.name.startswith("outbox")}
    outbox = start()
    outbox.add(notes(1))
    settled(outbox)
    outbox.use(outbox.checked({"delay_ms": 50}))
    outbox.add(notes(1, first=1))
    outbox.close()
    outbox.close()
    outbox.add(notes(1))
    outbox.use(outbox.checked({"delay_ms": 0}))
    time.sleep(0.1)
    assert len(receiver.posts) == 1
    assert {each for each in threading.enumerate() if each.name.startswith("outbox")} <= before


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({"duplicate": 1.5}, "duplicate"),
        ({"duplicate": True}, "duplicate"),
        ({"delay_ms": -1}, "delay_ms"),
        ({"retries": "3"}, "retries"),
        ({"concurrency": 0}, "concurrency"),
        ({"target": ""}, "target"),
        ({"tarjet": "http://x"}, "tarjet"),
        ({"stale": 1}, "no signed time"),
    ],
)
def test_a_knob_that_does_not_fit_is_named(knobs: dict[str, Any], said: str) -> None:
    outbox = Outbox(rendered, seed=1)
    with pytest.raises(ControlError, match=said):
        outbox.checked(knobs)
    outbox.close()

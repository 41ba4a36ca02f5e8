"""Wake-ups are sent by a thread of their own: none that was asked for is forgotten, none is sent unasked."""

from __future__ import annotations

import threading

from tasks.waker import Waker


class Sent:
    """Counts, and holds the first message up until it is let go."""

    def __init__(self) -> None:
        self.count = 0
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.count += 1
        self.begun.set()
        assert self.go.wait(60)


def test_a_wake_up_that_was_asked_for_just_before_the_end_is_sent() -> None:
    for _ in range(200):  # the thread may not have begun by then
        sent = Sent()
        sent.go.set()
        waker = Waker(sent)
        waker.wake()
        waker.close()
        assert sent.count == 1


def test_without_a_wake_up_nothing_is_sent_at_the_end() -> None:
    sent = Sent()
    Waker(sent).close()
    assert sent.count == 0


def test_those_that_come_while_one_is_sent_are_one_more_also_at_the_end() -> None:
    sent = Sent()
    waker = Waker(sent)
    waker.wake()
    assert sent.begun.wait(60)
    for _ in range(5):
        waker.wake()
    closing = threading.Thread(target=lambda: waker.close(60))
    closing.start()
    sent.go.set()
    closing.join(60)
    assert sent.count == 2


def test_the_end_does_not_wait_for_a_broker_that_hangs() -> None:
    sent = Sent()
    waker = Waker(sent)
    waker.wake()
    assert sent.begun.wait(60)
    waker.close(0.05)
    sent.go.set()

"""Change Data Capture over real gRPC: the subscriber against the sandbox's event bus."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import pytest

from connectors.capture import Heard, PositionLostError
from connectors.errors import AuthFailed, Misconfigured, Unavailable
from connectors.salesforce.capture import open_capture
from tests.connectors.salesforce_capture.conftest import Broadcast


def news(stream: Iterator[Heard]) -> Heard:
    """The next that is no keepalive."""
    return next(heard for heard in islice(stream, 25) if heard.hints or heard.unnamed)


def told(stream: Iterator[Heard], count: int) -> list[str]:
    """The refs of so many hints, in however many parts they come."""
    found: list[str] = []
    while len(found) < count:
        found += refs(news(stream))
    return found


def settle(stream: Iterator[Heard]) -> bytes:
    """Wait until the stream stands, by its first keepalive; the position."""
    return next(stream).position


def refs(heard: Heard) -> list[str]:
    return [hint.ref for hint in heard.hints]


def test_every_kind_of_change_is_a_hint(broadcast: Broadcast) -> None:
    stream = broadcast.capture().listen(None)
    settle(stream)
    made, other = broadcast.create(), broadcast.create("Other")
    assert told(stream, 2) == [made, other]
    broadcast.edit(made, Phone="1")
    assert refs(news(stream)) == [made]
    broadcast.org.state.person_delete(made, user="A")
    assert refs(news(stream)) == [made]
    broadcast.org.state.person_undelete(made, user="A")
    assert refs(news(stream)) == [made]
    broadcast.org.state.person_merge(made, [other], user="A")
    assert set(told(stream, 2)) == {made, other}


def test_a_merged_event_gives_a_hint_for_each_record_with_a_key_of_its_own(broadcast: Broadcast) -> None:
    stream = broadcast.capture().listen(None)
    settle(stream)
    broadcast.bus.publish("UPDATE", ["001000000000001AAA", "001000000000002"])
    heard = news(stream)
    assert refs(heard) == ["001000000000001AAA", "001000000000002AAA"]
    assert len({hint.event for hint in heard.hints}) == 2
    assert all(len(hint.event) <= 200 for hint in heard.hints)
    assert not heard.unnamed


@pytest.mark.parametrize("kind", ["GAP_CREATE", "GAP_UPDATE", "GAP_DELETE", "GAP_UNDELETE"])
def test_a_gap_names_the_records_to_be_read_again(broadcast: Broadcast, kind: str) -> None:
    stream = broadcast.capture().listen(None)
    settle(stream)
    broadcast.bus.publish(kind, ["001000000000001AAA"])
    heard = news(stream)
    assert (refs(heard), heard.unnamed) == (["001000000000001AAA"], False)


@pytest.mark.parametrize(
    ("kind", "named"), [("GAP_OVERFLOW", []), ("GAP_UPDATE", ["001*"]), ("UPDATE", []), ("UPDATE", ["x"])]
)
def test_changes_that_name_no_record_ask_for_a_listing(
    broadcast: Broadcast, kind: str, named: list[str]
) -> None:
    stream = broadcast.capture().listen(None)
    settle(stream)
    broadcast.bus.publish(kind, named)
    heard = news(stream)
    assert (heard.hints, heard.unnamed) == ([], True)


def test_an_overflow_asks_for_a_listing_whatever_it_names(broadcast: Broadcast) -> None:
    stream = broadcast.capture().listen(None)
    settle(stream)
    broadcast.bus.publish("GAP_OVERFLOW", ["001000000000001AAA"])
    assert news(stream).unnamed


def test_what_cannot_be_decoded_asks_for_a_listing_and_the_stream_goes_on(
    broadcast: Broadcast, caplog: pytest.LogCaptureFixture
) -> None:
    stream = broadcast.capture().listen(None)
    settle(stream)
    broadcast.bus.publish_raw(b"\xff" * 40)
    assert news(stream).unnamed
    made = broadcast.create()
    assert refs(news(stream)) == [made]
    assert "cannot be read" in caplog.text


def test_listening_goes_on_after_the_position_that_was_kept(broadcast: Broadcast) -> None:
    first = broadcast.capture()
    stream = first.listen(None)
    settle(stream)
    made = broadcast.create()
    position = news(stream).position
    first.close()
    broadcast.edit(made, Phone="1")
    broadcast.edit(made, Phone="2")
    events = news(broadcast.capture().listen(position)).hints
    again = news(broadcast.capture().listen(position)).hints
    assert [hint.ref for hint in events] == [made, made]
    assert again == events


def test_more_than_a_hundred_events_come_in_parts_asked_for_one_by_one(broadcast: Broadcast) -> None:
    capture = broadcast.capture()
    stream = capture.listen(None)
    position = settle(stream)
    for n in range(250):
        broadcast.bus.publish("UPDATE", [f"001000000000{n:03}"])
    sizes, found = [], 0
    stream = broadcast.capture().listen(position)
    while found < 250:
        sizes.append(len(news(stream).hints))
        found += sizes[-1]
    assert sizes == [100, 100, 50]


@pytest.mark.parametrize("position", [b"old", b"\xff" * 8, None])
def test_a_position_that_is_gone_is_told(broadcast: Broadcast, position: bytes | None) -> None:
    if position is None:
        position = settle(broadcast.capture().listen(None))
        broadcast.bus.forget()
    with pytest.raises(PositionLostError):
        next(broadcast.capture().listen(position))


def test_a_broken_stream_can_be_had_again(broadcast: Broadcast) -> None:
    capture = broadcast.capture()
    stream = capture.listen(None)
    position = settle(stream)
    broadcast.bus.drop()
    with pytest.raises(Unavailable):
        list(stream)
    made = broadcast.create()
    assert refs(news(capture.listen(position))) == [made]


def test_a_token_that_has_ended_is_renewed(broadcast: Broadcast) -> None:
    capture = broadcast.capture()
    settle(capture.listen(None))
    state = broadcast.org.state
    before = state.calls["token"]
    for token in list(state.sessions._sessions):
        state.sessions.expire(token)
    settle(capture.listen(None))
    assert state.calls["token"] == before + 1


def test_wrong_credentials_and_a_refused_session_are_told_without_a_secret(broadcast: Broadcast) -> None:
    for credentials in ({"client_secret": "forged-secret"}, {"session_id": "forged-session"}):
        with pytest.raises(AuthFailed) as caught:
            next(broadcast.capture(**credentials).listen(None))
        assert "forged" not in str(caught.value)


def test_a_server_that_is_not_salesforces_gets_no_token(broadcast: Broadcast) -> None:
    for server in ("example.com:7443", "pubsub.salesforce.com.example.com:7443", "10.0.0.1:7443", ""):
        with pytest.raises(Misconfigured):
            open_capture(replace(broadcast.config, options={"pubsub": server}), "00D")


def test_a_server_that_is_not_there_is_unavailable(broadcast: Broadcast) -> None:
    capture = broadcast.capture()
    broadcast.bus.stop()
    with pytest.raises(Unavailable):
        next(capture.listen(None))


def test_close_ends_the_stream_from_another_thread(broadcast: Broadcast) -> None:
    capture = broadcast.capture()
    stream = capture.listen(None)
    settle(stream)
    timer = threading.Timer(0.1, capture.close)
    timer.start()
    assert all(not heard.hints for heard in stream)
    timer.join()


def test_values_and_tokens_are_nowhere(broadcast: Broadcast, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    stream = broadcast.capture().listen(None)
    settle(stream)
    broadcast.create("Canary Ltd")
    shown = repr(news(stream)) + caplog.text
    assert "Canary" not in shown
    assert "!AQ" not in shown

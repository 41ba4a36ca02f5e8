from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pytest
import requests
from starlette.applications import Starlette

from connectors.sandbox.control import ControlError, control_routes
from connectors.sandbox.faults import Fault, Faults
from connectors.sandbox.server import SandboxServer


class Notes:
    """A state that notes what it was asked for."""

    def __init__(self) -> None:
        self.faults = Faults(1)
        self.asked: list[tuple[Any, ...]] = []
        self.knobs: dict[str, Any] = {"delay": 0}

    def counts(self) -> Mapping[str, Any]:
        return {"calls": {"query": 2}, "writes": 1, "records": 3}

    def reset_counts(self) -> None:
        self.asked.append(("reset",))

    def person_edit(self, record_id: str, fields: Mapping[str, Any], *, user: str) -> Mapping[str, Any]:
        if record_id == "missing":
            raise ControlError("there is no record missing")
        self.asked.append(("edit", record_id, dict(fields), user))
        return {"id": record_id}

    def person_create(self, fields: Mapping[str, Any], *, user: str) -> Mapping[str, Any]:
        self.asked.append(("create", dict(fields), user))
        return {"id": "4"}

    def person_delete(self, record_id: str, *, user: str) -> Mapping[str, Any]:
        self.asked.append(("delete", record_id, user))
        return {"id": record_id}

    def person_undelete(self, record_id: str, *, user: str) -> Mapping[str, Any]:
        self.asked.append(("undelete", record_id, user))
        return {"id": record_id}

    def person_merge(self, winner: str, losers: Sequence[str], *, user: str) -> Mapping[str, Any]:
        self.asked.append(("merge", winner, list(losers), user))
        return {"id": winner}

    def raw_records(self) -> Iterable[Mapping[str, Any]]:
        return iter([{"id": "1"}, {"id": "2"}])

    def history(self, since: int) -> Iterable[Mapping[str, Any]]:
        return ({"seq": seq} for seq in range(since + 1, 4))

    def settings(self) -> Mapping[str, Any]:
        return self.knobs

    def configure(self, settings: Mapping[str, Any]) -> None:
        if set(settings) - {"delay"}:
            raise ControlError("there is no such knob")
        self.knobs.update(settings)


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Notes, str]]:
    state = Notes()
    with SandboxServer(Starlette(routes=list(control_routes(state)))) as running:
        yield state, running.url + "/_sandbox/"


def call(url: str, method: str, path: str, body: object = None) -> tuple[int, Any]:
    answer = requests.request(method, url + path, json=body, timeout=5)
    return answer.status_code, answer.json() if answer.content else None


def test_stats_are_the_states_counts_and_the_faults(server: tuple[Notes, str]) -> None:
    state, url = server
    assert call(url, "PUT", "faults", [{"kind": "query", "fault": "lock"}]) == (204, None)
    state.faults.draw("query")
    counted = {"calls": {"query": 2}, "writes": 1, "records": 3}
    assert call(url, "GET", "stats") == (200, {**counted, "faults": {"query": {"lock": 1}}})
    assert call(url, "POST", "stats/reset") == (204, None)
    assert call(url, "GET", "stats") == (200, {**counted, "faults": {}})
    assert ("reset",) in state.asked


def test_faults_are_put_shown_and_taken_away(server: tuple[Notes, str]) -> None:
    state, url = server
    rule = {
        "kind": "*",
        "fault": "timeout_after",
        "rate": 0.5,
        "times": 3,
        "seconds": 2.5,
        "share": 0.5,
    }
    assert call(url, "PUT", "faults", [rule]) == (204, None)
    assert state.faults.rules[0].fault is Fault.TIMEOUT_AFTER
    assert call(url, "GET", "faults") == (200, [rule])
    assert call(url, "DELETE", "faults") == (204, None)
    assert call(url, "GET", "faults") == (200, [])


def test_edits_reach_the_state_with_their_user(server: tuple[Notes, str]) -> None:
    state, url = server
    assert call(url, "POST", "edit", {"id": "1", "fields": {"a": "b"}, "user": "Ann"}) == (200, {"id": "1"})
    assert call(url, "POST", "create", {"fields": {"a": "b"}}) == (201, {"id": "4"})
    assert call(url, "POST", "delete", {"id": "1"}) == (200, {"id": "1"})
    assert call(url, "POST", "undelete", {"id": "1"}) == (200, {"id": "1"})
    assert call(url, "POST", "merge", {"winner": "1", "losers": ["2"], "user": "Bo"}) == (200, {"id": "1"})
    assert state.asked[-5:] == [
        ("edit", "1", {"a": "b"}, "Ann"),
        ("create", {"a": "b"}, "A. Person"),
        ("delete", "1", "A. Person"),
        ("undelete", "1", "A. Person"),
        ("merge", "1", ["2"], "Bo"),
    ]


def test_records_history_and_settings(server: tuple[Notes, str]) -> None:
    _, url = server
    assert call(url, "GET", "records") == (200, [{"id": "1"}, {"id": "2"}])
    assert call(url, "GET", "history") == (200, [{"seq": 1}, {"seq": 2}, {"seq": 3}])
    assert call(url, "GET", "history?since=2") == (200, [{"seq": 3}])
    assert call(url, "PUT", "settings", {"delay": 5}) == (200, {"delay": 5})
    assert call(url, "GET", "settings") == (200, {"delay": 5})


@pytest.mark.parametrize(
    ("method", "path", "body", "says"),
    [
        ("PUT", "faults", {"fault": "lock"}, "list"),
        ("PUT", "faults", ["lock"], "object"),
        ("PUT", "faults", [{"fault": "flood"}], "flood"),
        ("POST", "edit", {"fields": {}}, "id"),
        ("POST", "edit", {"id": "1", "fields": []}, "fields"),
        ("POST", "edit", {"id": "missing", "fields": {}}, "missing"),
        ("POST", "edit", {"id": "1", "fields": {}, "user": 5}, "user"),
        ("POST", "create", [], "object"),
        ("POST", "merge", {"winner": "1", "losers": []}, "losers"),
        ("POST", "merge", {"winner": "1", "losers": [2]}, "losers"),
        ("GET", "history?since=x", None, "since"),
        ("PUT", "settings", {"speed": 5}, "knob"),
    ],
)
def test_wrong_input_is_400_with_the_reason(
    server: tuple[Notes, str], method: str, path: str, body: object, says: str
) -> None:
    status, answer = call(server[1], method, path, body)
    assert status == 400
    assert says in answer["error"]


def test_a_body_that_is_not_json_is_400(server: tuple[Notes, str]) -> None:
    answer = requests.put(server[1] + "settings", data=b"{", timeout=5)
    assert (answer.status_code, "JSON" in answer.json()["error"]) == (400, True)


def test_what_is_not_there_is_404(server: tuple[Notes, str]) -> None:
    assert call(server[1], "GET", "nonsense")[0] == 404
    assert call(server[1], "POST", "stats")[0] == 404

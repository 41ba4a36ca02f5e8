"""Channels over the API, by a key that may do everything; where they lead is never told."""

from __future__ import annotations

from sync.apikeys import Scope
from tests.hooks.conftest import receiver
from tests.hooks.receiver import Receiver
from tests.web.api.conftest import Api

__all__ = ["receiver"]


def test_a_channel_is_made_tried_changed_and_removed(api_postgresql: Api, receiver: Receiver) -> None:
    api = api_postgresql
    url = receiver.url.replace("http://", "json://") + "/t0ken"
    body = {"name": "billing", "url": url, "digest": "at_once"}
    made = api.post("/channels", body, idempotency_key="once")
    assert api.post("/channels", body, idempotency_key="once") == made
    place = f"/channels/{made['id']}"
    assert (made["kind"], made["digest"], made["quiet"]) == ("json", "at_once", None)
    assert "t0ken" not in str(made)
    assert api.get(place) == made == api.get("/channels")["data"][0]
    assert api.post(f"{place}/test", None, status=200) == {"sent": True, "problem": None}
    assert [each.path for each in receiver.take()] == ["/t0ken"]
    answer = api.call(
        "PATCH", place, {"quiet": "22:00-06:00", "timezone": "Europe/Berlin", "state": "paused"}
    )
    changed = answer.json()
    assert (changed["quiet"], changed["state"]) == ("22:00-06:00", "paused")
    assert api.call("POST", "/channels", body).status_code == 400
    assert api.call("DELETE", place).status_code == 204
    assert api.get("/channels")["data"] == []


def test_what_cannot_be_is_refused_by_name(api_postgresql: Api) -> None:
    api = api_postgresql
    body = {"name": "x", "url": "jsons://hooks.acme.example/"}
    assert "must begin with" in api.wrong("/channels", {**body, "url": "file:///etc/passwd"})["url"]
    for name, value in (
        ("quiet", "x"),
        ("timezone", "x"),
        ("daily_at", "x"),
        ("causes", []),
        ("digest", "x"),
    ):
        assert name in api.wrong("/channels", {**body, name: value})
    for scope in (Scope.READ, Scope.WRITE, Scope.REVIEW):
        assert api.with_key(scope).call("GET", "/channels").status_code == 403

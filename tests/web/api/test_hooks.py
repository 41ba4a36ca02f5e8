"""Hooks over the API, by a key that may do everything; the secret is told once."""

from __future__ import annotations

from standardwebhooks import Webhook

from sync import deliver
from sync.apikeys import Scope
from tests.hooks.conftest import receiver
from tests.hooks.receiver import Receiver
from tests.web.api.conftest import Api

__all__ = ["receiver"]


def test_a_hook_is_made_tried_changed_and_removed(api: Api, receiver: Receiver) -> None:
    made = api.post("/hooks", {"url": receiver.url, "events": ["customer.updated"]})
    secret = made.pop("secret")
    place = f"/hooks/{made['id']}"
    assert (made["state"], made["waiting"], made["events"]) == ("active", 0, ["customer.updated"])
    assert api.get(place) == made == api.get("/hooks")["data"][0]
    assert api.post(f"{place}/test", None, status=200) == {"delivered": True, "status": 204, "problem": None}
    api.post("/customers", {"customer_name": "Acme"})
    assert api.get(place)["waiting"] == 1
    deliver.deliver(api.served.site.outgoing)
    test, told = receiver.take()
    for each in (test, told):
        Webhook(secret).verify(each.body, dict(each.headers))
    (row,) = api.get(f"{place}/deliveries")["data"]
    assert (row["state"], row["status"], row["attempts"], row["data"]["change"]) == (
        "delivered",
        204,
        1,
        "created",
    )
    changed = api.call("PATCH", place, {"state": "paused", "events": ["run.finished"]}).json()
    assert (changed["state"], changed["events"]) == ("paused", ["run.finished"])
    receiver.answers.append((500, {}))
    assert api.post(f"{place}/test", None, status=200)["problem"] == "it answered 500"
    assert api.call("DELETE", place).status_code == 204
    assert api.call("GET", place).status_code == 404
    assert api.get("/hooks")["data"] == []


def test_what_cannot_be_is_refused_by_name(api: Api) -> None:
    body = {"url": "https://acme.example/", "events": ["run.finished"]}
    assert "private network" in api.wrong("/hooks", {**body, "url": "https://127.0.0.1/"})["url"]
    assert "https" in api.wrong("/hooks", {**body, "url": "http://acme.example/"})["url"]
    assert api.wrong("/hooks", {**body, "events": []}).keys() == {"events"}
    assert api.wrong("/hooks", {**body, "events": ["x"]}).keys() == {"events.0"}
    answer = api.call("POST", "/hooks", body, headers={"Idempotency-Key": "k"})
    assert (answer.status_code, "secret" in answer.json()["detail"]) == (400, True)
    for scope in (Scope.READ, Scope.WRITE, Scope.REVIEW):
        assert api.with_key(scope).call("GET", "/hooks").status_code == 403

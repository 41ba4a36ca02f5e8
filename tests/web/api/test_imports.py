"""Files over HTTP: planned by a worker, shown, approved, carried out and undone; and customers as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from sync.apikeys import Scope
from sync.store.session import Database
from tests.web.api.conftest import Api
from tests.web.api.steered import steer
from tests.web.wire import exchange, head, status
from web.api import upload

FILE = "external_id,Company,email\nA,Aye,a@x.example\nB,,b@x.example\n"


@pytest.fixture
def api(database: Database) -> Iterator[Api]:
    for world in steer(database):
        yield world.api


def planned(api: Api, text: str, **query: Any) -> dict[str, Any]:
    sent = api.upload(text, **query)
    assert sent.status_code == 202, sent.text
    assert sent.headers["Location"] == f"/imports/{sent.json()['id']}"
    api.drain()
    found: dict[str, Any] = api.get(f"/imports/{sent.json()['id']}")
    return found


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def test_a_file_is_planned_approved_carried_out_and_undone(api: Api) -> None:
    made = planned(api, FILE, file_name="mine.csv")
    assert (made["state"], made["file_name"], made["counts"]) == (
        "needs_approval",
        "mine.csv",
        {"create": 1, "rejected": 1},
    )
    assert made["columns"][1] == {"column": "Company", "field": "customer_name"}
    assert api.get("/customers", external_id="A")["data"] == []
    path = f"/imports/{made['id']}"
    (row,) = api.get(f"{path}/rows", action="create")["data"]
    assert row["changes"]["customer_name"] == [None, "Aye"]
    first = api.get(f"{path}/rows", limit=1)
    assert [each["line"] for each in (*first["data"], *api.get(f"{path}/rows", cursor="2")["data"])] == [2, 3]
    result = api.call("GET", f"{path}/result")
    assert result.headers["Content-Type"].startswith("text/csv")
    assert read(result.text) == [
        ["import_line", "import_result", "import_field", "import_reason", "external_id", "Company", "email"],
        ["3", "rejected", "customer_name", "is required for a new customer", "B", "", "b@x.example"],
    ]
    again = planned(api, result.text.replace('"B",""', '"B","Bee"'))
    assert (again["counts"], again["ignored"]) == ({"create": 1}, [])

    assert api.post(f"{path}/approve", None, status=202, Idempotency_Key="k")["state"] == "queued"
    assert api.post(f"{path}/approve", None, status=202, Idempotency_Key="k")["state"] == "queued"
    api.drain()
    assert api.get(path)["state"] == "done"
    (customer,) = api.get("/customers", external_id="A")["data"]
    assert api.get(f"/runs/{made['id']}/changes")["data"][0]["customer_id"] == customer["id"]
    assert api.refused("POST", f"{path}/cancel")["status"] == 409
    assert planned(api, FILE)["same_file"] == made["id"]
    assert [each["id"] for each in api.get("/imports")["data"]][-1] == made["id"]

    assert api.post(f"{path}/undo", {}, status=202)["runs"][0]["kind"] == "undo"
    api.drain()
    assert api.get("/customers", external_id="A")["data"] == []


def test_what_is_cancelled_goes_on_when_it_is_asked_to(api: Api) -> None:
    made = planned(api, FILE)
    path = f"/imports/{made['id']}"
    assert api.post(f"{path}/cancel", None, status=200)["state"] == "cancelled"
    assert api.refused("POST", f"{path}/approve")["status"] == 409
    assert api.post(f"{path}/resume", None, status=202)["state"] == "needs_approval"
    assert api.refused("POST", f"{path}/resume")["status"] == 409
    sent = api.upload(FILE).json()
    assert api.post(f"/imports/{sent['id']}/cancel", None, status=200)["state"] == "cancelled"
    assert "nothing to go on with" in str(api.refused("POST", f"/imports/{sent['id']}/resume"))
    api.drain()
    assert api.get(f"/imports/{sent['id']}")["stage"] == "reading"


@pytest.mark.parametrize(
    ("body", "query", "said"),
    [
        (b"", {}, "has no rows"),
        (b"name\n\xe9\n", {}, "not utf-8: line 2"),
        (b"name\n1\n", {"encoding": "klingon"}, "no encoding klingon"),
        (b"x,y\n1,2\n", {}, "names no column that is known"),
        (b"a,b;c\n1,2;3\n", {"header": "true"}, "could be comma or semicolon"),
        (b"name\n1\n", {"map": "name"}, "must be COLUMN=FIELD"),
        (b"name\n1\n", {"map": "nome=email"}, "there is no such column"),
        (b"name\n1\n", {"delimiter": "x"}, "none that is read"),
        ("name\nÄ\n".encode("utf-16-le"), {"encoding": "utf-16"}, "say utf-16-le or utf-16-be"),
        (b"name\n1\n", {"encoding": "rot_13"}, "There is no encoding rot_13"),
        (b"name\n1\n", {"file_name": "a\x07.csv"}, "control character"),
    ],
)
def test_what_leaves_something_open_is_asked_about(
    api: Api, body: bytes, query: dict[str, str], said: str
) -> None:
    answer = api.upload(body, **query)
    assert answer.status_code == 422, answer.text
    assert said in answer.text
    assert api.get("/imports")["data"] == []


def test_only_a_csv_file_of_a_bounded_size_is_taken(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def send(**headers: str) -> int:
        url, key = f"{api.served.url}/imports", {"x-api-key": api.key}
        answer = requests.post(url, data=FILE, headers={**key, **headers}, timeout=20)
        assert answer.headers["Content-Type"] == "application/problem+json"
        return answer.status_code

    assert send(**{"Content-Type": "application/json"}) == 415
    assert send(**{"Content-Type": "text/csv", "Content-Encoding": "gzip"}) == 415
    assert send(**{"Content-Type": "text/csv", "Idempotency-Key": "k"}) == 400
    monkeypatch.setattr(upload, "LARGEST", 10)
    assert send(**{"Content-Type": "text/csv"}) == 413
    answer = requests.post(
        f"{api.served.url}/imports",
        data=iter([FILE.encode()]),
        headers={"x-api-key": api.key, "Content-Type": "text/csv"},
        timeout=20,
    )
    assert answer.status_code == 413
    assert api.get("/imports")["data"] == []


def test_a_file_that_comes_too_slowly_is_let_go(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = {"x-api-key": api.key, "Content-Type": "text/csv", "Content-Length": "1000"}
    for limit in ("PATIENCE", "LONGEST"):
        monkeypatch.setattr(upload, limit, 0.2)
        assert status(exchange(api.served.url, head("/imports", headers), FILE.encode())) == 408
    assert api.get("/imports")["data"] == []


def test_reading_takes_the_scope_read_and_the_word_on_a_plan_that_of_review(api: Api) -> None:
    reader, writer = api.with_key(Scope.READ), api.with_key(Scope.WRITE)
    assert reader.upload(FILE).status_code == 403
    made = planned(writer, FILE)
    assert reader.get(f"/imports/{made['id']}")["state"] == "needs_approval"
    assert writer.refused("POST", f"/imports/{made['id']}/approve")["status"] == 403


def test_an_export_over_http_imports_again_without_a_change(api: Api) -> None:
    for number in range(3):
        api.post("/customers", {"customer_name": f"=Formula {number}", "phone_number": "+1-555-0100"})
    answer = api.call("GET", "/customers.csv")
    header, *rows = read(answer.text)
    assert {row[header.index("phone_number")] for row in rows} == {"'+1-555-0100"}
    made = planned(api, answer.text)
    assert made["counts"] == {"unchanged": len(rows)}


def test_the_connection_of_files_is_none_of_a_crm(api: Api) -> None:
    before = api.get("/connections")
    planned(api, FILE)
    assert api.get("/connections") == before
    answer = api.call("POST", "/runs", {"connection": "import/csv"})
    assert answer.status_code == 422
    assert "not synced" in answer.text
    (run, *_) = api.get("/runs", connection="import/csv")["data"]
    assert api.refused("GET", f"/connections/{run['connection']['id']}")["status"] == 404

"""Forms with files as somebody sends them who is no browser: nothing is taken before all is well."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from sync import users
from sync.store import imports
from sync.users import UserRole
from tests.desk.conftest import PASSWORD
from tests.desk.test_forms import Client, served
from tests.web.conftest import Served
from web.api import upload
from web.pages.visit import COOKIE

__all__ = ["served"]
FILE = b"external_id,name\nA,Aye\n"
BOUNDARY = "----x"


def part(name: str, body: bytes, file_name: str | None = None) -> bytes:
    named = f'; filename="{file_name}"' if file_name is not None else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'
    return head.encode() + body + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


def send(client: Client, *parts: bytes, kind: str = f"multipart/form-data; boundary={BOUNDARY}") -> Any:
    told = {"Cookie": f"{COOKIE}={client.cookie}", "Origin": client.url, "Content-Type": kind}
    where = f"{client.url}/desk/imports"
    return requests.post(where, b"".join(parts), headers=told, timeout=20, allow_redirects=False)


def kept(served: Served) -> list[str]:
    with served.database.reading() as tx:
        return [row["file_name"] for _, row in imports.listing(tx, served.organisation_id)]


def test_a_file_is_taken_from_a_form_of_ours_alone(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(served)
    client.sign_in()
    csrf = part("csrf", client.csrf("/desk").encode())
    file = part("file", FILE, "a.csv")
    for sent, status in (
        ((file, csrf, END), 403),  # whose it is, is said first
        ((part("csrf", b"0" * 64), file, END), 403),
        ((file, END), 403),
        ((csrf, END), 422),
        ((csrf, part("file", b"", ""), END), 422),
        ((csrf, file), 400),
        ((csrf, part("file", FILE)[:-30]), 400),
        ((csrf, file, part("more", FILE, "b.csv"), END), 400),
        ((b"nothing of the sort",), 400),
        ((part("", b"x"), csrf, file, END), 400),
        ((part("x", b"\0"), csrf, file, END), 400),
        ((part("x", b"\xff"), csrf, file, END), 400),
        ((part("x", b"x" * 70_000), csrf, file, END), 413),
        ((csrf, part("file", b"\n\n", "a.csv"), END), 422),
    ):
        answer = send(client, *sent)
        assert (answer.status_code, kept(served)) == (status, []), (sent, answer.text)
        assert answer.headers["Content-Type"].startswith("text/html")
    assert send(client, csrf, file, END, kind="multipart/form-data").status_code == 400
    assert send(client, csrf, file, END, kind="text/csv").status_code == 415
    monkeypatch.setattr(upload, "LARGEST", -60_000)
    assert send(client, csrf, part("file", b"x" * 9_000, "a.csv"), END).status_code == 413
    monkeypatch.undo()
    assert kept(served) == []
    assert send(client, csrf, part("file", FILE, "../Zoë \u202e.csv"), END).status_code == 303
    assert kept(served) == ["../Zoë \u202e.csv"]


def test_a_file_that_is_too_large_is_kept_by_nobody(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(served)
    client.sign_in()
    csrf = part("csrf", client.csrf("/desk").encode())
    monkeypatch.setattr("sync.imports.importing.LARGEST", 1_000)
    answer = send(client, csrf, part("file", FILE * 1_000, "a.csv"), END)
    assert (answer.status_code, "larger than 1,000 bytes" in answer.text) == (422, True)
    assert kept(served) == []


def test_who_reads_sends_nothing_and_sees_all_of_it(served: Served) -> None:
    admin = Client(served)
    admin.sign_in()
    csrf = part("csrf", admin.csrf("/desk").encode())
    place = send(admin, csrf, part("file", FILE, "a.csv"), END).headers["Location"]
    users.add(served.database, "viewer@acme.example", PASSWORD, UserRole.VIEWER, "default", actor="test")
    client = Client(served)
    client.sign_in(email="viewer@acme.example")
    token = client.csrf("/desk")
    answer = send(client, part("csrf", token.encode()), part("file", FILE, "b.csv"), END)
    assert (answer.status_code, kept(served)) == (403, ["a.csv"])
    page = client.send("GET", place)
    assert (page.status_code, "Make the plan" in page.text, "<form" in page.text.split("<main")[1]) == (
        200,
        False,
        False,
    )
    for way in ("read", "approve", "cancel", "resume"):
        assert client.send("POST", f"{place}/{way}", csrf=token).status_code == 403, way
    assert client.send("GET", "/desk/imports/sample.csv").text.count("John Doe") == 1
    assert client.send("GET", "/desk/customers.csv").headers["Content-Type"].startswith("text/csv")
    assert client.send("GET", f"{place}/not-taken.csv").text.startswith('"import_line"')
    users.add(served.database, "admin@bolt.example", PASSWORD, UserRole.ADMIN, "Bolt", actor="test")
    other = Client(served)
    other.sign_in(email="admin@bolt.example")
    token = other.csrf("/desk")
    for way in ("read", "approve", "cancel", "resume"):
        assert other.send("POST", f"{place}/{way}", csrf=token).status_code == 404, way
    assert other.send("GET", place).status_code == 404
    assert other.send("GET", f"{place}/not-taken.csv").status_code == 404


def test_what_makes_no_sense_changes_nothing(served: Served) -> None:
    client = Client(served)
    client.sign_in()
    token = client.csrf("/desk")
    csrf = part("csrf", token.encode())
    place = send(client, csrf, part("file", FILE, "a.csv"), END).headers["Location"]
    good = {"encoding": "utf-8", "delimiter": "comma", "header": "yes", "csrf": token}
    for form, said in (
        ({}, "were chosen for"),
        ({"encoding": "klingon"}, "no encoding"),
        ({"delimiter": "x"}, "none that is read"),
        ({"header": "maybe"}, "first row holds names"),
        ({"header": ""}, "Nobody has said the header"),
    ):
        answer = client.send("POST", f"{place}/read", **{**good, **form})
        assert (answer.status_code, said in answer.text) == (422, True), (form, answer.text)
    for way in ("approve", "resume"):
        assert client.send("POST", f"{place}/{way}", csrf=token).status_code == 409, way
    for query, status in (("?what=x", 400), ("?after=x", 400), ("?encoding=klingon", 200)):
        assert client.send("GET", place + query).status_code == status, query
    assert client.send("GET", "/desk/imports?after=x").status_code == 400
    body = [
        ("column", "1"),
        ("column", "2"),
        ("column:1", "external_id"),
        ("column:2", "nothing"),
        *good.items(),
    ]
    told = {"Cookie": f"{COOKIE}={client.cookie}", "Origin": client.url}
    answer = requests.post(f"{client.url}{place}/read", data=[*body, *good.items()], headers=told, timeout=20)
    assert (answer.status_code, "there is no field nothing" in answer.text) == (422, True)
    assert client.send("POST", f"{place}/cancel", csrf=token).status_code == 303
    assert client.send("POST", f"{place}/cancel", csrf=token).status_code == 409
    assert client.send("POST", f"{place}/read", **good).status_code == 409
    assert client.send("POST", f"{place}/resume", csrf=token).status_code == 409

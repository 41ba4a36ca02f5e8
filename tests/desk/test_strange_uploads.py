"""Uploads with strange names and encodings, and files about which nobody decides."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from sqlalchemy import func, select, update

from sync.store import imports
from sync.store.importtables import import_parts
from sync.store.types import later
from sync.store.worktables import runs
from tasks.schedule import tidy
from tests.desk.test_forms import Client, served
from tests.web.conftest import Served

__all__ = ["served"]
DAY = 86_400
FILE = "name\nÄ\n".encode("utf-16-le")


@pytest.fixture
def person(served: Served) -> Client:
    made = Client(served)
    made.sign_in()
    return made


def send(person: Client, name: str = "a.csv", body: bytes = FILE) -> tuple[int, str]:
    """The status, and where the file is shown, or what was said of it."""
    token = person.csrf("/desk")
    answer = person.send("POST", "/desk/imports", csrf=token, files={"file": (name, body)})
    return answer.status_code, answer.headers.get("Location", answer.text)


def kept(served: Served) -> int:
    with served.database.reading() as tx:
        return len(imports.listing(tx, served.organisation_id))


@pytest.mark.parametrize("name", ["a\0.csv", "a\x07.csv", "a\x7f.csv", "a\x9b.csv"])
def test_a_name_with_a_control_character_is_refused(served: Served, person: Client, name: str) -> None:
    status, said = send(person, name)
    assert (status, "name of the file" in said) == (422, True)
    assert kept(served) == 0


@pytest.mark.parametrize(
    ("encoding", "said"),
    [("utf-16", "utf-16-le or utf-16-be"), ("utf-32", "utf-32-le or"), ("rot_13", "no encoding rot_13")],
)
def test_an_encoding_that_does_not_fit_is_told(person: Client, encoding: str, said: str) -> None:
    _, place = send(person)
    asked = person.send("GET", f"{place}?encoding={encoding}&delimiter=comma&header=yes")
    assert (asked.status_code, said in asked.text) == (200, True)
    form = {"csrf": person.csrf("/desk"), "encoding": encoding, "delimiter": "comma", "header": "yes"}
    answer = person.send("POST", f"{place}/read", **form, **{"column": "1", "column:1": "customer_name"})
    assert (answer.status_code, said in answer.text) == (422, True)


def test_saying_how_a_file_is_read_takes_the_place_of_one(served: Served, person: Client) -> None:
    _, place = send(person)
    form = {"csrf": person.csrf("/desk"), "encoding": "utf-16-le", "delimiter": "comma", "header": "yes"}
    form |= {"column": "1", "column:1": "customer_name"}
    with ExitStack() as stack:
        while stack.enter_context(served.site.incoming.asked()):
            pass
        answer = person.send("POST", f"{place}/read", **form)
        assert (answer.status_code, "in a few seconds" in answer.text) == (503, True)
    assert person.send("POST", f"{place}/read", **form).status_code == 303


def test_a_file_about_which_nobody_decides_goes_after_a_day(served: Served, person: Client) -> None:
    def left(seconds: float) -> int:
        with served.database.transaction() as tx:
            tx.execute(update(runs).values(started_at=later(-seconds)))
        tidy(served.services)
        with served.database.reading() as tx:
            return int(tx.execute(select(func.count()).select_from(import_parts)).scalar_one())

    send(person)
    assert (left(DAY - 60), kept(served)) == (1, 1)
    assert (left(DAY + 60), kept(served)) == (0, 0)
    _, place = send(person)
    form = {"csrf": person.csrf("/desk"), "encoding": "utf-16-le", "delimiter": "comma", "header": "yes"}
    person.send("POST", f"{place}/read", **form, **{"column": "1", "column:1": "customer_name"})
    assert (left(DAY + 60), kept(served)) == (1, 1), "a person has said how it is read"

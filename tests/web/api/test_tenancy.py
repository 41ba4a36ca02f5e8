"""No route lets one organisation see, change or guess what another one has, whatever is put where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import choice
from string import ascii_lowercase
from typing import Any
from uuid import uuid4

import pytest
from requests import Response
from sqlalchemy import select

from sync.apikeys import HIGHEST_RATE, Scope
from sync.store.keytables import api_keys
from sync.store.schema import metadata
from sync.store.session import Database
from tests.web.api.conftest import Api
from tests.web.api.tenants import CANARY, CRM, NOWHERE, OPERATIONS, World, places, put, takes_json, world

_ID = re.compile("[0-9a-f-]{32,36}")


@pytest.fixture
def two(database: Database) -> Iterator[World]:
    """Two organisations."""
    yield from world(database)


@pytest.fixture
def tried(two: World) -> Iterator[World]:
    """Two organisations; at the end nothing of theirs has changed."""
    before = kept(two)
    assert CANARY in before
    yield two
    assert kept(two) == before, "what is theirs was changed"


def kept(made: World) -> str:
    """All rows in which something of theirs stands."""
    mine = made.theirs.api.organisation_id
    with made.ours.api.database.reading() as tx:
        return "\n".join(
            f"{table.name} {row}"
            for table in metadata.sorted_tables
            if table is not api_keys  # it tells when it was last used
            for row in map(dict, tx.execute(select(table).order_by(*table.primary_key.columns)).mappings())
            if (mine == row["organisation_id"] if "organisation_id" in row else CANARY in str(row))
        )


def told(answer: Response, given: str) -> tuple[int, str]:
    """What an answer says, apart from its number and from what was sent; nothing in it is theirs."""
    text = answer.text.replace(given, "ID").replace(given.replace("-", ""), "ID")
    assert CANARY not in text, (answer.request.method, answer.request.url, text)
    assert CANARY not in str(answer.headers)
    return answer.status_code, re.sub(r'"request_id":"[^"]*"', "", text)


def same(api: Api, method: str, path: str, foreign: str, **calls: Any) -> int:
    """Ask for what is theirs, and for what is nowhere; the status of both answers, which are the same.

    `path`, and the bodies, queries and headers in `calls`, are made for an id each.
    """
    answers = []
    other = "".join(choice(ascii_lowercase) for _ in CANARY)
    nowhere = str(uuid4()) if _ID.fullmatch(foreign) else foreign.replace(CANARY, other)
    for given in (foreign, nowhere):
        made = {name: make(given) for name, make in calls.items()}
        answer = api.call(method, path.replace("{}", given), made.get("body"), **made.get("query", {}))
        assert answer.status_code < 500, answer.text
        answers.append(told(answer, given))
    if answers[0][0] < 300 and method != "GET":  # made twice: two records, each with its own id and times
        assert foreign not in answers[0][1]
        assert answers[0][0] == answers[1][0], (method, path, answers, calls)
    else:
        assert answers[0] == answers[1], (method, path, foreign)
    return answers[0][0]


def test_an_address_of_theirs_is_one_that_is_nowhere(tried: World) -> None:
    found = set()
    for method, path, operation in OPERATIONS:
        if "{" not in path:
            continue
        body = tried.ours.base(operation)
        address = re.sub(r"\{[^}]+\}", "{}", path)
        known = tried.foreign()
        (name,) = re.findall(r"\{([^}]+)\}", path)
        for foreign in {known[name], known["customer_id"]}:
            found.add(same(tried.ours.api, method, address, foreign, body=lambda _, body=body: body))
    assert found <= {404, 422}, found
    assert 404 in found


def test_a_body_that_names_theirs_is_one_that_names_nothing(tried: World) -> None:
    tries = 0
    for method, path, operation in OPERATIONS:
        if not takes_json(operation):
            continue
        address = re.sub(r"\{([^}]+)\}", lambda found: tried.ours.ids.get(found[1], NOWHERE), path)
        for place in places(operation):
            for foreign in (*tried.foreign().values(), CRM):

                def body(given: str, place: tuple[str, ...] = place, operation: Any = operation) -> Any:
                    made = tried.ours.base(operation)
                    put(made, place, given)
                    return made

                same(tried.ours.api, method, address, foreign, body=body)
                tries += 1
    assert tries > 100


def sought(tried: World, name: str) -> tuple[str, ...]:
    """What of theirs a parameter could name."""
    known = tried.foreign()
    if "id" not in name.split("_"):
        return CRM, f"{CANARY}-1", known["connection_id"]
    return known.get(name, known["customer_id"]), known["organisation_id"]


def test_a_query_that_names_theirs_finds_nothing(tried: World) -> None:
    tries = 0
    for method, path, operation in OPERATIONS:
        named = [
            each["name"]
            for each in operation["parameters"]
            if each["in"] == "query"
            and each["schema"].get("type") == "string"
            and "format" not in each["schema"]
        ]
        address = re.sub(r"\{([^}]+)\}", lambda found: tried.ours.ids.get(found[1], NOWHERE), path)
        for name in [*named, "organisation", "organisation_id", "x-api-key"]:
            for foreign in sought(tried, name):
                same(tried.ours.api, method, address, foreign, query=lambda given, name=name: {name: given})
                tries += 1
    assert tries > 100


def test_a_cursor_of_theirs_shows_ours(two: World) -> None:
    for number in range(3):
        for each in (two.ours, two.theirs):
            each.api.post(
                "/customers", {"customer_name": f"{CANARY if each is two.theirs else 'own'} {number}"}
            )
    cursor = two.theirs.api.get("/customers", limit=1)["next_cursor"]
    page = two.ours.api.get("/customers", cursor=cursor)
    assert CANARY not in str(page)
    assert page["data"], "both order by time"


def test_the_header_chooses_among_the_keys_own_organisations_alone(tried: World) -> None:
    theirs = tried.theirs.api
    for method, path, operation in OPERATIONS:
        address = re.sub(r"\{([^}]+)\}", lambda found: tried.theirs.ids.get(found[1], NOWHERE), path)
        for name in (
            theirs.organisation,
            theirs.organisation_id,
            f"ours,{theirs.organisation}",
            "*",
            "%",
        ):
            headers = {"organisation": name}
            answer = tried.ours.api.call(method, address, tried.ours.base(operation), headers=headers)
            assert told(answer, name)[0] == 404, (method, path, name)


def test_a_key_of_an_idempotent_call_is_an_organisations_own(two: World) -> None:
    body, headers = {"customer_name": f"{CANARY} once"}, {"Idempotency-Key": "the-same"}
    first = two.theirs.api.call("POST", "/customers", body, headers=headers)
    assert first.status_code == 201
    again = two.ours.api.call("POST", "/customers", {"customer_name": "own"}, headers=headers)
    assert again.status_code == 201
    assert CANARY not in again.text


def test_what_is_unique_is_so_within_an_organisation(two: World) -> None:
    body = {"customer_name": "own", "external_id": f"{CANARY}-1", "email": f"{CANARY}@{CANARY}.example"}
    assert two.ours.api.call("POST", "/customers", body).status_code == 201
    both = two.ours.api.with_key(Scope.READ, "ours", "default", rate=HIGHEST_RATE)
    names = {each["customer_name"] for each in both.get("/customers")["data"]}
    assert names == {"own", "own Inc"}

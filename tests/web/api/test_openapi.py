"""The description of the API is whole: whoever has it alone can write a program that calls every route."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import requests
from schemathesis.specs.openapi.definitions import OPENAPI_31

from tests.web.api.conftest import Api
from tests.web.conftest import PUBLIC_URL, TOKEN, Served
from web.api import openapi
from web.api.examples import PLACEHOLDER

DOCUMENT = openapi.document(PUBLIC_URL)
METHODS = ("get", "put", "post", "delete", "patch")
PROBLEM = "application/problem+json"
AROUND = {"/health", "/metrics"}
ALWAYS = {"400", "401", "403", "404", "422", "429", "431", "503"}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        assert set(item) <= set(METHODS), path
        for method, operation in item.items():
            if path not in AROUND:
                yield method, path, operation


def fits(schema: dict[str, Any], value: Any) -> list[str]:
    """What is wrong with a value."""
    whole = {**schema, "components": DOCUMENT["components"]}
    validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
    return [each.message for each in validator.iter_errors(value)]


def test_it_is_openapi() -> None:
    errors = jsonschema_rs.Draft202012Validator(OPENAPI_31).iter_errors(DOCUMENT)
    assert [each.message for each in errors] == []
    assert DOCUMENT["servers"] == [{"url": PUBLIC_URL}]
    assert len(DOCUMENT["info"]["description"]) > 500
    assert DOCUMENT["components"]["securitySchemes"]["key"]["name"] == "x-api-key"


def test_every_reference_leads_somewhere_and_every_schema_is_used() -> None:
    text = json.dumps(DOCUMENT)
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert named == set(DOCUMENT["components"]["schemas"])
    for name in named:
        assert re.fullmatch(r"[A-Z][A-Za-z]+", name), name


def test_every_operation_is_described() -> None:
    tags = {each["name"]: each["description"] for each in DOCUMENT["tags"]}
    seen: set[str] = set()
    for method, path, operation in operations():
        name = operation["operationId"]
        place = f"{method} {path}"
        assert re.fullmatch(r"[a-z]+(_[a-z]+)+", name), f"{place}: {name}"
        assert name not in seen, place
        seen.add(name)
        assert operation["summary"], place
        assert operation["description"], place
        assert operation["tags"], place
        for tag in operation["tags"]:
            assert tags.get(tag), f"{place}: web.api.openapi says nothing of the tag {tag}"
        assert operation["security"] == [{"key": []}], place
        for parameter in operation["parameters"]:
            assert not parameter["name"].startswith(("-", "_")), place
        assert "organisation" in {each["name"] for each in operation["parameters"]}, place


def test_every_answer_is_described() -> None:
    for method, path, operation in operations():
        place = f"{method} {path}"
        answers = operation["responses"]
        assert set(answers) >= ALWAYS, place
        assert [status for status in answers if status[0] == "2"], place
        for status, answer in answers.items():
            headers = answer["headers"]
            assert ("X-Request-Id" in headers) == (status != "431"), place
            assert ("Retry-After" in headers) == (status in ("429", "503")), place
            if status[0] != "2":
                assert list(answer["content"]) == [PROBLEM], place
        if "requestBody" in operation:
            assert set(answers) >= {"408", "413", "415"}, place
            kinds = ["text/csv"] if path == "/imports" else ["application/json"]
            assert list(operation["requestBody"]["content"]) == kinds, place
        if "if-match" in {each["name"] for each in operation["parameters"]}:
            assert {"409", "412"} & set(answers), place
        if "201" in answers and re.search(rf"'{re.escape(path)}/{{[^/]+}}'", str(list(DOCUMENT["paths"]))):
            assert "Location" in answers["201"]["headers"], place
            assert answers["201"]["links"], place


def test_every_post_that_keeps_something_takes_an_idempotency_key() -> None:
    without = {
        path
        for method, path, operation in operations()
        if method == "post" and "idempotency-key" not in {each["name"] for each in operation["parameters"]}
    }
    # Four that keep nothing, and three that refuse a key.
    keyless = {"/tax-ids/check", "/connections/{connection_id}/check", "/conflicts/resolve", "/imports"}
    keyless |= {"/hooks", "/hooks/{hook_id}/test", "/channels/{channel_id}/test"}
    assert without == keyless


def test_every_body_has_an_example_that_fits_it() -> None:
    without: list[str] = []
    for method, path, operation in operations():
        place = f"{method} {path}"
        bodies = [*operation["responses"].values(), operation.get("requestBody", {})]
        for media in (each for body in bodies for each in body.get("content", {}).values()):
            assert fits(media["schema"], media["example"]) == [], place
            if f'"{PLACEHOLDER}"' in json.dumps(media["example"]):
                without.append(f"{place} {media['schema']}: {media['example']}")
    assert without == [], "texts that need an example"


def test_what_is_served_is_what_the_command_writes(api_postgresql: Api, tmp_path: Path) -> None:
    answer = requests.get(f"{api_postgresql.served.url}/openapi.json", timeout=20)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.content == openapi.text(PUBLIC_URL)
    environment = {
        "CONCORD_PUBLIC_URL": PUBLIC_URL,
        "CONCORD_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/x",
    }
    for arguments in ((), ("--into", str(tmp_path / "openapi.json"))):
        command = [sys.executable, "-m", "cli", "openapi", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, check=True)
        written = (tmp_path / "openapi.json").read_bytes() if arguments else done.stdout
        assert written == answer.content
    failed = subprocess.run(
        [sys.executable, "-m", "cli", "openapi", "--into", str(tmp_path)], capture_output=True, check=False
    )
    assert failed.returncode != 0
    assert b"cannot be written" in failed.stderr


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_the_examples_are_taken_by_the_site(api: Api, method: str) -> None:
    """Those that name no other record; what they name is not there, and 404 or 422 says so."""
    refused: list[tuple[str, str]] = []
    for verb, path, operation in operations():
        if verb.upper() != method or "requestBody" not in operation:
            continue
        media = operation["requestBody"]["content"]
        if "application/json" not in media:
            continue
        example = media["application/json"]["example"]
        answer = api.call(method, re.sub(r"\{[^}]+\}", "0199b2c4-7d1e-7a3b-9c5d-2f4e6a8b0c1d", path), example)
        assert str(answer.status_code) in operation["responses"], (path, answer.text)
        if answer.status_code == 422 and "there is no" not in answer.text.lower():
            refused.append((path, answer.text))
    assert refused == []


def test_health_and_metrics_are_as_described(served: Served) -> None:
    for path, token in (("/health", None), ("/health", TOKEN), ("/metrics", TOKEN)):
        answers = DOCUMENT["paths"][path]["get"]["responses"]
        answer = served.get(path, token=token)
        ((kind, media),) = answers["200"]["content"].items()
        assert answer.headers["Content-Type"].partition(";")[0] == kind
        assert fits(media["schema"], answer.json() if "json" in kind else answer.text) == []
        assert fits(media["schema"], media["example"]) == []
        assert "X-Request-Id" in answers["200"]["headers"]
    assert served.get("/health", token="another").status_code == 401
    assert served.get("/metrics").status_code == 401
    assert set(DOCUMENT["paths"]["/metrics"]["get"]["responses"]) == {"200", "401", "404", "431"}
    assert "problem" in served.get("/health", token=TOKEN).json()

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connectors.hubspot.sandbox import build
from connectors.sandbox.places_differences import Difference
from connectors.sandbox.population import population
from tests.connectors.hubspot_sandbox.conftest import Start


def oracle(sandbox: Any) -> list[Any]:
    state = sandbox.state
    return [
        list(state.raw_records()),
        list(state.history(0)),
        [each.body() for each in state.account.store.schema],
    ]


def test_a_restart_brings_everything_back(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "account" / "hubspot.jsonl"
    sdk = start(state=file, seed=3)
    one, two, three, four = sdk.makes(4)
    sdk.basic.update(one, {"properties": {"city": "York"}})
    sdk.control("POST", "edit", {"id": one, "fields": {"city": "Leeds"}, "user": "Ada"})
    sdk.basic.archive(two)
    sdk.control("POST", "merge", {"winner": three, "losers": [four]})
    sdk.control("PUT", "settings", {"external_id": "plain"})
    before = oracle(sdk.sandbox)
    history = sdk.basic.get_by_id(one, properties_with_history=["city"]).properties_with_history
    found = sdk.basic.get_by_id(three)

    again = start(state=file, seed=99)
    assert oracle(again.sandbox) == before
    assert again.sandbox.token == sdk.sandbox.token
    assert again.sandbox.portal_id == sdk.sandbox.portal_id
    assert again.sandbox.app_id == sdk.sandbox.app_id
    assert again.basic.get_by_id(one, properties_with_history=["city"]).properties_with_history == history
    assert again.basic.get_by_id(four).to_dict() == found.to_dict()
    assert [each.id for each in again.basic.get_page(archived=True).results] == [two]
    assert again.search.do_search({}).total == 2
    assert again.control("GET", "settings")["external_id"] == "plain"
    assert int(again.make()) > int(found.id)


def test_a_torn_last_line_is_a_write_that_was_never_answered(tmp_path: Path) -> None:
    file = tmp_path / "hubspot.jsonl"
    sandbox = build(empty=True, state=file)
    sandbox.state.person_create({"name": "A"}, user="Ada")
    before = oracle(sandbox)
    sandbox.state.person_create({"name": "B"}, user="Ada")
    sandbox.close()
    file.write_bytes(file.read_bytes()[:-9])
    again = build(empty=True, state=file)
    assert oracle(again) == before
    again.close()


def test_a_file_is_seeded_once(tmp_path: Path) -> None:
    file = tmp_path / "hubspot.jsonl"
    first = build(population=[{"name": "A"}], state=file)
    first.close()
    again = build(population=[{"name": "A"}, {"name": "B"}], state=file)
    assert again.state.counts()["records"] == 1
    again.close()


def test_a_population_that_does_not_fit_is_named() -> None:
    with pytest.raises(ValueError, match="company 1 of the population"):
        build(population=[{"name": "A"}, {"name": "B", "industry": "Software"}])


def test_the_same_seed_gives_the_same_account() -> None:
    first, second, other = (build(empty=True, seed=seed) for seed in (5, 5, 6))
    assert (first.token, first.portal_id) == (second.token, second.portal_id)
    assert first.token != other.token


def test_the_seed_population(start: Start) -> None:
    sdk = start(empty=False, seed=1)
    expected = [each for each in population(1) if each.hubspot]
    assert sdk.control("GET", "stats")["records"] == len(expected)
    assert sdk.sandbox.external_id_field == "company_id"
    spaced = next(each for each in expected if each.difference == Difference.ID_SPACES)
    assert sdk.basic.get_by_id(f" {spaced.external_id} ", id_property="company_id")
    names = ["name", "phone", "billing_email", "address", "address2", "city", "state", "zip", "country"]
    for each in expected[:100]:
        assert each.hubspot
        if "company_id" not in each.hubspot:
            continue
        found = sdk.basic.get_by_id(each.hubspot["company_id"], id_property="company_id", properties=names)
        assert {name: found.properties[name] for name in names} == {
            name: each.hubspot.get(name) for name in names
        }
    first = sdk.basic.get_page(limit=1, properties_with_history=["name"]).results[0]
    assert first.properties_with_history["name"][0].source_type == "IMPORT"

"""What a connection is built from: the plugin, its options, limits and credentials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from connectors.errors import Fatal
from connectors.hubspot import PLUGIN, HubSpotConnector, wire
from connectors.port import ConnectorConfig
from connectors.records import JSON
from connectors.registry import plugin
from connectors.transport import Pace
from tests.conformance.playground import texts_of
from tests.connectors.hubspot_client.conftest import Start


def config(**more: Any) -> ConnectorConfig:
    given = {"url": PLUGIN.default_url, "credentials": {"token": "pat-na1-x"}, "external_id": "company_id"}
    return ConnectorConfig(**{**given, "mapping": PLUGIN.mapping, **more})


@pytest.mark.parametrize(
    ("options", "url", "expected"),
    [
        ({}, "https://api.hubapi.com", [(5, 1.0), (100, 10.0)]),
        ({}, "http://127.0.0.1:9", []),
        (
            {"search_per_second": 2, "calls_per_10_seconds": 190},
            "http://127.0.0.1:9",
            [(2, 1.0), (190, 10.0)],
        ),
    ],
)
def test_limits(
    monkeypatch: pytest.MonkeyPatch, options: Mapping[str, JSON], url: str, expected: list[tuple[int, float]]
) -> None:
    made = []

    def pace(number: int, seconds: float) -> Pace:
        made.append((number, seconds))
        return Pace(number, seconds)

    monkeypatch.setattr(wire, "Pace", pace)
    HubSpotConnector(config(url=url, options=options)).close()
    assert made == expected


def test_searches_and_other_calls_are_paced_apart(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    class Waiting:
        def __init__(self, _: int, seconds: float) -> None:
            self.seconds = seconds

        def wait(self) -> None:
            waited.append(self.seconds)

    monkeypatch.setattr(wire, "Pace", Waiting)
    hub = start(options={"search_per_second": 1, "calls_per_10_seconds": 1})
    hub.connector.list_changes(None)
    hub.connector.list_all()
    hub.fault("lock", "list", times=1)
    hub.connector.list_all()
    assert waited == [1.0, 10.0, 10.0, 10.0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"credentials": {}},
        {"credentials": {"token": "two words"}},
        {"credentials": {"token": "new\r\nline"}},
        {"credentials": {"token": "ünicode"}},
        {"url": "http://api.hubapi.com"},
        {"options": {"search_per_second": 0}},
        {"options": {"calls_per_10_seconds": "many"}},
        {"options": {"app_id": "mine"}},
        {"external_id": ""},
        {"external_id": "hs_lastmodifieddate"},
        {"external_id": "hs_object_id"},
    ],
)
def test_a_configuration_that_cannot_be_right(wrong: Mapping[str, Any]) -> None:
    with pytest.raises(Fatal) as error:
        HubSpotConnector(config(**wrong))
    for token in wrong.get("credentials", {}).values():
        assert token not in texts_of(error.value)


def test_the_plugin_is_found_by_its_name() -> None:
    found = plugin("hubspot")
    assert found is PLUGIN
    connector = found.build(config())
    assert connector.calls() == {}
    assert connector.key_field == "company_id"
    connector.close()

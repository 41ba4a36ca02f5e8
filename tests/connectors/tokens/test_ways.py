"""What was given says which way is meant; what is missing, or does not go together, is named."""

from __future__ import annotations

import pytest

from connectors.errors import Misconfigured
from connectors.hubspot import PLUGIN as HUBSPOT
from connectors.salesforce import PLUGIN as SALESFORCE
from connectors.ways import choose, explained, merged

SIMPLE = {"client_id": "i", "client_secret": "s"}
SIGNED = {"client_id": "i", "username": "u", "private_key": "k"}


@pytest.mark.parametrize(
    ("given", "way"),
    [
        ({}, "client credentials"),
        ({"client_id": "i"}, "client credentials"),
        (SIMPLE, "client credentials"),
        ({"username": "u"}, "JWT"),
        ({**SIGNED, "audience": "a"}, "JWT"),
        ({"session_id": "s"}, "session"),
    ],
)
def test_the_way_that_takes_all_and_lacks_least(given: dict[str, str], way: str) -> None:
    assert choose(SALESFORCE.ways, given).name == way


@pytest.mark.parametrize(
    "given", [{**SIMPLE, "username": "u"}, {"session_id": "s", "client_id": "i"}, {"x": "y"}]
)
def test_what_does_not_go_together_is_named(given: dict[str, str]) -> None:
    with pytest.raises(Misconfigured, match="No way to connect takes") as caught:
        choose(SALESFORCE.ways, given)
    assert "--client-id and --client-secret (client credentials)" in caught.value.cure
    assert "--private-key-file" in explained(SALESFORCE.ways)


@pytest.mark.parametrize(
    ("known", "given", "after"),
    [
        (SIMPLE, {"client_secret": "new"}, {"client_id": "i", "client_secret": "new"}),
        (SIGNED, {"client_id": "new"}, {**SIGNED, "client_id": "new"}),
        (SIGNED, {"client_secret": "s"}, SIMPLE),
        (SIMPLE, {"username": "u", "private_key": "k"}, SIGNED),
        (SIMPLE, {"session_id": "x"}, {"session_id": "x"}),
        (SIMPLE, {}, SIMPLE),
    ],
)
def test_a_change_leaves_the_credentials_of_one_way(
    known: dict[str, str], given: dict[str, str], after: dict[str, str]
) -> None:
    assert merged(SALESFORCE.ways, given, known) == after
    apart = {"webhook_secret": "w"}
    assert merged(SALESFORCE.ways, given, {**known, **apart}) == {**after, **apart}


def test_a_change_to_a_way_that_is_not_complete_is_refused() -> None:
    with pytest.raises(Misconfigured, match="--refresh-token is missing for: OAuth"):
        merged(HUBSPOT.ways, SIMPLE, {"token": "t"})

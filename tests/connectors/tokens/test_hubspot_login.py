"""HubSpot by OAuth: tokens that end, refresh tokens that rotate, and refusals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from connectors.bearer import MOST_OWN
from connectors.errors import AuthFailed, ConnectorError, Misconfigured, RateLimited, Unavailable
from connectors.hubspot import HubSpotConnector
from tests.conformance.playground import customer, update
from tests.connectors.hubspot_client.hub import Hub, Reply, serve, stop


@pytest.fixture
def hub() -> Iterator[Hub]:
    made = serve()
    yield made
    stop(made)


@pytest.fixture
def connector(hub: Hub) -> Iterator[HubSpotConnector]:
    made = hub.other(credentials=hub.account.oauth)
    yield made
    made.close()


def refused(hub: Hub, credentials: Mapping[str, str], error: type[ConnectorError] = AuthFailed) -> str:
    connector = hub.other(credentials=credentials)
    try:
        with pytest.raises(error) as caught:
            connector.list_all()
    finally:
        connector.close()
    for secret in credentials.values():
        assert secret not in str(caught.value)
    return str(caught.value)


def test_a_refresh_token_lets_in_by_the_dated_path(hub: Hub, connector: HubSpotConnector) -> None:
    hub.create(customer(1), "K1")
    assert len(connector.list_all().observations) == 1
    connector.list_all()
    assert hub.stats()["token"] == 1
    (login,) = hub.asked("/token")
    assert login.path == "/oauth/2026-03/token"
    assert login.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "authorization" not in login.headers
    assert connector.calls()["token"] == 1


def test_the_old_path_can_be_chosen(hub: Hub) -> None:
    connector = hub.other(credentials=hub.account.oauth, options={"oauth_version": "v1"})
    connector.list_all()
    connector.close()
    assert [each.path for each in hub.asked("/token")] == ["/oauth/v1/token"]


@pytest.mark.parametrize("version", ["../v1", "", 3, "v9"])
def test_a_path_that_is_none_is_refused(hub: Hub, version: str | int) -> None:
    with pytest.raises(Misconfigured, match="oauth_version"):
        hub.other(credentials=hub.account.oauth, options={"oauth_version": version})


def test_a_token_that_has_ended_is_renewed_in_mid_run(hub: Hub, connector: HubSpotConnector) -> None:
    hub.settings(oauth_calls=3)
    for _ in range(10):
        connector.list_all()
    assert hub.stats()["token"] == 4


def test_a_write_is_sent_once_more_with_the_new_token(hub: Hub, connector: HubSpotConnector) -> None:
    ref = hub.create(customer(1), "K1")
    wanted = update(hub, ref, {"customer_name": "Ours"})
    connector.list_all()
    hub.settings(oauth_calls=1)
    hub.between.seen.clear()
    connector.write([wanted])
    one, two = hub.asked("/batch/update")
    assert one.body == two.body
    assert one.headers["authorization"] != two.headers["authorization"]


def test_tokens_are_renewed_before_they_end(hub: Hub, connector: HubSpotConnector) -> None:
    hub.settings(oauth_seconds=61)
    connector.list_all()
    connector.list_all()
    assert hub.stats()["token"] == 1
    hub.settings(oauth_seconds=59)
    fresh = hub.other(credentials=hub.account.oauth)
    fresh.list_all()
    fresh.list_all()
    fresh.close()
    assert hub.stats()["token"] == 2


def test_a_rotated_refresh_token_takes_the_place_of_the_old_one(
    hub: Hub, connector: HubSpotConnector
) -> None:
    before = hub.account.oauth
    hub.settings(rotate_refresh_token=True, oauth_calls=1)
    for _ in range(4):
        connector.list_all()
    assert hub.stats()["token"] == 4
    assert hub.account.oauth != before
    assert "invalid_grant" in refused(hub, before)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("client_id", "invalid_client"),
        ("client_secret", "invalid_client"),
        ("refresh_token", "invalid_grant"),
    ],
)
def test_wrong_credentials_are_refused_once(hub: Hub, name: str, code: str) -> None:
    assert code in refused(hub, {**hub.account.oauth, name: "wrong-one"})
    assert hub.stats() == {"token": 1}


@pytest.mark.parametrize("name", ["client_id", "client_secret", "refresh_token"])
def test_what_is_missing_is_named(hub: Hub, name: str) -> None:
    given = {key: value for key, value in hub.account.oauth.items() if key != name}
    with pytest.raises(Misconfigured, match=f"no {name}"):
        hub.other(credentials=given)


def test_tokens_that_are_refused_at_once_end_the_attempts(hub: Hub, connector: HubSpotConnector) -> None:
    hub.settings(oauth_calls=0)
    with pytest.raises(AuthFailed):
        connector.list_all()
    assert hub.stats()["token"] == MOST_OWN


def test_a_token_of_a_private_app_is_never_renewed(hub: Hub) -> None:
    hub.settings(token_expired=True)
    with pytest.raises(AuthFailed):
        hub.connector.list_all()
    assert "token" not in hub.stats()


ANSWERS: Mapping[str, tuple[Reply, type[ConnectorError]]] = {
    "a page of HTML": (Reply(200, b"<html></html>", "text/html"), Unavailable),
    "no token": (Reply(200, b"{}"), Unavailable),
    "a token that breaks headers": (
        Reply(200, b'{"access_token": "a b", "expires_in": 1}'),
        Unavailable,
    ),
    "an error of its own": (Reply(502, b""), Unavailable),
    "too many logins": (Reply(429, b""), RateLimited),
    "a refusal in no words": (Reply(403, b"<html>"), AuthFailed),
    "a refusal in the words of v1": (Reply(400, b'{"status": "BAD_REFRESH_TOKEN"}'), AuthFailed),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_any_other_answer_is_an_error_that_says_what_to_do(hub: Hub, kind: str) -> None:
    reply, error = ANSWERS[kind]
    hub.between.outward = lambda path, given: reply if path.endswith("/token") else given
    text = refused(hub, hub.account.oauth, error)
    assert "html" not in text
    if "v1" in kind:
        assert "BAD_REFRESH_TOKEN" in text

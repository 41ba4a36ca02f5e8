from __future__ import annotations

import base64
import re

import pytest
import requests

from tests.connectors.salesforce_sandbox.conftest import MakeOrg
from tests.connectors.salesforce_sandbox.org import LOGIN, Org


def test_the_sdk_logs_in_and_reads(org: Org) -> None:
    sf = org.sdk_that_logs_in()
    assert sf.query("SELECT Id FROM Account")["totalSize"] == 0


def test_a_token_response_has_all_that_a_real_one_has(org: Org) -> None:
    answer = org.session.post(
        LOGIN,
        data={
            "grant_type": "client_credentials",
            "client_id": org.sandbox.client_id,
            "client_secret": org.sandbox.client_secret,
        },
    )
    token = answer.json()
    assert answer.status_code == 200
    assert set(token) == {"access_token", "signature", "instance_url", "id", "token_type", "issued_at"}
    assert token["instance_url"] == "https://acme.my.salesforce.com"
    assert token["token_type"] == "Bearer"
    assert re.fullmatch(r"https://.*/id/00D\w{15}/005\w{15}", token["id"])
    assert token["access_token"].startswith(token["id"].split("/")[-2][:15] + "!")
    assert len(base64.b64decode(token["signature"])) == 32


def test_called_by_its_own_address_the_sandbox_names_that_address(org: Org) -> None:
    answer = requests.post(
        org.server.url + "/services/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(org.sandbox.client_id, org.sandbox.client_secret),
        timeout=5,
    )
    assert answer.json()["instance_url"] == org.server.url


@pytest.mark.parametrize(
    ("form", "user", "error"),
    [
        ({"grant_type": "client_credentials"}, ("{id}", "wrong"), "invalid_client"),
        ({"grant_type": "client_credentials"}, ("nobody", "{secret}"), "invalid_client_id"),
        ({"grant_type": "client_credentials"}, None, "invalid_client_id"),
        ({"grant_type": "password"}, ("{id}", "{secret}"), "unsupported_grant_type"),
        ({}, ("{id}", "{secret}"), "invalid_request"),
    ],
)
def test_refusals_are_oauth_objects(
    org: Org, form: dict[str, str], user: tuple[str, str] | None, error: str
) -> None:
    own = {"{id}": org.sandbox.client_id, "{secret}": org.sandbox.client_secret}
    auth = (own.get(user[0], user[0]), own.get(user[1], user[1])) if user else None
    answer = org.session.post(LOGIN, data=form, auth=auth)
    assert answer.status_code == 400
    assert set(answer.json()) == {"error", "error_description"}
    assert answer.json()["error"] == error


def test_credentials_depend_on_the_seed_alone(make_org: MakeOrg) -> None:
    one, same, other = make_org(seed=1), make_org(seed=1), make_org(seed=2)
    assert one.sandbox.client_secret == same.sandbox.client_secret
    assert one.sandbox.client_id != other.sandbox.client_id
    assert one.query("SELECT Id FROM Organization") == same.query("SELECT Id FROM Organization")
    assert one.query("SELECT Id FROM Organization") != other.query("SELECT Id FROM Organization")


@pytest.mark.parametrize("token", ["nonsense", ""])
def test_a_bad_token_is_401_as_a_list(org: Org, token: str) -> None:
    answer = org.session.get(
        org.server.url + "/services/data/v61.0/limits/", headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 401
    assert answer.json() == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
    assert "Sforce-Limit-Info" not in answer.headers

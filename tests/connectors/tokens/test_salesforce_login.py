"""Ways into a Salesforce org: the JWT flow, tokens that end, and what is never done twice or in the open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from socket import create_server

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from connectors.bearer import MOST_OWN
from connectors.errors import AuthFailed, Misconfigured, Unavailable
from connectors.outbound import guarded_session
from connectors.port import ConnectorConfig, Landed
from connectors.salesforce import PLUGIN
from connectors.salesforce.client import SalesforceConnector
from connectors.salesforce.login import Login, audience_of, trusted
from connectors.salesforce.sandbox import build
from connectors.sandbox.server import SandboxServer
from connectors.transport import Meter, Retries
from tests.conformance.playground import customer, live, update
from tests.conformance.sandboxed import Sandbox, SandboxPlayground
from tests.connectors.tokens.watched import Watched

_KEY = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


PRIVATE = pem(_KEY)
PUBLIC = _KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
USER = "integration@acme.example"


class Org(SandboxPlayground):
    """An org whose app was given a certificate."""

    def __init__(self, sandbox: Sandbox, server: SandboxServer, watched: Watched) -> None:
        super().__init__(sandbox, server)
        self.watched = watched

    def settings(self, **knobs: object) -> None:
        self.control("PUT", "settings", knobs)

    def other(self, credentials: Mapping[str, str]) -> SalesforceConnector:
        return SalesforceConnector(
            replace(self.config, credentials=credentials), retries=Retries(sleep=lambda _: None)
        )


@pytest.fixture
def org() -> Iterator[Org]:
    made = build(empty=True, settings={"certificate": PUBLIC, "username": USER})
    watched = Watched(made.app)
    sandbox = Sandbox(
        app=watched,
        build=lambda config: SalesforceConnector(config, retries=Retries(sleep=lambda _: None)),
        config=ConnectorConfig(
            url="",
            credentials={"client_id": made.client_id, "username": USER, "private_key": PRIVATE},
            external_id=PLUGIN.external_id,
            mapping=PLUGIN.mapping,
        ),
        page=50,
        refused=("customer_name", ""),
        unknown_ref="001000000000009AAA",
        write_kinds=("composite",),
    )
    with SandboxServer(watched) as server:
        found = Org(sandbox, server, watched)
        yield found
        found.close()
    made.state.close()


def refused(org: Org, credentials: Mapping[str, str], error: type[Exception] = AuthFailed) -> str:
    connector = org.other(credentials)
    try:
        with pytest.raises(error) as caught:
            connector.list_changes(None)
    finally:
        connector.close()
    for secret in (PRIVATE, *PRIVATE.splitlines()[1:-1]):
        assert secret not in str(caught.value)
    assert caught.value.__cause__ is None
    return str(caught.value)


def test_a_signed_assertion_lets_in(org: Org) -> None:
    ref = org.create(customer(1), "K1")
    assert live(org, ref).external_id == "K1"
    assert org.stats()["token"] == 1


def test_the_assertion_is_short_lived_and_says_who_for_whom(org: Org) -> None:
    org.connector.list_changes(None)
    (form,) = [body for _, path, body in org.watched.seen if path.endswith("/token")]
    assertion = dict(each.split("=", 1) for each in form.decode().split("&"))["assertion"]
    claims = jwt.decode(assertion, options={"verify_signature": False})
    assert jwt.get_unverified_header(assertion)["alg"] == "RS256"
    assert claims.pop("exp")
    assert claims == {
        "iss": org.config.credentials["client_id"],
        "sub": USER,
        "aud": "https://login.salesforce.com",
    }


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        (
            {"private_key": pem(rsa.generate_private_key(public_exponent=65_537, key_size=2_048))},
            "invalid_grant",
        ),
        ({"username": "somebody@else.example"}, "invalid_grant"),
        ({"client_id": "3MVG9-another"}, "invalid_client_id"),
        ({"audience": "https://elsewhere.example"}, "invalid_grant"),
    ],
)
def test_another_key_user_app_or_audience_is_refused(org: Org, changed: dict[str, str], code: str) -> None:
    assert code in refused(org, {**org.config.credentials, **changed})


def test_an_assertion_of_a_clock_that_is_far_off_is_refused(org: Org) -> None:
    for offset in (-3_600, 3_600):
        org.settings(clock_offset=offset)
        assert "invalid_grant" in refused(org, org.config.credentials)


def test_an_app_without_a_certificate_lets_nobody_in(org: Org) -> None:
    org.settings(certificate="")
    assert "invalid_client_id" in refused(org, org.config.credentials)


@pytest.mark.parametrize("key", ["no key", pem(ec.generate_private_key(ec.SECP256R1())), PRIVATE[:400]])
def test_a_key_that_is_none_is_named_and_sent_nowhere(org: Org, key: str) -> None:
    text = refused(org, {**org.config.credentials, "private_key": key}, Misconfigured)
    assert "--private-key-file" in text
    assert org.watched.seen == []


@pytest.mark.parametrize("name", ["client_id", "username"])
def test_what_is_missing_is_named(org: Org, name: str) -> None:
    given = {key: value for key, value in org.config.credentials.items() if key != name}
    assert f"no {name}" in refused(org, given)


@pytest.mark.parametrize(
    ("url", "audience"),
    [
        ("https://acme.my.salesforce.com", "login"),
        ("https://acme--dev.sandbox.my.salesforce.com", "test"),
        ("https://test.salesforce.com", "test"),
        ("http://127.0.0.1:8701", "login"),
    ],
)
def test_test_orgs_have_a_login_server_of_their_own(url: str, audience: str) -> None:
    assert audience_of(url) == f"https://{audience}.salesforce.com"


def test_a_token_for_a_strangers_host_is_used_nowhere() -> None:
    own = "https://acme.my.salesforce.com"
    assert trusted("https://acme.my.salesforce.com/", own) == own
    for host in ("https://evil.example", "https://salesforce.com.evil.example", "https://xsalesforce.com"):
        with pytest.raises(Misconfigured, match="not Salesforce's"):
            trusted(host, own)


def test_a_token_that_has_ended_is_renewed_and_the_condition_is_sent_again(org: Org) -> None:
    ref = org.create(customer(1), "K1")
    wanted = update(org, ref, {"customer_name": "Ours"})
    org.stats()
    org.control("PUT", "faults", [{"fault": "expire_token", "times": 1, "kind": "composite"}])
    org.watched.seen.clear()
    (receipt,) = org.connector.write([wanted])
    assert isinstance(receipt, Landed)
    one, two = org.watched.updates()
    assert one == two
    assert one["httpHeaders"].keys() == {"If-Match"}
    assert org.stats()["token"] == 1


def test_a_session_that_is_refused_for_good_is_not_tried_for_ever(org: Org) -> None:
    org.settings(token_calls=0)
    with pytest.raises(AuthFailed, match="does not accept the session"):
        org.connector.list_changes(None)
    assert org.stats()["token"] == MOST_OWN


def test_a_fixed_session_is_never_renewed(org: Org) -> None:
    connector = org.other({"session_id": "00D!wrong"})
    with pytest.raises(AuthFailed):
        connector.list_changes(None)
    connector.close()
    assert "token" not in org.stats()


def test_a_write_whose_login_failed_was_not_made(org: Org) -> None:
    org.control("PUT", "faults", [{"fault": "timeout_before", "seconds": 0, "kind": "token"}])
    connector = org.other(org.config.credentials)
    with pytest.raises(Unavailable) as caught:
        connector.list_changes(None)
    connector.close()
    assert not caught.value.outcome_unknown


@pytest.mark.parametrize(
    "credentials",
    [
        {"client_id": "i", "client_secret": "s"},
        {"client_id": "i", "username": USER, "private_key": PRIVATE},
    ],
)
def test_a_login_that_is_never_answered_ends(
    monkeypatch: pytest.MonkeyPatch, credentials: Mapping[str, str]
) -> None:
    monkeypatch.setattr("connectors.salesforce.login.TIMEOUT", (0.5, 0.5))
    with create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with guarded_session("127.0.0.1") as http, pytest.raises(Unavailable, match="in time"):
            Login(http, url, Meter()).fetch(credentials)

"""Whom a connector may call: public addresses alone, looked at once, and nobody whom an answer leads to."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
import urllib3
from urllib3.exceptions import NewConnectionError

from connectors.errors import ConnectorError, Misconfigured
from connectors.hubspot import HubSpotConnector
from connectors.outbound import guard, is_public, named_url, public_addresses
from connectors.port import Connector, ConnectorConfig
from connectors.registry import plugin
from connectors.salesforce.client import SalesforceConnector
from connectors.salesforce.login import trusted
from connectors.transport import Retries
from tests.web.api.hostile_urls import trapping

PRIVATE = (
    *("127.0.0.1", "127.255.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "0.0.0.0"),  # noqa: S104 - it is not bound to
    *(
        "169.254.169.254",
        "100.64.0.1",
        "100.127.255.255",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
    ),
    *("255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a00:1"),
    *("2002:7f00:1::", "2002:a00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "::127.0.0.1"),
)
PUBLIC = (
    "85.222.154.1",
    "104.16.0.1",
    "2606:4700::1",
    "::ffff:104.16.0.1",
    "64:ff9b::6810:1",
    "2002:6810:1::",
)


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_of_no_open_network_are_told(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_open_network_are_told(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("url", "connector"),
    [
        ("https://acme.my.salesforce.com", "salesforce"),
        ("https://ACME--dev.sandbox.my.salesforce.com/", "salesforce"),
        ("https://login.salesforce.com", "salesforce"),
        ("https://acme.my.site.force.com", "salesforce"),
        ("https://api.hubapi.com", "hubspot"),
    ],
)
def test_the_crms_own_hosts_are_taken(url: str, connector: str) -> None:
    assert named_url(url, plugin(connector).hosts) == url.lower().rstrip("/")


def test_one_private_address_among_public_ones_is_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    def two(host: str, port: int, **_: Any) -> Any:
        places = [(address, port) for address in ("104.16.0.1", "10.0.0.1")]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in places]

    monkeypatch.setattr(socket, "getaddrinfo", two)
    with pytest.raises(Misconfigured, match="private network"):
        public_addresses("api.hubapi.com", 443)


def test_the_address_that_was_looked_at_is_the_one_that_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    called: list[Any] = []

    def rebound(host: str, port: int, **_: Any) -> Any:
        asked.append(host)
        address = "104.16.0.1" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    def connect(place: Any, *_: Any, **__: Any) -> Any:
        called.append(place)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", rebound)
    monkeypatch.setattr("urllib3.util.connection.create_connection", connect)
    pool = urllib3.PoolManager()
    guard(pool, "api.hubapi.com")
    with pytest.raises(NewConnectionError, match=r"api\.hubapi\.com|Failed"):
        pool.request("GET", "https://api.hubapi.com/x", retries=False)
    assert asked == ["api.hubapi.com"]
    assert called == [("104.16.0.1", 443)]


@pytest.mark.parametrize(
    "instance",
    [
        "http://acme.my.salesforce.com",
        "https://acme.my.salesforce.com:8443",
        "https://user@acme.my.salesforce.com",
        "https://evilsalesforce.com",
        "https://127.0.0.1",
        "ftp://acme.my.salesforce.com",
    ],
)
def test_a_login_leads_nowhere_else(instance: str) -> None:
    with pytest.raises(Misconfigured):
        trusted(instance, "https://acme.my.salesforce.com")
    assert trusted("https://eu1.my.salesforce.com", "https://acme.my.salesforce.com")


def _config(connector: str, url: str, **credentials: str) -> ConnectorConfig:
    found = plugin(connector)
    return ConnectorConfig(
        url=url, credentials=credentials, external_id=found.external_id, mapping=found.mapping
    )


def _hubspot(url: str) -> Connector:
    return HubSpotConnector(_config("hubspot", url, token="t"), Retries(attempts=1))


def _hubspot_oauth(url: str) -> Connector:
    given = {"client_id": "i", "client_secret": "s", "refresh_token": "r"}
    return HubSpotConnector(_config("hubspot", url, **given), Retries(attempts=1))


def _salesforce(url: str) -> Connector:
    return SalesforceConnector(_config("salesforce", url, session_id="s"), retries=Retries(attempts=1))


def _salesforce_login(url: str) -> Connector:
    given = {"client_id": "i", "client_secret": "s"}
    return SalesforceConnector(_config("salesforce", url, **given), retries=Retries(attempts=1))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("build", [_hubspot, _hubspot_oauth, _salesforce, _salesforce_login])
def test_no_redirection_is_followed(build: Callable[[str], Connector], status: int) -> None:
    with trapping() as trap, _redirecting(status, f"http://127.0.0.1:{trap.port}/") as (url, asked):
        connector = build(url)
        for call in (connector.describe, lambda: connector.find_by_external_id(["k"])):
            with pytest.raises(ConnectorError):
                call()
        connector.close()
        assert asked, "the server that redirects was called"
        assert trap.seen == 0


@contextmanager
def _redirecting(status: int, target: str) -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []

    class Redirect(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Location", target)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Redirect)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)

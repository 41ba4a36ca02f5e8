"""`keys`, and the ways in which `connect` and `connections set` take credentials."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.hubspot import sandbox as hubspot
from connectors.hubspot.sandbox import HubSpotSandbox
from connectors.sandbox.server import SandboxServer
from tests.cli.conftest import Terminal
from tests.connectors.tokens.test_salesforce_login import PRIVATE, PUBLIC
from tests.tasks.conftest import Crm


@pytest.fixture
def hub() -> Iterator[tuple[HubSpotSandbox, str]]:
    account = hubspot.build(empty=True)
    with SandboxServer(account.app) as server:
        yield account, server.url
    account.close()


def options(credentials: dict[str, str]) -> list[str]:
    return [text for key, value in credentials.items() for text in (f"--{key.replace('_', '-')}", value)]


def test_keys_rotate_and_the_old_ones_go(terminal: Terminal, crm: Crm) -> None:
    terminal.run("connect", "salesforce", "--name", "sf", "--url", crm.url, *options(dict(crm.credentials)))
    assert terminal.run("keys", "status", "--json").json == {"keys": {"1": 2}, "unopened": []}
    rotated = terminal.run("keys", "rotate", "--json").json
    assert rotated == {"keys": {"1": 2, "2": 0}, "unopened": [], "renewed": 2}
    dropped = terminal.run("keys", "rotate", "--drop-old", "--json").json
    assert dropped == {"keys": {"1": 2}, "unopened": [], "renewed": 2}
    (key,) = (terminal.folder / "secret.key").read_text().split()
    assert key not in terminal.run("keys", "status").out
    terminal.run("sync", "sf", "--yes")
    assert crm.control("GET", "stats")["calls"]["token"] == 1, "one login for the connect and the run"


def test_a_lost_key_is_told_and_drops_nothing(terminal: Terminal, crm: Crm) -> None:
    terminal.run("connect", "salesforce", "--name", "sf", "--url", crm.url, *options(dict(crm.credentials)))
    (terminal.folder / "secret.key").write_text("x" * 40 + "\n")
    found = terminal.run("keys", "rotate", "--drop-old", "--json", code=1).json
    assert found["unopened"] == ["sf"]
    assert len((terminal.folder / "secret.key").read_text().split()) == 2
    done = terminal.run("sync", "sf", "--yes", code=1)
    assert "CONCORD_SECRET_KEY" in done.err


def test_keys_of_a_variable_are_not_dropped_here(
    terminal: Terminal, crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONCORD_SECRET_KEY", "a" * 32)
    terminal.run("connect", "salesforce", "--name", "sf", "--url", crm.url, *options(dict(crm.credentials)))
    monkeypatch.setenv("CONCORD_SECRET_KEY", "b" * 32 + "," + "a" * 32)
    assert "remove the old key" in terminal.run("keys", "rotate", "--drop-old", code=2).err
    assert terminal.run("keys", "rotate", "--json").json["renewed"] == 2
    monkeypatch.setenv("CONCORD_SECRET_KEY", "b" * 32)
    terminal.run("sync", "sf", "--yes")
    assert not (terminal.folder / "secret.key").exists()


def test_salesforce_by_jwt(terminal: Terminal, crm: Crm, tmp_path: Path) -> None:
    crm.control("PUT", "settings", {"certificate": PUBLIC, "username": "u@acme.example"})
    file = tmp_path / "key.pem"
    file.write_text(PRIVATE)
    given = ["--client-id", crm.credentials["client_id"], "--username", "u@acme.example"]
    start = ("connect", "salesforce", "--name", "sf", "--url", crm.url)
    done = terminal.run(*start, *given, code=2)
    assert "--private-key-file is missing" in done.err
    assert "--client-secret" in done.err
    assert "cannot be read" in terminal.run(*start, *given, "--private-key-file", "none.pem", code=2).err
    terminal.run(*start, *given, "--private-key-file", str(file))
    terminal.run("sync", "sf", "--yes")


def test_hubspot_by_oauth_with_the_secret_from_stdin(
    terminal: Terminal, hub: tuple[HubSpotSandbox, str]
) -> None:
    account, url = hub
    given = {**account.oauth, "client_secret": "-"}
    start = ("connect", "hubspot", "--name", "hs", "--url", url)
    terminal.run(*start, *options(given), stdin=f"{account.oauth['client_secret']}\n")
    twice = {**given, "refresh_token": "-"}
    assert "Only one" in terminal.run(*start, *options(twice), stdin="x", code=2).err
    assert "nothing came" in terminal.run(*start, *options(given), stdin="", code=2).err
    terminal.run("sync", "hs", "--yes")


def test_credentials_of_different_ways_do_not_go_together(
    terminal: Terminal, hub: tuple[HubSpotSandbox, str]
) -> None:
    account, url = hub
    start = ("connect", "hubspot", "--name", "hs", "--url", url)
    done = terminal.run(*start, "--token", account.token, "--client-id", "x", code=1)
    assert "No way to connect takes --client-id and --token together" in done.err
    assert account.token not in done.err
    assert "NAME=VALUE" in terminal.run(*start, "--credential", "token", code=2).err
    terminal.run(*start, "--credential", f"token={account.token}")


def test_credentials_change_and_the_old_token_is_forgotten(
    terminal: Terminal, hub: tuple[HubSpotSandbox, str]
) -> None:
    account, url = hub
    terminal.run("connect", "hubspot", "--name", "hs", "--url", url, *options(account.oauth))
    terminal.run("connections", "set", "hs", "--refresh-token", "wrong")
    assert "refuses the login" in terminal.run("sync", "hs", "--yes", code=1).err
    assert terminal.run("connections", "show", "hs", "--json").json["state"] == "auth_failed"
    terminal.run("connections", "set", "hs", "--refresh-token", account.oauth["refresh_token"])
    assert terminal.run("connections", "show", "hs", "--json").json["state"] != "auth_failed"
    terminal.run("sync", "hs", "--yes")
    terminal.run("connections", "set", "hs", "--token", account.token)
    terminal.run("sync", "hs", "--yes")
    done = terminal.run("connections", "set", "hs", "--client-id", "x", code=1)
    assert "--client-secret and --refresh-token is missing" in done.err

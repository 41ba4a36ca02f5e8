"""The address of a webhook, what doctor says of it, and the site as a process."""

from __future__ import annotations

import json
import signal
from urllib.request import urlopen

import pytest

from tests.cli.conftest import Terminal
from tests.tasks.conftest import Crm, until

SECRET = "a-secret_of-these-tests"


def connect(terminal: Terminal, crm: Crm) -> None:
    options = [f"--{key.replace('_', '-')}={value}" for key, value in crm.credentials.items()]
    terminal.json("connect", "salesforce", "--name", "crm", "--url", crm.url, *options)


def test_the_address_is_shown_and_the_secret_in_it_only_when_asked_for(
    terminal: Terminal, crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(terminal, crm)
    shown = terminal.json("connections", "show", "crm")
    assert shown["webhook"] == "http://127.0.0.1:8700/webhooks/salesforce/crm"
    assert shown["webhook_secret"] is False
    monkeypatch.setenv("CONCORD_PUBLIC_URL", "https://concord.example.com/")
    terminal.run("connections", "set", "crm", "--webhook-secret", SECRET)
    for arguments in (("--json",), ()):
        masked = terminal.run("connections", "show", "crm", *arguments).out
        assert "https://concord.example.com/webhooks/salesforce/crm/***" in masked
        assert "a-secret" not in masked
    shown = terminal.json("connections", "show", "crm", "--reveal")
    assert shown["webhook"].endswith("/webhooks/salesforce/crm/a-secret_of-these-tests")


def test_a_secret_that_cannot_end_an_address_is_refused(terminal: Terminal, crm: Crm) -> None:
    connect(terminal, crm)
    for secret in ("too-short", "long enough, but/not for an address"):
        told = terminal.run("connections", "set", "crm", "--webhook-secret", secret, code=2).err
        assert "at least 16 characters" in told
        assert secret not in told


def test_doctor_says_what_webhooks_lack(
    terminal: Terminal, crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(terminal, crm)

    def found(what: str) -> str:
        findings = terminal.json("doctor")["findings"]
        return " ".join(f"{each['level']}: {each['found']}" for each in findings if each["what"] == what)

    assert "CONCORD_PUBLIC_URL is not set" in found("webhooks")
    assert "no webhook secret" in found("connection crm")
    terminal.run("connections", "set", "crm", "--webhook-secret", SECRET)
    assert "no webhook secret" not in found("connection crm")
    monkeypatch.setenv("CONCORD_PUBLIC_URL", "http://concord.example.com")
    assert "warning: CONCORD_PUBLIC_URL is plain http" in found("webhooks")
    for fine in ("https://concord.example.com", "http://127.0.0.1:8700"):
        monkeypatch.setenv("CONCORD_PUBLIC_URL", fine)
        assert found("webhooks").startswith("ok: taken at")


def test_the_site_serves_until_it_is_told_to_stop(terminal: Terminal) -> None:
    with terminal.background("serve", "--port", "0", "--json") as process:
        assert process.stdout
        said = json.loads(process.stdout.readline())
        assert said["event"] == "serving"
        assert said["public_url"] == said["url"]
        with urlopen(f"{said['url']}/health", timeout=10) as answer:
            assert json.load(answer) == {"status": "ok"}
        port = said["url"].rpartition(":")[2]
        taken = terminal.run("serve", "--port", port, code=2)
        assert f"The port {port} is taken." in taken.err
        assert "--port" in taken.err
        process.send_signal(signal.SIGTERM)
        until(lambda: process.poll() is not None, 20)
        assert process.returncode == 0

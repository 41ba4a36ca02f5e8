"""Whatever goes wrong has a message that names cause and cure, the right exit code, and no traceback."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tests.e2e.conftest import CONCORD, Shell, salesforce_records


def control(ready: dict[str, str], method: str, path: str, body: object) -> None:
    """Turn a knob of a sandbox."""
    request = Request(
        f"{ready['url']}/_sandbox/{path}",
        data=json.dumps(body).encode(),
        method=method,
        headers={"Content-Type": "application/json"},
    )
    with urlopen(request, timeout=10) as response:
        response.read()


def test_an_unknown_connection(shell: Shell) -> None:
    done = shell.run("sync", "nowhere", code=2)
    assert "There is no connection named nowhere" in done.err
    assert "concord connect" in done.err
    assert done.out == ""
    body = shell.json("sync", "nowhere", code=2)
    assert body["exit_code"] == 2
    assert "nowhere" in body["error"]


def test_a_wrong_option(shell: Shell) -> None:
    assert "No such option" in shell.run("sync", "x", "--nonsense", code=2).err
    shell.run("nonsense", code=2)


def test_wrong_credentials(shell: Shell) -> None:
    with shell.sandbox("salesforce", "--empty") as ready:
        wrong = {**ready, "client_secret": "wrong"}
        keys = ["--client-id", wrong["client_id"], "--client-secret", wrong["client_secret"]]
        done = shell.run("connect", "salesforce", "--name", "crm", "--url", ready["url"], *keys, code=1)
        assert "refuses the login" in done.err
        assert "wrong" not in done.err.replace("refuses", "")
        assert shell.json("connections", "list")["connections"] == []
        shell.connect("salesforce", ready)
        shell.run("connections", "set", "crm", "--client-secret", "wrong")
        assert "refuses the login" in shell.run("sync", "crm", "--yes", code=1).err
        assert shell.json("connections", "show", "crm")["state"] == "auth_failed"
        assert shell.run("doctor", code=1).out.count("ERROR") == 1
        shell.run("connections", "set", "crm", "--client-secret", ready["client_secret"])
        assert shell.json("sync", "crm", "--yes")["state"] == "done"


def test_a_missing_credential(shell: Shell) -> None:
    done = shell.run("connect", "hubspot", "--name", "crm", code=2)
    assert "--token is missing" in done.err


def test_a_url_that_would_leak_the_credentials(shell: Shell) -> None:
    done = shell.run(
        "connect", "hubspot", "--name", "crm", "--url", "http://crm.example", "--token", "t0psecret", code=1
    )
    assert "https://" in done.err
    assert "t0psecret" not in done.err


def test_a_crm_that_is_not_there(shell: Shell) -> None:
    with shell.sandbox("salesforce", "--empty") as ready:
        shell.connect("salesforce", ready)
    done = shell.run("sync", "crm", "--yes", code=1)
    assert "cannot be reached" in done.err
    assert shell.json("runs", "list")["runs"][0]["state"] == "failed"


def test_a_missing_custom_field(shell: Shell) -> None:
    with shell.sandbox("salesforce", "--empty") as ready:
        control(ready, "PUT", "settings", {"external_id": {"present": False}})
        shell.connect("salesforce", ready)
        done = shell.run("sync", "crm", "--yes", code=1)
        assert "Account has no field External_ID__c" in done.err
        assert "Make the field" in done.err


def test_lines_that_are_no_customers(shell: Shell, tmp_path: Path) -> None:
    lines = [
        '{"external_id": "ok-1", "customer_name": "Fine"}',
        '{"external_id": "no-name"}',
        '{"customer_name": "Bad mail", "email": "nobody"}',
        '{"customer_name": "Wrong type", "address": "Main Street"}',
        '{"customer_name": "Unknown", "colour": "red"}',
        '{"customer_name": "' + "x" * 300 + '"}',
        '{"customer_name": "Flag", "auto_charge_enabled": "yes"}',
        '{"customer_name": "NUL \\u0000"}',
        "not json",
        "[]",
        '{"external_id": "ok-2", "customer_name": "Fine", "phone": "0815", "tax_info": '
        '[{"country_code": "IND", "tax_code": "GST", "tax_id": "nonsense"}]}',
        '{"external_id": "ok-3", "customer_name": "Fine", "email": "a@example.com"}',
        '{"external_id": "taken", "customer_name": "Same", "email": "A@example.com"}',
    ]
    file = tmp_path / "bad.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    report = shell.json("customers", "load", str(file), code=4)
    assert report["created"] == 3
    fields = {(each["line"], each["field"]) for each in report["rejected"]}
    assert fields == {
        (2, "customer_name"),
        (3, "email"),
        (4, "address"),
        (5, "colour"),
        (6, "customer_name"),
        (7, "auto_charge_enabled"),
        (8, "customer_name"),
        (9, ""),
        (10, ""),
        (13, "email"),
    }
    assert all(each["reason"] for each in report["rejected"])
    assert "nobody" not in json.dumps(report)
    again = shell.json("customers", "load", str(file), code=4)
    assert (again["created"], again["unchanged"]) == (0, 3)
    assert "cannot be read" in shell.run("customers", "load", str(tmp_path / "none"), code=2).err


def test_two_records_with_one_key_and_records_that_cannot_be_taken(shell: Shell) -> None:
    with shell.sandbox("salesforce", "--empty") as ready:
        control(ready, "PUT", "settings", {"external_id": {"unique": False}})
        control(
            ready, "PUT", "settings", {"extra_fields": [{"name": "Mail__c", "type": "string", "length": 80}]}
        )
        records = [
            {"External_ID__c": "one", "Name": "One"},
            {"External_ID__c": "two", "Name": "Two"},
            {"External_ID__c": "one", "Name": "One again"},
            {"External_ID__c": "bad", "Name": "Bad", "Mail__c": "nobody"},
        ]
        salesforce_records(ready, records)
        shell.connect("salesforce", ready)
        lines = shell.json("connections", "show", "crm")["settings"]["map"]
        lines = [line for line in lines if line["field"] != "email"]
        mapped = shell.folder / "map.json"
        mapped.write_text(json.dumps([*lines, {"field": "email", "crm": "Mail__c"}]))
        shell.run("connections", "set", "crm", "--map", str(mapped))
        report = shell.json("sync", "crm", "--yes", code=4)
        assert report["created_local"] == 1
        assert report["held"] == {"ambiguous_match": 1, "invalid_record": 1}
        assert report["quarantined"] == 1
        (row,) = shell.json("conflicts", "list", "--kind", "invalid_record")["conflicts"]
        assert row["reasons"][0]["field"] == "email"


@pytest.mark.parametrize("body", ['{"crm": "Name"}', "[{]", '[{"field": "customer_nam", "crm": "Name"}]'])
def test_a_map_that_is_none(shell: Shell, body: str) -> None:
    with shell.sandbox("salesforce", "--empty") as ready:
        shell.connect("salesforce", ready)
        file = shell.folder / "map.json"
        file.write_text(body)
        shell.run("connections", "set", "crm", "--map", str(file), code=2)
        assert shell.json("connections", "show", "crm")["map_version"] == 1


def test_a_database_that_is_newer_than_the_code(shell: Shell) -> None:
    shell.run("customers", "list")
    with sqlite3.connect(shell.folder / "concord.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    done = shell.run("customers", "list", code=1)
    assert "newer version of Concord" in done.err
    assert "newer Concord" in shell.run("doctor", code=1).out


def test_a_database_that_is_down(shell: Shell) -> None:
    shell.more = {
        "CONCORD_DATABASE_URL": "postgresql://nobody:t0psecret@127.0.0.1:1/none",
        "CONCORD_SECRET_KEY": "k" * 32,
    }
    done = shell.run("customers", "list", code=1)
    assert "does not answer" in done.err
    assert "t0psecret" not in done.err + done.out


def test_production_without_a_key(shell: Shell) -> None:
    shell.more = {"CONCORD_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    done = shell.run("customers", "list", code=1)
    assert "CONCORD_SECRET_KEY is not set" in done.err
    shell.more |= {"CONCORD_SECRET_KEY": "short"}
    assert "shorter than 32" in shell.run("customers", "list", code=1).err


def test_a_database_that_is_damaged(shell: Shell) -> None:
    shell.run("customers", "list")
    for file in shell.folder.glob("concord.db*"):
        file.write_bytes(b"this is no database at all" * 100)
    assert "damaged" in shell.run("customers", "list", code=1).err


def test_a_data_folder_that_cannot_be_made(shell: Shell, tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    broken = Shell(blocker / "data")
    assert "cannot be" in broken.run("customers", "list", code=1).err


@pytest.fixture
def heeded() -> Iterator[None]:
    """SIGINT ends what a test starts: what a shell runs in the background ignores it, and passes that on."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeded")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_sync_that_is_cut_off_goes_on(shell: Shell, how: signal.Signals) -> None:
    with shell.sandbox("salesforce", "--empty") as ready:
        names = [{"External_ID__c": f"k{number}", "Name": f"Customer {number}"} for number in range(600)]
        salesforce_records(ready, names)
        control(ready, "PUT", "settings", {"page_rows": 100})
        shell.connect("salesforce", ready)
        shell.json("customers", "add", '{"external_id": "mine", "customer_name": "Mine"}')
        slow = {"kind": "query", "fault": "timeout_before", "rate": 1.0, "seconds": 60.0}
        control(ready, "PUT", "faults", [])
        process = subprocess.Popen(
            [CONCORD, "sync", "crm", "--yes"],
            env=shell.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        _wait_for_rows(shell.folder / "concord.db", 100)
        control(ready, "PUT", "faults", [slow])
        time.sleep(0.2)
        process.send_signal(how)
        err = process.communicate(timeout=30)[1]
        assert "Traceback" not in err
        if how is signal.SIGINT:
            assert process.returncode == 130
            assert "interrupted" in err
        control(ready, "DELETE", "faults", None)
        report = shell.json("sync", "crm")
        assert report["state"] == "done"
        assert shell.json("customers", "list", "--limit", "1")["total"] == 601
        states = [run["state"] for run in shell.json("runs", "list")["runs"]]
        assert states == ["done", "cancelled" if how is signal.SIGINT else "failed"]
        with urlopen(f"{ready['url']}/_sandbox/stats", timeout=10) as response:
            assert json.loads(response.read())["records"] == 601


def _wait_for_rows(path: Path, count: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with sqlite3.connect(path) as connection:
            (found,) = connection.execute("SELECT count(*) FROM customers").fetchone()
        connection.close()
        if found >= count:
            return
        time.sleep(0.005)
    raise AssertionError("the sync never began")

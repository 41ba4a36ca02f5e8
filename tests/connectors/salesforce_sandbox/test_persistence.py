from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from connectors.salesforce.sandbox import store as store_module
from tests.connectors.salesforce_sandbox.conftest import MakeOrg
from tests.connectors.salesforce_sandbox.org import BASE, Org, soql

SERVE = """
import sys
from pathlib import Path
from connectors.salesforce.sandbox import build
from connectors.sandbox.server import serve
sandbox = build(state=Path(sys.argv[1]))
serve(sandbox.app, port=0, ready=lambda url: print(url, flush=True))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "salesforce.jsonl"


def everything(org: Org) -> list[Any]:
    return [
        org.control("GET", "records"),
        org.control("GET", "history"),
        org.query(
            soql("Id, Name, SystemModstamp, IsDeleted", "ORDER BY SystemModstamp, Id"), everything=True
        ),
    ]


def live_a_little(org: Org) -> None:
    first, second, third = (org.create(Name=name, External_ID__c=name, Phone="1") for name in "ABC")
    org.sdk().Account.update(first, {"Phone": None, "BillingCity": "Zürich"})
    org.control("POST", "edit", {"id": second, "fields": {"Phone": "2"}, "user": "Ann"})
    org.control("POST", "merge", {"winner": first, "losers": [third]})
    org.sdk().Account.delete(second)
    org.control("POST", "undelete", {"id": second})
    rows = [{"attributes": {"type": "Account"}, "Name": str(n)} for n in range(10)]
    org.http("POST", "composite/sobjects", {"records": rows})


def test_a_restart_brings_everything_back(make_org: MakeOrg, path: Path) -> None:
    org = make_org(state=path)
    live_a_little(org)
    before = everything(org)
    org.close()
    again = make_org(state=path)
    assert everything(again) == before
    taken = again.http("POST", "sobjects/Account/", {"Name": "D", "External_ID__c": "A"})
    assert taken.json()[0]["errorCode"] == "DUPLICATE_VALUE"
    fresh = again.create()
    assert fresh > max(row["Id"] for row in before[0])
    assert again.control("GET", "history")[-1]["seq"] == before[1][-1]["seq"] + 1
    assert again.http("GET", "limits", token=org.token).status_code == 401


def test_a_rolled_back_call_leaves_no_trace(make_org: MakeOrg, path: Path) -> None:
    org = make_org(state=path)
    rows = [{"attributes": {"type": "Account"}, "Name": "A"}, {"attributes": {"type": "Account"}}]
    org.http("POST", "composite/sobjects", {"allOrNone": True, "records": rows})
    assert not path.exists()


def test_the_population_is_made_once(make_org: MakeOrg, path: Path) -> None:
    population = [{"Name": "A"}, {"Name": "B"}]
    org = make_org(state=path, population=population)
    before = everything(org)
    org.sdk().Account.delete(before[0][0]["Id"])
    org.close()
    again = make_org(state=path, population=population)
    assert len(again.control("GET", "records")) == 2
    assert len(again.query(soql("Id"))) == 1


def test_what_was_answered_survives_kill_nine(path: Path) -> None:
    root = Path(__file__).resolve().parents[3]
    environment = {**os.environ, "PYTHONPATH": str(root)}

    def start() -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(path)], stdout=subprocess.PIPE, text=True, env=environment
        )
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    process, url = start()
    with process:
        for number in range(20):
            answer = requests.post(
                f"{url}/_sandbox/create", json={"fields": {"Name": str(number)}}, timeout=10
            )
            assert answer.status_code == 201
        process.send_signal(signal.SIGKILL)
    # The end came in the middle of a line.
    with path.open("ab") as file:
        file.write(b'{"by": {"user')
    process, url = start()
    with process:
        kept = requests.get(f"{url}/_sandbox/records", timeout=10).json()
        process.terminate()
    assert [row["Name"] for row in kept] == [str(number) for number in range(20)]


def test_a_journal_that_has_grown_too_long_is_rewritten(
    make_org: MakeOrg, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    org = make_org(state=path)
    record = org.create(External_ID__c="A")
    for number in range(30):
        org.sdk().Account.update(record, {"Phone": str(number)})
    records, last = org.control("GET", "records"), org.control("GET", "history")[-1]["seq"]
    org.close()
    monkeypatch.setattr(store_module, "COMPACT_ABOVE", 5)
    org = make_org(state=path)
    assert len(path.read_bytes().splitlines()) == 2
    org.close()
    org = make_org(state=path)
    assert org.control("GET", "records") == records
    assert org.query(soql("Phone")) == [{"Phone": "29"}]
    org.create()
    assert org.control("GET", "history")[-1]["seq"] == last + 1
    assert org.http("PATCH", BASE + "sobjects/Account/External_ID__c/A", {"Phone": "x"}).status_code == 200

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from simple_salesforce.api import Salesforce

from connectors.bearer import OwnTokens
from connectors.mapping import Codec
from connectors.port import ConnectorConfig
from connectors.salesforce.login import Login
from connectors.salesforce.session import Session
from connectors.transport import Meter, Retries

CONCORD = str(Path(sys.executable).with_name("concord"))


@dataclass
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found


@dataclass
class Shell:
    """A person at a terminal with an installation of their own."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CONCORD_")}
        return {**kept, "CONCORD_DATA": str(self.folder), "COLUMNS": "160", **self.more}

    def __post_init__(self) -> None:
        self.more: dict[str, str] = {}

    def run(self, *arguments: str, code: int | None = 0, stdin: str | None = None) -> Done:
        """Run `concord` with these arguments; fails the test on another exit code."""
        done = subprocess.run(
            [CONCORD, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            input=stdin,
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert code is None or done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
        return Done(done.returncode, done.stdout, done.stderr)

    def json(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """Run `concord ... --json`: JSON alone on stdout."""
        return self.run(*arguments, "--json", code=code).json

    @contextmanager
    def background(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Run `concord` beside the test; it is told to stop at the end and has to do so cleanly."""
        process = subprocess.Popen(
            [CONCORD, *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            try:
                _, err = process.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                raise
        assert "Traceback" not in err, err

    @contextmanager
    def sandbox(self, name: str, *options: str) -> Iterator[dict[str, str]]:
        """A sandbox CRM; yields what it prints when it is ready."""
        with self.background("sandbox", name, "--json", *options) as process:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())

    def connect(self, crm: str, ready: dict[str, str], name: str = "crm") -> None:
        """Connect a sandbox."""
        keys = [
            text
            for key in ("client_id", "client_secret", "token")
            if key in ready
            for text in (f"--{key.replace('_', '-')}", ready[key])
        ]
        self.run("connect", crm, "--name", name, "--url", ready["url"], *keys)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A fresh installation."""
    return Shell(tmp_path / "data")


def salesforce_records(ready: dict[str, str], records: Sequence[dict[str, Any]]) -> None:
    """Load accounts as another program would, through the real SDK."""
    config = ConnectorConfig(url=ready["url"], credentials=ready, external_id="External_ID__c", mapping=())
    session = Session(config, Codec(()), Meter(), Retries())
    try:
        login = OwnTokens(ready).renew(None, Login(session._http, ready["url"], Meter()).fetch)
        sf: Salesforce = session._client(login)
        for start in range(0, len(records), 200):
            chunk = [{"attributes": {"type": "Account"}, **each} for each in records[start : start + 200]]
            body = {"allOrNone": False, "records": chunk}
            answer = sf.restful("composite/sobjects", method="POST", json=body) or []
            assert all(row["success"] for row in answer), [row for row in answer if not row["success"]][:3]
    finally:
        session.close()

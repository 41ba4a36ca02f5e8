"""What `doctor` says of the walls between organisations."""

from __future__ import annotations

import pytest

from tests import servers
from tests.cli.conftest import Terminal
from tests.store.owners import admin, owned_database


def test_doctor_warns_of_missing_walls_with_what_an_administrator_runs(
    terminal: Terminal, worker_id: str, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(servers.DATABASE, postgresql_url)  # the terminal's environment is empty
    with owned_database(f"concord_doctor_{worker_id}") as url:
        monkeypatch.setenv("CONCORD_DATABASE_URL", url)
        monkeypatch.setenv("CONCORD_SECRET_KEY", "a" * 32)
        terminal.run("db", "upgrade")
        body = terminal.json("doctor")
        (found,) = (each for each in body["findings"] if each["what"] == "walls")
        assert body["healthy"]
        assert found["level"] == "warning"
        told, statements = found["cure"].split(" run in it: ")
        assert "administrator" in told
        with admin(url) as connection:
            connection.execute(statements.encode())
        (found,) = (each for each in terminal.json("doctor")["findings"] if each["what"] == "walls")
        assert found["level"] == "ok"

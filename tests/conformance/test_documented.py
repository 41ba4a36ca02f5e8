"""The connector that connectors/README.md shows, taken out of the page and held to the contract."""

from __future__ import annotations

import importlib.util
import json
import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from connectors.mapping import Codec
from connectors.port import Connector, ConnectorConfig
from connectors.records import Fields
from connectors.registry import Plugin
from tests.conformance.failing import FailingContract
from tests.conformance.reading import ReadingContract
from tests.conformance.writing import WritingContract

README = Path(__file__).resolve().parents[2] / "connectors" / "README.md"


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The page's Python blocks as one module."""
    blocks = re.findall(r"^```python\n(.*?)^```$", README.read_text(encoding="utf-8"), re.M | re.S)
    path = tmp_path_factory.mktemp("documented") / "ledger.py"
    path.write_text("\n".join(blocks), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("ledger", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class LedgerPlayground:
    """A Ledger file and the people who work in it."""

    refused = ("customer_name", "Too long. " * 10)
    unknown_ref = "999999"
    secrets: Sequence[str] = ()

    def __init__(self, ledger: ModuleType, path: Path) -> None:
        self.path, self.page, self._next = path, ledger.PAGE, ledger.NEXT
        self._codec = Codec(ledger.MAPPING)
        with closing(sqlite3.connect(path)) as file:
            file.executescript(ledger.SCHEMA)
        plugin: Plugin = ledger.PLUGIN
        config = ConnectorConfig(
            url=str(path), credentials={}, external_id=plugin.external_id, mapping=plugin.mapping
        )
        self.connector: Connector = plugin.build(config)

    def create(self, fields: Fields, key: str | None = None) -> str:
        sql = f"INSERT INTO customer (key, body, change) VALUES (?, json_patch('{{}}', ?), {self._next})"  # noqa: S608
        return str(self._run(sql + " RETURNING id", key, self._body(fields)))

    def edit(self, ref: str, fields: Fields) -> None:
        self._change("body = json_patch(body, ?)", self._body(fields), int(ref))

    def delete(self, ref: str) -> None:
        self._change("gone = ?", 1, int(ref))

    def undelete(self, ref: str) -> None:
        self._change("gone = ?", 0, int(ref))

    def merge(self, winner: str, loser: str) -> str:
        raise AssertionError("Ledger does not merge, and says so")

    def records(self) -> int:
        return int(self._run("SELECT count(*) FROM customer WHERE NOT gone"))

    def break_once(self, kind: str) -> None:
        pytest.skip(f"a file knows nothing of {kind}")

    def shut(self, *, shut: bool) -> None:
        away = self.path.with_suffix(".away")
        if shut:
            self.path.rename(away)
        else:
            away.rename(self.path)

    def freeze(self) -> None:
        pytest.skip("Ledger counts changes and has no clock")

    def stranger(self) -> Connector:
        pytest.skip("a file asks nobody for credentials")

    def _body(self, fields: Fields) -> str:
        return json.dumps(self._codec.encode(fields))

    def _change(self, what: str, *values: object) -> None:
        self._run(f"UPDATE customer SET {what}, change = {self._next} WHERE id = ?", *values)  # noqa: S608

    def _run(self, sql: str, *values: object) -> Any:
        with closing(sqlite3.connect(self.path)) as file, file:
            row = file.execute(sql, values).fetchone()
        return row[0] if row else None


@pytest.fixture
def crm(ledger: ModuleType, tmp_path: Path) -> LedgerPlayground:
    return LedgerPlayground(ledger, tmp_path / "ledger.db")


class TestReading(ReadingContract): ...


class TestWriting(WritingContract): ...


class TestFailing(FailingContract): ...

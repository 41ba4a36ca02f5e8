"""The conformance suite against the reference connector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from connectors.mapping import Codec
from connectors.memory import KEY, MAPPING, MemoryConnector
from connectors.memory_crm import MemoryCrm
from connectors.port import Connector, Write
from connectors.records import Fields
from tests.conformance.failing import FailingContract
from tests.conformance.reading import ReadingContract
from tests.conformance.writing import WritingContract


@dataclass
class MemoryPlayground:
    """A CRM in memory and the people in it."""

    crm: MemoryCrm
    connector: Connector
    page: int = 20
    refused: tuple[str, str] = ("customer_name", "Too long. " * 10)
    unknown_ref: str = "m999999"
    secrets: Sequence[str] = ()
    faults: list[str] = field(default_factory=list)
    closed: bool = False

    def create(self, fields: Fields, key: str | None = None) -> str:
        values = Codec(MAPPING).encode(fields)
        return self.crm.create(values if key is None else {**values, KEY: key})

    def edit(self, ref: str, fields: Fields) -> None:
        self.crm.edit(ref, Codec(MAPPING).encode(fields))

    def delete(self, ref: str) -> None:
        self.crm.delete(ref)

    def undelete(self, ref: str) -> None:
        self.crm.undelete(ref)

    def merge(self, winner: str, loser: str) -> str:
        self.crm.merge(winner, loser)
        return winner

    def records(self) -> int:
        return sum(each.presence == "live" for each in self.crm.records.values())

    def break_once(self, kind: str) -> None:
        if kind != "lost_answer":
            pytest.skip("a CRM in memory has no rate limit")
        self.faults.append(kind)

    def shut(self, *, shut: bool) -> None:
        self.closed = shut

    def freeze(self) -> None:
        pytest.skip("no two changes in memory have one time")

    def stranger(self) -> Connector:
        pytest.skip("a CRM in memory asks nobody for credentials")

    def fault(self, kind: str, write: Write | None) -> str | None:
        if self.closed:
            return "unavailable"
        return self.faults.pop() if self.faults and write is not None else None


@pytest.fixture(params=["conditional", "history"])
def crm(request: pytest.FixtureRequest) -> MemoryPlayground:
    memory = MemoryCrm(conditional_write=request.param == "conditional", page_size=20, lengths={"name": 80})
    playground = MemoryPlayground(memory, MemoryConnector(memory))
    memory.fault = playground.fault
    return playground


class TestReading(ReadingContract): ...


class TestWriting(WritingContract): ...


class TestFailing(FailingContract): ...

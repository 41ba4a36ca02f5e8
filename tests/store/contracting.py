"""Contracts as the tests of the store make, change and read them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from sync import contracts, customers
from sync.contract_input import ContractChange, ContractInput
from sync.contracts import Contract
from sync.errors import BadInput
from sync.intake import CustomerInput
from sync.store.billtables import contracts as table
from sync.store.connections import organisation
from sync.store.query import After, now
from tests.world import World

PHASE = {"name": "First", "start_date": "2026-01-01"}
EVERYTHING = After("created_at", False, None, 100)


def contract(customer_id: str, **fields: Any) -> dict[str, Any]:
    body = {"customer_id": customer_id, "name": "Plan", "status": "active", "currency": "EUR"}
    return {**body, "start_date": "2026-01-01", "phases": [PHASE], **fields}


def make(world: World, customer_id: str, **fields: Any) -> str:
    given = ContractInput.model_validate(contract(customer_id, **fields))
    return contracts.add(world.database, world.organisation_id, given, actor="ann")


def change(world: World, contract_id: str, *, version: int | None = None, **fields: Any) -> Contract:
    given = ContractChange.model_validate(fields)
    where = (world.database, world.organisation_id, contract_id)
    contracts.patch(*where, given, actor="bob", version=version)
    return get(world, contract_id)


def get(world: World, contract_id: str) -> Contract:
    with world.database.reading() as tx:
        return contracts.get(tx, world.organisation_id, contract_id)


def delete(world: World, contract_id: str, *, version: int | None = None) -> None:
    contracts.delete(world.database, world.organisation_id, contract_id, actor="bob", version=version)


def page(world: World, *conditions: Any, after: After = EVERYTHING) -> list[Contract]:
    with world.database.reading() as tx:
        return contracts.page(tx, world.organisation_id, conditions, after, at=now(tx))


def moment(world: World, seconds: float = 0) -> datetime:
    with world.database.reading() as tx:
        return now(tx) + timedelta(seconds=seconds)


def end(world: World, contract_id: str, at: datetime) -> None:
    """Let it end at a time, as if it had been made so."""
    with world.database.transaction() as tx:
        tx.execute(update(table).where(table.c.id == contract_id).values(end_date=at))


def refusals(world: World, **fields: Any) -> dict[str, Any]:
    """What is wrong with a new contract that is right but for these fields."""
    with pytest.raises(BadInput) as refused:
        make(world, fields.pop("customer_id", None) or world.add(), **fields)
    return refused.value.fields


def stranger(world: World) -> str:
    """A customer of another organisation."""
    with world.database.transaction() as tx:
        other = organisation(tx, "other")
    given = CustomerInput.model_validate({"customer_name": "X"})
    return customers.add(world.database, other, given, actor="x")

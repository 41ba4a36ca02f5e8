"""Contracts as programs make them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import update

from sync.store.billtables import contracts as table
from sync.store.query import now
from tests.web.api.conftest import Api

PHASE = {"name": "First", "start_date": "2026-01-01"}


def customer(api: Api, name: str = "Acme", **fields: Any) -> str:
    return str(api.post("/customers", {"customer_name": name, **fields})["id"])


def least(customer_id: str, **fields: Any) -> dict[str, Any]:
    """What a contract needs, and these fields."""
    body = {"customer_id": customer_id, "name": "Plan", "status": "active", "currency": "EUR"}
    return {**body, "start_date": "2026-01-01", "phases": [PHASE], **fields}


def make(api: Api, customer_id: str, **fields: Any) -> Any:
    return api.post("/contracts", least(customer_id, **fields))


def end(api: Api, contract_id: str) -> None:
    """Let a contract have ended a second ago."""
    with api.database.transaction() as tx:
        ended = {"end_date": now(tx) - timedelta(seconds=1)}
        tx.execute(update(table).where(table.c.id == contract_id.replace("-", "")).values(ended))

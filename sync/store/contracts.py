"""Contracts and their phases: read set-wise, with the status that they have at the moment of reading."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    tuple_,
    union,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from sync.core.contract import RUNNING, Phase, Status, current_phase, status_at
from sync.store.billtables import contracts, phases
from sync.store.query import After, Row, names, one_of, rows, sliced
from sync.store.schema import customers
from sync.store.session import Tx

_EXPIRED: ColumnElement[str] = literal_column(
    f"'{Status.EXPIRED}'"
)  # no parameter: the index of those that end has it, too


@dataclass(frozen=True, slots=True)
class StoredContract:
    """A contract's row with its phases, sorted by their start."""

    row: Row
    phases: Sequence[Row]

    @property
    def id(self) -> str:
        """The contract's id."""
        return str(self.row["id"])

    def status(self, at: datetime) -> Status:
        """What it is at a moment, whether or not the clock has been looked at since it ended."""
        return status_at(self.row["status"], self.row["end_date"], at)

    def times(self) -> list[Phase]:
        """When its phases run."""
        return [Phase(start_date=each["start_date"], end_date=each["end_date"]) for each in self.phases]

    def current_phase(self, at: datetime) -> Row | None:
        """The phase that runs at a moment."""
        number = current_phase(self.times(), self.row["end_date"], at)
        return None if number is None else self.phases[number]


def load(tx: Tx, organisation_id: str, contract_id: str, *, lock: bool = False) -> StoredContract | None:
    """One contract that is not deleted; locked if asked."""
    statement = _living(organisation_id).where(contracts.c.id == contract_id)
    found = _with_phases(tx, statement.with_for_update(key_share=True) if lock else statement)
    return found[0] if found else None


def page(
    tx: Tx, organisation_id: str, conditions: Sequence[ColumnElement[bool]], after: After
) -> list[StoredContract]:
    """A slice of the contracts that are not deleted and meet all conditions, in two statements."""
    return _with_phases(tx, sliced(_living(organisation_id).where(*conditions), contracts, after))


def _living(organisation_id: str) -> Select[Any]:
    return select(contracts).where(
        contracts.c.organisation_id == organisation_id, contracts.c.deleted_at.is_(None)
    )


def _with_phases(tx: Tx, statement: Select[Any]) -> list[StoredContract]:
    """The contracts of a select, which are all of one organisation."""
    found = rows(tx, statement)
    parts: dict[str, list[Row]] = {row["id"]: [] for row in found}
    if parts:
        mine = phases.c.organisation_id == found[0]["organisation_id"]
        under = select(phases).where(mine, one_of(phases.c.contract_id, parts))
        for row in rows(tx, under.order_by(phases.c.contract_id, phases.c.start_date)):
            parts[row["contract_id"]].append(row)
    return [StoredContract(row, parts[row["id"]]) for row in found]


def of_customer(customer_id: str) -> ColumnElement[bool]:
    """Condition: it bills this customer."""
    return contracts.c.customer_id == customer_id


def by_ids(ids: Iterable[str]) -> ColumnElement[bool]:
    """Condition: one of these ids."""
    return one_of(contracts.c.id, ids)


def in_currency(currency: str) -> ColumnElement[bool]:
    """Condition: its amounts are in this currency."""
    return contracts.c.currency == currency


def has_status(status: Status, at: datetime) -> ColumnElement[bool]:
    """Condition: this is its status at a moment."""
    if status is Status.EXPIRED:
        return or_(contracts.c.status == status.value, contracts.c.end_date <= at)
    return and_(contracts.c.status == status.value, _runs(at))


def _runs(at: datetime) -> ColumnElement[bool]:
    return or_(contracts.c.end_date.is_(None), contracts.c.end_date > at)


def count_running(tx: Tx, organisation_id: str, customer_id: str, at: datetime) -> int:
    """Contracts that run at a moment and bill this customer, or are paid by it, as payer or as parent."""
    running = select(contracts.c.id).where(*_running(organisation_id, at))
    own = or_(contracts.c.customer_id == customer_id, contracts.c.invoice_payer_customer_id == customer_id)
    child = and_(
        customers.c.organisation_id == organisation_id,
        customers.c.id == contracts.c.customer_id,
        names(customers.c.parent_customer_id, customer_id),
    )
    found = union(
        running.where(own), running.join(customers, child).where(contracts.c.bill_parent_customer.is_(True))
    )
    return int(tx.execute(select(func.count()).select_from(found.subquery())).scalar_one())


def held_to_parents(tx: Tx, organisation_id: str, customer_ids: Iterable[str], at: datetime) -> set[str]:
    """Those of these customers who have contracts that run at a moment and bill their parent."""
    statement = select(contracts.c.customer_id).where(
        *_running(organisation_id, at),
        one_of(contracts.c.customer_id, customer_ids),
        contracts.c.bill_parent_customer.is_(True),
    )
    return set(tx.execute(statement).scalars())


def _running(organisation_id: str, at: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        contracts.c.organisation_id == organisation_id,
        contracts.c.deleted_at.is_(None),
        contracts.c.status.in_([each.value for each in RUNNING]),
        _runs(at),
    )


def add(tx: Tx, row: Row, parts: Sequence[Row]) -> bool:
    """Insert a contract with its phases; False if the organisation has one of this id, living or deleted."""
    dialect = postgresql if tx.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(contracts).values(row).on_conflict_do_nothing()
    if tx.execute(statement.returning(contracts.c.id)).first() is None:
        return False
    _put_phases(tx, row, parts)
    return True


def change(
    tx: Tx, stored: StoredContract, values: Mapping[str, Any], parts: Sequence[Row] | None, at: datetime
) -> None:
    """Set columns of a locked contract, and replace its phases if there are new ones."""
    news = {**values, "version": stored.row["version"] + 1, "updated_at": at}
    mine = stored.row["organisation_id"]
    one = (contracts.c.id == stored.id, contracts.c.organisation_id == mine)
    tx.execute(update(contracts).where(*one).values(news))
    if parts is not None:
        tx.execute(delete(phases).where(phases.c.contract_id == stored.id, phases.c.organisation_id == mine))
        _put_phases(tx, stored.row, parts)


def _put_phases(tx: Tx, contract: Row, parts: Sequence[Row]) -> None:
    above = {"contract_id": contract["id"], "organisation_id": contract["organisation_id"]}
    tx.execute(insert(phases), [{**each, **above} for each in parts])


def ended(tx: Tx, at: datetime, *, limit: int, lock: bool = False) -> list[Row]:
    """Contracts of all organisations that have ended and are not called expired yet, the earliest first.

    Those that another transaction holds are left to it.
    """
    statement = (
        select(contracts.c.id, contracts.c.organisation_id, contracts.c.status)
        .where(contracts.c.end_date <= at, contracts.c.status != _EXPIRED, contracts.c.deleted_at.is_(None))
        .order_by(contracts.c.end_date)
        .limit(limit)
    )
    return rows(tx, statement.with_for_update(skip_locked=True, key_share=True) if lock else statement)


def expire(tx: Tx, ended: Sequence[Row], at: datetime) -> None:
    """Call locked contracts expired."""
    keys = [(row["id"], row["organisation_id"]) for row in ended]
    tx.execute(
        update(contracts)
        .where(tuple_(contracts.c.id, contracts.c.organisation_id).in_(keys))
        .values(status=Status.EXPIRED.value, version=contracts.c.version + 1, updated_at=at)
    )

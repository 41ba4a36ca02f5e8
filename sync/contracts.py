"""Contracts: what a customer is billed by, phase after phase. Every change is audited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement

from connectors.records import JSON
from sync.billing import refused
from sync.clock import new_id
from sync.contract_input import ContractChange, ContractInput
from sync.core import normalise
from sync.core.contract import Phase, Status, Terms, change_problems, first_problem, move_problem, problems
from sync.errors import NotFoundError, Taken
from sync.store import audit, contracts, customers
from sync.store.contracts import StoredContract
from sync.store.customers import StoredCustomer
from sync.store.query import After, Row, expect, now
from sync.store.session import Database, Tx

WHAT = "contract"
_PAYER, _PARENT = "invoice_payer_customer_id", "bill_parent_customer"
_PEOPLE = frozenset({"customer_id", _PAYER, _PARENT})


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract as it is at a moment, with the customer whom it bills, and who pays if that is another."""

    stored: StoredContract
    customer: StoredCustomer
    payer: StoredCustomer | None
    at: datetime

    @property
    def status(self) -> Status:
        """What it is."""
        return self.stored.status(self.at)

    @property
    def current_phase(self) -> Row | None:
        """The phase that runs."""
        return self.stored.current_phase(self.at)


def add(database: Database, organisation_id: str, given: ContractInput, *, actor: str) -> str:
    """Make a contract; returns its id.

    Raises:
        BadInput: a field is wrong, or names a customer that is not there.
        Taken: the id that was given is another contract's.
    """
    values = given.model_dump(exclude={"id", "phases"})
    parts = _parts(given)
    wrong: dict[str, JSON] = {**problems(_terms(values, [each.times() for each in given.phases]))}
    if why := first_problem(given.status):
        wrong["status"] = why
    if wrong:
        raise refused(WHAT, wrong)
    with database.transaction() as tx:
        if wrong := _people_problems(tx, organisation_id, values, _PEOPLE):
            raise refused(WHAT, wrong)
        at = now(tx)
        made = given.id or new_id()
        row = {"id": made, "organisation_id": organisation_id, **values, "version": 1}
        row |= {"created_at": at, "updated_at": at, "deleted_at": None}
        if not contracts.add(tx, row, parts):
            why = "is another contract's"
            raise Taken(f"The contract cannot be taken: id: {why}.", fields={"id": why})
        fields = {name: [None, value] for name, value in {**values, "phases": parts}.items()}
        _note(tx, organisation_id, made, actor=actor, action="contract.added", fields=fields)
    return made


def get(tx: Tx, organisation_id: str, contract_id: str) -> Contract:
    """One contract.

    Raises:
        NotFoundError: there is none of this id, or it is deleted.
    """
    return _whole(tx, organisation_id, [_found(tx, organisation_id, contract_id)], now(tx))[0]


def page(
    tx: Tx, organisation_id: str, conditions: Sequence[ColumnElement[bool]], after: After, *, at: datetime
) -> list[Contract]:
    """A slice of the contracts that meet all conditions, as they are at a moment.

    The number of statements does not depend on the number of contracts.
    """
    return _whole(tx, organisation_id, contracts.page(tx, organisation_id, conditions, after), at)


def patch(
    database: Database,
    organisation_id: str,
    contract_id: str,
    given: ContractChange,
    *,
    actor: str,
    version: int | None,
) -> None:
    """Set the given fields of a contract, unless it has changed since it was read.

    The phases are replaced as a whole, and so are tags, source and custom attributes.

    Raises:
        NotFoundError: there is no such contract.
        VersionMoved: it has another version.
        BadInput: a value is wrong, or may not change any more.
    """
    with database.transaction() as tx:
        stored = _found(tx, organisation_id, contract_id, lock=True)
        expect(stored.row, version)
        at = now(tx)
        present = {**stored.row, "status": stored.status(at).value, "phases": [*map(_part, stored.phases)]}
        wanted = given.given()
        if "phases" in given.model_fields_set:
            wanted["phases"] = _parts(given)
        news = {name: value for name, value in wanted.items() if not normalise.equal(present[name], value)}
        if not news:
            return
        times = [each.times() for each in given.phases] if "phases" in news else stored.times()
        if wrong := _change_problems(tx, organisation_id, present, news, times):
            raise refused(WHAT, wrong)
        _note(
            tx,
            organisation_id,
            contract_id,
            actor=actor,
            action="contract.changed",
            fields={name: [present[name], value] for name, value in news.items()},
        )
        parts = news.pop("phases", None)
        contracts.change(tx, stored, news, parts, at)


def delete(
    database: Database, organisation_id: str, contract_id: str, *, actor: str, version: int | None
) -> None:
    """Delete a contract, whatever its status; it is kept for the record, and shown no more.

    Raises:
        NotFoundError: there is no such contract.
        VersionMoved: it has another version.
    """
    with database.transaction() as tx:
        stored = _found(tx, organisation_id, contract_id, lock=True)
        expect(stored.row, version)
        at = now(tx)
        contracts.change(tx, stored, {"deleted_at": at}, None, at)
        _note(tx, organisation_id, contract_id, actor=actor, action="contract.deleted", fields={})


def _found(tx: Tx, organisation_id: str, contract_id: str, *, lock: bool = False) -> StoredContract:
    stored = contracts.load(tx, organisation_id, contract_id, lock=lock)
    if stored is None:
        raise NotFoundError("There is no contract of this id.")
    return stored


def _whole(tx: Tx, organisation_id: str, found: Sequence[StoredContract], at: datetime) -> list[Contract]:
    ids = {each.row[name] for each in found for name in ("customer_id", _PAYER)} - {None}
    people = {each.id: each for each in customers.some(tx, organisation_id, ids)} if ids else {}
    return [
        Contract(each, people[each.row["customer_id"]], people.get(each.row[_PAYER]), at) for each in found
    ]


def _locked(tx: Tx, organisation_id: str, ids: set[str]) -> dict[str, StoredCustomer]:
    if not ids:
        return {}
    found = customers.load(tx, organisation_id, customers.by_ids(ids), lock=True)
    return {each.id: each for each in found}


def _change_problems(
    tx: Tx, organisation_id: str, present: Row, news: Row, times: Sequence[Phase]
) -> dict[str, JSON]:
    values, status = {**present, **news}, Status(present["status"])
    wrong: dict[str, JSON] = {**problems(_terms(values, times)), **change_problems(status, news)}
    if why := move_problem(status, values["status"]):
        wrong["status"] = why
    # A draft does not keep its customer, nor who pays, from being deleted: they are looked for anew.
    begins = "status" in news and status is Status.DRAFT
    return wrong | _people_problems(tx, organisation_id, values, _PEOPLE if begins else _PEOPLE & set(news))


def _people_problems(tx: Tx, organisation_id: str, values: Row, asked: Set[str]) -> dict[str, JSON]:
    """Which of the customers that are asked about are not there; those that are stay until the end.

    Contracts are locked before customers, those in the order of their ids, and their parents last, as where
    a customer is given its parent: nobody waits in a ring.
    """
    if not asked:
        return {}
    ids = {values["customer_id"], values[_PAYER]} - {None}
    people = _living(_locked(tx, organisation_id, ids))
    unknown = "there is no such customer"
    wrong: dict[str, JSON] = {
        name: unknown
        for name in ("customer_id", _PAYER)
        if name in asked and values[name] is not None and values[name] not in people
    }
    customer = people.get(values["customer_id"])
    if _PARENT in asked and values[_PARENT] and customer and not _has_parent(tx, organisation_id, customer):
        wrong[_PARENT] = "the customer has no parent customer to bill"
    return wrong


def _living(people: Mapping[str, StoredCustomer]) -> dict[str, StoredCustomer]:
    return {name: each for name, each in people.items() if each.row["deleted_at"] is None}


def _has_parent(tx: Tx, organisation_id: str, customer: StoredCustomer) -> bool:
    parent = str(customer.row["parent_customer_id"] or "").replace("-", "").lower()
    return bool(parent and _living(_locked(tx, organisation_id, {parent})))


def _terms(values: Mapping[str, Any], phases: Sequence[Phase]) -> Terms:
    names = ("currency", "start_date", "end_date", "renewal_policy", "contract_link")
    return Terms(**{name: values[name] for name in names}, phases=phases)


def _parts(given: ContractChange) -> list[Row]:
    """The phases as they are kept, sorted by their start."""
    return sorted((_part(each.model_dump()) for each in given.phases), key=lambda each: each["start_date"])


def _part(row: Row) -> Row:
    return {name: row[name] for name in ("name", "start_date", "end_date", "description", "pricings")}


def _note(
    tx: Tx, organisation_id: str, contract_id: str, *, actor: str, action: str, fields: Mapping[str, Any]
) -> None:
    details: dict[str, JSON] = {"fields": dict(fields)}
    audit.write(tx, organisation_id, actor=actor, action=action, subject=contract_id, details=details)

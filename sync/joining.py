"""A new customer joined with the CRM record that its maker says it comes from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

from sync.clock import new_id
from sync.core.match import LinkState, key_pair
from sync.errors import BadInput, Taken
from sync.intake import ConnectorInput
from sync.store import connections, links
from sync.store.connections import StoredConnection
from sync.store.session import Tx
from sync.taking import one_of_two
from sync.touched import look_again, waiting_for

ReadRef: TypeAlias = Callable[[str, str], str]
"""(connector's name, record's id as a person has it) → the id as the connector gives it."""


def join(
    tx: Tx,
    organisation_id: str,
    customer: tuple[str, str | None],
    given: ConnectorInput,
    at: datetime,
    *,
    read_ref: ReadRef,
) -> None:
    """Link a customer and a record, and ask for the record to be fetched and reconciled as any first link.

    Nothing moves before the record was read: the link has no baseline, and the address check stands before
    every field.

    Args:
        tx: the transaction that makes the customer.
        organisation_id: whose it is.
        customer: its id and external id.
        given: what it comes from.
        at: now.
        read_ref: how an id is read.

    Raises:
        BadInput: there is no such connection, or several connections of that CRM.
        Taken: the record is linked to another customer.
    """
    (customer_id, external_id), connection = customer, _connection(tx, organisation_id, given.name)
    ref = read_ref(str(connection.row["connector"]), given.reference_id)

    def refuse_linked() -> None:
        """A link that a person has undone is no link; it gives way to one that is asked for."""
        present = links.load(tx, connection.id, links.by_refs([ref]), lock=True)
        if any(each.row["state"] != LinkState.DETACHED.value for each in present):
            why = "this record is linked to another customer"
            raise Taken(f"connector.reference_id: {why}.", fields={"connector.reference_id": why})
        links.delete(tx, [each.id for each in present])

    refuse_linked()
    row = links.new_row(
        link_id=new_id(),
        organisation_id=organisation_id,
        connection_id=connection.id,
        customer_id=customer_id,
        ref=ref,
        state=LinkState.ACTIVE,
        baseline={},
        map_version=connection.map_version,
        planned_version=0,
        dirty_why=None,
        observed_at=at,
        at=at,
    )
    # It was said that they belong together, so our key goes to a record that has none.
    row["accepted_key"] = key_pair(external_id, None)
    with one_of_two(tx, refuse_linked):
        links.insert_many(tx, [row])
    others = waiting_for(tx, organisation_id, connection.id, [ref])
    look_again(tx, organisation_id, connection.id, [ref, *sorted(others)])


def _connection(tx: Tx, organisation_id: str, name: str) -> StoredConnection:
    known = connections.listing(tx, organisation_id)
    named = [each for each in known if each.name == name] or [
        each for each in known if each.row["connector"] == name
    ]
    if len(named) != 1:
        why = "several connections are of this CRM; name one" if named else "there is no such connection"
        raise BadInput(f"connector.name: {why}.", fields={"connector.name": why})
    return named[0]

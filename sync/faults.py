"""All that keeps a customer from being taken, at once: for people, who are told field by field.

Each rule is the one by which `customers.add` and `customers.patch` refuse; these stop at the first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pydantic import ValidationError

from connectors.records import JSON
from sync.billed import refuse_another_parent
from sync.core import normalise
from sync.errors import BadInput
from sync.intake import CustomerChange, CustomerInput, checked
from sync.references import resolved
from sync.rules import problems_of
from sync.store.customers import StoredCustomer
from sync.store.session import Tx
from sync.taking import refuse_large, refuse_taken


def faults(
    tx: Tx,
    organisation_id: str,
    given: Mapping[str, JSON],
    present: StoredCustomer | None,
) -> dict[str, str]:
    """Field → reason of each that cannot be taken; nothing is written.

    Args:
        tx: where the others are looked up.
        organisation_id: whose it is.
        given: the fields, as they came in.
        present: the customer whom they change; None for a new one.
    """
    wrong: dict[str, str] = {}

    def note(fields: Mapping[str, JSON]) -> None:
        for name, why in fields.items():
            wrong.setdefault(name, str(why))

    def hold(rule: Callable[[], object]) -> None:
        try:
            rule()
        except BadInput as error:
            note(error.fields)

    parsed: CustomerChange
    try:
        parsed = (CustomerInput if present is None else CustomerChange).model_validate(given)
    except ValidationError as error:
        note(problems_of(error))
        amiss = {name.partition(".")[0] for name in wrong} | {"connector"}
        # What can be read is judged all the same.
        parsed = CustomerChange.model_validate({k: v for k, v in given.items() if k not in amiss})
    hold(lambda: checked(parsed))
    external_id, fields = normalise.external_id(parsed.external_id), parsed.given()
    but = present.id if present else None
    hold(lambda: refuse_large(fields, present.row if present else None))
    hold(lambda: refuse_taken(tx, organisation_id, external_id, fields, but=but))
    if present is not None:
        hold(lambda: refuse_another_parent(tx, organisation_id, present, fields))
    hold(lambda: resolved(tx, organisation_id, but, fields, lock=False))
    return wrong

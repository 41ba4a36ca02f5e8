"""A contact of a customer: added, edited, removed."""

from __future__ import annotations

from typing import Any

from fastapi.responses import Response

from sync import contacts as use
from sync.billing import parse
from sync.customers import living
from sync.errors import BadInput, NotFoundError, VersionMoved
from sync.store.query import Row
from sync.store.session import Tx
from web.pages.customer_input import Note, Notes, said_of
from web.pages.finding import id_of, version_of
from web.pages.render import redirect, render
from web.pages.visit import Visit

TEXTS = ("email", "first_name", "last_name")
FLAGS = ("send_contract", "send_invoice")
MOVED = "Somebody was faster: the contact has changed since you opened it. Nothing was written."


def new(asked: Visit) -> Response:
    """The form of a new contact."""
    return _page(asked, None, dict.fromkeys((*TEXTS, *FLAGS), ""))


def edit(asked: Visit) -> Response:
    """The form of a contact, as it is."""
    with asked.database.reading() as tx:
        row = _contact(asked, tx)
    return _page(asked, row, _values(row))


def add(asked: Visit) -> Response:
    """Add it."""
    customer_id, given = id_of(asked, "customer", "customer"), _given(asked)
    with asked.database.reading() as tx:
        living(tx, asked.caller.organisation_id, customer_id)
    try:
        parsed = parse(use.ContactInput, {**given, "customer_id": customer_id}, "contact")
        use.create(asked.database, asked.caller.organisation_id, parsed, actor=asked.caller.actor)
    except BadInput as error:
        return _page(asked, None, given, error)
    return _back(asked, "contact-added")


def save(asked: Visit) -> Response:
    """Save it; if somebody was faster, nothing is written, and the fresh values are shown."""
    given = _given(asked)
    with asked.database.reading() as tx:
        row = _contact(asked, tx)
    try:
        parsed = parse(use.ContactChange, given, "contact")
        use.change(
            asked.database,
            asked.caller.organisation_id,
            row["id"],
            parsed,
            actor=asked.caller.actor,
            version=version_of(asked),
        )
    except BadInput as error:
        return _page(asked, row, given, error)
    except VersionMoved:
        return _fresh(asked, given)
    return _back(asked, "contact-saved")


def remove(asked: Visit) -> Response:
    """Remove it."""
    with asked.database.reading() as tx:
        row = _contact(asked, tx)
    try:
        use.delete(
            asked.database,
            asked.caller.organisation_id,
            row["id"],
            actor=asked.caller.actor,
            version=version_of(asked),
        )
    except VersionMoved:
        return _fresh(asked)
    return _back(asked, "contact-removed")


def _fresh(asked: Visit, sent: dict[str, Any] | None = None) -> Response:
    with asked.database.reading() as tx:
        row = _contact(asked, tx)
    now = _values(row)
    mine = {name: value for name, value in (sent or {}).items() if value != now[name]}
    typed: Notes = {name: Note("waiting", f"Your form said: {_told(value)}.") for name, value in mine.items()}
    return _page(asked, row, now, problem=MOVED, status=409, typed=typed)


def _told(value: str | bool) -> str:
    return value or "nothing" if isinstance(value, str) else ("yes" if value else "no")


def _page(
    asked: Visit,
    row: Row | None,
    values: dict[str, Any],
    error: BadInput | None = None,
    *,
    problem: str = "",
    status: int = 200,
    typed: Notes | None = None,
) -> Response:
    with asked.database.reading() as tx:
        customer = living(tx, asked.caller.organisation_id, id_of(asked, "customer", "customer"))
    return render(
        asked,
        "contact_edit.html",
        status=422 if error else status,
        customer=customer,
        contact=row,
        values=values,
        notes=said_of(error) if error else (typed or {}),
        problem=problem,
    )


def _contact(asked: Visit, tx: Tx) -> Row:
    row = use.get(tx, asked.caller.organisation_id, id_of(asked, "contact", "contact"))
    if row["customer_id"] != id_of(asked, "customer", "customer"):
        raise NotFoundError("There is no contact of this id.")
    return row


def _values(row: Row) -> dict[str, Any]:
    return {**{name: row[name] or "" for name in TEXTS}, **{name: row[name] for name in FLAGS}}


def _given(asked: Visit) -> dict[str, Any]:
    texts = {name: asked.given(name).strip() for name in TEXTS}
    return {**texts, **{name: bool(asked.given(name)) for name in FLAGS}}


def _back(asked: Visit, said: str) -> Response:
    return redirect(asked, f"/desk/customers/{id_of(asked, 'customer', 'customer')}?said={said}#contacts")

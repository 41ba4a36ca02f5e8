"""Adding a customer and editing one: a form of every field, judged as it is typed and when it is sent."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import orjson
from fastapi.responses import Response

from connectors.registry import read_ref
from sync import customers as use
from sync import entities
from sync.clock import new_id
from sync.core import taxids
from sync.core.address.form import address_form, countries
from sync.errors import BadInput, VersionMoved
from sync.intake import CustomerChange, CustomerInput
from sync.store import connections, customers
from sync.store.customers import StoredCustomer
from sync.store.session import Database, Tx
from web.api.once import Once
from web.pages import entered as forms
from web.pages import words
from web.pages.customer_input import MISSING, Note, Notes, Reading, read
from web.pages.entered import Entered
from web.pages.finding import id_of
from web.pages.render import redirect, render
from web.pages.visit import Visit
from web.problems import Refusal

LIST = "/desk/customers"
MOST = 500
"""Legal entities that are offered."""
USED = "This form has added a customer already. Press Add again to add another one."

_LABELS = {
    "tax": "Tax number",
    "connector": "Comes from",
    "custom_data": "Custom data",
    "custom_attributes": "Tags",
}


def new(asked: Visit) -> Response:
    """The form of a new customer."""
    return _page(asked, None, forms.blank())


def edit(asked: Visit) -> Response:
    """The form of a customer, as it is."""
    with asked.database.reading() as tx:
        customer = _customer(asked, tx)
        shown = _shown(tx, asked, customer)
    return _page(asked, customer, shown)


def add(asked: Visit) -> Response:
    """Add it, once however often this form is sent."""
    given, caller = forms.of_form(asked), asked.caller
    if rows := _other_rows(asked, given):
        return _page(asked, None, rows)
    made = Reading()

    def effect(database: Database) -> Response:
        nonlocal made
        with database.transaction() as tx:
            made = read(tx, caller.organisation_id, given, None, None)
        if made.wrong or not _accepted(asked, made):
            raise BadInput("Look at what is said of it.", fields={})
        customer_id = use.add(
            database,
            caller.organisation_id,
            CustomerInput.model_validate(made.data),
            actor=caller.actor,
            read_ref=read_ref,
        )
        return redirect(asked, f"{LIST}/{customer_id}?said=added")

    key = asked.given("once")
    digest = sha256(orjson.dumps(given.parts(), option=orjson.OPT_SORT_KEYS)).digest()
    try:
        done = Once(caller, f"desk:{key[:64]}" if key else None, digest)(effect)
    except BadInput as error:
        made.blame(error.fields)
        known = made.wrong or made.doubts
        return _page(asked, None, given, made, problem="" if known else error.reason)
    except Refusal as error:
        if error.status != 422:
            raise
        return _page(asked, None, given, made, problem=USED)
    asked.site.wake()
    return redirect(asked, done.headers["Location"])


def save(asked: Visit) -> Response:
    """Save what has changed; if somebody was faster, nothing is written, and the fresh values are shown."""
    given, caller = forms.of_form(asked), asked.caller
    with asked.database.reading() as tx:
        customer = _customer(asked, tx)
        shown = _shown(tx, asked, customer)
        if str(customer.row["version"]) != asked.given("version"):
            return _moved(asked, customer, shown, given)
        if rows := _other_rows(asked, given):
            return _page(asked, customer, rows)
        made = read(tx, caller.organisation_id, given, shown.parts(), customer)
    if made.wrong or not _accepted(asked, made):
        return _page(asked, customer, given, made)
    try:
        use.patch(
            asked.database,
            caller.organisation_id,
            customer.id,
            CustomerChange.model_validate(made.data),
            actor=caller.actor,
            version=customer.row["version"],
        )
    except BadInput as error:
        made.blame(error.fields)
        return _page(asked, customer, given, made, problem="" if error.fields else error.reason)
    except VersionMoved:
        with asked.database.reading() as tx:
            customer = _customer(asked, tx)
            shown = _shown(tx, asked, customer)
        return _moved(asked, customer, shown, given)
    asked.site.wake()
    return redirect(asked, f"{LIST}/{customer.id}?said=saved")


def check(asked: Visit) -> Response:
    """What is to be said of the part of the form that was just typed."""
    given = forms.of_form(asked)
    trigger = asked.request.headers.get("hx-trigger", "").removeprefix("at-")
    with asked.database.reading() as tx:
        customer = _customer(asked, tx) if "customer" in asked.request.path_params else None
        shown = _shown(tx, asked, customer).parts() if customer else None
        made = read(tx, asked.caller.organisation_id, given, shown, customer)
    part, _, rest = trigger.partition("-")
    notes = {
        slot: each
        for slot, each in made.notes.items()
        if slot.partition("-")[0] == part and not (each.mark == "waiting" and MISSING in each.text.lower())
    }
    return render(
        asked,
        "customer_check.html",
        part=part,
        notes=notes,
        slots=_slots(part, given),
        country_moved=rest == "in",
        **_choices(given),
    )


def _slots(part: str, given: Entered) -> list[str]:
    if part in forms.ADDRESSES:
        return [part, *(f"{part}-{each}" for each in ("in", *(each for each in address_form(None)))[:-2])]
    if part == "tax":
        return [part, *(f"tax-{row}" for row in range(len(given.taxes)))]
    return [part] if part in forms.PARTS else []


def _page(
    asked: Visit,
    customer: StoredCustomer | None,
    given: Entered,
    made: Reading | None = None,
    *,
    problem: str = "",
    status: int = 200,
    typed: Notes | None = None,
    base: Entered | None = None,
) -> Response:
    notes = {**(made.notes if made else {}), **(typed or {})}
    amiss = made is not None and bool(made.wrong or problem)
    with asked.database.reading() as tx:
        offered = entities.page(tx, asked.caller.organisation_id, limit=MOST)
        places = [] if customer else connections.listing(tx, asked.caller.organisation_id)
    was = asked.given("was") if base is None and asked.given("was") else (base or given).digests()
    return render(
        asked,
        "customer_edit.html",
        status=status if not (amiss or (made and made.doubts)) else 422,
        customer=customer,
        form=given,
        notes=notes,
        listed=[(slot, each) for slot, each in notes.items() if each.mark in ("bad", "waiting")],
        problem=problem,
        amiss=amiss,
        stale=typed is not None,
        doubts=_mark(made) if made and made.doubts and not made.wrong else "",
        entities=offered,
        places=places,
        was=was,
        once=new_id() if problem == USED or not asked.given("once") else asked.given("once"),
        label=_label,
        **_choices(given),
    )


def _choices(given: Entered) -> dict[str, Any]:
    return {
        "countries": countries(),
        "rules": {name: address_form(given.country(name)) for name in forms.ADDRESSES},
        "regions": {name: forms.region_of(given, name) for name in forms.ADDRESSES},
        "as_it_is": forms.AS_IT_IS,
        "entered": given,
        "kinds": taxids.kinds(),
    }


def _label(slot: str) -> str:
    """What the input of a slot is called where it is listed with others."""
    top, _, rest = slot.partition("-")
    if top in _LABELS:
        return _LABELS[top]
    return (
        f"{words.field(top)}: {words.field('country' if rest == 'in' else rest)}"
        if rest
        else words.field(top)
    )


def _moved(asked: Visit, customer: StoredCustomer, fresh: Entered, given: Entered) -> Response:
    """The fresh values, with what this person had typed beside them."""
    try:
        was = orjson.loads(asked.given("was"))
    except orjson.JSONDecodeError:
        was = {}
    was = was if isinstance(was, dict) else {}
    mine, now = given.parts(), fresh.parts()
    typed: Notes = {}
    for name, value in mine.items():
        if was.get(name) != forms.digest(value) and value != now[name]:
            typed[name] = Note("waiting", f"You had typed: {_told(name, value)}")
    return _page(asked, customer, fresh, status=409, typed=typed, base=fresh)


def _told(name: str, value: Any) -> str:
    if name in forms.FLAGS:
        return "yes" if value else "no"
    if isinstance(value, dict):
        value = ", ".join(str(each) for each in value.values() if each)
    elif isinstance(value, list):
        value = ", ".join(f"{kind} {number}" for kind, number in value)
    return str(value) or "nothing"


def _other_rows(asked: Visit, given: Entered) -> Entered | None:
    """The form with one more row for a tax number, or without one; None if neither was asked for."""
    if asked.given("more"):
        return Entered(given.texts, [*given.taxes, ("", "")][: forms.MOST_TAXES])
    gone = asked.given("drop")
    if gone.isascii() and gone.isdecimal():
        return Entered(given.texts, [each for row, each in enumerate(given.taxes) if row != int(gone[:6])])
    return None


def _accepted(asked: Visit, made: Reading) -> bool:
    """Whether there are no doubts, or exactly those that the person has seen."""
    return not made.doubts or asked.given("accepted") == _mark(made)


def _mark(made: Reading) -> str:
    said = {slot: each.text for slot, each in made.doubts.items()}
    return forms.digest([said, made.data])


def _customer(asked: Visit, tx: Tx) -> StoredCustomer:
    return use.living(tx, asked.caller.organisation_id, id_of(asked, "customer", "customer"))


def _shown(tx: Tx, asked: Visit, customer: StoredCustomer) -> Entered:
    kept = str(customer.row["parent_customer_id"] or "")
    parent = customers.one(tx, asked.caller.organisation_id, kept.replace("-", "").lower()) if kept else None
    name = (parent.row["external_id"] or parent.id) if parent and not parent.row["deleted_at"] else kept
    return forms.of_customer(customer, str(name))

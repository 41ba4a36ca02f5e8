"""One customer: what is kept of it, what each CRM has, its people, contracts and credit, and its history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi.responses import Response

from connectors.port import Presence
from connectors.records import ADDRESS_FIELDS, Address, to_json
from sync import contacts, contracts, wallets
from sync.clock import plain_id
from sync.contracts import Contract
from sync.core import money
from sync.core.address import Validity, validity
from sync.customers import living
from sync.store import billing, connections, customers, history
from sync.store import contracts as contract_store
from sync.store import wallets as ledgers
from sync.store.billtables import business_entities
from sync.store.customers import StoredCustomer
from sync.store.history import Place, place_of
from sync.store.query import After, Row, now
from sync.store.session import Tx
from sync.users import UserRole
from web.api.links import LinkOut, links_shown
from web.api.types import bounded
from web.pages import deeds, values
from web.pages.finding import id_of, text_of
from web.pages.question import place
from web.pages.render import render
from web.pages.values import Sides
from web.pages.visit import Visit
from web.problems import Refusal

MOST = 100
"""Contacts, contracts and wallets that the page shows of each."""
ENTRIES = 10
LONGEST_SEQ = 18  # digits, within eight bytes
PAGE = 30
SPAN = timedelta(days=365)
WIDTH = 600
TOLD = {
    "added": "Added. Where a CRM has no record of it yet, one is made.",
    "contact-added": "The contact is added.",
    "contact-saved": "The contact is saved.",
    "contact-removed": "The contact is removed.",
    "wallet-made": "The wallet is made; there is nothing in it yet.",
    "wallet-saved": "The wallet is saved.",
    "added-to": "The credit is added.",
    "deducted": "The credit is deducted.",
    "saved": "Saved. CRMs get what they do not have yet with the next sync.",
}
_TEXTS = ("external_id", "customer_name", "email", "phone_number")
_FLAGS = ("communications_enabled", "auto_charge_enabled")


@dataclass(frozen=True, slots=True)
class Detail:
    """A field of the customer in words; of an address also whether it fits its country."""

    path: str
    text: str
    validity: Validity | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """A phase in the drawing of a contract: where it begins, how wide it is, whether it runs."""

    x: float
    width: float
    runs: bool


def show(asked: Visit) -> Response:
    """The page."""
    customer_id, mine = id_of(asked, "customer", "customer"), asked.caller.organisation_id
    live = text_of(asked, "live") == "1"
    with asked.database.reading() as tx:
        at = now(tx)
        customer = living(tx, mine, customer_id)
        people = contacts.page(tx, mine, customer_id=customer_id, limit=MOST + 1)
        billed = _contracts(tx, mine, customer_id, at)
        purses = wallets.page(tx, mine, customer_id=customer_id, limit=MOST + 1)
        entries = ledgers.latest(tx, [row["id"] for row in purses[:MOST]], each=ENTRIES)
        also = [row["id"] for row in (*people, *purses)] + [each.stored.id for each in billed]
        past = history.of_customer(tx, mine, customer_id, also=also, after=None, limit=PAGE + 1)
        parent = _other(tx, mine, customer.row["parent_customer_id"])
        entity = _entity(tx, mine, customer.row["business_entity_id"])
        places = connections.named(tx, mine)
        known = {each.id: each for each in connections.listing(tx, mine)}
    links = links_shown(asked.caller, customer_id, live=live)
    return render(
        asked,
        "customer.html",
        customer=customer,
        details=_details(customer),
        customs=_customs(customer),
        parent=parent,
        entity=entity,
        links=[
            (each, _sides(customer, each), place(known.get(each.connection.id), each.ref)) for each in links
        ],
        live=live,
        people=people[:MOST],
        contracts=[(each, _bars(each, at)) for each in billed[:MOST]],
        wallets=[(row, entries.get(row["id"], [])) for row in purses[:MOST]],
        shortened=any(len(each) > MOST for each in (people, billed, purses)),
        most=MOST,
        past=past[:PAGE],
        older=_cursor(past[PAGE - 1]) if len(past) > PAGE else "",
        places=places,
        values=values,
        deeds=deeds,
        width=WIDTH,
        money=money.plain,
        at=at,
        may_edit=asked.may(UserRole.REVIEWER),
        told=TOLD,
        said=asked.query.get("said", ""),
    )


def past(asked: Visit) -> Response:
    """An older part of the history."""
    customer_id, mine = id_of(asked, "customer", "customer"), asked.caller.organisation_id
    cursor = text_of(asked, "after")
    after = _place(cursor) if cursor else None
    with asked.database.reading() as tx:
        customer = living(tx, mine, customer_id)
        people = contacts.page(tx, mine, customer_id=customer_id, limit=MOST + 1)
        billed = _contracts(tx, mine, customer_id, now(tx))
        purses = wallets.page(tx, mine, customer_id=customer_id, limit=MOST + 1)
        also = [row["id"] for row in (*people, *purses)] + [each.stored.id for each in billed]
        found = history.of_customer(tx, mine, customer_id, also=also, after=after, limit=PAGE + 1)
        places = connections.named(tx, mine)
    older = _cursor(found[PAGE - 1]) if len(found) > PAGE else ""
    return render(
        asked,
        "history.html",
        customer=customer,
        past=found[:PAGE],
        older=older,
        places=places,
        values=values,
        deeds=deeds,
    )


def ledger(asked: Visit) -> Response:
    """A page of a wallet's whole ledger, oldest first."""
    customer_id, mine = id_of(asked, "customer", "customer"), asked.caller.organisation_id
    wallet_id, after = id_of(asked, "wallet", "wallet"), text_of(asked, "after")
    try:
        after = plain_id(after) if after else ""
    except ValueError:
        raise Refusal(400, "The ledger has no such page.") from None
    with asked.database.reading() as tx:
        customer = living(tx, mine, customer_id)
        wallet = wallets.get(tx, mine, wallet_id)
        if wallet["customer_id"] != customer_id:
            raise Refusal(404, "There is no wallet of this id.")
        found = wallets.entries(tx, mine, wallet_id, after=after, limit=PAGE + 1)
    more = found[PAGE - 1]["id"] if len(found) > PAGE else ""
    return render(
        asked,
        "ledger.html",
        customer=customer,
        wallet=wallet,
        entries=found[:PAGE],
        first=not after,
        more=more,
        money=money.plain,
    )


def _contracts(tx: Tx, organisation_id: str, customer_id: str, at: datetime) -> list[Contract]:
    newest = After("created_at", True, None, MOST + 1)
    return contracts.page(tx, organisation_id, [contract_store.of_customer(customer_id)], newest, at=at)


def _other(tx: Tx, organisation_id: str, kept: str | None) -> StoredCustomer | None:
    """The customer whose id another one holds, where it is the id of one."""
    if not kept:
        return None
    try:
        return customers.one(tx, organisation_id, plain_id(kept))
    except ValueError:
        return None


def _entity(tx: Tx, organisation_id: str, kept: str | None) -> Row | None:
    if not kept:
        return None
    try:
        return billing.load(tx, business_entities, organisation_id, plain_id(kept))
    except ValueError:
        return None


def _details(customer: StoredCustomer) -> list[Detail]:
    made = [Detail(path, values.text(path, customer.row[path])) for path in (*_TEXTS, *_FLAGS)]
    for path in sorted(ADDRESS_FIELDS):
        value = customer.value(path)
        judged = validity(value) if isinstance(value, Address) else None
        made.append(Detail(path, values.text(path, to_json(value)), judged))
    return made + [Detail(path, number) for path, number in sorted(customer.tax.items())]


def _customs(customer: StoredCustomer) -> list[tuple[str, str]]:
    columns = ("custom_attributes", "custom_data")
    kept = [item for column in columns for item in sorted((customer.row[column] or {}).items())]
    return [(name, values.text(name, value)) for name, value in kept]


def _sides(customer: StoredCustomer, link: LinkOut) -> Sequence[Sides]:
    agreed = {path: (pair.local, pair.crm) for path, pair in (link.baseline or {}).items()}
    if link.crm.live and link.crm.presence is not Presence.LIVE:
        return []
    paths = sorted({*agreed, *link.crm.fields})
    return values.sides({path: customer.value(path) for path in paths}, link.crm.fields, agreed)


def _bars(contract: Contract, at: datetime) -> list[Bar]:
    """Its phases along the time from its start to its end, or as far as anything is planned."""
    parts, start = contract.stored.phases, contract.stored.row["start_date"]
    known = [each for part in parts for each in (part["start_date"], part["end_date"]) if each is not None]
    end = contract.stored.row["end_date"] or max([*known, at]) + SPAN
    whole = max((end - start).total_seconds(), 1.0)
    bars = []
    for number, part in enumerate(parts):
        following = parts[number + 1]["start_date"] if number + 1 < len(parts) else end
        ends = part["end_date"] or following
        x = WIDTH * (part["start_date"] - start).total_seconds() / whole
        width = WIDTH * (ends - part["start_date"]).total_seconds() / whole
        current = contract.current_phase
        bars.append(
            Bar(x, max(width - 1, 1), current is not None and current["start_date"] == part["start_date"])
        )
    return bars


def _cursor(row: Row) -> str:
    place = place_of(row)
    return f"{place.at.isoformat()}~{place.source}~{place.seq}"


def _place(text: str) -> Place:
    try:
        at, source, seq = text.replace(" ", "+").split("~")
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is not None and len(seq) <= LONGEST_SEQ:
            return Place(bounded(moment), plain_id(source), int(seq))
    except ValueError:
        pass
    raise Refusal(400, "The history has no such page.")

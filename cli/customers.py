"""`customers`: the billing-side records."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import or_

from cli.context import DONE, QUARANTINED, After, AsJson, Limit, Organisation, actor, at_work
from cli.erasing import erase
from cli.files import opened
from cli.output import Output, short
from connectors.records import ADDRESS_FIELDS, ADDRESS_PARTS, JSON, Address, from_json
from connectors.registry import read_ref
from connectors.strict import UnreadableError, read_json
from sync import customers as use
from sync import loading
from sync.core.address import Validity, validity
from sync.errors import BadInput
from sync.intake import parse_customer
from sync.store import conflicts, connections, customers, links
from sync.store.customers import StoredCustomer
from sync.store.schema import customers as table

app = typer.Typer(no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="CUSTOMER", help="External id, or the beginning of the id.")]
SHOWN_REJECTS = 20


def _judge(address: JSON) -> Validity:
    parts = from_json("address", address)
    return validity(parts if isinstance(parts, Address) else Address())


def _judged(address: JSON) -> JSON:
    if not isinstance(address, dict):
        return None
    found = _judge(address)
    reasons: list[JSON] = [{**each._asdict()} for each in found.reasons]
    return {**address, "validation_status": found.status.value, "validation_reasons": reasons}


def _in_words(path: str, value: JSON) -> str:
    """A value for a table: of an address its parts, then whether it fits its country, and if not, why."""
    if path not in ADDRESS_FIELDS or not isinstance(value, dict):
        return short(value)
    found = _judge(value)
    why = "; ".join(f"{each.field} {each.reason}" for each in found.reasons)
    parts = short({name: value.get(name) for name in ADDRESS_PARTS})
    return f"{parts} ({found.status.value}{': ' if why else ''}{why})"


def as_json_customer(customer: StoredCustomer) -> dict[str, JSON]:
    """A customer under its canonical names."""
    row = customer.row
    names = ("external_id", "customer_name", "email", "phone_number")
    flags = ("communications_enabled", "auto_charge_enabled", "business_entity_id", "parent_customer_id")
    tax: list[JSON] = []
    for path, number in customer.tax.items():
        country, code = path.removeprefix("tax_info.").split(".")
        tax.append({"country_code": country, "tax_code": code, "tax_id": number})
    return {
        "id": customer.id,
        **{name: row[name] for name in names},
        **{name: _judged(row[name]) for name in ("address", "ship_to_address")},
        "tax_info": tax,
        "custom_data": row["custom_data"] or {},
        "custom_attributes": row["custom_attributes"] or {},
        **{name: row[name] for name in flags},
        "version": row["version"],
        "created_at": row["created_at"].isoformat(),
        "updated_at": row["updated_at"].isoformat(),
        "deleted_at": row["deleted_at"].isoformat() if row["deleted_at"] else None,
    }


@app.command("list")
def listing(
    search: Annotated[str, typer.Option("--search", help="In name, e-mail or external id.")] = "",
    limit: Limit = 50,
    after: After = "",
    organisation: Organisation = "default",
    as_json: AsJson = False,
) -> int:
    """Customers, oldest first."""
    output = Output(as_json=as_json)
    with at_work(organisation, output) as context:
        fits = or_(
            table.c.customer_name.icontains(search, autoescape=True),
            table.c.email.icontains(search, autoescape=True),
            table.c.external_id.icontains(search, autoescape=True),
        )
        with context.services.database.reading() as tx:
            total = customers.count(tx, context.organisation_id)
            found = customers.page(
                tx, context.organisation_id, fits if search else None, after=after, limit=limit
            )
        if as_json:
            body: list[JSON] = [as_json_customer(each) for each in found]
            output.json(
                {"customers": body, "total": total, "next": found[-1].id if len(found) == limit else None}
            )
            return DONE
        rows = [
            (
                each.row["external_id"],
                each.row["customer_name"],
                each.row["email"],
                short(each.row["address"]),
            )
            for each in found
        ]
        output.table("", ("external id", "name", "e-mail", "address"), rows)
        output.say(f"{len(found)} of {total}")
    return DONE


@app.command("show")
def show(name: Name, organisation: Organisation = "default", as_json: AsJson = False) -> int:
    """One customer, its links, and what is open about it."""
    output = Output(as_json=as_json)
    with at_work(organisation, output) as context:
        with context.services.database.reading() as tx:
            customer = use.find(tx, context.organisation_id, name)
            names = {each.id: each.name for each in connections.listing(tx, context.organisation_id)}
            linked = links.of_customer(tx, customer.id)
            rows = conflicts.listing(tx, context.organisation_id, customer_id=customer.id)
        body = as_json_customer(customer)
        link_rows: list[JSON] = [
            {
                "connection": names.get(each.row["connection_id"], ""),
                "ref": each.ref,
                "state": each.row["state"],
                "baseline": each.row["baseline"],
                "waiting_to_be_pushed": each.row["dirty_at"] is not None,
            }
            for each in linked
        ]
        open_rows: list[JSON] = [
            {"id": each.id, "kind": each.row["kind"], "field": each.row["field"]} for each in rows
        ]
        if as_json:
            output.json({**body, "links": link_rows, "open": open_rows})
            return DONE
        output.table(
            "", ("", ""), [(key, _in_words(key, value)) for key, value in body.items() if value is not None]
        )
        lines = [tuple(each.values()) for each in link_rows if isinstance(each, dict)]
        output.table("links", ("connection", "ref", "state", "baseline", "to be pushed"), lines)
        if open_rows:
            output.table(
                "open", ("id", "kind", "field"), [tuple(e.values()) for e in open_rows if isinstance(e, dict)]
            )
    return DONE


@app.command("add")
def add(
    body: Annotated[
        str, typer.Argument(metavar="JSON", help="The customer as a JSON object; - reads stdin.")
    ],
    organisation: Organisation = "default",
    as_json: AsJson = False,
) -> int:
    """Add one customer."""
    output = Output(as_json=as_json)
    text = sys.stdin.read() if body == "-" else body
    try:
        data: Any = read_json(text.encode("utf-8", "surrogateescape"))
    except UnreadableError as error:
        fields: dict[str, JSON] = {error.field: error.reason} if error.field else {}
        raise BadInput(f"This cannot be read: {error.reason}.", fields=fields) from error
    with at_work(organisation, output, wakes=True) as context:
        made = use.add(
            context.services.database,
            context.organisation_id,
            parse_customer(data),
            actor=actor(),
            read_ref=read_ref,
        )
        if as_json:
            output.json({"id": made})
        else:
            output.say(f"Added {made}.")
    return DONE


@app.command("set")
def change(
    name: Name,
    assignments: Annotated[
        list[str], typer.Argument(metavar="FIELD=VALUE...", help="An empty value clears.")
    ],
    organisation: Organisation = "default",
    as_json: AsJson = False,
) -> int:
    """Change fields: email=a@b.example, address.city=Berlin, custom_data.tier=gold, external_id=K-1."""
    output = Output(as_json=as_json)
    with at_work(organisation, output, wakes=True) as context:
        customer_id, changed = use.change(
            context.services.database, context.organisation_id, name, assignments, actor=actor()
        )
        if as_json:
            output.json({"id": customer_id, "changed": changed})
        elif not changed:
            output.say("It was so already.")
        else:
            rows = [(path, short(pair[0]), short(pair[1])) for path, pair in _pairs(changed)]
            output.table("", ("field", "before", "after"), rows)
    return DONE


def _pairs(changed: dict[str, JSON]) -> Iterator[tuple[str, list[JSON]]]:
    for path, pair in changed.items():
        if isinstance(pair, list):
            yield path, pair


@app.command("delete")
def delete(name: Name, organisation: Organisation = "default", as_json: AsJson = False) -> int:
    """Delete a customer here; CRM records stay, and it does not come back by itself."""
    output = Output(as_json=as_json)
    with at_work(organisation, output, wakes=True) as context:
        gone = use.delete(context.services.database, context.organisation_id, name, actor=actor())
        if as_json:
            output.json({"id": gone, "state": "deleted"})
        else:
            output.say(f"Deleted {gone}.")
    return DONE


app.command("erase")(erase)


@app.command("load")
def load(
    file: Annotated[Path, typer.Argument(metavar="FILE.jsonl", help="One customer a line; - reads stdin.")],
    organisation: Organisation = "default",
    as_json: AsJson = False,
) -> int:
    """Add or update customers from a file of JSON lines, streamed."""
    output = Output(as_json=as_json)
    with (
        at_work(organisation, output, wakes=True) as context,
        opened(file) as lines,
        output.progress("loading") as progress,
    ):
        report = loading.load(
            context.services.database,
            context.organisation_id,
            lines,
            actor=actor(),
            progress=lambda so_far: progress({"created": so_far.created, "updated": so_far.updated}),
        )
    body: dict[str, Any] = {
        "created": report.created,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "rejected": report.rejected,
    }
    if as_json:
        output.json(body)
    else:
        body["rejected"] = len(report.rejected)
        output.table("", ("", ""), list(body.items()))
        rows = [tuple(each.values()) for each in report.rejected[:SHOWN_REJECTS]]
        if rows:
            output.table("not taken", ("line", "field", "reason"), rows)
            output.say("All of them with: --json")
    return QUARANTINED if report.rejected else DONE

"""What stands on the pages when they are photographed: people at work, files that came in, programs told."""

from __future__ import annotations

from collections.abc import Mapping

from cli.context import Context
from cli.output import Output
from cli.tour import people_at_work
from sync import channels, deliver, hooks
from sync.channels import ChannelInput
from sync.hooks import HookEvent
from sync.imports import importing
from sync.imports.importing import Incoming, Reading
from sync.store import connections, customers, queue, runs
from sync.store.customers import StoredCustomer
from sync.store.queue import Filter
from sync.store.schema import customers as customers_table
from tasks import wiring
from tasks.jobs import drain
from tasks.notices import channel_kind
from tasks.post import outgoing_url
from tests.desk.conftest import Desk
from tests.desk.stack import Stack
from tests.hooks.receiver import Receiver

KINDS = ("address_mismatch", "missing_external_id")
ACTOR = "jane@acme.example"
HEADER = "Customer number,Company,E-mail,Phone,Street,Town,Zip,Country,Tier"


def sync_with_people(crms: Stack) -> None:
    """Sync until all is quiet, let people edit everywhere, and sync again."""
    for names in (("salesforce", "hubspot"), ("salesforce",), ("salesforce", "hubspot")):
        crms.sync(*names, actor=ACTOR)
    context = Context(crms.served.services, crms.served.organisation_id, Output(as_json=True))
    people_at_work(context, crms.urls)
    crms.sync(actor=ACTOR)


def places(desk: Desk, crms: Stack, receiver: Receiver) -> Mapping[str, str]:
    """Make what is to be seen; the name of each picture → its page."""
    mine = crms.served.organisation_id
    file = "\n".join([HEADER, *_rows(crms), ""]).encode()
    waiting = importing.take_in(
        desk.database,
        mine,
        [file],
        Reading(columns={"Tier": "custom_data.tier"}),
        file_name="customers.csv",
        actor=ACTOR,
    )
    drain(crms.served.services, lambda _event: None)
    asked = Incoming(desk.database, mine, file_name="partners.csv", actor=ACTOR)
    asked.take(file)
    found = {
        "import-reading": f"/desk/imports/{asked.kept()}",
        "import-plan": f"/desk/imports/{waiting}",
        "notices": "/desk/notices",
        "deliveries": f"/desk/notices/hooks/{_tell(desk, crms, receiver)}",
        "customers": "/desk/customers",
        "customer-form": "/desk/customers/new",
        "imports": "/desk/imports",
        "runs": "/desk/runs",
        "connections": "/desk/connections",
        "connect": "/desk/connections/new/hubspot",
    }
    with desk.database.reading() as tx:
        place = f"/desk/connections/{connections.find(tx, mine, 'hubspot').id}"
        (asks,) = queue.page(tx, mine, Filter(kind=KINDS[0]), limit=1)
        ran = next(each for each in runs.listing(tx, mine, limit=20) if each["kind"] == "sync")
    found |= {"connection": place, "map": f"{place}/map", "connection-check": f"{place}/check"}
    found |= {"customer": f"/desk/customers/{asks.row['customer_id']}", "run": f"/desk/runs/{ran['id']}"}
    for kind in KINDS:
        found[f"conflict-{kind}"] = f"/desk/conflicts/{crms.questions(kind)[0].id}"
    return found


def _rows(crms: Stack) -> list[str]:
    """Some customers with another phone number, one elsewhere, some new ones, and some that are wrong."""
    with crms.served.database.reading() as tx:
        known = customers.load(tx, crms.served.organisation_id, customers_table.c.external_id.is_not(None))
    placed = [each for each in known if each.value("address") and each.row["deleted_at"] is None]
    place = "1 High Street,Leeds,LS1 4AP,GB,gold"
    rows = [
        f"NEW-{number},{name},accounts@{name.split()[0].lower()}.example,+44 113 496 000{number},{place}"
        for number, name in enumerate(("Aster Foods", "Birch Textiles", "Cedar Tools"), start=1)
    ]
    rows += [_row(each, f"+1 212 555 01{number:02d}") for number, each in enumerate(placed[:6])]
    rows += [_row(placed[6], "", "9 Low Road,Portland,97201,US")]
    return [*rows, "NEW-4,Dahlia Press,not an address,,,,,,", "NEW-5,,billing@elm.example,,,,,,"]


def _row(customer: StoredCustomer, phone: str, address: str = ",,,") -> str:
    name = str(customer.row["customer_name"]).replace('"', '""')
    return f'{customer.row["external_id"]},"{name}",,{phone},{address},gold'


def _tell(desk: Desk, crms: Stack, receiver: Receiver) -> str:
    """People and a program that are told; the program's hook, of which one message was refused once."""
    mine, seal = crms.served.organisation_id, wiring.open_seal(crms.served.settings)
    made = hooks.add(
        desk.database,
        seal,
        mine,
        url=f"{receiver.url}/concord",
        events=tuple(HookEvent),
        check=outgoing_url,
        actor=ACTOR,
    )
    crms.change(next(iter(crms.customers())), "phone_number=+1 212 555 0199")
    receiver.answers.append((500, {}))
    deliver.deliver(crms.served.site.outgoing)
    channels.add(
        desk.database,
        seal,
        mine,
        ChannelInput(name="Billing team", url=receiver.url.replace("http", "json"), quiet="18:00-07:00"),
        read=channel_kind,
        actor=ACTOR,
    )
    return str(made.row["id"])

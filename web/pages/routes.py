"""All pages."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from sync.users import UserRole
from web.pages import (
    conflict,
    conflicts,
    connecting,
    connections,
    contact_edit,
    customer,
    customer_delete,
    customer_edit,
    customers,
    importing,
    imports,
    many,
    mapping,
    notices,
    overview,
    policies,
    run,
    runs,
    scoping,
    sign,
    timing,
    tour,
    wallet_edit,
)
from web.pages.assets import asset_routes
from web.pages.route import PageRoute
from web.pages.visit import Visit
from web.problems import Refusal
from web.site import Site

VIEWER, REVIEWER, ADMIN = UserRole.VIEWER, UserRole.REVIEWER, UserRole.ADMIN


def page_routes(site: Site) -> list[BaseRoute]:
    """Every page, what its forms are sent to, and a page for what is none."""
    pages = [
        PageRoute(site, "/desk", overview.show, role=VIEWER),
        PageRoute(site, "/desk/conflicts", conflicts.show, role=VIEWER),
        PageRoute(site, "/desk/conflicts/{conflict}", conflict.show, role=VIEWER),
        PageRoute(site, "/desk/customers", customers.show, role=VIEWER),
        PageRoute(site, "/desk/customers/new", customer_edit.new, role=REVIEWER),
        PageRoute(site, "/desk/customers/{customer}", customer.show, role=VIEWER),
        PageRoute(site, "/desk/customers/{customer}/edit", customer_edit.edit, role=REVIEWER),
        PageRoute(site, "/desk/customers/{customer}/history", customer.past, role=VIEWER),
        *_of_customers(site),
        PageRoute(site, "/desk/customers/{customer}/wallets/{wallet}", customer.ledger, role=VIEWER),
        PageRoute(site, "/desk/runs", runs.show, role=VIEWER),
        PageRoute(site, "/desk/runs/{run}", run.show, role=VIEWER),
    ]
    forms = [
        PageRoute(site, "/desk/sign-in", sign.ask, role=None),
        PageRoute(site, "/desk/sign-in", sign.enter, role=None, method="POST"),
        PageRoute(site, "/desk/signed-in", sign.still, role=None),
        PageRoute(site, "/desk/sign-out", sign.leave, role=None, method="POST"),
        PageRoute(site, "/desk/organisation", sign.choose, role=VIEWER, method="POST", of_person=True),
        PageRoute(site, "/desk/tour", tour.close, role=VIEWER, method="POST"),
        PageRoute(site, "/desk/undo", conflict.undo, role=REVIEWER, method="POST"),
        PageRoute(site, "/desk/conflicts/preview", many.preview, role=REVIEWER, method="POST"),
        PageRoute(site, "/desk/conflicts/many", many.decide, role=REVIEWER, method="POST"),
        PageRoute(site, "/desk/conflicts/{conflict}", conflict.decide, role=REVIEWER, method="POST"),
        PageRoute(site, "/desk/conflicts/{conflict}/assign", conflict.assign, role=REVIEWER, method="POST"),
        PageRoute(site, "/desk/conflicts/{conflict}/note", conflict.note, role=REVIEWER, method="POST"),
        PageRoute(site, "/desk/customers/new", customer_edit.add, role=REVIEWER, method="POST"),
        PageRoute(site, "/desk/customers/new/check", customer_edit.check, role=REVIEWER, method="POST"),
        PageRoute(site, "/desk/customers/{customer}/edit", customer_edit.save, role=REVIEWER, method="POST"),
        PageRoute(
            site, "/desk/customers/{customer}/edit/check", customer_edit.check, role=REVIEWER, method="POST"
        ),
        PageRoute(site, "/desk/runs/{run}/approve", run.approve, role=REVIEWER, method="POST"),
        PageRoute(site, "/desk/runs/{run}/cancel", run.cancel, role=REVIEWER, method="POST"),
        PageRoute(site, "/desk/runs/{run}/undo", run.undo, role=REVIEWER, method="POST"),
        PageRoute(site, "/desk/runs/{run}/again", run.again, role=REVIEWER, method="POST"),
    ]
    files = [
        PageRoute(site, "/desk/customers.csv", imports.everybody, role=VIEWER),
        PageRoute(site, "/desk/imports", imports.show, role=VIEWER),
        PageRoute(site, "/desk/imports/sample.csv", imports.sample, role=VIEWER),
        PageRoute(site, "/desk/imports/{import}", importing.show, role=VIEWER),
        PageRoute(site, "/desk/imports/{import}/not-taken.csv", importing.result, role=VIEWER),
        PageRoute(site, "/desk/imports", imports.send, role=REVIEWER, method="POST", takes_file=True),
        PageRoute(site, "/desk/imports/{import}/read", importing.read, role=REVIEWER, method="POST"),
        PageRoute(
            site, "/desk/imports/{import}/reconsider", importing.reconsider, role=REVIEWER, method="POST"
        ),
        PageRoute(site, "/desk/imports/{import}/approve", importing.approve, role=REVIEWER, method="POST"),
        PageRoute(site, "/desk/imports/{import}/cancel", importing.cancel, role=REVIEWER, method="POST"),
        PageRoute(site, "/desk/imports/{import}/resume", importing.resume, role=REVIEWER, method="POST"),
    ]
    nowhere = PageRoute(site, "/desk/{rest:path}", _nothing, role=None, method="ANY")
    return [
        Route("/", _home),
        Route("/desk/", _home),
        *asset_routes(),
        *pages,
        *forms,
        *files,
        *_connections(site),
        *_notices(site),
        nowhere,
    ]


def _connections(site: Site) -> list[BaseRoute]:
    place = "/desk/connections"
    one = f"{place}/{{connection}}"
    new = f"{place}/new/{{connector}}"
    steps = (
        ("credentials", connecting.ask_rotation, connecting.rotate),
        ("map", mapping.show, mapping.save),
        ("rules", policies.show_rules, policies.save_rules),
        ("policies", policies.show_policies, policies.save_policies),
        ("scope", scoping.show, scoping.save),
        ("schedule", timing.show, timing.save),
        ("remove", connections.ask_remove, connections.remove),
    )
    return [
        PageRoute(site, place, connections.show, role=VIEWER),
        PageRoute(site, f"{place}/new", connecting.choose, role=ADMIN),
        PageRoute(site, new, connecting.ask, role=ADMIN),
        PageRoute(site, new, connecting.enter, role=ADMIN, method="POST"),
        PageRoute(site, one, connections.one, role=VIEWER),
        PageRoute(site, f"{one}/run", connections.run, role=REVIEWER, method="POST"),
        PageRoute(site, f"{one}/pause", connections.pause, role=ADMIN, method="POST"),
        PageRoute(site, f"{one}/resume", connections.resume, role=ADMIN, method="POST"),
        PageRoute(site, f"{one}/check", connections.check, role=ADMIN),
        PageRoute(site, f"{one}/values", mapping.values, role=ADMIN),
        *(PageRoute(site, f"{one}/{name}", view, role=ADMIN) for name, view, _ in steps),
        *(PageRoute(site, f"{one}/{name}", view, role=ADMIN, method="POST") for name, _, view in steps),
    ]


def _of_customers(site: Site) -> list[PageRoute]:
    """What people change of a customer: each page, and what its form is sent to."""
    own = "/desk/customers/{customer}"
    both = (
        (f"{own}/delete", customer_delete.ask, customer_delete.delete),
        (f"{own}/contacts/new", contact_edit.new, contact_edit.add),
        (f"{own}/contacts/{{contact}}", contact_edit.edit, contact_edit.save),
        (f"{own}/wallets/new", wallet_edit.new, wallet_edit.make),
        (f"{own}/wallets/{{wallet}}/adjust", wallet_edit.adjust, wallet_edit.enter),
    )
    remove = f"{own}/contacts/{{contact}}/remove"
    return [
        *(PageRoute(site, path, show, role=REVIEWER) for path, show, _ in both),
        *(PageRoute(site, path, take, role=REVIEWER, method="POST") for path, _, take in both),
        PageRoute(site, remove, contact_edit.remove, role=REVIEWER, method="POST"),
    ]


def _notices(site: Site) -> list[BaseRoute]:
    place = notices.PLACE
    return [
        PageRoute(site, place, notices.show, role=ADMIN),
        PageRoute(site, f"{place}/channels", notices.add_channel, role=ADMIN, method="POST"),
        PageRoute(site, f"{place}/channels/{{channel}}", notices.channel, role=ADMIN, method="POST"),
        PageRoute(site, f"{place}/hooks", notices.add_hook, role=ADMIN, method="POST"),
        PageRoute(site, f"{place}/hooks/{{hook}}", notices.deliveries, role=ADMIN),
        PageRoute(site, f"{place}/hooks/{{hook}}", notices.hook, role=ADMIN, method="POST"),
    ]


async def _home(_: Request) -> Response:
    return RedirectResponse("/desk", 303)


def _nothing(asked: Visit) -> Response:
    raise Refusal(404, "There is no page at this address.")

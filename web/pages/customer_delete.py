"""A customer is deleted here: first what that means, for it and in each CRM, then the deed."""

from __future__ import annotations

from fastapi.responses import Response

from sync import customers as use
from sync.errors import BadInput, VersionMoved
from sync.store import contracts, links
from sync.store.query import now
from web.pages.finding import id_of, version_of
from web.pages.render import redirect, render
from web.pages.visit import Visit

MOVED = "The customer has changed since you opened this page. Nothing was deleted; look again."


def ask(asked: Visit) -> Response:
    """What would happen."""
    return _page(asked)


def delete(asked: Visit) -> Response:
    """Delete it, unless contracts that run need it, or it has changed since."""
    caller = asked.caller
    try:
        use.remove(
            asked.database,
            caller.organisation_id,
            id_of(asked, "customer", "customer"),
            actor=caller.actor,
            version=version_of(asked),
        )
    except VersionMoved:
        return _page(asked, problem=MOVED, status=409)
    except BadInput as error:
        return _page(asked, problem=str(error), status=422)
    asked.site.wake()
    return redirect(asked, "/desk/customers?said=deleted")


def _page(asked: Visit, *, problem: str = "", status: int = 200) -> Response:
    mine, customer_id = asked.caller.organisation_id, id_of(asked, "customer", "customer")
    with asked.database.reading() as tx:
        customer = use.living(tx, mine, customer_id)
        linked = links.with_connections(tx, customer_id)
        running = contracts.count_running(tx, mine, customer_id, now(tx))
    return render(
        asked,
        "customer_delete.html",
        status=status,
        customer=customer,
        links=[row for row in linked if row["state"] != "detached"],
        running=running,
        problem=problem,
    )

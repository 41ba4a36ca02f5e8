"""The connections: a list, and of each how it stands, its settings, and what can be done with it."""

from __future__ import annotations

from fastapi.responses import Response

from connectors.errors import Misconfigured
from sync import connect as use
from sync import orders
from sync.errors import ConcordError, Conflicted, NeedsApproval
from sync.selection import Selection
from sync.steps import Order
from sync.store import conflicts, connections, links, overview, quota, runs, schedules
from sync.store.connections import ConnectionState, StoredConnection
from sync.store.query import now
from sync.users import UserRole
from web.pages import deeds, place, timing
from web.pages.finding import text_of
from web.pages.policies import POLICIES, chosen, rule_of
from web.pages.render import redirect, render
from web.pages.scoping import in_words
from web.pages.visit import Visit
from web.problems import Refusal

LATEST = 5
SAID = {
    "paused": "Paused. What changes meanwhile waits, and nothing is lost.",
    "resumed": "It goes on.",
    "removed": "The connection is gone. Its customers and the records in the CRM are as they were.",
    "map": "The map is saved.",
    "rules": "The rules are saved.",
    "policies": "The policies are saved. The next look goes through everything that is not linked.",
    "schedule": "The schedule is saved.",
    "scope": "The scope is saved. What it moves is a plan to approve.",
    "same": "Nothing was changed: it is as it was.",
    "credentials": "The credentials are in force.",
}
ORDERS = {
    "sync": Order(kind="sync", trigger="manual", actor=""),
    "full": Order(kind="full", trigger="manual", actor="", full=True),
    "plan": Order(kind="plan", trigger="manual", actor="", dry=True),
    "resync": Order(kind="resync", trigger="manual", actor="", selection=Selection(everything=True)),
    "resync_plan": Order(
        kind="resync", trigger="manual", actor="", selection=Selection(everything=True), dry=True
    ),
}
"""What can be asked for here."""


def show(asked: Visit) -> Response:
    """The list."""
    mine = asked.caller.organisation_id
    with asked.database.reading() as tx:
        at = now(tx)
        standings = overview.standings(tx, connections.listing(tx, mine), at)
        waiting = quota.waiting_until(tx)
    return render(
        asked,
        "connections.html",
        standings=standings,
        waiting=waiting,
        at=at,
        admin=asked.may(UserRole.ADMIN),
        said=SAID.get(text_of(asked, "said"), ""),
    )


def one(asked: Visit) -> Response:
    """The page of one connection."""
    return _page(asked)


def run(asked: Visit) -> Response:
    """Ask a worker for a run, and show it."""
    wanted = ORDERS.get(asked.given("what"))
    if wanted is None:
        raise Refusal(400, "There is nothing of this sort to be done.")
    connection = place.found(asked)
    order = Order(
        kind=wanted.kind,
        trigger=wanted.trigger,
        actor=asked.caller.actor,
        full=wanted.full,
        dry=wanted.dry,
        selection=wanted.selection,
    )
    try:
        run_id = orders.place(asked.database, connection, order)
    except (Conflicted, NeedsApproval) as error:
        return _page(asked, problem=place.told(error), status=409)
    asked.site.wake()
    return redirect(asked, f"/desk/runs/{run_id}")


def pause(asked: Visit) -> Response:
    """Let nothing of it be written until it is resumed."""
    connection = place.found(asked)
    use.pause(asked.database, connection, actor=asked.caller.actor)
    return redirect(asked, f"{place.LIST}/{connection.id}?said=paused")


def resume(asked: Visit) -> Response:
    """Let it go on."""
    connection = place.found(asked)
    try:
        use.resume(asked.database, connection, actor=asked.caller.actor)
    except Conflicted as error:
        return _page(asked, problem=place.told(error), status=409)
    asked.site.wake()
    return redirect(asked, f"{place.LIST}/{connection.id}?said=resumed")


def check(asked: Visit) -> Response:
    """What the account can and cannot do, asked at this moment."""
    connection = place.found(asked)
    account, problem = place.peek(asked, connection)
    return place.frame(
        asked,
        connection,
        "connection_check.html",
        "check",
        account=account,
        problem=problem,
        hears=_hears(asked, connection),
        outbound=[p for p in connection.settings.paths if connection.policy.rule(p).outbound],
    )


def ask_remove(asked: Visit) -> Response:
    """What would be forgotten, before it is."""
    connection = place.found(asked)
    with asked.database.reading() as tx:
        linked = links.count(tx, connection.id)
        questions = sum(conflicts.count_open(tx, conflicts.of_connection(connection.id)).values())
    return place.frame(asked, connection, "connection_remove.html", None, linked=linked, questions=questions)


def remove(asked: Visit) -> Response:
    """Forget the connection."""
    use.remove(asked.database.patient(), place.found(asked), actor=asked.caller.actor)
    return redirect(asked, f"{place.LIST}?said=removed")


def _page(asked: Visit, *, problem: str = "", status: int = 200) -> Response:
    mine = asked.caller.organisation_id
    with asked.database.reading() as tx:
        at = now(tx)
        connection = place.found(asked, tx)
        (standing,) = overview.standings(tx, [connection], at)
        latest = runs.listing(tx, mine, connection_id=connection.id, limit=LATEST)
        waits = runs.listing(tx, mine, connection_id=connection.id, state="needs_approval", limit=1)
        questions = conflicts.count_open(tx, conflicts.of_connection(connection.id))
        slots = {row["kind"]: row for row in schedules.of(tx, connection.id)}
        linked, dirty = links.count(tx, connection.id), links.count_dirty(tx, connection.id)[0]
        until = quota.waiting_until(tx).get(connection.id)
    said = text_of(asked, "said")
    return place.frame(
        asked,
        connection,
        "connection.html",
        "",
        standing=standing,
        latest=latest,
        waits=waits[0] if waits else None,
        questions=questions,
        slots=slots,
        timing=timing,
        deeds=deeds,
        linked=linked,
        dirty=dirty,
        until=until,
        at=at,
        problem=problem,
        said=SAID.get(said, ""),
        resync=said in ("map", "rules") and not place.is_new(connection),
        status=status,
        hears=_hears(asked, connection),
        webhook=_webhook(asked, connection),
        rule_of=rule_of,
        policies=POLICIES,
        chosen=chosen(connection),
        scope=[in_words(line) for line in connection.settings.scope],
        may_run=asked.may(UserRole.REVIEWER) and connection.state is not ConnectionState.PAUSED,
    )


def _webhook(asked: Visit, connection: StoredConnection) -> str:
    """Where the CRM sends its webhooks; the secret that may end it is not shown."""
    found = place.plugin_of(connection)
    if found.webhook is None:
        return ""
    end = "/***" if found.secret_in_path else ""
    return f"{asked.site.public_url}/webhooks/{found.name}/{connection.id}{end}"


def _hears(asked: Visit, connection: StoredConnection) -> bool:
    """Whether there is a secret by which its webhooks are told from those of strangers."""
    try:
        return asked.site.webhook(connection.row) is not None
    except (ConcordError, Misconfigured):
        return False

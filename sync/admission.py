"""Whether a connection in its state may do what is asked of it."""

from __future__ import annotations

from sync.errors import BadInput, Conflicted, NeedsApproval
from sync.selection import Selection
from sync.steps import Order
from sync.store.connections import (
    APPROVED,
    BEGUN,
    FILES,
    PLANNED_ANEW,
    WAITING,
    ConnectionState,
    StoredConnection,
)
from sync.store.imports import KIND


def refuse_if_closed(connection: StoredConnection, order: Order, *, stranded: bool = False) -> None:
    """Refuse what a connection in its state may not do.

    `stranded`: it is halted, and has no plan that could be approved: a sync makes that plan.

    Raises:
        BadInput: it is that of files, of which there is nothing to sync.
        Conflicted: it is paused.
        NeedsApproval: it is halted, or a plan comes first.
    """
    if (connection.row["connector"] == FILES) != (order.kind == KIND) and order.undoing is None:
        raise BadInput("Files are imported, not synced.", cure="Import one with: concord import FILE")
    if order.dry or order.approval or order.undoing:
        return
    if connection.state is ConnectionState.PAUSED:
        raise Conflicted(
            f"The connection {connection.name} is paused.",
            cure=f"Start it again with: concord connections resume {connection.name}",
        )
    if connection.state is ConnectionState.HALTED:
        if stranded and order.by_person and order.kind == "sync":
            return
        raise NeedsApproval(
            f"The connection {connection.name} is halted: {connection.row['state_reason']}.",
            run_id="",
            cure=f"Make its plan with: concord sync {connection.name}"
            if stranded
            else "See its plan with: concord runs list; release it with: concord runs approve RUN",
        )
    if order.selection is not None:
        _refuse_ahead_of_plan(connection, order.selection)


def _refuse_ahead_of_plan(connection: StoredConnection, selection: Selection) -> None:
    """A resync does not take the place of a plan that a person has yet to approve."""
    first = connection.row["first_sync"]
    if first in PLANNED_ANEW:
        why = f"{connection.name}: {PLANNED_ANEW[first]}, and its plan is not approved yet."
    elif first == WAITING and selection.named is None:
        why = f"{connection.name} has never been synced: its first sync takes in everything."
    else:
        return
    raise NeedsApproval(why, run_id="", cure=f"Make the plan with: concord sync {connection.name}")


def plan_first(connection: StoredConnection, order: Order) -> str | None:
    """Why a run may only make a plan; None if it may write."""
    first = connection.row["first_sync"]
    if order.approval is not None or (order.yes and first == BEGUN) or first == APPROVED:
        return None
    if first == WAITING and order.kind != "resync" and not order.yes:
        return "it has never been synced"
    return PLANNED_ANEW.get(first)

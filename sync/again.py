"""Records that are to be looked at again because of what a page did: they were in doubt, or have moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sync.apply import PlannedRecord
from sync.core import normalise
from sync.core.actions import Action, AdjustLink, Conflict, ConflictKind, RecordPlan, subject_of
from sync.core.departed import named_in
from sync.core.match import LinkState
from sync.situation import Situation
from sync.store import links, sightings
from sync.store.session import Tx
from sync.store.sightings import Sighting
from sync.touched import waiting_for


def whom_it_bears_on(
    tx: Tx, situation: Situation, planned: Sequence[PlannedRecord], seen: Mapping[str, Sighting]
) -> set[str]:
    """Refs of other records that are to be looked at again.

    Args:
        tx: the transaction of the page.
        situation: what was known when the page was planned.
        planned: the page.
        seen: how its records looked before.
    """
    work, winners = situation.work, _winners(planned)
    moved = (
        winners
        | _asked_of_moved(planned)
        | _no_longer_offered(situation, planned)
        | waiting_for(tx, work.organisation_id, work.connection_id, winners)
    )
    freed, orphaned = _keys_given_up(planned, seen), _keys_of_frozen(situation, planned)
    if not freed and not orphaned:
        return moved
    here = {record.looked.ref for record in planned}
    sharing = sightings.sharing_keys(tx, work.connection_id, freed | orphaned)
    others = {each.ref for group in sharing.values() for each in group}
    # In place of those that are gone they were offered, and are no longer.
    if freed:
        others |= links.frozen_with_keys(tx, work.organisation_id, work.connection_id, freed)
    return moved | (others - here)


def _adjusted(planned: Sequence[PlannedRecord]) -> list[AdjustLink]:
    actions = [action for record in planned for action in record.plan.actions]
    return [action for action in actions if isinstance(action, AdjustLink)]


def _winners(planned: Sequence[PlannedRecord]) -> set[str]:
    """Records that took over a link in this page: they have yet to be compared with their customer."""
    return {action.ref for action in _adjusted(planned) if action.ref is not None}


def _asked_of_moved(planned: Sequence[PlannedRecord]) -> set[str]:
    """Records that a question names which moved with a link: what was asked of each may hold no longer."""
    moved = [each.plan for each in planned if any(_moves(action) for action in each.plan.actions)]
    return {ref for plan in moved for row in plan.conflicts for ref in named_in(row.reasons, "refs")}


def _no_longer_offered(situation: Situation, planned: Sequence[PlannedRecord]) -> set[str]:
    """Records that were offered in place of one that is back: there is something else to be asked of them."""
    plans = {each.looked.ref: each.plan for each in planned}
    rows = [row for plan in plans.values() for row in plan.conflicts]
    rows += [row.conflict() for ref in plans for row in situation.queue.get(subject_of(ref), ())]
    offers = [row for row in rows if row.kind is ConflictKind.REMOTE_DELETED and row.ref in plans]
    ended = [row for row in offers if row.ref is not None and _ends(plans[row.ref], row)]
    return {str(each["relink_to"]) for row in ended for each in row.reasons if "relink_to" in each}


def _ends(plan: RecordPlan, row: Conflict) -> bool:
    """Whether a look at the record that was gone closes the question what is to stand in its place."""
    return row.subject in plan.subjects and all(each.kind is not row.kind for each in plan.conflicts)


def _moves(action: Action) -> bool:
    return isinstance(action, AdjustLink) and action.ref is not None


def _keys_given_up(planned: Sequence[PlannedRecord], seen: Mapping[str, Sighting]) -> set[str]:
    """Who shared one may be in doubt no longer."""
    freed = set()
    for record in planned:
        before = seen.get(record.looked.ref)
        if before is not None and before.external_id and before.external_id != record.looked.external_id:
            freed.add(normalise.fold(before.external_id))
    return freed


def _keys_of_frozen(situation: Situation, planned: Sequence[PlannedRecord]) -> set[str]:
    """Keys of customers whose record went away: another one with the key is offered in its place."""
    frozen = {action.link_id for action in _adjusted(planned) if action.state is LinkState.FROZEN}
    links = [link for link in situation.links.values() if link.id in frozen]
    owners = [situation.customers.get(link.customer_id) for link in links]
    return {normalise.fold(each.row["external_id"]) for each in owners if each and each.row["external_id"]}

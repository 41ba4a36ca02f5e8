"""Carry out a page of an undo: what is ours is written here, what is the CRM's is made ready to be sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.port import Update
from connectors.records import ADDRESS_FIELDS, JSON, FieldValue
from sync import lives
from sync.apply import changes_as_json
from sync.core.actions import UpdateCrm
from sync.core.diff import Changeset
from sync.core.done import Left
from sync.core.landing import Purpose, merged
from sync.core.match import LinkState
from sync.core.reconcile import accepted_pair
from sync.core.undo import UndoPlan
from sync.kept import keep_applied
from sync.store import conflicts, customers, intents, links, runs
from sync.store import undo as store
from sync.store.baselines import pack_pairs, unpack_pairs
from sync.store.customers import StoredCustomer
from sync.store.intents import NewIntent
from sync.store.links import StoredLink
from sync.store.query import Row
from sync.store.runs import AppliedChange
from sync.store.session import Tx
from sync.touched import look_again, release_emails, touch_customers
from sync.undo_scene import Scene
from sync.work import Work


@dataclass(slots=True)
class Written:
    """The rows that a page of an undo amounts to, and what is to be sent to the CRM.

    Whatever is undone of a customer, it is written once, and sent once.
    """

    customers: dict[str, tuple[StoredCustomer, dict[str, FieldValue]]] = field(default_factory=dict)
    links: dict[str, tuple[StoredLink, dict[str, Any]]] = field(default_factory=dict)
    applied: list[AppliedChange] = field(default_factory=list)
    deleted: list[StoredCustomer] = field(default_factory=list)
    restored: list[StoredCustomer] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    look_again: list[StoredLink] = field(default_factory=list)
    sent: dict[str, tuple[UpdateCrm, str, Update, Purpose]] = field(default_factory=dict)

    def link(self, link: StoredLink, **columns: Any) -> None:
        """Change columns of a link."""
        self.links.setdefault(link.id, (link, {}))[1].update(columns)

    def intents(self) -> list[NewIntent]:
        """Under which the CRM's records are written."""
        return [_intent(*each) for each in self.sent.values()]


def gather(written: Written, scene: Scene, customer_id: str, plan: UndoPlan, rows: Sequence[Row]) -> None:
    """Add what one record's plan amounts to."""
    customer, own = scene.customers[customer_id], scene.own.get(customer_id)
    details = {row["action"]: row["details"] or {} for row in rows}
    if plan.to_local:
        answers = any(row["action"] == runs.ANSWER for row in rows)  # they are kept with their questions
        restore_here(written, scene, customer_id, plan.to_local, kept=not answers)
        if own is not None and plan.baseline:
            written.link(own, baseline=pack_pairs(merged(unpack_pairs(own.row["baseline"]), plan.baseline)))
    if plan.delete:
        written.deleted.append(customer)
        written.closed += scene.questions.get(customer_id, [])
        written.applied.append(_customer_change("delete_customer", customer, own))
    if plan.restore:
        written.restored.append(customer)
        written.applied.append(_customer_change("restore_customer", customer, own))
    if plan.detach and own is not None:
        written.link(own, state=LinkState.DETACHED.value, dirty_at=None, dirty_why=None)
        written.closed += scene.questions.get(customer_id, [])
        written.applied.append(_link_change("detach_link", own))
    if plan.attach and own is not None:
        state = str(details.get("detach_link", {}).get("state") or LinkState.ACTIVE.value)
        written.link(own, state=state)
        written.look_again.append(own)
        written.applied.append(_link_change("attach_link", own))
    if plan.to_remote:
        send(written, scene, customer_id, plan.to_remote, Purpose.UNDO)


def restore_here(
    written: Written, scene: Scene, customer_id: str, to_local: Changeset, *, kept: bool = True
) -> None:
    """Set a customer's fields back. Its other CRMs hear of it as of any change, an address unasked."""
    customer, own = scene.customers[customer_id], scene.own.get(customer_id)
    values = written.customers.setdefault(customer_id, (customer, {}))[1]
    values.update({path: change.after for path, change in to_local.items()})
    if own is not None:
        written.link(own, planned_version=customer.row["version"] + 1)
    for link in scene.others.get(customer_id, ()):
        known, accepted = unpack_pairs(link.row["baseline"]) or {}, {}
        for path in ADDRESS_FIELDS & to_local.keys() & known.keys():
            accepted[path] = accepted_pair(to_local[path].after, known[path][1])
        if accepted:
            so_far = written.links.get(link.id, (link, {}))[1].get("accepted", link.row["accepted"])
            written.link(link, accepted={**(so_far or {}), **accepted})
    if kept:
        before = (own.row["baseline"] or {}) if own else {}
        written.applied.append(
            AppliedChange(
                side="local",
                action="update_customer",
                customer_id=customer_id,
                link_id=own.id if own else None,
                ref=own.ref if own else None,
                fields=changes_as_json(to_local),
                before_baseline={path: pair for path, pair in before.items() if path in to_local},
            )
        )


def send(written: Written, scene: Scene, customer_id: str, to_remote: Changeset, purpose: Purpose) -> None:
    """Make a record's write ready: only if it is still as it was read."""
    own, looked = scene.own[customer_id], scene.looked(customer_id)
    beside = written.sent[customer_id][0].changes if customer_id in written.sent else {}
    changes = {**beside, **to_remote}
    action = UpdateCrm(customer_id=customer_id, ref=own.ref, changes=changes)
    update = Update(
        ref=own.ref,
        fields={path: change.after for path, change in changes.items()},
        expected_version=looked.observation.version,
        before={path: change.before for path, change in changes.items()},
    )
    written.sent[customer_id] = (action, own.id, update, purpose)


def _customer_change(action: str, customer: StoredCustomer, own: StoredLink | None) -> AppliedChange:
    return AppliedChange(
        side="local",
        action=action,
        customer_id=customer.id,
        link_id=own.id if own else None,
        ref=own.ref if own else None,
    )


def _link_change(action: str, link: StoredLink) -> AppliedChange:
    return AppliedChange(
        side="link",
        action=action,
        customer_id=link.customer_id,
        link_id=link.id,
        ref=link.ref,
        details={"state": link.row["state"]},
    )


def write_rows(tx: Tx, work: Work, scene: Scene, written: Written) -> None:
    """Write a page of an undo, and keep the intents of what is to be sent."""
    at = scene.at
    links.update_many(tx, list(written.links.values()))
    if written.deleted:
        lives.delete(tx, work.organisation_id, written.deleted, at)
    changed = list(written.customers.values())
    customers.update_many(tx, changed, at, keys={})  # what they give up, one that comes back may take
    if written.restored:
        lives.restore(tx, work.organisation_id, [each.id for each in written.restored], at)
    if written.closed:
        conflicts.close(tx, written.closed, conflicts.SUPERSEDED, at)
    keep_applied(tx, work, written.applied, at)
    intents.store(tx, work.writer, work.run_id, written.intents())
    if changed:
        touch_customers(tx, list(written.customers), at, but=work.connection_id)
    release_emails(tx, work.organisation_id, changed)
    again: dict[str, list[str]] = {}
    for link in written.look_again:
        again.setdefault(link.row["connection_id"], []).append(link.ref)
    for connection_id, refs in sorted(again.items()):
        look_again(tx, work.organisation_id, connection_id, refs)


def _intent(action: UpdateCrm, link_id: str, update: Update, purpose: Purpose) -> NewIntent:
    return NewIntent(
        kind=purpose.value,
        customer_id=action.customer_id,
        link_id=link_id,
        ref=action.ref,
        fields=update.fields,
        before=update.before,
        version_read=update.expected_version,
    )


def described(plan: UndoPlan) -> list[JSON]:
    """What a plan does, per action with before and after, and what it leaves alone."""
    out: list[JSON] = []
    for name, moves in (("restore_local", plan.to_local), ("restore_remote", plan.to_remote)):
        if moves:
            out.append({"action": name, "changes": changes_as_json(moves)})
    for name in ("delete", "restore", "detach", "attach"):
        if getattr(plan, name):
            what = "link" if name in ("detach", "attach") else "customer"
            out.append({"action": f"{name}_{what}"})
    return out + [leave(each) for each in plan.left]


def leave(left: Left) -> JSON:
    """What is left alone, as it is kept."""
    why = f"{left.why.value}: {left.detail}" if left.detail else left.why.value
    return {"action": "leave", "side": left.side.value, "field": left.path, "why": why}


def keep_plans(tx: Tx, work: Work, scene: Scene, described_by: Mapping[str, list[JSON]]) -> None:
    """Keep what was planned for some customers, in place of what an earlier look planned for them.

    What an earlier look has done stays told; what it only foresaw, or left alone, is told anew.
    """
    subjects = {each: f"customer:{each}" for each in described_by}
    before = store.plans(tx, work.run_id, subjects.values())
    rows = [
        {
            "subject": subject,
            "customer_id": each,
            "digest": scene.customers[each].row["version"].to_bytes(16, "big"),
            "actions": _in_order(
                [
                    *(
                        []
                        if work.dry
                        else [one for one in before.get(subject, []) if one["action"] != "leave"]
                    ),
                    *described_by[each],
                ]
            ),
        }
        for each, subject in subjects.items()
        if described_by[each] or subject in before
    ]
    runs.save_plans(tx, work.run_id, rows)


def _in_order(actions: Iterable[Any]) -> list[JSON]:
    """Values first, what is left alone last: a preview and an undo, told of the CRM later, read alike."""
    places = {"restore_local": 0, "restore_remote": 1, "leave": 3}
    return sorted(actions, key=lambda each: places.get(each["action"], 2))

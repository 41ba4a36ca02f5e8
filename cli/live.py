"""What `up` prints while it is live: one line, or one JSON event, for each change as it happens."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cli.context import Context
from cli.output import plain
from connectors.records import JSON
from sync.report import Report
from sync.store import customers, runs
from sync.store.query import Row

PAGE = 500
_WORDS = {
    "create_customer": "new here",
    "update_customer": "changed here",
    "create_crm": "new there",
    "update_crm": "changed there",
    "make_link": "matched",
    "relink": "relinked",
    "link_frozen": "gone there",
    "link_held": "held",
    "link_active": "released",
}


class Printer:
    """Prints changes of runs. Names and field names are shown, values are not."""

    def __init__(self, context: Context, *, shown: int = 20) -> None:
        self._context, self._output = context, context.output
        self._shown = shown

    def summary(self, what: str, report: Report, seconds: float) -> None:
        """A whole sync in one line."""
        counts = report.counts
        if self._output.as_json:
            self._output.line(
                {"event": "sync", "what": what, **report.as_json(), "seconds": round(seconds, 2)}
            )
            return
        parts = [
            f"{counts[key]} {word}"
            for key, word in (
                ("created_local", "new here"),
                ("matched", "matched"),
                ("created_remote", "new there"),
                ("updated_local", "changed here"),
                ("updated_remote", "changed there"),
            )
            if counts[key]
        ]
        held = sum(report.open.values())
        self._output.say(f"{what}: {', '.join(parts)}; {held} in the queue ({seconds:.1f} s)")

    def event(self, event: Mapping[str, JSON]) -> None:
        """Whatever a worker tells."""
        kind = event.get("event")
        if kind == "failed":
            self._say(event, f"{event['connection']}: {event['kind']} failed: {event['reason']}")
        elif kind == "run":
            self._changes(str(event["run"]), str(event["connection"]))
            held = event.get("held")
            if isinstance(held, dict):
                for row_kind, count in held.items():
                    body: dict[str, JSON] = {"event": "queued", "connection": event["connection"]}
                    self._say({**body, "kind": row_kind, "count": count}, f"in the queue: {count} {row_kind}")
            if event.get("state") == "needs_approval":
                run = str(event["run"])[:12]
                self._say(event, f"{event['connection']} waits for approval: concord runs approve {run}")

    def _say(self, event: Mapping[str, JSON], text: str) -> None:
        if self._output.as_json:
            self._output.line(event)
        else:
            self._output.say(f"{datetime.now():%H:%M:%S}  {plain(text)}")  # noqa: DTZ005 - for eyes

    def _changes(self, run_id: str, connection: str) -> None:
        database = self._context.services.database
        after = -1
        while True:
            with database.reading() as tx:
                page = runs.changes_of(tx, run_id, after=after, limit=PAGE)
                ids = [row["customer_id"] for row in page if row["customer_id"]]
                found = customers.load(tx, self._context.organisation_id, customers.by_ids(ids))
            if not page:
                return
            names = {each.id: each.row for each in found}
            for row in page:
                if row["seq"] < self._shown or self._output.as_json:
                    self._change(row, connection, names.get(row["customer_id"], {}))
            after = page[-1]["seq"]
            if len(page) < PAGE and after >= self._shown and not self._output.as_json:
                run = f"concord runs show {run_id[:12]}"
                self._output.say(f"{'':8}  ... and {after + 1 - self._shown} more: {run}")

    def _change(self, row: Row, connection: str, customer: Mapping[str, Any]) -> None:
        fields = list(row["fields"] or {})
        body: dict[str, JSON] = {
            "event": "change",
            "connection": connection,
            "side": row["side"],
            "action": row["action"],
            "external_id": customer.get("external_id"),
            "ref": row["ref"],
            "fields": [*fields],
        }
        arrow = {"local": f"{connection} → billing", "crm": f"billing → {connection}"}.get(
            row["side"], connection
        )
        who = f"{customer.get('external_id') or row['ref']}  {customer.get('customer_name') or ''}"
        what = _WORDS.get(row["action"], row["action"])
        self._say(body, f"{arrow:<22} {what:<14} {who}  {', '.join(fields)}")

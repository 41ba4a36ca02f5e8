"""getUpdated and getDeleted: which accounts changed or went between two minutes.

Source: REST API developer guide, sObject Get Updated (30 days back) and Get Deleted (15 days back); the
end lies at least a minute after the start and seconds are dropped.
"""

from __future__ import annotations

from connectors.salesforce.sandbox.clock import days_before, minute_of, parse_iso
from connectors.salesforce.sandbox.errors import ApiError, no_resource
from connectors.salesforce.sandbox.state import SalesforceState
from connectors.salesforce.sandbox.wire import Answer, Call

UPDATED_DAYS, DELETED_DAYS = 30, 15


def updated(state: SalesforceState, call: Call) -> Answer:
    """GET sobjects/Account/updated/?start=&end=."""
    start, end = _range(state, call, UPDATED_DAYS)
    rows = state.visible().by_stamp((start, ""), (end, ""))
    ids = [row["Id"] for row in rows if not row["IsDeleted"]]
    return Answer(200, {"ids": ids, "latestDateCovered": _covered(state, end)})


def deleted(state: SalesforceState, call: Call) -> Answer:
    """GET sobjects/Account/deleted/?start=&end=."""
    start, end = _range(state, call, DELETED_DAYS)
    rows = state.visible().by_stamp((start, ""), (end, ""))
    records = [{"id": row["Id"], "deletedDate": row["SystemModstamp"]} for row in rows if row["IsDeleted"]]
    return Answer(
        200,
        {
            "deletedRecords": records,
            "earliestDateAvailable": minute_of(days_before(state.clock.stamp(), DELETED_DAYS)),
            "latestDateCovered": _covered(state, end),
        },
    )


def _range(state: SalesforceState, call: Call, days: int) -> tuple[str, str]:
    if call.path[1].lower() != "account":
        raise no_resource()
    bounds = []
    for name in ("start", "end"):
        text = call.query.get(name)
        stamp = parse_iso(text) if text else None
        if stamp is None:
            raise ApiError("INVALID_REPLICATION_DATE", f"{name} is no ISO 8601 time: {text}")
        bounds.append(minute_of(stamp))
    start, end = bounds
    if start >= end:
        raise ApiError("INVALID_REPLICATION_DATE", "startDate before endDate by at least one minute")
    if start < minute_of(days_before(state.clock.stamp(), days)):
        raise ApiError("INVALID_REPLICATION_DATE", f"startDate cannot be more than {days} days ago")
    return start, end


def _covered(state: SalesforceState, end: str) -> str:
    """How far the answer is complete: not past now, nor past a commit that is not visible yet."""
    hidden = state.visible().oldest_hidden
    return min(end, minute_of(state.clock.stamp()), *([minute_of(hidden)] if hidden else []))

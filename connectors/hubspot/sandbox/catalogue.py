"""The calls on property definitions and on the account itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from connectors.hubspot.sandbox.account import Account
from connectors.hubspot.sandbox.call import Answer, Call
from connectors.hubspot.sandbox.company import iso
from connectors.hubspot.sandbox.definitions import changed_property, check_removable, new_property
from connectors.hubspot.sandbox.errors import Refusal
from connectors.hubspot.sandbox.limits import TIME_ZONE
from connectors.hubspot.sandbox.schema import Property


def list_properties(account: Account, call: Call) -> Answer:
    """Every property in force; archived ones are not kept."""
    return Answer(200, {"results": [] if call.archived else [each.body() for each in account.store.schema]})


def read_property(account: Account, call: Call) -> Answer:
    """One property."""
    return Answer(200, _property(account, call).body())


def create_property(account: Account, call: Call) -> Answer:
    """A new custom property."""
    definition = new_property(account.store.schema, call.body, account.clock.now())
    account.store.define(definition)
    return Answer(201, definition.body())


def update_property(account: Account, call: Call) -> Answer:
    """Change a custom property; its uniqueness stays."""
    definition = changed_property(_property(account, call), call.body, account.clock.now())
    account.store.define(definition)
    return Answer(200, definition.body())


def delete_property(account: Account, call: Call) -> Answer:
    """Take a custom property away."""
    definition = _property(account, call)
    check_removable(definition)
    account.store.undefine(definition.name)
    return Answer(204)


def account_details(account: Account, _: Call) -> Answer:
    """Which account this is."""
    offset = _now(account).utcoffset() or timedelta()
    minutes = int(offset.total_seconds()) // 60
    sign = "-" if minutes < 0 else "+"
    return Answer(
        200,
        {
            "portalId": account.portal_id,
            "accountType": "DEVELOPER_TEST",
            "timeZone": TIME_ZONE,
            "companyCurrency": "USD",
            "additionalCurrencies": [],
            "utcOffset": f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}",
            "utcOffsetMilliseconds": minutes * 60_000,
            "uiDomain": "app.hubspot.com",
            "dataHostingLocation": "na1",
        },
    )


def daily_usage(account: Account, _: Call) -> Answer:
    """How many calls of the day are used up."""
    now = _now(account)
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    limit = int(account.limits.headers(account.knobs)["X-HubSpot-RateLimit-Daily"])
    usage = {
        "name": "private-apps-api-calls-daily",
        "usageLimit": limit,
        "currentUsage": account.limits.today,
        "collectedAt": iso(account.clock.now()),
        "fetchStatus": "SUCCESS",
        "resetsAt": iso(int(midnight.timestamp() * 1000)),
    }
    return Answer(200, {"results": [usage]})


def _property(account: Account, call: Call) -> Property:
    definition = account.store.schema.get(call.ref)
    if definition is None:
        raise Refusal(404, f'Property "{call.ref}" does not exist', category="OBJECT_NOT_FOUND")
    return definition


def _now(account: Account) -> datetime:
    return datetime.fromtimestamp(account.clock.now() / 1000, UTC).astimezone(ZoneInfo(TIME_ZONE))

"""The webhooks of the account's app: which events there are, and the signed POSTs that carry them.

Fields as in captured deliveries, and as HubSpot's page on generic subscriptions names them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal
from zlib import crc32

import msgspec
import orjson

from connectors.hubspot.sandbox.call import COMPANY_TYPE
from connectors.hubspot.sandbox.company import Change
from connectors.sandbox.control import ControlError
from connectors.sandbox.deliveries import Notification, OutboxSettings, Twist
from connectors.sandbox.outbox import Attempt, Outbox, Prepared

_NEVER = ("hs_lastmodifieddate",)
"""Properties that HubSpot lets nobody subscribe to."""
_SIGNED_DECODED = ":/?@!$'()*,;"
_AGENT = "HubSpot Connect 2.0 (http://dev.hubspot.com/) (namespace: webhooks-nio-http-client)"


class Subscription(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the app is subscribed to; set with the knobs of the outbox.

    Attributes:
        family: `company` for company.creation and its like, `object` for the generic ones.
        properties: those whose changes are told; None tells of every one.
    """

    family: Literal["company", "object"] = "company"
    properties: tuple[str, ...] | None = None


class Webhooks:
    """Tells the outbox of every change that the app is subscribed to.

    Args:
        portal_id: of the account.
        app_id: of the app.
        seed: of the draws.
    """

    def __init__(self, *, portal_id: int, app_id: int, seed: int) -> None:
        self.outbox = Outbox(_render, seed=seed, dated=True)
        self._subscription = Subscription()
        self._portal_id, self._app_id = portal_id, app_id

    def checked(self, given: Any) -> tuple[Subscription, OutboxSettings]:
        """The knobs with these set, to be handed to `use`.

        Raises:
            ControlError: something of it does not fit.
        """
        if not isinstance(given, dict):
            raise ControlError("webhooks is a JSON object")
        own = {name: value for name, value in given.items() if name in Subscription.__struct_fields__}
        rest = {name: value for name, value in given.items() if name not in own}
        try:
            mine = msgspec.convert({**msgspec.structs.asdict(self._subscription), **own}, Subscription)
        except msgspec.ValidationError as error:
            raise ControlError(f"webhooks: {error}") from None
        if refused := [name for name in mine.properties or () if name in _NEVER]:
            raise ControlError(f"webhooks: HubSpot tells nobody of changes of {refused[0]}")
        return mine, self.outbox.checked(rest)

    def use(self, subscription: Subscription, settings: OutboxSettings) -> None:
        """Let these knobs be in force."""
        self._subscription = subscription
        self.outbox.use(settings)

    def settings(self) -> Mapping[str, Any]:
        """The knobs and where they stand."""
        return {
            **msgspec.structs.asdict(self._subscription),
            **msgspec.structs.asdict(self.outbox.settings),
        }

    def tell(self, change: Change) -> None:
        """Hand the events of a change to the outbox."""
        if self.outbox.settings.target is not None:
            self.outbox.add([self._notification(change, more) for more in self._events(change)])

    def _events(self, change: Change) -> Iterator[dict[str, Any]]:
        """What the events of a change do not have in common, without the family."""
        if change.kind == "create":
            yield {"subscriptionType": "creation", "changeFlag": "CREATED"}
        elif change.kind == "archive":
            yield {"subscriptionType": "deletion", "changeFlag": "DELETED"}
        elif change.kind == "restore":
            yield {"subscriptionType": "restore"}
        elif change.merged:
            primary, other = change.merged
            yield {
                "subscriptionType": "merge",
                "primaryObjectId": primary,
                "mergedObjectIds": [other],
                "newObjectId": change.id,
                "numberOfPropertiesMoved": len(change.after),
            }
        else:
            wanted = self._subscription.properties
            for name, value in change.after.items():
                if name not in _NEVER and (wanted is None or name in wanted):
                    yield {
                        "subscriptionType": "propertyChange",
                        "propertyName": name,
                        "propertyValue": value,
                    }

    def _notification(self, change: Change, more: dict[str, Any]) -> Notification:
        family = self._subscription.family
        kind = f"{family}.{more['subscriptionType']}"
        # All events of one change have one id: HubSpot does not promise that it is unique.
        event_id = crc32(f"{self._portal_id}/{change.seq}".encode())
        content: dict[str, Any] = {
            "eventId": event_id,
            "subscriptionId": crc32(f"{kind}/{more.get('propertyName')}".encode()) % 10_000_000,
            "portalId": self._portal_id,
            "appId": self._app_id,
            "occurredAt": change.at,
            "attemptNumber": 0,
            "objectId": change.id,
            "changeSource": change.source.type,
            "sourceId": change.source.id,
            **more,
            "subscriptionType": kind,
        }
        if family == "object":
            content["objectTypeId"] = COMPANY_TYPE
        return Notification(str(event_id), str(change.id), content)


def _render(batch: Sequence[Notification], attempt: Attempt) -> Prepared:
    body = orjson.dumps([{**each.content, "attemptNumber": attempt.number} for each in batch])
    stamp = str(int(attempt.at * 1000))
    secret = (attempt.secret + ("?" if attempt.twist is Twist.FORGED else "")).encode()
    source = b"".join([b"POST", _signed_url(attempt.target).encode(), body, stamp.encode()])
    headers = {
        "Content-Type": "application/json",
        "Accept": "*/*",
        "User-Agent": _AGENT,
        "X-HubSpot-Request-Timestamp": stamp,
        "X-HubSpot-Signature-v3": base64.b64encode(hmac.digest(secret, source, "sha256")).decode(),
        "X-HubSpot-Signature": hashlib.sha256(secret + body).hexdigest(),
        "X-HubSpot-Signature-Version": "v1",
    }
    return Prepared(attempt.target, headers, body)


def _signed_url(url: str) -> str:
    for character in _SIGNED_DECODED:
        url = url.replace(f"%{ord(character):02X}", character)
    return url

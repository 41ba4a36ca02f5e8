"""Reads what HubSpot sends by itself: signature v3, and hints at the companies that it speaks of.

Of an event only ids are used: which records to read again. HubSpot's event ids are not unique, and a
redelivery differs from the first delivery by its `attemptNumber` alone; so the key of an event holds a
digest of all but that number.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import orjson

from connectors.records import JSON
from connectors.strict import read_json
from connectors.webhook import Answer, Delivery, ForgedError, Hint, UnreadableError, WebhookConfig

SIGNATURE = "x-hubspot-signature-v3"
OLD_SIGNATURE = "x-hubspot-signature"
TIMESTAMP = "x-hubspot-request-timestamp"
WINDOW = 300_000
"""Milliseconds that a delivery's stamp may be off, either way."""
MOST = 100
COMPANY = "0-2"

# HubSpot signs the URL with these characters decoded, and no others.
_DECODED = re.compile("%(3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)
_DIGITS = re.compile(r"[0-9]{1,18}")

Event: TypeAlias = Mapping[str, JSON]


class HubSpotWebhook:
    """Reads the deliveries of one app to one connection.

    Args:
        config: the app's client secret, and the id of the account (portal) if it is known.
    """

    def __init__(self, config: WebhookConfig) -> None:
        self._secret = config.secret.encode("utf-8", "surrogateescape")
        self._portal = config.account_id

    def verify(self, delivery: Delivery) -> None:
        """Refuse what was not signed by HubSpot with version 3, or not within five minutes of now.

        Raises:
            ForgedError: signature or stamp is missing, malformed, wrong or old.
        """
        if not self._secret:
            raise ForgedError("there is no secret to check it by")
        signature = delivery.headers.get(SIGNATURE)
        if signature is None:
            old = OLD_SIGNATURE in delivery.headers
            raise ForgedError("its signature is not of version 3" if old else "it is not signed")
        stamp = delivery.headers.get(TIMESTAMP, "")
        if not _DIGITS.fullmatch(stamp):
            raise ForgedError(f"its {TIMESTAMP} is no number of milliseconds")
        if abs(delivery.at.timestamp() * 1000 - int(stamp)) > WINDOW:
            raise ForgedError("it was signed more than five minutes from now")
        signed = hmac.new(self._secret, delivery.method.encode(), hashlib.sha256)
        signed.update(_DECODED.sub(_character, delivery.url).encode("utf-8", "replace"))
        signed.update(delivery.body)
        signed.update(stamp.encode())
        # As bytes: texts with other characters than ASCII cannot be compared in constant time.
        given = signature.encode("utf-8", "replace")
        if not hmac.compare_digest(base64.b64encode(signed.digest()), given):
            raise ForgedError("its signature does not fit")

    def parse(self, body: bytes) -> Sequence[Hint]:
        """A hint for each company of each event; none for events of other objects and other accounts.

        Raises:
            ForgedError: every event is of another account than the connection's.
            UnreadableError: it is not what HubSpot sends; names the event, by its place, and the field.
        """
        events = read_json(body)
        if not isinstance(events, list) or not 1 <= len(events) <= MOST:
            raise UnreadableError(f"it is no list of 1 to {MOST} events")
        hints: list[Hint] = []
        foreign = 0
        for place, event in enumerate(events, start=1):
            if not isinstance(event, dict):
                raise UnreadableError(f"event {place} is no object")
            if self._portal is not None and str(_id(event, "portalId", place)) != self._portal:
                foreign += 1
                continue
            hints.extend(_hints(event, place))
        if foreign == len(events):
            raise ForgedError("it speaks of another account")
        return hints

    def answer(self) -> Answer:
        """HubSpot looks at the status alone."""
        return Answer()


def _hints(event: Event, place: int) -> Iterator[Hint]:
    refs = list(dict.fromkeys(_companies(event, place)))
    if refs:
        rest = {name: value for name, value in event.items() if name != "attemptNumber"}
        digest = hashlib.sha256(orjson.dumps(rest, option=orjson.OPT_SORT_KEYS)).hexdigest()[:40]
        for ref in refs:
            yield Hint(f"{ref}:{digest}", ref)


def _companies(event: Event, place: int) -> Iterator[str]:
    kind = event.get("subscriptionType", event.get("eventType"))
    if not isinstance(kind, str):
        raise UnreadableError(f"event {place}: subscriptionType is no text")
    family, _, change = kind.partition(".")
    if family == "object" and change != "associationChange":
        family = "company" if _text(event, "objectTypeId", place) == COMPANY else "other"
    if change == "associationChange" and family in ("company", "object"):
        yield from _associated(event, place, of_company=family == "company")
    elif family == "company":
        yield from _changed(event, change, place)


def _changed(event: Event, change: str, place: int) -> Iterator[str]:
    if change != "merge":
        yield _id(event, "objectId", place)
        return
    others = event.get("mergedObjectIds") or []
    if not isinstance(others, list):
        raise UnreadableError(f"event {place}: mergedObjectIds is no list")
    found = [
        _id(event, name, place)
        for name in ("primaryObjectId", "newObjectId", "objectId")
        if event.get(name) is not None
    ]
    found += [_id({"mergedObjectIds": each}, "mergedObjectIds", place) for each in others]
    if not found:
        raise UnreadableError(f"event {place}: objectId is no id of a record")
    yield from found


def _associated(event: Event, place: int, *, of_company: bool) -> Iterator[str]:
    """The ends that are told to be companies, by type ids or by a name such as CONTACT_TO_COMPANY.

    An event of the older family whose ends tell nothing is about the company that it is sent for.
    """
    name = event.get("associationType")
    words = name.split("_TO_") if isinstance(name, str) else []
    ends = dict(zip(("from", "to"), words, strict=True)) if len(words) == 2 else {}
    told = False
    for end in ("from", "to"):
        type_id = event.get(f"{end}ObjectTypeId")
        if type_id == COMPANY or (type_id is None and "COMPANY" in ends.get(end, "").split("_")):
            told = True
            yield _id(event, f"{end}ObjectId", place)
    if not told and (of_company or event.get("objectTypeId") == COMPANY):
        yield _id(event, "objectId" if event.get("objectId") is not None else "fromObjectId", place)


def _text(event: Event, name: str, place: int) -> str:
    value = event.get(name)
    if not isinstance(value, str):
        raise UnreadableError(f"event {place}: {name} is no text")
    return value


def _id(event: Event, name: str, place: int) -> str:
    value = event.get(name)
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UnreadableError(f"event {place}: {name} is no id of a record")
    return str(value)


def _character(found: re.Match[str]) -> str:
    return chr(int(found[1], 16))

"""What a hook is sent: a thin JSON body, signed as Standard Webhooks (1.0) says.

`webhook-id` names the delivery, and stays the same when it is sent again; `webhook-signature` is an HMAC of
id, time and body under the hook's secret, so that a body that was changed, or is sent again later, is known.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import orjson

from connectors.records import JSON
from sync.store.query import Row

TEST = "hook.test"
_PAGES = {"conflict_id": "conflicts", "run_id": "runs", "customer_id": "customers"}


@dataclass(frozen=True, slots=True)
class Message:
    """A body with its headers."""

    body: bytes
    headers: Mapping[str, str] = field(repr=False)


def message(delivery: Row, secret: str, *, at: datetime, public_url: str | None) -> Message:
    """A delivery as it is sent at a time.

    Args:
        delivery: id, event, data, created_at.
        secret: of the hook, as it was shown.
        at: now.
        public_url: where the site is found, for a link to the page; None if nobody said.
    """
    told = {
        "type": delivery["event"],
        "timestamp": delivery["created_at"].isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "data": _data(delivery["data"], public_url),
    }
    body = orjson.dumps(told)
    name, stamp = f"msg_{delivery['id']}", str(int(at.timestamp()))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Concord",
        "webhook-id": name,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{signature(secret, name, stamp, body)}",
    }
    return Message(body, headers)


def signature(secret: str, name: str, stamp: str, body: bytes) -> str:
    """HMAC-SHA256 of `name.stamp.body`, in base64."""
    key = base64.b64decode(secret.partition("_")[2])
    signed = hmac.new(key, f"{name}.{stamp}.".encode() + body, hashlib.sha256)
    return base64.b64encode(signed.digest()).decode()


def _data(kept: Mapping[str, JSON], public_url: str | None) -> dict[str, JSON]:
    """Ids as the API shows them, and the page about it."""
    found: dict[str, JSON] = {}
    for name, value in kept.items():
        named = name.endswith("_id") and isinstance(value, str)
        found[name] = str(UUID(str(value))) if named else value
    page = next((name for name in _PAGES if kept.get(name)), None)
    if public_url is not None and page is not None:
        found["url"] = f"{public_url}/desk/{_PAGES[page]}/{kept[page]}"
    return found

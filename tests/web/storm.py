"""A storm of HubSpot webhooks: good, doubled, out of order, forged, stale and broken ones, as one list."""

from __future__ import annotations

import base64
import hmac
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from random import Random
from typing import Any
from urllib.parse import urlsplit

SHARES = {"valid": 40, "duplicate": 20, "forged": 15, "stale": 10, "disordered": 10, "broken": 5}
ANSWERS = {
    "valid": 200,
    "duplicate": 200,
    "disordered": 200,
    "forged": 401,
    "stale": 401,
    "broken": 400,
}
STALE = 301.0
"""Seconds after which a signature is too old, and a little."""


@dataclass(frozen=True, slots=True)
class Post:
    """One delivery, signed when it is sent. `trick`: how a forged one is forged."""

    kind: str
    body: bytes
    trick: int = 0


@dataclass(frozen=True, slots=True)
class Answered:
    """What a post met."""

    kind: str
    status: int
    seconds: float


@dataclass(slots=True)
class Storm:
    """Makes deliveries that speak of `refs`; what must not be believed speaks of `decoys`.

    Args:
        portal: the account.
        batch: events in a delivery.
    """

    portal: int
    refs: Sequence[str]
    decoys: Sequence[str]
    seed: int = 1
    batch: int = 1
    first: int = 1

    def posts(self, events: int) -> list[Post]:
        """So many webhooks, every ref in a good one; called again, it goes on with other events."""
        random = Random(self.seed + self.first)
        count = events // self.batch
        kinds = [kind for kind, share in SHARES.items() for _ in range(count * share // 100)]
        random.shuffle(kinds)
        refs, decoys = itertools.cycle(self.refs), itertools.cycle(self.decoys)
        made: list[Post] = []
        good: list[bytes] = []
        for kind in kinds:
            if kind == "duplicate" and good:
                made.append(
                    Post(kind, random.choice(good).replace(b'"attemptNumber": 0', b'"attemptNumber": 1'))
                )
                continue
            trusted = kind in ("valid", "duplicate", "disordered")
            chosen = [next(refs if trusted else decoys) for _ in range(self.batch)]
            late = random.randrange(1, 600_000) if kind == "disordered" else 0
            events_made = [self._event(ref, late) for ref in chosen]
            body = json.dumps(events_made).encode()
            if trusted:
                good.append(body)
            if kind == "broken":
                body = random.choice(_BREAKS)(body)
            made.append(Post("valid" if kind == "duplicate" else kind, body, random.randrange(4)))
        return made

    def _event(self, ref: str, late: int) -> dict[str, Any]:
        self.first += 1
        return {
            "eventId": self.first,
            "subscriptionId": 17,
            "portalId": self.portal,
            "occurredAt": int(time.time() * 1000) - late,
            "subscriptionType": "company.propertyChange",
            "attemptNumber": 0,
            "objectId": int(ref),
            "propertyName": "phone",
            "propertyValue": "+1 999 999 9999",  # a lie: the payload is never the data
            "changeSource": "CRM_UI",
        }


_BREAKS = (
    lambda body: body[:-2],
    lambda body: b"\xef\xbb\xbf\xff" + body,
    lambda body: body.replace(b'"objectId"', b'"objectid"'),
    lambda body: body.replace(b'"eventId"', b'"objectId": 1, "eventId"'),
    lambda body: b"[" * 50 + body + b"]" * 50,
    lambda body: b"[]",
    lambda body: body.replace(b'"subscriptionId": 17', b'"subscriptionId": NaN'),
)


def send(posts: Iterable[Post], *, url: str, path: str, secret: str, threads: int = 8) -> list[Answered]:
    """Send them from several threads at once, about in order."""
    waiting: Iterator[Post] = iter(list(posts))
    lock, found = threading.Lock(), list[Answered]()

    def work() -> None:
        client = HTTPConnection(str(urlsplit(url).netloc), timeout=60)
        while True:
            with lock:
                post = next(waiting, None)
            if post is None:
                break
            headers = _headers(post, url + path, secret)
            started = time.perf_counter()
            client.request("POST", path, post.body, headers)
            answer = client.getresponse()
            answer.read()
            found.append(Answered(post.kind, answer.status, time.perf_counter() - started))
        client.close()

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    return found


def wrong(answered: Iterable[Answered]) -> Counter[tuple[str, int]]:
    """Answers that should have been others."""
    return Counter((each.kind, each.status) for each in answered if ANSWERS[each.kind] != each.status)


def _headers(post: Post, url: str, secret: str) -> dict[str, str]:
    stamp = str(int((time.time() - (STALE if post.kind == "stale" else 0)) * 1000))
    key, signed = secret.encode(), post.body
    if post.kind == "forged" and post.trick == 0:
        key = b"another secret"
    if post.kind == "forged" and post.trick == 1:
        signed = post.body.replace(b"9", b"8")
    text = b"POST" + url.encode() + signed + stamp.encode()
    headers = {
        "Content-Type": "application/json",
        "X-HubSpot-Request-Timestamp": stamp,
        "X-HubSpot-Signature-v3": base64.b64encode(hmac.digest(key, text, "sha256")).decode(),
    }
    if post.kind == "forged" and post.trick == 2:
        headers["X-HubSpot-Request-Timestamp"] = str(int(stamp) + 1)
    if post.kind == "forged" and post.trick == 3:
        headers["X-HubSpot-Signature"] = headers.pop("X-HubSpot-Signature-v3")
    return headers

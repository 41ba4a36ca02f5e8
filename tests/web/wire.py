"""Requests as no well-behaved client sends them, and signatures as HubSpot makes them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import requests

from tests.web.conftest import PUBLIC_URL, SECRET

HOOK = "/webhooks/hubspot/crm"


def events(*refs: str, first: int = 1) -> bytes:
    """A delivery that says of some companies that they changed."""
    return json.dumps(
        [
            {
                "eventId": first + number,
                "portalId": 62515,
                "subscriptionType": "company.propertyChange",
                "objectId": int(ref),
                "propertyName": "name",
                "propertyValue": "A",
                "occurredAt": 1_700_000_000_000 + first + number,
            }
            for number, ref in enumerate(refs)
        ]
    ).encode()


def signed(
    body: bytes, *, path: str = HOOK, secret: str = SECRET, late: float = 0, base: str = PUBLIC_URL
) -> dict[str, str]:
    """The headers that HubSpot sends with a body; `late` seconds ago."""
    stamp = str(int((time.time() - late) * 1000))
    text = b"POST" + (base + path).encode() + body + stamp.encode()
    signature = base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()
    return {
        "Content-Type": "application/json",
        "X-HubSpot-Signature-v3": signature,
        "X-HubSpot-Request-Timestamp": stamp,
    }


def head(path: str, headers: dict[str, str], *more: str) -> bytes:
    """Request line and headers of a POST."""
    lines = [f"POST {path} HTTP/1.1", "Host: evil.example", *(f"{k}: {v}" for k, v in headers.items()), *more]
    return "\r\n".join([*lines, "", ""]).encode()


def exchange(url: str, *parts: bytes, pause: float = 0, patience: float = 10, end: bool = False) -> bytes:
    """Send parts as they are, then read until the server closes or falls silent for `patience` seconds."""
    place = urlsplit(url)
    assert place.hostname
    assert place.port
    with socket.create_connection((place.hostname, place.port), timeout=patience) as client:
        try:
            for part in parts:
                client.sendall(part)
                time.sleep(pause)
            if end:
                client.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # refused before it was all sent
        return read_answer(client)


def read_answer(client: socket.socket) -> bytes:
    """One answer with its body, as far as it comes."""
    found = b""
    try:
        while not _whole(found):
            part = client.recv(65_536)
            if not part:
                break
            found += part
    except (TimeoutError, ConnectionResetError):
        pass
    return found


def _whole(answer: bytes) -> bool:
    top, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return False
    for line in top.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(body) >= int(line.partition(b":")[2])
    return False


def status(answer: bytes) -> int:
    """The status of an answer, 0 if there is none."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


def chunked(parts: Sequence[bytes]) -> bytes:
    """A body in chunks."""
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def reason(answer: requests.Response) -> str:
    """The reason of a refusal, which is a problem body of RFC 9457 and holds no more than that."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert set(body) == {"type", "title", "status", "detail", "request_id"}
    assert body["status"] == answer.status_code
    assert body["request_id"] == answer.headers["X-Request-Id"]
    told: str = body["detail"]
    return told

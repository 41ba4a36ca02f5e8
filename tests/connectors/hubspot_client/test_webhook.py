from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hubspot.utils.signature import Signature
from hypothesis import given
from hypothesis import strategies as st

from connectors.hubspot import PLUGIN
from connectors.hubspot.webhook import HubSpotWebhook
from connectors.webhook import Answer, Delivery, ForgedError, WebhookConfig

SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
STAMP = "1693657560000"
AT = datetime.fromtimestamp(1693657560, UTC)
URL = "https://www.example.com/webhook_uri"
BODY = b"{'example_field':'example_value'}"
VECTOR = "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="
V3, TIME = "x-hubspot-signature-v3", "x-hubspot-request-timestamp"


def reader(secret: str = SECRET, account_id: str | None = "62515") -> HubSpotWebhook:
    return HubSpotWebhook(WebhookConfig(secret=secret, account_id=account_id))


def delivery(**changes: Any) -> Delivery:
    headers = {V3: VECTOR, TIME: STAMP}
    return Delivery(**{"url": URL, "headers": headers, "body": BODY, "at": AT, **changes})


def signed(source: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), source, "sha256")).decode()


def test_the_connector_says_that_it_reads_webhooks() -> None:
    assert PLUGIN.webhook is not None
    assert isinstance(PLUGIN.webhook(WebhookConfig(secret=SECRET)), HubSpotWebhook)
    assert reader().answer() == Answer()


def test_the_example_of_hubspot_is_accepted() -> None:
    reader().verify(delivery())


@pytest.mark.parametrize(
    ("url", "as_signed"),
    [
        ("/x?a=b%2Fc%3Fd", "/x?a=b/c?d"),
        (
            "/x?q=%3A%2F%3F%40%21%24%27%28%29%2A%2C%3B%3a",
            "/x?q=:/?@!$'()*,;:",
        ),
        ("/x?q=%20%26%3D%2B%25%23%C3%A9%2541", "/x?q=%20%26%3D%2B%25%23%C3%A9%2541"),
    ],
)
def test_the_url_is_signed_with_twelve_characters_decoded(url: str, as_signed: str) -> None:
    source = f"POSThttps://h.example{as_signed}".encode() + BODY + STAMP.encode()
    headers = {V3: signed(source), TIME: STAMP}
    reader().verify(delivery(url=f"https://h.example{url}", headers=headers))


def test_it_agrees_with_the_sdk_on_any_body() -> None:
    text = '[{"a":"é\u2028"}]'
    signature = Signature.get_signature(SECRET, text, "v3", URL, "POST", STAMP)
    reader().verify(delivery(body=text.encode(), headers={V3: signature, TIME: STAMP}))


@pytest.mark.parametrize("seconds", [-300, -299, 0, 299, 300])
def test_a_stamp_may_be_five_minutes_off_either_way(seconds: int) -> None:
    reader().verify(delivery(at=AT + timedelta(seconds=seconds)))


@pytest.mark.parametrize("seconds", [-301, 301, 86_400])
def test_a_stamp_further_off_is_refused(seconds: int) -> None:
    with pytest.raises(ForgedError, match="five minutes"):
        reader().verify(delivery(at=AT + timedelta(seconds=seconds)))


def test_signatures_of_versions_1_and_2_alone_are_refused() -> None:
    first = hashlib.sha256(SECRET.encode() + BODY).hexdigest()
    second = hashlib.sha256(f"{SECRET}POST{URL}".encode() + BODY).hexdigest()
    for version, signature in (("v1", first), ("v2", second)):
        headers = {"x-hubspot-signature": signature, "x-hubspot-signature-version": version, TIME: STAMP}
        with pytest.raises(ForgedError, match="version 3"):
            reader().verify(delivery(headers=headers))
        with pytest.raises(ForgedError, match="does not fit"):
            reader().verify(delivery(headers={V3: signature, TIME: STAMP}))


@pytest.mark.parametrize(
    "changes",
    [
        {"body": BODY + b" "},
        {"body": b""},
        {"url": URL + "?"},
        {"url": URL.replace("https", "http")},
        {"url": URL.replace("www.", "")},
        {"url": URL + "\udc80é"},
        {"method": "PUT"},
        {"headers": {V3: VECTOR, TIME: "1693657560001"}},
        {"headers": {V3: VECTOR[:-1], TIME: STAMP}},
        {"headers": {V3: VECTOR + "=", TIME: STAMP}},
        {"headers": {V3: " " + VECTOR, TIME: STAMP}},
        {"headers": {V3: VECTOR.lower(), TIME: STAMP}},
        {"headers": {V3: "", TIME: STAMP}},
        {"headers": {V3: "ÿé\udc80", TIME: STAMP}},
        {"headers": {V3: "K" * 100_000, TIME: STAMP}},
        {"headers": {TIME: STAMP}},
        {"headers": {V3: VECTOR}},
        {"headers": {}},
        *(
            {"headers": {V3: VECTOR, TIME: stamp}}
            for stamp in ("", "now", "-1", "1e12", "NaN", " 1693657560000")
        ),
        *({"headers": {V3: VECTOR, TIME: stamp}} for stamp in ("9" * 19, "1" * 5_000, "١٦٩٣٦٥٧٥٦٠٠٠٠", "²")),
        {"headers": {V3: VECTOR, TIME: "01693657560000"}},
        {"headers": {V3: VECTOR, TIME: STAMP + "\n"}},
    ],
)
def test_what_is_signed_otherwise_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ForgedError) as refused:
        reader().verify(delivery(**changes))
    assert VECTOR not in refused.value.reason
    assert SECRET not in refused.value.reason


def test_another_secret_and_no_secret_open_nothing() -> None:
    with pytest.raises(ForgedError, match="does not fit"):
        reader("z" * 36).verify(delivery())
    headers = {V3: base64.b64encode(hmac.digest(b"", b"POST" + URL.encode() + BODY, "sha256")).decode()}
    with pytest.raises(ForgedError, match="no secret"):
        reader("").verify(delivery(headers={**headers, TIME: STAMP}))


@given(st.dictionaries(st.sampled_from([V3, TIME, "x-hubspot-signature"]), st.text()), st.text(), st.binary())
def test_whatever_headers_are_refused_and_nothing_else(
    headers: dict[str, str], url: str, body: bytes
) -> None:
    with pytest.raises(ForgedError):
        reader().verify(delivery(headers=headers, url=url, body=body))

"""What no well-behaved program sends: bodies and queries, each with the field at fault."""

from __future__ import annotations

import json
from typing import Any

from connectors.records import JSON

LONG = "x" * 900_000
DEEP = 2_000


def _with(name: str, raw: str) -> bytes:
    """A good customer, but for one member whose text is as it stands."""
    return b'{"customer_name": "A", "%s": %s}' % (name.encode(), raw.encode("utf-8", "surrogatepass"))


def _value(name: str, value: Any) -> bytes:
    return json.dumps({"customer_name": "A", name: value}).encode()


UNREADABLE: dict[str, tuple[bytes, str]] = {
    "blanks": (b" \r\n", ""),
    "no JSON": (b"hello", ""),
    "truncated": (b'{"customer_name": "A"', ""),
    "truncated in a text": (b'{"customer_name": "A', ""),
    "two values": (b"{}{}", ""),
    "a comment": (b'{/* */"customer_name": "A"}', ""),
    "a trailing comma": (b'{"customer_name": "A",}', ""),
    "single quotes": (b"{'customer_name': 'A'}", ""),
    "byte order mark": (b'\xef\xbb\xbf{"customer_name": "A"}', ""),
    "UTF-16": ('{"customer_name": "A"}'.encode("utf-16"), ""),
    "bad UTF-8": (b'{"customer_name": "\xff\xfe"}', ""),
    "overlong UTF-8": (b'{"customer_name": "\xc0\x80"}', ""),
    "surrogate bytes": (b'{"customer_name": "\xed\xa0\x80"}', ""),
    "lone surrogate": (_with("email", '"\\ud800"'), "email"),
    "reversed surrogates": (_with("email", '"\\udc00\\ud800"'), "email"),
    "lone surrogate below": (_with("custom_data", '{"a": ["\\udfff"]}'), "custom_data"),
    "lone surrogate in a key": (_with("custom_data", '{"\\ud800": 1}'), "custom_data"),
    "NUL": (_with("email", '"\\u0000"'), "email"),
    "NUL in a key": (_with("custom_data", '{"\\u0000": 1}'), "custom_data"),
    "raw NUL": (b'{"customer_name": "\x00"}', ""),
    "NaN": (_with("custom_data", '{"a": NaN}'), ""),
    "Infinity": (_with("custom_data", '{"a": Infinity}'), ""),
    "minus Infinity": (_with("custom_data", '{"a": -Infinity}'), ""),
    "1e999": (_with("custom_data", '{"a": 1e999}'), ""),
    "2^70": (_with("custom_data", f'{{"a": {2**70}}}'), ""),
    "-2^70": (_with("custom_data", f'{{"a": -{2**70}}}'), ""),
    "5,000 digits": (_with("custom_data", '{"a": %s}' % ("9" * 5_000)), ""),
    "a number with a leading zero": (_with("custom_data", '{"a": 01}'), ""),
    "hexadecimal": (_with("custom_data", '{"a": 0x10}'), ""),
    "a key twice": (b'{"customer_name": "A", "customer_name": "B"}', ""),
    "a key twice below": (_with("custom_data", '{"a": 1, "a": 2}'), ""),
    "33 deep": (_with("custom_data", '{"a":' * 33 + "1" + "}" * 33), ""),
    "2,000 deep": (_with("custom_data", '{"a":' * DEEP + "1" + "}" * DEEP), ""),
    "100,000 open brackets": (b"[" * 100_000, ""),
}
"""400: the body cannot be read."""

WRONG: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", ""),
    "no object": (b"[]", ""),
    "a number": (b"1", ""),
    "a text": (b'"x"', ""),
    "null": (b"null", ""),
    "true": (b"true", ""),
    "no name": (b"{}", "customer_name"),
    "unknown field": (_value("colour", "red"), "colour"),
    "prototype": (_value("__proto__", {}), "__proto__"),
    "an id of ours": (_value("id", "1"), "id"),
    "another organisation": (_value("organisation_id", "1"), "organisation_id"),
    "a version": (_value("version", 7), "version"),
    "no e-mail address": (_value("email", "a b@c"), "email"),
    "an e-mail address of 1 MB": (_value("email", LONG), "email"),
    "a name of 1 MB": (_value("customer_name", LONG), "customer_name"),
    "a phone number of 1 MB": (_value("phone_number", LONG), "phone_number"),
    "an external id of 256": (_value("external_id", "x" * 256), "external_id"),
    "a line of 1 MB": (_value("address", {"line1": LONG}), "address"),
    "an address in a list": (_value("address", [{"line1": "x"}]), "address"),
    "51 tax ids": (
        _value("tax_info", [{"country_code": "EU", "tax_code": "VAT", "tax_id": "1"}] * 51),
        "tax_info",
    ),
    "a tax id in another shape": (_value("tax_info", [1]), "tax_info.0"),
    "a flag as a text": (_value("auto_charge_enabled", "true"), "auto_charge_enabled"),
    "a flag as a number": (_value("auto_charge_enabled", 1), "auto_charge_enabled"),
    "a flag that is null": (_value("auto_charge_enabled", None), "auto_charge_enabled"),
    "an entity that is no UUID": (_value("business_entity_id", "x"), "business_entity_id"),
    "a connector that is a text": (_value("connector", "salesforce"), "connector"),
}
"""422: a value cannot be taken."""

TYPES: tuple[JSON, ...] = (1, -1.5, True, "1", "true", "x", [], [["x"]], {}, {"x": "y"}, 10**17)

GOOD: dict[str, bytes] = {
    "emoji": _value("customer_name", "👩‍👩‍👧‍👦 Ltd 🏴󠁧󠁢󠁳󠁣󠁴󠁿"),
    "right to left": _value("customer_name", "\u202eשלום بالعالم\u202c"),
    "combining": _value("customer_name", "Z" + "\u0301" * 50),
    "astral": _value("customer_name", "𝕬\U0010fffd"),
    "an escaped pair": _with("customer_attributes", "{}")
    .replace(b"customer_attributes", b"custom_data")
    .replace(b'"A"', b'"\\ud83d\\ude00"'),
    "numbers as texts": _value("custom_data", {"a": "1", "b": "1e999", "c": "NaN"}),
    "18 digits": _value("custom_data", {"a": 10**18 - 1}),
    "an external id with a quote": _value("external_id", "x' OR '1'='1"),
    "a formula": _value("customer_name", "=cmd|' /C calc'!A0"),
    "a tag": _value("customer_name", "<script>alert(1)</script>"),
}
"""Strange, and good."""

QUERIES: dict[str, tuple[str, str]] = {
    "unknown": ("colour=red", "colour"),
    "NUL": ("external_id=a%00b", ""),
    "half a pair": ("external_id=%ED%A0%80", ""),
    "bad UTF-8": ("external_id=%ff%fe", ""),
    "limit 0": ("limit=0", "limit"),
    "limit 2^70": (f"limit={2**70}", "limit"),
    "limit of 400 digits": (f"limit={'9' * 400}", "limit"),
    "limit NaN": ("limit=NaN", "limit"),
    "limit 1.5": ("limit=1.5", "limit"),
    "a limit in Arabic digits and a letter": ("limit=%D9%A1x", "limit"),
    "year 0": ("created_at__gte=0000-01-01T00:00:00Z", "created_at__gte"),
    "year 99999": ("created_at__gte=99999-01-01T00:00:00Z", "created_at__gte"),
    "no such day": ("created_at__gte=2026-02-30T00:00:00Z", "created_at__gte"),
    "a zone that overflows": ("created_at__lte=9999-12-31T23:59:59-23:59", "created_at__lte"),
    "a zone that underflows": ("created_at__gte=0001-01-01T00:00:00%2B23:59", "created_at__gte"),
    "a time of 30 digits": (f"updated_at__gte={'9' * 30}", "updated_at__gte"),
    "a time that is infinite": ("updated_at__gte=inf", "updated_at__gte"),
    "an order that is none": ("order=created_at;DROP", "order"),
    "ids that are none": ("id__in=1,2", "id__in"),
    "201 ids": ("id__in=" + ",".join(["0" * 32] * 201), "id__in"),
    "a cursor that is none": ("cursor=%2F%2F%2F", "cursor"),
    "a cursor of another list": ("cursor=W10", "cursor"),
    "a text that is too long": (f"external_id={'x' * 256}", "external_id"),
    "10,000 parameters": ("&".join(["a=1"] * 7_000), "a"),
}
"""4xx: the query cannot be taken; an empty field where all of it cannot be read."""

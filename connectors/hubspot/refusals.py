"""Reads what HubSpot says when it refuses something, as far as it may be repeated.

Messages repeat values. So only names, codes and record ids are taken from them, each held against a pattern.
All fields of an error body are optional, and details come in two forms: as `errors`, or as JSON inside the
message. Source: HubSpot docs, error handling; recorded answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

UNKNOWN_PROPERTY = "PROPERTY_DOESNT_EXIST"
TAKEN = "CONFLICTING_UNIQUE_VALUE"
NOT_FOUND = "OBJECT_NOT_FOUND"

_CODE = re.compile(r"[A-Z][A-Z0-9_]{1,60}")
PROPERTY_NAME = re.compile(r"[A-Za-z0-9_]{1,100}")
_LISTED = re.compile(r"Property values were not valid: (\[.*\])", re.DOTALL)
_MISSING = re.compile(r'Property "?([A-Za-z0-9_]{1,100})"? does not exist')
_OWNER = re.compile(r"(\d{1,20}) already has that value\W*$")
_EXISTING = re.compile(r"Existing ID: (\d{1,20})")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one property; `owner` is the record that has the unique value, if it is told."""

    name: str
    code: str
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error body, or one entry of the `errors` of a batch; blank where it says nothing."""

    category: str
    policy: str
    context: Mapping[str, tuple[str, ...]]
    problems: tuple[Problem, ...]
    existing: str | None


def read_refusal(found: object) -> Refusal:
    """Read an error body that was parsed as JSON, whatever of it is there."""
    body = found if isinstance(found, dict) else {}
    message = _text(body.get("message"))
    existing = _EXISTING.search(message)
    return Refusal(
        category=_matching(_CODE, body.get("category")),
        policy=_matching(_CODE, body.get("policyName")),
        context=lists_of(body.get("context")),
        problems=tuple(_problems(body, message)),
        existing=existing[1] if existing else None,
    )


def parse_refusal(body: bytes | str) -> Refusal:
    """Read the body of an answer; HTML and the like say nothing."""
    try:
        return read_refusal(msgspec.json.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return read_refusal(None)


def _problems(body: Mapping[str, object], message: str) -> list[Problem]:
    errors = body.get("errors")
    found = [_problem(each) for each in errors if isinstance(each, dict)] if isinstance(errors, list) else []
    named = [each for each in found if each is not None]
    if named:
        return named
    if listed := _LISTED.search(message):
        try:
            items = msgspec.json.decode(listed[1])
        except msgspec.DecodeError:
            items = []
        named = [each for item in items if isinstance(item, dict) and (each := _problem(item)) is not None]
    if not named and (missing := _MISSING.match(message)):
        named = [Problem(missing[1], UNKNOWN_PROPERTY)]
    return named


def _problem(item: Mapping[str, object]) -> Problem | None:
    """One property's error: of an error body's `errors`, or of the list inside a message."""
    names = lists_of(item.get("context")).get("propertyName", ())
    name = _matching(PROPERTY_NAME, names[0] if names else item.get("name"))
    if not name:
        return None
    code = _matching(_CODE, item.get("code") or item.get("error"))
    owner = _OWNER.search(_text(item.get("message")))
    return Problem(name, TAKEN if owner else code, owner[1] if owner else None)


def lists_of(found: object) -> dict[str, tuple[str, ...]]:
    """The lists of texts in an object, such as an error's context."""
    if not isinstance(found, dict):
        return {}
    return {
        str(name): tuple(each for each in given if isinstance(each, str))
        for name, given in found.items()
        if isinstance(given, list)
    }


def _text(found: object) -> str:
    return found if isinstance(found, str) else ""


def _matching(pattern: re.Pattern[str], found: object) -> str:
    text = _text(found)
    return text if pattern.fullmatch(text) else ""

"""Composite: up to 25 calls in one, each answered as it would be alone.

Source: REST API developer guide, Composite: at most 5 of the calls are queries or collections; with
allOrNone one failure rolls all back and halts the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, unquote

import orjson

from connectors.salesforce.sandbox.errors import JSON_PARSER_ERROR, ApiError, locked, no_resource
from connectors.salesforce.sandbox.state import SalesforceState
from connectors.salesforce.sandbox.wire import Answer, Call
from connectors.sandbox.faults import Fault, FaultRule

MAX_CALLS, MAX_HEAVY = 25, 5
_ROLLED_BACK = "The transaction was rolled back since another operation in the same transaction failed."


Dispatch: TypeAlias = "Callable[[SalesforceState, Call], Answer]"
"""Answers a call by its path, errors included."""


class _Halted(Exception):
    """Leaves the transaction of a composite call with allOrNone in which a part failed."""


def composite(state: SalesforceState, call: Call, dispatch: Dispatch) -> Answer:
    """POST composite."""
    body = call.record()
    parts, all_or_none = _parts(body), body.get("allOrNone") is True
    failing = _failing(state, call.fault, parts)
    answers: list[Answer] = []
    try:
        with state.store.transaction() if all_or_none else nullcontext():
            for place, part in enumerate(parts):
                answers.append(_answer(state, call, part, dispatch, fails=place in failing))
                if all_or_none and answers[-1].status >= 300:
                    raise _Halted
    except _Halted:
        answers = [*(_halted() for _ in answers[:-1]), answers[-1]]
        answers += [_halted() for _ in parts[len(answers) :]]
    shown = [
        {
            "body": answer.body,
            "httpHeaders": answer.headers,
            "httpStatusCode": answer.status,
            "referenceId": part["referenceId"],
        }
        for part, answer in zip(parts, answers, strict=True)
    ]
    return Answer(200, {"compositeResponse": shown})


def _answer(
    state: SalesforceState, call: Call, part: dict[str, Any], dispatch: Dispatch, *, fails: bool
) -> Answer:
    try:
        inner = _inner(call, part)
        if fails:
            raise locked(inner.path[-1])
    except ApiError as error:
        return Answer(error.status, error.body())
    return dispatch(state, inner)


def _inner(call: Call, part: dict[str, Any]) -> Call:
    path, _, query = part["url"].partition("?")
    segments = path.split("/")
    if segments[:3] != ["", "services", "data"] or len(segments) < 5 or "@{" in part["url"]:
        raise no_resource()
    version = segments[3]
    if not version.startswith("v") or not version.endswith(".0") or not version[1:-2].isdecimal():
        raise no_resource()
    body, headers = part.get("body"), part.get("httpHeaders") or {}
    if not isinstance(headers, dict):
        raise ApiError(JSON_PARSER_ERROR, "The value of httpHeaders is a JSON object")
    return Call(
        method=part["method"],
        version=int(version[1:-2]),
        path=tuple(unquote(segment) for segment in segments[4:] if segment),
        query=dict(parse_qsl(query, keep_blank_values=True)),
        headers={name.lower(): str(value) for name, value in headers.items()},
        body=b"" if body is None else orjson.dumps(body),
        instance=call.instance,
        actor=call.actor,
    )


def _parts(body: dict[str, Any]) -> list[dict[str, Any]]:
    parts = body.get("compositeRequest")
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise ApiError(JSON_PARSER_ERROR, "The value of compositeRequest is a list of calls")
    if len(parts) > MAX_CALLS:
        message = f"Cannot have more than {MAX_CALLS} operations in a single request"
        raise ApiError("LIMIT_EXCEEDED", message)
    names = set()
    for part in parts:
        for key in ("method", "url", "referenceId"):
            if not isinstance(part.get(key), str) or not part[key]:
                raise ApiError(JSON_PARSER_ERROR, f"A call of a composite request needs {key}")
        names.add(part["referenceId"])
    if len(names) < len(parts):
        raise ApiError("INVALID_INPUT", "A referenceId is given to two calls")
    heavy = sum(1 for part in parts if _is_heavy(part["url"]))
    if heavy > MAX_HEAVY:
        message = f"Cannot have more than {MAX_HEAVY} query or collection operations in a single request"
        raise ApiError("LIMIT_EXCEEDED", message)
    return parts


def _is_heavy(url: str) -> bool:
    path = url.partition("?")[0]
    return any(part in path for part in ("/query", "/queryAll", "/composite/sobjects"))


def _failing(state: SalesforceState, rule: FaultRule | None, parts: list[Any]) -> frozenset[int]:
    writes = [place for place, part in enumerate(parts) if part["method"].upper() != "GET"]
    if rule is None or not writes:
        return frozenset()
    if rule.fault is Fault.LOCK:
        return frozenset(writes)
    if rule.fault is Fault.PARTIAL:
        return frozenset(writes[place] for place in state.faults.failing(rule, len(writes)))
    return frozenset()


def _halted() -> Answer:
    return Answer(400, [{"errorCode": "PROCESSING_HALTED", "message": _ROLLED_BACK}])

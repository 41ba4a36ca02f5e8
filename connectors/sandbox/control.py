"""The routes under /_sandbox/: what no CRM has, and what tests, demos and oracles need.

They are generic over `SandboxState`, need no token, are never counted as calls and never struck by a
fault. An edit made here is one that a person makes in the CRM's own pages.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.sandbox.faults import FaultRule, Faults

PERSON = "A. Person"
"""The name of the user who makes an edit that names none."""


class ControlError(ValueError):
    """What was asked under /_sandbox/ cannot be done; the text says why. Answered with 400."""


class SandboxState(Protocol):
    """What a CRM's state gives to the control routes. Methods raise `ControlError` on wrong input."""

    @property
    def faults(self) -> Faults:
        """The faults in force."""
        ...

    def counts(self) -> Mapping[str, Any]:
        """`calls` {kind: n}, `writes` (rows written since the reset) and `records` (live ones)."""
        ...

    def reset_counts(self) -> None:
        """Set `calls` and `writes` to nothing."""
        ...

    def person_edit(self, record_id: str, fields: Mapping[str, Any], *, user: str) -> Mapping[str, Any]:
        """Change fields of a record as a person; answers at least {"id"}."""
        ...

    def person_create(self, fields: Mapping[str, Any], *, user: str) -> Mapping[str, Any]:
        """Make a record as a person; answers at least {"id"}."""
        ...

    def person_delete(self, record_id: str, *, user: str) -> Mapping[str, Any]:
        """Delete a record as a person."""
        ...

    def person_undelete(self, record_id: str, *, user: str) -> Mapping[str, Any]:
        """Bring a deleted record back as a person."""
        ...

    def person_merge(self, winner: str, losers: Sequence[str], *, user: str) -> Mapping[str, Any]:
        """Merge records as a person; answers {"id"} of the record that is left."""
        ...

    def raw_records(self) -> Iterable[Mapping[str, Any]]:
        """Every record as the state holds it, deleted ones too."""
        ...

    def history(self, since: int) -> Iterable[Mapping[str, Any]]:
        """Every change after number `since`, oldest first.

        Each has `seq`, `at`, `id`, `user`, `source`, `kind` and `changed` {field: [before, after]}.
        """
        ...

    def settings(self) -> Mapping[str, Any]:
        """The knobs and where they stand."""
        ...

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Set some knobs; none is set if one is wrong."""
        ...


_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]

Handler = Callable[[Request], Awaitable[Response]]


class Sent(Protocol):
    """What the CRM sent by itself (`connectors.sandbox.outbox.Outbox`)."""

    def shown(self, since: int = 0) -> Mapping[str, Any]:
        """`counts`, and `deliveries` after number `since`."""
        ...

    def clear(self) -> None:
        """Forget what was sent so far."""
        ...


def control_routes(state: SandboxState, sent: Sent | None = None) -> list[Route]:
    """The routes of `state`, to be put before the CRM's own; without `sent` there are no deliveries."""

    async def stats(_: Request) -> Response:
        return _json({**state.counts(), "faults": state.faults.counts()})

    async def reset(_: Request) -> Response:
        state.reset_counts()
        state.faults.injected.clear()
        return Response(status_code=204)

    async def get_faults(_: Request) -> Response:
        return _json(
            [
                {name: getattr(rule, name) for name in FaultRule.__dataclass_fields__}
                for rule in state.faults.rules
            ]
        )

    async def put_faults(request: Request) -> Response:
        rules = await _body(request, list)
        if not all(isinstance(rule, dict) for rule in rules):
            raise ControlError("the body is a list of fault rules, each a JSON object")
        state.faults.set([FaultRule.of(rule) for rule in rules])
        return Response(status_code=204)

    async def delete_faults(_: Request) -> Response:
        state.faults.clear()
        return Response(status_code=204)

    async def edit(request: Request) -> Response:
        body = await _body(request, dict)
        answer = state.person_edit(_text(body, "id"), _object(body, "fields"), user=_user(body))
        return _json(answer)

    async def create(request: Request) -> Response:
        body = await _body(request, dict)
        return _json(state.person_create(_object(body, "fields"), user=_user(body)), status=201)

    async def delete(request: Request) -> Response:
        body = await _body(request, dict)
        return _json(state.person_delete(_text(body, "id"), user=_user(body)))

    async def undelete(request: Request) -> Response:
        body = await _body(request, dict)
        return _json(state.person_undelete(_text(body, "id"), user=_user(body)))

    async def merge(request: Request) -> Response:
        body = await _body(request, dict)
        losers = body.get("losers")
        if not isinstance(losers, list) or not losers or not all(isinstance(each, str) for each in losers):
            raise ControlError("losers is a list of at least one id")
        return _json(state.person_merge(_text(body, "winner"), losers, user=_user(body)))

    async def records(_: Request) -> Response:
        return _json(list(state.raw_records()))

    async def history(request: Request) -> Response:
        return _json(list(state.history(_since(request))))

    async def get_settings(_: Request) -> Response:
        return _json(state.settings())

    async def put_settings(request: Request) -> Response:
        state.configure(await _body(request, dict))
        return _json(state.settings())

    async def deliveries(request: Request) -> Response:
        if sent is None:
            return await nothing(request)
        if request.method == "GET":
            return _json(sent.shown(_since(request)))
        sent.clear()
        return Response(status_code=204)

    async def nothing(request: Request) -> Response:
        return _json({"error": f"there is no {request.method} {request.url.path}"}, status=404)

    table: list[tuple[str, str, Handler]] = [
        ("GET", "stats", stats),
        ("POST", "stats/reset", reset),
        ("GET", "faults", get_faults),
        ("PUT", "faults", put_faults),
        ("DELETE", "faults", delete_faults),
        ("POST", "edit", edit),
        ("POST", "create", create),
        ("POST", "delete", delete),
        ("POST", "undelete", undelete),
        ("POST", "merge", merge),
        ("GET", "records", records),
        ("GET", "history", history),
        ("GET", "settings", get_settings),
        ("PUT", "settings", put_settings),
        ("GET", "deliveries", deliveries),
        ("DELETE", "deliveries", deliveries),
    ]
    routes = [
        Route(f"/_sandbox/{path}", _guard(handler), methods=[method]) for method, path, handler in table
    ]
    return [*routes, Route("/_sandbox/{rest:path}", nothing, methods=_METHODS)]


def _guard(handler: Handler) -> Handler:
    async def guarded(request: Request) -> Response:
        try:
            return await handler(request)
        except ValueError as error:
            return _json({"error": str(error)}, status=400)

    return guarded


def _json(value: object, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status_code=status, media_type="application/json")


async def _body(request: Request, kind: type) -> Any:
    try:
        value = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise ControlError(f"the body is not JSON: {error}") from error
    if not isinstance(value, kind):
        raise ControlError(f"the body is a JSON {'list' if kind is list else 'object'}")
    return value


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise ControlError(f"{name} is a text and not blank")
    return value


def _object(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    if not isinstance(value, dict):
        raise ControlError(f"{name} is a JSON object")
    return value


def _since(request: Request) -> int:
    since = request.query_params.get("since", "0")
    if not since.isdecimal():
        raise ControlError("since is a whole number")
    return int(since)


def _user(body: Mapping[str, Any]) -> str:
    return _text(body, "user") if body.get("user") is not None else PERSON

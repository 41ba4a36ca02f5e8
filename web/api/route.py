"""How every route of the API takes a request: the caller, then the address, then the body, each strictly."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import unquote_to_bytes

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.dependencies.models import Dependant
from fastapi.responses import Response
from fastapi.routing import APIRoute

from connectors.records import JSON
from connectors.strict import UnreadableError, read_json
from web.api.caller import admit, allowed_of
from web.body import read_body
from web.problems import Refusal, wrong

_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class _Read(Request):
    """A request whose body was read by our own reader, not by the standard one."""

    raw: bytes = b""
    value: JSON = None

    async def body(self) -> bytes:
        """The body as it came in."""
        return self.raw

    async def json(self) -> Any:
        """The value of the body."""
        return self.value


class ApiRoute(APIRoute):
    """A route that belongs to an organisation: one that does not say who may call it cannot be made."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        # A short and stable name for clients that are made of the description.
        options["operation_id"] = options.get("operation_id") or endpoint.__name__
        super().__init__(path, endpoint, **options)
        if len(allowed_of(self.dependant)) != 1:
            raise TypeError(f"{path} does not say who may call it: a Reader, Writer, Reviewer or Admin")

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers a request."""
        handle = super().get_route_handler()
        known = _query_names(self.dependant)

        async def strict(request: Request) -> Response:
            caller = await run_in_threadpool(admit, request.app.state.site, request.headers)
            for allowed in allowed_of(self.dependant):
                allowed.check(caller)
            request.state.caller = caller
            _check_address(request, known)
            read = _Read(request.scope, request.receive)
            if request.method in _WITH_BODY:
                read.raw = await read_body(request)
                read.value = _parsed(request, read.raw)
            return await handle(read)

        return strict


def _query_names(dependant: Dependant) -> set[str]:
    names = {each.alias for each in dependant.query_params}
    return names.union(*(_query_names(each) for each in dependant.dependencies))


def _check_address(request: Request, known: set[str]) -> None:
    query: bytes = request.scope["query_string"]
    if b"%00" in query or "\0" in request.scope["path"]:
        raise Refusal(400, "The address holds a NUL character.")
    try:
        unquote_to_bytes(query).decode()
    except UnicodeDecodeError:
        raise Refusal(400, "The query of the address is not UTF-8.") from None
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        reason = f"is unknown here; known are: {', '.join(sorted(known)) or 'none'}"
        errors = [wrong(reason, "query", name, kind="extra_forbidden") for name in unknown]
        raise Refusal(422, "The request cannot be taken.", errors=errors)


def _parsed(request: Request, raw: bytes) -> JSON:
    if not raw:
        return None
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refusal(415, "Content-Type: send application/json")
    try:
        return read_json(raw)
    except UnreadableError as error:
        place = ("body", error.field) if error.field else ("body",)
        reason = f"The body cannot be read: {error.reason}."
        raise Refusal(400, reason, errors=[wrong(error.reason, *place, kind="json_invalid")]) from None

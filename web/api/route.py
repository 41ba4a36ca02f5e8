"""How every route of the API takes a request: the caller, then the address, then the body, each strictly."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from copy import deepcopy
from functools import wraps
from typing import Any
from urllib.parse import unquote_to_bytes

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute

from connectors.records import JSON
from connectors.strict import UnreadableError, read_json
from web.api.caller import HEADERS, Admission, allowed_of
from web.api.upload import incoming
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
        options["openapi_extra"] = {**deepcopy(HEADERS), **(options.get("openapi_extra") or {})}
        super().__init__(path, _admitting(endpoint), **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers a request."""
        handle = super().get_route_handler()
        known = _query_names(self.dependant)
        found = allowed_of(self.dependant)
        if len(found) != 1:
            raise TypeError(f"{self.path} does not say who may call it: a Reader, Writer, Reviewer or Admin")
        allowed, takes_file = found[0], any(each.call is incoming for each in self.dependant.dependencies)

        async def strict(request: Request) -> Response:
            admission = request.state.admission = Admission(request, allowed)
            read = _Read(request.scope, request.receive)
            if takes_file:
                await run_in_threadpool(admission)
                _check_address(request, known)
                return await handle(request)
            if request.method in _WITH_BODY:
                await run_in_threadpool(admission)
                _check_address(request, known)
                read.raw = await read_body(request)
                read.value = _parsed(request, read.raw)
                return await handle(read)
            try:
                # The caller is looked up where the answer is made: a second thread would cost more than that.
                _check_address(request, known)
                return await handle(read)
            except (Refusal, RequestValidationError):
                if not admission.tried:  # who may not call is told so, and nothing of the address
                    await run_in_threadpool(admission)
                raise

        return strict


def _admitting(endpoint: Callable[..., Response]) -> Callable[..., Response]:
    """An endpoint that is called with the caller, made of the admission that the request stands for."""

    @wraps(endpoint)
    def admitted(**values: Any) -> Response:
        return endpoint(
            **{name: each() if isinstance(each, Admission) else each for name, each in values.items()}
        )

    return admitted


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
